//! One simulated host: namespaces for network, mounts and host name, held open by an anchor
//! process, and a cgroup. Process ids are the machine's own.
//!
//! A host is known by its anchor's pid, so any process that knows it (the SSM stand-in, the `lab`
//! command) can enter it too.

use std::ffi::OsStr;
use std::fs;
use std::fs::File;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use anyhow::Context;
use anyhow::bail;
use nix::mount::MsFlags;
use nix::sched::CloneFlags;
use serde::Deserialize;
use serde::Serialize;

use super::cgroup::Cgroup;

/// What a daemon of a Debian host is started with.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// One simulated host.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Host {
    name: String,
    address: Ipv4Addr,
    anchor: u32,
    cgroup: PathBuf,
}

impl Host {
    /// Starts the host's anchor and has its files prepared by `<name>.sh`.
    pub(super) fn start(
        dir: &Path,
        lab: &Cgroup,
        name: &str,
        address: Ipv4Addr,
    ) -> anyhow::Result<(Self, Child)> {
        let cgroup = lab.child(name);
        cgroup.create()?;
        let log_path = dir.join(format!("{name}.log"));
        let script = match name {
            "instance" => include_str!("instance.sh"),
            _ => include_str!("plain.sh"),
        };
        let mut command = Command::new("/bin/sh");
        command.args(["-eu", "-c", script, name]).arg(dir);
        command.env_clear().env("PATH", PATH).current_dir("/");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(&log_path)?);
        cgroup.join(&mut command)?;
        // SAFETY: the closure makes system calls only, and allocates nothing.
        unsafe {
            command.pre_exec(|| {
                nix::unistd::setsid()?;
                nix::sched::unshare(
                    CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWUTS,
                )?;
                let none: Option<&str> = None;
                nix::mount::mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
                Ok(())
            });
        }
        let mut anchor = command.spawn().with_context(|| format!("start host {name}"))?;
        let host =
            Self { name: name.to_owned(), address, anchor: anchor.id(), cgroup: cgroup.path().to_owned() };
        let mut line = String::new();
        if let Some(stdout) = anchor.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        if line.trim() != "ready" {
            let _ = anchor.kill();
            let _ = anchor.wait();
            bail!("{name}.sh failed: {}", fs::read_to_string(&log_path).unwrap_or_default().trim());
        }
        fs::write(dir.join(format!("{name}.json")), serde_json::to_vec(&host)?)?;
        Ok((host, anchor))
    }

    /// A host of a lab that another process holds.
    ///
    /// # Errors
    /// When there is no such lab or host.
    pub fn find(lab: &str, name: &str) -> anyhow::Result<Self> {
        let path = Path::new(super::LABS).join(lab).join(format!("{name}.json"));
        let bytes = fs::read(&path).with_context(|| format!("no host {name} in lab {lab}"))?;
        Ok(serde_json::from_slice(&bytes)?)
    }

    /// Its name in the lab.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its address in the lab's network.
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// The process that holds its namespaces: `nsenter -t ANCHOR -m -n -u` enters them.
    pub fn anchor(&self) -> u32 {
        self.anchor
    }

    /// Its cgroup.
    pub fn cgroup(&self) -> Cgroup {
        Cgroup::at(self.cgroup.clone())
    }

    /// Where a file of this host is seen from outside it.
    pub fn path(&self, inside: impl AsRef<Path>) -> PathBuf {
        let inside = inside.as_ref();
        Path::new("/proc")
            .join(self.anchor.to_string())
            .join("root")
            .join(inside.strip_prefix("/").unwrap_or(inside))
    }

    /// Copies a program of this machine into the host, replacing what is there.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn install(&self, program: &Path, inside: &str) -> anyhow::Result<()> {
        let target = self.path(inside);
        if target.exists() {
            fs::remove_file(&target)?;
        }
        fs::copy(program, &target).with_context(|| format!("copy {} to {inside}", program.display()))?;
        Ok(())
    }

    /// A command inside the host, as its init system would start a daemon: root, no terminal,
    /// a minimal environment, no login id.
    ///
    /// # Errors
    /// When the host is gone.
    pub fn command(&self, program: impl AsRef<OsStr>) -> anyhow::Result<Command> {
        let mut command = self.command_in_terminal(program)?;
        command.stdin(Stdio::null());
        // SAFETY: setsid(2) is async-signal-safe. It fails only for a group leader, which a
        // freshly forked process is not.
        unsafe {
            command.pre_exec(|| nix::unistd::setsid().map(drop).map_err(Into::into));
        }
        Ok(command)
    }

    /// As [`Host::command`], but on the caller's terminal.
    ///
    /// # Errors
    /// When the host is gone.
    pub fn command_in_terminal(&self, program: impl AsRef<OsStr>) -> anyhow::Result<Command> {
        let namespace = |kind: &str| {
            let path = format!("/proc/{}/ns/{kind}", self.anchor);
            File::open(&path).with_context(|| format!("host {} is gone: {path}", self.name))
        };
        let (mount, net, uts) = (namespace("mnt")?, namespace("net")?, namespace("uts")?);
        let mut command = Command::new(program);
        command.env_clear().env("PATH", PATH).env("LANG", "C.UTF-8");
        self.cgroup().join(&mut command)?;
        let reset_login = has_login_id();
        // SAFETY: the closure makes system calls on open descriptors only, and allocates nothing.
        unsafe {
            command.pre_exec(move || {
                if reset_login {
                    clear_login_id()?;
                }
                nix::sched::setns(net.as_fd(), CloneFlags::CLONE_NEWNET)?;
                nix::sched::setns(uts.as_fd(), CloneFlags::CLONE_NEWUTS)?;
                nix::sched::setns(mount.as_fd(), CloneFlags::CLONE_NEWNS)?;
                nix::unistd::chdir(c"/")?;
                Ok(())
            });
        }
        Ok(command)
    }
}

/// Whether this process descends from a login, as far as the kernel's audit knows.
fn has_login_id() -> bool {
    fs::read_to_string("/proc/self/loginuid").is_ok_and(|id| id.trim() != "4294967295")
}

/// Forgets the login that the lab itself was started from: a host's daemons have none.
fn clear_login_id() -> io::Result<()> {
    let mut file = File::options().write(true).open("/proc/self/loginuid")?;
    file.write_all(b"4294967295")
}
