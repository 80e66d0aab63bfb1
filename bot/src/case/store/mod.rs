//! Where cases are kept, behind one trait: who works on what, and how far it got.
//!
//! Owns three promises that the pipeline builds on, each checked for every implementation by the same
//! conformance tests: of all notices with a common key exactly one opens a case, also between processes; only
//! the holder of a case's lease can write its work; what was saved is there after a kill. Refuses to know
//! Slack, AWS or how a case is judged.

mod assemble;
mod calls;
#[cfg(test)]
mod conformance;
mod deadlines;
mod deeds;
mod dynamo;
mod keys;
mod sqlite;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use history::Request;
use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;
use thiserror::Error;

use crate::aws::json::CallError;
use crate::case::Activity;
use crate::case::Answer;
use crate::case::Case;
use crate::case::CaseId;
use crate::case::Claim;
use crate::case::Disposition;
use crate::case::HostRef;
use crate::case::Located;
use crate::case::NoticeRef;

pub use calls::CallStore;
pub use calls::LeftCall;
pub use deadlines::Deadlines;
pub use deadlines::Term;
pub use deeds::Beginning;
pub use deeds::DEEDS_MAX;
pub use deeds::DeedStore;
pub use dynamo::DynamoStore;
pub use keys::dedupe_keys;
pub use keys::digest;
pub use keys::identity;
pub use sqlite::SqliteStore;

/// What makes the table of cases, for tests.
#[cfg(test)]
pub(crate) fn table_schema(name: &str) -> serde_json::Value {
    let schema = include_str!("dynamo/table.json");
    let mut schema: serde_json::Value = serde_json::from_str(schema).expect("the table");
    schema["TableName"] = name.into();
    schema
}

/// Notices that one case remembers; further ones are counted as known.
pub const NOTICES_MAX: usize = 200;

/// Claims that one case works on; further ones are left out, and a warning says so.
pub const CLAIMS_MAX: usize = 64;

/// Pairs of layout and outcome that are counted apart.
pub const LAYOUTS_MAX: usize = 500;

/// A notice asking to be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// What makes it the same as another; see [`dedupe_keys`].
    pub keys: Vec<String>,
    /// The notice.
    pub notice: NoticeRef,
    /// What it claims.
    pub claims: Vec<Claim>,
    /// When its reporter wants an answer, where stated.
    pub deadline: Option<Timestamp>,
    /// What is to become of it.
    pub disposition: Disposition,
}

/// What a notice turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Novelty {
    /// The first of its case.
    NewCase,
    /// A further one of a known case.
    NewNotice,
    /// The very same bytes were let in before: a redelivery.
    Known,
}

/// A notice let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// Its case.
    pub case: CaseId,
    /// What it turned out to be.
    pub novelty: Novelty,
}

/// How far a case got. Each state is stored before the next one's work begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Stored; nothing else is certain.
    #[default]
    Received,
    /// The hosts it may mean are known.
    Located,
    /// Every host was sent its question.
    Asked,
    /// Every answer, or its absence, is certain.
    Answered,
    /// The report is stored and stands in Slack.
    Posted,
    /// Nothing is left to do; its notices may be deleted from the queue.
    Done,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Received => "received",
            Self::Located => "located",
            Self::Asked => "asked",
            Self::Answered => "answered",
            Self::Posted => "posted",
            Self::Done => "done",
        })
    }
}

/// A message that stands in Slack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    /// Channel id.
    pub channel: String,
    /// Slack's name for the message in it.
    pub ts: String,
}

/// What the holder of a case's lease remembers between steps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// How far it got.
    pub state: State,
    /// When posting was first tried. Set before the attempt: a later one looks for the message first.
    pub posting: Option<Timestamp>,
    /// The case's message.
    pub posted: Option<Posted>,
    /// The hosts it may mean.
    pub located: Option<Located>,
    /// How many of the case's claims were located.
    #[serde(default)]
    pub claims: usize,
    /// How many questions are certain; any after these were planned by work that was cut short.
    #[serde(default)]
    pub questions: usize,
    /// Digests of the notices that this work took into account.
    pub considered: Vec<String>,
    /// Digests of the notices whose arrival was told in the thread.
    pub announced: Vec<String>,
    /// When the first report stood in Slack.
    #[serde(default)]
    pub reported: Option<Timestamp>,
    /// What that report's notice claimed was done.
    #[serde(default)]
    pub activity: Option<Activity>,
    /// Whether the detail stands in the thread, as far as Slack takes it.
    pub uploaded: bool,
    /// The parts of it that do: evidence, picture, page.
    #[serde(default)]
    pub detail: Vec<String>,
}

/// A command that a host was sent; enough to fetch its answer after a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// The transport's name for it, such as an SSM command id.
    pub command: String,
    /// When it was sent.
    pub sent: Timestamp,
}

/// A question to one host and what came of it so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// The host.
    pub host: HostRef,
    /// What is asked.
    pub request: Request,
    /// When it was first tried.
    pub asked: Timestamp,
    /// The command, stored before its answer is waited for.
    pub ticket: Option<Ticket>,
    /// What came, once that is certain.
    pub answer: Option<Answer>,
    /// When that was.
    pub answered: Option<Timestamp>,
}

/// All that is kept of a case.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The case, put together from its notices.
    pub case: Case,
    /// What is to become of it: claims, where any notice claims something.
    pub disposition: Disposition,
    /// How far it got.
    pub work: Work,
    /// Its questions, in order.
    pub questions: Vec<Question>,
}

/// A case in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Its name.
    pub case: CaseId,
    /// When its first notice arrived.
    pub opened: Timestamp,
    /// How far it got.
    pub state: State,
    /// When its first report stood in Slack.
    pub reported: Option<Timestamp>,
    /// What it is about, once reported.
    pub activity: Option<Activity>,
}

/// How often notices of one layout were read as what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeCount {
    /// The layout, such as `aws_email/final`; a layout that fades or a new `generic` one shows that mails drift.
    pub layout: String,
    /// What they were read as.
    pub outcome: String,
    /// How many.
    pub count: u64,
    /// When the last one came.
    pub last: Timestamp,
}

/// Who holds a lease: one piece of work in one process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner(String);

impl Owner {
    /// A new owner, like no other.
    pub fn fresh() -> Self {
        Self(format!("{}-{:016x}", std::process::id(), fastrand::u64(..)))
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why the store could not do its part.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database failed.
    #[error("case store: cannot {doing}")]
    Database {
        /// What was tried.
        doing: &'static str,
        /// Why not.
        source: rusqlite::Error,
    },
    /// The table's service failed.
    #[error("case store: cannot {doing}")]
    Service {
        /// What was tried.
        doing: &'static str,
        /// Why not.
        source: CallError,
    },
    /// What is stored does not unpack.
    #[error("case store: {what} cannot be unpacked: {reason}")]
    Packed {
        /// Which part.
        what: &'static str,
        /// In words.
        reason: String,
    },
    /// Others changed the same items at every attempt.
    #[error("case store: cannot {doing}: others were faster at every attempt")]
    Contended {
        /// What was tried.
        doing: &'static str,
    },
    /// Stored JSON does not read, or a value does not write.
    #[error("case store: {what} is no JSON of the expected shape")]
    Json {
        /// Which part.
        what: &'static str,
        /// Why.
        source: serde_json::Error,
    },
    /// Somebody else works on the case now.
    #[error("the lease on case {} was lost", .0.0)]
    LeaseLost(CaseId),
    /// There is no such case.
    #[error("there is no case {}", .0.0)]
    Missing(CaseId),
    /// Every name that was tried for a new case is taken.
    #[error("no free name for a new case of this day")]
    NoName,
    /// The folder or file of the store cannot be made.
    #[error("case store: cannot open {}", path.display())]
    Open {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The thread that talks to the database ended.
    #[error("case store: the database call did not end")]
    Interrupted,
}

/// Where cases are kept.
#[async_trait]
pub trait CaseStore: Send + Sync {
    /// Adds a notice to the case that one of its keys belongs to, or opens one.
    async fn admit(&self, admission: &Admission) -> Result<Admitted, StoreError>;

    /// Takes the lease on a case for a time, or none where somebody else holds it.
    async fn lease(
        &self,
        case: &CaseId,
        owner: &Owner,
        length: Duration,
    ) -> Result<Option<Record>, StoreError>;

    /// Keeps a lease for a further time.
    async fn renew(&self, case: &CaseId, owner: &Owner, length: Duration) -> Result<(), StoreError>;

    /// Gives a lease back.
    async fn release(&self, case: &CaseId, owner: &Owner) -> Result<(), StoreError>;

    /// Stores how far a case got.
    async fn save(&self, case: &CaseId, owner: &Owner, work: &Work) -> Result<(), StoreError>;

    /// Stores one question, by its place in [`Record::questions`].
    async fn save_question(
        &self,
        case: &CaseId,
        owner: &Owner,
        place: usize,
        question: &Question,
    ) -> Result<(), StoreError>;

    /// Reads a case.
    async fn load(&self, case: &CaseId) -> Result<Option<Record>, StoreError>;

    /// Lists cases, newest first.
    async fn list(&self, unfinished_only: bool, limit: usize) -> Result<Vec<Summary>, StoreError>;

    /// Counts a notice that was read; layouts beyond [`LAYOUTS_MAX`] are counted as one.
    async fn count_outcome(&self, layout: &str, outcome: &str, at: Timestamp) -> Result<(), StoreError>;

    /// Returns the counts, most frequent first.
    async fn outcomes(&self) -> Result<Vec<OutcomeCount>, StoreError>;
}
