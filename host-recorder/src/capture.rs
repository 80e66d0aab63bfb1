//! The BPF programs in the kernel: load, attach, drain. Hands out bytes; their meaning is [`crate::decode`]'s.

mod hooks;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::time::Duration;

use host_recorder_bpf::record::record_exec;
use host_recorder_bpf::record::record_loss::NR_RECORD_LOSS;
use host_recorder_bpf::record::record_loss::RECORD_LOSS_FLOW;
use host_recorder_bpf::record::record_loss::RECORD_LOSS_IDENTITY;
use host_recorder_bpf::skeleton::RecorderSkel;
use host_recorder_bpf::skeleton::RecorderSkelBuilder;
use libbpf_rs::Iter;
use libbpf_rs::Link;
use libbpf_rs::MapCore;
use libbpf_rs::MapFlags;
use libbpf_rs::OpenObject;
use libbpf_rs::RingBuffer;
use libbpf_rs::RingBufferBuilder;
use libbpf_rs::skel::OpenSkel;
use libbpf_rs::skel::SkelBuilder;
use nix::poll::PollFd;
use nix::poll::PollFlags;
use nix::poll::PollTimeout;
use thiserror::Error;

use crate::hooks::Hook;
use crate::hooks::HookState;
use crate::syscalls::Syscall;
use hooks::HOOKS;
use hooks::Need;

/// More records than the ring of flows can hold: 8 MiB, the smallest of 80 bytes with its header. Whoever has
/// taken so many has all that was in it when they began.
pub const FLOWS_MAX: usize = (8 << 20) / 80 + 1;

/// Records of flows taken at one call.
pub const FLOWS_AT_ONCE: usize = 512;

/// How often a CPU is asked again to write out what waits there, because it was just being used.
const FLUSH_TRIES: usize = 100;

/// The flag of `BPF_PROG_TEST_RUN` that names the CPU to run on (`linux/bpf.h`).
const TEST_RUN_ON_CPU: u32 = 1;

/// Why the programs are not in the kernel.
#[derive(Debug, Error)]
pub enum CaptureError {
    /// Loading or attaching was refused.
    #[error("cannot {what}: {source}")]
    Bpf {
        /// What was tried.
        what: String,
        /// What libbpf said.
        source: libbpf_rs::Error,
    },
    /// Waiting for records failed.
    #[error("cannot wait for records: {0}")]
    Wait(#[from] nix::Error),
}

fn refused(what: impl Into<String>) -> impl FnOnce(libbpf_rs::Error) -> CaptureError {
    let what = what.into();
    |source| CaptureError::Bpf { what, source }
}

type Queue = Rc<RefCell<VecDeque<Vec<u8>>>>;

/// What is to be captured.
#[derive(Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// Only what happens below the cgroup of this directory.
    pub scope: Option<&'a File>,
    /// System calls of the optional tier.
    pub syscalls: &'a [Syscall],
}

/// Records taken from the kernel, each in the order in which they were written.
pub struct Drained {
    /// Fork, exec, exit, operations.
    pub identities: Vec<Vec<u8>>,
    /// Connections and packets.
    pub flows: Vec<Vec<u8>>,
}

/// The programs, attached. They leave the kernel when this is dropped.
pub struct Capture {
    // Dropped in this order: rings before the maps they read.
    identity: RingBuffer<'static>,
    flows: RingBuffer<'static>,
    identity_queue: Queue,
    flow_queue: Queue,
    _links: Vec<Link>,
    skeleton: RecorderSkel<'static>,
    hooks: Vec<Hook>,
    /// Changes that each CPU had counted when it was last flushed.
    flushed: Vec<u64>,
}

impl Capture {
    /// Loads and attaches the programs. `root` is where socket programs attach where nothing narrower is wanted. A
    /// hook that this kernel refuses is left out where history is possible without it.
    pub fn start(root: &File, wanted: Wanted<'_>) -> Result<Self, CaptureError> {
        let mut states = hooks::offered(wanted);
        let skeleton = match load(wanted, &states) {
            Ok(skeleton) => skeleton,
            // Which one is to blame is found out one by one; that takes some seconds.
            Err(_) => {
                hooks::try_each(&mut states, |states| load(wanted, states).map(drop));
                load(wanted, &states)?
            }
        };
        if let Some(scope) = wanted.scope {
            let fd = scope.as_raw_fd() as u32;
            skeleton
                .maps
                .scope
                .update(&0u32.to_ne_bytes(), &fd.to_ne_bytes(), MapFlags::ANY)
                .map_err(refused("limit the programs to the cgroup"))?;
        }
        let links = attach(&skeleton, wanted.scope.unwrap_or(root), &mut states)?;
        let (identity, identity_queue) = ring(&skeleton.maps.identity_ring)?;
        let (flows, flow_queue) = ring(&skeleton.maps.flow_ring)?;
        let hooks = HOOKS.iter().zip(states).map(|(hook, state)| Hook::new(hook.name, hook.gives, state));
        Ok(Self {
            identity,
            flows,
            identity_queue,
            flow_queue,
            _links: links,
            skeleton,
            hooks: hooks.collect(),
            flushed: Vec::new(),
        })
    }

    /// The hooks, in use or not.
    pub fn hooks(&self) -> &[Hook] {
        &self.hooks
    }

    /// Waits until the kernel says that much is waiting, or the time is over.
    pub fn wait(&self, time: Duration) -> Result<(), CaptureError> {
        // SAFETY: both descriptors belong to rings that live as long as `self`.
        let fds = unsafe {
            [BorrowedFd::borrow_raw(self.identity.epoll_fd()), BorrowedFd::borrow_raw(self.flows.epoll_fd())]
        };
        let mut fds = fds.map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        let timeout = PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX);
        match nix::poll::poll(&mut fds, timeout) {
            // A signal: the caller looks whether it was told to stop.
            Ok(_) | Err(nix::Error::EINTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Has the kernel write out the flows that wait on each CPU, so that the next [`Capture::drain`] has them.
    pub fn flush(&mut self) -> Result<(), CaptureError> {
        let zero = 0u32.to_ne_bytes();
        let changes = self.skeleton.maps.flow_changes.lookup_percpu(&zero, MapFlags::ANY);
        let changes = changes.map_err(refused("look for changed flows"))?.unwrap_or_default();
        self.flushed.resize(changes.len(), 0);
        for (cpu, bytes) in changes.iter().enumerate() {
            let changes = number(bytes);
            if changes != self.flushed[cpu] && self.flush_cpu(cpu as u32)? {
                self.flushed[cpu] = changes;
            }
        }
        Ok(())
    }

    /// Whether the CPU could be flushed. One that is off has nothing left: its own part is flushed once it is back.
    fn flush_cpu(&self, cpu: u32) -> Result<bool, CaptureError> {
        for _ in 0..FLUSH_TRIES {
            let input = libbpf_rs::ProgramInput { cpu, flags: TEST_RUN_ON_CPU, ..Default::default() };
            match self.skeleton.progs.flush.test_run(input) {
                Ok(output) if output.return_value == 0 => return Ok(true),
                Ok(_) => {}
                Err(error) if is_off(&error) => return Ok(false),
                Err(error) => return Err(refused("write out the flows of a CPU")(error)),
            }
        }
        Ok(false)
    }

    /// Takes some of what is waiting: at most [`FLOWS_AT_ONCE`] records of flows, and all of identities. Flows are
    /// taken first, so that the process that a flow names is among the identity records or was before.
    pub fn drain(&self) -> Result<Drained, CaptureError> {
        let taken = self.flows.consume_raw_n(FLOWS_AT_ONCE);
        if taken < 0 {
            return Err(refused("read the ring of flows")(libbpf_rs::Error::from_raw_os_error(-taken)));
        }
        self.identity.consume().map_err(refused("read the identity ring"))?;
        let take = |queue: &Queue| queue.borrow_mut().drain(..).collect();
        Ok(Drained { identities: take(&self.identity_queue), flows: take(&self.flow_queue) })
    }

    /// Lost records since the programs were loaded, by class (see `enum record_loss`). A program that was not run
    /// because it interrupted itself lost what it would have told.
    pub fn losses(&self) -> Result<[u64; NR_RECORD_LOSS as usize], CaptureError> {
        let mut lost = [0; NR_RECORD_LOSS as usize];
        for (class, lost) in lost.iter_mut().enumerate() {
            let class = (class as u32).to_ne_bytes();
            let counts = self.skeleton.maps.losses.lookup_percpu(&class, MapFlags::ANY);
            let counts = counts.map_err(refused("read the loss counters"))?;
            *lost = counts.iter().flatten().map(|bytes| number(bytes)).sum();
        }
        let programs = &self.skeleton.progs;
        for program in [&programs.on_tcp_state, &programs.on_queue] {
            lost[RECORD_LOSS_FLOW as usize] += missed(program.as_fd());
        }
        for program in [&programs.on_exec, &programs.on_fork, &programs.on_exit] {
            lost[RECORD_LOSS_IDENTITY as usize] += missed(program.as_fd());
        }
        Ok(lost)
    }

    /// Records of all processes that run now.
    pub fn tasks(&self) -> Result<Vec<Vec<u8>>, CaptureError> {
        let link = self.skeleton.progs.list_tasks.attach().map_err(refused("list processes"))?;
        let bytes = read_all(&link).map_err(refused("list processes"))?;
        Ok(bytes.chunks_exact(size_of::<record_exec>()).map(<[u8]>::to_vec).collect())
    }

    /// Records of sockets that were open before the programs were there, none where the kernel cannot list them.
    /// From now on the programs know who owns them.
    pub fn sockets(&self) -> Result<Vec<Vec<u8>>, CaptureError> {
        if self.hooks.iter().any(|hook| hook.name == hooks::SOCKET_LIST && hook.state != HookState::InUse) {
            return Ok(Vec::new());
        }
        let link = self.skeleton.progs.list_sockets.attach().map_err(refused("list sockets"))?;
        let bytes = read_all(&link).map_err(refused("list sockets"))?;
        let mut records = Vec::new();
        let mut rest = bytes.as_slice();
        // Each record says how long it is.
        while let Some(size) = rest.get(4..8).and_then(|size| <[u8; 4]>::try_from(size).ok()) {
            let Some((record, behind)) = rest.split_at_checked(u32::from_ne_bytes(size) as usize) else {
                break;
            };
            if record.is_empty() {
                break;
            }
            records.push(record.to_vec());
            rest = behind;
        }
        Ok(records)
    }
}

/// The hooks of a recorder that could not start, and why. Which of them was refused stands in the reason.
pub fn refused_hooks(why: &str) -> Vec<Hook> {
    let needed = HOOKS.iter().filter(|hook| hook.need == Need::Needed);
    needed.map(|hook| Hook::new(hook.name, hook.gives, HookState::Refused(why.to_owned()))).collect()
}

fn read_all(link: &Link) -> Result<Vec<u8>, libbpf_rs::Error> {
    let mut bytes = Vec::new();
    Iter::new(link)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// How often a program was not run because it was running on that CPU already; the kernel counts it since 5.12, and
/// before that runs it.
fn missed(program: BorrowedFd<'_>) -> u64 {
    let about = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", program.as_raw_fd()));
    about
        .unwrap_or_default()
        .lines()
        .find_map(|line| line.strip_prefix("recursion_misses:")?.trim().parse().ok())
        .unwrap_or(0)
}

fn is_off(error: &libbpf_rs::Error) -> bool {
    matches!(error.kind(), libbpf_rs::ErrorKind::Other) || error.to_string().contains("No such device")
}

fn number(bytes: &[u8]) -> u64 {
    let eight = bytes.get(..8).and_then(|eight| eight.try_into().ok());
    eight.map_or(0, u64::from_ne_bytes)
}

/// Loads the programs whose hooks are in use.
fn load(wanted: Wanted<'_>, states: &[HookState]) -> Result<RecorderSkel<'static>, CaptureError> {
    let fragments = hooks::reads_fragments();
    match load_with(wanted, states, fragments) {
        // A kernel that knows the function need not let these programs call it.
        Err(_) if fragments => load_with(wanted, states, false),
        outcome => outcome,
    }
}

fn load_with(
    wanted: Wanted<'_>,
    states: &[HookState],
    fragments: bool,
) -> Result<RecorderSkel<'static>, CaptureError> {
    // The skeleton borrows its object; both live until the recorder ends.
    let object: &'static mut MaybeUninit<OpenObject> = Box::leak(Box::new(MaybeUninit::uninit()));
    let mut open = RecorderSkelBuilder::default().open(object).map_err(refused("open the BPF programs"))?;
    if let Some(data) = open.maps.rodata_data.as_deref_mut() {
        data.scoped = wanted.scope.is_some();
        data.read_fragments = fragments;
        for call in wanted.syscalls {
            if let Some(word) = data.syscalls.get_mut(call.number as usize / 64) {
                *word |= 1 << (call.number % 64);
                data.syscall_texts[call.number as usize] = call.texts;
            }
        }
    }
    for (hook, state) in HOOKS.iter().zip(states) {
        (hook.program)(&mut open).set_autoload(*state == HookState::InUse);
    }
    open.load().map_err(refused("load the BPF programs (need root, BTF and BPF)"))
}

/// Attaches what is in use, in the order of the list: a socket that is made now must be known when it is used.
fn attach(
    skeleton: &RecorderSkel<'_>,
    cgroup: &File,
    states: &mut [HookState],
) -> Result<Vec<Link>, CaptureError> {
    let cgroup = cgroup.as_fd().as_raw_fd();
    let mut links = Vec::new();
    for (hook, state) in HOOKS.iter().zip(states) {
        let attach = match (hook.attach, &state) {
            (Some(attach), HookState::InUse) => attach,
            _ => continue,
        };
        match attach(skeleton, cgroup) {
            Ok(link) => links.push(link),
            Err(error) if hook.need == Need::Useful => *state = HookState::Refused(error.to_string()),
            Err(error) => return Err(refused(format!("attach {}", hook.name))(error)),
        }
    }
    Ok(links)
}

fn ring(map: &dyn MapCore) -> Result<(RingBuffer<'static>, Queue), CaptureError> {
    let queue = Queue::default();
    let into = Rc::clone(&queue);
    let mut builder = RingBufferBuilder::new();
    builder
        .add(map, move |bytes| {
            into.borrow_mut().push_back(bytes.to_vec());
            0
        })
        .map_err(refused("open a record ring"))?;
    Ok((builder.build().map_err(refused("open a record ring"))?, queue))
}
