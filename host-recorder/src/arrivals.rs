//! How somebody got to whom `login` let in: over the network, at a console, or from another session of this host. Pure.
//!
//! `login` tells its user and its terminal. Whether that is a console's or the end of a connection is known by what the
//! server above it accepted, and one that is called within somebody's session makes that person another user, as su does:
//! then it is a step of that session, whatever host it was told.

use history::Login;

use crate::beginnings::Beginnings;
use crate::beginnings::Begun;
use crate::ends::Ends;
use crate::ends::Source;
use crate::processes::Processes;
use crate::room;

/// Logins that wait at once.
const WAITING_MAX: usize = 1_000;

/// How long the login of the session around it may come after it, ns: logs are read each second, and given time.
const SESSION_LATE_NS: u64 = 5_000_000_000;

/// Logins of which it is not known yet how somebody got there.
#[derive(Debug, Default)]
pub struct Arrivals {
    waiting: Vec<Begun>,
    lost: u64,
}

impl Arrivals {
    /// Whether a login is one that only tells its terminal.
    pub fn is_one(login: &Login) -> bool {
        matches!(login.method.as_str(), Login::CONSOLE | Login::REMOTE)
    }

    /// Takes such a login.
    pub fn wait(&mut self, begun: Begun) {
        self.lost += room::add(&mut self.waiting, WAITING_MAX, begun);
    }

    /// How many were let go since this was asked last, or are told without whence they came though something told it.
    pub fn lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    /// Those of which it is known now. All connections up to `settled_ns` have been told.
    pub fn due(
        &mut self,
        known: &Processes,
        ends: &Ends,
        beginnings: &Beginnings,
        settled_ns: u64,
        now_ns: u64,
    ) -> Vec<Begun> {
        let mut due = Vec::new();
        for begun in std::mem::take(&mut self.waiting) {
            if begun.boot_ns > settled_ns {
                self.waiting.push(begun);
                continue;
            }
            let late = now_ns.saturating_sub(begun.boot_ns) >= SESSION_LATE_NS;
            match told(&begun, known, ends, beginnings, late) {
                Some((login, is_lost)) => {
                    self.lost += u64::from(is_lost);
                    due.push(Begun { login, ..begun });
                }
                None => self.waiting.push(begun),
            }
        }
        due
    }
}

/// What is told of a login, and whether what would tell whence it came was let go; none where the login of the session
/// around it is still awaited.
fn told(
    begun: &Begun,
    known: &Processes,
    ends: &Ends,
    beginnings: &Beginnings,
    late: bool,
) -> Option<(Login, bool)> {
    let login = begun.login.clone();
    let Some(process) = login.process.and_then(|id| known.get(&id)) else {
        return Some((login, false));
    };
    let source = ends.source_of(process, known);
    if let Source::Known(end) = source {
        let source_port = (end.port != 0).then_some(end.port);
        let source_address = Some(end.address);
        let method = Login::REMOTE.to_owned();
        return Some((Login { method, source_address, source_port, ..login }, false));
    }
    // A program that forked off its starter early (a terminal in a browser) begins sessions for later connections.
    if let Some(address) = login.source_address
        && ends.accepted_from(address, process, known)
    {
        return Some((login, false));
    }
    let is_lost = source == Source::Lost;
    let mut above = known.lineage(process).skip(1);
    let in_session = above.any(|above| known.has_login(&above.id));
    let parent = process.parent.and_then(|id| known.get(&id));
    let of_a_person = parent.is_some_and(|parent| parent.credentials.login_uid.is_some());
    match (in_session, of_a_person) {
        (false, false) => Some((login, is_lost)),
        (false, true) if !late => None,
        _ => {
            let by = beginnings.caller(&process.id).map(str::to_owned);
            let method = "elevation".to_owned();
            Some((Login { method, by, source_address: None, ..login }, is_lost))
        }
    }
}

#[cfg(test)]
mod tests {
    use history::Direction;
    use history::Endpoint;
    use history::UnixNs;

    use super::*;
    use crate::beginnings::tests::Tree;
    use crate::testing::connection;

    const LATE_NS: u64 = SESSION_LATE_NS * 10;

    /// What is told of bob's login at a terminal below a server that alice started by hand, or of one that she calls.
    fn told(accepted: bool, of_alice: bool, session_is_known: bool, now_ns: u64) -> Option<Login> {
        told_of(accepted, of_alice, session_is_known, now_ns, None)
    }

    /// The same where `login` was told a host.
    fn told_of(
        accepted: bool,
        of_alice: bool,
        session_is_known: bool,
        now_ns: u64,
        host: Option<&str>,
    ) -> Option<Login> {
        let mut tree = Tree::default();
        let init = tree.init();
        let sshd = tree.runs(init, 10, 0, "/usr/sbin/sshd");
        let server = tree.runs(sshd, 11, 0, "/usr/sbin/telnetd");
        let login = tree.runs(server, 12, 0, "/bin/login");
        if of_alice {
            tree.known.get_mut(&server).unwrap().credentials.login_uid = Some(1000);
        }
        if session_is_known {
            tree.known.set_login(&sshd, UnixNs(0), 0, Login { user: "alice".to_owned(), ..Login::default() });
        }
        let mut ends = Ends::default();
        let end = |address: &str, port| Endpoint { address: address.parse().unwrap(), port };
        let flow = connection(server, Direction::In, end("10.0.1.10", 23), end("203.0.113.7", 4_000));
        if accepted {
            // Of a host that was told it is enough that the server knew it.
            ends.stands(if host.is_some() { login.start_ns + 1 } else { login.start_ns - 1 }, &flow);
        }
        let mut arrivals = Arrivals::default();
        let begun = Login {
            service: "login".to_owned(),
            user: "bob".to_owned(),
            method: if host.is_some() { Login::REMOTE } else { Login::CONSOLE }.to_owned(),
            source_address: host.and_then(|host| host.parse().ok()),
            process: Some(login),
            ..Login::default()
        };
        arrivals.wait(Begun { boot_ns: login.start_ns, login: begun });
        assert!(arrivals.due(&tree.known, &ends, &tree.beginnings, login.start_ns - 1, now_ns).is_empty());
        let due = arrivals.due(&tree.known, &ends, &tree.beginnings, u64::MAX, now_ns);
        due.into_iter().next().map(|begun| begun.login)
    }

    #[test]
    fn who_is_let_in_at_a_terminal_came_by_the_network_or_sits_there_or_was_there_before() {
        let how = |login: Option<Login>| {
            login.map(|login| (login.method, login.by, login.source_address.map(|it| it.to_string())))
        };
        let (console, remote) = (Login::CONSOLE.to_owned(), Login::REMOTE.to_owned());
        let laptop = Some("203.0.113.7".to_owned());
        assert_eq!(how(told(false, false, false, 0)), Some((console, None, None)));
        for (of_alice, session) in [(false, false), (true, false), (true, true)] {
            let expected = Some((remote.clone(), None, laptop.clone()));
            assert_eq!(how(told(true, of_alice, session, 0)), expected, "whoever started the server");
        }
        let step = Some(("elevation".to_owned(), Some("root".to_owned()), None));
        let of_host = |accepted, host| how(told_of(accepted, true, true, LATE_NS, Some(host)));
        assert_eq!(
            of_host(true, "203.0.113.7"),
            Some((remote, None, laptop)),
            "the server let it in for that"
        );
        assert_eq!(of_host(false, "203.0.113.7"), step, "she says so");
        assert_eq!(of_host(true, "203.0.113.66"), step, "another came");
        assert_eq!(how(told(false, true, true, 0)), step);
        assert_eq!(told(false, true, false, 0), None, "her login is still awaited");
        assert_eq!(how(told(false, true, false, LATE_NS)), step);
    }
}
