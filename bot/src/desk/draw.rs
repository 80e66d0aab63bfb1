//! How a case looks once people work on it: who has it, what was done, and the buttons that are offered. Pure.
//!
//! A button carries the case and the round of its action, nothing else; who may press it is decided when it is pressed.

use serde_json::Value;
use serde_json::json;

use super::OURSELVES;
use super::standing::Belief;
use super::standing::Standing;
use crate::case::About;
use crate::case::Action;
use crate::case::Case;
use crate::case::CaseId;
use crate::case::Deed;
use crate::case::Deeds;
use crate::case::Finding;
use crate::case::Verdict;
use crate::config::OFFERS;
use crate::config::Slack;
use crate::investigate::words;
use crate::pipeline::CaseFiles;
use crate::report;
use crate::report::Report;
use crate::slack::Message;
use crate::untrusted::visible;

/// Beginning of our buttons' names.
pub(super) const BUTTON: &str = "gumshoe.";

/// What was done that is shown in the message itself; everything is in the thread.
const SHOWN_MAX: usize = 7;

/// Longest outcome of a deed that is shown, characters.
const SAID_MAX: usize = 600;

/// How a case's message is drawn: with the buttons that the settings offer.
#[derive(Debug, Clone, Default)]
pub struct Drawing {
    offer: Vec<Action>,
}

impl Drawing {
    /// As the settings say; without buttons where they say nothing.
    pub fn new(slack: Option<&Slack>) -> Self {
        let actions = slack.and_then(|slack| slack.actions.as_ref());
        let offered = |action: &Action| {
            actions.is_some_and(|actions| actions.offer.iter().any(|name| name == action.name()))
        };
        Self { offer: OFFERS.into_iter().filter(offered).collect() }
    }

    /// A report with what people answered, and its message.
    pub async fn draw(
        &self,
        report: &Report,
        deeds: &[Deed],
        files: &CaseFiles,
        case: &Case,
    ) -> (Report, Vec<Value>) {
        let report = dressed(report, deeds);
        let blocks = self.blocks(&report, deeds, &Standing::read(files, case).await);
        (report, blocks)
    }

    /// The report's message, with what was done and what can be.
    pub fn blocks(&self, report: &Report, deeds: &[Deed], standing: &Standing) -> Vec<Value> {
        let mut below = Vec::new();
        below.extend(done(deeds));
        let buttons: Vec<Value> = self
            .offered(report, Deeds(deeds), standing.belief)
            .into_iter()
            .map(|action| button(&report.case_id, Deeds(deeds), action, report))
            .collect();
        if !buttons.is_empty() {
            below.push(json!({"type": "actions", "block_id": "gumshoe.actions", "elements": buttons}));
        }
        report::blocks_with(report, below)
    }

    /// What can be done now.
    pub(super) fn offered(&self, report: &Report, deeds: Deeds<'_>, belief: Belief) -> Vec<Action> {
        let fits = |action: Action| {
            let undone =
                |standing: Option<&Deed>| if standing.is_some() { undoing(action) } else { Some(action) };
            match action {
                Action::Take => undone(deeds.taken()),
                Action::NotAbuse => undone(deeds.closed()),
                Action::Isolate => undone(deeds.isolated()).filter(|_| report.facts.instance_id.is_some()),
                Action::Stop => undone(deeds.stopped()).filter(|_| process(report).is_some()),
                Action::Ask => {
                    Some(action).filter(|_| deeds.open_question().is_none() && is_about_somebody(report))
                }
                Action::Snapshot => Some(action).filter(|_| report.facts.instance_id.is_some()),
                Action::Reply => Some(action).filter(|_| deeds.replied().is_none()),
                other => Some(other),
            }
        };
        let allowed = |action: &Action| match belief {
            Belief::Refused => false,
            Belief::Unknown => matches!(
                action,
                Action::Take | Action::Release | Action::NotAbuse | Action::Reopen | Action::Ask
            ),
            Belief::Proven => true,
        };
        self.offer.iter().copied().filter_map(fits).filter(allowed).collect()
    }
}

/// The process that the report names, by its identity; none where the verdict rests on none.
pub(super) fn process(report: &Report) -> Option<&str> {
    report.suspect().and_then(|suspect| suspect.process.as_ref()).map(|process| process.id.as_str())
}

fn is_about_somebody(report: &Report) -> bool {
    report.judgement.verdict != Verdict::NotThisHost
}

fn undoing(action: Action) -> Option<Action> {
    match action {
        Action::Take => Some(Action::Release),
        Action::NotAbuse => Some(Action::Reopen),
        Action::Isolate => Some(Action::Restore),
        Action::Stop => Some(Action::Continue),
        _ => None,
    }
}

/// What a button says, and what is asked before it is believed.
pub(super) fn label(action: Action) -> (&'static str, Option<&'static str>) {
    match action {
        Action::Take => ("Take case", None),
        Action::Release => ("Give back", None),
        Action::Ask => ("Ask the user", None),
        Action::NotAbuse => ("Not abuse", None),
        Action::Reopen => ("Open again", None),
        Action::Reply => ("Draft AWS reply", None),
        Action::Isolate => (
            "Isolate",
            Some(
                "Moves every network interface of the instance into the isolation group. What it serves goes down. Connections that stand may live on. Its own groups are kept and can be given back.",
            ),
        ),
        Action::Restore => {
            ("End isolation", Some("Gives the instance's interfaces their own security groups back."))
        }
        Action::Snapshot => (
            "Snapshot volumes",
            Some("Copies all volumes of the instance; the copies cost storage until they are deleted."),
        ),
        Action::Stop => (
            "Stop process",
            Some(
                "Sends SIGSTOP to the very process that the report names. It keeps its memory and files and can be continued.",
            ),
        ),
        Action::Continue => ("Continue process", Some("Sends SIGCONT to the process that was stopped.")),
        Action::Answer | Action::Escalate | Action::Remind | Action::Route => ("", None),
    }
}

fn button(case: &CaseId, deeds: Deeds<'_>, action: Action, report: &Report) -> Value {
    let (text, confirm) = label(action);
    let mut button = json!({
        "type": "button", "action_id": format!("{BUTTON}{}", action.name()), "text": plain(text),
        "value": value(case, deeds.round(action)),
    });
    if let Some(confirm) = confirm {
        let host = report.facts.host.as_deref().unwrap_or("the host");
        button["confirm"] = json!({
            "title": plain(&format!("{text}?")), "text": plain(&format!("{}: {confirm}", visible(host, 60))),
            "confirm": plain(text), "deny": plain("Cancel"), "style": "danger",
        });
    }
    match action {
        Action::Take => button["style"] = json!("primary"),
        Action::Isolate | Action::Stop => button["style"] = json!("danger"),
        _ => {}
    }
    button
}

/// What is drawn into a button.
pub(super) fn value(case: &CaseId, round: u32) -> String {
    format!("{}/{round}", case.0)
}

/// What was drawn into a button.
pub(super) fn read_value(value: &str) -> Option<(CaseId, u32)> {
    let (case, round) = value.split_once('/')?;
    let is_name = |text: &str| {
        text.len() <= 40
            && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-')
    };
    is_name(case).then(|| Some((CaseId(case.to_owned()), round.parse().ok()?))).flatten()
}

/// What stands of what was done.
fn done(deeds: &[Deed]) -> Option<Value> {
    let stands = Deeds(deeds);
    let lines = [
        stands.taken(),
        stands.closed(),
        stands.open_question().or(stands.heard()),
        stands.isolated(),
        stands.stopped(),
        stands.copied(),
        stands.replied(),
    ];
    let lines: Vec<Value> = lines
        .into_iter()
        .flatten()
        .take(SHOWN_MAX)
        .map(|deed| json!({"type": "rich_text_section", "elements": line(deed, 200)}))
        .collect();
    (!lines.is_empty()).then(|| {
        json!({"type": "rich_text", "elements": [{"type": "rich_text_list", "style": "bullet", "elements": lines}]})
    })
}

fn line(deed: &Deed, limit: usize) -> Vec<Value> {
    let text = format!(" {} · {}", visible(&deed.said, limit), words::utc(deed.at.into()));
    let mut elements = vec![who(&deed.by)];
    elements.push(json!({"type": "text", "text": text}));
    elements
}

/// A person of the workspace as an element that Slack shows with their name.
fn who(user: &str) -> Value {
    match user {
        OURSELVES => json!({"type": "text", "text": "Gumshoe"}),
        _ => json!({"type": "user", "user_id": user}),
    }
}

/// The line of a thread that tells a deed.
pub fn told(case: &CaseId, deed: &Deed) -> Message {
    let verb = if deed.is_done() { "" } else { " could not: " };
    let said = visible(&deed.said, SAID_MAX);
    let text = format!("{verb} {said} · {}", words::utc(deed.at.into()));
    let elements = json!([who(&deed.by), {"type": "text", "text": text.replace("  ", " ")}]);
    message(case, elements, &format!("{}: {}{said}", case.0, verb.trim_start()))
}

/// The line that tells a press by which nothing was done.
pub fn told_press(case: &CaseId, user: &str, what: &str, why: &str) -> Message {
    let text = format!(" pressed \u{201c}{}\u{201d}: {}", visible(what, 40), visible(why, 300));
    let elements = json!([who(user), {"type": "text", "text": text}]);
    message(case, elements, &format!("{}: a press by which nothing was done", case.0))
}

/// A line that calls somebody: a person or a user group.
pub fn calling(case: &CaseId, whom: Option<&str>, text: &str) -> Message {
    let text = visible(text, 900);
    let mut elements = Vec::new();
    if let Some(whom) = whom {
        elements.push(if whom.starts_with('S') {
            json!({"type": "usergroup", "usergroup_id": whom})
        } else {
            json!({"type": "user", "user_id": whom})
        });
        elements.push(json!({"type": "text", "text": " "}));
    }
    elements.push(json!({"type": "text", "text": text}));
    message(case, json!(elements), &format!("{}: {text}", case.0))
}

fn message(case: &CaseId, elements: Value, text: &str) -> Message {
    let blocks = vec![json!({
        "type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}],
    })];
    Message { case: case.clone(), blocks, text: crate::untrusted::mrkdwn(text) }
}

pub(super) fn plain(text: &str) -> Value {
    json!({"type": "plain_text", "text": text, "emoji": false})
}

/// The report with what who was asked answered, under *why*.
pub fn dressed(report: &Report, deeds: &[Deed]) -> Report {
    let mut report = report.clone();
    let host = report.facts.host.clone().unwrap_or_default();
    let answers = Deeds(deeds).of(Action::Answer);
    let silences = Deeds(deeds).of(Action::Escalate).filter(|deed| !deed.is_of_no());
    for deed in answers.chain(silences).filter(|deed| deed.is_done()) {
        let by = deed.kept["known_as"].as_str().unwrap_or("who was asked");
        let text = format!(
            "{} (asked in Slack): {} at {}",
            visible(by, 80),
            visible(&deed.said, 300),
            words::utc(deed.at.into())
        );
        let finding = Finding { about: About::Why, text, events: Vec::new(), host: host.clone() };
        if !report.judgement.findings.contains(&finding) {
            report.judgement.findings.push(finding);
        }
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_we_draw_into_buttons_is_read() {
        let case = CaseId("GS-20261121-7F3A".to_owned());
        assert_eq!(read_value(&value(&case, 3)), Some((case, 3)));
        for bad in [
            "",
            "GS-1",
            "../x/0",
            "GS-1/x",
            "GS-1/-1",
            "gs-1/0",
            "GS-1/0/0",
            &format!("{}/0", "A".repeat(50)),
        ] {
            assert_eq!(read_value(bad), None, "{bad}");
        }
    }
}
