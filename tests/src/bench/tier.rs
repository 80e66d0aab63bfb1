//! What the optional tier of system calls costs: for a call that it does not name, and for one that it records.

use std::fs;
use std::time::Duration;

use super::Bench;
use super::context::Context;
use super::process;
use super::recording::Recording;
use super::row::Row;
use super::statistics;

/// Calls of each kind in a run.
const CALLS: u32 = 4_000_000;
const RECORDED_CALLS: u32 = 100_000;
const LOAD_MAX: Duration = Duration::from_secs(60);
const ROUNDS_LEAST: u32 = 5;
/// What stands in the settings of the recorder that has the tier.
const SETTINGS: &str = "[syscalls]\nnames = [\"chmod\", \"ptrace\", \"bpf\"]\n";

/// The tier on and off, in turn.
pub struct Tier;

impl Bench for Tier {
    fn name(&self) -> String {
        "recorder.syscall_tier".to_owned()
    }

    fn about(&self) -> String {
        "4,000,000 getppid and 100,000 chmod, with the recorder without and with the optional tier".to_owned()
    }

    fn rows(&self, context: &Context) -> anyhow::Result<Vec<Row>> {
        let settings = context.work().join("tier.toml");
        fs::write(&settings, SETTINGS)?;
        let with = ["--config".to_owned(), settings.to_string_lossy().into_owned()];
        let (mut other, mut recorded, mut lost) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..=context.effort.rounds(ROUNDS_LEAST) {
            let (off, on) = (run(context, &[])?, run(context, &with)?);
            if round == 0 {
                continue;
            }
            let per_call = |off: f64, on: f64, calls: u32| (on - off) * 1e9 / f64::from(calls);
            other.push(per_call(off.other_s, on.other_s, context.effort.size(CALLS)));
            recorded.push(per_call(off.recorded_s, on.recorded_s, context.effort.size(RECORDED_CALLS)));
            lost.push(on.unaccounted as f64);
            let (other, recorded) = (other.last().copied(), recorded.last().copied());
            eprintln!("  {round:>2} {other:?} ns a call, {recorded:?} ns a recorded one");
        }
        Ok(vec![
            Row::of("recorder.syscall_tier.other_call", statistics::median(&other), "ns", other),
            Row::of("recorder.syscall_tier.recorded_call", statistics::median(&recorded), "ns", recorded),
            Row::largest("recorder.syscall_tier.unaccounted", "", lost).at_most(0.0),
        ])
    }
}

struct Run {
    other_s: f64,
    recorded_s: f64,
    /// Calls that are neither recorded nor said to be lost.
    unaccounted: u64,
}

fn run(context: &Context, settings: &[String]) -> anyhow::Result<Run> {
    let recording = Recording::start_with(context, settings)?;
    let load = |arguments: &[String]| -> anyhow::Result<f64> {
        let mut load = context.command("load", &context.tools.load)?;
        Ok(process::run("load", load.args(arguments), LOAD_MAX)?.cpu_s)
    };
    let other_s = load(&["getppid".to_owned(), context.effort.size(CALLS).to_string()])?;
    let count = context.effort.size(RECORDED_CALLS);
    let file = context.work().join("tier.toml").to_string_lossy().into_owned();
    let recorded_s = load(&["chmod".to_owned(), file.clone(), count.to_string()])?;
    let recorded = recording.finish(context)?;
    let is_ours = |event: &&history::Event| match &event.body {
        history::Body::Operation(operation) => operation.detail.contains(&file),
        _ => false,
    };
    let seen = recorded.events.iter().filter(is_ours).count() as u64;
    let lost = super::count::lost(&recorded.events, None);
    let unaccounted = u64::from(count).saturating_sub(seen + lost);
    Ok(Run { other_s, recorded_s, unaccounted })
}
