//! `host-recorder stop-process`: stops one process, or lets it go on; the very one, or none.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use history::Body;
use history::ProcessId;
use history::UnixNs;
use history::Window;

use crate::clock;
use crate::commands::is_recorded;
use crate::commands::place::Place;
use crate::commands::query::wait_for_commit;
use crate::process_handle::ProcessHandle;
use crate::process_handle::Signal;

/// How long a stop may take to take effect.
const STOP_MAX: Duration = Duration::from_secs(2);
const STOP_POLL: Duration = Duration::from_millis(10);

/// Exit code of a refusal: this is not the process that was meant.
const REFUSED: u8 = 4;

/// Stops the very process that a report names (SIGSTOP), or lets it go on (SIGCONT)
///
/// The identity is that of a report: pid, start, count of executions and boot. Where any of them no longer fits, or it
/// cannot be told, nothing is done and the exit code is 4. Its memory, files and connections stay as they are. Only this
/// process is stopped: its children and whoever might start it again are not.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  host-recorder stop-process 4711-1c9f3a2b4d-9@8f3c0a6b12e45d77
  host-recorder stop-process --continue 4711-1c9f3a2b4d-9@8f3c0a6b12e45d77")]
pub struct StopArgs {
    /// The process, by its whole identity
    process: ProcessId,

    /// Let it go on
    #[arg(long = "continue")]
    go_on: bool,

    /// The outcome as JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    place: Place,
}

/// Runs it.
pub fn cmd_stop_process(args: StopArgs) -> anyhow::Result<ExitCode> {
    let ring = args.place.directory()?;
    let outcome = if args.go_on { go_on(args.process) } else { stop(&ring, args.process) };
    let state = if args.go_on { "continued" } else { "stopped" };
    match outcome? {
        Ok(name) => {
            if args.json {
                println!("{}", serde_json::json!({"process": args.process, "name": name, "state": state}));
            } else {
                println!("{name} (process {}) is {state}", args.process.tgid);
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(why) => {
            if args.json {
                println!("{}", serde_json::json!({"process": args.process, "state": "refused", "why": why}));
            }
            eprintln!("host-recorder: nothing was done: {why}");
            Ok(ExitCode::from(REFUSED))
        }
    }
}

/// What was done, or why nothing was.
type Outcome = anyhow::Result<Result<String, String>>;

fn stop(ring: &Path, wanted: ProcessId) -> Outcome {
    let handle = match meant(wanted)? {
        Ok(handle) => handle,
        Err(why) => return Ok(Err(why)),
    };
    if !is_recorded(ring) {
        return Ok(Err(
            "no recorder runs here, so whether it executed another program since cannot be told".to_owned()
        ));
    }
    if let Some(why) = other_image(ring, wanted)? {
        return Ok(Err(why));
    }
    handle.signal(Signal::Stop).context("cannot stop the process")?;
    // A stopped process executes nothing more: what it executed until now is known with the recorder's next commit.
    let still_meant = wait_for_stop(&handle).map(|()| {
        wait_for_commit(ring, UnixNs::now());
        other_image(ring, wanted)
    });
    let why = match still_meant {
        Ok(Ok(None)) => return Ok(Ok(handle.name())),
        Ok(Ok(Some(why))) => why,
        Ok(Err(error)) => format!("whether it executed another program since cannot be told: {error:#}"),
        Err(why) => why,
    };
    handle.signal(Signal::Continue).context("cannot let the process go on")?;
    Ok(Err(why))
}

fn go_on(wanted: ProcessId) -> Outcome {
    let handle = match meant(wanted)? {
        Ok(handle) => handle,
        Err(why) => return Ok(Err(why)),
    };
    if !handle.is_stopped() {
        return Ok(Err("it is not stopped".to_owned()));
    }
    handle.signal(Signal::Continue).context("cannot let the process go on")?;
    Ok(Ok(handle.name()))
}

/// A handle to the process, where boot, pid and start fit; else why not.
fn meant(wanted: ProcessId) -> anyhow::Result<Result<ProcessHandle, String>> {
    let boot = clock::boot_id().context("cannot read this boot's id")?;
    if boot != wanted.boot {
        return Ok(Err("it belongs to another boot of this host".to_owned()));
    }
    if wanted.tgid <= 1 {
        return Ok(Err("the first process of a host is never stopped".to_owned()));
    }
    let Some(handle) = ProcessHandle::open(wanted.tgid).context("cannot take hold of the process")? else {
        return Ok(Err(format!("process {} is gone", wanted.tgid)));
    };
    match handle.start_ticks() {
        Some(ticks) if ticks == wanted.start_ns / clock::TICK_NS => {}
        Some(_) => return Ok(Err(format!("process {} is another one by now", wanted.tgid))),
        None => return Ok(Err(format!("process {} is gone", wanted.tgid))),
    }
    if handle.is_our_program() {
        return Ok(Err("the recorder is not stopped by itself".to_owned()));
    }
    Ok(Ok(handle))
}

/// Why the process no longer runs the image that was meant, by the history; none where it does.
fn other_image(ring: &Path, wanted: ProcessId) -> anyhow::Result<Option<String>> {
    // Any time of this boot: the images of one process may lie far apart.
    let window = Window { from: UnixNs(i64::MIN), to: UnixNs(i64::MAX) };
    let mut last = None;
    let damaged = history::visit_window(ring, window, &mut |event| {
        if let Body::Process(process) = event.body
            && process.id.same_process(&wanted)
        {
            last = last.max(Some(process.id.exec));
        }
    })
    .with_context(|| format!("cannot read the ring in {}", ring.display()))?;
    Ok(match last {
        Some(exec) if exec == wanted.exec => None,
        Some(_) => Some(format!("process {} has executed another program since", wanted.tgid)),
        None if damaged.is_empty() => Some("the history does not know this process".to_owned()),
        None => Some("the history that could tell of this process cannot be read".to_owned()),
    })
}

fn wait_for_stop(handle: &ProcessHandle) -> Result<(), String> {
    let until = Instant::now() + STOP_MAX;
    while Instant::now() < until {
        if handle.is_stopped() {
            return Ok(());
        }
        if handle.start_ticks().is_none() {
            return Err("it ended".to_owned());
        }
        std::thread::sleep(STOP_POLL);
    }
    Err(format!("it did not stop within {} s; it may be waiting for a disk", STOP_MAX.as_secs()))
}
