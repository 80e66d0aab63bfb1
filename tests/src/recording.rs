//! A ring that is kept for machines that cannot record, and put back on a host of theirs.
//!
//! What ran outside the instance when it was recorded (the terminal, the machine's first process)
//! is nobody's business: its texts are left out, its place in the tree is kept.

use std::fs;
use std::path::Path;

use anyhow::Context;
use history::Body;
use history::KnownProcesses;
use history::Login;
use history::Process;
use history::ProcessId;
use history::Ring;
use history::RingLimits;
use history::UnixNs;

const RING: &str = "ring";
const NOTICE: &str = "notice.eml";

/// Keeps the ring in `from` and the notice that belongs to it as `recording`, replacing what is there.
///
/// # Errors
/// When the ring cannot be read or the recording cannot be written.
pub fn keep(from: &Path, mail: &str, recording: &Path) -> anyhow::Result<()> {
    let ring = recording.join(RING);
    let _ = fs::remove_dir_all(&ring);
    // One log, sealed at once: a few kilobytes.
    let mut kept = Ring::open(&ring, RingLimits { log_bytes: 1, free_bytes: 0, ..RingLimits::default() })?;
    for event in history::events(from)? {
        let body = match event.body {
            Body::Process(process) => Body::Process(Box::new(without_texts_from_outside(*process))),
            body => body,
        };
        kept.append(event.time, event.boot_ns, body, &Nobody)?;
    }
    kept.commit()?;
    drop(kept);
    // Nobody writes here again.
    fs::remove_file(ring.join("lock")).context("remove the ring's lock")?;
    fs::write(recording.join(NOTICE), mail).context("keep the notice")
}

/// Puts a recording's ring where a recorder keeps its own, and returns its notice.
///
/// # Errors
/// When the recording cannot be read.
pub fn put(recording: &Path, ring: &Path) -> anyhow::Result<String> {
    fs::create_dir_all(ring).with_context(|| format!("make {}", ring.display()))?;
    let from = recording.join(RING);
    for entry in fs::read_dir(&from).with_context(|| format!("read {}", from.display()))? {
        let entry = entry?;
        fs::copy(entry.path(), ring.join(entry.file_name())).context("copy the ring")?;
    }
    let mail = recording.join(NOTICE);
    fs::read_to_string(&mail).with_context(|| mail.display().to_string())
}

fn without_texts_from_outside(process: Process) -> Process {
    if process.cgroup.contains("gumshoe-lab-") && process.cgroup.ends_with("/instance") {
        return process;
    }
    Process {
        comm: String::new(),
        exe: String::new(),
        argv: Vec::new(),
        env: Vec::new(),
        cwd: String::new(),
        user: None,
        login_user: None,
        tty: None,
        cgroup: String::new(),
        ..process
    }
}

/// The events explain themselves already.
pub(crate) struct Nobody;

impl KnownProcesses for Nobody {
    fn process(&self, _: &ProcessId) -> Option<Process> {
        None
    }

    fn login(&self, _: &ProcessId) -> Option<(UnixNs, u64, Login)> {
        None
    }
}
