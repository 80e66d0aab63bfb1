//! Holds what a log says of a login against what the kernel saw. Pure.
//!
//! Anybody may write lines into the logs, under any program's name and with any pid. A line is joined to the process
//! of its pid only where that process ran the program that the line names, with root's rights, at that time; su and
//! sudo must have been called by the one whom the line names. A line that contradicts what the kernel saw is refused.

use history::Process;
use history::ProcessId;
use history::Seen;

use crate::beginnings::Beginnings;
use crate::beginnings::program;
use crate::enrich::login_log::LoginLine;
use crate::processes::Processes;

/// Times in logs may be whole seconds, and lines are late, ns.
const SLACK_NS: u64 = 2_000_000_000;

/// The same for a line whose time is told to the microsecond: what the clocks may differ by, ns.
const EXACT_SLACK_NS: u64 = 50_000_000;

/// What a line is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// This process wrote it.
    By(ProcessId),
    /// Nothing is known of the process that it names.
    Unknown,
    /// No such process wrote it.
    Refused,
}

/// Holds a line, of `boot_ns`, against what is known. `complete` says whether every process that could have written
/// it must be known: not for what was written before the recorder ran, nor after processes were lost.
pub fn check(
    line: &LoginLine,
    boot_ns: u64,
    known: &Processes,
    beginnings: &Beginnings,
    complete: bool,
) -> Checked {
    let unknown = if complete { Checked::Refused } else { Checked::Unknown };
    let Some(pid) = line.pid else {
        return by_caller(line, boot_ns, known, beginnings).map_or(unknown, Checked::By);
    };
    // A pid comes again: a process that began after the line was written is another one.
    let Some(id) = known.by_pid(pid).filter(|id| id.start_ns <= boot_ns.saturating_add(SLACK_NS)) else {
        return unknown;
    };
    let lasted =
        |id: &ProcessId| known.ended_ns(id).is_none_or(|ended| ended.saturating_add(SLACK_NS) >= boot_ns);
    if !lasted(&id) {
        return unknown;
    }
    // Beside what it runs, what it executed before; its copy of its parent's program, which it was forked as, wrote
    // nothing.
    let executed = |image: &&Process| image.id == id || image.seen != Seen::Fork;
    let wrote = known
        .images(&id)
        .filter(|image| executed(image) && lasted(&image.id))
        .find(|image| is_program(program(image), &line.program) && image.credentials.is_privileged())
        .map(|image| image.id);
    let called = line.by.as_deref().is_none_or(|by| {
        // login names who the terminal belonged to before.
        let caller = beginnings.caller(&id).filter(|_| line.service != "login");
        // su names the one who logged in, where that is another than the one who called it.
        let login = known.images(&id).find_map(|image| image.login_user.as_deref());
        caller.is_none() || caller == Some(by) || (line.service == "su" && login == Some(by))
    });
    match wrote {
        // One connection has one login: whom sshd's monitor has let in, its other processes act for.
        Some(id) if line.service == "sshd" && line.accepted && is_let_in(&id, known) => Checked::Refused,
        Some(id) if called => Checked::By(id),
        _ => Checked::Refused,
    }
}

/// Whether a program writes under a name.
fn is_program(program: &str, tag: &str) -> bool {
    // One part of OpenSSH may write under the name of another.
    let sshd = ["sshd", "sshd-session", "sshd-auth"];
    program == tag || (sshd.contains(&tag) && sshd.contains(&program))
}

/// Whether a copy of the same program above a process has let somebody in.
fn is_let_in(id: &ProcessId, known: &Processes) -> bool {
    const STEPS_MAX: usize = 8;
    let parent = |process: &&Process| process.parent.and_then(|id| known.get(&id));
    let above = std::iter::successors(known.get(id), parent).skip(1).take(STEPS_MAX);
    let mut sshd = above.take_while(|process| is_program(program(process), "sshd"));
    sshd.any(|process| known.has_login(&process.id))
}

/// sudo writes no pid: the one that its caller ran at that time.
fn by_caller(
    line: &LoginLine,
    boot_ns: u64,
    known: &Processes,
    beginnings: &Beginnings,
) -> Option<ProcessId> {
    let by = line.by.as_deref()?;
    // What began after a line was written did not write it. Some logs know whole seconds only.
    let exact = line.time.is_some_and(|time| time.0 % 1_000_000_000 != 0);
    let late = if exact { EXACT_SLACK_NS } else { SLACK_NS };
    let runs = |id: &ProcessId| {
        let began = id.start_ns <= boot_ns.saturating_add(late);
        let lasts = known.ended_ns(id).is_none_or(|ended| ended.saturating_add(SLACK_NS) >= boot_ns);
        let called = || known.images(id).any(|image| image.seen != Seen::Fork && may_mean(line, &image.argv));
        began && lasts && known.get(id).is_some_and(|process| program(process) == line.program) && called()
    };
    let fits = |id: &ProcessId| {
        known.images(id).any(|image| image.seen != Seen::Fork && is_asked_for(line, &image.argv))
    };
    // Of several the one that was asked for that command, and of these the latest that may have written it.
    let rank = |id: &ProcessId| (fits(id), !known.has_login(id), id.start_ns);
    beginnings.called_by(by).filter(runs).max_by_key(rank)
}

/// Whether arguments may mean the user that a line names: one that is asked for is that one, and nobody is root.
fn may_mean(line: &LoginLine, argv: &[String]) -> bool {
    match asked_user(argv) {
        // A number says no name.
        Some(user) => user == line.user || user.starts_with('#'),
        None => line.user == "root",
    }
}

/// The user that arguments of sudo or doas ask for.
pub fn asked_user(argv: &[String]) -> Option<&str> {
    /// Short options whose argument follows, as sudo and doas know them.
    const WITH_ARGUMENT: &str = "aCcDghprRtTuU";
    let mut words = argv.iter().skip(1).map(String::as_str);
    while let Some(word) = words.next() {
        if let Some(long) = word.strip_prefix("--") {
            match long.split_once('=') {
                Some(("user", user)) => return Some(user),
                None if long == "user" => return words.next(),
                // What follows is the command.
                None if long.is_empty() => return None,
                _ => continue,
            }
        }
        let Some(short) = word.strip_prefix('-') else {
            // Variables may stand before the command.
            if word.contains('=') {
                continue;
            }
            return None;
        };
        let Some(at) = short.find(|option| WITH_ARGUMENT.contains(option)) else { continue };
        let (option, rest) = short[at..].split_at(1);
        let argument = if rest.is_empty() { words.next() } else { Some(rest) };
        if option == "u" {
            return argument;
        }
    }
    None
}

/// Whether arguments ask for what a line says was run. The line names the command by its path, and may quote.
fn is_asked_for(line: &LoginLine, argv: &[String]) -> bool {
    let bare =
        |text: &str| -> String { text.chars().filter(|character| !"'\"\\ ".contains(*character)).collect() };
    let Some(command) = line.command.as_deref() else {
        return false;
    };
    let (path, rest) = command.split_once(' ').unwrap_or((command, ""));
    let name = path.rsplit('/').next().unwrap_or(path);
    let asked = bare(&argv.iter().skip(1).map(String::as_str).collect::<String>());
    asked.ends_with(&bare(&format!("{name}{rest}")))
}

#[cfg(test)]
mod tests;
