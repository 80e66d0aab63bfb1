//! Where results go: `results.json` (rows, nothing else), `machine.json` (on what, and of what they
//! were made), and the table in README.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use anyhow::ensure;
use serde_json::Value;
use serde_json::json;

use super::context::Context;
use super::machine::Machine;
use super::row;
use super::row::Row;

/// Rows of earlier runs that stand beside those of this one, and when each was measured.
#[derive(Debug, Default)]
pub struct Earlier {
    rows: Vec<Row>,
    times: BTreeMap<String, String>,
}

impl Earlier {
    /// The rows that lie there, without those that the benches of this run measure again.
    ///
    /// # Errors
    /// When they cannot be read, or were measured on another machine: such figures are not compared.
    pub fn read(out: &Path, machine: &Machine, again: &[String]) -> anyhow::Result<Self> {
        let (rows, about) = written(out)?;
        let here = serde_json::to_value(machine)?;
        ensure!(about["machine"] == here, "the earlier rows are of another machine: {}", about["machine"]);
        ensure!(
            about["quick"] == false && about["build"] == build(),
            "the earlier rows are of another build"
        );
        let measured = about["measured"].as_str().unwrap_or_default();
        let time = |row: &Row| about["times"][&row.name].as_str().unwrap_or(measured).to_owned();
        let is_again = |row: &Row| again.iter().any(|bench| row.name.starts_with(&format!("{bench}.")));
        let rows: Vec<Row> = rows.into_iter().filter(|row| !is_again(row)).collect();
        let times = rows.iter().map(|row| (row.name.clone(), time(row))).collect();
        Ok(Self { rows, times })
    }

    /// These with the rows of this run, which replace those of the same name.
    pub fn with(&self, rows: &[Row]) -> Vec<Row> {
        let is_new = |row: &&Row| rows.iter().all(|new| new.name != row.name);
        self.rows.iter().filter(is_new).chain(rows).cloned().collect()
    }

    /// The day of the oldest; none where there are none.
    fn since(&self) -> Option<&str> {
        self.times.values().min().map(|time| time.split('T').next().unwrap_or(time))
    }
}

/// Writes the rows with those of earlier runs, and beside them what they were measured on.
///
/// # Errors
/// When a file cannot be written.
pub fn write(
    out: &Path,
    rows: &[Row],
    earlier: &Earlier,
    machine: &Machine,
    context: &Context,
) -> anyhow::Result<()> {
    let measured = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let mut times = earlier.times.clone();
    times.extend(rows.iter().map(|row| (row.name.clone(), measured.clone())));
    let about = json!({
        "machine": machine,
        "measured": measured,
        "times": times,
        "build": build(),
        "quick": context.effort.quick,
        "runs": context.effort.runs,
        "disturbed_rounds": context.disturbed(),
        "sentence": sentence(earlier, machine, context),
        "details": context.details(),
    });
    put(&out.join("results.json"), &serde_json::to_string_pretty(&earlier.with(rows))?)?;
    put(&out.join("machine.json"), &serde_json::to_string_pretty(&about)?)
}

/// The rows that were written, and on what they were measured.
///
/// # Errors
/// When there are none.
pub fn read(out: &Path) -> anyhow::Result<(Vec<Row>, String)> {
    let (rows, about) = written(out)?;
    Ok((rows, about["sentence"].as_str().unwrap_or_default().to_owned()))
}

/// Both files as they lie there.
fn written(out: &Path) -> anyhow::Result<(Vec<Row>, Value)> {
    let text = |name: &str| {
        let path = out.join(name);
        fs::read_to_string(&path).with_context(|| format!("read {}: measure first", path.display()))
    };
    let rows = serde_json::from_str(&text("results.json")?).context("results.json")?;
    let about = serde_json::from_str(&text("machine.json")?).context("machine.json")?;
    Ok((rows, about))
}

/// Of these all is shown: beside them stands what others need for the same, or they tell of the whole.
const SHOWN: [&str; 4] = ["peer.", "ring.", "store.", "story."];

/// Writes the table between the markers of a document: what is promised, and what is measured of others.
///
/// # Errors
/// When the document cannot be read or written, or has no markers.
pub fn write_into(
    document: &Path,
    rows: &[Row],
    earlier: &Earlier,
    machine: &Machine,
    context: &Context,
) -> anyhow::Result<()> {
    let name = document.display();
    let text = fs::read_to_string(document).with_context(|| format!("read {name}"))?;
    let is_shown = |row: &Row| row.bound.is_some() || SHOWN.iter().any(|group| row.name.starts_with(group));
    let shown: Vec<_> = earlier.with(rows).into_iter().filter(is_shown).collect();
    let table = format!("{}\n\n{}", sentence(earlier, machine, context), row::table(&shown));
    let text = row::put_between_markers(&text, &table).with_context(|| format!("{name} has no markers"))?;
    put(document, &text)
}

/// On what and how often it was measured.
pub fn sentence(earlier: &Earlier, machine: &Machine, context: &Context) -> String {
    let several = earlier.since().map_or_else(String::new, |day| format!(" in several runs since {day}"));
    let disturbed = match context.disturbed() {
        0 => String::new(),
        rounds => format!(" Other programs kept the machine busy in {rounds} rounds: not to be relied on."),
    };
    let quick =
        if context.effort.quick { " Small loads: a test of the harness, no measurement." } else { "" };
    let build = if build() == "release" { "" } else { " Debug build." };
    format!(
        "Produced by `make bench`{several} on {}; {} rounds or more.{disturbed}{quick}{build}",
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
