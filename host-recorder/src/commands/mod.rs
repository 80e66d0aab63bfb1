//! The subcommands of `host-recorder`, one file each.

pub mod query;
pub mod record;
pub mod status;

/// Where the ring is unless told otherwise.
pub const RING_DIR: &str = "/var/lib/host-recorder";
