//! The claims that the rows of a log or table make, with what the notice says of them in general.

use std::net::IpAddr;

use jiff::SignedDuration;

use super::claims;
use super::claims::Whole;
use super::record::Record;
use super::time::Interval;
use super::time::Resolver;
use super::when;
use crate::claim::Accused;
use crate::claim::Claim;
use crate::claim::ZoneSource;

/// A sentence and a log that tell of one moment differ by no more.
const BESIDE: SignedDuration = SignedDuration::from_mins(10);

/// A range that is longer says less than the rows in it.
const WIDEST: SignedDuration = SignedDuration::from_hours(48);

/// Says whether a stated range holds a row's time.
fn encloses(range: Interval, row: &claims::Row) -> bool {
    let is_range = range.to.duration_since(range.from) > SignedDuration::from_mins(1);
    let known = range.zone != ZoneSource::Assumed && range.to.duration_since(range.from) <= WIDEST;
    is_range && known && row.interval.is_none_or(|it| it.from >= range.from && it.to <= range.to)
}

/// Says whether a time of a sentence lies right beside the first or the last of the rows.
fn touches(said: Interval, rows: &[claims::Row]) -> bool {
    let of_rows = rows.iter().filter_map(|row| row.interval).reduce(Interval::join);
    let known = |it: Interval| it.zone != ZoneSource::Assumed;
    let is_short = said.to.duration_since(said.from) <= BESIDE;
    is_short && of_rows.is_some_and(|rows| known(rows) && known(said) && when::gap(rows, said) <= BESIDE)
}

/// Says whether a row's time, if any, has no zone.
fn has_no_zone(row: &claims::Row) -> bool {
    row.interval.is_none_or(|it| it.zone == ZoneSource::Assumed)
}

/// Returns the claims of all accused.
pub(super) fn claims_of(
    accused: &[Accused],
    records: &[Option<Record>],
    resolver: &Resolver,
    whole: &Whole,
    labelled: bool,
) -> Vec<Claim> {
    let all: Vec<IpAddr> = accused.iter().flat_map(|it| it.addresses.iter().copied()).collect();
    let records: Vec<&Record> = records.iter().flatten().collect();
    let mut claims = Vec::new();
    for one in accused {
        let alone = accused.len() == 1;
        let rows = claims::rows_of(one, &all, &records, resolver, alone);
        if rows.is_empty() {
            claims.push(claims::claim(one.clone(), whole.remotes.clone(), whole.interval, whole.activity));
            continue;
        }
        let timed = rows.iter().any(|row| row.interval.is_some());
        let mut whole = whole.clone();
        whole.interval = whole.interval.filter(|_| !(timed && whole.is_vague));
        if timed && !labelled {
            // A time in a sentence adds nothing to the times of rows, unless it is the range of
            // which the rows are a part, or the moment at which they begin or end.
            whole.interval = whole
                .interval
                .filter(|said| rows.iter().all(|row| encloses(*said, row)) || touches(*said, &rows));
        }
        if !alone {
            // What is said in general may be of the others.
            if rows.iter().any(|row| row.remote.is_some()) {
                whole.remotes.clear();
            }
            whole.interval = whole.interval.filter(|said| !timed || labelled || touches(*said, &rows));
        }
        let unzoned = rows.iter().all(has_no_zone);
        let known = whole.interval.is_some_and(|it| it.zone != ZoneSource::Assumed);
        let rows: Vec<claims::Row> = rows
            .into_iter()
            .map(|row| claims::Row { interval: row.interval.filter(|_| !(unzoned && known)), ..row })
            .collect();
        claims::of_rows(one, &rows, &whole, &mut claims);
    }
    claims.truncate(super::limits::CLAIMS_MAX);
    claims
}
