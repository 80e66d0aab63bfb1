//! Locating: from a claim to the hosts that it may mean.
//!
//! Owns the rule that a holder is never picked silently: every candidate is returned, with why it is one, and
//! what could not be looked at is a note. That nothing was found is a result, not an error.

mod copies;
mod described;
mod ec2;
mod event;
mod hints;
mod interface;
mod ledger;
mod nat;
mod ours;
mod past;
mod recorded;
mod search;
mod shared;
mod sweep;
mod trail;
mod wanted;
mod watch;

use std::net::IpAddr;

use async_trait::async_trait;

use crate::case::Claim;
use crate::case::ClaimWindow;
use crate::case::HostRef;
use crate::case::Located;

pub use copies::Copies;
pub use described::running;
pub use ec2::Ec2Locator;
pub use event::Event;
pub use event::What;
pub use hints::Hints;
pub use ledger::Ledger;
pub use ledger::LedgerError;
pub use shared::SharedLedger;
pub use sweep::sweep_forever;
pub use trail::Trail;
pub use watch::Watch;
pub use watch::WatchError;

/// Finds the hosts of a claim.
#[async_trait]
pub trait Locate: Send + Sync {
    /// Every host that the claim may mean, and what could not be looked at.
    async fn locate(&self, claim: &Claim) -> Located;

    /// Which of some addresses the accounts hold, or held in a window. Who cannot tell says that it is not known.
    async fn ours(&self, _addresses: &[IpAddr], _window: Option<&ClaimWindow>) -> Ours {
        Ours::default()
    }

    /// Every host that can be asked: for a question that names none.
    async fn everywhere(&self) -> Located {
        let note = "which hosts there are is not known here; name one".to_owned();
        Located { hosts: Vec::new(), notes: vec![note] }
    }

    /// Every host that bears a name in its Name tag.
    async fn named(&self, _name: &str) -> Located {
        let note = "hosts are not found by their names here; say an instance id or an address".to_owned();
        Located { hosts: Vec::new(), notes: vec![note] }
    }
}

/// Which addresses are ours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ours {
    /// Those that are.
    pub addresses: Vec<IpAddr>,
    /// Every account and region was looked at: the others are not held by any now.
    pub is_complete: bool,
}

/// Finds every host, whatever a claim says.
pub struct Everywhere<'a>(pub &'a dyn Locate);

#[async_trait]
impl Locate for Everywhere<'_> {
    async fn locate(&self, _claim: &Claim) -> Located {
        self.0.everywhere().await
    }
}

/// Finds the hosts that bear a name, whatever a claim says.
pub struct Named<'a> {
    /// How.
    pub locator: &'a dyn Locate,
    /// The name.
    pub name: &'a str,
}

#[async_trait]
impl Locate for Named<'_> {
    async fn locate(&self, _claim: &Claim) -> Located {
        self.locator.named(self.name).await
    }
}

/// Adds what another claim's search found; a host found twice keeps both reasons.
pub fn merge(into: &mut Located, from: Located) {
    for host in from.hosts {
        match into.hosts.iter_mut().find(|known| is_same(known, &host)) {
            Some(known) => {
                if !known.why.contains(&host.why) {
                    known.why = format!("{}; {}", known.why, host.why);
                }
            }
            None => into.hosts.push(host),
        }
    }
    for note in from.notes {
        if !into.notes.contains(&note) {
            into.notes.push(note);
        }
    }
}

/// Whether two candidates are one host.
pub fn is_same(one: &HostRef, other: &HostRef) -> bool {
    match (&one.instance_id, &other.instance_id) {
        (Some(one_id), Some(other_id)) => {
            one_id == other_id && agree(&one.account, &other.account) && agree(&one.region, &other.region)
        }
        (None, None) => one.name == other.name && one.private_addresses == other.private_addresses,
        _ => false,
    }
}

fn agree(one: &Option<String>, other: &Option<String>) -> bool {
    one.is_none() || other.is_none() || one == other
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(id: &str, region: &str, why: &str) -> HostRef {
        HostRef {
            instance_id: Some(id.to_owned()),
            region: Some(region.to_owned()),
            why: why.to_owned(),
            ..HostRef::default()
        }
    }

    #[test]
    fn one_host_found_twice_keeps_both_reasons() {
        let mut all = Located::default();
        for (id, region, why) in [
            ("i-1", "eu-west-1", "named"),
            ("i-1", "eu-west-1", "holds 203.0.113.10 now"),
            ("i-1", "eu-west-1", "named"),
            ("i-1", "us-east-1", "named"),
        ] {
            merge(
                &mut all,
                Located { hosts: vec![host(id, region, why)], notes: vec!["one note".to_owned()] },
            );
        }
        let whys: Vec<&str> = all.hosts.iter().map(|host| host.why.as_str()).collect();
        assert_eq!(whys, ["named; holds 203.0.113.10 now", "named"]);
        assert_eq!(all.notes.len(), 1);
    }
}
