//! Whose each address is. Everything that the text says of an address is a vote with its reason;
//! the votes decide, and where they do not, nobody is accused.

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::address;
use super::document::SectionRole;
use super::label::Role;
use super::lines::Line;
use super::lines::LineKind;
use super::record;
use super::record::Record;
use super::said;
use super::said::runs_on;

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
    by_subject: f32,
    mentions: u32,
    ours: bool,
}

impl Tally {
    fn vote(&mut self, vote: Vote) {
        self.sums[vote.role as usize] += vote.weight;
        if vote.why == said::IN_SUBJECT {
            self.by_subject += vote.weight;
        }
        if self.votes.len() < 12 {
            self.votes.push(vote);
        }
    }

    /// Accuses it because nobody else is named.
    pub fn settle_as_only(&mut self) {
        let why = "is the only address named".to_owned();
        self.vote(Vote { role: Role::Accused, weight: ACCUSED_MIN * 2.0, why, section: 0, line: 0 });
    }

    /// Accuses it because the receiver's own headers name it.
    pub fn settle_as_sender(&mut self, section: usize, line: usize) {
        let why = "handed the offending mail to the receiver's server".to_owned();
        self.sums = [0.0; 4];
        self.vote(Vote { role: Role::Accused, weight: ACCUSED_MIN * 2.0, why, section, line });
    }

    /// Counts a row of a log or table in which it has a part; false when it has none.
    fn count_row(&mut self, record: Option<&Record>, line: &Line<'_>) -> bool {
        self.rows_sure |= record.is_some_and(|record| record.how != record::ORDER);
        let Some((role, how)) = row_role(record, self.ip) else {
            return false;
        };
        let (count, what) = match role {
            Role::Accused => (&mut self.rows_from, "source"),
            _ => (&mut self.rows_to, "target"),
        };
        *count += 1;
        if *count == 1 {
            self.vote(vote(line, role, 0.0, format!("the {what} in a row ({how})")));
        }
        true
    }

    /// Counts a little for its place in a log line that gives no direction.
    fn count_order(&mut self, line: &Line<'_>, position: usize) {
        if line.stamps.is_empty() || line.spots.len() > 4 || !in_text(line) {
            return;
        }
        let (role, weight, why) = match (position, line.spots.len()) {
            (_, 1) => (Role::Accused, 1.0, ALONE),
            (0, _) => (Role::Accused, 0.5, "the first address of a log line"),
            _ => (Role::Victim, 0.5, "a later address of a log line"),
        };
        self.vote(vote(line, role, weight, why.to_owned()));
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

    /// Says whether a field or rows of a log accuse it.
    fn is_named_firmly(&self) -> bool {
        let by_field = self.votes.iter().any(|vote| vote.role == Role::Accused && vote.weight >= 3.0);
        (by_field || (self.rows_from > 0 && self.rows_sure)) && self.role() == Some(Role::Accused)
    }

    /// Says whether nothing firmer than a plain field or one word accuses it.
    fn is_named_in_passing(&self) -> bool {
        let accusing = || self.votes.iter().filter(|vote| vote.role == Role::Accused);
        self.rows_from == 0 && accusing().count() <= 1 && accusing().all(|vote| vote.weight <= 2.0)
    }

    /// Returns the role that the votes give; none when they do not settle it.
    pub fn role(&self) -> Option<Role> {
        if self.ours {
            // What is ours is meant, unless the notice only ever says that it was attacked.
            let attacked = self.sum(Role::Victim) >= 2.0 && self.sum(Role::Accused) < 0.5;
            return Some(if attacked { Role::Victim } else { Role::Accused });
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
    /// Some address is known to be ours.
    knows_ours: bool,
}

impl Roles {
    /// Returns the role of an address.
    pub fn of(&self, ip: IpAddr) -> Option<Role> {
        self.role_of(self.tallies.get(*self.places.get(&ip)?)?)
    }

    /// Returns a tally's role. Where an address of ours is accused, nobody else is.
    pub fn role_of(&self, tally: &Tally) -> Option<Role> {
        // A subject that merely names an address gives way to a text that accuses another.
        let is_bare = tally.sum(Role::Accused) - tally.by_subject < 0.1 && !tally.ours;
        let text_accuses = || {
            let others = self.tallies.iter().filter(|it| it.role() == Some(Role::Accused));
            others.into_iter().any(|it| it.sum(Role::Accused) - it.by_subject >= ACCUSED_MIN)
        };
        if is_bare && tally.by_subject > 0.0 && text_accuses() {
            return None;
        }
        // Where a field or a log says who did it, nobody is accused by a word in passing.
        let named_firmly = || self.tallies.iter().any(|it| it.ip != tally.ip && it.is_named_firmly());
        if tally.role() == Some(Role::Accused) && !tally.ours && tally.is_named_in_passing() && named_firmly()
        {
            return None;
        }
        let accuses_ours = || self.tallies.iter().any(|it| it.ours && it.role() == Some(Role::Accused));
        tally
            .role()
            .filter(|role| *role != Role::Accused || tally.ours || !self.knows_ours || !accuses_ours())
    }

    /// Says whether an address of ours is named, and only as what was attacked.
    pub fn ours_attacked(&self) -> bool {
        let ours = || self.tallies.iter().filter(|tally| tally.ours);
        ours().next().is_some() && ours().all(|tally| tally.role() == Some(Role::Victim))
    }

    /// Says whether anything beyond a subject accuses an address.
    pub fn text_accuses(&self) -> bool {
        let is_of_text = |vote: &Vote| {
            vote.role == Role::Accused && vote.weight > 0.0 && !vote.why.starts_with(said::IN_SUBJECT)
        };
        self.tallies.iter().any(|tally| tally.rows_from > 0 || tally.votes.iter().any(is_of_text))
    }

    /// Returns the addresses of a role, in the order of the text.
    pub fn with(&self, role: Role) -> Vec<IpAddr> {
        self.tallies.iter().filter(|tally| self.role_of(tally) == Some(role)).map(|tally| tally.ip).collect()
    }

    /// Returns the addresses whose role is not settled.
    pub fn unsettled(&self) -> Vec<&Tally> {
        self.tallies.iter().filter(|tally| self.role_of(tally).is_none()).collect()
    }

    fn has_room(&self, ip: IpAddr) -> bool {
        self.tallies.len() < ADDRESSES_MAX || self.places.contains_key(&ip)
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

    /// Accuses the sender of an offending mail, unless anything but its place in headers is said of it.
    pub fn settle_sender(&mut self, ip: IpAddr, line: &Line<'_>) -> bool {
        let tally = self.places.get(&ip).map(|at| &mut self.tallies[*at]);
        let only_quoted = |tally: &&mut Tally| {
            !tally.ours && tally.sum(Role::Victim) < 0.1 && tally.sum(Role::Reporter) < 0.1
        };
        let Some(tally) = tally.filter(only_quoted) else {
            return false;
        };
        tally.settle_as_sender(line.section, line.number);
        true
    }

    fn tally(&mut self, ip: IpAddr, own: &[IpNet]) -> &mut Tally {
        self.knows_ours |= address::is_within(ip, own);
        let at = *self.places.entry(ip).or_insert_with(|| {
            self.tallies.push(Tally {
                ip,
                votes: Vec::new(),
                sums: [0.0; 4],
                rows_sure: false,
                by_subject: 0.0,
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
/// How many mentions of one address are weighed.
const MENTIONS_MAX: u32 = 200;

/// Weighs all addresses of the lines. `ours` says that the notice speaks from our side, as AWS's
/// mails do: "remote" is then the other side.
pub(super) fn weigh(lines: &[Line<'_>], records: &[Option<Record>], own: &[IpNet], ours: bool) -> Roles {
    let mut roles = Roles::default();
    let mut intro: Option<String> = None;
    for (index, line) in lines.iter().enumerate().filter(|(_, line)| line.role != SectionRole::Evidence) {
        intro = next_intro(lines, index, intro);
        let record = records.get(index).and_then(Option::as_ref);
        for (position, spot) in line.spots.iter().enumerate() {
            let host = spot.ip.filter(|ip| !spot.is_network() && !address::is_nobody(*ip));
            let Some(ip) = host.filter(|ip| roles.has_room(*ip)) else {
                continue;
            };
            let tally = roles.tally(ip, own);
            tally.mentions += 1;
            if tally.count_row(record, line) || tally.mentions > MENTIONS_MAX {
                continue;
            }
            match said::of(lines, index, spot, intro.as_deref(), ours) {
                // Where a line says who did it, no other address of it did, unless a field says so.
                Some((Role::Accused, weight, _))
                    if record.is_some_and(|it| it.source.is_some()) && weight < 3.0 =>
                {
                    tally.vote(vote(line, Role::Victim, 0.8, "stands beside the source in a row".to_owned()));
                }
                Some((role, weight, why)) => tally.vote(vote(line, role, weight, why)),
                None if record.is_none() => tally.count_order(line, position),
                None => {}
            }
        }
    }
    roles
}

fn vote(line: &Line<'_>, role: Role, weight: f32, why: String) -> Vote {
    Vote { role, weight, why, section: line.section, line: line.number }
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
