//! The victim: a web server, and the two witnesses of what reached it - its firewall's counters
//! and a packet log, from which the abuse report is written.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use anyhow::Context;
use anyhow::ensure;
use serde_json::Value;

use super::Lab;
use super::process::wait_until;

const READY_MAX: Duration = Duration::from_secs(20);
/// New TCP connections and UDP, without the web server's own.
const LOGGED: &str = "dst host 198.51.100.20 and ((tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn) or udp)";

/// What the victim's firewall has counted since the lab was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// TCP ports that received a SYN.
    pub tcp_ports: BTreeSet<u16>,
    /// UDP ports that received a datagram.
    pub udp_ports: BTreeSet<u16>,
    /// SYNs received.
    pub tcp_syn_packets: u64,
    /// Datagrams received.
    pub udp_packets: u64,
}

impl Lab {
    /// Starts the web server and the packet log, and waits for both.
    pub(super) fn start_victim_daemons(&mut self) -> anyhow::Result<()> {
        let www = self.dir.join("www");
        fs::create_dir(&www)?;
        fs::write(www.join("health"), "ok\n")?;
        let mut web = self.victim().command("python3")?;
        web.args(["-c", include_str!("web.py")]).arg(&www);
        self.start_daemon("web", web)?;

        // Immediate mode reserves the snapshot length for each packet, so that is kept small. The
        // pipe is for machines whose AppArmor lets tcpdump write to captures only.
        let mut log = self.victim().command("sh")?;
        let options = "-i eth0 -n -tttt -l --immediate-mode -s 256 -B 16384 -Z root";
        log.env("TZ", "UTC").args(["-c", &format!("tcpdump {options} '{LOGGED}' 2>&1 | cat")]);
        self.start_daemon("packets", log)?;

        let packets = self.dir.join("packets.log");
        wait_until("tcpdump", READY_MAX, || {
            fs::read_to_string(&packets).is_ok_and(|log| log.contains("listening on"))
        })?;
        let sockets = self.victim().path("proc").join(self.victim().anchor().to_string()).join("net/tcp");
        // Port 80, state LISTEN.
        wait_until("the web server", READY_MAX, || {
            fs::read_to_string(&sockets).is_ok_and(|table| table.contains("00000000:0050 00000000:0000 0A"))
        })
    }

    /// What the victim's firewall has counted so far.
    ///
    /// # Errors
    /// When its rules cannot be listed.
    pub fn seen(&self) -> anyhow::Result<Seen> {
        let output = self
            .victim()
            .command("nft")?
            .args(["-j", "list", "table", "ip", "seen"])
            .output()
            .context("run nft")?;
        ensure!(output.status.success(), "nft: {}", String::from_utf8_lossy(&output.stderr));
        let table: Value = serde_json::from_slice(&output.stdout)?;
        let rows = table["nftables"].as_array().context("nft listed no table")?;
        let named =
            |kind: &str, name: &str| rows.iter().map(|row| &row[kind]).find(|row| row["name"] == name);
        let ports = |name: &str| {
            let elements = named("set", name).and_then(|set| set["elem"].as_array());
            elements
                .into_iter()
                .flatten()
                .filter_map(Value::as_u64)
                .filter_map(|port| u16::try_from(port).ok())
                .collect()
        };
        let packets = |name: &str| {
            named("counter", name).and_then(|counter| counter["packets"].as_u64()).unwrap_or_default()
        };
        Ok(Seen {
            tcp_ports: ports("tcp_ports"),
            udp_ports: ports("udp_ports"),
            tcp_syn_packets: packets("tcp_syns"),
            udp_packets: packets("udp_datagrams"),
        })
    }

    /// The victim's packet log so far: one packet a line, times in UTC, oldest first.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn packet_log(&self) -> anyhow::Result<Vec<String>> {
        let log = fs::read_to_string(self.dir.join("packets.log"))?;
        Ok(log.lines().filter(|line| line.contains(" IP ")).map(str::to_owned).collect())
    }

    /// As [`Lab::packet_log`], after everything that the firewall has counted by now is in it.
    ///
    /// # Errors
    /// When it does not come: the log has lost packets.
    pub fn packet_log_settled(&self) -> anyhow::Result<Vec<String>> {
        let seen = self.seen()?;
        let counted = usize::try_from(seen.tcp_syn_packets + seen.udp_packets)?;
        let mut log = Vec::new();
        wait_until("the packet log", READY_MAX, || {
            log = self.packet_log().unwrap_or_default();
            log.len() >= counted
        })?;
        Ok(log)
    }
}
