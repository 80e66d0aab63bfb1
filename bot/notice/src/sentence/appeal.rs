//! What the sentences of a letter say of its writer and its reader: that the writer was wronged, that what is the
//! reader's did it, or that it was done to what is the reader's.
//!
//! A letter that says none of it tells of the world; whom it names it does not accuse.

use super::grammar::Told;
use super::lexicon::AT;
use super::lexicon::BY;
use super::lexicon::CLEAN;
use super::lexicon::Class;
use super::lexicon::DEED;
use super::lexicon::FROM;
use super::lexicon::HOST;
use super::lexicon::INNER_YOURS;
use super::lexicon::INVOLVED;
use super::lexicon::NOT;
use super::lexicon::OURS;
use super::lexicon::PASSIVE;
use super::lexicon::SEES;
use super::lexicon::SUFFERS;
use super::lexicon::TO;
use super::lexicon::WE;
use super::lexicon::WEAK;
use super::lexicon::YOURS;
use super::token::Token;
use super::token::TokenKind;
use crate::vocabulary;

/// What the sentences of a letter say.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Appeal {
    /// It was done to the writer, or to what is the writer's.
    pub wronged: bool,
    /// What is the reader's did it.
    pub blamed: bool,
    /// It speaks of what is the reader's.
    pub addressed: bool,
    /// The writer saw who did it, or tells at what time somebody did.
    pub saw: bool,
    /// It was done to what is the reader's.
    pub reader_wronged: bool,
    /// What is the reader's had no part in it.
    pub reader_cleared: bool,
    /// It speaks of hosts of the writer's.
    pub tells_of_own: bool,
    /// Its subject names a deed.
    pub is_headed: bool,
    /// How many sentences there are, greetings and names left out.
    pub sentences: usize,
}

/// A sentence of fewer words is a greeting, a name, the head of a list.
const SENTENCE_WORDS_MIN: usize = 5;

/// What a sentence makes of what is the reader's.
enum Reader {
    /// It did something.
    Did,
    /// Something was done to it.
    Suffered,
    /// It is where something is, or is merely named.
    Holds,
    /// It is one that the sentence names: "your host 192.0.2.1".
    Named,
    /// Nothing: it is no host.
    Nothing,
}

impl Appeal {
    /// Says whether they complain.
    pub fn complains(&self) -> bool {
        let is_about_own = self.tells_of_own && self.is_headed;
        self.wronged || self.blamed || self.addressed || is_about_own
    }

    /// Joins what a letter says with what it quotes.
    pub fn and(self, other: Self) -> Self {
        Self {
            wronged: self.wronged || other.wronged,
            blamed: self.blamed || other.blamed,
            addressed: self.addressed || other.addressed,
            saw: self.saw || other.saw,
            reader_wronged: self.reader_wronged || other.reader_wronged,
            reader_cleared: self.reader_cleared || other.reader_cleared,
            tells_of_own: self.tells_of_own || other.tells_of_own,
            is_headed: self.is_headed || other.is_headed,
            sentences: self.sentences + other.sentences,
        }
    }

    /// Counts a sentence, unless it has hardly any words.
    pub(super) fn count(&mut self, tokens: &[Token]) {
        let words = tokens.iter().filter(|it| it.kind == TokenKind::Word).take(SENTENCE_WORDS_MIN).count();
        self.sentences += usize::from(words == SENTENCE_WORDS_MIN);
    }

    /// Adds what the clauses of one sentence say that tell of what is; `told` is what the grammar makes of it, where it mentions anybody.
    pub(super) fn add(&mut self, tokens: &[Token], told: Option<&Told>, is_subject: bool) {
        let has = |class: Class| tokens.iter().any(|it| it.class & class != 0);
        let at = |class: Class| (0..tokens.len()).filter(move |at| tokens[*at].class & class != 0);
        let mentions = tokens.iter().filter(|it| matches!(it.kind, TokenKind::Mention(_))).count();
        let is_deed = has(DEED | WEAK | SUFFERS);
        self.is_headed |= is_subject && has(DEED);
        let (mut blamed, mut hit, mut addressed, mut named) = (false, false, false, false);
        for at in at(YOURS | INNER_YOURS) {
            if is_cleared(&tokens[at..]) {
                // Of whom a sentence names it tells alone.
                self.reader_cleared |= mentions == 0 && tokens[at].class & YOURS != 0;
                continue;
            }
            match part_of_reader(tokens, at) {
                Reader::Did => blamed = true,
                Reader::Suffered => hit = true,
                Reader::Holds => addressed = true,
                Reader::Named => named = true,
                Reader::Nothing => {}
            }
        }
        if let Some(told) = told {
            blamed |= told.reader_blamed && !at(YOURS).any(|at| is_writing(tokens.get(at + 1)));
            self.wronged |= told.reader_accused && !told.reader_blamed && is_deed;
            hit = told.reader_attacked;
        }
        self.blamed |= blamed && is_deed;
        self.addressed |=
            (addressed || blamed) && (is_deed || mentions > 0 || tokens.iter().any(is_for_a_doer));
        self.addressed |= named && has(DEED) && !hit;
        self.reader_wronged |= hit && !blamed && is_deed;
        let is_timed = tokens.iter().any(|it| it.kind == TokenKind::Number && it.word.contains(':'));
        let is_seen = has(WE | OURS) && has(SEES);
        let is_deed_of_one = mentions > 0 && has(DEED) || mentions > 1 && has(WEAK);
        self.saw |= is_deed_of_one && !hit && (is_seen || is_timed);
        let is_host = |at: usize| tokens[at + 1..].iter().take(4).any(|it| it.class & HOST != 0);
        self.tells_of_own |= at(OURS).any(|at| is_host(at) && !is_writers_doing(tokens, at));
        let is_object = |at: usize| {
            let after_deed = at > 0 && tokens[at - 1].class & (DEED | TO | AT) != 0;
            let class = tokens[at].class;
            (class & OURS != 0 && !is_writers_doing(tokens, at)) || (class & WE != 0 && after_deed)
        };
        self.wronged |= !hit && is_deed && at(OURS | WE).any(is_object);
    }
}

/// "The sources within your network": a noun for who did it.
fn is_for_a_doer(token: &Token) -> bool {
    let class = vocabulary::classes(&token.word);
    class & vocabulary::ACCUSED != 0 && class & (vocabulary::WEAK | vocabulary::VICTIM) == 0
}

fn part_of_reader(tokens: &[Token], at: usize) -> Reader {
    let after = || tokens[at + 1..].iter();
    let noun = || after().take(2).take_while(|it| it.kind == TokenKind::Word);
    let behind = || tokens[..at].iter().rev().take(3).take_while(|it| it.kind == TokenKind::Word);
    let is_host = tokens[at].class & HOST != 0
        || noun().chain(behind()).any(|it| it.class & HOST != 0)
        || noun().next().is_none();
    if !is_host {
        return Reader::Nothing;
    }
    if tokens[at].class & INNER_YOURS != 0 && tokens[at].class & FROM != 0 {
        return Reader::Did;
    }
    for (back, token) in tokens[..at].iter().rev().take(4).enumerate() {
        let class = token.class;
        if token.kind != TokenKind::Word {
            break;
        }
        if class & (FROM | BY) != 0 && class & TO == 0 {
            return Reader::Did;
        }
        let mut before = tokens[..at - back].iter().rev().take(6);
        let after_deed = before.any(|it| it.class & DEED != 0);
        if class & (TO | AT) != 0 {
            return match () {
                () if after_deed && class & TO != 0 => Reader::Suffered,
                () if class & AT != 0 => Reader::Holds,
                () => Reader::Nothing,
            };
        }
        if class & DEED != 0 {
            return Reader::Suffered;
        }
        if class & (SEES | SUFFERS | NOT) != 0 {
            return Reader::Nothing;
        }
    }
    // "the one that belongs to you is", "a host of yours".
    if !noun().any(|it| it.class & HOST != 0) && behind().any(|it| it.class & HOST != 0) {
        return Reader::Holds;
    }
    let is_named = after().take(4).any(|it| matches!(it.kind, TokenKind::Mention(_)));
    match as_subject(after()) {
        Reader::Nothing if is_named => Reader::Named,
        said => said,
    }
}

/// "Your query", "your report": what the reader wrote does nothing.
fn is_writing(token: Option<&Token>) -> bool {
    const WRITINGS: [&str; 28] = [
        "query",
        "question",
        "lookup",
        "search",
        "request",
        "report",
        "complaint",
        "message",
        "mail",
        "e-mail",
        "email",
        "letter",
        "ticket",
        "case",
        "notice",
        "enquiry",
        "inquiry",
        "application",
        "anfrage",
        "abfrage",
        "meldung",
        "beschwerde",
        "nachricht",
        "demande",
        "requete",
        "consulta",
        "solicitud",
        "richiesta",
    ];
    token.is_some_and(|it| WRITINGS.contains(&it.word.as_str()))
}

/// "Your address has not taken part in this", "your server is clean".
fn is_cleared(tokens: &[Token]) -> bool {
    const RELATIVE: [&str; 10] = ["that", "which", "who", "die", "das", "der", "qui", "que", "che", "dat"];
    let host = tokens.iter().skip(1).take(2).position(|it| it.class & HOST != 0);
    // "Your systems that did nothing wrong" are some of them.
    let is_some = |at: usize| tokens.get(at + 2).is_some_and(|it| RELATIVE.contains(&it.word.as_str()));
    let is_host = host.is_some_and(|at| !is_some(at));
    let said = || tokens.iter().skip(2).take(8).take_while(|it| it.kind == TokenKind::Word);
    let denied = said().position(|it| it.class & NOT != 0);
    let is_free =
        denied.is_some_and(|at| said().skip(at + 1).take(3).any(|it| it.class & (INVOLVED | DEED) != 0));
    let is_clean = || denied.is_none() && said().any(|it| it.class & CLEAN != 0);
    is_host && (is_free || is_clean())
}

/// What is said of the subject of what follows.
fn as_subject<'a>(after: impl Iterator<Item = &'a Token>) -> Reader {
    let mut follows_auxiliary = false;
    for token in after.take(14) {
        let is_done = token.class & DEED != 0 && follows_auxiliary && token.word.ends_with("ed");
        if token.class & SUFFERS != 0 || is_done {
            return Reader::Suffered;
        }
        if token.class & (DEED | WEAK) != 0 {
            return Reader::Did;
        }
        follows_auxiliary = token.class & PASSIVE != 0;
    }
    Reader::Nothing
}

/// "blocked by our filters", "our sensors saw": what the writer's things do themselves.
fn is_writers_doing(tokens: &[Token], at: usize) -> bool {
    let before = || tokens[..at].iter().rev().take(3).take_while(|it| it.kind == TokenKind::Word);
    let verb = tokens[at + 1..].iter().take(5).find(|it| it.class & (SEES | DEED | WEAK | SUFFERS) != 0);
    let tells = verb.is_some_and(|it| it.class & SEES != 0);
    before().any(|it| it.class & (FROM | BY) != 0 && it.class & TO == 0)
        || (tells && !before().any(|it| it.class & (DEED | TO | AT) != 0))
}
