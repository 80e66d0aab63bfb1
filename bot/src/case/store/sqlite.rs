//! The store in one SQLite file: the default for a laptop, a test and a single machine.
//!
//! WAL with full synchronisation, so that what was saved survives a power cut; changes are made in immediate transactions,
//! so that several processes on one machine exclude each other, and those that wait are committed together (`commits`).
//! Not for network file systems.

mod answers;
mod commits;

use std::fs::DirBuilder;
use std::fs::OpenOptions;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::Transaction;
use rusqlite::params;

use super::Admission;
use super::Admitted;
use super::CaseStore;
use super::LAYOUTS_MAX;
use super::NOTICES_MAX;
use super::Novelty;
use super::OutcomeCount;
use super::Owner;
use super::Question;
use super::Record;
use super::StoreError;
use super::Summary;
use super::Work;
use super::assemble::StoredNotice;
use super::assemble::assemble;
use super::assemble::names;
use super::assemble::parse;
use super::assemble::write;
use crate::case::CaseId;
use answers::Decoded;
use commits::Commits;

/// Version 1. Times are milliseconds since 1970 UTC.
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS cases (
    id TEXT PRIMARY KEY,
    opened INTEGER NOT NULL,
    state TEXT NOT NULL,
    work TEXT NOT NULL,
    lease_owner TEXT,
    lease_until INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS cases_by_state ON cases (state, opened);
CREATE TABLE IF NOT EXISTS keys (key TEXT PRIMARY KEY, case_id TEXT NOT NULL REFERENCES cases) STRICT;
CREATE TABLE IF NOT EXISTS notices (
    case_id TEXT NOT NULL REFERENCES cases,
    digest TEXT NOT NULL,
    received INTEGER NOT NULL,
    notice TEXT NOT NULL,
    claims TEXT NOT NULL,
    deadline INTEGER,
    disposition TEXT NOT NULL,
    PRIMARY KEY (case_id, digest)
) STRICT;
CREATE TABLE IF NOT EXISTS questions (
    case_id TEXT NOT NULL REFERENCES cases,
    place INTEGER NOT NULL,
    question TEXT NOT NULL,
    PRIMARY KEY (case_id, place)
) STRICT;
CREATE TABLE IF NOT EXISTS outcomes (
    layout TEXT NOT NULL,
    outcome TEXT NOT NULL,
    count INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (layout, outcome)
) STRICT;
PRAGMA user_version = 1;
";

/// How long a call waits for another process's transaction.
const BUSY_WAIT: Duration = Duration::from_secs(10);

/// More than the statements there are: none is prepared twice.
const STATEMENTS: usize = 64;

/// Tries to open a file that another process is opening, and the pause between them.
const OPEN_TRIES: u32 = 40;
const OPEN_PAUSE: Duration = Duration::from_millis(50);

/// The store in one SQLite file.
#[derive(Clone)]
pub struct SqliteStore {
    commits: Commits,
    decoded: Arc<Decoded>,
}

impl SqliteStore {
    /// Opens the file, making it and its folder where they are missing.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        make_private(path).map_err(|source| StoreError::Open { path: path.to_owned(), source })?;
        let prepare = || {
            let connection = Connection::open(path)?;
            connection.busy_timeout(BUSY_WAIT)?;
            connection.set_prepared_statement_cache_capacity(STATEMENTS);
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.pragma_update(None, "foreign_keys", true)?;
            connection.execute_batch(SCHEMA)?;
            connection.execute_batch(super::calls::SCHEMA)?;
            connection.execute_batch(super::deeds::SCHEMA)?;
            Ok(connection)
        };
        // The first switch to WAL does not wait for another process that switches too.
        let mut tries = 1;
        let connection = loop {
            match prepare() {
                Err(error) if is_busy(&error) && tries < OPEN_TRIES => tries += 1,
                opened => break opened.map_err(database("open the file"))?,
            }
            std::thread::sleep(OPEN_PAUSE);
        };
        Ok(Self { commits: Commits::new(connection), decoded: Arc::default() })
    }

    /// Makes one change, whole or not at all, where blocking is allowed.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        doing: &'static str,
        act: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.commits.run(doing, act).await
    }
}

#[async_trait]
impl CaseStore for SqliteStore {
    async fn admit(&self, admission: &Admission) -> Result<Admitted, StoreError> {
        let admission = admission.clone();
        self.run("admit a notice", move |transaction| admit(transaction, &admission)).await
    }

    async fn lease(
        &self,
        case: &CaseId,
        owner: &Owner,
        length: Duration,
    ) -> Result<Option<Record>, StoreError> {
        let (case, owner, decoded) = (case.clone(), owner.clone(), Arc::clone(&self.decoded));
        self.run("lease a case", move |transaction| {
            let now = Timestamp::now().as_millisecond();
            let taken = transaction
                .change(
                    "UPDATE cases SET lease_owner = ?2, lease_until = ?3
                     WHERE id = ?1 AND (lease_owner IS NULL OR lease_owner = ?2 OR lease_until < ?4)",
                    params![case.0, owner.0, now + millis(length), now],
                )
                .map_err(database("lease a case"))?;
            let record =
                read(transaction, &case, &decoded)?.ok_or_else(|| StoreError::Missing(case.clone()))?;
            Ok((taken == 1).then_some(record))
        })
        .await
    }

    async fn renew(&self, case: &CaseId, owner: &Owner, length: Duration) -> Result<(), StoreError> {
        let (case, owner) = (case.clone(), owner.clone());
        self.run("renew a lease", move |transaction| {
            let until = Timestamp::now().as_millisecond() + millis(length);
            let changed = transaction
                .change(
                    "UPDATE cases SET lease_until = ?3 WHERE id = ?1 AND lease_owner = ?2",
                    params![case.0, owner.0, until],
                )
                .map_err(database("renew a lease"))?;
            held(changed, &case)
        })
        .await
    }

    async fn release(&self, case: &CaseId, owner: &Owner) -> Result<(), StoreError> {
        let (case, owner) = (case.clone(), owner.clone());
        self.run("release a lease", move |transaction| {
            transaction
                .change(
                    "UPDATE cases SET lease_owner = NULL, lease_until = 0 WHERE id = ?1 AND lease_owner = ?2",
                    params![case.0, owner.0],
                )
                .map_err(database("release a lease"))?;
            Ok(())
        })
        .await
    }

    async fn save(&self, case: &CaseId, owner: &Owner, work: &Work) -> Result<(), StoreError> {
        let (case, owner, work) = (case.clone(), owner.clone(), work.clone());
        self.run("save a case's work", move |transaction| {
            let changed = transaction
                .change(
                    "UPDATE cases SET state = ?3, work = ?4 WHERE id = ?1 AND lease_owner = ?2",
                    params![case.0, owner.0, work.state.to_string(), write(&work, "work")?],
                )
                .map_err(database("save a case's work"))?;
            held(changed, &case)
        })
        .await
    }

    async fn save_question(
        &self,
        case: &CaseId,
        owner: &Owner,
        place: usize,
        question: &Question,
    ) -> Result<(), StoreError> {
        let (case, owner, question) = (case.clone(), owner.clone(), write(question, "a question")?);
        self.run("save a question", move |transaction| {
            let changed = transaction
                .change(
                    "INSERT INTO questions (case_id, place, question)
                     SELECT id, ?3, ?4 FROM cases WHERE id = ?1 AND lease_owner = ?2
                     ON CONFLICT (case_id, place) DO UPDATE SET question = excluded.question",
                    params![case.0, owner.0, count(place), question],
                )
                .map_err(database("save a question"))?;
            held(changed, &case)
        })
        .await
    }

    async fn load(&self, case: &CaseId) -> Result<Option<Record>, StoreError> {
        let (case, decoded) = (case.clone(), Arc::clone(&self.decoded));
        self.run("load a case", move |transaction| read(transaction, &case, &decoded)).await
    }

    async fn list(&self, unfinished_only: bool, limit: usize) -> Result<Vec<Summary>, StoreError> {
        self.run("list cases", move |transaction| {
            let sql = "SELECT id, opened, work FROM cases WHERE NOT (?1 AND state = 'done')
                       ORDER BY opened DESC, id LIMIT ?2";
            rows(transaction, "list cases", sql, params![unfinished_only, count(limit)], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?))
            })?
            .into_iter()
            .map(|(id, opened, work)| {
                let work: Work = parse(&work, "work")?;
                Ok(Summary {
                    case: CaseId(id),
                    opened: timestamp(opened),
                    state: work.state,
                    reported: work.reported,
                    activity: work.activity,
                })
            })
            .collect()
        })
        .await
    }

    async fn count_outcome(&self, layout: &str, outcome: &str, at: Timestamp) -> Result<(), StoreError> {
        let (layout, outcome) = (layout.to_owned(), outcome.to_owned());
        self.run("count a notice", move |transaction| {
            let doing = database("count a notice");
            let kinds: i64 =
                transaction.row("SELECT count(*) FROM outcomes", [], |row| row.get(0)).map_err(&doing)?;
            let known: i64 = transaction
                .row(
                    "SELECT count(*) FROM outcomes WHERE layout = ?1 AND outcome = ?2",
                    params![layout, outcome],
                    |row| row.get(0),
                )
                .map_err(&doing)?;
            let layout = if known == 0 && kinds >= count(LAYOUTS_MAX) { "other" } else { &layout };
            transaction
                .change(
                    "INSERT INTO outcomes (layout, outcome, count, last) VALUES (?1, ?2, 1, ?3)
                     ON CONFLICT (layout, outcome)
                     DO UPDATE SET count = count + 1, last = max(last, excluded.last)",
                    params![layout, outcome, at.as_millisecond()],
                )
                .map_err(&doing)?;
            Ok(())
        })
        .await
    }

    async fn outcomes(&self) -> Result<Vec<OutcomeCount>, StoreError> {
        self.run("read the counts", move |transaction| {
            let sql =
                "SELECT layout, outcome, count, last FROM outcomes ORDER BY count DESC, layout, outcome";
            rows(transaction, "read the counts", sql, [], |row| {
                Ok(OutcomeCount {
                    layout: row.get(0)?,
                    outcome: row.get(1)?,
                    count: u64::try_from(row.get::<_, i64>(2)?).unwrap_or(0),
                    last: timestamp(row.get(3)?),
                })
            })
        })
        .await
    }
}

/// Makes the file and its folder such that only their owner may look: notices and command lines hold secrets.
fn make_private(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    OpenOptions::new().append(true).create(true).mode(0o600).open(path).map(drop)
}

fn admit(transaction: &Transaction<'_>, admission: &Admission) -> Result<Admitted, StoreError> {
    let doing = database("admit a notice");
    let mut known: Option<String> = None;
    for key in &admission.keys {
        let found = transaction
            .row("SELECT case_id FROM keys WHERE key = ?1", params![key], |row| row.get(0))
            .optional()
            .map_err(&doing)?;
        known = known.or(found);
    }
    let (case, mut novelty) = match known {
        Some(id) => (CaseId(id), Novelty::NewNotice),
        None => (open_case(transaction, admission)?, Novelty::NewCase),
    };
    for key in &admission.keys {
        transaction
            .change("INSERT OR IGNORE INTO keys (key, case_id) VALUES (?1, ?2)", params![key, case.0])
            .map_err(&doing)?;
    }
    let added = transaction
        .change(
            "INSERT OR IGNORE INTO notices (case_id, digest, received, notice, claims, deadline, disposition)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7
             WHERE (SELECT count(*) FROM notices WHERE case_id = ?1) < ?8",
            params![
                case.0,
                admission.notice.digest,
                admission.notice.received.as_millisecond(),
                write(&admission.notice, "a notice")?,
                write(&admission.claims, "claims")?,
                admission.deadline.map(|at| at.as_millisecond()),
                write(&admission.disposition, "a disposition")?,
                count(NOTICES_MAX),
            ],
        )
        .map_err(&doing)?;
    if added == 0 {
        novelty = Novelty::Known;
    }
    Ok(Admitted { case, novelty })
}

/// Opens a case under a free name.
fn open_case(transaction: &Transaction<'_>, admission: &Admission) -> Result<CaseId, StoreError> {
    for id in names(admission) {
        let work = Work::default();
        let opened = admission.notice.received.as_millisecond();
        let made = transaction
            .change(
                "INSERT OR IGNORE INTO cases (id, opened, state, work) VALUES (?1, ?2, ?3, ?4)",
                params![id.0, opened, work.state.to_string(), write(&work, "work")?],
            )
            .map_err(database("open a case"))?;
        if made == 1 {
            return Ok(id);
        }
    }
    Err(StoreError::NoName)
}

fn read(transaction: &Transaction<'_>, id: &CaseId, decoded: &Decoded) -> Result<Option<Record>, StoreError> {
    let found: Option<(i64, String)> = transaction
        .row("SELECT opened, work FROM cases WHERE id = ?1", params![id.0], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()
        .map_err(database("load a case"))?;
    let Some((opened, work)) = found else {
        return Ok(None);
    };
    let opened = timestamp(opened);
    let sql = "SELECT notice, claims, deadline, disposition FROM notices WHERE case_id = ?1 ORDER BY rowid";
    let stored = rows(transaction, "load a case's notices", sql, params![id.0], |row| {
        Ok((
            row.get::<_, String>(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, Option<i64>>(2)?,
            row.get::<_, String>(3)?,
        ))
    })?;
    let mut notices = Vec::new();
    for (notice, claims, deadline, disposition) in stored {
        notices.push(StoredNotice {
            notice: parse(&notice, "a notice")?,
            claims: parse(&claims, "claims")?,
            deadline: deadline.map(timestamp),
            disposition: parse(&disposition, "a disposition")?,
        });
    }
    let (case, disposition) = assemble(id, opened, notices);
    let sql = "SELECT question FROM questions WHERE case_id = ?1 ORDER BY place";
    let questions =
        rows(transaction, "load a case's questions", sql, params![id.0], |row| row.get::<_, String>(0))?;
    Ok(Some(Record {
        case,
        disposition,
        work: parse(&work, "work")?,
        questions: questions
            .into_iter()
            .map(|question| decoded.question(question))
            .collect::<Result<_, _>>()?,
    }))
}

/// Statements that are prepared once and kept.
pub(super) trait Statements {
    /// Runs one that changes rows; returns how many.
    fn change(&self, sql: &str, values: impl rusqlite::Params) -> rusqlite::Result<usize>;

    /// Runs one that returns a row.
    fn row<T>(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
        read_row: impl FnOnce(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T>;
}

impl Statements for Connection {
    fn change(&self, sql: &str, values: impl rusqlite::Params) -> rusqlite::Result<usize> {
        self.prepare_cached(sql)?.execute(values)
    }

    fn row<T>(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
        read_row: impl FnOnce(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        self.prepare_cached(sql)?.query_row(values, read_row)
    }
}

pub(super) fn rows<T>(
    transaction: &Transaction<'_>,
    doing: &'static str,
    sql: &str,
    values: impl rusqlite::Params,
    read_row: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StoreError> {
    let collect = || {
        let mut statement = transaction.prepare_cached(sql)?;
        let rows = statement.query_map(values, read_row)?;
        rows.collect::<rusqlite::Result<Vec<T>>>()
    };
    collect().map_err(database(doing))
}

fn held(changed: usize, case: &CaseId) -> Result<(), StoreError> {
    if changed == 1 { Ok(()) } else { Err(StoreError::LeaseLost(case.clone())) }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked)
    )
}

pub(super) fn database(doing: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |source| StoreError::Database { doing, source }
}

pub(super) fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn millis(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX / 2)
}

fn timestamp(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH)
}
