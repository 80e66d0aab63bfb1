//! Socket Mode: commands come in over a websocket that the bot opens; there is no inbound port.
//!
//! The library awaits a callback before it acknowledges, and Slack wants that within 3 s: callbacks here only put
//! the question in a queue and return. The queue is bounded; a full one is said to the person.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

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
use slack_morphism::prelude::SlackMessageContent;
use slack_morphism::prelude::SlackMessageResponseType;
use slack_morphism::prelude::SlackSocketModeListenerCallbacks;
use slack_morphism::prelude::ValueStruct;
use tokio::sync::mpsc;

use super::SlackError;
use super::web::connector;
use crate::config::Secret;
use crate::config::Slack;

/// Questions that wait to be worked on.
const WAITING_MAX: usize = 64;

/// Commands remembered, so that one that Slack delivers again is answered once.
const REMEMBERED_MAX: usize = 256;

/// An answer may take so long to be sent.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Longest command that is read, bytes.
const COMMAND_MAX: usize = 1_000;

type Client = SlackHyperClient;

/// What somebody typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The text after the command's name.
    pub text: String,
    /// Slack's id of who typed it.
    pub user: String,
    /// Slack's id of where.
    pub channel: String,
    /// Where the answer goes, for 30 minutes and five answers.
    pub response_url: String,
}

/// The queue between callbacks and desk.
struct Inbox {
    queue: mpsc::Sender<Asked>,
    seen: Mutex<VecDeque<String>>,
}

/// An open connection; commands stop when it is dropped or shut down.
pub struct Socket {
    listener: SlackClientSocketModeListener<SlackClientHyperHttpsConnector>,
    client: Arc<Client>,
}

impl Socket {
    /// Opens the connection; questions come out of the receiver.
    pub async fn open(
        settings: &Slack,
        app_token: &Secret,
    ) -> Result<(Self, mpsc::Receiver<Asked>), SlackError> {
        let client = Arc::new(Client::new(connector(settings.api_url.as_deref())?));
        let (queue, asked) = mpsc::channel(WAITING_MAX);
        let inbox = Inbox { queue, seen: Mutex::new(VecDeque::new()) };
        let environment = SlackClientEventsListenerEnvironment::new(Arc::clone(&client))
            .with_error_handler(on_error)
            .with_user_state(inbox);
        let callbacks = SlackSocketModeListenerCallbacks::new().with_command_events(on_command);
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
        Ok((Self { listener, client }, asked))
    }

    /// Answers a question, to the person alone. Without a token: the address itself is the permission.
    pub async fn answer(&self, asked: &Asked, text: &str, blocks: &[Value]) -> Result<(), SlackError> {
        const METHOD: &str = "response_url";
        let failed = |reason: String| SlackError::Unavailable { method: METHOD, attempts: 1, reason };
        let url = asked.response_url.parse().map_err(|_| failed("the address does not read".to_owned()))?;
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

    /// Closes the connection.
    pub async fn close(&self) {
        self.listener.shutdown().await;
    }
}

async fn on_command(
    event: SlackCommandEvent,
    _client: Arc<Client>,
    states: SlackClientEventsUserState,
) -> Result<SlackCommandEventResponse, Box<dyn std::error::Error + Send + Sync>> {
    let guard = states.read().await;
    let Some(inbox) = guard.get_user_state::<Inbox>() else {
        return Ok(say("Gumshoe is not ready; please try again."));
    };
    if inbox.is_again(event.trigger_id.value()) {
        return Ok(say("One moment."));
    }
    let text = event.text.unwrap_or_default();
    if text.len() > COMMAND_MAX {
        return Ok(say("That is too long for a command; /gumshoe help shows examples."));
    }
    let asked = Asked {
        text,
        user: event.user_id.value().clone(),
        channel: event.channel_id.value().clone(),
        response_url: event.response_url.value().to_string(),
    };
    Ok(match inbox.queue.try_send(asked) {
        Ok(()) => say("One moment."),
        Err(_) => say("Too many questions are waiting; please try again in a minute."),
    })
}

impl Inbox {
    /// Whether Slack delivered this command before.
    fn is_again(&self, trigger: &str) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.iter().any(|known| known == trigger) {
            return true;
        }
        if seen.len() == REMEMBERED_MAX {
            seen.pop_front();
        }
        seen.push_back(trigger.to_owned());
        false
    }
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
