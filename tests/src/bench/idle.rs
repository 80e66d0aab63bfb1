//! What the recorder costs when nothing happens.

use std::time::Duration;
use std::time::Instant;

use super::Bench;
use super::context::Context;
use super::recording::Recording;
use super::row::Row;

/// How long it is watched.
const WATCHED: Duration = Duration::from_secs(30);
/// Share of one core that it may use, percent.
const CPU_MAX: f64 = 0.5;

/// The recorder on an idle machine.
pub struct Idle;

impl Bench for Idle {
    fn name(&self) -> String {
        "recorder.idle".to_owned()
    }

    fn about(&self) -> String {
        "the recorder for 30 s in which nothing is started".to_owned()
    }

    fn rows(&self, context: &Context) -> anyhow::Result<Vec<Row>> {
        let watched = if context.effort.quick { WATCHED / 15 } else { WATCHED };
        let mut recording = Recording::start(context)?;
        recording.begin()?;
        let since = Instant::now();
        std::thread::sleep(watched);
        let share = recording.cpu_s()? / since.elapsed().as_secs_f64();
        let recorded = recording.finish(context)?;
        eprintln!(
            "  {:.3} % of a core, {:.0} MB, {} events",
            share * 100.0,
            recorded.rss_mb,
            recorded.events.len()
        );
        Ok(vec![
            Row::median("recorder.idle.cpu", "% of a core", vec![share * 100.0]).at_most(CPU_MAX),
            Row::median("recorder.idle.rss", "MB", vec![recorded.rss_mb]).at_most(super::cost::RSS_MAX_MB),
        ])
    }
}
