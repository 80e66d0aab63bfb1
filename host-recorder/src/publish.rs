//! What the recorder tells of itself while it runs: the status file, the metrics file, and the service manager.

use std::path::PathBuf;

use nix::time::ClockId;
use nix::time::clock_gettime;
use sd_notify::NotifyState;

use crate::metrics;
use crate::status;
use crate::status::Status;

/// Where it tells.
pub struct Publisher {
    ring: PathBuf,
    textfile: Option<PathBuf>,
    /// What the metrics file last failed with: said once, not each second.
    failed: Option<String>,
    /// Segments and evictions when the oldest event was last looked up.
    looked_up: Option<(u64, u64)>,
}

impl Publisher {
    /// Tells of the recorder of a ring, in its directory and, where one is named, in a file of metrics.
    pub fn new(ring: PathBuf, textfile: Option<PathBuf>) -> Self {
        Self { ring, textfile, failed: None, looked_up: None }
    }

    /// Completes the status with what the process itself takes, and writes it everywhere. A failure is logged.
    pub fn publish(&mut self, status: &mut Status) {
        status.cpu_ns = cpu_ns();
        status.rss_bytes = rss_bytes();
        if status.ring_oldest.is_none() || self.looked_up != Some((status.segments, status.evicted)) {
            self.looked_up = Some((status.segments, status.evicted));
            status.ring_oldest = history::recorded_from(&self.ring).ok().flatten();
        }
        status.sample();
        let path = self.ring.join("status.json");
        if let Err(error) = status.write(&path) {
            tracing::warn!(%error, path = %path.display(), "status could not be written");
        }
        if let Some(path) = &self.textfile {
            let failed = status::replace(path, metrics::render(status).as_bytes(), 0o644).err();
            let failed = failed.map(|error| error.to_string());
            if let Some(error) = failed.as_ref().filter(|_| failed != self.failed) {
                tracing::warn!(%error, path = %path.display(), "metrics could not be written");
            }
            self.failed = failed;
        }
        // Without a service manager that wants to hear it this does nothing.
        let state = if status.running { NotifyState::Watchdog } else { NotifyState::Stopping };
        if let Err(error) = sd_notify::notify(&[state]) {
            tracing::debug!(%error, "the service manager could not be told");
        }
    }
}

/// Tells the service manager that history begins.
pub fn ready() {
    if let Err(error) = sd_notify::notify(&[NotifyState::Ready]) {
        tracing::warn!(%error, "the service manager could not be told");
    }
}

fn cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID);
    time.ok()
        .and_then(|time| u64::try_from(time.tv_sec() * 1_000_000_000 + time.tv_nsec()).ok())
        .unwrap_or_default()
}

fn rss_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.unwrap_or_default() << 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_tells_what_the_process_takes_and_metrics_are_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let textfile = dir.path().join("host_recorder.prom");
        let mut publisher = Publisher::new(dir.path().to_owned(), Some(textfile.clone()));
        let mut status = Status::new();
        publisher.publish(&mut status);
        assert!(status.rss_bytes > 1 << 20 && status.cpu_ns > 0, "{status:?}");
        assert_eq!(Status::read(&dir.path().join("status.json")).unwrap(), status);
        assert!(std::fs::read_to_string(&textfile).unwrap().contains("host_recorder_up 1\n"));
        status.running = false;
        publisher.publish(&mut status);
        assert!(std::fs::read_to_string(&textfile).unwrap().contains("host_recorder_up 0\n"));
        // The collector reads every file of its directory that ends in .prom: none is left beside it.
        let left = std::fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(left, 2);
    }
}
