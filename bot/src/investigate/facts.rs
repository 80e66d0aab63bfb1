//! The facts that playbooks' conditions may ask for, and the words that their texts may use.

use std::collections::BTreeMap;
use std::net::IpAddr;

use history::Process;
use history::Via;

use super::behaviour::Group;
use super::doors;
use super::doors::Asked;
use super::habit;
use super::habit::Unlike;
use super::host::Host;
use super::origin::Origin;
use super::program::is_temporary;
use super::program::lets_others_in;
use super::program::lets_people_in;
use super::program::program_name;
use super::program::title;
use super::words;
use crate::case::Behaviour;
use crate::case::Claim;
use crate::case::Entry;
use crate::playbook::Facts;
use crate::playbook::Playbook;
use crate::playbook::Tool;
use crate::untrusted::Untrusted;
use crate::untrusted::cut_bytes;

const SHELLS: &[&str] = &["sh", "bash", "dash", "ash", "zsh", "ksh", "fish", "busybox"];

/// Ports where people and programs log in.
const LOGIN_PORTS: &[u16] =
    &[21, 22, 23, 25, 110, 143, 389, 445, 465, 587, 993, 995, 1433, 2222, 3306, 3389, 5432, 5900, 5985, 6379];

const MAIL_PORTS: &[u16] = &[25, 465, 587, 2525];

const WEB_PORTS: &[u16] = &[80, 443, 8000, 8080, 8443];

/// Longest text that a condition sees, bytes.
const TEXT_MAX: usize = 4_096;

/// Options that a renamed tool must show before it is recognised.
const OPTIONS_MIN: usize = 2;

/// What a suspect is like, beside its numbers.
#[derive(Debug, Clone, Default)]
pub(super) struct Traits {
    pub tool: String,
    pub tool_like: String,
    pub service: String,
    pub service_serves_others: bool,
    /// Whether it is a worker of a service, which another program of that service began as root.
    pub works_for_service: bool,
    /// What takes requests on a local socket and stands between, in words; itself, too.
    pub asked_locally: Option<String>,
    /// What others than whom it belongs to asked over a connection; itself, too.
    pub asked: Option<Asked>,
    pub shell: bool,
    pub serves: bool,
    pub serves_others: bool,
    pub downloads: u64,
    pub login_failures: u64,
    pub other_sources: u64,
    pub unlike: Unlike,
}

/// What a group's program is like.
pub(super) fn traits<'a>(
    host: &Host<'a>,
    group: &Group,
    origin: Option<&Origin<'a>>,
    playbook: &Playbook,
) -> Traits {
    let mut traits = Traits::default();
    let Some(process) = group.process else {
        return traits;
    };
    traits.tool = tool_by_name(process, &playbook.tools).unwrap_or_default();
    traits.tool_like = tool_by_options(process, &playbook.tools).unwrap_or_default();
    traits.serves = host.serves(process);
    traits.serves_others = host.serves_others(process);
    if let Some(origin) = origin {
        traits.shell = origin.chain.iter().any(|ancestor| SHELLS.contains(&program_name(ancestor)));
        if let Some(service) = serving_ancestor(host, process, origin) {
            traits.service = Untrusted::new(program_name(service)).shown(60);
            traits.service_serves_others = host.serves_others(service) || is_worker(service, &origin.chain);
        }
        traits.works_for_service = is_worker(process, &origin.chain);
        traits.asked_locally = doors::serves(host, process, origin);
        traits.asked = doors::asked(host, process, origin, group.behaviour.first);
        traits.downloads = downloads(host, process, origin);
        if let Some(login) = origin.login {
            traits.login_failures = host.logins.failures_before(login);
            traits.other_sources = host.logins.other_sources(login).len() as u64;
            traits.unlike =
                habit::habit_of(host, login).map(|habit| habit::unlike(habit, login)).unwrap_or_default();
        }
    }
    traits
}

fn tool_by_name(process: &Process, tools: &[Tool]) -> Option<String> {
    // A script is named by its interpreter's first argument.
    let script = process.argv.get(1).map(|script| script.rsplit('/').next().unwrap_or_default());
    let names = [
        Some(program_name(process)),
        script.filter(|script| script.ends_with(".py") || script.ends_with(".pl")),
    ];
    let known = |name: &str| tools.iter().find(|tool| tool.programs.iter().any(|program| program == name));
    names.into_iter().flatten().find_map(known).map(|tool| tool.name.clone())
}

fn tool_by_options(process: &Process, tools: &[Tool]) -> Option<String> {
    let shown = |tool: &Tool| {
        let used = |option: &&String| {
            process.argv.iter().skip(1).take(256).any(|argument| {
                argument == *option
                    || argument.strip_prefix(option.as_str()).is_some_and(|rest| rest.starts_with('='))
            })
        };
        tool.options.iter().filter(used).count()
    };
    let best = tools.iter().max_by_key(|tool| shown(tool))?;
    (shown(best) >= OPTIONS_MIN).then(|| best.name.clone())
}

/// The nearest ancestor below the entry that serves the network, if any.
fn serving_ancestor<'a>(host: &Host, process: &Process, origin: &Origin<'a>) -> Option<&'a Process> {
    // The process that let a login in serves the network, too, and says nothing.
    let entry_serves = matches!(origin.entry, Entry::Unit { .. } | Entry::Container { .. } | Entry::Unknown);
    let below_entry = if entry_serves { origin.chain.len() } else { origin.chain.len().saturating_sub(1) };
    let mut above = origin.chain[..below_entry].iter().copied().enumerate();
    let found = above.find(|(at, ancestor)| {
        ancestor.id.tgid != 1
            && ancestor.exe != process.exe
            && !lets_others_in(ancestor, &origin.chain[at + 1..])
            && (host.serves(ancestor) || is_worker(ancestor, &origin.chain))
    });
    found.map(|(_, ancestor)| ancestor)
}

/// Whether a process is what a service does its work in: of a program that began as root, and under an account of the
/// service's own. It is asked for its work, also where it is reached by a local socket that no traffic shows.
fn is_worker(process: &Process, chain: &[&Process]) -> bool {
    let at = chain.iter().position(|above| above.id == process.id).map_or(0, |at| at + 1);
    let mut same = chain[at..].iter().take_while(|above| above.exe == process.exe);
    is_system_account(process.credentials.uid)
        && !lets_people_in(process)
        && same.any(|above| above.credentials.uid == 0)
}

pub(super) fn is_system_account(uid: u32) -> bool {
    (1..1000).contains(&uid) || uid == 65_534
}

/// Downloads by the same session or service before the process started.
fn downloads<'a>(host: &Host<'a>, process: &Process, origin: &Origin<'a>) -> u64 {
    let Some(session) = origin.chain.last() else {
        return 0;
    };
    let candidates = host.downloaders().filter(|other| other.started <= process.started).take(100);
    candidates.filter(|other| host.is_below(other, session)).count() as u64
}

/// States everything about a suspect.
pub(super) fn facts(
    group: &Group,
    origin: Option<&Origin>,
    traits: &Traits,
    claims: &[&Claim],
    playbook: &Playbook,
) -> Facts {
    let mut facts = Facts::default();
    facts.limits(&playbook.limits);
    claim_facts(&mut facts, claims);
    numbers(&mut facts, &group.behaviour, group.processes);
    let behaviour = &group.behaviour;
    facts.suspect("owned", group.process.is_some());
    facts.suspect("inbound", behaviour.inbound);
    facts.suspect("raw", behaviour.raw());
    facts.suspect("forwarded", behaviour.via.first() == Some(&Via::Forwarded));
    facts.suspect("kernel", group.process.is_none() && behaviour.via.first() == Some(&Via::Kernel));
    facts.suspect("protocol", behaviour.protocol().map(|protocol| protocol.to_string()).unwrap_or_default());
    facts.suspect("tool", traits.tool.clone());
    facts.suspect("tool_like", traits.tool_like.clone());
    facts.suspect("service", traits.service.clone());
    facts.suspect("service_child", !traits.service.is_empty());
    facts.suspect("shell", traits.shell);
    facts.suspect("serves", traits.serves);
    facts.suspect("serves_others", traits.serves_others);
    facts.suspect("downloads", whole(traits.downloads));
    facts.suspect("login_failures", whole(traits.login_failures));
    facts.suspect("other_sources", whole(traits.other_sources));
    facts.suspect("earlier_logins", whole(traits.unlike.logins));
    facts.suspect("new_source", traits.unlike.source);
    facts.suspect("new_hour", traits.unlike.hour);
    facts.suspect("new_method", traits.unlike.method);
    facts.suspect("new_key", traits.unlike.key);
    process_facts(&mut facts, group.process);
    origin_facts(&mut facts, origin);
    facts
}

fn claim_facts(facts: &mut Facts, claims: &[&Claim]) {
    let activity = claims.first().map(|claim| words::snake(&claim.activity)).unwrap_or_default();
    facts.claim("activity", activity);
    let remotes = claims.iter().map(|claim| claim.remote.len() as i64).sum::<i64>();
    facts.claim("remotes", remotes);
}

fn numbers(facts: &mut Facts, behaviour: &Behaviour, processes: u64) {
    let ports = behaviour.ports.max(behaviour.matched_ports);
    let seconds = behaviour.seconds().max(1) as f64;
    let targets = behaviour.targets.max(1) as f64;
    for (name, number) in [
        ("processes", processes),
        ("flows", behaviour.flows),
        ("matched", behaviour.matched),
        ("addresses", behaviour.addresses),
        ("ports", ports),
        ("targets", behaviour.targets),
        ("matched_ports", behaviour.matched_ports),
        ("established", behaviour.established),
        ("failed", behaviour.failed),
        ("sent", behaviour.sent),
        ("tcp_flags", behaviour.tcp_flags.into()),
        ("packets", behaviour.packets),
        ("bytes", behaviour.bytes),
        ("bytes_received", behaviour.bytes_received),
        ("seconds", behaviour.seconds()),
        ("port_min", behaviour.port_ranges.first().map_or(0, |range| range.0.into())),
        ("port_max", behaviour.port_ranges.iter().map(|range| range.1.into()).max().unwrap_or(0)),
    ] {
        facts.suspect(name, whole(number));
    }
    for (name, number) in [
        ("failed_share", behaviour.failed_share()),
        ("rate", behaviour.flows as f64 / seconds),
        ("packet_rate", behaviour.packets as f64 / seconds),
        ("packets_per_target", behaviour.packets as f64 / targets),
        ("flows_per_target", behaviour.flows as f64 / targets),
        ("bytes_per_flow", behaviour.bytes as f64 / behaviour.flows.max(1) as f64),
        ("ports_per_address", ports as f64 / behaviour.addresses.max(1) as f64),
        ("amplification", amplification(behaviour)),
    ] {
        facts.suspect(name, number);
    }
    facts.suspect("adjacent", adjacent(&behaviour.address_sample));
    facts.suspect("login_ports", only_ports(behaviour, LOGIN_PORTS));
    facts.suspect("web_ports", only_ports(behaviour, WEB_PORTS));
    facts.suspect("mail_ports", only_ports(behaviour, MAIL_PORTS));
}

/// Whether addresses lie side by side, as those of a swept network do; some of them may be missing.
fn adjacent(addresses: &[IpAddr]) -> bool {
    const TELLING_MIN: usize = 8;
    const STEP_MAX: u128 = 2;
    let mut numbers: Vec<u128> = (addresses.iter())
        .map(|address| match address {
            IpAddr::V4(address) => u32::from(*address).into(),
            IpAddr::V6(address) => u128::from(*address),
        })
        .collect();
    numbers.sort_unstable();
    let near = numbers.windows(2).filter(|pair| pair[1] - pair[0] <= STEP_MAX).count();
    numbers.len() >= TELLING_MIN && near * 2 > numbers.len()
}

fn amplification(behaviour: &Behaviour) -> f64 {
    if behaviour.bytes_received == 0 { 0.0 } else { behaviour.bytes as f64 / behaviour.bytes_received as f64 }
}

fn only_ports(behaviour: &Behaviour, known: &[u16]) -> bool {
    let listed = |(from, to): &(u16, u16)| to - from < 16 && (*from..=*to).all(|port| known.contains(&port));
    !behaviour.port_ranges.is_empty() && behaviour.port_ranges.iter().all(listed)
}

fn process_facts(facts: &mut Facts, process: Option<&Process>) {
    let exe = process.map(|process| cut_bytes(&process.exe, TEXT_MAX)).unwrap_or_default();
    let temporary = is_temporary(exe);
    // A service's file is "deleted" after every upgrade; it says something only where the start was seen.
    let seen = process.is_some_and(|process| process.seen != history::Seen::Snapshot);
    let flags = process.map(|process| process.flags).unwrap_or_default();
    let uid = process.map_or(0, |process| process.credentials.uid);
    facts.suspect("exe", exe.to_owned());
    facts.suspect("program", process.map(|process| program_name(process).to_owned()).unwrap_or_default());
    facts.suspect(
        "command",
        process.map(|process| Untrusted::command_line(&process.argv).raw().to_owned()).unwrap_or_default(),
    );
    facts.suspect("temporary", temporary);
    facts.suspect("hidden", exe.contains("/."));
    facts.suspect("deleted", flags.exe_deleted && seen);
    facts.suspect("memfd", flags.exe_memfd);
    facts.suspect("uid", i64::from(uid));
    facts.suspect("system_user", is_system_account(uid));
}

fn origin_facts(facts: &mut Facts, origin: Option<&Origin>) {
    let elevated_by = origin.and_then(|origin| origin.elevated_by.clone());
    facts.suspect("elevated", elevated_by.is_some());
    facts.suspect("elevated_by", elevated_by.unwrap_or_default());
    let entry = match origin.map(|origin| &origin.entry) {
        Some(Entry::Login { .. }) => "login",
        Some(Entry::SsmSession { .. }) => "ssm_session",
        Some(Entry::SsmCommand { .. }) => "ssm_command",
        Some(Entry::Cron { .. }) => "cron",
        Some(Entry::Unit { .. }) => "unit",
        Some(Entry::Container { .. }) => "container",
        Some(Entry::Console { .. }) => "console",
        Some(Entry::Unknown) | None => "unknown",
    };
    facts.suspect("entry", entry.to_owned());
    let login = origin.and_then(|origin| origin.login).map(|event| &event.login);
    facts.suspect("login_method", login.map(|login| login.method.clone()).unwrap_or_default());
    let lineage: Vec<String> = origin
        .map(|origin| origin.chain.iter().map(|process| program_name(process).to_owned()).collect())
        .unwrap_or_default();
    facts.suspect("lineage", lineage);
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Facts with every name that conditions may use, for checking playbooks.
pub fn example_facts(playbook_limits: &Playbook) -> Facts {
    let group = Group {
        process: None,
        unrecorded: None,
        activities: Vec::new(),
        processes: 0,
        senders: Vec::new(),
        behaviour: Behaviour::default(),
    };
    facts(&group, None, &Traits::default(), &[], playbook_limits)
}

/// The words for the places in a rule's or sign's text.
pub(super) fn rule_words(
    group: &Group,
    origin: Option<&Origin>,
    traits: &Traits,
) -> BTreeMap<&'static str, String> {
    let behaviour = &group.behaviour;
    let shown = |text: &str| Untrusted::new(text).shown(80);
    let matched = behaviour.matched > 0;
    let ports = if matched { behaviour.matched_ports } else { behaviour.ports }
        .max(words::ports_in(&behaviour.port_ranges));
    BTreeMap::from([
        ("name", group.process.map(|process| shown(&title(process))).unwrap_or_default()),
        ("program", group.process.map(|process| shown(&title(process))).unwrap_or_default()),
        ("exe", group.process.map(|process| shown(&process.exe)).unwrap_or_default()),
        (
            "parent",
            origin
                .and_then(|origin| origin.chain.first())
                .map(|parent| shown(program_name(parent)))
                .unwrap_or_default(),
        ),
        ("service", traits.service.clone()),
        ("ports", words::count(ports)),
        ("port_list", port_list(&behaviour.port_ranges)),
        ("addresses", addresses(behaviour)),
        ("targets", targets(behaviour)),
        ("flows", words::count(behaviour.flows)),
        ("matched", words::count(behaviour.matched)),
        ("packets", words::count(behaviour.packets)),
        ("bytes", words::bytes(behaviour.bytes)),
        ("bytes_received", words::bytes(behaviour.bytes_received)),
        ("duration", words::duration_s(behaviour.seconds())),
        (
            "protocol",
            behaviour.protocol().map(|protocol| protocol.to_string().to_uppercase()).unwrap_or_default(),
        ),
        ("failed_percent", failed_percent(behaviour)),
        ("rate", format!("{:.0}", behaviour.flows as f64 / behaviour.seconds().max(1) as f64)),
        ("ratio", format!("{:.1}", amplification(behaviour))),
    ])
}

/// `port 22`, `ports 22, 80-90`.
pub(super) fn port_list(ranges: &[(u16, u16)]) -> String {
    let word = if words::ports_in(ranges) == 1 { "port" } else { "ports" };
    format!("{word} {}", words::port_list(ranges, 6))
}

/// One address by name, several by number.
pub(super) fn addresses(behaviour: &Behaviour) -> String {
    match (behaviour.addresses, behaviour.address_sample.first()) {
        (0 | 1, Some(address)) => address.to_string(),
        (number, _) => words::counted(number, "address", "addresses"),
    }
}

/// Only all is 100 %.
fn failed_percent(behaviour: &Behaviour) -> String {
    match behaviour.failed_share() * 100.0 {
        percent if percent > 99.0 && behaviour.established > 0 => "over 99 %".to_owned(),
        percent => format!("{percent:.0} %"),
    }
}

fn targets(behaviour: &Behaviour) -> String {
    match (behaviour.targets, behaviour.address_sample.first(), behaviour.port_ranges.first()) {
        (1, Some(address), Some((port, _))) => format!("{address} port {port}"),
        (number, _, _) => words::counted(number, "endpoint", "endpoints"),
    }
}
