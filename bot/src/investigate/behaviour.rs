//! What processes did on the network: activities of one program and its workers, summed.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::net::IpAddr;

use history::Activity;
use history::Direction;
use history::FlowState;
use history::Process;
use history::ProcessId;
use history::Protocol;
use history::UnixNs;
use history::Via;

use super::host::ACTIVITIES_MAX;
use super::host::Host;
use super::host::Identity;
use super::host::identity;
use super::named::Target;
use super::program::is_interpreter;
use super::program::program_name;
use super::words;
use crate::case::Behaviour;

/// Groups that are summed; of more, those that match most.
const GROUPS_MAX: usize = 192;

/// Longest chain of workers that start workers.
const WORKERS_DEPTH: usize = 16;

/// Addresses that are kept as examples.
const ADDRESSES_KEPT: usize = 64;

/// Port ranges that are kept.
const RANGES_KEPT: usize = 256;

/// Activities of one program and its workers, in one direction.
pub(super) struct Group<'a> {
    /// The process that did most of it.
    pub process: Option<&'a Process>,
    /// An owner that is named and not recorded.
    pub unrecorded: Option<ProcessId>,
    /// Its activities, and its workers'.
    pub activities: Vec<&'a Activity>,
    /// How many processes took part.
    pub processes: u64,
    /// Others who sent through its sockets.
    pub senders: Vec<ProcessId>,
    /// All of it in numbers.
    pub behaviour: Behaviour,
}

#[derive(PartialEq, Eq, Hash)]
enum Key<'a> {
    Program { above: Identity, exe: &'a str, script: &'a [String], inbound: bool },
    Unrecorded { process: Identity, inbound: bool },
    Nobody { via: Via, inbound: bool },
}

/// Groups a host's activities, those that match most first. Without a target everything "matches" what was asked,
/// and that says nothing: nothing is then counted as matching. With one, what does not match is left out.
pub(super) fn groups<'a>(host: &Host<'a>, target: &Target) -> Vec<Group<'a>> {
    if host.evidence.activities.len() > ACTIVITIES_MAX {
        host.contradiction("it names more activities than an answer holds");
    }
    let mut places: HashMap<Key<'a>, usize> = HashMap::new();
    let mut heaps: Vec<Heap<'a>> = Vec::new();
    for activity in host.evidence.activities.iter().take(ACTIVITIES_MAX) {
        if activity.matched > activity.flows {
            host.contradiction("more flows match than there are");
        }
        if activity.first > activity.last {
            host.contradiction("traffic ends before it begins");
        }
        let place = *places.entry(key(host, activity)).or_insert(heaps.len());
        if place == heaps.len() {
            heaps.push(Heap::default());
        }
        heaps[place].add(activity, target);
    }
    // To sum is dear, and an answer may hold a group for every process of a host.
    heaps.retain(|heap| !target.is_known() || heap.matched > 0);
    if heaps.len() > GROUPS_MAX {
        heaps.select_nth_unstable_by_key(GROUPS_MAX, Heap::rank);
        heaps.truncate(GROUPS_MAX);
    }
    let mut groups: Vec<Group<'a>> =
        heaps.into_iter().map(|heap| group(host, heap.activities, target)).collect();
    groups.sort_by(|a, b| {
        let rank = |group: &Group| (group.behaviour.matched, group.behaviour.targets, group.behaviour.flows);
        rank(b).cmp(&rank(a)).then_with(|| a.behaviour.events.cmp(&b.behaviour.events))
    });
    groups
}

/// Activities that belong together, before they are summed.
#[derive(Default)]
struct Heap<'a> {
    activities: Vec<&'a Activity>,
    matched: u64,
    targets: u64,
    flows: u64,
}

impl<'a> Heap<'a> {
    fn add(&mut self, activity: &'a Activity, target: &Target) {
        let matched = if target.has_addresses() { activity.matched.min(activity.flows) } else { 0 };
        self.matched = self.matched.saturating_add(matched).saturating_add(target.asked_by(&[activity]));
        self.targets = self.targets.max(activity.targets);
        self.flows = self.flows.saturating_add(activity.flows);
        self.activities.push(activity);
    }

    /// Those that match most first.
    fn rank(&self) -> (Reverse<(u64, u64, u64)>, u64) {
        let first = self.activities.iter().map(|activity| activity.first_event).min().unwrap_or(0);
        (Reverse((self.matched, self.targets, self.flows)), first)
    }
}

/// Who acts: the owner, or the sender where the owner only passes sockets on.
fn actor(activity: &Activity) -> Option<ProcessId> {
    match activity.process {
        Some(owner) if owner.tgid == 1 => activity.senders.first().copied().or(Some(owner)),
        owner => owner,
    }
}

fn key<'a>(host: &Host<'a>, activity: &Activity) -> Key<'a> {
    let inbound = activity.direction == Direction::In;
    let Some(id) = actor(activity) else {
        return Key::Nobody { via: activity.via, inbound };
    };
    let Some(place) = host.place(id) else {
        return Key::Unrecorded { process: identity(id), inbound };
    };
    let process = host.at(place);
    let mut top = place;
    for _ in 0..WORKERS_DEPTH {
        match host.parent_of(top).filter(|parent| host.at(*parent).exe == process.exe && *parent != top) {
            Some(parent) => top = parent,
            None => break,
        }
    }
    let script = if is_interpreter(program_name(process)) { process.argv.as_slice() } else { &[] };
    // Below the first process unrelated services stand side by side: only workers belong together there.
    let above = |place: usize| host.at(place).parent.filter(|parent| parent.tgid > 1);
    let (mut at, mut began) = (top, above(top));
    for _ in 0..WORKERS_DEPTH {
        let passing = began.and_then(|_| host.parent_of(at)).filter(|it| history::passes_on(host.at(*it)));
        match passing.and_then(|it| Some((it, above(it)?))) {
            Some((it, parent)) => (at, began) = (it, Some(parent)),
            None => break,
        }
    }
    let above = identity(began.unwrap_or(host.at(top).id));
    Key::Program { above, exe: &process.exe, script, inbound }
}

fn group<'a>(host: &Host<'a>, mut activities: Vec<&'a Activity>, target: &Target) -> Group<'a> {
    let targeted = target.has_addresses();
    activities.sort_by_key(|activity| {
        (Reverse((activity.matched, activity.targets, activity.flows)), activity.first_event)
    });
    if targeted {
        leave_out_other_runs(&mut activities);
    }
    let actors: BTreeSet<ProcessId> = activities.iter().filter_map(|activity| actor(activity)).collect();
    let process = activities.first().and_then(|activity| actor(activity));
    let mut senders: Vec<ProcessId> = activities
        .iter()
        .flat_map(|activity| activity.senders.iter().copied())
        .filter(|sender| !actors.iter().any(|actor| actor.same_process(sender)))
        .collect();
    senders.sort_unstable();
    senders.dedup_by(|a, b| a.same_process(b));
    let mut behaviour = sum(&activities, targeted);
    let asked = target.asked_by(&activities).min(behaviour.flows.max(1));
    behaviour.matched = behaviour.matched.max(asked);
    Group {
        process: process.and_then(|id| host.find(id)),
        unrecorded: process.filter(|id| host.find(*id).is_none()),
        processes: processes(&activities),
        senders,
        behaviour,
        activities,
    }
}

/// How many processes took part; those of one answer may be summed already.
fn processes(activities: &[&Activity]) -> u64 {
    let mut counts: BTreeMap<Identity, u64> = BTreeMap::new();
    for activity in activities {
        if let Some(id) = actor(activity) {
            let count = counts.entry(identity(id)).or_default();
            *count = (*count).max(activity.processes);
        }
    }
    counts.values().fold(0, |sum, count| sum.saturating_add(*count))
}

/// Leaves out siblings that did something large of their own and match nothing: the same tool run for another
/// target. Small ones are a loop's turns and belong to it.
fn leave_out_other_runs(activities: &mut Vec<&Activity>) {
    const LOOP_TARGETS: u64 = 3;
    let matching: BTreeSet<Option<Identity>> = activities
        .iter()
        .filter(|activity| activity.matched > 0)
        .map(|activity| actor(activity).map(identity))
        .collect();
    if !matching.is_empty() {
        activities.retain(|activity| {
            activity.targets <= LOOP_TARGETS || matching.contains(&actor(activity).map(identity))
        });
    }
}

/// Sums activities. Distinct targets of several are known only within bounds: the lower one is taken.
fn sum(activities: &[&Activity], targeted: bool) -> Behaviour {
    let told = telling(activities, targeted);
    let any_match = targeted && told.iter().any(|activity| activity.matched > 0);
    let total =
        |of: fn(&Activity) -> u64| told.iter().fold(0_u64, |sum, activity| sum.saturating_add(of(activity)));
    let state = |states: &[FlowState]| {
        let counts = told.iter().flat_map(|activity| &activity.states);
        counts
            .filter(|(state, _)| states.contains(state))
            .fold(0_u64, |sum, (_, count)| sum.saturating_add(*count))
    };
    let protocols = ordered(&told, |activity| activity.protocol);
    // What stands in a port's place for ICMP is none, and a scan's pings are not its ports.
    let main = protocols.first().copied().filter(|main| !is_icmp(*main));
    let with_ports: Vec<&Activity> =
        told.iter().copied().filter(|activity| Some(activity.protocol) == main).collect();
    let most = |of: fn(&Activity) -> u64| with_ports.iter().map(|activity| of(activity)).max().unwrap_or(0);
    let ranges = |matching: bool| {
        let listed = with_ports.iter().filter(|activity| !matching || activity.matched > 0);
        merge(listed.flat_map(|activity| activity.port_ranges.iter().copied()))
    };
    let port_ranges = ranges(any_match);
    let listed = words::ports_in(&port_ranges);
    let addresses: Vec<IpAddr> =
        distinct(told.iter().flat_map(|activity| activity.address_sample.iter().copied()));
    let address_count =
        told.iter().map(|activity| activity.addresses).max().unwrap_or(0).max(addresses.len() as u64);
    let targets = told.iter().map(|activity| activity.targets).max().unwrap_or(0);
    Behaviour {
        via: ordered(&told, |activity| activity.via),
        inbound: told.first().is_some_and(|activity| activity.direction == Direction::In),
        flows: total(|activity| activity.flows),
        matched: if targeted { total(|activity| activity.matched.min(activity.flows)) } else { 0 },
        addresses: address_count,
        ports: most(|activity| activity.ports).max(words::ports_in(&ranges(false))),
        targets: targets.max(address_count).max(listed),
        matched_ports: if any_match { most(|activity| activity.matched_ports).max(listed) } else { 0 },
        established: state(&[FlowState::Established, FlowState::Closed]),
        failed: state(&[FlowState::Refused, FlowState::TimedOut, FlowState::Failed, FlowState::Attempt]),
        sent: state(&[FlowState::Sent]),
        tcp_flags: told.iter().fold(0, |flags, activity| flags | activity.tcp_flags),
        packets: total(|activity| activity.packets),
        bytes: total(|activity| activity.bytes),
        bytes_received: total(|activity| activity.bytes_received),
        address_sample: addresses,
        port_ranges,
        local_addresses: distinct(told.iter().flat_map(|activity| activity.local_addresses.iter().copied())),
        first: told.iter().map(|activity| activity.first).min().unwrap_or(UnixNs(0)),
        last: told.iter().map(|activity| activity.last).max().unwrap_or(UnixNs(0)),
        events: told
            .iter()
            .take(8)
            .flat_map(|activity| [activity.first_event, activity.last_event])
            .collect(),
        protocols,
    }
}

/// The activities that describe a behaviour: of a process that matches only what matches, of its siblings all, and
/// without any match what is not small beside the rest, for a scanner also asks for names.
fn telling<'a>(activities: &[&'a Activity], targeted: bool) -> Vec<&'a Activity> {
    let matching: BTreeSet<Option<Identity>> = activities
        .iter()
        .filter(|activity| targeted && activity.matched > 0)
        .map(|activity| actor(activity).map(identity))
        .collect();
    let largest = activities.iter().map(|activity| activity.targets).max().unwrap_or(0);
    let tells = |activity: &Activity| {
        if matching.is_empty() {
            activity.targets >= largest / 10
        } else {
            activity.matched > 0 || !matching.contains(&actor(activity).map(identity))
        }
    };
    activities.iter().copied().filter(|activity| tells(activity)).collect()
}

fn is_icmp(protocol: Protocol) -> bool {
    matches!(protocol, Protocol::ICMP | Protocol::ICMPV6)
}

/// Values by how many flows match, then by flows.
fn ordered<T: Copy + Ord>(activities: &[&Activity], of: fn(&Activity) -> T) -> Vec<T> {
    let mut weights: BTreeMap<T, (u64, u64)> = BTreeMap::new();
    for activity in activities {
        let weight = weights.entry(of(activity)).or_default();
        weight.0 = weight.0.saturating_add(activity.matched);
        weight.1 = weight.1.saturating_add(activity.flows);
    }
    let mut values: Vec<(T, (u64, u64))> = weights.into_iter().collect();
    values.sort_by_key(|(_, weight)| Reverse(*weight));
    values.into_iter().map(|(value, _)| value).collect()
}

fn distinct(addresses: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    let mut seen = BTreeSet::new();
    addresses.take(ADDRESSES_KEPT * 16).filter(|address| seen.insert(*address)).take(ADDRESSES_KEPT).collect()
}

/// Ranges in order, overlapping and touching ones made one; those the wrong way round are dropped.
pub(super) fn merge(ranges: impl Iterator<Item = (u16, u16)>) -> Vec<(u16, u16)> {
    let mut ranges: Vec<(u16, u16)> = ranges.filter(|(from, to)| from <= to).take(65_536).collect();
    ranges.sort_unstable();
    let mut merged: Vec<(u16, u16)> = Vec::new();
    for (from, to) in ranges {
        match merged.last_mut() {
            Some((_, end)) if u32::from(from) <= u32::from(*end) + 1 => *end = (*end).max(to),
            _ => merged.push((from, to)),
        }
    }
    merged.truncate(RANGES_KEPT);
    merged
}

impl Behaviour {
    /// The main protocol.
    pub fn protocol(&self) -> Option<Protocol> {
        self.protocols.first().copied()
    }

    /// Whether the program wrote its packets itself.
    pub fn raw(&self) -> bool {
        self.via.iter().any(|via| matches!(via, Via::RawIp | Via::Packet))
    }

    /// Share of the connections that failed; 0 where nothing is known.
    pub fn failed_share(&self) -> f64 {
        let known = self.failed.saturating_add(self.established);
        if known == 0 { 0.0 } else { self.failed as f64 / known as f64 }
    }

    /// How long it went on, in seconds.
    pub fn seconds(&self) -> u64 {
        words::seconds_between(self.first, self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_ranges_merge() {
        let merged = merge([(5, 9), (1, 2), (3, 3), (9, 12), (65_535, 65_535), (8, 7)].into_iter());
        assert_eq!(merged, [(1, 3), (5, 12), (65_535, 65_535)]);
    }
}
