//! Word from the queue that a command ended, for who waits for it: an answer need not wait for the next poll.
//!
//! Word may never come (no rule sends it here) or come to another replica; so polling goes on beside it.

use tokio::sync::broadcast;

/// Words that may wait for a slow listener; one that is missed costs a poll.
const KEPT: usize = 4_096;

/// Words about commands.
#[derive(Debug, Clone)]
pub struct Signals {
    ended: broadcast::Sender<(String, String)>,
}

impl Default for Signals {
    fn default() -> Self {
        Self { ended: broadcast::Sender::new(KEPT) }
    }
}

impl Signals {
    /// Tells that a command ended on an instance.
    pub fn ended(&self, command: &str, instance: &str) {
        // Nobody may be listening; then nobody waits.
        let _ = self.ended.send((command.to_owned(), instance.to_owned()));
    }

    /// Listens from now on.
    pub fn listen(&self) -> Listener {
        Listener { words: self.ended.subscribe() }
    }
}

/// One who listens.
#[derive(Debug)]
pub struct Listener {
    words: broadcast::Receiver<(String, String)>,
}

impl Listener {
    /// Waits until word comes that a command ended on one of its instances, or that words were missed.
    pub async fn heard(&mut self, command: &str) {
        loop {
            match self.words.recv().await {
                Ok((ended, _)) if ended == command => return,
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(_)) => return,
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn word_of_another_command_wakes_nobody() {
        let signals = Signals::default();
        let mut listener = signals.listen();
        signals.ended("c-2", "i-1");
        let waited = tokio::time::timeout(Duration::from_millis(50), listener.heard("c-1")).await;
        assert!(waited.is_err());
        signals.ended("c-1", "i-1");
        listener.heard("c-1").await;
    }
}
