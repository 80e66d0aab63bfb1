//! Lines of the authentication log: from text to logins. Pure.
//!
//! Read are lines as syslog daemons write them to `auth.log` or `secure`: `TIME HOST PROGRAM[PID]: MESSAGE`, with
//! the time in RFC 3339 or in the traditional form without year and zone.

use std::net::IpAddr;

use history::UnixNs;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// A login or an attempt, as a line tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginLine {
    /// When, where the line's time could be read.
    pub time: Option<UnixNs>,
    /// The program that wrote the line.
    pub service: String,
    /// Its pid.
    pub pid: u32,
    /// The user.
    pub user: String,
    /// How.
    pub method: String,
    /// Whether it was granted.
    pub accepted: bool,
    /// Whence.
    pub source: Option<(IpAddr, u16)>,
    /// Type and fingerprint of the key.
    pub key: Option<String>,
}

/// Reads a line; none where it is not about a login. `now` gives the year that a traditional time lacks, and
/// `zone` is the host's.
pub fn parse(line: &str, now: Timestamp, zone: &TimeZone) -> Option<LoginLine> {
    let (time, rest) = split_time(line, now, zone);
    let (_host, rest) = rest.split_once(' ')?;
    let (tag, message) = rest.split_once(": ")?;
    let (service, pid) = tag.strip_suffix(']')?.split_once('[')?;
    self::message(service, pid.parse().ok()?, time, message)
}

/// Reads what a program wrote; none where it is not about a login.
pub fn message(service: &str, pid: u32, time: Option<UnixNs>, message: &str) -> Option<LoginLine> {
    // OpenSSH 9.8 and later log sessions from a program of their own; 10 authenticates in another one.
    if !matches!(service, "sshd" | "sshd-session" | "sshd-auth") {
        return None;
    }
    let line = LoginLine {
        time,
        service: "sshd".to_owned(),
        pid,
        user: String::new(),
        method: String::new(),
        accepted: false,
        source: None,
        key: None,
    };
    sshd(message, line)
}

/// `Accepted METHOD for USER from ADDRESS port PORT ssh2[: KEY]`, `Failed METHOD for [invalid user ]USER from …`.
///
/// The user's name is chosen by whoever knocks and may hold anything, so the line is read from its end.
fn sshd(message: &str, line: LoginLine) -> Option<LoginLine> {
    let (accepted, rest) = match (message.strip_prefix("Accepted "), message.strip_prefix("Failed ")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ => return None,
    };
    let (method, rest) = rest.split_once(" for ")?;
    let (user, source) = rest.rsplit_once(" from ")?;
    let (address, source) = source.split_once(" port ")?;
    let (port, protocol) = source.split_once(' ')?;
    let key = protocol.split_once(": ").map(|(_, key)| key.trim().to_owned());
    Some(LoginLine {
        user: user.strip_prefix("invalid user ").unwrap_or(user).to_owned(),
        method: method.to_owned(),
        accepted,
        source: Some((address.parse().ok()?, port.parse().ok()?)),
        key,
        ..line
    })
}

/// Splits the time off a line.
fn split_time<'a>(line: &'a str, now: Timestamp, zone: &TimeZone) -> (Option<UnixNs>, &'a str) {
    if let Some((first, rest)) = line.split_once(' ')
        && let Ok(time) = first.parse::<Timestamp>()
    {
        return (Some(time.into()), rest);
    }
    // `Nov  1 09:05:03 `, sixteen bytes.
    match line.split_at_checked(16) {
        Some((time, rest)) => (traditional(time.trim_end(), now, zone), rest),
        None => (None, line),
    }
}

fn traditional(text: &str, now: Timestamp, zone: &TimeZone) -> Option<UnixNs> {
    let here = now.to_zoned(zone.clone());
    let read = |year: i16| {
        let text = format!("{year} {text}");
        let time = DateTime::strptime("%Y %b %e %H:%M:%S", text).ok()?;
        time.to_zoned(zone.clone()).ok()
    };
    let this_year = read(here.year())?;
    // A line cannot be from the future, a day's doubt aside: it is from before New Year.
    let future = this_year.timestamp().as_second() - now.as_second() > 86_400;
    let time = if future { read(here.year() - 1)? } else { this_year };
    Some(time.timestamp().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<LoginLine> {
        parse(line, "2026-01-02T00:00:00Z".parse().unwrap(), &TimeZone::UTC)
    }

    #[test]
    fn accepted_keys_and_passwords() {
        let line = read(
            "2026-01-01T10:02:03.5+01:00 web-3 sshd[811]: Accepted publickey for alice from 203.0.113.7 \
             port 50514 ssh2: ED25519 SHA256:x/y+z",
        )
        .unwrap();
        assert_eq!((line.user.as_str(), line.method.as_str(), line.accepted), ("alice", "publickey", true));
        assert_eq!(line.source, Some(("203.0.113.7".parse().unwrap(), 50514)));
        assert_eq!(line.key.as_deref(), Some("ED25519 SHA256:x/y+z"));
        assert_eq!(line.pid, 811);
        assert_eq!(UnixNs::from("2026-01-01T09:02:03.5Z".parse::<Timestamp>().unwrap()), line.time.unwrap());
        let password =
            read("Jan  1 09:05:03 h sshd[5]: Accepted password for bob from 2001:db8::7 port 1 ssh2");
        assert_eq!(password.unwrap().key, None);
    }

    #[test]
    fn refused_ones_with_hostile_names() {
        let line = read(
            "Jan  1 09:05:03 h sshd[5]: Failed password for invalid user a from 1.1.1.1 port 9 ssh2 from 203.0.113.9 port 7 ssh2",
        );
        let line = line.unwrap();
        assert_eq!(line.source, Some(("203.0.113.9".parse().unwrap(), 7)));
        assert!(!line.accepted);
        assert_eq!(line.user, "a from 1.1.1.1 port 9 ssh2");
    }

    #[test]
    fn a_line_of_last_year_is_not_in_the_future() {
        let line =
            read("Dec 31 23:59:58 h sshd[5]: Accepted password for bob from 192.0.2.1 port 1 ssh2").unwrap();
        assert_eq!(line.time.unwrap().to_string(), "2025-12-31T23:59:58.000Z");
    }

    #[test]
    fn newer_servers_and_other_lines() {
        let line =
            read("Jan  1 09:05:03 h sshd-session[5]: Accepted password for b from 192.0.2.1 port 1 ssh2");
        assert_eq!(line.unwrap().service, "sshd");
        for other in [
            "",
            "x",
            "Jan  1 09:05:03 h sshd[5]: Server listening on 0.0.0.0 port 22.",
            "Jan  1 09:05:03 h sudo[5]: alice : COMMAND=/bin/true",
            "Jan  1 09:05:03 h evil[5]: Accepted password for b from 192.0.2.1 port 1 ssh2",
            "Jan  1 09:05:03 h sshd[x]: Accepted password for b from 192.0.2.1 port 1 ssh2",
            "éééééééééééééééééééé",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
