//! Flows between two commits: changes of one flow are merged, so that a port that refuses is one event, not two.
//! Pure.

use std::collections::HashMap;
use std::collections::HashSet;
use std::collections::VecDeque;

use history::Direction;
use history::Endpoint;
use history::Flow;
use history::FlowState;
use history::ProcessId;
use history::Protocol;
use history::UnixNs;
use history::Via;

use crate::decode::Connection;
use crate::ends::Ends;

/// Flows that wait for the next commit before one is forced.
pub const PENDING_MAX: usize = 8_000;

/// Changes of connections that wait to be put in order before the older half is taken as it came.
const CHANGES_MAX: usize = 20_000;

/// Connections followed at once. What is beyond is recorded change by change.
const CONNECTIONS_MAX: usize = 100_000;

/// Ended connections whose ends are remembered.
const ACCEPTED_BEFORE_MAX: usize = 1_024;

/// How long after a connection was accepted, or had ended, a session may begin by it, ns: sshd gives two minutes.
const LET_IN_NS: u64 = 600_000_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    owner: Option<ProcessId>,
    protocol: Protocol,
    via: Via,
    direction: Direction,
    remote: Endpoint,
    local_port: u16,
    first: UnixNs,
}

/// A connection that is not over.
struct Followed {
    flow: Flow,
    /// The remote end that its socket has: the host's firewall may have it go elsewhere.
    asked: Endpoint,
}

/// Flows that changed since the last commit, and connections that are not over.
#[derive(Default)]
pub struct Flows {
    /// Changes of connections since [`Flows::settle`]: an attempt waits in the kernel, and what comes of it does not.
    changes: Vec<Connection>,
    connections: HashMap<u64, Followed>,
    /// Ends, the remote one first, of connections that were accepted and stand, and by which process.
    accepted: HashMap<(Endpoint, Endpoint), Option<u32>>,
    /// Those that stood last.
    accepted_before: VecDeque<((Endpoint, Endpoint), Option<u32>)>,
    /// When the ends of one that was accepted were last let go, ns since boot.
    accepted_gone_ns: Option<u64>,
    ends: Ends,
    /// Ports that were listened on when the recorder began.
    listened: HashSet<u16>,
    pending: HashMap<Key, (u64, Flow)>,
    /// Datagrams that arrived since [`Flows::settle`].
    arrived: Vec<(u64, Flow)>,
    leaders: Leaders,
}

/// Who sent the first datagram between a local port and a remote end: answers to a question of ours are no traffic
/// of their own. Remembers the last so many pairs, in two generations.
#[derive(Default)]
struct Leaders {
    young: HashMap<(u16, Endpoint), Direction>,
    old: HashMap<(u16, Endpoint), Direction>,
}

/// Pairs of one generation.
const LEADERS_MAX: usize = 32_768;

impl Leaders {
    /// Who led; `now` does where nobody did before.
    fn of(&mut self, flow: &Flow) -> Direction {
        let pair = (flow.local.port, flow.remote);
        if let Some(led) = self.young.get(&pair) {
            return *led;
        }
        let led = self.old.get(&pair).copied().unwrap_or(flow.direction);
        if self.young.len() == LEADERS_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(pair, led);
        led
    }
}

impl Flows {
    /// Takes a change of a connection.
    pub fn connection(&mut self, connection: Connection) {
        self.changes.push(connection);
        if self.changes.len() >= CHANGES_MAX {
            // What is late belongs to what happened last.
            self.changes.sort_by_key(|change| change.boot_ns);
            let middle = self.changes[CHANGES_MAX / 2].boot_ns;
            self.settle_changes(middle);
        }
    }

    /// Follows connections through what happened up to some time, ns since boot.
    fn settle_changes(&mut self, up_to: u64) {
        self.changes.sort_by_key(|change| change.boot_ns);
        let later = self.changes.partition_point(|change| change.boot_ns <= up_to);
        let later = self.changes.split_off(later);
        for change in std::mem::replace(&mut self.changes, later) {
            self.follow(change);
        }
    }

    fn follow(&mut self, connection: Connection) {
        let Connection { boot_ns, socket, over, flow, .. } = connection;
        if connection.translated {
            self.translate(boot_ns, socket, flow);
            return;
        }
        let begins = matches!(flow.state, FlowState::Attempt) || connection.accepted;
        let mut now = flow;
        let mut asked = now.remote;
        // A connect that is given up is torn down before its addresses are read. Of another remote end it is another
        // connection, whose beginning was lost.
        let is_same = |known: &&Followed| now.remote.port == 0 || now.remote == known.asked;
        let known = if begins { None } else { self.connections.get(&socket).filter(is_same) };
        if let Some(Followed { flow: known, asked: before }) = known {
            now.first = known.first;
            now.direction = known.direction;
            now.owner = known.owner;
            now.sender = known.sender;
            now.remote = known.remote;
            asked = *before;
            if known.local.port != 0 && now.local.port == 0 {
                now.local = known.local;
            }
        } else if !begins && self.listened.contains(&now.local.port) {
            // It stood before the recorder did: who began it is not kept.
            now.direction = Direction::In;
        }
        self.note_accepted(boot_ns, &now, over);
        self.ends.stands(boot_ns, &now);
        if over {
            let before = self.connections.remove(&socket).map(|before| before.flow);
            self.ends.changed(boot_ns, before.as_ref(), None);
        } else if self.connections.len() < CONNECTIONS_MAX {
            let followed = Followed { flow: now.clone(), asked };
            let before = self.connections.insert(socket, followed).map(|before| before.flow);
            self.ends.changed(boot_ns, before.as_ref(), Some(&now));
        }
        let ends_listening = over && now.state == FlowState::Listening;
        if !ends_listening {
            // The local port is not settled at the first change; a connection is told by its beginning.
            self.put(0, boot_ns, now);
        }
    }

    /// An attempt left for another address than was asked for. What the program asked for stays an attempt; from here on
    /// the connection is one with that address. A repeated first segment says nothing new.
    fn translate(&mut self, boot_ns: u64, socket: u64, flow: Flow) {
        let mut now = flow;
        if let Some(known) = self.connections.get_mut(&socket) {
            if known.flow.remote == now.remote {
                return;
            }
            now.owner = known.flow.owner;
            now.sender = known.flow.sender;
            known.flow = now.clone();
        }
        self.put(0, boot_ns, now);
    }

    /// Notes ports that were listened on when the recorder began.
    pub fn listened(&mut self, ports: HashSet<u16>) {
        self.listened = ports;
    }

    /// Whether a connection stands, or stood a moment ago, that the remote side began, for what began at some time, ns since
    /// boot; and whether the process that accepted it, where that is known, is one of those that may have. None where it may
    /// be one of those that were let go.
    pub fn is_accepted(
        &self,
        remote: Endpoint,
        local: Endpoint,
        boot_ns: u64,
        may_be: impl Fn(Option<u32>) -> bool,
    ) -> Option<bool> {
        let ends = (remote, local);
        let before =
            || self.accepted_before.iter().rfind(|(other, _)| *other == ends).map(|(_, owner)| owner);
        if let Some(owner) = self.accepted.get(&ends).or_else(before) {
            return Some(may_be(*owner));
        }
        let is_gone = |at: u64| boot_ns.saturating_sub(at) <= LET_IN_NS;
        (!self.accepted_gone_ns.is_some_and(is_gone)).then_some(false)
    }

    /// By which connections people may have come.
    pub fn ends(&self) -> &Ends {
        &self.ends
    }

    /// Takes the totals of a flow of packets.
    pub fn packets(&mut self, boot_ns: u64, flow: Flow) {
        let datagrams = matches!(flow.state, FlowState::Sent | FlowState::Received);
        if datagrams && flow.protocol == Protocol::UDP && flow.via == Via::Socket {
            self.arrived.push((boot_ns, flow));
        } else {
            self.put(flow.local.port, boot_ns, flow);
        }
    }

    /// Puts what was taken in order: to be called when all that happened up to some time, ns since boot, was.
    pub fn settle(&mut self, up_to: u64) {
        self.settle_changes(up_to);
        self.settle_datagrams();
    }

    /// Tells answers from questions among the datagrams that arrived.
    fn settle_datagrams(&mut self) {
        let mut arrived = std::mem::take(&mut self.arrived);
        arrived.sort_by_key(|(_, flow)| flow.first);
        for (boot_ns, flow) in arrived {
            let led = self.leaders.of(&flow);
            if flow.direction == Direction::Out || led == Direction::In {
                self.put(flow.local.port, boot_ns, flow);
            }
        }
    }

    /// How many wait.
    pub fn pending(&self) -> usize {
        self.pending.len() + self.arrived.len() + self.changes.len()
    }

    /// What changed, oldest first, with its time since boot in ns.
    pub fn take(&mut self) -> Vec<(u64, Flow)> {
        self.settle_datagrams();
        let mut flows: Vec<_> = self.pending.drain().map(|(_, flow)| flow).collect();
        flows.sort_by_key(|(boot_ns, flow)| (*boot_ns, flow.remote));
        flows
    }

    fn note_accepted(&mut self, boot_ns: u64, flow: &Flow, over: bool) {
        let ends = (flow.remote, flow.local);
        if flow.direction != Direction::In || flow.state == FlowState::Listening {
            return;
        }
        if over {
            let Some(owner) = self.accepted.remove(&ends) else {
                return;
            };
            self.accepted_before.push_back((ends, owner));
            if self.accepted_before.len() > ACCEPTED_BEFORE_MAX {
                self.accepted_before.pop_front();
                self.accepted_gone_ns = Some(boot_ns);
            }
        } else if self.accepted.len() < CONNECTIONS_MAX {
            self.accepted.insert(ends, flow.owner.map(|owner| owner.tgid));
        } else if !self.accepted.contains_key(&ends) {
            self.accepted_gone_ns = Some(boot_ns);
        }
    }

    fn put(&mut self, local_port: u16, boot_ns: u64, flow: Flow) {
        let key = Key {
            owner: flow.owner,
            protocol: flow.protocol,
            via: flow.via,
            direction: flow.direction,
            remote: flow.remote,
            local_port,
            first: flow.first,
        };
        match self.pending.get_mut(&key) {
            // Totals only grow; a cache read and a record may overtake each other.
            Some((_, known)) if known.packets > flow.packets => {}
            Some(known) => *known = (boot_ns, flow),
            None => {
                self.pending.insert(key, (boot_ns, flow));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(socket: u64, state: FlowState, at: i64, over: bool, local_port: u16) -> Connection {
        let address = "192.0.2.1".parse().unwrap();
        Connection {
            boot_ns: at as u64,
            socket,
            accepted: false,
            open_before: false,
            over,
            translated: false,
            flow: Flow {
                owner: None,
                sender: None,
                protocol: Protocol::TCP,
                via: Via::Socket,
                direction: Direction::Out,
                state,
                local: Endpoint { address, port: local_port },
                remote: Endpoint { address, port: 80 },
                packets: 0,
                bytes: 0,
                bytes_received: 0,
                tcp_flags: 0,
                first: UnixNs(at),
                last: UnixNs(at),
            },
        }
    }

    #[test]
    fn an_attempt_and_its_refusal_are_one_flow() {
        let mut flows = Flows::default();
        flows.connection(change(1, FlowState::Attempt, 10, false, 0));
        flows.connection(change(1, FlowState::Refused, 20, true, 4000));
        flows.settle(20);
        let taken = flows.take();
        assert_eq!(taken.len(), 1);
        let flow = &taken[0].1;
        assert_eq!((flow.state, flow.first, flow.last), (FlowState::Refused, UnixNs(10), UnixNs(20)));
        assert_eq!(flow.local.port, 4000);
        assert!(flows.connections.is_empty());
    }

    #[test]
    fn a_change_after_a_commit_still_tells_when_it_began() {
        let mut flows = Flows::default();
        flows.connection(change(1, FlowState::Attempt, 10, false, 0));
        flows.settle(10);
        assert_eq!(flows.take().len(), 1);
        flows.connection(change(1, FlowState::Established, 2_000, false, 4000));
        flows.connection(change(2, FlowState::Attempt, 2_001, false, 0));
        flows.settle(2_001);
        let taken = flows.take();
        assert_eq!(taken.len(), 2);
        assert_eq!(taken[0].1.first, UnixNs(10));
    }

    #[test]
    fn what_came_of_an_attempt_may_be_told_before_it() {
        let mut flows = Flows::default();
        flows.connection(change(1, FlowState::Established, 20, false, 4000));
        // The attempt still waits in the kernel when this is read.
        flows.settle(5);
        assert!(flows.take().is_empty());
        flows.connection(change(1, FlowState::Attempt, 10, false, 0));
        flows.settle(30);
        let taken = flows.take();
        assert_eq!(taken.len(), 1, "one connection: {taken:?}");
        assert_eq!((taken[0].1.state, taken[0].1.first), (FlowState::Established, UnixNs(10)));
    }

    #[test]
    fn a_connection_that_overtakes_its_attempt_is_one_flow() {
        let mut flows = Flows::default();
        flows.connection(change(1, FlowState::Established, 20, false, 4000));
        flows.connection(change(1, FlowState::Attempt, 10, false, 0));
        // Its attempt lies in a batch that is taken next time.
        flows.connection(change(2, FlowState::Established, 40, false, 4001));
        flows.settle(30);
        flows.connection(change(2, FlowState::Attempt, 35, false, 0));
        flows.settle(50);
        let taken: Vec<_> = flows.take().into_iter().map(|(_, flow)| (flow.state, flow.first)).collect();
        let stands = FlowState::Established;
        assert_eq!(taken, [(stands, UnixNs(10)), (stands, UnixNs(35))]);
    }

    #[test]
    fn what_stood_before_on_a_port_that_was_listened_on_was_begun_by_the_other_side() {
        let mut flows = Flows::default();
        flows.listened(HashSet::from([443]));
        // Both end; the second was listed first.
        flows.connection(change(1, FlowState::Closed, 10, true, 443));
        flows.connection(change(2, FlowState::Established, 11, false, 443));
        flows.connection(change(2, FlowState::Closed, 12, true, 443));
        flows.connection(change(3, FlowState::Closed, 13, true, 40_000));
        flows.settle(20);
        let taken: Vec<_> = flows.take().iter().map(|(_, flow)| (flow.direction, flow.local.port)).collect();
        assert_eq!(taken, [(Direction::In, 443), (Direction::In, 443), (Direction::Out, 40_000)]);
    }

    #[test]
    fn a_connection_that_the_firewall_has_go_elsewhere_is_one_with_that_address() {
        let elsewhere = Endpoint { address: "203.0.113.5".parse().unwrap(), port: 8_080 };
        let left = |at| {
            let mut left = change(1, FlowState::Attempt, at, false, 4000);
            (left.translated, left.flow.remote) = (true, elsewhere);
            left
        };
        let mut flows = Flows::default();
        flows.connection(change(1, FlowState::Attempt, 10, false, 4000));
        flows.connection(left(11));
        // Sent once more.
        flows.connection(left(1_011));
        flows.connection(change(1, FlowState::Established, 1_012, false, 4000));
        flows.settle(1_500);
        let told = |flows: &mut Flows| -> Vec<_> {
            flows.take().into_iter().map(|(_, flow)| (flow.state, flow.first.0, flow.remote.port)).collect()
        };
        assert_eq!(told(&mut flows), [(FlowState::Attempt, 10, 80), (FlowState::Established, 11, 8_080)]);
        flows.connection(change(1, FlowState::Closed, 2_000, true, 4000));
        // Another socket of the same memory, whose beginning was lost.
        flows.connection(change(2, FlowState::Attempt, 2_001, false, 4001));
        let mut other = change(2, FlowState::Established, 2_002, false, 4002);
        other.flow.remote.port = 443;
        flows.connection(other);
        flows.settle(3_000);
        let rest = told(&mut flows);
        assert_eq!(rest[0], (FlowState::Closed, 11, 8_080));
        assert_eq!(rest[1..], [(FlowState::Attempt, 2_001, 80), (FlowState::Established, 2_002, 443)]);
    }

    #[test]
    fn ends_that_were_let_go_are_not_known() {
        let accepted = |socket: u64, at: u64, over: bool| {
            let mut change = change(socket, FlowState::Established, at as i64, over, 22);
            change.accepted = !over;
            change.flow.direction = Direction::In;
            // So many that ports do not suffice.
            let address = std::net::Ipv4Addr::from(0x0a00_0000 + socket as u32);
            change.flow.remote = Endpoint { address: address.into(), port: 40_000 };
            change
        };
        let asked = |flows: &Flows, socket: u64, at: u64| {
            let flow = accepted(socket, 0, false).flow;
            flows.is_accepted(flow.remote, flow.local, at, |_| true)
        };
        let mut flows = Flows::default();
        (0..CONNECTIONS_MAX as u64).for_each(|socket| flows.follow(accepted(socket, 1, false)));
        assert_eq!((asked(&flows, 7, 1), asked(&flows, 1 << 20, 1)), (Some(true), Some(false)));
        flows.follow(accepted(1 << 20, 2, false));
        assert_eq!(asked(&flows, 1 << 20, 3), None);
        assert_eq!(asked(&flows, 1 << 20, 3 + LET_IN_NS), Some(false), "a session begins soon");

        let mut flows = Flows::default();
        for socket in 0..=ACCEPTED_BEFORE_MAX as u64 {
            assert_eq!(asked(&flows, 1 << 20, 1), Some(false));
            flows.follow(accepted(socket, 1, false));
            flows.follow(accepted(socket, 2, true));
        }
        assert_eq!((asked(&flows, 0, 3), asked(&flows, 1, 3)), (None, Some(true)));
    }

    #[test]
    fn totals_never_shrink() {
        let mut flows = Flows::default();
        let flow = |packets| Flow { packets, ..change(1, FlowState::Sent, 1, false, 1).flow };
        flows.packets(1, flow(5));
        flows.packets(2, flow(3));
        flows.settle(u64::MAX);
        assert_eq!(flows.take()[0].1.packets, 5);
    }

    #[test]
    fn an_answer_is_no_traffic_of_its_own_and_a_question_from_outside_is() {
        let datagram = |direction, first, port| Flow {
            protocol: Protocol::UDP,
            direction,
            state: if direction == Direction::In { FlowState::Received } else { FlowState::Sent },
            packets: 1,
            ..change(1, FlowState::Sent, first, false, port).flow
        };
        let mut flows = Flows::default();
        // Taken out of order: the batches of one flush are.
        flows.packets(4, datagram(Direction::Out, 4, 11_211));
        flows.packets(3, datagram(Direction::In, 3, 11_211));
        flows.packets(2, datagram(Direction::In, 2, 40_000));
        flows.packets(1, datagram(Direction::Out, 1, 40_000));
        flows.settle(u64::MAX);
        let taken: Vec<_> = flows.take().iter().map(|(_, flow)| (flow.direction, flow.local.port)).collect();
        assert_eq!(taken, [(Direction::Out, 40_000), (Direction::In, 11_211), (Direction::Out, 11_211)]);
        // What was known to be a question is one after the kernel forgot the flow, too.
        flows.packets(9, datagram(Direction::In, 9, 11_211));
        flows.packets(9, datagram(Direction::In, 9, 40_000));
        flows.settle(u64::MAX);
        assert_eq!(flows.take().len(), 1);
    }
}
