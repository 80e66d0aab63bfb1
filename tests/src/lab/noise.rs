//! Ordinary work on the instance beside what is investigated: another person's login that fetches
//! from the victim, an account's job every second, and a package manager's process tree.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::Context;
use anyhow::ensure;

use super::Lab;

/// While this file of the instance is there, the noise goes on; at most five minutes.
const FLAG: &str = "/run/noise";
/// What bob does.
const BOB: &str = "i=0; while [ -e /run/noise ] && [ $i -lt 600 ]; do i=$((i + 1)); \
                   curl -s -m 2 -o /dev/null http://mirror.example.net/file-$i; sleep 0.5; done";
/// What a scheduler does for deploy.
const DEPLOY: &str = "i=0; while [ -e /run/noise ] && [ $i -lt 300 ]; do i=$((i + 1)); \
                      setpriv --reuid deploy --regid deploy --init-groups /usr/local/bin/report-health; sleep 1; done";

/// The noise, until dropped.
#[derive(Debug)]
pub struct Noise {
    flag: PathBuf,
    bob: std::process::Child,
}

impl Lab {
    /// Starts the noise.
    ///
    /// # Errors
    /// When one of its processes cannot be started.
    pub fn noise(&self) -> anyhow::Result<Noise> {
        let flag = self.instance().path(FLAG);
        fs::write(&flag, "")?;
        let mut bob = self.ssh_client("bob")?;
        bob.arg(BOB).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let bob = bob.spawn().context("log bob in")?;
        for job in [["sh", "-c", DEPLOY].as_slice(), &["/usr/local/sbin/nightly-upgrade"]] {
            // The job's parent is gone at once, as a scheduler's would be: its ancestors are not the lab's.
            let mut start = self.instance().command("setsid")?;
            let status =
                start.arg("--fork").args(job).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
            ensure!(status.success(), "{job:?} did not start");
        }
        Ok(Noise { flag, bob })
    }
}

impl Drop for Noise {
    fn drop(&mut self) {
        // The instance may be gone already, and the noise with it.
        let _ = fs::remove_file(&self.flag);
        let _ = self.bob.kill();
        let _ = self.bob.wait();
    }
}
