//! Asking over SSM Run Command: one document, one parameter, and an answer within 24,000 characters.
//!
//! Owns the order of calls (is the host there, send, poll), their patience, and how SSM's many ways to say no
//! become one of our answers. The same question to many hosts is one command for up to 50 of them (`batch`), and
//! their states are read together (`states`): SSM allows few calls a second. What did not fit into an answer that matters
//! comes by page (`pages`). Refuses to run anything but the configured document.

mod batch;
mod pages;
mod states;

use std::time::Duration;
use std::time::Instant;

use async_trait::async_trait;
use history::Request;
use jiff::Timestamp;

use super::HostHistory;
use super::Signals;
use super::check;
use crate::aws::Place;
use crate::aws::Places;
use crate::case::Answer;
use crate::case::HostRef;
use crate::case::store::Ticket;
use batch::Batches;
use batch::Sending;
use states::States;

/// The document's one parameter.
const PARAMETER: &str = "Query";

/// Asks hosts over SSM.
#[derive(Debug, Clone)]
pub struct SsmHistory {
    places: Places,
    /// How long a host may take to answer.
    deadline: Duration,
    batches: Batches,
    states: States,
}

impl SsmHistory {
    /// Asks by this document, with these patiences: how long a host may take to answer, and SSM to hand the
    /// command over.
    pub fn new(places: Places, document: &str, deadline: Duration, delivery_s: u32) -> Self {
        let sending = Sending { document: document.to_owned(), delivery_s };
        Self { places, deadline, batches: Batches::new(sending), states: States::default() }
    }

    /// Hears of commands that ended, beside polling.
    pub fn hearing(self, signals: Signals) -> Self {
        Self { states: States::hearing(signals), ..self }
    }

    fn place(&self, host: &HostRef) -> Option<Place> {
        self.places.matching(host.account.as_deref(), host.region.as_deref()).into_iter().next()
    }
}

#[async_trait]
impl HostHistory for SsmHistory {
    async fn ask(&self, host: &HostRef, request: &Request) -> Result<Ticket, Answer> {
        let (Some(id), Some(place)) = (&host.instance_id, self.place(host)) else {
            return Err(unreachable("no instance id: there is no host that SSM could ask"));
        };
        if matches!(host.state.as_deref(), Some("terminated" | "gone")) {
            return Err(unreachable(format!("{id} is terminated: SSM has nobody to ask")));
        }
        let query = history::encode_request(request).map_err(|error| Answer::RecorderFailed {
            reason: format!("the question cannot be written: {error}"),
        })?;
        let command = self.batches.ask(&place, id, query).await?;
        Ok(Ticket { command, sent: Timestamp::now() })
    }

    async fn answer(&self, host: &HostRef, request: &Request, ticket: &Ticket) -> Answer {
        let (Some(id), Some(place)) = (&host.instance_id, self.place(host)) else {
            return unreachable("no instance id: there is no host that SSM could ask");
        };
        let begun = Instant::now();
        match self.states.wait(place.ssm(), &ticket.command, id, self.deadline).await {
            Ok(output) => {
                let answer = check(&output, host, request, Timestamp::now());
                let left = self.deadline.saturating_sub(begun.elapsed());
                self.whole(&place, host, request, answer, output.len(), left).await
            }
            Err(answer) => answer,
        }
    }
}

fn unreachable(reason: impl Into<String>) -> Answer {
    Answer::Unreachable { reason: reason.into() }
}
