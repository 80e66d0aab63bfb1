//! Takes envelopes off: SQS, SNS, EventBridge, SES, MIME, archives, in any order and depth.
//!
//! It decides what bytes *are*, never what they mean, and it reaches every limit politely: what
//! is beyond a limit is left out and said.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::archive;
use super::cms;
use super::document::Document;
use super::document::Receipt;
use super::document::SectionRole;
use super::flatten;
use super::html;
use super::limits;
use super::mime;
use super::uuencode;

/// Opens everything that one notice holds.
pub(super) fn unwrap(bytes: &[u8]) -> Document {
    let mut unwrapper = Unwrapper::default();
    let place = Place { role: SectionRole::Body, name: "body".to_owned(), depth: 0 };
    unwrapper.open(bytes, &place);
    unwrapper.document
}

/// Opens a mail that was stored apart, with the verdicts of the message that told of it.
pub(super) fn unwrap_stored(message: &[u8], mail: &[u8]) -> Document {
    let mut unwrapper = Unwrapper::default();
    unwrapper.document.receipt = unwrap(message).receipt;
    let place = Place { role: SectionRole::Body, name: "body".to_owned(), depth: 0 };
    unwrapper.open(mail, &place);
    unwrapper.document
}

/// Where in the notice some bytes were found.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The role that a text found here gets.
    pub role: SectionRole,
    /// The name for a person.
    pub name: String,
    /// How many envelopes lie around it.
    pub depth: usize,
}

impl Place {
    /// Returns the place one envelope further in.
    pub fn inside(&self, name: &str) -> Self {
        Self { role: self.role, name: name.to_owned(), depth: self.depth + 1 }
    }

    /// Returns the place one envelope further in, in another role.
    pub fn inside_as(&self, role: SectionRole, name: &str) -> Self {
        Self { role, name: name.to_owned(), depth: self.depth + 1 }
    }
}

/// The document under construction and what is left of its limits.
#[derive(Debug, Default)]
pub(super) struct Unwrapper {
    /// What was found so far.
    pub document: Document,
    parts: usize,
    json_values: usize,
    unpacked_bytes: u64,
}

impl Unwrapper {
    /// Opens bytes of any kind.
    pub fn open(&mut self, bytes: &[u8], place: &Place) {
        if !self.may_open(place) {
            return;
        }
        if archive::is_packed(bytes) {
            archive::open(self, bytes, place);
            return;
        }
        if let Some(signed) = cms::signed(bytes) {
            self.open(&signed, &place.inside(&place.name));
            return;
        }
        // A mail's own lines are read also where it carries what is no text.
        if mime::looks_like_mail(bytes) && mime::open(self, bytes, place) {
            return;
        }
        if is_closed(bytes) || cms::is_message(bytes) || is_binary(bytes) && !is_utf16(bytes) {
            let name = &place.name;
            self.document.leave_out(format!(
                "a part ({name}) was not read: it is no text, mail or archive that is known"
            ));
            return;
        }
        let text = decode_text(bytes);
        self.open_text(&text, place);
    }

    /// Accounts for one part more; false when the limit is reached.
    pub fn may_open(&mut self, place: &Place) -> bool {
        self.parts += 1;
        let ok = place.depth <= limits::DEPTH_MAX && self.parts <= limits::PARTS_MAX;
        if !ok {
            self.document.leave_out_parts();
        }
        ok
    }

    /// Says whether no part more is read.
    pub fn is_full(&self) -> bool {
        self.parts > limits::PARTS_MAX
    }

    /// Opens a text: JSON, HTML, base64 of either, or plain words.
    pub fn open_text(&mut self, text: &str, place: &Place) {
        // UTF-16 that was declared to be something else.
        let head = &text.as_bytes()[..text.len().min(1024)];
        if head.iter().filter(|byte| **byte == 0).count() * 4 > head.len() {
            let text: String = text.chars().filter(|letter| !matches!(letter, '\0' | '\u{fffd}')).collect();
            self.open_text(&text, place);
            return;
        }
        if let Some((words, files)) = uuencode::split(text) {
            self.open_text(&words, place);
            for (name, bytes) in files {
                self.open(&bytes, &place.inside_as(SectionRole::Attachment, &name));
            }
            return;
        }
        let trimmed = text.trim_start_matches('\u{feff}').trim();
        if matches!(trimmed.as_bytes().first(), Some(b'{' | b'[' | b'"')) && self.open_json(trimmed, place) {
            return;
        }
        // A topic's mail has the event first, and a foot below it.
        if let Some((value, rest)) = leading_json(trimmed)
            && self.open_json(value, place)
        {
            self.add_section(place, rest);
            return;
        }
        if let Some(inner) = decode_base64(trimmed)
            && place.depth < limits::DEPTH_MAX
        {
            self.open(&inner, &place.inside(&place.name));
            return;
        }
        if let Some(lines) = flatten::xml(trimmed) {
            self.add_section(place, &lines);
            return;
        }
        if html::looks_like_html(trimmed) {
            self.add_html(place, trimmed);
            return;
        }
        self.add_section(place, text);
    }

    /// Keeps a text for reading, its long middle left out.
    pub fn add_section(&mut self, place: &Place, text: &str) {
        self.document.add_section(place.role, &place.name, text);
    }

    /// Keeps the words of an HTML text, its long middle left out.
    pub fn add_html(&mut self, place: &Place, html: &str) {
        let plain = self.words_of(place, html);
        self.add_section(place, &plain);
    }

    /// Returns the words of an HTML text, its long middle left out.
    pub fn words_of(&mut self, place: &Place, html: &str) -> String {
        if html.len() <= limits::HTML_BYTES_MAX {
            return html::to_text(html);
        }
        self.document
            .warn(format!("only the beginning and the end of a long text ({}) were read", place.name));
        let head = &html[..html.floor_char_boundary(limits::HTML_BYTES_MAX / 4 * 3)];
        let tail = &html[html.ceil_char_boundary(html.len() - limits::HTML_BYTES_MAX / 4)..];
        // A row that was cut is none.
        let tail = tail.find('<').map_or(tail, |at| &tail[at..]);
        format!("{}\n{}", html::to_text(head), html::to_text(tail))
    }

    /// Accounts for bytes that an archive gave; false when the limit is reached.
    pub fn may_unpack(&mut self, packed: u64, unpacked: u64) -> bool {
        self.unpacked_bytes += unpacked;
        let ratio_ok = unpacked <= limits::RATIO_FREE_BYTES
            || unpacked <= packed.saturating_mul(limits::COMPRESSION_RATIO_MAX);
        let ok = ratio_ok && self.unpacked_bytes <= limits::UNPACKED_BYTES_MAX;
        if !ok {
            self.document.leave_out("an archive was not read: it unpacks to too much");
        }
        ok
    }

    /// Accounts for the values of a JSON text; false when the limit is reached.
    fn may_parse(&mut self, text: &str) -> bool {
        let is_short = text.len() <= limits::JSON_BYTES_MAX;
        if is_short {
            self.json_values += values_at_most(text);
        }
        let ok = is_short && self.json_values <= limits::JSON_VALUES_MAX;
        if !ok {
            self.document.warn("a JSON text was too long and was read as plain text");
        }
        ok
    }

    /// Parses JSON and opens what it wraps; false when it is no JSON.
    fn open_json(&mut self, text: &str, place: &Place) -> bool {
        if !self.may_parse(text) {
            return false;
        }
        match serde_json::from_str::<Value>(text) {
            Ok(value) => self.open_value(value, place),
            Err(_) => self.open_json_lines(text, place),
        }
    }

    /// Opens a text of one JSON value per line.
    fn open_json_lines(&mut self, text: &str, place: &Place) -> bool {
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        if lines.len() < 2 {
            return false;
        }
        let values: Result<Vec<Value>, _> = lines.iter().map(|line| serde_json::from_str(line)).collect();
        values.is_ok_and(|values| self.open_value(Value::Array(values), place))
    }

    /// Takes one envelope off a JSON value, or keeps the value; false when it is mere text.
    fn open_value(&mut self, value: Value, place: &Place) -> bool {
        if place.depth > limits::DEPTH_MAX {
            self.document.leave_out_parts();
            return true;
        }
        match value {
            Value::String(inner) => {
                self.open(inner.as_bytes(), &place.inside(&place.name));
                true
            }
            Value::Array(items) => {
                if !items.iter().any(|item| item.is_object() || item.is_string()) {
                    return false;
                }
                for item in self.first_parts(items) {
                    self.open_value(item, &place.inside(&place.name));
                }
                true
            }
            Value::Object(_) => {
                self.open_object(value, place);
                true
            }
            _ => false,
        }
    }

    /// Returns the parts that are read, and says where that is not all.
    fn first_parts(&mut self, mut parts: Vec<Value>) -> Vec<Value> {
        if parts.len() > limits::PARTS_MAX {
            parts.truncate(limits::PARTS_MAX);
            self.document.leave_out_parts();
        }
        parts
    }

    fn open_object(&mut self, mut value: Value, place: &Place) {
        if self.open_records(&mut value, place) {
            return;
        }
        if value.get("notificationType").is_some() && value.get("mail").is_some() {
            self.open_ses(&value, place);
            return;
        }
        if let Some(detail) = own_event(&mut value) {
            self.open_value(detail, &place.inside(&place.name));
            return;
        }
        for key in ["Message", "body", "Body"] {
            let is_envelope = match key {
                "Message" => {
                    value.get("TopicArn").is_some()
                        || value.get("Type").is_some_and(|kind| kind == "Notification")
                }
                _ => value.get("messageId").or(value.get("MessageId")).is_some(),
            };
            let confirmation = value.get("SubscribeURL").is_some();
            if is_envelope
                && !confirmation
                && let Some(Value::String(inner)) = value.get_mut(key).map(Value::take)
            {
                let subject = value.get("Subject").and_then(Value::as_str).unwrap_or_default().to_owned();
                self.open_inner(&inner, &subject, place);
                return;
            }
        }
        self.keep_value(value);
    }

    /// Opens the text inside SNS or SQS; its subject counts when the text is not structured.
    fn open_inner(&mut self, inner: &str, subject: &str, place: &Place) {
        if !subject.is_empty()
            && !inner.trim_start().starts_with('{')
            && !mime::looks_like_mail(inner.as_bytes())
        {
            self.add_section(&place.inside_as(SectionRole::Subject, "subject"), subject);
        }
        self.open(inner.as_bytes(), &place.inside(&place.name));
    }

    /// Opens `Records` of SQS, SNS, SES and S3 and the `Messages` of an SQS answer.
    fn open_records(&mut self, value: &mut Value, place: &Place) -> bool {
        let records = ["Records", "Messages"].iter().find_map(|key| match value.get_mut(*key) {
            Some(Value::Array(records)) if !records.is_empty() => Some(std::mem::take(records)),
            _ => None,
        });
        let Some(records) = records else {
            return false;
        };
        for record in self.first_parts(records) {
            if let Some(sns) = record.get("Sns") {
                self.open_value(sns.clone(), &place.inside("sns"));
            } else if let Some(ses) = record.get("ses") {
                self.open_ses(ses, place);
            } else if record.get("s3").is_some() {
                self.open_s3(record);
            } else {
                self.open_value(record, &place.inside(&place.name));
            }
        }
        true
    }

    /// Reads an SES receipt, and the mail when it is inline.
    fn open_ses(&mut self, value: &Value, place: &Place) {
        // Inside a mail this may be anybody's words; only around it is it our own side's.
        let is_ours = self.document.mails.is_empty() && self.document.receipt.is_none();
        if is_ours {
            let passed = |name: &str| value["receipt"][name]["status"] == "PASS";
            self.document.receipt = Some(Receipt {
                spf: passed("spfVerdict"),
                dkim: passed("dkimVerdict"),
                dmarc: passed("dmarcVerdict"),
                is_forged: value["receipt"]["dmarcVerdict"]["status"] == "FAIL",
            });
            let recipients = value["receipt"]["recipients"].as_array().into_iter().flatten();
            let recipients = recipients.filter_map(Value::as_str).map(str::to_owned);
            self.document.delivered_to = recipients.take(mime::MAILBOXES_MAX).collect();
        }
        if let Some(content) = value.get("content").and_then(Value::as_str) {
            let decoded = decode_base64(content.trim());
            let bytes = decoded.as_deref().unwrap_or(content.as_bytes());
            self.open(bytes, &place.inside("ses"));
            return;
        }
        let action = &value["receipt"]["action"];
        if let (Some(bucket), Some(key)) = (action["bucketName"].as_str(), action["objectKey"].as_str())
            && is_ours
        {
            self.document.stored_at = Some(format!("s3://{bucket}/{key}"));
        }
        self.document.lacks_mail |= is_ours;
        self.document.mails.push(mime::headers_from_ses(&value["mail"]));
        if let Some(subject) = value["mail"]["commonHeaders"]["subject"].as_str() {
            self.add_section(&place.inside_as(SectionRole::Subject, "subject"), subject);
        }
        self.document.warn("the notice holds the headers of a mail, not the mail itself");
    }

    fn open_s3(&mut self, record: Value) {
        let bucket = record["s3"]["bucket"]["name"].as_str().unwrap_or_default();
        let key = record["s3"]["object"]["key"].as_str().unwrap_or_default();
        if self.document.mails.is_empty() {
            self.document.stored_at = Some(format!("s3://{bucket}/{}", percent_decode(key)));
        }
        self.keep_value(record);
    }

    fn keep_value(&mut self, mut value: Value) {
        for key in ["detail", "Detail"] {
            if let Some(Value::String(text)) = value.get(key)
                && self.may_parse(text)
                && let Ok(inner) = serde_json::from_str::<Value>(text)
            {
                value[key] = inner;
            }
        }
        self.document.values.push(value);
    }
}

/// Takes what an event of EventBridge carries that some program of the account's owner put there; AWS's own events are
/// read with what lies around their detail.
fn own_event(value: &mut Value) -> Option<Value> {
    let is_own = value.get("detail-type").is_some()
        && value.get("source").and_then(Value::as_str).is_some_and(|source| !source.starts_with("aws."));
    let detail =
        value.get_mut("detail").filter(|detail| is_own && (detail.is_object() || detail.is_string()));
    detail.map(Value::take)
}

/// Decodes an S3 key as S3 events encode it.
fn percent_decode(key: &str) -> String {
    let mut out = Vec::with_capacity(key.len());
    let bytes = key.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        match (bytes[at], hex.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Whether bytes are no text: a stray zero in a log does not make it so.
fn is_binary(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(2048)];
    // What shifts between character sets (0x0e, 0x0f, 0x1b) stands in texts of East Asia.
    let is_control = |byte: &&u8| matches!(**byte, 0..=8 | 0x10..=0x1a | 0x1c..=0x1f | 0x7f);
    head.iter().filter(is_control).count() * 50 > head.len()
}

/// Whether something holds its words in a form that is not read: PDF, encrypted, or packed by what is not unpacked here.
fn is_closed(bytes: &[u8]) -> bool {
    const BEGINNINGS: [&[u8]; 6] =
        [b"%PDF-", b"-----BEGIN PGP MESSAGE-----", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a", b"\xfd7zXZ\0", b"BZh"];
    let start = bytes.trim_ascii_start();
    BEGINNINGS.iter().any(|beginning| start.starts_with(beginning))
}

fn is_utf16(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff])
}

/// Decodes text without a declared charset: UTF-8, UTF-16 by its mark, else windows-1252.
fn decode_text(bytes: &[u8]) -> String {
    if let Some((encoding, _)) = encoding_rs::Encoding::for_bom(bytes) {
        return encoding.decode(bytes).0.into_owned();
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => encoding_rs::WINDOWS_1252.decode(bytes).0.into_owned(),
    }
}

/// Splits a text that begins with a whole JSON object from the words behind it.
fn leading_json(text: &str) -> Option<(&str, &str)> {
    if !text.starts_with('{') {
        return None;
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    let is_whole = matches!(values.next(), Some(Ok(_)));
    let end = values.byte_offset();
    let rest = text.get(end..).filter(|_| is_whole)?;
    (rest.starts_with(['\n', '\r']) && !rest.trim_start().starts_with('{')).then(|| (&text[..end], rest))
}

/// Returns how many values a JSON text has at most, without making any: each costs far more memory than its letters.
fn values_at_most(text: &str) -> usize {
    let (mut count, mut is_string, mut is_escaped) = (1, false, false);
    for byte in text.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_string => is_escaped = true,
            b'"' => is_string = !is_string,
            b',' | b'[' | b'{' if !is_string => count += 1,
            _ => {}
        }
    }
    count
}

/// Decodes a text that is nothing but base64, when what comes out looks like anything.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let long_enough = text.len() >= 64;
    let charset =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'\r' | b'\n');
    if !long_enough || !text.bytes().all(charset) {
        return None;
    }
    let packed: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(packed).ok().filter(|out| !out.is_empty())
}
