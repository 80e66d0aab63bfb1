//! Chinese, Japanese, Korean and Thai sentences: cut into words where no blanks cut them, and put into the order of the
//! languages that [`grammar`](super::grammar) reads. What stands behind a noun there (から, 에게) stands before it here.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::Place;
use super::eastern_words;
use super::eastern_words::ALL;
use super::lexicon::AND;
use super::lexicon::BY;
use super::lexicon::CLEAN;
use super::lexicon::Class;
use super::lexicon::DEED;
use super::lexicon::EXCEPT;
use super::lexicon::FILLER;
use super::lexicon::FROM;
use super::lexicon::HOST;
use super::lexicon::NOT;
use super::lexicon::OURS;
use super::lexicon::PASSIVE;
use super::lexicon::SEES;
use super::lexicon::SUFFERS;
use super::lexicon::TO;
use super::lexicon::WEAK;
use super::lexicon::YOURS;
use super::token::Token;
use super::token::TokenKind;

/// It stands behind the noun that it speaks of.
pub(super) const BEHIND: Class = 1 << 20;
/// It marks what a verb is done to, or what is seen, or whom is blamed: which one, the verb tells.
pub(super) const OBJECT: Class = 1 << 21;
/// It marks the subject, or ends a phrase.
pub(super) const BOUND: Class = 1 << 22;
/// What is taken from somewhere rather than done from there.
pub(super) const OBTAINS: Class = 1 << 23;
/// What it follows describes the noun behind it.
pub(super) const RELATIVE: Class = 1 << 24;
/// It turns a deed into one that is suffered.
pub(super) const RECEIVES: Class = 1 << 25;
/// It makes a deed of a deed's noun what something is used for.
pub(super) const USES: Class = 1 << 26;

/// Here stood a particle that was put before its noun: what follows speaks of another one.
const MOVED: Class = 1 << 29;

/// Words are not longer than this, in letters.
const WORD_MAX: usize = 9;
/// Nor than this in Thai, which writes its vowels.
const THAI_WORD_MAX: usize = 20;
/// How far a particle may stand behind its noun, in pieces.
const PARTICLE_FAR: usize = 8;
/// How far the deed of a clause may stand before the noun that the clause describes.
const CLAUSE_FAR: usize = 14;

/// Says whether a letter belongs to a script that is written without blanks, or with endings for cases.
pub(super) fn is_eastern(letter: char) -> bool {
    matches!(letter, '\u{e00}'..='\u{e4e}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}')
}

/// Says whether a sentence is in one of these languages rather than one that merely names somebody in it.
pub(super) fn is_sentence<'a>(words: impl Iterator<Item = &'a str>) -> bool {
    let (mut eastern, mut others) = (0usize, 0usize);
    for letter in words.flat_map(str::chars).filter(|letter| letter.is_alphabetic()) {
        if is_eastern(letter) { eastern += 1 } else { others += 1 }
    }
    eastern > 0 && eastern * 2 >= others
}

type Dictionary = HashMap<&'static str, Class>;

static DICTIONARIES: LazyLock<[Dictionary; 4]> = LazyLock::new(|| {
    ALL.map(|lists| {
        let mut words = Dictionary::new();
        for (class, list) in lists {
            for word in list.split_ascii_whitespace() {
                *words.entry(word).or_default() |= class;
            }
        }
        words
    })
});

fn dictionary(words: &[String]) -> &'static Dictionary {
    let has =
        |from: char, to: char| words.iter().any(|word| word.chars().any(|it| (from..=to).contains(&it)));
    let [chinese, japanese, korean, thai] = &*DICTIONARIES;
    if has('\u{e00}', '\u{e4e}') {
        thai
    } else if has('\u{ac00}', '\u{d7af}') {
        korean
    } else if has('\u{3040}', '\u{30ff}') {
        japanese
    } else {
        chinese
    }
}

/// Cuts a sentence into words and puts them into the order that the grammar reads.
pub(super) fn tokens(pieces: &[(String, Option<Place>)]) -> Vec<Token> {
    let words: Vec<String> = pieces.iter().map(|(word, _)| word.to_lowercase()).collect();
    let dictionary = dictionary(&words);
    let mut tokens = Vec::with_capacity(pieces.len() * 2);
    let mut mentions = 0;
    for (word, (_, mention)) in words.iter().zip(pieces) {
        let mark = match (mention, word.as_str()) {
            (Some(place), _) => {
                mentions += 1;
                let kind = TokenKind::Mention(mentions - 1);
                tokens.push(Token { kind, class: 0, word: String::new(), is_instance: place.is_instance });
                continue;
            }
            (_, "," | ":" | "\u{2013}" | "\u{2014}") => Some(TokenKind::Comma),
            (_, "(" | "[") => Some(TokenKind::Open),
            (_, ")" | "]") => Some(TokenKind::Close),
            _ if word.starts_with(|it: char| it.is_ascii_digit()) && !word.chars().any(is_eastern) => {
                Some(TokenKind::Number)
            }
            _ => None,
        };
        match mark {
            Some(kind) => tokens.push(Token { kind, class: 0, word: word.clone(), is_instance: false }),
            None => cut(word, dictionary, &mut tokens),
        }
    }
    merge_passives(&mut tokens);
    part_from_deeds(&mut tokens);
    move_negations(&mut tokens);
    move_particles(&mut tokens);
    mark_described(&mut tokens);
    join_copulas(&mut tokens);
    for token in &mut tokens {
        if token.class & BOUND != 0 {
            token.class = AND;
        }
        token.class &= eastern_words::KNOWN;
    }
    tokens
}

/// Cuts a run of letters into the longest words that are known.
fn cut(run: &str, dictionary: &Dictionary, tokens: &mut Vec<Token>) {
    let letters: Vec<(usize, char)> = run.char_indices().collect();
    let end_of = |at: usize| letters.get(at).map_or(run.len(), |(end, _)| *end);
    let mut unknown = String::new();
    let mut at = 0;
    while at < letters.len() {
        let is_thai = ('\u{e00}'..='\u{e4e}').contains(&letters[at].1);
        let most = if is_thai { THAI_WORD_MAX } else { WORD_MAX };
        let longest = (1..=most.min(letters.len() - at)).rev();
        let found = longest.map(|length| &run[letters[at].0..end_of(at + length)]).find_map(|word| {
            let class = dictionary.get(word)?;
            let is_whole =
                is_particle_there(word, *class, &unknown, at + word.chars().count() == letters.len());
            is_whole.then_some((word, *class))
        });
        let Some((word, class)) = found else {
            unknown.push(letters[at].1);
            at += 1;
            continue;
        };
        push(std::mem::take(&mut unknown), 0, tokens);
        push(word.to_owned(), class, tokens);
        at += word.chars().count();
    }
    push(unknown, 0, tokens);
}

/// One letter is a particle only behind a noun: at the end of a Korean word, or where Japanese letters of words end.
fn is_particle_there(word: &str, class: Class, unknown: &str, is_last: bool) -> bool {
    let mut letters = word.chars();
    let (Some(letter), None) = (letters.next(), letters.next()) else { return true };
    if class & (BEHIND | OBJECT | BOUND) == 0 {
        return true;
    }
    match letter {
        '\u{ac00}'..='\u{d7af}' => is_last && unknown.is_empty(),
        '\u{3040}'..='\u{309f}' => !unknown.ends_with(|it| ('\u{3040}'..='\u{309f}').contains(&it)),
        _ => true,
    }
}

fn push(word: String, class: Class, tokens: &mut Vec<Token>) {
    if !word.is_empty() {
        tokens.push(Token { kind: TokenKind::Word, class, word, is_instance: false });
    }
}

/// "攻撃を受け", "공격을 받": a deed that is suffered; "攻撃に使用され", "攻撃が検知され" are none.
fn merge_passives(tokens: &mut [Token]) {
    for at in 0..tokens.len() {
        if tokens[at].class & DEED == 0 {
            continue;
        }
        let near = tokens[at + 1..].iter().take(4);
        let mut near =
            near.take_while(|it| it.kind == TokenKind::Word && it.class & (SEES | USES | WEAK) == 0);
        let is_suffered = near.any(|it| it.class & RECEIVES != 0);
        tokens[at].class |= if is_suffered { SUFFERS } else { 0 };
    }
}

/// "攻撃とは関係なく", "与此次攻击无关": what somebody has nothing to do with is no deed of his.
fn part_from_deeds(tokens: &mut [Token]) {
    for at in 0..tokens.len() {
        if tokens[at].class & CLEAN == 0 {
            continue;
        }
        let near = tokens[..at].iter_mut().rev().take(3).take_while(|it| it.kind == TokenKind::Word);
        near.for_each(|it| it.class &= !(DEED | WEAK));
    }
}

/// A negation stands behind its verb in two of these languages: it is put before the deed that it denies.
fn move_negations(tokens: &mut Vec<Token>) {
    for at in 0..tokens.len() {
        if tokens[at].class & NOT == 0 || tokens[at].class & BEHIND == 0 {
            continue;
        }
        let near = tokens[..at].iter().rev().take(6).take_while(|it| it.kind == TokenKind::Word);
        let deeds = near.enumerate().filter(|(_, it)| it.class & (DEED | WEAK | SEES) != 0);
        if let Some(back) = deeds.map(|(back, _)| back).last() {
            let negation = tokens.remove(at);
            tokens.insert(at - 1 - back, negation);
        }
    }
}

/// Puts what stands behind a noun phrase with an address before it; what ends another phrase separates.
fn move_particles(tokens: &mut Vec<Token>) {
    for at in 0..tokens.len() {
        let class = tokens[at].class;
        if tokens[at].kind != TokenKind::Word || class & (BEHIND | OBJECT) == 0 || class & NOT != 0 {
            continue;
        }
        let Some(mention) = mention_before(tokens, at) else {
            tokens[at].class = BOUND;
            continue;
        };
        let case = if class & OBJECT != 0 { case_of_object(tokens, at) } else { case_of(tokens, at, class) };
        if case == 0 {
            tokens[at].class = BOUND;
            continue;
        }
        // Something stays between the noun and the next one.
        let class = FILLER | MOVED;
        let stay = Token { kind: TokenKind::Word, class, word: String::new(), is_instance: false };
        let mut particle = std::mem::replace(&mut tokens[at], stay);
        particle.class = case;
        tokens.insert(phrase_begins(tokens, mention), particle);
    }
}

/// Returns the first mention of the noun phrase that ends before a particle.
fn mention_before(tokens: &[Token], at: usize) -> Option<usize> {
    let mut depth = 0usize;
    let mut found = None;
    let mut is_joined = false;
    for back in (at.saturating_sub(PARTICLE_FAR)..at).rev() {
        let token = &tokens[back];
        match token.kind {
            TokenKind::Close => depth += 1,
            TokenKind::Open if depth == 0 => return found,
            TokenKind::Open => depth -= 1,
            TokenKind::Mention(_) if depth == 0 && (found.is_none() || is_joined) => {
                (found, is_joined) = (Some(back), false);
            }
            TokenKind::Mention(_) if depth == 0 => return found,
            TokenKind::Comma if depth == 0 && found.is_none() => return None,
            TokenKind::Comma if depth == 0 => is_joined = true,
            TokenKind::Stop => return found,
            TokenKind::Word if depth == 0 => {
                let ends = DEED
                    | SEES
                    | SUFFERS
                    | BEHIND
                    | OBJECT
                    | BOUND
                    | MOVED
                    | FROM
                    | TO
                    | BY
                    | EXCEPT
                    | RELATIVE;
                is_joined |= token.class & AND != 0;
                if token.class & AND == 0 && (found.is_some() || token.class & ends != 0) {
                    return found;
                }
            }
            _ => {}
        }
    }
    found
}

/// Returns where the words begin that belong to a mention: whose host it is.
fn phrase_begins(tokens: &[Token], mention: usize) -> usize {
    let mut begins = mention;
    let mut unknown = 0;
    while begins > 0 {
        let token = &tokens[begins - 1];
        let belongs = match token.kind {
            TokenKind::Word if token.class & (HOST | OURS | YOURS | FILLER) != 0 => {
                token.class & (BOUND | BEHIND | OBJECT | FROM | TO | BY | RELATIVE) == 0
            }
            TokenKind::Word if token.class == 0 => {
                unknown += 1;
                unknown <= 3
            }
            TokenKind::Open | TokenKind::Close => true,
            _ => false,
        };
        if !belongs {
            break;
        }
        begins -= 1;
    }
    begins
}

/// A host from which a log was taken did nothing; one "by" which something was suffered did.
fn case_of(tokens: &[Token], at: usize, class: Class) -> Class {
    let ahead = tokens[at + 1..].iter().take(4);
    let mut ahead = ahead.take_while(|it| !matches!(it.kind, TokenKind::Comma | TokenKind::Stop));
    if class & FROM != 0 {
        let obtained = ahead.take_while(|it| it.class & (DEED | WEAK) == 0).any(|it| it.class & OBTAINS != 0);
        return if obtained { EXCEPT } else { FROM };
    }
    // "의해" ends what "에" begins; "192.0.2.1로 확인" tells what it is, not where to.
    let next = tokens.get(at + 1).map_or(0, |it| it.class);
    if class & TO != 0 && next & BY != 0 && next & BEHIND != 0 {
        return BY;
    }
    if class & TO != 0 && next & SEES != 0 && ["로", "으로"].contains(&tokens[at].word.as_str()) {
        return 0;
    }
    // "198.51.100.1 に攻撃された"
    let is_agent = class & TO != 0
        && class & BY != 0
        && ahead.next().is_some_and(|it| it.class & SUFFERS != 0 && it.class & DEED != 0);
    if is_agent { BY } else { class & (FROM | TO | EXCEPT) | if class & TO == 0 { class & BY } else { 0 } }
}

/// What is attacked is a target; what is blocked, or said to be the source, is none.
fn case_of_object(tokens: &[Token], at: usize) -> Class {
    let mut ahead = tokens[at + 1..].iter().take(6).take_while(|it| it.kind == TokenKind::Word);
    let verb = ahead.find(|it| it.class & (DEED | SEES | FROM | TO | OBTAINS | WEAK) != 0);
    match verb {
        Some(verb) if verb.class & BEHIND == 0 && verb.class & FROM != 0 => FROM,
        Some(verb) if verb.class & (DEED | TO) != 0 && verb.class & BEHIND == 0 => TO,
        _ => 0,
    }
}

/// "攻撃を行った 192.0.2.1", "攻击我方服务器的主机 192.0.2.1": a clause that tells what the noun behind it did.
fn mark_described(tokens: &mut Vec<Token>) {
    let mut at = 0;
    while at < tokens.len() {
        at += 1;
        if !matches!(tokens[at - 1].kind, TokenKind::Mention(_)) {
            continue;
        }
        let mut begins = phrase_begins(tokens, at - 1);
        // "The host that attacked is 192.0.2.1": the noun stands before the particle.
        if begins >= 2 && tokens[begins - 1].class & BOUND != 0 && tokens[begins - 2].class & HOST != 0 {
            let noun = phrase_begins(tokens, begins - 1);
            if noun > 0 && tokens[noun - 1].class & RELATIVE != 0 {
                tokens[begins - 1].class = FILLER;
                begins = noun;
            }
        }
        let is_open = tokens[begins..at].iter().all(|it| it.class & (OURS | YOURS | FROM | TO | BY) == 0);
        let describes = begins.checked_sub(1).filter(|it| is_open && tokens[*it].class & RELATIVE != 0);
        let Some(relative) = describes else { continue };
        let clause = tokens[..relative].iter().rev().take(CLAUSE_FAR);
        let clause = clause.take_while(|it| !matches!(it.kind, TokenKind::Comma | TokenKind::Stop));
        let clause: Vec<&Token> = clause.collect();
        // A noun that is possessed by what did it, "192.0.2.1 的扫描", does nothing itself.
        let Some(verb) = clause.iter().find(|it| it.class & (DEED | WEAK | SUFFERS | PASSIVE) != 0) else {
            continue;
        };
        let has_source = clause.iter().any(|it| it.class & (FROM | BY) != 0);
        let case = if verb.class & SUFFERS != 0 || has_source { TO } else { FROM };
        let word = String::new();
        tokens.insert(begins, Token { kind: TokenKind::Word, class: case, word, is_instance: false });
        at += 1;
    }
}

/// "攻撃元IPは 192.0.2.1 です": the noun before the particle tells what the address is.
fn join_copulas(tokens: &mut Vec<Token>) {
    let mut names_source = false;
    for at in 1..tokens.len() {
        if tokens[at - 1].class & BOUND == 0 || !matches!(tokens[at].kind, TokenKind::Mention(_)) {
            continue;
        }
        let before = tokens[..at - 1].iter().rev().take(4);
        let noun = before
            .take_while(|it| it.kind == TokenKind::Word && it.class & (BOUND | BEHIND | DEED) == 0)
            .find(|it| it.class & (FROM | TO | OURS | YOURS) != 0)
            .map_or(0, |it| it.class);
        if noun != 0 {
            tokens[at - 1].class = FILLER;
            names_source |= noun & FROM != 0;
        }
    }
    if names_source && !tokens.iter().any(|it| it.class & DEED != 0) {
        // What has a source is a deed.
        tokens.push(Token {
            kind: TokenKind::Word,
            class: DEED,
            word: "攻撃".to_owned(),
            is_instance: false,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::Place;
    use super::tokens;

    #[test]
    fn particles_stand_before_their_nouns() {
        let place = |line| Some(Place { line, start: 0, end: 1, is_instance: false });
        let word = |text: &str| (text.to_owned(), None);
        let pieces = [
            word("弊社のウェブサーバ"),
            (String::new(), place(0)),
            word("に"),
            (String::new(), place(1)),
            word("より大量のリクエストが送信されています"),
        ];
        let words = tokens(&pieces).into_iter().map(|token| token.word).filter(|word| !word.is_empty());
        let words: Vec<String> = words.collect();
        let expect = "に 弊社 の ウェブサーバ より 大量の リクエスト が 送信 されて い ます";
        assert_eq!(words.join(" "), expect);
    }
}
