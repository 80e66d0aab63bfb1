//! Looking into JSON whose keys come in several cases: `instanceId`, `InstanceId`, `instance_id`.

use serde_json::Value;

/// Returns the value at a path of keys, whatever their case and underscores.
pub(super) fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    let mut current = value;
    for key in path.split('.') {
        current = match current {
            Value::Array(items) => items.first()?,
            other => other,
        };
        current = child(current, key)?;
    }
    (!current.is_null()).then_some(current)
}

fn child<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    let object = value.as_object()?;
    object.get(key).or_else(|| object.iter().find(|(name, _)| same(name, key)).map(|(_, value)| value))
}

fn same(one: &str, other: &str) -> bool {
    let plain = |text: &str| -> Vec<u8> {
        text.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase()).collect()
    };
    plain(one) == plain(other)
}

/// Returns the text at a path; numbers and flags are written out.
pub(super) fn text(value: &Value, path: &str) -> Option<String> {
    match at(value, path)? {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// Returns the first text of several paths.
pub(super) fn first_text(value: &Value, paths: &[&str]) -> Option<String> {
    paths.iter().find_map(|path| text(value, path))
}

/// Returns the port at a path, whether written as a number or as text.
pub(super) fn port(value: &Value, path: &str) -> Option<u16> {
    text(value, path)?.parse().ok().filter(|port| *port > 0)
}

/// Returns the items at a path.
pub(super) fn items<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    at(value, path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Returns the largest number of a text such as a severity.
pub(super) fn flag(value: &Value, path: &str) -> bool {
    text(value, path).is_some_and(|text| text.eq_ignore_ascii_case("true"))
}
