//! Items of the table: attributes to values and back. Pure.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;

use super::assemble;
use super::body::unpack;
use crate::case::CaseId;
use crate::case::store::OutcomeCount;
use crate::case::store::Record;
use crate::case::store::State;
use crate::case::store::StoreError;
use crate::case::store::Summary;
use crate::case::store::assemble::StoredNotice;
use crate::case::store::assemble::parse;

/// A key of the table.
pub fn key(pk: &str, sk: &str) -> Value {
    json!({"pk": text(pk), "sk": text(sk)})
}

/// A key among those of a case.
pub fn case_key(case: &CaseId, sk: &str) -> Value {
    key(&format!("CASE#{}", case.0), sk)
}

/// A text attribute.
pub fn text(text: &str) -> Value {
    json!({"S": text})
}

/// A number attribute.
pub fn number(number: i64) -> Value {
    json!({"N": number.to_string()})
}

/// Reads a text attribute.
pub fn read_text(item: &Value, name: &str) -> Option<String> {
    item[name]["S"].as_str().map(str::to_owned)
}

/// Reads a number attribute.
pub fn read_number(item: &Value, name: &str) -> Option<i64> {
    item[name]["N"].as_str()?.parse().ok()
}

fn read_time(item: &Value, name: &str) -> Option<Timestamp> {
    Timestamp::from_millisecond(read_number(item, name)?).ok()
}

/// A case from all of its items; none where its own is not among them.
pub fn record(id: &CaseId, items: &[Value]) -> Result<Option<Record>, StoreError> {
    let by_name: HashMap<&str, &Value> =
        items.iter().filter_map(|item| Some((item["sk"]["S"].as_str()?, item))).collect();
    let Some(case) = by_name.get("CASE") else { return Ok(None) };
    let mut notices = Vec::new();
    let mut questions = Vec::new();
    // The items of one key come sorted, so questions are in order; notices have their number.
    for item in items {
        match item["sk"]["S"].as_str().unwrap_or_default() {
            name if name.starts_with("NOTICE#") => {
                let notice: StoredNotice = unpack(item, &by_name, "a notice")?;
                notices.push((read_number(item, "place"), notice));
            }
            name if name.starts_with("QUESTION#") => questions.push(unpack(item, &by_name, "a question")?),
            _ => {}
        }
    }
    notices.sort_by_key(|(place, _)| *place);
    let notices = notices.into_iter().map(|(_, notice)| notice).collect();
    let opened = read_time(case, "opened").unwrap_or(Timestamp::UNIX_EPOCH);
    let (assembled, disposition) = assemble(id, opened, notices);
    Ok(Some(Record { case: assembled, disposition, work: unpack(case, &by_name, "work")?, questions }))
}

/// A case in a list.
pub fn summary(item: &Value) -> Result<Summary, StoreError> {
    let name = read_text(item, "pk").unwrap_or_default();
    let state = read_text(item, "state").unwrap_or_default();
    let state: State = parse(&json!(state).to_string(), "a state")?;
    Ok(Summary {
        case: CaseId(name.trim_start_matches("CASE#").to_owned()),
        opened: read_time(item, "opened").unwrap_or(Timestamp::UNIX_EPOCH),
        state,
        reported: read_time(item, "reported"),
        activity: read_text(item, "activity").and_then(|name| parse(&json!(name).to_string(), "a kind").ok()),
    })
}

/// A count.
pub fn outcome(item: &Value) -> Option<OutcomeCount> {
    Some(OutcomeCount {
        layout: read_text(item, "layout")?,
        outcome: read_text(item, "outcome")?,
        count: read_number(item, "times").and_then(|count| u64::try_from(count).ok()).unwrap_or(0),
        last: read_time(item, "latest").unwrap_or(Timestamp::UNIX_EPOCH),
    })
}
