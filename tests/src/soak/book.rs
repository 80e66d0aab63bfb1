//! The independent ledger: what the lab really did and sent, and when it broke something.
//!
//! Nothing in it comes from Gumshoe: ports are the victim's own count, times are this machine's clock.

use std::collections::BTreeSet;

use history::UnixNs;

use super::plan::Fault;

/// What was done.
#[derive(Debug, Clone)]
pub struct Done {
    /// The name of the program as it was started.
    pub program: &'static str,
    /// What only the command line of this deed holds.
    pub mark: String,
    /// Who did it.
    pub person: &'static str,
    /// Whether by UDP.
    pub udp: bool,
    /// Ports that the victim was tried at by it.
    pub ports: BTreeSet<u16>,
    /// Before the login that it began with.
    pub from: UnixNs,
    /// After it had ended.
    pub to: UnixNs,
    /// By how much the host's wall clock was ahead then, ns.
    pub ahead_ns: i64,
}

impl Done {
    /// From when to when it lasted by the clock of the host.
    pub fn on_host(&self) -> (UnixNs, UnixNs) {
        (UnixNs(self.from.0 + self.ahead_ns), UnixNs(self.to.0 + self.ahead_ns))
    }
}

/// What a notice is about.
#[derive(Debug, Clone)]
pub enum Truth {
    /// A deed, by its place in the book.
    Done(usize),
    /// Nobody did it; its packets are said to have been those of a deed, to another victim.
    Nobody(usize),
    /// It says nothing that can be claimed.
    Nothing,
}

/// A notice that was sent.
#[derive(Debug, Clone)]
pub struct Sent {
    /// What only this notice holds.
    pub marker: String,
    /// What it is about.
    pub truth: Truth,
    /// When it was sent first.
    pub at: UnixNs,
    /// How often it was sent.
    pub copies: u32,
}

/// A fault and its time.
#[derive(Debug, Clone)]
pub struct Broken {
    /// What.
    pub fault: Fault,
    /// From before it.
    pub from: UnixNs,
    /// To after it was healed; none where it stays.
    pub to: Option<UnixNs>,
}

/// Everything that was done.
#[derive(Debug, Clone, Default)]
pub struct Book {
    /// Deeds.
    pub done: Vec<Done>,
    /// Notices.
    pub sent: Vec<Sent>,
    /// Faults.
    pub broken: Vec<Broken>,
}

impl Book {
    /// Whether a fault held at some time between.
    pub fn held(&self, fault: Fault, from: UnixNs, to: UnixNs) -> bool {
        self.broken.iter().any(|broken| {
            broken.fault == fault && broken.from <= to && broken.to.is_none_or(|end| end >= from)
        })
    }
}
