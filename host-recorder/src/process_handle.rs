//! A hold on one process by pidfd: whatever becomes of its number, signals reach this process or nobody.

use std::io;
use std::os::fd::AsRawFd;
use std::os::fd::FromRawFd;
use std::os::fd::OwnedFd;

/// Field of `/proc/PID/stat` with the start, counted from the state, which follows the name.
const START_FIELD: usize = 19;

/// What can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGSTOP.
    Stop,
    /// SIGCONT.
    Continue,
}

/// One process.
#[derive(Debug)]
pub struct ProcessHandle {
    pid: u32,
    fd: OwnedFd,
}

impl ProcessHandle {
    /// Takes hold of a process; none where there is none of that number.
    ///
    /// # Errors
    /// When the kernel refuses (before 5.3, or without the rights).
    pub fn open(pid: u32) -> io::Result<Option<Self>> {
        let number = i32::try_from(pid).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        // SAFETY: pidfd_open takes a number and flags and gives a new descriptor; no memory is passed.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, number, 0) };
        if fd < 0 {
            let error = io::Error::last_os_error();
            return if error.raw_os_error() == Some(libc::ESRCH) { Ok(None) } else { Err(error) };
        }
        let fd = i32::try_from(fd).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        // SAFETY: the descriptor was just made for us and nobody else has it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Some(Self { pid, fd }))
    }

    /// When it started, in clock ticks since boot; none once it is gone.
    pub fn start_ticks(&self) -> Option<u64> {
        self.stat(START_FIELD)?.parse().ok()
    }

    /// Whether all of it is stopped.
    pub fn is_stopped(&self) -> bool {
        self.stat(0).is_some_and(|state| state == "T" || state == "t")
    }

    /// Its short name.
    pub fn name(&self) -> String {
        let name = std::fs::read_to_string(format!("/proc/{}/comm", self.pid)).unwrap_or_default();
        name.trim_end()
            .chars()
            .map(|character| if character.is_control() { '?' } else { character })
            .collect()
    }

    /// Whether it runs the very file that we run.
    pub fn is_our_program(&self) -> bool {
        use std::os::unix::fs::MetadataExt;
        let file = |path: String| std::fs::metadata(path).ok().map(|about| (about.dev(), about.ino()));
        let theirs = file(format!("/proc/{}/exe", self.pid));
        theirs.is_some() && theirs == file("/proc/self/exe".to_owned())
    }

    /// Sends a signal to this process.
    ///
    /// # Errors
    /// When it is gone, or we may not.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        let number = match signal {
            Signal::Stop => libc::SIGSTOP,
            Signal::Continue => libc::SIGCONT,
        };
        // SAFETY: the descriptor is open for as long as `self` lives; no siginfo is passed.
        let sent = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                self.fd.as_raw_fd(),
                number,
                std::ptr::null::<libc::siginfo_t>(),
                0,
            )
        };
        if sent == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// A field of its state; none once it is gone, so that another process of its number is never read.
    fn stat(&self, field: usize) -> Option<String> {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).ok()?;
        // The number was ours while it was read, if the process is there afterwards.
        if self.is_gone() {
            return None;
        }
        // The name stands in brackets and may hold any of them.
        let (_, fields) = text.rsplit_once(") ")?;
        fields.split(' ').nth(field).map(str::to_owned)
    }

    fn is_gone(&self) -> bool {
        let mut poll = libc::pollfd { fd: self.fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one pollfd is passed, and its count; the call does not wait.
        let ready = unsafe { libc::poll(&raw mut poll, 1, 0) };
        ready > 0 && poll.revents & libc::POLLIN != 0
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_process_is_stopped_and_goes_on_and_is_known_to_be_gone() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let handle = ProcessHandle::open(child.id()).unwrap().unwrap();
        let ticks = handle.start_ticks().unwrap();
        assert!(ticks > 0 && !handle.is_our_program());
        handle.signal(Signal::Stop).unwrap();
        let until = Instant::now() + Duration::from_secs(5);
        while !handle.is_stopped() {
            assert!(Instant::now() < until, "it does not stop");
            std::thread::yield_now();
        }
        assert_eq!(handle.start_ticks(), Some(ticks));
        handle.signal(Signal::Continue).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(handle.start_ticks(), None);
        assert!(handle.signal(Signal::Stop).is_err());
    }

    #[test]
    fn a_number_that_nobody_has_is_no_process() {
        assert!(ProcessHandle::open(u32::try_from(i32::MAX).unwrap()).unwrap().is_none());
    }
}
