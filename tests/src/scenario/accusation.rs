//! What a stranger writes of what reached him: the mail that the provider forwards. Pure.

use std::fmt::Write;
use std::net::Ipv4Addr;

use jiff::SignedDuration;
use jiff::Timestamp;
use jiff::ToSpan;
use jiff::fmt::rfc2822;

use crate::lab::INSTANCE_PUBLIC;
use crate::notice::Packet;

/// Log lines that a mail quotes.
const QUOTED_MAX: usize = 12;
/// Accounts are documentation's.
const ACCOUNT: &str = "111122223333";

/// An accusation of the instance's public address.
#[derive(Debug, Clone)]
pub struct Accusation {
    /// What the provider says that it resembles.
    pub resembles: &'static str,
    /// Whom it names as the victim.
    pub victim: Ipv4Addr,
    /// What the victim logged, oldest first.
    pub packets: Vec<Packet>,
    /// How far the victim's clock is ahead of the truth.
    pub clock: SignedDuration,
}

impl Accusation {
    /// When the first packet reached the victim, by the true clock.
    ///
    /// # Errors
    /// When there is none, or its time cannot be read.
    pub fn first(&self) -> anyhow::Result<Timestamp> {
        let packet = self.packets.first().ok_or_else(|| anyhow::anyhow!("nothing reached the victim"))?;
        Ok(format!("{}Z", packet.time.replacen(' ', "T", 1)).parse()?)
    }

    /// The mail, with every time moved by `shift`.
    ///
    /// # Errors
    /// When a packet's time cannot be read.
    pub fn mail(&self, shift: SignedDuration) -> anyhow::Result<String> {
        let time = |packet: &Packet| -> anyhow::Result<Timestamp> {
            let true_time: Timestamp = format!("{}Z", packet.time.replacen(' ', "T", 1)).parse()?;
            Ok(true_time.checked_add(shift)?.checked_add(self.clock)?)
        };
        let last = self.packets.len().saturating_sub(1);
        let quoted = self.packets.len().min(QUOTED_MAX);
        let mut log = String::new();
        for nth in 0..quoted {
            let packet = &self.packets[nth * last / quoted.saturating_sub(1).max(1)];
            let at = time(packet)?.strftime("%Y-%m-%dT%H:%M:%S%.6fZ");
            let _ = writeln!(log, "{at} {} {} -> {}\r", packet.protocol, packet.from, packet.to);
        }
        let (first, last) = (time(&self.packets[0])?, time(&self.packets[last])?);
        let date = rfc2822::to_string(&(last + 30.minutes()).to_zoned(jiff::tz::TimeZone::UTC))?;
        let shown = |time: Timestamp| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
        let number = first.as_second();
        Ok(format!(
            "Return-Path: <bounces@amazon.com>\r\n\
             From: Amazon EC2 Abuse <ec2-abuse@amazon.com>\r\n\
             To: aws-abuse@example.com\r\n\
             Subject: Your Amazon EC2 Abuse Report [{number}-1] [AWS ID {ACCOUNT}]\r\n\
             Date: {date}\r\n\
             Message-ID: <{number}-1@amazon.com>\r\n\
             MIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=UTF-8\r\n\
             \r\n\
             Hello,\r\n\
             \r\n\
             We've received a report(s) that your AWS resource(s)\r\n\
             \r\n\
             AWS ID: {ACCOUNT}    Region: us-east-1    IP Address: {INSTANCE_PUBLIC}\r\n\
             \r\n\
             has been implicated in activity which resembles {}. Activity of this nature is forbidden in the AWS \
             Acceptable Use Policy (https://aws.amazon.com/aup/). We've included the original report below for your \
             review.\r\n\
             \r\n\
             Regards,\r\n\
             AWS Trust & Safety\r\n\
             \r\n\
             Case number: {number}-1\r\n\
             \r\n\
             ---Beginning of forwarded report(s)---\r\n\
             \r\n\
             * Log Extract:\r\n\
             <<<\r\n\
             Source IP: {INSTANCE_PUBLIC}\r\n\
             Destination IP: {}\r\n\
             First seen: {}\r\n\
             Last seen: {}\r\n\
             All times are UTC.\r\n\
             \r\n\
             {log}\
             >>>\r\n\
             \r\n\
             ---End of forwarded report(s)---\r\n",
            self.resembles,
            self.victim,
            shown(first),
            shown(last),
        ))
    }
}
