//! Who handed the offending mail over, where its headers are the only evidence.
//!
//! Everybody can write `Received` headers below the first honest one, so only the headers of the receiver
//! itself are believed: read from the top for as long as the same organisation wrote them. The
//! address in the last of them is the one that connected.

use std::net::IpAddr;
use std::sync::LazyLock;

use regex::Regex;

use super::address;
use super::document::SectionRole;
use super::domain;
use super::lines::Line;
use super::lines::LineKind;
use super::lines::count_letters;
use super::pattern::compile;

static RECEIVED: LazyLock<Regex> = LazyLock::new(|| compile(r"(?i)^\W*received:\s*from\s"));
static BY: LazyLock<Regex> = LazyLock::new(|| compile(r"(?i)\bby\s+([a-z0-9][a-z0-9.-]{1,120}[a-z0-9])"));
/// How many headers of the way are looked at.
const HEADERS_MAX: usize = 40;
/// How many lines one header may be folded over.
const FOLDS_MAX: usize = 8;

/// Returns the address from which the receiver's own servers took the first mail that is quoted.
pub(super) fn handed_over_by(lines: &[Line<'_>]) -> Option<(IpAddr, usize)> {
    let mut receiver: Option<String> = None;
    let mut found = None;
    let mut last = None;
    for (index, line) in lines.iter().enumerate() {
        if line.kind != LineKind::Header || !RECEIVED.is_match(line.text) {
            continue;
        }
        // Another mail's headers begin a chain of their own.
        if last.is_some_and(|last| index > last + 2 * FOLDS_MAX) {
            break;
        }
        last = Some(index);
        let organisation = receiver_of(&lines[index..])?;
        // Until somebody from elsewhere connected, the receiver's servers hand it on to each other.
        if found.is_some() && receiver.as_ref().is_some_and(|receiver| *receiver != organisation) {
            break;
        }
        receiver = Some(organisation);
        found = sender_of(&lines[index..]).map(|ip| (ip, index)).or(found);
    }
    found
}

/// Who passes a mail on to be looked at says less than this of his own, letters.
const FEW_LETTERS: usize = 160;

/// Says whether a text is hardly more than a mail with the headers of its way.
pub(super) fn is_passed_on(lines: &[Line<'_>]) -> bool {
    let is_own = |line: &&Line<'_>| line.role == SectionRole::Body && line.kind == LineKind::Statement;
    let is_way = |line: &Line<'_>| line.kind == LineKind::Header && RECEIVED.is_match(line.text);
    let Some(way) = lines.iter().position(is_way) else { return false };
    let own = lines[..way].iter().filter(is_own).map(|line| count_letters(line.text));
    own.sum::<usize>() <= FEW_LETTERS
}

/// Returns the one address of the quoted mail's `Received` headers that fits; none where several do.
pub(super) fn only_one_of_the_way(
    lines: &[Line<'_>],
    fits: impl Fn(IpAddr) -> bool,
) -> Option<(IpAddr, usize)> {
    let heads = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.kind == LineKind::Header && RECEIVED.is_match(line.text));
    let mut found: Option<(IpAddr, usize)> = None;
    for (index, _) in heads.take(HEADERS_MAX) {
        let Some(ip) = sender_of(&lines[index..]).filter(|ip| fits(*ip)) else { continue };
        if found.is_some_and(|(known, _)| known != ip) {
            return None;
        }
        found = found.or(Some((ip, index)));
    }
    found
}

/// Returns the lines of the header that begins here.
fn folded<'a, 'b>(lines: &'b [Line<'a>]) -> impl Iterator<Item = &'b Line<'a>> {
    let more = lines.iter().skip(1).take(FOLDS_MAX);
    let more = more.take_while(|line| line.kind == LineKind::Header && line.text.starts_with([' ', '\t']));
    lines.iter().take(1).chain(more)
}

/// Returns the organisation of the server that wrote the header.
fn receiver_of(lines: &[Line<'_>]) -> Option<String> {
    let by = folded(lines).find_map(|line| BY.captures(line.text))?[1].to_ascii_lowercase();
    Some(domain::registered(&by).unwrap_or(by))
}

/// Returns the public address that stands before "by": the one that connected.
fn sender_of(lines: &[Line<'_>]) -> Option<IpAddr> {
    for line in folded(lines) {
        let end = BY.find(line.text).map_or(line.text.len(), |by| by.start());
        let before = line.spots.iter().filter(|spot| spot.start < end);
        let public = |ip: &IpAddr| !address::is_private(*ip) && !address::is_nobody(*ip);
        if let Some(ip) = before.filter_map(|spot| spot.ip).rfind(public) {
            return Some(ip);
        }
        if end < line.text.len() {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::document::Section;
    use super::super::document::SectionRole;
    use super::super::lines;
    use super::handed_over_by;

    fn check(text: &str, expect: Option<&str>) {
        let sections = [Section { role: SectionRole::Body, name: "body".to_owned(), text: text.to_owned() }];
        let found = handed_over_by(&lines::cut(&sections)).map(|(ip, _)| ip.to_string());
        assert_eq!(found.as_deref(), expect, "{text}");
    }

    #[test]
    fn believes_only_the_receivers_own_headers() {
        let inner =
            "Received: from mx.example.org (mx.example.org [203.0.113.1]) by store.example.org; now\n";
        let outer = "Received: from x (unknown [192.0.2.1])\n\tby mx.example.org (Postfix)\n";
        let forged = "Received: from y ([198.51.100.1]) by x.example.net with SMTP\n";
        check(&format!("{inner}{outer}{forged}"), Some("192.0.2.1"));
        check(&format!("{outer}{forged}"), Some("192.0.2.1"));
        let others = outer.replace("example.org", "example.co.uk");
        let forged = "Received: from y ([198.51.100.1]) by mx.other.co.uk with SMTP\n";
        check(&format!("{others}{forged}"), Some("192.0.2.1"));
        check("Received: from x (localhost [127.0.0.1]) by mx.example.org\n", None);
        let within = "Received: from a (a.lan [10.80.44.42]) by b.example.com with LMTP; now\n";
        check(&format!("{within}{outer}{forged}"), Some("192.0.2.1"));
        check("Received: from x (unknown [192.0.2.1]) without a server\n", None);
    }
}
