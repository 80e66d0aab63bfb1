//! Calls over HTTP: what Slack sends to a request URL in place of Socket Mode, signed with the app's secret.

use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use anyhow::Context;
use anyhow::ensure;
use hmac::Hmac;
use hmac::KeyInit;
use hmac::Mac;
use serde_json::Value;
use sha2::Sha256;

/// Slack waits so long for an acknowledgement.
const ANSWER_MAX: Duration = Duration::from_secs(3);

/// Where a bot takes calls in, and what it knows them by.
#[derive(Debug, Clone)]
pub(super) struct RequestUrl {
    /// Where it listens; the path is `/slack`.
    pub(super) address: SocketAddr,
    /// The app's signing secret.
    pub(super) secret: String,
}

/// The call as Slack writes it: commands and interactions as forms, events as JSON.
pub(super) fn written(kind: &str, payload: &Value) -> (&'static str, String) {
    const FORM: &str = "application/x-www-form-urlencoded";
    match kind {
        "events_api" => ("application/json", payload.to_string()),
        "interactive" => (FORM, format!("payload={}", escaped(&payload.to_string()))),
        _ => {
            let fields = payload.as_object().into_iter().flatten();
            let fields = fields.map(|(name, value)| {
                format!("{}={}", escaped(name), escaped(value.as_str().unwrap_or_default()))
            });
            (FORM, fields.collect::<Vec<_>>().join("&"))
        }
    }
}

/// Makes a call; returns the status and what was answered.
pub(super) fn call(to: &RequestUrl, content_type: &str, body: &str) -> anyhow::Result<(u16, String)> {
    let at = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let mut mac = Hmac::<Sha256>::new_from_slice(to.secret.as_bytes())?;
    mac.update(format!("v0:{at}:{body}").as_bytes());
    let signature: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let mut stream = TcpStream::connect_timeout(&to.address, ANSWER_MAX)?;
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    write!(
        stream,
        "POST /slack HTTP/1.1\r\nHost: {}\r\nUser-Agent: Slackbot 1.0 (+https://api.slack.com/robots)\r\n\
         Content-Type: {content_type}\r\nContent-Length: {}\r\nX-Slack-Request-Timestamp: {at}\r\n\
         X-Slack-Signature: v0={signature}\r\nConnection: close\r\n\r\n{body}",
        to.address,
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).context("no answer within Slack's three seconds")?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP answer")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("no status")?;
    ensure!(!head.to_ascii_lowercase().contains("transfer-encoding"), "an answer in chunks is not read here");
    Ok((status, body.to_owned()))
}

fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        b' ' => "+".to_owned(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}
