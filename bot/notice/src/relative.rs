//! Times told from the day of writing: "today between 06:00 and 07:30 CEST", "yesterday evening".
//!
//! They count only where a notice names no other time, and only as seen from when it was sent.

use std::sync::LazyLock;

use jiff::SignedDuration;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use regex::Regex;

use super::document::SectionRole;
use super::lines::Line;
use super::lines::LineKind;
use super::pattern::compile;
use super::pattern::fold;
use super::said;
use super::time::Finder;
use super::time::Interval;
use super::time::Precision;
use super::time::Resolver;
use super::time::Stamp;
use crate::claim::ZoneSource;

static TODAY: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:today|this (?:morning|afternoon|evening)|tonight|heute|aujourd'hui|ce (?:matin|soir)|cet apres-midi|hoy|esta (?:manana|tarde|noche|madrugada|manha|noite)|hoje|oggi|sta(?:mattina|mani|mane|sera|notte)|van(?:morgen|middag|avond)|i ?morse|ikvall|vandaag|dzisiaj|dzis|idag|i dag|danas|dnes|dzisiaj|siandien|sodien|tana|avui|a mai nap|ma (?:reggel|delutan|este|hajnal\w*)|tanaan|bugun|astazi|hari ini|hom nay)\b|сегодня|сьогодні|днес|данас|σημερα|اليوم|امروز|היום|आज|วันนี้|今日|本日|今早|今天|오늘|금일",
    )
});
static YESTERDAY: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:yesterday|last (?:night|evening)|gestern|hier (?:soir|matin|apres-midi|a|entre|vers)|ayer|ontem|ieri|gisteren|wczoraj|igar|i gar|jucer|juce|vceraj|vcera|vakar|eile|ahir|tegnap|eilen|dun|kemarin|semalam|hom qua)\b|вчера|вчора|јуче|χθεσ|χτεσ|أمس|دیروز|אתמול|เมื่อวาน|昨日|昨天|昨晚|어제|작일",
    )
});
/// What these words introduce goes on until the notice was written.
static SINCE: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:since|seit|depuis|desde|dal|dalle|sinds|od|nuo|kops|alates|des de|sejak|sedan|siden|din)\b[^.;]{0,12}$",
    )
});
/// Parts of the day, as the hours between which people use them.
static PARTS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:(?P<night>night|nacht|nuit|noche|noite|notte)|(?P<evening>evening|abend|soir|tarde|sera|avond)|(?P<morning>morning|fruh|matin|manana|manha|mattina|morgen)|(?P<noon>afternoon|nachmittag|apres-midi|pomeriggio|middag))\b",
    )
});

/// "20 minutes ago" and the like: how many, and of what.
static AGO: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:(?P<en>\d{1,3}|an?|one|two|three)\s+(?P<en_unit>minutes?|mins?|hours?|hrs?|days?)\s+ago|(?:vor|il y a|hace|ha|for)\s+(?:etwa\s+|environ\s+|unos\s+|cerca de\s+|ca\.?\s+)?(?P<n>\d{1,3}|einer|einem|une?|una?|um|uma|en)\s+(?P<unit>minut\w*|stunden?|heures?|horas?|tag\w*|jours?|dias?|tim\w+|dag\w*)|(?P<after>\d{1,3})\s+(?P<after_unit>minut\w+|ore|ora|uur|godzin\w*|giorni|dagen|dni|minuter|timmar)\s+(?:fa|geleden|temu|sedan))\b",
    )
});

/// Reads "20 minutes ago" as the time from a little before then until the notice was sent.
fn ago(text: &str, sent: Timestamp) -> Option<Interval> {
    let found = AGO.captures(text)?;
    let group = |names: [&str; 3]| names.iter().find_map(|name| found.name(name)).map(|it| it.as_str());
    let count = match group(["en", "n", "after"])? {
        "two" => 2,
        "three" => 3,
        number => number.parse::<i64>().unwrap_or(1),
    };
    let minutes = match group(["en_unit", "unit", "after_unit"])? {
        unit if unit.starts_with("min") => 1,
        unit if ["day", "tag", "jour", "dia", "dag", "giorn", "dni"]
            .iter()
            .any(|it| unit.starts_with(it)) =>
        {
            1440
        }
        _ => 60,
    };
    // People round: a quarter more.
    let back = SignedDuration::from_mins(count * minutes * 5 / 4 + 1);
    Some(Interval { from: sent.checked_sub(back).ok()?, to: sent, zone: ZoneSource::Header })
}

/// Returns when a notice says it happened, counted from the day on which it was sent.
pub(super) fn interval(lines: &[Line<'_>], resolver: &Resolver) -> Option<Interval> {
    let sent = resolver.sent?;
    // What has a date is no time of the day of writing.
    let own = |line: &&Line<'_>| {
        line.kind == LineKind::Statement
            && line.role != SectionRole::Subject
            && !line.is_quoted
            && line.stamps.is_empty()
            && !line.text.trim_start().starts_with('|')
    };
    let sentence = |index: usize| match lines.get(index + 1) {
        Some(below) if said::runs_on(lines, index + 1) => {
            format!("{} {}", lines[index].text, below.text.trim())
        }
        _ => lines[index].text.to_owned(),
    };
    let indexed = lines.iter().enumerate().filter(|(_, line)| own(line)).take(200);
    indexed.map(|(index, _)| sentence(index)).find_map(|text| of_sentence(&text, sent, resolver))
}

/// A clock right behind the day: "this morning at 7:31".
static CLOCK_NEAR: LazyLock<Regex> = LazyLock::new(|| compile(r"^[^\d.;]{0,24}\d{1,2}[:.h]\d{2}\b"));

/// Adds to what a letter tells with dates what it tells from the day of writing: "the last one this morning at 7:31".
pub(super) fn extended(told: Interval, lines: &[Line<'_>], resolver: &Resolver) -> Interval {
    let read = |line: &Line<'_>, sent: Timestamp| {
        let text = fold(line.text);
        let days = [(&*TODAY, 0), (&*YESTERDAY, 1)].into_iter();
        let (end, back) = days.filter_map(|(names, back)| Some((names.find(&text)?.end(), back))).next()?;
        let behind = text.get(end..).filter(|behind| CLOCK_NEAR.is_match(behind))?;
        let clocks = clocks_on(day_before(sent, back)?, behind);
        let found = clocks.iter().filter_map(|stamp| resolver.resolve(stamp)).reduce(Interval::join)?;
        (told.from <= found.from && found.from <= sent).then_some(found)
    };
    let Some(sent) = resolver.sent else { return told };
    let lines =
        lines.iter().filter(|line| line.kind == LineKind::Statement && line.role == SectionRole::Body);
    let own = lines.filter(|line| !line.is_quoted && line.has_words()).take(200);
    own.filter_map(|line| read(line, sent)).fold(told, Interval::join)
}

/// Returns the day that was so many before the one of writing, as UTC counts.
fn day_before(sent: Timestamp, back: i64) -> Option<Date> {
    Offset::UTC.to_datetime(sent).date().checked_sub(jiff::Span::new().days(back)).ok()
}

fn of_sentence(sentence: &str, sent: Timestamp, resolver: &Resolver) -> Option<Interval> {
    let text = fold(sentence).into_owned();
    if let Some(found) = ago(&text, sent) {
        return Some(found);
    }
    let back = match (TODAY.is_match(&text), YESTERDAY.is_match(&text)) {
        (true, false) => 0,
        (false, true) => 1,
        (false, false) => match weekday(&text, sent) {
            Some(back) => back,
            None => return clock_alone(sentence, &text, sent, resolver),
        },
        _ => return None,
    };
    // The day is the sender's; which one that is, its mail's Date tells only in UTC.
    let day = day_before(sent, back)?;
    let clocks = clocks_on(day, sentence);
    let Some(first) = clocks.first() else {
        return part_of_day(day, &text, sent, resolver);
    };
    let mut found = clocks.iter().filter_map(|stamp| resolver.resolve(stamp)).reduce(Interval::join)?;
    if SINCE.is_match(text.get(..first.start.min(text.len()))?) {
        found.to = sent;
    }
    // What began after the notice was sent is read wrongly.
    (found.from <= sent && found.from <= found.to).then_some(found)
}

/// The days of the week, from Monday, with what stands beside one that tells when something was done.
static WEEKDAYS: LazyLock<[Regex; 7]> = LazyLock::new(|| {
    [
        ("monday|montag|lundi|lunes|lunedi|maandag|segunda-feira|poniedzial|pondel|ponedelj|pirmadien|pirmdien|esmaspaev|dilluns|maanantai|mandag|hetfo|pazartesi|lunea|senin|isnin", "понедельник|понеділ|понеделник|понедељ|δευτερα|الاثنين|الإثنين|دوشنبه|จันทร์|月曜|星期一|周一|週一|월요일"),
        ("tuesday|dienstag|mardi|martes|martedi|dinsdag|terca-feira|wtorek|uter|utor|torek|antradien|otrdien|teisipaev|dimarts|tiistai|tisdag|tirsdag|kedden|kedd|sali|martea|selasa", "вторник|вівтор|уторак|τριτη|الثلاثاء|سهشنبه|อังคาร|火曜|星期二|周二|週二|화요일"),
        ("wednesday|mittwoch|mercredi|miercoles|mercoledi|woensdag|quarta-feira|sroda|srod|stred|sreda|srijed|treciadien|tresdien|kolmapaev|dimecres|keskiviik|onsdag|szerda|carsamba|miercurea|rabu", "сред|серед|сряда|τεταρτη|الأربعاء|چهارشنبه|พุธ|水曜|星期三|周三|週三|수요일"),
        ("thursday|donnerstag|jeudi|jueves|giovedi|donderdag|quinta-feira|czwart|ctvrt|stvrt|cetvrt|cetrt|ketvirtadien|ceturtdien|neljapaev|dijous|torstai|torsdag|csutortok|persembe|joia|kamis|khamis", "четверг|четвер|четвърт|четврт|πεμπτη|الخميس|پنجشنبه|พฤหัส|木曜|星期四|周四|週四|목요일"),
        ("friday|freitag|vendredi|viernes|venerdi|vrijdag|sexta-feira|piatek|patek|piatok|petak|petek|penktadien|piektdien|reede|divendres|perjantai|fredag|pentek|vinerea|jumat|jumaat", "пятниц|п'ятниц|петък|петак|παρασκευη|الجمعة|جمعه|ศุกร์|金曜|星期五|周五|週五|금요일"),
        ("saturday|samstag|sonnabend|samedi|sabado|sabato|zaterdag|sobot|subot|sestadien|sestdien|laupaev|dissabte|lauantai|lordag|szombat|cumartesi|sambata|sabtu", "суббот|субот|събота|σαββατο|السبت|เสาร์|土曜|星期六|周六|週六|토요일"),
        ("sunday|sonntag|dimanche|domingo|domenica|zondag|niedziel|nedel|nedjelj|nedelj|sekmadien|svetdien|puhapaev|diumenge|sunnuntai|sondag|vasarnap|duminic", "воскресень|неділ|недеља|неделя|κυριακη|الأحد|یکشنبه|อาทิตย์|日曜|星期日|周日|週日|일요일"),
    ]
    .map(|(latin, others)| compile(&format!(r"\b(?:{latin})|{others}")))
});

/// Returns how many days before the notice the one weekday was that a sentence names first.
fn weekday(text: &str, sent: Timestamp) -> Option<i64> {
    let found = WEEKDAYS.iter().enumerate().filter_map(|(day, names)| Some((names.find(text)?.start(), day)));
    let (start, day) = found.min()?;
    let is_told = PARTS.is_match(text) || text.bytes().any(|byte| byte.is_ascii_digit());
    let since = SINCE.is_match(text.get(..start)?);
    let today = Offset::UTC.to_datetime(sent).date().weekday().to_monday_zero_offset();
    let back = (i64::from(today) - i64::try_from(day).ok()?).rem_euclid(7);
    (is_told || since).then_some(back)
}

static BEGAN: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"\b(?:since|start(?:ed|ing|s)?|began|begun|seit|begann|depuis|desde|sinds)\b[^.;]{0,20}$")
});
/// What is said to go on has not ended when the notice was written.
pub(super) static GOES_ON: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:ongoing|on-going|going on|still (?:going|active|running|attack\w*|scann\w*|send\w*|continu\w*|happening|see\w*|hitting|under way)|(?:has|have|does|did)(?: not|n't) (?:yet )?(?:stop\w*|end\w*|cease\w*)|not (?:yet )?(?:stopped|ended|ceased)|continu(?:es|ing|ous\w*)|until now|to date|to this (?:moment|hour|day)|andauernd|dauert (?:noch )?an|halt (?:noch )?an|nicht aufgehort|(?:est|sont) toujours|toujours en cours|n'a pas cesse|en curso|todavia|no ha (?:parado|cesado)|continua\w*|ancora in corso|ainda|nog steeds|duurt voort|wciaz|nadal|trwa|pagar fortfarande|jos uvijek|jos uvek|jos traje|se vedno|stale (?:trva|prebieha|probiha)|pokracuje|vis dar|joprojam|endiselt|jatkuu|edelleen|tovabbra is|jelenleg is|halen devam|devam ed\w+|inca continua|fortfarande|stadig|pagaende|masih|van dang)\b|до сих пор|досі|триває|продължава|још увек|συνεχιζ|لا (?:يزال|تزال)|مستمر|همچنان|ادامه دارد|עדיין|продолжа|仍在|至今|継続し|続いて|계속",
    )
});

/// A clock whose zone is known and that has no day is the last one before the notice was written.
fn clock_alone(sentence: &str, text: &str, sent: Timestamp, resolver: &Resolver) -> Option<Interval> {
    let mut last: Option<(Interval, usize)> = None;
    for back in [0, 1] {
        let day = day_before(sent, back)?;
        let clocks = clocks_on(day, sentence);
        let is_known = |stamp: &Stamp| stamp.zone.is_some() || resolver.stated.is_some();
        if !clocks.iter().all(is_known) {
            return None;
        }
        let found = clocks.iter().filter_map(|stamp| resolver.resolve(stamp)).reduce(Interval::join);
        if let Some(found) = found.filter(|found| found.to <= sent) {
            last = Some((found, clocks.first()?.start));
            break;
        }
    }
    let (mut found, start) = last?;
    if BEGAN.is_match(text.get(..start.min(text.len()))?) && GOES_ON.is_match(text) {
        found.to = sent;
    }
    Some(found)
}

/// Reads the clocks of a line as times of a day; where they stand is counted in the line itself.
fn clocks_on(day: Date, line: &str) -> Vec<Stamp> {
    let dated = format!("{day} {line}");
    let offset = dated.len() - line.len();
    let stamps = Finder.find(&dated).into_iter();
    let clocks = stamps.filter(|stamp| stamp.precision != Precision::Day && stamp.civil.date() == day);
    clocks.map(|stamp| Stamp { start: stamp.start.saturating_sub(offset), ..stamp }).collect()
}

/// Reads "evening" and the like as the hours that people mean by it, widened where the zone is unknown.
fn part_of_day(day: Date, text: &str, sent: Timestamp, resolver: &Resolver) -> Option<Interval> {
    let part = PARTS.captures(text);
    let is = |name: &str| part.as_ref().is_some_and(|part| part.name(name).is_some());
    let (from, hours) = match () {
        () if is("night") => (18, 14),
        () if is("evening") => (16, 9),
        () if is("morning") => (4, 9),
        () if is("noon") => (11, 8),
        () => (0, 24),
    };
    let begin = day.at(from, 0, 0, 0);
    let end = begin.checked_add(SignedDuration::from_hours(hours)).ok()?;
    let ends = [begin, end].map(|civil| Stamp {
        civil,
        precision: Precision::Second,
        zone: None,
        year_known: true,
        day_month_unsure: false,
        start: 0,
        end: 0,
    });
    let mut whole = ends.iter().filter_map(|stamp| resolver.resolve(stamp)).reduce(Interval::join)?;
    let words = [&*TODAY, &*YESTERDAY].into_iter().chain(WEEKDAYS.iter());
    let start = words.filter_map(|names| names.find(text)).map(|word| word.start()).min()?;
    if SINCE.is_match(&text[..start]) {
        whole.to = sent;
    }
    whole.to = whole.to.min(sent);
    (whole.from <= whole.to).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::super::document::Section;
    use super::super::document::SectionRole;
    use super::super::lines;
    use super::super::time::Resolver;
    use super::interval;

    fn check(text: &str, expect: Option<(&str, &str)>) {
        let sections = [Section { role: SectionRole::Body, name: "body".to_owned(), text: text.to_owned() }];
        let sent = "2026-07-15T09:30:00Z".parse().expect("a time");
        let resolver = Resolver { sent: Some(sent), ..Resolver::default() };
        let found = interval(&lines::cut(&sections), &resolver);
        let found =
            found.map(|it| (it.from.to_string()[..19].to_owned(), it.to.to_string()[..19].to_owned()));
        let expect = expect.map(|(from, to)| (from.to_owned(), to.to_owned()));
        assert_eq!(found, expect, "{text}");
    }

    #[test]
    fn counts_from_the_day_of_writing() {
        check(
            "today between 06:00 and 07:30 CEST it came",
            Some(("2026-07-15T04:00:00", "2026-07-15T05:30:59")),
        );
        check("Since 06:00 UTC today we see it:", Some(("2026-07-15T06:00:00", "2026-07-15T09:30:00")));
        check("yesterday at 22:15 UTC", Some(("2026-07-14T22:15:00", "2026-07-14T22:15:59")));
        check("it began yesterday evening", Some(("2026-07-14T02:00:00", "2026-07-15T09:30:00")));
        check("Since yesterday we are flooded", Some(("2026-07-13T10:00:00", "2026-07-15T09:30:00")));
        check("about 20 minutes ago it began", Some(("2026-07-15T09:04:00", "2026-07-15T09:30:00")));
        check("vor 2 Stunden", Some(("2026-07-15T06:59:00", "2026-07-15T09:30:00")));
        check(
            "It started at 08:41 UTC and is still going",
            Some(("2026-07-15T08:41:00", "2026-07-15T09:30:00")),
        );
        check("seen between 22:05 and 22:15 UTC", Some(("2026-07-14T22:05:00", "2026-07-14T22:15:59")));
        check("a long time ago", None);
        check("We shall call you.", None);
    }
}
