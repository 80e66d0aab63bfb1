//! What the installed app may do: the scopes of the manifest that people install it by, held against what each method
//! needs (Slack's reference of its Web API).

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::Value;

use super::rules::Refusal;

/// The manifest that is shipped.
const MANIFEST: &str = include_str!("../../../../bot/packaging/slack-manifest.json");

static GRANTED: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let manifest: Value = serde_json::from_str(MANIFEST).expect("the manifest is JSON");
    let scopes = manifest["oauth_config"]["scopes"]["bot"].as_array().into_iter().flatten();
    scopes.filter_map(Value::as_str).map(str::to_owned).collect()
});

/// The scopes of the manifest.
pub fn granted() -> &'static BTreeSet<String> {
    &GRANTED
}

/// The bot's scopes that a method needs; one that is not known needs what nobody is given.
pub fn needed(method: &str) -> &'static [&'static str] {
    match method {
        "auth.test" | "apps.connections.open" | "views.open" | "views.publish" => &[],
        "chat.postMessage" | "chat.update" | "chat.postEphemeral" => &["chat:write"],
        "files.getUploadURLExternal" | "files.completeUploadExternal" => &["files:write"],
        // One for public and one for private channels; the bot is told its channel's id alone.
        "conversations.history" => &["channels:history", "groups:history"],
        "conversations.members" | "conversations.info" => &["channels:read", "groups:read"],
        "conversations.open" => &["im:write"],
        "files.info" => &["files:read"],
        "users.info" => &["users:read"],
        "usergroups.users.list" => &["usergroups:read"],
        _ => &["no scope is known for this method"],
    }
}

/// Refuses a method that the installed app has no scope for.
pub(super) fn allow(method: &str) -> Result<(), Refusal> {
    match needed(method).iter().find(|scope| !GRANTED.contains(**scope)) {
        Some(scope) => Err(Refusal::because("missing_scope", *scope)),
        None => Ok(()),
    }
}
