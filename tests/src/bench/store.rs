//! What the ring makes of what a host records: bytes an event, beside the same events as JSON lines
//! with zstd, and what appending costs.
//!
//! A host of the lab is recorded at three kinds of work. Half a minute of it is too few events to
//! compress as a host's hours do, so it is repeated (`repeat`).

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use anyhow::ensure;
use history::Body;
use history::Event;
use history::KnownProcesses;
use history::Login;
use history::Process;
use history::ProcessId;
use history::Protocol;
use history::Ring;
use history::RingLimits;
use history::UnixNs;
use nix::sys::resource::UsageWho;
use nix::sys::resource::getrusage;
use nix::sys::signal::Signal;
use nix::sys::time::TimeVal;
use serde_json::json;

use super::Bench;
use super::context::Context;
use super::count;
use super::count::Deed;
use super::process;
use super::process::Measured;
use super::repeat::repeated;
use super::row::Row;
use crate::lab::INSTANCE_PUBLIC;
use crate::lab::Lab;
use crate::lab::VICTIM;
use crate::lab::wait_until;

const STEP_MAX: Duration = Duration::from_secs(120);
/// Events of a full ring, about.
const EVENTS: usize = 300_000;
/// Bytes that an event may take on disk.
const BYTES_MAX: f64 = 10.0;
/// Bytes that a target of a scan may take.
const BYTES_PER_TARGET_MAX: f64 = 3.0;
/// CPU time that appending an event may take, ns: a million events a second on one core.
const NS_MAX: f64 = 1_000.0;
/// Where the instance records.
const RING: &str = "/var/lib/host-recorder";
/// Compression that `zstd` has by default.
const ZSTD_LEVEL: i32 = 3;

/// What a host does while it is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// Jobs every second, somebody logged in: what a server does when nobody asks anything of it.
    Idle,
    /// Answers requests as fast as they come.
    Web,
    /// Scans 20,000 ports of one address.
    Scan,
}

impl Bench for Store {
    fn name(&self) -> String {
        format!("store.{}", self.word())
    }

    fn about(&self) -> String {
        let work = match self {
            Self::Idle => "an idle server",
            Self::Web => "a web server under load",
            Self::Scan => "a scan",
        };
        format!("bytes an event of {work}, and what appending costs")
    }

    fn rows(&self, context: &Context) -> anyhow::Result<Vec<Row>> {
        let recorded = self.record(context)?;
        ensure!(!recorded.is_empty(), "nothing was recorded");
        let wanted = context.effort.size(EVENTS as u32) as usize;
        let times = wanted.div_ceil(recorded.len()).max(1);
        let events = repeated(&recorded, times);
        let name = |figure: &str| format!("{}.{figure}", self.name());

        let (mut append_ns, mut seal_ns) = (Vec::new(), Vec::new());
        let mut sealed = Sealed::default();
        for _ in 0..context.effort.runs {
            let dir = context.work().join(format!("store-{}", context.number()));
            sealed = seal(&dir, &events)?;
            append_ns.push(sealed.append_ns / events.len() as f64);
            seal_ns.push(sealed.seal_ns / events.len() as f64);
            fs::remove_dir_all(&dir)?;
        }
        let bytes = sealed.bytes as f64 / sealed.events as f64;
        let json = json_bytes(&events)? as f64 / events.len() as f64;
        eprintln!(
            "  {} events, {times} times; {bytes:.2} bytes an event, {json:.2} as JSON lines with zstd",
            recorded.len()
        );
        context.note(json!({
            "bench": self.name(), "recorded": recorded.len(), "times": times, "events": sealed.events,
            "bytes": sealed.bytes,
        }));
        let per_event = Row::median(name("bytes_per_event"), "bytes", vec![bytes]);
        let mut rows = vec![
            // What a scan takes is promised by the target, however many of them make an event.
            if *self == Self::Scan { per_event } else { per_event.at_most(BYTES_MAX) },
            Row::median(name("json_zstd_bytes_per_event"), "bytes", vec![json]),
            Row::median(name("append_cpu"), "ns/event", append_ns).at_most(NS_MAX),
            Row::median(name("seal_cpu"), "ns/event", seal_ns),
        ];
        if *self == Self::Scan {
            let each = sealed.bytes as f64 / (scanned(&recorded)? * times as u64) as f64;
            rows.push(
                Row::median(name("bytes_per_target"), "bytes", vec![each]).at_most(BYTES_PER_TARGET_MAX),
            );
        }
        Ok(rows)
    }
}

impl Store {
    fn word(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Web => "web",
            Self::Scan => "scan",
        }
    }

    /// What a recorder on an instance of a lab writes of the work, snapshot included.
    fn record(self, context: &Context) -> anyhow::Result<Vec<Event>> {
        // The turn on this machine is the context's already.
        let lab = Lab::up_beside_others()?;
        let instance = lab.instance();
        instance.install(&context.tools.recorder, "/usr/bin/host-recorder")?;
        let mut recorder = instance.command("/usr/bin/host-recorder")?;
        recorder.args(["record", "--ring", RING, "--cgroup"]).arg(instance.cgroup().path());
        let recorder = Measured::start("host-recorder", &mut recorder)?;
        let ring = instance.path(RING);
        let status = ring.join("status.json");
        wait_until("the recorder", STEP_MAX, || status.exists() || !recorder.runs())?;
        ensure!(status.exists(), "host-recorder does not record: {}", recorder.wait(STEP_MAX)?.stderr.trim());
        self.work(context, &lab)?;
        let ended = recorder.stop(Signal::SIGTERM, STEP_MAX)?;
        ensure!(ended.status.success(), "host-recorder: {}", ended.stderr.trim());
        let events = history::events(&ring)?;
        lab.down()?;
        Ok(events)
    }

    fn work(self, context: &Context, lab: &Lab) -> anyhow::Result<()> {
        match self {
            Self::Idle => {
                let _noise = lab.noise()?;
                std::thread::sleep(Duration::from_secs(if context.effort.quick { 3 } else { 30 }));
                Ok(())
            }
            Self::Web => {
                let mut server = lab.instance().command("python3")?;
                server.args(["-c", include_str!("../lab/web.py"), "/usr/share/base-files"]);
                let server = Measured::start("python3", &mut server)?;
                let sockets = format!("/proc/{}/net/tcp", lab.instance().anchor());
                // Port 80, state LISTEN.
                wait_until("the web server", STEP_MAX, || {
                    let table = fs::read_to_string(&sockets).unwrap_or_default();
                    table.contains("00000000:0050 00000000:0000 0A")
                })?;
                let count = context.effort.size(10_000).to_string();
                let mut requests = lab.laptop().command(&context.tools.load)?;
                requests.args(["request", &format!("{INSTANCE_PUBLIC}:80"), &count]);
                process::run("load", &mut requests, STEP_MAX)?;
                drop(server);
                Ok(())
            }
            Self::Scan => {
                let ports = format!("-p1-{}", context.effort.size(20_000));
                let scan = format!("sudo nmap -n -Pn -sS -T5 --max-retries 0 {ports} {VICTIM}");
                let status = lab.session("alice", &scan)?.wait(STEP_MAX)?;
                ensure!(status.success(), "{scan} failed");
                Ok(())
            }
        }
    }
}

/// Different targets of the one scan.
fn scanned(events: &[Event]) -> anyhow::Result<u64> {
    let nmap = events.iter().find_map(|event| match &event.body {
        Body::Process(process) if process.comm == "nmap" => Some(process.id.tgid),
        _ => None,
    });
    let deed = Deed::Targets { pid: nmap.context("nmap was not recorded")?, protocol: Protocol::TCP };
    let targets = count::recorded(events, &deed);
    ensure!(targets > 0, "the scan was not recorded");
    Ok(targets)
}

/// A ring that was written at once, and sealed.
#[derive(Debug, Clone, Copy, Default)]
struct Sealed {
    /// Events in it, those included that the ring adds to explain others.
    events: u64,
    /// Bytes of its segments.
    bytes: u64,
    /// CPU time of appending and committing, ns.
    append_ns: f64,
    /// CPU time of sealing, which another thread does, ns.
    seal_ns: f64,
}

/// Writes events to a ring as a recorder would, a commit for each second's worth, and seals it.
fn seal(dir: &Path, events: &[Event]) -> anyhow::Result<Sealed> {
    const COMMIT_EVERY: usize = 10_000;
    let events = events.to_vec();
    let (all_before, own_before) = (cpu_ns(UsageWho::RUSAGE_SELF)?, cpu_ns(UsageWho::RUSAGE_THREAD)?);
    let limits = RingLimits { free_bytes: 0, ..RingLimits::default() };
    let mut ring = Ring::open(dir, limits)?;
    for (n, event) in events.into_iter().enumerate() {
        ring.append(event.time, event.boot_ns, event.body, &Nobody)?;
        if n % COMMIT_EVERY == 0 {
            ring.commit()?;
        }
    }
    let append_ns = cpu_ns(UsageWho::RUSAGE_THREAD)? - own_before;
    drop(ring);
    // Opening it again seals what is left, as the recorder's next start would.
    drop(Ring::open(dir, limits)?);
    let seal_ns = cpu_ns(UsageWho::RUSAGE_SELF)? - all_before - append_ns;
    let bytes = segments(dir)?.iter().map(|path| Ok(path.metadata()?.len())).sum::<std::io::Result<u64>>()?;
    Ok(Sealed { events: history::events(dir)?.len() as u64, bytes, append_ns, seal_ns })
}

fn segments(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "parquet") {
            found.push(path);
        }
    }
    Ok(found)
}

/// Bytes of the same events as JSON lines, compressed by zstd as one stream.
fn json_bytes(events: &[Event]) -> anyhow::Result<usize> {
    let mut compressed = zstd::Encoder::new(Vec::new(), ZSTD_LEVEL)?;
    for event in events {
        serde_json::to_writer(&mut compressed, event)?;
        compressed.write_all(b"\n")?;
    }
    Ok(compressed.finish()?.len())
}

/// CPU time of this process with its threads, or of this thread, ns.
fn cpu_ns(who: UsageWho) -> anyhow::Result<f64> {
    let usage = getrusage(who).context("getrusage")?;
    let ns = |time: TimeVal| time.tv_sec() as f64 * 1e9 + time.tv_usec() as f64 * 1e3;
    Ok(ns(usage.user_time()) + ns(usage.system_time()))
}

/// The events explain themselves: they were in a ring before.
struct Nobody;

impl KnownProcesses for Nobody {
    fn process(&self, _: &ProcessId) -> Option<Process> {
        None
    }

    fn login(&self, _: &ProcessId) -> Option<(UnixNs, u64, Login)> {
        None
    }
}

#[cfg(test)]
mod tests {
    use history::RecorderAct;

    use super::*;

    fn event(boot_ns: u64, body: Body) -> Event {
        Event { id: 0, time: UnixNs(boot_ns.cast_signed()), boot_ns, body }
    }

    #[test]
    fn all_of_a_ring_is_sealed_and_weighed() {
        let dir = tempfile::tempdir().unwrap();
        let note = |n| event(n, Body::Recorder { act: RecorderAct::Alive, note: String::new() });
        let events: Vec<_> = (0..1_000).map(note).collect();
        let sealed = seal(&dir.path().join("ring"), &events).unwrap();
        assert_eq!(sealed.events, 1_000);
        assert!(sealed.bytes > 100, "{sealed:?}");
        assert!(json_bytes(&events).unwrap() > 100);
    }
}
