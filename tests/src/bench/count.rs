//! What a ring holds of what a load did: the one place that knows which events stand for it. Pure.
//!
//! A recorder that is cheap because it records nothing must not pass, so each load says what it
//! did, and that is counted here.

use std::collections::HashMap;
use std::collections::HashSet;

use history::Body;
use history::Endpoint;
use history::Event;
use history::Flow;
use history::FlowState;
use history::LossClass;
use history::Protocol;
use history::Seen;
use history::UnixNs;

/// What a load did, so many times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deeds {
    /// What.
    pub what: Deed,
    /// How often.
    pub count: u64,
}

/// What a load did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// Programs executed, each with an argument that begins so.
    Executions {
        /// The beginning.
        mark: String,
    },
    /// Programs executed in a directory.
    ExecutionsIn {
        /// The directory.
        cwd: String,
    },
    /// Different endpoints that a process sent to.
    Targets {
        /// The process.
        pid: u32,
        /// By which protocol.
        protocol: Protocol,
    },
    /// Packets that a process sent, to however many.
    Packets {
        /// The process.
        pid: u32,
        /// By which protocol.
        protocol: Protocol,
    },
    /// TCP connections that processes had, to however many.
    Connections {
        /// The processes.
        pids: Vec<u32>,
    },
}

/// How often a deed stands in a ring.
pub fn recorded(events: &[Event], deed: &Deed) -> u64 {
    let mut tally = Tally::default();
    for event in events {
        tally.take(event, deed);
    }
    tally.total(deed)
}

/// How many events of a class the ring says were lost; of every class when none is named.
pub fn lost(events: &[Event], wanted: Option<LossClass>) -> u64 {
    let count = |event: &Event| match event.body {
        Body::Loss { class, count, .. } if wanted.is_none_or(|wanted| wanted == class) => count,
        _ => 0,
    };
    events.iter().map(count).sum()
}

/// A flow is written again with its totals so far: the last word counts.
type FlowKey = (Endpoint, Endpoint, UnixNs);

#[derive(Default)]
struct Tally {
    /// Processes are written again in each file that names them.
    executions: HashSet<history::ProcessId>,
    targets: HashSet<Endpoint>,
    packets: HashMap<FlowKey, u64>,
    /// By the other side and the beginning.
    connections: HashSet<(Endpoint, UnixNs)>,
    /// Those told by sets, which tell of beginnings to the second.
    members: HashSet<(Endpoint, i64)>,
}

impl Tally {
    fn take(&mut self, event: &Event, deed: &Deed) {
        match &event.body {
            Body::Process(process) if process.seen == Seen::Exec => {
                let is_meant = match deed {
                    Deed::Executions { mark } => process.argv.iter().any(|word| word.starts_with(mark)),
                    Deed::ExecutionsIn { cwd } => process.cwd == *cwd,
                    _ => false,
                };
                if is_meant {
                    self.executions.insert(process.id);
                }
            }
            Body::Flow(flow) if self.take_flow(flow, deed) => {
                self.connections.insert((flow.remote, flow.first));
            }
            Body::Targets(targets) => {
                for remote in targets.remotes.endpoints() {
                    if self.take_flow(&targets.flow(remote), deed) {
                        self.members.insert((remote, second(targets.first)));
                    }
                }
            }
            _ => {}
        }
    }

    /// Whether a flow is one of those that are counted.
    fn take_flow(&mut self, flow: &Flow, deed: &Deed) -> bool {
        let (pids, protocol) = match deed {
            Deed::Targets { pid, protocol } | Deed::Packets { pid, protocol } => {
                (std::slice::from_ref(pid), *protocol)
            }
            Deed::Connections { pids } => (pids.as_slice(), Protocol::TCP),
            Deed::Executions { .. } | Deed::ExecutionsIn { .. } => return false,
        };
        let is_by = |id: &history::ProcessId| pids.contains(&id.tgid);
        if flow.protocol != protocol
            || matches!(flow.state, FlowState::Listening | FlowState::Bound | FlowState::Received)
            || !(flow.owner.iter().any(is_by) || flow.sender.iter().any(is_by))
        {
            return false;
        }
        let key = (flow.local, flow.remote, flow.first);
        self.targets.insert(flow.remote);
        let packets = self.packets.entry(key).or_default();
        *packets = (*packets).max(flow.packets);
        true
    }

    fn total(&self, deed: &Deed) -> u64 {
        match deed {
            Deed::Executions { .. } | Deed::ExecutionsIn { .. } => self.executions.len() as u64,
            Deed::Targets { .. } => self.targets.len() as u64,
            Deed::Packets { .. } => self.packets.values().sum(),
            Deed::Connections { .. } => {
                let told: HashSet<_> =
                    self.connections.iter().map(|(remote, first)| (*remote, second(*first))).collect();
                (self.connections.len() + self.members.difference(&told).count()) as u64
            }
        }
    }
}

/// The second of the wall clock that a time lies in.
fn second(at: UnixNs) -> i64 {
    at.0.div_euclid(1_000_000_000)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use history::BootId;
    use history::Direction;
    use history::Flow;
    use history::ProcessId;
    use history::Via;

    use super::*;

    fn flow(tgid: u32, address: u8, local_port: u16, packets: u64, first: i64) -> Event {
        let at = |last, port| Endpoint { address: Ipv4Addr::new(127, 0, 0, last).into(), port };
        let body = Body::Flow(Box::new(Flow {
            owner: Some(ProcessId { boot: BootId(1), tgid, start_ns: 1, exec: 1 }),
            sender: None,
            protocol: Protocol::UDP,
            via: Via::Socket,
            direction: Direction::Out,
            state: FlowState::Sent,
            local: at(1, local_port),
            remote: at(address, 9),
            packets,
            bytes: 0,
            bytes_received: 0,
            tcp_flags: 0,
            first: UnixNs(first),
            last: UnixNs(first),
        }));
        Event { id: 0, time: UnixNs(0), boot_ns: 0, body }
    }

    fn loss(class: LossClass, count: u64) -> Event {
        Event { id: 0, time: UnixNs(0), boot_ns: 0, body: Body::Loss { class, count, from: UnixNs(0) } }
    }

    #[test]
    fn what_is_written_twice_is_counted_once_and_others_not_at_all() {
        let events = [
            flow(7, 1, 50, 10, 1),
            flow(7, 1, 50, 25, 1),
            flow(7, 2, 50, 1, 2),
            flow(8, 3, 50, 1, 3),
            flow(7, 1, 50, 5, 90),
        ];
        let (pid, protocol) = (7, Protocol::UDP);
        assert_eq!(recorded(&events, &Deed::Targets { pid, protocol }), 2);
        assert_eq!(recorded(&events, &Deed::Packets { pid, protocol }), 31);
        assert_eq!(recorded(&events, &Deed::Targets { pid, protocol: Protocol::TCP }), 0);
        assert_eq!(recorded(&events, &Deed::Executions { mark: String::new() }), 0);
    }

    #[test]
    fn a_connection_is_one_whatever_it_learns_of_its_port() {
        let mut events = vec![flow(7, 1, 0, 0, 1), flow(7, 1, 50, 0, 1), flow(7, 1, 51, 0, 2_000_000_000)];
        for event in &mut events {
            if let Body::Flow(flow) = &mut event.body {
                flow.protocol = Protocol::TCP;
            }
        }
        assert_eq!(recorded(&events, &Deed::Connections { pids: vec![7] }), 2);
    }

    #[test]
    fn losses_are_summed_by_class() {
        let events = [loss(LossClass::Flow, 3), loss(LossClass::Identity, 4), loss(LossClass::Flow, 5)];
        assert_eq!(lost(&events, Some(LossClass::Flow)), 8);
        assert_eq!(lost(&events, None), 12);
    }
}
