//! Sessions and jobs that the process tree itself tells of: su and sudo, console logins, commands by rsh and its like, cron
//! and at jobs, and what AWS Systems Manager starts. Pure.
//!
//! The kernel saw which program started which, for whom, and with what arguments; nobody can write that down
//! falsely. A service is believed to be one by its executable and by root's rights, which it needs for its work: a
//! user's own program of the same name has none.

use std::collections::HashMap;

use history::Login;
use history::Process;
use history::ProcessId;
use history::Seen;

use crate::enrich::environment::is_run_by_pam;
use crate::login_check;
use crate::processes::Processes;
use crate::room;

/// How long an SSM session has for its shell before it is told without one (port forwarding), ns.
const SHELL_AFTER_NS: u64 = 3_000_000_000;

/// SSM sessions that wait for their shell, and steps that wait for what they run.
const WAITING_MAX: usize = 1_000;

/// Most steps from a service's process to its first image.
const STEPS_MAX: usize = 16;

/// Longest session id; an IAM session name has at most 64 characters.
const SESSION_ID_MAX: usize = 128;

/// What services run for themselves, not for who they let in.
const HELPERS: [&str; 7] =
    ["unix_chkpwd", "unix_update", "sendmail", "exim4", "postdrop", "xauth", "pam_extrausers_chkpwd"];

/// A login as the tree tells of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Begun {
    /// When, ns since boot.
    pub boot_ns: u64,
    /// The login; its process is set.
    pub login: Login,
}

/// Kinds of services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Service {
    /// Gives one user another one's rights.
    Elevator,
    /// Lets somebody in on a terminal.
    Console,
    /// Runs a line for whoever reaches it, as the user that it let in, and tells no log what would be joined to it.
    Remote,
    /// Starts jobs; with how their sessions come about.
    Jobs(&'static str),
    /// A session of SSM Session Manager.
    SsmSession,
    /// A command of SSM Run Command.
    SsmCommand,
}

impl Service {
    fn of(program: &str) -> Option<Self> {
        match program {
            "sudo" | "su" | "doas" | "pkexec" | "runuser" | "sudo-rs" | "su-rs" => Some(Self::Elevator),
            "login" => Some(Self::Console),
            "rshd" | "in.rshd" | "rexecd" | "in.rexecd" => Some(Self::Remote),
            "cron" | "crond" | "fcron" => Some(Self::Jobs("crontab")),
            "anacron" => Some(Self::Jobs("anacrontab")),
            "atd" => Some(Self::Jobs("at")),
            "ssm-session-worker" => Some(Self::SsmSession),
            "ssm-document-worker" => Some(Self::SsmCommand),
            _ => None,
        }
    }
}

/// What is remembered between programs.
#[derive(Debug, Default)]
pub struct Beginnings {
    /// Who called an elevator, or `login`, by its process: it changes its own ids before it runs anything.
    callers: HashMap<ProcessId, String>,
    /// SSM sessions without a shell so far.
    waiting: Vec<Begun>,
    /// Elevators and jobs of which only a log's line was seen so far, or a program that is not what was asked for, such as
    /// one of PAM's.
    other: Vec<Begun>,
    /// Sessions and jobs that were let go untold since this was asked last.
    lost: u64,
}

impl Beginnings {
    /// Looks at a program that was executed, or ran already, before it is put into the table.
    pub fn executed(&mut self, process: &Process, known: &Processes, boot_ns: u64) -> Option<Begun> {
        if is_run_by_pam(process) {
            return None;
        }
        let mut begun = self.begins_itself(process, known, boot_ns);
        let replaced =
            known.by_pid(process.id.tgid).filter(|id| id.same_process(&process.id) && *id != process.id);
        let above = replaced.or(process.parent).and_then(|id| known.get(&id))?;
        let name = program(above);
        let is_new = program(process) != name && !HELPERS.contains(&program(process));
        if let Some(service) = Service::of(name).filter(|_| is_new) {
            begun = begun.or_else(|| self.started_by(service, process, above, known, boot_ns));
        }
        begun
    }

    /// Sessions of which nothing more will be known.
    pub fn due(&mut self, now_ns: u64) -> Vec<Begun> {
        let (due, waiting): (Vec<_>, Vec<_>) =
            self.waiting.drain(..).partition(|begun| now_ns.saturating_sub(begun.boot_ns) >= SHELL_AFTER_NS);
        self.waiting = waiting;
        let (other, waiting) = self
            .other
            .drain(..)
            .partition::<Vec<_>, _>(|begun| now_ns.saturating_sub(begun.boot_ns) >= SHELL_AFTER_NS);
        self.other = waiting;
        due.into_iter().chain(other).collect()
    }

    /// Keeps a step that a log told of before what it ran was seen: PAM's modules may work for seconds in between.
    pub fn wait_for_command(&mut self, step: Begun) {
        self.lost += room::add(&mut self.other, WAITING_MAX, step);
    }

    /// How many sessions and jobs were let go since this was asked last.
    pub fn lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    /// The session of SSM that a process is, where it has had no shell so far: perhaps it forwards a port.
    pub fn without_shell(&self, of: &ProcessId) -> Option<&Login> {
        let is_it = |begun: &&Begun| begun.login.process.is_some_and(|id| id.same_process(of));
        self.waiting.iter().find(is_it).map(|begun| &begun.login)
    }

    /// Who called an elevator.
    pub fn caller(&self, of: &ProcessId) -> Option<&str> {
        let found = self.callers.iter().find(|(id, _)| id.same_process(of));
        found.map(|(_, caller)| caller.as_str())
    }

    /// The elevators that somebody called.
    pub fn called_by<'a>(&'a self, caller: &'a str) -> impl Iterator<Item = ProcessId> + 'a {
        self.callers.iter().filter(move |(_, by)| *by == caller).map(|(id, _)| *id)
    }

    /// Forgets processes that the table has forgotten.
    pub fn forget(&mut self, known: &Processes) {
        self.callers.retain(|id, _| known.get(id).is_some());
    }

    /// A program whose very execution begins something.
    fn begins_itself(&mut self, process: &Process, known: &Processes, boot_ns: u64) -> Option<Begun> {
        let service = Service::of(program(process)).filter(|_| process.credentials.is_privileged())?;
        let parent = process.parent.and_then(|id| known.get(&id));
        if matches!(service, Service::Elevator | Service::Console) {
            // One that ran before the recorder has other ids by now than it was called with.
            let caller = parent.filter(|_| process.seen == Seen::Snapshot).unwrap_or(process);
            self.callers.insert(process.id, user(caller));
            return None;
        }
        let agents = ["ssm-agent-worker", "amazon-ssm-agent"];
        parent.filter(|parent| agents.contains(&program(parent)))?;
        let login = Login {
            service: "ssm".to_owned(),
            user: user(process),
            accepted: true,
            process: Some(process.id),
            origin: ORIGIN.to_owned(),
            session: process.argv.get(1).filter(|id| is_session_id(id)).cloned(),
            ..Login::default()
        };
        match service {
            Service::SsmCommand => {
                Some(Begun { boot_ns, login: Login { method: "run-command".to_owned(), ..login } })
            }
            Service::SsmSession => {
                let login = Login { method: Login::SSM_SESSION.to_owned(), ..login };
                self.lost += room::add(&mut self.waiting, WAITING_MAX, Begun { boot_ns, login });
                None
            }
            _ => None,
        }
    }

    /// A program that a service started; `above` is what ran in its place before, or else its parent.
    fn started_by(
        &mut self,
        service: Service,
        process: &Process,
        above: &Process,
        known: &Processes,
        boot_ns: u64,
    ) -> Option<Begun> {
        let first = first_image(above, known);
        if !first.credentials.is_privileged() && !self.callers.contains_key(&first.id) {
            return None;
        }
        let login = Login {
            service: match program(first) {
                "crond" | "fcron" => "cron".to_owned(),
                "sudo-rs" => "sudo".to_owned(),
                "su-rs" => "su".to_owned(),
                "atd" => "at".to_owned(),
                name => name.strip_prefix("in.").unwrap_or(name).to_owned(),
            },
            user: user(process),
            accepted: true,
            process: Some(first.id),
            origin: ORIGIN.to_owned(),
            ..Login::default()
        };
        let login = match service {
            Service::Elevator => {
                let by = self.caller(&first.id).map(str::to_owned)?;
                // An editor for sudoedit runs as its caller: nothing was given.
                (by != login.user).then(|| Login {
                    method: "elevation".to_owned(),
                    by: Some(by),
                    command: Some(process.argv.join(" ")),
                    ..login
                })?
            }
            Service::Console => {
                // What else login runs is no shell of somebody's.
                process.argv.first().filter(|name| name.starts_with('-'))?;
                let login = Login { session: process.tty.clone(), ..login };
                match remote_host(&above.argv) {
                    // Whoever telnetd and its like let in sits at no console.
                    Some(host) => {
                        let source_address = host.parse().ok();
                        Login { method: Login::REMOTE.to_owned(), source_address, ..login }
                    }
                    None => Login { method: Login::CONSOLE.to_owned(), ..login },
                }
            }
            Service::Remote => {
                Login { method: Login::REMOTE.to_owned(), command: command_of_shell(process), ..login }
            }
            Service::Jobs(method) => Login {
                method: method.to_owned(),
                process: Some(job_process(process, known)),
                session: Some(login.user.clone()),
                command: command_of_shell(process),
                ..login
            },
            Service::SsmSession => {
                // Before the shell the worker runs helpers of its own, as root and without a terminal.
                if process.credentials.uid == 0 && process.tty.is_none() {
                    return None;
                }
                let of = |begun: &Begun| begun.login.process.is_some_and(|id| id.same_process(&first.id));
                let at = self.waiting.iter().position(of)?;
                let begun = self.waiting.swap_remove(at);
                Login { user: login.user, ..begun.login }
            }
            Service::SsmCommand => return None,
        };
        let id = login.process?;
        if known.has_login(&id) {
            return None;
        }
        let begun = Begun { boot_ns, login };
        let is_meant = match service {
            Service::Elevator => is_asked_for(first, process),
            Service::Jobs(_) | Service::Remote => is_line(process),
            _ => return Some(begun),
        };
        self.other.retain(|other| other.login.process != Some(id));
        if is_meant {
            return Some(begun);
        }
        self.lost += room::add(&mut self.other, WAITING_MAX, begun);
        None
    }
}

/// Whether a program is what an elevator was told to run: its command, or a shell. What PAM runs before is not.
fn is_asked_for(elevator: &Process, process: &Process) -> bool {
    /// An interpreter, and its one option, before a script.
    const BEFORE_SCRIPT_MAX: usize = 2;
    let is_another = asked_user(elevator)
        .is_some_and(|user| !user.starts_with('#') && process.user.as_deref() != Some(user));
    if is_another {
        return false;
    }
    let argv = &process.argv;
    if process.script.is_some() {
        return (1..=BEFORE_SCRIPT_MAX.min(argv.len())).any(|at| ends_with(&elevator.argv, &argv[at..]));
    }
    let is_login_shell = argv.first().is_some_and(|name| name.starts_with('-'));
    is_login_shell
        || is_shell(program(process))
        || process.flags.argv_truncated
        || ends_with(&elevator.argv, argv)
}

/// Whether a program is what runs a line, of a job or from elsewhere, or a job's text that comes by standard input.
fn is_line(process: &Process) -> bool {
    let reads_line = process.argv.get(1).is_some_and(|option| option == "-c");
    process.script.is_none() && (reads_line || is_shell(program(process)))
}

/// Whom an elevator was told to become, where sudo's options say.
fn asked_user(elevator: &Process) -> Option<&str> {
    let knows = ["sudo", "sudo-rs", "doas"].contains(&program(elevator));
    login_check::asked_user(&elevator.argv).filter(|_| knows)
}

/// Whether arguments end with a command, whose program may be told by its path.
pub fn ends_with(argv: &[String], command: &[String]) -> bool {
    let Some(at) = argv.len().checked_sub(command.len()).filter(|at| *at > 0 && !command.is_empty()) else {
        return false;
    };
    let name = |path: &'_ str| path.rsplit('/').next().unwrap_or_default().to_owned();
    name(&argv[at]) == name(&command[0]) && argv[at + 1..] == command[1..]
}

/// Where such logins are known from.
const ORIGIN: &str = "the process tree";

/// The program that a process runs: the name of its file, or the applet of busybox.
pub fn program(process: &Process) -> &str {
    let name = |path: &'_ str| path.rsplit('/').next().map_or(0, |name| path.len() - name.len());
    match &process.exe[name(&process.exe)..] {
        "busybox" => process.argv.first().map_or("", |applet| &applet[name(applet)..]),
        program => program,
    }
}

/// Whether a program is a shell.
pub fn is_shell(program: &str) -> bool {
    ["sh", "bash", "dash", "zsh", "ksh", "fish", "tcsh", "csh", "ash"].contains(&program)
}

/// As whom a process runs.
fn user(process: &Process) -> String {
    process.user.clone().unwrap_or_else(|| process.credentials.uid.to_string())
}

/// The process in which a service's program was executed, over the copies that it forked of itself.
fn first_image<'a>(of: &'a Process, known: &'a Processes) -> &'a Process {
    let mut image = of;
    for _ in 0..STEPS_MAX {
        let parent = image.parent.and_then(|id| known.get(&id)).filter(|parent| parent.exe == image.exe);
        let is_copy = |parent: &&Process| match image.seen {
            Seen::Fork => true,
            Seen::Snapshot => parent.argv == image.argv,
            Seen::Exec => false,
        };
        match parent.filter(is_copy) {
            Some(parent) => image = parent,
            None => break,
        }
    }
    image
}

/// The process that stands for one job: the daemon's child that waits for it (cron, atd), or the job's own where the
/// daemon starts it directly.
fn job_process(job: &Process, known: &Processes) -> ProcessId {
    let above = job.parent.and_then(|id| known.get(&id));
    let waits = |parent: &&Process| {
        // A daemon's own parent has ended, or is another program.
        let daemon = parent.parent.and_then(|id| known.get(&id)).filter(|daemon| daemon.exe == parent.exe);
        Service::of(program(parent)).is_some_and(|service| matches!(service, Service::Jobs(_)))
            && daemon.is_some_and(|daemon| known.is_running(&daemon.id))
    };
    above.filter(waits).map_or(job.id, |parent| parent.id)
}

/// The host that `login` was told that somebody comes from, which root alone can.
fn remote_host(argv: &[String]) -> Option<&str> {
    let at = argv.iter().position(|argument| argument == "-h")?;
    argv.get(at + 1).map(String::as_str)
}

/// The line that a shell was given with `-c`.
fn command_of_shell(process: &Process) -> Option<String> {
    let at = process.argv.iter().position(|argument| argument == "-c")?;
    process.argv.get(at + 1).cloned()
}

/// The characters of an IAM session's name and of what SSM puts behind it.
fn is_session_id(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte);
    (1..=SESSION_ID_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
pub(crate) mod tests;
