//! `host-recorder record`: the daemon.

use std::fs::File;
use std::path::Path;
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
use crate::commands::place::Place;
use crate::config::Config;
use crate::config::MetricsConfig;
use crate::config::RingConfig;
use crate::enrich::cgroups::Cgroups;
use crate::heap;
use crate::publish;
use crate::publish::Publisher;
use crate::recorder::Recorder;
use crate::sandbox;
use crate::socket::Socket;
use crate::status::Status;

/// Records until SIGTERM or SIGINT. Needs root.
///
/// Prints `recording` on standard output once the hooks are attached and history begins, and tells systemd so where
/// that started it. What is not given here comes from the environment, else from the settings file, else it is the
/// default. `host-recorder check` says beforehand what this host lacks.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  host-recorder record                                    the whole host, as /etc/host-recorder.toml says
  host-recorder record --cgroup /sys/fs/cgroup/user.slice
  host-recorder record --ring /tmp/ring --ring-size 64 --no-sandbox")]
pub struct RecordArgs {
    #[command(flatten)]
    place: Place,

    /// Record only processes and sockets below this cgroup v2 directory [key: cgroup]
    #[arg(long, value_name = "DIRECTORY", env = "HOST_RECORDER_CGROUP")]
    cgroup: Option<PathBuf>,

    /// Most bytes the ring may take on disk, in MiB, at least 16 [default: 512] [key: ring.size_mib]
    #[arg(long, value_name = "MIB", env = "HOST_RECORDER_RING_SIZE")]
    ring_size: Option<u64>,

    /// Days after which history is removed [default: 30] [key: ring.age_days]
    #[arg(long, value_name = "DAYS", env = "HOST_RECORDER_RING_AGE")]
    ring_age: Option<u64>,

    /// Free disk space at which the ring shrinks, in MiB [default: 256] [key: ring.keep_free_mib]
    #[arg(long, value_name = "MIB", env = "HOST_RECORDER_KEEP_FREE")]
    keep_free: Option<u64>,

    /// Log of logins to follow; may be repeated [default: /var/log/auth.log and /var/log/secure] [key: login_logs]
    #[arg(long, value_name = "FILE")]
    login_log: Vec<PathBuf>,

    /// Longest time that few records wait to be read, in ms [default: 200] [key: look_every_ms]
    #[arg(long, value_name = "MS", env = "HOST_RECORDER_LOOK_EVERY")]
    look_every: Option<u64>,

    /// Write metrics for node_exporter's textfile collector to this file each second [key: metrics.textfile]
    #[arg(long, value_name = "FILE", env = "HOST_RECORDER_METRICS")]
    metrics: Option<PathBuf>,

    /// For debugging: keep all privileges, and filter no system calls [key: sandbox = false]
    #[arg(long)]
    no_sandbox: bool,
}

impl RecordArgs {
    /// The settings that hold: flags and environment, then the file, then the defaults.
    fn settle(&self, file: Config) -> Config {
        let some = |given: &Option<PathBuf>, else_: Option<PathBuf>| given.clone().or(else_);
        Config {
            cgroup: some(&self.cgroup, file.cgroup),
            login_logs: if self.login_log.is_empty() { file.login_logs } else { self.login_log.clone() },
            look_every_ms: self.look_every.unwrap_or(file.look_every_ms),
            sandbox: file.sandbox && !self.no_sandbox,
            ring: RingConfig {
                directory: self.place.ring.clone().unwrap_or(file.ring.directory),
                size_mib: self.ring_size.unwrap_or(file.ring.size_mib),
                age_days: self.ring_age.unwrap_or(file.ring.age_days),
                keep_free_mib: self.keep_free.unwrap_or(file.ring.keep_free_mib),
            },
            syscalls: file.syscalls,
            metrics: MetricsConfig { textfile: some(&self.metrics, file.metrics.textfile) },
        }
    }
}

/// Runs it.
pub fn cmd_record(args: RecordArgs) -> anyhow::Result<ExitCode> {
    heap::bound();
    let config = args.settle(Config::load(args.place.config.as_deref())?);
    config.check()?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register(signal, Arc::clone(&stop)).context("cannot handle signals")?;
    }
    let mut recorder = assemble(&config)?;
    recorder.run(&stop, Duration::from_millis(config.look_every_ms), || {
        println!("recording");
        tracing::info!(ring = %config.ring.directory.display(), sandbox = config.sandbox, "recording");
        publish::ready();
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Loads the programs, gives up what only that needed, and puts the recorder together.
fn assemble(config: &Config) -> anyhow::Result<Recorder> {
    let directory = &config.ring.directory;
    let mut cgroups = Cgroups::find().context("cannot find or mount the cgroup v2 tree (are you root?)")?;
    let scope = config.cgroup.as_ref().map(|path| open_scope(path, &mut cgroups)).transpose()?;
    let syscalls: Vec<_> = config.syscalls.names.iter().copied().collect();
    let wanted = Wanted { scope: scope.as_ref().map(|(directory, _)| directory), syscalls: &syscalls };
    let capture = Capture::start(cgroups.root(), wanted)
        .context("cannot record; `host-recorder check` says what this host lacks")?;
    let textfile = config.metrics.textfile.clone();
    if config.sandbox {
        // Before the first thread: each thread has capabilities of its own.
        let metrics = textfile.as_deref().and_then(Path::parent);
        let written: Vec<&Path> = std::iter::once(directory.as_path()).chain(metrics).collect();
        sandbox::drop_capabilities(&written)?;
    }
    // A ring that is not there yet, or cannot be read, holds no logins; opening it says what is wrong.
    // Times in logs may be whole seconds; what is told twice is counted once by queries.
    let logins_since = history::recorded_to(directory).ok().flatten().unwrap_or_default().plus_s(-2);
    let limits = limits(&config.ring);
    let ring = Ring::open(directory, limits)
        .with_context(|| format!("cannot open the ring in {}", directory.display()))?;
    let status = Status {
        ring_bytes_max: limits.bytes,
        hooks: capture.hooks().to_vec(),
        sandbox: config.sandbox,
        ..Status::new()
    };
    let publisher = Publisher::new(directory.clone(), textfile);
    let scope = scope.map(|(_, name)| name);
    let login_logs = config.login_logs.clone();
    let socket = Socket::listen(directory);
    if let Err(error) = &socket {
        tracing::warn!(%error, "no local socket: questions see what was committed up to a second ago");
    }
    let recorder = Recorder::new(
        capture,
        ring,
        cgroups,
        scope,
        login_logs,
        logins_since,
        status,
        publisher,
        socket.ok(),
    )?;
    if config.sandbox {
        // After the journal's reader was started: no program can be run from here on.
        sandbox::filter_system_calls()?;
    } else {
        tracing::warn!("not sandboxed: all privileges are kept");
    }
    Ok(recorder)
}

/// Opens the directory that recording is limited to, and finds its path in the tree.
fn open_scope(path: &Path, cgroups: &mut Cgroups) -> anyhow::Result<(File, String)> {
    let directory = File::open(path).with_context(|| format!("cannot open cgroup {}", path.display()))?;
    let inode = std::os::unix::fs::MetadataExt::ino(&directory.metadata()?);
    let name = cgroups.path(inode);
    anyhow::ensure!(!name.is_empty(), "{} is no directory of the cgroup v2 tree", path.display());
    Ok((directory, name))
}

fn limits(ring: &RingConfig) -> RingLimits {
    RingLimits {
        bytes: ring.size_mib << 20,
        age: Duration::from_secs(ring.age_days * 24 * 3600),
        free_bytes: ring.keep_free_mib << 20,
        ..RingLimits::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        record: RecordArgs,
    }

    #[test]
    fn a_flag_goes_before_the_file_and_the_file_before_the_default() {
        let file: Config =
            toml::from_str("look_every_ms = 100\n[ring]\nsize_mib = 64\ndirectory = \"/a\"").unwrap();
        let line = Line::parse_from(["record", "--ring-size", "32", "--no-sandbox", "--login-log", "/l"]);
        let config = line.record.settle(file);
        assert_eq!(config.ring, RingConfig { directory: "/a".into(), size_mib: 32, ..RingConfig::default() });
        assert_eq!((config.look_every_ms, config.sandbox), (100, false));
        assert_eq!(config.login_logs, [PathBuf::from("/l")]);
        let tiny = Line::parse_from(["record", "--ring-size", "1"]).record.settle(Config::default());
        assert!(tiny.check().unwrap_err().to_string().contains("ring.size_mib"));
    }
}
