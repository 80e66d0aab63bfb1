//! Copies of the ledger of addresses in the table of cases, for bots whose disk does not outlive them.
//!
//! EC2 does not say who held an address before, so a container that is replaced must not begin with an empty ledger. Each
//! bot keeps its own, since each looks at all places; the last copy of any of them is where the next one begins. What
//! happened between that copy and its first look is a hole, which the ledger knows. A ledger that is there is never
//! replaced.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::ledger::CopyError;
use super::ledger::Ledger;
use super::ledger::LedgerError;
use crate::case::store::DynamoStore;
use crate::case::store::StoreError;

/// How often a copy is made.
const EVERY: Duration = Duration::from_secs(15 * 60);

/// The copy's name in the table.
const NAME: &str = "addresses.sqlite";

/// Why a copy was not made, or is not used.
#[derive(Debug, Error)]
pub enum CopiesError {
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// It could not be copied.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// The table failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The copy could not be put in place.
    #[error("cannot write {}", path.display())]
    Place {
        /// Where.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The thread that copies ended.
    #[error("the copy of the address ledger did not end")]
    Interrupted,
}

/// Copies of one ledger.
#[derive(Debug, Clone)]
pub struct Copies {
    table: Arc<DynamoStore>,
    ledger: Ledger,
    folder: PathBuf,
}

impl Copies {
    /// Opens the ledger at a path, from the last copy where there is none yet. A copy that cannot be had, or is none, is no
    /// reason to do without a ledger: it is logged, and the ledger begins empty.
    pub async fn open(table: Arc<DynamoStore>, path: &Path) -> Result<Self, CopiesError> {
        let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
        let made = tokio::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).await;
        made.map_err(|source| CopiesError::Place { path: folder.clone(), source })?;
        if let Err(error) = restore(&table, path, &folder).await {
            tracing::error!(error = %error, "the copy of the address ledger is not used; it begins empty");
        }
        Ok(Self { table, ledger: Ledger::open(path)?, folder })
    }

    /// The ledger.
    pub fn ledger(&self) -> Ledger {
        self.ledger.clone()
    }

    /// Makes a copy.
    pub async fn keep(&self) -> Result<(), CopiesError> {
        let (ledger, folder) = (self.ledger.clone(), self.folder.clone());
        let copied = tokio::task::spawn_blocking(move || ledger.copy(&folder)).await;
        let content = copied.map_err(|_| CopiesError::Interrupted)??;
        Ok(self.table.write_own_file(NAME, &content).await?)
    }

    /// Makes copies again and again; ends never.
    pub async fn keep_forever(self) {
        loop {
            tokio::time::sleep(EVERY).await;
            if let Err(error) = self.keep().await {
                tracing::error!(error = %error, "address ledger not copied");
            }
        }
    }
}

async fn restore(table: &DynamoStore, path: &Path, folder: &Path) -> Result<(), CopiesError> {
    let failed = |source| CopiesError::Place { path: path.to_owned(), source };
    if tokio::fs::try_exists(path).await.map_err(failed)? {
        return Ok(());
    }
    let Some(content) = table.read_own_file(NAME).await? else { return Ok(()) };
    let draft = folder.join(format!(".ledger-{:016x}", fastrand::u64(..)));
    tokio::fs::write(&draft, &content).await.map_err(failed)?;
    // What is no ledger of ours must not be in the way of one.
    let opened = Ledger::open(&draft).map(drop);
    match opened {
        Ok(()) => tokio::fs::rename(&draft, path).await.map_err(failed)?,
        Err(error) => {
            let _ = tokio::fs::remove_file(&draft).await;
            return Err(error.into());
        }
    }
    tracing::info!(bytes = content.len(), "address ledger restored from its copy");
    Ok(())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::ledger::Holding;
    use super::*;
    use crate::aws::json::DYNAMODB;
    use crate::aws::json::JsonCalls;
    use crate::case::store::table_schema;
    use crate::testing::Moto;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_bot_on_a_new_disk_knows_who_held_an_address() {
        let moto = Moto::start();
        let calls = JsonCalls::new(&moto.sdk(), DYNAMODB);
        calls.call("CreateTable", &table_schema("cases")).await.expect("made");
        let table = || Arc::new(DynamoStore::new(&moto.sdk(), "cases", Duration::from_secs(3_600)));
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name).join("addresses.sqlite");
        let address = "203.0.113.10".parse().expect("an address");
        let at = |minute: i64| Timestamp::from_second(1_790_000_000 + 60 * minute).expect("a time");

        let first = Copies::open(table(), &path("first")).await.expect("opened");
        let held = [Holding { address, holder: "i-1".to_owned() }];
        for minute in [0, 5, 10] {
            first.ledger().look("here", at(minute), &held).expect("written");
        }
        first.keep().await.expect("copied");
        first.ledger().look("here", at(15), &[]).expect("written");

        let holders = async |copies: &Copies| {
            let past = copies.ledger().holders(address, at(1), at(9), &["here".to_owned()]).expect("read");
            (past.held.iter().map(|held| held.holder.clone()).collect::<Vec<_>>(), past.is_complete)
        };
        // Its folder does not even exist.
        let second = Copies::open(table(), &path("second")).await.expect("opened");
        assert_eq!(holders(&second).await, (vec!["i-1".to_owned()], true));
        // The first one goes on with its own.
        let again = Copies::open(table(), &path("first")).await.expect("opened");
        let past = again.ledger().holders(address, at(16), at(17), &["here".to_owned()]).expect("read");
        assert!(past.held.is_empty(), "{past:?}");
        // What is no ledger is left where it is, and one begins empty.
        table().write_own_file(NAME, &[7; 5_000]).await.expect("written");
        let third = Copies::open(table(), &path("third")).await.expect("opened");
        assert_eq!(holders(&third).await, (Vec::new(), false));
        let left: Vec<_> = std::fs::read_dir(folder.path().join("third")).expect("a folder").collect();
        assert!(left.iter().all(|entry| {
            let name = entry.as_ref().expect("an entry").file_name();
            name.to_string_lossy().starts_with("addresses.sqlite")
        }));
    }
}
