//! The ring on disk: one open log, sealed segments, and the limits they are kept within.
//!
//! A ring is a directory. `log-ID.gslog` holds what is being recorded, from event ID on; when it is full it is
//! sealed to `segment-FIRST-LAST.parquet` and removed. Names carry ids, so that a reader knows order and
//! completeness from the directory alone, and a log whose events stand in a segment is ignored. Every file
//! explains itself: each process that its events name stands in it, with its ancestors and the login that
//! began its session. Beside them lie `chain`, `marks` and `seal.key`, as told in [`chain`].

mod about;
mod chain;
mod checked;
mod chunk;
mod columns;
mod export;
mod files;
mod follow;
mod log;
mod peek;
mod reader;
mod sealer;
mod segment;
mod select;
mod spans;
mod verify;
mod writer;

use std::path::Path;
use std::path::PathBuf;

use thiserror::Error;

pub(crate) use about::About;
pub use chain::ChainLine;
pub use chain::SegmentName;
pub use chain::chain_lines;
pub use chain::read_chain_lines;
pub use checked::SegmentStore;
pub use export::ParquetExport;
pub(crate) use files::RingFile;
pub(crate) use files::about;
pub(crate) use files::catalogue;
pub(crate) use files::catalogue_of;
pub use files::events;
pub use files::visit_events;
pub(crate) use files::visit_habits;
pub(crate) use files::visit_log;
pub(crate) use files::visit_log_in;
pub(crate) use files::visit_segment;
pub use files::visit_window;
pub use follow::Follow;
pub(crate) use log::Logged;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) use log::decode as decode_frame;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) use peek::flow as peek_flow;
pub use sealer::RingSize;
pub(crate) use select::Selection;
pub(crate) use select::Sought;
pub(crate) use spans::NOT_ARCHIVED;
pub(crate) use spans::NOT_RECORDED;
pub use spans::Span;
pub(crate) use spans::cover;
pub(crate) use spans::join;
pub use verify::BadKey;
pub use verify::Finding;
pub use verify::Severity;
pub use verify::Verification;
pub use verify::VerificationKey;
pub use verify::setup_seal;
pub use verify::verify;
pub use verify::verify_copy;
pub use writer::KnownProcesses;
pub use writer::Ring;
pub use writer::RingLimits;

/// Why a ring cannot be read or written.
#[derive(Debug, Error)]
pub enum RingError {
    /// A file operation failed.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another recorder writes here.
    #[error("another recorder writes to the ring in {}", .0.display())]
    Locked(PathBuf),
    /// An event could not be put in the log's form.
    #[error("cannot encode an event: {source}")]
    Encode {
        /// Why.
        source: postcard::Error,
    },
    /// An event is larger than a frame can be.
    #[error("an event of {bytes} bytes is larger than the limit of {limit}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The disk takes nothing, and what waits for it has reached its limit: this event is lost.
    #[error("{} takes no writes, and {bytes} bytes wait for it", path.display())]
    DiskBehind {
        /// The log.
        path: PathBuf,
        /// What waits.
        bytes: usize,
    },
    /// A segment cannot be read or written.
    #[error("segment {}: {source}", path.display())]
    Parquet {
        /// Which.
        path: PathBuf,
        /// Why.
        source: parquet::errors::ParquetError,
    },
    /// A segment is of a version that this program does not know.
    #[error("segment {} is of version {version:?}, which this program does not know", path.display())]
    SegmentVersion {
        /// Which.
        path: PathBuf,
        /// Its version.
        version: String,
    },
    /// A log, or an event in it, is of a version that this program does not know.
    #[error("log {} {what}", path.display())]
    LogVersion {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The ring has a seal key already.
    #[error("the ring in {} has a seal key already", .0.display())]
    KeyThere(PathBuf),
    /// What a segment says of its spans is no JSON.
    #[error("a segment's spans cannot be read: {source}")]
    Spans {
        /// Why.
        source: serde_json::Error,
    },
}

impl RingError {
    fn io(what: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::Io { what, path: path.to_owned(), source }
    }

    /// Whether the file was not there: it was sealed or evicted meanwhile.
    pub(crate) fn is_gone(&self) -> bool {
        match self {
            Self::Io { source, .. } => source.kind() == std::io::ErrorKind::NotFound,
            _ => false,
        }
    }
}
