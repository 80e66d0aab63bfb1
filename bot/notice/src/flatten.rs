//! Structured values of a shape nobody here knows, as lines of `name: value`, so that the reading
//! of words applies to them.

use std::fmt::Write;

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;

use super::label;
use super::label::Kind;
use super::limits;

const LINES_MAX: usize = 5000;
const DEPTH_MAX: usize = 24;

/// Returns the lines of a JSON value.
pub(super) fn json(value: &Value) -> String {
    let mut lines = Lines::default();
    walk(value, "", 0, &mut lines);
    lines.out
}

/// The lines so far.
#[derive(Default)]
struct Lines {
    out: String,
    count: usize,
}

impl Lines {
    fn push(&mut self, name: &str, text: &str) {
        self.count += 1;
        if name.is_empty() {
            self.out.push_str(text);
            self.out.push('\n');
        } else if text.contains('\n') {
            // Words of their own: kept as they are.
            let _ = writeln!(self.out, "{name}:\n{text}");
        } else {
            let _ = writeln!(self.out, "{name}: {text}");
        }
    }

    fn are_enough(&self) -> bool {
        self.count > LINES_MAX || self.out.len() > limits::MADE_TEXT_BYTES_MAX
    }
}

fn walk(value: &Value, name: &str, depth: usize, lines: &mut Lines) {
    if depth > DEPTH_MAX || lines.are_enough() {
        return;
    }
    match value {
        Value::Object(members) => {
            let typed = typed(members);
            let names_client = members.keys().any(|key| last_part(key) == "cip");
            for (key, member) in members {
                // A pair of type and value is one field, named by its type.
                if let Some(typed) = typed.filter(|_| matches!(key.as_str(), "type" | "value")) {
                    if key == "value" {
                        walk(member, typed, depth + 1, lines);
                    }
                    continue;
                }
                // Beside a client's address, "sip" is the server's (Falco, Sysdig); elsewhere it is the source's.
                let key = match last_part(key) {
                    "cip" => "client ip",
                    "sip" if names_client => "destination ip",
                    _ => short(key),
                };
                let name = if name.is_empty() { key.to_owned() } else { format!("{name} {key}") };
                walk(member, last_words(&name), depth + 1, lines);
            }
            // One object, one incident: a blank line keeps lists apart.
            lines.out.push('\n');
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, name, depth + 1, lines)),
        Value::Null => {}
        Value::String(text) => lines.push(name, text),
        other => lines.push(name, &other.to_string()),
    }
}

/// "fd.sip" is "sip".
fn last_part(key: &str) -> &str {
    key.rsplit(['.', '_']).next().unwrap_or(key)
}

/// Returns the type of an object that says it beside a value: "ip-src", "destination_ip".
fn typed(members: &serde_json::Map<String, Value>) -> Option<&str> {
    let typed = members.get("type")?.as_str()?;
    let is_name = typed.len() <= 40 && label::meaning(typed).kind == Kind::Address;
    (is_name && members.get("value").is_some_and(Value::is_string)).then_some(typed)
}

/// Keeps the two innermost names: "detail source ip" is "source ip".
fn last_words(name: &str) -> &str {
    let mut blanks = name.rmatch_indices(' ');
    blanks.nth(1).map_or(name, |(at, _)| &name[at + 1..])
}

/// Returns the beginning of a name: it is written before each of its values.
fn short(name: &str) -> &str {
    &name[..name.floor_char_boundary(limits::NAME_BYTES_MAX)]
}

/// Returns the side of an event that an element's name was given: "source Address".
fn side_of(name: &str) -> Option<&str> {
    name.split_once(' ').map(|(side, _)| side)
}

/// Says whether an element's name is that of a side: all inside it is that side's.
fn is_side(name: &str) -> bool {
    !name.contains(' ') && label::words(name).len() <= 2 && label::meaning(name).role.is_some()
}

/// Returns the side of an event that an element's attribute says it tells of; all inside it is of that
/// side.
fn side_said(tag: &quick_xml::events::BytesStart<'_>) -> Option<String> {
    let values = tag.attributes().flatten().take(16);
    values
        .map(|attribute| String::from_utf8_lossy(&attribute.value).trim().to_ascii_lowercase())
        .find(|value| value.len() <= 24 && !value.contains(' ') && label::meaning(value).role.is_some())
}

/// Returns the lines of an XML text; none when it is no XML.
pub(super) fn xml(text: &str) -> Option<String> {
    if !text.trim_start().starts_with("<?xml") {
        return None;
    }
    let mut reader = Reader::from_str(text);
    let mut lines = Lines::default();
    let mut names: Vec<String> = Vec::new();
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) => {
                let side = names.last().and_then(|name| side_of(name)).map(str::to_owned);
                let own = short(&String::from_utf8_lossy(tag.local_name().as_ref())).to_owned();
                let parent =
                    names.last().filter(|name| label::meaning(&own).role.is_none() && is_side(name)).cloned();
                names.push(match side_said(&tag).or(side).or(parent) {
                    Some(side) => format!("{side} {own}"),
                    None => own,
                });
            }
            Ok(Event::End(_)) => {
                names.pop();
                if !lines.out.ends_with("\n\n") && names.len() < 4 {
                    lines.out.push('\n');
                }
            }
            Ok(Event::Text(found)) => {
                let found = found.decode().unwrap_or_default();
                if !found.trim().is_empty() {
                    lines.push(names.last().map_or("", String::as_str), found.trim());
                }
            }
            Ok(Event::CData(found)) => {
                let found = String::from_utf8_lossy(&found).into_owned();
                if !found.trim().is_empty() {
                    lines.push(names.last().map_or("", String::as_str), found.trim());
                }
            }
            Ok(Event::Eof) | Err(_) => return Some(lines.out),
            Ok(_) => {}
        }
        if lines.are_enough() || names.len() > 64 {
            return Some(lines.out);
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn keeps_names_beside_values() {
        let value = serde_json::json!({"event": {"source": {"ip": "192.0.2.1"}}, "ports": [1, 2]});
        assert_eq!(super::json(&value), "source ip: 192.0.2.1\n\n\nports: 1\nports: 2\n\n");
        assert_eq!(
            super::xml("<?xml version=\"1.0\"?><a><s k=\"target\"><n><ip>192.0.2.1</ip></n></s></a>")
                .as_deref(),
            Some("target ip: 192.0.2.1\n\n"),
        );
        assert_eq!(
            super::xml("<?xml version=\"1.0\"?><a><ip>192.0.2.1</ip></a>").as_deref(),
            Some("ip: 192.0.2.1\n\n")
        );
    }
}
