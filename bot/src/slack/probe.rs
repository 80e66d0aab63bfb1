//! Tries what the bot will need of Slack, with calls that change nothing.

use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;

use super::Notifier;
use super::SlackError;
use super::SlackWeb;
use super::Workspace;
use super::web::CALL_MAX;
use super::web::UPDATE;
use super::web::within;
use crate::case::CaseId;
use crate::operations::Finding;

/// What to do where a scope is missing.
const INSTALL: &str =
    "give the app the scopes of bot/packaging/slack-manifest.json, and install it to the workspace again";

impl SlackWeb {
    /// Tries the token, the channel, and every scope; `groups` are those whose members may press buttons.
    pub async fn probe(&self, groups: &[String]) -> Vec<Finding> {
        if let Err(error) = self.call::<Value>("auth.test", &json!({})).await {
            let next = "put the bot token (xoxb-...) of an installed app into the environment";
            return vec![Finding::missing("Slack token", error.to_string(), next)];
        }
        let mut findings = vec![Finding::fine("Slack token", "is accepted"), self.posting().await];
        // Looked for after a restart, so that a message is not posted twice.
        let found = self.find(&CaseId("GS-00000000-0000".to_owned()), Timestamp::now()).await;
        findings.push(told("Slack history", "the channel can be read", "the channel cannot be read", found));
        // Who may read cases in the home tab.
        let members = self.channel_members(&self.channel).await;
        findings.push(told(
            "Slack members",
            "the channel's members are known",
            "its members cannot be told",
            members,
        ));
        let place = self.place().await;
        findings.push(told("Slack files", "files can be put there", "no file can be put there", place));
        for group in groups {
            let members = self.members(group).await;
            let subject = format!("Slack group {group}");
            findings.push(match members {
                Ok(members) if members.is_empty() => Finding::missing(
                    subject,
                    "has no members, so nobody of it may press a button",
                    "name another in slack.actions.allowed_groups",
                ),
                members => told(&subject, "its members are known", "its members cannot be told", members),
            });
        }
        findings
    }

    /// Asks for a place for a file, and puts none there.
    async fn place(&self) -> Result<Value, SlackError> {
        const METHOD: &str = "files.getUploadURLExternal";
        let (name, length) = ("probe.txt".to_owned(), "1".to_owned());
        let parameters = vec![("filename", Some(&name)), ("length", Some(&length))];
        let session = self.client.open_session(&self.token);
        let asked = session.http_session_api.http_get::<Value, _, _>(METHOD, &parameters, None);
        within(METHOD, CALL_MAX, asked).await
    }

    /// Tries the token by which commands and buttons come in; this client was made with it.
    pub async fn probe_connections(&self) -> Finding {
        match self.call::<Value>("apps.connections.open", &json!({})).await {
            Ok(_) => Finding::fine("Slack app token", "connections can be opened"),
            Err(error) => Finding::missing(
                "Slack app token",
                error.to_string(),
                "put an app-level token (xapp-...) with the scope connections:write into the environment, and turn \
                 Socket Mode on",
            ),
        }
    }

    /// A message that cannot exist is changed: what Slack refuses first tells what is missing.
    async fn posting(&self) -> Finding {
        let nothing = json!({"channel": self.channel, "ts": "1.000000", "text": "probe"});
        let subject = "Slack channel";
        match self.call::<Value>(UPDATE, &nothing).await {
            Err(SlackError::Refused { code, .. }) if code == "message_not_found" => {
                Finding::fine(subject, "the bot may post")
            }
            Err(SlackError::Refused { code, .. }) if code == "missing_scope" => {
                Finding::missing(subject, "the token may not post", INSTALL)
            }
            Err(SlackError::Refused { code, .. }) => Finding::missing(
                subject,
                format!("{} is not there for the bot: {code}", self.channel),
                "set slack.channel to the channel's id and invite the bot with /invite",
            ),
            Ok(_) => {
                Finding::missing(subject, "Slack changed a message that is not there", "check slack.api_url")
            }
            Err(error) => Finding::missing(subject, error.to_string(), "check that Slack can be reached"),
        }
    }
}

fn told<T>(subject: &str, fine: &str, missing: &str, result: Result<T, SlackError>) -> Finding {
    match result {
        Ok(_) => Finding::fine(subject, fine),
        Err(error) => Finding::missing(subject, format!("{missing}: {error}"), INSTALL),
    }
}
