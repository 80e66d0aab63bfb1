//! What the bot says of itself: where it is asked for its health, and how often it looks at the fleet.

use std::net::SocketAddr;

use serde::Deserialize;

use super::ConfigError;
use super::wrong;

/// How the bot itself is watched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Operations {
    /// Where `/health` and `/metrics` are answered, on loopback only; without it, nowhere.
    pub listen: Option<SocketAddr>,
    /// How often a sample of the running instances is asked whether its recorder answers, s; 0 for never.
    pub survey_s: u64,
}

impl Operations {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.listen.is_some_and(|listen| !listen.ip().is_loopback()) {
            return wrong(
                "operations.listen",
                "is no loopback address; the bot is reached from its own host only",
            );
        }
        if self.survey_s != 0 && !(300..=604_800).contains(&self.survey_s) {
            return wrong(
                "operations.survey_s",
                format!("{} is neither 0 nor within 300 to 604800", self.survey_s),
            );
        }
        Ok(())
    }
}
