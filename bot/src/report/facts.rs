//! A report's facts for programs, from the judgement.

use super::Facts;
use super::Targets;
use crate::case::Behaviour;
use crate::case::Entry;
use crate::case::HostRef;
use crate::case::Judgement;
use crate::case::ProcessView;
use crate::case::Suspect;
use crate::investigate::words;
use crate::untrusted::Untrusted;

/// The facts of a judgement, and of the suspect and host that it is about.
pub(super) fn facts(
    judgement: &Judgement,
    suspect: Option<&Suspect>,
    host: Option<&(String, HostRef)>,
) -> Facts {
    let process = suspect.and_then(|suspect| suspect.process.as_ref());
    let of_process = |part: fn(&ProcessView) -> &Untrusted| process.map(|process| part(process).clone());
    let entry = suspect.map_or(&Entry::Unknown, |suspect| &suspect.entry);
    Facts {
        verdict: judgement.verdict.kind().to_owned(),
        confidence: judgement.confidence,
        tool: suspect.and_then(|suspect| suspect.tool.clone()),
        told_by: suspect.map(|suspect| suspect.told_by.clone()).filter(|told_by| !told_by.is_empty()),
        program: of_process(|process| &process.exe),
        argv: of_process(|process| &process.argv),
        pid: process.map(|process| process.pid),
        user: of_process(|process| &process.user),
        effective_user: of_process(|process| &process.effective_user),
        person: suspect.and_then(|suspect| suspect.person.as_ref()).map(|person| person.name.clone()),
        elevated_by: suspect.and_then(|suspect| suspect.elevated_by.clone()),
        entry: entry_kind(entry).to_owned(),
        login: match entry {
            Entry::Login { login } => Some(login.clone()),
            _ => None,
        },
        targets: suspect.map(|suspect| targets(&suspect.behaviour)),
        chain_complete: suspect.is_some_and(|suspect| suspect.chain_complete),
        coverage_complete: !judgement.hosts.is_empty() && judgement.hosts.iter().all(|view| view.complete),
        host: host.map(|(name, _)| name.clone()),
        instance_id: host.and_then(|(_, host)| host.instance_id.clone()),
    }
}

fn entry_kind(entry: &Entry) -> &'static str {
    match entry {
        Entry::Login { .. } => "login",
        Entry::SsmSession { .. } => "ssm_session",
        Entry::SsmCommand { .. } => "ssm_command",
        Entry::Cron { .. } => "cron",
        Entry::Unit { .. } => "unit",
        Entry::Container { .. } => "container",
        Entry::Console { .. } => "console",
        Entry::Unknown => "unknown",
    }
}

fn targets(behaviour: &Behaviour) -> Targets {
    Targets {
        addresses: behaviour.address_sample.clone(),
        address_count: behaviour.addresses,
        ports: ports(behaviour),
        port_ranges: behaviour.port_ranges.clone(),
        flows: behaviour.flows,
        matched: behaviour.matched,
        protocol: behaviour.protocol().map(|protocol| protocol.to_string()).unwrap_or_default(),
        via: behaviour.via.clone(),
        first: behaviour.first,
        last: behaviour.last,
    }
}

/// Ports on the reported addresses where those match, else all.
pub(super) fn ports(behaviour: &Behaviour) -> u64 {
    let known = if behaviour.matched > 0 { behaviour.matched_ports } else { behaviour.ports };
    known.max(words::ports_in(&behaviour.port_ranges))
}
