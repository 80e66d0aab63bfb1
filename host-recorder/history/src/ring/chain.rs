//! The chain: what makes a ring evidence. Every sealing and every eviction is an entry in it, each under a key that is
//! destroyed once it was used, so that who becomes root at three cannot rewrite what was sealed at two.
//!
//! Three small files beside the segments:
//! - `chain`: one JSON object a line. `n` numbers entries and marks; `at` is when; `what` is `begun`, `sealed` or
//!   `evicted`; `previous` is the SHA-256 of the segment sealed before; `crc` is the
//!   line's CRC32C without `crc` and `mac`; `mac` is HMAC-SHA256, under the key of `n`, of the
//!   line without its `mac`. A `sealed` entry has the file's name, size, SHA-256 and what a query needs to know of it.
//! - `marks`: one JSON object a line, at least each minute while something is recorded: the first so many bytes of the
//!   open log have this SHA-256. Marks go when their log is sealed.
//! - `seal.key`: the present key and its number, where `host-recorder seal setup` made one. Key n+1 is SHA-256 of
//!   `gumshoe-seal` and key n; the file is overwritten in place, so that key n is gone.
//!
//! Without a key the chain still tells of accidents, and answers queries; it tells nothing of an attacker.

use std::collections::BTreeMap;
use std::fs::File;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

use hmac::Hmac;
use hmac::KeyInit;
use hmac::Mac;
use serde::Deserialize;
use serde::Serialize;
use sha2::Digest;
use sha2::Sha256;

use super::RingError;
use super::about::About;
use super::checked;
use super::log;
use super::segment::Filters;
use crate::id::EventId;
use crate::id::UnixNs;

/// What follows in a line on what its checksum is of. Within a text its quotes would not stand alone.
const CRC: &[u8] = b",\"crc\":";

const CHAIN: &str = "chain";
const MARKS: &str = "marks";
const KEY: &str = "seal.key";

/// Entries beyond those of the segments that are there before the chain is shortened.
const DEAD_MAX: usize = 256;

/// Largest chain or marks that are read, bytes.
const READ_MAX: u64 = 256 << 20;

/// One line of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Flat")]
pub(super) struct Entry {
    pub(super) n: u64,
    pub(super) at: UnixNs,
    #[serde(flatten)]
    pub(super) what: What,
    pub(super) previous: String,
    /// CRC32C of the line without this and its MAC: a line that does not match it was damaged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) crc: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mac: Option<String>,
}

/// The same, as it is read: a query begins with reading every line, and a variant within a line would be read twice.
#[derive(Deserialize)]
struct Flat {
    n: u64,
    at: UnixNs,
    what: Kind,
    #[serde(default)]
    file: String,
    first: Option<EventId>,
    last: Option<EventId>,
    #[serde(default)]
    bytes: u64,
    #[serde(default)]
    sha256: String,
    log_as_written: Option<bool>,
    #[serde(default)]
    filters: Filters,
    #[serde(default)]
    blocks: Vec<u32>,
    about: Option<About>,
    previous: String,
    crc: Option<u32>,
    mac: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Begun,
    Sealed,
    Evicted,
}

impl TryFrom<Flat> for Entry {
    type Error = &'static str;

    fn try_from(line: Flat) -> Result<Self, Self::Error> {
        let Flat { n, at, file, bytes, sha256, log_as_written, filters, blocks, previous, crc, mac, .. } =
            line;
        let what = match line.what {
            Kind::Begun => What::Begun { first: line.first.ok_or("no first event")? },
            Kind::Evicted => What::Evicted { file, last: line.last.ok_or("no last event")? },
            Kind::Sealed => What::Sealed(Box::new(Sealed {
                file,
                first: line.first.ok_or("no first event")?,
                last: line.last.ok_or("no last event")?,
                bytes,
                sha256,
                log_as_written,
                filters,
                blocks,
                about: line.about.ok_or("nothing of what stands in it")?,
            })),
        };
        Ok(Self { n, at, what, previous, crc, mac })
    }
}

impl Entry {
    /// Reads a line; none where it is no entry, or a damaged one.
    fn read(line: &[u8]) -> Option<Self> {
        let entry: Self = serde_json::from_slice(line).ok()?;
        // As it was written it ends with what shows that it is whole.
        let end = line.windows(CRC.len()).rposition(|bytes| bytes == CRC);
        let as_written = end.map(|end| crc32c::crc32c_append(crc32c::crc32c(&line[..end]), b"}"));
        (entry.crc.is_none() || entry.crc == as_written || entry.is_whole()).then_some(entry)
    }

    /// Completes an entry with what shows that it is whole, and whose it is.
    fn complete(mut self, key: Option<&Key>) -> Self {
        self.crc = Some(crc32c::crc32c(&unsigned(&self)));
        self.mac = key.and_then(|key| key.mac(&unsigned(&self)));
        self
    }

    fn is_whole(&self) -> bool {
        let bare = || unsigned(&Self { crc: None, mac: None, ..self.clone() });
        self.crc.is_none_or(|crc| crc == crc32c::crc32c(&bare()))
    }
}

/// What an entry says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub(super) enum What {
    /// Entries begin here; events before this one were evicted, or are older than the chain.
    Begun { first: EventId },
    /// A log became a segment.
    Sealed(Box<Sealed>),
    /// The recorder removed a segment to stay within its limits.
    Evicted { file: String, last: EventId },
}

/// A segment, as it was sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Sealed {
    pub(super) file: String,
    pub(super) first: EventId,
    pub(super) last: EventId,
    pub(super) bytes: u64,
    pub(super) sha256: String,
    /// Whether the log was, byte for byte, what the recorder had written; not known of a log of an earlier run.
    pub(super) log_as_written: Option<bool>,
    pub(super) filters: Filters,
    /// CRC32C of each 32 KiB of it, so that a query that reads a part of it knows whether that is what was sealed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) blocks: Vec<u32>,
    pub(super) about: About,
}

/// One line of the marks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    pub(super) n: u64,
    pub(super) at: UnixNs,
    pub(super) log: EventId,
    pub(super) bytes: u64,
    pub(super) sha256: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) mac: Option<String>,
}

/// A key and its number.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) n: u64,
    secret: [u8; 32],
}

impl Key {
    pub(super) fn new(n: u64, secret: [u8; 32]) -> Self {
        Self { n, secret }
    }

    pub(super) fn secret(&self) -> &[u8; 32] {
        &self.secret
    }

    /// Goes on to a later key; there is no way back.
    pub(super) fn evolve_to(&mut self, n: u64) {
        while self.n < n {
            let mut hash = Sha256::new();
            hash.update(b"gumshoe-seal");
            hash.update(self.secret);
            self.secret = hash.finalize().into();
            self.n += 1;
        }
    }

    /// The MAC of a line.
    pub(super) fn mac(&self, line: &[u8]) -> Option<String> {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.secret).ok()?;
        mac.update(line);
        Some(hex(&mac.finalize().into_bytes()))
    }

    /// The key as it stands on disk, always of the same length.
    fn line(&self) -> String {
        format!("gumshoe-seal-key-1 {:020} {}\n", self.n, hex(&self.secret))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut words = text.strip_prefix("gumshoe-seal-key-1 ")?.split_ascii_whitespace();
        let n = words.next()?.parse().ok()?;
        Some(Self { n, secret: unhex(words.next()?)? })
    }
}

/// Lowercase hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// What an entry or a mark is the MAC of.
pub(super) fn unsigned<T: Serialize>(line: &T) -> Vec<u8> {
    // A struct of numbers and texts is always JSON.
    serde_json::to_vec(line).unwrap_or_default()
}

/// Entries of a ring's chain; none where there is no chain. Lines that are none are counted.
pub(super) fn read_entries(dir: &Path) -> Result<(Vec<Entry>, usize), RingError> {
    Ok(entries(&read_file(&dir.join(CHAIN))?))
}

/// Entries that lines tell of, and how many lines are none.
pub(super) fn entries(bytes: &[u8]) -> (Vec<Entry>, usize) {
    lines(bytes, Entry::read)
}

/// One line of a chain, to be kept elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainLine {
    /// The line, without its end.
    pub text: String,
    /// The beginning of what it tells of: of a segment its first time, else when it was written.
    pub at: UnixNs,
    /// The end of it: of a segment its last time, else the same.
    pub to: UnixNs,
    /// The segment whose sealing it tells of.
    pub segment: Option<SegmentName>,
}

/// What names a sealed segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentName {
    /// Its name in the ring.
    pub file: String,
    /// Its size, bytes.
    pub bytes: u64,
    /// SHA-256 of its content, hexadecimal.
    pub sha256: String,
}

/// The lines of a ring's chain that are whole, in order.
///
/// # Errors
/// When the chain cannot be read.
pub fn chain_lines(dir: &Path) -> Result<Vec<ChainLine>, RingError> {
    Ok(read_chain_lines(&read_file(&dir.join(CHAIN))?))
}

/// [`chain_lines`] of lines that were kept elsewhere.
pub fn read_chain_lines(bytes: &[u8]) -> Vec<ChainLine> {
    let lines = bytes.split(|byte| *byte == b'\n').filter_map(|line| {
        let entry = Entry::read(line)?;
        let text = String::from_utf8(line.to_vec()).ok()?;
        let (at, to, segment) = match entry.what {
            What::Sealed(sealed) => {
                // One that tells of no time at all is of when it was sealed.
                let at = sealed.about.from.min(entry.at);
                let to = sealed.about.to.max(at);
                let segment = SegmentName { file: sealed.file, bytes: sealed.bytes, sha256: sealed.sha256 };
                (at, to, Some(segment))
            }
            _ => (entry.at, entry.at, None),
        };
        Some(ChainLine { text, at, to, segment })
    });
    lines.collect()
}

/// Marks of a ring's open logs.
pub(super) fn read_marks(dir: &Path) -> Result<(Vec<Mark>, usize), RingError> {
    Ok(lines(&read_file(&dir.join(MARKS))?, |line| serde_json::from_slice(line).ok()))
}

/// The present key of a ring.
pub(super) fn read_key(dir: &Path) -> Option<Key> {
    Key::parse(&std::fs::read_to_string(dir.join(KEY)).ok()?)
}

/// Whether a ring has a key file, readable or not.
pub(super) fn has_key(dir: &Path) -> bool {
    dir.join(KEY).exists()
}

/// Puts a key in place; what was written there before is overwritten.
pub(super) fn write_key(dir: &Path, key: &Key) -> Result<(), RingError> {
    let path = dir.join(KEY);
    let wrong = |source| RingError::io("write", &path, source);
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path).map_err(wrong)?;
    let is_new = file.metadata().map_err(wrong)?.len() == 0;
    let written = file.write_all_at(key.line().as_bytes(), 0).and_then(|()| file.sync_all());
    let named = |()| if is_new { log::sync_directory(dir) } else { Ok(()) };
    written.and_then(named).map_err(wrong)
}

/// The number that the next entry or mark takes.
pub(super) fn next_number(dir: &Path) -> Result<u64, RingError> {
    let entries = read_entries(dir)?.0.iter().map(|entry| entry.n + 1).max();
    let marks = read_marks(dir)?.0.iter().map(|mark| mark.n + 1).max();
    let key = read_key(dir).map(|key| key.n);
    Ok(entries.max(marks).max(key).unwrap_or(0))
}

/// A file's bytes; none where it is not there.
fn read_file(path: &Path) -> Result<Vec<u8>, RingError> {
    use std::io::Read;
    let mut bytes = Vec::new();
    match File::open(path).and_then(|file| file.take(READ_MAX + 1).read_to_end(&mut bytes)) {
        // Its newest lines come last: what is left out would be silently lost.
        Ok(count) if count as u64 > READ_MAX => {
            Err(RingError::io("read", path, std::io::ErrorKind::FileTooLarge.into()))
        }
        Ok(_) => Ok(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(bytes),
        Err(source) => Err(RingError::io("read", path, source)),
    }
}

/// What is read of lines, and of how many nothing.
fn lines<T>(bytes: &[u8], read: impl Fn(&[u8]) -> Option<T>) -> (Vec<T>, usize) {
    let mut wrong = 0;
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let entries = lines.filter_map(|line| {
        let entry = read(line);
        wrong += usize::from(entry.is_none());
        entry
    });
    (entries.collect(), wrong)
}

/// A chain, open for writing.
pub(super) struct Chain {
    dir: PathBuf,
    n: u64,
    previous: String,
    entries: usize,
    key: Option<Key>,
    /// The number of the key that is on disk; none where that is not certain.
    key_kept: Option<u64>,
    /// Files of which it is not certain that what is read of them is on disk, and how many of their bytes are to be: a
    /// sync that failed may have forgotten what it was for, and no later one brings it there.
    unsure: BTreeMap<&'static str, usize>,
}

impl Chain {
    /// Opens the chain of a ring. `first` is the oldest event that is there where no chain is.
    pub(super) fn open(dir: &Path, first: EventId) -> Result<Self, RingError> {
        let (entries, _) = read_entries(dir)?;
        let last_sealed = entries.iter().rev().find_map(|entry| match &entry.what {
            What::Sealed(sealed) => Some(sealed.sha256.clone()),
            _ => None,
        });
        let mut chain = Self {
            dir: dir.to_owned(),
            n: next_number(dir)?,
            previous: last_sealed.unwrap_or_default(),
            entries: entries.len(),
            key: None,
            key_kept: None,
            // What an earlier run was not told is on disk may be read all the same, until the power goes.
            unsure: [(CHAIN, usize::MAX), (MARKS, usize::MAX)].into(),
        };
        if entries.is_empty() {
            chain.append(What::Begun { first })?;
        } else {
            // A full disk lets it be put anew once something was evicted.
            let _ = chain.append_line(CHAIN, "");
        }
        Ok(chain)
    }

    /// Whether what is read of it is on disk for certain.
    pub(super) fn is_sure(&self) -> bool {
        !self.unsure.contains_key(CHAIN)
    }

    /// Adds an entry; it is on disk, and its key gone, when this returns.
    pub(super) fn append(&mut self, what: What) -> Result<(), RingError> {
        self.load_key()?;
        let sha256 = match &what {
            What::Sealed(sealed) => Some(sealed.sha256.clone()),
            _ => None,
        };
        let entry = self.entry(what);
        self.append_json(CHAIN, &entry)?;
        self.entries += 1;
        if let Some(sha256) = sha256 {
            self.previous = sha256;
        }
        self.next()
    }

    /// Vouches for the beginning of the open log.
    pub(super) fn mark(&mut self, log: EventId, bytes: u64, sha256: String) -> Result<(), RingError> {
        self.load_key()?;
        let mut mark = Mark { n: self.n, at: UnixNs::now(), log, bytes, sha256, mac: None };
        mark.mac = self.key.as_ref().and_then(|key| key.mac(&unsigned(&mark)));
        self.append_json(MARKS, &mark)?;
        self.next()
    }

    /// Forgets the marks of a log that was sealed.
    pub(super) fn unmark(&mut self, log: EventId) -> Result<(), RingError> {
        let (marks, _) = read_marks(&self.dir)?;
        let left: Vec<&Mark> = marks.iter().filter(|mark| mark.log != log).collect();
        if left.len() < marks.len() { self.replace(MARKS, &left) } else { Ok(()) }
    }

    /// Shortens the chain when most of it tells of segments that are gone. What is kept is kept as it was written.
    pub(super) fn shorten(&mut self, live: usize) -> Result<(), RingError> {
        if self.entries < 2 * live + DEAD_MAX {
            return Ok(());
        }
        let (entries, _) = read_entries(&self.dir)?;
        let evicted_to = evicted_to(&entries);
        let lives = |entry: &&Entry| match &entry.what {
            What::Sealed(sealed) => sealed.first >= evicted_to,
            _ => false,
        };
        self.load_key()?;
        let what = What::Begun { first: evicted_to };
        let begun = self.entry(what);
        let kept: Vec<&Entry> = std::iter::once(&begun).chain(entries.iter().filter(lives)).collect();
        if let Err(error) = self.replace(CHAIN, &kept) {
            // It may be there all the same, and no number is given twice.
            self.n = self.n.max(next_number(&self.dir)?);
            return Err(error);
        }
        self.entries = kept.len();
        self.next()
    }

    fn entry(&self, what: What) -> Entry {
        let previous = self.previous.clone();
        let entry = Entry { n: self.n, at: UnixNs::now(), what, previous, crc: None, mac: None };
        entry.complete(self.key.as_ref())
    }

    /// A key may be made while the recorder runs. Where a run was killed before it destroyed a key that it had used, or
    /// the disk refused to, that is done first.
    fn load_key(&mut self) -> Result<(), RingError> {
        if self.key.is_none() {
            self.key = read_key(&self.dir);
            self.key_kept = self.key.as_ref().map(|key| key.n);
        }
        self.keep_key()
    }

    fn next(&mut self) -> Result<(), RingError> {
        self.n += 1;
        self.keep_key()
    }

    /// Goes on to the key of the next line, and destroys those before it.
    fn keep_key(&mut self) -> Result<(), RingError> {
        let Some(key) = &mut self.key else { return Ok(()) };
        key.evolve_to(self.n);
        if self.key_kept != Some(key.n) {
            self.key_kept = None;
            write_key(&self.dir, key)?;
            self.key_kept = Some(key.n);
        }
        Ok(())
    }

    fn append_json<T: Serialize>(&mut self, name: &'static str, line: &T) -> Result<(), RingError> {
        self.append_line(name, &json_line(line)?)
    }

    /// Adds a line, with its end; it is on disk when this returns, and so is every line before it.
    fn append_line(&mut self, name: &'static str, line: &str) -> Result<(), RingError> {
        let path = self.dir.join(name);
        let removed = || (!path.exists()).then_some(usize::MAX);
        if let Some(bytes) = self.unsure.get(name).copied().or_else(removed) {
            let mut text = read_file(&path)?;
            text.truncate(bytes);
            // A line that was being written when the power went: the next one must begin on its own.
            if text.last().is_some_and(|last| *last != b'\n') {
                text.push(b'\n');
            }
            let before = text.len();
            text.extend_from_slice(line.as_bytes());
            let outcome = self.put(name, &text);
            if outcome.is_err() {
                self.unsure.insert(name, before);
            }
            return outcome;
        }
        let wrong = |source| RingError::io("write", &path, source);
        let mut file = OpenOptions::new().append(true).open(&path).map_err(wrong)?;
        let before = file.metadata().map_err(wrong)?.len();
        let outcome = file.write_all(line.as_bytes()).and_then(|()| file.sync_data());
        outcome.map_err(|source| {
            self.unsure.insert(name, usize::try_from(before).unwrap_or(usize::MAX));
            let _ = file.set_len(before);
            wrong(source)
        })
    }

    fn replace<T: Serialize>(&mut self, name: &'static str, lines: &[&T]) -> Result<(), RingError> {
        let lines: Vec<String> = lines.iter().map(json_line).collect::<Result<_, _>>()?;
        self.put(name, lines.concat().as_bytes())
    }

    /// Puts a file in place of another, or of none; it is on disk when this returns. Where that failed, either is there.
    fn put(&mut self, name: &'static str, bytes: &[u8]) -> Result<(), RingError> {
        let path = self.dir.join(name);
        let beside = self.dir.join(format!("{name}.tmp"));
        let write = || {
            let mut options = OpenOptions::new();
            let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            std::fs::rename(&beside, &path)?;
            log::sync_directory(&self.dir)
        };
        let outcome = write().map_err(|source| RingError::io("write", &path, source));
        match &outcome {
            Ok(()) => self.unsure.remove(name),
            Err(_) => {
                let _ = std::fs::remove_file(&beside);
                self.unsure.insert(name, usize::MAX)
            }
        };
        outcome
    }
}

/// A line with its end.
fn json_line<T: Serialize>(line: &T) -> Result<String, RingError> {
    serde_json::to_string(line).map(|text| text + "\n").map_err(|source| RingError::Spans { source })
}

/// The event before which the recorder says that everything was evicted, or is older than the chain.
pub(super) fn evicted_to(entries: &[Entry]) -> EventId {
    let of_entry = |entry: &Entry| match &entry.what {
        What::Begun { first } => *first,
        What::Evicted { last, .. } => last.saturating_add(1),
        What::Sealed(_) => 0,
    };
    entries.iter().map(of_entry).max().unwrap_or(0)
}

/// The last event that was ever sealed.
pub(super) fn sealed_to(entries: &[Entry]) -> Option<EventId> {
    let last = |entry: &Entry| match &entry.what {
        What::Sealed(sealed) => Some(sealed.last),
        _ => None,
    };
    entries.iter().filter_map(last).max()
}

/// SHA-256 of a file, its size, and the checksums of its blocks.
pub(super) fn weigh(path: &Path) -> Result<(String, u64, Vec<u32>), RingError> {
    let bytes = std::fs::read(path).map_err(|source| RingError::io("read", path, source))?;
    let sha256 = hex(&Sha256::digest(&bytes));
    Ok((sha256, bytes.len() as u64, checked::checksums(&bytes).collect()))
}

/// SHA-256 of the first bytes of a file, and how many there were.
pub(super) fn hash_file(path: &Path, bytes_max: u64) -> Result<(String, u64), RingError> {
    use std::io::Read;
    let wrong = |source| RingError::io("read", path, source);
    let mut file = File::open(path).map_err(wrong)?.take(bytes_max);
    let (mut hash, mut buffer, mut bytes) = (Sha256::new(), vec![0; 256 << 10], 0);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok((hex(&hash.finalize()), bytes)),
            Ok(count) => {
                hash.update(&buffer[..count]);
                bytes += count as u64;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(source) => return Err(wrong(source)),
        }
    }
}
