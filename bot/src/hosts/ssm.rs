//! Asking over SSM Run Command: one document, one parameter, and an answer within 24,000 characters.
//!
//! Owns the order of calls (is the host there, send, poll), their patience, and how SSM's many ways to say no
//! become one of our answers. Refuses to run anything but the configured document.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_ssm::Client;
use aws_sdk_ssm::error::ProvideErrorMetadata;
use aws_sdk_ssm::operation::get_command_invocation::GetCommandInvocationOutput;
use aws_sdk_ssm::types::InstanceInformationStringFilter;
use aws_sdk_ssm::types::PingStatus;
use history::Request;
use jiff::Timestamp;
use tokio::time::Instant;

use super::HostHistory;
use super::check;
use crate::aws::Place;
use crate::aws::Places;
use crate::aws::reason;
use crate::case::Answer;
use crate::case::HostRef;
use crate::case::store::Ticket;

/// The document's one parameter.
const PARAMETER: &str = "Query";

/// Pauses between polls; the last one repeats. The first is short: trivial commands end within it.
const POLLS: [Duration; 5] = [
    Duration::from_millis(150),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

/// How much of a recorder's standard error is kept, characters.
const STDERR_KEPT: usize = 600;

/// Asks hosts over SSM.
#[derive(Debug, Clone)]
pub struct SsmHistory {
    places: Places,
    document: String,
    /// How long a host may take to answer.
    deadline: Duration,
    /// How long SSM may take to hand the command over, s.
    delivery_s: u32,
}

impl SsmHistory {
    /// Asks by this document, with these patiences.
    pub fn new(places: Places, document: &str, deadline: Duration, delivery_s: u32) -> Self {
        Self { places, document: document.to_owned(), deadline, delivery_s }
    }

    fn place(&self, host: &HostRef) -> Option<Place> {
        self.places.matching(host.account.as_deref(), host.region.as_deref()).into_iter().next()
    }

    /// Why the host cannot be asked now, where SSM already knows.
    async fn absent(&self, client: &Client, id: &str) -> Result<(), Answer> {
        let filter = InstanceInformationStringFilter::builder().key("InstanceIds").values(id).build();
        let Ok(filter) = filter else { return Ok(()) };
        let answer = match client.describe_instance_information().filters(filter).send().await {
            Ok(answer) => answer,
            Err(error) => {
                // The check only saves time; sending tells as much.
                tracing::debug!(instance_id = id, reason = reason(&error), "no instance information");
                return Ok(());
            }
        };
        match answer.instance_information_list().iter().find(|one| one.instance_id() == Some(id)) {
            None => Err(Answer::Unreachable {
                reason: format!("{id} is not known to SSM: no agent, no role, or terminated"),
            }),
            Some(one)
                if matches!(one.ping_status(), Some(PingStatus::ConnectionLost | PingStatus::Inactive)) =>
            {
                let since = one
                    .last_ping_date_time()
                    .and_then(|at| Timestamp::from_second(at.secs()).ok())
                    .map_or_else(String::new, |at| format!(" since {at}"));
                Err(Answer::Unreachable {
                    reason: format!("the SSM agent of {id} has not been heard{since}"),
                })
            }
            Some(_) => Ok(()),
        }
    }
}

#[async_trait]
impl HostHistory for SsmHistory {
    async fn ask(&self, host: &HostRef, request: &Request) -> Result<Ticket, Answer> {
        let (Some(id), Some(place)) = (&host.instance_id, self.place(host)) else {
            return Err(Answer::Unreachable {
                reason: "no instance id: there is no host that SSM could ask".to_owned(),
            });
        };
        let query = history::encode_request(request).map_err(|error| Answer::RecorderFailed {
            reason: format!("the question cannot be written: {error}"),
        })?;
        let client = Client::new(&place.sdk);
        self.absent(&client, id).await?;
        let sent = client
            .send_command()
            .document_name(&self.document)
            .instance_ids(id)
            .parameters(PARAMETER, vec![query])
            .timeout_seconds(i32::try_from(self.delivery_s).unwrap_or(i32::MAX))
            .comment("gumshoe: read-only question to the host recorder")
            .send()
            .await;
        match sent {
            Ok(sent) => match sent.command.and_then(|command| command.command_id) {
                Some(command) => Ok(Ticket { command, sent: Timestamp::now() }),
                None => Err(unreachable("SSM took the command and named none")),
            },
            Err(error) => {
                let code = error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default();
                Err(match code {
                    "InvalidInstanceId" => {
                        unreachable(format!("SSM does not reach {id}: stopped, terminated or unmanaged"))
                    }
                    "InvalidDocument" | "InvalidDocumentVersion" => Answer::NoRecorder {
                        reason: format!("the SSM document {} is not in {place}", self.document),
                    },
                    _ => unreachable(format!("SSM did not take the command for {id}: {}", reason(&error))),
                })
            }
        }
    }

    async fn answer(&self, host: &HostRef, request: &Request, ticket: &Ticket) -> Answer {
        let (Some(id), Some(place)) = (&host.instance_id, self.place(host)) else {
            return unreachable("no instance id: there is no host that SSM could ask");
        };
        let client = Client::new(&place.sdk);
        let until = Instant::now() + self.deadline;
        let mut last = "no state at all".to_owned();
        for poll in 0_usize.. {
            let pause = POLLS[poll.min(POLLS.len() - 1)];
            if Instant::now() + pause > until {
                break;
            }
            tokio::time::sleep(pause.mul_f64(0.8 + 0.4 * fastrand::f64())).await;
            let invocation = client.get_command_invocation().command_id(&ticket.command).instance_id(id);
            match invocation.send().await {
                Ok(invocation) => match outcome(&invocation) {
                    Outcome::Pending(details) => last = details,
                    Outcome::Output(output) => return check(&output, host, request, Timestamp::now()),
                    Outcome::Final(answer) => return answer,
                },
                Err(error) => {
                    let service = error.as_service_error();
                    if service.is_some_and(|service| service.is_invalid_command_id()) {
                        return unreachable(format!("SSM no longer knows command {}", ticket.command));
                    }
                    // InvocationDoesNotExist is SSM's way to say "not yet"; throttling and the network pass.
                    last = reason(&error);
                    if service.and_then(ProvideErrorMetadata::code) == Some("AccessDeniedException") {
                        return unreachable(format!("the answer of {id} may not be read: {last}"));
                    }
                }
            }
        }
        unreachable(format!("{id} gave no answer within {} s; SSM last said {last}", self.deadline.as_secs()))
    }
}

enum Outcome {
    Pending(String),
    Output(String),
    Final(Answer),
}

/// What an invocation's state means to us.
fn outcome(invocation: &GetCommandInvocationOutput) -> Outcome {
    let status = invocation.status().map(|status| status.as_str()).unwrap_or_default();
    let details = invocation.status_details().unwrap_or(status);
    let said = || said(invocation.standard_error_content(), invocation.standard_output_content());
    match (status, details.replace(' ', "").as_str()) {
        ("Pending" | "InProgress" | "Delayed" | "Cancelling" | "", _) => Outcome::Pending(details.to_owned()),
        ("Success", _) => {
            Outcome::Output(invocation.standard_output_content().unwrap_or_default().to_owned())
        }
        (_, "DeliveryTimedOut" | "Undeliverable" | "Terminated" | "InvalidPlatform" | "AccessDenied") => {
            Outcome::Final(unreachable(format!("SSM could not hand the command over: {details}")))
        }
        (_, "Cancelled" | "Canceled") => Outcome::Final(unreachable("somebody cancelled the command")),
        (_, "ExecutionTimedOut") => Outcome::Final(Answer::RecorderFailed {
            reason: format!("the recorder did not answer in the document's time; {}", said()),
        }),
        _ => Outcome::Final(match invocation.response_code() {
            126 | 127 => Answer::NoRecorder { reason: format!("the host has no recorder; {}", said()) },
            -1 => unreachable(format!("the command never started: {details}; {}", said())),
            code => Answer::RecorderFailed { reason: format!("the recorder ended with {code}; {}", said()) },
        }),
    }
}

/// The end of what a command wrote to standard error, or else to standard output.
fn said(stderr: Option<&str>, stdout: Option<&str>) -> String {
    let text = [stderr, stdout].into_iter().flatten().map(str::trim).find(|text| !text.is_empty());
    let Some(text) = text else {
        return "it said nothing".to_owned();
    };
    let start = text.char_indices().rev().nth(STDERR_KEPT - 1).map_or(0, |(at, _)| at);
    format!("it said: {}", &text[start..])
}

fn unreachable(reason: impl Into<String>) -> Answer {
    Answer::Unreachable { reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ssm::types::CommandInvocationStatus;

    fn check(status: &str, details: &str, code: i32, stderr: &str, expected: &str) {
        let invocation = GetCommandInvocationOutput::builder()
            .status(CommandInvocationStatus::from(status))
            .status_details(details)
            .response_code(code)
            .standard_error_content(stderr)
            .standard_output_content("out")
            .build();
        let found = match outcome(&invocation) {
            Outcome::Pending(details) => format!("pending {details}"),
            Outcome::Output(output) => format!("output {output}"),
            Outcome::Final(answer) => format!("{answer:?}"),
        };
        assert!(found.contains(expected), "{status} {details} {code}: {found}");
    }

    #[test]
    fn each_way_to_end_is_told_apart() {
        check("Pending", "Pending", -1, "", "pending Pending");
        check("InProgress", "InProgress", -1, "", "pending");
        check("Success", "Success", 0, "", "output out");
        check("TimedOut", "Delivery Timed Out", -1, "", "Unreachable");
        check("TimedOut", "DeliveryTimedOut", -1, "", "Unreachable");
        check("TimedOut", "Execution Timed Out", 137, "", "RecorderFailed");
        check("Failed", "Undeliverable", -1, "", "Unreachable");
        check("Failed", "Failed", 127, "sh: host-recorder: not found", "NoRecorder");
        check("Failed", "Failed", 126, "", "NoRecorder");
        check("Failed", "Failed", 3, "no ring at /var/lib", "no ring at /var/lib");
        check("Failed", "Failed", 3, "", "RecorderFailed");
        check("Failed", "Failed", -1, "bad parameter", "Unreachable");
        check("Cancelled", "Cancelled", -1, "", "cancelled");
    }

    #[test]
    fn only_the_end_of_a_long_error_is_kept() {
        let text = "é".repeat(10_000);
        assert!(said(Some(&text), None).chars().count() < STDERR_KEPT + 20);
    }
}
