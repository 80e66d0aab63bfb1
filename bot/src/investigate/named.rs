//! Claims that name the other side by a DNS name: its addresses, as this host was told them, and who asked for it.
//!
//! Whoever asks for a name matches the claim, also where nothing was sent to its addresses: that is what a notice of a
//! watched resolver says. A resolver asks for others and is passed over; it is known by answering.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::net::IpAddr;

use history::Activity;
use history::DnsEvent;
use history::EventId;
use history::Evidence;
use history::Prefix;
use history::Request;
use history::UnixNs;

use super::behaviour::Group;
use super::host::Identity;
use super::host::identity;
use crate::case::Claim;

/// Events that a finding points at.
const EVENTS_MAX: usize = 8;

/// The other side of what is asked about, as one host knows it.
pub(super) struct Target {
    /// The addresses that were asked for, with those that the host was told the asked names have.
    pub remotes: Vec<Prefix>,
    is_known: bool,
    /// Who asked for the names, how often.
    askers: HashMap<Identity, u64>,
}

impl Target {
    pub fn new(request: &Request, evidence: &Evidence) -> Self {
        let named = || evidence.dns.iter().filter(|event| request.names.contains(&event.dns.name));
        let told: BTreeSet<_> = named().flat_map(|event| &event.dns.addresses).copied().collect();
        let whole = |address: IpAddr| Prefix { address, length: if address.is_ipv4() { 32 } else { 128 } };
        let mut askers = HashMap::new();
        for event in questions_for(&request.names, evidence) {
            *askers.entry(event.0).or_default() += 1;
        }
        Self {
            is_known: !request.remotes.is_empty() || named().next().is_some(),
            remotes: request.remotes.iter().copied().chain(told.into_iter().map(whole)).collect(),
            askers,
        }
    }

    /// Whether a match means something: an address was asked for, or a name that this host knew.
    pub fn is_known(&self) -> bool {
        self.is_known
    }

    /// Whether it has addresses that flows may match.
    pub fn has_addresses(&self) -> bool {
        !self.remotes.is_empty()
    }

    /// How often those whose activities these are asked for the names.
    pub fn asked_by(&self, activities: &[&Activity]) -> u64 {
        if self.askers.is_empty() {
            return 0;
        }
        takers_part(activities).iter().filter_map(|id| self.askers.get(id)).sum()
    }
}

/// Owners and senders of activities, each once.
fn takers_part(activities: &[&Activity]) -> BTreeSet<Identity> {
    activities.iter().flat_map(|it| it.process.iter().chain(&it.senders)).copied().map(identity).collect()
}

/// Questions for names with who asked them. A resolver asks for others; it is known by answering.
fn questions_for<'a>(
    names: &'a [String],
    evidence: &'a Evidence,
) -> impl Iterator<Item = (Identity, &'a DnsEvent)> {
    let answering =
        evidence.dns.iter().filter(|event| !names.is_empty() && event.dns.answer && event.dns.sent);
    let resolvers: BTreeSet<Identity> =
        answering.filter_map(|event| event.dns.process).map(identity).collect();
    evidence.dns.iter().filter_map(move |event| {
        let asker = identity(event.dns.process?);
        let asks = event.dns.sent && !event.dns.answer && names.contains(&event.dns.name);
        (asks && !resolvers.contains(&asker)).then_some((asker, event))
    })
}

/// The names that claims name.
pub(super) fn claimed(claims: &[&Claim]) -> Vec<String> {
    claims.iter().flat_map(|claim| claim.names.iter().cloned()).collect()
}

/// What was asked of DNS.
pub(super) struct Questions {
    /// The name.
    pub name: String,
    /// How often it was asked for.
    pub count: u64,
    /// First and last time.
    pub first: UnixNs,
    pub last: UnixNs,
    /// Some of the events.
    pub events: Vec<EventId>,
}

/// The questions of a group's processes for these names; none where there are none.
pub(super) fn questions(group: &Group, names: &[String], evidence: &Evidence) -> Option<Questions> {
    let ours = takers_part(&group.activities);
    let mut asked = questions_for(names, evidence).filter(|(asker, _)| ours.contains(asker));
    let (_, first) = asked.next()?;
    let mut questions = Questions {
        name: first.dns.name.clone(),
        count: 1,
        first: first.time,
        last: first.time,
        events: vec![first.event],
    };
    for (_, event) in asked {
        questions.count += 1;
        questions.first = questions.first.min(event.time);
        questions.last = questions.last.max(event.time);
        if questions.events.len() < EVENTS_MAX {
            questions.events.push(event.event);
        }
    }
    Some(questions)
}
