//! The tree around a process: its ancestors, itself, and everything that came of it. Pure.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::HashSet;
use std::fmt::Write;

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

    /// Writes the trees of the processes that a word names (a pid, an identity, a program's name or path): their
    /// ancestors, themselves marked with `*`, and their descendants. Empty where nothing fits.
    pub fn text(&self, asked: &str) -> String {
        let mut found: Vec<ProcessId> =
            self.images.values().filter(|process| is_process(process, asked)).map(|it| it.id).collect();
        let by_fork = |id: &&ProcessId| {
            !self.images.contains_key(id)
                && (id.to_string() == asked || asked.parse().is_ok_and(|pid: u32| pid == id.tgid))
        };
        found.extend(self.forks.keys().filter(by_fork));
        let mut shown: HashSet<ProcessId> = HashSet::new();
        for id in &found {
            shown.extend(self.ancestors(*id));
        }
        let mut children: BTreeMap<ProcessId, Vec<ProcessId>> = BTreeMap::new();
        for id in self.images.keys().chain(self.forks.keys().filter(|id| !self.images.contains_key(id))) {
            if let Some(parent) = self.parent(id) {
                children.entry(parent).or_default().push(*id);
            }
        }
        let mut below = found.clone();
        while let Some(id) = below.pop() {
            for child in children.get(&id).into_iter().flatten() {
                if shown.insert(*child) {
                    below.push(*child);
                }
            }
        }
        let found: HashSet<ProcessId> = found.into_iter().collect();
        let mut roots: Vec<ProcessId> = shown
            .iter()
            .filter(|id| self.parent(id).is_none_or(|parent| !shown.contains(&parent)))
            .copied()
            .collect();
        self.sort(&mut roots);
        let mut out = String::new();
        let mut lines = 0;
        // A stack of its own: a hostile ring may be deep.
        let mut waiting: Vec<(ProcessId, usize)> = roots.into_iter().rev().map(|id| (id, 0)).collect();
        let mut written = HashSet::new();
        while let Some((id, depth)) = waiting.pop() {
            if !written.insert(id) {
                continue;
            }
            lines += 1;
            if lines > LINES_MAX {
                break;
            }
            self.write(&mut out, &id, depth, found.contains(&id));
            let mut next: Vec<ProcessId> = children
                .get(&id)
                .map(|children| children.iter().filter(|id| shown.contains(id)).copied().collect())
                .unwrap_or_default();
            self.sort(&mut next);
            waiting.extend(next.into_iter().rev().map(|id| (id, depth + 1)));
        }
        let left = shown.len().saturating_sub(written.len().min(LINES_MAX)) as u64 + self.left_out;
        if left > 0 {
            let _ = writeln!(out, "not shown: {left} processes");
        }
        out
    }

    fn write(&self, out: &mut String, id: &ProcessId, depth: usize, marked: bool) {
        let mark = if marked { "* " } else { "  " };
        let indent = "  ".repeat(depth.min(DEPTH_MAX));
        let ended = match self.exits.get(id) {
            Some((time, code, 0)) => format!(", ended {time} with {code}"),
            Some((time, _, signal)) => format!(", killed {time} by signal {signal}"),
            None => String::new(),
        };
        // Writing to a String cannot fail.
        let _ = match (self.images.get(id), self.forks.get(id)) {
            (Some(process), _) => {
                let process = redact::process(process.clone());
                let (command, who, started) = (command(&process), who(&process), process.started);
                writeln!(out, "{mark}{indent}{command}  ({who}, pid {}, {started}{ended})", id.tgid)
            }
            (None, Some((_, time))) => {
                writeln!(out, "{mark}{indent}[forked]  (pid {}, {time}{ended})", id.tgid)
            }
            (None, None) => writeln!(out, "{mark}{indent}{id} (not recorded)"),
        };
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
        let text = tree.text("bash");
        let begins: Vec<&str> = text.lines().map(|line| line.split("  (").next().unwrap()).collect();
        assert_eq!(begins, ["  init", "*   bash", "      nmap", "        [forked]"]);
        assert!(text.contains("ended") && !text.contains("cron"), "{text}");
        assert_eq!(tree.text("nobody"), "");
        assert_eq!(tree.text("4").lines().count(), 4);
    }

    #[test]
    fn a_circle_ends() {
        let mut tree = Tree::default();
        for (pid, parent) in [(1, 2), (2, 1), (3, 3)] {
            let process = testing::process(pid, Some(parent), &["odd"]);
            tree.add(Event { id: 0, time: UnixNs(0), boot_ns: 0, body: Body::Process(Box::new(process)) });
        }
        tree.text("odd");
        tree.text("3");
    }
}
