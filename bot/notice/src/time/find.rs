//! Finds times in a line, in every way of writing that reports and logs use.

use std::borrow::Cow;
use std::sync::LazyLock;

use jiff::Timestamp;
use regex::Captures;
use regex::Regex;
use regex::RegexSet;

use super::super::pattern::compile;
use super::Precision;
use super::Stamp;
use super::Zone;
use super::calendar::calendar;
use super::calendar::civil;
use super::calendar::clock_of;
use super::calendar::months;
use super::clocks::RANGE;
use super::clocks::add_bare_clocks;
use super::clocks::add_later_clocks;
use super::clocks::add_range_ends;
use super::read_zone;

/// A clock, with or without seconds.
pub(super) const CLOCK: &str = r"(?P<h>\d{1,2})(?::|\s?[hH]\s?)(?P<mi>\d{2})(?::(?P<s>\d{2})(?:[.,]\d{1,9})?|\s?min(?:\s\d{1,2}\s?s)?\b)?(?:\s?(?P<ap>[AaPp])(?:\.\s?)?[Mm]\b\.?|\s?(?P<own>[\u{3c0}\u{3bc}]\.?\s?\u{3bc}\.?|SA\b|CH\b|\u{43f}\u{440}\.?\s?\u{43e}\u{431}\.?|\u{441}\u{43b}\.?\s?\u{43e}\u{431}\.?|\u{635}\u{628}\u{627}\u{62d}\u{627}\u{64b}?|\u{645}\u{633}\u{627}\u{621}\u{64b}?)|\s(?:h\s)?(?P<pm>de la (?:tarde|noche)|da (?:tarde|noite)|del pomeriggio|di sera|du soir|de l.apr\u{e8}s-midi|in the (?:afternoon|evening)|nachmittags|abends))?";

/// One pattern for lines in ASCII and one for all others.
struct Pair {
    ascii: Regex,
    any: Regex,
}

impl Pair {
    fn new(is_behind_day: bool, pattern: impl Fn(&str) -> String) -> Self {
        let of = |is_ascii| compile(&pattern(&months(is_ascii, is_behind_day)));
        Self { ascii: of(true), any: of(false) }
    }
}

static YEAR_FIRST: LazyLock<Pair> = LazyLock::new(|| {
    Pair::new(false, |months| {
        format!(
            r"(?i)\b(?P<y>(?:19|20)\d{{2}})(?:\s?m\.)?(?:\.\s|[-/. ])(?P<mo>\d{{1,2}}|{months})(?:\.\s|[-/. ])(?P<d>\d{{1,2}})(?:(?:T|[\s_,:|.]{{1,3}}|\s+at\s+|\s*-\s*){CLOCK})?"
        )
    })
});
static DAY_MONTH_NAME: LazyLock<Pair> = LazyLock::new(|| {
    Pair::new(true, |months| {
        format!(
            r"(?i)\b(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\.?(?:\s+(?:of|de|di))?[-/\s.]{{1,2}}(?:d['\u{{2019}}])?(?P<mo>{months})\.?(?:\s+(?:de|del|\u{{0e1e}}\.?\u{{0e28}}\.?|\u{{0e04}}\.?\u{{0e28}}\.?))?[-/\s,.]{{1,2}}(?P<y>\d{{4}}|\d{{2}})\b(?:(?:[\s,:T]{{1,3}}|\s*-\s*|,?\s+(?:at|um|om|@|à|vers|vers les|gegen|around|about|a las|às|alle|alle ore|kl\.?|klo|o godz\.?|o|ve|saat|v|в|ob|u|kell|plkst\.?|de les|a les|στις|saat|pukul|jam|lúc|เวลา|r\. o godz\.?|r\.|г\. в|г\.|ob)\s+){CLOCK})?"
        )
    })
});
/// "le 5 mai \u{e0} 11 h 25": no year, but a clock.
static DAY_MONTH_CLOCK: LazyLock<Pair> = LazyLock::new(|| {
    Pair::new(true, |months| {
        format!(
            r"(?i)\b(?P<d>\d{{1,2}})\.?\s(?:de\s|di\s|of\s)?(?P<mo>{months})\.?,?\s(?:at|um|gegen|\u{{e0}}|vers|a las|\u{{e0}}s|alle|om|kl\.?|klo|o|ve|saat|o godz\.?|v|\u{{432}})\s{CLOCK}"
        )
    })
});
/// "09Nov2026 16:20:31", as firewalls write it.
static JOINED_NAME: LazyLock<Regex> = LazyLock::new(|| {
    compile(&format!(
        r"(?i)\b(?P<d>\d{{1,2}})(?P<mo>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)(?P<y>20\d{{2}})(?:[\s,:T_-]{{1,3}}{CLOCK})?"
    ))
});
/// "2026. gada 9. martā".
static IN_THE_YEAR: LazyLock<Regex> = LazyLock::new(|| {
    let months = months(false, true);
    compile(&format!(
        r"(?i)\b(?P<y>20\d{{2}})\.?\s?(?:gada|g\.)\s(?P<d>\d{{1,2}})\.?\s(?P<mo>{months})(?:[\s,]{{1,3}}(?:plkst\.?\s?)?{CLOCK})?"
    ))
});
/// "ngày 9 tháng 3 năm 2026".
static BY_MONTH_NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?P<d>\d{1,2})\s(?:tháng|thang)\s(?P<mo>\d{1,2})(?:\s(?:năm|nam)|[,/])\s?(?P<y>20\d{2})\b",
    )
});
static MONTH_NAME_DAY: LazyLock<Pair> = LazyLock::new(|| {
    Pair::new(false, |months| {
        format!(
            r"(?i)\b(?P<mo>{months})\.?[\s/-]{{1,2}}(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?:(?:,?\s+|[/-])(?P<y>(?:19|20)\d{{2}}))?(?:(?:,?\s{{1,2}}|,?\s+at\s+|\s*-\s*){CLOCK})?"
        )
    })
});
static NUMBERS: LazyLock<Regex> = LazyLock::new(|| {
    compile(&format!(
        r"\b(?P<a>\d{{1,2}})(?P<sep>[./-])(?P<b>\d{{1,2}})[./-](?P<y>(?:19|20|25)\d{{2}}|\d{{2}})\b(?:(?:[\s,]{{1,3}}|\s+at\s+|\s+um\s+|\s*-\s*){CLOCK})?"
    ))
});
/// "9. 3. 2026 03:10", as Slavic languages space it.
static SPACED: LazyLock<Regex> = LazyLock::new(|| {
    compile(&format!(
        r"\b(?P<d>\d{{1,2}})\.\s(?P<mo>\d{{1,2}})\.\s(?P<y>20\d{{2}})\b(?:\.?[\s,]{{1,3}}(?:(?:ob|v|o|u|kl\.)\s)?{CLOCK})?"
    ))
});
/// "07/15-02:11:00.1" as Snort and Suricata begin their lines, and "07/15 02:11" in tables, without a year.
static MONTH_DAY_CLOCK: LazyLock<Regex> =
    LazyLock::new(|| compile(&format!(r"(?:^|\s)(?P<a>\d{{2}})(?P<sep>/)(?P<b>\d{{2}})[- ]{CLOCK}")));
static EAST_ASIAN: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?:(?P<roc>民國|民国)\s?)?(?P<y>20\d{2}|1\d\d)\s?(?:年|년)\s?(?P<mo>\d{1,2})\s?(?:月|월)\s?(?P<d>\d{1,2})\s?(?:日|일)?(?:[\s,、(（]{0,2}[月火水木金土日一二三四五六월화수목금토일]?(?:曜日?|요일)?[)）]?[\s,、]{0,2}(?P<half>午前|午後|上午|下午|오전|오후|晚上|凌晨|早上|中午|새벽|밤)?\s?(?P<h>\d{1,2})\s?(?::|：|時|时|点|點|시)\s?(?P<mi>\d{1,2})\s?(?:(?::|：|分|분)\s?(?:(?P<s>\d{1,2})(?:秒|초)?)?)?)?",
    )
});
static COMPACT: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?P<y>20\d{2})(?P<mo>[01]\d)(?P<d>[0-3]\d)[T ](?P<h>[0-2]\d):?(?P<mi>[0-5]\d):?(?P<s>[0-5]\d)",
    )
});
static EPOCH_FIRST: LazyLock<Regex> =
    LazyLock::new(|| compile(r"^\s*[\[(]?(1[0-9]{9})(?:\.\d{1,9}|[0-9]{3})?[\])]?[\s,|]"));
static EPOCH: LazyLock<Regex> = LazyLock::new(|| compile(r"\b1[0-9]{9}\b"));
/// Seconds with a fraction are nothing else, wherever they stand.
static EPOCH_FRACTION: LazyLock<Regex> = LazyLock::new(|| compile(r"\b1[0-9]{9}\.\d{3,9}\b"));
static EPOCH_KEY: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r#"(?i)\b(?:rt|start|end|ts|time|(?:event)?_?time(?:stamp)?|__realtime_timestamp|timestamp_?(?:us|ns|ms)|first|last|first_?seen|last_?seen|devicereceipttime)"?\s?[=:]\s?"?(1[0-9]{9}(?:\.\d{1,9}|[0-9]{9}|[0-9]{6}|[0-9]{3})?)\b"#,
    )
});
static ZONE_KEY: LazyLock<Regex> =
    LazyLock::new(|| compile(r#"(?i)\b(?:tz|timezone|time_zone|utcoffset)\s?[=:]\s?"?([^\s",;]{1,24})"#));
/// Longest remark behind a time, bytes.
const REMARK_MAX: usize = 60;
/// A clock where the last two digits of a year may stand.
static CLOCK_FOR_YEAR: LazyLock<Regex> =
    LazyLock::new(|| compile(r"^([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?(?:[^\d:]|$)"));
static YEAR_AFTER: LazyLock<Regex> = LazyLock::new(|| compile(r"^\s+((?:19|20)\d{2})\b(?:[^:\-]|$)"));
/// "kl. 06.30", "klo 6.30", "um 6.30 Uhr", "alle 6.30": read with a colon, which is as long.
static DOTTED_CLOCK: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"(?i)\b((?:kl\.?|klo|um|ore|alle|godz\.?|kello|pukul|jam|sampai|saat)\s)(\d{1,2})\.([0-5]\d)\b")
});

/// The other end of a range whose first clock has a colon by now: "klo 22:15-23.59".
static DOTTED_AFTER: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)(\d:[0-5]\d\s?(?:[-\u{2013}]|och|og|ja|till?|und|bis|e|alle|sampai)\s?(?:kl\.?\s|klo\s|pukul\s)?)(\d{1,2})\.([0-5]\d)\b",
    )
});

/// "15.02 uur", "15.02 bis 15.40 Uhr": the word behind tells that the dot parts a clock.
static DOTTED_BEFORE: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)(^|[^\d.])(\d{1,2})\.([0-5]\d)(\s?(?:en|tot|und|bis|en|-|\u{2013}|og|till?|e|y|a|do|i)\s?)(\d{1,2})\.([0-5]\d)(\s?(?:uhr|uur)\b)",
    )
});
static DOTTED_LAST: LazyLock<Regex> =
    LazyLock::new(|| compile(r"(?i)(^|[^\d.])(\d{1,2})\.([0-5]\d)(\s?(?:uhr|uur)\b)"));

/// "2026-W24-2", "2026W242": a day of a week of the year.
static WEEK_DATE: LazyLock<Regex> = LazyLock::new(|| compile(r"\b(20\d{2})(-?)W([0-5]\d)-?([1-7])(?:T|\b)"));

/// Writes days of weeks of the year by their months; the text stays as long.
fn with_months(line: &str) -> Cow<'_, str> {
    if !line.contains('W') {
        return Cow::Borrowed(line);
    }
    WEEK_DATE.replace_all(line, |found: &Captures<'_>| {
        let number = |nth: usize| found[nth].parse::<i8>().unwrap_or_default();
        let year = found[1].parse().unwrap_or_default();
        let weekday = jiff::civil::Weekday::from_monday_one_offset(number(4));
        let date = weekday.and_then(|it| jiff::civil::ISOWeekDate::new(year, number(3), it));
        let tail = if found[0].ends_with('T') { "T" } else { "" };
        date.map_or_else(
            |_| found[0].to_owned(),
            |date| {
                format!("{}{tail}", date.date().strftime(if found[2].is_empty() { "%Y%m%d" } else { "%F" }))
            },
        )
    })
}

/// Writes clocks with a colon where a word tells that a dot parts them; the text stays as long.
fn with_colons(line: &str) -> Cow<'_, str> {
    let dotted = DOTTED_CLOCK.replace_all(line, "${1}${2}:${3}");
    let has_word = || {
        let bytes = line.as_bytes();
        bytes.windows(3).any(|it| it.eq_ignore_ascii_case(b"uhr") || it.eq_ignore_ascii_case(b"uur"))
    };
    if let Cow::Owned(dotted) = &dotted
        && !has_word()
    {
        return Cow::Owned(DOTTED_AFTER.replace_all(dotted, "${1}${2}:${3}").into_owned());
    }
    if !has_word() {
        return dotted;
    }
    let ranges = DOTTED_BEFORE.replace_all(&dotted, "${1}${2}:${3}${4}${5}:${6}${7}");
    Cow::Owned(DOTTED_LAST.replace_all(&ranges, "${1}${2}:${3}${4}").into_owned())
}

/// "2026:02:19-10:44:33", as some firewalls and all cameras write it: with a clock, or it is part of an address.
static COLONS: LazyLock<Regex> =
    LazyLock::new(|| compile(&format!(r"\b(?P<y>20\d{{2}}):(?P<mo>[01]\d):(?P<d>[0-3]\d)[-T ]{CLOCK}")));

/// The ways of writing a day, in the order in which they are tried.
static WAYS: LazyLock<[&Regex; 10]> = LazyLock::new(|| {
    [
        &YEAR_FIRST.ascii,
        &COLONS,
        &COMPACT,
        &JOINED_NAME,
        &DAY_MONTH_NAME.ascii,
        &MONTH_NAME_DAY.ascii,
        &MONTH_DAY_CLOCK,
        &DAY_MONTH_CLOCK.ascii,
        &SPACED,
        &NUMBERS,
    ]
});
/// Which of [`WAYS`] a line has, told in one pass: most lines have one, and most cells of tables none.
static WHICH_WAYS: LazyLock<RegexSet> =
    LazyLock::new(|| RegexSet::new(WAYS.iter().map(|way| way.as_str())).expect("each of them is valid"));

/// The patterns that find something in a line, and of a line that is not in ASCII all.
fn ways_of(line: &str) -> Vec<&'static Regex> {
    if line.is_ascii() {
        return WHICH_WAYS.matches(line).into_iter().map(|way| WAYS[way]).collect();
    }
    vec![
        &YEAR_FIRST.any,
        &EAST_ASIAN,
        &COLONS,
        &IN_THE_YEAR,
        &BY_MONTH_NUMBER,
        &COMPACT,
        &JOINED_NAME,
        &DAY_MONTH_NAME.any,
        &MONTH_NAME_DAY.any,
        &MONTH_DAY_CLOCK,
        &DAY_MONTH_CLOCK.any,
        &SPACED,
        &NUMBERS,
    ]
}

/// Finds the times of lines.
#[derive(Debug, Default)]
pub(in super::super) struct Finder;

impl Finder {
    /// Returns the times of a line, in order.
    pub fn find(&self, line: &str) -> Vec<Stamp> {
        let digits = line.bytes().filter(u8::is_ascii_digit).count();
        if digits < 3 {
            return Vec::new();
        }
        let months = with_months(line);
        let dotted = with_colons(&months);
        let line = dotted.as_ref();
        let mut stamps: Vec<Stamp> = Vec::new();
        for pattern in ways_of(line) {
            for found in pattern.captures_iter(line) {
                let Some(whole) = found.get(0) else { continue };
                let overlaps =
                    stamps.iter().any(|stamp| whole.start() < stamp.end && stamp.start < whole.end());
                let overlaps = overlaps || has_mixed_separators(&found, line);
                let is_longer = is_part_of_number(line, whole.start(), whole.end());
                if !overlaps
                    && !is_longer
                    && let Some(stamp) = stamp_of(&found, line)
                {
                    stamps.push(stamp);
                }
            }
        }
        if stamps.is_empty()
            && let Some(stamp) = leading_epoch(line)
        {
            stamps.push(stamp);
        }
        if stamps.is_empty() {
            stamps.extend(named_epochs(line));
        }
        drop_versions(line, &mut stamps);
        stamps.sort_by_key(|stamp| stamp.start);
        add_range_ends(line, &mut stamps);
        add_later_clocks(line, &mut stamps);
        add_bare_clocks(line, &mut stamps);
        share_zone(&mut stamps);
        take_zone_key(line, &mut stamps);
        take_zone_of_name(line, &mut stamps);
        stamps
    }
}

/// Reads seconds or milliseconds since 1970, with or without a fraction.
pub(in super::super) fn epoch(text: &str) -> Option<Stamp> {
    let whole = text.trim().split('.').next()?;
    let seconds = match (whole.len(), whole.parse::<i64>().ok()?) {
        (10, seconds) => seconds,
        (13, millis) => millis / 1000,
        (16, micros) => micros / 1_000_000,
        (19, nanos) => nanos / 1_000_000_000,
        _ => return None,
    };
    let civil = Timestamp::from_second(seconds).ok()?.to_zoned(jiff::tz::TimeZone::UTC).datetime();
    (2000..2100).contains(&civil.year()).then_some(Stamp {
        civil,
        precision: Precision::Second,
        zone: Some(Zone::Fixed(0)),
        year_known: true,
        day_month_unsure: false,
        start: 0,
        end: text.len(),
    })
}

/// Says whether day, month and year are joined by different signs, so that they are no date.
fn has_mixed_separators(found: &Captures<'_>, line: &str) -> bool {
    let (Some(first), Some(day), Some(year)) = (found.name("sep"), found.name("b"), found.name("y")) else {
        return false;
    };
    line.get(day.end()..year.start()).is_some_and(|second| second != first.as_str())
}

/// Says whether digits go on beyond a dot on either side, as in a version or an address.
fn is_part_of_number(line: &str, start: usize, end: usize) -> bool {
    let bytes = line.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let after = bytes.get(end) == Some(&b'.') && is_digit(end + 1);
    let before = start >= 2 && bytes[start - 1] == b'.' && is_digit(start - 2);
    after || before
}

/// Finds the seconds since 1970 of a line that calls them so.
fn named_epochs(line: &str) -> Vec<Stamp> {
    let keyed: Vec<Stamp> = EPOCH_KEY
        .captures_iter(line)
        .filter_map(|found| found.get(1))
        .filter_map(|it| epoch(it.as_str()).map(|stamp| Stamp { start: it.start(), end: it.end(), ..stamp }))
        .take(16)
        .collect();
    if !keyed.is_empty() {
        return keyed;
    }
    let bare: Vec<Stamp> = stamps_of(&EPOCH_FRACTION, line);
    if !bare.is_empty() {
        return bare;
    }
    let lower = line.to_ascii_lowercase();
    if lower.contains("audit(1") {
        let at = lower.find("audit(1").map_or(0, |at| at + "audit(".len());
        let digits = lower[at..].bytes().take_while(u8::is_ascii_digit).count();
        let stamp = epoch(&line[at..at + digits]);
        return stamp.map(|stamp| Stamp { start: at, end: at + digits, ..stamp }).into_iter().collect();
    }
    if !lower.contains("epoch") && !lower.contains("unix") {
        return Vec::new();
    }
    stamps_of(&EPOCH, line)
}

/// Reads what a pattern finds as seconds since 1970.
fn stamps_of(pattern: &Regex, line: &str) -> Vec<Stamp> {
    let found = pattern.find_iter(line).take(16);
    found
        .filter_map(|it| epoch(it.as_str()).map(|stamp| Stamp { start: it.start(), end: it.end(), ..stamp }))
        .collect()
}

fn leading_epoch(line: &str) -> Option<Stamp> {
    let found = EPOCH_FIRST.captures(line)?;
    let whole = found.get(0)?;
    let token = whole.as_str().trim_matches(|letter: char| !letter.is_ascii_digit());
    let stamp = epoch(token)?;
    Some(Stamp { start: found.get(1)?.start(), end: whole.end() - 1, ..stamp })
}

fn stamp_of(found: &Captures<'_>, line: &str) -> Option<Stamp> {
    let whole = found.get(0)?;
    let (mut year, month, day, unsure) = calendar(found)?;
    let mut end = whole.end();
    let mut clock = clock_of(found);
    // "2 June 23:12": what stands in the place of a year is an hour.
    if let Some(year_at) = found.name("y").filter(|it| it.len() == 2 && it.end() == whole.end())
        && let Some(hour) = CLOCK_FOR_YEAR.captures(&line[year_at.start()..])
    {
        let number = |nth: usize| hour.get(nth).and_then(|it| it.as_str().parse::<i8>().ok());
        clock = number(1).zip(number(2)).map(|(hours, minutes)| (hours, minutes, number(3)));
        year = None;
        end = year_at.start() + hour.get(3).or(hour.get(2)).map_or(0, |it| it.end());
    }
    let mut year_known = year.is_some();
    if clock.is_none() && !year_known {
        return None;
    }
    let mut zone = None;
    if let Some((hour, _, second)) = clock {
        let after = &line[end..];
        let unit =
            ["\u{20}Uhr", " hrs", " hours", " heures", " uur"].iter().find(|unit| after.starts_with(**unit));
        let skipped = unit.map_or(0, |unit| unit.len());
        let after = &after[skipped..];
        zone = zone_after(after, second.is_some(), whole.as_str().contains('T'), hour)
            .map(|(zone, len)| (zone, len + skipped));
        end += zone.map_or(0, |(_, len)| len);
        if !year_known && let Some(after) = YEAR_AFTER.captures(&line[end..]) {
            year = after[1].parse().ok();
            year_known = year.is_some();
            end += after.get(1)?.end();
            if zone.is_none() {
                zone = read_zone(&line[end..]);
                end += zone.map_or(0, |(_, len)| len);
            }
        }
    }
    if clock.is_none()
        && let Some((named, len)) = named_zone(&line[end..])
    {
        zone = Some((named, len));
        end += len;
    }
    let zone = zone.or_else(|| remark_zone(&line[end..]));
    let civil = civil(year.unwrap_or(2000), month, day, clock)?;
    let precision = match clock {
        Some((_, _, Some(_))) => Precision::Second,
        Some(_) => Precision::Minute,
        None => Precision::Day,
    };
    let zone = zone.map(|(zone, _)| zone);
    Some(Stamp { civil, precision, zone, year_known, day_month_unsure: unsure, start: whole.start(), end })
}

/// Reads a zone after a clock, unless what follows is the other end of a range.
pub(super) fn zone_after(after: &str, has_seconds: bool, is_iso: bool, hour: i8) -> Option<(Zone, usize)> {
    if !has_seconds
        && !is_iso
        && after.starts_with('-')
        && let Some(range) = RANGE.captures(after)
        && range["h"].parse::<i8>().is_ok_and(|end| end >= hour)
    {
        return None;
    }
    read_zone(after)
}

/// "(US Pacific, UTC-8)": the offset that the last part of a remark right behind a time gives.
fn remark_zone(after: &str) -> Option<(Zone, usize)> {
    let inner = after.trim_start().strip_prefix('(')?;
    let remark = &inner[..inner.find(')').filter(|end| *end <= REMARK_MAX)?];
    let last = remark.rsplit_once(',')?.1.trim_start();
    let is_offset = ["UTC", "GMT"].iter().any(|name| last.starts_with(name));
    read_zone(last).filter(|_| is_offset).map(|(zone, _)| (zone, 0))
}

/// Reads the zone of a date: only a name, since a number after a date is more of the date.
fn named_zone(after: &str) -> Option<(Zone, usize)> {
    let starts =
        after.trim_start_matches([' ', ',', '(']).starts_with(|letter: char| letter.is_ascii_uppercase());
    read_zone(after).filter(|_| starts)
}

/// Gives the one zone of a line to the times of the line that have none.
fn share_zone(stamps: &mut [Stamp]) {
    let mut zones: Vec<Zone> = stamps.iter().filter_map(|stamp| stamp.zone).collect();
    zones.dedup();
    if let [only] = zones[..] {
        for stamp in stamps {
            stamp.zone = Some(only);
        }
    }
}

/// "Timestamp (UTC)    2026-07-28 21:56:55": the name of a field tells the zone of its value.
static ZONE_OF_NAME: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"^\s*[\p{L} _-]{3,40}\(((?:UTC|GMT|[A-Z]{3,4})(?:[+-]\d{1,2}(?::?\d\d)?)?)\)[\s:=.|]{1,60}$")
});

fn take_zone_of_name(line: &str, stamps: &mut [Stamp]) {
    let [stamp] = stamps else { return };
    if stamp.zone.is_none()
        && let Some(name) = line.get(..stamp.start).and_then(|before| ZONE_OF_NAME.captures(before))
    {
        stamp.zone = read_zone(&name[1]).map(|(zone, _)| zone);
    }
}

/// Takes the zone of a log line that names it in a key of its own, such as `tz="+0100"`.
fn take_zone_key(line: &str, stamps: &mut [Stamp]) {
    if stamps.is_empty() || stamps.iter().any(|stamp| stamp.zone.is_some()) {
        return;
    }
    let named = ZONE_KEY.captures(line).and_then(|found| read_zone(&line[found.get(1)?.range()]));
    if let Some((zone, _)) = named {
        stamps.iter_mut().for_each(|stamp| stamp.zone = Some(zone));
    }
}

/// "1.4.15" beside a whole date is a version.
fn drop_versions(line: &str, stamps: &mut Vec<Stamp>) {
    let is_short = |stamp: &Stamp| stamp.precision == Precision::Day && stamp.end - stamp.start <= 8;
    let is_named = |stamp: &Stamp| {
        let before = line[..stamp.start].trim_end_matches([' ', ':', '=', '"']);
        let word = before.rsplit(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default();
        ["version", "versions", "release", "build", "v"].iter().any(|it| word.eq_ignore_ascii_case(it))
    };
    stamps.retain(|stamp| !(is_short(stamp) && is_named(stamp)));
    if stamps.iter().any(|stamp| !is_short(stamp)) {
        stamps.retain(|stamp| !is_short(stamp));
    }
}

#[cfg(test)]
mod tests {
    use super::super::Precision;
    use super::super::Zone;
    use super::Finder;
    use super::epoch;

    fn check(line: &str, expect: &[&str]) {
        let found: Vec<String> = Finder
            .find(line)
            .iter()
            .map(|stamp| {
                let format = match (stamp.year_known, stamp.precision) {
                    (true, Precision::Day) => "%Y-%m-%d",
                    (true, Precision::Minute) => "%Y-%m-%dT%H:%M",
                    (true, Precision::Second) => "%Y-%m-%dT%H:%M:%S",
                    (false, _) => "%m-%dT%H:%M:%S",
                };
                let zone = match stamp.zone {
                    None => String::new(),
                    Some(Zone::Fixed(seconds)) => format!(" {}", seconds / 60),
                    Some(other) => format!(" {other:?}"),
                };
                format!("{}{zone}", stamp.civil.strftime(format))
            })
            .collect();
        assert_eq!(found, expect, "{line}");
    }

    #[test]
    fn finds_every_way_of_writing() {
        check("* Abuse Time: Sun Oct 11 22:27:00 UTC 2015", &["2015-10-11T22:27:00 0"]);
        check("Abuse Time: 27 Apr 2023 14:46:47 GMT", &["2023-04-27T14:46:47 0"]);
        check("2024-01-15T10:02:03.123456Z", &["2024-01-15T10:02:03 0"]);
        check("2024-01-15 10:02:03,123 +0100", &["2024-01-15T10:02:03 60"]);
        check("Fri, 31 Jan 2014 07:19:02 +0100", &["2014-01-31T07:19:02 60"]);
        check("[15/Jan/2024:15:37:19 -0800] \"GET /\"", &["2024-01-15T15:37:19 -480"]);
        check("Jan 15 15:37:19 web sshd[1]: x", &["01-15T15:37:19"]);
        check("Jul  3 05:07:09 host", &["07-03T05:07:09"]);
        check("13/11/2025 a las 11:20 p. m. UTC", &["2025-11-13T23:20 0"]);
        check("10:00-10:15 UTC, 3 Nov 2025", &["2025-11-03T10:00 0", "2025-11-03T10:15 0"]);
        check("07.10.2013 22:34:40 CEST", &["2013-10-07T22:34:40 120"]);
        check("1/15/2024 3:37 PM EST", &["2024-01-15T15:37 -300"]);
        check("January 15th, 2024 at 3:37:19 PM PST", &["2024-01-15T15:37:19 -480"]);
        check("15-Jan-2024 15:37:19.123 queries: info", &["2024-01-15T15:37:19"]);
        check("20240115T153719Z", &["2024-01-15T15:37:19 0"]);
        check("1705332439.123456 IP 192.0.2.1", &["2024-01-15T15:27:19 0"]);
        check("Date: 2018-01-15", &["2018-01-15"]);
        check("2 June 23:12 to 3 June 00:40.", &["06-02T23:12:00", "06-03T00:40:00"]);
        check("2 Jun 23 12:40", &["2023-06-02T12:40"]);
        check("2026-02-17 06:30 (US Pacific, UTC-8)", &["2026-02-17T06:30 -480"]);
        check("10.03.2026 14:48 am Gateway", &["2026-03-10T14:48"]);
        check("am 26. Januar 2024 um 13:37 Uhr (MEZ)", &["2024-01-26T13:37 60"]);
        check("le 14 juillet 2024 à 18:05:10", &["2024-07-14T18:05:10"]);
        check("26 de enero de 2024 18:05", &["2024-01-26T18:05"]);
        check("日時: 2024年3月12日 14時05分30秒 (JST)", &["2024-03-12T14:05:30 540"]);
        check("2024年3月12日(火) 午後2:05", &["2024-03-12T14:05"]);
        check("2024년 03월 12일 13시 20분 45초 (KST)", &["2024-03-12T13:20:45 540"]);
        check("2024年3月12日 11:22:33（北京时间）", &["2024-03-12T11:22:33 480"]);
        check("date=2024-03-12 time=14:15:16 tz=\"+0100\"", &["2024-03-12T14:15:16 60"]);
        check("CEF:0|x rt=1705332439123 src=192.0.2.1", &["2024-01-15T15:27:19 0"]);
        check("12.03.2024 06:10:00 (МСК)", &["2024-03-12T06:10:00 180"]);
        check("12 marca 2024 r. o godz. 04:50 CET", &["2024-03-12T04:50 60"]);
        check("12 марта 2024 г. в 06:10", &["2024-03-12T06:10"]);
        check("12 Eylül 2024 06:10", &["2024-09-12T06:10"]);
        check("den 12 mars 2024 kl. 06:10", &["2024-03-12T06:10"]);
    }

    #[test]
    fn finds_ranges() {
        check("Time Window: 2025-12-10 16:50-17:00 (+01)", &["2025-12-10T16:50 60", "2025-12-10T17:00 60"]);
        check("2025-12-10 16:50:00 - 17:00:00 UTC", &["2025-12-10T16:50:00 0", "2025-12-10T17:00:00 0"]);
        check(
            "between 10:02 and 10:15 UTC on 15 January 2024",
            &["2024-01-15T10:02 0", "2024-01-15T10:15 0"],
        );
        check(
            "2024-01-15 10:00:00 to 2024-01-15 11:00:00 UTC",
            &["2024-01-15T10:00:00 0", "2024-01-15T11:00:00 0"],
        );
        check("2024-01-15 10:00-11:00", &["2024-01-15T10:00", "2024-01-15T11:00"]);
        check("2024-01-15T10:00-05:00", &["2024-01-15T10:00 -300"]);
    }

    #[test]
    fn refuses_what_only_looks_like_one() {
        check("192.168.10.11 port 22", &[]);
        check("version 10.12.2024.1", &[]);
        check("call +1-555-0456 or 12:30", &[]);
        check("you may reply 24/7", &[]);
        check("13/13/2024", &[]);
    }

    #[test]
    fn reads_epochs() {
        for text in ["1705332439", "1705332439123", "1705332439.5"] {
            assert_eq!(epoch(text).map(|it| it.civil.to_string()).as_deref(), Some("2024-01-15T15:27:19"));
        }
        assert_eq!(epoch("4111222333"), None);
    }
}
