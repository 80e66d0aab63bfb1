//! How the recorder fares: written beside the ring each second, read by `host-recorder status`.

use std::collections::BTreeMap;
use std::path::Path;

use history::LossClass;
use history::RingSize;
use history::UnixNs;
use serde::Deserialize;
use serde::Serialize;

/// The state of a recorder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// Records taken from the kernel.
    pub records: u64,
    /// Events written.
    pub events: u64,
    /// Events lost, by class.
    pub lost: BTreeMap<LossClass, u64>,
    /// Processes remembered.
    pub processes: u64,
    /// Bytes of the ring.
    pub ring_bytes: u64,
    /// Sealed segments.
    pub segments: u64,
    /// Segments evicted since the start.
    pub evicted: u64,
    /// The last failure of the ring, in words.
    pub failure: Option<String>,
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
            records: 0,
            events: 0,
            lost: BTreeMap::new(),
            processes: 0,
            ring_bytes: 0,
            segments: 0,
            evicted: 0,
            failure: None,
        }
    }

    /// Counts lost events.
    pub fn lose(&mut self, class: LossClass, count: u64) {
        *self.lost.entry(class).or_default() += count;
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

    /// Writes it, so that a reader sees all of it or what was there before.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        let beside = path.with_extension("tmp");
        std::fs::write(&beside, serde_json::to_vec(self)?)?;
        std::fs::rename(&beside, path)
    }

    /// Reads it.
    pub fn read(path: &Path) -> std::io::Result<Self> {
        Ok(serde_json::from_slice(&std::fs::read(path)?)?)
    }
}

impl Default for Status {
    fn default() -> Self {
        Self::new()
    }
}
