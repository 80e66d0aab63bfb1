//! What a program is called and what is odd about it, by what is recorded of its process. Pure.

use history::Process;
use history::Seen;

use crate::untrusted::cut_bytes;

const DOWNLOADERS: &[&str] =
    &["curl", "wget", "fetch", "ftp", "tftp", "scp", "sftp", "aria2c", "axel", "lynx"];

/// Longest path that Linux takes, bytes.
const PATH_MAX: usize = 4_096;

/// The script and its interpreter, or the program's name.
pub(super) fn title(process: &Process) -> String {
    let name = program_name(process);
    match process.argv.get(1).map(|script| cut_bytes(script, PATH_MAX)) {
        Some(script) if is_interpreter(name) && !script.starts_with('-') && !script.is_empty() => {
            format!("{} ({name})", script.rsplit('/').next().unwrap_or(script))
        }
        _ => name.to_owned(),
    }
}

/// Programs whose command line says what they are.
pub(super) fn is_interpreter(name: &str) -> bool {
    const KNOWN: [&str; 14] = [
        "python", "perl", "ruby", "node", "java", "php", "bash", "sh", "dash", "zsh", "lua", "deno", "bun",
        "dotnet",
    ];
    KNOWN.iter().any(|known| {
        name.strip_prefix(known).is_some_and(|rest| rest.bytes().all(|byte| !byte.is_ascii_alphabetic()))
    })
}

/// The program's file name, or the kernel's short name.
pub(super) fn program_name(process: &Process) -> &str {
    let name = cut_bytes(&process.exe, PATH_MAX).rsplit('/').next().unwrap_or_default();
    let name = name.strip_suffix(" (deleted)").unwrap_or(name);
    if name.is_empty() { cut_bytes(&process.comm, PATH_MAX) } else { name }
}

/// Whether a program is an ssh server, or one that it runs a session in.
pub(super) fn is_ssh_server(process: &Process) -> bool {
    let name = program_name(process);
    name == "sshd" || name == "dropbear" || name.starts_with("sshd-")
}

/// Whether a program lets people in: what runs below it is theirs, and was not had done by whoever reached it.
pub(super) fn lets_people_in(process: &Process) -> bool {
    const KNOWN: [&str; 6] = ["mosh-server", "telnetd", "rlogind", "rshd", "rexecd", "tailscaled"];
    let name = program_name(process);
    is_ssh_server(process) || KNOWN.contains(&name.strip_prefix("in.").unwrap_or(name))
}

/// The same of a program below others, nearest first. An ssh server that never had root's rights is a user's own: who reaches
/// it becomes that user, whoever he is, so that it is a service like any other.
pub(super) fn lets_others_in(process: &Process, above: &[&Process]) -> bool {
    let mut is_copy = true;
    let mut copies = std::iter::once(&process).chain(above).take_while(|other| {
        let same = is_copy && is_ssh_server(other);
        is_copy = other.seen != Seen::Exec;
        same
    });
    lets_people_in(process)
        && (!is_ssh_server(process) || copies.any(|copy| copy.credentials.is_privileged()))
}

/// Whether a program keeps a terminal that logins come and go to.
pub(super) fn is_multiplexer(process: &Process) -> bool {
    const KNOWN: [&str; 7] = ["tmux", "screen", "zellij", "byobu", "dtach", "abduco", "shpool"];
    KNOWN.contains(&program_name(process))
}

/// Whether a program that fetches files, or its script, is run.
pub(super) fn is_downloader(process: &Process) -> bool {
    DOWNLOADERS.contains(&program_name(process))
}

/// Whether a program runs from where programs do not lie, or from nowhere.
pub(super) fn is_odd(process: &Process) -> bool {
    let seen = process.seen != Seen::Snapshot;
    process.flags.exe_memfd
        || (process.flags.exe_deleted && seen)
        || is_temporary(&process.exe)
        || process.exe.contains("/.")
}

/// Whether a path lies where anybody may write.
pub(super) fn is_temporary(exe: &str) -> bool {
    ["/tmp/", "/var/tmp/", "/dev/shm/", "/run/shm/"].iter().any(|root| exe.starts_with(root))
}

/// What a person should know of a process's image, in words.
pub(super) fn oddities(process: &Process) -> Vec<String> {
    let flags = process.flags;
    [
        (flags.exe_memfd, "runs from memory (memfd)"),
        (flags.exe_deleted, "its file has no name any more"),
        (flags.argv_truncated, "command line cut: it was longer than is kept"),
        (process.seen == Seen::Snapshot, "ran already when recording began"),
    ]
    .into_iter()
    .filter(|(holds, _)| *holds)
    .map(|(_, text)| text.to_owned())
    .collect()
}
