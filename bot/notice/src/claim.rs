//! What a notice claims: the language between `notice` (which reads) and the rest of the bot.
//!
//! [`Parsed`] is the JSON contract of `gumshoe parse`; its field names and values are kept.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One notice, read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parsed {
    /// The layout that was recognised, such as `aws_email` or `guardduty`; `generic` when none was.
    pub format: String,
    /// What is to become of the notice.
    pub disposition: Disposition,
    /// The reporter's own number for the case, verbatim.
    pub case_id: Option<String>,
    /// When the reporter wants an answer.
    pub deadline: Option<Timestamp>,
    /// The accusations in it, in the notice's order.
    pub claims: Vec<Claim>,
    /// What a person should know of the reading: assumptions, oddities, limits reached.
    pub warnings: Vec<String>,
    /// Why it accuses none of ours, where it does not; a playbook says whether that is answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aside: Option<Aside>,
}

/// How the warning begins that says that nobody could be named, whom it could mean, and why none of them was taken.
pub const UNDECIDED: &str = "could not tell who is accused";

/// What is to become of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// It accuses a resource of ours: investigate.
    Claims,
    /// It is no accusation (billing, policy, an auto-reply).
    NotAbuse,
    /// Somebody else attacked us.
    Inbound,
    /// It could not be read; a person must look.
    Unreadable,
}

/// Why a notice accuses none of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aside {
    /// About copyright or trademarks: no host's history answers it.
    Rights,
    /// Somebody else attacked us.
    Inbound,
    /// The reporter considers the case resolved, or takes it back.
    Resolved,
    /// About the safety of an account: keys, sign-ins.
    Account,
    /// Bills, offers, maintenance, policy, newsletters.
    Business,
    /// A machine's answer, or a mail that could not be delivered.
    Automatic,
    /// Our own letter, or somebody's answer to a complaint of ours.
    Answer,
    /// None of these.
    Other,
}

/// One accusation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Whom it names as the source.
    pub accused: Accused,
    /// The other side, as far as it is named.
    pub remote: Vec<Remote>,
    /// Names of the other side that were asked of DNS, lower case, without the last dot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// When it is said to have happened; none when the notice names no time at all.
    pub window: Option<ClaimWindow>,
    /// What is said to have been done.
    pub activity: Activity,
}

impl Claim {
    /// Whether it names the other side, by address or by name.
    pub fn names_target(&self) -> bool {
        !self.remote.is_empty() || !self.names.is_empty()
    }
}

/// Whom a claim names as the source of the abuse.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accused {
    /// EC2 or hybrid instance ids.
    pub instance_ids: Vec<String>,
    /// Addresses, in the notice's order, without repeats.
    pub addresses: Vec<IpAddr>,
    /// Host names, lower case.
    pub hostnames: Vec<String>,
    /// The twelve-digit AWS account id.
    pub account: Option<String>,
    /// The AWS region.
    pub region: Option<String>,
    /// Its ports as the reporter saw them: those of a NAT, where one stands between.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<u16>,
    /// The process, where a finding of a detector on the host names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<AccusedProcess>,
}

/// The process that a runtime finding names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccusedProcess {
    /// Its name.
    pub name: String,
    /// The path of its executable.
    pub executable: Option<String>,
    /// Its process id, as the host counts.
    pub pid: Option<u32>,
    /// The user it ran as.
    pub user: Option<String>,
    /// Its ancestors' executables, nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lineage: Vec<String>,
}

/// One remote endpoint that a claim names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remote {
    /// The reporter's or victim's address.
    pub address: IpAddr,
    /// The port there, where one is named.
    pub port: Option<u16>,
    /// The protocol, where one is named.
    pub protocol: Option<ClaimProtocol>,
}

/// The protocol a claim names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimProtocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP or ICMPv6.
    Icmp,
    /// Anything else.
    Other,
}

/// When the claimed activity happened, already widened by how uncertain the reading was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimWindow {
    /// Earliest time, inclusive.
    pub from: Timestamp,
    /// Latest time, inclusive.
    pub to: Timestamp,
    /// How the zone of the notice's times was known.
    pub zone: ZoneSource,
}

/// How the zone of a notice's times was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ZoneSource {
    /// Written beside the time.
    Explicit,
    /// Said in the notice's prose.
    Prose,
    /// Taken from a header such as Date.
    Header,
    /// Not known; the window is widened.
    Assumed,
}

/// What a claim says was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    /// Scanning of ports or hosts.
    PortScan,
    /// Guessing of passwords.
    LoginAttack,
    /// Exploits, unauthorised access.
    IntrusionAttempt,
    /// Floods sent by the accused itself.
    DenialOfService,
    /// Floods through an open resolver, memcached and the like.
    Reflection,
    /// Mail, forum or comment spam.
    Spam,
    /// Malware offered for download.
    MalwareHosting,
    /// Phishing pages.
    Phishing,
    /// Botnet membership or control.
    CommandAndControl,
    /// Mining.
    CryptoMining,
    /// Open proxy or relay.
    OpenProxy,
    /// Tor relay or client.
    Tor,
    /// Crawling of web sites against their will.
    WebCrawling,
    /// Copyright.
    Copyright,
    /// None of these.
    Other,
}
