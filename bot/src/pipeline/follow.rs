//! Where AWS's events on the queue go: addresses to the ledger, ended commands to who waits for them.

use crate::hosts::Signals;
use crate::locate::Event;
use crate::locate::Watch;
use crate::locate::WatchError;
use crate::locate::What;

/// Hands events on.
#[derive(Debug, Default)]
pub struct Follower {
    watch: Option<Watch>,
    signals: Signals,
}

impl Follower {
    /// Tells the ledger, where one is kept, and who waits for commands.
    pub fn new(watch: Option<Watch>, signals: Signals) -> Self {
        Self { watch, signals }
    }

    /// Hands one event on. When that fails the event must come again.
    pub async fn follow(&self, event: &Event) -> Result<(), WatchError> {
        if let What::Command { command, instance } = &event.what {
            self.signals.ended(command, instance);
        }
        match &self.watch {
            Some(watch) => watch.follow(event).await,
            None => Ok(()),
        }
    }
}
