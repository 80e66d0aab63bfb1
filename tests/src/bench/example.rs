//! Benches that belong to one crate and are examples of it: they print rows, one a line, as JSON.

use std::process::Command;
use std::process::Stdio;

use anyhow::Context as _;
use anyhow::ensure;

use super::Bench;
use super::context::Context;
use super::row::Row;

/// An example of some crate that prints rows.
pub struct Example {
    /// What its rows' names begin with.
    pub name: &'static str,
    /// The example.
    pub example: &'static str,
    /// What it measures.
    pub about: &'static str,
}

/// From evidence to a verdict.
pub const JUDGE: Example =
    Example { name: "judge", example: "judge_bench", about: "evidence of 100,000 events to a verdict" };

impl Bench for Example {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn about(&self) -> String {
        self.about.to_owned()
    }

    fn rows(&self, _: &Context) -> anyhow::Result<Vec<Row>> {
        // With the whole workspace, as everything else was built: alone it would have other features of its libraries,
        // and those would be compiled again.
        let built = Command::new("cargo")
            .args(["build", "--release", "--quiet", "--workspace", "--example", self.example])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .status()
            .context("run cargo")?;
        ensure!(built.success(), "{} does not build", self.example);
        let example = crate::target_dir()?.join("release/examples").join(self.example);
        let output = Command::new(&example)
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("run {}", example.display()))?;
        let printed = String::from_utf8_lossy(&output.stdout);
        let rows: Vec<Row> = printed
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<_, _>>()
            .with_context(|| format!("{} printed no rows: {printed}", self.example))?;
        // It ends with 1 where a bound does not hold, and says so in its rows.
        ensure!(!rows.is_empty(), "{} printed nothing", self.example);
        Ok(rows)
    }
}
