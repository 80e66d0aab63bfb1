//! Rows: one for each figure, as they stand in `results.json`, in the table and in README. Pure.

use std::fmt::Write as _;

use serde::Deserialize;
use serde::Serialize;

use super::statistics;

/// Where a table stands in a document.
const BEGIN: &str = "<!-- bench -->";
const END: &str = "<!-- /bench -->";

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Its name, which does not change: words joined by dots, such as `recorder.exec_storm.cpu_ratio`.
    pub name: String,
    /// The figure; none where it could not be had, and then the unit says why.
    pub value: Option<f64>,
    /// Of what, such as `MB`.
    pub unit: String,
    /// What the figure may be at most; none where nothing was promised.
    pub bound: Option<f64>,
    /// Whether it is within the bound; none without a bound.
    pub holds: Option<bool>,
    /// What the figure was made of, in the order in which it was measured.
    pub samples: Vec<f64>,
}

impl Row {
    /// The median of samples.
    pub fn median(name: impl Into<String>, unit: &str, samples: Vec<f64>) -> Self {
        Self::of(name, statistics::median(&samples), unit, samples)
    }

    /// The largest of samples.
    pub fn largest(name: impl Into<String>, unit: &str, samples: Vec<f64>) -> Self {
        Self::of(name, statistics::range(&samples).map(|(_, most)| most), unit, samples)
    }

    /// One figure from samples.
    pub fn of(name: impl Into<String>, value: Option<f64>, unit: &str, samples: Vec<f64>) -> Self {
        // JSON knows no infinity.
        let value = value.filter(|value| value.is_finite());
        Self { name: name.into(), value, unit: unit.to_owned(), bound: None, holds: None, samples }
    }

    /// A figure that this machine cannot give.
    pub fn not_available(name: impl Into<String>, why: &str) -> Self {
        Self::of(name, None, &format!("not available: {why}"), Vec::new())
    }

    /// Promises that the figure is at most `bound`. A figure that was not had does not hold.
    pub fn at_most(mut self, bound: f64) -> Self {
        self.bound = Some(bound);
        self.holds = Some(self.value.is_some_and(|value| value <= bound));
        self
    }

    /// Whether something was promised and is not kept.
    pub fn fails(&self) -> bool {
        self.holds == Some(false)
    }
}

/// The rows as a table in Markdown.
pub fn table(rows: &[Row]) -> String {
    let mut table =
        String::from("| figure | value | bound | holds | spread | n |\n|---|---:|---:|---|---:|---:|\n");
    for row in rows {
        let value = row.value.map_or_else(|| row.unit.clone(), |value| with_unit(value, &row.unit));
        let bound = row.bound.map(|bound| format!("<= {}", number(bound))).unwrap_or_default();
        let holds = match row.holds {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "",
        };
        let spread = statistics::range(&row.samples).filter(|_| row.samples.len() > 1);
        let spread =
            spread.map(|(least, most)| format!("{} to {}", number(least), number(most))).unwrap_or_default();
        let _ = writeln!(
            table,
            "| `{}` | {value} | {bound} | {holds} | {spread} | {} |",
            row.name,
            row.samples.len()
        );
    }
    table
}

/// The document with the text between its markers replaced; none where it has no markers.
pub fn put_between_markers(document: &str, text: &str) -> Option<String> {
    let (before, rest) = document.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{}\n{END}{after}", text.trim()))
}

fn with_unit(value: f64, unit: &str) -> String {
    if unit.is_empty() { number(value) } else { format!("{} {unit}", number(value)) }
}

/// As many digits as say something.
pub(super) fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return format!("{value:.0}");
    }
    let digits = match value.abs() {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 3,
        _ => 4,
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_six_keys_and_reads_back() {
        let row = Row::median("recorder.exec_storm.cpu_ratio", "", vec![1.02, 1.01, 1.06]).at_most(1.05);
        let text = serde_json::to_string(&row).unwrap();
        assert_eq!(
            text,
            r#"{"name":"recorder.exec_storm.cpu_ratio","value":1.02,"unit":"","bound":1.05,"holds":true,"samples":[1.02,1.01,1.06]}"#
        );
        assert_eq!(serde_json::from_str::<Row>(&text).unwrap(), row);
    }

    #[test]
    fn bounds_are_upper_ones_and_what_was_not_measured_keeps_none() {
        for (value, fails) in [(Some(1.0), false), (Some(1.05), false), (Some(1.051), true), (None, true)] {
            assert_eq!(Row::of("a", value, "", vec![]).at_most(1.05).fails(), fails, "{value:?}");
        }
        assert!(Row::median("a", "", vec![0.0, f64::NAN]).at_most(1.0).fails(), "no figure");
        assert!(!Row::not_available("a", "no kprobes").fails(), "nothing was promised");
    }

    #[test]
    fn the_table_shows_value_bound_and_spread() {
        let rows = [
            Row::median("a.ratio", "", vec![1.0312, 1.02, 1.2]).at_most(1.05),
            Row::largest("a.rss", "MB", vec![70.0, 64.5]).at_most(64.0),
            Row::not_available("peer.b", "no kprobes"),
        ];
        let table = table(&rows);
        let lines: Vec<_> = table.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "| `a.ratio` | 1.031 | <= 1.05 | yes | 1.02 to 1.2 | 3 |",
                "| `a.rss` | 70 MB | <= 64 | **no** | 64.5 to 70 | 2 |",
                "| `peer.b` | not available: no kprobes |  |  |  | 0 |",
            ]
        );
    }

    #[test]
    fn numbers_keep_what_says_something() {
        for (value, expected) in [
            (0.0, "0"),
            (3_000.0, "3000"),
            (1_200.4, "1200"),
            (12.34, "12.3"),
            (1.0412, "1.041"),
            (0.04, "0.04"),
        ] {
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn a_document_is_rewritten_between_its_markers_only() {
        let document = "a\n<!-- bench -->\nold\n<!-- /bench -->\nb\n";
        let rewritten = put_between_markers(document, "new\n").unwrap();
        assert_eq!(rewritten, "a\n<!-- bench -->\nnew\n<!-- /bench -->\nb\n");
        assert_eq!(put_between_markers(&rewritten, "new"), Some(rewritten.clone()));
        assert_eq!(put_between_markers("no markers", "new"), None);
    }
}
