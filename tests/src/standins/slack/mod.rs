//! Slack on one loopback port: the Web API, file uploads, Socket Mode or calls over HTTP, and a page at `/` that
//! shows what was posted.
//!
//! It refuses what Slack refuses, with Slack's codes, and keeps every message, edit, file and
//! refusal for the tests. `rules` judges payloads and `text` reads them; both are pure.

mod api;
mod calls;
mod files;
mod page;
mod rules;
pub mod scopes;
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
pub use self::state::Trouble;
pub use self::state::Unconnected;
pub use self::state::UploadedFile;
pub use self::state::View;
pub use self::state::Whisper;
pub use self::text::text_of;

use self::calls::RequestUrl;
use self::state::State;
use super::Hook;
use super::Moment;
use crate::lab::wait_until;

/// The one channel that the bot is a member of.
pub const CHANNEL: &str = "C0ABUSE0001";
/// A channel that exists and that the bot is not in.
pub const OTHER_CHANNEL: &str = "C0OTHER0001";
/// A person of the workspace, who presses buttons; a member of [`GROUP`].
pub const PERSON: &str = "U0PERSON001";
/// A person who is in no group.
pub const STRANGER: &str = "U0PERSON002";
/// The lab's alice.
pub const ALICE: &str = "U0PERSON003";
/// The user group of those who respond.
pub const GROUP: &str = "S0RESPOND01";
/// Everybody.
pub const PEOPLE: [(&str, &str); 3] = [(PERSON, "pat"), (STRANGER, "sam"), (ALICE, "alice")];

/// A running workspace; gone when dropped.
#[derive(Debug)]
pub struct Slack {
    shared: Arc<Shared>,
    _runtime: tokio::runtime::Runtime,
}

struct Shared {
    address: SocketAddr,
    state: Mutex<State>,
    hook: Mutex<Option<Hook>>,
    /// Frames for every Socket Mode connection.
    frames: broadcast::Sender<String>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Shared {
    fn hook(&self, method: &str, moment: Moment) -> bool {
        let hook = self.hook.lock().unwrap_or_else(PoisonError::into_inner).clone();
        hook.is_none_or(|hook| hook(method, moment))
    }

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
            hook: Mutex::default(),
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

    /// Has the next `times` calls of `method` fail as a service does that is in trouble.
    pub fn break_down(&self, method: &str, times: u32, trouble: Trouble) {
        self.shared.state().troubles.insert(method.to_owned(), (times, trouble));
    }

    /// Has the next `times` Socket Mode connections go wrong.
    pub fn refuse_connections(&self, times: u32, how: Unconnected) {
        self.shared.state().unconnected = Some((times, how));
    }

    /// Every ticket for a connection that was given out.
    pub fn tickets(&self) -> Vec<String> {
        self.shared.state().given.clone()
    }

    /// Has this called at every call from now on.
    pub fn on_call(&self, hook: Option<Hook>) {
        *self.shared.hook.lock().unwrap_or_else(PoisonError::into_inner) = hook;
    }

    /// Takes the scope for a method from the app, or gives all back.
    pub fn withhold(&self, method: Option<&str>) {
        self.shared.state().withheld = method.map(str::to_owned);
    }

    /// Takes any number of messages from now on: where the bot is measured and not Slack.
    pub fn lift_limits(&self) {
        self.shared.state().unlimited = true;
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
        self.press_as(PERSON, ts, action_id)
    }

    /// Has somebody press a button.
    ///
    /// # Errors
    /// As [`Slack::press`].
    pub fn press_as(&self, user: &str, ts: &str, action_id: &str) -> anyhow::Result<String> {
        let payload = self.pressing(user, ts, action_id)?;
        self.send("interactive", payload)
    }

    /// What Slack would send for a press now; sent later, or twice, it is a stale or a double one.
    ///
    /// # Errors
    /// When there is no such message or button.
    pub fn pressing(&self, user: &str, ts: &str, action_id: &str) -> anyhow::Result<Value> {
        let (message, trigger) = {
            let mut state = self.shared.state();
            let message = state.messages.iter().find(|message| message.ts == ts).cloned();
            (message.with_context(|| format!("no message {ts}"))?, state.trigger(user))
        };
        let (block_id, element) = text::element(&message.blocks, action_id)
            .with_context(|| format!("no button {action_id} in {}", message.read()))?;
        let name = PEOPLE.iter().find(|(id, _)| *id == user).map_or("nobody", |(_, name)| name);
        let action = json!({
            "type": "button", "action_id": action_id, "block_id": block_id, "text": element["text"],
            "value": element["value"], "action_ts": trigger.trim_end_matches(".trigger"),
        });
        Ok(json!({
            "type": "block_actions", "team": {"id": state::TEAM, "domain": "lab"},
            "user": {"id": user, "username": name, "name": name, "team_id": state::TEAM},
            "api_app_id": state::APP, "token": "unused", "trigger_id": trigger,
            "container": {"type": "message", "message_ts": ts, "channel_id": message.channel, "is_ephemeral": false},
            "channel": {"id": message.channel, "name": "abuse"}, "message": message.shown(),
            "response_url": format!("http://{}/response/{trigger}", self.shared.address), "actions": [action],
        }))
    }

    /// Delivers what [`Slack::pressing`] made.
    ///
    /// # Errors
    /// When nobody listens.
    pub fn deliver(&self, payload: Value) -> anyhow::Result<String> {
        self.send("interactive", payload)
    }

    /// Has somebody fill in and send a form that the bot opened, the newest where there are several.
    ///
    /// # Errors
    /// When none is open for them, or nobody listens.
    pub fn submit(&self, user: &str, fields: &[(&str, &str)]) -> anyhow::Result<String> {
        let found = self.views().into_iter().rfind(|view| view.user == user);
        let View { id, mut view, .. } = found.context("no form is open")?;
        let mut values = serde_json::Map::new();
        for block in view["blocks"].as_array().into_iter().flatten().filter(|block| block["type"] == "input")
        {
            let element = &block["element"];
            let name = element["action_id"].as_str().context("a field without a name")?;
            let given = fields.iter().find(|(field, _)| *field == name).map(|(_, value)| *value);
            let field = if element["type"] == "plain_text_input" {
                json!({"type": "plain_text_input", "value": given.map_or(element["initial_value"].clone(), Value::from)})
            } else {
                let chosen = element["options"].as_array().into_iter().flatten();
                let chosen = chosen
                    .clone()
                    .find(|option| option["value"].as_str() == given)
                    .or(element.get("initial_option"));
                json!({"type": element["type"], "selected_option": chosen})
            };
            values.insert(
                block["block_id"].as_str().context("a block without a name")?.to_owned(),
                json!({name: field}),
            );
        }
        view["id"] = json!(id);
        view["team_id"] = json!(state::TEAM);
        view["hash"] = json!("1.a");
        view["state"] = json!({"values": values});
        let trigger = self.shared.state().trigger(user);
        let payload = json!({
            "type": "view_submission", "team": {"id": state::TEAM, "domain": "lab"},
            "user": {"id": user, "username": "pat", "name": "pat", "team_id": state::TEAM},
            "api_app_id": state::APP, "token": "unused", "trigger_id": trigger, "view": view, "response_urls": [],
        });
        self.send("interactive", payload)
    }

    /// Has somebody open the app's home tab.
    ///
    /// # Errors
    /// When nobody listens.
    pub fn open_home(&self, user: &str) -> anyhow::Result<String> {
        let ts = self.shared.state().next_ts();
        let event = json!({"type": "app_home_opened", "user": user, "channel": "D0PERSON001", "tab": "home", "event_ts": ts});
        let payload = json!({
            "token": "unused", "team_id": state::TEAM, "api_app_id": state::APP, "type": "event_callback",
            "event_id": format!("Ev{}", ts.replace('.', "")), "event_time": 1_700_000_000, "event": event,
        });
        self.send("events_api", payload)
    }

    /// Has [`PERSON`] type a slash command in [`CHANNEL`]; returns the envelope's id.
    ///
    /// # Errors
    /// When nobody listens.
    pub fn command(&self, command: &str, text: &str) -> anyhow::Result<String> {
        let trigger = self.shared.state().trigger(PERSON);
        let payload = json!({
            "token": "unused", "team_id": state::TEAM, "team_domain": "lab", "channel_id": CHANNEL,
            "channel_name": "abuse", "user_id": PERSON, "user_name": "pat", "command": command, "text": text,
            "api_app_id": state::APP, "is_enterprise_install": "false", "trigger_id": trigger,
            "response_url": format!("http://{}/response/{trigger}", self.shared.address),
        });
        self.send("slash_commands", payload)
    }

    /// Forms that the bot opened, oldest first.
    pub fn views(&self) -> Vec<View> {
        self.shared.state().views.clone()
    }

    /// Somebody's home tab.
    pub fn home(&self, user: &str) -> Option<Value> {
        self.shared.state().homes.get(user).cloned()
    }

    /// What single persons were told, oldest first.
    pub fn whispers(&self) -> Vec<Whisper> {
        self.shared.state().whispers.clone()
    }

    /// Ends every Socket Mode connection.
    pub fn hang_up(&self) {
        // That nobody listens is all right.
        let _ = self.shared.frames.send(socket::HANG_UP.to_owned());
    }

    /// The acknowledgements that came over Socket Mode.
    pub fn acks(&self) -> Vec<Ack> {
        self.shared.state().acks.clone()
    }

    /// How many Socket Mode connections were opened until now, those included that are closed again.
    pub fn opened(&self) -> usize {
        self.shared.state().opened
    }

    /// How many Socket Mode connections are open.
    pub fn connections(&self) -> usize {
        self.shared.frames.receiver_count()
    }

    /// From now on calls go over HTTP to a bot that listens there, signed with a secret.
    pub fn call_over_http(&self, address: SocketAddr, secret: &str) {
        let url = RequestUrl { address, secret: secret.to_owned() };
        self.shared.state().request_url = Some(url);
    }

    /// Calls over HTTP with a secret that is not the app's; returns the status.
    ///
    /// # Errors
    /// When nobody listens.
    pub fn call_with(&self, secret: &str, kind: &str, payload: &Value) -> anyhow::Result<u16> {
        let url = self.shared.state().request_url.clone().context("calls do not go over HTTP")?;
        let (content_type, body) = calls::written(kind, payload);
        Ok(calls::call(&RequestUrl { secret: secret.to_owned(), ..url }, content_type, &body)?.0)
    }

    /// Whether a bot would get what is sent now.
    pub fn is_heard(&self) -> bool {
        let request_url = self.shared.state().request_url.clone();
        match request_url {
            Some(url) => std::net::TcpStream::connect(url.address).is_ok(),
            None => self.connections() > 0,
        }
    }

    fn send(&self, kind: &str, payload: Value) -> anyhow::Result<String> {
        let request_url = self.shared.state().request_url.clone();
        if let Some(url) = request_url {
            return self.send_over_http(&url, kind, &payload);
        }
        ensure!(self.connections() > 0, "no Socket Mode connection is open");
        let mut state = self.shared.state();
        let id = state.sent(kind);
        let envelope =
            json!({"type": kind, "envelope_id": id, "accepts_response_payload": true, "payload": payload});
        state.unacknowledged.push((id.clone(), envelope.to_string()));
        drop(state);
        // Slack gives each envelope to one connection; the tests have one.
        self.shared.frames.send(envelope.to_string()).context("no Socket Mode connection is open")?;
        Ok(id)
    }

    fn send_over_http(&self, url: &RequestUrl, kind: &str, payload: &Value) -> anyhow::Result<String> {
        let id = self.shared.state().sent(kind);
        let (content_type, body) = calls::written(kind, payload);
        let (status, answer) = calls::call(url, content_type, &body)?;
        ensure!(status == 200, "the bot answers {status} to a call: {answer}");
        let answer = (!answer.is_empty()).then(|| serde_json::from_str(&answer)).transpose()?;
        self.shared.state().acked(&id, answer);
        Ok(id)
    }
}
