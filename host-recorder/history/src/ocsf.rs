//! Events as OCSF 1.4 (Open Cybersecurity Schema Framework) says them. Pure.
//!
//! | event | class |
//! |---|---|
//! | process, fork, exit, credentials | Process Activity (1007): launch, launch, terminate, set user id |
//! | flow, targets (one event a target) | Network Activity (4001) |
//! | login | Authentication (3002): logon |
//! | dns | DNS Activity (4003) |
//!
//! Losses, operations and the recorder's own words have no class that fits; they are told as Base Event (0), so that who
//! reads the export knows of gaps. What OCSF has no attribute for stands in `unmapped`.

use std::net::IpAddr;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::event::Body;
use crate::event::Direction;
use crate::event::Dns;
use crate::event::Endpoint;
use crate::event::Event;
use crate::event::Flow;
use crate::event::FlowState;
use crate::event::Login;
use crate::event::Process;
use crate::event::Protocol;
use crate::event::Seen;
use crate::evidence::Host;
use crate::id::ProcessId;
use crate::redact;

/// The version of OCSF that is spoken.
const VERSION: &str = "1.4.0";

/// Writes an event as OCSF events: one, or one for each target of a set. `known` gives what is known of a process.
pub fn ocsf(event: &Event, host: &Host, known: &dyn Fn(&ProcessId) -> Option<Process>) -> Vec<Value> {
    let context = Context { event, host, known };
    context.events().into_iter().map(finish).collect()
}

struct Context<'a> {
    event: &'a Event,
    host: &'a Host,
    known: &'a dyn Fn(&ProcessId) -> Option<Process>,
}

impl Context<'_> {
    fn events(&self) -> Vec<Value> {
        match &self.event.body {
            Body::Process(process) => vec![self.process(process)],
            Body::Fork { child, parent } => {
                vec![self.process_activity(1, "Launch", self.actor(&Some(*parent)), self.by_id(child))]
            }
            Body::Exit { process, code, signal } => {
                let actor = self.actor(&Some(*process));
                let mut told = self.process_activity(2, "Terminate", actor, self.by_id(process));
                put(&mut told, "exit_code", json!(code));
                put(&mut told, "unmapped", json!({ "signal": signal }));
                vec![told]
            }
            Body::Credentials { process, from, to } => {
                let actor = self.actor(&Some(*process));
                let mut told = self.process_activity(5, "Set User ID", actor, self.by_id(process));
                put(&mut told, "unmapped", json!({ "from": from, "to": to }));
                vec![told]
            }
            Body::Login(login) => vec![self.login(login)],
            Body::Flow(flow) => vec![self.flow(flow)],
            Body::Targets(targets) => targets
                .remotes
                .endpoints()
                .into_iter()
                .map(|remote| self.flow(&targets.flow(remote)))
                .collect(),
            Body::Dns(dns) => vec![self.dns(dns)],
            Body::Loss { class, count, from } => {
                let message = format!("{count} {class:?} events were lost since {from}");
                vec![self.other(3, "Medium", &message, json!({ "class": class, "count": count }))]
            }
            Body::Recorder { act, note } => {
                let message = format!("recorder {act:?}: {note}");
                vec![self.other(1, "Informational", &message, json!({ "act": act }))]
            }
            Body::Operation(operation) => {
                let severity = if operation.kind.is_critical() { (4, "High") } else { (1, "Informational") };
                let message = format!("{:?}: {}", operation.kind, operation.detail);
                let unmapped = json!({ "operation": operation.kind, "process": operation.process });
                vec![self.other(severity.0, severity.1, &message, unmapped)]
            }
        }
    }

    fn base(&self, class: (u32, &str), category: (u32, &str), activity: (u32, &str)) -> Value {
        json!({
            "class_uid": class.0,
            "class_name": class.1,
            "category_uid": category.0,
            "category_name": category.1,
            "activity_id": activity.0,
            "activity_name": activity.1,
            "type_uid": class.0 * 100 + activity.0,
            "type_name": format!("{}: {}", class.1, activity.1),
            "severity_id": 1,
            "severity": "Informational",
            // OCSF counts milliseconds.
            "time": self.event.time.0.div_euclid(1_000_000),
            "metadata": {
                "version": VERSION,
                "uid": self.event.id.to_string(),
                "product": {
                    "name": "host-recorder",
                    "vendor_name": "Gumshoe",
                    "version": env!("CARGO_PKG_VERSION"),
                },
                "profiles": ["host"],
            },
            "device": {
                "hostname": self.host.hostname,
                "type_id": 1,
                "type": "Server",
                "os": { "name": "Linux", "type_id": 200, "type": "Linux", "kernel_release": self.host.kernel },
                "instance_uid": self.host.instance_id,
            },
        })
    }

    fn process_activity(&self, id: u32, name: &str, actor: Value, process: Value) -> Value {
        let mut told = self.base((1007, "Process Activity"), (1, "System Activity"), (id, name));
        put(&mut told, "actor", actor);
        put(&mut told, "process", process);
        told
    }

    fn process(&self, process: &Process) -> Value {
        let actor = self.actor(&process.parent);
        let mut told = self.process_activity(1, "Launch", actor, self.image(process));
        let how = match process.seen {
            Seen::Exec => "executed",
            Seen::Fork => "forked",
            Seen::Snapshot => "found running, or told again",
        };
        put(&mut told, "message", json!(how));
        told
    }

    fn image(&self, process: &Process) -> Value {
        let process = redact::process(process.clone());
        let name = process.exe.rsplit('/').next().unwrap_or_default();
        let name = if name.is_empty() { &process.comm } else { name };
        json!({
            "pid": process.id.tgid,
            "uid": process.id.to_string(),
            "name": process.comm,
            "cmd_line": process.argv.join(" "),
            "created_time": process.started.0.div_euclid(1_000_000),
            "file": { "name": name, "path": process.exe, "type_id": 1, "type": "Regular File" },
            "working_directory": process.cwd,
            "user": {
                "name": process.user,
                "uid": process.credentials.uid.to_string(),
                "type_id": if process.credentials.uid == 0 { 2 } else { 1 },
            },
            "session": process.credentials.session.map(|session| json!({ "uid": session.to_string() })),
            "container": process.container.as_deref().map(|container| json!({
                "uid": container.id,
                "name": container.name,
                "runtime": container.runtime,
                "image": container.image.as_ref().map(|image| json!({ "uid": image, "name": image })),
            })),
            "parent_process": process.parent.map(|id| json!({ "pid": id.tgid, "uid": id.to_string() })),
        })
    }

    fn by_id(&self, id: &ProcessId) -> Value {
        match (self.known)(id) {
            Some(process) => self.image(&process),
            None => json!({ "pid": id.tgid, "uid": id.to_string() }),
        }
    }

    /// OCSF wants somebody: where nobody is known, the kernel.
    fn actor(&self, id: &Option<ProcessId>) -> Value {
        match id {
            Some(id) => json!({ "process": self.by_id(id) }),
            None => json!({ "process": { "pid": 0, "name": "kernel" } }),
        }
    }

    fn flow(&self, flow: &Flow) -> Value {
        let activity = match flow.state {
            FlowState::Attempt | FlowState::Established => (1, "Open"),
            FlowState::Closed => (2, "Close"),
            FlowState::TimedOut | FlowState::Failed => (4, "Fail"),
            FlowState::Refused => (5, "Refuse"),
            FlowState::Listening => (7, "Listen"),
            FlowState::Bound => (99, "Bound"),
            FlowState::Sent | FlowState::Received => (6, "Traffic"),
        };
        let mut told = self.base((4001, "Network Activity"), (4, "Network Activity"), activity);
        let (local, remote) = (endpoint(&flow.local), endpoint(&flow.remote));
        let (from, to) = match (flow.direction, flow.state) {
            (_, FlowState::Listening | FlowState::Bound) => (None, local),
            (Direction::Out, _) => (Some(local), remote),
            (Direction::In, _) => (Some(remote), local),
        };
        put(&mut told, "src_endpoint", json!(from));
        put(&mut told, "dst_endpoint", to);
        put(&mut told, "actor", self.actor(&flow.sender.or(flow.owner)));
        put(&mut told, "connection_info", connection(flow.protocol, flow.direction, flow.remote.address));
        let traffic = json!({
            "bytes_out": flow.bytes,
            "bytes_in": flow.bytes_received,
            "packets_out": flow.packets,
        });
        put(&mut told, "traffic", traffic);
        put(&mut told, "start_time", json!(flow.first.0.div_euclid(1_000_000)));
        put(&mut told, "end_time", json!(flow.last.0.div_euclid(1_000_000)));
        put(
            &mut told,
            "unmapped",
            json!({ "state": flow.state, "via": flow.via, "tcp_flags": flow.tcp_flags }),
        );
        told
    }

    fn login(&self, login: &Login) -> Value {
        let mut told = self.base((3002, "Authentication"), (3, "Identity & Access Management"), (1, "Logon"));
        put(
            &mut told,
            "user",
            json!({ "name": login.user, "type_id": if login.user == "root" { 2 } else { 1 } }),
        );
        put(&mut told, "service", json!({ "name": login.service }));
        let status = if login.accepted { (1, "Success") } else { (2, "Failure") };
        put(&mut told, "status_id", json!(status.0));
        put(&mut told, "status", json!(status.1));
        put(&mut told, "auth_protocol_id", json!(99));
        put(&mut told, "auth_protocol", json!(login.method));
        put(&mut told, "is_remote", json!(login.source_address.is_some()));
        let from = login.source_address.map(|ip| json!({ "ip": ip, "port": login.source_port }));
        put(&mut told, "src_endpoint", json!(from));
        put(&mut told, "actor", self.actor(&login.process));
        put(&mut told, "session", json!(login.session.as_ref().map(|session| json!({ "uid": session }))));
        let command = login.command.as_deref().map(redact::text);
        put(
            &mut told,
            "unmapped",
            json!({ "key": login.key, "origin": login.origin, "by": login.by, "command": command }),
        );
        told
    }

    fn dns(&self, dns: &Dns) -> Value {
        let activity = if dns.answer { (2, "Response") } else { (1, "Query") };
        let mut told = self.base((4003, "DNS Activity"), (4, "Network Activity"), activity);
        put(&mut told, "query", json!({ "hostname": dns.name, "type": kind(dns.kind), "class": "IN" }));
        if dns.answer {
            let addresses = dns.addresses.iter().map(|address| {
                json!({ "rdata": address, "type": if address.is_ipv4() { "A" } else { "AAAA" }, "class": "IN" })
            });
            // Which of the types a name came by is not kept.
            let names = dns.names.iter().map(|name| json!({ "rdata": name, "class": "IN" }));
            put(&mut told, "answers", addresses.chain(names).collect());
            put(&mut told, "rcode_id", json!(if dns.code <= 11 { dns.code } else { 99 }));
        }
        let remote = dns.remote.as_ref().map_or_else(|| json!({ "name": "unknown" }), endpoint);
        let here = json!({ "hostname": self.host.hostname });
        // Who asks is the source, of its question and of the answer to it.
        let (from, to) = if dns.sent != dns.answer { (here, remote) } else { (remote, here) };
        put(&mut told, "src_endpoint", from);
        put(&mut told, "dst_endpoint", to);
        put(&mut told, "actor", self.actor(&dns.process));
        told
    }

    /// The base event has no device: which host it is stands with what else it has no word for.
    fn other(&self, severity_id: u32, severity: &str, message: &str, mut unmapped: Value) -> Value {
        let mut told = self.base((0, "Base Event"), (0, "Uncategorized"), (99, "Other"));
        if let Some(device) = told.as_object_mut().and_then(|told| told.remove("device")) {
            put(&mut unmapped, "device", device);
        }
        put(&mut told, "severity_id", json!(severity_id));
        put(&mut told, "severity", json!(severity));
        put(&mut told, "message", json!(message));
        put(&mut told, "unmapped", unmapped);
        told
    }
}

fn endpoint(endpoint: &Endpoint) -> Value {
    json!({ "ip": endpoint.address, "port": endpoint.port })
}

fn connection(protocol: Protocol, direction: Direction, remote: IpAddr) -> Value {
    let (direction_id, direction) = match direction {
        Direction::In => (1, "Inbound"),
        Direction::Out => (2, "Outbound"),
    };
    json!({
        "protocol_num": protocol.0,
        "protocol_name": protocol.to_string(),
        "direction_id": direction_id,
        "direction": direction,
        "protocol_ver_id": if remote.is_ipv4() { 4 } else { 6 },
    })
}

fn kind(kind: u16) -> String {
    match kind {
        1 => "A".to_owned(),
        2 => "NS".to_owned(),
        5 => "CNAME".to_owned(),
        12 => "PTR".to_owned(),
        15 => "MX".to_owned(),
        16 => "TXT".to_owned(),
        28 => "AAAA".to_owned(),
        33 => "SRV".to_owned(),
        65 => "HTTPS".to_owned(),
        // RFC 3597.
        other => format!("TYPE{other}"),
    }
}

fn put(told: &mut Value, name: &str, value: Value) {
    if let Value::Object(told) = told {
        told.insert(name.to_owned(), value);
    }
}

/// What is not known is left out rather than null.
fn finish(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let known = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(known.map(|(name, value)| (name, finish(value))).collect::<Map<_, _>>())
        }
        Value::Array(values) => values.into_iter().map(finish).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    type Required = (u64, &'static [&'static str], &'static [&'static [&'static str]]);

    /// What OCSF requires: of a class its attributes, and one at least of some. Written from its schema's
    /// `events/*` and `objects/*`; `a.b` is attribute b of object a.
    const REQUIRED: [Required; 5] = [
        (0, &[], &[]),
        (1007, &["actor", "device", "device.type_id", "process"], &[&["process.pid", "process.uid"]]),
        (3002, &["user"], &[&["service", "dst_endpoint"], &["user.name", "user.uid"]]),
        (
            4001,
            &["dst_endpoint", "connection_info.direction_id"],
            &[&["dst_endpoint.ip", "dst_endpoint.hostname"]],
        ),
        (4003, &["dst_endpoint", "query.hostname"], &[&["dst_endpoint.ip", "dst_endpoint.hostname"]]),
    ];

    const ALWAYS: [&str; 9] = [
        "activity_id",
        "category_uid",
        "class_uid",
        "metadata.version",
        "metadata.product.vendor_name",
        "metadata.product.name",
        "severity_id",
        "time",
        "type_uid",
    ];

    fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
        path.split('.').try_fold(value, |value, name| value.get(name))
    }

    fn check(told: &Value) {
        let number =
            |path| at(told, path).and_then(Value::as_u64).unwrap_or_else(|| panic!("{path}: {told:#}"));
        let class = number("class_uid");
        let (_, required, one_of) = REQUIRED.iter().find(|(known, ..)| *known == class).unwrap();
        for path in ALWAYS.iter().chain(*required) {
            assert!(at(told, path).is_some(), "{path} is missing: {told:#}");
        }
        for paths in *one_of {
            assert!(paths.iter().any(|path| at(told, path).is_some()), "one of {paths:?}: {told:#}");
        }
        assert_eq!(number("type_uid"), class * 100 + number("activity_id"));
        assert_eq!(number("category_uid"), class / 1000);
        let activities: &[u64] = match class {
            1007 => &[1, 2, 3, 4, 5],
            3002 => &[1, 2, 3, 4, 5],
            4001 => &[1, 2, 3, 4, 5, 6, 7, 99],
            4003 => &[1, 2, 6],
            _ => &[99],
        };
        assert!(activities.contains(&number("activity_id")), "{told:#}");
        for answer in told.get("answers").and_then(Value::as_array).into_iter().flatten() {
            assert!(answer.get("rdata").is_some(), "{told:#}");
        }
        assert!(!told.to_string().contains("null"), "{told:#}");
        // Milliseconds of this century and the next.
        assert!((946_684_800_000..4_102_444_800_000).contains(&number("time")));
    }

    #[test]
    fn every_event_has_what_its_class_requires() {
        let known = |id: &ProcessId| (id.tgid == 1).then(|| testing::process(1, None, &["sshd"]));
        let mut classes = std::collections::BTreeSet::new();
        for event in testing::events(44) {
            let told = ocsf(&event, &Host { hostname: "web-1".to_owned(), ..Host::default() }, &known);
            if let Body::Targets(targets) = &event.body {
                assert_eq!(told.len(), targets.remotes.endpoints().len());
            }
            for told in told {
                check(&told);
                classes.insert(told["class_uid"].as_u64());
            }
        }
        assert_eq!(classes.len(), REQUIRED.len());
    }

    #[test]
    fn secrets_stay() {
        let process = testing::process(1, None, &["mysql", "--password=hunter2"]);
        let time = testing::events(1)[0].time;
        let event = Event { id: 1, time, boot_ns: 0, body: Body::Process(Box::new(process)) };
        let told = ocsf(&event, &Host::default(), &|_| None);
        assert!(!told[0].to_string().contains("hunter2"), "{told:?}");
    }
}
