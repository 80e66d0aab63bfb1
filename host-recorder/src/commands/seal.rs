//! `host-recorder seal`: the key that makes a ring evidence.

use std::process::ExitCode;

use anyhow::Context;

use crate::commands::place::Place;

/// Sets up the seal of a ring
#[derive(Debug, clap::Args)]
pub struct SealArgs {
    #[command(subcommand)]
    command: SealCommand,
}

#[derive(Debug, clap::Subcommand)]
enum SealCommand {
    /// Makes the seal key, and prints the key that verifies it, once
    ///
    /// Keep what is printed somewhere else: with it `host-recorder verify` sees what was altered, also by root. The ring
    /// keeps only a key that goes forward. The recorder may run meanwhile.
    Setup {
        #[command(flatten)]
        place: Place,
    },
}

/// Runs it.
pub fn cmd_seal(args: SealArgs) -> anyhow::Result<ExitCode> {
    let SealCommand::Setup { place } = args.command;
    let ring = place.directory()?;
    let key = history::setup_seal(&ring)
        .with_context(|| format!("cannot set up a seal for the ring in {}", ring.display()))?;
    println!("{key}");
    eprintln!("host-recorder: keep this key off this host; it is not shown again");
    Ok(ExitCode::SUCCESS)
}
