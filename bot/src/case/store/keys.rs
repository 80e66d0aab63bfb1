//! What makes two notices notices of one case.

use sha2::Digest;
use sha2::Sha256;

use crate::case::Claim;
use crate::case::Parsed;

/// SHA-256 of a notice's bytes, hexadecimal.
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The keys of a notice: two notices with a common one belong to one case.
///
/// - its bytes, so that a redelivery is recognised;
/// - the reporter's own number (mail ticket, finding id, event ARN), within one layout, since numbers of
///   different reporters may coincide;
/// - its accusations, where each names whom and when, so that copies of one report in different envelopes meet.
pub fn dedupe_keys(parsed: &Parsed, digest: &str) -> Vec<String> {
    let mut keys = vec![format!("digest:{digest}")];
    if let Some(number) = parsed.case_id.as_deref().map(str::trim).filter(|number| !number.is_empty()) {
        keys.push(format!("reporter:{}:{}", parsed.format, number.to_ascii_lowercase()));
    }
    if !parsed.claims.is_empty()
        && parsed.claims.iter().all(is_telling)
        && let Ok(json) = serde_json::to_vec(&parsed.claims)
    {
        keys.push(format!("claims:{}", self::digest(&json)));
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
    use crate::case::ZoneSource;
    use jiff::Timestamp;

    fn parsed(case_id: Option<&str>, window: bool) -> Parsed {
        Parsed {
            format: "aws_email".to_owned(),
            disposition: Disposition::Claims,
            case_id: case_id.map(str::to_owned),
            deadline: None,
            claims: vec![Claim {
                accused: Accused {
                    addresses: vec!["203.0.113.10".parse().expect("address")],
                    ..Accused::default()
                },
                remote: Vec::new(),
                window: window.then_some(ClaimWindow {
                    from: Timestamp::UNIX_EPOCH,
                    to: Timestamp::UNIX_EPOCH,
                    zone: ZoneSource::Explicit,
                }),
                activity: Activity::PortScan,
            }],
            warnings: Vec::new(),
        }
    }

    #[test]
    fn keys_are_as_many_as_the_notice_allows() {
        assert_eq!(dedupe_keys(&parsed(None, false), "d"), ["digest:d"]);
        assert_eq!(dedupe_keys(&parsed(Some(" P01A "), false), "d"), ["digest:d", "reporter:aws_email:p01a"]);
        let exact = dedupe_keys(&parsed(None, true), "d");
        assert_eq!(exact.len(), 2);
        assert_eq!(exact[1], dedupe_keys(&parsed(Some("1"), true), "e")[2]);
    }

    #[test]
    fn a_digest_is_hexadecimal() {
        assert_eq!(&digest(b"")[..8], "e3b0c442");
    }
}
