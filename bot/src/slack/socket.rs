//! Socket Mode: calls come in over a websocket that the bot opens; there is no inbound port.
//!
//! Owns that the connection is opened again, whatever ends it and however it hangs: each step has a time-out, and
//! silence is an end. Calls are acknowledged once the inbox kept them, which does not hold up the ones behind. The
//! library's own websocket is not used: it waits for a connection without end, and logs the ticket in its address.

use std::sync::Arc;
use std::time::Duration;

use futures_util::SinkExt;
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use slack_morphism::SlackApiToken;
use slack_morphism::SlackApiTokenValue;
use slack_morphism::hyper_tokio::SlackHyperClient;
use tokio::sync::Semaphore;
use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_tungstenite::MaybeTlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::connect_async_with_config;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::SlackError;
use super::inbox::Inbox;
use super::incoming;
use super::web::connector;
use crate::config::Secret;
use crate::config::Slack;

/// Asking for an address, connecting to it, and hearing hello may take so long each.
const STEP_MAX: Duration = Duration::from_secs(10);

/// How often Slack is asked whether it is there.
const PING_EVERY: Duration = Duration::from_secs(15);

/// A connection on which nothing is heard for so long, pings included, is none.
const SILENCE_MAX: Duration = Duration::from_secs(45);

/// Longest pause before the next try.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// Longest frame, bytes.
const FRAME_MAX: usize = 1 << 20;

/// Calls that are being kept at once; further ones are read when one of them is acknowledged.
const KEEPING_MAX: usize = 64;

type Stream = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

/// A connection that is held open; calls stop when it is closed or dropped.
pub struct Socket {
    stop: watch::Sender<bool>,
    held: JoinHandle<()>,
}

impl Socket {
    /// Begins to hold a connection; calls go into the inbox. That Slack is not there now is no failure.
    pub fn open(settings: &Slack, app_token: &Secret, inbox: Arc<Inbox>) -> Result<Self, SlackError> {
        let link = Link {
            client: SlackHyperClient::new(connector(settings.api_url.as_deref())?),
            token: SlackApiToken::new(SlackApiTokenValue(app_token.expose().to_owned())),
            inbox,
        };
        let (stop, stopped) = watch::channel(false);
        Ok(Self { stop, held: tokio::spawn(link.hold(stopped)) })
    }

    /// Closes the connection.
    pub async fn close(self) {
        self.stop.send_replace(true);
        drop(tokio::time::timeout(STEP_MAX, self.held).await);
    }
}

struct Link {
    client: SlackHyperClient,
    token: SlackApiToken,
    inbox: Arc<Inbox>,
}

/// How a connection ended.
enum End {
    /// Slack wants another one to be opened.
    Asked,
    /// It failed, after it had worked or before.
    Failed { why: String, worked: bool },
    /// The bot stops.
    Stopped,
}

impl Link {
    async fn hold(self, mut stop: watch::Receiver<bool>) {
        let mut failed: u32 = 0;
        loop {
            let pause = match self.connection(&mut stop).await {
                End::Stopped => return,
                End::Asked => {
                    failed = 0;
                    tracing::info!("Slack asks for another connection");
                    Duration::ZERO
                }
                End::Failed { why, worked } => {
                    failed = if worked { 1 } else { failed.saturating_add(1) };
                    let pause = back_off(failed);
                    let pause_ms = pause.as_millis() as u64;
                    tracing::warn!(
                        why,
                        failed,
                        pause_ms,
                        "no connection to Slack; commands and buttons wait"
                    );
                    pause
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stopped(&mut stop) => return,
            }
        }
    }

    async fn connection(&self, stop: &mut watch::Receiver<bool>) -> End {
        let opened = tokio::select! {
            opened = self.opened() => opened,
            () = stopped(stop) => return End::Stopped,
        };
        match opened {
            Ok(stream) => self.talk(stream, stop).await,
            Err(why) => End::Failed { why, worked: false },
        }
    }

    /// A new connection, by a ticket of its own.
    async fn opened(&self) -> Result<Stream, String> {
        #[derive(Deserialize)]
        struct Opened {
            url: String,
        }
        let (session, nothing) = (self.client.open_session(&self.token), json!({}));
        let asked = session.http_session_api.http_post::<_, Opened>("apps.connections.open", &nothing, None);
        let Opened { url } = within("an address", asked).await?.map_err(|error| {
            format!("Slack gives no address to connect to: {}", super::web::short(&error))
        })?;
        let config =
            WebSocketConfig::default().max_message_size(Some(FRAME_MAX)).max_frame_size(Some(FRAME_MAX));
        let connected = within("a connection", connect_async_with_config(&url, Some(config), false)).await?;
        connected.map(|(stream, _)| stream).map_err(|error| short(&error))
    }

    async fn talk(&self, mut stream: Stream, stop: &mut watch::Receiver<bool>) -> End {
        let (acks, mut ready) = mpsc::channel::<String>(KEEPING_MAX);
        let permits = Arc::new(Semaphore::new(KEEPING_MAX));
        let mut pings = tokio::time::interval(PING_EVERY);
        let (mut worked, mut heard) = (false, tokio::time::Instant::now());
        let failed = |why: &str, worked: bool| End::Failed { why: why.to_owned(), worked };
        loop {
            let patience = if worked { SILENCE_MAX } else { STEP_MAX };
            let sent = tokio::select! {
                () = stopped(stop) => {
                    drop(tokio::time::timeout(STEP_MAX, stream.close(None)).await);
                    return End::Stopped;
                }
                () = tokio::time::sleep_until(heard + patience) => {
                    return failed(&format!("nothing was heard for {} s", patience.as_secs()), worked);
                }
                Some(ack) = ready.recv() => stream.send(tungstenite::Message::text(ack)).await,
                _ = pings.tick() => stream.send(tungstenite::Message::Ping(Default::default())).await,
                frame = stream.next() => {
                    heard = tokio::time::Instant::now();
                    match frame {
                        Some(Ok(tungstenite::Message::Text(text))) => match self.hear(&text, &acks, &permits).await {
                            Heard::Hello => {
                                worked = true;
                                tracing::info!("connected to Slack by Socket Mode");
                            }
                            Heard::Disconnect => {
                                drop(tokio::time::timeout(STEP_MAX, stream.close(None)).await);
                                return if worked { End::Asked } else { failed("it is refused", worked) };
                            }
                            Heard::Other => {}
                        },
                        Some(Ok(tungstenite::Message::Close(_))) | None => return failed("it was closed", worked),
                        Some(Ok(_)) => {}
                        Some(Err(error)) => return failed(&short(&error), worked),
                    }
                    Ok(())
                }
            };
            if let Err(error) = sent {
                return failed(&short(&error), worked);
            }
        }
    }

    /// Takes one frame in; a call is acknowledged when the inbox has it.
    async fn hear(&self, text: &str, acks: &mpsc::Sender<String>, permits: &Arc<Semaphore>) -> Heard {
        let Ok(frame) = serde_json::from_str::<Value>(text) else { return Heard::Other };
        match frame["type"].as_str() {
            Some("hello") => return Heard::Hello,
            Some("disconnect") => return Heard::Disconnect,
            _ => {}
        }
        let Some(envelope) = frame["envelope_id"].as_str().map(str::to_owned) else { return Heard::Other };
        let Ok(permit) = Arc::clone(permits).acquire_owned().await else { return Heard::Other };
        let (inbox, acks) = (Arc::clone(&self.inbox), acks.clone());
        // Its end is not tied to the connection's: what the inbox began to keep, it keeps.
        tokio::spawn(async move {
            let _permit = permit;
            let payload = &frame["payload"];
            let incoming = match frame["type"].as_str() {
                Some("slash_commands") => incoming::command(payload),
                Some("interactive") => incoming::interaction(payload),
                Some("events_api") => incoming::event(payload),
                _ => None,
            };
            let mut ack = json!({"envelope_id": envelope});
            if let Some(incoming) = incoming
                && let Some(payload) = inbox.take(incoming).await.payload()
                && frame["accepts_response_payload"] == true
            {
                ack["payload"] = payload;
            }
            // Where the connection is gone, Slack delivers again over the next one.
            drop(acks.send(ack.to_string()).await);
        });
        Heard::Other
    }
}

/// Waits for the bot's end.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}

enum Heard {
    Hello,
    Disconnect,
    Other,
}

async fn within<T>(what: &str, step: impl Future<Output = T>) -> Result<T, String> {
    let ended = tokio::time::timeout(STEP_MAX, step).await;
    ended.map_err(|_| format!("{what} was waited for for {} s", STEP_MAX.as_secs()))
}

/// 1 s, doubled each time, with jitter.
fn back_off(failed: u32) -> Duration {
    let pause = Duration::from_secs(1 << failed.saturating_sub(1).min(5)).min(PAUSE_MAX);
    pause.mul_f64(0.75 + 0.5 * fastrand::f64())
}

/// An error without the address, which has a ticket in it.
fn short(error: &tungstenite::Error) -> String {
    match error {
        tungstenite::Error::Http(answer) => format!("it is refused with HTTP {}", answer.status()),
        tungstenite::Error::Io(error) => format!("it failed: {}", error.kind()),
        tungstenite::Error::Tls(_) => "TLS failed".to_owned(),
        tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed => {
            "it was closed".to_owned()
        }
        tungstenite::Error::Capacity(_) => format!("a frame is longer than {FRAME_MAX} bytes"),
        _ => "the websocket failed".to_owned(),
    }
}
