//! Ordinary work on the instance beside what is investigated: another person's login that fetches
//! from the victim, an account's job every second, and a package manager's process tree.

use std::process::Child;
use std::process::Stdio;

use anyhow::Context;

use super::Lab;

/// What bob does, for at most five minutes.
const BOB: &str =
    "for i in $(seq 600); do curl -s -m 2 -o /dev/null http://mirror.example.net/file-$i; sleep 0.5; done";
/// What a scheduler does for deploy, for at most five minutes.
const DEPLOY: &str = "for i in $(seq 300); do setpriv --reuid deploy --regid deploy --init-groups /usr/local/bin/report-health; sleep 1; done";

/// The noise, until dropped.
#[derive(Debug)]
pub struct Noise(Vec<Child>);

impl Lab {
    /// Starts the noise.
    ///
    /// # Errors
    /// When one of its processes cannot be started.
    pub fn noise(&self) -> anyhow::Result<Noise> {
        let mut noise = Noise(Vec::new());
        let mut bob = self.ssh_client("bob")?;
        bob.arg(BOB);
        let mut jobs = self.instance().command("sh")?;
        jobs.args(["-c", DEPLOY]);
        let mut upgrade = self.instance().command("/usr/local/sbin/nightly-upgrade")?;
        for command in [&mut bob, &mut jobs, &mut upgrade] {
            let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
            noise.0.push(child.context("start the noise")?);
        }
        Ok(noise)
    }
}

impl Drop for Noise {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // It may have ended by itself; what it started ends by its own bound or with the lab.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
