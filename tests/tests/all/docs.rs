//! The documentation: every command that it shows exists with the flags that it shows, and what is made from the
//! programs is as they are now.
//!
//! `UPDATE_DOCS=1 cargo nextest run -p tests docs` writes the reference anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use anyhow::ensure;
use tests::lab::output_within;
use tests::programs::Programs;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const HELP_MAX: Duration = Duration::from_secs(10);

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
    let mut pages =
        vec![root.join("README.md"), root.join("ARCHITECTURE.md"), root.join("terraform/README.md")];
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
    let ours = BTreeMap::from([("gumshoe", programs.gumshoe), ("host-recorder", programs.recorder)]);
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
    holds("commands.md", &format!("{}\n", text.trim_end())).expect("commands");
    let bot = output(&programs.gumshoe, &["config", "example"]).expect("example");
    let recorder = output(&programs.recorder, &["config"]).expect("example");
    let text = format!(
        "# Configuration\n\n{made}Unknown keys are errors that name the nearest right one.\n\n\
         ## gumshoe\n\n```toml\n{bot}```\n\n## host-recorder\n\n```toml\n{recorder}```\n"
    );
    holds("configuration.md", &text).expect("configuration");
}
