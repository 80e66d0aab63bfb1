//! XARF, version 4 and both shapes of version 3: abuse reports as JSON.

use serde_json::Value;

use super::activity;
use super::claims;
use super::draft::Draft;
use super::json;
use super::moment;
use super::record;
use super::time::Interval;
use crate::claim::Accused;
use crate::claim::Activity;
use crate::claim::Disposition;
use crate::claim::Remote;

const FORMAT: &str = "xarf";
/// A scan of more ports than this is told by its first ones.
const PORTS_MAX: usize = 2048;
/// Services that answer a forged question with a larger answer.
const REFLECTORS: [u16; 12] = [17, 19, 53, 69, 111, 123, 137, 161, 389, 1900, 11211, 1434];

/// Reads an XARF report; none when the value is something else.
pub(super) fn read(value: &Value) -> Option<Draft> {
    if json::at(value, "xarf_version").is_some()
        || (json::at(value, "source_identifier").is_some() && json::at(value, "category").is_some())
    {
        return Some(version_4(value));
    }
    // A bare Report part is read too: senders forget the rest.
    let is_report =
        |it: &Value| json::at(it, "ReportType").is_some() && json::at(it, "ReportClass").is_some();
    if let Some(report) = json::at(value, "Report").filter(|it| it.is_object()) {
        return Some(version_3(value, report));
    }
    if is_report(value) {
        return Some(version_3(value, value));
    }
    let is_empty = json::at(value, "ReporterInfo").is_some() && json::at(value, "Version").is_some();
    is_empty.then(|| incomplete("xarf/3"))
}

fn incomplete(layout: &str) -> Draft {
    let mut draft = Draft::new(FORMAT, layout, Disposition::Unreadable);
    draft.warnings.push("the XARF report names no source".to_owned());
    draft
}

fn version_4(value: &Value) -> Draft {
    let category = json::text(value, "category").unwrap_or_default();
    let kind = json::first_text(value, &["type", "report_type"]).unwrap_or_default();
    let seen = moment::span(value, &["first_seen", "last_seen"]);
    let told = moment::at(value, "timestamp");
    // `timestamp` is when it happened; it is the other end where only one was seen.
    let window = match (seen, json::at(value, "last_seen").and_then(|_| moment::at(value, "last_seen"))) {
        (Some(seen), Some(_)) => Some(seen),
        (Some(seen), None) => Some(told.map_or(seen, |told| seen.join(told))),
        (None, _) => told,
    };
    let vector = json::first_text(value, &["attack_vector", "attack_type", "threat_type", "service"])
        .unwrap_or_default();
    let report = Report {
        layout: "xarf/4",
        category: &category,
        kind: &kind,
        vector: &vector,
        source: json::first_text(value, &["source_identifier", "source_ip"]),
        url: json::first_text(value, &["url", "infringing_url"]),
        source_port: json::port(value, "source_port"),
        remotes: remotes(
            value,
            &["destination_ip"],
            &["destination_port"],
            &["ports_scanned", "target_ports", "destination_ports"],
        ),
        window,
        case_id: json::text(value, "report_id"),
    };
    draft_of(&report)
}

fn version_3(value: &Value, report: &Value) -> Draft {
    let category = json::text(report, "ReportClass").unwrap_or_default();
    let kind = json::text(report, "ReportType").unwrap_or_default();
    let more = json::at(report, "AdditionalInfo").unwrap_or(&Value::Null);
    let seen = moment::span(report, &["FirstSeen", "LastSeen"])
        .or_else(|| moment::span(more, &["FirstSeen", "LastSeen"]));
    let told = moment::at(report, "Date");
    let window = match (seen, told) {
        (Some(seen), Some(told)) => Some(seen.join(told)),
        (seen, told) => seen.or(told),
    };
    let vector = json::first_text(
        report,
        &["AdditionalInfo.AttackType", "ServiceName", "ReportSubType", "AttackType"],
    )
    .unwrap_or_default();
    let mut remotes =
        remotes(report, &["DestinationIp"], &["DestinationPort"], &["DestinationPorts", "Ports"]);
    if remotes.is_empty() {
        remotes = self::remotes(more, &["DestinationIP"], &["DestinationPort"], &[]);
    }
    let draft = draft_of(&Report {
        layout: "xarf/3",
        category: &category,
        kind: &kind,
        vector: &vector,
        source: json::first_text(
            report,
            &["SourceIp", "Source.IP", "SourceIpV6", "Source.Ip", "Source.Value"],
        ),
        url: json::first_text(report, &["SourceUrl", "Source.Url", "Url"]),
        source_port: json::port(report, "SourcePort").or_else(|| json::port(report, "Source.Port")),
        remotes,
        window,
        case_id: json::first_text(report, &["ReporterCaseID", "ReportID"])
            .or_else(|| json::first_text(value, &["ReportID"])),
    });
    if json::at(report, "AttackerIp").is_some() && draft.claims.is_empty() {
        return Draft::new(FORMAT, "xarf/3", Disposition::Inbound);
    }
    draft
}

/// What both versions say, in one shape.
struct Report<'a> {
    layout: &'static str,
    category: &'a str,
    kind: &'a str,
    vector: &'a str,
    source: Option<String>,
    url: Option<String>,
    source_port: Option<u16>,
    remotes: Vec<Remote>,
    window: Option<Interval>,
    case_id: Option<String>,
}

fn draft_of(report: &Report<'_>) -> Draft {
    let is_right = ["copyright", "trademark"]
        .iter()
        .any(|word| report.category.eq_ignore_ascii_case(word) || report.kind.eq_ignore_ascii_case(word));
    let mut accused = Accused::default();
    for text in [&report.source, &report.url].into_iter().flatten() {
        add_source(&mut accused, text);
    }
    let mut draft = Draft::new(FORMAT, report.layout, Disposition::Claims);
    draft.case_id.clone_from(&report.case_id);
    draft.keys.extend(report.case_id.clone());
    draft.note("activity", format!("{}/{}", report.category, report.kind), "type");
    if is_right {
        draft.disposition = super::draft::Verdict::Is(Disposition::NotAbuse);
        draft.warnings.push("about copyright or a trade mark, not about what a host did".to_owned());
        return draft;
    }
    if super::text::is_nobody(&accused) {
        return incomplete(report.layout);
    }
    for ip in &accused.addresses {
        draft.facts.push(super::reading::Fact {
            what: "address",
            value: ip.to_string(),
            role: Some(super::label::Role::Accused),
            why: "the report's source".to_owned(),
            part: FORMAT.to_owned(),
            line: None,
        });
    }
    draft.source_ports.extend(report.source_port);
    if report.window.is_none() {
        draft.warnings.push("it names no time".to_owned());
    }
    draft.claims.push(claims::claim(accused, report.remotes.clone(), report.window, activity_of(report)));
    draft
}

/// Adds a source as what it is: an address, a link's host, a host name; mail addresses name nobody.
pub(super) fn add_source(accused: &mut Accused, text: &str) {
    let host =
        text.split_once("://").map_or(text, |(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or(rest));
    let spot = super::address::find(host).into_iter().next();
    if let Some(ip) = spot.and_then(|spot| spot.ip) {
        if !accused.addresses.contains(&ip) {
            accused.addresses.push(ip);
        }
        return;
    }
    let host = host.split(':').next().unwrap_or(host).trim_end_matches('.').to_ascii_lowercase();
    let is_name = host.contains('.') && !host.contains('@') && !host.contains(char::is_whitespace);
    if is_name && !accused.hostnames.contains(&host) {
        accused.hostnames.push(host);
    }
}

fn remotes(value: &Value, addresses: &[&str], ports: &[&str], lists: &[&str]) -> Vec<Remote> {
    let Some(address) = json::first_text(value, addresses).and_then(|ip| ip.parse().ok()) else {
        return Vec::new();
    };
    let protocol =
        json::first_text(value, &["protocol", "TransportProtocol"]).and_then(|it| match it.as_str() {
            "smtp" | "http" | "https" | "ssh" => Some(crate::claim::ClaimProtocol::Tcp),
            other => record::protocol(other),
        });
    let mut all: Vec<Option<u16>> =
        ports.iter().filter_map(|path| json::port(value, path)).map(Some).collect();
    for list in lists {
        let numbers = json::items(value, list).iter().filter_map(Value::as_u64);
        all.extend(
            numbers
                .filter_map(|port| u16::try_from(port).ok())
                .filter(|port| *port > 0)
                .take(PORTS_MAX)
                .map(Some),
        );
    }
    if all.is_empty() {
        all.push(None);
    }
    all.into_iter().map(|port| Remote { address, port, protocol }).collect()
}

fn activity_of(report: &Report<'_>) -> Activity {
    let kind: String =
        report.kind.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let reflects = ["amplif", "reflect"].iter().any(|word| report.vector.to_ascii_lowercase().contains(word));
    match kind.as_str() {
        "portscan" | "reconnaissance" | "scan" => Activity::PortScan,
        "loginattack" | "bruteforce" => Activity::LoginAttack,
        "ddos" | "dos" if reflects => Activity::Reflection,
        "ddos" | "dos" => Activity::DenialOfService,
        "infectedhost" | "botnet" | "malware" if report.category.eq_ignore_ascii_case("activity") => {
            Activity::CommandAndControl
        }
        "infectedhost" | "botnet" | "c2" => Activity::CommandAndControl,
        "sqlinjection" | "vulnerabilityscan" | "exploit" | "hacking" | "webhack" => {
            Activity::IntrusionAttempt
        }
        "spam" | "bulkmessaging" => Activity::Spam,
        "phishing" | "fraud" => Activity::Phishing,
        "malware" | "webshell" => Activity::MalwareHosting,
        "openservice" if is_reflector(report) => Activity::Reflection,
        "openproxy" => Activity::OpenProxy,
        "scraping" | "webcrawler" => Activity::WebCrawling,
        "openservice"
        | "cve"
        | "misconfiguration"
        | "compromisedserver"
        | "remotecompromise"
        | "suspiciousregistration"
        | "brandinfringement" => Activity::Other,
        "blocklist" | "threatintelligence" => activity::of_name(report.vector).unwrap_or(Activity::Other),
        _ => activity::of_name(report.kind).unwrap_or(Activity::Other),
    }
}

fn is_reflector(report: &Report<'_>) -> bool {
    let named = [
        "dns",
        "ntp",
        "memcached",
        "ssdp",
        "snmp",
        "chargen",
        "ldap",
        "netbios",
        "portmap",
        "tftp",
        "qotd",
        "mdns",
    ];
    let service = report.vector.to_ascii_lowercase();
    named.iter().any(|name| service.contains(name))
        || report.source_port.is_some_and(|port| REFLECTORS.contains(&port))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use serde_json::json;

    use super::super::draft::Verdict;
    use super::read;
    use crate::claim::Activity;
    use crate::claim::Disposition;

    fn check(value: &Value, address: &str, from: &str, to: &str, activity: Activity, remotes: usize) {
        let draft = read(value).expect("an XARF report");
        let claim = &draft.claims[0];
        let window = claim.window.as_ref().expect("a window");
        assert_eq!(claim.accused.addresses[0].to_string(), address);
        assert_eq!((window.from.to_string(), format!("{:.0}", window.to)), (from.to_owned(), to.to_owned()));
        assert_eq!((claim.activity, claim.remote.len()), (activity, remotes));
    }

    #[test]
    fn reads_all_versions() {
        let v4 = json!({"xarf_version": "4.2.0", "report_id": "r1", "category": "connection", "type": "port_scan",
            "source_identifier": "192.0.2.1", "destination_ip": "198.51.100.7", "ports_scanned": [22, 80, 443],
            "timestamp": "2024-01-15T10:05:00Z", "first_seen": "2024-01-15T10:00:00Z", "protocol": "tcp"});
        check(&v4, "192.0.2.1", "2024-01-15T10:00:00Z", "2024-01-15T10:05:00Z", Activity::PortScan, 3);
        let flat = json!({"Version": "3", "ReporterInfo": {}, "Report": {"ReportClass": "Activity", "ReportType": "LoginAttack",
            "Date": "2024-01-15T10:00:00Z", "SourceIp": "192.0.2.1", "DestinationIp": "198.51.100.7", "DestinationPort": 22}});
        check(&flat, "192.0.2.1", "2024-01-15T10:00:00Z", "2024-01-15T10:00:00Z", Activity::LoginAttack, 1);
        let nested = json!({"Version": "3.0.0", "Report": {"ReportClass": "Network", "ReportType": "ddos", "Date": "2024-01-15T10:00:00Z",
            "Source": {"IP": "2001:db8::1", "Port": 53}, "AdditionalInfo": {"DestinationIP": "198.51.100.7", "AttackType": "dns_amplification"}}});
        check(
            &nested,
            "2001:db8::1",
            "2024-01-15T10:00:00Z",
            "2024-01-15T10:00:00Z",
            Activity::Reflection,
            1,
        );
    }

    #[test]
    fn survives_what_the_schema_forbids() {
        for value in [
            json!({"Version": "3", "ReporterInfo": {}}),
            json!({"Report": {"ReportType": 3, "SourceIp": {}}}),
        ] {
            let draft = read(&value).expect("an XARF report");
            assert_eq!(draft.disposition, Verdict::Is(Disposition::Unreadable));
        }
        let right = json!({"xarf_version": "4.2.0", "category": "copyright", "type": "p2p", "source_identifier": "192.0.2.1"});
        assert!(read(&right).expect("an XARF report").claims.is_empty());
        assert!(read(&json!({"a": 1})).is_none());
    }
}
