//! What the text says of one mention of an address: by the field it stands in, the link around it,
//! the list it belongs to, the words before and after.

use std::net::IpAddr;
use std::sync::LazyLock;

use regex::Regex;

use super::address::Spot;
use super::cue;
use super::document::SectionRole;
use super::field_name::label_before;
use super::groups;
use super::label;
use super::label::Kind;
use super::label::Role;
use super::lines::Line;
use super::lines::LineKind;
use super::list_intro;
use super::pattern::compile;
use super::sentence;
use super::sentence::Sentences;
use super::tally;
use super::vocabulary;

/// Why an address is counted that a subject merely names.
pub(super) const IN_SUBJECT: &str = "named in the subject";

/// How the reason begins of what a sentence, the words around it, or the head of its list says.
pub(super) const BY_GRAMMAR: &str = "the grammar of its sentence";
pub(super) const BY_WORDS: &str = "the words \"";
pub(super) const BY_LIST: &str = "listed under \"";
pub(super) const BY_FIELD: &str = "the field \"";

/// Why the own address of an instance is counted.
pub(super) const BESIDE_INSTANCE: &str = "stands in brackets beside an instance id";

/// Why one is cleared whose instance is.
const BESIDE_INNOCENT: &str = "stands in brackets beside an instance that did nothing";

/// A name of more words is a clause.
const LABEL_WORDS_MAX: usize = 7;
/// A role, how firmly, and why.
pub(super) type Said = (Role, f32, String);

/// Returns what the text says of one mention. `intro` is the sentence that introduces the list in
/// which it stands.
pub(super) fn of(
    lines: &[Line<'_>],
    index: usize,
    spot: &Spot,
    intro: Option<&str>,
    sentences: &Sentences,
    ours: bool,
) -> Option<Said> {
    let line = &lines[index];
    if let Some(said) = by_instance(line, index, spot, sentences).or_else(|| by_place(line, spot)) {
        return Some(said);
    }
    if NOT_READERS.is_match(line.text.get(spot.end..).unwrap_or_default()) {
        return Some((Role::Infrastructure, tally::EXONERATED, "is called somebody else's".to_owned()));
    }
    if matches!(link_around(line.text, spot), Some(Link::Other)) {
        return None;
    }
    if stands_behind_a_link(line, spot) {
        return Some((Role::Accused, 2.0, "stands in brackets behind a link".to_owned()));
    }
    // What a later sentence says of one of several is more than what was said of all.
    let told = sentences.of(index, spot.start).filter(|_| line.role != SectionRole::Subject);
    if let Some((role, weight)) = told.filter(|(_, weight)| *weight >= sentence::CERTAIN) {
        return Some((role, weight, BY_GRAMMAR.to_owned()));
    }
    // A clause before a colon is no name of a field.
    let label = label_before(line, spot).filter(|name| label::words(name).len() <= LABEL_WORDS_MAX);
    if let Some(name) = label {
        if label::meaning(&name).role.is_none()
            && let Some(said) = by_heading(lines, index)
        {
            return Some(said);
        }
        if let Some(said) = said_by_label(&name, ours) {
            return Some(if serves_a_link(lines, index, &name) {
                (said.0, said.1.max(2.5), said.2)
            } else {
                said
            });
        }
    } else if let Some(said) = by_list(line, intro)
        .or_else(|| by_continuation(lines, index, ours))
        .or_else(|| by_heading(lines, index).filter(|_| line.is_item() && indent(line) > 0))
    {
        return Some(said);
    } else if let Some(said) = by_field_of_line(line) {
        return Some(said);
    }
    let before = words_before(lines, index, spot, intro);
    let after = words_after(lines, index, spot);
    let found = cue::read(&before, &after);
    // A sentence settles what the words around one address only lean to.
    let is_certain = found.as_ref().is_some_and(|found| found.weight >= cue::CERTAIN);
    if let Some((role, weight)) = told.filter(|_| !is_certain) {
        return Some((role, weight, BY_GRAMMAR.to_owned()));
    }
    if line.role == SectionRole::Subject {
        return Some(in_subject(found));
    }
    let nested = if line.role == SectionRole::Nested { 0.8 } else { 1.0 };
    let found =
        found.map(|found| (found.role, found.weight * nested, format!("{BY_WORDS}{}\"", found.words)));
    found.or_else(|| heads_log(lines, index)).or_else(|| under_address(lines, index))
}

/// An address in a line that is indented below a line with nothing but another address is what that one reached.
fn under_address(lines: &[Line<'_>], index: usize) -> Option<Said> {
    let inner = indent(&lines[index]);
    let heading = lines[..index].iter().rev().take(HEADING_LINES).find(|line| indent(line) < inner)?;
    let is_same = heading.section == lines[index].section;
    let why = || "stands under another address".to_owned();
    (is_same && is_bare(heading)).then(|| (Role::Victim, 1.5, why()))
}

fn indent(line: &Line<'_>) -> usize {
    line.text.len() - line.text.trim_start_matches([' ', '\t']).len()
}

/// Says whether an address is all that stands in a line.
fn is_bare(line: &Line<'_>) -> bool {
    let [spot] = &line.spots[..] else { return false };
    line.stamps.is_empty()
        && line.kind == LineKind::Statement
        && line.text.len() < 80
        && ![&line.text[..spot.start], line.text.get(spot.end..).unwrap_or_default()]
            .iter()
            .any(|text| text.chars().any(char::is_alphabetic))
}

/// An address that is all of a line heads the log lines below it, which name nobody: they are its own.
fn heads_log(lines: &[Line<'_>], index: usize) -> Option<Said> {
    let line = &lines[index];
    let below = lines[index + 1..].iter().take(3).find(|line| !line.is_blank())?;
    let is_own = below.spots.is_empty() || indent(below) > indent(line);
    let is_log = is_own && below.stamps.first().is_some_and(|stamp| stamp.start < 24);
    (is_bare(line) && is_log).then(|| (Role::Accused, 1.75, "heads a group of log lines".to_owned()))
}

/// "192.0.2.1, not yours": whatever it did, it did not do it as the reader's.
static NOT_READERS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)^[\])'\x22]?\s*[,(\x{2013}\x{ff08}-]?\s*(?:(?:which|that|and)\s+)?(?:is\s+|are\s+)?(?:not\s+(?:one\s+of\s+)?(?:yours|ours)\b|not\s+(?:in|on|part\s+of|within)\s+(?:your|aws|amazon)\b|belongs?\s+to\s+(?:somebody|someone)\s+else\b|nicht\s+(?:bei\s+|von\s+)?ihnen\b|pas\s+chez\s+vous\b|no\s+es\s+suy[oa]\b|niet\s+van\s+u\b|nicht\s+(?:ihr|ihre[rs]?)\b|n'est\s+pas\s+(?:à\s+vous|l[ea]\s+vôtre)|no\s+(?:es\s+)?de\s+ustedes\b|não\s+é\s+(?:sua|seu)\b|non\s+(?:è\s+)?vostr[oa]\b|非[贵貴您]|不[是属屬](?:于|於)?[贵貴您]|貴社(?:の管理|管理)?(?:外|ではな)|귀사\s?소유가?\s?아)",
    )
});

/// An address in brackets behind an instance is its own: what a sentence says of the instance it says of both.
fn by_instance(line: &Line<'_>, index: usize, spot: &Spot, sentences: &Sentences) -> Option<Said> {
    let id = instance_beside(line.text, spot)?;
    let (role, weight) =
        sentences.of(index, id).filter(|(role, weight)| *role != Role::Accused && *weight >= 1.0)?;
    Some((role, weight, BESIDE_INNOCENT.to_owned()))
}

/// Returns what follows from the place alone.
fn by_place(line: &Line<'_>, spot: &Spot) -> Option<Said> {
    let after = line.text.get(spot.end..).unwrap_or_default();
    let (role, weight, why) = if after.starts_with("->/") {
        (Role::Victim, 3.0, "is where the log lies")
    } else if line.kind == LineKind::Header {
        (Role::Infrastructure, 0.8, "stands in a quoted mail header")
    } else if line.kind == LineKind::Aside {
        (Role::Infrastructure, 2.0, "stands in a signature, a registry's record or an entry that is closed")
    } else if is_host_part(&line.text[..spot.start]) {
        (Role::Victim, 0.8, "is the host part of a mail or telephone address")
    } else if matches!(link_around(line.text, spot), Some(Link::Accused)) {
        (Role::Accused, 2.0, "is the host of the reported link")
    } else if instance_beside(line.text, spot).is_some() && groups::is_attacked_row(line.text) {
        (Role::Victim, 2.5, "stands beside an instance that was attacked")
    } else if let Some(id) = instance_beside(line.text, spot) {
        let said = cue::read(&line.text[..id], after);
        let attacked = |found: &cue::Cue| found.role == Role::Victim && groups::is_attack(&found.words);
        match said {
            Some(found) if attacked(&found) || found.role == Role::Infrastructure => {
                (found.role, 2.5, BESIDE_INNOCENT)
            }
            _ => (Role::Accused, 2.5, BESIDE_INSTANCE),
        }
    } else if is_after_link(line.text, spot) {
        (Role::Accused, 2.5, "stands in brackets beside the reported link")
    } else {
        return None;
    };
    Some((role, weight, why.to_owned()))
}

/// "user@192.0.2.1"; who is asked by "dig @192.0.2.1" is none.
fn is_host_part(before: &str) -> bool {
    before.strip_suffix('@').is_some_and(|user| !user.ends_with(char::is_whitespace))
}

/// "Reported by: the control room, 192.0.2.1": a field that names a part is all of that part's, whatever words its
/// value has. Whom it accuses must stand in it alone.
fn by_field_of_line(line: &Line<'_>) -> Option<Said> {
    if line.role == SectionRole::Subject || !line.stamps.is_empty() {
        return None;
    }
    let (name, _) = super::activity::field(line.text).filter(|(name, _)| name.len() <= 40)?;
    let role = label::meaning(name).role.filter(|role| *role != Role::Accused)?;
    (label::words(name).len() <= 4).then(|| (role, 2.0, format!("in the field \"{name}\"")))
}

/// How many lines above a field the heading may stand under which it is indented.
const HEADING_LINES: usize = 24;

/// "target:" above an indented "address: 192.0.2.1" says whose address it is.
fn by_heading(lines: &[Line<'_>], index: usize) -> Option<Said> {
    let mut inner = indent(&lines[index]);
    for line in lines[..index].iter().rev().take(HEADING_LINES) {
        if line.section != lines[index].section || inner == 0 {
            return None;
        }
        if line.is_blank() || indent(line) >= inner {
            continue;
        }
        inner = indent(line);
        let bare = line.text.trim().trim_start_matches(['-', '*', 'o', '+', '\u{2022}']);
        // The head of a list within a list needs no colon.
        let is_bullet = bare.len() < line.text.trim().len() && bare.starts_with(' ');
        let heading = bare.trim().strip_suffix(':').or_else(|| is_bullet.then(|| bare.trim()));
        let heading = heading.filter(|it| it.len() <= 40)?;
        if let Some(role) = label::meaning(heading).role {
            return Some((role, 3.0, format!("stands under \"{heading}\"")));
        }
    }
    None
}

/// A field's value may go on over the next lines, an address on each.
fn by_continuation(lines: &[Line<'_>], index: usize, ours: bool) -> Option<Said> {
    let goes_on = |line: &&Line<'_>| line.is_item() && line.text.starts_with([' ', '\t']);
    let above = lines[..=index].iter().rev().take(64).take_while(goes_on).count();
    let head = &lines[index.checked_sub(above).filter(|_| above > 0)?];
    let name = label_before(head, head.spots.first()?)?;
    said_by_label(&name, ours)
}

/// Returns what the introduction of a list says of its items.
fn by_list(line: &Line<'_>, intro: Option<&str>) -> Option<Said> {
    let intro = intro.filter(|_| line.is_item() && line.role != SectionRole::Subject)?;
    if let Some((role, words)) = list_intro::read(intro) {
        return Some((role, 2.5, format!("{BY_LIST}{words}\"")));
    }
    if intro.len() >= 40 {
        return None;
    }
    let lower = intro.to_ascii_lowercase();
    if ["traceroute", "tracert", "mtr", "hops", "whois"].iter().any(|word| lower.contains(word)) {
        return Some((Role::Infrastructure, 2.5, format!("{BY_LIST}{intro}\"")));
    }
    let both = label::holds(intro, vocabulary::VICTIM) && label::holds(intro, vocabulary::ACCUSED);
    let role = label::meaning(intro).role.filter(|_| !both)?;
    Some((role, 2.5, format!("{BY_LIST}{intro}\"")))
}

/// A subject names the accused, unless its words say otherwise.
fn in_subject(found: Option<cue::Cue>) -> Said {
    match found {
        None => (Role::Accused, 2.0, IN_SUBJECT.to_owned()),
        Some(found) if found.role == Role::Accused => {
            (Role::Accused, 3.0, "named in the subject as the source".to_owned())
        }
        Some(found) => (found.role, 1.75, format!("the subject says \"{}\"", found.words)),
    }
}

fn said_by_label(name: &str, ours: bool) -> Option<Said> {
    let meaning = label::meaning(name);
    let few_words = || label::words(name).len();
    let has = |class| label::holds(name, class);
    let why = format!("{BY_FIELD}{}\"", name.trim());
    let role = match meaning.role {
        Some(Role::Accused) if ours && has(vocabulary::REMOTE) => Some(Role::Victim),
        Some(Role::Victim) if ours && has(vocabulary::LOCAL) => Some(Role::Accused),
        Some(Role::Accused) if has(vocabulary::REMOTE) && few_words() <= 2 => {
            return Some((Role::Accused, 1.5, why));
        }
        role => role,
    };
    match (role, meaning.kind) {
        // "Your address" on a form is that of who filled it in, or the reader's.
        (Some(Role::Accused), _) if label::is_weak(name) => Some((Role::Accused, 2.0, why)),
        (Some(role), _) => Some((role, 3.0, why)),
        // "IP address" alone is the accused's; "agent ip" only leans to it.
        (None, Kind::Address) if few_words() <= 4 => {
            let weight = if label::is_plain_address(name) { 1.5 } else { 0.6 };
            Some((Role::Accused, weight, why))
        }
        _ => None,
    }
}

/// "http://example.com/a.html (192.0.2.1)", all of a line: where what is linked to is.
fn stands_behind_a_link(line: &Line<'_>, spot: &Spot) -> bool {
    let text = line.text.trim_start();
    let begins = text.starts_with("http") || DEFANGED.is_match(text);
    let rest = line.text.get(spot.end..).unwrap_or_default();
    begins
        && text.contains("://")
        && line.text[..spot.start].ends_with(" (")
        && rest.trim_end() == ")"
        && line.text.split_whitespace().count() <= 4
}

/// "URL: hxxp://…" with "IP: 192.0.2.1" right beside it: where the reported page is.
fn serves_a_link(lines: &[Line<'_>], index: usize, name: &str) -> bool {
    let meaning = label::meaning(name);
    let is_plain = meaning.role.is_none() && meaning.kind == Kind::Address && label::is_plain_address(name);
    let is_reported = |line: &Line<'_>| {
        let is_url = || {
            let named = line.text.split_once([':', '\u{ff1a}']);
            named.is_some_and(|(name, _)| name.len() <= 40 && label::meaning(name).kind == Kind::Url)
        };
        let text = line.text.trim_start();
        DEFANGED.is_match(text) || text.starts_with("http") || (text.contains("://") && is_url())
    };
    // A blank line may stand between.
    let near = || {
        let section = lines[index].section;
        let of = move |line: &&Line<'_>| line.section == section && !line.is_blank();
        let above = lines[..index].iter().rev().take(2).filter(of);
        above.chain(lines[index + 1..].iter().take(2).filter(of))
    };
    is_plain && near().any(is_reported)
}

enum Link {
    /// The link is what is reported.
    Accused,
    /// The link merely mentions the address.
    Other,
}

static DEFANGED: LazyLock<Regex> = LazyLock::new(|| compile(r"(?i)^\W*(?:hxx|meow|fxp|h__p)"));

/// Says what a link around an address makes of it.
fn link_around(text: &str, spot: &Spot) -> Option<Link> {
    // A blank may be longer than a byte.
    let word = text[..spot.start].rsplit(char::is_whitespace).next().unwrap_or_default();
    let start = spot.start - word.len();
    let before = text[start..spot.start].trim_start_matches(|letter: char| !letter.is_alphanumeric());
    let scheme = before.find("://")?;
    let is_host = before[scheme + 3..].is_empty();
    let reported = DEFANGED.is_match(before)
        || field_name(text, start).is_some_and(|name| label::meaning(name).kind == Kind::Url);
    Some(if is_host && reported { Link::Accused } else { Link::Other })
}

static RESOURCE: LazyLock<Regex> = LazyLock::new(|| compile(r"\b(?:i|mi|eni)-[0-9a-f]{8,17}\b"));

/// Returns where the instance or interface id begins after which an address stands in brackets, as its own
/// address.
fn instance_beside(text: &str, spot: &Spot) -> Option<usize> {
    let before = &text[..spot.start];
    if !before.contains("i-") {
        return None;
    }
    let id = RESOURCE.find_iter(before).last()?;
    let between = &before[id.end()..];
    let mut words =
        between.split(|letter: char| !(letter.is_alphanumeric() || matches!(letter, '.' | '-' | ':')));
    let same = |word: &str| {
        word.is_empty()
            || word.starts_with("eni-")
            || word.parse::<IpAddr>().is_ok()
            || ["public", "private", "ip", "address", "elastic"].contains(&word.to_ascii_lowercase().as_str())
            || !word.chars().any(char::is_alphanumeric)
    };
    (between.len() <= 120 && words.all(same)).then_some(id.start())
}

/// The site that another one imitates.
pub(super) static GENUINE: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:real|genuine|legitimate|official|original|authentic|true|our|echte\w*|offizielle\w*|officiel\w*|oficial\w*|ufficiale)\s+(?:[\w-]+\s+){0,2}?(?:web\s?)?(?:sites?|pages?|login|portal|domains?|url|seite|auftritt)\b[^.;]{0,20}\S*$",
    )
});

/// "The kit posts what it took to http://…": where something goes is not what is reported.
static SENT_TO: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:posts?|posted|sends?|sent|uploads?|uploaded|submits?|submitted|exfiltrat\w+|transmits?|transmitted|sendet|gesendet|uebertr[äa]gt|envoie|envoy[ée]es?|env[íi]a|invia|stuurt)\b[^.;]{0,40}\s(?:to|an|nach|[àa]|vers|hacia|verso|naar)\s+\S*$",
    )
});

/// Says whether an address stands in brackets right after a link, as its host's address.
fn is_after_link(text: &str, spot: &Spot) -> bool {
    let before = text[..spot.start].trim_end();
    let round = before.ends_with('(');
    let Some(linked) = before.strip_suffix(['[', '(']).map(str::trim_end) else {
        return false;
    };
    if GENUINE.is_match(linked) || SENT_TO.is_match(linked) {
        return false;
    }
    let link = linked.rsplit(char::is_whitespace).next().filter(|word| word.contains("://"));
    // "http://[2001:db8::1]/": the brackets are the link's own, around the host that was asked.
    link.is_some_and(|link| !link.ends_with("://") && (!round || DEFANGED.is_match(link)))
}

fn field_name(text: &str, at: usize) -> Option<&str> {
    text[..at].trim_end().strip_suffix([':', '=']).map(str::trim)
}

/// Returns the words before an address, those of the line above included where it runs on.
pub(super) fn words_before(lines: &[Line<'_>], index: usize, spot: &Spot, intro: Option<&str>) -> String {
    let line = &lines[index];
    let own = &line.text[..spot.start];
    if let Some(intro) = intro.filter(|_| line.is_item()) {
        return format!("{intro} {own}");
    }
    if own.len() > 60 || !runs_on(lines, index) {
        return own.to_owned();
    }
    format!("{} {own}", lines[index - 1].text)
}

pub(super) fn runs_on(lines: &[Line<'_>], index: usize) -> bool {
    let Some(above) = index.checked_sub(1).map(|at| &lines[at]) else {
        return false;
    };
    let text = above.text.trim();
    above.section == lines[index].section
        && !text.is_empty()
        && above.kind == LineKind::Statement
        && !text.ends_with(['.', '!', '?'])
        && (text.len() > 45 || text.ends_with([':', ',']))
}

/// Returns the words after an address, those of the line below included where it runs on.
pub(super) fn words_after(lines: &[Line<'_>], index: usize, spot: &Spot) -> String {
    let line = &lines[index];
    let own = line.text.get(spot.end..).unwrap_or_default();
    match lines.get(index + 1) {
        Some(below) if own.len() < 40 && runs_on(lines, index + 1) => {
            format!("{own} {}", below.text)
        }
        _ => own.to_owned(),
    }
}
