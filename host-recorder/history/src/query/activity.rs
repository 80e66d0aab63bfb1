//! Flows summed by process. Pure.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::HashSet;
use std::net::IpAddr;

use crate::event::Direction;
use crate::event::Endpoint;
use crate::event::Flow;
use crate::event::FlowState;
use crate::event::Protocol;
use crate::event::Via;
use crate::evidence::Activity;
use crate::evidence::FlowEvent;
use crate::evidence::Request;
use crate::id::EventId;
use crate::id::ProcessId;

/// Addresses kept of an activity.
const ADDRESSES_MAX: usize = 32;
/// Ranges of ports kept of an activity.
const RANGES_MAX: usize = 512;

type Key = (Option<ProcessId>, Protocol, Via, Direction);

/// Who runs a program: processes of one program and user that the same parent started, turns of a loop.
pub(super) type Kin = (ProcessId, String, u32);

/// How much an answer holds.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    pub activities: usize,
    pub samples: usize,
}

/// What is counted of an activity while it is summed.
struct Sum {
    activity: Activity,
    targets: Distinct,
    matched: Distinct,
    locals: BTreeSet<IpAddr>,
    senders: BTreeSet<ProcessId>,
    states: BTreeMap<FlowState, u64>,
    /// Ends of datagrams that were received, this host's first: each processor that took some in tells a flow of its own.
    asked: HashSet<(Endpoint, Endpoint)>,
}

/// Sums flows (first event, last event, flow) to activities, and picks the earliest matching ones as samples.
/// `is_meant` says whether a process is one that the request asks for; `asked_of_us` who asked which service.
pub(super) fn sum(
    request: &Request,
    flows: impl Iterator<Item = (EventId, EventId, Flow)>,
    is_meant: &dyn Fn(Option<ProcessId>) -> bool,
    asked_of_us: &HashSet<(Option<ProcessId>, Endpoint)>,
    kin: &dyn Fn(ProcessId) -> Option<Kin>,
    bounds: Bounds,
) -> (Vec<Activity>, Vec<FlowEvent>) {
    let mut sums: BTreeMap<Key, Sum> = BTreeMap::new();
    let mut known: HashMap<Option<ProcessId>, bool> = HashMap::new();
    // The flows of one set share an event.
    let mut samples: BTreeMap<(EventId, Endpoint), Flow> = BTreeMap::new();
    for (first, last, flow) in flows {
        let mut meant = |id: Option<ProcessId>| *known.entry(id).or_insert_with(|| is_meant(id));
        let matched =
            matches(request, &flow) && (meant(flow.owner) || (flow.sender.is_some() && meant(flow.sender)));
        // What a service sends to whoever asked it belongs to the question.
        let answers = flow.state == FlowState::Sent && asked_of_us.contains(&(flow.owner, flow.remote));
        let direction = if answers { Direction::In } else { flow.direction };
        let key = (flow.owner, flow.protocol, flow.via, direction);
        let sum = sums.entry(key).or_insert_with(|| Sum::new(&Flow { direction, ..flow.clone() }, first));
        sum.add(&flow, first, last, matched, answers);
        if matched {
            samples.insert((first, flow.remote), flow);
            if samples.len() > bounds.samples {
                samples.pop_last();
            }
        }
    }
    if sums.len() > bounds.activities {
        sums = folded(sums, kin);
    }
    let mut activities: Vec<Activity> = sums.into_values().map(Sum::finish).collect();
    activities.sort_by_key(|activity| {
        let most = |count: u64| std::cmp::Reverse(count);
        (most(activity.matched), most(activity.targets), most(activity.flows), activity.first_event)
    });
    let samples = samples.into_iter().map(|((event, _), flow)| FlowEvent { event, flow }).collect();
    (activities, samples)
}

/// Sums of kin made one, under the first of them: a loop of short commands is one thing that was done.
fn folded(sums: BTreeMap<Key, Sum>, kin: &dyn Fn(ProcessId) -> Option<Kin>) -> BTreeMap<Key, Sum> {
    let mut folded: BTreeMap<Key, Sum> = BTreeMap::new();
    let mut first_of: HashMap<(Kin, Protocol, Via, Direction), Key> = HashMap::new();
    let mut ordered: Vec<(Key, Sum)> = sums.into_iter().collect();
    ordered.sort_by_key(|(_, sum)| sum.activity.first_event);
    for (key, sum) in ordered {
        let (process, protocol, via, direction) = key;
        let Some(kin) = process.and_then(kin) else {
            folded.insert(key, sum);
            continue;
        };
        let first = *first_of.entry((kin, protocol, via, direction)).or_insert(key);
        match folded.get_mut(&first) {
            Some(known) => known.join(sum),
            None => {
                folded.insert(first, sum);
            }
        }
    }
    folded
}

/// Whether a flow is one that the request asks for.
pub(super) fn matches(request: &Request, flow: &Flow) -> bool {
    let remote = request.remotes.is_empty() || is_asked(request, flow.remote.address);
    let port = request.ports.is_empty() || request.ports.contains(&flow.remote.port);
    let protocol = request.protocol.is_none_or(|protocol| same_protocol(protocol, flow.protocol));
    remote && port && protocol && !matches!(flow.state, FlowState::Listening | FlowState::Bound)
}

/// Whether an address is among those that a request names.
pub(super) fn is_asked(request: &Request, address: IpAddr) -> bool {
    request.remotes.iter().any(|prefix| prefix.contains(address))
}

/// ICMP is asked for without regard to the version of IP.
fn same_protocol(asked: Protocol, seen: Protocol) -> bool {
    let plain = |protocol| {
        if protocol == Protocol::ICMPV6 { Protocol::ICMP } else { protocol }
    };
    plain(asked) == plain(seen)
}

impl Sum {
    fn new(flow: &Flow, first: EventId) -> Self {
        Self {
            activity: Activity {
                process: flow.owner,
                processes: 1,
                senders: Vec::new(),
                protocol: flow.protocol,
                via: flow.via,
                direction: flow.direction,
                flows: 0,
                matched: 0,
                addresses: 0,
                ports: 0,
                targets: 0,
                matched_ports: 0,
                states: Vec::new(),
                tcp_flags: 0,
                packets: 0,
                bytes: 0,
                bytes_received: 0,
                address_sample: Vec::new(),
                port_ranges: Vec::new(),
                local_addresses: Vec::new(),
                first: flow.first,
                last: flow.last,
                first_event: first,
                last_event: first,
            },
            targets: Distinct::default(),
            matched: Distinct::default(),
            locals: BTreeSet::new(),
            senders: BTreeSet::new(),
            states: BTreeMap::new(),
            asked: HashSet::new(),
        }
    }

    /// `answers` says that the flow is counted already as the question that it answers.
    fn add(&mut self, flow: &Flow, first: EventId, last: EventId, matched: bool, answers: bool) {
        let activity = &mut self.activity;
        let told = flow.state == FlowState::Received && !self.asked.insert((flow.local, flow.remote));
        if !answers && !told {
            activity.flows += 1;
            activity.matched += u64::from(matched);
            *self.states.entry(flow.state).or_default() += 1;
        }
        activity.tcp_flags |= flow.tcp_flags;
        if flow.state != FlowState::Received {
            activity.packets = activity.packets.saturating_add(flow.packets);
        }
        activity.bytes = activity.bytes.saturating_add(flow.bytes);
        activity.bytes_received = activity.bytes_received.saturating_add(flow.bytes_received);
        activity.first = activity.first.min(flow.first);
        activity.last = activity.last.max(flow.last);
        activity.first_event = activity.first_event.min(first);
        activity.last_event = activity.last_event.max(last);
        if matched {
            self.matched.insert(flow.remote);
        } else if !matches!(flow.state, FlowState::Listening | FlowState::Bound) {
            // A socket that only waits has no other side.
            self.targets.insert(flow.remote);
        }
        self.locals.insert(flow.local.address);
        self.senders.extend(flow.sender.filter(|sender| Some(*sender) != flow.owner));
    }

    /// Adds what another process of the same kin did.
    fn join(&mut self, other: Self) {
        let (activity, more) = (&mut self.activity, other.activity);
        activity.processes += more.processes;
        activity.flows += more.flows;
        activity.matched += more.matched;
        activity.tcp_flags |= more.tcp_flags;
        activity.packets = activity.packets.saturating_add(more.packets);
        activity.bytes = activity.bytes.saturating_add(more.bytes);
        activity.bytes_received = activity.bytes_received.saturating_add(more.bytes_received);
        activity.first = activity.first.min(more.first);
        activity.last = activity.last.max(more.last);
        activity.first_event = activity.first_event.min(more.first_event);
        activity.last_event = activity.last_event.max(more.last_event);
        other.targets.held.into_iter().for_each(|target| self.targets.insert(target));
        other.matched.held.into_iter().for_each(|target| self.matched.insert(target));
        self.locals.extend(other.locals);
        self.senders.extend(other.senders);
        for (state, count) in other.states {
            *self.states.entry(state).or_default() += count;
        }
    }

    fn finish(self) -> Activity {
        let matched = self.matched.sorted();
        let all = Distinct { held: [self.targets.held, matched.clone()].concat(), sorted: 0 }.sorted();
        let ports =
            |targets: &[Endpoint]| targets.iter().map(|target| target.port).collect::<BTreeSet<u16>>();
        let all_ports = ports(&all);
        let matched_ports = ports(&matched);
        // Targets are sorted by address.
        let addresses = |targets: &[Endpoint]| {
            let mut addresses: Vec<IpAddr> = targets.iter().map(|target| target.address).collect();
            addresses.dedup();
            addresses
        };
        let mut address_sample = addresses(&matched);
        address_sample.truncate(ADDRESSES_MAX);
        let all_addresses = addresses(&all);
        let more = ADDRESSES_MAX - address_sample.len();
        let is_matched =
            |address: &IpAddr| matched.binary_search_by_key(address, |target| target.address).is_ok();
        address_sample
            .extend(all_addresses.iter().copied().filter(|address| !is_matched(address)).take(more));
        Activity {
            senders: self.senders.iter().copied().collect(),
            addresses: all_addresses.len() as u64,
            ports: all_ports.len() as u64,
            targets: all.len() as u64,
            matched_ports: matched_ports.len() as u64,
            states: self.states.into_iter().collect(),
            address_sample,
            port_ranges: ranges(if matched_ports.is_empty() { &all_ports } else { &matched_ports }),
            local_addresses: self.locals.into_iter().take(ADDRESSES_MAX).collect(),
            ..self.activity
        }
    }
}

/// Endpoints, each once in the end; in little more memory than they take.
#[derive(Default)]
struct Distinct {
    held: Vec<Endpoint>,
    /// How many of them were sorted last.
    sorted: usize,
}

impl Distinct {
    fn insert(&mut self, endpoint: Endpoint) {
        if self.held.last() == Some(&endpoint) {
            return;
        }
        if self.held.len() > 1024
            && self.held.len() > self.sorted * 2
            && self.held.len() == self.held.capacity()
        {
            self.held.sort_unstable();
            self.held.dedup();
            self.sorted = self.held.len();
        }
        self.held.push(endpoint);
    }

    fn sorted(mut self) -> Vec<Endpoint> {
        self.held.sort_unstable();
        self.held.dedup();
        self.held
    }
}

fn ranges(ports: &BTreeSet<u16>) -> Vec<(u16, u16)> {
    let mut ranges: Vec<(u16, u16)> = Vec::new();
    for port in ports {
        if let Some((_, last)) = ranges.last_mut().filter(|(_, last)| last.checked_add(1) == Some(*port)) {
            *last = *port;
        } else if ranges.len() < RANGES_MAX {
            ranges.push((*port, *port));
        } else {
            break;
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Prefix;

    #[test]
    fn prefixes_contain_what_they_should() {
        let check = |prefix: &str, length, address: &str, expected| {
            let prefix = Prefix { address: prefix.parse().unwrap(), length };
            assert_eq!(prefix.contains(address.parse().unwrap()), expected, "{prefix:?} {address}");
        };
        check("198.51.100.20", 32, "198.51.100.20", true);
        check("198.51.100.20", 32, "198.51.100.21", false);
        check("198.51.100.0", 24, "198.51.100.255", true);
        check("198.51.100.0", 24, "198.51.101.0", false);
        check("0.0.0.0", 0, "255.1.2.3", true);
        check("0.0.0.0", 0, "::1", false);
        check("2001:db8::", 32, "2001:db8:1::1", true);
        check("2001:db8::1", 128, "2001:db8::2", false);
        check("::", 0, "2001:db8::2", true);
    }

    #[test]
    fn ports_become_ranges() {
        assert_eq!(ranges(&[1, 2, 3, 9, 65535, 65534].into()), vec![(1, 3), (9, 9), (65534, 65535)]);
        assert_eq!(ranges(&(0..=u16::MAX).collect()), vec![(0, u16::MAX)]);
    }
}
