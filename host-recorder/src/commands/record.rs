//! `host-recorder record`: the daemon.

use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::Context;
use history::Ring;
use history::RingLimits;

use crate::capture::Capture;
use crate::capture::Wanted;
use crate::commands::RING_DIR;
use crate::enrich::cgroups::Cgroups;
use crate::recorder::Recorder;
use crate::syscalls::Syscall;

/// Records until SIGTERM or SIGINT. Needs root.
///
/// Prints `recording` on standard output once the hooks are attached and history begins.
#[derive(Debug, clap::Args)]
pub struct RecordArgs {
    /// Directory of the ring
    #[arg(long, default_value = RING_DIR, env = "HOST_RECORDER_RING")]
    ring: PathBuf,

    /// Record only processes and sockets below this cgroup v2 directory
    #[arg(long, value_name = "DIRECTORY")]
    cgroup: Option<PathBuf>,

    /// Most bytes the ring may take on disk, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 512, value_parser = clap::value_parser!(u64).range(16..))]
    ring_size: u64,

    /// Days after which history is removed
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    ring_age: u64,

    /// Free disk space at which the ring shrinks, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 256)]
    keep_free: u64,

    /// Log of logins to follow; may be given more than once
    #[arg(long, value_name = "FILE", default_values = ["/var/log/auth.log", "/var/log/secure"])]
    login_log: Vec<PathBuf>,

    /// System call to record as well, by name; may be given more than once. Any makes every system call of this host
    /// a little slower
    #[arg(long, value_name = "NAME", value_parser = syscall)]
    syscall: Vec<Syscall>,
}

fn syscall(name: &str) -> Result<Syscall, String> {
    crate::syscalls::by_name(name).ok_or_else(|| {
        let names: Vec<&str> = crate::syscalls::SYSCALLS.iter().map(|call| call.name).collect();
        format!("not one of those that can be recorded: {}", names.join(", "))
    })
}

/// Runs it.
pub fn cmd_record(args: RecordArgs) -> anyhow::Result<ExitCode> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register(signal, Arc::clone(&stop)).context("cannot handle signals")?;
    }
    let limits = RingLimits {
        bytes: args.ring_size << 20,
        age: Duration::from_secs(args.ring_age * 24 * 3600),
        free_bytes: args.keep_free << 20,
        ..RingLimits::default()
    };
    // A ring that is not there yet, or cannot be read, holds no logins; opening it says what is wrong.
    // Times in logs may be whole seconds; what is told twice is counted once by queries.
    let logins_since = history::recorded_to(&args.ring).ok().flatten().unwrap_or_default().plus_s(-2);
    let ring = Ring::open(&args.ring, limits)
        .with_context(|| format!("cannot open the ring in {}", args.ring.display()))?;
    let mut cgroups = Cgroups::find().context("cannot find or mount the cgroup v2 tree (are you root?)")?;
    let scope = match &args.cgroup {
        Some(path) => {
            let directory =
                File::open(path).with_context(|| format!("cannot open cgroup {}", path.display()))?;
            let inode = std::os::unix::fs::MetadataExt::ino(&directory.metadata()?);
            let name = cgroups.path(inode);
            anyhow::ensure!(!name.is_empty(), "{} is no directory of the cgroup v2 tree", path.display());
            Some((directory, name))
        }
        None => None,
    };
    let wanted = Wanted { scope: scope.as_ref().map(|(directory, _)| directory), syscalls: &args.syscall };
    let capture = Capture::start(cgroups.root(), wanted)
        .context("cannot record; `host-recorder record` needs root and a kernel of 5.10 or later with BTF")?;
    let status = args.ring.join("status.json");
    let scope = scope.map(|(_, name)| name);
    let mut recorder = Recorder::new(capture, ring, cgroups, scope, args.login_log, logins_since, status)?;
    recorder.run(&stop, || {
        println!("recording");
        tracing::info!(ring = %args.ring.display(), "recording");
    })?;
    Ok(ExitCode::SUCCESS)
}
