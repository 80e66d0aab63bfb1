//! Remote sessions that no log tells of: from the environment that a server gives to a session's first program,
//! believed only where the kernel saw the connection that it names. Pure.

use std::net::IpAddr;
use std::net::SocketAddr;

use history::Endpoint;
use history::Process;
use history::ProcessId;

use crate::enrich::environment::is_run_by_pam;
use crate::processes::Processes;
use crate::room;

/// How long the logs are given to tell of a login first, ns.
const LOGS_FIRST_NS: u64 = 3_000_000_000;

/// Sessions that wait at once.
const WAITING_MAX: usize = 1_000;

/// Sources of logins remembered, so that none is told twice.
const TOLD_MAX: usize = 4_096;

/// A session that began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// When, ns since boot.
    pub boot_ns: u64,
    /// The server's process that let it in.
    pub server: ProcessId,
    /// The server's name.
    pub service: String,
    /// As whom it runs.
    pub user: String,
    /// Whence.
    pub source: SocketAddr,
    /// Our end of the connection.
    pub ours: SocketAddr,
}

/// Sessions that wait for a log to tell of them.
#[derive(Debug, Default)]
pub struct Sessions {
    /// Whose connection is still to be looked for.
    executed: Vec<Session>,
    waiting: Vec<Session>,
    told: std::collections::VecDeque<SocketAddr>,
    /// Sessions that were let go untold since this was asked last.
    lost: u64,
}

impl Sessions {
    /// Looks at a program that was executed.
    pub fn executed(&mut self, process: &Process, parent: Option<&Process>, boot_ns: u64) {
        // sshd tells PAM's modules of the connection before it knows whether it lets anybody in.
        let Some((source, ours)) = connection(process).filter(|_| !is_run_by_pam(process)) else {
            return;
        };
        // Only the server's own child is the first; what runs below it inherits the variable.
        let Some(server) = parent.filter(|parent| connection(parent).is_none()) else {
            return;
        };
        let waits = |session: &Session| session.source == source;
        if self.told.contains(&source) || self.waiting.iter().chain(&self.executed).any(waits) {
            return;
        }
        let session = Session {
            boot_ns,
            server: server.id,
            service: server.comm.clone(),
            user: process.user.clone().unwrap_or_else(|| process.credentials.uid.to_string()),
            source,
            ours,
        };
        self.lost += room::add(&mut self.executed, WAITING_MAX.saturating_sub(self.waiting.len()), session);
    }

    /// How many sessions were let go since this was asked last.
    pub fn lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    /// Believes what was executed where a connection stands that the remote side began and the server accepted, from its end
    /// to ours, by when it was executed, ns since boot. Where that is not known any more the session is lost.
    pub fn believe(&mut self, connected: impl Fn(&ProcessId, Endpoint, Endpoint, u64) -> Option<bool>) {
        let endpoint = |at: SocketAddr| Endpoint { address: at.ip(), port: at.port() };
        for session in self.executed.drain(..) {
            let (source, ours) = (endpoint(session.source), endpoint(session.ours));
            match connected(&session.server, source, ours, session.boot_ns) {
                Some(true) => self.waiting.push(session),
                Some(false) => {}
                None => self.lost += 1,
            }
        }
    }

    /// Notes that a log told of a login from there.
    pub fn told(&mut self, source: Option<(IpAddr, u16)>) {
        let Some(source) = source.map(SocketAddr::from) else {
            return;
        };
        self.waiting.retain(|session| session.source != source);
        if self.told.len() == TOLD_MAX {
            self.told.pop_front();
        }
        self.told.push_back(source);
    }

    /// Sessions that the logs had time to tell of, and did not.
    pub fn untold(&mut self, now_ns: u64) -> Vec<Session> {
        let (due, waiting) = self
            .waiting
            .drain(..)
            .partition(|session| now_ns.saturating_sub(session.boot_ns) >= LOGS_FIRST_NS);
        self.waiting = waiting;
        due
    }
}

/// Whether a server may be who accepted a connection, as far as its owner is known: it or what it descends from did. What the
/// first process accepts is for any service, and only one with root's rights lets others in.
pub fn may_have_accepted(owner: Option<u32>, server: &ProcessId, known: &Processes) -> bool {
    let Some(server) = known.get(server) else { return false };
    match owner.filter(|owner| *owner != 1) {
        Some(owner) => known.lineage(server).any(|above| above.id.tgid == owner),
        None => server.credentials.is_privileged(),
    }
}

/// The two ends that `SSH_CONNECTION=ADDRESS PORT ADDRESS PORT` names, the remote one first.
fn connection(process: &Process) -> Option<(SocketAddr, SocketAddr)> {
    let text = process.env.iter().find_map(|variable| variable.strip_prefix("SSH_CONNECTION="))?;
    let mut words = text.split(' ');
    let mut end = || {
        // A link-local address may carry its interface.
        let address: IpAddr = words.next()?.split('%').next()?.parse().ok()?;
        Some(SocketAddr::new(address, words.next()?.parse().ok()?))
    };
    Some((end()?, end()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::beginnings::tests::Tree;
    use history::BootId;

    fn process(tgid: u32, env: &str) -> Process {
        Process {
            comm: "dropbear".to_owned(),
            env: vec![env.to_owned()],
            user: Some("alice".to_owned()),
            ..crate::testing::process(ProcessId { boot: BootId(1), tgid, start_ns: 1, exec: 1 })
        }
    }

    const FROM: &str = "SSH_CONNECTION=203.0.113.7 50000 10.0.1.10 22";

    #[test]
    fn a_session_is_told_once_when_no_log_does() {
        let mut sessions = Sessions::default();
        let (server, shell, below) = (process(1, ""), process(2, FROM), process(3, FROM));
        sessions.executed(&shell, Some(&server), 0);
        sessions.executed(&below, Some(&shell), 0);
        sessions.believe(|_, _, _, _| Some(true));
        assert!(sessions.untold(LOGS_FIRST_NS - 1).is_empty());
        let untold = sessions.untold(LOGS_FIRST_NS);
        assert_eq!(untold.len(), 1);
        assert_eq!((untold[0].server.tgid, untold[0].user.as_str()), (1, "alice"));
        assert_eq!(untold[0].source, "203.0.113.7:50000".parse().unwrap());
        assert!(sessions.untold(u64::MAX).is_empty());
    }

    #[test]
    fn a_log_comes_first_and_an_invented_connection_is_not_believed() {
        let mut sessions = Sessions::default();
        let (server, shell) = (process(1, ""), process(2, FROM));
        sessions.executed(&shell, Some(&server), 0);
        sessions.believe(|_, _, _, _| Some(false));
        assert!(sessions.untold(u64::MAX).is_empty(), "the kernel saw no such connection");
        assert_eq!(sessions.lost(), 0);
        sessions.executed(&shell, Some(&server), 0);
        sessions.believe(|_, _, _, _| None);
        assert!(sessions.untold(u64::MAX).is_empty(), "it is not known any more");
        assert_eq!(sessions.lost(), 1);
        sessions.executed(&shell, Some(&server), 0);
        sessions.believe(|_, _, _, _| Some(true));
        sessions.told("203.0.113.7".parse().ok().map(|address| (address, 50_000)));
        assert!(sessions.untold(u64::MAX).is_empty(), "a log told of it");
        sessions.executed(&shell, Some(&server), 0);
        sessions.believe(|_, _, _, _| Some(true));
        assert!(sessions.untold(u64::MAX).is_empty(), "already told");
    }

    #[test]
    fn what_pam_runs_before_anybody_is_let_in_is_no_session() {
        let mut sessions = Sessions::default();
        let server = process(1, "");
        let mut hook = process(2, FROM);
        hook.env.push("PAM_TYPE=auth".to_owned());
        sessions.executed(&hook, Some(&server), 0);
        sessions.believe(|_, _, _, _| Some(true));
        assert!(sessions.untold(u64::MAX).is_empty());
    }

    #[test]
    fn a_connection_that_another_server_accepted_is_not_ones_own() {
        let mut tree = Tree::default();
        let init = tree.init();
        let listener = tree.runs(init, 10, 0, "/usr/sbin/teleport");
        let (server, nginx) = (tree.forks(listener, 11), tree.runs(init, 20, 0, "/usr/sbin/nginx"));
        let shell = tree.runs(server, 12, 1_000, "/bin/bash");
        let is_own = |owner, of| may_have_accepted(owner, of, &tree.known);
        assert!(is_own(Some(10), &server) && is_own(Some(11), &server));
        assert!(!is_own(Some(20), &server) && !is_own(Some(20), &shell) && is_own(Some(20), &nginx));
        for unknown in [None, Some(1)] {
            assert!(is_own(unknown, &server) && !is_own(unknown, &shell), "{unknown:?}");
        }
    }

    #[test]
    fn sessions_beyond_what_may_wait_are_counted() {
        let mut sessions = Sessions::default();
        let (server, shell) = (process(1, ""), process(2, FROM));
        for port in 0..WAITING_MAX + 5 {
            let env = format!("SSH_CONNECTION=203.0.113.7 {port} 10.0.1.10 22");
            sessions.executed(&process(2, &env), Some(&server), 0);
        }
        assert_eq!((sessions.lost(), sessions.lost()), (5, 0));
        sessions.believe(|_, _, _, _| Some(true));
        assert_eq!(sessions.untold(LOGS_FIRST_NS).len(), WAITING_MAX);
        sessions.executed(&shell, Some(&server), 0);
        sessions.executed(&shell, Some(&server), 0);
        assert_eq!(sessions.lost(), 0, "there is room again, and one waits once");
    }

    #[test]
    fn odd_values_name_no_connection() {
        for env in ["SSH_CONNECTION=", "SSH_CONNECTION=a b c d", "SSH_CONNECTION=1.2.3.4 5 6.7.8.9", "X=1"] {
            assert_eq!(connection(&process(1, env)), None, "{env}");
        }
        assert!(connection(&process(1, "SSH_CONNECTION=fe80::1%eth0 5 fe80::2%eth0 22")).is_some());
    }
}
