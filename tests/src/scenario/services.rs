//! Programs that are meant to be there and do harm: applications that misbehave, services that anybody can use.

use super::Scenario;
use super::Stage;

const SCANNING: &str = "scanning remote hosts on the internet for security vulnerabilities";
const CRAWLING: &str = "excessive web crawling of a site whose robots.txt forbids it";
const REFLECTING: &str = "a UDP reflection and amplification attack";
const PROXYING: &str = "an open proxy that attacks web sites";
const TORRING: &str = "operating a Tor relay or exit node";
const SPAMMING: &str = "sending unsolicited bulk email (spam)";

pub(super) const ALL: &[Scenario] = &[
    Scenario::new("retry-storm", |stage| {
        stage.write("/usr/local/bin/orders.py", include_str!("orders.py"))?;
        stage.write("/usr/local/bin/supervise", SUPERVISOR)?;
        stage.record()?;
        stage.service(
            "orders.service",
            "deploy",
            &["sh", "/usr/local/bin/supervise", "python3", "/usr/local/bin/orders.py", "198.51.100.20"],
        )?;
        stage.accuse(SCANNING, 300)
    }),
    Scenario::new("backup-to-a-wrong-address", |stage| {
        stage.write("/usr/local/bin/backup", BACKUP)?;
        stage.record()?;
        stage.service("backup.service", "root", &["sh", "/usr/local/bin/backup"])?;
        stage.accuse("attempts to log in to remote hosts by SSH brute force", 80)
    }),
    Scenario::new("monitoring-probes", |stage| {
        let line = "for last in $(seq 28 8 236); do ip addr add 198.51.100.$last/24 dev eth0; done";
        stage.on(stage.lab.host("victim")?, line)?;
        stage.write("/usr/local/bin/blackbox.py", include_str!("blackbox.py"))?;
        stage.record()?;
        stage.service("blackbox.service", "deploy", &["python3", "/usr/local/bin/blackbox.py"])?;
        // All of its turns, of which the reporter sees those that concern it.
        stage.accuse(SCANNING, 2 * 12)
    }),
    Scenario::new("retries-of-a-whole-cluster", |stage| {
        stage.write("/usr/local/bin/cluster.py", include_str!("cluster.py"))?;
        stage.record()?;
        stage.service("cache.service", "deploy", &["python3", "/usr/local/bin/cluster.py"])?;
        stage.wait_for_end("python3")?;
        stage.accuse(SCANNING, 20 * 40)
    }),
    Scenario::new("tor-client", |stage| {
        let common = tor_network(stage)?;
        let torrc = format!("{common}DataDirectory /tmp/tor\nSocksPort 9050\n");
        stage.write("/usr/local/etc/torrc", &torrc)?;
        stage.record()?;
        stage.ssh("bob", "timeout 45 tor -f /usr/local/etc/torrc >/tmp/tor.log; true")?;
        // One connection to each relay.
        stage.accuse(TORRING, 3)
    }),
    Scenario::new("tor-relay", |stage| {
        let common = tor_network(stage)?;
        let torrc = format!(
            "{common}DataDirectory /tmp/tor\nSocksPort 0\nNickname ours\nAddress 192.0.2.10\nORPort 9001\n\
             ContactInfo ours@example.com\nExitRelay 0\n"
        );
        stage.write("/usr/local/etc/torrc", &torrc)?;
        stage.record()?;
        stage.service("tor.service", "deploy", &["timeout", "75", "tor", "-f", "/usr/local/etc/torrc"])?;
        stage.wait_for_end("tor")?;
        stage.accuse(TORRING, 20)
    }),
    Scenario::new("crawler", |stage| {
        stage.write("/usr/local/bin/crawl.py", include_str!("crawl.py"))?;
        stage.record()?;
        stage.service("indexer.service", "deploy", &["python3", "/usr/local/bin/crawl.py"])?;
        stage.accuse(CRAWLING, 290)
    }),
    Scenario::new("peer-to-peer", |stage| {
        stage.write("/usr/local/bin/dht.py", include_str!("dht.py"))?;
        stage.record()?;
        stage.ssh("bob", "python3 /usr/local/bin/dht.py")?;
        stage.accuse(SCANNING, 1)
    }),
    Scenario::new("memcached-reflection", |stage| {
        let words = ["memcached", "-U", "11211", "-l", "0.0.0.0", "-u", "deploy"];
        stage.service("memcached.service", "root", &words)?;
        stage.wait_for_port("udp", 11_211)?;
        stage.record()?;
        let line = format!("python3 - <<'END'\n{}\nEND", include_str!("forged_questions.py"));
        stage.on(stage.lab.laptop(), &line)?;
        stage.accuse(REFLECTING, 100)
    }),
    Scenario::new("open-proxy", |stage| {
        stage.write("/etc/tinyproxy-open.conf", PROXY)?;
        stage.service("tinyproxy.service", "root", &["tinyproxy", "-d", "-c", "/etc/tinyproxy-open.conf"])?;
        stage.wait_for_port("tcp", 8888)?;
        stage.record()?;
        let ask = "for i in $(seq 30); do curl -s -m 5 -o /dev/null -x http://192.0.2.10:8888 \
                   --interface 203.0.113.66 \"http://198.51.100.20/wp-login.php?$i\"; done";
        stage.on(stage.lab.laptop(), ask)?;
        stage.accuse(PROXYING, 29)
    }),
    Scenario::new("mail-relay", |stage| {
        stage.serve("victim", include_str!("mail_sink.sh"))?;
        stage.write("/usr/local/bin/relay.py", include_str!("relay.py"))?;
        stage.service("mail.service", "root", &["python3", "/usr/local/bin/relay.py"])?;
        stage.wait_for_port("tcp", 25)?;
        stage.record()?;
        let line = format!("python3 - <<'END'\n{}\nEND", include_str!("spammer.py"));
        stage.on(stage.lab.laptop(), &line)?;
        stage.accuse(SPAMMING, 30)
    }),
    Scenario::new("scan-in-a-container", |stage| {
        const ID: &str = "4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e";
        let told = format!("/var/lib/docker/containers/{ID}");
        stage.root(&format!("mkdir -p {told}"))?;
        let said = format!(r#"{{"ID":"{ID}","Name":"/web","Config":{{"Image":"example.com/web:1"}}}}"#);
        stage.write(&format!("{told}/config.v2.json"), &said)?;
        stage.record()?;
        let inside = ["unshare", "--mount", "--uts", "--pid", "--fork", "sh", "-c"];
        let line = ["nmap -sT -p 1-400 198.51.100.20; sleep 3"];
        stage.in_cgroup(
            &format!("system.slice/docker-{ID}.scope"),
            "root",
            &[inside.as_slice(), &line].concat(),
        )?;
        stage.wait_for_end("nmap")?;
        stage.accuse(SCANNING, 390)
    }),
    Scenario::new("container-behind-a-bridge", |stage| {
        const ID: &str = "7a1e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e";
        stage.root(include_str!("bridge.sh"))?;
        stage.record()?;
        let words =
            ["ip", "netns", "exec", "web", "sh", "-c", "nmap -sT -Pn -p 1-400 198.51.100.20; sleep 1"];
        stage.in_cgroup(&format!("system.slice/docker-{ID}.scope"), "root", &words)?;
        stage.accuse(SCANNING, 390)
    }),
];

/// A Tor network on the victim; returns the settings that all who belong to it have.
fn tor_network(stage: &mut Stage) -> anyhow::Result<String> {
    let dir = stage.lab.dir().join("tor");
    let script = stage.lab.dir().join("tor.sh");
    std::fs::write(&script, include_str!("tor_authorities.sh"))?;
    stage.serve("victim", &format!("exec sh {} {}", script.display(), dir.display()))?;
    Ok(std::fs::read_to_string(dir.join("common"))?)
}

/// What a service manager does, and nothing else: start it again.
const SUPERVISOR: &str = "while :; do \"$@\"; sleep 0.2; done\n";

const BACKUP: &str = "while :; do ssh -o BatchMode=yes -o StrictHostKeyChecking=no -o ConnectTimeout=2 \
                      backup@198.51.100.20 true 2>/dev/null; sleep 0.02; done\n";

const PROXY: &str =
    "User deploy\nGroup deploy\nPort 8888\nListen 0.0.0.0\nTimeout 60\nMaxClients 50\nAllow 0.0.0.0/0\n";
