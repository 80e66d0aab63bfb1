//! Tells the whole story on this machine, step by step: a login, a scan, a notice, an answer.
//!
//! Exits 0 only when Gumshoe's report names everything that happened.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use clap::Parser;
use tests::facts::Expected;
use tests::facts::Facts;
use tests::interrupt;
use tests::lab;
use tests::story::Programs;
use tests::story::Story;
use tests::story::Told;

/// The scan that the story is about.
const TYPED: &str = "sudo nmap -sS 198.51.100.20";

/// Builds three hosts on this machine (no route out), has somebody scan one of them, reports that
/// to Gumshoe as AWS would, and shows what Gumshoe answers in Slack. Removes all of it afterwards.
#[derive(Debug, Parser)]
struct Arguments {
    /// Waits at the end until Enter is pressed, so that the hosts and the Slack page can be looked at.
    #[arg(long)]
    hold: bool,
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

    say.step("2. host-recorder starts on the instance: eBPF in this machine's kernel");
    story.record()?;
    say.step("   it records; bob fetches pages, a job runs every second, packages are upgraded");
    story.start_noise()?;

    say.step(&format!("3. alice logs in by ssh from {}, types `{TYPED}`, logs out", lab::LAPTOP));
    let scanned = story.log_in_and_type("alice", TYPED)?;
    say.detail(&format!("the victim's firewall saw {} TCP ports tried", scanned.seen.tcp_ports.len()));
    say.detail("scanner, socket and login are gone");

    say.step("4. the bot waits for notices");
    story.serve()?;
    let mail = story.notice(&scanned, lab::VICTIM);
    say.step("   an AWS abuse notice arrives by mail: SES, SNS, SQS");
    let claim = ["IP Address:", "Destination IP:", "First seen:", "Last seen:"];
    mail.lines().filter(|line| claim.iter().any(|key| line.contains(key))).for_each(|line| say.detail(line));

    say.step("5. Gumshoe finds the instance, asks its recorder over SSM, and judges");
    let told = story.notify(&mail)?;
    say.step("6. what it says in Slack:");
    let missing = show(&story, &told);
    if arguments.hold {
        println!("Everything is still up. Enter removes it.");
        std::io::stdin().read_line(&mut String::new()).context("wait for Enter")?;
    }
    let time = told.time_to_know.as_secs_f64();
    say.step("7. everything is removed");
    story.lab.down()?;
    if missing.is_empty() {
        println!("demo: ok, time to know {time:.1} s");
    }
    Ok(missing)
}

fn show(story: &Story, told: &Told) -> Vec<String> {
    println!();
    told.message.read().lines().for_each(|line| println!("    {line}"));
    println!();
    println!("  report: {}", told.html.display());
    println!("  from the notice to this: {:.1} s", told.time_to_know.as_secs_f64());
    println!();
    let expected = Expected {
        program: "nmap",
        command_line: "nmap -sS 198.51.100.20".to_owned(),
        ran_as: "root",
        elevated_by: "sudo",
        person: "alice",
        login_from: lab::LAPTOP.into(),
        ports: (1_000, 1_000),
    };
    let mut missing = expected.missing(&Facts::read(&told.report));
    let refused = story.slack.refused();
    missing
        .extend(refused.iter().map(|refused| format!("Slack refused {}: {}", refused.method, refused.error)));
    missing
}
