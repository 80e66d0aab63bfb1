//! The name of the field in which an address stands: before a colon or a sign of equality, a row of dots, a gap, in markup.

use std::sync::LazyLock;

use regex::Regex;

use super::address::Spot;
use super::label;
use super::lines::Line;
use super::pattern::compile;

/// Returns the name of the field whose value, or one of whose values, an address is.
pub(super) fn label_before(line: &Line<'_>, spot: &Spot) -> Option<String> {
    let text = line.text;
    let filler = |letter: char| {
        letter.is_whitespace() || matches!(letter, '[' | '(' | '"' | '\'' | '<' | '*' | '`' | '{' | '~' | '_')
    };
    let mut end = spot.start;
    loop {
        let before = text[..end].trim_end_matches(filler);
        let listed = before
            .strip_suffix([',', ';', '&'])
            .or_else(|| before.strip_suffix(" and"))
            .map(|it| it.trim_end_matches(filler));
        let earlier = listed.and_then(|listed| {
            line.spots.iter().find(|other| other.end == listed.trim_end_matches([')', ']', '"', '\'']).len())
        });
        match earlier {
            Some(earlier) => end = earlier.start,
            None => break,
        }
    }
    if let Some(name) = element_before(&text[..end]) {
        return Some(name);
    }
    let before = text[..end].trim_end_matches(filler);
    // "Source IP:- 192.0.2.1".
    let before = before.strip_suffix('-').filter(|it| it.ends_with(':')).unwrap_or(before);
    if let Some(named) = before.strip_suffix([':', '=', '\u{ff1a}']) {
        let named = named.trim_end_matches(filler).trim_end_matches(['"', '\'', '*', '_', ' ']);
        let named = &named[entry_head(line, named)..];
        let name = tail_name(named, before.ends_with('='));
        let outer = enclosing(named, &name).filter(|_| label::is_plain_address(&name));
        let name = outer.map_or(name.clone(), |outer| format!("{outer} {name}"));
        return Some(name).filter(|name| !name.trim().is_empty());
    }
    // A row of dots leads from the name to the value.
    let led = before.trim_end_matches(['.', '_', '-', ' ']);
    if before.len() >= led.len() + 3 && led.len() <= 40 && led.len() > 1 {
        return Some(led.to_owned());
    }
    // A table of two columns: the name, a gap, the value.
    let gap = &text[before.len()..end];
    let is_gap = gap.contains('\t') || gap.contains("  ") || before.ends_with('|');
    let name = past_number(before.trim_end_matches('|').trim_matches(['|', '*', ' ', '\t']));
    // Where more cells follow it is a row of a table, whose header names them.
    let goes_on =
        text.get(spot.end..).is_some_and(|rest| rest.trim_end().trim_matches('|').trim().contains("  "));
    (is_gap
        && !goes_on
        && !name.is_empty()
        && name.len() <= 40
        && name.contains(char::is_alphabetic)
        && name.chars().all(|letter| !letter.is_ascii_digit()))
    .then(|| name.to_owned())
}

/// `<source port="1" ip=`, `"attacker": {"ip":`: what a name stands in, which says whose it is.
fn enclosing<'a>(named: &'a str, name: &str) -> Option<&'a str> {
    let is_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-');
    let before = named.strip_suffix(name)?.trim_end_matches(['"', '\'', ' ']);
    let open = before.rfind(['{', '}', '<', '>'])?;
    match before.as_bytes()[open] {
        b'<' => before[open + 1..].split(|letter| !is_name(letter)).next(),
        b'{' => {
            let outer = before[..open].trim_end_matches([' ', ':', '"', '\'']);
            outer.rsplit(|letter| !is_name(letter)).next()
        }
        _ => None,
    }
    .filter(|outer| !outer.is_empty())
}

/// "4. Asset notified": a form counts its fields.
fn past_number(name: &str) -> &str {
    let rest = name.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let is_number = (1..=2).contains(&(name.len() - rest.len()));
    rest.strip_prefix(['.', ')']).filter(|_| is_number).map_or(name, str::trim_start)
}

/// Returns where the words of a log entry begin: the host and the program before them are no part of a name.
fn entry_head(line: &Line<'_>, before: &str) -> usize {
    let stamp = line.stamps.first().filter(|stamp| stamp.start < 24 && stamp.end <= before.len());
    let Some(rest) = stamp.and_then(|stamp| before.get(stamp.end..)) else { return 0 };
    let head = before.len() - rest.len();
    rest.rfind("]: ").map_or(head, |at| head + at + 3)
}

static ELEMENT: LazyLock<Regex> = LazyLock::new(|| {
    compile(r#"<([A-Za-z][\w:.-]{0,40})(?:\s[^<>]{0,80}?\b[Nn]ame=["']([^"'<>]{1,40})["'])?[^<>]{0,80}>\s*$"#)
});

/// "<Data Name='IpAddress'>192.0.2.1", "<source>192.0.2.1": markup that stands in a text names its content.
fn element_before(before: &str) -> Option<String> {
    let found = before.trim_end().ends_with('>').then(|| ELEMENT.captures(before)).flatten()?;
    found.get(2).or_else(|| found.get(1)).map(|name| name.as_str().to_owned())
}

/// Returns the last name of a text: one word before '=', a short phrase before ':'.
fn tail_name(text: &str, one_word: bool) -> String {
    let stops: &[char] = if one_word {
        &[' ', '\t', ',', ';', '(', '[', '{', '"', '|', '&', '?']
    } else {
        &['\t', ',', ';', '|', '{', '"', '.']
    };
    let start = text.rfind(stops).map_or(0, |at| at + 1);
    let start = if one_word { start } else { text.rfind("  ").map_or(start, |at| start.max(at + 2)) };
    // A note in brackets may itself hold a stop: "Source IPs (e.g. a, b):".
    let start =
        if !one_word && text[start..].contains(')') && !text[start..].contains('(') { 0 } else { start };
    let tail = &text[start..];
    tail[tail.ceil_char_boundary(tail.len().saturating_sub(60))..].to_owned()
}
