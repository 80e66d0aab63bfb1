//! The subcommands of `host-recorder`, one file each.

use std::fs::File;
use std::fs::TryLockError;
use std::path::Path;

pub mod check;
pub mod export;
pub mod place;
pub mod query;
pub mod record;
pub mod seal;
pub mod status;
pub mod stop_process;
pub mod tail;
pub mod timeline;
pub mod tree;
pub mod verify;
pub mod window;

/// Whether a recorder writes to a ring now: it holds a lock on it, whatever it last said of itself.
fn is_recorded(ring: &Path) -> bool {
    let locked = |file: File| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
    File::open(ring.join("lock")).is_ok_and(locked)
}
