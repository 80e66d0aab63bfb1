//! What Slack refuses in a message, with its codes. Pure.
//!
//! The crate `slackblocks` knows the limits of each block; here stand the rules of the whole
//! message, and how Slack words a refusal.

use std::collections::HashSet;

use serde_json::Map;
use serde_json::Value;
use slackblocks::MessagePayload;

/// Characters that all blocks of a message may have together, as JSON. Slack's own limit is not
/// documented: refusals were seen from 11,341 on, so this is below what any workspace takes.
pub const BLOCKS_MAX_CHARS: usize = 9_000;
/// Characters of a message's text, after which Slack cuts it.
const TEXT_MAX_CHARS: usize = 40_000;

/// Slack's answer to a call that it does not carry out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) error: &'static str,
    pub(super) details: Vec<String>,
}

impl Refusal {
    pub(super) fn plain(error: &'static str) -> Self {
        Self { error, details: Vec::new() }
    }

    pub(super) fn because(error: &'static str, detail: impl Into<String>) -> Self {
        Self { error, details: vec![detail.into()] }
    }
}

/// Text and blocks of chat.postMessage, chat.update and their like.
pub(super) fn content(arguments: &Map<String, Value>) -> Result<(String, Vec<Value>), Refusal> {
    let text = match arguments.get("text") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.chars().take(TEXT_MAX_CHARS).collect(),
        Some(_) => return Err(Refusal::plain("invalid_arguments")),
    };
    let blocks = match arguments.get("blocks") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(blocks)) => blocks.clone(),
        Some(Value::String(json)) => {
            serde_json::from_str(json).map_err(|_| Refusal::plain("invalid_blocks_format"))?
        }
        Some(_) => return Err(Refusal::plain("invalid_blocks_format")),
    };
    if text.trim().is_empty() && blocks.is_empty() {
        return Err(Refusal::plain("no_text"));
    }
    check_blocks(&blocks)?;
    Ok((text, blocks))
}

/// Characters of a view's title, and of its submit and close labels.
const TITLE_MAX_CHARS: usize = 24;
/// Blocks of a view.
const VIEW_BLOCKS_MAX: usize = 100;
/// Characters of a view's private metadata.
const METADATA_MAX_CHARS: usize = 3_000;

/// A view for `views.open` or `views.publish`.
pub(super) fn view(view: &Value, kind: &str) -> Result<(), Refusal> {
    let invalid = |detail: String| Err(Refusal::because("invalid_arguments", detail));
    let chars = |text: &Value| text.as_str().map_or(0, |text| text.chars().count());
    if view["type"] != kind {
        return invalid(format!("the view is no {kind}"));
    }
    let Some(blocks) = view["blocks"].as_array() else { return invalid("no blocks".to_owned()) };
    if blocks.is_empty() || blocks.len() > VIEW_BLOCKS_MAX {
        return invalid(format!("{} blocks", blocks.len()));
    }
    let titles = ["title", "submit", "close"].map(|name| (name, chars(&view[name]["text"])));
    if kind == "modal" {
        let has_input = blocks.iter().any(|block| block["type"] == "input");
        for (name, length) in titles {
            let needed = name == "title" || (name == "submit" && has_input);
            if length > TITLE_MAX_CHARS || (needed && length == 0) {
                return invalid(format!("{name} has {length} characters"));
            }
        }
    }
    if chars(&view["private_metadata"]) > METADATA_MAX_CHARS {
        return invalid("private_metadata is too long".to_owned());
    }
    for block in blocks.iter().filter(|block| block["type"] == "input") {
        let element = &block["element"];
        let most = element["max_length"].as_u64().unwrap_or(3_000);
        let initial = chars(&element["initial_value"]) as u64;
        if most == 0 || most > 3_000 || initial > most {
            return invalid(format!("an input of {initial} characters, at most {most}"));
        }
        if chars(&block["label"]["text"]) > 2_000 || chars(&block["hint"]["text"]) > 2_000 {
            return invalid("a label is too long".to_owned());
        }
        let chosen = &element["initial_option"];
        let options = element["options"].as_array();
        if !chosen.is_null() && !options.is_some_and(|options| options.contains(chosen)) {
            return invalid("initial_option is none of the options".to_owned());
        }
    }
    let others: Vec<Value> = blocks.iter().filter(|block| block["type"] != "input").cloned().collect();
    check_blocks(&others)
}

fn check_blocks(blocks: &[Value]) -> Result<(), Refusal> {
    let invalid = |detail: String| Refusal::because("invalid_blocks", detail);
    let payload = serde_json::json!({"channel": "C0", "text": "checked apart", "blocks": blocks});
    if !blocks.is_empty() {
        MessagePayload::try_from(payload)
            .map_err(|error| invalid(format!("{} [{}]", error.message(), error.path())))?;
    }
    let mut block_ids = HashSet::new();
    for (at, block) in blocks.iter().enumerate() {
        if let Some(id) = block["block_id"].as_str()
            && !block_ids.insert(id)
        {
            return Err(invalid(format!(
                "`block_id` already exists: {id} [json-pointer:/blocks/{at}/block_id]"
            )));
        }
        let mut action_ids = HashSet::new();
        for (nth, element) in elements(block).enumerate() {
            if let Some(id) = element["action_id"].as_str()
                && !action_ids.insert(id)
            {
                let pointer = format!("/blocks/{at}/elements/{nth}/action_id");
                return Err(invalid(format!("`action_id` already exists: {id} [json-pointer:{pointer}]")));
            }
        }
    }
    if blocks.iter().filter(|block| block["type"] == "table").count() > 1 {
        return Err(Refusal::because("invalid_attachments", "only_one_table_allowed"));
    }
    let chars = serde_json::to_string(blocks).map_or(0, |json| json.chars().count());
    if chars > BLOCKS_MAX_CHARS && !blocks.is_empty() {
        return Err(Refusal::because("msg_blocks_too_long", format!("{chars} characters")));
    }
    Ok(())
}

/// The interactive elements of a block.
pub(super) fn elements(block: &Value) -> impl Iterator<Item = &Value> {
    block["elements"].as_array().into_iter().flatten().chain(block.get("accessory"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn section(text: &str) -> Value {
        json!({"type": "section", "text": {"type": "mrkdwn", "text": text}})
    }

    fn button(action: &str) -> Value {
        json!({"type": "button", "action_id": action, "text": {"type": "plain_text", "text": "Press"}})
    }

    fn check(arguments: Value, expected: Option<&str>) {
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        let error = content(&arguments).err().map(|refusal| refusal.error);
        assert_eq!(error, expected, "{}", Value::Object(arguments));
    }

    #[test]
    fn messages_are_refused_as_slack_refuses_them() {
        let header = |text: String| json!({"type": "header", "text": {"type": "plain_text", "text": text}});
        check(json!({"text": "hello"}), None);
        check(json!({"blocks": [section("hello")]}), None);
        check(json!({"blocks": json!([section("hello")]).to_string()}), None);
        check(json!({}), Some("no_text"));
        check(json!({"text": " "}), Some("no_text"));
        check(json!({"blocks": "{"}), Some("invalid_blocks_format"));
        check(json!({"blocks": {}}), Some("invalid_blocks_format"));
        check(json!({"blocks": [section(&"x".repeat(3_000))]}), None);
        check(json!({"blocks": [section(&"x".repeat(3_001))]}), Some("invalid_blocks"));
        check(json!({"blocks": [section("")]}), Some("invalid_blocks"));
        check(json!({"blocks": [header("x".repeat(150))]}), None);
        check(json!({"blocks": [header("x".repeat(151))]}), Some("invalid_blocks"));
        check(json!({"blocks": vec![json!({"type": "divider"}); 50]}), None);
        check(json!({"blocks": vec![json!({"type": "divider"}); 51]}), Some("invalid_blocks"));
        check(json!({"blocks": [{"type": "surprise"}]}), Some("invalid_blocks"));
        check(json!({"blocks": vec![section(&"x".repeat(2_950)); 3]}), Some("msg_blocks_too_long"));
        let twice = json!({"type": "actions", "elements": [button("a"), button("a")]});
        check(json!({"blocks": [twice]}), Some("invalid_blocks"));
        let once = json!({"type": "actions", "elements": [button("a"), button("b")]});
        check(json!({"blocks": [once]}), None);
        let named = json!({"type": "divider", "block_id": "x"});
        check(json!({"blocks": [named, named]}), Some("invalid_blocks"));
    }
}
