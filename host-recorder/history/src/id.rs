//! Identities and clocks: what names a boot, a process and an event, and in which unit time is kept.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;

/// Wall-clock time, nanoseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct UnixNs(pub i64);

impl UnixNs {
    /// The present, by this host's wall clock.
    pub fn now() -> Self {
        jiff::Timestamp::now().into()
    }

    /// This time moved by a number of seconds, saturating.
    pub fn plus_s(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000_000_000)))
    }
}

impl From<jiff::Timestamp> for UnixNs {
    fn from(at: jiff::Timestamp) -> Self {
        Self(i64::try_from(at.as_nanosecond()).unwrap_or(if at.as_second() < 0 {
            i64::MIN
        } else {
            i64::MAX
        }))
    }
}

impl From<UnixNs> for jiff::Timestamp {
    fn from(at: UnixNs) -> Self {
        // Every i64 of nanoseconds lies within the years 1677 to 2262, which jiff can hold.
        Self::from_nanosecond(i128::from(at.0)).unwrap_or(Self::UNIX_EPOCH)
    }
}

/// RFC 3339 in UTC, to the millisecond.
impl fmt::Display for UnixNs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", jiff::Timestamp::from(*self))
    }
}

/// One boot of one kernel: the first 64 bits of `/proc/sys/kernel/random/boot_id`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BootId(pub u64);

/// A process image: never a pid alone.
///
/// `start_ns` is the thread-group leader's `start_boottime`; `exec` is the kernel's `self_exec_id`, which
/// grows with every execve and is inherited by fork. Written as `tgid-start-exec@boot`, the last three in
/// hexadecimal, such as `4711-1c9f3a2b4d-9@8f3c0a6b12e45d77`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId {
    /// The boot it belongs to.
    pub boot: BootId,
    /// Thread-group id in the initial pid namespace.
    pub tgid: u32,
    /// Start since boot, ns, suspend included.
    pub start_ns: u64,
    /// Which image of that process.
    pub exec: u32,
}

impl ProcessId {
    /// Whether both are images of one process (one fork), whatever it has executed since.
    pub fn same_process(&self, other: &Self) -> bool {
        self.boot == other.boot && self.tgid == other.tgid && self.start_ns == other.start_ns
    }
}

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:x}-{:x}@{:016x}", self.tgid, self.start_ns, self.exec, self.boot.0)
    }
}

/// A text that is no process id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no process id; one looks like 4711-1c9f3a2b4d-9@8f3c0a6b12e45d77")]
pub struct BadProcessId(String);

impl FromStr for ProcessId {
    type Err = BadProcessId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (image, boot) = text.split_once('@')?;
            let mut parts = image.split('-');
            let id = Self {
                boot: BootId(u64::from_str_radix(boot, 16).ok()?),
                tgid: parts.next()?.parse().ok()?,
                start_ns: u64::from_str_radix(parts.next()?, 16).ok()?,
                exec: u32::from_str_radix(parts.next()?, 16).ok()?,
            };
            parts.next().is_none().then_some(id)
        };
        read().ok_or_else(|| BadProcessId(text.chars().take(80).collect()))
    }
}

/// In JSON a string; in the log its four numbers.
impl Serialize for ProcessId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            (self.boot.0, self.tgid, self.start_ns, self.exec).serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for ProcessId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            text.parse().map_err(serde::de::Error::custom)
        } else {
            let (boot, tgid, start_ns, exec) = <(u64, u32, u64, u32)>::deserialize(deserializer)?;
            Ok(Self { boot: BootId(boot), tgid, start_ns, exec })
        }
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for ProcessId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ProcessId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "One process: pid, start since boot (ns, hexadecimal), how often it executed a program, @ and the boot. Never used again.",
            "pattern": "^[0-9]+-[0-9a-f]+-[0-9a-f]+@[0-9a-f]+$",
        })
    }
}

/// An event's number: unique and rising within one ring.
pub type EventId = u64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_id_reads_what_it_writes() {
        let id =
            ProcessId { boot: BootId(0x8f3c_0a6b_12e4_5d77), tgid: 4711, start_ns: 123_456_789, exec: 9 };
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in ["", "1", "1-2", "1-2-3", "1-2-3@x", "1-2-3-4@5", "x-2-3@5", "é@é"] {
            assert!(bad.parse::<ProcessId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn times_outside_the_range_saturate() {
        assert_eq!(UnixNs::from(jiff::Timestamp::MAX).0, i64::MAX);
        assert_eq!(UnixNs(0).to_string(), "1970-01-01T00:00:00.000Z");
    }
}
