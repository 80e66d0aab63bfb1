//! Ports that a text names, and what they tell of the activity when no word does.

use std::collections::HashMap;
use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::LazyLock;

use regex::Regex;

use super::label;
use super::label::Kind;
use super::label::Role;
use super::lines::Line;
use super::lines::LineKind;
use super::pattern::compile;
use super::record::Record;
use super::record::port_of;
use super::record::protocol;
use super::roles::Roles;
use crate::claim::Accused;
use crate::claim::Activity;
use crate::claim::ClaimProtocol;
use crate::claim::Remote;

const PORTS_MAX: usize = 256;

static PORT: LazyLock<Regex> =
    LazyLock::new(|| compile(r"(?i)\b(?:(tcp|udp)\s?[/: ]\s?)?(\d{1,5})(?:\s?[/ ]\s?(tcp|udp))?\b"));

static PROSE_ONE: LazyLock<Regex> =
    LazyLock::new(|| compile(r"(?i)\b(?:on|to|at)\s(?:the\s)?(?:tcp\s|udp\s)?ports?\s(\d{1,5})\b"));
static PROSE_LIST: LazyLock<Regex> =
    LazyLock::new(|| compile(r"(?i)\bports?\s+(\d{1,5}(?:\s?(?:,|and|&|/|\+)\s?(?:and\s)?\d{1,5})+)\b"));

/// Returns the ports of fields such as "Destination ports: 22/TCP, 80".
pub(super) fn labelled(lines: &[Line<'_>]) -> Vec<(u16, Option<ClaimProtocol>)> {
    let mut ports = Vec::new();
    for line in lines.iter().filter(|line| line.kind == LineKind::Statement && line.text.len() < 2000) {
        let one = PROSE_ONE.captures(line.text).filter(|_| line.spots.is_empty());
        if let Some(list) = PROSE_LIST.captures(line.text).or(one) {
            // "port 22, 2026-07-15 04:00": a date's numbers are no ports.
            let Some(listed) = list.get(1) else { continue };
            let end =
                line.stamps.iter().map(|stamp| stamp.start).filter(|start| *start >= listed.start()).min();
            let numbers = &line.text[listed.start()..listed.end().min(end.unwrap_or(listed.end()))];
            let numbers = numbers.split(|letter: char| !letter.is_ascii_digit());
            ports.extend(
                numbers
                    .filter_map(|it| it.parse().ok())
                    .filter(|port| *port > 0)
                    .take(PORTS_MAX)
                    .map(|port| (port, None)),
            );
            continue;
        }
        // "(e.g. 22/TCP)" is part of the name.
        let named = line.text.rsplit_once("):").or_else(|| super::activity::field(line.text));
        let is_plain = line.spots.is_empty() && line.stamps.is_empty();
        let Some((name, value)) = named.filter(|(name, _)| name.len() <= 80 && is_plain) else {
            continue;
        };
        let meaning = label::meaning(name);
        if meaning.kind != Kind::Port || meaning.role == Some(Role::Accused) {
            continue;
        }
        for found in PORT.captures_iter(value) {
            let word = found.get(1).or_else(|| found.get(3)).map(|it| it.as_str());
            let port = found[2].parse::<u16>().ok().filter(|port| *port > 0);
            if let Some(port) = port
                && ports.len() < PORTS_MAX
                && !ports.iter().any(|(known, _)| *known == port)
            {
                ports.push((port, word.and_then(protocol)));
            }
        }
    }
    ports
}

/// Returns each address with the ports that stand beside it anywhere in the text.
pub(super) fn beside(lines: &[Line<'_>], wanted: &HashSet<IpAddr>) -> HashMap<IpAddr, Vec<Remote>> {
    let mut remotes: HashMap<IpAddr, Vec<Remote>> = HashMap::new();
    for line in lines.iter().filter(|line| line.kind == LineKind::Statement) {
        for spot in line.spots.iter().filter(|spot| spot.slash.is_none()) {
            let Some(address) = spot.ip.filter(|ip| wanted.contains(ip)) else {
                continue;
            };
            let Some(port) = port_of(spot, line.text).filter(|port| *port > 0) else {
                continue;
            };
            let known = remotes.entry(address).or_default();
            if known.len() < PORTS_MAX && !known.iter().any(|it| it.port == Some(port)) {
                let protocol =
                    line.text.split(|letter: char| !letter.is_alphanumeric()).find_map(protocol_word);
                known.push(Remote { address, port: Some(port), protocol });
            }
        }
    }
    remotes
}

fn protocol_word(word: &str) -> Option<ClaimProtocol> {
    protocol(word).filter(|_| word.len() > 2)
}

/// Returns the ports of the accused that rows name, when they are few enough to tell hosts apart.
pub(super) fn of_source(records: &[Option<Record>], roles: &Roles) -> Vec<u16> {
    let mut ports: Vec<u16> = Vec::new();
    for record in records.iter().flatten() {
        let accused = record.source.is_some_and(|ip| roles.of(ip) == Some(Role::Accused));
        if let Some(port) = record.source_port.filter(|port| accused && *port > 0 && !ports.contains(port))
            && ports.len() < PORTS_MAX
        {
            ports.push(port);
        }
    }
    ports
}

/// Returns the victims that the text names, with the ports that it names for them.
pub(super) fn victims(lines: &[Line<'_>], roles: &Roles, accused: &[Accused]) -> Vec<Remote> {
    let is_accused = |ip: &IpAddr| accused.iter().any(|it| it.addresses.contains(ip));
    let named = labelled(lines);
    let mut remotes = Vec::new();
    let victims: Vec<IpAddr> = roles.with(Role::Victim).into_iter().filter(|ip| !is_accused(ip)).collect();
    let mut beside = beside(lines, &victims.iter().copied().collect());
    for ip in victims {
        if let Some(own) = beside.remove(&ip).filter(|_| named.is_empty()) {
            remotes.extend(own);
            continue;
        }
        if named.is_empty() {
            remotes.push(Remote { address: ip, port: None, protocol: None });
        }
        remotes.extend(named.iter().map(|(port, protocol)| Remote {
            address: ip,
            port: Some(*port),
            protocol: *protocol,
        }));
    }
    remotes
}

/// A firewall refused it: nobody could guess passwords there.
static REFUSED: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"(?i)(?:\b|_)(?:block(?:ed)?|den(?:y|ied)|drop(?:ped)?|reject(?:ed)?|refused)(?:\b|_)")
});

/// What a web server answered whom it turned away, in its logs of requests and of errors.
static TURNED_AWAY: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r#"" [45]\d\d (?:\d|-)|HTTP/[12].*\s(?:400|401|403|404|405)\s|(?i)not found or unable to stat|file does not exist|script .{1,80} not found|client denied by server configuration|primary script unknown"#,
    )
});

/// Says whether most rows are of a web server that had not, or did not give, what was asked for.
fn is_turned_away(lines: &[Line<'_>], records: &[Option<Record>]) -> bool {
    let rows = lines.iter().zip(records).filter(|(_, record)| record.is_some()).take(1_000);
    let (mut all, mut turned_away) = (0, 0);
    for (line, _) in rows {
        all += 1;
        turned_away += usize::from(TURNED_AWAY.is_match(line.text));
    }
    turned_away * 2 >= all && all > 0
}

/// Guesses the activity from where the rows went.
pub(super) fn guess(lines: &[Line<'_>], records: &[Option<Record>], remotes: &[Remote]) -> Option<Activity> {
    let rows: Vec<&Record> = records.iter().flatten().filter(|record| record.target_port.is_some()).collect();
    let named = remotes.iter().filter_map(|remote| remote.port);
    let ports: HashSet<u16> = rows.iter().filter_map(|row| row.target_port).chain(named).collect();
    let targets: HashSet<IpAddr> = rows.iter().filter_map(|row| row.target).collect();
    if is_turned_away(lines, records) {
        return Some(Activity::IntrusionAttempt);
    }
    let all_in = |known: &[u16]| !ports.is_empty() && ports.iter().all(|port| known.contains(port));
    if ports.len() >= 5 || targets.len() >= 5 {
        return Some(Activity::PortScan);
    }
    let mut refused = lines.iter().zip(records).filter(|(_, record)| record.is_some());
    if targets.len() >= 2 && refused.all(|(line, _)| REFUSED.is_match(line.text)) {
        return Some(Activity::PortScan);
    }
    if all_in(&[22, 23, 2222, 3389, 5900, 21, 110, 143, 993, 995, 5060]) {
        return Some(Activity::LoginAttack);
    }
    if all_in(&[25, 465, 587]) {
        return Some(Activity::Spam);
    }
    (ports.len() >= 3 || targets.len() >= 3).then_some(Activity::PortScan)
}
