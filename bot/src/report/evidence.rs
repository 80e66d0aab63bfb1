//! The single events that show it.

use std::collections::BTreeSet;

use history::Activity;
use history::Evidence;
use history::Flow;
use history::Login;
use history::ProcessId;
use history::Protocol;
use history::UnixNs;

use super::EvidenceRow;
use super::timeline::same;
use super::timeline::suspect_process;
use crate::case::Answer;
use crate::case::HostAnswer;
use crate::case::Judgement;
use crate::case::Suspect;
use crate::investigate::words;
use crate::untrusted::Untrusted;

/// Rows of the evidence table.
const ROWS_MAX: usize = 60;

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
        .chain(activities.map(|activity| {
            row(activity.first_event, activity.first, "traffic", activity_text(evidence, activity))
        }))
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
    let more = |word: &str, text: &Option<String>| {
        text.as_deref().map(|text| format!(", {word} {text}")).unwrap_or_default()
    };
    let (by, session) = (more("asked by", &login.by), more("session", &login.session));
    let command = more("to run", &login.command);
    format!(
        "{} {word} {} by {}{from}{by}{session}{command} ({})",
        login.service, login.user, login.method, login.origin
    )
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

fn activity_text(evidence: &Evidence, activity: &Activity) -> String {
    let comm = |id: ProcessId| {
        let known = evidence.processes.iter().find(|process| process.id == id);
        known.map_or("process", |process| process.comm.as_str())
    };
    let name = activity
        .process
        .map_or_else(|| "traffic of no process here".to_owned(), |id| format!("{} ({})", comm(id), id.tgid));
    let remotes = match (activity.address_sample.as_slice(), activity.addresses) {
        ([only], 1) => match activity.port_ranges.as_slice() {
            [(port, last)] if port == last && *port > 0 => format!("{only} port {port}"),
            _ => format!("{only}, {}", words::counted(activity.ports, "port", "ports")),
        },
        _ => words::counted(activity.targets, "endpoint", "endpoints"),
    };
    let last = match activity.last_event {
        last if last == activity.first_event => String::new(),
        last => format!(", up to event {last}"),
    };
    let flows = words::counted(activity.flows, "flow", "flows");
    format!("{name}: {flows} by {} to {remotes}{last}", activity.protocol)
}
