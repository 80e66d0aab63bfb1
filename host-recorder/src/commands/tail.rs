//! `host-recorder tail`: events as they are committed.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context;
use history::Body;
use history::Follow;
use history::RecorderAct;

use crate::commands::place::Place;
use crate::commands::timeline::Lines;
use crate::commands::timeline::WhoArgs;

/// The recorder commits once a second.
const POLL: Duration = Duration::from_millis(200);

/// Shows events as the recorder commits them, within a second or so, until it is interrupted.
#[derive(Debug, clap::Args)]
pub struct TailArgs {
    #[command(flatten)]
    place: Place,

    #[command(flatten)]
    who: WhoArgs,

    /// Print each event as JSON
    #[arg(long)]
    json: bool,

    /// Begin with what stands in the open log, instead of now
    #[arg(long)]
    all: bool,
}

/// Runs it.
pub fn cmd_tail(args: TailArgs) -> anyhow::Result<ExitCode> {
    let ring = args.place.directory()?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register(signal, Arc::clone(&stop)).context("cannot handle signals")?;
    }
    let mut lines = Lines::new(&args.who, args.json);
    let mut follow = Follow::new(&ring);
    let wrong = || format!("cannot read the ring in {}", ring.display());
    if !args.all {
        follow.poll(&mut |event| lines.note(&event)).with_context(wrong)?;
    }
    let mut out = std::io::stdout().lock();
    while !stop.load(Ordering::Relaxed) {
        let mut outcome = Ok(());
        follow
            .poll(&mut |event| {
                let alive = matches!(event.body, Body::Recorder { act: RecorderAct::Alive, .. });
                if !alive && outcome.is_ok() {
                    outcome = lines.write(&mut out, event);
                }
            })
            .with_context(wrong)?;
        match outcome.and_then(|()| out.flush()) {
            // Whoever reads has seen enough.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => break,
            outcome => outcome?,
        }
        std::thread::sleep(POLL);
    }
    Ok(ExitCode::SUCCESS)
}
