//! The subcommands of `host-recorder`, one file each.

use std::fs::File;
use std::fs::TryLockError;
use std::path::Path;

use crate::hooks::Hook;
use crate::hooks::HookState;

pub mod check;
pub mod place;
pub mod query;
pub mod record;
pub mod status;

/// Whether a recorder writes to a ring now: it holds a lock on it, whatever it last said of itself.
fn is_recorded(ring: &Path) -> bool {
    let locked = |file: File| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
    File::open(ring.join("lock")).is_ok_and(locked)
}

/// The hooks that are always needed; a recorder that started uses all of them.
const NEEDED: [(&str, &str); 7] = [
    ("cgroup/sock_create", "which process made a socket"),
    ("cgroup/sock_release", "when a socket is gone, so that its address is not taken for another one's"),
    ("tp_btf/sched_process_fork", "which process began which"),
    ("tp_btf/sched_process_exec", "every program that is executed, with its arguments and its user"),
    ("tp_btf/sched_process_exit", "when and how a process ended"),
    ("tp_btf/inet_sock_set_state", "TCP connections: made, accepted, refused, closed with their bytes"),
    ("tp_btf/net_dev_queue", "all other packets that are sent: UDP, ICMP, raw IP and frames of scanners"),
];

/// The hooks of a recorder that started.
fn hooks_in_use() -> Vec<Hook> {
    NEEDED.iter().map(|(name, gives)| Hook::new(name, gives, HookState::InUse)).collect()
}

/// The hooks of a recorder that could not start, and why. Which of them was refused stands in the reason.
fn hooks_refused(why: &str) -> Vec<Hook> {
    NEEDED.iter().map(|(name, gives)| Hook::new(name, gives, HookState::Refused(why.to_owned()))).collect()
}
