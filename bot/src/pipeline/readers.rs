//! The threads on which notices are read. Owns how many there are; knows nothing of what a notice says.
//!
//! Each thread that matches a pattern fills a cache of that pattern for itself, megabytes over all of them, and the cache
//! stays. So notices are read by these few and never by whichever thread is free.

use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::mpsc;
use std::thread;

use tokio::sync::oneshot;

use super::Reader;
use crate::case::Disposition;
use crate::case::Parsed;
use crate::notice;
use crate::notice::Reading;

/// No more than these, however many processors there are.
const READERS_MAX: usize = 8;

/// One notice to be read. Who waits for it may have gone.
struct Unread {
    reader: Reader,
    bytes: Vec<u8>,
    context: notice::Context,
    answer: oneshot::Sender<Reading>,
}

static UNREAD: LazyLock<mpsc::Sender<Unread>> = LazyLock::new(start);

/// Reads a notice where a panic of a reader costs that notice only: it is then unreadable.
pub async fn read(reader: Reader, bytes: Vec<u8>, context: notice::Context) -> Reading {
    try_read(reader, bytes, context).await.unwrap_or_else(failed)
}

/// Reads a notice; none where the reader panicked.
pub async fn try_read(reader: Reader, bytes: Vec<u8>, context: notice::Context) -> Option<Reading> {
    let (answer, answered) = oneshot::channel();
    // The threads never end; if none could be started nobody answers, as if it had failed.
    let _ = UNREAD.send(Unread { reader, bytes, context, answer });
    answered.await.ok()
}

/// Starts as many readers as there are processors: two at the least, so that one long notice does not hold up all others.
fn start() -> mpsc::Sender<Unread> {
    let (sender, unread) = mpsc::channel();
    let unread = Arc::new(Mutex::new(unread));
    let count = thread::available_parallelism().map_or(2, usize::from).clamp(2, READERS_MAX);
    for _ in 0..count {
        let unread = Arc::clone(&unread);
        if let Err(error) = thread::Builder::new().name("reader".to_owned()).spawn(move || work(&unread)) {
            tracing::error!(error = %error, "a reader of notices could not be started");
        }
    }
    sender
}

fn work(unread: &Mutex<mpsc::Receiver<Unread>>) {
    loop {
        let next = unread.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Unread { reader, bytes, context, answer }) = next else { return };
        if answer.is_closed() {
            continue;
        }
        if let Ok(reading) = catch_unwind(AssertUnwindSafe(|| reader(&bytes, &context))) {
            // Nobody may wait any more.
            let _ = answer.send(reading);
        }
    }
}

fn failed() -> Reading {
    Reading::plain(Parsed {
        format: "generic".to_owned(),
        disposition: Disposition::Unreadable,
        case_id: None,
        deadline: None,
        claims: Vec::new(),
        warnings: vec!["the reader failed on this notice; that is a fault of Gumshoe".to_owned()],
        aside: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reader_that_panics_costs_that_notice_only() {
        let panics: Reader = |_, _| panic!("a reader's fault, on purpose");
        for _ in 0..2 * READERS_MAX {
            let reading = read(panics, Vec::new(), notice::Context::default()).await;
            assert_eq!(reading.parsed.disposition, Disposition::Unreadable);
        }
        let bytes = b"Your host 203.0.113.5 scanned us.".to_vec();
        let reading = read(notice::read, bytes, notice::Context::default()).await;
        assert_ne!(reading.parsed.warnings, failed().parsed.warnings);
    }
}
