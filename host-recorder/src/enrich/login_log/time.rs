//! The time that a line of a log begins with. Pure.

use history::UnixNs;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// A line may be this far ahead of the clock: the daemon that wrote it may keep another zone, seconds.
const AHEAD_MAX_S: i64 = 86_400;

/// Years looked back for one in which the line's day exists (29 February).
const YEARS_BACK: i16 = 8;

/// Splits the time off a line: RFC 3339, or `Nov  1 09:05:03` in the host's zone. `now` gives the year that the
/// latter lacks.
pub(super) fn split<'a>(line: &'a str, now: Timestamp, zone: &TimeZone) -> (Option<UnixNs>, &'a str) {
    if let Some((first, rest)) = line.split_once(' ')
        && let Ok(time) = first.parse::<Timestamp>()
    {
        return (Some(time.into()), rest);
    }
    // Sixteen bytes with the space behind.
    match line.split_at_checked(16) {
        Some((time, rest)) => (traditional(time.trim_end(), now, zone).map(UnixNs::from), rest),
        None => (None, line),
    }
}

/// The latest time of that name that is not in the future.
fn traditional(text: &str, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let latest = now.as_second().saturating_add(AHEAD_MAX_S);
    let this_year = now.to_zoned(zone.clone()).year();
    let years = (this_year - YEARS_BACK..=this_year.saturating_add(1)).rev();
    years
        .filter_map(|year| {
            let at = DateTime::strptime("%Y %b %e %H:%M:%S", format!("{year} {text}")).ok()?;
            let at = zone.to_ambiguous_timestamp(at);
            // An hour that the clocks pass twice: the second time, unless that is still to come.
            let later = at.later().ok().filter(|later| *later <= now);
            later.or_else(|| at.earlier().ok())
        })
        .find(|at| at.as_second() <= latest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str, now: &str, zone: &TimeZone) -> String {
        let (time, rest) = split(line, now.parse().unwrap(), zone);
        assert_eq!(rest, "h x", "{line}");
        time.unwrap().to_string()
    }

    #[test]
    fn years_are_told_from_the_clock() {
        for (line, now, expected) in [
            ("Dec 31 23:59:58 h x", "2026-01-01T00:00:03Z", "2025-12-31T23:59:58.000Z"),
            ("Jan  1 00:00:01 h x", "2026-01-01T00:00:03Z", "2026-01-01T00:00:01.000Z"),
            // The daemon's zone is ahead of ours.
            ("Jan  1 01:59:59 h x", "2025-12-31T23:59:59Z", "2026-01-01T01:59:59.000Z"),
            ("Mar  1 12:00:00 h x", "2026-02-28T10:00:00Z", "2025-03-01T12:00:00.000Z"),
            ("Feb 29 12:00:00 h x", "2026-03-01T00:00:00Z", "2024-02-29T12:00:00.000Z"),
            ("2026-01-01T10:02:03.5+01:00 h x", "2026-01-02T00:00:00Z", "2026-01-01T09:02:03.500Z"),
            ("2026-01-01T10:02:03.123456Z h x", "2026-01-02T00:00:00Z", "2026-01-01T10:02:03.123Z"),
        ] {
            assert_eq!(read(line, now, &TimeZone::UTC), expected, "{line} at {now}");
        }
    }

    #[test]
    fn an_hour_that_comes_twice_is_the_one_that_is_not_in_the_future() {
        // In this zone the clocks go from 03:00 back to 02:00 on the last Sunday of October at 01:00 UTC.
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let line = "Oct 25 02:30:00 h x";
        assert_eq!(read(line, "2026-10-25T00:30:01Z", &zone), "2026-10-25T00:30:00.000Z");
        assert_eq!(read(line, "2026-10-25T01:30:01Z", &zone), "2026-10-25T01:30:00.000Z");
    }

    #[test]
    fn a_zone_that_changed_is_the_one_of_now() {
        let line = "Jul  1 12:00:00 h x";
        for (zone, expected) in [("UTC0", "2026-07-01T12:00:00.000Z"), ("XYZ-9", "2026-07-01T03:00:00.000Z")]
        {
            assert_eq!(read(line, "2026-07-01T12:00:01Z", &TimeZone::posix(zone).unwrap()), expected);
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for line in ["", "x", "Foo  1 09:05:03 h x", "éééééééééééééééééééé", "2026-13-01T00:00:00Z h x"]
        {
            assert_eq!(
                split(line, "2026-01-02T00:00:00Z".parse().unwrap(), &TimeZone::UTC).0,
                None,
                "{line}"
            );
        }
    }
}
