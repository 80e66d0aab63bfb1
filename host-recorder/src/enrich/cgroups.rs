//! The cgroup v2 tree: where it is, and from a directory's id to its path.

use std::collections::HashMap;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use nix::mount::MntFlags;
use nix::mount::MsFlags;

/// The tree is searched again for an id that is not known, at most this often.
const SEARCH_PAUSE: Duration = Duration::from_secs(1);

/// Directories remembered.
const DIRECTORIES_MAX: usize = 50_000;

/// The tree of cgroup v2.
pub struct Cgroups {
    root: File,
    paths: HashMap<u64, String>,
    searched: Option<Instant>,
}

impl Cgroups {
    /// Finds the tree, or mounts one for this process alone where the host has none.
    pub fn find() -> std::io::Result<Self> {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo")?;
        let root = match mount_point(&mounts) {
            Some(path) => File::open(path)?,
            None => mount_privately()?,
        };
        Ok(Self { root, paths: HashMap::new(), searched: None })
    }

    /// The root directory, to attach programs to.
    pub fn root(&self) -> &File {
        &self.root
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

    /// Reads the whole tree anew. A removed cgroup keeps its path for processes that are still to be written.
    fn search(&mut self) {
        self.searched = Some(Instant::now());
        if self.paths.len() > DIRECTORIES_MAX {
            self.paths.clear();
        }
        let root = PathBuf::from(format!("/proc/self/fd/{}", self.root.as_raw_fd()));
        let mut waiting = vec![(root, String::from("/"))];
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
