//! The program for what is received: attached once the others say that it is needed, when the recorder has long given
//! up the privilege to attach anything. A thread keeps that privilege, and no other, until then; it waits for nothing
//! else, so that the program is there before what is received.

use std::fs::File;
use std::io;
use std::io::PipeReader;
use std::io::PipeWriter;
use std::io::Read;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::os::fd::BorrowedFd;
use std::os::fd::FromRawFd;
use std::os::fd::OwnedFd;
use std::sync::mpsc;
use std::thread::JoinHandle;

use host_recorder_bpf::record::record_receiving::RECORD_RECEIVING_SEEN;
use host_recorder_bpf::record::record_receiving::RECORD_RECEIVING_SETTLED;
use host_recorder_bpf::skeleton::RecorderSkel;
use libbpf_rs::MapCore;
use libbpf_rs::MapFlags;
use libbpf_rs::MapHandle;
use libbpf_rs::libbpf_sys;
use nix::poll::PollFd;
use nix::poll::PollFlags;
use nix::poll::PollTimeout;

use crate::sandbox;

/// A program that waits to be attached. Dropping it ends its thread.
pub(super) struct Later {
    thread: JoinHandle<io::Result<OwnedFd>>,
    /// A byte has it attached; closing it ends the thread.
    order: PipeWriter,
}

/// What the thread works with.
struct Parts {
    program: OwnedFd,
    cgroup: OwnedFd,
    /// Readable once a program in the kernel asks.
    calls: MapHandle,
    /// Counts what came before; none where the kernel has no such list.
    unread: Option<OwnedFd>,
    /// Tells the programs in the kernel.
    state: MapHandle,
    orders: PipeReader,
}

impl Later {
    /// Makes ready to attach the program to a cgroup. To be called while this process may.
    pub(super) fn prepare(
        skeleton: &RecorderSkel<'_>,
        cgroup: BorrowedFd<'_>,
        counts_unread: bool,
    ) -> io::Result<Self> {
        let (orders, order) = io::pipe()?;
        let parts = Parts {
            program: skeleton.progs.on_ingress.as_fd().try_clone_to_owned()?,
            cgroup: cgroup.try_clone_to_owned()?,
            unread: counts_unread
                .then(|| skeleton.progs.count_unread.as_fd().try_clone_to_owned())
                .transpose()?,
            calls: MapHandle::try_from(&skeleton.maps.receiving_calls).map_err(io::Error::other)?,
            state: MapHandle::try_from(&skeleton.maps.receiving).map_err(io::Error::other)?,
            orders,
        };
        let (ready, is_ready) = mpsc::channel();
        let thread = std::thread::Builder::new().name("attach".to_owned()).spawn(move || {
            let confined = sandbox::keep_attaching().map_err(io::Error::other);
            let refused = confined.is_err();
            let _ = ready.send(confined);
            if refused { Err(io::ErrorKind::PermissionDenied.into()) } else { parts.attach_when_asked() }
        })?;
        is_ready.recv().map_err(io::Error::other)??;
        Ok(Self { thread, order })
    }

    /// Has it attached. [`Self::is_done`] says when it is.
    pub(super) fn attach_now(&self) {
        // A thread that is done reads no more.
        let _ = (&self.order).write_all(&[1]);
    }

    pub(super) fn is_done(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits until it is attached, or ends the thread. It stays attached for as long as what is returned is open.
    pub(super) fn finish(self) -> io::Result<OwnedFd> {
        drop(self.order);
        self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread that attaches panicked")))
    }
}

impl Parts {
    fn attach_when_asked(self) -> io::Result<OwnedFd> {
        loop {
            let mut fds = [
                PollFd::new(self.calls.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.orders.as_fd(), PollFlags::POLLIN),
            ];
            match nix::poll::poll(&mut fds, PollTimeout::NONE) {
                Ok(_) => {}
                Err(nix::Error::EINTR) => continue,
                Err(error) => return Err(error.into()),
            }
            let [called, ordered] = fds.map(|fd| fd.revents().unwrap_or(PollFlags::empty()));
            if called.contains(PollFlags::POLLIN) || ordered.contains(PollFlags::POLLIN) {
                break;
            }
            if !ordered.is_empty() {
                return Err(io::Error::other("it was never needed"));
            }
        }
        let link = self.attach()?;
        self.tell(RECORD_RECEIVING_SEEN)?;
        if let Some(unread) = &self.unread {
            run_iterator(unread)?;
        }
        self.tell(RECORD_RECEIVING_SETTLED)?;
        Ok(link)
    }

    fn tell(&self, state: u32) -> io::Result<()> {
        let told = self.state.update(&0u32.to_ne_bytes(), &state.to_ne_bytes(), MapFlags::ANY);
        told.map_err(io::Error::other)
    }

    fn attach(&self) -> io::Result<OwnedFd> {
        let kind = libbpf_sys::BPF_CGROUP_INET_INGRESS;
        let (program, cgroup) = (self.program.as_raw_fd(), self.cgroup.as_raw_fd());
        // SAFETY: both descriptors are open, and no options are given.
        let link = unsafe { libbpf_sys::bpf_link_create(program, cgroup, kind, std::ptr::null()) };
        if link < 0 {
            return Err(io::Error::from_raw_os_error(-link));
        }
        // SAFETY: the descriptor was just returned and belongs to nobody else.
        Ok(unsafe { OwnedFd::from_raw_fd(link) })
    }
}

/// Runs a program that goes through one of the kernel's lists, to its end.
fn run_iterator(program: &OwnedFd) -> io::Result<()> {
    let owned = |fd: i32| {
        if fd < 0 {
            return Err(io::Error::from_raw_os_error(-fd));
        }
        // SAFETY: the descriptor was just returned and belongs to nobody else.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    };
    let kind = libbpf_sys::BPF_TRACE_ITER;
    // SAFETY: the descriptor is open, and no options are given.
    let link = owned(unsafe { libbpf_sys::bpf_link_create(program.as_raw_fd(), 0, kind, std::ptr::null()) })?;
    // SAFETY: likewise.
    let mut list = File::from(owned(unsafe { libbpf_sys::bpf_iter_create(link.as_raw_fd()) })?);
    // It writes nothing; reading runs it.
    list.read_to_end(&mut Vec::new()).map(drop)
}
