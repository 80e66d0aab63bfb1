//! `gumshoe playbooks`: lists playbooks, checks files, and tries one on a ring.

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use clap::Subcommand;
use jiff::Timestamp;

use crate::case::Accused;
use crate::case::Activity;
use crate::case::Answer;
use crate::case::Case;
use crate::case::CaseId;
use crate::case::Claim;
use crate::case::ClaimWindow;
use crate::case::HostAnswer;
use crate::case::HostRef;
use crate::case::Located;
use crate::case::Remote;
use crate::case::ZoneSource;
use crate::investigate::facts_of_first;
use crate::investigate::request_for;
use crate::investigate::words;
use crate::playbook::Playbooks;
use crate::playbook::VerdictKind;
use crate::report;

/// Exit code when the verdict is not the expected one.
const DIFFERS: u8 = 3;

const TEST_HELP: &str = "\
Exit codes:
  0  it was judged, and as --expect says where that is given
  1  an error: the file is wrong, there is no ring
  2  wrong usage
  3  the verdict is not the one that --expect names

Examples:
  gumshoe playbooks test port-scan.toml --ring /var/lib/host-recorder --remote 198.51.100.7
  gumshoe playbooks test port-scan.toml --ring DIR --remote 198.51.100.7 \\
      --from 2026-11-21T10:00:00Z --to 2026-11-21T10:10:00Z --expect tool --facts";

/// List playbooks, check playbook files, or try one on a recorded ring
#[derive(Debug, Args)]
pub struct PlaybooksArgs {
    #[command(subcommand)]
    command: PlaybooksCommand,
}

#[derive(Debug, Subcommand)]
enum PlaybooksCommand {
    /// List the playbooks: name, version, what they are for
    List {
        /// A folder whose playbooks add to the built-in ones or take their place
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Check playbook files; ends with 1 when one is wrong
    ///
    /// Without files the built-in playbooks are checked. A file is checked together with the built-in ones: a
    /// playbook inherits from `default` whatever it does not say itself.
    Check {
        /// Files to check, or folders whose files ending in .toml are checked
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Judge a recorded ring by a playbook file, as if a notice had accused its host
    ///
    /// Shows the report, and which rule gave the verdict. With --facts also all that its conditions may ask for, with
    /// its value for the first suspect: what a threshold is to be set by.
    #[command(after_long_help = TEST_HELP)]
    Test(TestArgs),
}

#[derive(Debug, Args)]
struct TestArgs {
    /// The playbook
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The ring
    #[arg(long, value_name = "DIR")]
    ring: PathBuf,
    /// An address that the notice would name; may be given more than once; without one, traffic is judged by its kind
    #[arg(long, value_name = "ADDRESS")]
    remote: Vec<IpAddr>,
    /// When the abuse began; without it the hours that the playbook says are searched
    #[arg(long, value_name = "TIME", requires = "to")]
    from: Option<Timestamp>,
    /// When it ended
    #[arg(long, value_name = "TIME", requires = "from")]
    to: Option<Timestamp>,
    /// End with 3 when the verdict is another: tool, misbehaving_application, compromise, exposed_service, forwarded,
    /// not_this_host, unknown
    #[arg(long, value_name = "VERDICT", value_parser = verdict)]
    expect: Option<VerdictKind>,
    /// Show the facts about the first suspect, too
    #[arg(long)]
    facts: bool,
    /// Print the report, the rule and the facts as JSON
    #[arg(long)]
    json: bool,
}

fn verdict(text: &str) -> Result<VerdictKind, String> {
    let names: Vec<String> = VerdictKind::ALL.iter().map(words::snake).collect();
    let place = names.iter().position(|name| name == text);
    place.map(|place| VerdictKind::ALL[place]).ok_or_else(|| {
        let nearest = history::nearest(text, names.iter().map(String::as_str)).unwrap_or_default();
        format!("there is no such verdict; did you mean {nearest}?")
    })
}

/// Runs `gumshoe playbooks`.
pub fn cmd_playbooks(args: &PlaybooksArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        PlaybooksCommand::List { dir } => {
            list(&Playbooks::load(dir.as_deref())?);
            Ok(ExitCode::SUCCESS)
        }
        PlaybooksCommand::Check { files } => check(files),
        PlaybooksCommand::Test(args) => test(args),
    }
}

fn list(playbooks: &Playbooks) {
    for playbook in playbooks.iter() {
        let activities: Vec<String> = playbook.activities.iter().map(words::snake).collect();
        println!(
            "{:<20} v{:<3} {:<32} {}",
            playbook.name,
            playbook.version,
            playbook.title,
            activities.join(", ")
        );
    }
}

fn check(files: &[PathBuf]) -> anyhow::Result<ExitCode> {
    if files.is_empty() {
        let count = Playbooks::built_in()?.iter().count();
        println!("{count} built-in playbooks: ok");
        return Ok(ExitCode::SUCCESS);
    }
    let mut all_well = true;
    for (path, error) in Playbooks::check(&toml_files(files)?) {
        match error {
            None => println!("{}: ok", path.display()),
            Some(error) => {
                all_well = false;
                println!("{}: {error}", path.display());
            }
        }
    }
    Ok(if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Files as they are, and the playbooks of folders.
fn toml_files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let found = Playbooks::files_in(path)?;
            anyhow::ensure!(!found.is_empty(), "{} holds no file that ends in .toml", path.display());
            files.extend(found);
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn test(args: &TestArgs) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        args.ring.is_dir(),
        "{} is no folder; --ring names a recorder's ring, such as /var/lib/host-recorder",
        args.ring.display()
    );
    let (playbooks, name) = Playbooks::with_file(&args.file)?;
    let playbook = playbooks.get(&name).context("the playbook is gone")?;
    let now = Timestamp::now();
    let window =
        args.from.zip(args.to).map(|(from, to)| ClaimWindow { from, to, zone: ZoneSource::Explicit });
    let remote = |address: &IpAddr| Remote { address: *address, port: None, protocol: None };
    let claim = Claim {
        accused: Accused::default(),
        remote: args.remote.iter().map(remote).collect(),
        names: Vec::new(),
        window,
        activity: playbook.activities.first().copied().unwrap_or(Activity::Other),
    };
    let host = HostRef { name: Some("the ring's host".to_owned()), ..HostRef::default() };
    let request = request_for(&claim, playbook, now);
    let evidence = history::query(&args.ring, &request, history::Host::default())
        .with_context(|| format!("cannot query the ring {}", args.ring.display()))?;
    let answer = Answer::evidence(evidence);
    let answers =
        [HostAnswer { host: host.clone(), request, asked: now, answered: Timestamp::now(), answer }];
    let claims = vec![claim];
    let facts = args.facts.then(|| facts_of_first(&claims, &answers, playbook)).flatten();
    let case =
        Case { id: CaseId("test".to_owned()), opened: now, notices: Vec::new(), claims, deadline: None };
    let located = Located { hosts: vec![host], notes: Vec::new() };
    let report = report::build(&case, &located, &answers, &playbooks, now);
    let rule = report.judgement.suspects.first().and_then(|suspect| suspect.rule.clone());
    if args.json {
        let told = serde_json::json!({"playbook": name, "rule": rule, "facts": facts, "report": report});
        println!("{}", serde_json::to_string_pretty(&told)?);
    } else {
        print!("{}", report::text(&report));
        let version = playbook.version;
        match &rule {
            Some(rule) => println!(
                "\nRule {rule} of playbook {name}, version {version}, says what the first suspect did."
            ),
            None => {
                println!("\nNo rule of playbook {name}, version {version}, holds for anybody who matches.")
            }
        }
        for (fact, value) in facts.iter().flatten() {
            println!("  {fact} = {value}");
        }
    }
    let judged = VerdictKind::from(&report.judgement.verdict);
    match args.expect.filter(|expected| *expected != judged) {
        Some(expected) => {
            eprintln!(
                "gumshoe: the verdict is {}, expected {}",
                words::snake(&judged),
                words::snake(&expected)
            );
            Ok(ExitCode::from(DIFFERS))
        }
        None => Ok(ExitCode::SUCCESS),
    }
}
