//! Whether identity survives the fastest storm of programs that the machine makes.

use std::time::Duration;

use anyhow::Context as _;
use history::LossClass;
use serde_json::json;

use super::Bench;
use super::context::Context;
use super::count;
use super::count::Deed;
use super::process;
use super::recording::Recording;
use super::row::Row;

/// A program of a few hundred bytes that does nothing: nothing is executed faster.
const TINY: &str = include_str!("tiny.c");
const THREADS: u32 = 4;
const SECONDS: u32 = 10;
const STORM_MAX: Duration = Duration::from_secs(120);

/// The fastest storm of programs.
pub struct Storm;

impl Bench for Storm {
    fn name(&self) -> String {
        "recorder.identity_storm".to_owned()
    }

    fn about(&self) -> String {
        "a static program of a few bytes executed from 4 threads for 10 s, as fast as it goes".to_owned()
    }

    fn rows(&self, context: &Context) -> anyhow::Result<Vec<Row>> {
        let tiny = context.work().join("tiny");
        let source = tiny.with_extension("c");
        std::fs::write(&source, TINY)?;
        let mut gcc = context.command("load", "gcc")?;
        gcc.args(["-O1", "-static", "-nostdlib", "-ffreestanding", "-o"]).arg(&tiny).arg(&source);
        process::run("gcc", &mut gcc, STORM_MAX).context("compile the tiny program")?;

        let mark = format!("bench-{}", context.number());
        let seconds = if context.effort.quick { 1 } else { SECONDS };
        let mut storm = context.command("load", &context.tools.load)?;
        storm.arg("storm").arg(&tiny).args([mark.as_str(), &THREADS.to_string(), &seconds.to_string()]);
        let recording = Recording::start(context)?;
        let ended = process::run("load", &mut storm, STORM_MAX)?;
        let recorded = recording.finish(context)?;
        let done: u64 = ended.stdout.trim().parse().context("the storm did not say how much it did")?;

        let deed = Deed::Executions { mark: format!("{mark}-") };
        let executions = count::recorded(&recorded.events, &deed);
        let lost = count::lost(&recorded.events, Some(LossClass::Identity));
        let rate = done as f64 / ended.wall_s;
        eprintln!(
            "  {done} programs, {rate:.0} a second; recorded {executions}; {lost} lost; {:.1} s CPU, {:.0} MB",
            recorded.cpu_s, recorded.rss_mb
        );
        context.note(json!({
            "bench": self.name(), "done": done, "recorded": executions, "lost": lost,
            "cpu_s": recorded.cpu_s, "rss_mb": recorded.rss_mb, "status": recorded.status,
        }));
        // `load` itself has the mark among its arguments, without the number that follows it.
        let name = |figure: &str| format!("recorder.identity_storm.{figure}");
        Ok(vec![
            Row::median(name("rate"), "programs/s", vec![rate]),
            Row::median(name("lost"), "", vec![lost as f64]).at_most(0.0),
            Row::median(name("miscounted"), "", vec![done.abs_diff(executions) as f64]).at_most(0.0),
            Row::median(name("own_cpu"), "s", vec![recorded.cpu_s]),
            Row::median(name("rss"), "MB", vec![recorded.rss_mb]).at_most(super::cost::RSS_MAX_MB),
        ])
    }
}
