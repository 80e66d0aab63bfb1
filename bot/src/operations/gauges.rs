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
use super::fleet::Tally;
use super::metrics;
use super::watch::Watch;
use crate::aws::Places;
use crate::case::store::CaseStore;
use crate::hosts::HostHistory;

/// How often gauges are logged.
const EVERY: Duration = Duration::from_secs(60);

/// Cases that are looked at, the newest.
const CASES_MAX: usize = 200;

/// Hosts that one survey asks.
pub const SURVEYED_MAX: usize = 500;

/// What is logged where no open case has a deadline, s: a year, so that there is always a number.
const NO_DEADLINE_S: i64 = 365 * 86_400;

/// What gauges are made from.
pub struct Gauges {
    watch: Watch,
    store: Arc<dyn CaseStore>,
    fleet: Mutex<Option<Tally>>,
}

impl Gauges {
    /// Begins with what the queue's watch and the store tell.
    pub fn new(watch: Watch, store: Arc<dyn CaseStore>) -> Self {
        Self { watch, store, fleet: Mutex::new(None) }
    }

    fn fleet(&self) -> Option<Tally> {
        *self.fleet.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Time to the nearest deadline that is still to come, of the newest cases, s.
    async fn deadline_s(&self, now: Timestamp) -> Option<i64> {
        let cases = self.store.list(false, CASES_MAX).await.unwrap_or_default();
        let mut nearest = None;
        for case in cases {
            let Ok(Some(record)) = self.store.load(&case.case).await else { continue };
            let left = record.case.deadline.map(|deadline| deadline.as_second() - now.as_second());
            let left = left.filter(|left| *left > 0);
            nearest = nearest.into_iter().chain(left).min();
        }
        nearest
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
            *self.fleet.lock().unwrap_or_else(PoisonError::into_inner) = Some(fleet.tally);
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
