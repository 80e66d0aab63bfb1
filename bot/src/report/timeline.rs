//! What happened when, and the single events that show it.

use std::collections::BTreeSet;

use history::Activity;
use history::Evidence;
use history::Flow;
use history::Login;
use history::ProcessId;
use history::Protocol;
use history::UnixNs;

use super::EvidenceRow;
use super::Moment;
use crate::case::Answer;
use crate::case::Case;
use crate::case::Entry;
use crate::case::HostAnswer;
use crate::case::Judgement;
use crate::case::Suspect;
use crate::investigate::words;
use crate::untrusted::Untrusted;

/// Moments of a timeline.
const MOMENTS_MAX: usize = 40;

/// Rows of the evidence table.
const ROWS_MAX: usize = 60;

/// What happened when, oldest first.
pub(super) fn timeline(case: &Case, answers: &[HostAnswer], suspect: Option<&Suspect>) -> Vec<Moment> {
    let mut moments = Vec::new();
    let mut add = |at: UnixNs, text: String, events: Vec<u64>, on_chain: bool| {
        moments.push(Moment { at, text: Untrusted::new(&text), events, on_chain });
    };
    if let Some(suspect) = suspect {
        if let Entry::Login { login } = &suspect.entry {
            let from = login.source_address.map(|address| format!(" from {address}")).unwrap_or_default();
            add(
                login.time,
                format!("{} logs in{from} by {}", login.user.raw(), login.method.raw()),
                vec![login.event],
                true,
            );
        }
        for process in suspect.ancestors.iter().rev().chain(&suspect.process) {
            let text = format!("{} starts: {}", process.user.raw(), process.argv.shown(160));
            add(process.started, text, Vec::new(), true);
        }
        // Between, one process ends after the other and tells nothing.
        for process in suspect.process.iter().chain(suspect.ancestors.last()) {
            if let Some(ended) = process.ended {
                let text = format!("{} (process {}) ends", process.name.raw(), process.pid);
                add(ended, text, Vec::new(), true);
            }
        }
        let behaviour = &suspect.behaviour;
        add(
            behaviour.first,
            "first packet of the traffic in question".to_owned(),
            behaviour.events.first().copied().into_iter().collect(),
            true,
        );
        if behaviour.last != behaviour.first {
            add(
                behaviour.last,
                "last packet of it".to_owned(),
                behaviour.events.get(1).copied().into_iter().collect(),
                true,
            );
        }
        for event in logins(answers, suspect).take(20) {
            let word = if event.login.accepted { "logs in" } else { "fails to log in" };
            let from =
                event.login.source_address.map(|address| format!(" from {address}")).unwrap_or_default();
            add(
                event.time,
                format!("{} {word}{from} by {}", event.login.user, event.login.method),
                vec![event.event],
                false,
            );
        }
    }
    for claim in &case.claims {
        if let Some(window) = &claim.window {
            add(window.from.into(), "the notice's time begins".to_owned(), Vec::new(), false);
        }
    }
    if let Some(notice) = case.notices.first() {
        add(notice.received.into(), "the notice arrives".to_owned(), Vec::new(), false);
    }
    for answer in answers.iter().take(4) {
        add(
            answer.answered.into(),
            format!(
                "{} is asked",
                answer.host.name.as_deref().or(answer.host.instance_id.as_deref()).unwrap_or("the host")
            ),
            Vec::new(),
            false,
        );
    }
    let chained: BTreeSet<u64> =
        moments.iter().filter(|moment| moment.on_chain).flat_map(|moment| moment.events.clone()).collect();
    moments.retain(|moment| moment.on_chain || !moment.events.iter().any(|event| chained.contains(event)));
    // Of one moment the chain comes first, and a process starts before it sends.
    moments.sort_by_key(|moment| (moment.at, !moment.on_chain));
    moments.dedup_by(|a, b| words::utc(a.at) == words::utc(b.at) && a.text == b.text);
    moments.truncate(MOMENTS_MAX);
    moments
}

fn evidences(answers: &[HostAnswer]) -> impl Iterator<Item = (&HostAnswer, &Evidence)> {
    answers.iter().filter_map(|answer| match &answer.answer {
        Answer::Evidence { evidence } => Some((answer, evidence.as_ref())),
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

fn suspect_process(suspect: Option<&Suspect>) -> Option<ProcessId> {
    suspect?.process.as_ref()?.id.parse().ok()
}

fn same(a: Option<ProcessId>, b: Option<ProcessId>) -> bool {
    a.zip(b).is_some_and(|(a, b)| a.same_process(&b))
}

/// The events that findings point at, and samples of the suspect's flows.
pub(super) fn evidence(
    answers: &[HostAnswer],
    suspect: Option<&Suspect>,
    judgement: &Judgement,
) -> Vec<EvidenceRow> {
    let process = suspect_process(suspect);
    // The judgement names hosts in the order of their answers.
    let mut rows: Vec<EvidenceRow> = answers
        .iter()
        .zip(&judgement.hosts)
        .filter_map(|(answer, view)| match &answer.answer {
            Answer::Evidence { evidence } => Some((evidence.as_ref(), view.name.as_str())),
            _ => None,
        })
        .flat_map(|(evidence, host)| {
            // An event's number means something in its own host's history only.
            let of_host = judgement.findings.iter().filter(|finding| finding.host == host);
            let pointed: BTreeSet<u64> = of_host.flat_map(|finding| finding.events.clone()).collect();
            rows_of(evidence, host, &pointed, process)
        })
        .collect();
    rows.sort_by_key(|row| (row.at, row.event));
    rows.dedup();
    rows.truncate(ROWS_MAX);
    rows
}

fn rows_of(
    evidence: &Evidence,
    host: &str,
    pointed: &BTreeSet<u64>,
    process: Option<ProcessId>,
) -> Vec<EvidenceRow> {
    const EACH_MAX: usize = 12;
    let row = |event: u64, at: UnixNs, kind: &str, text: String| EvidenceRow {
        event,
        host: host.to_owned(),
        at,
        kind: kind.to_owned(),
        text: Untrusted::new(&text),
    };
    let logins = evidence.logins.iter().filter(|event| pointed.contains(&event.event)).take(ROWS_MAX);
    let samples = evidence.samples.iter().filter(|sample| same(sample.flow.owner, process)).take(EACH_MAX);
    let activities =
        evidence.activities.iter().filter(|activity| pointed.contains(&activity.first_event)).take(EACH_MAX);
    let exits = evidence.exits.iter().filter(|exit| same(Some(exit.process), process)).take(EACH_MAX);
    logins
        .map(|event| row(event.event, event.time, "login", login_text(&event.login)))
        .chain(samples.map(|sample| row(sample.event, sample.flow.first, "flow", flow_text(&sample.flow))))
        .chain(
            activities.map(|activity| {
                row(activity.first_event, activity.first, "traffic", activity_text(activity))
            }),
        )
        .chain(exits.map(|exit| {
            let text = format!(
                "process {} ended with code {}, signal {}",
                exit.process.tgid, exit.code, exit.signal
            );
            row(exit.event, exit.time, "exit", text)
        }))
        .collect()
}

fn login_text(login: &Login) -> String {
    let word = if login.accepted { "accepted" } else { "refused" };
    let from = login.source_address.map(|address| format!(" from {address}")).unwrap_or_default();
    format!("{} {word} {} by {}{from} ({})", login.service, login.user, login.method, login.origin)
}

fn flow_text(flow: &Flow) -> String {
    let ends = if matches!(flow.protocol, Protocol::ICMP | Protocol::ICMPV6) {
        let kind = flow.remote.port >> 8;
        format!("{} to {} type {kind}", flow.local.address, flow.remote.address)
    } else {
        format!("{} to {}", flow.local, flow.remote)
    };
    let packets = match flow.packets {
        0 => String::new(),
        packets => format!(", {}", words::counted(packets, "packet", "packets")),
    };
    format!("{} {ends} {}{packets}", flow.protocol, words::snake(&flow.state).replace('_', " "))
}

fn activity_text(activity: &Activity) -> String {
    let name = activity.process.map_or_else(|| "no process".to_owned(), |id| format!("process {}", id.tgid));
    let events = if activity.first_event == activity.last_event {
        format!("event {}", activity.first_event)
    } else {
        format!("events {} to {}", activity.first_event, activity.last_event)
    };
    format!(
        "{name}: {} by {} to {}, {events}",
        words::counted(activity.flows, "flow", "flows"),
        activity.protocol,
        words::counted(activity.targets, "endpoint", "endpoints"),
    )
}
