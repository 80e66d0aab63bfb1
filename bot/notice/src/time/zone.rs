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
const NAMED: [(&str, &str); 53] = [
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
        "berlin berliner deutsche deutscher deutschland german wien wiener österreich zürich schweizer mitteleuropäische mitteleuropäischer srednjoevropsko srednjoevropskom srednjeevropsko srednjoeuropsko srednjoeuropskom srednjeeuropsko srednjeevropski srednjeevropskem európai středoevropský středoevropského středoevropském stredoeurópsky stredoeurópskeho stredoeurópskom средноевропейско средњоевропско средњеевропско środkowoeuropejski środkowoeuropejskiego mellaneuropeisk centraleuropæisk sentraleuropeisk slovenski slovenskem hrvatsko hrvatskom srpsko srpskom belgrade beograd beogradu zagreb zagrebu ljubljana ljubljani српско београд београду budapesti magyar magyarországi bratislava bratislavy slovenského slovenský centraleuropeu",
    ),
    ("Europe/Madrid", "madrid españa española peninsular català catalunya barcelona"),
    ("Europe/Rome", "roma rome italiana italia"),
    ("Europe/Amsterdam", "amsterdamse nederlandse nederland dutch"),
    ("Europe/Warsaw", "polski polskiego polska warszawa warszawski warszawskiego warsaw polskim warszawskim"),
    ("Europe/Stockholm", "svensk stockholm dansk danish norsk oslo copenhagen københavn norwegian swedish"),
    ("Europe/Helsinki", "suomen helsinki helsingin finsk finnish"),
    ("Europe/Lisbon", "lisboa lisbon portugal"),
    ("Europe/Istanbul", "türkiye istanbul turkey türk turkish i̇stanbul"),
    ("Europe/Moscow", "moscow москва московское московскому москве московском"),
    ("Europe/Kyiv", "kyiv kiev київський київським києва києвом україни українським"),
    ("Europe/Prague", "praha pražský prague pražského českého česky český prahy čr"),
    ("America/Sao_Paulo", "brasília brasilia brasil brazil"),
    ("America/Mexico_City", "méxico mexico"),
    ("America/Argentina/Buenos_Aires", "argentina buenos"),
    ("Asia/Tokyo", "tokyo japan 日本"),
    ("Asia/Seoul", "seoul korea korean"),
    ("Asia/Shanghai", "beijing shanghai china chinese"),
    ("Europe/Sofia", "българско българското софийско софия bulgarian sofia"),
    ("Europe/Bucharest", "românia româniei bucurești bucureștiului romania romanian bucharest"),
    ("Europe/Athens", "ελλάδας ελλάδος αθήνας ελλάδα αθήνα greek greece athens"),
    ("Europe/Vilnius", "lietuvos vilniaus lithuanian lithuania vilnius"),
    ("Europe/Riga", "latvijas rīgas latvian latvia riga"),
    ("Europe/Tallinn", "eesti tallinna estonian estonia tallinn"),
    ("Asia/Jerusalem", "ישראל israel jerusalem"),
    ("Africa/Cairo", "القاهرة مصر cairo egypt"),
    ("Asia/Riyadh", "مكة الرياض السعودية saudi riyadh kuwait الكويت بغداد"),
    ("Asia/Dubai", "دبي الإمارات أبوظبي dubai gulf"),
    ("Asia/Tehran", "تهران ایران tehran iran"),
    ("Asia/Ho_Chi_Minh", "việt vietnam vietnamese hanoi"),
    ("Asia/Bangkok", "ประเทศไทย thailand thai bangkok"),
    ("Asia/Jakarta", "jakarta wib"),
    ("Asia/Kuala_Lumpur", "malaysia malaysian"),
    ("Asia/Manila", "philippine philippines manila"),
    ("Asia/Taipei", "taipei taiwan"),
    ("America/Bogota", "colombia colombiana bogotá"),
    ("America/Lima", "perú peruana lima"),
    ("America/Santiago", "chile chilena santiago"),
    ("America/Caracas", "venezuela caracas"),
    ("America/Montevideo", "uruguay montevideo"),
    ("Africa/Nairobi", "kenya nairobi"),
    ("Africa/Johannesburg", "johannesburg"),
    ("Asia/Almaty", "астаны казахстана almaty"),
    ("Asia/Karachi", "pakistan pakistani karachi"),
    ("Asia/Kolkata", "india indian kolkata भारतीय भारत"),
];

/// Abbreviations, with the offset in minutes.
const ABBREVIATIONS: [(&str, i32); 67] = [
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
    ("WITA", 480),
    ("EAT", 180),
    ("WAT", 60),
    ("GST", 240),
    ("COT", -300),
    ("UYT", -180),
    ("IRST", 210),
    ("PHST", 480),
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
        r"(?i)^[\s(,]{0,3}(?:us\s)?((?:(?:eastern|pacific|mountain|central|central european|japan|india|indian|china|singapore|korea|moscow|greenwich)(?:\s(?:standard|daylight|summer|mean))?|coordinated universal)\s+time\b|(?:eastern|pacific|mountain)$)",
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
        r"(?i)^[\s(（,]{0,3}(北京时间|北京時間|中国标准时间|中国时间|台北時間|日本時間|日本標準時|日本时间|한국\s?시간|한국\s?표준시|(?:по\s)?мск|по\sмоскв[а-я]+|московск[а-я]+|по\sкиев[а-я]+|за\sкиєв[а-яі]+|(?:ตาม)?เวลา(?:ใน)?(?:ประเทศ)?ไทย|台湾时间|台灣時間|香港時間|香港时间|SE(?:L?)[Čč]|한국시각|한국\s?시각)",
    )
});
/// Zones by their names in other scripts, in hours.
const OWN_NAMES: [(&str, i32); 7] = [
    ("北京 中国 台北 台湾 台灣 香港", 8),
    ("日本 한국", 9),
    ("ไทย", 7),
    ("SEČ SEč", 1),
    ("SELČ SELč", 2),
    ("мск МСК Мск моск Моск", 3),
    ("киев києв", 2),
];

/// "heure de Paris", "Berliner Zeit", "czas polski", "Lisbon time": the time of a place.
static OF_PLACE: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)^[\s(（,]{0,3}((?:heures?|horas?|horario|horário|hora|ora|orei|czasu?|tijd|ortszeit|time (?:in|of)|giờ|gio|waktu|pukul|ώρα|ώρας|בשעון|שעון|(?:حسب\s|بحسب\s)?(?:ب?توقيت)|به\sوقت|وقت|по\s|времени|часом|час|по)\s[^\d,.;:()]{3,30}|[^\s\d,.;:()]{3,24}\s(?:local\s)?(?:(?:sommer|sommar|zomer|summer\s)?(?:zeit|time|tid|tijd)|saati(?:yle)?|ajan|aikaa|laiku|laikas|laika|laiks|aeg|aja|aega|čas|času|čase|cas|casu|case|vreme|vrijeme|vremenu|vremena|време|времето|времену|времени|часом|час|idő|समय))",
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

/// A zone is told within so many bytes.
const HEAD_BYTES: usize = 72;

/// What a clock is followed by before its zone: "hours", "until".
static UNIT: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)^\s{0,2}(?:ч\.|часа|часов|час\.|год\.|hod\.|hodin|óra|órakor|sati|ure|uri|น\.|बजे|arasında|között|まで|にかけて|까지|시까지)",
    )
});

/// Reads the zone at the beginning of a text; returns it and how many bytes it took.
pub(in super::super) fn read_zone(text: &str) -> Option<(Zone, usize)> {
    let head = &text[..text.floor_char_boundary(text.len().min(HEAD_BYTES))];
    if !head.is_ascii()
        && let Some(unit) = UNIT.find(head)
    {
        let rest = &text[unit.end()..];
        return (!rest.is_ascii() || rest.starts_with([' ', '(']))
            .then(|| read_zone(rest))
            .flatten()
            .map(|(zone, length)| (zone, length + unit.end()));
    }
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

/// Words by which the time of a place is known, wherever in a sentence it stands.
static TIME_OF: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:(?:orts|berliner\s|wiener\s)?zeit|time|tid|tijd|saati(?:yle)?|aikaa|ajan|laiku|laika|aeg|aja|čas[ue]?|vreme|vrijeme|vremenu|heure|horas?|horario|horário|ora|orei|czasu?|giờ|waktu)\b|idő|време|времени|времену|часом|ώρα|توقيت|وقت|שעון|เวลา|समय",
    )
});

/// Reads the time of a place that a sentence names: "between 10:02 and 10:15 hours (Lithuanian time)".
pub(in super::super) fn place_zone(line: &str) -> Option<Zone> {
    TIME_OF.find_iter(line).take(PLACE_WORDS_MAX).find_map(|found| {
        let before = line[..found.start()].trim_end();
        let word = before.rfind([' ', '(', ',', '\u{ff08}']).map_or(0, |at| at + 1);
        [found.start(), line.ceil_char_boundary(word)]
            .into_iter()
            .find_map(|at| {
                time_of_place(&line[at..line.floor_char_boundary(line.len().min(at + HEAD_BYTES))])
            })
            .map(|(zone, _)| zone)
    })
}

static ABOUT_TIMES: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:(?:date|time)[ /-]?(?:stamps?|zones?)?s?|dates?|times?|logs?|clocks?|tz|zeiten?|zeitzone|zeitangaben|uhrzeit(?:en)?|heures?|fuseau|horas?|hor[aá]rios?|tijd(?:en|zone|stip(?:pen)?)?|orari[oe]?|ore|czas[a-z]*|tider|tidzon|tidssone|klock\w*|klokk\w*|saat(?:ler(?:i)?)?|zaman(?:lar)?|id[\u{151}\u{f6}o]pont[a-z]*|waktu|masa|laik\w*|aeg\w*|aja(?:d|v\w*)|vr(?:ij)?eme\w*|aik(?:a|oja|avy\u{f6}hyke)|cas(?:[uy]|ov\w*)?|vremensk\w*|id[\u{151}\u{f6}o]z[\u{f3}o]n[a\u{e1}]\w*|orele)\b|[\u{10d}\u{10c}]as(?:[uy\s]|ov)|врем[яе]|час|ώρ|توقيت|الأوقات|זמנ|שע[הו]|เวลา|समय|ساعت|زمان|gi[oờ]|時刻|時間|时间|时区|時區|시간|시각",
    )
});
static ZONE_WORD: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?x)
        (?P<own>北京时间|北京時間|日本時間|日本標準時|한국\ ?시간|мск|МСК|московск) | (?P<num>\b(?:UTC|GMT|utc|gmt)\s?[+\-\u{2212}]\s?\d{1,2}(?::?\d{2})?) | (?P<bare>(?:^|[\s(:=])[+-]\d{2}:?\d{2}\b)
        | \b(?P<abbr>UTC|GMT|[A-Z]{3,4}|utc|gmt)\b
        | (?P<long>(?i:coordinated\ universal|greenwich|central\ european|(?:us\s)?(?:eastern|pacific|mountain|central)(?:\s(?:standard|daylight|summer|\(summer\)))?\s+time))
        | (?P<us>\((?i:eastern|pacific|mountain)(?:\)|$)) | (?P<region>\b(?:Europe|America|Asia|Africa|Australia|US|Etc)/[A-Za-z_]+)",
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
