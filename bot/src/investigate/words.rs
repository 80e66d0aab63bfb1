//! Numbers in words, the same everywhere in a report.

use history::UnixNs;
use jiff::Timestamp;

use crate::case::Entry;

/// `1,000`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 port`, `2 ports`.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// A length of time in words: `3 s`, `4 min 10 s`, `2 h 5 min`.
pub fn duration_s(seconds: u64) -> String {
    match seconds {
        0 => "less than a second".to_owned(),
        1..60 => format!("{seconds} s"),
        60..3600 if seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..172_800 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A time in UTC to the second: `2026-11-21 10:02:33 UTC`.
pub fn utc(at: UnixNs) -> String {
    Timestamp::from(at).strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// The time of day in UTC: `10:02:33`.
pub fn clock(at: UnixNs) -> String {
    Timestamp::from(at).strftime("%H:%M:%S").to_string()
}

/// Two times in UTC; the day only once where they share it.
pub fn span(from: UnixNs, to: UnixNs) -> String {
    let day = |at: UnixNs| Timestamp::from(at).strftime("%Y-%m-%d").to_string();
    if utc(from) == utc(to) {
        utc(from)
    } else if day(from) == day(to) {
        format!("{} {} to {} UTC", day(from), clock(from), clock(to))
    } else {
        format!("{} {} to {} {} UTC", day(from), clock(from), day(to), clock(to))
    }
}

/// Seconds between two times, never negative.
pub fn seconds_between(from: UnixNs, to: UnixNs) -> u64 {
    u64::try_from(to.0.saturating_sub(from.0) / 1_000_000_000).unwrap_or(0)
}

/// Ports as ranges: `22, 80, 8000-8010 and 3 more`.
pub fn port_list(ranges: &[(u16, u16)], limit: usize) -> String {
    let shown: Vec<String> = ranges
        .iter()
        .take(limit)
        .map(|(from, to)| if from == to { from.to_string() } else { format!("{from}-{to}") })
        .collect();
    match ranges.len().saturating_sub(limit) {
        0 => shown.join(", "),
        more => format!("{} and {} more", shown.join(", "), count(more as u64)),
    }
}

/// How many ports the ranges hold together; ranges the wrong way round hold none.
pub fn ports_in(ranges: &[(u16, u16)]) -> u64 {
    ranges.iter().map(|(from, to)| (u64::from(*to) + 1).saturating_sub(u64::from(*from))).sum()
}

/// `1.5 MB`.
pub fn bytes(number: u64) -> String {
    const UNITS: &[&str] = &["kB", "MB", "GB", "TB", "PB", "EB"];
    if number < 1000 {
        return counted(number, "byte", "bytes");
    }
    let mut scaled = number as f64 / 1000.0;
    let mut unit = 0;
    while scaled >= 1000.0 && unit + 1 < UNITS.len() {
        scaled /= 1000.0;
        unit += 1;
    }
    format!("{scaled:.1} {}", UNITS[unit])
}

/// A value's name in JSON, such as `port_scan`.
pub fn snake(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

/// Joins with commas and a last "and".
pub fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// A container: `docker 4f5e9d1c0b2a (web, image example.com/web:1, pod shop/web-0)`; empty for another entry.
pub(crate) fn container(entry: &Entry) -> String {
    let Entry::Container { runtime, id, name, image, pod } = entry else {
        return String::new();
    };
    let known = [
        name.as_ref().map(|name| name.shown(60)),
        image.as_ref().map(|image| format!("image {}", image.shown(100))),
        pod.as_ref().map(|pod| format!("pod {}", pod.shown(80))),
    ];
    let known: Vec<String> = known.into_iter().flatten().collect();
    let known = if known.is_empty() { String::new() } else { format!(" ({})", known.join(", ")) };
    let runtime = if runtime.is_empty() { String::new() } else { format!("{runtime} ") };
    format!("{runtime}{}{known}", id.shown(20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([0, 999, 1000, 65535, 1_234_567].map(count), ["0", "999", "1,000", "65,535", "1,234,567"]);
        assert_eq!(
            [0, 59, 60, 250, 7500, 200_000].map(duration_s).join("|"),
            "less than a second|59 s|1 min|4 min 10 s|2 h 5 min|2 days"
        );
        assert_eq!(port_list(&[(22, 22), (80, 90), (443, 443)], 2), "22, 80-90 and 1 more");
        assert_eq!(ports_in(&[(22, 22), (80, 90), (9, 3)]), 12);
        assert_eq!(list(&["a".into(), "b".into(), "c".into()]), "a, b and c");
    }
}
