//! Where deeds are kept: beside their case, each written once under its name.
//!
//! Apart from [`super::CaseStore`], because people press buttons while nobody holds the case's lease.

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::OptionalExtension;
use rusqlite::Transaction;
use rusqlite::params;

use super::SqliteStore;
use super::StoreError;
use super::assemble::parse;
use super::assemble::write;
use super::sqlite::Statements;
use super::sqlite::count;
use super::sqlite::database;
use super::sqlite::rows;
use crate::case::CaseId;
use crate::case::Deed;
use crate::case::DeedState;

/// Deeds of one case; no case of people pressing buttons has so many.
pub const DEEDS_MAX: usize = 100;

/// The table of deeds.
pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS deeds (
    case_id TEXT NOT NULL,
    action TEXT NOT NULL,
    round INTEGER NOT NULL,
    begun INTEGER NOT NULL,
    worked INTEGER NOT NULL,
    state TEXT NOT NULL,
    deed TEXT NOT NULL,
    PRIMARY KEY (case_id, action, round)
) STRICT;
CREATE INDEX IF NOT EXISTS deeds_begun ON deeds (worked) WHERE state = 'begun';
";

/// What became of beginning a deed.
#[derive(Debug, Clone, PartialEq)]
pub enum Beginning {
    /// It is the caller's to do.
    Ours,
    /// It was begun before, by this press or another.
    Known(Box<Deed>),
    /// The case holds no more.
    Full,
}

/// Where deeds are kept.
#[async_trait]
pub trait DeedStore: Send + Sync {
    /// Writes a deed unless one of its name is there.
    async fn begin(&self, case: &CaseId, deed: &Deed) -> Result<Beginning, StoreError>;

    /// Writes what came of it, or what undoing it needs.
    async fn keep(&self, case: &CaseId, deed: &Deed) -> Result<(), StoreError>;

    /// A case's deeds, oldest first.
    async fn deeds(&self, case: &CaseId) -> Result<Vec<Deed>, StoreError>;

    /// Takes over deeds that were begun and not worked on since a time: who began them is gone.
    async fn take_over(&self, before: Timestamp) -> Result<Vec<(CaseId, Deed)>, StoreError>;
}

#[async_trait]
impl DeedStore for SqliteStore {
    async fn begin(&self, case: &CaseId, deed: &Deed) -> Result<Beginning, StoreError> {
        let (case, deed) = (case.clone(), deed.clone());
        self.run("begin a deed", move |transaction| begin(transaction, &case, &deed)).await
    }

    async fn keep(&self, case: &CaseId, deed: &Deed) -> Result<(), StoreError> {
        let (case, deed) = (case.clone(), deed.clone());
        self.run("keep a deed", move |transaction| {
            let now = Timestamp::now().as_millisecond();
            transaction
                .change(
                    "UPDATE deeds SET state = ?4, deed = ?5, worked = ?6
                     WHERE case_id = ?1 AND action = ?2 AND round = ?3",
                    params![
                        case.0,
                        deed.action.name(),
                        deed.round,
                        state(deed.state),
                        write(&deed, "a deed")?,
                        now
                    ],
                )
                .map_err(database("keep a deed"))?;
            Ok(())
        })
        .await
    }

    async fn deeds(&self, case: &CaseId) -> Result<Vec<Deed>, StoreError> {
        let case = case.clone();
        self.run("read a case's deeds", move |transaction| {
            let sql = "SELECT deed FROM deeds WHERE case_id = ?1 ORDER BY begun, rowid";
            rows(transaction, "read a case's deeds", sql, params![case.0], |row| row.get::<_, String>(0))?
                .iter()
                .map(|deed| parse(deed, "a deed"))
                .collect()
        })
        .await
    }

    async fn take_over(&self, before: Timestamp) -> Result<Vec<(CaseId, Deed)>, StoreError> {
        self.run("take over deeds", move |transaction| {
            let sql = "UPDATE deeds SET worked = ?2 WHERE state = 'begun' AND worked < ?1
                       RETURNING case_id, deed";
            let now = Timestamp::now().as_millisecond();
            let found =
                rows(transaction, "take over deeds", sql, params![before.as_millisecond(), now], |row| {
                    Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
                })?;
            found.into_iter().map(|(case, deed)| Ok((CaseId(case), parse(&deed, "a deed")?))).collect()
        })
        .await
    }
}

fn begin(transaction: &Transaction<'_>, case: &CaseId, deed: &Deed) -> Result<Beginning, StoreError> {
    let doing = database("begin a deed");
    let (action, at) = (deed.action.name(), deed.at.as_millisecond());
    let added = transaction
        .change(
            "INSERT OR IGNORE INTO deeds (case_id, action, round, begun, worked, state, deed)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE (SELECT count(*) FROM deeds WHERE case_id = ?1) < ?8",
            params![
                case.0,
                action,
                deed.round,
                at,
                Timestamp::now().as_millisecond(),
                state(deed.state),
                write(deed, "a deed")?,
                count(DEEDS_MAX)
            ],
        )
        .map_err(&doing)?;
    if added == 1 {
        return Ok(Beginning::Ours);
    }
    let known: Option<String> = transaction
        .row(
            "SELECT deed FROM deeds WHERE case_id = ?1 AND action = ?2 AND round = ?3",
            params![case.0, action, deed.round],
            |row| row.get(0),
        )
        .optional()
        .map_err(&doing)?;
    match known {
        Some(known) => Ok(Beginning::Known(Box::new(parse(&known, "a deed")?))),
        None => Ok(Beginning::Full),
    }
}

fn state(state: DeedState) -> &'static str {
    match state {
        DeedState::Begun => "begun",
        DeedState::Done => "done",
        DeedState::Failed => "failed",
    }
}
