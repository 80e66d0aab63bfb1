//! A page that shows what was posted, for a person who watches the demo.

use std::sync::Arc;

use axum::Router;
use axum::extract::State as Extract;
use axum::response::Html;
use axum::routing::get;

use super::Message;
use super::Shared;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new().route("/", get(show))
}

async fn show(Extract(shared): Extract<Arc<Shared>>) -> Html<String> {
    let state = shared.state();
    let messages: String = state.messages.iter().map(message).collect();
    Html(format!(
        "<!doctype html><meta charset=utf-8><title>Slack stand-in</title>\
         <meta http-equiv=refresh content=2>\
         <style>body{{font:15px/1.45 sans-serif;max-width:60em;margin:2em auto}}\
         article{{border-left:3px solid #4a154b;padding:.2em 1em;margin:1em 0}}\
         .reply{{margin-left:3em;border-color:#ccc}}pre{{white-space:pre-wrap;font:inherit}}\
         small{{color:#666}}</style><h1>#abuse</h1>{messages}"
    ))
}

fn message(message: &Message) -> String {
    let class = if message.thread_ts.is_some() { "reply" } else { "post" };
    let edits = message.before.len();
    let read = escape(&message.read());
    format!(
        "<article class={class}><small>{} - edited {edits} times</small><pre>{read}</pre></article>",
        message.ts
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
