//! Letters whose parts say different things of one address: a forwarded alert below a complaint, headings over tables,
//! logs beside prose.

use notice::Context;
use notice::Reading;
use notice::claim::Disposition;

fn read(from: &str, subject: &str, body: &str, own: &[&str]) -> Reading {
    let mail = format!(
        "From: {from}\nTo: security@example.com\nSubject: {subject}\nDate: Tue, 10 Mar 2026 16:00:00 +0000\n\n{body}"
    );
    let own_addresses =
        own.iter().map(|it| it.parse::<std::net::IpAddr>().expect("an address").into()).collect();
    notice::read(mail.as_bytes(), &Context { own_addresses, ..Context::default() })
}

fn accused(reading: &Reading) -> Vec<String> {
    let all = reading.parsed.claims.iter().map(|claim| &claim.accused);
    all.flat_map(|it| it.instance_ids.iter().cloned().chain(it.addresses.iter().map(ToString::to_string)))
        .collect()
}

#[track_caller]
fn check(reading: &Reading, expect: &[&str]) {
    assert_eq!(reading.parsed.disposition, Disposition::Claims, "{:#?}", reading.parsed);
    assert_eq!(accused(reading), expect, "{:#?}", reading.facts);
}

/// What a program that guards a host wrote to its own people.
fn alert(of: &str) -> String {
    format!(
        "---------- Forwarded message ----------\nFrom: OSSEC <ossec@{of}>\nDate: Mon, 9 Mar 2026 04:51:22 +0000\nSubject: OSSEC Notification - www\nTo: it@{of}\n\n\nOSSEC HIDS Notification.\nReceived From: (www) 198.51.100.7->/var/log/auth.log\nSrc IP: 192.0.2.1\nPortion of the log(s):\n\n2026-03-09T04:51:17Z www sshd[2201]: Invalid user oracle from 192.0.2.1 port 51112\n"
    )
}

#[test]
fn an_alert_that_others_pass_on_is_of_their_host() {
    let words = "Hello,\n\nour server sent this during the night, please see that it stops.\n\n";
    for words in [words, ""] {
        let body = format!("{words}{}", alert("school.example"));
        check(&read("it@school.example", "Fwd: OSSEC Notification", &body, &[]), &["192.0.2.1"]);
    }
    let reading = read("it@example.com", "Fwd: OSSEC Notification", &alert("example.com"), &[]);
    assert_eq!(reading.parsed.disposition, Disposition::Inbound, "it is of ours");
}

#[test]
fn a_finding_of_anothers_account_tells_of_an_attack_on_that_one() {
    let finding = r#"{"schemaVersion": "2.0", "accountId": "111122223333", "region": "eu-west-1", "id": "1", "type": "UnauthorizedAccess:EC2/SSHBruteForce",
        "resource": {"resourceType": "Instance", "instanceDetails": {"instanceId": "i-0123456789abcdef0", "networkInterfaces": [{"publicIp": "198.51.100.7"}]}},
        "service": {"serviceName": "guardduty", "resourceRole": "TARGET", "eventFirstSeen": "2026-03-09T04:51:05Z", "eventLastSeen": "2026-03-09T05:20:00Z",
        "action": {"actionType": "NETWORK_CONNECTION", "networkConnectionAction": {"connectionDirection": "INBOUND", "remoteIpDetails": {"ipAddressV4": "192.0.2.1"}}}},
        "title": "192.0.2.1 is performing SSH brute force attacks against i-0123456789abcdef0."}"#;
    let mail = |from: &str| {
        format!(
            "From: {from}\nTo: security@example.com\nSubject: Brute force\nDate: Mon, 9 Mar 2026 16:00:00 +0000\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\nHello,\n\nyour server tries to log in on our instance, see the finding.\n\n--x\nContent-Type: application/json\nContent-Disposition: attachment; filename=finding.json\n\n{finding}\n--x--\n"
        )
    };
    check(&notice::read(mail("ops@shop.example").as_bytes(), &Context::default()), &["192.0.2.1"]);
    let own = notice::read(mail("ops@example.com").as_bytes(), &Context::default());
    assert_eq!(own.parsed.disposition, Disposition::Inbound, "a colleague's is of ours");
}

#[test]
fn whose_machines_fetch_their_orders_from_a_host_of_ours_is_no_accused() {
    for (field, client, server) in [
        ("4. Asset notified", "Infected host", "Destination"),
        ("IP concerned", "Client", "C2 server"),
        ("Affected resource", "Compromised host", "Remote host"),
    ] {
        let body = format!(
            "Incident notification\n\n{field}     192.0.2.1 , TCP port 8443\n\nDescription\nInfected machines contacted this command and control server. Isolate the server and let us know.\n\n   Time                  {client}     {server}\n   2026-03-08 05:20:03   198.51.100.7      192.0.2.1:8443\n   2026-03-08 17:02:41   198.51.100.8      192.0.2.1:8443\n"
        );
        for own in [&[][..], &["192.0.2.1"]] {
            let reading = read("cert@cert.example", "Command and control server", &body, own);
            let mut named = accused(&reading);
            named.dedup();
            assert_eq!(named, ["192.0.2.1"], "{field}: {:#?}", reading.facts);
        }
    }
    let body = "Systems in your network connect to a command and control server.\n\n   Time                  Infected host     Destination\n   2026-03-08 05:20:03   192.0.2.1      198.51.100.7:8443\n";
    let reading = read("cert@cert.example", "Infected systems", body, &["192.0.2.1"]);
    check(&reading, &["192.0.2.1"]);
    // Those that came there are the reader's: what they came to is not.
    let body = "The following systems of yours visited the phishing page hosted at 198.51.100.7:\n\nTime (UTC)            Source        Destination\n2026-03-08 05:20:03   192.0.2.1     198.51.100.7:443\n";
    for own in [&[][..], &["192.0.2.1"]] {
        let reading = read("cert@cert.example", "Visitors of a phishing page", body, own);
        check(&reading, &["192.0.2.1"]);
    }
}

#[test]
fn who_asks_for_an_end_is_not_closed_as_an_attack_on_us() {
    let body =
        "Please stop this at once.\n\n2026-03-08 05:20:03 UTC 198.51.100.7:443 -> 192.0.2.1:8443 TCP\n";
    let reading = read("noc@net.example", "Attack", body, &["192.0.2.1"]);
    check(&reading, &[]);
}

#[test]
fn a_heading_says_whose_the_rows_below_it_are() {
    let table = |heading: &str, rows: &[&str]| {
        let rows: String = rows.iter().map(|ip| format!("<tr><td>{ip}</td><td>host</td></tr>")).collect();
        format!("<h3>{heading}</h3><table><tr><th>Address</th><th>Remark</th></tr>{rows}</table>")
    };
    let text = |heading: &str, rows: &[&str]| {
        let rows: String = rows.iter().map(|ip| format!("{ip}    a host\n")).collect();
        format!("{heading}\n\nAddress         Remark\n{rows}\n")
    };
    for (by, at, clean) in [
        (
            "A. Attacking systems operated by you",
            "B. Attacked systems of our customer",
            "C. Your systems that behaved normally",
        ),
        ("Sources (your network)", "Targets (our network)", "Not involved"),
        ("Angreifende Systeme", "Angegriffene Systeme", "Unbeteiligte Systeme"),
    ] {
        let parts = [(by, "192.0.2.1"), (at, "198.51.100.7"), (clean, "192.0.2.9")];
        let html: String = parts.iter().map(|(heading, ip)| table(heading, &[ip])).collect();
        let plain: String = parts.iter().map(|(heading, ip)| text(heading, &[ip])).collect();
        for body in [
            format!("<html><body><p>Port scans of our customer.</p>{html}"),
            format!("Port scans of our customer.\n\n{plain}"),
        ] {
            for own in [&[][..], &["192.0.2.1", "192.0.2.9"]] {
                let reading = read("abuse@soc.example", "Abuse complaint: port scan", &body, own);
                assert_eq!(accused(&reading), ["192.0.2.1"], "{body} {own:?} {:#?}", reading.facts);
            }
        }
    }
}

/// The window of the one claim, without its fractions of a second.
fn window(reading: &Reading) -> String {
    let [claim] = &reading.parsed.claims[..] else { panic!("one claim: {:#?}", reading.parsed) };
    let window = claim.window.as_ref().expect("a window");
    let second = |at: jiff::Timestamp| at.to_string()[..19].to_owned();
    format!("{} {}", second(window.from), second(window.to))
}

#[test]
fn a_log_whose_lines_have_no_day_goes_on_past_the_stated_beginning() {
    let body = "Your server 192.0.2.1 floods our game server 198.51.100.7.\n\nStart: 2026-03-10 12:03 (UTC)\n\ntcpdump (UTC, 2026-03-10)\n\n12:03:12.190069 IP 192.0.2.1.9072 > 198.51.100.7.27015: UDP, length 1024\n12:08:16.248928 IP 192.0.2.1.14145 > 198.51.100.7.27015: UDP, length 1024\n";
    let reading = read("ops@game.example", "UDP flood", body, &[]);
    assert_eq!(window(&reading), "2026-03-10T12:03:00 2026-03-10T12:08:16");
}

#[test]
fn the_only_offset_from_utc_is_that_of_all_times() {
    for said in [
        "Thời gian (giờ Việt Nam, UTC+7): từ 13:02:17 đến 14:48:59 ngày 10/03/2026",
        "Zeit (UTC+7): von 13:02:17 bis 14:48:59 am 10.03.2026",
        "Seen until 14:48 ICT (ICT = UTC+7)",
        "The clock is Vietnamese (GMT +7)",
    ] {
        let body = format!(
            "The host 192.0.2.1 attacked our portal with SQL injections.\n\n{said}\n\n10/03/2026 13:02:17 | 192.0.2.1 -> 198.51.100.7:443 | POST /x\n10/03/2026 14:48:59 | 192.0.2.1 -> 198.51.100.7:443 | GET /y\n"
        );
        let reading = read("soc@bank.example", "SQL injection", &body, &[]);
        assert_eq!(
            window(&reading),
            "2026-03-10T06:02:17 2026-03-10T07:48:59",
            "{said} {:#?}",
            reading.facts
        );
    }
}

#[test]
fn what_an_earlier_mail_told_of_was_another_time() {
    let body = "It goes on:\n\n2026-03-10T09:12:44Z src=192.0.2.1 dst=198.51.100.7 dpt=22 ssh auth fail\n2026-03-10T09:58:10Z src=192.0.2.1 dst=198.51.100.7 dpt=22 ssh auth fail\n\nOn Mon, 9 Mar 2026 at 19:44, R wrote:\n> > 192.0.2.1 was reported for intrusion attempts.\n> > Abuse Time: 09 Mar 2026 11:20:31 GMT\n";
    let reading = read("noc@net.example", "RE: your host 192.0.2.1", body, &[]);
    assert_eq!(window(&reading), "2026-03-10T09:12:44 2026-03-10T09:58:10");
    assert_eq!(reading.parsed.claims[0].activity, notice::claim::Activity::LoginAttack);
}

#[test]
fn who_was_let_in_did_nothing_where_others_were_refused() {
    for [refused, let_in] in [
        [
            "Warning  Connection  2026/03/09 10:21:55  SYSTEM  User [admin] from [192.0.2.1] failed to log in via [DSM] due to authorization failure.",
            "Info     Connection  2026/03/09 10:30:00  SYSTEM  User [tom] from [192.168.1.34] signed in to [DSM] successfully via [password].",
        ],
        [
            "2026-03-09 10:21:55 login failed for admin from 192.0.2.1",
            "2026-03-09 10:30:00 login ok for tom from 198.51.100.7",
        ],
    ] {
        let body = format!(
            "You are trying to get into my NAS. The log (UTC):\n\n{refused}\n{let_in}\n\nPlease stop this!\n"
        );
        let reading = read("tom@home.example", "you try to hack my NAS", &body, &[]);
        check(&reading, &["192.0.2.1"]);
        assert_eq!(reading.parsed.claims[0].activity, notice::claim::Activity::LoginAttack);
    }
}

#[test]
fn pairs_of_keys_and_values_are_no_sentence() {
    for entry in [
        r#"date=2026-03-09 time=04:50:05 tz="+0100" type="event" action="ssl-login-fail" remip=192.0.2.1 user="vpn" dst_host="N/A" msg="SSL user failed to logged in""#,
        r#"LEEF:1.0|Juniper|SA|1.0|AUT24327|devTime=2026-03-09 04:50:05 remoteip=192.0.2.1 user=jan msg=Primary authentication failed for jan"#,
        r#"time="09Mar2026  4:50:05" action="Failed Log In" origin="198.51.100.7" user="jan" client_ip="192.0.2.1" reason="Access denied - wrong user name or password""#,
    ] {
        let body = format!(
            "Somebody in your network guesses passwords at our VPN gateway (198.51.100.7).\n\n{entry}\n{entry}\n"
        );
        check(&read("it@clinic.example", "Failed logins", &body, &[]), &["192.0.2.1"]);
    }
}

#[test]
fn a_colleague_who_tells_of_an_attack_on_us_accuses_no_stranger() {
    let letter = "Summary\n  Our web site was attacked with an HTTP flood and was down for 48 minutes on 2 March 2026.\n\nTimeline (UTC)\n  18:04  Requests to 192.0.2.10 climb\n  18:09  The top sources: 198.51.100.7, 198.51.100.8\n";
    for own in [&[][..], &["192.0.2.10"]] {
        let reading = read("sre@example.com", "Post-mortem: flood against us", letter, own);
        assert!(accused(&reading).is_empty(), "{:#?}", reading.parsed);
    }
    let ours = "On 2 March 2026 at 18:04 UTC the host 192.0.2.10 scanned the ports of 198.51.100.7. Please find out who did it.\n";
    check(&read("sre@example.com", "We scan others", ours, &["192.0.2.10"]), &["192.0.2.10"]);
}

#[test]
fn who_comes_to_look_at_what_is_served_is_no_accused() {
    for from in [
        "Our robot visits the page every 15 minutes from 198.51.100.7.",
        "The last check was made from 198.51.100.7.",
    ] {
        let body = format!(
            "The page hxxps://pay[.]example/x on your server collects card numbers. The content is served by 192.0.2.1. {from} Please remove it.\n"
        );
        check(
            &read("abuse@takedown.example", "Abuse complaint: phishing on your server", &body, &[]),
            &["192.0.2.1"],
        );
    }
}

#[test]
fn a_sentence_below_a_table_is_no_row_of_it() {
    let body = "A scan of our network:\n\nDate first seen          Proto      Src IP Addr:Port          Dst IP Addr:Port   Packets\n2026-03-09 13:07:44.120  TCP       192.0.2.1:44120 ->     198.51.100.7:6379    1\n\nOne of our machines, 198.51.100.9, runs an exposed Redis and answered; it was isolated by us at 13:45.\n";
    check(&read("abuse@uni.example", "Abuse complaint: scan", body, &[]), &["192.0.2.1"]);
}

#[test]
fn who_asks_whose_an_address_is_accuses_nobody() {
    let body = "Since Tuesday the sync no longer works. In their log I find two addresses that try to reach our server:\n\n2026-03-09 02:00:05  deny  192.0.2.10 -> 198.51.100.7:8443\n\nAre those your workers? The sync is wanted.\n";
    check(&read("ramon@bodega.example", "Is 192.0.2.10 one of your addresses?", body, &["192.0.2.10"]), &[]);
}

#[test]
fn what_a_name_stands_in_says_whose_it_is() {
    for report in [
        r#"<incident><source ip="192.0.2.1" port="41000"/><target ip="198.51.100.7" port="22"/><sensor ip="198.51.100.9"/></incident>"#,
        r#"{"category": "bruteforce", "attacker": {"ip": "192.0.2.1"}, "victim": {"ip": "198.51.100.7"}, "reporter": {"ip": "198.51.100.9"}}"#,
    ] {
        let body = format!("Automated report about password guessing:\n\n{report}\n");
        check(&read("abuse@net.example", "Abuse complaint 4711", &body, &[]), &["192.0.2.1"]);
    }
}

#[test]
fn a_row_that_calls_it_ordinary_accuses_nobody() {
    let body = "Result of our analysis of an attack (UTC):\n\nAddress          First                Verdict\n192.0.2.1     2026-03-09 10:00:01    attack\n192.0.2.9     2026-03-09 10:05:00    normal API use\n\nPlease look at the first one.\n";
    let own = ["192.0.2.1", "192.0.2.9"];
    check(&read("noc@net.example", "SQL injection from your network", body, &own), &["192.0.2.1"]);
}

#[test]
fn what_its_writer_shut_at_home_closes_no_complaint() {
    let body = "Your server 192.0.2.1 fetches every page of our library with 80 connections at once and overloads it. The first request was on 8 March 2026 at 19:30 UTC, the last before we closed the door on 9 March 2026 at 23:05 UTC. Please switch this off.\n";
    let reading = read("library@library.example", "Excessive crawling by your server", body, &["192.0.2.1"]);
    check(&reading, &["192.0.2.1"]);
}

#[test]
fn a_letter_that_closes_one_part_goes_on_with_the_other() {
    let body = "Hello,\n\nAbout 192.0.2.1 (i-0123456789abcdef0): we accept your explanation, your tester had an order. We have closed this part; nothing more is needed from you there.\n\nAbout 192.0.2.2 (i-0123456789abcdef1): your answer does not mention it, and the attempts have gone on. The reporter saw these at 198.51.100.7:\n\n  2026-03-09T20:02:51Z  4625  An account failed to log on.  Account: ADMIN  Source 192.0.2.2\n\nCould you please look at this instance too?\n";
    let reading =
        read("trustandsafety@support.aws.com", "RE:[CASE 1234567890] Your AWS Abuse Report", body, &[]);
    check(&reading, &["i-0123456789abcdef1", "192.0.2.2"]);
}

#[test]
fn who_takes_a_report_back_accuses_nobody() {
    let old = "> Original report\n> Source: 192.0.2.1\n> Destination: 198.51.100.7\n> Type: UDP flood\n> Time: 2026-03-09 13:20 UTC\n";
    for (subject, words) in [
        ("WITHDRAWN: UDP flood from 192.0.2.1", "We were wrong: somebody forged your address."),
        (
            "UDP flood from 192.0.2.1",
            "We said that 192.0.2.1 flooded our resolver. We take that back, the source was forged.",
        ),
        (
            "UDP-Flut von 192.0.2.1",
            "Wir ziehen unsere Meldung zur\u{fc}ck, die Absenderadresse war gef\u{e4}lscht.",
        ),
    ] {
        let reading = read("noc@uni.example", subject, &format!("Hello,\n\n{words}\n\n{old}"), &[]);
        assert_eq!(reading.parsed.disposition, Disposition::NotAbuse, "{subject}: {:#?}", reading.parsed);
    }
}

#[test]
fn a_robot_that_says_that_ours_is_clean_accuses_nobody() {
    let body = "You asked about an address.\n\n  Query: 192.0.2.1\n  Listed: NO\n  Network: listed, 192.0.2.0/24\n\nOther customers of the same provider have sent spam to our traps:\n\n  192.0.2.77   212 spam hits\n  192.0.2.99   61 spam hits\n\nYour address has not taken part in this.\n";
    for own in [&[][..], &["192.0.2.1"][..]] {
        let reading = read("robot@lists.example", "Your query for 192.0.2.1", body, own);
        assert_eq!(accused(&reading), [""; 0], "{:#?}", reading.facts);
    }
    // One is clean; the other is accused all the same.
    let body = "Your server 192.0.2.1 scans our network since 10:00 UTC. Your other server is clean.";
    check(&read("noc@uni.example", "Scan", body, &[]), &["192.0.2.1"]);
}

#[test]
fn a_test_that_we_ordered_is_no_attack() {
    let body = "Hello,\n\nas agreed in the rules of engagement we begin on Monday:\n\n  What: port scan, password guessing against the portal\n  When: 2026-03-16 07:00 UTC until 2026-03-20 18:00 UTC\n  From: 198.51.100.50, 198.51.100.51\n  Against: 192.0.2.1, 192.0.2.2\n\nPlease don't block us.\n";
    let reading = read("delivery@testers.example", "Penetration test: start of work", body, &[]);
    assert_eq!(reading.parsed.disposition, Disposition::NotAbuse, "{:#?}", reading.parsed);
}

#[test]
fn what_a_kit_sends_its_loot_to_is_no_host_of_the_page() {
    let body = "Please remove this page:\n\n1. The page\n   https://parcel.example/pay/index.php\n   Host: 192.0.2.1, seen 2026-03-10 09:05 UTC\n\n2. How victims get there (reported to the others, nothing to do for you)\n   hxxps://short.example/9Kd (198.51.100.21)\n\n3. Where the data goes\n   The kit posts to hxxps://api.example/bot/sendMessage (198.51.100.220).\n";
    check(&read("takedown@brands.example", "Phishing page on 192.0.2.1", body, &[]), &["192.0.2.1"]);
}

#[test]
fn a_proxy_within_is_no_client() {
    let body = "Hello, your address went through a list of exploits on our site, please look at it.\n\n192.0.2.1 - - [09/Mar/2026:21:06:12 +0000] \"GET /.env HTTP/1.1\" 404 232 \"-\" \"curl/8\" \"10.4.2.20\"\n192.0.2.1 - - [09/Mar/2026:21:06:16 +0000] \"POST /cgi-bin/sh HTTP/1.1\" 403 187 \"-\" \"curl/8\" \"10.4.2.20\"\n";
    check(&read("ict@council.example", "Exploits", body, &[]), &["192.0.2.1"]);
    let behind = body.replace("10.4.2.20", "203.0.113.9").replace("192.0.2.1 -", "10.4.2.20 -");
    check(&read("ict@council.example", "Exploits", &behind, &[]), &["203.0.113.9"]);
}

#[test]
fn tables_of_what_is_ours_and_of_what_was_dismissed() {
    let html = "<table><tr><th colspan=2>Entities that belong to you (AS64500)</th></tr><tr><td>192.0.2.1</td><td>Rule <i>Password spray</i>, 3,870 failed sign-ins<br>2026-03-09 00:20:33 UTC</td></tr><tr><td>192.0.2.2</td><td>Rule <i>Port scan</i> on 198.51.100.7<br>2026-03-09 13:02:10 UTC</td></tr></table><table><tr><th colspan=2>Entities checked and dismissed by the analyst</th></tr><tr><td>192.0.2.3</td><td>Also yours. Your webhook calls our API, as agreed.</td></tr><tr><td>198.51.100.7</td><td>our own firewall</td></tr></table><p>Please look into the two hosts of the first table.</p>";
    let mail = format!(
        "From: soc@estates.example\nTo: abuse@example.com\nSubject: Incident 20418: two of your hosts\nDate: Tue, 10 Mar 2026 16:00:00 +0000\nContent-Type: text/html\n\n{html}"
    );
    check(&notice::read(mail.as_bytes(), &Context::default()), &["192.0.2.1", "192.0.2.2"]);
}

#[test]
fn siblings_that_are_clean_are_not_meant() {
    let body = "CLOUD GUARD | Threat detected\n\nRule       Outbound SSH brute force to the internet\nWorkload   i-0123456789abcdef0\nStarted    2026-03-09T22:13:50Z\nEnded      2026-03-09T23:54:36Z\n\nSiblings in the group, checked, clean, no action:\n           i-0123456789abcdef1, i-0123456789abcdef2\n";
    let subject = "[HIGH] Outbound SSH brute force from workload i-0123456789abcdef0";
    check(&read("alerts@guard.example", subject, body, &[]), &["i-0123456789abcdef0"]);
}

#[test]
fn of_a_list_of_visitors_the_one_is_meant_of_which_the_letter_speaks() {
    let body = "Dear Sir or Madam,\n\nour image server became unusable since one client fetches every page with 80 connections.\n\n   Hits    %     Data\n 2914406  71.4   192.0.2.1\n  201133   4.9   203.0.113.66\n   61020   1.5   203.0.113.167\n\nThe first request of 192.0.2.1 was on 8 March 2026 at 19:30:12 UTC, the last on 9 March 2026 at 23:05:44 UTC. The two below it are the usual search engines and welcome. Please switch this off.\n";
    let subject = "Excessive harvesting of our collections from your server";
    check(&read("digital@library.example", subject, body, &[]), &["192.0.2.1"]);
}

#[test]
fn what_is_fine_or_somebody_elses_is_accused_of_nothing() {
    let body = "To the abuse contact of 192.0.2.1,\n\nyour host is the third largest sender in the attack below. The victim is 198.51.100.70, a customer of ours.\n\nAttack start: 2026-03-09 18:49:12 UTC\nAttack end:   2026-03-09 19:04:40 UTC\n\nSample:\n2026-03-09 18:49:12 192.0.2.1:40717 > 198.51.100.70:8000 protocol: udp\n2026-03-09 18:49:12 192.0.2.1:40717 > 198.51.100.70:8000 protocol: udp\n2026-03-09 18:49:12 192.0.2.9:443 > 198.51.100.70:51820 protocol: tcp\n\nThe last line (192.0.2.9, also yours) is the customer's own download and was in the sample by chance. It is fine.\n";
    for own in [&[][..], &["192.0.2.1", "192.0.2.9"][..]] {
        check(
            &read("noc@ix.example", "Attack on 198.51.100.70: your host took part", body, own),
            &["192.0.2.1"],
        );
    }
    let body = "Hello,\n\nyour host 192.0.2.1 sends exploits to our site since 2026-03-09 10:00 UTC, please stop it.\n\nCommand host: 203.0.113.66, not yours.\n";
    check(&read("noc@uni.example", "Exploits", body, &[]), &["192.0.2.1"]);
}

#[test]
fn items_headed_by_an_address_are_blocks() {
    let body = "Our members reported events from addresses of yours. Times are UTC.\n\n(1) 192[.]0[.]2[.]1\n    Activity:  password guessing (member A, 198[.]51[.]100[.]77)\n    From/to:   2026-03-02 03:10:22 - 2026-03-02 07:44:50\n    Action:    needed\n\n(2) 192[.]0[.]2[.]2\n    Activity:  scan for Modbus, 502/tcp\n    From/to:   2026-03-07 22:15:00 - 2026-03-08 01:05:33\n    Action:    needed\n\n(3) 192[.]0[.]2[.]3\n    Activity:  none. It was in last month's notice by mistake.\n";
    let reading =
        read("alerts@isac.example", "Notification to infrastructure owner - 3 of your addresses", body, &[]);
    check(&reading, &["192.0.2.1", "192.0.2.2"]);
    let windows: Vec<_> = reading.parsed.claims.iter().filter_map(|it| it.window.as_ref()).collect();
    assert_eq!(
        windows.iter().map(|it| it.from.to_string()).collect::<Vec<_>>(),
        ["2026-03-02T03:10:22Z", "2026-03-07T22:15:00Z"]
    );
}

#[test]
fn who_closes_warns_of_a_fake_or_asks_to_be_let_in_accuses_nobody() {
    let closing = "On 4 March we told you that 192.0.2.1 contacted a Mozi control server. Thank you for the rebuild of the machine.\n\nThere has not been any contact since. The case is therefore closed on our side. No further action is necessary.\n\nTwo addresses from your list, 192.0.2.2 and 192.0.2.3, have never appeared in our data.\n";
    let reading =
        read("incidents@cert.example", "[#90233] Closure: botnet notification, 192.0.2.1", closing, &[]);
    assert_eq!(reading.parsed.disposition, Disposition::NotAbuse, "{:#?}", reading.parsed);
    let fake = "Hi all,\n\nseveral of you asked about the mail below. It is a fake that goes round, I have checked the flow logs. Please delete it.\n\n----- fake mail -----\n\nYour server 192.0.2.1 was used for a brute force attack against 198.51.100.60 on 8 March 2026.\n";
    let shut_out = "Hi support,\n\nyour site shows me this: \"Access denied. Your address 203.0.113.90 was blocked because of suspicious activity (brute force). Server: web-14 (192.0.2.27)\".\n\nI am not attacking anybody! Can you please take 203.0.113.90 off the list?\n";
    for (from, subject, body) in [
        ("marit@example.com", "FAKE, do not open", fake),
        ("marek@boxes.example", "Please unblock my IP - your firewall says I attack you", shut_out),
    ] {
        let reading = read(from, subject, body, &[]);
        assert_eq!(accused(&reading), [""; 0], "{subject}: {:#?}", reading.facts);
    }
}

#[test]
fn a_field_says_what_its_first_sentence_is_about() {
    let body = "Please remove a phishing page from your host 192.0.2.1.\n\nTime of the report: 2026-03-09 20:47 UTC. It was seen online from 2026-03-08 13:30 UTC to 2026-03-09 20:40 UTC.\n";
    let reading = read("desk@bank.example", "Phishing page on 192.0.2.1", body, &[]);
    assert_eq!(window(&reading), "2026-03-08T13:30:00 2026-03-09T20:40:59");
}

#[test]
fn arabic_fields_say_who_did_it() {
    let body = "رصد مركز عمليات الأمن في شركتنا هجوم حجب خدمة صادرًا من أحد خوادمكم ضد أحد مشتركينا.\n\nعنوان المصدر: 192.0.2.1\nعنوان الضحية: 198.51.100.40\nبداية الهجوم: 2026-03-09 01:20:14 (UTC+3)\n\nنرجو فحص الخادم وإيقاف الهجوم.\n";
    check(&read("soc@telecom.example", "بلاغ: هجوم حجب خدمة من العنوان 192.0.2.1", body, &[]), &["192.0.2.1"]);
}

#[test]
fn a_list_of_findings_is_read_finding_by_finding() {
    let finding = |kind: &str, id: &str, role: &str| {
        format!(
            r#"{{"AccountId": "111122223333", "Id": "{id}", "Type": "{kind}", "Resource": {{"ResourceType": "Instance", "InstanceDetails": {{"InstanceId": "i-0123456789abcdef{id}"}}}},
            "Service": {{"ResourceRole": "{role}", "EventFirstSeen": "2026-03-09T04:51:05Z", "EventLastSeen": "2026-03-09T05:20:00Z"}}}}"#
        )
    };
    let probed = finding("Recon:EC2/PortProbeUnprotectedPort", "0", "TARGET");
    let calls = finding("Backdoor:EC2/C&CActivity.B!DNS", "1", "ACTOR");
    for list in [format!("{{\"Findings\": [{probed}, {calls}]}}"), format!("[{probed}, {calls}]")] {
        check(&notice::read(list.as_bytes(), &Context::default()), &["i-0123456789abcdef1"]);
    }
}

#[test]
fn beside_a_client_sip_is_the_server() {
    let event = r#"{"rule": "Outbound Connection to C2 Servers", "time": "2026-03-09T05:12:44Z", "priority": "Warning", "output_fields": {"fd.cip": "10.44.7.118", "fd.sip": "198.51.100.27", "fd.sport": 8443, "proc.exepath": "/tmp/x", "ec2.instance_id": "i-0123456789abcdef0"}}"#;
    let reading = notice::read(event.as_bytes(), &Context::default());
    assert!(!accused(&reading).contains(&"198.51.100.27".to_owned()), "{:#?}", reading.facts);
}

#[test]
fn a_heading_with_a_remark_clears_what_stands_below_it() {
    let body = "Resource still implicated:\n    EC2 Instance Id: i-0123456789abcdef0\n    Public IP: 192.0.2.1\n\nResource no longer implicated (the activity ended on March 6, no action is needed):\n    EC2 Instance Id: i-0123456789abcdef1\n    Public IP: 192.0.2.2\n\nReported activity: RDP brute force\n\n    2026-03-08 22:04:17 UTC 192.0.2.1 -> 198.51.100.14:3389  LOGON_FAILED\n";
    let reading = read("trustandsafety@support.aws.com", "Final notice - Abuse case 1234567890", body, &[]);
    check(&reading, &["i-0123456789abcdef0", "192.0.2.1"]);
}
