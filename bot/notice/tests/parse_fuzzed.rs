//! The fuzzers' share of every test run: each reader on its corpus and on changes of it, drawn alike each time.
//!
//! libFuzzer finds more (`bot/notice/fuzz`); what it found once is kept in `tests/fixtures/fuzz/READER/` and is
//! read here again for ever.

use std::path::Path;
use std::time::Duration;
use std::time::Instant;

use notice::probe;

/// Time for all readers together; each gets its share, however slow the machine.
const ALL: Duration = Duration::from_secs(24);
/// No input of this size may take longer.
const ONE: Duration = Duration::from_secs(if cfg!(debug_assertions) { 5 } else { 1 });
const INPUT_BYTES_MAX: usize = 64 << 10;

/// Pieces that notices are made of, for changes that go deeper than flipped bits.
const PIECES: [&str; 24] = [
    "192.0.2.1",
    "2001:db8::1",
    "198.51.100.7:22",
    "ec2-192-0-2-1.compute-1.amazonaws.com",
    "i-0123456789abcdef0",
    "2024-01-15 10:00:00",
    "Jan 15 10:00:00",
    "15/Jan/2024:10:00:00 +0000",
    "1705332439",
    " UTC+14:00",
    "2024年1月15日 10時00分",
    "-> ",
    "SRC=",
    "\n\n",
    ": ",
    "\t",
    ",",
    "\"",
    "{",
    "]",
    "\u{202e}",
    "Received: from ",
    "Content-Type: message/rfc822\n\n",
    "=?utf-8?B?",
];

/// A generator that always draws the same (splitmix64).
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

fn corpus(reader: &str) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures");
    let mut inputs = Vec::new();
    for folder in [root.join("fuzz").join(reader), root.join("notices/layouts"), root.join("notices/world")] {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.sort();
        for path in paths {
            let mut bytes = std::fs::read(&path).expect("an input");
            bytes.truncate(4 << 10);
            inputs.push(bytes);
        }
    }
    inputs
}

fn change(from: &[u8], other: &[u8], draw: &mut Draw) -> Vec<u8> {
    let mut bytes = from.to_vec();
    for _ in 0..=draw.below(4) {
        let at = draw.below(bytes.len());
        match draw.below(6) {
            0 if !bytes.is_empty() => bytes[at] = draw.next() as u8,
            1 => bytes.truncate(at),
            2 => {
                let piece = PIECES[draw.below(PIECES.len())].as_bytes().to_vec();
                bytes.splice(at..at, piece);
            }
            3 => {
                let end = (at + draw.below(200)).min(bytes.len());
                let part = bytes[at.min(end)..end].repeat(1 + draw.below(40));
                bytes.splice(at..at, part);
            }
            4 => {
                let start = draw.below(other.len());
                let end = (start + draw.below(200)).min(other.len());
                bytes.splice(at..at, other[start.min(end)..end].to_vec());
            }
            _ => {
                let end = (at + draw.below(50)).min(bytes.len());
                bytes.drain(at.min(end)..end);
            }
        }
    }
    bytes.truncate(INPUT_BYTES_MAX);
    bytes
}

#[test]
fn no_reader_fails_or_hangs_on_changed_input() {
    let share = ALL / u32::try_from(probe::TARGETS.len()).expect("few readers");
    let mut all = 0_u64;
    for (name, read) in probe::TARGETS {
        let corpus = corpus(name);
        assert!(corpus.len() > 100, "{name}: {} inputs", corpus.len());
        let mut draw = Draw(0x6775_6d73_686f_6500);
        let (begun, mut runs, mut slowest) = (Instant::now(), 0_u64, Duration::ZERO);
        let mut run = |bytes: &[u8]| {
            let start = Instant::now();
            read(bytes);
            let taken = start.elapsed();
            assert!(taken < ONE, "{name} took {taken:?} on {:?}", String::from_utf8_lossy(bytes));
            slowest = slowest.max(taken);
            runs += 1;
        };
        corpus.iter().for_each(|bytes| run(bytes));
        while begun.elapsed() < share {
            let (one, other) = (draw.below(corpus.len()), draw.below(corpus.len()));
            run(&change(&corpus[one], &corpus[other], &mut draw));
        }
        println!("{name:<14} {runs:>8} inputs, slowest {:.1} ms", slowest.as_secs_f64() * 1e3);
        all += runs;
    }
    println!("{all} inputs in all");
}
