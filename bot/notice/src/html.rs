//! HTML to text that keeps what tables mean: a row is a line, a cell ends with a tab.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use super::pattern::compile;

/// Says whether a text is HTML.
pub(super) fn looks_like_html(text: &str) -> bool {
    let head: String = text.chars().take(512).collect::<String>().to_ascii_lowercase();
    ["<html", "<!doctype html", "<body", "<table", "<div", "<p>"].iter().any(|tag| head.contains(tag))
}

/// Returns the readable text of HTML.
pub(super) fn to_text(html: &str) -> String {
    let mut out = String::with_capacity(html.len() / 2);
    let mut rest = html;
    let hidden = hidden_classes(html);
    let mut kept = Kept::default();
    while let Some(open) = rest.find('<') {
        kept.push(&mut out, &rest[..open]);
        rest = &rest[open..];
        if rest.starts_with("<!--") {
            rest = rest.find("-->").map_or("", |end| &rest[end + 3..]);
            continue;
        }
        let Some(close) = rest.find('>') else {
            rest = "";
            break;
        };
        let tag = &rest[1..close];
        let mut letters = [0; NAME_MAX];
        let name = tag_name(tag, &mut letters);
        rest = &rest[close + 1..];
        // What no reader sees accuses nobody.
        if (is_hidden(tag) || has_class(tag, &hidden)) && !name.starts_with('/') && !IS_VOID.contains(&name) {
            rest = skip_element(rest, name, !IS_ENDED_BY_NEXT.contains(&name));
            continue;
        }
        kept.pass(name, tag);
        match name {
            // A head has nothing else in it that is words, and may have no end.
            "script" | "style" | "title" | "template" | "noscript" => rest = skip_element(rest, name, false),
            "br" | "p" | "/p" | "div" | "/div" | "/tr" | "li" | "/table" | "h1" | "h2" | "h3" | "h4"
            | "/h1" | "/h2" | "/h3" | "/h4" | "pre" | "/pre" | "hr" | "blockquote" | "/blockquote"
            | "/li" | "dt" | "/dd" | "/dl" | "h5" | "/h5" => end_line(&mut out),
            // A term and what is said of it are a field.
            "/dt" => out.push_str(if out.trim_end().ends_with(':') { " " } else { ": " }),
            "/td" | "/th" => out.push('\t'),
            _ => {}
        }
    }
    kept.push(&mut out, rest);
    out
}

/// The element whose lines and blanks are kept as they are, while one is open.
#[derive(Default)]
struct Kept {
    name: String,
    /// How many elements of that name are open, from that one on.
    depth: u32,
}

impl Kept {
    /// Notes a tag.
    fn pass(&mut self, name: &str, tag: &str) {
        if self.depth > 0 {
            match name.strip_prefix('/') {
                Some(ended) if ended == self.name => self.depth -= 1,
                None if name == self.name => self.depth += 1,
                _ => {}
            }
        } else if ["pre", "textarea", "xmp", "listing"].contains(&name)
            || !name.starts_with('/') && !IS_VOID.contains(&name) && keeps_lines(tag)
        {
            name.clone_into(&mut self.name);
            self.depth = 1;
        }
    }

    fn push(&self, out: &mut String, words: &str) {
        if self.depth == 0 {
            return push_words(out, words);
        }
        let decoded = decode_entities(words);
        out.extend(decoded.chars().filter(|letter| *letter != '\r').map(|letter| match letter {
            '\u{a0}' => ' ',
            other => other,
        }));
    }
}

/// "white-space: pre-wrap".
fn keeps_lines(tag: &str) -> bool {
    let Some(at) = tag.find("white-space") else { return false };
    tag[at..].split(':').nth(1).is_some_and(|value| value.trim_start().starts_with("pre"))
}

/// Elements that have no end.
const IS_VOID: [&str; 6] = ["br", "hr", "img", "input", "meta", "link"];

/// Says whether a tag's own style or attribute hides what is in it.
fn is_hidden(tag: &str) -> bool {
    // Most tags have no style, and no attribute that hides.
    if !tag.contains(':') && !tag.contains("idden") && !tag.contains("IDDEN") {
        return false;
    }
    let plain: String = tag.to_ascii_lowercase().split_whitespace().collect();
    let is_flagged = tag.split_ascii_whitespace().skip(1).any(|word| {
        word.trim_end_matches('/').eq_ignore_ascii_case("hidden")
            || word.to_ascii_lowercase().starts_with("hidden=")
    });
    is_flagged || hides(&plain)
}

/// Says whether a style without blanks hides what it is of.
fn hides(style: &str) -> bool {
    const HIDING: [&str; 6] = [
        "display:none",
        "visibility:hidden",
        "visibility:collapse",
        "font-size:0",
        "opacity:0",
        "mso-hide:all",
    ];
    HIDING.iter().any(|rule| style.contains(rule))
        && !style.contains("font-size:0.")
        && !style.contains("opacity:0.")
}

/// The beginning of a style sheet, looked for in one fast pass.
static SHEET: LazyLock<Regex> = LazyLock::new(|| compile("(?i-u:<style)"));

/// Returns the classes that the document's own style sheets hide.
fn hidden_classes(html: &str) -> Vec<String> {
    if !SHEET.is_match(html) {
        return Vec::new();
    }
    let lower = html.to_ascii_lowercase();
    let mut classes = Vec::new();
    for sheet in lower.split("<style").skip(1).take(16) {
        let sheet = sheet.split("</style").next().unwrap_or_default();
        for rule in sheet.split('}').take(400) {
            let Some((selectors, style)) = rule.rsplit_once('{') else { continue };
            let style: String = style.split_whitespace().collect();
            if hides(&style) {
                let named = selectors
                    .split(',')
                    .filter_map(|it| it.trim().rsplit_once('.').map(|(_, name)| name.trim()));
                classes.extend(named.map(str::to_owned).take(32));
            }
        }
    }
    classes
}

fn has_class(tag: &str, classes: &[String]) -> bool {
    if classes.is_empty() {
        return false;
    }
    let lower = tag.to_ascii_lowercase();
    let Some((_, value)) = lower.split_once("class=") else { return false };
    let value = value.trim_start_matches(['"', '\'']);
    let value = value.split(['"', '\'', '>']).next().unwrap_or_default();
    value.split_whitespace().any(|name| classes.iter().any(|class| class == name))
}

/// No element's name that is told apart is longer, its slash included.
const NAME_MAX: usize = 16;

/// Returns a tag's name in lower case; nothing for a longer one, which no rule names.
fn tag_name<'a>(tag: &str, letters: &'a mut [u8; NAME_MAX]) -> &'a str {
    let name = tag.as_bytes();
    let end =
        name.iter().skip(1).position(|byte| !byte.is_ascii_alphanumeric()).map_or(name.len(), |at| at + 1);
    let Some(place) = letters.get_mut(..end) else { return "" };
    place.copy_from_slice(&name[..end]);
    place.make_ascii_lowercase();
    std::str::from_utf8(place).unwrap_or_default()
}

/// Elements that the next of their kind ends: one never stands right in another.
const IS_ENDED_BY_NEXT: [&str; 9] = ["p", "li", "dt", "dd", "tr", "td", "th", "option", "body"];

/// Returns what stands behind an element that has begun; nothing where it does not end.
fn skip_element<'a>(rest: &'a str, name: &str, nests: bool) -> &'a str {
    let mut depth = 1;
    let mut at = 0;
    while let Some(open) = rest[at..].find('<') {
        at += open + 1;
        let tag = rest[at..].strip_prefix('/');
        let head = tag.unwrap_or(&rest[at..]).as_bytes();
        let is_named = head.get(..name.len()).is_some_and(|it| it.eq_ignore_ascii_case(name.as_bytes()))
            && !head.get(name.len()).is_some_and(u8::is_ascii_alphanumeric);
        match tag {
            Some(_) if is_named => depth -= 1,
            None if is_named && nests => depth += 1,
            _ => {}
        }
        if depth == 0 {
            return rest[at..].find('>').map_or("", |end| &rest[at + end + 1..]);
        }
    }
    ""
}

fn end_line(out: &mut String) {
    while out.ends_with([' ', '\t']) {
        out.pop();
    }
    if !out.is_empty() && !out.ends_with("\n\n") {
        out.push('\n');
    }
}

/// Adds words, entities decoded and runs of blanks made one; a line break stays a line break.
fn push_words(out: &mut String, words: &str) {
    let decoded = decode_entities(words);
    for (index, line) in decoded.split('\n').enumerate() {
        if index > 0 && !out.is_empty() && !out.ends_with(['\n', '\t', ' ']) {
            out.push(' ');
        }
        for (nth, word) in line.split([' ', '\u{a0}', '\r']).enumerate() {
            if nth > 0 && !out.ends_with([' ', '\n', '\t']) {
                out.push(' ');
            }
            out.push_str(word);
        }
    }
}

fn decode_entities(words: &str) -> Cow<'_, str> {
    if !words.contains('&') {
        return Cow::Borrowed(words);
    }
    let mut out = String::with_capacity(words.len());
    let mut rest = words;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.as_bytes().iter().take(10).position(|byte| *byte == b';');
        match end.and_then(|end| entity(&rest[1..end]).map(|letter| (letter, end))) {
            Some((letter, end)) => {
                out.push(letter);
                rest = &rest[end + 1..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn entity(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "ndash" | "mdash" => '-',
        "rarr" => '\u{2192}',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::to_text;

    #[test]
    fn keeps_rows_and_cells() {
        let html = "<html><style>x{}</style><body><p>Hello&nbsp;you</p><table><tr><td>Source IP</td><td>192.0.2.1</td></tr></table></body></html>";
        assert_eq!(to_text(html).trim(), "Hello you\nSource IP\t192.0.2.1");
    }

    #[test]
    fn lines_stay_lines_where_they_are_shown_so() {
        for html in [
            "<p>Log:</p><pre>a  b\r\nc</pre>d e",
            "<p>Log:</p><div style='white-space: pre-wrap;'>a  b\n<div>c</div></div>d\ne",
            "<p>Log:<PRE class=x>a&nbsp; b\nc</PRE>d\ne",
        ] {
            let text = to_text(html);
            let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
            assert_eq!(lines, ["Log:", "a  b", "c", "d e"], "{html}");
        }
    }

    #[test]
    fn terms_are_fields() {
        assert_eq!(to_text("<dl><dt>Suspect</dt><dd>192.0.2.1</dd></dl>").trim(), "Suspect: 192.0.2.1");
    }

    #[test]
    fn a_head_without_an_end_hides_nothing() {
        let html =
            "<html><head><meta charset=utf-8><title>Report</title><style>p{}</style><body><p>192.0.2.1</p>";
        assert_eq!(to_text(html).trim(), "192.0.2.1");
    }

    #[test]
    fn what_is_hidden_ends_with_the_element_that_hides_it() {
        for (html, text) in [
            ("<div style='display:none'>a<div>b</div>c</div>d", "d"),
            ("<span hidden>a<SPAN>b</SPAN>c</span>d", "d"),
            ("<p hidden>a<p>b</p>c", "c"),
            ("<script>document.write('<script>')</script>d", "d"),
            ("<title>a</title ><b>d</b>", "d"),
        ] {
            assert_eq!(to_text(html).trim(), text, "{html}");
        }
    }

    #[test]
    fn survives_broken_markup() {
        for html in ["<", "<a", "<!--", "&#xffffffff;", "<script>", "&amp", "<é>"] {
            to_text(html);
        }
    }
}
