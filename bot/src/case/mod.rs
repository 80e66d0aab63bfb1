//! Cases and what they are made of. Pure data; the stores stand behind one trait.

mod claim;

pub use claim::Accused;
pub use claim::Activity;
pub use claim::Claim;
pub use claim::ClaimProtocol;
pub use claim::ClaimWindow;
pub use claim::Disposition;
pub use claim::Parsed;
pub use claim::Remote;
pub use claim::ZoneSource;
