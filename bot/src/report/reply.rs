//! The draft of the answer to the reporter. A person completes and sends it.

use std::collections::BTreeMap;

use crate::playbook::Reply;
use crate::playbook::VerdictKind;
use crate::playbook::fill;

/// Longest draft, characters; Slack's input fields take 3,000.
const LENGTH_MAX: usize = 3_000;

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
