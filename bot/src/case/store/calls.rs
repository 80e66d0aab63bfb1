//! What people did in Slack and the bot acknowledged, until it is worked on: Slack does not deliver it again.
//!
//! A call's name is remembered for a day after that, so that of several bots to which it was delivered one works on it.

use async_trait::async_trait;
use jiff::SignedDuration;
use jiff::Timestamp;
use rusqlite::params;

use super::SqliteStore;
use super::StoreError;
use super::sqlite::Statements;
use super::sqlite::database;
use super::sqlite::rows;

/// How long an ended call's name is remembered.
pub(super) const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);

/// Calls that one bot takes over at once.
pub(super) const TAKEN_MAX: usize = 100;

/// The table of calls.
pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS calls (
    name TEXT PRIMARY KEY,
    worked INTEGER NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    call TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS calls_worked ON calls (worked);
";

/// A call whose bot is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftCall {
    /// Its name.
    pub name: String,
    /// What was kept of it.
    pub call: String,
    /// How often it was taken over, this time included.
    pub tries: u32,
}

/// Where calls are kept.
#[async_trait]
pub trait CallStore: Send + Sync {
    /// Keeps a call unless one of its name was kept before; says whether it is new.
    async fn keep_call(&self, name: &str, call: &str) -> Result<bool, StoreError>;

    /// Says that these are still worked on.
    async fn renew_calls(&self, names: &[String]) -> Result<(), StoreError>;

    /// Forgets what a call said; its name is remembered.
    async fn end_call(&self, name: &str) -> Result<(), StoreError>;

    /// Takes over calls that nobody worked on since a time: their bot is gone.
    async fn take_over_calls(&self, before: Timestamp) -> Result<Vec<LeftCall>, StoreError>;
}

#[async_trait]
impl CallStore for SqliteStore {
    async fn keep_call(&self, name: &str, call: &str) -> Result<bool, StoreError> {
        const DOING: &str = "keep a call";
        let (name, call) = (name.to_owned(), call.to_owned());
        self.run(DOING, move |transaction| {
            let now = Timestamp::now();
            let old = (now - REMEMBERED).as_millisecond();
            transaction
                .change("DELETE FROM calls WHERE worked < ?1 AND call IS NULL", params![old])
                .map_err(database(DOING))?;
            let added = transaction
                .change(
                    "INSERT OR IGNORE INTO calls (name, worked, call) VALUES (?1, ?2, ?3)",
                    params![name, now.as_millisecond(), call],
                )
                .map_err(database(DOING))?;
            Ok(added == 1)
        })
        .await
    }

    async fn renew_calls(&self, names: &[String]) -> Result<(), StoreError> {
        let names = names.to_vec();
        self.run("renew calls", move |transaction| {
            let now = Timestamp::now().as_millisecond();
            for name in names {
                transaction
                    .change("UPDATE calls SET worked = ?2 WHERE name = ?1", params![name, now])
                    .map_err(database("renew calls"))?;
            }
            Ok(())
        })
        .await
    }

    async fn end_call(&self, name: &str) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.run("end a call", move |transaction| {
            let now = Timestamp::now().as_millisecond();
            transaction
                .change("UPDATE calls SET call = NULL, worked = ?2 WHERE name = ?1", params![name, now])
                .map_err(database("end a call"))?;
            Ok(())
        })
        .await
    }

    async fn take_over_calls(&self, before: Timestamp) -> Result<Vec<LeftCall>, StoreError> {
        self.run("take over calls", move |transaction| {
            let sql = "UPDATE calls SET worked = ?2, tries = tries + 1 WHERE name IN
                       (SELECT name FROM calls WHERE call IS NOT NULL AND worked < ?1 ORDER BY worked LIMIT ?3)
                       RETURNING name, call, tries";
            let now = Timestamp::now().as_millisecond();
            let values = params![before.as_millisecond(), now, TAKEN_MAX as i64];
            rows(transaction, "take over calls", sql, values, |row| {
                Ok(LeftCall { name: row.get(0)?, call: row.get(1)?, tries: row.get(2)? })
            })
        })
        .await
    }
}
