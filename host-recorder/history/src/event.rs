//! Events: the facts that a host keeps. Pure data, the same in the log, in segments and in JSON.

use std::net::IpAddr;

use serde::Deserialize;
use serde::Serialize;

use crate::groups::Groups;
use crate::id::EventId;
use crate::id::ProcessId;
use crate::id::UnixNs;
use crate::targets::Targets;

/// One recorded fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// A process was seen with other credentials than before, or executed a program that changed them (setuid).
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
    /// A DNS question or answer passed port 53.
    Dns(Box<Dns>),
    /// A process changed what the kernel does or shows: a module, a namespace, a socket that hides packets.
    Operation(Box<Operation>),
    /// Many flows that are alike but for the remote side: a scan.
    Targets(Box<Targets>),
}

/// How a process image came to be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// The container it runs in, where the cgroup names one.
    #[serde(default)]
    pub container: Option<Box<Container>>,
    /// Inode of the executable.
    pub exe_inode: u64,
    /// The script that was executed, as its path was given, where the executable is its interpreter.
    #[serde(default)]
    pub script: Option<String>,
    /// Namespaces.
    #[serde(default)]
    pub namespaces: Namespaces,
    /// What is odd about it.
    pub flags: ProcessFlags,
}

/// Inode numbers of a process's namespaces; 0 where not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Namespaces {
    /// Of mounts.
    pub mount: u32,
    /// Of the network.
    pub net: u32,
    /// Of process ids.
    pub pid: u32,
    /// Of users.
    pub user: u32,
}

/// A container, by its cgroup and, where the runtime's local socket answers, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Container {
    /// `docker`, `containerd`, `cri-o`, `podman`, `lxc`, `nspawn` ...; empty where only the id is known.
    pub runtime: String,
    /// The runtime's id of it.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// Image reference.
    pub image: Option<String>,
    /// Kubernetes pod as `namespace/name`, or its uid where only that is known.
    pub pod: Option<String>,
}

/// Oddities of a process image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Credentials {
    /// Real user.
    pub uid: u32,
    /// Effective user.
    pub euid: u32,
    /// Real group.
    pub gid: u32,
    /// Effective group.
    pub egid: u32,
    /// Saved user.
    #[serde(default)]
    pub suid: u32,
    /// Saved group.
    #[serde(default)]
    pub sgid: u32,
    /// User for file access.
    #[serde(default)]
    pub fsuid: u32,
    /// Group for file access.
    #[serde(default)]
    pub fsgid: u32,
    /// Who logged in (audit login uid); survives sudo and su. None where no login set it.
    pub login_uid: Option<u32>,
    /// Audit session; none where no login began one.
    pub session: Option<u32>,
    /// Effective capabilities, bit per capability.
    pub capabilities: u64,
    /// Supplementary groups.
    #[serde(default, skip_serializing_if = "Groups::is_empty")]
    pub groups: Groups,
}

impl Credentials {
    /// Whether a process has root's rights, or has given them up for the moment.
    pub fn is_privileged(&self) -> bool {
        [self.uid, self.euid, self.suid].contains(&0)
    }
}

/// A login or an attempt at one: whatever begins a session or acts for somebody.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Login {
    /// Service that let the person in or started the job: `sshd`, `login`, `su`, `sudo`, `cron`, `ssm` ...
    pub service: String,
    /// User name that was asked for.
    pub user: String,
    /// How the person proved to be it (`publickey`, `password` ...), or how the session came about (`crontab`,
    /// `session-manager`, `run-command` ...); `attach` where a session used a terminal that an earlier one left behind.
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
    /// Which log said so, or that the process tree did.
    pub origin: String,
    /// Who asked for it, where that is a user of this host: the one who ran su or sudo, or used another one's terminal.
    #[serde(default)]
    pub by: Option<String>,
    /// The service's own id of the session: SSM session or command id, systemd unit or session, cron's user table.
    #[serde(default)]
    pub session: Option<String>,
    /// What was asked to be run, where the service says so (sudo, cron).
    #[serde(default)]
    pub command: Option<String>,
}

impl Login {
    /// The method of who used a terminal that an earlier session left behind (tmux, screen): `by` did, `process` keeps it.
    /// Also of who had a service start something: `by` did, by the program `service`, and `process` is the first of it.
    pub const ATTACH: &str = "attach";

    /// The method of who was let in at a terminal of this host, and of whom `login` let in from elsewhere.
    pub const CONSOLE: &str = "console";
    /// See [`Login::CONSOLE`].
    pub const REMOTE: &str = "remote";

    /// The method of a session of SSM Session Manager.
    pub const SSM_SESSION: &str = "session-manager";

    /// Whether it tells of something that a session used or had started, and not of a session that began.
    pub fn is_attach(&self) -> bool {
        self.method == Self::ATTACH
    }

    /// The person of the session that it began: who asked for it, the IAM name of an SSM session, whose account is
    /// everybody's, or else the user.
    pub fn person(&self) -> &str {
        let session = self.session.as_deref().filter(|_| self.method == Self::SSM_SESSION);
        self.by.as_deref().or_else(|| iam_name(session?)).unwrap_or(&self.user)
    }
}

/// The name in front of the id of a session of SSM, which is the IAM user's, or the one that a role's session was given.
pub fn iam_name(session: &str) -> Option<&str> {
    /// Shortest id.
    const ID_MIN: usize = 17;
    let (name, id) = session.rsplit_once('-')?;
    let is_id =
        id.len() >= ID_MIN && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    (is_id && !name.is_empty()).then_some(name)
}

/// A transport protocol, by IP protocol number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// This host.
    Out,
    /// The remote side.
    In,
}

/// How far a flow got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// A program chose the local port of a socket (bind); the remote side is empty.
    Bound,
    /// Packets were received by a socket that knows no connections (UDP).
    Received,
}

/// Traffic between one local and one remote endpoint. A later event of the same flow has the totals so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// DNS messages beyond the rate that is kept.
    Dns,
    /// Datagrams that reached a socket before what looks for them was attached: nothing that was sent.
    Received,
}

/// What the recorder did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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

/// A DNS message on port 53 (RFC 1035), as it was sent or received.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Dns {
    /// Who sent or received it, where known.
    pub process: Option<ProcessId>,
    /// The other side.
    pub remote: Option<Endpoint>,
    /// Whether this host sent it, rather than received it.
    pub sent: bool,
    /// Whether it is an answer.
    pub answer: bool,
    /// The name asked for, lower case, without the last dot.
    pub name: String,
    /// Type of the question: 1 A, 28 AAAA, 12 PTR ... (IANA's DNS resource record types).
    pub kind: u16,
    /// Response code of an answer: 0 no error, 3 no such name ...
    pub code: u8,
    /// Addresses in the answer.
    pub addresses: Vec<IpAddr>,
    /// Other names in the answer (CNAME, PTR, MX, NS targets).
    pub names: Vec<String>,
}

/// What a process did to the kernel or to what can be seen of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Operation {
    /// Who, where known.
    pub process: Option<ProcessId>,
    /// What.
    pub kind: OperationKind,
    /// What exactly: a module's name, a path, a flag.
    pub detail: String,
}

/// Kinds of operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    /// A kernel module was loaded.
    ModuleLoad,
    /// A BPF program was loaded into the kernel.
    BpfLoad,
    /// An io_uring was made.
    IoUring,
    /// A cgroup was made.
    CgroupCreate,
    /// A cgroup was removed.
    CgroupRemove,
    /// A packet socket got a ring that packets are sent from: what is sent need not be readable.
    PacketTransmitRing,
    /// A packet socket sends past the queues: no packet of it is seen.
    PacketBypass,
    /// An AF_XDP socket sends: no packet of it is seen.
    Xdp,
    /// A process is in other namespaces than before.
    Namespaces,
    /// A system call of the optional tier returned; the detail has its name, arguments and result.
    Syscall,
    /// A process that acts takes requests on local sockets, which no traffic shows; the detail has their names.
    Serves,
    /// A process that acts reads named pipes or has files watched, or has or had a connection over which it may have been told
    /// what to do, and so may act on what others put there; the detail says which.
    Awaits,
    /// A process that acts, or whose child does, had accepted a connection of another than whose session or job it belongs
    /// to; the detail says whose came last: an address, or a program of this host.
    Asked,
}

impl Operation {
    /// Whether it tells what a process has open, which it may have had for long before that was seen. What came over a
    /// connection is told by when it came.
    pub fn may_be_older(&self) -> bool {
        match self.kind {
            OperationKind::Awaits => {
                !["a connection ", "connections "].iter().any(|by| self.detail.starts_with(by))
            }
            kind => kind == OperationKind::Serves,
        }
    }
}

impl OperationKind {
    /// Whether packets can leave unseen after it, so that coverage of what was sent is in doubt.
    pub fn is_critical(self) -> bool {
        matches!(self, Self::PacketTransmitRing | Self::PacketBypass | Self::Xdp)
    }

    /// Whether it tells by what a process may be asked for its work.
    pub fn is_door(self) -> bool {
        matches!(self, Self::Serves | Self::Awaits | Self::Asked)
    }
}

impl Event {
    /// With its times in whole microseconds, which is how a ring keeps them: clocks of hosts do not agree to less, and
    /// each digit of a time takes space in every event. Identities keep their nanoseconds.
    pub(crate) fn in_whole_us(mut self) -> Self {
        // The earliest time that there is has no whole microsecond before it.
        let whole = |at: &mut UnixNs| at.0 = at.0.saturating_sub(at.0.rem_euclid(1_000));
        // The wall clock's offset from the boot clock stays what it is.
        self.boot_ns = self.boot_ns.saturating_sub(self.time.0.rem_euclid(1_000).unsigned_abs());
        whole(&mut self.time);
        match &mut self.body {
            Body::Process(process) => whole(&mut process.started),
            Body::Flow(flow) => [&mut flow.first, &mut flow.last].into_iter().for_each(whole),
            Body::Targets(targets) => {
                [&mut targets.first, &mut targets.last].into_iter().for_each(whole);
            }
            Body::Loss { from, .. } => whole(from),
            _ => {}
        }
        self
    }

    /// The credentials that it tells of, in order.
    pub(crate) fn credentials_mut(&mut self) -> impl Iterator<Item = &mut Credentials> {
        let told = match &mut self.body {
            Body::Process(process) => [Some(&mut process.credentials), None],
            Body::Credentials { from, to, .. } => [Some(from), Some(to)],
            _ => [None, None],
        };
        told.into_iter().flatten()
    }

    /// The groups of the credentials that it tells of, in order.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &Groups> {
        let told = match &self.body {
            Body::Process(process) => [Some(&process.credentials.groups), None],
            Body::Credentials { from, to, .. } => [Some(&from.groups), Some(&to.groups)],
            _ => [None, None],
        };
        told.into_iter().flatten()
    }

    /// The processes that it names.
    pub fn processes(&self) -> impl Iterator<Item = ProcessId> {
        let named = match &self.body {
            Body::Process(process) => [Some(process.id), process.parent],
            Body::Fork { child, parent } => [Some(*child), Some(*parent)],
            Body::Exit { process, .. } | Body::Credentials { process, .. } => [Some(*process), None],
            Body::Login(login) => [login.process, None],
            Body::Dns(dns) => [dns.process, None],
            Body::Operation(operation) => [operation.process, None],
            Body::Flow(flow) => [flow.owner, flow.sender],
            Body::Targets(targets) => [targets.owner, targets.sender],
            Body::Loss { .. } | Body::Recorder { .. } => [None, None],
        };
        named.into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_person_of_a_session_is_who_asked_for_it_or_its_iam_name() {
        for (session, name) in [
            ("alice-0a1b2c3d4e5f60718", Some("alice")),
            ("alice@example.com-0a1b2c3d4e5f60718", Some("alice@example.com")),
            ("botocore-session-1700000000-0a1b2c3d4e5f60718", Some("botocore-session-1700000000")),
            ("alice-abcdefghij0123456789klmnop", Some("alice")),
            ("alice-0a1b", None),
            ("-0a1b2c3d4e5f60718", None),
            ("", None),
        ] {
            assert_eq!(iam_name(session), name, "{session}");
            let login = Login {
                user: "ssm-user".to_owned(),
                method: Login::SSM_SESSION.to_owned(),
                session: Some(session.to_owned()),
                ..Login::default()
            };
            assert_eq!(login.person(), name.unwrap_or("ssm-user"), "{session}");
            let by = Some("carol".to_owned());
            assert_eq!(Login { by, ..login.clone() }.person(), "carol");
            assert_eq!(Login { method: "crontab".to_owned(), ..login }.person(), "ssm-user");
        }
    }
}
