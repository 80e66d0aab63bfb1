//! A day of a busy host in one ring: how soon it answers, warm and cold, with how much memory, beside DuckDB, SQLite and
//! JSON lines on the same events; and how soon it can be written again after a kill.
//!
//! The day is generated, since no lab has a day: a web server with many clients, jobs, names asked for, and three times
//! a little traffic with the address that is sought. What is promised is promised for a hundred million events
//! (`--events 100000000`, some ten minutes and a gigabyte); without that option the day is a tenth of it.

mod traffic;

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context as _;
use anyhow::ensure;
use history::Ring;
use history::RingLimits;
use history::UnixNs;
use serde_json::Value;
use serde_json::json;

use super::Bench;
use super::context::Context;
use super::process;
use super::process::Measured;
use super::row::Row;
use traffic::BEGIN;
use traffic::SOUGHT;
use traffic::Traffic;
pub(super) use traffic::noon;

/// Events without `--events`.
const EVENTS: u64 = 10_000_000;
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
    let mut most = 0.0_f64;
    let mut ask = |(from, to): (UnixNs, UnixNs), cold: bool| -> anyhow::Result<f64> {
        let asked = ask(context, dir, (from, to), cold)?;
        most = most.max(asked.rss_mb);
        Ok(asked.ms)
    };
    let runs = context.effort.runs;
    ask(noon(), false)?;
    let warm = (0..runs).map(|_| ask(noon(), false)).collect::<anyhow::Result<Vec<_>>>()?;
    let cold = (0..runs).map(|_| ask(noon(), true)).collect::<anyhow::Result<Vec<_>>>()?;
    ask(day(), false)?;
    let search = (0..runs).map(|_| ask(day(), false)).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(vec![
        Row::median("ring.question_warm", "ms", warm).at_most(WARM_MAX_MS),
        Row::median("ring.question_cold", "ms", cold).at_most(COLD_MAX_MS),
        Row::median("ring.search_warm", "ms", search).at_most(SEARCH_MAX_MS),
        Row::of("ring.question_rss", Some(most), "MB", Vec::new()).at_most(MEMORY_MAX_MB),
    ])
}

/// The whole day.
pub(super) fn day() -> (UnixNs, UnixNs) {
    (UnixNs(BEGIN), UnixNs(BEGIN).plus_s(24 * 3_600))
}

/// What an answer took.
pub(super) struct Asked {
    /// The whole program, ms.
    pub ms: f64,
    /// Its memory at most, MB.
    pub rss_mb: f64,
}

/// Asks who touched the address that is sought; cold where the kernel is to have forgotten the files.
pub(super) fn ask(
    context: &Context,
    dir: &Path,
    (from, to): (UnixNs, UnixNs),
    cold: bool,
) -> anyhow::Result<Asked> {
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
    Ok(Asked { ms: ended.wall_s * 1e3, rss_mb: ended.rss_max as f64 / 1e6 })
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

/// Fills a ring with a day of so many events.
pub(super) fn fill(dir: &Path, events: u64) -> anyhow::Result<()> {
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
    // Who asks is forked from this process: what was needed to fill the ring is no part of what an answer takes.
    // SAFETY: malloc_trim(3) takes a number, and gives back only what nobody holds.
    unsafe { libc::malloc_trim(0) };
    Ok(())
}

/// Its files, and their sizes.
pub(super) fn files(dir: &Path) -> anyhow::Result<Vec<(PathBuf, u64)>> {
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
