//! The time that a command is asked about.

use std::collections::HashMap;
use std::path::Path;

use history::Event;
use history::Process;
use history::ProcessId;
use history::UnixNs;
use history::Window;
use jiff::Timestamp;

use crate::commands::query::parse_duration;
use crate::commands::query::wait_for_commit;

/// Processes that are remembered to be named.
const NAMED_MAX: usize = 200_000;

/// The time that a command is asked about.
#[derive(Debug, clap::Args)]
pub struct WindowArgs {
    /// Beginning of the window (RFC 3339); the oldest there is unless given
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,

    /// End of the window (RFC 3339); now unless given
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,

    /// The window is the last so many seconds, minutes, hours or days (90s, 10m, 2h, 1d)
    #[arg(long, value_name = "DURATION", conflicts_with_all = ["from", "to"], value_parser = parse_duration)]
    last: Option<i64>,
}

impl WindowArgs {
    /// The window, of which all that happened until now is on disk where a recorder of the ring runs.
    pub fn committed(&self, ring: &Path) -> Window {
        let window = self.window();
        wait_for_commit(ring, window.to);
        window
    }

    fn window(&self) -> Window {
        let now = UnixNs::now();
        let from = match (self.from, self.last) {
            (Some(from), _) => from.into(),
            (None, Some(last)) => now.plus_s(-last),
            (None, None) => UnixNs(i64::MIN),
        };
        Window { from, to: self.to.map_or(now, UnixNs::from) }
    }
}

/// Processes that were seen, to name them.
#[derive(Default)]
pub struct Names(HashMap<ProcessId, Process>);

impl Names {
    /// Takes note of an event.
    pub fn note(&mut self, event: &Event) {
        if let history::Body::Process(process) = &event.body
            && self.0.len() < NAMED_MAX
        {
            self.0.insert(process.id, (**process).clone());
        }
    }

    /// What is known of a process.
    pub fn process(&self, id: &ProcessId) -> Option<Process> {
        self.0.get(id).cloned()
    }

    /// Its name.
    pub fn name(&self, id: &ProcessId) -> Option<String> {
        self.0.get(id).map(|process| process.comm.clone())
    }

    /// A process and its ancestors, itself first.
    pub fn chain(&self, id: &ProcessId) -> Vec<Process> {
        let mut chain: Vec<Process> = Vec::new();
        let mut next = Some(*id);
        while let Some(process) = next.and_then(|id| self.0.get(&id)) {
            if chain.len() >= 64 {
                break;
            }
            next = process.parent;
            chain.push(process.clone());
        }
        chain
    }
}
