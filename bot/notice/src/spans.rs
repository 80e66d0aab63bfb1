//! When a notice says that it happened, outside of its rows: zone, general interval, headers.

use jiff::SignedDuration;
use jiff::Timestamp;

use super::label::Role;
use super::lines::Line;
use super::lines::LineKind;
use super::record::Record;
use super::roles::Roles;
use super::time::Interval;
use super::time::Resolver;
use super::time::Stamp;
use super::time::Zone;
use super::when;
use super::when::Times;
use crate::claim::ZoneSource;

/// Times in sentences that lie further from the first one are not the same incident's.
const TOLD_APART_MAX: SignedDuration = SignedDuration::from_hours(48);
/// Relays that hand one mail on do so within this.
const CHAIN_APART_MAX: SignedDuration = SignedDuration::from_mins(10);
const CHAIN_LINES_MAX: usize = 60;
/// Times in fields may span a long campaign.
const LABELLED_APART_MAX: SignedDuration = SignedDuration::from_hours(24 * 60);

/// Learns the zone: stated, or found by one time that is written with it.
pub(super) fn resolver(
    lines: &[Line<'_>],
    records: &[Option<Record>],
    times: &Times,
    sent: Option<Timestamp>,
    zone: Option<Zone>,
) -> Resolver {
    let mut resolver = when::resolver(lines, sent, zone);
    if resolver.stated.is_some() {
        return resolver;
    }
    let rows: Vec<&Stamp> = records.iter().flatten().flat_map(|record| &record.stamps).collect();
    let every = || times.labelled.iter().chain(&times.wide).chain(&times.told);
    let ends = rows.first().into_iter().chain(rows.last()).copied();
    let unzoned: Vec<&Stamp> = every().chain(ends).filter(|stamp| stamp.zone.is_none()).take(64).collect();
    let zoned: Vec<&Stamp> =
        every().chain(rows.iter().copied().take(4)).filter(|stamp| stamp.zone.is_some()).take(16).collect();
    if let Some(zone) = when::calibrate(&resolver, &unzoned, &zoned) {
        resolver.stated = Some((zone, ZoneSource::Prose));
    }
    resolver
}

/// Returns when the notice says, outside of its rows, that it happened.
pub(super) fn general_interval(resolver: &Resolver, times: &Times) -> Option<Interval> {
    let labelled: Vec<&Stamp> = times.labelled.iter().collect();
    let told: Vec<&Stamp> = times.told.iter().collect();
    let wide: Vec<&Stamp> = times.wide.iter().collect();
    when::join(resolver, &labelled, LABELLED_APART_MAX)
        .or_else(|| when::join(resolver, &wide, LABELLED_APART_MAX))
        .or_else(|| when::join(resolver, &told, TOLD_APART_MAX))
}

/// Returns when a relay took the offending mail from the accused, where nothing else tells a time.
pub(super) fn header_interval(lines: &[Line<'_>], resolver: &Resolver, roles: &Roles) -> Option<Interval> {
    let accused = roles.with(Role::Accused);
    let names =
        |line: &Line<'_>| line.spots.iter().filter_map(|spot| spot.ip).any(|ip| accused.contains(&ip));
    let headers = || lines.iter().enumerate().filter(|(_, line)| line.kind == LineKind::Header);
    // The time of a Received header may stand on its next line.
    let (at, first) = headers().filter(|(_, line)| names(line)).find_map(|(at, _)| {
        let near = lines[at..].iter().take(3).take_while(|line| line.kind == LineKind::Header);
        near.flat_map(|line| &line.stamps).next().map(|stamp| (at, stamp))
    })?;
    let first = resolver.resolve(first)?;
    // The relays below it took the same mail on just before.
    let below = lines[at..].iter().take_while(|line| line.kind == LineKind::Header).take(CHAIN_LINES_MAX);
    let below = below.flat_map(|line| &line.stamps).filter_map(|stamp| resolver.resolve(stamp));
    Some(below.filter(|it| when::gap(*it, first) <= CHAIN_APART_MAX).fold(first, Interval::join))
}
