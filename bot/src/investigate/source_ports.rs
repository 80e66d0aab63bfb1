//! The accused's own ports that a claim names, against those that a suspect's flows began at. Pure.
//!
//! A NAT between host and reporter writes its own in their place: a port that differs excludes nobody, and one that is
//! the same tells suspects apart. Flows of a scan are kept as sets, which know only the lowest of their local ports.

use history::FlowEvent;
use history::FlowState;

use super::words;
use crate::case::Behaviour;
use crate::case::Claim;
use crate::case::HostRef;

/// Packets of a flow above which it is never part of a set.
const SET_PACKETS_MAX: u64 = 3;
/// Ports that a sentence names.
const NAMED_MAX: usize = 4;

/// What a comparison came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum SourcePorts {
    /// The claim names none, or none of this suspect's are kept singly.
    #[default]
    Unsaid,
    /// Some of those reported are its own.
    Same {
        /// How many.
        hits: usize,
        /// Of how many.
        claimed: usize,
    },
    /// None is, and it is known why: an address of the host is translated on the way.
    Translated {
        /// Those reported.
        claimed: Vec<u16>,
        /// Its own, as far as they are kept.
        own: Vec<u16>,
    },
    /// None is, though no translation is known.
    Differ {
        /// Those reported.
        claimed: Vec<u16>,
        /// Its own.
        own: Vec<u16>,
    },
}

/// Compares what is claimed of the source with a suspect's flows.
pub(super) fn compare(
    claims: &[&Claim],
    host: &HostRef,
    behaviour: &Behaviour,
    samples: &[&FlowEvent],
) -> SourcePorts {
    let mut claimed: Vec<u16> = claims.iter().flat_map(|claim| claim.accused.ports.iter().copied()).collect();
    claimed.sort_unstable();
    claimed.dedup();
    let mut own: Vec<u16> =
        samples.iter().map(|sample| sample.flow.local.port).filter(|port| *port > 0).collect();
    own.sort_unstable();
    own.dedup();
    if claimed.is_empty() || own.is_empty() {
        return SourcePorts::Unsaid;
    }
    let hits = claimed.iter().filter(|port| own.binary_search(port).is_ok()).count();
    let all_kept = samples.len() as u64 >= behaviour.matched;
    let excluded = |port: &u16| samples.iter().all(|sample| !may_have(sample, *port));
    if hits > 0 {
        SourcePorts::Same { hits, claimed: claimed.len() }
    } else if is_translated(claims, host, behaviour) {
        SourcePorts::Translated { claimed, own }
    } else if all_kept && claimed.iter().all(excluded) {
        SourcePorts::Differ { claimed, own }
    } else {
        SourcePorts::Unsaid
    }
}

/// Whether a flow, or one of the set that it stands for, may have begun at a port.
fn may_have(sample: &FlowEvent, port: u16) -> bool {
    let flow = &sample.flow;
    let stands = matches!(flow.state, FlowState::Established | FlowState::Closed);
    let of_a_set = flow.packets <= SET_PACKETS_MAX && !stands;
    if of_a_set { port >= flow.local.port } else { port == flow.local.port }
}

/// Whether somebody writes other addresses into the packets between the program and the reporter: the host itself for
/// a container, or a gateway for the host.
fn is_translated(claims: &[&Claim], host: &HostRef, behaviour: &Behaviour) -> bool {
    let own = || host.private_addresses.iter().chain(&host.public_addresses);
    if own().next().is_none() {
        return false;
    }
    let mut accused = claims.iter().flat_map(|claim| &claim.accused.addresses).peekable();
    let by_a_gateway = accused.peek().is_some() && !accused.any(|address| own().any(|it| it == address));
    let local = &behaviour.local_addresses;
    let by_the_host = !local.is_empty() && !local.iter().any(|address| own().any(|it| it == address));
    by_a_gateway || by_the_host
}

impl SourcePorts {
    /// In a sentence; none where there is nothing to say.
    pub fn sentence(&self) -> Option<String> {
        let ports = |ports: &[u16]| {
            let ranges: Vec<(u16, u16)> = ports.iter().map(|port| (*port, *port)).collect();
            let word = if ports.len() == 1 { "port" } else { "ports" };
            (word, words::port_list(&ranges, NAMED_MAX))
        };
        match self {
            Self::Unsaid => None,
            Self::Same { hits: 1, claimed: 1 } => {
                Some("the reported source port is that of its flow".to_owned())
            }
            Self::Same { hits, claimed } => Some(format!(
                "{hits} of {claimed} reported source ports are known to be its own; of a scan not each is kept"
            )),
            Self::Translated { claimed, own } => {
                let ((word, claimed), (_, own)) = (ports(claimed), ports(own));
                Some(format!(
                    "the reported source {word} {claimed} differs from its own ({own}), as behind NAT; that excludes nobody"
                ))
            }
            Self::Differ { claimed, own } => {
                let ((word, claimed), (_, own)) = (ports(claimed), ports(own));
                Some(format!(
                    "the reported source {word} {claimed} differs from its own ({own}), and no NAT before it is known"
                ))
            }
        }
    }
}
