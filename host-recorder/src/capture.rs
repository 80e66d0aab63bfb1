//! The BPF programs in the kernel: load, attach, drain. Hands out bytes; their meaning is [`crate::decode`]'s.

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

use history::ProcessId;
use host_recorder_bpf::record::record_exec;
use host_recorder_bpf::record::record_listener;
use host_recorder_bpf::record::record_loss::NR_RECORD_LOSS;
use host_recorder_bpf::record::record_owner;
use host_recorder_bpf::record::record_process_id;
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

/// Records taken from the ring of flows at one call: more than it can hold (16 MiB, the smallest record 160 bytes
/// with its header), so that all that was in it at the call is taken, and a flood cannot keep the call busy.
const BATCH_MAX: usize = (16 << 20) / 160 + 1;

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

/// Records taken from the kernel, each in the order in which they were written.
pub struct Drained {
    /// Fork, exec, exit.
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
    packets_seen: u64,
    slots_seen: Vec<(u64, u64)>,
}

impl Capture {
    /// Loads and attaches the programs. `root` is where socket programs attach; `scope` limits everything to the
    /// cgroup below that directory.
    pub fn start(root: &File, scope: Option<&File>) -> Result<Self, CaptureError> {
        // The skeleton borrows its object; both live until the recorder ends.
        let object: &'static mut MaybeUninit<OpenObject> = Box::leak(Box::new(MaybeUninit::uninit()));
        let mut open =
            RecorderSkelBuilder::default().open(object).map_err(refused("open the BPF programs"))?;
        if let Some(data) = open.maps.rodata_data.as_deref_mut() {
            data.scoped = scope.is_some();
        }
        let skeleton = open.load().map_err(refused("load the BPF programs (need root, BTF and BPF)"))?;
        if let Some(scope) = scope {
            let fd = scope.as_raw_fd() as u32;
            skeleton
                .maps
                .scope
                .update(&0u32.to_ne_bytes(), &fd.to_ne_bytes(), MapFlags::ANY)
                .map_err(refused("limit the programs to the cgroup"))?;
        }
        let links = attach(&skeleton, scope.unwrap_or(root))?;
        let (identity, identity_queue) = ring(&skeleton.maps.identity_ring)?;
        let (flows, flow_queue) = ring(&skeleton.maps.flow_ring)?;
        let slots = skeleton.maps.flows.max_entries() as usize;
        let cpus = libbpf_rs::num_possible_cpus().map_err(refused("count CPUs"))?;
        Ok(Self {
            identity,
            flows,
            identity_queue,
            flow_queue,
            _links: links,
            skeleton,
            packets_seen: 0,
            slots_seen: vec![(0, 0); slots * cpus],
        })
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

    /// Takes what is waiting. Flows are drained first, so that
    /// the process that a flow names is among the identity records or was before.
    pub fn drain(&self) -> Result<Drained, CaptureError> {
        self.flows.consume_raw_n(BATCH_MAX);
        self.identity.consume().map_err(refused("read the identity ring"))?;
        let take = |queue: &Queue| queue.borrow_mut().drain(..).collect();
        Ok(Drained { identities: take(&self.identity_queue), flows: take(&self.flow_queue) })
    }

    /// Slots of the flow cache that changed since the last call.
    pub fn changed_slots(&mut self) -> Result<Vec<Vec<u8>>, CaptureError> {
        let read = refused("count packets");
        let zero = 0u32.to_ne_bytes();
        let seen = self.skeleton.maps.packets_seen.lookup_percpu(&zero, MapFlags::ANY).map_err(read)?;
        let seen = seen.iter().flatten().map(|bytes| number(bytes, 0)).sum();
        if seen == self.packets_seen {
            return Ok(Vec::new());
        }
        self.packets_seen = seen;
        let mut changed = Vec::new();
        for index in 0..self.skeleton.maps.flows.max_entries() {
            let slots = self.skeleton.maps.flows.lookup_percpu(&index.to_ne_bytes(), MapFlags::ANY);
            let slots = slots.map_err(refused("read the flow cache"))?.unwrap_or_default();
            let cpus = slots.len();
            for (cpu, slot) in slots.into_iter().enumerate() {
                // `begun` changes with every new flow, `packets` with every packet.
                let now = (number(&slot, 0), number(&slot, PACKETS_AT));
                let before = &mut self.slots_seen[index as usize * cpus + cpu];
                if now != *before && now.1 > 1 {
                    changed.push(slot);
                }
                *before = now;
            }
        }
        Ok(changed)
    }

    /// Lost records since the programs were loaded, by class (see `enum record_loss`).
    pub fn losses(&self) -> Result<[u64; NR_RECORD_LOSS as usize], CaptureError> {
        let mut lost = [0; NR_RECORD_LOSS as usize];
        for (class, lost) in lost.iter_mut().enumerate() {
            let class = (class as u32).to_ne_bytes();
            let counts = self.skeleton.maps.losses.lookup_percpu(&class, MapFlags::ANY);
            let counts = counts.map_err(refused("read the loss counters"))?;
            *lost = counts.iter().flatten().map(|bytes| number(bytes, 0)).sum();
        }
        Ok(lost)
    }

    /// Records of all processes that run now.
    pub fn tasks(&self) -> Result<Vec<Vec<u8>>, CaptureError> {
        let link = self.skeleton.progs.list_tasks.attach().map_err(refused("list processes"))?;
        let mut bytes = Vec::new();
        Iter::new(&link)
            .map_err(refused("list processes"))?
            .read_to_end(&mut bytes)
            .map_err(|error| refused("list processes")(error.into()))?;
        Ok(bytes.chunks_exact(size_of::<record_exec>()).map(<[u8]>::to_vec).collect())
    }

    /// Tells the programs who listens on a port since before they were there.
    pub fn note_listener(
        &self,
        net_ns: u32,
        port: u16,
        six: bool,
        owner: &ProcessId,
    ) -> Result<(), CaptureError> {
        let family = if six { libc::AF_INET6 } else { libc::AF_INET } as u16;
        let key = record_listener { net_ns, port, family };
        let process = record_process_id { start_ns: owner.start_ns, tgid: owner.tgid, exec: owner.exec };
        let value = record_owner { process, created: 0 };
        let mut key_bytes = Vec::from(key.net_ns.to_ne_bytes());
        key_bytes.extend(key.port.to_ne_bytes());
        key_bytes.extend(key.family.to_ne_bytes());
        let mut value_bytes = Vec::from(value.process.start_ns.to_ne_bytes());
        value_bytes.extend(value.process.tgid.to_ne_bytes());
        value_bytes.extend(value.process.exec.to_ne_bytes());
        value_bytes.extend(value.created.to_ne_bytes());
        self.skeleton
            .maps
            .listeners
            .update(&key_bytes, &value_bytes, MapFlags::NO_EXIST)
            .or_else(|error| match error.kind() {
                // Somebody began to listen meanwhile: the programs know better.
                libbpf_rs::ErrorKind::AlreadyExists => Ok(()),
                _ => Err(error),
            })
            .map_err(refused("note a listening port"))
    }
}

/// Where `packets.packets` lies in a slot.
const PACKETS_AT: usize = std::mem::offset_of!(host_recorder_bpf::record::record_flow_slot, packets)
    + std::mem::offset_of!(host_recorder_bpf::record::record_packets, packets);

fn number(bytes: &[u8], at: usize) -> u64 {
    let eight = bytes.get(at..at + 8).and_then(|eight| eight.try_into().ok());
    eight.map_or(0, u64::from_ne_bytes)
}

fn attach(skeleton: &RecorderSkel<'_>, cgroup: &File) -> Result<Vec<Link>, CaptureError> {
    let programs = &skeleton.progs;
    let cgroup = cgroup.as_fd().as_raw_fd();
    // Owners first: a socket that is made now must be known when it is used.
    Ok(vec![
        programs.on_sock_create.attach_cgroup(cgroup).map_err(refused("attach cgroup/sock_create"))?,
        programs.on_sock_release.attach_cgroup(cgroup).map_err(refused("attach cgroup/sock_release"))?,
        programs.on_fork.attach().map_err(refused("attach sched_process_fork"))?,
        programs.on_exec.attach().map_err(refused("attach sched_process_exec"))?,
        programs.on_exit.attach().map_err(refused("attach sched_process_exit"))?,
        programs.on_tcp_state.attach().map_err(refused("attach inet_sock_set_state"))?,
        programs.on_queue.attach().map_err(refused("attach net_dev_queue"))?,
    ])
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
