//! Calls of Slack in the table: each an item that is put once. While it is not worked on, it stands in the index under
//! `kind` = `call` with the time when somebody last did.

use async_trait::async_trait;
use jiff::SignedDuration;
use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;

use super::DynamoStore;
use super::item::key;
use super::item::number;
use super::item::read_number;
use super::item::read_text;
use super::item::text;
use crate::case::store::CallStore;
use crate::case::store::LeftCall;
use crate::case::store::StoreError;
use crate::case::store::calls::REMEMBERED;
use crate::case::store::calls::TAKEN_MAX;

/// What a call is in the index.
const WAITING: &str = "call";
/// The sort key of each.
const SORT: &str = "CALL";

#[async_trait]
impl CallStore for DynamoStore {
    async fn keep_call(&self, name: &str, call: &str) -> Result<bool, StoreError> {
        let now = Timestamp::now();
        let mut item = key(&pk(name), SORT);
        item["kind"] = text(WAITING);
        item["opened"] = number(now.as_millisecond());
        item["tries"] = number(0);
        item["call"] = text(call);
        let remembered = SignedDuration::try_from(self.keep).unwrap_or(REMEMBERED).min(REMEMBERED);
        item["expires"] = number((now + remembered).as_second());
        let put = json!({"Item": item, "ConditionExpression": "attribute_not_exists(pk)"});
        self.try_write("PutItem", put, "keep a call").await
    }

    async fn renew_calls(&self, names: &[String]) -> Result<(), StoreError> {
        for name in names {
            let update = json!({
                "Key": key(&pk(name), SORT), "UpdateExpression": "SET opened = :now",
                "ConditionExpression": "kind = :waiting",
                "ExpressionAttributeValues": {
                    ":now": number(Timestamp::now().as_millisecond()), ":waiting": text(WAITING),
                },
            });
            self.try_write("UpdateItem", update, "renew calls").await?;
        }
        Ok(())
    }

    async fn end_call(&self, name: &str) -> Result<(), StoreError> {
        let update = json!({
            "Key": key(&pk(name), SORT), "UpdateExpression": "REMOVE kind, opened, #call",
            "ConditionExpression": "attribute_exists(pk)", "ExpressionAttributeNames": {"#call": "call"},
        });
        self.try_write("UpdateItem", update, "end a call").await.map(drop)
    }

    async fn take_over_calls(&self, before: Timestamp) -> Result<Vec<LeftCall>, StoreError> {
        const DOING: &str = "take over calls";
        let (before, waiting) = (number(before.as_millisecond()), text(WAITING));
        let input = json!({
            "IndexName": "cases_by_opened", "KeyConditionExpression": "kind = :waiting AND opened < :before",
            "ExpressionAttributeValues": {":waiting": waiting, ":before": before},
        });
        let mut taken = Vec::new();
        for item in self.query(input, TAKEN_MAX, DOING).await?.iter().take(TAKEN_MAX) {
            let Some(pk) = read_text(item, "pk") else { continue };
            let update = json!({
                "Key": key(&pk, SORT), "UpdateExpression": "SET opened = :now ADD tries :one",
                "ConditionExpression": "kind = :waiting AND opened < :before",
                "ExpressionAttributeValues": {
                    ":now": number(Timestamp::now().as_millisecond()), ":one": number(1), ":waiting": waiting,
                    ":before": before,
                },
            });
            // The index lags behind: the item itself says whether it is still to be had.
            if self.try_write("UpdateItem", update, DOING).await? {
                taken.extend(self.get(key(&pk, SORT), DOING).await?.as_ref().and_then(read));
            }
        }
        Ok(taken)
    }
}

fn pk(name: &str) -> String {
    format!("CALL#{name}")
}

fn read(item: &Value) -> Option<LeftCall> {
    Some(LeftCall {
        name: read_text(item, "pk")?.strip_prefix("CALL#")?.to_owned(),
        call: read_text(item, "call")?,
        tries: u32::try_from(read_number(item, "tries")?).ok()?,
    })
}
