//! What is only clear beside the other mentions of a sentence: objects, what belongs to the reader, "von" that means "of".

use super::grammar::Part;
use super::lexicon::AT;
use super::lexicon::DEED;
use super::lexicon::OURS;
use super::lexicon::SEES;
use super::lexicon::TO;
use super::lexicon::YOURS;
use super::phrase::Group;
use super::phrase::is_port;
use super::phrase::whose;
use super::token::Token;
use super::token::TokenKind;

/// Settles what is only clear beside the others: objects, and what belongs to the reader.
pub(super) fn settle(tokens: &[Token], groups: &[Group], parts: &mut [Option<Part>]) {
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

/// Where it is said whence it came, "von" and its like before another one mean "of": "der Dienst von 192.0.2.1".
pub(super) fn settle_genitives(tokens: &[Token], groups: &[Group], parts: &mut [Option<Part>]) {
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
