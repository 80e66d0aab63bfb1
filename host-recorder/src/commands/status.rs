//! `host-recorder status`: how the recorder fares.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;

use crate::commands::RING_DIR;
use crate::commands::is_recorded;
use crate::status::Status;

/// Shows whether the recorder runs, what it recorded and lost, and how large its ring is.
///
/// Exits with 0 when it runs and has lost nothing, 1 when it has lost something, 3 when it does not run.
#[derive(Debug, clap::Args)]
pub struct StatusArgs {
    /// Directory of the ring
    #[arg(long, default_value = RING_DIR, env = "HOST_RECORDER_RING")]
    ring: PathBuf,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn cmd_status(args: StatusArgs) -> anyhow::Result<ExitCode> {
    let path = args.ring.join("status.json");
    let mut status = Status::read(&path).with_context(|| {
        format!("cannot read {}: has `host-recorder record` run with this ring?", path.display())
    })?;
    status.running = is_recorded(&args.ring);
    if args.json {
        println!("{}", serde_json::to_string_pretty(&status)?);
    } else {
        print_text(&status);
    }
    Ok(match (status.running, status.lost.is_empty()) {
        (false, _) => ExitCode::from(3),
        (true, false) => ExitCode::FAILURE,
        (true, true) => ExitCode::SUCCESS,
    })
}

fn print_text(status: &Status) {
    let state = if status.running { "running" } else { "NOT running" };
    println!("recorder   {state}, version {}, pid {}", status.version, status.pid);
    println!("since      {}", status.started);
    println!("written    {}", status.written);
    println!("events     {} from {} kernel records", status.events, status.records);
    println!("processes  {} remembered", status.processes);
    println!(
        "ring       {:.1} MiB in {} segments and a log, {} segments evicted",
        status.ring_bytes as f64 / f64::from(1 << 20),
        status.segments,
        status.evicted
    );
    if status.lost.is_empty() {
        println!("lost       nothing");
    }
    for (class, count) in &status.lost {
        println!("LOST       {count} {class:?} events");
    }
    if let Some(failure) = &status.failure {
        println!("FAILURE    {failure}");
    }
}
