//! The loads whose cost with a recorder is compared to their cost without, and how they are run.
//!
//! The sizes and bounds are those that were measured of other recorders, so that the figures can
//! stand side by side.

use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use history::Protocol;
use nix::sys::signal::Signal;

use super::context::Context;
use super::count::Deed;
use super::count::Deeds;
use super::drive;
use super::pace;
use super::process;
use super::process::Ended;
use super::process::Measured;
use crate::lab::VICTIM;
use crate::lab::wait_until;

const LOAD_MAX: Duration = Duration::from_secs(180);
/// A port that nobody listens on (discard).
const CLOSED_PORT: &str = "9";
/// C files of the project that is built.
const SOURCES: u32 = 5;
/// How often it is built in a round.
const BUILDS: u32 = 6;
/// Runs of `redis-benchmark` in a round.
const REDIS_RUNS: u32 = 10;
/// Programs that gcc executes to compile one file: itself, the compiler, the assembler.
const PROGRAMS_PER_SOURCE: u32 = 3;

/// A load.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Its name.
    pub name: &'static str,
    /// What it does, in words.
    pub about: &'static str,
    /// What its CPU time may be at most, as a multiple of that without a recorder.
    pub cpu_ratio_max: f64,
    /// What it may lose of its throughput at most, percent; none where throughput is no figure.
    pub throughput_lost_max: Option<f64>,
    /// Rounds that it takes at least, so that the median's own error is small against its bound.
    pub rounds_least: u32,
    /// Runs it once.
    pub run: fn(&Context) -> anyhow::Result<Done>,
}

/// One run of a load.
#[derive(Debug, Clone)]
pub struct Done {
    /// Its CPU time, user and system, with its children's, s.
    pub cpu_s: f64,
    /// How long it took, s.
    pub wall_s: f64,
    /// CPU time of its parts, µs, where they are alike.
    pub slices_us: Vec<f64>,
    /// Requests per second of its parts, where it makes requests.
    pub requests_per_s: Vec<f64>,
    /// What a recorder should have recorded.
    pub deeds: Deeds,
}

/// All of them.
pub const LOADS: [Load; 8] = [
    Load {
        name: "exec_storm",
        about: "3,000 posix_spawn of /bin/true",
        cpu_ratio_max: 1.05,
        throughput_lost_max: None,
        rounds_least: 15,
        run: exec_storm,
    },
    Load {
        name: "connect",
        about: "100,000 TCP connects to closed ports",
        cpu_ratio_max: 1.08,
        throughput_lost_max: None,
        rounds_least: 11,
        run: connect,
    },
    Load {
        name: "udp_spread",
        about: "200,000 UDP sends, all to different targets",
        cpu_ratio_max: 1.08,
        throughput_lost_max: None,
        rounds_least: 21,
        run: udp_spread,
    },
    Load {
        name: "udp_flow",
        about: "200,000 UDP sends in one flow, twice",
        cpu_ratio_max: 1.04,
        throughput_lost_max: None,
        rounds_least: 45,
        run: udp_flow,
    },
    Load {
        name: "nmap",
        about: "nmap -sS of 60,000 ports",
        cpu_ratio_max: 1.08,
        throughput_lost_max: None,
        rounds_least: 25,
        run: nmap,
    },
    Load {
        name: "open_close",
        about: "300,000 open and close of 1,000 files, twice",
        cpu_ratio_max: 1.01,
        throughput_lost_max: None,
        rounds_least: 45,
        run: open_close,
    },
    Load {
        name: "redis",
        about: "redis-benchmark, 10 times 10,000 SET and GET from 50 connections, no pipelining",
        cpu_ratio_max: 1.03,
        throughput_lost_max: Some(2.0),
        rounds_least: 21,
        run: redis,
    },
    Load {
        name: "make",
        about: "make -j2 of 5 small C files, 6 times",
        cpu_ratio_max: 1.01,
        throughput_lost_max: None,
        rounds_least: 45,
        run: make,
    },
];

fn exec_storm(context: &Context) -> anyhow::Result<Done> {
    let (count, mark) = (context.effort.size(3_000), format!("bench-{}", context.number()));
    let ended = load(context, &["exec", "/bin/true", &mark, &count.to_string()])?;
    Ok(done(&ended, Deed::Executions { mark: format!("{mark}-") }, count))
}

fn connect(context: &Context) -> anyhow::Result<Done> {
    let count = context.effort.size(100_000);
    let ended = load(context, &["connect", CLOSED_PORT, &count.to_string()])?;
    Ok(done(&ended, Deed::Targets { pid: ended.pid, protocol: Protocol::TCP }, count))
}

fn udp_spread(context: &Context) -> anyhow::Result<Done> {
    let count = context.effort.size(200_000);
    let ended = load(context, &["udp-spread", CLOSED_PORT, &count.to_string()])?;
    Ok(done(&ended, Deed::Targets { pid: ended.pid, protocol: Protocol::UDP }, count))
}

fn udp_flow(context: &Context) -> anyhow::Result<Done> {
    // The machine's unrest lasts for seconds: many short rounds tell more than a few long ones.
    let count = context.effort.size(2 * 200_000);
    let ended = load(context, &["udp-flow", &count.to_string()])?;
    Ok(done(&ended, Deed::Packets { pid: ended.pid, protocol: Protocol::UDP }, count))
}

/// The victim's kernel refuses every port; nobody filters, nobody waits.
fn nmap(context: &Context) -> anyhow::Result<Done> {
    let count = context.effort.size(60_000);
    let mut nmap = context.lab.host("scanner")?.command("nmap")?;
    nmap.args(["-sS", "-n", "-Pn", "-T5", "--max-retries", "0", &format!("-p1-{count}")]);
    nmap.arg(VICTIM.to_string());
    let ended = process::run("nmap", &mut nmap, LOAD_MAX)?;
    Ok(done(&ended, Deed::Targets { pid: ended.pid, protocol: Protocol::TCP }, count))
}

/// No file that is opened is history; what is counted is that the recorder was there at all.
fn open_close(context: &Context) -> anyhow::Result<Done> {
    let dir = context.work().join("files");
    if !dir.exists() {
        fs::create_dir(&dir)?;
        drive::make_files(&dir).context("make the files to be opened")?;
    }
    let count = context.effort.size(2 * 300_000).to_string();
    let mark = dir.to_string_lossy().into_owned();
    let ended = load(context, &["open-close", &mark, &count])?;
    Ok(done(&ended, Deed::Executions { mark }, 1))
}

/// Server and benchmark together, over loopback TCP.
fn redis(context: &Context) -> anyhow::Result<Done> {
    let requests = (context.effort.size(100_000) / REDIS_RUNS).to_string();
    // Free a moment ago; another program that takes it now makes the server fail, and the run with it.
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let port_text = port.to_string();
    let mut server = context.command("load", "redis-server")?;
    server.args(["--bind", "127.0.0.1", "--port", &port_text, "--save", "", "--appendonly", "no"]);
    let server = Measured::start("redis-server", server.current_dir(context.work()))?;
    wait_until("redis-server", LOAD_MAX, || connections(port).is_ok() || !server.runs())?;
    let before = connections(port).context("redis-server does not answer")?;
    let (mut cpu_s, mut wall_s, mut requests_per_s, mut pids) = (0.0, 0.0, Vec::new(), Vec::new());
    for _ in 0..REDIS_RUNS {
        let mut benchmark = context.command("load", "redis-benchmark")?;
        benchmark.args(["-h", "127.0.0.1", "-p", &port_text, "-t", "set,get", "-c", "50", "--csv"]);
        benchmark.args(["-n", &requests]);
        let benchmark = process::run("redis-benchmark", &mut benchmark, LOAD_MAX)?;
        let rate = redis_rate(&benchmark.stdout);
        requests_per_s.push(rate.with_context(|| format!("redis-benchmark printed {:?}", benchmark.stdout))?);
        cpu_s += benchmark.cpu_s;
        wall_s += benchmark.wall_s;
        pids.push(benchmark.pid);
    }
    // One of them was to ask.
    let count = connections(port)? - before - 1;
    cpu_s += server.stop(Signal::SIGTERM, LOAD_MAX)?.cpu_s;
    let deeds = Deeds { what: Deed::Connections { pids }, count };
    Ok(Done { cpu_s, slices_us: Vec::new(), wall_s, requests_per_s, deeds })
}

/// Connections that a redis server has received, the asking one included.
fn connections(port: u16) -> anyhow::Result<u64> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(b"INFO stats\r\nQUIT\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let received = answer.lines().find_map(|line| line.strip_prefix("total_connections_received:"));
    Ok(received.context("no count of connections")?.trim().parse()?)
}

/// Requests per second over all tests of `redis-benchmark --csv`, each of which has as many requests.
fn redis_rate(csv: &str) -> Option<f64> {
    let rates: Vec<f64> = csv
        .lines()
        .filter_map(|line| line.split(',').nth(1)?.trim_matches('"').parse().ok())
        .filter(|rate| *rate > 0.0)
        .collect();
    if rates.is_empty() {
        return None;
    }
    Some(rates.len() as f64 / rates.iter().map(|rate| rate.recip()).sum::<f64>())
}

fn make(context: &Context) -> anyhow::Result<Done> {
    let (dir, builds) = (project(context, SOURCES)?, context.effort.size(BUILDS).max(1));
    let (mut cpu_s, mut wall_s, mut slices_us) = (0.0, 0.0, Vec::new());
    for _ in 0..builds {
        for n in 0..SOURCES {
            let _ = fs::remove_file(dir.join(format!("part{n}.o")));
        }
        let mut make = context.command("load", "make")?;
        make.args(["-s", "-j2"]).current_dir(&dir);
        let ended = process::run("make", &mut make, LOAD_MAX)?;
        cpu_s += ended.cpu_s;
        wall_s += ended.wall_s;
        slices_us.push(ended.cpu_s * 1e6);
    }
    let cwd = dir.canonicalize()?.to_string_lossy().into_owned();
    let count = u64::from(builds * programs_of_project(SOURCES));
    let deeds = Deeds { what: Deed::ExecutionsIn { cwd }, count };
    Ok(Done { cpu_s, wall_s, slices_us, requests_per_s: Vec::new(), deeds })
}

/// A C project of so many files, made once.
fn project(context: &Context, sources: u32) -> anyhow::Result<PathBuf> {
    let dir = context.work().join("project");
    if !dir.exists() {
        fs::create_dir(&dir)?;
        write_project(&dir, sources)?;
    }
    Ok(dir)
}

/// Programs that building a project of so many files executes in its directory.
pub fn programs_of_project(sources: u32) -> u32 {
    1 + sources * PROGRAMS_PER_SOURCE
}

/// Writes a C project of so many files into a directory.
///
/// # Errors
/// When a file cannot be written.
pub fn write_project(dir: &Path, sources: u32) -> anyhow::Result<()> {
    let objects: Vec<_> = (0..sources).map(|n| format!("part{n}.o")).collect();
    let rule = "%.o: %.c\n\tgcc -O1 -c -o $@ $<\n";
    fs::write(dir.join("Makefile"), format!("all: {}\n{rule}", objects.join(" ")))?;
    for n in 0..sources {
        let mut source = String::from("#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n");
        for k in 0..30 {
            let _ = writeln!(
                source,
                "int part{n}_{k}(const char *text, int width) {{ char line[80]; \
                 snprintf(line, sizeof line, \"%*s|{k}\", width, text); return (int)strlen(line) * {n}; }}"
            );
        }
        fs::write(dir.join(format!("part{n}.c")), source)?;
    }
    Ok(())
}

fn load(context: &Context, arguments: &[&str]) -> anyhow::Result<Ended> {
    let mut load = context.command("load", &context.tools.load)?;
    process::run("load", load.args(arguments), LOAD_MAX)
}

fn done(ended: &Ended, what: Deed, count: u32) -> Done {
    let deeds = Deeds { what, count: u64::from(count) };
    let slices_us = ended.stdout.lines().nth(1).map(pace::read).unwrap_or_default();
    Done { cpu_s: ended.cpu_s, wall_s: ended.wall_s, slices_us, requests_per_s: Vec::new(), deeds }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_of_several_tests_is_requests_over_time() {
        let csv = "\"test\",\"rps\",\"avg_latency_ms\"\n\"SET\",\"100000.00\",\"0.3\"\n\"GET\",\"50000.00\",\"0.3\"\n";
        let rate = redis_rate(csv).unwrap();
        assert!((rate - 66_666.67).abs() < 0.1, "{rate}");
        assert_eq!(redis_rate("Could not connect"), None);
    }
}
