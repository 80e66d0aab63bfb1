//! What makes two notices notices of one case.

use sha2::Digest;
use sha2::Sha256;

use crate::case::Claim;
use crate::notice::Reading;

/// SHA-256 of a notice's bytes, hexadecimal.
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What tells a notice from all others: the event where it is one, since AWS delivers events several times in
/// different envelopes, else its bytes.
pub fn identity(reading: &Reading, bytes: &[u8]) -> String {
    match &reading.thread.dedupe {
        Some(event) => digest(format!("{}/{event}", reading.parsed.format).as_bytes()),
        None => digest(bytes),
    }
}

/// The keys of a notice: two notices with a common one belong to one case.
///
/// - its identity, so that a redelivery is recognised;
/// - what its reader found to join it to others: message ids, the events' own ids, and numbers of cases within
///   their giver, so that a reminder, a copy by mail and one by an event meet;
/// - where its mail lies, so that it is the same case before and after the mail could be fetched;
/// - its accusations, where each names whom and when, so that copies of one report in different envelopes meet.
pub fn dedupe_keys(reading: &Reading, identity: &str) -> Vec<String> {
    let mut keys = vec![format!("digest:{identity}")];
    keys.extend(reading.thread.keys.iter().cloned());
    keys.extend(reading.stored_at.iter().map(|place| format!("stored:{place}")));
    let parsed = &reading.parsed;
    if !parsed.claims.is_empty()
        && parsed.claims.iter().all(is_telling)
        && let Ok(json) = serde_json::to_vec(&parsed.claims)
    {
        keys.push(format!("claims:{}", digest(&json)));
    }
    keys
}

/// Whether an accusation is exact enough that an equal one is the same one.
fn is_telling(claim: &Claim) -> bool {
    let accused = &claim.accused;
    let names_whom =
        !accused.instance_ids.is_empty() || !accused.addresses.is_empty() || !accused.hostnames.is_empty();
    claim.window.is_some() && names_whom
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::Accused;
    use crate::case::Activity;
    use crate::case::ClaimWindow;
    use crate::case::Disposition;
    use crate::case::Parsed;
    use crate::case::ZoneSource;
    use jiff::Timestamp;

    fn reading(key: Option<&str>, window: bool) -> Reading {
        let mut reading = Reading::plain(Parsed {
            format: "aws_email".to_owned(),
            disposition: Disposition::Claims,
            case_id: None,
            deadline: None,
            claims: vec![Claim {
                accused: Accused {
                    addresses: vec!["203.0.113.10".parse().expect("address")],
                    ..Accused::default()
                },
                remote: Vec::new(),
                names: Vec::new(),
                window: window.then_some(ClaimWindow {
                    from: Timestamp::UNIX_EPOCH,
                    to: Timestamp::UNIX_EPOCH,
                    zone: ZoneSource::Explicit,
                }),
                activity: Activity::PortScan,
            }],
            warnings: Vec::new(),
            aside: None,
        });
        reading.thread.keys.extend(key.map(str::to_owned));
        reading
    }

    #[test]
    fn keys_are_as_many_as_the_notice_allows() {
        assert_eq!(dedupe_keys(&reading(None, false), "d"), ["digest:d"]);
        assert_eq!(dedupe_keys(&reading(Some("case:aws:1"), false), "d"), ["digest:d", "case:aws:1"]);
        let exact = dedupe_keys(&reading(None, true), "d");
        assert_eq!(exact.len(), 2);
        assert_eq!(exact[1], dedupe_keys(&reading(Some("case:aws:1"), true), "e")[2]);
        let stored = Reading { stored_at: Some("s3://b/k".to_owned()), ..reading(None, false) };
        assert_eq!(dedupe_keys(&stored, "d"), ["digest:d", "stored:s3://b/k"]);
    }

    #[test]
    fn an_event_is_known_by_itself_and_a_mail_by_its_bytes() {
        let mut event = reading(None, false);
        assert_ne!(identity(&event, b"a"), identity(&event, b"b"));
        event.thread.dedupe = Some("finding/1".to_owned());
        assert_eq!(identity(&event, b"a"), identity(&event, b"b"));
    }

    #[test]
    fn a_digest_is_hexadecimal() {
        assert_eq!(&digest(b"")[..8], "e3b0c442");
    }
}
