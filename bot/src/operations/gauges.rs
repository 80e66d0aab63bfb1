//! What the bot knows of itself, gathered for its endpoint, and once a minute written to the log, from which CloudWatch
//! makes metrics: so the bot needs no right to write any.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::time::Instant;

use super::endpoint::Tells;
use super::fleet;
use super::fleet::Latest;
use super::fleet::Tally;
use super::metrics;
use super::watch::Watch;
use crate::aws::Places;
use crate::case::Deeds;
use crate::case::store::CaseStore;
use crate::case::store::Deadlines;
use crate::case::store::DeedStore;
use crate::hosts::HostHistory;

/// How often gauges are logged.
const EVERY: Duration = Duration::from_secs(60);

/// Cases whose times are told, the newest.
const CASES_MAX: usize = 200;

/// Cases among which the nearest deadline is looked for.
const DUE_MAX: usize = 5_000;

/// Hosts that one survey asks.
pub const SURVEYED_MAX: usize = 500;

/// What is logged where no open case has a deadline, s: a year, so that there is always a number.
const NO_DEADLINE_S: i64 = 365 * 86_400;

/// What gauges are made from.
pub struct Gauges {
    watch: Watch,
    store: Arc<dyn CaseStore>,
    deeds: Arc<dyn DeedStore>,
    deadlines: Deadlines,
    /// The nearest deadline of an open case, and when that was found out.
    nearest: Mutex<Option<(Instant, Option<Timestamp>)>>,
    fleet: Latest,
}

impl Gauges {
    /// Begins with what the queue's watch and the stores tell; surveys are shared.
    pub fn new(watch: Watch, store: Arc<dyn CaseStore>, deeds: Arc<dyn DeedStore>, fleet: Latest) -> Self {
        let deadlines = Deadlines::new(Arc::clone(&store));
        Self { watch, store, deeds, deadlines, nearest: Mutex::default(), fleet }
    }

    fn fleet(&self) -> Option<Tally> {
        self.fleet.tally()
    }

    /// Time to the nearest deadline that is still to come, of the cases that nobody answered or closed, s. However often
    /// it is asked for, it is looked for once a minute.
    async fn deadline_s(&self, now: Timestamp) -> Option<i64> {
        let known = *self.nearest.lock().unwrap_or_else(PoisonError::into_inner);
        let nearest = match known.filter(|(at, _)| at.elapsed() < EVERY) {
            Some((_, nearest)) => nearest,
            None => {
                let nearest = self.nearest(now).await;
                *self.nearest.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some((Instant::now(), nearest));
                nearest
            }
        };
        nearest.map(|deadline| deadline.as_second() - now.as_second()).filter(|left| *left > 0)
    }

    async fn nearest(&self, now: Timestamp) -> Option<Timestamp> {
        let mut due = Vec::new();
        for summary in self.store.list(false, DUE_MAX).await.unwrap_or_default() {
            let term = self.deadlines.of(&summary).await.ok().flatten();
            let deadline = term.and_then(|term| term.deadline).filter(|deadline| *deadline > now);
            due.extend(deadline.map(|deadline| (deadline, summary.case)));
        }
        due.sort();
        for (deadline, case) in due {
            // Where its deeds cannot be read, it counts as open.
            let deeds = self.deeds.deeds(&case).await.unwrap_or_default();
            if Deeds(&deeds).replied().is_none() && Deeds(&deeds).closed().is_none() {
                return Some(deadline);
            }
        }
        None
    }

    /// Logs the gauges for ever.
    pub async fn log_forever(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(EVERY);
        loop {
            ticks.tick().await;
            let deadline_nearest_s = self.deadline_s(Timestamp::now()).await.unwrap_or(NO_DEADLINE_S);
            let counts = self.watch.counts();
            match self.fleet() {
                Some(fleet) => tracing::info!(
                    target: "gumshoe::gauges",
                    deadline_nearest_s,
                    received = counts.received,
                    done = counts.deleted,
                    hosts_running = fleet.asked,
                    hosts_recorded = fleet.recorded,
                    hosts_losing = fleet.losing,
                    "gauges"
                ),
                None => tracing::info!(
                    target: "gumshoe::gauges",
                    deadline_nearest_s,
                    received = counts.received,
                    done = counts.deleted,
                    "gauges"
                ),
            }
        }
    }

    /// Asks a sample of the fleet for ever.
    pub async fn survey_forever(
        self: Arc<Self>,
        places: Places,
        hosts: Arc<dyn HostHistory>,
        at_once: usize,
        every: Duration,
    ) {
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let fleet = fleet::survey(&places, None, Arc::clone(&hosts), at_once, SURVEYED_MAX).await;
            for note in &fleet.notes {
                tracing::warn!(note, "survey of hosts");
            }
            self.fleet.set(Timestamp::now(), fleet.tally);
        }
    }
}

#[async_trait]
impl Tells for Gauges {
    fn ails(&self) -> Option<String> {
        self.watch.counts().ails(Instant::now())
    }

    async fn metrics(&self) -> String {
        let told = metrics::Told {
            counts: &self.watch.counts(),
            cases: &self.store.list(false, CASES_MAX).await.unwrap_or_default(),
            outcomes: &self.store.outcomes().await.unwrap_or_default(),
            fleet: self.fleet(),
            deadline_s: self.deadline_s(Timestamp::now()).await,
        };
        metrics::render(&told, Instant::now())
    }
}
