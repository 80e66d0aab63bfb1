//! `gumshoe config`: checks the settings, or prints a documented example.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use clap::Subcommand;

use crate::aws::Places;
use crate::config::Config;
use crate::config::EXAMPLE;
use crate::operations;
use crate::operations::Finding;
use crate::playbook::Playbooks;

/// Check the settings, or print an example
#[derive(Debug, Args)]
pub struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Check the settings, and with --probe also what they name
    ///
    /// Without --probe nothing is called. With it, AWS and Slack are asked whether the bot may do what it will need: the
    /// queue, each account and region, the Slack token and its scopes. Nothing is changed.
    ///
    /// Ends with 0 when `gumshoe serve` could start with them and nothing is missing, else with 1.
    Check {
        /// The settings file; else the text in GUMSHOE_SETTINGS
        #[arg(long, short, value_name = "FILE", env = "GUMSHOE_CONFIG")]
        config: Option<PathBuf>,
        /// Also ask AWS and Slack
        #[arg(long)]
        probe: bool,
        /// What --probe finds, as JSON
        #[arg(long, requires = "probe")]
        json: bool,
    },
    /// Print an example with every key and its default
    Example,
}

/// Runs `gumshoe config`.
pub fn cmd_config(args: &ConfigArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        ConfigCommand::Example => print!("{EXAMPLE}"),
        ConfigCommand::Check { config, probe, json } => {
            let config = Config::load(config.as_deref())?;
            Playbooks::load(config.playbooks_dir.as_deref())?;
            let lacks = config.lacks_to_serve();
            for lack in &lacks {
                println!("{lack}");
            }
            if !lacks.is_empty() {
                return Ok(ExitCode::FAILURE);
            }
            if let Some(unheard) = config.offers_unheard() {
                println!("{unheard}");
            }
            if *probe {
                return tokio::runtime::Runtime::new()?.block_on(async {
                    let places = Places::enter(&config).await;
                    show(&operations::probe::probe(&config, &places).await, *json)
                });
            }
            println!("ok");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints findings, and ends with 1 when something is missing.
pub(super) fn show(findings: &[Finding], json: bool) -> anyhow::Result<ExitCode> {
    if json {
        println!("{}", serde_json::to_string_pretty(findings)?);
    } else {
        for finding in findings {
            println!("{finding}");
        }
    }
    let fine = findings.iter().all(|finding| finding.ok);
    Ok(if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
