//! A set of remote endpoints, packed: some 20 bits for each of many random addresses, one bit for each port of a
//! range. Pure; what is unpacked may be hostile.
//!
//! The bytes are sections, one after the other, at most one for IPv4 and one for IPv6. A section begins with one
//! byte: bit 0 is 1 for IPv6, bits 1 and 2 are its shape.
//!
//! | shape | follows |
//! |---|---|
//! | 0, by port | a list of ports, then for each of them a list of addresses |
//! | 1, by address | a list of addresses, then for each of them a list of ports |
//! | 2, product | a list of addresses, then a list of ports: every one with every other |
//!
//! A list is a rising row of numbers: how many (LEB128, at least 1), the first (2 bytes for a port, 4 or 16 for an
//! address, big endian) and, where there are more, one byte `k` and the differences to the number before, less 1, in
//! Rice code with parameter `k` (quotient by 2^k as so many 1 bits and a 0 bit, then k bits of remainder), most
//! significant bit first, padded with 0 bits to a whole byte.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;

use crate::event::Endpoint;

/// Endpoints that one set may hold; a set that says it has more is damaged.
pub const SET_MAX: usize = 1 << 18;

/// A set of endpoints in its packed form.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct EndpointSet {
    bytes: Vec<u8>,
}

impl EndpointSet {
    /// Packs endpoints; of equal ones it holds one, and no more than [`SET_MAX`].
    pub fn new(mut endpoints: Vec<Endpoint>) -> Self {
        endpoints.sort_unstable();
        endpoints.dedup();
        endpoints.truncate(SET_MAX);
        let mut bytes = Vec::new();
        for v6 in [false, true] {
            let of_family = endpoints.iter().filter(|endpoint| endpoint.address.is_ipv6() == v6);
            let pairs: Vec<_> = of_family.map(|endpoint| (number(endpoint.address), endpoint.port)).collect();
            if !pairs.is_empty() {
                bytes.extend(section(v6, &pairs));
            }
        }
        Self { bytes }
    }

    /// Takes packed bytes; none where they are not such a set.
    pub fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        let set = Self { bytes };
        set.unpack().map(|_| set)
    }

    /// The packed bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The endpoints, rising.
    pub fn endpoints(&self) -> Vec<Endpoint> {
        // One that was made here or checked when it was read unpacks.
        let mut endpoints = self.unpack().unwrap_or_default();
        endpoints.sort_unstable();
        endpoints
    }

    /// Whether one of the addresses is one that is asked for.
    pub fn any(&self, asked: impl Fn(IpAddr) -> bool) -> bool {
        self.unpack().unwrap_or_default().iter().any(|endpoint| asked(endpoint.address))
    }

    fn unpack(&self) -> Option<Vec<Endpoint>> {
        let mut reader = Reader { bytes: &self.bytes };
        let mut endpoints = Vec::new();
        while let Some((head, rest)) = reader.bytes.split_first() {
            reader.bytes = rest;
            let bytes_of_address = match head & 1 {
                0 => 4,
                _ => 16,
            };
            let mut put = |address: u128, port: u128| {
                let address = match bytes_of_address {
                    4 => IpAddr::V4(u32::try_from(address).ok()?.into()),
                    _ => IpAddr::V6(address.into()),
                };
                endpoints.push(Endpoint { address, port: u16::try_from(port).ok()? });
                (endpoints.len() <= SET_MAX).then_some(())
            };
            match head >> 1 {
                0 => {
                    for port in reader.list(2)? {
                        reader.list(bytes_of_address)?.into_iter().try_for_each(|it| put(it, port))?;
                    }
                }
                1 => {
                    for address in reader.list(bytes_of_address)? {
                        reader.list(2)?.into_iter().try_for_each(|port| put(address, port))?;
                    }
                }
                2 => {
                    let (addresses, ports) = (reader.list(bytes_of_address)?, reader.list(2)?);
                    for address in addresses {
                        ports.iter().try_for_each(|port| put(address, *port))?;
                    }
                }
                _ => return None,
            }
        }
        Some(endpoints)
    }
}

impl fmt::Debug for EndpointSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.endpoints()).finish()
    }
}

/// In JSON a list of `address:port`; in the log its bytes.
impl Serialize for EndpointSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_seq(self.endpoints().iter().map(ToString::to_string))
        } else {
            self.bytes.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for EndpointSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wrong = || serde::de::Error::custom("no set of endpoints");
        if deserializer.is_human_readable() {
            let texts = Vec::<std::net::SocketAddr>::deserialize(deserializer)?;
            let endpoint = |at: &std::net::SocketAddr| Endpoint { address: at.ip(), port: at.port() };
            Ok(Self::new(texts.iter().map(endpoint).collect()))
        } else {
            Self::from_bytes(Vec::deserialize(deserializer)?).ok_or_else(wrong)
        }
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for EndpointSet {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "EndpointSet".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "array",
            "description": "Endpoints, each once: 192.0.2.1:22 or [2001:db8::1]:22.",
            "items": {"type": "string"},
        })
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }
}

/// The endpoints of one family, sorted and each once, in the shape that is smallest.
fn section(v6: bool, pairs: &[(u128, u16)]) -> Vec<u8> {
    let bytes_of_address = if v6 { 16 } else { 4 };
    let mut by_port: BTreeMap<u16, Vec<u128>> = BTreeMap::new();
    let mut by_address: BTreeMap<u128, Vec<u128>> = BTreeMap::new();
    for (address, port) in pairs {
        by_port.entry(*port).or_default().push(*address);
        by_address.entry(*address).or_default().push(u128::from(*port));
    }
    let ports: Vec<u128> = by_port.keys().map(|port| u128::from(*port)).collect();
    let addresses: Vec<u128> = by_address.keys().copied().collect();
    let head = |shape: u8| vec![shape << 1 | u8::from(v6)];
    if ports.len() * addresses.len() == pairs.len() {
        let mut product = head(2);
        put_list(&mut product, &addresses, bytes_of_address);
        put_list(&mut product, &ports, 2);
        return product;
    }
    let mut first = head(0);
    put_list(&mut first, &ports, 2);
    for addresses in by_port.values() {
        put_list(&mut first, addresses, bytes_of_address);
    }
    let mut second = head(1);
    put_list(&mut second, &addresses, bytes_of_address);
    for ports in by_address.values() {
        put_list(&mut second, ports, 2);
    }
    if first.len() <= second.len() { first } else { second }
}

/// Writes a rising row of numbers that is not empty.
fn put_list(out: &mut Vec<u8>, values: &[u128], width: usize) {
    let mut count = values.len();
    while count >= 0x80 {
        out.push(count as u8 | 0x80);
        count >>= 7;
    }
    out.push(count as u8);
    let Some(first) = values.first() else { return };
    out.extend(&first.to_be_bytes()[16 - width..]);
    let gaps: Vec<u128> = values.windows(2).map(|pair| pair[1] - pair[0] - 1).collect();
    if gaps.is_empty() {
        return;
    }
    let k = rice_parameter(&gaps, width * 8);
    out.push(k as u8);
    let (mut held, mut bits) = (0u8, 0);
    let mut put = |bit: bool| {
        held = held << 1 | u8::from(bit);
        bits += 1;
        if bits == 8 {
            out.push(held);
            (held, bits) = (0, 0);
        }
    };
    for gap in gaps {
        for _ in 0..gap.checked_shr(k).unwrap_or(0) {
            put(true);
        }
        put(false);
        for bit in (0..k).rev() {
            put(gap >> bit & 1 == 1);
        }
    }
    while bits != 0 {
        held <<= 1;
        bits += 1;
        if bits == 8 {
            out.push(held);
            bits = 0;
        }
    }
}

/// The parameter by which the gaps take the fewest bits.
fn rice_parameter(gaps: &[u128], bits: usize) -> u32 {
    let mean = gaps.iter().fold(0u128, |sum, gap| sum.saturating_add(*gap)) / gaps.len() as u128;
    let about = 128 - mean.leading_zeros();
    let size = |k: &u32| {
        let unary = |gap: &u128| gap.checked_shr(*k).unwrap_or(0);
        gaps.iter().fold((gaps.len() as u128) * u128::from(k + 1), |sum, gap| sum.saturating_add(unary(gap)))
    };
    // Where gaps differ wildly the largest decides, and it is never far above a mean's bits plus those of the count.
    let end = (about + 2).min(bits as u32 - 1);
    (about.saturating_sub(3).min(end)..=end).min_by_key(size).unwrap_or(end)
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*byte)
    }

    fn list(&mut self, width: usize) -> Option<Vec<u128>> {
        let mut count = 0usize;
        for shift in (0..).step_by(7).take(3) {
            let byte = self.byte()?;
            count |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        if count == 0 || count > SET_MAX {
            return None;
        }
        let (first, rest) = self.bytes.split_at_checked(width)?;
        self.bytes = rest;
        let mut value = first.iter().fold(0u128, |value, byte| value << 8 | u128::from(*byte));
        let most = if width == 16 { u128::MAX } else { (1 << (width * 8)) - 1 };
        // Each number takes a bit at least: a small input cannot ask for much memory.
        let mut values = Vec::with_capacity(count.min(1 + self.bytes.len() * 8));
        values.push(value);
        if count == 1 {
            return Some(values);
        }
        let k = u32::from(self.byte()?);
        if k as usize >= width * 8 {
            return None;
        }
        let mut bits = Bits { bytes: self.bytes, at: 0 };
        for _ in 1..count {
            let mut quotient = 0u128;
            while bits.next()? {
                quotient += 1;
            }
            let mut gap = quotient.checked_mul(1 << k)?;
            for bit in (0..k).rev() {
                gap |= u128::from(bits.next()?) << bit;
            }
            value = value.checked_add(gap)?.checked_add(1).filter(|value| *value <= most)?;
            values.push(value);
        }
        self.bytes = self.bytes.get(bits.at.div_ceil(8)..)?;
        Some(values)
    }
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn next(&mut self) -> Option<bool> {
        let byte = *self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1 == 1;
        self.at += 1;
        Some(bit)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::net::Ipv6Addr;

    use proptest::prelude::*;

    use super::*;

    fn v4(address: u32, port: u16) -> Endpoint {
        Endpoint { address: Ipv4Addr::from(address).into(), port }
    }

    /// Bytes a target takes, of so many endpoints.
    fn check(endpoints: Vec<Endpoint>, bytes_max: f64) {
        let mut expected = endpoints.clone();
        expected.sort();
        expected.dedup();
        let set = EndpointSet::new(endpoints);
        assert_eq!(set.endpoints(), expected);
        assert_eq!(EndpointSet::from_bytes(set.as_bytes().to_vec()), Some(set.clone()));
        let each = set.as_bytes().len() as f64 / expected.len().max(1) as f64;
        assert!(each <= bytes_max, "{each} bytes a target");
    }

    fn random(index: u32) -> u32 {
        let mut x = index.wrapping_mul(0x9e37_79b9) ^ 0x5bd1_e995;
        x ^= x >> 15;
        x = x.wrapping_mul(0x2c1b_3c6d);
        x ^= x >> 12;
        x.wrapping_mul(0x297a_2d39) ^ x >> 15
    }

    #[test]
    fn scans_of_every_shape_are_small() {
        check((1..=1000).map(|port| v4(0xc633_6414, port)).collect(), 0.2);
        check((0..65_535).map(|port| v4(0xc633_6414, port)).collect(), 0.2);
        check((0..1 << 16).map(|host| v4(0x0a00_0000 | host, 22)).collect(), 0.2);
        check((0..100_000).map(|index| v4(random(index), 443)).collect(), 2.2);
        check((0..10_000).map(|index| v4(random(index), 443)).collect(), 2.6);
        check((0..1_000).map(|index| v4(random(index), 23)).collect(), 3.0);
        check((0..1_000).map(|index| v4(random(index / 20), [22, 80][index as usize % 2])).collect(), 3.0);
    }

    #[test]
    fn a_few_odd_ones_are_kept_too() {
        let v6 = |low: u128, port| Endpoint { address: Ipv6Addr::from(low).into(), port };
        check(Vec::new(), 0.0);
        check(vec![v4(0, 0)], 20.0);
        check(vec![v4(u32::MAX, u16::MAX), v4(0, 0)], 20.0);
        check(vec![v6(u128::MAX, 1), v6(0, u16::MAX), v4(7, 7)], 40.0);
        check((0..1000).map(|host| v6(0x2001_0db8 << 96 | host, 22)).collect(), 0.2);
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(
            v4s in proptest::collection::vec((any::<u32>(), any::<u16>()), 0..60),
            near in proptest::collection::vec((0..300u32, 0..20u16), 0..60),
            v6s in proptest::collection::vec((any::<u128>(), any::<u16>()), 0..20),
        ) {
            let v6 = v6s.iter().map(|(low, port)| Endpoint { address: Ipv6Addr::from(*low).into(), port: *port });
            let v4 = v4s.iter().chain(&near).map(|(address, port)| v4(*address, *port));
            check(v4.chain(v6).collect(), f64::INFINITY);
        }

        #[test]
        fn hostile_bytes_are_refused_or_a_set(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Some(set) = EndpointSet::from_bytes(bytes) {
                prop_assert!(set.endpoints().len() <= SET_MAX);
            }
        }

        #[test]
        fn cut_or_flipped_it_does_not_panic(count in 1..200u32, cut in any::<u16>(), bit in any::<u16>()) {
            let mut bytes = EndpointSet::new((0..count).map(|i| v4(random(i), i as u16 % 3)).collect()).bytes;
            let bit = usize::from(bit) % (bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            let _ = EndpointSet::from_bytes(bytes.clone());
            bytes.truncate(usize::from(cut) % bytes.len());
            let _ = EndpointSet::from_bytes(bytes);
        }
    }
}
