//! The Slack stand-in refuses what Slack refuses and remembers what it was told.

use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use anyhow::ensure;
use serde_json::Value;
use serde_json::json;
use tests::lab::wait_until;
use tests::standins::slack::CHANNEL;
use tests::standins::slack::OTHER_CHANNEL;
use tests::standins::slack::Slack;

const ANSWER_MAX: Duration = Duration::from_secs(10);

/// One POST by curl; returns status, Retry-After and body.
fn curl(url: &str, token: &str, arguments: &[&str]) -> anyhow::Result<(u16, String, String)> {
    let output = Command::new("curl")
        .args(["-s", "-X", "POST", "-w", "\n%{http_code} %header{retry-after}", "-H"])
        .arg(format!("Authorization: Bearer {token}"))
        .args(arguments)
        .arg(url)
        .output()?;
    ensure!(output.status.success(), "curl failed");
    let text = String::from_utf8(output.stdout)?;
    let (body, status) = text.rsplit_once('\n').context("no status")?;
    let (code, retry) = status.split_once(' ').context("no status")?;
    Ok((code.parse()?, retry.to_owned(), body.to_owned()))
}

fn call(slack: &Slack, method: &str, arguments: &Value) -> anyhow::Result<Value> {
    let url = format!("{}/{method}", slack.api_url());
    let arguments = arguments.to_string();
    let (_, _, body) = curl(
        &url,
        &slack.bot_token(),
        &["-H", "Content-Type: application/json; charset=utf-8", "--data", &arguments],
    )?;
    Ok(serde_json::from_str(&body)?)
}

fn post(slack: &Slack, text: &str) -> anyhow::Result<String> {
    let answer = call(slack, "chat.postMessage", &json!({"channel": CHANNEL, "text": text}))?;
    Ok(answer["ts"].as_str().context("not posted")?.to_owned())
}

#[test]
fn calls_are_refused_with_slacks_codes() -> anyhow::Result<()> {
    let slack = Slack::start()?;
    let ts = post(&slack, "hello")?;
    let long = "x".repeat(151);
    let header = json!([{"type": "header", "text": {"type": "plain_text", "text": long}}]);
    let cases = [
        ("chat.postMessage", json!({"channel": "C0NOWHERE", "text": "a"}), "channel_not_found"),
        ("chat.postMessage", json!({"channel": OTHER_CHANNEL, "text": "a"}), "not_in_channel"),
        ("chat.postMessage", json!({"channel": CHANNEL}), "no_text"),
        ("chat.postMessage", json!({"channel": CHANNEL, "text": "a", "blocks": header}), "invalid_blocks"),
        (
            "chat.postMessage",
            json!({"channel": CHANNEL, "text": "a", "thread_ts": "1.000001"}),
            "thread_not_found",
        ),
        ("chat.update", json!({"channel": CHANNEL, "ts": "1.000001", "text": "a"}), "message_not_found"),
        ("files.completeUploadExternal", json!({"files": [{"id": "F0000000000"}]}), "file_not_found"),
        ("chat.invent", json!({}), "unknown_method"),
        ("apps.connections.open", json!({}), "not_allowed_token_type"),
    ];
    for (method, arguments, error) in &cases {
        let answer = call(&slack, method, arguments)?;
        assert_eq!((&answer["ok"], &answer["error"]), (&json!(false), &json!(error)), "{method} {arguments}");
    }
    assert_eq!(
        slack.refused().iter().map(|refused| refused.error.as_str()).collect::<Vec<_>>(),
        cases.map(|case| case.2)
    );
    let url = format!("{}/auth.test", slack.api_url());
    assert!(curl(&url, "xoxb-wrong", &[])?.2.contains("\"invalid_auth\""));
    assert!(
        Command::new("curl")
            .args(["-s", &url])
            .output()?
            .stdout
            .windows(10)
            .any(|part| part == b"not_authed")
    );
    let updated = call(&slack, "chat.update", &json!({"channel": CHANNEL, "ts": ts, "text": "changed"}))?;
    assert_eq!(updated["ok"], true);
    let message = &slack.messages()[0];
    assert_eq!(
        (message.text.as_str(), message.before.len(), message.before[0].0.as_str()),
        ("changed", 1, "hello")
    );
    Ok(())
}

#[test]
fn too_many_calls_are_told_to_wait() -> anyhow::Result<()> {
    let slack = Slack::start()?;
    slack.limit("auth.test", 1, 7);
    let url = format!("{}/auth.test", slack.api_url());
    let (code, retry_after, body) = curl(&url, &slack.bot_token(), &[])?;
    assert_eq!((code, retry_after.as_str()), (429, "7"));
    assert!(body.contains("\"ratelimited\""));
    assert_eq!(curl(&url, &slack.bot_token(), &[])?.0, 200);
    // A burst, then one message a second.
    let refused = (0..20).filter(|_| post(&slack, "again").is_err()).count();
    assert!((1..=10).contains(&refused), "{refused} of 20 refused");
    Ok(())
}

#[test]
fn a_file_is_announced_uploaded_and_shared() -> anyhow::Result<()> {
    let slack = Slack::start()?;
    let ts = post(&slack, "report")?;
    let url = format!("{}/files.getUploadURLExternal?filename=report.html&length=5", slack.api_url());
    let answer: Value = serde_json::from_str(&curl(&url, &slack.bot_token(), &[])?.2)?;
    let upload = answer["upload_url"].as_str().context("no upload_url")?;
    assert_eq!(curl(upload, "", &["--data-binary", "toolong"])?.0, 400);
    let complete = json!({"files": [{"id": answer["file_id"], "title": "Report"}], "channel_id": CHANNEL, "thread_ts": ts});
    assert_eq!(call(&slack, "files.completeUploadExternal", &complete)?["error"], "file_not_found");
    assert_eq!(curl(upload, "", &["--data-binary", "12345"])?.0, 200);
    assert_eq!(call(&slack, "files.completeUploadExternal", &complete)?["ok"], true);
    let files = slack.files();
    assert_eq!(files[0].bytes.as_deref(), Some(b"12345".as_slice()));
    assert_eq!(files[0].shared_in, Some((CHANNEL.to_owned(), Some(ts))));
    Ok(())
}

/// A websocket client of a few lines: short text frames only.
struct Socket(TcpStream);

impl Socket {
    fn open(url: &str) -> anyhow::Result<Self> {
        let (host, path) =
            url.strip_prefix("ws://").and_then(|url| url.split_once('/')).context("no ws URL")?;
        let mut stream = TcpStream::connect(host)?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        write!(
            stream,
            "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        ensure!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
        Ok(Self(stream))
    }

    fn receive(&mut self) -> anyhow::Result<Value> {
        let mut head = [0; 2];
        self.0.read_exact(&mut head)?;
        let mut length = usize::from(head[1]);
        if length == 126 {
            let mut long = [0; 2];
            self.0.read_exact(&mut long)?;
            length = usize::from(u16::from_be_bytes(long));
        }
        let mut text = vec![0; length];
        self.0.read_exact(&mut text)?;
        Ok(serde_json::from_slice(&text)?)
    }

    /// Sends less than 126 bytes, masked with zeros.
    fn send(&mut self, text: &str) -> anyhow::Result<()> {
        let length = u8::try_from(text.len()).ok().filter(|length| *length < 126).context("too long")?;
        self.0.write_all(&[0x81, 0x80 | length, 0, 0, 0, 0])?;
        Ok(self.0.write_all(text.as_bytes())?)
    }
}

#[test]
fn socket_mode_delivers_presses_and_commands() -> anyhow::Result<()> {
    let slack = Slack::start()?;
    let button = json!({"type": "button", "action_id": "take", "value": "case-1", "text": {"type": "plain_text", "text": "Take"}});
    let blocks = json!([{"type": "actions", "block_id": "next", "elements": [button]}]);
    let posted =
        call(&slack, "chat.postMessage", &json!({"channel": CHANNEL, "text": "case", "blocks": blocks}))?;
    let ts = posted["ts"].as_str().context("not posted")?;
    assert!(slack.press(ts, "take").is_err(), "nobody listens");

    let url = format!("{}/apps.connections.open", slack.api_url());
    let opened: Value = serde_json::from_str(&curl(&url, &slack.app_token(), &[])?.2)?;
    let url = opened["url"].as_str().context("no url")?;
    let mut socket = Socket::open(url)?;
    assert_eq!(socket.receive()?["type"], "hello");
    assert!(Socket::open(url).is_err(), "a ticket is good for one connection");

    let sent = slack.press(ts, "take")?;
    let envelope = socket.receive()?;
    assert_eq!((&envelope["type"], &envelope["envelope_id"]), (&json!("interactive"), &json!(sent)));
    assert_eq!(envelope["payload"]["actions"][0]["value"], "case-1");
    socket.send(&json!({"envelope_id": sent}).to_string())?;
    wait_until("the acknowledgement", ANSWER_MAX, || slack.acks()[0].after_s.is_some())?;

    slack.command("/gumshoe", "status")?;
    assert_eq!(socket.receive()?["payload"]["text"], "status");
    assert_eq!(slack.acks()[1].after_s, None);
    Ok(())
}

#[test]
fn the_page_shows_what_was_posted() -> anyhow::Result<()> {
    let slack = Slack::start()?;
    post(&slack, "<script>alert(1)</script>")?;
    let page = Command::new("curl").args(["-s", &slack.page_url()]).output()?;
    let page = String::from_utf8(page.stdout)?;
    assert!(page.contains("&lt;script&gt;alert(1)"), "{page}");
    Ok(())
}
