//! Socket Mode: hello, envelopes out, acknowledgements in.

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::extract::State as Extract;
use axum::extract::ws::Message;
use axum::extract::ws::WebSocket;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;

use super::Shared;
use super::Unconnected;

/// The path of the websocket; `apps.connections.open` gives out tickets for it.
pub(super) const PATH: &str = "/link/";

/// Ends every connection, as Slack does when it refreshes them.
pub(super) const HANG_UP: &str = "hang up";

#[derive(Deserialize)]
struct Ticket {
    ticket: String,
}

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new().route(PATH, get(connect))
}

async fn connect(
    Extract(shared): Extract<Arc<Shared>>,
    Query(ticket): Query<Ticket>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let trouble = {
        let mut state = shared.state();
        state.unconnected.as_mut().and_then(|(times, trouble)| {
            *times = times.checked_sub(1)?;
            Some(*trouble)
        })
    };
    match trouble {
        Some(Unconnected::Refused) => return StatusCode::FORBIDDEN.into_response(),
        Some(Unconnected::Silence) => std::future::pending::<()>().await,
        None => {}
    }
    // A ticket opens one connection.
    let known = {
        let mut state = shared.state();
        let found = state.tickets.iter().position(|known| *known == ticket.ticket);
        found.map(|at| state.tickets.swap_remove(at)).is_some()
    };
    if !known {
        return StatusCode::FORBIDDEN.into_response();
    }
    upgrade.on_upgrade(|socket| talk(socket, shared))
}

async fn talk(mut socket: WebSocket, shared: Arc<Shared>) {
    let mut frames = shared.frames.subscribe();
    shared.state().opened += 1;
    let hello = json!({
        "type": "hello", "num_connections": shared.frames.receiver_count(),
        "connection_info": {"app_id": super::state::APP},
        "debug_info": {"host": "applink-lab", "build_number": 1, "approximate_connection_time": 18060},
    });
    if socket.send(Message::text(hello.to_string())).await.is_err() {
        return;
    }
    // What an earlier connection did not acknowledge is delivered again.
    let again: Vec<String> =
        shared.state().unacknowledged.iter().map(|(_, envelope)| envelope.clone()).collect();
    for envelope in again {
        if socket.send(Message::text(envelope)).await.is_err() {
            return;
        }
    }
    loop {
        tokio::select! {
            frame = frames.recv() => {
                let Ok(frame) = frame else { return };
                if frame == HANG_UP || socket.send(Message::text(frame)).await.is_err() {
                    return;
                }
            }
            received = socket.recv() => match received {
                Some(Ok(Message::Text(text))) => acknowledged(&shared, &text),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
        }
    }
}

fn acknowledged(shared: &Shared, text: &str) {
    let Ok(mut ack) = serde_json::from_str::<Value>(text) else {
        return;
    };
    let payload = ack.get_mut("payload").map(Value::take);
    if let Some(id) = ack["envelope_id"].as_str() {
        shared.state().acked(id, payload);
    }
}
