//! The files of a ring: their names, their order, and reading them without disturbing the writer.

use std::path::Path;
use std::path::PathBuf;

use super::RingError;
use super::log::read_log;
use super::segment::read_segment;
use super::segment::read_spans;
use super::spans;
use super::spans::Span;
use crate::event::Event;
use crate::id::EventId;
use crate::id::UnixNs;

/// One file of a ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RingFile {
    /// Where.
    pub(crate) path: PathBuf,
    /// Its first event.
    pub(crate) first: EventId,
    /// Its last, where the name says so (a segment).
    pub(crate) last: Option<EventId>,
    /// Size, bytes.
    pub(crate) bytes: u64,
}

impl RingFile {
    /// Whether it is sealed.
    pub(crate) fn is_segment(&self) -> bool {
        self.last.is_some()
    }
}

/// Name of the log that begins with an event.
pub(super) fn log_name(first: EventId) -> String {
    format!("log-{first:020}.gslog")
}

/// Name of a segment.
pub(super) fn segment_name(first: EventId, last: EventId) -> String {
    format!("segment-{first:020}-{last:020}.parquet")
}

fn parse_name(name: &str) -> Option<(EventId, Option<EventId>)> {
    if let Some(id) = name.strip_prefix("log-").and_then(|rest| rest.strip_suffix(".gslog")) {
        return Some((id.parse().ok()?, None));
    }
    let ids = name.strip_prefix("segment-")?.strip_suffix(".parquet")?;
    let (first, last) = ids.split_once('-')?;
    Some((first.parse().ok()?, Some(last.parse().ok()?)))
}

/// The files of a ring, oldest first, without logs that a segment has replaced.
pub(crate) fn list(dir: &Path) -> Result<Vec<RingFile>, RingError> {
    let entries = std::fs::read_dir(dir).map_err(|source| RingError::io("list", dir, source))?;
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|source| RingError::io("list", dir, source))?;
        let Some((first, last)) = entry.file_name().to_str().and_then(parse_name) else {
            continue;
        };
        let bytes = match entry.metadata() {
            Ok(metadata) => metadata.len(),
            // Evicted between the listing and the question.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(source) => return Err(RingError::io("read", &entry.path(), source)),
        };
        files.push(RingFile { path: entry.path(), first, last, bytes });
    }
    // A segment sorts before the log that it replaces.
    files.sort_by_key(|file| (file.first, file.last.is_none()));
    let mut sealed_to = None;
    files.retain(|file| match file.last {
        Some(last) => {
            sealed_to = sealed_to.max(Some(last));
            true
        }
        None => sealed_to.is_none_or(|last| file.first > last),
    });
    Ok(files)
}

/// The events of one file.
pub(crate) fn read(file: &RingFile) -> Result<Vec<Event>, RingError> {
    if file.is_segment() { read_segment(&file.path) } else { read_log(&file.path) }
}

/// All events of a ring, oldest first: for export and for tests of rings that are not being written.
pub fn events(dir: &Path) -> Result<Vec<Event>, RingError> {
    let mut events = Vec::new();
    for file in list(dir)? {
        events.extend(read(&file)?);
    }
    Ok(events)
}

/// When the recorder ran, over all files. A log's events are handed to `keep`, so that it is read once.
pub(crate) fn spans_of(
    files: &[RingFile],
    mut keep: impl FnMut(&RingFile, Vec<Event>),
    mut damaged: impl FnMut(&RingFile, &RingError),
) -> Result<Vec<Span>, RingError> {
    let mut parts = Vec::new();
    let mut next = None;
    for file in files {
        let follows = next == Some(file.first);
        next = file.last.map(|last| last + 1);
        let of_file = if file.is_segment() {
            read_spans(&file.path)
        } else {
            read(file).map(|events| {
                let mut of_log = Vec::new();
                spans::extend(&mut of_log, &events);
                next = events.last().map(|event| event.id + 1).or(Some(file.first));
                keep(file, events);
                of_log
            })
        };
        match of_file {
            Ok(of_file) => parts.push((of_file, follows)),
            Err(error) if error.is_gone() => return Err(error),
            Err(error) => {
                damaged(file, &error);
                next = None;
            }
        }
    }
    Ok(spans::join(parts.into_iter()))
}

/// The time of the oldest event, where there is one.
pub(crate) fn oldest(spans: &[Span]) -> Option<UnixNs> {
    spans.first().map(|span| span.from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        assert_eq!(parse_name(&log_name(7)), Some((7, None)));
        assert_eq!(parse_name(&segment_name(7, 9)), Some((7, Some(9))));
        for other in ["log-7", "segment-7.parquet", "segment-1-2.parquet.tmp", "", "log-x.gslog"] {
            assert_eq!(parse_name(other), None, "{other}");
        }
    }

    #[test]
    fn a_log_that_was_sealed_is_not_read_twice() {
        let dir = tempfile::tempdir().unwrap();
        for name in [segment_name(0, 9), log_name(0), log_name(10), "other".to_owned()] {
            std::fs::write(dir.path().join(name), b"").unwrap();
        }
        let firsts: Vec<_> = list(dir.path()).unwrap().iter().map(|file| (file.first, file.last)).collect();
        assert_eq!(firsts, vec![(0, Some(9)), (10, None)]);
    }
}
