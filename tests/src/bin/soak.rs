//! Deeds, notices and faults mixed for some minutes, and a check of every answer against what was really done.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use std::time::Instant;

use clap::Parser;
use tests::interrupt;
use tests::soak;
use tests::soak::Options;

/// Has people of a lab scan, sends notices about it, about what nobody did and about nothing at all, and meanwhile
/// kills recorder and bot, fills the ring's disk, sets the host's clock, cuts AWS off and throttles it, limits Slack and
/// has it fail, changes segments and has the host lie.
/// At the end every notice must have exactly one case with the right verdict, and every event must be in the ring or
/// in a counted loss.
///
/// Exits with 0 when that is so, with 1 when it is not, with 2 when the run itself failed.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many minutes steps are begun; what is under way then is waited for.
    #[arg(long, default_value_t = 10.0, env = "SOAK_MINUTES")]
    minutes: f64,
    /// How many steps are begun at most.
    #[arg(long, default_value_t = u64::MAX, env = "SOAK_STEPS", hide_default_value = true)]
    steps: u64,
    /// Decides the steps; a run says its own, so that it can be had again.
    #[arg(long, env = "SOAK_SEED")]
    seed: Option<u64>,
    /// Longest pause between two steps, ms: steps come close together and far apart.
    #[arg(long, default_value_t = 2_000)]
    pause: u64,
    /// Keeps the bot's cases and reports in this folder.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let seed = arguments.seed.unwrap_or_else(|| {
        std::time::UNIX_EPOCH.elapsed().map_or(1, |since| since.as_micros() as u64 % 1_000_000)
    });
    println!("soak: seed {seed}; again with: make soak SOAK_SEED={seed}");
    let begun = Instant::now();
    let say = |text: &str| println!("[{:6.1} s] {text}", begun.elapsed().as_secs_f64());
    let options = Options {
        seed,
        time: Duration::from_secs_f64(arguments.minutes.clamp(0.1, 10_000.0) * 60.0),
        steps: arguments.steps,
        pause: Duration::from_millis(arguments.pause),
        keep: arguments.keep,
    };
    match interrupt::remove_labs_on_signals().and_then(|()| soak::run(&options, &say)) {
        Ok(outcome) => {
            let tally = outcome.tally;
            println!(
                "soak: {} steps, {} notices answered rightly, {} with reason said not to know; {} ports recorded, {} told lost",
                outcome.steps, tally.right, tally.excused, tally.recorded, tally.said_lost
            );
            outcome.wrong.iter().for_each(|line| println!("soak: WRONG: {line}"));
            if outcome.wrong.is_empty() && tally.right > 0 {
                println!("soak: ok");
                return ExitCode::SUCCESS;
            }
            println!("soak: {} differences (seed {seed})", outcome.wrong.len());
            ExitCode::from(1)
        }
        Err(error) => {
            println!("soak: failed: {error:#} (seed {seed})");
            ExitCode::from(2)
        }
    }
}
