//! The part of a mention that follows from the word before it: "from", "by", "to", "on".

use super::grammar::Part;
use super::lexicon::AT;
use super::lexicon::BY;
use super::lexicon::DEED;
use super::lexicon::EXCEPT;
use super::lexicon::FROM;
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
use super::nouns::is_attack_on;
use super::nouns::is_forged;
use super::nouns::is_moved;
use super::nouns::is_of_found;
use super::nouns::is_report;
use super::nouns::is_sensor;
use super::phrase::Group;
use super::phrase::Left;
use super::phrase::whose;
use super::token::Token;
use super::token::TokenKind;

/// Returns the part that follows from the word before a group.
pub(super) fn by_case(tokens: &[Token], group: &Group) -> Option<Part> {
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
        if begins.checked_sub(1).is_some_and(|at| is_moved(&tokens[at].word)) {
            return Some(Part::Beside);
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

/// From where a host is led, by whoever leads it.
const LEADS: [&str; 7] =
    ["controlled", "steered", "gesteuert", "ferngesteuert", "controle", "controla", "управля"];

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
