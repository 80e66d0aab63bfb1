//! The Web API's methods, as far as a bot like ours calls them; others are `unknown_method`.

use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::extract::Path;
use axum::extract::RawQuery;
use axum::extract::State as Extract;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::header::RETRY_AFTER;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::any;
use axum::routing::post;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use super::super::Moment;
use super::ALICE;
use super::CHANNEL;
use super::GROUP;
use super::Message;
use super::OTHER_CHANNEL;
use super::PEOPLE;
use super::PERSON;
use super::Refused;
use super::Shared;
use super::files;
use super::rules;
use super::rules::Refusal;
use super::scopes;
use super::socket;
use super::state::APP;
use super::state::BOT;
use super::state::BOT_USER;
use super::state::MESSAGES_MAX;
use super::state::State;
use super::state::TEAM;
use super::state::Trouble;
use super::state::View;
use super::state::Whisper;

pub(super) type Arguments = Map<String, Value>;
pub(super) type Answer = Result<Value, Refusal>;

/// How long a trigger may open a form.
const TRIGGER_MAX: Duration = Duration::from_secs(3);

/// A body above this is no message and no report.
const BODY_MAX_BYTES: usize = 16 << 20;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/{method}", any(call))
        .route("/upload/{id}", post(files::upload))
        .route("/response/{id}", post(respond))
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
}

async fn call(
    Extract(shared): Extract<Arc<Shared>>,
    Path(method): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !shared.hook(&method, Moment::Asked) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let trouble = troubled(&mut shared.state(), &method);
    if let Some(Trouble::Status(status)) = trouble {
        return StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response();
    }
    let done = perform(&shared, &method, query.as_deref(), &headers, &body);
    let is_answered = shared.hook(&method, Moment::Done);
    if trouble == Some(Trouble::Silence) {
        std::future::pending::<()>().await;
    }
    if is_answered { done } else { StatusCode::SERVICE_UNAVAILABLE.into_response() }
}

fn troubled(state: &mut State, method: &str) -> Option<Trouble> {
    let (times, trouble) = state.troubles.get_mut(method)?;
    *times = times.checked_sub(1)?;
    Some(*trouble)
}

fn perform(shared: &Shared, method: &str, query: Option<&str>, headers: &HeaderMap, body: &[u8]) -> Response {
    let mut state = shared.state();
    if let Some(retry_after_s) = limited(&mut state, method) {
        return too_many(&mut state, method, retry_after_s);
    }
    let arguments = arguments(method, query, headers, body);
    let answer = authorise(&state, method, headers).and_then(|()| {
        let arguments = arguments?;
        if posts(method) {
            let channel = text(&arguments, "channel").unwrap_or_default();
            if !state.allows(channel) {
                return Err(Refusal::plain("ratelimited"));
            }
        }
        dispatch(&mut state, shared, method, &arguments)
    });
    match answer {
        Ok(mut answer) => {
            answer["ok"] = json!(true);
            Json(answer).into_response()
        }
        Err(refusal) if refusal.error == "ratelimited" => too_many(&mut state, method, 1),
        Err(refusal) => {
            let messages: Vec<_> = refusal.details.iter().map(|detail| format!("[ERROR] {detail}")).collect();
            let mut answer = json!({"ok": false, "error": refusal.error});
            if !messages.is_empty() {
                answer["errors"] = json!(refusal.details);
                answer["response_metadata"] = json!({"messages": messages});
            }
            let error = refusal.error.to_owned();
            state.refused.push(Refused { method: method.to_owned(), error, details: refusal.details });
            Json(answer).into_response()
        }
    }
}

fn posts(method: &str) -> bool {
    matches!(method, "chat.postMessage" | "chat.postEphemeral")
}

/// Whether this call is to be answered with 429, and its `Retry-After`.
fn limited(state: &mut State, method: &str) -> Option<u32> {
    let (times, retry_after_s) = state.limits.get_mut(method)?;
    *times = times.checked_sub(1)?;
    Some(*retry_after_s)
}

fn too_many(state: &mut State, method: &str, retry_after_s: u32) -> Response {
    let error = "ratelimited".to_owned();
    state.refused.push(Refused { method: method.to_owned(), error, details: Vec::new() });
    let body = Json(json!({"ok": false, "error": "ratelimited"}));
    (StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, retry_after_s.to_string())], body).into_response()
}

/// Who calls: the app for connections, the bot for everything else.
fn authorise(state: &State, method: &str, headers: &HeaderMap) -> Result<(), Refusal> {
    let header = headers.get("authorization").and_then(|value| value.to_str().ok());
    let Some(token) = header.and_then(|value| value.strip_prefix("Bearer ")) else {
        return Err(Refusal::plain("not_authed"));
    };
    let wants_app = method == "apps.connections.open";
    match (token == state.bot_token, token == state.app_token) {
        (false, false) => Err(Refusal::plain("invalid_auth")),
        (_, is_app) if is_app != wants_app => Err(Refusal::plain("not_allowed_token_type")),
        _ if state.withheld.as_deref() == Some(method) => Err(Refusal::plain("missing_scope")),
        _ => scopes::allow(method),
    }
}

/// The arguments: from the query, and from a JSON or form body. Methods that upload take no JSON.
fn arguments(
    method: &str,
    query: Option<&str>,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Arguments, Refusal> {
    let mut arguments = form(query.unwrap_or_default().as_bytes())?;
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind.starts_with("application/json") && !body.is_empty() {
        if method == "files.getUploadURLExternal" {
            return Err(Refusal::plain("invalid_arguments"));
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => arguments.extend(object),
            Ok(_) => return Err(Refusal::plain("json_not_object")),
            Err(_) => return Err(Refusal::plain("invalid_json")),
        }
    } else if kind.starts_with("application/x-www-form-urlencoded") {
        arguments.extend(form(body)?);
    }
    Ok(arguments)
}

fn form(bytes: &[u8]) -> Result<Arguments, Refusal> {
    let uri = format!("/?{}", String::from_utf8_lossy(bytes)).parse();
    let uri: axum::http::Uri = uri.map_err(|_| Refusal::plain("invalid_form_data"))?;
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&uri);
    let axum::extract::Query(pairs) = pairs.map_err(|_| Refusal::plain("invalid_form_data"))?;
    Ok(pairs.into_iter().map(|(key, value)| (key, Value::String(value))).collect())
}

fn dispatch(state: &mut State, shared: &Shared, method: &str, arguments: &Arguments) -> Answer {
    match method {
        "auth.test" => Ok(json!({
            "url": "https://lab.slack.com/", "team": "Lab", "user": "gumshoe", "team_id": TEAM,
            "user_id": BOT_USER, "bot_id": BOT, "is_enterprise_install": false,
        })),
        "apps.connections.open" => {
            let ticket = state.next_id('K');
            state.tickets.push(ticket.clone());
            state.given.push(ticket.clone());
            Ok(
                json!({"url": format!("ws://{}{}?ticket={ticket}&app_id={APP}", shared.address, socket::PATH)}),
            )
        }
        "chat.postMessage" => post_message(state, arguments),
        "chat.postEphemeral" => {
            channel(arguments, "channel")?;
            let (text, blocks) = rules::content(arguments)?;
            let user = self::text(arguments, "user")?;
            known(user)?;
            state.whispers.push(Whisper { user: user.to_owned(), text, read: super::text_of(&blocks) });
            Ok(json!({"message_ts": state.next_ts()}))
        }
        "chat.update" => update(state, arguments),
        "chat.getPermalink" => {
            let (channel, ts) = (channel(arguments, "channel")?, text(arguments, "message_ts")?);
            find(state, &channel, ts)?;
            let permalink = format!("https://lab.slack.com/archives/{channel}/p{}", ts.replace('.', ""));
            Ok(json!({"channel": channel, "permalink": permalink}))
        }
        "files.getUploadURLExternal" => files::upload_url(state, shared, arguments),
        "files.completeUploadExternal" => files::complete_upload(state, arguments),
        "files.info" => files::info(state, arguments),
        "users.info" => {
            let (id, name) = known(text(arguments, "user")?)?;
            Ok(json!({"user": {"id": id, "team_id": TEAM, "name": name, "real_name": name}}))
        }
        "usergroups.users.list" => match text(arguments, "usergroup")? {
            GROUP => Ok(json!({"users": [PERSON]})),
            _ => Err(Refusal::plain("no_such_subteam")),
        },
        "views.open" => open_view(state, arguments),
        "views.publish" => {
            let (user, _) = known(text(arguments, "user_id")?)?;
            let view = arguments.get("view").ok_or(Refusal::plain("invalid_arguments"))?;
            rules::view(view, "home")?;
            state.homes.insert(user.to_owned(), view.clone());
            Ok(json!({"view": view}))
        }
        _ if method.starts_with("conversations.") => conversations(state, method, arguments),
        _ => Err(Refusal::plain("unknown_method")),
    }
}

/// A person of the workspace, with their name.
fn known(user: &str) -> Result<(&'static str, &'static str), Refusal> {
    PEOPLE.into_iter().find(|(id, _)| *id == user).ok_or(Refusal::plain("user_not_found"))
}

/// A trigger opens one form, within 3 s of what gave it out.
fn open_view(state: &mut State, arguments: &Arguments) -> Answer {
    let trigger = text(arguments, "trigger_id")?;
    let (user, at) = state.triggers.remove(trigger).ok_or(Refusal::plain("invalid_trigger_id"))?;
    if at.elapsed() > TRIGGER_MAX {
        return Err(Refusal::plain("expired_trigger_id"));
    }
    let view = arguments.get("view").ok_or(Refusal::plain("invalid_arguments"))?;
    rules::view(view, "modal")?;
    let id = state.next_id('V');
    state.views.push(View { id: id.clone(), user, view: view.clone() });
    Ok(json!({"view": {"id": id}}))
}

pub(super) fn text<'a>(arguments: &'a Arguments, name: &str) -> Result<&'a str, Refusal> {
    arguments.get(name).and_then(Value::as_str).ok_or(Refusal::plain("invalid_arguments"))
}

/// The channel that is named, which the bot must be in.
pub(super) fn channel(arguments: &Arguments, name: &str) -> Result<String, Refusal> {
    match text(arguments, name) {
        Ok(CHANNEL) => Ok(CHANNEL.to_owned()),
        Ok(OTHER_CHANNEL) => Err(Refusal::plain("not_in_channel")),
        // A person's id opens the conversation with that person.
        Ok(id) if known(&id.replacen("D0", "U0", 1)).is_ok() => Ok(id.replacen("U0", "D0", 1)),
        _ => Err(Refusal::plain("channel_not_found")),
    }
}

fn find<'a>(state: &'a mut State, channel: &str, ts: &str) -> Result<&'a mut Message, Refusal> {
    let found = state.messages.iter_mut().find(|message| message.channel == channel && message.ts == ts);
    found.ok_or(Refusal::plain("message_not_found"))
}

/// The thread that is named, which must be there: Slack would make an orphan of the reply.
pub(super) fn thread(
    state: &mut State,
    channel: &str,
    arguments: &Arguments,
) -> Result<Option<String>, Refusal> {
    let Some(ts) = arguments.get("thread_ts").filter(|ts| !ts.is_null()) else {
        return Ok(None);
    };
    let ts = ts.as_str().ok_or(Refusal::plain("invalid_arguments"))?;
    find(state, channel, ts).map_err(|_| Refusal::plain("thread_not_found"))?;
    Ok(Some(ts.to_owned()))
}

fn post_message(state: &mut State, arguments: &Arguments) -> Answer {
    let channel = channel(arguments, "channel")?;
    let (text, blocks) = rules::content(arguments)?;
    let thread_ts = thread(state, &channel, arguments)?;
    if state.messages.len() >= MESSAGES_MAX {
        return Err(Refusal::plain("message_limit_exceeded"));
    }
    let (ts, changed) = (state.next_ts(), Instant::now());
    let message = Message { channel, ts, thread_ts, text, blocks, before: Vec::new(), changed };
    let answer = json!({"channel": message.channel, "ts": message.ts, "message": message.shown()});
    state.messages.push(message);
    Ok(answer)
}

fn update(state: &mut State, arguments: &Arguments) -> Answer {
    let channel = channel(arguments, "channel")?;
    let (text, blocks) = rules::content(arguments)?;
    let message = find(state, &channel, self::text(arguments, "ts")?)?;
    let before = (std::mem::replace(&mut message.text, text), std::mem::replace(&mut message.blocks, blocks));
    message.before.push(before);
    message.changed = Instant::now();
    Ok(json!({"channel": channel, "ts": message.ts, "text": message.text, "message": message.shown()}))
}

fn conversations(state: &State, method: &str, arguments: &Arguments) -> Answer {
    let abuse =
        json!({"id": CHANNEL, "name": "abuse", "is_channel": true, "is_member": true, "is_archived": false});
    match method {
        "conversations.list" => Ok(json!({"channels": [abuse], "response_metadata": {"next_cursor": ""}})),
        "conversations.info" => channel(arguments, "channel").map(|_| json!({"channel": abuse})),
        "conversations.members" => {
            channel(arguments, "channel")?;
            // Two pages: who reads only the first misses somebody.
            let (members, next) = match text(arguments, "cursor") {
                Ok("more") => (json!([PERSON]), ""),
                _ => (json!([BOT_USER, ALICE]), "more"),
            };
            Ok(json!({"members": members, "response_metadata": {"next_cursor": next}}))
        }
        "conversations.open" => match text(arguments, "users")? {
            PERSON => Ok(json!({"channel": {"id": "D0PERSON001"}})),
            _ => Err(Refusal::plain("user_not_found")),
        },
        "conversations.history" | "conversations.replies" => {
            let channel = channel(arguments, "channel")?;
            let thread = text(arguments, "ts").ok();
            let wanted = |message: &&Message| match thread {
                Some(ts) => message.ts == ts || message.thread_ts.as_deref() == Some(ts),
                None => message.thread_ts.is_none(),
            };
            let messages = state.messages.iter().filter(|message| message.channel == channel).filter(wanted);
            let messages: Vec<_> = messages.map(Message::shown).collect();
            Ok(json!({"messages": messages, "has_more": false}))
        }
        _ => Err(Refusal::plain("unknown_method")),
    }
}

/// A response_url; its uses are bounded as Slack bounds them.
async fn respond(Extract(shared): Extract<Arc<Shared>>, Path(id): Path<String>, body: Bytes) -> Response {
    let mut state = shared.state();
    let uses = state.limits.entry(format!("response {id}")).or_insert((5, 0));
    if uses.0 == 0 {
        return (StatusCode::NOT_FOUND, "used_url").into_response();
    }
    uses.0 -= 1;
    let judge = |arguments: Arguments| match arguments.get("delete_original") {
        Some(Value::Bool(true)) => Ok(None),
        _ => rules::content(&arguments).map(Some),
    };
    match serde_json::from_slice::<Arguments>(&body).map(judge) {
        Ok(Ok(said)) => {
            let (text, blocks) = said.unwrap_or_default();
            state.whispers.push(Whisper { user: String::new(), text, read: super::text_of(&blocks) });
            "ok".into_response()
        }
        Ok(Err(refusal)) => {
            let error = refusal.error.to_owned();
            state.refused.push(Refused {
                method: "response_url".to_owned(),
                error,
                details: refusal.details,
            });
            (StatusCode::BAD_REQUEST, refusal.error).into_response()
        }
        Err(_) => (StatusCode::BAD_REQUEST, "invalid_payload").into_response(),
    }
}
