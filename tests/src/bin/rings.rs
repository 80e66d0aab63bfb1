//! Records the rings in `tests/fixtures/rings` anew: real runs, in a lab of its own each.

use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use clap::Parser;
use tests::interrupt;
use tests::kernel;
use tests::scenario;

const RINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/rings");

/// Plays scenarios on hosts of this machine's own (no route out) and keeps what the recorder saw of each, with the
/// notice about it, as a folder of tests/fixtures/rings. What must be judged of them stands in scenarios.toml there.
///
/// Wants root, eBPF, and the programs of `tests/setup.sh rings`. All of them take some five minutes. Afterwards
/// `cargo nextest run -p gumshoe recorded` judges them, anywhere.
#[derive(Debug, Parser)]
struct Arguments {
    /// Only these; all of them when none is named
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// List the scenarios
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(failed) => {
            eprintln!("rings: {failed} scenarios failed; what was kept of them before stands");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("rings: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<usize> {
    let mut scenarios = scenario::all();
    if arguments.list {
        scenarios.iter().for_each(|scenario| println!("{}", scenario.name));
        return Ok(0);
    }
    if let Some(unknown) =
        arguments.names.iter().find(|name| !scenarios.iter().any(|scenario| scenario.name == **name))
    {
        bail!("no scenario is named {unknown:?}; --list names them");
    }
    scenarios.retain(|scenario| {
        arguments.names.is_empty() || arguments.names.iter().any(|name| name == scenario.name)
    });
    if let Some(why) = kernel::refuses_bpf() {
        bail!("eBPF cannot be loaded: {why}");
    }
    interrupt::remove_labs_on_signals()?;
    let mut failed = 0;
    for (nth, scenario) in scenarios.iter().enumerate() {
        eprintln!("rings: {} of {}: {}", nth + 1, scenarios.len(), scenario.name);
        let outcome = scenario.record(Path::new(RINGS));
        interrupt::wait_if_stopping();
        if let Err(error) = outcome {
            eprintln!("rings: {}: {error:#}", scenario.name);
            failed += 1;
        }
    }
    Ok(failed)
}
