//! A page that shows what was posted, for a person who watches the demo: messages, buttons, pictures, files.
//!
//! Nothing on it can be pressed: it shows what somebody in Slack would see, and how often it was edited.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::Html;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::get;
use serde_json::Value;

use super::Message;
use super::Shared;
use super::UploadedFile;
use super::state::State;

const STYLE: &str = "body{font:15px/1.46 'Lato','DejaVu Sans',sans-serif;max-width:54em;margin:1.5em auto;padding:0 1em;color:#1d1c1d}\
    h1{font-size:1.15em;border-bottom:1px solid #ddd;padding-bottom:.6em}\
    article{display:grid;grid-template-columns:2.6em 1fr;margin:1em 0}.reply{margin-left:3em}\
    .face{width:2.2em;height:2.2em;border-radius:.4em;background:#4a154b;color:#fff;text-align:center;line-height:2.2em;font-weight:700}\
    .who{font-weight:700}small,.context{color:#616061;font-size:.85em}pre{white-space:pre-wrap;overflow-wrap:anywhere;font:inherit;margin:.3em 0}\
    .code{background:#f8f8f8;border:1px solid #ddd;border-radius:.3em;padding:.5em;font:13px/1.5 'DejaVu Sans Mono',monospace}\
    .header{font-size:1.15em;font-weight:700}.fields{display:grid;grid-template-columns:1fr 1fr;gap:.4em 1.5em}\
    .button{display:inline-block;border:1px solid #bbb;border-radius:.3em;padding:.2em .8em;margin:.2em .4em .2em 0;font-weight:600;font-size:.92em}\
    .primary{background:#007a5a;color:#fff;border-color:#007a5a}.danger{color:#e01e5a;border-color:#e01e5a}\
    img{max-width:100%;border:1px solid #ddd;border-radius:.4em}";

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new().route("/", get(show)).route("/file/{id}", get(file))
}

async fn show(Extract(shared): Extract<Arc<Shared>>) -> Html<String> {
    let state = shared.state();
    let posts = state.messages.iter().filter(|message| message.thread_ts.is_none());
    let threads: String = posts.map(|post| thread(&state, post)).collect();
    Html(format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Slack stand-in</title>\
         <meta http-equiv=refresh content=5><style>{STYLE}</style><h1># abuse</h1>{threads}"
    ))
}

/// A file that was shared, as it was uploaded; pages are shown as text, since they are from outside.
async fn file(Extract(shared): Extract<Arc<Shared>>, Path(id): Path<String>) -> Response {
    let state = shared.state();
    let found = state.files.iter().find(|file| file.id == id && file.shared_in.is_some());
    let Some((name, bytes)) = found.and_then(|file| Some((&file.name, file.bytes.clone()?))) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let kind = if name.ends_with(".png") { "image/png" } else { "text/plain; charset=utf-8" };
    ([(CONTENT_TYPE, kind)], bytes).into_response()
}

/// A message, the replies to it and the files in its thread.
fn thread(state: &State, post: &Message) -> String {
    let replies = state.messages.iter().filter(|reply| reply.thread_ts.as_deref() == Some(post.ts.as_str()));
    let replies: String = replies.map(|reply| message(reply, "reply")).collect();
    let is_here = |file: &&UploadedFile| {
        file.shared_in.as_ref().is_some_and(|(_, thread)| thread.as_deref() == Some(post.ts.as_str()))
    };
    let files: String = state.files.iter().filter(is_here).map(shared).collect();
    format!("{}{replies}{files}", message(post, "post"))
}

fn shared(file: &UploadedFile) -> String {
    let title = escape(file.title.as_deref().unwrap_or(&file.name));
    let shown = if file.name.ends_with(".png") {
        format!("<img src=\"/file/{}\" alt=\"{title}\">", file.id)
    } else {
        format!("<a href=\"/file/{}\">{}</a>, {} bytes", file.id, escape(&file.name), file.length)
    };
    entry("reply", "shared a file", &format!("<div>{title}</div>{shown}"))
}

fn message(message: &Message, class: &str) -> String {
    let edited = if message.before.is_empty() {
        String::new()
    } else {
        format!("edited {} times", message.before.len())
    };
    let body: String = if message.blocks.is_empty() {
        format!("<pre>{}</pre>", escape(&message.text))
    } else {
        message.blocks.iter().map(block).collect()
    };
    entry(class, &edited, &body)
}

fn entry(class: &str, note: &str, body: &str) -> String {
    format!(
        "<article class={class}><div class=face>G</div><div><span class=who>gumshoe</span> <small>{note}</small>{body}</div></article>"
    )
}

fn block(block: &Value) -> String {
    let read = || escape(&super::text_of(std::slice::from_ref(block)));
    match block["type"].as_str().unwrap_or_default() {
        "header" => {
            format!("<div class=header>{}</div>", escape(block["text"]["text"].as_str().unwrap_or_default()))
        }
        "section" if block["fields"].is_array() => {
            let fields = block["fields"].as_array().into_iter().flatten();
            let fields: String = fields
                .map(|field| format!("<pre>{}</pre>", escape(field["text"].as_str().unwrap_or_default())))
                .collect();
            format!("<div class=fields>{fields}</div>")
        }
        "context" => format!("<pre class=context>{}</pre>", read()),
        "actions" => super::rules::elements(block).map(button).collect(),
        "rich_text" => {
            let parts = block["elements"].as_array().into_iter().flatten();
            let part = |part: &Value| {
                let class = if part["type"] == "rich_text_preformatted" { "code" } else { "text" };
                let alone = serde_json::json!([{"type": "rich_text", "elements": [part]}]);
                let read = super::text_of(alone.as_array().map(Vec::as_slice).unwrap_or_default());
                format!("<pre class={class}>{}</pre>", escape(&read))
            };
            parts.map(part).collect()
        }
        _ => format!("<pre>{}</pre>", read()),
    }
}

fn button(button: &Value) -> String {
    let class = match button["style"].as_str() {
        Some("primary") => "button primary",
        Some("danger") => "button danger",
        _ => "button",
    };
    format!("<span class=\"{class}\">{}</span>", escape(button["text"]["text"].as_str().unwrap_or_default()))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
