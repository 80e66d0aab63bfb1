//! Locating in EC2: who holds the instance id or the address, in any account and region.
//!
//! EC2 knows the present. Where a ledger is kept, the claimed time decides; otherwise a holder found here held the
//! address when it was looked up, and says so.

use std::collections::BTreeMap;
use std::net::IpAddr;

use async_trait::async_trait;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::Filter;
use aws_sdk_ec2::types::Instance;
use aws_sdk_ec2::types::NetworkInterface;
use jiff::Timestamp;
use tokio::task::JoinSet;

use super::Locate;
use super::Ours;
use super::hints::Hints;
use super::interface::Holder;
use super::interface::held_by;
use super::interface::holder;
use super::interface::holds;
use super::interface::is_branch;
use super::interface::nodes_of;
use super::interface::trunk_of;
use super::ledger::Ledger;
use super::ledger::is_public;
use super::merge;
use super::nat::subnets_behind;
use super::ours;
use super::past;
use super::past::Memory;
use super::shared::SharedLedger;
use super::wanted::Wanted;
use crate::aws::Place;
use crate::aws::Places;
use crate::aws::reason;
use crate::case::Accused;
use crate::case::Claim;
use crate::case::ClaimWindow;
use crate::case::HostRef;
use crate::case::Located;

/// Hosts behind one NAT gateway that become candidates; further ones are counted in a note.
const BEHIND_MAX: usize = 2_000;

/// Finds hosts in EC2.
#[derive(Debug, Clone)]
pub struct Ec2Locator {
    places: Places,
    memory: Option<Memory>,
    hints: Hints,
}

impl Ec2Locator {
    /// Looks in these accounts and regions, and in the ledger of what they were.
    pub fn new(places: Places, ledger: Option<Ledger>) -> Self {
        Self { places, memory: ledger.map(Memory::new), hints: Hints::default() }
    }

    /// Reads, beside the ledger, what other replicas saw.
    pub fn sharing(mut self, shared: Option<SharedLedger>) -> Self {
        self.memory = self.memory.map(|memory| memory.sharing(shared));
        self
    }

    /// Where addresses were found last, for who hears that they moved.
    pub fn hints(&self) -> Hints {
        self.hints.clone()
    }

    /// Asks first where the addresses were found last. Nothing, where that does not find every one of them again.
    async fn search_hinted(&self, places: &[Place], wanted: &Wanted) -> Option<Located> {
        if wanted.addresses.is_empty() || !wanted.instances.is_empty() || !wanted.interfaces.is_empty() {
            return None;
        }
        let ledger = self.memory.as_ref().map(Memory::ledger);
        let first = self.hints.places(&wanted.addresses, places, ledger).await;
        if first.is_empty() || first.len() >= places.len() {
            return None;
        }
        let all = self.search_all(&first, wanted).await;
        let missing: Vec<IpAddr> =
            wanted.addresses.iter().copied().filter(|address| !all.held.contains(address)).collect();
        missing.iter().for_each(|address| self.hints.forget(*address));
        missing.is_empty().then_some(all.located)
    }

    /// Searches places, and remembers what was found where.
    async fn search_all(&self, places: &[Place], wanted: &Wanted) -> All {
        let all = search_all(places, wanted).await;
        for (address, place, holder) in &all.whose {
            self.hints.found(*address, place, holder);
        }
        all
    }

    fn note_unknown_places(&self, accused: &Accused, notes: &mut Vec<String>) {
        let account = accused.account.as_deref().filter(|id| !self.places.knows_account(id));
        let region = accused.region.as_deref().filter(|id| !self.places.knows_region(id));
        for (kind, named) in [("account", account), ("region", region)] {
            if let Some(named) = named {
                notes.push(format!("the notice names {kind} {named}, which is not configured"));
            }
        }
    }
}

#[async_trait]
impl Locate for Ec2Locator {
    async fn locate(&self, claim: &Claim) -> Located {
        let mut located = Located::default();
        let accused = &claim.accused;
        let wanted = Wanted::from(accused, &mut located.notes);
        if wanted.is_empty() {
            located.notes.push("the notice names no instance and no address of ours to look up".to_owned());
            return located;
        }
        self.note_unknown_places(accused, &mut located.notes);
        located.notes.extend(self.places.notes());
        let everywhere = self.places.matching(None, None);
        let places = self.places.matching(accused.account.as_deref(), accused.region.as_deref());
        let mut found = match self.search_hinted(&places, &wanted).await {
            Some(found) => found,
            None => self.search_all(&places, &wanted).await.located,
        };
        if found.hosts.is_empty() && places.len() < everywhere.len() {
            // The notice's account or region may be wrong: look everywhere before giving up.
            merge(&mut found, self.search_all(&everywhere, &wanted).await.located);
        }
        if found.hosts.is_empty() {
            found.notes.push(nothing_found(&everywhere, &wanted));
        }
        if let (Some(memory), Some(window)) = (&self.memory, &claim.window) {
            past::apply(memory, &everywhere, &wanted, window, &mut found).await;
        }
        merge(&mut located, found);
        located
    }

    async fn ours(&self, addresses: &[IpAddr], window: Option<&ClaimWindow>) -> Ours {
        if let Some(memory) = &self.memory {
            memory.learn(addresses).await;
        }
        let ledger = self.memory.as_ref().map(Memory::ledger);
        ours::find(&self.places.matching(None, None), ledger, &self.hints, addresses, window).await
    }

    async fn named(&self, name: &str) -> Located {
        let mut located = Located { hosts: Vec::new(), notes: self.places.notes() };
        let mut searches = JoinSet::new();
        let places = self.places.matching(None, None);
        for place in places {
            let name = name.to_owned();
            searches.spawn(async move {
                let found = match place.permits.acquire().await {
                    Ok(_permit) => instances(place.ec2(), "tag:Name", vec![literal(&name)]).await,
                    Err(error) => Err(error.to_string()),
                };
                (place, found)
            });
        }
        let mut failures: Vec<(Place, String)> = Vec::new();
        for (place, found) in searches.join_all().await {
            match found {
                Ok(found) => located.hosts.extend(found.into_iter().map(|(owner, instance)| {
                    host(&place, owner, &instance, "bears the name that was asked for".to_owned())
                })),
                Err(reason) => failures.push((place, reason)),
            }
        }
        let failures: Vec<(&Place, String)> =
            failures.iter().map(|(place, reason)| (place, reason.clone())).collect();
        located.notes.extend(failure_notes(&failures));
        let id = |host: &HostRef| (host.account.clone(), host.region.clone(), host.instance_id.clone());
        located.hosts.sort_by_cached_key(id);
        let shown = crate::untrusted::visible(name, 80);
        match located.hosts.len() {
            0 => located.notes.push(format!("no instance of ours is named {shown}")),
            1 => {}
            several => {
                located.notes.push(format!("{several} instances are named {shown}: all of them are asked"))
            }
        }
        located
    }

    async fn everywhere(&self) -> Located {
        let mut located = Located { hosts: Vec::new(), notes: self.places.notes() };
        let places = self.places.matching(None, None);
        let mut listings = JoinSet::new();
        for place in places {
            listings.spawn(async move {
                let listed = running(&place).await;
                (place, listed)
            });
        }
        let mut failures: Vec<(Place, String)> = Vec::new();
        for (place, listed) in listings.join_all().await {
            match listed {
                Ok(hosts) => located.hosts.extend(hosts),
                Err(reason) => failures.push((place, reason)),
            }
        }
        let failures: Vec<(&Place, String)> =
            failures.iter().map(|(place, reason)| (place, reason.clone())).collect();
        located.notes.extend(failure_notes(&failures));
        let id = |host: &HostRef| (host.account.clone(), host.region.clone(), host.instance_id.clone());
        located.hosts.sort_by_cached_key(id);
        located
    }
}

/// A name as a filter's value: taken as it is, without EC2's wildcards.
fn literal(name: &str) -> String {
    name.chars().flat_map(|c| ['*', '?', '\\'].contains(&c).then_some('\\').into_iter().chain([c])).collect()
}

fn nothing_found(places: &[Place], wanted: &Wanted) -> String {
    let listed: Vec<String> = places.iter().take(8).map(ToString::to_string).collect();
    let more = match places.len().saturating_sub(8) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("nothing in {}{more} holds {wanted} now", listed.join(", "))
}

/// What a search of places came to.
#[derive(Default)]
struct All {
    located: Located,
    /// Addresses that somebody holds now.
    held: Vec<IpAddr>,
    /// Where, and who.
    whose: Vec<(IpAddr, String, String)>,
}

/// Searches all places at once; each account's permits bound the calls to it.
async fn search_all(places: &[Place], wanted: &Wanted) -> All {
    let mut searches = JoinSet::new();
    for (number, place) in places.iter().enumerate() {
        let (place, wanted) = (place.clone(), wanted.clone());
        searches.spawn(async move { (number, search(&place, &wanted).await) });
    }
    let mut results = searches.join_all().await;
    results.sort_by_key(|(number, _)| *number);
    let mut all = All::default();
    let mut failures: Vec<(&Place, String)> = Vec::new();
    for (number, searched) in results {
        let name = places[number].to_string();
        merge(&mut all.located, searched.found);
        for (address, holder) in searched.held {
            all.held.push(address);
            all.whose.push((address, name.clone(), holder));
        }
        failures.extend(searched.failed.map(|reason| (&places[number], reason)));
    }
    all.located.notes.extend(failure_notes(&failures));
    all
}

/// One note for each account and reason: an account that cannot be entered fails alike in every region.
fn failure_notes(failures: &[(&Place, String)]) -> Vec<String> {
    let mut grouped: BTreeMap<(&Option<String>, &str), Vec<&str>> = BTreeMap::new();
    for (place, reason) in failures {
        grouped.entry((&place.account, reason)).or_default().push(&place.region);
    }
    let tell = |((account, reason), regions): (&(&Option<String>, &str), &Vec<&str>)| {
        let account = account.as_ref().map(|id| format!("account {id} in ")).unwrap_or_default();
        let regions = match regions.as_slice() {
            few if few.len() <= 4 => few.join(", "),
            many => format!("{} regions ({}, ...)", many.len(), many[..3].join(", ")),
        };
        format!("could not search {account}{regions}: {reason}{}", hint(reason))
    };
    grouped.iter().map(tell).collect()
}

/// What to do about it, where that is known.
fn hint(reason: &str) -> &'static str {
    if reason.contains("OptInRequired") || reason.contains("AuthFailure") {
        " (the region may not be enabled in that account)"
    } else if reason.contains("Expired") {
        " (the bot's credentials have expired)"
    } else if reason.contains("AccessDenied") || reason.contains("UnauthorizedOperation") {
        " (the bot's role there may not, or may not be assumed)"
    } else {
        ""
    }
}

async fn search(place: &Place, wanted: &Wanted) -> Searched {
    let mut search =
        Search { client: place.ec2().clone(), place, whys: BTreeMap::new(), all: Searched::default() };
    let Ok(_permit) = place.permits.acquire().await else { return search.all };
    for id in wanted.instances.iter().filter(|id| id.starts_with("i-")) {
        search.add_why(id, "named in the notice".to_owned());
    }
    for id in wanted.instances.iter().filter(|id| id.starts_with("mi-")) {
        search.all.found.hosts.push(hybrid(place, id));
    }
    search.addresses(wanted).await;
    search.describe().await;
    search.all
}

/// What the search of one place came to.
#[derive(Default)]
struct Searched {
    found: Located,
    /// Addresses that somebody holds there now, and who.
    held: Vec<(IpAddr, String)>,
    /// Why the place could not be searched whole; one reason is as good as many.
    failed: Option<String>,
}

/// The search of one place.
struct Search<'a> {
    client: Client,
    place: &'a Place,
    /// Instance id to why it is a candidate.
    whys: BTreeMap<String, String>,
    all: Searched,
}

impl Search<'_> {
    /// Finds who holds the addresses; what cannot be asked is noted, once per place and reason.
    async fn addresses(&mut self, wanted: &Wanted) {
        for (filter, addresses) in wanted.filters() {
            match interfaces(&self.client, filter, &addresses).await {
                Ok(interfaces) => {
                    for interface in interfaces {
                        let mut held: Vec<IpAddr> = wanted.addresses.clone();
                        held.retain(|address| holds(&interface, *address));
                        if filter == "network-interface-id" {
                            self.add_named(&interface);
                        } else if let (true, [only]) = (held.is_empty(), addresses.as_slice()) {
                            held.extend(only.parse::<IpAddr>());
                        }
                        for address in held {
                            self.add_holder(&interface, address).await;
                        }
                    }
                }
                Err(error) => self.fail(error),
            }
        }
        // Of an address that an interface holds, its allocation tells no more.
        let is_held = |address: &IpAddr| self.all.held.iter().any(|(held, _)| held == address);
        let left = wanted.addresses.iter().filter(|at| at.is_ipv4() && !is_held(at));
        let four: Vec<String> = left.map(ToString::to_string).collect();
        if four.is_empty() {
            return;
        }
        match elastic_addresses(&self.client, &four).await {
            Ok(addresses) => addresses.into_iter().for_each(|address| self.add_elastic(address)),
            Err(error) => self.fail(error),
        }
    }

    /// An interface that the notice names.
    fn add_named(&mut self, interface: &NetworkInterface) {
        let id = interface.network_interface_id().unwrap_or_default();
        match holder(interface) {
            Holder::Instance(instance) => {
                self.add_why(&instance, format!("has {id}, which the notice names"))
            }
            Holder::Nat(gateway) => self.note(format!("{id} in {} is of NAT gateway {gateway}", self.place)),
            Holder::Other(what) => self.note(format!("{id} in {} is {what}", self.place)),
        }
    }

    async fn add_holder(&mut self, interface: &NetworkInterface, address: IpAddr) {
        self.all.held.push((address, held_by(interface)));
        match holder(interface) {
            Holder::Instance(id) => self.add_why(&id, why_now(interface, address)),
            Holder::Nat(gateway) => self.add_behind(interface, &gateway, address).await,
            Holder::Other(what) => {
                self.note(format!("{address} in {} is held by {what}", self.place));
                match trunk_of(interface) {
                    Some(trunk) => self.add_node(&trunk, interface, address).await,
                    None if is_branch(interface) => self.add_nodes(interface, address).await,
                    None => {}
                }
            }
        }
    }

    /// A pod or task with an interface of its own sends through the trunk of the node that it runs on.
    async fn add_node(&mut self, trunk: &str, interface: &NetworkInterface, address: IpAddr) {
        match interfaces(&self.client, "network-interface-id", &[trunk.to_owned()]).await {
            Ok(trunks) => match trunks.first().map(holder) {
                Some(Holder::Instance(id)) => {
                    let branch = interface.network_interface_id().unwrap_or("its interface");
                    let why = format!("is the node of {address}: {branch} branches off its {trunk}");
                    self.add_why(&id, why);
                }
                _ => self.note(format!("the node of {address} is not known: {trunk} is attached to none")),
            },
            Err(error) => self.fail(error),
        }
    }

    /// Of a task of ECS nobody tells which trunk its interface branches off: every host with one, in its zone, is a
    /// candidate, and its history tells.
    async fn add_nodes(&mut self, interface: &NetworkInterface, address: IpAddr) {
        let branch = interface.network_interface_id().unwrap_or("its interface");
        match interfaces(&self.client, "interface-type", &["trunk".to_owned()]).await {
            Ok(trunks) => {
                let nodes = nodes_of(interface, &trunks);
                match nodes.len() {
                    0 => self.note(format!(
                        "the node of {address} is not known: no host near {branch} has a trunk"
                    )),
                    1 => {}
                    count => {
                        self.note(format!("{address} is on one of {count} nodes: which is not told by AWS"))
                    }
                }
                if nodes.len() > BEHIND_MAX {
                    self.note(format!("{} nodes of {address} are left out", nodes.len() - BEHIND_MAX));
                }
                let is_sole = nodes.len() == 1;
                for node in nodes.into_iter().take(BEHIND_MAX) {
                    let may_be = if is_sole { "is the only host" } else { "is one of the hosts" };
                    self.add_why(
                        &node,
                        format!("{may_be} off whose trunk {branch}, which holds {address}, can branch"),
                    );
                }
            }
            Err(error) => self.fail(error),
        }
    }

    /// Every instance that sends through a NAT gateway is a candidate.
    async fn add_behind(&mut self, interface: &NetworkInterface, gateway: &str, address: IpAddr) {
        let note =
            format!("{address} is held by NAT gateway {gateway}: the sender is one of the hosts behind it");
        if self.all.found.notes.contains(&note) {
            return;
        }
        self.note(note);
        let found = match subnets_behind(&self.client, gateway, interface.vpc_id().unwrap_or_default()).await
        {
            Ok(subnets) if subnets.is_empty() => Ok(Vec::new()),
            Ok(subnets) => instances(&self.client, "subnet-id", subnets).await,
            Err(error) => Err(error),
        };
        match found {
            Ok(behind) => {
                if behind.len() > BEHIND_MAX {
                    self.note(format!("{} hosts behind {gateway} are left out", behind.len() - BEHIND_MAX));
                }
                for (owner, instance) in behind.into_iter().take(BEHIND_MAX) {
                    let why = format!("sends through NAT gateway {gateway}, which holds {address} now");
                    self.all.found.hosts.push(host(self.place, owner, &instance, why));
                }
            }
            Err(error) => self.note(format!("could not find the hosts behind {gateway}: {error}")),
        }
    }

    fn add_elastic(&mut self, elastic: Elastic) {
        let address = elastic.address;
        if let (true, Ok(parsed)) = (elastic.is_attached, address.parse())
            && !self.all.held.iter().any(|(held, _)| *held == parsed)
        {
            self.all.held.push((parsed, elastic.instance.clone().unwrap_or_default()));
        }
        match elastic.instance {
            Some(id) => self.add_why(&id, format!("holds {address} now")),
            None if elastic.is_attached => {}
            None => self.note(format!(
                "{address} is an Elastic IP of {} that is attached to nothing now",
                self.place
            )),
        }
    }

    /// Reads what is known of the candidates.
    async fn describe(&mut self) {
        if self.whys.is_empty() {
            return;
        }
        match instances(&self.client, "instance-id", self.whys.keys().cloned().collect()).await {
            Ok(instances) => {
                for (owner, instance) in instances {
                    let why = instance.instance_id().and_then(|id| self.whys.get(id)).cloned();
                    self.all.found.hosts.push(host(self.place, owner, &instance, why.unwrap_or_default()));
                }
            }
            Err(error) => self.fail(error),
        }
    }

    fn add_why(&mut self, id: &str, why: String) {
        let entry = self.whys.entry(id.to_owned()).or_default();
        if entry.is_empty() {
            *entry = why;
        } else if !entry.contains(&why) {
            *entry = format!("{entry}; {why}");
        }
    }

    fn fail(&mut self, reason: String) {
        self.all.failed.get_or_insert(reason);
    }

    fn note(&mut self, note: String) {
        if !self.all.found.notes.contains(&note) {
            self.all.found.notes.push(note);
        }
    }
}

/// Why who holds an address now is a candidate. Private ones repeat, so those have their network's name.
fn why_now(interface: &NetworkInterface, address: IpAddr) -> String {
    match interface.vpc_id().filter(|_| !is_public(address)) {
        Some(vpc) => format!("holds {address} of {vpc} now"),
        None => format!("holds {address} now"),
    }
}

/// Interfaces by a filter.
pub async fn interfaces(
    client: &Client,
    name: &str,
    values: &[String],
) -> Result<Vec<NetworkInterface>, String> {
    let filter = Filter::builder().name(name).set_values(Some(values.to_vec())).build();
    let pages = client.describe_network_interfaces().filters(filter).into_paginator().items().send();
    pages.collect::<Result<Vec<_>, _>>().await.map_err(|error| reason(&error))
}

/// An Elastic IP.
pub struct Elastic {
    /// The address.
    pub address: String,
    /// The instance that it is attached to.
    instance: Option<String>,
    /// Whether it is attached to anything.
    is_attached: bool,
    /// Its allocation.
    pub allocation: Option<String>,
}

/// Elastic IPs by their addresses.
pub async fn elastic_addresses(client: &Client, values: &[String]) -> Result<Vec<Elastic>, String> {
    let filter = Filter::builder().name("public-ip").set_values(Some(values.to_vec())).build();
    let answer = client.describe_addresses().filters(filter).send().await.map_err(|error| reason(&error))?;
    let read = |address: aws_sdk_ec2::types::Address| {
        Some(Elastic {
            instance: address.instance_id.filter(|id| !id.is_empty()),
            is_attached: address.network_interface_id.or(address.association_id).is_some(),
            allocation: address.allocation_id,
            address: address.public_ip?,
        })
    };
    Ok(answer.addresses.unwrap_or_default().into_iter().filter_map(read).collect())
}

/// Instances by a filter, with their owner account. A filter also for ids: an id that is elsewhere is no error.
async fn instances(
    client: &Client,
    name: &str,
    values: Vec<String>,
) -> Result<Vec<(Option<String>, Instance)>, String> {
    let mut all = Vec::new();
    // EC2 takes 200 values a filter.
    for values in values.chunks(200) {
        let filter = Filter::builder().name(name).set_values(Some(values.to_vec())).build();
        let mut pages = client.describe_instances().filters(filter).into_paginator().send();
        while let Some(page) = pages.next().await {
            for reservation in page.map_err(|error| reason(&error))?.reservations.unwrap_or_default() {
                let owner = reservation.owner_id;
                let of_reservation = reservation.instances.unwrap_or_default();
                all.extend(of_reservation.into_iter().map(|instance| (owner.clone(), instance)));
            }
        }
    }
    Ok(all)
}

/// Running instances that are listed of one place; where there are more, none is, and the reason says so.
const RUNNING_MAX: usize = 50_000;

/// The running instances of one place.
pub async fn running(place: &Place) -> Result<Vec<HostRef>, String> {
    let _permit = place.permits.acquire().await.map_err(|error| error.to_string())?;
    let filter = Filter::builder().name("instance-state-name").values("running").build();
    let mut pages = place.ec2().describe_instances().filters(filter).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        for reservation in page.map_err(|error| reason(&error))?.reservations.unwrap_or_default() {
            let owner = reservation.owner_id;
            for instance in reservation.instances.unwrap_or_default() {
                found.push(host(place, owner.clone(), &instance, "runs".to_owned()));
            }
        }
        if found.len() > RUNNING_MAX {
            return Err(format!("more than {RUNNING_MAX} instances run"));
        }
    }
    Ok(found)
}

/// What is known of an instance by its id in one place; none where it is not there any more.
pub async fn by_id(place: &Place, id: &str, why: String) -> Result<Option<HostRef>, String> {
    let _permit = place.permits.acquire().await.map_err(|error| error.to_string())?;
    let found = instances(place.ec2(), "instance-id", vec![id.to_owned()]).await?;
    Ok(found.into_iter().next().map(|(owner, instance)| host(place, owner, &instance, why)))
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
        state: instance.state().and_then(|state| state.name()).map(|name| name.as_str().to_owned()),
        tags,
        private_addresses: addresses([instance.private_ip_address()]),
        public_addresses: addresses([instance.public_ip_address()]),
        image: instance.image_id().map(str::to_owned),
        launched: instance.launch_time().and_then(|at| Timestamp::from_second(at.secs()).ok()),
        why,
    };
    for interface in instance.network_interfaces() {
        for private in interface.private_ip_addresses() {
            extend(&mut host.private_addresses, addresses([private.private_ip_address()]));
            let public = private.association().and_then(|association| association.public_ip());
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

fn addresses<'a>(texts: impl IntoIterator<Item = Option<&'a str>>) -> Vec<IpAddr> {
    texts.into_iter().flatten().filter_map(|text| text.parse().ok()).collect()
}

fn extend(list: &mut Vec<IpAddr>, more: Vec<IpAddr>) {
    for address in more {
        if !list.contains(&address) {
            list.push(address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_that_cannot_be_entered_is_one_note() {
        let place = |account: &str, region: &str| Place {
            account: Some(account.to_owned()),
            region: region.to_owned(),
            sdk: aws_config::SdkConfig::builder().build(),
            permits: std::sync::Arc::new(tokio::sync::Semaphore::new(1)),
            entry: None,
            clients: std::sync::Arc::default(),
        };
        let regions = ["eu-west-1", "eu-west-2", "eu-west-3", "us-east-1", "us-east-2"];
        let mut places: Vec<Place> = regions.iter().map(|region| place("111122223333", region)).collect();
        places.push(place("444455556666", "me-south-1"));
        let mut failures: Vec<(&Place, String)> =
            places[..5].iter().map(|place| (place, "AccessDenied: no".to_owned())).collect();
        failures.push((&places[5], "AuthFailure: not able to validate".to_owned()));
        assert_eq!(
            failure_notes(&failures),
            [
                "could not search account 111122223333 in 5 regions (eu-west-1, eu-west-2, eu-west-3, ...): \
                 AccessDenied: no (the bot's role there may not, or may not be assumed)",
                "could not search account 444455556666 in me-south-1: AuthFailure: not able to validate \
                 (the region may not be enabled in that account)",
            ]
        );
    }
}
