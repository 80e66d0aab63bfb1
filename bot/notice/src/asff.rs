//! Security Hub findings (ASFF). Those that come from GuardDuty are turned back into what they were
//! and judged as such; other products' count only when a connection left a host of ours.

use serde_json::Value;
use serde_json::json;

use super::claims;
use super::draft::Draft;
use super::guardduty;
use super::json;
use super::limits;
use super::moment;
use super::record;
use super::resource;
use crate::claim::Accused;
use crate::claim::Activity;
use crate::claim::Disposition;
use crate::claim::Remote;

const FORMAT: &str = "asff";
/// Where Security Hub keeps GuardDuty's own fields, flattened.
const ACTION: &str = "aws/guardduty/service/action/networkConnectionAction/";

/// Reads one finding or an event of several; none when the value is something else.
pub(super) fn read(value: &Value) -> Option<Draft> {
    if json::at(value, "compliance").is_some() && json::at(value, "class_uid").is_some() {
        let mut draft = Draft::new(FORMAT, "asff/ocsf_compliance", Disposition::NotAbuse);
        draft.is_event = true;
        draft.warnings.push("a finding about compliance, not about what a host did".to_owned());
        return Some(draft);
    }
    let listed = [json::items(value, "detail.findings"), json::items(value, "findings")].concat();
    let findings: Vec<&Value> = if listed.is_empty() { vec![value] } else { listed.iter().collect() };
    let findings = findings.into_iter().filter(|it| is_finding(it)).take(limits::CLAIMS_MAX);
    findings.map(of_finding).reduce(super::join::merge)
}

fn is_finding(value: &Value) -> bool {
    json::at(value, "ProductArn").is_some()
        && (json::at(value, "AwsAccountId").is_some() || json::at(value, "Resources").is_some())
}

fn of_finding(finding: &Value) -> Draft {
    let mut draft = match guardduty_type(finding) {
        Some(kind) => {
            let mut draft = guardduty::of_finding(&as_guardduty(finding, &kind));
            draft.layout = format!("{FORMAT}/{}", draft.layout);
            draft
        }
        None => of_other(finding),
    };
    draft.format = FORMAT;
    draft.is_event = true;
    draft.case_id = json::text(finding, "Id");
    let updated = json::text(finding, "UpdatedAt").unwrap_or_default();
    draft.dedupe = draft.case_id.as_ref().map(|id| format!("{id}/{updated}"));
    draft.keys.extend(draft.case_id.clone());
    // The same finding comes from GuardDuty itself under the last part of this ARN.
    draft.keys.extend(draft.case_id.as_ref().and_then(|id| Some(id.rsplit_once("/finding/")?.1.to_owned())));
    if json::flag(finding, "Sample")
        || json::text(finding, "Title").is_some_and(|it| it.starts_with("[SAMPLE]"))
    {
        draft.warnings.push("this is a sample finding".to_owned());
    }
    draft
}

/// Returns GuardDuty's type: `TTPs/Discovery/Recon:EC2-Portscan` was `Recon:EC2/Portscan`.
fn guardduty_type(finding: &Value) -> Option<String> {
    let is_guardduty = json::text(finding, "ProductArn").is_some_and(|arn| arn.ends_with("guardduty"))
        || json::text(finding, "ProductName").is_some_and(|name| name == "GuardDuty");
    let types = json::items(finding, "Types").iter().filter_map(Value::as_str);
    let mut last = types.filter_map(|kind| kind.rsplit('/').next()).filter(|kind| kind.contains(':'));
    last.next().filter(|_| is_guardduty).map(|kind| kind.replacen('-', "/", 1))
}

/// Puts a finding back into GuardDuty's own shape.
fn as_guardduty(finding: &Value, kind: &str) -> Value {
    // What the finding itself says of the connection stands for what GuardDuty's own fields leave out.
    let said = |name: &str| {
        let of_action = format!("Action.NetworkConnectionAction.{name}");
        json::text(finding, &of_action)
            .or_else(|| json::at(finding, &of_action)?.as_u64().map(|it| it.to_string()))
    };
    let field = |name: &str| finding["ProductFields"][format!("{ACTION}{name}")].as_str().map(str::to_owned);
    let plain = |name: &str| {
        finding["ProductFields"][format!("aws/guardduty/service/{name}")].as_str().map(str::to_owned)
    };
    let resource = instance(finding);
    let addresses = |name: &str| -> Vec<String> {
        let listed = resource.map(|it| json::items(it, &format!("Details.AwsEc2Instance.{name}")));
        listed.unwrap_or_default().iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut interfaces: Vec<Value> =
        addresses("IpV4Addresses").iter().map(|ip| json!({"publicIp": ip})).collect();
    let sixes = addresses("IpV6Addresses");
    interfaces.extend((!sixes.is_empty()).then(|| json!({"ipv6Addresses": sixes})));
    let id = resource.and_then(|it| json::text(it, "Id")).and_then(|arn| resource::instance_of_entity(&arn));
    let remote = field("remoteIpDetails/ipAddressV4")
        .or_else(|| field("remoteIpDetails/ipAddressV6"))
        .or_else(|| said("RemoteIpDetails.IpAddressV4"))
        .or_else(|| said("RemoteIpDetails.IpAddressV6"))
        .or_else(|| json::first_text(finding, &["Network.DestinationIpV4", "Network.DestinationIpV6"]));
    let direction = field("connectionDirection").or_else(|| said("ConnectionDirection")).or_else(|| {
        json::text(finding, "Network.Direction")
            .map(|it| if it == "OUT" { "OUTBOUND".to_owned() } else { "INBOUND".to_owned() })
    });
    let domain = plain("action/dnsRequestAction/domain")
        .or_else(|| json::text(finding, "Action.DnsRequestAction.Domain"));
    json!({
        "type": kind,
        "id": json::text(finding, "Id"),
        "accountId": json::text(finding, "AwsAccountId"),
        "region": json::text(finding, "Region"),
        "resource": {"instanceDetails": id.map(|id| json!({"instanceId": id, "networkInterfaces": interfaces}))},
        "service": {
            "resourceRole": plain("resourceRole"),
            "eventFirstSeen": plain("eventFirstSeen").or_else(|| json::text(finding, "FirstObservedAt")),
            "eventLastSeen": plain("eventLastSeen").or_else(|| json::text(finding, "LastObservedAt")),
            "action": {"networkConnectionAction": {
                "connectionDirection": direction,
                "protocol": field("protocol").or_else(|| said("Protocol")),
                "remoteIpDetails": {"ipAddressV4": remote},
                "remotePortDetails": {"port": field("remotePortDetails/port").or_else(|| said("RemotePortDetails.Port"))},
                "localPortDetails": {"port": field("localPortDetails/port").or_else(|| said("LocalPortDetails.Port"))},
            }, "dnsRequestAction": {"domain": domain}},
        },
    })
}

fn instance(finding: &Value) -> Option<&Value> {
    let role = |it: &&Value| json::text(it, "ResourceRole").unwrap_or_default().to_ascii_lowercase();
    let instances = json::items(finding, "Resources").iter();
    let mut instances = instances.filter(|it| {
        json::text(it, "Type").is_some_and(|kind| kind == "AwsEc2Instance") && role(it) != "target"
    });
    // Of several the one that acted.
    instances.clone().find(|it| role(it) == "actor").or_else(|| instances.next())
}

/// Another product's finding: a host of ours is accused when it sent something out.
fn of_other(finding: &Value) -> Draft {
    let outbound = json::text(finding, "Network.Direction").is_some_and(|it| it == "OUT");
    let mut draft = Draft::new(FORMAT, "asff/other", Disposition::NotAbuse);
    let acted =
        |it: &&Value| json::text(it, "ResourceRole").is_some_and(|role| role.eq_ignore_ascii_case("actor"));
    let Some(host) = instance(finding).filter(|it| outbound || acted(it)) else {
        draft
            .warnings
            .push("a finding about configuration or compliance, not about what a host did".to_owned());
        return draft;
    };
    let arn = json::text(host, "Id").unwrap_or_default();
    let accused = Accused {
        instance_ids: resource::instance_of_entity(&arn).into_iter().collect(),
        addresses: json::items(host, "Details.AwsEc2Instance.IpV4Addresses")
            .iter()
            .filter_map(|ip| ip.as_str()?.parse().ok())
            .collect(),
        hostnames: Vec::new(),
        account: json::text(finding, "AwsAccountId"),
        region: json::text(finding, "Region"),
        ports: Vec::new(),
        process: None,
    };
    let protocol = json::text(finding, "Network.Protocol").and_then(|it| record::protocol(&it));
    let address = json::first_text(finding, &["Network.DestinationIpV4", "Network.DestinationIpV6"])
        .and_then(|ip| ip.parse().ok());
    let remotes = address.map(|address| Remote {
        address,
        port: json::port(finding, "Network.DestinationPort"),
        protocol,
    });
    let window = moment::span(finding, &["FirstObservedAt", "LastObservedAt"]);
    let title = json::text(finding, "Title").unwrap_or_default();
    let activity = super::activity::of_name(&title).unwrap_or(Activity::Other);
    draft.disposition = super::draft::Verdict::Is(Disposition::Claims);
    draft.claims.push(claims::claim(accused, remotes.into_iter().collect(), window, activity));
    draft
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::read;
    use crate::claim::Activity;

    #[test]
    fn the_findings_own_action_tells_who_attacked_whom() {
        let finding = |direction: &str| {
            json!({"detail-type": "Security Hub Findings - Imported", "detail": {"findings": [{
                "SchemaVersion": "2018-10-08", "Id": "f2", "AwsAccountId": "111122223333", "Title": "x",
                "ProductArn": "arn:aws:securityhub:eu-west-1::product/aws/guardduty",
                "Types": ["TTPs/Initial Access/UnauthorizedAccess:EC2-SSHBruteForce"], "ProductFields": {},
                "FirstObservedAt": "2024-01-15T10:00:00Z", "LastObservedAt": "2024-01-15T10:20:00Z",
                "Action": {"ActionType": "NETWORK_CONNECTION", "NetworkConnectionAction": {
                    "ConnectionDirection": direction, "RemoteIpDetails": {"IpAddressV6": "2001:db8::7"},
                    "RemotePortDetails": {"Port": 22}, "Protocol": "TCP"}},
                "Resources": [{"Type": "AwsEc2Instance",
                    "Id": "arn:aws:ec2:eu-west-1:111122223333:instance/i-0123456789abcdef0",
                    "Details": {"AwsEc2Instance": {"IpV4Addresses": ["192.0.2.1"], "IpV6Addresses": ["2001:db8:1::9"]}}}],
            }]}})
        };
        let inbound = read(&finding("INBOUND")).expect("a finding");
        assert!(!inbound.accuses(), "our own attacked host is accused: {inbound:?}");
        let outbound = read(&finding("OUTBOUND")).expect("a finding");
        let [claim] = &outbound.claims[..] else { panic!("{outbound:?}") };
        assert_eq!(claim.remote[0].address.to_string(), "2001:db8::7");
        assert_eq!(claim.remote[0].port, Some(22));
        assert!(claim.accused.addresses.iter().any(|it| it.to_string() == "2001:db8:1::9"), "{claim:?}");
    }

    #[test]
    fn a_guardduty_finding_is_what_it_was() {
        let event = json!({"detail-type": "Security Hub Findings - Imported", "detail": {"findings": [{
            "SchemaVersion": "2018-10-08", "Id": "f1", "ProductArn": "arn:aws:securityhub:eu-west-1::product/aws/guardduty",
            "AwsAccountId": "111122223333", "Region": "eu-west-1", "Types": ["TTPs/Discovery/Recon:EC2-Portscan"],
            "FirstObservedAt": "2024-01-15T10:00:00Z", "LastObservedAt": "2024-01-15T10:30:00Z", "Title": "x",
            "ProductFields": {"aws/guardduty/service/action/networkConnectionAction/remoteIpDetails/ipAddressV4": "198.51.100.7",
                "aws/guardduty/service/action/networkConnectionAction/connectionDirection": "OUTBOUND"},
            "Resources": [{"Type": "AwsEc2Instance", "Id": "arn:aws:ec2:eu-west-1:111122223333:instance/i-0123456789abcdef0",
                "Details": {"AwsEc2Instance": {"IpV4Addresses": ["192.0.2.1"]}}}]}]}});
        let draft = read(&event).expect("findings");
        assert_eq!(draft.claims[0].activity, Activity::PortScan);
        assert_eq!(draft.claims[0].accused.instance_ids, ["i-0123456789abcdef0"]);
        assert_eq!(draft.claims[0].remote[0].address.to_string(), "198.51.100.7");
        let compliance = json!({"ProductArn": "arn:aws:securityhub:::product/aws/securityhub", "AwsAccountId": "111122223333", "Title": "x"});
        assert!(read(&compliance).expect("a finding").claims.is_empty());
    }
}
