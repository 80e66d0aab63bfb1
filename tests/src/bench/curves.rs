//! How what Gumshoe takes grows: with what happens on a host, with its history, with hosts, with notices. Each figure is a
//! row `curve.WHAT.LINE.X`; [`super::draw`] makes plots of them.

use std::time::Duration;

use anyhow::Context as _;
use anyhow::ensure;
use history::Protocol;
use serde_json::json;

use super::Bench;
use super::bot;
use super::context::Context;
use super::count;
use super::count::Deed;
use super::process;
use super::recording::Recording;
use super::ring;
use super::row::Row;

/// What grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Growing {
    /// Events a second.
    Rate,
    /// Events of a ring.
    Ring,
    /// Hosts behind one address.
    Hosts,
    /// Notices at once.
    Notices,
}

/// A port that nobody listens on (discard).
const CLOSED_PORT: &str = "9";
/// How long events come, s.
const RATE_S: u64 = 4;
const LOAD_MAX: Duration = Duration::from_secs(60);

impl Bench for Growing {
    fn name(&self) -> String {
        match self {
            Self::Rate => "curve.rate",
            Self::Ring => "curve.ring",
            Self::Hosts => "curve.hosts",
            Self::Notices => "curve.notices",
        }
        .to_owned()
    }

    fn about(&self) -> String {
        match self {
            Self::Rate => "the recorder's CPU against events a second",
            Self::Ring => {
                "a ring's answers and size against its events, to ten million; beyond by arithmetic"
            }
            Self::Hosts => "time to the report against hosts behind one address, at 10 SSM calls a second",
            Self::Notices => "time and memory against notices at once",
        }
        .to_owned()
    }

    fn rows(&self, context: &Context) -> anyhow::Result<Vec<Row>> {
        match self {
            Self::Rate => rate(context),
            Self::Ring => growing_ring(context),
            Self::Hosts => hosts(context),
            Self::Notices => notices(context),
        }
    }
}

/// Sizes of a curve, or the first few of them where the harness is only tried.
fn sizes<T: Copy>(context: &Context, full: &[T], quick: usize) -> Vec<T> {
    full.iter().take(if context.effort.quick { quick } else { full.len() }).copied().collect()
}

/// A load that does so much a second: its word, and what counts as one.
struct Paced {
    word: &'static str,
    line: &'static str,
    rates: &'static [u32],
}

const PACED: [Paced; 2] = [
    Paced { word: "udp-paced", line: "udp", rates: &[100, 1_000, 10_000, 50_000, 100_000] },
    Paced { word: "exec-paced", line: "programs", rates: &[10, 100, 300] },
];

fn rate(context: &Context) -> anyhow::Result<Vec<Row>> {
    let seconds = if context.effort.quick { 1 } else { RATE_S };
    let mut rows = Vec::new();
    let (mut lost, mut unaccounted) = (Vec::new(), Vec::new());
    for paced in &PACED {
        for rate in sizes(context, paced.rates, 1) {
            let (mut shares, mut reached) = (Vec::new(), Vec::new());
            for _ in 0..context.effort.runs {
                let run = paced.run(context, rate, seconds)?;
                shares.push(run.cpu_percent);
                reached.push(run.per_s);
                lost.push(run.lost as f64);
                unaccounted.push(run.unaccounted as f64);
            }
            context.note(
                json!({"bench": "curve.rate", "line": paced.line, "rate": rate, "reached_per_s": reached}),
            );
            let name = format!("curve.rate.{}.{rate}", paced.line);
            let row = Row::median(name, "% of a core", shares);
            eprintln!("  {} {:.2} %, {reached:.0?} a second", row.name, row.value.unwrap_or_default());
            rows.push(row);
        }
    }
    rows.push(Row::largest("curve.rate.lost", "", lost));
    rows.push(Row::largest("curve.rate.unaccounted", "", unaccounted).at_most(0.0));
    Ok(rows)
}

/// One run at one rate.
struct Ran {
    cpu_percent: f64,
    per_s: f64,
    lost: u64,
    /// Neither recorded nor said to be lost, or recorded and not done.
    unaccounted: u64,
}

impl Paced {
    fn run(&self, context: &Context, rate: u32, seconds: u64) -> anyhow::Result<Ran> {
        let mark = format!("paced-{}", context.number());
        let mut recording = Recording::start(context)?;
        recording.begin()?;
        let mut load = context.command("load", &context.tools.load)?;
        load.arg(self.word);
        if self.line == "udp" {
            load.arg(CLOSED_PORT);
        } else {
            load.args(["/bin/true", &mark]);
        }
        let ended = process::run("load", load.args([rate.to_string(), seconds.to_string()]), LOAD_MAX)?;
        let cpu_s = recording.cpu_s()?;
        let done: u64 = ended.stdout.trim().parse().context("a load says how much it did")?;
        let recorded = recording.finish(context)?;
        let what = if self.line == "udp" {
            Deed::Targets { pid: ended.pid, protocol: Protocol::UDP }
        } else {
            Deed::Executions { mark: format!("{mark}-") }
        };
        let lost = count::lost(&recorded.events, None);
        let found = count::recorded(&recorded.events, &what);
        let missing = done.saturating_sub(found).saturating_sub(lost);
        Ok(Ran {
            cpu_percent: cpu_s / ended.wall_s * 100.0,
            per_s: done as f64 / ended.wall_s,
            lost,
            unaccounted: missing + found.saturating_sub(done),
        })
    }
}

fn growing_ring(context: &Context) -> anyhow::Result<Vec<Row>> {
    let full: &[u64] =
        if context.effort.quick { &[20_000, 100_000] } else { &[100_000, 1_000_000, 10_000_000] };
    let mut rows = Vec::new();
    for events in full {
        let dir = context.work().join(format!("growing-{events}"));
        ring::fill(&dir, *events)?;
        let bytes: u64 = ring::files(&dir)?.iter().map(|(_, bytes)| bytes).sum();
        for (line, window) in [("ten_minutes", ring::noon()), ("whole", ring::day())] {
            ring::ask(context, &dir, window, false)?;
            let asked = (0..context.effort.runs).map(|_| Ok(ring::ask(context, &dir, window, false)?.ms));
            let asked = asked.collect::<anyhow::Result<Vec<_>>>()?;
            rows.push(Row::median(format!("curve.ring.{line}.{events}"), "ms", asked));
        }
        let mb = Some(bytes as f64 / 1e6);
        rows.push(Row::of(format!("curve.ring_size.mb.{events}"), mb, "MB", Vec::new()));
        std::fs::remove_dir_all(&dir)?;
    }
    Ok(rows)
}

fn hosts(context: &Context) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for count in sizes(context, &[1, 10, 100, 300, 1_000], 2) {
        let found = bot::one_behind(count)?;
        ensure!(!found.wrong, "of {count} hosts another was named than the one that did it");
        rows.push(Row::of(format!("curve.hosts.s.{count}"), Some(found.taken_s), "s", Vec::new()));
    }
    Ok(rows)
}

fn notices(context: &Context) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for count in sizes(context, &[1, 10, 100, 1_000], 2) {
        let flood = bot::flood(count, None)?;
        ensure!(flood.wrong == 0, "{} of {count} notices were answered wrongly", flood.wrong);
        rows.push(Row::of(format!("curve.notices.s.{count}"), Some(flood.taken_s), "s", Vec::new()));
        let memory = format!("curve.notices_memory.mb.{count}");
        rows.push(Row::of(memory, Some(flood.rss_mb), "MB", Vec::new()));
    }
    Ok(rows)
}
