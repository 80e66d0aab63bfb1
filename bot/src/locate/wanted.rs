//! What a claim gives to look for: instance ids, and addresses in every form they are written. Pure.

use std::net::IpAddr;
use std::net::Ipv4Addr;

use crate::case::Accused;

/// Addresses and ids of one claim that are looked up; EC2 takes 200 values a filter.
const LOOKED_UP_MAX: usize = 100;

/// What is looked for.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// EC2 and hybrid instance ids.
    pub instances: Vec<String>,
    /// Network interfaces, by id.
    pub interfaces: Vec<String>,
    /// Addresses, also those that a host name spells out.
    pub addresses: Vec<IpAddr>,
}

impl Wanted {
    /// Takes from an accusation what can be looked up; what cannot is noted.
    pub fn from(accused: &Accused, notes: &mut Vec<String>) -> Self {
        let mut wanted = Self {
            instances: accused.instance_ids.iter().filter(|id| is_instance_id(id)).cloned().collect(),
            interfaces: accused.instance_ids.iter().filter(|id| is_interface_id(id)).cloned().collect(),
            addresses: accused.addresses.clone(),
        };
        for hostname in &accused.hostnames {
            match address_in_hostname(hostname) {
                Some(address) if wanted.addresses.contains(&address) => {}
                Some(address) => wanted.addresses.push(address),
                None => notes.push(format!("host name {hostname} says no address; names are not looked up")),
            }
        }
        for (what, length) in
            [("instance ids", wanted.instances.len()), ("addresses", wanted.addresses.len())]
        {
            if length > LOOKED_UP_MAX {
                notes.push(format!("{} of {length} {what} are not looked up", length - LOOKED_UP_MAX));
            }
        }
        wanted.interfaces.truncate(LOOKED_UP_MAX);
        wanted.instances.truncate(LOOKED_UP_MAX);
        wanted.addresses.truncate(LOOKED_UP_MAX);
        wanted
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.instances.is_empty() && self.interfaces.is_empty() && self.addresses.is_empty()
    }

    /// Filters of DescribeNetworkInterfaces that find the addresses, one call each: filters of one call are
    /// joined by "and".
    pub fn filters(&self) -> Vec<(&'static str, Vec<String>)> {
        let texts = |keep: &dyn Fn(&IpAddr) -> bool| -> Vec<String> {
            self.addresses.iter().filter(|address| keep(address)).map(ToString::to_string).collect()
        };
        let is_private =
            |address: &IpAddr| matches!(address, IpAddr::V4(v4) if v4.is_private() || is_shared(*v4));
        let public = texts(&|address| address.is_ipv4() && !is_private(address));
        [
            ("association.public-ip", public.clone()),
            ("addresses.association.public-ip", public),
            ("addresses.private-ip-address", texts(&is_private)),
            ("ipv6-addresses.ipv6-address", texts(&|address| address.is_ipv6())),
            // An interface may hold whole prefixes, as nodes of EKS do: their addresses are listed nowhere.
            ("ipv4-prefix.ipv4-prefix", self.prefixes(true, is_private)),
            ("ipv6-prefix.ipv6-prefix", self.prefixes(false, is_private)),
            ("network-interface-id", self.interfaces.clone()),
        ]
        .into_iter()
        .filter(|(_, values)| !values.is_empty())
        .collect()
    }
}

impl Wanted {
    /// The delegated prefixes that would hold the addresses: EC2 delegates /28 of IPv4 and /80 of IPv6.
    fn prefixes(&self, four: bool, is_private: impl Fn(&IpAddr) -> bool) -> Vec<String> {
        let mut prefixes: Vec<String> = Vec::new();
        for address in &self.addresses {
            let length = match address {
                IpAddr::V4(_) if four && is_private(address) => 28,
                IpAddr::V6(_) if !four => 80,
                _ => continue,
            };
            let prefix = ipnet::IpNet::new(*address, length).map(|net| net.trunc().to_string());
            prefixes.extend(prefix.ok().filter(|prefix| !prefixes.contains(prefix)));
        }
        prefixes
    }
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let addresses = self.addresses.iter().map(ToString::to_string);
        let all: Vec<String> =
            self.instances.iter().chain(&self.interfaces).cloned().chain(addresses).collect();
        f.write_str(&all.join(", "))
    }
}

/// 100.64.0.0/10, which EKS gives to pods.
fn is_shared(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    first == 100 && (64..128).contains(&second)
}

/// Whether a text is an EC2 or hybrid instance id, old or new.
fn is_instance_id(text: &str) -> bool {
    let digits = text.strip_prefix("mi-").or_else(|| text.strip_prefix("i-")).unwrap_or_default();
    (8..=17).contains(&digits.len()) && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether a text is the id of a network interface.
fn is_interface_id(text: &str) -> bool {
    let digits = text.strip_prefix("eni-").unwrap_or_default();
    (8..=17).contains(&digits.len()) && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
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
            ("ec2-203-0-113-10.eu-west-1.compute.amazonaws.com", Some("203.0.113.10")),
            ("ip-10-0-0-7.ec2.internal", Some("10.0.0.7")),
            ("ec2-203-0-113.compute.amazonaws.com", None),
            ("www.example.com", None),
        ] {
            assert_eq!(address_in_hostname(name), expected.and_then(|text| text.parse().ok()), "{name}");
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
        let addresses = ["203.0.113.10", "10.0.0.7", "100.64.3.4", "2001:db8::1"];
        let wanted = Wanted {
            addresses: addresses.iter().map(|text| text.parse().expect("address")).collect(),
            ..Wanted::default()
        };
        let filters = wanted.filters();
        let found: Vec<(&str, usize)> = filters.iter().map(|(name, list)| (*name, list.len())).collect();
        assert_eq!(
            found,
            [
                ("association.public-ip", 1),
                ("addresses.association.public-ip", 1),
                ("addresses.private-ip-address", 2),
                ("ipv6-addresses.ipv6-address", 1),
                ("ipv4-prefix.ipv4-prefix", 2),
                ("ipv6-prefix.ipv6-prefix", 1),
            ]
        );
        assert_eq!(filters[4].1, ["10.0.0.0/28", "100.64.3.0/28"]);
        assert_eq!(filters[5].1, ["2001:db8::/80"]);
    }
}
