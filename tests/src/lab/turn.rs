//! One lab at a time on a machine: two cores do not carry two scans and their measurements, and
//! plain `cargo test` starts test programs that know nothing of each other.

use std::fs::OpenOptions;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use anyhow::bail;
use nix::errno::Errno;
use nix::fcntl::Flock;
use nix::fcntl::FlockArg;

const LOCK: &str = "/run/lock/gumshoe-lab.lock";
const WAIT_MAX: Duration = Duration::from_secs(1800);

/// The right to run a lab; given back when dropped, or when its process ends.
#[derive(Debug)]
pub(super) struct Turn {
    _lock: Flock<std::fs::File>,
}

impl Turn {
    /// Waits for the turn, at most half an hour.
    pub(super) fn take() -> anyhow::Result<Self> {
        let since = Instant::now();
        let mut told = false;
        std::fs::create_dir_all("/run/lock").context("make /run/lock")?;
        let mut file = OpenOptions::new().create(true).append(true).open(LOCK).context(LOCK)?;
        loop {
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => return Ok(Self { _lock: lock }),
                Err((back, Errno::EWOULDBLOCK)) => file = back,
                Err((_, error)) => return Err(error).context(LOCK),
            }
            if since.elapsed() > WAIT_MAX {
                bail!("another lab has held {LOCK} for half an hour");
            }
            if !told {
                eprintln!("lab: waiting for another lab on this machine to end");
                told = true;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}
