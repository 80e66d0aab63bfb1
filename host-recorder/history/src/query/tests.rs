//! A small host's ring, asked.

use super::*;
use crate::event::*;
use crate::id::ProcessId;
use crate::ring::KnownProcesses;
use crate::ring::Ring;
use crate::ring::RingLimits;
use crate::testing;
use crate::who::Who;

/// 2026-01-01 00:00 UTC.
const START: UnixNs = UnixNs(1_767_225_600_000_000_000);

struct Known;

impl KnownProcesses for Known {
    fn process(&self, id: &ProcessId) -> Option<Process> {
        let (parent, argv): (_, &[&str]) = match id.tgid {
            1 => (None, &["sshd: alice"]),
            2 => (Some(1), &["-bash"]),
            3 => (Some(2), &["sudo", "nmap", "-sS", "198.51.100.20"]),
            4 => (Some(3), &["nmap", "-sS", "198.51.100.20"]),
            _ => return None,
        };
        Some(Process { started: START, ..testing::process(id.tgid, parent, argv) })
    }

    fn login(&self, id: &ProcessId) -> Option<(UnixNs, u64, Login)> {
        (id.tgid == 1).then(|| {
            let login = Login {
                service: "sshd".to_owned(),
                user: "alice".to_owned(),
                method: "publickey".to_owned(),
                accepted: true,
                source_address: "203.0.113.7".parse().ok(),
                source_port: Some(50_000),
                key: None,
                process: Some(*id),
                origin: "auth.log".to_owned(),
                ..Login::default()
            };
            (START.plus_s(-3600), 0, login)
        })
    }
}

fn at(second: i64) -> UnixNs {
    START.plus_s(second)
}

fn recorder(ring: &mut Ring, second: i64, act: RecorderAct) {
    ring.append(at(second), 0, Body::Recorder { act, note: "test".to_owned() }, &Known).unwrap();
}

/// Recorded from 0 to 100 s; nmap scans 500 ports at 50 s. Log and segments mixed, by `log_bytes`.
fn scanned(dir: &Path, log_bytes: u64) {
    let limits = RingLimits { log_bytes, free_bytes: 0, ..RingLimits::default() };
    let mut ring = Ring::open(dir, limits).unwrap();
    recorder(&mut ring, 0, RecorderAct::Started);
    for second in 1..=100 {
        recorder(&mut ring, second, RecorderAct::Alive);
        if second == 50 {
            for port in 1..=500 {
                let flow = testing::flow(4, port, at(50));
                ring.append(at(50), 0, Body::Flow(Box::new(flow)), &Known).unwrap();
                ring.commit().unwrap();
            }
        }
        ring.commit().unwrap();
    }
}

fn request(from: i64, to: i64, remote: &str) -> Request {
    let remotes = match remote {
        "" => Vec::new(),
        remote => vec![Prefix { address: remote.parse().unwrap(), length: 32 }],
    };
    let window = Window { from: at(from), to: at(to) };
    Request {
        version: VERSION,
        window,
        remotes,
        ports: Vec::new(),
        protocol: None,
        names: Vec::new(),
        who: Who::default(),
    }
}

fn ask(dir: &Path, request: &Request) -> Evidence {
    query_at(dir, request, Host::default(), at(100)).unwrap()
}

#[test]
fn who_touched_it_is_found_with_its_chain_and_login_in_log_and_segments() {
    for log_bytes in [3_000, 20_000, 8 << 20] {
        let dir = tempfile::tempdir().unwrap();
        scanned(dir.path(), log_bytes);
        let evidence = ask(dir.path(), &request(10, 90, "198.51.100.20"));
        assert!(evidence.coverage.complete(), "{:?}", evidence.coverage);
        let activity = &evidence.activities[0];
        assert_eq!((activity.flows, activity.matched, activity.ports), (500, 500, 500));
        assert_eq!(activity.port_ranges, vec![(1, 500)]);
        assert_eq!(activity.process, Some(testing::process_id(4)));
        let pids: Vec<_> = evidence.processes.iter().map(|process| process.id.tgid).collect();
        assert_eq!(pids, vec![1, 2, 3, 4]);
        assert_eq!(evidence.logins.len(), 1);
        assert_eq!(evidence.samples.len(), 32);
        assert!(crate::text(&evidence).contains("nmap -sS 198.51.100.20"));
    }
}

#[test]
fn what_two_processors_took_in_of_one_asker_is_one_flow() {
    let dir = tempfile::tempdir().unwrap();
    let mut ring = Ring::open(dir.path(), RingLimits { free_bytes: 0, ..RingLimits::default() }).unwrap();
    recorder(&mut ring, 0, RecorderAct::Started);
    let mut write = |second, direction, state, remote_port, packets| {
        let flow = Flow {
            protocol: Protocol::UDP,
            via: Via::Socket,
            direction,
            state,
            packets,
            ..testing::flow(4, remote_port, at(second))
        };
        ring.append(at(second), 0, Body::Flow(Box::new(flow)), &Known).unwrap();
    };
    // Each processor tells when it took in its first; the answers' packets are both processors' too.
    write(50, Direction::In, FlowState::Received, 4_000, 10);
    write(51, Direction::In, FlowState::Received, 4_000, 20);
    write(50, Direction::Out, FlowState::Sent, 4_000, 10);
    write(51, Direction::Out, FlowState::Sent, 4_000, 20);
    write(52, Direction::In, FlowState::Received, 4_001, 1);
    recorder(&mut ring, 60, RecorderAct::Stopped);
    ring.commit().unwrap();
    let evidence = ask(dir.path(), &request(10, 59, "198.51.100.20"));
    let [asked] = &evidence.activities[..] else { panic!("{:?}", evidence.activities) };
    assert_eq!((asked.flows, asked.matched, asked.packets), (2, 2, 30));
    assert_eq!(asked.states, [(FlowState::Received, 2)]);
}

#[test]
fn what_one_sender_sent_between_two_ends_is_one_flow_however_it_was_counted() {
    let dir = tempfile::tempdir().unwrap();
    let mut ring = Ring::open(dir.path(), RingLimits { free_bytes: 0, ..RingLimits::default() }).unwrap();
    recorder(&mut ring, 0, RecorderAct::Started);
    let mut write = |began, at_second, remote_port, sender: Option<u32>, packets| {
        let flow = Flow {
            protocol: Protocol::UDP,
            via: Via::Socket,
            sender: sender.map(testing::process_id),
            packets,
            bytes: packets * 100,
            last: at(at_second),
            ..testing::flow(4, remote_port, at(began))
        };
        ring.append(at(at_second), 0, Body::Flow(Box::new(flow)), &Known).unwrap();
    };
    // Two processors, each of which tells its totals twice; then somebody else through the same socket, in turns.
    write(50, 51, 4_000, None, 10);
    write(51, 52, 4_000, None, 5);
    write(50, 53, 4_000, None, 30);
    write(51, 54, 4_000, None, 7);
    for turn in 0..4 {
        write(55 + turn, 55 + turn, 4_000, Some(3), 1);
    }
    write(56, 56, 4_001, None, 1);
    recorder(&mut ring, 60, RecorderAct::Stopped);
    ring.commit().unwrap();
    let evidence = ask(dir.path(), &request(10, 59, "198.51.100.20"));
    let [sent] = &evidence.activities[..] else { panic!("{:?}", evidence.activities) };
    assert_eq!((sent.flows, sent.matched, sent.packets, sent.bytes), (3, 3, 42, 4_200));
    assert_eq!(sent.states, [(FlowState::Sent, 3)]);
    assert_eq!(sent.senders, [testing::process_id(3)]);
    let sampled: Vec<_> = evidence.samples.iter().map(|sample| &sample.flow).collect();
    let told = |flow: &&Flow| (flow.remote.port, flow.packets, flow.first, flow.last);
    let mut told: Vec<_> = sampled.iter().map(told).collect();
    told.sort();
    assert_eq!(
        told,
        [(4_000, 4, at(55), at(58)), (4_000, 37, at(50), at(54)), (4_001, 1, at(56), at(56))],
        "{sampled:#?}"
    );
}

#[test]
fn an_address_that_nobody_touched_is_not_matched_but_the_rest_is_told() {
    let dir = tempfile::tempdir().unwrap();
    scanned(dir.path(), 8 << 20);
    let evidence = ask(dir.path(), &request(10, 90, "198.51.100.99"));
    assert_eq!(evidence.activities[0].matched, 0);
    assert_eq!(evidence.activities[0].flows, 500);
    assert!(evidence.coverage.complete());
    let other_time = ask(dir.path(), &request(60, 90, "198.51.100.20"));
    assert!(other_time.activities.is_empty());
}

#[test]
fn losses_and_gaps_make_coverage_incomplete() {
    let dir = tempfile::tempdir().unwrap();
    scanned(dir.path(), 8 << 20);
    assert!(!ask(dir.path(), &request(-50, 90, "")).coverage.complete());
    let mut ring = Ring::open(dir.path(), RingLimits { free_bytes: 0, ..RingLimits::default() }).unwrap();
    recorder(&mut ring, 200, RecorderAct::Started);
    let loss = Body::Loss { class: LossClass::Flow, count: 3, from: at(200) };
    ring.append(at(201), 0, loss, &Known).unwrap();
    recorder(&mut ring, 300, RecorderAct::Stopped);
    drop(ring);
    let asked = query_at(dir.path(), &request(90, 300, ""), Host::default(), at(300)).unwrap();
    let gaps: Vec<_> = asked.coverage.gaps.iter().map(|gap| (gap.window.from, gap.window.to)).collect();
    assert_eq!(gaps, vec![(at(100), at(200))]);
    assert_eq!(asked.coverage.losses[0].count, 3);
    let later = query_at(dir.path(), &request(250, 290, ""), Host::default(), at(300)).unwrap();
    assert!(later.coverage.complete(), "{:?}", later.coverage);
}

/// The recorder ended at 100 s, its clock was set back and it began again: what is asked of the time between is not there,
/// though the clock has not come to it.
#[test]
fn whose_clock_was_set_back_tells_that_the_time_to_come_is_not_recorded() {
    let dir = tempfile::tempdir().unwrap();
    scanned(dir.path(), 8 << 20);
    let mut ring = Ring::open(dir.path(), RingLimits { free_bytes: 0, ..RingLimits::default() }).unwrap();
    recorder(&mut ring, 60, RecorderAct::Started);
    recorder(&mut ring, 61, RecorderAct::Alive);
    drop(ring);
    let ask = |from, to| {
        let evidence = query_at(dir.path(), &request(from, to, ""), Host::default(), at(61)).unwrap();
        evidence.coverage
    };
    let coverage = ask(40, 104);
    assert_eq!(coverage.window, Window { from: at(40), to: at(104) });
    let is_told = |gap: &Gap| gap.window.from <= at(101) && at(104) <= gap.window.to;
    assert!(coverage.gaps.iter().any(is_told), "{:?}", coverage.gaps);
    assert!(!ask(101, 104).complete());
}

#[test]
fn a_damaged_or_missing_segment_is_a_gap() {
    let dir = tempfile::tempdir().unwrap();
    scanned(dir.path(), 3_000);
    let segments: Vec<_> =
        ring::catalogue(dir.path()).unwrap().into_iter().filter(RingFile::is_segment).collect();
    let middle = &segments[segments.len() / 2].path;
    let bytes = std::fs::read(middle).unwrap();
    std::fs::write(middle, &bytes[..bytes.len() / 2]).unwrap();
    let evidence = ask(dir.path(), &request(0, 100, "198.51.100.20"));
    assert!(!evidence.coverage.complete());
    assert!(evidence.activities[0].flows > 100, "the rest is still answered");
    std::fs::remove_file(middle).unwrap();
    assert!(!ask(dir.path(), &request(49, 51, "198.51.100.20")).coverage.complete());
}

/// A bit that turned over on disk is a gap with its reason, and nothing is made up of what it became; nor is anything
/// left out silently.
#[test]
fn a_bit_that_turned_over_is_a_gap() {
    let dir = tempfile::tempdir().unwrap();
    scanned(dir.path(), 12_000);
    let asked = request(40, 60, "198.51.100.20");
    let whole = ask(dir.path(), &asked);
    let segments = ring::catalogue(dir.path()).unwrap().into_iter().filter(RingFile::is_segment);
    let middle = segments.max_by_key(|file| file.bytes).unwrap().path;
    let bytes = std::fs::read(&middle).unwrap();
    for bit in (0..bytes.len() * 8).step_by(bytes.len() * 8 / 97) {
        let mut bad = bytes.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&middle, &bad).unwrap();
        let evidence = ask(dir.path(), &asked);
        let gap = evidence.coverage.gaps.iter().any(|gap| gap.reason.contains("cannot be read"));
        assert!(gap, "bit {bit}: {:?}", evidence.coverage);
        for activity in &evidence.activities {
            let known = whole.activities.iter().find(|known| known.process == activity.process);
            assert!(known.is_some_and(|known| known.flows >= activity.flows), "bit {bit}: {activity:?}");
        }
    }
    // What was put behind it is not read.
    std::fs::write(&middle, [bytes.as_slice(), b"PAR1"].concat()).unwrap();
    assert_eq!(ask(dir.path(), &asked).activities, whole.activities);
}

/// A line of the chain that was damaged is none; the segment then speaks for itself.
#[test]
fn a_damaged_line_of_the_chain_hides_nothing() {
    let dir = tempfile::tempdir().unwrap();
    scanned(dir.path(), 3_000);
    let asked = request(40, 60, "198.51.100.20");
    let whole = ask(dir.path(), &asked);
    let chain = dir.path().join("chain");
    let text = std::fs::read_to_string(&chain).unwrap();
    // All times of what segments hold become others.
    std::fs::write(&chain, text.replace("\"from\":17672", "\"from\":17772")).unwrap();
    assert_ne!(std::fs::read_to_string(&chain).unwrap(), text);
    assert_eq!(ask(dir.path(), &asked).activities, whole.activities);
}

/// A directory as a store that counts what is read.
struct Counted(std::path::PathBuf, std::sync::atomic::AtomicU64);

impl SegmentStore for Counted {
    fn read(&self, file: &str, at: u64, bytes: &mut [u8]) -> std::io::Result<()> {
        use std::os::unix::fs::FileExt;
        self.1.fetch_add(bytes.len() as u64, std::sync::atomic::Ordering::Relaxed);
        std::fs::File::open(self.0.join(file))?.read_exact_at(bytes, at)
    }
}

#[test]
fn segments_elsewhere_answer_as_the_ring_does_and_are_not_read_whole() {
    let dir = tempfile::tempdir().unwrap();
    let limits = RingLimits { log_bytes: 1 << 20, free_bytes: 0, ..RingLimits::default() };
    let mut ring = Ring::open(dir.path(), limits).unwrap();
    recorder(&mut ring, 0, RecorderAct::Started);
    for n in 0..80_000_u32 {
        let to =
            Endpoint { address: std::net::Ipv4Addr::from(n.wrapping_mul(0x9e37_79b9)).into(), port: 443 };
        // Numbers in which there is nothing to be made smaller, so that segments are large.
        let mixed = u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let bytes = (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 16;
        let flow = Flow { remote: to, bytes, ..testing::flow(4, 443, at(50)) };
        ring.append(at(50), 0, Body::Flow(Box::new(flow)), &Known).unwrap();
        if n % 1_000 == 0 {
            ring.commit().unwrap();
        }
    }
    recorder(&mut ring, 100, RecorderAct::Stopped);
    ring.commit().unwrap();
    drop(ring);
    drop(Ring::open(dir.path(), limits).unwrap());
    let asked = request(0, 100, &std::net::Ipv4Addr::from(7_777_u32.wrapping_mul(0x9e37_79b9)).to_string());
    let here = query_with(dir.path(), &asked, Host::default(), UnixNs::now(), 0).unwrap();
    let counted = Arc::new(Counted(dir.path().to_owned(), 0.into()));
    let store: Arc<dyn SegmentStore> = Arc::<Counted>::clone(&counted);
    let lines = std::fs::read(dir.path().join("chain")).unwrap();
    let there = archive_with(&lines, &store, &asked, Host::default(), 0).unwrap();
    assert_eq!(there.activities[0].matched, 1);
    assert_eq!(there.activities, here.activities);
    assert_eq!(there.coverage.recorded, here.coverage.recorded);
    let all: u64 = ring::catalogue(dir.path()).unwrap().iter().map(|file| file.bytes).sum();
    let read = counted.1.load(std::sync::atomic::Ordering::Relaxed);
    assert!(read < all / 2, "{read} bytes of {all} were read");
}

#[test]
fn nonsense_is_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let bad =
        |request: &Request| query_at(dir.path(), request, Host::default(), at(0)).unwrap_err().to_string();
    assert!(bad(&Request { version: 99, ..request(0, 1, "") }).contains("version 99"));
    assert!(bad(&request(1, 0, "")).contains("ends"));
    let long = Prefix { address: "10.0.0.1".parse().unwrap(), length: 33 };
    assert!(bad(&Request { remotes: vec![long], ..request(0, 1, "") }).contains("10.0.0.1/33"));
}

#[test]
fn evidence_fits_the_limit_and_says_what_was_left_out() {
    let dir = tempfile::tempdir().unwrap();
    scanned(dir.path(), 8 << 20);
    let mut evidence = ask(dir.path(), &request(10, 90, "198.51.100.20"));
    let line = crate::encode_evidence(&evidence, crate::SSM_LIMIT).unwrap();
    assert_eq!(crate::decode_evidence(&format!("noise\n{line}\n")).unwrap(), evidence);
    let template = evidence.processes[0].clone();
    for index in 0..3_000u32 {
        let mut process = template.clone();
        process.id.tgid = 10_000 + index;
        process.argv = vec![format!("{:x}", u128::from(index).wrapping_mul(0x9e37_79b9_7f4a_7c15_0bad)); 4];
        evidence.processes.push(process);
    }
    let line = crate::encode_evidence(&evidence, crate::SSM_LIMIT).unwrap();
    assert!(line.len() <= crate::SSM_LIMIT);
    let cut = crate::decode_evidence(&line).unwrap();
    assert_eq!(cut.activities[0], Activity { ..evidence.activities[0].clone() });
    assert!(cut.omitted.iter().any(|omission| omission.what == "processes"), "{:?}", cut.omitted);
    assert!(cut.processes.iter().any(|process| process.id == testing::process_id(4)));
}

use crate::evidence::Activity;

#[test]
fn who_asked_a_service_is_told_however_much_else_was_going_on() {
    let dir = tempfile::tempdir().unwrap();
    let limits = RingLimits { free_bytes: 0, ..RingLimits::default() };
    let mut ring = Ring::open(dir.path(), limits).unwrap();
    recorder(&mut ring, 0, RecorderAct::Started);
    let mut put = |body| ring.append(at(50), 0, body, &Known).unwrap();
    // 4 scans; what stands above it was asked once, and again and again told of; so many others took in more.
    put(Body::Flow(Box::new(testing::flow(4, 80, at(50)))));
    let asked = |owner: u32, from: u16| {
        let flow = testing::flow(owner, from, at(50));
        let (local, remote) = (flow.remote, Endpoint { port: from, ..flow.local });
        Flow { direction: Direction::In, via: Via::Socket, local, remote, ..flow }
    };
    put(Body::Flow(Box::new(asked(3, 1))));
    for owner in 100..300 {
        put(Body::Flow(Box::new(asked(owner, 1))));
        put(Body::Flow(Box::new(asked(owner, 2))));
    }
    for (nth, by) in ["a", "a", "b", "b", "a"].into_iter().cycle().take(600).enumerate() {
        let process = Some(testing::process_id(if nth < 500 { 4 } else { 3 }));
        let kind = if nth < 500 { OperationKind::Namespaces } else { OperationKind::Asked };
        put(Body::Operation(Box::new(Operation { process, kind, detail: by.to_owned() })));
    }
    ring.commit().unwrap();
    let evidence = ask(dir.path(), &request(10, 90, "198.51.100.20"));
    let process = |nth: usize| evidence.activities[nth].process.map(|id| id.tgid);
    assert_eq!((process(0), process(1)), (Some(4), Some(3)), "{}", crate::text(&evidence));
    let told = evidence.operations.iter().map(|event| &event.operation);
    let told: Vec<&str> =
        told.take_while(|it| it.kind == OperationKind::Asked).map(|it| it.detail.as_str()).collect();
    assert_eq!(told[..4], ["a", "b", "a", "b"], "the same once");
}

#[test]
fn a_container_that_is_named_later_is_named_in_all_its_processes() {
    let dir = tempfile::tempdir().unwrap();
    let limits = RingLimits { free_bytes: 0, ..RingLimits::default() };
    let mut ring = Ring::open(dir.path(), limits).unwrap();
    recorder(&mut ring, 0, RecorderAct::Started);
    let container = |name: Option<&str>| {
        let id = "4f5e9d1c0b2a".to_owned();
        Some(Box::new(Container { id, name: name.map(str::to_owned), ..Container::default() }))
    };
    for (tgid, name, cgroup) in [(10, None, ""), (11, None, "/a"), (11, Some("web"), "/a"), (10, None, "/a")]
    {
        let cgroup = cgroup.to_owned();
        let process = Process { container: container(name), cgroup, ..testing::process(tgid, None, &["nc"]) };
        ring.append(at(1), 0, Body::Process(Box::new(process)), &Known).unwrap();
    }
    let time = at(2);
    ring.append(time, 0, Body::Flow(Box::new(testing::flow(10, 22, time))), &Known).unwrap();
    recorder(&mut ring, 3, RecorderAct::Stopped);
    drop(ring);
    let evidence = ask(dir.path(), &request(0, 5, ""));
    let process = evidence.processes.iter().find(|process| process.id.tgid == 10).unwrap();
    assert_eq!(process.container, container(Some("web")), "by another process of it");
    assert_eq!(process.cgroup, "/a", "written again");
}

#[test]
fn logins_without_a_port_are_told_apart_by_process_and_lose_their_secrets() {
    let dir = tempfile::tempdir().unwrap();
    let limits = RingLimits { free_bytes: 0, ..RingLimits::default() };
    let mut ring = Ring::open(dir.path(), limits).unwrap();
    recorder(&mut ring, 0, RecorderAct::Started);
    for tgid in [20, 21, 21] {
        let login = Login {
            service: "cron".to_owned(),
            user: "alice".to_owned(),
            accepted: true,
            process: Some(testing::process_id(tgid)),
            command: Some("curl -u alice:hunter2 https://example.com".to_owned()),
            ..Login::default()
        };
        ring.append(at(1), 0, Body::Login(Box::new(login)), &Known).unwrap();
    }
    recorder(&mut ring, 3, RecorderAct::Stopped);
    drop(ring);
    let evidence = ask(dir.path(), &request(0, 5, ""));
    assert_eq!(evidence.logins.len(), 2);
    let command = evidence.logins[0].login.command.as_deref();
    assert_eq!(command, Some("curl -u alice:[redacted] https://example.com"));
}

/// A scan kept as sets is told as the same scan kept flow by flow: who, how many, which, in which state.
#[test]
fn a_scan_kept_as_sets_is_told_as_its_flows_are() {
    let scan = |port: u16, state, first: i64, last: i64| {
        let (first, last) = (UnixNs(first), UnixNs(last));
        Flow { state, last, packets: 0, bytes: 0, ..testing::flow(4, port, first) }
    };
    let second = 1_000_000_000;
    let base = at(50).0;
    // Attempts of two seconds; then most of the first second's are refused, a few of them by themselves.
    let mut commits: Vec<Vec<Flow>> = vec![Vec::new(); 4];
    for port in 1..=400u16 {
        let begun = base + i64::from(port % 2) * second + i64::from(port);
        commits[usize::from(port % 2)].push(scan(port, FlowState::Attempt, begun, begun));
        if port % 2 == 0 && port <= 300 {
            commits[2].push(scan(port, FlowState::Refused, begun, begun + 2 * second));
        } else if port % 2 == 0 && port <= 310 {
            commits[3].push(scan(port, FlowState::Failed, begun, begun + 3 * second));
        }
    }
    let tell = |as_sets: bool, log_bytes: u64, request: &Request| {
        let dir = tempfile::tempdir().unwrap();
        let limits = RingLimits { log_bytes, free_bytes: 0, ..RingLimits::default() };
        let mut ring = Ring::open(dir.path(), limits).unwrap();
        recorder(&mut ring, 0, RecorderAct::Started);
        for flows in &commits {
            let flows = flows.iter().map(|flow| (0, flow.clone())).collect();
            let bodies = if as_sets {
                crate::with_targets(flows)
            } else {
                flows.into_iter().map(|(at, flow)| (at, Body::Flow(Box::new(flow)))).collect()
            };
            assert!(!as_sets || bodies.len() < 6, "{}", bodies.len());
            for (_, body) in bodies {
                ring.append(at(50), 0, body, &Known).unwrap();
            }
            ring.commit().unwrap();
        }
        recorder(&mut ring, 100, RecorderAct::Stopped);
        drop(ring);
        let mut evidence = ask(dir.path(), request);
        let samples: Vec<u16> = evidence.samples.iter().map(|sample| sample.flow.remote.port).collect();
        let activity = evidence.activities.remove(0);
        (Activity { first_event: 0, last_event: 0, ..activity }, samples.len())
    };
    for request in [request(10, 90, "198.51.100.20"), request(10, 90, ""), request(10, 90, "192.0.2.1")] {
        for log_bytes in [2_000, 8 << 20] {
            assert_eq!(tell(true, log_bytes, &request), tell(false, log_bytes, &request));
        }
    }
    let one = Request { ports: vec![399], ..request(10, 90, "198.51.100.20") };
    let (activity, samples) = tell(true, 8 << 20, &one);
    assert_eq!((activity.matched, activity.flows, samples), (1, 400, 1));
}

/// Where a window holds too much to tell all of it, what was asked for is still told in full: who, how, and the login.
#[test]
fn asked_of_much_the_answer_is_the_same_for_what_was_asked() {
    for log_bytes in [3_000, 6_000] {
        let dir = tempfile::tempdir().unwrap();
        let limits = RingLimits { log_bytes, free_bytes: 0, ..RingLimits::default() };
        let mut ring = Ring::open(dir.path(), limits).unwrap();
        recorder(&mut ring, 0, RecorderAct::Started);
        let mut put = |second: i64, body| {
            ring.append(at(second), 0, body, &Known).unwrap();
            ring.commit().unwrap();
        };
        for second in 1..=90 {
            put(second, Body::Recorder { act: RecorderAct::Alive, note: String::new() });
            // Another process, all the time, elsewhere; and in the middle what is asked for, singly and in sets.
            let mut elsewhere = testing::flow(2, second as u16, at(second));
            elsewhere.remote.address = std::net::Ipv4Addr::new(192, 0, 2, second as u8).into();
            put(second, Body::Flow(Box::new(elsewhere)));
            if second == 30 {
                let dns = Dns {
                    process: Some(testing::process_id(4)),
                    answer: true,
                    name: "victim.example.com".to_owned(),
                    addresses: vec!["198.51.100.20".parse().unwrap()],
                    ..Dns::default()
                };
                put(second, Body::Dns(Box::new(dns)));
            }
            if second % 20 == 0 {
                let flow = |port: u16| (0, testing::flow(4, port + second as u16, at(second)));
                let ports = if second == 40 { 1..4 } else { 1..400 };
                for (_, body) in crate::with_targets(ports.map(flow).collect()) {
                    put(second, body);
                }
            }
        }
        drop(ring);
        let named = Request { names: vec!["victim.example.com".to_owned()], ..request(10, 85, "") };
        let wide = |length| {
            let mut request = request(10, 85, "198.51.100.20");
            request.remotes[0].length = length;
            request
        };
        for request in [wide(32), wide(24), named.clone(), request(35, 45, "198.51.100.20")] {
            let ask = |most| query_with(dir.path(), &request, Host::default(), at(100), most).unwrap();
            let (all, sought) = (ask(u64::MAX), ask(0));
            let matching = |evidence: &Evidence| {
                let it = evidence.activities.iter().find(|it| it.matched > 0 && it.process.is_some());
                let it = it.unwrap().clone();
                (it.process, it.matched, it.matched_ports, it.port_ranges, it.first, it.last)
            };
            let named = !request.names.is_empty();
            if named {
                // Asked by name, all is matched that went to the address that the name has.
                assert_eq!(sought.activities[0].process, all.activities[0].process);
            }
            assert_eq!(matching(&sought), matching(&all));
            assert_eq!(sought.samples, all.samples);
            assert_eq!(sought.coverage.gaps, all.coverage.gaps);
            let pids = |evidence: &Evidence| -> Vec<u32> {
                evidence.processes.iter().map(|process| process.id.tgid).collect()
            };
            assert_eq!(pids(&sought), vec![1, 2, 3, 4]);
            assert_eq!(sought.logins.len(), 1);
            assert!(sought.omitted.iter().any(|omission| omission.what.contains("only for what was asked")));
            assert_eq!(sought.dns.len(), all.dns.len().min(usize::from(named)));
        }
        let nobody = request(10, 85, "203.0.113.99");
        let evidence = query_with(dir.path(), &nobody, Host::default(), at(100), 0).unwrap();
        assert!(evidence.activities.iter().all(|activity| activity.matched == 0));
    }
}

#[test]
fn traffic_is_asked_for_by_whose_it_is() {
    let dir = tempfile::tempdir().unwrap();
    scanned(dir.path(), 3_000);
    let matched = |who: Who| {
        let request = Request { who, ..request(10, 90, "198.51.100.20") };
        ask(dir.path(), &request).activities.iter().map(|activity| activity.matched).sum::<u64>()
    };
    let words = |word: &str| vec![word.to_owned()];
    assert_eq!(matched(Who { processes: words("nmap"), ..Who::default() }), 500);
    // It came of the shell, of the user's session.
    assert_eq!(matched(Who { processes: words("2"), users: words("alice"), ..Who::default() }), 500);
    assert_eq!(matched(Who { sessions: vec![3], ..Who::default() }), 500);
    assert_eq!(matched(Who { users: words("bob"), ..Who::default() }), 0);
    assert_eq!(matched(Who { processes: words("nmap"), sessions: vec![4], ..Who::default() }), 0);
    assert_eq!(matched(Who { containers: words("web"), ..Who::default() }), 0);
}

#[test]
fn what_is_exported_reads_back_with_a_row_for_each_target() {
    let dir = tempfile::tempdir().unwrap();
    scanned(dir.path(), 3_000);
    let path = dir.path().join("hour.parquet");
    let mut export = ring::ParquetExport::create(&path).unwrap();
    let flows = (1..=100).map(|port| (0, testing::flow(4, port, at(50)))).collect();
    let (_, set) = crate::with_targets(flows).remove(0);
    export.push(&Event { id: 7, time: at(50), boot_ns: 1, body: set }).unwrap();
    let window = Window { from: at(50), to: at(60) };
    let mut pushed = 0;
    let damaged = ring::visit_window(dir.path(), window, &mut |event| {
        pushed += 1;
        export.push(&event).unwrap();
    });
    assert!(damaged.unwrap().is_empty());
    export.finish().unwrap();
    // A name that a ring gives, so that it can be read as one.
    let alone = tempfile::tempdir().unwrap();
    std::fs::rename(&path, alone.path().join(format!("segment-{:020}-{:020}.parquet", 0, 9))).unwrap();
    let events = ring::events(alone.path()).unwrap();
    assert_eq!(events.len(), pushed + 100);
    assert!(events.iter().all(|event| !matches!(event.body, Body::Targets(_))));
}
