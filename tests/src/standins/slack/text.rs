//! What a person reads in blocks, as plain text. Pure.

use serde_json::Value;

/// The readable text of blocks, a line or more for each.
pub fn text_of(blocks: &[Value]) -> String {
    blocks.iter().map(block).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
}

/// The interactive element with that `action_id`, and its block's id.
pub(super) fn element(blocks: &[Value], action_id: &str) -> Option<(String, Value)> {
    blocks.iter().enumerate().find_map(|(at, block)| {
        let found = super::rules::elements(block).find(|element| element["action_id"] == action_id)?;
        let id = block["block_id"].as_str().map_or_else(|| format!("block-{at}"), str::to_owned);
        Some((id, found.clone()))
    })
}

fn block(block: &Value) -> String {
    match block["type"].as_str().unwrap_or_default() {
        "header" => format!("# {}", text(&block["text"])),
        "section" => {
            let fields = list(&block["fields"]).map(|field| format!("  {}", text(field).replace('\n', " ")));
            let body = (!block["text"].is_null()).then(|| text(&block["text"]));
            body.into_iter().chain(fields).collect::<Vec<_>>().join("\n")
        }
        "context" => list(&block["elements"]).map(text).collect::<Vec<_>>().join("  "),
        "actions" => {
            let labels = list(&block["elements"]).map(|button| format!("[{}]", text(&button["text"])));
            labels.collect::<Vec<_>>().join(" ")
        }
        "divider" => "---".to_owned(),
        "rich_text" => list(&block["elements"]).map(rich).collect::<Vec<_>>().join("\n"),
        "image" => format!("({})", block["alt_text"].as_str().unwrap_or_default()),
        "markdown" => block["text"].as_str().unwrap_or_default().to_owned(),
        "table" => {
            let rows = list(&block["rows"]).map(|row| list(row).map(cell).collect::<Vec<_>>().join(" | "));
            rows.collect::<Vec<_>>().join("\n")
        }
        other => format!("({other})"),
    }
}

fn cell(cell: &Value) -> String {
    if cell["type"] == "rich_text" { list(&cell["elements"]).map(rich).collect() } else { text(cell) }
}

fn rich(element: &Value) -> String {
    let inner = || list(&element["elements"]).map(rich).collect::<Vec<_>>();
    match element["type"].as_str().unwrap_or_default() {
        "rich_text_list" => {
            inner().into_iter().map(|item| format!("- {item}")).collect::<Vec<_>>().join("\n")
        }
        "rich_text_section" | "rich_text_preformatted" | "rich_text_quote" => inner().concat(),
        "link" => element["text"].as_str().or(element["url"].as_str()).unwrap_or_default().to_owned(),
        "user" => {
            let id = element["user_id"].as_str().unwrap_or_default();
            let name = super::PEOPLE.iter().find(|(known, _)| *known == id).map_or(id, |(_, name)| name);
            format!("@{name}")
        }
        "usergroup" => format!("@{}", element["usergroup_id"].as_str().unwrap_or_default()),
        "emoji" => format!(":{}:", element["name"].as_str().unwrap_or_default()),
        _ => element["text"].as_str().unwrap_or_default().to_owned(),
    }
}

/// A text object's text; mrkdwn has three escapes.
fn text(object: &Value) -> String {
    let text = object["text"].as_str().unwrap_or_default();
    if object["type"] == "mrkdwn" {
        return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    }
    text.to_owned()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
