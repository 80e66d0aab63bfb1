//! A day of a busy host in one ring: how soon it answers, warm and cold, with how much memory, beside DuckDB, SQLite and
//! JSON lines on the same events; and how soon it can be written again after a kill.
//!
//! The day is generated, since no lab has a day: a web server with many clients, jobs, names asked for, and three times
//! a little traffic with the address that is sought. What is promised is promised for a hundred million events
//! (`--events 100000000`, some ten minutes and a gigabyte); without that option the day is a tenth of it.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context as _;
use anyhow::ensure;
use history::Body;
use history::BootId;
use history::Credentials;
use history::Direction;
use history::Dns;
use history::Endpoint;
use history::Flow;
use history::FlowState;
use history::KnownProcesses;
use history::Login;
use history::Namespaces;
use history::Process;
use history::ProcessFlags;
use history::ProcessId;
use history::Protocol;
use history::RecorderAct;
use history::Ring;
use history::RingLimits;
use history::Seen;
use history::UnixNs;
use history::Via;
use serde_json::Value;
use serde_json::json;

use super::Bench;
use super::context::Context;
use super::process;
use super::process::Measured;
use super::row::Row;
use crate::soak::plan::Random;

/// Events without `--events`.
const EVENTS: u64 = 10_000_000;
const DAY_NS: u64 = 24 * 3_600 * 1_000_000_000;
/// 2026-11-20T00:00:00Z.
const BEGIN: i64 = 1_795_132_800_000_000_000;
/// Events that the recorder commits at once on such a host.
const COMMIT_EVERY: u64 = 1_000;
/// Events given to SQLite and to JSON lines, which would take too long with all.
const BESIDE: u64 = 1_000_000;
const QUERY_MAX: Duration = Duration::from_secs(120);
const BESIDE_MAX: Duration = Duration::from_secs(580);

/// What was promised for the question of ten minutes, ms, warm and cold.
const WARM_MAX_MS: f64 = 50.0;
const COLD_MAX_MS: f64 = 300.0;
/// For the whole ring, ms.
const SEARCH_MAX_MS: f64 = 1_000.0;
/// For memory, MB.
const MEMORY_MAX_MB: f64 = 128.0;
/// For being ready after a kill, s.
const START_MAX_S: f64 = 1.0;

/// Who is sought.
const SOUGHT: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 77);

/// A day's ring.
pub struct Day;

impl Bench for Day {
    fn name(&self) -> String {
        "ring".to_owned()
    }

    fn about(&self) -> String {
        "a generated day of a busy host: questions warm and cold, memory, DuckDB, SQLite and JSON lines beside".to_owned()
    }

    fn rows(&self, context: &Context) -> anyhow::Result<Vec<Row>> {
        let events = if context.effort.quick { EVENTS / 50 } else { context.effort.events.unwrap_or(EVENTS) };
        let dir = context.work().join("day");
        let began = Instant::now();
        fill(&dir, events)?;
        let bytes: u64 = files(&dir)?.iter().map(|(_, bytes)| bytes).sum();
        eprintln!("  {events} events in {bytes} bytes, made in {:.0} s", began.elapsed().as_secs_f64());
        let mut rows = vec![
            Row::of("ring.events", Some(events as f64), "", Vec::new()),
            Row::of("ring.bytes_per_event", Some(bytes as f64 / events as f64), "bytes", Vec::new()),
        ];
        rows.extend(questions(context, &dir)?);
        rows.push(started_after_kill(context)?);
        for row in &rows {
            eprintln!("  {} {} {}", row.name, row.value.unwrap_or(f64::NAN), row.unit);
        }
        // What others need for it is no reason to lose what was measured of ours.
        match beside(context, &dir, events) {
            Ok(others) => rows.extend(others),
            Err(error) => rows.push(Row::not_available("ring.beside", &format!("{error:#}"))),
        }
        std::fs::remove_dir_all(&dir)?;
        Ok(rows)
    }
}

/// Ten minutes around noon, in which there is something, and the whole day.
fn questions(context: &Context, dir: &Path) -> anyhow::Result<Vec<Row>> {
    let (from, to) = noon();
    let day = (UnixNs(BEGIN), UnixNs(BEGIN).plus_s(24 * 3_600));
    let mut most = 0.0_f64;
    let mut ask = |from: UnixNs, to: UnixNs, cold: bool| -> anyhow::Result<f64> {
        if cold {
            drop_caches()?;
        }
        let mut query = context.command("query", &context.tools.recorder)?;
        query.args(["query", "--ring"]).arg(dir).args(["--remote", &SOUGHT.to_string(), "--format", "json"]);
        query.args(["--from", &from.to_string(), "--to", &to.to_string()]);
        let ended = Measured::start("host-recorder query", &mut query)?.wait(QUERY_MAX)?;
        // 3 says that not all of the time is recorded: the day ends before its last second does.
        ensure!(matches!(ended.status.code(), Some(0 | 3)), "host-recorder query: {}", ended.stderr);
        let evidence: Value = serde_json::from_str(&ended.stdout).context("an answer in JSON")?;
        let matched: u64 = evidence["activities"]
            .as_array()
            .map_or(0, |all| all.iter().filter_map(|activity| activity["matched"].as_u64()).sum());
        ensure!(matched > 0, "the traffic that is in the ring was not found: {}", ended.stderr);
        most = most.max(ended.rss_max as f64 / 1e6);
        Ok(ended.wall_s * 1e3)
    };
    let runs = context.effort.runs;
    ask(from, to, false)?;
    let warm = (0..runs).map(|_| ask(from, to, false)).collect::<anyhow::Result<Vec<_>>>()?;
    let cold = (0..runs).map(|_| ask(from, to, true)).collect::<anyhow::Result<Vec<_>>>()?;
    ask(day.0, day.1, false)?;
    let search = (0..runs).map(|_| ask(day.0, day.1, false)).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(vec![
        Row::median("ring.question_warm", "ms", warm).at_most(WARM_MAX_MS),
        Row::median("ring.question_cold", "ms", cold).at_most(COLD_MAX_MS),
        Row::median("ring.search_warm", "ms", search).at_most(SEARCH_MAX_MS),
        Row::of("ring.question_rss", Some(most), "MB", Vec::new()).at_most(MEMORY_MAX_MB),
    ])
}

fn noon() -> (UnixNs, UnixNs) {
    (UnixNs(BEGIN).plus_s(12 * 3_600 - 300), UnixNs(BEGIN).plus_s(12 * 3_600 + 300))
}

/// The same questions of others, by the stand-ins' Python.
fn beside(context: &Context, dir: &Path, events: u64) -> anyhow::Result<Vec<Row>> {
    let python = crate::target_dir()?.join("venv/bin/python");
    let (from, to) = noon();
    let mut script = Command::new(python);
    script.arg("-c").arg(include_str!("beside.py")).arg(dir).arg(context.work().join("beside"));
    script.args([SOUGHT.to_string(), from.to_string(), to.to_string()]);
    script.args([BESIDE.min(events).to_string(), context.effort.runs.to_string()]);
    let ended = process::run("DuckDB, SQLite and JSON lines", &mut script, BESIDE_MAX)?;
    ensure!(ended.status.success(), "{}", ended.stderr);
    let last = ended.stdout.trim().lines().next_back().unwrap_or_default();
    let told: Value = serde_json::from_str(last).with_context(|| format!("no rows: {last}"))?;
    context.note(json!({"bench": "ring", "beside": told}));
    let rows = told.as_array().context("no list")?.iter();
    let row = |row: &Value| {
        let samples = row["samples"].as_array()?.iter().filter_map(Value::as_f64).collect();
        Some(Row::median(format!("ring.{}", row["name"].as_str()?), row["unit"].as_str()?, samples))
    };
    rows.map(|it| row(it).context("no row")).collect()
}

/// A ring whose writer was killed when its log was as full as it gets: from its opening until it can be written.
fn started_after_kill(context: &Context) -> anyhow::Result<Row> {
    let mut samples = Vec::new();
    for _ in 0..context.effort.runs {
        let dir = context.work().join(format!("killed-{}", context.number()));
        let copy = dir.with_extension("copy");
        let limits = limits();
        let mut ring = Ring::open(&dir, limits)?;
        let mut day = Traffic::new(u64::MAX);
        while ring.size().bytes < limits.log_bytes - (limits.log_bytes >> 4) {
            let (time, boot_ns, body) = day.event();
            ring.append(time, boot_ns, body, &day)?;
            if day.made.is_multiple_of(COMMIT_EVERY) {
                ring.commit()?;
            }
        }
        ring.commit()?;
        // What a kill would leave is what is there before the ring is closed.
        std::fs::create_dir(&copy)?;
        for (path, _) in files(&dir)? {
            std::fs::copy(&path, copy.join(path.file_name().context("a file without a name")?))?;
        }
        drop(ring);
        let begun = Instant::now();
        let ring = Ring::open(&copy, limits)?;
        samples.push(begun.elapsed().as_secs_f64());
        drop(ring);
        std::fs::remove_dir_all(&dir)?;
        std::fs::remove_dir_all(&copy)?;
    }
    Ok(Row::median("ring.start_after_kill", "s", samples).at_most(START_MAX_S))
}

fn limits() -> RingLimits {
    RingLimits { bytes: u64::MAX, free_bytes: 0, ..RingLimits::default() }
}

fn fill(dir: &Path, events: u64) -> anyhow::Result<()> {
    let mut ring = Ring::open(dir, limits())?;
    let mut day = Traffic::new(events);
    let told = Instant::now();
    for n in 1..=events {
        let (time, boot_ns, body) = day.event();
        ring.append(time, boot_ns, body, &day)?;
        if n.is_multiple_of(COMMIT_EVERY) {
            ring.commit()?;
        }
        if n.is_multiple_of(10_000_000) {
            eprintln!("  {n} of {events} events after {:.0} s", told.elapsed().as_secs_f64());
        }
    }
    drop(ring);
    // Opening it again seals what is left.
    drop(Ring::open(dir, limits())?);
    Ok(())
}

fn files(dir: &Path) -> anyhow::Result<Vec<(PathBuf, u64)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            found.push((entry.path(), entry.metadata()?.len()));
        }
    }
    Ok(found)
}

/// Writes back and forgets what the kernel keeps of files.
fn drop_caches() -> anyhow::Result<()> {
    nix::unistd::sync();
    std::fs::write("/proc/sys/vm/drop_caches", "1").context("drop the kernel's cache of files")
}

/// What a web server with jobs does, one event after the other.
struct Traffic {
    random: Random,
    /// Events of the day.
    of: u64,
    made: u64,
    /// Of the job that runs.
    job: u32,
}

impl Traffic {
    fn new(of: u64) -> Self {
        Self { random: Random::new(11), of, made: 0, job: 4_000 }
    }

    /// The next: wall clock, time since boot in ns, what.
    fn event(&mut self) -> (UnixNs, u64, Body) {
        let n = self.made;
        self.made += 1;
        // A day, however many events it has; the first starts the recorder.
        let boot_ns = (u128::from(n) * u128::from(DAY_NS) / u128::from(self.of.min(100_000_000))) as u64;
        let boot_ns = boot_ns + self.random.below(1_000_000) + 1_000_000_000;
        let time = UnixNs(BEGIN + (boot_ns - 1_000_000_000).cast_signed());
        // Thrice a day something with the address that is sought: at noon, and in the morning and the evening.
        let share = self.of / 4;
        if n > 0 && share > 0 && n.is_multiple_of(share) {
            return (time, boot_ns, Body::Flow(Box::new(self.flow(time, Direction::Out, SOUGHT.into(), 22))));
        }
        let body = match (n, n % 100) {
            (0, _) => Body::Recorder { act: RecorderAct::Started, note: "generated".to_owned() },
            (_, 0) => {
                self.job += 1;
                Body::Fork { child: id(self.job, boot_ns, 0), parent: id(1, 0, 1) }
            }
            (_, 1) => Body::Process(Box::new(process(id(self.job, boot_ns, 1), &["/usr/bin/job", "--once"]))),
            (_, 2) => Body::Exit { process: id(self.job, boot_ns, 1), code: 0, signal: 0 },
            (_, 3) => Body::Dns(Box::new(self.asked())),
            (_, 4) => {
                let backend = Ipv4Addr::new(10, 0, 2, (self.random.below(4) + 1) as u8);
                Body::Flow(Box::new(self.flow(time, Direction::Out, backend.into(), 5_432)))
            }
            _ => {
                // Of two hundred thousand clients some come often, most seldom.
                let client = self.random.below(200_000) * self.random.below(200_000) / 200_000;
                let address = Ipv4Addr::from(0xcb00_0000 | Random::new(client + 1).below(1 << 24) as u32);
                Body::Flow(Box::new(self.flow(time, Direction::In, address.into(), 0)))
            }
        };
        (time, boot_ns, body)
    }

    fn flow(&mut self, time: UnixNs, direction: Direction, remote: IpAddr, port: u16) -> Flow {
        let ephemeral = 32_768 + self.random.below(28_232) as u16;
        let took_ns = (self.random.below(40) * self.random.below(1_000) * 1_000).cast_signed();
        let (local, remote_port) =
            if direction == Direction::In { (443, ephemeral) } else { (ephemeral, port) };
        Flow {
            owner: Some(server()),
            sender: None,
            protocol: Protocol::TCP,
            via: Via::Socket,
            direction,
            state: FlowState::Closed,
            local: Endpoint { address: Ipv4Addr::new(10, 0, 1, 10).into(), port: local },
            remote: Endpoint { address: remote, port: remote_port },
            packets: 4 + self.random.below(8),
            bytes: 300 + self.random.below(20_000),
            bytes_received: 200 + self.random.below(800),
            tcp_flags: 0,
            first: UnixNs(time.0 - took_ns),
            last: time,
        }
    }

    fn asked(&mut self) -> Dns {
        Dns {
            process: Some(server()),
            remote: Some(Endpoint { address: Ipv4Addr::new(10, 0, 0, 2).into(), port: 53 }),
            sent: true,
            answer: false,
            name: format!("api-{}.example.com", self.random.below(50)),
            kind: 1,
            code: 0,
            addresses: Vec::new(),
            names: Vec::new(),
        }
    }
}

impl KnownProcesses for Traffic {
    fn process(&self, wanted: &ProcessId) -> Option<Process> {
        (*wanted == server()).then(|| process(server(), &["/usr/sbin/webserver", "--workers", "4"]))
    }

    fn login(&self, _: &ProcessId) -> Option<(UnixNs, u64, Login)> {
        None
    }
}

fn server() -> ProcessId {
    id(800, 5_000_000, 1)
}

fn id(tgid: u32, start_ns: u64, exec: u32) -> ProcessId {
    // A tick of the clock: what began within one has one name.
    ProcessId {
        boot: BootId(0x8f3c_0a6b_12e4_5d77),
        tgid,
        start_ns: start_ns / 10_000_000 * 10_000_000,
        exec,
    }
}

fn process(id: ProcessId, argv: &[&str]) -> Process {
    Process {
        id,
        parent: Some(self::id(1, 0, 1)),
        seen: Seen::Exec,
        started: UnixNs(BEGIN + id.start_ns.cast_signed()),
        comm: argv[0].rsplit('/').next().unwrap_or_default().to_owned(),
        exe: argv[0].to_owned(),
        argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        env: Vec::new(),
        cwd: "/".to_owned(),
        credentials: Credentials::default(),
        user: Some("root".to_owned()),
        login_user: None,
        tty: None,
        cgroup: "/system.slice/web.service".to_owned(),
        container: None,
        exe_inode: 77,
        script: None,
        namespaces: Namespaces::default(),
        flags: ProcessFlags::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_lasts_a_day_and_holds_what_is_sought() {
        let mut day = Traffic::new(1_000);
        let events: Vec<_> = (0..1_000).map(|_| day.event()).collect();
        let hours = |at: UnixNs| (at.0 - BEGIN) / 3_600_000_000_000;
        assert_eq!((hours(events[0].0), hours(events[999].0)), (0, 23));
        let sought =
            |body: &Body| matches!(body, Body::Flow(flow) if flow.remote.address == IpAddr::from(SOUGHT));
        let (from, to) = noon();
        let found: Vec<_> = events.iter().filter(|(_, _, body)| sought(body)).map(|(at, ..)| *at).collect();
        assert_eq!(found.len(), 3);
        assert_eq!(found.iter().filter(|at| (from..to).contains(*at)).count(), 1);
    }
}
