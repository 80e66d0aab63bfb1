//! What every bench is given: two bare hosts, the programs, a place for files, and how much to do.

use std::cell::Cell;
use std::cell::RefCell;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;
use anyhow::ensure;
use serde_json::Value;

use crate::interrupt;
use crate::lab::Lab;

/// The directory for files in that for results; what a killed run left there is removed.
const WORK: &str = "gumshoe-bench-work";

/// How much is done.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Rounds that count, after one that does not.
    pub runs: u32,
    /// Whether that many were asked for, and not more.
    pub fixed: bool,
    /// Smaller loads: to see that the harness works, not to measure.
    pub quick: bool,
    /// Measure other recorders beside ours.
    pub peers: bool,
    /// Events of a ring that is asked questions, where that was said.
    pub events: Option<u64>,
}

impl Effort {
    /// The rounds of a load that takes so many at least.
    pub fn rounds(&self, least: u32) -> u32 {
        if self.fixed || self.quick { self.runs } else { self.runs.max(least) }
    }

    /// The size of a load.
    pub fn size(&self, full: u32) -> u32 {
        if self.quick { full / 20 } else { full }
    }
}

/// The programs that are measured and that measure, which lie beside this one.
#[derive(Debug, Clone)]
pub struct Tools {
    /// `host-recorder`.
    pub recorder: PathBuf,
    /// `load`.
    pub load: PathBuf,
}

impl Tools {
    /// Finds them.
    ///
    /// # Errors
    /// When one is not built.
    pub fn find() -> anyhow::Result<Self> {
        let own = std::env::current_exe()?;
        let beside = |name: &str| {
            let path = own.with_file_name(name);
            ensure!(path.exists(), "{} is not built: use `make bench`", path.display());
            Ok(path)
        };
        Ok(Self { recorder: beside("host-recorder")?, load: beside("load")? })
    }
}

/// What every bench is given. Dropping it removes hosts, processes and files.
#[derive(Debug)]
pub struct Context {
    /// Two bare hosts; every process that is started belongs to it.
    pub lab: Lab,
    /// The programs.
    pub tools: Tools,
    /// How much.
    pub effort: Effort,
    work: PathBuf,
    next: Cell<u32>,
    details: RefCell<Vec<Value>>,
    disturbed: Cell<u32>,
}

impl Context {
    /// Builds the hosts and empties the directory for files, which lies in `out`: on a disk, as a
    /// ring would.
    ///
    /// # Errors
    /// Says what failed.
    pub fn set_up(out: &Path, effort: Effort) -> anyhow::Result<Self> {
        let tools = Tools::find()?;
        // Waits for its turn: from here on, nobody else is in the directory.
        let lab = Lab::bare()?;
        let work = out.join(WORK);
        let _ = std::fs::remove_dir_all(&work);
        std::fs::create_dir_all(&work).with_context(|| format!("make {}", work.display()))?;
        let undo = work.clone();
        interrupt::undo_on_signals(move || drop(std::fs::remove_dir_all(undo)));
        Ok(Self {
            lab,
            tools,
            effort,
            work,
            next: Cell::new(0),
            details: RefCell::default(),
            disturbed: Cell::new(0),
        })
    }

    /// Where files go that stay until the end.
    pub fn work(&self) -> &Path {
        &self.work
    }

    /// A number that no other call returns: for names.
    pub fn number(&self) -> u32 {
        self.next.replace(self.next.get() + 1)
    }

    /// A command in this machine's own namespaces, in a cgroup of the lab.
    ///
    /// # Errors
    /// When the cgroup cannot be made.
    pub fn command(&self, cgroup: &str, program: impl AsRef<std::ffi::OsStr>) -> anyhow::Result<Command> {
        interrupt::wait_if_stopping();
        self.lab.service(cgroup, program)
    }

    /// Keeps what a figure was made of, for `machine.json`.
    pub fn note(&self, detail: Value) {
        self.details.borrow_mut().push(detail);
    }

    /// Notes that a round counts although other programs kept the machine busy.
    pub fn note_disturbance(&self) {
        self.disturbed.set(self.disturbed.get() + 1);
    }

    /// Rounds that count although the machine was busy.
    pub fn disturbed(&self) -> u32 {
        self.disturbed.get()
    }

    /// What was kept.
    pub fn details(&self) -> Vec<Value> {
        self.details.borrow().clone()
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.work);
    }
}
