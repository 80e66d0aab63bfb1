//! What goes to the ring: events, losses, steps of the clock; and a disk that takes nothing.

use history::Body;
use history::LossClass;
use history::RecorderAct;
use history::UnixNs;
use host_recorder_bpf::record::record_loss;

use super::Recorder;
use crate::clock;

/// A step of the wall clock smaller than this is its ordinary correction, ns.
const CLOCK_STEP_NS: i64 = 1_000_000_000;

impl Recorder {
    pub(super) fn write_flows(&mut self) {
        for (boot_ns, body) in history::with_targets(self.flows.take()) {
            self.append(boot_ns, body);
        }
    }

    /// Writes an event. One that the disk does not take is counted, and the recorder goes on.
    pub(super) fn append(&mut self, boot_ns: u64, body: Body) {
        let time = self.clock.wall(boot_ns);
        self.append_at(time, boot_ns, body);
    }

    pub(super) fn append_at(&mut self, time: UnixNs, boot_ns: u64, body: Body) {
        self.status.events += 1;
        if let Err(error) = self.ring.append(time, boot_ns, body, &self.processes) {
            if self.disk_lost == 0 {
                tracing::error!(%error, "events are being lost");
                self.disk_lost_since = time;
            }
            self.disk_lost += 1;
            self.status.lose(LossClass::Disk, 1);
        }
    }

    /// Puts what was written on disk. While the disk takes nothing it is tried again each second.
    pub(super) fn commit_ring(&mut self) {
        let outcome = self.ring.commit();
        match &outcome {
            Err(error) if self.disk_failure.is_none() => {
                tracing::error!(%error, "the ring cannot be written")
            }
            Ok(()) if self.disk_failure.is_some() => tracing::info!("the ring is written again"),
            _ => {}
        }
        if outcome.is_ok() {
            self.status.committed = Some(UnixNs::now());
        }
        self.disk_failure = outcome.err().map(|error| error.to_string());
        if self.disk_failure.is_none() && self.disk_lost > 0 {
            let (count, from) = (std::mem::take(&mut self.disk_lost), self.disk_lost_since);
            self.append(clock::boot_ns(), Body::Loss { class: LossClass::Disk, count, from });
        }
    }

    pub(super) fn note(&mut self, act: RecorderAct, note: &str) {
        self.append(clock::boot_ns(), Body::Recorder { act, note: note.to_owned() });
    }

    /// Whether the wall clock was set since it was read last.
    pub(super) fn read_clock(&mut self) -> anyhow::Result<bool> {
        let step = self.clock.set(clock::boot_ns(), clock::offset_ns()?);
        let was_set = step.abs() >= CLOCK_STEP_NS;
        if was_set {
            let seconds = step as f64 / 1e9;
            self.note(RecorderAct::ClockStepped, &format!("wall clock stepped by {seconds:+.3} s"));
        }
        Ok(was_set)
    }

    /// Counts what cannot be told, and says so in the ring.
    pub(super) fn lose(&mut self, class: LossClass, count: u64) {
        if count > 0 {
            self.status.lose(class, count);
            let body = Body::Loss { class, count, from: self.lost_since };
            self.append(clock::boot_ns(), body);
        }
    }

    /// What the kernel could not hand over becomes an event.
    pub(super) fn read_losses(&mut self) -> anyhow::Result<()> {
        let lost = self.capture.losses()?;
        let (from, now) = (self.lost_since, clock::boot_ns());
        for (class, (lost, before)) in lost.iter().zip(self.lost).enumerate() {
            let count = lost.saturating_sub(before);
            if count == 0 {
                continue;
            }
            let class = match class as u32 {
                record_loss::RECORD_LOSS_IDENTITY | record_loss::RECORD_LOSS_OWNER => LossClass::Identity,
                record_loss::RECORD_LOSS_DNS => LossClass::Dns,
                record_loss::RECORD_LOSS_RECEIVED => LossClass::Received,
                _ => LossClass::Flow,
            };
            self.identities_lost |= class == LossClass::Identity;
            self.status.lose(class, count);
            self.append(now, Body::Loss { class, count, from });
        }
        self.lost = lost;
        self.lost_since = self.clock.wall(now);
        Ok(())
    }
}
