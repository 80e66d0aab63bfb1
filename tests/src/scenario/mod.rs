//! Real runs of programs that get hosts accused, kept as rings so that the judgement is tested without root.
//!
//! A scenario is a function: it acts on the hosts of the lab while the instance's recorder runs, and returns the
//! accusation that a stranger would write of what reached the victim. What must be judged of it stands in
//! `tests/fixtures/rings/scenarios.toml`, and is asserted by the bot's own tests.

mod accusation;
mod keep;
mod scans;
mod services;
mod sessions;
mod stage;
mod takeovers;

use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;

pub use accusation::Accusation;
pub use stage::Stage;

/// One kind of run.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// Its name, and its folder's.
    pub name: &'static str,
    /// The time of day that it is told for, UTC: hour and minute.
    pub told_at: (i8, i8),
    run: fn(&mut Stage) -> anyhow::Result<Accusation>,
}

impl Scenario {
    const fn new(name: &'static str, run: fn(&mut Stage) -> anyhow::Result<Accusation>) -> Self {
        Self { name, told_at: (10, 2), run }
    }

    const fn told_at(self, hour: i8, minute: i8) -> Self {
        Self { told_at: (hour, minute), ..self }
    }

    /// Plays it in a lab of its own and keeps ring and notice in its folder below `to`, replacing what is there.
    ///
    /// # Errors
    /// When a step of it fails; nothing is kept then.
    pub fn record(&self, to: &Path) -> anyhow::Result<PathBuf> {
        let mut stage = Stage::set()?;
        let accusation = (self.run)(&mut stage).with_context(|| stage.said())?;
        let ring = stage.end()?;
        let folder = to.join(self.name);
        keep::keep(&ring, &accusation, self.told_at, &folder)?;
        stage.lab.down()?;
        Ok(folder)
    }
}

/// All of them.
pub fn all() -> Vec<Scenario> {
    [scans::ALL, services::ALL, sessions::ALL, takeovers::ALL].concat()
}
