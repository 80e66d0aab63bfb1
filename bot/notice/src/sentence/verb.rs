//! The part of a mention that follows from the verb of which it is the subject: what it does, what is done to it.

use super::grammar::Part;
use super::lexicon::AT;
use super::lexicon::BY;
use super::lexicon::CLEAN;
use super::lexicon::DEED;
use super::lexicon::FROM;
use super::lexicon::OURS;
use super::lexicon::PASSIVE;
use super::lexicon::SEES;
use super::lexicon::SUFFERS;
use super::lexicon::TAKEN;
use super::lexicon::TO;
use super::lexicon::WEAK;
use super::lexicon::YOURS;
use super::nouns::is_attack_on;
use super::nouns::is_found_there;
use super::nouns::is_sensor;
use super::phrase::Group;
use super::phrase::whose;
use super::token::Token;
use super::token::TokenKind;

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

/// What is under an attack suffers it.
const UNDER: [&str; 9] = ["under", "unter", "onder", "sous", "bajo", "sob", "sotto", "pod", "под"];
/// How far a verb may stand from its subject, in pieces.
const VERB_FAR: usize = 40;
/// A participle follows its auxiliary this closely in most languages.
const PARTICIPLE_NEAR: usize = 2;
const PARTICIPLE_FAR: usize = 18;

/// Returns the part that follows from the verb of which a group is the subject.
pub(super) fn by_verb(tokens: &[Token], group: &Group, is_explicit: bool) -> Option<Part> {
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
        // "…, dessen Rechner Ihren Server 192.0.2.1 angegriffen hat": the object, by its ending.
        Some(Verb::Does(_)) if whose & YOURS != 0 && is_accusative(tokens, group) => Some(Part::Target),
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

/// Says whether the ending of the word for whose it is makes an object of it.
fn is_accusative(tokens: &[Token], group: &Group) -> bool {
    const OBJECTS: [&str; 3] = ["ihren", "euren", "deinen"];
    let phrase = &tokens[group.left.begins..group.first];
    group.left.case == 0 && phrase.iter().any(|it| OBJECTS.contains(&it.word.as_str()))
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
        if class & SUFFERS != 0 && fails_itself(&tokens[at + 1..]) {
            return Some(Verb::Does(at - start));
        }
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
            // "by brute force" is a means and nobody.
            let by = (at + 1..tokens.len().min(at + 3)).any(|at| {
                tokens[at].class & BY != 0 && tokens.get(at + 1).is_none_or(|it| it.class & DEED == 0)
            });
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

/// "192.0.2.1 experienced 5 failed attempts when attempting to log in": they were its own, where nobody is named whence
/// they came.
fn fails_itself(after: &[Token]) -> bool {
    let has_failed = after.iter().take(3).any(|it| ["failed", "unsuccessful"].contains(&it.word.as_str()));
    let comes_from = |it: &Token| it.class & (FROM | BY) != 0 || matches!(it.kind, TokenKind::Mention(_));
    has_failed && !after.iter().any(comes_from)
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
