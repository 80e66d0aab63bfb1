//! A press and a form: who it was, whether they may, and whether it is still offered; then the deed.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::PoisonError;

use jiff::Timestamp;
use serde_json::json;

use super::Desk;
use super::Open;
use super::ask::ANSWERS;
use super::draw;
use super::draw::BUTTON;
use super::draw::read_value;
use super::letter;
use super::perform::time_left;
use super::standing::Belief;
use crate::case::Action;
use crate::case::CaseId;
use crate::case::Deed;
use crate::case::DeedState;
use crate::investigate::words;
use crate::slack::forms;
use crate::slack::forms::Draft;
use crate::slack::incoming::Form;
use crate::slack::incoming::Press;

/// Lines about one case's presses by which nothing was done.
const PRESSES_TOLD_MAX: u32 = 40;

/// Cases of which that is counted; beyond that counting begins anew.
const COUNTED_MAX: usize = 1_000;

/// How many presses by which nothing was done were told, by case.
#[derive(Debug, Default)]
pub struct ToldPresses(Mutex<HashMap<CaseId, u32>>);

impl ToldPresses {
    /// How many were told before this one.
    fn count(&self, case: &CaseId) -> u32 {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= COUNTED_MAX {
            counts.clear();
        }
        let count = counts.entry(case.clone()).or_default();
        *count = count.saturating_add(1);
        *count - 1
    }
}

impl Desk {
    pub(super) async fn press(&self, press: &Press) {
        let (Some(name), Some((case, round))) = (press.action.strip_prefix(BUTTON), read_value(&press.value))
        else {
            tracing::debug!(action = press.action, "a press of no button of ours");
            return;
        };
        let Some(open) = self.opened(press, &case).await else { return };
        if ANSWERS.iter().any(|(answer, _, _)| *answer == name) {
            return self.answered(press, &open, round).await;
        }
        let Some(action) = Action::named(name) else { return };
        let label = draw::label(action).0;
        if let Err(why) = self.may(&press.user).await {
            tracing::warn!(case_id = case.0, user = press.user, action = name, why, "press refused");
            self.whisper(press, &format!("That is not done: {why}.")).await;
            return self.tell_press(&open, press, label, &format!("refused, {why}")).await;
        }
        if let Some(settled) = open.deeds().of(action).find(|deed| deed.round == round) {
            self.whisper(press, &known(settled)).await;
            return self.tell_press(&open, press, label, "pressed before; nothing was done again").await;
        }
        let offered = self.drawing.offered(&open.report, open.deeds(), open.standing.belief);
        if !offered.contains(&action) || round != open.deeds().round(action) {
            self.whisper(press, "That button is out of date; the message shows what can be done now.").await;
            self.redraw(&case).await;
            return self.tell_press(&open, press, label, "out of date; nothing was done").await;
        }
        if action == Action::Reply {
            return self.draft(press, &open).await;
        }
        match self.deed(&open, Self::next(&open, action, &press.user)).await {
            Ok(deed) if deed.is_done() => {}
            Ok(deed) => self.whisper(press, &format!("That did not work: {}", deed.said)).await,
            Err(deed) => {
                self.whisper(press, &known(&deed)).await;
                self.tell_press(&open, press, label, "nothing was done: it was begun before").await;
            }
        }
    }

    /// Tells, in the case's thread, a press by which nothing was done; of very many only the first, and the log has all.
    pub(super) async fn tell_press(&self, open: &Open, press: &Press, what: &str, why: &str) {
        let case = open.case();
        tracing::info!(case_id = case.0, user = press.user, what, why, "press");
        match self.told_presses.count(case) {
            ..PRESSES_TOLD_MAX => self.tell(open, draw::told_press(case, &press.user, what, why)).await,
            PRESSES_TOLD_MAX => {
                let why = format!("{why}; further presses by which nothing is done are in the log only");
                self.tell(open, draw::told_press(case, &press.user, what, &why)).await;
            }
            _ => {}
        }
    }

    /// The case of a press; says so where there is none.
    async fn opened(&self, press: &Press, case: &CaseId) -> Option<Open> {
        match self.open(case).await {
            Ok(Some(open)) => Some(open),
            Ok(None) => {
                self.whisper(press, "There is no report of that case.").await;
                None
            }
            Err(error) => {
                tracing::error!(case_id = case.0, error = %error, "press not worked on");
                self.whisper(press, "The case cannot be read now; please press again.").await;
                None
            }
        }
    }

    /// Whether somebody may press; else why not.
    pub(super) async fn may(&self, user: &str) -> Result<(), String> {
        match self.guard.lets(self.workspace.as_ref(), user).await {
            Ok(true) => Ok(()),
            Ok(false) => {
                Err("you are not among the people and groups that may (slack.actions in the settings)"
                    .to_owned())
            }
            Err(error) => Err(format!("whether you may cannot be told now: {error}")),
        }
    }

    /// Opens the form with the draft of an answer.
    async fn draft(&self, press: &Press, open: &Open) {
        let reply = open.standing.reply.as_ref().filter(|_| open.standing.belief == Belief::Proven);
        let to = letter::recipient(reply, self.reply.as_ref());
        let subject = letter::subject(open.standing.reply.as_ref());
        let form = forms::reply(&Draft {
            about: &press.value,
            to: to.as_ref().ok().copied(),
            why_not: to.as_ref().err().map_or("", String::as_str),
            subject: &crate::untrusted::Untrusted::new(&subject).shown(200),
            body: &letter::with_measures(&open.report.aws_reply, open.deeds()),
            left: &time_left(open.record.case.deadline, Timestamp::now()),
        });
        if let Err(error) = self.workspace.open(&press.trigger, &form).await {
            tracing::warn!(case_id = open.case().0, error = %error, "form not opened");
            self.whisper(press, "Slack did not open the form; please press again.").await;
            return self.tell_press(open, press, "Draft AWS reply", "the form did not open").await;
        }
        self.tell_press(open, press, "Draft AWS reply", "the draft was opened; nothing was sent").await;
    }

    pub(super) async fn form(&self, form: &Form) {
        match form.name.as_str() {
            forms::REPLY => self.reply_form(form).await,
            forms::NOTICE => self.notice_form(form).await,
            other => tracing::debug!(form = other, "a form that is none of ours"),
        }
    }

    async fn reply_form(&self, form: &Form) {
        let Some((case, round)) = read_value(&form.about) else { return };
        let Ok(Some(open)) = self.open(&case).await else {
            return self.hint(&form.user, "The case cannot be read now; please try again.").await;
        };
        if let Err(why) = self.may(&form.user).await {
            tracing::warn!(case_id = case.0, user = form.user, why, "form refused");
            self.tell(&open, draw::told_press(&case, &form.user, "Confirm", &format!("refused, {why}")))
                .await;
            return self.hint(&form.user, &format!("That is not done: {why}.")).await;
        }
        let offered = self.drawing.offered(&open.report, open.deeds(), open.standing.belief);
        if !offered.contains(&Action::Reply) || open.deeds().round(Action::Reply) != round {
            return self.hint(&form.user, "Somebody answered meanwhile; nothing was sent.").await;
        }
        let field = |name: &str| form.fields.get(name).cloned().unwrap_or_default();
        let mut deed = Self::next(&open, Action::Reply, &form.user);
        deed.kept = json!({"body": field(forms::BODY), "how": field(forms::HOW)});
        match self.deed(&open, deed).await {
            Ok(deed) if deed.is_done() => {}
            Ok(deed) => self.hint(&form.user, &format!("That did not work: {}", deed.said)).await,
            Err(deed) => self.hint(&form.user, &known(&deed)).await,
        }
    }

    /// Works on a notice that somebody pasted, as on any other.
    async fn notice_form(&self, form: &Form) {
        if let Err(why) = self.may(&form.user).await {
            return self.hint(&form.user, &format!("That is not done: {why}.")).await;
        }
        let text = forms::pasted(form);
        let said = match self.pipeline.handle(text.as_bytes(), Timestamp::now()).await {
            Ok(outcome) => outcome.said(),
            Err(error) => {
                tracing::error!(error = %error, "pasted notice not worked on");
                "That did not work; please try again. The log says why.".to_owned()
            }
        };
        self.hint(&form.user, &said).await;
    }

    /// Tells who pressed, and nobody else.
    pub(super) async fn whisper(&self, press: &Press, text: &str) {
        let text = crate::untrusted::mrkdwn(text);
        let said = match (&press.response_url, &press.channel) {
            (Some(url), _) => self.answers.answer(url, &text, &[]).await,
            (None, Some(channel)) => self.workspace.whisper(channel, &press.user, &text).await,
            (None, None) => return,
        };
        if let Err(error) = said {
            tracing::warn!(user = press.user, error = %error, "not told to who pressed");
        }
    }

    /// Tells who sent a form, in the case channel.
    async fn hint(&self, user: &str, text: &str) {
        let text = crate::untrusted::mrkdwn(text);
        if let Err(error) = self.workspace.whisper(&self.slack.channel, user, &text).await {
            tracing::warn!(user, error = %error, "not told to who sent the form");
        }
    }
}

/// What is said of a deed that was begun before.
fn known(deed: &Deed) -> String {
    let at = words::utc(deed.at.into());
    match deed.state {
        DeedState::Begun => format!("That is being done since {at}."),
        DeedState::Done => format!("That was done at {at}."),
        DeedState::Failed => format!("That did not work at {at}: {}", deed.said),
    }
}
