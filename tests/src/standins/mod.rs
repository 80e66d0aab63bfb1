//! Stand-ins for the services that Gumshoe speaks to, as strict as the real ones.
//!
//! They answer on loopback only. A rule of the real service that a stand-in does not have is a
//! fault of the stand-in, since code that passes here must pass there.

use std::sync::Arc;

mod aws;
pub mod cloud;
mod moto;
pub mod slack;

pub use self::aws::ANSWERS_FROM;
pub use self::aws::Aws;
pub use self::aws::ISOLATION_GROUP;
pub use self::aws::Managed;
pub use self::aws::REGION;
pub use self::aws::Refused;
pub use self::aws::secret_key;
pub use self::moto::Moto;

/// When a hook is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The call came in.
    Asked,
    /// It was done, and is not answered yet.
    Done,
}

/// What is called at each call, with its name. It says whether the call goes on: one that does not is not done, or not
/// answered.
pub type Hook = Arc<dyn Fn(&str, Moment) -> bool + Send + Sync>;
