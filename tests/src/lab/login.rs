//! People logging in: a real ssh client on the laptop, with a key, to the instance's public address.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Output;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;

use super::Host;
use super::INSTANCE_PUBLIC;
use super::Lab;
use super::process::output_within;
use super::process::wait_within;

/// A login with a terminal and a shell in which one line was typed.
#[derive(Debug)]
pub struct Session {
    child: Child,
    // Held open: the end of the client's input would end the session.
    _stdin: Option<std::process::ChildStdin>,
}

impl Session {
    /// Waits until the person has logged out.
    ///
    /// # Errors
    /// When that is not within `max`.
    pub fn wait(mut self, max: Duration) -> anyhow::Result<ExitStatus> {
        wait_within("the ssh session", &mut self.child, max)
    }

    /// The ssh client's process id.
    pub fn client(&self) -> u32 {
        self.child.id()
    }
}

impl Lab {
    /// The ssh client on the laptop, as `user`, complete but for a command.
    ///
    /// # Errors
    /// When the laptop is gone.
    pub fn ssh_client(&self, user: &str) -> anyhow::Result<Command> {
        let mut ssh = self.laptop().command("ssh")?;
        add_login(&mut ssh, &self.dir, user);
        Ok(ssh)
    }

    /// Logs in as `user`, runs one command without a terminal, and logs out.
    ///
    /// # Errors
    /// When ssh cannot be started or does not end within `max`.
    pub fn ssh(&self, user: &str, command: &str, max: Duration) -> anyhow::Result<Output> {
        let mut ssh = self.ssh_client(user)?;
        ssh.arg(command);
        output_within("ssh", &mut ssh, max)
    }

    /// Logs in as `user` with a terminal, types `line` into the login shell, and has it log out
    /// when that is done. What the terminal showed goes to `<user>-terminal.log` in the lab's
    /// directory.
    ///
    /// # Errors
    /// When ssh cannot be started.
    pub fn session(&self, user: &str, line: &str) -> anyhow::Result<Session> {
        let log = File::create(self.dir.join(format!("{user}-terminal.log")))?;
        let mut ssh = self.laptop().command("ssh")?;
        ssh.arg("-tt");
        add_login(&mut ssh, &self.dir, user);
        ssh.env("TERM", "xterm");
        ssh.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log);
        let mut child = ssh.spawn().context("start ssh")?;
        let mut stdin = child.stdin.take();
        if let Some(stdin) = &mut stdin {
            // One line: a program that reads the terminal must not eat the logout.
            writeln!(stdin, "{line}; exit").context("type into the session")?;
        }
        Ok(Session { child, _stdin: stdin })
    }
}

/// As [`Lab::ssh_client`], on the caller's terminal, for a lab that another process holds.
///
/// # Errors
/// When there is no such lab.
pub fn ssh_in_terminal(lab: &str, user: &str) -> anyhow::Result<Command> {
    let mut ssh = Host::find(lab, "laptop")?.command_in_terminal("ssh")?;
    add_login(&mut ssh, &Path::new(super::LABS).join(lab), user);
    Ok(ssh)
}

/// Who logs in where, with which key; nothing of this machine's own ssh configuration.
fn add_login(ssh: &mut Command, lab: &Path, user: &str) {
    ssh.args([
        "-F",
        "/dev/null",
        "-o",
        "IdentitiesOnly=yes",
        "-o",
        "BatchMode=yes",
        "-o",
        "StrictHostKeyChecking=yes",
    ]);
    ssh.args([
        "-o",
        "GlobalKnownHostsFile=/dev/null",
        "-o",
        "ConnectTimeout=10",
        "-o",
        "LogLevel=ERROR",
        "-o",
    ]);
    ssh.arg(format!("UserKnownHostsFile={}", lab.join("known_hosts").display()));
    ssh.arg("-i").arg(lab.join("keys").join(user));
    ssh.arg("-l").arg(user).arg(INSTANCE_PUBLIC.to_string());
}
