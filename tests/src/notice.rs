//! The abuse notice that the victim's complaint becomes: a raw mail as AWS sends it. Pure.
//!
//! It names the public address and no instance id, as a complaint by a stranger does; its log
//! lines are the victim's own.

use std::fmt::Write;
use std::net::Ipv4Addr;

use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// The case number in the mail.
pub const CASE: &str = "19234567890-1";
/// Log lines that a mail quotes.
const QUOTED_MAX: usize = 12;

/// One packet as the victim logged it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// `2026-11-21 18:53:54.548208`, UTC.
    pub time: String,
    /// Sender, with a port where there is one.
    pub from: String,
    /// Receiver, likewise.
    pub to: String,
    /// `TCP` or `UDP`.
    pub protocol: &'static str,
}

/// Reads one line of `tcpdump -n -tttt`; none where it is no TCP or UDP packet.
pub fn packet(line: &str) -> Option<Packet> {
    let (time, rest) = line.split_once(" IP ")?;
    let (from, rest) = rest.split_once(" > ")?;
    let (to, what) = rest.split_once(": ")?;
    let endpoint = |text: &str| {
        let (address, port) = text.rsplit_once('.')?;
        address.parse::<Ipv4Addr>().is_ok().then(|| format!("{address}:{port}"))
    };
    let protocol = if what.starts_with("Flags [") { "TCP" } else { "UDP" };
    Some(Packet { time: time.to_owned(), from: endpoint(from)?, to: endpoint(to)?, protocol })
}

/// The mail of a case number. `packets` are quoted evenly from first to last; `victim` replaces their receiver's
/// address, so that a complaint can also be wrong.
pub fn mail(
    case: &str,
    account: &str,
    accused: Ipv4Addr,
    victim: Ipv4Addr,
    packets: &[Packet],
    sent: Timestamp,
) -> String {
    let mut log = String::new();
    let last = packets.len().saturating_sub(1);
    let quoted = packets.len().min(QUOTED_MAX);
    for nth in 0..quoted {
        let packet = &packets[nth * last / quoted.saturating_sub(1).max(1)];
        let port = packet.to.rsplit(':').next().unwrap_or_default();
        let time = packet.time.replacen(' ', "T", 1);
        let (from, protocol) = (&packet.from, packet.protocol);
        let _ = writeln!(log, "{time}Z {protocol} {from} -> {victim}:{port}\r");
    }
    let named = |packet: Option<&Packet>| {
        packet.map_or_else(String::new, |packet| format!("{} UTC", &packet.time[..19]))
    };
    let (first, last) = (named(packets.first()), named(packets.last()));
    let date = rfc2822::to_string(&sent.to_zoned(jiff::tz::TimeZone::UTC)).unwrap_or_default();
    let udp = packets.iter().filter(|packet| packet.protocol == "UDP").count();
    let protocol = if udp * 2 > packets.len() { "UDP" } else { "TCP" };
    format!(
        "Return-Path: <bounces@amazon.com>\r\n\
         From: Amazon EC2 Abuse <ec2-abuse@amazon.com>\r\n\
         To: aws-abuse@example.com\r\n\
         Subject: Your Amazon EC2 Abuse Report [{case}] [AWS ID {account}]\r\n\
         Date: {date}\r\n\
         Message-ID: <{case}@amazon.com>\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=UTF-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\
         \r\n\
         Hello,\r\n\
         \r\n\
         We've received a report(s) that your AWS resource(s)\r\n\
         \r\n\
         AWS ID: {account}    Region: us-east-1    IP Address: {accused}\r\n\
         \r\n\
         has been implicated in activity which resembles scanning remote hosts on the internet for security \
         vulnerabilities. Activity of this nature is forbidden in the AWS Acceptable Use Policy \
         (https://aws.amazon.com/aup/). We've included the original report below for your review.\r\n\
         \r\n\
         Please take action to stop the reported activity and reply directly to this email with details of the \
         corrective actions you have taken. If you do not consider the activity described in these reports to be \
         abusive, please reply to this email with details of your use case.\r\n\
         \r\n\
         Regards,\r\n\
         AWS Trust & Safety\r\n\
         \r\n\
         Case number: {case}\r\n\
         \r\n\
         ---Beginning of forwarded report(s)---\r\n\
         \r\n\
         * Log Extract:\r\n\
         <<<\r\n\
         Port scan ({protocol}) against {victim}\r\n\
         Source IP: {accused}\r\n\
         Destination IP: {victim}\r\n\
         First seen: {first}\r\n\
         Last seen: {last}\r\n\
         All times are UTC.\r\n\
         \r\n\
         {log}\
         >>>\r\n\
         \r\n\
         ---End of forwarded report(s)---\r\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_packet_log_are_read() {
        let tcp =
            "2026-11-21 18:46:36.433865 IP 192.0.2.10.45075 > 198.51.100.20.1043: Flags [S], seq 1, win 1024";
        let udp = "2026-11-21 18:53:54.548771 IP 192.0.2.10.44400 > 198.51.100.20.5060: SIP";
        let check = |line: &str, from: &str, to: &str, protocol: &str| {
            let packet = packet(line).expect("a packet");
            assert_eq!((packet.from.as_str(), packet.to.as_str(), packet.protocol), (from, to, protocol));
        };
        check(tcp, "192.0.2.10:45075", "198.51.100.20:1043", "TCP");
        check(udp, "192.0.2.10:44400", "198.51.100.20:5060", "UDP");
        assert_eq!(packet("listening on eth0"), None);
        assert_eq!(packet("2026-11-21 18:46:36.433865 IP 192.0.2.10 > 198.51.100.20: ICMP echo"), None);
    }

    #[test]
    fn a_mail_quotes_the_first_and_the_last_packet() {
        let packet = |number: usize| Packet {
            time: format!("2026-11-21 10:00:{:02}.000000", number % 60),
            from: "192.0.2.10:40000".to_owned(),
            to: format!("198.51.100.20:{number}"),
            protocol: "TCP",
        };
        let victim = Ipv4Addr::new(198, 51, 100, 99);
        for count in [0, 1, 5, 12, 50] {
            let packets: Vec<_> = (0..count).map(packet).collect();
            let mail = mail(
                CASE,
                "123456789012",
                Ipv4Addr::new(192, 0, 2, 10),
                victim,
                &packets,
                Timestamp::UNIX_EPOCH,
            );
            let quoted = mail.lines().filter(|line| line.contains(" -> ")).count();
            assert_eq!(quoted, count.min(12));
            assert!(mail.contains("\r\nDate: Thu, 1 Jan 1970 00:00:00 +0000\r\n"), "{mail}");
            if count > 0 {
                assert!(mail.contains("-> 198.51.100.99:0\r\n"));
                assert!(mail.contains(&format!("-> 198.51.100.99:{}\r\n", count - 1)));
            }
        }
    }
}
