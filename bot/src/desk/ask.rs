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
use crate::case::CaseId;
use crate::case::Deed;
use crate::case::DeedState;
use crate::case::store::Posted;
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
    /// Puts the question to whom the settings map the person or owner to. That it is being put is kept first: who was
    /// asked is not asked again by whoever takes this over.
    pub(super) async fn ask(&self, open: &Open, deed: &mut Deed) -> Result<String, NotDone> {
        if deed.kept["sending"] == true {
            return Err(NotDone::because(
                "it was cut off while the question was sent: whether it arrived is not known. An answer to it counts; \
                 press again to ask once more",
            ));
        }
        let whom = whom(&open.report, &self.slack.people).map_err(NotDone)?;
        let asked = Timestamp::now();
        deed.kept = json!({"asked": whom.slack, "known_as": whom.known_as, "at": asked, "sending": true});
        let kept = self.deeds.keep(open.case(), deed).await;
        kept.map_err(|error| NotDone(format!("it could not be kept, so nobody was asked: {error}")))?;
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

    /// Takes an answer, from who was asked and nobody else. A question that perhaps arrived can be answered, too.
    pub(super) async fn answered(&self, press: &Press, open: &Open, round: u32) {
        let was_put = |deed: &&Deed| deed.round == round && deed.kept["asked"].is_string();
        let Some(asked) = open.deeds().of(Action::Ask).find(was_put) else {
            self.whisper(press, "That question is not open.").await;
            return self.tell_press(open, press, "answer", "that question is not open").await;
        };
        if asked.kept["asked"] != press.user.as_str() {
            self.whisper(press, "Only who was asked can answer.").await;
            return self.tell_press(open, press, "answer", "only who was asked can answer").await;
        }
        let answer = ANSWERS.iter().find(|(name, _, _)| press.action == format!("{BUTTON}{name}"));
        let Some((name, label, _)) = answer else { return };
        if let Some(known) = open.deeds().answer_to(round) {
            self.whisper(press, &answered_at(known)).await;
            return self.tell_press(open, press, label, "this was answered before").await;
        }
        let mut deed = Self::next(open, Action::Answer, &press.user);
        deed.kept = json!({"question": round, "answer": name, "known_as": asked.kept["known_as"]});
        match self.deed(open, deed).await {
            Ok(deed) if deed.is_done() => {
                let over = format!("You answered: {label}. Thank you.");
                self.close_question(asked, Some(press), &over).await;
                if *name == "no" {
                    self.escalate_no(open.case()).await;
                }
            }
            Ok(failed) | Err(failed) if failed.state == DeedState::Failed => {
                let text =
                    format!("Your answer is not kept: {}. Please press again in a minute.", failed.said);
                self.whisper(press, &text).await;
            }
            Ok(known) | Err(known) => self.whisper(press, &answered_at(&known)).await,
        }
    }

    /// Tells the responders of a no; what fails is tried again by the watch.
    async fn escalate_no(&self, case: &CaseId) {
        if let Ok(Some(open)) = self.open(case).await {
            self.tell_of_no(&open).await;
        }
    }

    /// Tells the responders of a no of which nobody told them.
    pub(super) async fn tell_of_no(&self, open: &Open) {
        let Some(answer) = open.deeds().untold_no() else { return };
        let text = format!(
            "{} says that this was not they. Treat their credentials as stolen until shown otherwise.",
            answer.kept["known_as"].as_str().unwrap_or("Who was asked")
        );
        let mut deed = Self::next(open, Action::Escalate, super::OURSELVES);
        deed.kept = json!({
            "question": answer.question(), "because": "no", "known_as": answer.kept["known_as"],
            "call": self.slack.security, "text": text,
        });
        self.call_once(open, deed).await;
    }

    /// Tells the responders of a question that nobody answers.
    pub(super) async fn tell_of_silence(&self, open: &Open) {
        let Some(asked) = open.deeds().open_question() else { return };
        let mut deed = Self::next(open, Action::Escalate, super::OURSELVES);
        let text = format!(
            "{} did not answer; please find out in person.",
            asked.kept["known_as"].as_str().unwrap_or("Who was asked")
        );
        deed.kept = json!({
            "question": asked.round, "because": "silence", "known_as": asked.kept["known_as"],
            "call": self.slack.security, "text": text,
        });
        if self.call_once(open, deed).await {
            let over = "This was passed on, since there was no answer. Please talk to the security team.";
            self.close_question(asked, None, over).await;
        }
    }

    /// Takes the buttons away from a question that is over: the one that was kept, or the one that was pressed.
    async fn close_question(&self, asked: &Deed, press: Option<&Press>, text: &str) {
        let kept = asked.kept["channel"].as_str().zip(asked.kept["ts"].as_str());
        let pressed = press.and_then(|press| press.channel.as_deref().zip(press.message.as_deref()));
        let Some((channel, ts)) = kept.or(pressed) else { return };
        let posted = Posted { channel: channel.to_owned(), ts: ts.to_owned() };
        if let Err(error) = self.notifier.update(&posted, &question_over(text)).await {
            tracing::warn!(error = %error, "an answered question keeps its buttons");
        }
    }
}

/// What stands in place of a question that is over.
pub fn question_over(text: &str) -> Message {
    let blocks = vec![json!({"type": "section", "text": plain(text)})];
    Message { case: CaseId(String::new()), blocks, text: text.to_owned() }
}

fn answered_at(known: &Deed) -> String {
    format!("This was answered at {}.", words::utc(known.at.into()))
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
