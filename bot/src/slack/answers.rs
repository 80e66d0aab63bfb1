//! Answers to the address that came with a call. Without a token: the address itself is the permission.

use std::time::Duration;

use serde_json::Value;
use serde_json::json;
use slack_morphism::SlackClientApiCallContext;
use slack_morphism::SlackClientHttpConnector;
use slack_morphism::hyper_tokio::SlackHyperClient;

use super::SlackError;
use super::web::Tries;
use super::web::again;
use super::web::connector;
use crate::config::Slack;

/// An answer may take so long to be sent.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Tries that fail: an address takes five answers, and one that seemed to fail may have been one.
const TRIES_MAX: u32 = 3;

/// Sends answers.
pub struct Answers {
    client: SlackHyperClient,
}

impl Answers {
    /// Prepares the client; makes no call.
    pub fn new(settings: &Slack) -> Result<Self, SlackError> {
        Ok(Self { client: SlackHyperClient::new(connector(settings.api_url.as_deref())?) })
    }

    /// Answers the person alone.
    pub async fn answer(&self, response_url: &str, text: &str, blocks: &[Value]) -> Result<(), SlackError> {
        const METHOD: &str = "response_url";
        let mut body = json!({"response_type": "ephemeral", "replace_original": false, "text": text});
        if !blocks.is_empty() {
            body["blocks"] = json!(blocks);
        }
        let span = tracing::debug_span!("slack answer");
        let context = || SlackClientApiCallContext {
            rate_control_params: None,
            token: None,
            tracing_span: &span,
            is_sensitive_url: true,
        };
        let connector = &self.client.http_api.connector;
        again(Tries::at_most(METHOD, TRIES_MAX), ANSWER_MAX, || async {
            let url = response_url.parse()?;
            connector.http_post_uri::<Value, Value>(url, &body, context()).await
        })
        .await
        .map(drop)
    }
}
