//! A process for the tests of this crate, of which each says only what it is about.

use history::Process;
use history::ProcessId;
use history::Seen;
use history::UnixNs;

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
