//! Changes that wait at the same time are committed together: a commit waits for the disk, and a flood of cases has a dozen
//! changes each. Each change is done whole or not at all, by itself, and nobody is told of one before it is on the disk.

use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use rusqlite::Connection;
use rusqlite::Transaction;
use rusqlite::TransactionBehavior;
use tokio::sync::oneshot;

use crate::case::store::StoreError;

/// Tells who waits what a change came to: what it returned if it is on the disk, else why it is not.
type Tell = Box<dyn FnOnce(Option<&rusqlite::Error>) + Send>;

/// A change that waits: done within a transaction, it says whether it is to stay, and how to tell of it.
type Change = Box<dyn FnOnce(Result<&Transaction<'_>, &rusqlite::Error>) -> (bool, Tell) + Send>;

/// Changes to one file, one group after the other.
#[derive(Clone)]
pub struct Commits {
    shared: Arc<Shared>,
}

struct Shared {
    connection: Mutex<Connection>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    changes: Vec<Change>,
    /// Whether somebody commits what waits.
    is_worked_on: bool,
}

impl Commits {
    /// Commits to this file.
    pub fn new(connection: Connection) -> Self {
        let shared = Shared { connection: Mutex::new(connection), waiting: Mutex::default() };
        Self { shared: Arc::new(shared) }
    }

    /// Makes one change, with others that wait.
    pub async fn run<T: Send + 'static>(
        &self,
        doing: &'static str,
        act: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (tell, told) = oneshot::channel();
        let failed = move |source: &rusqlite::Error| StoreError::Database { doing, source: again(source) };
        let change: Change = Box::new(move |transaction| {
            let result = match transaction {
                Ok(transaction) => act(transaction),
                Err(error) => Err(failed(error)),
            };
            let stays = result.is_ok();
            let tell = move |error: Option<&rusqlite::Error>| {
                let result = match (result, error) {
                    (Ok(_), Some(error)) => Err(failed(error)),
                    (result, _) => result,
                };
                // Who gave up waiting is told nothing.
                let _ = tell.send(result);
            };
            (stays, Box::new(tell) as Tell)
        });
        let is_first = {
            let mut waiting = self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.changes.push(change);
            !std::mem::replace(&mut waiting.is_worked_on, true)
        };
        if is_first {
            let shared = Arc::clone(&self.shared);
            tokio::task::spawn_blocking(move || shared.commit_all());
        }
        told.await.map_err(|_| StoreError::Interrupted)?
    }
}

impl Shared {
    /// Commits groups until nothing waits.
    fn commit_all(&self) {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let changes = {
                let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                if waiting.changes.is_empty() {
                    waiting.is_worked_on = false;
                    return;
                }
                std::mem::take(&mut waiting.changes)
            };
            commit(&mut connection, changes);
        }
    }
}

/// Commits one group: one transaction, and within it each change by itself.
fn commit(connection: &mut Connection, changes: Vec<Change>) {
    let (tells, outcome) = match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
        Ok(transaction) => {
            let (tells, broken) = make(&transaction, changes);
            let outcome = match broken {
                Some(error) => Err(error),
                None => transaction.commit(),
            };
            (tells, outcome)
        }
        Err(error) => (changes.into_iter().map(|change| change(Err(&error)).1).collect(), Err(error)),
    };
    let error = outcome.err();
    tells.into_iter().for_each(|tell| tell(error.as_ref()));
}

/// Makes each change; one that fails is taken back alone. Where even that fails there is no transaction any more.
fn make(transaction: &Transaction<'_>, changes: Vec<Change>) -> (Vec<Tell>, Option<rusqlite::Error>) {
    let mut tells = Vec::new();
    let mut broken: Option<rusqlite::Error> = None;
    for change in changes {
        let begun = match &broken {
            Some(error) => Err(again(error)),
            None => say(transaction, "SAVEPOINT change"),
        };
        if let Err(error) = begun {
            tells.push(change(Err(&error)).1);
            broken.get_or_insert(error);
            continue;
        }
        // A change that panics is taken back like one that fails; who waits for it is told that it was interrupted.
        let made = catch_unwind(AssertUnwindSafe(|| change(Ok(transaction))));
        let stays = made.as_ref().is_ok_and(|(stays, _)| *stays);
        tells.extend(made.map(|(_, tell)| tell));
        let end = match stays {
            true => say(transaction, "RELEASE change"),
            false => transaction.execute_batch("ROLLBACK TO change; RELEASE change"),
        };
        broken = end.err();
    }
    (tells, broken)
}

/// Runs a statement that is prepared once.
fn say(transaction: &Transaction<'_>, sql: &str) -> rusqlite::Result<()> {
    transaction.prepare_cached(sql)?.execute([]).map(drop)
}

/// The same error for each who waits.
fn again(error: &rusqlite::Error) -> rusqlite::Error {
    match error {
        rusqlite::Error::SqliteFailure(code, said) => rusqlite::Error::SqliteFailure(*code, said.clone()),
        other => {
            let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ERROR);
            rusqlite::Error::SqliteFailure(code, Some(other.to_string()))
        }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::params;

    use super::*;

    fn commits(path: &std::path::Path) -> Commits {
        let connection = Connection::open(path).expect("opened");
        connection.pragma_update(None, "journal_mode", "WAL").expect("WAL");
        connection.execute_batch("CREATE TABLE IF NOT EXISTS t (number INTEGER PRIMARY KEY)").expect("made");
        Commits::new(connection)
    }

    fn insert(number: i64) -> impl FnOnce(&Transaction<'_>) -> Result<i64, StoreError> + Send + 'static {
        move |transaction| {
            let inserted = transaction.execute("INSERT INTO t VALUES (?1)", params![number]);
            inserted.map_err(|source| StoreError::Database { doing: "insert", source })?;
            Ok(number)
        }
    }

    fn numbers(path: &std::path::Path) -> Vec<i64> {
        let connection = Connection::open(path).expect("opened");
        let mut statement = connection.prepare("SELECT number FROM t ORDER BY number").expect("prepared");
        let rows = statement.query_map([], |row| row.get(0)).expect("read");
        rows.collect::<Result<_, _>>().expect("numbers")
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn each_change_is_made_whole_or_not_at_all_and_told_once_it_is_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file.sqlite");
        let commits = commits(&path);
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..200_i64 {
            let (commits, path) = (commits.clone(), path.clone());
            tasks.spawn(async move {
                // Every fifth inserts, and then fails.
                let act = move |transaction: &Transaction<'_>| {
                    let inserted = insert(number)(transaction)?;
                    if number % 5 == 0 { Err(StoreError::NoName) } else { Ok(inserted) }
                };
                let done = commits.run("change", act).await;
                if done.is_ok() {
                    assert!(numbers(&path).contains(&number), "{number} was told before it was there");
                }
                (number, done.is_ok())
            });
        }
        let done = tasks.join_all().await;
        assert!(done.iter().all(|(number, ok)| *ok == (number % 5 != 0)));
        let expected: Vec<i64> = (0..200).filter(|number| number % 5 != 0).collect();
        assert_eq!(numbers(&path), expected);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_file_that_is_held_fails_all_who_wait_and_those_after_go_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file.sqlite");
        let commits = commits(&path);
        let holder = Connection::open(&path).expect("opened");
        holder.execute_batch("BEGIN IMMEDIATE").expect("held");
        let (one, two) = tokio::join!(commits.run("change", insert(1)), commits.run("change", insert(2)));
        for failed in [one, two] {
            assert!(matches!(failed, Err(StoreError::Database { doing: "change", .. })), "{failed:?}");
        }
        holder.execute_batch("COMMIT").expect("let go");
        assert_eq!(commits.run("change", insert(3)).await.expect("inserted"), 3);
        assert_eq!(numbers(&path), [3]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_change_that_panics_leaves_nothing_and_stops_nobody() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file.sqlite");
        let commits = commits(&path);
        let panics = |transaction: &Transaction<'_>| -> Result<i64, StoreError> {
            insert(1)(transaction)?;
            panic!("a fault of the test's");
        };
        assert!(matches!(commits.run("change", panics).await, Err(StoreError::Interrupted)));
        assert_eq!(commits.run("change", insert(2)).await.expect("inserted"), 2);
        assert_eq!(numbers(&path), [2]);
    }
}
