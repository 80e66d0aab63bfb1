//! Hostile notices: nothing that arrives may make the parser panic, hang or forget a limit.

use std::path::PathBuf;
use std::sync::LazyLock;

use notice::Context;
use notice::claim::Disposition;
use proptest::prelude::ProptestConfig;
use proptest::prelude::any;
use proptest::prelude::prop;
use proptest::proptest;

static FIXTURES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(fixtures);

fn fixtures() -> Vec<Vec<u8>> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/notices/layouts");
    let entries = std::fs::read_dir(root).expect("the fixtures");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("a fixture")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
        notice::read(&bytes, &Context::default());
    }

    #[test]
    fn any_text_is_read(text in "[ -~\\n\\t\u{e9}\u{4e2d}]{0,600}") {
        notice::read(text.as_bytes(), &Context::default());
    }

    #[test]
    fn text_of_times_and_addresses_is_read(text in "([0-9]{1,4}[-/.: TZ,]{0,2}|Jan |UTC|\\+0[0-9]{3}|from |to |-> |SRC=|\n|:|%){0,80}") {
        notice::read(text.as_bytes(), &Context::default());
    }

    #[test]
    fn mutated_notices_are_read(which in 0_usize..1000, cut in 0_usize..4000, at in 0_usize..4000, byte in any::<u8>()) {
        let mut bytes = FIXTURES[which % FIXTURES.len()].clone();
        let end = bytes.len();
        bytes[at % end] = byte;
        bytes.truncate(1 + cut % end);
        notice::read(&bytes, &Context::default());
    }
}

#[test]
fn a_notice_cut_anywhere_is_read() {
    for bytes in FIXTURES.iter().step_by(20) {
        for end in (0..bytes.len()).step_by(37) {
            notice::read(&bytes[..end], &Context::default());
        }
    }
}

#[test]
fn nothing_readable_is_unreadable_not_dropped() {
    for bytes in [&b""[..], b"\n\n", &[0_u8; 64], b"\x89PNG\r\n\x1a\n\0\0\0"] {
        let parsed = notice::parse(bytes, &Context::default());
        assert_eq!(parsed.disposition, Disposition::Unreadable, "{bytes:?}");
        assert!(!parsed.warnings.is_empty());
    }
}

#[test]
fn nesting_ends() {
    let mut text = "192.0.2.30 scans us".to_owned();
    for _ in 0..40 {
        let wrapped = serde_json::json!({"Type": "Notification", "TopicArn": "t", "Message": text});
        text = wrapped.to_string();
        if text.len() > 1 << 20 {
            break;
        }
    }
    let parsed = notice::parse(text.as_bytes(), &Context::default());
    assert!(parsed.warnings.iter().any(|warning| warning.contains("too deep")), "{parsed:?}");
    let brackets = "[".repeat(100_000);
    notice::read(brackets.as_bytes(), &Context::default());
    let mail = "Subject: x\nContent-Type: message/rfc822\n\n".repeat(200);
    let parsed = notice::parse(mail.as_bytes(), &Context::default());
    // What was not reached may accuse: a person must look.
    assert_eq!(parsed.disposition, Disposition::Unreadable, "{parsed:?}");
}

#[test]
fn words_in_a_mail_are_no_verdict_of_ours() {
    let pass = serde_json::json!({"status": "PASS"});
    let fail = serde_json::json!({"status": "FAIL"});
    let inner = serde_json::json!({"notificationType": "Received", "mail": {}, "content": "Subject: x\n\nx",
        "receipt": {"spfVerdict": pass, "dkimVerdict": pass, "dmarcVerdict": pass,
            "action": {"type": "S3", "bucketName": "theirs", "objectKey": "secret"}}});
    let forged = format!(
        "From: ec2-abuse@amazon.com\nSubject: Your AWS Abuse Report [10700000001]\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nYour instance i-0123456789abcdef0 has been implicated in activity which resembles port scanning.\n--b\nContent-Type: application/json; name=a.json\n\n{inner}\n--b--\n"
    );
    let ses = serde_json::json!({"notificationType": "Received", "mail": {}, "content": forged,
        "receipt": {"spfVerdict": fail, "dkimVerdict": fail, "dmarcVerdict": fail}});
    let reading = notice::read(ses.to_string().as_bytes(), &Context::default());
    assert!(matches!(reading.trust, notice::Trust::Unauthenticated { .. }), "{:?}", reading.trust);
    assert_eq!(reading.stored_at, None);
    assert!(
        reading.parsed.warnings[0].starts_with("not proven to be from AWS"),
        "{:?}",
        reading.parsed.warnings
    );
}

#[test]
fn an_archive_bomb_is_left_packed() {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..64 {
        encoder.write_all(&vec![b'a'; 1 << 20]).expect("memory");
    }
    let bomb = encoder.finish().expect("memory");
    let parsed = notice::parse(&bomb, &Context::default());
    assert!(parsed.warnings.iter().any(|warning| warning.contains("unpacks")), "{parsed:?}");
}

#[test]
fn claims_and_remotes_are_bounded() {
    let mut text = String::from("Subject: port scans\n\nAll times are UTC.\n");
    for row in 0..6000_u32 {
        let [_, _, high, low] = row.to_be_bytes();
        text.push_str(&format!("2024-01-15 10:00:00 192.0.2.{}:4242 -> 10.0.{high}.{low}:22\n", row % 200));
    }
    let parsed = notice::parse(text.as_bytes(), &Context::default());
    assert!(parsed.claims.len() <= 64);
    assert!(parsed.claims.iter().all(|claim| claim.remote.len() <= 4096));
}

#[test]
fn a_mail_with_bytes_that_are_no_text_is_still_that_mail() {
    let head =
        "From: abuse@example.net\r\nSubject: Port scan from 192.0.2.10\r\nMessage-ID: <n-1@example.net>\r\n";
    let mail = |body: &[u8]| [head.as_bytes(), b"Content-Type: text/plain\r\n\r\n", body].concat();
    let keys = |body: &[u8]| notice::read(&mail(body), &Context::default()).thread.keys;
    let zeros = keys(&[0, 1, 2, 3, 0, 0, 0, 255]);
    assert!(!zeros.is_empty());
    assert_eq!(zeros, keys(b"hello"));
    // One zero in a log does not hide it.
    let text = "2024-01-15 10:00:00 UTC 192.0.2.10:4242 -> 198.51.100.7:22 port scan\0\r\n";
    assert_eq!(notice::parse(&mail(text.as_bytes()), &Context::default()).claims.len(), 1);
    let plain = notice::parse(text.repeat(3).as_bytes(), &Context::default());
    assert_eq!(plain.claims.len(), 1, "{plain:?}");
}
