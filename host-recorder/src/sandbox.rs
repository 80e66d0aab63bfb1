//! What the recorder may still do once its programs are in the kernel: the privileges that it keeps, and the system
//! calls that it may make. Both hold for all of its threads and can never be widened again.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use caps::CapSet;
use caps::Capability;
use caps::CapsHashSet;
use seccompiler::BpfProgram;
use seccompiler::SeccompAction;
use seccompiler::SeccompCmpArgLen;
use seccompiler::SeccompCmpOp;
use seccompiler::SeccompCondition;
use seccompiler::SeccompFilter;
use seccompiler::SeccompRule;
use thiserror::Error;

/// Why the recorder could not be confined.
#[derive(Debug, Error)]
pub enum SandboxError {
    /// Capabilities could not be read or dropped.
    #[error("cannot drop capabilities: {0}")]
    Capabilities(#[from] caps::errors::CapsError),
    /// The filter could not be made.
    #[error("cannot make the filter of system calls: {0}")]
    Filter(#[from] seccompiler::BackendError),
    /// The filter could not be installed.
    #[error("cannot install the filter of system calls: {0}")]
    Install(#[from] seccompiler::Error),
}

/// Capabilities that recording needs after the programs are loaded: `BPF` to read their maps (where
/// `kernel.unprivileged_bpf_disabled` is set, older kernels refuse every bpf(2) without it; 5.10 was seen to),
/// `SYS_PTRACE` and `DAC_READ_SEARCH` to read /proc of other users' processes and logs that are not root's.
const KEPT: [Capability; 3] =
    [Capability::CAP_BPF, Capability::CAP_SYS_PTRACE, Capability::CAP_DAC_READ_SEARCH];

/// Drops every capability that recording does not need, from the calling thread and what it starts from now on: call
/// it before there are threads. `written` are directories that will be written to; where root does not own one, the
/// capability to write there all the same is kept.
///
/// # Errors
/// When the kernel refuses.
pub fn drop_capabilities(written: &[&Path]) -> Result<(), SandboxError> {
    let held = caps::read(None, CapSet::Permitted)?;
    keep(&kept(&held, written.iter().all(|directory| is_ours(directory))))
}

/// Leaves the calling thread only what attaching a program to a cgroup takes.
///
/// # Errors
/// When the kernel refuses.
pub fn keep_attaching() -> Result<(), SandboxError> {
    let needed = [Capability::CAP_NET_ADMIN, Capability::CAP_BPF];
    let held = caps::read(None, CapSet::Permitted)?;
    keep(&CapsHashSet::from(needed).intersection(&held).copied().collect())
}

/// Drops all other capabilities from the calling thread.
fn keep(kept: &CapsHashSet) -> Result<(), SandboxError> {
    // The bounding set first: lowering it takes a capability that goes next.
    for capability in caps::read(None, CapSet::Bounding)?.difference(kept) {
        caps::drop(None, CapSet::Bounding, *capability)?;
    }
    caps::clear(None, CapSet::Inheritable)?;
    caps::set(None, CapSet::Effective, kept)?;
    caps::set(None, CapSet::Permitted, kept)?;
    Ok(())
}

/// Which of the held capabilities stay.
fn kept(held: &CapsHashSet, only_ours_written: bool) -> CapsHashSet {
    let mut kept = CapsHashSet::from(KEPT);
    if !held.contains(&Capability::CAP_BPF) {
        // A service manager that is older than this capability cannot grant it; what it was split from stands in.
        kept.insert(Capability::CAP_SYS_ADMIN);
    }
    if !only_ours_written {
        kept.insert(Capability::CAP_DAC_OVERRIDE);
    }
    kept.intersection(held).copied().collect()
}

/// Whether root owns a directory, or the nearest above it that is there.
fn is_ours(directory: &Path) -> bool {
    let owner = directory.ancestors().find_map(|path| std::fs::metadata(path).ok()).map(|found| found.uid());
    owner == Some(0)
}

/// Has the kernel refuse, to all threads and for good, every system call that recording does not make. A refused one
/// fails with EPERM, and the code that made it reports that as it reports any failure.
///
/// # Errors
/// When the filter cannot be made or installed.
pub fn filter_system_calls() -> Result<(), SandboxError> {
    for filter in filters()? {
        seccompiler::apply_filter_all_threads(&filter)?;
    }
    Ok(())
}

/// The filters; a call passes when both let it.
fn filters() -> Result<[BpfProgram; 2], SandboxError> {
    let arch = std::env::consts::ARCH.try_into()?;
    let rules = allowed()?;
    let refuse = SeccompAction::Errno(libc::EPERM as u32);
    let allow = SeccompFilter::new(rules, refuse, SeccompAction::Allow, arch)?;
    // A filter cannot look into the structure that clone3 takes. Told that there is none, libc takes clone.
    let clone3 = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    let absent = SeccompAction::Errno(libc::ENOSYS as u32);
    let no_clone3 = SeccompFilter::new(clone3, SeccompAction::Allow, absent, arch)?;
    Ok([no_clone3.try_into()?, allow.try_into()?])
}

fn allowed() -> Result<BTreeMap<i64, Vec<SeccompRule>>, SandboxError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        ANY_ARGUMENTS.iter().chain(OF_THIS_ARCHITECTURE).map(|call| (*call, Vec::new())).collect();
    // A new thread, but no new process.
    let thread = libc::CLONE_THREAD as u64;
    rules.insert(libc::SYS_clone, vec![rule(0, SeccompCmpOp::MaskedEq(thread), thread)?]);
    // The service manager and a container runtime are reached through the file system; there is no network.
    rules.insert(libc::SYS_socket, vec![rule(0, SeccompCmpOp::Eq, libc::AF_UNIX as u64)?]);
    // Names of threads.
    rules.insert(libc::SYS_prctl, vec![rule(0, SeccompCmpOp::Eq, libc::PR_SET_NAME as u64)?]);
    Ok(rules)
}

fn rule(argument: u8, operation: SeccompCmpOp, value: u64) -> Result<SeccompRule, SandboxError> {
    let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operation, value)?;
    Ok(SeccompRule::new(vec![condition])?)
}

/// What recording calls on every architecture, as strace showed under the tests, and what libc may take instead.
/// No execve, no ptrace, no mount, no bind or listen, no setuid, nothing that changes another process but kill, which
/// ends the journal's reader.
const ANY_ARGUMENTS: &[i64] = &[
    // The programs' maps and rings.
    libc::SYS_bpf,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_ppoll,
    // Files: the ring, logs, /proc, cgroups.
    libc::SYS_openat,
    libc::SYS_close,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_statx,
    libc::SYS_newfstatat,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_getdents64,
    libc::SYS_readlinkat,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_mkdirat,
    libc::SYS_unlinkat,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_ftruncate,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_flock,
    libc::SYS_fcntl,
    libc::SYS_fchmod,
    libc::SYS_umask,
    // The ring's own socket, which was there before: nothing else can be made to listen.
    libc::SYS_accept4,
    // A runtime's socket and the service manager's.
    libc::SYS_connect,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_shutdown,
    libc::SYS_getsockopt,
    libc::SYS_setsockopt,
    // Memory.
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    // Threads, signals and the end.
    libc::SYS_clone3,
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_sigaltstack,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_restart_syscall,
    libc::SYS_kill,
    libc::SYS_tgkill,
    libc::SYS_wait4,
    libc::SYS_waitid,
    libc::SYS_pidfd_send_signal,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // Who and when.
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_uname,
    libc::SYS_sysinfo,
    libc::SYS_getrusage,
    libc::SYS_prlimit64,
    libc::SYS_getcpu,
    libc::SYS_getrandom,
    libc::SYS_gettimeofday,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
];

/// Older forms of these, which not every architecture has.
#[cfg(target_arch = "x86_64")]
const OF_THIS_ARCHITECTURE: &[i64] = &[
    libc::SYS_open,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_readlink,
    libc::SYS_mkdir,
    libc::SYS_unlink,
    libc::SYS_rename,
    libc::SYS_poll,
    libc::SYS_epoll_wait,
];

#[cfg(not(target_arch = "x86_64"))]
const OF_THIS_ARCHITECTURE: &[i64] = &[];

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Error;
    use std::io::ErrorKind;
    use std::net::TcpListener;
    use std::net::UdpSocket;
    use std::os::unix::net::UnixDatagram;
    use std::process::Command;
    use std::time::Duration;

    use crate::socket::Socket;

    /// What a thread under the filters says. The thread ends with them; others are free.
    fn confined<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> T {
        let thread = std::thread::spawn(|| {
            for filter in filters().unwrap() {
                seccompiler::apply_filter(&filter).unwrap();
            }
            act()
        });
        thread.join().unwrap()
    }

    fn raw(family: libc::c_int, kind: libc::c_int) -> Option<i32> {
        // SAFETY: socket(2) takes no pointers.
        let socket = unsafe { libc::socket(family, kind, 0) };
        if socket >= 0 {
            // SAFETY: the descriptor was just returned and belongs to nobody else.
            unsafe { libc::close(socket) };
            return None;
        }
        Error::last_os_error().raw_os_error()
    }

    #[test]
    fn there_is_no_network() {
        for family in [libc::AF_INET, libc::AF_INET6, libc::AF_PACKET, libc::AF_NETLINK, libc::AF_VSOCK] {
            for kind in [libc::SOCK_STREAM, libc::SOCK_DGRAM, libc::SOCK_RAW] {
                assert_eq!(confined(move || raw(family, kind)), Some(libc::EPERM), "{family} {kind}");
            }
        }
        assert_eq!(confined(|| raw(libc::AF_UNIX, libc::SOCK_STREAM)), None);
        // Nor does a socket that was there before the filter become one that listens.
        let refused = confined(|| TcpListener::bind("127.0.0.1:0").map(drop).map_err(|error| error.kind()));
        assert_eq!(refused, Err(ErrorKind::PermissionDenied));
        let before = UdpSocket::bind("127.0.0.1:0").unwrap();
        drop(before);
        let path = tempfile::tempdir().unwrap().path().join("socket");
        let bound = confined(move || UnixDatagram::bind(path).map(drop).map_err(|error| error.kind()));
        assert_eq!(bound, Err(ErrorKind::PermissionDenied));
    }

    #[test]
    fn who_asks_of_the_ring_is_answered() {
        let dir = tempfile::tempdir().unwrap();
        let mut socket = Socket::listen(dir.path()).unwrap();
        let ring = dir.path().to_owned();
        let client = std::thread::spawn(move || crate::socket::commit(&ring, Duration::from_secs(10)));
        confined(move || {
            while !socket.is_asked() {
                std::thread::yield_now();
            }
            let clients = socket.waiting();
            socket.answer(clients, Ok(history::UnixNs(7)));
        });
        assert_eq!(client.join().unwrap().unwrap(), history::UnixNs(7));
        assert!(!dir.path().join("socket").exists());
    }

    #[test]
    fn no_program_is_run_and_threads_are() {
        let run = confined(|| Command::new("/bin/true").status().map_err(|error| error.kind()));
        assert_eq!(run.unwrap_err(), ErrorKind::PermissionDenied);
        let named =
            || std::thread::Builder::new().name("below".to_owned()).spawn(|| 7).unwrap().join().unwrap();
        assert_eq!(confined(named), 7);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        confined(move || crate::status::replace(&path, b"x", 0o644)).unwrap();
    }

    #[test]
    fn only_what_is_needed_is_kept() {
        use Capability::*;
        let check = |held: &[Capability], ours: bool, expected: &[Capability]| {
            let set = |list: &[Capability]| list.iter().copied().collect::<CapsHashSet>();
            assert_eq!(kept(&set(held), ours), set(expected), "{held:?}");
        };
        let all: Vec<Capability> = caps::all().into_iter().collect();
        check(&all, true, &KEPT);
        check(&all, false, &[CAP_BPF, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE]);
        check(&[CAP_SYS_ADMIN, CAP_SYS_PTRACE, CAP_KILL], false, &[CAP_SYS_ADMIN, CAP_SYS_PTRACE]);
        check(&[], true, &[]);
    }

    #[test]
    fn a_directory_is_roots_or_its_parents_owner_s() {
        assert!(is_ours(Path::new("/")));
        assert!(is_ours(Path::new("/proc/1/nowhere/deeper")));
    }
}
