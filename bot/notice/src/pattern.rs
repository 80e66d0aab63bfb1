//! Regular expressions, compiled so that they stay fast on any text.
//!
//! Classes such as `\w` and `\b` mean ASCII here: notices in other scripts are matched by what is
//! ASCII in them, and the engine never leaves its fast path.

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

    #[test]
    fn classes_are_ascii() {
        let pattern = compile(r"\b\d+[\s,]\w+\b");
        assert!(pattern.is_match("12 abc") && pattern.is_match("12,abc") && !pattern.is_match("١٢ abc"));
    }
}
