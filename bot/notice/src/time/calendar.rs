//! Days and clocks out of the groups of a match: months by name, halves of the day, which of two
//! numbers is the month.

use std::collections::HashMap;
use std::sync::LazyLock;

use jiff::civil::DateTime;
use jiff::civil::date;
use regex::Captures;

/// How the names of the months begin, whatever their endings.
const MONTHS: [&str; 12] = [
    "jan ene gen stycz ocak ledna siječ ianuar sausi jaan tammik янв яну јан січ ιαν ינואר يناير جانفي ژانویه जनवरी มกราคม ม.ค.",
    "feb fev fév luteg şubat února veljač pebruar vasari veeb helmik febr фев феб лют φεβ פברואר فبراير شباط فيفري فوریه फरवरी फ़रवरी กุมภาพันธ์ ก.พ.",
    "mar mär mrz mrt maa már března ožuj kovo maalisk мар берез μαρ μάρ מרץ מרס مارس آذار मार्च มีนาคม มี.ค.",
    "apr avr abr ápr kwiet nisan dubna travnj baland huhtik апр квіт απρ אפריל أبريل ابريل إبريل نيسان أفريل آوریل अप्रैल เมษายน เม.ย.",
    "may mai mei mag maj máj mayıs května svib geguž toukok мая май мај трав μαΐ μαι μάι מאי مايو أيار مه मई พฤษภาคม พ.ค.",
    "jun jui giu jún jūn czerwca czerwiec haziran června lipnj iunie birž juun kesäk июн юни јун черв ιουν ιούν יוני يونيو حزيران جوان ژوئن जून มิถุนายน มิ.ย.",
    "jul lug juil júl jūl lipca lipiec temmuz července srpnj iulie liepos juul heinäk июл юли јул лип ιουλ ιούλ יולי يوليو تموز جويلية ژوئیه جولای जुलाई กรกฎาคม ก.ค.",
    "aug aou aoû ago avgust agust sierp ağustos srpna kolovoz rugpj elok авг серп αυγ αύγ אוגוסט أغسطس اغسطس أوت اوت آگوست अगस्त สิงหาคม ส.ค.",
    "sep set wrze szep eylül září rujna rugsė syysk сен сеп верес σεπ ספטמבר سبتمبر أيلول سپتامبر सितंबर सितम्बर กันยายน ก.ย.",
    "oct okt ott out ôct październ ekim října spali ókt októb lokak окт жовт οκτ אוקטובר أكتوبر اكتوبر اکتبر अक्टूबर अक्तूबर ตุลาคม ต.ค.",
    "nov listopad kasım studenog lapkri noiemb marrask ноя нов ное листоп νοε νοέ נובמבר نوفمبر نوامبر नवंबर नवम्बर พฤศจิกายน พ.ย.",
    "dec dez dic déc grud aralık prosin gruod dets desem jouluk дек груд δεκ דצמבר ديسمبر دسامبر दिसंबर दिसम्बर ธันวาคม ธ.ค.",
];
/// Names that are words of their own before a day: only behind one they are months.
const MONTHS_BEHIND_DAYS: [(&str, i8); 4] = [("mac", 3), ("julai", 7), ("ogos", 8), ("disember", 12)];
/// The letters of their endings.
const ENDING: &str = r"[a-z\u{df}-\u{17f}\u{219}\u{21b}\u{370}-\u{3ff}\u{430}-\u{45f}\u{491}]{0,10}";
const ENDING_ASCII: &str = "[a-z]{0,10}";

/// Returns a pattern for the names of months; most lines are in ASCII, and are searched faster for those alone.
pub(super) fn months(is_ascii: bool, is_behind_day: bool) -> String {
    let names = MONTHS.iter().flat_map(|list| list.split(' '));
    let names: Vec<String> = names.filter(|it| !is_ascii || it.is_ascii()).map(regex::escape).collect();
    let more = if is_behind_day { "|mac|julai|ogos|disember" } else { "" };
    let ending = if is_ascii { ENDING_ASCII } else { ENDING };
    let before = if is_ascii { "" } else { "\u{5d1}?" };
    format!("(?:{before}(?:{}){ending}{more})", names.join("|"))
}

/// Hour, minute, and second where one is written.
pub(super) type Clock = (i8, i8, Option<i8>);

/// Returns the clock of a match.
pub(super) fn clock_of(found: &Captures<'_>) -> Option<Clock> {
    let mut hour: i8 = found.name("h")?.as_str().parse().ok()?;
    let minute: i8 = found.name("mi")?.as_str().parse().ok()?;
    let second = found.name("s").and_then(|it| it.as_str().parse::<i8>().ok()).map(|it| it.min(59));
    if let Some(half) = found.name("half") {
        let afternoon = matches!(half.as_str(), "午後" | "下午" | "오후" | "晚上" | "中午");
        hour = if hour <= 12 { hour % 12 + if afternoon { 12 } else { 0 } } else { hour };
    }
    if let Some(half) = found.name("own").filter(|_| hour <= 12) {
        let half = half.as_str().to_lowercase();
        let afternoon = [
            "\u{3bc}",
            "ch",
            "\u{43f}\u{43f}",
            "\u{441}\u{43b}",
            "\u{645}",
            "\u{628}.\u{638}",
            "\u{628}\u{639}\u{62f}",
        ]
        .iter()
        .any(|it| half.starts_with(it));
        hour = hour % 12 + if afternoon { 12 } else { 0 };
    }
    // "A las 7:15 de la tarde".
    if found.name("pm").is_some() && hour <= 12 {
        hour = hour % 12 + 12;
    }
    // "bis 14:48 am 10.03.": an hour past noon has no half of the day.
    if let Some(half) = found.name("ap").filter(|_| hour <= 12) {
        let afternoon = half.as_str().eq_ignore_ascii_case("p");
        hour = hour % 12 + if afternoon { 12 } else { 0 };
    }
    (hour < 24 && minute < 60).then_some((hour, minute, second))
}

/// Returns year, month, day, and whether day and month may be swapped.
pub(super) fn calendar(found: &Captures<'_>) -> Option<(Option<i16>, i8, i8, bool)> {
    let year = found.name("y").and_then(|it| it.as_str().parse::<i16>().ok());
    let year = year.map(|year| common_year(found, year));
    if let (Some(first), Some(second)) = (found.name("a"), found.name("b")) {
        let (first, second): (i8, i8) = (first.as_str().parse().ok()?, second.as_str().parse().ok()?);
        let separator = found.name("sep").map_or("", |it| it.as_str());
        // Dots and dashes are written day first; slashes are American unless they cannot be.
        let day_first = separator != "/" || first > 12;
        // "DiG 9.18.24": nobody writes a month first with dots behind it.
        if separator == "." && second > 12 {
            return None;
        }
        let (day, month) = if day_first && second <= 12 { (first, second) } else { (second, first) };
        // Without a year only programs write it (Snort's "02/03-04:11:52"): month first.
        let unsure = year.is_some() && separator != "." && first <= 12 && second <= 12 && first != second;
        return Some((year, month, day, unsure));
    }
    let (name, day) = (found.name("mo")?, found.name("d")?);
    let month = month_number(name.as_str())?;
    // Croats call October what Poles call November: they write a dot behind the day.
    let is_croatian = name.as_str().eq_ignore_ascii_case("listopada") && found[0].contains(". ");
    let month = if is_croatian { 10 } else { month };
    let day = day.as_str().parse().ok()?;
    Some((year, month, day, false))
}

/// Returns the number of a month by number or name.
fn month_number(text: &str) -> Option<i8> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let lower = text.to_lowercase();
    if let Some((_, number)) = MONTHS_BEHIND_DAYS.iter().find(|(name, _)| *name == lower) {
        return Some(*number);
    }
    // Hebrew's "in" is one letter before the name.
    let name = lower.trim_start_matches('\u{5d1}');
    let longest = |name: &str| {
        let near = name.as_bytes().first_chunk().and_then(|first: &[u8; 2]| BEGINNINGS.get(first))?;
        near.iter()
            .filter(|(beginning, _)| name.starts_with(beginning))
            .max_by_key(|(it, _)| it.len())
            .copied()
    };
    let found = [longest(&lower), longest(name)].into_iter().flatten().max_by_key(|(it, _)| it.len())?;
    Some(found.1)
}

/// How a name begins, and the number of its month.
type Beginning = (&'static str, i8);

/// How names begin, by their first two bytes.
static BEGINNINGS: LazyLock<HashMap<[u8; 2], Vec<Beginning>>> = LazyLock::new(|| {
    let mut beginnings: HashMap<[u8; 2], Vec<Beginning>> = HashMap::new();
    for (number, list) in (1..).zip(MONTHS) {
        for name in list.split(' ') {
            if let Some(first) = name.as_bytes().first_chunk() {
                beginnings.entry(*first).or_default().push((name, number));
            }
        }
    }
    beginnings
});

/// Returns the year of our era that one of Thailand's or of Taiwan's means.
fn common_year(found: &Captures<'_>, year: i16) -> i16 {
    match year {
        _ if found.name("roc").is_some() => year + 1911,
        2400..=2700 => year - 543,
        0..=99 => year + 2000,
        _ => year,
    }
}

/// Returns the civil time, when there is such a day.
pub(super) fn civil(year: i16, month: i8, day: i8, clock: Option<Clock>) -> Option<DateTime> {
    let (hour, minute, second) = clock.unwrap_or((0, 0, None));
    let is_date = (1..=12).contains(&month) && (1..=31).contains(&day) && (1980..2200).contains(&year);
    let days = is_date.then(|| jiff::civil::Date::new(year, month, day).ok()).flatten();
    days.map(|days| days.at(hour, minute, second.unwrap_or(0), 0)).or_else(|| {
        // 29 February without a year: keep it; the year is settled later.
        (is_date && month == 2 && day == 29)
            .then(|| date(2000, 2, 29).at(hour, minute, second.unwrap_or(0), 0))
    })
}
