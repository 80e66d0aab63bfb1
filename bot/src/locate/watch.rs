//! Follows AWS's events, so that the ledger knows to the second what a sweep sees minutes later or not at all.

use std::net::IpAddr;

use aws_sdk_ec2::types::Filter;
use jiff::Timestamp;
use thiserror::Error;

use super::described::interfaces;
use super::event::Event;
use super::event::What;
use super::hints::Hints;
use super::interface::addresses_of;
use super::interface::held_by;
use super::ledger::Holding;
use super::ledger::Ledger;
use super::ledger::LedgerError;
use super::shared::SharedError;
use super::shared::SharedLedger;
use crate::aws::Place;
use crate::aws::Places;
use crate::aws::reason;

/// Writes into the ledger what events tell.
#[derive(Debug, Clone)]
pub struct Watch {
    places: Places,
    ledger: Ledger,
    shared: Option<SharedLedger>,
    hints: Hints,
}

/// Why an event could not be followed now.
#[derive(Debug, Error)]
pub enum WatchError {
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Other replicas could not be told.
    #[error("other replicas cannot be told")]
    Shared(#[from] SharedError),
    /// What the event names could not be looked up.
    #[error("cannot look up {what} in {place}: {reason}")]
    Lookup {
        /// What.
        what: String,
        /// Where.
        place: String,
        /// Why not.
        reason: String,
    },
    /// The thread that talks to the ledger ended.
    #[error("the address ledger's call did not end")]
    Interrupted,
}

impl Watch {
    /// Follows what happens in these places.
    pub fn new(places: Places, ledger: Ledger) -> Self {
        Self { places, ledger, shared: None, hints: Hints::default() }
    }

    /// Tells other replicas, too.
    pub fn sharing(self, shared: Option<SharedLedger>) -> Self {
        Self { shared, ..self }
    }

    /// Has these hints forget what moved.
    pub fn forgetting(self, hints: Hints) -> Self {
        Self { hints, ..self }
    }

    /// Writes down what an event tells. Events of places that are not ours tell nothing. The same event twice, or
    /// late, or in another order, changes nothing that is known better.
    pub async fn follow(&self, event: &Event) -> Result<(), WatchError> {
        let Some(place) = self.places.exactly(&event.account, &event.region) else { return Ok(()) };
        match &event.what {
            What::Associated { address, names, to } => {
                let address = match address {
                    Some(address) => Some(*address),
                    None => self.address_of(&place, names).await?,
                };
                let (Some(address), Some(to)) = (address, to) else { return Ok(()) };
                let holder = holder_of(&place, to).await?;
                self.begin(&place, event.at, vec![Holding { address, holder }], names.clone()).await
            }
            What::Released { address, names } => {
                let address = match address {
                    Some(address) => Some(*address),
                    None => self.recall(names).await?,
                };
                let Some(address) = address else { return Ok(()) };
                self.hints.forget(address);
                let (name, at) = (place.to_string(), event.at);
                if let Some(shared) = &self.shared {
                    shared.ended(&name, at, address).await?;
                }
                self.write(move |ledger| ledger.end(&name, at, address)).await
            }
            What::Running(id) => {
                let holds = holdings_of(&place, id).await?;
                self.begin(&place, event.at, holds, Vec::new()).await
            }
            What::Stopped(id) => {
                let kept: Vec<IpAddr> =
                    holdings_of(&place, id).await?.into_iter().map(|holding| holding.address).collect();
                self.hints.forget_holder(id);
                let (name, at, id) = (place.to_string(), event.at, id.clone());
                if let Some(shared) = &self.shared {
                    shared.stopped(&name, at, &id, &kept).await?;
                }
                self.write(move |ledger| ledger.end_all(&name, at, &id, &kept)).await
            }
            What::Command { .. } => Ok(()),
        }
    }

    async fn begin(
        &self,
        place: &Place,
        at: Timestamp,
        holds: Vec<Holding>,
        names: Vec<String>,
    ) -> Result<(), WatchError> {
        let place = place.to_string();
        for holding in &holds {
            self.hints.forget(holding.address);
            if let Some(shared) = &self.shared {
                shared.begun(&place, at, holding).await?;
                shared.named(&names, holding.address).await?;
            }
        }
        self.write(move |ledger| {
            for holding in &holds {
                ledger.begin(&place, at, holding)?;
                let named: Vec<_> = names.iter().map(|name| (name.clone(), holding.address)).collect();
                ledger.remember(&named)?;
            }
            Ok(())
        })
        .await
    }

    /// The address that an allocation or association stands for: as remembered, else as EC2 says.
    async fn address_of(&self, place: &Place, names: &[String]) -> Result<Option<IpAddr>, WatchError> {
        if let Some(address) = self.recall(names).await? {
            return Ok(Some(address));
        }
        let Some(allocation) = names.iter().find(|name| name.starts_with("eipalloc-")) else {
            return Ok(None);
        };
        // A filter: an allocation that is gone is no error.
        let filter = Filter::builder().name("allocation-id").values(allocation).build();
        let client = place.ec2();
        let answer = client.describe_addresses().filters(filter).send().await;
        let answer = answer.map_err(|error| lookup(place, allocation, reason(&error)))?;
        Ok(answer.addresses().iter().find_map(|address| address.public_ip()?.parse().ok()))
    }

    async fn recall(&self, names: &[String]) -> Result<Option<IpAddr>, WatchError> {
        let (ledger, names) = (self.ledger.clone(), names.to_vec());
        let asked = names.clone();
        let recall = move || {
            for name in &names {
                if let Some(address) = ledger.recall(name)? {
                    return Ok(Some(address));
                }
            }
            Ok::<_, LedgerError>(None)
        };
        let known = tokio::task::spawn_blocking(recall).await.map_err(|_| WatchError::Interrupted)??;
        let (None, Some(shared)) = (known, &self.shared) else { return Ok(known) };
        // Another replica may have heard of its beginning.
        for name in &asked {
            if let Some(address) = shared.recall(name).await? {
                return Ok(Some(address));
            }
        }
        Ok(None)
    }

    async fn write(
        &self,
        act: impl FnOnce(&Ledger) -> Result<(), LedgerError> + Send + 'static,
    ) -> Result<(), WatchError> {
        let ledger = self.ledger.clone();
        let written = tokio::task::spawn_blocking(move || act(&ledger)).await;
        Ok(written.map_err(|_| WatchError::Interrupted)??)
    }
}

/// Who stands behind what an address was given to: an instance, or an interface's holder.
async fn holder_of(place: &Place, to: &str) -> Result<String, WatchError> {
    if to.starts_with("i-") {
        return Ok(to.to_owned());
    }
    let client = place.ec2();
    let found = interfaces(client, "network-interface-id", &[to.to_owned()]).await;
    let found = found.map_err(|reason| lookup(place, to, reason))?;
    Ok(found.first().map_or_else(|| to.to_owned(), held_by))
}

async fn holdings_of(place: &Place, instance: &str) -> Result<Vec<Holding>, WatchError> {
    let client = place.ec2();
    let found = interfaces(client, "attachment.instance-id", &[instance.to_owned()]).await;
    let found = found.map_err(|reason| lookup(place, instance, reason))?;
    let hold = |address| Holding { address, holder: instance.to_owned() };
    Ok(found.iter().flat_map(addresses_of).map(hold).collect())
}

fn lookup(place: &Place, what: &str, reason: String) -> WatchError {
    WatchError::Lookup { what: what.to_owned(), place: place.to_string(), reason }
}
