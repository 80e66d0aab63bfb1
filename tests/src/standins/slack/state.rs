//! What a workspace remembers.

use std::collections::HashMap;
use std::time::Instant;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use serde_json::Value;
use serde_json::json;

use super::calls::RequestUrl;

pub(super) const TEAM: &str = "T0LAB000001";
pub(super) const APP: &str = "A0LAB000001";
pub(super) const BOT: &str = "B0LAB000001";
pub(super) const BOT_USER: &str = "U0BOT000001";

/// Messages of one channel in a burst, before one a second.
const BURST: f64 = 10.0;
/// Bounds what a runaway bot can make the stand-in hold.
pub(super) const MESSAGES_MAX: usize = 10_000;

/// One message, as it is now.
#[derive(Debug, Clone)]
pub struct Message {
    /// The channel's id.
    pub channel: String,
    /// Its timestamp, which is its name in the channel.
    pub ts: String,
    /// The message whose thread it is in.
    pub thread_ts: Option<String>,
    /// The text, which notifications show.
    pub text: String,
    /// The blocks.
    pub blocks: Vec<Value>,
    /// Text and blocks before each edit, oldest first.
    pub before: Vec<(String, Vec<Value>)>,
    /// When it was posted or last edited.
    pub changed: Instant,
}

impl Message {
    /// What a person reads in it.
    pub fn read(&self) -> String {
        if self.blocks.is_empty() { self.text.clone() } else { super::text_of(&self.blocks) }
    }

    /// As Slack shows it in answers.
    pub(super) fn shown(&self) -> Value {
        let mut shown = json!({
            "type": "message", "user": BOT_USER, "bot_id": BOT, "app_id": APP, "team": TEAM, "ts": self.ts,
            "text": self.text, "blocks": self.blocks,
        });
        if let Some(thread) = &self.thread_ts {
            shown["thread_ts"] = json!(thread);
        }
        shown
    }
}

/// One file that was announced, and perhaps uploaded and shared.
#[derive(Debug, Clone)]
pub struct UploadedFile {
    /// Its id.
    pub id: String,
    /// Its name, as announced.
    pub name: String,
    /// Its title, once shared.
    pub title: Option<String>,
    /// Its length as announced, bytes.
    pub length: usize,
    /// What was uploaded.
    pub bytes: Option<Vec<u8>>,
    /// The channel, and the thread in it, that it was shared in.
    pub shared_in: Option<(String, Option<String>)>,
}

/// How calls fail that Slack does not refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// With this status, and not done.
    Status(u16),
    /// Done, and never answered.
    Silence,
}

/// How a Socket Mode connection goes wrong before it is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unconnected {
    /// It is refused.
    Refused,
    /// It is never answered.
    Silence,
}

/// One call that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The Web API method.
    pub method: String,
    /// Slack's code.
    pub error: String,
    /// What exactly was wrong, as far as Slack says.
    pub details: Vec<String>,
}

/// An envelope that was sent over Socket Mode, and its acknowledgement.
#[derive(Debug, Clone)]
pub struct Ack {
    /// The envelope's id.
    pub envelope_id: String,
    /// `interactive` or `slash_commands`.
    pub kind: String,
    /// How long the acknowledgement took, s; none when there is none yet. Slack waits 3 s.
    pub after_s: Option<f64>,
    /// What was answered with it.
    pub payload: Option<Value>,
}

/// A form that the bot opened for somebody.
#[derive(Debug, Clone)]
pub struct View {
    /// Its id.
    pub id: String,
    /// Who sees it.
    pub user: String,
    /// What it shows.
    pub view: Value,
}

/// Something that one person alone was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whisper {
    /// Whom; empty where the address of a call was answered.
    pub user: String,
    /// The text.
    pub text: String,
    /// What is read in its blocks.
    pub read: String,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) bot_token: String,
    pub(super) app_token: String,
    pub(super) messages: Vec<Message>,
    pub(super) files: Vec<UploadedFile>,
    pub(super) refused: Vec<Refused>,
    pub(super) limits: HashMap<String, (u32, u32)>,
    pub(super) acks: Vec<Ack>,
    pub(super) tickets: Vec<String>,
    /// Every ticket that was ever given out.
    pub(super) given: Vec<String>,
    /// How the next connections go wrong.
    pub(super) unconnected: Option<(u32, Unconnected)>,
    /// Who may open a form, by the trigger of what they did, and when that was.
    pub(super) triggers: HashMap<String, (String, Instant)>,
    pub(super) views: Vec<View>,
    pub(super) homes: HashMap<String, Value>,
    pub(super) whispers: Vec<Whisper>,
    /// Envelopes that nobody acknowledged, to be sent again to the next connection.
    pub(super) unacknowledged: Vec<(String, String)>,
    /// Socket Mode connections that were ever opened.
    pub(super) opened: usize,
    /// Where calls go over HTTP in place of Socket Mode.
    pub(super) request_url: Option<RequestUrl>,
    sent_at: Vec<Instant>,
    allowance: HashMap<String, (f64, Instant)>,
    pub(super) unlimited: bool,
    /// A method whose scope the app was not given.
    pub(super) withheld: Option<String>,
    pub(super) troubles: HashMap<String, (u32, Trouble)>,
    serial: u64,
}

impl State {
    pub(super) fn new() -> Self {
        let now = now_us();
        Self {
            bot_token: format!("xoxb-lab-{now}"),
            app_token: format!("xapp-lab-{now}"),
            messages: Vec::new(),
            files: Vec::new(),
            refused: Vec::new(),
            limits: HashMap::new(),
            acks: Vec::new(),
            tickets: Vec::new(),
            given: Vec::new(),
            unconnected: None,
            triggers: HashMap::new(),
            views: Vec::new(),
            homes: HashMap::new(),
            whispers: Vec::new(),
            unacknowledged: Vec::new(),
            opened: 0,
            request_url: None,
            sent_at: Vec::new(),
            allowance: HashMap::new(),
            unlimited: false,
            withheld: None,
            troubles: HashMap::new(),
            serial: 0,
        }
    }

    /// A new timestamp: later than every earlier one.
    pub(super) fn next_ts(&mut self) -> String {
        self.serial = now_us().max(self.serial + 1);
        format!("{}.{:06}", self.serial / 1_000_000, self.serial % 1_000_000)
    }

    /// A new id with that first letter, such as a file's.
    pub(super) fn next_id(&mut self, letter: char) -> String {
        self.serial += 1;
        format!("{letter}0{:09}", self.serial % 1_000_000_000)
    }

    /// Whether this channel may get one more message now.
    pub(super) fn allows(&mut self, channel: &str) -> bool {
        let now = Instant::now();
        let (left, since) = self.allowance.entry(channel.to_owned()).or_insert((BURST, now));
        *left = (*left + now.duration_since(*since).as_secs_f64()).min(BURST);
        *since = now;
        let allowed = *left >= 1.0 || self.unlimited;
        if allowed {
            *left -= 1.0;
        }
        allowed
    }

    /// A trigger of something that a person did.
    pub(super) fn trigger(&mut self, user: &str) -> String {
        let trigger = format!("{}.trigger", self.next_ts());
        self.triggers.insert(trigger.clone(), (user.to_owned(), Instant::now()));
        trigger
    }

    /// Notes that an envelope is on its way; returns its id.
    pub(super) fn sent(&mut self, kind: &str) -> String {
        let envelope_id = format!("envelope-{}", self.acks.len());
        self.acks.push(Ack {
            envelope_id: envelope_id.clone(),
            kind: kind.to_owned(),
            after_s: None,
            payload: None,
        });
        self.sent_at.push(Instant::now());
        envelope_id
    }

    /// Notes an acknowledgement.
    pub(super) fn acked(&mut self, envelope_id: &str, payload: Option<Value>) {
        self.unacknowledged.retain(|(id, _)| id != envelope_id);
        let found = self.acks.iter_mut().zip(&self.sent_at).find(|(ack, _)| ack.envelope_id == envelope_id);
        if let Some((ack, at)) = found {
            ack.after_s.get_or_insert(at.elapsed().as_secs_f64());
            ack.payload = payload;
        }
    }
}

fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
