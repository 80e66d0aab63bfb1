//! Measures what the recorder costs and whether it loses anything, and says which promises hold.

use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use anyhow::ensure;
use clap::Parser;
use tests::bench;
use tests::bench::context::Context;
use tests::bench::context::Effort;
use tests::bench::draw;
use tests::bench::machine::Machine;
use tests::bench::results;
use tests::bench::row;
use tests::bench::row::Row;
use tests::interrupt;
use tests::kernel;

/// The page of the curves.
const CURVES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/benchmarks.md");
const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
/// A bound does not hold.
const BROKEN: u8 = 1;
/// Something could not be measured.
const NOT_MEASURED: u8 = 2;

/// Measures what the recorder costs, in rounds with and without it, and whether it loses anything.
///
/// Each figure is a row of `results.json`: name, value, unit, bound (what the value may be at most), holds, samples.
/// What the rows were made of, and on which machine, stands in `machine.json` beside it. Wants root, a release build
/// (`make bench` does both) and a quiet machine: a round in which others keep it busy is repeated, as often as there
/// are rounds, and noted after that.
#[derive(Debug, Parser)]
#[command(
    max_term_width = 100,
    after_help = "Figures of a load:
  cpu_ratio     its CPU time with the recorder over that without, in the same round; the median
  own_cpu       the recorder's CPU time, until all of it was on disk
  rss           the most memory the recorder had, its rings included
  lost          events that the recorder says it lost
  miscounted    things done and not recorded, or recorded and not done; unaccounted, of a flood: neither
                recorded nor said to be lost
peer.* are the same ratios of other recorders, or why there are none.

Exits with 0 when every bound holds, 1 when one does not, 2 when something could not be measured.

Examples:
  make bench                        everything, some ten minutes
  make bench ONLY=nmap              one bench; --list names them
  make bench ONLY=curve             how cost grows; then: tests/bench.sh --draw
  tests/bench.sh --peers            auditd, bpftrace and libbpf-tools beside ours
  tests/bench.sh --only bot --add --write-readme
                                    the bot again, the other rows of README as they were measured before"
)]
struct Arguments {
    /// Only benches of this name, or whose name begins or ends with it (recorder.nmap, recorder, nmap)
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// Rounds that count, after one that does not [default: 5 or what the load needs, quick: 2]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    runs: Option<u32>,
    /// Small loads: to see that the harness works
    #[arg(long)]
    quick: bool,
    /// Measure other recorders in the same rounds. For auditd this switches the kernel's audit on and off again;
    /// a rule that audits nothing stays
    #[arg(long)]
    peers: bool,
    /// Events of the ring that is asked questions; promises are for 100000000, which takes some ten minutes
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1_000..=1_000_000_000))]
    events: Option<u64>,
    /// List the benches
    #[arg(long)]
    list: bool,
    /// Print the rows as JSON instead of a table
    #[arg(long)]
    json: bool,
    /// Directory for results, and for rings while they are measured [default: bench in the target directory]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Measure nothing: draw the curves that the last results hold into docs/benchmarks.md
    #[arg(long, conflicts_with_all = ["quick", "only", "write_readme", "list"])]
    draw: bool,
    /// The page that --draw writes [default: docs/benchmarks.md]
    #[arg(long, value_name = "FILE", requires = "draw")]
    page: Option<PathBuf>,
    /// Keep the rows of the last results that this run does not measure; with --only, to measure in several runs
    #[arg(long, conflicts_with = "quick")]
    add: bool,
    /// Put the table into README.md, too
    #[arg(long, conflicts_with = "quick")]
    write_readme: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = run(&arguments);
    interrupt::wait_if_stopping();
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::from(NOT_MEASURED)
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    let benches = bench::chosen(&arguments.only)?;
    if arguments.list {
        benches.iter().for_each(|bench| println!("{:<24} {}", bench.name(), bench.about()));
        return Ok(0);
    }
    let out = match &arguments.out {
        Some(out) => out.clone(),
        None => tests::target_dir()?.join("bench"),
    };
    if arguments.draw {
        let (rows, sentence) = results::read(&out)?;
        let page = arguments.page.clone().unwrap_or_else(|| PathBuf::from(CURVES));
        draw::write(&page, &rows, &sentence)?;
        return Ok(0);
    }
    if let Some(why) = kernel::refuses_bpf() {
        anyhow::bail!("eBPF cannot be loaded: {why}");
    }
    if cfg!(debug_assertions) && !arguments.quick {
        eprintln!("bench: a debug build: the recorder's own figures say nothing");
    }
    let runs = arguments.runs.unwrap_or(if arguments.quick { 2 } else { 5 });
    let effort = Effort {
        runs,
        fixed: arguments.runs.is_some(),
        quick: arguments.quick,
        peers: arguments.peers,
        events: arguments.events,
    };
    std::fs::create_dir_all(&out).with_context(|| format!("make {}", out.display()))?;
    interrupt::remove_labs_on_signals()?;
    let context = Context::set_up(&out, effort)?;
    let machine = Machine::describe();
    eprintln!("bench: {}", machine.sentence());

    let earlier = if arguments.add {
        let again: Vec<_> = benches.iter().map(|bench| bench.name()).collect();
        results::Earlier::read(&out, &machine, &again).context("--add: what lies there")?
    } else {
        results::Earlier::default()
    };
    ensure!(
        !arguments.write_readme || arguments.add || arguments.only.is_empty(),
        "--write-readme would leave out what is not measured: add --add"
    );
    let mut rows = Vec::new();
    let mut failed = Vec::new();
    for bench in &benches {
        eprintln!("{}: {}", bench.name(), bench.about());
        let outcome = bench.rows(&context);
        interrupt::wait_if_stopping();
        match outcome {
            Ok(measured) => rows.extend(measured),
            Err(error) => {
                eprintln!("bench: {}: {error:#}", bench.name());
                failed.push(bench.name());
            }
        }
        // What was measured stands, also when a later bench is interrupted.
        results::write(&out, &rows, &earlier, &machine, &context)?;
    }
    show(arguments, &rows, &earlier, &machine, &context)?;
    eprintln!("bench: {}", out.join("results.json").display());
    if arguments.write_readme {
        ensure!(failed.is_empty(), "README stays as it is: not all was measured");
        results::write_into(Path::new(README), &rows, &earlier, &machine, &context)?;
    }
    Ok(verdict(&rows, &failed))
}

fn show(
    arguments: &Arguments,
    rows: &[Row],
    earlier: &results::Earlier,
    machine: &Machine,
    context: &Context,
) -> anyhow::Result<()> {
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(rows)?);
    } else {
        println!("\n{}\n\n{}", results::sentence(earlier, machine, context), row::table(rows));
    }
    Ok(())
}

/// Says what does not hold and what is not known.
fn verdict(rows: &[Row], failed: &[String]) -> u8 {
    for row in rows.iter().filter(|row| row.fails()) {
        let value = row.value.map_or_else(|| "nothing".to_owned(), |value| value.to_string());
        eprintln!("bench: {} is {value}, at most {} was promised", row.name, row.bound.unwrap_or_default());
    }
    for name in failed {
        eprintln!("bench: {name} was not measured");
    }
    if !failed.is_empty() {
        NOT_MEASURED
    } else if rows.iter().any(Row::fails) {
        BROKEN
    } else {
        0
    }
}
