//! SSM Run Command: who is there, one command for up to 50 hosts, states that come late, outputs that are cut.

use std::collections::HashMap;
use std::time::Instant;

use serde_json::Value;
use serde_json::json;

use super::Refusal;
use super::Shared;
use super::Terms;
use super::UNKNOWN;
use super::refuse;

/// Output in a list of invocations is cut at this.
const LISTED_MAX: usize = 2_500;
/// Output of one invocation.
const OUTPUT_MAX: usize = 24_000;

/// What a host does when it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// It writes this and ends well.
    Writes(String),
    /// Its agent is silent: the command stays where it is.
    Silent,
}

/// Commands that were sent, and the bucket that calls come out of.
#[derive(Default)]
pub(super) struct Commands {
    sent: HashMap<String, Sent>,
    bucket: Option<(f64, Instant)>,
    /// Operations that fail so many times more, and with which code.
    pub(super) failing: HashMap<String, (usize, String)>,
}

struct Sent {
    at: Instant,
    ids: Vec<String>,
    query: String,
    /// What hosts wrote; made once.
    replies: HashMap<String, Reply>,
}

impl Commands {
    pub(super) fn fails(&mut self, operation: &str) -> Option<String> {
        let (times, code) = self.failing.get_mut(operation)?;
        *times = times.checked_sub(1)?;
        Some(code.clone())
    }

    /// Takes one call out of the bucket; false where that is empty.
    fn allows(&mut self, rate: Option<f64>) -> bool {
        let Some(rate) = rate else { return true };
        let now = Instant::now();
        let (saved, last) = self.bucket.unwrap_or((rate, now));
        let saved = (saved + now.duration_since(last).as_secs_f64() * rate).min(rate);
        let allowed = saved >= 1.0;
        self.bucket = Some((if allowed { saved - 1.0 } else { saved }, now));
        allowed
    }
}

pub(super) fn call(shared: &Shared, name: &str, input: &Value) -> Result<Value, Refusal> {
    let terms = &shared.terms;
    let mut state = shared.state();
    let commands = &mut state.ssm;
    if !commands.allows(terms.ssm_calls_a_second) {
        return refuse("ThrottlingException", "Rate exceeded");
    }
    match name {
        "DescribeInstanceInformation" => {
            let ids = input["Filters"][0]["Values"].as_array().cloned().unwrap_or_default();
            let tell = |id: &Value| {
                let is_known = terms.hosts.iter().any(|host| Some(host.id.as_str()) == id.as_str());
                let seen = jiff::Timestamp::now().as_second();
                is_known.then(|| json!({"InstanceId": id, "PingStatus": "Online", "LastPingDateTime": seen}))
            };
            Ok(json!({"InstanceInformationList": ids.iter().filter_map(tell).collect::<Vec<_>>()}))
        }
        "SendCommand" => send(commands, terms, input),
        "ListCommandInvocations" => Ok(list(commands, terms, input)),
        "GetCommandInvocation" => get(commands, terms, input),
        _ => refuse(UNKNOWN, name),
    }
}

fn send(commands: &mut Commands, terms: &Terms, input: &Value) -> Result<Value, Refusal> {
    let ids: Vec<String> = serde_json::from_value(input["InstanceIds"].clone()).unwrap_or_default();
    if ids.is_empty() || ids.len() > 50 {
        return refuse("ValidationException", format!("{} instance ids", ids.len()));
    }
    if !ids.iter().all(|id| terms.hosts.iter().any(|host| host.id == *id)) {
        return refuse("InvalidInstanceId", "Instances not in a valid state for account");
    }
    let command = format!("{:08x}-0000-4000-8000-000000000000", commands.sent.len());
    let query = input["Parameters"]["Query"][0].as_str().unwrap_or_default().to_owned();
    let sent = Sent { at: Instant::now(), ids, query, replies: HashMap::new() };
    commands.sent.insert(command.clone(), sent);
    Ok(json!({"Command": {"CommandId": command, "Status": "Pending"}}))
}

/// Status and output of a command on one host.
fn state(sent: &mut Sent, terms: &Terms, id: &str) -> (&'static str, i32, String) {
    if sent.at.elapsed() < terms.answers_after {
        return ("InProgress", -1, String::new());
    }
    let query = &sent.query;
    match sent.replies.entry(id.to_owned()).or_insert_with(|| (terms.script)(id, query)) {
        Reply::Silent => ("Pending", -1, String::new()),
        Reply::Writes(text) if text.len() >= OUTPUT_MAX => {
            let kept: String = text.chars().take(OUTPUT_MAX - 20).collect();
            ("Success", 0, format!("{kept}--output truncated--"))
        }
        Reply::Writes(text) => ("Success", 0, text.clone()),
    }
}

fn list(commands: &mut Commands, terms: &Terms, input: &Value) -> Value {
    let command = input["CommandId"].as_str().unwrap_or_default();
    let visible = |sent: &&mut Sent| sent.at.elapsed() >= terms.visible_after;
    let Some(sent) = commands.sent.get_mut(command).filter(visible) else {
        return json!({"CommandInvocations": []});
    };
    let mut invocations = Vec::new();
    for id in sent.ids.clone() {
        let (status, code, output) = state(sent, terms, &id);
        let output: String = output.chars().take(LISTED_MAX).collect();
        invocations.push(json!({
            "CommandId": command, "InstanceId": id, "Status": status, "StatusDetails": status,
            "CommandPlugins": [{"Name": "query", "Status": status, "ResponseCode": code, "Output": output}],
        }));
    }
    json!({"CommandInvocations": invocations})
}

fn get(commands: &mut Commands, terms: &Terms, input: &Value) -> Result<Value, Refusal> {
    let command = input["CommandId"].as_str().unwrap_or_default();
    let id = input["InstanceId"].as_str().unwrap_or_default();
    let found = commands
        .sent
        .get_mut(command)
        .filter(|sent| sent.at.elapsed() >= terms.visible_after && sent.ids.iter().any(|other| other == id));
    let Some(sent) = found else { return refuse("InvocationDoesNotExist", "") };
    let (status, code, output) = state(sent, terms, id);
    Ok(json!({
        "CommandId": command, "InstanceId": id, "Status": status, "StatusDetails": status, "ResponseCode": code,
        "StandardOutputContent": output, "StandardErrorContent": "",
    }))
}
