//! What is fuzzed: each decoder on bytes that may be anything. None may panic, and what one says it read must be what
//! it would write.
//!
//! `host-recorder/history/fuzz` has a libFuzzer target for each; the tests here run each on a bounded set of inputs that is
//! the same every time: whole ones, cut ones, and ones with bits flipped.

use std::path::PathBuf;
use std::sync::OnceLock;

use crate::event::Body;
use crate::ring;
use crate::targets::EndpointSet;

/// A directory for files of this process; none where none can be made.
fn file(name: &str, bytes: &[u8]) -> Option<PathBuf> {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    let dir = DIR.get_or_init(|| std::env::temp_dir().join(format!("history-fuzz-{}", std::process::id())));
    // Each decoder, and each thread, has a place of its own.
    let dir = dir.join(format!("{name}-{:?}", std::thread::current().id()));
    std::fs::create_dir_all(&dir).ok()?;
    let path = dir.join(name);
    std::fs::write(&path, bytes).ok()?;
    Some(path)
}

/// Removes what [`segment`] and the others wrote.
pub fn clean() {
    let _ =
        std::fs::remove_dir_all(std::env::temp_dir().join(format!("history-fuzz-{}", std::process::id())));
}

/// Frames of a log.
pub fn log(bytes: &[u8]) {
    if let Some(path) = file("log-00000000000000000000.gslog", bytes)
        && let Some(dir) = path.parent()
    {
        let mut last = None;
        let _ = ring::visit_events(dir, &mut |event| last = Some(event));
        drop(last);
        let never = crate::Window { from: crate::UnixNs(i64::MAX), to: crate::UnixNs(i64::MIN) };
        for file in ring::catalogue(dir).unwrap_or_default() {
            let _ = ring::visit_log_in(&file, never, &mut |_| {});
        }
    }
}

/// A frame of a log of which only the times of a flow are wanted: they are those of the whole event, or none are read.
pub fn peek(bytes: &[u8]) {
    let passed = ring::peek_flow(bytes);
    let Ok(event) = ring::decode_frame(bytes) else { return };
    match (&event.body, passed) {
        (Body::Flow(flow), Some(passed)) => {
            assert_eq!((passed.id, passed.time, passed.boot_ns), (event.id, event.time, event.boot_ns));
            assert_eq!((passed.first, passed.last), (flow.first, flow.last));
        }
        (Body::Flow(_), None) => {
            let is_ours = postcard::to_stdvec(&event).is_ok_and(|written| written == bytes);
            assert!(!is_ours, "a flow that we wrote is not read as one");
        }
        (other, passed) => assert!(passed.is_none(), "{other:?} is taken for a flow"),
    }
}

/// A segment.
pub fn segment(bytes: &[u8]) {
    if let Some(path) = file("segment-00000000000000000000-00000000000000000099.parquet", bytes)
        && let Some(dir) = path.parent()
    {
        let _ = ring::visit_events(dir, &mut |_| {});
        let all = crate::Window { from: crate::UnixNs(i64::MIN), to: crate::UnixNs(i64::MAX) };
        let _ = ring::visit_window(dir, all, &mut |_| {});
    }
}

/// A packed set of endpoints.
pub fn targets(bytes: &[u8]) {
    if let Some(set) = EndpointSet::from_bytes(bytes.to_vec()) {
        let endpoints = set.endpoints();
        let mut once = endpoints.clone();
        once.dedup();
        assert_eq!(EndpointSet::new(endpoints).endpoints(), once);
    }
}

/// Requests and evidence.
pub fn wire(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(request) = crate::decode_request(&text)
        && let Ok(line) = crate::encode_request(&request)
    {
        assert_eq!(crate::decode_request(&line).ok(), Some(request));
    }
    if let Ok(evidence) = crate::decode_evidence(&text) {
        let _ = crate::text(&evidence);
    }
}

/// A chain, and marks.
pub fn chain(bytes: &[u8]) {
    let _ = crate::read_chain_lines(bytes);
    if let Some(path) = file("chain", bytes)
        && let Some(dir) = path.parent()
        && std::fs::write(dir.join("marks"), bytes).is_ok()
    {
        let _ = crate::verify(dir, None);
        if let Ok(key) = format!("gumshoe-verify-1.0.{}", "5a".repeat(32)).parse() {
            let _ = crate::verify(dir, Some(&key));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    /// The input whole, cut at some places, and with single bits flipped at others.
    fn check(decode: fn(&[u8]), whole: &[u8], steps: usize) {
        decode(whole);
        let step = |length: usize| (length / steps).max(1);
        for end in (0..whole.len()).step_by(step(whole.len())) {
            decode(&whole[..end]);
        }
        for bit in (0..whole.len() * 8).step_by(step(whole.len() * 8) | 1) {
            let mut bad = whole.to_vec();
            bad[bit / 8] ^= 1 << (bit % 8);
            decode(&bad);
        }
        // Bytes of no meaning, of every length up to some.
        let mut random = 1u64;
        for length in 0..steps {
            let noise = std::iter::repeat_with(|| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (random >> 56) as u8
            });
            decode(&noise.take(length).collect::<Vec<_>>());
        }
    }

    #[test]
    fn no_decoder_panics() {
        let dir = tempfile::tempdir().unwrap();
        let limits = crate::RingLimits { free_bytes: 0, log_bytes: 20_000, ..crate::RingLimits::default() };
        struct Nobody;
        impl crate::KnownProcesses for Nobody {
            fn process(&self, _: &crate::ProcessId) -> Option<crate::Process> {
                None
            }
            fn login(&self, _: &crate::ProcessId) -> Option<(crate::UnixNs, u64, crate::Login)> {
                None
            }
        }
        let mut ring = crate::Ring::open(dir.path(), limits).unwrap();
        for event in testing::events(300) {
            ring.append(event.time, event.boot_ns, event.body, &Nobody).unwrap();
            ring.commit().unwrap();
        }
        drop(ring);
        let read = |prefix: &str| {
            let paths = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
            let path = paths
                .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(prefix))
                .max_by_key(|path| std::fs::metadata(path).unwrap().len());
            std::fs::read(path.unwrap()).unwrap()
        };
        check(log, &read("log-"), 300);
        for event in testing::events(11) {
            check(peek, &postcard::to_stdvec(&event).unwrap(), 2_000);
        }
        check(segment, &read("segment-"), 100);
        check(chain, &read("chain"), 300);
        let endpoints = (0..500u32).map(|index| crate::Endpoint {
            address: std::net::Ipv4Addr::from(index.wrapping_mul(0x9e37_79b9)).into(),
            port: index as u16 % 7,
        });
        check(targets, EndpointSet::new(endpoints.collect()).as_bytes(), 2_000);
        let request = br#"{"version":1,"window":{"from":1,"to":2},"who":{"users":["alice"]}}"#;
        let line = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, request);
        assert_eq!(crate::decode_request(&line).unwrap().who.users, ["alice"]);
        check(wire, line.as_bytes(), 500);
        clean();
    }
}
