//! Deeds in the table: each an item that is put once, so that of several presses in several replicas one does it.
//!
//! A deed that was begun stands in the index under `kind` = `begun` with the time when it was last worked on, until what
//! came of it is known; so whoever takes over reads only those.

use std::collections::HashMap;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;

use super::DynamoStore;
use super::body::Body;
use super::body::unpack;
use super::item::key;
use super::item::number;
use super::item::read_text;
use super::item::text;
use crate::case::CaseId;
use crate::case::Deed;
use crate::case::DeedState;
use crate::case::store::Beginning;
use crate::case::store::DEEDS_MAX;
use crate::case::store::DeedStore;
use crate::case::store::StoreError;

/// What a deed is in the index while it is not known what came of it.
const BEGUN: &str = "begun";

/// Begun deeds that one replica takes over at once.
const TAKEN_MAX: usize = 100;

#[async_trait]
impl DeedStore for DynamoStore {
    async fn begin(&self, case: &CaseId, deed: &Deed) -> Result<Beginning, StoreError> {
        const DOING: &str = "begin a deed";
        let deeds = self.deeds(case).await?;
        if let Some(known) = named_alike(&deeds, deed) {
            return Ok(Beginning::Known(Box::new(known)));
        }
        if deeds.len() >= DEEDS_MAX {
            return Ok(Beginning::Full);
        }
        let body = Body::pack(deed, "a deed")?;
        self.store_parts(&pk(case), &body).await?;
        let mut item = key(&pk(case), &sk(deed));
        item["state"] = text(state(deed.state));
        item["expires"] = self.expires();
        if deed.state == DeedState::Begun {
            item["kind"] = text(BEGUN);
            item["opened"] = number(Timestamp::now().as_millisecond());
        }
        body.write_to(&mut item);
        let put = json!({"Item": item, "ConditionExpression": "attribute_not_exists(pk)"});
        if self.try_write("PutItem", put, DOING).await? {
            return Ok(Beginning::Ours);
        }
        // Another was faster by less than it took to look.
        let known = named_alike(&self.deeds(case).await?, deed);
        known.map(|known| Beginning::Known(Box::new(known))).ok_or(StoreError::Contended { doing: DOING })
    }

    async fn keep(&self, case: &CaseId, deed: &Deed) -> Result<(), StoreError> {
        let body = Body::pack(deed, "a deed")?;
        self.store_parts(&pk(case), &body).await?;
        let (data, parts) = body.attributes();
        let mut values = json!({
            ":state": text(state(deed.state)), ":data": data, ":parts": parts, ":expires": self.expires(),
        });
        let set = "SET #state = :state, body = :data, parts = :parts, expires = :expires";
        let update = if deed.state == DeedState::Begun {
            values[":now"] = number(Timestamp::now().as_millisecond());
            values[":begun"] = text(BEGUN);
            format!("{set}, kind = :begun, opened = :now")
        } else {
            format!("{set} REMOVE kind, opened")
        };
        let input = json!({
            "Key": key(&pk(case), &sk(deed)), "UpdateExpression": update,
            "ConditionExpression": "attribute_exists(pk)", "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": values,
        });
        self.try_write("UpdateItem", input, "keep a deed").await.map(drop)
    }

    async fn deeds(&self, case: &CaseId) -> Result<Vec<Deed>, StoreError> {
        let input = json!({
            "KeyConditionExpression": "pk = :pk", "ConsistentRead": true,
            "ExpressionAttributeValues": {":pk": text(&pk(case))},
        });
        let items = self.query(input, super::ITEMS_MAX, "read a case's deeds").await?;
        let by_name: HashMap<&str, &Value> =
            items.iter().filter_map(|item| Some((item["sk"]["S"].as_str()?, item))).collect();
        let is_deed = |item: &&Value| item["sk"]["S"].as_str().is_some_and(|name| name.starts_with("DEED#"));
        let deeds = items.iter().filter(is_deed).map(|item| unpack(item, &by_name, "a deed"));
        let mut deeds = deeds.collect::<Result<Vec<Deed>, _>>()?;
        deeds.sort_by_key(|deed| deed.at);
        Ok(deeds)
    }

    async fn take_over(&self, before: Timestamp) -> Result<Vec<(CaseId, Deed)>, StoreError> {
        const DOING: &str = "take over deeds";
        let before = number(before.as_millisecond());
        let input = json!({
            "IndexName": "cases_by_opened", "KeyConditionExpression": "kind = :begun AND opened < :before",
            "ExpressionAttributeValues": {":begun": text(BEGUN), ":before": before},
        });
        let mut taken = Vec::new();
        for item in self.query(input, TAKEN_MAX, DOING).await?.iter().take(TAKEN_MAX) {
            let (Some(pk), Some(sk)) = (read_text(item, "pk"), read_text(item, "sk")) else { continue };
            let update = json!({
                "Key": key(&pk, &sk), "UpdateExpression": "SET opened = :now",
                "ConditionExpression": "kind = :begun AND opened < :before",
                "ExpressionAttributeValues": {
                    ":now": number(Timestamp::now().as_millisecond()), ":begun": text(BEGUN), ":before": before,
                },
            });
            // The index lags behind: the item itself says whether it is still to be had.
            if !self.try_write("UpdateItem", update, DOING).await? {
                continue;
            }
            let case = CaseId(pk.trim_start_matches("DEEDS#").to_owned());
            let ours = self.deeds(&case).await?.into_iter().find(|deed| self::sk(deed) == sk);
            taken.extend(ours.map(|deed| (case, deed)));
        }
        Ok(taken)
    }
}

fn pk(case: &CaseId) -> String {
    format!("DEEDS#{}", case.0)
}

fn sk(deed: &Deed) -> String {
    format!("DEED#{}#{:010}", deed.action.name(), deed.round)
}

fn named_alike(deeds: &[Deed], deed: &Deed) -> Option<Deed> {
    deeds.iter().find(|known| sk(known) == sk(deed)).cloned()
}

fn state(state: DeedState) -> &'static str {
    match state {
        DeedState::Begun => "begun",
        DeedState::Done => "done",
        DeedState::Failed => "failed",
    }
}
