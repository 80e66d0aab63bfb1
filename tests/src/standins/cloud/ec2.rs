//! EC2's descriptions of instances, interfaces and routes, with the filters that the bot asks by.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

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

/// A further network interface: of a pod, a task, a load balancer, or a second one of an instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interface {
    /// Its id, such as `eni-0123456789abcdef0`.
    pub id: String,
    /// Its account.
    pub account: String,
    /// Its region.
    pub region: String,
    /// Its kind, as EC2 writes it.
    pub kind: String,
    /// What its maker wrote.
    pub description: String,
    /// The instance that it is attached to.
    pub instance: Option<String>,
    /// Its private addresses, each with the public one that stands for it.
    pub addresses: Vec<(Ipv4Addr, Option<Ipv4Addr>)>,
    /// Its IPv6 addresses.
    pub six: Vec<Ipv6Addr>,
    /// Prefixes that are delegated to it, such as `10.0.1.16/28`.
    pub prefixes: Vec<String>,
    /// Its tags.
    pub tags: Vec<(String, String)>,
}

/// Where the flow logs of a network go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlowLogs {
    /// To a log group, in a format of its own or the default one.
    Group(String),
    /// To S3: the ARN of a bucket, and what stands behind it.
    S3(String),
}

/// The one network of every account.
const VPC: &str = "vpc-0123456789abcdef0";

/// Public addresses that moved since the beginning, by instance.
pub(super) type Moved = BTreeMap<String, Option<Ipv4Addr>>;

pub(super) fn call(
    terms: &Terms,
    moved: &Moved,
    name: &str,
    account: &str,
    region: &str,
    form: &[(String, String)],
) -> Result<String, Refusal> {
    let filters = filters(form);
    let hosts = || terms.hosts.iter().filter(|host| host.account == account && host.region == region);
    let nats = || terms.nats.iter().filter(|nat| nat.account == account && nat.region == region);
    let public = |host: &Host| moved.get(&host.id).copied().unwrap_or(host.public);
    let (list, items) = match name {
        "DescribeNetworkInterfaces" => {
            let of_hosts = hosts().filter_map(|host| {
                let known = |filter: &str| match filter {
                    "association.public-ip" | "addresses.association.public-ip" => {
                        public(host).iter().map(ToString::to_string).collect()
                    }
                    "addresses.private-ip-address" => vec![host.private.to_string()],
                    "attachment.instance-id" => vec![host.id.clone()],
                    "network-interface-id" => vec![interface_id(host)],
                    _ => Vec::new(),
                };
                fits(&filters, known).then(|| interface(host, public(host)))
            });
            let further = terms.interfaces.iter().filter(|it| it.account == account && it.region == region);
            let further = further.filter(|it| fits(&filters, |filter| it.known(filter))).map(Interface::xml);
            let of_nats = nats().filter_map(|nat| {
                let known = |filter: &str| match filter {
                    "association.public-ip" | "addresses.association.public-ip" => {
                        vec![nat.public.to_string()]
                    }
                    _ => Vec::new(),
                };
                fits(&filters, known).then(|| nat_interface(nat))
            });
            ("networkInterfaceSet", of_hosts.chain(of_nats).chain(further).collect::<String>())
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
            ("reservationSet", found.map(|host| reservation(account, host, public(host))).collect())
        }
        "DescribeRouteTables" => ("routeTableSet", nats().map(routes).collect()),
        "DescribeSubnets" => ("subnetSet", String::new()),
        "DescribeFlowLogs" => ("flowLogSet", terms.flow_logs.iter().map(flow_log).collect()),
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

impl Interface {
    /// What a filter finds it by.
    fn known(&self, filter: &str) -> Vec<String> {
        let public = || self.addresses.iter().filter_map(|(_, public)| *public);
        match filter {
            "association.public-ip" => self
                .addresses
                .first()
                .and_then(|(_, public)| *public)
                .iter()
                .map(ToString::to_string)
                .collect(),
            "addresses.association.public-ip" => public().map(|public| public.to_string()).collect(),
            "addresses.private-ip-address" => {
                self.addresses.iter().map(|(private, _)| private.to_string()).collect()
            }
            "ipv6-addresses.ipv6-address" => self.six.iter().map(ToString::to_string).collect(),
            "ipv4-prefix.ipv4-prefix" | "ipv6-prefix.ipv6-prefix" => self.prefixes.clone(),
            "network-interface-id" => vec![self.id.clone()],
            "attachment.instance-id" => self.instance.clone().into_iter().collect(),
            "interface-type" => vec![self.kind.clone()],
            _ => Vec::new(),
        }
    }

    fn xml(&self) -> String {
        let association = |public: &Option<Ipv4Addr>| {
            let public = public.map(|at| format!("<association><publicIp>{at}</publicIp></association>"));
            public.unwrap_or_default()
        };
        let set = |name: &str, items: String| format!("<{name}>{items}</{name}>");
        let attachment = self.instance.as_ref();
        let attachment =
            attachment.map(|id| format!("<attachment><instanceId>{id}</instanceId></attachment>"));
        let private = self.addresses.iter().map(|(private, public)| {
            let association = association(public);
            format!("<item><privateIpAddress>{private}</privateIpAddress>{association}</item>")
        });
        let six = self.six.iter().map(|at| format!("<item><ipv6Address>{at}</ipv6Address></item>"));
        let (four, rest): (Vec<&String>, Vec<&String>) =
            self.prefixes.iter().partition(|prefix| !prefix.contains(':'));
        let prefixes = |name: &str, list: &[&String]| -> String {
            list.iter().map(|prefix| format!("<item><{name}>{prefix}</{name}></item>")).collect()
        };
        let tags = self.tags.iter();
        let tags = tags.map(|(key, value)| format!("<item><key>{key}</key><value>{value}</value></item>"));
        let primary = self.addresses.first().map(|(private, public)| {
            format!("<privateIpAddress>{private}</privateIpAddress>{}", association(public))
        });
        format!(
            "<item><networkInterfaceId>{}</networkInterfaceId><vpcId>{VPC}</vpcId><interfaceType>{}</interfaceType>\
             <description>{}</description>{}{}{}{}{}{}{}</item>",
            self.id,
            self.kind,
            self.description,
            attachment.unwrap_or_default(),
            primary.unwrap_or_default(),
            set("privateIpAddressesSet", private.collect()),
            set("ipv6AddressesSet", six.collect()),
            set("ipv4PrefixSet", prefixes("ipv4Prefix", &four)),
            set("ipv6PrefixSet", prefixes("ipv6Prefix", &rest)),
            set("tagSet", tags.collect()),
        )
    }
}

fn flow_log(log: &FlowLogs) -> String {
    let destination = match log {
        FlowLogs::Group(group) => format!(
            "<logDestinationType>cloud-watch-logs</logDestinationType><logGroupName>{group}</logGroupName>"
        ),
        FlowLogs::S3(arn) => {
            format!("<logDestinationType>s3</logDestinationType><logDestination>{arn}</logDestination>")
        }
    };
    format!(
        "<item><flowLogId>fl-0123456789abcdef0</flowLogId><resourceId>{VPC}</resourceId>\
         <trafficType>ALL</trafficType>{destination}</item>"
    )
}

fn interface_id(host: &Host) -> String {
    format!("eni-{}", host.id.trim_start_matches("i-"))
}

fn interface(host: &Host, public: Option<Ipv4Addr>) -> String {
    let mut xml = format!(
        "<item><networkInterfaceId>{}</networkInterfaceId><subnetId>{}</subnetId><vpcId>{VPC}</vpcId>\
         <interfaceType>interface</interfaceType><attachment><instanceId>{}</instanceId></attachment>\
         <privateIpAddress>{}</privateIpAddress>",
        interface_id(host),
        host.subnet,
        host.id,
        host.private
    );
    let association =
        public.map(|public| format!("<association><publicIp>{public}</publicIp></association>"));
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

fn reservation(account: &str, host: &Host, public: Option<Ipv4Addr>) -> String {
    let public = public.map(|public| format!("<ipAddress>{public}</ipAddress>")).unwrap_or_default();
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
