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

/// The bot's scopes that a method needs; none where the method is not known.
pub fn needed(method: &str) -> Option<&'static [&'static str]> {
    Some(match method {
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
        _ => return None,
    })
}

/// Refuses a method that the installed app has no scope for; what no method is called is said by who answers it.
pub(super) fn allow(method: &str) -> Result<(), Refusal> {
    let lacking = |scope: &&&str| !GRANTED.contains(**scope);
    match needed(method).unwrap_or_default().iter().find(lacking) {
        Some(scope) => Err(Refusal::because("missing_scope", *scope)),
        None => Ok(()),
    }
}
