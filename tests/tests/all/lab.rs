//! The lab is what it says: real logins, real scanners, no way out, and nothing left behind.

use std::collections::BTreeSet;
use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use anyhow::ensure;
use tests::lab::Host;
use tests::lab::Lab;
use tests::lab::VICTIM;
use tests::lab::wait_until;

const LOGIN_MAX: Duration = Duration::from_secs(30);
const SCAN_MAX: Duration = Duration::from_secs(90);

/// What a command printed; fails when it failed.
fn ssh(lab: &Lab, user: &str, command: &str) -> anyhow::Result<String> {
    let output = lab.ssh(user, command, SCAN_MAX)?;
    ensure!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

fn auth_log(lab: &Lab) -> String {
    fs::read_to_string(lab.instance().path("/var/log/auth.log")).unwrap_or_default()
}

#[test]
fn a_login_is_real() -> anyhow::Result<()> {
    let lab = Lab::up()?;
    let uid = ssh(&lab, "alice", "id -u")?;
    assert_eq!(ssh(&lab, "alice", "cat /proc/self/loginuid")?.trim(), uid.trim());
    assert_ne!(ssh(&lab, "alice", "cat /proc/self/sessionid")?.trim(), "4294967295");
    assert_eq!(ssh(&lab, "alice", "sudo cat /proc/self/loginuid; sudo id -u")?, format!("{}0\n", uid.trim()));
    assert_eq!(ssh(&lab, "alice", "hostname")?, "ip-10-0-1-10\n");
    let refused = lab.ssh("bob", "sudo -n id", LOGIN_MAX)?;
    assert!(!refused.status.success(), "bob may not sudo");

    let key = Command::new("ssh-keygen").arg("-lf").arg(lab.dir().join("keys/alice.pub")).output()?;
    let key = String::from_utf8(key.stdout)?;
    let fingerprint = key.split(' ').nth(1).context("no fingerprint")?;
    let accepted = format!(" ssh2: ED25519 {fingerprint}");
    wait_until("the login's line in auth.log", LOGIN_MAX, || {
        let log = auth_log(&lab);
        let said = log.lines().any(|line| {
            line.contains("Accepted publickey for alice from 203.0.113.7 port ") && line.ends_with(&accepted)
        });
        said && log.contains("alice : PWD=/home/alice ; USER=root ; COMMAND=/usr/bin/id")
    })
}

#[test]
fn a_session_has_a_terminal_and_ends_by_itself() -> anyhow::Result<()> {
    let lab = Lab::up()?;
    let session = lab.session("alice", "tty; sudo sh -c 'tty; cat /proc/$PPID/comm'")?;
    assert!(session.wait(LOGIN_MAX)?.success());
    let shown = fs::read_to_string(lab.dir().join("alice-terminal.log"))?;
    assert!(shown.contains("/dev/pts/0"), "{shown}");
    assert!(shown.contains("sudo\r\n"), "{shown}");
    Ok(())
}

#[test]
fn the_hosts_reach_each_other_and_nothing_else() -> anyhow::Result<()> {
    let lab = Lab::up()?;
    let interfaces = lab.router().command("ls")?.arg("/proc/sys/net/ipv4/conf").output()?;
    let interfaces = String::from_utf8(interfaces.stdout)?;
    let expected = ["all", "default", "lo", "net-laptop", "net-victim", "vpc"];
    assert_eq!(interfaces.split_whitespace().collect::<Vec<_>>(), expected);
    let routes = lab.router().command("ip")?.args(["route", "show", "default"]).output()?;
    assert!(routes.stdout.is_empty(), "the router has a way out");
    let fetched = ssh(&lab, "bob", "curl -s -m 5 http://mirror.example.net/health")?;
    assert_eq!(fetched, "ok\n");
    Ok(())
}

#[test]
fn each_scanner_reaches_the_victim() -> anyhow::Result<()> {
    let lab = Lab::up()?;
    let noise = lab.noise()?;
    ssh(&lab, "alice", &format!("sudo nmap -sS -n {VICTIM}"))?;
    let first = lab.seen()?;
    // nmap's thousand, of which 80 and 443 are also noise and host discovery.
    assert_eq!(first.tcp_ports.len(), 1000);

    ssh(&lab, "alice", &format!("nmap -sT -n -p 20000-20099 {VICTIM}"))?;
    let second = lab.seen()?;
    assert!((20000..20100).all(|port| second.tcp_ports.contains(&port)));

    ssh(&lab, "alice", &format!("sudo masscan -p 30000-30499 --rate 2000 --wait 1 {VICTIM}"))?;
    let third = lab.seen()?;
    assert!((30000..30500).all(|port| third.tcp_ports.contains(&port)));

    ssh(&lab, "alice", &format!("sudo nmap -sU -n --top-ports 50 {VICTIM}"))?;
    let fourth = lab.seen()?;
    assert_eq!(fourth.udp_ports.len(), 50);
    drop(noise);

    // The packet log sees what the firewall counted, from the public address.
    let log = lab.packet_log_settled()?;
    let public = log.iter().filter(|line| line.contains(" IP 192.0.2.10.")).count();
    assert_eq!(public, log.len());
    Ok(())
}

/// The namespaces of a lab's hosts, as /proc names them.
fn namespaces(hosts: &[&Host]) -> BTreeSet<String> {
    let link = |pid: u32, kind| fs::read_link(format!("/proc/{pid}/ns/{kind}")).ok();
    let kinds = ["net", "mnt", "uts"];
    let all = hosts.iter().flat_map(|host| kinds.map(|kind| link(host.anchor(), kind)));
    all.flatten().map(|path| path.display().to_string()).collect()
}

/// Ticks since boot, as /proc/PID/stat counts a process's start.
fn ticks_now() -> u64 {
    let uptime = fs::read_to_string("/proc/uptime").expect("/proc is mounted");
    let seconds: f64 = uptime.split(' ').next().and_then(|text| text.parse().ok()).expect("a number");
    (seconds * 100.0) as u64
}

/// Every namespace that a process is in which began before `ticks`. The kernel gives the numbers
/// of namespaces that are gone to new ones: later processes say nothing of the lab.
fn namespaces_before(ticks: u64) -> BTreeSet<String> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten().filter(|process| {
        let stat = fs::read_to_string(process.path().join("stat")).unwrap_or_default();
        let started =
            stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(19)?.parse::<u64>().ok());
        started.is_some_and(|started| started < ticks)
    });
    let links = processes.flat_map(|process| {
        ["net", "mnt", "uts"].map(|kind| fs::read_link(process.path().join("ns").join(kind)).ok())
    });
    links.flatten().map(|path| path.display().to_string()).collect()
}

/// Fails unless no trace of the lab is left.
fn nothing_is_left(id: &str, dir: &Path, cgroup: &Path, namespaces: &BTreeSet<String>, processes: &[u32]) {
    assert!(!dir.exists(), "{} is left", dir.display());
    assert!(!cgroup.exists(), "{} is left", cgroup.display());
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("/proc is mounted");
    assert!(!mounts.contains(id), "a mount is left");
    let ticks = ticks_now();
    // A killed process leaves its namespaces a moment after it leaves its cgroup.
    let gone = || namespaces_before(ticks).is_disjoint(namespaces);
    assert!(wait_until("the end of the namespaces", LOGIN_MAX, gone).is_ok());
    let alive = |pid: &&u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        !stat.is_empty() && !stat.contains(") Z ")
    };
    assert_eq!(processes.iter().filter(alive).count(), 0);
}

#[test]
fn nothing_is_left_behind() -> anyhow::Result<()> {
    let links = || fs::read_dir("/sys/class/net").map(Iterator::count).unwrap_or_default();
    let before = (links(), fs::read_to_string("/etc/passwd")?, Path::new("/home/alice").exists());
    let lab = Lab::up()?;
    let noise = lab.noise()?;
    ssh(&lab, "alice", "nohup sleep 600 >/dev/null 2>&1 &")?;
    let hosts = [lab.instance(), lab.victim(), lab.laptop(), lab.router()];
    let namespaces = namespaces(&hosts);
    let processes = lab.cgroup().processes()?;
    let (id, dir, cgroup) = (lab.id().to_owned(), lab.dir().to_owned(), lab.cgroup().path().to_owned());
    assert_eq!(namespaces.len(), 12);
    assert!(processes.len() > 10);
    drop(noise);
    lab.down()?;
    nothing_is_left(&id, &dir, &cgroup, &namespaces, &processes);
    assert_eq!(before, (links(), fs::read_to_string("/etc/passwd")?, Path::new("/home/alice").exists()));
    Ok(())
}

/// Starts `lab up` in a process of its own, ends that by `signal`, and looks for what is left.
fn ended_by(signal: &str) -> anyhow::Result<()> {
    let mut up =
        Command::new(env!("CARGO_BIN_EXE_lab")).args(["up", "--noise"]).stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(up.stdout.take().context("no stdout")?).lines();
    let first = lines.next().context("lab said nothing")??;
    let id = first.split(' ').nth(1).context("lab said no id")?.to_owned();
    lines.take_while(|line| !line.as_ref().is_ok_and(|line| line.starts_with("Ctrl-C"))).for_each(drop);
    let hosts =
        ["instance", "victim", "laptop", "router"].map(|name| Host::find(&id, name).expect("the lab is up"));
    let namespaces = namespaces(&hosts.each_ref());
    let instance = hosts[0].cgroup();
    let cgroup = instance.path().parent().context("no cgroup")?;
    let processes = instance.processes()?;
    assert!(!processes.is_empty());
    Command::new("kill").args([signal, &up.id().to_string()]).status()?;
    up.wait()?;
    let dir = Path::new("/run/gumshoe-lab").join(&id);
    wait_until("the end of the lab", LOGIN_MAX, || !dir.exists() && !cgroup.exists())?;
    nothing_is_left(&id, &dir, cgroup, &namespaces, &processes);
    Ok(())
}

#[test]
fn nothing_is_left_behind_after_ctrl_c() -> anyhow::Result<()> {
    ended_by("-INT")
}

#[test]
fn nothing_is_left_behind_after_kill_9() -> anyhow::Result<()> {
    ended_by("-KILL")
}
