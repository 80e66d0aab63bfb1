//! Which of the times of a notice are the incident's.
//!
//! A notice names many times: when it happened, when it was reported, by when to answer. Only the
//! first kind makes a window.

use std::collections::HashSet;
use std::sync::LazyLock;

use jiff::SignedDuration;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use regex::Regex;

use super::activity::field;
use super::document::SectionRole;
use super::label;
use super::label::Kind;
use super::lines::Line;
use super::lines::LineKind;
use super::pattern::compile;
use super::record::Record;
use super::time::Finder;
use super::time::Interval;
use super::time::Precision;
use super::time::Resolver;
use super::time::Stamp;
use super::time::Zone;
use super::time::place_zone;
use super::time::prose_zone;
use super::time::zone_of_name;
use crate::claim::ZoneSource;

/// The times of a notice, sorted by what they mean.
#[derive(Debug, Default)]
pub(super) struct Times {
    /// In a field that names the time of the incident.
    pub labelled: Vec<Stamp>,
    /// All of those fields name when it began.
    pub only_begins: bool,
    /// The ends of ranges of more than a day in sentences.
    pub wide: Vec<Stamp>,
    /// In sentences that tell of the incident, and at the head of log lines.
    pub told: Vec<Stamp>,
    /// By when an answer is wanted.
    pub deadlines: Vec<Stamp>,
}

static DEADLINE: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)(?:\b(?:by|no later than|deadline|due|respond(?:ing)? by)\b\W*)$|\b(?:answer|respon|repl|act\b|action|remov|resolv|fix|stop|confirm|provid|explain|clean|let us know|report back|have|time|wait|grace)\w*\b[^.;]*\b(?:until|before|prior to|till?)\W*$|^\W*(?:until|before)\W*$",
    )
});
/// What is valid until then did not happen then.
static VALID: LazyLock<Regex> =
    LazyLock::new(|| compile(r"(?i)\b(?:valid|expir\w+|renew\w*|patched|backup|updated)\b[^.;]{0,40}$"));
/// What joins the two ends of a range.
static JOINS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)^\W*(?:to|until|till?|through|thru|up to|and|bis|und|jusqu'(?:au|à)|au|al?|hasta|até|fino a|tot|do|til|till|až|iki|līdz|kuni|ile|és|i|и|до|та|та й|έως|εως|και|până la|pana la|sampai|hingga|đến|إلى|حتى|تا|עד|ถึง)?\W*(?:the|about|approx\w*)?\W*$",
    )
});
static OTHER: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?i)\b(?:reported|received|sent|generated|written|submitted|exported|created|updated|revised|notified|contacted\s+(?:you|us|by|your)|added|listed|wrote|issued|effective|published|printed|processed|launched|registered|forwarded|opened|report date|expires?|as of|copyright|notification)\b(?:[^.;]|\.[^\s]){0,90}$";
    compile(pattern)
});

/// When the offending mail or traffic was sent or received, that is the incident.
static MAIL_SENT: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?i)\b(?:spam|e-?mails?|messages?|packets?|traffic|samples?)\b[^.;]{0,60}\b(?:sent|received)\b(?:[^.;]|\.[^\s]){0,90}$|\b(?:received|got|caught)\b\s+(?:\w+\s+){0,3}?(?:spam|e-?mails?|messages?|packets?|traffic|samples?)\b(?:[^.;]|\.[^\s]){0,90}$|\bsen(?:t|ding)\s+(?:[\w,.'/()-]+\s+){0,7}?(?:spam|e-?mails?|mails?|messages?|packets?|traffic|requests?|probes?|syns?|queries|bytes|connections?|attempts?|phish\w*|malware)\b(?:[^.;]|\.[^\s]){0,90}$|\b(?:\d{1,3}\.){3}\d{1,3}\S*\s+(?:\([^)]*\)\s*)?(?:has\s+|have\s+)?sent\b(?:[^.;]|\.[^\s]){0,90}$";
    compile(pattern)
});

/// The line above a quoted mail: "On Monday, 11 March 2024 at 10:00 somebody wrote:".
static WROTE: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:wrote|writes|schrieb|a écrit|escribió|escreveu|ha scritto|schreef|skrev|napisał)\b.{0,80}:\s*$",
    )
});

/// "First connection ..., last ...": the ends of one campaign, however long.
static FIRST_AND_LAST: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\bfirst\b.{0,120}\blast\b|\blast\b.{0,120}\bfirst\b|\bprv[aiey]\w*.{0,120}\b(?:zadnj|posledn|poslj?ednj)|\bpierwsz.{0,120}\bostatni|\bpremi[eè]re?.{0,120}\bderni|\bprim\w+.{0,120}\b(?:[uú]ltim|ultim)|перв.{0,120}послед|първ.{0,120}послед|перш.{0,120}останн|\berste[rs]?\b.{0,120}\bletzte[rs]?\b|\bletzter?\b.{0,120}\berster?\b",
    )
});

/// Nearer to its beginning than this stands the time of a row, bytes.
const ROW_HEAD: usize = 8;

/// Sorts the times of all lines that are no rows of a log. What an earlier mail told of gives way to rows or fields of
/// this one.
pub(super) fn sort(lines: &[Line<'_>], records: &[Option<Record>], blocks: &HashSet<usize>) -> Times {
    let is_own_row = |(line, record): (&Line<'_>, &Option<Record>)| {
        let begins_with_time = || line.stamps.first().is_some_and(|stamp| stamp.start < ROW_HEAD);
        let is_timed = record.is_some() && !line.stamps.is_empty() || begins_with_time();
        !line.is_quoted && is_timed && !line.spots.is_empty()
    };
    let all = sort_where(lines, records, blocks, true);
    if !lines.iter().any(|line| line.is_quoted && !line.stamps.is_empty()) {
        return all;
    }
    let own = sort_where(lines, records, blocks, false);
    let is_enough = !own.labelled.is_empty() || lines.iter().zip(records).any(is_own_row);
    if is_enough { own } else { all }
}

fn sort_where(
    lines: &[Line<'_>],
    records: &[Option<Record>],
    blocks: &HashSet<usize>,
    quoted_too: bool,
) -> Times {
    let mut times = Times::default();
    let mut day: Option<(DateTime, bool)> = None;
    let mut ends_too = false;
    for (index, (line, record)) in lines.iter().zip(records).enumerate() {
        let is_row = blocks.contains(&index) || record.as_ref().is_some_and(|record| record.source.is_some());
        let is_left_out = line.is_quoted && !quoted_too;
        if is_row || is_left_out || line.kind != LineKind::Statement || WROTE.is_match(line.text) {
            continue;
        }
        let name = field(line.text).map(|(name, _)| name).filter(|name| is_name(name));
        let kind = name.map(|name| label::meaning(name).kind);
        if line.stamps.is_empty() {
            if let (Some(stamp), true) = (told_above(lines, index), TO_CLOCK.is_match(line.text)) {
                times.told.extend(
                    clock_on(stamp.civil, line.text)
                        .into_iter()
                        .map(|it| Stamp { zone: it.zone.or(stamp.zone), ..it }),
                );
                continue;
            }
            if let (Some(Kind::Time), Some((date, day_month_unsure)), Some((_, value))) =
                (kind, day, field(line.text))
            {
                let clocks = clock_on(date, value).into_iter();
                times.labelled.extend(clocks.map(|stamp| Stamp { day_month_unsure, ..stamp }));
            } else if let (Some(Kind::Time), Some((_, value))) = (kind, field(line.text)) {
                times.labelled.extend(super::time::epoch(value));
            }
            continue;
        }
        // A line that begins with its times is a row of its own.
        let spans =
            line.stamps.len() >= 2 && line.stamps[0].start >= 24 && FIRST_AND_LAST.is_match(line.text);
        for (nth, stamp) in line.stamps.iter().enumerate() {
            let before = &line.text[..stamp.start];
            if VALID.is_match(before) && line.stamps.len() > 1
                || VALID.is_match(before) && before.contains("alid")
            {
                continue;
            }
            if ends_a_range(lines, index, name) {
                times.told.push(stamp.clone());
            } else if kind == Some(Kind::Deadline) || (kind != Some(Kind::Time) && DEADLINE.is_match(before))
            {
                times.deadlines.push(stamp.clone());
            } else if kind == Some(Kind::Time) && line.role != SectionRole::Subject {
                if stamp.precision == Precision::Day {
                    day = Some((stamp.civil, stamp.day_month_unsure));
                }
                let zone = stamp.zone.or_else(|| zone_of_label(line.text, stamp));
                ends_too |= !name.is_some_and(|name| BEGINS.is_match(name));
                times.labelled.push(Stamp { zone, ..stamp.clone() });
            } else if (kind == Some(Kind::OtherTime) && !before.contains(". ")) || is_of_another_deed(before)
            {
                continue;
            } else if is_wide_range(line, nth) {
                times.wide.push(stamp.clone());
            } else if spans {
                times.labelled.push(stamp.clone());
            } else if let clocks = with_clocks_below(lines, index, nth)
                && !clocks.is_empty()
            {
                times.told.extend(clocks);
            } else {
                times.told.push(stamp.clone());
            }
        }
    }
    times.only_begins = !times.labelled.is_empty() && !ends_too;
    add_clocks_on_the_only_day(lines, records, &mut times);
    drop_days_with_clocks(&mut times.labelled);
    drop_days_with_clocks(&mut times.told);
    times
}

/// What stands between a day at the end of a line and its clock at the beginning of the next.
static TO_BE_CONTINUED: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)^[,.]?\s*(?:(?:at|about|around|from|between|um|gegen|ab|zwischen|à|vers|de|entre|a las|desde las|alle|dalle|às|om|rond|tussen|kl\.?|klo|o godz\.?|v|ve|saat|в|о)\s*)*$",
    )
});
/// A clock at the beginning of a line.
static CLOCK_FIRST: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)^\s*(?:(?:at|about|around|from|between|um|gegen|ab|zwischen|à|vers|de|entre|dalle|desde|a|as|às|las|le|om|rond|tussen|kl\.?|klo|saat|в|о)\s+){0,3}\d{1,2}[:.h]\d{2}",
    )
});

/// "on 5 Nov 2026 at" above "14:20 UTC, …": the day's clock, or both ends of its range, stand on the next line.
fn with_clocks_below(lines: &[Line<'_>], index: usize, nth: usize) -> Vec<Stamp> {
    let read = || {
        let line = &lines[index];
        let day = line.stamps.get(nth).filter(|it| it.precision == Precision::Day)?;
        let is_last = nth + 1 == line.stamps.len() && TO_BE_CONTINUED.is_match(line.text.get(day.end..)?);
        let below = lines.get(index + 1).filter(|below| is_last && below.section == line.section)?;
        let head = &below.text[..below.stamps.first().map_or(below.text.len(), |stamp| stamp.start)];
        let clocks = CLOCK_FIRST.is_match(below.text).then(|| clock_on(day.civil, head.trim_start()))?;
        let of_day =
            |clock| Stamp { day_month_unsure: day.day_month_unsure, year_known: day.year_known, ..clock };
        Some(clocks.into_iter().take(2).map(of_day).collect())
    };
    read().unwrap_or_default()
}

/// "Until: …" right below "From: …" is no deadline.
fn ends_a_range(lines: &[Line<'_>], index: usize, name: Option<&str>) -> bool {
    let is_one_of = |name: Option<&str>, words: &[&str]| {
        name.is_some_and(|name| {
            words.contains(&name.trim_matches([' ', '.', '-', '*']).to_lowercase().as_str())
        })
    };
    let above = index.checked_sub(1).map(|at| &lines[at]).filter(|above| !above.stamps.is_empty());
    is_one_of(
        name,
        &["until", "till", "to", "bis", "jusqu'à", "au", "hasta", "até", "fino a", "tot", "do", "til"],
    ) && above.is_some_and(|above| {
        let name = field(above.text).map(|(name, _)| name);
        is_one_of(
            name,
            &["from", "since", "von", "ab", "depuis", "du", "de", "desde", "da", "dal", "van", "od", "fra"],
        )
    })
}

/// How a field calls that it began.
static BEGINS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:start\w*|beg[ai]n\w*|onset|beginn|anfang|d[eé]but|inicio|inizio|in[ií]cio|aanvang|pocz[aą]tek|za[cč][aá]tek)\b[^:]{0,12}$",
    )
});

/// Says whether a time of a sentence is the incident's, not when it was reported, is due or ends to be valid.
pub(super) fn tells(line: &Line<'_>, stamp: &Stamp) -> bool {
    let before = &line.text[..stamp.start];
    !is_of_another_deed(before) && !DEADLINE.is_match(before) && !VALID.is_match(before)
}

/// "Reported on": not when it happened; "members reported scans between" is.
fn is_of_another_deed(before: &str) -> bool {
    OTHER.is_match(before) && !MAIL_SENT.is_match(before) && !BETWEEN.is_match(before)
}

/// What begins a range.
static BETWEEN: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)(?:\b(?:between|zwischen|entre|tussen|tra|mi[eę]dzy|mellan|mellem|mellom|između|izmedu|med|medzi|mezi|tarp|starp|vahemikus|között|välillä|entre|între|antara|giữa)\s*$|(?:между|між|између|μεταξύ|بين|بین|ระหว่าง)\s*$)",
    )
});

/// Says whether a time is an end of a range that is longer than a day: its ends are one incident's.
fn is_wide_range(line: &Line<'_>, nth: usize) -> bool {
    let joined = |first: usize| {
        let (Some(one), Some(other)) = (line.stamps.get(first), line.stamps.get(first + 1)) else {
            return false;
        };
        let apart = one.civil.duration_until(other.civil) > SignedDuration::from_hours(24);
        let between = line.text.get(one.end..other.start).unwrap_or("x");
        apart && JOINS.is_match(between)
    };
    joined(nth) || nth.checked_sub(1).is_some_and(joined)
}

/// Two clocks of one range, in a sentence that names no day.
static CLOCK_RANGE: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b\d{1,2}[:h]\d{2}(?::\d{2})?\s*(?:uhr\s*|h\s*)?(?:\(?(?:UTC|GMT|[A-Z]{3,4})(?:[+-]\d{1,2})?\)?\s*)?(?:[-~\u{2013}\u{2014}]|to|and|until|till?|bis|und|à|et|hasta|y|a|e|alle|tot|en|do|i|og|och|ja|sampai|hingga|do|és|i|in|ir|un|až do|až|ile|iki|līdz|kuni|έως|και|până la|la|đến|إلى|עד|ل|ถึง|تا|से|та|до|и)\s*(?:kl\.?\s|plkst\.?\s|las\s|les\s|as\s|às\s|le\s|alle\s|die\s)?\d{1,2}[:h]\d{2}(?::\d{2})?(?:\s*\(?(?:UTC|GMT|[A-Z]{3,4})\b(?:\s?[+-]\d{1,2})?)?",
    )
});
/// Lines in which such a range is looked for.
const CLOCK_LINES_MAX: usize = 200;

/// "Between 22:10 and 23:55 UTC" is of the only day that a notice names without any clock.
fn add_clocks_on_the_only_day(lines: &[Line<'_>], records: &[Option<Record>], times: &mut Times) {
    let is_day = |stamp: &Stamp| stamp.precision == Precision::Day;
    let Some(day) =
        times.told.first().filter(|_| times.labelled.is_empty() && times.wide.is_empty()).cloned()
    else {
        return;
    };
    if !times.told.iter().all(|it| is_day(it) && it.civil == day.civil) {
        return;
    }
    let is_free = |(line, record): &(&Line<'_>, &Option<Record>)| {
        line.kind == LineKind::Statement
            && line.role == SectionRole::Body
            && !line.is_quoted
            && line.stamps.iter().all(is_day)
            && record.as_ref().is_none_or(|record| record.source.is_none())
            && line.text.len() <= CLOCK_LINE_BYTES_MAX
    };
    let free = lines.iter().zip(records).filter(is_free).take(CLOCK_LINES_MAX);
    let free: Vec<&str> =
        free.filter(|(line, _)| line.text.contains([':', 'h'])).map(|(line, _)| line.text).collect();
    let clocks = free.iter().find_map(|text| match CLOCK_RANGE.find(text) {
        Some(range) => Some(clock_on(day.civil, range.as_str())),
        None => lasting(day.civil, text),
    });
    // "The first packet came at 1:12, the last one at 3:40", over two lines.
    let clocks = clocks.or_else(|| {
        let pairs = free.windows(2).map(|pair| pair.join(" "));
        pairs
            .filter(|text| FIRST_AND_LAST.is_match(text))
            .map(|text| clock_on(day.civil, &text))
            .find(|found| found.len() >= 2)
    });
    times.told.extend(clocks.into_iter().flatten().map(|it| Stamp { zone: it.zone.or(day.zone), ..it }));
}

/// How long it lasted, and since when: "for 40 minutes from 14:10".
static LASTING: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(\d{1,3})\s?(min(?:ute[ns]?|utos?|uti|uut|uten)?|hours?|stunden?|heures?|horas?|ore|uur)\b\s?(?:lang\s)?(?:,\s)?(?:from|starting(?:\sat)?|beginning(?:\sat)?|since|ab|seit|von|à partir de|depuis|desde|a partir de|dalle|vanaf)\s(?:about\s|around\s|las\s)?(\d{1,2}[:h]\d{2}(?::\d{2})?(?:\s?[ap]\.?m\b)?)",
    )
});

/// Returns the beginning and the end of what lasted so long on a day.
fn lasting(date: DateTime, text: &str) -> Option<Vec<Stamp>> {
    let found = LASTING.captures(text)?;
    let [start] = &clock_on(date, &found[3])[..] else { return None };
    let count: i64 = found[1].parse().ok()?;
    let is_minutes = found[2].to_lowercase().starts_with("min");
    let length =
        if is_minutes { SignedDuration::from_mins(count) } else { SignedDuration::from_hours(count) };
    let end = Stamp { civil: start.civil.checked_add(length).ok()?, ..start.clone() };
    Some(vec![start.clone(), end])
}

/// A longer line is no sentence.
const CLOCK_LINE_BYTES_MAX: usize = 1_000;

/// "until 04:02" in the sentence after the one that names the date.
static TO_CLOCK: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:to|until|till?|ended|end|bis|jusqu'à|hasta|até|fino|tot|til|do|iki|kuni|sampai|hingga|až do|până la)\s+(?:about\s|at\s|las\s|às\s|alle\s)?\d{1,2}[:h]\d{2}\b",
    )
});

/// Returns the time of day that the words right above name with its date.
fn told_above<'a>(lines: &'a [Line<'_>], index: usize) -> Option<&'a Stamp> {
    let above = lines[..index].iter().rev().take(2).take_while(|line| !line.is_blank());
    let mut above =
        above.filter(|line| line.kind == LineKind::Statement && line.section == lines[index].section);
    let in_words = |line: &Line<'_>, stamp: &Stamp| {
        line.text[..stamp.start].chars().filter(|it| it.is_alphabetic()).count() >= 2
    };
    above.find_map(|line| line.stamps.iter().find(|it| it.precision != Precision::Day && in_words(line, it)))
}

/// Returns the zone that the name of a field states for its value: "First seen (UTC): 2026-02-03 04:11".
fn zone_of_label(text: &str, stamp: &Stamp) -> Option<Zone> {
    let (name, _) = field(text)?;
    let is_value = name.len() < stamp.start && name.contains(['(', '[', '_']);
    is_value.then(|| zone_of_name(name))?
}

/// Says whether the head of a line is a name rather than the beginning of a sentence or a log entry.
fn is_name(name: &str) -> bool {
    name.split_whitespace().count() <= 8 && name.chars().filter(char::is_ascii_digit).count() <= 4
}

/// Joins a clock in one field to the date in another.
pub(super) fn clock_on(date: DateTime, value: &str) -> Vec<Stamp> {
    Finder
        .find(&format!("{} {value}", date.date()))
        .into_iter()
        .filter(|stamp| stamp.precision != Precision::Day)
        .collect()
}

/// A date says nothing more where a time on that date is known.
fn drop_days_with_clocks(stamps: &mut Vec<Stamp>) {
    let exact: Vec<DateTime> =
        stamps.iter().filter(|it| it.precision != Precision::Day).map(|it| it.civil).collect();
    stamps.retain(|stamp| {
        stamp.precision != Precision::Day || !exact.iter().any(|it| it.date() == stamp.civil.date())
    });
}

/// Learns what the notice says of times in general.
pub(super) fn resolver(lines: &[Line<'_>], sent: Option<Timestamp>, column_zone: Option<Zone>) -> Resolver {
    let stated = lines
        .iter()
        .filter(|line| line.kind == LineKind::Statement)
        .find_map(|line| zone_said(line))
        .or_else(|| zone_of_a_place(lines))
        .map(|zone| (zone, ZoneSource::Prose))
        .or(column_zone.map(|zone| (zone, ZoneSource::Header)))
        .or_else(|| at_the_foot(lines).map(|zone| (zone, ZoneSource::Prose)));
    let year = lines
        .iter()
        .flat_map(|line| &line.stamps)
        .find(|stamp| stamp.year_known)
        .map(|stamp| stamp.civil.year());
    Resolver { sent, year, stated }
}

/// Reads a statement about the zone of times below a program's own mark: "appliance time zone Europe/Berlin".
fn at_the_foot(lines: &[Line<'_>]) -> Option<Zone> {
    let is_about_zone = |line: &&Line<'_>| {
        line.kind == LineKind::Aside
            && line.stamps.is_empty()
            && line.text.to_ascii_lowercase().contains("zone")
    };
    lines.iter().filter(is_about_zone).find_map(|line| prose_zone(line.text))
}

/// Lines in which the time of a place is looked for, wherever it stands.
const PLACE_LINES_MAX: usize = 200;

/// "Between 10:02 and 10:15 hours, Lithuanian time": what one sentence about times names.
fn zone_of_a_place(lines: &[Line<'_>]) -> Option<Zone> {
    let told = lines.iter().take(PLACE_LINES_MAX).filter(|line| {
        line.kind == LineKind::Statement
            && !line.is_quoted
            && line.role == SectionRole::Body
            && line.text.bytes().any(|byte| byte.is_ascii_digit())
    });
    told.filter(|line| line.text.contains(':') || !line.stamps.is_empty())
        .find_map(|line| place_zone(line.text))
}

/// Reads a statement about zones in a line, the zones of its own times aside.
fn zone_said(line: &Line<'_>) -> Option<Zone> {
    let Some(first) = line.stamps.first() else {
        return prose_zone(line.text)
            .or_else(|| heading_zone(line.text))
            .or_else(|| lone_zone(line.text))
            .or_else(|| kept_zone(line.text))
            .or_else(|| clock_zone(line.text));
    };
    if let Some(zone) = line.text.get(..first.start).and_then(prose_zone) {
        return Some(zone);
    }
    let mut rest = String::with_capacity(line.text.len());
    let mut at = 0;
    for stamp in &line.stamps {
        rest.push_str(line.text.get(at..stamp.start).unwrap_or_default());
        at = stamp.end;
    }
    rest.push_str(line.text.get(at..).unwrap_or_default());
    if let Some(found) = ALL_IN.captures(&rest) {
        return zone_of_name(&found[1]);
    }
    let says = rest.to_lowercase();
    (says.contains("zone") || says.contains("times")).then(|| prose_zone(&rest)).flatten()
}

/// "All UTC", "all in CET": of all times that follow.
static ALL_IN: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:[Aa]ll|[Aa]lle|[Tt]ous|[Tt]odos|[Tt]odas|[Tt]utti)\s(?:in\s|en\s)?(UTC|GMT|CES?T|MES?Z|E[SD]T|P[SD]T|JST|KST|MSK)\b",
    )
});

/// A zone that is a sentence of its own: "Our log follows. UTC:".
static LONE_ZONE: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?:^|[.,;(]\s*)((?:UTC|GMT)(?:\s?[+-]\s?\d{1,2}(?::?\d{2})?)?|CES?T|E[SD]T|P[SD]T|C[SD]T|M[SD]T|JST|KST|MSK|BST|AES?T|MES?Z)\)?[.:,]?\s*$",
    )
});

/// Reads the zone of a short heading over a log: "tcpdump (UTC):".
fn heading_zone(text: &str) -> Option<Zone> {
    let text = text.trim();
    if text.len() > 60 || !text.ends_with(':') {
        return None;
    }
    let words = text.split(|letter: char| !(letter.is_alphanumeric() || matches!(letter, '+' | '-')));
    words
        .filter(|word| word.len() >= 3 && word.bytes().all(|byte| !byte.is_ascii_lowercase()))
        .find_map(super::time::read_zone)
        .map(|(zone, _)| zone)
}

fn lone_zone(text: &str) -> Option<Zone> {
    let found = LONE_ZONE.captures(text.trim_end())?;
    zone_of_name(&found[1])
}

/// "This host keeps UTC", "its clock is set to CET".
static KEPT: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:keeps?|runs? (?:on|in)|uses?|set to|stamps? in|logs? in|l(?:\x{e4}|ae)uft (?:auf|in|mit)|tourne en|funciona en|gira in|draait op)\s+(UTC|GMT|CES?T|MES?Z|E[SD]T|P[SD]T|C[SD]T|JST|KST|MSK|BST)\b",
    )
});

fn kept_zone(text: &str) -> Option<Zone> {
    let found = KEPT.captures(text)?;
    zone_of_name(&found[1])
}

/// No name of a zone is longer.
const ZONE_BYTES_MAX: usize = 40;

/// Reads the zone beside a clock that has no date: "between 10:02 and 10:15 EST".
fn clock_zone(text: &str) -> Option<Zone> {
    // Without a clock only a zone's own name counts that begins the line.
    let has_clock = text.contains(|it: char| it.is_ascii_digit());
    let text = if has_clock { text } else { &text[..text.floor_char_boundary(ZONE_BYTES_MAX)] };
    Finder.find(&format!("2024-01-01 {text}")).into_iter().find_map(|stamp| stamp.zone)
}

/// An offset from UTC, whatever it is said of.
static OFFSET: LazyLock<Regex> = LazyLock::new(|| compile(r"\b(?:UTC|GMT)\s?[+-]\s?\d{1,2}(?::?\d{2})?\b"));

/// Returns the only offset from UTC that a notice names: "(giờ Việt Nam, UTC+7)", "EAT = UTC+3".
pub(super) fn only_offset(lines: &[Line<'_>]) -> Option<Zone> {
    let statements = lines.iter().filter(|line| line.kind == LineKind::Statement && !line.is_quoted);
    let mut found = statements
        .filter(|line| line.text.contains("UTC") || line.text.contains("GMT"))
        .flat_map(|line| OFFSET.find_iter(line.text))
        .filter_map(|found| super::time::read_zone(&found.as_str().replace(' ', "")))
        .map(|(zone, _)| zone);
    let first = found.next()?;
    found.all(|other| other == first).then_some(first)
}

/// Finds the zone of times that have none by one time that is written with a zone elsewhere in the
/// notice: "last seen 10:15 UTC" above a log that ends at 12:15.
pub(super) fn calibrate(resolver: &Resolver, unzoned: &[&Stamp], zoned: &[&Stamp]) -> Option<Zone> {
    for known in zoned.iter().filter(|stamp| stamp.zone.is_some() && stamp.precision != Precision::Day) {
        let at = resolver.resolve(known)?.from;
        for stamp in unzoned.iter().filter(|stamp| stamp.precision != Precision::Day) {
            let shown = resolver.civil(stamp)?;
            let shown = Offset::UTC.to_timestamp(shown).ok()?;
            let difference = shown.as_second() - at.as_second();
            let quarter = 900 * (difference as f64 / 900.0).round() as i64;
            if quarter.abs() <= 14 * 3600 && (difference - quarter).abs() <= 90 {
                return i32::try_from(quarter).ok().map(Zone::Fixed);
            }
        }
    }
    None
}

/// Joins times into one interval, leaving out those that lie far from the first.
pub(super) fn join(resolver: &Resolver, stamps: &[&Stamp], apart_max: SignedDuration) -> Option<Interval> {
    let zoned: Vec<&&Stamp> = stamps.iter().filter(|stamp| stamp.zone.is_some()).collect();
    // "On 5 May at 11:25 … and again on 6 May at 18:05 (Paris time)": both are of that place.
    let of_place = zoned
        .first()
        .and_then(|stamp| stamp.zone)
        .filter(|zone| matches!(zone, Zone::Named(_)) && zoned.iter().all(|stamp| stamp.zone == Some(*zone)));
    let is_chosen = |stamp: &&&Stamp| zoned.is_empty() || stamp.zone.is_some() || of_place.is_some();
    let chosen = stamps.iter().filter(is_chosen);
    let mut joined: Option<Interval> = None;
    let resolved = chosen
        .filter_map(|stamp| resolver.resolve(&Stamp { zone: stamp.zone.or(of_place), ..(*stamp).clone() }));
    for interval in resolved {
        joined = Some(match joined {
            None => interval,
            Some(so_far) if gap(so_far, interval) <= apart_max => so_far.join(interval),
            Some(so_far) => so_far,
        });
    }
    joined
}

/// Returns the time between two intervals; nothing when they touch.
pub(super) fn gap(one: Interval, other: Interval) -> SignedDuration {
    let (first, second) = if one.from <= other.from { (one, other) } else { (other, one) };
    second.from.duration_since(first.to).max(SignedDuration::ZERO)
}
