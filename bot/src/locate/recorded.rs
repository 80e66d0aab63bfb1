//! AWS Config, where it is on: what network interfaces and Elastic IPs looked like each time they changed, also those that
//! are gone. It knows what no event told: addresses that EC2 assigned by itself, before the bot looked.
//!
//! Asked last, since it keeps its history by resource and not by address: many interfaces are read to find one holder.
//! What is found goes into the ledger, so that there is one account of the past. Where no recorder is configured it is
//! off, which is no gap; where it may not be read, that is said.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use aws_sdk_ec2::types::NetworkInterface;
use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;
use tokio::task::JoinSet;

use super::interface::from_config;
use super::interface::held_by;
use super::interface::holds;
use super::ledger::Held;
use super::ledger::Ledger;
use super::trail::names_of;
use super::trail::places_for;
use crate::aws::Place;
use crate::aws::json::CONFIG;
use crate::aws::json::CallError;
use crate::aws::json::JsonCalls;
use crate::case::ClaimWindow;

const INTERFACE: &str = "AWS::EC2::NetworkInterface";
const ELASTIC: &str = "AWS::EC2::EIP";

/// Interfaces of one place whose history is read for one address; those that are gone since the claimed time first.
const READ_MAX: usize = 400;

/// Pages of a list of resources; a page has 100.
const LIST_PAGES_MAX: usize = 50;

/// Pages of one resource's history; a page has 100 changes.
const HISTORY_PAGES_MAX: usize = 3;

/// Histories that are read at once in one place.
const AT_ONCE: usize = 8;

/// How long it is believed that a place has no recorder.
const OFF_KEPT: Duration = Duration::from_secs(3_600);

/// Asks AWS Config.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    /// Where no recorder is configured, and since when that is known.
    off: Arc<Mutex<HashMap<String, Instant>>>,
}

/// What a resource was at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Change {
    at: Timestamp,
    /// Who held the address, if anybody.
    holder: Option<String>,
}

/// Why a place was not asked to the end.
enum Lack {
    /// No recorder is configured there.
    Off,
    /// In words.
    Failed(String),
}

impl From<CallError> for Lack {
    fn from(error: CallError) -> Self {
        match error.code() {
            "NoAvailableConfigurationRecorderException" | "NoSuchConfigurationRecorderException" => Self::Off,
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl Recorded {
    /// Puts into the ledger what AWS Config knows of an address; says what could not be asked.
    pub async fn backfill(
        &self,
        ledger: &Ledger,
        places: &[Place],
        address: IpAddr,
        window: &ClaimWindow,
    ) -> Vec<String> {
        let on: Vec<Place> =
            places.iter().filter(|place| !self.is_off(&place.to_string())).cloned().collect();
        let (asked, mut notes) = places_for("AWS Config", &on, address);
        let mut searches = JoinSet::new();
        for place in asked {
            let (recorded, ledger, window) = (self.clone(), ledger.clone(), window.clone());
            searches.spawn(async move {
                let asked = recorded.backfill_at(&ledger, &place, address, &window).await;
                (place.to_string(), asked)
            });
        }
        let mut failed = Vec::new();
        for (place, asked) in searches.join_all().await {
            match asked {
                Ok(note) => notes.extend(note),
                Err(reason) => failed.push((place, reason)),
            }
        }
        notes.extend(failures(address, failed));
        notes.sort();
        notes
    }

    fn is_off(&self, place: &str) -> bool {
        let mut off = self.off.lock().unwrap_or_else(PoisonError::into_inner);
        off.retain(|_, since| since.elapsed() < OFF_KEPT);
        off.contains_key(place)
    }

    /// A note where not all of a place was read; why it could not be asked.
    async fn backfill_at(
        &self,
        ledger: &Ledger,
        place: &Place,
        address: IpAddr,
        window: &ClaimWindow,
    ) -> Result<Option<String>, String> {
        let reader = Reader { calls: JsonCalls::new(&place.sdk, CONFIG), place, address, window };
        match reader.read().await {
            Ok((held, left)) => {
                keep(ledger, held).await?;
                Ok((left > 0).then(|| {
                    format!(
                        "AWS Config of {place} has {left} more interfaces than are read to find who held {address}"
                    )
                }))
            }
            Err(Lack::Off) => {
                let mut off = self.off.lock().unwrap_or_else(PoisonError::into_inner);
                off.insert(place.to_string(), Instant::now());
                tracing::debug!(place = %place, "AWS Config has no recorder");
                Ok(None)
            }
            Err(Lack::Failed(reason)) => Err(reason),
        }
    }
}

/// One note for each reason: a role that may not read it may not in any region.
fn failures(address: IpAddr, failed: Vec<(String, String)>) -> Vec<String> {
    let mut grouped: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (place, reason) in failed {
        grouped.entry(reason).or_default().push(place);
    }
    let tell = |(reason, mut places): (String, Vec<String>)| {
        places.sort();
        let whose = match places.as_slice() {
            few if few.len() <= 3 => few.join(", "),
            many => format!("{} places ({}, ...)", many.len(), many[..3].join(", ")),
        };
        format!("AWS Config of {whose} could not be asked who held {address}: {reason}")
    };
    grouped.into_iter().map(tell).collect()
}

async fn keep(ledger: &Ledger, held: Vec<Held>) -> Result<(), String> {
    let ledger = ledger.clone();
    let write = move || held.iter().try_for_each(|held| ledger.saw(held));
    match tokio::task::spawn_blocking(write).await {
        Ok(written) => written.map_err(|error| error.to_string()),
        Err(_) => Err("the ledger failed".to_owned()),
    }
}

/// One question to one place.
struct Reader<'a> {
    calls: JsonCalls,
    place: &'a Place,
    address: IpAddr,
    window: &'a ClaimWindow,
}

impl Reader<'_> {
    /// Who held the address, and how many interfaces were left unread.
    async fn read(&self) -> Result<(Vec<Held>, usize), Lack> {
        // Of an Elastic IP, one history has all.
        if self.address.is_ipv4() && super::ledger::is_public(self.address) {
            let names = names_of(self.place, self.address).await.map_err(Lack::Failed)?;
            for name in names {
                let held = self.spans(&self.history(ELASTIC, &name).await?);
                if !held.is_empty() {
                    return Ok((held, 0));
                }
            }
        }
        let mut ids = self.list(INTERFACE).await?;
        let left = ids.len().saturating_sub(READ_MAX);
        ids.truncate(READ_MAX);
        let mut held = Vec::new();
        for some in ids.chunks(AT_ONCE) {
            let histories = some.iter().map(|id| self.history(INTERFACE, id));
            for history in join_all(histories).await {
                held.extend(self.spans(&history?));
            }
        }
        Ok((held, left))
    }

    /// Resources of a type, those first that are gone since the claimed time; those that were gone before are left out.
    async fn list(&self, kind: &str) -> Result<Vec<String>, Lack> {
        let mut gone = Vec::new();
        let mut there = Vec::new();
        let mut input = json!({"resourceType": kind, "includeDeletedResources": true, "limit": 100});
        for _ in 0..LIST_PAGES_MAX {
            let permit = self.place.permits.acquire().await;
            let mut page = self.calls.call("ListDiscoveredResources", &input).await?;
            drop(permit);
            for resource in page["resourceIdentifiers"].as_array().into_iter().flatten() {
                let Some(id) = resource["resourceId"].as_str() else { continue };
                match time(&resource["resourceDeletionTime"]) {
                    Some(deleted) if deleted < self.window.from => {}
                    Some(_) => gone.push(id.to_owned()),
                    None => there.push(id.to_owned()),
                }
            }
            match page["nextToken"].take() {
                Value::String(token) if !token.is_empty() => input["nextToken"] = json!(token),
                _ => break,
            }
        }
        gone.extend(there);
        Ok(gone)
    }

    /// What a resource was from the claimed time's beginning on, oldest first, and what it was when that began.
    async fn history(&self, kind: &str, id: &str) -> Result<Vec<Change>, Lack> {
        let mut changes = Vec::new();
        let mut input = json!({
            "resourceType": kind, "resourceId": id, "chronologicalOrder": "Reverse", "limit": 100,
        });
        'pages: for _ in 0..HISTORY_PAGES_MAX {
            let permit = self.place.permits.acquire().await;
            let page = self.calls.call("GetResourceConfigHistory", &input).await;
            drop(permit);
            let mut page = match page {
                // It went while its list was read.
                Err(error) if error.code() == "ResourceNotDiscoveredException" => break,
                page => page?,
            };
            for item in page["configurationItems"].as_array().into_iter().flatten() {
                let Some(change) = change(item, kind, self.address) else { continue };
                let is_before = change.at < self.window.from && change.holder.is_none();
                changes.push(change);
                if is_before {
                    break 'pages;
                }
            }
            match page["nextToken"].take() {
                Value::String(token) if !token.is_empty() => input["nextToken"] = json!(token),
                _ => break,
            }
        }
        changes.reverse();
        Ok(changes)
    }

    fn spans(&self, changes: &[Change]) -> Vec<Held> {
        spans(&self.place.to_string(), self.address, changes)
    }
}

/// All of some futures, at once.
async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut is_done = true;
        for (future, output) in waiting.iter_mut().filter(|(_, output)| output.is_none()) {
            match future.as_mut().poll(context) {
                std::task::Poll::Ready(ready) => *output = Some(ready),
                std::task::Poll::Pending => is_done = false,
            }
        }
        if is_done { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    waiting.into_iter().filter_map(|(_, output)| output).collect()
}

/// Who held the address by one item of a history; none where the item does not say.
fn change(item: &Value, kind: &str, address: IpAddr) -> Option<Change> {
    let at = time(&item["configurationItemCaptureTime"])?;
    let status = item["configurationItemStatus"].as_str().unwrap_or("OK");
    if status.starts_with("ResourceDeleted") {
        return Some(Change { at, holder: None });
    }
    let configuration: Value = match &item["configuration"] {
        Value::String(text) => serde_json::from_str(text).ok()?,
        value => value.clone(),
    };
    let holder = match kind {
        ELASTIC => {
            let text = |name: &str| configuration[name].as_str().filter(|text| !text.is_empty());
            let is_it = text("publicIp").is_some_and(|text| text.parse() == Ok(address));
            let holder = text("instanceId").or_else(|| text("networkInterfaceId"));
            holder.filter(|_| is_it).map(str::to_owned)
        }
        _ => {
            let interface: NetworkInterface = from_config(&configuration);
            holds(&interface, address).then(|| held_by(&interface))
        }
    };
    Some(Change { at, holder })
}

/// The intervals of a history, oldest first. A change was made at some time between two items.
fn spans(place: &str, address: IpAddr, changes: &[Change]) -> Vec<Held> {
    let mut held: Vec<Held> = Vec::new();
    let mut before: Option<&Change> = None;
    for change in changes {
        let goes_on = before.is_some_and(|before| before.holder == change.holder);
        if let Some(last) = held.last_mut().filter(|last| last.ended.is_none()) {
            if goes_on {
                last.last_seen = change.at;
            } else {
                last.ended = Some(change.at);
            }
        }
        if let (Some(holder), false) = (&change.holder, goes_on) {
            held.push(Held {
                place: place.to_owned(),
                address,
                holder: holder.clone(),
                not_before: before.map(|before| before.at),
                first_seen: change.at,
                last_seen: change.at,
                ended: None,
            });
        }
        before = Some(change);
    }
    held
}

/// A time as the JSON protocol writes it: seconds since 1970, with a fraction.
fn time(value: &Value) -> Option<Timestamp> {
    let seconds = value.as_f64().or_else(|| value.as_str()?.parse().ok());
    match seconds {
        Some(seconds) => Timestamp::from_millisecond((seconds * 1_000.0) as i64).ok(),
        None => value.as_str()?.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + 60 * minute).expect("a time")
    }

    fn address() -> IpAddr {
        "203.0.113.10".parse().expect("an address")
    }

    /// Holder, not before, first and last seen, ended, in minutes.
    type Told = (String, Option<i64>, i64, i64, Option<i64>);

    fn told(holders: &[(i64, Option<&str>)]) -> Vec<Told> {
        let changes: Vec<Change> = holders
            .iter()
            .map(|(minute, holder)| Change { at: at(*minute), holder: holder.map(str::to_owned) })
            .collect();
        let minute = |time: Timestamp| (time.as_second() - at(0).as_second()) / 60;
        spans("here", address(), &changes)
            .into_iter()
            .map(|held| {
                let (first, last) = (minute(held.first_seen), minute(held.last_seen));
                (held.holder, held.not_before.map(minute), first, last, held.ended.map(minute))
            })
            .collect()
    }

    #[test]
    fn a_history_becomes_intervals_with_what_is_uncertain() {
        assert!(told(&[]).is_empty());
        assert!(told(&[(0, None), (5, None)]).is_empty());
        assert_eq!(told(&[(0, Some("i-1"))]), [("i-1".to_owned(), None, 0, 0, None)]);
        assert_eq!(
            told(&[(0, None), (5, Some("i-1")), (7, Some("i-1")), (9, None), (12, Some("i-1"))]),
            [("i-1".to_owned(), Some(0), 5, 7, Some(9)), ("i-1".to_owned(), Some(9), 12, 12, None)]
        );
        assert_eq!(
            told(&[(0, Some("i-1")), (5, Some("i-2"))]),
            [("i-1".to_owned(), None, 0, 0, Some(5)), ("i-2".to_owned(), Some(0), 5, 5, None)]
        );
    }

    fn item(configuration: &Value) -> Value {
        json!({
            "configurationItemCaptureTime": 1_790_000_000.25, "configurationItemStatus": "OK",
            "configuration": configuration.to_string(),
        })
    }

    #[test]
    fn who_held_an_address_is_read_from_what_config_keeps() {
        let interface = |more: Value| {
            let mut whole = json!({
                "networkInterfaceId": "eni-1", "interfaceType": "interface", "description": "",
                "attachment": {"instanceId": "i-1"}, "privateIpAddress": "10.0.0.7", "privateIpAddresses": [],
            });
            more.as_object().into_iter().flatten().for_each(|(name, value)| whole[name] = value.clone());
            item(&whole)
        };
        let public = json!({"publicIp": "203.0.113.10", "ipOwnerId": "amazon"});
        let secondary = json!([{"privateIpAddress": "10.0.0.8", "association": public}]);
        let cases = [
            (interface(json!({"association": public})), INTERFACE, "203.0.113.10", Some("i-1")),
            (interface(json!({"privateIpAddresses": secondary})), INTERFACE, "203.0.113.10", Some("i-1")),
            (interface(json!({})), INTERFACE, "203.0.113.10", None),
            (interface(json!({})), INTERFACE, "10.0.0.7", Some("i-1")),
            (
                interface(json!({"ipv6Addresses": [{"ipv6Address": "2001:db8::7"}]})),
                INTERFACE,
                "2001:db8::7",
                Some("i-1"),
            ),
            (
                interface(json!({"ipv4Prefixes": [{"ipv4Prefix": "10.0.1.16/28"}]})),
                INTERFACE,
                "10.0.1.20",
                Some("i-1"),
            ),
            (
                interface(json!({
                    "attachment": null, "association": public, "interfaceType": "nat_gateway",
                    "description": "Interface for NAT Gateway nat-0a1",
                })),
                INTERFACE,
                "203.0.113.10",
                Some("nat-0a1"),
            ),
            (
                item(
                    &json!({"publicIp": "203.0.113.10", "instanceId": "i-2", "networkInterfaceId": "eni-2"}),
                ),
                ELASTIC,
                "203.0.113.10",
                Some("i-2"),
            ),
            (item(&json!({"publicIp": "203.0.113.10", "instanceId": ""})), ELASTIC, "203.0.113.10", None),
        ];
        for (item, kind, address, expected) in cases {
            let change = change(&item, kind, address.parse().expect("an address")).expect("read");
            assert_eq!(change.holder.as_deref(), expected, "{item}");
            assert_eq!(change.at.as_millisecond(), 1_790_000_000_250);
        }
        let deleted = json!({
            "configurationItemCaptureTime": 1_790_000_000, "configurationItemStatus": "ResourceDeleted",
        });
        assert_eq!(change(&deleted, INTERFACE, address()).expect("read").holder, None);
        assert_eq!(change(&json!({"configuration": "{"}), INTERFACE, address()), None);
    }

    #[test]
    fn places_that_fail_alike_are_one_note() {
        let failed = |place: &str, reason: &str| (place.to_owned(), reason.to_owned());
        let regions = ["eu-west-1", "eu-west-2", "eu-west-3", "us-east-1"];
        let mut all: Vec<_> =
            regions.iter().map(|region| failed(region, "AccessDeniedException: no")).collect();
        all.push(failed("us-east-2", "config did not answer: nothing within 30 s"));
        assert_eq!(
            failures(address(), all),
            [
                "AWS Config of 4 places (eu-west-1, eu-west-2, eu-west-3, ...) could not be asked who held \
                 203.0.113.10: AccessDeniedException: no",
                "AWS Config of us-east-2 could not be asked who held 203.0.113.10: config did not answer: nothing \
                 within 30 s",
            ]
        );
    }

    #[tokio::test]
    async fn futures_are_joined_in_their_order() {
        let waits = [30_u64, 10, 20].map(|ms| async move {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            ms
        });
        assert_eq!(join_all(waits).await, [30, 10, 20]);
    }
}
