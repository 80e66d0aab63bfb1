//! Settings of Slack: where to post, who may press which button, whom to ask, and how to answer reporters.

use serde::Deserialize;

use super::ConfigError;
use super::wrong;
use crate::case::Action;

/// Where to post.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slack {
    /// Channel id, such as `C0123456789`.
    pub channel: String,
    /// Base of the Web API; only for stand-ins.
    #[serde(default)]
    pub api_url: Option<String>,
    /// Address and port to listen on for Slack's calls, in place of Socket Mode.
    #[serde(default)]
    pub http_listen: Option<std::net::SocketAddr>,
    /// Who is called when a verdict is for the security team, or a question to a user is not answered with yes.
    #[serde(default)]
    pub security: Option<String>,
    /// Buttons; none without this table.
    #[serde(default)]
    pub actions: Option<Actions>,
    /// Who is who in Slack.
    #[serde(default)]
    pub people: Vec<Person>,
}

/// Buttons and who may press them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Actions {
    /// The buttons that are offered.
    pub offer: Vec<String>,
    /// Slack ids of who may press them.
    pub allowed_users: Vec<String>,
    /// Slack user groups whose members may.
    pub allowed_groups: Vec<String>,
    /// Name of the security group, one in each VPC, that cuts an instance off.
    pub isolation_group: String,
    /// The SSM document that stops and continues a process.
    pub stop_document: String,
    /// How long a user may think about whether it was they, s.
    pub ask_timeout_s: u64,
    /// How long before the deadline somebody is reminded of a case that nobody took, s.
    pub remind_before_s: u64,
}

impl Default for Actions {
    fn default() -> Self {
        Self {
            offer: Vec::new(),
            allowed_users: Vec::new(),
            allowed_groups: Vec::new(),
            isolation_group: "gumshoe-isolated".to_owned(),
            stop_document: "Gumshoe-Stop".to_owned(),
            ask_timeout_s: 3_600,
            remind_before_s: 4 * 3_600,
        }
    }
}

/// Somebody in Slack and what else they are known by.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// Slack's id of the person.
    pub slack: String,
    /// Names of Linux users.
    #[serde(default)]
    pub linux: Vec<String>,
    /// Names of IAM users or role sessions, as SSM sessions bear them.
    #[serde(default)]
    pub iam: Vec<String>,
    /// Values of owner tags.
    #[serde(default)]
    pub owner: Vec<String>,
}

/// Answers to reporters by mail.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplyMail {
    /// The sender, an address that SES may send from.
    pub from: String,
    /// Domains that are answered; a notice that wants its answer elsewhere is answered by hand.
    #[serde(default = "aws_domains")]
    pub domains: Vec<String>,
}

fn aws_domains() -> Vec<String> {
    ["amazonaws.com", "amazon.com"].map(str::to_owned).to_vec()
}

/// What a button may be configured as; the others undo these or are the bot's own.
pub const OFFERS: [Action; 7] = [
    Action::Take,
    Action::Ask,
    Action::NotAbuse,
    Action::Reply,
    Action::Isolate,
    Action::Snapshot,
    Action::Stop,
];

impl Slack {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.channel.is_empty() {
            return wrong("slack.channel", "is empty");
        }
        if let Some(whom) = &self.security
            && !is_id(whom, "USW")
        {
            return wrong("slack.security", format!("{whom:?} is no id of a person (U…) or user group (S…)"));
        }
        for person in &self.people {
            if !is_id(&person.slack, "UW") {
                return wrong("slack.people.slack", format!("{:?} is no id of a person (U…)", person.slack));
            }
        }
        self.actions.as_ref().map_or(Ok(()), Actions::check)
    }
}

impl Actions {
    fn check(&self) -> Result<(), ConfigError> {
        for name in &self.offer {
            if !OFFERS.iter().any(|action| action.name() == name) {
                let known = OFFERS.map(Action::name).join(", ");
                return wrong("slack.actions.offer", format!("{name:?} is none of {known}"));
            }
        }
        if !self.offer.is_empty() && self.allowed_users.is_empty() && self.allowed_groups.is_empty() {
            return wrong(
                "slack.actions",
                "nobody may press a button: set allowed_users or allowed_groups, or offer none",
            );
        }
        for (key, kinds, ids) in
            [("allowed_users", "UW", &self.allowed_users), ("allowed_groups", "S", &self.allowed_groups)]
        {
            if let Some(bad) = ids.iter().find(|id| !is_id(id, kinds)) {
                return wrong(&format!("slack.actions.{key}"), format!("{bad:?} is no Slack id"));
            }
        }
        for (key, value) in [("ask_timeout_s", self.ask_timeout_s), ("remind_before_s", self.remind_before_s)]
        {
            if !(1..=14 * 86_400).contains(&value) {
                return wrong(&format!("slack.actions.{key}"), format!("{value} is not within 1 to 1209600"));
            }
        }
        Ok(())
    }
}

impl ReplyMail {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if !self.from.contains('@') || self.from.chars().any(char::is_control) {
            return wrong("reply.from", format!("{:?} is no mail address", self.from));
        }
        Ok(())
    }
}

/// Whether a text is a Slack id of one of these kinds.
fn is_id(text: &str, kinds: &str) -> bool {
    text.len() >= 6
        && text.starts_with(|first| kinds.contains(first))
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}
