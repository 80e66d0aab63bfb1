//! Verifying a ring against its chain: what was altered, removed, put elsewhere, cut or replayed, and what cannot be
//! said. Reads only.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::fmt;
use std::io::Read;
use std::path::Path;
use std::str::FromStr;

use serde::Serialize;

use super::RingError;
use super::RingFile;
use super::chain;
use super::chain::Entry;
use super::chain::Key;
use super::chain::Mark;
use super::chain::Sealed;
use super::chain::What;
use super::files;
use super::log::visit_log;
use crate::evidence::Window;
use crate::id::EventId;
use crate::id::UnixNs;

/// Numbers that keys are evolved to: more than a mark each second takes in a year.
const NUMBERS_MAX: u64 = 1 << 26;

/// The key that verifies a ring. It is shown once, when the seal is set up, and kept off the host.
#[derive(Clone, PartialEq, Eq)]
pub struct VerificationKey(Key);

const KEY_PREFIX: &str = "gumshoe-verify-1.";

impl fmt::Display for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{KEY_PREFIX}{}.{}", self.0.n, chain::hex(self.0.secret()))
    }
}

/// Its number only: keys do not belong in logs.
impl fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{KEY_PREFIX}{}.…", self.0.n)
    }
}

/// A text that is no verification key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a verification key; one looks like gumshoe-verify-1.0.5feceb66…")]
pub struct BadKey;

impl FromStr for VerificationKey {
    type Err = BadKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (n, secret) =
            text.trim().strip_prefix(KEY_PREFIX).and_then(|it| it.split_once('.')).ok_or(BadKey)?;
        let secret = chain::unhex(secret).ok_or(BadKey)?;
        Ok(Self(Key::new(n.parse().map_err(|_| BadKey)?, secret)))
    }
}

/// How much a finding says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// As it should be, and worth knowing.
    Note,
    /// Nothing can be said of it.
    CannotSay,
    /// Not as the recorder left it.
    Tampered,
}

/// One thing found out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it says.
    pub severity: Severity,
    /// In words.
    pub what: String,
    /// Which file of the ring.
    pub file: Option<String>,
    /// History of which time it concerns, where known.
    pub window: Option<Window>,
}

/// What was found out about a ring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Worst first.
    pub findings: Vec<Finding>,
    /// Segments whose content is what was sealed.
    pub intact: usize,
    /// Up to when history is vouched for.
    pub vouched_to: Option<UnixNs>,
    /// Whether MACs were checked with a key.
    pub with_key: bool,
}

impl Verification {
    /// The worst that was found.
    pub fn severity(&self) -> Severity {
        self.findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Note)
    }
}

/// Gives a ring a seal key, and returns the key that verifies it. The ring may be written meanwhile.
pub fn setup_seal(dir: &Path) -> Result<VerificationKey, RingError> {
    if chain::has_key(dir) {
        return Err(RingError::KeyThere(dir.to_owned()));
    }
    let random = Path::new("/dev/urandom");
    let mut secret = [0; 32];
    std::fs::File::open(random)
        .and_then(|mut file| file.read_exact(&mut secret))
        .map_err(|source| RingError::io("read", random, source))?;
    let key = Key::new(chain::next_number(dir)?, secret);
    chain::write_key(dir, &key)?;
    Ok(VerificationKey(key))
}

/// Verifies a ring, with its key where there is one. What a running recorder changes meanwhile may look like a finding:
/// ask again before believing one.
pub fn verify(dir: &Path, key: Option<&VerificationKey>) -> Result<Verification, RingError> {
    verify_ring(dir, key, false)
}

/// [`verify`] of a copy, such as one from an archive: it has no seal key, so that it cannot tell whether its newest lines
/// are missing.
pub fn verify_copy(dir: &Path, key: Option<&VerificationKey>) -> Result<Verification, RingError> {
    verify_ring(dir, key, true)
}

fn verify_ring(dir: &Path, key: Option<&VerificationKey>, copy: bool) -> Result<Verification, RingError> {
    let files = files::list(dir)?;
    let (mut entries, torn) = chain::read_entries(dir)?;
    let (mut marks, _) = chain::read_marks(dir)?;
    entries.sort_by_key(|entry| entry.n);
    marks.sort_by_key(|mark| mark.n);
    let mut check = Check { findings: Vec::new(), intact: 0 };
    if entries.is_empty() {
        check.say(
            Severity::CannotSay,
            "this ring has no chain: it is older than chains, or the chain was removed",
        );
    }
    if torn > 0 {
        check.say(
            Severity::Note,
            &format!("{torn} lines of the chain cannot be read (written as power went?)"),
        );
    }
    match key {
        Some(key) => {
            let next = check.keys(&key.0, &entries, &marks);
            if copy {
                check.say(Severity::Note, "a copy: whether newer history is missing cannot be said");
            } else if let Some(next) = next {
                check.held_key(dir, &key.0, next);
            }
        }
        None if chain::has_key(dir) => {
            check.say(Severity::CannotSay, "no key was given: whoever could write the ring could write the chain anew");
        }
        None => check.say(
            Severity::CannotSay,
            "this ring has no seal key (`host-recorder seal setup`): whoever could write it could write the chain anew",
        ),
    }
    check.segments(&files, &entries);
    check.order(&files, &entries);
    check.logs(dir, &entries, &marks);
    let evicted = entries.iter().rev().find_map(|entry| match entry.what {
        What::Evicted { last, .. } => Some((last, entry.at)),
        _ => None,
    });
    if let Some((last, at)) = evicted {
        check.say(Severity::Note, &format!("the recorder evicted events up to {last}, last at {at}"));
    }
    let vouched_to = entries.iter().map(|entry| entry.at).chain(marks.iter().map(|mark| mark.at)).max();
    let mut findings = check.findings;
    findings.sort_by_key(|finding| (std::cmp::Reverse(finding.severity), finding.file.clone()));
    Ok(Verification { findings, intact: check.intact, vouched_to, with_key: key.is_some() })
}

/// A line of the chain or of the marks, with what its MAC is of.
struct Line {
    file: &'static str,
    bare: Vec<u8>,
    mac: Option<String>,
    at: UnixNs,
}

struct Check {
    findings: Vec<Finding>,
    intact: usize,
}

impl Check {
    fn say(&mut self, severity: Severity, what: &str) {
        self.findings.push(Finding { severity, what: what.to_owned(), file: None, window: None });
    }

    fn tampered(&mut self, file: &str, window: Option<Window>, what: String) {
        let file = Some(file.to_owned());
        self.findings.push(Finding { severity: Severity::Tampered, what, file, window });
    }

    /// MACs of all lines, in the order of their numbers; returns the number that the next one takes.
    fn keys(&mut self, key: &Key, entries: &[Entry], marks: &[Mark]) -> Option<u64> {
        let mut lines: BTreeMap<u64, Vec<Line>> = BTreeMap::new();
        for entry in entries {
            let bare = chain::unsigned(&Entry { mac: None, ..entry.clone() });
            let line = Line { file: "chain", bare, mac: entry.mac.clone(), at: entry.at };
            lines.entry(entry.n).or_default().push(line);
        }
        for mark in marks {
            let bare = chain::unsigned(&Mark { mac: None, ..mark.clone() });
            let line = Line { file: "marks", bare, mac: mark.mac.clone(), at: mark.at };
            lines.entry(mark.n).or_default().push(line);
        }
        let mut now = key.clone();
        let mut before = 0;
        for (n, lines) in &lines {
            if lines.len() > 1 {
                self.tampered(lines[0].file, None, format!("number {n} stands there {} times", lines.len()));
            }
            if *n < key.n {
                before += 1;
                continue;
            }
            if n - key.n > NUMBERS_MAX {
                self.tampered(lines[0].file, None, format!("number {n} is beyond all that was ever written"));
                return None;
            }
            now.evolve_to(*n);
            for Line { file, bare, mac, at } in lines {
                if mac.is_none() || *mac != now.mac(bare) {
                    self.tampered(file, None, format!("line {n}, said to be of {at}, is not the recorder's"));
                }
            }
        }
        if before > 0 {
            self.say(Severity::CannotSay, &format!("{before} lines are older than the key"));
        }
        Some(lines.keys().next_back().map_or(0, |n| n + 1).max(key.n))
    }

    /// The key that the ring holds is what its first key becomes, and no line is missing at the end.
    fn held_key(&mut self, dir: &Path, key: &Key, next: u64) {
        match chain::read_key(dir) {
            None => self.tampered("seal.key", None, "the seal key is missing or unreadable".to_owned()),
            Some(held) if held.n < key.n || held.n - key.n > NUMBERS_MAX => {
                self.tampered("seal.key", None, format!("its number {} is not of this key", held.n));
            }
            Some(held) => {
                let mut expected = key.clone();
                expected.evolve_to(held.n);
                if expected != held {
                    self.tampered("seal.key", None, "it is not what this key becomes".to_owned());
                } else if held.n > next {
                    let gone = held.n - next;
                    self.tampered("chain", None, format!("its newest {gone} lines, or marks, are gone"));
                } else if held.n + 1 < next {
                    self.tampered("seal.key", None, "it is older than the chain: an old copy".to_owned());
                }
            }
        }
    }

    /// Every segment that was sealed and not evicted is there, as it was.
    fn segments(&mut self, files: &[RingFile], entries: &[Entry]) {
        let evicted_to = chain::evicted_to(entries);
        let begun = entries.iter().filter_map(|entry| match entry.what {
            What::Begun { first } => Some(first),
            _ => None,
        });
        let begun = begun.min().unwrap_or(EventId::MAX);
        let mut sealed: BTreeMap<&str, &Sealed> = BTreeMap::new();
        for entry in entries {
            if let What::Sealed(it) = &entry.what {
                sealed.insert(&it.file, it);
            }
        }
        let mut there: HashMap<&str, &RingFile> = HashMap::new();
        let mut older = 0;
        for file in files.iter().filter(|file| file.is_segment()) {
            let name = file.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            there.insert(name, file);
            if !sealed.contains_key(name) {
                let log = file.path.with_file_name(files::log_name(file.first));
                if file.last.is_some_and(|last| last < begun) {
                    older += 1;
                } else if log.exists() && has_same_events(&file.path, &log) {
                    self.say(Severity::Note, &format!("{name} was being sealed; its log is still there"));
                } else {
                    self.tampered(
                        name,
                        None,
                        "the recorder never sealed it: renamed, or put there".to_owned(),
                    );
                }
            }
        }
        if older > 0 {
            self.say(Severity::CannotSay, &format!("{older} segments are older than the chain"));
        }
        for (name, sealed) in sealed {
            let window = Some(Window { from: sealed.about.from, to: sealed.about.to });
            if sealed.log_as_written == Some(false) {
                self.tampered(name, window, "its log was altered before it was sealed".to_owned());
            }
            let Some(file) = there.get(name) else {
                if sealed.last >= evicted_to {
                    self.tampered(name, window, "removed, and not by the recorder".to_owned());
                }
                continue;
            };
            match chain::hash_file(&file.path, u64::MAX) {
                Ok((sha256, bytes)) if sha256 == sealed.sha256 && bytes == sealed.bytes => self.intact += 1,
                Ok((_, bytes)) if bytes < sealed.bytes => {
                    self.tampered(name, window, format!("cut from {} to {bytes} bytes", sealed.bytes));
                }
                Ok(_) => {
                    self.tampered(name, window, "altered: its content is not what was sealed".to_owned())
                }
                Err(error) => self.tampered(name, window, format!("cannot be read: {error}")),
            }
        }
    }

    /// Numbers of events follow each other from segment to segment, and each names the one before it.
    fn order(&mut self, files: &[RingFile], entries: &[Entry]) {
        let mut sealed: Vec<&Sealed> = Vec::new();
        let mut before: Option<&str> = None;
        for entry in entries {
            let What::Sealed(it) = &entry.what else { continue };
            if before.is_some_and(|before| before != entry.previous) {
                self.tampered(&it.file, None, "what was sealed before it is not what it says".to_owned());
            }
            before = Some(&it.sha256);
            sealed.push(it);
        }
        sealed.sort_by_key(|it| it.first);
        // Logs that cannot be sealed explain numbers that no segment has.
        let of_logs = files.iter().filter(|file| !file.is_segment()).map(|file| file.first);
        let of_evicted = entries.iter().filter_map(|entry| match &entry.what {
            What::Evicted { file, last } if file.starts_with("log-") => Some(*last),
            _ => None,
        });
        let unsealed: Vec<EventId> = of_logs.chain(of_evicted).collect();
        let evicted_to = chain::evicted_to(entries);
        for pair in sealed.windows(2) {
            let (expected, found) = (pair[0].last + 1, pair[1].first);
            let explained = unsealed.iter().any(|first| (expected..found).contains(first));
            if found > expected && found > evicted_to && !explained {
                let window = Some(Window { from: pair[0].about.to, to: pair[1].about.from });
                let what = format!("events {expected} to {} are missing before it", found - 1);
                self.tampered(&pair[1].file, window, what);
            }
        }
        if let Some(first) = sealed.iter().find(|it| it.first >= evicted_to)
            && first.first > evicted_to
            && evicted_to > 0
            && !unsealed.iter().any(|log| (evicted_to..first.first).contains(log))
        {
            let what = format!("events {evicted_to} to {} are missing before it", first.first - 1);
            self.tampered(&first.file.clone(), None, what);
        }
    }

    /// The logs begin as they were when they were vouched for.
    fn logs(&mut self, dir: &Path, entries: &[Entry], marks: &[Mark]) {
        let mut last: BTreeMap<EventId, &Mark> = BTreeMap::new();
        for mark in marks {
            last.insert(mark.log, mark);
        }
        let is_sealed = |log: EventId| {
            entries.iter().any(|entry| matches!(&entry.what, What::Sealed(it) if it.first == log))
        };
        for (log, mark) in last {
            let name = files::log_name(log);
            let path = dir.join(&name);
            if !path.exists() {
                if !is_sealed(log) {
                    self.tampered(&name, None, format!("removed; it was there at {}", mark.at));
                }
                continue;
            }
            match chain::hash_file(&path, mark.bytes) {
                Ok((sha256, _)) if sha256 == mark.sha256 => {}
                Ok((_, bytes)) if bytes < mark.bytes => {
                    let what = format!("cut to {bytes} bytes; it had {} at {}", mark.bytes, mark.at);
                    self.tampered(&name, None, what);
                }
                Ok(_) => self.tampered(&name, None, format!("altered in what it held at {}", mark.at)),
                Err(error) => self.tampered(&name, None, format!("cannot be read: {error}")),
            }
        }
    }
}

/// Whether a segment and a log tell of the same events.
fn has_same_events(segment: &Path, log: &Path) -> bool {
    let (mut one, mut two) = (Vec::new(), Vec::new());
    files::open_segment(segment).and_then(|segment| segment.all(&mut |event| one.push(event))).is_ok()
        && visit_log(log, &mut |event| two.push(event)).is_ok()
        && one == two
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;
    use crate::event::Body;
    use crate::event::Login;
    use crate::event::Process;
    use crate::event::RecorderAct;
    use crate::id::ProcessId;
    use crate::ring::KnownProcesses;
    use crate::ring::Ring;
    use crate::ring::RingLimits;
    use crate::testing;

    struct Nobody;

    impl KnownProcesses for Nobody {
        fn process(&self, _: &ProcessId) -> Option<Process> {
            None
        }
        fn login(&self, _: &ProcessId) -> Option<(UnixNs, u64, Login)> {
            None
        }
    }

    const LIMITS: RingLimits = RingLimits {
        bytes: 512 << 20,
        age: Duration::from_secs(3600),
        free_bytes: 0,
        log_bytes: 3_000,
        log_age: Duration::from_secs(3600),
    };

    fn record(dir: &Path, limits: RingLimits, from: u16, to: u16) {
        let mut ring = Ring::open(dir, limits).unwrap();
        for port in from..to {
            let at = UnixNs(1_000_000_000 * i64::from(port));
            let flow = Body::Flow(Box::new(testing::flow(2, port, at)));
            ring.append(at, 0, flow, &Nobody).unwrap();
            let alive = Body::Recorder { act: RecorderAct::Alive, note: String::new() };
            ring.append(at, 0, alive, &Nobody).unwrap();
            if port % 10 == 9 {
                ring.commit().unwrap();
            }
        }
    }

    /// A ring of two runs with a key from the beginning, and the key.
    fn sealed() -> (tempfile::TempDir, VerificationKey) {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path()).unwrap();
        let key = setup_seal(dir.path()).unwrap();
        record(dir.path(), LIMITS, 0, 300);
        record(dir.path(), LIMITS, 300, 600);
        (dir, key)
    }

    fn segments(dir: &Path) -> Vec<PathBuf> {
        let files = files::list(dir).unwrap();
        files.into_iter().filter(RingFile::is_segment).map(|file| file.path).collect()
    }

    fn log(dir: &Path) -> PathBuf {
        files::list(dir).unwrap().into_iter().find(|file| !file.is_segment()).unwrap().path
    }

    /// What tampering does to a fine ring must be found, with its words, in the file that was touched.
    fn check(tamper: impl Fn(&Path), words: &str) {
        let (dir, key) = sealed();
        assert_eq!(verify(dir.path(), Some(&key)).unwrap().severity(), Severity::Note);
        tamper(dir.path());
        let found = verify(dir.path(), Some(&key)).unwrap();
        assert_eq!(found.severity(), Severity::Tampered, "{words}: {found:#?}");
        assert!(found.findings.iter().any(|finding| finding.what.contains(words)), "{words}: {found:#?}");
    }

    fn flip(path: &Path, at: usize) {
        let mut bytes = fs::read(path).unwrap();
        bytes[at] ^= 1;
        fs::write(path, bytes).unwrap();
    }

    #[test]
    fn a_ring_that_nobody_touched_is_fine_whatever_happened_to_the_recorder() {
        let (dir, key) = sealed();
        let found = verify(dir.path(), Some(&key)).unwrap();
        assert_eq!(found.severity(), Severity::Note, "{found:#?}");
        assert!(found.intact > 5 && found.with_key && found.vouched_to.is_some());
        // Killed: the log has a torn tail, and a segment's entry was not written any more.
        use std::io::Write;
        fs::File::options().append(true).open(log(dir.path())).unwrap().write_all(b"torn").unwrap();
        fs::File::options().append(true).open(dir.path().join("chain")).unwrap().write_all(b"{\"n").unwrap();
        record(dir.path(), LIMITS, 600, 700);
        // Evicted by the recorder, often enough for the chain to be shortened.
        let small = RingLimits { bytes: 30_000, ..LIMITS };
        record(dir.path(), small, 700, 9_000);
        let found = verify(dir.path(), Some(&key)).unwrap();
        assert_eq!(found.severity(), Severity::Note, "{found:#?}");
        let (entries, _) = chain::read_entries(dir.path()).unwrap();
        assert!(entries.len() < 600, "{} entries", entries.len());
        assert_eq!(key.to_string().parse(), Ok(key.clone()));
        assert!(!format!("{key:?}").contains(&chain::hex(key.0.secret())));
        assert!(matches!(setup_seal(dir.path()), Err(RingError::KeyThere(_))));
    }

    #[test]
    fn without_a_key_nothing_is_promised() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(verify(dir.path(), None).unwrap().severity(), Severity::CannotSay);
        record(dir.path(), LIMITS, 0, 300);
        let found = verify(dir.path(), None).unwrap();
        assert_eq!(found.severity(), Severity::CannotSay);
        assert!(found.intact > 2);
        flip(&segments(dir.path())[1], 100);
        assert_eq!(verify(dir.path(), None).unwrap().severity(), Severity::Tampered);
        // A key that is made later vouches for what comes later.
        let dir = tempfile::tempdir().unwrap();
        record(dir.path(), LIMITS, 0, 300);
        let key = setup_seal(dir.path()).unwrap();
        record(dir.path(), LIMITS, 300, 600);
        let found = verify(dir.path(), Some(&key)).unwrap();
        assert_eq!(found.severity(), Severity::CannotSay, "{found:#?}");
        assert!(found.findings.iter().any(|finding| finding.what.contains("older than the key")));
    }

    #[test]
    fn an_edited_segment() {
        check(|dir| flip(&segments(dir)[2], 1_000), "altered");
        check(|dir| flip(segments(dir).last().unwrap(), 10), "altered");
    }

    #[test]
    fn a_removed_segment() {
        check(|dir| fs::remove_file(&segments(dir)[3]).unwrap(), "removed, and not by the recorder");
        check(|dir| fs::remove_file(&segments(dir)[0]).unwrap(), "removed, and not by the recorder");
        check(|dir| fs::remove_file(segments(dir).last().unwrap()).unwrap(), "removed");
    }

    #[test]
    fn a_removed_segment_with_its_entry() {
        let forget = |dir: &Path, index: usize| {
            let path = segments(dir)[index].clone();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let chain = fs::read_to_string(dir.join("chain")).unwrap();
            let left: Vec<&str> = chain.lines().filter(|line| !line.contains(&name)).collect();
            fs::write(dir.join("chain"), left.join("\n") + "\n").unwrap();
            fs::remove_file(path).unwrap();
        };
        check(|dir| forget(dir, 3), "are missing before it");
        // The newest entry is missing by its number.
        let newest = |dir: &Path| {
            forget(dir, segments(dir).len() - 1);
            fs::remove_file(log(dir)).unwrap();
            fs::write(dir.join("marks"), "").unwrap();
        };
        check(newest, "are gone");
    }

    #[test]
    fn segments_that_changed_places() {
        let swap = |dir: &Path| {
            let all = segments(dir);
            let (one, two) = (fs::read(&all[1]).unwrap(), fs::read(&all[2]).unwrap());
            fs::write(&all[1], two).unwrap();
            fs::write(&all[2], one).unwrap();
        };
        check(swap, "altered");
        let rename = |dir: &Path| {
            fs::rename(&segments(dir)[1], dir.join(files::segment_name(900_000, 900_100))).unwrap();
        };
        check(rename, "never sealed it");
    }

    #[test]
    fn a_truncated_segment() {
        let cut = |dir: &Path| {
            let bytes = fs::read(&segments(dir)[2]).unwrap();
            fs::write(&segments(dir)[2], &bytes[..bytes.len() / 2]).unwrap();
        };
        check(cut, "cut from");
    }

    #[test]
    fn an_eviction_that_the_recorder_did_not_make() {
        // Root can say that old history was evicted, but not under a key that is gone.
        let evict = |dir: &Path| {
            let path = segments(dir)[0].clone();
            let (entries, _) = chain::read_entries(dir).unwrap();
            let What::Sealed(sealed) = &entries[1].what else { panic!("{entries:?}") };
            let what = What::Evicted { file: sealed.file.clone(), last: sealed.last };
            let forged = Entry { n: 2, what, crc: None, ..entries[1].clone() };
            let line = String::from_utf8(chain::unsigned(&forged)).unwrap();
            let chain = fs::read_to_string(dir.join("chain")).unwrap();
            fs::write(dir.join("chain"), format!("{chain}{line}\n")).unwrap();
            fs::remove_file(path).unwrap();
        };
        check(evict, "is not the recorder's");
    }

    #[test]
    fn an_old_copy() {
        // The whole ring as it was, with the key as it is now or as it was.
        for with_key in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let key = setup_seal(dir.path()).unwrap();
            record(dir.path(), LIMITS, 0, 300);
            let old: Vec<(PathBuf, Vec<u8>)> = fs::read_dir(dir.path())
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .map(|path| (path.clone(), fs::read(path).unwrap()))
                .collect();
            record(dir.path(), LIMITS, 300, 600);
            for (path, bytes) in &old {
                if with_key || !path.ends_with("seal.key") {
                    fs::write(path, bytes).unwrap();
                }
            }
            let found = verify(dir.path(), Some(&key)).unwrap();
            // Segments of later are there that an old chain does not know.
            assert_eq!(found.severity(), Severity::Tampered, "{found:#?}");
        }
        check(
            |dir| {
                let old = segments(dir)[1].clone();
                fs::copy(old, &segments(dir)[4]).unwrap();
            },
            "",
        );
    }

    #[test]
    fn the_open_log() {
        check(|dir| flip(&log(dir), 40), "altered in what it held");
        check(|dir| fs::write(log(dir), b"GSHIST2\n").unwrap(), "cut to 8 bytes");
        check(|dir| fs::remove_file(log(dir)).unwrap(), "removed");
    }

    #[test]
    fn a_log_that_was_altered_before_it_was_sealed() {
        let dir = tempfile::tempdir().unwrap();
        let key = setup_seal(dir.path()).unwrap();
        let mut ring = Ring::open(dir.path(), LIMITS).unwrap();
        let mut altered = false;
        for port in 0..100 {
            let at = UnixNs(i64::from(port));
            ring.append(at, 0, Body::Flow(Box::new(testing::flow(2, port, at))), &Nobody).unwrap();
            ring.commit().unwrap();
            if !altered {
                // The first event's time, with a checksum that fits.
                use std::os::unix::fs::FileExt;
                let path = log(dir.path());
                let mut bytes = fs::read(&path).unwrap();
                let length = bytes[8] as usize;
                bytes[17] ^= 1;
                let sum = crc32c::crc32c(&bytes[16..16 + length]).to_le_bytes();
                let file = fs::File::options().write(true).open(&path).unwrap();
                file.write_all_at(&bytes[16..18], 16).unwrap();
                file.write_all_at(&sum, 12).unwrap();
                altered = true;
            }
        }
        drop(ring);
        let found = verify(dir.path(), Some(&key)).unwrap();
        let words = "its log was altered before it was sealed";
        assert!(found.findings.iter().any(|finding| finding.what == words), "{found:#?}");
    }
}
