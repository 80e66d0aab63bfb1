//! The report for a terminal: at most [`WIDTH`] columns, nothing in it but printable text.

use super::Report;
use crate::case::About;
use crate::case::Verdict;
use crate::investigate::words;
use crate::untrusted::visible;

/// Columns.
pub const WIDTH: usize = 100;

/// Longest paragraph, characters.
const PARAGRAPH_MAX: usize = 2_000;

/// The report as text.
pub fn text(report: &Report) -> String {
    let mut page = Page::default();
    page.rule('=');
    page.paragraph(0, &report.headline);
    page.rule('=');
    page.paragraph(0, &report.sentence);
    page.blank();
    for field in &report.fields {
        page.labelled(2, 17, &field.label, &field.value.shown(400));
    }
    page.labelled(2, 17, "Verdict", &verdict(report));
    chain(report, &mut page);
    findings(report, &mut page);
    let judgement = &report.judgement;
    page.items(
        "What lowers the confidence",
        judgement.doubts.iter().map(|doubt| format!("{} (at most {})", doubt.text, doubt.at_most)),
    );
    page.items("What would change this", judgement.what_would_change.iter().cloned());
    page.items("Looked for and not found", judgement.not_found.iter().cloned());
    page.items("Next steps", report.steps.iter().cloned());
    timeline(report, &mut page);
    page.items("Notes", report.notes.iter().map(|note| note.shown(300)));
    page.blank();
    page.paragraph(0, &foot(report));
    page.rule('=');
    page.out
}

fn verdict(report: &Report) -> String {
    let name = match &report.judgement.verdict {
        Verdict::Tool { name } => format!("tool: {name}"),
        other => other.kind().replace('_', " "),
    };
    format!("{name}, {} confidence", report.judgement.confidence)
}

fn foot(report: &Report) -> String {
    let techniques = if report.techniques.is_empty() {
        String::new()
    } else {
        format!(", ATT&CK {}", report.techniques.join(" "))
    };
    let case = crate::untrusted::Untrusted::new(&report.case_id.0).shown(60);
    format!(
        "Case {case}, playbook {} version {}, for {}{techniques}",
        report.playbook.name, report.playbook.version, report.routing
    )
}

fn chain(report: &Report, page: &mut Page) {
    if report.chain.is_empty() {
        return;
    }
    page.title("How it came about");
    for line in &report.chain {
        page.labelled(2, 9, &line.kind, &line.text.shown(600));
    }
}

fn findings(report: &Report, page: &mut Page) {
    for (about, title) in [
        (About::What, "What"),
        (About::Who, "Who"),
        (About::Why, "Why, and was it really them"),
        (About::Also, "What else"),
        (About::Host, "The host"),
    ] {
        let of = report.judgement.findings.iter().filter(|finding| finding.about == about);
        page.items(title, of.map(|finding| format!("{}{}", finding.text, events(&finding.events))));
    }
}

/// Event numbers in brackets.
fn events(events: &[u64]) -> String {
    let mut shown: Vec<u64> = events.to_vec();
    shown.sort_unstable();
    shown.dedup();
    match shown.as_slice() {
        [] => String::new(),
        [one] => format!(" [event {one}]"),
        more => {
            format!(" [events {}]", more.iter().take(6).map(u64::to_string).collect::<Vec<_>>().join(", "))
        }
    }
}

fn timeline(report: &Report, page: &mut Page) {
    if report.timeline.is_empty() {
        return;
    }
    page.title("Timeline (UTC)");
    let mut day = String::new();
    for moment in &report.timeline {
        let at = words::utc(moment.at);
        let (own_day, clock) = at.split_at(10);
        if own_day != day {
            own_day.clone_into(&mut day);
            page.line(&format!("  {day}"));
        }
        page.labelled(2, 8, clock.trim().trim_end_matches(" UTC"), &moment.text.shown(240));
    }
}

#[derive(Default)]
struct Page {
    out: String,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.out.push_str(line.trim_end());
        self.out.push('\n');
    }

    fn blank(&mut self) {
        self.line("");
    }

    fn rule(&mut self, character: char) {
        self.line(&character.to_string().repeat(WIDTH));
    }

    fn title(&mut self, title: &str) {
        self.blank();
        self.line(title);
    }

    fn paragraph(&mut self, indent: usize, text: &str) {
        for line in wrapped(text, WIDTH - indent) {
            self.line(&format!("{}{line}", " ".repeat(indent)));
        }
    }

    fn labelled(&mut self, indent: usize, width: usize, label: &str, text: &str) {
        let label = visible(label, width);
        let inset = indent + width + 2;
        for (index, line) in wrapped(text, WIDTH - inset).into_iter().enumerate() {
            let label = if index == 0 { label.as_str() } else { "" };
            self.line(&format!("{}{label:<width$}  {line}", " ".repeat(indent)));
        }
    }

    fn items(&mut self, title: &str, items: impl Iterator<Item = String>) {
        let items: Vec<String> = items.collect();
        if items.is_empty() {
            return;
        }
        self.title(title);
        for item in items {
            for (index, line) in wrapped(&item, WIDTH - 4).into_iter().enumerate() {
                self.line(&format!("  {} {line}", if index == 0 { '-' } else { ' ' }));
            }
        }
    }
}

/// Text in lines of a width; words longer than that are cut.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let text = visible(text, PARAGRAPH_MAX);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut length = 0;
    for word in text.split(' ').flat_map(|word| pieces(word, width)) {
        let word_length = columns(&word);
        if length > 0 && length + 1 + word_length > width {
            lines.push(std::mem::take(&mut line));
            length = 0;
        }
        if length > 0 {
            line.push(' ');
            length += 1;
        }
        line.push_str(&word);
        length += word_length;
    }
    lines.push(line);
    lines
}

fn pieces(word: &str, width: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut length = 0;
    for character in word.chars() {
        let columns = column(character);
        if length + columns > width {
            pieces.push(String::new());
            length = 0;
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push(character);
        }
        length += columns;
    }
    pieces
}

fn columns(text: &str) -> usize {
    text.chars().map(column).sum()
}

/// Columns of a character: two for most East Asian ones and emoji.
fn column(character: char) -> usize {
    match character as u32 {
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1faff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_width() {
        assert_eq!(wrapped("aa bb cc", 5), ["aa bb", "cc"]);
        assert_eq!(wrapped("aaaaaaa b", 5), ["aaaaa", "aa b"]);
        assert_eq!(wrapped("日本語", 4), ["日本", "語"]);
        assert_eq!(wrapped("", 5), [""]);
    }
}
