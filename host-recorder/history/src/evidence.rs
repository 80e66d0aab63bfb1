//! Evidence: what a host answers for a window. Versioned, bounded, with a statement of its completeness.
//!
//! This is the only language between recorder and bot. The bot treats it as untrusted input.

use std::net::IpAddr;

use serde::Deserialize;
use serde::Serialize;

use crate::event::Direction;
use crate::event::Dns;
use crate::event::Flow;
use crate::event::FlowState;
use crate::event::Login;
use crate::event::LossClass;
use crate::event::Operation;
use crate::event::Process;
use crate::event::Protocol;
use crate::event::Via;
use crate::id::EventId;
use crate::id::ProcessId;
use crate::id::UnixNs;
use crate::who::Who;

/// Version of [`Request`] and [`Evidence`]; a host answers a request of another version with an error.
pub const VERSION: u32 = 1;

/// A time range, both ends inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Window {
    /// Earliest time.
    pub from: UnixNs,
    /// Latest time.
    pub to: UnixNs,
}

impl Window {
    /// Whether a time lies in it.
    pub fn contains(&self, at: UnixNs) -> bool {
        self.from <= at && at <= self.to
    }

    /// Whether a range touches it.
    pub fn touches(&self, from: UnixNs, to: UnixNs) -> bool {
        from <= self.to && self.from <= to
    }
}

/// A range of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Prefix {
    /// Any address in it.
    pub address: IpAddr,
    /// Its length in bits.
    pub length: u8,
}

impl Prefix {
    /// Whether an address lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(of), IpAddr::V4(it)) => {
                let shift = 32u32.saturating_sub(u32::from(self.length));
                (u32::from(of) ^ u32::from(it)).checked_shr(shift).unwrap_or(0) == 0
            }
            (IpAddr::V6(of), IpAddr::V6(it)) => {
                let shift = 128u32.saturating_sub(u32::from(self.length));
                (u128::from(of) ^ u128::from(it)).checked_shr(shift).unwrap_or(0) == 0
            }
            _ => false,
        }
    }

    /// Whether it is a single address.
    pub fn is_one_address(&self) -> bool {
        self.length == if self.address.is_ipv4() { 32 } else { 128 }
    }
}

/// What is asked of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Request {
    /// [`VERSION`].
    pub version: u32,
    /// The window.
    pub window: Window,
    /// Remote addresses the claim names; none means any.
    #[serde(default)]
    pub remotes: Vec<Prefix>,
    /// Remote ports the claim names; none means any.
    #[serde(default)]
    pub ports: Vec<u16>,
    /// Protocol the claim names; none means any.
    #[serde(default)]
    pub protocol: Option<Protocol>,
    /// DNS names the claim names, lower case; what this host was told are their addresses counts as remote.
    #[serde(default)]
    pub names: Vec<String>,
    /// Whose traffic the claim means; anybody's unless told. A host that does not know this answers for anybody.
    #[serde(default, skip_serializing_if = "Who::is_anybody")]
    pub who: Who,
}

/// What a host answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Evidence {
    /// [`VERSION`].
    pub version: u32,
    /// Who answers.
    pub host: Host,
    /// What was asked, as the host understood it.
    pub request: Request,
    /// When the host answered, by its own wall clock.
    pub answered: UnixNs,
    /// How complete the history of the window is.
    pub coverage: Coverage,
    /// Traffic by process, matching ones first, then by number of targets.
    pub activities: Vec<Activity>,
    /// Every process that is named anywhere here, and its ancestors as far as known.
    pub processes: Vec<Process>,
    /// Ends of processes that are named here.
    pub exits: Vec<Exit>,
    /// Logins that began a session seen here, and other logins and attempts of the window.
    pub logins: Vec<LoginEvent>,
    /// Single flows that matched, the earliest ones, as examples with their event ids.
    pub samples: Vec<FlowEvent>,
    /// DNS messages whose name or answer concerns what was asked, and those of the processes named here.
    #[serde(default)]
    pub dns: Vec<DnsEvent>,
    /// Operations of the processes named here, and all critical ones of the window.
    #[serde(default)]
    pub operations: Vec<OperationEvent>,
    /// What history knows of the persons behind what was asked for, from before.
    #[serde(default)]
    pub habits: Vec<Habit>,
    /// What had to be left out to keep the answer within its bound; empty when nothing was.
    pub omitted: Vec<Omission>,
}

/// Who answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Host {
    /// Host name.
    pub hostname: String,
    /// Kernel release.
    pub kernel: String,
    /// Recorder version.
    pub recorder: String,
    /// EC2 instance id, where the recorder knows it.
    #[serde(default)]
    pub instance_id: Option<String>,
}

/// How complete the history of a window is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Coverage {
    /// What was asked for; its end is at most the time of the answer.
    pub window: Window,
    /// When within it the recorder ran, in order.
    pub recorded: Vec<Window>,
    /// When it did not, and why.
    pub gaps: Vec<Gap>,
    /// What was lost while it ran, by class.
    pub losses: Vec<Loss>,
    /// Oldest event in the ring, where there is one.
    pub oldest: Option<UnixNs>,
    /// Events searched for this answer.
    pub events_searched: u64,
}

impl Coverage {
    /// Whether the window is recorded from end to end and nothing was lost in it.
    pub fn complete(&self) -> bool {
        self.gaps.is_empty() && self.losses.is_empty() && !self.recorded.is_empty()
    }
}

/// A time without history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Gap {
    /// When.
    pub window: Window,
    /// Why, in words.
    pub reason: String,
}

/// Events lost in a window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Loss {
    /// Kind of event.
    pub class: LossClass,
    /// How many.
    pub count: u64,
    /// Between when and when.
    pub window: Window,
}

/// The traffic of one process by one protocol and kind of socket, summed over the window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Activity {
    /// Owner of the sockets; none for forwarded traffic, the kernel's own, and unknown owners.
    pub process: Option<ProcessId>,
    /// Processes whose traffic this is: one, or more where a program was run again and again by the same parent and
    /// not each of its processes fits into the answer. `process` is then the first of them.
    #[serde(default = "one")]
    pub processes: u64,
    /// Others who sent through them.
    pub senders: Vec<ProcessId>,
    /// Protocol.
    pub protocol: Protocol,
    /// Kind of socket.
    pub via: Via,
    /// Who began.
    pub direction: Direction,
    /// Flows in all.
    pub flows: u64,
    /// Flows that match the request's remotes, ports and protocol.
    pub matched: u64,
    /// Distinct remote addresses.
    pub addresses: u64,
    /// Distinct remote ports.
    pub ports: u64,
    /// Distinct remote endpoints.
    pub targets: u64,
    /// Distinct remote ports on the matching remotes.
    pub matched_ports: u64,
    /// Flows by how far they got.
    pub states: Vec<(FlowState, u64)>,
    /// TCP flags the program wrote itself, all flows' together.
    pub tcp_flags: u8,
    /// Packets sent.
    pub packets: u64,
    /// Bytes sent.
    pub bytes: u64,
    /// Bytes received.
    pub bytes_received: u64,
    /// Remote addresses, matching ones first; at most as many as fit.
    pub address_sample: Vec<IpAddr>,
    /// Remote ports (of the matching flows, where any match) as ranges, both ends inclusive; at most as many as fit.
    pub port_ranges: Vec<(u16, u16)>,
    /// Local addresses used.
    pub local_addresses: Vec<IpAddr>,
    /// First packet.
    pub first: UnixNs,
    /// Last packet.
    pub last: UnixNs,
    /// First event.
    pub first_event: EventId,
    /// Last event.
    pub last_event: EventId,
}

fn one() -> u64 {
    1
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Exit {
    /// Event.
    pub event: EventId,
    /// Process.
    pub process: ProcessId,
    /// When.
    pub time: UnixNs,
    /// Exit code.
    pub code: u8,
    /// Signal, or 0.
    pub signal: u8,
}

/// A login with its event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LoginEvent {
    /// Event.
    pub event: EventId,
    /// When.
    pub time: UnixNs,
    /// The login.
    pub login: Login,
}

/// A flow with its event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FlowEvent {
    /// Event.
    pub event: EventId,
    /// The flow.
    pub flow: Flow,
}

/// A DNS message with its event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DnsEvent {
    /// Event.
    pub event: EventId,
    /// When.
    pub time: UnixNs,
    /// The message.
    pub dns: Dns,
}

/// An operation with its event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OperationEvent {
    /// Event.
    pub event: EventId,
    /// When.
    pub time: UnixNs,
    /// The operation.
    pub operation: Operation,
}

/// What the whole ring knows of a user's logins before one of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Habit {
    /// The user.
    pub user: String,
    /// The login that this is about; what is earlier is counted.
    pub before: UnixNs,
    /// Since when was searched.
    pub since: UnixNs,
    /// Whether that is all that the ring holds.
    pub whole: bool,
    /// Logins that were granted.
    pub accepted: u64,
    /// Logins that were refused.
    pub failed: u64,
    /// Distinct days, in UTC, of those granted.
    pub days: u64,
    /// How many of them began in each hour of the day, in UTC; those of the last twelve hours are left out.
    pub hours: Vec<u64>,
    /// Addresses that those granted came from, the most frequent first; at most as many as fit.
    pub sources: Vec<Used>,
    /// How they were authenticated, likewise.
    pub methods: Vec<Used>,
    /// With which keys, likewise.
    pub keys: Vec<Used>,
    /// The programs that are asked about, as far as this user has run them before.
    pub programs: Vec<Used>,
}

/// How often something was used, and when.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Used {
    /// What.
    pub value: String,
    /// How often.
    pub count: u64,
    /// First.
    pub first: UnixNs,
    /// Last.
    pub last: UnixNs,
}

/// Something left out of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Omission {
    /// What, in words: `activities`, `processes` ...
    pub what: String,
    /// How many.
    pub count: u64,
}
