//! The way of one notice: read, admit, locate, ask, judge, post. Joins the edges; judges nothing itself.
//!
//! Owns the order of steps and what is stored before each, so that a kill at any point is resumed by the next
//! delivery of the notice and no step that others see is done twice: the case is stored before anything is
//! posted, the attempt to post before the post, a command's id before its answer is waited for.

mod files;
mod follow;
mod gather;
mod job;
mod once;
mod pictures;
mod readers;
mod whose;

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
use crate::case::store::Admission;
use crate::case::store::CaseStore;
use crate::case::store::DeedStore;
use crate::case::store::Novelty;
use crate::case::store::Owner;
use crate::case::store::Record;
use crate::case::store::State;
use crate::case::store::StoreError;
use crate::case::store::dedupe_keys;
use crate::case::store::identity;
use crate::config::Config;
use crate::desk::Drawing;
use crate::desk::Standing;
use crate::hosts::HostHistory;
use crate::intake::StoredMails;
use crate::locate::Event;
use crate::locate::Locate;
use crate::locate::WatchError;
use crate::notice;
use crate::notice::Reading;
use crate::playbook::Playbooks;
use crate::slack::Notifier;
use crate::slack::SlackError;
use pictures::Pictures;
use readers::read;

pub use files::CaseFiles;
pub use follow::Follower;
pub use job::page;
pub use once::Investigated;
pub use once::Once;
pub use readers::try_read;

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
    /// Its mail could not be fetched. That is stored and posted; the message must come again.
    Unfetched {
        /// The case.
        case: CaseId,
    },
    /// It is an event for machines; it was counted and may be deleted.
    Ignored {
        /// Its layout.
        layout: String,
    },
    /// Somebody else works on its case now; the notice must come again.
    Busy {
        /// The case.
        case: CaseId,
    },
}

impl Outcome {
    /// What became of it, for who pasted it.
    pub fn said(&self) -> String {
        match self {
            Self::Done { case, known: false } => {
                format!("That is case {}; its report is in the channel.", case.0)
            }
            Self::Done { case, known: true } => format!("That notice is known: case {}.", case.0),
            Self::Unreadable { case } => {
                format!("Nothing in it could be understood; it is kept as case {}.", case.0)
            }
            Self::Unfetched { case } => format!("Its mail could not be fetched yet: case {}.", case.0),
            Self::Ignored { .. } => "That is an event for machines; it accuses nobody.".to_owned(),
            Self::Busy { case } => format!("It is being worked on already: case {}.", case.0),
        }
    }
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
    /// What an event tells could not be written down.
    #[error(transparent)]
    Watch(#[from] WatchError),
    /// A file of the case cannot be read or written.
    #[error("cannot read or write {}", path.display())]
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
    /// Where mails lie that a message only points at.
    pub mails: Arc<dyn StoredMails>,
    /// What follows AWS's events about addresses and commands.
    pub follower: Arc<Follower>,
}

/// How a notice's bytes are read.
pub type Reader = fn(&[u8], &notice::Context) -> Reading;

/// Works on notices.
pub struct Pipeline {
    reader: Reader,
    edges: Edges,
    playbooks: Arc<Playbooks>,
    files: CaseFiles,
    pictures: Pictures,
    own_addresses: Vec<IpNet>,
    face: Option<(Drawing, Arc<dyn DeedStore>)>,
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
            reader: notice::read,
            edges,
            playbooks,
            files: CaseFiles::new(&config.state_dir),
            pictures: Pictures::default(),
            own_addresses: config.own_networks(),
            face: None,
            lease: Duration::from_secs(config.limits.visibility_s.into()),
            questions_per_case: config.limits.questions_per_case,
            permits: Arc::new(Semaphore::new(config.limits.questions_at_once)),
            held: Mutex::new(HashMap::new()),
        }
    }

    /// Draws reports with what people did about their cases, and with buttons.
    pub fn with_face(self, drawing: Drawing, deeds: Arc<dyn DeedStore>) -> Self {
        Self { face: Some((drawing, deeds)), ..self }
    }

    /// Keeps the files of cases there.
    pub fn with_files(self, files: CaseFiles) -> Self {
        Self { files, ..self }
    }

    /// Reads notices another way.
    pub fn with_reader(self, reader: Reader) -> Self {
        Self { reader, ..self }
    }

    /// Works on one notice as far as it can be worked on now. Dropping the future is safe at any point.
    pub async fn handle(&self, message: &[u8], received: Timestamp) -> Result<Outcome, PipelineError> {
        if let Some(event) = Event::read(message) {
            self.edges.follower.follow(&event).await?;
            self.count(event.kind(), "followed", received).await;
            return Ok(Outcome::Ignored { layout: event.kind().to_owned() });
        }
        let mut reading = self.read(message, received, None).await;
        if reading.quiet {
            let layout = reading.layout;
            self.count(&layout, "ignored", received).await;
            return Ok(Outcome::Ignored { layout });
        }
        let (mail, lacks_mail) = self.fetch(&mut reading, message, received).await;
        let context = self.context(received, mail.clone());
        let reading =
            whose::settle(self.edges.locator.as_ref(), self.reader, message, context, reading).await;
        let bytes = mail.as_deref().unwrap_or(message);
        let admission = admission(&reading, bytes, received);
        let admitted = self.edges.store.admit(&admission).await?;
        let case = admitted.case;
        let known = admitted.novelty == Novelty::Known;
        if mail.is_none() && !known {
            // What is kept is what was read: of a notice that comes again the first copy is kept.
            Standing::note(&admission.notice.digest, &reading);
        }
        let parsed = &reading.parsed;
        tracing::info!(case_id = case.0, format = parsed.format, layout = reading.layout,
            disposition = ?parsed.disposition, stage = ?reading.stage, claims = parsed.claims.len(),
            novelty = ?admitted.novelty, "notice admitted");
        if !known {
            self.count(&reading.layout, outcome_name(parsed.disposition), received).await;
        }
        let worked = self.work_on(case, &admission.notice.digest, bytes, known).await?;
        Ok(match worked {
            Outcome::Unreadable { case } | Outcome::Done { case, .. } if lacks_mail => {
                Outcome::Unfetched { case }
            }
            worked => worked,
        })
    }

    /// Fetches the mail that a message only points at and reads it. Where it cannot be fetched, the reading of
    /// the message says so, and the message must come again.
    async fn fetch(
        &self,
        reading: &mut Reading,
        message: &[u8],
        received: Timestamp,
    ) -> (Option<Vec<u8>>, bool) {
        let Some(place) = reading.stored_at.clone() else {
            return (None, false);
        };
        match self.edges.mails.fetch(&place).await {
            Ok(mail) => {
                let context = self.context(received, Some(mail.clone()));
                *reading =
                    Reading { stored_at: Some(place), ..read(self.reader, message.to_vec(), context).await };
                (Some(mail), false)
            }
            Err(error) => {
                tracing::error!(place, error = %error, "mail not fetched");
                reading.parsed.warnings.insert(0, format!("the mail could not be fetched yet: {error}"));
                (None, true)
            }
        }
    }

    async fn read(&self, message: &[u8], received: Timestamp, mail: Option<Vec<u8>>) -> Reading {
        read(self.reader, message.to_vec(), self.context(received, mail)).await
    }

    fn context(&self, received: Timestamp, mail: Option<Vec<u8>>) -> notice::Context {
        notice::Context {
            received: Some(received),
            own_addresses: self.own_addresses.clone(),
            own_is_complete: false,
            mail,
        }
    }

    /// Counts a notice; a count that is lost is no reason to lose the notice.
    async fn count(&self, layout: &str, outcome: &str, at: Timestamp) {
        if let Err(error) = self.edges.store.count_outcome(layout, outcome, at).await {
            tracing::warn!(layout, outcome, error = %error, "notice not counted");
        }
    }

    async fn work_on(
        &self,
        case: CaseId,
        digest: &str,
        bytes: &[u8],
        known: bool,
    ) -> Result<Outcome, PipelineError> {
        let record = self.edges.store.load(&case).await?.ok_or_else(|| StoreError::Missing(case.clone()))?;
        self.keep_notice(&record, digest, bytes).await?;
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

fn admission(reading: &Reading, bytes: &[u8], received: Timestamp) -> Admission {
    let identity = identity(reading, bytes);
    let parsed = &reading.parsed;
    Admission {
        keys: dedupe_keys(reading, &identity),
        notice: NoticeRef::of(parsed, identity, received),
        claims: parsed.claims.clone(),
        deadline: parsed.deadline,
        disposition: parsed.disposition,
    }
}

fn outcome_name(disposition: Disposition) -> &'static str {
    match disposition {
        Disposition::Claims => "claims",
        Disposition::NotAbuse => "not_abuse",
        Disposition::Inbound => "inbound",
        Disposition::Unreadable => "unreadable",
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
