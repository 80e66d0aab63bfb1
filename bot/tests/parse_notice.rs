//! The hand-written notices of `tests/fixtures/notices`, read and compared as a whole.

use std::path::PathBuf;

use gumshoe::notice;
use gumshoe::notice::Context;
use gumshoe::notice::Trust;

fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/notices").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn a_port_scan_as_aws_tells_of_it() {
    let bytes = fixture("aws_port_scan.eml");
    let reading = notice::read(&bytes, &Context::default());
    let domain = "example.com".to_owned();
    assert_eq!(reading.trust, Trust::Authenticated { domain });
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
