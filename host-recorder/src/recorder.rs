//! The recorder: what the programs saw and the logs say, put together and written to the ring.

mod snapshot;

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use history::Body;
use history::Credentials;
use history::Login;
use history::LossClass;
use history::Namespaces;
use history::Operation;
use history::OperationKind;
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

use crate::beginnings::Beginnings;
use crate::beginnings::Begun;
use crate::capture::Capture;
use crate::capture::FLOWS_AT_ONCE;
use crate::capture::FLOWS_MAX;
use crate::changes;
use crate::clock;
use crate::clock::Clock;
use crate::decode::Context;
use crate::decode::Image;
use crate::decode::Record;
use crate::decode::decode;
use crate::enrich::cgroups::Cgroups;
use crate::enrich::containers::Containers;
use crate::enrich::environment;
use crate::enrich::journal::Journal;
use crate::enrich::login_log;
use crate::enrich::login_log::LoginLine;
use crate::enrich::login_log::Repeats;
use crate::enrich::tail::Tail;
use crate::enrich::users::Users;
use crate::flows::Flows;
use crate::flows::PENDING_MAX;
use crate::login_check::Checked;
use crate::login_check::check;
use crate::processes::Processes;
use crate::publish::Publisher;
use crate::sessions::Session;
use crate::sessions::Sessions;
use crate::socket::Socket;
use crate::status::Status;

/// Between two commits.
const COMMIT_EVERY: Duration = Duration::from_secs(1);

/// Between two times of forgetting ended processes.
const FORGET_EVERY: Duration = Duration::from_secs(30);

/// A step of the wall clock smaller than this is its ordinary correction, ns.
const CLOCK_STEP_NS: i64 = 1_000_000_000;

/// Where logins come from that the journal tells of.
const JOURNAL: &str = "journal";

/// What the recorder is made of.
pub struct Recorder {
    capture: Capture,
    ring: Ring,
    cgroups: Cgroups,
    users: Users,
    processes: Processes,
    flows: Flows,
    sessions: Sessions,
    beginnings: Beginnings,
    containers: Containers,
    login_logs: Vec<Tail>,
    /// Logins before this are in the ring.
    logins_since: UnixNs,
    journal: Option<Journal>,
    repeats: Repeats,
    /// When all that ran was known, ns since boot; logs say more than that only of what came before.
    began_ns: u64,
    /// Whether forks or programs were lost since.
    identities_lost: bool,
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
    publisher: Publisher,
    /// Where those who ask about the present come; none where it could not be made.
    socket: Option<Socket>,
}

impl Recorder {
    /// Puts a recorder together. `scope` is the path, in the cgroup tree, that it is limited to; `logins_since` up to
    /// when the ring holds logins already; `status` is what is known of this run before it begins.
    #[expect(clippy::too_many_arguments, reason = "its parts, each made elsewhere")]
    pub fn new(
        capture: Capture,
        ring: Ring,
        cgroups: Cgroups,
        scope: Option<String>,
        login_logs: Vec<PathBuf>,
        logins_since: UnixNs,
        status: Status,
        publisher: Publisher,
        socket: Option<Socket>,
    ) -> std::io::Result<Self> {
        let clock = clock::now()?;
        Ok(Self {
            capture,
            ring,
            cgroups,
            users: Users::default(),
            processes: Processes::default(),
            flows: Flows::default(),
            sessions: Sessions::default(),
            beginnings: Beginnings::default(),
            containers: Containers::start(Path::new("/")),
            // A host that writes both would tell of each login twice.
            journal: if login_logs.iter().any(|path| path.exists()) { None } else { Journal::follow() },
            logins_since,
            repeats: Repeats::default(),
            login_logs: login_logs.iter().map(|path| Tail::new(path)).collect(),
            began_ns: u64::MAX,
            identities_lost: false,
            clock,
            scope,
            lost: [0; NR_RECORD_LOSS as usize],
            lost_since: UnixNs::now(),
            drained_ns: clock::boot_ns(),
            disk_lost: 0,
            disk_lost_since: UnixNs::now(),
            disk_failure: None,
            status,
            publisher,
            socket,
        })
    }

    /// Notes what runs already, then records until `stop` is set. The kernel's rings are looked at when much is
    /// waiting, and after `look_every`. `ready` is called once history begins.
    pub fn run(
        &mut self,
        stop: &AtomicBool,
        look_every: Duration,
        ready: impl FnOnce(),
    ) -> anyhow::Result<()> {
        self.note(RecorderAct::Started, concat!("host-recorder ", env!("CARGO_PKG_VERSION")));
        self.snapshot()?;
        self.take()?;
        self.write_flows();
        self.read_logins();
        self.began_ns = clock::boot_ns();
        self.commit_ring();
        self.write_status(true);
        ready();
        let mut committed = Instant::now();
        let mut forgot = Instant::now();
        while !stop.load(Ordering::Relaxed) {
            self.capture.wait(look_every, self.socket.as_ref().and_then(Socket::awaited))?;
            // Before the kernel's rings are emptied: who asks, asks about what is in them.
            let is_asked = self.socket.as_mut().is_some_and(Socket::is_asked);
            let asking = self.socket.as_mut().filter(|_| is_asked).map(Socket::waiting);
            self.take()?;
            if asking.is_some() || committed.elapsed() >= COMMIT_EVERY || self.flows.pending() > PENDING_MAX {
                committed = Instant::now();
                self.commit()?;
            }
            self.answer(asking.unwrap_or_default());
            if forgot.elapsed() >= FORGET_EVERY {
                forgot = Instant::now();
                self.forget();
            }
        }
        self.take()?;
        self.flows.settle(u64::MAX);
        self.read_logins();
        // The logs will not be read any more.
        self.tell_waiting(u64::MAX);
        self.commit()?;
        self.note(RecorderAct::Stopped, "asked to");
        self.commit_ring();
        self.write_status(false);
        Ok(())
    }

    /// Takes what the kernel has, and writes or holds it.
    fn take(&mut self) -> anyhow::Result<()> {
        if self.capture.attend() {
            self.status.hooks = self.capture.hooks().to_vec();
        }
        self.drained_ns = clock::boot_ns();
        self.capture.flush()?;
        let mut taken = 0;
        loop {
            let drained = self.capture.drain();
            for bytes in drained.identities.iter().chain(&drained.flows) {
                self.take_record(bytes);
            }
            if self.flows.pending() > PENDING_MAX {
                self.write_flows();
            }
            taken += drained.flows.len();
            if drained.flows.len() < FLOWS_AT_ONCE || taken > FLOWS_MAX {
                break;
            }
        }
        self.take_program_loads();
        self.flows.settle(self.drained_ns);
        self.processes.forget(self.drained_ns);
        // A session's first program is read before the connection that it came by.
        self.sessions.believe(|remote, local| self.flows.is_accepted(remote, local));
        Ok(())
    }

    /// BPF programs that somebody loaded. Whoever did is known: he was read before.
    fn take_program_loads(&mut self) {
        let (loads, lost) = self.capture.program_loads();
        for load in loads {
            let process = self.processes.by_pid(load.pid);
            let known = process.and_then(|id| self.processes.get(&id));
            let within = |scope: &String| known.is_some_and(|known| snapshot::is_below(&known.cgroup, scope));
            if !self.scope.as_ref().is_none_or(within) {
                continue;
            }
            let tag: String = load.tag.iter().map(|byte| format!("{byte:02x}")).collect();
            let detail = format!("program {}, tag {tag}", load.program);
            let operation = Operation { process, kind: OperationKind::BpfLoad, detail };
            self.append(load.boot_ns, Body::Operation(Box::new(operation)));
        }
        if lost > 0 {
            self.status.lose(LossClass::Identity, lost);
            let from = self.lost_since;
            self.append(self.drained_ns, Body::Loss { class: LossClass::Identity, count: lost, from });
        }
    }

    fn take_record(&mut self, bytes: &[u8]) {
        self.status.records += 1;
        match decode(bytes, &self.clock) {
            Ok(Record::Fork { boot_ns, parent, child, context }) => {
                self.compare_context(boot_ns, parent, &context);
                let at = self.clock.wall(boot_ns);
                self.processes.fork(&parent, child, at, boot_ns);
                self.append(boot_ns, Body::Fork { child, parent });
            }
            Ok(Record::Image(image)) => {
                let boot_ns = image.boot_ns;
                let process = self.process_of(*image, Seen::Exec);
                self.take_image(process, boot_ns);
            }
            Ok(Record::Exit { boot_ns, process, code, signal, context }) => {
                self.compare_context(boot_ns, process, &context);
                self.processes.end(&process, boot_ns);
                self.append(boot_ns, Body::Exit { process, code, signal });
            }
            Ok(Record::Connections { credentials, changes }) => {
                // The first of a batch is its actor's.
                if let Some(change) = changes.first() {
                    let who = change.flow.sender.or(change.flow.owner);
                    self.compare(change.boot_ns, who, credentials, None);
                }
                changes.into_iter().for_each(|change| self.flows.connection(change));
            }
            Ok(Record::Packets { credentials, flows }) => {
                if let Some((boot_ns, flow)) = flows.first() {
                    self.compare(*boot_ns, flow.sender.or(flow.owner), credentials, None);
                }
                flows.into_iter().for_each(|(boot_ns, flow)| self.flows.packets(boot_ns, flow));
            }
            Ok(Record::Dns { boot_ns, message: Some(message) }) => {
                self.append(boot_ns, Body::Dns(message));
            }
            // Not every datagram on port 53 is a DNS message; its flow is recorded.
            Ok(Record::Dns { message: None, .. }) => {}
            Ok(Record::Operation { boot_ns, operation }) => {
                self.append(boot_ns, Body::Operation(Box::new(operation)));
            }
            Ok(Record::Syscall { boot_ns, context, operation }) => {
                if let Some(process) = operation.process {
                    self.compare_context(boot_ns, process, &context);
                }
                self.append(boot_ns, Body::Operation(Box::new(operation)));
            }
            Err(error) => {
                tracing::warn!(%error, "a record could not be read");
                let at = clock::boot_ns();
                self.status.lose(LossClass::Decode, 1);
                self.append(at, Body::Loss { class: LossClass::Decode, count: 1, from: UnixNs::now() });
            }
        }
    }

    /// Compares what a fork, an end or a system call tells of who a process is.
    fn compare_context(&mut self, boot_ns: u64, process: ProcessId, context: &Context) {
        self.compare(boot_ns, Some(process), Some(context.credentials), Some(context.namespaces));
    }

    /// A program that was executed: perhaps it begins a session, and it may give its process other rights.
    fn take_image(&mut self, mut process: Process, boot_ns: u64) {
        let replaced = self.processes.by_pid(process.id.tgid).filter(|id| id.same_process(&process.id));
        // Who forked it: where that has ended, the kernel names who adopted it, and the session would be lost
        // (`setsid -f`, `nohup … &`).
        if let Some(before) = replaced.and_then(|id| self.processes.get(&id)) {
            process.parent = before.parent.or(process.parent);
        }
        let parent = process.parent.and_then(|id| self.processes.get(&id));
        self.sessions.executed(&process, parent, boot_ns);
        let begun = self.beginnings.executed(&process, &self.processes, boot_ns);
        let changed = replaced.and_then(|id| self.processes.get(&id)).map_or([None, None], |before| {
            [
                changes::credentials(process.id, before.credentials, process.credentials),
                changes::namespaces(process.id, before.namespaces, process.namespaces),
            ]
        });
        self.processes.insert(process.clone(), boot_ns);
        self.append(boot_ns, Body::Process(Box::new(process)));
        for body in changed.into_iter().flatten() {
            self.append(boot_ns, body);
        }
        if let Some(begun) = begun {
            self.take_begun(begun);
        }
    }

    /// A process that is now somebody else, or in other namespaces, without having executed anything (sshd after
    /// authentication, su in a shell's own process) becomes an event.
    fn compare(
        &mut self,
        boot_ns: u64,
        who: Option<ProcessId>,
        credentials: Option<Credentials>,
        namespaces: Option<Namespaces>,
    ) {
        let Some((id, process)) = who.and_then(|id| Some((id, self.processes.get_mut(&id)?))) else {
            return;
        };
        let credentials = credentials.unwrap_or(process.credentials);
        let namespaces = changes::merged(process.namespaces, namespaces.unwrap_or_default());
        let changed = [
            changes::credentials(id, process.credentials, credentials),
            changes::namespaces(id, process.namespaces, namespaces),
        ];
        if changed.iter().all(Option::is_none) {
            return;
        }
        let gave_up_root = process.credentials.uid == 0 && credentials.uid != 0;
        (process.credentials, process.namespaces) = (credentials, namespaces);
        self.name_users(&id);
        for body in changed.into_iter().flatten() {
            self.append(boot_ns, body);
        }
        // Written again under the name that it acts by from now on.
        if let Some(process) = self.processes.get(&id).filter(|_| gave_up_root).cloned() {
            self.append(boot_ns, Body::Process(Box::new(process)));
        }
    }

    fn process_of(&mut self, image: Image, seen: Seen) -> Process {
        let pid = image.process.tgid;
        let uid = image.credentials.uid;
        let mut pids = vec![pid];
        pids.extend(image.parent.map(|parent| parent.tgid));
        pids.push(std::process::id());
        let user = self.users.name(uid, image.namespaces.mount, &pids).or_else(|| name_of_root(uid));
        let login_user =
            image.credentials.login_uid.and_then(|uid| self.users.name(uid, image.namespaces.mount, &pids));
        let started = match seen {
            Seen::Snapshot => self.clock.wall(image.process.start_ns),
            Seen::Exec | Seen::Fork => self.clock.wall(image.boot_ns),
        };
        let before = self.processes.by_pid(pid).filter(|id| id.same_process(&image.process)).or(image.parent);
        let before = before.and_then(|id| self.processes.get(&id)).map(|process| process.cgroup.as_str());
        let cgroup = self.cgroups.path_of(image.cgroup_id, image.process, before);
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
            container: self.containers.of(&cgroup),
            cgroup,
            exe_inode: image.exe_inode,
            script: image.script,
            namespaces: image.namespaces,
            flags: image.flags,
        }
    }

    /// Names the users of a process whose ids changed.
    fn name_users(&mut self, id: &ProcessId) {
        let Some(process) = self.processes.get_mut(id) else {
            return;
        };
        let namespace = process.namespaces.mount;
        let pids = [id.tgid, std::process::id()];
        let Credentials { uid, login_uid, .. } = process.credentials;
        process.user = self.users.name(uid, namespace, &pids).or_else(|| name_of_root(uid));
        process.login_user = login_uid.and_then(|uid| self.users.name(uid, namespace, &pids));
    }

    fn commit(&mut self) -> anyhow::Result<()> {
        let was_set = self.read_clock()?;
        self.read_logins();
        self.place_processes();
        self.name_containers();
        self.write_flows();
        self.read_losses()?;
        // All that happened before the rings were last emptied is written. Where the clock was set since, that was by another.
        if !was_set {
            self.append(self.drained_ns, Body::Recorder { act: RecorderAct::Alive, note: String::new() });
        }
        self.commit_ring();
        self.write_status(true);
        Ok(())
    }

    /// Tells those who asked that what was taken from the kernel is on disk, or why it is not.
    fn answer(&mut self, asking: Vec<UnixStream>) {
        if asking.is_empty() {
            return;
        }
        let to = self.clock.wall(self.drained_ns);
        if let Some(socket) = &mut self.socket {
            socket.answer(asking, self.disk_failure.as_deref().map_or(Ok(to), Err));
        }
    }

    fn write_flows(&mut self) {
        for (boot_ns, body) in history::with_targets(self.flows.take()) {
            self.append(boot_ns, body);
        }
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
        if outcome.is_ok() {
            self.status.committed = Some(UnixNs::now());
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

    /// Whether the wall clock was set since it was read last.
    fn read_clock(&mut self) -> anyhow::Result<bool> {
        let step = self.clock.set(clock::boot_ns(), clock::offset_ns()?);
        let was_set = step.abs() >= CLOCK_STEP_NS;
        if was_set {
            let seconds = step as f64 / 1e9;
            self.note(RecorderAct::ClockStepped, &format!("wall clock stepped by {seconds:+.3} s"));
        }
        Ok(was_set)
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
                record_loss::RECORD_LOSS_DNS => LossClass::Dns,
                _ => LossClass::Flow,
            };
            self.identities_lost |= class == LossClass::Identity;
            self.status.lose(class, count);
            self.append(now, Body::Loss { class, count, from });
        }
        self.lost = lost;
        self.lost_since = self.clock.wall(now);
        Ok(())
    }

    /// A process whose cgroup became known after it is written again.
    fn place_processes(&mut self) {
        for (id, path) in self.cgroups.found() {
            let container = self.containers.of(&path);
            if let Some(process) = self.processes.get_mut(&id) {
                (process.cgroup, process.container) = (path, container);
                let process = process.clone();
                self.append(clock::boot_ns(), Body::Process(Box::new(process)));
            }
        }
    }

    /// A container that its runtime has named is written again with one of its processes at least.
    fn name_containers(&mut self) {
        for container in self.containers.named() {
            for process in self.processes.name_container(&container) {
                self.append(clock::boot_ns(), Body::Process(Box::new(process)));
            }
        }
    }

    fn read_logins(&mut self) {
        let now = Timestamp::now();
        // The host's zone may change while the recorder runs.
        let zone = TimeZone::system();
        let mut found = Vec::new();
        let mut lost = 0;
        for log in &mut self.login_logs {
            let origin = log.path().display().to_string();
            match log.lines() {
                Ok(lines) => found.extend(lines.iter().filter_map(|line| {
                    login_log::parse(line, now, &zone).map(|login| (login, origin.clone()))
                })),
                Err(error) => {
                    tracing::warn!(%error, log = %origin, "a login log could not be read");
                    lost += 1;
                }
            }
        }
        match self.journal.as_mut().map(Journal::logins) {
            Some(Ok(logins)) => found.extend(logins.into_iter().map(|login| (login, JOURNAL.to_owned()))),
            Some(Err(error)) => {
                tracing::warn!(%error, "the journal is not read any more");
                lost += 1;
            }
            None => {}
        }
        if lost > 0 {
            let at = clock::boot_ns();
            self.status.lose(LossClass::Login, lost);
            self.append(at, Body::Loss { class: LossClass::Login, count: lost, from: self.lost_since });
        }
        let refused = found.iter().filter(|(line, origin)| !self.take_line(line, origin)).count();
        if refused > 0 {
            tracing::warn!(
                refused,
                "lines about logins were left out: the program that they name wrote none"
            );
        }
        self.tell_waiting(clock::boot_ns());
    }

    /// Tells of sessions that the logs had time to tell of until then, and did not.
    fn tell_waiting(&mut self, boot_ns: u64) {
        for begun in self.beginnings.due(boot_ns) {
            self.take_begun(begun);
        }
        for session in self.sessions.untold(boot_ns) {
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

    /// A login that the process tree tells of.
    fn take_begun(&mut self, Begun { boot_ns, login }: Begun) {
        let time = self.clock.wall(boot_ns);
        if let Some(id) = login.process {
            self.processes.set_login(&id, time, boot_ns, login.clone());
        }
        // An earlier run told of it.
        if time >= self.logins_since {
            self.append_at(time, boot_ns, Body::Login(Box::new(login)));
        }
    }

    fn take_line(&mut self, line: &LoginLine, origin: &str) -> bool {
        let lines: Vec<LoginLine> = self.repeats.spread(line.clone()).collect();
        lines.iter().all(|line| self.take_login(line, origin))
    }

    /// A login that a log tells of; false where the line is not believed.
    fn take_login(&mut self, line: &LoginLine, origin: &str) -> bool {
        let time = line.time.unwrap_or_else(UnixNs::now);
        let boot_ns = self.clock.since_boot(time);
        // What a file held at first, and what the journal says was written before, may be about unknown processes.
        let past = if origin == JOURNAL { boot_ns < self.began_ns } else { self.began_ns == u64::MAX };
        let complete = !self.identities_lost && !past;
        let process = match check(line, boot_ns, &self.processes, &self.beginnings, complete) {
            Checked::By(id) => Some(id),
            Checked::Unknown => None,
            Checked::Refused => return false,
        };
        let login = Login {
            service: line.service.clone(),
            user: line.user.clone(),
            method: line.method.clone(),
            accepted: line.accepted,
            source_address: line.source.map(|(address, _)| address),
            source_port: line.source.map(|(_, port)| port).filter(|port| *port != 0),
            key: line.key.clone(),
            process,
            origin: origin.to_owned(),
            by: line.by.clone(),
            session: line.session.clone(),
            command: line.command.clone(),
        };
        if login.accepted {
            self.sessions.told(line.source);
        }
        if let Some(id) = process.filter(|_| login.accepted) {
            // Several lines tell of one session, and of some the tree has told. A connection has one login.
            if self.processes.has_login(&id) {
                return true;
            }
            self.processes.set_login(&id, time, boot_ns, login.clone());
        }
        // An earlier run wrote it; with the session's processes it is written again where it is needed.
        if time >= self.logins_since {
            self.append_at(time, boot_ns, Body::Login(Box::new(login)));
        }
        true
    }

    fn forget(&mut self) {
        self.beginnings.forget(&self.processes);
    }

    fn write_status(&mut self, running: bool) {
        self.status.processes = self.processes.len() as u64;
        self.status.update(running, &self.ring.size());
        if let Some(failure) = &self.disk_failure {
            self.status.failure = Some(failure.clone());
        }
        self.publisher.publish(&mut self.status);
    }
}

/// The one user whose name is the same everywhere, also where a process's own files could not be read in time.
fn name_of_root(uid: u32) -> Option<String> {
    (uid == 0).then(|| "root".to_owned())
}
