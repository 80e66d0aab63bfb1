//! Sealing and evicting, on a thread of its own: full logs become segments, and the oldest segments go.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::mpsc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use super::RingError;
use super::chain::Chain;
use super::chain::Sealed;
use super::chain::What;
use super::chain::hash_file;
use super::chain::weigh;
use super::files;
use super::log;
use super::log::visit_log;
use super::segment::SegmentWriter;
use super::writer::RingLimits;
use crate::event::Event;
use crate::id::EventId;

/// Between two attempts to seal what the disk did not let be sealed.
const RETRY_EVERY: Duration = Duration::from_secs(10);

/// Files that go at once for their age alone. One is sealed an hour at least, so that suffices; and a clock that is set
/// wrong for a while, years ahead, does not empty the ring.
const AGED_MAX: usize = 2;

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
    /// A full log becomes a segment; with its SHA-256 where this run wrote it.
    Seal(PathBuf, Option<String>),
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
    chain: &Mutex<Chain>,
) {
    let mut evicted = 0;
    let mut tidy = |failure: Option<String>| {
        let failure = match evict(dir, limits, &mut evicted, chain) {
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
    loop {
        // One that could not be sealed is tried again, with the next or after a while.
        let wait = if unsealed.is_empty() { Duration::MAX } else { RETRY_EVERY };
        match chores.recv_timeout(wait) {
            Ok(Chore::Seal(log, sha256)) => unsealed.push((log, sha256)),
            Ok(Chore::Evict) => tidy(None),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let mut failure = None;
        unsealed.retain(|(log, sha256)| match seal(dir, log, sha256.as_deref(), chain) {
            Ok(()) => false,
            Err(error) => {
                failure = Some(error.to_string());
                true
            }
        });
        tidy(failure);
    }
}

/// Turns a log into a segment. The log goes only once the segment is on disk under its name and in the chain.
fn seal(dir: &Path, log: &Path, sha256: Option<&str>, chain: &Mutex<Chain>) -> Result<(), RingError> {
    let begins = files::first_of_log(log).unwrap_or_default();
    let unfinished = dir.join(format!("segment-{begins:020}.parquet.tmp"));
    let mut segment: Option<SegmentWriter> = None;
    let mut ids: Option<(EventId, EventId)> = None;
    let mut outcome = Ok(());
    visit_log(log, &mut |event| {
        ids = Some((ids.map_or(event.id, |(first, _)| first), event.id));
        if outcome.is_ok() {
            outcome = push(&mut segment, &unfinished, &event);
        }
    })?;
    outcome?;
    let remove = || match std::fs::remove_file(log) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(RingError::io("remove", log, error))
        }
        _ => Ok(()),
    };
    let unmark = |chain: &mut Chain| files::first_of_log(log).map_or(Ok(()), |first| chain.unmark(first));
    let (Some((first, last)), Some(segment)) = (ids, segment) else {
        unmark(&mut locked(chain))?;
        return remove();
    };
    let log_as_written = match sha256 {
        Some(sha256) => Some(hash_file(log, u64::MAX)?.0 == sha256),
        None => None,
    };
    let file = files::segment_name(first, last);
    let name = dir.join(&file);
    let (about, filters) = segment.finish()?;
    let (sha256, bytes, blocks) = weigh(&unfinished)?;
    std::fs::rename(&unfinished, &name).map_err(|source| RingError::io("rename", &unfinished, source))?;
    log::sync_directory(dir).map_err(|source| RingError::io("write", dir, source))?;
    let sealed = Sealed { file, first, last, bytes, sha256, log_as_written, filters, blocks, about };
    let mut chain = locked(chain);
    chain.append(What::Sealed(Box::new(sealed)))?;
    // What is vouched for as a segment need not be vouched for as a log.
    unmark(&mut chain)?;
    remove()
}

/// Adds an event to the segment that is being written, which begins with the first.
fn push(segment: &mut Option<SegmentWriter>, path: &Path, event: &Event) -> Result<(), RingError> {
    let segment = match segment {
        Some(segment) => segment,
        None => segment.insert(SegmentWriter::create(path)?),
    };
    segment.push(event)
}

/// The chain, whoever failed while holding it.
pub(super) fn locked(chain: &Mutex<Chain>) -> MutexGuard<'_, Chain> {
    chain.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes the oldest files until the limits hold. The open log, and what is still to be sealed, is never removed.
fn evict(dir: &Path, limits: RingLimits, evicted: &mut u64, chain: &Mutex<Chain>) -> Result<(), RingError> {
    let files = files::list(dir)?;
    let mut bytes: u64 = files.iter().map(|file| file.bytes).sum();
    let mut short = limits.free_bytes.saturating_sub(free_bytes(dir)?);
    let mut live = files.iter().filter(|file| file.is_segment()).count();
    let mut aged = 0;
    for file in files.iter().filter(|file| file.is_segment() || is_foreign(&file.path)) {
        let age = std::fs::metadata(&file.path)
            .and_then(|metadata| metadata.modified())
            .ok()
            .and_then(|modified| modified.elapsed().ok());
        if bytes <= limits.bytes && short == 0 {
            if aged >= AGED_MAX || age.is_none_or(|age| age <= limits.age) {
                break;
            }
            aged += 1;
        }
        let name = file.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let entry = What::Evicted { file: name, last: file.last.unwrap_or(file.first) };
        // First the chain, so that a file that is gone was said to go; on a full disk the file must make room for it.
        let told = locked(chain).append(entry.clone());
        std::fs::remove_file(&file.path).map_err(|source| RingError::io("remove", &file.path, source))?;
        if told.is_err() {
            locked(chain).append(entry)?;
        }
        bytes -= file.bytes;
        short = short.saturating_sub(file.bytes);
        live -= usize::from(file.is_segment());
        *evicted += 1;
    }
    locked(chain).shorten(live)
}

/// Whether a log is of another version: it can be neither read nor sealed, and goes in its turn.
fn is_foreign(path: &Path) -> bool {
    let mut magic = [0; log::HEADER];
    File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && log::is_foreign(&magic)
}

fn free_bytes(dir: &Path) -> Result<u64, RingError> {
    let about =
        nix::sys::statvfs::statvfs(dir).map_err(|error| RingError::io("measure", dir, error.into()))?;
    Ok(about.blocks_available() as u64 * about.fragment_size() as u64)
}
