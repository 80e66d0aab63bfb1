//! Files: announced, uploaded to a URL of their own, then shared into a channel or thread.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::Path;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;
use serde_json::Value;
use serde_json::json;

use super::Shared;
use super::UploadedFile;
use super::api::Answer;
use super::api::Arguments;
use super::api::channel;
use super::api::text;
use super::api::thread;
use super::rules::Refusal;
use super::state::BOT_USER;
use super::state::State;

pub(super) fn info(state: &State, arguments: &Arguments) -> Answer {
    let id = text(arguments, "file")?;
    let file = state.files.iter().find(|file| file.id == id).ok_or(Refusal::plain("file_not_found"))?;
    Ok(json!({"file": shown(file), "comments": []}))
}

pub(super) fn upload_url(state: &mut State, shared: &Shared, arguments: &Arguments) -> Answer {
    let name = text(arguments, "filename")?.to_owned();
    let length = text(arguments, "length")?.parse().map_err(|_| Refusal::plain("invalid_arguments"))?;
    if name.is_empty() || length == 0 {
        return Err(Refusal::plain("invalid_arguments"));
    }
    let id = state.next_id('F');
    let url = format!("http://{}/upload/{id}", shared.address);
    state.files.push(UploadedFile {
        id: id.clone(),
        name,
        title: None,
        length,
        bytes: None,
        shared_in: None,
    });
    Ok(json!({"upload_url": url, "file_id": id}))
}

pub(super) async fn upload(
    Extract(shared): Extract<Arc<Shared>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
    let mut state = shared.state();
    let Some(file) = state.files.iter_mut().find(|file| file.id == id) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if body.len() != file.length || file.bytes.is_some() {
        return (StatusCode::BAD_REQUEST, "the length is not the announced one").into_response();
    }
    file.bytes = Some(body.to_vec());
    format!("OK - {}", body.len()).into_response()
}

pub(super) fn complete_upload(state: &mut State, arguments: &Arguments) -> Answer {
    let given = match arguments.get("files") {
        Some(Value::String(json)) => serde_json::from_str(json).unwrap_or_default(),
        Some(files) => files.clone(),
        None => Value::Null,
    };
    let given =
        given.as_array().filter(|files| !files.is_empty()).ok_or(Refusal::plain("invalid_arguments"))?;
    let shared_in = if arguments.get("channel_id").is_some_and(|channel| !channel.is_null()) {
        let channel = channel(arguments, "channel_id")?;
        let thread_ts = thread(state, &channel, arguments)?;
        Some((channel, thread_ts))
    } else {
        None
    };
    let mut answer = Vec::new();
    for wanted in given {
        let found =
            state.files.iter_mut().find(|file| wanted["id"] == file.id.as_str() && file.bytes.is_some());
        let file = found.ok_or(Refusal::plain("file_not_found"))?;
        file.title = wanted["title"].as_str().map(str::to_owned);
        file.shared_in.clone_from(&shared_in);
        answer.push(shown(file));
    }
    Ok(json!({"files": answer}))
}

fn shown(file: &UploadedFile) -> Value {
    json!({
        "id": file.id, "name": file.name, "title": file.title.as_ref().unwrap_or(&file.name),
        "user": BOT_USER, "size": file.length,
        "permalink": format!("https://lab.slack.com/files/{BOT_USER}/{}/{}", file.id, file.name),
    })
}
