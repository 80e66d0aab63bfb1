//! Regular expressions, compiled so that they stay fast on any text.
//!
//! Classes such as `\w` and `\b` mean ASCII here: the engine never leaves its fast path. Words of
//! Latin scripts are therefore matched [`fold`]ed, or "by" would be found in Polish "było".

use std::borrow::Cow;

use regex::Regex;
use regex::RegexSet;

/// Compiles a pattern that is part of this program; a wrong one is an error of the programmer.
pub(super) fn compile(pattern: &str) -> Regex {
    Regex::new(&ascii(pattern)).expect("the pattern is valid")
}

/// Compiles several patterns into one set.
pub(super) fn compile_set<'a>(patterns: impl Iterator<Item = &'a str>) -> RegexSet {
    RegexSet::new(patterns.map(|pattern| format!("(?i){}", ascii(pattern)))).expect("the patterns are valid")
}

/// Returns a text in lower case, its Latin letters without their marks.
pub(super) fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        let has_upper = text.bytes().any(|byte| byte.is_ascii_uppercase());
        return if has_upper { Cow::Owned(text.to_ascii_lowercase()) } else { Cow::Borrowed(text) };
    }
    Cow::Owned(text.chars().flat_map(char::to_lowercase).filter(|it| !is_mark(*it)).map(bare).collect())
}

/// Says whether a sign is written or left out at will: vowels of Arabic, its long dash, what keeps two letters apart, a dot
/// that lower case left of a Turkish capital.
fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{307}' | '\u{640}' | '\u{64b}'..='\u{652}' | '\u{200b}'..='\u{200d}' | '\u{feff}')
}

/// Says whether a letter belongs to a word: also the marks on letters of Indic scripts and Thai, which are no letters
/// themselves.
pub(super) fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric()
        || matches!(letter, '\u{93c}' | '\u{94d}' | '\u{e47}'..='\u{e4e}' | '\u{64b}'..='\u{652}')
}

/// Returns the letter under a mark.
fn bare(letter: char) -> char {
    match letter {
        'à'..='å' | 'ā' | 'ă' | 'ą' | 'ǎ' | 'æ' | 'ạ'..='ặ' => 'a',
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => 'c',
        'ď' | 'đ' | 'ð' => 'd',
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' | 'ẹ'..='ệ' => 'e',
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => 'g',
        'ì'..='ï' | 'ĩ' | 'ī' | 'į' | 'ı' | 'ỉ' | 'ị' => 'i',
        'ķ' => 'k',
        'ĺ' | 'ļ' | 'ľ' | 'ł' => 'l',
        'ñ' | 'ń' | 'ņ' | 'ň' => 'n',
        'ò'..='ö' | 'ø' | 'ō' | 'ő' | 'œ' | 'ơ' | 'ọ'..='ợ' => 'o',
        'ŕ' | 'ř' => 'r',
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' | 'ß' => 's',
        'ţ' | 'ť' | 'ț' | 'þ' => 't',
        'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' | 'ư' | 'ụ'..='ự' => 'u',
        'ý' | 'ÿ' | 'ỳ'..='ỹ' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        'ά' => 'α',
        'έ' => 'ε',
        'ή' => 'η',
        'ί' | 'ϊ' | 'ΐ' => 'ι',
        'ό' => 'ο',
        'ύ' | 'ϋ' | 'ΰ' => 'υ',
        'ώ' => 'ω',
        'ς' => 'σ',
        other => other,
    }
}

/// Spells the classes of a pattern out in ASCII.
fn ascii(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() * 2);
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            out.push(letter);
            continue;
        }
        match letters.next() {
            Some('b') => out.push_str("(?-u:\\b)"),
            Some('d') => out.push_str("[0-9]"),
            Some('w') => out.push_str("[0-9A-Za-z_]"),
            Some('s') => out.push_str("[\\t\\n\\r\\x20]"),
            Some('W') => out.push_str("[^0-9A-Za-z_]"),
            Some('S') => out.push_str("[^\\t\\n\\r\\x20]"),
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
            None => out.push('\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::compile;
    use super::fold;

    #[test]
    fn letters_lose_their_marks() {
        assert_eq!(fold("Było ŹRÓDŁOWY Größe"), "bylo zrodlowy grose");
        assert_eq!(fold("plain"), "plain");
        assert_eq!(fold("Επίθεσης İzmir صادرًا می\u{200c}کند"), "επιθεσησ izmir صادرا میکند");
    }

    #[test]
    fn classes_are_ascii() {
        let pattern = compile(r"\b\d+[\s,]\w+\b");
        assert!(pattern.is_match("12 abc") && pattern.is_match("12,abc") && !pattern.is_match("١٢ abc"));
    }
}
