//! How mails reach a mailbox for complaints, and what that changes: groups that stand for one, aliases, copies, ticket
//! systems, spam that is passed on with hardly a word.

use std::net::IpAddr;

use notice::Context;
use notice::claim::Activity;
use notice::claim::Disposition;
use notice::claim::Parsed;

fn parse(head: &str, body: &str) -> Parsed {
    read(head, body, &[])
}

fn read(head: &str, body: &str, own: &[&str]) -> Parsed {
    let mail = format!("{head}\nDate: Tue, 10 Nov 2026 12:00:00 +0000\n\n{body}");
    let own = own.iter().map(|ip| ip.parse::<IpAddr>().expect("an address").into());
    notice::parse(mail.as_bytes(), &Context { own_addresses: own.collect(), ..Context::default() })
}

fn accused(notice: &Parsed) -> Vec<String> {
    let addresses = notice.claims.iter().flat_map(|claim| &claim.accused.addresses);
    addresses.map(ToString::to_string).collect()
}

const COMPLAINT: &str =
    "Hello,\n\nwe see port scans from 192.0.2.40 against our network. Please make it stop.\n";

/// A group sends mails on in its own name; it is no mailing list, and no letter of its own.
#[test]
fn a_group_that_stands_for_a_mailbox_passes_complaints_on() {
    let group = "From: \"'SOC' via abuse\" <abuse@example.com>\nTo: abuse@example.com\nReply-To: soc@example.net\n\
                 X-Original-Sender: soc@example.net\nPrecedence: list\nList-ID: <abuse.example.com>\n\
                 Delivered-To: abuse@example.com\nSubject: Port scan from 192.0.2.40";
    let notice = parse(group, COMPLAINT);
    assert_eq!(accused(&notice), ["192.0.2.40"]);
}

/// Where it lies is an alias of where it was sent to.
#[test]
fn an_alias_of_another_name_makes_no_copy() {
    let alias = "From: soc@example.net\nTo: abuse@example.com\nDelivered-To: abuse@intake.example.org\nSubject: Port scan";
    assert_eq!(accused(&parse(alias, COMPLAINT)), ["192.0.2.40"]);
    let copy = "From: soc@example.net\nTo: abuse@example.com\nCc: cert@example.org\nDelivered-To: cert@example.org\n\
                Subject: Port scan";
    assert_eq!(accused(&parse(copy, COMPLAINT)), [""; 0]);
}

/// A reporter that keeps a copy of its complaint is no colleague who sent ours.
#[test]
fn a_reporter_may_keep_a_copy() {
    let received = "Return-Path: <soc@example.net>\nFrom: soc@example.net\nTo: abuse@example.com\nCc: soc@example.net\n\
                    Subject: Port scan";
    assert_eq!(accused(&parse(received, COMPLAINT)), ["192.0.2.40"]);
    let bare = "From: soc@example.net\nTo: abuse@example.com\nCc: soc@example.net\nSubject: Port scan";
    assert_eq!(accused(&parse(bare, COMPLAINT)), [""; 0], "it may be ours, of which we kept a copy");
    assert_eq!(accused(&read(bare, COMPLAINT, &["192.0.2.40"])), ["192.0.2.40"]);
}

/// Some ticket systems call all that they send an automatic reply.
#[test]
fn what_a_ticket_system_begins_is_no_answer() {
    let begun = "From: cert@example.net\nTo: abuse@example.com\nAuto-Submitted: auto-replied\n\
                 References: <RT-Ticket-99101@example.org>\nSubject: [CERT #99101] Infected hosts in your network";
    let body = "We inform you of infected hosts in your network, which talk to a botnet (UTC):\n\nip,timestamp,malware,dst_ip\n\
                192.0.2.41,2026-11-09 14:51:49,flubot,198.51.100.54\n";
    let notice = parse(begun, body);
    assert_eq!(accused(&notice), ["192.0.2.41"]);
    let answer = "From: abuse@example.net\nTo: soc@example.com\nAuto-Submitted: auto-replied\n\
                  Subject: [example #42] Abuse: port scan from 192.0.2.41";
    let body = "This message has been automatically generated in response to the creation of a ticket regarding a port scan \
                from 192.0.2.41.\n\nYour customer 192.0.2.41 scans our hosts. Please stop this.\n";
    assert_eq!(parse(answer, body).disposition, Disposition::NotAbuse);
}

const SPAM: &str = "Return-path: <a@example.org>\n\
Received: from store.lan (store.lan [10.80.44.42]) by mx.example.net with LMTP; Tue, 10 Nov 2026 11:00:02 +0000\n\
Received: from out.example.com (out.example.com [192.0.2.42])\n\tby mx.example.net with ESMTPS; Tue, 10 Nov 2026 11:00:00 +0000\n\
Received: from forged ([198.51.100.7]) by out.example.com with SMTP; Tue, 10 Nov 2026 10:59:00 +0000\n\
From: \"Offers\" <a@example.org>\nTo: me@example.net\nSubject: Congratulations! A surprise for you\n\
Date: Tue, 10 Nov 2026 10:58:00 +0000\n\nYour invoice and your voucher for this year are ready. Unsubscribe here.\n";

/// A word above the headers of a mail is a complaint about that mail, whatever the mail sells.
#[test]
fn spam_that_is_passed_on_with_a_word_is_a_complaint() {
    let head =
        "From: me@example.net\nTo: abuse@example.com\nSubject: Fwd: Congratulations! A surprise for you";
    for own in ["spam\n\n", ""] {
        let notice = parse(head, &format!("{own}-------- Forwarded Message --------\n{SPAM}"));
        assert_eq!(accused(&notice), ["192.0.2.42"], "{own:?}");
        assert_eq!(notice.claims[0].activity, Activity::Spam);
    }
}

/// Lines that a mail program broke for transport are whole again.
#[test]
fn flowed_text_is_joined() {
    let head = "From: soc@example.net\nTo: abuse@example.com\nSubject: Complaint\nMIME-Version: 1.0\n\
                Content-Type: text/plain; charset=utf-8; format=flowed";
    let body = "On 10 November 2026 between 09:10 and \n09:25 UTC your host 192.0.2.43 scanned the ports of our \nserver 198.51.100.9.\n";
    let notice = parse(head, body);
    assert_eq!(accused(&notice), ["192.0.2.43"]);
    let window = notice.claims[0].window.clone().expect("a window");
    assert_eq!(window.to.to_string(), "2026-11-10T09:25:59.999999999Z");
}

/// Asked whether it is legitimate, nobody has said that it is.
#[test]
fn a_question_clears_nobody() {
    let head = "From: soc@example.net\nTo: abuse@example.com\nSubject: SNMP probing";
    let body = "We have observed SNMP probing from source 192.0.2.44 towards our router.\nCould you please check and validate \
                if this is legitimate action or not.\n";
    assert_eq!(accused(&parse(head, body)), ["192.0.2.44"]);
}
