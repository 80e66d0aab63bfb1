//! The open part of the ring: an append-only file of framed events.
//!
//! A file begins with 8 bytes of magic, `GSHIST2\n`. Each frame is: length of the payload (u32, little endian,
//! bytes), CRC32C of the payload (u32, little endian), payload (the event in postcard, and behind it, where there are
//! any, the supplementary groups of the credentials that it tells of: a list of ids and the number left out, of each).
//! Reading stops at the first frame that is short or does not match its checksum: what lies behind was never committed. A frame that
//! matches and is no event, and a file with another magic, are of another version of this program.

use std::fs::File;
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::path::PathBuf;

use sha2::Digest;
use sha2::Sha256;

use super::RingError;
use super::chain::hex;
use super::peek;
use super::peek::Passed;
use crate::event::Event;
use crate::evidence::Window;
use crate::groups::Groups;

const MAGIC: &[u8; 8] = b"GSHIST2\n";
const FRAME_HEADER: usize = 8;

/// Longest payload, bytes. An exec record is at most some 22 KB.
const FRAME_MAX: usize = 1 << 20;

/// Bytes of a log that are read at once.
const READ_BYTES: u64 = 256 << 10;

/// Bytes that wait in memory before they are handed to the system without being asked to.
const FLUSH_BYTES: usize = 256 << 10;

/// Bytes that are kept before they are put on disk without being asked to: until then the system may lose them.
const COMMIT_BYTES: usize = 4 << 20;

/// Bytes that may wait in memory while the disk takes none; what is beyond is refused.
const WAITING_MAX: usize = 16 << 20;

/// Appends events to one log file.
///
/// What is not known to be on disk stays in memory, and after a failure all of it is written again, to the same place: a
/// disk that was full for a while leaves no hole and no half a frame, and what the system forgot when it could not
/// write it back (it does, and says so but once) is not taken for written.
pub(super) struct LogWriter {
    file: File,
    path: PathBuf,
    /// Bytes that are on disk.
    committed: u64,
    /// What follows them.
    waiting: Vec<u8>,
    /// How many bytes of it the system has been given.
    handed: usize,
    /// Whether the last attempt failed: the next is left to [`Self::commit`].
    failed: bool,
    /// Whether its name is on disk, too.
    named: bool,
    payload: Vec<u8>,
    /// SHA-256 of what is on disk.
    hash: Sha256,
}

impl LogWriter {
    /// Makes a new log; an existing file of that name is an error.
    pub(super) fn create(path: PathBuf) -> Result<Self, RingError> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(|source| RingError::io("create", &path, source))?;
        Ok(Self {
            file,
            path,
            committed: 0,
            waiting: MAGIC.to_vec(),
            handed: 0,
            failed: false,
            named: false,
            payload: Vec::new(),
            hash: Sha256::new(),
        })
    }

    /// Appends one event; it is on disk after the next [`Self::commit`] that succeeds. An error means that this
    /// event is lost, and no other.
    pub(super) fn append(&mut self, event: &Event) -> Result<(), RingError> {
        if !self.failed && self.waiting.len() >= self.handed + FLUSH_BYTES {
            // What cannot be written now is kept and tried again.
            let full = self.waiting.len() >= COMMIT_BYTES;
            self.failed = if full { self.commit().is_err() } else { self.flush().is_err() };
        }
        if self.waiting.len() >= WAITING_MAX {
            return Err(RingError::DiskBehind { path: self.path.clone(), bytes: self.waiting.len() });
        }
        self.payload.clear();
        encode(event, &mut self.payload)?;
        if self.payload.len() > FRAME_MAX {
            return Err(RingError::TooLarge { bytes: self.payload.len(), limit: FRAME_MAX });
        }
        self.waiting.extend((self.payload.len() as u32).to_le_bytes());
        self.waiting.extend(crc32c::crc32c(&self.payload).to_le_bytes());
        self.waiting.extend(&self.payload);
        Ok(())
    }

    /// Puts everything appended so far on disk.
    pub(super) fn commit(&mut self) -> Result<(), RingError> {
        let outcome = self.flush().and_then(|()| self.file.sync_data()).and_then(|()| self.name());
        self.failed = outcome.is_err();
        if self.failed {
            self.handed = 0;
        } else {
            self.committed += self.waiting.len() as u64;
            self.hash.update(&self.waiting);
            self.waiting.clear();
            self.handed = 0;
        }
        outcome.map_err(|source| RingError::io("write", &self.path, source))
    }

    /// Size so far, bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.committed + self.waiting.len() as u64
    }

    /// How many bytes are on disk, and their SHA-256.
    pub(super) fn committed(&self) -> (u64, String) {
        (self.committed, hex(&self.hash.clone().finalize()))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Has the disk take nothing, or again what it is given.
    #[cfg(test)]
    pub(super) fn take_nothing(&mut self, nothing: bool) {
        let path = if nothing { Path::new("/dev/full") } else { &self.path };
        self.file = OpenOptions::new().write(true).open(path).unwrap();
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let fresh = &self.waiting[self.handed..];
        self.file.write_all_at(fresh, self.committed + self.handed as u64)?;
        self.handed = self.waiting.len();
        Ok(())
    }

    /// A file that is on disk and in no directory is lost.
    fn name(&mut self) -> std::io::Result<()> {
        if !self.named {
            sync_directory(self.path.parent().unwrap_or(Path::new(".")))?;
            self.named = true;
        }
        Ok(())
    }
}

/// Adds an event to bytes, in the form of a frame's payload.
pub(super) fn encode(event: &Event, to: &mut Vec<u8>) -> Result<(), RingError> {
    let failed = |source| RingError::Encode { source };
    *to = postcard::to_extend(event, std::mem::take(to)).map_err(failed)?;
    if event.groups().any(|groups| !groups.is_empty()) {
        let groups: Vec<_> = event.groups().map(|groups| (&groups.ids, groups.left_out)).collect();
        *to = postcard::to_extend(&groups, std::mem::take(to)).map_err(failed)?;
    }
    Ok(())
}

/// The event of a frame's payload; else what is wrong with it.
pub(crate) fn decode(payload: &[u8]) -> Result<Event, &'static str> {
    let decoded = postcard::take_from_bytes::<Event>(payload);
    let (mut event, behind) = decoded.map_err(|_| "holds events that this program does not know")?;
    // What a newer program may write behind an event is not for this one.
    let groups: Vec<(Vec<u32>, u32)> = postcard::from_bytes(behind).unwrap_or_default();
    for (credentials, (ids, left_out)) in event.credentials_mut().zip(groups) {
        credentials.groups = Groups { ids, left_out };
    }
    Ok(event)
}

/// Writes a log of an earlier run again, to the same place, and puts it on disk. What that run was not told is on disk may
/// be read all the same, until the power goes, and a sync alone does not bring there what one that failed has forgotten.
pub(super) fn write_again(path: &Path) -> std::io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut piece = Vec::new();
    let mut at = 0;
    loop {
        piece.clear();
        (&file).take(READ_BYTES).read_to_end(&mut piece)?;
        if piece.is_empty() {
            return file.sync_all();
        }
        file.write_all_at(&piece, at)?;
        at += piece.len() as u64;
    }
}

/// Puts on disk which files a directory holds, and under which names.
pub(super) fn sync_directory(dir: &Path) -> std::io::Result<()> {
    File::open(dir)?.sync_all()
}

/// What is handed on of a log of which a window is wanted.
pub(crate) enum Logged {
    /// What may tell of the window.
    Event(Event),
    /// A flow of another time.
    Elsewhere(Passed),
}

/// Hands on the events of a log, to its last whole frame.
pub(super) fn visit_log(path: &Path, visit: &mut dyn FnMut(Event)) -> Result<(), RingError> {
    visit_frames(path, &mut |payload| decode(payload).map(&mut *visit))
}

/// [`visit_log`], and of flows outside of a window no more than when they were.
pub(super) fn visit_log_in(
    path: &Path,
    window: Window,
    visit: &mut dyn FnMut(Logged),
) -> Result<(), RingError> {
    visit_frames(path, &mut |payload| {
        match peek::flow(payload).filter(|flow| !window.touches(flow.first, flow.last)) {
            Some(flow) => visit(Logged::Elsewhere(flow)),
            None => visit(Logged::Event(decode(payload)?)),
        }
        Ok(())
    })
}

/// What is done with the payload of a frame; an error says what is wrong with it.
type OnFrame<'a> = dyn FnMut(&[u8]) -> Result<(), &'static str> + 'a;

fn visit_frames(path: &Path, on_frame: &mut OnFrame<'_>) -> Result<(), RingError> {
    let failed = |source| RingError::io("read", path, source);
    let mut file = File::open(path).map_err(failed)?;
    let mut waiting = Vec::new();
    let mut at_start = true;
    loop {
        let read = (&mut file).take(READ_BYTES).read_to_end(&mut waiting).map_err(failed)?;
        let (used, outcome) =
            if at_start { parse(&waiting, on_frame) } else { frames(&waiting, 0, on_frame) };
        outcome.map_err(|what| RingError::LogVersion { path: path.to_owned(), what })?;
        at_start &= used == 0;
        waiting.drain(..used);
        // Where a whole frame would be there and is not, nothing follows that was committed.
        if read == 0 || waiting.len() > FRAME_HEADER + FRAME_MAX {
            return Ok(());
        }
    }
}

/// Hands on the events of the frames from an offset on, and says behind which offset the last whole one ends.
pub(super) fn parse_from(
    bytes: &[u8],
    at: usize,
    visit: &mut dyn FnMut(Event),
) -> (usize, Result<(), &'static str>) {
    frames(bytes, at, &mut |payload| decode(payload).map(&mut *visit))
}

fn frames(bytes: &[u8], mut at: usize, on_frame: &mut OnFrame<'_>) -> (usize, Result<(), &'static str>) {
    while let Some((payload, next)) = frame(bytes, at) {
        if let Err(what) = on_frame(payload) {
            return (at, Err(what));
        }
        at = next;
    }
    (at, Ok(()))
}

/// Bytes before the first frame.
pub(super) const HEADER: usize = MAGIC.len();

/// Whether bytes are the beginning of a log of another version.
pub(super) fn is_foreign(bytes: &[u8]) -> bool {
    bytes.len() >= MAGIC.len() && !bytes.starts_with(MAGIC)
}

fn parse(bytes: &[u8], on_frame: &mut OnFrame<'_>) -> (usize, Result<(), &'static str>) {
    // In a log without a frame is nothing to be known.
    if bytes.len() <= MAGIC.len() {
        return (0, Ok(()));
    }
    if is_foreign(bytes) {
        return (0, Err("is of a version that this program does not know"));
    }
    frames(bytes, MAGIC.len(), on_frame)
}

fn frame(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let number = |at: usize| {
        let four = bytes.get(at..at + 4)?;
        Some(u32::from_le_bytes(four.try_into().ok()?))
    };
    let length = number(at)? as usize;
    let checksum = number(at + 4)?;
    if length > FRAME_MAX {
        return None;
    }
    let payload = bytes.get(at + FRAME_HEADER..at + FRAME_HEADER + length)?;
    // An event is never empty; a disk that lost a write may give zeros, which are their own checksum.
    (length > 0 && crc32c::crc32c(payload) == checksum).then_some((payload, at + FRAME_HEADER + length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn parsed(bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        let _ = parse(bytes, &mut |payload| decode(payload).map(|event| events.push(event)));
        events
    }

    fn written(events: &[Event]) -> Vec<u8> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut log = LogWriter::create(path.clone()).unwrap();
        for event in events {
            log.append(event).unwrap();
        }
        log.commit().unwrap();
        assert_eq!(log.bytes(), std::fs::metadata(&path).unwrap().len());
        std::fs::read(&path).unwrap()
    }

    #[test]
    fn cut_anywhere_it_gives_a_prefix() {
        let events = testing::events(12);
        let bytes = written(&events);
        for end in 0..=bytes.len() {
            let read = parsed(&bytes[..end]);
            assert_eq!(read, events[..read.len()], "cut at {end}");
        }
        assert_eq!(parsed(&bytes), events);
    }

    #[test]
    fn of_flows_at_another_time_it_is_said_that_they_are_there() {
        let events = testing::events(60);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        std::fs::write(&path, written(&events)).unwrap();
        let flows = events.iter().filter_map(|event| match &event.body {
            crate::event::Body::Flow(flow) => Some((flow.first, flow.last)),
            _ => None,
        });
        let (first, last) = flows.max().expect("a flow");
        let window = Window { from: first, to: last };
        let (mut read, mut passed) = (Vec::new(), 0);
        visit_log_in(&path, window, &mut |logged| match logged {
            Logged::Event(event) => read.push(event),
            Logged::Elsewhere(flow) => {
                let event = &events[read.len() + passed];
                assert_eq!((flow.id, flow.time), (event.id, event.time));
                assert!(!window.touches(flow.first, flow.last));
                passed += 1;
            }
        })
        .unwrap();
        assert_eq!(read.len() + passed, events.len());
        let missing = events.iter().filter(|event| !read.contains(event));
        assert!(missing.clone().all(|event| matches!(event.body, crate::event::Body::Flow(_))));
        assert_eq!(missing.count(), passed);
        assert!(passed > 0);
    }

    #[test]
    fn a_flipped_bit_never_invents_an_event() {
        let events = testing::events(4);
        let bytes = written(&events);
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let read = parsed(&bad);
            assert_eq!(read, events[..read.len()], "bit {bit}");
            assert!(read.len() < events.len(), "bit {bit} went unnoticed");
        }
    }

    #[test]
    fn another_version_is_said_to_be_one() {
        let events = testing::events(3);
        let mut bytes = written(&events);
        bytes[6] = b'9';
        assert!(parse(&bytes, &mut |_| panic!("an event of an unknown version")).1.is_err());
        let mut newer = written(&events);
        let payload = [1, 2, 3, 250, 1];
        newer.extend((payload.len() as u32).to_le_bytes());
        newer.extend(crc32c::crc32c(&payload).to_le_bytes());
        newer.extend(payload);
        let mut read = Vec::new();
        assert!(parse(&newer, &mut |payload| decode(payload).map(|event| read.push(event))).1.is_err());
        assert_eq!(read, events);
        let mut zeros = written(&events);
        zeros.extend([0; 64]);
        assert_eq!(parse(&zeros, &mut |_| Ok(())).1, Ok(()));
    }
}
