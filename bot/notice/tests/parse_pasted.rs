//! Layouts of notices that people paste in public: of clouds, hosters and lists, as their readers passed them on.

use notice::Context;
use notice::claim::Activity;
use notice::claim::Parsed;

fn read(from: &str, subject: &str, body: &str) -> Parsed {
    let mail = format!(
        "From: {from}\nTo: abuse@example.com\nSubject: {subject}\nDate: Tue, 10 Nov 2026 12:00:00 +0100\n\n{body}"
    );
    notice::parse(mail.as_bytes(), &Context::default())
}

fn read_html(subject: &str, body: &str) -> Parsed {
    let mail = format!(
        "From: ids@example.net\nTo: abuse@example.com\nSubject: {subject}\nDate: Tue, 10 Nov 2026 12:00:00 +0100\nMIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n{body}"
    );
    notice::parse(mail.as_bytes(), &Context::default())
}

fn accused(notice: &Parsed) -> Vec<String> {
    let mut all: Vec<String> = notice
        .claims
        .iter()
        .flat_map(|claim| {
            let addresses = claim.accused.addresses.iter().map(ToString::to_string);
            addresses.chain(claim.accused.hostnames.iter().cloned())
        })
        .collect();
    all.sort();
    all.dedup();
    all
}

fn activity(notice: &Parsed) -> Activity {
    notice.claims.first().expect("a claim").activity
}

fn window(notice: &Parsed) -> (String, String) {
    let window = notice.claims.first().and_then(|claim| claim.window.clone()).expect("a window");
    (window.from.to_string()[..19].to_owned(), window.to.to_string()[..19].to_owned())
}

/// A log in preformatted text stays a log, and what asks to resolve the issue has not resolved it.
#[test]
fn preformatted_rows_are_rows() {
    let notice = read_html(
        "Intrusion detected - FROM IP: 192.0.2.71 (your network)",
        "<a href=x>ids</a><br/>An intrusion attempt was carried out on a server of one of our customers, from an \
         IP address under your responsibility.<br/>Please send a short statement on the actions taken to resolve \
         the issue.<br/><br/>--<br/><br/><pre>IDS-LOG:\nTime\tSrc-IP:Src-Port\tDst-IP:Dst-Port\tThreat\n\
         11/10/2026 02:43:34 -05:00\t192.0.2.71:57392\t198.51.100.207:22\tBRUTEFORCE\n\
         11/10/2026 02:44:26 -05:00\t192.0.2.71:44096\t198.51.100.54:22\tBRUTEFORCE</pre><br/>--<br/>Regards",
    );
    assert_eq!(accused(&notice), ["192.0.2.71"]);
    assert_eq!(window(&notice), ("2026-11-10T07:43:34".to_owned(), "2026-11-10T07:44:26".to_owned()));
    assert_eq!(notice.claims[0].remote.len(), 2);
}

/// What is to come is no time of a log, by which its zone could be told.
#[test]
fn a_threat_of_what_is_to_come_tells_no_zone() {
    let notice = read(
        "abuse@example.net",
        "Abuse message: netscan detected from 192.0.2.72",
        "There was an attack from your server. It can be blocked at any time after the 2026-11-10 15:08:19 +0100.\n\
         After successfully testing that the issue is resolved, send us a statement.\n\n\
         > time                protocol src_ip src_port          dest_ip dest_port\n\
         > Tue Nov 10 11:06:49 2026 TCP  192.0.2.72 8302  =>    198.51.100.60 10001\n\
         > Tue Nov 10 11:08:19 2026 TCP  192.0.2.72 8302  =>    198.51.100.57 10516\n",
    );
    assert_eq!(accused(&notice), ["192.0.2.72"]);
    let (from, to) = window(&notice);
    assert!(from.as_str() <= "2026-11-10T10:06:49" && to.as_str() >= "2026-11-10T10:08:19", "{from} {to}");
}

/// Who reports of an address, and speaks to nobody, still accuses it.
#[test]
fn a_list_that_lists_one_accuses_it() {
    let infected = "This IP is infected with, or is NATting for a machine infected with the \"example\" malware.\n\
                    This was detected by a TCP connection from \"192.0.2.73\" on port \"1706\" going to IP address \
                    \"198.51.100.246\" (the sinkhole) on port \"8888\".\n";
    let notice = read("cbl@example.net", "CBL listing", infected);
    assert_eq!(accused(&notice), ["192.0.2.73"]);
    let hijacked = "The host at this IP address (192.0.2.74) is either hijacked or operated by miscreants for running \
                    port scans on other hosts in the internet. Such scans are used to find open services.\n\n\
                    # Timestamp (UTC)       DstPort\n2026-11-09 07:41:12     3128\n2026-11-09 05:09:41     3128\n";
    let notice = read("lists@example.net", "SBL listing notification: 192.0.2.74", hijacked);
    assert_eq!(accused(&notice), ["192.0.2.74"]);
    assert_eq!(activity(&notice), Activity::PortScan);
    let added = "The address 192.0.2.75 was added to our blocklist on 2026-11-10 at 01:45 UTC.\n\nReason: this host \
                 makes connections that are typical of a botnet. It contacted our sinkhole at 198.51.100.250.\n";
    let notice = read("lists@example.net", "192.0.2.75 added to the XBL", added);
    assert_eq!(accused(&notice), ["192.0.2.75"]);
}

/// A cloud writes of a project, a droplet, a VM.
#[test]
fn what_a_cloud_rents_out_is_the_readers() {
    let project = "We have recently detected your Cloud Project example-1 (id: example-1) VM pool-6cd2:europe-west4-b \
                   has been displaying suspicious behavior consistent with denial of service attacks. Based on our \
                   records, the most recent outbound traffic spike originated from IP via 192.0.2.76 between \
                   2026-11-09 17:31 and 2026-11-09 17:37.\nYou can fix the problem by ensuring that your project \
                   traffic directed at third-parties is expected.\n";
    let mail = |body: &str| read("trust@example.net", "[Action required] suspicious activity observed", body);
    assert_eq!(accused(&mail(project)), ["192.0.2.76"]);
    let droplet = "> Hi,\n>\n> your Droplet algo-01 at 192.0.2.77 has been disconnected after performing 43,171 pps out of \
                   a DDoS attack aimed at 198.51.100.14.\n>\n> Source IP:- 192.0.2.77\n> Target of attack:-198.51.100.14\n";
    let notice = mail(droplet);
    assert_eq!(accused(&notice), ["192.0.2.77"]);
    assert_eq!(activity(&notice), Activity::DenialOfService);
}

/// "Remote port 4444 between 10:37 and 10:51" names one port.
#[test]
fn a_clock_is_no_port() {
    let notice = read(
        "trust@example.net",
        "Abuse report",
        "This activity was detected as originating from IP 192.0.2.78 to destination IP 198.51.100.245 on remote\n\
         port 4444 between 2026-11-09 10:37 and 2026-11-09 10:51 UTC: your host is used for cryptocurrency mining.\n",
    );
    let ports: Vec<_> = notice.claims.iter().flat_map(|claim| &claim.remote).map(|it| it.port).collect();
    assert_eq!(ports, [None]);
}

/// Where the reported page is, and what is only named beside it.
#[test]
fn the_address_beside_a_reported_link_serves_it() {
    let notice = read(
        "fraud@example.net",
        "Phishing URL still active",
        "A hacked website under your control is hosting a phishing website.\n\nhttps://login.example.org/one.html\n\n\
         IP: 192.0.2.79\n\nWe are requesting that you immediately investigate and suspend this content.\n",
    );
    assert_eq!(accused(&notice)[0], "192.0.2.79");
    let notice = read(
        "csirt@example.net",
        "Phishing report",
        "We detected a phishing website hosted at:\n\n\thttp://reward.example.org/b1.php\n\n\tHostname: \
         reward.example.org with IP: 192.0.2.80\n\nThe organization's legitimate website is:\n\n\t\
         http://www.bank.example.com/\n\nPlease shut down the phishing page.\n",
    );
    assert_eq!(accused(&notice), ["192.0.2.80", "reward.example.org"]);
}

/// A page without an address is named by its host.
#[test]
fn a_host_name_alone_is_named() {
    let listed = "We received a phishing report regarding:\n\nkeys.example.org\n\nReporter: Anonymous\nReported URLs:\n\n\
                  https://keys.example.org/\n\nWe have forwarded this complaint.\n";
    let notice = read("abuse@example.net", "phishing report", listed);
    assert_eq!(accused(&notice), ["keys.example.org"]);
    let french = "Bonjour,\n\nVous hébergez une page de phishing sur votre service. Merci de la retirer.\n";
    let notice =
        read("abuse@example.net", "Vous hébergez une page de phishing sur keys.example[.]org!", french);
    assert_eq!(accused(&notice), ["keys.example.org"]);
}

/// What a heading or a field settles is settled in rows, too.
#[test]
fn rows_that_are_done_with_accuse_nobody() {
    let csv = "In your network a database answers without credentials. Please restrict it (times in UTC).\n\n\
               \"time\",\"category\",\"ip\",\"port\",\"status\"\n\
               \"2026-11-09 19:40:02\",\"vulnerable\",\"192.0.2.81\",\"27017\",\"open\"\n\
               \"2026-11-09 19:41:17\",\"vulnerable\",\"192.0.2.82\",\"27017\",\"fixed\"\n";
    assert_eq!(accused(&read("cert@example.net", "Open services in your network", csv)), ["192.0.2.81"]);
    let annexes = "Systems of ours are in communication with a command & control server on an address of yours.\n\
                   Please take it down.\n\n        ANNEX A\n| C2 IP address | Port |\n+------+------+\n\
                   | 192.0.2.83 | 8443 |\n\n        ANNEX B   (victim systems, for information only)\n\
                   +--------+-------------+\n| S.No.  | IP address  |\n+--------+-------------+\n\
                   | 1      | 198.51.100.83 |\n";
    assert_eq!(accused(&read("desk@example.net", "Malicious beaconing", annexes)), ["192.0.2.83"]);
    let removed = "Your account hosts phishing. Please remove the content which is still reachable.\n\n\
                   Content which was still reachable at our last check:\n\n  Region: eu-west-1   Resource: \
                   i-0b71c5e8d2a94f603   (192.0.2.84)\n\nContent which you have already removed, so that no action is \
                   required on it:\n\n  Region: eu-west-1   Resource: i-09d4420fe1b7c8a35   (192.0.2.85)\n";
    assert_eq!(accused(&read("trust@example.net", "Abuse report: phishing", removed)), ["192.0.2.84"]);
}

/// "One of our servers was attacked from the following address" is about that address.
#[test]
fn a_list_of_those_from_whom_it_came_is_of_the_accused() {
    let notice = read(
        "soc@example.net",
        "Security incident",
        "One of our web servers was attacked using an exploit from the following IP address we were able to trace \
         back to your company:\n192.0.2.86 and 192.0.2.87\n\nIt appeared to hit the following IP addresses of ours:\n\n\
         198.51.100.98 or 203.0.113.98\n\nCan you please investigate?\n",
    );
    assert_eq!(accused(&notice), ["192.0.2.86", "192.0.2.87"]);
    let notice = read(
        "abuse@example.net",
        "Password guessing against our Zimbra from 192.0.2.88",
        "Below is from our log. Please make it stop.\n",
    );
    assert_eq!(accused(&notice), ["192.0.2.88"]);
}

/// Whom a web server turned away probed it.
#[test]
fn requests_that_a_web_server_refuses_are_an_attack() {
    let row = |path: &str| {
        format!(
            "192.0.2.89 - - [09/Nov/2026:13:30:26 +0000] \"GET {path} HTTP/1.1\" 404 4947 \"-\" \"curl/7.54.0\"\n"
        )
    };
    let log: String = ["/start.php", "/home.pl", "/menu.cfm"].map(row).concat();
    let notice = read("me@example.net", "Please be mindful", &log);
    assert_eq!(
        (accused(&notice), activity(&notice)),
        (vec!["192.0.2.89".to_owned()], Activity::IntrusionAttempt)
    );
}

/// A report that its reader subscribed to is no answer to one of the reader's, and says on whose network they are.
#[test]
fn a_report_for_the_reader_accuses_what_is_the_readers() {
    let notice = read(
        "monitor@example.org",
        "Monitor report (11/08/2026 - 11/10/2026)",
        "To view your report in more detail, including more information on any of the listed IPs, please visit your \
         online report at:\n\nhttp://www.example.org/report\n\nThe report summarizes the IPs you currently are \
         monitoring. If you have changed your settings during the period then the report will reflect the settings at \
         its end. This email was generated by an account held by noc@example.com.\n\nIPs Monitored: 15,616\n\nIPs \
         Engaged In Harvesting On Your Network:\n\n192.0.2.90 (H)\n  - Mon, 9 Nov 2026 11:00AM PDT\n\nIPs Engaged In \
         Dictionary Attacks On Your Network:\n\n192.0.2.91 (D)\n  - Mon, 9 Nov 2026 10:00AM PDT\n",
    );
    assert_eq!(accused(&notice), ["192.0.2.90", "192.0.2.91"]);
}

/// What a search for one address left over of another accuses it of nothing.
#[test]
fn a_single_row_of_another_is_left_over() {
    let row = |clock: &str, ip: &str| {
        format!("Nov 10 {clock} host.example.net sshd[123]: Invalid user test from {ip} port 41001\n")
    };
    let rows = [
        ("10:38:31", "192.0.2.92"),
        ("10:39:31", "192.0.2.92"),
        ("10:40:31", "192.0.2.92"),
        ("10:41:31", "198.51.100.20"),
    ];
    let rows: String = rows.map(|(clock, ip)| row(clock, ip)).concat();
    let notice = read(
        "abuse@example.net",
        "Abuse from 192.0.2.92",
        &format!(
            "We have detected abuse from the IP address 192.0.2.92, which is on your network.\n\n{rows}"
        ),
    );
    assert_eq!(accused(&notice), ["192.0.2.92"]);
}

/// Each host of a table has its own time, also where that has no year.
#[test]
fn every_row_of_a_table_has_its_own_time() {
    let notice = read(
        "ddos@example.net",
        "DDoS from your IPs",
        "Your participating machines are listed below, along with the time they were most recently seen (UTC).\n\n\
         +************+***************+\n| source_ip  | last_seen_utc |\n+************+***************+\n\
         | 192.0.2.93 | 10/31 23:26   |\n| 192.0.2.94 | 10/31 19:20   |\n",
    );
    let told: Vec<_> = notice.claims.iter().filter_map(|claim| claim.window.clone()).collect();
    let told: Vec<String> = told.iter().map(|window| window.from.to_string()).collect();
    assert_eq!(told, ["2026-10-31T23:26:00Z", "2026-10-31T19:20:00Z"]);
}

/// A list of infected hosts names whom they spoke to as "remote".
#[test]
fn what_infected_hosts_spoke_to_is_no_accused() {
    let notice = read(
        "cert@example.net",
        "Infected hosts in your network",
        "Please clean the infected hosts in your network; what they spoke to is a sinkhole (times are UTC).\n\n\
         ip,asn,lastseen,botname,remote_ip,remote_port,local_port\n\
         192.0.2.95,64496,1794312000,andromeda,198.51.100.192,80,32308\n\
         192.0.2.96,64496,1794312060,andromeda,198.51.100.192,80,8933\n",
    );
    assert_eq!(accused(&notice), ["192.0.2.95", "192.0.2.96"]);
    assert_eq!(activity(&notice), Activity::CommandAndControl);
    assert_eq!(notice.claims[0].remote[0].address.to_string(), "198.51.100.192");
}

/// The words for what was done, as administrators use them.
#[test]
fn deeds_are_called_by_many_names() {
    for (words, expect) in [
        ("I see SQL attacks from 192.0.2.97 on my shop.", Activity::IntrusionAttempt),
        ("We detected unauthorized scanning packets from 192.0.2.97.", Activity::PortScan),
        ("192.0.2.97 talks to our sinkhole and is infected with Emotet.", Activity::CommandAndControl),
        ("192.0.2.97 is probing my website for vulnerabilities.", Activity::IntrusionAttempt),
    ] {
        assert_eq!(activity(&read("me@example.net", "Abuse report", words)), expect, "{words}");
    }
}
