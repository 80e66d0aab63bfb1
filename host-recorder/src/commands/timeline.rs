//! `host-recorder timeline`: what happened, one line an event.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use history::Event;
use history::Who;

use crate::commands::place::Place;
use crate::commands::window::Names;
use crate::commands::window::WindowArgs;

/// Lists the events of a time, oldest first, one line each.
///
/// A recorder that runs puts on disk first what happened until now. Exits with 3 when part of the history cannot be read.
#[derive(Debug, clap::Args)]
pub struct TimelineArgs {
    #[command(flatten)]
    place: Place,

    #[command(flatten)]
    window: WindowArgs,

    #[command(flatten)]
    who: WhoArgs,

    /// Print each event as JSON
    #[arg(long)]
    json: bool,
}

/// Whose events.
#[derive(Debug, clap::Args)]
pub struct WhoArgs {
    /// Only of this process and its descendants: a pid, an identity, a program's name or path; may be repeated
    #[arg(long)]
    process: Vec<String>,

    /// Only of this user, by name or number, also after sudo; may be repeated
    #[arg(long)]
    user: Vec<String>,

    /// Only of this audit session; may be repeated
    #[arg(long)]
    session: Vec<u32>,

    /// Only of this container, by id, name, image or pod; may be repeated
    #[arg(long)]
    container: Vec<String>,
}

impl WhoArgs {
    /// As part of a request.
    pub fn who(&self) -> Who {
        Who {
            processes: self.process.clone(),
            users: self.user.clone(),
            sessions: self.session.clone(),
            containers: self.container.clone(),
        }
    }
}

/// Writes events of somebody as lines.
pub struct Lines {
    names: Names,
    who: Who,
    json: bool,
}

impl Lines {
    /// Of whom, and in which form.
    pub fn new(who: &WhoArgs, json: bool) -> Self {
        Self { names: Names::default(), who: who.who(), json }
    }

    /// Takes note of an event that is not shown.
    pub fn note(&mut self, event: &Event) {
        self.names.note(event);
    }

    /// Writes an event where it is of somebody who is asked for.
    pub fn write(&mut self, out: &mut impl Write, event: Event) -> std::io::Result<()> {
        self.names.note(&event);
        let means = |id| self.who.means(&self.names.chain(&id));
        if !self.who.is_anybody() && !event.processes().any(means) {
            return Ok(());
        }
        if self.json {
            let event = history::redact::event(event);
            serde_json::to_writer(&mut *out, &event)?;
            writeln!(out)
        } else {
            writeln!(out, "{}", history::line(&event, &|id| self.names.name(id)))
        }
    }
}

/// Runs it.
pub fn cmd_timeline(args: TimelineArgs) -> anyhow::Result<ExitCode> {
    let ring = args.place.directory()?;
    let window = args.window.committed(&ring);
    let mut lines = Lines::new(&args.who, args.json);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut outcome = Ok(());
    let damaged = history::visit_window(&ring, window, &mut |event| {
        if window.contains(event.time) && outcome.is_ok() {
            outcome = lines.write(&mut out, event);
        } else {
            lines.note(&event);
        }
    })
    .with_context(|| format!("cannot read the ring in {}", ring.display()))?;
    match outcome.and_then(|()| out.flush()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
        outcome => outcome?,
    }
    for error in &damaged {
        eprintln!("host-recorder: {error}");
    }
    Ok(if damaged.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(3) })
}
