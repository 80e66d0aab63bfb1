//! From the bytes of a record to its meaning. Pure: no libbpf, no /proc, no clock.
//!
//! The layouts are those of `host-recorder-bpf/include/record.h`. Bytes come from our own programs, and are
//! checked all the same: a record that is short or of an unknown kind is an error, never a panic.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use history::Credentials;
use history::Direction;
use history::Dns;
use history::Endpoint;
use history::Flow;
use history::FlowState;
use history::Namespaces;
use history::Operation;
use history::OperationKind;
use history::ProcessFlags;
use history::ProcessId;
use history::Protocol;
use history::UnixNs;
use history::Via;
use host_recorder_bpf::record::*;
use thiserror::Error;

use crate::clock::Clock;
use crate::dns;
use crate::syscalls;

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
        /// Ids of the one who did it, where known.
        credentials: Option<Credentials>,
        /// The changes, in order.
        changes: Vec<Connection>,
    },
    /// Packets were sent or received: of each flow its totals so far.
    Packets {
        /// Sender's ids at the first packet, where it was seen sending.
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Context {
    /// Ids.
    pub credentials: Credentials,
    /// Namespaces; those that a process has left are 0.
    pub namespaces: Namespaces,
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
    /// Whether it stood before the recorder began: who began it is then not known.
    pub open_before: bool,
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
/// A flag of io_uring_setup(2).
const IORING_SETUP_SQPOLL: u32 = 2;

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
        record_kind::RECORD_SYSCALL => {
            let record: record_syscall = read(bytes, header.kind)?;
            Ok(Record::Syscall {
                boot_ns: header.time_ns,
                context: context(&record.context),
                operation: Operation {
                    process: known(&header.process, clock),
                    kind: OperationKind::Syscall,
                    detail: describe_syscall(&record),
                },
            })
        }
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

fn context(from: &record_context) -> Context {
    Context {
        credentials: credentials(&from.credentials),
        namespaces: Namespaces {
            mount: from.mount_ns,
            net: from.net_ns,
            pid: from.pid_ns,
            user: from.user_ns,
        },
    }
}

/// A TCP flow without what a change tells.
fn tcp_flow(at: UnixNs) -> Flow {
    let nowhere = Endpoint { address: Ipv4Addr::UNSPECIFIED.into(), port: 0 };
    Flow {
        owner: None,
        sender: None,
        protocol: Protocol::TCP,
        via: Via::Socket,
        direction: Direction::Out,
        state: FlowState::Attempt,
        local: nowhere,
        remote: nowhere,
        packets: 0,
        bytes: 0,
        bytes_received: 0,
        tcp_flags: 0,
        first: at,
        last: at,
    }
}

/// What became of a connection that failed.
fn failure(error: u32) -> FlowState {
    match i32::try_from(error).unwrap_or(0) {
        libc::ECONNREFUSED => FlowState::Refused,
        libc::ETIMEDOUT => FlowState::TimedOut,
        _ => FlowState::Failed,
    }
}

fn decode_connection(record: &record_tcp, clock: &Clock) -> Result<Record, DecodeError> {
    let (old, new) = (record.old_state, record.new_state);
    let snapshot = u32::from(record.header.flags) & record_flag::RECORD_FLAG_SNAPSHOT != 0;
    let state = match (old, new) {
        (_, TCP_SYN_SENT) => FlowState::Attempt,
        (_, TCP_ESTABLISHED) => FlowState::Established,
        (_, TCP_LISTEN) | (TCP_LISTEN, TCP_CLOSE) => FlowState::Listening,
        (TCP_SYN_SENT, TCP_CLOSE) => failure(record.error),
        (_, TCP_CLOSE) => FlowState::Closed,
        _ => return Err(DecodeError::Kind(record.header.kind)),
    };
    let owner = known(&record.header.process, clock);
    let actor = known(&record.actor, clock);
    let inward = old == TCP_SYN_RECV || state == FlowState::Listening;
    let change = Connection {
        boot_ns: record.header.time_ns,
        socket: record.socket,
        accepted: old == TCP_SYN_RECV,
        open_before: snapshot,
        over: new == TCP_CLOSE,
        flow: Flow {
            owner,
            sender: actor.filter(|actor| Some(*actor) != owner),
            direction: if inward { Direction::In } else { Direction::Out },
            state,
            local: Endpoint {
                address: address(record.family, &record.local_address),
                port: record.local_port,
            },
            remote: Endpoint {
                address: address(record.family, &record.remote_address),
                port: record.remote_port,
            },
            bytes: record.bytes_sent,
            bytes_received: record.bytes_received,
            ..tcp_flow(clock.wall(record.header.time_ns))
        },
    };
    let credentials = actor.map(|_| credentials(&record.credentials));
    Ok(Record::Connections { credentials, changes: vec![change] })
}

fn via(number: u8) -> Via {
    match u32::from(number) {
        record_via::RECORD_VIA_SOCKET => Via::Socket,
        record_via::RECORD_VIA_RAW_IP => Via::RawIp,
        record_via::RECORD_VIA_PACKET => Via::Packet,
        record_via::RECORD_VIA_KERNEL => Via::Kernel,
        _ => Via::Forwarded,
    }
}

/// Packets with RECORD_FLAG_RECEIVED were taken in.
fn direction(flags: u16) -> (Direction, FlowState) {
    if u32::from(flags) & record_flag::RECORD_FLAG_RECEIVED != 0 {
        (Direction::In, FlowState::Received)
    } else {
        (Direction::Out, FlowState::Sent)
    }
}

/// A flow's bytes: sent, received.
fn bytes(direction: Direction, bytes: u64) -> (u64, u64) {
    if direction == Direction::In { (0, bytes) } else { (bytes, 0) }
}

fn decode_packets(record: &record_packets, clock: &Clock) -> Record {
    let owner = known(&record.header.process, clock);
    let actor = known(&record.actor, clock);
    let (direction, state) = direction(record.header.flags);
    let (sent, received) = bytes(direction, record.bytes);
    let flow = Flow {
        owner,
        sender: actor.filter(|actor| Some(*actor) != owner),
        protocol: Protocol(record.protocol),
        via: via(record.via),
        direction,
        state,
        local: Endpoint { address: address(record.family, &record.local_address), port: record.local_port },
        remote: Endpoint {
            address: address(record.family, &record.remote_address),
            port: record.remote_port,
        },
        packets: record.packets,
        bytes: sent,
        bytes_received: received,
        tcp_flags: record.tcp_flags,
        first: clock.wall(record.first_ns),
        last: clock.wall(record.last_ns),
    };
    // Totals tell no ids: the batch with the flow's first packet did.
    let told = actor.filter(|_| record.credentials != record_credentials::default());
    Record::Packets {
        credentials: told.map(|_| credentials(&record.credentials)),
        flows: vec![(record.header.time_ns, flow)],
    }
}

fn decode_batch(bytes: &[u8], clock: &Clock) -> Result<Record, DecodeError> {
    const HEAD: usize = std::mem::offset_of!(record_batch, targets);
    let kind = record_kind::RECORD_BATCH as u16;
    let short = DecodeError::Short { kind, bytes: bytes.len() };
    // The entries that were not written are read as zeros.
    let mut whole = [0; size_of::<record_batch>()];
    let given = whole.get_mut(..bytes.len()).filter(|given| given.len() >= HEAD).ok_or(short.clone())?;
    given.copy_from_slice(bytes);
    let batch: record_batch = read(&whole, kind)?;
    let targets = batch.targets.get(..batch.count as usize).ok_or(short.clone())?;
    if bytes.len() < HEAD + size_of_val(targets) {
        return Err(short);
    }
    let owner = known(&batch.header.process, clock);
    let actor = known(&batch.actor, clock);
    let credentials = actor.map(|_| credentials(&batch.credentials));
    let local = address(batch.family, &batch.local_address);
    let sender = actor.filter(|actor| Some(*actor) != owner);
    let base = Flow { owner, sender, ..tcp_flow(UnixNs::default()) };
    let ends = |target: &record_target| {
        let remote = address(batch.family, &target.remote_address);
        (
            Endpoint { address: local, port: target.local_port },
            Endpoint { address: remote, port: target.remote_port },
        )
    };
    if batch.protocol == Protocol::TCP.0 && via(batch.via) == Via::Socket {
        let changes = targets.iter().map(|target| {
            let boot_ns = batch.first_ns + u64::from(target.after_ns);
            let at = clock.wall(boot_ns);
            let over = target.state == TCP_CLOSE;
            let (local, remote) = ends(target);
            let state = if over { failure(u32::from(target.error)) } else { FlowState::Attempt };
            // A failure is told by whoever happens to run.
            let sender = sender.filter(|_| !over);
            Connection {
                boot_ns,
                socket: target.socket,
                accepted: false,
                open_before: false,
                over,
                flow: Flow { sender, state, local, remote, first: at, last: at, ..base.clone() },
            }
        });
        return Ok(Record::Connections { credentials, changes: changes.collect() });
    }
    let (direction, state) = direction(batch.header.flags);
    let flows = targets.iter().map(|target| {
        let boot_ns = batch.first_ns + u64::from(target.after_ns);
        let at = clock.wall(boot_ns);
        let (local, remote) = ends(target);
        let (sent, received) = self::bytes(direction, u64::from(target.bytes));
        let flow = Flow {
            protocol: Protocol(batch.protocol),
            via: via(batch.via),
            direction,
            state,
            local,
            remote,
            packets: 1,
            bytes: sent,
            bytes_received: received,
            tcp_flags: target.tcp_flags,
            first: at,
            last: at,
            ..base.clone()
        };
        (boot_ns, flow)
    });
    Ok(Record::Packets { credentials, flows: flows.collect() })
}

fn decode_bind(record: &record_bind, clock: &Clock) -> Record {
    let boot_ns = record.header.time_ns;
    let nowhere: IpAddr = match record.family {
        AF_INET => Ipv4Addr::UNSPECIFIED.into(),
        _ => Ipv6Addr::UNSPECIFIED.into(),
    };
    let flow = Flow {
        owner: known(&record.header.process, clock),
        protocol: Protocol(u8::try_from(record.protocol).unwrap_or(0)),
        direction: Direction::In,
        state: FlowState::Bound,
        local: Endpoint { address: address(record.family, &record.address), port: record.port },
        remote: Endpoint { address: nowhere, port: 0 },
        ..tcp_flow(clock.wall(boot_ns))
    };
    Record::Packets { credentials: None, flows: vec![(boot_ns, flow)] }
}

fn decode_dns(record: &record_dns, clock: &Clock) -> Option<Dns> {
    let message = record.message.get(..usize::from(record.length))?;
    let received = u32::from(record.header.flags) & record_flag::RECORD_FLAG_RECEIVED != 0;
    let remote =
        Endpoint { address: address(record.family, &record.remote_address), port: record.remote_port };
    let parsed = dns::parse(message)?;
    Some(Dns {
        process: known(&record.header.process, clock),
        remote: Some(remote),
        sent: !received,
        ..parsed
    })
}

fn decode_operation(record: &record_operation, clock: &Clock) -> Result<Record, DecodeError> {
    let kind = match record.operation {
        record_operation_kind::RECORD_OPERATION_MODULE => OperationKind::ModuleLoad,
        record_operation_kind::RECORD_OPERATION_IO_URING => OperationKind::IoUring,
        record_operation_kind::RECORD_OPERATION_CGROUP_CREATE => OperationKind::CgroupCreate,
        record_operation_kind::RECORD_OPERATION_CGROUP_REMOVE => OperationKind::CgroupRemove,
        record_operation_kind::RECORD_OPERATION_PACKET_TRANSMIT_RING => OperationKind::PacketTransmitRing,
        record_operation_kind::RECORD_OPERATION_PACKET_BYPASS => OperationKind::PacketBypass,
        record_operation_kind::RECORD_OPERATION_XDP => OperationKind::Xdp,
        _ => return Err(DecodeError::Kind(record.header.kind)),
    };
    let detail = match kind {
        OperationKind::IoUring if record.number & IORING_SETUP_SQPOLL != 0 => {
            "with a kernel thread that submits (SQPOLL)".to_owned()
        }
        OperationKind::PacketTransmitRing => "PACKET_TX_RING".to_owned(),
        OperationKind::PacketBypass => "PACKET_QDISC_BYPASS".to_owned(),
        OperationKind::Xdp => "AF_XDP".to_owned(),
        _ => text(&record.detail),
    };
    let operation = Operation { process: known(&record.header.process, clock), kind, detail };
    Ok(Record::Operation { boot_ns: record.header.time_ns, operation })
}

/// A call as strace would write it, numbers in hexadecimal but for small ones.
fn describe_syscall(record: &record_syscall) -> String {
    let Some(call) = syscalls::by_number(record.number) else {
        return format!("syscall {}", record.number);
    };
    let half = record.texts.len() / 2;
    let argument = |index: usize| {
        let value = record.arguments[index];
        let given = call.text_of(index).and_then(|place| {
            let length = usize::from(record.text_len[place]);
            record.texts.get(place * half..place * half + length).filter(|text| !text.is_empty())
        });
        match given {
            Some(given) => format!("{:?}", text(given)),
            None if value < 4_096 => value.to_string(),
            None if i64::from(value as i32) < 0 && value >> 32 == 0 => (value as i32).to_string(),
            None => format!("{value:#x}"),
        }
    };
    let arguments: Vec<String> = (0..call.arguments.min(record.arguments.len())).map(argument).collect();
    format!("{}({}) = {}", call.name, arguments.join(", "), record.result)
}

/// Text of the kernel's up to its NUL.
fn text(chars: &[std::ffi::c_char]) -> String {
    let bytes: Vec<u8> = chars.iter().map(|c| *c as u8).take_while(|byte| *byte != 0).collect();
    String::from_utf8_lossy(&bytes).into_owned()
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
            let Ok(Record::Connections { changes, .. }) = decode(&bytes_of(&record), &clock()) else {
                panic!()
            };
            assert_eq!(changes[0].flow.state, expected);
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

    fn batch(protocol: u8, via: u32, targets: &[record_target]) -> Vec<u8> {
        let mut batch = record_batch { family: AF_INET, protocol, via: via as u8, ..record_batch::default() };
        batch.header.kind = record_kind::RECORD_BATCH as u16;
        batch.header.process = record_process_id { start_ns: 5, tgid: 42, exec: 3 };
        batch.first_ns = 1_000;
        batch.count = targets.len() as u32;
        batch.targets[..targets.len()].copy_from_slice(targets);
        let mut bytes = bytes_of(&batch);
        bytes.truncate(std::mem::offset_of!(record_batch, targets) + size_of_val(targets));
        bytes
    }

    fn target(last: u8, port: u16) -> record_target {
        let mut target =
            record_target { remote_port: port, after_ns: 7, bytes: 44, ..record_target::default() };
        target.remote_address[..4].copy_from_slice(&[198, 51, 100, last]);
        target
    }

    #[test]
    fn a_batch_of_packets_is_a_flow_for_each() {
        let bytes = batch(17, record_via::RECORD_VIA_SOCKET, &[target(1, 53), target(2, 54)]);
        let Ok(Record::Packets { flows, .. }) = decode(&bytes, &clock()) else { panic!("no packets") };
        let told: Vec<String> = flows.iter().map(|(_, flow)| flow.remote.to_string()).collect();
        assert_eq!(told, ["198.51.100.1:53", "198.51.100.2:54"]);
        assert_eq!((flows[0].0, flows[0].1.packets, flows[0].1.bytes), (1_007, 1, 44));
        assert_eq!(flows[0].1.owner.unwrap().tgid, 42);
        for end in 0..bytes.len() {
            assert!(decode(&bytes[..end], &clock()).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn a_batch_of_connections_is_attempts_and_failures() {
        let attempt = record_target { socket: 9, state: TCP_SYN_SENT, ..target(1, 80) };
        let refused = record_target { socket: 9, state: TCP_CLOSE, error: 111, ..target(1, 80) };
        let bytes = batch(6, record_via::RECORD_VIA_SOCKET, &[attempt, refused]);
        let Ok(Record::Connections { changes, .. }) = decode(&bytes, &clock()) else {
            panic!("no connections")
        };
        let states: Vec<_> = changes.iter().map(|change| (change.flow.state, change.over)).collect();
        assert_eq!(states, [(FlowState::Attempt, false), (FlowState::Refused, true)]);
        // A SYN that a program wrote itself is a packet.
        let bytes = batch(6, record_via::RECORD_VIA_RAW_IP, &[target(1, 80)]);
        assert!(matches!(decode(&bytes, &clock()), Ok(Record::Packets { .. })));
    }

    #[test]
    fn a_count_beyond_the_entries_is_an_error() {
        let mut bytes = batch(17, 0, &[target(1, 1)]);
        let at = std::mem::offset_of!(record_batch, count);
        bytes[at..at + 4].copy_from_slice(&1_000u32.to_ne_bytes());
        assert!(decode(&bytes, &clock()).is_err());
    }

    #[test]
    fn a_system_call_reads_like_one() {
        let call = syscalls::by_name("renameat2").unwrap();
        let mut record = record_syscall { number: call.number, result: -13, ..record_syscall::default() };
        record.header.kind = record_kind::RECORD_SYSCALL as u16;
        record.arguments = [(-100i32) as u32 as u64, 1, 5, 2, 0, 0];
        for (at, text) in [(0, b"/a\n\0".as_slice()), (256, b"/tmp\0".as_slice())] {
            for (to, from) in record.texts[at..].iter_mut().zip(text) {
                *to = *from as std::ffi::c_char;
            }
        }
        record.text_len = [4, 5];
        let Ok(Record::Syscall { operation, .. }) = decode(&bytes_of(&record), &clock()) else { panic!() };
        assert_eq!(operation.detail, r#"renameat2(-100, "/a\n", 5, "/tmp", 0) = -13"#);
    }
}
