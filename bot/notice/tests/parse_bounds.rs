//! Notices made to take much memory or time: small texts that grow when they are read, and large ones of many small
//! things. Each may take as much as an honest mail of 10 MB.

use std::io::Write;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use notice::Context;
use notice::claim::Parsed;
use zip::write::SimpleFileOptions;

const MB: usize = 1 << 20;
/// What reading one notice may take over what the notice itself does.
const MEMORY_MAX: usize = 100 * MB;
/// An hour's work would be done in this where it were not bounded; a build for debugging is slower by ten.
const TIME_MAX: Duration = Duration::from_secs(20);

static ALONE: Mutex<()> = Mutex::new(());

/// Reads a notice and checks what that took.
fn read(what: &str, bytes: &[u8]) -> Parsed {
    // Two tests of one process do not count each other's memory.
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    std::fs::write("/proc/self/clear_refs", "5").expect("the peak of memory is counted anew");
    let before = peak();
    let start = Instant::now();
    let parsed = notice::parse(bytes, &Context::default());
    // The kernel adds a thread's pages up in batches: a peak may be read as a little less than before it.
    let (took, memory) = (start.elapsed(), peak().saturating_sub(before));
    println!("{what}: {} bytes, {} MB, {took:?}", bytes.len(), memory / MB);
    assert!(memory <= MEMORY_MAX, "{what} took {} MB", memory / MB);
    assert!(took <= TIME_MAX, "{what} took {took:?}");
    parsed
}

fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("this process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") << 10
}

fn workbook(strings: &str, rows: &str) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let members = [
        ("xl/workbook.xml", "<workbook/>".to_owned()),
        ("xl/sharedStrings.xml", format!("<sst>{strings}</sst>")),
        ("xl/worksheets/sheet1.xml", format!("<worksheet><sheetData>{rows}</sheetData></worksheet>")),
    ];
    for (name, text) in members {
        zip.start_file(name, SimpleFileOptions::default()).expect("a member");
        zip.write_all(text.as_bytes()).expect("memory");
    }
    zip.finish().expect("memory").into_inner()
}

/// A mail with attachments of one type.
fn mail(kind: &str, attachments: &[Vec<u8>]) -> Vec<u8> {
    let mut out = String::from(
        "From: noc@example.org\nSubject: Port scan from 192.0.2.30\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n192.0.2.30 scans us\n",
    );
    for bytes in attachments {
        let packed = STANDARD.encode(bytes);
        out.push_str(&format!(
            "--b\nContent-Type: {kind}; name=a\nContent-Transfer-Encoding: base64\n\n{packed}\n"
        ));
    }
    out.push_str("--b--\n");
    out.into_bytes()
}

#[test]
fn one_string_in_many_cells_of_a_sheet_is_not_copied_without_end() {
    let strings = format!("<si><t>{}</t></si>", "a".repeat(900 << 10));
    let bytes = workbook(&strings, &"<row><c t=\"s\"><v>0</v></c></row>".repeat(20_000));
    let parsed = read("one string in many cells", &bytes);
    assert!(parsed.warnings.iter().any(|warning| warning.contains("spreadsheet")), "{:?}", parsed.warnings);
}

#[test]
fn many_strings_of_a_sheet_are_bounded() {
    read("many strings", &workbook(&"<si/><si></si>".repeat(70_000), "<row><c><v>1</v></c></row>"));
    // Packed as little as is allowed, so that all of it is unpacked.
    let noise = (0..700_000_u32).map(|number| format!("<si>{:x}</si>", number.wrapping_mul(2_654_435_761)));
    read("many strings of noise", &workbook(&noise.collect::<String>(), "<row><c><v>1</v></c></row>"));
}

#[test]
fn many_attributes_of_a_cell_are_bounded() {
    let attributes: String = (0..90_000).map(|number| format!(" a{number}=\"\"")).collect();
    read("attributes of a cell", &workbook("", &format!("<row><c{attributes}><v>1</v></c></row>")));
    let parsed = notice::parse(
        &workbook("<si><t>192.0.2.30 scans us</t></si>", r#"<row><c r="A1" s="1" t="s"><v>0</v></c></row>"#),
        &Context::default(),
    );
    assert_eq!(parsed.claims.len(), 1, "{parsed:?}");
}

#[test]
fn small_values_of_json_are_bounded() {
    let objects = format!("{{\"a\":[{}{{}}]}}", "{\"\":0},".repeat(280_000));
    read("objects of one member", objects.as_bytes());
    let parts = vec![objects.into_bytes(); 3];
    read("three texts of objects", &mail("application/json", &parts));
    let numbers = format!("{{\"a\":[{}0]}}", "0,".repeat(MB - 20)).into_bytes();
    read("numbers", &mail("application/json", &[numbers.clone(), numbers.clone(), numbers]));
    let lines = "{\"\":0}\n".repeat(280_000).into_bytes();
    read("lines", &mail("application/json", &[lines.clone(), lines.clone(), lines]));
    let records = format!("{{\"Records\":[{}{{}}]}}", "{\"\":0},".repeat(280_000)).into_bytes();
    read("records", &records);
    let inner = format!("[{}{{}}]", "{\"\":0},".repeat(150_000));
    let detail = serde_json::json!({"detail": inner, "Detail": inner});
    read("details as text", detail.to_string().as_bytes());
}

#[test]
fn a_long_name_is_not_written_before_each_of_its_values() {
    let name = "n".repeat(MB);
    read("a long name", format!("{{\"{name}\":[{}0]}}", "0,".repeat(6000)).as_bytes());
    let members: String = (0..20_000).map(|number| format!("\"{number}\":0,")).collect();
    read("members below a long name", format!("{{\"{name}\":{{{members}\"z\":0}}}}").as_bytes());
    let xml = format!("<?xml version=\"1.0\"?><{name}>{}</{name}>", "1<b/>".repeat(6000));
    read("an element with a long name", xml.as_bytes());
    let sides =
        format!("<?xml version=\"1.0\"?><source>{}", format!("<{}>1", "n".repeat(150 << 10)).repeat(60));
    read("long names of a side", sides.as_bytes());
    let attributes: String = (0..100_000).map(|number| format!(" a{number}=\"{number}\"")).collect();
    read("attributes of an element", format!("<?xml version=\"1.0\"?><a{attributes}>1</a>").as_bytes());
}

#[test]
fn many_parts_and_headers_are_bounded() {
    let head = "From: noc@example.org\nSubject: scan\nContent-Type: multipart/mixed; boundary=b\n";
    read("many parts", format!("{head}\n{}", "--b\n\n1\n".repeat(10 * MB / 8)).as_bytes());
    read(
        "many parts with names",
        format!("{head}\n{}", "--b\nContent-Type: text/csv; name=a\n\n1\n".repeat(200_000)).as_bytes(),
    );
    read("many headers", format!("{}{head}\n1\n", "Received: from a by b\n".repeat(400_000)).as_bytes());
    read(
        "many addressees",
        format!("To: {}a@example.com\n{head}\n1\n", "a@example.com, ".repeat(600_000)).as_bytes(),
    );
    read("many references", format!("References: {}\n{head}\n1\n", "<a@b> ".repeat(1_500_000)).as_bytes());
    read("a long subject", format!("Subject: {}\n\n1\n", "=?utf-8?q?a?=\n ".repeat(600_000)).as_bytes());
    let inner = format!("{head}\n{}", "--b\n\n1\n".repeat(7 * MB / 8));
    read("many parts of an encoded message", &mail("message/rfc822", &[inner.into_bytes()]));
    let shallow = "Content-Type: message/rfc822\n\n".repeat((64 << 10) / 30 - 10);
    read("messages in messages of a small mail", format!("Subject: x\n{shallow}").as_bytes());
    read("encoded messages in messages", &mail("message/rfc822", &[shallow.into_bytes()]));
    let nested = "Content-Type: message/rfc822\n\n".repeat(300_000);
    read("messages in messages", format!("{head}\n--b\n{nested}").as_bytes());
    let boundaries = (0..5000).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n"));
    read("parts in parts", format!("Subject: x\n{}", boundaries.collect::<String>()).as_bytes());
}

#[test]
fn members_of_archives_are_bounded() {
    let log = "2024-01-15 10:00:00 UTC 192.0.2.30:4242 -> 198.51.100.7:22 port scan\n".repeat(14_000);
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for number in 0..60 {
        zip.start_file(format!("{number}.log"), SimpleFileOptions::default()).expect("a member");
        zip.write_all(log.as_bytes()).expect("memory");
    }
    read("members", &zip.finish().expect("memory").into_inner());
    let mut inner = log.into_bytes();
    for _ in 0..20 {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&inner).expect("memory");
        inner = encoder.finish().expect("memory");
    }
    read("gzip in gzip", &mail("application/gzip", &[inner]));
}

#[test]
fn texts_of_one_kind_of_letter_are_bounded() {
    let repeated = [
        "192.0.2.30 ",
        "192[.]2[.]30[.]1",
        "hxxp://a[.]b/",
        "2024-01-15 10:00:00 ",
        "<",
        "<a ",
        "&#x41;",
        "&amp;",
        "=",
        "(",
        "[",
        "{\"a\":",
        "\u{4e2d}",
        "\u{feff}",
        "\0a",
        "2001:db8::1 ",
        "i-0123456789abcdef0 ",
        "a,b\n",
        "> ",
        "| ",
        "\t",
        "::",
        "1.2.",
        "%41",
        "\r",
        "-----",
        "a@b.c ",
        "<td>1",
        "<table>",
        "our server 192.0.2.30 attacked you. ",
    ];
    for part in repeated {
        let long = part.repeat(2 * MB / part.len());
        read(part, long.as_bytes());
        read(part, &mail("text/plain", &[long.into_bytes()]));
    }
}
