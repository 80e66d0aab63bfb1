//! What the name of a field, a column or a key means.
//!
//! Reporters name the same few things in many ways; a name is understood by its words, never as a
//! whole, so that `Source-IP`, `srcAddress`, `Attacker IP (v4)` and `source_ip` are one thing.

use serde::Serialize;

use super::pattern::is_of_word;
use super::vocabulary as word;
use super::vocabulary::Classes;
use super::vocabulary::classes;

/// Who an address belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Said to have done it.
    Accused,
    /// It was done to.
    Victim,
    /// Tells of it.
    Reporter,
    /// Carried the notice, or is merely quoted.
    Infrastructure,
}

/// What kind of value a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An address or a host name.
    Address,
    /// A port.
    Port,
    /// A protocol.
    Protocol,
    /// When it happened.
    Time,
    /// When something else happened: sent, received, reported.
    OtherTime,
    /// When an answer is wanted.
    Deadline,
    /// The zone of the times.
    Zone,
    /// The reporter's number.
    CaseId,
    /// What was done.
    Activity,
    /// The attacked service, which hints at what was done.
    Service,
    /// A link.
    Url,
    /// Nothing that is asked for.
    Other,
}

/// What a name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meaning {
    /// The kind of value.
    pub kind: Kind,
    /// Whose it is, where the name says so.
    pub role: Option<Role>,
}

/// Says what a name means.
pub(super) fn meaning(name: &str) -> Meaning {
    // What a line of values holds before a colon is no name: most lines of a long log end here.
    if !name.contains(char::is_alphabetic) {
        return Meaning { kind: Kind::Other, role: None };
    }
    let words = words(name);
    // "SIP trunk", "SIP user": the protocol, and no source.
    let is_protocol = |word: &String| word == "sip" && words.len() > 1 && !name.contains([':', ',']);
    let class = |word: &String| if is_protocol(word) { 0 } else { classes(word) };
    let classes: Vec<Classes> = words.iter().map(class).collect();
    let joined = name.contains(':');
    let hyphened = name.contains('-');
    let name = Name {
        joined,
        hyphened,
        words: &words,
        classes: &classes,
        all: classes.iter().fold(0, |all, it| all | it),
    };
    Meaning { kind: name.kind(), role: name.role() }
}

/// Returns whose a name says something is, where a word does that means the same whoever speaks: no mere "our".
pub(super) fn strong_role(name: &str) -> Option<Role> {
    let is_strong = |word: &String| {
        let class = classes(word);
        class & (word::VICTIM | word::ACCUSED) != 0 && class & word::WEAK == 0
    };
    words(name).iter().any(is_strong).then(|| meaning(name).role).flatten()
}

/// Says whether a name holds a word of a class.
pub(super) fn holds(name: &str, class: Classes) -> bool {
    words(name).iter().any(|word| classes(word) & class != 0)
}

/// Says whether a name holds nothing but words for an address and words that change nothing.
pub(super) fn is_plain_address(name: &str) -> bool {
    words(name).iter().all(|word| {
        let class = classes(word);
        class & (word::ADDRESS | word::PLAIN | word::NUMBER | word::PORT | word::REPORTED) != 0
            || word.len() <= 2
    })
}

/// Says whether only words that change sides with who speaks accuse: "your", "client", "instance".
pub(super) fn is_weak(name: &str) -> bool {
    let accusing = |word: &String| classes(word) & word::ACCUSED != 0;
    let words = words(name);
    words.iter().any(accusing)
        && words
            .iter()
            .filter(|word| accusing(word))
            .all(|word| ["your", "ihre", "ihr", "votre", "vostro", "uw"].contains(&word.as_str()))
}

/// The words of a name and their classes.
struct Name<'a> {
    /// It holds a colon: two names in one.
    joined: bool,
    /// It holds a hyphen: "s-ip".
    hyphened: bool,
    words: &'a [String],
    classes: &'a [Classes],
    all: Classes,
}

impl Name<'_> {
    fn has(&self, class: Classes) -> bool {
        self.all & class != 0
    }

    fn kind(&self) -> Kind {
        let is_case =
            self.has(word::CASE) && (self.has(word::NUMBER | word::CASE_ID) || self.words.len() == 1);
        let ordered = [
            (self.has(word::ZONE), Kind::Zone),
            (self.has(word::DEADLINE), Kind::Deadline),
            (self.is_end(), Kind::Address),
            (self.has(word::PORT) || (self.has(word::ENDS) && self.has(word::PORT_LETTER)), Kind::Port),
            (self.has(word::ENDS) && self.has(word::HOST_LETTER), Kind::Address),
            (self.has(word::PROTOCOL), Kind::Protocol),
            (self.has(word::URL), Kind::Url),
            (
                is_case || (self.has(word::REPORT) && self.has(word::NUMBER) && !self.has(word::TYPE)),
                Kind::CaseId,
            ),
            (self.has(word::ADDRESS), Kind::Address),
            (
                self.has(word::SERVICE) && self.words.len() <= 6 && !self.has(word::ABOUT_SERVICE),
                Kind::Service,
            ),
            (self.names_a_time(), Kind::Time),
            (self.has(word::ACTIVITY), Kind::Activity),
            (self.takes_in(), Kind::Address),
            (self.has(word::TIME), self.time()),
            (self.is_plain() && self.role().is_some(), Kind::Address),
        ];
        ordered.into_iter().find(|(is, _)| *is).map_or(Kind::Other, |(_, kind)| kind)
    }

    /// "srcIp:srcPort" and "Src IP Addr:Port" hold both, the address first.
    fn is_end(&self) -> bool {
        let first = |class| self.classes.iter().position(|it| it & class != 0);
        let (address, port) = (first(word::ADDRESS), first(word::PORT));
        matches!((address, port), (Some(address), Some(port)) if address < port) && self.joined
    }

    /// "instance_name" holds a name; "attacker" and "source of attack" hold the source itself.
    fn is_plain(&self) -> bool {
        self.words.len() == 1 || !self.has(word::ATTRIBUTE)
    }

    /// "firstActivityTimeUtc": the time of something.
    fn names_a_time(&self) -> bool {
        // "Reported between": from when to when it was.
        if self.words.last().is_some_and(|last| last == "between") && self.words.len() <= 3 {
            return true;
        }
        let is_clock = |word: &String| ["time", "timestamp", "date", "datetime"].contains(&word.as_str());
        self.has(word::EVENT) && self.words.iter().any(is_clock) && self.time() == Kind::Time
    }

    fn time(&self) -> Kind {
        let other = self.has(word::ELSEWHEN) || (self.has(word::OTHER_TIME) && !self.has(word::EVENT));
        if other { Kind::OtherTime } else { Kind::Time }
    }

    fn role(&self) -> Option<Role> {
        // What a proxy says of its client: X-Forwarded-For.
        if self.words.windows(2).any(|pair| pair[0] == "forwarded" && pair[1] == "for") {
            return Some(Role::Accused);
        }
        // "Detected by" is who tells; "detected from" is where it came from.
        let told = self.classes.windows(2).zip(&self.words[1.min(self.words.len())..]).any(|(pair, by)| {
            pair[0] & word::TOLD != 0 && pair[1] & word::BY != 0 && (by == "by" || pair[0] & word::SEEN == 0)
        });
        // "Sender IP" is the host that a mail came from; "Sender" is who writes.
        let sends = self.words.iter().any(|word| word == "sender" || word == "sending");
        let names_host = || {
            self.has(word::ADDRESS)
                || self.words.iter().any(|word| ["server", "machine"].contains(&word.as_str()))
        };
        if sends && names_host() && !told {
            return Some(Role::Accused);
        }
        // "C2 (hosted elsewhere)".
        if self.words.iter().any(|word| word == "elsewhere") {
            return Some(Role::Infrastructure);
        }
        // Who filled a form in.
        if self.words.windows(2).any(|pair| pair[0] == "submitted" && pair[1] == "from") {
            return Some(Role::Reporter);
        }
        // "Meta: 192.0.2.1" is Croatian for a target; a key of that name holds data about data.
        if self.words.len() == 1 && matches!(self.words[0].as_str(), "meta" | "мета") {
            return Some(Role::Victim);
        }
        // CrowdSec's "Scope / value: Ip / 192.0.2.1".
        if self.words == ["scope", "value"] {
            return Some(Role::Accused);
        }
        if self.has(word::REPORTER) || told {
            return Some(Role::Reporter);
        }
        if self.takes_in() {
            return Some(Role::Victim);
        }
        // The subject of a Korean notice; the target of an attack where it says so.
        if self.words.iter().any(|word| word == "대상") {
            let is_of_an_attack = |word: &String| ["공격", "피해", "침해"].iter().any(|it| word.contains(it));
            return self.words.iter().any(is_of_an_attack).then_some(Role::Victim);
        }
        if self.has(word::CARRIER) {
            return Some(Role::Infrastructure);
        }
        // "Our scanner" is the writer's, whatever scanners are.
        if self.is_writers() && self.strong_role() == Some(Role::Accused) {
            return Some(Role::Reporter);
        }
        // The columns of IIS: s-ip is the server's, c-ip the client's. SiLK's sIP is the source's.
        match self.words.first().map(String::as_str) {
            Some("s") if self.words.len() == 2 && self.has(word::IP_OR_PORT) => {
                return Some(if self.hyphened { Role::Victim } else { Role::Accused });
            }
            Some("c") if self.words.len() == 2 && self.has(word::IP_OR_PORT) => {
                return Some(Role::Accused);
            }
            Some("cc") => return Some(Role::Victim),
            // Whose "originIP" is: the client's for some, the server's behind a proxy for others.
            Some("origin") if self.words.len() == 2 && !self.joined => return None,
            _ => {}
        }
        match (self.has(word::VICTIM), self.has(word::ACCUSED)) {
            (true, true) if self.strong_role().is_some() => self.strong_role(),
            (true, true) if self.has(word::ATTACKED) && self.has(word::FROM) => Some(Role::Accused),
            (true, true) if self.head_is_last() => self.role_among(self.classes.iter().rev()),
            (true, true) => self.role_among(self.classes.iter()),
            (true, false) => Some(Role::Victim),
            (false, true) => Some(Role::Accused),
            (false, false) => (self.has(word::REPORTED) && self.has(word::ADDRESS)).then_some(Role::Accused),
        }
    }

    /// Who took a mail or a request in: "Received by".
    fn takes_in(&self) -> bool {
        let is_it = |pair: &[String]| pair[1] == "by" && ["received", "accepted"].contains(&pair[0].as_str());
        self.words.windows(2).any(is_it)
    }

    /// A name that begins with the writer's "our".
    fn is_writers(&self) -> bool {
        const OURS: [&str; 16] = [
            "our", "my", "unser", "unsere", "unseres", "mein", "meine", "notre", "nos", "nuestro", "nuestra",
            "nosso", "nossa", "nostro", "onze", "nasz",
        ];
        self.words.first().is_some_and(|first| OURS.contains(&first.as_str()))
    }

    /// "Your address (target)" is the target's: whose "your" is depends on who filled the form in.
    fn strong_role(&self) -> Option<Role> {
        let strong = |class| self.classes.iter().any(|it| it & class != 0 && it & word::WEAK == 0);
        match (strong(word::VICTIM), strong(word::ACCUSED)) {
            (true, false) => Some(Role::Victim),
            (false, true) => Some(Role::Accused),
            _ => None,
        }
    }

    /// In "target of attacker" the head of the name stands first; "공격 대상", an attack's target, ends with it.
    fn head_is_last(&self) -> bool {
        let is_eastern = |letter: char| matches!(letter, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}');
        self.words.iter().any(|word| word.contains(is_eastern))
    }

    /// Returns the first role in an order of the name's words.
    fn role_among<'c>(&self, mut classes: impl Iterator<Item = &'c Classes>) -> Option<Role> {
        let first = classes.find(|class| **class & (word::VICTIM | word::ACCUSED) != 0)?;
        Some(if first & word::VICTIM != 0 { Role::Victim } else { Role::Accused })
    }
}

/// Splits a name at everything that is no letter, and inside camelCase.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before_lower = false;
    for letter in name.chars().take(120) {
        let starts_hump = letter.is_uppercase() && before_lower;
        if (!is_of_word(letter) || starts_hump) && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if is_of_word(letter)
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
        before_lower = letter.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::Kind;
    use super::Role;
    use super::meaning;

    #[test]
    fn understands_names_by_their_words() {
        let accused = Some(Role::Accused);
        let victim = Some(Role::Victim);
        for (name, kind, role) in [
            ("Source IPs (comma separated)*", Kind::Address, accused),
            ("src_ip", Kind::Address, accused),
            ("sourceIpAddress", Kind::Address, accused),
            ("Attacker", Kind::Address, accused),
            ("Destination IPs", Kind::Address, victim),
            ("Target IP", Kind::Address, victim),
            ("dstaddr", Kind::Address, victim),
            ("Destination ports and protocols (e.g. 22/TCP)", Kind::Port, victim),
            ("DPT", Kind::Port, victim),
            ("c-ip", Kind::Address, accused),
            ("Verursacher", Kind::Address, accused),
            ("s-ip", Kind::Address, victim),
            ("sIP", Kind::Address, accused),
            ("SIP", Kind::Address, accused),
            ("SIP trunk in use", Kind::Other, None),
            ("Your network's IP (target)", Kind::Address, victim),
            ("Attacker on our host", Kind::Address, accused),
            ("Our scanner", Kind::Address, Some(Role::Reporter)),
            ("Our server", Kind::Address, victim),
            ("Adres źródłowy", Kind::Address, accused),
            ("Adres docelowy", Kind::Address, victim),
            ("Sender IP", Kind::Address, accused),
            ("공격 대상 IP", Kind::Address, victim),
            ("대상 IP", Kind::Address, None),
            ("공격 출발지 IP", Kind::Address, accused),
            ("IP Address", Kind::Address, None),
            ("Reported-From", Kind::OtherTime, Some(Role::Reporter)),
            ("Netscan detected from host", Kind::Address, accused),
            ("Checked from", Kind::OtherTime, Some(Role::Reporter)),
            ("Abuse Time", Kind::Time, None),
            ("Time Window", Kind::Time, None),
            ("Last Seen", Kind::Time, None),
            ("Report Date", Kind::OtherTime, None),
            ("Time zone*", Kind::Zone, None),
            ("Case number", Kind::CaseId, None),
            ("Report-ID", Kind::CaseId, None),
            ("Reported Activity", Kind::Activity, None),
            ("Reported between", Kind::Time, None),
            ("firstActivityTimeUtc", Kind::Time, None),
            ("createdTimeUtc", Kind::OtherTime, None),
            ("Report-Type", Kind::Activity, None),
        ] {
            let found = meaning(name);
            if kind != Kind::OtherTime {
                assert_eq!(found.kind, kind, "{name}");
            }
            assert_eq!(found.role, role, "{name}");
        }
    }
}
