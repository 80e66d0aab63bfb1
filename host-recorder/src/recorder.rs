//! The recorder: what the programs saw and the logs say, put together and written to the ring.

mod identities;
mod logins;
mod snapshot;
mod written;

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use history::Body;
use history::LossClass;
use history::Operation;
use history::OperationKind;
use history::RecorderAct;
use history::Ring;
use history::Seen;
use history::UnixNs;
use host_recorder_bpf::record::record_loss::NR_RECORD_LOSS;

use crate::arrivals::Arrivals;
use crate::askers::Askers;
use crate::attached::Attached;
use crate::beginnings::Beginnings;
use crate::capture::Capture;
use crate::capture::FLOWS_MAX;
use crate::capture::IDENTITIES_MAX;
use crate::capture::Load;
use crate::capture::Rest;
use crate::clock;
use crate::clock::Clock;
use crate::decode::Record;
use crate::decode::decode;
use crate::enrich::cgroups::Cgroups;
use crate::enrich::containers::Containers;
use crate::enrich::journal::Journal;
use crate::enrich::login_log::Repeats;
use crate::enrich::tail::Tail;
use crate::enrich::users::Users;
use crate::flows::Flows;
use crate::flows::PENDING_MAX;
use crate::heap;
use crate::launched::Launched;
use crate::processes::Processes;
use crate::publish::Publisher;
use crate::sessions::Sessions;
use crate::sessions::may_have_accepted;
use crate::socket::Socket;
use crate::status::Status;

/// Between two commits.
const COMMIT_EVERY: Duration = Duration::from_secs(1);

/// Events after which the heap is trimmed, once they are committed: seconds of a storm, a day of most hosts.
const TRIM_EVERY: u64 = 10_000;

/// Between two times of forgetting ended processes.
const FORGET_EVERY: Duration = Duration::from_secs(30);

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
    arrivals: Arrivals,
    askers: Askers,
    attached: Attached,
    launched: Launched,
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
    /// Events when the heap was trimmed last.
    trimmed: u64,
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
            users: Users::of_host(),
            processes: Processes::default(),
            flows: Flows::default(),
            sessions: Sessions::default(),
            beginnings: Beginnings::default(),
            arrivals: Arrivals::default(),
            askers: Askers::default(),
            attached: Attached::default(),
            launched: Launched::default(),
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
            trimmed: 0,
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
        let now = clock::boot_ns();
        // Before the identities, too.
        let (loads, lost) = self.capture.program_loads();
        let mut whole = self.capture.flush()?;
        let mut taken = 0;
        loop {
            // Taken before the identities, and looked at after them: who a flow names is known by then.
            let flows = self.capture.take_flows();
            whole &= self.take_identities();
            flows.records.iter().for_each(|bytes| self.take_record(bytes));
            if self.flows.pending() > PENDING_MAX {
                self.write_flows();
            }
            taken += flows.records.len();
            whole &= flows.rest != Rest::Unwritten;
            if flows.rest != Rest::More || taken > FLOWS_MAX {
                break;
            }
        }
        loads.into_iter().for_each(|load| self.take_program_load(load));
        self.lose(LossClass::Identity, lost);
        // What a busy kernel still holds may be older than what was read: that waits for it.
        if whole {
            self.drained_ns = now;
        }
        self.flows.settle(self.drained_ns);
        self.processes.forget(self.drained_ns);
        // A session's first program is read before the connection that it came by.
        self.sessions.believe(|server, remote, local, boot_ns| {
            let may_be = |owner| may_have_accepted(owner, server, &self.processes);
            self.flows.is_accepted(remote, local, boot_ns, may_be)
        });
        Ok(())
    }

    /// Takes what is waiting of forks, programs and ends, some at a time: a storm of them fills megabytes. Returns
    /// whether all was written.
    fn take_identities(&mut self) -> bool {
        let mut taken = 0;
        loop {
            let identities = self.capture.take_identities();
            identities.records.iter().for_each(|bytes| self.take_record(bytes));
            taken += identities.records.len();
            if identities.rest != Rest::More || taken > IDENTITIES_MAX {
                return identities.rest != Rest::Unwritten;
            }
        }
    }

    /// A BPF program that somebody loaded. Whoever did is known, as all that was told before it has been read.
    fn take_program_load(&mut self, load: Load) {
        let process = self.processes.image_at(load.pid, load.boot_ns);
        let known = process.and_then(|id| self.processes.get(&id));
        let within = |scope: &String| known.is_some_and(|known| snapshot::is_below(&known.cgroup, scope));
        if !self.scope.as_ref().is_none_or(within) {
            return;
        }
        let tag: String = load.tag.iter().map(|byte| format!("{byte:02x}")).collect();
        let by = if process.is_none() { format!(", by pid {}", load.pid) } else { String::new() };
        let detail = format!("program {}, tag {tag}{by}", load.program);
        let operation = Operation { process, kind: OperationKind::BpfLoad, detail };
        self.append(load.boot_ns, Body::Operation(Box::new(operation)));
    }

    fn take_record(&mut self, bytes: &[u8]) {
        self.status.records += 1;
        match decode(bytes, &self.clock) {
            Ok(Record::Fork { boot_ns, parent, child, context }) => {
                self.compare(boot_ns, parent, context);
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
                self.compare(boot_ns, process, context);
                self.processes.end(&process, boot_ns);
                self.append(boot_ns, Body::Exit { process, code, signal });
            }
            Ok(Record::Connections { credentials, changes }) => {
                // The first of a batch is its actor's.
                if let Some(change) = changes.first() {
                    let who = change.flow.sender.or(change.flow.owner);
                    self.processes.name(change.flow.owner);
                    self.processes.name(change.flow.sender);
                    self.compare_sender(change.boot_ns, who, credentials);
                    self.look_for_doors(who, change.boot_ns, false);
                }
                changes.into_iter().for_each(|change| self.flows.connection(change));
            }
            Ok(Record::Packets { credentials, flows }) => {
                if let Some((boot_ns, flow)) = flows.first() {
                    self.processes.name(flow.owner);
                    self.processes.name(flow.sender);
                    self.compare_sender(*boot_ns, flow.sender.or(flow.owner), credentials);
                    self.look_for_doors(flow.sender.or(flow.owner), *boot_ns, false);
                }
                flows.into_iter().for_each(|(boot_ns, flow)| self.flows.packets(boot_ns, flow));
            }
            Ok(Record::Dns { boot_ns, message: Some(message) }) => {
                self.append(boot_ns, Body::Dns(message));
            }
            // Not every datagram on port 53 is a DNS message; its flow is recorded.
            Ok(Record::Dns { message: None, .. }) => {}
            Ok(Record::Operation { boot_ns, operation, cgroup_id }) => {
                if operation.kind == OperationKind::CgroupCreate {
                    self.cgroups.made(cgroup_id, &operation.detail);
                }
                self.append(boot_ns, Body::Operation(Box::new(operation)));
            }
            Ok(Record::Syscall { boot_ns, context, operation }) => {
                if let Some(process) = operation.process {
                    self.compare(boot_ns, process, context);
                }
                self.append(boot_ns, Body::Operation(Box::new(operation)));
            }
            Err(error) => {
                tracing::warn!(%error, "a record could not be read");
                self.lose(LossClass::Decode, 1);
            }
        }
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
        if self.status.events - self.trimmed >= TRIM_EVERY {
            self.trimmed = self.status.events;
            heap::trim();
        }
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

    fn forget(&mut self) {
        self.askers.forget(&self.processes);
        self.beginnings.forget(&self.processes);
        self.attached.forget(&self.processes);
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
