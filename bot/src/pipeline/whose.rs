//! Whose the addresses of a notice are, as the accounts tell: it is read again with what they know.
//!
//! A notice's words may be misread; who holds an address cannot be. So a victim's or reporter's address that is not
//! ours is never investigated where one of ours is named, and one of ours that was attacked is not accused.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

use super::Reader;
use super::read;
use crate::case::Disposition;
use crate::locate::Locate;
use crate::notice;
use crate::notice::Reading;
use crate::notice::Trust;

/// Longer than this the accounts are not waited for: the locator asks them again, and says what it could not see.
const WAIT: Duration = Duration::from_secs(20);

/// Reads a notice again where it names several addresses and the accounts hold any of them.
pub async fn settle(
    locator: &dyn Locate,
    reader: Reader,
    bytes: &[u8],
    mut context: notice::Context,
    mut reading: Reading,
) -> Reading {
    if !is_open(&reading) {
        return reading;
    }
    let window = reading.parsed.claims.iter().find_map(|claim| claim.window.as_ref());
    let Ok(ours) = tokio::time::timeout(WAIT, locator.ours(&reading.candidates, window)).await else {
        reading.parsed.warnings.push("the accounts did not tell in time whose its addresses are".to_owned());
        return reading;
    };
    if ours.addresses.is_empty() {
        if ours.is_complete {
            let warning = "no account holds any of the addresses that it names now";
            reading.parsed.warnings.push(warning.to_owned());
        }
        return reading;
    }
    let before = accused(&reading);
    // The accounts hold those who are accused and nobody else: knowing it changes nothing.
    let is_same = |one: &[IpAddr], other: &[IpAddr]| one.iter().all(|address| other.contains(address));
    let agrees = reading.parsed.disposition == Disposition::Claims
        && is_same(&before, &ours.addresses)
        && is_same(&ours.addresses, &before);
    if agrees {
        return reading;
    }
    context.own_addresses.extend(ours.addresses.iter().copied().map(IpNet::from));
    context.own_is_complete = ours.is_complete;
    let stored_at = reading.stored_at.take();
    let mut again = Reading { stored_at, ..read(reader, bytes.to_vec(), context).await };
    let cleared: Vec<String> = (before.iter().filter(|address| !accused(&again).contains(address)))
        .map(ToString::to_string)
        .collect();
    if !cleared.is_empty() {
        let warning = format!("the accounts tell that it does not mean {}", cleared.join(", "));
        again.parsed.warnings.push(warning);
    }
    again
}

/// Whether the accounts may tell more than the notice does.
fn is_open(reading: &Reading) -> bool {
    let parsed = &reading.parsed;
    let names_hosts = parsed.claims.iter().all(|claim| !claim.accused.instance_ids.is_empty());
    let accuses = match parsed.disposition {
        Disposition::Claims => !names_hosts,
        Disposition::Inbound => true,
        Disposition::NotAbuse | Disposition::Unreadable => false,
    };
    // The only one named is settled unless nobody is accused at all.
    let settled = usize::from(!accused(reading).is_empty());
    accuses && reading.trust != Trust::Event && reading.candidates.len() > settled
}

fn accused(reading: &Reading) -> Vec<IpAddr> {
    let named = reading.parsed.claims.iter().flat_map(|claim| claim.accused.addresses.iter().copied());
    named.take(16).collect()
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::case::Claim;
    use crate::case::ClaimWindow;
    use crate::case::Located;
    use crate::locate::Ours;

    /// Accounts that hold one address.
    struct Holds(&'static str);

    #[async_trait]
    impl Locate for Holds {
        async fn locate(&self, _: &Claim) -> Located {
            Located::default()
        }

        async fn ours(&self, addresses: &[IpAddr], _: Option<&ClaimWindow>) -> Ours {
            let held = addresses.iter().copied().filter(|address| address.to_string() == self.0);
            Ours { addresses: held.collect(), is_complete: true }
        }
    }

    async fn settled(text: &str, held: &'static str) -> Reading {
        let context = notice::Context::default();
        let reading = notice::read(text.as_bytes(), &context);
        settle(&Holds(held), notice::read, text.as_bytes(), context, reading).await
    }

    fn named(reading: &Reading) -> Vec<String> {
        accused(reading).iter().map(ToString::to_string).collect()
    }

    const FIELDS: &str = "Subject: brute force\n\nAttacker: 192.0.2.30\nVictim: 198.51.100.7\n\
                          Time: 2024-01-15 10:00:00 UTC\nType: ssh brute force\n";

    #[tokio::test]
    async fn what_is_not_clear_is_settled_by_who_holds_it() {
        let log = "Subject: scans\n\nLog, UTC:\n2024-01-15 10:00:00 198.51.100.7 and 192.0.2.30, port 22\n";
        assert_eq!(named(&settled(log, "192.0.2.30").await), ["192.0.2.30"]);
        assert_eq!(named(&settled(log, "198.51.100.7").await), ["198.51.100.7"]);
        assert!(named(&settled(log, "203.0.113.9").await).is_empty());
    }

    #[tokio::test]
    async fn one_of_ours_that_was_attacked_is_not_accused() {
        let reading = settled(FIELDS, "198.51.100.7").await;
        assert_eq!(reading.parsed.disposition, Disposition::Inbound);
        assert!(named(&reading).is_empty(), "{:?}", reading.parsed);
    }

    #[tokio::test]
    async fn what_is_clear_stays() {
        assert_eq!(named(&settled(FIELDS, "192.0.2.30").await), ["192.0.2.30"]);
        let unknown = settled(FIELDS, "203.0.113.9").await;
        assert_eq!(named(&unknown), ["192.0.2.30"]);
        assert!(unknown.parsed.warnings.iter().any(|it| it.starts_with("no account holds")));
    }

    #[tokio::test]
    async fn a_strangers_address_is_cleared() {
        // The words accuse both; only one is ours.
        let text = "Subject: attack from 198.51.100.7\n\nAttacks from 192.0.2.30 and from 198.51.100.7 on \
                    2024-01-15 10:00 UTC: ssh brute force.\n";
        let reading = settled(text, "192.0.2.30").await;
        assert_eq!(named(&reading), ["192.0.2.30"]);
        assert!(reading.parsed.warnings.iter().any(|it| it.contains("does not mean 198.51.100.7")));
    }
}
