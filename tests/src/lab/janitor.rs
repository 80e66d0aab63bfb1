//! Teardown. A small shell process waits for the lab's owner to let go of a pipe, by choice or by
//! dying, and then removes the lab: one way out for success, error, panic, Ctrl-C and kill -9.
//!
//! It ends only processes in the lab's own cgroup. Namespaces and mounts have no name outside
//! the lab and vanish with its last process.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use anyhow::Context;
use anyhow::ensure;

use super::cgroup::Cgroup;

static HIRED: Mutex<Vec<Arc<Mutex<Option<Child>>>>> = Mutex::new(Vec::new());

/// The process that removes one lab.
#[derive(Debug)]
pub(super) struct Janitor {
    child: Arc<Mutex<Option<Child>>>,
}

impl Janitor {
    /// Makes the lab's directory, notes its owner there, and starts the janitor.
    pub(super) fn hire(dir: &Path, cgroup: &Cgroup) -> anyhow::Result<Self> {
        // Another lab's janitor may remove the parent in between, once.
        fs::create_dir_all(dir)
            .or_else(|_| fs::create_dir_all(dir))
            .with_context(|| format!("make {}", dir.display()))?;
        let owner = format!(
            "{} {}\n{}\n",
            std::process::id(),
            start_time(std::process::id()).context("own start time")?,
            cgroup.path().display()
        );
        fs::write(dir.join("owner"), owner).context("write the owner")?;
        Self::start(dir, cgroup)
    }

    fn start(dir: &Path, cgroup: &Cgroup) -> anyhow::Result<Self> {
        let mut command = Command::new("/bin/sh");
        command.args(["-u", "-c", include_str!("janitor.sh"), "gumshoe-lab-janitor"]);
        command.arg(dir).arg(cgroup.path());
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
        // SAFETY: setsid(2) is async-signal-safe; the terminal's Ctrl-C must not reach the janitor.
        unsafe {
            command.pre_exec(|| nix::unistd::setsid().map(drop).map_err(Into::into));
        }
        let child = Arc::new(Mutex::new(Some(command.spawn()?)));
        HIRED.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&child));
        Ok(Self { child })
    }

    /// Has the lab removed, and waits until it is. Does nothing the second time.
    pub(super) fn dismiss(&self) -> anyhow::Result<()> {
        dismiss(&self.child)
    }
}

fn dismiss(child: &Mutex<Option<Child>>) -> anyhow::Result<()> {
    let Some(mut child) = child.lock().unwrap_or_else(PoisonError::into_inner).take() else {
        return Ok(());
    };
    drop(child.stdin.take());
    let status = child.wait().context("wait for the janitor")?;
    ensure!(status.success(), "the lab's processes or cgroups could not all be removed");
    Ok(())
}

/// Removes every lab of this process and waits until they are gone: for signal handlers' threads.
pub fn dismiss_all() {
    let hired = std::mem::take(&mut *HIRED.lock().unwrap_or_else(PoisonError::into_inner));
    for child in hired {
        if let Err(error) = dismiss(&child) {
            eprintln!("lab: {error:#}");
        }
    }
}

/// Removes labs whose owner died and whose janitor died too.
///
/// # Errors
/// When the directory of labs cannot be read.
pub fn remove_stale() -> anyhow::Result<()> {
    let Ok(entries) = fs::read_dir(super::LABS) else {
        return Ok(());
    };
    for entry in entries {
        let dir = entry?.path();
        let Ok(owner) = fs::read_to_string(dir.join("owner")) else {
            continue;
        };
        let mut lines = owner.lines();
        let (Some(id), Some(cgroup)) = (lines.next(), lines.next()) else {
            continue;
        };
        if alive(id) {
            continue;
        }
        Janitor::start(&dir, &Cgroup::at(cgroup.into()))?.dismiss()?;
    }
    Ok(())
}

/// Whether the process named by "pid start-time" still runs.
fn alive(id: &str) -> bool {
    let Some((pid, started)) = id.split_once(' ') else {
        return false;
    };
    pid.parse().ok().and_then(start_time).is_some_and(|now| now == started)
}

/// Field 22 of /proc/PID/stat: with the pid, a name for the process that is not reused.
fn start_time(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(19).map(str::to_owned)
}
