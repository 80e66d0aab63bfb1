//! `host-recorder tree`: the tree around a process.

use std::process::ExitCode;

use anyhow::Context;
use history::Tree;

use crate::commands::place::Place;
use crate::commands::window::WindowArgs;

/// Shows a process, the ancestors that led to it, and everything that came of it.
///
/// A recorder that runs puts on disk first what happened until now. Exits with 1 when no such process is recorded, 3 when
/// part of the history cannot be read.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  host-recorder tree sshd --last 1h
  host-recorder tree 4711
  host-recorder tree 4711-1c9f3a2b4d-9@8f3c0a6b12e45d77
  host-recorder tree nmap --json | jq -r '.processes[] | select(.asked) | .image.user'")]
pub struct TreeArgs {
    /// A pid, an identity, or the name or path of a program
    process: String,

    #[command(flatten)]
    place: Place,

    #[command(flatten)]
    window: WindowArgs,

    /// Print JSON: `processes`, each before what came of it, and how many are `not_shown`
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn cmd_tree(args: TreeArgs) -> anyhow::Result<ExitCode> {
    let ring = args.place.directory()?;
    let mut tree = Tree::default();
    let window = args.window.committed(&ring);
    let damaged = history::visit_window(&ring, window, &mut |event| tree.add(event))
        .with_context(|| format!("cannot read the ring in {}", ring.display()))?;
    for error in &damaged {
        eprintln!("host-recorder: {error}");
    }
    let around = tree.around(&args.process);
    if args.json {
        println!("{}", serde_json::to_string(&around)?);
    } else {
        print!("{around}");
    }
    if around.processes.is_empty() {
        anyhow::bail!("no process {:?} is recorded in that time", args.process);
    }
    Ok(if damaged.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(3) })
}
