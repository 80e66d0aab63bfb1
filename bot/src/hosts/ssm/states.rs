//! The states of commands: one poll for all hosts of a command, and a call for an answer that is long.
//!
//! A list of invocations shows the first 2,500 characters of each output, which is the whole answer of a host that
//! has little to tell. A longer one begins with a brief line; of many hosts only those are fetched whole of which that
//! tells anything. The first host of a command to wait is asked alone. However many commands are waited for, polls keep
//! to a few a second together: SSM allows no more.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use aws_sdk_ssm::Client;
use aws_sdk_ssm::error::ProvideErrorMetadata;
use aws_sdk_ssm::operation::get_command_invocation::GetCommandInvocationOutput;
use aws_sdk_ssm::types::CommandInvocation;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::Instant;

use super::unreachable;
use crate::aws::reason;
use crate::case::Answer;
use crate::hosts::Signals;
use crate::hosts::check::tells_nothing;
use crate::hosts::signals::Listener;

/// Pauses between polls; the last one repeats. The first are short: a recorder answers within a second.
const POLLS: [Duration; 10] = [
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(300),
    Duration::from_millis(250),
    Duration::from_millis(250),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

/// Polls of all commands together, a second.
const POLLS_A_SECOND: f64 = 8.0;

/// A command of more hosts than this is a search among many: who has nothing to tell is not fetched whole.
const FEW: usize = 10;

/// Output in a list of invocations is cut at this, characters.
const LISTED_MAX: usize = 2_500;

/// How much of a recorder's standard error is kept, characters.
const STDERR_KEPT: usize = 600;

/// What is known of the hosts of one command.
#[derive(Debug, Default)]
struct Shared {
    /// How many hosts wait, and how many did at most.
    waiting: Mutex<(usize, usize)>,
    /// The last list; held while it is read, so that one reads for all.
    list: AsyncMutex<List>,
}

#[derive(Debug, Default)]
struct List {
    read: Option<Instant>,
    states: HashMap<String, Outcome>,
}

/// The commands that somebody waits for.
#[derive(Debug, Clone, Default)]
pub struct States {
    signals: Signals,
    commands: Arc<Mutex<HashMap<String, Arc<Shared>>>>,
}

impl States {
    /// Hears of commands that ended, beside polling.
    pub fn hearing(signals: Signals) -> Self {
        Self { signals, ..Self::default() }
    }

    /// Waits for the output of a command on one host.
    pub async fn wait(
        &self,
        client: &Client,
        command: &str,
        id: &str,
        deadline: Duration,
    ) -> Result<String, Answer> {
        let place = Place::enter(self, command);
        let mut listener = self.signals.listen();
        let until = Instant::now() + deadline;
        let mut last = "no state at all".to_owned();
        for poll in 0_usize.. {
            let pause = POLLS[poll.min(POLLS.len() - 1)].max(self.pace().min(deadline / 4));
            if Instant::now() + pause > until {
                break;
            }
            rest(pause, &mut listener, command).await;
            match place.poll(client, command, id, pause).await {
                Polled::Outcome(Outcome::Pending(details)) => last = details,
                Polled::Outcome(Outcome::Output(output)) => return Ok(output),
                Polled::Outcome(Outcome::Final(answer)) => return Err(answer),
                Polled::Failed(reason) => last = reason,
            }
        }
        Err(unreachable(format!("{id} gave no answer within {} s; SSM last said {last}", deadline.as_secs())))
    }
}

impl States {
    /// The least pause between two polls of one command, so that those of all keep to their rate.
    fn pace(&self) -> Duration {
        let commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner).len();
        let alone = commands <= 1;
        if alone { Duration::ZERO } else { Duration::from_secs_f64(commands as f64 / POLLS_A_SECOND) }
    }
}

/// Pauses, or until word comes that the command ended.
async fn rest(pause: Duration, listener: &mut Listener, command: &str) {
    let jittered = pause.mul_f64(0.8 + 0.4 * fastrand::f64());
    tokio::select! {
        () = tokio::time::sleep(jittered) => {}
        () = listener.heard(command) => {}
    }
}

/// One host's place among those that wait for a command.
struct Place<'a> {
    states: &'a States,
    command: &'a str,
    shared: Arc<Shared>,
}

enum Polled {
    Outcome(Outcome),
    /// The call did not work, which may pass.
    Failed(String),
}

impl<'a> Place<'a> {
    fn enter(states: &'a States, command: &'a str) -> Self {
        let mut commands = states.commands.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = Arc::clone(commands.entry(command.to_owned()).or_default());
        {
            let mut waiting = shared.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.0 += 1;
            waiting.1 = waiting.1.max(waiting.0);
        }
        Self { states, command, shared }
    }

    async fn poll(&self, client: &Client, command: &str, id: &str, pause: Duration) -> Polled {
        let (waiting, most) = *self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting < 2 && most <= FEW {
            return get(client, command, id).await;
        }
        let mut list = self.shared.list.lock().await;
        let is_fresh = list.read.is_some_and(|read| read.elapsed() < pause / 2);
        if !is_fresh && !list.states.get(id).is_some_and(|outcome| !matches!(outcome, Outcome::Pending(_))) {
            match listed(client, command).await {
                Ok(states) => *list = List { read: Some(Instant::now()), states },
                Err(reason) => return Polled::Failed(reason),
            }
        }
        match list.states.remove(id) {
            None => Polled::Outcome(Outcome::Pending("no state yet".to_owned())),
            // Cut, or it says too little of why it failed: the whole of it.
            Some(Outcome::Output(output)) if output.chars().count() >= LISTED_MAX => {
                drop(list);
                if let Some(brief) = tells_nothing(&output).filter(|_| most > FEW) {
                    return Polled::Outcome(Outcome::Output(brief.to_owned()));
                }
                get(client, command, id).await
            }
            Some(outcome) => Polled::Outcome(outcome),
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut commands = self.states.commands.lock().unwrap_or_else(PoisonError::into_inner);
        let mut waiting = self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.0 -= 1;
        if waiting.0 == 0 {
            commands.remove(self.command);
        }
    }
}

async fn get(client: &Client, command: &str, id: &str) -> Polled {
    match client.get_command_invocation().command_id(command).instance_id(id).send().await {
        Ok(invocation) => Polled::Outcome(outcome(&State::from(&invocation))),
        Err(error) => {
            let service = error.as_service_error();
            if service.is_some_and(|service| service.is_invalid_command_id()) {
                let lost = unreachable(format!("SSM no longer knows command {command}"));
                return Polled::Outcome(Outcome::Final(lost));
            }
            // InvocationDoesNotExist is SSM's way to say "not yet"; throttling and the network pass.
            let last = reason(&error);
            if service.and_then(ProvideErrorMetadata::code) == Some("AccessDeniedException") {
                let refused = unreachable(format!("the answer of {id} may not be read: {last}"));
                return Polled::Outcome(Outcome::Final(refused));
            }
            Polled::Failed(last)
        }
    }
}

/// The states of all hosts of a command.
async fn listed(client: &Client, command: &str) -> Result<HashMap<String, Outcome>, String> {
    let pages = client.list_command_invocations().command_id(command).details(true).max_results(50);
    let invocations = pages.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    let invocations = invocations.map_err(|error| reason(&error))?;
    let read = |one: &CommandInvocation| Some((one.instance_id()?.to_owned(), outcome(&State::from(one))));
    Ok(invocations.iter().filter_map(read).collect())
}

#[derive(Debug, Clone)]
enum Outcome {
    Pending(String),
    Output(String),
    Final(Answer),
}

/// An invocation, from either call.
struct State<'a> {
    status: &'a str,
    details: &'a str,
    code: i32,
    stdout: &'a str,
    stderr: &'a str,
}

impl<'a> From<&'a GetCommandInvocationOutput> for State<'a> {
    fn from(invocation: &'a GetCommandInvocationOutput) -> Self {
        let status = invocation.status().map(|status| status.as_str()).unwrap_or_default();
        Self {
            status,
            details: invocation.status_details().unwrap_or(status),
            code: invocation.response_code(),
            stdout: invocation.standard_output_content().unwrap_or_default(),
            stderr: invocation.standard_error_content().unwrap_or_default(),
        }
    }
}

impl<'a> From<&'a CommandInvocation> for State<'a> {
    fn from(invocation: &'a CommandInvocation) -> Self {
        let status = invocation.status().map(|status| status.as_str()).unwrap_or_default();
        // The step that failed, or the one that there is.
        let step = invocation.command_plugins().iter().max_by_key(|step| step.response_code() != 0);
        Self {
            status,
            details: invocation.status_details().unwrap_or(status),
            code: step.map_or(-1, |step| step.response_code()),
            stdout: step.and_then(|step| step.output()).unwrap_or_default(),
            stderr: "",
        }
    }
}

/// What an invocation's state means to us.
fn outcome(state: &State<'_>) -> Outcome {
    let details = state.details;
    let said = || said(state.stderr, state.stdout);
    match (state.status, details.replace(' ', "").as_str()) {
        ("Pending" | "InProgress" | "Delayed" | "Cancelling" | "", _) => Outcome::Pending(details.to_owned()),
        ("Success", _) => Outcome::Output(state.stdout.to_owned()),
        (_, "DeliveryTimedOut" | "Undeliverable" | "Terminated" | "InvalidPlatform" | "AccessDenied") => {
            Outcome::Final(unreachable(format!("SSM could not hand the command over: {details}")))
        }
        (_, "Cancelled" | "Canceled") => Outcome::Final(unreachable("somebody cancelled the command")),
        (_, "ExecutionTimedOut") => Outcome::Final(Answer::RecorderFailed {
            reason: format!("the recorder did not answer in the document's time; {}", said()),
        }),
        _ => Outcome::Final(match state.code {
            126 | 127 => Answer::NoRecorder { reason: format!("the host has no recorder; {}", said()) },
            -1 => unreachable(format!("the command never started: {details}; {}", said())),
            code => Answer::RecorderFailed { reason: format!("the recorder ended with {code}; {}", said()) },
        }),
    }
}

/// The end of what a command wrote to standard error, or else to standard output.
fn said(stderr: &str, stdout: &str) -> String {
    let text = [stderr, stdout].into_iter().map(str::trim).find(|text| !text.is_empty());
    let Some(text) = text else {
        return "it said nothing".to_owned();
    };
    let start = text.char_indices().rev().nth(STDERR_KEPT - 1).map_or(0, |(at, _)| at);
    format!("it said: {}", &text[start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: &str, details: &str, code: i32, stderr: &str, expected: &str) {
        let state = State { status, details, code, stdout: "out", stderr };
        let found = match outcome(&state) {
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
        assert!(said(&text, "").chars().count() < STDERR_KEPT + 20);
    }
}
