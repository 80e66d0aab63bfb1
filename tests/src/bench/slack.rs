//! How soon Slack gets its acknowledgement while the bot works on many cases.

use std::time::Duration;
use std::time::Instant;

use anyhow::Context as _;
use serde_json::json;

use super::Bench;
use super::bot::gumshoe;
use super::context::Context;
use super::row::Row;
use crate::lab::wait_until;
use crate::serving::ACCUSED;
use crate::serving::Serving;
use crate::serving::Settings;
use crate::serving::culprits;
use crate::serving::hosts;
use crate::serving::is_right;
use crate::serving::notice;
use crate::serving::terms;
use crate::standins::cloud::Terms;

/// Cases at work at once.
const CASES: usize = 50;
const CASES_QUICK: usize = 10;
/// What was promised for the 95th percentile, ms.
const ACK_MAX_MS: f64 = 300.0;
/// Between one command and the next: many people type, but not as fast as a loop can.
const BETWEEN: Duration = Duration::from_millis(100);
/// Fewer commands than these, all of them while cases run, have no 95th percentile.
const COMMANDS_MIN: usize = 100;
const COMMANDS_MIN_QUICK: usize = 10;
const ROUNDS_MAX: usize = 12;
const ACK_WAIT_MAX: Duration = Duration::from_secs(10);
const ROUND_MAX: Duration = Duration::from_secs(60);

/// Slash commands while cases run.
pub struct Acknowledgement;

impl Bench for Acknowledgement {
    fn name(&self) -> String {
        "slack.ack".to_owned()
    }

    fn about(&self) -> String {
        format!("slash commands over Socket Mode while {CASES} cases are investigated")
    }

    fn rows(&self, context: &Context) -> anyhow::Result<Vec<Row>> {
        let quick = context.effort.quick;
        let (cases, commands) = if quick { (CASES_QUICK, COMMANDS_MIN_QUICK) } else { (CASES, COMMANDS_MIN) };
        let hosts = hosts(cases * ROUNDS_MAX);
        let terms = Terms {
            latency: Duration::from_millis(20),
            visible_after: Duration::from_millis(300),
            answers_after: Duration::from_secs(1),
            ..terms(hosts.clone(), culprits())
        };
        let settings =
            Settings { limits: format!("concurrency = {cases}\n"), socket_mode: true, ..Settings::default() };
        let serving = Serving::start(&gumshoe()?, terms, &settings)?;
        let (mut samples, mut sent) = (Vec::new(), 0);
        let begun = Instant::now();
        for round in hosts.chunks(cases) {
            for host in round {
                serving.cloud.send(&notice(sent, host.public.unwrap_or(ACCUSED))?);
                sent += 1;
            }
            let round_begun = Instant::now();
            loop {
                let acknowledged = acknowledged_ms(&serving)?;
                // What was answered when nothing ran any more is no answer to the question.
                if serving.reports().len() >= sent || round_begun.elapsed() > ROUND_MAX {
                    break;
                }
                samples.push(acknowledged);
                std::thread::sleep(BETWEEN);
            }
            if samples.len() >= commands {
                break;
            }
        }
        let taken_s = begun.elapsed().as_secs_f64();
        let right = serving.reports().iter().filter(|report| is_right(report)).count();
        eprintln!("  {right} of {sent} cases right; {} commands in {taken_s:.0} s", samples.len());
        serving.end()?;
        context.note(json!({"bench": self.name(), "cases": sent, "taken_s": taken_s, "acks_ms": samples}));
        samples.sort_by(f64::total_cmp);
        let p95 = samples.get((samples.len() * 95).div_ceil(100).saturating_sub(1)).copied();
        Ok(vec![
            Row::of("slack.ack.p95", p95, "ms", samples).at_most(ACK_MAX_MS),
            Row::of("slack.ack.cases_wrong", Some((sent - right) as f64), "", Vec::new()).at_most(0.0),
        ])
    }
}

/// From sending a command to its acknowledgement, as Slack sees it.
fn acknowledged_ms(serving: &Serving) -> anyhow::Result<f64> {
    let sent = serving.slack.command("/gumshoe", "cases open")?;
    let after = || {
        let acks = serving.slack.acks();
        acks.iter().rfind(|ack| ack.envelope_id == sent).and_then(|ack| ack.after_s)
    };
    wait_until("an acknowledgement", ACK_WAIT_MAX, || after().is_some())?;
    Ok(after().context("an acknowledgement is gone")? * 1_000.0)
}
