//! Who did what to whom in one sentence, in any language whose words are known: by the word before each address, by
//! whose it is said to be, and by the verb that it is the subject or the object of.

use super::eastern::is_eastern;
use super::lexicon::AND;
use super::lexicon::AT;
use super::lexicon::BY;
use super::lexicon::CLEAN;
use super::lexicon::Class;
use super::lexicon::DEED;
use super::lexicon::EXCEPT;
use super::lexicon::FROM;
use super::lexicon::NOT;
use super::lexicon::OTHERS;
use super::lexicon::OURS;
use super::lexicon::PASSIVE;
use super::lexicon::SEES;
use super::lexicon::SUFFERS;
use super::lexicon::TAKEN;
use super::lexicon::TO;
use super::lexicon::WE;
use super::lexicon::WEAK;
use super::lexicon::YOURS;
use super::phrase::Group;
use super::phrase::Left;
use super::phrase::groups;
use super::phrase::is_negation;
use super::phrase::is_port;
use super::phrase::whose;

/// One piece of a sentence.
#[derive(Debug, Clone)]
pub(super) struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// What it means, for a word.
    pub class: Class,
    /// Its letters, folded.
    pub word: String,
    /// It is the mention of an instance.
    pub is_instance: bool,
}

/// What a piece of a sentence is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A word.
    Word,
    /// A number or a time.
    Number,
    /// The mention of this number in the sentence.
    Mention(usize),

    /// A comma or a dash.
    Comma,
    /// An opening bracket.
    Open,
    /// A closing bracket.
    Close,
    /// What ends a clause.
    Stop,
}

/// What a sentence makes of one that it mentions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Did it.
    Source,
    /// It was done to.
    Target,
    /// Tells of it.
    Teller,
    /// Is said to have no part.
    Cleared,
    /// Stands beside those that have one.
    Beside,
}

/// What a sentence says.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The part of each mention.
    pub parts: Vec<Option<Part>>,
    /// It says that something of the reader's was attacked, and not that anything of the reader's did it.
    pub reader_attacked: bool,
    /// It says that something of the reader's did it, or that something of the writer's was attacked.
    pub reader_accused: bool,
}

/// The verb after a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    /// It does it; so many pieces on.
    Does(usize),
    /// It is done to it.
    IsDoneTo,
    /// It tells of it.
    Tells,
    /// It is said to be clean.
    IsClean,
}

/// From where a host is led, by whoever leads it.
const LEADS: [&str; 7] =
    ["controlled", "steered", "gesteuert", "ferngesteuert", "controle", "controla", "управля"];
/// What is under an attack suffers it.
const UNDER: [&str; 9] = ["under", "unter", "onder", "sous", "bajo", "sob", "sotto", "pod", "под"];
/// How far a verb may stand from its subject, in pieces.
const VERB_FAR: usize = 40;
/// A participle follows its auxiliary this closely in most languages.
const PARTICIPLE_NEAR: usize = 2;
const PARTICIPLE_FAR: usize = 18;

/// Reads a sentence; none when it tells nothing that is certain.
pub(super) fn read(tokens: &[Token], mentions: usize) -> Option<Told> {
    let mut tokens = tokens.to_vec();
    let concerns = tokens.iter().any(|it| it.class & (OURS | YOURS | OTHERS | WE) != 0);
    let several = tokens.iter().filter(|it| matches!(it.kind, TokenKind::Mention(_))).take(2).count() == 2;
    for token in &mut tokens {
        if (concerns || several) && token.class & WEAK != 0 {
            token.class |= DEED;
        }
    }
    let groups = groups(&tokens);
    let has = |class: Class| tokens.iter().any(|it| it.class & class != 0);
    if !has(DEED | SUFFERS | CLEAN | SEES | OTHERS) || groups.is_empty() {
        return None;
    }
    let mut told = Told { parts: vec![None; mentions], ..Told::default() };
    let mut parts: Vec<Option<Part>> = groups.iter().map(|group| by_case(&tokens, group)).collect();
    let consumed = groups.iter().filter(|group| group.left.is_negated).count();
    let denies = |at: &usize| is_negation(&tokens, *at) && !is_beside(&tokens, *at);
    let negations = (0..tokens.len()).filter(denies).count();
    if negations > consumed {
        return by_negation(&tokens, &groups, mentions);
    }
    settle_genitives(&tokens, &groups, &mut parts);
    let is_explicit = parts.contains(&Some(Part::Source));
    let mut subject: Option<usize> = None;
    let mut earlier: Option<(usize, Option<Part>)> = None;
    for (group, part) in groups.iter().zip(&mut parts) {
        let like = earlier.filter(|(last, _)| {
            shares_part(&tokens[last + 1..group.left.begins.max(last + 1)], &tokens[last + 1..group.first])
        });
        if part.is_none()
            && let Some((_, of_earlier)) = like
        {
            *part = of_earlier;
        }
        if part.is_some() {
            earlier = Some((group.last, *part));
            continue;
        }
        let is_subject = subject.is_none_or(|subject| begins_clause(&tokens, subject, group));
        let follows_deed = group.left.begins > 0 && tokens[group.left.begins - 1].class & DEED != 0;
        *part = match by_verb(&tokens, group, is_explicit) {
            // "192.0.2.1 floods 192.0.2.2 with requests": the second is the object.
            Some(Part::Source) if follows_deed && (subject.is_some() || is_explicit) => Some(Part::Target),
            Some(Part::Source) if !is_subject => None,
            part => part,
        };
        // Who tells of it may be followed by who did it: "our sensor reports 192.0.2.1 for a scan".
        let is_actor = group.left.case == 0 && !matches!(*part, Some(Part::Teller | Part::Target));
        subject = if is_actor { Some(group.last) } else { subject };
        earlier = Some((group.last, *part));
    }
    if !has(DEED | SUFFERS) {
        // Without a deed only who tells of it is certain.
        parts
            .iter_mut()
            .for_each(|part| *part = part.filter(|it| matches!(it, Part::Teller | Part::Cleared)));
    } else {
        settle(&tokens, &groups, &mut parts);
    }
    let has_source = parts.contains(&Some(Part::Source));
    if parts.iter().all(Option::is_none) {
        return None;
    }
    let any = |part: Part, class: Class| {
        groups.iter().zip(&parts).any(|(group, it)| *it == Some(part) && whose(group) & class != 0)
    };
    let blames_reader = any(Part::Source, YOURS);
    for (group, part) in groups.iter().zip(&parts) {
        let is_open = whose(group) & YOURS != 0 && !blames_reader;
        let part = part.or((has_source && !is_open).then_some(Part::Beside));
        for member in &group.members {
            told.parts[*member] = part;
        }
    }
    told.reader_accused = blames_reader || any(Part::Target, OURS);
    told.reader_attacked = any(Part::Target, YOURS) && !told.reader_accused;
    Some(told)
}

/// ", and you need not do anything": a negation in a clause of its own at the end, about nobody and no deed.
fn is_beside(tokens: &[Token], at: usize) -> bool {
    let has_part = |it: &Token| {
        matches!(it.kind, TokenKind::Mention(_)) || it.class & (DEED | WEAK | SEES | SUFFERS) != 0
    };
    let last = tokens[..at].iter().rposition(|it| matches!(it.kind, TokenKind::Mention(_)));
    let is_apart = last.is_some_and(|last| tokens[last..at].iter().any(|it| it.kind == TokenKind::Comma));
    // Elsewhere such a clause takes back what was said: ", which we did not do".
    is_apart && tokens[at].word.chars().any(is_eastern) && !tokens[at + 1..].iter().any(has_part)
}

/// Returns the part that follows from the word before a group.
fn by_case(tokens: &[Token], group: &Group) -> Option<Part> {
    let Left { case, begins, is_negated, .. } = group.left;
    let whose = whose(group);
    if is_negated || case & EXCEPT != 0 || whose & OTHERS != 0 && whose & (OURS | YOURS) == 0 {
        return Some(Part::Cleared);
    }
    // "a phishing kit on 192.0.2.1", "a team server at 192.0.2.1"
    if case & AT != 0 && whose & OURS == 0 && is_of_found(tokens, begins) {
        return Some(Part::Source);
    }
    let case = if case == 0 { group.behind & (FROM | TO) } else { case };
    if group.behind & OURS != 0 && group.behind & FROM == 0 {
        return Some(Part::Target);
    }
    if case & (FROM | BY) != 0 && case & TO == 0 {
        let verb = tokens[..begins].iter().rev().take(4).find(|it| it.class & (DEED | SEES) != 0);
        let is_reported = begins > 0 && is_report(&tokens[begins - 1].word);
        let is_told = is_reported
            || (case & BY != 0 && whose & YOURS == 0 && is_sensor(tokens, group))
            || case & BY != 0 && verb.is_some_and(|it| it.class & SEES != 0 && it.class & DEED == 0);
        if is_told || whose & OURS != 0 || is_own_doing(tokens, begins) {
            return Some(Part::Teller);
        }
        let before = tokens[..begins].iter().rev().take(12);
        if before.take_while(|it| it.kind != TokenKind::Stop).any(|it| is_forged(&it.word)) {
            return Some(Part::Target);
        }
        let leads = begins.checked_sub(1).map(|at| tokens[at].word.as_str()).unwrap_or_default();
        if LEADS.iter().any(|stem| leads.starts_with(stem)) {
            return Some(Part::Beside);
        }
        // Who took a host over is not whom the notice means, unless it is the writer's.
        let is_taken = case & BY != 0 && verb.is_some_and(|it| it.class & TAKEN != 0);
        if is_taken && !tokens[..begins].iter().any(|it| it.class & OURS != 0) {
            return Some(Part::Beside);
        }
        return tokens.iter().any(|it| it.class & DEED != 0).then_some(Part::Source);
    }
    if case & TO != 0 && case & FROM == 0 {
        // "on your server" may be where it is done or what it is done to.
        let is_open = whose & YOURS != 0 && case & AT != 0;
        return (!is_open || has_direction(tokens, group) || is_attack_on(tokens, begins))
            .then_some(Part::Target);
    }
    None
}

/// "We scanned the internet from", "our service connects from": the writer's own doing.
fn is_own_doing(tokens: &[Token], begins: usize) -> bool {
    let mut before = tokens[..begins]
        .iter()
        .rev()
        .take(6)
        .take_while(|it| it.kind == TokenKind::Word && it.class & (SEES | SUFFERS | PASSIVE) == 0);
    let Some(verb) = before.position(|it| it.class & (DEED | WEAK) != 0) else { return false };
    let subject = tokens[..begins - verb - 1].iter().rev().take(3);
    let mut subject = subject.take_while(|it| {
        it.kind == TokenKind::Word && it.class & (DEED | SEES | SUFFERS | PASSIVE | TO | AT | BY | FROM) == 0
    });
    subject.any(|it| it.class & (WE | OURS) != 0 && !["us", "me", "uns", "mir"].contains(&it.word.as_str()))
}

/// A complaint that came from somebody accuses somebody else.
fn is_report(word: &str) -> bool {
    const REPORTS: [&str; 14] = [
        "complaint",
        "report",
        "alert",
        "notification",
        "notice",
        "hinweis",
        "meldung",
        "beschwerde",
        "plainte",
        "signalement",
        "denuncia",
        "queja",
        "segnalazion",
        "klacht",
    ];
    REPORTS.iter().any(|stem| word.starts_with(stem))
}

/// What is forged to come from somebody does not.
fn is_forged(word: &str) -> bool {
    ["spoof", "forged", "gefalsch", "usurp", "falsific", "falsif", "sfalszow"]
        .iter()
        .any(|it| word.starts_with(it))
}

/// "auf Ihren Server" is a direction, "auf Ihrem Server" a place.
fn has_direction(tokens: &[Token], group: &Group) -> bool {
    const ACCUSATIVES: [&str; 15] = [
        "ihren", "euren", "ваш", "вашу", "ваши", "wasz", "wasza", "vas", "vase", "vasu", "adres", "serwer",
        "server", "komputer", "host",
    ];
    let behind = group.behind & (TO | YOURS) == (TO | YOURS);
    let phrase = &tokens[group.left.begins..group.first];
    let is_slavic = ["na", "на"].contains(&phrase.first().map_or("", |it| it.word.as_str()));
    let says = |it: &Token| ACCUSATIVES[..if is_slavic { 15 } else { 2 }].contains(&it.word.as_str());
    behind || phrase.iter().any(says)
}

fn is_sensor(tokens: &[Token], group: &Group) -> bool {
    const SENSORS: [&str; 30] = [
        "センサ",
        "센서",
        "传感器",
        "探针",
        "探針",
        "감시",
        "pare-feu",
        "cortafuegos",
        "brandvagg",
        "tuzfal",
        "межсетев",
        "файрвол",
        "scrub",
        "waf",
        "pasarela",
        "sensor",
        "senzor",
        "sensör",
        "сенсор",
        "sonde",
        "sonda",
        "capteur",
        "honeypot",
        "czujnik",
        "collector",
        "monitor",
        "router",
        "firewall",
        "gateway",
        "nids",
    ];
    let words = &tokens[group.left.begins..group.first];
    words.iter().any(|it| SENSORS.iter().any(|stem| it.word.starts_with(stem)))
}

/// "An attack on your server": something that is done to a host, not that is found there.
fn is_attack_on(tokens: &[Token], begins: usize) -> bool {
    let before = tokens[..begins].iter().rev().take(2).find(|it| it.class & DEED != 0);
    before
        .is_some_and(|it| it.class & TAKEN == 0 && !FOUND_THERE.iter().any(|stem| it.word.starts_with(stem)))
}

/// Says whether what was found somewhere stands right before the word that tells where.
fn is_of_found(tokens: &[Token], begins: usize) -> bool {
    let before = tokens[..begins].iter().rev().take(3);
    let mut before = before.take_while(|it| it.kind == TokenKind::Word && it.class & (TO | FROM | BY) == 0);
    let is_found = before.any(|it| FOUND.iter().any(|stem| it.word.starts_with(stem)));
    // "talks to a team server at": somebody else's, which it is in contact with.
    let far = tokens[..begins].iter().rev().take(8).take_while(|it| it.kind == TokenKind::Word);
    let is_contact = |it: &Token| {
        it.class & (TO | WEAK) != 0
            || ["contact", "talk", "communic", "connect", "beacon"]
                .iter()
                .any(|stem| it.word.starts_with(stem))
    };
    is_found && !far.into_iter().any(is_contact)
}

/// What stands on a host that does harm by standing there.
const FOUND: [&str; 12] = [
    "phish",
    "malware",
    "webshell",
    "controller",
    "c2",
    "c&c",
    "panel",
    "miner",
    "kit",
    "clone",
    "command",
    "team",
];

/// What is found on a host rather than done to it.
const FOUND_THERE: [&str; 8] = ["spam", "phish", "malware", "botnet", "min", "abus", "exploit", "web"];

/// "The copy of it on 192.0.2.1 is a phishing site".
fn is_found_there(tokens: &[Token], start: usize) -> bool {
    let near = tokens[start..].iter().take(5).take_while(|it| it.kind == TokenKind::Word);
    let mut near = near.skip_while(|it| !["is", "was", "ist", "est", "es", "e"].contains(&it.word.as_str()));
    near.next().is_some() && near.any(|it| ["phish", "malware"].iter().any(|stem| it.word.starts_with(stem)))
}

/// Where it is said whence it came, "von" and its like before another one mean "of": "der Dienst von 192.0.2.1".
fn settle_genitives(tokens: &[Token], groups: &[Group], parts: &mut [Option<Part>]) {
    const GENITIVES: [&str; 9] = ["von", "vom", "van", "de", "di", "do", "av", "af", "da"];
    let sources = parts.iter().filter(|part| **part == Some(Part::Source)).count();
    if sources < 2 {
        return;
    }
    for (group, part) in groups.iter().zip(parts).filter(|(_, part)| **part == Some(Part::Source)) {
        let begins = group.left.begins;
        let before = tokens[..begins].iter().rev().take(5);
        let mut before = before.take_while(|it| {
            matches!(it.kind, TokenKind::Word | TokenKind::Number) && it.class & (DEED | SEES) == 0
        });
        let of_target = before.any(|it| it.class & (TO | AT) != 0 || is_port(&it.word));
        if GENITIVES.contains(&tokens[begins].word.as_str()) && of_target {
            *part = Some(Part::Target);
        }
    }
}

/// "192.0.2.1 and another at 192.0.2.2", "192.0.2.0/24 (e.g. 192.0.2.1)": what is said of one is said of the other.
fn shares_part(between: &[Token], whole: &[Token]) -> bool {
    const EXAMPLES: [&str; 10] = ["e.g", "e", "g", "eg", "including", "namely", "z.b", "zb", "among", "such"];
    let is_example = |it: &Token| it.kind == TokenKind::Open || EXAMPLES.contains(&it.word.as_str());
    let is_and = matches!(between, [it] if it.class & AND != 0);
    let opens = whole.first().is_some_and(|it| it.kind == TokenKind::Open);
    is_and || (opens && whole.len() > 1 && whole.iter().all(is_example))
}

/// Says whether a clause of its own begins with a group that follows another: "192.0.2.1 scanned us, and 192.0.2.2 sent".
fn begins_clause(tokens: &[Token], earlier: usize, group: &Group) -> bool {
    let between = &tokens[earlier + 1..group.left.begins];
    let has_verb = between.iter().any(|it| it.class & (DEED | SEES | SUFFERS | PASSIVE) != 0);
    let is_cut = between.iter().any(|it| it.kind == TokenKind::Stop)
        || between.last().is_some_and(|it| it.class & AND != 0 || it.kind == TokenKind::Comma);
    has_verb && is_cut
}

/// Returns the part that follows from the verb of which a group is the subject.
fn by_verb(tokens: &[Token], group: &Group, is_explicit: bool) -> Option<Part> {
    let whose = whose(group);
    if group.left.case & (FROM | BY | TO) & !AT != 0 && group.left.case & AT == 0 {
        return None;
    }
    if group.left.case & AT != 0
        && whose & OURS == 0
        && !is_explicit
        && is_found_there(tokens, group.last + 1)
    {
        return Some(Part::Source);
    }
    if group.left.case & AT != 0 {
        let is_target = whose & OURS != 0 || (whose & YOURS != 0 && is_attack_on(tokens, group.left.begins));
        return is_target.then_some(Part::Target);
    }
    match verb_after(tokens, group.last + 1) {
        // "192.0.2.1 reported 15 times" tells of nobody.
        Some(Verb::Tells) => {
            let tells_of = tokens[group.last + 1..].iter().any(|it| matches!(it.kind, TokenKind::Mention(_)));
            let is_writers = whose & OURS != 0 || is_sensor(tokens, group);
            (whose & YOURS == 0 && (tells_of || is_writers)).then_some(Part::Teller)
        }
        Some(Verb::IsDoneTo) => Some(Part::Target),
        Some(Verb::IsClean) => Some(Part::Cleared),
        // What watches does nothing of the kind.
        Some(Verb::Does(_)) if whose & YOURS == 0 && is_sensor(tokens, group) => Some(Part::Teller),
        // What belongs to the writer is done to, whoever the writer says did it.
        Some(Verb::Does(_)) if whose & OURS != 0 => Some(Part::Target),
        // Where it is said whence it came, a deed far off is no verb of another's.
        Some(Verb::Does(far)) if is_explicit && far > 3 => None,
        Some(Verb::Does(_)) => Some(Part::Source),
        None => (whose & OURS != 0).then_some(Part::Target),
    }
}

/// "It keeps probing us": a sentence about a deed of whom the one before it mentions.
pub(super) fn begins_with_its_deed(tokens: &[Token]) -> bool {
    const PRONOUNS: [&str; 16] = [
        "it", "they", "er", "es", "sie", "il", "elle", "ella", "esso", "ele", "ela", "hij", "on", "ono",
        "он", "она",
    ];
    let is_pronoun = tokens.first().is_some_and(|it| PRONOUNS.contains(&it.word.as_str()));
    is_pronoun && !tokens.iter().any(|it| it.class & NOT != 0) && does_at_once(tokens)
}

fn does_at_once(tokens: &[Token]) -> bool {
    // What is plain only where somebody complains is plain here.
    let near =
        tokens.iter().skip(1).take(4).find(|it| it.class & (DEED | WEAK | PASSIVE | SEES | SUFFERS) != 0);
    near.is_some_and(|it| it.class & (DEED | WEAK) != 0)
}

/// Says whether a sentence speaks of what is the writer's.
pub(super) fn tells_of_ours(tokens: &[Token]) -> bool {
    tokens.iter().any(|it| it.class & OURS != 0)
}

/// Finds the verb of which what ends here is the subject.
fn verb_after(tokens: &[Token], start: usize) -> Option<Verb> {
    let mut auxiliary: Option<usize> = None;
    let mut depth = 0usize;
    let (mut commas, mut is_apposition) = (0, false);
    for (at, token) in tokens.iter().enumerate().skip(start).take(VERB_FAR) {
        match token.kind {
            TokenKind::Open => depth += 1,
            TokenKind::Close => depth = depth.saturating_sub(1),
            TokenKind::Stop => return None,
            TokenKind::Comma if depth == 0 => {
                is_apposition |= at == start;
                commas += 1;
            }
            _ => {}
        }
        if depth > 0 || token.kind != TokenKind::Word {
            continue;
        }
        let class = token.class;
        let since = auxiliary.map(|auxiliary| at - auxiliary);
        let is_under = UNDER.contains(&token.word.as_str())
            && tokens[at + 1..].iter().take(4).any(|it| it.class & DEED != 0);
        if class & SUFFERS != 0 || is_under {
            return Some(Verb::IsDoneTo);
        }
        // "was used to", "wurde benutzt, um zu": no passive of what follows.
        if class & TO != 0 && since.is_some_and(|since| since <= 3) {
            auxiliary = None;
            continue;
        }
        // ", the rest is normal traffic" is said of the rest.
        if class & CLEAN != 0 && (commas == 0 || (is_apposition && commas == 2)) {
            return Some(Verb::IsClean);
        }
        if class & WEAK != 0 && is_in_phrase(tokens, start, at) {
            continue;
        }
        if class & DEED != 0 {
            let by = tokens[at + 1..].iter().take(2).any(|it| it.class & BY != 0);
            let is_passive =
                auxiliary.is_some_and(|it| is_participle(&tokens[it].word, &token.word, at - it));
            let is_taken = class & TAKEN != 0;
            let is_passive = is_passive || is_passive_at_end(&token.word, tokens.get(at + 1));
            return Some(if (is_passive || by) && !is_taken {
                Verb::IsDoneTo
            } else {
                Verb::Does(at - start)
            });
        }
        if class & SEES != 0 && since.is_none_or(|since| since > PARTICIPLE_NEAR) {
            return Some(Verb::Tells);
        }
        if class & PASSIVE != 0 {
            auxiliary = Some(at);
        }
    }
    None
}

/// "with a list of stolen passwords": a noun behind a preposition is no verb.
fn is_in_phrase(tokens: &[Token], start: usize, at: usize) -> bool {
    const OF: [&str; 8] = ["of", "with", "mit", "avec", "con", "com", "met", "de"];
    let before = &tokens[start.max(at.saturating_sub(3))..at];
    before.iter().any(|it| OF.contains(&it.word.as_str()) || it.class & (FROM | BY) != 0)
}

/// "…, dass Ihr Server von Unbekannten angegriffen wurde": the auxiliary stands last.
fn is_passive_at_end(word: &str, next: Option<&Token>) -> bool {
    next.is_some_and(|it| it.class & PASSIVE != 0) && GERMANIC.iter().any(|it| word.starts_with(it))
}

/// How participles begin in Germanic languages.
const GERMANIC: [&str; 7] = ["ge", "ange", "abge", "aange", "uberf", "uberl", "attackier"];

/// Says whether a verb so far behind its auxiliary is one of the passive.
fn is_participle(auxiliary: &str, word: &str, since: usize) -> bool {
    const ENGLISH: [&str; 10] = ["was", "were", "been", "being", "got", "gets", "is", "are", "be", "getting"];
    if ENGLISH.contains(&auxiliary) {
        return since <= PARTICIPLE_NEAR && (word.ends_with("ed") || word == "hit");
    }
    let is_germanic = GERMANIC.iter().chain(&["bombardier"]).any(|it| word.starts_with(it));
    if since <= PARTICIPLE_FAR && is_germanic {
        return true;
    }
    since <= PARTICIPLE_NEAR
}

/// Settles what is only clear beside the others: objects, and what belongs to the reader.
fn settle(tokens: &[Token], groups: &[Group], parts: &mut [Option<Part>]) {
    let has_source = parts.contains(&Some(Part::Source));
    for index in 0..groups.len() {
        let (group, whose) = (&groups[index], whose(&groups[index]));
        if parts[index].is_some() {
            continue;
        }
        let is_place = group.left.case & AT != 0;
        // An object follows its verb without anybody else between; "attacks from 192.0.2.1 on 192.0.2.2".
        let before = tokens[..group.left.begins].iter().rev().take(if is_place { 10 } else { 6 });
        let is_near = |it: &&Token| {
            let plain = matches!(it.kind, TokenKind::Word | TokenKind::Number | TokenKind::Open);
            plain || (is_place && it.kind != TokenKind::Stop)
        };
        let after_deed = before.take_while(is_near).any(|it| it.class & DEED != 0);
        let follows_verb = group.left.begins > 0 && tokens[group.left.begins - 1].class & DEED != 0;
        let next_is_ours = groups.get(index + 1).is_some_and(|next| {
            next.left.begins <= group.last + 1
                && next.left.whose & OURS != 0
                && parts[index + 1] == Some(Part::Target)
        });
        if !has_source && follows_verb && next_is_ours && group.left.case == 0 && whose & OURS == 0 {
            // "Heute beschoss 192.0.2.1 unseren Server 192.0.2.2": the subject stands behind its verb.
            parts[index] = Some(Part::Source);
        } else if has_source && after_deed && whose & YOURS == 0 {
            parts[index] = Some(Part::Target);
        } else if !has_source && !after_deed && whose & YOURS != 0 && !is_place {
            parts[index] = Some(Part::Source);
        }
    }
}

/// "We have no complaints about 192.0.2.1": a negation that reaches a deed clears the only one that is named.
fn by_negation(tokens: &[Token], groups: &[Group], mentions: usize) -> Option<Told> {
    let [group] = groups else { return None };
    let at = tokens.iter().position(|it| it.class & NOT != 0)?;
    let near = tokens[at + 1..].iter().take(3).find(|it| it.class & (DEED | WEAK | SEES | SUFFERS) != 0)?;
    let is_deed = near.class & (DEED | WEAK | SUFFERS) != 0;
    let mut told = Told { parts: vec![None; mentions], ..Told::default() };
    for member in group.members.iter().filter(|_| is_deed) {
        told.parts[*member] = Some(Part::Cleared);
    }
    is_deed.then_some(told)
}
