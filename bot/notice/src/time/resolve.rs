//! From a written time to an interval of real time, with what had to be assumed.

use jiff::SignedDuration;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::Precision;
use super::Stamp;
use super::Zone;
use crate::claim::ZoneSource;

/// An unknown zone may lie this far either way.
const UNKNOWN_ZONE_SECONDS: i64 = 14 * 3600;
/// Clocks of a reporter and of the mail that tells of it may differ by this much.
const AFTER_NOTICE_SECONDS: i64 = 600;

/// A stretch of real time in which a written time lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Interval {
    /// Earliest.
    pub from: Timestamp,
    /// Latest.
    pub to: Timestamp,
    /// How the zone was known.
    pub zone: ZoneSource,
}

impl Interval {
    /// Returns the least interval that holds both.
    pub fn join(self, other: Self) -> Self {
        Self {
            from: self.from.min(other.from),
            to: self.to.max(other.to),
            zone: weaker(self.zone, other.zone),
        }
    }
}

/// Returns the zone source that promises less.
fn weaker(one: ZoneSource, other: ZoneSource) -> ZoneSource {
    let rank = |source| match source {
        ZoneSource::Explicit => 0,
        ZoneSource::Prose => 1,
        ZoneSource::Header => 2,
        ZoneSource::Assumed => 3,
    };
    if rank(one) >= rank(other) { one } else { other }
}

/// Everything that the notice says about times in general.
#[derive(Debug, Default, Clone)]
pub(in super::super) struct Resolver {
    /// When the notice was sent; nothing in it happened later.
    pub sent: Option<Timestamp>,
    /// A year that other times of the notice name, for times without one.
    pub year: Option<i16>,
    /// The zone that the notice states of its times, and how it does.
    pub stated: Option<(Zone, ZoneSource)>,
}

impl Resolver {
    /// Turns a written time into an interval; none when its year cannot be known.
    pub fn resolve(&self, stamp: &Stamp) -> Option<Interval> {
        let civil = self.civil(stamp)?;
        let (zone, source) = match (stamp.zone, self.stated) {
            (Some(zone), _) => (Some(zone), ZoneSource::Explicit),
            (None, Some((zone, source))) => (Some(zone), source),
            (None, None) => (None, ZoneSource::Assumed),
        };
        // What was written covers all of it: "10:00:03" ends with that second, "10:00" with that minute.
        let whole = match stamp.precision {
            Precision::Second => SignedDuration::from_secs(1),
            Precision::Minute => SignedDuration::from_mins(1),
            Precision::Day => SignedDuration::from_hours(24),
        };
        let last = civil.checked_add(whole - SignedDuration::from_nanos(1)).ok()?;
        let interval = match zone {
            Some(zone) => {
                let (least, greatest) = zone.offsets(civil);
                Interval { from: at_offset(civil, greatest)?, to: at_offset(last, least)?, zone: source }
            }
            None => Interval {
                from: at_offset(civil, 0)?
                    .checked_add(SignedDuration::from_secs(-UNKNOWN_ZONE_SECONDS))
                    .ok()?,
                to: at_offset(last, 0)?.checked_add(SignedDuration::from_secs(UNKNOWN_ZONE_SECONDS)).ok()?,
                zone: source,
            },
        };
        Some(self.cap(interval, zone.is_none()))
    }

    /// Returns what the clock showed, the year put in.
    pub fn civil(&self, stamp: &Stamp) -> Option<DateTime> {
        self.with_year(self.settle_day_month(stamp), stamp.year_known)
    }

    /// Nothing happened after the notice was sent: an assumed window ends there.
    fn cap(&self, interval: Interval, assumed: bool) -> Interval {
        let Some(sent) = self.sent.filter(|_| assumed) else {
            return interval;
        };
        let last = sent.checked_add(SignedDuration::from_secs(AFTER_NOTICE_SECONDS)).unwrap_or(sent);
        if interval.from < last && last < interval.to { Interval { to: last, ..interval } } else { interval }
    }

    /// Swaps day and month where the notice otherwise lies before what it tells of.
    fn settle_day_month(&self, stamp: &Stamp) -> DateTime {
        if !stamp.day_month_unsure {
            return stamp.civil;
        }
        let swapped = jiff::civil::Date::new(stamp.civil.year(), stamp.civil.day(), stamp.civil.month())
            .map_or(stamp.civil, |day| day.to_datetime(stamp.civil.time()));
        let Some(sent) = self.sent else {
            return stamp.civil;
        };
        let distance = |civil: DateTime| {
            let at = at_offset(civil, 0).map_or(i64::MAX, |at| sent.as_second() - at.as_second());
            if at < -86_400 { i64::MAX } else { at.abs() }
        };
        if distance(swapped) < distance(stamp.civil) { swapped } else { stamp.civil }
    }

    /// Puts the year in that the writer left out: the latest one that is not after the notice.
    fn with_year(&self, civil: DateTime, known: bool) -> Option<DateTime> {
        if known {
            return Some(civil);
        }
        let sent = self.sent.map(|sent| Offset::UTC.to_datetime(sent));
        let year = sent.map(|sent| sent.year()).or(self.year)?;
        let this_year = replace_year(civil, year);
        let latest = sent.and_then(|sent| sent.checked_add(SignedDuration::from_hours(36)).ok());
        match (this_year, latest) {
            (Some(this_year), Some(latest)) if this_year > latest => replace_year(civil, year - 1),
            (Some(this_year), _) => Some(this_year),
            (None, _) => replace_year(civil, year - 1),
        }
    }
}

fn replace_year(civil: DateTime, year: i16) -> Option<DateTime> {
    let day = jiff::civil::Date::new(year, civil.month(), civil.day()).ok()?;
    Some(day.to_datetime(civil.time()))
}

fn at_offset(civil: DateTime, seconds: i32) -> Option<Timestamp> {
    Offset::from_seconds(seconds).ok()?.to_timestamp(civil).ok()
}

#[cfg(test)]
mod tests {
    use super::super::Finder;
    use super::super::Zone;
    use super::Resolver;
    use crate::claim::ZoneSource;

    fn check(resolver: &Resolver, line: &str, from: &str, to: &str, zone: ZoneSource) {
        let stamps = Finder.find(line);
        let interval = resolver.resolve(&stamps[0]).expect("a time");
        assert_eq!(
            (interval.from.to_string(), interval.to.to_string(), interval.zone),
            (from.to_owned(), to.to_owned(), zone),
            "{line}"
        );
    }

    #[test]
    fn widens_by_what_is_unknown() {
        let sent = "2024-01-16T08:00:00Z".parse().ok();
        let plain = Resolver { sent, ..Resolver::default() };
        check(
            &plain,
            "2024-01-15 10:00:00 UTC",
            "2024-01-15T10:00:00Z",
            "2024-01-15T10:00:00.999999999Z",
            ZoneSource::Explicit,
        );
        check(
            &plain,
            "2024-01-15 10:00 UTC",
            "2024-01-15T10:00:00Z",
            "2024-01-15T10:00:59.999999999Z",
            ZoneSource::Explicit,
        );
        check(
            &plain,
            "Jan 15 10:00:00 x",
            "2024-01-14T20:00:00Z",
            "2024-01-16T00:00:00.999999999Z",
            ZoneSource::Assumed,
        );
        check(
            &plain,
            "Jan 15 23:00:00 x",
            "2024-01-15T09:00:00Z",
            "2024-01-16T08:10:00Z",
            ZoneSource::Assumed,
        );
        check(
            &plain,
            "Dec 31 10:00:00 x",
            "2023-12-30T20:00:00Z",
            "2024-01-01T00:00:00.999999999Z",
            ZoneSource::Assumed,
        );
        check(
            &plain,
            "10/01/2024 10:00:00 UTC",
            "2024-01-10T10:00:00Z",
            "2024-01-10T10:00:00.999999999Z",
            ZoneSource::Explicit,
        );
        let stated =
            Resolver { stated: Some((Zone::Fixed(-28800), ZoneSource::Prose)), ..Resolver::default() };
        check(
            &stated,
            "2024-01-15 10:00:00",
            "2024-01-15T18:00:00Z",
            "2024-01-15T18:00:00.999999999Z",
            ZoneSource::Prose,
        );
    }

    #[test]
    fn refuses_a_time_without_any_year() {
        let stamps = Finder.find("Jan 15 10:00:00 x");
        assert_eq!(Resolver::default().resolve(&stamps[0]), None);
    }
}
