//! Logins from the systemd journal, for hosts without an authentication log (Amazon Linux 2023 has none).
//!
//! The journal's own reader is run as a child and followed: its files' format is its own business. A thread takes
//! its lines; when the recorder does not fetch them they wait in the pipe, not in memory.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;

use history::UnixNs;
use serde_json::Value;

use super::login_log;
use super::login_log::LoginLine;

/// Lines that wait to be fetched.
const WAITING_MAX: usize = 10_000;

/// Longest line, bytes; what is longer is skipped.
const LINE_MAX: u64 = 256 << 10;

/// Entries read back at start: logins of sessions that still last.
const READ_BACK: &str = "5000";

/// A followed journal.
pub struct Journal {
    child: Child,
    /// None for a line that was too long.
    lines: Receiver<Option<String>>,
    ended: bool,
    /// Lines that were too long, since this was asked last.
    skipped: u64,
}

impl Journal {
    /// Follows this host's journal, where it has one.
    pub fn follow() -> Option<Self> {
        let has_one = ["/run/log/journal", "/var/log/journal"].iter().any(|dir| Path::new(dir).is_dir());
        has_one.then(|| Self::run(Command::new("journalctl"))).flatten()
    }

    /// Follows with a reader that is already told where to read.
    fn run(mut reader: Command) -> Option<Self> {
        // Facilities 4 and 10 are auth and authpriv; one matches either.
        let arguments = ["--follow", "--output=json", "--quiet", "--lines", READ_BACK];
        let mut child = reader
            .args(arguments)
            .args(["SYSLOG_FACILITY=4", "SYSLOG_FACILITY=10"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .inspect_err(|error| tracing::warn!(%error, "the journal cannot be read"))
            .ok()?;
        let mut output = BufReader::new(child.stdout.take()?);
        let (sender, lines) = mpsc::sync_channel(WAITING_MAX);
        std::thread::spawn(move || {
            while let Some(line) = next_line(&mut output) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Some(Self { child, lines, ended: false, skipped: 0 })
    }

    /// How many lines were too long to be taken since this was asked last.
    pub fn skipped(&mut self) -> u64 {
        std::mem::take(&mut self.skipped)
    }

    /// Logins since the last call; an error, once, when the reader has ended.
    pub fn logins(&mut self) -> Result<Vec<LoginLine>, String> {
        let mut found = Vec::new();
        for line in self.lines.try_iter() {
            match line {
                Some(line) => found.extend(parse(&line)),
                None => self.skipped += 1,
            }
        }
        // What it said last is told first.
        if !self.ended
            && found.is_empty()
            && let Ok(Some(status)) = self.child.try_wait()
        {
            self.ended = true;
            return Err(format!("journalctl ended: {status}"));
        }
        Ok(found)
    }
}

/// The next line, none for one that is too long; nothing where there are no more.
fn next_line(output: &mut impl BufRead) -> Option<Option<String>> {
    let mut line = read_part(output);
    let is_end = |part: &[u8]| part.ends_with(b"\n") || (part.len() as u64) < LINE_MAX;
    if is_end(&line) {
        return (!line.is_empty()).then(|| Some(String::from_utf8_lossy(&line).into_owned()));
    }
    while !is_end(&line) {
        line = read_part(output);
    }
    Some(None)
}

/// A line, or as much of it as one may have.
fn read_part(output: &mut impl BufRead) -> Vec<u8> {
    let mut part = Vec::new();
    // What cannot be read is the end.
    let _ = output.take(LINE_MAX).read_until(b'\n', &mut part);
    part
}

/// Ends the reader.
impl Drop for Journal {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads one entry; none where it is not about a login.
///
/// `_PID` and `_EXE` are what the journal itself found out about who wrote the message; the identifier is not.
fn parse(line: &str) -> Option<LoginLine> {
    let entry: Value = serde_json::from_str(line).ok()?;
    let message = match &entry["MESSAGE"] {
        Value::String(text) => text.clone(),
        // Text that is not UTF-8 comes as its bytes.
        Value::Array(bytes) => {
            let bytes: Option<Vec<u8>> =
                bytes.iter().map(|byte| byte.as_u64().and_then(|byte| u8::try_from(byte).ok())).collect();
            String::from_utf8_lossy(&bytes?).into_owned()
        }
        _ => return None,
    };
    let micros: i64 = entry["__REALTIME_TIMESTAMP"].as_str()?.parse().ok()?;
    let pid = entry["_PID"].as_str()?.parse().ok()?;
    // The short name is cut, and a process may give itself another one.
    let program = entry["_EXE"].as_str().or_else(|| entry["_COMM"].as_str())?;
    let program = program.trim_end_matches(" (deleted)");
    login_log::message(program, Some(pid), Some(UnixNs(micros.checked_mul(1_000)?)), &message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &str = r#"{"__REALTIME_TIMESTAMP":"1767225600000001","_PID":"811","_COMM":"sshd","SYSLOG_IDENTIFIER":"sshd",
        "MESSAGE":"Accepted publickey for alice from 203.0.113.7 port 50514 ssh2: ED25519 SHA256:x"}"#;

    #[test]
    fn an_entry_is_a_login() {
        let login = parse(ENTRY).unwrap();
        assert_eq!((login.user.as_str(), login.pid, login.accepted), ("alice", Some(811), true));
        assert_eq!(login.time, Some(UnixNs(1_767_225_600_000_001_000)));
        assert_eq!(login.key.as_deref(), Some("ED25519 SHA256:x"));
    }

    #[test]
    fn a_message_of_bytes_is_read_and_a_forged_one_is_not() {
        let text = "Failed password for \u{fffd} from 203.0.113.9 port 7 ssh2";
        let bytes: Vec<String> = "Failed password for \u{ff} from 203.0.113.9 port 7 ssh2"
            .chars()
            .map(|c| (c as u32).to_string())
            .collect();
        let entry = format!(
            r#"{{"__REALTIME_TIMESTAMP":"1","_PID":"5","_COMM":"sshd","MESSAGE":[{}]}}"#,
            bytes.join(",")
        );
        assert_eq!(parse(&entry).unwrap().user, "\u{fffd}", "{text}");
        // Anybody may write to the journal under any name; the kernel says which program it was.
        assert_eq!(parse(&ENTRY.replace(r#""_COMM":"sshd""#, r#""_COMM":"logger""#)), None);
        let exe = |exe: &str| ENTRY.replace(r#""_COMM":"#, &format!(r#""_EXE":"{exe}","_COMM":"#));
        assert_eq!(parse(&exe("/home/bob/logger")), None);
        assert_eq!(parse(&exe("/usr/sbin/sshd (deleted)")).unwrap().program, "sshd");
        for other in ["", "{}", "[]", "x", r#"{"MESSAGE":1}"#] {
            assert_eq!(parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_counted_and_the_next_is_read() {
        let entry = ENTRY.replace('\n', " ") + "\n";
        let long = "x".repeat(3 * LINE_MAX as usize);
        let edge = "y".repeat(LINE_MAX as usize - 1);
        let text = format!("{entry}{long}\n{edge}\n{entry}{long}");
        let mut output = text.as_bytes();
        let mut lines = Vec::new();
        while let Some(line) = next_line(&mut output) {
            lines.push(line.map(|line| line.len()));
        }
        let entry = Some(entry.len());
        assert_eq!(lines, [entry, None, Some(LINE_MAX as usize), entry, None]);
        let mut reader = Command::new("python3");
        reader.args(["-c", &format!("print('x'*{},flush=True)", 2 * LINE_MAX)]);
        let mut journal = Journal::run(reader).unwrap();
        let mut skipped = 0;
        while skipped == 0 {
            // It may have ended meanwhile.
            let _ = journal.logins();
            skipped = journal.skipped();
        }
        assert_eq!((skipped, journal.skipped()), (1, 0));
    }

    #[test]
    fn a_reader_is_followed_and_its_end_is_told_once() {
        let mut reader = Command::new("sh");
        // The arguments that follow are the script's own, and are ignored by it.
        reader.args(["-c", &format!("echo '{}'", ENTRY.replace('\n', " ")), "reader"]);
        let mut journal = Journal::run(reader).unwrap();
        journal.child.wait().unwrap();
        let told = loop {
            if let Err(told) = journal.logins() {
                break told;
            }
        };
        assert!(told.contains("ended"));
        assert!(journal.logins().is_ok());
    }
}
