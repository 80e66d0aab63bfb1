//! The tree around a process: its ancestors, itself, and everything that came of it. Pure.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::HashSet;
use std::fmt;

use serde::Serialize;

use crate::event::Body;
use crate::event::Event;
use crate::event::Process;
use crate::event::Seen;
use crate::id::ProcessId;
use crate::id::UnixNs;
use crate::redact;
use crate::text::command;
use crate::text::who;
use crate::who::is_process;

/// Processes that are held; beyond it what is new is counted only.
const PROCESSES_MAX: usize = 200_000;

/// Lines of a tree.
const LINES_MAX: usize = 10_000;

/// Deepest level that is told apart.
const DEPTH_MAX: usize = 64;

/// Processes of a time, with who made whom.
#[derive(Default)]
pub struct Tree {
    images: HashMap<ProcessId, Process>,
    forks: HashMap<ProcessId, (ProcessId, UnixNs)>,
    exits: HashMap<ProcessId, (UnixNs, u8, u8)>,
    left_out: u64,
}

impl Tree {
    /// Adds the next event. Only those of processes matter.
    pub fn add(&mut self, event: Event) {
        if self.images.len() + self.forks.len() >= PROCESSES_MAX {
            self.left_out += u64::from(matches!(event.body, Body::Process(_) | Body::Fork { .. }));
            return;
        }
        match event.body {
            Body::Process(process) => {
                self.images.entry(process.id).or_insert(*process);
            }
            Body::Fork { child, parent } => {
                self.forks.insert(child, (parent, event.time));
            }
            Body::Exit { process, code, signal } => {
                self.exits.insert(process, (event.time, code, signal));
            }
            _ => {}
        }
    }

    /// The trees of the processes that a word names (a pid, an identity, a program's name or path): their ancestors,
    /// themselves, and their descendants, each before what came of it. Empty where nothing fits.
    pub fn around(&self, asked: &str) -> Around {
        let found = self.named(asked);
        let children = self.children();
        let shown = self.shown(&found, &children);
        let mut roots: Vec<ProcessId> = shown
            .iter()
            .filter(|id| self.parent(id).is_none_or(|parent| !shown.contains(&parent)))
            .copied()
            .collect();
        self.sort(&mut roots);
        let mut processes = Vec::new();
        // A stack of its own: a hostile ring may be deep.
        let mut waiting: Vec<(ProcessId, usize)> = roots.into_iter().rev().map(|id| (id, 0)).collect();
        let mut written = HashSet::new();
        while let Some((id, depth)) = waiting.pop() {
            if !written.insert(id) {
                continue;
            }
            if processes.len() >= LINES_MAX {
                break;
            }
            processes.push(self.node(id, depth, found.contains(&id)));
            let mut next: Vec<ProcessId> = children
                .get(&id)
                .map(|children| children.iter().filter(|id| shown.contains(id)).copied().collect())
                .unwrap_or_default();
            self.sort(&mut next);
            waiting.extend(next.into_iter().rev().map(|id| (id, depth + 1)));
        }
        let not_shown = shown.len().saturating_sub(processes.len()) as u64 + self.left_out;
        Around { processes, not_shown }
    }

    fn named(&self, asked: &str) -> HashSet<ProcessId> {
        let by_image = self.images.values().filter(|process| is_process(process, asked)).map(|it| it.id);
        let by_fork = |id: &&ProcessId| {
            !self.images.contains_key(id)
                && (id.to_string() == asked || asked.parse().is_ok_and(|pid: u32| pid == id.tgid))
        };
        by_image.chain(self.forks.keys().filter(by_fork).copied()).collect()
    }

    fn children(&self) -> BTreeMap<ProcessId, Vec<ProcessId>> {
        let mut children: BTreeMap<ProcessId, Vec<ProcessId>> = BTreeMap::new();
        for id in self.images.keys().chain(self.forks.keys().filter(|id| !self.images.contains_key(id))) {
            if let Some(parent) = self.parent(id) {
                children.entry(parent).or_default().push(*id);
            }
        }
        children
    }

    /// Those that were found, what led to them, and what came of them.
    fn shown(
        &self,
        found: &HashSet<ProcessId>,
        children: &BTreeMap<ProcessId, Vec<ProcessId>>,
    ) -> HashSet<ProcessId> {
        let mut shown: HashSet<ProcessId> = found.iter().flat_map(|id| self.ancestors(*id)).collect();
        let mut below: Vec<ProcessId> = found.iter().copied().collect();
        while let Some(id) = below.pop() {
            for child in children.get(&id).into_iter().flatten() {
                if shown.insert(*child) {
                    below.push(*child);
                }
            }
        }
        shown
    }

    fn node(&self, id: ProcessId, depth: usize, asked: bool) -> Node {
        Node {
            process: id,
            parent: self.parent(&id),
            depth,
            asked,
            image: self.images.get(&id).map(|process| redact::process(process.clone())),
            forked: self.forks.get(&id).map(|(_, time)| *time),
            exit: self.exits.get(&id).map(|(time, code, signal)| Exited {
                time: *time,
                code: *code,
                signal: *signal,
            }),
        }
    }

    /// An image's parent: who forked it, or the image that it was before it executed.
    fn parent(&self, id: &ProcessId) -> Option<ProcessId> {
        let told = self.images.get(id).and_then(|process| process.parent);
        told.or_else(|| self.forks.get(id).map(|(parent, _)| *parent)).filter(|parent| parent != id)
    }

    fn ancestors(&self, id: ProcessId) -> Vec<ProcessId> {
        let mut chain = vec![id];
        while let Some(parent) = chain.last().and_then(|id| self.parent(id)) {
            if chain.len() >= DEPTH_MAX || chain.contains(&parent) {
                break;
            }
            chain.push(parent);
        }
        chain
    }

    fn sort(&self, ids: &mut [ProcessId]) {
        let started = |id: &ProcessId| {
            let of_image = self.images.get(id).filter(|it| it.seen != Seen::Snapshot).map(|it| it.started);
            of_image.or_else(|| self.forks.get(id).map(|(_, time)| *time)).unwrap_or_default()
        };
        ids.sort_by_key(|id| (started(id), *id));
    }
}

/// A process of a tree.
#[derive(Debug, Serialize)]
pub struct Node {
    /// Which.
    pub process: ProcessId,
    /// Who forked it, or the image that it was before.
    pub parent: Option<ProcessId>,
    /// How many of its ancestors stand before it.
    pub depth: usize,
    /// Whether it is one that was asked for.
    pub asked: bool,
    /// What it executed, secrets redacted; none where it did not, or that is not recorded.
    pub image: Option<Process>,
    /// When it was forked, where that is recorded.
    pub forked: Option<UnixNs>,
    /// How it ended, where that is recorded.
    pub exit: Option<Exited>,
}

/// How a process ended.
#[derive(Debug, Serialize)]
pub struct Exited {
    /// When.
    pub time: UnixNs,
    /// Its code, 0 where a signal ended it.
    pub code: u8,
    /// The signal that ended it; 0 for none.
    pub signal: u8,
}

/// Processes around those that were asked for.
#[derive(Debug, Serialize)]
pub struct Around {
    /// Each before what came of it.
    pub processes: Vec<Node>,
    /// How many more there are.
    pub not_shown: u64,
}

impl fmt::Display for Around {
    /// A line for each, those that were asked for marked with `*`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.processes.iter().try_for_each(|node| writeln!(out, "{node}"))?;
        match self.not_shown {
            0 => Ok(()),
            left => writeln!(out, "not shown: {left} processes"),
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.asked { "* " } else { "  " };
        let indent = "  ".repeat(self.depth.min(DEPTH_MAX));
        let ended = match &self.exit {
            Some(Exited { time, code, signal: 0 }) => format!(", ended {time} with {code}"),
            Some(Exited { time, signal, .. }) => format!(", killed {time} by signal {signal}"),
            None => String::new(),
        };
        let pid = self.process.tgid;
        match (&self.image, self.forked) {
            (Some(process), _) => {
                let (command, who, started) = (command(process), who(process), process.started);
                write!(out, "{mark}{indent}{command}  ({who}, pid {pid}, {started}{ended})")
            }
            (None, Some(time)) => write!(out, "{mark}{indent}[forked]  (pid {pid}, {time}{ended})"),
            (None, None) => write!(out, "{mark}{indent}{} (not recorded)", self.process),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn ancestors_and_descendants_are_told_and_others_are_not() {
        let mut tree = Tree::default();
        let event = |body| Event { id: 0, time: UnixNs(0), boot_ns: 0, body };
        for (pid, parent, name) in
            [(1, None, "init"), (2, Some(1), "bash"), (3, Some(2), "nmap"), (5, Some(1), "cron")]
        {
            tree.add(event(Body::Process(Box::new(testing::process(pid, parent, &[name])))));
        }
        tree.add(event(Body::Fork { child: testing::process_id(4), parent: testing::process_id(3) }));
        tree.add(event(Body::Exit { process: testing::process_id(3), code: 1, signal: 0 }));
        let text = tree.around("bash").to_string();
        let begins: Vec<&str> = text.lines().map(|line| line.split("  (").next().unwrap()).collect();
        assert_eq!(begins, ["  init", "*   bash", "      nmap", "        [forked]"]);
        assert!(text.contains("ended") && !text.contains("cron"), "{text}");
        assert!(tree.around("nobody").processes.is_empty());
        let told = serde_json::to_value(tree.around("4")).unwrap();
        let told = told["processes"].as_array().unwrap();
        let depths: Vec<_> = told.iter().map(|it| (&it["depth"], &it["asked"])).collect();
        assert_eq!(
            format!("{depths:?}"),
            r#"[(Number(0), Bool(false)), (Number(1), Bool(false)), (Number(2), Bool(false)), (Number(3), Bool(true))]"#
        );
        assert_eq!(told[2]["image"]["argv"][0], "nmap");
        assert_eq!(told[2]["exit"]["code"], 1);
        assert_eq!(told[3]["parent"], told[2]["process"]);
    }

    #[test]
    fn a_circle_ends() {
        let mut tree = Tree::default();
        for (pid, parent) in [(1, 2), (2, 1), (3, 3)] {
            let process = testing::process(pid, Some(parent), &["odd"]);
            tree.add(Event { id: 0, time: UnixNs(0), boot_ns: 0, body: Body::Process(Box::new(process)) });
        }
        // What has no beginning is counted.
        let around = tree.around("odd");
        assert_eq!((around.processes.len(), around.not_shown), (1, 2));
        assert_eq!(tree.around("3").processes.len(), 1);
    }
}
