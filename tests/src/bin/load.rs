//! One load for the benchmarks: does so much of one thing, prints how much it did, and ends.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use tests::bench::drive;
use tests::bench::pace::Pace;

/// Does so much of one thing as fast as it goes, and prints how much, and the CPU time of its parts, µs: what `bench` measures a recorder with.
#[derive(Debug, Parser)]
enum Load {
    /// Executes a program, one after the other.
    Exec { program: PathBuf, mark: String, count: u32 },
    /// Executes a program for so many seconds, from so many threads.
    Storm { program: PathBuf, mark: String, threads: u32, seconds: u64 },
    /// Connects to a closed port of so many addresses in 127.0.0.0/8.
    Connect { port: u16, count: u32 },
    /// Sends a datagram to each of so many addresses in 127.0.0.0/8.
    UdpSpread { port: u16, count: u32 },
    /// Sends so many datagrams a second for so many seconds, each to another address in 127.0.0.0/8.
    UdpPaced { port: u16, per_s: u32, seconds: u64 },
    /// Executes a program so many times a second for so many seconds.
    ExecPaced { program: PathBuf, mark: String, per_s: u32, seconds: u64 },
    /// Sends so many datagrams to one socket.
    UdpFlow { count: u32 },
    /// Asks a web server so many times.
    Request { server: SocketAddr, count: u32 },
    /// Makes so many system calls that do nothing.
    Getppid { count: u32 },
    /// Gives a file the same mode so many times.
    Chmod { file: PathBuf, count: u32 },
    /// Opens and closes the files in a directory, in turn.
    OpenClose { dir: PathBuf, count: u32 },
}

impl Load {
    /// How many steps it takes that are timed.
    fn steps(&self) -> u32 {
        match self {
            Self::Connect { count, .. }
            | Self::UdpSpread { count, .. }
            | Self::UdpFlow { count }
            | Self::OpenClose { count, .. } => *count,
            _ => 0,
        }
    }
}

fn main() -> anyhow::Result<()> {
    let load = Load::parse();
    let mut pace = Pace::begin(load.steps())?;
    let done = match load {
        Load::Exec { program, mark, count } => drive::exec(&program, &mark, count),
        Load::Storm { program, mark, threads, seconds } => {
            drive::storm(&program, &mark, threads, Duration::from_secs(seconds))
        }
        Load::Connect { port, count } => drive::connect(port, count, &mut pace),
        Load::UdpSpread { port, count } => drive::udp_spread(port, count, &mut pace),
        Load::UdpPaced { port, per_s, seconds } => {
            drive::udp_paced(port, per_s, Duration::from_secs(seconds))
        }
        Load::ExecPaced { program, mark, per_s, seconds } => {
            drive::exec_paced(&program, &mark, per_s, Duration::from_secs(seconds))
        }
        Load::UdpFlow { count } => drive::udp_flow(count, &mut pace),
        Load::Request { server, count } => drive::request(server, count),
        Load::Getppid { count } => Ok(drive::getppid(count)),
        Load::Chmod { file, count } => drive::chmod(&file, count),
        Load::OpenClose { dir, count } => drive::open_close(&dir, count, &mut pace),
    };
    println!("{}\n{}", done?, pace.line());
    Ok(())
}
