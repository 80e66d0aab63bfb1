//! A process and a connection for the tests of this crate, of which each says only what it is about.

use history::Direction;
use history::Endpoint;
use history::Flow;
use history::FlowState;
use history::Process;
use history::ProcessId;
use history::Protocol;
use history::Seen;
use history::UnixNs;
use history::Via;

/// A process of which nothing is known but its identity.
pub(crate) fn process(id: ProcessId) -> Process {
    Process {
        id,
        parent: None,
        seen: Seen::Exec,
        started: UnixNs(0),
        comm: String::new(),
        exe: String::new(),
        argv: Vec::new(),
        env: Vec::new(),
        cwd: String::new(),
        credentials: Default::default(),
        user: None,
        login_user: None,
        tty: None,
        cgroup: String::new(),
        container: None,
        exe_inode: 0,
        script: None,
        namespaces: Default::default(),
        flags: Default::default(),
    }
}

/// A TCP connection that stands, of which nothing was sent yet.
pub(crate) fn connection(owner: ProcessId, direction: Direction, local: Endpoint, remote: Endpoint) -> Flow {
    Flow {
        owner: Some(owner),
        sender: None,
        protocol: Protocol::TCP,
        via: Via::Socket,
        direction,
        state: FlowState::Established,
        local,
        remote,
        packets: 0,
        bytes: 0,
        bytes_received: 0,
        tcp_flags: 0,
        first: UnixNs(0),
        last: UnixNs(0),
    }
}
