//! Each reader by itself, for fuzzing: bytes in, nothing out. A reader must return on any bytes, soon.
//!
//! `bot/notice/fuzz` feeds these with libFuzzer, `tests/parse_fuzzed.rs` with fewer, made without it.

use serde_json::Value;

use super::Context;
use super::address;
use super::alarm;
use super::archive;
use super::asff;
use super::cms;
use super::document::Document;
use super::document::Section;
use super::document::SectionRole;
use super::envelope_only;
use super::flow_log;
use super::forwarded;
use super::guardduty;
use super::health;
use super::html;
use super::join;
use super::label;
use super::lines;
use super::moment;
use super::record;
use super::report_fields;
use super::resource;
use super::sentence;
use super::table::Header;
use super::time::Finder;
use super::time::Resolver;
use super::time::epoch;
use super::time::prose_zone;
use super::unwrap;
use super::xarf;

/// One reader and its name.
pub type Target = (&'static str, fn(&[u8]));

/// All readers.
pub const TARGETS: [Target; 18] = [
    ("notice", notice),
    ("unwrap", unwrap),
    ("mail", mail),
    ("forwarded", forwarded),
    ("packed", packed),
    ("markup", markup),
    ("words", words),
    ("sentences", sentences),
    ("tables", tables),
    ("records", records),
    ("report_fields", report_fields),
    ("flow_log_text", flow_log_text),
    ("findings", findings),
    ("health", health),
    ("xarf", xarf),
    ("events", events),
    ("time", time),
    ("address", address),
];

/// The text of a mail that may pass another on.
pub fn forwarded(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    forwarded::find(&text, |words| address::find(words).is_empty());
}

/// Any bytes, all the way.
pub fn notice(bytes: &[u8]) {
    let own_addresses = "192.0.2.0/24".parse().into_iter().collect();
    let received = "2024-01-15T12:00:00Z".parse().ok();
    super::read(bytes, &Context { received, own_addresses, own_is_complete: false, mail: None });
}

/// Any bytes, opened.
pub fn unwrap(bytes: &[u8]) {
    unwrap::unwrap(bytes);
}

/// A mail of two parts, cut where the bytes hold `|`.
pub fn mail(bytes: &[u8]) {
    let cut = bytes.iter().position(|byte| *byte == b'|').unwrap_or(bytes.len());
    let (first, second) = bytes.split_at(cut);
    let head: &[u8] = b"From: a@example.com\nSubject: scan\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n";
    let mail = [head, first, b"\n--b\n", second.get(1..).unwrap_or_default(), b"\n--b--\n"].concat();
    unwrap::unwrap(&mail);
}

/// An archive, a message of S/MIME or a file in a text, behind one byte; else what is made gzip where that is even, or zip.
pub fn packed(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    let magic: &[u8] = if first % 2 == 0 { &[0x1f, 0x8b, 8] } else { b"PK\x03\x04" };
    let is_whole = archive::is_packed(rest) || cms::is_message(rest) || rest.starts_with(b"begin ");
    let packed = if is_whole { rest.to_vec() } else { [magic, rest].concat() };
    unwrap::unwrap(&packed);
}

/// HTML and XML.
pub fn markup(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    html::to_text(&text);
    unwrap::unwrap(format!("<?xml version=\"1.0\"?>{text}").as_bytes());
}

/// A text below a sentence that makes it an accusation: roles, times, claims.
pub fn words(bytes: &[u8]) {
    let text = format!("Your host scans us. All times are UTC.\n\n{}", String::from_utf8_lossy(bytes));
    join::read(of_text(text), &Context::default());
}

/// Sentences, read by grammar: `@` stands for an address and `#` for an instance, so that every word may stand beside one.
pub fn sentences(bytes: &[u8]) {
    let mut text = String::new();
    for (at, letter) in String::from_utf8_lossy(bytes).chars().enumerate() {
        match letter {
            '@' => text.push_str(&format!("192.0.2.{}", at % 250)),
            '#' => text.push_str(&format!("i-{at:017x}")),
            letter => text.push(letter),
        }
    }
    let document = of_text(text);
    let lines = lines::cut(&document.sections);
    sentence::read(&lines, &[]);
}

/// Header rows and the rows under them.
pub fn tables(bytes: &[u8]) {
    let document = of_text(String::from_utf8_lossy(bytes).into_owned());
    let lines = lines::cut(&document.sections);
    let mut header: Option<Header> = None;
    for line in &lines {
        if let Some(header) = &header {
            header.row(line, "2024-01-15");
        }
        header = Header::read(line).or(header);
    }
}

/// Log lines and the names of fields.
pub fn records(bytes: &[u8]) {
    let document = of_text(String::from_utf8_lossy(bytes).into_owned());
    for line in &lines::cut(&document.sections) {
        record::read(line);
        label::meaning(line.text);
    }
}

/// ARF and X-ARF.
pub fn report_fields(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for head in
        ["Feedback-Type: abuse\nSource-IP: 192.0.2.1\n", "Report-Type: login-attack\nVersion: 0.2\n", ""]
    {
        report_fields::read(&of_text(format!("{head}{text}")));
    }
}

/// Flow logs as text.
pub fn flow_log_text(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    flow_log::read_text(&of_text(text.clone().into_owned()));
    flow_log::read_text(&of_text(format!(
        "srcaddr dstaddr srcport dstport protocol start end action\n{text}"
    )));
}

/// GuardDuty and Security Hub.
pub fn findings(bytes: &[u8]) {
    let inner = String::from_utf8_lossy(bytes);
    for text in [
        format!(
            r#"{{"detail":{{"type":"Recon:EC2/Portscan","resource":{{{inner}}},"service":{{{inner}}}}}}}"#
        ),
        format!(r#"{{"schemaVersion":"2.0","Type":"Recon:EC2/Portscan",{inner}}}"#),
        format!(r#"{{"detail":{{"findings":[{{"SchemaVersion":"2018-10-08",{inner}}}]}}}}"#),
    ] {
        each(&text, &[guardduty::read, asff::read]);
    }
}

/// AWS Health.
pub fn health(bytes: &[u8]) {
    let inner = String::from_utf8_lossy(bytes);
    let text = format!(
        r#"{{"account":"111122223333","detail":{{"service":"ABUSE","eventTypeCode":"AWS_ABUSE_DOS_REPORT",{inner}}}}}"#
    );
    each(&text, &[health::read]);
}

/// XARF, all versions.
pub fn xarf(bytes: &[u8]) {
    let inner = String::from_utf8_lossy(bytes);
    for text in [
        format!(r#"{{"xarf_version":"4.2.0","category":"connection","type":"port_scan",{inner}}}"#),
        format!(r#"{{"Report":{{"ReportClass":"Activity","ReportType":"PortScan",{inner}}}}}"#),
    ] {
        each(&text, &[xarf::read]);
    }
}

/// Alarms, flow records and envelopes without a letter.
pub fn events(bytes: &[u8]) {
    let inner = String::from_utf8_lossy(bytes);
    for text in [
        format!(r#"{{"AlarmName":"x","NewStateValue":"ALARM",{inner}}}"#),
        format!(r#"{{"srcaddr":"10.0.0.1","dstaddr":"192.0.2.1",{inner}}}"#),
        format!(r#"{{"source":"aws.ec2","detail-type":"x",{inner}}}"#),
    ] {
        each(&text, &[alarm::read, flow_log::read, envelope_only::read]);
    }
}

/// Times and zones.
pub fn time(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for line in text.lines().take(64) {
        let resolver = Resolver { sent: "2024-01-16T08:00:00Z".parse().ok(), ..Resolver::default() };
        for stamp in Finder.find(line) {
            resolver.resolve(&stamp);
            Resolver::default().resolve(&stamp);
        }
        prose_zone(line);
        epoch(line);
        moment::parse(line);
    }
}

/// Addresses and AWS names.
pub fn address(bytes: &[u8]) {
    let text = super::refang::refang(&String::from_utf8_lossy(bytes));
    address::find(&text);
    resource::instances(&text);
    resource::interfaces(&text);
    resource::account(&text);
    resource::region(&text);
    resource::account_of_arn(&text);
    resource::instance_of_entity(&text);
}

fn of_text(text: String) -> Document {
    let section = Section { role: SectionRole::Body, name: "body".to_owned(), text };
    Document { sections: vec![section], ..Document::default() }
}

fn each<R>(text: &str, readers: &[fn(&Value) -> Option<R>]) {
    let Ok(value) = serde_json::from_str::<Value>(text) else { return };
    for read in readers {
        read(&value);
    }
}
