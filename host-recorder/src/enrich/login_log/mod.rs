//! Lines of the authentication log: from text to logins. Pure.
//!
//! Read are lines as syslog daemons write them to `auth.log` or `secure`: `TIME HOST PROGRAM[PID]: MESSAGE`, with
//! the time in RFC 3339 or in the traditional form without year and zone. sudo writes no pid.
//!
//! Anybody may write such lines: what one says is a claim, which [`crate::login_check`] holds against the kernel's
//! view.

mod console;
mod dropbear;
mod elevation;
mod pam;
mod repeats;
mod sshd;
mod time;

use std::net::IpAddr;

use history::UnixNs;
use jiff::Timestamp;
use jiff::tz::TimeZone;

pub use self::repeats::Repeats;

/// Longest text that is taken over from a line, bytes.
const TEXT_MAX: usize = 1_024;

/// A login or an attempt, as a line tells of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoginLine {
    /// When, where the line's time could be read.
    pub time: Option<UnixNs>,
    /// The program that wrote the line, as it names itself.
    pub program: String,
    /// The service: that program, whichever of its parts it was.
    pub service: String,
    /// Its pid, where it says so.
    pub pid: Option<u32>,
    /// The user.
    pub user: String,
    /// How.
    pub method: String,
    /// Whether it was granted.
    pub accepted: bool,
    /// Whence; port 0 where none is told.
    pub source: Option<(IpAddr, u16)>,
    /// Type and fingerprint of the key.
    pub key: Option<String>,
    /// Who asked for it, where that is a user of this host.
    pub by: Option<String>,
    /// Terminal of a console login.
    pub session: Option<String>,
    /// What was to be run.
    pub command: Option<String>,
    /// For how many such lines it stands.
    pub times: u32,
}

/// Reads a line; none where it is not about a login. `now` gives the year that a traditional time lacks, and
/// `zone` is the host's.
pub fn parse(line: &str, now: Timestamp, zone: &TimeZone) -> Option<LoginLine> {
    let (time, rest) = time::split(line, now, zone);
    let (_host, rest) = rest.split_once(' ')?;
    let (tag, message) = rest.split_once(": ")?;
    let (program, pid) = match tag.strip_suffix(']').and_then(|tag| tag.split_once('[')) {
        Some((program, pid)) => (program, Some(pid.parse().ok()?)),
        None => (tag, None),
    };
    self::message(program, pid, time, message)
}

/// Reads what a program wrote; none where it is not about a login.
pub fn message(program: &str, pid: Option<u32>, time: Option<UnixNs>, message: &str) -> Option<LoginLine> {
    // A path, as some syslog daemons have it.
    let program = program.rsplit('/').next().unwrap_or_default();
    if program.is_empty() || program.contains(|character: char| character.is_whitespace()) {
        return None;
    }
    // OpenSSH 9.8 and later log sessions from a program of their own; 10 authenticates in another one.
    let service = match program {
        "sshd-session" | "sshd-auth" => "sshd",
        "sudo-rs" => "sudo",
        "su-rs" => "su",
        program => program,
    };
    let method = match service {
        "sudo" | "su" | "doas" | "pkexec" | "runuser" => elevation::METHOD,
        "login" => console::METHOD,
        _ => "pam",
    };
    let line = LoginLine {
        time,
        program: program.to_owned(),
        service: service.to_owned(),
        pid,
        method: method.to_owned(),
        ..LoginLine::default()
    };
    let (times, message) = repeated(message.trim_start());
    let line = LoginLine { times, ..line };
    let read = match service {
        _ if message.starts_with("pam_") => pam::read(message, line),
        "sshd" => sshd::read(message, line),
        "dropbear" => dropbear::read(message, line),
        "sudo" => elevation::sudo(message, line),
        "su" => elevation::su(message, line),
        "doas" => elevation::doas(message, line),
        "pkexec" => elevation::pkexec(message, line),
        "login" => console::read(message, line),
        _ => None,
    };
    // Only sudo is told by its line's content where it gives no pid.
    read.filter(|line| line.pid.is_some() || line.service == "sudo").map(bounded)
}

/// `message repeated N times: [ MESSAGE]`, as rsyslog shortens what comes again.
fn repeated(message: &str) -> (u32, &str) {
    let read = || {
        let (times, rest) = message.strip_prefix("message repeated ")?.split_once(" times: [")?;
        Some((times.parse().ok()?, rest.strip_suffix(']')?.trim_start()))
    };
    read().unwrap_or((1, message))
}

fn bounded(mut line: LoginLine) -> LoginLine {
    let texts = [&mut line.by, &mut line.session, &mut line.command, &mut line.key];
    for text in texts.into_iter().flatten().chain([&mut line.user, &mut line.method]) {
        text.truncate(text.floor_char_boundary(TEXT_MAX));
    }
    line
}

#[cfg(test)]
mod tests;
