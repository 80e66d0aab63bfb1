//! EC2's descriptions of instances, interfaces and routes, with the filters that the bot asks by.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use super::Refusal;
use super::Terms;
use super::UNKNOWN;
use super::of;
use super::refuse;

/// An instance with one interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Its id, such as `i-0123456789abcdef0`.
    pub id: String,
    /// Its account.
    pub account: String,
    /// Its region.
    pub region: String,
    /// Its address in its network.
    pub private: Ipv4Addr,
    /// Its public address, where it has one.
    pub public: Option<Ipv4Addr>,
    /// Its subnet.
    pub subnet: String,
}

/// A NAT gateway, to which one subnet's routes lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nat {
    /// Its id, such as `nat-0123456789abcdef0`.
    pub id: String,
    /// Its account.
    pub account: String,
    /// Its region.
    pub region: String,
    /// Its public address.
    pub public: Ipv4Addr,
    /// The subnet of who is behind it.
    pub behind: String,
}

/// The one network of every account.
const VPC: &str = "vpc-0123456789abcdef0";

pub(super) fn call(
    terms: &Terms,
    name: &str,
    account: &str,
    region: &str,
    form: &[(String, String)],
) -> Result<String, Refusal> {
    let filters = filters(form);
    let hosts = || terms.hosts.iter().filter(|host| host.account == account && host.region == region);
    let nats = || terms.nats.iter().filter(|nat| nat.account == account && nat.region == region);
    let (list, items) = match name {
        "DescribeNetworkInterfaces" => {
            let of_hosts = hosts().filter_map(|host| {
                let known = |filter: &str| match filter {
                    "association.public-ip" | "addresses.association.public-ip" => {
                        host.public.iter().map(ToString::to_string).collect()
                    }
                    "addresses.private-ip-address" => vec![host.private.to_string()],
                    "attachment.instance-id" => vec![host.id.clone()],
                    _ => Vec::new(),
                };
                fits(&filters, known).then(|| interface(host))
            });
            let of_nats = nats().filter_map(|nat| {
                let known = |filter: &str| match filter {
                    "association.public-ip" | "addresses.association.public-ip" => {
                        vec![nat.public.to_string()]
                    }
                    _ => Vec::new(),
                };
                fits(&filters, known).then(|| nat_interface(nat))
            });
            ("networkInterfaceSet", of_hosts.chain(of_nats).collect::<String>())
        }
        // Every public address here is one that EC2 assigned by itself.
        "DescribeAddresses" => ("addressesSet", String::new()),
        "DescribeInstances" => {
            let found = hosts().filter(|host| {
                fits(&filters, |filter| match filter {
                    "instance-id" => vec![host.id.clone()],
                    "subnet-id" => vec![host.subnet.clone()],
                    _ => Vec::new(),
                })
            });
            ("reservationSet", found.map(|host| reservation(account, host)).collect())
        }
        "DescribeRouteTables" => ("routeTableSet", nats().map(routes).collect()),
        "DescribeSubnets" => ("subnetSet", String::new()),
        _ => return refuse(UNKNOWN, name),
    };
    let space = "http://ec2.amazonaws.com/doc/2016-11-15/";
    let (open, close) = if items.is_empty() {
        (format!("<{list}/>"), String::new())
    } else {
        (format!("<{list}>{items}"), format!("</{list}>"))
    };
    Ok(format!("<{name}Response xmlns=\"{space}\"><requestId>0</requestId>{open}{close}</{name}Response>"))
}

/// Filters by name, with the values that fit.
fn filters(form: &[(String, String)]) -> Vec<(String, Vec<String>)> {
    let mut filters = Vec::new();
    for number in 1.. {
        let Some(name) = of(form, &format!("Filter.{number}.Name")) else { break };
        let mut values = Vec::new();
        while let Some(value) = of(form, &format!("Filter.{number}.Value.{}", values.len() + 1)) {
            values.push(value.to_owned());
        }
        filters.push((name.to_owned(), values));
    }
    filters
}

fn fits(filters: &[(String, Vec<String>)], known: impl Fn(&str) -> Vec<String>) -> bool {
    filters.iter().all(|(name, values)| known(name).iter().any(|value| values.contains(value)))
}

fn interface(host: &Host) -> String {
    let suffix = host.id.trim_start_matches("i-");
    let mut xml = format!(
        "<item><networkInterfaceId>eni-{suffix}</networkInterfaceId><subnetId>{}</subnetId><vpcId>{VPC}</vpcId>\
         <interfaceType>interface</interfaceType><attachment><instanceId>{}</instanceId></attachment>\
         <privateIpAddress>{}</privateIpAddress>",
        host.subnet, host.id, host.private
    );
    let association =
        host.public.map(|public| format!("<association><publicIp>{public}</publicIp></association>"));
    let association = association.unwrap_or_default();
    let _ = write!(
        xml,
        "{association}<privateIpAddressesSet><item><privateIpAddress>{}</privateIpAddress>{association}</item>\
         </privateIpAddressesSet></item>",
        host.private
    );
    xml
}

fn nat_interface(nat: &Nat) -> String {
    let suffix = nat.id.trim_start_matches("nat-");
    format!(
        "<item><networkInterfaceId>eni-{suffix}</networkInterfaceId><subnetId>subnet-public</subnetId>\
         <vpcId>{VPC}</vpcId><interfaceType>nat_gateway</interfaceType>\
         <description>Interface for NAT Gateway {}</description>\
         <association><publicIp>{}</publicIp></association></item>",
        nat.id, nat.public
    )
}

fn reservation(account: &str, host: &Host) -> String {
    let public = host.public.map(|public| format!("<ipAddress>{public}</ipAddress>")).unwrap_or_default();
    format!(
        "<item><ownerId>{account}</ownerId><instancesSet><item><instanceId>{}</instanceId>\
         <imageId>ami-0123456789abcdef0</imageId><instanceState><code>16</code><name>running</name></instanceState>\
         <privateIpAddress>{}</privateIpAddress>{public}<launchTime>2026-11-01T08:00:00.000Z</launchTime>\
         <subnetId>{}</subnetId><vpcId>{VPC}</vpcId>\
         <tagSet><item><key>Owner</key><value>platform</value></item></tagSet></item></instancesSet></item>",
        host.id, host.private, host.subnet
    )
}

fn routes(nat: &Nat) -> String {
    format!(
        "<item><routeTableId>rtb-0123456789abcdef0</routeTableId><vpcId>{VPC}</vpcId><routeSet><item>\
         <destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><natGatewayId>{}</natGatewayId></item></routeSet>\
         <associationSet><item><subnetId>{}</subnetId><main>false</main></item></associationSet></item>",
        nat.id, nat.behind
    )
}
