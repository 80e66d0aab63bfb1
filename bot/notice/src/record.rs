//! One observed event in a line: who, to whom, which ports, when. Log extracts of any program.

use std::net::IpAddr;
use std::sync::LazyLock;

use regex::Regex;

use super::address;
use super::address::Spot;
use super::label;
use super::label::Kind;
use super::label::Role;
use super::lines::Line;
use super::pattern::compile;
use super::time::Stamp;
use crate::claim::Activity;
use crate::claim::ClaimProtocol;

/// One observed event.
#[derive(Debug, Default, Clone)]
pub(super) struct Record {
    /// Where it came from.
    pub source: Option<IpAddr>,
    /// The port there.
    pub source_port: Option<u16>,
    /// The name of the host there.
    pub source_host: Option<String>,
    /// Where it went.
    pub target: Option<IpAddr>,
    /// The port there.
    pub target_port: Option<u16>,
    /// The protocol.
    pub protocol: Option<ClaimProtocol>,
    /// When, one time or a beginning and an end.
    pub stamps: Vec<Stamp>,
    /// What, where the row itself says so.
    pub activity: Option<Activity>,
    /// The instance there, where it stands in the place of an address.
    pub source_instance: Option<String>,
    /// A cell of it says that what it tells of is ordinary: it is about nobody.
    pub is_cleared: bool,
    /// One that it names beside whom it clears, and that other rows show as the source.
    pub spares: Option<IpAddr>,
    /// What in the line gave the direction.
    pub how: &'static str,
}

impl Record {
    /// Says whether it tells of an event: when, or between whom.
    pub fn is_event(&self) -> bool {
        !self.stamps.is_empty() || (self.source.is_some() && self.target.is_some())
    }

    /// Turns it around: what was its target is its source.
    pub fn turn(&mut self) {
        std::mem::swap(&mut self.source, &mut self.target);
        std::mem::swap(&mut self.source_port, &mut self.target_port);
        self.source_host = None;
    }
}

/// Returns the protocol that a word names.
pub(super) fn protocol(word: &str) -> Option<ClaimProtocol> {
    Some(match word.trim().to_ascii_lowercase().as_str() {
        "tcp" | "6" => ClaimProtocol::Tcp,
        "udp" | "17" => ClaimProtocol::Udp,
        "icmp" | "icmpv6" | "1" | "58" => ClaimProtocol::Icmp,
        "gre" | "esp" | "sctp" | "47" | "50" | "132" => ClaimProtocol::Other,
        _ => return None,
    })
}

static PROTOCOL_WORD: LazyLock<Regex> =
    LazyLock::new(|| compile(r"(?i)\b(?:proto(?:col)?[=: ]+)?(tcp|udp|icmp(?:v6)?)\b"));
static KEY_VALUE: LazyLock<Regex> =
    LazyLock::new(|| compile(r#"\b([A-Za-z][A-Za-z_.-]{1,30})\s?[=:]\s?"?(\[?[0-9A-Za-z.:-]{1,60})"#));
static ARROW: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^[^0-9A-Za-z]{0,3}(?:\s*(?:\d{1,5}|port\s\d{1,5}|[a-z_\d]{1,12}:?))?\s*(-{1,2}>|={1,2}>|>|\u{2192}|\bto\b|\binto\b)\s*(?:[a-z_\d]{1,12}[:/])?\s*[^0-9A-Za-z]{0,2}$",
    )
});
static BACK_ARROW: LazyLock<Regex> =
    LazyLock::new(|| compile(r"^[^0-9A-Za-z]{0,3}\s*(<-{1,2}|<=+|\u{2190})\s*[^0-9A-Za-z]{0,2}$"));
static ACCESS_LOG: LazyLock<Regex> =
    LazyLock::new(|| compile(r"\s(?:-|\S{1,60}) (?:-|\S{1,60}) \[\d{1,2}/[A-Z][a-z]{2}/\d{4}:"));
static PORT_AFTER: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)^[\s,)\]]{0,3}(?:on\s)?(?:(?:s(?:ou)?rc?e?|dst|dest(?:ination)?|remote|local)\s?)?ports?[\s:=#]{0,2}(\d{1,5})\b",
    )
});

/// Flags of TCP that only who was asked first sends, or both.
static ANSWER_FLAGS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"Flags \[(?:R\.?|S\.|F\.?|P?\.)\]|\bSYN[-, /]{0,2}ACK\b|\bRST\b|\[(?:RST|SYN), ?ACK\]|\s\.A[.P][.R][.SF]\.?\s|\sS[.]?A[.]?\s",
    )
});
static BUILT_OUTBOUND: LazyLock<Regex> = LazyLock::new(|| compile(r"(?i)\b(?:built|teardown)\s+outbound\b"));
/// A VPC flow log's row of the default format, from the protocol's number on.
static FLOW_LOG_TAIL: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"^\s+(\d{1,5})\s+(\d{1,5})\s+(\d{1,3})\s+\d+\s+\d+\s+(1\d{9})\s+(1\d{9})\s+(?:ACCEPT|REJECT)\b")
});
/// Whoever asks does so from a port that is at least this.
pub(super) const ASKING_PORTS: u16 = 1024;

/// A row of a VPC flow log that somebody pasted: whose interface it is of does not matter, the ports tell who asked.
fn flow_log(line: &Line<'_>) -> Option<Record> {
    let [from, to] = &line.spots[..] else { return None };
    let tail = FLOW_LOG_TAIL.captures(line.text.get(to.end..)?)?;
    let ports = [tail[1].parse().ok()?, tail[2].parse().ok()?];
    let stamp = |nth: usize| super::time::epoch(&tail[nth]);
    let mut record = Record {
        source: from.ip,
        source_port: Some(ports[0]),
        target: to.ip,
        target_port: Some(ports[1]),
        protocol: protocol(&tail[3]),
        stamps: [stamp(4), stamp(5)].into_iter().flatten().collect(),
        how: PORTS,
        ..Record::default()
    };
    if ports[0] < ASKING_PORTS && ports[1] >= ASKING_PORTS {
        record.turn();
    }
    Some(record)
}

/// Reads a line as one event, when something in it gives the direction.
pub(super) fn read(line: &Line<'_>) -> Option<Record> {
    if line.spots.is_empty() {
        return None;
    }
    let mut record = flow_log(line)
        .or_else(|| arrow(line))
        .or_else(|| keys(line))
        .or_else(|| access_log(line))
        .or_else(|| in_order(line))?;
    // A service that answers: who asked it is the other side.
    let answers = record.source_port.is_some_and(|port| port < ASKING_PORTS)
        && record.target_port.is_some_and(|port| port >= ASKING_PORTS)
        && ANSWER_FLAGS.is_match(line.text);
    // A firewall names the outer side first, whoever asked.
    // Whether it was asked at all, or somebody forged the question, the answer alone does not tell.
    if answers {
        record.how = ORDER;
    }
    if line.text.contains("utbound") && BUILT_OUTBOUND.is_match(line.text) {
        record.turn();
    }
    if !record.stamps.is_empty() {
        return Some(record);
    }
    let stamps = line.stamps.clone();
    let protocol = record
        .protocol
        .or_else(|| PROTOCOL_WORD.captures(line.text).and_then(|found| named_protocol(&found)));
    Some(Record { stamps, protocol, ..record })
}

fn named_protocol(found: &regex::Captures<'_>) -> Option<ClaimProtocol> {
    protocol(&found[1])
}

/// Reads a line whose two addresses an arrow joins, whatever else stands in it.
pub(super) fn drawn_arrow(line: &Line<'_>) -> Option<Record> {
    let is_drawn = ["->", "=>", "<-", "<=", "\u{2192}", "\u{2190}"].iter().any(|it| line.text.contains(it));
    arrow(line).filter(|_| is_drawn)
}

/// `a:1 -> b:2`, `a.1 > b.2:`, `a to b`, and the same the other way round.
fn arrow(line: &Line<'_>) -> Option<Record> {
    for pair in line.spots.windows(2) {
        let between = line.text.get(pair[0].end..pair[1].start)?;
        if between.len() > 60 {
            continue;
        }
        let (from, to) = if ARROW.is_match(between) {
            (&pair[0], &pair[1])
        } else if BACK_ARROW.is_match(between) {
            (&pair[1], &pair[0])
        } else {
            continue;
        };
        let is_prose =
            between.trim().eq_ignore_ascii_case("to") && from.port.is_none() && line.text.len() > 300;
        // "against 192.0.2.1 back to 192.0.2.2": a word before "to" makes it no direction of a log.
        let is_word =
            ARROW.captures(between).and_then(|it| it.get(1)).is_some_and(|it| it.as_str().ends_with('o'));
        let before = between.split(" to").next().unwrap_or_default();
        let says = before.split(|it: char| !it.is_alphabetic()).any(|it| it.len() > 1 && it != "port");
        // Without ports it is one only in an entry that begins with its time.
        let is_entry = line.stamps.first().is_some_and(|stamp| stamp.start < 24)
            || port_of(from, line.text).is_some()
            || port_of(to, line.text).is_some();
        if is_prose || (is_word && (says || !is_entry)) || (from.ip.is_none() && to.ip.is_none()) {
            continue;
        }
        let mut record = Record { how: "an arrow between two addresses", ..Record::default() };
        record.source = from.ip;
        record.source_port = port_of(from, line.text);
        record.target = to.ip.filter(|_| !is_wide_network(to));
        record.target_port = port_of(to, line.text);
        return Some(record);
    }
    None
}

fn is_wide_network(spot: &Spot) -> bool {
    matches!((spot.ip, spot.slash), (Some(IpAddr::V4(_)), Some(8 | 16 | 24))) && spot.port.is_none()
}

/// Returns the port of an address: joined, after a slash, or in the words that follow.
pub(super) fn port_of(spot: &Spot, text: &str) -> Option<u16> {
    if spot.port.is_some() || spot.slash.is_some() {
        return spot.port.or(spot.slash);
    }
    let found = PORT_AFTER.captures(text.get(spot.end..)?)?;
    found[1].parse().ok()
}

/// `SRC=a DST=b SPT=1 DPT=2`, `src outside:a/1 dst inside:b/2`, `rip=a, lip=b`, `from a port 1`.
fn keys(line: &Line<'_>) -> Option<Record> {
    let mut rank = 0;
    let mut record = Record { how: KEYS, ..Record::default() };
    // An alert on an answer names the server as its source; the flow inside it names who asked.
    let flow = line.text.find("\"flow\":").unwrap_or(0);
    let in_flow = line.spots.iter().filter(|spot| spot.start > flow).count() >= 2;
    for spot in line.spots.iter().filter(|spot| !in_flow || spot.start > flow) {
        let Some(key) = key_before(line.text, spot.start) else {
            continue;
        };
        // A bare word is a key only in a log, which begins with a time.
        let is_log = line.stamps.first().is_some_and(|stamp| stamp.start < 8);
        if is_bare_word(line.text, spot.start) && !is_log && port_of(spot, line.text).is_none() {
            continue;
        }
        let Some(role) = label::meaning(&key).role else {
            continue;
        };
        let own = rank_of_source(&key);
        match role {
            Role::Accused if record.source.is_none() || own > rank => {
                rank = own;
                record.source = spot.ip;
                record.source_port = port_of(spot, line.text);
            }
            Role::Victim if record.target.is_none() => {
                record.target = spot.ip;
                record.target_port = port_of(spot, line.text);
            }
            _ => {}
        }
    }
    if record.source.is_none() || (record.target.is_none() && line.stamps.is_empty()) {
        return None;
    }
    for found in KEY_VALUE.captures_iter(line.text) {
        let meaning = label::meaning(&found[1]);
        match (meaning.kind, meaning.role, found[2].parse::<u16>()) {
            (Kind::Port, Some(Role::Accused), Ok(port)) => record.source_port = Some(port),
            (Kind::Port, _, Ok(port)) => record.target_port = Some(port),
            (Kind::Protocol, ..) => record.protocol = protocol(&found[2]),
            _ => {}
        }
    }
    Some(record)
}

/// Says how firmly a key names the source: "src" means nobody else, "client" may be whose log it is, and "origin" mostly is.
fn rank_of_source(key: &str) -> u8 {
    let plain = |word: &String| {
        ["src", "source", "saddr", "attacker", "xff", "forwarded"].iter().any(|it| word.starts_with(it))
    };
    let words = label::words(key);
    match () {
        () if words.iter().any(plain) => 2,
        () if words == ["origin"] => 0,
        () => 1,
    }
}

/// Says whether nothing but a blank joins what stands before to a value.
fn is_bare_word(text: &str, at: usize) -> bool {
    text[..at]
        .trim_end_matches(['[', '"', '\'', '(', '<', ' '])
        .ends_with(|letter: char| letter.is_alphanumeric())
}

/// How an address is reached, written before it: `RemoteAddress="IPV4/UDP/192.0.2.1/5060"`.
static TRANSPORT: LazyLock<Regex> =
    LazyLock::new(|| compile(r"(?i)\b(?:ipv[46]/(?:udp|tcp|tls|wss?|sctp)/|(?:udp|tcp|tls|sctp)://)$"));

/// Returns the key joined to a value: `SRC=`, `src outside:`, `rhost=`, `"src_ip": "`, `[client `.
fn key_before(text: &str, at: usize) -> Option<String> {
    let before = text.get(..at)?.trim_end_matches(['[', '"', '\'', '(', '<', ' ', '\u{201c}']);
    let before = TRANSPORT
        .find(before)
        .map_or(before, |transport| before[..transport.start()].trim_end_matches(['"', '\'', '[']));
    let joined =
        before.strip_suffix(['=', ':', '/']).map(str::trim_end).map(|key| key.trim_end_matches(['"', '\'']));
    let word = |text: &str| {
        let start = text
            .rfind(|letter: char| !(letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.')))
            .map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
        text[start..].to_owned()
    };
    let last = word(joined.unwrap_or(before));
    // "src outside:a": the interface stands between the key and the value.
    if joined.is_some() && label::meaning(&last).role.is_none() {
        let earlier = joined?.strip_suffix(last.as_str())?.trim_end();
        return Some(word(earlier))
            .filter(|key| matches!(key.to_ascii_lowercase().as_str(), "src" | "dst" | "from" | "to"));
    }
    if joined.is_none() {
        return Some(last).filter(|key| {
            matches!(
                key.to_ascii_lowercase().as_str(),
                "src" | "dst" | "from" | "client" | "rhost" | "source" | "destination" | "attacker"
            )
        });
    }
    Some(last)
}

/// How a row is known whose addresses stand at keys.
pub(super) const KEYS: &str = "the keys of a log line";

/// How the client of a web server is known.
pub(super) const WEB: &str = "the client of a web server's log";

/// How a row is known whose two addresses merely follow each other.
pub(super) const ORDER: &str = "two addresses in a row";

/// How a row is known whose ports tell which side is the client.
const PORTS: &str = "two addresses and the ports of a client and a service";

/// In so many cells after two addresses their ports stand.
const PORT_CELLS: usize = 4;

/// `...,a,b,1,2,...`: logs without any sign name the source before the target.
fn in_order(line: &Line<'_>) -> Option<Record> {
    let [from, to] = &line.spots[..] else {
        return None;
    };
    let between = line.text.get(from.end..to.start)?;
    const SEPARATORS: [char; 6] = [',', ';', '\t', '|', ' ', '"'];
    // "a,b,1,2" and "a,1,b,2".
    let inner = between.trim_matches(SEPARATORS);
    let own_port = inner.parse::<u16>().ok();
    let joined = !between.is_empty() && between.len() <= 12 && (inner.is_empty() || own_port.is_some());
    // "Destinations 192.0.2.1, 192.0.2.2": a word before both speaks of both.
    let word = line.text[..from.start].split_whitespace().next_back().unwrap_or_default();
    let is_word = word.chars().all(|letter| letter.is_alphabetic() || letter == ':');
    let names_targets = is_word && label::meaning(word).role == Some(Role::Victim);
    if !joined || line.stamps.is_empty() || names_targets {
        return None;
    }
    let rest = line.text.get(to.end..)?;
    let cells = rest.split(SEPARATORS).filter(|cell| !cell.is_empty()).take(PORT_CELLS);
    let mut numbers = cells.filter_map(|cell| cell.parse::<u16>().ok());
    let pair = match own_port {
        Some(port) => Some(port).zip(numbers.next()),
        None => numbers.next().zip(numbers.next()),
    };
    let ends = [from.port.or(pair.map(|(port, _)| port)), to.port.or(pair.map(|(_, port)| port))];
    let is_service = |port: Option<u16>| port.is_some_and(|port| port > 0 && port < 1024);
    let is_client = |port: Option<u16>| port.is_some_and(|port| port >= 1024);
    let (from, to, ends, how) = match ends {
        [first, second] if is_client(first) && is_service(second) => (from, to, ends, PORTS),
        // The side of the service stands first: its client is the other.
        [first, second] if is_service(first) && is_client(second) => (to, from, [second, first], PORTS),
        _ => (from, to, ends, ORDER),
    };
    Some(Record {
        source: from.ip,
        source_port: ends[0],
        target: to.ip,
        target_port: ends[1],
        how,
        ..Record::default()
    })
}

/// The fields in which proxies say for whom they ask.
static FORWARDED_FOR: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r#"(?i)(?:x-forwarded-for|xff|forwarded|for|cf-connecting-ip|x-real-ip|true-client-ip|x-client-ip|client[_-]?ip|client)["']?\s*[=:]\s*["'\[]?$"#,
    )
});

/// A web server's log: the client stands first, unless the server's own address does.
fn access_log(line: &Line<'_>) -> Option<Record> {
    let first = line.spots.first()?;
    if first.start > 160 || !ACCESS_LOG.is_match(line.text) {
        return None;
    }
    let bracket = line.text.find('[')?;
    // Who asked a proxy stands behind, under a name of its own or as the last field.
    let behind = line.spots.iter().filter(|spot| spot.start > bracket).find(|spot| {
        let (before, after) = (&line.text[..spot.start], &line.text[spot.end..]);
        FORWARDED_FOR.is_match(before) || before.ends_with('"') && after.trim_end() == "\""
    });
    // A proxy within asks for nobody outside.
    let is_far = |client: &&Spot| {
        let is_private = |spot: &Spot| spot.ip.is_some_and(address::is_private);
        !is_private(client) || is_private(first)
    };
    if let Some(client) = behind.filter(is_far) {
        return Some(Record {
            source: client.ip,
            how: "the client behind a proxy in a web server's log",
            ..Record::default()
        });
    }
    let client = line.spots.iter().rfind(|spot| spot.start < bracket)?;
    let server = Some(first).filter(|first| first.start != client.start);
    Some(Record { source: client.ip, target: server.and_then(|spot| spot.ip), how: WEB, ..Record::default() })
}

#[cfg(test)]
mod tests {
    use super::super::document::Section;
    use super::super::document::SectionRole;
    use super::super::lines;
    use super::read;

    fn check(text: &str, expect: &str) {
        let sections = [Section { role: SectionRole::Body, name: "body".to_owned(), text: text.to_owned() }];
        let lines = lines::cut(&sections);
        let found = read(&lines[0]).map_or("none".to_owned(), |row| {
            let end = |ip: Option<std::net::IpAddr>, port: Option<u16>| {
                format!("{}:{}", ip.map_or("-".to_owned(), |ip| ip.to_string()), port.unwrap_or(0))
            };
            format!("{} {}", end(row.source, row.source_port), end(row.target, row.target_port))
        });
        assert_eq!(found, expect, "{text}");
    }

    #[test]
    fn reads_log_lines() {
        check(
            "Jan 15 10:00:00 fw kernel: IN=eth0 SRC=192.0.2.1 DST=198.51.100.7 LEN=60 PROTO=TCP SPT=4242 DPT=22",
            "192.0.2.1:4242 198.51.100.7:22",
        );
        check("10:00:00.1 IP 192.0.2.1.4242 > 198.51.100.7.22: Flags [S]", "192.0.2.1:4242 198.51.100.7:22");
        check("192.0.2.1:4242 -> 198.51.100.7:22 TCP", "192.0.2.1:4242 198.51.100.7:22");
        check(
            "%ASA-4-106023: Deny tcp src outside:192.0.2.1/4242 dst inside:198.51.100.7/22 by access-group",
            "192.0.2.1:4242 198.51.100.7:22",
        );
        check(
            "list acl denied tcp 192.0.2.1(4242) -> 198.51.100.7(22), 1 packet",
            "192.0.2.1:4242 198.51.100.7:22",
        );
        check(
            "Deny TCP (no connection) from 192.0.2.1/4242 to 198.51.100.7/22 flags SYN",
            "192.0.2.1:4242 198.51.100.7:22",
        );
        check(
            "Jan 15 10:00:00 web sshd[1]: Failed password for root from 192.0.2.1 port 4242 ssh2",
            "192.0.2.1:4242 -:0",
        );
        check(
            "192.0.2.1 - - [15/Jan/2024:10:00:00 +0000] \"GET /wp-login.php HTTP/1.1\" 404 5 \"-\" \"x\"",
            "192.0.2.1:0 -:0",
        );
        check("[Mon Jan 15 10:00:00 2024] [error] [client 192.0.2.1] File does not exist", "192.0.2.1:0 -:0");
        check(
            "Jan 15 10:00:00 mx dovecot: auth failed, rip=192.0.2.1, lip=198.51.100.7",
            "192.0.2.1:0 198.51.100.7:0",
        );
        check(
            "time=2024-01-15T10:00:00Z origin=203.0.113.1 src=192.0.2.1 dst=198.51.100.7",
            "192.0.2.1:0 198.51.100.7:0",
        );
        check("2024-01-15 10:00:00 198.51.100.7 <- 192.0.2.1", "192.0.2.1:0 198.51.100.7:0");
        check(
            "pf: rule 4/0(match): block in on em0: 192.0.2.1.4242 > 198.51.100.7.22: S",
            "192.0.2.1:4242 198.51.100.7:22",
        );
        check(
            "[**] [1:2:3] SCAN [**] {TCP} 192.0.2.1:4242 -> 198.51.100.7:22",
            "192.0.2.1:4242 198.51.100.7:22",
        );
        check(
            "[2026-07-15 03:33:33] LocalAddress=\"IPV4/UDP/198.51.100.7/5060\",RemoteAddress=\"IPV4/UDP/192.0.2.1/5080\"",
            "192.0.2.1:5080 198.51.100.7:5060",
        );
        check("We like 192.0.2.1 and 198.51.100.7", "none");
    }
}
