//! Who has a program of somebody's session or job do something over a connection: an address, or a program of this host. Pure.
//!
//! Whoever started a service by hand did not do what others ask of it. What it accepted is known, and of a connection of
//! this host to itself also who opened it: a web server that stands before the service asks for strangers, the person's own
//! client for the person. That is told when the service, or what it started, does something, for the answer to a question
//! about that time need not hold the service's other traffic.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::net::SocketAddr;

use history::Endpoint;
use history::Login;
use history::Operation;
use history::OperationKind;
use history::Process;
use history::ProcessId;
use history::Seen;

use crate::attached;
use crate::beginnings::program;
use crate::ends::Ends;
use crate::neighbours::Neighbours;
use crate::polls::Polls;
use crate::processes::Processes;

/// Processes that did something and wait to be looked at.
const ACTING_MAX: usize = 16_384;

/// Services of which it is remembered what was told.
const TOLD_MAX: usize = 4_096;

/// How often the same is told of one service, and anything, ns.
const SAME_EVERY_NS: u64 = 60_000_000_000;
const ANY_EVERY_NS: u64 = 1_000_000_000;

/// How long a connection has stood at the least over which a process may have waited for what to do, ns.
const WAITED_LEAST_NS: u64 = 1_000_000_000;

/// Programs that are looked at for one question: those of this host may ask each other, one for the next.
const LOOKS_MAX: u32 = 64;

/// What is remembered between programs.
#[derive(Debug, Default)]
pub struct Askers {
    acting: HashMap<ProcessId, Act>,
    /// What was told last of a process, and when, ns since boot.
    told: HashMap<(ProcessId, OperationKind), (u64, String)>,
    /// Processes that were let go unlooked at since this was asked last.
    lost: u64,
}

/// What a process did since it was looked at.
#[derive(Debug, Clone, Copy)]
struct Act {
    /// When first and last, ns since boot.
    first: u64,
    last: u64,
    /// Whether it started a program.
    starts: bool,
}

impl Askers {
    /// Notes that a process did something, or that what it started did; whether it started a program.
    pub fn acts(&mut self, id: ProcessId, boot_ns: u64, starts: bool) {
        if let Some(act) = self.acting.get_mut(&id) {
            (act.first, act.last) = (boot_ns.min(act.first), boot_ns.max(act.last));
            act.starts |= starts;
        } else if self.acting.len() < ACTING_MAX {
            self.acting.insert(id, Act { first: boot_ns, last: boot_ns, starts });
        } else {
            self.lost += 1;
        }
    }

    /// Who was asked by another than whom it belongs to before it acted, as far as connections are settled, up to
    /// `settled_ns` since boot: by whom last, and since when that may be what it acts for. And what else a process that
    /// started a program may have learnt over a connection.
    pub fn due(&mut self, known: &Processes, ends: &Ends, settled_ns: u64) -> Vec<(u64, Operation)> {
        let mut due = Vec::new();
        let polls = OnceCell::new();
        let neighbours = OnceCell::new();
        for (id, act) in std::mem::take(&mut self.acting) {
            if act.last > settled_ns {
                // What it did later waits for what came before that.
                let first = act.first.max(settled_ns.saturating_add(1)).min(act.last);
                self.acting.insert(id, Act { first, ..act });
            }
            let Some(process) = known.get(&id).filter(|_| act.first <= settled_ns) else { continue };
            let up_to = act.last.min(settled_ns);
            let mut tell = |at: u64, kind, detail: String| {
                if self.is_news(&id, kind, at, &detail) {
                    due.push((at, Operation { process: Some(id), kind, detail }));
                }
            };
            let looks = &mut { LOOKS_MAX };
            let before = accepted(process, act.first, known, ends, &neighbours);
            // What came between its first and its last deed is what later ones may be for.
            let mut between = accepted(process, up_to, known, ends, &neighbours);
            between.retain(|(came, _)| *came > act.first);
            between.reverse();
            let asked = asker(process, &before, known, ends, looks)
                .or_else(|| asker(process, &between, known, ends, looks));
            if let Some((came, by)) = asked {
                tell(came.max(act.first), OperationKind::Asked, by);
            } else if let Some((came, by)) = other_session(process, &before, known, ends)
                .or_else(|| other_session(process, &between, known, ends))
            {
                tell(came.max(act.first), OperationKind::Awaits, by);
            }
            if act.starts
                && let Some(what) = learns(process, act.first, known, ends, &polls)
            {
                tell(act.first, OperationKind::Awaits, what);
            }
        }
        due.sort_by_key(|(at, operation)| (*at, operation.process));
        due
    }

    fn is_news(&mut self, id: &ProcessId, kind: OperationKind, at: u64, by: &str) -> bool {
        let key = (*id, kind);
        let is_news = self.told.get(&key).is_none_or(|(told, last)| {
            let every = if last == by { SAME_EVERY_NS } else { ANY_EVERY_NS };
            at.saturating_sub(*told) >= every
        });
        if is_news {
            if self.told.len() >= TOLD_MAX && !self.told.contains_key(&key) {
                // The same is told once more, and not each time.
                self.told.clear();
            }
            self.told.insert(key, (at, by.to_owned()));
        }
        is_news
    }

    /// How many were let go unlooked at since this was asked last.
    pub fn lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    /// Forgets processes that have ended.
    pub fn forget(&mut self, known: &Processes) {
        self.told.retain(|(id, _), _| known.is_running(id));
    }
}

/// What a process accepted up to some time, or, where it never accepted anything, those did that were started beside it, the
/// latest first.
fn accepted(
    process: &Process,
    up_to: u64,
    known: &Processes,
    ends: &Ends,
    neighbours: &OnceCell<Neighbours>,
) -> Vec<(u64, Endpoint)> {
    let mut all: Vec<_> = ends.accepted_by(&process.id, up_to).collect();
    if ends.accepted_by(&process.id, u64::MAX).next().is_some() {
        return all;
    }
    let neighbours = neighbours.get_or_init(|| Neighbours::of(known, ends));
    for other in neighbours.beside(process) {
        all.extend(ends.accepted_by(&other, up_to));
    }
    all.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    all
}

/// Whether who opened a connection of this host to itself, from this end, may have done so for somebody else: it, or what
/// began it in its session or job, was asked by another or has a connection with another host (a port that is
/// forwarded, a proxy). A server of logins acts for whom it let in.
pub fn carries(opener: &Process, from: Endpoint, known: &Processes, ends: &Ends) -> bool {
    carries_within(opener, from, known, ends, &mut { LOOKS_MAX })
}

fn carries_within(opener: &Process, from: Endpoint, known: &Processes, ends: &Ends, looks: &mut u32) -> bool {
    let all = |of: &Process| ends.accepted_by(&of.id, u64::MAX).collect::<Vec<_>>();
    let session = attached::session(opener, known).map(|(id, _)| id);
    let is_within = |above: &&Process| above.id.tgid != 1 && Some(above.id) != session;
    known
        .lineage(opener)
        .take_while(is_within)
        .filter(|above| !is_server_of_logins(above, known))
        .any(|above| ends.reaches(&above.id, from) || asker(above, &all(above), known, ends, looks).is_some())
}

/// Who of those that a process `accepted`, in this order, is the first that is not whom it belongs to: when it came, ns since boot,
/// and in words; none too where the process belongs to nobody.
fn asker(
    process: &Process,
    accepted: &[(u64, Endpoint)],
    known: &Processes,
    ends: &Ends,
    looks: &mut u32,
) -> Option<(u64, String)> {
    let (first, _) = *accepted.first()?;
    let person = person(process, known)?;
    if is_server_of_logins(process, known) {
        return None;
    }
    let Some(left) = looks.checked_sub(1) else {
        return Some((first, "programs of this host, one for the next".to_owned()));
    };
    *looks = left;
    accepted.iter().find_map(|(at, end)| {
        let (at, end) = (*at, *end);
        let opener = ends.opener((end.address, end.port).into()).and_then(|id| known.get(&id));
        let Some(opener) = opener else {
            let of_host = end.address.is_loopback();
            return Some((at, if of_host { "this host".to_owned() } else { end.address.to_string() }));
        };
        let is_own = self::person(opener, known).is_some_and(|of| of == person);
        let is_own = is_own
            && (is_server_of_logins(opener, known) || !carries_within(opener, end, known, ends, looks));
        (!is_own).then(|| (at, format!("{} of this host", program(opener))))
    })
}

/// Of those that a process `accepted`, in this order, the first of another session of whom it belongs to, which may be
/// another person's who shares the account: when it came, ns since boot, and in words.
fn other_session(
    process: &Process,
    accepted: &[(u64, Endpoint)],
    known: &Processes,
    ends: &Ends,
) -> Option<(u64, String)> {
    let (_, own) = attached::session(process, known)?;
    accepted.iter().find_map(|(at, end)| {
        let opener = ends.opener((end.address, end.port).into()).and_then(|id| known.get(&id))?;
        let (_, other) = attached::session(opener, known)?;
        if other.person() != own.person() || !is_elsewhere(&own, &other) {
            return None;
        }
        let from = other.source_address.map(|address| format!(", from {address}")).unwrap_or_default();
        let by = if other.key == own.key { "" } else { " by another key" };
        Some((*at, format!("a connection of another session of {}{from}{by}", other.person())))
    })
}

/// Whether two logins of one account may be two persons': they came by other keys, or without any from other addresses.
fn is_elsewhere(one: &Login, other: &Login) -> bool {
    match (&one.key, &other.key) {
        (Some(one), Some(other)) => one != other,
        _ => one.source_address != other.source_address,
    }
}

/// Over what a process that belongs to somebody may have learnt what to start, and not from whom it belongs to, in words: a
/// connection that it has had for a while (a queue of jobs, a server that gives out work), connections with this host that it
/// makes again and again for that, or the display that it is shown on, where another is connected to that.
fn learns(
    process: &Process,
    at: u64,
    known: &Processes,
    ends: &Ends,
    polls: &OnceCell<Polls>,
) -> Option<String> {
    let person = person(process, known).filter(|_| !is_server_of_logins(process, known));
    let leads_to = ends.leads_to(&process.id, at.saturating_sub(WAITED_LEAST_NS));
    if let Some(end) = leads_to.filter(|_| person.is_some()) {
        return Some(format!("a connection with {}", SocketAddr::from((end.address, end.port))));
    }
    if let Some(person) = person {
        let poll = polls.get_or_init(|| Polls::of(known, ends)).again(process, at);
        if let Some(poll) = poll.filter(|poll| !is_own_server(poll.local, &person, known, ends)) {
            let end = SocketAddr::from((poll.remote.address, poll.remote.port));
            return Some(format!("connections with {end}, one after the other"));
        }
    }
    let display = display_of(process)?;
    let of_display = |server: &&Process| {
        server.argv.iter().any(|word| word == display) || display_of(server) == Some(display)
    };
    let looks = &mut { LOOKS_MAX };
    let (_, by) = ends.servers(known).filter(of_display).find_map(|server| {
        let accepted: Vec<_> = ends.accepted_by(&server.id, at).collect();
        asker(server, &accepted, known, ends, looks)
    })?;
    Some(format!("display {display}, to which {by} was connected"))
}

/// Whether who accepted a connection of this host to itself, from this end, belongs to a person, and nobody else asks it.
fn is_own_server(from: Endpoint, of: &str, known: &Processes, ends: &Ends) -> bool {
    let mut servers = ends.servers(known).filter_map(|server| {
        let accepted: Vec<_> = ends.accepted_by(&server.id, u64::MAX).collect();
        accepted.iter().any(|(_, end)| *end == from).then_some((server, accepted))
    });
    servers.next().is_some_and(|(server, accepted)| {
        person(server, known).as_deref() == Some(of)
            && asker(server, &accepted, known, ends, &mut { LOOKS_MAX }).is_none()
    })
}

/// The display of this host that a process is shown on: `:7` of `DISPLAY=:7.0`.
fn display_of(process: &Process) -> Option<&str> {
    let display = process.env.iter().find_map(|entry| entry.strip_prefix("DISPLAY="))?;
    let number = display.strip_prefix(':')?.split('.').next()?;
    display.get(..=number.len()).filter(|_| !number.is_empty())
}

/// Whose session or job a process belongs to, or who had a service start it.
fn person(process: &Process, known: &Processes) -> Option<String> {
    if let Some((_, login)) = attached::session(process, known) {
        return Some(login.person().to_owned());
    }
    let by_login_uid = || Some(process.credentials.login_uid?.to_string());
    let asked_for =
        || known.lineage(process).find_map(|above| known.asked_for_by(&above.id)).map(str::to_owned);
    process.login_user.clone().or_else(by_login_uid).or_else(asked_for)
}

/// Whether a process lets people in and forwards ports for them: such a program that began with root's rights, also where
/// it has given them up. Anybody may call a program of his own so.
pub fn is_server_of_logins(process: &Process, known: &Processes) -> bool {
    let name = program(process);
    let is_so_called = name == "dropbear" || name == "sshd" || name.starts_with("sshd-");
    let mut is_copy = true;
    let mut of_it = known.lineage(process).take_while(|above| {
        let same = is_copy && above.exe == process.exe;
        is_copy = above.seen != Seen::Exec;
        same
    });
    is_so_called && of_it.any(|above| above.credentials.is_privileged())
}

#[cfg(test)]
mod tests {
    use history::Direction;
    use history::UnixNs;

    use super::*;
    use crate::beginnings::tests::Tree;
    use crate::testing::connection;

    const ALICE: u32 = 1000;

    fn end(address: &str, port: u16) -> Endpoint {
        Endpoint { address: address.parse().unwrap(), port }
    }

    /// A host with a web server, in which alice has a session and bob another one, and alice's service.
    struct World {
        tree: Tree,
        ends: Ends,
        nginx: ProcessId,
        alice: ProcessId,
        bob: ProcessId,
        service: ProcessId,
        port: u16,
    }

    impl World {
        fn new() -> Self {
            Self::of(["alice", "bob"].map(|user| Login { user: user.to_owned(), ..Login::default() }))
        }

        /// The same with other logins of the two.
        fn of([first, second]: [Login; 2]) -> Self {
            let mut tree = Tree::default();
            let init = tree.init();
            let nginx = tree.runs(init, 5, 0, "/usr/sbin/nginx");
            let listener = tree.runs(init, 10, 0, "/usr/sbin/sshd");
            let mut session = |tgid, uid, login: Login| {
                let sshd = tree.forks(listener, tgid);
                tree.known.set_login(&sshd, UnixNs(0), 0, Login { process: Some(sshd), ..login });
                (sshd, tree.runs(sshd, tgid + 1, uid, "/bin/bash"))
            };
            let (alice, shell) = session(20, ALICE, first);
            let (bob, _) = session(30, ALICE + 1, second);
            let service = tree.runs(shell, 40, ALICE, "/usr/bin/gunicorn app");
            Self { tree, ends: Ends::default(), nginx, alice, bob, service, port: 40_000 }
        }

        fn comes(&mut self, at: u64, to: ProcessId, address: &str) {
            self.port += 1;
            let flow = connection(to, Direction::In, end("10.0.1.10", 80), end(address, self.port));
            self.ends.stands(at, &flow);
        }

        /// A connection of this host to itself.
        fn asks(&mut self, at: u64, by: ProcessId, to: ProcessId) {
            self.port += 1;
            let (there, here) = (end("127.0.0.1", 8000), end("127.0.0.1", self.port));
            self.ends.stands(at, &connection(by, Direction::Out, here, there));
            self.ends.stands(at, &connection(to, Direction::In, there, here));
        }

        fn goes_out(&mut self, by: ProcessId) {
            let flow = connection(by, Direction::Out, end("10.0.1.10", 5), end("192.0.2.9", 7000));
            self.ends.changed(5, None, Some(&flow));
        }

        fn told(&self, id: ProcessId) -> Option<String> {
            let mut askers = Askers::default();
            askers.acts(id, 1_000, false);
            assert_eq!(askers.due(&self.tree.known, &self.ends, 999).len(), 0, "not all is known yet");
            askers.due(&self.tree.known, &self.ends, 1_000).pop().map(|(_, operation)| operation.detail)
        }
    }

    #[test]
    fn who_asks_a_service_is_told_where_it_is_another() {
        let mut world = World::new();
        let service = world.service;
        assert_eq!(world.told(service), None, "nobody");
        world.asks(10, world.alice, service);
        let shell = world.tree.runs(world.alice, 60, ALICE, "/bin/bash");
        let curl = world.tree.runs(shell, 61, ALICE, "/usr/bin/curl localhost");
        world.asks(11, curl, service);
        assert_eq!(world.told(service), None, "her own client, and the port that her ssh forwards");
        world.asks(12, world.bob, service);
        assert_eq!(world.told(service).as_deref(), Some("sshd of this host"), "another's");
        world.asks(13, world.nginx, service);
        assert_eq!(world.told(service).as_deref(), Some("nginx of this host"));
        world.comes(14, service, "203.0.113.66");
        world.asks(15, curl, service);
        assert_eq!(world.told(service).as_deref(), Some("203.0.113.66"), "the last that is another");
        world.comes(2_000, service, "203.0.113.67");
        assert_eq!(world.told(service).as_deref(), Some("203.0.113.66"), "it came later");
        world.comes(20, world.nginx, "203.0.113.66");
        assert_eq!(world.told(world.nginx), None, "it belongs to nobody");
    }

    #[test]
    fn who_asks_the_listener_of_a_pipeline_asks_what_is_beside_it() {
        let mut world = World::new();
        let shell = world.tree.runs(world.alice, 60, ALICE, "/bin/sh -c");
        let listener = world.tree.runs(shell, 61, ALICE, "/usr/bin/ncat -lk 9501");
        let bash = world.tree.runs(shell, 62, ALICE, "/bin/bash");
        assert_eq!(world.told(bash), None, "nobody came");
        world.comes(10, listener, "203.0.113.66");
        assert_eq!(world.told(bash).as_deref(), Some("203.0.113.66"));
        // What she starts in the same shell later is hers.
        let later = world.tree.runs(shell, 200_000, ALICE, "/usr/bin/nmap");
        assert_eq!(world.told(later), None);
        // Who is asked himself is asked by nobody else's.
        let other = world.tree.runs(shell, 63, ALICE, "/usr/bin/gunicorn app");
        let curl = world.tree.runs(shell, 64, ALICE, "/usr/bin/curl localhost");
        world.asks(11, curl, other);
        assert_eq!(world.told(other), None);
        // So are programs that are started at the same time by the first process.
        let init = ProcessId { boot: shell.boot, tgid: 1, start_ns: 1_000, exec: 1 };
        let [one, other] = [70, 71].map(|tgid| world.tree.runs(init, tgid, ALICE, "/usr/bin/agent"));
        world.comes(11, one, "203.0.113.67");
        assert_eq!(world.told(other), None);
    }

    #[test]
    fn another_session_of_a_shared_account_is_told_where_it_may_be_another_persons() {
        let told = |own: (Option<&str>, &str), other: (Option<&str>, &str)| {
            let logins = [own, other].map(|(key, address)| Login {
                user: "ubuntu".to_owned(),
                key: key.map(str::to_owned),
                source_address: address.parse().ok(),
                ..Login::default()
            });
            let mut world = World::of(logins);
            let service = world.service;
            world.asks(10, world.bob, service);
            world.told(service)
        };
        let (here, there) = ("203.0.113.7", "203.0.113.8");
        let from =
            |by: &str| Some(format!("a connection of another session of ubuntu, from 203.0.113.8{by}"));
        assert_eq!(told((Some("A"), here), (Some("B"), there)), from(" by another key"));
        assert_eq!(told((Some("A"), here), (Some("A"), there)), None, "the same person elsewhere");
        assert_eq!(told((None, here), (None, there)), from(""));
        assert_eq!(told((None, here), (None, here)), None);
    }

    #[test]
    fn what_asks_for_others_is_another() {
        // Her own proxy before it, which strangers reach, or which has a connection with another host.
        for goes_out in [false, true] {
            let mut world = World::new();
            let (alice, service) = (world.alice, world.service);
            let proxy = world.tree.runs(alice, 70, ALICE, "/usr/bin/socat");
            let child = world.tree.forks(proxy, 71);
            world.asks(10, child, service);
            assert_eq!(world.told(service), None);
            if goes_out {
                world.goes_out(proxy);
            } else {
                world.comes(9, proxy, "203.0.113.66");
            }
            assert_eq!(world.told(service).as_deref(), Some("socat of this host"));
        }
        // Programs that ask each other.
        let mut world = World::new();
        let (alice, service) = (world.alice, world.service);
        let other = world.tree.runs(alice, 70, ALICE, "/usr/bin/node");
        world.asks(10, other, service);
        world.asks(11, service, other);
        assert_eq!(world.told(service).as_deref(), Some("node of this host"), "and so on, to a bound");
    }

    #[test]
    fn a_program_of_ones_own_that_is_called_sshd_lets_nobody_in() {
        let mut world = World::new();
        let is_one =
            |world: &World, id| is_server_of_logins(world.tree.known.get(&id).unwrap(), &world.tree.known);
        let (alice, nginx) = (world.alice, world.nginx);
        assert!(is_one(&world, alice) && !is_one(&world, nginx));
        // What the server forks off for a session has her rights only.
        let child = world.tree.forks(alice, 60);
        world.tree.known.get_mut(&child).unwrap().credentials =
            world.tree.known.get(&world.service).unwrap().credentials.clone();
        assert!(is_one(&world, child));
        let own = world.tree.runs(child, 61, ALICE, "/usr/sbin/sshd");
        assert!(!is_one(&world, own), "executed by her");
        let copy = world.tree.forks(own, 62);
        assert!(!is_one(&world, copy));
    }

    #[test]
    fn what_a_worker_asks_again_and_again_is_told_unless_only_its_person_is_asked() {
        for (is_hers, asked_by_bob, said) in [(false, false, true), (true, false, false), (true, true, true)]
        {
            let mut world = World::new();
            let (alice, bob, service) = (world.alice, world.bob, world.service);
            let server = if is_hers {
                world.tree.runs(alice, 70, ALICE, "/usr/bin/redis-server")
            } else {
                world.nginx
            };
            if asked_by_bob {
                world.asks(5, bob, server);
            }
            (0..3).for_each(|nth| world.asks(nth * 1_000, service, server));
            let mut askers = Askers::default();
            askers.acts(service, WAITED_LEAST_NS + 3_000, true);
            let due = askers.due(&world.tree.known, &world.ends, u64::MAX);
            let told: Vec<_> = due.iter().map(|(_, operation)| operation.detail.as_str()).collect();
            let expected: &[_] =
                if said { &["connections with 127.0.0.1:8000, one after the other"] } else { &[] };
            assert_eq!(told, expected, "{is_hers} {asked_by_bob}");
        }
    }

    #[test]
    fn what_it_did_before_it_was_asked_was_not_asked_for() {
        let mut world = World::new();
        let service = world.service;
        let mut askers = Askers::default();
        let mut due = |world: &World, acts: &[u64], settled| {
            acts.iter().for_each(|at| askers.acts(service, *at, false));
            let due = askers.due(&world.tree.known, &world.ends, settled);
            due.into_iter().map(|(at, operation)| (at, operation.detail)).collect::<Vec<_>>()
        };
        world.comes(150, service, "203.0.113.66");
        assert_eq!(due(&world, &[100], 120), []);
        assert_eq!(due(&world, &[130, 210], 140), [], "what came by then is not known yet");
        assert_eq!(due(&world, &[], 300), [(150, "203.0.113.66".to_owned())]);
        // Of two that came between its deeds the first is whom all later ones may be for.
        let mut twice = Askers::default();
        world.comes(160, service, "203.0.113.67");
        [100, 155, 210].iter().for_each(|at| twice.acts(service, *at, false));
        let found = twice.due(&world.tree.known, &world.ends, 300);
        assert_eq!((found[0].0, found[0].1.detail.as_str()), (150, "203.0.113.66"));
        let later = 400 + SAME_EVERY_NS;
        assert_eq!(due(&world, &[later], u64::MAX), [(later, "203.0.113.67".to_owned())], "and since then");
    }

    #[test]
    fn the_same_is_told_once_a_minute() {
        let mut world = World::new();
        let service = world.service;
        world.comes(10, service, "203.0.113.66");
        let mut askers = Askers::default();
        let mut told = Vec::new();
        for at in (0..130).map(|second| 1_000 + second * ANY_EVERY_NS) {
            if at == 1_000 + 20 * ANY_EVERY_NS {
                world.comes(at, service, "203.0.113.67");
            }
            askers.acts(service, at, false);
            askers.acts(service, at + 1, false);
            let due = askers.due(&world.tree.known, &world.ends, u64::MAX);
            told.extend(due.into_iter().map(|(at, _)| at / ANY_EVERY_NS));
        }
        assert_eq!(told, [0, 20, 80]);
    }

    #[test]
    fn over_what_a_process_may_learn_what_to_start_is_told() {
        let mut world = World::new();
        let (alice, service) = (world.alice, world.service);
        let display = world.tree.runs(alice, 80, ALICE, "/usr/bin/Xvnc :7 -localhost");
        let other = world.tree.runs(alice, 81, ALICE, "/usr/bin/Xvnc :77");
        let terminal = world.tree.runs(alice, 82, ALICE, "/usr/bin/xterm");
        world.tree.known.get_mut(&terminal).unwrap().env = vec!["DISPLAY=:7.0".to_owned()];
        let told = |world: &World, id, starts, at: u64| {
            let mut askers = Askers::default();
            askers.acts(id, at, starts);
            let mut due = askers.due(&world.tree.known, &world.ends, u64::MAX);
            due.retain(|(_, operation)| operation.kind == OperationKind::Awaits);
            due.pop().map(|(_, operation)| operation.detail)
        };
        let late = 1_000_000 + WAITED_LEAST_NS;
        world.comes(10, other, "203.0.113.66");
        assert_eq!(told(&world, terminal, true, late), None, "another display");
        world.comes(10, display, "203.0.113.66");
        let said = "display :7, to which 203.0.113.66 was connected";
        assert_eq!(told(&world, terminal, true, late).as_deref(), Some(said));
        assert_eq!(told(&world, terminal, false, late), None, "it started nothing");
        assert_eq!(told(&world, service, true, late), None);
        world.goes_out(service);
        assert_eq!(told(&world, service, true, late).as_deref(), Some("a connection with 192.0.2.9:7000"));
        assert_eq!(told(&world, service, true, 7), None, "it has it for a moment only");
        world.goes_out(world.nginx);
        assert_eq!(told(&world, world.nginx, true, late), None, "nobody's");
    }

    #[test]
    fn what_waits_has_a_bound() {
        let mut askers = Askers::default();
        for nth in 0..ACTING_MAX as u64 + 5 {
            let id = ProcessId { boot: history::BootId(1), tgid: 9, start_ns: nth, exec: 1 };
            askers.acts(id, 1, false);
        }
        assert_eq!((askers.lost(), askers.lost()), (5, 0));
        assert_eq!(askers.due(&Processes::default(), &Ends::default(), u64::MAX).len(), 0);
        assert!(askers.acting.is_empty());
    }
}
