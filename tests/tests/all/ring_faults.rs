//! What disks do to a ring: power that goes between any two operations, writes and syncs that fail for a while, and file
//! systems that turn read-only. The ring is written by a program of its own, on a disk that is watched ([`tests::disk`]).

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;

use anyhow::Context;
use anyhow::ensure;
use history::Ring;
use history::Severity;
use history::VerificationKey;
use tests::disk;
use tests::disk::Disk;
use tests::disk::Operation;
use tests::disk::Survives;
use tests::ledger;
use tests::soak::plan::Random;

use crate::ring::check_ledger;

/// Ways in which power may go that are tried of one ring, unless `RING_POWER_CUTS` says otherwise.
const POWER_CUTS: u64 = 100;

/// Numbers that are written: so many that the oldest segments are evicted.
const NUMBERS: u64 = 3_000;

/// Ways in which power may go after a disk had failed.
const CUTS_OF_FAILED: u64 = 3;

/// Runs with a disk that fails for a while.
const FAILING_RUNS: u64 = 18;

/// Whether a writer tells that its disk does not take what it has.
fn is_refusal(operation: &Operation) -> bool {
    matches!(operation, Operation::Told(text) if text.starts_with("not"))
}

/// A directory in memory where there is one: what is tried here is not this machine's disk.
fn scratch() -> anyhow::Result<tempfile::TempDir> {
    let memory = Path::new("/dev/shm");
    Ok(if memory.is_dir() { tempfile::tempdir_in(memory)? } else { tempfile::tempdir()? })
}

/// A ring on a watched disk, and what verifies it.
struct Watched {
    place: tempfile::TempDir,
    shim: PathBuf,
    key: VerificationKey,
    disk: Disk,
    runs: u32,
}

impl Watched {
    fn new() -> anyhow::Result<Self> {
        let place = scratch()?;
        let shim = disk::build_shim(place.path())?;
        let dir = place.path().join("ring");
        std::fs::create_dir(&dir)?;
        let key = history::setup_seal(&dir)?;
        let disk = Disk::of(&dir)?;
        Ok(Self { place, shim, key, disk, runs: 0 })
    }

    fn dir(&self) -> PathBuf {
        self.place.path().join("ring")
    }

    /// Writes from a number on to the last, while the disk fails as it is told to.
    fn write(&mut self, first: u64, last: u64, fault: Option<&str>) -> anyhow::Result<ExitStatus> {
        let log = self.place.path().join(format!("operations-{}", self.runs));
        self.runs += 1;
        let program = tests::target_dir()?.join("debug/ring_writer");
        let mut writer = Command::new(&program);
        writer.arg(self.dir()).args([first.to_string(), last.to_string()]);
        writer.env("LD_PRELOAD", &self.shim).env("DISK_DIR", self.dir()).env("DISK_LOG", &log);
        writer.env("DISK_FAULT", fault.unwrap_or_default());
        let ended = writer.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        let ended =
            ended.with_context(|| format!("{} is not built: cargo build --workspace", program.display()))?;
        self.disk.read(&log)?;
        Ok(ended)
    }

    /// What was promised before an operation.
    fn promised(&self, operations: usize) -> Option<u64> {
        self.disk.operations.iter().take(operations).rev().find_map(|operation| match operation {
            Operation::Told(text) => text.trim().parse().ok(),
            _ => None,
        })
    }

    /// Writes what is missing up to the last number, on a disk that works again; returns the first of it.
    fn write_the_rest(&mut self, last: u64) -> anyhow::Result<u64> {
        let first = check_ledger(&self.dir())?.unwrap_or(0) + 1;
        ensure!(self.write(first, last, None)?.success(), "it never recovered");
        Ok(first)
    }

    /// Whether the last that was told is that the disk takes nothing.
    fn ended_refused(&self) -> bool {
        let told = |it: &&Operation| matches!(it, Operation::Told(_));
        self.disk.operations.iter().rev().find(told).is_some_and(is_refusal)
    }

    /// Takes the power at some moment, and opens what is left.
    fn cut(&self, random: &mut Random) -> anyhow::Result<()> {
        let after = random.below(self.disk.operations.len() as u64 + 1) as usize;
        let survives = [Survives::Nothing, Survives::AllButAPiece, Survives::Some, Survives::Some];
        self.cut_after(after, survives[random.below(4) as usize], random)
    }

    /// Takes the power after so many operations.
    fn cut_after(&self, after: usize, survives: Survives, random: &mut Random) -> anyhow::Result<()> {
        let files = self.disk.after(after, survives, random);
        let near = &self.disk.operations[after.saturating_sub(3)..after];
        let near: Vec<String> = near.iter().map(|it| format!("{it:?}").chars().take(90).collect()).collect();
        check_left(&files, self.promised(after), &self.key)
            .with_context(|| format!("power went after operation {after} ({survives:?} survived): {near:#?}"))
    }
}

/// Nothing that was promised is lost, nothing is invented, before the ring is opened again and after; and nobody is
/// said to have tampered with it.
fn check_left(
    files: &BTreeMap<String, Vec<u8>>,
    promised: Option<u64>,
    key: &VerificationKey,
) -> anyhow::Result<()> {
    let place = scratch()?;
    for (name, content) in files {
        std::fs::write(place.path().join(name), content)?;
    }
    let found = check_ledger(place.path()).context("read before it was opened")?;
    ensure!(found >= promised, "{promised:?} was promised, {found:?} is there");
    drop(Ring::open(place.path(), ledger::LIMITS)?);
    ensure!(check_ledger(place.path())? == found, "opening it again changed it");
    let verified = history::verify(place.path(), Some(key))?;
    ensure!(verified.severity() == Severity::Note, "{verified:#?}");
    Ok(())
}

fn seed() -> anyhow::Result<u64> {
    let given = std::env::var("RING_SEED").ok().map(|seed| seed.parse()).transpose()?;
    Ok(given.unwrap_or(std::time::UNIX_EPOCH.elapsed()?.as_nanos() as u64 | 1))
}

#[test]
fn power_may_go_at_any_moment() -> anyhow::Result<()> {
    let cuts: u64 = match std::env::var("RING_POWER_CUTS") {
        Ok(cuts) => cuts.parse().context("RING_POWER_CUTS")?,
        Err(_) => POWER_CUTS,
    };
    let seed = seed()?;
    println!("RING_SEED={seed}, {cuts} cuts");
    let mut random = Random::new(seed);
    let mut ring = Watched::new()?;
    ensure!(ring.write(1, NUMBERS, None)?.success(), "it could not be written");
    let names = |wanted: fn(&Operation) -> bool| ring.disk.operations.iter().filter(|it| wanted(it)).count();
    ensure!(names(|it| matches!(it, Operation::Rename(..))) > 20, "too few segments");
    ensure!(names(|it| matches!(it, Operation::Unlink(..))) > 20, "too few evictions");
    ensure!(ring.promised(usize::MAX) == Some(NUMBERS / ledger::COMMIT_EVERY * ledger::COMMIT_EVERY));
    for cut in 0..cuts {
        ring.cut(&mut random).with_context(|| format!("RING_SEED={seed}, cut {cut}"))?;
    }
    Ok(())
}

#[test]
fn a_disk_that_fails_for_a_while_costs_nothing_once_it_works() -> anyhow::Result<()> {
    let seed = seed()?;
    println!("RING_SEED={seed}");
    let mut random = Random::new(seed);
    let kinds = [
        ("write", libc::EIO),
        ("sync", libc::EIO),
        ("all", libc::EIO),
        ("name", libc::EROFS),
        ("all", libc::EROFS),
        ("write", libc::ENOSPC),
    ];
    let mut refusals = 0;
    for run in 0..FAILING_RUNS {
        let (kind, errno) = kinds[run as usize % kinds.len()];
        // From its opening to deep in its work, for one operation or many, now and then beyond its end.
        let first = random.below(if kind == "name" { 40 } else { 200 });
        let fault = format!("{kind} {errno} {first} {}", 1 + random.below(40));
        let told = || format!("RING_SEED={seed}, run {run}, {fault}");
        let mut ring = Watched::new()?;
        let mut first = 1;
        if !ring.write(1, NUMBERS, Some(&fault))?.success() || ring.ended_refused() {
            // It cannot be opened on such a disk, or ends while that still fails; the service manager starts it again.
            first = ring.write_the_rest(NUMBERS).with_context(told)?;
        }
        refusals += u64::from(first > 1 || ring.disk.operations.iter().any(is_refusal));
        let found = check_ledger(&ring.dir()).with_context(told)?;
        ensure!(found == Some(NUMBERS), "{}: {found:?} is there", told());
        let verified = history::verify(&ring.dir(), Some(&ring.key))?;
        ensure!(verified.severity() == Severity::Note, "{}: {verified:#?}", told());
        // What the disk had forgotten was written again before it was promised.
        for _ in 0..CUTS_OF_FAILED {
            ring.cut(&mut random).with_context(told)?;
        }
    }
    // Else what is told above was told of disks that never failed.
    ensure!(refusals >= FAILING_RUNS / 3, "only {refusals} runs had a commit that failed");
    Ok(())
}

/// Operations of a ring's opening, and of its first sealings, that fail one after the other.
const FIRST_OPERATIONS: u64 = 14;

/// Numbers that are written over them: some segments, so that the first log is gone for certain.
const FIRST_NUMBERS: u64 = 400;

/// A line of the chain that a failed sync forgot is read until the power goes, and is written again before anything
/// counts on it.
#[test]
fn what_a_disk_that_failed_at_first_forgot_is_written_again() -> anyhow::Result<()> {
    let (mut random, mut reopened) = (Random::new(1), 0);
    for (first, count) in (0..FIRST_OPERATIONS).flat_map(|first| [(first, 1), (first, 3)]) {
        let fault = format!("all {} {first} {count}", libc::EIO);
        let mut ring = Watched::new()?;
        if !ring.write(1, FIRST_NUMBERS, Some(&fault))?.success() {
            reopened += 1;
            ring.write_the_rest(FIRST_NUMBERS).with_context(|| fault.clone())?;
        }
        let end = ring.disk.operations.len();
        ring.cut_after(end, Survives::Nothing, &mut random).with_context(|| fault)?;
    }
    ensure!(reopened > 4, "only {reopened} rings could not be opened at first");
    Ok(())
}

/// Operations after the start of the next run before and after each of which the power is taken.
const NEXT_OPERATIONS: usize = 24;

/// What a run handed to the system and was never told is on disk is read by the next; that promises nothing before it has
/// brought it there.
#[test]
fn what_a_run_left_in_memory_is_on_disk_before_the_next_promises() -> anyhow::Result<()> {
    let mut random = Random::new(1);
    let mut left_in_memory = 0;
    for (kind, first) in [("sync", 8), ("sync", 20), ("all", 31), ("write", 20)] {
        let fault = format!("{kind} {} {first} 100000", libc::EIO);
        let mut ring = Watched::new()?;
        ring.write(1, FIRST_NUMBERS, Some(&fault))?;
        ensure!(ring.ended_refused(), "{fault}: its disk worked in the end");
        let (begun, promised) = (ring.disk.operations.len(), ring.promised(usize::MAX));
        let next = ring.write_the_rest(NUMBERS).with_context(|| fault.clone())?;
        left_in_memory += u64::from(Some(next - 1) > promised);
        for after in begun..begun + NEXT_OPERATIONS {
            ring.cut_after(after, Survives::Nothing, &mut random).with_context(|| fault.clone())?;
        }
        ensure!(ring.promised(begun + NEXT_OPERATIONS) > Some(next), "{fault}: nothing was promised");
    }
    ensure!(left_in_memory > 0, "every disk had all that was read");
    Ok(())
}

/// A real file system on which an error turned everything read-only, in mounts of its own.
const TURNED_READ_ONLY: &str = r#"
set -e
cd "$1"
truncate -s 32M image
mkfs.ext4 -q image
mkdir mount found
mount -o loop image mount
mkdir mount/ring
cp key mount/ring/seal.key
"$2" mount/ring 1 < /dev/null > told 2> /dev/null &
writer=$!
until [ "$(wc -l < told)" -gt 100 ]; do sleep 0.02; done
cp told before
mount -o remount,abort mount
until grep -q '^not' told; do kill -0 $writer; sleep 0.02; done
kill $writer 2> /dev/null || true
wait $writer || true
umount mount
mount -o loop image mount
rm -rf mount/ring/lost+found
cp mount/ring/* found
umount mount
"#;

/// What is promised while it turns may be gone, and is not asked for here: the kernel aborts ext4's journal before it
/// refuses calls. A write in between gets its bytes to the disk, but the file's new length into no transaction, so that
/// the sync that follows has nothing to wait for and succeeds. A program that did nothing but append and sync was told so
/// of its last write in 19 of 150 runs (Linux 6.18). A start of the recorder without a stop before it is a gap all the same.
#[test]
fn a_file_system_that_turns_read_only_keeps_what_was_promised() -> anyhow::Result<()> {
    let place = tempfile::tempdir()?;
    let keys = tempfile::tempdir()?;
    let key = history::setup_seal(keys.path())?;
    std::fs::copy(keys.path().join("seal.key"), place.path().join("key"))?;
    let writer = tests::target_dir()?.join("debug/ring_writer");
    let mut script = Command::new("timeout");
    script.args(["60", "unshare", "--mount", "--propagation", "private", "sh", "-c", TURNED_READ_ONLY, "sh"]);
    let ended = script.arg(place.path()).arg(writer).output().context("unshare")?;
    ensure!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let last_promise = |name: &str| -> anyhow::Result<(String, Option<u64>)> {
        let told = std::fs::read_to_string(place.path().join(name))?;
        let promised = told.lines().filter_map(|line| line.parse().ok()).next_back();
        Ok((told, promised))
    };
    let (_, promised) = last_promise("before")?;
    let (told, _) = last_promise("told")?;
    let refused = told.lines().filter(|line| line.starts_with("not")).count();
    ensure!(
        promised > Some(1_000) && refused > 0,
        "{promised:?} was promised, {refused} commits were refused"
    );
    // What was under way when it turned ends with the other.
    let reasons = ["Read-only file system", "Input/output error"];
    ensure!(reasons.iter().any(|reason| told.contains(reason)), "refused for another reason: {told}");
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(place.path().join("found"))? {
        let entry = entry?;
        files.insert(entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path())?);
    }
    check_left(&files, promised, &key)
}
