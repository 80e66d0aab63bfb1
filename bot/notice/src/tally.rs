//! Everything that a notice says of one address, and the role that follows from it.
//!
//! Owns the evidence that an accusation needs. A word in passing, an order of columns or a place in a line
//! only lean; what speaks firmly against an address is outweighed only by what accuses it as firmly.

use std::net::IpAddr;

use super::address;
use super::document::SectionRole;
use super::label::Role;
use super::lines::Line;
use super::lines::LineKind;
use super::record;
use super::record::Record;
use super::said;
use super::sentence;

/// Votes below this accuse nobody.
pub(super) const ACCUSED_MIN: f32 = 1.5;
/// An address of a public resolver, or of a private network, needs this much.
const ACCUSED_MIN_UNLIKELY: f32 = 2.0;
/// A single vote of this weight is no word in passing: a field, a list's heading, a verb of its own.
const FIRM: f32 = 2.5;
/// Who is said to have no part is not accused by rows of a log either.
pub(super) const EXONERATED: f32 = 4.0;
/// Why an address of a log line without any direction is counted a little.
pub(super) const ALONE: &str = "stands alone in a log line";
/// Why the first of several is.
const FIRST_OF_LINE: &str = "the first address of a log line";
/// Why an item of a list is accused of which nothing is said.
pub(super) const IN_ITEM: &str = "begins an item of a list as those do that are accused";
/// What all rows of logs and tables together may say.
const ROWS_WEIGHT: f32 = 4.0;
/// Beside so many rows of one that a notice is about, a single one of another is left over.
const LEFT_OVER: u32 = 3;
/// What rows say whose order is the only sign of a direction: alone it accuses nobody.
const ORDER_WEIGHT: f32 = 1.0;
/// What places in log lines without a direction may say, however many lines there are.
const ALONE_MAX: f32 = 1.5;
const FIRST_MAX: f32 = 0.75;
/// Votes kept for the explanation of one address.
const VOTES_MAX: usize = 12;

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
    /// That line is quoted from an earlier mail.
    pub is_quoted: bool,
}

/// Everything that is said of one address.
#[derive(Debug)]
pub(super) struct Tally {
    /// The address.
    pub ip: IpAddr,
    /// The votes, in the order of the text, not more than are worth showing.
    pub votes: Vec<Vote>,
    /// It is known to be ours.
    pub ours: bool,
    /// How often it was met.
    pub mentions: u32,
    /// Rows show it only as it speaks to one that they show as the source more often.
    pub is_peer: bool,
    /// It begins an item of a list of those that are accused.
    pub heads_item: bool,
    /// What accuses it does not tell it from others.
    pub is_set_aside: bool,
    /// The line of the first sentence of the notice's own that names it.
    pub spoken_at: Option<usize>,
    /// The last line of rows that names it.
    pub last_row: Option<usize>,
    /// It was met outside of what is quoted from an earlier mail.
    pub is_said_now: bool,
    now: Said,
    quoted: Said,
}

/// What a field says that names an address and nobody's part, or only whose it is.
const PLAIN_FIELD: f32 = 2.0;
/// What carries for others, and may be open to all.
const CARRIERS: [&str; 5] = ["resolver", "relay", "proxy", "nameserver", "gateway"];
/// Words that accuse only beside a deed.
const PREPOSITIONS: [&str; 18] = [
    "from",
    "by",
    "about",
    "regarding",
    "concerning",
    "von",
    "durch",
    "depuis",
    "desde",
    "vanaf",
    "par",
    "por",
    "przez",
    "oleh",
    "fra",
    "fran",
    "en provenance de",
    "from the",
];

/// Of those, which say whence somebody came.
const WHENCE: [&str; 9] =
    ["from", "from the", "von", "depuis", "desde", "vanaf", "fra", "fran", "en provenance de"];

/// What one layer of a mail says of an address: its own words, or those that it quotes.
#[derive(Debug, Default)]
struct Said {
    sums: [f32; 4],
    firm: [bool; 4],
    alone: f32,
    first: f32,
    later: f32,
    rows_from: u32,
    rows_to: u32,
    rows_sure: bool,
    rows_refused: u32,
    rows_of_web: u32,
    rows_of_events: u32,
    by_subject: f32,
}

impl Said {
    fn is_silent(&self) -> bool {
        let places = self.alone + self.first + self.later;
        self.sums.iter().all(|sum| *sum == 0.0) && places == 0.0 && self.rows_from + self.rows_to == 0
    }
}

impl Tally {
    /// Begins with nothing said.
    pub fn new(ip: IpAddr, ours: bool) -> Self {
        Self {
            ip,
            votes: Vec::new(),
            ours,
            mentions: 0,
            is_said_now: false,
            is_set_aside: false,
            spoken_at: None,
            last_row: None,
            is_peer: false,
            heads_item: false,
            now: Said::default(),
            quoted: Said::default(),
        }
    }

    /// What counts: the mail's own words, and those that it quotes only where it has none of its own for it.
    fn told(&self) -> &Said {
        if self.now.is_silent() { &self.quoted } else { &self.now }
    }

    fn layer(&mut self, is_quoted: bool) -> &mut Said {
        if is_quoted { &mut self.quoted } else { &mut self.now }
    }

    /// Counts what a place in the text says of it.
    pub fn vote(&mut self, vote: Vote) {
        let layer = self.layer(vote.is_quoted);
        layer.sums[vote.role as usize] += vote.weight;
        layer.firm[vote.role as usize] |= vote.weight >= FIRM;
        if vote.why == said::IN_SUBJECT {
            layer.by_subject += vote.weight;
        }
        self.keep(vote);
    }

    fn keep(&mut self, vote: Vote) {
        if self.votes.len() < VOTES_MAX {
            self.votes.push(vote);
        }
    }

    /// Takes back what accuses it: a sentence says that it has no part.
    pub fn exculpate(&mut self, line: &Line<'_>) {
        for layer in [&mut self.now, &mut self.quoted] {
            layer.sums[Role::Accused as usize] = 0.0;
            layer.firm[Role::Accused as usize] = false;
            (layer.rows_from, layer.alone, layer.first, layer.by_subject) = (0, 0.0, 0.0, 0.0);
        }
        self.vote(vote(line, Role::Infrastructure, EXONERATED, "a sentence clears it".to_owned()));
    }

    /// Accuses what a field calls a resolver, a relay or a proxy, where words accuse it too.
    pub fn turn_carrier(&mut self) {
        let is_carrier = |vote: &Vote| {
            let why = vote.why.to_lowercase();
            vote.role == Role::Infrastructure
                && why.starts_with(said::BY_FIELD)
                && CARRIERS.iter().any(|it| why.contains(it))
        };
        if self.sum(Role::Accused) == 0.0 || self.sum(Role::Victim) > 0.0 {
            return;
        }
        let Some(vote) = self.votes.iter().find(|vote| is_carrier(vote)).cloned() else { return };
        for layer in [&mut self.now, &mut self.quoted] {
            layer.sums[Role::Infrastructure as usize] = 0.0;
            layer.firm[Role::Infrastructure as usize] = false;
        }
        self.vote(Vote { role: Role::Accused, why: format!("{}, of what it is about", vote.why), ..vote });
    }

    /// Accuses it because nobody else is named.
    pub fn settle_as_only(&mut self) {
        self.settle("is the only address named".to_owned(), 0, 0);
    }

    /// Accuses it because the receiver's own headers name it.
    pub fn settle_as_sender(&mut self, section: usize, line: usize) {
        for layer in [&mut self.now, &mut self.quoted] {
            layer.sums = [0.0; 4];
            layer.firm = [false; 4];
        }
        self.settle("handed the offending mail to the receiver's server".to_owned(), section, line);
    }

    /// Accuses it as one of a list of which nothing else is said.
    pub fn settle_as_listed(&mut self) {
        self.settle("is one of a list of log lines that name nobody else".to_owned(), 0, 0);
    }

    /// Accuses it as the one of a list of which the letter speaks.
    pub fn settle_as_spoken_of(&mut self) {
        self.settle("is the one of its list that the letter speaks of".to_owned(), 0, 0);
    }

    fn settle(&mut self, why: String, section: usize, line: usize) {
        let is_quoted = self.now.is_silent();
        self.vote(Vote { role: Role::Accused, weight: ACCUSED_MIN * 2.0, why, section, line, is_quoted });
    }

    /// Counts a row of a log or table in which it has a part; false when it has none.
    pub fn count_row(&mut self, record: Option<&Record>, line: &Line<'_>) -> bool {
        let layer = self.layer(line.is_quoted);
        layer.rows_sure |= record.is_some_and(|record| record.how != record::ORDER);
        let Some((role, how)) = row_role(record, self.ip) else {
            return false;
        };
        let layer = self.layer(line.is_quoted);
        let (count, what) = match role {
            Role::Accused => (&mut layer.rows_from, "source"),
            _ => (&mut layer.rows_to, "target"),
        };
        *count += 1;
        if role == Role::Accused {
            layer.rows_refused += u32::from(line.is_refused);
            layer.rows_of_events += u32::from(record.is_some_and(Record::is_event));
            layer.rows_of_web += u32::from(record.is_some_and(|record| record.how == record::WEB));
        }
        let count = if role == Role::Accused { layer.rows_from } else { layer.rows_to };
        if count == 1 {
            self.vote(vote(line, role, 0.0, format!("the {what} in a row ({how})")));
        }
        true
    }

    /// Counts a little for its place in a log line that gives no direction.
    pub fn count_order(&mut self, line: &Line<'_>, position: usize) {
        let in_text = line.kind == LineKind::Statement && line.role != SectionRole::Subject;
        if line.stamps.is_empty() || line.spots.len() > 4 || !in_text {
            return;
        }
        let (role, why) = match (position, line.spots.len()) {
            (_, 1) => {
                self.layer(line.is_quoted).alone += 1.0;
                (Role::Accused, ALONE)
            }
            (0, _) => {
                self.layer(line.is_quoted).first += 0.5;
                (Role::Accused, FIRST_OF_LINE)
            }
            _ => {
                self.layer(line.is_quoted).later += 0.5;
                (Role::Victim, "a later address of a log line")
            }
        };
        self.keep(vote(line, role, 0.5, why.to_owned()));
    }

    /// Returns the sum of the votes for a role, rows of logs included.
    pub fn sum(&self, role: Role) -> f32 {
        let told = self.told();
        let rows = (told.rows_from + told.rows_to).max(1) as f32;
        let weight = if told.rows_sure { ROWS_WEIGHT } else { ORDER_WEIGHT };
        let (of_rows, of_places) = match role {
            Role::Accused => {
                let places = if told.alone > 0.0 {
                    (told.alone + told.first).min(ALONE_MAX)
                } else {
                    told.first.min(FIRST_MAX)
                };
                (told.rows_from as f32 / rows * weight, places)
            }
            Role::Victim => (told.rows_to as f32 / rows * weight, told.later.min(ALONE_MAX)),
            Role::Reporter | Role::Infrastructure => (0.0, 0.0),
        };
        told.sums[role as usize].min(9.0) + of_rows + of_places
    }

    /// Returns how firmly words and fields accuse it, rows of logs left out.
    pub fn accused_by_words(&self) -> f32 {
        self.told().sums[Role::Accused as usize]
    }

    /// Returns what accuses it beyond a subject that merely names it.
    pub fn accused_by_text(&self) -> f32 {
        self.sum(Role::Accused) - self.told().by_subject
    }

    /// Says whether a subject names it and nothing in the text accuses it.
    pub fn is_only_in_subject(&self) -> bool {
        self.told().by_subject > 0.0 && self.accused_by_text() < 0.1 && !self.ours
    }

    /// Says whether a subject names it as who did it.
    pub fn is_in_subject(&self) -> bool {
        self.votes.iter().any(|vote| vote.role == Role::Accused && vote.why.starts_with(said::IN_SUBJECT))
    }

    /// Says whether it was said of it only that it stands alone in log lines.
    pub fn is_listed(&self) -> bool {
        self.votes.iter().all(|vote| vote.why == ALONE) && !self.votes.is_empty()
    }

    /// Says whether rows show it as the source of something.
    pub fn visits(&self) -> bool {
        self.told().rows_from > 0
    }

    /// Says whether rows show it only as where others went, and all else that is said of it names it as what is meant.
    pub fn is_only_visited(&self) -> bool {
        let told = self.told();
        let said = |role: Role| told.sums[role as usize];
        let is_meant = said(Role::Accused) >= if self.ours { f32::MIN_POSITIVE } else { ACCUSED_MIN };
        told.rows_to > 0 && told.rows_from == 0 && is_meant && said(Role::Accused) >= said(Role::Victim)
    }

    /// Says whether it stands in a line of a log, whatever its part there.
    pub fn stands_in_a_log(&self) -> bool {
        let told = self.told();
        told.alone + told.first + told.later > 0.0 || told.rows_from + told.rows_to > 0
    }

    /// Says whether something leans to accusing it and nothing speaks for another role.
    pub fn leans_to_accused(&self) -> bool {
        let others: f32 =
            [Role::Victim, Role::Reporter, Role::Infrastructure].iter().map(|role| self.sum(*role)).sum();
        self.sum(Role::Accused) > 0.0 && others < 0.1
    }

    /// Says whether nothing is said of it that settles a role.
    pub fn leans_to_nobody(&self) -> bool {
        [Role::Victim, Role::Reporter, Role::Infrastructure].iter().all(|role| self.sum(*role) < 0.75)
    }

    /// Says whether a field or rows of a log accuse it.
    pub fn is_named_firmly(&self) -> bool {
        let by_field = self.votes.iter().any(|vote| vote.role == Role::Accused && vote.weight >= 3.0);
        (by_field || (self.told().rows_from > 0 && self.told().rows_sure))
            && self.role() == Some(Role::Accused)
    }

    /// Says whether a sentence, a field or rows accuse it, and not a word in passing.
    pub fn is_told_firmly(&self) -> bool {
        self.is_firm(Role::Accused) && self.role() == Some(Role::Accused)
    }

    /// Says whether words, a field or a subject accuse it, and more than in passing or beside rows of a log.
    pub fn is_accused_by_words(&self) -> bool {
        let by_words = self.told().sums[Role::Accused as usize] >= ACCUSED_MIN;
        by_words
            && (self.told().rows_from > 0 || !self.is_named_in_passing())
            && self.role() == Some(Role::Accused)
    }

    /// Says whether a log tells this one, which words accuse, from another that only it names: one of a web server, or
    /// one that refused this one and not the other.
    pub fn contrasts_with(&self, other: &Self) -> bool {
        let (own, others) = (self.told(), other.told());
        let is_web = others.rows_of_web > 0;
        is_web || others.rows_from == 0 || (own.rows_refused > 0 && others.rows_refused == 0)
    }

    /// Says whether a single row of another was left over from the search for this one, which the notice points at.
    pub fn leaves_over(&self, other: &Self) -> bool {
        let (own, others) = (self.told(), other.told());
        others.rows_from == 1 && own.rows_from >= LEFT_OVER && self.is_pointed_at(ACCUSED_MIN)
    }

    /// Says whether a sentence names it, and nothing in it was understood as an accusation.
    pub fn is_spoken_of_only(&self) -> bool {
        self.spoken_at.is_some() && self.is_accused_by_log_only()
    }

    /// Says whether a sentence names it below the rows that accuse it, and nothing in it was understood as an accusation.
    pub fn is_remarked_on(&self) -> bool {
        self.is_spoken_of_only() && self.spoken_at > self.last_row && self.last_row.is_some()
    }

    /// Says whether nothing but rows and lines of a log accuses it.
    pub fn is_accused_by_log_only(&self) -> bool {
        self.told().sums[Role::Accused as usize] < 0.1
    }

    /// Says whether nothing but prepositions and plain fields accuse it: no row, no field, no subject, no verb of its own.
    pub fn is_only_in_passing(&self) -> bool {
        !self.is_firm(Role::Accused)
            && self.told().by_subject == 0.0
            && self.told().rows_from == 0
            && self.votes.iter().filter(|vote| vote.role == Role::Accused).all(|vote| {
                let words = vote.why.strip_prefix(said::BY_WORDS).and_then(|it| it.strip_suffix('"'));
                let is_plain_field = vote.weight <= PLAIN_FIELD && vote.why.starts_with(said::BY_FIELD);
                is_plain_field || words.is_some_and(|words| PREPOSITIONS.contains(&words))
            })
    }

    /// Says whether nothing is said of it but that somebody, or requests, came from there.
    pub fn is_only_whence(&self) -> bool {
        let is_whence = |vote: &Vote| {
            if vote.why == said::BY_GRAMMAR {
                return vote.weight <= sentence::WEIGHT_WEAK;
            }
            let words = vote.why.strip_prefix(said::BY_WORDS).and_then(|it| it.strip_suffix('"'));
            words.is_some_and(|words| WHENCE.contains(&words))
        };
        self.told().rows_from == 0
            && self.votes.iter().filter(|vote| vote.role == Role::Accused).all(is_whence)
    }

    /// Says whether nothing but sentences, words, the heads of lists, plain fields and rows without any event accuse it.
    pub fn is_only_in_prose(&self) -> bool {
        let is_prose = |vote: &Vote| {
            let mut begins = [said::BY_GRAMMAR, said::BY_WORDS, said::BY_LIST].into_iter();
            let is_plain_field = vote.weight <= PLAIN_FIELD && vote.why.starts_with(said::BY_FIELD);
            let is_place = vote.why == ALONE || vote.why == FIRST_OF_LINE;
            let in_subject = vote.why.starts_with(said::IN_SUBJECT);
            in_subject || is_place || is_plain_field || begins.any(|it| vote.why.starts_with(it))
        };
        let mut accusing = self.votes.iter().filter(|vote| vote.role == Role::Accused && vote.weight > 0.0);
        self.told().rows_of_events == 0 && accusing.all(is_prose)
    }

    /// Says whether something points at it as who did it that is no prose: a field, a subject that says so, a link, the
    /// head of a list. `weight` is how firmly.
    pub fn is_pointed_at(&self, weight: f32) -> bool {
        let points = |vote: &Vote| {
            let is_said = is_said_in_prose(&vote.why) || vote.why == said::IN_SUBJECT;
            vote.role == Role::Accused && vote.weight >= weight && !is_said
        };
        self.votes.iter().any(points)
    }

    /// Says whether a row of events names it as the source, or a field does.
    pub fn is_shown(&self) -> bool {
        self.told().rows_of_events > 0 || self.is_pointed_at(FIRM)
    }

    /// Says whether nothing but the prose of a letter accuses it, and none of it singles it out.
    pub fn is_merely_said(&self) -> bool {
        let mut accusing = self.votes.iter().filter(|vote| vote.role == Role::Accused && vote.weight > 0.0);
        let told = self.told();
        told.rows_from == 0
            && told.alone + told.first == 0.0
            && accusing.all(|vote| is_said_in_prose(&vote.why) && vote.weight < sentence::CERTAIN)
    }

    /// Says whether only its place beside an instance accuses it.
    pub fn stands_beside_an_instance(&self) -> bool {
        let mut accusing = self.votes.iter().filter(|vote| vote.role == Role::Accused).peekable();
        accusing.peek().is_some() && accusing.all(|vote| vote.why == said::BESIDE_INSTANCE)
    }

    /// Says whether nothing firmer than a plain field or a few words accuses it.
    pub fn is_named_in_passing(&self) -> bool {
        !self.is_firm(Role::Accused) && self.sum(Role::Accused) <= 4.0
    }

    /// Says whether something firmer than words in passing gives it a role.
    fn is_firm(&self, role: Role) -> bool {
        let by_rows = match role {
            Role::Accused => self.told().rows_from > self.told().rows_to,
            Role::Victim => self.told().rows_to > self.told().rows_from,
            Role::Reporter | Role::Infrastructure => false,
        };
        self.told().firm[role as usize] || (by_rows && self.told().rows_sure)
    }

    /// Returns the role that the notice gives; none when it does not settle it.
    pub fn role(&self) -> Option<Role> {
        let said = self.said();
        if !self.ours {
            return said;
        }
        // Where a notice says of ours that it did it and that it was attacked, nobody can tell from here.
        let accused = self.sum(Role::Accused);
        match said {
            Some(Role::Victim) if accused * 2.0 >= self.sum(Role::Victim) => None,
            // What is ours is meant, where the notice leans to it.
            None if self.is_cleared() => None,
            None if accused > self.sum(Role::Victim) => Some(Role::Accused),
            said => said,
        }
    }

    /// Says whether the notice only leans to accusing it, and it is taken for that because it is ours.
    pub fn leans_to_ours(&self) -> bool {
        self.ours && self.said().is_none()
    }

    /// Says whether the same accuses both: the same words, the same place in a list; or nothing does.
    pub fn is_accused_like(&self, other: &Self) -> bool {
        let reasons = (self.first_reason(), other.first_reason());
        // Of two of which nothing is understood, one stands in a list and the other in a sentence.
        let stand_alike = reasons != (None, None) || self.spoken_at.is_some() == other.spoken_at.is_some();
        self.role() == other.role() && reasons.0 == reasons.1 && stand_alike
    }

    fn first_reason(&self) -> Option<&str> {
        self.votes.iter().find(|vote| vote.role == Role::Accused).map(|vote| vote.why.as_str())
    }

    /// Says whether the notice says that it has no part.
    pub fn is_cleared(&self) -> bool {
        self.sum(Role::Infrastructure) >= EXONERATED
    }

    /// Says whether the notice accuses it, whoever it is.
    pub fn is_said_accused(&self) -> bool {
        self.said() == Some(Role::Accused)
    }

    /// Says whether it is ours and the notice says of it as much that it did it as that it was attacked.
    pub fn is_contradicted(&self) -> bool {
        self.ours && self.role().is_none() && self.sum(Role::Accused) > 0.0 && self.sum(Role::Victim) > 0.0
    }

    /// Returns what the notice says of it, whoever it is.
    fn said(&self) -> Option<Role> {
        let accused = self.sum(Role::Accused);
        let others = [Role::Victim, Role::Reporter, Role::Infrastructure];
        let best = others.into_iter().max_by(|one, other| self.sum(*one).total_cmp(&self.sum(*other)))?;
        let against = self.sum(best);
        let unlikely = address::is_well_known(self.ip) || address::is_private(self.ip);
        let needed = if unlikely { ACCUSED_MIN_UNLIKELY } else { ACCUSED_MIN };
        let outweighs = accused > against * 1.25 && accused - against >= 0.75;
        let denied = others.iter().any(|role| self.is_firm(*role)) && !self.is_firm(Role::Accused);
        if accused >= needed && outweighs && !denied {
            return Some(Role::Accused);
        }
        (against >= 0.75 && against > accused).then_some(best)
    }
}

/// Makes a vote of a line.
pub(super) fn vote(line: &Line<'_>, role: Role, weight: f32, why: String) -> Vote {
    Vote { role, weight, why, section: line.section, line: line.number, is_quoted: line.is_quoted }
}

fn is_said_in_prose(why: &str) -> bool {
    why.starts_with(said::BY_GRAMMAR) || why.starts_with(said::BY_WORDS) || why == IN_ITEM
}

fn row_role(record: Option<&Record>, ip: IpAddr) -> Option<(Role, &'static str)> {
    let record = record?;
    let how = if record.how.is_empty() { "a table" } else { record.how };
    if record.source == Some(ip) {
        return Some((Role::Accused, how));
    }
    (record.target == Some(ip)).then_some((Role::Victim, how))
}
