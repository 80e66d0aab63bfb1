//! Taking notices from the queue: one lease per message, renewed while it is worked on, deleted last.
//!
//! Owns what happens to a message; refuses to look into it. A message is deleted only when the pipeline says
//! that its case is stored and posted. Work whose lease was lost is dropped: somebody else has the message.

mod mails;
mod sqs;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::config::Limits;
use crate::pipeline::Outcome;
use crate::pipeline::Pipeline;
use crate::pipeline::PipelineError;

pub use mails::FetchError;
pub use mails::S3Mails;
pub use mails::StoredMails;
pub use sqs::SqsQueue;

/// Messages that one receive may bring; SQS allows no more.
const BATCH_MAX: usize = 10;

/// Longest pause after a queue that cannot be read.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// One delivery of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The message's id, for logs.
    pub id: String,
    /// What stands for this delivery in later calls.
    pub receipt: String,
    /// The message.
    pub body: String,
    /// When it was put in the queue.
    pub sent: Option<Timestamp>,
    /// How often it was delivered, this time included.
    pub receives: u32,
}

/// Why the queue did not do it.
#[derive(Debug, Error)]
pub enum QueueError {
    /// The delivery is no longer ours: its time ran out, or the message is gone.
    #[error("the lease on a message was lost: {reason}")]
    Lost {
        /// In words.
        reason: String,
    },
    /// It failed otherwise.
    #[error("cannot {doing}: {reason}")]
    Failed {
        /// What was tried.
        doing: &'static str,
        /// In words.
        reason: String,
    },
}

/// A queue of notices.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Waits for messages, at most `most` and at most as long as one long poll.
    async fn receive(&self, most: usize) -> Result<Vec<Delivery>, QueueError>;

    /// Hides a delivered message from others for a time from now; 0 s gives it back.
    async fn hide(&self, receipt: &str, seconds: u32) -> Result<(), QueueError>;

    /// Deletes a delivered message.
    async fn delete(&self, receipt: &str) -> Result<(), QueueError>;
}

/// Takes messages and hands them to the pipeline.
pub struct Intake {
    queue: Arc<dyn Queue>,
    pipeline: Arc<Pipeline>,
    limits: Limits,
    /// Receipts of the messages that are worked on now, by a number of their own.
    taken: Arc<Mutex<HashMap<u64, String>>>,
}

impl Intake {
    /// Joins a queue and a pipeline.
    pub fn new(queue: Arc<dyn Queue>, pipeline: Arc<Pipeline>, limits: Limits) -> Self {
        Self { queue, pipeline, limits, taken: Arc::default() }
    }

    /// Takes messages until `stop` turns true; then ends what is worked on, or gives it back.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        let permits = Arc::new(Semaphore::new(self.limits.concurrency));
        let mut tasks = JoinSet::new();
        let mut failures = 0_u32;
        let mut number = 0_u64;
        while !*stop.borrow() {
            while tasks.try_join_next().is_some() {}
            let received = tokio::select! {
                _ = stop.changed() => break,
                received = self.receive(&permits) => received,
            };
            match received {
                Ok(deliveries) => {
                    failures = 0;
                    for (delivery, permit) in deliveries {
                        number += 1;
                        let worker = self.worker(delivery, number);
                        tasks.spawn(async move {
                            let _permit = permit;
                            worker.work().await;
                        });
                    }
                }
                Err(error) => {
                    failures += 1;
                    let pause = PAUSE_MAX.min(Duration::from_millis(500 << failures.min(6)));
                    tracing::error!(error = %error, failures, pause_ms = pause.as_millis() as u64, "queue not read");
                    tokio::select! {
                        _ = stop.changed() => break,
                        () = tokio::time::sleep(pause) => {}
                    }
                }
            }
        }
        self.drain(tasks).await;
    }

    /// Waits for room, then for messages; each comes with its permit.
    async fn receive(
        &self,
        permits: &Arc<Semaphore>,
    ) -> Result<Vec<(Delivery, tokio::sync::OwnedSemaphorePermit)>, QueueError> {
        let closed =
            |_| QueueError::Failed { doing: "take a message", reason: "the intake is closed".to_owned() };
        let mut held = vec![Arc::clone(permits).acquire_owned().await.map_err(closed)?];
        while held.len() < BATCH_MAX
            && let Ok(permit) = Arc::clone(permits).try_acquire_owned()
        {
            held.push(permit);
        }
        let deliveries = self.queue.receive(held.len()).await?;
        Ok(deliveries.into_iter().zip(held).collect())
    }

    fn worker(&self, delivery: Delivery, number: u64) -> Worker {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).insert(number, delivery.receipt.clone());
        Worker {
            queue: Arc::clone(&self.queue),
            pipeline: Arc::clone(&self.pipeline),
            limits: self.limits,
            taken: Arc::clone(&self.taken),
            number,
            delivery,
        }
    }

    /// Ends what is worked on within its time; what is left goes back to the queue at once.
    async fn drain(&self, mut tasks: JoinSet<()>) {
        tracing::info!(messages = tasks.len(), drain_s = self.limits.drain_s, "draining");
        let all = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(Duration::from_secs(self.limits.drain_s), all).await.is_ok() {
            return;
        }
        tasks.shutdown().await;
        self.pipeline.abandon().await;
        let left: Vec<String> = self
            .taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .drain()
            .map(|(_, receipt)| receipt)
            .collect();
        tracing::warn!(messages = left.len(), "giving messages back");
        for receipt in left {
            if let Err(error) = self.queue.hide(&receipt, 0).await {
                tracing::warn!(error = %error, "message not given back; it returns when its time is out");
            }
        }
    }
}

/// The work on one delivery.
struct Worker {
    queue: Arc<dyn Queue>,
    pipeline: Arc<Pipeline>,
    limits: Limits,
    taken: Arc<Mutex<HashMap<u64, String>>>,
    number: u64,
    delivery: Delivery,
}

impl Worker {
    async fn work(self) {
        let received = self.delivery.sent.unwrap_or_else(Timestamp::now);
        let handled = tokio::select! {
            handled = self.pipeline.handle(self.delivery.body.as_bytes(), received) => Some(handled),
            lost = self.keep() => {
                tracing::warn!(message_id = self.delivery.id, error = %lost, "work dropped");
                None
            }
        };
        if let Some(handled) = handled
            && let Err(error) = self.end(handled).await
        {
            tracing::warn!(message_id = self.delivery.id, error = %error, "message will come again");
        }
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }

    /// Keeps the message hidden until that is certain to have failed.
    async fn keep(&self) -> QueueError {
        let visibility = Duration::from_secs(self.limits.visibility_s.into());
        let mut until = Instant::now() + visibility;
        loop {
            tokio::time::sleep(visibility / 3).await;
            match self.queue.hide(&self.delivery.receipt, self.limits.visibility_s).await {
                Ok(()) => until = Instant::now() + visibility,
                Err(lost @ QueueError::Lost { .. }) => return lost,
                Err(error) if Instant::now() >= until => return error,
                Err(error) => {
                    tracing::warn!(message_id = self.delivery.id, error = %error, "lease not renewed")
                }
            }
        }
    }

    /// What becomes of the message.
    async fn end(&self, handled: Result<Outcome, PipelineError>) -> Result<(), QueueError> {
        let receipt = &self.delivery.receipt;
        let message_id = &self.delivery.id;
        let receives = self.delivery.receives;
        match handled {
            Ok(Outcome::Done { case, known }) => {
                self.queue.delete(receipt).await?;
                tracing::info!(message_id, case_id = case.0, known, "notice deleted from the queue");
            }
            Ok(Outcome::Ignored { layout }) => {
                self.queue.delete(receipt).await?;
                tracing::info!(message_id, layout, "event for machines counted and deleted from the queue");
            }
            Ok(Outcome::Unfetched { case }) => {
                let retry_s = back_off_s(receives);
                tracing::warn!(message_id, case_id = case.0, receives, retry_s, "mail will be fetched again");
                self.queue.hide(receipt, retry_s).await?;
            }
            Ok(Outcome::Unreadable { case }) if receives > self.limits.receives => {
                // There is no dead-letter queue, or it would be there by now. The notice is kept with its case.
                self.queue.delete(receipt).await?;
                tracing::warn!(
                    message_id,
                    case_id = case.0,
                    receives,
                    "unreadable notice deleted from the queue"
                );
            }
            Ok(Outcome::Unreadable { case }) => {
                tracing::warn!(
                    message_id,
                    case_id = case.0,
                    receives,
                    "unreadable notice left for the dead letters"
                );
                self.queue.hide(receipt, 1).await?;
            }
            Ok(Outcome::Busy { case }) => {
                tracing::info!(message_id, case_id = case.0, "case is worked on by somebody else");
                self.queue.hide(receipt, (self.limits.visibility_s / 4).clamp(1, 30)).await?;
            }
            Err(error) => {
                let retry_s = back_off_s(receives);
                tracing::error!(message_id, receives, retry_s, error = chain(&error), "notice not worked on");
                self.queue.hide(receipt, retry_s).await?;
            }
        }
        Ok(())
    }
}

/// 5 s, doubled at each delivery, at most 15 minutes.
fn back_off_s(receives: u32) -> u32 {
    (5_u32 << receives.saturating_sub(1).min(8)).min(900)
}

/// An error with what caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
