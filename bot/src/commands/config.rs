//! `gumshoe config`: checks the settings, or prints a documented example.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use clap::Subcommand;

use crate::config::Config;
use crate::config::EXAMPLE;
use crate::playbook::Playbooks;

/// Check the settings, or print an example
#[derive(Debug, Args)]
pub struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Check the settings without calling AWS or Slack
    ///
    /// Ends with 0 when `gumshoe serve` could start with them, with 1 when it could not.
    Check {
        /// The settings file
        #[arg(long, short, value_name = "FILE", env = "GUMSHOE_CONFIG")]
        config: Option<PathBuf>,
    },
    /// Print an example with every key and its default
    Example,
}

/// Runs `gumshoe config`.
pub fn cmd_config(args: &ConfigArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        ConfigCommand::Example => print!("{EXAMPLE}"),
        ConfigCommand::Check { config } => {
            let config = Config::load(config.as_deref())?;
            Playbooks::load(config.playbooks_dir.as_deref())?;
            let lacks = config.lacks_to_serve();
            for lack in &lacks {
                println!("{lack}");
            }
            if !lacks.is_empty() {
                return Ok(ExitCode::FAILURE);
            }
            println!("ok");
        }
    }
    Ok(ExitCode::SUCCESS)
}
