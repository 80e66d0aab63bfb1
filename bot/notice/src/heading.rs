//! Headings over tables and lists: "Attacking systems operated by you", "Attacked systems of our customer", "Your systems
//! that behaved normally". A heading says whose the addresses below it are whose own column says nothing.

use std::sync::LazyLock;

use regex::Regex;

use super::address::Spot;
use super::document::SectionRole;
use super::exculpation;
use super::label;
use super::label::Kind;
use super::label::Role;
use super::lines::Line;
use super::lines::LineKind;
use super::list_intro;
use super::pattern::compile;
use super::pattern::fold;
use super::resource;
use super::said;
use super::sentence;
use super::tally;
use super::verdict;
use super::vocabulary;

/// A longer line is a sentence.
const BYTES_MAX: usize = 70;
const WORDS_MAX: usize = 9;

/// What a heading says of those below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heading {
    /// They have this part.
    Of(Role),
    /// They have none.
    Cleared,
}

/// How firmly a heading says whose those below it are.
pub(super) const WEIGHT: f32 = 2.5;

/// The heading under which a line stands: in its table, or in the paragraph right below it.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Under {
    heading: Option<Heading>,
    /// Something stood below it already.
    has_begun: bool,
}

/// Returns of each line under which heading it stands.
pub(super) fn over(lines: &[Line<'_>]) -> Vec<Under> {
    let mut under = Under::default();
    let next = |index| {
        under = under.next(lines, index);
        under
    };
    (0..lines.len()).map(next).collect()
}

impl Under {
    /// Goes on to a line.
    fn next(self, lines: &[Line<'_>], index: usize) -> Self {
        let line = &lines[index];
        if let Some(heading) = of(lines, index) {
            return Self { heading: Some(heading), has_begun: false };
        }
        let is_new = index == 0 || lines[index - 1].section != line.section;
        if is_new || line.kind != LineKind::Statement || (self.has_begun && line.is_blank()) {
            return Self::default();
        }
        Self { has_begun: self.has_begun || !line.is_blank(), ..self }
    }

    /// Says whether it clears all that are named below it.
    pub fn clears(self) -> bool {
        self.has_begun && self.heading == Some(Heading::Cleared)
    }

    /// Returns what the heading says of a mention in this line: it clears all that are named below it; a part it gives to
    /// those that begin a row.
    pub fn says(self, line: &Line<'_>, spot: &Spot) -> Option<said::Said> {
        match self.heading.filter(|_| self.has_begun)? {
            Heading::Cleared => {
                let why = "stands under a heading that clears it".to_owned();
                Some((Role::Infrastructure, tally::EXONERATED, why))
            }
            Heading::Of(role) => {
                let begins_row = !line.text[..spot.start].contains(char::is_alphabetic)
                    && line.stamps.first().is_none_or(|stamp| stamp.start > spot.start);
                begins_row.then(|| (role, WEIGHT, format!("{}heading\"", said::BY_LIST)))
            }
        }
    }
}

/// Returns what a line says as a heading of what follows it: addresses, or the head of a table of them.
pub(super) fn of(lines: &[Line<'_>], index: usize) -> Option<Heading> {
    let line = &lines[index];
    if let Some(cleared) = cleared_with_a_remark(lines, index).or_else(|| cleared_in_a_sentence(lines, index))
    {
        return Some(cleared);
    }
    let text = name(line)?;
    let below = below(lines, index)?;
    let names_some =
        !below.spots.is_empty() || names_an_address(below) || !resource::instances(below.text).is_empty();
    let found = names_some.then(|| told(text)).flatten();
    // What a colon ends introduces a list, and is read as a sentence.
    found.filter(|it| *it == Heading::Cleared || !lines[index].text.trim_end().ends_with(':'))
}

/// "Resource no longer implicated (the activity ended on March 16, no action is needed):".
fn cleared_with_a_remark(lines: &[Line<'_>], index: usize) -> Option<Heading> {
    let line = &lines[index];
    let (text, remark) = line.text.trim().trim_end_matches(':').split_once('(')?;
    if !(may_be_one(line, text.trim()) && remark.ends_with(')') && has_few_words(text)) {
        return None;
    }
    let below = below(lines, index)?;
    let names_some = !below.spots.is_empty() || !resource::instances(below.text).is_empty();
    (names_some && sentence::clears(text)).then_some(Heading::Cleared)
}

/// What is done with: nobody has to do anything about those below.
static DONE_WITH: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\bno\s(?:further\s|more\s)?action\s(?:is\s)?(?:required|needed|necessary|expected)\b|\b(?:have|has|are|were|been)\s(?:now\s)?already\s(?:been\s)?(?:removed|fixed|closed|resolved|cleaned|patched|secured|handled|taken\sdown)\b|\balready\s(?:removed|fixed|closed|resolved|cleaned|patched|secured|handled|taken\sdown)\b|\bno\slonger\s(?:active|reachable|open|online|vulnerable|implicated|affected)\b|\bbereits\s(?:behoben|entfernt|geschlossen|bereinigt|abgeschaltet)\b|\bdeja\s(?:corrige|supprime|ferme|resolu|traite)\w*\b|\bya\s(?:corregid|eliminad|cerrad|resuelt|retirad)\w+\b|\bgia\s(?:corrett|rimoss|chius|risolt)\w+\b",
    )
});
/// A longer line introduces nothing.
const SENTENCE_BYTES_MAX: usize = 160;

/// "Content which you have already removed, so that no action is required on it:".
fn cleared_in_a_sentence(lines: &[Line<'_>], index: usize) -> Option<Heading> {
    let line = &lines[index];
    let text = line.text.trim();
    let is_one = text.ends_with(':') && text.len() <= SENTENCE_BYTES_MAX && names_nobody(line);
    let is_done = is_one && DONE_WITH.is_match(&fold(text));
    below(lines, index).filter(|_| is_done).map(|_| Heading::Cleared)
}

/// Returns the next line in which something stands.
pub(super) fn below<'a, 'b>(lines: &'b [Line<'a>], index: usize) -> Option<&'b Line<'a>> {
    let section = lines[index].section;
    // The border of a table says nothing.
    let is_empty = |it: &&Line<'_>| it.is_blank() || it.text.starts_with('+') && is_border(it.text);
    lines[index + 1..].iter().find(|it| !is_empty(it)).filter(|it| it.section == section)
}

fn is_border(text: &str) -> bool {
    text.chars().all(|it| matches!(it, '+' | '-' | '=' | '|' | ' '))
}

/// Returns the words of a line that may be a heading, without its number.
fn name<'a>(line: &Line<'a>) -> Option<&'a str> {
    let text = line.text.trim();
    let is_short = may_be_one(line, text) && line.stamps.is_empty();
    let has_gap = text.split_once("  ").is_some_and(|(_, rest)| !rest.trim_start().starts_with('('));
    if !is_short || text.ends_with(['.', ',', ';', '!', '?']) || text.contains('\t') || has_gap {
        return None;
    }
    let text = text.trim_matches(['*', '=', '-', '#', ' ', '_']).trim_end_matches(':');
    // "A field: its value" is no heading.
    if text.contains(": ") || text.contains('=') {
        return None;
    }
    let mark = text.find(['.', ')']).filter(|at| *at <= 2).map_or(0, |at| at + 1);
    Some(text[mark..].trim()).filter(|it| has_few_words(it))
}

/// Says whether a line may be a heading with this text.
fn may_be_one(line: &Line<'_>, text: &str) -> bool {
    (3..=BYTES_MAX).contains(&text.len()) && names_nobody(line)
}

/// Says whether a line of the letter names no address.
fn names_nobody(line: &Line<'_>) -> bool {
    line.spots.is_empty()
        && line.kind == LineKind::Statement
        && !matches!(line.role, SectionRole::Subject | SectionRole::Evidence)
}

fn has_few_words(text: &str) -> bool {
    text.split_whitespace().take(WORDS_MAX + 1).count() <= WORDS_MAX
}

fn names_an_address(line: &Line<'_>) -> bool {
    line.text.split(['\t', '|', ';', ',']).flat_map(|cell| cell.split("  ")).any(|cell| {
        let cell = cell.trim();
        cell.len() <= 40 && label::meaning(cell).kind == Kind::Address
    })
}

/// Returns what the words of a heading say.
fn told(text: &str) -> Option<Heading> {
    let said = without_remark(text);
    if sentence::clears(said) || exculpation::clears(said) || verdict::asks_for_nothing(said) {
        return Some(Heading::Cleared);
    }
    // A remark in brackets says of what it is: "Excerpt (our firewall)".
    // "Top external addresses (within your network)": whose they are.
    let is_yours = text.split_once('(').is_some_and(|(_, remark)| sentence::speak_of_readers(remark));
    if let Some((role, _)) = is_yours.then(|| list_intro::read(&text.replace(['(', ')'], " "))).flatten() {
        return Some(Heading::Of(role));
    }
    if is_head_of_table(text) {
        return None;
    }
    let head = text.split('(').next().filter(|it| !it.trim().is_empty()).unwrap_or(text);
    // "Annex B (victim systems)".
    let by_remark = || {
        let (_, remark) = text.split_once('(')?;
        label::strong_role(remark.split_whitespace().next()?)
    };
    let role = list_intro::read(head).map(|(role, _)| role).or_else(|| label::strong_role(head));
    role.or_else(by_remark).map(Heading::Of)
}

/// "Source IP Source Port Destination": the columns of a table.
fn is_head_of_table(text: &str) -> bool {
    let holds = |class| label::holds(text, class);
    !text.contains(|letter: char| letter.is_ascii_digit())
        && holds(vocabulary::PORT)
        && holds(vocabulary::VICTIM | vocabulary::ACCUSED)
}

/// "NOT AFFECTED - no action is needed".
fn without_remark(text: &str) -> &str {
    let dash = [" - ", " \u{2013} ", " \u{2014} "].iter().filter_map(|dash| text.find(dash)).min();
    dash.map_or(text, |at| &text[..at])
}

#[cfg(test)]
mod tests {
    use super::Heading;
    use super::Role;
    use super::told;

    #[test]
    fn says_whose_those_below_are() {
        for (text, expect) in [
            ("Attacking systems operated by you", Some(Heading::Of(Role::Accused))),
            ("Attacked systems of our customer", Some(Heading::Of(Role::Victim))),
            ("Your systems that behaved normally", Some(Heading::Cleared)),
            ("Sources (your network)", Some(Heading::Of(Role::Accused))),
            ("Targets (our network)", Some(Heading::Of(Role::Victim))),
            ("Hosts of yours that did nothing wrong", Some(Heading::Cleared)),
            ("Our hosts that were hit", Some(Heading::Of(Role::Victim))),
            ("Systems of yours that are not involved", Some(Heading::Cleared)),
            ("Angreifende Systeme", Some(Heading::Of(Role::Accused))),
            ("Angegriffene Systeme", Some(Heading::Of(Role::Victim))),
            ("Unbeteiligte Systeme", Some(Heading::Cleared)),
            ("NOT AFFECTED - for completeness, no action needed", Some(Heading::Cleared)),
            ("AFFECTED - no reboot needed", None),
            ("No action required", Some(Heading::Cleared)),
            ("Keine Maßnahmen erforderlich", Some(Heading::Cleared)),
            ("Live - action required", None),
            ("Systèmes attaqués", Some(Heading::Of(Role::Victim))),
            ("Excerpt (our firewall, local time)", None),
            ("TOP EXTERNAL IPs (within your network)", Some(Heading::Of(Role::Accused))),
            ("ANNEXURE-B (victim systems, for information)", Some(Heading::Of(Role::Victim))),
            ("Timestamp Source IP Source Port Destination", None),
            ("IP Destination Port Connection Protocol Count", None),
            ("Log excerpt", None),
            ("Details", None),
        ] {
            assert_eq!(told(text), expect, "{text}");
        }
    }
}
