//! How the recorder fares: written beside the ring each second, read by `host-recorder status`.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::fs::File;
use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use history::LossClass;
use history::RingSize;
use history::UnixNs;
use serde::Deserialize;
use serde::Serialize;

use crate::hooks::Hook;

/// Between two samples, ns.
const SAMPLE_EVERY_NS: i64 = 5_000_000_000;

/// Samples kept: the last minute, from both of its ends.
const SAMPLES_MAX: usize = 13;

/// The state of a recorder. What an older recorder did not write is as in [`Status::default`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// Version of the recorder.
    pub version: String,
    /// Its pid.
    pub pid: u32,
    /// Whether it said that it runs when this was written.
    pub running: bool,
    /// Since when.
    pub started: UnixNs,
    /// When this was written.
    pub written: UnixNs,
    /// When the ring was last committed to disk.
    pub committed: Option<UnixNs>,
    /// Records taken from the kernel.
    pub records: u64,
    /// Events written.
    pub events: u64,
    /// Events lost, by class.
    pub lost: BTreeMap<LossClass, u64>,
    /// When events of a class were last lost.
    pub lost_last: BTreeMap<LossClass, UnixNs>,
    /// Processes remembered.
    pub processes: u64,
    /// Bytes of the ring.
    pub ring_bytes: u64,
    /// Most bytes that the ring may take; 0 where the recorder did not say.
    pub ring_bytes_max: u64,
    /// Time of the oldest event in the ring.
    pub ring_oldest: Option<UnixNs>,
    /// Sealed segments.
    pub segments: u64,
    /// Segments evicted since the start.
    pub evicted: u64,
    /// The last failure of the ring, in words.
    pub failure: Option<String>,
    /// Where the recorder looks in the kernel.
    pub hooks: Vec<Hook>,
    /// Whether it dropped its privileges and filters its own system calls.
    pub sandbox: bool,
    /// Memory that it holds, bytes.
    pub rss_bytes: u64,
    /// CPU time that it took, user and kernel, ns.
    pub cpu_ns: u64,
    /// Counts of the last minute, oldest first.
    pub samples: VecDeque<Sample>,
}

/// Counts at one time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sample {
    /// When.
    pub at: UnixNs,
    /// [`Status::records`] then.
    pub records: u64,
    /// [`Status::events`] then.
    pub events: u64,
    /// [`Status::cpu_ns`] then.
    pub cpu_ns: u64,
}

/// What happened a second, over the last minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Rates {
    /// Records taken from the kernel, 1/s.
    pub records_per_s: f64,
    /// Events written, 1/s.
    pub events_per_s: f64,
    /// CPU of the recorder; 1 is one core.
    pub cpu_cores: f64,
}

impl Status {
    /// Of a recorder that starts now.
    pub fn new() -> Self {
        let now = UnixNs::now();
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            running: true,
            started: now,
            written: now,
            ..Self::default()
        }
    }

    /// Counts lost events.
    pub fn lose(&mut self, class: LossClass, count: u64) {
        *self.lost.entry(class).or_default() += count;
        self.lost_last.insert(class, UnixNs::now());
    }

    /// Takes the ring's size.
    pub fn update(&mut self, running: bool, ring: &RingSize) {
        self.running = running;
        self.written = UnixNs::now();
        self.ring_bytes = ring.bytes;
        self.segments = ring.segments as u64;
        self.evicted = ring.evicted;
        self.failure.clone_from(&ring.failure);
    }

    /// Takes a sample when the last is old enough.
    pub fn sample(&mut self) {
        let now =
            Sample { at: self.written, records: self.records, events: self.events, cpu_ns: self.cpu_ns };
        match self.samples.back() {
            Some(last) if (0..SAMPLE_EVERY_NS).contains(&now.at.0.saturating_sub(last.at.0)) => return,
            // The clock was set back: rates from before it mean nothing.
            Some(last) if now.at < last.at => self.samples.clear(),
            _ => {}
        }
        if self.samples.len() == SAMPLES_MAX {
            self.samples.pop_front();
        }
        self.samples.push_back(now);
    }

    /// Rates over the last minute, or since the start where that is less; none before anything was measured.
    pub fn rates(&self) -> Option<Rates> {
        let first = self.samples.front()?;
        let seconds = self.written.0.saturating_sub(first.at.0) as f64 / 1e9;
        let a_second = |now: u64, then: u64| now.saturating_sub(then) as f64 / seconds;
        (seconds > 0.0).then(|| Rates {
            records_per_s: a_second(self.records, first.records),
            events_per_s: a_second(self.events, first.events),
            cpu_cores: a_second(self.cpu_ns, first.cpu_ns) / 1e9,
        })
    }

    /// Hooks that are refused, and why.
    pub fn refused(&self) -> impl Iterator<Item = (&Hook, &str)> {
        self.hooks.iter().filter_map(|hook| Some((hook, hook.refusal()?)))
    }

    /// Writes it, so that a reader sees all of it or what was there before.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        replace(path, &serde_json::to_vec(self)?, 0o644)
    }

    /// Reads it.
    pub fn read(path: &Path) -> std::io::Result<Self> {
        Ok(serde_json::from_slice(&std::fs::read(path)?)?)
    }
}

/// Puts a file in the place of another at once. `mode` says who may read it, whatever the process is told of others.
pub(crate) fn replace(path: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    let beside = path.with_extension("tmp");
    let mut file = File::create(&beside)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(bytes)?;
    std::fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_of_the_last_minute() {
        let mut status = Status::default();
        assert_eq!(status.rates(), None);
        for second in 0..=120 {
            status.written = UnixNs(second * 1_000_000_000);
            status.records += 20;
            // Nothing was written in the first minute.
            status.events += if second > 60 { 10 } else { 0 };
            status.cpu_ns += 5_000_000;
            status.sample();
        }
        assert_eq!(status.samples.len(), SAMPLES_MAX);
        let rates = status.rates().unwrap();
        assert_eq!(rates, Rates { records_per_s: 20.0, events_per_s: 10.0, cpu_cores: 0.005 });
        status.written = UnixNs(1_000_000_000);
        status.sample();
        assert_eq!(status.samples.len(), 1, "the clock was set back");
        assert_eq!(status.rates(), None);
    }

    #[test]
    fn what_another_version_wrote_is_read() {
        let older = r#"{"version":"0.0.9","pid":7,"running":true,"started":1,"written":2,"records":3,"events":4,
            "lost":{"flow":5},"processes":6,"ring_bytes":7,"segments":8,"evicted":9,"failure":null}"#;
        let status: Status = serde_json::from_str(older).unwrap();
        assert_eq!((status.pid, status.lost.get(&LossClass::Flow)), (7, Some(&5)));
        assert!(status.hooks.is_empty() && status.committed.is_none());
        let newer = r#"{"pid":7,"something":[1,2]}"#;
        assert_eq!(serde_json::from_str::<Status>(newer).unwrap().pid, 7);
    }
}
