//! Asking a host what its recorder kept.
//!
//! Owns the trait [`HostHistory`] and its transports: SSM, a ring on this machine, and the archive for who does not
//! answer; of who is not in that either, what the network's flow logs say. An answer is untrusted input: [`check`] says whether it may be believed to answer our question. Whatever goes
//! wrong with one host is an [`Answer`], never an error of the case.

mod archive;
mod check;
mod flow_logs;
mod local;
mod signals;
mod ssm;

use async_trait::async_trait;
use history::Request;

use crate::case::Answer;
use crate::case::HostRef;
use crate::case::store::Ticket;

pub use self::archive::WithArchive;
pub(crate) use self::archive::client as archive_client;
pub use check::CLOCK_NOTED;
pub use check::check;
pub use check::skew_s;
pub use flow_logs::WithFlowLogs;
pub use local::LocalRing;
pub use signals::Signals;
pub use ssm::SsmHistory;

#[cfg(test)]
pub(crate) fn tests_evidence(request: &Request) -> history::Evidence {
    check::tests::evidence(request, history::UnixNs::now())
}

/// How to ask hosts.
#[async_trait]
pub trait HostHistory: Send + Sync {
    /// Sends a question. What it returns is enough to fetch the answer, also after a restart.
    ///
    /// Returns an answer instead where it is certain at once that the host will not give one.
    async fn ask(&self, host: &HostRef, request: &Request) -> Result<Ticket, Answer>;

    /// Waits for the answer to a question that was sent, within the transport's deadline.
    async fn answer(&self, host: &HostRef, request: &Request, ticket: &Ticket) -> Answer;
}
