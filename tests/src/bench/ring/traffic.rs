//! The events of a generated day: a web server with many clients, jobs, names asked for, and three times a little
//! traffic with the address that is sought. The same each time.

use std::net::IpAddr;
use std::net::Ipv4Addr;

use history::Body;
use history::BootId;
use history::Credentials;
use history::Direction;
use history::Dns;
use history::Endpoint;
use history::Flow;
use history::FlowState;
use history::KnownProcesses;
use history::Login;
use history::Namespaces;
use history::Process;
use history::ProcessFlags;
use history::ProcessId;
use history::Protocol;
use history::RecorderAct;
use history::Seen;
use history::UnixNs;
use history::Via;

use crate::soak::plan::Random;

const DAY_NS: u64 = 24 * 3_600 * 1_000_000_000;
/// 2026-11-20T00:00:00Z.
pub(super) const BEGIN: i64 = 1_795_132_800_000_000_000;
/// Who is sought.
pub(super) const SOUGHT: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 77);

/// Ten minutes around noon, in which there is something with who is sought.
pub(in crate::bench) fn noon() -> (UnixNs, UnixNs) {
    (UnixNs(BEGIN).plus_s(12 * 3_600 - 300), UnixNs(BEGIN).plus_s(12 * 3_600 + 300))
}

/// What a web server with jobs does, one event after the other.
pub(super) struct Traffic {
    random: Random,
    /// Events of the day.
    of: u64,
    pub(super) made: u64,
    /// Of the job that runs.
    job: u32,
}

impl Traffic {
    pub(super) fn new(of: u64) -> Self {
        Self { random: Random::new(11), of, made: 0, job: 4_000 }
    }

    /// The next: wall clock, time since boot in ns, what.
    pub(super) fn event(&mut self) -> (UnixNs, u64, Body) {
        let n = self.made;
        self.made += 1;
        // A day, however many events it has; the first starts the recorder.
        let boot_ns = (u128::from(n) * u128::from(DAY_NS) / u128::from(self.of.min(100_000_000))) as u64;
        let boot_ns = boot_ns + self.random.below(1_000_000) + 1_000_000_000;
        let time = UnixNs(BEGIN + (boot_ns - 1_000_000_000).cast_signed());
        // Thrice a day something with the address that is sought: at noon, and in the morning and the evening.
        let share = self.of / 4;
        if n > 0 && share > 0 && n.is_multiple_of(share) {
            return (time, boot_ns, Body::Flow(Box::new(self.flow(time, Direction::Out, SOUGHT.into(), 22))));
        }
        let body = match (n, n % 100) {
            (0, _) => Body::Recorder { act: RecorderAct::Started, note: "generated".to_owned() },
            (_, 0) => {
                self.job += 1;
                Body::Fork { child: id(self.job, boot_ns, 0), parent: id(1, 0, 1) }
            }
            (_, 1) => Body::Process(Box::new(process(id(self.job, boot_ns, 1), &["/usr/bin/job", "--once"]))),
            (_, 2) => Body::Exit { process: id(self.job, boot_ns, 1), code: 0, signal: 0 },
            (_, 3) => Body::Dns(Box::new(self.asked())),
            (_, 4) => {
                let backend = Ipv4Addr::new(10, 0, 2, (self.random.below(4) + 1) as u8);
                Body::Flow(Box::new(self.flow(time, Direction::Out, backend.into(), 5_432)))
            }
            _ => {
                // Of two hundred thousand clients some come often, most seldom.
                let client = self.random.below(200_000) * self.random.below(200_000) / 200_000;
                let address = Ipv4Addr::from(0xcb00_0000 | Random::new(client + 1).below(1 << 24) as u32);
                Body::Flow(Box::new(self.flow(time, Direction::In, address.into(), 0)))
            }
        };
        (time, boot_ns, body)
    }

    fn flow(&mut self, time: UnixNs, direction: Direction, remote: IpAddr, port: u16) -> Flow {
        let ephemeral = 32_768 + self.random.below(28_232) as u16;
        let took_ns = (self.random.below(40) * self.random.below(1_000) * 1_000).cast_signed();
        let (local, remote_port) =
            if direction == Direction::In { (443, ephemeral) } else { (ephemeral, port) };
        Flow {
            owner: Some(server()),
            sender: None,
            protocol: Protocol::TCP,
            via: Via::Socket,
            direction,
            state: FlowState::Closed,
            local: Endpoint { address: Ipv4Addr::new(10, 0, 1, 10).into(), port: local },
            remote: Endpoint { address: remote, port: remote_port },
            packets: 4 + self.random.below(8),
            bytes: 300 + self.random.below(20_000),
            bytes_received: 200 + self.random.below(800),
            tcp_flags: 0,
            first: UnixNs(time.0 - took_ns),
            last: time,
        }
    }

    fn asked(&mut self) -> Dns {
        Dns {
            process: Some(server()),
            remote: Some(Endpoint { address: Ipv4Addr::new(10, 0, 0, 2).into(), port: 53 }),
            sent: true,
            answer: false,
            name: format!("api-{}.example.com", self.random.below(50)),
            kind: 1,
            code: 0,
            addresses: Vec::new(),
            names: Vec::new(),
        }
    }
}

impl KnownProcesses for Traffic {
    fn process(&self, wanted: &ProcessId) -> Option<Process> {
        (*wanted == server()).then(|| process(server(), &["/usr/sbin/webserver", "--workers", "4"]))
    }

    fn login(&self, _: &ProcessId) -> Option<(UnixNs, u64, Login)> {
        None
    }
}

fn server() -> ProcessId {
    id(800, 5_000_000, 1)
}

fn id(tgid: u32, start_ns: u64, exec: u32) -> ProcessId {
    // A tick of the clock: what began within one has one name.
    ProcessId {
        boot: BootId(0x8f3c_0a6b_12e4_5d77),
        tgid,
        start_ns: start_ns / 10_000_000 * 10_000_000,
        exec,
    }
}

fn process(id: ProcessId, argv: &[&str]) -> Process {
    Process {
        id,
        parent: Some(self::id(1, 0, 1)),
        seen: Seen::Exec,
        started: UnixNs(BEGIN + id.start_ns.cast_signed()),
        comm: argv[0].rsplit('/').next().unwrap_or_default().to_owned(),
        exe: argv[0].to_owned(),
        argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        env: Vec::new(),
        cwd: "/".to_owned(),
        credentials: Credentials::default(),
        user: Some("root".to_owned()),
        login_user: None,
        tty: None,
        cgroup: "/system.slice/web.service".to_owned(),
        container: None,
        exe_inode: 77,
        script: None,
        namespaces: Namespaces::default(),
        flags: ProcessFlags::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_lasts_a_day_and_holds_what_is_sought() {
        let mut day = Traffic::new(1_000);
        let events: Vec<_> = (0..1_000).map(|_| day.event()).collect();
        let hours = |at: UnixNs| (at.0 - BEGIN) / 3_600_000_000_000;
        assert_eq!((hours(events[0].0), hours(events[999].0)), (0, 23));
        let sought =
            |body: &Body| matches!(body, Body::Flow(flow) if flow.remote.address == IpAddr::from(SOUGHT));
        let (from, to) = noon();
        let found: Vec<_> = events.iter().filter(|(_, _, body)| sought(body)).map(|(at, ..)| *at).collect();
        assert_eq!(found.len(), 3);
        assert_eq!(found.iter().filter(|at| (from..to).contains(*at)).count(), 1);
    }
}
