//! The archive: a host's sealed segments in S3, so that a host that is gone still answers.
//!
//! [`Uploader`] copies segments there, with those lines of the ring's chain that tell of them; [`ArchiveRing`] answers
//! windows from them by ranges, with the code that asks a ring on disk, and restores a ring for `host-recorder verify`.
//! Below a prefix of the bucket lie
//!
//! ```text
//! ACCOUNT/REGION/INSTANCE/YYYY-MM-DD/index
//! ACCOUNT/REGION/INSTANCE/YYYY-MM-DD/segment-FIRST-LAST-HASH.parquet
//! ```
//!
//! where the day (UTC) is that of the earliest time that a segment tells of, HASH the beginning of its SHA-256, and
//! `index` holds lines of the chain. The seal key never leaves the host.
//!
//! Knows no BPF and records nothing: the recorder has no network, and this runs as a process of its own.

mod key;
mod ring;
mod s3;
mod upload;

pub use key::ArchiveHost;
pub use key::Place;
pub use ring::ArchiveRing;
pub use upload::Pass;
pub use upload::Uploader;

use std::path::PathBuf;

use thiserror::Error;

/// Why the archive cannot be written or read.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// A place that is none.
    #[error("{0:?} is no place for an archive; one looks like s3://BUCKET/PREFIX")]
    Place(String),
    /// A part of a host's key that would not stay one part.
    #[error("{0:?} cannot be part of a key: letters, digits, '-', '_' and '.' can")]
    Host(String),
    /// S3 did not do what it was asked.
    #[error("cannot {what} s3://{bucket}/{key}: {reason}")]
    S3 {
        /// What was tried.
        what: &'static str,
        /// In which bucket.
        bucket: String,
        /// On which object or prefix.
        key: String,
        /// What S3 said.
        reason: String,
    },
    /// Nothing of this host is there.
    #[error("the archive has nothing of {host}")]
    Empty {
        /// Whose history.
        host: String,
    },
    /// A file on this host.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The ring on this host cannot be read.
    #[error(transparent)]
    Ring(#[from] history::RingError),
    /// The question cannot be answered.
    #[error(transparent)]
    Query(#[from] history::QueryError),
    /// Reading ended before it was done.
    #[error("reading the archive was given up: {0}")]
    GivenUp(String),
}
