//! Findings of several signs that GuardDuty joined, `AttackSequence:…`: the instances that were taken, and of each what
//! the signs that name it tell.

use std::net::IpAddr;

use serde_json::Value;

use super::super::claims;
use super::super::json;
use super::super::limits;
use super::super::moment;
use super::super::record;
use super::super::resource;
use super::super::time::Interval;
use crate::claim::Accused;
use crate::claim::AccusedProcess;
use crate::claim::Activity;
use crate::claim::Claim;
use crate::claim::Remote;

/// Signs of one sequence that are looked at.
const SIGNALS_MAX: usize = 200;

/// Says whether a type is one of a sequence.
pub(super) fn is_sequence(kind: &str) -> bool {
    kind.starts_with("AttackSequence:")
}

/// A claim for each instance among the resources; `window` where no sign of an instance has one of its own.
pub(super) fn claims(
    finding: &Value,
    service: &Value,
    base: &Accused,
    window: Option<&Interval>,
) -> Vec<Claim> {
    let sequence = json::at(service, "detection.sequence").unwrap_or(&Value::Null);
    instances(finding, service)
        .into_iter()
        .map(|id| {
            let signals = || json::items(sequence, "signals").iter().take(SIGNALS_MAX);
            let of_it = |signal: &&Value| {
                let uids = json::items(signal, "resourceUids").iter().filter_map(Value::as_str);
                uids.filter_map(resource::instance_of_entity).any(|named| named == id)
            };
            let of_it: Vec<&Value> = signals().filter(of_it).collect();
            let told: Vec<&Value> = if of_it.is_empty() { signals().collect() } else { of_it };
            let own = told.iter().filter_map(|it| moment::span(it, &["firstSeenAt", "lastSeenAt"]));
            let own = own.reduce(Interval::join).or_else(|| window.copied());
            let accused =
                Accused { instance_ids: vec![id], process: process(sequence, &told), ..base.clone() };
            claims::claim(accused, remotes(sequence, &told), own, activity(sequence, &told))
        })
        .collect()
}

/// The instances that a sequence of attacks took: they stand among its resources.
fn instances(finding: &Value, service: &Value) -> Vec<String> {
    let listed = [(service, "detection.sequence.resources"), (finding, "resource.resources")]
        .into_iter()
        .flat_map(|(value, path)| json::items(value, path));
    let mut ids: Vec<String> = Vec::new();
    for resource in listed.take(limits::CLAIMS_MAX) {
        let named = ["uid", "arn", "id", "name", "data.ec2Instance.instanceId"];
        let texts = named.iter().filter_map(|key| json::text(resource, key));
        for id in texts.filter_map(|text| resource::instance_of_entity(&text)).take(1) {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
    }
    ids
}

/// What the first sign that names a deed tells; else what the words of the whole do.
fn activity(sequence: &Value, signals: &[&Value]) -> Activity {
    let named = signals.iter().filter_map(|it| json::text(it, "name"));
    let by_type = named.map(|name| super::activity_of(&name)).find(|it| *it != Activity::Other);
    let described = || {
        let words = json::text(sequence, "description")?;
        super::super::activity::of_words(&words)
    };
    by_type.or_else(described).unwrap_or(Activity::Other)
}

/// The items of a list of the sequence to which signs point by their ids.
fn pointed_at<'a>(
    sequence: &'a Value,
    list: &str,
    signals: &[&Value],
    ids: &str,
) -> impl Iterator<Item = &'a Value> {
    let wanted: Vec<String> = signals
        .iter()
        .flat_map(|signal| json::items(signal, ids))
        .filter_map(|id| id.as_str().map(str::to_owned))
        .collect();
    let is_meant = move |item: &&Value| json::text(item, "id").is_some_and(|id| wanted.contains(&id));
    json::items(sequence, list).iter().take(SIGNALS_MAX).filter(is_meant)
}

/// Where connections went; whoever came in is not whom the host spoke to.
fn remotes(sequence: &Value, signals: &[&Value]) -> Vec<Remote> {
    let endpoints = pointed_at(sequence, "endpoints", signals, "endpointIds");
    let outbound = endpoints.filter(|it| {
        json::text(it, "connection.direction").is_none_or(|it| !it.eq_ignore_ascii_case("inbound"))
    });
    let remote = |it: &Value| {
        let address: IpAddr = json::text(it, "ip")?.parse().ok()?;
        let protocol = json::text(it, "connection.protocol").and_then(|it| record::protocol(&it));
        Some(Remote { address, port: json::port(it, "port"), protocol })
    };
    outbound.filter_map(remote).collect()
}

/// The process that a sign's actor is.
fn process(sequence: &Value, signals: &[&Value]) -> Option<AccusedProcess> {
    let mut actors = pointed_at(sequence, "actors", signals, "actorIds");
    let process = actors.find_map(|actor| json::at(actor, "process"))?;
    Some(AccusedProcess {
        name: json::text(process, "name").unwrap_or_default(),
        executable: json::text(process, "path"),
        pid: None,
        user: None,
        lineage: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::read;
    use crate::claim::Activity;

    #[test]
    fn each_instance_has_what_its_own_signs_tell() {
        let arn = |id: &str| format!("arn:aws:ec2:eu-west-1:111122223333:instance/{id}");
        let (first, second) = (arn("i-0123456789abcdef0"), arn("i-0fedcba9876543210"));
        let finding = json!({"source": "aws.guardduty", "detail": {
            "id": "f1", "accountId": "111122223333", "region": "eu-west-1",
            "type": "AttackSequence:EC2/CompromisedInstanceGroup", "resource": {"resourceType": "AttackSequence"},
            "service": {"eventFirstSeen": "2026-01-15T10:00:00Z", "eventLastSeen": "2026-01-15T14:00:00Z",
                "detection": {"sequence": {
                    "actors": [{"id": "a1", "process": {"name": "x", "path": "/dev/shm/x"}}],
                    "resources": [{"uid": first}, {"uid": second}],
                    "endpoints": [
                        {"id": "e1", "ip": "198.51.100.7", "port": 6667, "connection": {"direction": "OUTBOUND"}},
                        {"id": "e2", "ip": "203.0.113.9", "connection": {"direction": "INBOUND"}}],
                    "signals": [
                        {"name": "Execution:Runtime/NewBinaryExecuted", "resourceUids": [first], "actorIds": ["a1"],
                            "endpointIds": ["e2"], "firstSeenAt": "2026-01-15T10:00:00Z", "lastSeenAt": "2026-01-15T10:00:00Z"},
                        {"name": "Backdoor:EC2/C&CActivity.B", "resourceUids": [first], "endpointIds": ["e1"],
                            "firstSeenAt": "2026-01-15T10:05:00Z", "lastSeenAt": "2026-01-15T11:00:00Z"},
                        {"name": "Recon:EC2/Portscan", "resourceUids": [second],
                            "firstSeenAt": "2026-01-15T13:00:00Z", "lastSeenAt": "2026-01-15T14:00:00Z"}]}}}}});
        let claims = read(&finding).expect("a finding").claims;
        let told = |at: usize| {
            let claim = &claims[at];
            let window = claim.window.as_ref().map(|it| it.from.to_string()).unwrap_or_default();
            let remote: Vec<String> = claim.remote.iter().map(|it| it.address.to_string()).collect();
            let path = claim.accused.process.as_ref().and_then(|it| it.executable.clone());
            (claim.activity, claim.accused.instance_ids.join(","), window, remote, path)
        };
        assert_eq!(claims.len(), 2);
        let expect = (
            Activity::CommandAndControl,
            "i-0123456789abcdef0".to_owned(),
            "2026-01-15T10:00:00Z".to_owned(),
            vec!["198.51.100.7".to_owned()],
            Some("/dev/shm/x".to_owned()),
        );
        assert_eq!(told(0), expect);
        let second = "i-0fedcba9876543210".to_owned();
        assert_eq!(
            told(1),
            (Activity::PortScan, second, "2026-01-15T13:00:00Z".to_owned(), Vec::new(), None)
        );
    }
}
