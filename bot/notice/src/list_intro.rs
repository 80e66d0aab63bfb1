//! What the sentence that introduces a list says of its items: "the following hosts of yours attacked us:".
//!
//! The items are the subject or the object of that sentence; words about anybody else in it do not count.

use std::sync::LazyLock;

use regex::Regex;

use super::label::Role;
use super::pattern::compile;
use super::pattern::fold;

/// The noun that stands for the items, with what belongs to it before.
static NOUN: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?P<whose>(?:\b[\w-]+\s+){0,4}?)\b(?:hosts?|ips?|ip[ -]address(?:es)?|address(?:es)?|machines?|servers?|systems?|instances?|clients?|computers?|devices?|sources?|entit(?:y|ies)|nodes?|endpoints?|workloads?|adressen|rechner|systeme|adresses|machines|serveurs|direcciones|equipos|servidores|enderecos|indirizzi|adresow|adresy|hosty)\b",
    )
});
/// Whose the items are when these words follow the noun.
static YOURS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^\s*(?:\([^)]*\)\s*)?(?:of\s+yours?|in\s+your|on\s+your|under\s+your|from\s+your|within\s+your|at\s+your|(?:(?:that|which)\s+)?belong(?:s|ing)?\s+to\s+you|that\s+are\s+yours|(?:aus|in)\s+ihrem|de\s+(?:votre|su|vuestr\w+|sua)|dans\s+votre|en\s+su|na\s+sua|nella\s+vostra)\b",
    )
});
/// "We blocked these today": pronouns are the items.
static BLOCKED: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?:^|\b(?:we|have|has|were|was|i)\s+(?:today\s+|now\s+)?)(?:blocked|banned|blacklisted|blocklisted|dropped|reported)\s+(?:these|those|the\s+following|all\s+of\s+these)\b|\b(?:these|those|the\s+following)\s+(?:were|have\s+been|are)\s+(?:blocked|banned|blacklisted|blocklisted)\b",
    )
});
/// "These two are flooding us": so are pronouns that do it.
static THEY_DID: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:they|these|those|the\s+(?:following|two|three)|(?:these|those)\s+(?:two|three|four|\d+))\s+(?:(?:are|were|keep|kept|have\s+been|all|both)\s+)*(?:\w+ly\s+)?(?:attack(?:ed|ing)?|scan(?:ned|ning)?|prob(?:ed|ing)|flood(?:ed|ing)?|hammer(?:ed|ing)?|spam(?:med|ming)?|brute[- ]?forc(?:ed|ing)|hit(?:ting)?|abus(?:ed|ing)|tr(?:ied|y|ying))\b",
    )
});
/// "Having determined you to be providers for the following IPs:".
static YOU_HOLD: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\byou\b[^.;]{0,40}\b(?:providers?|hosts?|hosters?|owners?|contacts?|responsible|registered|listed)\b[^.;]{0,40}\b(?:for|of)\s+(?:all\s+of\s+)?(?:the\s+|these\s+)?(?:following\s+|below\s+)?(?:\d+\s+)?(?:ips?|ip[ -]address(?:es)?|address(?:es)?|hosts?|networks?|domains?)\b",
    )
});
static DONE_TO: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^\s*(?:of\s+ours?\b|in\s+our\b|on\s+our\b)|^[^,;]{0,40}?\b(?:(?:was|were|are|being|been)\s+(?:\w+ly\s+)?(?:attacked|targeted|scanned|probed|hit|flooded|affected\s+by))\b",
    )
});
static FROM_THESE: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:from|by|originat\w+\s+(?:from|at)|coming\s+from)\s+(?:(?:all|both|any|one)\s+of\s+)?(?:the\s+|these\s+|those\s+)?(?:following\s+|below\s+|next\s+)?(?:two\s+|three\s+|\d+\s+)?(?:source\s+|remote\s+|external\s+)?(?:hosts?|ips?|ip[ -]address(?:es)?|address(?:es)?|machines?|servers?|systems?|sources?)\b[^.;]{0,60}:?\s*$",
    )
});
/// What is said of the writer's own.
static AFFECTED: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"^\s*(?:that\s+|which\s+)?(?:was|were|are|is|have been)\s+(?:\w+ly\s+)?affected\b")
});
static DID: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^[^,;]{0,24}?\b(?:took\s+part|engag(?:ed|ing)\s+in|(?:added|put|placed|listed|entered)\s+(?:to|on|in|into)|take\s+part|participat\w+|attack(?:ed|ing)?|scan(?:ned|ning)?|prob(?:ed|ing|e)|tr(?:y|ied|ying)|attempt(?:ed|ing)?|sen[dt]|sending|crawl\w*|post(?:ed|ing)?|spam\w*|flood\w*|brute\w*|hammer\w*|abus\w+|connect\w*|generat\w+|(?:was|were|are|is|been)\s+(?:seen|observed|found|detected|caught|used|involved|identified|responsible|infected|compromised|attacking|scanning|trying|sending))\b",
    )
});
static OURS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:our|my|target\w*|victim\w*|attacked|destination|unser\w*|nos|notre|nuestr\w+|noss[ao]s?|nostr\w+)\s+(?:[\w-]+\s+){0,3}$",
    )
});
static YOUR: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:your|attacking|offending|abusive|malicious|infected|compromised|source|ihre\w*|vos|votre|sus?|vuestr\w+|suas?|vostr\w+)\s+(?:[\w-]+\s+){0,3}$",
    )
});

/// "Still open:", "VULNERABLE (please restrict it):": those below are what the letter is about.
static STATE: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^\W*(?:still\s+|currently\s+)?(?:open|vulnerable|exposed|infected|compromised|offending|abused|noch\s+offen|offen|verwundbar|infiziert|ouvert\w*|expose\w*|infecte\w*|abiert\w*|expuest\w*|infectad\w*|apert\w*|espost\w*|infett\w*)\s*(?:\(|:|$)",
    )
});

/// Returns what an introduction says of the items of its list, and the words that do.
pub(super) fn read(intro: &str) -> Option<(Role, String)> {
    let intro = fold(intro);
    if let Some(found) = BLOCKED.find(&intro) {
        return Some((Role::Accused, found.as_str().trim().to_owned()));
    }
    if let Some(found) = STATE.find(&intro) {
        let words = found.as_str().trim_end_matches([' ', '(', ':']);
        return Some((Role::Accused, words.trim().to_owned()));
    }
    if let Some(found) = THEY_DID.find(&intro).or_else(|| YOU_HOLD.find(&intro)) {
        return Some((Role::Accused, found.as_str().trim().to_owned()));
    }
    for noun in NOUN.captures_iter(&intro).take(4) {
        let (whole, whose) = (noun.get(0)?, noun.name("whose")?);
        let after = &intro[whole.end()..];
        let said = |role: Role, found: regex::Match<'_>| {
            let start = whole.start();
            Some((role, intro[start..whole.end() + found.end()].trim().to_owned()))
        };
        // "One of our servers was attacked from the following addresses:".
        let whence = || FROM_THESE.find(after);
        if let Some(found) = DONE_TO.find(after) {
            return whence().map_or_else(|| said(Role::Victim, found), |found| said(Role::Accused, found));
        }
        if OURS.is_match(whose.as_str()) {
            if let Some(found) = AFFECTED.find(after) {
                return said(Role::Victim, found);
            }
            continue;
        }
        if let Some(found) = YOURS.find(after).or_else(|| DID.find(after)) {
            return said(Role::Accused, found);
        }
        if YOUR.is_match(whose.as_str()) {
            return Some((Role::Accused, whole.as_str().trim().to_owned()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::Role;
    use super::read;

    #[test]
    fn reads_who_is_listed() {
        for (intro, expect) in [
            (
                "the following hosts of yours took part in an attack against our VPN portal:",
                Some(Role::Accused),
            ),
            ("Two EC2 hosts crawl our forum and post spam comments:", Some(Role::Accused)),
            ("The following addresses were attacked:", Some(Role::Victim)),
            ("4. Which of our systems were affected?", Some(Role::Victim)),
            ("Which addresses of the recipient took part? Tick all that apply.", Some(Role::Accused)),
            (
                "One of our web servers was attacked from the following IP address we could trace to you:",
                Some(Role::Accused),
            ),
            ("IPs engaged in dictionary attacks on your network:", Some(Role::Accused)),
            ("having determined you all to be providers for the following IPs:", Some(Role::Accused)),
            ("Our servers saw the traffic below:", None),
            ("Attacks against these hosts of ours:", Some(Role::Victim)),
            (
                "The following IP address has been added to our blocklist because it hit our spam traps:",
                Some(Role::Accused),
            ),
            ("Please null-route these two, they are flooding our gateway:", Some(Role::Accused)),
            ("Some log lines of the last hour:", None),
            ("OPEN (please restrict recursion):", Some(Role::Accused)),
            ("Open questions:", None),
            ("we get traffic, among others from these hosts of yours:", Some(Role::Accused)),
        ] {
            assert_eq!(read(intro).map(|(role, _)| role), expect, "{intro}");
        }
    }
}
