//! `host-recorder status`: how the recorder fares.

use std::process::ExitCode;

use anyhow::Context;
use history::UnixNs;
use serde::Serialize;

use crate::commands::is_recorded;
use crate::commands::place::Place;
use crate::hooks::HookState;
use crate::status::Rates;
use crate::status::Status;

/// Shows whether the recorder runs, what it records and lost, and how far back its ring reaches.
///
/// Exits with 0 when it runs and has lost nothing, 1 when it has lost something or cannot write, 3 when it does not
/// run.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  host-recorder status
  host-recorder status --json | jq .rates")]
pub struct StatusArgs {
    #[command(flatten)]
    place: Place,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What `--json` prints: the status file, and what follows from it.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    status: &'a Status,
    rates: Option<Rates>,
    /// Age of the oldest event, s.
    ring_age_s: Option<i64>,
}

/// Runs it.
pub fn cmd_status(args: StatusArgs) -> anyhow::Result<ExitCode> {
    let ring = args.place.directory()?;
    let path = ring.join("status.json");
    let mut status = Status::read(&path).with_context(|| {
        format!("cannot read {}: has `host-recorder record` run with this ring?", path.display())
    })?;
    status.running = is_recorded(&ring);
    let now = UnixNs::now();
    if args.json {
        let ring_age_s = status.ring_oldest.map(|oldest| seconds_between(oldest, now));
        let answer = Answer { status: &status, rates: status.rates(), ring_age_s };
        println!("{}", serde_json::to_string_pretty(&answer)?);
    } else {
        print!("{}", text(&status, now));
    }
    Ok(match (status.running, status.lost.is_empty() && status.failure.is_none()) {
        (false, _) => ExitCode::from(3),
        (true, false) => ExitCode::FAILURE,
        (true, true) => ExitCode::SUCCESS,
    })
}

fn text(status: &Status, now: UnixNs) -> String {
    let mut lines = Vec::new();
    let mut line = |name: &str, says: String| lines.push(format!("{name:<10} {says}\n"));
    let ago = |at: UnixNs| format!("{at}, {} ago", age(seconds_between(at, now)));
    let state = if status.running { "running" } else { "NOT running" };
    line("recorder", format!("{state}, version {}, pid {}", status.version, status.pid));
    line("since", ago(status.started));
    line("written", ago(status.written));
    if let Some(committed) = status.committed {
        line("committed", ago(committed));
    }
    line("events", format!("{} from {} kernel records", status.events, status.records));
    if let Some(rates) = status.rates() {
        let Rates { records_per_s, events_per_s, cpu_cores } = rates;
        let cpu = cpu_cores * 100.0;
        line("last min", format!("{events_per_s:.1} events/s, {records_per_s:.1} kernel records/s"));
        line("takes", format!("{:.1} MiB of memory, {cpu:.2} % of a core", mib(status.rss_bytes)));
    }
    line("processes", format!("{} remembered", status.processes));
    let limit = if status.ring_bytes_max > 0 {
        let share = status.ring_bytes as f64 / status.ring_bytes_max as f64 * 100.0;
        format!(" of {:.0} MiB ({share:.1} %)", mib(status.ring_bytes_max))
    } else {
        String::new()
    };
    let Status { segments, evicted, .. } = status;
    let size = mib(status.ring_bytes);
    line(
        "ring",
        format!("{size:.1} MiB{limit} in {segments} segments and a log, {evicted} segments evicted"),
    );
    if let Some(oldest) = status.ring_oldest {
        line("oldest", ago(oldest));
    }
    for hook in &status.hooks {
        match &hook.state {
            HookState::InUse => line("hook", format!("{}: {}", hook.name, hook.gives)),
            HookState::Off(why) => line("hook off", format!("{}: {}; {why}", hook.name, hook.gives)),
            HookState::Refused(why) => line("REFUSED", format!("{}: {}; {why}", hook.name, hook.gives)),
        }
    }
    if !status.sandbox && !status.hooks.is_empty() {
        line("SANDBOX", "off: all privileges are kept".to_owned());
    }
    if status.lost.is_empty() {
        line("lost", "nothing".to_owned());
    }
    for (class, count) in &status.lost {
        let last = status.lost_last.get(class).map(|at| format!(", last {}", ago(*at))).unwrap_or_default();
        line("LOST", format!("{count} {class:?} events{last}"));
    }
    if let Some(failure) = &status.failure {
        line("FAILURE", failure.clone());
    }
    lines.concat()
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn seconds_between(from: UnixNs, to: UnixNs) -> i64 {
    to.0.saturating_sub(from.0) / 1_000_000_000
}

fn age(seconds: i64) -> String {
    let seconds = u64::try_from(seconds).unwrap_or_default();
    match seconds {
        seconds @ ..120 => format!("{seconds} s"),
        seconds @ ..7_200 => format!("{} min", seconds / 60),
        seconds @ ..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::Hook;
    use history::LossClass;

    #[test]
    fn all_that_is_wrong_is_said() {
        let mut status = Status::new();
        status.lose(LossClass::Flow, 3);
        status.failure = Some("no space left".to_owned());
        status.ring_bytes = 64 << 20;
        status.ring_bytes_max = 128 << 20;
        status.ring_oldest = Some(status.started.plus_s(-7_300));
        status.hooks = vec![Hook::new("tp_btf/a", "b", HookState::Refused("not here".to_owned()))];
        let text = text(&status, status.started.plus_s(10));
        for part in [
            "LOST       3 Flow events, last ",
            "FAILURE    no space left",
            "64.0 MiB of 128 MiB (50.0 %)",
            "2 h ago",
            "REFUSED    tp_btf/a: b; not here",
            "SANDBOX    off",
        ] {
            assert!(text.contains(part), "{part}:\n{text}");
        }
    }

    #[test]
    fn ages_are_told_in_the_unit_that_fits() {
        for (seconds, said) in
            [(-5, "0 s"), (119, "119 s"), (120, "2 min"), (7_200, "2 h"), (172_800, "2 days")]
        {
            assert_eq!(age(seconds), said);
        }
    }
}
