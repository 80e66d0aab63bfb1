//! One run of the recorder over the whole machine, and what it cost and wrote.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use anyhow::bail;
use anyhow::ensure;
use history::Event;
use nix::sys::signal::Signal;
use serde_json::Value;

use super::context::Context;
use super::process::Measured;
use super::programs::Taken;
use crate::lab::wait_until;

const READY_MAX: Duration = Duration::from_secs(30);
const STOP_MAX: Duration = Duration::from_secs(60);

/// A recorder that runs.
#[derive(Debug)]
pub struct Recording {
    process: Measured,
    ring: PathBuf,
    cpu_before_s: f64,
}

/// What it cost and wrote.
#[derive(Debug)]
pub struct Recorded {
    /// Its CPU time from [`Recording::begin`] until all was on disk and it had ended, s.
    pub cpu_s: f64,
    /// The most memory that it used, since its start, MB (10^6 bytes).
    pub rss_mb: f64,
    /// What `host-recorder status --json` says of it.
    pub status: Value,
    /// Everything in its ring.
    pub events: Vec<Event>,
}

impl Recording {
    /// Starts a recorder with a new ring, and waits until its history has begun.
    ///
    /// # Errors
    /// When it does not record; says what it said.
    pub fn start(context: &Context) -> anyhow::Result<Self> {
        Self::start_with(context, &[])
    }

    /// The same with more arguments.
    ///
    /// # Errors
    /// As for [`Self::start`].
    pub fn start_with(context: &Context, arguments: &[String]) -> anyhow::Result<Self> {
        let ring = context.work().join(format!("ring-{}", context.number()));
        let mut command = context.command("recorder", &context.tools.recorder)?;
        command.args(["record", "--ring"]).arg(&ring).args(arguments);
        let process = Measured::start("host-recorder", &mut command)?;
        let status = ring.join("status.json");
        let waited = wait_until("the recorder", READY_MAX, || status.exists() || !process.runs());
        if !status.exists() {
            let said = process.stop(Signal::SIGTERM, STOP_MAX).map(|ended| ended.stderr).unwrap_or_default();
            waited.with_context(|| said.trim().to_owned())?;
            bail!("host-recorder does not record: {}", said.trim());
        }
        let cpu_before_s = process.cpu_s()?;
        Ok(Self { process, ring, cpu_before_s })
    }

    /// What is measured begins now.
    ///
    /// # Errors
    /// When the recorder is gone.
    pub fn begin(&mut self) -> anyhow::Result<()> {
        self.cpu_before_s = self.process.cpu_s()?;
        Ok(())
    }

    /// CPU time since [`Recording::begin`], s.
    ///
    /// # Errors
    /// When the recorder is gone.
    pub fn cpu_s(&self) -> anyhow::Result<f64> {
        Ok(self.process.cpu_s()? - self.cpu_before_s)
    }

    /// What its programs in the kernel took until now.
    ///
    /// # Errors
    /// When the recorder is gone.
    pub fn programs(&self) -> anyhow::Result<Taken> {
        Taken::by_those_of(self.process.pid())
    }

    /// Stops the recorder and reads what it wrote; its ring is removed.
    ///
    /// # Errors
    /// When it does not end in order, or its ring cannot be read.
    pub fn finish(mut self, context: &Context) -> anyhow::Result<Recorded> {
        self.process.look_at_memory();
        let ended = self.process.stop(Signal::SIGTERM, STOP_MAX)?;
        ensure!(ended.status.success(), "host-recorder: {}: {}", ended.status, ended.stderr.trim());
        let asked = Command::new(&context.tools.recorder)
            .args(["status", "--json", "--ring"])
            .arg(&self.ring)
            .output()
            .context("host-recorder status")?;
        let status: Value = serde_json::from_slice(&asked.stdout).context("host-recorder status --json")?;
        let events = history::events(&self.ring)?;
        fs::remove_dir_all(&self.ring).context("remove the ring")?;
        ensure!(status["evicted"] == 0, "the ring was too small for the load: {status}");
        Ok(Recorded {
            cpu_s: ended.cpu_s - self.cpu_before_s,
            rss_mb: ended.rss_max as f64 / 1e6,
            status,
            events,
        })
    }
}
