//! The cgroup v2 tree: where it is, and from a directory's id to its path. Where trees of version 1 stand beside it,
//! container runtimes put their containers into those, and the path there is what tells of them.

use std::collections::HashMap;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use history::ProcessId;
use history::container_of;
use nix::mount::MntFlags;
use nix::mount::MsFlags;

use crate::room;

/// The tree is searched again for an id that is not known, at most this often.
const SEARCH_PAUSE: Duration = Duration::from_secs(1);

/// Directories remembered.
const DIRECTORIES_MAX: usize = 50_000;

/// A path of this length may have been cut by the kernel.
const PATH_MAX: usize = host_recorder_bpf::record::RECORD_DETAIL_MAX as usize - 1;

/// Processes whose cgroup's path is looked for again, and how often.
const WAITING_MAX: usize = 1_000;
const TRIES_MAX: u32 = 5;

/// A process whose cgroup's path is not known.
struct Waiting {
    process: ProcessId,
    id: u64,
    tries: u32,
}

/// The tree of cgroup v2.
pub struct Cgroups {
    root: File,
    /// Whether the host has trees of version 1.
    with_old_trees: bool,
    paths: HashMap<u64, String>,
    searched: Option<Instant>,
    waiting: Vec<Waiting>,
    /// Processes whose cgroup is not looked for again, since this was asked last.
    lost: u64,
}

impl Cgroups {
    /// Finds the tree, or mounts one for this process alone where the host has none.
    pub fn find() -> std::io::Result<Self> {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo")?;
        let root = match mount_point(&mounts) {
            Some(path) => File::open(path)?,
            None => mount_privately()?,
        };
        let with_old_trees = Trees::of(&mounts).old;
        let (paths, waiting) = (HashMap::new(), Vec::new());
        Ok(Self { root, with_old_trees, paths, searched: None, waiting, lost: 0 })
    }

    /// The root directory, to attach programs to.
    pub fn root(&self) -> &File {
        &self.root
    }

    /// Path of the cgroup of a process, which perhaps is in it still: a new cgroup is found without a search. One
    /// that is not found is looked for again by [`Self::found`]. `before` is the path of who became this process.
    pub fn path_of(&mut self, id: u64, process: ProcessId, before: Option<&str>) -> String {
        if self.with_old_trees
            && let Some(path) = path_with_old_trees(process.tgid, before)
        {
            return path;
        }
        if !self.paths.contains_key(&id)
            && let Some(path) = of_process(process.tgid)
            && std::fs::metadata(self.place().join(path.trim_start_matches('/')))
                .is_ok_and(|metadata| metadata.ino() == id)
        {
            self.paths.insert(id, path);
        }
        let path = self.path(id);
        if path.is_empty() && id != 0 {
            self.lost += room::add(&mut self.waiting, WAITING_MAX, Waiting { process, id, tries: 0 });
        }
        path
    }

    /// How many processes stay without a path since this was asked last, because too many wait for theirs.
    pub fn lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    /// Processes whose cgroup's path is known by now, with it. To be called each second.
    pub fn found(&mut self) -> Vec<(ProcessId, String)> {
        let mut found = Vec::new();
        for mut waiting in std::mem::take(&mut self.waiting) {
            let path = self.path(waiting.id);
            waiting.tries += 1;
            if !path.is_empty() {
                found.push((waiting.process, path));
            } else if waiting.tries < TRIES_MAX {
                self.waiting.push(waiting);
            }
        }
        found
    }

    /// Notes the path of a cgroup that was made: of one that stands for a moment no search would tell.
    pub fn made(&mut self, id: u64, path: &str) {
        if id == 0 || path.len() >= PATH_MAX {
            return;
        }
        if self.paths.len() > DIRECTORIES_MAX {
            self.paths.clear();
        }
        self.paths.insert(id, path.to_owned());
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

/// The path of a process on a host with trees of version 1; none where only that in version 2 tells. Those trees name no
/// ids by which the kernel would tell of a cgroup, and a short command has ended before it is looked at: whoever a
/// container's process starts is in that container.
fn path_with_old_trees(pid: u32, before: Option<&str>) -> Option<String> {
    if let Some(before) = before.filter(|before| container_of(before).is_some()) {
        return Some(before.to_owned());
    }
    in_old_trees(&std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?)
}

/// What the text of `/proc/PID/cgroup` tells beyond the path in version 2: a container, or a unit where version 2 has none.
fn in_old_trees(text: &str) -> Option<String> {
    let lines = || text.lines().filter_map(|line| line.split_once(':')?.1.split_once(':'));
    let unified = lines().find(|(tree, _)| tree.is_empty()).map_or("/", |(_, path)| path);
    if container_of(unified).is_some() {
        return None;
    }
    let contained = lines().find(|(_, path)| container_of(path).is_some());
    let units = || lines().find(|(tree, path)| *tree == "name=systemd" && *path != "/" && unified == "/");
    contained.or_else(units).map(|(_, path)| path.to_owned())
}

/// Which versions of the tree are mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trees {
    /// Version 2.
    pub unified: bool,
    /// Version 1.
    pub old: bool,
}

impl Trees {
    /// From the text of `/proc/self/mountinfo`.
    pub fn of(mounts: &str) -> Self {
        let old = mounts
            .lines()
            .any(|line| line.split_once(" - ").is_some_and(|(_, of)| of.starts_with("cgroup ")));
        Self { unified: mount_point(mounts).is_some(), old }
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
    fn our_own_cgroup_is_told_without_a_search() {
        let path = of_process(std::process::id()).unwrap();
        assert!(path.starts_with('/'), "{path}");
        assert_eq!(of_process(u32::MAX), None);
    }

    #[test]
    fn a_cgroup_that_stood_for_a_moment_is_known_by_its_making() {
        let (root, id) = (File::open("/proc/self").unwrap(), 1 << 40);
        let paths = HashMap::new();
        let mut cgroups =
            Cgroups { root, with_old_trees: false, paths, searched: None, waiting: Vec::new(), lost: 0 };
        let ended = ProcessId { boot: history::BootId(1), tgid: u32::MAX, start_ns: 1, exec: 1 };
        cgroups.made(id, "/system.slice/run-u1.service");
        cgroups.made(id + 1, &"/x".repeat(200));
        cgroups.made(0, "/");
        assert_eq!(cgroups.path_of(id, ended, None), "/system.slice/run-u1.service");
        assert!(!cgroups.paths.contains_key(&(id + 1)), "it may have been cut");
        assert!(!cgroups.paths.contains_key(&0), "of a tree of version 1");
        // Nothing tells of these.
        cgroups.searched = Some(Instant::now() + SEARCH_PAUSE * 60);
        for number in 0..WAITING_MAX as u64 + 3 {
            assert_eq!(cgroups.path_of(id + 2 + number, ended, None), "");
        }
        assert_eq!((cgroups.waiting.len(), cgroups.lost(), cgroups.lost()), (WAITING_MAX, 3, 0));
        cgroups.made(id + 2, "/late");
        assert_eq!(cgroups.found(), [(ended, "/late".to_owned())]);
    }

    #[test]
    fn containers_and_units_are_found_in_trees_of_version_1() {
        let id = "4f".repeat(32);
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(in_old_trees(text).as_deref(), expected, "{text}");
        };
        // Version 1 alone, a container of Docker's with its own tree manager.
        let docker = format!("/docker/{id}");
        check(&format!("11:memory:{docker}\n1:name=systemd:{docker}\n0::/\n"), Some(&docker));
        check(&format!("11:memory:{docker}\n1:name=systemd:{docker}\n"), Some(&docker));
        // Both versions: the runtime's own unit is what version 2 tells of its containers.
        let pod = format!("/kubepods/burstable/pod0b1f8c1e-6e6f-4a44-a50c-1f2d9d3c7a11/{id}");
        let hybrid = format!("9:pids:{pod}\n1:name=systemd:{pod}\n0::/system.slice/containerd.service\n");
        check(&hybrid, Some(&pod));
        // No container: a unit is told by version 2 where it is there, else by systemd's own tree.
        check(
            "5:cpu,cpuacct:/\n1:name=systemd:/system.slice/cron.service\n",
            Some("/system.slice/cron.service"),
        );
        let unit = "/system.slice/cron.service";
        check(&format!("5:cpu:/\n1:name=systemd:{unit}\n0::{unit}\n"), None);
        check(&format!("0::/system.slice/docker-{id}.scope\n"), None);
        check("0::/\n", None);
        check("nonsense\n", None);
    }

    #[test]
    fn what_a_container_s_process_starts_is_in_that_container() {
        let inside = format!("/docker/{}", "4f".repeat(32));
        // Ended long ago.
        assert_eq!(path_with_old_trees(u32::MAX, Some(&inside)), Some(inside));
        assert_eq!(path_with_old_trees(u32::MAX, Some("/system.slice/docker.service")), None);
        assert_eq!(path_with_old_trees(u32::MAX, None), None);
    }

    #[test]
    fn the_versions_of_the_tree_are_told_apart() {
        let two = "36 25 0:31 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
        let one = "27 25 0:24 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n";
        assert_eq!(Trees::of(two), Trees { unified: true, old: false });
        assert_eq!(Trees::of(one), Trees { unified: false, old: true });
        assert_eq!(Trees::of(&format!("{one}{two}")), Trees { unified: true, old: true });
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
