//! What is exported as OCSF is valid by the schema that OCSF publishes, which `tests/setup.sh` installs.

// Helpers of tests may unwrap as tests do; the lint knows only functions that are tests themselves.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use history::*;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What a host recorded, and what it did not happen to.
fn events() -> Vec<Event> {
    let mut events = history::events(&root().join("tests/fixtures/recording/ring")).unwrap_or_else(|_| {
        // Its log is of before logs of this version; its segments are what is asked for.
        let mut events = Vec::new();
        let always = Window { from: UnixNs(i64::MIN), to: UnixNs(i64::MAX) };
        let ring = root().join("tests/fixtures/recording/ring");
        visit_window(&ring, always, &mut |event| events.push(event)).unwrap();
        events
    });
    let process = events.iter().find_map(|event| event.processes().next()).unwrap();
    let other = events[0].clone();
    let remote = Endpoint { address: [198, 51, 100, 20].into(), port: 53 };
    let dns = |answer: bool| {
        Body::Dns(Box::new(Dns {
            process: Some(process),
            remote: Some(remote),
            sent: !answer,
            answer,
            name: "www.example.com".to_owned(),
            kind: 1,
            code: 0,
            addresses: vec![remote.address],
            names: vec!["example.net".to_owned()],
        }))
    };
    let login = |accepted, source: Option<[u8; 4]>| {
        Body::Login(Box::new(Login {
            service: "sudo".to_owned(),
            user: "root".to_owned(),
            method: "sudo".to_owned(),
            accepted,
            source_address: source.map(Into::into),
            source_port: source.map(|_| 50_000),
            process: Some(process),
            command: Some("/bin/true".to_owned()),
            ..Login::default()
        }))
    };
    let flow = |state, direction, protocol| {
        Body::Flow(Box::new(Flow {
            owner: Some(process),
            sender: None,
            protocol,
            via: Via::Socket,
            direction,
            state,
            local: Endpoint { address: [10, 0, 1, 10].into(), port: 40_000 },
            remote,
            packets: 1,
            bytes: 40,
            bytes_received: 0,
            tcp_flags: 2,
            first: other.time,
            last: other.time,
        }))
    };
    let mut bodies = vec![
        dns(false),
        dns(true),
        login(true, None),
        login(false, Some([203, 0, 113, 7])),
        Body::Exit { process, code: 1, signal: 9 },
        Body::Credentials { process, from: Credentials::default(), to: Credentials::default() },
        Body::Loss { class: LossClass::Flow, count: 7, from: other.time },
        Body::Operation(Box::new(Operation {
            process: Some(process),
            kind: OperationKind::ModuleLoad,
            detail: "dummy".to_owned(),
        })),
    ];
    for state in [
        FlowState::Attempt,
        FlowState::Established,
        FlowState::Closed,
        FlowState::TimedOut,
        FlowState::Failed,
        FlowState::Refused,
        FlowState::Listening,
        FlowState::Bound,
        FlowState::Sent,
        FlowState::Received,
    ] {
        bodies.push(flow(state, Direction::Out, Protocol::TCP));
        bodies.push(flow(state, Direction::In, Protocol(17)));
    }
    events.extend(bodies.into_iter().map(|body| Event { body, ..other.clone() }));
    events
}

#[test]
fn every_exported_event_is_valid_by_the_published_schema() {
    let events = events();
    let mut known: HashMap<ProcessId, Process> = HashMap::new();
    for event in &events {
        if let Body::Process(process) = &event.body {
            known.insert(process.id, (**process).clone());
        }
    }
    let host = Host { hostname: "web-1".to_owned(), ..Host::default() };
    let mut lines = String::new();
    for event in &events {
        for told in ocsf(event, &host, &|id| known.get(id).cloned()) {
            lines.push_str(&told.to_string());
            lines.push('\n');
        }
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let python = target.join("venv/bin/python");
    assert!(python.exists(), "{} is not there: run tests/setup.sh", python.display());
    let mut check = Command::new(python)
        .arg(root().join("tests/standins/ocsf_check.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    check.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = check.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    let right: HashMap<String, u64> = serde_json::from_str(text.lines().next_back().unwrap()).unwrap();
    for class in ["Process Activity", "Network Activity", "Authentication", "DNS Activity"] {
        assert!(right.get(class).is_some_and(|count| *count >= 2), "{right:?}");
    }
}
