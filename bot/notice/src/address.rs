//! Finds addresses in a line: IPv4, IPv6, EC2 host names, ports written beside them, masked ones.
//!
//! It only finds; who an address belongs to is settled in `roles`.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::sync::LazyLock;

use super::pattern::compile;
use ipnet::IpNet;
use regex::Regex;

/// One address as it stands in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spot {
    /// The address; none when a part of it is masked (`192.0.2.x`).
    pub ip: Option<IpAddr>,
    /// The EC2 host name it was read from.
    pub host: Option<String>,
    /// A port joined to it, as in `192.0.2.1:22` or tcpdump's `192.0.2.1.22`.
    pub port: Option<u16>,
    /// A number after a slash: a prefix length, or a port in some logs.
    pub slash: Option<u16>,
    /// Byte offset of its first character in the line.
    pub start: usize,
    /// Byte offset after its last character, port included.
    pub end: usize,
}

impl Spot {
    /// Returns the network that it names, where it names no host.
    pub fn network(&self) -> Option<IpNet> {
        let bits = self.slash.filter(|_| self.is_network()).and_then(|bits| u8::try_from(bits).ok());
        IpNet::new(self.ip?, bits?).ok().map(|net| net.trunc())
    }

    /// Says whether it names a network rather than a host.
    pub fn is_network(&self) -> bool {
        match (self.ip, self.slash) {
            (Some(IpAddr::V4(_)), Some(bits)) => bits < 32,
            (Some(IpAddr::V6(_)), Some(bits)) => bits < 128,
            _ => false,
        }
    }
}

/// Finds all addresses of a line, in order.
pub(super) fn find(line: &str) -> Vec<Spot> {
    let mut spots = find_v4(line);
    if line.contains("::") || line.bytes().filter(|byte| *byte == b':').count() >= 7 {
        find_v6(line, &mut spots);
    }
    if line.contains("ec2-") {
        find_ec2_hosts(line, &mut spots);
    }
    spots.sort_by_key(|spot| spot.start);
    spots
}

/// Says whether an address can never be a host that somebody accuses.
pub(super) fn is_nobody(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            v4.is_unspecified()
                || v4.is_loopback()
                || v4.is_broadcast()
                || v4.is_multicast()
                || v4.octets()[0] == 0
                || v4.octets()[0] >= 240
        }
        IpAddr::V6(v6) => v6.is_unspecified() || v6.is_loopback() || v6.is_multicast(),
    }
}

/// Says whether an address has a meaning only inside somebody's own network.
pub(super) fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            v4.is_private() || v4.is_link_local() || (v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64)
        }
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// Says whether an address is a public resolver that texts mention without accusing it.
pub(super) fn is_well_known(ip: IpAddr) -> bool {
    const KNOWN: [&str; 8] = [
        "8.8.8.8",
        "8.8.4.4",
        "1.1.1.1",
        "1.0.0.1",
        "9.9.9.9",
        "208.67.222.222",
        "208.67.220.220",
        "4.2.2.2",
    ];
    KNOWN.iter().any(|known| known.parse() == Ok(ip))
}

/// Says whether an address lies in one of some networks.
pub(super) fn is_within(ip: IpAddr, networks: &[IpNet]) -> bool {
    networks.iter().any(|network| network.contains(&ip))
}

fn find_v4(line: &str) -> Vec<Spot> {
    let bytes = line.as_bytes();
    let mut spots = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() || !may_start(bytes, at) {
            at += 1;
            continue;
        }
        match read_v4(bytes, at) {
            Some(spot) => {
                at = spot.end;
                spots.push(spot);
            }
            None => {
                while at < bytes.len() && (bytes[at].is_ascii_digit() || bytes[at] == b'.') {
                    at += 1;
                }
            }
        }
    }
    spots
}

/// Says whether an address may begin here, judging by what stands before.
fn may_start(bytes: &[u8], at: usize) -> bool {
    let Some(before) = at.checked_sub(1).map(|index| bytes[index]) else {
        return true;
    };
    if before.is_ascii_alphanumeric() || matches!(before, b'_' | b'.' | b'%') {
        return false;
    }
    if before == b'-' && at >= 2 && bytes[at - 2].is_ascii_alphanumeric() {
        return bytes[at - 2].is_ascii_digit();
    }
    if before != b'/' {
        return true;
    }
    // "Chrome/96.0.4664.110" is a version; "outside/192.0.2.1" and "//192.0.2.1" are not.
    let word_start =
        bytes[..at - 1].iter().rposition(|byte| !byte.is_ascii_alphanumeric()).map_or(0, |index| index + 1);
    let word = &bytes[word_start..at - 1];
    let interfaces: [&[u8]; 9] =
        [b"outside", b"inside", b"dmz", b"tcp", b"udp", b"wan", b"lan", b"src", b"dst"];
    word.is_empty()
        || word.iter().all(u8::is_ascii_digit)
        || interfaces.iter().any(|name| word.eq_ignore_ascii_case(name))
}

fn read_v4(bytes: &[u8], start: usize) -> Option<Spot> {
    let mut octets = [0u8; 4];
    let mut masked = false;
    let mut at = start;
    for (index, octet) in octets.iter_mut().enumerate() {
        if index > 0 {
            if bytes.get(at) != Some(&b'.') {
                return None;
            }
            at += 1;
        }
        let end = at + bytes[at..].iter().take(3).take_while(|byte| byte.is_ascii_digit()).count();
        if end > at {
            let digits = std::str::from_utf8(&bytes[at..end]).ok()?;
            *octet = digits.parse().ok()?;
            at = end;
        } else {
            let mask =
                bytes[at..].iter().take(3).take_while(|byte| matches!(byte, b'x' | b'X' | b'*')).count();
            if mask == 0 {
                return None;
            }
            masked = true;
            at += mask;
        }
    }
    let mut spot = Spot {
        ip: (!masked).then(|| IpAddr::V4(Ipv4Addr::from(octets))),
        host: None,
        port: None,
        slash: None,
        start,
        end: at,
    };
    read_suffix(bytes, &mut spot).then_some(spot)
}

/// Reads a port or prefix length joined to the address; false when it was no address at all.
fn read_suffix(bytes: &[u8], spot: &mut Spot) -> bool {
    let next = bytes.get(spot.end).copied();
    let after = bytes.get(spot.end + 1).copied();
    match (next, after) {
        (Some(byte), _) if byte.is_ascii_alphanumeric() || byte == b'_' => return false,
        (Some(b'-'), _) if is_version_tail(&bytes[spot.end + 1..]) => return false,
        (Some(b'.'), Some(byte)) if byte.is_ascii_lowercase() => return false,
        _ => {}
    }
    let (number, end) = number_at(bytes, spot.end + 1);
    match (next, number) {
        (Some(b'.'), Some(port)) => {
            let more = bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
            let is_word = bytes.get(end).is_some_and(|byte| byte.is_ascii_alphabetic());
            if more || is_word {
                return false;
            }
            spot.port = Some(port);
            spot.end = end;
        }
        (Some(b':' | b'#'), Some(port)) => {
            let is_time = bytes.get(end) == Some(&b':') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
            if !is_time {
                spot.port = Some(port);
                spot.end = end;
            }
        }
        (Some(b'('), Some(port)) if bytes.get(end) == Some(&b')') => {
            spot.port = Some(port);
            spot.end = end + 1;
        }
        (Some(b'/'), Some(number)) => {
            spot.slash = Some(number);
            spot.end = end;
        }
        (Some(b'.' | b'/'), None) if after.is_some_and(|byte| byte.is_ascii_digit()) => {
            return false;
        }
        _ => {}
    }
    true
}

/// Says whether "-1ubuntu" or "-static" goes on: a version or a host name, no address.
fn is_version_tail(rest: &[u8]) -> bool {
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    rest.get(digits).is_some_and(u8::is_ascii_alphabetic)
}

/// Reads a number of at most five digits that fits a port.
fn number_at(bytes: &[u8], at: usize) -> (Option<u16>, usize) {
    let Some(rest) = bytes.get(at..) else {
        return (None, at);
    };
    let len = rest.iter().take(6).take_while(|byte| byte.is_ascii_digit()).count();
    let digits = std::str::from_utf8(&rest[..len]).unwrap_or_default();
    (digits.parse().ok(), at + len)
}

fn find_v6(line: &str, spots: &mut Vec<Spot>) {
    let bytes = line.as_bytes();
    let is_part = |byte: u8| byte.is_ascii_hexdigit() || byte == b':';
    let mut at = 0;
    while at < bytes.len() {
        if !is_part(bytes[at]) || (at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_'))
        {
            at += 1;
            continue;
        }
        let start = at;
        while at < bytes.len() && is_part(bytes[at]) {
            at += 1;
        }
        if at - start >= 4
            && let Some(spot) = read_v6(bytes, start, at)
        {
            at = spot.end;
            spots.retain(|other| other.start < start || other.start >= spot.end);
            spots.push(spot);
        }
    }
}

fn read_v6(bytes: &[u8], start: usize, run_end: usize) -> Option<Spot> {
    let mut end = run_end;
    if bytes.get(end).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
        return None;
    }
    // A label or a sentence may leave a colon at either end.
    let text = std::str::from_utf8(&bytes[start..end]).ok()?;
    let bare = text.strip_suffix(':').filter(|it| !it.ends_with(':')).unwrap_or(text);
    let lead = usize::from(bare.starts_with(':') && !bare.starts_with("::"));
    end = start + bare.len();
    let ip: Ipv6Addr = bare[lead..].parse().ok()?;
    let first = ip.segments()[0];
    let is_real = first & 0xe000 == 0x2000 || first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80;
    if !is_real {
        return None;
    }
    let mut spot =
        Spot { ip: Some(IpAddr::V6(ip)), host: None, port: None, slash: None, start: start + lead, end };
    let next = bytes.get(end).copied();
    let at = match next {
        Some(b']') if bytes.get(end + 1) == Some(&b':') => end + 2,
        Some(b'/' | b'.' | b'#') => end + 1,
        _ => return Some(spot),
    };
    let (number, after) = number_at(bytes, at);
    if let Some(number) = number {
        spot.end = after;
        match next {
            Some(b'/') => spot.slash = Some(number),
            _ => spot.port = Some(number),
        }
    }
    Some(spot)
}

static EC2_HOST: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?i)\bec2-(\d{1,3})-(\d{1,3})-(\d{1,3})-(\d{1,3})\.(?:[a-z0-9-]+\.compute|compute-1)\.amazonaws\.com(?:\.cn)?(?::(\d{1,5}))?";
    compile(pattern)
});

fn find_ec2_hosts(line: &str, spots: &mut Vec<Spot>) {
    for found in EC2_HOST.captures_iter(line) {
        let Some(whole) = found.get(0) else { continue };
        let octets: Vec<u8> = (1..=4).filter_map(|index| found[index].parse().ok()).collect();
        let Ok(octets) = <[u8; 4]>::try_from(octets) else {
            continue;
        };
        let port = found.get(5).and_then(|it| it.as_str().parse().ok());
        let name = whole.as_str().to_ascii_lowercase();
        let host =
            found.get(5).map_or(name.as_str(), |it| &name[..it.start() - whole.start() - 1]).to_owned();
        spots.push(Spot {
            ip: Some(IpAddr::V4(Ipv4Addr::from(octets))),
            host: Some(host),
            port,
            slash: None,
            start: whole.start(),
            end: whole.end(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::find;

    fn check(line: &str, expect: &[&str]) {
        let found: Vec<String> = find(line)
            .iter()
            .map(|spot| {
                let ip = spot.ip.map_or("masked".to_owned(), |ip| ip.to_string());
                let port = spot.port.map(|port| format!(" port {port}")).unwrap_or_default();
                let slash = spot.slash.map(|bits| format!(" /{bits}")).unwrap_or_default();
                format!("{ip}{port}{slash}")
            })
            .collect();
        assert_eq!(found, expect, "{line}");
    }

    #[test]
    fn finds_addresses_and_ports() {
        check("from 192.0.2.1 port 22", &["192.0.2.1"]);
        check("192.0.2.1:4242 -> 198.51.100.7:22", &["192.0.2.1 port 4242", "198.51.100.7 port 22"]);
        check("IP 192.0.2.1.27015 > 74.91.119.x.80: UDP", &["192.0.2.1 port 27015", "masked port 80"]);
        check("tcp src outside:192.0.2.1/123 dst inside:10.0.0.2/22", &["192.0.2.1 /123", "10.0.0.2 /22"]);
        check("denied tcp 192.0.2.1(123) -> 10.0.0.2(22)", &["192.0.2.1 port 123", "10.0.0.2 port 22"]);
        check("our network 198.51.100.0/24.", &["198.51.100.0 /24"]);
        check("SRC=192.0.2.1 DST=198.51.100.7", &["192.0.2.1", "198.51.100.7"]);
        check("end with 192.0.2.1. Next", &["192.0.2.1"]);
        check("[2001:db8::1]:443 and 2001:db8:0:1::9.", &["2001:db8::1 port 443", "2001:db8:0:1::9"]);
        check("ec2-192-0-2-1.eu-west-1.compute.amazonaws.com x", &["192.0.2.1"]);
        check("ec2-192-0-2-1.compute-1.amazonaws.com:80", &["192.0.2.1 port 80"]);
        check("8.12.162.0-8.12.164.255", &["8.12.162.0", "8.12.164.255"]);
        check("192.168.001.010", &["192.168.1.10"]);
    }

    #[test]
    fn refuses_what_only_looks_like_one() {
        check("Chrome/96.0.4664.110 Safari/537.36", &[]);
        check("version 1.2.3.4-1ubuntu or v1.2.3.4 or 1.3.6.1.4.1.311", &[]);
        check("4.3.2.1.in-addr.arpa 192.0.2.1.example.com", &[]);
        check("300.1.2.3 1.2.3 12:30:45 aa:bb:cc:dd:ee:ff std::fmt", &[]);
        check("16:ab:cd:ef:00:11:22:33:44:55:66:77:88:99:aa:bb", &[]);
    }
}
