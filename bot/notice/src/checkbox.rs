//! Forms with boxes to tick: "[x] Password guessing   [ ] Port scan". What is not ticked is not said.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use super::pattern::compile;

/// A box, ticked or not.
static BOX: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?:^|\s)(?P<ticked>\[\s?[xXvV\x{2713}\x{2714}\x{2715}\x{2717}]\s?\]|[\x{2611}\x{2612}])|(?:^|\s)(?:\[\s{0,3}\]|\[_\]|\x{2610})",
    )
});

/// Returns a text without the options whose boxes are empty, and without the boxes of the others, where a form has both.
pub(super) fn ticked_only(text: &str) -> Cow<'_, str> {
    let may_have = text.contains('[') || text.contains(['\u{2610}', '\u{2611}', '\u{2612}']);
    if !may_have {
        return Cow::Borrowed(text);
    }
    let is_ticked = |found: &regex::Captures<'_>| found.name("ticked").is_some();
    let boxes = || text.lines().flat_map(|line| BOX.captures_iter(line));
    if !(boxes().any(|it| is_ticked(&it)) && boxes().any(|it| !is_ticked(&it))) {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let from = kept.len();
        let mut at = 0;
        let mut is_kept = true;
        for found in BOX.captures_iter(line) {
            let Some(whole) = found.get(0) else { continue };
            let option = line.get(at..whole.start()).filter(|_| is_kept);
            kept.push_str(option.unwrap_or_default());
            is_kept = is_ticked(&found);
            // An option begins an item of its own.
            kept.push_str(if is_kept { " - " } else { "" });
            let option = &line[whole.end()..];
            at = whole.end() + option.len() - option.trim_start_matches([' ', '\t']).len();
        }
        let end = line.trim_end_matches(['\r', '\n']).len();
        kept.push_str(if is_kept { &line[at..end] } else { "" });
        // Nothing is left of a line that is one empty box: its list goes on without it.
        let is_left = at == 0 || kept[from..].chars().any(|letter| !letter.is_whitespace());
        kept.truncate(if is_left { kept.len() } else { from });
        kept.push_str(if is_left { &line[end..] } else { "" });
    }
    Cow::Owned(kept)
}

#[cfg(test)]
mod tests {
    use super::ticked_only;

    #[test]
    fn what_is_not_ticked_is_not_said() {
        for (form, expect) in [
            ("[x] Port scan   [ ] Spam", " - Port scan  "),
            (
                "Kind: [ ] Spam [X] Brute force\n[ ] 192.0.2.1\n[x] 192.0.2.2\r\n",
                "Kind: - Brute force\n - 192.0.2.2\r\n",
            ),
            ("[x] [ ] Spam", " - "),
            ("\u{2610} Spam\n\u{2611} Phishing", " - Phishing"),
            // Only empty ones, or ticked ones: no form that was filled in.
            ("[ ] Spam\n[ ] Scan", "[ ] Spam\n[ ] Scan"),
            ("see [1] and list[x]", "see [1] and list[x]"),
        ] {
            assert_eq!(ticked_only(form), expect);
        }
    }
}
