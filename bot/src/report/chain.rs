//! The chain in at most five lines: from the beginning to the traffic.

use std::collections::BTreeSet;

use history::Protocol;

use super::ChainLine;
use super::facts::ports;
use crate::case::Behaviour;
use crate::case::Entry;
use crate::case::ProcessView;
use crate::case::Suspect;
use crate::case::Verdict;
use crate::investigate::words;
use crate::untrusted::Untrusted;

/// Lines of the chain.
const CHAIN_LINES: usize = 5;

/// From the beginning to the traffic in at most five lines.
pub(super) fn chain(suspect: &Suspect) -> Vec<ChainLine> {
    let line = |kind: &str, text: String| ChainLine { kind: kind.to_owned(), text: Untrusted::new(&text) };
    let mut lines = Vec::new();
    match &suspect.entry {
        Entry::Login { login } => {
            let from = login.source_address.map(|address| {
                let port = login.source_port.map(|port| format!(" port {port}")).unwrap_or_default();
                format!("{address}{port} ")
            });
            let key = login.key.as_ref().map(|key| format!(" {}", key.raw())).unwrap_or_default();
            lines.push(line(
                "login",
                format!(
                    "{}{} as {} by {}{key}",
                    from.unwrap_or_default(),
                    login.service_name(),
                    login.user.raw(),
                    login.method.raw()
                ),
            ));
        }
        Entry::SsmSession { session } => {
            lines.push(line("session", format!("SSM session {}", session.raw())))
        }
        Entry::SsmCommand { id } => {
            let id = id.as_ref().map(|id| format!(" {}", id.raw())).unwrap_or_default();
            lines.push(line("command", format!("SSM Run Command{id}")));
        }
        Entry::Cron { command, service } => lines.push(line(service, command.raw().to_owned())),
        Entry::Unit { name } => lines.push(line("unit", name.raw().to_owned())),
        Entry::Container { .. } => lines.push(line("container", words::container(&suspect.entry))),
        Entry::Console { tty } => lines.push(line("console", tty.raw().to_owned())),
        Entry::Unknown => lines.push(beginning(suspect)),
    }
    // The entry's own daemon and forks that run the same image say nothing new.
    let daemon =
        usize::from(!matches!(suspect.entry, Entry::Unknown | Entry::Unit { .. } | Entry::Container { .. }));
    let shown = suspect.ancestors.len().saturating_sub(daemon);
    let mut between: Vec<&ProcessView> = suspect.ancestors[..shown].iter().rev().collect();
    between.retain(|process| {
        !(process.name.raw().starts_with("sshd") && matches!(suspect.entry, Entry::Login { .. }))
    });
    between.dedup_by(|a, b| a.argv == b.argv && a.user == b.user);
    let room = CHAIN_LINES - 3;
    if between.len() > room {
        let folded = between.len() - (room - 1);
        let names: BTreeSet<String> =
            between[..folded].iter().map(|process| process.name.shown(30)).collect();
        let names: Vec<String> = names.into_iter().take(4).collect();
        lines.push(line("via", format!("{} processes: {}", folded, names.join(", "))));
        between.drain(..folded);
    }
    lines.extend(between.iter().map(|process| line("process", process_text(process))));
    if let Some(process) = &suspect.process {
        lines.push(line("process", process_text(process)));
    }
    let behaviour = &suspect.behaviour;
    let protocol = behaviour.protocol().map(|protocol| protocol.to_string()).unwrap_or_default();
    lines.push(line(
        "traffic",
        format!(
            "{} by {protocol} to {}{}",
            words::counted(behaviour.flows, "flow", "flows"),
            addresses(behaviour),
            reached(behaviour),
        ),
    ));
    lines
}

/// The ports that were reached; what stands in a port's place for ICMP is none.
fn reached(behaviour: &Behaviour) -> String {
    if matches!(behaviour.protocol(), Some(Protocol::ICMP | Protocol::ICMPV6)) {
        return String::new();
    }
    let list = words::port_list(&behaviour.port_ranges, 6);
    format!(", {} ({list})", words::counted(ports(behaviour), "port", "ports"))
}

/// The first line where no entry is known.
fn beginning(suspect: &Suspect) -> ChainLine {
    let local = &suspect.behaviour.local_addresses;
    let (kind, text) = match suspect.verdict {
        Verdict::Forwarded if !local.is_empty() => {
            let from: Vec<String> = local.iter().take(4).map(ToString::to_string).collect();
            ("from", words::list(&from))
        }
        _ => ("?", "the beginning is not recorded".to_owned()),
    };
    ChainLine { kind: kind.to_owned(), text: Untrusted::new(&text) }
}

fn process_text(process: &ProcessView) -> String {
    let user = if process.user == process.effective_user {
        process.user.raw().to_owned()
    } else {
        format!("{} as {}", process.user.raw(), process.effective_user.raw())
    };
    let command = if process.argv.is_empty() { process.name.raw() } else { process.argv.raw() };
    format!("[{user}] {command}")
}

fn addresses(behaviour: &Behaviour) -> String {
    match (behaviour.addresses, behaviour.address_sample.first()) {
        (0 | 1, Some(address)) => address.to_string(),
        (number, _) => words::counted(number, "address", "addresses"),
    }
}
