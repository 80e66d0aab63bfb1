//! The queue between Slack's calls and the desk. Slack waits 3 s for a call to be acknowledged, so nothing is worked
//! on here. The queue is bounded; a full one is said to the person.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::PoisonError;

use tokio::sync::mpsc;

use super::forms;
use super::incoming::COMMAND_MAX;
use super::incoming::Incoming;

/// What waits to be worked on.
const WAITING_MAX: usize = 64;

/// Calls remembered, so that one that Slack delivers again is worked on once.
const REMEMBERED_MAX: usize = 256;

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

/// The queue's entrance.
pub struct Inbox {
    queue: mpsc::Sender<Incoming>,
    seen: Mutex<VecDeque<String>>,
}

impl Inbox {
    /// An empty queue and its exit.
    pub fn new() -> (Self, mpsc::Receiver<Incoming>) {
        let (queue, exit) = mpsc::channel(WAITING_MAX);
        (Self { queue, seen: Mutex::new(VecDeque::new()) }, exit)
    }

    /// Takes a call in.
    pub fn take(&self, incoming: Incoming) -> Acknowledgement {
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
        match self.queue.try_send(incoming) {
            Ok(()) => say("One moment."),
            Err(_) => {
                // Pressed again, it is to be let in.
                self.forget(&key);
                tracing::warn!("a call of Slack is dropped: too many wait");
                say("Too many questions are waiting; please try again in a minute.")
            }
        }
    }

    /// Whether Slack delivered this call before.
    fn is_again(&self, key: &str) -> bool {
        if key.is_empty() {
            return false;
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.iter().any(|known| known == key) {
            return true;
        }
        if seen.len() == REMEMBERED_MAX {
            seen.pop_front();
        }
        seen.push_back(key.to_owned());
        false
    }

    fn forget(&self, key: &str) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).retain(|known| known != key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slack::incoming::Asked;

    fn asked(trigger: &str) -> Incoming {
        Incoming::Command(Asked {
            text: "help".to_owned(),
            user: "U1".to_owned(),
            channel: "C1".to_owned(),
            response_url: "https://example.com/".to_owned(),
            trigger: trigger.to_owned(),
        })
    }

    #[test]
    fn a_redelivery_is_acknowledged_and_not_worked_on_again() {
        let (inbox, mut exit) = Inbox::new();
        assert_eq!(inbox.take(asked("a")), Acknowledgement::Say("One moment."));
        assert_eq!(inbox.take(asked("a")), Acknowledgement::Say("One moment."));
        assert!(exit.try_recv().is_ok());
        assert!(exit.try_recv().is_err());
    }

    #[test]
    fn a_full_queue_is_said_and_the_call_may_come_again() {
        let (inbox, mut exit) = Inbox::new();
        for number in 0..WAITING_MAX {
            inbox.take(asked(&number.to_string()));
        }
        let Acknowledgement::Say(said) = inbox.take(asked("late")) else { panic!("nothing said") };
        assert!(said.contains("Too many"), "{said}");
        assert!(exit.try_recv().is_ok());
        assert_eq!(inbox.take(asked("late")), Acknowledgement::Say("One moment."));
    }
}
