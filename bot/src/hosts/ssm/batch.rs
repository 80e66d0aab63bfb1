//! One command for up to 50 hosts that are asked the same at the same time.
//!
//! The first who asks waits a moment for others; whoever comes within it, or fills the batch, goes along. Hosts
//! that SSM does not know are told so before, since one of them makes SSM refuse a whole command.

use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use aws_sdk_ssm::Client;
use aws_sdk_ssm::error::ProvideErrorMetadata;
use aws_sdk_ssm::types::InstanceInformation;
use aws_sdk_ssm::types::InstanceInformationStringFilter;
use aws_sdk_ssm::types::PingStatus;
use jiff::Timestamp;
use tokio::sync::oneshot;

use super::PARAMETER;
use super::unreachable;
use crate::aws::Place;
use crate::aws::reason;
use crate::case::Answer;

/// Hosts of one command: what SSM allows.
const HOSTS_MAX: usize = 50;

/// How long an agent must have been silent before it is not waited for: it pings every five minutes.
const LOST_AFTER: jiff::SignedDuration = jiff::SignedDuration::from_mins(30);

/// How long a batch waits for further hosts.
const LINGER: Duration = Duration::from_millis(10);

/// What every command has alike.
#[derive(Debug)]
pub struct Sending {
    /// Name or ARN of the document.
    pub document: String,
    /// How long SSM may take to hand the command over, s.
    pub delivery_s: u32,
}

type Sent = Result<String, Answer>;

/// Hosts that wait for one command.
type Waiting = Vec<(String, oneshot::Sender<Sent>)>;

/// Batches that are being gathered, by place and question.
#[derive(Debug, Clone)]
pub struct Batches {
    sending: Arc<Sending>,
    gathered: Arc<Mutex<HashMap<(String, String), Waiting>>>,
}

impl Batches {
    /// None yet.
    pub fn new(sending: Sending) -> Self {
        Self { sending: Arc::new(sending), gathered: Arc::default() }
    }

    /// Sends a question to a host, with others if there are any; returns the command's id.
    pub async fn ask(&self, place: &Place, id: &str, query: String) -> Sent {
        let (tell, told) = oneshot::channel();
        let key = (place.to_string(), query);
        let (length, is_there) = {
            let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
            let waiting = gathered.entry(key.clone()).or_default();
            // The same host twice is two commands.
            let is_there = waiting.iter().any(|(other, _)| other == id);
            if !is_there {
                waiting.push((id.to_owned(), tell));
            }
            (waiting.len(), is_there)
        };
        if is_there {
            let (tell, told) = oneshot::channel();
            self.sending.send(place, &key.1, vec![(id.to_owned(), tell)]).await;
            return told.await.unwrap_or_else(|_| Err(unreachable("the question was dropped")));
        }
        if length == 1 || length == HOSTS_MAX {
            // In a task of its own: others wait for it, also when who asked first gives up.
            let (batches, place) = (self.clone(), place.clone());
            tokio::spawn(async move {
                if length == 1 {
                    tokio::time::sleep(LINGER).await;
                }
                batches.send(&place, &key).await;
            });
        }
        told.await.unwrap_or_else(|_| Err(unreachable("the question was dropped")))
    }

    async fn send(&self, place: &Place, key: &(String, String)) {
        let waiting = self.gathered.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        let mut waiting = waiting.unwrap_or_default();
        while !waiting.is_empty() {
            let rest = waiting.split_off(waiting.len().min(HOSTS_MAX));
            self.sending.send(place, &key.1, waiting).await;
            waiting = rest;
        }
    }
}

impl Sending {
    async fn send(&self, place: &Place, query: &str, waiting: Waiting) {
        let client = place.ssm();
        let mut present = Waiting::new();
        let known = known(client, &waiting).await;
        for (id, tell) in waiting {
            match known.as_ref().map_or(Ok(()), |known| absent(known, &id)) {
                Ok(()) => present.push((id, tell)),
                Err(answer) => drop(tell.send(Err(answer))),
            }
        }
        if present.is_empty() {
            return;
        }
        let ids: Vec<String> = present.iter().map(|(id, _)| id.clone()).collect();
        match self.command(client, place, query, &ids).await {
            Err(Refused { blames_a_host: true, .. }) if present.len() > 1 => {
                // SSM does not say which of them: each for itself.
                for (id, tell) in present {
                    let sent = self.command(client, place, query, std::slice::from_ref(&id)).await;
                    let _ = tell.send(sent.map_err(|refused| refused.answer));
                }
            }
            Ok(command) => present.into_iter().for_each(|(_, tell)| drop(tell.send(Ok(command.clone())))),
            Err(refused) => {
                present.into_iter().for_each(|(_, tell)| drop(tell.send(Err(refused.answer.clone()))));
            }
        }
    }

    async fn command(
        &self,
        client: &Client,
        place: &Place,
        query: &str,
        ids: &[String],
    ) -> Result<String, Refused> {
        let sent = client
            .send_command()
            .document_name(&self.document)
            .set_instance_ids(Some(ids.to_vec()))
            .parameters(PARAMETER, vec![query.to_owned()])
            .timeout_seconds(i32::try_from(self.delivery_s).unwrap_or(i32::MAX))
            .comment("gumshoe: read-only question to the host recorder")
            .send()
            .await;
        let id = ids.first().map_or("no host", String::as_str);
        match sent {
            Ok(sent) => match sent.command.and_then(|command| command.command_id) {
                Some(command) => Ok(command),
                None => Err(Refused::of(unreachable("SSM took the command and named none"))),
            },
            Err(error) => {
                let code = error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default();
                let answer = match code {
                    "InvalidInstanceId" => {
                        unreachable(format!("SSM does not reach {id}: stopped, terminated or unmanaged"))
                    }
                    "InvalidDocument" | "InvalidDocumentVersion" => Answer::NoRecorder {
                        reason: format!("the SSM document {} is not in {place}", self.document),
                    },
                    _ => unreachable(format!("SSM did not take the command for {id}: {}", reason(&error))),
                };
                Err(Refused { answer, blames_a_host: code == "InvalidInstanceId" })
            }
        }
    }
}

/// A command that SSM did not take.
struct Refused {
    answer: Answer,
    /// Whether without one of its hosts it might have.
    blames_a_host: bool,
}

impl Refused {
    fn of(answer: Answer) -> Self {
        Self { answer, blames_a_host: false }
    }
}

/// What SSM knows of these hosts; none where it does not say.
async fn known(client: &Client, waiting: &Waiting) -> Option<Vec<InstanceInformation>> {
    let ids: HashSet<&String> = waiting.iter().map(|(id, _)| id).collect();
    let filter = InstanceInformationStringFilter::builder()
        .key("InstanceIds")
        .set_values(Some(ids.into_iter().cloned().collect()))
        .build()
        .ok()?;
    let pages = client.describe_instance_information().filters(filter).max_results(50).into_paginator();
    match pages.items().send().collect::<Result<Vec<_>, _>>().await {
        Ok(known) => Some(known),
        Err(error) => {
            // The check only saves time; sending tells as much.
            tracing::debug!(reason = reason(&error), "no instance information");
            None
        }
    }
}

/// Why a host cannot be asked, where SSM already knows. An agent that was heard a while ago is asked all the same:
/// SSM holds the command for it until its time to be handed over is up.
fn absent(known: &[InstanceInformation], id: &str) -> Result<(), Answer> {
    match known.iter().find(|one| one.instance_id() == Some(id)) {
        None => Err(unreachable(format!("{id} is not known to SSM: no agent, no role, or terminated"))),
        Some(one) if matches!(one.ping_status(), Some(PingStatus::ConnectionLost | PingStatus::Inactive)) => {
            let heard = one.last_ping_date_time().and_then(|at| Timestamp::from_second(at.secs()).ok());
            match heard {
                Some(at) if at.duration_until(Timestamp::now()) < LOST_AFTER => Ok(()),
                heard => {
                    let since = heard.map_or_else(String::new, |at| format!(" since {at}"));
                    Err(unreachable(format!("the SSM agent of {id} has not been heard{since}")))
                }
            }
        }
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ssm::primitives::DateTime;

    use super::*;

    #[test]
    fn an_agent_that_was_heard_lately_is_waited_for() {
        let now = Timestamp::now().as_second();
        let heard = |status: PingStatus, seconds_ago: i64| {
            let one = InstanceInformation::builder()
                .instance_id("i-1")
                .ping_status(status)
                .last_ping_date_time(DateTime::from_secs(now - seconds_ago))
                .build();
            absent(&[one], "i-1").is_ok()
        };
        assert!(heard(PingStatus::Online, 100_000));
        assert!(heard(PingStatus::ConnectionLost, 400));
        assert!(!heard(PingStatus::ConnectionLost, 100_000));
        assert!(absent(&[], "i-1").is_err());
    }
}
