//! Whether anything in a message hints at a complaint: mails about maintenance, bills and alarms name hosts too.

use std::sync::LazyLock;

use regex::Regex;

use super::document::SectionRole;
use super::lines::Line;
use super::lines::LineKind;
use super::pattern::compile;
use super::pattern::fold;

/// Words that no complaint is without, in the languages that are read; a text in none of them hints at everything.
static HINT: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"abus|attac|angriff|angegriff|atta[kq]u|ataque|atak|aanval|angrep|angreb|utok|hyokk|tamad|saldir|malicious|malware|malici|malveil|compromis|kompromit|suspicious|suspect|verdacht|unauthori|unbefugt|complain|beschwerde|plainte|queja|reclam|klacht|skarg|stiznost|violat|illegal|illicit|infect|infiz|spam|phish|scan|brute|exploit|hack|intrus|botnet|threat|acceptable use|incident|misuse|missbrauch|misbruik|naduzy|zneuzit|fraud|flood|ddos|prob(?:e|ing)|report(?:ed|ing)? (?:you|your|activity)|sicherheitsvorfall|vorfall|signale|denunc|segnala|meld(?:ung|ing)|mining|bitcoin|crypto|anomal|unusual|guardduty|\btor\b|c&c|alarm|threshold|deny|denied|dropped|refused|reject|fail",
    )
});
/// Letters of the scripts in which those words are written.
const LATIN: std::ops::RangeInclusive<char> = 'a'..='z';

/// Lines that are looked at.
const LINES_MAX: usize = 200;

/// Says whether any word hints at a complaint, or none could be known: it is written in another script.
pub(super) fn is_hinted(lines: &[Line<'_>]) -> bool {
    let own = lines.iter().filter(|line| {
        line.kind != LineKind::Aside && !matches!(line.role, SectionRole::Evidence | SectionRole::Nested)
    });
    own.take(LINES_MAX).any(|line| {
        let text = fold(line.text);
        let is_other_script = text.chars().any(|letter| letter.is_alphabetic() && !letter.is_ascii());
        let is_latin = text.chars().any(|letter| LATIN.contains(&letter));
        HINT.is_match(&text)
            || (is_other_script && (!is_latin || text.chars().filter(|it| !it.is_ascii()).count() > 4))
    })
}
