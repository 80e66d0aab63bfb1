//! Times in texts: finding them, learning their zone, and how far the reading may be wrong.
//!
//! A time is kept as it was written ([`Stamp`]) until everything that the notice says about zones
//! is known; only then does it become an interval of real time.

mod calendar;
mod clocks;
mod find;
mod resolve;
mod zone;

pub(super) use find::Finder;
pub(super) use find::epoch;
pub(super) use resolve::Interval;
pub(super) use resolve::Resolver;
pub(super) use zone::Zone;
pub(super) use zone::place_zone;
pub(super) use zone::prose_zone;
pub(super) use zone::read_zone;
pub(super) use zone::zone_of_name;

use jiff::civil::DateTime;

/// How exactly a time was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Precision {
    /// To the second or finer.
    Second,
    /// To the minute.
    Minute,
    /// A date only.
    Day,
}

/// A time as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stamp {
    /// What the clock and calendar showed.
    pub civil: DateTime,
    /// How exactly.
    pub precision: Precision,
    /// The zone written beside it.
    pub zone: Option<Zone>,
    /// False when the year was left out; the one in `civil` then means nothing.
    pub year_known: bool,
    /// The month and day could be read the other way round.
    pub day_month_unsure: bool,
    /// Byte offset of its first character in the line.
    pub start: usize,
    /// Byte offset after its last character, zone included.
    pub end: usize,
}
