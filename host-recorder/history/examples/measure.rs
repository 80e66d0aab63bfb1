//! Measures a ring: `cargo run --release -p history --example measure -- DIR EVENTS`.
//!
//! Fills DIR with a ring of so many generated events over 24 hours (where it has none yet), then asks it. Each line of
//! the output is a JSON object: `name`, `value`, `unit`, `bound` (null where there is none), `holds`, `samples`.
//! Each question is asked by a process of its own, so that its memory is its own.

use std::io::Write;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

use history::*;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// 2026-01-01 00:00 UTC.
const START: i64 = 1_767_225_600_000_000_000;
const DAY_S: i64 = 86_400;
/// An address that is touched three times in the day.
const RARE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 200);
const SAMPLES: usize = 15;

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [dir, count] => measure(Path::new(dir), count.parse()?),
        ["scans"] => scans(),
        ["ask", dir, from, to, cold] => ask(Path::new(dir), from.parse()?, to.parse()?, cold == "cold"),
        _ => Err("usage: measure DIR EVENTS".into()),
    }
}

fn measure(dir: &Path, count: u64) -> Outcome<()> {
    if !dir.join("chain").exists() {
        fill(dir, count)?;
    }
    let (mut bytes, mut events) = (0, 0u64);
    for entry in std::fs::read_dir(dir)?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(ids) = name.strip_prefix("segment-").and_then(|rest| rest.strip_suffix(".parquet")) {
            let (first, last) = ids.split_once('-').ok_or("a segment's name")?;
            events += last.parse::<u64>()? - first.parse::<u64>()? + 1;
            bytes += entry.metadata()?.len();
        }
    }
    row(
        "sealed bytes an event, web server under load",
        bytes as f64 / events as f64,
        "B",
        Some(10.0),
        true,
        1,
    );
    scans()?;
    let noon = START + DAY_S / 2 * 1_000_000_000;
    for (name, from, to, cold, bound) in [
        ("who touched ADDRESS in 10 minutes, cold", noon, noon + 600_000_000_000, "cold", 300.0),
        ("who touched ADDRESS in 10 minutes, warm", noon, noon + 600_000_000_000, "warm", 50.0),
        ("who touched ADDRESS in 24 hours, warm", START, START + DAY_S * 1_000_000_000, "warm", 1_000.0),
    ] {
        let mut times = Vec::new();
        let mut memory = 0.0f64;
        for _ in 0..SAMPLES {
            let output = Command::new(std::env::current_exe()?)
                .args(["ask", &dir.display().to_string(), &from.to_string(), &to.to_string(), cold])
                .output()?;
            let text = String::from_utf8(output.stdout)?;
            let mut words = text.split_ascii_whitespace();
            times.push(
                words
                    .next()
                    .ok_or_else(|| String::from_utf8_lossy(&output.stderr).into_owned())?
                    .parse::<f64>()?,
            );
            memory = memory.max(words.next().ok_or("no memory")?.parse()?);
        }
        times.sort_by(f64::total_cmp);
        row(name, times[times.len() / 2], "ms", Some(bound), true, SAMPLES);
        row(&format!("{name}: slowest"), times[times.len() - 1], "ms", None, true, SAMPLES);
        row(&format!("{name}: peak memory"), memory, "MB", Some(128.0), true, SAMPLES);
    }
    start_up()
}

/// Scans of random addresses, enough of them to fill a log.
fn scans() -> Outcome<()> {
    for (what, scan) in [("1,000", 1_000), ("10,000", 10_000)] {
        let name = format!("sealed bytes a scan target, {what} random addresses a second");
        row(&name, scan_bytes(scan)?, "B", Some(3.0), true, 1);
    }
    Ok(())
}

/// Prints a row. `at_most`: the bound is an upper one.
fn row(name: &str, value: f64, unit: &str, bound: Option<f64>, at_most: bool, samples: usize) {
    let holds = bound.is_none_or(|bound| if at_most { value <= bound } else { value >= bound });
    let row = serde_json::json!({
        "name": name, "value": (value * 1000.0).round() / 1000.0, "unit": unit, "bound": bound, "holds": holds,
        "samples": samples,
    });
    println!("{row}");
}

/// Asks as `host-recorder query` does; prints milliseconds and megabytes.
fn ask(dir: &Path, from: i64, to: i64, cold: bool) -> Outcome<()> {
    if cold {
        for entry in std::fs::read_dir(dir)?.flatten() {
            let file = std::fs::File::open(entry.path())?;
            nix::fcntl::posix_fadvise(&file, 0, 0, nix::fcntl::PosixFadviseAdvice::POSIX_FADV_DONTNEED)?;
        }
    }
    let request = Request {
        version: VERSION,
        window: Window { from: UnixNs(from), to: UnixNs(to) },
        remotes: vec![Prefix { address: RARE.into(), length: 32 }],
        ports: Vec::new(),
        protocol: None,
        names: Vec::new(),
        who: Who::default(),
    };
    let begun = Instant::now();
    let evidence = query(dir, &request, Host::default())?;
    let took = begun.elapsed().as_secs_f64() * 1e3;
    let matched: u64 = evidence.activities.iter().map(|activity| activity.matched).sum();
    if matched == 0 || !evidence.coverage.gaps.is_empty() {
        return Err(format!("{matched} matched, {:?}", evidence.coverage.gaps).into());
    }
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let kilobytes: f64 = peak.trim().trim_end_matches(" kB").parse()?;
    println!("{took} {}", kilobytes / 1e3);
    Ok(())
}

struct Known;

impl KnownProcesses for Known {
    fn process(&self, id: &ProcessId) -> Option<Process> {
        (id.tgid < 1_000).then(|| image(*id, (id.tgid > 1).then(|| process_id(1))))
    }
    fn login(&self, _: &ProcessId) -> Option<(UnixNs, u64, Login)> {
        None
    }
}

fn process_id(tgid: u32) -> ProcessId {
    ProcessId { boot: BootId(0xb007), tgid, start_ns: u64::from(tgid) * 7_919_333, exec: 2 }
}

fn image(id: ProcessId, parent: Option<ProcessId>) -> Process {
    Process {
        id,
        parent,
        seen: Seen::Exec,
        started: UnixNs(START),
        comm: "server".to_owned(),
        exe: "/usr/sbin/server".to_owned(),
        argv: vec!["server".to_owned(), "--worker".to_owned(), id.tgid.to_string()],
        env: Vec::new(),
        cwd: "/".to_owned(),
        credentials: Credentials { uid: 33, euid: 33, gid: 33, egid: 33, ..Credentials::default() },
        user: Some("www-data".to_owned()),
        login_user: None,
        tty: None,
        cgroup: "/system.slice/server.service".to_owned(),
        container: None,
        exe_inode: 4711,
        script: None,
        namespaces: Namespaces::default(),
        flags: ProcessFlags::default(),
    }
}

/// Numbers that look random and are the same each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

fn flow(owner: u32, remote: IpAddr, ports: (u16, u16), direction: Direction, at: i64, bytes: u64) -> Flow {
    Flow {
        owner: Some(process_id(owner)),
        sender: None,
        protocol: Protocol::TCP,
        via: Via::Socket,
        direction,
        state: FlowState::Closed,
        local: Endpoint { address: Ipv4Addr::new(10, 0, 1, 10).into(), port: ports.0 },
        remote: Endpoint { address: remote, port: ports.1 },
        packets: 0,
        bytes,
        bytes_received: 300 + bytes % 400,
        tcp_flags: 0,
        // Connections take some milliseconds.
        first: UnixNs(at - 2_000_000 - at % 50_000_000),
        last: UnixNs(at),
    }
}

/// Bytes of one of 300 answers.
fn page(random: u64) -> u64 {
    (random >> 17) % 300 % (1 + (random >> 33) % 300) * 1_237 + 211
}

/// A day of a web server: clients come and go, workers ask a database, a job forks, execs and exits now and then.
fn fill(dir: &Path, count: u64) -> Outcome<()> {
    std::fs::create_dir_all(dir)?;
    let limits = RingLimits { bytes: 64 << 30, free_bytes: 1 << 30, ..RingLimits::default() };
    let mut ring = Ring::open(dir, limits)?;
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let note = |act| Body::Recorder { act, note: String::new() };
    ring.append(UnixNs(START), 0, note(RecorderAct::Started), &Known)?;
    let per_second = (count / DAY_S as u64).max(1);
    let (mut appended, mut spent) = (0u64, Duration::ZERO);
    let mut json = zstd::Encoder::new(Vec::new(), 3)?;
    let mut json_events = 0u64;
    let (mut children, mut running) = (0u32, std::collections::VecDeque::new());
    for second in 0..DAY_S {
        let base = START + second * 1_000_000_000;
        let mut bodies = Vec::with_capacity(per_second as usize);
        for index in 0..per_second - 1 {
            let slot = 1_000_000_000 / per_second;
            let at = base + (index * slot + random.next() % slot) as i64;
            let it = random.next();
            let body = match it % 20 {
                0 => {
                    children += 1;
                    let start_ns = (at - START) as u64;
                    let child = ProcessId { tgid: 10_000 + children % 30_000, start_ns, ..process_id(7) };
                    running.push_back(child);
                    Body::Fork { child, parent: process_id(7) }
                }
                1 if !running.is_empty() => {
                    let process = running.pop_front().unwrap_or_default();
                    Body::Exit { process, code: 0, signal: 0 }
                }
                2..=6 => {
                    let port = 30_000 + (it >> 20) as u16 % 20_000;
                    let database = Ipv4Addr::new(10, 0, 2, 5).into();
                    let to = flow(
                        2 + (it >> 50) as u32 % 16,
                        database,
                        (port, 5432),
                        Direction::Out,
                        at,
                        it >> 52,
                    );
                    Body::Flow(Box::new(to))
                }
                _ => {
                    // Clients come back: some 30,000 addresses, a few of them most of the time.
                    let client = (it >> 32) % 30_000 % (1 + (it >> 8) % 30_000);
                    let client =
                        Ipv4Addr::from((client as u32).wrapping_mul(0x9e37_79b9) | 0x0100_0000).into();
                    let port = 1_024 + (it >> 12) as u16 % 60_000;
                    let from = flow(
                        2 + (it >> 50) as u32 % 16,
                        client,
                        (443, port),
                        Direction::In,
                        at,
                        page(it >> 3),
                    );
                    Body::Flow(Box::new(from))
                }
            };
            bodies.push((at, body));
        }
        if [DAY_S / 2 + 60, DAY_S / 4, DAY_S - 100].contains(&second) {
            bodies.push((
                base,
                Body::Flow(Box::new(flow(3, RARE.into(), (40_000, 22), Direction::Out, base, 5))),
            ));
        }
        bodies.push((base + 999_999_999, note(RecorderAct::Alive)));
        if second % 64 == 0 {
            for (at, body) in &bodies {
                let (time, boot_ns) = (UnixNs(*at), (*at - START) as u64);
                serde_json::to_writer(
                    &mut json,
                    &Event { id: json_events, time, boot_ns, body: body.clone() },
                )?;
                json.write_all(b"\n")?;
                json_events += 1;
            }
        }
        let begun = Instant::now();
        for (at, body) in bodies {
            ring.append(UnixNs(at), (at - START) as u64, body, &Known)?;
            appended += 1;
        }
        spent += begun.elapsed();
        if second % 60 == 0 {
            ring.commit()?;
        }
    }
    ring.append(UnixNs(START + DAY_S * 1_000_000_000), 0, note(RecorderAct::Stopped), &Known)?;
    ring.commit()?;
    drop(ring);
    row("append, one core", appended as f64 / spent.as_secs_f64(), "events/s", Some(1e6), false, 1);
    let bytes = json.finish()?.len() as f64 / json_events as f64;
    row("the same as JSON lines and zstd", bytes, "B an event", None, true, 1);
    Ok(())
}

/// Bytes that a target of a scan takes, sealed.
fn scan_bytes(per_second: usize) -> Outcome<f64> {
    let dir = std::env::temp_dir().join(format!("measure-{}-{per_second}", std::process::id()));
    let targets = 2_400_000 / per_second * per_second;
    let mut ring = Ring::open(&dir, RingLimits { free_bytes: 0, ..RingLimits::default() })?;
    let mut random = Random(0x5bd1_e995);
    for second in 0..targets / per_second {
        let at = START + second as i64 * 1_000_000_000;
        let flows = (0..per_second).map(|_| {
            let remote = Ipv4Addr::from((random.next() >> 20) as u32).into();
            let probe = flow(7, remote, (61_000, 443), Direction::Out, at + 20_000_000, 0);
            (0, Flow { state: FlowState::Sent, via: Via::Packet, packets: 1, bytes: 40, ..probe })
        });
        for (_, body) in with_targets(flows.collect()) {
            ring.append(UnixNs(at), 0, body, &Known)?;
        }
    }
    ring.commit()?;
    drop(ring);
    // Opened again, the log is sealed.
    drop(Ring::open(&dir, RingLimits { free_bytes: 0, ..RingLimits::default() })?);
    let segments = std::fs::read_dir(&dir)?
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "parquet"));
    let bytes: u64 = segments.map(|entry| entry.metadata().map(|metadata| metadata.len()).unwrap_or(0)).sum();
    std::fs::remove_dir_all(&dir)?;
    Ok(bytes as f64 / targets as f64)
}

/// Opening a ring whose recorder was killed with a full log.
fn start_up() -> Outcome<()> {
    let dir = std::env::temp_dir().join(format!("measure-{}-start", std::process::id()));
    let limits = RingLimits { free_bytes: 0, ..RingLimits::default() };
    let mut ring = Ring::open(&dir, RingLimits { log_bytes: u64::MAX, ..limits })?;
    let mut random = Random(1);
    while ring.size().bytes < limits.log_bytes {
        let remote = Ipv4Addr::from(random.next() as u32).into();
        let to = flow(3, remote, (40_000, 22), Direction::Out, START, 5);
        ring.append(UnixNs(START), 0, Body::Flow(Box::new(to)), &Known)?;
    }
    drop(ring);
    let begun = Instant::now();
    let ring = Ring::open(&dir, limits)?;
    row("opening a ring with a full log", begun.elapsed().as_secs_f64(), "s", Some(1.0), true, 1);
    drop(ring);
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}
