//! Whose addresses are: which of those that a notice names the accounts hold, or held when it happened.
//!
//! Asks for addresses only, never for hosts. What could not be asked makes the answer incomplete, never wrong.

use std::net::IpAddr;

use tokio::task::JoinSet;

use super::Ours;
use super::described;
use super::hints::Hints;
use super::interface::held_by;
use super::interface::holds;
use super::ledger::Ledger;
use super::wanted::Wanted;
use crate::aws::Place;
use crate::case::ClaimWindow;

/// Looks in all places at once, and in the ledger of what they were.
pub async fn find(
    places: &[Place],
    ledger: Option<&Ledger>,
    hints: &Hints,
    addresses: &[IpAddr],
    window: Option<&ClaimWindow>,
) -> Ours {
    let mut found = past(ledger, addresses, window, places).await;
    // Where it is known of all where they were last, those places are asked alone; a stranger is looked for everywhere, and
    // with it all others.
    let unknown: Vec<IpAddr> = addresses.iter().copied().filter(|address| !found.contains(address)).collect();
    for place in hints.places(&unknown, places, ledger).await {
        let held = search(&place, unknown.clone()).await.unwrap_or_default();
        found.extend(held.into_iter().map(|(address, _)| address));
    }
    let left: Vec<IpAddr> = addresses.iter().copied().filter(|address| !found.contains(address)).collect();
    let mut searches = JoinSet::new();
    for place in places.iter().filter(|_| !left.is_empty()) {
        let (place, left) = (place.clone(), left.clone());
        searches.spawn(async move { search(&place, left).await.map(|held| (place, held)) });
    }
    let mut is_complete = !places.is_empty();
    while let Some(searched) = searches.join_next().await {
        match searched {
            Ok(Ok((place, held))) => {
                for (address, holder) in held {
                    hints.found(address, &place.to_string(), &holder);
                    found.push(address);
                }
            }
            Ok(Err(reason)) => {
                tracing::warn!(reason, "cannot tell in all places which addresses are ours");
                is_complete = false;
            }
            Err(_) => is_complete = false,
        }
    }
    // In the notice's order, each once.
    let ours = addresses.iter().copied().filter(|address| found.contains(address)).collect();
    Ours { addresses: ours, is_complete }
}

/// Which of some addresses are held there, and by whom.
async fn search(place: &Place, addresses: Vec<IpAddr>) -> Result<Vec<(IpAddr, String)>, String> {
    let client = place.ec2();
    let _permit = place.permits.acquire().await.map_err(|error| error.to_string())?;
    let wanted = Wanted { addresses, ..Wanted::default() };
    let mut held = Vec::new();
    for (filter, values) in wanted.filters() {
        for interface in described::interfaces(client, filter, &values).await? {
            let its = wanted.addresses.iter().copied().filter(|address| holds(&interface, *address));
            held.extend(its.map(|address| (address, held_by(&interface))));
        }
    }
    let is_held = |address: &IpAddr| held.iter().any(|(known, _)| known == address);
    let left = wanted.addresses.iter().filter(|address| address.is_ipv4() && !is_held(address));
    let four: Vec<String> = left.map(ToString::to_string).collect();
    if !four.is_empty() {
        let elastic = described::elastic_addresses(client, &four).await?;
        let read = |elastic: &described::Elastic| Some((elastic.address.parse().ok()?, String::new()));
        held.extend(elastic.iter().filter_map(read));
    }
    Ok(held)
}

/// Those that were held in the window, as far as the ledger saw.
async fn past(
    ledger: Option<&Ledger>,
    addresses: &[IpAddr],
    window: Option<&ClaimWindow>,
    places: &[Place],
) -> Vec<IpAddr> {
    let (Some(ledger), Some(window)) = (ledger.cloned(), window.cloned()) else {
        return Vec::new();
    };
    let (addresses, names) = (addresses.to_vec(), places.iter().map(ToString::to_string).collect::<Vec<_>>());
    let read = tokio::task::spawn_blocking(move || {
        let was_held = |address: &IpAddr| {
            let past = ledger.holders(*address, window.from, window.to, &names);
            past.is_ok_and(|past| !past.held.is_empty())
        };
        addresses.into_iter().filter(was_held).collect()
    });
    read.await.unwrap_or_default()
}
