//! Slack's Web API, by slack-morphism's HTTP layer.
//!
//! Blocks are handed through as JSON: its typed blocks would turn what they do not know into `Unknown` and lose
//! it. Owns time-outs, Retry-After, and that a call whose outcome is unknown is not simply repeated.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hyper_rustls::HttpsConnectorBuilder;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::json;
use slack_morphism::SlackApiToken;
use slack_morphism::SlackApiTokenValue;
use slack_morphism::errors::SlackClientError;
use slack_morphism::hyper_tokio::SlackClientHyperConnector;
use slack_morphism::hyper_tokio::SlackClientHyperHttpsConnector;
use slack_morphism::hyper_tokio::SlackHyperClient;
use tokio::sync::Mutex;
use tokio::sync::MutexGuard;

use super::Attachment;
use super::Message;
use super::Notifier;
use super::SlackError;
use super::Workspace;
use crate::case::CaseId;
use crate::case::store::Posted;
use crate::config::Secret;
use crate::config::Slack;

/// One call may take so long.
pub(super) const CALL_MAX: Duration = Duration::from_secs(10);

/// An upload may take so long.
const UPLOAD_MAX: Duration = Duration::from_secs(60);

/// Attempts at one call, the first included.
const ATTEMPTS: u32 = 6;

/// How often one call may be told to wait; while it waits it keeps its turn.
const WAITS: u32 = 100;

/// Longest Retry-After that is obeyed in place; a longer one is left to the next delivery of the notice.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);

/// Name of our message metadata; the case id is in its payload.
const METADATA: &str = "gumshoe_case";

const POST: &str = "chat.postMessage";
pub(super) const UPDATE: &str = "chat.update";
/// Pages of a channel's members that are read, of 1,000 each.
const MEMBER_PAGES_MAX: usize = 10;

const COMPLETE: &str = "files.completeUploadExternal";

/// Messages searched for one that may have been sent.
const SEARCHED_MAX: &str = "999";

/// Posts to one channel.
pub struct SlackWeb {
    pub(super) client: SlackHyperClient,
    pub(super) token: SlackApiToken,
    pub(super) channel: String,
    /// One caller at a time for each limited method. Who is told to wait keeps the turn, so that the others queue
    /// up behind instead of all trying again at once.
    turns: [(&'static str, Mutex<()>); 3],
}

impl SlackWeb {
    /// Prepares the client; makes no call.
    pub fn new(settings: &Slack, token: &Secret) -> Result<Self, SlackError> {
        Ok(Self {
            client: SlackHyperClient::new(connector(settings.api_url.as_deref())?),
            token: SlackApiToken::new(SlackApiTokenValue(token.expose().to_owned())),
            channel: settings.channel.clone(),
            turns: [POST, UPDATE, COMPLETE].map(|method| (method, Mutex::new(()))),
        })
    }

    fn body(&self, message: &Message) -> Value {
        json!({
            "channel": self.channel,
            "text": message.text,
            "blocks": message.blocks,
            "mrkdwn": false,
            "unfurl_links": false,
            "unfurl_media": false,
        })
    }

    /// Posts JSON, again after a failure that passes. Only for calls that may be made twice.
    pub(super) async fn call<T: DeserializeOwned + Send>(
        &self,
        method: &'static str,
        body: &Value,
    ) -> Result<T, SlackError> {
        let _turn = self.turn(method).await;
        let session = self.client.open_session(&self.token);
        again(Tries::of(method), CALL_MAX, || session.http_session_api.http_post::<_, T>(method, body, None))
            .await
    }

    async fn once<T: DeserializeOwned + Send>(
        &self,
        method: &'static str,
        body: &Value,
    ) -> Result<Result<T, Failure>, SlackError> {
        let session = self.client.open_session(&self.token);
        attempt(method, CALL_MAX, session.http_session_api.http_post::<_, T>(method, body, None)).await
    }

    /// Posts JSON once, whatever comes of it.
    async fn once_only(&self, method: &'static str, body: &Value) -> Result<(), SlackError> {
        match self.once::<Value>(method, body).await? {
            Ok(_) => Ok(()),
            Err(failure) => Err(SlackError::Unavailable { method, attempts: 1, reason: failure.reason }),
        }
    }

    async fn turn(&self, method: &str) -> Option<MutexGuard<'_, ()>> {
        let (_, turn) = self.turns.iter().find(|(limited, _)| *limited == method)?;
        Some(turn.lock().await)
    }

    async fn upload(&self, attachment: &Attachment) -> Result<String, SlackError> {
        const METHOD: &str = "files.getUploadURLExternal";
        #[derive(Deserialize)]
        struct Place {
            upload_url: String,
            file_id: String,
        }
        let session = self.client.open_session(&self.token);
        let length = attachment.content.len().to_string();
        let mut parameters = vec![("filename", Some(&attachment.name)), ("length", Some(&length))];
        parameters.extend(attachment.alt.as_ref().map(|alt| ("alt_txt", Some(alt))));
        let place = again(Tries::of(METHOD), CALL_MAX, || {
            session.http_session_api.http_get::<Place, _, _>(METHOD, &parameters, None)
        })
        .await?;
        // The same bytes for the same file: sent twice, it is one.
        again(Tries::of("file upload"), UPLOAD_MAX, || async {
            let (url, kind) = (place.upload_url.parse()?, attachment.content_type.clone());
            let api = &session.http_session_api;
            api.http_post_uri_binary::<Value>(url, kind, &attachment.content, None).await
        })
        .await?;
        Ok(place.file_id)
    }
}

#[async_trait]
impl Notifier for SlackWeb {
    async fn post(&self, message: &Message) -> Result<Posted, SlackError> {
        let since = Timestamp::now();
        let mut body = self.body(message);
        body["metadata"] = json!({"event_type": METADATA, "event_payload": {"case_id": message.case.0}});
        let mut tries = Tries::of(POST);
        let _turn = self.turn(POST).await;
        loop {
            let failure = match self.once(tries.method, &body).await? {
                Ok(posted) => return Ok(posted),
                Err(failure) => failure,
            };
            let may_be_done = failure.after.is_none();
            pause(&mut tries, failure).await?;
            // A call that failed late may have been done all the same: look before posting again.
            if may_be_done && let Ok(Some(posted)) = self.find(&message.case, since).await {
                return Ok(posted);
            }
        }
    }

    async fn find(&self, case: &CaseId, since: Timestamp) -> Result<Option<Posted>, SlackError> {
        const METHOD: &str = "conversations.history";
        #[derive(Deserialize)]
        struct History {
            messages: Vec<Value>,
        }
        // Slack's clock and ours may differ a little.
        let oldest = (since.as_second() - 60).to_string();
        let (all, limit) = ("true".to_owned(), SEARCHED_MAX.to_owned());
        let parameters = vec![
            ("channel", Some(&self.channel)),
            ("oldest", Some(&oldest)),
            ("include_all_metadata", Some(&all)),
            ("limit", Some(&limit)),
        ];
        let session = self.client.open_session(&self.token);
        let history = again(Tries::of(METHOD), CALL_MAX, || {
            session.http_session_api.http_get::<History, _, _>(METHOD, &parameters, None)
        })
        .await?;
        let ours = |message: &&Value| is_of_case(message, case);
        let ts = history.messages.iter().find(ours).and_then(|message| message["ts"].as_str());
        Ok(ts.map(|ts| Posted { channel: self.channel.clone(), ts: ts.to_owned() }))
    }

    async fn update(&self, posted: &Posted, message: &Message) -> Result<(), SlackError> {
        let mut body = self.body(message);
        body["channel"] = json!(posted.channel);
        body["ts"] = json!(posted.ts);
        // Slack drops a message's metadata when an update leaves it out.
        body["metadata"] = json!({"event_type": METADATA, "event_payload": {"case_id": message.case.0}});
        self.call::<Value>(UPDATE, &body).await.map(drop)
    }

    async fn reply(&self, posted: &Posted, message: &Message) -> Result<(), SlackError> {
        let mut body = self.body(message);
        body["channel"] = json!(posted.channel);
        body["thread_ts"] = json!(posted.ts);
        self.call::<Value>(POST, &body).await.map(drop)
    }

    async fn attach(&self, posted: &Posted, attachment: &Attachment) -> Result<(), SlackError> {
        let file = self.upload(attachment).await?;
        let body = json!({
            "files": [{"id": file, "title": attachment.title}],
            "channel_id": posted.channel,
            "thread_ts": posted.ts,
        });
        self.call::<Value>(COMPLETE, &body).await.map(drop)
    }
}

#[async_trait]
impl Workspace for SlackWeb {
    async fn members(&self, group: &str) -> Result<Vec<String>, SlackError> {
        const METHOD: &str = "usergroups.users.list";
        #[derive(Deserialize)]
        struct Members {
            users: Vec<String>,
        }
        let group = group.to_owned();
        let parameters = vec![("usergroup", Some(&group))];
        let session = self.client.open_session(&self.token);
        let members = again(Tries::of(METHOD), CALL_MAX, || {
            session.http_session_api.http_get::<Members, _, _>(METHOD, &parameters, None)
        });
        Ok(members.await?.users)
    }

    async fn channel_members(&self, channel: &str) -> Result<Vec<String>, SlackError> {
        const METHOD: &str = "conversations.members";
        #[derive(Deserialize)]
        struct Members {
            members: Vec<String>,
            #[serde(default)]
            response_metadata: Value,
        }
        let (channel, limit) = (channel.to_owned(), "1000".to_owned());
        let (mut all, mut cursor) = (Vec::new(), String::new());
        for _ in 0..MEMBER_PAGES_MAX {
            let mut parameters = vec![("channel", Some(&channel)), ("limit", Some(&limit))];
            parameters.extend((!cursor.is_empty()).then_some(("cursor", Some(&cursor))));
            let session = self.client.open_session(&self.token);
            let page = again(Tries::of(METHOD), CALL_MAX, || {
                session.http_session_api.http_get::<Members, _, _>(METHOD, &parameters, None)
            })
            .await?;
            all.extend(page.members);
            cursor = page.response_metadata["next_cursor"].as_str().unwrap_or_default().to_owned();
            if cursor.is_empty() {
                break;
            }
        }
        Ok(all)
    }

    async fn open(&self, trigger: &str, form: &Value) -> Result<(), SlackError> {
        // Once: a trigger is good for 3 s and for one form.
        let body = json!({"trigger_id": trigger, "view": form});
        self.once_only("views.open", &body).await
    }

    async fn home(&self, user: &str, view: &Value) -> Result<(), SlackError> {
        self.call::<Value>("views.publish", &json!({"user_id": user, "view": view})).await.map(drop)
    }

    async fn direct(&self, user: &str, message: &Message) -> Result<Posted, SlackError> {
        let mut body = self.body(message);
        body["channel"] = json!(user);
        // Not tried again where it may have been done: somebody would be asked twice.
        let _turn = self.turn(POST).await;
        let mut tries = Tries::of(POST);
        loop {
            match self.once::<Posted>(POST, &body).await? {
                Ok(posted) => return Ok(posted),
                Err(failure) if failure.after.is_some() => pause(&mut tries, failure).await?,
                Err(failure) => {
                    return Err(SlackError::Unavailable {
                        method: POST,
                        attempts: 1,
                        reason: failure.reason,
                    });
                }
            }
        }
    }

    async fn whisper(&self, channel: &str, user: &str, text: &str) -> Result<(), SlackError> {
        let body = json!({"channel": channel, "user": user, "text": text, "mrkdwn": false});
        // Seen twice is better than not at all.
        self.call::<Value>("chat.postEphemeral", &body).await.map(drop)
    }
}

/// Whether a message of the channel is a case's own: by its metadata or, where a workspace keeps none, because a bot
/// wrote it outside of any thread and it names the case.
fn is_of_case(message: &Value, case: &CaseId) -> bool {
    let metadata = &message["metadata"];
    if metadata["event_type"] == METADATA {
        return metadata["event_payload"]["case_id"] == case.0.as_str();
    }
    let in_thread = message["thread_ts"].is_string() && message["thread_ts"] != message["ts"];
    !in_thread && message["bot_id"].is_string() && message.to_string().contains(&case.0)
}

/// How often a call was tried.
pub(super) struct Tries {
    method: &'static str,
    /// Failures that pass, at most.
    most: u32,
    /// Failures that pass.
    failed: u32,
    /// Times that Slack asked to wait.
    waited: u32,
}

impl Tries {
    /// None yet.
    pub(super) fn of(method: &'static str) -> Self {
        Self::at_most(method, ATTEMPTS)
    }

    /// None yet, and only so many that fail.
    pub(super) fn at_most(method: &'static str, most: u32) -> Self {
        Self { method, most, failed: 0, waited: 0 }
    }
}

/// A failure that may pass.
struct Failure {
    reason: String,
    /// How long Slack asked to wait.
    after: Option<Duration>,
}

impl Failure {
    fn passing(reason: String) -> Self {
        Self { reason, after: None }
    }
}

/// Tells failures that pass from refusals. Bodies are left out: they may repeat what was sent.
fn judge(method: &'static str, error: SlackClientError) -> Result<Failure, SlackError> {
    let refused = |code: String| SlackError::Refused { method, code };
    match error {
        SlackClientError::RateLimitError(limit) => Ok(Failure {
            reason: "too many calls".to_owned(),
            after: Some(limit.retry_after.unwrap_or(Duration::from_secs(1))),
        }),
        SlackClientError::ApiError(api) => match api.code.as_str() {
            "internal_error" | "fatal_error" | "service_unavailable" | "request_timeout" | "ratelimited" => {
                Ok(Failure::passing(api.code))
            }
            _ => Err(refused(match api.errors {
                Some(errors) => format!("{}: {}", api.code, errors.join("; ")),
                None => api.code,
            })),
        },
        SlackClientError::HttpError(http) if http.status_code.is_server_error() => {
            Ok(Failure::passing(format!("HTTP {}", http.status_code)))
        }
        SlackClientError::HttpError(http) => Err(refused(format!("HTTP {}", http.status_code))),
        SlackClientError::ProtocolError(protocol) => {
            Ok(Failure::passing(format!("an answer that does not read: {}", protocol.json_error)))
        }
        SlackClientError::HttpProtocolError(protocol) => {
            let cause = protocol.cause.map_or_else(String::new, |cause| format!(": {cause}"));
            Ok(Failure::passing(format!("no connection{cause}")))
        }
        _ => Ok(Failure::passing("the client failed".to_owned())),
    }
}

/// Makes one call once, and says what came of it.
pub(super) async fn within<T>(
    method: &'static str,
    limit: Duration,
    call: impl Future<Output = Result<T, SlackClientError>>,
) -> Result<T, SlackError> {
    let outcome = attempt(method, limit, call).await?;
    outcome.map_err(|Failure { reason, .. }| SlackError::Unavailable { method, attempts: 1, reason })
}

/// Makes one call that may be made twice, again after a failure that passes.
pub(super) async fn again<T, F>(
    mut tries: Tries,
    limit: Duration,
    call: impl Fn() -> F + Send + Sync,
) -> Result<T, SlackError>
where
    F: Future<Output = Result<T, SlackClientError>> + Send,
    T: Send,
{
    loop {
        match attempt(tries.method, limit, call()).await? {
            Ok(answer) => return Ok(answer),
            Err(failure) => pause(&mut tries, failure).await?,
        }
    }
}

/// Makes one call once.
async fn attempt<T>(
    method: &'static str,
    limit: Duration,
    call: impl Future<Output = Result<T, SlackClientError>>,
) -> Result<Result<T, Failure>, SlackError> {
    match tokio::time::timeout(limit, call).await {
        Ok(Ok(answer)) => Ok(Ok(answer)),
        Ok(Err(error)) => Ok(Err(judge(method, error)?)),
        Err(_) => Ok(Err(Failure::passing(format!("no answer within {} s", limit.as_secs())))),
    }
}

/// Waits before the next try, or gives up.
async fn pause(tries: &mut Tries, failure: Failure) -> Result<(), SlackError> {
    let pause = failure.after.unwrap_or_else(|| back_off(tries.failed));
    match failure.after {
        Some(_) => tries.waited += 1,
        None => tries.failed += 1,
    }
    let (method, reason) = (tries.method, failure.reason);
    tracing::warn!(
        method,
        failed = tries.failed,
        waited = tries.waited,
        reason,
        pause_ms = pause.as_millis() as u64,
        "Slack call not done"
    );
    if tries.failed >= tries.most || tries.waited >= WAITS || pause > RETRY_AFTER_MAX {
        let attempts = tries.failed + tries.waited;
        return Err(SlackError::Unavailable { method, attempts, reason });
    }
    tokio::time::sleep(pause).await;
    Ok(())
}

/// Why a call failed, without what was sent or asked.
pub(super) fn short(error: &SlackClientError) -> String {
    match error {
        SlackClientError::ApiError(api) => api.code.clone(),
        SlackClientError::HttpError(http) => format!("HTTP {}", http.status_code),
        SlackClientError::RateLimitError(_) => "too many calls".to_owned(),
        SlackClientError::ProtocolError(protocol) => format!("does not read: {}", protocol.json_error),
        _ => "no connection".to_owned(),
    }
}

/// 0.5 s, doubled each time, with jitter.
fn back_off(attempt: u32) -> Duration {
    Duration::from_millis(500 << attempt.min(6)).mul_f64(0.75 + 0.5 * fastrand::f64())
}

/// HTTPS with the system's roots, or plain HTTP where a stand-in's address says so.
pub(super) fn connector(api_url: Option<&str>) -> Result<SlackClientHyperHttpsConnector, SlackError> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let https = match api_url {
        Some(url) if url.starts_with("http://") => {
            let none = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
                .with_safe_default_protocol_versions()
                .map_err(|error| SlackError::Setup(error.to_string()))?
                .with_root_certificates(rustls::RootCertStore::empty())
                .with_no_client_auth();
            HttpsConnectorBuilder::new().with_tls_config(none).https_or_http()
        }
        _ => HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(provider)
            .map_err(|error| SlackError::Setup(format!("no certificate authorities: {error}")))?
            .https_only(),
    };
    let connector = SlackClientHyperConnector::with_connector(https.enable_all_versions().build());
    Ok(match api_url {
        Some(url) => connector.with_slack_api_url(url.trim_end_matches('/')),
        None => connector,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_valid_for_slack_and_its_blocks_go_through_unharmed() {
        let settings = Slack {
            channel: "C0123456789".to_owned(),
            api_url: Some("http://127.0.0.1:9/api/".to_owned()),
            ..Slack::default()
        };
        let web = SlackWeb::new(&settings, &Secret::new("xoxb-0")).expect("a client");
        let blocks =
            vec![json!({"type": "section", "text": {"type": "plain_text", "text": "a", "emoji": false}})];
        let message = Message {
            case: CaseId("GS-20261121-7F3A".to_owned()),
            blocks: blocks.clone(),
            text: "a".to_owned(),
        };
        let mut body = web.body(&message);
        assert_eq!(body["blocks"], Value::from(blocks));
        slackblocks::MessagePayload::try_from(body.clone()).expect("valid");
        body["thread_ts"] = json!("1.2");
        slackblocks::MessagePayload::try_from(body).expect("valid");
    }

    #[test]
    fn a_cases_own_message_is_told_from_others_that_name_it() {
        let case = CaseId("GS-20261121-7F3A".to_owned());
        let metadata = |id: &str| json!({"event_type": METADATA, "event_payload": {"case_id": id}});
        for (message, expected) in [
            (json!({"ts": "1", "metadata": metadata("GS-20261121-7F3A")}), true),
            (
                json!({"ts": "1", "metadata": metadata("GS-20261121-0000"), "text": "see GS-20261121-7F3A"}),
                false,
            ),
            (json!({"ts": "1", "bot_id": "B1", "text": "GS-20261121-7F3A: an abuse notice"}), true),
            (json!({"ts": "1", "bot_id": "B1", "text": "", "blocks": [{"text": "GS-20261121-7F3A"}]}), true),
            (json!({"ts": "2", "bot_id": "B1", "thread_ts": "1", "text": "GS-20261121-7F3A"}), false),
            (json!({"ts": "1", "user": "U1", "text": "what of GS-20261121-7F3A?"}), false),
        ] {
            assert_eq!(is_of_case(&message, &case), expected, "{message}");
        }
    }
}
