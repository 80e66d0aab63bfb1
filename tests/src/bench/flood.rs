//! Whether every target of a flood is recorded, or its loss counted: masscan and zmap as fast as
//! they go, over the wire between two bare hosts. What was sent is counted by the wire.

use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use history::LossClass;
use history::Protocol;
use serde_json::Value;
use serde_json::json;

use super::Bench;
use super::context::Context;
use super::count;
use super::count::Deed;
use super::process;
use super::process::Measured;
use super::recording::Recording;
use super::row::Row;
use crate::lab::Host;
use crate::lab::SCANNER;
use crate::lab::VICTIM_MAC;
use crate::lab::WIRE;

const FLOOD_MAX: Duration = Duration::from_secs(180);
/// More packets a second than any machine sends.
const RATE: &str = "10000000";

/// Broadcasts now and then: masscan does not end on a wire on which nothing arrives. Nobody answers.
const HEARTBEAT: &str = "import socket,time\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n\
                         s.setsockopt(socket.SOL_SOCKET,socket.SO_BROADCAST,1)\n\
                         while True:\n s.sendto(b'',('198.51.100.255',9)); time.sleep(0.1)";

/// A scanner that builds its own frames.
#[derive(Debug, Clone, Copy)]
pub enum Flood {
    /// Of a range of addresses and ports.
    Masscan,
    /// Of one port of a range of addresses.
    Zmap,
}

impl Bench for Flood {
    fn name(&self) -> String {
        format!("recorder.{}", self.program())
    }

    fn about(&self) -> String {
        format!("{} of 262,144 targets at full rate", self.program())
    }

    fn rows(&self, context: &Context) -> anyhow::Result<Vec<Row>> {
        let scanner = context.lab.host("scanner")?;
        let mut heartbeat = context.lab.victim().command("python3")?;
        let _heartbeat = Measured::start("python3", heartbeat.args(["-c", HEARTBEAT]))?;
        let mut runs = Vec::new();
        for round in 1..=context.effort.runs {
            let mut recording = Recording::start(context)?;
            recording.begin()?;
            let before = sent(scanner)?;
            let mut flood = scanner.command(self.program())?;
            let ended =
                process::run(self.program(), self.arguments(&mut flood, context.effort.quick), FLOOD_MAX)?;
            let sent = sent(scanner)? - before;
            let recorded = recording.finish(context)?;
            let deed = Deed::Targets { pid: ended.pid, protocol: Protocol::TCP };
            let targets = count::recorded(&recorded.events, &deed);
            let lost = count::lost(&recorded.events, Some(LossClass::Flow));
            let unaccounted = sent.abs_diff(targets + lost);
            let rate = sent as f64 / ended.wall_s;
            eprintln!(
                "  {round:2} sent {sent}, {rate:.0} a second; recorded {targets} targets; {lost} lost; {:.1} s CPU, {:.0} MB",
                recorded.cpu_s, recorded.rss_mb
            );
            context.note(json!({
                "bench": self.name(), "round": round, "sent": sent, "recorded": targets, "lost": lost,
                "cpu_s": recorded.cpu_s, "rss_mb": recorded.rss_mb, "status": recorded.status,
            }));
            runs.push([sent as f64, rate, lost as f64, unaccounted as f64, recorded.cpu_s, recorded.rss_mb]);
        }
        let name = |figure: &str| format!("recorder.{}.{figure}", self.program());
        let samples = |at: usize| runs.iter().map(|run| run[at]).collect();
        Ok(vec![
            Row::median(name("sent"), "packets", samples(0)),
            Row::median(name("rate"), "packets/s", samples(1)),
            Row::largest(name("lost"), "", samples(2)),
            Row::largest(name("unaccounted"), "", samples(3)).at_most(0.0),
            Row::median(name("own_cpu"), "s", samples(4)),
            Row::largest(name("rss"), "MB", samples(5)).at_most(super::cost::RSS_MAX_MB),
        ])
    }
}

impl Flood {
    fn program(self) -> &'static str {
        match self {
            Self::Masscan => "masscan",
            Self::Zmap => "zmap",
        }
    }

    /// All of it goes to the victim's end of the wire, which answers none of it.
    fn arguments(self, command: &mut Command, quick: bool) -> &mut Command {
        match self {
            Self::Masscan => {
                command.args([if quick { "10.64.0.0/24" } else { "10.64.0.0/20" }, "-p1-64"]);
                command.args(["--rate", RATE, "--wait", "0", "-i", WIRE]);
                command.args(["--router-mac", VICTIM_MAC, "--source-ip", &SCANNER.to_string()])
            }
            Self::Zmap => {
                command.args([if quick { "10.64.0.0/18" } else { "10.64.0.0/14" }, "-p", "80", "-q"]);
                command.args(["-r", RATE, "-c", "0", "-i", WIRE, "-b", "/dev/null", "-o", "/dev/null"]);
                command.args(["-G", VICTIM_MAC, "-S", &SCANNER.to_string()])
            }
        }
    }
}

/// Packets that a host has put on its wire, or tried to.
fn sent(host: &Host) -> anyhow::Result<u64> {
    let mut ip = host.command("ip")?;
    let output = ip.args(["-j", "-s", "link", "show", "dev", WIRE]).output().context("run ip")?;
    let links: Value = serde_json::from_slice(&output.stdout).context("ip -j -s link")?;
    let count = |what: &str| {
        links[0]["stats64"]["tx"][what].as_u64().with_context(|| format!("the wire does not count {what}"))
    };
    Ok(count("packets")? + count("dropped")?)
}
