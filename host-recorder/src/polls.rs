//! Programs that ask something of this host again and again, by a connection each time: a worker that looks into a queue
//! of jobs, a loop around such a queue's client. Pure.
//!
//! What it starts then may be what it was told there. One connection tells nothing of that, nor do a person's own client
//! that is typed several times and a person's own server that nobody else asks. Of servers elsewhere nothing is said:
//! who attacks one connects to it again and again, too.

use std::collections::HashMap;

use history::Endpoint;
use history::Process;

use crate::beginnings::is_shell;
use crate::beginnings::program;
use crate::ends::Ends;
use crate::ends::Identity;
use crate::ends::identity;
use crate::processes::Processes;

/// Connections to one end that make it asking again and again.
const TIMES_MIN: usize = 3;

/// How long before a process acts it began to ask at the least, ns.
const ASKED_LEAST_NS: u64 = 1_000_000_000;

/// What processes, and the programs that they started, opened to this host itself.
#[derive(Debug)]
pub struct Polls(HashMap<Identity, Vec<Poll>>);

/// One connection of this host to itself.
#[derive(Debug, Clone, Copy)]
pub struct Poll {
    /// When it stood, ns since boot.
    at: u64,
    /// The end of who opened it.
    pub local: Endpoint,
    /// Where it leads.
    pub remote: Endpoint,
}

impl Polls {
    /// Of all connections of this host to itself that are remembered.
    pub fn of(known: &Processes, ends: &Ends) -> Self {
        let mut polls: HashMap<Identity, Vec<Poll>> = HashMap::new();
        for (at, opener, local, remote) in ends.own() {
            let parent = known.get(&opener).and_then(|opener| opener.parent);
            for id in [Some(opener), parent].into_iter().flatten() {
                polls.entry(identity(&id)).or_default().push(Poll { at, local, remote });
            }
        }
        Self(polls)
    }

    /// The last connection before a time, ns since boot, by which a process asked what it had asked before.
    pub fn again(&self, process: &Process, before: u64) -> Option<Poll> {
        if is_typed_into(process) {
            return None;
        }
        let polls = self.0.get(&identity(&process.id))?;
        let last = polls.iter().rfind(|poll| poll.at <= before)?;
        let same = || polls.iter().filter(|poll| poll.remote == last.remote && poll.at <= before);
        let since = same().map(|poll| poll.at).min()?;
        let again = same().count() >= TIMES_MIN && before.saturating_sub(since) >= ASKED_LEAST_NS;
        again.then_some(*last)
    }
}

/// Whether a process is a shell without a script or a line: it does what somebody types.
fn is_typed_into(process: &Process) -> bool {
    let mut words = process.argv.iter().skip(1);
    is_shell(program(process)) && words.all(|word| word.starts_with('-') && word != "-c")
}

#[cfg(test)]
mod tests {
    use history::Direction;

    use super::*;
    use crate::beginnings::tests::Tree;
    use crate::testing::connection;

    /// Connections by a program, or by a client that it starts each time, at these seconds; whether it asks again by the tenth.
    fn again(line: &str, by_client: bool, ports: &[u16], seconds: &[u64]) -> Option<u16> {
        let (mut tree, mut ends) = (Tree::default(), Ends::default());
        let init = tree.init();
        let worker = tree.runs(init, 10, 1_000, line);
        for (nth, (second, port)) in (0..).zip(seconds.iter().zip(ports.iter().cycle())) {
            let opener = if by_client {
                tree.runs(worker, 20 + nth, 1_000, "/usr/bin/redis-cli LPOP q")
            } else {
                worker
            };
            let end = |port| Endpoint { address: "127.0.0.1".parse().unwrap(), port };
            let flow = connection(opener, Direction::Out, end(40_000 + nth as u16), end(*port));
            ends.stands(second * 1_000_000_000, &flow);
        }
        let polls = Polls::of(&tree.known, &ends);
        polls.again(tree.known.get(&worker).unwrap(), 10_000_000_000).map(|poll| poll.remote.port)
    }

    #[test]
    fn who_asks_again_and_again_by_a_connection_each_may_be_told_what_to_do() {
        let script = "/bin/bash /home/alice/worker";
        for by_client in [false, true] {
            assert_eq!(again(script, by_client, &[6379], &[1, 2, 3]), Some(6379));
            assert_eq!(again(script, by_client, &[6379], &[1, 2]), None, "twice");
            assert_eq!(again(script, by_client, &[6379], &[1, 2, 11]), None, "twice by then");
            assert_eq!(again(script, by_client, &[6379], &[10, 10, 10]), None, "all at once, just now");
            assert_eq!(again(script, by_client, &[6379, 80], &[1, 2, 3, 4]), None, "each twice");
        }
        assert_eq!(again("/bin/bash -c loop", true, &[6379], &[1, 2, 3]), Some(6379));
        for typed in ["/bin/bash", "/bin/bash -l"] {
            assert_eq!(again(typed, true, &[6379], &[1, 2, 3]), None, "somebody types");
        }
    }
}
