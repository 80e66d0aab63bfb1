//! What a session has a service manager, a container runtime or a daemon of jobs start: units by `systemd-run`, `run0` and
//! `machinectl shell`, programs in containers by `docker`, `podman`, `nerdctl` and `ctr`, jobs by `at`, `batch` and
//! `crontab`. Pure.
//!
//! Such a process descends from the service, whoever asked for it, and the kernel tells nothing of the message between.
//! But it saw the client that was executed, in whose session, and with which arguments. What begins is a client's where
//! its command ends the client's arguments, and, for a unit, systemd gave it a name of its own making, or the one that the
//! client asked for; for a program in a container that was there, the client named that container. The first program of a
//! container is also a client's that started it by its name, its image or its project, whatever the image has it execute:
//! that is known once the runtime has told the name. Of several clients
//! alike those count that are at it right now; where they are different people's all are told. Who queued a job is not told
//! by the job: whoever called such a client for its user may have.

mod started;

use std::collections::VecDeque;

use history::Container;
use history::Login;
use history::Process;
use history::ProcessId;
use history::Seen;
use history::unit_of;

use crate::attached::session;
use crate::beginnings::Begun;
use crate::beginnings::ends_with;
use crate::beginnings::is_shell;
use crate::beginnings::program;
use crate::processes::Processes;
use crate::room;

/// Clients that are remembered, and for how long, ns: a timer's unit, or a job, may begin much later.
const CLIENTS_MAX: usize = 512;
const REMEMBERED_NS: u64 = 24 * 3_600 * 1_000_000_000;

/// How long a client that has ended may be at it still, ns.
const AT_IT_NS: u64 = 10_000_000_000;

/// How long the login of a session may come after its programs, ns: logs are read each second, and given time.
const LOGIN_LATE_NS: u64 = 5_000_000_000;

/// Of clients that may have asked for the same the latest so many are looked at; what is beyond counts as lost.
const ALIKE_MAX: usize = 16;

/// Units and jobs that wait for the login of a client's session.
const WAITING_MAX: usize = 1_000;

/// How long a client may take until its container begins, ns: it may fetch an image first.
const FETCHES_NS: u64 = 600_000_000_000;

/// How long a container may take to be named, ns, and how many wait for that.
const NAMED_NS: u64 = 10_000_000_000;
const UNNAMED_MAX: usize = 256;

/// Where this is known from.
const ORIGIN: &str = "the process tree";

/// What a client may have started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Unit,
    /// A program in a container.
    Contained,
    Job,
}

/// A client that was executed.
#[derive(Debug)]
struct Client {
    boot_ns: u64,
    kind: Kind,
    process: Process,
    /// Whose session it belongs to, once that is known.
    asker: Option<Asker>,
    /// Whether what it asked for has begun: it asks once.
    answered: bool,
}

impl Client {
    /// Whether it asks for the same as another, for the same person.
    fn repeats(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.process.argv == other.process.argv
            && self.process.credentials.uid == other.process.credentials.uid
            && self.name() == other.name()
            && self.key() == other.key()
    }

    /// Whether what it asks for may begin now, ns since boot.
    fn is_at_it(&self, known: &Processes, now_ns: u64) -> bool {
        let is_recent = now_ns.saturating_sub(self.boot_ns) < AT_IT_NS;
        !self.answered && (is_recent || known.is_running(&self.process.id))
    }

    fn name(&self) -> Option<&str> {
        self.asker.as_ref().map(|asker| asker.name.as_str())
    }

    /// The key by which the asker came: an account may be several people's.
    fn key(&self) -> Option<&str> {
        self.asker.as_ref()?.login.key.as_deref()
    }
}

/// A person, and the session that the person came by where that is known.
#[derive(Debug, Clone)]
struct Asker {
    name: String,
    login: Login,
}

/// A unit or job that began, and the clients that may have asked for it.
#[derive(Debug)]
struct Start {
    boot_ns: u64,
    /// The unit's first process, or the job's.
    id: ProcessId,
    user: String,
    clients: Vec<ProcessId>,
    /// Whether it is the first program of a container.
    is_first: bool,
}

impl Start {
    fn of(process: &Process, clients: Vec<ProcessId>, boot_ns: u64) -> Self {
        Self { boot_ns, id: process.id, user: name_of(process), clients, is_first: false }
    }
}

/// What is remembered between programs.
#[derive(Debug, Default)]
pub struct Launched {
    clients: VecDeque<Client>,
    waiting: Vec<Start>,
    /// First programs of containers without a name so far, and the clients that are at it.
    unnamed: Vec<Start>,
    /// Clients and starts that were let go untold since this was asked last.
    lost: u64,
}

impl Launched {
    /// Looks at a program that was executed: perhaps it is a client, perhaps the first of a unit that one asked for.
    pub fn executed(&mut self, process: &Process, known: &Processes, boot_ns: u64) {
        if let Some(kind) = kind(process) {
            let asker = asker(process, known, false);
            let client = Client { boot_ns, kind, process: process.clone(), asker, answered: false };
            self.remember(client, known);
        }
        if let Some(begins) = begins(process, known) {
            self.begun(process, begins, known, boot_ns);
        }
        if let Some(inside) = started::attached_to(process, known) {
            let client = Client {
                boot_ns,
                kind: Kind::Contained,
                process: process.clone(),
                asker: None,
                answered: true,
            };
            self.remember(client, known);
            self.wait(Start::of(inside, vec![process.id], boot_ns));
        }
    }

    fn remember(&mut self, client: Client, known: &Processes) {
        if self.clients.len() == CLIENTS_MAX {
            self.make_room(&client, known);
        }
        self.clients.push_back(client);
    }

    /// How many clients and starts were let go untold since this was asked last.
    pub fn lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    /// Lets a client go: the first whose asking is over or that another repeats, or else the oldest, of which nothing
    /// will be told.
    fn make_room(&mut self, another: &Client, known: &Processes) {
        let is_over = |client: &Client| {
            let age_ns = another.boot_ns.saturating_sub(client.boot_ns);
            let ended = age_ns >= AT_IT_NS && !known.is_running(&client.process.id);
            age_ns >= REMEMBERED_NS
                || (client.kind == Kind::Contained && (client.answered || ended))
                || (ended && client.repeats(another))
        };
        let over = self.clients.iter().position(is_over);
        self.lost += u64::from(over.is_none());
        self.clients.remove(over.unwrap_or(0));
    }

    /// Looks for the clients that may have asked for the first program of a unit, or in a container.
    fn begun(&mut self, process: &Process, begins: Kind, known: &Processes, boot_ns: u64) {
        let age_ns = |client: &Client| boot_ns.saturating_sub(client.boot_ns);
        let asked =
            |client: &&mut Client| age_ns(client) < REMEMBERED_NS && may_ask_for(client, process, begins);
        let mut asked: Vec<&mut Client> = self.clients.iter_mut().filter(asked).collect();
        let at_it = |client: &Client| client.is_at_it(known, boot_ns);
        if asked.iter().any(|client| at_it(client)) {
            asked.retain(|client| at_it(client));
            // Of several that ask for the same it is not known which this is.
            if let [only] = &mut asked[..] {
                only.answered = true;
            }
        } else if begins == Kind::Contained {
            return self.contained(process, known, boot_ns);
        }
        // Else a timer's unit, or one that is started again.
        let (clients, beyond) = alike(asked.into_iter().map(|client| &*client));
        self.lost += beyond;
        self.wait(Start::of(process, clients, boot_ns));
    }

    /// Remembers a program in a container that no client is known to have asked for by what is known of the container, and
    /// the clients that are at it.
    fn contained(&mut self, process: &Process, known: &Processes, boot_ns: u64) {
        let may_have = |client: &&Client| {
            client.kind == Kind::Contained
                && boot_ns.saturating_sub(client.boot_ns) < FETCHES_NS
                && client.is_at_it(known, boot_ns)
        };
        let clients: Vec<ProcessId> =
            self.clients.iter().filter(may_have).map(|client| client.process.id).collect();
        if clients.is_empty() {
            return;
        }
        let is_first = is_first_of_container(process, known);
        let start = Start { is_first, ..Start::of(process, clients, boot_ns) };
        self.lost += room::add(&mut self.unnamed, UNNAMED_MAX, start);
    }

    /// Looks at programs in containers that have a name by now; who asked for them is told by that.
    fn named(&mut self, known: &Processes, now_ns: u64) {
        for mut start in std::mem::take(&mut self.unnamed) {
            let is_named =
                |process: &&Process| process.container.as_ref().is_some_and(|it| it.name.is_some());
            let Some(process) = known.get(&start.id).filter(is_named) else {
                if now_ns.saturating_sub(start.boot_ns) < NAMED_NS {
                    self.unnamed.push(start);
                }
                continue;
            };
            let by_command = |client: &Client| may_ask_for(client, process, Kind::Contained);
            let asked = |client: &&mut Client| {
                start.clients.contains(&client.process.id)
                    && !client.answered
                    && (by_command(client) || (start.is_first && started::asks_for(&client.process, process)))
            };
            let mut clients: Vec<&mut Client> = self.clients.iter_mut().filter(asked).collect();
            if let [only] = &mut clients[..] {
                only.answered = by_command(only) || started::asks_for_one(&only.process);
            }
            let (clients, beyond) = alike(clients.into_iter().map(|client| &*client));
            self.lost += beyond;
            start.clients = clients;
            self.wait(start);
        }
    }

    /// Looks at a job that began: whoever called a client for that user may have queued it.
    pub fn job(&mut self, login: &Login, boot_ns: u64) {
        let service = match login.method.as_str() {
            "at" => &["at", "batch"][..],
            "crontab" => &["crontab"],
            _ => return,
        };
        let Some(id) = login.process else { return };
        let for_it = |client: &&Client| {
            client.kind == Kind::Job
                && service.contains(&program(&client.process))
                && boot_ns.saturating_sub(client.boot_ns) < REMEMBERED_NS
                && job_user(&client.process).is_some_and(|user| user == login.user)
        };
        let (clients, beyond) = alike(self.clients.iter().filter(for_it));
        self.lost += beyond;
        self.wait(Start { boot_ns, id, user: login.user.clone(), clients, is_first: false });
    }

    /// Units and jobs whose client's session is known by now. Jobs that a user queued for himself are no news.
    pub fn due(&mut self, known: &Processes, now_ns: u64) -> Vec<Begun> {
        for client in self.clients.iter_mut().filter(|client| client.asker.is_none()) {
            let late = now_ns.saturating_sub(client.boot_ns) >= LOGIN_LATE_NS;
            client.asker = asker(&client.process, known, late);
        }
        self.named(known, now_ns);
        let mut begun = Vec::new();
        for start in std::mem::take(&mut self.waiting) {
            let asked = |client: &&Client| start.clients.contains(&client.process.id);
            let clients: Vec<&Client> = self.clients.iter().filter(asked).collect();
            let is_awaited = |client: &&Client| {
                client.asker.is_none() && now_ns.saturating_sub(client.boot_ns) < LOGIN_LATE_NS
            };
            if clients.iter().any(is_awaited) {
                self.waiting.push(start);
            } else {
                begun.extend(tell_all(&start, &clients));
            }
        }
        begun
    }

    fn wait(&mut self, start: Start) {
        if !start.clients.is_empty() {
            self.lost += room::add(&mut self.waiting, WAITING_MAX, start);
        }
    }
}

/// Of clients that may have asked for the same the latest so many, one of those that repeat each other; and how many
/// others there are.
fn alike<'a>(asked: impl DoubleEndedIterator<Item = &'a Client>) -> (Vec<ProcessId>, u64) {
    let (mut kept, mut beyond) = (Vec::<&Client>::new(), 0);
    for client in asked.rev() {
        if kept.iter().any(|other| client.name().is_some() && client.repeats(other)) {
            continue;
        }
        if kept.len() < ALIKE_MAX {
            kept.push(client);
        } else {
            beyond += 1;
        }
    }
    (kept.iter().rev().map(|client| client.process.id).collect(), beyond)
}

/// Whether a program asks a service to start something.
fn kind(process: &Process) -> Option<Kind> {
    let asks = |word: &str| process.argv.iter().any(|argument| argument == word);
    match program(process) {
        "systemd-run" | "run0" => Some(Kind::Unit),
        "machinectl" => asks("shell").then_some(Kind::Unit),
        "docker" | "podman" | "nerdctl" | "ctr" => {
            let starts = asks("run") || asks("exec") || started::starts(process);
            starts.then_some(Kind::Contained)
        }
        "docker-compose" => started::starts(process).then_some(Kind::Contained),
        // To list, show or remove some queues none.
        "at" | "batch" | "crontab" => {
            let only_looks = ["-l", "-r", "-c", "-d"].into_iter().any(asks);
            (!only_looks).then_some(Kind::Job)
        }
        _ => None,
    }
}

/// Whose session a client belongs to. The kernel's login user tells where no login does, once none will come.
fn asker(process: &Process, known: &Processes, late: bool) -> Option<Asker> {
    if let Some((_, login)) = session(process, known) {
        let name = login.person().to_owned();
        return Some(Asker { name, login });
    }
    let user = process.login_user.clone().filter(|_| late)?;
    Some(Asker { name: user, login: Login::default() })
}

/// What is told of a start: each person once. Where a client of nobody's session may have asked for it as well, nobody is
/// named.
fn tell_all(start: &Start, clients: &[&Client]) -> Vec<Begun> {
    let mut told: Vec<Begun> = Vec::new();
    for client in clients {
        let is_job = client.kind == Kind::Job;
        match &client.asker {
            None if is_job => {}
            None => return Vec::new(),
            Some(asker) => {
                let is_told = told.iter().any(|begun| {
                    begun.login.by.as_ref() == Some(&asker.name) && begun.login.key == asker.login.key
                });
                let is_own = is_job && asker.name == start.user;
                if !is_told && !is_own {
                    told.push(tell(start, client, asker));
                }
            }
        }
    }
    told
}

fn tell(start: &Start, client: &Client, asker: &Asker) -> Begun {
    let login = Login {
        service: program(&client.process).to_owned(),
        user: start.user.clone(),
        method: Login::ATTACH.to_owned(),
        accepted: true,
        process: Some(start.id),
        origin: ORIGIN.to_owned(),
        by: Some(asker.name.clone()),
        command: Some(client.process.argv.join(" ")),
        source_address: asker.login.source_address,
        source_port: asker.login.source_port,
        key: asker.login.key.clone(),
        session: asker.login.session.clone(),
    };
    Begun { boot_ns: start.boot_ns, login }
}

/// What a program may be the first of: a unit, which systemd executes, or what a runtime puts into a container.
fn begins(process: &Process, known: &Processes) -> Option<Kind> {
    let parent = process.parent.and_then(|id| known.get(&id))?;
    if unit_name(process).is_some() && program(parent) == "systemd" {
        return Some(Kind::Unit);
    }
    let container = process.container.as_ref().filter(|_| !is_runtime(process))?;
    let before = known.by_pid(process.id.tgid).filter(|id| id.same_process(&process.id));
    let before = before.and_then(|id| known.get(&id));
    let is_inside = |other: &Process| other.container.as_ref().is_some_and(|known| known.id == container.id);
    // One program executes the next.
    if before.is_some_and(|before| before.seen == Seen::Exec && is_inside(before) && !is_runtime(before)) {
        return None;
    }
    // Who is in the same container already starts it himself.
    let above = before.filter(|before| before.exe != process.exe).unwrap_or(parent);
    let outside = !is_inside(parent);
    (outside || is_runtime(above)).then_some(Kind::Contained)
}

/// Whether a process runs a program that becomes what it puts into a container: runc, from its file, from a copy of that in
/// memory or from a mount of its own, whose path is `/`.
fn is_runtime(process: &Process) -> bool {
    let is_mounted = process.exe == "/" && process.argv.iter().map(String::as_str).eq(["runc", "init"]);
    ["runc", "crun"].contains(&program(process)) || process.exe.starts_with("memfd:runc") || is_mounted
}

/// The unit of a process, or the session that a unit became.
fn unit_name(process: &Process) -> Option<&str> {
    unit_of(&process.cgroup).or_else(|| session_of(&process.cgroup))
}

/// Whether a client may have asked for a program, which is the first of its kind.
fn may_ask_for(client: &Client, process: &Process, begins: Kind) -> bool {
    if client.kind != begins {
        return false;
    }
    let argv = &client.process.argv;
    let own = match (begins, unit_name(process), process.container.as_deref()) {
        (Kind::Unit, Some(unit), _) => {
            let named = is_systemds_name(unit)
                || argv.iter().any(|argument| {
                    let name = argument.strip_prefix("--unit=").unwrap_or(argument);
                    let bare = |name: &'_ str| name.strip_suffix(".service").unwrap_or(name).to_owned();
                    bare(name) == bare(unit)
                });
            named && is_asked_manager(client, process)
        }
        (Kind::Contained, _, Some(container)) => {
            argv.iter().any(|word| word == "run") || argv.iter().any(|word| is_named(container, word))
        }
        _ => false,
    };
    own && (ends_with(argv, &process.argv) || (begins == Kind::Unit && is_shell_of(client, process)))
}

/// Whether nothing else runs in a process's container but what put it there.
fn is_first_of_container(process: &Process, known: &Processes) -> bool {
    let Some(container) = &process.container else { return false };
    known.running_in(&container.id).all(|other| other.id.same_process(&process.id) || is_runtime(other))
}

/// Whether a client speaks to the manager that runs a unit. Everybody has one of his own, in which he may run what he sees
/// another ask for.
fn is_asked_manager(client: &Client, process: &Process) -> bool {
    let argv = &client.process.argv;
    let of_user = argv.iter().any(|word| word == "--user");
    let elsewhere = argv.iter().any(|word| word.starts_with("--machine") || word.starts_with("-M"));
    match users_manager(&process.cgroup) {
        None => !of_user,
        Some(uid) if elsewhere => {
            let user = name_of(process);
            let named = argv.iter().flat_map(|word| word.split(['=', '@']));
            of_user && named.into_iter().any(|word| word == user || word == uid)
        }
        Some(uid) => of_user && uid.parse() == Ok(client.process.credentials.uid),
    }
}

/// The number of the user whose own manager a cgroup belongs to.
fn users_manager(cgroup: &str) -> Option<&str> {
    cgroup.split('/').find_map(|part| part.strip_prefix("user@")?.strip_suffix(".service"))
}

/// Whether a word names a container: its name, or its id or the beginning of that.
fn is_named(container: &Container, word: &str) -> bool {
    /// Shortest beginning of an id.
    const ID_MIN: usize = 3;
    container.name.as_deref() == Some(word)
        || (word.len() >= ID_MIN && container.id.starts_with(word))
        || container.id.split('@').next().and_then(|id| id.split('/').nth(1)) == Some(word)
}

/// The session that a unit became by PAM, as one that `machinectl shell` asks for does.
fn session_of(cgroup: &str) -> Option<&str> {
    cgroup.rsplit('/').find(|part| is_session(part))
}

fn is_session(part: &str) -> bool {
    part.starts_with("session-") && part.ends_with(".scope")
}

/// Whether a unit has a name that systemd gives to those that have none.
fn is_systemds_name(unit: &str) -> bool {
    if is_session(unit) {
        return true;
    }
    let bare = unit.strip_suffix(".service").unwrap_or(unit);
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    bare.starts_with("container-shell@")
        || bare.strip_prefix("run-").is_some_and(|rest| {
            let rest = rest.strip_prefix(['r', 'u', 'p']).unwrap_or(rest);
            rest.split('-').all(|part| number(part.strip_prefix('i').unwrap_or(part)))
        })
}

/// Whether a client that was told no command asked for a shell, and this is one.
fn is_shell_of(client: &Client, process: &Process) -> bool {
    let argv = &client.process.argv;
    let wants = match program(&client.process) {
        "machinectl" => argv.iter().position(|word| word == "shell").is_some_and(|at| argv.len() <= at + 2),
        "run0" => !argv.iter().skip(1).any(|word| !word.starts_with('-')),
        _ => argv.iter().any(|word| word == "-S" || word == "--shell"),
    };
    wants && process.argv.len() <= 2 && is_shell(program(process))
}

/// For whom a client queues: who called it, or the user that root asks for.
fn job_user(client: &Process) -> Option<String> {
    let argv = &client.argv;
    let asked = argv.iter().position(|word| word == "-u").and_then(|at| argv.get(at + 1));
    if program(client) == "crontab"
        && let Some(user) = asked
    {
        return Some(user.clone());
    }
    Some(name_of(client))
}

fn name_of(process: &Process) -> String {
    process.user.clone().unwrap_or_else(|| process.credentials.uid.to_string())
}

#[cfg(test)]
mod tests;
