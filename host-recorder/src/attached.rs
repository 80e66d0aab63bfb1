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

/// Keepers of terminals that are watched.
const KEEPERS_MAX: usize = 4_096;

/// Pairs of a terminal and a session that are remembered, so that each is told once.
const TOLD_MAX: usize = 16_384;

/// Where such a use is known from.
const ORIGIN: &str = "the process tree";

/// What is remembered between programs.
#[derive(Debug, Default)]
pub struct Attached {
    /// Processes that keep terminals, by their executable.
    keepers: HashMap<String, Vec<ProcessId>>,
    count: usize,
    /// The terminals and sessions that were told of.
    told: HashSet<(ProcessId, ProcessId)>,
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
    ) -> Vec<Begun> {
        self.learn(process, known, has_terminal);
        let Some(keepers) = self.keepers.get(&process.exe) else {
            return Vec::new();
        };
        let Some((session, by)) = session(process, known) else {
            return Vec::new();
        };
        let mut begun = Vec::new();
        for id in keepers.iter().filter(|id| known.is_running(id)) {
            let Some(keeper) = known.get(id) else { continue };
            let below = known.lineage(process).any(|above| above.id.same_process(id));
            let own = self::session(keeper, known).is_some_and(|(of, _)| of.same_process(&session));
            if below || own || !may_use(process, keeper) || self.told.len() >= TOLD_MAX {
                continue;
            }
            if self.told.insert((*id, session)) {
                let login = Login {
                    service: program(keeper).to_owned(),
                    user: keeper.user.clone().unwrap_or_else(|| keeper.credentials.uid.to_string()),
                    method: Login::ATTACH.to_owned(),
                    accepted: true,
                    process: Some(*id),
                    origin: ORIGIN.to_owned(),
                    by: Some(by.by.clone().unwrap_or(by.user.clone())),
                    source_address: by.source_address,
                    source_port: by.source_port,
                    key: by.key.clone(),
                    session: by.session.clone(),
                    command: Some(process.argv.join(" ")),
                };
                begun.push(Begun { boot_ns, login });
            }
        }
        begun
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
        let Some(parent) = parent.filter(|_| process.tty.is_some() && self.count < KEEPERS_MAX) else {
            return;
        };
        // Who executed it waits for it: sudo, script, a shell. A server is a copy that its program forked off.
        let is_copy = parent.exe != process.exe && parent.seen != Seen::Exec;
        let is_known = self.keepers.get(&parent.exe).is_some_and(|keepers| keepers.contains(&parent.id));
        if !is_copy || is_known || is_interpreter(program(parent)) {
            return;
        }
        // A server of logins has sessions of its own.
        let of_same = known.lineage(parent).take_while(|above| above.exe == parent.exe);
        if of_same.into_iter().any(|above| known.has_login(&above.id)) {
            return;
        }
        if has_terminal(&parent.id) == Some(false) {
            self.keepers.entry(parent.exe.clone()).or_default().push(parent.id);
            self.count += 1;
        }
    }
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
fn session(process: &Process, known: &Processes) -> Option<(ProcessId, Login)> {
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
