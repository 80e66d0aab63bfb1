//! `host-recorder export`: history in the words of others.

use std::fs::File;
use std::io::BufWriter;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use history::Event;
use history::ParquetExport;
use history::RingError;
use history::Window;

use crate::commands::place::Place;
use crate::commands::query::host;
use crate::commands::window::Names;
use crate::commands::window::WindowArgs;

/// Writes history to a file or to standard output.
///
/// Beside the events of the time asked stand the processes and logins that explain them, which may be older. Secrets on
/// command lines are taken out. A recorder that runs puts on disk first what happened until now. Exits with 3 when part
/// of the history cannot be read.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  host-recorder export --format ocsf --last 1h > events.jsonl
  host-recorder export --format parquet --from 2026-01-01T10:00:00Z --to 2026-01-01T11:00:00Z --output hour.parquet")]
pub struct ExportArgs {
    #[command(flatten)]
    place: Place,

    #[command(flatten)]
    window: WindowArgs,

    /// Form
    #[arg(long, value_enum)]
    format: Format,

    /// Where to; standard output unless given
    #[arg(long, value_name = "FILE", required_if_eq("format", "parquet"))]
    output: Option<PathBuf>,

    /// Leave secrets on command lines as they are
    #[arg(long)]
    unredacted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// The columns of a segment, with one row for each target of a scan
    Parquet,
    /// One event a line, as JSON
    Jsonl,
    /// One OCSF event a line, with one for each target of a scan; never with secrets
    Ocsf,
}

/// Runs it.
pub fn cmd_export(args: ExportArgs) -> anyhow::Result<ExitCode> {
    let ring = args.place.directory()?;
    let window = args.window.committed(&ring);
    let wrong = || format!("cannot export the ring in {}", ring.display());
    let damaged = match (args.format, &args.output) {
        (Format::Parquet, Some(output)) => parquet(&args, &ring, window, output),
        (_, Some(output)) => {
            let file = File::create(output).with_context(|| format!("cannot create {}", output.display()))?;
            lines(&args, &ring, window, BufWriter::new(file))
        }
        (_, None) => lines(&args, &ring, window, BufWriter::new(std::io::stdout().lock())),
    }
    .with_context(wrong)?;
    for error in &damaged {
        eprintln!("host-recorder: {error}");
    }
    Ok(if damaged.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

fn parquet(args: &ExportArgs, ring: &Path, window: Window, output: &Path) -> anyhow::Result<Vec<RingError>> {
    let mut export = ParquetExport::create(output)?;
    let mut outcome = Ok(());
    let damaged = history::visit_window(ring, window, &mut |event| {
        if outcome.is_ok() && belongs(&event, window) {
            outcome = export.push(&shown(args, event));
        }
    })?;
    outcome?;
    export.finish()?;
    Ok(damaged)
}

fn lines(
    args: &ExportArgs,
    ring: &Path,
    window: Window,
    mut out: impl Write,
) -> anyhow::Result<Vec<RingError>> {
    let host = host();
    let mut names = Names::default();
    let mut outcome: std::io::Result<()> = Ok(());
    let damaged = history::visit_window(ring, window, &mut |event| {
        names.note(&event);
        if outcome.is_err() || !belongs(&event, window) {
            return;
        }
        let mut write = |line: &dyn Fn(&mut dyn Write) -> serde_json::Result<()>| {
            line(&mut out)?;
            out.write_all(b"\n")
        };
        outcome = match args.format {
            Format::Ocsf => history::ocsf(&event, &host, &|id| names.process(id))
                .iter()
                .try_for_each(|told| write(&|out| serde_json::to_writer(out, told))),
            _ => {
                let event = shown(args, event);
                write(&|out| serde_json::to_writer(out, &event))
            }
        };
    })?;
    match outcome.and_then(|()| out.flush()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(damaged),
        outcome => Ok(outcome.map(|()| damaged)?),
    }
}

/// What explains the events of a window belongs to it, however old it is.
fn belongs(event: &Event, window: Window) -> bool {
    use history::Body;
    match &event.body {
        Body::Process(_) | Body::Login(_) => event.time <= window.to,
        Body::Flow(flow) => window.touches(flow.first, flow.last),
        Body::Targets(targets) => window.touches(targets.first, targets.last),
        Body::Loss { from, .. } => window.touches(*from, event.time),
        _ => window.contains(event.time),
    }
}

fn shown(args: &ExportArgs, event: Event) -> Event {
    if args.unredacted { event } else { history::redact::event(event) }
}
