//! The search of one place: from ids and addresses to who holds them now, and to whoever sends through those.

use std::collections::BTreeMap;
use std::net::IpAddr;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::NetworkInterface;

use super::described::Elastic;
use super::described::elastic_addresses;
use super::described::host;
use super::described::hybrid;
use super::described::instances;
use super::described::interfaces;
use super::interface::Holder;
use super::interface::held_by;
use super::interface::holder;
use super::interface::holds;
use super::interface::is_branch;
use super::interface::nodes_of;
use super::interface::trunk_of;
use super::ledger::is_public;
use super::nat::subnets_behind;
use super::wanted::Wanted;
use crate::aws::Place;
use crate::case::Located;

/// Hosts behind one NAT gateway, or near one branch, that become candidates; further ones are counted in a note.
const BEHIND_MAX: usize = 2_000;

/// Searches one place, as far as its account's permits let it.
pub async fn search(place: &Place, wanted: &Wanted) -> Searched {
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
pub struct Searched {
    /// Candidates and notes.
    pub found: Located,
    /// Addresses that somebody holds there now, and who.
    pub held: Vec<(IpAddr, String)>,
    /// Why the place could not be searched whole; one reason is as good as many.
    pub failed: Option<String>,
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
        let nodes = match interfaces(&self.client, "interface-type", &["trunk".to_owned()]).await {
            Ok(trunks) => nodes_of(interface, &trunks),
            Err(error) => return self.fail(error),
        };
        let may_be = match nodes.len() {
            0 => {
                return self
                    .note(format!("the node of {address} is not known: no host near {branch} has a trunk"));
            }
            1 => "is the only host",
            count => {
                self.note(format!("{address} is on one of {count} nodes: which is not told by AWS"));
                "is one of the hosts"
            }
        };
        for node in self.first(nodes, &format!("nodes of {address}")) {
            let why = format!("{may_be} off whose trunk {branch}, which holds {address}, can branch");
            self.add_why(&node, why);
        }
    }

    /// As many candidates as are looked at; how many are left out is noted.
    fn first<T>(&mut self, mut candidates: Vec<T>, what: &str) -> Vec<T> {
        if candidates.len() > BEHIND_MAX {
            self.note(format!("{} {what} are left out", candidates.len() - BEHIND_MAX));
            candidates.truncate(BEHIND_MAX);
        }
        candidates
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
                for (owner, instance) in self.first(behind, &format!("hosts behind {gateway}")) {
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
