//! What records of a flow log say of an accusation. Pure.
//!
//! A record is a line of fields, in the order that the flow log's format names. A field that AWS could not tell is `-`.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::net::IpAddr;

use history::Request;
use jiff::Timestamp;

use super::Interface;

/// The format of a flow log of which none is told: version 2's.
const DEFAULT: &str = "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} \
                       ${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status}";

/// Distinct ports that are told apart.
const PORTS_MAX: usize = 65_536;

/// Where each field stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    places: HashMap<String, usize>,
}

impl Format {
    /// Reads a format; none where it has not at least addresses and times.
    pub fn read(format: Option<&str>) -> Option<Self> {
        let text = format.filter(|text| !text.trim().is_empty()).unwrap_or(DEFAULT);
        let name = |word: &str| word.trim_start_matches("${").trim_end_matches('}').to_owned();
        let places: HashMap<String, usize> =
            text.split_ascii_whitespace().enumerate().map(|(place, word)| (name(word), place)).collect();
        let needed = ["srcaddr", "dstaddr", "start", "end"];
        needed.iter().all(|field| places.contains_key(*field)).then_some(Self { places })
    }

    fn field<'a>(&self, words: &[&'a str], name: &str) -> Option<&'a str> {
        let word = words.get(*self.places.get(name)?)?;
        (*word != "-").then_some(*word)
    }
}

/// What a log says of one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// Records of what was sent to who is named.
    pub sent: u64,
    /// Whether there are more than were read.
    pub is_cut: bool,
    /// Of these, those to the ports and by the protocol that are named.
    fitting: u64,
    /// Records of what came from there.
    answered: u64,
    /// Records of the time about anything else.
    others: u64,
    packets: u64,
    bytes: u64,
    accepted: u64,
    rejected: u64,
    ports: BTreeSet<u16>,
    /// Seconds since 1970.
    first: Option<i64>,
    last: Option<i64>,
    /// Times of which AWS says that it left records out.
    skipped: u64,
}

impl Told {
    /// Takes a record into account.
    pub fn add(&mut self, format: &Format, line: &str, interface: &Interface, request: &Request) {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let Some((start, end)) = time_of(format, &words, request) else { return };
        self.note_status(format, &words);
        let address = |name: &str| format.field(&words, name)?.parse::<IpAddr>().ok();
        let (Some(from), Some(to)) = (address("srcaddr"), address("dstaddr")) else { return };
        let is_remote = |at: IpAddr| {
            request.remotes.is_empty() || request.remotes.iter().any(|remote| remote.contains(at))
        };
        let is_own = |at: IpAddr| interface.addresses.contains(&at);
        if is_own(to) && !is_own(from) && is_remote(from) {
            self.answered += 1;
            return;
        }
        if is_own(to) || !is_remote(to) {
            self.others += 1;
            return;
        }
        let number = |name: &str| format.field(&words, name)?.parse::<u64>().ok();
        let port = number("dstport").and_then(|port| u16::try_from(port).ok());
        self.sent += 1;
        let protocol = number("protocol");
        let port_fits = request.ports.is_empty() || port.is_none_or(|port| request.ports.contains(&port));
        let protocol_fits = match (request.protocol, protocol) {
            (Some(wanted), Some(protocol)) => u64::from(wanted.0) == protocol,
            _ => true,
        };
        self.fitting += u64::from(port_fits && protocol_fits);
        self.packets += number("packets").unwrap_or(0);
        self.bytes += number("bytes").unwrap_or(0);
        match format.field(&words, "action") {
            Some("ACCEPT") => self.accepted += 1,
            Some("REJECT") => self.rejected += 1,
            _ => {}
        }
        if let Some(port) = port.filter(|_| self.ports.len() < PORTS_MAX) {
            self.ports.insert(port);
        }
        self.first = Some(self.first.map_or(start, |first| first.min(start)));
        self.last = Some(self.last.map_or(end, |last| last.max(end)));
    }

    /// Takes a record into account of which only matters that it is there.
    pub fn note_other(&mut self, format: &Format, line: &str, request: &Request) {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        if time_of(format, &words, request).is_some() {
            self.note_status(format, &words);
            self.others += u64::from(format.field(&words, "srcaddr").is_some());
        }
    }

    fn note_status(&mut self, format: &Format, words: &[&str]) {
        self.skipped += u64::from(format.field(words, "log-status") == Some("SKIPDATA"));
    }

    /// What that comes to, as a fact that supports or contradicts the accusation.
    pub fn words(&self, name: &str, kept: &str, request: &Request) -> String {
        let whom = match request.remotes.as_slice() {
            [] => "anybody".to_owned(),
            [one] if one.is_one_address() => one.address.to_string(),
            many => format!("the {} remotes that are named", many.len()),
        };
        if self.sent > 0 {
            return self.sent_words(name, &whom, request);
        }
        let only = match kept {
            "ACCEPT" => " (it keeps only what was let through)",
            "REJECT" => " (it keeps only what was refused)",
            _ => "",
        };
        if self.others + self.answered == 0 {
            return format!("{name} has nothing of that time{only}");
        }
        let doubt = if self.skipped > 0 {
            Some("AWS left records of that time out")
        } else if self.is_cut {
            Some("not all of its records were read")
        } else if !only.is_empty() {
            Some("it does not keep all traffic")
        } else {
            None
        };
        let conclusion = match doubt {
            Some(doubt) => format!("that says little, since {doubt}"),
            None => "that contradicts the notice".to_owned(),
        };
        format!("{name} has other traffic of that time and none sent to {whom}{only}: {conclusion}")
    }

    fn sent_words(&self, name: &str, whom: &str, request: &Request) -> String {
        let least = if self.is_cut { "at least " } else { "" };
        let time = |seconds: Option<i64>| {
            let at = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
            at.map_or_else(|| "an unknown time".to_owned(), |at| at.to_string())
        };
        let ports = match (self.ports.len(), self.ports.first(), self.ports.last()) {
            (0, ..) => String::new(),
            (1, Some(port), _) => format!(" port {port}"),
            (count, Some(first), Some(last)) => format!(" {count} ports ({first} to {last})"),
            _ => String::new(),
        };
        let (sent, packets, bytes) = (self.sent, self.packets, self.bytes);
        let facts = format!(
            "{name} has {least}{sent} records of what it sent to {whom}{ports}: {packets} packets, {bytes} bytes, \
             {} to {}, {} ACCEPT, {} REJECT",
            time(self.first),
            time(self.last),
            self.accepted,
            self.rejected
        );
        if request.remotes.is_empty() {
            facts
        } else if self.fitting > 0 {
            format!("{facts}; that supports the notice")
        } else {
            format!("{facts}; none of them to the ports that the notice names")
        }
    }
}

/// Begin and end of a record, s, where it touches the time that is asked.
fn time_of(format: &Format, words: &[&str], request: &Request) -> Option<(i64, i64)> {
    let second = |name: &str| format.field(words, name)?.parse::<i64>().ok();
    let (start, end) = (second("start")?, second("end")?);
    let (from, to) = (request.window.from.0 / 1_000_000_000, request.window.to.0 / 1_000_000_000);
    (start <= to && end >= from).then_some((start, end))
}

#[cfg(test)]
mod tests {
    use history::Prefix;
    use history::UnixNs;
    use history::Window;

    use super::*;

    const REMOTE: &str = "198.51.100.20";
    /// The window is a hundred seconds from here.
    const FROM: i64 = 1_790_000_000;

    fn request(remote: Option<&str>, ports: &[u16]) -> Request {
        let prefix = |text: &str| Prefix { address: text.parse().expect("an address"), length: 32 };
        Request {
            window: Window { from: UnixNs(0).plus_s(FROM), to: UnixNs(0).plus_s(FROM + 100) },
            remotes: remote.map(prefix).into_iter().collect(),
            ports: ports.to_vec(),
            ..crate::hosts::check::tests::request()
        }
    }

    fn interface() -> Interface {
        let addresses = ["10.0.0.7", "203.0.113.10"].map(|text| text.parse().expect("an address"));
        Interface {
            id: "eni-1".to_owned(),
            subnet: String::new(),
            vpc: String::new(),
            addresses: addresses.to_vec(),
        }
    }

    fn record(from: &str, to: &str, port: u16, start: i64, action: &str) -> String {
        let end = start + 60;
        format!("2 111122223333 eni-1 {from} {to} 40000 {port} 6 10 600 {start} {end} {action} OK")
    }

    fn told(lines: &[String], request: &Request) -> Told {
        let format = Format::read(None).expect("a format");
        let mut told = Told::default();
        lines.iter().for_each(|line| told.add(&format, line, &interface(), request));
        told
    }

    #[test]
    fn what_was_sent_to_the_remote_supports_the_notice() {
        let request = request(Some(REMOTE), &[22]);
        let lines = [
            record("10.0.0.7", REMOTE, 22, FROM, "ACCEPT"),
            record("10.0.0.7", REMOTE, 23, FROM + 30, "REJECT"),
            record(REMOTE, "10.0.0.7", 40_000, FROM, "ACCEPT"),
            record("10.0.0.7", "192.0.2.9", 443, FROM, "ACCEPT"),
            // After the time.
            record("10.0.0.7", REMOTE, 22, FROM + 101, "ACCEPT"),
            "2 111122223333 eni-1 - - - - - - - 1790000000 1790000060 - NODATA".to_owned(),
            "no record".to_owned(),
        ];
        let words = told(&lines, &request).words("the log", "ALL", &request);
        assert_eq!(
            words,
            "the log has 2 records of what it sent to 198.51.100.20 2 ports (22 to 23): 20 packets, 1200 bytes, \
             2026-09-21T14:13:20Z to 2026-09-21T14:14:50Z, 1 ACCEPT, 1 REJECT; that supports the notice"
        );
        let elsewhere = told(&lines[1..2], &request).words("the log", "ALL", &request);
        assert!(elsewhere.ends_with("none of them to the ports that the notice names"), "{elsewhere}");
    }

    #[test]
    fn none_of_it_among_other_traffic_contradicts_only_where_all_is_there() {
        let request = request(Some(REMOTE), &[]);
        let other = [record("10.0.0.7", "192.0.2.9", 443, FROM, "ACCEPT")];
        let contradicted = told(&other, &request);
        assert!(contradicted.words("the log", "ALL", &request).ends_with("that contradicts the notice"));
        for kept in ["ACCEPT", "REJECT"] {
            let said = contradicted.words("the log", kept, &request);
            assert!(said.contains("it does not keep all traffic"), "{said}");
        }
        let cut = Told { is_cut: true, ..contradicted.clone() };
        assert!(cut.words("the log", "ALL", &request).contains("not all of its records were read"));
        let skipped = Told { skipped: 1, ..contradicted };
        assert!(skipped.words("the log", "ALL", &request).contains("AWS left records of that time out"));
        let silent = told(&[], &request).words("the log", "ALL", &request);
        assert_eq!(silent, "the log has nothing of that time");
    }

    #[test]
    fn a_format_of_ones_own_is_read_and_one_without_addresses_is_none() {
        let own = "${end} ${dstaddr} ${srcaddr} ${start} ${flow-direction}";
        let format = Format::read(Some(own)).expect("a format");
        let request = request(Some(REMOTE), &[]);
        let mut told = Told::default();
        let line = format!("{} {REMOTE} 10.0.0.7 {FROM} egress", FROM + 10);
        told.add(&format, &line, &interface(), &request);
        assert_eq!((told.sent, told.packets), (1, 0));
        assert!(told.words("the log", "ALL", &request).contains("that supports the notice"));
        assert_eq!(Format::read(Some("${pkt-srcaddr} ${pkt-dstaddr}")), None);
        assert!(Format::read(Some("")).is_some());
    }
}
