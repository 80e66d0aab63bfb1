//! The slash command `/gumshoe`: its words, and what is wrong with words that are not among them. Pure.

use std::net::IpAddr;
use std::net::SocketAddr;

use jiff::SignedDuration;
use jiff::Timestamp;
use jiff::civil;
use jiff::tz::TimeZone;

use crate::case::Accused;
use crate::case::Activity;
use crate::case::CaseId;
use crate::case::Claim;
use crate::case::ClaimProtocol;
use crate::case::ClaimWindow;
use crate::case::Remote;
use crate::case::ZoneSource;

/// What the command can do.
pub const HELP: &str = "\
/gumshoe who REMOTE[:PORT] [on HOST] [since|at TIME] - who talked to REMOTE, on HOST or on any host
/gumshoe host HOST [since|at TIME] - what HOST did
/gumshoe case CASE - a case's report
/gumshoe cases [open] - the latest cases
/gumshoe notice - paste a notice in a form; for those who may press the buttons
/gumshoe stats - how long answers took, what notices were read as, hosts covered
/gumshoe help
HOST is an instance id, an address or a Name tag; TIME is 2h, 30m, 1d, 14:05 or 2026-11-21T14:05, in UTC.
For example: /gumshoe who 198.51.100.20:22 on i-0123456789abcdef0 at 14:05";

/// Longest value of a tag, characters.
const NAME_MAX: usize = 256;

/// How far `at TIME` reaches to both sides.
const AT: SignedDuration = SignedDuration::from_mins(5);

/// How far back is looked where no time is said.
const RECENT: SignedDuration = SignedDuration::from_hours(24);

/// A command, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Say what there is.
    Help,
    /// List cases.
    Cases {
        /// Only those that nobody closed or answered.
        open: bool,
    },
    /// Show a case's report.
    Case(CaseId),
    /// Say how long answers took.
    Stats,
    /// Open the form for a notice.
    Notice,
    /// Ask a host.
    Ask {
        /// What about.
        claim: Box<Claim>,
        /// The host's name, where it was said by that.
        named: Option<String>,
    },
}

/// Reads a command; what is wrong comes back as a sentence with an example.
pub fn read(text: &str, now: Timestamp) -> Result<Command, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        [] | ["help"] => Ok(Command::Help),
        ["cases"] => Ok(Command::Cases { open: false }),
        ["cases", "open"] => Ok(Command::Cases { open: true }),
        ["notice"] => Ok(Command::Notice),
        ["stats"] => Ok(Command::Stats),
        ["case", id] if is_case_id(id) => Ok(Command::Case(CaseId(id.to_ascii_uppercase()))),
        ["case", ..] => {
            Err("a case has a name such as GS-20261121-7F3A: /gumshoe case GS-20261121-7F3A".to_owned())
        }
        ["host", rest @ ..] if !rest.is_empty() => {
            let (host, when) = host_and_time(rest);
            ask(None, Some(&host), when, now)
        }
        ["who", remote, "on", rest @ ..] if !rest.is_empty() => {
            let (host, when) = host_and_time(rest);
            ask(Some(remote), Some(&host), when, now)
        }
        ["who", _, "on"] => {
            Err("say on which host, or leave out `on`: /gumshoe who 198.51.100.20:22 on i-0123456789abcdef0"
                .to_owned())
        }
        ["who", remote, when @ ..] => ask(Some(remote), None, when, now),
        ["who"] => Err("say whom: /gumshoe who 198.51.100.20:22 at 14:05".to_owned()),
        ["host"] => Err("say which host: /gumshoe host i-0123456789abcdef0 since 2h".to_owned()),
        _ => Err(format!("that is none of the commands.\n{HELP}")),
    }
}

/// A host's name, which may have spaces in it, and what is said of the time behind it.
fn host_and_time<'a>(words: &'a [&'a str]) -> (String, &'a [&'a str]) {
    let is_time = |word: &&str| ["since", "at"].contains(word);
    let end = words.iter().skip(1).position(is_time).map_or(words.len(), |at| at + 1);
    (words[..end].join(" "), &words[end..])
}

fn ask(remote: Option<&str>, host: Option<&str>, when: &[&str], now: Timestamp) -> Result<Command, String> {
    let remote = remote.map(self::remote).transpose()?;
    let (accused, named) = host.map(accused).transpose()?.unwrap_or_default();
    let claim = Claim {
        accused,
        remote: remote.into_iter().collect(),
        names: Vec::new(),
        window: Some(window(when, now)?),
        activity: Activity::Other,
    };
    Ok(Command::Ask { claim: Box::new(claim), named })
}

/// Whom a host's name means: an id, an address, or a Name tag.
fn accused(host: &str) -> Result<(Accused, Option<String>), String> {
    let mut accused = Accused::default();
    if let Ok(address) = host.parse() {
        accused.addresses.push(address);
    } else if is_instance_id(host) {
        accused.instance_ids.push(host.to_owned());
    } else if let Some((first, _)) = host.split_once(' ')
        && (first.parse::<IpAddr>().is_ok() || is_instance_id(first))
    {
        return Err("a time is said as `since 2h` or `at 14:05`".to_owned());
    } else if host.chars().count() > NAME_MAX {
        return Err(format!(
            "a host is an instance id, an address or a Name tag of at most {NAME_MAX} characters: /gumshoe host web-1"
        ));
    } else {
        return Ok((accused, Some(host.to_owned())));
    }
    Ok((accused, None))
}

/// `i-` and `mi-` with hexadecimal digits; other names may begin like that, too.
fn is_instance_id(host: &str) -> bool {
    let digits = host.strip_prefix("mi-").or_else(|| host.strip_prefix("i-"));
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn remote(text: &str) -> Result<Remote, String> {
    let wrong = || {
        "a remote side is an address, with a port or without: /gumshoe who 198.51.100.20:22 on …".to_owned()
    };
    let (address, port) = match text.parse::<IpAddr>() {
        Ok(address) => (address, None),
        Err(_) => {
            let both: SocketAddr = text.parse().map_err(|_| wrong())?;
            (both.ip(), Some(both.port()))
        }
    };
    Ok(Remote { address, port, protocol: None::<ClaimProtocol> })
}

fn window(words: &[&str], now: Timestamp) -> Result<ClaimWindow, String> {
    let (from, to) = match words {
        [] => (now.saturating_sub(RECENT).ok(), Some(now)),
        ["since", when] => (Some(time(when, now)?), Some(now)),
        ["at", when] => {
            let at = time(when, now)?;
            (at.saturating_sub(AT).ok(), at.saturating_add(AT).ok())
        }
        _ => return Err("a time is said as `since 2h` or `at 14:05`".to_owned()),
    };
    match (from, to) {
        (Some(from), Some(to)) if from <= now => {
            Ok(ClaimWindow { from, to: to.min(now), zone: ZoneSource::Explicit })
        }
        _ => Err("that time is still to come; times are in UTC".to_owned()),
    }
}

/// `2h` ago, `14:05` of today or, where that is still to come, of yesterday, or a date and time; in UTC.
fn time(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let wrong = || "a time is 2h, 30m, 1d, 14:05 or 2026-11-21T14:05, in UTC".to_owned();
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    if let Ok(at) = text.parse::<civil::DateTime>() {
        return at.to_zoned(TimeZone::UTC).map(|at| at.timestamp()).map_err(|_| wrong());
    }
    if let Ok(at) = text.parse::<civil::Time>() {
        let today = now.to_zoned(TimeZone::UTC).date();
        let at = today.to_datetime(at).to_zoned(TimeZone::UTC).map_err(|_| wrong())?.timestamp();
        let day = SignedDuration::from_hours(24);
        return if at > now { at.checked_sub(day).map_err(|_| wrong()) } else { Ok(at) };
    }
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number: u32 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    let ago = SignedDuration::from_secs(i64::from(number) * seconds);
    now.checked_sub(ago).map_err(|_| wrong())
}

fn is_case_id(text: &str) -> bool {
    let mut parts = text.split('-');
    let day = |part: &str| part.len() == 8 && part.bytes().all(|byte| byte.is_ascii_digit());
    let name =
        |part: &str| (4..=6).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    parts.next().is_some_and(|part| part.eq_ignore_ascii_case("gs"))
        && parts.next().is_some_and(day)
        && parts.next().is_some_and(name)
        && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-21T12:00:00Z".parse().expect("time")
    }

    fn check(text: &str, host: &str, remote: &str, from: &str, to: &str) {
        let Ok(Command::Ask { claim, named }) = read(text, now()) else {
            panic!("{text}: {:?}", read(text, now()))
        };
        let accused = &claim.accused;
        let named = named.or_else(|| accused.instance_ids.first().cloned());
        let named = named.or_else(|| accused.addresses.first().map(ToString::to_string));
        assert_eq!(named.unwrap_or_default(), host, "{text}");
        let remotes: Vec<String> = claim
            .remote
            .iter()
            .map(|remote| format!("{} {}", remote.address, remote.port.unwrap_or_default()))
            .collect();
        assert_eq!(remotes.join(","), remote, "{text}");
        let window = claim.window.expect("a window");
        assert_eq!((window.from.to_string().as_str(), window.to.to_string().as_str()), (from, to), "{text}");
    }

    #[test]
    fn questions_are_understood() {
        const NOW: &str = "2026-11-21T12:00:00Z";
        check(
            "who 198.51.100.20:22 on i-0a since 2h",
            "i-0a",
            "198.51.100.20 22",
            "2026-11-21T10:00:00Z",
            NOW,
        );
        check("who 198.51.100.20 on 10.0.0.7", "10.0.0.7", "198.51.100.20 0", "2026-11-20T12:00:00Z", NOW);
        check(
            "who [2001:db8::1]:53 on i-0a at 10:00",
            "i-0a",
            "2001:db8::1 53",
            "2026-11-21T09:55:00Z",
            "2026-11-21T10:05:00Z",
        );
        check("who 198.51.100.20:22", "", "198.51.100.20 22", "2026-11-20T12:00:00Z", NOW);
        check("who 198.51.100.20 since 1h", "", "198.51.100.20 0", "2026-11-21T11:00:00Z", NOW);
        check("host i-0a at 14:05", "i-0a", "", "2026-11-20T14:00:00Z", "2026-11-20T14:10:00Z");
        check("host i-0a at 2026-11-21T10:00", "i-0a", "", "2026-11-21T09:55:00Z", "2026-11-21T10:05:00Z");
        check("host i-0a at 11:58", "i-0a", "", "2026-11-21T11:53:00Z", NOW);
        check("host web-3", "web-3", "", "2026-11-20T12:00:00Z", NOW);
        check("host i-do-not-know since 1h", "i-do-not-know", "", "2026-11-21T11:00:00Z", NOW);
        check("host the web server since 1h", "the web server", "", "2026-11-21T11:00:00Z", NOW);
        check(
            "who 198.51.100.20 on at home since 1h",
            "at home",
            "198.51.100.20 0",
            "2026-11-21T11:00:00Z",
            NOW,
        );
        check("host mi-0a since 2026-11-21T10:00:00+02:00", "mi-0a", "", "2026-11-21T08:00:00Z", NOW);
    }

    #[test]
    fn other_commands_are_understood() {
        assert_eq!(read("", now()), Ok(Command::Help));
        assert_eq!(read("cases open", now()), Ok(Command::Cases { open: true }));
        let case = Command::Case(CaseId("GS-20261121-7F3A".to_owned()));
        assert_eq!(read("case gs-20261121-7f3a", now()), Ok(case));
    }

    #[test]
    fn wrong_words_get_an_example() {
        for text in [
            "case ../../etc/passwd",
            "case GS-20261121-7F3A-1",
            "case",
            "who",
            "who 1.2.3.4 on",
            "who 1.2.3.4 i-0a",
            "who 1.2.3.4 sometime",
            "who here on i-0a",
            "host",
            "host i-0a since",
            "host i-0a yesterday",
            "who 1.2.3.4 on 10.0.0.7 sometime",
            "host i-0a since yesterday",
            "host i-0a since é",
            "host i-0a at 2027-01-01T00:00",
            "host i-0a since 99999999999h",
            "frobnicate",
        ] {
            let wrong = read(text, now()).expect_err(text);
            assert!(!wrong.is_empty());
        }
    }
}
