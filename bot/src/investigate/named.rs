//! Claims that name the other side by a DNS name: its addresses, as this host was told them, and who asked for it.
//!
//! Whoever asks for a name matches the claim, also where nothing was sent to its addresses: that is what a notice of a
//! watched resolver says. A resolver asks for others and is passed over; it is known by answering.

use std::collections::BTreeSet;

use history::EventId;
use history::Evidence;
use history::Prefix;
use history::ProcessId;
use history::Request;
use history::UnixNs;

use super::behaviour::Group;
use crate::case::Claim;

/// Events that a finding points at.
const EVENTS_MAX: usize = 8;

/// The addresses that were asked for, with those that the host was told the asked names have.
pub(super) fn remotes(request: &Request, evidence: &Evidence) -> Vec<Prefix> {
    let named = evidence.dns.iter().filter(|event| request.names.contains(&event.dns.name));
    let told: BTreeSet<_> = named.flat_map(|event| &event.dns.addresses).copied().collect();
    let whole =
        |address: std::net::IpAddr| Prefix { address, length: if address.is_ipv4() { 32 } else { 128 } };
    request.remotes.iter().copied().chain(told.into_iter().map(whole)).collect()
}

/// Whether a match means something: an address was asked for, or a name that this host knew.
pub(super) fn names_target(request: &Request, evidence: &Evidence) -> bool {
    !request.remotes.is_empty() || evidence.dns.iter().any(|event| request.names.contains(&event.dns.name))
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
    let resolvers: Vec<ProcessId> = (evidence.dns.iter())
        .filter(|event| event.dns.answer && event.dns.sent)
        .filter_map(|event| event.dns.process)
        .collect();
    let is_ours = |id: ProcessId| {
        !resolvers.iter().any(|resolver| resolver.same_process(&id))
            && group.activities.iter().any(|activity| {
                activity.process.is_some_and(|owner| owner.same_process(&id))
                    || activity.senders.iter().any(|sender| sender.same_process(&id))
            })
    };
    let mut asked = evidence.dns.iter().filter(|event| {
        let dns = &event.dns;
        dns.sent && !dns.answer && names.contains(&dns.name) && dns.process.is_some_and(is_ours)
    });
    let first = asked.next()?;
    let mut questions = Questions {
        name: first.dns.name.clone(),
        count: 1,
        first: first.time,
        last: first.time,
        events: vec![first.event],
    };
    for event in asked {
        questions.count += 1;
        questions.first = questions.first.min(event.time);
        questions.last = questions.last.max(event.time);
        if questions.events.len() < EVENTS_MAX {
            questions.events.push(event.event);
        }
    }
    Some(questions)
}

/// Counts a group's questions for the names as matches, and puts those first that match most.
pub(super) fn count_questions(groups: &mut [Group], names: &[String], evidence: &Evidence) {
    if names.is_empty() {
        return;
    }
    for group in groups.iter_mut() {
        if let Some(asked) = questions(group, names, evidence) {
            group.behaviour.matched =
                group.behaviour.matched.max(asked.count).min(group.behaviour.flows.max(1));
        }
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.behaviour.matched));
}
