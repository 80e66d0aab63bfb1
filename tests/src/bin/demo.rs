//! Tells the whole story on this machine, step by step: a login, a scan, a notice, an answer.
//!
//! Exits 0 only when Gumshoe's report names everything that happened.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use anyhow::ensure;
use clap::Parser;
use tests::browser::Browser;
use tests::facts::Expected;
use tests::facts::Facts;
use tests::interrupt;
use tests::kernel;
use tests::lab;
use tests::story::Programs;
use tests::story::Story;
use tests::story::Told;

/// The scan that the story is about.
const TYPED: &str = "sudo nmap -sS 198.51.100.20";
/// The same story as it was recorded earlier, for machines that cannot record.
const RECORDING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/recording");

/// Builds three hosts on this machine (no route out), has somebody scan one of them, reports that
/// to Gumshoe as AWS would, and shows what Gumshoe answers in Slack. Removes all of it afterwards.
#[derive(Debug, Parser)]
struct Arguments {
    /// Waits at the end until Enter is pressed, so that the hosts and the Slack page can be looked at.
    #[arg(long, env = "DEMO_KEEP", value_parser = clap::builder::FalseyValueParser::new())]
    hold: bool,
    /// Records nothing and asks a ring that was recorded earlier, as on a machine without eBPF.
    #[arg(long)]
    replay: bool,
    /// Keeps this run's ring and notice in a directory, to be replayed later.
    #[arg(long, value_name = "DIR")]
    keep_recording: Option<PathBuf>,
    /// Keeps pictures of the message and of the report in a directory, as README shows them.
    #[arg(long, value_name = "DIR")]
    pictures: Option<PathBuf>,
}

/// Says each step with the time since the beginning.
struct Narrator(Instant);

impl Narrator {
    fn step(&self, text: &str) {
        println!("[{:5.1} s] {text}", self.0.elapsed().as_secs_f64());
    }

    fn detail(&self, text: &str) {
        text.lines().for_each(|line| println!("          {line}"));
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match interrupt::remove_labs_on_signals().and_then(|()| tell(&arguments)) {
        Ok(missing) if missing.is_empty() => ExitCode::SUCCESS,
        Ok(missing) => {
            println!("demo: the report lacks {} of the facts:", missing.len());
            missing.iter().for_each(|line| println!("  {line}"));
            ExitCode::FAILURE
        }
        Err(error) => {
            println!("demo: failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Tells the story and returns what its report lacks.
fn tell(arguments: &Arguments) -> anyhow::Result<Vec<String>> {
    let say = Narrator(Instant::now());
    let state_dir = tests::target_dir()?.join("demo");
    let _ = std::fs::remove_dir_all(&state_dir);
    let refusal = kernel::refuses_bpf();
    if let Some(why) = &refusal {
        println!("demo: eBPF cannot be loaded: {why}.");
        println!("demo: REPLAYED: this tells the story from a ring recorded earlier, from step 4 on.");
        if !nix::unistd::geteuid().is_root() {
            return investigate(&state_dir.with_file_name("demo-replayed"));
        }
    }
    let replayed = arguments.replay || refusal.is_some();

    say.step("1. three hosts: the instance, a victim, an admin's laptop; an AWS account; a Slack workspace");
    let mut story = Story::set(Programs::find()?, &state_dir)?;
    say.detail(&format!(
        "instance {} ({}, public {}), victim {}, laptop {}",
        story.aws.instance_id,
        lab::INSTANCE_PRIVATE,
        lab::INSTANCE_PUBLIC,
        lab::VICTIM,
        lab::LAPTOP
    ));
    say.detail(&format!("Slack: {}", story.slack.page_url()));
    let mail = if replayed {
        say.step("2. and 3. are replayed: the ring and the notice were recorded earlier");
        story.replay(Path::new(RECORDING))?
    } else {
        scan(&say, &mut story)?
    };
    let told = answer(&say, &mut story, &mail)?;
    if let Some(dir) = &arguments.keep_recording {
        story.keep_recording(&mail, dir)?;
    }
    let missing = show(&story, &told);
    if let Some(dir) = &arguments.pictures {
        std::fs::create_dir_all(dir)?;
        std::fs::write(dir.join("slack.png"), Browser::visit(&story.slack.page_url(), 900, 840)?.picture()?)?;
        std::fs::write(dir.join("report.png"), Browser::open(&told.html, 1_000, 1_250)?.picture()?)?;
    }
    if arguments.hold {
        println!("Everything is still up. Enter removes it.");
        std::io::stdin().read_line(&mut String::new()).context("wait for Enter")?;
    }
    say.step("7. everything is removed");
    story.lab.down()?;
    if missing.is_empty() {
        let how = if replayed { " (replayed)" } else { "" };
        println!("demo: ok{how}, time to know {:.1} s", told.time_to_know.as_secs_f64());
    }
    Ok(missing)
}

/// Steps 2 and 3: what happens on the instance. Returns the notice that it leads to.
fn scan(say: &Narrator, story: &mut Story) -> anyhow::Result<String> {
    say.step("2. host-recorder starts on the instance: eBPF in this machine's kernel");
    story.record()?;
    say.step("   it records; bob fetches pages, a job runs every second, packages are upgraded");
    story.start_noise()?;

    say.step(&format!("3. alice logs in by ssh from {}, types `{TYPED}`, logs out", lab::LAPTOP));
    let scanned = story.log_in_and_type("alice", TYPED)?;
    say.detail(&format!("the victim's firewall saw {} TCP ports tried", scanned.seen.tcp_ports.len()));
    say.detail("scanner, socket and login are gone");
    Ok(story.notice(&scanned, lab::VICTIM))
}

/// Steps 4 to 6: the notice and the answer.
fn answer(say: &Narrator, story: &mut Story, mail: &str) -> anyhow::Result<Told> {
    say.step("4. the bot waits for notices");
    story.serve()?;
    say.step("   an AWS abuse notice arrives by mail: SES, SNS, SQS");
    let claim = ["IP Address:", "Destination IP:", "First seen:", "Last seen:"];
    mail.lines().filter(|line| claim.iter().any(|key| line.contains(key))).for_each(|line| say.detail(line));
    say.step("5. Gumshoe finds the instance, asks its recorder over SSM, and judges");
    let told = story.notify(mail)?;
    say.step("6. what it says in Slack:");
    Ok(told)
}

fn show(story: &Story, told: &Told) -> Vec<String> {
    println!();
    told.message.read().lines().for_each(|line| println!("    {line}"));
    println!();
    println!("  report: {}", told.html.display());
    println!("  from the notice to this: {:.1} s", told.time_to_know.as_secs_f64());
    println!();
    let mut missing = expected().missing(&Facts::read(&told.report));
    let refused = story.slack.refused();
    missing
        .extend(refused.iter().map(|refused| format!("Slack refused {}: {}", refused.method, refused.error)));
    missing
}

fn expected() -> Expected {
    Expected {
        program: "nmap",
        command_line: "nmap -sS 198.51.100.20".to_owned(),
        ran_as: "root",
        elevated_by: "sudo",
        person: "alice",
        login_from: lab::LAPTOP.into(),
        ports: (1_000, 1_000),
    }
}

/// Without root there are no hosts, no AWS and no Slack: Gumshoe answers from the recording alone.
fn investigate(state_dir: &Path) -> anyhow::Result<Vec<String>> {
    let since = Instant::now();
    std::fs::create_dir_all(state_dir)?;
    let gumshoe = Programs::gumshoe()?;
    let run = |format: &str, to: &Path| {
        let recording = Path::new(RECORDING);
        let mut command = Command::new(&gumshoe);
        command
            .arg("investigate")
            .arg(recording.join("notice.eml"))
            .arg("--ring")
            .arg(recording.join("ring"));
        let output =
            command.args(["--format", format, "--output"]).arg(to).output().context("run gumshoe")?;
        ensure!(output.status.success(), "gumshoe investigate: {}", String::from_utf8_lossy(&output.stderr));
        std::fs::read_to_string(to).with_context(|| to.display().to_string())
    };
    let report = run("json", &state_dir.join("report.json"))?;
    let time = since.elapsed().as_secs_f64();
    println!("{}", run("text", &state_dir.join("report.txt"))?);
    let html = state_dir.join("report.html");
    run("html", &html)?;
    println!("  report: {}", html.display());
    let missing = expected().missing(&Facts::read(&serde_json::from_str(&report)?));
    if missing.is_empty() {
        println!("demo: ok (replayed), time to know {time:.1} s");
    }
    Ok(missing)
}
