//! Cgroups of a lab, in this machine's cgroup2, wherever that is mounted.
//!
//! A lab's processes are exactly those in its subtree; that is how they are all found again. No
//! controller is enabled and no cgroup that the lab did not make is touched.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;

/// One cgroup2 directory, which may not exist yet.
#[derive(Debug, Clone)]
pub struct Cgroup(PathBuf);

impl Cgroup {
    /// The cgroup of a lab, directly below the root of cgroup2.
    ///
    /// # Errors
    /// When no cgroup2 is mounted.
    pub fn of_lab(id: &str) -> anyhow::Result<Self> {
        Ok(Self(root()?.join(format!("gumshoe-lab-{id}"))))
    }

    pub(super) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// The cgroup below this one.
    pub fn child(&self, name: &str) -> Self {
        Self(self.0.join(name))
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Makes it, with its parents.
    ///
    /// # Errors
    /// When it cannot be made, or the kernel is too old to end it as a whole.
    pub fn create(&self) -> anyhow::Result<()> {
        fs::create_dir_all(&self.0).with_context(|| format!("make {}", self.0.display()))?;
        anyhow::ensure!(
            self.0.join("cgroup.kill").exists(),
            "this kernel has no cgroup.kill: the lab needs Linux 5.14 or newer"
        );
        Ok(())
    }

    /// Makes `command` start inside it.
    ///
    /// # Errors
    /// When it does not exist.
    pub fn join(&self, command: &mut Command) -> anyhow::Result<()> {
        let mut procs = self.procs()?;
        // SAFETY: write(2) on a descriptor that is already open is async-signal-safe.
        unsafe {
            command.pre_exec(move || procs.write_all(b"0"));
        }
        Ok(())
    }

    pub(super) fn procs(&self) -> anyhow::Result<File> {
        let path = self.0.join("cgroup.procs");
        OpenOptions::new().write(true).open(&path).with_context(|| format!("open {}", path.display()))
    }

    /// The processes in it and below it.
    ///
    /// # Errors
    /// When a directory cannot be read; none when it does not exist.
    pub fn processes(&self) -> io::Result<Vec<u32>> {
        let mut found = Vec::new();
        let mut rest = vec![self.0.clone()];
        while let Some(dir) = rest.pop() {
            let Ok(procs) = fs::read_to_string(dir.join("cgroup.procs")) else {
                continue;
            };
            found.extend(procs.lines().filter_map(|line| line.parse::<u32>().ok()));
            for entry in fs::read_dir(&dir)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    rest.push(entry.path());
                }
            }
        }
        Ok(found)
    }
}

/// Where cgroup2 is mounted: /sys/fs/cgroup, or beside v1 in a subdirectory.
///
/// # Errors
/// When it is mounted nowhere.
pub fn root() -> anyhow::Result<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").context("read /proc/self/mounts")?;
    mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ').skip(1);
            Some((fields.next()?, fields.next()?))
        })
        .find(|(_, kind)| *kind == "cgroup2")
        .map(|(at, _)| PathBuf::from(at))
        .context("no cgroup2 is mounted on this machine")
}
