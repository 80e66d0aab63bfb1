//! What time alone brings about: reminders, questions that nobody answers, deeds whose doer was killed, and telling whom
//! a verdict concerns. Each is a deed with a name of its own, so that several bots do it once.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::Timestamp;
use serde_json::json;

use super::DEED_MAX;
use super::Desk;
use super::OURSELVES;
use super::Open;
use super::perform::time_left;
use crate::case::Action;
use crate::case::Deed;
use crate::case::Deeds;
use crate::case::Disposition;
use crate::case::store::State;

/// Cases looked at in one round, the newest.
const WATCHED_MAX: usize = 200;

/// Older cases are let be.
const WATCHED_AGE: SignedDuration = SignedDuration::from_hours(14 * 24);

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
        let cases = match self.store.list(false, WATCHED_MAX).await {
            Ok(cases) => cases,
            Err(error) => {
                tracing::warn!(error = %error, "cases cannot be watched");
                return;
            }
        };
        let now = Timestamp::now();
        let young = |opened: Timestamp| now.duration_since(opened) < WATCHED_AGE;
        for summary in cases.into_iter().filter(|one| one.state == State::Done && young(one.opened)) {
            if !self.deeds.deeds(&summary.case).await.is_ok_and(|deeds| may_matter(&deeds)) {
                continue;
            }
            if let Ok(Some(open)) = self.open_watched(&summary.case).await {
                self.look_at(&open, now).await;
            }
        }
    }

    async fn look_at(&self, open: &Open, now: Timestamp) {
        let settings = self.slack.actions.clone().unwrap_or_default();
        self.route(open).await;
        self.escalate_silence(open, settings.ask_timeout_s).await;
        let deeds = open.deeds();
        let Some(deadline) = open.record.case.deadline else { return };
        let idle = deeds.taken().is_none() && deeds.closed().is_none() && deeds.replied().is_none();
        let before = SignedDuration::from_secs(i64::try_from(settings.remind_before_s).unwrap_or(i64::MAX));
        if !idle || deadline.duration_since(now) > before || deeds.of(Action::Remind).next().is_some() {
            return;
        }
        let text = format!("Nobody took this case; it is {}.", time_left(Some(deadline), now));
        self.call_once(open, Action::Remind, self.slack.security.as_deref(), &text).await;
    }

    /// A deed of ours that calls somebody; that it was begun before is all right.
    async fn call_once(&self, open: &Open, action: Action, whom: Option<&str>, text: &str) {
        let mut deed = Deed::begun(action, 0, OURSELVES, Timestamp::now());
        deed.kept = json!({"call": whom, "text": text});
        if let Err(known) = self.deed(open, deed).await {
            tracing::debug!(case_id = open.case().0, action = known.action.name(), "called before");
        }
    }

    /// Calls those whom the verdict concerns, as the playbook says, once.
    async fn route(&self, open: &Open) {
        if open.deeds().of(Action::Route).next().is_some() {
            return;
        }
        let owner = super::whom::owner(&open.report, &self.slack.people);
        let (whom, text) = match (open.report.routing.as_str(), owner) {
            ("owner", Some(owner)) => (Some(owner.slack), format!("This concerns the {}.", owner.known_as)),
            ("owner", None) => (
                self.slack.security.clone(),
                "This concerns the host's owner, who is not in slack.people.".to_owned(),
            ),
            _ => (self.slack.security.clone(), "This concerns the security team.".to_owned()),
        };
        self.call_once(open, Action::Route, whom.as_deref(), &text).await;
    }

    /// A case whose deeds may matter to time; none for what accuses nobody.
    async fn open_watched(
        &self,
        case: &crate::case::CaseId,
    ) -> Result<Option<Open>, crate::case::store::StoreError> {
        let open = self.open(case).await?;
        Ok(open.filter(|open| open.record.disposition == Disposition::Claims))
    }
}

/// Whether time may bring anything about for a case with these deeds; a cheap look before it is opened.
fn may_matter(deeds: &[Deed]) -> bool {
    let deeds = Deeds(deeds);
    let done = |action: Action| deeds.of(action).next().is_some();
    let idle = deeds.taken().is_none() && deeds.closed().is_none() && deeds.replied().is_none();
    !done(Action::Route) || deeds.open_question().is_some() || (idle && !done(Action::Remind))
}
