//! When a notice says that it happened, outside of its rows: zone, general interval, headers.

use std::sync::LazyLock;

use jiff::SignedDuration;
use jiff::Timestamp;
use regex::Regex;

use super::label::Role;
use super::lines::Line;
use super::lines::LineKind;
use super::pattern::compile;
use super::pattern::fold;
use super::record::Record;
use super::relative;
use super::roles::Roles;
use super::time::Interval;
use super::time::Precision;
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
    let rows: Vec<&Stamp> = records.iter().flatten().flat_map(|record| &record.stamps).collect();
    let every = || times.labelled.iter().chain(&times.wide).chain(&times.told);
    if resolver.stated.is_some() {
        // A row that shows the very second of a field is in the field's zone, whatever else is said.
        let is_shown = |stamp: &&Stamp| {
            let is_same = |row: &&&Stamp| row.zone.is_none() && row.civil == stamp.civil;
            stamp.precision == Precision::Second && rows.iter().take(4).any(|row| is_same(&row))
        };
        if let Some(zone) = every().filter(|stamp| stamp.zone.is_some()).find(is_shown).and_then(|it| it.zone)
        {
            resolver.stated = Some((zone, ZoneSource::Prose));
        }
        return resolver;
    }
    let ends = rows.first().into_iter().chain(rows.last()).copied();
    let unzoned: Vec<&Stamp> = every().chain(ends).filter(|stamp| stamp.zone.is_none()).take(64).collect();
    // "Blocked after 2026-12-12 15:08:19 +0100": what is still to come was not seen in any log.
    let has_been = |stamp: &&Stamp| {
        stamp.zone.is_some()
            && resolver.resolve(stamp).is_some_and(|at| sent.is_none_or(|sent| at.from <= sent))
    };
    let zoned: Vec<&Stamp> = every().chain(rows.iter().copied().take(4)).filter(has_been).take(16).collect();
    if let Some(zone) = when::calibrate(&resolver, &unzoned, &zoned) {
        resolver.stated = Some((zone, ZoneSource::Prose));
    } else if let Some(zone) = when::only_offset(lines) {
        resolver.stated = Some((zone, ZoneSource::Prose));
    }
    resolver
}

/// Returns when the notice says, outside of its rows, that it happened.
pub(super) fn general_interval(resolver: &Resolver, times: &Times) -> Option<Interval> {
    let labelled: Vec<&Stamp> = times.labelled.iter().collect();
    let told: Vec<&Stamp> = times.told.iter().collect();
    let wide: Vec<&Stamp> = times.wide.iter().collect();
    let in_fields = when::join(resolver, &labelled, LABELLED_APART_MAX).map(|field| {
        // "Last seen" at the end of a range that a sentence tells.
        let range = when::join(resolver, &told, TOLD_APART_MAX);
        let goes_on = |range: &Interval| times.only_begins && follows(*range, field);
        let range = range.filter(|range| ends_with(*range, field) || goes_on(range));
        range.map_or(field, |range| field.join(range))
    });
    in_fields
        .or_else(|| when::join(resolver, &wide, LABELLED_APART_MAX))
        .or_else(|| when::join(resolver, &told, TOLD_APART_MAX))
}

/// Says whether what is told goes on after the moment at which a field says that it began.
fn follows(told: Interval, began: Interval) -> bool {
    told.from > began.to && told.from.duration_since(began.to) <= SAME_DAY
}

/// Says whether a range begins or ends with a moment.
fn ends_with(range: Interval, moment: Interval) -> bool {
    let length = |it: Interval| it.to.duration_since(it.from);
    let is_end = |at: Timestamp| at.duration_since(moment.from).abs() <= MOMENT;
    length(moment) <= MOMENT && length(range) > MOMENT && (is_end(range.from) || is_end(range.to))
}

/// What is told this long after a beginning is of the same.
const SAME_DAY: SignedDuration = SignedDuration::from_hours(24);

/// What is written to the minute is as long as this.
const MOMENT: SignedDuration = SignedDuration::from_mins(1);

/// What begins then and goes on.
static SINCE: LazyLock<Regex> = LazyLock::new(|| compile(r"(?i)\b(?:since|seit|depuis|sinds)\b[^.;]{0,24}$"));
static LASTED: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:for|lasting|lasted|during|over)\s+(?:about\s+|around\s+|approx\w*\.?\s+|some\s+|over\s+|more than\s+|at least\s+|the next\s+)?(\d{1,3}|an?|one|two|three|four|half an)\s+(minutes?|mins?|hours?|hrs?|days?)\b",
    )
});
/// A history that goes on for longer is not asked for as one.
const GOES_ON_MAX: SignedDuration = SignedDuration::from_hours(24 * 60);

/// Widens a window that only has a beginning: until the notice was written where it goes on, or by how long it lasted.
pub(super) fn open_end(lines: &[Line<'_>], begin: Interval, sent: Option<Timestamp>) -> Option<Interval> {
    if begin.to.duration_since(begin.from) > SignedDuration::from_mins(1) {
        return None;
    }
    let is_dated = |line: &&Line<'_>| line.stamps.first().is_some_and(|stamp| when::tells(line, stamp));
    let statements = || lines.iter().filter(|line| line.kind == LineKind::Statement).take(400);
    // What it quotes counts where it names no time of its own.
    let is_quoted = !statements().filter(|line| !line.is_quoted).any(|line| is_dated(&line));
    let own = || statements().filter(move |line| is_quoted || !line.is_quoted);
    let dated = || own().filter(is_dated);
    if let Some(lasted) = dated().find_map(|line| LASTED.captures(line.text)) {
        let count = match lasted[1].to_ascii_lowercase().as_str() {
            "two" => 2,
            "three" => 3,
            "four" => 4,
            number => number.parse().unwrap_or(1),
        };
        let unit = match lasted[2].to_ascii_lowercase() {
            unit if unit.starts_with('m') => SignedDuration::from_mins(1),
            unit if unit.starts_with('h') => SignedDuration::from_hours(1),
            _ => SignedDuration::from_hours(24),
        };
        let to = begin.to.checked_add(unit.checked_mul(count)?).ok()?;
        return Some(Interval { to: sent.map_or(to, |sent| to.min(sent)).max(begin.to), ..begin });
    }
    let goes_on = own().any(|line| relative::GOES_ON.is_match(&fold(line.text)));
    let is_since =
        |line: &Line<'_>| line.stamps.first().is_some_and(|stamp| SINCE.is_match(&line.text[..stamp.start]));
    let is_open = dated().any(is_since) || (goes_on && dated().count() == 1);
    let to =
        sent.filter(|sent| is_open && *sent > begin.to && sent.duration_since(begin.from) <= GOES_ON_MAX)?;
    Some(Interval { to, ..begin })
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
