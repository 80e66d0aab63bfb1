//! The queue between Slack's calls and the desk. Slack waits 3 s for a call to be acknowledged, so nothing is worked
//! on here; and it does not deliver again what was acknowledged, so each call is kept first, until the desk is done
//! with it. Calls of a bot that is gone are taken over. The queue is bounded; a full one is said to the person.

use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use tokio::sync::mpsc;

use super::forms;
use super::incoming::COMMAND_MAX;
use super::incoming::Incoming;
use crate::case::store::CallStore;
use crate::case::store::LeftCall;

/// What waits to be worked on.
const WAITING_MAX: usize = 64;

/// Calls remembered, so that one that Slack delivers again is worked on once.
const REMEMBERED_MAX: usize = 256;

/// Keeping a call may take so long; then it is worked on from memory alone, as an acknowledgement is due.
const KEEP_MAX: Duration = Duration::from_millis(1_500);

/// How often the store is told which calls are worked on here, and asked which are nobody's.
const ATTENDED_EVERY: Duration = Duration::from_secs(3);

/// A call that nobody told the store about for so long is nobody's.
const LEFT_AFTER: Duration = Duration::from_secs(12);

/// A call is taken over so often; then it is the call that ends bots.
const TRIES_MAX: u32 = 3;

/// What a call is acknowledged with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acknowledgement {
    /// Nothing more.
    Plain,
    /// A text for the person alone.
    Say(&'static str),
    /// What is wrong with a form: its field and why.
    Wrong(Vec<(&'static str, String)>),
}

impl Acknowledgement {
    /// What Slack is answered with, over whichever way the call came.
    pub fn payload(self) -> Option<Value> {
        match self {
            Self::Plain => None,
            Self::Say(text) => Some(json!({"response_type": "ephemeral", "text": text})),
            Self::Wrong(wrong) => {
                let errors: Map<String, Value> =
                    wrong.into_iter().map(|(field, why)| (field.to_owned(), json!(why))).collect();
                Some(json!({"response_action": "errors", "errors": errors}))
            }
        }
    }
}

/// The queues' exits.
pub struct Calls {
    /// What asks hosts or reads much.
    pub questions: mpsc::Receiver<Incoming>,
    /// What somebody pressed: it does not wait behind questions, since a form opens only within 3 s.
    pub presses: mpsc::Receiver<Incoming>,
}

/// The queues' entrance.
pub struct Inbox {
    questions: mpsc::Sender<Incoming>,
    presses: mpsc::Sender<Incoming>,
    seen: Mutex<VecDeque<String>>,
    store: Arc<dyn CallStore>,
    /// Names of kept calls that wait or are worked on here.
    open: Mutex<BTreeSet<String>>,
}

impl Inbox {
    /// Empty queues and their exits.
    pub fn new(store: Arc<dyn CallStore>) -> (Self, Calls) {
        let (questions, questions_exit) = mpsc::channel(WAITING_MAX);
        let (presses, presses_exit) = mpsc::channel(WAITING_MAX);
        let inbox = Self { questions, presses, seen: Mutex::default(), store, open: Mutex::default() };
        (inbox, Calls { questions: questions_exit, presses: presses_exit })
    }

    fn queue(&self, incoming: &Incoming) -> &mpsc::Sender<Incoming> {
        if incoming.is_question() { &self.questions } else { &self.presses }
    }

    /// Takes a call in. Whatever it is acknowledged with, it is kept by then or not worked on.
    pub async fn take(&self, incoming: Incoming) -> Acknowledgement {
        if let Incoming::Form(form) = &incoming {
            let wrong = forms::wrong(form);
            if !wrong.is_empty() {
                return Acknowledgement::Wrong(wrong);
            }
        }
        let is_command = matches!(incoming, Incoming::Command(_));
        let say = |text| if is_command { Acknowledgement::Say(text) } else { Acknowledgement::Plain };
        if let Incoming::Command(asked) = &incoming
            && asked.text.len() > COMMAND_MAX
        {
            return say("That is too long for a command; /gumshoe help shows examples.");
        }
        let key = incoming.key();
        if self.is_again(&key) {
            return say("One moment.");
        }
        let Ok(place) = self.queue(&incoming).try_reserve() else {
            // Pressed again, it is to be let in.
            self.seen().retain(|known| *known != key);
            tracing::warn!("a call of Slack is dropped: too many wait");
            // The form stays open, with all that was typed into it.
            if matches!(incoming, Incoming::Form(_)) {
                let why = "Too many calls are waiting; please send it again in a minute.".to_owned();
                return Acknowledgement::Wrong(vec![(forms::BODY, why)]);
            }
            return say("Too many questions are waiting; please try again in a minute.");
        };
        if self.is_anew(&key, &incoming).await {
            place.send(incoming);
        }
        say("One moment.")
    }

    /// Tells the store which calls are worked on here, and takes over those of bots that are gone, forever.
    pub async fn attend(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(ATTENDED_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.attend_once(LEFT_AFTER).await;
        }
    }

    /// Forgets a call that was worked on.
    pub async fn end(&self, key: &str) {
        if !self.open().remove(key) {
            return;
        }
        if let Err(error) = self.store.end_call(key).await {
            tracing::warn!(error = %error, "a call that was worked on is still kept, and will be worked on again");
        }
    }

    async fn attend_once(&self, left_after: Duration) {
        let open: Vec<String> = self.open().iter().cloned().collect();
        if !open.is_empty()
            && let Err(error) = self.store.renew_calls(&open).await
        {
            tracing::warn!(error = %error, "calls that are worked on cannot be renewed");
            return;
        }
        let Ok(before) = Timestamp::now().checked_sub(left_after) else { return };
        match self.store.take_over_calls(before).await {
            Ok(left) => {
                for call in left {
                    self.take_over(call).await;
                }
            }
            Err(error) => {
                tracing::warn!(error = %error, "calls of bots that are gone cannot be looked for");
            }
        }
    }

    async fn take_over(&self, left: LeftCall) {
        let incoming = serde_json::from_str::<Incoming>(&left.call);
        let (Ok(incoming), true) = (incoming, left.tries <= TRIES_MAX) else {
            tracing::error!(call = left.name, tries = left.tries, "a call of Slack is given up");
            self.open().insert(left.name.clone());
            return self.end(&left.name).await;
        };
        // Where the queue is full it stays kept, and is taken over once more.
        let Ok(place) = self.queue(&incoming).try_reserve() else { return };
        tracing::warn!(call = left.name, "a call of Slack is taken over");
        self.open().insert(left.name);
        place.send(incoming);
    }

    /// Keeps a call; says whether no other bot has it.
    async fn is_anew(&self, key: &str, incoming: &Incoming) -> bool {
        let Ok(call) = serde_json::to_string(incoming) else { return true };
        if key.is_empty() {
            return true;
        }
        match tokio::time::timeout(KEEP_MAX, self.store.keep_call(key, &call)).await {
            Ok(Ok(false)) => false,
            Ok(Ok(true)) => {
                self.open().insert(key.to_owned());
                true
            }
            Ok(Err(error)) => {
                tracing::warn!(error = %error, "a call of Slack is not kept; it is lost if this bot ends now");
                true
            }
            Err(_) => {
                tracing::warn!("a call of Slack is not kept in time; it is lost if this bot ends now");
                // It may have been written all the same.
                self.open().insert(key.to_owned());
                true
            }
        }
    }

    /// Whether Slack delivered this call before.
    fn is_again(&self, key: &str) -> bool {
        if key.is_empty() {
            return false;
        }
        let mut seen = self.seen();
        if seen.iter().any(|known| known == key) {
            return true;
        }
        if seen.len() == REMEMBERED_MAX {
            seen.pop_front();
        }
        seen.push_back(key.to_owned());
        false
    }

    fn seen(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::store::SqliteStore;
    use crate::slack::incoming::Asked;
    use crate::slack::incoming::Form;

    fn command(trigger: &str) -> Asked {
        Asked {
            text: "help".to_owned(),
            user: "U1".to_owned(),
            channel: "C1".to_owned(),
            response_url: "https://example.com/".to_owned(),
            trigger: trigger.to_owned(),
        }
    }

    fn asked(trigger: &str) -> Incoming {
        Incoming::Command(command(trigger))
    }

    fn both(folder: &tempfile::TempDir) -> (Inbox, Calls) {
        Inbox::new(Arc::new(SqliteStore::open(&folder.path().join("cases.sqlite")).expect("opened")))
    }

    fn inbox(folder: &tempfile::TempDir) -> (Inbox, mpsc::Receiver<Incoming>) {
        let (inbox, calls) = both(folder);
        (inbox, calls.questions)
    }

    #[tokio::test]
    async fn a_redelivery_is_acknowledged_and_not_worked_on_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let ((inbox, mut exit), (other, mut others_exit)) = (inbox(&folder), inbox(&folder));
        for inbox in [&inbox, &inbox, &other] {
            assert_eq!(inbox.take(asked("a")).await, Acknowledgement::Say("One moment."));
        }
        assert_eq!(exit.try_recv(), Ok(asked("a")));
        assert!(exit.try_recv().is_err());
        assert!(others_exit.try_recv().is_err(), "two bots work on one call");
    }

    #[tokio::test]
    async fn a_full_queue_is_said_and_the_call_may_come_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let (inbox, mut exit) = inbox(&folder);
        for number in 0..WAITING_MAX {
            inbox.take(asked(&number.to_string())).await;
        }
        let Acknowledgement::Say(said) = inbox.take(asked("late")).await else { panic!("nothing said") };
        assert!(said.contains("Too many"), "{said}");
        assert!(exit.try_recv().is_ok());
        assert_eq!(inbox.take(asked("late")).await, Acknowledgement::Say("One moment."));
    }

    #[tokio::test]
    async fn a_full_queue_keeps_a_form_open_and_holds_up_no_button() {
        let folder = tempfile::tempdir().expect("a folder");
        let (inbox, mut calls) = both(&folder);
        for number in 0..WAITING_MAX {
            inbox.take(asked(&number.to_string())).await;
        }
        let form = |name: &str, id: &str| {
            Incoming::Form(Form {
                user: "U1".to_owned(),
                name: name.to_owned(),
                about: "GS-1/0".to_owned(),
                fields: [(forms::BODY.to_owned(), "typed for an hour".to_owned())].into(),
                id: id.to_owned(),
            })
        };
        let Acknowledgement::Wrong(wrong) = inbox.take(form(forms::NOTICE, "V1")).await else {
            panic!("the form is closed, and its text gone")
        };
        assert!(wrong[0].0 == forms::BODY && wrong[0].1.contains("send it again"), "{wrong:?}");
        assert_eq!(inbox.take(form(forms::REPLY, "V2")).await, Acknowledgement::Plain);
        assert_eq!(calls.presses.try_recv(), Ok(form(forms::REPLY, "V2")));
        let notice = Incoming::Command(Asked { text: "notice".to_owned(), ..command("opens a form") });
        assert_eq!(inbox.take(notice.clone()).await, Acknowledgement::Say("One moment."));
        assert_eq!(calls.presses.try_recv(), Ok(notice));
        // Once there is room, the same form goes through.
        assert!(calls.questions.try_recv().is_ok());
        assert_eq!(inbox.take(form(forms::NOTICE, "V1")).await, Acknowledgement::Plain);
    }

    #[tokio::test]
    async fn the_call_of_a_bot_that_is_gone_is_taken_over_until_it_is_ended() {
        let folder = tempfile::tempdir().expect("a folder");
        let (first, gone) = inbox(&folder);
        first.take(asked("a")).await;
        drop((first, gone));

        let (second, mut exit) = inbox(&folder);
        second.attend_once(Duration::from_secs(60)).await;
        assert!(exit.try_recv().is_err(), "it may be worked on still");
        tokio::time::sleep(Duration::from_millis(5)).await;
        second.attend_once(Duration::ZERO).await;
        assert_eq!(exit.try_recv(), Ok(asked("a")));
        second.end("command a").await;

        let (third, mut exit) = inbox(&folder);
        tokio::time::sleep(Duration::from_millis(5)).await;
        third.attend_once(Duration::ZERO).await;
        assert!(exit.try_recv().is_err(), "it was worked on");
    }

    #[tokio::test]
    async fn a_call_that_ends_every_bot_is_given_up() {
        let folder = tempfile::tempdir().expect("a folder");
        inbox(&folder).0.take(asked("a")).await;
        let mut taken = 0;
        for _ in 0..TRIES_MAX + 3 {
            let (bot, mut exit) = inbox(&folder);
            tokio::time::sleep(Duration::from_millis(5)).await;
            bot.attend_once(Duration::ZERO).await;
            taken += u32::from(exit.try_recv().is_ok());
        }
        assert_eq!(taken, TRIES_MAX);
    }
}
