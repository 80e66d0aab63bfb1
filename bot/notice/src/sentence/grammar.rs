//! Who did what to whom in one sentence, in any language whose words are known: by the word before each address (`case`),
//! by whose it is said to be, and by the verb that it is the subject (`verb`) or the object of (`objects`).

use super::case::by_case;
use super::eastern::is_eastern;
use super::lexicon::AND;
use super::lexicon::CLEAN;
use super::lexicon::Class;
use super::lexicon::DEED;
use super::lexicon::FROM;
use super::lexicon::INVOLVED;
use super::lexicon::NOT;
use super::lexicon::OTHERS;
use super::lexicon::OURS;
use super::lexicon::PASSIVE;
use super::lexicon::SEES;
use super::lexicon::SUFFERS;
use super::lexicon::TO;
use super::lexicon::WE;
use super::lexicon::WEAK;
use super::lexicon::YOURS;
use super::objects::settle;
use super::objects::settle_genitives;
use super::phrase::Group;
use super::phrase::groups;
use super::phrase::is_negation;
use super::phrase::whose;
use super::token::Token;
use super::token::TokenKind;
use super::verb::by_verb;

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
    /// It says that something of the reader's did it.
    pub reader_blamed: bool,
}

/// Reads a sentence; none when it tells nothing that is certain.
pub(super) fn read(tokens: &[Token], mentions: usize) -> Option<Told> {
    let mut tokens = tokens.to_vec();
    let concerns = tokens.iter().any(|it| it.class & (OURS | YOURS | OTHERS | WE) != 0);
    let is_clean = is_clean(&tokens);
    let several = tokens.iter().filter(|it| matches!(it.kind, TokenKind::Mention(_))).take(2).count() == 2;
    for token in &mut tokens {
        if (concerns || several) && token.class & WEAK != 0 {
            token.class |= DEED;
        }
    }
    let groups = groups(&tokens);
    let has = |class: Class| tokens.iter().any(|it| it.class & class != 0);
    if !has(DEED | SUFFERS | CLEAN | SEES | OTHERS | INVOLVED) || groups.is_empty() {
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
    if is_clean {
        for (group, part) in groups.iter().zip(&mut parts).filter(|(group, _)| whose(group) & OURS == 0) {
            let is_whence = group.left.case & FROM != 0 && group.left.case & TO == 0;
            let is_meant =
                *part == Some(Part::Source) || part.is_none() && (is_whence || whose(group) & YOURS != 0);
            *part = if is_meant { Some(Part::Cleared) } else { *part };
        }
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
    told.reader_blamed = blames_reader;
    told.reader_accused = blames_reader || any(Part::Target, OURS);
    told.reader_attacked = any(Part::Target, YOURS) && !told.reader_accused;
    Some(told)
}

/// "From 192.0.2.2, which is yours as well, came ordinary requests only": what is done there is no deed of an attack.
fn is_clean(tokens: &[Token]) -> bool {
    let has = |class: Class| tokens.iter().any(|it| it.class & class != 0);
    let is_deed = |it: &Token| it.class & DEED != 0 && it.class & WEAK == 0;
    has(CLEAN) && !has(NOT) && !tokens.iter().any(is_deed)
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

fn begins_with_pronoun(tokens: &[Token]) -> bool {
    const PRONOUNS: [&str; 21] = [
        "it", "they", "er", "es", "sie", "il", "elle", "ella", "esso", "ele", "ela", "hij", "on", "ono",
        "он", "она", "this", "that", "diese", "dieser", "celle-ci",
    ];
    tokens.first().is_some_and(|it| PRONOUNS.contains(&it.word.as_str()))
}

/// "It is fine", "it is not involved": a short sentence that clears whom the one before it mentions.
pub(super) fn begins_with_its_clearance(tokens: &[Token]) -> bool {
    let has = |class: Class| tokens.iter().any(|it| it.class & class != 0);
    let is_deed = |it: &Token| it.class & (DEED | SUFFERS) != 0 && it.class & INVOLVED == 0;
    let words = tokens.iter().filter(|it| it.kind == TokenKind::Word).take(CLEARANCE_WORDS_MAX + 1).count();
    let mentions = tokens.iter().any(|it| matches!(it.kind, TokenKind::Mention(_)));
    begins_with_pronoun(tokens)
        && !mentions
        && words <= CLEARANCE_WORDS_MAX
        && !tokens.iter().any(is_deed)
        && (has(CLEAN) != has(NOT))
        && (has(CLEAN) || has(INVOLVED))
}

/// A longer sentence tells of more.
const CLEARANCE_WORDS_MAX: usize = 8;

/// "It keeps probing us": a sentence about a deed of whom the one before it mentions.
pub(super) fn begins_with_its_deed(tokens: &[Token]) -> bool {
    begins_with_pronoun(tokens) && !tokens.iter().any(|it| it.class & NOT != 0) && does_at_once(tokens)
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

/// "We have no complaints about 192.0.2.1", "192.0.2.1 is not involved": a negation that reaches a deed, or a part in
/// one, clears the only one that is named.
fn by_negation(tokens: &[Token], groups: &[Group], mentions: usize) -> Option<Told> {
    let [group] = groups else { return None };
    let at = tokens.iter().position(|it| it.class & NOT != 0)?;
    let says = |it: &&Token| it.class & (DEED | WEAK | SEES | SUFFERS | INVOLVED) != 0;
    let behind = tokens[at + 1..].iter().take(3).find(says);
    // Where the verb stands last, so does its negation.
    let is_last = tokens[at + 1..].iter().all(|it| it.kind != TokenKind::Word);
    let before = || tokens[..at].iter().rev().take(3).find(says).filter(|_| is_last);
    let near = behind.or_else(before)?;
    // "If you are not involved" is said of nobody that is named.
    let has_no_part = near.class & INVOLVED != 0 && group.last < at;
    let is_deed = near.class & (DEED | WEAK | SUFFERS) != 0 || has_no_part;
    let mut told = Told { parts: vec![None; mentions], ..Told::default() };
    for member in group.members.iter().filter(|_| is_deed) {
        told.parts[*member] = Some(Part::Cleared);
    }
    is_deed.then_some(told)
}
