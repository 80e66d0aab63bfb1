//! Where results go: `results.json` (rows, nothing else), `machine.json` (on what, and of what they
//! were made), and the table in README.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;
use serde_json::json;

use super::context::Context;
use super::machine::Machine;
use super::row;
use super::row::Row;

/// Writes the rows, and beside them what they were measured on.
///
/// # Errors
/// When a file cannot be written.
pub fn write(out: &Path, rows: &[Row], machine: &Machine, context: &Context) -> anyhow::Result<()> {
    let about = json!({
        "machine": machine,
        "measured": jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "build": build(),
        "quick": context.effort.quick,
        "runs": context.effort.runs,
        "disturbed_rounds": context.disturbed(),
        "sentence": sentence(machine, context),
        "details": context.details(),
    });
    put(&out.join("results.json"), &serde_json::to_string_pretty(rows)?)?;
    put(&out.join("machine.json"), &serde_json::to_string_pretty(&about)?)
}

/// The rows that were written, and on what they were measured.
///
/// # Errors
/// When there are none.
pub fn read(out: &Path) -> anyhow::Result<(Vec<Row>, String)> {
    let text = |name: &str| {
        let path = out.join(name);
        fs::read_to_string(&path).with_context(|| format!("read {}: measure first", path.display()))
    };
    let rows = serde_json::from_str(&text("results.json")?).context("results.json")?;
    let about: Value = serde_json::from_str(&text("machine.json")?).context("machine.json")?;
    Ok((rows, about["sentence"].as_str().unwrap_or_default().to_owned()))
}

/// Writes the table between the markers of a document: what is promised, and what is measured of others.
///
/// # Errors
/// When the document cannot be read or written, or has no markers.
pub fn write_into(document: &Path, rows: &[Row], machine: &Machine, context: &Context) -> anyhow::Result<()> {
    let name = document.display();
    let text = fs::read_to_string(document).with_context(|| format!("read {name}"))?;
    let shown: Vec<_> =
        rows.iter().filter(|row| row.bound.is_some() || row.name.starts_with("peer.")).cloned().collect();
    let table = format!("{}\n\n{}", sentence(machine, context), row::table(&shown));
    let text = row::put_between_markers(&text, &table).with_context(|| format!("{name} has no markers"))?;
    put(document, &text)
}

/// On what and how often it was measured.
pub fn sentence(machine: &Machine, context: &Context) -> String {
    let disturbed = match context.disturbed() {
        0 => String::new(),
        rounds => format!(" Other programs kept the machine busy in {rounds} rounds: not to be relied on."),
    };
    let quick =
        if context.effort.quick { " Small loads: a test of the harness, no measurement." } else { "" };
    let build = if build() == "release" { "" } else { " Debug build." };
    format!(
        "Produced by `make bench` on {}; {} rounds.{disturbed}{quick}{build}",
        machine.sentence(),
        context.effort.runs
    )
}

fn build() -> &'static str {
    if cfg!(debug_assertions) { "debug" } else { "release" }
}

fn put(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, format!("{}\n", text.trim_end())).with_context(|| format!("write {}", path.display()))
}
