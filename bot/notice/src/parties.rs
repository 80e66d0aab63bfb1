//! Between whom a mail goes, as its headers tell. What somebody writes to somebody else, and what our own people write
//! to others, accuses nobody of ours by its words; whom it accuses the accounts or a person must tell.

use super::document::Document;
use super::document::MailHeaders;
use super::domain;
use super::trust;

/// Which way a mail goes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// To the one in whose mailbox it lies, or nothing tells.
    #[default]
    ToUs,
    /// Within the organisation in whose mailbox it lies.
    Among,
    /// From the organisation in whose mailbox it lies, to another one.
    FromUs,
    /// From another organisation to a third one; a copy came here.
    Copy,
    /// To all who read a mailing list.
    ToMany,
    /// An answer to a letter of ours, which it may quote.
    Answer,
}

/// Between whom a mail goes.
#[derive(Debug, Default)]
pub(super) struct Parties {
    /// The registered domains of whoever has the mailbox in which it lies; none where nothing tells.
    pub ours: Vec<String>,
    /// Which way it goes.
    pub way: Way,
    /// Nothing tells where it was delivered: that its sender kept a copy is all that says whose it is.
    pub is_guess: bool,
    /// It was sent to a mailbox that takes complaints (RFC 2142, 4).
    pub is_to_abuse: bool,
    /// It does not tell to whom it was sent.
    pub is_to_nobody: bool,
    /// AWS wrote it by its own word, or a mail in it.
    pub is_of_aws: bool,
    /// Somebody passed it on to us.
    pub is_passed_on: bool,
    /// Who sent it, or passed it on last, is of another organisation than whoever got it, and is not AWS: what a program
    /// tells in it is of hosts of theirs.
    pub is_from_outside: bool,
}

/// Addresses of one header that are looked at.
const ADDRESSES_MAX: usize = 50;

/// Reads between whom the mail goes that a notice holds. Only where it was delivered tells who we are.
pub(super) fn of(document: &Document) -> Parties {
    let Some(mail) = document.outer_mail() else { return Parties::default() };
    let delivered = ours(document);
    let is_guess = delivered.is_empty();
    let ours = if is_guess { keepers(document) } else { delivered };
    let is_guess = is_guess && !ours.is_empty();
    let mailboxes =
        || document.delivered_to.iter().chain(&mail.delivered_to).chain([&mail.to, &mail.copy_to]);
    let is_to_abuse = mailboxes().any(|header| has_abuse_mailbox(header));
    let way = way(document, &ours, is_to_abuse);
    let is_to_nobody = !mailboxes().any(|header| header.contains('@'));
    let is_of_aws = document.mails.iter().any(|mail| trust::is_aws(mail.sender_domain()));
    let is_passed_on = document.passed_on_by.is_some();
    let is_from_outside = is_from_outside(document, &ours);
    Parties { ours, way, is_guess, is_to_abuse, is_to_nobody, is_of_aws, is_passed_on, is_from_outside }
}

fn is_from_outside(document: &Document, ours: &[String]) -> bool {
    let Some(mail) = document.passed_on_by.as_ref().or(document.outer_mail()) else { return false };
    let from = domains(&mail.from);
    let receivers = match ours {
        [] => [domains(&mail.to), domains(&mail.copy_to)].concat(),
        ours => ours.to_vec(),
    };
    let is_inside = |domain: &String| receivers.contains(domain) || trust::is_aws(domain);
    !from.is_empty() && !receivers.is_empty() && !from.iter().any(is_inside)
}

/// Says whether one of the addresses in a header is a mailbox that takes complaints: `abuse@`, `ec2-abuse@`.
fn has_abuse_mailbox(header: &str) -> bool {
    let locals = header.split('@').take(ADDRESSES_MAX).map(|before| {
        let is_name =
            |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_' | '+');
        let local = before.rsplit(|letter| !is_name(letter)).next().unwrap_or_default();
        local.to_ascii_lowercase()
    });
    let count = header.matches('@').count();
    locals.take(count).any(|local| local.split(['.', '-', '_', '+']).any(|word| word == "abuse"))
}

fn ours(document: &Document) -> Vec<String> {
    let Some(mail) = document.outer_mail() else { return Vec::new() };
    let passed_on_to = document.passed_on_by.iter().flat_map(|mail| &mail.delivered_to);
    let mailboxes = document.delivered_to.iter().chain(passed_on_to).chain(&mail.delivered_to);
    mailboxes.flat_map(|it| domains(it)).collect()
}

/// Returns who may have written it and kept a copy: no relay took it, and its sender has a copy, as nobody else does whom
/// it was sent to.
fn keepers(document: &Document) -> Vec<String> {
    let Some(mail) = document.outer_mail() else { return Vec::new() };
    if mail.is_relayed || document.receipt.is_some() {
        return Vec::new();
    }
    let (to, copied) = (domains(&mail.to), domains(&mail.copy_to));
    if to.iter().any(|it| copied.contains(it)) {
        return Vec::new();
    }
    domains(&mail.from).into_iter().filter(|it| copied.contains(it)).collect()
}

fn way(document: &Document, ours: &[String], is_to_abuse: bool) -> Way {
    let Some(mail) = document.outer_mail() else { return Way::ToUs };
    let is_ours = |domain: &String| ours.contains(domain);
    let to = domains(&mail.to);
    // Who passes it on gives it his own references.
    let references = mail.references.iter().filter(|_| document.passed_on_by.is_none());
    let answers_us = references.flat_map(|id| domains(id)).any(|it| is_ours(&it));
    let from = domains(&mail.from);
    let is_within = !from.is_empty() && !to.is_empty() && to.iter().all(|it| from.contains(it));
    if ours.is_empty() && is_within && !is_to_abuse && !is_from_outside(document, ours) {
        // Whoever has it, it never left the organisation in which it was written.
        return Way::Among;
    }
    if ours.is_empty() && is_complaint_of_ours(document, &from, &to) {
        return Way::FromUs;
    }
    let is_from_us = from.iter().any(is_ours);
    let goes_to_us = to.iter().any(|it| is_ours(it) || trust::is_aws(it));
    if ours.is_empty() || to.is_empty() || goes_to_us {
        return match () {
            () if is_from_us => Way::Among,
            () if answers_us => Way::Answer,
            () => Way::ToUs,
        };
    }
    match () {
        () if mail.is_of_list => Way::ToMany,
        () if is_from_us => Way::FromUs,
        // Without a copy it came by an alias of another name.
        () if domains(&mail.copy_to).iter().any(is_ours) => Way::Copy,
        () => Way::ToUs,
    }
}

/// Says whether a colleague passed on what one of the same organisation wrote to another one.
fn is_complaint_of_ours(document: &Document, from: &[String], to: &[String]) -> bool {
    let is_own = |domain: &String| from.contains(domain);
    let within =
        |outer: &MailHeaders| [&outer.from, &outer.to].iter().all(|it| domains(it).iter().any(is_own));
    let goes_outside = !to.is_empty() && !to.iter().any(|it| is_own(it) || trust::is_aws(it));
    goes_outside && document.passed_on_by.as_ref().is_some_and(within)
}

/// Returns the registered domains of the addresses in a header.
fn domains(header: &str) -> Vec<String> {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-');
    let hosts = header.split('@').skip(1).take(ADDRESSES_MAX).map(|rest| {
        let end = rest.find(|letter| !is_name(letter)).unwrap_or(rest.len());
        &rest[..end]
    });
    hosts.filter_map(domain::registered).collect()
}

#[cfg(test)]
mod tests {
    use super::super::document::Document;
    use super::super::document::MailHeaders;
    use super::Way;
    use super::has_abuse_mailbox;
    use super::of;

    fn check(from: &str, to: &str, copy_to: &str, delivered_to: &str, expect: Way) {
        let mail = MailHeaders {
            from: from.to_owned(),
            to: to.to_owned(),
            copy_to: copy_to.to_owned(),
            delivered_to: vec![delivered_to.to_owned()],
            is_relayed: !delivered_to.is_empty(),
            ..MailHeaders::default()
        };
        let document = Document { mails: vec![mail], ..Document::default() };
        assert_eq!(of(&document).way, expect, "{from} {to} {copy_to}");
    }

    #[test]
    fn the_mailbox_tells_who_we_are() {
        let ours = "security@example.com";
        check("noc@example.org", "<abuse@example.com>", "", ours, Way::ToUs);
        check("noc@example.org", "abuse@amazonaws.com", "abuse@example.com", ours, Way::ToUs);
        check(
            "noc@example.org",
            "abuse@example.net",
            "Us <abuse@mail.example.com>, cert@example.edu",
            ours,
            Way::Copy,
        );
        check("noc@example.org", "abuse@example.net", "", ours, Way::ToUs);
        check("noc@example.org", "abuse@example.net", "noc@example.org", ours, Way::ToUs);
        check("a@example.com", "abuse@example.net", "security@example.com", ours, Way::FromUs);
        check("a@example.com", "b@example.com", "", ours, Way::Among);
        check("a@example.com", "undisclosed-recipients:;", "", ours, Way::Among);
        check("a@example.com", "abuse@example.net", "security@example.com", "", Way::FromUs);
        check("a@example.com", "abuse@example.net", "noc@example.net, soc@example.com", "", Way::ToUs);
        check("a@example.com", "abuse@example.net", "soc@example.org", "", Way::ToUs);
    }

    #[test]
    fn a_complaint_of_ours_that_a_colleague_passes_on_is_ours() {
        let mail = |from: &str, to: &str| {
            let (from, to) = (from.to_owned(), to.to_owned());
            MailHeaders { from, to, ..MailHeaders::default() }
        };
        let way = |inner: (&str, &str)| {
            let passed_on_by = Some(mail("a@example.com", "team@example.com"));
            of(&Document { mails: vec![mail(inner.0, inner.1)], passed_on_by, ..Document::default() }).way
        };
        assert_eq!(way(("a@example.com", "abuse@example.net")), Way::FromUs);
        assert_eq!(way(("noc@example.net", "abuse@example.com")), Way::ToUs);
        assert_eq!(way(("noc@example.net", "abuse@example.org")), Way::ToUs);
        assert_eq!(way(("a@example.com", "abuse@amazonaws.com")), Way::ToUs);
    }

    #[test]
    fn a_mailbox_for_complaints_is_known_by_its_name() {
        for to in [
            "abuse@example.com",
            "Desk <ec2-abuse@example.com>, a@example.com",
            "x@example.org, Abuse@example.com",
            "\u{130}abuse@example.com",
            "\u{3002}abuse@example.com",
        ] {
            assert!(has_abuse_mailbox(to), "{to}");
        }
        for to in
            ["security@abuse.example.com", "disabused@example.com", "Abuse desk <noc@example.com>", "abuse"]
        {
            assert!(!has_abuse_mailbox(to), "{to}");
        }
    }
}
