//! The recorder's local socket: whoever asks the ring about the present connects to it, and the recorder commits at once
//! instead of within a second.
//!
//! It is a file in the ring's directory, which is root's alone; there is nothing to send. Who connects is sent one line
//! once all that happened before is on disk (`committed`, and the time in ns up to which that is), or why it is not
//! (`failed`, and the reason), and reads the files as always. Nothing is read from a client and nothing sent to one waits, so
//! none can delay the recorder; so many are kept, and so often they are answered.

use std::fs::File;
use std::fs::Permissions;
use std::io;
use std::io::Read;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use history::UnixNs;
use nix::fcntl::FcntlArg;
use nix::fcntl::OFlag;
use nix::fcntl::fcntl;

const NAME: &str = "socket";

/// Clients that wait at once; others wait in the kernel's queue.
const CLIENTS_MAX: usize = 16;

/// Between two commits for their sake.
const ANSWER_EVERY: Duration = Duration::from_millis(100);

/// Longest answer that is read, bytes.
const ANSWER_MAX: u64 = 4096;

/// The recorder's end.
pub struct Socket {
    path: PathBuf,
    listener: UnixListener,
    clients: Vec<UnixStream>,
    answered: Option<Instant>,
}

impl Socket {
    /// Makes the socket of a ring. The caller holds the ring's lock: one that is there is an ended recorder's.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn listen(ring: &Path) -> io::Result<Self> {
        let path = ring.join(NAME);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let directory = File::open(ring)?;
        let listener = UnixListener::bind(short(&directory))?;
        std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        Ok(Self { path, listener, clients: Vec::new(), answered: None })
    }

    /// What to wait for, beside everything else; none while those that were accepted are still to be answered.
    pub fn awaited(&self) -> Option<BorrowedFd<'_>> {
        self.clients.is_empty().then(|| self.listener.as_fd())
    }

    /// Accepts who connected until now, and says whether it is time to commit for them.
    pub fn is_asked(&mut self) -> bool {
        while self.clients.len() < CLIENTS_MAX {
            match self.listener.accept() {
                // The library would ask for this by ioctl(2), which the recorder may not call.
                Ok((client, _)) => {
                    if fcntl(&client, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).is_ok() {
                        self.clients.push(client);
                    }
                }
                Err(_) => break,
            }
        }
        !self.clients.is_empty() && self.answered.is_none_or(|answered| answered.elapsed() >= ANSWER_EVERY)
    }

    /// Those that were accepted before the kernel was last asked for what it has, which a commit is for.
    pub fn waiting(&mut self) -> Vec<UnixStream> {
        std::mem::take(&mut self.clients)
    }

    /// Tells clients that all up to a time is on disk, or why not, and lets them go.
    pub fn answer(&mut self, clients: Vec<UnixStream>, outcome: Result<UnixNs, &str>) {
        self.answered = Some(Instant::now());
        let line = match outcome {
            Ok(to) => format!("committed {}\n", to.0),
            Err(why) => format!("failed {}\n", why.replace('\n', " ")),
        };
        for mut client in clients {
            // Its buffer is empty, so this does not wait; one that has gone misses nothing.
            let _ = client.write_all(line.as_bytes());
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The socket of a directory under a name that is short enough for any directory.
fn short(directory: &File) -> String {
    format!("/proc/self/fd/{}/{NAME}", directory.as_raw_fd())
}

/// Has the recorder of a ring commit what happened until now; returns up to when all is on disk.
///
/// # Errors
/// When it did not, or did not say so within a time.
pub fn commit(ring: &Path, wait_max: Duration) -> io::Result<UnixNs> {
    let mut stream = UnixStream::connect(short(&File::open(ring)?))?;
    stream.set_read_timeout(Some(wait_max))?;
    let mut answer = String::new();
    (&mut stream).take(ANSWER_MAX).read_to_string(&mut answer).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => io::Error::new(io::ErrorKind::TimedOut, "it did not answer in time"),
        _ => error,
    })?;
    match answer.trim_end().split_once(' ') {
        Some(("committed", to)) => to.parse().map(UnixNs).map_err(io::Error::other),
        Some(("failed", why)) => Err(io::Error::other(why.to_owned())),
        _ => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ended without an answer")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT_MAX: Duration = Duration::from_secs(10);

    /// A ring's directory with a path that is longer than that of a socket may be.
    fn ring() -> (tempfile::TempDir, PathBuf) {
        let place = tempfile::tempdir().unwrap();
        let ring = place.path().join("a-long-name-of-a-directory".repeat(6));
        std::fs::create_dir(&ring).unwrap();
        (place, ring)
    }

    /// Waits as the recorder does until it is asked.
    fn asked(socket: &mut Socket) -> Vec<UnixStream> {
        while !socket.is_asked() {
            let mut fds = [nix::poll::PollFd::new(socket.listener.as_fd(), nix::poll::PollFlags::POLLIN)];
            nix::poll::poll(&mut fds, 100u16).unwrap();
        }
        socket.waiting()
    }

    #[test]
    fn who_asks_hears_when_it_is_committed_or_why_not() {
        let (_place, ring) = ring();
        let mut socket = Socket::listen(&ring).unwrap();
        for outcome in [Ok(UnixNs(77)), Err("no space\nleft")] {
            let ring = ring.clone();
            let client = std::thread::spawn(move || commit(&ring, WAIT_MAX));
            let clients = asked(&mut socket);
            assert!(socket.awaited().is_some() && clients.len() == 1);
            socket.answer(clients, outcome);
            match (client.join().unwrap(), outcome) {
                (Ok(heard), Ok(said)) => assert_eq!(heard, said),
                (Err(heard), Err(_)) => assert_eq!(heard.to_string(), "no space left"),
                other => panic!("{other:?}"),
            }
        }
        drop(socket);
        assert!(!ring.join(NAME).exists(), "it was left behind");
        assert!(commit(&ring, WAIT_MAX).is_err());
    }

    #[test]
    fn many_clients_that_never_read_are_bounded_and_delay_nothing() {
        let (_place, ring) = ring();
        let mut socket = Socket::listen(&ring).unwrap();
        let directory = File::open(&ring).unwrap();
        let hung: Vec<_> = (0..40).map(|_| UnixStream::connect(short(&directory)).unwrap()).collect();
        for round in 0..3 {
            let clients = asked(&mut socket);
            assert!(clients.len() <= CLIENTS_MAX, "round {round}: {}", clients.len());
            socket.answer(clients, Ok(UnixNs(round)));
            assert!(!socket.is_asked(), "it is not answered as often as somebody likes");
        }
        drop(hung);
        // One that was killed left its file; the next makes its own.
        std::mem::forget(socket);
        let _socket = Socket::listen(&ring).unwrap();
        let mode = std::fs::metadata(ring.join(NAME)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
