//! A moto server of its own, for tests without a lab. Ended when dropped.

use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use anyhow::Context;
use anyhow::ensure;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use serde_json::json;

use super::cloud::post;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/standins/moto_aws.py");

/// The table of cases, as the bot needs it.
const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../bot/src/case/store/dynamo/table.json");

/// A moto server.
pub struct Moto {
    child: Child,
    address: String,
    _hosts: tempfile::TempDir,
}

impl Moto {
    /// Starts it.
    ///
    /// # Errors
    /// When it does not start: `tests/setup.sh` installs what it needs.
    pub fn start() -> anyhow::Result<Self> {
        let python = crate::target_dir()?.join("venv/bin/python");
        ensure!(python.exists(), "{} is not there: run tests/setup.sh", python.display());
        let hosts = tempfile::tempdir()?;
        let mut child = Command::new(python)
            .arg(Path::new(SCRIPT))
            .arg(hosts.path())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let stdout = child.stdout.take().context("no pipe")?;
        let mut moto = Self { child, address: String::new(), _hosts: hosts };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let told: Value = serde_json::from_str(&line).context("moto did not start")?;
        moto.address = format!("127.0.0.1:{}", told["port"]);
        Ok(moto)
    }

    /// Where it listens, as `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Makes a table of cases, by the bot's own schema.
    ///
    /// # Errors
    /// When it is refused.
    pub fn create_table(&self, name: &str) -> anyhow::Result<()> {
        let mut schema: Value = serde_json::from_str(&std::fs::read_to_string(SCHEMA)?)?;
        schema["TableName"] = Value::String(name.to_owned());
        self.call("CreateTable", &schema).map(drop)
    }

    /// Calls DynamoDB.
    ///
    /// # Errors
    /// When it refuses the call, or there is no answer.
    pub fn call(&self, operation: &str, input: &Value) -> anyhow::Result<Value> {
        let target = format!("DynamoDB_20120810.{operation}");
        let scope = "AWS4-HMAC-SHA256 Credential=testing/20261121/us-east-1/dynamodb/aws4_request, \
                     SignedHeaders=host, Signature=0";
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let input = input.to_string();
        let (status, body) = runtime.block_on(post(&self.address, &target, scope, &input))?;
        ensure!(status == 200, "{operation}: {status} {body}");
        Ok(serde_json::from_str(&body)?)
    }

    /// Every file of this name that the bot keeps in the table.
    ///
    /// # Errors
    /// When the table cannot be read, or a file is not whole.
    pub fn files(&self, table: &str, name: &str) -> anyhow::Result<Vec<Vec<u8>>> {
        let told = self.call("Scan", &json!({"TableName": table}))?;
        let key = format!("FILE#{name}");
        let of_name = told["Items"].as_array().into_iter().flatten().filter(|item| item["sk"]["S"] == key);
        let read = |item: &Value| -> anyhow::Result<Vec<u8>> {
            let packed = STANDARD.decode(item["body"]["B"].as_str().context("a file in parts")?)?;
            Ok(zstd::decode_all(packed.as_slice())?)
        };
        of_name.map(read).collect()
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
