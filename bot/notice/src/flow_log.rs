//! VPC flow logs, as evidence sent alone: text in the default or a custom order, CSV, JSON, OCSF.
//!
//! A flow log accuses only what left our interface; what came in is somebody else's doing.

use std::net::IpAddr;

use serde_json::Value;

use super::address;
use super::claims;
use super::document::Document;
use super::draft::Draft;
use super::json;
use super::limits;
use super::moment;
use super::record;
use super::resource;
use super::time::Interval;
use crate::claim::Accused;
use crate::claim::Activity;
use crate::claim::Disposition;
use crate::claim::Remote;

const FORMAT: &str = "flow_log";
/// The order of the default format (version 2).
const DEFAULT_ORDER: [&str; 14] = [
    "version",
    "account-id",
    "interface-id",
    "srcaddr",
    "dstaddr",
    "srcport",
    "dstport",
    "protocol",
    "packets",
    "bytes",
    "start",
    "end",
    "action",
    "log-status",
];
/// A flow log of more rows is read up to here.
const ROWS_MAX: usize = 5000;

/// One flow: names to values, whatever form they came in.
type Flow = Value;

/// Reads a JSON flow record, plain or OCSF; none when the value is something else.
pub(super) fn read(value: &Value) -> Option<Draft> {
    let flow = if json::at(value, "srcaddr").is_some() && json::at(value, "dstaddr").is_some() {
        value.clone()
    } else {
        from_ocsf(value)?
    };
    Some(draft_of(&[flow]))
}

/// Reads a text that is a flow log, when the notice is nothing else.
pub(super) fn read_text(document: &Document) -> Option<Draft> {
    let flows: Vec<Flow> =
        document.sections.iter().flat_map(|section| rows(&section.text)).take(ROWS_MAX).collect();
    // Whose interface a letter's rows are of, its words must tell.
    let is_prose = |line: &str| {
        let words =
            line.split_whitespace().filter(|word| word.len() > 1 && word.chars().all(char::is_alphabetic));
        words.count() >= 5
    };
    let mut prose = document.sections.iter().flat_map(|section| section.text.lines());
    if document.outer_mail().is_some() && prose.any(is_prose) {
        return None;
    }
    let lines: usize = document
        .sections
        .iter()
        .map(|it| it.text.lines().filter(|line| !line.trim().is_empty()).count())
        .sum();
    (!flows.is_empty() && flows.len() * 2 + 4 >= lines).then(|| draft_of(&flows))
}

fn rows(text: &str) -> Vec<Flow> {
    let mut names: Option<Vec<String>> = None;
    let mut flows = Vec::new();
    for line in text.lines().take(ROWS_MAX * 2) {
        let cells: Vec<&str> = line
            .split(|letter: char| letter.is_whitespace() || letter == ',')
            .filter(|it| !it.is_empty())
            .collect();
        if cells.iter().any(|cell| cell.trim_matches('"') == "srcaddr") {
            names =
                Some(cells.iter().map(|cell| cell.trim_matches(['"', '$', '{', '}']).to_owned()).collect());
            continue;
        }
        let order: Vec<&str> = match &names {
            Some(names) => names.iter().map(String::as_str).collect(),
            None if is_default(&cells) => DEFAULT_ORDER.to_vec(),
            None => continue,
        };
        if cells.len() == order.len() {
            let pairs = order
                .iter()
                .zip(&cells)
                .map(|(name, cell)| ((*name).to_owned(), Value::from(cell.trim_matches('"'))));
            flows.push(Value::Object(pairs.collect()));
        }
    }
    flows
}

fn is_default(cells: &[&str]) -> bool {
    cells.len() == DEFAULT_ORDER.len()
        && cells[0].parse::<u8>().is_ok()
        && resource::is_account(cells[1])
        && cells[2].starts_with("eni-")
}

/// Turns an OCSF network activity into the names of flow logs.
fn from_ocsf(value: &Value) -> Option<Flow> {
    let (source, target) = (json::at(value, "src_endpoint")?, json::at(value, "dst_endpoint")?);
    let mut flow = serde_json::Map::new();
    let mut put = |name: &str, found: Option<String>| {
        if let Some(found) = found {
            flow.insert(name.to_owned(), Value::from(found));
        }
    };
    for (prefix, end) in [("src", source), ("dst", target)] {
        put(&format!("{prefix}addr"), json::text(end, "ip"));
        put(&format!("{prefix}port"), json::text(end, "port"));
    }
    for end in [source, target] {
        put("instance-id", json::text(end, "instance_uid"));
        put("interface-id", json::text(end, "interface_uid"));
    }
    put("account-id", json::first_text(value, &["cloud.account.uid", "cloud.account_uid"]));
    put("region", json::text(value, "cloud.region"));
    put("protocol", json::text(value, "connection_info.protocol_num"));
    let direction = json::text(value, "connection_info.direction").unwrap_or_default();
    put("flow-direction", Some(if direction == "Outbound" { "egress" } else { "ingress" }.to_owned()));
    put("start", json::first_text(value, &["start_time", "start_time_dt", "time_dt", "time"]));
    put("end", json::first_text(value, &["end_time", "end_time_dt"]));
    Some(Value::Object(flow))
}

fn draft_of(flows: &[Flow]) -> Draft {
    let outbound: Vec<&Flow> = flows.iter().filter(|flow| is_outbound(flow, flows)).collect();
    let disposition = if outbound.is_empty() { Disposition::Inbound } else { Disposition::Claims };
    let mut draft = Draft::new(FORMAT, FORMAT, disposition);
    draft.is_event = true;
    if outbound.is_empty() {
        draft.warnings.push("its flows came in; none left our interface".to_owned());
        return draft;
    }
    let mut groups: Vec<(Accused, Vec<&Flow>)> = Vec::new();
    for flow in outbound {
        let accused = accused(flow);
        match groups.iter_mut().find(|(known, _)| *known == accused) {
            Some((_, flows)) => flows.push(flow),
            None => groups.push((accused, vec![flow])),
        }
    }
    for (accused, flows) in groups.into_iter().take(limits::CLAIMS_MAX) {
        let window =
            flows.iter().filter_map(|flow| moment::span(flow, &["start", "end"])).reduce(Interval::join);
        let remotes: Vec<Remote> = flows.iter().filter_map(|flow| remote(flow)).collect();
        let activity = activity(&remotes);
        draft.interfaces.extend(json::text(flows[0], "interface-id").filter(|it| it.starts_with("eni-")));
        draft.source_ports.extend(flows.iter().filter_map(|flow| json::port(flow, "srcport")).take(64));
        draft.claims.push(claims::claim(accused, remotes, window, activity));
    }
    draft
}

fn ip(flow: &Flow, names: &[&str]) -> Option<IpAddr> {
    json::first_text(flow, names)?.parse().ok()
}

/// A flow left us when the log says so, or when it went from a private to a public address; between
/// two private ones, when its sender is the address that all flows share.
fn is_outbound(flow: &Flow, all: &[Flow]) -> bool {
    if let Some(direction) = json::text(flow, "flow-direction").filter(|it| it.len() > 1) {
        return direction == "egress";
    }
    let (Some(source), Some(target)) = (ip(flow, &["srcaddr"]), ip(flow, &["dstaddr"])) else {
        return false;
    };
    match (address::is_private(source), address::is_private(target)) {
        (true, false) => true,
        (false, true) => false,
        _ => {
            all.len() > 1
                && all.iter().all(|other| {
                    ip(other, &["srcaddr"]) == Some(source) || ip(other, &["dstaddr"]) == Some(source)
                })
        }
    }
}

fn accused(flow: &Flow) -> Accused {
    let known = |name: &str| json::text(flow, name).filter(|it| it.len() > 1);
    let mut addresses: Vec<IpAddr> = Vec::new();
    for name in ["srcaddr", "pkt-srcaddr"] {
        if let Some(ip) = ip(flow, &[name]).filter(|ip| !addresses.contains(ip)) {
            addresses.push(ip);
        }
    }
    Accused {
        instance_ids: known("instance-id").filter(|id| id.starts_with("i-")).into_iter().collect(),
        addresses,
        hostnames: Vec::new(),
        account: known("account-id"),
        region: known("region"),
        ports: Vec::new(),
        process: None,
    }
}

fn remote(flow: &Flow) -> Option<Remote> {
    let protocol = json::text(flow, "protocol").and_then(|it| record::protocol(&it));
    Some(Remote {
        address: ip(flow, &["pkt-dstaddr", "dstaddr"])?,
        port: json::port(flow, "dstport"),
        protocol,
    })
}

fn activity(remotes: &[Remote]) -> Activity {
    let ports: std::collections::HashSet<_> = remotes.iter().map(|remote| remote.port).collect();
    let hosts: std::collections::HashSet<_> = remotes.iter().map(|remote| remote.address).collect();
    if ports.len() >= 5 || hosts.len() >= 5 { Activity::PortScan } else { Activity::Other }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::document::Document;
    use super::super::document::Section;
    use super::super::document::SectionRole;
    use super::read;
    use super::read_text;

    #[test]
    fn only_what_leaves_accuses() {
        let text = "2 111122223333 eni-0123456789abcdef0 10.0.0.5 198.51.100.7 4242 22 6 1 40 1705312800 1705312860 ACCEPT OK\n\
                    2 111122223333 eni-0123456789abcdef0 198.51.100.9 10.0.0.5 4242 22 6 1 40 1705312800 1705312860 ACCEPT OK\n\
                    2 111122223333 eni-0123456789abcdef0 - - - - - - - 1705312800 1705312860 - NODATA\n";
        let section = Section { role: SectionRole::Body, name: "body".to_owned(), text: text.to_owned() };
        let draft =
            read_text(&Document { sections: vec![section], ..Document::default() }).expect("a flow log");
        assert_eq!(draft.claims.len(), 1);
        assert_eq!(draft.claims[0].accused.addresses[0].to_string(), "10.0.0.5");
        assert_eq!(draft.claims[0].remote[0].address.to_string(), "198.51.100.7");
        let window = draft.claims[0].window.as_ref().expect("a window");
        assert_eq!(window.from.to_string(), "2024-01-15T10:00:00Z");
    }

    #[test]
    fn reads_json() {
        let flow = json!({"srcaddr": "198.51.100.9", "dstaddr": "10.0.0.5", "flow_direction": "ingress", "start": 1_705_312_800});
        assert!(read(&flow).expect("a flow").claims.is_empty());
        let ocsf = json!({"src_endpoint": {"ip": "10.0.0.5", "port": 1}, "dst_endpoint": {"ip": "198.51.100.7", "port": 22},
            "connection_info": {"direction": "Outbound", "protocol_num": 6}, "time": 1_705_312_800_000_i64});
        assert_eq!(read(&ocsf).expect("a flow").claims[0].remote[0].port, Some(22));
    }
}
