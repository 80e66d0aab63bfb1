//! The documentation: every command that it shows exists with the flags that it shows, and what is made from the
//! programs is as they are now.
//!
//! `UPDATE_DOCS=1 cargo nextest run -p tests docs` writes the reference anew.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use anyhow::ensure;
use regex::Regex;
use tests::lab::output_within;
use tests::programs::Programs;
use tests::recording;
use tests::standins::slack::scopes;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const RECORDING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/recording");
const HELP_MAX: Duration = Duration::from_secs(10);
const RUN_MAX: Duration = Duration::from_secs(60);

/// Prints the help of a subcommand of one of our programs.
fn help(program: &Path, words: &[String]) -> anyhow::Result<String> {
    let mut command = Command::new(program);
    command.args(words).arg("--help").env("COLUMNS", "100").env_remove("GUMSHOE_CONFIG");
    let output = output_within("help", &mut command, HELP_MAX)?;
    ensure!(output.status.success(), "{} {words:?} --help: {output:?}", program.display());
    Ok(String::from_utf8(output.stdout)?)
}

/// The subcommands that a help lists.
fn subcommands(help: &str) -> Vec<String> {
    help.lines()
        .skip_while(|line| line.trim() != "Commands:")
        .skip(1)
        .take_while(|line| line.starts_with(' ') || line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next().map(ToOwned::to_owned))
        .filter(|name| name != "help")
        .collect()
}

/// The pages of the documentation.
fn pages() -> anyhow::Result<Vec<PathBuf>> {
    let root = Path::new(ROOT);
    let mut pages: Vec<PathBuf> =
        ["README.md", "ARCHITECTURE.md", "terraform/README.md", "playbooks/README.md"]
            .map(|page| root.join(page))
            .to_vec();
    for entry in fs::read_dir(root.join("docs"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
    ensure!(pages.len() > 4, "{pages:?}");
    Ok(pages)
}

/// The lines of fenced blocks without a language: those are commands.
fn commands(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut block: Option<bool> = None;
    for line in page.lines() {
        if let Some(language) = line.strip_prefix("```") {
            block = match block {
                Some(_) => None,
                None => Some(["", "sh"].contains(&language)),
            };
        } else if block == Some(true) {
            found.push(line.trim_start_matches("$ ").to_owned());
        }
    }
    found
}

/// The words of a command up to a comment, a pipe or a redirection.
fn words(line: &str) -> Vec<String> {
    line.split_whitespace()
        .take_while(|word| !["#", "|", ">", ">>", "&&", ";"].contains(word))
        .map(ToOwned::to_owned)
        .collect()
}

/// What is wrong with one command of ours.
fn fault(program: &Path, words: &[String]) -> anyhow::Result<Option<String>> {
    let (mut path, mut text) = (Vec::new(), help(program, &[])?);
    for word in &words[1..] {
        if !subcommands(&text).contains(word) {
            break;
        }
        path.push(word.clone());
        text = help(program, &path)?;
    }
    let rest = &words[1 + path.len()..];
    if !subcommands(&text).is_empty() && rest.first().is_some_and(|word| !word.starts_with('-')) {
        return Ok(Some(format!("there is no {:?}", rest.first())));
    }
    let flags =
        rest.iter().filter(|word| word.starts_with("--")).map(|word| word.split('=').next().unwrap_or(word));
    for flag in flags {
        let known = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).any(|word| word == flag);
        if !known {
            return Ok(Some(format!("{path:?} has no {flag}")));
        }
    }
    Ok(None)
}

#[test]
fn every_command_that_is_shown_exists() {
    let programs = Programs::find().expect("programs");
    let archive = programs.recorder.with_file_name("host-recorder-archive");
    let ours = BTreeMap::from([
        ("gumshoe", programs.gumshoe),
        ("host-recorder", programs.recorder),
        ("host-recorder-archive", archive),
    ]);
    let makefile = fs::read_to_string(Path::new(ROOT).join("Makefile")).expect("Makefile");
    let mut faults = Vec::new();
    let mut seen = 0;
    for page in pages().expect("pages") {
        let text = fs::read_to_string(&page).expect("read");
        for line in commands(&text) {
            let words = words(&line);
            let Some(first) = words.first() else { continue };
            let fault = match ours.get(first.as_str()) {
                Some(program) => {
                    seen += 1;
                    fault(program, &words).expect("help")
                }
                None if first == "make" => words.get(1).and_then(|target| {
                    let there = makefile.lines().any(|line| line.starts_with(&format!("{target}:")));
                    (!there).then(|| format!("there is no target {target}"))
                }),
                None if first.starts_with("tests/") || first.starts_with("host-recorder/") => {
                    (!Path::new(ROOT).join(first).exists()).then(|| format!("there is no {first}"))
                }
                // Output, drawings, queries, and other programs, whose flags are theirs to document.
                None => None,
            };
            faults.extend(fault.map(|fault| format!("{}: `{line}`: {fault}", page.display())));
        }
    }
    assert!(seen > 20, "only {seen} commands of ours were seen");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The help of a program and all of its subcommands.
fn manual(name: &str, program: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let mut open = vec![Vec::<String>::new()];
    while let Some(path) = open.pop() {
        let help = help(program, &path)?;
        let title = [name.to_owned()].into_iter().chain(path.clone()).collect::<Vec<_>>().join(" ");
        let lines: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
        text.push_str(&format!("## {title}\n\n```text\n{}\n```\n\n", lines.join("\n")));
        for name in subcommands(&help).into_iter().rev() {
            open.push(path.iter().cloned().chain([name]).collect());
        }
    }
    Ok(text)
}

fn output(program: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = output_within("print", Command::new(program).args(arguments), HELP_MAX)?;
    ensure!(output.status.success(), "{output:?}");
    Ok(String::from_utf8(output.stdout)?)
}

/// Compares a page with what it is made from, or writes it when asked to.
fn holds(page: &str, text: &str) -> anyhow::Result<()> {
    let path = Path::new(ROOT).join("docs/reference").join(page);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::create_dir_all(path.parent().context("a folder")?)?;
        return Ok(fs::write(&path, text)?);
    }
    let stands = fs::read_to_string(&path).unwrap_or_default();
    ensure!(
        stands == text,
        "docs/reference/{page} is not what the programs say now; UPDATE_DOCS=1 writes it anew"
    );
    Ok(())
}

#[test]
fn the_reference_is_what_the_programs_say() {
    let programs = Programs::find().expect("programs");
    let made = "Made from the programs themselves; a test says when it is not up to date.\n\n";
    let mut text = format!("# Commands\n\n{made}");
    text.push_str(&manual("gumshoe", &programs.gumshoe).expect("help"));
    text.push_str(&manual("host-recorder", &programs.recorder).expect("help"));
    let archive = programs.recorder.with_file_name("host-recorder-archive");
    text.push_str(&manual("host-recorder-archive", &archive).expect("help"));
    holds("commands.md", &format!("{}\n", text.trim_end())).expect("commands");
    let bot = output(&programs.gumshoe, &["config", "example"]).expect("example");
    let recorder = output(&programs.recorder, &["config"]).expect("example");
    let text = format!(
        "# Configuration\n\n{made}Unknown keys are errors that name the nearest right one.\n\n\
         ## gumshoe\n\n```toml\n{bot}```\n\n## host-recorder\n\n```toml\n{recorder}```\n"
    );
    holds("configuration.md", &text).expect("configuration");
}

/// What runs until it is ended, or acts on AWS or on a process; tests of their own run these.
const RUN_ELSEWHERE: [&str; 6] = ["record", "tail", "serve", "doctor", "stop-process", "--probe"];

/// Runs what the pages show, in the order in which they show it, on a ring that was recorded and its notice.
#[test]
fn every_command_that_is_shown_runs() {
    let programs = Programs::find().expect("programs");
    let folder = tempfile::tempdir().expect("a folder");
    let (ring, here) = (folder.path().join("ring"), folder.path().join("here"));
    fs::create_dir(&here).expect("a folder");
    let notice = recording::put(Path::new(RECORDING), &ring).expect("a ring");
    for name in ["notice.eml", "notice.json"] {
        fs::write(here.join(name), &notice).expect("written");
    }
    let ours = BTreeMap::from([("gumshoe", &programs.gumshoe), ("host-recorder", &programs.recorder)]);
    let (mut key, mut ran, mut faults) = (String::new(), 0, Vec::new());
    for page in pages().expect("pages") {
        for line in commands(&fs::read_to_string(&page).expect("read")) {
            let words = words(&line);
            let Some(program) = words.first().and_then(|first| ours.get(first.as_str())) else { continue };
            if words.iter().any(|word| RUN_ELSEWHERE.contains(&word.as_str())) {
                continue;
            }
            let arguments = words[1..].iter().map(|word| match word.as_str() {
                "/var/lib/host-recorder" => ring.display().to_string(),
                "KEY" => key.clone(),
                other => other.to_owned(),
            });
            let mut command = Command::new(program);
            command.args(arguments).current_dir(&here).env("HOST_RECORDER_RING", &ring);
            let output = output_within(&line, &mut command, RUN_MAX).expect("it ends");
            ran += 1;
            let (said, complained) =
                (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            if line.starts_with("host-recorder seal setup") {
                key = said.split_whitespace().max_by_key(|word| word.len()).unwrap_or_default().to_owned();
            }
            // Nobody writes where the pages do; what follows reads it here.
            if let Some(file) = line.split(" > ").nth(1).and_then(|rest| rest.split_whitespace().next()) {
                let name = Path::new(file).file_name().expect("a file's name");
                fs::write(here.join(name), said.as_bytes()).expect("written");
            }
            // Ends that are documented: found, something missing, cannot say.
            let is_known = matches!(output.status.code(), Some(0 | 1 | 3));
            if !is_known || complained.contains("panicked") || complained.contains("error:") {
                faults.push(format!("{}: `{line}`: {}\n{complained}", page.display(), output.status));
            }
        }
    }
    assert!(ran > 12, "only {ran} commands were run");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Settings of Terraform that a page shows are inputs of the example that it tells to apply.
#[test]
fn every_input_that_is_shown_exists() {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/getting-started.md")).expect("read");
    let variables = Path::new(ROOT).join("terraform/examples/single-account/variables.tf");
    let variables = fs::read_to_string(variables).expect("read");
    let shown =
        page.split("cat >terraform.tfvars <<'END'\n").nth(1).and_then(|rest| rest.split("\nEND").next());
    let names: Vec<&str> = shown
        .expect("terraform.tfvars")
        .lines()
        .filter_map(|line| Some(line.split_once(" = ")?.0.trim()))
        .collect();
    assert!(names.len() > 5, "{names:?}");
    let missing: Vec<_> =
        names.iter().filter(|name| !variables.contains(&format!("variable \"{name}\""))).collect();
    assert!(missing.is_empty(), "the example has no {missing:?}");
}

/// The app that people install may do what the bot calls, and nothing else.
#[test]
fn the_slack_app_asks_for_the_scopes_of_what_is_called() {
    let method = Regex::new(r#""((?:auth|chat|conversations|files|usergroups|users|views)\.[A-Za-z.]+)""#)
        .expect("a pattern");
    let mut needed = BTreeSet::from(["commands"]);
    let mut methods = BTreeSet::new();
    for entry in fs::read_dir(Path::new(ROOT).join("bot/src/slack")).expect("sources") {
        let text = fs::read_to_string(entry.expect("an entry").path()).expect("read");
        let code = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        methods.extend(method.captures_iter(code).map(|found| found[1].to_owned()));
    }
    assert!(methods.len() > 6, "only {methods:?}");
    needed.extend(methods.iter().flat_map(|method| scopes::needed(method)));
    let granted: BTreeSet<&str> = scopes::granted().iter().map(String::as_str).collect();
    assert_eq!(granted, needed, "bot/packaging/slack-manifest.json and what {methods:?} need");
}
