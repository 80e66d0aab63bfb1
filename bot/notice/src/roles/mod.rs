//! Whose each address is. Everything that the text says of an address is a vote with its reason; what the
//! addresses are to each other decides too. Where it is not settled, nobody is accused.

mod faint;
mod weigh;

use std::collections::HashMap;
use std::collections::HashSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::address;
use super::appeal::Appeal;
use super::document::SectionRole;
use super::label::Role;
use super::lines::Line;
use super::lines::LineKind;
use super::tally::ACCUSED_MIN;
use super::tally::Tally;

pub(super) use weigh::Side;
pub(super) use weigh::weigh;

/// Sentences in which is looked for whom a letter speaks of.
const SENTENCES_MAX: usize = 200;

/// Whom rows of events or fields name as the source of something.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shown {
    /// Nobody that is accused.
    #[default]
    Nobody,
    /// Somebody that is accused.
    Somebody,
    /// One that is known to be ours, or a host of a private network, which only its owner sees.
    Ours,
}

/// What is known of all addresses of a notice.
#[derive(Debug, Default)]
pub(super) struct Roles {
    /// One tally an address, in the order of the text.
    pub tallies: Vec<Tally>,
    /// Where each address's tally is.
    places: HashMap<IpAddr, usize>,
    /// All addresses of ours are known.
    own_is_complete: bool,
    /// Nothing in the notice tells of a deed: words in passing accuse nobody.
    pub is_harmless: bool,
    /// It lists those whom it accuses, each at the beginning of an item.
    is_list_of_accused: bool,
    /// Nor does any word hint at one: the instances that it names, and their addresses, did nothing.
    pub is_about_nobody: bool,
    /// It is about what a host serves to those who come to it.
    pub is_served: bool,
    /// Whether the notice complains.
    pub appeal: Appeal,
}

impl Roles {
    /// Returns the role of an address.
    pub fn of(&self, ip: IpAddr) -> Option<Role> {
        self.role_of(self.tallies.get(*self.places.get(&ip)?)?)
    }

    /// Returns a tally's role. Where an address of ours is named, nobody else is accused.
    pub fn role_of(&self, tally: &Tally) -> Option<Role> {
        if tally.is_set_aside {
            return None;
        }
        let Some(role) = tally.role() else {
            // What is ours is meant, where a letter that complains, or a bare log in which it stands, accuses nobody at all
            // or strangers in passing only.
            let may_mean = match self.appeal {
                Appeal::Complains => !self.is_harmless,
                Appeal::Terse => !self.is_harmless && tally.stands_in_a_log(),
                Appeal::Tells | Appeal::Elsewhere => false,
            };
            let is_meant = tally.ours && may_mean && !tally.is_contradicted() && !self.accuses_another(tally);
            return is_meant.then_some(Role::Accused);
        };
        if role != Role::Accused {
            return Some(role);
        }
        // What merely leans to ours is whom a letter means only where it complains.
        let is_terse_log = self.appeal == Appeal::Terse && tally.stands_in_a_log();
        if self.appeal != Appeal::Complains && tally.leans_to_ours() && !is_terse_log {
            return None;
        }
        // A letter that complains of nothing accuses nobody by its words: only an event that it records may.
        if self.appeal == Appeal::Elsewhere && tally.is_only_in_prose() {
            return None;
        }
        // Nor does one by what an earlier mail said, when it complains of nothing now.
        let is_old = || !tally.is_said_now && (self.appeal == Appeal::Elsewhere || tally.is_only_in_prose());
        if self.appeal != Appeal::Complains && is_old() {
            return None;
        }
        // Nothing in the letter hints at a complaint: only a field or a log may still accuse.
        if self.is_about_nobody && !tally.is_named_firmly() {
            return None;
        }
        let is_beside = || self.is_about_nobody && tally.stands_beside_an_instance();
        if (!tally.ours && is_beside()) || (self.is_harmless && tally.is_only_in_passing()) {
            return None;
        }
        // What an earlier mail said, which this one quotes, gives way to what it says itself.
        // A field that it quotes is no less firm than a word in passing of its own.
        let said_now = |it: &Tally| {
            it.is_said_now
                && it.role() == Some(Role::Accused)
                && !(it.is_named_in_passing() && tally.is_named_firmly())
        };
        if !tally.is_said_now && self.others(tally).any(said_now) {
            return None;
        }
        if self.is_list_of_accused && tally.is_merely_said() && !tally.heads_item {
            return None;
        }
        // Whom a letter speaks of and does not accuse, its rows do not either where it accuses another.
        let is_accused = |it: &Tally| (it.ours || !tally.ours) && it.is_accused_by_words();
        if tally.is_spoken_of_only() && self.others(tally).any(is_accused) {
            return None;
        }
        // Where a field or a subject points at somebody, whom else the prose mentions has another part, or a person tells.
        let is_far_more = |it: &Tally| it.sum(Role::Accused) >= FAR_MORE * tally.sum(Role::Accused);
        let is_pointed_at =
            |it: &Tally| (it.ours || !tally.ours || is_far_more(it)) && it.is_pointed_at(ACCUSED_MIN);
        if tally.is_merely_said() && self.others(tally).any(is_pointed_at) {
            return None;
        }
        // Nobody else that is named is ours: whom else the words accuse does not matter.
        if self.own_is_complete && tally.ours && tally.is_said_accused() {
            return Some(role);
        }
        // Where a field or a log says who did it, nobody is accused by a word in passing.
        let is_more =
            |it: &Tally| it.is_told_firmly() && it.sum(Role::Accused) >= 2.0 * tally.sum(Role::Accused);
        let named_firmly = || self.others(tally).any(|it| it.is_named_firmly() || is_more(it));
        if tally.is_named_in_passing() && named_firmly() {
            return None;
        }
        // Who came from there looked at what another one serves.
        let serves = |it: &Tally| it.role() == Some(Role::Accused) && !it.is_only_whence();
        if self.is_served && !tally.ours && tally.is_only_whence() && self.others(tally).any(serves) {
            return None;
        }
        // Who only speaks to one that a log accuses of more is its peer.
        if tally.is_peer && !tally.ours && tally.is_accused_by_log_only() {
            return None;
        }
        // A log shows others too: where words say who it was, they are bystanders.
        let named = |it: &Tally| it.is_accused_by_words() && it.contrasts_with(tally);
        let leaves_over = |it: &Tally| it.is_accused_by_words() && it.leaves_over(tally);
        let is_bystander = || {
            let mut others = self.others(tally);
            // Where a log names many sources, each may have one row.
            let is_source = |it: &Tally| it.role() == Some(Role::Accused) && it.is_accused_by_log_only();
            let is_only_other = || !self.others(tally).any(is_source);
            others.any(named) || (is_only_other() && self.others(tally).any(leaves_over))
        };
        if !tally.ours && tally.is_accused_by_log_only() && is_bystander() {
            return None;
        }
        if tally.ours {
            // What merely leans to ours gives way to words that accuse somebody else more.
            let others = self.tallies.iter().filter(|it| !it.ours && it.role() == Some(Role::Accused));
            let most = others.map(|it| it.sum(Role::Accused)).fold(0.0, f32::max);
            return (tally.sum(Role::Accused) >= most * OURS_LEAST_SHARE).then_some(role);
        }
        // A subject that merely names an address gives way to a text that accuses another.
        let text_accuses = || {
            let mut others = self.tallies.iter().filter(|it| it.role() == Some(Role::Accused));
            others.any(|it| it.accused_by_text() >= ACCUSED_MIN)
        };
        if tally.is_only_in_subject() && text_accuses() {
            return None;
        }
        (!self.names_ours()).then_some(role)
    }

    /// Returns how firmly words and fields say of an address that it did it.
    pub fn said_accused(&self, ip: IpAddr) -> f32 {
        self.places.get(&ip).map_or(0.0, |at| self.tallies[*at].accused_by_words())
    }

    /// Says whether it names one address, and says that it did something.
    pub fn only_one_is_accused(&self) -> bool {
        let is_named = |it: &&Tally| !address::is_private(it.ip) && it.role() != Some(Role::Infrastructure);
        let mut named = self.tallies.iter().filter(is_named);
        named.next().is_some_and(|it| it.role() == Some(Role::Accused)) && named.next().is_none()
    }

    fn others<'a>(&'a self, tally: &Tally) -> impl Iterator<Item = &'a Tally> {
        let ip = tally.ip;
        self.tallies.iter().filter(move |it| it.ip != ip)
    }

    /// Says whether a row of events or a field names one of the accused as the source, or a host of a private network.
    pub fn shows_the_source(&self) -> Shown {
        let of_ours = |it: &Tally| it.ours || address::is_private(it.ip);
        let shown = self.tallies.iter().filter(|it| it.is_shown());
        let shown = shown.map(|it| match self.role_of(it) {
            Some(Role::Accused) if of_ours(it) => Shown::Ours,
            Some(Role::Accused) => Shown::Somebody,
            None if address::is_private(it.ip) => Shown::Ours,
            _ => Shown::Nobody,
        });
        shown.max().unwrap_or_default()
    }

    fn accuses_another(&self, tally: &Tally) -> bool {
        let all_known = self.own_is_complete;
        let mut accused = self.others(tally).filter(|it| it.role() == Some(Role::Accused));
        accused.any(|it| !all_known || it.ours || !it.is_named_in_passing())
    }

    /// Says whether an address of ours did it or was attacked.
    fn names_ours(&self) -> bool {
        // Ours of which nothing is said is whom it means; ours that carried or told of it is not.
        let has_part = |tally: &Tally| !matches!(tally.role(), Some(Role::Infrastructure | Role::Reporter));
        self.tallies.iter().any(|tally| tally.ours && (self.own_is_complete || has_part(tally)))
    }

    /// Says whether an address of ours is named, and only as what was attacked.
    pub fn ours_attacked(&self) -> bool {
        let ours = || self.tallies.iter().filter(|tally| tally.ours);
        // A report that is read wrongly must not be closed: somebody else must be said to have done it.
        let others = || self.tallies.iter().any(|tally| !tally.ours && tally.is_said_accused());
        ours().next().is_some() && ours().all(|tally| tally.role() == Some(Role::Victim)) && others()
    }

    /// Returns the addresses of ours of which the notice says both: that they did it and that it was done to them.
    pub fn ours_unclear(&self) -> Vec<IpAddr> {
        self.tallies.iter().filter(|tally| tally.is_contradicted()).map(|tally| tally.ip).collect()
    }

    /// Says whether an address is named outside of what is quoted from an earlier mail.
    pub fn is_said_now(&self, ip: IpAddr) -> bool {
        self.places.get(&ip).is_some_and(|at| self.tallies[*at].is_said_now)
    }

    /// Says whether a subject names an accused one.
    pub fn is_report(&self) -> bool {
        self.tallies.iter().any(|tally| tally.is_in_subject() && self.role_of(tally) == Some(Role::Accused))
    }

    /// Says whether nothing but the prose of a letter accuses anybody.
    pub fn is_only_said(&self) -> bool {
        let mut accused =
            self.tallies.iter().filter(|tally| self.role_of(tally) == Some(Role::Accused)).peekable();
        accused.peek().is_some() && accused.all(Tally::is_only_in_prose)
    }

    /// Says whether a field or a subject names who did it, in so many words.
    pub fn names_the_source(&self) -> bool {
        let is_named =
            |tally: &Tally| tally.is_pointed_at(NAMED) && self.role_of(tally) == Some(Role::Accused);
        self.tallies.iter().any(is_named)
    }

    /// Returns the addresses of a role, in the order of the text.
    pub fn with(&self, role: Role) -> Vec<IpAddr> {
        self.tallies.iter().filter(|tally| self.role_of(tally) == Some(role)).map(|tally| tally.ip).collect()
    }

    /// Returns all addresses but those that merely carried the notice: the accused, the open, the others.
    pub fn named(&self) -> Vec<IpAddr> {
        let open = self.unsettled().into_iter().map(|tally| tally.ip).collect();
        let [accused, victims, reporters] =
            [Role::Accused, Role::Victim, Role::Reporter].map(|role| self.with(role));
        [accused, open, victims, reporters].concat()
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
        let open = self.open();
        if open.is_empty() || !open.iter().all(|index| self.tallies[*index].is_listed()) {
            return false;
        }
        open.into_iter().for_each(|index| self.tallies[index].settle_as_listed());
        true
    }

    /// Accuses the one address that is left when all others are settled and nothing speaks for it.
    pub fn settle_last(&mut self) -> Option<IpAddr> {
        let [only] = self.open()[..] else { return None };
        let tally = &mut self.tallies[only];
        if !tally.leans_to_accused() || address::is_private(tally.ip) {
            return None;
        }
        tally.settle_as_only();
        Some(tally.ip)
    }

    /// Accuses the one of several of a list that the letter's own sentences speak of.
    pub fn settle_spoken_of(&mut self, lines: &[Line<'_>]) -> Option<IpAddr> {
        let is_sentence = |line: &&Line<'_>| {
            line.kind == LineKind::Statement
                && line.role == SectionRole::Body
                && !line.is_quoted
                && line.has_words()
        };
        let sentences = lines.iter().filter(is_sentence).take(SENTENCES_MAX);
        let spoken_of: HashSet<IpAddr> =
            sentences.flat_map(|line| &line.spots).filter_map(|spot| spot.ip).collect();
        let open = self.open();
        let mut meant = open.iter().filter(|at| spoken_of.contains(&self.tallies[**at].ip));
        let (Some(only), None, true) = (meant.next(), meant.next(), open.len() > 1) else { return None };
        let tally = &mut self.tallies[*only];
        if !tally.leans_to_nobody() || address::is_private(tally.ip) {
            return None;
        }
        tally.settle_as_spoken_of();
        Some(tally.ip)
    }

    /// In a letter about what lets everybody in, "Resolver: 192.0.2.1" names whom it is about.
    pub fn turn_carriers(&mut self) {
        for tally in &mut self.tallies {
            tally.turn_carrier();
        }
    }

    /// Takes back what accuses an address that a sentence clears.
    pub fn exculpate(&mut self, ip: IpAddr, line: &Line<'_>) {
        if let Some(at) = self.places.get(&ip) {
            self.tallies[*at].exculpate(line);
        }
    }

    /// Returns the places of the addresses that are not settled.
    fn open(&self) -> Vec<usize> {
        (0..self.tallies.len()).filter(|index| self.tallies[*index].role().is_none()).collect()
    }

    /// Accuses the sender of an offending mail, unless anything but its place in headers is said of it.
    pub fn settle_sender(&mut self, ip: IpAddr, line: &Line<'_>) -> bool {
        let tally = self.places.get(&ip).map(|at| &mut self.tallies[*at]);
        let only_quoted =
            |tally: &&mut Tally| tally.sum(Role::Victim) < 0.1 && tally.sum(Role::Reporter) < 0.1;
        let Some(tally) = tally.filter(only_quoted) else {
            return false;
        };
        tally.settle_as_sender(line.section, line.number);
        true
    }

    /// Says whether a subject, a field or a word leans to accusing an address.
    pub fn is_named_outside_of_headers(&self, ip: IpAddr) -> bool {
        self.places.get(&ip).is_some_and(|at| self.tallies[*at].sum(Role::Accused) > 0.0)
    }

    fn tally(&mut self, ip: IpAddr, own: &[IpNet]) -> &mut Tally {
        let at = *self.places.entry(ip).or_insert_with(|| {
            self.tallies.push(Tally::new(ip, address::is_within(ip, own) && !address::is_private(ip)));
            self.tallies.len() - 1
        });
        &mut self.tallies[at]
    }
}

/// What points at a stranger so many times as firmly says that one of ours has another part.
const FAR_MORE: f32 = 2.5;
/// What accuses one of ours must weigh this much of what accuses a stranger most.
const OURS_LEAST_SHARE: f32 = 0.75;
/// A field or subject that says "source" is as firm as this.
const NAMED: f32 = 3.0;
/// How many different addresses of one notice are weighed.
const ADDRESSES_MAX: usize = 2000;
