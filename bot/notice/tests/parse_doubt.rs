//! Letters whose words name somebody and whose evidence does not reach: written to somebody else, by one of ours, to many,
//! forged, or taken back. Nobody is named and a person hears of it; what looks like one of them and accuses is read.

use std::net::IpAddr;

use notice::Context;
use notice::Reading;
use notice::claim::Disposition;

const OURS: &str = "192.0.2.10";

/// A mail that lies in the mailbox of `example.com`. `to` may hold further headers.
fn mail(from: &str, to: &str, subject: &str, text: &str) -> String {
    format!(
        "Received: from mx.example.net by inbound.example with SMTP id 1\r\n for security@example.com; Tue, 10 Nov 2026 09:00:00 +0000\r\nFrom: {from}\r\nTo: {to}\r\nSubject: {subject}\r\nDate: Tue, 10 Nov 2026 09:00:00 +0000\r\nMessage-ID: <1@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    )
}

fn ours() -> Context {
    let own = OURS.parse::<IpAddr>().expect("an address");
    Context { own_addresses: vec![own.into()], own_is_complete: true, ..Context::default() }
}

fn accused(reading: &Reading) -> Vec<String> {
    let claims = reading.parsed.claims.iter();
    claims.flat_map(|claim| claim.accused.addresses.iter().map(ToString::to_string)).collect()
}

/// Nobody is named, and the notice is neither closed nor lost.
fn check_open(mail: &str, context: &Context) {
    let reading = notice::read(mail.as_bytes(), context);
    assert_eq!(reading.parsed.disposition, Disposition::Claims, "{mail}\n{:#?}", reading.parsed);
    assert!(accused(&reading).is_empty(), "{mail}\n{:#?}", reading.parsed);
    assert!(reading.parsed.claims.iter().all(|claim| claim.accused.instance_ids.is_empty()), "{mail}");
    assert!(!reading.candidates.is_empty(), "the accounts cannot be asked: {mail}");
}

fn check_accused(mail: &str, context: &Context, expect: &str) {
    let reading = notice::read(mail.as_bytes(), context);
    assert_eq!(accused(&reading), [expect], "{mail}\n{:#?}", reading.parsed);
}

const SCAN: &str = "Your host 198.51.100.77 scans our network since 08:00 UTC. Please stop it.\r\n\r\n2026-11-10 08:00:01 UTC DROP TCP 198.51.100.77:40000 -> 203.0.113.5:23";

#[test]
fn what_is_written_to_others_is_about_others() {
    let subject = "Port scan from 198.51.100.77";
    let copy = "abuse@example.net\r\nCc: security@example.com";
    for context in [Context::default(), ours()] {
        check_open(&mail("noc@example.org", copy, subject, SCAN), &context);
        check_open(&mail("anna@example.com", copy, subject, SCAN), &context);
        let list = "ops@lists.example.org\r\nList-Id: Ops <ops.lists.example.org>";
        check_open(&mail("paul@example.org", list, subject, SCAN), &context);
    }
    check_accused(
        &mail("noc@example.org", "abuse@example.com", subject, SCAN),
        &Context::default(),
        "198.51.100.77",
    );
    let alias = mail("noc@example.org", "abuse@example.net", subject, SCAN);
    check_accused(&alias, &Context::default(), "198.51.100.77");
    let text = SCAN.replace("198.51.100.77", OURS);
    check_accused(&mail("noc@example.org", copy, "Port scan", &text), &ours(), OURS);
}

#[test]
fn an_answer_to_us_may_repeat_what_we_said() {
    let to = "security@example.com\r\nIn-Reply-To: <4711@example.com>";
    let text = format!("We have got your letter, number 88.\r\n\r\n{SCAN}");
    check_open(
        &mail("desk@example.org", to, "[88] Port scan from 198.51.100.77", &text),
        &Context::default(),
    );
    let still =
        format!("It goes on, please stop it: your host {OURS} scanned 203.0.113.9 at 2026-11-10 08:00 UTC.");
    check_accused(&mail("noc@example.org", to, "Re: scan", &still), &ours(), OURS);
}

#[test]
fn a_forged_letter_of_aws_names_nobody() {
    let text = "We detected a port scan that comes from your EC2 instance.\r\n\r\nInstance: i-0123456789abcdef0\r\nIP address: 192.0.2.10\r\nTime: 10 November 2026 08:00 GMT";
    let plain = mail("desk@aws-desk.example", "security@example.com", "AWS abuse report", text);
    let results = |dmarc: &str| {
        plain.replacen(
            "From:",
            &format!("Authentication-Results: amazonses.com; dkim=none; dmarc={dmarc}\r\nFrom:"),
            1,
        )
    };
    check_open(&results("fail"), &ours());
    check_accused(&results("none"), &ours(), OURS);
}

#[test]
fn a_false_alarm_is_no_accusation() {
    let log = "2026-11-10 08:00:01 UTC BLOCK 192.0.2.10:40000 -> 203.0.113.5:8443";
    let letter = |says: &str| {
        mail(
            "eva@example.org",
            "security@example.com",
            "Blocked calls",
            &format!("Our firewall took the calls from you for a port scan. {says}\r\n\r\n{log}"),
        )
    };
    check_open(&letter("That was a false alarm, could you send me the list of your addresses?"), &ours());
    check_accused(&letter("This is not a false alarm. Please stop it."), &ours(), OURS);
    check_accused(&letter("If this is a false alarm, tell us. Please stop it."), &ours(), OURS);
}

#[test]
fn a_field_outweighs_what_prose_says_of_others() {
    let text = "One of your machines serves malware.\r\n\r\nHost:  192.0.2.10\r\nSeen:  2026-11-10 08:00 UTC\r\n\r\nIt was fetched by an infected camera at 198.51.100.4, which belongs to somebody else.";
    let letter = mail("cert@example.org", "abuse@example.com", "Malware at your host", text);
    check_accused(&letter, &Context::default(), OURS);
}

#[test]
fn a_word_at_the_foot_closes_no_report() {
    let text = "Source: 192.0.2.10\r\nService: telnet\r\nTime: 2026-11-10 08:00 UTC\r\nOur honeypot: 203.0.113.5\r\n\r\nYou get this newsletter since you are the contact. Unsubscribe: https://example.org/u";
    let letter = mail("pot@example.org", "abuse@example.com", "Attack from 192.0.2.10", text);
    check_accused(&letter, &Context::default(), OURS);
}

#[test]
fn rows_of_a_bill_accuse_nobody() {
    let text = "Dear customer,\r\n\r\nplease find below the items of November.\r\n\r\n1  Filter, base fee   49.00\r\n2  Attack 2026-11-02 02:10 UTC, 41 Gbit/s on 192.0.2.10   12.00\r\n3  Attack 2026-11-04 17:44 UTC, 12 Gbit/s on 192.0.2.11   8.00\r\n\r\nThe amount is due within 14 days.";
    let letter = mail("billing@example.net", "security@example.com", "Invoice 17: DDoS filter", text);
    for context in [Context::default(), ours()] {
        let reading = notice::read(letter.as_bytes(), &context);
        assert!(accused(&reading).is_empty(), "{:#?}", reading.parsed);
    }
}

#[test]
fn what_is_over_is_no_accusation() {
    let thanks = "Hi,\r\n\r\ngreat, that did it. The log is quiet since this morning and our customer is happy.\r\n\r\nOn 9 Nov 2026 you wrote:\r\n> the host 192.0.2.10 was compromised and attacked your customer 198.51.100.7 at 01:00 UTC. It was rebuilt.";
    let taken_off = "Hello,\r\n\r\n192.0.2.10 has been taken off our list. It had been listed because of hits on spam traps on 8 November 2026, the last at\r\n05:01 UTC. Thank you for the explanation.\r\n\r\nPlease keep an eye on it.";
    let review = "Incident review 31\r\n\r\nImpact:    1,900 spam mails left mail-2 (192.0.2.10) on 8 November\r\nDetected:  2026-11-08 04:11 UTC by the queue alarm\r\nCause:     password of a mailbox was guessed\r\nStatus:    closed";
    for (from, subject, text) in [
        ("desk@example.org", "Re: [#88] attacks from 192.0.2.10", thanks),
        ("desk@example.net", "[99120] 192.0.2.10: taken off", taken_off),
        ("ola@example.com", "Incident review 31 (spam run on mail-2)", review),
    ] {
        let letter = mail(from, "security@example.com", subject, text);
        for context in [Context::default(), ours()] {
            let reading = notice::read(letter.as_bytes(), &context);
            assert!(accused(&reading).is_empty(), "{letter}\n{:#?}", reading.parsed);
        }
    }
}

#[test]
fn who_confirms_our_complaint_repeats_it() {
    let ours_said = "Dear abuse team, the host 198.51.100.77 in your network is attacking our gateway 192.0.2.10 with password guessing.\r\nNov 10 08:11:20 vpn sshd[311]: Failed password for root from 198.51.100.77 port 40022 ssh2";
    let text = format!(
        "Hello,\r\n\r\nyour message has reached us and has the number 2026. We look at every report, but can not answer each of them.\r\n\r\nYour message was:\r\n\r\n{ours_said}"
    );
    let letter = mail(
        "desk@example.org",
        "security@example.com",
        "[2026] Abuse report: brute force from 198.51.100.77",
        &text,
    );
    check_open(&letter, &Context::default());
    let passed_on = format!(
        "Hello,\r\n\r\nplease see to this, we got it today and it is about your network. It has not stopped yet, our customer says.\r\n\r\n-------- Original Message --------\r\n{}",
        ours_said
            .replace("198.51.100.77", OURS)
            .replace("our gateway 192.0.2.10", "our gateway 198.51.100.9")
    );
    let letter = mail("desk@example.org", "security@example.com", "Complaint", &passed_on);
    check_accused(&letter, &Context::default(), OURS);
}

#[test]
fn a_name_of_our_domain_tells_that_an_address_is_ours() {
    let text = "Alert:      Password guessing\r\nTarget:     vpn.example.com (198.51.100.9)\r\nSource IP:  203.0.113.66\r\nFirst seen: 2026-11-10 07:15 UTC";
    let letter = mail("alerts@example.org", "security@example.com", "Password guessing", text);
    let reading = notice::read(letter.as_bytes(), &Context::default());
    assert!(accused(&reading).is_empty(), "{:#?}", reading.parsed);
    let text = "Attack by: web.example.com (198.51.100.9)\r\nTarget: 203.0.113.66\r\nTime: 2026-11-10 07:15 UTC\r\n\r\nPlease stop this port scan.";
    check_accused(
        &mail("noc@example.org", "abuse@example.com", "Port scan", text),
        &Context::default(),
        "198.51.100.9",
    );
}

#[test]
fn what_does_not_complain_names_nobody_unless_it_came_to_the_abuse_desk_or_shows_ours() {
    let text = "Alert:       SSH password guessing\r\nDevice:      edge-2\r\nSource IP:   198.51.100.77\r\nFirst seen:  2026-11-10 07:15 UTC\r\nAction:      blocked";
    let letter = |to: &str, text: &str| mail("alerts@example.net", to, "Alert: password guessing", text);
    for context in [Context::default(), ours()] {
        check_open(&letter("security@example.com", text), &context);
    }
    check_accused(&letter("abuse@example.com", text), &Context::default(), "198.51.100.77");
    check_accused(&letter("Desk <ec2-abuse@example.com>", text), &Context::default(), "198.51.100.77");
    let shows_ours = text.replace("198.51.100.77", OURS);
    check_open(&letter("security@example.com", &shows_ours), &Context::default());
    check_accused(&letter("security@example.com", &shows_ours), &ours(), OURS);
    let complains = format!("Your host 198.51.100.77 attacks our gateway. Please stop it.\r\n\r\n{text}");
    check_accused(&letter("security@example.com", &complains), &Context::default(), "198.51.100.77");
}

#[test]
fn what_names_no_deed_names_nobody() {
    let rows =
        "<report><begin>2026-11-09</begin>\r\nsource_ip: 192.0.2.10\r\ncount: 31\r\ndkim: pass\r\n</report>";
    let letter = mail("reports@example.net", "postmaster@example.com", "Report domain: example.com", rows);
    for context in [Context::default(), ours()] {
        check_open(&letter, &context);
    }
    let asks = "Hello support,\r\n\r\nIs 192.0.2.10 one of your addresses? Our firewall lets nobody in that it does not know:\r\n\r\n2026-11-10 02:00:05 deny 192.0.2.10 -> 198.51.100.9:8443\r\n\r\nThe calls are wanted, so which others should we add?";
    let letter = mail("ann@example.org", "support@example.com", "Is 192.0.2.10 one of yours?", asks);
    check_open(&letter, &ours());
}

#[test]
fn who_could_be_meant_is_told() {
    let text = "Among the indicators of this campaign of password guessing are these sources:\r\n\r\nSource IP: 198.51.100.77\r\nSource IP: 198.51.100.78";
    let letter = mail("intel@example.net", "security@example.com", "Campaign", text);
    let reading = notice::read(letter.as_bytes(), &Context::default());
    let told = |it: &String| {
        it.contains("198.51.100.77, 198.51.100.78 could be meant") && it.contains("does not complain")
    };
    assert!(reading.parsed.warnings.iter().any(told), "{:#?}", reading.parsed);
}

#[test]
fn an_event_says_more_than_the_subject_that_carries_it() {
    let event = r#"{"schemaVersion":"2.0","accountId":"111122223333","region":"eu-west-1","id":"f1","type":"UnauthorizedAccess:EC2/SSHBruteForce","resource":{"resourceType":"Instance","instanceDetails":{"instanceId":"i-0123456789abcdef0"}},"service":{"resourceRole":"TARGET","action":{"actionType":"NETWORK_CONNECTION","networkConnectionAction":{"connectionDirection":"INBOUND","remoteIpDetails":{"ipAddressV4":"198.51.100.77"}}}},"severity":2,"createdAt":"2026-11-10T08:00:00Z","updatedAt":"2026-11-10T08:05:00Z"}"#;
    let letter = format!(
        "From: finder@example.com\r\nTo: security@example.com\r\nSubject: [LOW] SSHBruteForce i-0123456789abcdef0\r\nDate: Tue, 10 Nov 2026 09:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: application/json\r\n\r\n{event}\r\n"
    );
    let reading = notice::read(letter.as_bytes(), &Context::default());
    assert_eq!(reading.parsed.disposition, Disposition::Inbound, "{:#?}", reading.parsed);
}

#[test]
fn beside_an_instance_remote_is_the_other_side() {
    let text = "Your EC2 instances sent floods.\r\n\r\nAWS ID: 111122223333\r\n\r\nInstance Id            Remote IP       Port   Action\r\ni-0123456789abcdef0    198.51.100.19   443    Port 443 blocked\r\n\r\nInstance Id: i-0123456789abcdef0\r\nReport begin time: 2026-11-10 02:11:40 UTC\r\nReport end time: 2026-11-10 02:19:05 UTC\r\nRemote IP: 198.51.100.19\r\nRemote port(s): 443\r\n\r\nInstance Id: i-0123456789abcdef0\r\nReport begin time: 2026-11-10 02:33:10 UTC\r\nReport end time: 2026-11-10 02:41:50 UTC\r\nRemote IP: 198.51.100.7\r\nRemote port(s): 80";
    let letter = mail("ec2-abuse@amazon.com", "security@example.com", "EC2 Abuse Report", text);
    let reading = notice::read(letter.as_bytes(), &Context::default());
    assert!(accused(&reading).is_empty(), "{:#?}", reading.parsed);
    let claims = &reading.parsed.claims;
    assert!(claims.iter().all(|claim| claim.accused.instance_ids == ["i-0123456789abcdef0"]), "{claims:#?}");
    let remote =
        |address: &str| claims.iter().flat_map(|it| &it.remote).any(|it| it.address.to_string() == address);
    assert!(remote("198.51.100.19") && remote("198.51.100.7"), "{claims:#?}");
    let windows: Vec<_> = claims.iter().filter_map(|claim| claim.window.as_ref()).collect();
    let from = windows.iter().map(|it| it.from).min().expect("a window").to_string();
    let to = windows.iter().map(|it| it.to).max().expect("a window").to_string();
    assert!(from == "2026-11-10T02:11:40Z" && to.starts_with("2026-11-10T02:41:50"), "{from} {to}");
}

#[test]
fn the_sender_is_whom_the_letter_names() {
    let text = "This message is brief for your comfort. The links below tell more of it. The recipient never had an account there.\r\n\r\nEmail from 192.0.2.10 / Tue, 10 Nov 2026 08:19:02 +0000\r\n[ Offending message ]\r\nReturn-Path: <bounce@parcel.example>\r\nReceived: from relay.example.net (relay.example.net [198.51.100.44])\r\n\tby mx.example.org with ESMTPS id a21; Tue, 10 Nov 2026 08:19:06 +0000\r\nReceived: from parcel.example (unknown [192.0.2.10])\r\n\tby relay.example.net with ESMTP id 9f2; Tue, 10 Nov 2026 08:19:02 +0000\r\nX-Originating-IP: [203.0.113.77]\r\nSubject: Your parcel\r\n\r\nPay here.";
    let subject = "[SpamCop (192.0.2.10) id:7194]Your parcel";
    let letter = mail("7194@reports.example.net", "abuse@example.com", subject, text);
    check_accused(&letter, &Context::default(), OURS);
}

#[test]
fn items_of_a_list_have_one_part() {
    let text = "Here are three matters of this week. They come from three hosts of yours.\r\n\r\n(1) 192.0.2.10 - SSH password guessing\r\n    10 November 2026, 03:10 until 05:47 UTC\r\n\r\n(2) 192.0.2.11 - sends spam to our users, the list came from 203.0.113.3\r\n\r\n(3) 192.0.2.12 - scans the ports of our network\r\n";
    let letter = mail("cert@example.org", "abuse@example.com", "Three matters", text);
    let reading = notice::read(letter.as_bytes(), &Context::default());
    assert_eq!(accused(&reading), ["192.0.2.10", "192.0.2.11", "192.0.2.12"], "{:#?}", reading.parsed);
}

#[test]
fn who_speaks_only_to_the_accused_is_its_peer() {
    let row = |from: &str, to: &str, port: u16| {
        format!(
            "2 111122223333 eni-0e14b7c2a9f6d0358 {from} {to} 40112 {port} 6 1 40 1794297600 1794297658 ACCEPT OK"
        )
    };
    let rows = [
        row("172.31.22.9", "198.51.100.1", 23),
        row("172.31.22.9", "198.51.100.2", 23),
        row("10.9.0.2", "172.31.22.9", 22),
    ];
    let text = format!(
        "This host scans the world on port 23. Please open an incident.\r\n\r\n{}",
        rows.join("\r\n")
    );
    let letter = mail("lena@example.net", "abuse@example.com", "Port scan", &text);
    check_accused(&letter, &Context::default(), "172.31.22.9");
}

#[test]
fn a_complaint_of_the_wronged_is_never_closed_as_an_attack_on_us() {
    let text = "The addresses below sent log-in requests with stolen passwords to our players' accounts. Kindly find the machine and make it stop.\r\n\r\n2026-11-10 04:06 ~ 2026-11-10 04:36 (UTC), 192.0.2.10, Account Takeover Attempts\r\n2026-11-10 05:06 ~ 2026-11-10 05:36 (UTC), 192.0.2.11, Account Takeover Attempts\r\n\r\nThe requests were aimed at one of these hosts, which are resolved for each client (now to 198.51.100.10 in your area).";
    let letter = mail("ns@example.org", "abuse@example.com", "Account takeover from your network", text);
    let reading = notice::read(letter.as_bytes(), &Context::default());
    assert_eq!(reading.parsed.disposition, Disposition::Claims, "{:#?}", reading.parsed);
}
