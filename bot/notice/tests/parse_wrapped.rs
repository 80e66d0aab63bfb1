//! Every hand-written notice in every envelope that AWS and people put around one: it reads as it does without.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use notice::Context;
use notice::claim::Parsed;
use serde_json::Value;
use serde_json::json;

/// Every fixture with its name.
fn fixtures() -> Vec<(String, Vec<u8>)> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/notices");
    let mut paths = vec![root.join("aws_port_scan.eml")];
    for folder in ["layouts", "world", "unseen"] {
        let entries = std::fs::read_dir(root.join(folder)).expect("the fixtures");
        paths.extend(entries.map(|entry| entry.expect("an entry").path()));
    }
    paths.sort();
    let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    paths.iter().map(|path| (name(path), std::fs::read(path).expect("a fixture"))).collect()
}

/// Structured samples that were handed over, where they are.
fn samples() -> Vec<(String, Vec<u8>)> {
    let mut folders = vec![PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/intake")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json")
                && let Ok(bytes) = std::fs::read(&path)
            {
                found.push((path.display().to_string(), bytes));
            }
        }
    }
    found.sort();
    found
}

fn sns(message: &str) -> Value {
    json!({
        "Type": "Notification", "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": "arn:aws:sns:eu-west-1:111122223333:notices", "Message": message,
        "Timestamp": "2026-11-21T10:00:00.000Z", "SignatureVersion": "1", "Signature": "AA==",
        "SigningCertURL": "https://example.com/cert.pem", "UnsubscribeURL": "https://example.com/unsubscribe",
        "MessageAttributes": {},
    })
}

fn sqs(body: &str) -> Value {
    json!({"Messages": [{
        "MessageId": "059f36b4-87a3-44ab-83d2-661975830a7d", "ReceiptHandle": "AA==", "MD5OfBody": "00", "Body": body,
    }]})
}

fn ses(mail: &[u8]) -> Value {
    let gray = json!({"status": "GRAY"});
    json!({
        "notificationType": "Received",
        "mail": {"timestamp": "2026-11-21T10:00:00.000Z", "messageId": "m", "headersTruncated": false, "commonHeaders": {}},
        "receipt": {"spfVerdict": gray, "dkimVerdict": gray, "dmarcVerdict": gray, "action": {"type": "SNS", "encoding": "BASE64"}},
        "content": STANDARD.encode(mail),
    })
}

fn event(detail: &Value) -> Value {
    json!({
        "version": "0", "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718", "detail-type": "Abuse notice", "source": "com.example.abuse",
        "account": "111122223333", "time": "2026-11-21T10:00:00Z", "region": "eu-west-1", "resources": [], "detail": detail,
    })
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).expect("packed");
    packed.finish().expect("packed")
}

/// What must be the same: all but what only the envelope could know.
fn essence(parsed: &Parsed) -> Value {
    let mut essence = serde_json::to_value(parsed).expect("it is JSON");
    // A text is named after where it was found.
    essence.as_object_mut().expect("an object").remove("warnings");
    essence
}

fn accused(parsed: &Parsed) -> BTreeSet<String> {
    let of = |claim: &notice::claim::Claim| {
        let accused = &claim.accused;
        let addresses = accused.addresses.iter().map(ToString::to_string);
        addresses.chain(accused.instance_ids.iter().cloned()).collect::<Vec<_>>()
    };
    parsed.claims.iter().flat_map(of).collect()
}

/// The envelopes that keep every byte of what is in them.
fn envelopes(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut all = vec![("gzip", gzip(bytes))];
    let is_mail = !matches!(bytes.iter().find(|byte| !byte.is_ascii_whitespace()), Some(b'{' | b'['));
    if is_mail {
        let received = ses(bytes).to_string();
        all.push(("ses", received.clone().into_bytes()));
        all.push(("ses in sns", sns(&received).to_string().into_bytes()));
        all.push(("ses in sns in sqs", sqs(&sns(&received).to_string()).to_string().into_bytes()));
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return all };
    let (in_sns, in_sqs) = (sns(text).to_string(), sqs(text).to_string());
    all.push(("sqs", in_sqs.into_bytes()));
    all.push(("sns in sqs", sqs(&in_sns).to_string().into_bytes()));
    all.push(("sns in sns", sns(&in_sns).to_string().into_bytes()));
    all.push((
        "lambda's sns",
        json!({"Records": [{"EventSource": "aws:sns", "Sns": sns(text)}]}).to_string().into_bytes(),
    ));
    let lambda = json!({"Records": [{"messageId": "m", "eventSource": "aws:sqs", "body": in_sns}]});
    all.push(("lambda's sns in sqs", lambda.to_string().into_bytes()));
    all.push(("sns", in_sns.into_bytes()));
    all.push(("base64", STANDARD.encode(bytes).into_bytes()));
    all.push(("json text", json!(text).to_string().into_bytes()));
    all
}

#[test]
fn every_notice_reads_the_same_in_every_envelope() {
    let mut wrong = Vec::new();
    let mut tried = 0;
    for (name, bytes) in fixtures() {
        let plain = notice::parse(&bytes, &Context::default());
        for (envelope, wrapped) in envelopes(&bytes) {
            tried += 1;
            let parsed = notice::parse(&wrapped, &Context::default());
            if essence(&parsed) != essence(&plain) {
                let (was, is) = (accused(&plain), accused(&parsed));
                wrong.push(format!(
                    "{name} in {envelope}: {:?} {was:?} became {:?} {is:?}\n{}\n{}",
                    plain.disposition,
                    parsed.disposition,
                    essence(&plain),
                    essence(&parsed)
                ));
            }
        }
    }
    assert!(tried > 2_500, "only {tried} were tried");
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
}

/// A finding or a record that some rule of EventBridge passes on.
#[test]
fn structured_notices_read_the_same_as_an_events_detail() {
    let mut wrong = Vec::new();
    let mut tried = 0;
    for (name, bytes) in fixtures().into_iter().chain(samples()) {
        let Ok(value @ Value::Object(_)) = serde_json::from_slice::<Value>(&bytes) else { continue };
        let is_envelope = ["Messages", "Records", "Message", "Body", "detail", "notificationType"];
        if is_envelope.iter().any(|key| value.get(*key).is_some()) {
            continue;
        }
        let plain = notice::parse(&bytes, &Context::default());
        let event = event(&value).to_string();
        let text = self::event(&json!(value.to_string())).to_string();
        let forms =
            [("event", event.clone()), ("event in sns", sns(&event).to_string()), ("event with text", text)];
        for (form, wrapped) in forms {
            tried += 1;
            let parsed = notice::parse(wrapped.as_bytes(), &Context::default());
            if accused(&parsed) != accused(&plain) || parsed.claims.len() != plain.claims.len() {
                wrong.push(format!("{name} in {form}: {:?} became {:?}", accused(&plain), accused(&parsed)));
            }
        }
    }
    assert!(tried >= 12, "only {tried} were tried");
    println!("{tried} tried");
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
}

/// A person passes a notice on as an attachment, as mail programs do.
#[test]
fn a_notice_attached_to_a_mail_accuses_the_same() {
    let mut wrong = Vec::new();
    let mut tried = 0;
    for (name, bytes) in fixtures() {
        if !name.ends_with(".eml") {
            continue;
        }
        let plain = notice::parse(&bytes, &Context::default());
        let mut mail = b"From: Pat <pat@readers.example>\r\nTo: abuse@readers.example\r\nSubject: Fwd: please look\r\n\
            Date: Sat, 21 Nov 2026 11:00:00 +0000\r\nMessage-ID: <outer@example.com>\r\nMIME-Version: 1.0\r\n\
            Content-Type: multipart/mixed; boundary=\"=_outer\"\r\n\r\n--=_outer\r\nContent-Type: text/plain\r\n\r\n\
            Please see attached.\r\n\r\nPat\r\n--=_outer\r\nContent-Type: message/rfc822\r\n\
            Content-Disposition: attachment; filename=\"notice.eml\"\r\n\r\n"
            .to_vec();
        mail.extend_from_slice(&bytes);
        mail.extend_from_slice(b"\r\n--=_outer--\r\n");
        tried += 1;
        let parsed = notice::parse(&mail, &Context::default());
        if accused(&parsed) != accused(&plain) {
            wrong.push(format!(
                "{name}: {:?} {:?} became {:?} {:?}",
                plain.disposition,
                accused(&plain),
                parsed.disposition,
                accused(&parsed)
            ));
        }
    }
    assert!(tried > 200, "only {tried} were tried");
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
}

/// A header of a mail, unfolded.
fn header(head: &str, name: &str) -> String {
    let mut lines = head
        .lines()
        .skip_while(|line| line.split_once(':').is_none_or(|(found, _)| !found.eq_ignore_ascii_case(name)));
    let first = lines.next().and_then(|line| line.split_once(':')).map_or("", |(_, value)| value.trim());
    let more = lines.take_while(|line| line.starts_with([' ', '\t'])).map(str::trim);
    std::iter::once(first).chain(more).collect::<Vec<_>>().join(" ")
}

/// A person passes a notice on in their own mail's text, as mail programs do.
#[test]
fn a_notice_forwarded_in_a_mail_accuses_the_same() {
    let mut wrong = Vec::new();
    let mut tried = 0;
    for (name, bytes) in fixtures() {
        let Ok(text) = String::from_utf8(bytes) else { continue };
        let text = text.replace("\r\n", "\n");
        let Some((head, body)) = text.split_once("\n\n").filter(|_| name.ends_with(".eml")) else { continue };
        let (kind, coded) = (header(head, "Content-Type"), header(head, "Content-Transfer-Encoding"));
        let is_plain = (kind.is_empty() || kind.starts_with("text/plain"))
            && ["", "7bit", "8bit"].contains(&coded.to_ascii_lowercase().as_str());
        // Encoded words would be decoded by the program that passes it on.
        let [from, date, subject, to] = ["From", "Date", "Subject", "To"].map(|name| header(head, name));
        if !is_plain || subject.contains("=?") || from.contains("=?") {
            continue;
        }
        let plain = notice::parse(text.as_bytes(), &Context::default());
        let quoted = body.lines().map(|line| format!("> {line}\n")).collect::<String>();
        let forms = [
            (
                "gmail",
                format!(
                    "FYI\n\n---------- Forwarded message ---------\nFrom: {from}\nDate: {date}\nSubject: {subject}\nTo: {to}\n\n\n{body}"
                ),
            ),
            (
                "thunderbird",
                format!(
                    "\n\n-------- Forwarded Message --------\nSubject: \t{subject}\nDate: \t{date}\nFrom: \t{from}\nTo: \t{to}\n\n\n\n{body}"
                ),
            ),
            (
                "outlook",
                format!(
                    "Please handle.\n\nPat\n\n________________________________\nFrom: {from}\nSent: {date}\nTo: {to}\nSubject: {subject}\n\n{body}"
                ),
            ),
            (
                "apple",
                format!(
                    "Begin forwarded message:\n\n> From: {from}\n> Subject: {subject}\n> Date: {date}\n> To: {to}\n> \n{quoted}"
                ),
            ),
        ];
        for (form, body) in forms {
            let mail = format!(
                "From: Pat <pat@readers.example>\nTo: abuse@readers.example\nSubject: Fwd: {subject}\n\
                 Date: Sat, 21 Nov 2026 11:00:00 +0000\nMessage-ID: <outer@example.com>\nMIME-Version: 1.0\n\
                 Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{body}"
            );
            tried += 1;
            let parsed = notice::parse(mail.as_bytes(), &Context::default());
            if accused(&parsed) != accused(&plain) {
                wrong.push(format!(
                    "{name} by {form}: {:?} {:?} became {:?} {:?}",
                    plain.disposition,
                    accused(&plain),
                    parsed.disposition,
                    accused(&parsed)
                ));
            }
        }
    }
    assert!(tried > 400, "only {tried} were tried");
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
}
