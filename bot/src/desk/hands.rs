//! What changes hosts and accounts, behind one trait; every call of it stands for a press of an authorised person.

use async_trait::async_trait;
use serde::Deserialize;
use serde::Serialize;
use thiserror::Error;

use crate::case::CaseId;
use crate::case::HostRef;

/// Why something was not done, in words for the person who pressed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct NotDone(pub String);

impl NotDone {
    /// With these words.
    pub fn because(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

/// A network interface and the security groups it is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// `eni-…`.
    pub id: String,
    /// `vpc-…`.
    pub vpc: String,
    /// `sg-…`, in their order.
    pub groups: Vec<String>,
}

/// What changes hosts and accounts.
#[async_trait]
pub trait Hands: Send + Sync {
    /// The interfaces of an instance as they are now.
    async fn interfaces(&self, host: &HostRef) -> Result<Vec<Interface>, NotDone>;

    /// The group that cuts off, in a VPC; refused where it lets traffic to everywhere through.
    async fn isolation_group(&self, host: &HostRef, vpc: &str) -> Result<String, NotDone>;

    /// Puts an interface into exactly these groups.
    async fn set_groups(&self, host: &HostRef, interface: &str, groups: &[String]) -> Result<(), NotDone>;

    /// Copies all volumes at one moment; copies that this round made before are returned instead.
    async fn snapshot(&self, host: &HostRef, case: &CaseId, round: u32) -> Result<Vec<String>, NotDone>;

    /// Stops a process, or lets it go on; refused unless it is the very process.
    async fn signal(&self, host: &HostRef, process: &str, go_on: bool) -> Result<String, NotDone>;
}

/// For a bot that may change nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHands;

fn nothing<T>() -> Result<T, NotDone> {
    Err(NotDone::because("this bot changes nothing"))
}

#[async_trait]
impl Hands for NoHands {
    async fn interfaces(&self, _host: &HostRef) -> Result<Vec<Interface>, NotDone> {
        nothing()
    }

    async fn isolation_group(&self, _host: &HostRef, _vpc: &str) -> Result<String, NotDone> {
        nothing()
    }

    async fn set_groups(&self, _host: &HostRef, _interface: &str, _groups: &[String]) -> Result<(), NotDone> {
        nothing()
    }

    async fn snapshot(&self, _host: &HostRef, _case: &CaseId, _round: u32) -> Result<Vec<String>, NotDone> {
        nothing()
    }

    async fn signal(&self, _host: &HostRef, _process: &str, _go_on: bool) -> Result<String, NotDone> {
        nothing()
    }
}
