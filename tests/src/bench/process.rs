//! Processes whose CPU time and memory are figures.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::Child;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::Once;
use std::sync::PoisonError;
use std::thread::JoinHandle;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use anyhow::bail;
use anyhow::ensure;
use nix::sys::signal::Signal;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use crate::interrupt;

/// Some figures are a few tens of ms.
const POLL: Duration = Duration::from_millis(1);

/// Those that were started and not waited for yet: a signal that ends this program ends them.
static RUNNING: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());
static END_THEM: Once = Once::new();

/// A process under measurement. Dropping it kills it.
#[derive(Debug)]
pub struct Measured {
    what: String,
    child: Child,
    started: Instant,
    stdout: Option<JoinHandle<Vec<u8>>>,
    stderr: Option<JoinHandle<Vec<u8>>>,
    /// The most memory seen of it, bytes.
    rss_max: u64,
    ended: bool,
}

/// A process that is over.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Its pid.
    pub pid: u32,
    /// How it ended.
    pub status: ExitStatus,
    /// CPU time, user and system, of it and of those of its descendants that were waited for, s.
    pub cpu_s: f64,
    /// From its start to its end, s.
    pub wall_s: f64,
    /// The most memory that was seen of it, bytes: 0 unless it was looked at.
    pub rss_max: u64,
    /// What it printed.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
}

impl Measured {
    /// Starts it; what it prints is collected.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(what: &str, command: &mut Command) -> anyhow::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = Instant::now();
        END_THEM.call_once(|| interrupt::undo_on_signals(kill_all));
        let mut child = command.spawn().with_context(|| format!("start {what}"))?;
        running().insert(child.id());
        let stdout = child.stdout.take().map(collect);
        let stderr = child.stderr.take().map(collect);
        Ok(Self { what: what.to_owned(), child, started, stdout, stderr, rss_max: 0, ended: false })
    }

    /// Its pid.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// CPU time of it and of those of its children that were waited for until now, s.
    ///
    /// # Errors
    /// When it is gone.
    pub fn cpu_s(&self) -> anyhow::Result<f64> {
        let path = format!("/proc/{}/stat", self.pid());
        let stat = fs::read_to_string(&path).with_context(|| format!("{} is gone", self.what))?;
        cpu_ticks(&stat).map(|ticks| ticks as f64 / ticks_per_s()).with_context(|| path)
    }

    /// Notes how much memory it has used at most since its start.
    pub fn look_at_memory(&mut self) {
        // A process that has just ended has no memory any more.
        self.rss_max = self.rss_max.max(rss_max_of(self.pid()).unwrap_or(0));
    }

    /// Whether it runs still.
    pub fn runs(&self) -> bool {
        fs::read_to_string(format!("/proc/{}/stat", self.pid())).is_ok_and(|stat| is_alive(&stat))
    }

    /// Sends it a signal and waits for its end.
    ///
    /// # Errors
    /// When it does not end within `max`.
    pub fn stop(self, signal: Signal, max: Duration) -> anyhow::Result<Ended> {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal)
            .with_context(|| format!("stop {}", self.what))?;
        self.wait(max)
    }

    /// Waits for its end, looking at its memory meanwhile.
    ///
    /// # Errors
    /// When it does not end within `max`; it is killed then.
    pub fn wait(mut self, max: Duration) -> anyhow::Result<Ended> {
        let since = Instant::now();
        loop {
            if let Some((status, cpu_s)) = self.reap()? {
                let text = |reader: Option<JoinHandle<Vec<u8>>>| {
                    let bytes = reader.and_then(|reader| reader.join().ok()).unwrap_or_default();
                    String::from_utf8_lossy(&bytes).into_owned()
                };
                return Ok(Ended {
                    pid: self.pid(),
                    status,
                    cpu_s,
                    wall_s: self.started.elapsed().as_secs_f64(),
                    rss_max: self.rss_max,
                    stdout: text(self.stdout.take()),
                    stderr: text(self.stderr.take()),
                });
            }
            if since.elapsed() > max {
                bail!("{} did not end within {} s", self.what, max.as_secs());
            }
            self.look_at_memory();
            std::thread::sleep(POLL);
        }
    }

    /// Status and CPU time, s, once it has ended.
    fn reap(&mut self) -> anyhow::Result<Option<(ExitStatus, f64)>> {
        let pid = self.child.id().cast_signed();
        let mut status = 0;
        // SAFETY: a rusage of zeros is one, and both places outlive the call.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        // SAFETY: as above.
        let waited = unsafe { libc::wait4(pid, &mut status, libc::WNOHANG, &mut usage) };
        if waited == 0 {
            return Ok(None);
        }
        self.ended = true;
        running().remove(&self.child.id());
        ensure!(waited == pid, "wait for {}: {}", self.what, std::io::Error::last_os_error());
        let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
        Ok(Some((ExitStatus::from_raw(status), seconds(usage.ru_utime) + seconds(usage.ru_stime))))
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        // After `reap` the pid may be another's.
        if !self.ended {
            let _ = self.child.kill();
            let _ = self.child.wait();
            running().remove(&self.child.id());
        }
    }
}

fn running() -> MutexGuard<'static, BTreeSet<u32>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Kills all of them, as a signal does that ends this program.
pub(crate) fn kill_all() {
    for pid in running().iter() {
        let _ = kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL);
    }
}

/// Runs a command to its end, which must be a good one.
///
/// # Errors
/// When it cannot be started, takes longer than `max`, or fails; says what it said.
pub fn run(what: &str, command: &mut Command, max: Duration) -> anyhow::Result<Ended> {
    let ended = Measured::start(what, command)?.wait(max)?;
    ensure!(ended.status.success(), "{what}: {}: {}", ended.status, ended.stderr.trim());
    Ok(ended)
}

/// CPU time that all processes together have used since boot, s: what is neither idle nor waiting for a disk.
///
/// # Errors
/// When /proc/stat cannot be read.
pub fn machine_cpu_s() -> anyhow::Result<f64> {
    let stat = fs::read_to_string("/proc/stat").context("read /proc/stat")?;
    busy_ticks(&stat).map(|ticks| ticks as f64 / ticks_per_s()).context("/proc/stat")
}

/// CPU time that a cgroup has used, s.
///
/// # Errors
/// When its statistics cannot be read.
pub fn cgroup_cpu_s(cgroup: &std::path::Path) -> anyhow::Result<f64> {
    let path = cgroup.join("cpu.stat");
    let stat = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let usage = stat.lines().find_map(|line| line.strip_prefix("usage_usec "));
    let usage: u64 =
        usage.and_then(|usage| usage.parse().ok()).with_context(|| path.display().to_string())?;
    Ok(usage as f64 / 1e6)
}

/// User, nice, system, irq, softirq and stolen time of the first line of /proc/stat.
fn busy_ticks(stat: &str) -> Option<u64> {
    let fields: Vec<u64> =
        stat.lines().next()?.split_whitespace().skip(1).map_while(|field| field.parse().ok()).collect();
    [0, 1, 2, 5, 6, 7].into_iter().map(|at| fields.get(at)).sum()
}

/// Field 3 of /proc/PID/stat: neither ended and not yet waited for (Z), nor on its way out (X).
fn is_alive(stat: &str) -> bool {
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// Fields 14 to 17 of /proc/PID/stat.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let fields: Vec<_> = stat.rsplit_once(") ")?.1.split(' ').collect();
    fields.get(11..15)?.iter().map(|field| field.parse::<u64>().ok()).sum()
}

/// The most memory that a process has had until now, bytes; none where it is gone.
pub fn rss_max_of(pid: u32) -> Option<u64> {
    rss_max(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

/// The high-water mark in /proc/PID/status, bytes.
fn rss_max(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib * 1024)
}

fn ticks_per_s() -> f64 {
    // SAFETY: sysconf(3) takes no pointers.
    unsafe { libc::sysconf(libc::_SC_CLK_TCK) as f64 }
}

fn collect(mut stream: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        bytes
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_files_are_read() {
        let stat = "12 (a) b) (c) S 1 12 12 0 -1 4194560 100 0 0 0 5 6 7 8 20 0 1 0 100 2000 300";
        assert_eq!(cpu_ticks(stat), Some(26));
        assert_eq!(cpu_ticks("12 (a) S 1"), None);
        assert!(is_alive(stat) && !is_alive("12 (a) Z 1 12") && !is_alive(""));
        assert_eq!(rss_max("Name:\ta\nVmHWM:\t    2048 kB\n"), Some(2 << 20));
        assert_eq!(rss_max("Name:\tkthread\n"), None);
        assert_eq!(busy_ticks("cpu  10 1 20 4000 30 2 3 4 0 0\ncpu0 1"), Some(40));
        assert_eq!(busy_ticks("cpu  10 1"), None);
    }

    #[test]
    fn cpu_time_is_that_of_the_process_and_its_children() {
        let spin = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done";
        let max = Duration::from_secs(60);
        let ended =
            run("sh", Command::new("sh").args(["-c", &format!("sh -c '{spin}'; true")]), max).unwrap();
        assert!(ended.cpu_s > 0.005, "{ended:?}");
        let idle = run("sleep", Command::new("sleep").arg("0.1"), max).unwrap();
        assert!(idle.cpu_s < 0.1 && idle.wall_s >= 0.1, "{idle:?}");
        assert!(idle.rss_max > 0, "{idle:?}");
        let failed = run("sh", Command::new("sh").args(["-c", "echo why >&2; exit 3"]), max);
        assert!(failed.unwrap_err().to_string().contains("why"));
    }
}
