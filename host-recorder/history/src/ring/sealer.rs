//! Sealing and evicting, on a thread of its own: full logs become segments, and the oldest segments go.

use std::fs::File;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::mpsc;

use super::RingError;
use super::files;
use super::log::read_log;
use super::segment::write_segment;
use super::spans;
use super::writer::RingLimits;

/// How large a ring is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RingSize {
    /// Bytes on disk.
    pub bytes: u64,
    /// Sealed segments.
    pub segments: usize,
    /// Segments evicted since the ring was opened.
    pub evicted: u64,
    /// The last failure of sealing or evicting, in words; none once it went well again.
    pub failure: Option<String>,
}

/// Work of the sealer's thread.
pub(super) enum Chore {
    /// A full log becomes a segment.
    Seal(PathBuf),
    /// The disk is full: the oldest segments go.
    Evict,
}

/// Segments that a run did not finish; their logs are still there.
pub(super) fn remove_unfinished(dir: &Path) -> Result<(), RingError> {
    let entries = std::fs::read_dir(dir).map_err(|source| RingError::io("list", dir, source))?;
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with("segment-") && name.ends_with(".tmp") {
            std::fs::remove_file(&path).map_err(|source| RingError::io("remove", &path, source))?;
        }
    }
    Ok(())
}

/// Does chores until the ring is dropped.
pub(super) fn run_sealer(
    dir: &Path,
    limits: RingLimits,
    chores: &mpsc::Receiver<Chore>,
    size: &Mutex<RingSize>,
) {
    let mut evicted = 0;
    let mut tidy = |failure: Option<String>| {
        let failure = match evict(dir, limits, &mut evicted) {
            Ok(()) => failure,
            Err(error) => Some(error.to_string()),
        };
        let files = files::list(dir).unwrap_or_default();
        let segments = files.iter().filter(|file| file.is_segment());
        let now = RingSize {
            bytes: segments.clone().map(|file| file.bytes).sum(),
            segments: segments.count(),
            evicted,
            failure,
        };
        match size.lock() {
            Ok(mut size) => *size = now,
            Err(poisoned) => *poisoned.into_inner() = now,
        }
    };
    tidy(None);
    let mut unsealed = Vec::new();
    while let Ok(chore) = chores.recv() {
        match chore {
            Chore::Seal(log) => unsealed.push(log),
            Chore::Evict => tidy(None),
        }
        // One that could not be sealed is tried again with the next.
        let mut failure = None;
        unsealed.retain(|log| match seal(dir, log) {
            Ok(()) => false,
            Err(error) => {
                failure = Some(error.to_string());
                true
            }
        });
        tidy(failure);
    }
}

/// Turns a log into a segment. The log goes only once the segment is on disk under its name.
fn seal(dir: &Path, log: &Path) -> Result<(), RingError> {
    let events = read_log(log)?;
    let remove = || std::fs::remove_file(log).map_err(|source| RingError::io("remove", log, source));
    let (Some(first), Some(last)) = (events.first(), events.last()) else {
        return remove();
    };
    let mut of_log = Vec::new();
    spans::extend(&mut of_log, &events);
    let name = dir.join(files::segment_name(first.id, last.id));
    let unfinished = name.with_extension("parquet.tmp");
    write_segment(&unfinished, &events, &of_log)?;
    std::fs::rename(&unfinished, &name).map_err(|source| RingError::io("rename", &unfinished, source))?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|source| RingError::io("write", dir, source))?;
    remove()
}

/// Removes the oldest segments until the limits hold. The open log is never removed.
fn evict(dir: &Path, limits: RingLimits, evicted: &mut u64) -> Result<(), RingError> {
    let files = files::list(dir)?;
    let mut bytes: u64 = files.iter().map(|file| file.bytes).sum();
    let mut short = limits.free_bytes.saturating_sub(free_bytes(dir)?);
    for file in files.iter().filter(|file| file.is_segment()) {
        let age = std::fs::metadata(&file.path)
            .and_then(|metadata| metadata.modified())
            .ok()
            .and_then(|modified| modified.elapsed().ok());
        if bytes <= limits.bytes && short == 0 && age.is_none_or(|age| age <= limits.age) {
            break;
        }
        std::fs::remove_file(&file.path).map_err(|source| RingError::io("remove", &file.path, source))?;
        bytes -= file.bytes;
        short = short.saturating_sub(file.bytes);
        *evicted += 1;
    }
    Ok(())
}

fn free_bytes(dir: &Path) -> Result<u64, RingError> {
    let about =
        nix::sys::statvfs::statvfs(dir).map_err(|error| RingError::io("measure", dir, error.into()))?;
    Ok(about.blocks_available() as u64 * about.fragment_size() as u64)
}
