//! GuardDuty findings, in an EventBridge envelope or bare, with camelCase or PascalCase keys.
//!
//! Whether a finding accuses us follows from its type first, then from the direction of the
//! connection, and from `resourceRole` only where a type has both sides.

mod sequence;

use serde_json::Value;

use super::claims;
use super::draft::Draft;
use super::draft::Verdict;
use super::json;
use super::limits;
use super::moment;
use super::record;
use super::resource;
use super::time::Interval;
use crate::claim::Accused;
use crate::claim::AccusedProcess;
use crate::claim::Activity;
use crate::claim::Disposition;
use crate::claim::Remote;

const FORMAT: &str = "guardduty";

/// Reads a finding, or a list of them as `get-findings` answers; none when the value is something else.
pub(super) fn read(value: &Value) -> Option<Draft> {
    let listed = value.as_array().map_or_else(|| json::items(value, "findings"), Vec::as_slice);
    let listed = listed.iter().filter(|it| is_finding(it)).take(limits::CLAIMS_MAX).map(of_finding);
    let wrapped = || {
        let keys = ["detail", "details", "finding"].into_iter().filter_map(|key| json::at(value, key));
        keys.chain([value]).find(|it| is_finding(it)).map(of_finding)
    };
    listed.reduce(super::join::merge).or_else(wrapped)
}

fn is_finding(value: &Value) -> bool {
    let kind = json::text(value, "type").unwrap_or_default();
    let is_type = kind.contains(':') && kind.contains(['/', ' ']) && !kind.contains("://");
    is_type && (json::at(value, "resource").is_some() || json::at(value, "service.eventFirstSeen").is_some())
}

/// Makes a draft of one finding.
pub(super) fn of_finding(finding: &Value) -> Draft {
    let kind = json::text(finding, "type").unwrap_or_default().replace(' ', "/");
    // Some pipelines rename `service`.
    let service =
        json::at(finding, "service").or_else(|| json::at(finding, "finding")).unwrap_or(&Value::Null);
    let (disposition, activity) = judge(&kind, finding, service);
    let mut draft = Draft::new(FORMAT, format!("guardduty/{}", surface(&kind)), disposition);
    draft.is_event = true;
    draft.case_id = json::text(finding, "id");
    let account = json::text(finding, "accountId");
    let updated = json::text(finding, "updatedAt").unwrap_or_default();
    if let Some(id) = &draft.case_id {
        draft.dedupe = Some(format!("{}/{id}/{updated}", account.clone().unwrap_or_default()));
        draft.keys.push(id.clone());
    }
    draft.note("activity", kind.clone(), "type");
    if json::flag(service, "additionalInfo.sample")
        || json::text(finding, "title").is_some_and(|it| it.starts_with("[SAMPLE]"))
    {
        draft.warnings.push("this is one of GuardDuty's sample findings".to_owned());
    }
    let interfaces = json::items(finding, "resource.instanceDetails.networkInterfaces");
    draft.interfaces = interfaces.iter().filter_map(|it| json::text(it, "networkInterfaceId")).collect();
    let in_sequence = if sequence::is_sequence(&kind) {
        sequence::claims(finding, service, &accused(finding), window(finding, service).as_ref())
    } else {
        Vec::new()
    };
    match disposition {
        _ if !in_sequence.is_empty() => {
            draft.disposition = Verdict::Is(Disposition::Claims);
            for id in in_sequence.iter().flat_map(|claim| &claim.accused.instance_ids) {
                draft.note("instance", id.clone(), "service.detection.sequence.resources");
            }
            draft.claims = in_sequence;
        }
        Disposition::Claims => add_claim(&mut draft, finding, service, activity),
        Disposition::Inbound => {
            draft.warnings.push(format!("{kind}: somebody attacked us, not we them"));
            draft.told_by_owner = told_by_owner(finding, service);
        }
        _ => draft.warnings.push(format!("{kind}: not about what a host did")),
    }
    draft
}

/// What the owner of the attacked resource says with it: who did it, and when.
fn told_by_owner(finding: &Value, service: &Value) -> Option<String> {
    let title = json::text(finding, "title")?;
    let time = |key| json::text(service, key).unwrap_or_default();
    Some(format!("{title}\nFirst seen: {}\nLast seen: {}", time("eventFirstSeen"), time("eventLastSeen")))
}

/// Where a finding says when it was seen.
const SEEN: [&str; 2] = ["eventFirstSeen", "eventLastSeen"];

/// When it was seen, or when the finding was made.
fn window(finding: &Value, service: &Value) -> Option<Interval> {
    moment::span(service, &SEEN).or_else(|| moment::span(finding, &["createdAt", "updatedAt"]))
}

fn add_claim(draft: &mut Draft, finding: &Value, service: &Value, activity: Activity) {
    if surface(&json::text(finding, "type").unwrap_or_default()) == "Lambda" {
        draft.warnings.push("a function did it: no host of ours has a history of it".to_owned());
    }
    let mut accused = accused(finding);
    accused.process = process(service);
    if let Some(named) = &accused.process {
        let path = named.executable.as_deref().unwrap_or(&named.name).to_owned();
        draft.note("process", path, "service.runtimeDetails.process");
    }
    for id in &accused.instance_ids {
        draft.note("instance", id.clone(), "resource.instanceDetails.instanceId");
    }
    if moment::span(service, &SEEN).is_none() {
        draft.warnings.push("the finding names no first and last time; its own creation is taken".to_owned());
    }
    let window = window(finding, service);
    let remotes = remotes(service, &accused);
    if let Some(port) = json::port(service, "action.networkConnectionAction.localPortDetails.port") {
        draft.source_ports.push(port);
    }
    let mut claim = claims::claim(accused, remotes, window, activity);
    claim.names.extend(asked_name(service));
    draft.claims.push(claim);
}

/// The name that was asked of DNS, where a finding is about that.
fn asked_name(service: &Value) -> Option<String> {
    let name = json::text(service, "action.dnsRequestAction.domain")?.to_ascii_lowercase();
    let name = name.trim_end_matches('.');
    let is_name = name.contains('.') && name.len() <= 253 && name.bytes().all(|byte| byte.is_ascii_graphic());
    is_name.then(|| name.to_owned())
}

/// Returns the middle of a type: EC2, IAMUser, Runtime.
fn surface(kind: &str) -> &str {
    kind.split_once(':').and_then(|(_, rest)| rest.split_once('/')).map_or("other", |(surface, _)| surface)
}

/// Says whether a finding accuses a host of ours, and of what.
fn judge(kind: &str, finding: &Value, service: &Value) -> (Disposition, Activity) {
    let name = kind.rsplit('/').next().unwrap_or(kind);
    let activity = activity_of(kind);
    let has_host = json::at(finding, "resource.instanceDetails").is_some();
    // What a function sends leaves from our network too, from a host that has no recorder.
    if surface(kind) == "Lambda" {
        return (Disposition::Claims, activity);
    }
    if !matches!(surface(kind), "EC2" | "Runtime" | "ECS" | "EKS" | "Container" | "Instance") {
        let attacked = surface(kind) == "RDS" || kind.starts_with("CredentialAccess:RDS");
        return (if attacked { Disposition::Inbound } else { Disposition::NotAbuse }, activity);
    }
    let action =
        |key: &str| json::text(service, &format!("action.networkConnectionAction.{key}")).unwrap_or_default();
    let direction = action("connectionDirection").to_ascii_uppercase();
    let role = json::text(service, "resourceRole").unwrap_or_default().to_ascii_uppercase();
    let is_probe = json::at(service, "action.portProbeAction").is_some() || name.starts_with("PortProbe");
    let inbound = match name {
        _ if is_probe => true,
        _ if name.contains("BruteForce") => {
            if role.is_empty() {
                direction == "INBOUND"
            } else {
                role == "TARGET" && direction != "OUTBOUND"
            }
        }
        _ if name.starts_with("MaliciousIPCaller") || name.starts_with("NetworkPortUnusual") => {
            direction == "INBOUND"
        }
        _ => false,
    };
    match (inbound, has_host) {
        (true, _) => (Disposition::Inbound, activity),
        (false, true) => (Disposition::Claims, activity),
        (false, false) => (Disposition::NotAbuse, activity),
    }
}

/// What a finding of this type is about.
fn activity_of(kind: &str) -> Activity {
    let name = kind.rsplit('/').next().unwrap_or(kind);
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    if kind.starts_with("CryptoCurrency:") || starts(&["Bitcoin", "CryptoMiner"]) {
        Activity::CryptoMining
    } else if starts(&["Portscan", "PortSweep", "PortProbe"]) {
        Activity::PortScan
    } else if name.contains("BruteForce") {
        Activity::LoginAttack
    } else if starts(&["DenialOfService"]) {
        Activity::DenialOfService
    } else if starts(&["Spambot"]) {
        Activity::Spam
    } else if starts(&["Tor"]) {
        Activity::Tor
    } else if starts(&[
        "C&CActivity",
        "ReverseShell",
        "DGADomainRequest",
        "BlackholeTraffic",
        "DropPoint",
        "DNSDataExfiltration",
        "MaliciousDomainRequest",
    ]) {
        Activity::CommandAndControl
    } else if starts(&["PhishingDomainRequest"]) {
        Activity::Phishing
    } else {
        Activity::Other
    }
}

fn instance_id(instance: &Value) -> Vec<String> {
    let id = json::text(instance, "instanceId");
    id.filter(|id| resource::instance_of_entity(id).is_some()).into_iter().collect()
}

fn accused(finding: &Value) -> Accused {
    let instance = json::at(finding, "resource.instanceDetails").unwrap_or(&Value::Null);
    let mut accused = Accused {
        instance_ids: instance_id(instance),
        account: json::text(finding, "accountId").filter(|it| resource::is_account(it)),
        region: json::text(finding, "region"),
        ..Accused::default()
    };
    let interfaces = json::items(instance, "networkInterfaces");
    let mut texts: Vec<String> = interfaces.iter().filter_map(|it| json::text(it, "publicIp")).collect();
    for interface in interfaces {
        texts.extend(json::text(interface, "privateIpAddress"));
        let more = json::items(interface, "privateIpAddresses");
        texts.extend(more.iter().filter_map(|it| json::text(it, "privateIpAddress")));
        texts.extend(
            json::items(interface, "ipv6Addresses").iter().filter_map(|it| it.as_str().map(str::to_owned)),
        );
        let name = json::text(interface, "publicDnsName").filter(|name| name.contains('.'));
        accused.hostnames.extend(name.map(|name| name.to_ascii_lowercase()));
    }
    for ip in texts.iter().filter_map(|text| text.parse().ok()) {
        if !accused.addresses.contains(&ip) {
            accused.addresses.push(ip);
        }
    }
    accused
}

/// Returns the other side: of a connection, with the ports that a scan touched.
fn remotes(service: &Value, accused: &Accused) -> Vec<Remote> {
    let action = json::at(service, "action.networkConnectionAction").unwrap_or(&Value::Null);
    let ip = json::first_text(action, &["remoteIpDetails.ipAddressV4", "remoteIpDetails.ipAddressV6"]);
    let Some(address) = ip.and_then(|ip| ip.parse().ok()).filter(|ip| !accused.addresses.contains(ip)) else {
        return Vec::new();
    };
    let protocol = json::text(action, "protocol").and_then(|it| record::protocol(&it));
    let mut ports: Vec<Option<u16>> = vec![json::port(action, "remotePortDetails.port")];
    // The ports of a scan stand in a JSON text inside the JSON.
    if let Some(info) =
        json::text(service, "additionalInfo.value").and_then(|it| serde_json::from_str::<Value>(&it).ok())
    {
        for list in ["portsScannedSample", "ports", "scannedPorts"] {
            let scanned = json::items(&info, list)
                .iter()
                .filter_map(|port| port.as_u64().and_then(|port| u16::try_from(port).ok()));
            ports.extend(scanned.take(1024).map(Some));
        }
    }
    ports.into_iter().map(|port| Remote { address, port, protocol }).collect()
}

/// Returns the process that a runtime finding names.
fn process(service: &Value) -> Option<AccusedProcess> {
    let process = json::at(service, "runtimeDetails.process")?;
    Some(AccusedProcess {
        name: json::text(process, "name").unwrap_or_default(),
        executable: json::text(process, "executablePath"),
        pid: json::text(process, "pid").and_then(|it| it.parse().ok()),
        user: json::text(process, "user"),
        lineage: json::items(process, "lineage")
            .iter()
            .take(32)
            .filter_map(|it| json::first_text(it, &["executablePath", "name"]))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use serde_json::json;

    use super::read;
    use crate::claim::Activity;
    use crate::claim::Disposition;

    fn finding(kind: &str, role: &str, direction: &str) -> Value {
        json!({"source": "aws.guardduty", "detail": {
            "id": "f1", "accountId": "111122223333", "region": "eu-west-1", "type": kind, "updatedAt": "2024-01-15T11:00:00Z",
            "resource": {"resourceType": "Instance", "instanceDetails": {"instanceId": "i-0123456789abcdef0",
                "networkInterfaces": [{"privateIpAddress": "10.0.0.5", "publicIp": "192.0.2.1", "networkInterfaceId": "eni-0123456789abcdef0"}]}},
            "service": {"resourceRole": role, "eventFirstSeen": "2024-01-15T10:00:00Z", "eventLastSeen": "2024-01-15T10:30:00Z",
                "additionalInfo": {"value": "{\"portsScannedSample\":[22,80]}", "type": "default"},
                "action": {"networkConnectionAction": {"connectionDirection": direction, "protocol": "TCP",
                    "remoteIpDetails": {"ipAddressV4": "198.51.100.7"}, "localPortDetails": {"port": 4242}}}}}})
    }

    #[test]
    fn a_name_that_was_asked_for_is_named() {
        let mut finding = finding("Backdoor:EC2/C&CActivity.B!DNS", "ACTOR", "");
        finding["detail"]["service"]["action"] = json!({"actionType": "DNS_REQUEST", "dnsRequestAction": {"domain": "C2.Example.net.", "blocked": false}});
        let draft = read(&finding).expect("a finding");
        assert_eq!(draft.claims[0].names, ["c2.example.net"]);
        assert_eq!(
            (draft.claims[0].activity, draft.claims[0].remote.len()),
            (Activity::CommandAndControl, 0)
        );
    }

    #[test]
    fn the_type_decides_who_attacked() {
        for (kind, role, direction, expect, activity) in [
            ("Recon:EC2/Portscan", "ACTOR", "OUTBOUND", Disposition::Claims, Activity::PortScan),
            (
                "UnauthorizedAccess:EC2/SSHBruteForce",
                "TARGET",
                "INBOUND",
                Disposition::Inbound,
                Activity::LoginAttack,
            ),
            (
                "UnauthorizedAccess:EC2/SSHBruteForce",
                "ACTOR",
                "OUTBOUND",
                Disposition::Claims,
                Activity::LoginAttack,
            ),
            ("UnauthorizedAccess:EC2/TorClient", "TARGET", "OUTBOUND", Disposition::Claims, Activity::Tor),
            ("Trojan:EC2/DropPoint", "TARGET", "OUTBOUND", Disposition::Claims, Activity::CommandAndControl),
            (
                "Recon:EC2/PortProbeUnprotectedPort",
                "TARGET",
                "INBOUND",
                Disposition::Inbound,
                Activity::PortScan,
            ),
            (
                "Stealth:IAMUser/CloudTrailLoggingDisabled",
                "TARGET",
                "",
                Disposition::NotAbuse,
                Activity::Other,
            ),
        ] {
            let draft = read(&finding(kind, role, direction)).expect("a finding");
            assert_eq!(draft.disposition, super::Verdict::Is(expect), "{kind}");
            if let Some(claim) = draft.claims.first() {
                assert_eq!(claim.activity, activity, "{kind}");
                assert_eq!(claim.accused.instance_ids, ["i-0123456789abcdef0"]);
                assert_eq!(claim.accused.addresses[0].to_string(), "192.0.2.1");
                assert_eq!(claim.remote.len(), 2);
            }
        }
    }
}
