//! What holds a network interface: an instance, or something that has no host to ask.

use std::net::IpAddr;

use aws_sdk_ec2::types::Ipv4PrefixSpecification;
use aws_sdk_ec2::types::Ipv6PrefixSpecification;
use aws_sdk_ec2::types::NetworkInterface;
use aws_sdk_ec2::types::NetworkInterfaceAssociation;
use aws_sdk_ec2::types::NetworkInterfaceAttachment;
use aws_sdk_ec2::types::NetworkInterfaceIpv6Address;
use aws_sdk_ec2::types::NetworkInterfacePrivateIpAddress;
use aws_sdk_ec2::types::NetworkInterfaceType;
use serde_json::Value;

/// Who stands behind an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// An instance, by its id.
    Instance(String),
    /// A NAT gateway, by its id: the sender is one of the hosts behind it.
    Nat(String),
    /// Something else, in words.
    Other(String),
}

/// Reads who holds an interface from its attachment, type, requester and description.
pub fn holder(interface: &NetworkInterface) -> Holder {
    let instance = interface.attachment().and_then(|attachment| attachment.instance_id());
    if let Some(id) = instance.filter(|id| id.starts_with("i-")) {
        return Holder::Instance(id.to_owned());
    }
    let id = interface.network_interface_id().unwrap_or("an interface without id");
    let description = interface.description().unwrap_or_default();
    let kind = interface.interface_type().map_or("interface", |kind| kind.as_str());
    let requester = interface.requester_id().unwrap_or_default();
    if let Some(gateway) = gateway(kind, description) {
        return Holder::Nat(gateway.unwrap_or(id).to_owned());
    }
    Holder::Other(format!("{} ({id})", describe(kind, requester, description)))
}

/// Who holds an interface, as the ledger names it.
pub fn held_by(interface: &NetworkInterface) -> String {
    match holder(interface) {
        Holder::Instance(id) | Holder::Nat(id) | Holder::Other(id) => id,
    }
}

/// The trunk that an interface branches off, where Kubernetes' controller of interfaces says so.
pub fn trunk_of(interface: &NetworkInterface) -> Option<String> {
    let tag = interface.tag_set().iter().find(|tag| tag.key() == Some(TRUNK_TAG))?;
    tag.value().filter(|id| id.starts_with("eni-")).map(str::to_owned)
}

/// Whether an interface branches off a trunk of some host, whichever it is.
pub fn is_branch(interface: &NetworkInterface) -> bool {
    interface.interface_type().is_some_and(|kind| kind.as_str() == BRANCH)
}

/// The instances that a branch may be on, of those with a trunk: in its network and its zone, as far as these are told.
pub fn nodes_of(branch: &NetworkInterface, trunks: &[NetworkInterface]) -> Vec<String> {
    let agree =
        |one: Option<&str>, other: Option<&str>| one.zip(other).is_none_or(|(one, other)| one == other);
    let near = trunks.iter().filter(|trunk| {
        agree(branch.vpc_id(), trunk.vpc_id()) && agree(branch.availability_zone(), trunk.availability_zone())
    });
    let mut nodes: Vec<String> = near
        .filter_map(|trunk| match holder(trunk) {
            Holder::Instance(id) => Some(id),
            Holder::Nat(_) | Holder::Other(_) => None,
        })
        .collect();
    nodes.sort();
    nodes.dedup();
    nodes
}

/// EC2's word for an interface that branches off a trunk.
const BRANCH: &str = "branch";

/// The tag by which the VPC resource controller of EKS names a branch's trunk.
const TRUNK_TAG: &str = "vpcresources.k8s.aws/trunk-eni-id";

/// All addresses that an interface holds.
pub fn addresses_of(interface: &NetworkInterface) -> Vec<IpAddr> {
    let mut texts = vec![
        interface.private_ip_address(),
        interface.association().and_then(|association| association.public_ip()),
    ];
    for private in interface.private_ip_addresses() {
        texts.push(private.private_ip_address());
        texts.push(private.association().and_then(|association| association.public_ip()));
    }
    texts.extend(interface.ipv6_addresses().iter().map(|six| six.ipv6_address()));
    let mut held: Vec<IpAddr> = texts.into_iter().flatten().filter_map(|text| text.parse().ok()).collect();
    held.sort();
    held.dedup();
    held
}

/// Whether an interface holds an address, itself or in a prefix that is delegated to it.
pub fn holds(interface: &NetworkInterface, address: IpAddr) -> bool {
    let four = interface.ipv4_prefixes().iter().filter_map(|prefix| prefix.ipv4_prefix());
    let six = interface.ipv6_prefixes().iter().filter_map(|prefix| prefix.ipv6_prefix());
    let in_prefix = |text: &str| text.parse::<ipnet::IpNet>().is_ok_and(|net| net.contains(&address));
    addresses_of(interface).contains(&address) || four.chain(six).any(in_prefix)
}

/// An interface as AWS Config keeps it: EC2's own description, in JSON.
pub fn from_config(configuration: &Value) -> NetworkInterface {
    let text = |value: &Value, name: &str| value[name].as_str().map(str::to_owned);
    let items = |name: &str| configuration[name].as_array().into_iter().flatten();
    let association = |of: &Value| {
        let address = text(&of["association"], "publicIp");
        address.map(|address| NetworkInterfaceAssociation::builder().public_ip(address).build())
    };
    let attachment = text(&configuration["attachment"], "instanceId");
    let attachment =
        attachment.map(|instance| NetworkInterfaceAttachment::builder().instance_id(instance).build());
    let private = items("privateIpAddresses").map(|item| {
        NetworkInterfacePrivateIpAddress::builder()
            .set_private_ip_address(text(item, "privateIpAddress"))
            .set_association(association(item))
            .build()
    });
    let six = items("ipv6Addresses").map(|item| {
        NetworkInterfaceIpv6Address::builder().set_ipv6_address(text(item, "ipv6Address")).build()
    });
    let prefixes = items("ipv4Prefixes")
        .map(|item| Ipv4PrefixSpecification::builder().set_ipv4_prefix(text(item, "ipv4Prefix")).build());
    let six_prefixes = items("ipv6Prefixes")
        .map(|item| Ipv6PrefixSpecification::builder().set_ipv6_prefix(text(item, "ipv6Prefix")).build());
    NetworkInterface::builder()
        .set_network_interface_id(text(configuration, "networkInterfaceId"))
        .set_interface_type(text(configuration, "interfaceType").as_deref().map(NetworkInterfaceType::from))
        .set_requester_id(text(configuration, "requesterId"))
        .set_description(text(configuration, "description"))
        .set_attachment(attachment)
        .set_association(association(configuration))
        .set_private_ip_address(text(configuration, "privateIpAddress"))
        .set_private_ip_addresses(Some(private.collect()))
        .set_ipv6_addresses(Some(six.collect()))
        .set_ipv4_prefixes(Some(prefixes.collect()))
        .set_ipv6_prefixes(Some(six_prefixes.collect()))
        .build()
}

/// Whether it is a NAT gateway's, and its id where the description names it.
fn gateway<'a>(kind: &str, description: &'a str) -> Option<Option<&'a str>> {
    // The SDK's documentation spells the type one way and the service another.
    let is_gateway = matches!(kind, "natGateway" | "nat_gateway") || description.contains("NAT Gateway");
    is_gateway.then(|| description.split_whitespace().find(|word| word.starts_with("nat-")))
}

fn describe(kind: &str, requester: &str, description: &str) -> String {
    if let Some(name) = description.strip_prefix("ELB ") {
        return format!("load balancer {name}");
    }
    if kind.contains("load_balancer") || kind.contains("loadBalancer") || requester == "amazon-elb" {
        return "a load balancer".to_owned();
    }
    if kind == "lambda" || description.starts_with("AWS Lambda") {
        return "a Lambda function: there is no host to ask".to_owned();
    }
    // A task of ECS too, where its host is one of the account's own.
    if kind == BRANCH {
        return "a pod or task interface (branch)".to_owned();
    }
    if description.contains(":attachment/") || requester.contains("fargate") {
        return "an ECS or Fargate task: there is no host to ask".to_owned();
    }
    format!("{kind} that is attached to no instance")
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ec2::types::NetworkInterfaceAttachment;
    use aws_sdk_ec2::types::NetworkInterfaceType;

    fn check(kind: &str, description: &str, expected: &str) {
        let interface = NetworkInterface::builder()
            .network_interface_id("eni-1")
            .interface_type(NetworkInterfaceType::from(kind))
            .description(description)
            .build();
        match holder(&interface) {
            Holder::Other(text) => assert!(text.contains(expected), "{text}"),
            Holder::Nat(id) => assert_eq!(id, expected),
            Holder::Instance(id) => panic!("{id}"),
        }
    }

    #[test]
    fn what_has_no_host_is_named() {
        check("nat_gateway", "Interface for NAT Gateway nat-0a1", "nat-0a1");
        check("natGateway", "", "eni-1");
        check("interface", "Interface for NAT Gateway nat-0a1", "nat-0a1");
        check("interface", "ELB app/web/0123", "load balancer app/web/0123");
        check("network_load_balancer", "", "a load balancer");
        check("lambda", "", "Lambda");
        check("interface", "arn:aws:ecs:eu-west-1:111122223333:attachment/0a", "Fargate");
        check("branch", "", "pod");
        check("branch", "arn:aws:ecs:eu-west-1:111122223333:attachment/0a", "pod or task");
        check("interface", "", "attached to no instance");
    }

    #[test]
    fn an_address_in_a_delegated_prefix_is_the_nodes() {
        use aws_sdk_ec2::types::Ipv4PrefixSpecification;
        let interface = NetworkInterface::builder()
            .private_ip_address("10.0.0.7")
            .ipv4_prefixes(Ipv4PrefixSpecification::builder().ipv4_prefix("10.0.1.16/28").build())
            .build();
        for (address, expected) in
            [("10.0.0.7", true), ("10.0.1.20", true), ("10.0.1.32", false), ("10.0.0.8", false)]
        {
            assert_eq!(holds(&interface, address.parse().expect("address")), expected, "{address}");
        }
    }

    #[test]
    fn a_branch_is_on_a_host_with_a_trunk_in_its_zone() {
        let interface = |kind: &str, vpc: &str, zone: Option<&str>, instance: Option<&str>| {
            let attachment = instance.map(|id| NetworkInterfaceAttachment::builder().instance_id(id).build());
            NetworkInterface::builder()
                .interface_type(NetworkInterfaceType::from(kind))
                .vpc_id(vpc)
                .set_availability_zone(zone.map(str::to_owned))
                .set_attachment(attachment)
                .build()
        };
        let branch = interface("branch", "vpc-1", Some("eu-west-1a"), None);
        assert!(is_branch(&branch));
        let trunks = [
            interface("trunk", "vpc-1", Some("eu-west-1a"), Some("i-2")),
            interface("trunk", "vpc-1", None, Some("i-1")),
            interface("trunk", "vpc-1", Some("eu-west-1b"), Some("i-3")),
            interface("trunk", "vpc-2", Some("eu-west-1a"), Some("i-4")),
            interface("trunk", "vpc-1", Some("eu-west-1a"), None),
        ];
        assert!(!is_branch(&trunks[0]));
        assert_eq!(nodes_of(&branch, &trunks), ["i-1", "i-2"]);
    }

    #[test]
    fn an_instance_is_named_by_its_id() {
        let interface = NetworkInterface::builder()
            .attachment(NetworkInterfaceAttachment::builder().instance_id("i-0a").build())
            .build();
        assert_eq!(holder(&interface), Holder::Instance("i-0a".to_owned()));
    }
}
