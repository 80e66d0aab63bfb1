//! Notices as programs and services write them: network storage, telephone systems, firewalls, sensors, forms. Whom they
//! name beside the one that did it - themselves, their trunk, the proxy before a site, the next host - did nothing.

use std::net::IpAddr;

use notice::Context;
use notice::claim::Activity;
use notice::claim::Disposition;
use notice::claim::Parsed;

const ONE: &str = "192.0.2.10";
const TWO: &str = "192.0.2.20";
const THREE: &str = "192.0.2.30";

fn parse(subject: &str, body: &str) -> Parsed {
    let notice = format!(
        "From: noc@example.net\r\nTo: abuse@example.com\r\nSubject: {subject}\r\nDate: Tue, 10 Nov 2026 09:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n"
    );
    let own = [ONE, TWO, THREE].map(|ip| ip.parse::<IpAddr>().expect("an address").into());
    notice::parse(notice.as_bytes(), &Context { own_addresses: own.to_vec(), ..Context::default() })
}

/// Whom a notice names, sorted.
fn named(parsed: &Parsed) -> Vec<String> {
    let claims = parsed.claims.iter();
    let mut all: Vec<String> = claims
        .flat_map(|claim| {
            let accused = &claim.accused;
            accused.addresses.iter().map(ToString::to_string).chain(accused.instance_ids.iter().cloned())
        })
        .collect();
    all.sort();
    all.dedup();
    all
}

fn check(subject: &str, body: &str, expect: &[&str], activity: Activity, window: &str) {
    let parsed = parse(subject, body);
    assert_eq!(named(&parsed), expect, "{body}\n{:?}", parsed.warnings);
    assert_eq!(parsed.disposition, Disposition::Claims, "{body}");
    for claim in &parsed.claims {
        assert_eq!(claim.activity, activity, "{body}");
    }
    if !window.is_empty() {
        let from = parsed.claims.iter().filter_map(|it| it.window.as_ref()).map(|it| it.from).min();
        let to = parsed.claims.iter().filter_map(|it| it.window.as_ref()).map(|it| it.to).max();
        let told = from.zip(to).map(|(from, to)| format!("{from:.0} {to:.0}")).unwrap_or_default();
        assert_eq!(told, window, "{body}");
    }
}

#[test]
fn who_is_shut_out_is_named_by_the_machine_that_did_it() {
    let storage = format!(
        "Dear user,\r\n\r\nThe IP address [{ONE}] experienced 5 failed attempts when attempting to log in to SSH running on nas within 5 minutes, and was blocked at Mon Nov  9 03:14:06 2026.\r\n\r\nSincerely,\r\nThe NAS\r\n\r\nThe box runs on Brussels time (UTC+01:00).\r\n"
    );
    let window = "2026-11-09T02:14:06Z 2026-11-09T02:14:06Z";
    check("IP address was blocked", &storage, &[ONE], Activity::LoginAttack, window);
    let telephone = format!(
        "Hello,\r\n\r\nthe IP address {ONE} has been blacklisted by the PBX pbx.example.net (198.51.100.10).\r\n\r\nReason:          Too many failed authentications (SIP REGISTER)\r\nFirst request:   09/11/2026 03:49:12\r\nLast request:    09/11/2026 04:02:31\r\n\r\nTimes are GMT, dates are day/month/year.\r\n\r\nIf this is your own phone or SIP trunk, remove it from the list.\r\nSIP trunk in use: 198.51.100.27. This mail was sent to the network contact of the blocked address.\r\n"
    );
    let window = "2026-11-09T03:49:12Z 2026-11-09T04:02:31Z";
    check("IP address has been blacklisted", &telephone, &[ONE], Activity::LoginAttack, window);
    // Whose it is who asks to be let in is no complaint.
    let ours = format!(
        "Hello,\r\n\r\nour IP address {ONE} is blocked by your firewall since Monday, please unblock us.\r\n"
    );
    assert!(named(&parse("Our IP address is blocked", &ours)).is_empty());
}

#[test]
fn the_origin_behind_a_proxy_is_meant_and_not_the_proxy() {
    let body = format!(
        "We received a phishing report regarding secure-login.example.\r\n\r\nYou are receiving this notice because your network was identified as the hosting provider of the website. The public DNS records of the site (198.51.100.18, 198.51.100.93) point to our network; the site is actually hosted at the origin address below.\r\n\r\nOrigin IP address: {ONE}\r\n\r\nLogs or evidence of abuse:\r\nThe site copies our login (genuine site: www.example.net, 203.0.113.11)\r\nand asks for one-time codes. First seen by our customers on Nov 9, 2026 at\r\n14:20 UTC, still online on Nov 9, 2026 at 18:55 UTC.\r\n"
    );
    let window = "2026-11-09T14:20:00Z 2026-11-09T18:55:59Z";
    check("Phishing report for secure-login.example", &body, &[ONE], Activity::Phishing, window);
}

#[test]
fn sensors_tell_when_in_their_own_ways() {
    let scan = format!(
        "=-=-=-= Mon Nov  9 03:21:57 2026 =-=-=-=\r\n\r\n    Scanned TCP ports: [23-60443: 1611 packets]\r\n               Source: {ONE}\r\n          Destination: 198.51.100.8\r\n   Overall scan start: Mon Nov  9 02:58:11 2026\r\n     Current interval: Mon Nov  9 03:21:47 2026 (start)\r\n                       Mon Nov  9 03:21:57 2026 (end)\r\n\r\n(This host keeps UTC.)\r\n"
    );
    let window = "2026-11-09T02:58:11Z 2026-11-09T03:21:57Z";
    check("[psad-alert] DL4", &scan, &[ONE], Activity::PortScan, window);
    let firewall = format!(
        "Intrusion Prevention Alert\r\n\r\nMessage........: SERVER-WEBAPP SSL VPN web portal directory traversal attempt\r\nTime...........: 2026:11:09-10:44:33\r\nPacket dropped.: yes\r\n\r\nSource IP address: {ONE}\r\nSource port: 52714\r\nDestination IP address: 198.51.100.66\r\nDestination port: 10443\r\n\r\n--\r\nSystem Uptime      : 88 days 4 hours 12 minutes\r\n[appliance time zone Europe/Berlin]\r\n"
    );
    let window = "2026-11-09T09:44:33Z 2026-11-09T09:44:33Z";
    check("Intrusion Prevention Alert", &firewall, &[ONE], Activity::IntrusionAttempt, window);
    let zeek = format!(
        "Message: {ONE} scanned at least 25 unique hosts on port 445/tcp in 3m58s\r\n\r\nAddress: {ONE}\r\n\r\nConnection uid / ts of first and last record (epoch):\r\n  CkT8aV2fJx0mQ1p9Ub    1794186102.114083\r\n  C4yQ0J3sQk8Y2LrRd7    1794186340.902211\r\n\r\nsample targets: 198.51.100.4, 198.51.100.9 (all ours)\r\n"
    );
    let window = "2026-11-09T01:01:42Z 2026-11-09T01:05:40Z";
    check("[Zeek] Scan::Address_Scan", &zeek, &[ONE], Activity::PortScan, window);
    let table = format!(
        "Message: {ONE} scanned at least 500 unique ports of host 198.51.100.70 in 21m37s\r\n\r\nts (epoch)        uid                 id.orig_h      id.orig_p  id.resp_h       id.resp_p  conn_state\r\n1794186102.204118 CQ1x7h3kVb0SPmTrn4  {ONE}     48122      198.51.100.70   21         REJ\r\n1794186340.871902 CdUf2J1cXo9aPcQhJ8  {ONE}     48130      198.51.100.70   8443       S0\r\n\r\nPeer: worker-2 (198.51.100.9)\r\nOur own nightly check from {TWO} is on the ignore list and not part of this notice.\r\n"
    );
    check("[Zeek] Scan::Port_Scan", &table, &[ONE], Activity::PortScan, window);
    let week = format!(
        "Your {ONE} sent spam to our customers.\r\n\r\nfirst seen: 2026-W46-1T05:10:45Z   last seen: 2026-W46-1T07:02:11Z\r\n"
    );
    let window = "2026-11-09T05:10:45Z 2026-11-09T07:02:11Z";
    check("Spam", &week, &[ONE], Activity::Spam, window);
    let lasting = format!(
        "Yesterday (Monday 9 November 2026) your {ONE} flooded our stream relay at 198.51.100.5 with\r\nconnections, a few thousand at a time, for 40 minutes from 14:10 UTC.\r\n"
    );
    let window = "2026-11-09T14:10:00Z 2026-11-09T14:50:59Z";
    check("Flood", &lasting, &[ONE], Activity::DenialOfService, window);
}

#[test]
fn a_form_says_what_is_ticked() {
    let form = format!(
        "1. What kind of activity are you reporting?\r\n   [ ] Port scan          [x] Password guessing (RDP)      [ ] Denial of service\r\n\r\n2. When did it begin and end?\r\n   Began   2026-11-08 18:20        Ended   2026-11-09 05:55\r\n   Time zone on form   UTC\r\n\r\n3. Which addresses of the recipient took part? Tick all that apply.\r\n   [x] {ONE}\r\n   [ ] {TWO}\r\n   [x] {THREE}\r\n\r\n4. Which of our systems were affected?\r\n   [x] RDS gateway 198.51.100.36\r\n   [ ] Web shop 198.51.100.40\r\n\r\n5. What do you expect from the recipient?\r\n   [x] Stop the activity     [ ] Customer details\r\n"
    );
    let window = "2026-11-08T18:20:00Z 2026-11-09T05:55:59Z";
    check("Incident form submitted", &form, &[ONE, THREE], Activity::LoginAttack, window);
}

#[test]
fn lists_of_open_and_of_closed_resolvers_accuse_the_open_ones() {
    let watch = format!(
        "Volunteers test whether DNS servers answer recursive queries from anybody.\r\n\r\nOPEN (please restrict recursion):\r\n  {ONE}       checked 2026-11-09 04:10:26 UTC   answers ANY, amplification x38\r\n\r\nCLOSED since our last letter, thank you:\r\n  {TWO}       checked 2026-11-09 04:10:31 UTC   REFUSED\r\n\r\nQueries came from 198.51.100.9; if you see it in your logs, that is us.\r\n"
    );
    check("Open recursive resolvers in your prefixes", &watch, &[ONE], Activity::Reflection, "");
    let survey = format!(
        "the survey found a recursive resolver in your network that answers anybody.\r\n\r\n    Resolver        {ONE}  (UDP/53)\r\n    Tested at       2026-11-09 22:16:05 UTC\r\n    Amplification   34.1 (ANY isc.org, EDNS0 4096)\r\n    Tested from     198.51.100.12\r\n\r\n    ; <<>> DiG 9.18.24 <<>> @{ONE} version.bind chaos txt\r\n\r\nWe also looked at {TWO} next to it, which answered REFUSED, as it should.\r\n\r\nPlease restrict recursion to your own clients.\r\n"
    );
    let window = "2026-11-09T22:16:05Z 2026-11-09T22:16:05Z";
    check(&format!("Open DNS resolver at {ONE}"), &survey, &[ONE], Activity::Reflection, window);
}

#[test]
fn who_thanks_for_our_report_or_blames_nobody_accuses_nobody() {
    let thanks = format!(
        "Hello,\r\n\r\nThank you for your report of 9 November. We have found out which customer uses the address 198.51.100.60 and have passed your evidence on to them. There is nothing that you need to do.\r\n\r\n> Abuse type:        port scanning, SSH password guessing\r\n> Source:            198.51.100.60\r\n> Target (ours):     {ONE}, instance i-0d7b03ea8c41f926a\r\n> When:              2026-11-09 08:14 to 09:02 UTC\r\n"
    );
    assert!(named(&parse("RE: Report of abuse [11120648837]", &thanks)).is_empty());
    let fellow = format!(
        "Dear colleagues,\r\n\r\non 9 November our shop was taken down by a flood from 203.0.113.60. Your address {ONE} is on the list of targets right below ours (198.51.100.9). We assume that you suffered from the same attack. To be clear, we do not blame you for anything.\r\n"
    );
    assert!(named(&parse("Same attacker on your side?", &fellow)).is_empty());
}

#[test]
fn an_old_ticket_that_stays_closed_closes_nothing_of_now() {
    let body = format!(
        "Hello,\r\n\r\nOne of your instances, {ONE}, is scanning our address space on TCP/23.\r\n\r\nFirst SYN   9 November 2026 12:44:31 UTC\r\nLast SYN    9 November 2026 20:58:09 UTC\r\n\r\nPrevious correspondence: in May you dealt with TR-54871 about {TWO}. Thanks for that, it has\r\nbeen quiet since and that ticket stays closed.\r\n"
    );
    let window = "2026-11-09T12:44:31Z 2026-11-09T20:58:09Z";
    check(&format!("telnet probing from {ONE}"), &body, &[ONE], Activity::PortScan, window);
}

#[test]
fn a_dash_between_two_languages_ends_no_letter() {
    let rows: String = (0..8)
        .map(|minute| format!("4471-{minute}|{ONE}|64500|2026-11-09 08:4{minute}:12 +0200|scan|tcp|2323\r\n"))
        .collect();
    let body = format!(
        "Hei,\r\n\r\noheisena verkossanne havaittuja tietoturvaloukkauksia.\r\n\r\n--\r\n\r\nHello,\r\n\r\nhere are port scans which we saw from your network.\r\n\r\n# id|ip|asn|time|category|protocol|dport\r\n{rows}"
    );
    let window = "2026-11-09T06:40:12Z 2026-11-09T06:47:12Z";
    check("Malicious activity in your network", &body, &[ONE], Activity::PortScan, window);
}

#[test]
fn an_anomaly_that_is_over_closes_no_case_and_its_end_is_no_deadline() {
    let body = format!(
        "You get this mail because addresses of your network were among the sources of a DDoS attack on a customer of ours.\r\n\r\n  Prefix              : 198.51.100.9/32\r\n  From                : 2026-11-09 22:08:14 CET\r\n  Until               : 2026-11-09 22:37:55 CET\r\n\r\nTOP EXTERNAL IPs (within your network)\r\n  {ONE}          412.6k pkts/s    2.1 Gbits/s\r\n  {TWO}          398.0k pkts/s    2.0 Gbits/s\r\n\r\n  BGP blackhole for 198.51.100.9/32 announced 22:09:02 CET, withdrawn 22:38:10 CET\r\n"
    );
    let window = "2026-11-09T21:08:14Z 2026-11-09T21:37:55Z";
    let subject = "Incoming anomaly #90213 closed: UDP pkts/s > 300000 to 198.51.100.9";
    check(subject, &body, &[ONE, TWO], Activity::DenialOfService, window);
}

#[test]
fn letters_say_clocks_in_words_and_over_lines() {
    let mail = |body: String| parse("Beschwerde", &body);
    let window = |parsed: &Parsed| {
        let window = parsed.claims.iter().find_map(|it| it.window.as_ref());
        window.map(|it| format!("{:.0} {:.0}", it.from, it.to)).unwrap_or_default()
    };
    let german = mail(format!(
        "in der Nacht auf Donnerstag, den 5. November 2026, hat ein Rechner aus Ihrem Bestand unser Netz abgesucht (Portscan).\r\n\r\nEs handelt sich um die Adresse {ONE}. Das erste Paket kam um 1:12 Uhr, das\r\nletzte um 3:40 Uhr (MEZ).\r\n\r\nNicht gemeint ist Ihre Adresse {TWO}: von dort holt Ihre Software bei uns Termine ab, das ist so vereinbart.\r\n"
    ));
    assert_eq!(named(&german), [ONE], "{:?}", german.warnings);
    assert_eq!(window(&german), "2026-11-05T00:12:00Z 2026-11-05T02:40:59Z");
    let french = mail(format!(
        "Une page de phishing se trouve \u{e0} l'adresse hxxp://{ONE}/remboursement/ chez vous.\r\nJe l'ai vue le 5 novembre \u{e0} 11 h 25 et elle r\u{e9}pondait encore le 6 novembre 2026, \u{e0} 18 h 05 (heure de Paris).\r\n"
    ));
    assert_eq!(window(&french), "2026-11-05T10:25:00Z 2026-11-06T17:05:59Z");
}
