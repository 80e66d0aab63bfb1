//! Programs as they were executed, or ran already: the record and the texts behind it.

use history::Credentials;
use history::Namespaces;
use history::ProcessFlags;
use history::ProcessId;
use host_recorder_bpf::record::*;

use super::DecodeError;
use super::credentials;
use super::groups;
use super::known;
use super::process_id;
use super::read;
use super::text;
use crate::clock::Clock;

/// A process image as the kernel describes it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Image {
    /// When, ns since boot.
    pub boot_ns: u64,
    /// Which.
    pub process: ProcessId,
    /// Its parent.
    pub parent: Option<ProcessId>,
    /// Ids.
    pub credentials: Credentials,
    /// Inode number of the cgroup's directory.
    pub cgroup_id: u64,
    /// Inode of the executable.
    pub exe_inode: u64,
    /// Namespaces.
    pub namespaces: Namespaces,
    /// The script that was executed, where the executable is its interpreter.
    pub script: Option<String>,
    /// The kernel's short name.
    pub comm: String,
    /// What is odd.
    pub flags: ProcessFlags,
    /// Arguments.
    pub argv: Vec<String>,
    /// The whole environment, as far as it was read.
    pub env: Vec<String>,
    /// Path of the executable.
    pub exe: String,
    /// Working directory.
    pub cwd: String,
    /// Terminal.
    pub tty: Option<String>,
}

pub(super) fn decode_image(bytes: &[u8], clock: &Clock) -> Result<Image, DecodeError> {
    let record: record_exec = read(bytes, 0)?;
    let kind = record.header.kind;
    let mut rest = &bytes[size_of::<record_exec>()..];
    let mut take = |length: u32| {
        let (area, behind) =
            rest.split_at_checked(length as usize).ok_or(DecodeError::Short { kind, bytes: bytes.len() })?;
        rest = behind;
        Ok(area)
    };
    let argv = texts(take(record.argv_len)?);
    let env = texts(take(record.env_len)?);
    let exe = path(take(record.exe_len)?);
    let cwd = path(take(record.cwd_len)?);
    let tty = texts(take(record.tty_len)?).into_iter().next().map(terminal);
    let script = texts(take(record.script_len)?).into_iter().next();
    let flag = |bit: u32| u32::from(record.header.flags) & bit != 0;
    let deleted = flag(record_flag::RECORD_FLAG_EXE_DELETED);
    let memfd = exe.starts_with("/memfd:");
    Ok(Image {
        boot_ns: record.header.time_ns,
        process: process_id(&record.header.process, clock),
        parent: known(&record.parent, clock),
        credentials: Credentials { groups: groups(&record.groups), ..credentials(&record.credentials) },
        cgroup_id: record.cgroup_id,
        exe_inode: record.exe_inode,
        namespaces: Namespaces {
            mount: record.mount_ns,
            net: record.net_ns,
            pid: record.pid_ns,
            user: record.user_ns,
        },
        script,
        comm: text(&record.comm),
        flags: ProcessFlags {
            exe_deleted: deleted && !memfd,
            exe_memfd: memfd,
            argv_truncated: flag(record_flag::RECORD_FLAG_ARGV_CUT),
            env_truncated: flag(record_flag::RECORD_FLAG_ENV_CUT),
            path_truncated: flag(record_flag::RECORD_FLAG_PATH_CUT),
            redacted: false,
        },
        argv,
        env,
        exe: if memfd { exe[1..].to_owned() } else { exe },
        cwd,
        tty,
    })
}

/// Texts that are each ended by NUL; the last may lack it.
pub fn texts(area: &[u8]) -> Vec<String> {
    let area = area.strip_suffix(b"\0").unwrap_or(area);
    if area.is_empty() {
        return Vec::new();
    }
    area.split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned()).collect()
}

/// A terminal's name as people and /proc have it: the kernel calls `pts/0` `pts0`.
fn terminal(name: String) -> String {
    match name.strip_prefix("pts") {
        Some(number) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("pts/{number}")
        }
        _ => name,
    }
}

/// A path whose names stand innermost first.
fn path(area: &[u8]) -> String {
    let names: Vec<String> = texts(area).into_iter().rev().filter(|name| name != "/").collect();
    format!("/{}", names.join("/"))
}
