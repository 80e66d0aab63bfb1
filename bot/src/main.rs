//! Gumshoe's command line: arguments and wiring only.

use clap::Parser;
use clap::Subcommand;
use gumshoe::commands::parse;

/// Answers abuse reports: what a host did, who did it, and why.
#[derive(Debug, Parser)]
#[command(name = "gumshoe", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Parse(parse::ParseArgs),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Parse(args) => parse::cmd_parse(&args),
    }
}
