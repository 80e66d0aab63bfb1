//! The phrases in which a sentence mentions hosts: the word that gives a mention its case, whose it is, and which
//! mentions are told of together.

use super::lexicon::AND;
use super::lexicon::AT;
use super::lexicon::BY;
use super::lexicon::CLEAN;
use super::lexicon::Class;
use super::lexicon::DEED;
use super::lexicon::EXCEPT;
use super::lexicon::FILLER;
use super::lexicon::FROM;
use super::lexicon::HOST;
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
use super::token::Token;
use super::token::TokenKind;
use crate::vocabulary;

/// What joins a name to what it is.
const COPULAS: [&str; 22] = [
    "is", "are", "was", "were", "ist", "sind", "war", "est", "etait", "es", "era", "fue", "e", "foi", "jest",
    "byl", "je", "este", "ar", "er", "var", "это",
];
/// Words of a phrase that nobody knows.
const UNKNOWN_MAX: usize = 3;

/// Mentions that one word before or after them speaks of.
#[derive(Debug)]
pub(super) struct Group {
    pub members: Vec<usize>,
    pub first: usize,
    pub last: usize,
    pub left: Left,
    /// The word for a host after it, where a language puts its case and its owner there.
    pub behind: Class,
    pub trailing: Class,
}

/// What stands before a group.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Left {
    /// The class of the word that gives its case; nothing where none does.
    pub case: Class,
    /// Whose it is.
    pub whose: Class,
    /// Where its phrase begins.
    pub begins: usize,
    /// A negation stands right before.
    pub is_negated: bool,
}

pub(super) fn whose(group: &Group) -> Class {
    [group.left.whose, group.behind & (OURS | YOURS), group.trailing]
        .into_iter()
        .find(|it| *it != 0)
        .unwrap_or(0)
}

/// Joins mentions between which nothing but a comma or "and" stands.
pub(super) fn groups(tokens: &[Token]) -> Vec<Group> {
    let mut all: Vec<Group> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let TokenKind::Mention(number) = token.kind else { continue };
        let joins = |it: &Token| matches!(it.kind, TokenKind::Comma) || it.class & AND != 0;
        match all.last_mut() {
            Some(last) if at - last.last <= 3 && tokens[last.last + 1..at].iter().all(joins) => {
                last.members.push(number);
                last.last = at;
            }
            Some(last) if is_its_address(&tokens[last.last..=at]) => {
                last.members.push(number);
                last.last = at;
            }
            _ => all.push(Group {
                members: vec![number],
                first: at,
                last: at,
                left: left_of(tokens, at),
                behind: 0,
                trailing: 0,
            }),
        }
    }
    for group in &mut all {
        group.trailing = trailing(tokens, group.last);
        group.behind = behind(tokens, group.last);
    }
    all
}

/// "i-0123456789abcdef0 (192.0.2.1)", "i-0123456789abcdef0, with IP 192.0.2.1": an instance and its own address.
fn is_its_address(between: &[Token]) -> bool {
    let [first, inner @ .., last] = between else { return false };
    let is_own = |it: &Token| {
        matches!(it.kind, TokenKind::Open | TokenKind::Comma)
            || it.class & (HOST | FILLER) != 0 && it.class & (OURS | YOURS | AND) == 0
            || ["public", "private", "elastic"].contains(&it.word.as_str())
    };
    first.is_instance && !last.is_instance && inner.len() <= 4 && inner.iter().all(is_own)
}

/// Reads the phrase before a mention.
fn left_of(tokens: &[Token], first: usize) -> Left {
    let mut left = Left { begins: first, ..Left::default() };
    let mut unknown = 0;
    let mut at = first;
    while at > 0 {
        let token = &tokens[at - 1];
        let before = at.checked_sub(2).map(|at| &tokens[at]);
        match token.kind {
            TokenKind::Close
                if at >= 3
                    && tokens[at - 3].kind == TokenKind::Open
                    && tokens[at - 2].kind == TokenKind::Word =>
            {
                // "server (ours) 192.0.2.1"
                left.whose |= tokens[at - 2].class & (OURS | YOURS);
                at -= 2;
            }
            TokenKind::Mention(_) | TokenKind::Stop | TokenKind::Close => break,
            TokenKind::Open => {}
            TokenKind::Comma if at == first && owner_before(tokens, at - 1) => {}
            // "our server (web02, public IP 192.0.2.1)", "from your network, IP 192.0.2.1"
            TokenKind::Comma if is_in_bracket(&tokens[..at - 1]) => {}
            TokenKind::Comma
                if before.is_some_and(|it| it.class & YOURS != 0)
                    && tokens[at..first].iter().all(|it| it.class & (HOST | FILLER) != 0) => {}
            TokenKind::Comma => {
                // "We, the operators of 192.0.2.1"
                left.whose |= if before.is_some_and(|it| it.class & WE != 0) { OURS } else { 0 };
                break;
            }
            TokenKind::Number if before.is_some_and(|it| is_port(&it.word)) => {}
            TokenKind::Number => break,
            TokenKind::Word => match word_before(tokens, at, first, &mut left, &mut unknown) {
                Step::Goes => {}
                Step::Gives(case) => {
                    left.case = case;
                    left.begins = at - 1;
                    break;
                }
                Step::Stops => break,
            },
        }
        at -= 1;
        left.begins = at;
    }
    left.is_negated = left.begins > 0 && unknown <= 1 && is_negation(tokens, left.begins - 1);
    if left.case == 0 && left.whose == 0 {
        by_copula(tokens, &mut left);
    }
    left
}

/// Says whether what ends here stands in a bracket that is still open.
fn is_in_bracket(before: &[Token]) -> bool {
    let mark = before.iter().rev().take(6).find(|it| !matches!(it.kind, TokenKind::Word | TokenKind::Number));
    mark.is_some_and(|it| it.kind == TokenKind::Open)
}

/// What a word before a mention does to its phrase.
enum Step {
    /// It belongs to it.
    Goes,
    /// It gives it this case, and begins it.
    Gives(Class),
    /// It stands before it.
    Stops,
}

/// Reads one word before a mention.
fn word_before(tokens: &[Token], at: usize, first: usize, left: &mut Left, unknown: &mut usize) -> Step {
    let token = &tokens[at - 1];
    let before = at.checked_sub(2).map(|at| &tokens[at]);
    let is_owned = before.is_some_and(|it| it.class & (OURS | YOURS) != 0);
    let class = token.class;
    if class & HOST != 0 {
        // It may be said of the mention before it: "192.0.2.1 adresinden 192.0.2.2".
        if class & (FROM | TO | OURS | YOURS) != 0 && follows_mention(&tokens[..at - 1]) {
            return Step::Stops;
        }
        left.whose |= class & (OURS | YOURS);
        // Words with endings say their case themselves.
        return if class & (FROM | TO) != 0 { Step::Gives(class & (FROM | TO)) } else { Step::Goes };
    }
    if class & (EXCEPT | FROM | BY | TO | AT) != 0 && class & (DEED | OURS | YOURS) == 0 {
        let is_place = class & AT != 0 && class & (FROM | BY | TO | EXCEPT) == 0;
        // "the machine at", "our customer with": where the noun's own address is.
        if is_place && before.is_some_and(|it| it.class & HOST != 0) {
            return Step::Goes;
        }
        // "to delist 192.0.2.1" is no direction.
        let is_infinitive = token.word == "to" && *unknown > 0 && tokens[at].class == 0;
        return Step::Gives(if is_infinitive { 0 } else { class & (EXCEPT | FROM | BY | TO | AT) });
    }
    // "infected machines such as 192.0.2.1 connect to it": the bots of somebody else's controller.
    let is_example = tokens[at..].iter().take(4).any(|it| it.word == "such" || it.word == "like");
    if class & TAKEN != 0 && is_before_host(tokens, at) && is_example && left.whose == 0 {
        return Step::Gives(EXCEPT);
    }
    // "the attacking host 192.0.2.1"
    if class & DEED != 0 && is_before_host(tokens, at) && noun_case(&token.word) == FROM {
        return Step::Gives(FROM);
    }
    // "our monitoring 192.0.2.1", "our scanner 192.0.2.1"
    if class & (SEES | DEED) != 0 && is_owned && left.whose == 0 {
        return Step::Goes;
    }
    if class & (DEED | WEAK | PASSIVE | SUFFERS | SEES | NOT | AND | CLEAN) != 0 {
        return Step::Stops;
    }
    if class & (OURS | YOURS | OTHERS) != 0 {
        // "on our sensors that your server": the nearer one owns it.
        if left.whose != 0 && class & left.whose == 0 {
            return Step::Stops;
        }
        left.whose |= class & (OURS | YOURS | OTHERS);
    } else if class & WE != 0 {
        // "We (192.0.2.1) are": nothing but a bracket between.
        left.whose |= if left.begins + 1 >= first && *unknown == 0 { OURS } else { 0 };
        return Step::Stops;
    } else if class == 0 && noun_case(&token.word) != 0 {
        return Step::Gives(noun_case(&token.word));
    } else if class & FILLER == 0 && !is_port(&token.word) {
        *unknown += 1;
        return if *unknown > UNKNOWN_MAX { Step::Stops } else { Step::Goes };
    }
    Step::Goes
}

/// Says whether nothing but a few words stand between a mention and what follows here.
fn follows_mention(before: &[Token]) -> bool {
    let other = before.iter().rev().take(4).find(|it| it.kind != TokenKind::Word);
    other.is_some_and(|it| matches!(it.kind, TokenKind::Mention(_)))
}

/// "The source is 192.0.2.1", "our name server is 192.0.2.2": what is said to be it stands before the verb.
fn by_copula(tokens: &[Token], left: &mut Left) {
    let Some(copula) = left.begins.checked_sub(1).map(|at| &tokens[at]) else { return };
    if copula.class & NOT != 0
        || (copula.class & (PASSIVE | FILLER) == 0 && !COPULAS.contains(&copula.word.as_str()))
    {
        return;
    }
    let before = tokens[..left.begins - 1].iter().rev().take(6);
    for token in before.take_while(|it| it.kind == TokenKind::Word && it.class & (SEES | SUFFERS | WE) == 0) {
        left.whose |= token.class & (OURS | YOURS);
        let case = if token.class & (OURS | YOURS) == 0 { noun_case(&token.word) } else { 0 };
        if case != 0 && COPULAS.contains(&copula.word.as_str()) {
            left.case = case;
            return;
        }
    }
    if !COPULAS.contains(&copula.word.as_str()) {
        left.whose = 0;
    }
}

/// Returns the case that a noun for the source or the target of an attack gives to what follows it.
fn noun_case(word: &str) -> Class {
    let class = vocabulary::classes(word);
    let strong = class & vocabulary::WEAK == 0;
    match (class & vocabulary::ACCUSED != 0, class & vocabulary::VICTIM != 0) {
        (true, false) if strong => FROM,
        (false, true) if strong => TO,
        _ => 0,
    }
}

fn is_before_host(tokens: &[Token], at: usize) -> bool {
    tokens.get(at).is_some_and(|it| it.class & HOST != 0)
}

pub(super) fn is_port(word: &str) -> bool {
    ["port", "puert", "порт", "tcp", "udp", "poort"].iter().any(|it| word.starts_with(it))
}

/// "our server, 192.0.2.1, was": the words before the comma speak of what follows it.
fn owner_before(tokens: &[Token], comma: usize) -> bool {
    let before = tokens[..comma].iter().rev().take(6);
    let is_phrase = |it: &&Token| {
        matches!(it.kind, TokenKind::Word | TokenKind::Open) && it.class & (DEED | SEES | TO | FROM | BY) == 0
    };
    let mut words = before.take_while(is_phrase);
    words.any(|it| it.class & (OURS | YOURS) != 0)
}

/// Returns whose a mention is by the words after it: "(our shop)", ", a machine of yours", "in your network".
fn trailing(tokens: &[Token], last: usize) -> Class {
    let mut found = 0;
    let Some(next) = tokens.get(last + 1) else { return 0 };
    // "of yours", "from your network", "in Ihrem Netz": the owner stands close behind; else an apposition names it.
    let owned = tokens[last + 1..].iter().take(3).any(|it| it.class & (OURS | YOURS | OTHERS) != 0);
    let is_owned = owned
        && next.class & (AT | FROM | FILLER | OURS | YOURS | OTHERS) != 0
        && next.class & (TO | DEED) & !AT == 0;
    // "192.0.2.1 unseren Server": whose the next one is.
    let begins_another = next.class & (OURS | YOURS) != 0 && is_before_host(tokens, last + 2);
    if (!matches!(next.kind, TokenKind::Open | TokenKind::Comma) && !is_owned) || begins_another {
        return 0;
    }
    let mut after_comma = true;
    for token in tokens[last + 1..].iter().take(9) {
        let is_relative = token.class & PASSIVE != 0 && token.class & (TO | BY) == 0 && !after_comma;
        match token.kind {
            TokenKind::Mention(_) => return 0,
            TokenKind::Stop | TokenKind::Close if found == 0 => {}
            TokenKind::Stop | TokenKind::Close => break,
            TokenKind::Word if token.class & (OURS | YOURS | OTHERS) != 0 => {
                found |= token.class & (OURS | YOURS | OTHERS);
            }
            TokenKind::Word
                if token.class & (DEED | SEES | SUFFERS | PASSIVE | TO | BY) != 0
                    && token.class & (AT | HOST | TAKEN) == 0
                    && !is_relative =>
            {
                break;
            }
            _ => {}
        }
        after_comma = token.kind == TokenKind::Comma;
    }
    if found & OTHERS != 0 {
        return OTHERS;
    }
    // Both are no answer.
    if found == OURS | YOURS { 0 } else { found }
}

/// Returns what the word for a host right behind a mention says: "192.0.2.1 adresli sunucumuza".
fn behind(tokens: &[Token], last: usize) -> Class {
    let behind = tokens[last + 1..].iter().take(4);
    let mut behind = behind.take_while(|it| it.kind == TokenKind::Word && it.class & (DEED | SEES) == 0);
    behind
        .find(|it| it.class & HOST != 0 && it.class & (FROM | TO | OURS | YOURS) != 0)
        .map_or(0, |it| it.class)
}

/// "No, the attacker is" denies what was asked, not what is said.
pub(super) fn is_negation(tokens: &[Token], at: usize) -> bool {
    let answers = tokens.get(at + 1).is_some_and(|it| it.kind == TokenKind::Comma);
    tokens[at].class & NOT != 0 && tokens[at].class & FROM == 0 && !answers
}
