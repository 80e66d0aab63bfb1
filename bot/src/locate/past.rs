//! The claimed time decides: joins what EC2 says of now with what the ledger says of then.

use std::net::IpAddr;

use super::described;
use super::is_same;
use super::ledger::Held;
use super::ledger::Ledger;
use super::ledger::Past;
use super::ledger::is_public;
use super::recorded::Recorded;
use super::shared::SharedLedger;
use super::trail::Trail;
use super::wanted::Wanted;
use crate::aws::Place;
use crate::case::ClaimWindow;
use crate::case::HostRef;
use crate::case::Located;

/// Addresses of one notice of which what other replicas saw is read before it is known who is accused.
const LEARNED_MAX: usize = 32;

/// All that remembers who held an address: the ledger, what other replicas told, CloudTrail, AWS Config. Each is asked
/// only where those before it leave a hole, and all that is found goes into the ledger.
#[derive(Debug, Clone)]
pub struct Memory {
    ledger: Ledger,
    shared: Option<SharedLedger>,
    trail: Trail,
    recorded: Recorded,
}

impl Memory {
    /// Remembers by this ledger.
    pub fn new(ledger: Ledger) -> Self {
        Self { ledger, shared: None, trail: Trail::default(), recorded: Recorded::default() }
    }

    /// And by what other replicas told.
    pub fn sharing(self, shared: Option<SharedLedger>) -> Self {
        Self { shared, ..self }
    }

    /// The ledger.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Reads into the ledger what other replicas saw of addresses. What cannot be read is missed by the search for who is
    /// meant, and told there.
    pub async fn learn(&self, addresses: &[IpAddr]) {
        let Some(shared) = &self.shared else { return };
        let mut reads = tokio::task::JoinSet::new();
        for address in addresses.iter().take(LEARNED_MAX).copied() {
            let shared = shared.clone();
            reads.spawn(async move { shared.learn(address).await });
        }
        for error in reads.join_all().await.into_iter().filter_map(Result::err) {
            tracing::warn!(error = %error, "what other replicas saw of an address could not be read");
        }
    }

    /// Who held an address in a window; says what could not be asked.
    async fn holders(
        &self,
        places: &[Place],
        address: IpAddr,
        window: &ClaimWindow,
        notes: &mut Vec<String>,
    ) -> Result<Past, String> {
        let names: Vec<String> = places.iter().map(ToString::to_string).collect();
        if let Some(shared) = &self.shared
            && let Err(error) = shared.learn(address).await
        {
            push_new(notes, format!("what other replicas saw of {address} could not be read: {error}"));
        }
        let mut past = self.read(address, window, &names).await?;
        if past.is_complete {
            return Ok(past);
        }
        // The bot did not look all the time: CloudTrail remembers 90 days of what was done.
        let asked = self.trail.backfill(&self.ledger, places, address, window).await;
        asked.into_iter().for_each(|note| push_new(notes, note));
        past = self.read(address, window, &names).await?;
        if !is_settled(&past, address, window) {
            let asked = self.recorded.backfill(&self.ledger, places, address, window).await;
            asked.into_iter().for_each(|note| push_new(notes, note));
            past = self.read(address, window, &names).await?;
        }
        Ok(past)
    }

    /// What the ledger says, complete also where this replica has a hole and another has none.
    async fn read(&self, address: IpAddr, window: &ClaimWindow, names: &[String]) -> Result<Past, String> {
        let mut past = read(&self.ledger, address, window, names).await?;
        if let (false, Some(shared)) = (past.is_complete, &self.shared) {
            let (ledger, all, (from, to)) = (self.ledger.clone(), names.to_vec(), (window.from, window.to));
            let unseen = tokio::task::spawn_blocking(move || ledger.unseen(&all, from, to)).await;
            let unseen = unseen.map_err(|_| "the ledger failed".to_owned())?;
            let unseen = unseen.map_err(|error| error.to_string())?;
            past.is_complete = shared.saw(&unseen, from, to).await.unwrap_or(false);
        }
        Ok(past)
    }
}

/// Whether it is certain who held an address all through a window: a public one has one holder.
fn is_settled(past: &Past, address: IpAddr, window: &ClaimWindow) -> bool {
    let held_it = |held: &Held| held.first_seen <= window.from && held.last_seen >= window.to;
    is_public(address) && past.held.iter().any(held_it)
}

/// Adds those who held an address in the claimed time, and takes away those who only hold it now, where the
/// ledger is certain. Where it is not, all stay and the report says why.
pub async fn apply(
    memory: &Memory,
    places: &[Place],
    wanted: &Wanted,
    window: &ClaimWindow,
    found: &mut Located,
) {
    for address in &wanted.addresses {
        match memory.holders(places, *address, window, &mut found.notes).await {
            Ok(past) => join(places, *address, window, &past, found).await,
            Err(reason) => found.notes.push(format!("who held {address} then is not known: {reason}")),
        }
    }
    memory.trail.tell_of_ended(places, window, found).await;
}

async fn read(
    ledger: &Ledger,
    address: IpAddr,
    window: &ClaimWindow,
    names: &[String],
) -> Result<Past, String> {
    let (ledger, names, from, to) = (ledger.clone(), names.to_vec(), window.from, window.to);
    let read = tokio::task::spawn_blocking(move || ledger.holders(address, from, to, &names)).await;
    match read {
        Ok(read) => read.map_err(|error| error.to_string()),
        Err(_) => Err("the ledger failed".to_owned()),
    }
}

async fn join(places: &[Place], address: IpAddr, window: &ClaimWindow, past: &Past, found: &mut Located) {
    for held in &past.held {
        if !held.holder.starts_with("i-") {
            let note = format!("{address} was held by {} ({})", held.holder, interval(held));
            push_new(&mut found.notes, note);
            continue;
        }
        let why = format!("held {address} {}", interval(held));
        match found.hosts.iter_mut().find(|host| host.instance_id.as_deref() == Some(&held.holder)) {
            Some(host) => host.why = format!("{}; {why}", host.why),
            None => add(places, held, why, found).await,
        }
    }
    if past.is_complete {
        drop_late(address, window, past, found);
    } else if past.held.is_empty() {
        let note = format!("who held {address} in the claimed time was not recorded; only who holds it now");
        push_new(&mut found.notes, note);
    }
}

/// Adds a past holder with what is still known of it.
async fn add(places: &[Place], held: &Held, why: String, found: &mut Located) {
    let place = places.iter().find(|place| place.to_string() == held.place);
    let known = match place {
        Some(place) => described::by_id(place, &held.holder, why.clone()).await.unwrap_or_else(|error| {
            found.notes.push(format!("could not read {} of {place}: {error}", held.holder));
            None
        }),
        None => None,
    };
    let gone = || HostRef {
        instance_id: Some(held.holder.clone()),
        account: place.and_then(|place| place.account.clone()),
        region: place.map(|place| place.region.clone()),
        state: Some("gone".to_owned()),
        public_addresses: vec![held.address],
        why,
        ..HostRef::default()
    };
    let host = known.unwrap_or_else(gone);
    if !found.hosts.iter().any(|other| is_same(other, &host)) {
        found.hosts.push(host);
    }
}

/// Takes away hosts whose only reason is that they hold the address now, when it is certain that they did not.
fn drop_late(address: IpAddr, window: &ClaimWindow, past: &Past, found: &mut Located) {
    let prefix = format!("holds {address} ");
    // Of a private address the network is named between.
    let only_now = |why: &str| why.starts_with(&prefix) && why.ends_with("now") && !why.contains(';');
    let mut late = Vec::new();
    found.hosts.retain(|host| {
        let id = host.instance_id.as_deref().unwrap_or_default();
        let held_it = past.held.iter().any(|held| held.holder == id);
        let keep = held_it || !only_now(&host.why);
        if !keep {
            late.push(id.to_owned());
        }
        keep
    });
    for id in late {
        let note = format!("{id} holds {address} now, and did not in the claimed time (to {:.0})", window.to);
        push_new(&mut found.notes, note);
    }
    if past.held.is_empty() {
        push_new(&mut found.notes, format!("nobody here held {address} in the claimed time"));
    }
}

/// When it was held, with what is uncertain.
fn interval(held: &Held) -> String {
    let from = match held.not_before {
        Some(earliest) if earliest == held.first_seen => format!("from {earliest:.0}"),
        Some(earliest) => format!("from {earliest:.0} or up to {:.0}", held.first_seen),
        None => format!("from {:.0} or earlier", held.first_seen),
    };
    match held.ended {
        Some(ended) if ended == held.last_seen => format!("{from}, until {ended:.0}"),
        Some(ended) => format!("{from}, until {:.0} or up to {ended:.0}", held.last_seen),
        None => format!("{from}, until now"),
    }
}

fn push_new(notes: &mut Vec<String>, note: String) {
    if !notes.contains(&note) {
        notes.push(note);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::ZoneSource;
    use jiff::Timestamp;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_000_000_000 + minute * 60).expect("time")
    }

    fn held(holder: &str, ended: Option<i64>) -> Held {
        Held {
            place: "eu-west-1".to_owned(),
            address: "203.0.113.10".parse().expect("address"),
            holder: holder.to_owned(),
            not_before: Some(at(-5)),
            first_seen: at(0),
            last_seen: at(5),
            ended: ended.map(at),
        }
    }

    /// i-2 holds the address now; what remains, given who held it then.
    async fn check(held: Vec<Held>, is_complete: bool, expected: &[&str], noted: &str) {
        let address: IpAddr = "203.0.113.10".parse().expect("address");
        let window = ClaimWindow { from: at(1), to: at(4), zone: ZoneSource::Explicit };
        let mut found = Located {
            hosts: vec![HostRef {
                instance_id: Some("i-2".to_owned()),
                why: format!("holds {address} now"),
                ..HostRef::default()
            }],
            notes: Vec::new(),
        };
        join(&[], address, &window, &Past { held, is_complete }, &mut found).await;
        let ids: Vec<&str> = found.hosts.iter().filter_map(|host| host.instance_id.as_deref()).collect();
        assert_eq!(ids, expected, "{found:?}");
        assert!(found.notes.join("\n").contains(noted), "{found:?}");
    }

    #[tokio::test]
    async fn the_claimed_time_decides() {
        check(vec![held("i-1", Some(10))], true, &["i-1"], "did not in the claimed time").await;
        check(vec![held("i-1", Some(10))], false, &["i-2", "i-1"], "").await;
        check(vec![held("i-2", None)], true, &["i-2"], "").await;
        check(vec![held("i-1", Some(3)), held("i-2", None)], true, &["i-2", "i-1"], "").await;
        check(Vec::new(), true, &[], "nobody here held").await;
        check(Vec::new(), false, &["i-2"], "was not recorded").await;
        check(vec![held("nat-1", None)], false, &["i-2"], "was held by nat-1").await;
    }
}
