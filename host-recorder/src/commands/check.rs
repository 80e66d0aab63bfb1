//! `host-recorder check`: what this host lets the recorder see.

use std::process::ExitCode;

use crate::capture;
use crate::capture::Capture;
use crate::capture::Wanted;
use crate::check::Finding;
use crate::check::Report;
use crate::check::host;
use crate::check::kernel;
use crate::commands::is_recorded;
use crate::commands::place::Place;
use crate::config::Config;
use crate::enrich::cgroups::Cgroups;
use crate::hooks::Hook;
use crate::status::Status;

/// Says in plain words what can and cannot be recorded on this host, and what to do about it.
///
/// Looks at the kernel, the settings, logs, disk and clock, and loads the programs into the kernel for a moment to see
/// whether it takes them; of a recorder that runs it tells what that uses. Changes nothing. Exits with 0 when
/// everything can be recorded, 1 when something is missing, 3 when nothing can be recorded.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sudo host-recorder check
  sudo host-recorder check --json | jq '.findings[] | select(.level != \"ok\")'")]
pub struct CheckArgs {
    #[command(flatten)]
    place: Place,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn cmd_check(args: CheckArgs) -> anyhow::Result<ExitCode> {
    // What libbpf prints when a program is refused stands in the report.
    libbpf_rs::set_print(None);
    let mut findings = kernel::look();
    let mut config = match Config::load(args.place.config.as_deref()) {
        Ok(config) => {
            findings.push(Finding::ok("settings", "valid"));
            config
        }
        Err(error) => {
            let next = "correct the settings file; `host-recorder config` explains every key";
            findings.push(Finding::fatal("settings", error.to_string(), next));
            Config::default()
        }
    };
    if let Some(ring) = args.place.ring {
        config.ring.directory = ring;
    }
    findings.extend(host::look(&config));
    let ring = &config.ring.directory;
    let running = is_recorded(ring).then(|| Status::read(&ring.join("status.json")).ok()).flatten();
    let hooks = match running {
        // A recorder of an older version does not say what it uses.
        Some(status) if !status.hooks.is_empty() => {
            let says = format!("runs on this ring, pid {}, version {}", status.pid, status.version);
            findings.push(Finding::ok("recorder", says));
            status.hooks
        }
        other => {
            let says =
                if other.is_some() { "an older one runs on this ring" } else { "none runs on this ring" };
            findings.push(Finding::ok("recorder", says));
            let (tried, hooks) = try_hooks(&config);
            findings.extend(tried);
            hooks
        }
    };
    let report = Report::new(findings, hooks);
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{}", report.text());
    }
    Ok(ExitCode::from(report.exit_code()))
}

/// Attaches the programs as the recorder would, and takes them away again.
fn try_hooks(config: &Config) -> (Vec<Finding>, Vec<Hook>) {
    let cgroups = match Cgroups::find() {
        Ok(cgroups) => cgroups,
        Err(error) => {
            let says = format!("version 2 is not mounted and cannot be: {error}");
            let next = "run this as root, on a kernel with CONFIG_CGROUPS=y";
            return (vec![Finding::fatal("cgroups", says, next)], Vec::new());
        }
    };
    let mut findings = vec![Finding::ok("cgroups", "version 2 is there")];
    let scope = match config.cgroup.as_ref().map(std::fs::File::open).transpose() {
        Ok(scope) => scope,
        Err(error) => {
            let says = format!("the one that recording is limited to cannot be opened: {error}");
            findings.push(Finding::fatal("cgroups", says, "correct cgroup in the settings"));
            return (findings, Vec::new());
        }
    };
    let syscalls: Vec<_> = config.syscalls.names.iter().copied().collect();
    match Capture::start(cgroups.root(), Wanted { scope: scope.as_ref(), syscalls: &syscalls }) {
        Ok(capture) => {
            findings.push(Finding::ok("programs", "the kernel took all that are needed"));
            (findings, capture.hooks().to_vec())
        }
        Err(error) => {
            let error = error.to_string();
            let next = "mend what is said above; where nothing is, report the kernel's version and this line";
            findings.push(Finding::fatal("programs", format!("the kernel refuses them: {error}"), next));
            (findings, capture::refused_hooks(&error))
        }
    }
}
