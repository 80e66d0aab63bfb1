//! "Was this you?": the question to a person, and what their answer means.
//!
//! One yes closes nothing, since it may come from whoever stole the session; it stands in the report under *why*. No,
//! and silence, are told to the responders.

use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;

use super::Desk;
use super::NotDone;
use super::Open;
use super::draw;
use super::draw::BUTTON;
use super::draw::plain;
use super::whom::whom;
use crate::case::Action;
use crate::case::Deed;
use crate::case::Deeds;
use crate::investigate::words;
use crate::report::Report;
use crate::slack::Message;
use crate::slack::incoming::Press;
use crate::untrusted::visible;

/// What can be answered: the button's name, its label, and what it says in the case.
pub(super) const ANSWERS: [(&str, &str, &str); 3] = [
    ("yes", "Yes, expected", "says: yes, that was me, and it was meant"),
    ("mistake", "Yes, by mistake", "says: yes, that was me, by mistake"),
    ("no", "No", "says: no, that was not me"),
];

impl Desk {
    /// Puts the question to whom the settings map the person or owner to.
    pub(super) async fn ask(&self, open: &Open, deed: &mut Deed) -> Result<String, NotDone> {
        let whom = whom(&open.report, &self.slack.people).map_err(NotDone)?;
        let asked = Timestamp::now();
        let message = question(&open.report, deed.round);
        let posted = self
            .workspace
            .direct(&whom.slack, &message)
            .await
            .map_err(|error| NotDone(format!("{} could not be asked: {error}", whom.known_as)))?;
        deed.kept = json!({
            "asked": whom.slack, "known_as": whom.known_as, "channel": posted.channel, "ts": posted.ts, "at": asked,
        });
        Ok(format!("had {} asked whether it was they", whom.known_as))
    }

    /// Takes an answer, from who was asked and nobody else.
    pub(super) async fn answered(&self, press: &Press, open: &Open, round: u32) {
        let Some(asked) = open.deeds().of(Action::Ask).find(|deed| deed.round == round && deed.is_done())
        else {
            return self.whisper(press, "That question is not open.").await;
        };
        if asked.kept["asked"] != press.user.as_str() {
            self.whisper(press, "Only who was asked can answer.").await;
            return;
        }
        let answer = ANSWERS.iter().find(|(name, _, _)| press.action == format!("{BUTTON}{name}"));
        let Some((name, label, _)) = answer else { return };
        let mut deed = Deed::begun(Action::Answer, round, &press.user, Timestamp::now());
        let text = format!(
            "{} says that this was not they. Treat their credentials as stolen until shown otherwise.",
            asked.kept["known_as"].as_str().unwrap_or("Who was asked")
        );
        deed.kept = json!({
            "answer": name, "known_as": asked.kept["known_as"], "call": self.slack.security, "text": text,
        });
        match self.deed(open, deed).await {
            Ok(_) => self.close_question(asked, &format!("You answered: {label}. Thank you.")).await,
            Err(known) => {
                let text = format!("This was answered at {}.", words::utc(known.at.into()));
                self.whisper(press, &text).await;
            }
        }
    }

    /// Tells the responders of a question that nobody answers, once.
    pub(super) async fn escalate_silence(&self, open: &Open, limit_s: u64) {
        let Some(asked) = Deeds(&open.deeds).open_question() else { return };
        let at = asked.kept["at"].as_str().and_then(|at| at.parse::<Timestamp>().ok()).unwrap_or(asked.at);
        let waited = Timestamp::now().duration_since(at).as_secs();
        if waited < i64::try_from(limit_s).unwrap_or(i64::MAX) {
            return;
        }
        let mut deed = Deed::begun(Action::Escalate, asked.round, super::OURSELVES, Timestamp::now());
        let text = format!(
            "{} did not answer; please find out in person.",
            asked.kept["known_as"].as_str().unwrap_or("Who was asked")
        );
        deed.kept = json!({"known_as": asked.kept["known_as"], "call": self.slack.security, "text": text});
        if self.deed(open, deed).await.is_ok() {
            self.close_question(
                asked,
                "This was passed on, since there was no answer. Please talk to the security team.",
            )
            .await;
        }
    }

    /// Takes the buttons away from a question that is over.
    async fn close_question(&self, asked: &Deed, text: &str) {
        let (Some(channel), Some(ts)) = (asked.kept["channel"].as_str(), asked.kept["ts"].as_str()) else {
            return;
        };
        let posted = crate::case::store::Posted { channel: channel.to_owned(), ts: ts.to_owned() };
        let blocks = vec![json!({"type": "section", "text": plain(text)})];
        let message = Message { case: crate::case::CaseId(String::new()), blocks, text: text.to_owned() };
        if let Err(error) = self.notifier.update(&posted, &message).await {
            tracing::warn!(error = %error, "an answered question keeps its buttons");
        }
    }
}

/// The question.
pub fn question(report: &Report, round: u32) -> Message {
    let when = report.facts.targets.as_ref().map(|targets| words::span(targets.first, targets.last));
    let mut told = vec![format!("What happened: {}", visible(&report.sentence, 600))];
    told.extend(when.map(|when| format!("When: {when}")));
    told.extend(report.facts.argv.as_ref().map(|argv| format!("Command: {}", argv.shown(300))));
    let buttons: Vec<Value> = ANSWERS
        .iter()
        .map(|(name, label, _)| {
            json!({"type": "button", "action_id": format!("{BUTTON}{name}"), "text": plain(label),
                   "value": draw::value(&report.case_id, round)})
        })
        .collect();
    let text = format!(
        "Was this you? Something on {} was reported as abuse.",
        report.facts.host.as_deref().unwrap_or("a host")
    );
    let blocks = vec![
        json!({"type": "header", "text": plain("Was this you?")}),
        json!({"type": "section", "text": plain("A program that ran under your name, or on a host of yours, was reported as abuse. An honest answer saves everybody time; a mistake is no drama.")}),
        json!({"type": "rich_text", "elements": [{"type": "rich_text_preformatted", "elements": [{"type": "text", "text": told.join("\n")}]}]}),
        json!({"type": "actions", "block_id": "gumshoe.question", "elements": buttons}),
        json!({"type": "context", "elements": [plain(&format!("{} · your answer and its time stand in the report", report.case_id.0))]}),
    ];
    Message { case: report.case_id.clone(), blocks, text: crate::untrusted::mrkdwn(&visible(&text, 300)) }
}
