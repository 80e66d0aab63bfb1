//! What EC2 describes, page by page: interfaces, Elastic IPs, instances, and the hosts that these are.

use std::collections::BTreeMap;
use std::net::IpAddr;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::Filter;
use aws_sdk_ec2::types::Instance;
use aws_sdk_ec2::types::NetworkInterface;
use jiff::Timestamp;

use crate::aws::Place;
use crate::aws::reason;
use crate::case::HostRef;

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
    pub instance: Option<String>,
    /// Whether it is attached to anything.
    pub is_attached: bool,
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
pub async fn instances(
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

/// What a description of an instance says of it as a host; `why` is why it is a candidate.
pub fn host(place: &Place, owner: Option<String>, instance: &Instance, why: String) -> HostRef {
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
pub fn hybrid(place: &Place, id: &str) -> HostRef {
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
