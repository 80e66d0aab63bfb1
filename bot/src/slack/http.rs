//! Slack's calls over HTTP, for workspaces that forbid Socket Mode: one address, `/slack`, behind somebody's TLS.
//!
//! A call is read only up to a bound, and believed only with Slack's signature over its time and its very bytes; an old
//! time, or one from the future, is a replay. Everything else is refused before it is parsed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use aws_lc_rs::hmac;
use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::post;
use serde_json::Value;
use serde_json::json;

use super::SlackError;
use super::inbox::Acknowledgement;
use super::inbox::Inbox;
use super::incoming;
use crate::config::Secret;

/// Longest call, bytes; Slack's are far shorter.
const BODY_MAX: usize = 256 << 10;

/// How far a call's time may be from ours, s.
const REPLAY_WINDOW_S: u64 = 300;

/// How long a call may take to come in.
const READ_MAX: Duration = Duration::from_secs(3);

struct Door {
    key: hmac::Key,
    inbox: Arc<Inbox>,
}

/// Listens until the returned task is dropped or ended; says where it listens.
pub async fn serve(
    listen: SocketAddr,
    secret: &Secret,
    inbox: Arc<Inbox>,
) -> Result<(SocketAddr, tokio::task::JoinHandle<()>), SlackError> {
    let failed = |error: std::io::Error| SlackError::Setup(format!("cannot listen on {listen}: {error}"));
    let listener = tokio::net::TcpListener::bind(listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let router = router(Door { key, inbox });
    let task = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(error = %error, "no more calls of Slack over HTTP");
        }
    });
    Ok((address, task))
}

fn router(door: Door) -> Router {
    Router::new()
        .route("/slack", post(take))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(Arc::new(door))
}

async fn take(
    State(door): State<Arc<Door>>,
    headers: HeaderMap,
    request: axum::extract::Request,
) -> Response {
    let body = axum::body::to_bytes(request.into_body(), BODY_MAX);
    let body: Bytes = match tokio::time::timeout(READ_MAX, body).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    if let Err(why) = believed(&door.key, &headers, &body, now_s()) {
        tracing::warn!(why, "a call in Slack's name is refused");
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let kind = headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let payload =
        if kind.starts_with("application/json") { serde_json::from_slice(&body).ok() } else { form(&body) };
    let Some(payload) = payload else { return StatusCode::BAD_REQUEST.into_response() };
    // Slack asks once whether this is the right address.
    if payload["type"] == "url_verification" {
        return Json(json!({"challenge": payload["challenge"]})).into_response();
    }
    let incoming = incoming::interaction(&payload)
        .or_else(|| incoming::event(&payload))
        .or_else(|| incoming::command(&payload));
    let taken = match incoming {
        Some(incoming) => Some(door.inbox.take(incoming).await),
        None => None,
    };
    match taken.and_then(Acknowledgement::payload) {
        Some(payload) => Json(payload).into_response(),
        None => StatusCode::OK.into_response(),
    }
}

/// Whether Slack signed these bytes, a moment ago.
fn believed(key: &hmac::Key, headers: &HeaderMap, body: &[u8], now_s: u64) -> Result<(), &'static str> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let time = text("x-slack-request-timestamp").ok_or("no time")?;
    let at: u64 = time.parse().map_err(|_| "no time")?;
    if at.abs_diff(now_s) > REPLAY_WINDOW_S {
        return Err("its time is not now");
    }
    let signature = text("x-slack-signature").and_then(|signature| signature.strip_prefix("v0="));
    let signature = signature.and_then(bytes_of).ok_or("no signature")?;
    let mut signed = format!("v0:{time}:").into_bytes();
    signed.extend_from_slice(body);
    hmac::verify(key, &signed, &signature).map_err(|_| "its signature is wrong")
}

fn bytes_of(hexadecimal: &str) -> Option<Vec<u8>> {
    let digits = hexadecimal.as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&hexadecimal[at..at + 2], 16).ok()).collect()
}

/// A form body: a command's fields, or a `payload` of JSON.
fn form(body: &[u8]) -> Option<Value> {
    let uri: axum::http::Uri = format!("/?{}", std::str::from_utf8(body).ok()?).parse().ok()?;
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&uri).ok()?.0;
    if let Some((_, payload)) = pairs.iter().find(|(name, _)| name == "payload") {
        return serde_json::from_str(payload).ok();
    }
    Some(Value::Object(pairs.into_iter().map(|(name, value)| (name, Value::String(value))).collect()))
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::store::SqliteStore;

    fn signed(key: &hmac::Key, time: u64, body: &[u8]) -> HeaderMap {
        let mut text = format!("v0:{time}:").into_bytes();
        text.extend_from_slice(body);
        let digits: String =
            hmac::sign(key, &text).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let mut headers = HeaderMap::new();
        headers.insert("x-slack-request-timestamp", time.to_string().parse().expect("a header"));
        headers.insert("x-slack-signature", format!("v0={digits}").parse().expect("a header"));
        headers
    }

    #[test]
    fn only_slacks_own_words_of_now_are_believed() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"secret of a test");
        let other = hmac::Key::new(hmac::HMAC_SHA256, b"another");
        let (now, body) = (1_795_255_200, b"command=%2Fgumshoe&text=help");
        assert_eq!(believed(&key, &signed(&key, now, body), body, now), Ok(()));
        assert_eq!(believed(&key, &signed(&key, now, body), body, now + 300), Ok(()));
        assert!(believed(&key, &signed(&key, now, body), body, now + 301).is_err(), "a replay");
        assert!(believed(&key, &signed(&key, now, body), body, now - 301).is_err(), "from the future");
        assert!(believed(&key, &signed(&other, now, body), body, now).is_err(), "another's secret");
        assert!(believed(&key, &signed(&key, now, body), b"other bytes", now).is_err());
        assert!(believed(&key, &HeaderMap::new(), body, now).is_err());
        let mut odd = signed(&key, now, body);
        odd.insert("x-slack-signature", "v0=zz".parse().expect("a header"));
        assert!(believed(&key, &odd, body, now).is_err());
    }

    #[test]
    fn bodies_are_forms_or_payloads_in_them() {
        let command = form(b"command=%2Fgumshoe&text=who+a%20b&user_id=U1").expect("read");
        assert_eq!(command["text"], "who a b");
        let press = form(b"payload=%7B%22type%22%3A%22block_actions%22%7D").expect("read");
        assert_eq!(press["type"], "block_actions");
        assert_eq!(form(b"payload=%7B"), None);
        assert_eq!(form(b"\xff"), None);
    }

    /// Sends a call as it stands and returns the answer's status.
    async fn status(to: SocketAddr, headers: &HeaderMap, body: &[u8]) -> String {
        use tokio::io::AsyncReadExt;
        use tokio::io::AsyncWriteExt;
        let mut call = format!(
            "POST /slack HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n",
            body.len()
        );
        for (name, value) in headers {
            call.push_str(&format!("{name}: {}\r\n", value.to_str().expect("text")));
        }
        let mut stream = tokio::net::TcpStream::connect(to).await.expect("connected");
        stream.write_all(format!("{call}\r\n").as_bytes()).await.expect("sent");
        // A call that is too long is answered before all of it is read.
        let _ = stream.write_all(body).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).split(' ').nth(1).unwrap_or_default().to_owned()
    }

    #[tokio::test]
    async fn the_door_lets_in_what_slack_signed_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::open(&folder.path().join("cases.sqlite")).expect("opened");
        let (inbox, mut calls) = Inbox::new(Arc::new(store));
        let secret = Secret::new("secret of a test");
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let (address, task) = serve(anywhere, &secret, Arc::new(inbox)).await.expect("listening");
        let body = b"command=%2Fgumshoe&text=help&user_id=U1&channel_id=C1&trigger_id=t1&response_url=https%3A%2F%2Fexample.com";
        assert_eq!(status(address, &HeaderMap::new(), body).await, "401");
        assert_eq!(status(address, &signed(&key, now_s() - 301, body), body).await, "401");
        let long = vec![b'a'; BODY_MAX + 1];
        assert_eq!(status(address, &signed(&key, now_s(), &long), &long).await, "413");
        assert!(calls.questions.try_recv().is_err(), "nothing was let in");
        // Twice: what Slack delivers again is acknowledged and not worked on again.
        for _ in 0..2 {
            assert_eq!(status(address, &signed(&key, now_s(), body), body).await, "200");
        }
        assert!(
            matches!(calls.questions.try_recv(), Ok(incoming::Incoming::Command(asked)) if asked.text == "help")
        );
        assert!(calls.questions.try_recv().is_err());
        task.abort();
    }
}
