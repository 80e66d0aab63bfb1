//! Events: the facts that a host keeps. Pure data, the same in the log, in segments and in JSON.

use std::net::IpAddr;

use serde::Deserialize;
use serde::Serialize;

use crate::id::EventId;
use crate::id::ProcessId;
use crate::id::UnixNs;

/// One recorded fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its number in the ring.
    pub id: EventId,
    /// When it happened, by the wall clock.
    pub time: UnixNs,
    /// When it happened since boot, ns, suspend included; untouched by clock steps.
    pub boot_ns: u64,
    /// What happened.
    pub body: Body,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Body {
    /// A process image: executed, found at start, or written again so that a segment explains itself.
    Process(Box<Process>),
    /// A process was forked; the child runs its parent's image.
    Fork {
        /// The child.
        child: ProcessId,
        /// Its parent.
        parent: ProcessId,
    },
    /// A process ended.
    Exit {
        /// Which.
        process: ProcessId,
        /// Exit code, where it ended by itself.
        code: u8,
        /// The signal that ended it, or 0.
        signal: u8,
    },
    /// A process was seen with other credentials than before, without executing.
    Credentials {
        /// Which.
        process: ProcessId,
        /// Before.
        from: Credentials,
        /// After.
        to: Credentials,
    },
    /// Somebody logged in, or tried to.
    Login(Box<Login>),
    /// Packets were sent or a connection changed.
    Flow(Box<Flow>),
    /// Events were lost.
    Loss {
        /// Which kind of event.
        class: LossClass,
        /// How many.
        count: u64,
        /// Since when; the end is the event's own time.
        from: UnixNs,
    },
    /// The recorder itself.
    Recorder {
        /// What it did.
        act: RecorderAct,
        /// In words: version, reason.
        note: String,
    },
}

/// How a process image came to be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// Its execve was seen.
    Exec,
    /// Its fork was seen; the image is its parent's.
    Fork,
    /// It ran already when the recorder started.
    Snapshot,
}

/// One image of a process, with who it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Process {
    /// Its identity.
    pub id: ProcessId,
    /// Its parent when this was recorded, where known.
    pub parent: Option<ProcessId>,
    /// How it came to be recorded.
    pub seen: Seen,
    /// When this image began (execve, fork) or, for a snapshot, when the process started.
    pub started: UnixNs,
    /// The kernel's short name, at most 15 bytes.
    pub comm: String,
    /// Path of the executable in the process's own root; `memfd:NAME` for one without a file.
    pub exe: String,
    /// Arguments, the program's name first.
    pub argv: Vec<String>,
    /// The part of the environment that tells who and whence, as `NAME=value`.
    pub env: Vec<String>,
    /// Working directory.
    pub cwd: String,
    /// Ids.
    pub credentials: Credentials,
    /// Name of the real user, from the process's own mount namespace.
    pub user: Option<String>,
    /// Name of the login user (`loginuid`), likewise.
    pub login_user: Option<String>,
    /// Terminal, such as `pts/0`.
    pub tty: Option<String>,
    /// Path in the cgroup v2 tree.
    pub cgroup: String,
    /// Inode of the executable.
    pub exe_inode: u64,
    /// What is odd about it.
    pub flags: ProcessFlags,
}

/// Oddities of a process image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessFlags {
    /// The executable had no name on disk any more.
    pub exe_deleted: bool,
    /// The executable never had one (memfd).
    pub exe_memfd: bool,
    /// Arguments were longer than is kept.
    pub argv_truncated: bool,
    /// Environment was longer than is searched.
    pub env_truncated: bool,
    /// A path was longer than is kept.
    pub path_truncated: bool,
    /// Secrets were taken out of arguments or environment (only in evidence; a ring holds what there was).
    #[serde(default)]
    pub redacted: bool,
}

/// Who a process is for the kernel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// Real user.
    pub uid: u32,
    /// Effective user.
    pub euid: u32,
    /// Real group.
    pub gid: u32,
    /// Effective group.
    pub egid: u32,
    /// Who logged in (audit login uid); survives sudo and su. None where no login set it.
    pub login_uid: Option<u32>,
    /// Audit session; none where no login began one.
    pub session: Option<u32>,
    /// Effective capabilities, bit per capability.
    pub capabilities: u64,
}

/// A login or an attempt at one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Login {
    /// Service that let the person in, such as `sshd`.
    pub service: String,
    /// User name that was asked for.
    pub user: String,
    /// How the person proved to be it: `publickey`, `password` ...
    pub method: String,
    /// Whether it was granted.
    pub accepted: bool,
    /// Where from.
    pub source_address: Option<IpAddr>,
    /// Port there.
    pub source_port: Option<u16>,
    /// Type and fingerprint of the key, such as `ED25519 SHA256:…`.
    pub key: Option<String>,
    /// The service's process, whose descendants are the session.
    pub process: Option<ProcessId>,
    /// Which log said so.
    pub origin: String,
}

/// A transport protocol, by IP protocol number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "u8", into = "u8")]
pub struct Protocol(pub u8);

impl Protocol {
    /// ICMP.
    pub const ICMP: Self = Self(1);
    /// TCP.
    pub const TCP: Self = Self(6);
    /// UDP.
    pub const UDP: Self = Self(17);
    /// ICMPv6.
    pub const ICMPV6: Self = Self(58);
}

impl From<u8> for Protocol {
    fn from(number: u8) -> Self {
        Self(number)
    }
}

impl From<Protocol> for u8 {
    fn from(protocol: Protocol) -> Self {
        protocol.0
    }
}

impl std::fmt::Display for Protocol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::ICMP => f.write_str("icmp"),
            Self::TCP => f.write_str("tcp"),
            Self::UDP => f.write_str("udp"),
            Self::ICMPV6 => f.write_str("icmp6"),
            Self(number) => write!(f, "ip-{number}"),
        }
    }
}

/// By which kind of socket packets left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// A socket of the protocol itself (TCP connection, UDP or ping socket).
    Socket,
    /// A raw IP socket: the program wrote the transport header.
    RawIp,
    /// An AF_PACKET socket: the program wrote the whole frame.
    Packet,
    /// The kernel's own (resets, echo replies).
    Kernel,
    /// No local socket: forwarded for somebody else.
    Forwarded,
}

/// Who began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// This host.
    Out,
    /// The remote side.
    In,
}

/// How far a flow got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlowState {
    /// Packets were sent; the protocol knows no more (UDP, ICMP, raw).
    Sent,
    /// A TCP connection was tried.
    Attempt,
    /// It stands.
    Established,
    /// It was refused by a reset.
    Refused,
    /// Nobody answered.
    TimedOut,
    /// It failed or was given up before it stood.
    Failed,
    /// It stood and was closed.
    Closed,
    /// A socket listens; the remote side is empty.
    Listening,
}

/// Traffic between one local and one remote endpoint. A later event of the same flow has the totals so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    /// Who made the socket, or, for a socket older than the recorder, who was first seen to use it.
    pub owner: Option<ProcessId>,
    /// Who sent last, where known to differ from the owner (a passed socket).
    pub sender: Option<ProcessId>,
    /// Transport protocol.
    pub protocol: Protocol,
    /// Kind of socket.
    pub via: Via,
    /// Who began.
    pub direction: Direction,
    /// How far it got.
    pub state: FlowState,
    /// This side.
    pub local: Endpoint,
    /// The other side. For ICMP the port is type and code (type * 256 + code).
    pub remote: Endpoint,
    /// Packets sent; 0 where not counted (TCP sockets).
    pub packets: u64,
    /// Bytes sent: on the wire without link header for packets, payload for TCP sockets.
    pub bytes: u64,
    /// Payload bytes received (TCP sockets).
    pub bytes_received: u64,
    /// TCP flags of the first packet where the program wrote them itself.
    pub tcp_flags: u8,
    /// First packet or attempt.
    pub first: UnixNs,
    /// Last packet or change.
    pub last: UnixNs,
}

/// An address and a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Endpoint {
    /// Address; IPv4 never in its IPv6-mapped form.
    pub address: IpAddr,
    /// Port, or 0.
    pub port: u16,
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::net::SocketAddr::new(self.address, self.port).fmt(f)
    }
}

/// Kinds of lost events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossClass {
    /// Fork, exec, exit, credentials.
    Identity,
    /// Connections and packets.
    Flow,
    /// Logins that a log rotated away or that could not be read.
    Login,
    /// Events that reached the recorder and not the disk.
    Disk,
    /// Events whose bytes the recorder could not read.
    Decode,
}

/// What the recorder did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecorderAct {
    /// Hooks are attached; history begins here.
    Started,
    /// It recorded up to here, and nothing else happened.
    Alive,
    /// It stopped in order; all that was seen is on disk.
    Stopped,
    /// The wall clock was stepped; the note says by how much.
    ClockStepped,
}

impl Event {
    /// The processes that it names.
    pub fn processes(&self) -> impl Iterator<Item = ProcessId> {
        let named = match &self.body {
            Body::Process(process) => [Some(process.id), process.parent],
            Body::Fork { child, parent } => [Some(*child), Some(*parent)],
            Body::Exit { process, .. } | Body::Credentials { process, .. } => [Some(*process), None],
            Body::Login(login) => [login.process, None],
            Body::Flow(flow) => [flow.owner, flow.sender],
            Body::Loss { .. } | Body::Recorder { .. } => [None, None],
        };
        named.into_iter().flatten()
    }
}
