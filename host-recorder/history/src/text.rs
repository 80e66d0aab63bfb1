//! Evidence as text for a person at a terminal. Pure; control characters are shown, not sent.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::event::Process;
use crate::evidence::Activity;
use crate::evidence::DnsEvent;
use crate::evidence::Evidence;
use crate::evidence::OperationEvent;
use crate::id::ProcessId;
use crate::id::UnixNs;

/// Longest command line shown, characters.
const COMMAND_MAX: usize = 300;

/// Writes evidence as text: coverage, then traffic by process with the chain that led to it.
pub fn text(evidence: &Evidence) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write_text(&mut out, evidence);
    out
}

fn write_text(out: &mut String, evidence: &Evidence) -> std::fmt::Result {
    let window = evidence.coverage.window;
    writeln!(
        out,
        "host      {} (kernel {})",
        visible(&evidence.host.hostname),
        visible(&evidence.host.kernel)
    )?;
    writeln!(out, "window    {} to {}", window.from, window.to)?;
    write_coverage(out, evidence)?;
    let processes: BTreeMap<ProcessId, &Process> =
        evidence.processes.iter().map(|process| (process.id, process)).collect();
    if evidence.activities.is_empty() {
        writeln!(out, "\nno traffic in this window")?;
    }
    for activity in &evidence.activities {
        writeln!(out)?;
        write_activity(out, activity)?;
        write_chain(out, evidence, &processes, activity.process)?;
    }
    if !evidence.logins.is_empty() {
        writeln!(out, "\nlogins")?;
    }
    for event in &evidence.logins {
        writeln!(out, "  {}  {}  [event {}]", event.time, login_words(&event.login), event.event)?;
    }
    write_beside(out, evidence)?;
    for omission in &evidence.omitted {
        writeln!(out, "\nnot shown: {} {}", omission.count, omission.what)?;
    }
    Ok(())
}

fn write_coverage(out: &mut String, evidence: &Evidence) -> std::fmt::Result {
    let coverage = &evidence.coverage;
    if coverage.complete() {
        writeln!(out, "coverage  complete, nothing lost ({} events searched)", coverage.events_searched)?;
    } else {
        writeln!(out, "coverage  INCOMPLETE ({} events searched)", coverage.events_searched)?;
    }
    for gap in &coverage.gaps {
        writeln!(out, "  gap     {} to {}: {}", gap.window.from, gap.window.to, visible(&gap.reason))?;
    }
    for loss in &coverage.losses {
        let (from, to) = (loss.window.from, loss.window.to);
        writeln!(out, "  lost    {} {:?} events between {from} and {to}", loss.count, loss.class)?;
    }
    Ok(())
}

fn write_activity(out: &mut String, activity: &Activity) -> std::fmt::Result {
    let mark = if activity.matched > 0 { "*" } else { " " };
    write!(
        out,
        "{mark} {} {} {} by {:?}: {} flows, {} targets ({} addresses, {} ports)",
        activity.first,
        activity.protocol,
        if activity.direction == crate::event::Direction::Out { "out" } else { "in" },
        activity.via,
        activity.flows,
        activity.targets,
        activity.addresses,
        activity.ports,
    )?;
    if activity.matched > 0 {
        write!(out, ", {} matched", activity.matched)?;
    }
    writeln!(out, "  [events {} to {}]", activity.first_event, activity.last_event)?;
    let addresses: Vec<String> = activity.address_sample.iter().take(6).map(ToString::to_string).collect();
    let ports: Vec<String> = activity
        .port_ranges
        .iter()
        .take(12)
        .map(|(from, to)| if from == to { from.to_string() } else { format!("{from}-{to}") })
        .collect();
    let states: Vec<String> =
        activity.states.iter().map(|(state, count)| format!("{count} {state:?}").to_lowercase()).collect();
    writeln!(out, "    to {} ports {} ({})", addresses.join(" "), ports.join(","), states.join(", "))
}

/// Operations and DNS messages.
fn write_beside(out: &mut String, evidence: &Evidence) -> std::fmt::Result {
    if !evidence.operations.is_empty() {
        writeln!(out, "\noperations")?;
    }
    for OperationEvent { event, time, operation } in &evidence.operations {
        let by = operation.process.map(|id| format!(" by pid {}", id.tgid)).unwrap_or_default();
        let mark = if operation.kind.is_critical() { " CRITICAL" } else { "" };
        let detail = visible(&operation.detail);
        writeln!(out, "  {time}  {:?}{mark} {detail}{by}  [event {event}]", operation.kind)?;
    }
    if !evidence.dns.is_empty() {
        writeln!(out, "\nDNS")?;
    }
    for DnsEvent { event, time, dns } in &evidence.dns {
        let addresses = dns.addresses.iter().map(ToString::to_string);
        let answers: Vec<String> = dns.names.iter().map(|name| visible(name)).chain(addresses).collect();
        let what = match (dns.answer, dns.code) {
            (false, _) => "asked".to_owned(),
            (true, 0) => format!("is {}", answers.join(" ")),
            (true, code) => format!("failed with code {code}"),
        };
        writeln!(out, "  {time}  {} type {} {what}  [event {event}]", visible(&dns.name), dns.kind)?;
    }
    Ok(())
}

fn write_chain(
    out: &mut String,
    evidence: &Evidence,
    processes: &BTreeMap<ProcessId, &Process>,
    owner: Option<ProcessId>,
) -> std::fmt::Result {
    let Some(owner) = owner else {
        return writeln!(out, "    no process: forwarded, or the kernel's own, or unknown");
    };
    let mut next = Some(owner);
    // A hostile ring may hold a circle.
    for depth in 0..processes.len() + 1 {
        let Some(id) = next else { break };
        let Some(process) = processes.get(&id) else {
            writeln!(out, "    {}{id} (not recorded)", "  ".repeat(depth.min(20)))?;
            break;
        };
        write!(out, "    {}", "  ".repeat(depth.min(20)))?;
        writeln!(
            out,
            "{}  ({}, pid {}, {})",
            command(process),
            who(process),
            id.tgid,
            when(process.started)
        )?;
        for event in
            evidence.logins.iter().filter(|event| event.login.process.is_some_and(|of| of.same_process(&id)))
        {
            writeln!(out, "    {}login: {}", "  ".repeat(depth.min(20) + 1), login_words(&event.login))?;
        }
        next = process.parent;
    }
    Ok(())
}

pub(crate) fn command(process: &Process) -> String {
    let words: Vec<String> = process.argv.iter().map(|word| visible(word)).collect();
    let line = if words.is_empty() { format!("[{}]", visible(&process.comm)) } else { words.join(" ") };
    if line.chars().count() > COMMAND_MAX {
        line.chars().take(COMMAND_MAX).chain("…".chars()).collect()
    } else {
        line
    }
}

pub(crate) fn who(process: &Process) -> String {
    let name = |name: &Option<String>, id: u32| match name {
        Some(name) => visible(name),
        None => format!("uid {id}"),
    };
    let mut who = name(&process.user, process.credentials.uid);
    if process.credentials.euid != process.credentials.uid {
        let _ = write!(who, " as uid {}", process.credentials.euid);
    }
    if let Some(login) = process.credentials.login_uid.filter(|login| *login != process.credentials.uid) {
        let _ = write!(who, ", login {}", name(&process.login_user, login));
    }
    if !process.credentials.groups.is_empty() {
        let _ = write!(who, ", groups {}", process.credentials.groups);
    }
    who
}

fn when(at: UnixNs) -> String {
    at.to_string()
}

pub(crate) fn login_words(login: &crate::event::Login) -> String {
    let source = match (login.source_address, login.source_port) {
        (Some(address), Some(port)) => format!(" from {}", std::net::SocketAddr::new(address, port)),
        (Some(address), None) => format!(" from {address}"),
        _ => String::new(),
    };
    let outcome = if login.accepted { "accepted" } else { "refused" };
    let key = login.key.as_deref().map(|key| format!(" ({})", visible(key))).unwrap_or_default();
    let more = |word: &str, text: &Option<String>| {
        text.as_deref().map(|text| format!(", {word} {}", visible(text))).unwrap_or_default()
    };
    let (by, session) = (more("asked by", &login.by), more("session", &login.session));
    let command = more("to run", &login.command);
    format!(
        "{} {outcome} {} by {}{source}{key}{by}{session}{command}",
        visible(&login.service),
        visible(&login.user),
        visible(&login.method)
    )
}

/// Text of a host with its control and direction characters shown.
pub(crate) fn visible(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    text.chars()
        .flat_map(|c| if hidden(c) { c.escape_unicode().collect::<Vec<_>>() } else { vec![c] })
        .collect()
}
