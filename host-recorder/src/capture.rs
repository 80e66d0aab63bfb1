//! The BPF programs in the kernel: load, attach, drain. Hands out bytes; their meaning is [`crate::decode`]'s.

mod hooks;
mod later;
mod loads;
mod ring;

use std::fs::File;
use std::io::Read;
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::time::Duration;

use host_recorder_bpf::record::record_exec;
use host_recorder_bpf::record::record_exit;
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
use later::Later;
pub use loads::Load;
use loads::Loads;
pub use ring::Rest;
use ring::Ring;

/// More records than the ring of flows can hold: 8 MiB, the smallest of 80 bytes with its header. Whoever has
/// taken so many has all that was in it when they began.
pub const FLOWS_MAX: usize = (8 << 20) / 80 + 1;

/// Records of flows taken at one call. A batch tells of 128 flows, each of which takes 200 bytes until it is written: behind a
/// flood these are the most of the recorder's memory.
const FLOWS_AT_ONCE: usize = 128;

/// The same of the ring of identities: the smallest is an end.
pub const IDENTITIES_MAX: usize = (8 << 20) / size_of::<record_exit>() + 1;

/// Records of identities taken at one call.
const IDENTITIES_AT_ONCE: usize = 256;

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
    /// A ring of records cannot be read.
    #[error("cannot open a ring of records: {0}")]
    Ring(std::io::Error),
    /// Attaching later cannot be prepared.
    #[error("cannot prepare to attach a hook later: {0}")]
    Later(#[from] std::io::Error),
}

fn refused(what: impl Into<String>) -> impl FnOnce(libbpf_rs::Error) -> CaptureError {
    let what = what.into();
    |source| CaptureError::Bpf { what, source }
}

/// What is to be captured.
#[derive(Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// Only what happens below the cgroup of this directory.
    pub scope: Option<&'a File>,
    /// System calls of the optional tier.
    pub syscalls: &'a [Syscall],
}

/// Records of one ring, oldest first.
pub struct Taken {
    /// Their bytes.
    pub records: Vec<Vec<u8>>,
    /// What the ring holds beyond.
    pub rest: Rest,
}

/// What came of having a CPU write out what waits on it.
enum Flush {
    Done,
    /// It is off.
    Off,
    /// It was being used each time.
    Busy,
}

/// The programs, attached. They leave the kernel when this is dropped.
pub struct Capture {
    identity: Ring,
    flows: Ring,
    _links: Vec<Link>,
    receiving_later: Option<Later>,
    /// Open while the hook for what is received is in use.
    receiving_link: Option<OwnedFd>,
    skeleton: RecorderSkel<'static>,
    hooks: Vec<Hook>,
    /// Changes that each CPU had counted when it was last flushed.
    flushed: Vec<u64>,
    loads: Option<Loads>,
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
        let cgroup = wanted.scope.unwrap_or(root);
        let links = attach(&skeleton, cgroup, &mut states)?;
        let receiving_later = hooks::receiving_waits(&states)
            .then(|| Later::prepare(&skeleton, cgroup.as_fd(), hooks::counts_unread(&states)))
            .transpose()?;
        let ring = |map| Ring::open(map).map_err(CaptureError::Ring);
        let (identity, flows) = (ring(&skeleton.maps.identity_ring)?, ring(&skeleton.maps.flow_ring)?);
        let hooks = HOOKS.iter().zip(states).map(|(hook, state)| Hook::new(hook.name, hook.gives, state));
        // After our own programs, which need not be told of.
        let (loads, state) = match Loads::open() {
            Ok(loads) => (Some(loads), HookState::InUse),
            Err(error) => (None, HookState::Refused(error.to_string())),
        };
        Ok(Self {
            identity,
            flows,
            _links: links,
            receiving_later,
            receiving_link: None,
            skeleton,
            hooks: hooks.chain([Hook::new(loads::NAME, loads::GIVES, state)]).collect(),
            flushed: Vec::new(),
            loads,
        })
    }

    /// The hooks, in use or not.
    pub fn hooks(&self) -> &[Hook] {
        &self.hooks
    }

    /// Notes that the hook for what is received was attached since this was asked last, or could not be. Returns whether
    /// the hooks in use changed.
    pub fn attend(&mut self) -> bool {
        let Some(later) = self.receiving_later.take_if(|later| later.is_done()) else {
            return false;
        };
        let state = match later.finish() {
            Ok(link) => {
                self.receiving_link = Some(link);
                HookState::InUse
            }
            Err(error) => HookState::Refused(error.to_string()),
        };
        if let Some(hook) = self.hooks.iter_mut().find(|hook| hook.name == hooks::RECEIVING) {
            hook.state = state;
        }
        true
    }

    /// Attaches the hook for what is received: a program can receive UDP from elsewhere.
    pub fn need_receiving(&self) {
        if let Some(later) = &self.receiving_later {
            later.attach_now();
        }
    }

    /// Waits until the kernel says that much is waiting, or the time is over.
    pub fn wait(&self, time: Duration, beside: Option<BorrowedFd<'_>>) -> Result<(), CaptureError> {
        let fds = [self.identity.as_fd(), self.flows.as_fd()].into_iter().chain(beside);
        let mut fds: Vec<PollFd<'_>> = fds.map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
        let timeout = PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX);
        match nix::poll::poll(&mut fds, timeout) {
            // A signal: the caller looks whether it was told to stop.
            Ok(_) | Err(nix::Error::EINTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Has the kernel write out the flows that wait on each CPU, so that they are in the ring. Returns whether all did.
    pub fn flush(&mut self) -> Result<bool, CaptureError> {
        let zero = 0u32.to_ne_bytes();
        let changes = self.skeleton.maps.flow_cpus.lookup_percpu(&zero, MapFlags::ANY);
        let changes = changes.map_err(refused("look for changed flows"))?.unwrap_or_default();
        self.flushed.resize(changes.len(), 0);
        let mut all = true;
        for (cpu, bytes) in changes.iter().enumerate() {
            let changes = number(bytes);
            if changes == self.flushed[cpu] {
                continue;
            }
            match self.flush_cpu(cpu as u32)? {
                Flush::Done => self.flushed[cpu] = changes,
                // What it had is flushed once it is back; until then nobody waits for it.
                Flush::Off => {}
                Flush::Busy => all = false,
            }
        }
        Ok(all)
    }

    fn flush_cpu(&self, cpu: u32) -> Result<Flush, CaptureError> {
        for _ in 0..FLUSH_TRIES {
            let input = libbpf_rs::ProgramInput { cpu, flags: TEST_RUN_ON_CPU, ..Default::default() };
            match self.skeleton.progs.flush.test_run(input) {
                Ok(output) if output.return_value == 0 => return Ok(Flush::Done),
                Ok(_) => {}
                Err(error) if is_off(&error) => return Ok(Flush::Off),
                Err(error) => return Err(refused("write out the flows of a CPU")(error)),
            }
        }
        Ok(Flush::Busy)
    }

    /// Takes records of flows: at most [`FLOWS_AT_ONCE`]. Who takes them before the identities has, among those or
    /// before, the process that a flow names.
    pub fn take_flows(&mut self) -> Taken {
        take(&mut self.flows, FLOWS_AT_ONCE)
    }

    /// Takes records of forks, programs, ends and operations: at most [`IDENTITIES_AT_ONCE`].
    pub fn take_identities(&mut self) -> Taken {
        take(&mut self.identity, IDENTITIES_AT_ONCE)
    }

    /// BPF programs that were loaded since this was asked last, and how many more were lost.
    pub fn program_loads(&mut self) -> (Vec<Load>, u64) {
        self.loads.as_mut().map(Loads::take).unwrap_or_default()
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

fn take(ring: &mut Ring, most: usize) -> Taken {
    let mut records = Vec::new();
    let rest = ring.take(most, |bytes| records.push(bytes));
    Taken { records, rest }
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
    let all = Functions {
        fragments: hooks::has_function("bpf_dynptr_from_skb"),
        plain_headers: hooks::has_function("bpf_rdonly_cast"),
    };
    // A kernel that knows a function need not let these programs call it.
    load_with(wanted, states, all)
        .or_else(|_| load_with(wanted, states, Functions { fragments: false, ..all }))
        .or_else(|_| load_with(wanted, states, Functions { fragments: false, plain_headers: false }))
}

/// Functions of the kernel that the programs do without where they must.
#[derive(Clone, Copy)]
struct Functions {
    /// By which packets in several pieces are read.
    fragments: bool,
    /// By which headers are read without a copy.
    plain_headers: bool,
}

fn load_with(
    wanted: Wanted<'_>,
    states: &[HookState],
    functions: Functions,
) -> Result<RecorderSkel<'static>, CaptureError> {
    // The skeleton borrows its object; both live until the recorder ends.
    let object: &'static mut MaybeUninit<OpenObject> = Box::leak(Box::new(MaybeUninit::uninit()));
    let mut open = RecorderSkelBuilder::default().open(object).map_err(refused("open the BPF programs"))?;
    if let Some(data) = open.maps.rodata_data.as_deref_mut() {
        data.scoped = wanted.scope.is_some();
        data.read_fragments = functions.fragments;
        data.plain_headers = functions.plain_headers;
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
        if hook.name == hooks::RECEIVING && *state == HookState::InUse {
            *state = HookState::Off(hooks::RECEIVING_LATER.to_owned());
            continue;
        }
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
