//! The recorder: what the programs saw and the logs say, put together and written to the ring.

mod snapshot;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use history::Body;
use history::Credentials;
use history::Login;
use history::LossClass;
use history::Process;
use history::ProcessId;
use history::RecorderAct;
use history::Ring;
use history::Seen;
use history::UnixNs;
use host_recorder_bpf::record::record_loss;
use host_recorder_bpf::record::record_loss::NR_RECORD_LOSS;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::capture::Capture;
use crate::clock;
use crate::clock::Clock;
use crate::decode::Image;
use crate::decode::Record;
use crate::decode::decode;
use crate::decode::decode_slot;
use crate::enrich::cgroups::Cgroups;
use crate::enrich::environment;
use crate::enrich::journal::Journal;
use crate::enrich::login_log;
use crate::enrich::login_log::LoginLine;
use crate::enrich::tail::Tail;
use crate::enrich::users::Users;
use crate::flows::Flows;
use crate::flows::PENDING_MAX;
use crate::processes::Processes;
use crate::sessions::Session;
use crate::sessions::Sessions;
use crate::status::Status;

/// Between two commits.
const COMMIT_EVERY: Duration = Duration::from_secs(1);

/// Between two looks at the rings; the kernel wakes the recorder earlier when much is waiting.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Between two times of forgetting ended processes.
const FORGET_EVERY: Duration = Duration::from_secs(30);

/// A step of the wall clock smaller than this is its ordinary correction, ns.
const CLOCK_STEP_NS: i64 = 1_000_000_000;

/// What the recorder is made of.
pub struct Recorder {
    capture: Capture,
    ring: Ring,
    cgroups: Cgroups,
    users: Users,
    processes: Processes,
    mount_namespaces: HashMap<ProcessId, u32>,
    flows: Flows,
    sessions: Sessions,
    login_logs: Vec<Tail>,
    /// Logins before this are in the ring.
    logins_since: UnixNs,
    journal: Option<Journal>,
    zone: TimeZone,
    clock: Clock,
    /// Only processes below this path of the cgroup tree.
    scope: Option<String>,
    lost: [u64; NR_RECORD_LOSS as usize],
    lost_since: UnixNs,
    /// When the kernel's rings were last emptied, ns since boot.
    drained_ns: u64,
    /// Events that the disk did not take since it last took some.
    disk_lost: u64,
    disk_lost_since: UnixNs,
    disk_failure: Option<String>,
    status: Status,
    status_path: PathBuf,
}

impl Recorder {
    /// Puts a recorder together. `scope` is the path, in the cgroup tree, that it is limited to; `logins_since` up to
    /// when the ring holds logins already.
    pub fn new(
        capture: Capture,
        ring: Ring,
        cgroups: Cgroups,
        scope: Option<String>,
        login_logs: Vec<PathBuf>,
        logins_since: UnixNs,
        status_path: PathBuf,
    ) -> std::io::Result<Self> {
        let clock = clock::now()?;
        Ok(Self {
            capture,
            ring,
            cgroups,
            users: Users::default(),
            processes: Processes::default(),
            mount_namespaces: HashMap::new(),
            flows: Flows::default(),
            sessions: Sessions::default(),
            // A host that writes both would tell of each login twice.
            journal: if login_logs.iter().any(|path| path.exists()) { None } else { Journal::follow() },
            logins_since,
            login_logs: login_logs.iter().map(|path| Tail::new(path)).collect(),
            zone: TimeZone::system(),
            clock,
            scope,
            lost: [0; NR_RECORD_LOSS as usize],
            lost_since: UnixNs::now(),
            drained_ns: clock::boot_ns(),
            disk_lost: 0,
            disk_lost_since: UnixNs::now(),
            disk_failure: None,
            status: Status::new(),
            status_path,
        })
    }

    /// Notes what runs already, then records until `stop` is set. `ready` is called once history begins.
    pub fn run(&mut self, stop: &AtomicBool, ready: impl FnOnce()) -> anyhow::Result<()> {
        self.note(RecorderAct::Started, concat!("host-recorder ", env!("CARGO_PKG_VERSION")));
        self.snapshot()?;
        self.read_logins();
        self.commit_ring();
        self.write_status(true);
        ready();
        let mut committed = Instant::now();
        let mut forgot = Instant::now();
        while !stop.load(Ordering::Relaxed) {
            self.capture.wait(LOOK_EVERY)?;
            self.take()?;
            if committed.elapsed() >= COMMIT_EVERY || self.flows.pending() > PENDING_MAX {
                committed = Instant::now();
                self.commit()?;
            }
            if forgot.elapsed() >= FORGET_EVERY {
                forgot = Instant::now();
                self.forget();
            }
        }
        self.take()?;
        self.commit()?;
        self.note(RecorderAct::Stopped, "asked to");
        self.commit_ring();
        self.write_status(false);
        Ok(())
    }

    /// Takes what the kernel has, and writes or holds it.
    fn take(&mut self) -> anyhow::Result<()> {
        self.drained_ns = clock::boot_ns();
        let drained = self.capture.drain()?;
        for bytes in drained.identities.iter().chain(&drained.flows) {
            self.take_record(bytes);
        }
        // A session's first program is read before the connection that it came by.
        self.sessions.believe(|remote, local| self.flows.is_accepted(remote, local));
        Ok(())
    }

    fn take_record(&mut self, bytes: &[u8]) {
        self.status.records += 1;
        match decode(bytes, &self.clock) {
            Ok(Record::Fork { boot_ns, parent, child }) => {
                let at = self.clock.wall(boot_ns);
                self.processes.fork(&parent, child, at, boot_ns);
                if let Some(namespace) = self.mount_namespaces.get(&parent).copied() {
                    self.mount_namespaces.insert(child, namespace);
                }
                self.append(boot_ns, Body::Fork { child, parent });
            }
            Ok(Record::Image(image)) => {
                let boot_ns = image.boot_ns;
                let process = self.process_of(*image, Seen::Exec);
                let parent = process.parent.and_then(|id| self.processes.get(&id));
                self.sessions.executed(&process, parent, boot_ns);
                self.processes.insert(process.clone(), boot_ns);
                self.append(boot_ns, Body::Process(Box::new(process)));
            }
            Ok(Record::Exit { boot_ns, process, code, signal }) => {
                self.processes.end(&process, boot_ns);
                self.append(boot_ns, Body::Exit { process, code, signal });
            }
            Ok(Record::Tcp(connection)) => {
                let who = connection.flow.sender.or(connection.flow.owner);
                self.compare(connection.boot_ns, who, connection.credentials);
                self.flows.connection(*connection);
            }
            Ok(Record::Packets { boot_ns, credentials, flow }) => {
                self.compare(boot_ns, flow.sender.or(flow.owner), credentials);
                self.flows.packets(boot_ns, *flow);
            }
            Err(error) => {
                tracing::warn!(%error, "a record could not be read");
                let at = clock::boot_ns();
                self.append(at, Body::Loss { class: LossClass::Decode, count: 1, from: UnixNs::now() });
            }
        }
    }

    /// A process that is now somebody else without having executed anything (sshd after authentication, su in a
    /// shell's own process) becomes an event.
    fn compare(&mut self, boot_ns: u64, who: Option<ProcessId>, seen: Option<Credentials>) {
        let (Some(id), Some(to)) = (who, seen) else {
            return;
        };
        let Some(process) = self.processes.get_mut(&id).filter(|process| process.credentials != to) else {
            return;
        };
        let from = std::mem::replace(&mut process.credentials, to);
        self.name_users(&id);
        self.append(boot_ns, Body::Credentials { process: id, from, to });
    }

    fn process_of(&mut self, image: Image, seen: Seen) -> Process {
        let pid = image.process.tgid;
        let uid = image.credentials.uid;
        let mut pids = vec![pid];
        pids.extend(image.parent.map(|parent| parent.tgid));
        pids.push(std::process::id());
        let user = self.users.name(uid, image.namespaces.mount, &pids);
        let login_user =
            image.credentials.login_uid.and_then(|uid| self.users.name(uid, image.namespaces.mount, &pids));
        self.mount_namespaces.insert(image.process, image.namespaces.mount);
        let started = match seen {
            Seen::Snapshot => self.clock.wall(image.process.start_ns),
            Seen::Exec | Seen::Fork => self.clock.wall(image.boot_ns),
        };
        Process {
            id: image.process,
            parent: image.parent,
            seen,
            started,
            comm: image.comm,
            exe: image.exe,
            argv: image.argv,
            env: environment::keep(image.env),
            cwd: image.cwd,
            credentials: image.credentials,
            user,
            login_user,
            tty: image.tty,
            cgroup: self.cgroups.path(image.cgroup_id),
            container: None,
            exe_inode: image.exe_inode,
            script: image.script,
            namespaces: image.namespaces,
            flags: image.flags,
        }
    }

    /// Names the users of a process whose ids changed.
    fn name_users(&mut self, id: &ProcessId) {
        let Some(namespace) = self.mount_namespaces.get(id).copied() else {
            return;
        };
        let Some(process) = self.processes.get_mut(id) else {
            return;
        };
        let pids = [id.tgid, std::process::id()];
        let Credentials { uid, login_uid, .. } = process.credentials;
        process.user = self.users.name(uid, namespace, &pids);
        process.login_user = login_uid.and_then(|uid| self.users.name(uid, namespace, &pids));
    }

    fn commit(&mut self) -> anyhow::Result<()> {
        self.read_clock()?;
        self.read_logins();
        for bytes in self.capture.changed_slots()? {
            if let Some(Record::Packets { boot_ns, flow, .. }) = decode_slot(&bytes, &self.clock) {
                self.flows.packets(boot_ns, *flow);
            }
        }
        for (boot_ns, body) in history::with_targets(self.flows.take()) {
            self.append(boot_ns, body);
        }
        self.read_losses()?;
        // All that happened before the rings were last emptied is written.
        self.append(self.drained_ns, Body::Recorder { act: RecorderAct::Alive, note: String::new() });
        self.commit_ring();
        self.write_status(true);
        Ok(())
    }

    /// Writes an event. One that the disk does not take is counted, and the recorder goes on.
    fn append(&mut self, boot_ns: u64, body: Body) {
        let time = self.clock.wall(boot_ns);
        self.append_at(time, boot_ns, body);
    }

    fn append_at(&mut self, time: UnixNs, boot_ns: u64, body: Body) {
        self.status.events += 1;
        if let Err(error) = self.ring.append(time, boot_ns, body, &self.processes) {
            if self.disk_lost == 0 {
                tracing::error!(%error, "events are being lost");
                self.disk_lost_since = time;
            }
            self.disk_lost += 1;
        }
    }

    /// Puts what was written on disk. While the disk takes nothing it is tried again each second.
    fn commit_ring(&mut self) {
        let outcome = self.ring.commit();
        match &outcome {
            Err(error) if self.disk_failure.is_none() => {
                tracing::error!(%error, "the ring cannot be written")
            }
            Ok(()) if self.disk_failure.is_some() => tracing::info!("the ring is written again"),
            _ => {}
        }
        self.disk_failure = outcome.err().map(|error| error.to_string());
        if self.disk_failure.is_none() && self.disk_lost > 0 {
            let (count, from) = (std::mem::take(&mut self.disk_lost), self.disk_lost_since);
            self.status.lose(LossClass::Disk, count);
            self.append(clock::boot_ns(), Body::Loss { class: LossClass::Disk, count, from });
        }
    }

    fn note(&mut self, act: RecorderAct, note: &str) {
        self.append(clock::boot_ns(), Body::Recorder { act, note: note.to_owned() });
    }

    fn read_clock(&mut self) -> anyhow::Result<()> {
        let step = self.clock.set(clock::boot_ns(), clock::offset_ns()?);
        if step.abs() >= CLOCK_STEP_NS {
            let seconds = step as f64 / 1e9;
            self.note(RecorderAct::ClockStepped, &format!("wall clock stepped by {seconds:+.3} s"));
        }
        Ok(())
    }

    /// What the kernel could not hand over becomes an event.
    fn read_losses(&mut self) -> anyhow::Result<()> {
        let lost = self.capture.losses()?;
        let (from, now) = (self.lost_since, clock::boot_ns());
        for (class, (lost, before)) in lost.iter().zip(self.lost).enumerate() {
            let count = lost.saturating_sub(before);
            if count == 0 {
                continue;
            }
            let class = match class as u32 {
                record_loss::RECORD_LOSS_IDENTITY | record_loss::RECORD_LOSS_OWNER => LossClass::Identity,
                _ => LossClass::Flow,
            };
            self.status.lose(class, count);
            self.append(now, Body::Loss { class, count, from });
        }
        self.lost = lost;
        self.lost_since = self.clock.wall(now);
        Ok(())
    }

    fn read_logins(&mut self) {
        let now = Timestamp::now();
        let mut found = Vec::new();
        let mut lost = 0;
        for log in &mut self.login_logs {
            let origin = log.path().display().to_string();
            match log.lines() {
                Ok(lines) => found.extend(lines.iter().filter_map(|line| {
                    login_log::parse(line, now, &self.zone).map(|login| (login, origin.clone()))
                })),
                Err(error) => {
                    tracing::warn!(%error, log = %origin, "a login log could not be read");
                    lost += 1;
                }
            }
        }
        match self.journal.as_mut().map(Journal::logins) {
            Some(Ok(logins)) => found.extend(logins.into_iter().map(|login| (login, "journal".to_owned()))),
            Some(Err(error)) => {
                tracing::warn!(%error, "the journal is not read any more");
                lost += 1;
            }
            None => {}
        }
        if lost > 0 {
            let at = clock::boot_ns();
            self.append(at, Body::Loss { class: LossClass::Login, count: lost, from: self.lost_since });
        }
        for (line, origin) in found {
            self.take_login(line, origin);
        }
        for session in self.sessions.untold(clock::boot_ns()) {
            self.take_session(session);
        }
    }

    /// A login that no log told of, as the session's environment and the kernel's connection tell of it.
    fn take_session(&mut self, session: Session) {
        let login = Login {
            service: session.service,
            user: session.user,
            method: "unknown".to_owned(),
            accepted: true,
            source_address: Some(session.source.ip()),
            source_port: Some(session.source.port()),
            key: None,
            process: Some(session.server),
            origin: "the session's environment and its connection".to_owned(),
            ..Login::default()
        };
        let time = self.clock.wall(session.boot_ns);
        self.processes.set_login(&session.server, time, session.boot_ns, login.clone());
        self.append_at(time, session.boot_ns, Body::Login(Box::new(login)));
    }

    fn take_login(&mut self, line: LoginLine, origin: String) {
        let time = line.time.unwrap_or_else(UnixNs::now);
        let boot_ns = self.clock.since_boot(time);
        // The pid of the line, unless that process began after the line was written or is another program: anybody
        // may write lines, and pids come again.
        let slack_ns = 2_000_000_000;
        let process =
            self.processes.by_pid(line.pid).filter(|id| id.start_ns <= boot_ns.saturating_add(slack_ns));
        let login = Login {
            service: line.service,
            user: line.user,
            method: line.method,
            accepted: line.accepted,
            source_address: line.source.map(|(address, _)| address),
            source_port: line.source.map(|(_, port)| port),
            key: line.key,
            process,
            origin,
            ..Login::default()
        };
        if login.accepted {
            self.sessions.told(line.source);
        }
        if let Some(id) = process.filter(|_| login.accepted) {
            self.processes.set_login(&id, time, boot_ns, login.clone());
        }
        // An earlier run wrote it; with the session's processes it is written again where it is needed.
        if time < self.logins_since {
            return;
        }
        self.append_at(time, boot_ns, Body::Login(Box::new(login)));
    }

    fn forget(&mut self) {
        self.processes.forget(clock::boot_ns());
        let processes = &self.processes;
        self.mount_namespaces.retain(|id, _| processes.get(id).is_some());
    }

    fn write_status(&mut self, running: bool) {
        self.status.processes = self.processes.len() as u64;
        self.status.update(running, &self.ring.size());
        if let Some(failure) = &self.disk_failure {
            self.status.failure = Some(failure.clone());
        }
        if let Err(error) = self.status.write(&self.status_path) {
            tracing::warn!(%error, path = %self.status_path.display(), "status could not be written");
        }
    }
}
