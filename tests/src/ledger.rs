//! Events that are known by their number, so that a ring can be held against what was written to it.

use std::net::Ipv4Addr;
use std::time::Duration;

use history::*;

/// Small files, so that sealing and evicting happen all the time.
pub const LIMITS: RingLimits = RingLimits {
    bytes: 300_000,
    age: Duration::from_secs(3600),
    free_bytes: 0,
    log_bytes: 12_000,
    log_age: Duration::from_secs(3600),
};

/// Events between two commits.
pub const COMMIT_EVERY: u64 = 16;

/// The event of a number.
pub fn event(number: u64) -> Event {
    let time = UnixNs(1_767_225_600_000_000_000 + number as i64 * 1_000_000);
    let endpoint = |port: u16| Endpoint { address: Ipv4Addr::new(198, 51, 100, port as u8).into(), port };
    let flow = Flow {
        owner: Some(process_id(number as u32 % 40)),
        sender: None,
        protocol: Protocol::TCP,
        via: Via::Socket,
        direction: Direction::Out,
        state: FlowState::Closed,
        local: endpoint(1),
        remote: endpoint(number as u16),
        packets: 0,
        // The number itself.
        bytes: number,
        bytes_received: number * 7,
        tcp_flags: 0,
        first: time,
        last: time,
    };
    Event { id: 0, time, boot_ns: number, body: Body::Flow(Box::new(flow)) }
}

/// The number of an event of a ledger; none of one that explains others.
///
/// # Errors
/// When it is an event that nobody wrote.
pub fn number(event: &Event) -> anyhow::Result<Option<u64>> {
    match &event.body {
        Body::Flow(flow) => {
            let expected = self::event(flow.bytes);
            let same = expected.body == event.body && expected.time == event.time;
            anyhow::ensure!(same && expected.boot_ns == event.boot_ns, "invented: {event:?}");
            Ok(Some(flow.bytes))
        }
        Body::Process(process) => {
            anyhow::ensure!(Some((**process).clone()) == Known.process(&process.id), "invented: {event:?}");
            Ok(None)
        }
        _ => anyhow::bail!("invented: {event:?}"),
    }
}

fn process_id(tgid: u32) -> ProcessId {
    ProcessId { boot: BootId(1), tgid, start_ns: u64::from(tgid), exec: 1 }
}

/// The processes of a ledger.
pub struct Known;

impl KnownProcesses for Known {
    fn process(&self, id: &ProcessId) -> Option<Process> {
        Some(Process {
            id: *id,
            parent: None,
            seen: Seen::Exec,
            started: UnixNs(i64::from(id.tgid) * 1_000),
            comm: "writer".to_owned(),
            exe: "/usr/bin/writer".to_owned(),
            argv: vec!["writer".to_owned(), id.tgid.to_string()],
            env: Vec::new(),
            cwd: "/".to_owned(),
            credentials: Credentials::default(),
            user: None,
            login_user: None,
            tty: None,
            cgroup: "/".to_owned(),
            container: None,
            exe_inode: 1,
            script: None,
            namespaces: Namespaces::default(),
            flags: ProcessFlags::default(),
        })
    }

    fn login(&self, _: &ProcessId) -> Option<(UnixNs, u64, Login)> {
        None
    }
}
