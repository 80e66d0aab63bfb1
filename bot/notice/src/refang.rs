//! Restores addresses that a reporter defanged: `1[.]2[.]3[.]4`, `example(dot)com`.

/// Each spelling of a separator and what it stands for. `hxxp` stays: it marks the abusive link.
const SPELLINGS: [(&str, &str); 12] = [
    ("[.]", "."),
    ("(.)", "."),
    ("{.}", "."),
    ("[dot]", "."),
    ("(dot)", "."),
    ("[DOT]", "."),
    ("[:]", ":"),
    ("[://]", "://"),
    ("[at]", "@"),
    ("(at)", "@"),
    ("[@]", "@"),
    ("\u{2024}", "."),
];

/// Returns the text with its addresses restored and invisible characters taken out.
pub(super) fn refang(text: &str) -> String {
    let mut out = text.replace("\r\n", "\n").replace('\r', "\n");
    if out.chars().any(is_wide) {
        out = out.chars().map(narrow).collect();
    }
    if out.contains(['[', '(', '{', '\u{2024}']) {
        for (spelling, meaning) in SPELLINGS {
            if out.contains(spelling) {
                out = out.replace(spelling, meaning);
            }
        }
        // "1.2.3[.4" and "1.2.3.4]" are left by replacing only what is a whole spelling.
        if out.contains("[.") {
            out = out.replace("[.", ".");
        }
    }
    if out.chars().any(is_invisible) {
        out = out.replace('\u{a0}', " ");
        out.retain(|letter| !is_invisible(letter));
    }
    out
}

/// Says whether a character is an ASCII one at the width of ideographs, as "１９２．０．２．７".
fn is_wide(letter: char) -> bool {
    matches!(letter, '\u{ff01}'..='\u{ff5e}')
}

fn narrow(letter: char) -> char {
    let code = u32::from(letter);
    if is_wide(letter) { char::from_u32(code - 0xfee0).unwrap_or(letter) } else { letter }
}

/// Says whether a character shows nothing, or turns the text's direction.
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{a0}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::refang;

    #[test]
    fn restores_defanged_addresses() {
        for (input, expect) in [
            ("192[.]0[.]2[.]7", "192.0.2.7"),
            ("192.0.2[.]7", "192.0.2.7"),
            ("192(.)0(.)2(.)7", "192.0.2.7"),
            ("host[dot]example[dot]com", "host.example.com"),
            ("2001[:]db8[:][:]1", "2001:db8::1"),
            ("19\u{200b}2.0.2.7", "192.0.2.7"),
            ("源IP：１９２．０．２．７", "源IP:192.0.2.7"),
        ] {
            assert_eq!(refang(input), expect);
        }
    }
}
