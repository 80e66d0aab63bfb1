//! The pieces that a sentence is read as.

use super::lexicon::Class;

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
