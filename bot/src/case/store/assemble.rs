//! What every store does alike: names for new cases, and a case put together from its notices. Pure.

use jiff::Timestamp;
use jiff::ToSpan;
use serde::Deserialize;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Admission;
use super::CLAIMS_MAX;
use super::StoreError;
use super::digest;
use crate::case::Case;
use crate::case::CaseId;
use crate::case::Claim;
use crate::case::Disposition;
use crate::case::NoticeRef;

/// Names tried for a new case: four digits first, then six.
const NAMES_TRIED: u32 = 96;

/// One notice of a case as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredNotice {
    /// The notice.
    pub notice: NoticeRef,
    /// What it claims.
    pub claims: Vec<Claim>,
    /// When its reporter wants an answer.
    pub deadline: Option<Timestamp>,
    /// What is to become of it.
    pub disposition: Disposition,
}

impl From<&Admission> for StoredNotice {
    fn from(admission: &Admission) -> Self {
        Self {
            notice: admission.notice.clone(),
            claims: admission.claims.clone(),
            deadline: admission.deadline,
            disposition: admission.disposition,
        }
    }
}

/// Names for a new case, to be tried in order; drawn from the notice so that a retry draws the same.
pub fn names(admission: &Admission) -> impl Iterator<Item = CaseId> {
    let day = admission.notice.received.strftime("%Y%m%d").to_string();
    (0..NAMES_TRIED).map(move |attempt| {
        let drawn = digest(format!("{} {attempt}", admission.notice.digest).as_bytes()).to_ascii_uppercase();
        let length = if attempt < NAMES_TRIED / 2 { 4 } else { 6 };
        CaseId(format!("GS-{day}-{}", &drawn[..length]))
    })
}

/// A case from its notices, in the order in which they came, and what is to become of it.
pub fn assemble(id: &CaseId, opened: Timestamp, notices: Vec<StoredNotice>) -> (Case, Disposition) {
    let mut case = Case { id: id.clone(), opened, notices: Vec::new(), claims: Vec::new(), deadline: None };
    let mut disposition = None;
    for stored in notices {
        add_claims(&mut case, stored.notice, stored.claims);
        case.deadline = [case.deadline, stored.deadline].into_iter().flatten().min();
        if disposition.is_none() || stored.disposition == Disposition::Claims {
            disposition = Some(stored.disposition);
        }
    }
    case.deadline = case.deadline.or_else(|| opened.checked_add(24.hours()).ok());
    (case, disposition.unwrap_or(Disposition::Unreadable))
}

/// Adds a notice to a case, and those of its claims that are new, within the bound.
fn add_claims(case: &mut Case, mut notice: NoticeRef, claims: Vec<Claim>) {
    let mut left_out = 0;
    for claim in claims {
        if case.claims.contains(&claim) {
            continue;
        }
        if case.claims.len() < CLAIMS_MAX {
            case.claims.push(claim);
        } else {
            left_out += 1;
        }
    }
    if left_out > 0 {
        notice
            .warnings
            .push(format!("{left_out} further accusations are not followed: a case holds {CLAIMS_MAX}"));
    }
    case.notices.push(notice);
}

/// Writes a value as JSON.
pub fn write<T: Serialize>(value: &T, what: &'static str) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|source| StoreError::Json { what, source })
}

/// Reads a value from JSON.
pub fn parse<T: DeserializeOwned>(text: &str, what: &'static str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|source| StoreError::Json { what, source })
}
