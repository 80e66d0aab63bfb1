//! `host-recorder`: arguments and wiring.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::CommandFactory;
use clap::Parser;
use clap::Subcommand;
use host_recorder::commands::check;
use host_recorder::commands::export;
use host_recorder::commands::query;
use host_recorder::commands::record;
use host_recorder::commands::seal;
use host_recorder::commands::status;
use host_recorder::commands::stop_process;
use host_recorder::commands::tail;
use host_recorder::commands::timeline;
use host_recorder::commands::tree;
use host_recorder::commands::verify;
use host_recorder::config;

/// Keeps a bounded history of what ran on this host, who ran it, and what it sent.
///
/// `host-recorder record` is the daemon; the other commands read what it wrote, also after it ended.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Record(record::RecordArgs),
    Check(check::CheckArgs),
    Query(query::QueryArgs),
    Status(status::StatusArgs),
    /// Prints a settings file with every key, its meaning and its default
    ///
    /// Save it as /etc/host-recorder.toml and change what should be otherwise. `host-recorder check` reads it back.
    Config,
    Tree(tree::TreeArgs),
    Timeline(timeline::TimelineArgs),
    Tail(tail::TailArgs),
    Export(export::ExportArgs),
    Verify(verify::VerifyArgs),
    Seal(seal::SealArgs),
    StopProcess(stop_process::StopArgs),
    /// Prints completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_env("HOST_RECORDER_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();
    // Where the kernel gives huge pages unasked, a few bytes used keep 2 MB: the bound on memory would be for its taking.
    if let Err(error) = nix::sys::prctl::set_thp_disable(true) {
        tracing::debug!(error = %error, "huge pages stay in use");
    }
    let outcome = match Args::parse().command {
        Command::Record(args) => record::cmd_record(args),
        Command::Check(args) => check::cmd_check(args),
        Command::Query(args) => query::cmd_query(args),
        Command::Status(args) => status::cmd_status(args),
        Command::Config => {
            print!("{}", config::EXAMPLE);
            Ok(ExitCode::SUCCESS)
        }
        Command::Tree(args) => tree::cmd_tree(args),
        Command::Timeline(args) => timeline::cmd_timeline(args),
        Command::Tail(args) => tail::cmd_tail(args),
        Command::Export(args) => export::cmd_export(args),
        Command::Verify(args) => verify::cmd_verify(args),
        Command::Seal(args) => seal::cmd_seal(args),
        Command::StopProcess(args) => stop_process::cmd_stop_process(args),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Args::command(), "host-recorder", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("host-recorder: {error:#}");
        ExitCode::FAILURE
    })
}
