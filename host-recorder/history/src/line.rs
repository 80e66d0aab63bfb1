//! One event as one line for a person at a terminal. Pure; control characters are shown, not sent.

use crate::event::Body;
use crate::event::Direction;
use crate::event::Event;
use crate::event::Flow;
use crate::event::FlowState;
use crate::event::Seen;
use crate::groups::Groups;
use crate::id::ProcessId;
use crate::redact;
use crate::text::command;
use crate::text::login_words;
use crate::text::visible;
use crate::text::who;

/// Writes an event as one line without its end. `name` gives what is known of a process by name.
pub fn line(event: &Event, name: &dyn Fn(&ProcessId) -> Option<String>) -> String {
    let of = |id: &Option<ProcessId>| match id {
        Some(id) => match name(id) {
            Some(name) => format!("{} ({})", visible(&name), id.tgid),
            None => format!("pid {}", id.tgid),
        },
        None => "no process".to_owned(),
    };
    let what = match &event.body {
        Body::Process(process) => {
            let verb = match process.seen {
                Seen::Exec => "exec",
                Seen::Fork => "fork",
                Seen::Snapshot => "runs",
            };
            let process = redact::process((**process).clone());
            format!("{verb}     {}  ({}, pid {})", command(&process), who(&process), process.id.tgid)
        }
        Body::Fork { child, parent } => format!("fork     {} made pid {}", of(&Some(*parent)), child.tgid),
        Body::Exit { process, code, signal: 0 } => format!("exit     {} with {code}", of(&Some(*process))),
        Body::Exit { process, signal, .. } => format!("exit     {} by signal {signal}", of(&Some(*process))),
        Body::Credentials { process, from, to } => {
            let process = of(&Some(*process));
            let mut became = format!("became   {process} from uid {} to uid {}", from.euid, to.euid);
            if from.groups != to.groups {
                let shown = |groups: &Groups| match groups.is_empty() {
                    true => "none".to_owned(),
                    false => groups.to_string(),
                };
                became += &format!(", from groups {} to {}", shown(&from.groups), shown(&to.groups));
            }
            became
        }
        Body::Login(login) => format!("login    {}", login_words(login)),
        Body::Flow(flow) => format!("flow     {}  {}", of(&flow.owner), flow_words(flow)),
        Body::Targets(targets) => {
            let remotes = targets.remotes.endpoints();
            let some: Vec<String> = remotes.iter().take(3).map(ToString::to_string).collect();
            format!(
                "flows    {}  {} {} {} targets such as {}",
                of(&targets.owner),
                targets.protocol,
                state_word(targets.state),
                remotes.len(),
                some.join(" ")
            )
        }
        Body::Loss { class, count, from } => format!("LOST     {count} {class:?} events since {from}"),
        Body::Recorder { act, note } => format!("recorder {act:?} {}", visible(note)),
        Body::Dns(dns) => {
            let answers: Vec<String> = dns
                .names
                .iter()
                .map(|name| visible(name))
                .chain(dns.addresses.iter().map(ToString::to_string))
                .collect();
            let verb = if dns.answer { "is" } else { "asked" };
            format!("dns      {}  {} {verb} {}", of(&dns.process), visible(&dns.name), answers.join(" "))
        }
        Body::Operation(operation) => {
            let (process, detail) = (of(&operation.process), visible(&operation.detail));
            format!("did      {process}  {:?} {detail}", operation.kind)
        }
    };
    format!("{}  {}", event.time, what.trim_end())
}

fn flow_words(flow: &Flow) -> String {
    let arrow = if flow.direction == Direction::Out { "->" } else { "<-" };
    let state = state_word(flow.state);
    let sent = if flow.packets > 0 { format!(", {} packets", flow.packets) } else { String::new() };
    format!("{} {} {arrow} {} {state}, {} bytes{sent}", flow.protocol, flow.local, flow.remote, flow.bytes)
}

fn state_word(state: FlowState) -> String {
    format!("{state:?}").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn every_kind_of_event_is_one_line_and_shows_no_secret() {
        for mut event in testing::events(22) {
            if let Body::Process(process) = &mut event.body {
                process.argv = vec!["tool\u{1b}[2J".to_owned(), "--password=hunter2\n".to_owned()];
            }
            let line = line(&event, &|id| Some(format!("name-{}\u{7}", id.tgid)));
            assert!(!line.contains("hunter2") && !line.chars().any(char::is_control), "{line:?}");
            assert!(line.len() > 30, "{line:?}");
        }
    }
}
