//! The hand-written notices of `tests/fixtures/notices`, read and compared as a whole.

use std::path::PathBuf;

use notice::Context;
use notice::Trust;

fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/notices").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn a_port_scan_as_aws_tells_of_it() {
    let bytes = fixture("aws_port_scan.eml");
    let reading = notice::read(&bytes, &Context::default());
    // Truly signed, but not by AWS.
    assert!(matches!(reading.trust, Trust::Unauthenticated { .. }), "{:?}", reading.trust);
    insta::assert_json_snapshot!(reading.parsed);
}

#[test]
fn envelopes_change_nothing() {
    let bytes = fixture("aws_port_scan.eml");
    let plain = notice::parse(&bytes, &Context::default());
    let content = String::from_utf8(bytes).expect("the fixture is text");
    let pass = serde_json::json!({"status": "PASS"});
    let ses = serde_json::json!({
        "notificationType": "Received",
        "mail": {"commonHeaders": {}},
        "receipt": {"spfVerdict": pass, "dkimVerdict": pass, "dmarcVerdict": pass},
        "content": content,
    });
    let sns = serde_json::json!({
        "Type": "Notification",
        "MessageId": "m",
        "TopicArn": "arn:aws:sns:eu-west-1:111122223333:notices",
        "Message": ses.to_string(),
    });
    let sqs = serde_json::json!({"Messages": [{"MessageId": "q", "Body": sns.to_string()}]});
    for envelope in [ses, sns, sqs] {
        let parsed = notice::parse(envelope.to_string().as_bytes(), &Context::default());
        assert_eq!(parsed, plain);
    }
}

/// Tells a claim in one line.
fn line(claim: &notice::claim::Claim) -> String {
    let accused = &claim.accused;
    let addresses = accused.addresses.iter().map(ToString::to_string);
    let named = accused.instance_ids.iter().cloned().chain(addresses);
    let accused = named.chain(accused.hostnames.iter().cloned()).collect::<Vec<_>>().join(" ");
    let remote = |it: &notice::claim::Remote| {
        let port = it.port.map(|port| format!(" {port}")).unwrap_or_default();
        let protocol = it.protocol.map(|it| format!(" {it:?}")).unwrap_or_default();
        format!("{}{port}{protocol}", it.address)
    };
    let remotes = claim.remote.iter().map(remote).collect::<Vec<_>>().join(", ");
    let window = claim.window.as_ref().map_or("no window".to_owned(), |window| {
        format!("{} .. {} {:?}", window.from, window.to, window.zone)
    });
    format!("{:?} by [{accused}] on [{remotes}] {window}", claim.activity)
}

#[test]
fn every_layout_gives_its_facts() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/notices/layouts");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&root)
        .expect("the fixtures")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    let mut told = String::new();
    for path in paths {
        let bytes = std::fs::read(&path).expect("a fixture");
        let reading = notice::read(&bytes, &Context::default());
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let parsed = &reading.parsed;
        told.push_str(&format!("{name}: {} {:?}\n", reading.layout, parsed.disposition));
        for claim in &parsed.claims {
            told.push_str(&format!("  {}\n", line(claim)));
        }
        for warning in &parsed.warnings {
            told.push_str(&format!("  ! {warning}\n"));
        }
    }
    insta::assert_snapshot!(told);
}

fn own(prefix: &str) -> Context {
    let own_addresses = vec![prefix.parse().expect("a prefix")];
    Context { own_addresses, ..Context::default() }
}

#[test]
fn our_own_addresses_settle_who_is_accused() {
    let text = b"Subject: scans\n\nLog, UTC:\n2024-01-15 10:00:00 198.51.100.7 and 192.0.2.30, port 22\n";
    let unsure = notice::parse(text, &Context::default());
    assert!(unsure.claims.iter().all(|claim| claim.accused.addresses.is_empty()), "{unsure:?}");
    let sure = notice::parse(text, &own("192.0.2.0/24"));
    let [claim] = &sure.claims[..] else { panic!("one claim: {sure:?}") };
    assert_eq!(claim.accused.addresses[0].to_string(), "192.0.2.30");
}

#[test]
fn a_report_that_we_were_attacked_accuses_nobody() {
    let text = b"Subject: brute force\n\nAttacker: 198.51.100.7\nVictim: 192.0.2.30\nTime: 2024-01-15 10:00:00 UTC\nType: ssh brute force\n";
    let parsed = notice::parse(text, &own("192.0.2.0/24"));
    assert_eq!(parsed.disposition, notice::claim::Disposition::Inbound);
    assert!(parsed.claims.is_empty());
}

#[test]
fn reminders_join_their_case() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/notices/layouts");
    let read = |name: &str| {
        let bytes = std::fs::read(root.join(name)).expect("a fixture");
        notice::read(&bytes, &Context::default())
    };
    let reminder = read("aws_reminder_fields.eml");
    assert_eq!(reminder.stage, notice::Stage::Reminder);
    assert!(reminder.thread.keys.contains(&"mail:first@example.com".to_owned()), "{:?}", reminder.thread);
    assert!(reminder.thread.keys.contains(&"case:aws:10700000001".to_owned()));
    let reply = reminder.reply.expect("a mail can be answered");
    assert_eq!(reply.in_reply_to.as_deref(), Some("second@example.com"));
    assert_eq!(read("aws_resolved.eml").stage, notice::Stage::Resolved);
    assert_eq!(read("aws_follow_up.eml").stage, notice::Stage::FollowUp);
}

#[test]
fn a_date_after_a_port_is_no_port() {
    let text =
        b"Subject: scan\n\nHost 192.0.2.9 is scanning 198.51.100.3 on ports 22, 2026-07-15 04:00 UTC.\n";
    let parsed = notice::parse(text, &Context::default());
    let ports: Vec<Option<u16>> = parsed.claims[0].remote.iter().map(|remote| remote.port).collect();
    assert_eq!(ports, [Some(22)]);
}

/// Reads a plain letter and returns whom it accuses.
fn accused(letter: &str) -> Vec<String> {
    let mail = format!(
        "From: desk@example.net\nTo: abuse@example.com\nSubject: report\nDate: Wed, 15 Jul 2026 08:00:00 +0000\n\n{letter}"
    );
    let parsed = notice::parse(mail.as_bytes(), &Context::default());
    let named = parsed.claims.iter().flat_map(|claim| &claim.accused.addresses);
    named.map(ToString::to_string).collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

#[test]
fn an_answer_in_a_list_of_flows_accuses_nobody() {
    let flows =
        |rows: &[&str]| format!("Port scan from your network, all times UTC:\n\n{}\n", rows.join("\n"));
    let there = "2026-07-15 05:11:09 TCP 192.0.2.31:51234 -> 198.51.100.7:22";
    let back = "2026-07-15 05:11:09 TCP 198.51.100.7:22 -> 192.0.2.31:51234";
    let next = "2026-07-15 05:11:10 TCP 192.0.2.31:51235 -> 198.51.100.7:23";
    let refused = "2026-07-15 05:11:10 TCP 198.51.100.7:23 -> 192.0.2.31:51235";
    for rows in [[there, back, next, refused], [back, there, refused, next]] {
        assert_eq!(accused(&flows(&rows)), ["192.0.2.31"], "{rows:?}");
    }
    // A second thing that the other side did is no answer.
    let own = "2026-07-15 05:12:10 TCP 198.51.100.7:40000 -> 192.0.2.31:445";
    assert_ne!(accused(&flows(&[there, own])), ["192.0.2.31"]);
}
