//! Slack's transport: one message per case, edited in place, with its detail in its thread.
//!
//! Owns how a message is sent and what a refusal means. Refuses to know what a message says: blocks come ready
//! from `report`, or from [`notes`] for what is no report.

mod answers;
mod command;
pub mod forms;
mod http;
mod inbox;
pub mod incoming;
pub mod notes;
mod probe;
mod socket;
mod web;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;
use thiserror::Error;

use crate::case::CaseId;
use crate::case::store::Posted;

pub use answers::Answers;
pub use command::Command;
pub use command::HELP;
pub use command::read as read_command;
pub use http::serve as serve_http;
pub use inbox::Acknowledgement;
pub use inbox::Calls;
pub use inbox::Inbox;
pub use socket::Socket;
pub use web::SlackWeb;

/// A message to send.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The case it is of; stored with the message, so that it can be found again.
    pub case: CaseId,
    /// Its blocks.
    pub blocks: Vec<Value>,
    /// What notifications and screen readers say.
    pub text: String,
}

/// A file to attach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// File name.
    pub name: String,
    /// Title.
    pub title: String,
    /// MIME type.
    pub content_type: String,
    /// What it shows, where it is a picture.
    pub alt: Option<String>,
    /// Content.
    pub content: Vec<u8>,
}

/// Why Slack did not do it.
#[derive(Debug, Error)]
pub enum SlackError {
    /// It said no, and will say no again.
    #[error("Slack refused {method}: {code}")]
    Refused {
        /// The method.
        method: &'static str,
        /// Slack's error code.
        code: String,
    },
    /// It was too busy, or could not be reached, for as long as we tried. It may have done it all the same.
    #[error("Slack did not do {method} in {attempts} attempts: {reason}")]
    Unavailable {
        /// The method.
        method: &'static str,
        /// Attempts.
        attempts: u32,
        /// What the last one came to.
        reason: String,
    },
    /// The client cannot be made.
    #[error("cannot prepare the Slack client: {0}")]
    Setup(String),
}

/// Where reports go.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Sends a message to the channel.
    async fn post(&self, message: &Message) -> Result<Posted, SlackError>;

    /// Finds a case's message that was sent since a time; for when it is unknown whether it was.
    async fn find(&self, case: &CaseId, since: Timestamp) -> Result<Option<Posted>, SlackError>;

    /// Writes a message anew, in place.
    async fn update(&self, posted: &Posted, message: &Message) -> Result<(), SlackError>;

    /// Adds a message to a message's thread.
    async fn reply(&self, posted: &Posted, message: &Message) -> Result<(), SlackError>;

    /// Adds a file to a message's thread.
    async fn attach(&self, posted: &Posted, attachment: &Attachment) -> Result<(), SlackError>;
}

/// People, their groups, and what they see apart from the channel.
#[async_trait]
pub trait Workspace: Send + Sync {
    /// The members of a user group.
    async fn members(&self, group: &str) -> Result<Vec<String>, SlackError>;

    /// The members of a channel; of a very large one the first.
    async fn channel_members(&self, channel: &str) -> Result<Vec<String>, SlackError>;

    /// Opens a form for who pressed a button or typed a command a moment ago.
    async fn open(&self, trigger: &str, form: &Value) -> Result<(), SlackError>;

    /// Draws somebody's home tab.
    async fn home(&self, user: &str, view: &Value) -> Result<(), SlackError>;

    /// Writes to somebody directly.
    async fn direct(&self, user: &str, message: &Message) -> Result<Posted, SlackError>;

    /// Says something in a channel that one person alone sees.
    async fn whisper(&self, channel: &str, user: &str, text: &str) -> Result<(), SlackError>;
}

/// For a bot without Slack: everything is logged and nothing sent.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogOnly;

#[async_trait]
impl Notifier for LogOnly {
    async fn post(&self, message: &Message) -> Result<Posted, SlackError> {
        tracing::info!(case_id = message.case.0, text = message.text, "would post");
        Ok(Posted { channel: "none".to_owned(), ts: "0".to_owned() })
    }

    async fn find(&self, _case: &CaseId, _since: Timestamp) -> Result<Option<Posted>, SlackError> {
        Ok(None)
    }

    async fn update(&self, _posted: &Posted, message: &Message) -> Result<(), SlackError> {
        tracing::info!(case_id = message.case.0, text = message.text, "would update");
        Ok(())
    }

    async fn reply(&self, _posted: &Posted, message: &Message) -> Result<(), SlackError> {
        tracing::info!(case_id = message.case.0, text = message.text, "would reply");
        Ok(())
    }

    async fn attach(&self, _posted: &Posted, _attachment: &Attachment) -> Result<(), SlackError> {
        Ok(())
    }
}
