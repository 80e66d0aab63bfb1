//! Writing a ring: append, and group commit.

use std::collections::HashSet;
use std::fs::DirBuilder;
use std::fs::File;
use std::fs::TryLockError;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::mpsc;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;
use std::time::Instant;

use super::RingError;
use super::chain;
use super::chain::Chain;
use super::chain::Entry;
use super::chain::What;
use super::files;
use super::log;
use super::log::LogWriter;
use super::sealer::Chore;
use super::sealer::RingSize;
use super::sealer::locked;
use super::sealer::remove_unfinished;
use super::sealer::run_sealer;
use crate::event::Body;
use crate::event::Event;
use crate::event::Login;
use crate::event::Process;
use crate::id::EventId;
use crate::id::ProcessId;
use crate::id::UnixNs;

/// Longest chain of ancestors that is written with a process.
const ANCESTORS_MAX: usize = 64;

/// Logs that may wait to be sealed before [`Ring::commit`] waits for the sealer.
const SEALS_WAITING_MAX: usize = 8;

/// How long what is recorded may stand in the open log unvouched for.
const MARK_EVERY: Duration = Duration::from_secs(60);

/// No event takes fewer bytes in a log.
const FRAME_BYTES_MIN: u64 = 8;

/// What a ring is kept within.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RingLimits {
    /// Bytes on disk, all files together.
    pub bytes: u64,
    /// Age of the oldest segment.
    pub age: Duration,
    /// Bytes to leave free on the file system.
    pub free_bytes: u64,
    /// Bytes of the open log at which it is sealed.
    pub log_bytes: u64,
    /// Age of the open log at which it is sealed.
    pub log_age: Duration,
}

impl Default for RingLimits {
    fn default() -> Self {
        Self {
            bytes: 512 << 20,
            age: Duration::from_secs(30 * 24 * 3600),
            free_bytes: 256 << 20,
            log_bytes: 8 << 20,
            log_age: Duration::from_secs(3600),
        }
    }
}

/// Where the ring looks up what it needs to make a file explain itself.
pub trait KnownProcesses {
    /// What is known of a process.
    fn process(&self, id: &ProcessId) -> Option<Process>;
    /// The login that this process let in: wall clock, time since boot in ns, and the login.
    fn login(&self, id: &ProcessId) -> Option<(UnixNs, u64, Login)>;
    /// The later sessions that used a terminal which this process keeps, likewise.
    fn attached(&self, _: &ProcessId) -> Vec<(UnixNs, u64, Login)> {
        Vec::new()
    }
}

/// A ring, open for writing by this process alone.
pub struct Ring {
    dir: PathBuf,
    limits: RingLimits,
    log: LogWriter,
    log_opened: Instant,
    next: EventId,
    log_first: EventId,
    /// Processes that stand in the open log.
    present: HashSet<ProcessId>,
    /// Processes of which the open log has the fork, which explains them until they do something else.
    forked: HashSet<ProcessId>,
    uncommitted: bool,
    /// Logs of earlier runs of which it is not certain that what is read of them is on disk.
    unsure: Vec<PathBuf>,
    chain: Arc<Mutex<Chain>>,
    /// When the open log was vouched for last.
    marked: Instant,
    sealer: Option<mpsc::SyncSender<Chore>>,
    thread: Option<JoinHandle<()>>,
    size: Arc<Mutex<RingSize>>,
    _lock: File,
}

impl Ring {
    /// Opens a ring, making the directory if need be. Logs of an earlier run are sealed.
    pub fn open(dir: &Path, limits: RingLimits) -> Result<Self, RingError> {
        // Command lines hold secrets; nobody but root is to read them.
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(|source| RingError::io("create", dir, source))?;
        let lock = lock(dir)?;
        remove_unfinished(dir)?;
        let entries = chain::read_entries(dir)?.0;
        remove_unchained(dir, &entries)?;
        let files = files::list(dir)?;
        let mut next = chain::evicted_to(&entries);
        next = next.max(files.iter().filter_map(|file| file.last).max().map_or(0, |last| last + 1));
        next = next.max(chain::sealed_to(&entries).map_or(0, |last| last + 1));
        let oldest_log = files.iter().find(|file| !file.is_segment()).map(|file| file.first);
        let chain = Chain::open(dir, oldest_log.unwrap_or(next))?;
        // What says that a segment stands in a log's place must be on disk before that goes.
        let replaced = if chain.is_sure() { files::replaced_logs(dir)? } else { Vec::new() };
        for log in replaced {
            std::fs::remove_file(&log).map_err(|source| RingError::io("remove", &log, source))?;
        }
        let mut unsealed = Vec::new();
        for file in files {
            if file.is_segment() {
                continue;
            }
            let mut last = None;
            let readable = files::visit_log(&file, &mut |event| last = Some(event.id));
            next = next.max(last.map_or(file.first, |last| last + 1));
            match readable {
                Ok(()) => unsealed.push(file.path),
                // It stays, a gap with its reason, until it is evicted. No number in it is given again.
                Err(_) => next += file.bytes / FRAME_BYTES_MIN,
            }
        }
        // A log that ended before its first event has the name that the next one would take.
        unsealed
            .retain(|path| *path != dir.join(files::log_name(next)) || std::fs::remove_file(path).is_err());
        let log = LogWriter::create(dir.join(files::log_name(next)))?;
        let chain = Arc::new(Mutex::new(chain));
        let size = Arc::new(Mutex::new(RingSize::default()));
        let (sealer, requests) = mpsc::sync_channel(SEALS_WAITING_MAX);
        let thread = {
            let (dir, size, chain) = (dir.to_owned(), Arc::clone(&size), Arc::clone(&chain));
            thread::spawn(move || run_sealer(&dir, limits, &requests, &size, &chain))
        };
        let ring = Self {
            dir: dir.to_owned(),
            limits,
            log,
            log_opened: Instant::now(),
            next,
            log_first: next,
            present: HashSet::new(),
            forked: HashSet::new(),
            uncommitted: true,
            unsure: unsealed.clone(),
            chain,
            marked: Instant::now(),
            sealer: Some(sealer),
            thread: Some(thread),
            size,
            _lock: lock,
        };
        for path in unsealed {
            ring.ask(Chore::Seal(path, None));
        }
        Ok(ring)
    }

    /// Appends a fact, and before it whatever the open log still lacks to explain it. It is on disk after the
    /// next [`Self::commit`].
    pub fn append(
        &mut self,
        time: UnixNs,
        boot_ns: u64,
        body: Body,
        known: &impl KnownProcesses,
    ) -> Result<EventId, RingError> {
        let (mut stands, mut begins) = (None, None);
        match &body {
            Body::Process(process) => {
                self.explain(process.parent, time, boot_ns, known)?;
                stands = Some(process.id);
            }
            Body::Fork { child, parent } => {
                self.explain(Some(*parent), time, boot_ns, known)?;
                begins = Some(*child);
            }
            Body::Exit { process, .. } => {
                if !self.forked.contains(process) {
                    self.explain(Some(*process), time, boot_ns, known)?;
                }
            }
            Body::Flow(flow) => {
                self.explain(flow.owner, time, boot_ns, known)?;
                self.explain(flow.sender, time, boot_ns, known)?;
            }
            Body::Targets(targets) => {
                self.explain(targets.owner, time, boot_ns, known)?;
                self.explain(targets.sender, time, boot_ns, known)?;
            }
            Body::Credentials { process, .. } => self.explain(Some(*process), time, boot_ns, known)?,
            Body::Login(login) => self.explain(login.process, time, boot_ns, known)?,
            Body::Dns(dns) => self.explain(dns.process, time, boot_ns, known)?,
            Body::Operation(operation) => self.explain(operation.process, time, boot_ns, known)?,
            Body::Loss { .. } | Body::Recorder { .. } => {}
        }
        let id = self.write(time, boot_ns, body)?;
        // What a disk that takes nothing refused does not stand there, and is told again when it is needed.
        self.present.extend(stands);
        self.forked.extend(begins);
        Ok(id)
    }

    /// Puts what was appended on disk, and seals the log when it is full. To be called at least once a second.
    pub fn commit(&mut self) -> Result<(), RingError> {
        if self.uncommitted {
            // Nothing is promised that follows what may be gone; what is new is kept all the same.
            let sure = self.make_sure();
            if let Err(error) = self.log.commit().and(sure) {
                self.ask(Chore::Evict);
                return Err(error);
            }
            self.uncommitted = false;
            if self.marked.elapsed() >= MARK_EVERY {
                self.mark()?;
            }
        }
        let old = self.log_opened.elapsed() >= self.limits.log_age;
        if self.next > self.log_first && (old || self.log.bytes() >= self.limits.log_bytes) {
            self.rotate()?;
        }
        Ok(())
    }

    /// How large the ring is, as of the last sealing, with the open log as it is now.
    pub fn size(&self) -> RingSize {
        let mut size = match self.size.lock() {
            Ok(size) => size.clone(),
            Err(poisoned) => poisoned.into_inner().clone(),
        };
        size.bytes += self.log.bytes();
        size
    }

    fn write(&mut self, time: UnixNs, boot_ns: u64, body: Body) -> Result<EventId, RingError> {
        let event = Event { id: self.next, time, boot_ns, body }.in_whole_us();
        self.log.append(&event)?;
        self.next += 1;
        self.uncommitted = true;
        Ok(event.id)
    }

    /// Writes a process that the open log lacks, its ancestors first, and the logins that began their sessions.
    fn explain(
        &mut self,
        id: Option<ProcessId>,
        time: UnixNs,
        boot_ns: u64,
        known: &impl KnownProcesses,
    ) -> Result<(), RingError> {
        let mut chain = Vec::new();
        let mut next = id;
        while let Some(id) = next {
            if chain.len() >= ANCESTORS_MAX || self.present.contains(&id) {
                break;
            }
            // One that is not known yet may be later.
            let Some(process) = known.process(&id) else {
                break;
            };
            next = process.parent;
            chain.push(process);
        }
        for process in chain.into_iter().rev() {
            let id = process.id;
            self.write(time, boot_ns, Body::Process(Box::new(process)))?;
            for (at, boot_ns, login) in known.login(&id).into_iter().chain(known.attached(&id)) {
                self.write(at, boot_ns, Body::Login(Box::new(login)))?;
            }
            self.present.insert(id);
        }
        Ok(())
    }

    /// Puts on disk what earlier runs may have left in the system's memory alone. What was sealed meanwhile is there.
    fn make_sure(&mut self) -> Result<(), RingError> {
        while let Some(path) = self.unsure.last() {
            match log::write_again(path).and_then(|()| log::sync_directory(&self.dir)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(RingError::io("write again", path, error));
                }
                _ => drop(self.unsure.pop()),
            }
        }
        Ok(())
    }

    /// Vouches for the open log as it is on disk.
    fn mark(&mut self) -> Result<(), RingError> {
        self.marked = Instant::now();
        let (bytes, sha256) = self.log.committed();
        locked(&self.chain).mark(self.log_first, bytes, sha256)
    }

    fn rotate(&mut self) -> Result<(), RingError> {
        let log = LogWriter::create(self.dir.join(files::log_name(self.next)))?;
        let full = std::mem::replace(&mut self.log, log);
        self.log_opened = Instant::now();
        self.log_first = self.next;
        self.present.clear();
        self.forked.clear();
        self.ask(Chore::Seal(full.path().to_owned(), Some(full.committed().1)));
        Ok(())
    }

    fn ask(&self, chore: Chore) {
        let Some(sealer) = &self.sealer else { return };
        // The sealer lives as long as the ring; a log that it never sees is sealed at the next start. When it is
        // busy it evicts anyway, after each log.
        match chore {
            Chore::Seal(..) => drop(sealer.send(chore)),
            Chore::Evict => drop(sealer.try_send(chore)),
        }
    }
}

/// Commits what is left and waits for the sealer.
impl Drop for Ring {
    fn drop(&mut self) {
        // What cannot be written now is a gap that the next start finds.
        let _ = self.log.commit().and_then(|()| self.mark());
        self.sealer = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Removes segments that a run could not finish telling the chain of; their logs are still there and are sealed again.
fn remove_unchained(dir: &Path, entries: &[Entry]) -> Result<(), RingError> {
    let chained = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str());
        entries.iter().any(|entry| matches!(&entry.what, What::Sealed(it) if Some(it.file.as_str()) == name))
    };
    for file in files::list(dir)?.iter().filter(|file| file.is_segment()) {
        if dir.join(files::log_name(file.first)).exists() && !chained(&file.path) {
            std::fs::remove_file(&file.path).map_err(|source| RingError::io("remove", &file.path, source))?;
        }
    }
    Ok(())
}

fn lock(dir: &Path) -> Result<File, RingError> {
    let path = dir.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|source| RingError::io("open", &path, source))?;
    // One that just ended may hold it a moment longer, in a child that has not executed its program yet.
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if begun.elapsed() < LOCK_WAIT => thread::sleep(LOCK_POLL),
            Err(TryLockError::WouldBlock) => return Err(RingError::Locked(dir.to_owned())),
            Err(TryLockError::Error(source)) => return Err(RingError::io("lock", &path, source)),
        }
    }
}

/// How long a ring that somebody else writes to is waited for.
const LOCK_WAIT: Duration = Duration::from_secs(1);

/// Between two tries.
const LOCK_POLL: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::RecorderAct;
    use crate::testing;

    struct Known(Vec<Process>);

    impl KnownProcesses for Known {
        fn process(&self, id: &ProcessId) -> Option<Process> {
            self.0.iter().find(|process| process.id == *id).cloned()
        }
        fn login(&self, _: &ProcessId) -> Option<(UnixNs, u64, Login)> {
            None
        }
    }

    fn family() -> Known {
        Known(vec![testing::process(2, Some(1), &["bash"]), testing::process(1, None, &["init"])])
    }

    fn small() -> RingLimits {
        RingLimits { log_bytes: 4_000, free_bytes: 0, ..RingLimits::default() }
    }

    fn all_events(dir: &Path) -> Vec<Event> {
        files::events(dir).unwrap()
    }

    #[test]
    fn nothing_is_lost_between_log_and_segment_and_every_file_explains_itself() {
        let dir = tempfile::tempdir().unwrap();
        let mut ring = Ring::open(dir.path(), small()).unwrap();
        for port in 0..2_000 {
            let at = UnixNs(1_000_000 * i64::from(port));
            ring.append(at, 0, Body::Flow(Box::new(testing::flow(2, port, at))), &family()).unwrap();
            ring.commit().unwrap();
        }
        drop(ring);
        let ids: Vec<_> = all_events(dir.path()).iter().map(|event| event.id).collect();
        assert_eq!(ids, (0..ids.len() as u64).collect::<Vec<_>>());
        let files = files::list(dir.path()).unwrap();
        assert!(files.len() > 10, "{} files", files.len());
        for file in files {
            let mut events = Vec::new();
            files::visit(&file, &mut |event| events.push(event)).unwrap();
            let named: HashSet<_> = events.iter().flat_map(Event::processes).collect();
            for id in named {
                let stands =
                    |event: &Event| matches!(&event.body, Body::Process(process) if process.id == id);
                assert!(events.iter().any(stands), "{id} is missing in {}", file.path.display());
            }
        }
    }

    /// What was refused does not stand in the log: whoever acts after that is told of again.
    #[test]
    fn who_was_lost_while_the_disk_took_nothing_is_explained_when_he_acts_again() {
        let dir = tempfile::tempdir().unwrap();
        let limits = RingLimits { free_bytes: 0, ..RingLimits::default() };
        let mut ring = Ring::open(dir.path(), limits).unwrap();
        let at = UnixNs(1_000);
        let nobody = Known(Vec::new());
        ring.log.take_nothing(true);
        let long = "x".repeat(100_000);
        let full = (0..1_000).find_map(|tgid| {
            let filler = testing::process(10 + tgid, None, &[&long]);
            ring.append(at, 0, Body::Process(Box::new(filler)), &nobody).err()
        });
        assert!(matches!(full, Some(RingError::DiskBehind { .. })), "{full:?}");
        let known = family();
        let (init, bash) = (testing::process_id(1), testing::process_id(2));
        for body in [
            Body::Process(Box::new(known.0[1].clone())),
            Body::Fork { child: testing::process_id(3), parent: init },
            Body::Process(Box::new(known.0[0].clone())),
        ] {
            ring.append(at, 0, body, &known).unwrap_err();
        }
        ring.log.take_nothing(false);
        ring.commit().unwrap();
        ring.append(at, 0, Body::Flow(Box::new(testing::flow(2, 22, at))), &known).unwrap();
        let end = Body::Exit { process: testing::process_id(3), code: 0, signal: 0 };
        let child = Known(vec![testing::process(3, Some(1), &["child"]), known.0[1].clone()]);
        ring.append(at, 0, end, &child).unwrap();
        drop(ring);
        let events = all_events(dir.path());
        for id in [init, bash, testing::process_id(3)] {
            let stands = |event: &&Event| matches!(&event.body, Body::Process(process) if process.id == id);
            assert_eq!(events.iter().filter(stands).count(), 1, "{id}");
        }
    }

    /// What stands in it is command lines, with their passwords.
    #[test]
    fn a_ring_is_read_by_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("deeper/ring");
        drop(Ring::open(&dir, small()).unwrap());
        for made in [dir.parent().unwrap(), &dir] {
            let mode = std::fs::metadata(made).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{} {mode:o}", made.display());
        }
    }

    #[test]
    fn a_second_writer_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let ring = Ring::open(dir.path(), small()).unwrap();
        assert!(matches!(Ring::open(dir.path(), small()), Err(RingError::Locked(_))));
        drop(ring);
        Ring::open(dir.path(), small()).unwrap();
    }

    #[test]
    fn numbers_go_on_after_a_restart_and_a_torn_tail() {
        let dir = tempfile::tempdir().unwrap();
        let note = |ring: &mut Ring| {
            let body = Body::Recorder { act: RecorderAct::Alive, note: String::new() };
            let id = ring.append(UnixNs(1), 1, body, &family()).unwrap();
            ring.commit().unwrap();
            id
        };
        for expected in 0..5 {
            let mut ring = Ring::open(dir.path(), small()).unwrap();
            assert_eq!(note(&mut ring), expected);
            let log = ring.log.path().to_owned();
            drop(ring);
            use std::io::Write;
            File::options().append(true).open(log).unwrap().write_all(b"torn").unwrap();
        }
        assert_eq!(all_events(dir.path()).len(), 5);
    }

    #[test]
    fn the_oldest_go_first_when_the_ring_is_full() {
        let dir = tempfile::tempdir().unwrap();
        let limits = RingLimits { bytes: 40_000, ..small() };
        let mut ring = Ring::open(dir.path(), limits).unwrap();
        for port in 0..5_000 {
            let at = UnixNs(i64::from(port));
            ring.append(at, 0, Body::Flow(Box::new(testing::flow(2, port, at))), &family()).unwrap();
            ring.commit().unwrap();
        }
        drop(ring);
        let files = files::list(dir.path()).unwrap();
        assert!(files[0].first > 0, "nothing was evicted");
        let bytes: u64 = files.iter().filter(|file| file.is_segment()).map(|file| file.bytes).sum();
        assert!(bytes <= limits.bytes, "{bytes} bytes");
        // Every file that there ever was held the two processes, too.
        let entries = chain::read_entries(dir.path()).unwrap().0;
        let sealed = entries.iter().filter(|entry| matches!(entry.what, What::Sealed(_))).count();
        let open = files.iter().filter(|file| !file.is_segment()).count();
        let ever = 5_000 + 2 * (sealed + open) as u64;
        assert_eq!(all_events(dir.path()).last().unwrap().id + 1, ever);
    }

    #[test]
    fn a_clock_that_jumps_ahead_does_not_empty_the_ring() {
        let dir = tempfile::tempdir().unwrap();
        let mut ring = Ring::open(dir.path(), small()).unwrap();
        for port in 0..1_000 {
            let at = UnixNs(i64::from(port));
            ring.append(at, 0, Body::Flow(Box::new(testing::flow(2, port, at))), &family()).unwrap();
            ring.commit().unwrap();
        }
        drop(ring);
        let segments = || files::list(dir.path()).unwrap().iter().filter(|file| file.is_segment()).count();
        // Written, as its files say, a year ago.
        let year_ago = std::time::SystemTime::now() - Duration::from_secs(365 * 24 * 3600);
        drop(Ring::open(dir.path(), small()).unwrap());
        let before = segments();
        for file in files::list(dir.path()).unwrap() {
            File::options().append(true).open(&file.path).unwrap().set_modified(year_ago).unwrap();
        }
        drop(Ring::open(dir.path(), small()).unwrap());
        let after = segments();
        assert!(after < before && after + 4 >= before, "{before} became {after}");
    }

    #[test]
    fn a_log_of_another_version_is_a_gap_and_nothing_stops() {
        let dir = tempfile::tempdir().unwrap();
        let note = |ring: &mut Ring, at: i64, act| {
            let body = Body::Recorder { act, note: String::new() };
            let id = ring.append(UnixNs(at), 1, body, &family()).unwrap();
            ring.commit().unwrap();
            id
        };
        let mut ring = Ring::open(dir.path(), small()).unwrap();
        note(&mut ring, 10, RecorderAct::Started);
        let path = ring.log.path().to_owned();
        drop(ring);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[6] = b'1';
        std::fs::write(&path, &bytes).unwrap();
        let mut ring = Ring::open(dir.path(), small()).unwrap();
        // Whatever stood in it, no number is given twice.
        assert!(note(&mut ring, 20, RecorderAct::Started) >= 1);
        drop(ring);
        let request = crate::Request {
            version: crate::VERSION,
            window: crate::Window { from: UnixNs(5), to: UnixNs(30) },
            remotes: Vec::new(),
            ports: Vec::new(),
            protocol: None,
            names: Vec::new(),
            who: crate::Who::default(),
        };
        let evidence = crate::query(dir.path(), &request, crate::Host::default()).unwrap();
        let reasons: Vec<_> = evidence.coverage.gaps.iter().map(|gap| &gap.reason).collect();
        assert!(reasons.iter().any(|reason| reason.contains("of a version that")), "{reasons:?}");
        // It is neither sealed nor lost, until its turn to be evicted comes.
        assert!(path.exists());
        let none = RingLimits { bytes: 0, ..small() };
        drop(Ring::open(dir.path(), none).unwrap());
        assert!(!path.exists());
    }

    /// A ring that an earlier version wrote stays readable. Its log is of before logs of this version.
    #[test]
    fn what_an_earlier_version_sealed_is_read() {
        let old = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/recording/ring");
        let dir = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(old).unwrap().map(Result::unwrap) {
            std::fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
        }
        let mut kinds = HashSet::new();
        let mut count = 0;
        for file in files::list(dir.path()).unwrap().iter().filter(|file| file.is_segment()) {
            let about = files::about(file).unwrap();
            assert!(about.from < about.to && !about.spans.is_empty(), "{about:?}");
            files::visit(file, &mut |event| {
                count += 1;
                kinds.insert(std::mem::discriminant(&event.body));
            })
            .unwrap();
        }
        assert_eq!(count, 1956, "each row of it is an event");
        assert!(kinds.len() >= 5, "{} kinds", kinds.len());
        drop(Ring::open(dir.path(), small()).unwrap());
    }
}
