//! Terminals that outlive the session that began them (tmux, screen, dtach ...), and the later sessions that use them.
//! Pure.
//!
//! What is typed into such a terminal descends from the session that began it, whoever attached to it meanwhile. The
//! kernel tells nothing of the local socket between the two, but that the same program is executed in another session:
//! to attach, to send keys, or only to list. That is told, with its command line, and judged by who reads it. No name
//! of a program is needed: a keeper has left its own terminal, was forked and not executed, and its children have ones.

use std::collections::HashMap;
use std::collections::HashSet;

use history::KnownProcesses;
use history::Login;
use history::Process;
use history::ProcessId;
use history::Seen;

use crate::beginnings::Begun;
use crate::beginnings::program;
use crate::processes::Processes;
use crate::room;

/// Keepers of terminals that are watched.
const KEEPERS_MAX: usize = 4_096;

/// Pairs of a terminal and a session that are remembered, so that each is told once.
const TOLD_MAX: usize = 16_384;

/// Where such a use is known from.
const ORIGIN: &str = "the process tree";

/// How long the login of a session may come after its programs, ns: logs are read each second, and given time.
const LOGIN_LATE_NS: u64 = 5_000_000_000;

/// Uses that wait for the login of their session.
const WAITING_MAX: usize = 1_000;

/// What is remembered between programs.
#[derive(Debug, Default)]
pub struct Attached {
    /// Processes that keep terminals, by their executable.
    keepers: HashMap<String, Vec<ProcessId>>,
    count: usize,
    waiting: Vec<Use>,
    /// The terminals and sessions that were told of.
    told: HashSet<(ProcessId, ProcessId)>,
    /// Keepers and uses that were let go untold since this was asked last.
    lost: u64,
}

/// A program that was executed and may be meant for a terminal that another process keeps.
#[derive(Debug)]
struct Use {
    boot_ns: u64,
    process: Process,
    keeper: ProcessId,
}

impl Attached {
    /// Looks at a program that was executed: perhaps its parent keeps a terminal for it, and perhaps it uses one that
    /// another session's program keeps. `has_terminal` says whether a process has a terminal of its own now.
    pub fn executed(
        &mut self,
        process: &Process,
        known: &Processes,
        boot_ns: u64,
        has_terminal: impl Fn(&ProcessId) -> Option<bool>,
    ) {
        self.learn(process, known, has_terminal);
        for id in self.keepers.get(&process.exe).into_iter().flatten() {
            let Some(keeper) = known.get(id).filter(|_| known.is_running(id)) else { continue };
            let below = known.lineage(process).any(|above| above.id.same_process(id));
            if below || !may_use(process, keeper) {
                continue;
            }
            let used = Use { boot_ns, process: process.clone(), keeper: *id };
            self.lost += room::add(&mut self.waiting, WAITING_MAX, used);
        }
    }

    /// Uses whose session is known by now, each terminal and session once.
    pub fn due(&mut self, known: &Processes, now_ns: u64) -> Vec<Begun> {
        let mut begun = Vec::new();
        for used in std::mem::take(&mut self.waiting) {
            match session(&used.process, known) {
                Some((session, by)) => {
                    let keeper = known.get(&used.keeper).filter(|keeper| is_another(keeper, &session, known));
                    let Some(keeper) = keeper else { continue };
                    if self.told.contains(&(used.keeper, session)) {
                        continue;
                    }
                    if self.told.len() < TOLD_MAX {
                        self.told.insert((used.keeper, session));
                        begun.push(told(&used, keeper, by));
                    } else {
                        self.lost += 1;
                    }
                }
                None if now_ns.saturating_sub(used.boot_ns) < LOGIN_LATE_NS => self.waiting.push(used),
                // No session of anybody's: a job, a service.
                None => {}
            }
        }
        begun
    }

    /// How many keepers and uses were let go untold since this was asked last.
    pub fn lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    /// Forgets processes that the table has forgotten or that have ended.
    pub fn forget(&mut self, known: &Processes) {
        for keepers in self.keepers.values_mut() {
            keepers.retain(|id| known.is_running(id));
        }
        self.keepers.retain(|_, keepers| !keepers.is_empty());
        self.count = self.keepers.values().map(Vec::len).sum();
        self.told.retain(|(keeper, _)| known.is_running(keeper));
    }

    /// Notes that a program's parent keeps its terminal for it.
    fn learn(
        &mut self,
        process: &Process,
        known: &Processes,
        has_terminal: impl Fn(&ProcessId) -> Option<bool>,
    ) {
        let parent = process.parent.and_then(|id| known.get(&id));
        let Some(parent) = parent.filter(|_| process.tty.is_some()) else {
            return;
        };
        // Who executed it waits for it: sudo, script, a shell. A server is a copy that its program forked off.
        let is_copy = parent.exe != process.exe && parent.seen != Seen::Exec;
        let is_known = self.keepers.get(&parent.exe).is_some_and(|keepers| keepers.contains(&parent.id));
        if !is_copy || is_known || is_interpreter(program(parent)) {
            return;
        }
        if has_terminal(&parent.id) != Some(false) {
            return;
        }
        if self.count == KEEPERS_MAX {
            self.forget(known);
        }
        if self.count < KEEPERS_MAX {
            self.keepers.entry(parent.exe.clone()).or_default().push(parent.id);
            self.count += 1;
        } else {
            self.lost += 1;
        }
    }
}

/// Whether a keeper belongs to another session than this. A server of logins, whose sessions have terminals too, is
/// none.
fn is_another(keeper: &Process, session: &ProcessId, known: &Processes) -> bool {
    let own = self::session(keeper, known).is_some_and(|(of, _)| of.same_process(session));
    let mut of_same = known.lineage(keeper).take_while(|above| above.exe == keeper.exe);
    !own && !of_same.any(|above| known.has_login(&above.id))
}

/// A use as a login is told.
fn told(used: &Use, keeper: &Process, by: Login) -> Begun {
    let login = Login {
        service: program(keeper).to_owned(),
        user: keeper.user.clone().unwrap_or_else(|| keeper.credentials.uid.to_string()),
        method: Login::ATTACH.to_owned(),
        accepted: true,
        process: Some(keeper.id),
        origin: ORIGIN.to_owned(),
        by: Some(by.person().to_owned()),
        command: Some(used.process.argv.join(" ")),
        source_address: by.source_address,
        source_port: by.source_port,
        key: by.key,
        session: by.session,
    };
    Begun { boot_ns: used.boot_ns, login }
}

/// Whether a program runs others' texts: two processes of it need not have anything to do with each other.
fn is_interpreter(program: &str) -> bool {
    const KNOWN: [&str; 12] =
        ["python", "perl", "ruby", "node", "java", "php", "bash", "sh", "dash", "zsh", "lua", "dotnet"];
    KNOWN.iter().any(|known| {
        let rest = program.strip_prefix(known);
        rest.is_some_and(|rest| !rest.bytes().any(|byte| byte.is_ascii_alphabetic()))
    })
}

/// The session that a process belongs to: the process that let it in, and its login.
pub fn session(process: &Process, known: &Processes) -> Option<(ProcessId, Login)> {
    known.lineage(process).find_map(|above| {
        let (_, _, login) = known.images(&above.id).find_map(|image| known.login(&image.id))?;
        (login.method != "elevation").then_some((above.id, login))
    })
}

/// Whether a program can be meant for what a keeper keeps: it runs as the same user, or names that user, or a path that
/// the keeper was started with.
fn may_use(process: &Process, keeper: &Process) -> bool {
    if process.credentials.uid == keeper.credentials.uid {
        return true;
    }
    let uid = keeper.credentials.uid.to_string();
    let names_user = |word: &str| Some(word) == keeper.user.as_deref() || word == uid;
    process.argv.iter().skip(1).any(|argument| {
        argument.split(|character: char| !character.is_alphanumeric() && character != '_').any(names_user)
            || (argument.starts_with('/') && keeper.argv.contains(argument))
    })
}

#[cfg(test)]
mod tests;
