//! Texts of processes that ran before the recorder did, from /proc.

use std::fs::File;
use std::io::Read;

use history::Credentials;
use history::Groups;
use host_recorder_bpf::record::RECORD_GROUPS_MAX;

use crate::decode::texts;

/// Bytes read of a process's arguments or environment.
const AREA_MAX: u64 = 8 << 10;

/// The texts of a process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    /// Arguments.
    pub argv: Vec<String>,
    /// The whole environment.
    pub env: Vec<String>,
    /// Executable.
    pub exe: String,
    /// Working directory.
    pub cwd: String,
    /// Terminal, such as `pts/0`.
    pub tty: Option<String>,
}

/// Reads what /proc says of a process; empty where it has ended.
pub fn read_texts(pid: u32) -> Texts {
    let area = |name: &str| {
        let mut bytes = Vec::new();
        let read = File::open(format!("/proc/{pid}/{name}"))
            .and_then(|file| file.take(AREA_MAX).read_to_end(&mut bytes));
        if read.is_ok() { texts(&bytes) } else { Vec::new() }
    };
    let link = |name: &str| {
        std::fs::read_link(format!("/proc/{pid}/{name}"))
            .map(|path| path.to_string_lossy().trim_end_matches(" (deleted)").to_owned())
            .unwrap_or_default()
    };
    let terminal = (0..3).map(|fd| link(&format!("fd/{fd}"))).find_map(|path| {
        let name = path.strip_prefix("/dev/")?;
        (name.starts_with("pts/") || name.starts_with("tty")).then(|| name.to_owned())
    });
    Texts { argv: area("cmdline"), env: area("environ"), exe: link("exe"), cwd: link("cwd"), tty: terminal }
}

/// Name and ids of a process, for one that the kernel's own list left out; none where it has ended.
pub fn read_identity(pid: u32) -> Option<(String, Credentials)> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        Some(line.trim().to_owned())
    };
    // Real, effective, saved, file system.
    let ids = |name: &str| -> Option<Vec<u32>> {
        field(name)?.split_ascii_whitespace().map(|id| id.parse().ok()).collect()
    };
    let audit = |name: &str| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/{name}")).ok()?;
        text.trim().parse().ok().filter(|id| *id != u32::MAX)
    };
    let (users, groups, mut others) = (ids("Uid")?, ids("Gid")?, ids("Groups")?);
    let left_out = others.len().saturating_sub(RECORD_GROUPS_MAX as usize) as u32;
    others.truncate(RECORD_GROUPS_MAX as usize);
    let credentials = Credentials {
        uid: *users.first()?,
        euid: *users.get(1)?,
        gid: *groups.first()?,
        egid: *groups.get(1)?,
        suid: *users.get(2)?,
        sgid: *groups.get(2)?,
        fsuid: *users.get(3)?,
        fsgid: *groups.get(3)?,
        login_uid: audit("loginuid"),
        session: audit("sessionid"),
        capabilities: u64::from_str_radix(&field("CapEff")?, 16).ok()?,
        groups: Groups { ids: others, left_out },
    };
    Some((field("Name")?, credentials))
}

/// Whether a process has a terminal of its own now; none where it has ended.
pub fn has_terminal(pid: u32) -> Option<bool> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Behind the name, which may hold anything: state, parent, group, session, terminal.
    let number: i64 = stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(4)?.parse().ok()?;
    Some(number != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_very_process() {
        let texts = read_texts(std::process::id());
        assert_eq!(texts.argv, std::env::args().collect::<Vec<_>>());
        assert_eq!(texts.exe, std::env::current_exe().unwrap().to_string_lossy());
        assert_eq!(read_texts(u32::MAX), Texts::default());
        let (_, credentials) = read_identity(std::process::id()).unwrap();
        assert_eq!(credentials.euid, nix::unistd::geteuid().as_raw());
        // SAFETY: no list is written where its length is 0.
        let count = unsafe { libc::getgroups(0, std::ptr::null_mut()) };
        assert_eq!((credentials.groups.ids.len() + credentials.groups.left_out as usize) as i32, count);
        assert_eq!(read_identity(u32::MAX), None);
        assert_eq!(has_terminal(2), Some(false), "a thread of the kernel has none");
        assert_eq!(has_terminal(u32::MAX), None);
    }
}
