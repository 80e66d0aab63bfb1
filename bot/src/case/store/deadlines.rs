//! Deadlines of cases, remembered: a list of cases does not say them, and a whole case is much to read for one time.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use jiff::Timestamp;

use super::CaseStore;
use super::State;
use super::StoreError;
use super::Summary;
use crate::case::CaseId;
use crate::case::Disposition;

/// How long a deadline is believed; a further notice of the case may bring another.
const BELIEVED: Duration = Duration::from_secs(3_600);

/// Cases remembered; beyond that all are forgotten, and read again as they are asked for.
const REMEMBERED_MAX: usize = 20_000;

/// What time may bring about for a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// When its reporter wants an answer; none for what accuses nobody.
    pub deadline: Option<Timestamp>,
    /// Whether it accuses one of our hosts.
    pub accuses: bool,
}

#[derive(Clone, Copy)]
struct Known {
    read: Instant,
    state: State,
    term: Term,
}

/// Deadlines of cases.
pub struct Deadlines {
    store: Arc<dyn CaseStore>,
    known: Mutex<HashMap<CaseId, Known>>,
}

impl Deadlines {
    /// Of a store's cases.
    pub fn new(store: Arc<dyn CaseStore>) -> Self {
        Self { store, known: Mutex::default() }
    }

    /// A listed case's term; none where the case is gone.
    pub async fn of(&self, summary: &Summary) -> Result<Option<Term>, StoreError> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&summary.case).copied();
        if let Some(known) = known.filter(|it| it.state == summary.state && it.read.elapsed() < BELIEVED) {
            return Ok(Some(known.term));
        }
        let Some(record) = self.store.load(&summary.case).await? else { return Ok(None) };
        let accuses = record.disposition == Disposition::Claims;
        let term = Term { deadline: record.case.deadline.filter(|_| accuses), accuses };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        known.insert(summary.case.clone(), Known { read: Instant::now(), state: summary.state, term });
        Ok(Some(term))
    }
}
