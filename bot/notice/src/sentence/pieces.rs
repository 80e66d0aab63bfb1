//! A line cut into words, marks and mentions: the pieces of its sentences.

use super::Piece;
use super::Place;
use crate::lines::Line;
use crate::pattern::fold;
use crate::pattern::is_of_word;
use crate::resource;

/// Bytes of one stretch of words that are read.
const STRETCH_BYTES_MAX: usize = 1200;

/// Ends a sentence.
pub(super) const END: &str = "\u{0}";

/// Returns what a line mentions, in order.
pub(super) fn mentions(line: &Line<'_>, at: usize) -> Vec<Place> {
    let spots = line.spots.iter().filter(|spot| spot.ip.is_some());
    let mut places: Vec<Place> =
        spots.map(|spot| Place { line: at, start: spot.start, end: spot.end, is_instance: false }).collect();
    places.extend(resource::instances(line.text).into_iter().map(|(start, id)| Place {
        line: at,
        start,
        end: start + id.len(),
        is_instance: true,
    }));
    places.sort_by_key(|place| place.start);
    let mut end = 0;
    places.retain(|place| {
        let is_apart = place.start >= end;
        end = if is_apart { place.end } else { end };
        is_apart
    });
    places
}

/// Cuts a line into words, folded, marks and mentions.
pub(super) fn cut_line(line: &Line<'_>, at: usize, pieces: &mut Vec<Piece>) {
    let mut from = 0;
    for place in mentions(line, at) {
        cut_words(&line.text[from..place.start], pieces);
        pieces.push((String::new(), Some(place)));
        from = place.end;
    }
    cut_words(line.text.get(from..).unwrap_or_default(), pieces);
}

fn cut_words(text: &str, pieces: &mut Vec<Piece>) {
    let text = &text[..text.floor_char_boundary(STRETCH_BYTES_MAX)];
    let mut word = String::new();
    let mut letters = text.chars().peekable();
    // What parts an address from what is said of it, or an item from its mark, parts no words.
    let (mut before, mut has_words) = ('\n', false);
    while let Some(letter) = letters.next() {
        let stands_alone = has_words && before == ' ' && letters.peek() == Some(&' ');
        (before, has_words) = (letter, has_words || letter.is_alphanumeric());
        let joins = matches!(letter, '\'' | '\u{2019}' | '-' | '_')
            && !word.is_empty()
            && letters.peek().is_some_and(|next| next.is_alphanumeric());
        let in_number = matches!(letter, ':' | '/')
            && word.ends_with(|it: char| it.is_ascii_digit())
            && letters.peek().is_some_and(char::is_ascii_digit);
        // "10.02.2026", "www.example.org"
        let in_name =
            letter == '.' && !word.is_empty() && letters.peek().is_some_and(|next| next.is_alphanumeric());
        if is_of_word(letter) || joins || in_number || in_name {
            word.push(if letter == '\u{2019}' { '\'' } else { letter });
            continue;
        }
        let ends = matches!(letter, '.' | '!' | '?')
            && letters.peek().is_none_or(|next| next.is_whitespace())
            && (letter != '.' || !is_abbreviation(&word, letters.clone()));
        if !word.is_empty() {
            pieces.push((fold(&word).into_owned(), None));
            word.clear();
        }
        let letter = if letter == '-' && stands_alone { '\u{2013}' } else { narrow(letter) };
        if ends || letter == ';' {
            pieces.push((END.to_owned(), None));
        } else if matches!(letter, ',' | ':' | '(' | ')' | '[' | ']' | '\u{2013}' | '\u{2014}') {
            pieces.push((letter.to_string(), None));
        }
    }
    if !word.is_empty() {
        pieces.push((fold(&word).into_owned(), None));
    }
}

/// Returns the mark of other scripts that a wide one stands for; what ends a sentence there as a semicolon.
fn narrow(mark: char) -> char {
    match mark {
        '\u{3001}' | '\u{ff0c}' | '\u{60c}' => ',',
        '\u{964}' | '\u{61b}' | '\u{61f}' | '\u{3002}' | '\u{ff61}' | '\u{ff01}' | '\u{ff1f}'
        | '\u{ff1b}' => ';',
        '\u{ff1a}' => ':',
        '\u{ff08}' | '\u{3010}' => '(',
        '\u{ff09}' | '\u{3011}' => ')',
        mark => mark,
    }
}

/// Says whether a dot ends no sentence: "z. B.", "Nr. 4", "10. Februar".
fn is_abbreviation(word: &str, ahead: impl Iterator<Item = char>) -> bool {
    const SHORT: [&str; 10] = ["nr", "no", "ca", "st", "dr", "mr", "vs", "al", "resp", "approx"];
    const MONTHS: [&str; 14] = [
        "jan", "feb", "mar", "m\u{e4}r", "apr", "mai", "may", "jun", "jul", "aug", "sep", "okt", "nov", "de",
    ];
    let ahead: String =
        ahead.skip_while(|it| it.is_whitespace()).take(3).flat_map(char::to_lowercase).collect();
    let word = word.to_lowercase();
    if word.chars().all(|letter| letter.is_ascii_digit()) && !word.is_empty() {
        let is_date = ahead.starts_with(|it: char| it.is_ascii_digit())
            || MONTHS.iter().chain(&["oct"]).any(|month| ahead.starts_with(month));
        return word.len() <= 2 && is_date;
    }
    word.chars().count() == 1 || SHORT.contains(&word.as_str())
}
