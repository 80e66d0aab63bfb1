//! Lines that begin with a time of day alone, below or above the one day that the words name: "02:14  192.0.2.1 logged in".

use super::document::SectionRole;
use super::lines::Line;
use super::lines::LineKind;
use super::record::Record;
use super::time::Precision;
use super::time::Stamp;
use super::when::Times;
use super::when::clock_on;

/// Lines that are looked at.
const LINES_MAX: usize = 2000;
/// The clock stands within this many bytes.
const CLOCK_BYTES_MAX: usize = 16;

/// Puts the clocks of such lines in the place of the day, where the words name one day and no time of it; entries of a log
/// have the one day that the words name, whatever times of it.
pub(super) fn complete(lines: &[Line<'_>], records: &mut [Option<Record>], times: &mut Times) {
    let named = || times.labelled.iter().chain(&times.wide).chain(&times.told);
    let Some(day) = named().next().cloned() else { return };
    if named().any(|it| it.civil.date() != day.civil.date()) {
        return;
    }
    let is_day_only = named().all(|it| it.precision == Precision::Day) && times.labelled.is_empty();
    let mut clocks: Vec<Stamp> = Vec::new();
    for (line, record) in lines.iter().zip(records).take(LINES_MAX) {
        let is_row = line.kind == LineKind::Statement
            && line.role != SectionRole::Subject
            && line.stamps.is_empty()
            && begins_with_clock(line.text);
        if !is_row || !(is_day_only || record.is_some()) {
            continue;
        }
        let text = line.text.trim_start();
        let told = clock_on(day.civil, &text[..text.floor_char_boundary(CLOCK_BYTES_MAX)]);
        let told = told.into_iter().map(|it| Stamp { zone: it.zone.or(day.zone), ..it });
        match record {
            Some(record) if record.stamps.is_empty() => record.stamps = told.collect(),
            _ => clocks.extend(told),
        }
    }
    if is_day_only && !clocks.is_empty() {
        times.told = clocks;
    }
}

/// "[23:55:33] lost connection": an entry of a log that leaves out the day.
pub(super) fn begins_with_clock(text: &str) -> bool {
    let text = text.trim_start().trim_start_matches(['[', '(']).as_bytes();
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (1..=2).contains(&digits)
        && text.get(digits) == Some(&b':')
        && text.get(digits + 1..digits + 3).is_some_and(|it| it.iter().all(u8::is_ascii_digit))
}
