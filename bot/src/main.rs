//! `gumshoe`: arguments, logs and wiring; every subcommand is a file in `commands`.

use std::io;
use std::io::IsTerminal;
use std::process::ExitCode;

use clap::CommandFactory;
use clap::Parser;
use clap::Subcommand;
use clap_complete::Shell;
use gumshoe::commands::config::ConfigArgs;
use gumshoe::commands::config::cmd_config;
use gumshoe::commands::doctor::DoctorArgs;
use gumshoe::commands::doctor::cmd_doctor;
use gumshoe::commands::health::HealthArgs;
use gumshoe::commands::health::cmd_health;
use gumshoe::commands::investigate::InvestigateArgs;
use gumshoe::commands::investigate::cmd_investigate;
use gumshoe::commands::parse::ParseArgs;
use gumshoe::commands::parse::cmd_parse;
use gumshoe::commands::playbooks::PlaybooksArgs;
use gumshoe::commands::playbooks::cmd_playbooks;
use gumshoe::commands::render::RenderArgs;
use gumshoe::commands::render::cmd_render;
use gumshoe::commands::serve::ServeArgs;
use gumshoe::commands::serve::cmd_serve;
use mimalloc::MiMalloc;
use nix::sys::prctl::set_thp_disable;
use tracing_subscriber::EnvFilter;

/// The C library's keeps what a flood of notices took, in an arena for each thread.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const EXAMPLES: &str = "\
Examples:
  gumshoe parse notice.eml                  what a notice claims
  gumshoe investigate notice.eml --ring DIR one notice, answered from a ring on this machine
  gumshoe config example > gumshoe.toml     settings to begin with
  gumshoe serve --config gumshoe.toml       answer notices as they arrive";

/// Answers abuse reports: what on our host did it, who ran it, and what is known of why
///
/// A network reports that one of your instances scanned it. Gumshoe finds the instance, asks the history that
/// the host's own recorder kept of that time, and reports the program, the user and the login behind it, with
/// the evidence and how complete it is.
#[derive(Debug, Parser)]
#[command(name = "gumshoe", version, arg_required_else_help = true, after_long_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(ServeArgs),
    Investigate(InvestigateArgs),
    Parse(ParseArgs),
    Render(RenderArgs),
    Playbooks(PlaybooksArgs),
    Config(ConfigArgs),
    Doctor(DoctorArgs),
    Health(HealthArgs),
    /// Print completions for a shell
    ///
    /// For example: gumshoe completions bash > /etc/bash_completion.d/gumshoe
    Completions {
        /// The shell
        shell: Shell,
    },
}

fn main() -> ExitCode {
    // The AWS SDK and the Slack client bring a TLS provider each; without a choice, rustls panics.
    // An error says that one is installed already, which is all that is wanted.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let cli = Cli::parse();
    log_to_stderr();
    // The allocator asks for pages of 2 MB, of which a few bytes used keep the whole: twice the memory in a flood.
    if let Err(error) = set_thp_disable(true) {
        tracing::debug!(error = %error, "huge pages stay in use");
    }
    match run(cli.command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("gumshoe: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Threads for what blocks: files, the store, names that are looked up.
const BLOCKING_THREADS: usize = 32;

fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().max_blocking_threads(BLOCKING_THREADS).build()
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(args) => runtime()?.block_on(cmd_serve(&args)),
        Command::Investigate(args) => runtime()?.block_on(cmd_investigate(&args)),
        Command::Parse(args) => cmd_parse(&args).map(|()| ExitCode::SUCCESS),
        Command::Render(args) => cmd_render(&args),
        Command::Playbooks(args) => cmd_playbooks(&args),
        Command::Config(args) => cmd_config(&args),
        Command::Doctor(args) => runtime()?.block_on(cmd_doctor(&args)),
        Command::Health(args) => runtime()?.block_on(cmd_health(&args)),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "gumshoe", &mut io::stdout());
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Logs to standard error. The libraries' own detail stays off: Slack's client logs addresses with tickets in them, and
/// bodies; what matters of it the bot says itself. The websocket logs its whole request, which has the ticket in it.
fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,gumshoe=info"));
    let filter =
        ["slack_morphism=off", "tungstenite=info", "tokio_tungstenite=info", "hyper=info", "rustls=info"]
            .into_iter()
            .filter_map(|directive| directive.parse().ok())
            .fold(filter, EnvFilter::add_directive);
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    if std::env::var("GUMSHOE_LOG").is_ok_and(|form| form == "json") {
        log.json().init();
    } else {
        log.compact().init();
    }
}
