//! Clocks that stand apart from their date: the ends of ranges, "between 10:02 and 10:15", "the last one at 10:15".

use std::sync::LazyLock;

use jiff::civil::DateTime;
use regex::Regex;

use super::super::pattern::compile;
use super::Precision;
use super::Stamp;
use super::calendar::clock_of;
use super::find::CLOCK;
use super::find::zone_after;
use super::read_zone;

static BARE_CLOCK: LazyLock<Regex> = LazyLock::new(|| compile(&format!(r"(?:^|[^\d:.\w+]){CLOCK}")));
/// The other end of a range, right after a time.
pub(super) static RANGE: LazyLock<Regex> = LazyLock::new(|| {
    compile(&format!(
        r"(?i)^\s*(?:[-~\u{{2013}}\u{{2014}}\u{{301c}}\u{{ff5e}}]|から|至|到|부터|(?:to|until|till?|through|and|bis|und|jusqu['\u{{2019}}]?(?:à|a)?|à|et(?:\s+les?)?|hasta(?:\s+las)?|y(?:\s+las)?|a(?:\s+las)?|até(?:\s+[àa]s)?|às|e(?:\s+(?:le|alle|[àa]s))?|fino\s+alle|alle|tot|en|do|og|och|ja|sampai|s/d|đến|до|и|та|й|і|έως|εως|και|és|i|in|ir|un|až(?:\s+do)?|ter|iki|līdz|kuni|ile|hingga|până\s+la|pana\s+la|fins(?:\s+a\s+les)?|a\s+les|إلى|الى|حتى|تا|עד|ועד|ถึง|से)\s)\s*(?:(?:kl\.?|plkst\.?|klo|kell|pukul|ora|lúc|الساعة|ساعت)\s)?{CLOCK}"
    ))
});

/// "午前11時10分から午後12時40分", "오전 11시 10분부터 오후 12시 40분까지": the other end, right after a time.
static EASTERN_RANGE: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^\s?(?:から|より|至|到|부터|에서|[-~\u{2013}\u{301c}\u{ff5e}])、?\s?(?P<half>午前|午後|上午|下午|오전|오후|晚上|凌晨|早上|中午|새벽|밤)?\s?(?P<h>\d{1,2})\s?(?::|時|时|点|點|시)\s?(?P<mi>\d{1,2})\s?(?:(?::|分|분)\s?(?:(?P<s>\d{1,2})(?:秒|초)?)?)?",
    )
});

/// Adds the second clock of "16:50-17:00".
pub(super) fn add_range_ends(line: &str, stamps: &mut Vec<Stamp>) {
    let mut ends = Vec::new();
    for stamp in stamps.iter().filter(|stamp| stamp.precision != Precision::Day) {
        let rest = &line[stamp.end..];
        let found = RANGE.captures(rest);
        let eastern = || (!rest.is_ascii()).then(|| EASTERN_RANGE.captures(rest)).flatten();
        let Some(found) = found.or_else(eastern) else {
            continue;
        };
        let Some((hour, minute, second)) = clock_of(&found) else {
            continue;
        };
        let Ok(time) = jiff::civil::Time::new(hour, minute, second.unwrap_or(0), 0) else {
            continue;
        };
        let mut civil = stamp.civil.date().to_datetime(time);
        if civil < stamp.civil {
            civil = civil.tomorrow_or_same();
        }
        let start = stamp.end;
        let mut end = stamp.end + found.get(0).map_or(0, |it| it.end());
        let zone = read_zone(&line[end..]);
        end += zone.map_or(0, |(_, len)| len);
        let precision = if second.is_some() { Precision::Second } else { Precision::Minute };
        let zone = zone.map(|(zone, _)| zone).or(stamp.zone);
        ends.push(Stamp { civil, precision, zone, start, end, ..stamp.clone() });
    }
    stamps.extend(ends);
    stamps.sort_by_key(|stamp| stamp.start);
}

/// "…, the last one at 10:15:20 UTC": a clock that a sentence adds to the date that it named before.
static LATER_CLOCK: LazyLock<Regex> = LazyLock::new(|| {
    compile(&format!(
        r"(?i)\b(?:at|until|till?|to|ended|um|bis|à|jusqu'à|a las|hasta las|às|até|alle|fino alle|om|tot|kl\.?|klo|o|do|в|до|u|ve|vo|ob|kell|plkst\.?|pukul|saat|lúc|iki|līdz|kuni|έως|στις)\s+{CLOCK}"
    ))
});

/// What names the day on which a letter is written.
const TODAY: [&str; 12] = [
    "today",
    "this morning",
    "tonight",
    "heute",
    "aujourd",
    "ce matin",
    "hoy",
    "esta ma\u{f1}ana",
    "hoje",
    "oggi",
    "stamattina",
    "stamani",
];

/// "The last one this morning at 7:31" is of another day than the date before it.
fn is_of_today(line: &str, date_end: usize, clock: usize) -> bool {
    // What begins with its date says of which day it is.
    let is_dated = line[..date_end].bytes().all(|byte| !byte.is_ascii_alphabetic());
    let between = line.get(date_end..clock).unwrap_or_default().to_lowercase();
    !is_dated && TODAY.iter().any(|it| between.contains(it))
}

/// Adds the clocks of a sentence that stand apart from its date.
pub(super) fn add_later_clocks(line: &str, stamps: &mut Vec<Stamp>) {
    // A row of a log begins with its time; only sentences name a date in their middle.
    let in_words = |it: &&Stamp| {
        let letters = line[..it.start].chars().filter(|letter| letter.is_alphabetic()).count();
        it.precision != Precision::Day && letters >= 2
    };
    let Some(first) = stamps.iter().find(in_words).cloned() else {
        return;
    };
    for found in LATER_CLOCK.captures_iter(line).take(8) {
        let (Some(whole), Some(start)) = (found.get(0), found.name("h").map(|it| it.start())) else {
            continue;
        };
        let free = start > first.end
            && !is_of_today(line, first.end, start)
            && stamps.iter().all(|it| whole.end() <= it.start || it.end <= start);
        let Some((hour, minute, second)) = clock_of(&found).filter(|_| free) else { continue };
        let Ok(time) = jiff::civil::Time::new(hour, minute, second.unwrap_or(0), 0) else { continue };
        let day = stamps.iter().rfind(|it| it.end <= start).unwrap_or(&first);
        let zone = read_zone(&line[whole.end()..]);
        let precision = if second.is_some() { Precision::Second } else { Precision::Minute };
        let civil = day.civil.date().to_datetime(time);
        let end = whole.end() + zone.map_or(0, |(_, len)| len);
        let zone = zone.map(|(zone, _)| zone).or(day.zone);
        stamps.push(Stamp { civil, precision, zone, start, end, ..day.clone() });
    }
    stamps.sort_by_key(|stamp| stamp.start);
}

trait Tomorrow {
    fn tomorrow_or_same(self) -> Self;
}

impl Tomorrow for DateTime {
    fn tomorrow_or_same(self) -> Self {
        self.tomorrow().unwrap_or(self)
    }
}

/// Joins clocks that stand apart to a date of the line: "between 10:02 and 10:15 UTC on 15 Jan 2024".
pub(super) fn add_bare_clocks(line: &str, stamps: &mut Vec<Stamp>) {
    if stamps.is_empty() || stamps.iter().any(|stamp| stamp.precision != Precision::Day) {
        return;
    }
    let days = std::mem::take(stamps);
    let mut used = vec![false; days.len()];
    let mut last = None;
    for found in BARE_CLOCK.captures_iter(line) {
        let Some(start) = found.name("h").map(|it| it.start()) else {
            continue;
        };
        let end = found.get(0).map_or(0, |it| it.end());
        if days.iter().any(|day| start < day.end && day.start < end) {
            continue;
        }
        let Some(at) = day_of(&days, start, last).filter(|at| !is_of_today(line, days[*at].end, start))
        else {
            continue;
        };
        let Some((hour, minute, second)) = clock_of(&found) else {
            continue;
        };
        let Ok(time) = jiff::civil::Time::new(hour, minute, second.unwrap_or(0), 0) else {
            continue;
        };
        let precision = if second.is_some() { Precision::Second } else { Precision::Minute };
        let zone = zone_after(&line[end..], second.is_some(), false, hour);
        let civil = days[at].civil.date().to_datetime(time);
        let end = end + zone.map_or(0, |(_, len)| len);
        let zone = zone.map(|(zone, _)| zone).or(days[at].zone);
        stamps.push(Stamp { civil, precision, zone, start, end, ..days[at].clone() });
        used[at] = true;
        last = Some(at);
    }
    let unused = days.into_iter().zip(used).filter(|(_, used)| !used).map(|(day, _)| day);
    stamps.extend(unused);
    stamps.sort_by_key(|stamp| stamp.start);
}

/// Returns the date to which a clock belongs: the only one, the one just before it or before its
/// sibling, else the one just after it.
fn day_of(days: &[Stamp], clock: usize, last: Option<usize>) -> Option<usize> {
    const NEAR: usize = 25;
    if days.len() == 1 {
        return Some(0);
    }
    let before = days.iter().rposition(|day| day.end <= clock && clock - day.end <= NEAR);
    let after = || days.iter().position(|day| day.start > clock && day.start - clock <= NEAR);
    before
        .or_else(|| last.filter(|last| days.get(last + 1).is_none_or(|next| next.start > clock)))
        .or_else(after)
}
