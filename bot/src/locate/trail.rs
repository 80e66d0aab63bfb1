//! CloudTrail's list of the last 90 days: who held an Elastic IP, who ended an instance and who began it.
//!
//! Two calls a second are allowed in one account and region; all calls of this process keep to that. What is
//! found about addresses goes into the ledger, so that there is one account of the past. Refuses to conclude from
//! what the list does not show: addresses that EC2 assigns by itself are not in it.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::described::elastic_addresses;
use super::event::Event;
use super::event::What;
use super::ledger::Holding;
use super::ledger::Ledger;
use crate::aws::Place;
use crate::aws::json::CLOUDTRAIL;
use crate::aws::json::JsonCalls;
use crate::case::ClaimWindow;
use crate::case::HostRef;
use crate::case::Located;

/// Time between two calls to one account and region.
const PACE: Duration = Duration::from_millis(550);

/// Pages of one question; a page has 50 records.
const PAGES_MAX: usize = 12;

/// Places that are asked who held an address, where nothing tells which one it was.
const PLACES_MAX: usize = 48;

/// Ended instances of one claim that are asked about.
const ENDED_MAX: usize = 20;

/// How long before the claimed time an association may lie that still stood then.
const LOOK_BACK: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Asks CloudTrail.
#[derive(Debug, Clone, Default)]
pub struct Trail {
    /// When the next call to a place may be made.
    pace: Arc<Mutex<HashMap<String, Instant>>>,
}

/// Records that were found, and whether there may be more.
struct Records {
    all: Vec<Value>,
    is_cut: bool,
}

impl Trail {
    /// Puts into the ledger what CloudTrail knows of an address around a time; says what could not be asked.
    pub async fn backfill(
        &self,
        ledger: &Ledger,
        places: &[Place],
        address: IpAddr,
        window: &ClaimWindow,
    ) -> Vec<String> {
        if !address.is_ipv4() {
            return Vec::new();
        }
        let (asked, mut notes) = places_for("CloudTrail", places, address);
        let mut searches = tokio::task::JoinSet::new();
        for place in asked {
            let (trail, ledger, window) = (self.clone(), ledger.clone(), window.clone());
            searches.spawn(async move { trail.backfill_at(&ledger, &place, address, &window).await });
        }
        notes.extend(searches.join_all().await.into_iter().filter_map(Result::err));
        notes.sort();
        notes.dedup();
        notes
    }

    async fn backfill_at(
        &self,
        ledger: &Ledger,
        place: &Place,
        address: IpAddr,
        window: &ClaimWindow,
    ) -> Result<(), String> {
        let failed =
            |reason| format!("CloudTrail of {place} could not be asked who held {address}: {reason}");
        let from = window.from.checked_sub(LOOK_BACK).unwrap_or(Timestamp::UNIX_EPOCH);
        let names = names_of(place, address).await.map_err(failed)?;
        let mut events = Vec::new();
        for name in ["AssociateAddress", "DisassociateAddress"] {
            let records = self.look_up(place, "EventName", name, from, window.to).await.map_err(failed)?;
            if records.is_cut {
                return Err(format!("CloudTrail of {place} has more changes of addresses than are read"));
            }
            events.extend(records.all.iter().filter_map(Event::from_trail));
        }
        let changes = changes_of(address, names, events);
        let (ledger, name) = (ledger.clone(), place.to_string());
        let write = move || {
            for (at, holder) in changes {
                match holder {
                    Some(holder) => ledger.begin(&name, at, &Holding { address, holder })?,
                    None => ledger.end(&name, at, address)?,
                }
            }
            Ok::<(), super::LedgerError>(())
        };
        match tokio::task::spawn_blocking(write).await {
            Ok(written) => written.map_err(|error| failed(error.to_string())),
            Err(_) => Err(failed("the ledger failed".to_owned())),
        }
    }

    /// Says of hosts that are gone who ended them and when, and fills in what they were.
    pub async fn tell_of_ended(&self, places: &[Place], window: &ClaimWindow, found: &mut Located) {
        let mut notes = Vec::new();
        let ended = found.hosts.iter_mut().filter(|host| is_ended(host)).take(ENDED_MAX);
        for host in ended {
            let Some(id) = host.instance_id.clone() else { continue };
            let here = |place: &&Place| {
                host.region.as_deref() == Some(&place.region)
                    && (place.account.is_none() || host.account.is_none() || place.account == host.account)
            };
            let Some(place) = places.iter().find(here) else { continue };
            let from = window.from.checked_sub(LOOK_BACK).unwrap_or(Timestamp::UNIX_EPOCH);
            match self.look_up(place, "ResourceName", &id, from, Timestamp::now()).await {
                Ok(records) => {
                    fill_in(host, &records.all);
                    notes.push(who_ended(&id, &records.all).unwrap_or_else(|| {
                        format!("{id} is gone; CloudTrail of {place} does not show who ended it")
                    }));
                }
                Err(reason) => notes.push(format!(
                    "{id} is gone; who ended it is not known: CloudTrail of {place} could not be asked: {reason}"
                )),
            }
        }
        found.notes.extend(notes);
    }

    /// All records with an attribute in a time, newest first.
    async fn look_up(
        &self,
        place: &Place,
        key: &str,
        value: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Records, String> {
        let calls = JsonCalls::new(&place.sdk, CLOUDTRAIL);
        let mut input = json!({
            "LookupAttributes": [{"AttributeKey": key, "AttributeValue": value}],
            "StartTime": from.as_second(), "EndTime": to.as_second() + 1, "MaxResults": 50,
        });
        let mut all = Vec::new();
        for _ in 0..PAGES_MAX {
            self.wait(&place.to_string()).await;
            let _permit = place.permits.acquire().await.map_err(|error| error.to_string())?;
            let mut page = calls.call("LookupEvents", &input).await.map_err(|error| error.to_string())?;
            let events = page["Events"].as_array().into_iter().flatten();
            all.extend(
                events.filter_map(|event| serde_json::from_str(event["CloudTrailEvent"].as_str()?).ok()),
            );
            match page["NextToken"].take() {
                Value::String(token) if !token.is_empty() => input["NextToken"] = json!(token),
                _ => return Ok(Records { all, is_cut: false }),
            }
        }
        Ok(Records { all, is_cut: true })
    }

    /// Waits for the place's turn.
    async fn wait(&self, place: &str) {
        let turn = {
            let mut pace = self.pace.lock().await;
            let now = Instant::now();
            let turn = pace.get(place).copied().filter(|turn| *turn > now).unwrap_or(now);
            pace.insert(place.to_owned(), turn + PACE);
            turn
        };
        tokio::time::sleep_until(turn).await;
    }
}

/// What else the address is called: its allocation, which records name instead.
pub(super) async fn names_of(place: &Place, address: IpAddr) -> Result<Vec<String>, String> {
    let _permit = place.permits.acquire().await.map_err(|error| error.to_string())?;
    let found = elastic_addresses(place.ec2(), &[address.to_string()]).await?;
    Ok(found.into_iter().filter_map(|elastic| elastic.allocation).collect())
}

/// Places to ask about an address; too many are not asked, and that is said.
pub(super) fn places_for(service: &str, places: &[Place], address: IpAddr) -> (Vec<Place>, Vec<String>) {
    let asked: Vec<Place> = places.iter().take(PLACES_MAX).cloned().collect();
    let left = places.len() - asked.len();
    let note = format!("{service} of {left} places was not asked who held {address}: too many to ask");
    (asked, if left > 0 { vec![note] } else { Vec::new() })
}

/// When an address got which holder, or none, oldest first.
fn changes_of(
    address: IpAddr,
    mut names: Vec<String>,
    mut events: Vec<Event>,
) -> Vec<(Timestamp, Option<String>)> {
    events.sort_by_key(|event| event.at);
    let mut changes = Vec::new();
    for event in events {
        let is_ours = |said: &Option<IpAddr>, called: &[String], names: &[String]| {
            *said == Some(address) || called.iter().any(|name| names.contains(name))
        };
        match event.what {
            What::Associated { address: said, names: called, to: Some(to) }
                if is_ours(&said, &called, &names) =>
            {
                // The association's own name is how its end is told.
                names.extend(called);
                changes.push((event.at, Some(to)));
            }
            What::Released { address: said, names: called } if is_ours(&said, &called, &names) => {
                changes.push((event.at, None));
            }
            _ => {}
        }
    }
    changes
}

fn is_ended(host: &HostRef) -> bool {
    matches!(host.state.as_deref(), Some("gone" | "terminated" | "shutting-down"))
}

/// Who ended an instance, in words.
fn who_ended(id: &str, records: &[Value]) -> Option<String> {
    let record = records.iter().find(|record| {
        record["eventName"] == "TerminateInstances"
            && record["errorCode"].is_null()
            && items(&record["requestParameters"]["instancesSet"]).any(|item| item["instanceId"] == id)
    })?;
    let identity = &record["userIdentity"];
    let by = ["arn", "userName", "invokedBy", "principalId", "type"];
    let by =
        by.iter().find_map(|key| identity[*key].as_str()).unwrap_or("somebody that CloudTrail does not name");
    let from = record["sourceIPAddress"].as_str().map(|from| format!(" from {from}")).unwrap_or_default();
    Some(format!(
        "{id} was terminated at {} by {by}{from}",
        record["eventTime"].as_str().unwrap_or("a time unknown")
    ))
}

/// Fills in what an instance was, from the record of its launch.
fn fill_in(host: &mut HostRef, records: &[Value]) {
    let id = host.instance_id.clone().unwrap_or_default();
    let launches = records.iter().filter(|record| record["eventName"] == "RunInstances");
    for record in launches {
        let mut launched = items(&record["responseElements"]["instancesSet"]);
        let Some(instance) = launched.find(|item| item["instanceId"] == id.as_str()) else { continue };
        let text = |name: &str| instance[name].as_str();
        host.image = host.image.take().or_else(|| text("imageId").map(str::to_owned));
        host.launched = host.launched.or_else(|| record["eventTime"].as_str()?.parse().ok());
        let tags: BTreeMap<String, String> = items(&instance["tagSet"])
            .filter_map(|tag| Some((tag["key"].as_str()?.to_owned(), tag["value"].as_str()?.to_owned())))
            .collect();
        if host.tags.is_empty() {
            host.name = host.name.take().or_else(|| tags.get("Name").cloned());
            host.tags = tags;
        }
        if host.private_addresses.is_empty() {
            let address = text("privateIpAddress").and_then(|text| text.parse::<IpAddr>().ok());
            host.private_addresses.extend(address);
        }
    }
}

fn items(set: &Value) -> impl Iterator<Item = &Value> {
    set["items"].as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(minute: i64, what: What) -> Event {
        let at = Timestamp::from_second(1_000_000_000 + minute * 60).expect("time");
        Event { account: "111122223333".to_owned(), region: "eu-west-1".to_owned(), at, what }
    }

    #[test]
    fn the_chain_of_an_address_is_followed_by_its_names() {
        let address: IpAddr = "203.0.113.10".parse().expect("address");
        let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let associated = |list: &[&str], to: &str| What::Associated {
            address: None,
            names: names(list),
            to: Some(to.to_owned()),
        };
        let events = vec![
            event(9, associated(&["eipalloc-9", "eipassoc-9"], "i-9")),
            event(8, What::Released { address: None, names: names(&["eipassoc-2"]) }),
            event(5, associated(&["eipalloc-1", "eipassoc-2"], "i-2")),
            event(1, associated(&["eipalloc-1", "eipassoc-1"], "i-1")),
            event(3, What::Released { address: Some(address), names: Vec::new() }),
            event(4, What::Released { address: None, names: names(&["eipassoc-9"]) }),
        ];
        let changes = changes_of(address, names(&["eipalloc-1"]), events);
        let told: Vec<_> = changes.iter().map(|(_, holder)| holder.as_deref()).collect();
        assert_eq!(told, [Some("i-1"), None, Some("i-2"), None]);
    }

    #[test]
    fn who_ended_an_instance_and_what_it_was_is_read_from_the_records() {
        let records = [
            json!({
                "eventName": "TerminateInstances", "eventTime": "2026-11-21T12:00:00Z",
                "sourceIPAddress": "198.51.100.9",
                "userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/ops/kim"},
                "requestParameters": {"instancesSet": {"items": [{"instanceId": "i-0"}, {"instanceId": "i-1"}]}},
            }),
            json!({
                "eventName": "RunInstances", "eventTime": "2026-11-01T08:00:00Z",
                "responseElements": {"instancesSet": {"items": [{
                    "instanceId": "i-1", "imageId": "ami-1", "privateIpAddress": "10.0.0.7",
                    "tagSet": {"items": [{"key": "Name", "value": "web-3"}, {"key": "Owner", "value": "platform"}]},
                }]}},
            }),
        ];
        let told = who_ended("i-1", &records).expect("told");
        assert_eq!(
            told,
            "i-1 was terminated at 2026-11-21T12:00:00Z by \
             arn:aws:sts::111122223333:assumed-role/ops/kim from 198.51.100.9"
        );
        assert_eq!(who_ended("i-2", &records), None);
        let mut host = HostRef { instance_id: Some("i-1".to_owned()), ..HostRef::default() };
        fill_in(&mut host, &records);
        assert_eq!((host.name.as_deref(), host.image.as_deref()), (Some("web-3"), Some("ami-1")));
        assert_eq!(host.tags["Owner"], "platform");
        assert_eq!(host.private_addresses, ["10.0.0.7".parse::<IpAddr>().expect("address")]);
    }

    #[tokio::test]
    async fn one_place_is_asked_at_most_twice_a_second() {
        let trail = Trail::default();
        let begun = Instant::now();
        for _ in 0..3 {
            trail.wait("here").await;
        }
        assert!(begun.elapsed() >= 2 * PACE);
        let begun = Instant::now();
        trail.wait("there").await;
        assert!(begun.elapsed() < PACE, "another place waits for none");
    }
}
