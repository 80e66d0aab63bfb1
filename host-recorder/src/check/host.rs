//! What the host gives: logs, disk, clock.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use history::UnixNs;
use nix::sys::statvfs::statvfs;
use nix::unistd::AccessFlags;
use nix::unistd::access;

use super::Finding;
use crate::config::Config;
use crate::enrich::cgroups::Trees;

/// No clock is right that is before this program was written: 2025-01-01.
const EARLIEST: UnixNs = UnixNs(1_735_689_600_000_000_000);

/// A clock this far before the ring's last event was set back, s.
const BACK_S: i64 = 60;

/// Looks at the host, as the recorder with these settings would use it.
pub fn look(config: &Config) -> Vec<Finding> {
    let ring = &config.ring.directory;
    let readable = |path: &&std::path::PathBuf| File::open(path).is_ok();
    let log = config.login_logs.iter().find(readable);
    let mut findings = vec![
        logins(log.map(|path| path.as_path()), has_journal()),
        cgroups(Trees::of(&std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default())),
        directory(ring),
        space(config, &Disk::look(ring)),
        clock(UnixNs::now(), history::recorded_to(ring).ok().flatten()),
        synchronized(is_synchronized()),
    ];
    if let Some(parent) = config.metrics.textfile.as_deref().and_then(Path::parent) {
        findings.push(metrics(parent));
    }
    findings
}

fn has_journal() -> bool {
    let stored = ["/run/log/journal", "/var/log/journal"].iter().any(|path| std::fs::read_dir(path).is_ok());
    let path = std::env::var_os("PATH").unwrap_or_default();
    stored && std::env::split_paths(&path).any(|directory| directory.join("journalctl").exists())
}

fn logins(log: Option<&Path>, journal: bool) -> Finding {
    match (log, journal) {
        (Some(path), _) => Finding::ok("logins", format!("read from {}", path.display())),
        (None, true) => Finding::ok("logins", "read from the systemd journal"),
        (None, false) => Finding::missing(
            "logins",
            "neither a login log nor a journal can be read: logins are told by their connection, without method or \
             key, and failed ones not at all",
            "install rsyslog, or name the log in login_logs in the settings",
        ),
    }
}

fn cgroups(trees: Trees) -> Finding {
    let next =
        "boot with systemd.unified_cgroup_hierarchy=1, so that the kernel tells of each process's container";
    match (trees.unified, trees.old) {
        (true, false) => Finding::ok("cgroups", "version 2, by which containers and units are told"),
        (true, true) => Finding::note(
            "cgroups",
            "versions 1 and 2 side by side: containers are read from /proc, where a process that enters one and ends \
             at once is not found",
            next,
        ),
        (false, true) => Finding::note(
            "cgroups",
            "version 1 only: the recorder mounts version 2 for itself, and reads containers from /proc, where a \
             process that enters one and ends at once is not found; it cannot be limited to a cgroup",
            next,
        ),
        (false, false) => Finding::note(
            "cgroups",
            "none is mounted: the recorder mounts version 2 for itself; containers and units are not told",
            "mount it: mount -t cgroup2 none /sys/fs/cgroup",
        ),
    }
}

/// The directory of the ring, or the nearest above it that is there.
fn directory(ring: &Path) -> Finding {
    let there = ring.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    let named = "name another with --ring, or ring.directory in the settings";
    match writable(there) {
        Err(why) => Finding::fatal("ring", why, format!("run this as root, mount it writable, or {named}")),
        Ok(()) if !is_roots(there) => of_another("ring", there),
        Ok(()) => Finding::ok("ring", format!("{} can be written", ring.display())),
    }
}

/// The directory of the metrics.
fn metrics(directory: &Path) -> Finding {
    match writable(directory) {
        Err(why) => {
            let next = "make that directory writable for root, or correct metrics.textfile in the settings";
            Finding::missing("metrics", why, next)
        }
        Ok(()) if !is_roots(directory) => of_another("metrics", directory),
        Ok(()) => Finding::ok("metrics", format!("{} can be written", directory.display())),
    }
}

fn of_another(subject: &'static str, directory: &Path) -> Finding {
    let says = format!("{} is not root's: to write there takes CAP_DAC_OVERRIDE", directory.display());
    let next = "chown it to root, or add CAP_DAC_OVERRIDE to CapabilityBoundingSet in the unit";
    Finding::note(subject, says, next)
}

fn writable(directory: &Path) -> Result<(), String> {
    let shown = directory.display();
    match access(directory, AccessFlags::W_OK | AccessFlags::X_OK) {
        Ok(()) if directory.is_dir() => Ok(()),
        Ok(()) => Err(format!("{shown} is no directory")),
        Err(error) => Err(format!("{shown} cannot be written: {}", error.desc())),
    }
}

fn is_roots(directory: &Path) -> bool {
    std::fs::metadata(directory).is_ok_and(|found| found.uid() == 0)
}

/// What the disk of the ring holds, bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Disk {
    free: u64,
    used_by_ring: u64,
}

impl Disk {
    fn look(ring: &Path) -> Self {
        let there = ring.ancestors().find_map(|path| statvfs(path).ok());
        let free = there.map_or(0, |disk| disk.blocks_available() * disk.fragment_size());
        let files = std::fs::read_dir(ring).into_iter().flatten().flatten();
        let used_by_ring = files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum();
        Self { free, used_by_ring }
    }
}

fn space(config: &Config, disk: &Disk) -> Finding {
    let (limit, keep) = (config.ring.size_mib << 20, config.ring.keep_free_mib << 20);
    let room = disk.used_by_ring + disk.free.saturating_sub(keep);
    let mib = |bytes: u64| bytes >> 20;
    if room >= limit {
        return Finding::ok("disk", format!("room for all {} MiB of history", mib(limit)));
    }
    let says = format!(
        "room for {} of {} MiB of history, with {} MiB to stay free: it will not reach as far back",
        mib(room),
        mib(limit),
        mib(keep)
    );
    Finding::missing("disk", says, "free space, or lower ring.size_mib or ring.keep_free_mib in the settings")
}

fn clock(now: UnixNs, recorded_to: Option<UnixNs>) -> Finding {
    let back = recorded_to.filter(|last| now.plus_s(BACK_S) < *last);
    match back {
        _ if now < EARLIEST => {
            Finding::missing("clock", format!("{now} cannot be right"), "set it, with chrony for instance")
        }
        Some(last) => Finding::missing(
            "clock",
            format!("it says {now}, and the history reaches to {last}: one of them is wrong"),
            "set the clock, with chrony for instance",
        ),
        None => Finding::ok("clock", now.to_string()),
    }
}

fn is_synchronized() -> Option<bool> {
    // SAFETY: all zeroes is a valid value of this structure of numbers.
    let mut about: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel fills the structure; with no mode it changes nothing.
    let state = unsafe { libc::adjtimex(&mut about) };
    (state >= 0).then_some(state != libc::TIME_ERROR)
}

fn synchronized(synchronized: Option<bool>) -> Finding {
    match synchronized {
        Some(true) => Finding::ok("time source", "the clock is synchronized"),
        Some(false) => Finding::note(
            "time source",
            "the kernel does not know the clock to be synchronized: it may be off from a notice's",
            "run chrony or systemd-timesyncd",
        ),
        None => Finding::note("time source", "the kernel does not say", "see that the clock is synchronized"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Level;

    #[test]
    fn logins_come_from_somewhere_or_are_missing() {
        assert!(logins(Some(Path::new("/var/log/secure")), true).says.contains("/var/log/secure"));
        assert!(logins(None, true).says.contains("journal"));
        assert_eq!(logins(None, false).level, Level::Missing);
    }

    #[test]
    fn old_cgroups_are_explained() {
        let check = |unified, old| cgroups(Trees { unified, old });
        assert_eq!(check(true, false).level, Level::Ok);
        for (unified, old, word) in
            [(true, true, "side by side"), (false, true, "version 1 only"), (false, false, "none")]
        {
            let finding = check(unified, old);
            assert_eq!(finding.level, Level::Note, "{word}");
            assert!(finding.says.contains(word) && finding.next.is_some(), "{}", finding.says);
        }
    }

    #[test]
    fn a_ring_needs_a_directory_and_room() {
        let dir = tempfile::tempdir().unwrap();
        let deeper = dir.path().join("not/yet/there");
        assert_eq!(directory(&deeper).level, Level::Ok);
        assert_eq!(metrics(&deeper).level, Level::Missing);
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert_eq!(directory(&file.join("ring")).level, Level::Fatal);
        let other = dir.path().join("other");
        std::fs::create_dir(&other).unwrap();
        std::os::unix::fs::chown(&other, Some(65_534), None).unwrap();
        assert_eq!([directory(&other).level, metrics(&other).level], [Level::Note; 2]);
        let config = Config::default();
        for (free_mib, used_mib, level) in
            [(768, 0, Level::Ok), (767, 0, Level::Missing), (256, 512, Level::Ok), (0, 0, Level::Missing)]
        {
            let disk = Disk { free: free_mib << 20, used_by_ring: used_mib << 20 };
            assert_eq!(space(&config, &disk).level, level, "{free_mib} {used_mib}");
        }
        assert!(Disk::look(&deeper).free > 0);
    }

    #[test]
    fn a_clock_that_cannot_be_right_is_told() {
        let now = EARLIEST.plus_s(1_000);
        assert_eq!(clock(now, None).level, Level::Ok);
        assert_eq!(clock(now, Some(now.plus_s(10))).level, Level::Ok);
        assert_eq!(clock(now, Some(now.plus_s(3_600))).level, Level::Missing);
        assert_eq!(clock(UnixNs(0), None).level, Level::Missing);
        assert!(is_synchronized().is_some());
    }
}
