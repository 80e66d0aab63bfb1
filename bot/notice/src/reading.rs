//! What reading a notice gives: the contract ([`Parsed`]) and everything around it that the case,
//! the thread, the reply and a person who doubts need.

use std::net::IpAddr;

use serde::Serialize;

use super::label::Role;
use crate::claim::Parsed;

/// One notice, read, with where each fact came from.
#[derive(Debug, Clone, Serialize)]
pub struct Reading {
    /// What `gumshoe parse` prints.
    pub parsed: Parsed,
    /// The layout within the format, such as `aws_email/final`; counted, so that drift shows.
    pub layout: String,
    /// What joins this notice to others.
    pub thread: ThreadKeys,
    /// Where in a case's life it stands.
    pub stage: Stage,
    /// How far its sender is believed.
    pub trust: Trust,
    /// What an answer by mail needs.
    pub reply: Option<Reply>,
    /// Network interface ids that it names.
    pub interfaces: Vec<String>,
    /// Ports of the accused that it names; they tell hosts behind a NAT apart.
    pub source_ports: Vec<u16>,
    /// Addresses that it names and that any account may hold, whatever it says of them, the accused first.
    pub candidates: Vec<IpAddr>,
    /// Where the mail lies, `s3://bucket/key`, when the notice only points at it.
    pub stored_at: Option<String>,
    /// It is an event for machines (an instance's state, a command's end): counted, never posted.
    pub quiet: bool,
    /// The facts, each with its place and reason.
    pub facts: Vec<Fact>,
}

impl Reading {
    /// A reading of which nothing is known but the contract.
    pub fn plain(parsed: Parsed) -> Self {
        Self {
            layout: parsed.format.clone(),
            parsed,
            thread: ThreadKeys::default(),
            stage: Stage::default(),
            trust: Trust::Unknown,
            reply: None,
            interfaces: Vec::new(),
            source_ports: Vec::new(),
            candidates: Vec::new(),
            stored_at: None,
            quiet: false,
            facts: Vec::new(),
        }
    }
}

/// What joins notices of one case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ThreadKeys {
    /// The same event told again has the same key: eventArn and communicationId, or finding id.
    pub dedupe: Option<String>,
    /// Case numbers, message ids, finding ids; sharing one makes one case.
    pub keys: Vec<String>,
}

/// Where in a case's life a notice stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The first word of it.
    #[default]
    First,
    /// Nobody answered.
    Reminder,
    /// Nobody answered and measures were taken, or will be.
    Final,
    /// An answer to our answer, or more evidence.
    FollowUp,
    /// The reporter is satisfied.
    Resolved,
}

/// How far the sender of a notice is believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "level")]
pub enum Trust {
    /// It came as an event of our own accounts, not as a mail.
    Event,
    /// The mail's sender is proven to be this domain.
    Authenticated {
        /// The domain that signed it.
        domain: String,
    },
    /// It claims a sender that is not proven: investigate, mark it, offer no actions.
    Unauthenticated {
        /// Why not.
        why: String,
    },
    /// Nothing is known of its sender (a file, a pasted text).
    Unknown,
}

/// What an answer by mail needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reply {
    /// To whom.
    pub to: String,
    /// The notice's subject, verbatim.
    pub subject: String,
    /// The notice's Message-ID.
    pub in_reply_to: Option<String>,
    /// Its References and In-Reply-To, oldest first.
    pub references: Vec<String>,
}

/// One fact, and where it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// What kind of fact: `address`, `time`, `activity`, `case_id`.
    pub what: &'static str,
    /// The value.
    pub value: String,
    /// For an address, whose it is; none when that is not settled.
    pub role: Option<Role>,
    /// Why it is taken for that.
    pub why: String,
    /// The part of the notice: `body`, `subject`, a file name.
    pub part: String,
    /// The line in that part, from one; none in structured values.
    pub line: Option<usize>,
}
