//! What a segment says of itself, so that a query knows without reading its events whether it needs them. Pure.

use serde::Deserialize;
use serde::Serialize;

use super::peek::Passed;
use super::spans;
use super::spans::Span;
use crate::event::Body;
use crate::event::Event;
use crate::evidence::Loss;
use crate::evidence::Window;
use crate::id::UnixNs;

/// Losses told one by one; beyond it neighbours are told together.
const LOSSES_MAX: usize = 256;

/// What stands in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct About {
    /// The earliest time that one of its events tells of, logins aside: those are told again in each file.
    pub(crate) from: UnixNs,
    /// The latest.
    pub(crate) to: UnixNs,
    /// When the recorder ran, as far as the file knows.
    pub(crate) spans: Vec<Span>,
    /// What was lost.
    pub(crate) losses: Vec<Loss>,
    /// Whether packets may have left unseen ([`crate::OperationKind::is_critical`]).
    pub(crate) critical: bool,
}

impl About {
    /// Of nothing.
    pub(crate) fn new() -> Self {
        Self {
            from: UnixNs(i64::MAX),
            to: UnixNs(i64::MIN),
            spans: Vec::new(),
            losses: Vec::new(),
            critical: false,
        }
    }

    /// Of events, in order.
    #[cfg(test)]
    pub(super) fn of(events: &[Event]) -> Self {
        let mut about = Self::new();
        events.iter().for_each(|event| about.add(event));
        about
    }

    /// Adds the next event.
    pub(crate) fn add(&mut self, event: &Event) {
        spans::extend(&mut self.spans, std::slice::from_ref(event));
        let (first, last) = times(event);
        if !matches!(event.body, Body::Login(_)) {
            self.from = self.from.min(first);
            self.to = self.to.max(last);
        }
        match &event.body {
            Body::Loss { class, count, from } => {
                let window = Window { from: *from, to: event.time };
                let same = |loss: &&mut Loss| loss.class == *class;
                let full = self.losses.len() >= LOSSES_MAX;
                match self.losses.iter_mut().rev().find(same).filter(|_| full) {
                    Some(loss) => {
                        loss.count = loss.count.saturating_add(*count);
                        loss.window.from = loss.window.from.min(window.from);
                        loss.window.to = loss.window.to.max(window.to);
                    }
                    None => self.losses.push(Loss { class: *class, count: *count, window }),
                }
            }
            Body::Operation(operation) => self.critical |= operation.kind.is_critical(),
            _ => {}
        }
    }

    /// Adds a flow that was not read.
    pub(crate) fn add_passed(&mut self, flow: Passed) {
        spans::begin(&mut self.spans, flow.time, flow.boot_ns);
        self.from = self.from.min(flow.first).min(flow.time);
        self.to = self.to.max(flow.last).max(flow.time);
    }

    /// Whether an event of the file may tell of a window.
    pub(crate) fn touches(&self, window: Window) -> bool {
        window.touches(self.from.plus_s(-5), self.to.plus_s(5))
    }
}

/// Between which times an event tells of something.
fn times(event: &Event) -> (UnixNs, UnixNs) {
    match &event.body {
        Body::Flow(flow) => (flow.first.min(event.time), flow.last.max(event.time)),
        Body::Targets(targets) => (targets.first.min(event.time), targets.last.max(event.time)),
        Body::Loss { from, .. } => ((*from).min(event.time), event.time),
        _ => (event.time, event.time),
    }
}
