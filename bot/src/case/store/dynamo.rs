//! The store in one DynamoDB table: for deployments whose bot has no disk that outlives it, and for replicas.
//!
//! Every promise is a condition of a write; what belongs together is one transaction. Items, by `pk` and `sk`:
//!
//! | pk | sk | what |
//! |---|---|---|
//! | `CASE#<id>` | `CASE` | a case: opened, state, lease, count of notices, and its work as a packed body |
//! | `CASE#<id>` | `NOTICE#<digest>` | a notice with its number in the case |
//! | `CASE#<id>` | `QUESTION#<place>` | a question |
//! | `CASE#<id>` | `PART#<digest>#<n>` | a part of a body that is too long for one item |
//! | `KEY#<key>` | `KEY` | which case a key belongs to |
//! | `DEEDS#<id>` | `DEED#<action>#<round>` | what somebody did about a case (`deeds`) |
//! | `FILES#<id>` | `FILE#<name>` | a file of a case (`files`) |
//! | `FILES` | `FILE#<name>` | a file of the bot's own, such as its ledger of addresses |
//! | `ADDRESS#<address>`, `HOLDER#<id>` | `<time>#<what>` | what a replica saw or heard of an address or its holder (`facts`) |
//! | `NAME#<name>` | `NAME` | the address that an allocation or association stands for |
//! | `LOOKS` | `<start>#<replica>` | in which time a replica looked at each place without a hole |
//! | `OUTCOMES` | `<layout>#<outcome>` | a count |
//!
//! Long deeds and files have their parts beside them. `expires` is the table's TTL attribute, `cases_by_opened` its index
//! (`kind`, `opened`) for lists of cases, and of deeds that were begun and not ended. A body is JSON,
//! compressed; a long one lies in parts that are named after its content, so that the item that names them always
//! names whole ones.

mod body;
mod calls;
mod deeds;
mod facts;
mod files;
mod item;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;

use super::Admission;
use super::Admitted;
use super::CaseStore;
use super::LAYOUTS_MAX;
use super::NOTICES_MAX;
use super::Novelty;
use super::OutcomeCount;
use super::Owner;
use super::Question;
use super::Record;
use super::StoreError;
use super::Summary;
use super::Work;
use super::assemble::StoredNotice;
use super::assemble::assemble;
use super::assemble::names;
use crate::aws::json::CallError;
use crate::aws::json::DYNAMODB;
use crate::aws::json::JsonCalls;
use crate::case::CaseId;
use body::Body;
use item::case_key;
use item::case_pk;
use item::key;
use item::number;
use item::read_number;
use item::read_text;
use item::text;

/// How often an admission is tried while others change the same case.
const ADMIT_TRIES: u32 = 40;

/// Keys of one notice that are stored; a transaction holds 100 items.
const KEYS_MAX: usize = 90;

/// Items of one case that are read, so that a table that somebody filled cannot fill our memory.
const ITEMS_MAX: usize = 20_000;

/// The store in one table.
#[derive(Debug, Clone)]
pub struct DynamoStore {
    calls: JsonCalls,
    table: String,
    /// How long items are kept after their case was last worked on.
    keep: Duration,
}

impl DynamoStore {
    /// The table of this name, which `terraform/` makes.
    pub fn new(sdk: &SdkConfig, table: &str, keep: Duration) -> Self {
        Self { calls: JsonCalls::new(sdk, DYNAMODB), table: table.to_owned(), keep }
    }

    async fn call(
        &self,
        operation: &str,
        mut input: Value,
        doing: &'static str,
    ) -> Result<Value, StoreError> {
        if !operation.starts_with("Transact") && !operation.starts_with("Batch") {
            input["TableName"] = json!(self.table);
        }
        let answer = self.calls.call(operation, &input).await;
        answer.map_err(|source| StoreError::Service { doing, source })
    }

    /// One write whose condition may not hold; false then.
    async fn try_write(
        &self,
        operation: &str,
        input: Value,
        doing: &'static str,
    ) -> Result<bool, StoreError> {
        match self.call(operation, input, doing).await {
            Ok(_) => Ok(true),
            Err(StoreError::Service { source, .. }) if is_condition(&source) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn get(&self, key: Value, doing: &'static str) -> Result<Option<Value>, StoreError> {
        let mut answer = self.call("GetItem", json!({"Key": key, "ConsistentRead": true}), doing).await?;
        Ok(answer.get_mut("Item").map(Value::take))
    }

    async fn query(&self, input: Value, most: usize, doing: &'static str) -> Result<Vec<Value>, StoreError> {
        let mut items = Vec::new();
        let mut start = Value::Null;
        loop {
            let mut input = input.clone();
            if !start.is_null() {
                input["ExclusiveStartKey"] = start;
            }
            let mut answer = self.call("Query", input, doing).await?;
            if let Value::Array(page) = answer["Items"].take() {
                items.extend(page);
            }
            start = answer["LastEvaluatedKey"].take();
            if start.is_null() || items.len() >= most {
                return Ok(items);
            }
        }
    }

    fn expires(&self) -> Value {
        let now = Timestamp::now().as_second();
        number(now + i64::try_from(self.keep.as_secs()).unwrap_or(i64::MAX / 2))
    }

    /// The case that one of the keys belongs to, and those keys that belong to none.
    async fn known<'a>(&self, keys: &'a [String]) -> Result<(Option<CaseId>, Vec<&'a str>), StoreError> {
        const DOING: &str = "look up a notice's keys";
        let mut known = None;
        let mut new = Vec::new();
        for name in keys {
            match self.get(key(&format!("KEY#{name}"), "KEY"), DOING).await? {
                Some(item) => known = known.or_else(|| read_text(&item, "case_id").map(CaseId)),
                None => new.push(name.as_str()),
            }
        }
        Ok((known, new))
    }

    fn put_key(&self, name: &str, case: &CaseId) -> Value {
        let mut item = key(&format!("KEY#{name}"), "KEY");
        item["case_id"] = text(&case.0);
        item["expires"] = self.expires();
        self.put_new(item)
    }

    fn put_new(&self, item: Value) -> Value {
        json!({"Put": {
            "TableName": self.table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)",
        }})
    }

    fn put_notice(&self, admission: &Admission, case: &CaseId, place: i64, body: &Body) -> Value {
        let mut item = case_key(case, &format!("NOTICE#{}", admission.notice.digest));
        item["place"] = number(place);
        item["expires"] = self.expires();
        body.write_to(&mut item);
        self.put_new(item)
    }

    /// One attempt to let a notice in; none where others were faster.
    async fn try_admit(
        &self,
        admission: &Admission,
        keys: &[String],
    ) -> Result<Option<Admitted>, StoreError> {
        let (known, new) = self.known(keys).await?;
        let body = Body::pack(&StoredNotice::from(admission), "a notice")?;
        match known {
            Some(case) => self.admit_further(admission, case, &new, &body).await,
            None => self.admit_first(admission, &new, &body).await,
        }
    }

    async fn admit_first(
        &self,
        admission: &Admission,
        keys: &[&str],
        body: &Body,
    ) -> Result<Option<Admitted>, StoreError> {
        const DOING: &str = "open a case";
        let work = Body::pack(&Work::default(), "work")?;
        for case in names(admission) {
            let mut item = case_key(&case, "CASE");
            item["kind"] = text("case");
            item["opened"] = number(admission.notice.received.as_millisecond());
            item["state"] = text(&Work::default().state.to_string());
            item["notices"] = number(1);
            item["lease_until"] = number(0);
            item["expires"] = self.expires();
            work.write_to(&mut item);
            let mut writes = vec![self.put_new(item), self.put_notice(admission, &case, 0, body)];
            writes.extend(keys.iter().map(|name| self.put_key(name, &case)));
            self.store_parts(&case_pk(&case), body).await?;
            match self.transact(writes, DOING).await? {
                Transacted::Done => return Ok(Some(Admitted { case, novelty: Novelty::NewCase })),
                // The name is taken: by another case, or by this very notice in another process.
                Transacted::Failed(failed) if failed == [0] => {}
                Transacted::Failed(_) => return Ok(None),
            }
        }
        Err(StoreError::NoName)
    }

    async fn admit_further(
        &self,
        admission: &Admission,
        case: CaseId,
        keys: &[&str],
        body: &Body,
    ) -> Result<Option<Admitted>, StoreError> {
        const DOING: &str = "admit a notice";
        let stored = case_key(&case, &format!("NOTICE#{}", admission.notice.digest));
        let is_stored = self.get(stored, DOING).await?.is_some();
        let item = self.get(case_key(&case, "CASE"), DOING).await?;
        let item = item.ok_or_else(|| StoreError::Missing(case.clone()))?;
        let count = read_number(&item, "notices").unwrap_or(0);
        let is_new = !is_stored && usize::try_from(count).is_ok_and(|count| count < NOTICES_MAX);
        let mut writes: Vec<Value> = keys.iter().map(|name| self.put_key(name, &case)).collect();
        if is_new {
            self.store_parts(&case_pk(&case), body).await?;
            writes.push(self.put_notice(admission, &case, count, body));
            writes.push(json!({"Update": {
                "TableName": self.table, "Key": case_key(&case, "CASE"),
                "UpdateExpression": "SET notices = :more, expires = :expires",
                "ConditionExpression": "notices = :count",
                "ExpressionAttributeValues":
                    {":count": number(count), ":more": number(count + 1), ":expires": self.expires()},
            }}));
        }
        if !writes.is_empty() && !matches!(self.transact(writes, DOING).await?, Transacted::Done) {
            return Ok(None);
        }
        let novelty = if is_new { Novelty::NewNotice } else { Novelty::Known };
        Ok(Some(Admitted { case, novelty }))
    }

    /// Writes all or nothing; which conditions did not hold, where it was nothing.
    async fn transact(&self, writes: Vec<Value>, doing: &'static str) -> Result<Transacted, StoreError> {
        match self.call("TransactWriteItems", json!({"TransactItems": writes}), doing).await {
            Ok(_) => Ok(Transacted::Done),
            Err(StoreError::Service { source, .. }) if source.code() == "TransactionCanceledException" => {
                Ok(Transacted::Failed(cancelled(&source)))
            }
            Err(error) => Err(error),
        }
    }

    /// Stores the parts of a long body, before the item that names them.
    async fn store_parts(&self, pk: &str, body: &Body) -> Result<(), StoreError> {
        for (name, part) in body.parts() {
            let mut item = key(pk, &name);
            item["part"] = part;
            item["expires"] = self.expires();
            self.call("PutItem", json!({"Item": item}), "store a part of a body").await?;
        }
        Ok(())
    }

    /// Changes a case's own item while its lease is held.
    async fn update_held(
        &self,
        case: &CaseId,
        owner: &Owner,
        set: &str,
        mut values: BTreeMap<&str, Value>,
        doing: &'static str,
    ) -> Result<(), StoreError> {
        values.insert(":me", text(&owner.0));
        let input = json!({
            "Key": case_key(case, "CASE"), "UpdateExpression": set,
            "ConditionExpression": "lease_owner = :me", "ExpressionAttributeValues": values,
            "ExpressionAttributeNames": {"#state": "state"},
        });
        let input = without_unused_name(input, set);
        match self.try_write("UpdateItem", input, doing).await? {
            true => Ok(()),
            false => Err(StoreError::LeaseLost(case.clone())),
        }
    }
}

enum Transacted {
    Done,
    /// The places of those writes whose conditions did not hold; empty where others wrote at the same time.
    Failed(Vec<usize>),
}

#[async_trait]
impl CaseStore for DynamoStore {
    async fn admit(&self, admission: &Admission) -> Result<Admitted, StoreError> {
        let keys = &admission.keys[..admission.keys.len().min(KEYS_MAX)];
        for attempt in 0..ADMIT_TRIES {
            if let Some(admitted) = self.try_admit(admission, keys).await? {
                return Ok(admitted);
            }
            let pause = Duration::from_millis(5 << attempt.min(6));
            tokio::time::sleep(pause.mul_f64(fastrand::f64())).await;
        }
        Err(StoreError::Contended { doing: "admit a notice" })
    }

    async fn lease(
        &self,
        case: &CaseId,
        owner: &Owner,
        length: Duration,
    ) -> Result<Option<Record>, StoreError> {
        let now = Timestamp::now().as_millisecond();
        let input = json!({
            "Key": case_key(case, "CASE"),
            "UpdateExpression": "SET lease_owner = :me, lease_until = :until, expires = :expires",
            "ConditionExpression": "attribute_exists(pk) AND \
                (attribute_not_exists(lease_owner) OR lease_owner = :me OR lease_until < :now)",
            "ExpressionAttributeValues": {
                ":me": text(&owner.0), ":until": number(now + millis(length)), ":now": number(now),
                ":expires": self.expires(),
            },
        });
        let taken = self.try_write("UpdateItem", input, "lease a case").await?;
        let record = self.load(case).await?.ok_or_else(|| StoreError::Missing(case.clone()))?;
        Ok(taken.then_some(record))
    }

    async fn renew(&self, case: &CaseId, owner: &Owner, length: Duration) -> Result<(), StoreError> {
        let until = number(Timestamp::now().as_millisecond() + millis(length));
        let values = BTreeMap::from([(":until", until)]);
        self.update_held(case, owner, "SET lease_until = :until", values, "renew a lease").await
    }

    async fn release(&self, case: &CaseId, owner: &Owner) -> Result<(), StoreError> {
        let values = BTreeMap::from([(":zero", number(0))]);
        let set = "SET lease_until = :zero REMOVE lease_owner";
        match self.update_held(case, owner, set, values, "release a lease").await {
            Err(StoreError::LeaseLost(_)) => Ok(()),
            other => other,
        }
    }

    async fn save(&self, case: &CaseId, owner: &Owner, work: &Work) -> Result<(), StoreError> {
        let body = Body::pack(work, "work")?;
        self.store_parts(&case_pk(case), &body).await?;
        let mut values =
            BTreeMap::from([(":state", text(&work.state.to_string())), (":expires", self.expires())]);
        let (data, parts) = body.attributes();
        values.insert(":data", data);
        values.insert(":parts", parts);
        let reported = work.reported.map_or(json!({"NULL": true}), |at| number(at.as_millisecond()));
        values.insert(":reported", reported);
        let activity = work.activity.map(|activity| json!(activity));
        let activity = activity.as_ref().and_then(Value::as_str).map_or(json!({"NULL": true}), text);
        values.insert(":activity", activity);
        let set = "SET #state = :state, reported = :reported, activity = :activity, body = :data, parts = :parts, expires = :expires";
        self.update_held(case, owner, set, values, "save a case's work").await
    }

    async fn save_question(
        &self,
        case: &CaseId,
        owner: &Owner,
        place: usize,
        question: &Question,
    ) -> Result<(), StoreError> {
        let body = Body::pack(question, "a question")?;
        self.store_parts(&case_pk(case), &body).await?;
        let mut item = case_key(case, &format!("QUESTION#{place:08}"));
        item["expires"] = self.expires();
        body.write_to(&mut item);
        let held = json!({"ConditionCheck": {
            "TableName": self.table, "Key": case_key(case, "CASE"), "ConditionExpression": "lease_owner = :me",
            "ExpressionAttributeValues": {":me": text(&owner.0)},
        }});
        let put = json!({"Put": {"TableName": self.table, "Item": item}});
        for attempt in 0..ADMIT_TRIES {
            match self.transact(vec![held.clone(), put.clone()], "save a question").await? {
                Transacted::Done => return Ok(()),
                Transacted::Failed(failed) if failed.contains(&0) => {
                    return Err(StoreError::LeaseLost(case.clone()));
                }
                // Another transaction was under way on the case.
                Transacted::Failed(_) => {
                    let pause = Duration::from_millis(5 << attempt.min(6));
                    tokio::time::sleep(pause.mul_f64(fastrand::f64())).await;
                }
            }
        }
        Err(StoreError::Contended { doing: "save a question" })
    }

    async fn load(&self, case: &CaseId) -> Result<Option<Record>, StoreError> {
        let input = json!({
            "KeyConditionExpression": "pk = :pk", "ConsistentRead": true,
            "ExpressionAttributeValues": {":pk": text(&case_pk(case))},
        });
        let items = self.query(input, ITEMS_MAX, "load a case").await?;
        item::record(case, &items)
    }

    async fn list(&self, unfinished_only: bool, limit: usize) -> Result<Vec<Summary>, StoreError> {
        let mut input = json!({
            "IndexName": "cases_by_opened", "KeyConditionExpression": "kind = :kind", "ScanIndexForward": false,
            "ExpressionAttributeValues": {":kind": text("case")},
        });
        if unfinished_only {
            input["FilterExpression"] = json!("#state <> :done");
            input["ExpressionAttributeNames"] = json!({"#state": "state"});
            input["ExpressionAttributeValues"][":done"] = text("done");
        }
        let items = self.query(input, limit, "list cases").await?;
        items.iter().take(limit).map(item::summary).collect()
    }

    async fn count_outcome(&self, layout: &str, outcome: &str, at: Timestamp) -> Result<(), StoreError> {
        const DOING: &str = "count a notice";
        let at = number(at.as_millisecond());
        let add = |layout: &str, condition: Option<&str>| {
            let mut input = json!({
                "Key": key("OUTCOMES", &format!("{layout}#{outcome}")),
                "UpdateExpression": "SET layout = :layout, outcome = :outcome ADD times :one",
                "ExpressionAttributeValues":
                    {":layout": text(layout), ":outcome": text(outcome), ":one": number(1)},
            });
            if let Some(condition) = condition {
                input["ConditionExpression"] = json!(condition);
            }
            input
        };
        let mut layout = layout;
        if !self.try_write("UpdateItem", add(layout, Some("attribute_exists(pk)")), DOING).await? {
            if self.outcomes().await?.len() >= LAYOUTS_MAX {
                layout = "other";
            }
            self.call("UpdateItem", add(layout, None), DOING).await?;
        }
        let last = json!({
            "Key": key("OUTCOMES", &format!("{layout}#{outcome}")), "UpdateExpression": "SET latest = :at",
            "ConditionExpression": "attribute_not_exists(latest) OR latest < :at",
            "ExpressionAttributeValues": {":at": at},
        });
        self.try_write("UpdateItem", last, DOING).await.map(drop)
    }

    async fn outcomes(&self) -> Result<Vec<OutcomeCount>, StoreError> {
        let input = json!({
            "KeyConditionExpression": "pk = :pk", "ConsistentRead": true,
            "ExpressionAttributeValues": {":pk": text("OUTCOMES")},
        });
        let items = self.query(input, ITEMS_MAX, "read the counts").await?;
        let mut counts: Vec<OutcomeCount> = items.iter().filter_map(item::outcome).collect();
        counts.sort_by(|a, b| {
            b.count.cmp(&a.count).then_with(|| (&a.layout, &a.outcome).cmp(&(&b.layout, &b.outcome)))
        });
        Ok(counts)
    }
}

/// DynamoDB refuses names that an expression does not use.
fn without_unused_name(mut input: Value, set: &str) -> Value {
    if !set.contains("#state")
        && let Some(input) = input.as_object_mut()
    {
        input.remove("ExpressionAttributeNames");
    }
    input
}

fn is_condition(error: &CallError) -> bool {
    error.code() == "ConditionalCheckFailedException"
}

/// The places of the writes whose conditions did not hold.
fn cancelled(error: &CallError) -> Vec<usize> {
    let CallError::Refused { body, message, .. } = error else { return Vec::new() };
    let codes: Vec<String> = match body["CancellationReasons"].as_array() {
        Some(reasons) => {
            reasons.iter().map(|reason| reason["Code"].as_str().unwrap_or_default().to_owned()).collect()
        }
        // The same list, in the message: "... specific reasons [None, ConditionalCheckFailed]".
        None => {
            let list = message.rsplit_once('[').and_then(|(_, rest)| rest.split(']').next());
            list.unwrap_or_default().split(',').map(|code| code.trim().to_owned()).collect()
        }
    };
    let failed = |(place, code): (usize, &String)| (code == "ConditionalCheckFailed").then_some(place);
    codes.iter().enumerate().filter_map(failed).collect()
}

fn millis(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancelled_transaction_tells_which_conditions_failed() {
        let error = |body: Value, message: &str| CallError::Refused {
            code: "TransactionCanceledException".to_owned(),
            message: message.to_owned(),
            body,
        };
        let reasons = json!({"CancellationReasons": [{"Code": "None"}, {"Code": "ConditionalCheckFailed"}]});
        assert_eq!(cancelled(&error(reasons, "")), [1]);
        let conflict = json!({"CancellationReasons": [{"Code": "TransactionConflict"}]});
        assert_eq!(cancelled(&error(conflict, "")), [0_usize; 0]);
        let told = "Transaction cancelled, for specific reasons [ConditionalCheckFailed, None]";
        assert_eq!(cancelled(&error(json!({}), told)), [0]);
    }
}
