//! What happened when.

use std::collections::BTreeSet;

use history::EventId;
use history::Evidence;
use history::ProcessId;
use history::UnixNs;

use super::Moment;
use crate::case::Answer;
use crate::case::Case;
use crate::case::Entry;
use crate::case::HostAnswer;
use crate::case::Suspect;
use crate::investigate::is_client;
use crate::investigate::words;
use crate::untrusted::Untrusted;

/// Moments of a timeline.
const MOMENTS_MAX: usize = 40;

/// Logins beside the chain's own.
const LOGINS_MAX: usize = 20;

/// Answers whose time is told.
const ANSWERS_MAX: usize = 4;

/// What happened when, oldest first.
pub(super) fn timeline(case: &Case, answers: &[HostAnswer], suspect: Option<&Suspect>) -> Vec<Moment> {
    let mut moments = suspect.map(chain).unwrap_or_default();
    let chained: BTreeSet<u64> = moments.iter().flat_map(|moment| moment.events.clone()).collect();
    if let Some(suspect) = suspect {
        let beside = logins(answers, suspect).filter(|event| !chained.contains(&event.event));
        moments.extend(beside.take(LOGINS_MAX).map(login));
    }
    let aside = |at: UnixNs, text: String| moment(at, text, Vec::new(), false);
    let windows = case.claims.iter().filter_map(|claim| claim.window.as_ref());
    moments.extend(windows.map(|window| aside(window.from.into(), "the notice's time begins".to_owned())));
    let arrived = case.notices.first().map(|notice| notice.received);
    moments.extend(arrived.map(|at| aside(at.into(), "the notice arrives".to_owned())));
    moments.extend(answers.iter().take(ANSWERS_MAX).map(|answer| {
        let name = answer.host.name.as_deref().or(answer.host.instance_id.as_deref());
        aside(answer.answered.into(), format!("{} is asked", name.unwrap_or("the host")))
    }));
    // Of one moment the chain comes first.
    moments.sort_by_key(|moment| (moment.at, !moment.on_chain));
    moments.dedup_by(|a, b| words::utc(a.at) == words::utc(b.at) && a.text == b.text);
    moments.truncate(MOMENTS_MAX);
    moments
}

fn moment(at: UnixNs, text: String, events: Vec<EventId>, on_chain: bool) -> Moment {
    Moment { at, text: Untrusted::new(&text), events, on_chain }
}

/// From the login to the last packet, in the order of causes.
fn chain(suspect: &Suspect) -> Vec<Moment> {
    let mut moments = Vec::new();
    let mut add = |at: UnixNs, text: String, event: Option<EventId>| {
        moments.push(moment(at, text, event.into_iter().collect(), true));
    };
    if let Entry::Login { login } = &suspect.entry {
        let from = login.source_address.map(|address| format!(" from {address}")).unwrap_or_default();
        let text = format!("{} logs in{from} by {}", login.user.raw(), login.method.raw());
        add(login.time, text, Some(login.event));
    }
    for process in suspect.ancestors.iter().rev().chain(&suspect.process) {
        let text = format!("{} starts: {}", process.user.raw(), process.argv.shown(160));
        add(process.started, text, None);
    }
    // Between, one process ends after the other and tells nothing.
    for process in suspect.process.iter().chain(suspect.ancestors.last()) {
        if let Some(ended) = process.ended {
            add(ended, format!("{} (process {}) ends", process.name.raw(), process.pid), None);
        }
    }
    let behaviour = &suspect.behaviour;
    let event = |index: usize| behaviour.events.get(index).copied();
    add(behaviour.first, "first packet of the traffic in question".to_owned(), event(0));
    if behaviour.last != behaviour.first {
        add(behaviour.last, "last packet of it".to_owned(), event(1));
    }
    moments
}

fn login(event: &history::LoginEvent) -> Moment {
    let login = &event.login;
    let session = login.session.as_deref().unwrap_or_default();
    let text = match (login.method.as_str(), login.by.as_deref()) {
        ("elevation", Some(by)) => {
            let word = if login.accepted { "becomes" } else { "fails to become" };
            format!("{by} {word} {} through {}", login.user, login.service)
        }
        (history::Login::ATTACH, by) => {
            let from = login.source_address.map(|address| format!(", logged in from {address},"));
            let from = from.unwrap_or_default();
            let by = by.unwrap_or("somebody");
            if is_client(&login.service) {
                let command = login.command.as_deref().unwrap_or_default();
                format!("{by}{from} called {} ({command})", login.service)
            } else {
                format!("{by}{from} uses the {} of {}", login.service, login.user)
            }
        }
        ("crontab" | "anacrontab" | "at", _) => format!("{} starts a job of {}", login.service, login.user),
        ("session-manager", _) => format!("the SSM session {session} begins"),
        ("run-command", _) => format!("the SSM command {session} begins"),
        _ => {
            let word = if login.accepted { "logs in" } else { "fails to log in" };
            let from = login.source_address.map(|address| format!(" from {address}")).unwrap_or_default();
            format!("{} {word}{from} by {}", login.user, login.method)
        }
    };
    moment(event.time, text, vec![event.event], false)
}

fn evidences(answers: &[HostAnswer]) -> impl Iterator<Item = (&HostAnswer, &Evidence)> {
    answers.iter().filter_map(|answer| match &answer.answer {
        Answer::Evidence { evidence, .. } => Some((answer, evidence.as_ref())),
        _ => None,
    })
}

/// Logins of the suspect's host.
fn logins<'a>(answers: &'a [HostAnswer], suspect: &Suspect) -> impl Iterator<Item = &'a history::LoginEvent> {
    let process = suspect_process(Some(suspect));
    let knows_it =
        move |evidence: &Evidence| evidence.processes.iter().any(|known| same(Some(known.id), process));
    evidences(answers)
        .filter(move |(_, evidence)| knows_it(evidence))
        .flat_map(|(_, evidence)| &evidence.logins)
}

pub(super) fn suspect_process(suspect: Option<&Suspect>) -> Option<ProcessId> {
    suspect?.process.as_ref()?.id.parse().ok()
}

pub(super) fn same(a: Option<ProcessId>, b: Option<ProcessId>) -> bool {
    a.zip(b).is_some_and(|(a, b)| a.same_process(&b))
}
