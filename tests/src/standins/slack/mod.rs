//! Slack on one loopback port: the Web API, file uploads, Socket Mode, and a page at `/` that
//! shows what was posted.
//!
//! It refuses what Slack refuses, with Slack's codes, and keeps every message, edit, file and
//! refusal for the tests. `rules` judges payloads and `text` reads them; both are pure.

mod api;
mod files;
mod page;
mod rules;
mod socket;
mod state;
mod text;

use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use anyhow::Context;
use anyhow::ensure;
use axum::Router;
use serde_json::Value;
use serde_json::json;
use tokio::sync::broadcast;

pub use self::rules::BLOCKS_MAX_CHARS;
pub use self::state::Ack;
pub use self::state::Message;
pub use self::state::Refused;
pub use self::state::UploadedFile;
pub use self::text::text_of;

use self::state::State;
use crate::lab::wait_until;

/// The one channel that the bot is a member of.
pub const CHANNEL: &str = "C0ABUSE0001";
/// A channel that exists and that the bot is not in.
pub const OTHER_CHANNEL: &str = "C0OTHER0001";
/// A person of the workspace, who presses buttons.
pub const PERSON: &str = "U0PERSON001";

/// A running workspace; gone when dropped.
#[derive(Debug)]
pub struct Slack {
    shared: Arc<Shared>,
    _runtime: tokio::runtime::Runtime,
}

#[derive(Debug)]
struct Shared {
    address: SocketAddr,
    state: Mutex<State>,
    /// Frames for every Socket Mode connection.
    frames: broadcast::Sender<String>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slack {
    /// Starts the workspace on a free loopback port.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start() -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let shared = Arc::new(Shared {
            address: listener.local_addr()?,
            state: Mutex::new(State::new()),
            frames: broadcast::channel(64).0,
        });
        let router = Router::new().merge(api::routes()).merge(socket::routes()).merge(page::routes());
        let router = router.with_state(Arc::clone(&shared));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Ok(Self { shared, _runtime: runtime })
    }

    /// The base of the Web API, to be given to a client in place of `https://slack.com/api`.
    pub fn api_url(&self) -> String {
        format!("http://{}/api", self.shared.address)
    }

    /// The page that shows what was posted.
    pub fn page_url(&self) -> String {
        format!("http://{}/", self.shared.address)
    }

    /// The bot's token. It opens nothing but this stand-in.
    pub fn bot_token(&self) -> String {
        self.shared.state().bot_token.clone()
    }

    /// The app's token, for Socket Mode.
    pub fn app_token(&self) -> String {
        self.shared.state().app_token.clone()
    }

    /// Every message that is posted, as it is now, oldest first.
    pub fn messages(&self) -> Vec<Message> {
        self.shared.state().messages.clone()
    }

    /// Every file that was shared.
    pub fn files(&self) -> Vec<UploadedFile> {
        self.shared.state().files.iter().filter(|file| file.shared_in.is_some()).cloned().collect()
    }

    /// Every call that was refused. A bot that works well has none.
    pub fn refused(&self) -> Vec<Refused> {
        self.shared.state().refused.clone()
    }

    /// Answers the next `times` calls of `method` with 429 and this `Retry-After`.
    pub fn limit(&self, method: &str, times: u32, retry_after_s: u32) {
        self.shared.state().limits.insert(method.to_owned(), (times, retry_after_s));
    }

    /// Waits until some message meets `met`, and returns it.
    ///
    /// # Errors
    /// When none does within `max`; says what was refused meanwhile.
    pub fn wait_for(
        &self,
        what: &str,
        max: Duration,
        met: impl Fn(&Message) -> bool,
    ) -> anyhow::Result<Message> {
        let mut found = None;
        let waited = wait_until(what, max, || {
            found = self.messages().into_iter().find(|message| met(message));
            found.is_some()
        });
        waited
            .with_context(|| format!("{} messages, refused: {:?}", self.messages().len(), self.refused()))?;
        found.context("a message was met and is gone")
    }

    /// Has [`PERSON`] press the button of `action_id` on the message `ts`, over Socket Mode;
    /// returns the envelope's id.
    ///
    /// # Errors
    /// When there is no such message or button, or nobody listens.
    pub fn press(&self, ts: &str, action_id: &str) -> anyhow::Result<String> {
        let (message, trigger) = {
            let mut state = self.shared.state();
            let message = state.messages.iter().find(|message| message.ts == ts).cloned();
            (message.with_context(|| format!("no message {ts}"))?, state.next_ts())
        };
        let (block_id, element) = text::element(&message.blocks, action_id).context("no such button")?;
        let action = json!({
            "type": "button", "action_id": action_id, "block_id": block_id, "text": element["text"],
            "value": element["value"], "action_ts": trigger,
        });
        let payload = json!({
            "type": "block_actions", "team": {"id": state::TEAM, "domain": "lab"},
            "user": {"id": PERSON, "username": "pat", "name": "pat", "team_id": state::TEAM},
            "api_app_id": state::APP, "token": "unused", "trigger_id": format!("{trigger}.trigger"),
            "container": {"type": "message", "message_ts": ts, "channel_id": message.channel, "is_ephemeral": false},
            "channel": {"id": message.channel, "name": "abuse"}, "message": message.shown(),
            "response_url": format!("http://{}/response/{ts}", self.shared.address), "actions": [action],
        });
        self.send("interactive", payload)
    }

    /// Has [`PERSON`] type a slash command in [`CHANNEL`]; returns the envelope's id.
    ///
    /// # Errors
    /// When nobody listens.
    pub fn command(&self, command: &str, text: &str) -> anyhow::Result<String> {
        let trigger = self.shared.state().next_ts();
        let payload = json!({
            "token": "unused", "team_id": state::TEAM, "team_domain": "lab", "channel_id": CHANNEL,
            "channel_name": "abuse", "user_id": PERSON, "user_name": "pat", "command": command, "text": text,
            "api_app_id": state::APP, "is_enterprise_install": "false", "trigger_id": format!("{trigger}.trigger"),
            "response_url": format!("http://{}/response/{trigger}", self.shared.address),
        });
        self.send("slash_commands", payload)
    }

    /// The acknowledgements that came over Socket Mode.
    pub fn acks(&self) -> Vec<Ack> {
        self.shared.state().acks.clone()
    }

    /// How many Socket Mode connections are open.
    pub fn connections(&self) -> usize {
        self.shared.frames.receiver_count()
    }

    fn send(&self, kind: &str, payload: Value) -> anyhow::Result<String> {
        ensure!(self.connections() > 0, "no Socket Mode connection is open");
        let id = self.shared.state().sent(kind);
        let envelope =
            json!({"type": kind, "envelope_id": id, "accepts_response_payload": true, "payload": payload});
        // Slack gives each envelope to one connection; the tests have one.
        self.shared.frames.send(envelope.to_string()).context("no Socket Mode connection is open")?;
        Ok(id)
    }
}
