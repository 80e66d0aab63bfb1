//! Files in the table: of a case its notices as they came, its reports, mails that were sent; of the bot what it would
//! have to gather anew after it lost its disk.
//!
//! They have a `pk` of their own, so that reading a case reads none of them.

use std::collections::HashMap;

use serde_json::Value;
use serde_json::json;

use super::DynamoStore;
use super::body::Body;
use super::body::part_names;
use super::body::unpack_bytes;
use super::item::key;
use crate::case::CaseId;
use crate::case::store::StoreError;

/// The `pk` of the bot's own files.
const OWN: &str = "FILES";

impl DynamoStore {
    /// Writes a file of a case whole or not at all, replacing an older one.
    pub async fn write_file(&self, case: &CaseId, name: &str, content: &[u8]) -> Result<(), StoreError> {
        self.put_file(&pk(case), name, content, None).await.map(drop)
    }

    /// Writes a file of a case unless it is there.
    pub async fn write_new_file(&self, case: &CaseId, name: &str, content: &[u8]) -> Result<(), StoreError> {
        if self.file_item(&pk(case), name).await?.is_some() {
            return Ok(());
        }
        self.put_file(&pk(case), name, content, Some("attribute_not_exists(pk)")).await.map(drop)
    }

    /// Reads a file of a case; none where it is not there.
    pub async fn read_file(&self, case: &CaseId, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.get_file(&pk(case), name).await
    }

    /// Writes a file of the bot's own whole or not at all, replacing an older one.
    pub async fn write_own_file(&self, name: &str, content: &[u8]) -> Result<(), StoreError> {
        self.put_file(OWN, name, content, None).await.map(drop)
    }

    /// Reads a file of the bot's own; none where it is not there.
    pub async fn read_own_file(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.get_file(OWN, name).await
    }

    async fn get_file(&self, pk: &str, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(item) = self.file_item(pk, name).await? else { return Ok(None) };
        let names = part_names(&item);
        let mut parts: Vec<Value> = Vec::new();
        for name in &names {
            parts.push(self.get(key(pk, name), "read a part of a file").await?.unwrap_or_default());
        }
        let by_name: HashMap<&str, &Value> = names.iter().map(String::as_str).zip(&parts).collect();
        unpack_bytes(&item, &by_name, "a file").map(Some)
    }

    async fn file_item(&self, pk: &str, name: &str) -> Result<Option<Value>, StoreError> {
        self.get(key(pk, &sk(name)), "read a file").await
    }

    async fn put_file(
        &self,
        pk: &str,
        name: &str,
        content: &[u8],
        condition: Option<&str>,
    ) -> Result<bool, StoreError> {
        let body = Body::pack_bytes(content, "a file")?;
        self.store_parts(pk, &body).await?;
        let mut item = key(pk, &sk(name));
        item["expires"] = self.expires();
        body.write_to(&mut item);
        let mut put = json!({"Item": item});
        if let Some(condition) = condition {
            put["ConditionExpression"] = json!(condition);
        }
        self.try_write("PutItem", put, "write a file").await
    }
}

fn pk(case: &CaseId) -> String {
    format!("FILES#{}", case.0)
}

fn sk(name: &str) -> String {
    format!("FILE#{name}")
}
