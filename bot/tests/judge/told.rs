//! The table of stories in playbooks/README.md, made of the stories themselves.
//!
//! A test tells its report with what happened and why it is judged so; the row, with verdict and confidence as they were
//! judged, must stand in the table. `UPDATE_DOCS=1` writes it there.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::io::Seek;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use gumshoe::case::DoubtKind;
use gumshoe::report::Report;

const BEGIN: &str = "<!-- told -->\n";
const END: &str = "<!-- /told -->";
const HEAD: &str = "| what happened | verdict | confidence | why |\n|---|---|---|---|\n";

/// Holds a story's row of the table against what was judged of it.
pub fn told(report: &Report, what: &str, why: &str) {
    let facts = &report.facts;
    let tool = facts.tool.as_deref();
    let doubts: Vec<DoubtKind> = report.judgement.doubts.iter().map(|doubt| doubt.kind).collect();
    let judged = cells(&facts.verdict, tool, &facts.confidence.to_string(), &doubts);
    let row = format!("| {what} | {judged} | {why} |\n");
    if updates() {
        change(|rows| {
            rows.insert(what.to_owned(), row);
        });
    } else {
        assert!(table().contains(&row), "UPDATE_DOCS=1 writes this row into playbooks/README.md:\n{row}");
    }
}

/// Verdict and confidence as both tables show them.
pub fn cells(verdict: &str, tool: Option<&str>, confidence: &str, doubts: &[DoubtKind]) -> String {
    let words = verdict.replace('_', " ");
    let verdict = match tool {
        Some(tool) => format!("{words}: {tool}"),
        None => words,
    };
    let mut named: Vec<DoubtKind> = doubts.to_vec();
    named.sort_unstable();
    named.dedup();
    let named: Vec<String> = named
        .iter()
        .map(|doubt| serde_json::to_string(doubt).unwrap().trim_matches('"').replace('_', " "))
        .collect();
    match named.as_slice() {
        [] => format!("{verdict} | {confidence}"),
        named => format!("{verdict} | {confidence} ({})", named.join(", ")),
    }
}

/// Whether the documents are to be written instead of compared.
pub fn updates() -> bool {
    std::env::var_os("UPDATE_DOCS").is_some()
}

/// The document that both tables stand in.
pub fn document() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../playbooks/README.md")
}

/// Changes a part of the document between two marks, one test after the other.
pub fn rewrite(begin: &str, end: &str, made: impl FnOnce(&str) -> String) {
    let mut file = File::options().read(true).write(true).open(document()).unwrap();
    file.lock().unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    let (before, rest) = text.split_once(begin).unwrap();
    let (old, after) = rest.split_once(end).unwrap();
    let new = format!("{before}{begin}{}{end}{after}", made(old));
    file.rewind().unwrap();
    file.set_len(0).unwrap();
    file.write_all(new.as_bytes()).unwrap();
}

fn table() -> String {
    let text = std::fs::read_to_string(document()).unwrap();
    let (_, rest) = text.split_once(BEGIN).unwrap();
    rest.split_once(END).unwrap().0.to_owned()
}

/// Rows by what happened.
fn rows(table: &str) -> BTreeMap<String, String> {
    let row = |line: &str| {
        let (what, _) = line.strip_prefix("| ")?.split_once(" |")?;
        Some((what.to_owned(), format!("{line}\n")))
    };
    table.lines().skip(2).filter_map(row).collect()
}

fn change(what: impl FnOnce(&mut BTreeMap<String, String>)) {
    rewrite(BEGIN, END, |old| {
        let mut rows = rows(old);
        what(&mut rows);
        let rows: String = rows.into_values().collect();
        format!("{HEAD}{rows}")
    });
}

#[test]
fn each_row_is_told_by_a_story() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judge");
    let sources: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    let is_told = |what: &str| sources.iter().any(|source| source.contains(&format!("\"{what}\"")));
    if updates() {
        change(|rows| rows.retain(|what, _| is_told(what)));
    }
    let rows = rows(&table());
    let untold: Vec<&String> = rows.keys().filter(|what| !is_told(what)).collect();
    assert!(untold.is_empty(), "no story tells {untold:#?}; UPDATE_DOCS=1 takes them out");
    assert!(rows.len() >= 50, "{} rows", rows.len());
}
