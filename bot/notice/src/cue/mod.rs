//! What the words around an address say of it: "from 192.0.2.1", "192.0.2.1 was attacked".

mod words;

use std::borrow::Cow;

use regex::Regex;

use super::label::Role;
use super::pattern::fold;
use words::ACCUSED;
use words::ACTS;
use words::ACTS_ABROAD;
use words::AFTER_ACCUSED;
use words::AFTER_FROM;
use words::AFTER_TO;
use words::AFTER_VICTIM;
use words::ANY_ADDRESS;
use words::ASKS;
use words::BELONGS;
use words::CLEARED_AFTER;
use words::CLEARED_BEFORE;
use words::CLOCKS;
use words::CODE;
use words::DEED;
use words::DONE_TO_ABROAD;
use words::FROM_A_TIME;
use words::FROM_END;
use words::HOLDS_ADDRESS;
use words::IS_US;
use words::IS_YOURS;
use words::LISTED;
use words::LOG_TAKEN;
use words::MERE_LIST;
use words::NOT_THAT;
use words::ONLY;
use words::OTHERS_SUBJECT;
use words::PHRASES;
use words::PLACE;
use words::REPORTER;
use words::SEEN;
use words::TOO;
use words::VICTIM;
use words::WATCHES;

/// What words say of an address, and how firmly.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cue {
    /// Whose it is.
    pub role: Role,
    /// How firmly.
    pub weight: f32,
    /// The words.
    pub words: String,
}

/// Words of this weight leave no doubt.
pub(super) const CERTAIN: f32 = 3.0;
/// A word this many bytes before an address is far from it.
const FAR: usize = 20;

/// Reads the words before and after an address.
pub(super) fn read(before: &str, after: &str) -> Option<Cue> {
    let before = fold(last_sentence(before));
    // Both begin it, and hold an address.
    let is_listed = first_sentence(after).contains(|it: char| it.is_ascii_digit() || it == ':');
    let after = without(&NOT_THAT, after.into(), " ", is_listed);
    let after = without(&LISTED, after, " ", is_listed);
    let after = after.as_ref();
    let whole_after = fold(first_sentence(after));
    let after = fold(past_brackets(&before, first_sentence(after)));
    // "from A to our host" is a direction; "A belongs to us" is not.
    let is_way = after.trim_start().starts_with("to ") && FROM_END.is_match(&before);
    let is_numbered = before.contains(|it: char| it.is_ascii_digit());
    let has_address = is_numbered || before.contains(':');
    let plain_before = without(&HOLDS_ADDRESS, before.as_ref().into(), "it", has_address);
    let cleared = CLEARED_AFTER.find(&whole_after).or_else(|| CLEARED_BEFORE.find(&plain_before));
    if let Some(found) = cleared {
        return Some(cue(Role::Infrastructure, 2.5, found.as_str()));
    }
    if let Some(found) = AFTER_TO.find(&whole_after) {
        return Some(cue(Role::Victim, 2.5, found.as_str()));
    }
    if let Some(found) = AFTER_FROM.find(&whole_after) {
        if WATCHES.is_match(&before) || LOG_TAKEN.is_match(&whole_after) {
            return Some(cue(Role::Reporter, 2.5, found.as_str()));
        }
        return Some(cue(Role::Accused, 2.5, found.as_str()));
    }
    let passive = AFTER_VICTIM.find(&after).filter(|_| !is_way);
    // "From 192.0.2.1 our server was attacked": not the one before the verb was.
    let names_another = |found: &regex::Match<'_>| OTHERS_SUBJECT.is_match(found.as_str());
    let abroad = DONE_TO_ABROAD.find(&after).filter(|found| !names_another(found));
    if let Some(found) = passive.or(abroad) {
        return Some(cue(Role::Victim, 2.5, found.as_str()));
    }
    if let Some(found) = IS_US.find(&whole_after) {
        return Some(cue(Role::Reporter, 2.5, found.as_str()));
    }
    if let Some(found) = IS_YOURS.find(&whole_after) {
        return Some(cue(Role::Accused, 2.5, found.as_str()));
    }
    if let Some(found) = BELONGS.find(&whole_after) {
        return Some(cue(Role::Accused, 2.0, found.as_str()));
    }
    if let Some(found) = ASKS.find(&before) {
        return Some(cue(Role::Reporter, 2.0, found.as_str()));
    }
    let acts = ACTS.find(&after).or_else(|| ACTS_ABROAD.find(&after));
    // "reported attempts on its port by" names who made them.
    let is_told = |found: &regex::Match<'_>| {
        let between = &before[found.end()..];
        let reaches = !HOLDS_ADDRESS.is_match(between)
            && between.find(':').is_none_or(|colon| between[..colon].trim().is_empty());
        let introduces = acts.is_some() && between.trim() == ":";
        // "Detected by a connection from": whose that is, it does not tell.
        const OTHERS: [&str; 5] = ["owner", "connection", "traffic", "packet", "request"];
        between.len() < 40
            && OTHERS.iter().all(|it| !between.contains(it))
            && reaches
            && !introduces
            && !(found.as_str().starts_with("reported") && DEED.is_match(found.as_str()))
    };
    if let Some(found) = last(&REPORTER, &before).filter(is_told) {
        return Some(cue(Role::Reporter, 2.0, found.as_str()));
    }
    if let Some(found) = &acts
        && SEEN.is_match(&before)
    {
        return Some(cue(Role::Accused, 2.5, found.as_str()));
    }
    by_words_before(&before, &after, acts)
}

/// Reads the words before an address, where those after it leave it open.
fn by_words_before(before: &str, after: &str, acts: Option<regex::Match<'_>>) -> Option<Cue> {
    let is_numbered = before.contains(|it: char| it.is_ascii_digit());
    let before = without(&CLOCKS, before.into(), " ", is_numbered);
    let is_phrase = before.contains("to ");
    let before = without(&PHRASES, before, " ", is_phrase);
    let before = without(&FROM_A_TIME, before, " ", is_numbered);
    if let Some(found) = ONLY.find(&before) {
        return Some(cue(Role::Accused, CERTAIN, found.as_str()));
    }
    let has_code = before.contains('[');
    let before = without(&CODE, before, " ", has_code);
    let reaches = |found: &regex::Match<'_>| reaches(&before[found.end()..]);
    let accused = last(&ACCUSED, &before).filter(reaches);
    // "Against our Zimbra from 192.0.2.1"; "our clerk logs in from 192.0.2.1" is another thing.
    let is_whence = |found: &regex::Match<'_>| {
        let towards = || before[..found.start()].split_whitespace().next_back();
        ["our ", "my "].iter().any(|it| found.as_str().starts_with(it))
            && [" from", " by"].iter().any(|it| found.as_str().ends_with(it))
            && towards().is_some_and(|it| ["against", "to", "at", "on", "into", "of"].contains(&it))
    };
    let victim = last(&VICTIM, &before).filter(reaches).filter(|found| !is_whence(found));
    // What it did itself, said right after it, counts more than a word far before it.
    if let Some(found) = &acts
        && (before.trim_end().ends_with(':')
            || victim.as_ref().is_none_or(|victim| before.len() - victim.end() > FAR))
    {
        let weight = if TOO.is_match(&before) { 2.5 } else { 2.0 };
        return Some(cue(Role::Accused, weight, found.as_str()));
    }
    // "our shop at www.example.com (hosted at 192.0.2.1)": where what stands before the bracket is.
    let accused = accused.filter(|found| {
        let hosted = ["hosted", "located", "running"].iter().any(|it| found.as_str().starts_with(it));
        let opens = before[..found.start()].trim_end().ends_with('(');
        !(hosted && opens && victim.as_ref().is_some_and(|victim| victim.end() < found.start()))
    });
    let nearest = match (accused, victim) {
        (Some(accused), Some(victim)) if victim.end() > accused.end() => Some((Role::Victim, victim)),
        (Some(accused), Some(victim))
            if victim.end() == accused.end()
                && victim.start() < accused.start()
                && !ends_with_a_source(victim.as_str()) =>
        {
            Some((Role::Victim, victim))
        }
        (Some(accused), _) => Some((Role::Accused, accused)),
        (None, Some(victim)) => Some((Role::Victim, victim)),
        (None, None) => None,
    };
    if let Some((role, found)) = nearest {
        let near = before.len() - found.end() < 50;
        return Some(cue(role, if near { 2.0 } else { 1.0 }, found.as_str()));
    }
    if let Some(found) = AFTER_ACCUSED.find(after) {
        return Some(cue(Role::Accused, 2.0, found.as_str()));
    }
    if let Some(found) = PLACE.find(&before) {
        return Some(cue(Role::Infrastructure, 1.5, found.as_str()));
    }
    ANY_ADDRESS.find(&before).map(|found| cue(Role::Accused, 1.0, found.as_str()))
}

/// Puts something in place of what a pattern finds, where a look at the letters says that it may find something.
fn without<'a>(pattern: &Regex, text: Cow<'a, str>, instead: &str, may_find: bool) -> Cow<'a, str> {
    if !may_find {
        return text;
    }
    match pattern.replace_all(&text, instead) {
        Cow::Borrowed(_) => text,
        Cow::Owned(changed) => Cow::Owned(changed),
    }
}

/// Returns what follows a remark in brackets: "192.0.2.1 (its name) was used to", "my server (192.0.2.1, the shop) is".
fn past_brackets<'a>(before: &str, after: &'a str) -> &'a str {
    let is_inside = before.rfind('(').is_some_and(|open| before.rfind(')').is_none_or(|close| close < open));
    if is_inside && let Some(close) = after.find(')').filter(|_| !after.contains('(')) {
        return &after[close + 1..];
    }
    let inner = after.trim_start().strip_prefix('(');
    let end = inner.and_then(|inner| inner.find(')').map(|end| &inner[end + 1..]));
    end.filter(|rest| rest.starts_with(' ')).unwrap_or(after)
}

/// Says whether a word that stands before some text still speaks of what comes after it: another address between takes
/// it, unless both are members of one list.
fn reaches(between: &str) -> bool {
    HOLDS_ADDRESS
        .find_iter(between)
        .last()
        .is_none_or(|address| MERE_LIST.is_match(&between[address.end()..]))
}

/// "our office saw scans from", "our shop was attacked from": what it ends with is whence, and not where ours came from,
/// as in "our administrator logged in from".
fn ends_with_a_source(words: &str) -> bool {
    const SUFFERS: [&str; 14] = [
        "saw", "see", "detect", "observ", "receiv", "record", "notic", "attack", "scan", "hit", "flood",
        "prob", "target", "brute",
    ];
    if !SUFFERS.iter().any(|verb| words.contains(verb)) {
        return false;
    }
    let ours = ["our ", "my ", "unser", "notre ", "nuestr", "onze "].iter().any(|it| words.starts_with(it));
    ours && [" from", " by", " von", " durch", " depuis", " desde", " van"]
        .iter()
        .any(|it| words.ends_with(it))
}

fn cue(role: Role, weight: f32, words: &str) -> Cue {
    Cue { role, weight, words: words.trim().to_owned() }
}

fn last<'a>(pattern: &Regex, text: &'a str) -> Option<regex::Match<'a>> {
    pattern.find_iter(text).last()
}

/// Returns the end of a text, from its last sentence on, and not more than it takes to see a cue.
fn last_sentence(text: &str) -> &str {
    let start = text.ceil_char_boundary(text.len().saturating_sub(140));
    let tail = &text[start..];
    let ends_word =
        |at: &usize| tail[..*at].ends_with(|letter: char| letter.is_alphanumeric() || letter == ')');
    let cut = [". ", "? ", "! ", ".\n", "; "]
        .iter()
        .filter_map(|stop| tail.rfind(stop).filter(ends_word).map(|at| at + stop.len()))
        .max();
    cut.map_or(tail, |cut| &tail[cut..])
}

fn first_sentence(text: &str) -> &str {
    let head = &text[..text.floor_char_boundary(text.len().min(100))];
    let cut = [". ", "? ", "! ", "\n\n"].iter().filter_map(|stop| head.find(stop)).min();
    cut.map_or(head, |cut| &head[..cut])
}

#[cfg(test)]
mod tests {
    use super::Role;
    use super::read;

    #[test]
    fn reads_words_around_an_address() {
        let accused = Some(Role::Accused);
        let victim = Some(Role::Victim);
        for (before, after, expect) in [
            ("We saw a scan from ", " yesterday", accused),
            ("Your server ", " attacked us", accused),
            ("An IP address (", ") under your control appears to have attacked", accused),
            ("The address ", " from Your network tried to log in", accused),
            ("attacks against our mail server ", " were seen", victim),
            ("Failed password for root from ", " port 22 ssh2", accused),
            ("Connection from A to ", " refused", victim),
            ("Our host ", " was attacked", victim),
            ("", " has been port scanning", accused),
            ("", " was scanned by a host of yours", victim),
            ("This was detected by ", ".", Some(Role::Reporter)),
            ("abuse report about ", " - Fri", accused),
            ("Brute force attack at ", "", accused),
            ("the domain resolves to ", "", accused),
            ("Some words and then ", " and more", None),
            ("5 [Note] [MY-010926] denied for 'root'@'", "' (using password: YES)", None),
            ("we have detected an attack on your IP address ", "", victim),
            ("Von Ihrer IP A gingen Angriffe auf den SSH-Dienst von ", " aus.", victim),
            ("at 04:50 UTC, gateway ", "", Some(Role::Infrastructure)),
            ("Your server ", " is under a DDoS attack", victim),
            ("l'adresse ", " inonde notre serveur 198.51.100.1 de paquets", accused),
            ("messages were delivered from ", " to our relay at 198.51.100.1", accused),
            ("the host ", " belongs to us", victim),
            ("inside: ", " (your colocated server)", accused),
            ("the address in question is ", ". It tried", accused),
            ("a ", " címről támadás érkezett", accused),
            ("С вашего адреса ", " производилось сканирование", accused),
            ("сканирование портов нашего сервера ", ".", victim),
            ("le serveur ", " de votre réseau est ouvert", accused),
            ("el servidor ", ", que está en su red, ha empezado", accused),
            ("Gemeldet durch: Leitstelle, ", "", Some(Role::Reporter)),
            ("unser Server ", " wurde gestern von Ihrem Rechner gescannt", victim),
            ("nuestro servidor ", " ha sido atacado desde", victim),
            ("我方监测到贵方IP ", " 对", accused),
            ("我方监测到贵方IP A 对我方服务器 ", " 进行", victim),
            ("contra nuestro servidor A procedentes de la IP ", "", accused),
            ("Angriffe auf unseren Server von ", "", accused),
            ("the instances ", " and i-0123456789abcdef0 were not touched", Some(Role::Infrastructure)),
            ("Not blocked, because they are ours: ", ", 198.51.100.9", Some(Role::Infrastructure)),
            ("", ", not 198.51.100.9, scanned us", accused),
            ("It was 192.0.2.1, not ", ", that scanned us", Some(Role::Infrastructure)),
            ("(e.g. ", ", 2001:db8::2) are scanning", accused),
            ("Our SOC saw scans from:  ", " (first seen today)", accused),
            ("our customer was attacked from ", " yesterday", accused),
            ("Our admin logged in from ", " to mitigate", victim),
            ("Of these only ", " shows up in our logs", accused),
            ("", " downloads malware from 198.51.100.9 and scans us", accused),
            ("the host 192.0.2.1 downloads malware from ", " and scans us", victim),
            ("", " IP adresinizden 198.51.100.9 numaralı sunucumuza saldırı", accused),
            ("192.0.2.1 IP adresinizden ", " numaralı sunucumuza saldırı yapılmıştır", victim),
            ("なお、監視は", "から行っております", Some(Role::Reporter)),
            ("z Vaší IP ", " na náš server", accused),
            ("z Vaší IP 192.0.2.1 na náš server ", "", victim),
            ("Our sensor at 198.51.100.9 saw ", " scanning us", accused),
            ("Attack details reported by our SOC: ", " brute forced SSH", accused),
            ("Zgłoszenie otrzymaliśmy od użytkownika korzystającego z adresu ", ".", Some(Role::Reporter)),
            ("La consulta al registro se hizo desde ", " y", Some(Role::Reporter)),
            ("The web shell fetched a tool from ", " (a school)", victim),
            ("Als Quelle wurde ", " ermittelt.", accused),
            ("you complained about ", " last week", Some(Role::Reporter)),
            ("our customer attacking your host ", "", victim),
            ("The spoofed requests came, as far as we can tell, from ", ".", victim),
            ("IP ", " port 11211/udp took part in an attack", accused),
            (
                "To whom it may concern, the machine with the IP address ending in .21 (",
                ") ceases its attack",
                accused,
            ),
            ("My server (", ", the shop) is being brute-forced by", victim),
            ("my nephew says the machine at ", " belongs to you lot.", accused),
            ("Es handelt sich um die Adresse ", ". Das erste Paket kam", accused),
            ("Nicht gemeint ist Ihre Adresse ", ": von dort", Some(Role::Infrastructure)),
            ("Queries came from ", "; if you see it in your logs, that is us.", Some(Role::Reporter)),
        ] {
            assert_eq!(read(before, after).map(|cue| cue.role), expect, "{before}<>{after}");
        }
    }
}
