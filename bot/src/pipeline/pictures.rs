//! How many pictures are drawn: each takes some tens of milliseconds of a processor and some ten megabytes, which a flood
//! of notices would multiply. Who goes without has the same picture in the page.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use tokio::sync::Semaphore;

use crate::report;
use crate::report::Report;

/// Pictures drawn at once: two would be most of what the bot may take of memory.
const AT_ONCE: usize = 1;

/// Pictures of a burst; after it, one each so often: a flood's cases are looked at one by one by nobody.
const BURST: f64 = 10.0;
const EVERY: Duration = Duration::from_secs(15);

/// Draws pictures within bounds.
#[derive(Debug)]
pub struct Pictures {
    at_once: Arc<Semaphore>,
    /// How many are saved up, and when that was counted.
    saved: Mutex<(f64, Instant)>,
}

impl Default for Pictures {
    fn default() -> Self {
        Self { at_once: Arc::new(Semaphore::new(AT_ONCE)), saved: Mutex::new((BURST, Instant::now())) }
    }
}

impl Pictures {
    /// The picture of a report; none where there is nothing to draw, or where too many are drawn.
    pub async fn draw(&self, report: &Report) -> Option<Vec<u8>> {
        if !self.may(Instant::now()) {
            tracing::warn!(
                case_id = report.case_id.0,
                "too many cases for a picture of each; the page has it"
            );
            return None;
        }
        let _permit = self.at_once.acquire().await;
        let drawn = report.clone();
        tokio::task::spawn_blocking(move || report::png(&drawn)).await.unwrap_or_default()
    }

    fn may(&self, now: Instant) -> bool {
        let mut saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, since) = *saved;
        let left = (left + now.duration_since(since).as_secs_f64() / EVERY.as_secs_f64()).min(BURST);
        let may = left >= 1.0;
        *saved = (if may { left - 1.0 } else { left }, now);
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_burst_one_is_drawn_each_so_often() {
        let pictures = Pictures::default();
        let begun = Instant::now();
        let drawn = (0..100).filter(|_| pictures.may(begun)).count();
        assert_eq!(drawn, BURST as usize);
        assert!(!pictures.may(begun + EVERY / 2));
        assert!(pictures.may(begun + EVERY * 3 / 2));
        assert!(!pictures.may(begun + EVERY * 3 / 2));
    }
}
