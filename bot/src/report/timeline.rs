//! What happened when, and the single events that show it.

use std::collections::BTreeSet;

use history::Evidence;
use history::ProcessId;
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
    let pointed: BTreeSet<u64> =
        judgement.findings.iter().flat_map(|finding| finding.events.clone()).collect();
    let process = suspect_process(suspect);
    let mut rows = Vec::new();
    for (answer, evidence) in evidences(answers) {
        let host = answer.host.name.as_deref().unwrap_or(&evidence.host.hostname);
        let host = Untrusted::new(host).shown(40);
        for event in evidence.logins.iter().filter(|event| pointed.contains(&event.event)).take(ROWS_MAX) {
            let login = &event.login;
            let word = if login.accepted { "accepted" } else { "refused" };
            let from = login.source_address.map(|address| format!(" from {address}")).unwrap_or_default();
            let text = format!(
                "{} {word} {} by {}{from} ({})",
                login.service, login.user, login.method, login.origin
            );
            rows.push(EvidenceRow {
                event: event.event,
                host: host.clone(),
                at: event.time,
                kind: "login".to_owned(),
                text: Untrusted::new(&text),
            });
        }
        let own = |sample: &&history::FlowEvent| same(sample.flow.owner, process);
        for sample in evidence.samples.iter().filter(own).take(12) {
            let flow = &sample.flow;
            let text = format!(
                "{} {} to {} {}, {}",
                flow.protocol,
                flow.local,
                flow.remote,
                words::snake(&flow.state),
                words::counted(flow.packets, "packet", "packets")
            );
            rows.push(EvidenceRow {
                event: sample.event,
                host: host.clone(),
                at: flow.first,
                kind: "flow".to_owned(),
                text: Untrusted::new(&text),
            });
        }
        for activity in
            evidence.activities.iter().filter(|activity| pointed.contains(&activity.first_event)).take(12)
        {
            let name = activity
                .process
                .map(|id| format!("process {}", id.tgid))
                .unwrap_or_else(|| "no process".to_owned());
            let text = format!(
                "{name}: {} {} flows to {}, events {} to {}",
                words::count(activity.flows),
                activity.protocol,
                words::counted(activity.targets, "endpoint", "endpoints"),
                activity.first_event,
                activity.last_event
            );
            rows.push(EvidenceRow {
                event: activity.first_event,
                host: host.clone(),
                at: activity.first,
                kind: "traffic".to_owned(),
                text: Untrusted::new(&text),
            });
        }
        for exit in evidence.exits.iter().filter(|exit| same(Some(exit.process), process)).take(2) {
            let text = format!(
                "process {} ended with code {}, signal {}",
                exit.process.tgid, exit.code, exit.signal
            );
            rows.push(EvidenceRow {
                event: exit.event,
                host: host.clone(),
                at: exit.time,
                kind: "exit".to_owned(),
                text: Untrusted::new(&text),
            });
        }
    }
    rows.sort_by_key(|row| (row.at, row.event));
    rows.truncate(ROWS_MAX);
    rows
}
