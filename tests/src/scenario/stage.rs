//! Where scenarios are played: the lab's hosts, with a recorder on the instance, and the verbs that scenarios act by.

use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use anyhow::ensure;
use jiff::SignedDuration;
use nix::sys::signal::Signal;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use super::Accusation;
use crate::lab::Host;
use crate::lab::INSTANCE_PUBLIC;
use crate::lab::Lab;
use crate::lab::VICTIM;
use crate::lab::output_within;
use crate::lab::wait_until;
use crate::lab::wait_within;
use crate::notice;
use crate::notice::Packet;
use crate::programs::Programs;

/// An address of the internet from which nobody who belongs here comes; the laptop holds it, too.
pub const STRANGER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 66);

const RING: &str = "/var/lib/host-recorder";
const STEP_MAX: Duration = Duration::from_secs(60);
const SESSION_MAX: Duration = Duration::from_secs(90);
const READY_MAX: Duration = Duration::from_secs(30);

/// The hosts, and the instance's recorder.
#[derive(Debug)]
pub struct Stage {
    /// The hosts.
    pub lab: Lab,
    recorder: Option<Child>,
    runs: u32,
    packets_before: usize,
    daemons: u32,
}

impl Stage {
    /// Builds the hosts. The recorder is not started yet.
    pub(super) fn set() -> anyhow::Result<Self> {
        let lab = Lab::up()?;
        lab.instance().install(&Programs::recorder()?, "/usr/bin/host-recorder")?;
        let stage = Self { lab, recorder: None, runs: 0, packets_before: 0, daemons: 0 };
        // The lab's own job asks the victim each minute; nobody would report that.
        stage.root("crontab -r -u deploy")?;
        stage.on(stage.lab.laptop(), &format!("ip addr add {STRANGER}/24 dev eth0"))?;
        Ok(stage)
    }

    /// Starts the recorder and waits until its hooks are attached.
    pub fn record(&mut self) -> anyhow::Result<()> {
        self.runs += 1;
        let instance = self.lab.instance();
        let mut command = instance.command("/usr/bin/host-recorder")?;
        command.args(["record", "--ring", RING, "--cgroup"]).arg(instance.cgroup().path());
        let name = format!("host-recorder-{}", self.runs);
        let child = self.lab.spawn_daemon(&name, command)?;
        let log = self.lab.dir().join(format!("{name}.log"));
        self.recorder = Some(child);
        wait_until("the recorder", READY_MAX, || {
            fs::read_to_string(&log).is_ok_and(|said| said.lines().any(|line| line == "recording"))
        })?;
        self.packets_before = self.lab.packet_log()?.len();
        Ok(())
    }

    /// Stops the recorder; all that it saw is on disk then.
    pub fn stop_recording(&mut self) -> anyhow::Result<()> {
        let mut recorder = self.recorder.take().context("the recorder does not run")?;
        kill(Pid::from_raw(recorder.id().try_into()?), Signal::SIGTERM)?;
        wait_within("the recorder", &mut recorder, STEP_MAX)?;
        Ok(())
    }

    /// Ends the recording, and says where its ring is.
    pub(super) fn end(&mut self) -> anyhow::Result<PathBuf> {
        self.stop_recording()?;
        Ok(self.lab.instance().path(RING))
    }

    /// Runs one line as a user who logs in over ssh, without a terminal.
    pub fn ssh(&self, user: &str, line: &str) -> anyhow::Result<String> {
        let output = self.lab.ssh(user, line, STEP_MAX)?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(output.status.success(), "{line}: {output:?}");
        Ok(said)
    }

    /// Has a user log in over ssh with a terminal, type one line, and log out.
    pub fn types(&self, user: &str, line: &str) -> anyhow::Result<()> {
        self.lab.session(user, line)?.wait(SESSION_MAX)?;
        Ok(())
    }

    /// Logs in from the stranger's address with a password, and runs one line.
    pub fn with_password(&self, user: &str, password: &str, line: &str) -> anyhow::Result<bool> {
        let told = self.lab.dir().join("askpass");
        fs::write(&told, format!("#!/bin/sh\necho {password}\n"))?;
        self.on(self.lab.laptop(), &format!("chmod 0700 {}", told.display()))?;
        let known = self.lab.dir().join("known_hosts");
        let mut ssh = self.lab.laptop().command("setsid")?;
        ssh.args(["--wait", "ssh", "-F", "/dev/null", "-b", &STRANGER.to_string()]);
        ssh.args(["-o", "PubkeyAuthentication=no", "-o", "NumberOfPasswordPrompts=1", "-o"]);
        ssh.arg(format!("UserKnownHostsFile={}", known.display()));
        ssh.args(["-l", user, &INSTANCE_PUBLIC.to_string(), line]);
        ssh.env("SSH_ASKPASS", &told).env("SSH_ASKPASS_REQUIRE", "force").env("DISPLAY", ":0");
        Ok(output_within("ssh", &mut ssh, STEP_MAX)?.status.success())
    }

    /// Runs a line on a host as root, outside any session, to its end.
    pub fn on(&self, host: &Host, line: &str) -> anyhow::Result<()> {
        let mut command = host.command("sh")?;
        command.args(["-c", line]);
        let output = output_within(line, &mut command, STEP_MAX)?;
        ensure!(output.status.success(), "{line}: {output:?}");
        Ok(())
    }

    /// Runs a line on the instance as root, outside any session, to its end.
    pub fn root(&self, line: &str) -> anyhow::Result<()> {
        self.on(self.lab.instance(), line)
    }

    /// Starts a line on the victim or the laptop that goes on until the lab ends; waits for a line that says `ready`.
    pub fn serve(&mut self, host: &str, line: &str) -> anyhow::Result<()> {
        self.daemons += 1;
        let name = format!("daemon-{}", self.daemons);
        let mut command = self.lab.host(host)?.command("sh")?;
        command.args(["-c", line]);
        let child = self.lab.spawn_daemon(&name, command)?;
        self.lab.keep(child);
        let log = self.lab.dir().join(format!("{name}.log"));
        let said = || fs::read_to_string(&log).unwrap_or_default();
        wait_until(line, READY_MAX, || said().contains("ready")).with_context(said)
    }

    /// Writes a file of the instance.
    pub fn write(&self, path: &str, text: &str) -> anyhow::Result<()> {
        fs::write(self.lab.instance().path(path), text).with_context(|| path.to_owned())
    }

    /// Starts a program as a service of the instance: in its unit's cgroup, as its user, and with no parent left.
    pub fn service(&mut self, unit: &str, user: &str, words: &[&str]) -> anyhow::Result<()> {
        self.in_cgroup(&format!("system.slice/{unit}"), user, words)
    }

    /// Starts a program in a cgroup of the instance, as a user, with no parent left.
    pub fn in_cgroup(&mut self, cgroup: &str, user: &str, words: &[&str]) -> anyhow::Result<()> {
        let mut command = self.detached(cgroup, user)?;
        command.args(words);
        let status = command.status()?;
        ensure!(status.success(), "{words:?} did not start");
        Ok(())
    }

    fn detached(&self, cgroup: &str, user: &str) -> anyhow::Result<Command> {
        let cgroup = self.lab.instance().cgroup().child(cgroup);
        cgroup.create()?;
        let mut command = self.lab.instance().command("setsid")?;
        command.arg("--fork");
        if user != "root" {
            command.args(["setpriv", "--reuid", user, "--regid", user, "--init-groups"]);
        }
        let log = fs::File::create(self.lab.dir().join("services.log"))?;
        command.stdout(log.try_clone()?).stderr(log);
        cgroup.join(&mut command)?;
        Ok(command)
    }

    /// Waits until something on the instance listens on a port (`tcp` or `udp`).
    pub fn wait_for_port(&self, protocol: &str, port: u16) -> anyhow::Result<()> {
        let table = self.lab.instance().path("proc").join(self.lab.instance().anchor().to_string());
        let table = table.join("net");
        let listens = |text: String| {
            let at = format!(":{port:04X} 00000000");
            text.lines().any(|line| line.contains(&at))
        };
        wait_until(&format!("port {port}"), READY_MAX, || {
            ["", "6"].iter().any(|version| {
                fs::read_to_string(table.join(format!("{protocol}{version}"))).is_ok_and(listens)
            })
        })
    }

    /// Waits until no process of that name runs on the instance.
    pub fn wait_for_end(&self, name: &str) -> anyhow::Result<()> {
        let pids = || self.lab.instance().cgroup().processes().unwrap_or_default();
        let runs = |pid: &u32| {
            fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim_end() == name)
        };
        wait_until(&format!("the end of {name}"), STEP_MAX, || !pids().iter().any(runs))
    }

    /// What reached the victim from the instance since recording began, waiting until there is enough of it.
    pub fn packets(&self, at_least: usize) -> anyhow::Result<Vec<Packet>> {
        let public = format!("{INSTANCE_PUBLIC}:");
        let mut packets = Vec::new();
        wait_until(&format!("{at_least} packets at the victim"), STEP_MAX, || {
            let log = self.lab.packet_log().unwrap_or_default();
            packets = log[self.packets_before.min(log.len())..]
                .iter()
                .filter_map(|line| notice::packet(line))
                .filter(|packet| packet.from.starts_with(&public))
                .collect();
            packets.len() >= at_least
        })?;
        Ok(packets)
    }

    /// The victim's accusation of all that reached it, once that is enough.
    pub fn accuse(&self, resembles: &'static str, at_least: usize) -> anyhow::Result<Accusation> {
        let packets = self.packets(at_least)?;
        Ok(Accusation { resembles, victim: VICTIM, packets, clock: SignedDuration::ZERO })
    }

    /// What daemons, sessions and recorder said, for an error.
    pub(super) fn said(&self) -> String {
        let mut said = String::new();
        for entry in fs::read_dir(self.lab.dir()).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "log") && !path.ends_with("packets.log")
            {
                let text = fs::read_to_string(&path).unwrap_or_default();
                let tail: Vec<&str> = text.lines().rev().take(6).collect();
                said.push_str(&format!("{}: {}\n", path.display(), tail.join(" | ")));
            }
        }
        said
    }
}
