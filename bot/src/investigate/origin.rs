//! Where a process came from: its session's beginning, the person behind it, and how it got its rights.

use history::LoginEvent;
use history::Process;
use history::UnixNs;

use super::host::Host;
use super::host::Lineage;
use super::host::program_name;
use crate::case::Entry;
use crate::case::LoginView;
use crate::case::Person;
use crate::untrusted::Untrusted;

/// Programs that are meant to give other rights.
const ELEVATORS: &[&str] = &["sudo", "su", "doas", "pkexec", "runuser", "sudo-rs", "su-rs", "run0"];

/// Seconds that a login's log line may come after the session's first process.
const LOGIN_LATE_S: i64 = 10;

/// Where a process came from.
pub(super) struct Origin<'a> {
    /// Its ancestors up to and with the one that is its entry, nearest first.
    pub chain: Vec<&'a Process>,
    /// How it began.
    pub entry: Entry,
    /// The login, where it began with one.
    pub login: Option<&'a LoginEvent>,
    /// Whether every link between is recorded.
    pub complete: bool,
    /// What is missing in it, in words.
    pub broken: Option<String>,
    /// Who is behind it.
    pub person: Option<Person>,
    /// Another person that another source names.
    pub other_person: Option<String>,
    /// Through what it got other rights: the program's name, empty where none is meant for that.
    pub elevated_by: Option<String>,
}

/// Finds where a process came from.
pub(super) fn origin<'a>(host: &Host<'a>, process: &'a Process) -> Origin<'a> {
    let Lineage { mut ancestors, missing, to_the_top } = host.lineage(process);
    let broken = missing.map(|id| {
        format!("process {}, which started {}, is not recorded", id.tgid, {
            let child = ancestors.last().copied().unwrap_or(process);
            Untrusted::new(program_name(child)).shown(60)
        })
    });
    let found = entry(host, process, &ancestors);
    let mut origin = Origin {
        chain: Vec::new(),
        entry: Entry::Unknown,
        login: None,
        complete: false,
        broken: None,
        person: None,
        other_person: None,
        elevated_by: None,
    };
    match found {
        Some(found) => {
            origin.complete = !found.needs_top || to_the_top || found.left_scope;
            if !origin.complete {
                origin.broken = broken;
            }
            ancestors.truncate(found.depth);
            origin.entry = found.entry;
            origin.login = found.login;
        }
        None => {
            origin.broken = broken;
            // The session's number still joins it to its login, over the missing link.
            if let Some(login) = login_by_session(host, process) {
                origin.entry = Entry::Login { login: login_view(login) };
                origin.login = Some(login);
            }
        }
    }
    origin.chain = ancestors;
    origin.elevated_by = elevated_by(process, &origin.chain);
    (origin.person, origin.other_person) = person(host, process, &origin);
    origin
}

struct Found<'a> {
    /// How many of the ancestors belong to the chain, the entry's process included.
    depth: usize,
    entry: Entry,
    login: Option<&'a LoginEvent>,
    /// Whether the way must be known to the top for the chain to be unbroken.
    needs_top: bool,
    /// Whether the way is known to beyond the unit or container.
    left_scope: bool,
}

/// The nearest beginning above a process.
fn entry<'a>(host: &Host<'a>, process: &'a Process, ancestors: &[&'a Process]) -> Option<Found<'a>> {
    let container = container(&process.cgroup);
    let mut below = process;
    for (index, &ancestor) in ancestors.iter().enumerate() {
        let found =
            |entry, login| Some(Found { depth: index + 1, entry, login, needs_top: false, left_scope: true });
        if container.is_some() && self::container(&ancestor.cgroup) != container {
            break;
        }
        if let Some(login) = login_of(host, ancestor, below) {
            return found(Entry::Login { login: login_view(login) }, Some(login));
        }
        match program_name(ancestor) {
            "ssm-session-worker" => {
                let session = ancestor.argv.get(1).map(|name| Untrusted::new(name)).unwrap_or_default();
                return found(Entry::SsmSession { session }, None);
            }
            "ssm-document-worker" => return found(Entry::SsmCommand, None),
            "cron" | "crond" | "atd" | "anacron" | "fcron" | "busybox-cron" => {
                return found(Entry::Cron { command: cron_command(below) }, None);
            }
            "login" | "agetty" | "gdm-session-worker" | "sddm-helper" | "lightdm" => {
                let tty = below.tty.as_deref().or(process.tty.as_deref()).unwrap_or("console");
                return found(Entry::Console { tty: Untrusted::new(tty) }, None);
            }
            _ => {}
        }
        below = ancestor;
    }
    scope(process, ancestors)
}

/// A place in the cgroup tree that stands for a beginning.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope<'a> {
    Container(&'static str, &'a str),
    Unit(&'a str),
}

impl<'a> Scope<'a> {
    fn of(process: &'a Process) -> Option<Self> {
        match container(&process.cgroup) {
            Some((runtime, id)) => Some(Self::Container(runtime, id)),
            None => unit(&process.cgroup).map(Self::Unit),
        }
    }

    fn entry(self) -> Entry {
        match self {
            Self::Container(runtime, id) => {
                let short: String = id.chars().take(12).collect();
                Entry::Container { runtime: runtime.to_owned(), id: Untrusted::new(&short) }
            }
            Self::Unit(name) => Entry::Unit { name: Untrusted::new(name) },
        }
    }
}

/// The container or systemd unit of a process, by its place in the cgroup tree.
fn scope<'a>(process: &'a Process, ancestors: &[&'a Process]) -> Option<Found<'a>> {
    let scope = Scope::of(process)?;
    let depth = ancestors.iter().take_while(|ancestor| Scope::of(ancestor) == Some(scope)).count();
    let left_scope = depth < ancestors.len();
    Some(Found { depth, entry: scope.entry(), login: None, needs_top: true, left_scope })
}

/// The accepted login that a process let in and whose session `below` belongs to: the first of them, since whoever
/// is let in can write lines to the log after it.
fn login_of<'a>(host: &Host<'a>, ancestor: &Process, below: &Process) -> Option<&'a LoginEvent> {
    let latest = below.started.plus_s(LOGIN_LATE_S);
    host.logins_by(ancestor)
        .iter()
        .copied()
        .filter(|event| event.login.accepted && event.time <= latest)
        .min_by_key(|event| event.time)
}

/// The login of the same audit session, found through another process of that session.
fn login_by_session<'a>(host: &Host<'a>, process: &Process) -> Option<&'a LoginEvent> {
    const TRIED_MAX: usize = 200;
    let session = process.credentials.session?;
    let same = |other: &&&Process| {
        other.credentials.session == Some(session)
            && other.credentials.login_uid == process.credentials.login_uid
            && other.id.boot == process.id.boot
    };
    let others: Vec<&'a Process> = host.evidence.processes.iter().collect();
    others.iter().filter(same).take(TRIED_MAX).find_map(|other| {
        let lineage = host.lineage(other);
        let mut below: &Process = other;
        lineage.ancestors.iter().find_map(|ancestor| {
            let login = login_of(host, ancestor, below);
            below = ancestor;
            login
        })
    })
}

fn cron_command(below: &Process) -> Untrusted {
    // cron starts a shell with -c and the job's line.
    match below.argv.iter().position(|argument| argument == "-c") {
        Some(at) if at + 1 < below.argv.len() => Untrusted::new(&below.argv[at + 1..].join(" ")),
        _ => Untrusted::command_line(&below.argv),
    }
}

/// Runtime and id of a container, from a cgroup path.
fn container(cgroup: &str) -> Option<(&'static str, &str)> {
    const SCOPES: &[(&str, &str)] = &[
        ("docker-", "docker"),
        ("cri-containerd-", "containerd"),
        ("crio-", "cri-o"),
        ("libpod-", "podman"),
        ("nerdctl-", "containerd"),
    ];
    let is_id = |id: &str| id.len() >= 12 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut runtime = None;
    for part in cgroup.split('/').filter(|part| !part.is_empty()) {
        let bare = part.strip_suffix(".scope").unwrap_or(part);
        for (prefix, name) in SCOPES {
            if let Some(id) = bare.strip_prefix(prefix).filter(|id| is_id(id)) {
                return Some((name, id));
            }
        }
        match part {
            "docker" => runtime = Some("docker"),
            "lxc" | "lxc.payload" => runtime = Some("lxc"),
            _ if part.starts_with("lxc.payload.") => return Some(("lxc", &part["lxc.payload.".len()..])),
            _ if part.starts_with("kubepods") => runtime = Some("kubernetes"),
            _ => {}
        }
        if let (Some(runtime), true) = (runtime, is_id(bare)) {
            return Some((runtime, bare));
        }
    }
    None
}

/// The systemd unit of a cgroup path: its last part that is a service, a user's manager left out.
fn unit(cgroup: &str) -> Option<&str> {
    cgroup.split('/').rev().find(|part| part.ends_with(".service")).filter(|part| !part.starts_with("user@"))
}

/// Through what a process got another user's rights than its ancestors had.
fn elevated_by(process: &Process, chain: &[&Process]) -> Option<String> {
    let first_person = chain.iter().position(|ancestor| ancestor.credentials.uid != 0)?;
    // A setuid program such as ping keeps its user's real id: it is meant to be so.
    if process.credentials.uid == chain[first_person].credentials.uid {
        return None;
    }
    let above: Vec<&str> = chain[..=first_person].iter().map(|ancestor| program_name(ancestor)).collect();
    // A shell started with other rights runs in between; the elevator itself may be the last person's process.
    let elevator = above.iter().find(|name| ELEVATORS.contains(name));
    match elevator {
        Some(name) => Some((*name).to_owned()),
        None if process.credentials.uid == 0 => Some(String::new()),
        // A service that gives rights up is no elevation.
        None => None,
    }
}

/// The person behind a process, and another one that another source names.
fn person(host: &Host, process: &Process, origin: &Origin) -> (Option<Person>, Option<String>) {
    let login_uid = process.credentials.login_uid.filter(|uid| *uid != u32::MAX);
    let named = |uid: u32| match process.login_user.as_deref().filter(|user| !user.is_empty()) {
        Some(user) => Some(Untrusted::new(user)),
        None => host.known_user(uid),
    };
    let by_login_uid = login_uid.and_then(named);
    let by_login = origin.login.map(|event| Untrusted::new(&event.login.user));
    let by_parent = (origin.chain.iter().find(|ancestor| ancestor.credentials.uid != 0))
        .map(|ancestor| host.view(ancestor).user);
    let by_own = (process.credentials.uid != 0).then(|| host.view(process).user);
    // Services have accounts, not persons, unless a login stands behind them.
    let with_session = !matches!(origin.entry, Entry::Unit { .. } | Entry::Container { .. } | Entry::Unknown);
    let known = [
        by_login_uid.clone().map(|name| (name, "login_uid")),
        by_login.clone().map(|name| (name, "login")),
        by_parent.filter(|_| with_session).map(|name| (name, "parent")),
        by_own.filter(|_| with_session).map(|name| (name, "own_user")),
        root_itself(process, origin).map(|name| (name, "own_user")),
        login_uid.map(|uid| (host.user(uid), "login_uid")),
    ];
    let person = known.into_iter().flatten().next();
    let other = match (&by_login_uid, &by_login) {
        (Some(uid), Some(login)) if account(uid) != account(login) => Some(login.shown(40)),
        _ => None,
    };
    (person.map(|(name, known_by)| Person { name, known_by: known_by.to_owned() }), other)
}

/// An account's name without its domain: `alice` of `alice@corp.example` and `CORP\\alice`.
fn account(name: &Untrusted) -> String {
    let bare = name.raw().rsplit('\\').next().unwrap_or_default();
    bare.split('@').next().unwrap_or_default().to_lowercase()
}

/// Root's own cron job or console session has root as its person.
fn root_itself(process: &Process, origin: &Origin) -> Option<Untrusted> {
    (matches!(origin.entry, Entry::Cron { .. } | Entry::Console { .. }) && process.credentials.uid == 0)
        .then(|| Untrusted::new("root"))
}

pub(super) fn login_view(event: &LoginEvent) -> LoginView {
    let login = &event.login;
    LoginView {
        service: Untrusted::new(&login.service),
        user: Untrusted::new(&login.user),
        method: Untrusted::new(&login.method),
        source_address: login.source_address,
        source_port: login.source_port,
        key: login.key.as_deref().map(Untrusted::new),
        time: event.time,
        event: event.event,
    }
}

/// Whether two times lie so near each other that a session of a login may be meant.
pub(super) fn near(a: UnixNs, b: UnixNs, seconds: i64) -> bool {
    a <= b.plus_s(seconds) && b <= a.plus_s(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cgroup_paths_name_containers_and_units() {
        let id = "4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e";
        let check = |path: &str, expected: Option<&str>| {
            assert_eq!(container(path).map(|(runtime, _)| runtime), expected, "{path}");
        };
        check(&format!("/system.slice/docker-{id}.scope"), Some("docker"));
        check(&format!("/docker/{id}"), Some("docker"));
        check(&format!("/kubepods.slice/kubepods-pod1.slice/cri-containerd-{id}.scope"), Some("containerd"));
        check(&format!("/kubepods/besteffort/pod1-2/{id}"), Some("kubernetes"));
        check("/system.slice/docker.service", None);
        check("/user.slice/user-1000.slice/session-3.scope", None);
        assert_eq!(unit("/system.slice/nginx.service"), Some("nginx.service"));
        assert_eq!(unit("/system.slice/system-getty.slice/getty@tty1.service"), Some("getty@tty1.service"));
        assert_eq!(
            unit("/user.slice/user-1000.slice/user@1000.service/app.slice/x.service"),
            Some("x.service")
        );
        assert_eq!(unit("/user.slice/user-1000.slice/session-3.scope"), None);
        assert_eq!(unit(""), None);
    }
}
