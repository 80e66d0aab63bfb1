//! Benches that belong to one crate and are examples of it: they print rows, one a line, as JSON.

use std::process::Command;
use std::process::Stdio;

use anyhow::Context as _;
use anyhow::ensure;

use super::Bench;
use super::context::Context;
use super::row::Row;

/// An example of a crate that prints rows.
pub struct Example {
    /// What its rows' names begin with.
    pub name: &'static str,
    /// The crate.
    pub package: &'static str,
    /// The example.
    pub example: &'static str,
    /// What it measures.
    pub about: &'static str,
}

/// From evidence to a verdict.
pub const JUDGE: Example = Example {
    name: "judge",
    package: "gumshoe",
    example: "judge_bench",
    about: "evidence of 100,000 events to a verdict",
};

impl Bench for Example {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn about(&self) -> String {
        self.about.to_owned()
    }

    fn rows(&self, _: &Context) -> anyhow::Result<Vec<Row>> {
        // The first time this builds the crate without debugging, which takes minutes.
        let output = Command::new("cargo")
            .args(["run", "--release", "--quiet", "--package", self.package, "--example", self.example])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .stderr(Stdio::inherit())
            .output()
            .context("run cargo")?;
        let printed = String::from_utf8_lossy(&output.stdout);
        let rows: Vec<Row> = printed
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<_, _>>()
            .with_context(|| format!("{} {} printed no rows: {printed}", self.package, self.example))?;
        // It ends with 1 where a bound does not hold, and says so in its rows.
        ensure!(!rows.is_empty(), "{} {} printed nothing", self.package, self.example);
        Ok(rows)
    }
}
