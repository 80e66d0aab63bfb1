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
