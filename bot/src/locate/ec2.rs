//! Locating in EC2: who holds the instance id or the address, in any account and region.
//!
//! EC2 knows the present. Where a ledger is kept, the claimed time decides; otherwise a holder found here held the
//! address when it was looked up, and says so.

use std::collections::BTreeMap;
use std::net::IpAddr;

use async_trait::async_trait;
use tokio::task::JoinSet;

use super::Locate;
use super::Ours;
use super::described::host;
use super::described::instances;
use super::described::running;
use super::hints::Hints;
use super::ledger::Ledger;
use super::merge;
use super::ours;
use super::past;
use super::past::Memory;
use super::search::search;
use super::shared::SharedLedger;
use super::wanted::Wanted;
use crate::aws::Place;
use crate::aws::Places;
use crate::case::Accused;
use crate::case::Claim;
use crate::case::ClaimWindow;
use crate::case::HostRef;
use crate::case::Located;

/// Finds hosts in EC2.
#[derive(Debug, Clone)]
pub struct Ec2Locator {
    places: Places,
    memory: Option<Memory>,
    hints: Hints,
}

impl Ec2Locator {
    /// Looks in these accounts and regions, and in the ledger of what they were.
    pub fn new(places: Places, ledger: Option<Ledger>) -> Self {
        Self { places, memory: ledger.map(Memory::new), hints: Hints::default() }
    }

    /// Reads, beside the ledger, what other replicas saw.
    pub fn sharing(mut self, shared: Option<SharedLedger>) -> Self {
        self.memory = self.memory.map(|memory| memory.sharing(shared));
        self
    }

    /// Where addresses were found last, for who hears that they moved.
    pub fn hints(&self) -> Hints {
        self.hints.clone()
    }

    /// Asks first where the addresses were found last. Nothing, where that does not find every one of them again.
    async fn search_hinted(&self, places: &[Place], wanted: &Wanted) -> Option<Located> {
        if wanted.addresses.is_empty() || !wanted.instances.is_empty() || !wanted.interfaces.is_empty() {
            return None;
        }
        let ledger = self.memory.as_ref().map(Memory::ledger);
        let first = self.hints.places(&wanted.addresses, places, ledger).await;
        if first.is_empty() || first.len() >= places.len() {
            return None;
        }
        let all = self.search_all(&first, wanted).await;
        let missing: Vec<IpAddr> =
            wanted.addresses.iter().copied().filter(|address| !all.held.contains(address)).collect();
        missing.iter().for_each(|address| self.hints.forget(*address));
        missing.is_empty().then_some(all.located)
    }

    /// Searches places, and remembers what was found where.
    async fn search_all(&self, places: &[Place], wanted: &Wanted) -> All {
        let all = search_all(places, wanted).await;
        for (address, place, holder) in &all.whose {
            self.hints.found(*address, place, holder);
        }
        all
    }

    fn note_unknown_places(&self, accused: &Accused, notes: &mut Vec<String>) {
        let account = accused.account.as_deref().filter(|id| !self.places.knows_account(id));
        let region = accused.region.as_deref().filter(|id| !self.places.knows_region(id));
        for (kind, named) in [("account", account), ("region", region)] {
            if let Some(named) = named {
                notes.push(format!("the notice names {kind} {named}, which is not configured"));
            }
        }
    }
}

#[async_trait]
impl Locate for Ec2Locator {
    async fn locate(&self, claim: &Claim) -> Located {
        let mut located = Located::default();
        let accused = &claim.accused;
        let wanted = Wanted::from(accused, &mut located.notes);
        if wanted.is_empty() {
            located.notes.push("the notice names no instance and no address of ours to look up".to_owned());
            return located;
        }
        self.note_unknown_places(accused, &mut located.notes);
        located.notes.extend(self.places.notes());
        let everywhere = self.places.matching(None, None);
        let places = self.places.matching(accused.account.as_deref(), accused.region.as_deref());
        let mut found = match self.search_hinted(&places, &wanted).await {
            Some(found) => found,
            None => self.search_all(&places, &wanted).await.located,
        };
        if found.hosts.is_empty() && places.len() < everywhere.len() {
            // The notice's account or region may be wrong: look everywhere before giving up.
            merge(&mut found, self.search_all(&everywhere, &wanted).await.located);
        }
        if found.hosts.is_empty() {
            found.notes.push(nothing_found(&everywhere, &wanted));
        }
        if let (Some(memory), Some(window)) = (&self.memory, &claim.window) {
            past::apply(memory, &everywhere, &wanted, window, &mut found).await;
        }
        merge(&mut located, found);
        located
    }

    async fn ours(&self, addresses: &[IpAddr], window: Option<&ClaimWindow>) -> Ours {
        if let Some(memory) = &self.memory {
            memory.learn(addresses).await;
        }
        let ledger = self.memory.as_ref().map(Memory::ledger);
        ours::find(&self.places.matching(None, None), ledger, &self.hints, addresses, window).await
    }

    async fn named(&self, name: &str) -> Located {
        let mut located = Located { hosts: Vec::new(), notes: self.places.notes() };
        let mut searches = JoinSet::new();
        let places = self.places.matching(None, None);
        for place in places {
            let name = name.to_owned();
            searches.spawn(async move {
                let found = match place.permits.acquire().await {
                    Ok(_permit) => instances(place.ec2(), "tag:Name", vec![literal(&name)]).await,
                    Err(error) => Err(error.to_string()),
                };
                (place, found)
            });
        }
        let mut failures: Vec<(Place, String)> = Vec::new();
        for (place, found) in searches.join_all().await {
            match found {
                Ok(found) => located.hosts.extend(found.into_iter().map(|(owner, instance)| {
                    host(&place, owner, &instance, "bears the name that was asked for".to_owned())
                })),
                Err(reason) => failures.push((place, reason)),
            }
        }
        let failures: Vec<(&Place, String)> =
            failures.iter().map(|(place, reason)| (place, reason.clone())).collect();
        located.notes.extend(failure_notes(&failures));
        let id = |host: &HostRef| (host.account.clone(), host.region.clone(), host.instance_id.clone());
        located.hosts.sort_by_cached_key(id);
        let shown = crate::untrusted::visible(name, 80);
        match located.hosts.len() {
            0 => located.notes.push(format!("no instance of ours is named {shown}")),
            1 => {}
            several => {
                located.notes.push(format!("{several} instances are named {shown}: all of them are asked"))
            }
        }
        located
    }

    async fn everywhere(&self) -> Located {
        let mut located = Located { hosts: Vec::new(), notes: self.places.notes() };
        let places = self.places.matching(None, None);
        let mut listings = JoinSet::new();
        for place in places {
            listings.spawn(async move {
                let listed = running(&place).await;
                (place, listed)
            });
        }
        let mut failures: Vec<(Place, String)> = Vec::new();
        for (place, listed) in listings.join_all().await {
            match listed {
                Ok(hosts) => located.hosts.extend(hosts),
                Err(reason) => failures.push((place, reason)),
            }
        }
        let failures: Vec<(&Place, String)> =
            failures.iter().map(|(place, reason)| (place, reason.clone())).collect();
        located.notes.extend(failure_notes(&failures));
        let id = |host: &HostRef| (host.account.clone(), host.region.clone(), host.instance_id.clone());
        located.hosts.sort_by_cached_key(id);
        located
    }
}

/// A name as a filter's value: taken as it is, without EC2's wildcards.
fn literal(name: &str) -> String {
    name.chars().flat_map(|c| ['*', '?', '\\'].contains(&c).then_some('\\').into_iter().chain([c])).collect()
}

fn nothing_found(places: &[Place], wanted: &Wanted) -> String {
    let listed: Vec<String> = places.iter().take(8).map(ToString::to_string).collect();
    let more = match places.len().saturating_sub(8) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("nothing in {}{more} holds {wanted} now", listed.join(", "))
}

/// What a search of places came to.
#[derive(Default)]
struct All {
    located: Located,
    /// Addresses that somebody holds now.
    held: Vec<IpAddr>,
    /// Where, and who.
    whose: Vec<(IpAddr, String, String)>,
}

/// Searches all places at once; each account's permits bound the calls to it.
async fn search_all(places: &[Place], wanted: &Wanted) -> All {
    let mut searches = JoinSet::new();
    for (number, place) in places.iter().enumerate() {
        let (place, wanted) = (place.clone(), wanted.clone());
        searches.spawn(async move { (number, search(&place, &wanted).await) });
    }
    let mut results = searches.join_all().await;
    results.sort_by_key(|(number, _)| *number);
    let mut all = All::default();
    let mut failures: Vec<(&Place, String)> = Vec::new();
    for (number, searched) in results {
        let name = places[number].to_string();
        merge(&mut all.located, searched.found);
        for (address, holder) in searched.held {
            all.held.push(address);
            all.whose.push((address, name.clone(), holder));
        }
        failures.extend(searched.failed.map(|reason| (&places[number], reason)));
    }
    all.located.notes.extend(failure_notes(&failures));
    all
}

/// One note for each account and reason: an account that cannot be entered fails alike in every region.
fn failure_notes(failures: &[(&Place, String)]) -> Vec<String> {
    let mut grouped: BTreeMap<(&Option<String>, &str), Vec<&str>> = BTreeMap::new();
    for (place, reason) in failures {
        grouped.entry((&place.account, reason)).or_default().push(&place.region);
    }
    let tell = |((account, reason), regions): (&(&Option<String>, &str), &Vec<&str>)| {
        let account = account.as_ref().map(|id| format!("account {id} in ")).unwrap_or_default();
        let regions = match regions.as_slice() {
            few if few.len() <= 4 => few.join(", "),
            many => format!("{} regions ({}, ...)", many.len(), many[..3].join(", ")),
        };
        format!("could not search {account}{regions}: {reason}{}", hint(reason))
    };
    grouped.iter().map(tell).collect()
}

/// What to do about it, where that is known.
fn hint(reason: &str) -> &'static str {
    if reason.contains("OptInRequired") || reason.contains("AuthFailure") {
        " (the region may not be enabled in that account)"
    } else if reason.contains("Expired") {
        " (the bot's credentials have expired)"
    } else if reason.contains("AccessDenied") || reason.contains("UnauthorizedOperation") {
        " (the bot's role there may not, or may not be assumed)"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_that_cannot_be_entered_is_one_note() {
        let place = |account: &str, region: &str| Place {
            account: Some(account.to_owned()),
            region: region.to_owned(),
            sdk: aws_config::SdkConfig::builder().build(),
            permits: std::sync::Arc::new(tokio::sync::Semaphore::new(1)),
            entry: None,
            clients: std::sync::Arc::default(),
        };
        let regions = ["eu-west-1", "eu-west-2", "eu-west-3", "us-east-1", "us-east-2"];
        let mut places: Vec<Place> = regions.iter().map(|region| place("111122223333", region)).collect();
        places.push(place("444455556666", "me-south-1"));
        let mut failures: Vec<(&Place, String)> =
            places[..5].iter().map(|place| (place, "AccessDenied: no".to_owned())).collect();
        failures.push((&places[5], "AuthFailure: not able to validate".to_owned()));
        assert_eq!(
            failure_notes(&failures),
            [
                "could not search account 111122223333 in 5 regions (eu-west-1, eu-west-2, eu-west-3, ...): \
                 AccessDenied: no (the bot's role there may not, or may not be assumed)",
                "could not search account 444455556666 in me-south-1: AuthFailure: not able to validate \
                 (the region may not be enabled in that account)",
            ]
        );
    }
}
