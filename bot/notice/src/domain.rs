//! Host names and the organisations they belong to, by the public suffix list.

use super::address::Spot;

/// Mail providers that anybody writes from, and AWS, whose names are those of its customers' hosts.
const NOBODYS: [&str; 16] = [
    "gmail.com",
    "googlemail.com",
    "outlook.com",
    "hotmail.com",
    "live.com",
    "yahoo.com",
    "icloud.com",
    "me.com",
    "aol.com",
    "gmx.de",
    "gmx.net",
    "web.de",
    "proton.me",
    "protonmail.com",
    "amazon.com",
    "amazonaws.com",
];

/// Returns the part of a host name that somebody registered: `example.co.uk` of `mx.example.co.uk`.
pub(super) fn registered(host: &str) -> Option<String> {
    psl::domain_str(&host.trim_end_matches('.').to_ascii_lowercase()).map(str::to_owned)
}

/// Returns the registered domain of a sender, where it says who writes.
pub(super) fn of_reporter(sender_domain: &str) -> Option<String> {
    registered(sender_domain).filter(|domain| !NOBODYS.contains(&domain.as_str()))
}

/// Says whether a host name of a domain stands right beside an address: "mx.example.org (192.0.2.1)".
pub(super) fn is_beside(text: &str, spot: &Spot, domain: &str) -> bool {
    if domain.is_empty() || spot.host.is_some() {
        return false;
    }
    let joins = |letter: char| matches!(letter, ' ' | '(' | ')' | '[' | ']' | '/' | '<' | '>' | ',');
    let before = text.get(..spot.start).unwrap_or_default().trim_end_matches(joins);
    let after = text.get(spot.end..).unwrap_or_default().trim_start_matches(joins);
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-');
    let last = before.rsplit(|letter| !is_name(letter)).next().unwrap_or_default();
    let first = after.split(|letter| !is_name(letter)).next().unwrap_or_default();
    // The name after an address is its own only in brackets: "192.0.2.1 (mx.example.org)".
    let bracketed = text.get(spot.end..).is_some_and(|rest| rest.trim_start().starts_with(['(', '[', '/']));
    let is_of = |name: &str| {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        name == domain || name.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
    };
    let mailbox = before.strip_suffix(last).is_some_and(|rest| rest.ends_with('@'));
    (is_of(last) && !mailbox) || (bracketed && is_of(first))
}

#[cfg(test)]
mod tests {
    use super::super::address;
    use super::is_beside;
    use super::of_reporter;
    use super::registered;

    #[test]
    fn knows_what_was_registered() {
        for (host, expect) in [
            ("mx.example.co.uk", Some("example.co.uk")),
            ("a.b.example.org.", Some("example.org")),
            ("example.com.br", Some("example.com.br")),
            ("co.uk", None),
        ] {
            assert_eq!(registered(host).as_deref(), expect, "{host}");
        }
        assert_eq!(of_reporter("mail.gmail.com"), None);
    }

    #[test]
    fn finds_the_reporters_own_hosts() {
        for (text, expect) in [
            ("our mx.example.org (192.0.2.1) was hit", true),
            ("192.0.2.1 (mx.example.org) was hit", true),
            ("from 192.0.2.1 mx.example.org sshd[1]", false),
            ("mail abuse@example.org 192.0.2.1", false),
            ("badexample.org (192.0.2.1)", false),
        ] {
            let spots = address::find(text);
            assert_eq!(is_beside(text, &spots[0], "example.org"), expect, "{text}");
        }
    }
}
