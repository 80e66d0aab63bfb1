//! `gumshoe playbooks`: lists playbooks and checks files.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use clap::Subcommand;

use crate::investigate::words;
use crate::playbook::Playbooks;

/// List playbooks, or check playbook files
#[derive(Debug, Args)]
pub struct PlaybooksArgs {
    #[command(subcommand)]
    command: PlaybooksCommand,
}

#[derive(Debug, Subcommand)]
enum PlaybooksCommand {
    /// List the playbooks: name, version, what they are for
    List {
        /// A folder whose playbooks add to the built-in ones or take their place
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Check playbook files; ends with 1 when one is wrong
    ///
    /// Without files the built-in playbooks are checked. A file is checked together with the built-in ones: a
    /// playbook inherits from `default` whatever it does not say itself.
    Check {
        /// Files to check
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

/// Runs `gumshoe playbooks`.
pub fn cmd_playbooks(args: &PlaybooksArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        PlaybooksCommand::List { dir } => {
            list(&Playbooks::load(dir.as_deref())?);
            Ok(ExitCode::SUCCESS)
        }
        PlaybooksCommand::Check { files } => check(files),
    }
}

fn list(playbooks: &Playbooks) {
    for playbook in playbooks.iter() {
        let activities: Vec<String> = playbook.activities.iter().map(words::snake).collect();
        println!(
            "{:<20} v{:<3} {:<32} {}",
            playbook.name,
            playbook.version,
            playbook.title,
            activities.join(", ")
        );
    }
}

fn check(files: &[PathBuf]) -> anyhow::Result<ExitCode> {
    if files.is_empty() {
        let count = Playbooks::built_in()?.iter().count();
        println!("{count} built-in playbooks: ok");
        return Ok(ExitCode::SUCCESS);
    }
    let mut all_well = true;
    for (path, error) in Playbooks::check(files) {
        match error {
            None => println!("{}: ok", path.display()),
            Some(error) => {
                all_well = false;
                println!("{}: {error}", path.display());
            }
        }
    }
    Ok(if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
