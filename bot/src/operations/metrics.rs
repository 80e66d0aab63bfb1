//! The bot's metrics as Prometheus reads them; a function of what was counted.

use std::fmt::Write;

use jiff::Timestamp;
use tokio::time::Instant;

use super::fleet::Tally;
use super::watch::Counts;
use crate::case::store::OutcomeCount;
use crate::case::store::State;
use crate::case::store::Summary;

/// What the metrics tell of.
#[derive(Debug)]
pub struct Told<'a> {
    /// What came through the queue.
    pub counts: &'a Counts,
    /// The newest cases, bounded.
    pub cases: &'a [Summary],
    /// What notices were read as.
    pub outcomes: &'a [OutcomeCount],
    /// The last survey of hosts.
    pub fleet: Option<Tally>,
    /// Time to the nearest deadline of an open case, s.
    pub deadline_s: Option<i64>,
}

/// Renders them.
pub fn render(told: &Told<'_>, now: Instant) -> String {
    let mut text = String::new();
    let counts = told.counts;
    one(
        &mut text,
        "gumshoe_up",
        "gauge",
        "1 while the queue is read, else 0.",
        u8::from(counts.ails(now).is_none()),
    );
    one(
        &mut text,
        "gumshoe_messages_received_total",
        "counter",
        "Messages taken from the queue.",
        counts.received,
    );
    one(
        &mut text,
        "gumshoe_messages_done_total",
        "counter",
        "Messages worked on to the end.",
        counts.deleted,
    );
    one(&mut text, "gumshoe_receive_failures_total", "counter", "Receives that failed.", counts.failures);
    let unfinished = told.cases.iter().filter(|case| case.state != State::Done).count();
    one(
        &mut text,
        "gumshoe_cases_unfinished",
        "gauge",
        "Of the newest cases, those still worked on.",
        unfinished,
    );
    if let Some(median) = median_s(told.cases) {
        one(
            &mut text,
            "gumshoe_time_to_know_seconds",
            "gauge",
            "Median from notice to report of the newest cases.",
            median,
        );
    }
    if let Some(seconds) = told.deadline_s {
        one(
            &mut text,
            "gumshoe_deadline_nearest_seconds",
            "gauge",
            "Time to the nearest deadline of an open case.",
            seconds,
        );
    }
    if let Some(fleet) = told.fleet {
        one(
            &mut text,
            "gumshoe_hosts_asked",
            "gauge",
            "Running instances asked by the last survey.",
            fleet.asked,
        );
        one(
            &mut text,
            "gumshoe_hosts_recorded",
            "gauge",
            "Of these, those whose recorder answered.",
            fleet.recorded,
        );
        one(
            &mut text,
            "gumshoe_hosts_losing",
            "gauge",
            "Of these, those that lost events in the hour before.",
            fleet.losing,
        );
    }
    heading(&mut text, "gumshoe_notices_total", "counter", "Notices by layout and what they were read as.");
    for outcome in told.outcomes {
        let (layout, read) = (label(&outcome.layout), label(&outcome.outcome));
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "gumshoe_notices_total{{layout=\"{layout}\",outcome=\"{read}\"}} {}",
            outcome.count
        );
    }
    text
}

/// The median time from notice to report, s.
fn median_s(cases: &[Summary]) -> Option<i64> {
    let took = |case: &Summary| Some(seconds(case.opened, case.reported?));
    let mut times: Vec<i64> = cases.iter().filter_map(took).collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}

fn seconds(from: Timestamp, to: Timestamp) -> i64 {
    to.as_second() - from.as_second()
}

fn heading(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn one(text: &mut String, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
    heading(text, name, kind, help);
    let _ = writeln!(text, "{name} {value}");
}

/// A label's value: layouts come from notices' shapes, and are escaped all the same.
fn label(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::CaseId;
    use crate::operations::watch::Watch;

    #[test]
    fn metrics_tell_what_was_counted() {
        let counts = Watch::default().counts();
        let at = |second| Timestamp::from_second(second).expect("a time");
        let case = |state, reported: Option<i64>| Summary {
            case: CaseId("GS-1".to_owned()),
            opened: at(100),
            state,
            reported: reported.map(at),
            activity: None,
        };
        let cases = [case(State::Done, Some(103)), case(State::Done, Some(109)), case(State::Asked, None)];
        let outcomes = [OutcomeCount {
            layout: "odd\"layout".to_owned(),
            outcome: "claims".to_owned(),
            count: 7,
            last: at(1),
        }];
        let fleet = Some(Tally { running: 9, asked: 5, recorded: 4, losing: 1 });
        let told = Told { counts: &counts, cases: &cases, outcomes: &outcomes, fleet, deadline_s: Some(60) };
        let text = render(&told, counts.started);
        for line in [
            "gumshoe_up 1",
            "gumshoe_cases_unfinished 1",
            "gumshoe_time_to_know_seconds 9",
            "gumshoe_hosts_asked 5",
            "gumshoe_hosts_recorded 4",
            "gumshoe_deadline_nearest_seconds 60",
            "gumshoe_notices_total{layout=\"odd\\\"layout\",outcome=\"claims\"} 7",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }
}
