//! Where a process came from: its session's beginning, the person behind it, and how it got its rights.

use history::Container;
use history::LoginEvent;
use history::Process;
use history::UnixNs;

use super::asked;
use super::host::Host;
use super::host::Lineage;
use super::program::program_name;
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
    /// Of what runs in a container that a session started: what stands between the two, nearest first.
    pub between: Vec<&'a Process>,
    /// How it began.
    pub entry: Entry,
    /// The login, where it began with one.
    pub login: Option<&'a LoginEvent>,
    /// What told how it began: that login, or a job's beginning.
    pub told: Option<&'a LoginEvent>,
    /// Whether every link between is recorded.
    pub complete: bool,
    /// What is missing in it, in words.
    pub broken: Option<String>,
    /// Who is behind it.
    pub person: Option<Person>,
    /// Another person that another source names.
    pub other_person: Option<String>,
    /// Who its kernel's login user was made on the way: another than the session began with.
    pub became: Option<String>,
    /// Whose session started the daemon by hand that runs the job.
    pub daemon_of: Option<String>,
    /// Through what it got other rights: the program's name, empty where none is meant for that.
    pub elevated_by: Option<String>,
    /// Sessions that had its unit started, or may have queued its job.
    pub asked: Vec<&'a LoginEvent>,
    /// Sessions that used the terminal of its container until it began.
    pub attached: Vec<&'a LoginEvent>,
    /// Whose own systemd manager runs its unit: a timer or service of a user, with or without a login.
    pub users_manager: Option<u32>,
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
    // What let somebody in, or runs jobs.
    let server = found.as_ref().and_then(|found| ancestors.get(found.depth)).copied();
    let mut origin = Origin {
        chain: Vec::new(),
        between: Vec::new(),
        entry: Entry::Unknown,
        login: None,
        told: None,
        complete: false,
        broken: None,
        person: None,
        other_person: None,
        became: None,
        daemon_of: None,
        elevated_by: None,
        asked: Vec::new(),
        attached: Vec::new(),
        users_manager: None,
    };
    match found {
        Some(found) => {
            origin.complete = !found.needs_top || to_the_top || found.left_scope;
            if !origin.complete {
                origin.broken = broken;
            }
            let above = ancestors.split_off(found.depth);
            origin.between = between(host, &found.entry, process, above);
            origin.entry = found.entry;
            origin.login = found.login;
            origin.told = found.told;
        }
        None if let Some((depth, entry)) = asked::begun(host, process, &ancestors) => {
            ancestors.truncate(depth);
            (origin.entry, origin.complete) = (entry, true);
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
    origin.users_manager = users_manager(process).filter(|_| matches!(origin.entry, Entry::Unit { .. }));
    origin.elevated_by = elevated_by(process, &origin.chain);
    let below = || std::iter::once(process).chain(origin.chain.iter().copied());
    (origin.asked, origin.attached) =
        (asked::asked(host, &origin.entry, below()), asked::attached(host, process, below()));
    if asked::who(&origin.entry, &origin.asked).is_some() {
        origin.between.clear();
    }
    let is_let_in = !matches!(origin.entry, Entry::Unit { .. } | Entry::Container { .. } | Entry::Unknown);
    let users = LoginUsers::of(process, &origin.chain, server.filter(|_| is_let_in));
    let daemon =
        server.filter(|server| matches!(origin.entry, Entry::Cron { .. }) && login_uid(server).is_some());
    origin.daemon_of = daemon.map(|daemon| login_name(host, daemon).shown(40));
    // What root's own job does is whose who had a daemon of jobs run it by hand.
    let began = users.began.or(daemon.filter(|_| process.credentials.uid == 0));
    (origin.person, origin.other_person) = person(host, process, &origin, began);
    origin.became = users.became.map(|changed| login_name(host, changed).shown(40));
    origin
}

/// What stands between a container and the session that started it, or all that is known of that; nothing where no session did,
/// or another one had it started by a client.
fn between<'a>(
    host: &Host<'a>,
    entry: &Entry,
    process: &'a Process,
    above: Vec<&'a Process>,
) -> Vec<&'a Process> {
    if !matches!(entry, Entry::Container { .. }) || login_uid(process).is_none() {
        return Vec::new();
    }
    above.into_iter().take_while(|above| !has_session(host, above)).collect()
}

/// Whether a process let somebody in, or runs a job.
fn has_session(host: &Host, process: &Process) -> bool {
    host.logins.by(process).iter().any(|event| event.login.accepted && !is_step(event))
}

struct Found<'a> {
    /// How many of the ancestors belong to the chain, the entry's process included.
    depth: usize,
    entry: Entry,
    login: Option<&'a LoginEvent>,
    told: Option<&'a LoginEvent>,
    /// Whether the way must be known to the top for the chain to be unbroken.
    needs_top: bool,
    /// Whether the way is known to beyond the unit or container.
    left_scope: bool,
}

/// The nearest beginning above a process.
fn entry<'a>(host: &Host<'a>, process: &'a Process, ancestors: &[&'a Process]) -> Option<Found<'a>> {
    let container = container(process).map(|container| container.id);
    // A worker of SSM that forwards a port is the session itself.
    if let Some(entry @ (Entry::SsmSession { .. } | Entry::SsmCommand { .. })) =
        login_of(host, process, process).map(|login| entry_of_login(login, process, process))
    {
        let (login, told) = (None, None);
        return Some(Found { depth: 0, entry, login, told, needs_top: false, left_scope: true });
    }
    let mut below = process;
    for (index, &ancestor) in ancestors.iter().enumerate() {
        let found_by = |entry, login, told| {
            Some(Found { depth: index + 1, entry, login, told, needs_top: false, left_scope: true })
        };
        let found = |entry| found_by(entry, None, None);
        if container.is_some() && self::container(ancestor).map(|container| container.id) != container {
            break;
        }
        if let Some(login) = login_of(host, ancestor, below) {
            let entry = entry_of_login(login, below, process);
            let lets_in = matches!(entry, Entry::Login { .. } | Entry::Console { .. });
            return found_by(entry, lets_in.then_some(login), Some(login));
        }
        // Anybody may call a program so. Who is root can make all of this up.
        let service = if ancestor.credentials.is_privileged() { program_name(ancestor) } else { "" };
        let within_session = || ancestors[index + 1..].iter().any(|above| has_session(host, above));
        let by_agent = || ancestors.get(index + 1).is_none_or(|above| is_ssm_agent(above));
        match service {
            "ssm-session-worker" if by_agent() => {
                let session = ancestor.argv.get(1).map(|name| Untrusted::new(name)).unwrap_or_default();
                return found(Entry::SsmSession { session });
            }
            "ssm-document-worker" if by_agent() => {
                let id = ancestor.argv.get(1).map(|id| Untrusted::new(id));
                return found(Entry::SsmCommand { id });
            }
            name @ ("cron" | "crond" | "atd" | "anacron" | "fcron" | "busybox-cron") => {
                let service = match name {
                    "atd" => "at",
                    "anacron" => "anacron",
                    _ => "cron",
                };
                let (command, service) = (cron_command(below), service.to_owned());
                return found(Entry::Cron { command, service });
            }
            // Within a session it is a step, as su is.
            "login" if host.logins.by(ancestor).iter().any(|event| is_step(event)) => {}
            "login" | "agetty" | "gdm-session-worker" | "sddm-helper" | "lightdm" if !within_session() => {
                let tty = below.tty.as_deref().or(process.tty.as_deref()).unwrap_or("console");
                return found(Entry::Console { tty: Untrusted::new(tty) });
            }
            _ => {}
        }
        below = ancestor;
    }
    scope(process, ancestors)
}

fn is_ssm_agent(process: &Process) -> bool {
    process.credentials.is_privileged()
        && ["ssm-agent-worker", "amazon-ssm-agent"].contains(&program_name(process))
}

/// What a recorded login or job began; `below` is the first process of it.
fn entry_of_login(event: &LoginEvent, below: &Process, process: &Process) -> Entry {
    let login = &event.login;
    let session = login.session.as_deref().map(Untrusted::new);
    match login.method.as_str() {
        "session-manager" => Entry::SsmSession { session: session.unwrap_or_default() },
        "run-command" => Entry::SsmCommand { id: session },
        "crontab" | "anacrontab" | "at" => {
            let command = login.command.as_deref().map_or_else(|| cron_command(below), Untrusted::new);
            let service = match login.method.as_str() {
                "at" => "at",
                "anacrontab" => "anacron",
                _ => "cron",
            };
            Entry::Cron { command, service: service.to_owned() }
        }
        "console" => {
            let tty = below.tty.as_deref().or(process.tty.as_deref()).map(Untrusted::new);
            Entry::Console { tty: session.or(tty).unwrap_or_else(|| Untrusted::new("console")) }
        }
        _ => Entry::Login { login: login_view(event) },
    }
}

/// A place in the cgroup tree that stands for a beginning.
#[derive(Clone, PartialEq, Eq)]
enum Scope<'a> {
    Container(String),
    Unit(&'a str),
}

impl<'a> Scope<'a> {
    fn of(process: &'a Process) -> Option<Self> {
        match container(process) {
            Some(container) => Some(Self::Container(container.id)),
            None => history::unit_of(&process.cgroup).or_else(|| users_scope(process)).map(Self::Unit),
        }
    }

    fn entry(&self, process: &Process) -> Entry {
        match self {
            Self::Container(_) => container_entry(&container(process).unwrap_or_default()),
            Self::Unit(name) => Entry::Unit { name: Untrusted::new(name) },
        }
    }
}

/// The user whose own manager a process runs below. Only systemd and root make what is named so.
fn users_manager(process: &Process) -> Option<u32> {
    let mut parts = process.cgroup.split('/');
    parts.find_map(|part| part.strip_prefix("user@")?.strip_suffix(".service")?.parse().ok())
}

/// What a user's manager runs without a service around it (`systemd-run --user --scope`).
fn users_scope(process: &Process) -> Option<&str> {
    users_manager(process)?;
    process.cgroup.split('/').rfind(|part| part.ends_with(".scope") && *part != "init.scope")
}

fn container_entry(container: &Container) -> Entry {
    let text = |text: &Option<String>| text.as_deref().map(Untrusted::new);
    let short: String = container.id.chars().take(12).collect();
    Entry::Container {
        runtime: container.runtime.clone(),
        id: Untrusted::new(&short),
        name: text(&container.name),
        image: text(&container.image),
        pod: text(&container.pod),
    }
}

/// The container or systemd unit of a process, by its place in the cgroup tree.
fn scope<'a>(process: &'a Process, ancestors: &[&'a Process]) -> Option<Found<'a>> {
    let scope = Scope::of(process)?;
    let depth = ancestors.iter().take_while(|ancestor| Scope::of(ancestor).as_ref() == Some(&scope)).count();
    let left_scope = depth < ancestors.len();
    let entry = scope.entry(process);
    Some(Found { depth, entry, login: None, told: None, needs_top: true, left_scope })
}

/// Whether somebody took another one's rights, or used another one's terminal, in a session that had begun before.
fn is_step(event: &LoginEvent) -> bool {
    event.login.method == "elevation"
        || event.login.is_attach()
        || ELEVATORS.contains(&event.login.service.as_str())
}

/// The accepted login that a process let in and whose session `below` belongs to: the first of them, since whoever
/// is let in can write lines to the log after it.
fn login_of<'a>(host: &Host<'a>, ancestor: &Process, below: &Process) -> Option<&'a LoginEvent> {
    let latest = below.started.plus_s(LOGIN_LATE_S);
    host.logins
        .by(ancestor)
        .iter()
        .copied()
        .filter(|event| event.login.accepted && event.time <= latest && !is_step(event))
        .min_by_key(|event| event.time)
}

/// The login of the same audit session, found through another process of that session.
fn login_by_session<'a>(host: &Host<'a>, process: &Process) -> Option<&'a LoginEvent> {
    const TRIED_MAX: usize = 200;
    host.session_of(process).take(TRIED_MAX).find_map(|other| {
        let lineage = host.lineage(other);
        let mut below: &Process = other;
        lineage.ancestors.iter().find_map(|ancestor| {
            let login = login_of(host, ancestor, below);
            below = ancestor;
            login.filter(|login| matches!(entry_of_login(login, other, other), Entry::Login { .. }))
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

/// The container that a process runs in: as its host knows it, or else by its cgroup's path.
fn container(process: &Process) -> Option<Container> {
    process.container.as_deref().cloned().or_else(|| history::container_of(&process.cgroup))
}

/// Through what a process got another user's rights than the session began with.
fn elevated_by(process: &Process, chain: &[&Process]) -> Option<String> {
    let first = chain.iter().rposition(|ancestor| ancestor.credentials.uid != 0)?;
    // A setuid program such as ping keeps its user's real id: it is meant to be so.
    if process.credentials.uid == chain[first].credentials.uid {
        return None;
    }
    let above: Vec<&str> = chain[..=first].iter().map(|ancestor| program_name(ancestor)).collect();
    // A shell started with other rights runs in between; the elevator itself may be the last person's process.
    let elevator = above.iter().find(|name| ELEVATORS.contains(name));
    match elevator {
        Some(name) => Some((*name).to_owned()),
        None if process.credentials.uid == 0 => Some(String::new()),
        // A service that gives rights up is no elevation.
        None => None,
    }
}

/// The kernel's login users of a session. It is set when somebody is let in, and what the session starts inherits it; root
/// can set it to anything.
struct LoginUsers<'a> {
    /// The first process that has the one that it began with.
    began: Option<&'a Process>,
    /// The first one below that has another.
    became: Option<&'a Process>,
}

impl<'a> LoginUsers<'a> {
    /// Of a process and its chain. A `server` that was started by hand has the login user of whoever did that, and so has
    /// what it lets in without setting another.
    fn of(process: &'a Process, chain: &[&'a Process], server: Option<&Process>) -> Self {
        let inherited = |of: &Process| {
            server.is_some_and(|server| {
                let (own, servers) = (&of.credentials, &server.credentials);
                (own.login_uid, own.session) == (servers.login_uid, servers.session)
            })
        };
        let has_own = |of: &&Process| login_uid(of).is_some() && !inherited(of);
        let mut along = chain.iter().rev().copied().chain([process]).filter(has_own);
        let began = along.next();
        let became = along.find(|later| began.is_some_and(|began| login_uid(began) != login_uid(later)));
        Self { began, became }
    }
}

/// The name of a process's login user.
fn login_name(host: &Host, process: &Process) -> Untrusted {
    match process.login_user.as_deref().filter(|user| !user.is_empty()) {
        Some(user) => Untrusted::new(user),
        None => host.user(process.credentials.login_uid.unwrap_or(u32::MAX)),
    }
}

/// The kernel's login user of a process, where it has one.
fn login_uid(process: &Process) -> Option<u32> {
    process.credentials.login_uid.filter(|uid| *uid != u32::MAX)
}

/// The person behind a process, and another one that another source names. `began` has the kernel's login user that the
/// session began with.
fn person(
    host: &Host,
    process: &Process,
    origin: &Origin,
    began: Option<&Process>,
) -> (Option<Person>, Option<String>) {
    let login_uid = began.and_then(login_uid);
    let named = |uid: u32| match began
        .and_then(|began| began.login_user.as_deref())
        .filter(|user| !user.is_empty())
    {
        Some(user) => Some(Untrusted::new(user)),
        None => host.known_user(uid),
    };
    let by_login_uid = login_uid.and_then(named);
    let by_login = origin.login.map(|event| Untrusted::new(&event.login.user));
    // The account in the session is everybody's (ssm-user).
    let by_session = match &origin.entry {
        Entry::SsmSession { session } => history::iam_name(session.raw()).map(Untrusted::new),
        _ => None,
    };
    // What a job does as another user, its own user had it do.
    let by_job = origin
        .told
        .filter(|event| matches!(origin.entry, Entry::Cron { .. }) && !event.login.user.is_empty())
        .map(|event| Untrusted::new(&event.login.user));
    let by_parent = (origin.chain.iter().find(|ancestor| ancestor.credentials.uid != 0))
        .map(|ancestor| host.user_of(ancestor));
    let by_own = (process.credentials.uid != 0).then(|| host.user_of(process));
    // Services have accounts, not persons, unless a login stands behind them.
    // A command by SSM runs as root, for somebody whom no host knows, as whatever account that one wants.
    let with_session = !matches!(
        origin.entry,
        Entry::Unit { .. } | Entry::Container { .. } | Entry::SsmCommand { .. } | Entry::Unknown
    );
    let known = [
        asked::who(&origin.entry, &origin.asked).map(|name| (name, "asked")),
        origin.login.and_then(from_here).map(|name| (name, "opener")),
        by_login_uid.clone().map(|name| (name, "login_uid")),
        by_login.clone().map(|name| (name, "login")),
        by_session.map(|name| (name, "ssm_session")),
        by_job.filter(|job| by_parent.as_ref().or(by_own.as_ref()) != Some(job)).map(|name| (name, "parent")),
        by_parent.filter(|_| with_session).map(|name| (name, "parent")),
        by_own.filter(|_| with_session).map(|name| (name, "own_user")),
        root_itself(process, origin).map(|name| (name, "own_user")),
        origin.users_manager.map(|uid| (host.user(uid), "users_manager")),
        login_uid.map(|uid| (host.user(uid), "login_uid")),
    ];
    let person = known.into_iter().flatten().next();
    let other = match (&by_login_uid, &by_login) {
        (Some(uid), Some(login)) if account(uid) != account(login) => Some(login.shown(40)),
        _ => None,
    };
    (person.map(|(name, known_by)| Person { name, known_by: known_by.to_owned() }), other)
}

/// Whose session of this host opened the connection of a login: to log in from it to the host itself is a step, as su is.
fn from_here(event: &LoginEvent) -> Option<Untrusted> {
    event.login.source_address?;
    event.login.by.as_deref().map(Untrusted::new)
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
