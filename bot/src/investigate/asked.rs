//! Sessions that had a service start something: units by `systemd-run` and `machinectl`, programs in containers by their
//! runtimes' clients, jobs by `at` and `crontab`. What these start descends from the service, whoever asked. Pure.

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
    let uses = below.flat_map(|process| host.logins.by(process).iter().copied());
    uses.filter(|event| is_asking(event) && event.login.by.is_some()).collect()
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
        chain.find(|(_, above)| host.logins.by(above).iter().any(|event| is_asking(event)))?;
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
