//! Looking, at regular times, at who holds which address, for the ledger.

use std::net::IpAddr;
use std::time::Duration;

use aws_sdk_ec2::types::NetworkInterface;
use jiff::Timestamp;
use tokio::task::JoinSet;

use super::interface::addresses_of;
use super::interface::held_by;
use super::ledger::Holding;
use super::ledger::Ledger;
use super::shared::SharedLedger;
use crate::aws::Place;
use crate::aws::Places;
use crate::aws::reason;

/// Interfaces of one place that are written down; further ones are left out, and that place's looks with them.
const INTERFACES_MAX: usize = 200_000;

/// Sweeps all places again and again; ends never.
pub async fn sweep_forever(places: Places, ledger: Ledger, shared: Option<SharedLedger>, every: Duration) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        sweep(&places, &ledger, shared.as_ref()).await;
    }
}

/// Looks at every place once. A place that cannot be looked at leaves a hole, which the ledger knows.
pub async fn sweep(places: &Places, ledger: &Ledger, shared: Option<&SharedLedger>) {
    let mut looks = JoinSet::new();
    for place in places.matching(None, None) {
        looks.spawn(async move {
            let seen = look(&place).await;
            (place, seen)
        });
    }
    while let Some(look) = looks.join_next().await {
        let Ok((place, seen)) = look else { continue };
        let (name, at) = (place.to_string(), Timestamp::now());
        let told_as = name.clone();
        let seen = match seen {
            Ok(seen) => seen,
            Err(error) => {
                tracing::warn!(place = name, error, "addresses not looked at");
                continue;
            }
        };
        let (seen, names) = seen;
        let (ledger, count) = (ledger.clone(), seen.len());
        let write = move || {
            let changed = ledger.look(&name, at, &seen)?;
            ledger.remember(&names)?;
            Ok::<_, super::LedgerError>(changed)
        };
        let written = tokio::task::spawn_blocking(write).await;
        let changed = match written {
            Ok(Ok(changed)) => changed,
            Ok(Err(error)) => {
                tracing::error!(place = %place, error = %error, "look not written down");
                continue;
            }
            Err(_) => {
                tracing::error!(place = %place, "look not written down");
                continue;
            }
        };
        tracing::debug!(place = %place, addresses = count, changed = changed.len(), "addresses looked at");
        if let Some(shared) = shared
            && let Err(error) = shared.looked(&told_as, at, &changed).await
        {
            tracing::warn!(place = %place, error = %error, "other replicas are not told of this look");
        }
    }
    if let Some(shared) = shared
        && let Err(error) = shared.tell_looks().await
    {
        tracing::warn!(error = %error, "other replicas are not told of this round");
    }
}

/// All that is held in a place, and what its allocations and associations stand for.
async fn look(place: &Place) -> Result<(Vec<Holding>, Vec<(String, IpAddr)>), String> {
    let _permit = place.permits.acquire().await.map_err(|error| error.to_string())?;
    let client = place.ec2();
    let mut pages = client.describe_network_interfaces().max_results(1_000).into_paginator().send();
    let mut seen = Vec::new();
    let mut names = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| reason(&error))?;
        seen.extend(page.network_interfaces().iter().flat_map(holdings));
        names.extend(page.network_interfaces().iter().flat_map(names_of));
        if seen.len() > INTERFACES_MAX {
            return Err(format!("more than {INTERFACES_MAX} addresses"));
        }
    }
    seen.sort();
    seen.dedup();
    Ok((seen, names))
}

/// Allocations and associations of an interface's public addresses.
fn names_of(interface: &NetworkInterface) -> Vec<(String, IpAddr)> {
    let private = interface.private_ip_addresses().iter().filter_map(|private| private.association());
    let mut named = Vec::new();
    for association in interface.association().into_iter().chain(private) {
        let Some(address) = association.public_ip().and_then(|text| text.parse().ok()) else { continue };
        let names = [association.association_id(), association.allocation_id()];
        named.extend(names.into_iter().flatten().map(|name| (name.to_owned(), address)));
    }
    named
}

fn holdings(interface: &NetworkInterface) -> Vec<Holding> {
    let holder = held_by(interface);
    let hold = |address| Holding { address, holder: holder.clone() };
    addresses_of(interface).into_iter().map(hold).collect()
}
