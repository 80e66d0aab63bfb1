//! Sets of alike flows, held for a window as their single flows. Pure.

use std::collections::HashMap;

use super::gather::FlowKey;
use crate::event::Direction;
use crate::event::Endpoint;
use crate::event::Flow;
use crate::event::Protocol;
use crate::event::Via;
use crate::id::EventId;
use crate::id::ProcessId;
use crate::targets::EndpointSet;
use crate::targets::Targets;
use crate::targets::second;

/// What a flow of a set is known by: its beginning is told to the second.
type Key = (Option<ProcessId>, Protocol, Via, Direction, i64);

/// What was seen of the sets of a window.
pub(super) struct Sets {
    members_max: usize,
    held: usize,
    held_matching: usize,
    /// Sets without their remotes.
    sets: Vec<(EventId, Targets)>,
    /// Remotes with the set that tells of them, by what they are known by.
    members: HashMap<Key, Vec<(Endpoint, u32)>>,
}

impl Sets {
    /// Holds at most so many flows that nobody asked for, and as many that were asked for.
    pub(super) fn new(members_max: usize) -> Self {
        Self { members_max, held: 0, held_matching: 0, sets: Vec::new(), members: HashMap::new() }
    }

    /// Adds a set, and says how many of its flows could not be held.
    pub(super) fn add(
        &mut self,
        event: EventId,
        targets: &Targets,
        matches: impl Fn(Endpoint) -> bool,
    ) -> u64 {
        let key = (targets.owner, targets.protocol, targets.via, targets.direction, targets.second());
        let index = self.sets.len() as u32;
        let mut dropped = 0;
        let members = self.members.entry(key).or_default();
        for remote in targets.remotes.endpoints() {
            let held = if matches(remote) { &mut self.held_matching } else { &mut self.held };
            if *held < self.members_max {
                *held += 1;
                members.push((remote, index));
            } else {
                dropped += 1;
            }
        }
        self.sets.push((event, Targets { remotes: EndpointSet::default(), ..targets.clone() }));
        dropped
    }

    /// The flows, each once, that `singles` does not tell of; what a set tells later of one of those is put there.
    pub(super) fn into_flows(
        self,
        singles: &mut HashMap<FlowKey, (EventId, EventId, Flow)>,
    ) -> impl Iterator<Item = (EventId, EventId, Flow)> + use<> {
        let mut told: HashMap<(Key, Endpoint), FlowKey> = HashMap::new();
        if !self.sets.is_empty() {
            let known = |key: &FlowKey| (key.owner, key.protocol, key.via, key.direction, second(key.first));
            told.extend(singles.keys().map(|key| ((known(key), key.remote), key.clone())));
        }
        let mut left: Vec<Vec<(Endpoint, u32)>> = Vec::new();
        for (key, mut members) in self.members {
            // Sets were added in order: the last of equal ones is the latest.
            members.sort();
            members.retain(|(remote, index)| {
                let Some(single) = told.get(&(key, *remote)).and_then(|key| singles.get_mut(key)) else {
                    return true;
                };
                let (event, targets) = &self.sets[*index as usize];
                let (first_event, last_event, flow) = single;
                if *event > *last_event {
                    *last_event = *event;
                    *flow = Flow { first: flow.first, local: flow.local, ..targets.flow(*remote) };
                }
                *first_event = (*first_event).min(*event);
                false
            });
            left.push(members);
        }
        let sets = self.sets;
        left.into_iter().flat_map(move |members| {
            let mut flows: Vec<(EventId, EventId, Flow)> = Vec::new();
            for told in members.chunk_by(|one, next| one.0 == next.0) {
                let ((_, first), (remote, last)) = (told[0], told[told.len() - 1]);
                let (event, targets) = &sets[last as usize];
                flows.push((sets[first as usize].0, *event, targets.flow(remote)));
            }
            flows
        })
    }
}
