//! The lab with a recorder and a bot that can be killed and started again, and everything that can break.

use std::collections::BTreeSet;
use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Child;
use std::time::Duration;

use anyhow::Context;
use anyhow::ensure;
use history::UnixNs;
use jiff::Timestamp;
use nix::sys::signal::Signal;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use super::Options;
use super::book::Broken;
use super::book::Done;
use super::plan::Deed;
use super::plan::Fault;
use super::plan::Random;
use crate::lab;
use crate::lab::HostClock;
use crate::lab::Lab;
use crate::lab::VICTIM;
use crate::lab::output_within;
use crate::lab::wait_until;
use crate::notice;
use crate::notice::Packet;
use crate::programs::Programs;
use crate::standins::Aws;
use crate::standins::Managed;
use crate::standins::slack::Slack;
use crate::standins::slack::Trouble;
use crate::standins::slack::Unconnected;
use crate::story;
use crate::story::Patience;

/// Ports that one deed tries.
pub const PORTS: u16 = 40;
/// Where the recorder keeps its ring, on a small disk of its own.
const RING: &str = "/var/lib/host-recorder";
/// The recorder that runs; the one that hosts are asked with lies in /usr/bin and may be exchanged.
const DAEMON: &str = "/usr/local/sbin/host-recorder";
const ANSWERER: &str = "/usr/bin/host-recorder";
/// Takes what is left of the ring's disk.
const FILLER: &str = "/var/lib/host-recorder/filler";
/// Calls of Slack that a bot needs for its cases.
const SLACK_CALLS: [&str; 4] =
    ["chat.postMessage", "chat.update", "files.getUploadURLExternal", "files.completeUploadExternal"];
/// By how much the host's clock is set wrong, s: less and more than what a notice may be off.
const CLOCK_STEPS_S: [i64; 4] = [-7_200, -45, 45, 7_200];
/// Longest time into a deed after which the recorder is killed, ms.
const CUT_AFTER_MS: u64 = 1_500;
/// Within this the recorder looks at the clock, whether it can say so or not.
const LOOK_MAX: Duration = Duration::from_secs(4);
/// What a killed bot was at comes back to the next one soon.
const LIMITS: &str = "\n[limits]\nvisibility_s = 15\n";
const COMMAND_MAX: Duration = Duration::from_secs(60);
const READY_MAX: Duration = Duration::from_secs(30);

/// A program that is ended with its world.
#[derive(Debug)]
struct Daemon(Child);

impl Daemon {
    /// Ends it as nothing can be prepared for.
    fn kill(mut self) -> anyhow::Result<()> {
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Everything that the soak runs in.
#[derive(Debug)]
pub struct World {
    /// The hosts.
    pub lab: Lab,
    /// The account.
    pub aws: Aws,
    /// The workspace.
    pub slack: Slack,
    programs: Programs,
    state: PathBuf,
    _temporary: tempfile::TempDir,
    recorder: Option<Daemon>,
    bot: Option<Daemon>,
    starts: u32,
    random: Random,
    clock: HostClock,
    /// By how much the host's clock is ahead, ns.
    ahead_ns: i64,
}

impl World {
    /// Builds it, with recorder and bot running.
    ///
    /// # Errors
    /// Says which part failed.
    pub fn build(programs: Programs, options: &Options) -> anyhow::Result<Self> {
        let mut lab = Lab::up().context("build the lab")?;
        let aws = Aws::start(&mut lab).context("start the AWS stand-in")?;
        let slack = Slack::start().context("start the Slack stand-in")?;
        let temporary = tempfile::tempdir()?;
        let state = options.keep.clone().unwrap_or_else(|| temporary.path().to_owned());
        fs::create_dir_all(&state)?;
        let random = Random::new(options.seed ^ 0x50a1);
        let clock = HostClock::give(lab.instance(), lab.dir()).context("give the host a clock")?;
        let mut world = Self {
            lab,
            aws,
            slack,
            programs,
            state,
            _temporary: temporary,
            recorder: None,
            bot: None,
            starts: 0,
            random,
            clock,
            ahead_ns: 0,
        };
        world.shell(&format!("mount -o remount,size=96m {RING}"))?;
        world.lab.instance().install(&world.programs.recorder, DAEMON)?;
        world.lab.instance().install(&world.programs.recorder, ANSWERER)?;
        world.start_recorder()?;
        world.start_bot()?;
        Ok(world)
    }

    /// Where the bot keeps its cases.
    pub fn cases(&self) -> PathBuf {
        self.state.join("cases")
    }

    /// The ring, as seen from outside the host.
    pub fn ring(&self) -> PathBuf {
        self.lab.instance().path(RING)
    }

    /// Does a deed whose ports begin at `first`; returns what the victim saw of it, with its packets, and when the
    /// recorder was killed in its midst, where that is wanted.
    ///
    /// # Errors
    /// When it cannot be done or the victim saw nothing.
    pub fn perform(
        &mut self,
        deed: Deed,
        first: u16,
        is_cut: bool,
    ) -> anyhow::Result<(Done, Vec<Packet>, Option<Broken>)> {
        let last = first + PORTS - 1;
        let (program, person, line) = match deed {
            Deed::NmapBySudo => ("nmap", "alice", format!("sudo nmap -n -Pn -sS -p{first}-{last} {VICTIM}")),
            Deed::NmapConnect => ("nmap", "bob", format!("nmap -n -Pn -sT -p{first}-{last} {VICTIM}")),
            Deed::NmapUdp => {
                ("nmap", "alice", format!("sudo nmap -n -Pn -sU --max-retries 1 -p{first}-{last} {VICTIM}"))
            }
            Deed::Masscan => {
                ("masscan", "alice", format!("sudo masscan -p{first}-{last} --rate 400 --wait 0 {VICTIM}"))
            }
            Deed::OwnProgram => (
                "python3",
                "bob",
                format!(
                    "python3 -c 'import socket; [socket.socket().connect_ex((\"{VICTIM}\",p)) for p in range({first},{})]'",
                    last + 1
                ),
            ),
        };
        let mark = match deed {
            Deed::OwnProgram => format!("range({first},"),
            _ => format!("-p{first}-{last}"),
        };
        let from = UnixNs::now();
        let session = self.lab.session(person, &line)?;
        let cut = if is_cut { Some(self.cut()?) } else { None };
        let status = session.wait(COMMAND_MAX)?;
        let to = UnixNs::now();
        ensure!(status.success(), "{line:?} failed");
        let ours = |packet: &Packet| {
            let port: Option<u16> = packet.to.rsplit(':').next().and_then(|port| port.parse().ok());
            port.filter(|port| (first..=last).contains(port))
        };
        let log = self.lab.packet_log_settled()?;
        let packets: Vec<_> = log.iter().filter_map(|line| notice::packet(line)).collect();
        let packets: Vec<_> = packets.into_iter().filter(|packet| ours(packet).is_some()).collect();
        let ports: BTreeSet<u16> = packets.iter().filter_map(ours).collect();
        ensure!(!ports.is_empty(), "nothing of {line:?} reached the victim");
        let udp = deed == Deed::NmapUdp;
        let ahead_ns = self.ahead_ns;
        Ok((Done { program, mark, person, udp, ports, from, to, ahead_ns }, packets, cut))
    }

    /// Kills the recorder at some moment soon, and starts it again.
    fn cut(&mut self) -> anyhow::Result<Broken> {
        std::thread::sleep(Duration::from_millis(self.random.below(CUT_AFTER_MS)));
        let from = UnixNs::now();
        self.recorder.take().context("no recorder runs")?.kill()?;
        self.start_recorder()?;
        Ok(Broken { fault: Fault::RecorderKilled, from, to: Some(UnixNs::now()) })
    }

    /// The notice that names those packets, or says that they went to another victim.
    pub fn notice(&self, case: &str, victim: Ipv4Addr, packets: &[Packet]) -> String {
        notice::mail(case, &self.aws.account, lab::INSTANCE_PUBLIC, victim, packets, Timestamp::now())
    }

    /// Breaks something; false where there is nothing to break.
    ///
    /// # Errors
    /// When it cannot be broken.
    pub fn break_it(&mut self, fault: Fault) -> anyhow::Result<bool> {
        match fault {
            Fault::RecorderKilled => {
                let Some(recorder) = self.recorder.take() else { return Ok(false) };
                recorder.kill()?;
            }
            Fault::BotKilled => {
                let Some(bot) = self.bot.take() else { return Ok(false) };
                bot.kill()?;
            }
            Fault::DiskFull => {
                // More than is free: what is free is taken, and nothing else happens.
                self.shell(&format!(
                    "fallocate -l $(df --output=avail -B1 {RING} | tail -1) {FILLER}; true"
                ))?;
            }
            Fault::AgentOffline => self.register("ConnectionLost")?,
            Fault::AwsCut => self.signal_aws(Signal::SIGSTOP)?,
            Fault::SsmThrottled => self.aws.throttle_ssm(true)?,
            Fault::SlackLimited => SLACK_CALLS.iter().for_each(|method| self.slack.limit(method, 2, 1)),
            Fault::SlackFails => self.trouble_slack(),
            Fault::ClockStepped => {
                let step_s = CLOCK_STEPS_S[self.random.below(CLOCK_STEPS_S.len() as u64) as usize];
                self.set_clock(step_s * 1_000_000_000)?;
            }
            Fault::HostLies => self.lie()?,
            Fault::SegmentCorrupted => return self.corrupt_segment(),
        }
        Ok(true)
    }

    /// Heals it; what stays broken stays so.
    ///
    /// # Errors
    /// When it cannot be healed.
    pub fn heal(&mut self, fault: Fault) -> anyhow::Result<()> {
        match fault {
            Fault::RecorderKilled => self.start_recorder(),
            Fault::BotKilled => self.start_bot(),
            Fault::DiskFull => self.shell(&format!("rm -f {FILLER}")),
            Fault::AgentOffline => self.register("Online"),
            Fault::AwsCut => self.signal_aws(Signal::SIGCONT),
            Fault::SsmThrottled => self.aws.throttle_ssm(false),
            Fault::SlackFails => {
                SLACK_CALLS.iter().for_each(|method| self.slack.break_down(method, 0, Trouble::Silence));
                self.slack.refuse_connections(0, Unconnected::Refused);
                Ok(())
            }
            Fault::ClockStepped => self.set_clock(0),
            Fault::SlackLimited | Fault::SegmentCorrupted => Ok(()),
            Fault::HostLies => self.lab.instance().install(&self.programs.recorder, ANSWERER),
        }
    }

    /// Says what recorder and bot have ended by themselves, which neither may.
    ///
    /// # Errors
    /// When one has; with what it said.
    pub fn check_running(&mut self) -> anyhow::Result<()> {
        let ended = |daemon: &mut Option<Daemon>| match daemon {
            Some(daemon) => daemon.0.try_wait(),
            None => Ok(None),
        };
        let both = [("host-recorder", ended(&mut self.recorder)?), ("gumshoe", ended(&mut self.bot)?)];
        for (name, status) in both {
            if let Some(status) = status {
                anyhow::bail!("{name} ended by itself, {status}:\n{}", self.log(name));
            }
        }
        Ok(())
    }

    /// The end of what the latest start of a program has said.
    pub fn log(&self, name: &str) -> String {
        let newest = (0..=self.starts).rev().map(|start| self.lab.dir().join(format!("{name}-{start}.log")));
        let log = newest.into_iter().find_map(|path| fs::read_to_string(path).ok()).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    fn start_recorder(&mut self) -> anyhow::Result<()> {
        self.starts += 1;
        let name = format!("host-recorder-{}", self.starts);
        let instance = self.lab.instance();
        let mut command = instance.command(DAEMON)?;
        command.args(["record", "--ring-size", "64", "--keep-free", "2", "--ring", RING]);
        command.arg("--cgroup").arg(instance.cgroup().path());
        let daemon = Daemon(self.lab.spawn_daemon(&name, command)?);
        let log = self.lab.dir().join(format!("{name}.log"));
        let said = || fs::read_to_string(&log).unwrap_or_default();
        wait_until("the recorder", READY_MAX, || said().lines().any(|line| line == "recording"))
            .with_context(said)?;
        self.recorder = Some(daemon);
        Ok(())
    }

    fn start_bot(&mut self) -> anyhow::Result<()> {
        self.starts += 1;
        let config = self.lab.dir().join("gumshoe.toml");
        let settings = story::settings(&self.aws, &self.slack, &self.state, Patience::default());
        fs::write(&config, settings + LIMITS)?;
        let mut serve = self.lab.service("bot", &self.programs.gumshoe)?;
        serve.args(["serve", "--config"]).arg(&config).envs(self.aws.environment());
        serve
            .env("GUMSHOE_SLACK_TOKEN", self.slack.bot_token())
            .env("GUMSHOE_SLACK_APP_TOKEN", self.slack.app_token());
        self.bot = Some(Daemon(self.lab.spawn_daemon(&format!("gumshoe-{}", self.starts), serve)?));
        Ok(())
    }

    fn set_clock(&mut self, ahead_ns: i64) -> anyhow::Result<()> {
        self.clock.set_ahead(ahead_ns)?;
        self.ahead_ns = ahead_ns;
        // Until the recorder looks at the clock again, what happens stands under the old one, and is told as a gap.
        self.wait_for_recorder();
        Ok(())
    }

    /// Waits until the recorder, where one runs, has put on disk what happened by now. One whose disk is full does what it
    /// can, and cannot say so.
    pub fn wait_for_recorder(&self) {
        if self.recorder.is_some() {
            let _ = story::wait_for_commits(&self.ring(), LOOK_MAX);
        }
    }

    /// Calls fail, or one is done and never answered; the connection that people's calls come over ends.
    fn trouble_slack(&mut self) {
        if self.random.below(2) == 0 {
            SLACK_CALLS.iter().for_each(|method| self.slack.break_down(method, 3, Trouble::Status(503)));
        } else {
            let method = SLACK_CALLS[self.random.below(SLACK_CALLS.len() as u64) as usize];
            self.slack.break_down(method, 1, Trouble::Silence);
        }
        self.slack.refuse_connections(2, Unconnected::Refused);
        self.slack.hang_up();
    }

    fn register(&self, ping_status: &str) -> anyhow::Result<()> {
        let mut managed = Managed::online(&self.aws.instance_id);
        managed.ping_status = ping_status.to_owned();
        self.aws.register(&managed, self.lab.instance())
    }

    /// Stops the stand-in's own processes, or lets them go on: calls to it hang, as on a cut network.
    fn signal_aws(&self, signal: Signal) -> anyhow::Result<()> {
        for pid in self.lab.cgroup().child("aws").processes()? {
            kill(Pid::from_raw(pid.try_into()?), signal)?;
        }
        Ok(())
    }

    /// Has the host answer with what is no evidence, or none of what it was asked for.
    fn lie(&mut self) -> anyhow::Result<()> {
        const LIES: [&str; 5] = [
            "head -c 20000 /dev/urandom",
            "yes '{\"version\":1}' | head -c 100000",
            "echo 'GE1.AAAA'; echo; exit 0",
            "echo '<!channel> *bob* did it'; exit 3",
            "exec /usr/local/sbin/host-recorder query --last 1m --wire",
        ];
        let lie = LIES[self.random.below(LIES.len() as u64) as usize];
        let path = self.lab.instance().path(ANSWERER);
        // Another file, not another content: the recorder's own image is not to change under its feet.
        fs::remove_file(&path)?;
        fs::write(&path, format!("#!/bin/sh\n{lie}\n"))?;
        self.shell(&format!("chmod 0755 {ANSWERER}"))
    }

    fn corrupt_segment(&mut self) -> anyhow::Result<bool> {
        let mut segments: Vec<_> = fs::read_dir(self.ring())?.flatten().map(|entry| entry.path()).collect();
        segments.retain(|path| path.extension().is_some_and(|extension| extension == "parquet"));
        segments.sort();
        let Some(path) = segments.get(self.random.below(segments.len() as u64) as usize) else {
            return Ok(false);
        };
        let mut bytes = fs::read(path)?;
        let at = self.random.below(bytes.len() as u64) as usize;
        for byte in bytes.iter_mut().skip(at).take(64) {
            *byte ^= 0x5a;
        }
        fs::write(path, bytes)?;
        Ok(true)
    }

    fn shell(&self, line: &str) -> anyhow::Result<()> {
        let mut command = self.lab.instance().command("sh")?;
        command.args(["-c", line]);
        let output = output_within(line, &mut command, COMMAND_MAX)?;
        ensure!(output.status.success(), "{line}: {output:?}");
        Ok(())
    }
}
