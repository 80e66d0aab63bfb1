//! Locating by EC2's present: who holds the instance id or the address now, in any account and region.
//!
//! The present is not the window: a holder found here held the address when it was looked up, and says so.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::net::Ipv4Addr;

use async_trait::async_trait;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::Filter;
use aws_sdk_ec2::types::Instance;
use aws_sdk_ec2::types::NetworkInterface;
use jiff::Timestamp;
use tokio::task::JoinSet;

use super::Locate;
use super::interface::Holder;
use super::interface::holder;
use super::merge;
use crate::aws::Place;
use crate::aws::Places;
use crate::aws::reason;
use crate::case::Accused;
use crate::case::Claim;
use crate::case::HostRef;
use crate::case::Located;

/// Addresses and ids of one claim that are looked up; EC2 takes 200 values a filter.
const LOOKED_UP_MAX: usize = 100;

/// Finds hosts in EC2.
#[derive(Debug, Clone)]
pub struct Ec2Locator {
    places: Places,
}

impl Ec2Locator {
    /// Looks in these accounts and regions.
    pub fn new(places: Places) -> Self {
        Self { places }
    }
}

#[async_trait]
impl Locate for Ec2Locator {
    async fn locate(&self, claim: &Claim) -> Located {
        let mut located = Located::default();
        let wanted = Wanted::from(&claim.accused, &mut located.notes);
        if wanted.is_empty() {
            located
                .notes
                .push("the notice names no instance and no address of ours to look up".to_owned());
            return located;
        }
        let accused = &claim.accused;
        for (kind, named, known) in [
            (
                "account",
                &accused.account,
                accused
                    .account
                    .as_deref()
                    .is_none_or(|id| self.places.knows_account(id)),
            ),
            (
                "region",
                &accused.region,
                accused
                    .region
                    .as_deref()
                    .is_none_or(|id| self.places.knows_region(id)),
            ),
        ] {
            if let (Some(named), false) = (named, known) {
                located.notes.push(format!(
                    "the notice names {kind} {named}, which is not configured"
                ));
            }
        }
        let places = self
            .places
            .matching(accused.account.as_deref(), accused.region.as_deref());
        let mut found = search_all(&places, &wanted).await;
        if found.hosts.is_empty() && places.len() < self.places.matching(None, None).len() {
            // The notice's account or region may be wrong: look everywhere before giving up.
            merge(
                &mut found,
                search_all(&self.places.matching(None, None), &wanted).await,
            );
        }
        if found.hosts.is_empty() {
            let where_looked: Vec<String> = places.iter().map(ToString::to_string).collect();
            let listed = where_looked
                .iter()
                .take(8)
                .cloned()
                .collect::<Vec<_>>()
                .join(", ");
            let more = where_looked.len().saturating_sub(8);
            let more = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            located
                .notes
                .push(format!("nothing in {listed}{more} holds {wanted} now"));
        }
        merge(&mut located, found);
        located
    }
}

/// What is looked for.
#[derive(Debug, Clone, Default)]
struct Wanted {
    instances: Vec<String>,
    addresses: Vec<IpAddr>,
}

impl Wanted {
    fn from(accused: &Accused, notes: &mut Vec<String>) -> Self {
        let mut wanted = Self {
            instances: accused
                .instance_ids
                .iter()
                .filter(|id| is_instance_id(id))
                .cloned()
                .collect(),
            addresses: accused.addresses.clone(),
        };
        for hostname in &accused.hostnames {
            match address_in_hostname(hostname) {
                Some(address) if wanted.addresses.contains(&address) => {}
                Some(address) => wanted.addresses.push(address),
                None => notes.push(format!(
                    "host name {hostname} says no address; names are not looked up"
                )),
            }
        }
        for (what, length) in [
            ("instance ids", wanted.instances.len()),
            ("addresses", wanted.addresses.len()),
        ] {
            if length > LOOKED_UP_MAX {
                notes.push(format!(
                    "{} of {length} {what} are not looked up",
                    length - LOOKED_UP_MAX
                ));
            }
        }
        wanted.instances.truncate(LOOKED_UP_MAX);
        wanted.addresses.truncate(LOOKED_UP_MAX);
        wanted
    }

    fn is_empty(&self) -> bool {
        self.instances.is_empty() && self.addresses.is_empty()
    }
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let addresses = self.addresses.iter().map(ToString::to_string);
        let all: Vec<String> = self.instances.iter().cloned().chain(addresses).collect();
        f.write_str(&all.join(", "))
    }
}

/// Searches all places at once; each account's permits bound the calls to it.
async fn search_all(places: &[Place], wanted: &Wanted) -> Located {
    let mut searches = JoinSet::new();
    for (number, place) in places.iter().enumerate() {
        let (place, wanted) = (place.clone(), wanted.clone());
        searches.spawn(async move { (number, search(&place, &wanted).await) });
    }
    let mut results = searches.join_all().await;
    results.sort_by_key(|(number, _)| *number);
    let mut all = Located::default();
    for (_, found) in results {
        merge(&mut all, found);
    }
    all
}

async fn search(place: &Place, wanted: &Wanted) -> Located {
    let mut found = Located::default();
    let Ok(_permit) = place.permits.acquire().await else {
        return found;
    };
    let client = Client::new(&place.sdk);
    // Instance id to why it is a candidate.
    let mut whys: BTreeMap<String, String> = BTreeMap::new();
    for id in wanted.instances.iter().filter(|id| id.starts_with("i-")) {
        whys.insert(id.clone(), "named in the notice".to_owned());
    }
    for id in wanted.instances.iter().filter(|id| id.starts_with("mi-")) {
        found.hosts.push(hybrid(place, id));
    }
    if !wanted.addresses.is_empty() {
        search_addresses(&client, place, wanted, &mut whys, &mut found.notes).await;
    }
    if whys.is_empty() {
        return found;
    }
    match instances(&client, whys.keys().cloned().collect()).await {
        Ok(instances) => {
            for (owner, instance) in instances {
                let why = instance
                    .instance_id()
                    .and_then(|id| whys.get(id))
                    .cloned()
                    .unwrap_or_default();
                found.hosts.push(host(place, owner, &instance, why));
            }
        }
        Err(error) => found
            .notes
            .push(format!("could not read instances of {place}: {error}")),
    }
    found
}

/// Finds who holds the addresses; what cannot be asked is noted, once per place and reason.
async fn search_addresses(
    client: &Client,
    place: &Place,
    wanted: &Wanted,
    whys: &mut BTreeMap<String, String>,
    notes: &mut Vec<String>,
) {
    let mut failed = |error: String| {
        let note = format!("could not look up addresses in {place}: {error}");
        if !notes.contains(&note) {
            notes.push(note);
        }
    };
    let mut seen = Vec::new();
    for (filter, addresses) in filters(&wanted.addresses) {
        match interfaces(client, filter, &addresses).await {
            Ok(interfaces) => seen.extend(interfaces),
            Err(error) => failed(error),
        }
    }
    let public: Vec<String> = wanted
        .addresses
        .iter()
        .filter(|at| at.is_ipv4())
        .map(ToString::to_string)
        .collect();
    let mut elastic = Vec::new();
    if !public.is_empty() {
        match elastic_addresses(client, &public).await {
            Ok(addresses) => elastic = addresses,
            Err(error) => failed(error),
        }
    }
    for interface in &seen {
        let held = addresses_of(interface);
        for address in wanted.addresses.iter().filter(|address| held.contains(address)) {
            match holder(interface) {
                Holder::Instance(id) => add_why(whys, id, format!("holds {address} now")),
                Holder::Other(what) => {
                    let note = format!("{address} in {place} is held by {what}");
                    if !notes.contains(&note) {
                        notes.push(note);
                    }
                }
            }
        }
    }
    for (address, instance) in elastic {
        match instance {
            Some(id) => add_why(whys, id, format!("holds {address} now")),
            None if seen
                .iter()
                .any(|interface| addresses_of(interface).iter().any(|at| at.to_string() == address)) => {}
            None => notes.push(format!(
                "{address} is an Elastic IP of {place} that is attached to nothing now"
            )),
        }
    }
}

/// Filters of DescribeNetworkInterfaces that find these addresses, one call each: filters of one call are
/// joined by "and".
fn filters(addresses: &[IpAddr]) -> Vec<(&'static str, Vec<String>)> {
    let texts = |keep: &dyn Fn(&IpAddr) -> bool| -> Vec<String> {
        addresses
            .iter()
            .filter(|address| keep(address))
            .map(ToString::to_string)
            .collect()
    };
    let is_private =
        |address: &IpAddr| matches!(address, IpAddr::V4(v4) if v4.is_private() || is_shared(*v4));
    let public = texts(&|address| address.is_ipv4() && !is_private(address));
    let private = texts(&is_private);
    let six = texts(&|address| address.is_ipv6());
    [
        ("association.public-ip", public.clone()),
        ("addresses.association.public-ip", public),
        ("addresses.private-ip-address", private),
        ("ipv6-addresses.ipv6-address", six),
    ]
    .into_iter()
    .filter(|(_, values)| !values.is_empty())
    .collect()
}

/// 100.64.0.0/10, which EKS gives to pods.
fn is_shared(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    first == 100 && (64..128).contains(&second)
}

async fn interfaces(client: &Client, name: &str, values: &[String]) -> Result<Vec<NetworkInterface>, String> {
    let filter = Filter::builder()
        .name(name)
        .set_values(Some(values.to_vec()))
        .build();
    let answer = client
        .describe_network_interfaces()
        .filters(filter)
        .send()
        .await
        .map_err(|error| reason(&error))?;
    Ok(answer.network_interfaces.unwrap_or_default())
}

async fn elastic_addresses(
    client: &Client,
    values: &[String],
) -> Result<Vec<(String, Option<String>)>, String> {
    let filter = Filter::builder()
        .name("public-ip")
        .set_values(Some(values.to_vec()))
        .build();
    let answer = client
        .describe_addresses()
        .filters(filter)
        .send()
        .await
        .map_err(|error| reason(&error))?;
    let read = |address: aws_sdk_ec2::types::Address| {
        let instance = address.instance_id.filter(|id| !id.is_empty());
        Some((address.public_ip?, instance))
    };
    Ok(answer
        .addresses
        .unwrap_or_default()
        .into_iter()
        .filter_map(read)
        .collect())
}

/// Instances by id, with their owner account. A filter rather than ids: an id that is elsewhere is no error.
async fn instances(client: &Client, ids: Vec<String>) -> Result<Vec<(Option<String>, Instance)>, String> {
    let filter = Filter::builder()
        .name("instance-id")
        .set_values(Some(ids))
        .build();
    let answer = client
        .describe_instances()
        .filters(filter)
        .send()
        .await
        .map_err(|error| reason(&error))?;
    let mut all = Vec::new();
    for reservation in answer.reservations.unwrap_or_default() {
        let owner = reservation.owner_id;
        all.extend(
            reservation
                .instances
                .unwrap_or_default()
                .into_iter()
                .map(|instance| (owner.clone(), instance)),
        );
    }
    Ok(all)
}

fn host(place: &Place, owner: Option<String>, instance: &Instance, why: String) -> HostRef {
    let tags: BTreeMap<String, String> = instance
        .tags()
        .iter()
        .filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned())))
        .collect();
    let mut host = HostRef {
        instance_id: instance.instance_id().map(str::to_owned),
        account: place.account.clone().or(owner),
        region: Some(place.region.clone()),
        name: tags.get("Name").cloned(),
        state: instance
            .state()
            .and_then(|state| state.name())
            .map(|name| name.as_str().to_owned()),
        tags,
        private_addresses: addresses([instance.private_ip_address()]),
        public_addresses: addresses([instance.public_ip_address()]),
        launched: instance
            .launch_time()
            .and_then(|at| Timestamp::from_second(at.secs()).ok()),
        why,
    };
    for interface in instance.network_interfaces() {
        for private in interface.private_ip_addresses() {
            extend(
                &mut host.private_addresses,
                addresses([private.private_ip_address()]),
            );
            let public = private
                .association()
                .and_then(|association| association.public_ip());
            extend(&mut host.public_addresses, addresses([public]));
        }
        for six in interface.ipv6_addresses() {
            extend(&mut host.public_addresses, addresses([six.ipv6_address()]));
        }
    }
    host
}

/// A hybrid node is known to SSM, not to EC2.
fn hybrid(place: &Place, id: &str) -> HostRef {
    HostRef {
        instance_id: Some(id.to_owned()),
        account: place.account.clone(),
        region: Some(place.region.clone()),
        why: "named in the notice; a hybrid node, which only SSM knows".to_owned(),
        ..HostRef::default()
    }
}

fn addresses_of(interface: &NetworkInterface) -> Vec<IpAddr> {
    let mut held = addresses([
        interface.private_ip_address(),
        interface
            .association()
            .and_then(|association| association.public_ip()),
    ]);
    for private in interface.private_ip_addresses() {
        let public = private
            .association()
            .and_then(|association| association.public_ip());
        extend(&mut held, addresses([private.private_ip_address(), public]));
    }
    for six in interface.ipv6_addresses() {
        extend(&mut held, addresses([six.ipv6_address()]));
    }
    held
}

fn addresses<'a>(texts: impl IntoIterator<Item = Option<&'a str>>) -> Vec<IpAddr> {
    texts
        .into_iter()
        .flatten()
        .filter_map(|text| text.parse().ok())
        .collect()
}

fn extend(list: &mut Vec<IpAddr>, more: Vec<IpAddr>) {
    for address in more {
        if !list.contains(&address) {
            list.push(address);
        }
    }
}

fn add_why(whys: &mut BTreeMap<String, String>, id: String, why: String) {
    let entry = whys.entry(id).or_default();
    if entry.is_empty() {
        *entry = why;
    } else if !entry.contains(&why) {
        *entry = format!("{entry}; {why}");
    }
}

/// Whether a text is an EC2 or hybrid instance id, old or new.
fn is_instance_id(text: &str) -> bool {
    let digits = text
        .strip_prefix("mi-")
        .or_else(|| text.strip_prefix("i-"))
        .unwrap_or_default();
    (8..=17).contains(&digits.len())
        && digits
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The address in a name such as `ec2-203-0-113-10.eu-west-1.compute.amazonaws.com` or `ip-10-0-0-7.ec2.internal`.
fn address_in_hostname(name: &str) -> Option<IpAddr> {
    let label = name.split('.').next()?;
    let digits = label.strip_prefix("ec2-").or_else(|| label.strip_prefix("ip-"))?;
    digits.replace('-', ".").parse::<Ipv4Addr>().ok().map(IpAddr::V4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostnames_give_their_address() {
        for (name, expected) in [
            (
                "ec2-203-0-113-10.eu-west-1.compute.amazonaws.com",
                Some("203.0.113.10"),
            ),
            ("ip-10-0-0-7.ec2.internal", Some("10.0.0.7")),
            ("ec2-203-0-113.compute.amazonaws.com", None),
            ("www.example.com", None),
        ] {
            assert_eq!(
                address_in_hostname(name),
                expected.and_then(|text| text.parse().ok()),
                "{name}"
            );
        }
    }

    #[test]
    fn instance_ids_are_told_from_other_text() {
        for (text, expected) in [
            ("i-0123456789abcdef0", true),
            ("i-01234567", true),
            ("mi-0123456789abcdef0", true),
            ("i-0123", false),
            ("i-0123456789abcdefg", false),
            ("eni-0123456789abcdef0", false),
            ("i-01234567,i-76543210", false),
        ] {
            assert_eq!(is_instance_id(text), expected, "{text}");
        }
    }

    #[test]
    fn each_kind_of_address_has_its_filter() {
        let addresses: Vec<IpAddr> = ["203.0.113.10", "10.0.0.7", "100.64.3.4", "2001:db8::1"]
            .iter()
            .map(|text| text.parse().expect("address"))
            .collect();
        let found: Vec<(&str, usize)> = filters(&addresses)
            .iter()
            .map(|(name, list)| (*name, list.len()))
            .collect();
        assert_eq!(
            found,
            [
                ("association.public-ip", 1),
                ("addresses.association.public-ip", 1),
                ("addresses.private-ip-address", 2),
                ("ipv6-addresses.ipv6-address", 1),
            ]
        );
    }
}
