//! The causal graph: from where the person came, over login and processes, to the targets.

use history::Process;
use history::Protocol;

use super::facts;
use super::onward;
use super::program::is_downloader;
use super::program::is_odd;
use super::program::program_name;
use super::suspect::Candidate;
use super::words;
use crate::case::Edge;
use crate::case::Entry;
use crate::case::Graph;
use crate::case::Node;
use crate::case::NodeKind;
use crate::untrusted::Untrusted;

/// Siblings that are drawn singly; the rest is folded.
const SIBLINGS_MAX: usize = 5;

/// Chain processes that are drawn; from the middle of a longer one some are folded.
const CHAIN_MAX: usize = 12;

/// Things that the session did beside, of each kind, that are drawn.
const ONWARD_MAX: usize = 3;

/// Draws how a suspect came to do it.
pub(super) fn graph(candidate: &Candidate) -> Graph {
    let mut drawing = Drawing::default();
    let mut last = drawing.entry(&candidate.suspect.entry);
    if !candidate.suspect.chain_complete
        && candidate.origin.as_ref().is_some_and(|origin| origin.broken.is_some())
    {
        let missing = drawing.node(NodeKind::Missing, "not recorded", "a link of the chain is missing", true);
        drawing.edge(last, missing, "");
        last = Some(missing);
    }
    let mut chain: Vec<&Process> =
        candidate.origin.iter().flat_map(|origin| origin.chain.iter().copied()).rev().collect();
    let all = chain.len();
    // A monitor and its worker, a fork that runs the same program: one is enough to see.
    chain.dedup_by(|a, b| {
        (&a.exe, &a.argv, a.credentials.uid, a.credentials.euid)
            == (&b.exe, &b.argv, b.credentials.uid, b.credentials.euid)
    });
    drawing.graph.folded += (all - chain.len()) as u64;
    let folded = chain.len().saturating_sub(CHAIN_MAX);
    for (index, process) in chain.iter().enumerate() {
        // The beginning and the end of a long chain tell most.
        if folded > 0 && (CHAIN_MAX / 2..CHAIN_MAX / 2 + folded).contains(&index) {
            if index == CHAIN_MAX / 2 {
                let label = format!("{} more processes", words::count(folded as u64));
                let node = drawing.node(NodeKind::Process, &label, "", true);
                drawing.edge(last, node, "");
                drawing.graph.folded += folded as u64;
                last = Some(node);
            }
            continue;
        }
        let node = drawing.process(candidate, process, NodeKind::Process);
        drawing.edge(last, node, "started");
        last = Some(node);
    }
    let suspect = match candidate.group.process {
        Some(process) => drawing.process(candidate, process, NodeKind::Suspect),
        None => drawing.node(NodeKind::Suspect, &super::finding::program(candidate), "", true),
    };
    drawing.edge(last, suspect, "started");
    drawing.siblings(candidate, last);
    drawing.targets(candidate, suspect);
    drawing.onward(candidate, last);
    drawing.graph
}

#[derive(Default)]
struct Drawing {
    graph: Graph,
}

impl Drawing {
    fn node(&mut self, kind: NodeKind, label: &str, detail: &str, on_chain: bool) -> usize {
        let (label, detail) = (Untrusted::new(label), Untrusted::new(detail));
        self.graph.nodes.push(Node { kind, label, detail, on_chain });
        self.graph.nodes.len() - 1
    }

    fn edge(&mut self, from: Option<usize>, to: usize, label: &str) {
        if let Some(from) = from {
            self.graph.edges.push(Edge { from, to, label: label.to_owned() });
        }
    }

    fn entry(&mut self, entry: &Entry) -> Option<usize> {
        let (label, detail) = match entry {
            Entry::Login { login } => {
                let source = login.source_address.map(|address| {
                    let detail = login.source_port.map(|port| format!("port {port}")).unwrap_or_default();
                    self.node(NodeKind::Source, &address.to_string(), &detail, true)
                });
                let label = format!("{} login of {}", login.service_name(), login.user.shown(40));
                let detail = format!("{} {}", login.method.shown(40), words::utc(login.time));
                let node = self.node(NodeKind::Entry, &label, &detail, true);
                self.edge(source, node, "from");
                return Some(node);
            }
            Entry::SsmSession { session } => ("SSM session".to_owned(), session.shown(80)),
            Entry::SsmCommand { id } => {
                ("SSM command".to_owned(), id.as_ref().map(|id| id.shown(80)).unwrap_or_default())
            }
            Entry::Cron { command, service } => (service.clone(), command.shown(80)),
            Entry::Unit { name } => (name.shown(60), "systemd unit".to_owned()),
            Entry::Container { runtime, id, name, image, .. } => (
                format!("container {}", name.as_ref().unwrap_or(id).shown(20)),
                image.as_ref().map_or_else(|| runtime.clone(), |image| image.shown(60)),
            ),
            Entry::Console { tty } => ("console".to_owned(), tty.shown(20)),
            Entry::Unknown => ("beginning unknown".to_owned(), String::new()),
        };
        let kind = if *entry == Entry::Unknown { NodeKind::Missing } else { NodeKind::Entry };
        Some(self.node(kind, &label, &detail, true))
    }

    fn process(&mut self, candidate: &Candidate, process: &Process, kind: NodeKind) -> usize {
        let view = candidate.host.view(process);
        let user = if view.user == view.effective_user {
            view.user.shown(30)
        } else {
            format!("{} as {}", view.user.shown(30), view.effective_user.shown(30))
        };
        let label = Untrusted::new(program_name(process)).shown(40);
        let detail = format!("{user}: {}", view.argv.shown(80));
        self.node(kind, &label, &detail, true)
    }

    /// Other children of the process that started the suspect, folded by name.
    fn siblings(&mut self, candidate: &Candidate, parent: Option<usize>) {
        let (Some(process), Some(origin)) = (candidate.group.process, &candidate.origin) else {
            return;
        };
        let Some(above) = origin.chain.first() else {
            return;
        };
        // What was fetched is drawn apart.
        let mut counts = std::collections::BTreeMap::<String, u64>::new();
        for other in candidate.host.evidence.processes.iter().take(10_000) {
            let is_child = other.parent.is_some_and(|parent| parent.same_process(&above.id));
            let apart = is_downloader(other) || is_odd(other);
            if is_child && !apart && !other.id.same_process(&process.id) && !other.id.same_process(&above.id)
            {
                *counts.entry(Untrusted::new(program_name(other)).shown(40)).or_default() += 1;
            }
        }
        let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        for (name, count) in counts.iter().take(SIBLINGS_MAX) {
            let detail = if *count > 1 { format!("×{}", words::count(*count)) } else { String::new() };
            let node = self.node(NodeKind::Process, name, &detail, false);
            self.edge(parent, node, "also started");
        }
        let rest: u64 = counts.iter().skip(SIBLINGS_MAX).map(|(_, count)| count).sum();
        self.graph.folded += rest;
    }

    /// What else the session did that matters: fetched, run from odd places, sent elsewhere.
    fn onward(&mut self, candidate: &Candidate, parent: Option<usize>) {
        let found = onward::onward(candidate);
        let fetched = found.downloads.iter().map(|process| (*process, "fetched something"));
        let odd = found.odd.iter().map(|process| (*process, "ran from an odd place"));
        for (process, what) in fetched.chain(odd).take(ONWARD_MAX) {
            let line = Untrusted::command_line(&process.argv).shown(80);
            let node = self.node(NodeKind::Process, program_name(process), &line, false);
            self.edge(parent, node, what);
        }
        for activity in found.destinations.iter().take(ONWARD_MAX) {
            let address = activity.address_sample.first().map(ToString::to_string).unwrap_or_default();
            let detail = facts::port_list(&activity.port_ranges);
            let node = self.node(NodeKind::Target, &address, &detail, false);
            self.edge(parent, node, "also sent to");
        }
        let all = found.downloads.len() + found.odd.len();
        let more = all.saturating_sub(ONWARD_MAX) + found.destinations.len().saturating_sub(ONWARD_MAX);
        self.graph.folded += more as u64;
    }

    fn targets(&mut self, candidate: &Candidate, suspect: usize) {
        let behaviour = &candidate.suspect.behaviour;
        let ports = behaviour.matched_ports.max(words::ports_in(&behaviour.port_ranges));
        let protocol =
            behaviour.protocol().map(|protocol| protocol.to_string().to_uppercase()).unwrap_or_default();
        let detail = match behaviour.protocol() {
            Some(Protocol::ICMP | Protocol::ICMPV6) => protocol,
            _ => format!("{protocol} {}", words::counted(ports, "port", "ports")),
        };
        let node = self.node(NodeKind::Target, &facts::addresses(behaviour), &detail, true);
        let label = format!("×{}", words::count(behaviour.flows));
        self.edge(Some(suspect), node, &label);
    }
}
