//! The way of one notice: read, admit, locate, ask, judge, post. Joins the edges; judges nothing itself.
//!
//! Owns the order of steps and what is stored before each, so that a kill at any point is resumed by the next
//! delivery of the notice and no step that others see is done twice: the case is stored before anything is
//! posted, the attempt to post before the post, a command's id before its answer is waited for.

mod desk;
mod files;
mod gather;
mod job;
mod once;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use ipnet::IpNet;
use jiff::Timestamp;
use thiserror::Error;
use tokio::sync::Semaphore;

use crate::case::CaseId;
use crate::case::Disposition;
use crate::case::NoticeRef;
use crate::case::Parsed;
use crate::case::store::Admission;
use crate::case::store::CaseStore;
use crate::case::store::Novelty;
use crate::case::store::Owner;
use crate::case::store::Record;
use crate::case::store::State;
use crate::case::store::StoreError;
use crate::case::store::dedupe_keys;
use crate::case::store::digest;
use crate::config::Config;
use crate::hosts::HostHistory;
use crate::locate::Locate;
use crate::notice;
use crate::playbook::Playbooks;
use crate::slack::Notifier;
use crate::slack::SlackError;

pub use desk::Desk;
pub use files::CaseFiles;
pub use once::Investigated;
pub use once::Once;

/// What became of a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Its case is stored and posted; the notice may be deleted from the queue.
    Done {
        /// The case.
        case: CaseId,
        /// Whether nothing was left to do: a redelivery.
        known: bool,
    },
    /// It could not be read. That is stored and posted; the notice is left for the dead-letter queue.
    Unreadable {
        /// The case.
        case: CaseId,
    },
    /// Somebody else works on its case now; the notice must come again.
    Busy {
        /// The case.
        case: CaseId,
    },
}

/// Why a notice could not be worked on to its end now.
#[derive(Debug, Error)]
pub enum PipelineError {
    /// The case store failed, or the lease on the case was lost.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Slack failed.
    #[error(transparent)]
    Slack(#[from] SlackError),
    /// A file of the case cannot be written.
    #[error("cannot write {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The report does not write as JSON.
    #[error("the report of {} is no JSON", case.0)]
    Report {
        /// The case.
        case: CaseId,
        /// Why.
        source: serde_json::Error,
    },
}

/// What the pipeline works with.
pub struct Edges {
    /// Where cases are kept.
    pub store: Arc<dyn CaseStore>,
    /// How hosts are found.
    pub locator: Arc<dyn Locate>,
    /// How hosts are asked.
    pub hosts: Arc<dyn HostHistory>,
    /// Where reports go.
    pub notifier: Arc<dyn Notifier>,
}

/// How a notice's bytes are read.
pub type Reader = fn(&[u8], &notice::Context) -> Parsed;

/// Works on notices.
pub struct Pipeline {
    reader: Reader,
    edges: Edges,
    playbooks: Arc<Playbooks>,
    files: CaseFiles,
    own_addresses: Vec<IpNet>,
    lease: Duration,
    questions_per_case: usize,
    /// Questions at once, over all cases.
    permits: Arc<Semaphore>,
    /// Leases held now, to be given back when work is cut short.
    held: Mutex<HashMap<String, (CaseId, Owner)>>,
}

impl Pipeline {
    /// Joins the edges.
    pub fn new(edges: Edges, playbooks: Arc<Playbooks>, config: &Config) -> Self {
        Self {
            reader: notice::parse,
            edges,
            playbooks,
            files: CaseFiles::new(&config.state_dir),
            own_addresses: config.own_networks(),
            lease: Duration::from_secs(config.limits.visibility_s.into()),
            questions_per_case: config.limits.questions_per_case,
            permits: Arc::new(Semaphore::new(config.limits.questions_at_once)),
            held: Mutex::new(HashMap::new()),
        }
    }

    /// Reads notices another way.
    pub fn with_reader(self, reader: Reader) -> Self {
        Self { reader, ..self }
    }

    /// Works on one notice as far as it can be worked on now. Dropping the future is safe at any point.
    pub async fn handle(&self, bytes: &[u8], received: Timestamp) -> Result<Outcome, PipelineError> {
        let parsed = read(self.reader, bytes, received, self.own_addresses.clone()).await;
        let admission = admission(&parsed, bytes, received);
        let admitted = self.edges.store.admit(&admission).await?;
        let case = admitted.case;
        let known = admitted.novelty == Novelty::Known;
        tracing::info!(case_id = case.0, format = parsed.format, disposition = ?parsed.disposition,
            claims = parsed.claims.len(), novelty = ?admitted.novelty, "notice admitted");
        let record = self.edges.store.load(&case).await?.ok_or_else(|| StoreError::Missing(case.clone()))?;
        self.keep_notice(&record, &admission.notice.digest, bytes).await?;
        if is_done(&record) {
            return Ok(finished(&record, known));
        }
        let owner = Owner::fresh();
        let Some(record) = self.edges.store.lease(&case, &owner, self.lease).await? else {
            return Ok(Outcome::Busy { case });
        };
        self.hold(&case, &owner);
        let worked = tokio::select! {
            worked = self.work(record, &owner) => worked,
            lost = self.keep_lease(&case, &owner) => Err(lost.into()),
        };
        self.let_go(&owner);
        if let Err(error) = self.edges.store.release(&case, &owner).await {
            tracing::warn!(case_id = case.0, error = %error, "lease not released; it expires");
        }
        worked
    }

    /// Gives back the leases of work that was cut short, so that another process need not wait for them.
    pub async fn abandon(&self) {
        let held: Vec<(CaseId, Owner)> = self
            .held
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .drain()
            .map(|(_, lease)| lease)
            .collect();
        for (case, owner) in held {
            if let Err(error) = self.edges.store.release(&case, &owner).await {
                tracing::warn!(case_id = case.0, error = %error, "lease not released; it expires");
            }
        }
    }

    async fn work(&self, record: Record, owner: &Owner) -> Result<Outcome, PipelineError> {
        if is_done(&record) {
            return Ok(finished(&record, true));
        }
        let job = job::Job::new(self, record, owner);
        job.run().await
    }

    /// Renews the lease until that fails.
    async fn keep_lease(&self, case: &CaseId, owner: &Owner) -> StoreError {
        loop {
            tokio::time::sleep(self.lease / 3).await;
            match self.edges.store.renew(case, owner, self.lease).await {
                Ok(()) => {}
                Err(lost @ StoreError::LeaseLost(_)) => return lost,
                // The lease holds on for two more tries.
                Err(error) => tracing::warn!(case_id = case.0, error = %error, "lease not renewed"),
            }
        }
    }

    /// Keeps the notice's bytes beside its case, under its number.
    async fn keep_notice(&self, record: &Record, digest: &str, bytes: &[u8]) -> Result<(), PipelineError> {
        let Some(at) = record.case.notices.iter().position(|notice| notice.digest == digest) else {
            tracing::warn!(
                case_id = record.case.id.0,
                "the case holds no more notices; this one is not kept"
            );
            return Ok(());
        };
        self.files.write_new(&record.case.id, &format!("notice-{}.eml", at + 1), bytes).await
    }

    fn hold(&self, case: &CaseId, owner: &Owner) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.insert(owner.to_string(), (case.clone(), owner.clone()));
    }

    fn let_go(&self, owner: &Owner) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(&owner.to_string());
    }
}

/// Reads a notice where a panic of a reader costs that notice only.
async fn read(reader: Reader, bytes: &[u8], received: Timestamp, own_addresses: Vec<IpNet>) -> Parsed {
    let bytes = bytes.to_vec();
    let context = notice::Context { received: Some(received), own_addresses };
    let reading = tokio::task::spawn_blocking(move || reader(&bytes, &context));
    reading.await.unwrap_or_else(|_| Parsed {
        format: "generic".to_owned(),
        disposition: Disposition::Unreadable,
        case_id: None,
        deadline: None,
        claims: Vec::new(),
        warnings: vec!["the reader failed on this notice; that is a fault of Gumshoe".to_owned()],
    })
}

fn admission(parsed: &Parsed, bytes: &[u8], received: Timestamp) -> Admission {
    let digest = digest(bytes);
    Admission {
        keys: dedupe_keys(parsed, &digest),
        notice: NoticeRef::of(parsed, digest, received),
        claims: parsed.claims.clone(),
        deadline: parsed.deadline,
        disposition: parsed.disposition,
    }
}

/// Whether nothing is left to do for a case and all of its notices.
fn is_done(record: &Record) -> bool {
    record.work.state == State::Done
        && record.case.notices.iter().all(|notice| record.work.considered.contains(&notice.digest))
}

fn finished(record: &Record, known: bool) -> Outcome {
    let case = record.case.id.clone();
    match record.disposition {
        Disposition::Unreadable => Outcome::Unreadable { case },
        _ => Outcome::Done { case, known },
    }
}
