//! Text whose lines a mail program broke for transport (`format=flowed`, RFC 3676): a line that ends with a blank goes on
//! in the next one.

use std::borrow::Cow;

use super::address;

/// Joins the lines that were broken. What begins a row, a header or a list is a line of its own, whatever blank somebody
/// left at the end of the line before it.
pub(super) fn joined(text: &str) -> Cow<'_, str> {
    if !text.contains(" \n") && !text.contains(" \r\n") {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    let mut open: Option<(usize, &str)> = None;
    for line in text.lines() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let (depth, words) = depth_of(line);
        // A line that may begin with a blank or a mark was stuffed with one.
        let goes_on = open.is_some_and(|(of, before)| of == depth && !begins_something(words, before));
        if goes_on {
            out.push_str(words.strip_prefix(' ').unwrap_or(words));
        } else {
            if !out.is_empty() {
                out.push('\n');
            }
            out.push_str(line);
        }
        let is_soft = words.ends_with(' ') && words.trim_end() != "--" && !words.trim().is_empty();
        // What goes on is in the middle of a sentence.
        open = is_soft.then_some((depth, if goes_on { "" } else { words }));
    }
    out.into()
}

/// Returns how deeply a line is quoted, and its words.
fn depth_of(line: &str) -> (usize, &str) {
    let words = line.trim_start_matches('>');
    (line.len() - words.len(), words)
}

/// Says whether words begin a row of a log, a header, an item, or nothing. `before` is the line above: where that ends with a
/// colon, or is a row itself, a number begins a row.
fn begins_something(words: &str, before: &str) -> bool {
    let text = words.trim_start();
    let is_item = text.starts_with(['-', '*', '#', '|', '=', '[', '\u{2022}']);
    let is_numbered = |text: &str| text.starts_with(|letter: char| letter.is_ascii_digit());
    let may_head = before.trim_end().ends_with(':') || is_numbered(before.trim_start());
    let is_row = is_numbered(text) && may_head;
    let name = text.split(':').next().unwrap_or_default();
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    let is_header = name.len() < text.len()
        && (2..=30).contains(&name.len())
        && name.chars().all(is_name)
        && name.starts_with(|letter: char| letter.is_ascii_uppercase());
    let is_address = || may_head && address::find(text).first().is_some_and(|spot| spot.start == 0);
    text.is_empty() || is_item || is_row || is_header || is_address()
}

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn broken_lines_are_joined_and_rows_are_not() {
        for (text, expect) in [
            ("We see scans \nfrom there.\nStop.", "We see scans from there.\nStop."),
            ("> one \n> two\nthree", "> one two\nthree"),
            ("> one \nnot quoted", "> one \nnot quoted"),
            ("by \nmx.example.org with \nESMTP\n", "by mx.example.org with ESMTP"),
            ("10:00 192.0.2.1 \n10:01 192.0.2.2 \n", "10:00 192.0.2.1 \n10:01 192.0.2.2 "),
            (
                "between 09:10 and \n09:25 UTC, from \n192.0.2.1",
                "between 09:10 and 09:25 UTC, from 192.0.2.1",
            ),
            ("These did it: \n192.0.2.1", "These did it: \n192.0.2.1"),
            ("Received: from a \nSubject: b", "Received: from a \nSubject: b"),
            ("Regards \n-- \nA. B.", "Regards \n-- \nA. B."),
            ("no blanks\nat the end", "no blanks\nat the end"),
        ] {
            assert_eq!(joined(text).trim_end_matches('\n'), expect, "{text}");
        }
    }
}
