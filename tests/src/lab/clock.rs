//! A host's own wall clock, which can be set: a library loaded before libc into every program of that host that starts
//! from then on (`clock.c`). Nothing else on this machine sees another time.

use std::fs;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use anyhow::ensure;
use nix::sys::signal::Signal;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use super::Host;
use super::process::output_within;
use super::process::wait_until;

const SOURCE: &str = include_str!("clock.c");
const LIBRARY: &str = "/usr/local/lib/host-clock.so";
/// By how much the clock is ahead of this machine's, ns, in eight bytes.
const AHEAD: &str = "/run/host-clock";
const SYSLOG_PID: &str = "/run/rsyslogd.pid";
const READY_MAX: Duration = Duration::from_secs(20);

/// The clock of one host.
#[derive(Debug)]
pub struct HostClock {
    ahead: fs::File,
}

impl HostClock {
    /// Gives a host its own clock, right at first. `dir` is for what is built.
    ///
    /// # Errors
    /// When there is no C compiler, or the host's log daemon does not start again.
    pub fn give(host: &Host, dir: &Path) -> anyhow::Result<Self> {
        let (source, library) = (dir.join("clock.c"), dir.join("clock.so"));
        fs::write(&source, SOURCE)?;
        let mut gcc = Command::new("gcc");
        gcc.args(["-shared", "-fPIC", "-O2", "-o"]).arg(&library).arg(&source).arg("-ldl");
        let built = gcc.output().context("gcc")?;
        ensure!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));

        let path = host.path(AHEAD);
        let ahead = OpenOptions::new().write(true).create(true).truncate(true).open(&path)?;
        ahead.write_all_at(&0_i64.to_ne_bytes(), 0)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644))?;
        host.install(&library, LIBRARY)?;
        fs::set_permissions(host.path(LIBRARY), fs::Permissions::from_mode(0o755))?;
        fs::write(host.path("/etc/ld.so.preload"), format!("{LIBRARY}\n"))?;
        restart_syslog(host)?;
        Ok(Self { ahead })
    }

    /// Sets the clock so many ns ahead of this machine's; behind it where that is negative.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn set_ahead(&self, ns: i64) -> anyhow::Result<()> {
        self.ahead.write_all_at(&ns.to_ne_bytes(), 0).context("set the host's clock")
    }
}

/// It was started before the host had a clock of its own, and stamps what others log.
fn restart_syslog(host: &Host) -> anyhow::Result<()> {
    let pid: i32 = fs::read_to_string(host.path(SYSLOG_PID)).context("rsyslogd's pid")?.trim().parse()?;
    kill(Pid::from_raw(pid), Signal::SIGTERM).context("end rsyslogd")?;
    let stat = Path::new("/proc").join(pid.to_string()).join("stat");
    // One that nobody waits for stays there.
    let is_over = || fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z "));
    wait_until("the end of rsyslogd", READY_MAX, is_over)?;
    let output = output_within("rsyslogd", host.command("rsyslogd")?.args(["-i", SYSLOG_PID]), READY_MAX)?;
    ensure!(output.status.success(), "rsyslogd: {}", String::from_utf8_lossy(&output.stderr));
    let socket = host.path("/dev/log");
    wait_until("rsyslogd", READY_MAX, || socket.exists())
}
