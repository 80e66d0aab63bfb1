//! The clocks of this host.

use history::BootId;
use nix::time::ClockId;
use nix::time::clock_gettime;

use crate::decode::Clock;

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

fn boot_id() -> std::io::Result<BootId> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).take(16).collect();
    u64::from_str_radix(&digits, 16).map(BootId).map_err(std::io::Error::other)
}
