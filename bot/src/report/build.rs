//! Makes a report from a case and what its hosts answered.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use history::UnixNs;
use jiff::Timestamp;

use super::ChainLine;
use super::Facts;
use super::Field;
use super::PlaybookRef;
use super::Report;
use super::Targets;
use super::VERSION;
use super::reply;
use super::timeline;
use crate::case::Behaviour;
use crate::case::Case;
use crate::case::Entry;
use crate::case::HostAnswer;
use crate::case::HostRef;
use crate::case::Judgement;
use crate::case::Located;
use crate::case::ProcessView;
use crate::case::Suspect;
use crate::case::Verdict;
use crate::investigate::investigate;
use crate::investigate::words;
use crate::playbook::Playbook;
use crate::playbook::Playbooks;
use crate::playbook::VerdictKind;
use crate::playbook::fill;
use crate::untrusted::Untrusted;

/// Lines of the chain.
const CHAIN_LINES: usize = 5;

/// Notes that a report keeps.
const NOTES_MAX: usize = 20;

/// Tags that name an owner, in the order in which they are believed.
const OWNER_TAGS: &[&str] = &["owner", "team", "contact", "application", "app", "service"];

/// Makes a report.
pub fn build(
    case: &Case,
    located: &Located,
    answers: &[HostAnswer],
    playbooks: &Playbooks,
    now: Timestamp,
) -> Report {
    let playbook = playbooks.for_claims(&case.claims);
    let judgement = investigate(&case.claims, located, answers, playbook);
    let suspect = judgement.suspects.first().filter(|_| rests_on_suspect(&judgement));
    let kind = VerdictKind::from(&judgement.verdict);
    let host = host_of(&judgement, suspect);
    let facts = facts(&judgement, suspect, host.as_ref());
    let scene = Scene { case, playbook, judgement: &judgement, suspect, host: host.as_ref(), facts: &facts };
    let words = scene.words();
    let headline = playbook.headlines.get(&kind).map(|text| fill(text, &words)).unwrap_or_default();
    let chain = suspect.map(chain).unwrap_or_default();
    let reporter_case = case.notices.iter().find_map(|notice| notice.reporter_case.as_deref());
    let notes = located.notes.iter().chain(case.notices.iter().flat_map(|notice| &notice.warnings));
    Report {
        version: VERSION,
        case_id: case.id.clone(),
        reporter_case: reporter_case.map(Untrusted::new),
        activity: case.claims.first().map_or(crate::case::Activity::Other, |claim| claim.activity),
        made: now,
        opened: case.opened,
        deadline: case.deadline,
        playbook: PlaybookRef { name: playbook.name.clone(), version: playbook.version },
        routing: if playbook.routing.owner.contains(&kind) { "owner" } else { "security" }.to_owned(),
        headline: one_line(&headline),
        sentence: sentence(&scene),
        fields: scene.fields(),
        chain,
        steps: steps(&scene, kind, &words),
        timeline: timeline::timeline(case, answers, suspect),
        evidence: timeline::evidence(answers, suspect, &judgement),
        notes: notes.take(NOTES_MAX).map(|note| Untrusted::new(note)).collect(),
        techniques: suspect.map(|suspect| suspect.techniques.clone()).unwrap_or_default(),
        aws_reply: reply::reply(&playbook.reply, kind, &words),
        facts,
        judgement,
    }
}

/// Whether the verdict is about the first suspect.
fn rests_on_suspect(judgement: &Judgement) -> bool {
    let matched = judgement.suspects.first().is_some_and(|suspect| suspect.behaviour.matched > 0);
    match judgement.verdict {
        Verdict::NotThisHost => false,
        Verdict::Unknown => matched,
        _ => true,
    }
}

/// The host that the report is about: the suspect's, else the only candidate.
fn host_of(judgement: &Judgement, suspect: Option<&Suspect>) -> Option<(String, HostRef)> {
    let view = match suspect {
        Some(suspect) => judgement.hosts.iter().find(|view| view.name == suspect.host),
        None => match judgement.hosts.as_slice() {
            [only] => Some(only),
            _ => None,
        },
    };
    view.map(|view| (view.name.clone(), view.host.clone()))
}

fn one_line(text: &str) -> String {
    crate::untrusted::visible(text.trim(), 300)
}

fn facts(judgement: &Judgement, suspect: Option<&Suspect>, host: Option<&(String, HostRef)>) -> Facts {
    let process = suspect.and_then(|suspect| suspect.process.as_ref());
    let of_process = |part: fn(&ProcessView) -> &Untrusted| process.map(|process| part(process).clone());
    let entry = suspect.map_or(&Entry::Unknown, |suspect| &suspect.entry);
    let heard: Vec<_> = judgement.hosts.iter().collect();
    Facts {
        verdict: judgement.verdict.kind().to_owned(),
        confidence: judgement.confidence,
        tool: match suspect.map(|suspect| &suspect.verdict) {
            Some(Verdict::Tool { name }) => Some(name.clone()),
            _ => None,
        },
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
        coverage_complete: !heard.is_empty() && heard.iter().all(|view| view.complete),
        host: host.map(|(name, _)| name.clone()),
        instance_id: host.and_then(|(_, host)| host.instance_id.clone()),
    }
}

fn entry_kind(entry: &Entry) -> &'static str {
    match entry {
        Entry::Login { .. } => "login",
        Entry::SsmSession { .. } => "ssm_session",
        Entry::SsmCommand => "ssm_command",
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

/// Who did what, when, from where, and how sure that is.
fn sentence(scene: &Scene) -> String {
    let confidence = format!(" ({} confidence)", scene.judgement.confidence);
    let hosts = scene.host_name();
    let body = match (scene.suspect, &scene.judgement.verdict) {
        (Some(suspect), verdict) => suspect_sentence(scene, suspect, verdict),
        (None, Verdict::NotThisHost) => {
            let when = scene
                .claimed()
                .map_or(String::new(), |(from, to)| format!(" from {}", words::span(from, to)));
            format!(
                "{hosts} sent nothing to {} and got nothing from there{when}; the history of that time is complete",
                scene.claimed_targets()
            )
        }
        (None, _) => match scene.judgement.doubts.first() {
            Some(doubt) => format!("It cannot be said yet who did it: {}", doubt.text),
            None => "It cannot be said yet who did it: nothing in the history stands out".to_owned(),
        },
    };
    one_line_long(&format!("{body}{confidence}."))
}

fn one_line_long(text: &str) -> String {
    crate::untrusted::visible(text.trim(), 1_200)
}

fn suspect_sentence(scene: &Scene, suspect: &Suspect, verdict: &Verdict) -> String {
    let behaviour = &suspect.behaviour;
    let program = suspect.process.as_ref().map_or_else(
        || match verdict {
            Verdict::Forwarded => scene.host_name(),
            _ => "A process that is not recorded".to_owned(),
        },
        |process| process.name.shown(60),
    );
    let mut text = match (&suspect.person, &suspect.process) {
        (Some(person), Some(process)) => {
            let rights = rights(suspect, process);
            format!(
                "{} ran {program}{rights} on {}; it {}",
                person.name.shown(40),
                suspect.host,
                suspect.says
            )
        }
        (None, Some(process)) => {
            format!("{program}{} on {} {}", rights(suspect, process), suspect.host, suspect.says)
        }
        _ => format!("{program} on {} {}", suspect.host, suspect.says),
    };
    if *verdict == Verdict::Unknown {
        text.push_str(&format!("; that alone does not look like {}", scene.playbook.abuse));
    }
    text.push_str(&format!(", {}", words::span(behaviour.first, behaviour.last)));
    text.push_str(&match &suspect.entry {
        Entry::Login { login } => {
            let from = login.source_address.map(|address| format!(" from {address}")).unwrap_or_default();
            format!(
                ". The session began with {}'s login over {}{from} by {} at {}",
                login.user.shown(40),
                login.service_name(),
                login.method.shown(30),
                words::utc(login.time)
            )
        }
        Entry::SsmSession { session } => format!(". The session began as SSM session {}", session.shown(80)),
        Entry::SsmCommand => ". It began with a command sent through SSM".to_owned(),
        Entry::Cron { command } => format!(". cron started it: {}", command.shown(120)),
        Entry::Unit { name } => format!(". It belongs to the systemd unit {}", name.shown(60)),
        Entry::Container { runtime, id } => format!(". It ran in the {runtime} container {}", id.shown(20)),
        Entry::Console { tty } => format!(". It was started on the console {}", tty.shown(20)),
        Entry::Unknown if suspect.process.is_some() => ". How it was started is not recorded".to_owned(),
        Entry::Unknown => String::new(),
    });
    text
}

fn rights(suspect: &Suspect, process: &ProcessView) -> String {
    let same = suspect.person.as_ref().is_some_and(|person| person.name == process.effective_user);
    match &suspect.elevated_by {
        Some(elevator) => format!(" as {} through {}", process.effective_user.shown(40), elevator.shown(40)),
        None if same => String::new(),
        None => format!(" as {}", process.effective_user.shown(40)),
    }
}

/// From the beginning to the traffic in at most five lines.
fn chain(suspect: &Suspect) -> Vec<ChainLine> {
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
        Entry::SsmCommand => lines.push(line("command", "SSM Run Command".to_owned())),
        Entry::Cron { command } => lines.push(line("cron", command.raw().to_owned())),
        Entry::Unit { name } => lines.push(line("unit", name.raw().to_owned())),
        Entry::Container { runtime, id } => lines.push(line("container", format!("{runtime} {}", id.raw()))),
        Entry::Console { tty } => lines.push(line("console", tty.raw().to_owned())),
        Entry::Unknown => lines.push(line("?", "the beginning is not recorded".to_owned())),
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
            "{} {protocol} flows to {}, {} ({})",
            words::count(behaviour.flows),
            addresses(behaviour),
            words::counted(ports(behaviour), "port", "ports"),
            words::port_list(&behaviour.port_ranges, 6),
        ),
    ));
    lines
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

pub(super) fn addresses(behaviour: &Behaviour) -> String {
    match (behaviour.addresses, behaviour.address_sample.first()) {
        (0 | 1, Some(address)) => address.to_string(),
        (number, _) => words::counted(number, "address", "addresses"),
    }
}

fn steps(scene: &Scene, kind: VerdictKind, words: &BTreeMap<&str, String>) -> Vec<String> {
    const STEPS_MAX: usize = 6;
    let needs_person = |text: &str| text.contains("{person}") && scene.facts.person.is_none();
    let needs_source = |text: &str| text.contains("{source}") && scene.facts.login.is_none();
    scene
        .playbook
        .steps_for(kind)
        .filter(|step| !needs_person(&step.text) && !needs_source(&step.text))
        .map(|step| fill(&step.text, words))
        .take(STEPS_MAX)
        .collect()
}

/// What the report's words are made from.
struct Scene<'a> {
    case: &'a Case,
    playbook: &'a Playbook,
    judgement: &'a Judgement,
    suspect: Option<&'a Suspect>,
    host: Option<&'a (String, HostRef)>,
    facts: &'a Facts,
}

impl Scene<'_> {
    fn host_name(&self) -> String {
        match (self.host, self.judgement.hosts.len()) {
            (Some((name, _)), _) => name.clone(),
            (None, 0) => "an unknown host".to_owned(),
            (None, number) => format!("any of {number} candidate hosts"),
        }
    }

    /// The claimed time.
    fn claimed(&self) -> Option<(UnixNs, UnixNs)> {
        let windows = || self.case.claims.iter().filter_map(|claim| claim.window.as_ref());
        let from = windows().map(|window| window.from).min()?;
        let to = windows().map(|window| window.to).max()?;
        Some((from.into(), to.into()))
    }

    fn claimed_targets(&self) -> String {
        let addresses: BTreeSet<_> =
            self.case.claims.iter().flat_map(|claim| &claim.remote).map(|remote| remote.address).collect();
        let shown: Vec<String> = addresses.iter().take(3).map(ToString::to_string).collect();
        match addresses.len() {
            0 => "the reported target".to_owned(),
            1..=3 => words::list(&shown),
            more => format!("{} and {} more", shown.join(", "), more - 3),
        }
    }

    fn owner(&self) -> Option<Untrusted> {
        let tags = &self.host?.1.tags;
        OWNER_TAGS.iter().find_map(|wanted| {
            let tag =
                tags.iter().find(|(name, value)| name.eq_ignore_ascii_case(wanted) && !value.is_empty());
            tag.map(|(_, value)| Untrusted::new(value))
        })
    }

    fn fields(&self) -> Vec<Field> {
        let field =
            |label: &str, value: String| Field { label: label.to_owned(), value: Untrusted::new(&value) };
        let host = self.host.map(|(_, host)| host);
        let part = |of: fn(&HostRef) -> Option<&String>| {
            host.and_then(of).cloned().unwrap_or_else(|| "unknown".to_owned())
        };
        let account =
            format!("{} / {}", part(|host| host.account.as_ref()), part(|host| host.region.as_ref()));
        let owner = self.owner().map_or_else(|| "no owner tag".to_owned(), |owner| owner.raw().to_owned());
        let reported =
            self.claimed().map_or_else(|| "no time named".to_owned(), |(from, to)| words::span(from, to));
        let deadline =
            self.case.deadline.map_or_else(|| "none".to_owned(), |deadline| words::utc(deadline.into()));
        vec![
            field("Instance", format!("{} ({})", self.host_name(), part(|host| host.instance_id.as_ref()))),
            field("Account / region", account),
            field("Owner", owner),
            field("Reported time", reported),
            field("Answer due", deadline),
            field("Coverage", self.coverage()),
        ]
    }

    fn coverage(&self) -> String {
        match self.judgement.hosts.as_slice() {
            [] => "no host was asked".to_owned(),
            [only] => only.text.clone(),
            many => {
                let own = self.host.and_then(|(name, _)| many.iter().find(|view| view.name == *name));
                let complete = many.iter().filter(|view| view.complete).count();
                let summary = format!("{complete} of {} candidate hosts complete", many.len());
                own.map_or(summary.clone(), |view| format!("{}; {summary}", view.text))
            }
        }
    }

    /// The words for the places in headlines, steps and letters.
    fn words(&self) -> BTreeMap<&'static str, String> {
        let suspect = self.suspect;
        let process = suspect.and_then(|suspect| suspect.process.as_ref());
        let shown = |text: Option<&Untrusted>, limit: usize, missing: &str| {
            text.filter(|text| !text.is_empty()).map_or_else(|| missing.to_owned(), |text| text.shown(limit))
        };
        let host = self.host.map(|(_, host)| host);
        let part = |of: fn(&HostRef) -> Option<&String>| {
            host.and_then(of).map_or_else(|| "unknown".to_owned(), |text| Untrusted::new(text).shown(60))
        };
        let program = shown(process.map(|process| &process.name), 60, "a process that is not recorded");
        let person = self.facts.person.as_ref();
        let tool = self.facts.tool.clone().unwrap_or_else(|| program.clone());
        let (from, to) = match suspect {
            Some(suspect) => (words::utc(suspect.behaviour.first), words::utc(suspect.behaviour.last)),
            None => match self.claimed() {
                Some((from, to)) => (words::utc(from), words::utc(to)),
                None => ("not named".to_owned(), "not named".to_owned()),
            },
        };
        let login = self.facts.login.as_ref();
        let reporter_case = self.case.notices.iter().find_map(|notice| notice.reporter_case.as_deref());
        BTreeMap::from([
            ("tool", tool),
            (
                "by",
                person
                    .map_or_else(|| format!("{program} "), |person| format!("{} ", person.shown(40)))
                    .trim()
                    .to_owned(),
            ),
            ("program", program),
            ("command", shown(process.map(|process| &process.argv), 200, "")),
            ("person", shown(person, 40, "unknown")),
            ("user", shown(process.map(|process| &process.user), 40, "unknown")),
            ("host", self.host_name()),
            ("instance", part(|host| host.instance_id.as_ref())),
            ("account", part(|host| host.account.as_ref())),
            ("region", part(|host| host.region.as_ref())),
            ("owner", shown(self.owner().as_ref(), 60, "no owner tag")),
            ("abuse", self.playbook.abuse.clone()),
            ("did", suspect.map_or_else(String::new, |suspect| suspect.says.clone())),
            ("targets", self.claimed_targets()),
            ("from", from),
            ("to", to),
            ("login", login.map_or_else(|| "unknown".to_owned(), |login| login.user.shown(40))),
            (
                "source",
                login
                    .and_then(|login| login.source_address)
                    .map_or_else(|| "unknown".to_owned(), |address| address.to_string()),
            ),
            ("entry", entry_words(suspect.map(|suspect| &suspect.entry))),
            (
                "parent",
                suspect
                    .and_then(|suspect| suspect.ancestors.first())
                    .map_or_else(String::new, |parent| parent.name.shown(40)),
            ),
            ("case", Untrusted::new(&self.case.id.0).shown(60)),
            (
                "reporter_case",
                reporter_case
                    .map_or_else(String::new, |case| format!(" ({})", Untrusted::new(case).shown(60))),
            ),
            ("coverage", self.coverage()),
            ("confidence", self.judgement.confidence.to_string()),
        ])
    }
}

fn entry_words(entry: Option<&Entry>) -> String {
    match entry {
        Some(Entry::Login { login }) => format!("the login of {}", login.user.shown(40)),
        Some(Entry::SsmSession { .. }) => "the SSM session".to_owned(),
        Some(Entry::SsmCommand) => "the SSM command".to_owned(),
        Some(Entry::Cron { .. }) => "the cron job".to_owned(),
        Some(Entry::Unit { name }) => format!("the unit {}", name.shown(40)),
        Some(Entry::Container { runtime, id }) => format!("the {runtime} container {}", id.shown(20)),
        Some(Entry::Console { .. }) => "the console".to_owned(),
        Some(Entry::Unknown) | None => "the way in, which is not known yet".to_owned(),
    }
}
