//! The cgroup v2 tree: where it is, and from a directory's id to its path.

use std::collections::HashMap;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use history::ProcessId;
use nix::mount::MntFlags;
use nix::mount::MsFlags;

/// The tree is searched again for an id that is not known, at most this often.
const SEARCH_PAUSE: Duration = Duration::from_secs(1);

/// Directories remembered.
const DIRECTORIES_MAX: usize = 50_000;

/// Processes whose cgroup's path is looked for again, and how often.
const LOST_MAX: usize = 1_000;
const TRIES_MAX: u32 = 5;

/// A process whose cgroup's path is not known.
struct Lost {
    process: ProcessId,
    id: u64,
    tries: u32,
}

/// The tree of cgroup v2.
pub struct Cgroups {
    root: File,
    paths: HashMap<u64, String>,
    searched: Option<Instant>,
    lost: Vec<Lost>,
}

impl Cgroups {
    /// Finds the tree, or mounts one for this process alone where the host has none.
    pub fn find() -> std::io::Result<Self> {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo")?;
        let root = match mount_point(&mounts) {
            Some(path) => File::open(path)?,
            None => mount_privately()?,
        };
        Ok(Self { root, paths: HashMap::new(), searched: None, lost: Vec::new() })
    }

    /// The root directory, to attach programs to.
    pub fn root(&self) -> &File {
        &self.root
    }

    /// Path of the cgroup of a process, which perhaps is in it still: a new cgroup is found without a search. One
    /// that is not found is looked for again by [`Self::found`].
    pub fn path_of(&mut self, id: u64, process: ProcessId) -> String {
        if !self.paths.contains_key(&id)
            && let Some(path) = of_process(process.tgid)
            && std::fs::metadata(self.place().join(path.trim_start_matches('/')))
                .is_ok_and(|metadata| metadata.ino() == id)
        {
            self.paths.insert(id, path);
        }
        let path = self.path(id);
        if path.is_empty() && id != 0 && self.lost.len() < LOST_MAX {
            self.lost.push(Lost { process, id, tries: 0 });
        }
        path
    }

    /// Processes whose cgroup's path is known by now, with it. To be called each second.
    pub fn found(&mut self) -> Vec<(ProcessId, String)> {
        let mut found = Vec::new();
        for mut lost in std::mem::take(&mut self.lost) {
            let path = self.path(lost.id);
            lost.tries += 1;
            if !path.is_empty() {
                found.push((lost.process, path));
            } else if lost.tries < TRIES_MAX {
                self.lost.push(lost);
            }
        }
        found
    }

    /// Path of a cgroup below the root, empty where it is not known (any more).
    pub fn path(&mut self, id: u64) -> String {
        if let Some(path) = self.paths.get(&id) {
            return path.clone();
        }
        if self.searched.is_none_or(|searched| searched.elapsed() >= SEARCH_PAUSE) {
            self.search();
        }
        self.paths.get(&id).cloned().unwrap_or_default()
    }

    /// The root's path, for this process.
    fn place(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.root.as_raw_fd()))
    }

    /// Reads the whole tree anew. A removed cgroup keeps its path for processes that are still to be written.
    fn search(&mut self) {
        self.searched = Some(Instant::now());
        if self.paths.len() > DIRECTORIES_MAX {
            self.paths.clear();
        }
        let mut waiting = vec![(self.place(), String::from("/"))];
        let mut found = 0;
        while let Some((directory, path)) = waiting.pop() {
            found += 1;
            if found > DIRECTORIES_MAX {
                break;
            }
            if let Ok(metadata) = std::fs::metadata(&directory) {
                self.paths.insert(metadata.ino(), path.clone());
            }
            let Ok(entries) = std::fs::read_dir(&directory) else {
                continue;
            };
            for entry in entries.flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    let name = entry.file_name();
                    let below = format!("{}/{}", path.trim_end_matches('/'), name.to_string_lossy());
                    waiting.push((entry.path(), below));
                }
            }
        }
    }
}

/// The path in the tree of version 2 that the kernel tells of a process.
fn of_process(pid: u32) -> Option<String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    text.lines().find_map(|line| line.strip_prefix("0::")).map(str::to_owned)
}

/// Where cgroup v2 is mounted, from the text of `/proc/self/mountinfo`.
fn mount_point(mounts: &str) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let mut fields = before.split(' ').skip(3);
        let (of, at) = (fields.next()?, fields.next()?);
        // A mount of a part of the tree would hide the rest.
        (after.starts_with("cgroup2 ") && of == "/").then(|| PathBuf::from(at.replace("\\040", " ")))
    })
}

/// Mounts the tree, opens it, and takes the mount away again: the open directory keeps it.
fn mount_privately() -> std::io::Result<File> {
    let at = Path::new("/run/host-recorder-cgroup2");
    std::fs::create_dir_all(at)?;
    let none: Option<&str> = None;
    nix::mount::mount(Some("none"), at, Some("cgroup2"), MsFlags::empty(), none)?;
    let root = File::open(at);
    nix::mount::umount2(at, MntFlags::MNT_DETACH)?;
    // One that a service manager made for us is a mount of its own there, and stays.
    if let Err(error) = std::fs::remove_dir(at) {
        tracing::debug!(%error, path = %at.display(), "left");
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_cgroup_is_told_without_a_search() {
        let path = of_process(std::process::id()).unwrap();
        assert!(path.starts_with('/'), "{path}");
        assert_eq!(of_process(u32::MAX), None);
    }

    #[test]
    fn the_tree_is_found_whatever_else_is_mounted() {
        let check = |mounts, expected: Option<&str>| {
            assert_eq!(mount_point(mounts), expected.map(PathBuf::from));
        };
        let one = "25 21 0:20 / /sys/fs/cgroup tmpfs rw - tmpfs none rw\n";
        check(one, None);
        let two = format!("{one}36 25 0:31 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n");
        check(&two, Some("/sys/fs/cgroup/unified"));
        check("36 25 0:31 /part /c rw shared:4 - cgroup2 cgroup2 rw\n", None);
        check("36 25 0:31 / /c rw shared:4 master:1 - cgroup2 cgroup2 rw\n", Some("/c"));
    }
}
