//! Facts about addresses in the table, so that what one replica heard all know: each an item that is put under its own
//! name, so that saying it twice is saying it once. What they mean is the ledger's to say.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::DynamoStore;
use super::item::key;
use super::item::number;
use super::item::read_text;
use super::item::text;
use crate::case::store::StoreError;

/// How long a fact is kept: as long as the ledger keeps what ended.
const KEPT: Duration = Duration::from_secs(180 * 24 * 3_600);

impl DynamoStore {
    /// Puts a fact about something, or what is known better now under the same name.
    pub async fn put_fact(&self, about: &str, name: &str, fact: &str) -> Result<(), StoreError> {
        let mut item = key(about, name);
        item["fact"] = text(fact);
        let kept = i64::try_from(KEPT.min(self.keep).as_secs()).unwrap_or(i64::MAX / 2);
        item["expires"] = number(Timestamp::now().as_second() + kept);
        self.try_write("PutItem", json!({"Item": item}), "write a fact about an address").await.map(drop)
    }

    /// The facts about something, those whose names sort last first, at most so many.
    pub async fn facts(&self, about: &str, most: usize) -> Result<Vec<String>, StoreError> {
        let input = json!({
            "KeyConditionExpression": "pk = :pk", "ConsistentRead": true, "ScanIndexForward": false,
            "ExpressionAttributeValues": {":pk": text(about)},
        });
        let items = self.query(input, most, "read facts about an address").await?;
        Ok(items.iter().take(most).filter_map(|item| read_text(item, "fact")).collect())
    }
}
