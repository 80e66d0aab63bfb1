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
CREATE TABLE IF NOT EXISTS names (
    name TEXT PRIMARY KEY,
    address TEXT NOT NULL
) STRICT;
PRAGMA user_version = 1;
";

/// How long an ended holding is kept, ms; abuse notices come days late, not months.
const KEPT_MS: i64 = 180 * 24 * 3_600 * 1_000;

/// A look more than this after the one before leaves a hole: whoever came and went in it was not seen, ms.
pub(super) const HOLE_MS: i64 = 15 * 60 * 1_000;

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

/// Why the ledger could not be copied.
#[derive(Debug, Error)]
pub enum CopyError {
    /// The database did not write it.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The copy could not be read.
    #[error("address ledger: cannot read the copy")]
    Io(#[from] std::io::Error),
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

    /// The whole ledger as it is now, as the bytes of a file that [`Ledger::open`] opens. `beside` is a folder for it while it
    /// is made.
    pub fn copy(&self, beside: &Path) -> Result<Vec<u8>, CopyError> {
        let path = beside.join(format!(".ledger-{:016x}", fastrand::u64(..)));
        let written = {
            let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
            connection.execute("VACUUM INTO ?1", [path.display().to_string()])
        };
        let read = written
            .map_err(|source| LedgerError { doing: "copy the ledger", source }.into())
            .and_then(|_| Ok(std::fs::read(&path)?));
        // A copy that was not made left nothing, or a part of it.
        let _ = std::fs::remove_file(&path);
        read
    }

    /// Writes down a look at one place: all that is held there at that time. Returns what changed since the look
    /// before: what began and what ended.
    pub fn look(&self, place: &str, at: Timestamp, seen: &[Holding]) -> Result<Vec<Held>, LedgerError> {
        let now = at.as_millisecond();
        self.write("write down a look", |transaction| {
            let looked: Option<i64> = transaction
                .query_row("SELECT last FROM looks WHERE place = ?1", [place], |row| row.get(0))
                .optional()?;
            // 0 stands for "before the first look".
            let not_before = looked.unwrap_or(0);
            let mut changed = Vec::new();
            for holding in seen {
                let values = params![place, holding.address.to_string(), holding.holder, now, not_before];
                let known = transaction.execute(
                    "UPDATE holdings SET last_seen = ?4
                     WHERE place = ?1 AND address = ?2 AND holder = ?3 AND ended IS NULL AND last_seen >= ?5",
                    values,
                )?;
                if known == 0 {
                    let new = transaction.execute(
                        "INSERT OR IGNORE INTO holdings
                         (place, address, holder, first_seen, last_seen, not_before) VALUES (?1, ?2, ?3, ?4, ?4, ?5)",
                        values,
                    )?;
                    let began = (new > 0 && not_before > 0).then(|| Held {
                        place: place.to_owned(),
                        address: holding.address,
                        holder: holding.holder.clone(),
                        not_before: Some(timestamp(not_before)),
                        first_seen: at,
                        last_seen: at,
                        ended: None,
                    });
                    changed.extend(began);
                }
            }
            let mut ended = transaction.prepare_cached(
                "UPDATE holdings SET ended = ?2 WHERE place = ?1 AND ended IS NULL AND last_seen < ?2
                 RETURNING place, address, holder, not_before, first_seen, last_seen, ended",
            )?;
            for row in ended.query_map(params![place, now], read_held)? {
                changed.extend(row?);
            }
            drop(ended);
            transaction.execute("DELETE FROM holdings WHERE ended < ?1", [now - KEPT_MS])?;
            let begins_anew = looked.is_none_or(|last| now - last > HOLE_MS);
            transaction.execute(
                "INSERT INTO looks (place, first, last) VALUES (?1, ?2, ?2)
                 ON CONFLICT (place) DO UPDATE SET last = ?2, first = iif(?3, ?2, first)",
                params![place, now, begins_anew],
            )?;
            Ok(changed)
        })
    }

    /// Writes down an interval that somebody else saw. Where it is one that is known, both make it more exact.
    pub fn saw(&self, seen: &Held) -> Result<(), LedgerError> {
        self.write("write down what another saw", |transaction| {
            let mut merged = seen.clone();
            let mut statement = transaction.prepare_cached(
                "SELECT place, address, holder, not_before, first_seen, last_seen, ended FROM holdings
                 WHERE place = ?1 AND address = ?2 AND holder = ?3",
            )?;
            let own = params![seen.place, seen.address.to_string(), seen.holder];
            let known = statement.query_map(own, read_held)?.collect::<rusqlite::Result<Vec<_>>>()?;
            for known in known.into_iter().flatten().filter(|known| is_one(known, seen)) {
                transaction.execute(
                    "DELETE FROM holdings WHERE place = ?1 AND address = ?2 AND holder = ?3 AND first_seen = ?4",
                    params![
                        seen.place,
                        seen.address.to_string(),
                        seen.holder,
                        known.first_seen.as_millisecond()
                    ],
                )?;
                merged = narrowed(&merged, &known);
            }
            transaction.execute(
                "INSERT OR IGNORE INTO holdings
                 (place, address, holder, not_before, first_seen, last_seen, ended)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    merged.place,
                    merged.address.to_string(),
                    merged.holder,
                    merged.not_before.map_or(0, Timestamp::as_millisecond),
                    merged.first_seen.as_millisecond(),
                    merged.last_seen.as_millisecond(),
                    merged.ended.map(Timestamp::as_millisecond),
                ],
            )?;
            Ok(())
        })
    }

    /// Where an address is held as far as is known, by the latest look or event.
    pub fn place_of(&self, address: IpAddr) -> Result<Option<String>, LedgerError> {
        self.write("read where an address is", |transaction| {
            let sql =
                "SELECT place FROM holdings WHERE address = ?1 AND ended IS NULL ORDER BY last_seen DESC";
            transaction.query_row(sql, [address.to_string()], |row| row.get(0)).optional()
        })
    }

    /// Who holds an address as far as is known, and where.
    pub fn holding_now(&self, address: IpAddr) -> Result<Vec<(String, String)>, LedgerError> {
        self.write("read who holds an address", |transaction| {
            let sql = "SELECT DISTINCT holder, place FROM holdings WHERE address = ?1 AND ended IS NULL";
            let mut statement = transaction.prepare_cached(sql)?;
            statement.query_map([address.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
    }

    /// Those places that were not looked at without a hole from the first time to the second.
    pub fn unseen(
        &self,
        places: &[String],
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<String>, LedgerError> {
        self.write("read what was looked at", |transaction| {
            unseen(transaction, places, from.as_millisecond(), to.as_millisecond())
        })
    }

    /// Writes down that a holding began at a certain time, which is known from an event. Late and repeated events
    /// only make what is known more exact.
    pub fn begin(&self, place: &str, at: Timestamp, holding: &Holding) -> Result<(), LedgerError> {
        let (address, now) = (holding.address.to_string(), at.as_millisecond());
        self.write("write down the begin of a holding", |transaction| {
            let values = params![place, address, holding.holder, now];
            let known = transaction.execute(
                "UPDATE OR IGNORE holdings SET first_seen = ?4, not_before = ?4
                 WHERE place = ?1 AND address = ?2 AND holder = ?3 AND not_before <= ?4 AND first_seen >= ?4",
                values,
            )?;
            let lasts: bool = transaction.query_row(
                "SELECT EXISTS (SELECT 1 FROM holdings WHERE place = ?1 AND address = ?2 AND holder = ?3
                 AND first_seen <= ?4 AND (ended IS NULL OR ended > ?4))",
                values,
                |row| row.get(0),
            )?;
            if known == 0 && !lasts {
                transaction.execute(
                    "INSERT OR IGNORE INTO holdings (place, address, holder, first_seen, last_seen, not_before)
                     VALUES (?1, ?2, ?3, ?4, ?4, ?4)",
                    values,
                )?;
            }
            if is_public(holding.address) {
                // One holder at a time in all the world: whoever held it before does so no more.
                transaction.execute(
                    "UPDATE holdings SET last_seen = ?3, ended = ?3
                     WHERE address = ?1 AND holder <> ?2 AND first_seen <= ?3 AND last_seen <= ?3
                     AND ifnull(ended, ?3) >= ?3",
                    params![address, holding.holder, now],
                )?;
            }
            Ok(())
        })
    }

    /// Writes down that an address was given up at a certain time.
    pub fn end(&self, place: &str, at: Timestamp, address: IpAddr) -> Result<(), LedgerError> {
        self.write("write down the end of a holding", |transaction| {
            transaction.execute(
                "UPDATE holdings SET last_seen = ?3, ended = ?3
                 WHERE place = ?1 AND address = ?2 AND first_seen <= ?3 AND last_seen <= ?3
                 AND ifnull(ended, ?3) >= ?3",
                params![place, address.to_string(), at.as_millisecond()],
            )?;
            Ok(())
        })
    }

    /// Writes down that a holder gave up all addresses but those that it kept.
    pub fn end_all(
        &self,
        place: &str,
        at: Timestamp,
        holder: &str,
        kept: &[IpAddr],
    ) -> Result<(), LedgerError> {
        let kept: Vec<String> = kept.iter().map(ToString::to_string).collect();
        let kept = serde_json::to_string(&kept).unwrap_or_else(|_| "[]".to_owned());
        self.write("write down the end of a holder", |transaction| {
            transaction.execute(
                "UPDATE holdings SET last_seen = ?3, ended = ?3
                 WHERE place = ?1 AND holder = ?2 AND first_seen <= ?3 AND last_seen <= ?3
                 AND ifnull(ended, ?3) >= ?3 AND address NOT IN (SELECT value FROM json_each(?4))",
                params![place, holder, at.as_millisecond(), kept],
            )?;
            Ok(())
        })
    }

    /// Remembers what allocations and associations stand for: events about their end do not say.
    pub fn remember(&self, names: &[(String, IpAddr)]) -> Result<(), LedgerError> {
        self.write("remember associations", |transaction| {
            let sql = "INSERT OR REPLACE INTO names (name, address) VALUES (?1, ?2)";
            let mut statement = transaction.prepare_cached(sql)?;
            for (name, address) in names {
                statement.execute(params![name, address.to_string()])?;
            }
            Ok(())
        })
    }

    /// What an allocation or association stands for.
    pub fn recall(&self, name: &str) -> Result<Option<IpAddr>, LedgerError> {
        self.write("recall an association", |transaction| {
            let sql = "SELECT address FROM names WHERE name = ?1";
            let found: Option<String> = transaction.query_row(sql, [name], |row| row.get(0)).optional()?;
            Ok(found.and_then(|text| text.parse().ok()))
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
            let is_complete = !places.is_empty() && unseen(transaction, places, from_ms, to_ms)?.is_empty();
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

fn unseen(
    transaction: &rusqlite::Transaction<'_>,
    places: &[String],
    from_ms: i64,
    to_ms: i64,
) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT first <= ?2 AND last >= ?3 FROM looks WHERE place = ?1";
    let mut statement = transaction.prepare_cached(sql)?;
    let mut unseen = Vec::new();
    for place in places {
        let covers: Option<bool> =
            statement.query_row(params![place, from_ms, to_ms], |row| row.get(0)).optional()?;
        if covers != Some(true) {
            unseen.push(place.clone());
        }
    }
    Ok(unseen)
}

/// Reads place, address, holder, not before, first seen, last seen and ended; none where the address is none.
fn read_held(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<Held>> {
    let (address, not_before): (String, i64) = (row.get(1)?, row.get(3)?);
    let Ok(address) = address.parse() else { return Ok(None) };
    Ok(Some(Held {
        place: row.get(0)?,
        address,
        holder: row.get(2)?,
        not_before: (not_before > 0).then(|| timestamp(not_before)),
        first_seen: timestamp(row.get(4)?),
        last_seen: timestamp(row.get(5)?),
        ended: row.get::<_, Option<i64>>(6)?.map(timestamp),
    }))
}

/// Whether two intervals of one holder tell of one holding: they share a time that is certain, or one began when the other
/// may have, before which the other had not ended.
fn is_one(one: &Held, other: &Held) -> bool {
    let shares = one.first_seen <= other.last_seen && other.first_seen <= one.last_seen;
    let may_be = |early: &Held, late: &Held| {
        let began = late.not_before.unwrap_or(Timestamp::MIN) <= early.first_seen
            && early.first_seen <= late.first_seen;
        began && early.ended.is_none_or(|ended| ended >= late.first_seen)
    };
    shares || may_be(one, other) || may_be(other, one)
}

/// What two accounts of one holding come to.
fn narrowed(one: &Held, other: &Held) -> Held {
    let first_seen = one.first_seen.min(other.first_seen);
    let last_seen = one.last_seen.max(other.last_seen);
    let ended = match (one.ended, other.ended) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (ended, None) | (None, ended) => ended,
    };
    Held {
        not_before: one.not_before.max(other.not_before).map(|at| at.min(first_seen)),
        first_seen,
        last_seen,
        // Seen after it had ended, it had not.
        ended: ended.map(|at| at.max(last_seen)),
        ..one.clone()
    }
}

fn timestamp(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Whether an address has one holder at a time; private ones repeat from network to network.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => {
            let [first, second, ..] = four.octets();
            let is_shared = first == 100 && (64..128).contains(&second);
            !(four.is_private() || four.is_link_local() || is_shared)
        }
        IpAddr::V6(six) => !six.is_unique_local() && !six.is_unicast_link_local(),
    }
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
        let (folder, ledger) = fresh();
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

    fn fresh() -> (tempfile::TempDir, Ledger) {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = Ledger::open(&folder.path().join("ledger.sqlite")).expect("opened");
        (folder, ledger)
    }

    fn whole(ledger: &Ledger) -> Vec<(String, Option<i64>, i64, Option<i64>)> {
        let past = ledger.holders(ADDRESS.parse().expect("address"), at(0), at(1_000), &[]).expect("read");
        let minute = |time: Timestamp| (time.as_second() - at(0).as_second()) / 60;
        let read = |held: Held| {
            (held.holder, held.not_before.map(minute), minute(held.first_seen), held.ended.map(minute))
        };
        past.held.into_iter().map(read).collect()
    }

    fn holding(holder: &str) -> Holding {
        Holding { address: ADDRESS.parse().expect("address"), holder: holder.to_owned() }
    }

    #[test]
    fn events_make_what_looks_saw_exact_in_any_order() {
        let address = ADDRESS.parse().expect("address");
        type Step = fn(&Ledger, IpAddr);
        let steps: [Step; 3] = [
            |ledger, _| ledger.begin("here", at(12), &holding("i-2")).expect("written"),
            |ledger, _| ledger.begin("here", at(3), &holding("i-1")).expect("written"),
            |ledger, address| ledger.end("here", at(8), address).expect("written"),
        ];
        for order in [[0, 1, 2], [1, 2, 0], [2, 1, 0], [0, 2, 1]] {
            let (_folder, ledger) = fresh();
            ledger.look("here", at(0), &[]).expect("written");
            ledger.look("here", at(5), &seen("i-1")).expect("written");
            ledger.look("here", at(10), &[]).expect("written");
            ledger.look("here", at(15), &seen("i-2")).expect("written");
            for _twice in 0..2 {
                for step in order {
                    steps[step](&ledger, address);
                }
            }
            let expected = [("i-1".to_owned(), Some(3), 3, Some(8)), ("i-2".to_owned(), Some(12), 12, None)];
            assert_eq!(whole(&ledger), expected, "{order:?}");
        }
    }

    #[test]
    fn who_came_and_went_between_two_looks_is_known_from_events() {
        let (_folder, ledger) = fresh();
        ledger.look("here", at(0), &seen("i-1")).expect("written");
        ledger.begin("here", at(2), &holding("i-2")).expect("written");
        ledger.begin("here", at(4), &holding("i-3")).expect("written");
        ledger.end_all("here", at(6), "i-3", &[]).expect("written");
        ledger.look("here", at(10), &[]).expect("written");
        let expected = [
            ("i-1".to_owned(), None, 0, Some(2)),
            ("i-2".to_owned(), Some(2), 2, Some(4)),
            ("i-3".to_owned(), Some(4), 4, Some(6)),
        ];
        assert_eq!(whole(&ledger), expected);
    }

    #[test]
    fn what_another_saw_makes_a_holding_more_exact_in_any_order() {
        let other = |holder: &str, not_before: Option<i64>, first: i64, last: i64, ended: Option<i64>| Held {
            place: "here".to_owned(),
            address: ADDRESS.parse().expect("address"),
            holder: holder.to_owned(),
            not_before: not_before.map(at),
            first_seen: at(first),
            last_seen: at(last),
            ended: ended.map(at),
        };
        let accounts = [
            other("i-1", None, 6, 10, None),
            other("i-1", Some(4), 5, 8, None),
            other("i-1", Some(5), 5, 5, Some(12)),
            // Another holding of the same instance, after the first had ended.
            other("i-1", Some(19), 20, 21, Some(25)),
            other("i-2", Some(12), 13, 14, Some(15)),
        ];
        let expected = [
            ("i-1".to_owned(), Some(5), 5, Some(12)),
            ("i-2".to_owned(), Some(12), 13, Some(15)),
            ("i-1".to_owned(), Some(19), 20, Some(25)),
        ];
        for order in [[0, 1, 2, 3, 4], [2, 1, 0, 4, 3], [4, 3, 1, 2, 0]] {
            let (_folder, ledger) = fresh();
            for _twice in 0..2 {
                for number in order {
                    ledger.saw(&accounts[number]).expect("written");
                }
            }
            assert_eq!(whole(&ledger), expected, "{order:?}");
        }
    }

    #[test]
    fn a_look_tells_what_changed_since_the_one_before() {
        let (_folder, ledger) = fresh();
        let look = |minute: i64, seen: &[Holding]| {
            let changed = ledger.look("here", at(minute), seen).expect("written");
            changed
                .into_iter()
                .map(|held| (held.holder, held.not_before.is_some(), held.ended.is_some()))
                .collect::<Vec<_>>()
        };
        assert!(look(0, &seen("i-1")).is_empty(), "the first look sees everything for the first time");
        assert!(look(5, &seen("i-1")).is_empty());
        let moved = [("i-2".to_owned(), true, false), ("i-1".to_owned(), false, true)];
        assert_eq!(look(10, &seen("i-2")), moved);
        assert_eq!(
            ledger.place_of(ADDRESS.parse().expect("address")).expect("read").as_deref(),
            Some("here")
        );
        assert_eq!(look(15, &[]), [("i-2".to_owned(), true, true)]);
        assert_eq!(ledger.place_of(ADDRESS.parse().expect("address")).expect("read"), None);
    }

    #[test]
    fn an_address_that_a_stopped_instance_keeps_does_not_end() {
        let (_folder, ledger) = fresh();
        ledger.look("here", at(0), &seen("i-1")).expect("written");
        let address = ADDRESS.parse().expect("address");
        ledger.end_all("here", at(2), "i-1", &[address]).expect("written");
        assert_eq!(whole(&ledger), [("i-1".to_owned(), None, 0, None)]);
        ledger.remember(&[("eipassoc-1".to_owned(), address)]).expect("written");
        assert_eq!(ledger.recall("eipassoc-1").expect("read"), Some(address));
        assert_eq!(ledger.recall("eipassoc-2").expect("read"), None);
    }
}
