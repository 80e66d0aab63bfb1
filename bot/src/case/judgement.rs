//! What an investigation came to: a verdict, how sure it is, and everything that it rests on.
//!
//! Pure data. Text that a host or a notice wrote stands in it as [`Untrusted`], or was made visible before
//! it was put into a sentence.

use std::net::IpAddr;

use history::EventId;
use history::Protocol;
use history::UnixNs;
use history::Via;
use history::Window;
use serde::Deserialize;
use serde::Serialize;

use super::host::HostRef;
use crate::untrusted::Untrusted;

/// What an investigation came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// What happened.
    pub verdict: Verdict,
    /// How sure that is.
    pub confidence: Confidence,
    /// Everything that lowered the confidence, by name.
    pub doubts: Vec<Doubt>,
    /// What would change the verdict.
    pub what_would_change: Vec<String>,
    /// Who may have done it, the likeliest first.
    pub suspects: Vec<Suspect>,
    /// Facts drawn from the evidence.
    pub findings: Vec<Finding>,
    /// What was looked for and not found.
    pub not_found: Vec<String>,
    /// What every candidate host answered.
    pub hosts: Vec<HostView>,
    /// How the first suspect came to do it.
    pub graph: Graph,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Verdict {
    /// A person or a job ran a tool that does such things.
    Tool {
        /// Its name (`nmap`), or its kind (`port scanner`) where only its behaviour is known.
        name: String,
    },
    /// A program that is meant to be there misbehaved.
    MisbehavingApplication,
    /// Somebody else controls the host or a program on it.
    Compromise,
    /// A service answers whoever asks, and others are hit by it.
    ExposedService,
    /// The host forwarded it for somebody else.
    Forwarded,
    /// The host did not do it.
    NotThisHost,
    /// It cannot be said.
    Unknown,
}

impl Verdict {
    /// Its name in JSON and in tables.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Tool { .. } => "tool",
            Self::MisbehavingApplication => "misbehaving_application",
            Self::Compromise => "compromise",
            Self::ExposedService => "exposed_service",
            Self::Forwarded => "forwarded",
            Self::NotThisHost => "not_this_host",
            Self::Unknown => "unknown",
        }
    }
}

/// How sure a verdict is; ordered, the least sure first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// A guess that a person must check.
    Low,
    /// Likely; something is missing.
    Medium,
    /// An unbroken chain, and nothing is missing.
    High,
}

impl std::fmt::Display for Confidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        })
    }
}

/// One reason to be less sure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// Its kind.
    pub kind: DoubtKind,
    /// The most that can be had in spite of it.
    pub at_most: Confidence,
    /// In words.
    pub text: String,
}

/// Kinds of doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DoubtKind {
    /// Part of the claimed time is not recorded.
    CoverageGap,
    /// Events were lost.
    EventsLost,
    /// A socket was set up so that its packets leave unseen.
    PacketsUnseen,
    /// The answer was cut to fit.
    EvidenceOmitted,
    /// A candidate host gave no answer.
    HostNotHeard,
    /// No host could be named.
    NoHost,
    /// The answer contradicts itself.
    Inconsistent,
    /// The host's clock disagrees with ours.
    HostClock,
    /// What matches lies outside the claimed time.
    ReporterClock,
    /// Only part of the claim matches.
    PartialMatch,
    /// The claim names no remote address to match.
    NoTarget,
    /// The claim names no time.
    NoTime,
    /// A process between the traffic and its beginning is not recorded.
    ChainBroken,
    /// How the session or service began is not known.
    EntryUnknown,
    /// The socket's owner is not known.
    OwnerUnknown,
    /// Sockets were shared: owner and sender differ.
    SharedSocket,
    /// A command line was longer than is kept.
    ArgvTruncated,
    /// Two sources name different persons.
    PersonConflict,
    /// Somebody else fits, too.
    SeveralSuspects,
    /// What was done does not look like what is claimed.
    BehaviourDiffers,
    /// What a person left running may have been asked for it by others.
    AskedByOthers,
}

/// One fact, and where it stands in the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is about.
    pub about: About,
    /// The fact.
    pub text: String,
    /// Events that show it.
    pub events: Vec<EventId>,
    /// Which host's history they are in.
    pub host: String,
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// What was done.
    What,
    /// Who did it.
    Who,
    /// Why, or whether it was really them.
    Why,
    /// What else was done.
    Also,
    /// How the host answers.
    Host,
}

/// Somebody who may have done it: one program, with its workers, and where it came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suspect {
    /// The host.
    pub host: String,
    /// What it did.
    pub behaviour: Behaviour,
    /// The process, where the owner of the traffic is known.
    pub process: Option<ProcessView>,
    /// Processes that did the same beside it (workers, a loop of short commands).
    pub siblings: u64,
    /// From the process up to its beginning, the process itself left out.
    pub ancestors: Vec<ProcessView>,
    /// How its session or service began.
    pub entry: Entry,
    /// Whether every link from the traffic to the entry is recorded.
    pub chain_complete: bool,
    /// Who is behind it.
    pub person: Option<Person>,
    /// The program through which it got other rights, such as `sudo`.
    pub elevated_by: Option<Untrusted>,
    /// What it is taken for.
    pub verdict: Verdict,
    /// The rule of the playbook that says so.
    pub rule: Option<String>,
    /// The rule's words for it.
    pub says: String,
    /// The tool's name, or its kind where its name is not known; none where it is no tool. A compromise may use one.
    pub tool: Option<String>,
    /// How the tool was told: `name`, `options`, `behaviour`; empty where it is no tool.
    pub told_by: String,
    /// Signs of a compromise, in words.
    pub signs: Vec<String>,
    /// MITRE ATT&CK techniques.
    pub techniques: Vec<String>,
}

/// What a process did on the network, its workers' part included.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Behaviour {
    /// Protocols, the one with most matches first.
    pub protocols: Vec<Protocol>,
    /// Kinds of socket, likewise.
    pub via: Vec<Via>,
    /// Whether the other side began it.
    pub inbound: bool,
    /// Flows.
    pub flows: u64,
    /// Flows that match the claim.
    pub matched: u64,
    /// Distinct remote addresses; at least, where workers are summed.
    pub addresses: u64,
    /// Distinct remote ports, likewise.
    pub ports: u64,
    /// Distinct remote endpoints, likewise.
    pub targets: u64,
    /// Distinct ports on the claim's addresses.
    pub matched_ports: u64,
    /// Flows that stood.
    pub established: u64,
    /// Flows that were refused, timed out or failed.
    pub failed: u64,
    /// Flows that were sent without a connection.
    pub sent: u64,
    /// TCP flags that the program wrote itself.
    pub tcp_flags: u8,
    /// Packets sent.
    pub packets: u64,
    /// Bytes sent.
    pub bytes: u64,
    /// Bytes received.
    pub bytes_received: u64,
    /// Some of the addresses, the claim's first.
    pub address_sample: Vec<IpAddr>,
    /// The ports, of the matching flows where any match.
    pub port_ranges: Vec<(u16, u16)>,
    /// Local addresses.
    pub local_addresses: Vec<IpAddr>,
    /// First packet.
    pub first: UnixNs,
    /// Last packet.
    pub last: UnixNs,
    /// First and last event of each part.
    pub events: Vec<EventId>,
}

/// A process as a report shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessView {
    /// Its identity, as text.
    pub id: String,
    /// Its process number.
    pub pid: u32,
    /// The program's file name, or the kernel's short name where no file is known.
    pub name: Untrusted,
    /// What people call it: the script and its interpreter, else the name.
    pub title: Untrusted,
    /// Path of the executable.
    pub exe: Untrusted,
    /// Full command line.
    pub argv: Untrusted,
    /// Working directory.
    pub cwd: Untrusted,
    /// Real user.
    pub user: Untrusted,
    /// Effective user.
    pub effective_user: Untrusted,
    /// When this image began.
    pub started: UnixNs,
    /// When it ended, where that is recorded.
    pub ended: Option<UnixNs>,
    /// What is odd about it, in words.
    pub oddities: Vec<String>,
}

/// How a session or service began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    /// A login, such as over ssh.
    Login {
        /// Who and from where.
        login: LoginView,
    },
    /// A session of AWS Systems Manager.
    SsmSession {
        /// The session's name; it begins with the IAM user's or role session's name.
        session: Untrusted,
    },
    /// A command sent through AWS Systems Manager.
    SsmCommand {
        /// The command's id, where it is known.
        #[serde(default)]
        id: Option<Untrusted>,
    },
    /// A job of cron or at.
    Cron {
        /// What was run.
        command: Untrusted,
        /// `cron`, `anacron` or `at`.
        #[serde(default = "cron")]
        service: String,
    },
    /// A systemd unit.
    Unit {
        /// Its name.
        name: Untrusted,
    },
    /// A container.
    Container {
        /// The runtime, such as `docker`.
        runtime: String,
        /// Its id, shortened.
        id: Untrusted,
        /// Its name, where the runtime told it.
        #[serde(default)]
        name: Option<Untrusted>,
        /// Its image, likewise.
        #[serde(default)]
        image: Option<Untrusted>,
        /// The Kubernetes pod, as `namespace/name` or by its uid.
        #[serde(default)]
        pod: Option<Untrusted>,
    },
    /// The machine's console.
    Console {
        /// The terminal.
        tty: Untrusted,
    },
    /// It is not known.
    Unknown,
}

fn cron() -> String {
    "cron".to_owned()
}

/// A login as a report shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginView {
    /// Service, such as `sshd`.
    pub service: Untrusted,
    /// User.
    pub user: Untrusted,
    /// Method, such as `publickey`.
    pub method: Untrusted,
    /// Where from.
    pub source_address: Option<IpAddr>,
    /// Port there.
    pub source_port: Option<u16>,
    /// Type and fingerprint of the key.
    pub key: Option<Untrusted>,
    /// When.
    pub time: UnixNs,
    /// Event.
    pub event: EventId,
}

impl LoginView {
    /// The service as people call it: `ssh` for `sshd`.
    pub fn service_name(&self) -> String {
        match self.service.raw() {
            "sshd" => "ssh".to_owned(),
            _ => self.service.shown(20),
        }
    }
}

/// The person behind a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// User name, or `uid N`.
    pub name: Untrusted,
    /// How that is known: `asked` (whose session had a service start it), `login_uid`, `login`, `parent` ...
    pub known_by: String,
}

/// A candidate host and what it answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostView {
    /// The host.
    pub host: HostRef,
    /// Its name in this report.
    pub name: String,
    /// Whether it answered.
    pub answered: bool,
    /// In words: what came, or why nothing did.
    pub text: String,
    /// Whether the claimed time is recorded from end to end and nothing was lost in it.
    pub complete: bool,
    /// Whether all of the time that was asked is.
    pub complete_asked: bool,
    /// The claimed time.
    pub claimed: Option<Window>,
    /// The time that was asked.
    pub asked: Option<Window>,
    /// Stretches of the asked time without history, with their reasons.
    pub gaps: Vec<(Window, String)>,
    /// Events lost, in words.
    pub losses: Vec<String>,
    /// Events searched.
    pub events_searched: u64,
}

/// How a suspect came to do it, as a picture: at most [`Graph::NODES_MAX`] nodes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Graph {
    /// Nodes, parents before children.
    pub nodes: Vec<Node>,
    /// Edges between them, by index.
    pub edges: Vec<Edge>,
    /// Things folded away.
    pub folded: u64,
}

impl Graph {
    /// What a person can read.
    pub const NODES_MAX: usize = 30;
}

/// A node of a causal graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// Name.
    pub label: Untrusted,
    /// More about it.
    pub detail: Untrusted,
    /// Whether it lies on the way from the entry to the traffic.
    pub on_chain: bool,
}

/// Kinds of nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// Where the person came from.
    Source,
    /// Login, unit, container, cron.
    Entry,
    /// A process.
    Process,
    /// The program that made the traffic.
    Suspect,
    /// Targets.
    Target,
    /// Something that is missing.
    Missing,
}

/// An edge of a causal graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// From which node.
    pub from: usize,
    /// To which.
    pub to: usize,
    /// What it means.
    pub label: String,
}
