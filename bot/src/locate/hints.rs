//! Where an address was found last: where to ask first, never the answer.
//!
//! What is found there is what EC2 says now; an address that is not there any more is looked for everywhere, so a hint
//! that is old costs calls and nothing else. Only addresses that have one holder in all the world have hints: finding
//! one's holder ends the search. Who held it in the claimed time is for the ledger to say.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use super::ledger::Ledger;
use super::ledger::is_public;
use crate::aws::Place;

/// How long a hint is kept.
const KEPT: Duration = Duration::from_secs(3_600);

/// Hints that are kept; the oldest gives way.
const HINTS_MAX: usize = 20_000;

/// Where addresses were found last.
#[derive(Debug, Clone, Default)]
pub struct Hints {
    known: Arc<Mutex<HashMap<IpAddr, Hint>>>,
}

#[derive(Debug, Clone)]
struct Hint {
    place: String,
    holder: String,
    found: Instant,
}

impl Hints {
    /// Remembers where an address was found, and with whom.
    pub fn found(&self, address: IpAddr, place: &str, holder: &str) {
        self.found_at(address, place, holder, Instant::now());
    }

    fn found_at(&self, address: IpAddr, place: &str, holder: &str, found: Instant) {
        if !is_public(address) {
            return;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= HINTS_MAX && !known.contains_key(&address) {
            let oldest = known.iter().min_by_key(|(_, hint)| hint.found).map(|(address, _)| *address);
            oldest.map(|address| known.remove(&address));
        }
        let (place, holder) = (place.to_owned(), holder.to_owned());
        known.insert(address, Hint { place, holder, found });
    }

    /// An address changed hands, or is not where it was.
    pub fn forget(&self, address: IpAddr) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&address);
    }

    /// A holder began or ended: its addresses may be anywhere.
    pub fn forget_holder(&self, holder: &str) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, hint| hint.holder != holder);
    }

    /// The places to ask first: none unless there is a hint for every address. The ledger's sweeps know, too.
    pub async fn places(&self, addresses: &[IpAddr], all: &[Place], ledger: Option<&Ledger>) -> Vec<Place> {
        if all.len() < 2 {
            return Vec::new();
        }
        let mut first: Vec<Place> = Vec::new();
        for address in addresses {
            let name = match self.place_of(*address) {
                Some(name) => Some(name),
                None => swept(ledger, *address).await,
            };
            let Some(place) = name.and_then(|name| all.iter().find(|place| place.to_string() == name)) else {
                return Vec::new();
            };
            if !first.iter().any(|known| known.to_string() == place.to_string()) {
                first.push(place.clone());
            }
        }
        first
    }

    fn place_of(&self, address: IpAddr) -> Option<String> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let hint = known.get(&address)?;
        if hint.found.elapsed() > KEPT {
            known.remove(&address);
            return None;
        }
        Some(hint.place.clone())
    }
}

/// Where the last sweep saw an address.
async fn swept(ledger: Option<&Ledger>, address: IpAddr) -> Option<String> {
    let ledger = ledger.filter(|_| is_public(address))?.clone();
    let read = tokio::task::spawn_blocking(move || ledger.place_of(address)).await.ok()?;
    read.ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u32) -> IpAddr {
        IpAddr::V4(std::net::Ipv4Addr::from_bits(0xC612_0000 + number))
    }

    #[test]
    fn a_hint_ends_by_time_by_event_and_by_who_held_it() {
        let hints = Hints::default();
        let old = Instant::now().checked_sub(KEPT * 2).expect("a time");
        hints.found_at(address(1), "here", "i-1", old);
        assert_eq!(hints.place_of(address(1)), None);
        for number in [1, 2, 3] {
            hints.found(address(number), "here", if number == 3 { "i-3" } else { "i-1" });
        }
        hints.forget(address(1));
        assert_eq!((hints.place_of(address(1)), hints.place_of(address(2))), (None, Some("here".to_owned())));
        hints.forget_holder("i-1");
        assert_eq!((hints.place_of(address(2)), hints.place_of(address(3))), (None, Some("here".to_owned())));
    }

    #[test]
    fn private_addresses_repeat_and_have_no_hint() {
        let hints = Hints::default();
        for text in ["10.0.0.7", "100.64.0.7", "fd00::7", "fe80::7"] {
            let private = text.parse().expect("an address");
            hints.found(private, "here", "i-1");
            assert_eq!(hints.place_of(private), None, "{text}");
        }
    }

    #[test]
    fn hints_are_bounded_and_the_oldest_gives_way() {
        let hints = Hints::default();
        for number in 0..=HINTS_MAX as u32 {
            hints.found(address(number), "here", "i-1");
        }
        assert_eq!(hints.known.lock().expect("hints").len(), HINTS_MAX);
        assert_eq!(hints.place_of(address(0)), None);
        assert!(hints.place_of(address(HINTS_MAX as u32)).is_some());
    }
}
