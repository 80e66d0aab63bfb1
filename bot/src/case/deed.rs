//! What people did about a case by pressing a button, and what the bot did by itself in their stead. Pure.
//!
//! A deed is named by its case, its action and its round: the round is drawn into the button, so that a second press
//! of one button, or a redelivery of it, names the very same deed and does nothing.

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

/// What can be done about a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Take the case: work on it is somebody's.
    Take,
    /// Give it back.
    Release,
    /// Ask the person or owner whether it was they.
    Ask,
    /// What who was asked says.
    Answer,
    /// Tell the responders that who was asked said no, or nothing.
    Escalate,
    /// Close it as no abuse.
    NotAbuse,
    /// Open it again.
    Reopen,
    /// Answer the reporter.
    Reply,
    /// Cut the instance off by swapping its security groups.
    Isolate,
    /// Give it its own groups back.
    Restore,
    /// Copy its volumes.
    Snapshot,
    /// Stop the process.
    Stop,
    /// Let it go on.
    Continue,
    /// Remind of the deadline.
    Remind,
    /// Tell those whom the verdict concerns.
    Route,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 15] = [
        Self::Take,
        Self::Release,
        Self::Ask,
        Self::Answer,
        Self::Escalate,
        Self::NotAbuse,
        Self::Reopen,
        Self::Reply,
        Self::Isolate,
        Self::Restore,
        Self::Snapshot,
        Self::Stop,
        Self::Continue,
        Self::Remind,
        Self::Route,
    ];

    /// Its name in the store, in settings and in buttons.
    pub fn name(self) -> &'static str {
        match self {
            Self::Take => "take",
            Self::Release => "release",
            Self::Ask => "ask",
            Self::Answer => "answer",
            Self::Escalate => "escalate",
            Self::NotAbuse => "not_abuse",
            Self::Reopen => "reopen",
            Self::Reply => "reply",
            Self::Isolate => "isolate",
            Self::Restore => "restore",
            Self::Snapshot => "snapshot",
            Self::Stop => "stop",
            Self::Continue => "continue",
            Self::Remind => "remind",
            Self::Route => "route",
        }
    }

    /// The action of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }
}

/// How far a deed got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeedState {
    /// It was begun; what came of it is not known yet.
    Begun,
    /// It is done.
    Done,
    /// It could not be done, or not wholly.
    Failed,
}

/// One deed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deed {
    /// What.
    pub action: Action,
    /// The how-manieth of its action in its case, from 0.
    pub round: u32,
    /// Slack's id of who pressed; `gumshoe` for what the bot does by itself.
    pub by: String,
    /// When it was begun.
    pub at: Timestamp,
    /// How far it got.
    pub state: DeedState,
    /// What came of it, in words.
    pub said: String,
    /// What undoing or going on with it needs.
    #[serde(default)]
    pub kept: Value,
}

impl Deed {
    /// A deed that begins now.
    pub fn begun(action: Action, round: u32, by: &str, at: Timestamp) -> Self {
        let (by, said) = (by.to_owned(), String::new());
        Self { action, round, by, at, state: DeedState::Begun, said, kept: Value::Null }
    }

    /// Whether it is done.
    pub fn is_done(&self) -> bool {
        self.state == DeedState::Done
    }
}

/// The deeds of one case, oldest first, and what they come to.
#[derive(Debug, Clone, Copy)]
pub struct Deeds<'a>(pub &'a [Deed]);

impl<'a> Deeds<'a> {
    /// The round that the next deed of an action has; one that is begun keeps its own.
    pub fn round(self, action: Action) -> u32 {
        let settled = self.of(action).filter(|deed| deed.state != DeedState::Begun).count();
        u32::try_from(settled).unwrap_or(u32::MAX)
    }

    /// Who works on it.
    pub fn taken(self) -> Option<&'a Deed> {
        self.standing(Action::Take, Action::Release)
    }

    /// Who closed it as no abuse.
    pub fn closed(self) -> Option<&'a Deed> {
        self.standing(Action::NotAbuse, Action::Reopen)
    }

    /// What cut the instance off, also in part: whatever was changed can be given back.
    pub fn isolated(self) -> Option<&'a Deed> {
        let last = self.of(Action::Isolate).rfind(|deed| !deed.kept.is_null())?;
        let restored = self.of(Action::Restore).any(|deed| deed.is_done() && deed.at >= last.at);
        (!restored).then_some(last)
    }

    /// What stopped the process.
    pub fn stopped(self) -> Option<&'a Deed> {
        self.standing(Action::Stop, Action::Continue)
    }

    /// The copy of the volumes.
    pub fn copied(self) -> Option<&'a Deed> {
        self.of(Action::Snapshot).rfind(|deed| deed.is_done())
    }

    /// The answer to the reporter.
    pub fn replied(self) -> Option<&'a Deed> {
        self.of(Action::Reply).rfind(|deed| deed.is_done())
    }

    /// The question that was put and has neither answer nor escalation.
    pub fn open_question(self) -> Option<&'a Deed> {
        let asked = self.of(Action::Ask).rfind(|deed| deed.is_done())?;
        let over = [Action::Answer, Action::Escalate]
            .into_iter()
            .any(|action| self.of(action).any(|deed| deed.round == asked.round));
        (!over).then_some(asked)
    }

    /// Deeds of one action, oldest first.
    pub fn of(self, action: Action) -> impl DoubleEndedIterator<Item = &'a Deed> {
        self.0.iter().filter(move |deed| deed.action == action)
    }

    fn standing(self, done: Action, undone: Action) -> Option<&'a Deed> {
        let last =
            self.0.iter().rfind(|deed| deed.is_done() && (deed.action == done || deed.action == undone))?;
        (last.action == done).then_some(last)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deed(action: Action, round: u32, state: DeedState, second: i64) -> Deed {
        let at = Timestamp::from_second(second).expect("time");
        Deed { state, ..Deed::begun(action, round, "U0000000001", at) }
    }

    #[test]
    fn every_action_is_known_by_its_name() {
        for action in Action::ALL {
            assert_eq!(Action::named(action.name()), Some(action));
            assert_eq!(json!(action), json!(action.name()));
        }
        assert_eq!(Action::named("format_disk"), None);
    }

    #[test]
    fn what_was_undone_does_not_stand() {
        use DeedState::*;
        let mut deeds = vec![deed(Action::Take, 0, Done, 1)];
        assert!(Deeds(&deeds).taken().is_some());
        deeds.push(deed(Action::Release, 0, Failed, 2));
        assert!(Deeds(&deeds).taken().is_some(), "a failed undoing undoes nothing");
        deeds.push(deed(Action::Release, 1, Done, 3));
        assert!(Deeds(&deeds).taken().is_none());
        assert_eq!(Deeds(&deeds).round(Action::Take), 1);
    }

    #[test]
    fn what_is_begun_keeps_its_round_and_what_failed_may_be_tried_again() {
        use DeedState::*;
        let begun = [deed(Action::Stop, 0, Begun, 1)];
        assert_eq!(Deeds(&begun).round(Action::Stop), 0);
        let failed = [deed(Action::Stop, 0, Failed, 1)];
        assert_eq!(Deeds(&failed).round(Action::Stop), 1);
    }

    #[test]
    fn an_isolation_that_failed_halfway_can_be_undone() {
        let mut half = deed(Action::Isolate, 0, DeedState::Failed, 1);
        half.kept = json!({"interfaces": []});
        let mut deeds = vec![half];
        assert!(Deeds(&deeds).isolated().is_some());
        deeds.push(deed(Action::Restore, 0, DeedState::Done, 2));
        assert!(Deeds(&deeds).isolated().is_none());
    }

    #[test]
    fn a_question_is_open_until_it_is_answered_or_escalated() {
        let mut deeds = vec![deed(Action::Ask, 0, DeedState::Done, 1)];
        assert!(Deeds(&deeds).open_question().is_some());
        deeds.push(deed(Action::Answer, 0, DeedState::Done, 2));
        assert!(Deeds(&deeds).open_question().is_none());
        deeds.push(deed(Action::Ask, 1, DeedState::Done, 3));
        assert!(Deeds(&deeds).open_question().is_some(), "another round");
    }
}
