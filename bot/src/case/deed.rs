//! What people did about a case by pressing a button, and what the bot did by itself in their stead. Pure.
//!
//! A deed is named by its case, its action and its round: the round is drawn into the button, so that a second press
//! of one button, or a redelivery of it, names the very same deed and does nothing.

use jiff::SignedDuration;
use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

/// How often the bot tries what it does by itself and Slack did not take.
pub const TRIES_MAX: usize = 10;

/// Pause before the second try; each further one is twice as long, so that the tries last for more than an hour.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(5);

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

    /// Whether it is done, or under way: not to be begun again.
    pub fn stands(&self) -> bool {
        self.state != DeedState::Failed
    }

    /// For an answer and an escalation: the round of the question that it belongs to.
    pub fn question(&self) -> u32 {
        let kept = self.kept["question"].as_u64().and_then(|round| u32::try_from(round).ok());
        kept.unwrap_or(self.round)
    }

    /// For an escalation: whether it tells of a no, and not of silence.
    pub fn is_of_no(&self) -> bool {
        self.kept["because"] == "no"
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
        let over = self.answer_to(asked.round).is_some()
            || self.escalations(asked.round, false).any(|deed| deed.stands());
        (!over).then_some(asked)
    }

    /// What was answered to the question of a round.
    pub fn answer_to(self, question: u32) -> Option<&'a Deed> {
        self.of(Action::Answer).find(|deed| deed.stands() && deed.question() == question)
    }

    /// A no of which nobody was told.
    pub fn untold_no(self) -> Option<&'a Deed> {
        let is_no = |deed: &&Deed| deed.is_done() && deed.kept["answer"] == "no";
        let is_told =
            |deed: &Deed| self.escalations(deed.question(), true).any(|escalation| escalation.stands());
        self.of(Action::Answer).filter(is_no).find(|deed| !is_told(deed))
    }

    /// What the last question came to: the answer, or that there was none in time.
    pub fn heard(self) -> Option<&'a Deed> {
        let asked = self.of(Action::Ask).next_back()?;
        let answer = self.answer_to(asked.round).filter(|deed| deed.is_done());
        answer.or_else(|| self.escalations(asked.round, false).find(|deed| deed.is_done()))
    }

    /// Escalations of the question of a round, for a no or for silence.
    pub fn escalations(self, question: u32, of_no: bool) -> impl Iterator<Item = &'a Deed> {
        self.of(Action::Escalate).filter(move |deed| deed.question() == question && deed.is_of_no() == of_no)
    }

    /// When the bot may do by itself what these are tries of: none where it is done, under way, or failed for good.
    pub fn next_try(tries: impl Iterator<Item = &'a Deed>) -> Option<Timestamp> {
        let mut next = (0_u32, Timestamp::MIN);
        for deed in tries {
            if deed.stands() {
                return None;
            }
            let pause = FIRST_PAUSE.checked_mul(1 << next.0.min(20))?;
            next = (next.0 + 1, next.1.max(deed.at.checked_add(pause).ok()?));
        }
        ((next.0 as usize) < TRIES_MAX).then_some(next.1)
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
        use DeedState::*;
        let mut deeds = vec![deed(Action::Ask, 0, Done, 1)];
        assert!(Deeds(&deeds).open_question().is_some());
        deeds.push(deed(Action::Answer, 0, Failed, 2));
        deeds.push(deed(Action::Escalate, 0, Failed, 2));
        assert!(Deeds(&deeds).open_question().is_some(), "what failed ends no question");
        deeds
            .push(Deed { kept: json!({"question": 0, "answer": "yes"}), ..deed(Action::Answer, 1, Done, 3) });
        assert!(Deeds(&deeds).open_question().is_none());
        assert_eq!(Deeds(&deeds).heard().map(|deed| deed.round), Some(1));
        deeds.push(deed(Action::Ask, 1, Done, 4));
        assert!(Deeds(&deeds).open_question().is_some(), "another round");
        assert!(Deeds(&deeds).heard().is_none());
        let silence = json!({"question": 1, "because": "silence"});
        deeds.push(Deed { kept: silence, ..deed(Action::Escalate, 1, Begun, 5) });
        assert!(Deeds(&deeds).open_question().is_none(), "it is being passed on");
    }

    #[test]
    fn a_no_is_untold_until_the_responders_were_called() {
        use DeedState::*;
        let no = json!({"question": 0, "answer": "no"});
        let mut deeds = vec![
            deed(Action::Ask, 0, Done, 1),
            // That nobody answered was passed on before the answer came after all.
            Deed { kept: json!({"question": 0, "because": "silence"}), ..deed(Action::Escalate, 0, Done, 2) },
            Deed { kept: no, ..deed(Action::Answer, 0, Done, 3) },
        ];
        assert!(Deeds(&deeds).untold_no().is_some());
        let because = json!({"question": 0, "because": "no"});
        deeds.push(Deed { kept: because.clone(), ..deed(Action::Escalate, 1, Failed, 4) });
        assert!(Deeds(&deeds).untold_no().is_some());
        deeds.push(Deed { kept: because, ..deed(Action::Escalate, 2, Done, 9) });
        assert!(Deeds(&deeds).untold_no().is_none());
    }

    #[test]
    fn what_failed_is_tried_again_later_and_not_for_ever() {
        use DeedState::*;
        let mut tries = Vec::new();
        assert_eq!(Deeds::next_try(tries.iter()), Some(Timestamp::MIN), "never tried");
        tries.push(deed(Action::Remind, 0, Failed, 100));
        assert_eq!(Deeds::next_try(tries.iter()).map(Timestamp::as_second), Some(105));
        tries.push(deed(Action::Remind, 1, Failed, 105));
        assert_eq!(Deeds::next_try(tries.iter()).map(Timestamp::as_second), Some(115));
        for round in 2..TRIES_MAX {
            tries.push(deed(Action::Remind, round as u32, Failed, 200));
        }
        assert_eq!(Deeds::next_try(tries.iter()), None, "often enough");
        assert_eq!(Deeds::next_try([deed(Action::Remind, 0, Begun, 1)].iter()), None);
        assert_eq!(Deeds::next_try([deed(Action::Remind, 0, Done, 1)].iter()), None);
    }
}
