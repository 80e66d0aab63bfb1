//! Scans: many flows of one process that are alike but for the remote side, kept as one event. Pure.
//!
//! What becomes a set loses nothing that can be asked for: which endpoints, in which state, with how many packets and
//! bytes each. Of times it keeps the first and the last of all; flows of one set begin within one second of the wall
//! clock. Of local ports it keeps the lowest and the highest, which is the port where it is always the same.

mod set;

use std::collections::BTreeMap;
use std::collections::HashMap;

use serde::Deserialize;
use serde::Serialize;

use crate::event::Body;
use crate::event::Direction;
use crate::event::Endpoint;
use crate::event::Flow;
use crate::event::FlowState;
use crate::event::Protocol;
use crate::event::Via;
use crate::id::ProcessId;
use crate::id::UnixNs;

pub use set::EndpointSet;
pub use set::SET_MAX;

/// Alike flows from which on they are one event.
const ALIKE_MIN: usize = 16;

/// Packets of a flow above which it is no probe and stays an event of its own.
const PROBE_PACKETS_MAX: u64 = 3;

/// Flows of one process that differ only in the remote endpoint, the local port and the time within a second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Targets {
    /// As of a flow.
    pub owner: Option<ProcessId>,
    /// As of a flow.
    pub sender: Option<ProcessId>,
    /// Transport protocol.
    pub protocol: Protocol,
    /// Kind of socket.
    pub via: Via,
    /// Who began.
    pub direction: Direction,
    /// How far each got.
    pub state: FlowState,
    /// This side, with the lowest local port.
    pub local: Endpoint,
    /// The highest local port.
    pub local_port_last: u16,
    /// Packets sent to each.
    pub packets: u64,
    /// Bytes sent to each.
    pub bytes: u64,
    /// Payload bytes received from each.
    pub bytes_received: u64,
    /// TCP flags of the first packet where the program wrote them itself.
    pub tcp_flags: u8,
    /// First packet or attempt of all.
    pub first: UnixNs,
    /// Last packet or change of all.
    pub last: UnixNs,
    /// The other side, each once.
    pub remotes: EndpointSet,
}

impl Targets {
    /// The flow to one of the remotes, as far as the set tells it.
    pub fn flow(&self, remote: Endpoint) -> Flow {
        Flow {
            owner: self.owner,
            sender: self.sender,
            protocol: self.protocol,
            via: self.via,
            direction: self.direction,
            state: self.state,
            local: self.local,
            remote,
            packets: self.packets,
            bytes: self.bytes,
            bytes_received: self.bytes_received,
            tcp_flags: self.tcp_flags,
            first: self.first,
            last: self.last,
        }
    }

    /// The second of the wall clock in which its flows began.
    pub(crate) fn second(&self) -> i64 {
        second(self.first)
    }
}

/// The second of the wall clock in which a flow began.
pub(crate) fn second(first: UnixNs) -> i64 {
    first.0.div_euclid(1_000_000_000)
}

/// What flows of a set have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Alike {
    owner: Option<ProcessId>,
    sender: Option<ProcessId>,
    protocol: Protocol,
    via: Via,
    direction: Direction,
    state: FlowState,
    local: std::net::IpAddr,
    packets: u64,
    bytes: u64,
    bytes_received: u64,
    tcp_flags: u8,
    second: i64,
}

/// Turns the flows of one commit (each with its time since boot, ns) into events: alike ones into sets, the rest into
/// events of their own, oldest first.
///
/// Two flows of a process to one remote that began within one second stay events of their own, so that a set counts
/// each of its flows once.
pub fn with_targets(flows: Vec<(u64, Flow)>) -> Vec<(u64, Body)> {
    let mut times: HashMap<_, u32> = HashMap::new();
    for (_, flow) in &flows {
        *times.entry(same_start(flow)).or_default() += 1;
    }
    let mut alike: HashMap<Alike, Vec<usize>> = HashMap::new();
    for (index, (_, flow)) in flows.iter().enumerate() {
        if is_probe(flow) && times.get(&same_start(flow)) == Some(&1) {
            alike.entry(alike_of(flow)).or_default().push(index);
        }
    }
    alike.retain(|_, members| members.len() >= ALIKE_MIN);
    let mut set_of: BTreeMap<usize, Option<Vec<usize>>> = BTreeMap::new();
    for members in alike.into_values() {
        for chunk in members.chunks(SET_MAX) {
            set_of.extend(chunk.iter().map(|index| (*index, None)));
            // A set stands where its last flow stood: all that it tells of has happened.
            if let Some(last) = chunk.last() {
                set_of.insert(*last, Some(chunk.to_vec()));
            }
        }
    }
    let mut bodies = Vec::with_capacity(flows.len() - set_of.len().min(flows.len()));
    for (index, (boot_ns, flow)) in flows.iter().enumerate() {
        match set_of.get(&index) {
            None => bodies.push((*boot_ns, Body::Flow(Box::new(flow.clone())))),
            Some(None) => {}
            Some(Some(members)) => {
                let members = members.iter().map(|index| &flows[*index].1);
                bodies.push((*boot_ns, Body::Targets(Box::new(set(flow, members)))));
            }
        }
    }
    bodies
}

/// What neither stands nor carries anything worth a row of its own.
fn is_probe(flow: &Flow) -> bool {
    flow.packets <= PROBE_PACKETS_MAX
        && matches!(
            flow.state,
            FlowState::Sent
                | FlowState::Attempt
                | FlowState::Refused
                | FlowState::TimedOut
                | FlowState::Failed
        )
}

fn same_start(flow: &Flow) -> (Option<ProcessId>, Protocol, Via, Direction, Endpoint, i64) {
    (flow.owner, flow.protocol, flow.via, flow.direction, flow.remote, second(flow.first))
}

fn alike_of(flow: &Flow) -> Alike {
    Alike {
        owner: flow.owner,
        sender: flow.sender,
        protocol: flow.protocol,
        via: flow.via,
        direction: flow.direction,
        state: flow.state,
        local: flow.local.address,
        packets: flow.packets,
        bytes: flow.bytes,
        bytes_received: flow.bytes_received,
        tcp_flags: flow.tcp_flags,
        second: second(flow.first),
    }
}

fn set<'a>(like: &Flow, members: impl Iterator<Item = &'a Flow>) -> Targets {
    let mut targets = Targets {
        owner: like.owner,
        sender: like.sender,
        protocol: like.protocol,
        via: like.via,
        direction: like.direction,
        state: like.state,
        local: like.local,
        local_port_last: like.local.port,
        packets: like.packets,
        bytes: like.bytes,
        bytes_received: like.bytes_received,
        tcp_flags: like.tcp_flags,
        first: like.first,
        last: like.last,
        remotes: EndpointSet::default(),
    };
    let mut remotes = Vec::new();
    for flow in members {
        targets.local.port = targets.local.port.min(flow.local.port);
        targets.local_port_last = targets.local_port_last.max(flow.local.port);
        targets.first = targets.first.min(flow.first);
        targets.last = targets.last.max(flow.last);
        remotes.push(flow.remote);
    }
    targets.remotes = EndpointSet::new(remotes);
    targets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn flows(ports: std::ops::Range<u16>) -> Vec<(u64, Flow)> {
        ports.map(|port| (u64::from(port), testing::flow(1, port, UnixNs(i64::from(port))))).collect()
    }

    #[test]
    fn alike_flows_are_one_event_and_lose_nothing() {
        let mut all = flows(0..1000);
        all.push((1_000, Flow { state: FlowState::Established, ..testing::flow(1, 7, UnixNs(1)) }));
        all.push((1_001, Flow { packets: 900, ..testing::flow(1, 8, UnixNs(2_000_000_001)) }));
        let events = with_targets(all);
        assert_eq!(events.len(), 3 + 1, "{events:?}");
        let Body::Targets(targets) = &events[1].1 else { panic!("{events:?}") };
        let ports: Vec<_> = targets.remotes.endpoints().iter().map(|remote| remote.port).collect();
        // Port 7 was tried twice in that second: both stay as they are.
        assert_eq!(ports, (0..1000).filter(|port| *port != 7).collect::<Vec<u16>>());
        assert_eq!((targets.first, targets.last), (UnixNs(0), UnixNs(999)));
        let bytes = postcard::to_stdvec(&**targets).unwrap();
        assert_eq!(postcard::from_bytes::<Targets>(&bytes).unwrap(), **targets);
        let json = serde_json::to_string(&**targets).unwrap();
        assert_eq!(serde_json::from_str::<Targets>(&json).unwrap(), **targets);
    }

    #[test]
    fn few_or_differing_flows_stay_as_they_are() {
        let check = |flows: Vec<(u64, Flow)>| {
            let expected: Vec<_> =
                flows.iter().map(|(at, flow)| (*at, Body::Flow(Box::new(flow.clone())))).collect();
            assert_eq!(with_targets(flows), expected);
        };
        check(Vec::new());
        check(flows(0..15));
        let mut differing = flows(0..100);
        for (index, (_, flow)) in differing.iter_mut().enumerate() {
            flow.bytes = index as u64;
        }
        check(differing);
    }
}
