//! Rings that other versions wrote: what an earlier one wrote is read whole, and what a later one wrote is a gap with its
//! reason.
//!
//! `fixtures/before-groups` was written by the program as it was before it kept supplementary groups: one log and one segment
//! of the same events, which `events.jsonl` tells one by one. A segment of version 1 is in `tests/fixtures/recording`.

use std::path::Path;

use history::Event;
use history::Host;
use history::Request;
use history::Ring;
use history::RingLimits;
use history::UnixNs;
use history::VERSION;
use history::Who;
use history::Window;

const LOG: &str = "log-00000000000000000000.gslog";
const SEGMENT: &str = "segment-00000000000000000000-00000000000000000021.parquet";

fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/before-groups").join(name);
    std::fs::read(path).expect("a fixture")
}

/// A ring of one file.
fn ring(name: &str, content: &[u8]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join(name), content).expect("written");
    dir
}

fn told() -> Vec<Event> {
    let text = String::from_utf8(fixture("events.jsonl")).expect("text");
    text.lines().map(|line| serde_json::from_str(line).expect("an event")).collect()
}

/// Everything that a ring has, asked as anybody would.
fn asked(dir: &Path) -> history::Evidence {
    let request = Request {
        version: VERSION,
        window: Window { from: UnixNs(1_699_999_999_000_000_000), to: UnixNs(1_700_000_001_000_000_000) },
        remotes: Vec::new(),
        ports: Vec::new(),
        protocol: None,
        names: Vec::new(),
        who: Who::default(),
    };
    history::query(dir, &request, Host::default()).expect("an answer")
}

fn reasons(evidence: &history::Evidence) -> String {
    evidence.coverage.gaps.iter().map(|gap| format!("{}\n", gap.reason)).collect()
}

#[test]
fn what_was_written_before_groups_were_kept_is_read_and_sealed() {
    let told = told();
    assert_eq!(told.len(), 22);
    let kinds: std::collections::HashSet<_> =
        told.iter().map(|event| std::mem::discriminant(&event.body)).collect();
    assert_eq!(kinds.len(), 11, "events of every kind");
    for (name, file) in [(LOG, "log.gslog"), (SEGMENT, "segment.parquet")] {
        let dir = ring(name, &fixture(file));
        assert_eq!(history::events(dir.path()).expect("events"), told, "{name}");
        let before = asked(dir.path());
        assert!(!before.activities.is_empty() && !reasons(&before).contains("version"), "{before:#?}");
        // The recorder of this version goes on with it: the log becomes a segment of its own.
        let limits = RingLimits { free_bytes: 0, age: std::time::Duration::MAX, ..RingLimits::default() };
        drop(Ring::open(dir.path(), limits).expect("a ring"));
        assert_eq!(history::events(dir.path()).expect("events"), told, "{name}, sealed");
        assert!(dir.path().join(SEGMENT).exists());
        assert_eq!(asked(dir.path()).activities, before.activities, "{name}, sealed");
    }
}

#[test]
fn what_a_later_version_wrote_is_a_gap_with_its_reason() {
    let mut log = fixture("log.gslog");
    log[6] = b'3';
    let mut segment = fixture("segment.parquet");
    let key = b"gumshoe.version\x18\x01";
    let at = segment.windows(key.len()).position(|window| window == key).expect("its version");
    segment[at + key.len()] = b'7';
    for (name, content) in [(LOG, log), (SEGMENT, segment)] {
        let dir = ring(name, &content);
        let evidence = asked(dir.path());
        assert!(reasons(&evidence).contains("version"), "{name}: {:#?}", evidence.coverage);
        assert!(evidence.activities.is_empty() && !evidence.coverage.complete());
        // A recorder of this version begins behind it, and leaves it alone.
        let limits = RingLimits { free_bytes: 0, age: std::time::Duration::MAX, ..RingLimits::default() };
        drop(Ring::open(dir.path(), limits).expect("a ring"));
        assert_eq!(std::fs::read(dir.path().join(name)).expect("still there"), content);
    }
}

#[test]
fn an_answer_of_another_version_is_refused() {
    let mut evidence = asked(ring(LOG, &fixture("log.gslog")).path());
    let line = history::encode_evidence(&evidence, history::SSM_LIMIT).expect("a line");
    assert_eq!(history::decode_evidence(&line).expect("evidence").version, VERSION);
    evidence.version = VERSION + 1;
    let line = history::encode_evidence(&evidence, history::SSM_LIMIT).expect("a line");
    let refused = history::decode_evidence(&line).expect_err("another version").to_string();
    assert!(refused.contains(&format!("version {}", VERSION + 1)), "{refused}");
}
