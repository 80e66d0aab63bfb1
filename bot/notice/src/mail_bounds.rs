//! What the MIME parser is given of a large mail. It keeps some 170 bytes of every header and part and goes into messages
//! inside messages without end, so that a mail of 10 MB could take 350 MB: here the mail is walked by its lines, as the
//! parser will walk it, and what is beyond the limits is taken out before.

use std::borrow::Cow;
use std::ops::Range;

use super::limits;

/// A smaller mail cannot hold enough of anything.
const ALWAYS_FITS_BYTES: usize = 64 << 10;
const MESSAGE: &[u8] = b"message/";
/// What a message's type is called where it is not to be gone into while its envelope is parsed.
const NOT_MESSAGE: &[u8] = b"x-inner/";

/// Returns a mail within the limits, and whether something of it was left out.
pub(super) fn within(mail: &[u8]) -> (Cow<'_, [u8]>, bool) {
    if mail.len() <= ALWAYS_FITS_BYTES {
        return (Cow::Borrowed(mail), false);
    }
    let mut walk = Walk { block: Some(Block::default()), ..Walk::default() };
    let mut at = 0;
    for line in mail.split_inclusive(|byte| *byte == b'\n') {
        if !walk.take(line, at) {
            walk.left_out.push(at..mail.len());
            break;
        }
        at += line.len();
    }
    if walk.left_out.is_empty() && walk.packed.is_empty() {
        return (Cow::Borrowed(mail), false);
    }
    let mut whole = mail.to_vec();
    for at in &walk.packed {
        whole[*at..*at + MESSAGE.len()].copy_from_slice(NOT_MESSAGE);
    }
    if walk.left_out.is_empty() {
        return (Cow::Owned(whole), false);
    }
    let mut kept = Vec::with_capacity(whole.len());
    let mut from = 0;
    for range in &walk.left_out {
        kept.extend_from_slice(&whole[from..range.start]);
        from = range.end;
    }
    kept.extend_from_slice(&whole[from..]);
    (Cow::Owned(kept), true)
}

/// How far a walk is.
#[derive(Default)]
struct Walk {
    /// The headers that are being walked; none in a body.
    block: Option<Block>,
    boundaries: Vec<Vec<u8>>,
    /// Parts of some multipart are messages where they do not say what they are.
    has_digest: bool,
    parts: usize,
    messages: usize,
    /// Where messages say their type that are packed as text.
    packed: Vec<usize>,
    left_out: Vec<Range<usize>>,
}

/// The headers of one part.
#[derive(Default)]
struct Block {
    lines: usize,
    text: Vec<u8>,
    /// Where the type stands if it is that of a message.
    message_at: Option<usize>,
}

impl Walk {
    /// Takes the next line; false where the rest is too much.
    fn take(&mut self, line: &[u8], at: usize) -> bool {
        if let Some(block) = &mut self.block {
            if line.trim_ascii().is_empty() {
                self.end_block();
            } else if !block.take(line, at) {
                leave_out(&mut self.left_out, at..at + line.len());
                return true;
            }
        }
        let delimiters = self.delimiters(line);
        if delimiters > 0 {
            self.parts += delimiters;
            self.block = Some(Block::default());
        }
        self.parts <= limits::MIME_PARTS_MAX
            && self.messages <= limits::MIME_MESSAGES_MAX
            && self.boundaries.len() <= limits::MIME_BOUNDARIES_MAX
    }

    /// Ends the headers of a part; those of the message that it is follow.
    fn end_block(&mut self) {
        let Some(block) = self.block.take() else { return };
        self.has_digest |= has(&block.text, b"multipart/digest");
        self.boundaries.extend(boundaries(&block.text));
        let is_packed = has(&block.text, b"base64") || has(&block.text, b"quoted-printable");
        match block.message_at {
            Some(at) if is_packed => self.packed.push(at),
            None if !self.has_digest || has(&block.text, b"content-type") => {}
            _ => {
                self.messages += 1;
                self.block = Some(Block::default());
            }
        }
    }

    /// Counts the ends of parts in a line.
    fn delimiters(&self, line: &[u8]) -> usize {
        if self.boundaries.is_empty() {
            return 0;
        }
        let (mut count, mut at) = (0, 0);
        while let Some(dashes) = line[at..].windows(2).position(|pair| pair == b"--") {
            let rest = &line[at + dashes + 2..];
            let found = self.boundaries.iter().find(|boundary| rest.starts_with(boundary));
            count += usize::from(found.is_some());
            at += dashes + found.map_or(1, |boundary| 2 + boundary.len());
        }
        count
    }
}

impl Block {
    /// Takes a line of headers; false where they are too many.
    fn take(&mut self, line: &[u8], at: usize) -> bool {
        self.lines += 1;
        if self.lines > limits::HEADER_LINES_MAX || self.text.len() + line.len() > limits::HEADERS_BYTES_MAX {
            return false;
        }
        self.text.extend_from_slice(line);
        if let Some(found) = find(line, MESSAGE) {
            self.message_at.get_or_insert(at + found);
        }
        true
    }
}

/// Returns the boundaries that headers declare, or what they surely begin with.
fn boundaries(headers: &[u8]) -> Vec<Vec<u8>> {
    const NAME: &[u8] = b"boundary";
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(next) = find(&headers[at..], NAME) {
        at += next + NAME.len();
        let rest = &headers[at..];
        let Some(equals) = rest.iter().position(|byte| *byte == b'=') else { break };
        let is_extended = rest[..equals].contains(&b'*');
        if !rest[..equals]
            .iter()
            .all(|byte| byte.is_ascii_whitespace() || byte.is_ascii_digit() || *byte == b'*')
        {
            continue;
        }
        let value = rest[equals + 1..].trim_ascii_start();
        let value = match value.strip_prefix(b"\"") {
            Some(quoted) => until(quoted, b"\"\\\n\r"),
            None => until(value, b" \t\r\n;,("),
        };
        // A charset and a language stand before an extended value, and letters may be written as numbers.
        let value = match is_extended {
            true => until(value.rsplit(|byte| *byte == b'\'').next().unwrap_or(value), b"%"),
            false => value,
        };
        found.push(value.to_vec());
    }
    found
}

fn until<'a>(text: &'a [u8], ends: &[u8]) -> &'a [u8] {
    let end = text.iter().position(|byte| ends.contains(byte)).unwrap_or(text.len());
    &text[..end]
}

/// Finds letters, large or small.
fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window.eq_ignore_ascii_case(what))
}

fn has(text: &[u8], what: &[u8]) -> bool {
    find(text, what).is_some()
}

fn leave_out(ranges: &mut Vec<Range<usize>>, range: Range<usize>) {
    match ranges.last_mut() {
        Some(last) if last.end == range.start => last.end = range.end,
        _ => ranges.push(range),
    }
}

#[cfg(test)]
mod tests {
    use super::boundaries;
    use super::within;

    fn of(headers: &str) -> Vec<String> {
        let found = boundaries(headers.as_bytes());
        found.into_iter().map(|it| String::from_utf8(it).expect("text")).collect()
    }

    #[test]
    fn finds_boundaries() {
        assert_eq!(of("Content-Type: multipart/mixed; boundary=\"--=_a b\""), ["--=_a b"]);
        assert_eq!(of("Content-Type: multipart/mixed;\r\n\tBOUNDARY = \r\n abc; charset=x"), ["abc"]);
        assert_eq!(
            of("Content-Type: multipart/mixed; boundary*0=ab; boundary*1*=utf-8'en'c%64"),
            ["ab", "c"]
        );
        assert_eq!(of("Subject: the boundary of x\nContent-Type: multipart/mixed; boundary=c"), ["c"]);
    }

    #[test]
    fn leaves_an_honest_large_mail_as_it_is() {
        let line = "Jan 15 10:00:00 host sshd[1]: -- Failed password for root from 192.0.2.1 port 4242\n";
        let mail = format!(
            "From: a@example.org\nContent-Type: multipart/mixed; boundary=\"----=_a\"\n\n------=_a\n\n1\n------=_a\nContent-Type: text/plain\n\n{}------=_a--\n",
            line.repeat(10_000)
        );
        let (kept, is_cut) = within(mail.as_bytes());
        assert!(!is_cut && kept == mail.as_bytes());
    }

    #[test]
    fn takes_out_what_is_beyond_a_limit() {
        let body = "x\n".repeat(40_000);
        let many = format!("From: a@example.org\n{}Subject: b\n\n{body}", "X-Y: z\n".repeat(5000));
        let (kept, is_cut) = within(many.as_bytes());
        assert!(
            is_cut
                && kept.starts_with(b"From: a@example.org\n")
                && kept.ends_with(format!("\n\n{body}").as_bytes())
        );
        let nested = format!("From: a@example.org\n{}", "Content-Type: message/rfc822\n\n".repeat(5000));
        let (kept, is_cut) = within(nested.as_bytes());
        assert!(is_cut && kept.len() < 10_000, "{}", kept.len());
        let parts = format!("Content-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\nx\n".repeat(50_000));
        let (kept, is_cut) = within(parts.as_bytes());
        assert!(is_cut && kept.len() < 10_000, "{}", kept.len());
    }

    #[test]
    fn a_packed_message_is_opened_on_its_own() {
        let mail = format!(
            "From: a@example.org\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Transfer-Encoding: base64\nContent-Type: Message/rfc822\n\n{}",
            "AAAA\n".repeat(20_000)
        );
        let (kept, is_cut) = within(mail.as_bytes());
        let kept = String::from_utf8_lossy(&kept);
        assert!(!is_cut && kept.contains("Content-Type: x-inner/rfc822\n"), "{}", &kept[..200]);
        assert_eq!(kept.len(), mail.len());
    }
}
