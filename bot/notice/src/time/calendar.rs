//! Days and clocks out of the groups of a match: months by name, halves of the day, which of two
//! numbers is the month.

use jiff::civil::DateTime;
use jiff::civil::date;
use regex::Captures;

/// Month names: beginnings in the languages of Latin script that abbreviate alike, and whole words.
pub(super) const MONTHS: &str = "(?:(?:jan|ene|gen|feb|fev|fév|mar|mär|mrz|mrt|maa|apr|avr|abr|may|mai|mei|mag|jun|jui|giu|jul|lug|aug|aou|aoû|ago|sep|set|oct|okt|ott|out|nov|dec|dez|dic|déc)[a-zéûä]{0,7}|stycznia|lutego|kwietnia|maja|czerwca|lipca|sierpnia|września|października|listopada|grudnia|(?:янв|фев|мар|апр|мая|май|июн|июл|авг|сен|окт|ноя|дек)[абвгдейклмнорстуюья]{0,6}|ocak|şubat|nisan|mayıs|haziran|temmuz|ağustos|eylül|ekim|kasım|aralık|ledna|února|března|dubna|května|června|července|srpna|září|října|prosince)";

/// Those of them that are written in ASCII: most lines are, and are searched faster.
pub(super) const MONTHS_ASCII: &str = "(?:(?:jan|ene|gen|feb|fev|mar|mrz|mrt|maa|apr|avr|abr|may|mai|mei|mag|jun|jui|giu|jul|lug|aug|aou|ago|sep|set|oct|okt|ott|out|nov|dec|dez|dic)[a-z]{0,7}|stycznia|lutego|kwietnia|maja|czerwca|lipca|sierpnia|listopada|grudnia|ocak|nisan|haziran|temmuz|ekim|ledna|dubna|srpna|prosince)";

/// Hour, minute, and second where one is written.
pub(super) type Clock = (i8, i8, Option<i8>);

/// Returns the clock of a match.
pub(super) fn clock_of(found: &Captures<'_>) -> Option<Clock> {
    let mut hour: i8 = found.name("h")?.as_str().parse().ok()?;
    let minute: i8 = found.name("mi")?.as_str().parse().ok()?;
    let second = found.name("s").and_then(|it| it.as_str().parse::<i8>().ok()).map(|it| it.min(59));
    if let Some(half) = found.name("half") {
        let afternoon = matches!(half.as_str(), "午後" | "下午" | "오후" | "晚上");
        hour = hour % 12 + if afternoon { 12 } else { 0 };
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
    let year = year.map(|year| if year < 100 { year + 2000 } else { year });
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
    let month = month_number(found.name("mo")?.as_str())?;
    let day = found.name("d")?.as_str().parse().ok()?;
    Some((year, month, day, false))
}

/// Returns the number of a month by number or name.
fn month_number(text: &str) -> Option<i8> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let lower = text.to_lowercase();
    if ["juil", "července"].iter().any(|it| lower.starts_with(it)) {
        return Some(7);
    }
    let beginnings = [
        "jan ene gen stycz янв ocak ledna",
        "feb fev fév luteg фев şubat února",
        "mar mär mrz mrt maa мар března",
        "apr avr abr kwiet апр nisan dubna",
        "may mai mei mag maja мая май května",
        "jun jui giu czerw июн haziran června",
        "jul lug lipca июл temmuz",
        "aug aou aoû ago sierp авг ağus srpna",
        "sep set wrze сен eylül září",
        "oct okt ott out paźdz окт ekim října",
        "nov listopad ноя kasım",
        "dec dez dic déc grud дек aralık prosin",
    ];
    let found = beginnings.iter().position(|list| list.split(' ').any(|start| lower.starts_with(start)))?;
    i8::try_from(found + 1).ok()
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
