//! What the name of a field, a column or a key means.
//!
//! Reporters name the same few things in many ways; a name is understood by its words, never as a
//! whole, so that `Source-IP`, `srcAddress`, `Attacker IP (v4)` and `source_ip` are one thing.

use serde::Serialize;

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

const VICTIM: &str = "resp ziel zielip opfer destino destinazione cible victime doel dest dst destination destinations target targets targeted victim victims attacked daddr \
    dip dstip destip dstaddr lip honeypot sensor our my local dport dpt destinationip \
    targetip";
const ACCUSED: &str = "orig quelle quell quellip angreifer origen origem sorgente attaquant bron aanvaller source sources src saddr sip srcip sourceip srcaddr attacker attackers attacking \
    offender offending abuser abusive abusing origin originating culprit intruder infected \
    bot drone suspect rhost rip scanner perpetrator hostile malicious compromised client \
    spammer your instance from hacker zombie resource sport spt infringing remote attackerip \
    clientip";
/// Parts of words in scripts without blanks, and in Russian and Korean.
const VICTIM_PARTS: &str = "目的 目标 宛先 被害 受害 피해 목적지 назначен получател жертв";
const ACCUSED_PARTS: &str =
    "源ip 源地址 攻击 攻擊 攻撃 送信元 來源 来源 공격 출발지 источник атакующ";
const TIME_PARTS: &str = "时间 時間 日時 日期 시간 일시 время дата";
const TIME: &str = "ts fecha hora heure data tijd tijdstip time date timestamp when seen observed started start begin began end ended stop occurred \
    datum zeit uhrzeit datetime first last window utc occurrence timespan period starttime \
    endtime";
const OTHER_TIME: &str = "sent received reported generated updated update submitted notified printed \
    processed registered modified report notification arrival";
const CASE: &str =
    "case ticket incident reference tracking issue rid ref caseid ticketid complaint";

/// Says whether a word is one of a list, which is written as words with blanks between.
fn is_in(list: &str, word: &str) -> bool {
    list.split(' ').any(|known| known == word)
}

/// Says what a name means.
pub(super) fn meaning(name: &str) -> Meaning {
    let words = words(name);
    let has = |list: &str| words.iter().any(|word| is_in(list, word));
    Meaning {
        kind: kind(&words, &has),
        role: role(&words, &has),
    }
}

fn kind(words: &[String], has: &dyn Fn(&str) -> bool) -> Kind {
    let is_id = has("id number no nr nummer num code");
    if has("zone timezone tz zeitzone offset") {
        return Kind::Zone;
    }
    if has("deadline due expires expiry expiration") {
        return Kind::Deadline;
    }
    if has("port ports sport dport spt dpt srcport dstport destport sourceport") {
        return Kind::Port;
    }
    if has("orig resp") && has("p h") {
        return if has("p") { Kind::Port } else { Kind::Address };
    }
    if has("proto protocol protocols transport") {
        return Kind::Protocol;
    }
    if has("url urls uri link website") {
        return Kind::Url;
    }
    if has(CASE) && (is_id || words.len() == 1 || has("rid caseid ticketid"))
        || (has("report abuse") && is_id && !has("type"))
    {
        return Kind::CaseId;
    }
    if has("ip ips ipv4 ipv6 address addresses addr host hosts hostname saddr daddr") {
        return Kind::Address;
    }
    if has("service method") && words.len() <= 6 && !has("name version provider") {
        return Kind::Service;
    }
    if has("type category activity classification violation infection threat kind reason") {
        return Kind::Activity;
    }
    if words
        .iter()
        .any(|word| TIME_PARTS.split(' ').any(|part| word.contains(part)))
    {
        return Kind::Time;
    }
    let is_about_else =
        has("cert certificate issue issued expiration registration build uptime creation");
    if has(TIME) && is_about_else {
        return Kind::OtherTime;
    }
    if has(TIME) {
        let is_event = has("abuse attack incident event seen observed first last");
        return if has(OTHER_TIME) && !is_event {
            Kind::OtherTime
        } else {
            Kind::Time
        };
    }
    // "instance_name" holds a name; "attacker" and "source of attack" hold the source itself.
    let is_plain =
        words.len() == 1 || !has("name id version port count size bytes asn geo country city");
    if is_plain && role(words, has).is_some() {
        Kind::Address
    } else {
        Kind::Other
    }
}

fn role(words: &[String], has: &dyn Fn(&str) -> bool) -> Option<Role> {
    let follows = |first: &str, second: &str| {
        words
            .windows(2)
            .any(|pair| is_in(first, &pair[0]) && is_in(second, &pair[1]))
    };
    let told = "reported detected submitted observed logged forwarded";
    if has("reporter complainant submitter contact sender") || follows(told, "by from") {
        return Some(Role::Reporter);
    }
    if has("relay gateway nameserver nameservers resolver mx ns received router helo") {
        return Some(Role::Infrastructure);
    }
    // The columns of IIS: s-ip is the server's, c-ip the client's.
    match words.first().map(String::as_str) {
        Some("s") if words.len() == 2 && has("ip port") => return Some(Role::Victim),
        Some("c") if words.len() == 2 && has("ip port") => return Some(Role::Accused),
        Some("cc") => return Some(Role::Victim),
        _ => {}
    }
    let begins = |starts: &str| {
        starts
            .split(' ')
            .any(|start| words.iter().any(|word| word.starts_with(start)))
    };
    let holds = |parts: &str| {
        words
            .iter()
            .any(|word| parts.split(' ').any(|part| word.contains(part)))
    };
    if holds(VICTIM_PARTS) != holds(ACCUSED_PARTS) {
        return Some(if holds(VICTIM_PARTS) {
            Role::Victim
        } else {
            Role::Accused
        });
    }
    let victim = has(VICTIM) || begins("dest dst target victim");
    let accused = has(ACCUSED) || begins("src source attacker offend");
    match (victim, accused) {
        (true, true) if has("attacked") && has("from") => Some(Role::Accused),
        (true, true) => first_of(words),
        (true, false) => Some(Role::Victim),
        (false, true) => Some(Role::Accused),
        (false, false) if has("reported abuse attack") && has("ip ips address host") => {
            Some(Role::Accused)
        }
        (false, false) => None,
    }
}

/// In "target of attacker" the head of the name stands first.
fn first_of(words: &[String]) -> Option<Role> {
    words.iter().find_map(|word| {
        if is_in(VICTIM, word) {
            return Some(Role::Victim);
        }
        is_in(ACCUSED, word).then_some(Role::Accused)
    })
}

/// Splits a name at everything that is no letter, and inside camelCase.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before_lower = false;
    for letter in name.chars().take(120) {
        let starts_hump = letter.is_uppercase() && before_lower;
        if (!letter.is_alphanumeric() || starts_hump)
            && words.last().is_some_and(|word| !word.is_empty())
        {
            words.push(String::new());
        }
        if letter.is_alphanumeric()
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
            (
                "Destination ports and protocols (e.g. 22/TCP)",
                Kind::Port,
                victim,
            ),
            ("DPT", Kind::Port, victim),
            ("c-ip", Kind::Address, accused),
            ("s-ip", Kind::Address, victim),
            ("IP Address", Kind::Address, None),
            ("Reported-From", Kind::OtherTime, Some(Role::Reporter)),
            ("Abuse Time", Kind::Time, None),
            ("Time Window", Kind::Time, None),
            ("Last Seen", Kind::Time, None),
            ("Report Date", Kind::OtherTime, None),
            ("Time zone*", Kind::Zone, None),
            ("Case number", Kind::CaseId, None),
            ("Report-ID", Kind::CaseId, None),
            ("Reported Activity", Kind::Activity, None),
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
