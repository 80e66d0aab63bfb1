//! From the bytes of a record to its meaning. Pure: no libbpf, no /proc, no clock.
//!
//! The layouts are those of `host-recorder-bpf/include/record.h`. Bytes come from our own programs, and are
//! checked all the same: a record that is short or of an unknown kind is an error, never a panic.

mod flow;
mod image;
mod operation;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use history::Credentials;
use history::Dns;
use history::Flow;
use history::Groups;
use history::Namespaces;
use history::Operation;
use history::ProcessId;
use host_recorder_bpf::record::*;
use thiserror::Error;

use crate::clock::Clock;

pub use flow::Connection;
use flow::decode_batch;
use flow::decode_bind;
use flow::decode_connection;
use flow::decode_packets;
pub use image::Image;
use image::decode_image;
pub use image::texts;
use operation::decode_dns;
use operation::decode_operation;
use operation::decode_syscall;

/// Why bytes are no record.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// Shorter than its kind or its own lengths say.
    #[error("record of kind {kind} is cut off: {bytes} bytes")]
    Short {
        /// The kind, 0 where even that is missing.
        kind: u16,
        /// How many there are.
        bytes: usize,
    },
    /// A kind that this program does not know.
    #[error("record of unknown kind {0}")]
    Kind(u16),
}

/// A record, read.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// A process was forked.
    Fork {
        /// When, ns since boot.
        boot_ns: u64,
        /// By whom.
        parent: ProcessId,
        /// The child.
        child: ProcessId,
        /// Who the parent is by now.
        context: Context,
    },
    /// A program was executed, or ran already (`texts` is then empty).
    Image(Box<Image>),
    /// A process ended.
    Exit {
        /// When, ns since boot.
        boot_ns: u64,
        /// Which.
        process: ProcessId,
        /// Exit code.
        code: u8,
        /// Signal, or 0.
        signal: u8,
        /// Who it was at its end.
        context: Context,
    },
    /// TCP connections changed.
    Connections {
        /// Ids of the one who did it, where known; groups are not told.
        credentials: Option<Credentials>,
        /// The changes, in order.
        changes: Vec<Connection>,
    },
    /// Packets were sent or received: of each flow its totals so far.
    Packets {
        /// Sender's ids at the first packet, where it was seen sending; groups are not told.
        credentials: Option<Credentials>,
        /// Time of each flow's last packet, ns since boot, and the flow.
        flows: Vec<(u64, Flow)>,
    },
    /// A DNS message.
    Dns {
        /// When, ns since boot.
        boot_ns: u64,
        /// The message; none where it is not one.
        message: Option<Box<Dns>>,
    },
    /// A process changed the kernel, or what can be seen of it.
    Operation {
        /// When, ns since boot.
        boot_ns: u64,
        /// What.
        operation: Operation,
        /// The cgroup of version 2 that is made or removed; else 0.
        cgroup_id: u64,
    },
    /// A system call of the optional tier returned.
    Syscall {
        /// When, ns since boot.
        boot_ns: u64,
        /// Who made it is by now.
        context: Context,
        /// The call.
        operation: Operation,
    },
}

/// Who a process is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// Ids.
    pub credentials: Credentials,
    /// Namespaces; those that a process has left are 0.
    pub namespaces: Namespaces,
}

const AF_INET: u16 = 2;

/// Reads one record.
pub fn decode(bytes: &[u8], clock: &Clock) -> Result<Record, DecodeError> {
    let header: record_header = read(bytes, 0)?;
    let kind = u32::from(header.kind);
    match kind {
        record_kind::RECORD_FORK => {
            let record: record_fork = read(bytes, header.kind)?;
            Ok(Record::Fork {
                boot_ns: header.time_ns,
                parent: process_id(&header.process, clock),
                child: process_id(&record.child, clock),
                context: context(&record.context),
            })
        }
        record_kind::RECORD_EXEC | record_kind::RECORD_TASK => {
            decode_image(bytes, clock).map(|image| Record::Image(Box::new(image)))
        }
        record_kind::RECORD_EXIT => {
            let record: record_exit = read(bytes, header.kind)?;
            Ok(Record::Exit {
                boot_ns: header.time_ns,
                process: process_id(&header.process, clock),
                code: (record.exit_code >> 8) as u8,
                signal: (record.exit_code & 0x7f) as u8,
                context: context(&record.context),
            })
        }
        record_kind::RECORD_TCP => decode_connection(&read(bytes, header.kind)?, clock),
        record_kind::RECORD_PACKETS => Ok(decode_packets(&read(bytes, header.kind)?, clock)),
        record_kind::RECORD_BATCH => decode_batch(bytes, clock),
        record_kind::RECORD_BIND => Ok(decode_bind(&read(bytes, header.kind)?, clock)),
        record_kind::RECORD_DNS => {
            let record: record_dns = read(bytes, header.kind)?;
            Ok(Record::Dns { boot_ns: header.time_ns, message: decode_dns(&record, clock).map(Box::new) })
        }
        record_kind::RECORD_OPERATION => decode_operation(&read(bytes, header.kind)?, clock),
        record_kind::RECORD_SYSCALL => Ok(decode_syscall(&read(bytes, header.kind)?, clock)),
        _ => Err(DecodeError::Kind(header.kind)),
    }
}

/// Types of which any bytes of the right length are a value: the generated records, all made of integers.
trait Plain: Copy {}
impl Plain for record_header {}
impl Plain for record_fork {}
impl Plain for record_exec {}
impl Plain for record_exit {}
impl Plain for record_tcp {}
impl Plain for record_packets {}
impl Plain for record_target {}
impl Plain for record_batch {}
impl Plain for record_bind {}
impl Plain for record_dns {}
impl Plain for record_operation {}
impl Plain for record_syscall {}

fn read<T: Plain>(bytes: &[u8], kind: u16) -> Result<T, DecodeError> {
    if bytes.len() < size_of::<T>() {
        return Err(DecodeError::Short { kind, bytes: bytes.len() });
    }
    // SAFETY: there are enough bytes, the read needs no alignment, and any bytes are a value of a Plain type.
    Ok(unsafe { bytes.as_ptr().cast::<T>().read_unaligned() })
}

fn process_id(id: &record_process_id, clock: &Clock) -> ProcessId {
    ProcessId { boot: clock.boot, tgid: id.tgid, start_ns: id.start_ns, exec: id.exec }
}

fn known(id: &record_process_id, clock: &Clock) -> Option<ProcessId> {
    (id.tgid != 0).then(|| process_id(id, clock))
}

fn credentials(from: &record_credentials) -> Credentials {
    let set = |id: u32| (id != RECORD_ID_UNSET).then_some(id);
    Credentials {
        uid: from.uid,
        euid: from.euid,
        gid: from.gid,
        egid: from.egid,
        suid: from.suid,
        sgid: from.sgid,
        fsuid: from.fsuid,
        fsgid: from.fsgid,
        login_uid: set(from.login_uid),
        session: set(from.session),
        capabilities: from.capabilities,
        groups: Groups::default(),
    }
}

fn groups(from: &record_groups) -> Groups {
    let kept = from.count.min(RECORD_GROUPS_MAX);
    Groups { ids: from.ids[..kept as usize].to_vec(), left_out: from.count - kept }
}

fn address(family: u16, bytes: &[u8; 16]) -> IpAddr {
    if family == AF_INET {
        return Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]).into();
    }
    let six = Ipv6Addr::from(*bytes);
    six.to_ipv4_mapped().map_or(IpAddr::V6(six), IpAddr::V4)
}

fn context(from: &record_context) -> Context {
    Context {
        credentials: Credentials { groups: groups(&from.groups), ..credentials(&from.credentials) },
        namespaces: Namespaces {
            mount: from.mount_ns,
            net: from.net_ns,
            pid: from.pid_ns,
            user: from.user_ns,
        },
    }
}

/// Text of the kernel's up to its NUL.
fn text(chars: &[std::ffi::c_char]) -> String {
    let bytes: Vec<u8> = chars.iter().map(|c| *c as u8).take_while(|byte| *byte != 0).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}
