//! The daemons of the instance and of the router: syslog, cron, sshd, and the VPC's resolver.

use std::fs;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use anyhow::ensure;

use super::Lab;
use super::USERS;
use super::process::output_within;
use super::process::wait_until;

const READY_MAX: Duration = Duration::from_secs(20);

impl Lab {
    /// Makes a login key for each user, gone with the lab.
    pub(super) fn make_keys(&self) -> anyhow::Result<()> {
        let keys = self.dir.join("keys");
        fs::create_dir(&keys)?;
        for user in USERS {
            let status = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-C", &format!("{user}@lab"), "-f"])
                .arg(keys.join(user))
                .status()
                .context("run ssh-keygen")?;
            ensure!(status.success(), "ssh-keygen made no key for {user}");
        }
        Ok(())
    }

    /// Starts them and waits until each answers.
    pub(super) fn start_instance_daemons(&mut self) -> anyhow::Result<()> {
        let mut resolver = self.router().command("python3")?;
        resolver.args(["-c", include_str!("resolver.py")]);
        self.start_daemon("resolver", resolver)?;
        let ready = self.dir.join("resolver.log");
        wait_until("the resolver", READY_MAX, || {
            fs::read_to_string(&ready).is_ok_and(|log| log.contains("ready"))
        })?;

        // These three detach themselves, as on a host: their ancestors are not the lab's.
        self.detach("rsyslogd", &["-i", "/run/rsyslogd.pid"])?;
        let socket = self.instance().path("/dev/log");
        wait_until("rsyslogd", READY_MAX, || socket.exists())?;
        self.detach("cron", &[])?;
        self.detach("/usr/sbin/sshd", &[])?;
        self.know_host_key()?;
        // sshd writes its pid after it listens.
        let pid = self.instance().path("/run/sshd.pid");
        wait_until("sshd", READY_MAX, || pid.exists())
    }

    /// Runs a program of the instance that leaves a daemon behind.
    fn detach(&self, program: &str, arguments: &[&str]) -> anyhow::Result<()> {
        let mut command = self.instance().command(program)?;
        let output = output_within(program, command.args(arguments), READY_MAX)?;
        ensure!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    /// Starts a daemon of the lab, as [`Lab::spawn_daemon`], and keeps it.
    pub(super) fn start_daemon(&mut self, name: &str, command: Command) -> anyhow::Result<()> {
        let child = self.spawn_daemon(name, command)?;
        self.keep(child);
        Ok(())
    }

    /// Starts a command whose output goes to `<name>.log` in the lab's directory. Give it to
    /// [`Lab::keep`] when done with it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn_daemon(&self, name: &str, mut command: Command) -> anyhow::Result<Child> {
        let log = fs::File::create(self.dir.join(format!("{name}.log")))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        command.spawn().with_context(|| format!("start {name}"))
    }

    /// The laptop knows the instance's key beforehand, as an admin's does.
    fn know_host_key(&self) -> anyhow::Result<()> {
        let key = fs::read_to_string(self.instance().path(Path::new("/etc/ssh/ssh_host_ed25519_key.pub")))
            .context("read the host key")?;
        fs::write(self.dir.join("known_hosts"), format!("{} {key}", super::INSTANCE_PUBLIC))?;
        Ok(())
    }
}
