//! The files of a ring: their names, their order, and reading them without disturbing the writer.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use super::RingError;
use super::about::About;
use super::chain;
use super::chain::Entry;
use super::chain::Sealed;
use super::chain::What;
use super::checked::Checked;
use super::checked::SegmentStore;
use super::checked::Source;
use super::log;
use super::log::Logged;
use super::reader;
use super::reader::Segment;
use super::segment::Filters;
use super::select::Selection;
use crate::event::Event;
use crate::evidence::Window;
use crate::id::EventId;
use crate::id::UnixNs;

/// One file of a ring.
#[derive(Clone)]
pub(crate) struct RingFile {
    /// Where; of a segment that lies elsewhere its name.
    pub(crate) path: PathBuf,
    /// Its first event.
    pub(crate) first: EventId,
    /// Its last, where the name says so (a segment).
    pub(crate) last: Option<EventId>,
    /// Size, bytes.
    pub(crate) bytes: u64,
    /// What it says of itself, where that is known without opening it.
    pub(crate) about: Option<About>,
    /// Where its filters are, where that is known likewise.
    filters: Filters,
    /// Checksums of its blocks, where they are known likewise.
    blocks: Vec<u32>,
    /// Who reads it, where it does not lie in a directory of this host.
    store: Option<Arc<dyn SegmentStore>>,
}

impl RingFile {
    /// Whether it is sealed.
    pub(crate) fn is_segment(&self) -> bool {
        self.last.is_some()
    }

    fn new(path: PathBuf, (first, last): (EventId, Option<EventId>), bytes: u64) -> Self {
        let (filters, blocks) = (Filters::default(), Vec::new());
        Self { path, first, last, bytes, about: None, filters, blocks, store: None }
    }

    /// Takes what the chain knows of it.
    fn know(&mut self, sealed: Sealed) {
        self.about = Some(sealed.about);
        (self.bytes, self.filters, self.blocks) = (sealed.bytes, sealed.filters, sealed.blocks);
    }

    fn content(&self) -> Result<Checked, RingError> {
        let source = match &self.store {
            Some(store) => Source::Store(Arc::clone(store), self.path.display().to_string()),
            None => {
                let file =
                    File::open(&self.path).map_err(|source| RingError::io("open", &self.path, source))?;
                Source::File(file)
            }
        };
        Ok(Checked::new(source, self.bytes, self.blocks.clone()))
    }

    fn open(&self) -> Result<Segment, RingError> {
        Segment::new(self.path.clone(), self.content()?)
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

/// The first event of the log with a path.
pub(super) fn first_of_log(path: &Path) -> Option<EventId> {
    parse_name(path.file_name()?.to_str()?).map(|(first, _)| first)
}

/// The files of a ring, oldest first, without logs that a segment has replaced.
pub(crate) fn list(dir: &Path) -> Result<Vec<RingFile>, RingError> {
    list_knowing(dir, HashMap::new())
}

/// [`list`], where of some files it is known what they are: those need not be looked at.
fn list_knowing(dir: &Path, mut known: HashMap<String, Box<Sealed>>) -> Result<Vec<RingFile>, RingError> {
    let entries = std::fs::read_dir(dir).map_err(|source| RingError::io("list", dir, source))?;
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|source| RingError::io("list", dir, source))?;
        let name = entry.file_name();
        let Some((name, ids)) = name.to_str().and_then(|name| Some((name, parse_name(name)?))) else {
            continue;
        };
        if let Some(sealed) = known.remove(name) {
            let mut file = RingFile::new(entry.path(), ids, sealed.bytes);
            // Of one that is longer, what was put behind it is not read; of one that is shorter, reading the rest fails.
            file.know(*sealed);
            files.push(file);
            continue;
        }
        let bytes = match entry.metadata() {
            Ok(metadata) => metadata.len(),
            // Evicted between the listing and the question.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(source) => return Err(RingError::io("read", &entry.path(), source)),
        };
        files.push(RingFile::new(entry.path(), ids, bytes));
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

/// [`list`], with what the chain knows of each file, so that most need not be opened.
pub(crate) fn catalogue(dir: &Path) -> Result<Vec<RingFile>, RingError> {
    // What cannot be read there stands in the files themselves.
    let (entries, _) = chain::read_entries(dir).unwrap_or_default();
    list_knowing(dir, sealed_of(entries))
}

/// The segments that lines of a chain tell of, which lie in a store. The recorder may have evicted them since.
pub(crate) fn catalogue_of(lines: &[u8], store: &Arc<dyn SegmentStore>) -> Vec<RingFile> {
    let mut files: Vec<RingFile> = sealed_of(chain::entries(lines).0)
        .into_values()
        .map(|sealed| {
            let ids = (sealed.first, Some(sealed.last));
            let mut file = RingFile::new(PathBuf::from(&sealed.file), ids, sealed.bytes);
            file.store = Some(Arc::clone(store));
            file.know(*sealed);
            file
        })
        .collect();
    files.sort_by_key(|file| file.first);
    files
}

fn sealed_of(entries: Vec<Entry>) -> HashMap<String, Box<Sealed>> {
    let sealed = entries.into_iter().filter_map(|entry| match entry.what {
        What::Sealed(sealed) => Some((sealed.file.clone(), sealed)),
        _ => None,
    });
    sealed.collect()
}

/// What a segment says of itself.
pub(crate) fn about(file: &RingFile) -> Result<About, RingError> {
    match &file.about {
        Some(about) => Ok(about.clone()),
        None => file.open()?.about(),
    }
}

/// Hands on the events of a segment that are needed.
pub(crate) fn visit_segment(
    file: &RingFile,
    selection: &Selection<'_>,
    visit: &mut dyn FnMut(Event),
) -> Result<(), RingError> {
    let content = file.content()?;
    if let Some(sought) = selection.sought {
        let may_hold = reader::may_hold(&content, &file.filters, &sought);
        if !may_hold.map_err(|source| RingError::io("read", &file.path, source))? {
            return Ok(());
        }
    }
    Segment::new(file.path.clone(), content)?.selected(selection, visit)
}

/// Hands on the logins of a file, and the images of the programs asked for; of a log everything.
pub(crate) fn visit_habits(
    file: &RingFile,
    programs: &[String],
    visit: &mut dyn FnMut(Event),
) -> Result<(), RingError> {
    if file.is_segment() {
        return open_segment(&file.path)?.habits(programs, visit);
    }
    // Flows tell of no habit.
    let never = Window { from: UnixNs(i64::MAX), to: UnixNs(i64::MIN) };
    visit_log_in(file, never, &mut |logged| {
        if let Logged::Event(event) = logged {
            visit(event);
        }
    })
}

/// Hands on the events of a log.
pub(crate) fn visit_log(file: &RingFile, visit: &mut dyn FnMut(Event)) -> Result<(), RingError> {
    log::visit_log(&file.path, visit)
}

/// Hands on the events of a log, and of flows outside of a window when they were.
pub(crate) fn visit_log_in(
    file: &RingFile,
    window: Window,
    visit: &mut dyn FnMut(Logged),
) -> Result<(), RingError> {
    log::visit_log_in(&file.path, window, visit)
}

/// The events of one file.
pub(crate) fn visit(file: &RingFile, visit: &mut dyn FnMut(Event)) -> Result<(), RingError> {
    if file.is_segment() { file.open()?.all(visit) } else { visit_log(file, visit) }
}

/// Opens a segment by its path alone: nothing is known of it but what it says itself.
pub(super) fn open_segment(path: &Path) -> Result<Segment, RingError> {
    let bytes = std::fs::metadata(path).map_err(|source| RingError::io("open", path, source))?.len();
    RingFile::new(path.to_owned(), (0, Some(0)), bytes).open()
}

/// Logs that a segment has replaced; a run that was interrupted leaves one.
pub(super) fn replaced_logs(dir: &Path) -> Result<Vec<PathBuf>, RingError> {
    let left: Vec<PathBuf> = list(dir)?.into_iter().map(|file| file.path).collect();
    let entries = std::fs::read_dir(dir).map_err(|source| RingError::io("list", dir, source))?;
    let is_log = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "gslog");
    let paths = entries.flatten().map(|entry| entry.path());
    Ok(paths.filter(is_log).filter(|path| !left.contains(path)).collect())
}

/// Hands on all events of a ring, oldest first. A file that goes meanwhile is passed over.
pub fn visit_events(dir: &Path, visit_event: &mut dyn FnMut(Event)) -> Result<(), RingError> {
    for file in catalogue(dir)? {
        match visit(&file, visit_event) {
            Err(error) if error.is_gone() => {}
            outcome => outcome?,
        }
    }
    Ok(())
}

/// Hands on the events that tell of a window, oldest first, with the processes and logins that explain them, which may
/// be older. What cannot be read is returned, with its file, as what it is; a file that goes meanwhile is passed over.
pub fn visit_window(
    dir: &Path,
    window: Window,
    visit_event: &mut dyn FnMut(Event),
) -> Result<Vec<RingError>, RingError> {
    let mut damaged = Vec::new();
    for file in catalogue(dir)? {
        let outcome = if file.is_segment() {
            about(&file).and_then(|about| {
                if !about.touches(window) {
                    return Ok(());
                }
                visit_segment(&file, &Selection { window, sought: None }, visit_event)
            })
        } else {
            visit_log(&file, visit_event)
        };
        match outcome {
            Err(error) if !error.is_gone() => damaged.push(error),
            _ => {}
        }
    }
    Ok(damaged)
}

/// All events of a ring, oldest first: for tests, and for rings that are known to be small.
pub fn events(dir: &Path) -> Result<Vec<Event>, RingError> {
    let mut events = Vec::new();
    for file in list(dir)? {
        visit(&file, &mut |event| events.push(event))?;
    }
    Ok(events)
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
