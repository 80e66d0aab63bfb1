//! How long evidence of 100,000 events takes to a verdict, as JSON rows, one a line:
//! `{"name","value","unit","bound","holds","samples"}`.
//!
//! Run with `cargo run --release -p gumshoe --example judge_bench`. Ends with 1 when a bound does not hold.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use gumshoe::case::Accused;
use gumshoe::case::Activity as Accusation;
use gumshoe::case::Answer;
use gumshoe::case::Claim;
use gumshoe::case::ClaimWindow;
use gumshoe::case::HostAnswer;
use gumshoe::case::HostRef;
use gumshoe::case::Located;
use gumshoe::case::Remote;
use gumshoe::case::Verdict;
use gumshoe::case::ZoneSource;
use gumshoe::investigate::investigate;
use gumshoe::investigate::request_for;
use gumshoe::playbook::Playbook;
use gumshoe::playbook::Playbooks;
use history::Activity;
use history::BootId;
use history::Coverage;
use history::Credentials;
use history::Direction;
use history::Evidence;
use history::Exit;
use history::FlowState;
use history::Login;
use history::LoginEvent;
use history::Process;
use history::ProcessFlags;
use history::ProcessId;
use history::Protocol;
use history::Request;
use history::Seen;
use history::UnixNs;
use history::Via;
use jiff::Timestamp;
use serde_json::json;

/// Events: a fifth are logins, and the others are processes, their traffic and their ends.
const EVENTS: u32 = 100_000;
const MS_MAX: f64 = 100.0;
const ROUNDS: usize = 21;
/// 2026-11-21 10:00:00 UTC.
const TEN: i64 = 1_795_255_200;

fn main() -> anyhow::Result<ExitCode> {
    let playbooks = Playbooks::built_in()?;
    let claim = claim()?;
    let playbook = playbooks.for_claim(&claim);
    let now = Timestamp::from_second(TEN + 3_600)?;
    let mut holds = true;
    // A scanner among ordinary clients; and a host where every process matches, so that all are suspects.
    for (name, all_match) in [("judge.events_100k", false), ("judge.events_100k_all_match", true)] {
        let request = request_for(&claim, playbook, now);
        let answer = Answer::evidence(evidence(&request, all_match)?);
        let asked = HostAnswer { host: HostRef::default(), request, asked: now, answered: now, answer };
        let samples =
            (0..ROUNDS).map(|_| judged_ms(&claim, &asked, playbook)).collect::<anyhow::Result<Vec<_>>>()?;
        let mut sorted = samples.clone();
        sorted.sort_by(f64::total_cmp);
        let median = sorted[ROUNDS / 2];
        holds &= median <= MS_MAX;
        println!(
            "{}",
            json!({"name": name, "value": median, "unit": "ms", "bound": MS_MAX, "holds": median <= MS_MAX,
                   "samples": samples})
        );
    }
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn judged_ms(claim: &Claim, asked: &HostAnswer, playbook: &Playbook) -> anyhow::Result<f64> {
    let since = Instant::now();
    let judgement = black_box(investigate(
        std::slice::from_ref(claim),
        &Located::default(),
        std::slice::from_ref(asked),
        playbook,
    ));
    anyhow::ensure!(matches!(judgement.verdict, Verdict::Tool { .. }), "{:?}", judgement.verdict);
    Ok(since.elapsed().as_secs_f64() * 1e3)
}

fn claim() -> anyhow::Result<Claim> {
    let window = ClaimWindow {
        from: Timestamp::from_second(TEN)?,
        to: Timestamp::from_second(TEN + 600)?,
        zone: ZoneSource::Explicit,
    };
    Ok(Claim {
        accused: Accused::default(),
        remote: vec![Remote { address: "198.51.100.7".parse()?, port: None, protocol: None }],
        names: Vec::new(),
        window: Some(window),
        activity: Accusation::PortScan,
    })
}

fn at(seconds: i64) -> UnixNs {
    UnixNs((TEN + seconds) * 1_000_000_000)
}

fn evidence(request: &Request, all_match: bool) -> anyhow::Result<Evidence> {
    let (mut processes, mut activities, mut exits, mut logins) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let count = EVENTS * 4 / 15;
    for nth in 0..count {
        let id = ProcessId { boot: BootId(1), tgid: nth + 1, start_ns: u64::from(nth) + 1, exec: 1 };
        // Sessions of forty processes, each below the one before it or beside it.
        let parent = match nth {
            0 => None,
            _ if nth % 40 == 1 => Some(0),
            _ if nth % 3 == 0 => Some(nth - 1),
            _ => Some(nth / 40 * 40 + 1),
        };
        let parent = parent.filter(|parent| *parent < nth).map(|parent| ProcessId {
            boot: BootId(1),
            tgid: parent + 1,
            start_ns: u64::from(parent) + 1,
            exec: 1,
        });
        processes.push(process(id, parent, nth));
        let is_scanner = nth == count / 2;
        activities.push(activity(id, nth, is_scanner, is_scanner || all_match)?);
        exits.push(Exit { event: nth.into(), process: id, time: at(500), code: 0, signal: 0 });
        if nth % 40 == 1 {
            logins.push(login(nth, Some(id), true)?);
        }
    }
    while logins.len() < (EVENTS / 5) as usize {
        logins.push(login(u32::try_from(logins.len())?, None, logins.len() % 2 == 0)?);
    }
    Ok(Evidence {
        version: history::VERSION,
        host: history::Host::default(),
        request: request.clone(),
        answered: at(3_600),
        coverage: Coverage {
            window: request.window,
            recorded: vec![request.window],
            gaps: Vec::new(),
            losses: Vec::new(),
            oldest: None,
            events_searched: EVENTS.into(),
        },
        activities,
        processes,
        exits,
        logins,
        samples: Vec::new(),
        dns: Vec::new(),
        operations: Vec::new(),
        habits: Vec::new(),
        omitted: Vec::new(),
    })
}

fn process(id: ProcessId, parent: Option<ProcessId>, nth: u32) -> Process {
    let exe = ["/usr/sbin/sshd", "/usr/bin/bash", "/usr/bin/curl", "/usr/bin/python3"][nth as usize % 4];
    Process {
        id,
        parent,
        seen: Seen::Exec,
        started: at(i64::from(nth % 500)),
        comm: "program".to_owned(),
        exe: exe.to_owned(),
        argv: vec![exe.to_owned(), format!("argument-{nth}")],
        env: Vec::new(),
        cwd: "/".to_owned(),
        credentials: Credentials {
            uid: 1000,
            login_uid: Some(1000),
            session: Some(nth / 40),
            ..Credentials::default()
        },
        user: Some("alice".to_owned()),
        login_user: Some("alice".to_owned()),
        tty: None,
        cgroup: "/user.slice".to_owned(),
        container: None,
        exe_inode: 1,
        script: None,
        namespaces: history::Namespaces::default(),
        flags: ProcessFlags::default(),
    }
}

fn activity(id: ProcessId, nth: u32, scans: bool, matches: bool) -> anyhow::Result<Activity> {
    let targets = if scans { 1_000 } else { 1 };
    Ok(Activity {
        process: Some(id),
        processes: 1,
        senders: Vec::new(),
        protocol: Protocol::TCP,
        via: Via::Socket,
        direction: Direction::Out,
        flows: targets,
        matched: if matches { targets } else { 0 },
        addresses: 1,
        ports: targets,
        targets,
        matched_ports: if matches { targets } else { 0 },
        states: vec![(if scans { FlowState::Refused } else { FlowState::Closed }, targets)],
        tcp_flags: 0,
        packets: targets,
        bytes: targets * 60,
        bytes_received: targets * 60,
        address_sample: vec![if matches { "198.51.100.7".parse()? } else { "203.0.113.9".parse()? }],
        port_ranges: vec![(1, u16::try_from(targets)?)],
        local_addresses: vec!["10.0.0.5".parse()?],
        first: at(i64::from(nth % 500)),
        last: at(i64::from(nth % 500) + 5),
        first_event: nth.into(),
        last_event: nth.into(),
    })
}

fn login(nth: u32, process: Option<ProcessId>, accepted: bool) -> anyhow::Result<LoginEvent> {
    let login = Login {
        service: "sshd".to_owned(),
        user: "alice".to_owned(),
        method: "publickey".to_owned(),
        accepted,
        source_address: Some("192.0.2.10".parse()?),
        source_port: Some(40_000),
        process,
        ..Login::default()
    };
    Ok(LoginEvent { event: nth.into(), time: at(i64::from(nth % 500)), login })
}
