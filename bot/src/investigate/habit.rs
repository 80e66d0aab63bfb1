//! Whether it was really them: a login held against what the host's whole history knows of that user.
//!
//! Facts with counts and dates, no guesses. Hours are UTC, since hosts and people live in many zones; an hour beside
//! a known one is no new hour.

use history::Habit;
use history::LoginEvent;
use history::Used;

use super::host::Host;
use super::words;
use crate::untrusted::Untrusted;

/// Values that are named.
const NAMED_MAX: usize = 4;

/// What a login has that its user's earlier ones had not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Unlike {
    /// Earlier logins that it is held against.
    pub logins: u64,
    pub source: bool,
    pub hour: bool,
    pub method: bool,
    pub key: bool,
}

/// The habit that a login is held against.
pub(super) fn habit_of<'a>(host: &Host<'a>, login: &LoginEvent) -> Option<&'a Habit> {
    let of = |habit: &&Habit| habit.user == login.login.user && habit.before == login.time;
    host.evidence.habits.iter().take(64).find(of)
}

/// How a login differs from those before it.
pub(super) fn unlike(habit: &Habit, event: &LoginEvent) -> Unlike {
    let login = &event.login;
    let is_new = |known: &[Used], value: Option<&str>| {
        value.is_some_and(|value| !known.iter().any(|used| used.value == value))
    };
    let source = login.source_address.map(|address| address.to_string());
    Unlike {
        logins: habit.accepted,
        source: is_new(&habit.sources, source.as_deref()),
        hour: !usual_hour(habit, event),
        method: is_new(&habit.methods, Some(&login.method)),
        key: is_new(&habit.keys, login.key.as_deref()),
    }
}

fn hour_of(event: &LoginEvent) -> usize {
    usize::try_from(event.time.0.rem_euclid(86_400_000_000_000) / 3_600_000_000_000).unwrap_or_default()
}

fn usual_hour(habit: &Habit, event: &LoginEvent) -> bool {
    let hour = hour_of(event);
    [hour + 23, hour, hour + 1].iter().any(|near| habit.hours.get(near % 24).is_some_and(|count| *count > 0))
}

/// What history says of a login, in sentences.
pub(super) fn sentences(habit: &Habit, event: &LoginEvent, program: Option<&str>) -> Vec<String> {
    let user = Untrusted::new(&habit.user).shown(40);
    let since = words::utc(habit.since);
    let searched = if habit.whole { "the history" } else { "the part of the history that was searched" };
    if habit.accepted == 0 {
        return vec![format!("no earlier login of {user} is known; {searched} begins {since}")];
    }
    let mut said = vec![format!(
        "{user} logged in {} before, on {}, since {since}: from {}",
        words::counted(habit.accepted, "time", "times"),
        words::counted(habit.days, "day", "days"),
        named(&habit.sources),
    )];
    let differs = unlike(habit, event);
    if let Some(address) = event.login.source_address {
        said.push(match habit.sources.iter().find(|used| used.value == address.to_string()) {
            Some(used) => format!(
                "{address} is known: {} before, first {}, last {}",
                words::counted(used.count, "login", "logins"),
                words::utc(used.first),
                words::utc(used.last)
            ),
            None => format!("{user} never logged in from {address} before"),
        });
    }
    let hour = hour_of(event);
    let near = [hour + 23, hour, hour + 1].iter().filter_map(|near| habit.hours.get(near % 24)).sum::<u64>();
    said.push(if differs.hour {
        format!(
            "{user} never logged in between {:02}:00 and {:02}:59 UTC before",
            (hour + 23) % 24,
            (hour + 1) % 24
        )
    } else {
        format!("the hour is not new: {} of them began within an hour of {hour:02} UTC", words::count(near))
    });
    if differs.method {
        let method = Untrusted::new(&event.login.method).shown(40);
        said.push(format!("{user} never logged in by {method} before, but by {}", named(&habit.methods)));
    }
    if differs.key && !habit.keys.is_empty() {
        said.push(format!("this key of {user} is new; {} was used before", named(&habit.keys)));
    }
    if let Some(program) = program {
        let shown = Untrusted::new(program).shown(80);
        said.push(match habit.programs.iter().find(|used| used.value == program) {
            Some(used) => format!(
                "{user} ran {shown} {} before, last {}",
                words::counted(used.count, "time", "times"),
                words::utc(used.last)
            ),
            None => format!("{user} did not run {shown} before that login, as far as the history goes"),
        });
    }
    said
}

/// `203.0.113.7 (32 times, last …) and 2 more`.
fn named(used: &[Used]) -> String {
    let mut shown: Vec<String> = used
        .iter()
        .take(NAMED_MAX)
        .map(|used| {
            let value = Untrusted::new(&used.value).shown(80);
            format!(
                "{value} ({}, last {})",
                words::counted(used.count, "time", "times"),
                words::utc(used.last)
            )
        })
        .collect();
    if used.len() > NAMED_MAX {
        shown.push(format!("{} more", words::count((used.len() - NAMED_MAX) as u64)));
    }
    words::list(&shown)
}
