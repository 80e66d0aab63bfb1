//! The ledger of addresses: who held which address when, as far as the bot saw it.
//!
//! EC2 says only who holds an address now. A sweep looks at regular times; the ledger keeps the intervals. What
//! lies between two looks is uncertain and kept as such: a holder may have begun at any time after the look that
//! did not show it, and ended at any time after the last one that did.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use jiff::Timestamp;
use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::TransactionBehavior;
use rusqlite::params;
use thiserror::Error;

/// Times are milliseconds since 1970 UTC.
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS holdings (
    place TEXT NOT NULL,
    address TEXT NOT NULL,
    holder TEXT NOT NULL,
    not_before INTEGER NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    ended INTEGER,
    PRIMARY KEY (place, address, holder, first_seen)
) STRICT;
CREATE INDEX IF NOT EXISTS holdings_by_address ON holdings (address, last_seen);
CREATE TABLE IF NOT EXISTS looks (
    place TEXT PRIMARY KEY,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL
) STRICT;
PRAGMA user_version = 1;
";

/// How long an ended holding is kept, ms; abuse notices come days late, not months.
const KEPT_MS: i64 = 180 * 24 * 3_600 * 1_000;

/// A look more than this after the one before leaves a hole: whoever came and went in it was not seen, ms.
const HOLE_MS: i64 = 15 * 60 * 1_000;

/// One address and who held it, as seen at one look.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holding {
    /// The address.
    pub address: IpAddr,
    /// Instance id, or what else it was in words.
    pub holder: String,
}

/// A holder of an address in a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Where: account and region, as the sweep named it.
    pub place: String,
    /// The address.
    pub address: IpAddr,
    /// Instance id, or what else it was in words.
    pub holder: String,
    /// It may have begun as early as this; none when the first look showed it already.
    pub not_before: Option<Timestamp>,
    /// It was seen from then.
    pub first_seen: Timestamp,
    /// To then.
    pub last_seen: Timestamp,
    /// It had ended by then; none while it lasts.
    pub ended: Option<Timestamp>,
}

/// Who held an address in a window.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Past {
    /// Everybody who may have, oldest first.
    pub held: Vec<Held>,
    /// Whether every place was looked at all through the window, so that nobody else can have.
    pub is_complete: bool,
}

/// Why the ledger could not be read or written.
#[derive(Debug, Error)]
#[error("address ledger: cannot {doing}")]
pub struct LedgerError {
    doing: &'static str,
    source: rusqlite::Error,
}

/// The ledger in one SQLite file.
#[derive(Debug, Clone)]
pub struct Ledger {
    connection: Arc<Mutex<Connection>>,
}

impl Ledger {
    /// Opens the file; its folder is there.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        let prepare = || {
            let connection = Connection::open(path)?;
            connection.busy_timeout(std::time::Duration::from_secs(10))?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.execute_batch(SCHEMA)?;
            Ok(connection)
        };
        let connection = prepare().map_err(|source| LedgerError { doing: "open the file", source })?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    /// Writes down a look at one place: all that is held there at that time.
    pub fn look(&self, place: &str, at: Timestamp, seen: &[Holding]) -> Result<(), LedgerError> {
        let now = at.as_millisecond();
        self.write("write down a look", |transaction| {
            let looked: Option<i64> = transaction
                .query_row("SELECT last FROM looks WHERE place = ?1", [place], |row| row.get(0))
                .optional()?;
            // 0 stands for "before the first look".
            let not_before = looked.unwrap_or(0);
            for holding in seen {
                let values = params![place, holding.address.to_string(), holding.holder, now, not_before];
                let known = transaction.execute(
                    "UPDATE holdings SET last_seen = ?4
                     WHERE place = ?1 AND address = ?2 AND holder = ?3 AND ended IS NULL AND last_seen >= ?5",
                    values,
                )?;
                if known == 0 {
                    transaction.execute(
                        "INSERT OR IGNORE INTO holdings
                         (place, address, holder, first_seen, last_seen, not_before) VALUES (?1, ?2, ?3, ?4, ?4, ?5)",
                        values,
                    )?;
                }
            }
            transaction.execute(
                "UPDATE holdings SET ended = ?2 WHERE place = ?1 AND ended IS NULL AND last_seen < ?2",
                params![place, now],
            )?;
            transaction.execute("DELETE FROM holdings WHERE ended < ?1", [now - KEPT_MS])?;
            let begins_anew = looked.is_none_or(|last| now - last > HOLE_MS);
            transaction.execute(
                "INSERT INTO looks (place, first, last) VALUES (?1, ?2, ?2)
                 ON CONFLICT (place) DO UPDATE SET last = ?2, first = iif(?3, ?2, first)",
                params![place, now, begins_anew],
            )?;
            Ok(())
        })
    }

    /// Who held an address in a window. `places` are all that are swept; the answer is complete only when every
    /// one was looked at without a hole from before the window to its end.
    pub fn holders(
        &self,
        address: IpAddr,
        from: Timestamp,
        to: Timestamp,
        places: &[String],
    ) -> Result<Past, LedgerError> {
        let (from_ms, to_ms) = (from.as_millisecond(), to.as_millisecond());
        self.write("read who held an address", |transaction| {
            let mut statement = transaction.prepare_cached(
                "SELECT place, holder, not_before, first_seen, last_seen, ended FROM holdings
                 WHERE address = ?1 AND not_before <= ?3 AND ifnull(ended, ?2) >= ?2 ORDER BY first_seen",
            )?;
            let rows = statement.query_map(params![address.to_string(), from_ms, to_ms], |row| {
                let not_before: i64 = row.get(2)?;
                Ok(Held {
                    place: row.get(0)?,
                    address,
                    holder: row.get(1)?,
                    not_before: (not_before > 0).then(|| timestamp(not_before)),
                    first_seen: timestamp(row.get(3)?),
                    last_seen: timestamp(row.get(4)?),
                    ended: row.get::<_, Option<i64>>(5)?.map(timestamp),
                })
            })?;
            let held = rows.collect::<rusqlite::Result<Vec<_>>>()?;
            let mut is_complete = !places.is_empty();
            for place in places {
                let covers: Option<bool> = transaction
                    .query_row(
                        "SELECT first <= ?2 AND last >= ?3 FROM looks WHERE place = ?1",
                        params![place, from_ms, to_ms],
                        |row| row.get(0),
                    )
                    .optional()?;
                is_complete &= covers == Some(true);
            }
            Ok(Past { held, is_complete })
        })
    }

    fn write<T>(
        &self,
        doing: &'static str,
        act: impl FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerError> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let run = || {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = act(&transaction)?;
            transaction.commit()?;
            Ok(result)
        };
        run().map_err(|source| LedgerError { doing, source })
    }
}

fn timestamp(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: &str = "203.0.113.10";

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_000_000_000 + minute * 60).expect("time")
    }

    fn seen(holder: &str) -> Vec<Holding> {
        vec![Holding { address: ADDRESS.parse().expect("address"), holder: holder.to_owned() }]
    }

    /// i-1 is seen at minutes 0 and 5, nobody at 10, i-2 at 15 and 20.
    fn ledger() -> (tempfile::TempDir, Ledger) {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = Ledger::open(&folder.path().join("ledger.sqlite")).expect("opened");
        for (minute, holding) in
            [(0, seen("i-1")), (5, seen("i-1")), (10, Vec::new()), (15, seen("i-2")), (20, seen("i-2"))]
        {
            ledger.look("here", at(minute), &holding).expect("written");
        }
        (folder, ledger)
    }

    fn check(from: i64, to: i64, expected: &[&str], complete: bool) {
        let (_folder, ledger) = ledger();
        let address = ADDRESS.parse().expect("address");
        let past = ledger.holders(address, at(from), at(to), &["here".to_owned()]).expect("read");
        let holders: Vec<&str> = past.held.iter().map(|held| held.holder.as_str()).collect();
        assert_eq!((holders.as_slice(), past.is_complete), (expected, complete), "{from} to {to}");
    }

    #[test]
    fn the_window_decides_who_held_an_address() {
        check(1, 4, &["i-1"], true);
        // Between the looks at 5 and 10 nobody knows when it ended; at 10 it certainly had.
        check(6, 9, &["i-1"], true);
        check(11, 12, &["i-2"], true);
        check(16, 19, &["i-2"], true);
        check(4, 16, &["i-1", "i-2"], true);
        // Before the first look and after the last nothing is certain.
        check(-9, -5, &["i-1"], false);
        check(18, 30, &["i-2"], false);
    }

    #[test]
    fn a_hole_in_the_looks_makes_the_answer_incomplete() {
        let (_folder, ledger) = ledger();
        ledger.look("here", at(200), &seen("i-2")).expect("written");
        let address = ADDRESS.parse().expect("address");
        let past = ledger.holders(address, at(30), at(40), &["here".to_owned()]).expect("read");
        assert!(!past.is_complete);
        assert_eq!(past.held.len(), 1);
        let elsewhere = ["here".to_owned(), "there".to_owned()];
        assert!(!ledger.holders(address, at(200), at(200), &elsewhere).expect("read").is_complete);
    }
}
