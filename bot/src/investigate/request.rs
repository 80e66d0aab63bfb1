//! From a claim to the question for a host.

use std::collections::BTreeSet;
use std::net::IpAddr;

use history::Prefix;
use history::Request;
use history::VERSION;
use history::Window;
use jiff::Timestamp;

use crate::case::Claim;
use crate::playbook::Playbook;

/// Addresses that one request names; more would not fit an SSM parameter.
pub(super) const REMOTES_MAX: usize = 40;

/// Names that one request names.
const NAMES_MAX: usize = 8;

/// The question for a claim: its remote addresses and names, in its time widened by the playbook.
///
/// Ports and protocols are not asked for. Reporters confuse source and target ports, list only some, and
/// NAT changes them; the answer has them all, and the judgement says which of the claimed ones match.
pub fn request_for(claim: &Claim, playbook: &Playbook, now: Timestamp) -> Request {
    Request {
        version: VERSION,
        window: window(claim, playbook, now),
        remotes: remotes(claim),
        ports: Vec::new(),
        protocol: None,
        names: claim.names.iter().take(NAMES_MAX).cloned().collect(),
        who: history::Who::default(),
    }
}

fn window(claim: &Claim, playbook: &Playbook, now: Timestamp) -> Window {
    let now = history::UnixNs::from(now);
    let ask = &playbook.ask;
    match &claim.window {
        Some(window) => {
            // A claim about the future has a clock that is off: what just happened is asked instead.
            let from = history::UnixNs::from(window.from).min(now);
            let to = history::UnixNs::from(window.to).max(from);
            Window {
                from: from.plus_s(-60 * i64::from(ask.minutes_before)),
                to: to.plus_s(60 * i64::from(ask.minutes_after)).min(now),
            }
        }
        None => Window { from: now.plus_s(-3600 * i64::from(ask.hours_without_time)), to: now },
    }
}

/// The claim's remote addresses, each once, at most [`REMOTES_MAX`] of them spread over the list.
pub(super) fn remotes(claim: &Claim) -> Vec<Prefix> {
    let mut seen = BTreeSet::new();
    let named: Vec<IpAddr> =
        (claim.remote.iter().map(|remote| remote.address)).filter(|address| seen.insert(*address)).collect();
    let step = named.len().div_ceil(REMOTES_MAX).max(1);
    named.into_iter().step_by(step).map(whole).collect()
}

fn whole(address: IpAddr) -> Prefix {
    Prefix { address, length: if address.is_ipv4() { 32 } else { 128 } }
}

/// Whether a prefix holds an address. A length from outside may be absurd; it is then taken as whole.
pub(super) fn holds(prefix: &Prefix, address: IpAddr) -> bool {
    let same = |a: u128, b: u128, bits: u32| {
        let length = u32::from(prefix.length).min(bits);
        length == 0 || (a ^ b) >> (bits - length) == 0
    };
    match (prefix.address, address) {
        (IpAddr::V4(a), IpAddr::V4(b)) => same(u32::from(a).into(), u32::from(b).into(), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => same(a.into(), b.into(), 128),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_hold_their_addresses() {
        let check = |prefix: &str, length: u8, address: &str, expected: bool| {
            let prefix = Prefix { address: prefix.parse().unwrap(), length };
            assert_eq!(holds(&prefix, address.parse().unwrap()), expected, "{prefix:?} {address}");
        };
        check("198.51.100.7", 32, "198.51.100.7", true);
        check("198.51.100.7", 32, "198.51.100.8", false);
        check("198.51.100.7", 24, "198.51.100.8", true);
        check("198.51.100.7", 0, "192.0.2.1", true);
        check("198.51.100.7", 255, "198.51.100.7", true);
        check("2001:db8::1", 64, "2001:db8::2", true);
        check("2001:db8::1", 128, "198.51.100.7", false);
    }

    #[test]
    fn a_request_is_wider_than_its_claim_and_never_of_the_future() {
        let playbooks = crate::playbook::Playbooks::built_in().unwrap();
        let playbook = playbooks.for_activity(crate::case::Activity::PortScan);
        let claim = |window: Option<(&str, &str)>| Claim {
            accused: crate::case::Accused::default(),
            remote: (0..100)
                .map(|last| crate::case::Remote {
                    address: IpAddr::from([198, 51, 100, last]),
                    port: Some(22),
                    protocol: None,
                })
                .collect(),
            names: Vec::new(),
            window: window.map(|(from, to)| crate::case::ClaimWindow {
                from: from.parse().unwrap(),
                to: to.parse().unwrap(),
                zone: crate::case::ZoneSource::Explicit,
            }),
            activity: crate::case::Activity::PortScan,
        };
        let check = |window: Option<(&str, &str)>, expected: &str| {
            let now = "2026-11-21T12:00:00Z".parse().unwrap();
            let request = request_for(&claim(window), playbook, now);
            assert_eq!(format!("{} {}", request.window.from, request.window.to), expected);
            assert!(request.remotes.len() <= REMOTES_MAX);
            assert!(history::encode_request(&request).is_ok());
        };
        check(
            Some(("2026-11-21T10:00:00Z", "2026-11-21T10:01:00Z")),
            "2026-11-21T09:00:00.000Z 2026-11-21T11:01:00.000Z",
        );
        check(
            Some(("2026-11-21T11:59:00Z", "2026-11-21T11:59:30Z")),
            "2026-11-21T10:59:00.000Z 2026-11-21T12:00:00.000Z",
        );
        check(
            Some(("2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z")),
            "2026-11-21T11:00:00.000Z 2026-11-21T12:00:00.000Z",
        );
        check(None, "2026-11-18T12:00:00.000Z 2026-11-21T12:00:00.000Z");
    }
}
