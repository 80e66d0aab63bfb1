//! Lines that begin with a time of day alone, below or above the one day that the words name: "02:14  192.0.2.1 logged in".

use super::document::SectionRole;
use super::lines::Line;
use super::lines::LineKind;
use super::time::Precision;
use super::time::Stamp;
use super::when::Times;
use super::when::clock_on;

/// Lines that are looked at.
const LINES_MAX: usize = 2000;
/// The clock stands within this many bytes.
const CLOCK_BYTES_MAX: usize = 16;

/// Puts the clocks of such lines in the place of the day, where the words name one day and no time of it.
pub(super) fn complete(lines: &[Line<'_>], times: &mut Times) {
    let days: Vec<&Stamp> = times.told.iter().filter(|it| it.precision == Precision::Day).collect();
    let is_one_day = times.labelled.is_empty()
        && times.wide.is_empty()
        && !days.is_empty()
        && days.len() == times.told.len()
        && days.iter().all(|it| it.civil.date() == days[0].civil.date());
    if !is_one_day {
        return;
    }
    let day = days[0].clone();
    let rows = lines.iter().take(LINES_MAX).filter(|line| {
        line.kind == LineKind::Statement
            && line.role != SectionRole::Subject
            && line.stamps.is_empty()
            && begins_with_clock(line.text)
    });
    let clocks: Vec<Stamp> = rows
        .flat_map(|line| {
            let text = line.text.trim_start();
            clock_on(day.civil, &text[..text.floor_char_boundary(CLOCK_BYTES_MAX)])
        })
        .map(|it| Stamp { zone: it.zone.or(day.zone), ..it })
        .collect();
    if !clocks.is_empty() {
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
