//! Stand-ins for the services that Gumshoe speaks to, as strict as the real ones.
//!
//! They answer on loopback only. A rule of the real service that a stand-in does not have is a
//! fault of the stand-in, since code that passes here must pass there.

mod aws;
pub mod cloud;
pub mod slack;

pub use self::aws::ANSWERS_FROM;
pub use self::aws::Aws;
pub use self::aws::ISOLATION_GROUP;
pub use self::aws::Managed;
pub use self::aws::REGION;
pub use self::aws::Refused;
