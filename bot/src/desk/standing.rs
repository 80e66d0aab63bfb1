//! What a case's notices allow: how far their senders are believed, and where an answer goes.
//!
//! Read from the notices as they were kept: nothing that a notice says of itself is stored as a permission. What was read
//! is remembered while the program runs, by the notice's digest: a case is drawn several times in its first minutes.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use jiff::Timestamp;
use notice::Reading;
use notice::Reply;
use notice::Trust;

use crate::case::Case;
use crate::case::Disposition;
use crate::pipeline::CaseFiles;
use crate::pipeline::try_read;

/// Notices that are read for it; a case's first ones tell.
const READ_MAX: usize = 5;

/// Longest notice that is read for it, bytes.
const NOTICE_MAX: u64 = 12 << 20;

/// Notices whose standing is remembered.
const REMEMBERED_MAX: usize = 512;

/// What notices allow, by their digests.
static REMEMBERED: LazyLock<Mutex<HashMap<String, Standing>>> = LazyLock::new(Mutex::default);

/// How far the senders of a case's notices are believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Belief {
    /// It claims a sender that is not proven: no button is offered.
    Refused,
    /// Nothing is known of its sender, such as a pasted text: nothing is offered that changes or sends anything.
    Unknown,
    /// An event of our own accounts, or a mail whose sender is proven.
    Proven,
}

/// What a case's notices allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Of several notices the most believed counts: it is what was reported.
    pub belief: Belief,
    /// Where the answer goes, from the most believed notice that says it.
    pub reply: Option<Reply>,
}

impl Standing {
    /// Reads the notices of a case.
    pub async fn read(files: &CaseFiles, case: &Case) -> Self {
        let mut read = Vec::new();
        for (at, noted) in case.notices.iter().take(READ_MAX).enumerate() {
            if let Some(known) = remembered().get(&noted.digest) {
                read.push(known.clone());
                continue;
            }
            let name = format!("notice-{}.eml", at + 1);
            if let Some(bytes) = files.read(&case.id, &name, NOTICE_MAX).await {
                let standing = Self::of(bytes, noted.received).await;
                remember(&noted.digest, &standing);
                read.push(standing);
            }
        }
        Self::together(read)
    }

    /// Remembers what a notice allows that was just read, as it is kept: it need not be read again for that.
    pub fn note(digest: &str, reading: &Reading) {
        // A reader that failed knows nothing, and says so only to who calls it.
        if reading.parsed.disposition != Disposition::Unreadable {
            remember(digest, &Self::by(reading));
        }
    }

    async fn of(bytes: Vec<u8>, received: Timestamp) -> Self {
        let context = notice::Context { received: Some(received), ..notice::Context::default() };
        let reading = try_read(notice::read, bytes, context).await;
        // A reader that failed knows nothing.
        reading.as_ref().map_or(Self { belief: Belief::Refused, reply: None }, Self::by)
    }

    fn by(reading: &Reading) -> Self {
        Self {
            belief: match reading.trust {
                Trust::Event | Trust::Authenticated { .. } => Belief::Proven,
                Trust::Unauthenticated { .. } => Belief::Refused,
                Trust::Unknown => Belief::Unknown,
            },
            reply: reading.reply.clone(),
        }
    }

    fn together(read: Vec<Self>) -> Self {
        let belief = read.iter().map(|one| one.belief).max().unwrap_or(Belief::Refused);
        let reply = read.into_iter().filter(|one| one.belief == belief).find_map(|one| one.reply);
        Self { belief, reply }
    }
}

fn remembered() -> MutexGuard<'static, HashMap<String, Standing>> {
    REMEMBERED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn remember(digest: &str, standing: &Standing) {
    let mut known = remembered();
    if known.len() >= REMEMBERED_MAX {
        known.clear();
    }
    known.insert(digest.to_owned(), standing.clone());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_believed_notice_counts_and_says_whom_to_answer() {
        let reply = |to: &str| {
            let (to, subject) = (to.to_owned(), "s".to_owned());
            Some(Reply { to, subject, in_reply_to: None, references: Vec::new() })
        };
        let forged = Standing { belief: Belief::Refused, reply: reply("attacker@example.net") };
        let proven = Standing { belief: Belief::Proven, reply: reply("abuse@example.com") };
        let both = Standing::together(vec![forged.clone(), proven]);
        assert_eq!(
            (both.belief, both.reply.map(|reply| reply.to)),
            (Belief::Proven, Some("abuse@example.com".to_owned()))
        );
        assert_eq!(Standing::together(vec![forged]).belief, Belief::Refused);
        assert_eq!(Standing::together(Vec::new()).belief, Belief::Refused, "nothing read, nothing offered");
    }
}
