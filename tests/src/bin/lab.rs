//! Brings the lab up for interactive use, runs commands in its hosts, and takes it down.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::process::ExitStatus;

use anyhow::Context;
use anyhow::bail;
use clap::Parser;
use clap::Subcommand;
use tests::lab;
use tests::lab::Host;
use tests::lab::Lab;

/// Three hosts on this machine with no route out: `instance` (10.0.1.10, seen as 192.0.2.10),
/// `victim` (198.51.100.20) and `laptop` (203.0.113.7).
///
/// In one terminal `lab up`; in another `lab exec instance -- ps aux`, `lab ssh alice 'sudo nmap
/// -sS 198.51.100.20'`, `lab where`. Ctrl-C in the first removes everything. `lab run` does all
/// of it for one command.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Builds a lab and holds it until Ctrl-C.
    Up {
        /// Copies this program to /usr/bin/host-recorder of the instance.
        #[arg(long, value_name = "PROGRAM")]
        recorder: Option<PathBuf>,
        /// Runs the ordinary work on the instance too.
        #[arg(long)]
        noise: bool,
    },
    /// Builds a lab, runs one command in one of its hosts, and removes the lab.
    Run {
        /// Copies this program to /usr/bin/host-recorder of the instance.
        #[arg(long, value_name = "PROGRAM")]
        recorder: Option<PathBuf>,
        /// instance, victim, laptop or router.
        host: String,
        /// The command and its arguments.
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
    /// Runs a command in a host of a lab that is up, as root, on this terminal.
    Exec {
        /// Which lab, when several are up.
        #[arg(long)]
        lab: Option<String>,
        /// instance, victim, laptop or router.
        host: String,
        /// The command and its arguments.
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
    /// Logs in to the instance from the laptop and runs a command, or a shell when none is given.
    Ssh {
        /// Which lab, when several are up.
        #[arg(long)]
        lab: Option<String>,
        /// alice, bob or deploy.
        user: String,
        /// One command line for the user's shell.
        command: Option<String>,
    },
    /// Prints, for each host of a lab that is up: name, address, anchor process, cgroup.
    Where {
        /// Which lab, when several are up.
        #[arg(long)]
        lab: Option<String>,
    },
    /// Removes what labs of dead processes left.
    Clean,
}

fn main() -> anyhow::Result<ExitCode> {
    match Arguments::parse().action {
        Action::Up { recorder, noise } => up(recorder, noise),
        Action::Run { recorder, host, command } => run(recorder, &host, &command),
        Action::Exec { lab, host, command } => exec(&find(lab)?, &host, &command),
        Action::Ssh { lab, user, command } => ssh(&find(lab)?, &user, command),
        Action::Where { lab } => tell(&find(lab)?),
        Action::Clean => {
            lab::remove_stale()?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn up(recorder: Option<PathBuf>, noise: bool) -> anyhow::Result<ExitCode> {
    tests::interrupt::remove_labs_on_signals()?;
    let lab = Lab::up_beside_others()?;
    if let Some(recorder) = recorder {
        lab.instance().install(&recorder, "/usr/bin/host-recorder")?;
    }
    let _noise = noise.then(|| lab.noise()).transpose()?;
    println!("lab {} is up; its directory is {}", lab.id(), lab.dir().display());
    tell(lab.id())?;
    println!("Ctrl-C removes it.");
    loop {
        std::thread::park();
    }
}

fn run(recorder: Option<PathBuf>, host: &str, command: &[OsString]) -> anyhow::Result<ExitCode> {
    tests::interrupt::remove_labs_on_signals()?;
    let lab = Lab::up_beside_others()?;
    if let Some(recorder) = recorder {
        lab.instance().install(&recorder, "/usr/bin/host-recorder")?;
    }
    let status = lab.host(host)?.command_in_terminal(&command[0])?.args(&command[1..]).status()?;
    lab.down()?;
    Ok(code(status))
}

fn exec(lab: &str, host: &str, command: &[OsString]) -> anyhow::Result<ExitCode> {
    let error = Host::find(lab, host)?.command_in_terminal(&command[0])?.args(&command[1..]).exec();
    Err(error).with_context(|| format!("run {} in {host}", command[0].display()))
}

fn ssh(lab: &str, user: &str, command: Option<String>) -> anyhow::Result<ExitCode> {
    let mut ssh = lab::ssh_in_terminal(lab, user)?;
    ssh.args(command);
    if let Ok(terminal) = std::env::var("TERM") {
        ssh.env("TERM", terminal);
    }
    Err(ssh.exec()).context("run ssh")
}

fn tell(lab: &str) -> anyhow::Result<ExitCode> {
    for name in ["instance", "victim", "laptop", "router"] {
        let host = Host::find(lab, name)?;
        println!(
            "  {name:<9} {:<14} anchor {:<8} {}",
            host.address(),
            host.anchor(),
            host.cgroup().path().display()
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// The lab that is meant: the named one, or the only one.
fn find(lab: Option<String>) -> anyhow::Result<String> {
    let up = lab::running()?;
    match (lab, up.as_slice()) {
        (Some(lab), _) => Ok(lab),
        (None, [only]) => Ok(only.clone()),
        (None, []) => bail!("no lab is up"),
        (None, several) => bail!("several labs are up, choose one with --lab: {}", several.join(", ")),
    }
}

fn code(status: ExitStatus) -> ExitCode {
    ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1))
}
