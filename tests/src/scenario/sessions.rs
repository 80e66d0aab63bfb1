//! The same scan from every kind of session and job: who is behind it.

use anyhow::ensure;

use super::Accusation;
use super::Scenario;
use super::Stage;

const SCANNING: &str = "scanning remote hosts on the internet for security vulnerabilities";
const RESTART_CRON: &str = "kill $(cat /run/crond.pid) && while kill -0 $(cat /run/crond.pid); do sleep 0.1; done; \
                            rm -f /run/crond.reboot && cron";
const SCAN: &str = "nmap -sT -p 1-400 198.51.100.20";

pub(super) const ALL: &[Scenario] = &[
    Scenario::new("scan-in-a-root-shell", |stage| {
        stage.record()?;
        stage.types("alice", &format!("echo '{SCAN}' | sudo -i"))?;
        stage.accuse(SCANNING, 390)
    }),
    Scenario::new("scan-as-another-person", |stage| {
        stage.root("echo bob:tr0ub4dor | chpasswd")?;
        stage.record()?;
        stage.ssh("alice", &format!("echo tr0ub4dor | su - bob -c '{SCAN}'"))?;
        stage.accuse(SCANNING, 390)
    }),
    Scenario::new("scan-in-tmux", |stage| {
        stage.record()?;
        // The session outlives the login that began it; the scan is typed from a later one.
        stage.types("alice", "tmux -f /dev/null new-session -d -s work")?;
        stage.types("alice", &format!("tmux send-keys -t work '{SCAN}' Enter"))?;
        stage.packets(390)?;
        stage.types("alice", "tmux kill-server")?;
        stage.accuse(SCANNING, 390)
    }),
    Scenario::new("scan-by-cron", |stage| {
        // cron runs such a line when it starts, once for each boot.
        stage.root(&format!("crontab -u bob - <<'END'\n@reboot {SCAN}\nEND"))?;
        stage.record()?;
        stage.root(RESTART_CRON)?;
        stage.accuse(SCANNING, 390)
    }),
    Scenario::new("scan-that-cron-repeats", |stage| {
        stage.write("/usr/local/bin/sweep.py", include_str!("sweep.py"))?;
        let line = "for turn in 1 2 3 4 5 6; do python3 /usr/local/bin/sweep.py; sleep 1.1; done";
        stage.root(&format!("crontab -u bob - <<'END'\n@reboot {line}\nEND"))?;
        stage.record()?;
        stage.root(RESTART_CRON)?;
        stage.accuse(SCANNING, 355)
    }),
    Scenario::new("scan-in-an-ssm-session", ssm_session),
    Scenario::new("scan-through-an-ssh-proxy", |stage| {
        stage.record()?;
        let mut ssh = stage.lab.ssh_client("alice")?;
        ssh.args(["-N", "-D", "127.0.0.1:1080"]);
        let child = stage.lab.spawn_daemon("proxy", ssh)?;
        stage.lab.keep(child);
        let line = "until nc -z 127.0.0.1 1080; do sleep 0.1; done; \
                    for p in $(seq 100 180); do nc -z -w 2 -X 5 -x 127.0.0.1:1080 198.51.100.20 $p; done; true";
        stage.on(stage.lab.laptop(), line)?;
        stage.accuse(SCANNING, 75)
    }),
    Scenario::new("two-persons-at-once", |stage| {
        stage.record()?;
        stage.types("alice", "sudo nmap -sS -p 1-300 198.51.100.20")?;
        stage.types("bob", "nmap -sT -p 301-600 198.51.100.20")?;
        stage.accuse(SCANNING, 590)
    }),
    Scenario::new("scan-of-a-build-job", |stage| {
        stage.write("/usr/local/bin/runner.sh", "cd /tmp && bash -e /usr/local/bin/step.sh; sleep 3\n")?;
        stage.write("/usr/local/bin/step.sh", &format!("echo testing\n{SCAN}\n"))?;
        stage.record()?;
        stage.service("actions-runner.service", "deploy", &["bash", "/usr/local/bin/runner.sh"])?;
        stage.accuse(SCANNING, 390)
    }),
];

fn ssm_session(stage: &mut Stage) -> anyhow::Result<Accusation> {
    const SESSION: &str = "alice@example.com-0a1b2c3d4e5f60718";
    // The agent cannot be had here. Interpreters under its programs' names start what these are told to, as it does.
    stage.lab.instance().install("/bin/bash".as_ref(), "/usr/bin/ssm-agent-worker")?;
    let python = std::fs::canonicalize("/usr/bin/python3")?;
    ensure!(python.exists());
    stage.lab.instance().install(&python, "/usr/bin/ssm-session-worker")?;
    stage.write("/tmp/agent", &format!("cd /tmp\nssm-session-worker {SESSION}\ntrue\n"))?;
    stage.write(
        &format!("/tmp/{SESSION}"),
        &format!(
            "import os,pwd\nos.system('id >/dev/null')\nif os.fork()==0:\n \
             os.setuid(pwd.getpwnam('deploy').pw_uid)\n os.execv('/bin/bash',['sh','-c','{SCAN}; true'])\nos.wait()\n"
        ),
    )?;
    stage.record()?;
    stage.service("amazon-ssm-agent.service", "root", &["ssm-agent-worker", "/tmp/agent"])?;
    stage.accuse(SCANNING, 390)
}
