//! Zones: beside a time, or said of all times in a sentence.

use std::sync::LazyLock;

use super::super::pattern::compile;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use regex::Regex;

const HOUR: i32 = 3600;
const OFFSET_MAX: i32 = 14 * HOUR;

/// What is known of a time's offset from UTC, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Zone {
    /// This offset.
    Fixed(i32),
    /// A zone whose name people also write in summer: standard time, or one hour more then.
    Standard(i32),
    /// A name that means several zones.
    OneOf(i32, i32),
    /// A zone of the tz database, by its position in [`NAMED`].
    Named(usize),
}

/// Zones of the tz database that prose names, and the words it uses.
const NAMED: [(&str, &str); 27] = [
    ("Europe/Berlin", "central european"),
    ("America/New_York", "eastern"),
    ("America/Chicago", "central"),
    ("America/Denver", "mountain"),
    ("America/Los_Angeles", "pacific"),
    ("Europe/London", "london"),
    ("Europe/Amsterdam", "amsterdam"),
    (
        "Europe/Paris",
        "paris français francaise française france bruxelles belge belgique luxembourg suisse genève",
    ),
    (
        "Europe/Berlin",
        "berlin berliner deutsche deutscher deutschland german wien wiener österreich zürich schweizer mitteleuropäische mitteleuropäischer",
    ),
    ("Europe/Madrid", "madrid españa española peninsular"),
    ("Europe/Rome", "roma rome italiana italia"),
    ("Europe/Amsterdam", "amsterdamse nederlandse nederland dutch"),
    ("Europe/Warsaw", "polski polskiego polska warszawa warszawski warszawskiego warsaw"),
    ("Europe/Stockholm", "svensk stockholm dansk danish norsk oslo copenhagen københavn"),
    ("Europe/Helsinki", "suomen helsinki"),
    ("Europe/Lisbon", "lisboa lisbon portugal"),
    ("Europe/Istanbul", "türkiye istanbul turkey"),
    ("Europe/Moscow", "moscow москва московское московскому"),
    ("Europe/Kyiv", "kyiv kiev київський київським"),
    ("Europe/Prague", "praha pražský prague"),
    ("America/Sao_Paulo", "brasília brasilia brasil brazil"),
    ("America/Mexico_City", "méxico mexico"),
    ("America/Argentina/Buenos_Aires", "argentina"),
    ("Asia/Tokyo", "tokyo japan 日本"),
    ("Asia/Seoul", "seoul korea korean"),
    ("Asia/Shanghai", "beijing shanghai china chinese"),
    ("Asia/Kolkata", "india indian kolkata"),
];

/// Abbreviations, with the offset in minutes.
const ABBREVIATIONS: [(&str, i32); 59] = [
    ("Z", 0),
    ("UTC", 0),
    ("GMT", 0),
    ("UT", 0),
    ("WET", 0),
    ("WEST", 60),
    ("CET", 60),
    ("CEST", 120),
    ("MET", 60),
    ("MEST", 120),
    ("MEZ", 60),
    ("MESZ", 120),
    ("BST", 60),
    ("EET", 120),
    ("EEST", 180),
    ("MSK", 180),
    ("MSD", 240),
    ("TRT", 180),
    ("SAST", 120),
    ("IDT", 180),
    ("HNE", -300),
    ("HAE", -240),
    ("HEC", 60),
    ("HEEC", 120),
    ("OEZ", 120),
    ("OESZ", 180),
    ("EST", -300),
    ("EDT", -240),
    ("CDT", -300),
    ("MST", -420),
    ("MDT", -360),
    ("PST", -480),
    ("PDT", -420),
    ("AKST", -540),
    ("AKDT", -480),
    ("HST", -600),
    ("AST", -240),
    ("ADT", -180),
    ("NST", -210),
    ("NDT", -150),
    ("BRT", -180),
    ("ART", -180),
    ("CLT", -240),
    ("JST", 540),
    ("KST", 540),
    ("HKT", 480),
    ("SGT", 480),
    ("MYT", 480),
    ("PHT", 480),
    ("WIB", 420),
    ("ICT", 420),
    ("PKT", 300),
    ("NPT", 345),
    ("AEST", 600),
    ("AEDT", 660),
    ("ACST", 570),
    ("AWST", 480),
    ("NZST", 720),
    ("NZDT", 780),
];

impl Zone {
    /// Returns the least and the greatest offset that a civil time may have, in seconds.
    pub fn offsets(self, at: DateTime) -> (i32, i32) {
        match self {
            Self::Fixed(offset) => (offset, offset),
            Self::Standard(offset) if (3..=11).contains(&at.month()) => (offset, offset + HOUR),
            Self::Standard(offset) => (offset, offset),
            Self::OneOf(least, greatest) => (least, greatest),
            Self::Named(index) => named_offsets(index, at),
        }
    }
}

fn named_offsets(index: usize, at: DateTime) -> (i32, i32) {
    let name = NAMED.get(index).map_or("UTC", |(name, _)| name);
    let zoned = TimeZone::get(name).and_then(|zone| at.to_zoned(zone));
    match zoned {
        Ok(zoned) => (zoned.offset().seconds(), zoned.offset().seconds()),
        Err(_) => (-OFFSET_MAX, OFFSET_MAX),
    }
}

static NUMERIC: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^\s{0,2}[\[(]?\s?(?:(?:UTC|GMT|utc|gmt)\s?)?([+-]|\u{2212})(\d{1,2})(?::?(\d{2}))?(?:$|[^\d:.\-]|\.(?:$|[^\d]))",
    )
});
static NAME: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"^(?:\s{0,2}(?:[Uu]hr|hrs|hours|h)\b)?(?:\s{0,3}|,\s?|\s?\()\(?([A-Z]{1,5}|utc|gmt|[Uu]tc)\b")
});
static REGION: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"^\s{0,2}\(?((?:Europe|America|Asia|Africa|Australia|Pacific|US|Atlantic|Etc)/[A-Za-z_]+)")
});

static LONG_NAME: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)^[\s(,]{0,3}(?:us\s)?((?:(?:eastern|pacific|mountain|central|central european|japan|india|indian|china|singapore|korea|moscow|greenwich)(?:\s(?:standard|daylight|summer|mean))?|coordinated universal)\s+time)\b",
    )
});
/// Zones by their long names, in minutes; others are in [`NAMED`].
const LONG_NAMES: [(&str, i32); 9] = [
    ("japan", 540),
    ("korea", 540),
    ("indian", 330),
    ("india", 330),
    ("china", 480),
    ("singapore", 480),
    ("moscow", 180),
    ("greenwich", 0),
    ("coordinated", 0),
];

static OWN_SCRIPT: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)^[\s(（,]{0,3}(北京时间|北京時間|中国标准时间|中国时间|台北時間|日本時間|日本標準時|日本时间|한국\s?시간|한국\s?표준시|(?:по\s)?мск|по\sмоскв[а-я]+|московск[а-я]+|по\sкиев[а-я]+|за\sкиєв[а-яі]+)",
    )
});
/// Zones by their names in other scripts, in hours.
const OWN_NAMES: [(&str, i32); 4] =
    [("北京 中国 台北", 8), ("日本 한국", 9), ("мск МСК Мск моск Моск", 3), ("киев києв", 2)];

/// "heure de Paris", "Berliner Zeit", "czas polski", "Lisbon time": the time of a place.
static OF_PLACE: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)^[\s(（,]{0,3}((?:heures?|horas?|horario|horário|ora|czasu?|tijd|ortszeit|time (?:in|of))\s[^\d,.;:()]{3,30}|[^\s\d,.;:()]{3,24}\s(?:local\s)?(?:(?:sommer|sommar|zomer|summer\s)?(?:zeit|time|tid|tijd)|saati|ajan|aikaa))",
    )
});

/// Reads the time of a place at the beginning of a text.
fn time_of_place(head: &str) -> Option<(Zone, usize)> {
    let found = OF_PLACE.captures(head)?.get(1)?;
    let mut end = 0;
    for word in found.as_str().split_inclusive(|letter: char| !letter.is_alphanumeric()) {
        end += word.len();
        let word = word.trim_matches(|letter: char| !letter.is_alphanumeric()).to_lowercase();
        let place =
            NAMED.iter().position(|(_, words)| !word.is_empty() && words.split(' ').any(|it| it == word));
        if let Some(index) = place {
            return Some((Zone::Named(index), found.start() + end));
        }
    }
    None
}

/// Reads the zone at the beginning of a text; returns it and how many bytes it took.
pub(in super::super) fn read_zone(text: &str) -> Option<(Zone, usize)> {
    let head = &text[..text.floor_char_boundary(text.len().min(48))];
    if let Some(found) = NUMERIC.captures(head) {
        let hours: i32 = found[2].parse().ok()?;
        let minutes: i32 = found.get(3).map_or(0, |it| it.as_str().parse().unwrap_or(0));
        let sign = if &found[1] == "+" { 1 } else { -1 };
        let offset = sign * (hours * HOUR + minutes * 60);
        let end = found.get(3).or_else(|| found.get(2)).map_or(0, |it| it.end());
        return (offset.abs() <= OFFSET_MAX && minutes < 60).then_some((Zone::Fixed(offset), end));
    }
    if let Some(found) = REGION.captures(head) {
        let name = found.get(1)?;
        let index = NAMED.iter().position(|(known, _)| *known == name.as_str());
        return index.map(|index| (Zone::Named(index), name.end()));
    }
    if let Some(found) = LONG_NAME.captures(head) {
        let name = found.get(1)?;
        let lower = name.as_str().to_ascii_lowercase();
        if let Some((_, minutes)) = LONG_NAMES.iter().find(|(words, _)| lower.starts_with(words)) {
            return Some((Zone::Fixed(minutes * 60), name.end()));
        }
        let index = NAMED.iter().position(|(_, words)| lower.starts_with(words));
        return index.map(|index| (Zone::Named(index), name.end()));
    }
    if let Some(found) = OWN_SCRIPT.captures(head) {
        let name = found.get(1)?;
        let hours = OWN_NAMES.iter().find(|(names, _)| names.split(' ').any(|it| name.as_str().contains(it)));
        return hours.map(|(_, hours)| (Zone::Fixed(hours * HOUR), name.end()));
    }
    if let Some(found) = time_of_place(head) {
        return Some(found);
    }
    let name = NAME.captures(head)?.get(1)?;
    let zone = abbreviation(name.as_str(), false)?;
    Some((zone, name.end()))
}

/// Returns the zone that an abbreviation means.
fn abbreviation(name: &str, prose: bool) -> Option<Zone> {
    let upper = name.to_ascii_uppercase();
    match upper.as_str() {
        "CST" => {
            return Some(if prose { Zone::OneOf(-6 * HOUR, 8 * HOUR) } else { Zone::Standard(-6 * HOUR) });
        }
        "IST" => return Some(Zone::Fixed(5 * HOUR + HOUR / 2)),
        "CET" | "EST" | "PST" | "MST" | "EET" | "WET" if prose => {
            let minutes = ABBREVIATIONS.iter().find(|(known, _)| *known == upper)?.1;
            return Some(Zone::Standard(minutes * 60));
        }
        _ => {}
    }
    ABBREVIATIONS.iter().find(|(known, _)| *known == upper).map(|(_, minutes)| Zone::Fixed(minutes * 60))
}

static ABOUT_TIMES: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:(?:date|time)[ /-]?(?:stamps?|zones?)?s?|dates?|times?|logs?|clocks?|tz|zeiten?|zeitzone|zeitangaben|uhrzeit(?:en)?|heures?|fuseau|horas?|hor[aá]rios?|tijd(?:en|zone|stip(?:pen)?)?|orari[oe]?|ore|czas[a-z]*|tider|tidzon|tidssone|klock\w*|klokk\w*|saat(?:ler(?:i)?)?|zaman(?:lar)?|id[\u{151}\u{f6}o]pont[a-z]*|waktu|aik(?:a|oja|avy\u{f6}hyke)|[\u{10d}c]as[uy]?|orele)\b|врем[яе]|時刻|時間|时间|时区|時區|시간|시각",
    )
});
static ZONE_WORD: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?x)
        (?P<own>北京时间|北京時間|日本時間|日本標準時|한국\ ?시간|мск|МСК|московск) | (?P<num>\b(?:UTC|GMT|utc|gmt)\s?[+\-\u{2212}]\s?\d{1,2}(?::?\d{2})?) | (?P<bare>(?:^|[\s(:=])[+-]\d{2}:?\d{2}\b)
        | \b(?P<abbr>UTC|GMT|[A-Z]{3,4}|utc|gmt)\b
        | (?P<long>(?i:coordinated\ universal|greenwich|central\ european|(?:us\s)?(?:eastern|pacific|mountain|central)(?:\s(?:standard|daylight|summer|\(summer\)))?\s+time))
        | (?P<us>\((?i:eastern|pacific|mountain)\)) | (?P<region>\b(?:Europe|America|Asia|Africa|Australia|US|Etc)/[A-Za-z_]+)",
    )
});

/// "The clock is Norwegian summer time": the place stands within so many words of it.
const PLACE_WORDS_MAX: usize = 6;

/// Reads a zone that a line states of times in general, such as "all times are CET".
pub(in super::super) fn prose_zone(line: &str) -> Option<Zone> {
    for topic in ABOUT_TIMES.find_iter(line) {
        let end = line.floor_char_boundary(line.len().min(topic.end() + 90));
        let rest = &line[topic.end()..end];
        let sentence = rest.find(". ").map_or(rest, |stop| &rest[..stop]);
        if let Some((zone, _)) = time_of_place(&line[topic.start()..end]) {
            return Some(zone);
        }
        for found in ZONE_WORD.captures_iter(sentence) {
            if let Some(zone) = zone_of_word(&found) {
                return Some(zone);
            }
        }
        let words = sentence.match_indices(' ').take(PLACE_WORDS_MAX);
        if let Some((zone, _)) = words.filter_map(|(at, _)| time_of_place(&sentence[at..])).next() {
            return Some(zone);
        }
    }
    None
}

/// Reads the zone that the name of a field or column states for its times: "First seen (UTC)", "time_utc".
pub(in super::super) fn zone_of_name(name: &str) -> Option<Zone> {
    prose_zone(&format!("times {}", name.replace('_', " ")))
}

fn zone_of_word(found: &regex::Captures<'_>) -> Option<Zone> {
    if let Some(number) = found.name("num").or_else(|| found.name("bare")) {
        let text: String = number.as_str().chars().filter(|letter| !letter.is_whitespace()).collect();
        return read_zone(text.trim_start_matches(['(', ':', '='])).map(|(zone, _)| zone);
    }
    if let Some(name) = found.name("own") {
        return read_zone(name.as_str()).map(|(zone, _)| zone);
    }
    if let Some(name) = found.name("abbr") {
        return abbreviation(name.as_str(), true);
    }
    if let Some(name) = found.name("region") {
        return NAMED.iter().position(|(known, _)| *known == name.as_str()).map(Zone::Named);
    }
    let long = found.name("long").or_else(|| found.name("us"))?;
    let long = long.as_str().to_ascii_lowercase();
    if long.contains("universal") || long.contains("greenwich") {
        return Some(Zone::Fixed(0));
    }
    NAMED.iter().position(|(_, words)| long.contains(words)).map(Zone::Named)
}

#[cfg(test)]
mod tests {
    use super::Zone;
    use super::prose_zone;
    use super::read_zone;

    #[test]
    fn reads_zones_beside_times() {
        for (text, expect) in [
            (" UTC", Some(Zone::Fixed(0))),
            (" Uhr MESZ", Some(Zone::Fixed(7200))),
            ("h CEST", Some(Zone::Fixed(7200))),
            ("Z", Some(Zone::Fixed(0))),
            (" +0100 (CET)", Some(Zone::Fixed(3600))),
            ("-08:00", Some(Zone::Fixed(-28800))),
            (" (+01)", Some(Zone::Fixed(3600))),
            (" GMT+2", Some(Zone::Fixed(7200))),
            (" (UTC-5:00)", Some(Zone::Fixed(-18000))),
            (" CEST,", Some(Zone::Fixed(7200))),
            (" FROM host", None),
            (" - 11:00", None),
            ("-17:00", None),
            (" -2024", None),
            (" Eastern Daylight Time)", Some(Zone::Named(1))),
            (" (Central European Summer Time)", Some(Zone::Named(0))),
            (" (heure de Paris)", Some(Zone::Named(7))),
            (" Berliner Zeit", Some(Zone::Named(8))),
            (" (czas polski, CEST)", Some(Zone::Named(12))),
            (" heure par heure", None),
            (" some time later", None),
            (" Japan Standard Time", Some(Zone::Fixed(32400))),
        ] {
            assert_eq!(read_zone(text).map(|(zone, _)| zone), expect, "{text:?}");
        }
    }

    #[test]
    fn reads_zones_in_prose() {
        for (line, expect) in [
            ("All times are UTC.", Some(Zone::Fixed(0))),
            ("Time zone*: -0800", Some(Zone::Fixed(-28800))),
            ("Date/timestamps (at the very left) are UTC.", Some(Zone::Fixed(0))),
            ("Timestamps below are in GMT+2", Some(Zone::Fixed(7200))),
            ("all times are CET", Some(Zone::Standard(3600))),
            ("The times included are in Central European (Summer) Time.", Some(Zone::Named(0))),
            ("Please take the time to read our AUP", None),
            ("Os registros seguem no horário de Brasília.", Some(Zone::Named(20))),
            ("Timezone: Europe/Berlin", Some(Zone::Named(0))),
        ] {
            assert_eq!(prose_zone(line), expect, "{line:?}");
        }
    }
}
