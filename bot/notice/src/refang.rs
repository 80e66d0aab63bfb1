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
    let is_ascii = out.is_ascii();
    if !is_ascii && out.chars().any(|letter| narrow(letter) != letter) {
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
    if !is_ascii && out.chars().any(is_invisible) {
        out.retain(|letter| !is_invisible(letter));
    }
    out
}

/// Returns the ASCII character that one stands for: the width of ideographs ("１９२．０．２．７"), a digit of another script, a
/// blank that does not break, a hyphen or dash of typesetters ("2026‑07‑15").
fn narrow(letter: char) -> char {
    match letter {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(letter) - 0xfee0).unwrap_or(letter),
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => ' ',
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        _ => {
            // Arabic, Persian, Devanagari, Bengali, Thai.
            let zeros = ['\u{660}', '\u{6f0}', '\u{966}', '\u{9e6}', '\u{e50}'];
            let digit = zeros.iter().filter_map(|zero| u32::from(letter).checked_sub(u32::from(*zero))).min();
            digit.filter(|it| *it < 10).and_then(|it| char::from_digit(it, 10)).unwrap_or(letter)
        }
    }
}

/// Says whether a character shows nothing, or turns the text's direction.
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
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
            ("2026\u{2011}07\u{2013}15\u{202f}10:15", "2026-07-15 10:15"),
        ] {
            assert_eq!(refang(input), expect);
        }
    }
}
