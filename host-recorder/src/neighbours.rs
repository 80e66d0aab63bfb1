//! Programs that were started beside each other, of which one listens for the other: `ncat -lk 9501 | bash`. Pure.
//!
//! What passes between them, a pipe or a pair of sockets, no hook sees. That both were started by one process within a
//! moment is what a pipeline has in common with a supervisor and its workers.

use std::collections::HashMap;

use history::Process;
use history::ProcessId;

use crate::ends::Ends;
use crate::ends::Identity;
use crate::ends::identity;
use crate::processes::Processes;

/// Members of a pipeline begin within this, ns.
const TOGETHER_NS: u64 = 100_000_000;

/// Neighbours of one process that are looked at.
const LOOKED_AT_MAX: usize = 8;

/// Processes that accepted connections, by who started them.
#[derive(Debug, Default)]
pub struct Neighbours {
    by_parent: HashMap<Identity, Vec<ProcessId>>,
}

impl Neighbours {
    /// All that accepted something lately.
    pub fn of(known: &Processes, ends: &Ends) -> Self {
        let mut by_parent: HashMap<Identity, Vec<ProcessId>> = HashMap::new();
        for server in ends.servers(known) {
            if let Some(parent) = parent(server) {
                by_parent.entry(parent).or_default().push(server.id);
            }
        }
        Self { by_parent }
    }

    /// Those that were started beside a process.
    pub fn beside(&self, process: &Process) -> impl Iterator<Item = ProcessId> {
        let listed =
            parent(process).and_then(|parent| self.by_parent.get(&parent)).map_or(&[][..], Vec::as_slice);
        let start_ns = process.id.start_ns;
        let is_beside = move |other: &&ProcessId| {
            other.start_ns != start_ns && other.start_ns.abs_diff(start_ns) <= TOGETHER_NS
        };
        listed.iter().filter(is_beside).take(LOOKED_AT_MAX).copied()
    }
}

/// Who started a process; what the first one starts has nothing in common.
fn parent(process: &Process) -> Option<Identity> {
    process.parent.filter(|parent| parent.tgid != 1).map(|parent| identity(&parent))
}
