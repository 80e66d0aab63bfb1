//! What follows from knowing which addresses are ours, for what is read from structured reports as well as words.
//!
//! An address that is not ours is never the accused one where the notice names one of ours; and one of ours that it
//! names as attacked is not turned into an accused one.

use std::net::IpAddr;

use super::Context;
use super::address;
use super::draft::Draft;
use super::draft::Verdict;
use super::limits;
use super::text::TextReading;
use crate::claim::Claim;
use crate::claim::Disposition;

/// Says whether an address is known to be ours. A private one says nothing: everybody has the same ones.
pub(super) fn is_ours(ip: IpAddr, context: &Context) -> bool {
    !address::is_private(ip) && address::is_within(ip, &context.own_addresses)
}

/// Takes out of the accusations whom the known addresses clear, and says so.
pub(super) fn settle(draft: &mut Draft, context: &Context) {
    if context.own_addresses.is_empty() || draft.is_event {
        return;
    }
    let ours = |ip: &IpAddr| is_ours(*ip, context);
    let mut cleared: Vec<IpAddr> = Vec::new();
    for claim in &mut draft.claims {
        if claim.accused.addresses.iter().any(ours) {
            let strange = |ip: &IpAddr| !ours(ip) && !address::is_private(*ip);
            cleared.extend(claim.accused.addresses.iter().copied().filter(strange));
            claim.accused.addresses.retain(|ip| !strange(ip));
        }
    }
    let attacks_ours = |claim: &Claim| {
        let named = &claim.accused;
        named.instance_ids.is_empty()
            && !named.addresses.is_empty()
            && !named.addresses.iter().any(ours)
            && claim.remote.iter().any(|remote| ours(&remote.address))
    };
    let before = draft.claims.len();
    let attacked: Vec<IpAddr> = (draft.claims.iter().filter(|claim| attacks_ours(claim)))
        .flat_map(|claim| claim.remote.iter().map(|remote| remote.address).filter(ours))
        .collect();
    draft.claims.retain(|claim| !attacks_ours(claim));
    if before > 0 && draft.claims.is_empty() {
        draft.disposition = Verdict::Is(Disposition::Inbound);
    }
    say(draft, &attacked, "ours, and named as what was attacked");
    say(draft, &cleared, "not ours, and so not the accused");
    let strange = draft.claims.iter().flat_map(|claim| &claim.accused.addresses);
    let strange: Vec<IpAddr> = strange.copied().filter(|ip| !ours(ip)).collect();
    say(draft, &strange, "not among the addresses known to be ours");
}

fn say(draft: &mut Draft, addresses: &[IpAddr], what: &str) {
    let mut named: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    named.dedup();
    named.truncate(5);
    if !named.is_empty() {
        draft.warnings.push(format!("{what}: {}", named.join(", ")));
    }
}

/// Returns the addresses that a notice names and that any account may hold: whose they are, only the accounts
/// can tell for certain.
pub(super) fn candidates(draft: &Draft, words: Option<&TextReading>) -> Vec<IpAddr> {
    let mut all: Vec<IpAddr> = Vec::new();
    let accused = draft.claims.iter().flat_map(|claim| claim.accused.addresses.iter().copied());
    let remote = draft.claims.iter().flat_map(|claim| claim.remote.iter().map(|remote| remote.address));
    let in_words = words.into_iter().flat_map(|words| words.named.iter().copied());
    for ip in accused.chain(in_words).chain(remote) {
        let may_be = !address::is_private(ip) && !address::is_nobody(ip) && !address::is_well_known(ip);
        if may_be && all.len() < limits::CANDIDATES_MAX && !all.contains(&ip) {
            all.push(ip);
        }
    }
    all
}
