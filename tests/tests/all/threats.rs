//! Each claim of the threat model names tests that exist, and no log holds what is secret.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::Context;
use anyhow::ensure;
use history::Body;
use tests::lab::VICTIM;
use tests::standins::secret_key;
use tests::story::Programs;
use tests::story::Story;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

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
fn no_log_holds_a_token_and_nothing_that_leaves_a_host_a_password() -> anyhow::Result<()> {
    let state = tempfile::tempdir()?;
    let mut story = Story::set(Programs::find()?, state.path())?;
    story.log_everything();
    story.record()?;
    let password = format!("pw{:x}", std::time::UNIX_EPOCH.elapsed()?.as_nanos());
    let fetch =
        format!("AWS_SESSION_TOKEN={password} curl -s -u alice:{password} http://mirror.example.net/health");
    let scanned =
        story.log_in_and_type("alice", &format!("{fetch} >/dev/null; sudo nmap -sS -p1-50 {VICTIM}"))?;
    story.serve()?;
    let told = story.notify(&story.notice(&scanned, VICTIM))?;
    ensure!(told.message.read().contains("nmap"), "{}", told.message.read());

    let mut secrets = vec![story.slack.bot_token(), story.slack.app_token(), secret_key(), password.clone()];
    let log = |name: &str| fs::read_to_string(story.lab.dir().join(name));
    for name in ["gumshoe.log", "host-recorder.log"] {
        let log = log(name)?;
        for secret in &secrets {
            let shown: Vec<_> = log.lines().filter(|line| line.contains(secret)).collect();
            ensure!(shown.is_empty(), "{name}: {shown:#?}");
        }
    }
    ensure!(log("gumshoe.log")?.lines().count() > 50, "that is not everything:\n{}", log("gumshoe.log")?);
    // That the recorder knows the password is why it must not leave: what it hands out has the line without it.
    let known = history::events(&story.ring())?.into_iter().any(|event| match event.body {
        Body::Process(process) => process.argv.iter().any(|word| word.contains(&password)),
        _ => false,
    });
    ensure!(known, "the command was not recorded, and nothing is shown by this");
    secrets.push(format!("alice:{password}"));
    let mut files = vec![state.path().join("cases")];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(fs::read_dir(&path)?.flatten().map(|entry| entry.path()));
            continue;
        }
        let bytes = fs::read(&path)?;
        for secret in &secrets {
            let holds = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            ensure!(!holds, "{} holds {secret}", path.display());
        }
    }
    for message in story.slack.messages() {
        ensure!(!secrets.iter().any(|secret| message.read().contains(secret)), "{}", message.read());
    }
    Ok(())
}
