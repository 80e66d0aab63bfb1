//! What the bot says of itself and of the fleet, to those who run it.
//!
//! Owns probing what it is allowed ([`probe`]), looking at which hosts answer ([`fleet`]), counting what it takes from
//! its queue ([`watch`]), and telling all that on loopback ([`endpoint`]) and in the log ([`gauges`]). Refuses to take
//! part in any case.

pub mod endpoint;
pub mod fleet;
pub mod gauges;
pub mod metrics;
pub mod probe;
pub mod watch;

use serde::Serialize;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at, in a few words.
    pub subject: String,
    /// Whether it is as it should be.
    pub ok: bool,
    /// What was found.
    pub says: String,
    /// What to do next, where something should be done.
    pub next: Option<String>,
}

impl Finding {
    /// As it should be.
    pub fn fine(subject: impl Into<String>, says: impl Into<String>) -> Self {
        Self { subject: subject.into(), ok: true, says: says.into(), next: None }
    }

    /// Not as it should be.
    pub fn missing(subject: impl Into<String>, says: impl Into<String>, next: impl Into<String>) -> Self {
        Self { subject: subject.into(), ok: false, says: says.into(), next: Some(next.into()) }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mark = if self.ok { "ok     " } else { "MISSING" };
        write!(f, "{mark}  {}: {}", self.subject, self.says)?;
        match &self.next {
            Some(next) => write!(f, "\n         -> {next}"),
            None => Ok(()),
        }
    }
}
