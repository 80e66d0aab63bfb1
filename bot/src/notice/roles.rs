//! Whose each address is. Everything that the text says of an address is a vote with its reason;
//! the votes decide, and where they do not, nobody is accused.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::LazyLock;

use ipnet::IpNet;
use regex::Regex;

use super::address;
use super::address::Spot;
use super::cue;
use super::document::SectionRole;
use super::label;
use super::label::Kind;
use super::label::Role;
use super::lines::Line;
use super::lines::LineKind;
use super::pattern::compile;
use super::record;
use super::record::Record;
use super::resource;
use super::vocabulary;

/// Votes below this accuse nobody.
const ACCUSED_MIN: f32 = 1.5;
/// An address of a public resolver, or of a private network, needs this much.
const ACCUSED_MIN_UNLIKELY: f32 = 2.0;
/// Why an address of a log line without any direction is counted a little.
const ALONE: &str = "stands alone in a log line";
/// What all rows of logs and tables together may say.
const ROWS_WEIGHT: f32 = 4.0;

/// One vote, kept for the explanation.
#[derive(Debug, Clone)]
pub(super) struct Vote {
    /// For which role.
    pub role: Role,
    /// How firmly.
    pub weight: f32,
    /// Why.
    pub why: String,
    /// In which section.
    pub section: usize,
    /// On which line.
    pub line: usize,
}

/// Everything that is said of one address.
#[derive(Debug)]
pub(super) struct Tally {
    /// The address.
    pub ip: IpAddr,
    /// The votes, in the order of the text, not more than are worth showing.
    pub votes: Vec<Vote>,
    sums: [f32; 4],
    rows_from: u32,
    rows_to: u32,
    rows_sure: bool,
    mentions: u32,
    ours: bool,
}

impl Tally {
    fn vote(&mut self, vote: Vote) {
        self.sums[vote.role as usize] += vote.weight;
        if self.votes.len() < 12 {
            self.votes.push(vote);
        }
    }

    /// Accuses it because nobody else is named.
    pub fn settle_as_only(&mut self) {
        let why = "is the only address named".to_owned();
        self.vote(Vote { role: Role::Accused, weight: ACCUSED_MIN * 2.0, why, section: 0, line: 0 });
    }

    /// Returns the sum of the votes for a role, rows of logs included.
    fn sum(&self, role: Role) -> f32 {
        let rows = (self.rows_from + self.rows_to).max(1) as f32;
        let of_rows = match role {
            Role::Accused => self.rows_from as f32 / rows * ROWS_WEIGHT,
            Role::Victim => self.rows_to as f32 / rows * ROWS_WEIGHT,
            Role::Reporter | Role::Infrastructure => 0.0,
        };
        // An order without a sign of direction says less.
        let of_rows = if self.rows_sure { of_rows } else { of_rows * 0.5 };
        self.sums[role as usize].min(9.0) + of_rows
    }

    /// Returns the role that the votes give; none when they do not settle it.
    pub fn role(&self) -> Option<Role> {
        if self.ours {
            return Some(Role::Accused);
        }
        let accused = self.sum(Role::Accused);
        let others = [Role::Victim, Role::Reporter, Role::Infrastructure];
        let best = others.into_iter().max_by(|one, other| self.sum(*one).total_cmp(&self.sum(*other)))?;
        let against = self.sum(best);
        let unlikely = address::is_well_known(self.ip) || address::is_private(self.ip);
        let needed = if unlikely { ACCUSED_MIN_UNLIKELY } else { ACCUSED_MIN };
        if accused >= needed && accused > against * 1.25 && accused - against >= 0.75 {
            return Some(Role::Accused);
        }
        (against >= 0.75 && against > accused).then_some(best)
    }
}

/// What is known of all addresses of a notice.
#[derive(Debug, Default)]
pub(super) struct Roles {
    /// One tally an address, in the order of the text.
    pub tallies: Vec<Tally>,
    /// Where each address's tally is.
    places: HashMap<IpAddr, usize>,
}

impl Roles {
    /// Returns the role of an address.
    pub fn of(&self, ip: IpAddr) -> Option<Role> {
        self.tallies.get(*self.places.get(&ip)?)?.role()
    }

    /// Returns the addresses of a role, in the order of the text.
    pub fn with(&self, role: Role) -> Vec<IpAddr> {
        self.tallies.iter().filter(|tally| tally.role() == Some(role)).map(|tally| tally.ip).collect()
    }

    /// Returns the addresses whose role is not settled.
    pub fn unsettled(&self) -> Vec<&Tally> {
        self.tallies.iter().filter(|tally| tally.role().is_none()).collect()
    }

    /// Accuses the addresses of which nothing is said but that each stands alone in a log line;
    /// false when something else is said of any.
    pub fn settle_list(&mut self) -> bool {
        let listed =
            |tally: &Tally| tally.votes.iter().all(|vote| vote.why == ALONE) && !tally.votes.is_empty();
        let open: Vec<usize> =
            (0..self.tallies.len()).filter(|index| self.tallies[*index].role().is_none()).collect();
        if open.is_empty() || !open.iter().all(|index| listed(&self.tallies[*index])) {
            return false;
        }
        for index in open {
            self.tallies[index].sums[Role::Accused as usize] += ACCUSED_MIN * 2.0;
        }
        true
    }

    /// Accuses the one address that is left when all others are settled and nothing speaks for it.
    pub fn settle_last(&mut self) -> Option<IpAddr> {
        let open: Vec<usize> =
            (0..self.tallies.len()).filter(|index| self.tallies[*index].role().is_none()).collect();
        let [only] = open[..] else { return None };
        let tally = &mut self.tallies[only];
        let leans = tally.sum(Role::Accused) > 0.0
            && tally.sum(Role::Victim) + tally.sum(Role::Reporter) + tally.sum(Role::Infrastructure) < 0.1;
        if !leans || address::is_private(tally.ip) {
            return None;
        }
        tally.settle_as_only();
        Some(tally.ip)
    }

    fn tally(&mut self, ip: IpAddr, own: &[IpNet]) -> &mut Tally {
        let at = *self.places.entry(ip).or_insert_with(|| {
            self.tallies.push(Tally {
                ip,
                votes: Vec::new(),
                sums: [0.0; 4],
                rows_sure: false,
                rows_from: 0,
                rows_to: 0,
                mentions: 0,
                ours: address::is_within(ip, own),
            });
            self.tallies.len() - 1
        });
        &mut self.tallies[at]
    }
}

/// How many different addresses of one notice are weighed.
const ADDRESSES_MAX: usize = 2000;

/// Weighs all addresses of the lines. `ours` says that the notice speaks from our side, as AWS's
/// mails do: "remote" is then the other side.
pub(super) fn weigh(lines: &[Line<'_>], records: &[Option<Record>], own: &[IpNet], ours: bool) -> Roles {
    let mut roles = Roles::default();
    let mut intro: Option<String> = None;
    for (index, line) in lines.iter().enumerate() {
        if line.role == SectionRole::Evidence {
            continue;
        }
        intro = next_intro(lines, index, intro);
        let record = records.get(index).and_then(Option::as_ref);
        let is_log = !line.stamps.is_empty() && line.spots.len() <= 4;
        for (position, spot) in line.spots.iter().enumerate() {
            let Some(ip) = spot.ip.filter(|ip| !spot.is_network() && !address::is_nobody(*ip)) else {
                continue;
            };
            if roles.tallies.len() >= ADDRESSES_MAX && !roles.places.contains_key(&ip) {
                continue;
            }
            let tally = roles.tally(ip, own);
            tally.mentions += 1;
            if tally.mentions > 200 && record.is_none() {
                continue;
            }
            let at = |role, weight, why: String| Vote {
                role,
                weight,
                why,
                section: line.section,
                line: line.number,
            };
            tally.rows_sure |= record.is_some_and(|record| record.how != record::ORDER);
            match row_role(record, ip) {
                Some((Role::Accused, how)) => {
                    tally.rows_from += 1;
                    if tally.rows_from == 1 {
                        tally.vote(at(Role::Accused, 0.0, format!("the source in a row ({how})")));
                    }
                    continue;
                }
                Some((_, how)) => {
                    tally.rows_to += 1;
                    if tally.rows_to == 1 {
                        tally.vote(at(Role::Victim, 0.0, format!("the target in a row ({how})")));
                    }
                    continue;
                }
                None => {}
            }
            let said = said_of(lines, index, spot, intro.as_deref(), ours);
            match said {
                // Where a line says who did it, a mere "host=" beside it says nothing.
                Some((Role::Accused, weight, _)) if record.is_some() && weight < 2.0 => {}
                Some((role, weight, why)) => tally.vote(at(role, weight, why)),
                None if is_log && in_text(line) && record.is_none() => {
                    let (role, weight, why) = match (position, line.spots.len()) {
                        (_, 1) => (Role::Accused, 1.0, ALONE),
                        (0, _) => (Role::Accused, 0.5, "the first address of a log line"),
                        _ => (Role::Victim, 0.5, "a later address of a log line"),
                    };
                    tally.vote(at(role, weight, why.to_owned()));
                }
                None => {}
            }
        }
    }
    roles
}

fn in_text(line: &Line<'_>) -> bool {
    line.kind == LineKind::Statement && line.role != SectionRole::Subject
}

fn row_role(record: Option<&Record>, ip: IpAddr) -> Option<(Role, &'static str)> {
    let record = record?;
    let how = if record.how.is_empty() { "a table" } else { record.how };
    if record.source == Some(ip) {
        return Some((Role::Accused, how));
    }
    (record.target == Some(ip)).then_some((Role::Victim, how))
}

/// Keeps the sentence that introduces a list while the list goes on.
fn next_intro(lines: &[Line<'_>], index: usize, intro: Option<String>) -> Option<String> {
    let line = &lines[index];
    if line.kind != LineKind::Statement {
        return None;
    }
    let text = line.text.trim();
    let is_open = line.spots.last().is_none_or(|spot| line.text.len() - spot.end > 20);
    if is_open && text.ends_with([':', '\u{ff1a}']) {
        let own = text.rsplit(". ").next().unwrap_or(text);
        let above = if own.len() == text.len() && runs_on(lines, index) { lines[index - 1].text } else { "" };
        return Some(format!("{above} {own}").trim().to_owned());
    }
    if line.is_blank() || line.is_item() {
        // A blank line may stand between an introduction and its list, or between items.
        let blanks = lines[..index].iter().rev().take_while(|before| before.is_blank()).count();
        return intro.filter(|_| blanks < 2);
    }
    None
}

/// Returns what the text says of one mention.
fn said_of(
    lines: &[Line<'_>],
    index: usize,
    spot: &Spot,
    intro: Option<&str>,
    ours: bool,
) -> Option<(Role, f32, String)> {
    let line = &lines[index];
    if line.kind == LineKind::Header {
        return Some((Role::Infrastructure, 0.8, "stands in a quoted mail header".to_owned()));
    }
    if line.kind == LineKind::Aside {
        return Some((Role::Infrastructure, 2.0, "stands in a signature or a registry's record".to_owned()));
    }
    if line.text[..spot.start].ends_with('@') {
        return Some((Role::Victim, 0.8, "is the host part of a mail or telephone address".to_owned()));
    }
    match link_around(line.text, spot) {
        Some(Link::Accused) => {
            return Some((Role::Accused, 2.0, "is the host of the reported link".to_owned()));
        }
        Some(Link::Other) => return None,
        None => {}
    }
    if let Some(role) = beside_instance(line.text, spot) {
        return Some((role, 2.5, "stands in brackets beside an instance id".to_owned()));
    }
    if after_link(line.text, spot) {
        return Some((Role::Accused, 2.5, "stands in brackets beside the reported link".to_owned()));
    }
    if let Some(name) = label_before(line, spot) {
        if let Some(said) = said_by_label(&name, ours) {
            return Some(said);
        }
    } else if line.is_item()
        && line.role != SectionRole::Subject
        && let Some(intro) = intro
    {
        let meaning = label::meaning(intro);
        if let Some(role) = meaning.role.filter(|_| intro.len() < 40) {
            return Some((role, 2.5, format!("listed under \"{intro}\"")));
        }
    }
    let before = words_before(lines, index, spot, intro);
    let after = words_after(lines, index, spot);
    let found = cue::read(&before, &after);
    if line.role == SectionRole::Subject {
        return Some(match found {
            Some(found) if found.role == Role::Victim => {
                (Role::Victim, 1.5, format!("the subject says \"{}\"", found.words))
            }
            Some(found) if found.role == Role::Reporter => {
                (Role::Reporter, 2.0, format!("the subject says \"{}\"", found.words))
            }
            Some(_) => (Role::Accused, 3.0, "named in the subject as the source".to_owned()),
            None => (Role::Accused, 2.0, "named in the subject".to_owned()),
        });
    }
    let nested = if line.role == SectionRole::Nested { 0.8 } else { 1.0 };
    found.map(|found| (found.role, found.weight * nested, format!("the words \"{}\"", found.words)))
}

fn said_by_label(name: &str, ours: bool) -> Option<(Role, f32, String)> {
    let meaning = label::meaning(name);
    let few_words = || label::words(name).len();
    let has = |class| label::holds(name, class);
    let why = format!("the field \"{}\"", name.trim());
    let role = match meaning.role {
        Some(Role::Accused) if ours && has(vocabulary::REMOTE) => Some(Role::Victim),
        Some(Role::Victim) if ours && has(vocabulary::LOCAL) => Some(Role::Accused),
        Some(Role::Accused) if has(vocabulary::REMOTE) && few_words() <= 2 => {
            return Some((Role::Accused, 1.5, why));
        }
        role => role,
    };
    match (role, meaning.kind) {
        (Some(role), _) => Some((role, 3.0, why)),
        (None, Kind::Address) if few_words() <= 4 => Some((Role::Accused, 1.5, why)),
        _ => None,
    }
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
    let start = text[..spot.start].rfind(char::is_whitespace).map_or(0, |at| at + 1);
    let before = text[start..spot.start].trim_start_matches(|letter: char| !letter.is_alphanumeric());
    let scheme = before.find("://")?;
    let is_host = before[scheme + 3..].is_empty();
    let reported = DEFANGED.is_match(before)
        || field_name(text, start).is_some_and(|name| label::meaning(name).kind == Kind::Url);
    Some(if is_host && reported { Link::Accused } else { Link::Other })
}

/// Says whether an address stands in brackets right after an instance id, as its own address.
fn beside_instance(text: &str, spot: &Spot) -> Option<Role> {
    let (at, id) = resource::instances(text).into_iter().rfind(|(at, _)| *at < spot.start)?;
    let between = text.get(at + id.len()..spot.start)?;
    let mut words =
        between.split(|letter: char| !(letter.is_alphanumeric() || matches!(letter, '.' | '-' | ':')));
    let same = |word: &str| {
        word.is_empty()
            || word.starts_with("eni-")
            || word.parse::<IpAddr>().is_ok()
            || ["public", "private", "ip", "address", "elastic"].contains(&word.to_ascii_lowercase().as_str())
            || !word.chars().any(char::is_alphanumeric)
    };
    (between.len() <= 120 && words.all(same)).then_some(Role::Accused)
}

/// Says whether an address stands in brackets right after a link, as its host's address.
fn after_link(text: &str, spot: &Spot) -> bool {
    let before = text[..spot.start].trim_end();
    let round = before.ends_with('(');
    let Some(linked) = before.strip_suffix(['[', '(']).map(str::trim_end) else {
        return false;
    };
    let link = linked.rsplit(char::is_whitespace).next().filter(|word| word.contains("://"));
    link.is_some_and(|link| !round || DEFANGED.is_match(link))
}

fn field_name(text: &str, at: usize) -> Option<&str> {
    text[..at].trim_end().strip_suffix([':', '=']).map(str::trim)
}

/// Returns the name of the field whose value, or one of whose values, an address is.
pub(super) fn label_before(line: &Line<'_>, spot: &Spot) -> Option<String> {
    let text = line.text;
    let filler = |letter: char| {
        letter.is_whitespace() || matches!(letter, '[' | '(' | '"' | '\'' | '<' | '*' | '`' | '{' | '~' | '_')
    };
    let mut end = spot.start;
    loop {
        let before = text[..end].trim_end_matches(filler);
        let listed = before
            .strip_suffix([',', ';', '&'])
            .or_else(|| before.strip_suffix(" and"))
            .map(|it| it.trim_end_matches(filler));
        let earlier = listed.and_then(|listed| {
            line.spots.iter().find(|other| other.end == listed.trim_end_matches([')', ']', '"', '\'']).len())
        });
        match earlier {
            Some(earlier) => end = earlier.start,
            None => break,
        }
    }
    let before = text[..end].trim_end_matches(filler);
    if let Some(named) = before.strip_suffix([':', '=', '\u{ff1a}']) {
        let named = named.trim_end_matches(filler).trim_end_matches(['"', '\'', '*', '_', ' ']);
        return Some(tail_name(named, before.ends_with('='))).filter(|name| !name.trim().is_empty());
    }
    // A table of two columns: the name, a gap, the value.
    let gap = &text[before.len()..end];
    let is_gap = gap.contains('\t') || gap.contains("  ") || before.ends_with('|');
    let name = before.trim_end_matches('|').trim_matches(['|', '*', ' ', '\t']);
    (is_gap && !name.is_empty() && name.len() <= 40 && name.chars().all(|letter| !letter.is_ascii_digit()))
        .then(|| name.to_owned())
}

/// Returns the last name of a text: one word before '=', a short phrase before ':'.
fn tail_name(text: &str, one_word: bool) -> String {
    let stops: &[char] = if one_word {
        &[' ', '\t', ',', ';', '(', '[', '{', '"', '|', '&', '?']
    } else {
        &['\t', ',', ';', '|', '{', '"', '.']
    };
    let start = text.rfind(stops).map_or(0, |at| at + 1);
    let start = if one_word { start } else { text.rfind("  ").map_or(start, |at| start.max(at + 2)) };
    // A note in brackets may itself hold a stop: "Source IPs (e.g. a, b):".
    let start =
        if !one_word && text[start..].contains(')') && !text[start..].contains('(') { 0 } else { start };
    let tail = &text[start..];
    tail[tail.ceil_char_boundary(tail.len().saturating_sub(60))..].to_owned()
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

fn runs_on(lines: &[Line<'_>], index: usize) -> bool {
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
