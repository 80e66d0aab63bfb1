//! Counts what a queue gives and takes, so that health and metrics need nothing of the intake.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::intake::Delivery;
use crate::intake::Queue;
use crate::intake::QueueError;

/// A queue that was not read for so long is not being read: a long poll takes 20 s, a pause after failures 30 s.
pub const SILENCE_MAX: Duration = Duration::from_secs(150);

/// What was counted since the start.
#[derive(Debug, Clone)]
pub struct Counts {
    /// When the bot began.
    pub started: Instant,
    /// When the queue last answered.
    pub heard: Option<Instant>,
    /// Messages received, redeliveries included.
    pub received: u64,
    /// Messages worked on to the end.
    pub deleted: u64,
    /// Receives that failed.
    pub failures: u64,
    /// Why the last one did, until one succeeds.
    pub failing: Option<String>,
}

impl Counts {
    /// Why the bot does not do its work, where it does not.
    pub fn ails(&self, now: Instant) -> Option<String> {
        let silent = now.saturating_duration_since(self.heard.unwrap_or(self.started));
        (silent > SILENCE_MAX).then(|| {
            let why = self.failing.as_deref().unwrap_or("the last receive has not come back");
            format!("the queue has not been read for {} s: {why}", silent.as_secs())
        })
    }
}

/// What is counted, shared with who tells it.
#[derive(Debug, Clone)]
pub struct Watch(Arc<Mutex<Counts>>);

impl Default for Watch {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Counts {
            started: Instant::now(),
            heard: None,
            received: 0,
            deleted: 0,
            failures: 0,
            failing: None,
        })))
    }
}

impl Watch {
    /// The counts now.
    pub fn counts(&self) -> Counts {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// A queue that is watched.
pub struct Watched<Q> {
    queue: Q,
    watch: Watch,
}

impl<Q> Watched<Q> {
    /// Watches a queue.
    pub fn new(queue: Q, watch: Watch) -> Self {
        Self { queue, watch }
    }
}

#[async_trait]
impl<Q: Queue> Queue for Watched<Q> {
    async fn receive(&self, most: usize) -> Result<Vec<Delivery>, QueueError> {
        let received = self.queue.receive(most).await;
        self.watch.note(|counts| match &received {
            Ok(deliveries) => {
                counts.heard = Some(Instant::now());
                counts.received += deliveries.len() as u64;
                counts.failing = None;
            }
            Err(error) => {
                counts.failures += 1;
                counts.failing = Some(error.to_string());
            }
        });
        received
    }

    async fn hide(&self, receipt: &str, seconds: u32) -> Result<(), QueueError> {
        self.queue.hide(receipt, seconds).await
    }

    async fn delete(&self, receipt: &str) -> Result<(), QueueError> {
        let deleted = self.queue.delete(receipt).await;
        if deleted.is_ok() {
            self.watch.note(|counts| counts.deleted += 1);
        }
        deleted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken;

    #[async_trait]
    impl Queue for Broken {
        async fn receive(&self, _most: usize) -> Result<Vec<Delivery>, QueueError> {
            Err(QueueError::Failed { doing: "receive", reason: "AccessDenied".to_owned() })
        }

        async fn hide(&self, _receipt: &str, _seconds: u32) -> Result<(), QueueError> {
            Ok(())
        }

        async fn delete(&self, _receipt: &str) -> Result<(), QueueError> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_queue_that_cannot_be_read_ails_in_time_and_says_why() {
        let watch = Watch::default();
        let queue = Watched::new(Broken, watch.clone());
        assert!(queue.receive(1).await.is_err());
        queue.delete("receipt").await.expect("deleted");
        let counts = watch.counts();
        assert_eq!((counts.failures, counts.deleted), (1, 1));
        assert_eq!(counts.ails(counts.started), None, "not yet");
        let ails = counts.ails(counts.started + SILENCE_MAX * 2).expect("ails");
        assert!(ails.contains("AccessDenied"), "{ails}");
    }
}
