//! The desk: what people do in Slack about cases, and what the bot does because of it.
//!
//! Owns that nothing on a host or in an account is changed unless somebody who may pressed a button for that case, that
//! each press is done once, written to the case before it is done, and told in its thread. Judges nothing, and knows
//! neither EC2 nor SSM: [`Hands`] do.

mod ask;
mod aws_hands;
mod draw;
mod guard;
mod hands;
mod letter;
mod perform;
mod press;
mod questions;
mod standing;
mod watch;
mod whom;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::sync::Semaphore;
use tokio::sync::mpsc;

pub use ask::question;
pub use ask::question_over;
pub use aws_hands::AwsHands;
pub use draw::Drawing;
pub use draw::calling;
pub use draw::dressed;
pub use draw::told;
pub use draw::told_press;
pub use guard::Guard;
pub use hands::Hands;
pub use hands::Interface;
pub use hands::NoHands;
pub use hands::NotDone;
pub use letter::Mailer;
pub use letter::NoMail;
pub use letter::SesMailer;
pub use letter::mail;
pub use letter::subject;
pub use letter::with_measures;
pub use press::ToldPresses;
pub use questions::Answer;
pub use questions::coverage;
pub use questions::found;
pub use questions::said;
pub use standing::Belief;
pub use standing::Standing;
pub use watch::CaseWatch;
pub use whom::Whom;
pub use whom::whom;

use crate::case::Action;
use crate::case::CaseId;
use crate::case::Deed;
use crate::case::DeedState;
use crate::case::Deeds;
use crate::case::store::Beginning;
use crate::case::store::CaseStore;
use crate::case::store::DeedStore;
use crate::case::store::Posted;
use crate::case::store::Record;
use crate::case::store::StoreError;
use crate::config::ReplyMail;
use crate::config::Slack;
use crate::operations::fleet::Latest;
use crate::pipeline;
use crate::pipeline::CaseFiles;
use crate::pipeline::Once;
use crate::pipeline::Pipeline;
use crate::report;
use crate::report::Report;
use crate::slack::Answers;
use crate::slack::Attachment;
use crate::slack::Calls;
use crate::slack::Inbox;
use crate::slack::Message;
use crate::slack::Notifier;
use crate::slack::Workspace;
use crate::slack::incoming::Incoming;

/// Questions worked on at once.
const QUESTIONS_AT_ONCE: usize = 8;

/// Presses worked on at once: apart, so that no slow question makes a button miss Slack's 3 s.
const PRESSES_AT_ONCE: usize = 8;

/// A report as JSON is never larger, bytes.
const REPORT_MAX: u64 = 64 << 20;

/// A deed may take so long; one that was begun longer ago is taken over.
const DEED_MAX: Duration = Duration::from_secs(240);

/// The name that the bot's own deeds bear.
const OURSELVES: &str = "gumshoe";

/// Everything that people's doings in Slack are worked on with.
pub struct Desk {
    /// Where cases are kept.
    pub store: Arc<dyn CaseStore>,
    /// Where deeds are kept.
    pub deeds: Arc<dyn DeedStore>,
    /// The cases' files.
    pub files: CaseFiles,
    /// How a question of a person is answered.
    pub once: Once,
    /// Where a pasted notice goes.
    pub pipeline: Arc<Pipeline>,
    /// Where reports are.
    pub notifier: Arc<dyn Notifier>,
    /// People, forms and home tabs.
    pub workspace: Arc<dyn Workspace>,
    /// Where answers to one person go.
    pub answers: Answers,
    /// What changes hosts and accounts.
    pub hands: Arc<dyn Hands>,
    /// What sends mails.
    pub mailer: Arc<dyn Mailer>,
    /// Who may.
    pub guard: Guard,
    /// How a case's message is drawn.
    pub drawing: Drawing,
    /// Settings of Slack.
    pub slack: Slack,
    /// Settings of answers by mail.
    pub reply: Option<ReplyMail>,
    /// What is known of the fleet.
    pub fleet: Latest,
    /// Which cases are watched.
    pub watched: CaseWatch,
    /// Presses that were told by which nothing was done.
    pub told_presses: ToldPresses,
    /// One message is drawn at a time, so that an older state is never drawn over a newer one.
    pub redrawing: Mutex<()>,
}

/// A case as the desk works on it.
struct Open {
    record: Record,
    report: Report,
    deeds: Vec<Deed>,
    standing: Standing,
}

impl Open {
    fn case(&self) -> &CaseId {
        &self.record.case.id
    }

    fn deeds(&self) -> Deeds<'_> {
        Deeds(&self.deeds)
    }
}

impl Desk {
    /// Works on calls as they come, and tells the inbox when each is done.
    pub async fn run(self: Arc<Self>, calls: Calls, inbox: Arc<Inbox>) {
        let questions = Arc::clone(&self).work_off(calls.questions, Arc::clone(&inbox), QUESTIONS_AT_ONCE);
        let presses = self.work_off(calls.presses, inbox, PRESSES_AT_ONCE);
        tokio::join!(questions, presses);
    }

    async fn work_off(
        self: Arc<Self>,
        mut calls: mpsc::Receiver<Incoming>,
        inbox: Arc<Inbox>,
        at_once: usize,
    ) {
        let permits = Arc::new(Semaphore::new(at_once));
        while let Some(call) = calls.recv().await {
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
            let (desk, inbox) = (Arc::clone(&self), Arc::clone(&inbox));
            tokio::spawn(async move {
                let _permit = permit;
                let key = call.key();
                desk.work(call).await;
                inbox.end(&key).await;
            });
        }
    }

    async fn work(&self, call: Incoming) {
        match call {
            Incoming::Command(asked) => self.command(&asked).await,
            Incoming::Press(press) => self.press(&press).await,
            Incoming::Form(form) => self.form(&form).await,
            Incoming::Home { user } => self.home(&user).await,
        }
    }

    /// A case with its report; none where there is none yet.
    async fn open(&self, case: &CaseId) -> Result<Option<Open>, StoreError> {
        let Some(record) = self.store.load(case).await? else { return Ok(None) };
        let bytes = self.files.read(case, "report.json", REPORT_MAX).await;
        let report = bytes.and_then(|bytes| serde_json::from_slice::<Report>(&bytes).ok());
        let Some(report) = report else { return Ok(None) };
        let deeds = self.deeds.deeds(case).await?;
        let standing = Standing::read(&self.files, &record.case).await;
        Ok(Some(Open { record, report, deeds, standing }))
    }

    /// Begins a deed and carries it out; says what stands where it was begun before.
    async fn deed(&self, open: &Open, mut deed: Deed) -> Result<Deed, Deed> {
        let case = open.case();
        match self.deeds.begin(case, &deed).await {
            Ok(Beginning::Ours) => {}
            Ok(Beginning::Known(known)) => return Err(*known),
            Ok(Beginning::Full) => {
                deed.state = DeedState::Failed;
                deed.said = "the case holds no more deeds".to_owned();
                return Err(deed);
            }
            Err(error) => {
                tracing::error!(case_id = case.0, error = %error, "deed not begun");
                deed.state = DeedState::Failed;
                deed.said = "it could not be written to the case, so it was not done".to_owned();
                return Err(deed);
            }
        }
        Ok(self.carry_out(open, deed).await)
    }

    /// Does what was begun, keeps and tells what came of it.
    async fn carry_out(&self, open: &Open, mut deed: Deed) -> Deed {
        let outcome = tokio::time::timeout(DEED_MAX, self.perform(open, &mut deed)).await;
        (deed.state, deed.said) = match outcome {
            Ok(Ok(said)) => (DeedState::Done, said),
            Ok(Err(NotDone(why))) => (DeedState::Failed, why),
            Err(_) => (DeedState::Failed, format!("it did not end within {} s", DEED_MAX.as_secs())),
        };
        let case = open.case();
        tracing::info!(case_id = case.0, action = deed.action.name(), round = deed.round, by = deed.by,
            state = ?deed.state, said = deed.said, "deed");
        if let Err(error) = self.deeds.keep(case, &deed).await {
            tracing::error!(case_id = case.0, error = %error, "what came of a deed is not kept; it is tried again");
        }
        self.watched.changed(case);
        // What the bot calls out by itself is its own line.
        if deed.by != OURSELVES {
            self.tell(open, told(case, &deed)).await;
        }
        self.redraw(case).await;
        deed
    }

    /// Adds a line to the case's thread. A line that is lost is in the case's deeds all the same.
    async fn tell(&self, open: &Open, message: Message) {
        let Some(posted) = &open.record.work.posted else { return };
        if let Err(error) = self.notifier.reply(posted, &message).await {
            tracing::error!(case_id = message.case.0, error = %error, "not told in the thread");
        }
    }

    /// Draws the case's message anew, from what is kept now.
    async fn redraw(&self, case: &CaseId) {
        if let Some((posted, page)) = self.redraw_message(case).await
            && let Err(error) = self.notifier.attach(&posted, &page).await
        {
            tracing::error!(case_id = case.0, error = %error, "the report with the answer is not in the thread");
        }
    }

    /// Draws the message; gives back the page for its thread where the report changed.
    async fn redraw_message(&self, case: &CaseId) -> Option<(Posted, Attachment)> {
        let _one = self.redrawing.lock().await;
        let open = match self.open(case).await {
            Ok(Some(open)) => open,
            Ok(None) => return None,
            Err(error) => {
                tracing::error!(case_id = case.0, error = %error, "the case's message is not drawn anew");
                return None;
            }
        };
        let posted = open.record.work.posted.as_ref()?;
        let report = dressed(&open.report, &open.deeds);
        let page = match report != open.report {
            true => Some(self.rewrite(case, &report).await),
            false => None,
        };
        let blocks = self.drawing.blocks(&report, &open.deeds, &open.standing);
        let message = Message { case: case.clone(), blocks, text: report::fallback_text(&report) };
        if let Err(error) = self.notifier.update(posted, &message).await {
            tracing::error!(case_id = case.0, error = %error, "the case's message is not drawn anew");
        }
        Some((posted.clone(), page?))
    }

    /// Writes the report's files with what was added to it; gives back its page.
    async fn rewrite(&self, case: &CaseId, report: &Report) -> Attachment {
        let html = report::html(report);
        let json = serde_json::to_vec_pretty(report);
        let json = json.map(|json| ("report.json", json));
        for (name, content) in json.into_iter().chain([("report.html", html.clone().into_bytes())]) {
            if let Err(error) = self.files.write(case, name, &content).await {
                tracing::error!(case_id = case.0, error = %error, "the report with the answer is not written");
            }
        }
        let title = format!("{}: full report, with what was answered", case.0);
        Attachment { title, ..pipeline::page(case, html) }
    }

    /// The next deed of an action, begun by somebody now.
    fn next(open: &Open, action: Action, by: &str) -> Deed {
        Deed::begun(action, open.deeds().round(action), by, Timestamp::now())
    }
}
