//! The clocks of this host.

use std::collections::VecDeque;

use history::BootId;
use history::UnixNs;
use nix::time::ClockId;
use nix::time::clock_gettime;

/// How times since boot become wall-clock times, and which boot it is.
///
/// A time gets the offset that held *then*, so that one moment is always told as the same time however the wall
/// clock is set afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clock {
    /// The boot.
    pub boot: BootId,
    /// Since when (ns since boot) which offset (wall clock minus boot clock, ns) holds; in order, never empty
    /// but for the default, which tells times since boot.
    offsets: VecDeque<(u64, i64)>,
}

/// Changes of the offset remembered; flows last less long than so many corrections of a clock take.
const OFFSETS_MAX: usize = 256;

impl Clock {
    /// A clock of which one offset is known.
    pub fn new(boot: BootId, offset_ns: i64) -> Self {
        Self { boot, offsets: VecDeque::from([(0, offset_ns)]) }
    }

    /// A time since boot by the wall clock.
    pub fn wall(&self, boot_ns: u64) -> UnixNs {
        let held = self.offsets.iter().rev().find(|(since, _)| *since <= boot_ns);
        let offset = held.or(self.offsets.front()).map_or(0, |(_, offset)| *offset);
        UnixNs(offset.saturating_add(i64::try_from(boot_ns).unwrap_or(i64::MAX)))
    }

    /// A wall-clock time since boot.
    pub fn since_boot(&self, at: UnixNs) -> u64 {
        let offset = self.offsets.back().map_or(0, |(_, offset)| *offset);
        u64::try_from(at.0.saturating_sub(offset)).unwrap_or(0)
    }

    /// Takes the offset that holds from a time since boot on; says by how much it differs from the one before.
    pub fn set(&mut self, boot_ns: u64, offset_ns: i64) -> i64 {
        let step = self.offsets.back().map_or(0, |(_, before)| offset_ns.saturating_sub(*before));
        if step.abs() >= CLOCK_DRIFT_NS {
            if self.offsets.len() == OFFSETS_MAX {
                self.offsets.pop_front();
            }
            self.offsets.push_back((boot_ns, offset_ns));
        }
        step
    }
}

/// A clock that is disciplined wanders; a difference below this is not worth a new offset, ns.
const CLOCK_DRIFT_NS: i64 = 20_000_000;

/// What `/proc` counts a process's start in, ns: the kernel shows user space 100 ticks a second on every machine of ours.
pub const TICK_NS: u64 = 10_000_000;

/// The boot, and how far the wall clock is from the boot clock now.
pub fn now() -> std::io::Result<Clock> {
    Ok(Clock::new(boot_id()?, offset_ns()?))
}

/// Wall clock minus boot clock, ns.
pub fn offset_ns() -> std::io::Result<i64> {
    Ok(read(ClockId::CLOCK_REALTIME)? - read(ClockId::CLOCK_BOOTTIME)?)
}

/// Nanoseconds since boot, suspend included.
pub fn boot_ns() -> u64 {
    read(ClockId::CLOCK_BOOTTIME).ok().and_then(|ns| u64::try_from(ns).ok()).unwrap_or(0)
}

fn read(clock: ClockId) -> std::io::Result<i64> {
    let time = clock_gettime(clock)?;
    Ok(time.tv_sec() * 1_000_000_000 + time.tv_nsec())
}

/// This boot.
pub fn boot_id() -> std::io::Result<BootId> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).take(16).collect();
    u64::from_str_radix(&digits, 16).map(BootId).map_err(std::io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_keeps_its_time_when_the_clock_is_stepped() {
        let mut clock = Clock::new(BootId(7), 1_000);
        let before = clock.wall(500);
        assert_eq!(clock.set(1_000, 1_500), 500);
        assert_eq!(clock.wall(1_000), UnixNs(2_000), "a wandering clock changes nothing");
        assert_eq!(clock.set(2_000, 3_600_000_001_000), 3_600_000_000_000);
        assert_eq!(clock.wall(500), before);
        assert_eq!(clock.wall(2_000), UnixNs(3_600_000_003_000));
        assert_eq!(clock.since_boot(UnixNs(3_600_000_003_000)), 2_000);
    }
}
