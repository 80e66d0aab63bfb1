//! Socket Mode: calls come in over a websocket that the bot opens; there is no inbound port.
//!
//! The library awaits a callback before it acknowledges, and Slack wants that within 3 s: callbacks here only keep
//! the call, put it in the queue and return.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use serde_json::json;
use slack_morphism::SlackApiToken;
use slack_morphism::SlackApiTokenValue;
use slack_morphism::SlackClientApiCallContext;
use slack_morphism::SlackClientHttpConnector;
use slack_morphism::errors::SlackClientError;
use slack_morphism::prelude::SlackClientEventsListenerEnvironment;
use slack_morphism::prelude::SlackClientEventsUserState;
use slack_morphism::prelude::SlackClientHyperHttpsConnector;
use slack_morphism::prelude::SlackClientSocketModeConfig;
use slack_morphism::prelude::SlackClientSocketModeListener;
use slack_morphism::prelude::SlackCommandEvent;
use slack_morphism::prelude::SlackCommandEventResponse;
use slack_morphism::prelude::SlackHyperClient;
use slack_morphism::prelude::SlackInteractionEvent;
use slack_morphism::prelude::SlackInteractionResponse;
use slack_morphism::prelude::SlackMessageContent;
use slack_morphism::prelude::SlackMessageResponseType;
use slack_morphism::prelude::SlackPushEventCallback;
use slack_morphism::prelude::SlackSocketModeListenerCallbacks;
use slack_morphism::prelude::SlackViewSubmissionErrorsResponse;
use slack_morphism::prelude::SlackViewSubmissionResponse;

use super::SlackError;
use super::inbox::Acknowledgement;
use super::inbox::Inbox;
use super::incoming;
use super::incoming::Incoming;
use super::web::connector;
use crate::config::Secret;
use crate::config::Slack;

/// An answer may take so long to be sent.
const ANSWER_MAX: Duration = Duration::from_secs(10);

type Client = SlackHyperClient;
type CallbackError = Box<dyn std::error::Error + Send + Sync>;

/// An open connection; calls stop when it is dropped or shut down.
pub struct Socket {
    listener: SlackClientSocketModeListener<SlackClientHyperHttpsConnector>,
}

impl Socket {
    /// Opens the connection; calls go into the inbox.
    pub async fn open(settings: &Slack, app_token: &Secret, inbox: Arc<Inbox>) -> Result<Self, SlackError> {
        let client = Arc::new(Client::new(connector(settings.api_url.as_deref())?));
        let environment = SlackClientEventsListenerEnvironment::new(client)
            .with_error_handler(on_error)
            .with_user_state(inbox);
        let callbacks = SlackSocketModeListenerCallbacks::new()
            .with_command_events(on_command)
            .with_interaction_events(on_interaction)
            .with_push_events(on_event);
        let listener = SlackClientSocketModeListener::new(
            &SlackClientSocketModeConfig::new(),
            Arc::new(environment),
            callbacks,
        );
        let token = SlackApiToken::new(SlackApiTokenValue(app_token.expose().to_owned()));
        listener
            .listen_for(&token)
            .await
            .map_err(|error| SlackError::Setup(format!("Socket Mode: {}", short(&error))))?;
        listener.start().await;
        Ok(Self { listener })
    }

    /// Closes the connection.
    pub async fn close(&self) {
        self.listener.shutdown().await;
    }
}

/// Sends answers to the address that came with a call. Without a token: the address itself is the permission.
pub struct Answers {
    client: Client,
}

impl Answers {
    /// Prepares the client; makes no call.
    pub fn new(settings: &Slack) -> Result<Self, SlackError> {
        Ok(Self { client: Client::new(connector(settings.api_url.as_deref())?) })
    }

    /// Answers the person alone.
    pub async fn answer(&self, response_url: &str, text: &str, blocks: &[Value]) -> Result<(), SlackError> {
        const METHOD: &str = "response_url";
        let failed = |reason: String| SlackError::Unavailable { method: METHOD, attempts: 1, reason };
        let url = response_url.parse().map_err(|_| failed("the address does not read".to_owned()))?;
        let mut body = json!({"response_type": "ephemeral", "replace_original": false, "text": text});
        if !blocks.is_empty() {
            body["blocks"] = json!(blocks);
        }
        let span = tracing::debug_span!("slack answer");
        let context = SlackClientApiCallContext {
            rate_control_params: None,
            token: None,
            tracing_span: &span,
            is_sensitive_url: true,
        };
        let call = self.client.http_api.connector.http_post_uri::<Value, Value>(url, &body, context);
        match tokio::time::timeout(ANSWER_MAX, call).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(failed(short(&error))),
            Err(_) => Err(failed(format!("no answer within {} s", ANSWER_MAX.as_secs()))),
        }
    }
}

async fn on_command(
    event: SlackCommandEvent,
    _client: Arc<Client>,
    states: SlackClientEventsUserState,
) -> Result<SlackCommandEventResponse, CallbackError> {
    let taken = take(&event, incoming::command, &states).await;
    Ok(match taken {
        Some(Acknowledgement::Say(text)) => say(text),
        Some(_) => say("One moment."),
        None => say("Gumshoe is not ready; please try again."),
    })
}

async fn on_interaction(
    event: SlackInteractionEvent,
    _client: Arc<Client>,
    states: SlackClientEventsUserState,
) -> Result<SlackInteractionResponse, CallbackError> {
    let Some(Acknowledgement::Wrong(wrong)) = take(&event, incoming::interaction, &states).await else {
        return Ok(SlackInteractionResponse::Empty);
    };
    let errors: HashMap<String, String> =
        wrong.into_iter().map(|(field, why)| (field.to_owned(), why)).collect();
    let errors = SlackViewSubmissionErrorsResponse::new(errors);
    Ok(SlackViewSubmissionResponse::Errors(errors).into())
}

async fn on_event(
    event: SlackPushEventCallback,
    _client: Arc<Client>,
    states: SlackClientEventsUserState,
) -> Result<(), CallbackError> {
    take(&event, incoming::event, &states).await;
    Ok(())
}

/// Puts a call into the queue; none where it is not ours or does not read.
async fn take(
    event: &impl Serialize,
    read: fn(&Value) -> Option<Incoming>,
    states: &SlackClientEventsUserState,
) -> Option<Acknowledgement> {
    let incoming = serde_json::to_value(event).ok().as_ref().and_then(read)?;
    let guard = states.read().await;
    let inbox = Arc::clone(guard.get_user_state::<Arc<Inbox>>()?);
    drop(guard);
    Some(inbox.take(incoming).await)
}

fn say(text: &str) -> SlackCommandEventResponse {
    SlackCommandEventResponse::new(SlackMessageContent::new().with_text(text.to_owned()))
        .with_response_type(SlackMessageResponseType::Ephemeral)
}

/// Says that something went wrong, and nothing of what was sent: an error's own text repeats bodies.
fn on_error(
    error: Box<dyn std::error::Error + Send + Sync>,
    _client: Arc<Client>,
    _states: SlackClientEventsUserState,
) -> slack_morphism::prelude::HttpStatusCode {
    let reason = error.downcast_ref::<SlackClientError>().map_or_else(|| "unknown".to_owned(), short);
    tracing::warn!(reason, "Socket Mode");
    slack_morphism::prelude::HttpStatusCode::OK
}

fn short(error: &SlackClientError) -> String {
    match error {
        SlackClientError::ApiError(api) => api.code.clone(),
        SlackClientError::HttpError(http) => format!("HTTP {}", http.status_code),
        SlackClientError::RateLimitError(_) => "too many calls".to_owned(),
        SlackClientError::ProtocolError(protocol) => format!("does not read: {}", protocol.json_error),
        SlackClientError::SocketModeProtocolError(protocol) => protocol.message.clone(),
        SlackClientError::EndOfStream(_) => "the connection ended".to_owned(),
        SlackClientError::HttpProtocolError(_) | SlackClientError::SystemError(_) => {
            "no connection".to_owned()
        }
    }
}
