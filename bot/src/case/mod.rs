//! Cases and what they are made of. Pure data; the stores stand behind one trait.

mod deed;
mod host;
mod judgement;
pub mod store;

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

pub use deed::Action;
pub use deed::Deed;
pub use deed::DeedState;
pub use deed::Deeds;
pub use host::Answer;
pub use host::Archived;
pub use host::HostAnswer;
pub use host::HostRef;
pub use host::Located;
pub use judgement::About;
pub use judgement::Behaviour;
pub use judgement::Confidence;
pub use judgement::Doubt;
pub use judgement::DoubtKind;
pub use judgement::Edge;
pub use judgement::Entry;
pub use judgement::Finding;
pub use judgement::Graph;
pub use judgement::HostView;
pub use judgement::Judgement;
pub use judgement::LoginView;
pub use judgement::Node;
pub use judgement::NodeKind;
pub use judgement::Person;
pub use judgement::ProcessView;
pub use judgement::Suspect;
pub use judgement::Verdict;
pub use notice::claim::Accused;
pub use notice::claim::AccusedProcess;
pub use notice::claim::Activity;
pub use notice::claim::Aside;
pub use notice::claim::Claim;
pub use notice::claim::ClaimProtocol;
pub use notice::claim::ClaimWindow;
pub use notice::claim::Disposition;
pub use notice::claim::Parsed;
pub use notice::claim::Remote;
pub use notice::claim::UNDECIDED;
pub use notice::claim::ZoneSource;

/// A case's name, such as `GS-20261121-7F3A`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CaseId(pub String);

/// All notices and claims of one abuse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Its name.
    pub id: CaseId,
    /// When its first notice arrived.
    pub opened: Timestamp,
    /// Its notices, oldest first.
    pub notices: Vec<NoticeRef>,
    /// What they claim.
    pub claims: Vec<Claim>,
    /// When the reporter wants an answer: stated, or 24 hours after the first notice.
    pub deadline: Option<Timestamp>,
}

/// A notice as a case remembers it; its bytes are kept beside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeRef {
    /// SHA-256 of its bytes, hexadecimal.
    pub digest: String,
    /// When it arrived.
    pub received: Timestamp,
    /// Its layout.
    pub format: String,
    /// The reporter's number for it.
    pub reporter_case: Option<String>,
    /// What the reader warned of.
    pub warnings: Vec<String>,
    /// Why it accuses none of ours, where it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aside: Option<Aside>,
}

impl NoticeRef {
    /// What a case remembers of a notice that was read.
    pub(crate) fn of(parsed: &Parsed, digest: String, received: Timestamp) -> Self {
        Self {
            digest,
            received,
            format: parsed.format.clone(),
            reporter_case: parsed.case_id.clone(),
            warnings: parsed.warnings.clone(),
            aside: parsed.aside,
        }
    }
}
