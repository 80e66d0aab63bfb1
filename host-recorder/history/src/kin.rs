//! Programs that do nothing of their own: they set something and run another one. Pure.

use crate::event::Process;
use crate::event::Seen;

const WRAPPERS: [&str; 14] = [
    "timeout", "nice", "ionice", "env", "setsid", "stdbuf", "nohup", "time", "chrt", "taskset", "setpriv",
    "prlimit", "flock", "numactl",
];

/// Whether a process only hands on to what it starts: a wrapper, or a subshell, which is a fork that executed nothing.
pub fn passes_on(process: &Process) -> bool {
    let name = process.exe.rsplit('/').next().unwrap_or_default();
    process.seen == Seen::Fork || WRAPPERS.contains(&name)
}
