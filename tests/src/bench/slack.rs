//! How soon Slack gets its acknowledgement while the bot works on many cases.

use std::path::Path;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context as _;
use serde_json::json;

use super::Bench;
use super::context::Context;
use super::row::Row;
use crate::lab::Lab;
use crate::lab::wait_until;
use crate::notice;
use crate::story::Programs;
use crate::story::Story;

/// The story as it was recorded earlier.
const RECORDING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/recording");
const CASES: usize = 50;
const CASES_QUICK: usize = 10;
/// What was promised for the 95th percentile, ms.
const ACK_MAX_MS: f64 = 300.0;
/// Between one command and the next.
const BETWEEN: Duration = Duration::from_millis(250);
const COMMANDS_MIN: usize = 40;
const ACK_WAIT_MAX: Duration = Duration::from_secs(10);
const ALL_MAX: Duration = Duration::from_secs(170);

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
        let cases = if context.effort.quick { CASES_QUICK } else { CASES };
        let state = tempfile::tempdir()?;
        // The turn on this machine is the context's already.
        let mut story = Story::set_in(Lab::up_beside_others()?, Programs::find()?, state.path())?;
        let mail = story.replay(Path::new(RECORDING))?;
        story.serve()?;
        for nth in 0..cases {
            // The case number is in subject, text and message id: each mail is a case of its own.
            let case = format!("{}-1", 20_000_000_000_u64 + nth as u64);
            story.aws.deliver_mail(mail.replace(notice::CASE, &case).as_bytes())?;
        }
        let begun = Instant::now();
        let posted = || story.slack.messages().iter().filter(|message| message.thread_ts.is_none()).count();
        let edited = || {
            let messages = story.slack.messages();
            messages
                .iter()
                .filter(|message| message.thread_ts.is_none() && !message.before.is_empty())
                .count()
        };
        let mut samples = Vec::new();
        while (edited() < cases || samples.len() < COMMANDS_MIN) && begun.elapsed() < ALL_MAX {
            samples.push(acknowledged_ms(&story)?);
            // Many people type, but not as fast as a loop can, which would leave the cases no processor.
            std::thread::sleep(BETWEEN);
        }
        let taken_s = begun.elapsed().as_secs_f64();
        let unreported = cases.saturating_sub(edited());
        eprintln!(
            "  {} cases posted, {unreported} not reported; {} commands in {taken_s:.0} s",
            posted(),
            samples.len()
        );
        context.note(json!({"bench": self.name(), "cases": cases, "taken_s": taken_s, "acks_ms": samples}));
        samples.sort_by(f64::total_cmp);
        let p95 = samples.get((samples.len() * 95).div_ceil(100).saturating_sub(1)).copied();
        Ok(vec![
            Row::of("slack.ack.p95", p95, "ms", samples).at_most(ACK_MAX_MS),
            Row::of("slack.ack.cases_unreported", Some(unreported as f64), "", Vec::new()).at_most(0.0),
        ])
    }
}

/// From sending a command to its acknowledgement, as Slack sees it.
fn acknowledged_ms(story: &Story) -> anyhow::Result<f64> {
    let sent = story.slack.command("/gumshoe", "cases open")?;
    let after = || {
        let acks = story.slack.acks();
        acks.iter().rfind(|ack| ack.envelope_id == sent).and_then(|ack| ack.after_s)
    };
    wait_until("an acknowledgement", ACK_WAIT_MAX, || after().is_some())?;
    Ok(after().context("an acknowledgement is gone")? * 1_000.0)
}
