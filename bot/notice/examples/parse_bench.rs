//! How long notices take to read and how much memory they need, as JSON rows, one a line:
//! `{"name","value","unit","bound","holds","samples"}`; `bound` and `holds` are null where nothing is promised.
//!
//! `make bench ONLY=notice` runs it, as does `cargo run --release -p notice --example parse_bench`. Each shape is read in a process of its own, so
//! that its peak of memory is its own. Ends with 1 when a bound does not hold.

use std::hint::black_box;
use std::process::Command;
use std::process::ExitCode;
use std::time::Instant;

use notice::Context;
use serde_json::Value;
use serde_json::json;

const HEAD: &str = "From: noc@example.org\r\nTo: abuse@example.com\r\nSubject: Port scan from 192.0.2.30\r\nDate: Mon, 15 Jan 2024 12:00:00 +0000\r\n";

/// A mail of 10 MB.
const LARGE_MS_MAX: f64 = 200.0;
const LARGE_MB_MAX: f64 = 100.0;
/// A mail of 4 KB.
const SMALL_MS_MAX: f64 = 2.0;

const MB: usize = 1 << 20;

/// A shape: its name, its bytes, how often it is read, and the bound on its median time, ms.
type Shape = (&'static str, fn() -> Vec<u8>, usize, Option<f64>);

const SHAPES: [Shape; 12] = [
    ("4_kb_log", || log_mail(4 << 10), 400, Some(SMALL_MS_MAX)),
    ("4_kb_prose", || prose_mail(4 << 10), 400, Some(SMALL_MS_MAX)),
    ("64_kb_log", || log_mail(64 << 10), 100, None),
    ("1_mb_log", || log_mail(MB), 20, None),
    ("10_mb_log", || log_mail(10 * MB), 11, Some(LARGE_MS_MAX)),
    ("10_mb_many_targets", || many_targets(10 * MB), 11, Some(LARGE_MS_MAX)),
    ("10_mb_prose", || prose_mail(10 * MB), 11, Some(LARGE_MS_MAX)),
    ("10_mb_base64_attachment", || attached_mail(10 * MB), 11, Some(LARGE_MS_MAX)),
    ("10_mb_html", || html_mail(10 * MB), 11, Some(LARGE_MS_MAX)),
    ("10_mb_digits_and_dots", || "1.2.3.4 ".repeat(10 * MB / 8).into_bytes(), 11, Some(LARGE_MS_MAX)),
    ("10_mb_one_line", || vec![b'a'; 10 * MB], 11, Some(LARGE_MS_MAX)),
    ("10_mb_json_lines", || json_lines(10 * MB).into_bytes(), 11, Some(LARGE_MS_MAX)),
];

fn main() -> ExitCode {
    let wanted = std::env::args().nth(1);
    let mut holds = true;
    for (name, make, rounds, bound) in SHAPES {
        let Some(wanted) = &wanted else {
            holds &= in_own_process(name);
            continue;
        };
        if wanted != name {
            continue;
        }
        let bytes = make();
        let times: Vec<f64> = (0..rounds)
            .map(|_| {
                let start = Instant::now();
                black_box(notice::read(&bytes, &Context::default()));
                start.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        let memory = peak_memory_kb() as f64 / 1024.0;
        let most = bound.filter(|bound| *bound == LARGE_MS_MAX).map(|_| LARGE_MB_MAX);
        print_row(&format!("notice.{name}.ms"), median(&times), "ms", bound, &times);
        print_row(&format!("notice.{name}.peak_mb"), memory, "MB", most, &[memory]);
    }
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Measures one shape in a process of its own and passes its rows on; false where a bound does not hold.
fn in_own_process(name: &str) -> bool {
    let program = std::env::current_exe().expect("this program");
    let output = Command::new(program).arg(name).output().expect("started");
    let text = String::from_utf8_lossy(&output.stdout);
    print!("{text}");
    let rows = || text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    output.status.success() && rows().count() > 0 && rows().all(|row| row["holds"] != false)
}

fn median(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn print_row(name: &str, value: f64, unit: &str, bound: Option<f64>, samples: &[f64]) {
    let holds = bound.map(|bound| value <= bound);
    let round = |value: f64| (value * 1000.0).round() / 1000.0;
    let (value, samples) = (round(value), samples.iter().copied().map(round).collect::<Vec<_>>());
    println!(
        "{}",
        json!({"name": name, "value": value, "unit": unit, "bound": bound, "holds": holds, "samples": samples})
    );
}

fn html_mail(size: usize) -> Vec<u8> {
    let row = "<tr><td>192.0.2.30</td><td>198.51.100.7</td><td>2024-01-15 10:00:00 UTC</td></tr>\r\n";
    let head = "Content-Type: text/html\r\n\r\n<html><body><p>Port scan</p><table><tr><th>Source IP</th><th>Target IP</th><th>Time</th></tr>";
    format!("{HEAD}{head}{}</table></body></html>", row.repeat(size / row.len())).into_bytes()
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
