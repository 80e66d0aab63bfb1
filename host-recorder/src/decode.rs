//! From the bytes of a record to its meaning. Pure: no libbpf, no /proc, no clock.
//!
//! The layouts are those of `host-recorder-bpf/include/record.h`. Bytes come from our own programs, and are
//! checked all the same: a record that is short or of an unknown kind is an error, never a panic.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use history::Credentials;
use history::Direction;
use history::Endpoint;
use history::Flow;
use history::FlowState;
use history::Namespaces;
use history::ProcessFlags;
use history::ProcessId;
use history::Protocol;
use history::Via;
use host_recorder_bpf::record::*;
use thiserror::Error;

use crate::clock::Clock;

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
    },
    /// A TCP connection changed.
    Tcp(Box<Connection>),
    /// Packets were sent; totals of the flow so far.
    Packets {
        /// When written, ns since boot.
        boot_ns: u64,
        /// Sender's ids at the first packet, where it was seen sending.
        credentials: Option<Credentials>,
        /// The flow.
        flow: Box<Flow>,
    },
}

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

/// A change of a TCP connection.
#[derive(Debug, Clone, PartialEq)]
pub struct Connection {
    /// When, ns since boot.
    pub boot_ns: u64,
    /// Address of the kernel's socket: the same for one connection's whole life.
    pub socket: u64,
    /// Whether it was accepted rather than made.
    pub accepted: bool,
    /// Ids of the one who did it, where known.
    pub credentials: Option<Credentials>,
    /// Whether nothing more comes of this socket.
    pub over: bool,
    /// The flow as far as this change tells.
    pub flow: Flow,
}

const TCP_ESTABLISHED: u8 = 1;
const TCP_SYN_SENT: u8 = 2;
const TCP_SYN_RECV: u8 = 3;
const TCP_CLOSE: u8 = 7;
const TCP_LISTEN: u8 = 10;
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
            })
        }
        record_kind::RECORD_TCP => {
            decode_connection(&read(bytes, header.kind)?, clock).map(|tcp| Record::Tcp(Box::new(tcp)))
        }
        record_kind::RECORD_PACKETS => {
            let record: record_packets = read(bytes, header.kind)?;
            Ok(decode_packets(&record, clock))
        }
        _ => Err(DecodeError::Kind(header.kind)),
    }
}

/// Reads a slot of the flow cache; none while it is empty or being written.
pub fn decode_slot(bytes: &[u8], clock: &Clock) -> Option<Record> {
    let slot: record_flow_slot = read(bytes, 0).ok()?;
    let settled = slot.begun == slot.ended && slot.packets.packets > 0;
    settled.then(|| decode_packets(&slot.packets, clock))
}

/// Types of which any bytes of the right length are a value: the generated records, all made of integers.
trait Plain: Copy {}
impl Plain for record_header {}
impl Plain for record_fork {}
impl Plain for record_exec {}
impl Plain for record_exit {}
impl Plain for record_tcp {}
impl Plain for record_packets {}
impl Plain for record_flow_slot {}

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
    }
}

fn decode_image(bytes: &[u8], clock: &Clock) -> Result<Image, DecodeError> {
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
    let tty = texts(take(record.tty_len)?).into_iter().next();
    let script = texts(take(record.script_len)?).into_iter().next();
    let flag = |bit: u32| u32::from(record.header.flags) & bit != 0;
    let deleted = flag(record_flag::RECORD_FLAG_EXE_DELETED);
    let memfd = exe.starts_with("/memfd:");
    let comm: Vec<u8> = record.comm.iter().map(|byte| *byte as u8).collect();
    Ok(Image {
        boot_ns: record.header.time_ns,
        process: process_id(&record.header.process, clock),
        parent: known(&record.parent, clock),
        credentials: credentials(&record.credentials),
        cgroup_id: record.cgroup_id,
        exe_inode: record.exe_inode,
        namespaces: Namespaces {
            mount: record.mount_ns,
            net: record.net_ns,
            pid: record.pid_ns,
            user: record.user_ns,
        },
        script,
        comm: texts(&comm).into_iter().next().unwrap_or_default(),
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

/// A path whose names stand innermost first.
fn path(area: &[u8]) -> String {
    let names: Vec<String> = texts(area).into_iter().rev().filter(|name| name != "/").collect();
    format!("/{}", names.join("/"))
}

fn address(family: u16, bytes: &[u8; 16]) -> IpAddr {
    if family == AF_INET {
        return Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]).into();
    }
    let six = Ipv6Addr::from(*bytes);
    six.to_ipv4_mapped().map_or(IpAddr::V6(six), IpAddr::V4)
}

fn decode_connection(record: &record_tcp, clock: &Clock) -> Result<Connection, DecodeError> {
    let (old, new) = (record.old_state, record.new_state);
    let state = match (old, new) {
        (_, TCP_SYN_SENT) => FlowState::Attempt,
        (_, TCP_ESTABLISHED) => FlowState::Established,
        (_, TCP_LISTEN) | (TCP_LISTEN, TCP_CLOSE) => FlowState::Listening,
        (TCP_SYN_SENT, TCP_CLOSE) => match i32::try_from(record.error).unwrap_or(0) {
            libc::ECONNREFUSED => FlowState::Refused,
            libc::ETIMEDOUT => FlowState::TimedOut,
            _ => FlowState::Failed,
        },
        (_, TCP_CLOSE) => FlowState::Closed,
        _ => return Err(DecodeError::Kind(record.header.kind)),
    };
    let owner = known(&record.header.process, clock);
    let actor = known(&record.actor, clock);
    let at = clock.wall(record.header.time_ns);
    Ok(Connection {
        boot_ns: record.header.time_ns,
        socket: record.socket,
        accepted: old == TCP_SYN_RECV,
        credentials: actor.map(|_| credentials(&record.credentials)),
        over: new == TCP_CLOSE,
        flow: Flow {
            owner,
            sender: actor.filter(|actor| Some(*actor) != owner),
            protocol: Protocol::TCP,
            via: Via::Socket,
            direction: if old == TCP_SYN_RECV || state == FlowState::Listening {
                Direction::In
            } else {
                Direction::Out
            },
            state,
            local: Endpoint {
                address: address(record.family, &record.local_address),
                port: record.local_port,
            },
            remote: Endpoint {
                address: address(record.family, &record.remote_address),
                port: record.remote_port,
            },
            packets: 0,
            bytes: record.bytes_sent,
            bytes_received: record.bytes_received,
            tcp_flags: 0,
            first: at,
            last: at,
        },
    })
}

fn decode_packets(record: &record_packets, clock: &Clock) -> Record {
    let owner = known(&record.header.process, clock);
    let actor = known(&record.actor, clock);
    let flow = Flow {
        owner,
        sender: actor.filter(|actor| Some(*actor) != owner),
        protocol: Protocol(record.protocol),
        via: match u32::from(record.via) {
            record_via::RECORD_VIA_SOCKET => Via::Socket,
            record_via::RECORD_VIA_RAW_IP => Via::RawIp,
            record_via::RECORD_VIA_PACKET => Via::Packet,
            record_via::RECORD_VIA_KERNEL => Via::Kernel,
            _ => Via::Forwarded,
        },
        direction: Direction::Out,
        state: FlowState::Sent,
        local: Endpoint { address: address(record.family, &record.local_address), port: record.local_port },
        remote: Endpoint {
            address: address(record.family, &record.remote_address),
            port: record.remote_port,
        },
        packets: record.packets,
        bytes: record.bytes,
        bytes_received: 0,
        tcp_flags: record.tcp_flags,
        first: clock.wall(record.first_ns),
        last: clock.wall(record.last_ns),
    };
    Record::Packets {
        boot_ns: record.header.time_ns,
        credentials: actor.map(|_| credentials(&record.credentials)),
        flow: Box::new(flow),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use history::BootId;

    fn clock() -> Clock {
        Clock::new(BootId(7), 1_000)
    }

    fn bytes_of<T: Plain>(record: &T) -> Vec<u8> {
        // SAFETY: a Plain value is size_of::<T>() initialised bytes; the records have no implicit padding.
        unsafe { std::slice::from_raw_parts(std::ptr::from_ref(record).cast::<u8>(), size_of::<T>()) }
            .to_vec()
    }

    fn exec(argv: &[u8], exe: &[u8]) -> Vec<u8> {
        let mut record = record_exec::default();
        record.header.kind = record_kind::RECORD_EXEC as u16;
        record.header.process = record_process_id { start_ns: 5, tgid: 42, exec: 3 };
        record.argv_len = argv.len() as u32;
        record.exe_len = exe.len() as u32;
        record.comm[..4].copy_from_slice(&[110, 109, 97, 112]);
        [bytes_of(&record).as_slice(), argv, exe].concat()
    }

    #[test]
    fn an_exec_is_read_with_its_texts() {
        let bytes = exec(b"nmap\0-sS\0\0", b"nmap\0bin\0usr\0");
        let Ok(Record::Image(image)) = decode(&bytes, &clock()) else { panic!("no image") };
        assert_eq!(image.argv, ["nmap", "-sS", ""]);
        assert_eq!(image.exe, "/usr/bin/nmap");
        assert_eq!(image.comm, "nmap");
        assert_eq!(image.process.tgid, 42);
        assert_eq!(image.parent, None);
    }

    #[test]
    fn a_memfd_is_told_from_a_file() {
        let Ok(Record::Image(image)) = decode(&exec(b"x\0", b"memfd:evil\0"), &clock()) else { panic!() };
        assert!(image.flags.exe_memfd);
        assert_eq!(image.exe, "memfd:evil");
    }

    #[test]
    fn cut_anywhere_it_is_an_error() {
        let bytes = exec(b"nmap\0-sS\0", b"nmap\0");
        for end in 0..bytes.len() {
            assert!(decode(&bytes[..end], &clock()).is_err(), "cut at {end}");
        }
        assert!(decode(&bytes, &clock()).is_ok());
    }

    #[test]
    fn tcp_outcomes() {
        let check = |old, new, error, expected| {
            let mut record = record_tcp { old_state: old, new_state: new, error, ..record_tcp::default() };
            record.header.kind = record_kind::RECORD_TCP as u16;
            record.family = AF_INET;
            let Ok(Record::Tcp(tcp)) = decode(&bytes_of(&record), &clock()) else { panic!("no connection") };
            assert_eq!(tcp.flow.state, expected);
        };
        check(TCP_CLOSE, TCP_SYN_SENT, 0, FlowState::Attempt);
        check(TCP_SYN_SENT, TCP_ESTABLISHED, 0, FlowState::Established);
        check(TCP_SYN_SENT, TCP_CLOSE, 111, FlowState::Refused);
        check(TCP_SYN_SENT, TCP_CLOSE, 110, FlowState::TimedOut);
        check(TCP_SYN_SENT, TCP_CLOSE, 0, FlowState::Failed);
        check(TCP_ESTABLISHED, TCP_CLOSE, 0, FlowState::Closed);
        check(TCP_CLOSE, TCP_LISTEN, 0, FlowState::Listening);
    }

    #[test]
    fn mapped_addresses_become_plain() {
        let mut bytes = [0; 16];
        bytes[10..].copy_from_slice(&[0xff, 0xff, 192, 0, 2, 1]);
        assert_eq!(address(10, &bytes), IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
    }

    #[test]
    fn a_slot_that_is_being_written_is_left_for_later() {
        let mut slot = record_flow_slot { begun: 2, ended: 1, ..record_flow_slot::default() };
        slot.packets.packets = 1;
        assert!(decode_slot(&bytes_of(&slot), &clock()).is_none());
        slot.ended = 2;
        assert!(decode_slot(&bytes_of(&slot), &clock()).is_some());
    }
}
