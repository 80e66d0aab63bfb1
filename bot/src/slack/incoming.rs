//! What Slack tells the bot, read: commands, presses, forms and the opening of the home tab. Pure.
//!
//! Socket Mode and HTTP bring the same payloads; both are read here, and nothing else of them is used. Texts in them
//! were typed by people of the workspace, or by who wrote into a channel: none is believed to be a case or an action
//! before it was looked up.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

/// Longest command that is read, bytes.
pub const COMMAND_MAX: usize = 1_000;

/// Longest text of a form's field, bytes; Slack's own bound is 3,000 characters.
const FIELD_MAX: usize = 12_000;

/// Fields of a form that are read.
const FIELDS_MAX: usize = 20;

/// Something that a person did in Slack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Incoming {
    /// Typed `/gumshoe`.
    Command(Asked),
    /// Pressed a button.
    Press(Press),
    /// Sent a form.
    Form(Form),
    /// Opened the app's home tab.
    Home {
        /// Who.
        user: String,
    },
}

/// What somebody typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The text after the command's name.
    pub text: String,
    /// Slack's id of who typed it.
    pub user: String,
    /// Slack's id of where.
    pub channel: String,
    /// Where the answer goes, for 30 minutes and five answers.
    pub response_url: String,
    /// Allows a form to be opened, for 3 s.
    pub trigger: String,
}

/// A button that was pressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Press {
    /// Who.
    pub user: String,
    /// Where; none in the home tab.
    pub channel: Option<String>,
    /// The message that the button stands in.
    pub message: Option<String>,
    /// The button.
    pub action: String,
    /// What was drawn into it.
    pub value: String,
    /// Allows a form to be opened, for 3 s.
    pub trigger: String,
    /// Where an answer to the person alone goes.
    pub response_url: Option<String>,
}

/// A form that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// Who.
    pub user: String,
    /// Which form.
    pub name: String,
    /// What was put into it when it was opened.
    pub about: String,
    /// Its fields by their action ids; of a choice, the chosen value.
    pub fields: BTreeMap<String, String>,
    /// Slack's id of the opened form: sent twice, it is the same.
    pub id: String,
}

impl Incoming {
    /// Whether it may take long: it asks hosts or reads many cases, and nobody waits for it with a finger on a button.
    pub fn is_question(&self) -> bool {
        match self {
            // A form opens only within 3 s of the command.
            Self::Command(asked) => asked.text.trim() != "notice",
            Self::Home { .. } => true,
            Self::Form(form) => form.name == super::forms::NOTICE,
            Self::Press(_) => false,
        }
    }

    /// What makes a redelivery the same.
    pub fn key(&self) -> String {
        match self {
            Self::Command(asked) => format!("command {}", asked.trigger),
            Self::Press(press) => format!("press {}", press.trigger),
            Self::Form(form) => format!("form {}", form.id),
            Self::Home { .. } => String::new(),
        }
    }
}

/// Reads a command's payload.
pub fn command(payload: &Value) -> Option<Incoming> {
    Some(Incoming::Command(Asked {
        text: payload["text"].as_str().unwrap_or_default().to_owned(),
        user: text(&payload["user_id"])?,
        channel: text(&payload["channel_id"])?,
        response_url: text(&payload["response_url"])?,
        trigger: text(&payload["trigger_id"])?,
    }))
}

/// Reads an interaction's payload; one that is none of ours is none.
pub fn interaction(payload: &Value) -> Option<Incoming> {
    match payload["type"].as_str()? {
        "block_actions" => press(payload),
        "view_submission" => form(payload),
        _ => None,
    }
}

/// Reads an event's payload.
pub fn event(payload: &Value) -> Option<Incoming> {
    let event = &payload["event"];
    let is_home = event["type"] == "app_home_opened" && event["tab"].as_str().is_none_or(|tab| tab == "home");
    is_home.then(|| text(&event["user"])).flatten().map(|user| Incoming::Home { user })
}

fn press(payload: &Value) -> Option<Incoming> {
    let action = payload["actions"].get(0)?;
    Some(Incoming::Press(Press {
        user: text(&payload["user"]["id"])?,
        channel: text(&payload["channel"]["id"]).or_else(|| text(&payload["container"]["channel_id"])),
        message: text(&payload["container"]["message_ts"]),
        action: text(&action["action_id"])?,
        value: action["value"].as_str().unwrap_or_default().to_owned(),
        trigger: text(&payload["trigger_id"])?,
        response_url: text(&payload["response_url"]),
    }))
}

fn form(payload: &Value) -> Option<Incoming> {
    let view = &payload["view"];
    let blocks = view["state"]["values"].as_object().into_iter().flatten();
    let fields = blocks.flat_map(|(_, fields)| fields.as_object().into_iter().flatten());
    let fields = fields.take(FIELDS_MAX).filter_map(|(name, field)| {
        let value = field["value"].as_str().or_else(|| field["selected_option"]["value"].as_str())?;
        Some((name.clone(), crate::untrusted::cut_bytes(value, FIELD_MAX).to_owned()))
    });
    Some(Incoming::Form(Form {
        user: text(&payload["user"]["id"])?,
        name: text(&view["callback_id"])?,
        about: view["private_metadata"].as_str().unwrap_or_default().to_owned(),
        fields: fields.collect(),
        id: text(&view["id"])?,
    }))
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty() && text.len() <= 3_000).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_press_is_read() {
        let payload = json!({
            "type": "block_actions", "user": {"id": "U1"}, "trigger_id": "t", "channel": {"id": "C1"},
            "container": {"type": "message", "message_ts": "1.2", "channel_id": "C1"},
            "actions": [{"action_id": "gumshoe.take", "value": "GS-1/0", "type": "button"}],
        });
        let Some(Incoming::Press(press)) = interaction(&payload) else { panic!("no press") };
        assert_eq!((press.action.as_str(), press.value.as_str()), ("gumshoe.take", "GS-1/0"));
        assert_eq!(press.message.as_deref(), Some("1.2"));
    }

    #[test]
    fn a_form_gives_texts_and_choices() {
        let payload = json!({
            "type": "view_submission", "user": {"id": "U1"},
            "view": {"id": "V1", "callback_id": "gumshoe.reply", "private_metadata": "GS-1/0", "state": {"values": {
                "a": {"body": {"type": "plain_text_input", "value": "hello"}},
                "b": {"how": {"type": "radio_buttons", "selected_option": {"value": "hand"}}},
                "c": {"empty": {"type": "plain_text_input", "value": null}},
            }}},
        });
        let Some(Incoming::Form(form)) = interaction(&payload) else { panic!("no form") };
        assert_eq!(form.fields.len(), 2);
        assert_eq!(form.fields["how"], "hand");
    }

    #[test]
    fn what_lacks_its_parts_is_nothing() {
        for payload in [
            json!({}),
            json!([]),
            json!({"type": "block_actions", "actions": []}),
            json!({"type": "view_submission", "view": {}}),
            json!({"type": "shortcut", "user": {"id": "U1"}}),
        ] {
            assert_eq!(interaction(&payload), None, "{payload}");
            assert_eq!(command(&payload), None, "{payload}");
            assert_eq!(event(&payload), None, "{payload}");
        }
    }
}
