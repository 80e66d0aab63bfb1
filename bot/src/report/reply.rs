//! The draft of the answer to the reporter. A person completes and sends it.

use std::collections::BTreeMap;

use crate::case::Case;
use crate::playbook::Playbooks;
use crate::playbook::Reply;
use crate::playbook::VerdictKind;
use crate::playbook::fill;

/// Longest draft, characters; Slack's input fields take 3,000.
const LENGTH_MAX: usize = 3_000;

/// The letter that the playbook has for a notice that accuses none of ours; none where such a notice is not answered.
pub fn aside(case: &Case, playbooks: &Playbooks) -> Option<String> {
    let why = case.notices.iter().find_map(|notice| notice.aside)?;
    let letter = playbooks.for_claims(&[]).aside.get(&why)?;
    let number = case.notices.iter().find_map(|notice| notice.reporter_case.as_deref());
    let words = BTreeMap::from([
        ("case", case.id.0.clone()),
        ("reporter_case", number.map(|number| format!(" (your reference {number})")).unwrap_or_default()),
    ]);
    Some(fill(letter.trim(), &words).chars().take(LENGTH_MAX).collect())
}

/// Fills a playbook's letter for a verdict.
pub(super) fn reply(reply: &Reply, verdict: VerdictKind, words: &BTreeMap<&'static str, String>) -> String {
    let part = |texts: &BTreeMap<VerdictKind, String>| {
        texts.get(&verdict).map(|text| fill(text, words)).unwrap_or_default()
    };
    let mut words = words.clone();
    words.insert("cause", part(&reply.cause));
    words.insert("remedy", part(&reply.remedy));
    fill(reply.letter.trim(), &words).chars().take(LENGTH_MAX).collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::aside;
    use crate::case::Aside;
    use crate::case::Case;
    use crate::case::CaseId;
    use crate::case::NoticeRef;
    use crate::playbook::Playbooks;

    #[test]
    fn what_is_not_about_a_host_is_answered_as_the_playbook_says() {
        let playbooks = Playbooks::built_in().expect("the playbooks");
        let letter = |why: Option<Aside>| {
            let notice = NoticeRef {
                digest: "d".to_owned(),
                received: Timestamp::UNIX_EPOCH,
                format: "generic".to_owned(),
                reporter_case: Some("4711".to_owned()),
                warnings: Vec::new(),
                aside: why,
            };
            let case = Case {
                id: CaseId("GS-20261121-7F3A".to_owned()),
                opened: Timestamp::UNIX_EPOCH,
                notices: vec![notice],
                claims: Vec::new(),
                deadline: None,
            };
            aside(&case, &playbooks)
        };
        for answered in [Aside::Rights, Aside::Inbound, Aside::Resolved] {
            let letter = letter(Some(answered)).expect("a letter");
            assert!(
                letter.contains("your reference 4711") && letter.contains("GS-20261121-7F3A"),
                "{letter}"
            );
        }
        for ignored in [Aside::Automatic, Aside::Business, Aside::Answer, Aside::Account, Aside::Other] {
            assert_eq!(letter(Some(ignored)), None, "{ignored:?}");
        }
        assert_eq!(letter(None), None);
    }
}
