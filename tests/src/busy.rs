//! A host at full load: a web server that answers as fast as it can, a package that is built, and in the midst of it
//! somebody who scans. What was done is counted by those who did it, and held against the ring.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use anyhow::ensure;
use history::Body;
use history::Event;
use history::Protocol;
use serde_json::Value;

use crate::bench::count;
use crate::bench::count::Deed;
use crate::bench::loads;
use crate::bench::process;
use crate::bench::process::Measured;
use crate::bench::process::cgroup_cpu_s;
use crate::bench::programs::Taken;
use crate::facts::Expected;
use crate::facts::Facts;
use crate::lab;
use crate::lab::VICTIM;
use crate::lab::wait_until;
use crate::story::Scanned;
use crate::story::Story;
use crate::story::Told;

/// Where the package is built on the instance.
const PACKAGE: &str = "/home/deploy/package";
/// The files that the web server hands out.
const SITE: &str = "/usr/share/base-files";
const READY_MAX: Duration = Duration::from_secs(20);
const WORK_MAX: Duration = Duration::from_secs(300);

/// How much is done.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Clients of the web server that ask at the same time.
    pub clients: u32,
    /// Requests of each of them.
    pub requests: u32,
    /// C files of the package.
    pub sources: u32,
    /// Ports that are scanned, from the first.
    pub ports: u16,
}

/// What was done, and what it took.
#[derive(Debug, Clone)]
pub struct Worked {
    /// CPU time of everything in the lab, a recorder included, s.
    pub cpu_s: f64,
    /// Until all of it was done, s.
    pub wall_s: f64,
    /// Requests that were answered, a second, while they were asked.
    pub requests_per_s: f64,
    /// The scan, as the victim saw it.
    pub scanned: Scanned,
    size: Size,
    server: u32,
}

/// What a ring holds of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Held {
    /// Connections of the web server, programs of the build and ports of the scan that were to be recorded.
    pub done: u64,
    /// Of these neither recorded nor said to be lost; and what was recorded and not done.
    pub unaccounted: u64,
    /// What the ring says was lost.
    pub lost: u64,
}

/// Has the story's instance serve, build and scan at the same time, and waits for all of it.
///
/// # Errors
/// When a part of it cannot be done.
pub fn work(story: &Story, load: &Path, size: Size) -> anyhow::Result<Worked> {
    let lab = &story.lab;
    let instance = lab.instance();
    let mut server = instance.command("python3")?;
    server.args(["-c", include_str!("lab/web.py"), SITE]);
    let server = Measured::start("the web server", &mut server)?;
    let sockets = format!("/proc/{}/net/tcp", instance.anchor());
    // Port 80, state LISTEN.
    wait_until("the web server", READY_MAX, || {
        fs::read_to_string(&sockets).is_ok_and(|table| table.contains("00000000:0050 00000000:0000 0A"))
    })?;
    let package = instance.path(PACKAGE);
    fs::create_dir_all(package.join("tree/DEBIAN"))?;
    loads::write_project(&package, size.sources)?;
    let control = "Package: built\nVersion: 1.0\nArchitecture: all\nMaintainer: deploy <deploy@example.com>\n\
                   Description: built under load\n";
    fs::write(package.join("tree/DEBIAN/control"), control)?;

    story.wait_for_history();
    let before = cgroup_cpu_s(lab.cgroup().path())?;
    let begun = std::time::Instant::now();
    let mut build = instance.command("sh")?;
    // What is counted is what runs in the directory.
    let script = format!(
        "(cd {PACKAGE} && exec make -s -j2) && cp {PACKAGE}/*.o {PACKAGE}/tree && \
         dpkg-deb --root-owner-group --build {PACKAGE}/tree /tmp/built.deb"
    );
    let build = Measured::start("the build", build.args(["-ec", &script]))?;
    let ask = |_| {
        let mut client = lab.laptop().command(load)?;
        client.args(["request", &format!("{}:80", lab::INSTANCE_PUBLIC), &size.requests.to_string()]);
        Measured::start("a client", &mut client)
    };
    let clients = (0..size.clients).map(ask).collect::<anyhow::Result<Vec<_>>>()?;
    // Waited for at once: how long they took is a figure.
    let clients: Vec<_> =
        clients.into_iter().map(|client| std::thread::spawn(move || client.wait(WORK_MAX))).collect();
    let scanned = story.log_in_and_type("alice", &format!("sudo {}", scan(size)))?;
    let mut asked_s = 0.0_f64;
    for client in clients {
        let ended = client.join().map_err(|_| anyhow::anyhow!("waiting for a client panicked"))??;
        ensure!(ended.status.success(), "a client: {}", ended.stderr.trim());
        asked_s = asked_s.max(ended.wall_s);
    }
    let built = build.wait(WORK_MAX)?;
    ensure!(built.status.success(), "the build: {}", built.stderr.trim());
    story.wait_for_commit()?;
    Ok(Worked {
        cpu_s: cgroup_cpu_s(lab.cgroup().path())? - before,
        wall_s: begun.elapsed().as_secs_f64(),
        requests_per_s: f64::from(size.clients * size.requests) / asked_s,
        scanned,
        size,
        server: server.pid(),
    })
}

fn scan(size: Size) -> String {
    format!("nmap -n -Pn -sS -p1-{} {VICTIM}", size.ports)
}

impl Worked {
    /// What a ring holds of it.
    ///
    /// # Errors
    /// When the scan is not in it at all.
    pub fn held(&self, events: &[Event]) -> anyhow::Result<Held> {
        let nmap = events.iter().find_map(|event| match &event.body {
            Body::Process(process) if process.comm == "nmap" => Some(process.id.tgid),
            _ => None,
        });
        let tried = Deed::Targets { pid: nmap.context("nmap was not recorded")?, protocol: Protocol::TCP };
        let programs = u64::from(loads::programs_of_project(self.size.sources));
        let requests = u64::from(self.size.clients) * u64::from(self.size.requests);
        let deeds = [
            (requests, Deed::Connections { pids: vec![self.server] }),
            (programs, Deed::ExecutionsIn { cwd: PACKAGE.to_owned() }),
            (u64::from(self.size.ports), tried),
        ];
        let found = deeds.iter().map(|(done, deed)| (*done, count::recorded(events, deed)));
        Ok(Held::of(&found.collect::<Vec<_>>(), count::lost(events, None)))
    }

    /// What a report must say of the scan.
    pub fn expected(&self) -> Expected {
        let ports = u64::from(self.size.ports);
        Expected {
            program: "nmap",
            command_line: scan(self.size),
            ran_as: "root",
            elevated_by: "sudo",
            person: "alice",
            login_from: lab::LAPTOP.into(),
            ports: (ports, ports),
        }
    }

    /// What a report lacks or says otherwise. Where events were lost it must not say that it is complete.
    pub fn missing(&self, told: &Told, held: Held) -> Vec<String> {
        let facts = Facts::read(&told.report);
        let mut missing = self.expected().missing(&facts);
        if held.lost > 0 && !facts.complete {
            missing.retain(|what| !what.starts_with("coverage"));
        }
        missing
    }
}

impl Held {
    /// Of pairs of done and found.
    fn of(deeds: &[(u64, u64)], lost: u64) -> Self {
        let missing: u64 = deeds.iter().map(|(done, found)| done.saturating_sub(*found)).sum();
        let invented: u64 = deeds.iter().map(|(done, found)| found.saturating_sub(*done)).sum();
        let done = deeds.iter().map(|(done, _)| done).sum();
        Self { done, unaccounted: missing.saturating_sub(lost) + invented, lost }
    }
}

/// What the story's recorder says that it took: CPU time, s, and the most memory, MB.
///
/// # Errors
/// When it says nothing.
pub fn recorder_took(story: &Story) -> anyhow::Result<(f64, f64)> {
    let status = status(story)?;
    let cpu_s = status["cpu_ns"].as_u64().context("no cpu_ns")? as f64 / 1e9;
    let rss = process::rss_max_of(pid(&status)?).context("the recorder is gone")?;
    Ok((cpu_s, rss as f64 / 1e6))
}

/// What a story's recorder's programs in the kernel took until now.
///
/// # Errors
/// When it says nothing of itself, or is gone.
pub fn programs_took(story: &Story) -> anyhow::Result<Taken> {
    Taken::by_those_of(pid(&status(story)?)?)
}

fn status(story: &Story) -> anyhow::Result<Value> {
    Ok(serde_json::from_slice(&fs::read(story.ring().join("status.json"))?)?)
}

fn pid(status: &Value) -> anyhow::Result<u32> {
    Ok(u32::try_from(status["pid"].as_u64().context("no pid")?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_excused_by_what_was_said_to_be_lost_and_what_was_not_done_by_nothing() {
        let check = |deeds: &[(u64, u64)], lost, unaccounted| {
            assert_eq!(Held::of(deeds, lost).unaccounted, unaccounted, "{deeds:?} {lost}");
        };
        check(&[(100, 100), (5, 5)], 0, 0);
        check(&[(100, 98), (5, 5)], 0, 2);
        check(&[(100, 98), (5, 5)], 2, 0);
        check(&[(100, 98), (5, 4)], 2, 1);
        check(&[(100, 101), (5, 5)], 7, 1);
    }
}
