//! The report: one value for Slack, the HTML page, JSON and the terminal. Pure.
//!
//! Everything a reader sees stands in [`Report`] in the order in which it is read; the renderers choose and
//! lay out, and add no fact.

mod build;
mod chain;
mod evidence;
mod facts;
mod html;
mod png;
mod reply;
mod scene;
mod sentence;
mod slack;
mod svg;
mod text;
mod timeline;

use std::net::IpAddr;

use history::EventId;
use history::UnixNs;
use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

pub use build::build;
pub use html::html;
pub use png::alt_text;
pub use png::png;
pub use reply::aside;
pub use slack::BLOCKS_MAX;
pub use slack::BUDGET;
pub use slack::blocks;
pub use slack::blocks_investigating;
pub use slack::blocks_with;
pub use slack::evidence_blocks;
pub use slack::fallback_text;
pub use svg::svg;
pub use text::WIDTH;
pub use text::text;

use crate::case::Activity;
use crate::case::CaseId;
use crate::case::Confidence;
use crate::case::Judgement;
use crate::case::LoginView;
use crate::case::Verdict;
use crate::untrusted::Untrusted;

/// Version of [`Report`]'s JSON.
pub const VERSION: u32 = 1;

/// What a case came to, for people and for programs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`VERSION`].
    pub version: u32,
    /// The case.
    pub case_id: CaseId,
    /// The reporter's number for it.
    pub reporter_case: Option<Untrusted>,
    /// What is accused of.
    pub activity: Activity,
    /// When this report was made.
    pub made: Timestamp,
    /// When the first notice arrived.
    pub opened: Timestamp,
    /// When the reporter wants an answer.
    pub deadline: Option<Timestamp>,
    /// The playbook and its version.
    pub playbook: PlaybookRef,
    /// Who should take it: `security` or `owner`.
    pub routing: String,
    /// The verdict in one line.
    pub headline: String,
    /// Who did what, when, from where - and how sure that is.
    pub sentence: String,
    /// The same for programs.
    pub facts: Facts,
    /// Host, account, times, coverage.
    pub fields: Vec<Field>,
    /// From the beginning to the traffic, at most five lines.
    pub chain: Vec<ChainLine>,
    /// What to do next.
    pub steps: Vec<String>,
    /// What happened when.
    pub timeline: Vec<Moment>,
    /// Single events that show it.
    pub evidence: Vec<EvidenceRow>,
    /// What locating the host came to, and what the notice's reader warned of.
    pub notes: Vec<Untrusted>,
    /// MITRE ATT&CK techniques.
    pub techniques: Vec<String>,
    /// The judgement in full.
    pub judgement: Judgement,
    /// A draft of the answer to the reporter.
    pub aws_reply: String,
}

/// Which playbook judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaybookRef {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
}

/// A report's facts, for programs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// `tool`, `not_this_host` ... as in [`Verdict::kind`].
    pub verdict: String,
    /// How sure it is.
    pub confidence: Confidence,
    /// The tool's name, or its kind where its name is not known.
    pub tool: Option<String>,
    /// How the tool was told: `name`, `options`, `behaviour`.
    pub told_by: Option<String>,
    /// Path of the program.
    pub program: Option<Untrusted>,
    /// Its full command line.
    pub argv: Option<Untrusted>,
    /// Its process number.
    pub pid: Option<u32>,
    /// Its real user.
    pub user: Option<Untrusted>,
    /// Its effective user.
    pub effective_user: Option<Untrusted>,
    /// The person behind it.
    pub person: Option<Untrusted>,
    /// Through what it got other rights.
    pub elevated_by: Option<Untrusted>,
    /// `login`, `cron`, `unit` ...
    pub entry: String,
    /// The login that began its session.
    pub login: Option<LoginView>,
    /// What it reached.
    pub targets: Option<Targets>,
    /// Whether every link from the traffic to its beginning is recorded.
    pub chain_complete: bool,
    /// Whether the claimed time is recorded on every candidate host, with nothing lost.
    pub coverage_complete: bool,
    /// The host's name.
    pub host: Option<String>,
    /// Its instance id.
    pub instance_id: Option<String>,
}

/// What a suspect reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Targets {
    /// Some of the addresses, the claim's first.
    pub addresses: Vec<IpAddr>,
    /// How many there are.
    pub address_count: u64,
    /// How many ports, on the reported addresses where those match.
    pub ports: u64,
    /// Which.
    pub port_ranges: Vec<(u16, u16)>,
    /// Flows in all.
    pub flows: u64,
    /// Flows to reported addresses.
    pub matched: u64,
    /// Main protocol, such as `tcp`.
    pub protocol: String,
    /// Kinds of socket.
    pub via: Vec<history::Via>,
    /// First packet.
    pub first: UnixNs,
    /// Last packet.
    pub last: UnixNs,
}

/// A labelled value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// What it is.
    pub label: String,
    /// The value.
    pub value: Untrusted,
}

/// One line of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainLine {
    /// What kind of link: `login`, `shell` ...
    pub kind: String,
    /// The link.
    pub text: Untrusted,
}

/// One moment of the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// When.
    pub at: UnixNs,
    /// What.
    pub text: Untrusted,
    /// Events that show it.
    pub events: Vec<EventId>,
    /// Whether it belongs to the chain.
    pub on_chain: bool,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceRow {
    /// Its number.
    pub event: EventId,
    /// The host.
    pub host: String,
    /// When.
    pub at: UnixNs,
    /// What kind.
    pub kind: String,
    /// What.
    pub text: Untrusted,
}

impl Report {
    /// The first suspect, where the verdict rests on one.
    pub fn suspect(&self) -> Option<&crate::case::Suspect> {
        match self.judgement.verdict {
            Verdict::NotThisHost => None,
            _ => self.judgement.suspects.first(),
        }
    }
}
