//! A ring on this machine: for the command line, and for a ring that was carried here.

use std::path::PathBuf;

use async_trait::async_trait;
use history::Host;
use history::Request;
use jiff::Timestamp;

use super::HostHistory;
use crate::case::Answer;
use crate::case::HostRef;
use crate::case::store::Ticket;

/// Answers from a ring folder.
#[derive(Debug, Clone)]
pub struct LocalRing {
    folder: PathBuf,
}

impl LocalRing {
    /// Reads this ring.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The one host that this ring can be of.
    pub fn host(&self) -> HostRef {
        HostRef {
            name: Some(self.folder.display().to_string()),
            why: format!("its ring was given: {}", self.folder.display()),
            ..HostRef::default()
        }
    }
}

#[async_trait]
impl HostHistory for LocalRing {
    async fn ask(&self, _host: &HostRef, _request: &Request) -> Result<Ticket, Answer> {
        if !self.folder.is_dir() {
            return Err(Answer::NoRecorder { reason: format!("{} is no folder", self.folder.display()) });
        }
        Ok(Ticket { command: "local".to_owned(), sent: Timestamp::now() })
    }

    async fn answer(&self, _host: &HostRef, request: &Request, _ticket: &Ticket) -> Answer {
        let (folder, request) = (self.folder.clone(), request.clone());
        let query = move || history::query(&folder, &request, Host::default());
        match tokio::task::spawn_blocking(query).await {
            Ok(Ok(evidence)) => Answer::evidence(evidence),
            Ok(Err(error)) => {
                Answer::RecorderFailed { reason: format!("cannot query {}: {error}", self.folder.display()) }
            }
            Err(_) => Answer::RecorderFailed {
                reason: format!("the query of {} did not end", self.folder.display()),
            },
        }
    }
}
