//! Sessions that had a service start something: units by `systemd-run` and `machinectl`, programs in containers by their
//! runtimes' clients, jobs by `at` and `crontab`. What these start descends from the service, whoever asked. Pure.

use std::collections::BTreeSet;

use history::LoginEvent;
use history::Process;

use super::host::Host;
use super::words;
use crate::case::Entry;
use crate::untrusted::Untrusted;

/// Sessions that are named.
const NAMED_MAX: usize = 4;

/// The sessions that had a unit or job started, or may have: `below` are the processes of it.
pub(super) fn asked<'a>(
    host: &Host<'a>,
    entry: &Entry,
    below: impl Iterator<Item = &'a Process>,
) -> Vec<&'a LoginEvent> {
    if !matches!(entry, Entry::Unit { .. } | Entry::Container { .. } | Entry::Cron { .. }) {
        return Vec::new();
    }
    uses(host, below).filter(|event| !is_attaching(event)).collect()
}

/// Sessions that used the terminal of a container until a process of it began.
pub(super) fn attached<'a>(
    host: &Host<'a>,
    process: &'a Process,
    below: impl Iterator<Item = &'a Process>,
) -> Vec<&'a LoginEvent> {
    let before = |event: &&LoginEvent| is_attaching(event) && event.time <= process.started;
    uses(host, below).filter(before).collect()
}

/// What clients did for or with any of these processes, each once.
fn uses<'a>(
    host: &Host<'a>,
    below: impl Iterator<Item = &'a Process>,
) -> impl Iterator<Item = &'a LoginEvent> {
    let mut seen = BTreeSet::new();
    let all = below.flat_map(|process| host.logins.by(process).iter().copied());
    all.filter(move |event| is_asking(event) && event.login.by.is_some() && seen.insert(event.event))
}

/// Whether a client only uses the terminal of what runs (`docker attach`).
fn is_attaching(event: &LoginEvent) -> bool {
    let words = || event.login.command.as_deref().unwrap_or_default().split(' ').skip(1);
    let starts = ["run", "exec", "start", "restart", "up", "create"];
    words().any(|word| word == "attach") && !words().any(|word| starts.contains(&word))
}

/// How many processes above one lies the first of what a session had started, where nothing else tells how it began: PAM
/// may have made a session of the unit. With the name that it has among the host's units.
pub(super) fn begun<'a>(
    host: &Host<'a>,
    process: &'a Process,
    ancestors: &[&'a Process],
) -> Option<(usize, Entry)> {
    let mut chain = std::iter::once(process).chain(ancestors.iter().copied()).enumerate();
    let (depth, first) =
        chain.find(|(_, above)| uses(host, std::iter::once(*above)).any(|event| !is_attaching(event)))?;
    let name = Untrusted::new(first.cgroup.rsplit('/').next().unwrap_or_default());
    Some((depth, Entry::Unit { name }))
}

/// Whether a program has services start something, as opposed to keeping a terminal.
pub(crate) fn is_client(program: &str) -> bool {
    const KNOWN: [&str; 10] = [
        "systemd-run",
        "run0",
        "machinectl",
        "docker",
        "docker-compose",
        "podman",
        "nerdctl",
        "ctr",
        "at",
        "crontab",
    ];
    KNOWN.contains(&program)
}

fn is_asking(event: &LoginEvent) -> bool {
    event.login.is_attach() && event.login.accepted && is_client(&event.login.service)
}

/// The one who had a unit or a program in a container started. Of a job nothing tells who of several queued it, or whether
/// any did.
pub(super) fn who(entry: &Entry, asked: &[&LoginEvent]) -> Option<Untrusted> {
    let first = asked.first().filter(|_| !matches!(entry, Entry::Cron { .. }))?;
    let alone = asked.iter().all(|other| other.login.by == first.login.by);
    first.login.by.as_deref().filter(|_| alone).map(Untrusted::new)
}

/// In a sentence.
pub(super) fn sentence(asked: &[&LoginEvent]) -> String {
    let shown: Vec<String> = asked.iter().take(NAMED_MAX).map(|event| one(event)).collect();
    words::list(&shown)
}

fn one(event: &LoginEvent) -> String {
    let login = &event.login;
    let by = login.by.as_deref().map_or_else(|| "somebody".to_owned(), |by| Untrusted::new(by).shown(40));
    let from = login.source_address.map(|address| format!(", logged in from {address},")).unwrap_or_default();
    let command = login.command.as_deref().map(|line| format!(" ({})", Untrusted::new(line).shown(160)));
    let service = Untrusted::new(&login.service).shown(40);
    format!("{by}{from} called {service}{}", command.unwrap_or_default())
}
