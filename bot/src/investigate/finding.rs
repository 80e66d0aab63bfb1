//! Findings: single facts with the events that show them.

use history::EventId;
use history::Via;

use super::Asked;
use super::asked;
use super::attached;
use super::beside;
use super::habit;
use super::named;
use super::onward;
use super::program::is_ssh_server;
use super::suspect::Candidate;
use super::words;
use crate::case::About;
use crate::case::Entry;
use crate::case::Finding;
use crate::case::LoginView;
use crate::untrusted::Untrusted;
use crate::untrusted::visible;

/// Most findings in a judgement.
const FINDINGS_MAX: usize = 40;

/// The facts, in the order in which a person asks.
pub(super) fn findings(asked: &[Asked], first: Option<&Candidate>, candidates: &[Candidate]) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(first) = first {
        what(first, &mut found);
        who(first, &mut found);
        why(first, &mut found);
        onward::findings(first, &mut found);
        beside::also(first, &mut found);
    }
    let first_key = first.map(Candidate::key);
    let others = candidates.iter().filter(|other| Some(other.key()) != first_key).take(4);
    found.extend(others.map(beside::other_suspect));
    if first.is_none() {
        for asked in asked {
            // Suspects that do not carry a verdict were named already.
            if asked.host.is_some() && !candidates.iter().any(|other| other.suspect.host == asked.view.name) {
                beside::busiest(asked, &mut found);
            }
        }
    }
    found.truncate(FINDINGS_MAX);
    found
}

pub(super) fn finding(first: &Candidate, about: About, text: String, events: Vec<EventId>) -> Finding {
    Finding { about, text, events, host: first.suspect.host.clone() }
}

/// A suspect's program, for a sentence.
pub(super) fn program(candidate: &Candidate) -> String {
    match (&candidate.suspect.process, candidate.group.unrecorded) {
        (Some(process), _) => format!("{} (process {})", process.title.shown(60), process.pid),
        (None, Some(id)) => format!("process {}", id.tgid),
        (None, None) => match candidate.suspect.behaviour.via.first() {
            Some(Via::Forwarded) => "the host, forwarding for others,".to_owned(),
            Some(Via::Kernel) => "the kernel".to_owned(),
            _ => "an unknown process".to_owned(),
        },
    }
}

fn what(first: &Candidate, found: &mut Vec<Finding>) {
    let behaviour = &first.suspect.behaviour;
    let mut text = format!(
        "{} {}, {} ({})",
        program(first),
        first.suspect.says,
        words::span(behaviour.first, behaviour.last),
        words::duration_s(behaviour.seconds()),
    );
    if first.suspect.siblings > 0 {
        text.push_str(&format!(
            ", in {} processes; targets are at least these",
            words::count(first.suspect.siblings + 1)
        ));
    }
    found.push(finding(first, About::What, text, behaviour.events.clone()));
    let asked = named::questions(&first.group, &named::claimed(first.claims), first.host.evidence);
    if let Some(asked) = &asked {
        let text = format!(
            "it asked DNS for {}, {}, {}",
            visible(&asked.name, 120),
            words::counted(asked.count, "time", "times"),
            words::span(asked.first, asked.last)
        );
        found.push(finding(first, About::What, text, asked.events.clone()));
    }
    if behaviour.matched > 0 && asked.is_none() {
        let text = format!(
            "{} of its {} went to reported addresses, to {}",
            words::count(behaviour.matched),
            words::counted(behaviour.flows, "flow", "flows"),
            words::counted(
                behaviour.matched_ports.max(words::ports_in(&behaviour.port_ranges)),
                "port",
                "ports"
            ),
        );
        let events = first.samples().take(4).map(|sample| sample.event).collect();
        found.push(finding(first, About::What, text, events));
    }
    if let (1.., Some(hits)) = first.matched.ports
        && hits == first.matched.ports.0
    {
        let text = format!(
            "all {} are among those that it reached",
            words::counted(hits as u64, "reported port", "reported ports")
        );
        found.push(finding(first, About::What, text, Vec::new()));
    }
    if let Some(text) = first.claimed_process.sentence() {
        found.push(finding(first, About::What, text, Vec::new()));
    }
    if let Some(text) = first.source_ports.sentence() {
        let events = first.samples().take(4).map(|sample| sample.event).collect();
        found.push(finding(first, About::What, text, events));
    }
    found.push(finding(first, About::What, sockets(first), behaviour.events.clone()));
    if let Some(told) = told_by(first) {
        found.push(finding(first, About::What, told.to_owned(), Vec::new()));
    }
    for sign in &first.suspect.signs {
        found.push(finding(first, About::Why, sign.clone(), Vec::new()));
    }
}

/// How a tool is known.
fn told_by(first: &Candidate) -> Option<&'static str> {
    match first.suspect.told_by.as_str() {
        "name" => Some("the tool is told by its name beside what it did"),
        "options" => Some("the tool is told by its options beside what it did; its file has another name"),
        "behaviour" => Some("the tool is told by what it did; neither name nor options are known ones"),
        _ => None,
    }
}

fn sockets(first: &Candidate) -> String {
    let behaviour = &first.suspect.behaviour;
    let via: Vec<String> = behaviour
        .via
        .iter()
        .map(|via| match via {
            Via::Socket => "ordinary sockets",
            Via::RawIp => "raw IP sockets (it wrote the transport header itself)",
            Via::Packet => "packet sockets (it wrote whole frames itself)",
            Via::Kernel => "no socket: the kernel's own packets",
            Via::Forwarded => "no local socket: packets of others, forwarded",
        })
        .map(str::to_owned)
        .collect();
    let mut text = format!("sent through {}", words::list(&via));
    if behaviour.via.first() == Some(&Via::Forwarded) && !behaviour.local_addresses.is_empty() {
        let from: Vec<String> = behaviour.local_addresses.iter().take(4).map(ToString::to_string).collect();
        text.push_str(&format!("; they came from {}", words::list(&from)));
    }
    let flags = flag_names(behaviour.tcp_flags);
    if !flags.is_empty() {
        text.push_str(&format!("; TCP flags {flags}"));
    }
    if behaviour.established.saturating_add(behaviour.failed) > 0 {
        text.push_str(&format!(
            "; {} stood, {} were refused, timed out or failed",
            words::counted(behaviour.established, "connection", "connections"),
            words::count(behaviour.failed),
        ));
    }
    text
}

/// Names of TCP flags.
fn flag_names(flags: u8) -> String {
    const NAMES: [&str; 8] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];
    let set: Vec<&str> = (0..8).filter(|bit| flags & (1 << bit) != 0).map(|bit| NAMES[bit]).collect();
    set.join(", ")
}

fn who(first: &Candidate, found: &mut Vec<Finding>) {
    let suspect = &first.suspect;
    let Some(process) = &suspect.process else {
        return;
    };
    let mut text = format!("it ran as {}", process.user.shown(40));
    if process.effective_user != process.user {
        text.push_str(&format!(", with the rights of {}", process.effective_user.shown(40)));
    }
    if let Some(elevator) = &suspect.elevated_by {
        text.push_str(&format!(", through {}", elevator.shown(40)));
    }
    if let Some(person) = &suspect.person {
        let known = match person.known_by.as_str() {
            "login_uid" => "the kernel's login user, which sudo and su keep",
            "login" => "the session's login",
            "ssm_session" => "the IAM name in the SSM session's id",
            "parent" => "the user of the process that started it",
            "asked" => "who had it started",
            "opener" => "whose session of this host opened the connection of that login",
            "users_manager" => "whose own systemd manager ran it",
            _ => "its own user",
        };
        text.push_str(&format!("; the person is {} ({known})", person.name.shown(40)));
    }
    found.push(finding(first, About::Who, text, Vec::new()));
    if let Some(between) = &first.between {
        found.push(finding(first, About::Who, between.clone(), Vec::new()));
    }
    let (mut text, events) = entry_text(&suspect.entry);
    if let Some(uid) = first.origin.as_ref().and_then(|origin| origin.users_manager) {
        text.push_str(&format!(
            ", by the own manager of {}, which runs with or without a login (linger)",
            first.host.user(uid).shown(40)
        ));
    }
    found.push(finding(first, About::Who, text, events));
    if let Some(origin) =
        first.origin.as_ref().filter(|origin| asked::who(&origin.entry, &origin.asked).is_some())
    {
        let text = format!("{} and so had it started", asked::sentence(&origin.asked));
        let events = origin.asked.iter().map(|event| event.event).collect();
        found.push(finding(first, About::Who, text, events));
    }
    let by_ssh_server = first.group.process.is_some_and(is_ssh_server);
    if let (Entry::Login { login }, true, false) = (&suspect.entry, by_ssh_server, suspect.behaviour.inbound)
    {
        let whence =
            login.source_address.map_or_else(|| "elsewhere".to_owned(), |address| address.to_string());
        let text = format!(
            "the ssh server itself sent it, for this session: a port that was forwarded (ssh -D, -L, -W, -J); the \
             program that made it ran at {whence}"
        );
        found.push(finding(first, About::Who, text, vec![login.event]));
    }
}

fn entry_text(entry: &Entry) -> (String, Vec<EventId>) {
    match entry {
        Entry::Login { login } => (login_text(login), vec![login.event]),
        Entry::SsmSession { session } => (
            format!(
                "it began with the SSM session {}; CloudTrail's StartSession names its IAM principal",
                session.shown(80)
            ),
            Vec::new(),
        ),
        Entry::SsmCommand { id } => {
            let id = id.as_ref().map(|id| format!(" {}", id.shown(80))).unwrap_or_default();
            let text = format!(
                "it began with the command{id} sent through SSM; CloudTrail's SendCommand names who sent it"
            );
            (text, Vec::new())
        }
        Entry::Cron { command, service } => {
            (format!("{service} started it: {}", command.shown(200)), Vec::new())
        }
        Entry::Unit { name } => (format!("the systemd unit {} started it", name.shown(80)), Vec::new()),
        Entry::Container { .. } => {
            (format!("it ran in the container {}", words::container(entry)), Vec::new())
        }
        Entry::Console { tty } => (format!("it was started on the console {}", tty.shown(20)), Vec::new()),
        Entry::Unknown => ("how its session or service began is not recorded".to_owned(), Vec::new()),
    }
}

/// Sessions of the same user that were open at the same time from elsewhere.
fn beside_open(first: &Candidate, login: &history::LoginEvent) -> Option<Finding> {
    let host = first.host;
    let until = first.suspect.behaviour.last;
    let open: Vec<_> = (host.evidence.logins.iter())
        .filter(|other| other.login.accepted && !other.login.is_attach())
        .filter(|other| other.login.user == login.login.user)
        .filter(|other| other.login.source_address.is_some_and(|it| Some(it) != login.login.source_address))
        .filter(|other| {
            let ended = other.login.process.and_then(|id| host.exit(id)).map(|exit| exit.time);
            other.time <= until && ended.is_none_or(|ended| ended >= login.time)
        })
        .take(4)
        .collect();
    let first_open = open.first()?;
    let from: Vec<String> = open
        .iter()
        .filter_map(|other| other.login.source_address)
        .map(|address| address.to_string())
        .collect();
    let text = format!(
        "{} had another session open at the same time, from {}, since {}",
        Untrusted::new(&login.login.user).shown(40),
        words::list(&from),
        words::utc(first_open.time),
    );
    Some(finding(first, About::Why, text, open.iter().map(|other| other.event).collect()))
}

/// A login in a sentence.
pub(super) fn login_text(login: &LoginView) -> String {
    let mut text = format!("{} logged in over {}", login.user.shown(40), login.service_name());
    if let Some(address) = login.source_address {
        text.push_str(&format!(" from {address}"));
    }
    if let Some(port) = login.source_port {
        text.push_str(&format!(" port {port}"));
    }
    text.push_str(&format!(" by {} at {}", login.method.shown(40), words::utc(login.time)));
    if let Some(key) = &login.key {
        text.push_str(&format!(", key {}", key.shown(120)));
    }
    text
}

fn why(first: &Candidate, found: &mut Vec<Finding>) {
    let Some(origin) = &first.origin else {
        return;
    };
    let Some(login) = origin.login else {
        return;
    };
    let user = Untrusted::new(&login.login.user).shown(40);
    let mut failures: Vec<_> = (first.host.evidence.logins.iter())
        .filter(|other| !other.login.accepted && other.time <= login.time)
        .filter(|other| {
            let source = login.login.source_address;
            other.login.user == login.login.user || (source.is_some() && other.login.source_address == source)
        })
        .collect();
    failures.sort_by_key(|other| other.time);
    let text = match (failures.first(), failures.last()) {
        (Some(earliest), Some(latest)) => format!(
            "{} for {user} or from that address before it, {}",
            words::counted(failures.len() as u64, "failed login", "failed logins"),
            words::span(earliest.time, latest.time),
        ),
        _ => format!("no failed login for {user} or from that address in the time that was asked"),
    };
    found.push(finding(
        first,
        About::Why,
        text,
        failures.iter().rev().take(4).map(|event| event.event).collect(),
    ));
    if let Some(habit) = habit::habit_of(first.host, login) {
        let program = first.group.process.map(|process| process.exe.as_str());
        for text in habit::sentences(habit, login, program) {
            found.push(finding(first, About::Why, text, vec![login.event]));
        }
    }
    found.extend(beside_open(first, login));
    found.extend(attached::terminal(first).map(|terminal| terminal.finding(first)));
    let sources = first.host.logins.other_sources(login);
    if !sources.is_empty() {
        let shown: Vec<String> = sources.iter().take(4).map(ToString::to_string).collect();
        let text = format!("{user} also logged in from {} in the time that was asked", words::list(&shown));
        let events = (first.host.evidence.logins.iter())
            .filter(|other| {
                let is_its = other.login.user == login.login.user && !other.login.is_attach();
                other.login.accepted && is_its && other.event != login.event
            })
            .take(4)
            .map(|other| other.event)
            .collect();
        found.push(finding(first, About::Why, text, events));
    }
}
