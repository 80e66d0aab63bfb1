//! Files that a mail's text carries as `uuencode` writes them: `begin 644 NAME`, lines of letters, `end`.

use super::limits;

/// How many letters an encoded line has at most: one for its length, 60 for 45 bytes, and a checksum's.
const LINE_LETTERS_MAX: usize = 66;

/// A file's name and its bytes.
type File = (String, Vec<u8>);

/// Parts a text from the files in it; nothing where it has none.
pub(super) fn split(text: &str) -> Option<(String, Vec<File>)> {
    if !text.contains("begin ") {
        return None;
    }
    let (mut words, mut files) = (String::new(), Vec::new());
    let mut rest = text;
    while let Some((line, after)) = next_line(rest) {
        match name_of(line).and_then(|name| file(name, after)) {
            Some((file, behind)) if files.len() < limits::PARTS_MAX => {
                files.push(file);
                rest = behind;
            }
            _ => {
                words.push_str(&rest[..rest.len() - after.len()]);
                rest = after;
            }
        }
    }
    (!files.is_empty()).then_some((words, files))
}

fn next_line(text: &str) -> Option<(&str, &str)> {
    if text.is_empty() {
        return None;
    }
    let end = text.find('\n').map_or(text.len(), |at| at + 1);
    Some((text[..end].trim_end(), &text[end..]))
}

/// Returns the name in a line by which a file begins: "begin 644 access.log".
fn name_of(line: &str) -> Option<&str> {
    let (mode, name) = line.strip_prefix("begin ")?.split_once(' ')?;
    let is_mode = matches!(mode.len(), 3 | 4) && mode.bytes().all(|it| matches!(it, b'0'..=b'7'));
    (is_mode && !name.is_empty()).then_some(name)
}

/// Reads a file's lines up to its end; nothing where one of them is none, or no end comes.
fn file<'a>(name: &str, text: &'a str) -> Option<(File, &'a str)> {
    let mut bytes = Vec::new();
    let mut rest = text;
    loop {
        let (line, after) = next_line(rest)?;
        rest = after;
        match line {
            "end" => return Some(((name.to_owned(), bytes), rest)),
            // A length of nothing is written as a blank or as a grave accent.
            "" | "`" => {}
            _ => decode(line.as_bytes(), &mut bytes)?,
        }
    }
}

/// Decodes a line: its length, then three bytes from every four letters.
fn decode(line: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let value = |letter: u8| (b' '..=b'`').contains(&letter).then(|| u32::from(letter - b' ') & 63);
    let (length, letters) = line.split_first().filter(|_| line.len() <= LINE_LETTERS_MAX)?;
    let length = value(*length)? as usize;
    let start = out.len();
    for group in letters.chunks(4) {
        // Blanks at a line's end may have been lost.
        let bits = (0..4)
            .try_fold(0, |bits, at| Some(bits << 6 | value(group.get(at).copied().unwrap_or(b' '))?))?;
        out.extend(&bits.to_be_bytes()[1..]);
    }
    (out.len() - start >= length).then(|| out.truncate(start + length))
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn a_file_is_parted_from_the_words_around_it() {
        let text =
            "See below.\r\nbegin 644 a.log\r\n83F]V(#(P(#$P.C R(#$Y,BXP+C(N,S$*\r\n`\r\nend\r\nRegards\r\n";
        let (words, files) = split(text).expect("a file");
        assert_eq!(words, "See below.\r\nRegards\r\n");
        assert_eq!(files, [("a.log".to_owned(), b"Nov 20 10:02 192.0.2.31\n".to_vec())]);
    }

    #[test]
    fn words_that_look_like_a_beginning_stay_words() {
        for text in [
            "begin 644 a.log\nThis is no encoded line, it is words that go on for a good while longer than that.\nend\n",
            "we begin 644 days ago\nend\n",
            "begin 644 a.log\n",
            "begin 999 a.log\n`\nend\n",
            "begin 644 a.log\n8\u{e4}\nend\n",
        ] {
            assert_eq!(split(text), None, "{text}");
        }
    }
}
