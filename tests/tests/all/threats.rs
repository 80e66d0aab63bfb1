//! Each claim of the threat model names tests that exist, and no log holds what is secret.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::Context;
use anyhow::ensure;
use tests::story::Programs;
use tests::story::Story;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const RECORDING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/recording");

/// Names of test functions in the sources below a directory.
fn tests_below(dir: &Path, found: &mut BTreeSet<String>) -> anyhow::Result<()> {
    for entry in fs::read_dir(dir).with_context(|| dir.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            tests_below(&path, found)?;
        } else if name.ends_with(".rs") {
            let text = fs::read_to_string(&path)?;
            let mut is_test = false;
            for line in text.lines().map(str::trim) {
                if line.contains("#[test]") || line.contains("::test]") || line.contains("::test(") {
                    is_test = true;
                } else if let Some((_, rest)) = line.split_once("fn ").filter(|_| is_test) {
                    found.extend(rest.split('(').next().map(str::to_owned));
                    is_test = false;
                }
            }
        }
    }
    Ok(())
}

#[test]
fn every_claim_names_tests_that_exist() -> anyhow::Result<()> {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/threat-model.md"))?;
    let mut known = BTreeSet::new();
    tests_below(Path::new(ROOT), &mut known)?;
    let mut claims = 0;
    for row in page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| claim")) {
        let shown_by = row.trim_end_matches('|').rsplit('|').next().unwrap_or_default();
        let named: Vec<_> = shown_by.split('`').skip(1).step_by(2).collect();
        ensure!(!named.is_empty(), "no test shows: {row}");
        for name in named {
            ensure!(known.contains(name), "no test is named {name}");
        }
        claims += 1;
    }
    ensure!(claims > 15, "only {claims} claims were found");
    Ok(())
}

#[test]
fn no_log_holds_a_token() -> anyhow::Result<()> {
    let state = tempfile::tempdir()?;
    let mut story = Story::set(Programs::find()?, state.path())?;
    let notice = story.replay(Path::new(RECORDING))?;
    story.log_everything();
    story.serve()?;
    story.notify(&notice)?;
    let log = fs::read_to_string(story.lab.dir().join("gumshoe.log"))?;
    ensure!(log.lines().count() > 50, "that is not everything:\n{log}");
    for secret in [story.slack.bot_token(), story.slack.app_token()] {
        let shown: Vec<_> = log.lines().filter(|line| line.contains(&secret)).collect();
        ensure!(shown.is_empty(), "{shown:#?}");
    }
    Ok(())
}
