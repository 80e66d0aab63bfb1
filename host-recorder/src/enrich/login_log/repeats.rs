//! Refusals that a log tells of more than once. Pure.

use std::collections::HashMap;

use super::LoginLine;

/// Different refusals of one time that are told apart.
const KEYS_MAX: usize = 10_000;

/// Most refusals that one line may stand for.
const TIMES_MAX: u32 = 1_000;

/// Whose refusal a line tells of.
type Key = (String, String, Option<u32>, Option<u16>);

/// Gives each refusal a time of its own: times in logs may be whole seconds, and several attempts of one connection
/// are several. The same lines always get the same times, so that what is read again is known again.
#[derive(Debug, Default)]
pub struct Repeats {
    at: i64,
    seen: HashMap<Key, i64>,
}

impl Repeats {
    /// One line for each refusal, each later by a nanosecond than the one before; other lines as they are.
    pub fn spread(&mut self, line: LoginLine) -> impl Iterator<Item = LoginLine> + use<> {
        let mut first = 0;
        let mut times = 1;
        if let Some(time) = line.time.filter(|_| !line.accepted) {
            if time.0 != self.at || self.seen.len() > KEYS_MAX {
                self.at = time.0;
                self.seen.clear();
            }
            let key = (line.service.clone(), line.user.clone(), line.pid, line.source.map(|(_, port)| port));
            let seen = self.seen.entry(key).or_default();
            first = *seen;
            times = line.times.clamp(1, TIMES_MAX);
            *seen += i64::from(times);
        }
        (0..i64::from(times)).map(move |number| {
            let mut line = line.clone();
            line.times = 1;
            if let Some(time) = &mut line.time {
                time.0 = time.0.saturating_add(first + number);
            }
            line
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;

    fn read(lines: &[&str]) -> Vec<(i64, String)> {
        let mut repeats = Repeats::default();
        let now = "2026-01-02T00:00:00Z".parse().unwrap();
        let lines = lines.iter().filter_map(|line| super::super::parse(line, now, &TimeZone::UTC));
        let spread = lines.flat_map(|line| repeats.spread(line)).collect::<Vec<_>>();
        spread.into_iter().map(|line| (line.time.unwrap().0 % 1_000_000_000, line.user)).collect()
    }

    #[test]
    fn each_refusal_counts_once() {
        let told = read(&[
            "Jan  1 09:05:03 h sshd[5]: Failed password for bob from 203.0.113.9 port 7 ssh2",
            "Jan  1 09:05:03 h sshd[5]: Failed password for bob from 203.0.113.9 port 7 ssh2",
            "Jan  1 09:05:03 h sshd[6]: Failed password for bob from 203.0.113.9 port 8 ssh2",
            "Jan  1 09:05:03 h sshd[5]: message repeated 2 times: [ Failed password for bob from 203.0.113.9 port 7 ssh2]",
            "Jan  1 09:05:04 h sshd[5]: Failed password for bob from 203.0.113.9 port 7 ssh2",
            "Jan  1 09:05:05 h sshd[5]: Accepted password for bob from 203.0.113.9 port 7 ssh2",
        ]);
        let offsets: Vec<i64> = told.iter().map(|(offset, _)| *offset).collect();
        assert_eq!(offsets, [0, 1, 0, 2, 3, 0, 0]);
        assert!(told.iter().all(|(_, user)| user == "bob"));
    }

    #[test]
    fn a_line_does_not_stand_for_more_than_is_believable() {
        let line = "Jan  1 09:05:03 h sshd[5]: message repeated 4000000000 times: [ Failed password for bob from 203.0.113.9 port 7 ssh2]";
        assert_eq!(read(&[line]).len(), TIMES_MAX as usize);
    }
}
