//! What time alone brings about: reminders, questions that nobody answers, deeds whose doer was killed, and telling whom
//! a verdict concerns. Each is a deed with a name of its own, so that several bots do it once; what Slack did not take
//! is tried again.
//!
//! A case is opened only when something is due for it. What is due follows from its deadline and its deeds, which are
//! remembered; deeds of other bots are looked for every few minutes.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use jiff::SignedDuration;
use jiff::Timestamp;
use serde_json::json;

use super::DEED_MAX;
use super::Desk;
use super::OURSELVES;
use super::Open;
use super::perform::time_left;
use crate::case::Action;
use crate::case::CaseId;
use crate::case::Deed;
use crate::case::Deeds;
use crate::case::store::Deadlines;
use crate::case::store::State;
use crate::case::store::StoreError;
use crate::case::store::Summary;
use crate::config::Actions;

/// Cases that are listed in each round, the newest.
const NEWEST: usize = 200;

/// Cases that are listed now and then, so that no storm hides the older ones.
const ALL_MAX: usize = 20_000;

/// How often that is.
const ALL_EVERY: Duration = Duration::from_secs(300);

/// A case's deeds are read again after so long, though nothing seems due: another bot may have done some.
const DEEDS_BELIEVED: SignedDuration = SignedDuration::from_mins(5);

/// Older cases are let be.
const WATCHED_AGE: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Which cases are watched, and when each is to be looked at next.
pub struct CaseWatch {
    deadlines: Deadlines,
    cases: Mutex<HashMap<CaseId, Next>>,
    listed_all: Mutex<Option<Instant>>,
}

#[derive(Clone)]
struct Next {
    summary: Summary,
    look: Timestamp,
}

impl CaseWatch {
    /// Nothing is watched yet.
    pub fn new(deadlines: Deadlines) -> Self {
        Self { deadlines, cases: Mutex::default(), listed_all: Mutex::default() }
    }

    /// Has a case looked at in the next round, since its deeds changed.
    pub(super) fn changed(&self, case: &CaseId) {
        if let Some(next) = self.cases().get_mut(case) {
            next.look = Timestamp::MIN;
        }
    }

    /// Remembers what is listed; a case that got further is looked at anew.
    fn note(&self, listed: Vec<Summary>, now: Timestamp) {
        let mut cases = self.cases();
        let young = |opened: Timestamp| now.duration_since(opened) < WATCHED_AGE;
        for summary in listed.into_iter().filter(|one| one.state == State::Done && young(one.opened)) {
            let known = cases.get(&summary.case).is_some_and(|known| known.summary == summary);
            if !known && (cases.len() < ALL_MAX || cases.contains_key(&summary.case)) {
                cases.insert(summary.case.clone(), Next { summary, look: Timestamp::MIN });
            }
        }
        cases.retain(|_, next| young(next.summary.opened));
    }

    /// What is to be looked at, what was put off longest first.
    fn due(&self, now: Timestamp) -> Vec<Summary> {
        let mut due: Vec<Next> = self.cases().values().filter(|next| next.look <= now).cloned().collect();
        due.sort_by_key(|next| (next.look, next.summary.opened));
        due.into_iter().map(|next| next.summary).collect()
    }

    fn put_off(&self, case: &CaseId, until: Timestamp) {
        if let Some(next) = self.cases().get_mut(case) {
            next.look = until;
        }
    }

    fn cases(&self) -> MutexGuard<'_, HashMap<CaseId, Next>> {
        self.cases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether all cases are to be listed now.
    fn is_for_all(&self) -> bool {
        let mut listed = self.listed_all.lock().unwrap_or_else(PoisonError::into_inner);
        let is = listed.is_none_or(|at| at.elapsed() >= ALL_EVERY);
        if is {
            *listed = Some(Instant::now());
        }
        is
    }
}

/// When time brings what about for a case; none for what it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Due {
    route: Option<Timestamp>,
    no: Option<Timestamp>,
    silence: Option<Timestamp>,
    remind: Option<Timestamp>,
}

impl Due {
    fn of(deeds: Deeds<'_>, deadline: Option<Timestamp>, settings: &Actions) -> Self {
        let span = |s: u64| SignedDuration::from_secs(i64::try_from(s).unwrap_or(i64::MAX));
        let silence = deeds.open_question().and_then(|asked| {
            let at =
                asked.kept["at"].as_str().and_then(|at| at.parse::<Timestamp>().ok()).unwrap_or(asked.at);
            let over = at.saturating_add(span(settings.ask_timeout_s)).ok()?;
            Some(over.max(Deeds::next_try(deeds.escalations(asked.round, false))?))
        });
        let idle = deeds.taken().is_none() && deeds.closed().is_none() && deeds.replied().is_none();
        let remind = deadline.filter(|_| idle).and_then(|deadline| {
            let from = deadline.saturating_sub(span(settings.remind_before_s)).ok()?;
            Some(from.max(Deeds::next_try(deeds.of(Action::Remind))?))
        });
        Self {
            route: Deeds::next_try(deeds.of(Action::Route)),
            no: deeds
                .untold_no()
                .and_then(|answer| Deeds::next_try(deeds.escalations(answer.question(), true))),
            silence,
            remind,
        }
    }

    fn first(self) -> Option<Timestamp> {
        [self.route, self.no, self.silence, self.remind].into_iter().flatten().min()
    }
}

impl Desk {
    /// Watches until it is dropped.
    pub async fn watch(self: Arc<Self>) {
        let patience = self.slack.actions.clone().unwrap_or_default().ask_timeout_s;
        let mut ticks = tokio::time::interval(Duration::from_secs((patience / 4).clamp(1, 20)));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.take_over().await;
            self.look().await;
        }
    }

    /// Carries out what was begun by a bot that is gone.
    async fn take_over(&self) {
        let patience = DEED_MAX + Duration::from_secs(30);
        let Ok(before) = Timestamp::now().checked_sub(patience) else { return };
        let stale = match self.deeds.take_over(before).await {
            Ok(stale) => stale,
            Err(error) => {
                tracing::warn!(error = %error, "deeds of bots that are gone cannot be looked for");
                return;
            }
        };
        for (case, deed) in stale {
            tracing::warn!(case_id = case.0, action = deed.action.name(), "deed taken over");
            if let Ok(Some(open)) = self.open(&case).await {
                self.carry_out(&open, deed).await;
            }
        }
    }

    async fn look(&self) {
        let most = if self.watched.is_for_all() { ALL_MAX } else { NEWEST };
        let now = Timestamp::now();
        match self.store.list(false, most).await {
            Ok(cases) if cases.len() == ALL_MAX => {
                tracing::warn!(most, "there are more cases than are watched: the oldest are let be");
                self.watched.note(cases, now);
            }
            Ok(cases) => self.watched.note(cases, now),
            Err(error) => {
                tracing::warn!(error = %error, "cases cannot be listed; those that are known are watched")
            }
        }
        for summary in self.watched.due(now) {
            if let Err(error) = self.look_at(&summary, now).await {
                tracing::warn!(case_id = summary.case.0, error = %error, "a case cannot be watched now");
            }
        }
    }

    /// Does what is due for a case, and puts it off until the next thing is.
    async fn look_at(&self, summary: &Summary, now: Timestamp) -> Result<(), StoreError> {
        let settings = self.slack.actions.clone().unwrap_or_default();
        let later = now.saturating_add(DEEDS_BELIEVED).unwrap_or(Timestamp::MAX);
        // Before its deeds are read: one that is done meanwhile puts it forward again.
        self.watched.put_off(&summary.case, later);
        let term = self.watched.deadlines.of(summary).await?;
        let Some(term) = term.filter(|term| term.accuses) else { return Ok(()) };
        let deeds = self.deeds.deeds(&summary.case).await?;
        let first = Due::of(Deeds(&deeds), term.deadline, &settings).first();
        match first {
            Some(first) if first > now => self.watched.put_off(&summary.case, first.min(later)),
            Some(_) => {
                if let Some(open) = self.open(&summary.case).await? {
                    self.bring_about(&open, now, &settings).await;
                }
            }
            None => {}
        }
        Ok(())
    }

    async fn bring_about(&self, open: &Open, now: Timestamp, settings: &Actions) {
        let deadline = open.record.case.deadline;
        let due = Due::of(open.deeds(), deadline, settings);
        let is_due = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        if is_due(due.route) {
            self.route(open).await;
        }
        // Both are escalations, and each takes the next round: one at a time.
        if is_due(due.no) {
            self.tell_of_no(open).await;
        } else if is_due(due.silence) {
            self.tell_of_silence(open).await;
        }
        if is_due(due.remind) {
            let mut deed = Self::next(open, Action::Remind, OURSELVES);
            let text = format!("Nobody took this case; it is {}.", time_left(deadline, now));
            deed.kept = json!({"call": self.slack.security, "text": text});
            self.call_once(open, deed).await;
        }
    }

    /// A deed of ours that calls somebody; says whether it is done. That another bot began it is all right.
    pub(super) async fn call_once(&self, open: &Open, deed: Deed) -> bool {
        match self.deed(open, deed).await {
            Ok(deed) => {
                if !deed.is_done() {
                    tracing::error!(
                        case_id = open.case().0,
                        action = deed.action.name(),
                        round = deed.round,
                        why = deed.said,
                        "nobody was called; it is tried again"
                    );
                }
                deed.is_done()
            }
            Err(known) => {
                tracing::debug!(case_id = open.case().0, action = known.action.name(), "called before");
                false
            }
        }
    }

    /// Calls those whom the verdict concerns, as the playbook says.
    async fn route(&self, open: &Open) {
        let owner = super::whom::owner(&open.report, &self.slack.people);
        let (whom, text) = match (open.report.routing.as_str(), owner) {
            ("owner", Some(owner)) => (Some(owner.slack), format!("This concerns the {}.", owner.known_as)),
            ("owner", None) => (
                self.slack.security.clone(),
                "This concerns the host's owner, who is not in slack.people.".to_owned(),
            ),
            _ => (self.slack.security.clone(), "This concerns the security team.".to_owned()),
        };
        let mut deed = Self::next(open, Action::Route, OURSELVES);
        deed.kept = json!({"call": whom, "text": text});
        self.call_once(open, deed).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::DeedState;
    use crate::case::store::SqliteStore;

    fn time(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("time")
    }

    fn deed(action: Action, state: DeedState, second: i64) -> Deed {
        Deed { state, ..Deed::begun(action, 0, OURSELVES, time(second)) }
    }

    #[test]
    fn what_is_due_follows_from_deadline_and_deeds() {
        use DeedState::*;
        let settings = Actions { ask_timeout_s: 100, remind_before_s: 1_000, ..Actions::default() };
        let first = |deeds: &[Deed]| Due::of(Deeds(deeds), Some(time(10_000)), &settings).first();
        let mut deeds = Vec::new();
        assert_eq!(first(&deeds), Some(Timestamp::MIN), "whom it concerns is not told yet");
        deeds.push(deed(Action::Route, Done, 1));
        assert_eq!(first(&deeds), Some(time(9_000)), "the reminder");
        deeds.push(deed(Action::Ask, Done, 2));
        assert_eq!(first(&deeds), Some(time(102)), "the question");
        deeds.push(deed(Action::Escalate, Failed, 103));
        assert_eq!(first(&deeds), Some(time(108)), "tried again");
        deeds.push(Deed { round: 1, kept: json!({"question": 0}), ..deed(Action::Escalate, Done, 108) });
        assert_eq!(first(&deeds), Some(time(9_000)));
        deeds.push(deed(Action::Take, Done, 109));
        assert_eq!(first(&deeds), None, "somebody has it");
    }

    #[test]
    fn of_a_storm_no_case_is_forgotten_and_none_is_looked_at_before_its_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::open(&folder.path().join("cases.sqlite")).expect("opened");
        let watched = CaseWatch::new(Deadlines::new(Arc::new(store)));
        let summary = |number: i64, state| Summary {
            case: CaseId(format!("GS-{number}")),
            opened: time(number),
            state,
            reported: None,
            activity: None,
        };
        let all: Vec<Summary> = (0..1_000).map(|number| summary(number, State::Done)).collect();
        watched.note(all.clone(), time(1_000));
        assert_eq!(watched.due(time(1_000)).len(), 1_000);
        for one in &all {
            watched.put_off(&one.case, time(5_000));
        }
        // Only the newest are listed; the oldest is due all the same.
        watched.note(all[900..].to_vec(), time(2_000));
        assert!(watched.due(time(2_000)).is_empty());
        watched.changed(&all[3].case);
        assert_eq!(watched.due(time(2_000)), [all[3].clone()]);
        assert_eq!(watched.due(time(5_000)).len(), 1_000);
        // What is old is let be, and what is worked on still.
        watched.note(vec![summary(2_000_000, State::Asked)], time(14 * 86_400 + 500));
        assert_eq!(watched.due(time(14 * 86_400 + 500)).len(), 499);
    }
}
