//! Ends of connections by which people come: what servers accepted last, and what this host opened to itself. Pure.
//!
//! A server that lets somebody in and tells no address (`login` below a telnetd, a service that only PAM writes of) does so
//! for the connection that it, or the server above it, accepted before it began. A login from this very host came by a
//! connection that one of its own processes made.

use std::cell::Cell;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::net::SocketAddr;

use history::Direction;
use history::Endpoint;
use history::Flow;
use history::FlowState;
use history::Process;
use history::ProcessId;

use crate::processes::Processes;

/// Servers whose connections are remembered, and how many of each.
const SERVERS_MAX: usize = 512;
const OF_ONE_SERVER_MAX: usize = 16;

/// Connections that one process opened of which it is known where they lead.
const LEADS_MAX: usize = 8;

/// Connections of this host to itself that are remembered.
const OWN_MAX: usize = 1_024;

/// Connections to other addresses that were opened last and may turn out to lead to this host itself, and how long that may
/// take, ns.
const OUTWARD_MAX: usize = 256;
const COMES_BACK_NS: u64 = 3_000_000_000;

/// How long after a connection a process begins that was begun for it, ns.
const BEGINS_NS: u64 = 3_000_000_000;

/// Connections within this of each other may be taken for one another, ns.
const ALIKE_NS: u64 = 1_000_000_000;

/// A process, whatever it executes.
pub(crate) type Identity = (u32, u64);

/// What is remembered of ends.
#[derive(Debug, Default)]
pub struct Ends {
    accepted: HashMap<Identity, Accepted>,
    /// What this host opened to itself.
    own: VecDeque<Own>,
    /// Whether some of those were let go.
    own_gone: bool,
    /// What this host opened last to addresses that are not its end's own.
    outward: VecDeque<Outward>,
    /// Connections that processes opened and that stand.
    opened: HashMap<Identity, Opened>,
    /// Servers that were let go while somebody might still be let in, since this was asked last.
    lost: Cell<u64>,
}

/// A connection that this host opened to itself.
#[derive(Debug)]
struct Own {
    /// When it stood, ns since boot.
    at: u64,
    /// The end of who opened it, and where it leads.
    local: Endpoint,
    remote: Endpoint,
    opener: ProcessId,
    /// Whether that had a connection with another host then.
    reaches: bool,
}

/// A connection that this host opened to another address than its own end's. That may be this host all the same: by a second
/// address, or from another network namespace. Where a gateway leads a public address back, the source is the gateway's, and
/// who is elsewhere could choose such a port.
#[derive(Debug)]
struct Outward {
    at: u64,
    local: Endpoint,
    opener: ProcessId,
}

/// Connections that a process opened and that stand.
#[derive(Debug, Default)]
struct Opened {
    count: u32,
    /// Those of them with other hosts.
    beyond: u32,
    /// Since when there is any, ns since boot, and where some of them lead, the latest last.
    since_ns: u64,
    leads: Vec<Endpoint>,
    /// Our ends of those that lead to this host itself, though their addresses do not tell.
    back: Vec<Endpoint>,
}

/// What a server accepted.
#[derive(Debug, Default)]
struct Accepted {
    /// Remote ends, in order, and when, ns since boot.
    list: VecDeque<(u64, Endpoint)>,
    /// When the last was accepted of those that were let go, and their address where they had one.
    gone: Option<(u64, Option<IpAddr>)>,
}

impl Accepted {
    fn note(&mut self, boot_ns: u64, remote: Endpoint) {
        if self.list.len() == OF_ONE_SERVER_MAX
            && let Some((at, end)) = self.list.pop_front()
        {
            let same = self.gone.is_none_or(|(_, address)| address == Some(end.address));
            self.gone = Some((at, same.then_some(end.address)));
        }
        self.list.push_back((boot_ns, remote));
    }

    fn last(&self) -> u64 {
        self.list.back().map_or(0, |(at, _)| *at)
    }
}

/// Whence somebody came, as far as connections tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// By this one. The port is 0 where that may be one of several from there.
    Known(Endpoint),
    /// By none, or by one of several addresses.
    Unknown,
    /// What would tell was let go: more came than is remembered.
    Lost,
}

impl Ends {
    /// Notes a connection that stands from now on.
    pub fn stands(&mut self, boot_ns: u64, flow: &Flow) {
        if flow.state != FlowState::Established {
            return;
        }
        match (flow.direction, flow.owner) {
            (Direction::In, owner) => {
                self.comes_back(boot_ns, flow);
                if let Some(owner) = owner {
                    self.note_accepted(owner, boot_ns, flow.remote);
                }
            }
            (Direction::Out, Some(opener)) if is_own(flow) => {
                self.note_own(boot_ns, opener, flow.local, flow.remote)
            }
            (Direction::Out, Some(opener)) => {
                if self.outward.len() == OUTWARD_MAX {
                    self.outward.pop_front();
                }
                self.outward.push_back(Outward { at: boot_ns, local: flow.local, opener });
            }
            (Direction::Out, None) => {}
        }
    }

    /// Notes who opened a connection that this host accepted, where it did so itself by other addresses.
    fn comes_back(&mut self, boot_ns: u64, accepted: &Flow) {
        let recent = |out: &&Outward| boot_ns.saturating_sub(out.at) <= COMES_BACK_NS;
        let mut recent = self.outward.iter().rev().take_while(recent);
        let Some(out) = recent.find(|out| out.local == accepted.remote) else { return };
        let (opener, ours) = (out.opener, out.local);
        if let Some(opened) = self.opened.get_mut(&identity(&opener))
            && opened.back.len() < LEADS_MAX
            && !opened.back.contains(&ours)
        {
            opened.back.push(ours);
        }
        self.note_own(boot_ns, opener, accepted.remote, accepted.local);
    }

    fn note_own(&mut self, boot_ns: u64, opener: ProcessId, local: Endpoint, remote: Endpoint) {
        if self.own.len() == OWN_MAX {
            self.own_gone = self.own.pop_front().is_some();
        }
        let reaches = self.reaches_beyond(&opener);
        self.own.push_back(Own { at: boot_ns, local, remote, opener, reaches });
    }

    /// Notes what became of a connection at a time, ns since boot, from what was known of it before.
    pub fn changed(&mut self, boot_ns: u64, before: Option<&Flow>, after: Option<&Flow>) {
        let (before, after) = (before.and_then(opened), after.and_then(opened));
        if before == after {
            return;
        }
        if let Some((owner, _, remote, beyond)) = after {
            let opened = self.opened.entry(owner).or_default();
            if opened.count == 0 {
                opened.since_ns = boot_ns;
            }
            opened.count += 1;
            opened.beyond += u32::from(beyond);
            if opened.leads.len() < LEADS_MAX {
                opened.leads.push(remote);
            }
        }
        if let Some((owner, local, remote, beyond)) = before
            && let Some(opened) = self.opened.get_mut(&owner)
        {
            opened.count = opened.count.saturating_sub(1);
            opened.beyond = opened.beyond.saturating_sub(u32::from(beyond));
            opened.back.retain(|end| *end != local);
            if let Some(at) = opened.leads.iter().rposition(|end| *end == remote) {
                opened.leads.remove(at);
            }
            if opened.count == 0 {
                self.opened.remove(&owner);
            }
        }
    }

    fn reaches_beyond(&self, id: &ProcessId) -> bool {
        self.opened.get(&identity(id)).is_some_and(|opened| opened.beyond as usize > opened.back.len())
    }

    /// Where a connection leads that a process opened, where it has had some since before a time, ns since boot.
    pub fn leads_to(&self, id: &ProcessId, before: u64) -> Option<Endpoint> {
        self.opened.get(&identity(id)).filter(|opened| opened.since_ns <= before)?.leads.last().copied()
    }

    /// Processes whose accepted connections are remembered, as far as they are still known.
    pub fn servers<'a>(&'a self, known: &'a Processes) -> impl Iterator<Item = &'a Process> {
        self.accepted.keys().filter_map(|(pid, start_ns)| {
            let id = known.by_pid(*pid).filter(|id| id.start_ns == *start_ns)?;
            known.get(&id)
        })
    }

    fn note_accepted(&mut self, owner: ProcessId, boot_ns: u64, remote: Endpoint) {
        if self.accepted.len() == SERVERS_MAX && !self.accepted.contains_key(&identity(&owner)) {
            let oldest = self.accepted.iter().min_by_key(|(_, of)| of.last()).map(|(server, _)| *server);
            let gone = oldest.and_then(|server| self.accepted.remove(&server));
            // Later nothing is begun for what it accepted.
            if gone.is_some_and(|gone| boot_ns.saturating_sub(gone.last()) <= BEGINS_NS) {
                self.lost.set(self.lost.get() + 1);
            }
        }
        self.accepted.entry(identity(&owner)).or_default().note(boot_ns, remote);
    }

    /// How many servers were let go since this was asked last of whose sessions it will not be told whence they came.
    pub fn lost(&self) -> u64 {
        self.lost.take()
    }

    /// Whence somebody came whom a process let in: the connection that it was begun for; none that is known where the
    /// process belongs to a session that began before.
    pub fn source_of(&self, process: &Process, known: &Processes) -> Source {
        let mut began = None;
        for above in known.lineage(process) {
            // The first process accepts for services that have nothing to do with each other.
            if above.id.tgid == 1 || (began.is_some() && known.began_session(&above.id)) {
                return Source::Unknown;
            }
            if let Some(accepted) = self.accepted.get(&identity(&above.id)) {
                return begun_for(accepted, began);
            }
            began = Some(above.id.start_ns);
        }
        Source::Unknown
    }

    /// Whether a process, or what is above it in its session, accepted a connection from an address.
    pub fn accepted_from(&self, address: IpAddr, process: &Process, known: &Processes) -> bool {
        let within = |above: &&Process| above.id.tgid != 1 && !known.began_session(&above.id);
        known
            .lineage(process)
            .take_while(within)
            .any(|above| self.accepted_by(&above.id, u64::MAX).any(|(_, end)| end.address == address))
    }

    /// The connections that this host opened to itself, in order: when, ns since boot, by whom, from where to where.
    pub fn own(&self) -> impl Iterator<Item = (u64, ProcessId, Endpoint, Endpoint)> {
        self.own.iter().map(|own| (own.at, own.opener, own.local, own.remote))
    }

    /// Who on this host opened the connection whose other end came from here.
    pub fn opener(&self, source: SocketAddr) -> Option<ProcessId> {
        let source = Endpoint { address: source.ip(), port: source.port() };
        self.own.iter().rev().find(|own| own.local == source).map(|own| own.opener)
    }

    /// Whether a process has a connection with another host that it opened, or had one when it opened that connection of
    /// this host to itself.
    pub fn reaches(&self, id: &ProcessId, source: Endpoint) -> bool {
        let reached = |own: &Own| own.reaches && own.local == source && own.opener.same_process(id);
        self.reaches_beyond(id) || self.own.iter().rev().any(reached)
    }

    /// What a process accepted up to some time, and when, ns since boot, the latest first.
    pub fn accepted_by(&self, id: &ProcessId, up_to: u64) -> impl Iterator<Item = (u64, Endpoint)> {
        let list = self.accepted.get(&identity(id)).map(|accepted| &accepted.list);
        let list = list.into_iter().flat_map(|list| list.iter().rev());
        list.filter(move |(at, _)| *at <= up_to).copied()
    }

    /// Whether that may be one of those that were let go, where nobody is known to have opened it.
    pub fn opener_is_lost(&self, source: IpAddr) -> bool {
        self.own_gone && (source.is_loopback() || self.own.iter().any(|own| own.local.address == source))
    }
}

/// The connection of a server that a process was begun for, by when it was; or the only one's that the server itself
/// may mean.
fn begun_for(Accepted { list, gone }: &Accepted, began: Option<u64>) -> Source {
    let before = |at: u64| began.is_none_or(|began| at <= began);
    let in_time = |at: u64| began.is_none_or(|began| began.saturating_sub(at) <= BEGINS_NS);
    let Some((at, end)) = list.iter().rev().find(|(at, _)| before(*at)).copied() else {
        return if gone.is_some_and(|(at, _)| in_time(at)) { Source::Lost } else { Source::Unknown };
    };
    if !in_time(at) {
        return Source::Unknown;
    }
    let may_be = |other: u64| before(other) && (began.is_none() || at.saturating_sub(other) <= ALIKE_NS);
    let alike = || list.iter().filter(|(other, _)| may_be(*other)).map(|(_, end)| end);
    if alike().any(|other| other.address != end.address) {
        return Source::Unknown;
    }
    let gone = gone.filter(|(other, _)| may_be(*other));
    match gone {
        Some((_, Some(address))) if address != end.address => return Source::Unknown,
        Some((_, None)) => return Source::Lost,
        _ => {}
    }
    let port = if gone.is_none() && alike().all(|other| *other == end) { end.port } else { 0 };
    Source::Known(Endpoint { port, ..end })
}

/// Who opened a connection that stands, from which end, where it leads, and whether that is another host as far as its
/// addresses tell.
fn opened(flow: &Flow) -> Option<(Identity, Endpoint, Endpoint, bool)> {
    let stands = flow.state == FlowState::Established && flow.direction == Direction::Out;
    flow.owner.filter(|_| stands).map(|owner| (identity(&owner), flow.local, flow.remote, !is_own(flow)))
}

/// Whether both ends of a connection are this host's.
fn is_own(flow: &Flow) -> bool {
    flow.local.address == flow.remote.address || flow.remote.address.is_loopback()
}

pub(crate) fn identity(id: &ProcessId) -> Identity {
    (id.tgid, id.start_ns)
}

#[cfg(test)]
mod tests {
    use history::BootId;
    use history::Login;
    use history::UnixNs;

    use super::*;
    use crate::testing::connection;

    const S: u64 = 1_000_000_000;

    fn end(address: &str, port: u16) -> Endpoint {
        Endpoint { address: address.parse().unwrap(), port }
    }

    fn id(tgid: u32, start_ns: u64) -> ProcessId {
        ProcessId { boot: BootId(1), tgid, start_ns, exec: 1 }
    }

    fn process(id: ProcessId, parent: Option<ProcessId>) -> Process {
        Process { parent, ..crate::testing::process(id) }
    }

    /// A server, what it began for a connection, and `login` below that.
    fn tree() -> (Processes, [Process; 3]) {
        let mut known = Processes::default();
        let server = process(id(2, 1), None);
        let child = process(id(3, 100 * S + 5), Some(server.id));
        let login = process(id(4, 101 * S), Some(child.id));
        for process in [&server, &child, &login] {
            known.insert(process.clone(), 0);
        }
        (known, [server, child, login])
    }

    #[test]
    fn who_is_let_in_came_by_the_connection_that_its_server_began_it_for() {
        let (known, [server, _, login]) = tree();
        let ours = end("10.0.1.10", 23);
        let came = |list: &[(u64, &str, u16)]| {
            let mut ends = Ends::default();
            for (at, address, port) in list {
                ends.stands(*at, &connection(server.id, Direction::In, ours, end(address, *port)));
            }
            ends.source_of(&login, &known)
        };
        let (early, at, late) = (50 * S, 100 * S, 100 * S + 9);
        assert_eq!(came(&[]), Source::Unknown);
        let one = [(early, "192.0.2.1", 1), (at, "192.0.2.2", 2), (late, "192.0.2.3", 3)];
        assert_eq!(came(&one), Source::Known(end("192.0.2.2", 2)));
        assert_eq!(came(&[(at - 1, "192.0.2.1", 1), (at, "192.0.2.2", 2)]), Source::Unknown, "either");
        assert_eq!(
            came(&[(at - 1, "192.0.2.2", 1), (at, "192.0.2.2", 2)]),
            Source::Known(end("192.0.2.2", 0))
        );
        assert_eq!(came(&[(early, "192.0.2.1", 1)]), Source::Unknown, "it was begun for something else");
        // More than is remembered: what was let go may be the one, or may not.
        let after = |first: &[(u64, &'static str, u16)], at: u64, address: &'static str| {
            let mut list = first.to_vec();
            list.extend((0..OF_ONE_SERVER_MAX as u64).map(|number| (at + number, address, 9)));
            came(&list)
        };
        assert_eq!(after(&[(at, "192.0.2.2", 2)], late, "192.0.2.3"), Source::Lost);
        assert_eq!(after(&[(early, "192.0.2.2", 2)], late, "192.0.2.3"), Source::Unknown);
        let (other, same) = ([(at - 30, "192.0.2.1", 1)], [(at - 30, "192.0.2.3", 1)]);
        assert_eq!(after(&other, at - 20, "192.0.2.3"), Source::Unknown, "either");
        assert_eq!(after(&same, at - 20, "192.0.2.3"), Source::Known(end("192.0.2.3", 0)));
        let several = [other[0], same[0]];
        assert_eq!(after(&several, at - 20, "192.0.2.3"), Source::Lost);
        assert_eq!(
            after(&[(early, "192.0.2.1", 1)], at - 20, "192.0.2.3"),
            Source::Known(end("192.0.2.3", 9))
        );
    }

    #[test]
    fn a_server_of_many_connections_tells_none_of_them_and_a_session_is_none() {
        let (mut known, [server, child, login]) = tree();
        let mut ends = Ends::default();
        let ours = end("10.0.1.10", 23);
        ends.stands(1, &connection(server.id, Direction::In, ours, end("192.0.2.1", 1)));
        assert_eq!(ends.source_of(&server, &known), Source::Known(end("192.0.2.1", 1)));
        ends.stands(100 * S, &connection(server.id, Direction::In, ours, end("192.0.2.2", 2)));
        assert_eq!(ends.source_of(&server, &known), Source::Unknown);
        assert_eq!(ends.source_of(&login, &known), Source::Known(end("192.0.2.2", 2)));
        known.set_login(&child.id, UnixNs(0), 0, Login::default());
        assert_eq!(ends.source_of(&login, &known), Source::Unknown, "it runs within a session");
        let (mut known, _) = tree();
        let sudo = Login { method: "elevation".to_owned(), ..Login::default() };
        known.set_login(&server.id, UnixNs(0), 0, sudo);
        let came = Source::Known(end("192.0.2.2", 2));
        assert_eq!(ends.source_of(&login, &known), came, "sudo became the server");
    }

    #[test]
    fn what_the_first_process_accepted_for_others_is_nobodys() {
        let mut known = Processes::default();
        let init = process(id(1, 1), None);
        let getty = process(id(5, 100 * S + 5), Some(init.id));
        known.insert(init.clone(), 0);
        let mut ends = Ends::default();
        let flow = connection(init.id, Direction::In, end("10.0.1.10", 22), end("192.0.2.1", 1));
        ends.stands(100 * S, &flow);
        assert_eq!(ends.source_of(&getty, &known), Source::Unknown);
    }

    #[test]
    fn who_opened_a_connection_to_this_host_itself() {
        let (client, mut ends) = (id(9, 9), Ends::default());
        let (here, there) = (end("10.0.1.10", 4000), end("10.0.1.10", 22));
        ends.stands(1, &connection(client, Direction::Out, here, there));
        ends.stands(1, &connection(client, Direction::Out, end("10.0.1.10", 4001), end("192.0.2.1", 22)));
        assert_eq!(ends.opener("10.0.1.10:4000".parse().unwrap()), Some(client));
        assert_eq!(ends.opener("10.0.1.10:4001".parse().unwrap()), None, "it leads elsewhere");
    }

    #[test]
    fn a_connection_to_this_host_by_other_addresses_is_its_openers_and_leads_nowhere_else() {
        let client = id(9, 9);
        let ours = end("10.0.1.10", 4000);
        // A second address, and one that the host's firewall leads back.
        for asked in ["10.0.1.77", "203.0.113.5"] {
            let (mut ends, out) = (Ends::default(), connection(client, Direction::Out, ours, end(asked, 22)));
            let comes = connection(id(7, 7), Direction::In, end("10.0.1.77", 22), ours);
            let source = (ours.address, ours.port).into();
            ends.stands(1, &out);
            ends.changed(1, None, Some(&out));
            assert!(ends.reaches(&client, ours), "as far as addresses tell");
            ends.stands(2, &comes);
            assert_eq!((ends.opener(source), ends.reaches(&client, ours)), (Some(client), false), "{asked}");
            ends.changed(3, Some(&out), None);
            assert!(ends.opened.is_empty() && ends.opener(source) == Some(client));
        }
        // From elsewhere by the same port, by another port, and long after.
        for (from, at) in [(end("192.0.2.10", 4000), 2), (end("10.0.1.10", 4001), 2), (ours, 9 * S)] {
            let mut ends = Ends::default();
            ends.stands(1, &connection(client, Direction::Out, ours, end("192.0.2.10", 22)));
            ends.stands(at, &connection(id(7, 7), Direction::In, end("10.0.1.10", 22), from));
            assert_eq!(ends.opener((from.address, from.port).into()), None, "{from:?}");
        }
    }

    #[test]
    fn who_reaches_another_host_while_it_opens_a_connection_here_may_carry() {
        let (client, mut ends) = (id(9, 9), Ends::default());
        let (here, there) = (end("127.0.0.1", 4000), end("127.0.0.1", 22));
        let out = connection(client, Direction::Out, end("10.0.1.10", 4001), end("192.0.2.1", 22));
        let waits = Flow { state: FlowState::Attempt, ..out.clone() };
        let opens = |ends: &mut Ends, port: u16| {
            ends.stands(1, &connection(client, Direction::Out, end("127.0.0.1", port), there));
            ends.reaches(&client, end("127.0.0.1", port))
        };
        assert!(!opens(&mut ends, 4000), "nothing");
        ends.changed(1, None, Some(&waits));
        ends.changed(1, None, Some(&connection(client, Direction::Out, here, there)));
        ends.changed(1, None, Some(&connection(client, Direction::In, here, end("192.0.2.1", 7))));
        assert!(!opens(&mut ends, 4002), "only to this host, and what it took in and waits for");
        ends.changed(5, Some(&waits), Some(&out));
        ends.changed(5, Some(&out), Some(&out));
        assert!(opens(&mut ends, 4003) && ends.reaches(&client, here), "now");
        ends.changed(5, Some(&out), None);
        assert!(ends.reaches(&client, end("127.0.0.1", 4003)), "then");
        assert!(!ends.reaches(&client, here) && !ends.reaches(&id(8, 8), end("127.0.0.1", 4003)));
        assert_eq!(ends.leads_to(&client, 0), None, "it has had some since 1");
        assert_eq!(ends.leads_to(&client, 1), Some(there));
        ends.changed(9, Some(&connection(client, Direction::Out, here, there)), None);
        assert!(ends.opened.is_empty());
    }

    #[test]
    fn what_is_remembered_has_bounds() {
        let mut ends = Ends::default();
        let ours = end("127.0.0.1", 23);
        for tgid in 0..2_000_u32 {
            let owner = id(tgid % 600, 1);
            ends.stands(tgid.into(), &connection(owner, Direction::In, ours, end("192.0.2.1", 1)));
            ends.stands(tgid.into(), &connection(owner, Direction::Out, ours, ours));
            ends.stands(tgid.into(), &connection(id(7_000, 1), Direction::In, ours, ours));
        }
        assert_eq!((ends.accepted.len(), ends.own.len()), (SERVERS_MAX, OWN_MAX));
        assert_eq!(ends.accepted[&(7_000, 1)].list.len(), OF_ONE_SERVER_MAX);
        // Each let another go at once, for which somebody might still have been let in; later nobody is.
        assert!(ends.lost() > 0 && ends.lost() == 0);
        ends.stands(BEGINS_NS * 9, &connection(id(7_001, 1), Direction::In, ours, end("192.0.2.1", 1)));
        assert_eq!(ends.lost(), 0);
        let (elsewhere, here) = ("203.0.113.7".parse().unwrap(), "127.0.0.1".parse().unwrap());
        assert!(ends.opener_is_lost(ours.address) && ends.opener_is_lost(here));
        assert!(!ends.opener_is_lost(elsewhere) && !Ends::default().opener_is_lost(here));
    }
}
