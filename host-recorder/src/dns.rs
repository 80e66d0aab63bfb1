//! What a DNS message says (RFC 1035). Pure. Messages come from anybody, and may be cut off.

use history::Dns;
use simple_dns::Packet;
use simple_dns::rdata::RData;

/// Answers kept of one message.
const ANSWERS_MAX: usize = 64;

/// Reads a message: its first question and what it answers. None where it is no message with a question.
///
/// Of a message that is cut off, or that holds records which cannot be read, the question is still told.
pub fn parse(message: &[u8]) -> Option<Dns> {
    match Packet::parse(message) {
        Ok(packet) => of_packet(&packet),
        Err(_) => question_only(message),
    }
}

/// The message that a segment of a connection begins: behind its length, which goes before each message. None where the
/// segment goes on with one that began before.
pub fn begun_by_segment(segment: &[u8]) -> Option<&[u8]> {
    let (length, rest) = segment.split_first_chunk()?;
    let length = usize::from(u16::from_be_bytes(*length));
    let message = rest.get(..length).unwrap_or(rest);
    // An ordinary query or its answer, with one question: hardly by chance.
    let is_begun = message.len() >= 12 && message[2] & 0x78 == 0 && message[4..6] == [0, 1];
    is_begun.then_some(message)
}

fn of_packet(packet: &Packet<'_>) -> Option<Dns> {
    let question = packet.questions.first()?;
    let mut dns = Dns {
        answer: packet.has_flags(simple_dns::PacketFlag::RESPONSE),
        name: name(&question.qname),
        kind: question.qtype.into(),
        code: code(packet),
        ..Dns::default()
    };
    for answer in packet.answers.iter().take(ANSWERS_MAX) {
        match &answer.rdata {
            RData::A(a) => dns.addresses.push(std::net::Ipv4Addr::from(a.address).into()),
            RData::AAAA(aaaa) => dns.addresses.push(std::net::Ipv6Addr::from(aaaa.address).into()),
            RData::CNAME(to) => dns.names.push(name(&to.0)),
            RData::PTR(to) => dns.names.push(name(&to.0)),
            RData::NS(to) => dns.names.push(name(&to.0)),
            RData::MX(to) => dns.names.push(name(&to.exchange)),
            RData::SRV(to) => dns.names.push(name(&to.target)),
            _ => {}
        }
    }
    Some(dns)
}

fn code(packet: &Packet<'_>) -> u8 {
    packet.rcode() as u8
}

fn name(name: &simple_dns::Name<'_>) -> String {
    name.to_string().to_ascii_lowercase()
}

/// The question of a message whose rest cannot be read: the same message without its other records.
fn question_only(message: &[u8]) -> Option<Dns> {
    let mut end = 12;
    let questions = u16::from_be_bytes([*message.get(4)?, *message.get(5)?]);
    if questions == 0 {
        return None;
    }
    // Labels, each behind its length; a question's name is never compressed.
    loop {
        let length = usize::from(*message.get(end)?);
        end += 1 + length;
        match length {
            0 => break,
            1..64 if end < 12 + 255 => {}
            _ => return None,
        }
    }
    let mut alone = message.get(..end + 4)?.to_vec();
    alone[4..12].copy_from_slice(&[0, 1, 0, 0, 0, 0, 0, 0]);
    of_packet(&Packet::parse(&alone).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use simple_dns::CLASS;
    use simple_dns::Name;
    use simple_dns::PacketFlag;
    use simple_dns::QCLASS;
    use simple_dns::QTYPE;
    use simple_dns::Question;
    use simple_dns::ResourceRecord;
    use simple_dns::TYPE;
    use simple_dns::rdata::A;
    use simple_dns::rdata::CNAME;

    fn answer() -> Vec<u8> {
        let mut packet = Packet::new_reply(7);
        packet.set_flags(PacketFlag::RESPONSE);
        let asked = Name::new_unchecked("WWW.Example.com");
        let real = Name::new_unchecked("web.example.net");
        packet.questions.push(Question::new(
            asked.clone(),
            QTYPE::TYPE(TYPE::A),
            QCLASS::CLASS(CLASS::IN),
            false,
        ));
        let cname = RData::CNAME(CNAME(real.clone()));
        packet.answers.push(ResourceRecord::new(asked, CLASS::IN, 60, cname));
        let a = RData::A(A { address: 0xcb00_7107 });
        packet.answers.push(ResourceRecord::new(real, CLASS::IN, 60, a));
        packet.build_bytes_vec_compressed().unwrap()
    }

    #[test]
    fn an_answer_is_read() {
        let dns = parse(&answer()).unwrap();
        assert!(dns.answer);
        assert_eq!((dns.name.as_str(), dns.kind, dns.code), ("www.example.com", 1, 0));
        assert_eq!(dns.addresses, ["203.0.113.7".parse::<std::net::IpAddr>().unwrap()]);
        assert_eq!(dns.names, ["web.example.net"]);
    }

    #[test]
    fn a_message_that_is_cut_off_still_tells_what_was_asked() {
        let whole = answer();
        for end in 0..whole.len() {
            match parse(&whole[..end]) {
                Some(dns) => assert_eq!(dns.name, "www.example.com", "cut at {end}"),
                None => assert!(end < 12 + 17 + 4, "cut at {end}"),
            }
        }
    }

    #[test]
    fn noise_is_no_message() {
        assert_eq!(parse(b""), None);
        assert_eq!(parse(&[0; 12]), None);
        assert_eq!(parse(&[255; 600]), None);
        // A name that points to itself.
        assert_eq!(parse(&[0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1]), None);
    }
}
