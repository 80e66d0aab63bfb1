//! Flows of datagrams as a person counts them. Pure.
//!
//! The kernel counts a flow on each processor that sent some of it, and anew where another process sends through the same
//! socket. What one sender sent between the same two ends is one flow.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::event::Direction;
use crate::event::Endpoint;
use crate::event::Flow;
use crate::event::FlowState;
use crate::event::Protocol;
use crate::event::Via;
use crate::id::EventId;
use crate::id::ProcessId;

/// A flow, with the first and the last event that told of it.
pub(super) type Told = (EventId, EventId, Flow);

type Key = (Option<ProcessId>, Option<ProcessId>, Protocol, Via, Direction, FlowState, Endpoint, Endpoint);

/// Joins the parts of each flow; connections are whole already.
pub(super) fn joined(flows: impl Iterator<Item = Told>) -> impl Iterator<Item = Told> {
    let mut whole = Vec::new();
    let mut parts: HashMap<Key, Told> = HashMap::new();
    for told in flows {
        let flow = &told.2;
        if !matches!(flow.state, FlowState::Sent | FlowState::Received) {
            whole.push(told);
            continue;
        }
        let ends = (flow.local, flow.remote);
        let key =
            (flow.owner, flow.sender, flow.protocol, flow.via, flow.direction, flow.state, ends.0, ends.1);
        match parts.entry(key) {
            Entry::Occupied(mut known) => add(known.get_mut(), told),
            Entry::Vacant(new) => {
                new.insert(told);
            }
        }
    }
    whole.into_iter().chain(parts.into_values())
}

fn add(to: &mut Told, (first, last, part): Told) {
    let flow = &mut to.2;
    // The flags of a flow are those of its first packet.
    if part.first < flow.first {
        (flow.first, flow.tcp_flags) = (part.first, part.tcp_flags);
    }
    flow.last = flow.last.max(part.last);
    flow.packets = flow.packets.saturating_add(part.packets);
    flow.bytes = flow.bytes.saturating_add(part.bytes);
    flow.bytes_received = flow.bytes_received.saturating_add(part.bytes_received);
    (to.0, to.1) = (to.0.min(first), to.1.max(last));
}
