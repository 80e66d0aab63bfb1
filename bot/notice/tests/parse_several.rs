//! Notices that name several that may be ours, of which not all are meant: rows that judge themselves, whom a letter speaks
//! of apart, whom only a word in passing accuses. Who is not told from the others for certain is not named.

use std::net::IpAddr;

use notice::Context;
use notice::claim::Disposition;
use notice::claim::Parsed;

const ONE: &str = "192.0.2.10";
const TWO: &str = "192.0.2.20";
const THREE: &str = "192.0.2.30";

fn mail(subject: &str, body: &str) -> String {
    format!(
        "From: noc@example.net\r\nTo: abuse@example.com\r\nSubject: {subject}\r\nDate: Tue, 10 Nov 2026 09:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n"
    )
}

fn parse(notice: &str, own: &[&str]) -> Parsed {
    let own = own.iter().map(|ip| ip.parse::<IpAddr>().expect("an address").into());
    notice::parse(notice.as_bytes(), &Context { own_addresses: own.collect(), ..Context::default() })
}

/// Whom a notice names, sorted, where these are ours.
fn accused(notice: &str, own: &[&str]) -> Vec<String> {
    let parsed = parse(notice, own);
    // Who names nobody is not closed either.
    assert_eq!(parsed.disposition, Disposition::Claims, "{notice}");
    let claims = parsed.claims.iter();
    let mut all: Vec<String> =
        claims.flat_map(|claim| claim.accused.addresses.iter().map(ToString::to_string)).collect();
    all.sort();
    all.dedup();
    all
}

fn check(notice: &str, expect: &[&str]) {
    assert_eq!(accused(notice, &[ONE, TWO, THREE]), expect, "{notice}");
}

#[test]
fn rows_that_say_that_they_are_ordinary_accuse_nobody() {
    let csv = format!(
        "Rows with the verdict ABUSE are our complaint.\r\n\r\nts_utc;src;dst;dport;sig;verdict\r\n\
2026-11-09T21:02:07Z;{TWO};198.51.100.5;443;out of state;FALSE_POSITIVE\r\n\
2026-11-09T21:10:31Z;{ONE};198.51.100.1;23;TELNET-SCAN;ABUSE\r\n\
2026-11-09T21:10:32Z;{ONE};198.51.100.2;23;TELNET-SCAN;ABUSE\r\n\
2026-11-09T21:11:50Z;{THREE};198.51.100.77;8443;self signed;INFO\r\n"
    );
    let keys = format!(
        "UDP flood against our member.\r\n\r\n\
flow.1 begin=2026-11-09T19:58:00Z src={ONE} dst=198.51.100.7 proto=17 class=ATTACK\r\n\
flow.2 begin=2026-11-09T19:58:00Z src=198.51.100.7 dst={TWO} dport=443 proto=6 class=NORMAL\r\n\
flow.3 begin=2026-11-09T19:58:00Z src={THREE} sport=53 dst=198.51.100.7 proto=17 class=NORMAL\r\n\
flow.4 begin=2026-11-09T19:58:00Z src={TWO} sport=443 dst=198.51.100.7 proto=6 class=NORMAL\r\n"
    );
    let log = format!(
        "REGISTER guessing, times UTC:\r\n\r\n\
2026-11-09T08:40:11 sbc2 kamailio[22]: NOTICE: auth fail REGISTER src={ONE}:5071 user=1000 code=401\r\n\
2026-11-09T08:40:12 sbc2 kamailio[22]: INFO: register ok src={TWO}:5060 user=main code=200\r\n\
2026-11-09T08:40:13 sbc2 kamailio[22]: NOTICE: auth fail REGISTER src={ONE}:5071 user=1001 code=401\r\n"
    );
    for body in [csv, keys, log] {
        check(&mail("Abuse from one of your hosts", &body), &[ONE]);
    }
}

/// Where all rows are judged alike, or the same host has rows that are not ordinary, the word clears nobody.
#[test]
fn a_verdict_that_tells_nobody_from_another_clears_nobody() {
    let row = |ip: &str, class: &str| {
        format!("begin=2026-11-09T19:58:00Z src={ip} dst=198.51.100.7 dport=22 class={class}\r\n")
    };
    let alike = format!("SSH scans from your hosts.\r\n\r\n{}{}", row(ONE, "NORMAL"), row(TWO, "NORMAL"));
    check(&mail("SSH scans", &alike), &[ONE, TWO]);
    let both = format!("SSH scans.\r\n\r\n{}{}", row(ONE, "ATTACK"), row(ONE, "NORMAL"));
    check(&mail("SSH scans", &both), &[ONE]);
}

#[test]
fn objects_that_are_marked_as_no_indicators_accuse_nobody() {
    let object = |ip: &str, ioc: bool, role: &str| {
        format!(
            r#"{{"dataType": "ip", "data": "{ip}", "ioc": {ioc}, "tags": ["role:{role}"], "startDate": "2026-11-09T02:04:10Z"}}"#
        )
    };
    let case = format!(
        r#"{{"title": "Credential stuffing", "createdAt": "2026-11-09T05:20:31Z", "observables": [{}, {}, {}]}}"#,
        object(TWO, false, "partner"),
        object(ONE, true, "source"),
        object(THREE, false, "callback")
    );
    let named = accused(&case, &[ONE, TWO, THREE]);
    assert!(named.iter().all(|it| it == ONE), "{named:?}");
}

#[test]
fn what_is_under_not_affected_is_not_accused() {
    let body = format!(
        "Subject    rsync (873/tcp) gives its modules to anybody without a password\r\nTested     2026-11-09 between 10:15 and 10:40 UTC\r\n\r\n\
AFFECTED - please act\r\n  host              port   modules seen\r\n  ----------------  -----  ----------------\r\n  {ONE}        873    backup, home\r\n\r\n\
NOT AFFECTED - for completeness, no action needed\r\n  host              port   result\r\n  ----------------  -----  ----------------\r\n  {TWO}        873    auth failed (password set)\r\n  {THREE}        873    public mirror\r\n"
    );
    check(&mail("rsync modules readable by anyone", &body), &[ONE]);
}

/// Rows of a log accuse whom its letter names as the culprit, and not whom it speaks of apart.
#[test]
fn whom_a_letter_speaks_of_apart_its_log_does_not_accuse() {
    let body = format!(
        "tonight 22:05 to 22:31 UTC our arena server 198.51.100.203 was flooded with udp, all of it from {ONE}\r\n\r\n\
pls dont nuke {TWO} while you are at it, that is the voice node we rent from you guys\r\n\r\n\
22:05:13.120044 IP {ONE}.40122 > 198.51.100.203.27015: UDP, length 1200\r\n\
22:05:13.120051 IP {ONE}.40122 > 198.51.100.203.27015: UDP, length 1200\r\n\
22:05:13.120466 IP {TWO}.50021 > 198.51.100.203.9987: UDP, length 88\r\n"
    );
    check(&mail("your box is hitting our server", &body), &[ONE]);
}

/// What is said of several apart, in words that nobody here can read, is for a person.
#[test]
fn sentences_that_are_not_understood_leave_it_open_whom_a_log_accuses() {
    let letter = |first: &str, second: &str| {
        format!(
            "{first}\r\n\r\n- {second}\r\n\r\n\
            {ONE} - - [07/Apr/2026:10:30:14 +0530] \"GET /opac/search?page=1 HTTP/1.1\" 200\r\n\
            {TWO} - - [07/Apr/2026:10:31:02 +0530] \"GET /robots.txt HTTP/1.1\" 200\r\n"
        )
    };
    let georgian = letter(
        &format!(
            "გაცნობებთ, რომ 7 აპრილს დილიდან შუადღემდე თქვენი მისამართიდან {ONE} ჩვენს პორტალზე მრავალი მოთხოვნა მოვიდა და პორტალი გაითიშა."
        ),
        &format!(
            "მისამართი {TWO} იმავე დღეს ჩანს ჩვენს ჟურნალში მაგრამ მან მხოლოდ ერთი ფაილი წაიკითხა და წავიდა."
        ),
    );
    check(&mail("crawling", &georgian), &[]);
    let hindi = letter(
        &format!(
            "7 अप्रैल 2026 को 10:30 से 14:00 बजे तक आपके पते {ONE} से\r\nहमारे पुस्तकालय पोर्टल पर बहुत अनुरोध आए और पोर्टल बंद हो गया।"
        ),
        &format!("{TWO} भी उसी दिन लॉग में है, पर वह केवल एक फ़ाइल पढ़कर चला गया।"),
    );
    check(&mail("crawling", &hindi), &[ONE]);
}

#[test]
fn a_word_in_passing_tells_none_of_several_from_the_others() {
    let harmless = format!(
        "Early today we got a note from {TWO}, a sensor that one of your customers runs.\r\nThe scanner {ONE} then walked over our 198.51.100.0/22, ports 22 and 2222, from 03:12 until 04:44 UTC on 9 November 2026.\r\nPlease stop the scanner {ONE}.\r\n"
    );
    let named = accused(&mail("scans from your net", &harmless), &[ONE, TWO, THREE]);
    assert!(!named.contains(&TWO.to_owned()), "{named:?}");
    // What is said alike of all of ours is said of all.
    let both = format!(
        "At 2026-11-09 08:00 UTC these attacked our SSH server with guessed passwords:\r\n\r\n{ONE}\r\n{TWO}\r\n\r\nPlease stop them."
    );
    check(&mail("SSH attacks", &both), &[ONE, TWO]);
}

/// Who confesses lists those that it attacked.
#[test]
fn a_list_of_ours_of_which_nothing_is_said_accuses_none() {
    let body = format!(
        "a virtual server at our company, 198.51.100.44, was taken over and used for SSH password guessing until 9 November 2026, 11:32 UTC.\r\n\r\nIts target list was still on the disk. These of your addresses are on it:\r\n\r\n    {ONE}    22/tcp\r\n    {TWO}    22/tcp\r\n    {THREE}    22,2222\r\n"
    );
    let notice = mail("Customer server of ours attacked you - terminated", &body);
    let parsed = parse(&notice, &[ONE, TWO, THREE]);
    assert!(parsed.claims.iter().all(|claim| claim.accused.addresses.is_empty()), "{parsed:#?}");
}

#[test]
fn who_answers_our_complaint_or_ends_a_case_accuses_nobody_by_its_prose() {
    let answer = format!(
        "You complained on 3 November that our census probes looked like port scanning.\r\nThese are on our exclusion list from today, 10:00 UTC:\r\n\r\n  - 192.0.2.0/24 (the probe of {ONE} that set off your alarm was the last one)\r\n  - {TWO}\r\n\r\nOur probes come from 198.51.100.75.\r\n"
    );
    let end = format!(
        "Ett sista besked om attacken mot oss (198.51.100.20) i måndags. Vi trodde först att den kom från {ONE} och {TWO} hos er.\r\nNi behöver inte göra något mer. Tack för hjälpen.\r\n"
    );
    for (subject, body) in [("Your opt-out request is in force", answer), ("Ärende 7719 avslutat", end)] {
        let parsed = parse(&mail(subject, &body), &[ONE, TWO]);
        assert!(parsed.claims.iter().all(|claim| claim.accused.addresses.is_empty()), "{parsed:#?}");
    }
}

#[test]
fn the_columns_of_silk_and_of_a_mail_filter_say_who_sent() {
    let silk = format!(
        "horizontal scanning for telnet, all times UTC:\r\n\r\n            sIP|            dIP|sPort|dPort|pro|   packets|                  sTime|\r\n  {ONE}|    198.51.100.4|52117| 2323|  6|         1|2026/11/09T13:02:00.000|\r\n  {ONE}|    198.51.100.9|52117|   23|  6|         1|2026/11/09T13:09:13.091|\r\n"
    );
    assert_eq!(accused(&mail("Scan activity", &silk), &[]), [ONE]);
    let held = format!(
        "Spam that you sent us was held.\r\n\r\nTime\tClass\tSending server\tReceived by\r\n2026-11-09 07:02\tPhishing\t{ONE}\t198.51.100.40\r\n2026-11-09 09:44\tPhishing\t{ONE}\t198.51.100.41\r\n"
    );
    assert_eq!(accused(&mail("Phishing from your server", &held), &[]), [ONE]);
}

/// What an analyst remarks in a table is not all understood: who may be spoken up for is not named.
#[test]
fn remarks_in_a_table_that_may_speak_up_leave_it_open() {
    let body = format!(
        "we retest hosts that were once seen as UDP amplifiers (all probes on 9 November 2026, times UTC):\r\n\r\n\
ip             | service    | port | retest time | result\r\n\
---------------+------------+------+-------------+----------------\r\n\
{TWO}     | memcached  | 11211| 04:10:22    | refused, now fixed - thank you\r\n\
{ONE}     | memcached  | 11211| 04:10:25    | OPEN, answers to anyone\r\n\
{THREE}     | ntp        | 123  | 04:11:40    | correct setup of its owner\r\n"
    );
    check(&mail("Open amplifiers in your network", &body), &[ONE]);
}

#[test]
fn all_of_a_list_that_is_complained_of_are_meant() {
    let sentence = format!(
        "Between 06:30 and 10:50 UTC this morning (9 November 2026) our mail exchanger at 198.51.100.14 received about 24,000 advertisements from\r\n{ONE}, {TWO} and {THREE}, all of which are yours.\r\n\r\nPlease stop them.\r\n"
    );
    let russian = format!(
        "Здравствуйте!\r\n\r\n9 ноября 2026 года с трёх адресов вашей сети велось сканирование портов наших абонентов (сеть 198.51.100.0/24). Время UTC.\r\n\r\n\
Источник         Начало    Конец     Порты\r\n{ONE}       06:02:15  07:41:50  22, 23\r\n{TWO}       06:02:18  07:41:44  3389\r\n{THREE}       06:05:40  07:39:02  445\r\n\r\nПросим принять меры.\r\n"
    );
    for (subject, body) in [("your hosts are sending spam", sentence), ("Сканирование из сети", russian)]
    {
        check(&mail(subject, &body), &[ONE, TWO, THREE]);
    }
}
