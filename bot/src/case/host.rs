//! Hosts that a claim may mean, and what they answered.

use std::collections::BTreeMap;
use std::net::IpAddr;

use history::Evidence;
use history::Request;
use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

/// One host that a claim may mean, with what is known of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostRef {
    /// EC2 instance id, or `mi-…` for a hybrid node.
    pub instance_id: Option<String>,
    /// Twelve-digit account.
    pub account: Option<String>,
    /// Region.
    pub region: Option<String>,
    /// The Name tag.
    pub name: Option<String>,
    /// Instance state such as `running`.
    pub state: Option<String>,
    /// All tags.
    pub tags: BTreeMap<String, String>,
    /// Private addresses of its interfaces.
    pub private_addresses: Vec<IpAddr>,
    /// Public addresses of its interfaces.
    pub public_addresses: Vec<IpAddr>,
    /// The image that it was launched from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// When it was launched.
    pub launched: Option<Timestamp>,
    /// Why it is thought to be meant, such as "holds 203.0.113.10 now".
    pub why: String,
}

/// What locating a claim's hosts came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Located {
    /// Every candidate; more than one where it could not be settled.
    pub hosts: Vec<HostRef>,
    /// Where was looked, and what could not be reached, in words.
    pub notes: Vec<String>,
}

/// A question to one host and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostAnswer {
    /// The host.
    pub host: HostRef,
    /// What was asked.
    pub request: Request,
    /// When.
    pub asked: Timestamp,
    /// When the answer, or its absence, was certain.
    pub answered: Timestamp,
    /// What came.
    pub answer: Answer,
}

/// That an answer is the archive's, since the host gave none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archived {
    /// Why the host itself was not heard, in words.
    pub why: String,
    /// Up to when there is history of it in the archive.
    pub reaches: Option<Timestamp>,
}

impl Answer {
    /// Evidence that the host itself gave.
    pub fn evidence(evidence: Evidence) -> Self {
        Self::Evidence { evidence: Box::new(evidence), archived: None }
    }

    /// Why there is no evidence, in words; none where there is.
    pub fn why(&self) -> Option<String> {
        match self {
            Self::Evidence { .. } => None,
            Self::Invalid { reason } => Some(format!("its answer could not be believed: {reason}")),
            Self::Unreachable { reason } | Self::NoRecorder { reason } | Self::RecorderFailed { reason } => {
                Some(reason.clone())
            }
        }
    }

    /// The same with something added to why there is no evidence.
    pub fn adding(mut self, more: &str) -> Self {
        if let Self::Unreachable { reason }
        | Self::NoRecorder { reason }
        | Self::RecorderFailed { reason }
        | Self::Invalid { reason } = &mut self
        {
            *reason = format!("{reason}; {more}");
        }
        self
    }
}

/// What came of asking a host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Answer {
    /// It answered.
    Evidence {
        /// The evidence, checked for version, size and window, and still not trusted.
        evidence: Box<Evidence>,
        /// Where it does not come from the host itself, but from its archive.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        archived: Option<Archived>,
    },
    /// The host did not take the command in time.
    Unreachable {
        /// In words.
        reason: String,
    },
    /// The host has no recorder.
    NoRecorder {
        /// In words.
        reason: String,
    },
    /// The recorder failed.
    RecorderFailed {
        /// In words, with what it wrote to standard error.
        reason: String,
    },
    /// The answer could not be believed or read.
    Invalid {
        /// In words.
        reason: String,
    },
}
