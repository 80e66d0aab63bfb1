//! Other recorders that a Debian machine offers, to be measured in the same rounds as ours, and programs that record nothing.
//! Whether one works here is found out by starting it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Once;
use std::time::Duration;

use anyhow::bail;
use anyhow::ensure;
use nix::sys::signal::Signal;

use super::context::Context;
use super::process;
use super::process::Measured;
use crate::interrupt;
use crate::lab::cgroup_root;
use crate::lab::wait_until;

const READY_MAX: Duration = Duration::from_secs(20);
const STOP_MAX: Duration = Duration::from_secs(60);

/// What ours records always, in bpftrace's words.
const BPFTRACE: &str = include_str!("peer.bt");
/// Tracing tools need file systems that need not be mounted here: they get their own.
const IN_OWN_MOUNTS: &str =
    "mount -t tracefs none /sys/kernel/tracing; mount -t debugfs none /sys/kernel/debug; exec \"$@\"";
/// Processes, connections and what is sent, as audit rules.
const AUDIT_RULES: [&str; 2] = ["execve,execveat", "connect,accept,accept4,bind,sendto,sendmsg,sendmmsg"];
/// Without this rule, every process that is started after auditing began once stays slower.
const AUDIT_NOTHING: &str = "never,task";

/// Another recorder.
pub trait Peer {
    /// Its name.
    fn name(&self) -> &'static str;

    /// Whether a load makes something that it records.
    fn sees(&self, load: &str) -> bool;

    /// Starts it and waits until it records.
    ///
    /// # Errors
    /// When it cannot record on this machine: says why.
    fn start(&self, context: &Context) -> anyhow::Result<Box<dyn Running>>;
}

/// One that records.
pub trait Running {
    /// Ends it, and leaves nothing of it.
    ///
    /// # Errors
    /// When it does not end.
    fn stop(self: Box<Self>) -> anyhow::Result<()>;
}

/// Those that are known.
pub fn all() -> Vec<Box<dyn Peer>> {
    vec![
        Box::new(Empty),
        Box::new(Auditd),
        Box::new(Tracer { name: "bpftrace", loads: None }),
        Box::new(Tracer { name: "execsnoop", loads: Some(&["exec_storm", "make"]) }),
        Box::new(Tracer { name: "tcpconnect", loads: Some(&["connect"]) }),
        Box::new(Tracer { name: "tcpstates", loads: Some(&["connect"]) }),
    ]
}

/// Programs that do nothing where ours are: what no recorder by these hooks can be cheaper than.
struct Empty;

impl Peer for Empty {
    fn name(&self) -> &'static str {
        "empty"
    }

    fn sees(&self, load: &str) -> bool {
        ["connect", "udp_spread", "udp_flow"].contains(&load)
    }

    fn start(&self, context: &Context) -> anyhow::Result<Box<dyn Running>> {
        let ready = context.work().join(format!("peer-{}.ready", context.number()));
        let mut command = context.command("peer", "python3")?;
        command.args(["-c", include_str!("empty.py")]).arg(&ready).arg(cgroup_root()?);
        let process = Measured::start(self.name(), &mut command)?;
        wait_until(self.name(), READY_MAX, || ready.exists() || !process.runs())?;
        if !process.runs() {
            bail!("{} ends at once: {}", self.name(), process.wait(STOP_MAX)?.stderr.trim());
        }
        Ok(Box::new(process))
    }
}

impl Running for Measured {
    fn stop(self: Box<Self>) -> anyhow::Result<()> {
        (*self).stop(Signal::SIGTERM, STOP_MAX).map(drop)
    }
}

/// A tracing tool: bpftrace with a script of ours, or one of libbpf-tools.
struct Tracer {
    name: &'static str,
    /// The loads that it sees; all when none is named.
    loads: Option<&'static [&'static str]>,
}

impl Peer for Tracer {
    fn name(&self) -> &'static str {
        self.name
    }

    fn sees(&self, load: &str) -> bool {
        self.loads.is_none_or(|loads| loads.contains(&load))
    }

    fn start(&self, context: &Context) -> anyhow::Result<Box<dyn Running>> {
        installed(self.name)?;
        let log = context.work().join(format!("peer-{}.log", context.number()));
        let ready = log.with_extension("ready");
        let mut command = context.command("peer", "unshare")?;
        command.args(["--mount", "sh", "-c", IN_OWN_MOUNTS, "tracer"]);
        if self.name == "bpftrace" {
            let script = log.with_extension("bt");
            fs::write(&script, BPFTRACE)?;
            command.args(["bpftrace", "--unsafe", "-o"]).arg(&log).arg(&script).arg(&ready);
        } else {
            // Into a file, as bpftrace writes.
            command.args(["sh", "-c", "exec \"$1\" >\"$2\"", "tool", self.name]).arg(&log);
        }
        let process = Measured::start(self.name, &mut command)?;
        let records = || if self.name == "bpftrace" { ready.exists() } else { has_probes(process.pid()) };
        let waited = wait_until(self.name, READY_MAX, || records() || !process.runs());
        if !process.runs() {
            let ended = process.wait(STOP_MAX)?;
            let why = ended.stderr.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
            bail!("{} ends at once: {why}", self.name);
        }
        waited?;
        Ok(Box::new(Traced { process, log }))
    }
}

struct Traced {
    process: Measured,
    log: PathBuf,
}

impl Running for Traced {
    fn stop(self: Box<Self>) -> anyhow::Result<()> {
        self.process.stop(Signal::SIGINT, STOP_MAX)?;
        let _ = fs::remove_file(self.log);
        Ok(())
    }
}

/// Whether a process holds an attached BPF program.
fn has_probes(pid: u32) -> bool {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    let is_link = |path: PathBuf| path.to_string_lossy().contains("bpf_link");
    entries.flatten().any(|entry| fs::read_link(entry.path()).is_ok_and(is_link))
}

/// The kernel's audit, with a daemon that writes what it says.
struct Auditd;

impl Peer for Auditd {
    fn name(&self) -> &'static str {
        "auditd"
    }

    fn sees(&self, _: &str) -> bool {
        true
    }

    fn start(&self, context: &Context) -> anyhow::Result<Box<dyn Running>> {
        installed("auditd")?;
        static UNDO: Once = Once::new();
        let state = auditctl(&["-s"])?;
        let rules = auditctl(&["-l"])?;
        let is_free = rules.trim() == "No rules" || rules.trim() == format!("-a {AUDIT_NOTHING}");
        ensure!(
            is_free && state.contains("enabled 0") && state.contains("pid 0"),
            "this machine's audit is in use already (`auditctl -D -e 0` frees it)"
        );
        let dir = context.work().join(format!("audit-{}", context.number()));
        fs::create_dir(&dir)?;
        let config = dir.join("auditd.conf");
        fs::write(&config, configuration(&dir))?;
        // It refuses a file that others may read.
        fs::set_permissions(&config, fs::Permissions::from_mode(0o640))?;
        let mut command = context.command("peer", "auditd")?;
        command.args(["-n", "-s", "nochange", "-c"]).arg(&dir);
        let process = Measured::start("auditd", &mut command)?;
        UNDO.call_once(|| interrupt::undo_on_signals(|| drop(silence())));
        let own = format!("pid {}", process.pid());
        let registered = || auditctl(&["-s"]).is_ok_and(|state| state.lines().any(|line| line == own));
        wait_until("auditd", READY_MAX, || registered() || !process.runs())?;
        if !process.runs() {
            bail!("auditd ends at once: {}", process.wait(STOP_MAX)?.stderr.trim());
        }
        let audited = Audited { _rules: Rules, process };
        auditctl(&["-D"])?;
        auditctl(&["-b", "8192"])?;
        for calls in AUDIT_RULES {
            auditctl(&["-a", "always,exit", "-F", "arch=b64", "-S", calls])?;
        }
        auditctl(&["-e", "1"])?;
        Ok(Box::new(audited))
    }
}

struct Audited {
    _rules: Rules,
    process: Measured,
}

impl Running for Audited {
    fn stop(self: Box<Self>) -> anyhow::Result<()> {
        silence()?;
        self.process.stop(Signal::SIGTERM, STOP_MAX).map(drop)
    }
}

/// The rules in the kernel, which outlive whoever set them: gone with this, also when a load fails.
struct Rules;

impl Drop for Rules {
    fn drop(&mut self) {
        if let Err(error) = silence() {
            eprintln!("bench: the kernel may still audit: {error:#}");
        }
    }
}

/// Has the kernel audit nothing, as before. May be done twice.
fn silence() -> anyhow::Result<()> {
    auditctl(&["-e", "0"])?;
    auditctl(&["-D"])?;
    // The kernel's default.
    auditctl(&["-b", "64"])?;
    auditctl(&["-a", AUDIT_NOTHING]).map(drop)
}

/// What an auditd of Debian does, into a directory of ours, and never stopping the machine.
fn configuration(dir: &Path) -> String {
    format!(
        "local_events = yes\nwrite_logs = yes\nlog_file = {}\nlog_format = RAW\nflush = INCREMENTAL_ASYNC\nfreq = 50\n\
         max_log_file = 200\nnum_logs = 2\nmax_log_file_action = ROTATE\nspace_left = 75\nspace_left_action = IGNORE\n\
         admin_space_left = 50\nadmin_space_left_action = IGNORE\ndisk_full_action = IGNORE\ndisk_error_action = IGNORE\n",
        dir.join("audit.log").display()
    )
}

fn auditctl(arguments: &[&str]) -> anyhow::Result<String> {
    let mut command = Command::new("auditctl");
    Ok(process::run("auditctl", command.args(arguments), STOP_MAX)?.stdout)
}

fn installed(program: &str) -> anyhow::Result<()> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = std::env::split_paths(&path).any(|dir| dir.join(program).exists());
    ensure!(is_there, "{program} is not installed");
    Ok(())
}
