//! A body: a value as JSON, or bytes as they are, compressed, in one attribute or in parts. Pure.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::json;

use crate::case::store::StoreError;
use crate::case::store::assemble;
use crate::case::store::digest;

/// The most that stands in one item, bytes. An item holds 400 KB; keys and the rest need little.
const ITEM_MAX: usize = 300_000;

/// The largest value, bytes of JSON: far above what a case may hold, and a bound on what unpacking may take.
const VALUE_MAX: usize = 64 * 1024 * 1024;

/// A packed value.
pub struct Body {
    packed: Vec<u8>,
}

impl Body {
    /// Packs a value.
    pub fn pack<T: Serialize>(value: &T, what: &'static str) -> Result<Self, StoreError> {
        Self::pack_bytes(assemble::write(value, what)?.as_bytes(), what)
    }

    /// Packs bytes.
    pub fn pack_bytes(bytes: &[u8], what: &'static str) -> Result<Self, StoreError> {
        let failed = |reason: String| StoreError::Packed { what, reason };
        if bytes.len() > VALUE_MAX {
            return Err(failed(format!("{} bytes are more than {VALUE_MAX}", bytes.len())));
        }
        let packed = zstd::bulk::compress(bytes, 3).map_err(|error| failed(error.to_string()))?;
        Ok(Self { packed })
    }

    fn is_long(&self) -> bool {
        self.packed.len() > ITEM_MAX
    }

    /// The parts of a long body: name and content.
    pub fn parts(&self) -> impl Iterator<Item = (String, Value)> {
        let digest = if self.is_long() { digest(&self.packed) } else { String::new() };
        let chunks = self.packed.chunks(ITEM_MAX).enumerate().filter(|_| self.is_long());
        chunks.map(move |(number, part)| (part_name(&digest, number), binary(part)))
    }

    /// The attributes `body` and `parts`: the content and 0, or its digest and the count of parts.
    pub fn attributes(&self) -> (Value, Value) {
        if self.is_long() {
            let count = self.packed.len().div_ceil(ITEM_MAX);
            (json!({"S": digest(&self.packed)}), json!({"N": count.to_string()}))
        } else {
            (binary(&self.packed), json!({"N": "0"}))
        }
    }

    /// Writes the attributes into an item.
    pub fn write_to(&self, item: &mut Value) {
        let (body, parts) = self.attributes();
        item["body"] = body;
        item["parts"] = parts;
    }
}

/// Unpacks an item's body. `parts` are the case's, by name.
pub fn unpack<T: DeserializeOwned>(
    item: &Value,
    parts: &HashMap<&str, &Value>,
    what: &'static str,
) -> Result<T, StoreError> {
    let json = unpack_bytes(item, parts, what)?;
    let failed = |error: std::string::FromUtf8Error| StoreError::Packed { what, reason: error.to_string() };
    assemble::parse(&String::from_utf8(json).map_err(failed)?, what)
}

/// Unpacks an item's body as bytes.
pub fn unpack_bytes(
    item: &Value,
    parts: &HashMap<&str, &Value>,
    what: &'static str,
) -> Result<Vec<u8>, StoreError> {
    let failed = |reason: String| StoreError::Packed { what, reason };
    let packed = if item["body"]["S"].is_string() {
        let mut whole = Vec::new();
        for name in part_names(item) {
            let part = parts.get(name.as_str()).and_then(|part| bytes(&part["part"]));
            whole.extend(part.ok_or_else(|| failed(format!("{name} is missing")))?);
        }
        whole
    } else {
        bytes(&item["body"]).ok_or_else(|| failed("there is no body".to_owned()))?
    };
    zstd::bulk::decompress(&packed, VALUE_MAX).map_err(|error| failed(error.to_string()))
}

/// The names of the parts that an item's body lies in; none of a short one.
pub fn part_names(item: &Value) -> Vec<String> {
    let Some(digest) = item["body"]["S"].as_str() else { return Vec::new() };
    let count: usize = item["parts"]["N"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0);
    (0..count.min(VALUE_MAX / ITEM_MAX)).map(|number| part_name(digest, number)).collect()
}

fn part_name(digest: &str, number: usize) -> String {
    format!("PART#{digest}#{number:04}")
}

fn binary(bytes: &[u8]) -> Value {
    json!({"B": STANDARD.encode(bytes)})
}

fn bytes(attribute: &Value) -> Option<Vec<u8>> {
    STANDARD.decode(attribute["B"].as_str()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(length: usize, parts: usize) {
        let mut random = fastrand::Rng::with_seed(7);
        let value: String = (0..length).map(|_| random.alphanumeric()).collect();
        let body = Body::pack(&value, "a test").expect("packed");
        let mut item = json!({});
        body.write_to(&mut item);
        let stored: Vec<(String, Value)> =
            body.parts().map(|(name, part)| (name, json!({"part": part}))).collect();
        assert_eq!(stored.len(), parts);
        let by_name: HashMap<&str, &Value> =
            stored.iter().map(|(name, part)| (name.as_str(), part)).collect();
        assert_eq!(unpack::<String>(&item, &by_name, "a test").expect("unpacked"), value);
        if parts > 0 {
            let error = unpack::<String>(&item, &HashMap::new(), "a test").expect_err("no parts");
            assert!(error.to_string().contains("is missing"), "{error}");
        }
    }

    #[test]
    fn a_body_comes_back_short_or_long() {
        check(10, 0);
        check(200_000, 0);
        check(900_000, 3);
    }
}
