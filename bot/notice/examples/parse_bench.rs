//! How long notices take to read: medians of a few sizes and shapes, and the memory at the end.
//!
//! Run with `cargo run --release --example parse_bench`.

use std::hint::black_box;
use std::time::Duration;
use std::time::Instant;

use notice::Context;

const HEAD: &str = "From: noc@example.org\r\nTo: abuse@example.com\r\nSubject: Port scan from 192.0.2.30\r\nDate: Mon, 15 Jan 2024 12:00:00 +0000\r\n";

fn main() {
    measure("4 KB mail with a log", &log_mail(4 << 10), 200);
    measure("64 KB mail with a log", &log_mail(64 << 10), 50);
    measure("1 MB mail with a log", &log_mail(1 << 20), 10);
    measure("10 MB mail with a log", &log_mail(10 << 20), 5);
    measure("10 MB mail with a log of many targets", &many_targets(10 << 20), 5);
    measure("10 MB mail of prose", &prose_mail(10 << 20), 5);
    measure("10 MB base64 attachment", &attached_mail(10 << 20), 5);
    measure("10 MB of digits and dots", "1.2.3.4 ".repeat((10 << 20) / 8).as_bytes(), 5);
    measure("10 MB on one line", &vec![b'a'; 10 << 20], 5);
    measure("10 MB JSON lines", json_lines(10 << 20).as_bytes(), 5);
    println!("peak resident memory: {} MB", peak_memory_kb() / 1024);
}

fn measure(what: &str, bytes: &[u8], rounds: usize) {
    let mut times: Vec<Duration> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            black_box(notice::read(bytes, &Context::default()));
            start.elapsed()
        })
        .collect();
    times.sort();
    println!("{what:<40} {:>10.3} ms", times[rounds / 2].as_secs_f64() * 1e3);
}

fn log_mail(size: usize) -> Vec<u8> {
    let mut text = format!("{HEAD}\r\nYour host 192.0.2.30 scans us. All times are UTC.\r\n\r\n");
    let mut second = 0;
    while text.len() < size {
        second += 1;
        text.push_str(&format!(
            "Jan 15 10:{:02}:{:02} fw kernel: DROP SRC=192.0.2.30 DST=198.51.100.7 PROTO=TCP SPT=4242 DPT={}\r\n",
            second / 60 % 60,
            second % 60,
            second % 60_000
        ));
    }
    text.into_bytes()
}

fn many_targets(size: usize) -> Vec<u8> {
    let mut text = format!("{HEAD}\r\nAll times are UTC.\r\n\r\n");
    let mut row = 0_u32;
    while text.len() < size {
        row += 1;
        let [_, a, b, c] = row.to_be_bytes();
        text.push_str(&format!("2024-01-15 10:00:00 192.0.2.30:4242 -> 10.{a}.{b}.{c}:22 TCP\r\n"));
    }
    text.into_bytes()
}

fn prose_mail(size: usize) -> Vec<u8> {
    let sentence = "On 15 January 2024 at 10:00 UTC your server 192.0.2.30 attacked our host 198.51.100.7, please reply.\r\n";
    format!("{HEAD}\r\n{}", sentence.repeat(size / sentence.len())).into_bytes()
}

fn attached_mail(size: usize) -> Vec<u8> {
    let line = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJz\r\n";
    format!(
        "{HEAD}MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n192.0.2.30 scans us\r\n--b\r\nContent-Type: application/octet-stream; name=x.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n{}--b--\r\n",
        line.repeat(size / line.len())
    )
    .into_bytes()
}

fn json_lines(size: usize) -> String {
    let line = "{\"timestamp\":\"2024-01-15T10:00:00Z\",\"src_ip\":\"192.0.2.30\",\"dest_ip\":\"198.51.100.7\",\"dest_port\":22}\n";
    line.repeat(size / line.len())
}

/// Returns the peak resident set of this process, in KiB; 0 where /proc does not tell.
fn peak_memory_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|it| it.parse().ok()).unwrap_or(0)
}
