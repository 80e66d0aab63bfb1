//! Events for the tests of this crate.

use std::net::Ipv4Addr;

use crate::event::*;
use crate::groups::Groups;
use crate::id::*;

/// A process id of a fixed boot.
pub(crate) fn process_id(tgid: u32) -> ProcessId {
    ProcessId { boot: BootId(0xb007), tgid, start_ns: u64::from(tgid) * 1_000, exec: 2 }
}

/// A process with a parent.
pub(crate) fn process(tgid: u32, parent: Option<u32>, argv: &[&str]) -> Process {
    Process {
        id: process_id(tgid),
        parent: parent.map(process_id),
        seen: Seen::Exec,
        started: UnixNs(1_000_000_000 * i64::from(tgid)),
        comm: argv[0].chars().take(15).collect(),
        exe: format!("/usr/bin/{}", argv[0]),
        argv: argv.iter().map(|text| (*text).to_owned()).collect(),
        env: vec!["SSH_CONNECTION=203.0.113.7 50000 10.0.1.10 22".to_owned()],
        cwd: "/home/alice".to_owned(),
        credentials: Credentials {
            uid: 0,
            euid: 0,
            gid: 0,
            egid: 0,
            suid: 1,
            sgid: 2,
            fsuid: 3,
            fsgid: 4,
            login_uid: Some(1000),
            session: Some(3),
            capabilities: u64::MAX,
            groups: groups(tgid % 4),
        },
        user: Some("root".to_owned()),
        login_user: Some("alice".to_owned()),
        tty: None,
        cgroup: "/user.slice".to_owned(),
        container: tgid.is_multiple_of(3).then(|| {
            Box::new(Container {
                runtime: "docker".to_owned(),
                id: "0123456789ab".to_owned(),
                image: Some("example.com/web:1".to_owned()),
                ..Container::default()
            })
        }),
        exe_inode: 77,
        script: tgid.is_multiple_of(5).then(|| "/srv/job.sh".to_owned()),
        namespaces: Namespaces { mount: 1, net: u32::MAX, pid: 3, user: 4 },
        flags: ProcessFlags { argv_truncated: tgid.is_multiple_of(2), ..ProcessFlags::default() },
    }
}

fn groups(count: u32) -> Groups {
    Groups { ids: (0..count).map(|nth| 27 + nth).collect(), left_out: count / 3 }
}

/// A flow to a port of 198.51.100.20.
pub(crate) fn flow(owner: u32, port: u16, at: UnixNs) -> Flow {
    Flow {
        owner: Some(process_id(owner)),
        sender: None,
        protocol: Protocol::TCP,
        via: Via::RawIp,
        direction: Direction::Out,
        state: FlowState::Sent,
        local: Endpoint { address: Ipv4Addr::new(10, 0, 1, 10).into(), port: 40000 },
        remote: Endpoint { address: Ipv4Addr::new(198, 51, 100, 20).into(), port },
        packets: 1,
        bytes: 44,
        bytes_received: 0,
        tcp_flags: 2,
        first: at,
        last: at,
    }
}

/// Some events of every kind.
pub(crate) fn events(count: u64) -> Vec<Event> {
    (0..count)
        .map(|id| {
            let time = UnixNs(1_700_000_000_000_000_000 + id as i64 * 1_000_000);
            let body = match id % 11 {
                0 => Body::Recorder { act: RecorderAct::Started, note: "test".to_owned() },
                1 => Body::Process(Box::new(process(id as u32, Some(1), &["nmap", "-sS", ""]))),
                2 => Body::Flow(Box::new(flow(1, id as u16, time))),
                3 => Body::Exit { process: process_id(1), code: 3, signal: 9 },
                4 => Body::Fork { child: process_id(9), parent: process_id(1) },
                5 => Body::Loss { class: LossClass::Flow, count: 7, from: UnixNs(1_000) },
                6 => Body::Login(Box::new(Login {
                    service: "sshd".to_owned(),
                    user: "alice".to_owned(),
                    method: "publickey".to_owned(),
                    accepted: true,
                    source_address: Some(Ipv4Addr::new(203, 0, 113, 7).into()),
                    source_port: Some(50000),
                    key: Some("ED25519 SHA256:abc".to_owned()),
                    process: Some(process_id(1)),
                    origin: "/var/log/auth.log".to_owned(),
                    by: Some("bob".to_owned()),
                    session: Some("s-0123456789abcdef0".to_owned()),
                    command: Some("/bin/true".to_owned()),
                })),
                7 => Body::Dns(Box::new(Dns {
                    process: Some(process_id(1)),
                    remote: Some(Endpoint { address: Ipv4Addr::new(192, 0, 2, 53).into(), port: 53 }),
                    sent: id.is_multiple_of(4),
                    answer: !id.is_multiple_of(4),
                    name: "www.example.com".to_owned(),
                    kind: 28,
                    code: 3,
                    addresses: vec![Ipv4Addr::new(198, 51, 100, 7).into()],
                    names: vec!["example.net".to_owned()],
                })),
                8 => Body::Operation(Box::new(Operation {
                    process: Some(process_id(1)),
                    kind: OperationKind::ModuleLoad,
                    detail: "dummy".to_owned(),
                })),
                9 => {
                    let flow = |port| (0, flow(1, port, time));
                    let mut bodies = crate::targets::with_targets((1..40).map(flow).collect());
                    bodies.remove(0).1
                }
                _ => Body::Credentials {
                    process: process_id(1),
                    from: Credentials::default(),
                    to: Credentials { login_uid: Some(1), groups: groups(2), ..Credentials::default() },
                },
            };
            Event { id, time, boot_ns: id * 1_000_000, body }
        })
        .collect()
}
