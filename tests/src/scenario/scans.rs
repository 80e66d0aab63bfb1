//! Scans and floods that a person runs.

use jiff::SignedDuration;

use super::Accusation;
use super::Scenario;
use super::Stage;

const SCANNING: &str = "scanning remote hosts on the internet for security vulnerabilities";
const FLOODING: &str = "a denial of service attack against remote hosts on the internet";
const GUESSING: &str = "attempts to log in to remote hosts by SSH brute force";

pub(super) const ALL: &[Scenario] = &[
    Scenario::new("nmap-through-sudo", |stage| typed(stage, "sudo nmap -sS 198.51.100.20", SCANNING, 900)),
    Scenario::new("nmap-connect", |stage| typed(stage, "nmap -sT -p 1-400 198.51.100.20", SCANNING, 390)),
    Scenario::new("nmap-with-a-delay", |stage| {
        typed(stage, "nmap -sT -Pn -p 1-60 --scan-delay 150ms 198.51.100.20", SCANNING, 58)
    }),
    Scenario::new("masscan-at-a-low-rate", |stage| {
        typed(stage, "sudo masscan -p1-60 198.51.100.20 --rate 10 --wait 1", SCANNING, 58)
    }),
    Scenario::new("nmap-udp", |stage| {
        typed(stage, "sudo nmap -sU -Pn -p 1-120 198.51.100.20", SCANNING, 110)
    }),
    Scenario::new("nmap-renamed", |stage| {
        typed(
            stage,
            "cp /usr/bin/nmap ~/backup-agent; sudo ./backup-agent -sS -T4 198.51.100.20",
            SCANNING,
            900,
        )
    }),
    Scenario::new("masscan", |stage| {
        let line = "sudo masscan -p1-300 198.51.100.20 --rate 2000 --wait 1";
        typed(stage, line, SCANNING, 290)
    }),
    Scenario::new("zmap", |stage| {
        // It asks for the gateway's hardware address by no means that the lab answers: it is told.
        let line = "echo x >/dev/udp/10.0.1.1/9; sleep 0.3; mac=$(/sbin/ip neigh show 10.0.1.1 | cut -d' ' -f5); \
                    sudo zmap -q -p 80 -r 500 -c 1 -i ens5 -G $mac -S 10.0.1.10 -b /dev/null -o /tmp/found \
                    198.51.100.0/24";
        typed(stage, line, SCANNING, 1)
    }),
    Scenario::new("raw-sockets-in-python", |stage| {
        stage.write("/usr/local/bin/probe.py", include_str!("probe.py"))?;
        typed(stage, "sudo python3 /usr/local/bin/probe.py 198.51.100.20 1 300", SCANNING, 290)
    }),
    Scenario::new("shell-loop-of-nc", |stage| {
        let line = "for p in $(seq 20 90); do nc -z -w 1 198.51.100.20 $p; done";
        typed(stage, line, SCANNING, 65)
    }),
    Scenario::new("hydra-against-sshd", hydra),
    Scenario::new("hping3-syn-flood", |stage| {
        let line = "sudo hping3 -q -S -i u20 -c 25000 -p 80 198.51.100.20";
        typed(stage, line, FLOODING, 5_000)
    }),
    Scenario::new("hping3-udp-flood", |stage| {
        let line = "sudo timeout 2 hping3 -q --udp --flood -k -s 4444 -p 53 198.51.100.20";
        typed(stage, line, FLOODING, 5_000)
    }),
    Scenario::new("clock-40-minutes-off", |stage| {
        let accusation = typed(stage, "sudo nmap -sS 198.51.100.20", SCANNING, 900)?;
        Ok(Accusation { clock: SignedDuration::from_mins(-40), ..accusation })
    }),
    Scenario::new("recorder-stopped-meanwhile", |stage| {
        stage.record()?;
        stage.types("alice", "sudo nmap -sS -p 1-500 198.51.100.20")?;
        stage.packets(490)?;
        stage.stop_recording()?;
        // Nobody sees this part but the victim.
        stage.types("alice", "sudo nmap -sS -p 501-1000 198.51.100.20")?;
        let packets = stage.packets(980)?;
        stage.record()?;
        Ok(Accusation {
            resembles: SCANNING,
            victim: crate::lab::VICTIM,
            packets,
            clock: SignedDuration::ZERO,
        })
    }),
    Scenario::new("forged-source", |stage| {
        stage.record()?;
        stage.types("bob", "ls /")?;
        let forge = crate::lab::INSTANCE_PUBLIC;
        let line = format!("python3 - {forge} <<'END'\n{}\nEND", include_str!("forge.py"));
        stage.on(stage.lab.laptop(), &line)?;
        stage.accuse(SCANNING, 190)
    }),
    Scenario::new("ordinary-client-accused", |stage| {
        stage.record()?;
        stage.types("bob", "curl -s -o /dev/null http://198.51.100.20/health")?;
        stage.accuse(SCANNING, 1)
    }),
];

/// Alice logs in with a terminal and types a line.
fn typed(
    stage: &mut Stage,
    line: &str,
    resembles: &'static str,
    at_least: usize,
) -> anyhow::Result<Accusation> {
    stage.record()?;
    stage.types("alice", line)?;
    stage.accuse(resembles, at_least)
}

fn hydra(stage: &mut Stage) -> anyhow::Result<Accusation> {
    stage.serve("victim", include_str!("victim-sshd.sh"))?;
    stage.record()?;
    let words = "for i in $(seq 24); do echo secret$i; done > ~/words";
    let line = format!("{words}; hydra -I -t 8 -l root -P ~/words ssh://198.51.100.20");
    stage.types("alice", &line)?;
    stage.accuse(GUESSING, 10)
}
