//! Questions that people ask with `/gumshoe`, and the home tab. Reads; changes nothing anywhere.
//!
//! Only who is in the case channel is answered: its members may read every report anyway.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;

use super::Desk;
use super::Drawing;
use crate::case::Activity;
use crate::case::CaseId;
use crate::case::Claim;
use crate::case::Deeds;
use crate::case::store::OutcomeCount;
use crate::case::store::StoreError;
use crate::case::store::Summary;
use crate::investigate::words;
use crate::operations::fleet::Tally;
use crate::report;
use crate::report::Report;
use crate::slack::Command;
use crate::slack::HELP;
use crate::slack::forms;
use crate::slack::incoming::Asked;
use crate::slack::read_command;
use crate::untrusted::Untrusted;
use crate::untrusted::visible;

/// Cases in one list.
const LISTED: usize = 20;

/// Cases that the statistics look at.
const COUNTED: usize = 1_000;

/// Reports that coverage is told from, the newest.
const COVERED: usize = 100;

/// Notes about the hosts of a question that are shown.
const NOTES_SHOWN: usize = 4;

/// An answer: its text, and blocks where it has more to show.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Its text.
    pub text: String,
    /// Its blocks.
    pub blocks: Vec<Value>,
}

impl Desk {
    pub(super) async fn command(&self, asked: &Asked) {
        tracing::info!(user = asked.user, channel = asked.channel, text = asked.text, "command");
        let answer = self.answer(asked).await;
        if let Err(error) = self.answers.answer(&asked.response_url, &answer.text, &answer.blocks).await {
            tracing::warn!(user = asked.user, error = %error, "command not answered");
        }
    }

    async fn answer(&self, asked: &Asked) -> Answer {
        if asked.channel != self.slack.channel {
            return said(format!("Please ask in <#{}>.", self.slack.channel));
        }
        match read_command(&asked.text, Timestamp::now()) {
            Err(wrong) => said(wrong),
            Ok(Command::Help) => said(HELP.to_owned()),
            Ok(Command::Cases { open }) => self.cases(open).await,
            Ok(Command::Case(case)) => self.case(&case).await,
            Ok(Command::Stats) => self.stats().await,
            Ok(Command::Notice) => self.notice(asked).await,
            Ok(Command::Ask { claim, named }) => self.investigated(*claim, named.as_deref()).await,
        }
    }

    /// Opens the form to paste a notice into.
    async fn notice(&self, asked: &Asked) -> Answer {
        if let Err(why) = self.may(&asked.user).await {
            return said(format!("That is not done: {why}."));
        }
        match self.workspace.open(&asked.trigger, &forms::notice(&self.slack.channel)).await {
            Ok(()) => said("The form is open; paste the notice there.".to_owned()),
            Err(error) => failed("Slack did not open the form", &error),
        }
    }

    /// Draws somebody's home tab. Anybody of the workspace can open it: only who may read cases sees them.
    pub(super) async fn home(&self, user: &str) {
        let shows = self.guard.shows(self.workspace.as_ref(), &self.slack.channel, user).await;
        let shows = shows.unwrap_or_else(|error| {
            tracing::warn!(user, error = %error, "whether somebody may read cases cannot be told; they are not shown");
            false
        });
        if !shows {
            let hint = forms::home_hint(&self.slack.channel);
            if let Err(error) = self.workspace.home(user, &hint).await {
                tracing::warn!(user, error = %error, "home tab not drawn");
            }
            return;
        }
        let view = match self.open_cases().await {
            Ok(open) => {
                let lines: Vec<forms::Line> =
                    open.iter().take(LISTED).map(|text| forms::Line { text: text.clone() }).collect();
                let coverage = self.coverage().await.unwrap_or_else(|_| "It cannot be read now.".to_owned());
                forms::home(&lines, open.len().saturating_sub(LISTED), &coverage)
            }
            Err(error) => {
                tracing::error!(error = %error, "home tab not drawn");
                forms::home(&[], 0, "The cases cannot be read now; please open this again.")
            }
        };
        if let Err(error) = self.workspace.home(user, &view).await {
            tracing::warn!(user, error = %error, "home tab not drawn");
        }
    }

    /// A line for each case that nobody closed or answered.
    async fn open_cases(&self) -> Result<Vec<String>, StoreError> {
        let mut lines = Vec::new();
        for summary in self.store.list(false, COUNTED).await? {
            let deeds = self.deeds.deeds(&summary.case).await?;
            let deeds = Deeds(&deeds);
            if deeds.closed().is_some() || deeds.replied().is_some() {
                continue;
            }
            let taken = if deeds.taken().is_some() { "taken" } else { "nobody has it" };
            let headline = match self.report(&summary.case).await {
                Some(report) => report.headline,
                None => summary.state.to_string(),
            };
            lines.push(format!(
                "{}  {:.0}  {taken}\n{}",
                summary.case.0,
                summary.opened,
                visible(&headline, 300)
            ));
            if lines.len() > 2 * LISTED {
                break;
            }
        }
        Ok(lines)
    }

    async fn report(&self, case: &CaseId) -> Option<Report> {
        let bytes = self.files.read(case, "report.json", super::REPORT_MAX).await?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Which hosts answered in the latest cases, and what their histories lacked.
    async fn coverage(&self) -> Result<String, StoreError> {
        let mut reports = Vec::new();
        for summary in self.store.list(false, COVERED).await? {
            reports.extend(self.report(&summary.case).await);
        }
        Ok(format!("{}\n{}", fleet(self.fleet.get()), coverage(&reports)))
    }

    async fn cases(&self, open: bool) -> Answer {
        if open {
            return match self.open_cases().await {
                Ok(lines) if lines.is_empty() => said("No case is open.".to_owned()),
                Ok(lines) => said(visible_lines(&lines[..lines.len().min(LISTED)].join("\n"))),
                Err(error) => failed("the cases cannot be read", &error),
            };
        }
        let listed = match self.store.list(false, LISTED).await {
            Ok(listed) => listed,
            Err(error) => return failed("the cases cannot be read", &error),
        };
        if listed.is_empty() {
            return said("There is no case yet.".to_owned());
        }
        let line =
            |summary: &Summary| format!("{}  {:.0}  {}", summary.case.0, summary.opened, summary.state);
        said(listed.iter().map(line).collect::<Vec<_>>().join("\n"))
    }

    async fn case(&self, case: &CaseId) -> Answer {
        match self.open(case).await {
            // What was done and answered, and no buttons: those are in the case's own message.
            Ok(Some(open)) => {
                let report = super::dressed(&open.report, &open.deeds);
                let blocks = Drawing::default().blocks(&report, &open.deeds, &open.standing);
                Answer { text: report::fallback_text(&report), blocks }
            }
            Err(error) => failed("the case cannot be read", &error),
            Ok(None) => match self.store.load(case).await {
                Ok(Some(record)) => {
                    said(format!("{} is {}; there is no report yet.", case.0, record.work.state))
                }
                Ok(None) => said(format!("There is no case {}. /gumshoe cases lists them.", case.0)),
                Err(error) => failed("the case cannot be read", &error),
            },
        }
    }

    async fn stats(&self) -> Answer {
        let listed = match self.store.list(false, COUNTED).await {
            Ok(listed) => listed,
            Err(error) => return failed("the cases cannot be read", &error),
        };
        let times = times(&listed);
        let outcomes = match self.store.outcomes().await {
            Ok(outcomes) => outcomes,
            Err(error) => return failed("the counts cannot be read", &error),
        };
        let coverage = match self.coverage().await {
            Ok(coverage) => coverage,
            Err(error) => return failed("the reports cannot be read", &error),
        };
        said(visible_lines(&format!("{times}\n{coverage}{}", told(&outcomes))))
    }

    async fn investigated(&self, claim: Claim, named: Option<&str>) -> Answer {
        let report = self.once.ask(claim, named, Timestamp::now()).await;
        found(&report)
    }
}

/// What the survey of running hosts came to.
fn fleet(latest: Option<(Timestamp, Tally)>) -> String {
    let Some((at, tally)) = latest else {
        return "The fleet was not surveyed yet (operations.survey_s).".to_owned();
    };
    let of = match tally.running.saturating_sub(tally.asked) {
        0 => format!("{} running hosts", tally.running),
        _ => format!("{} hosts that were asked, of {} that run,", tally.asked, tally.running),
    };
    let losing = match tally.losing {
        0 => "none lost events in the hour before".to_owned(),
        losing => format!("{losing} lost events, or did not record all, in the hour before"),
    };
    format!(
        "Fleet at {}: {} of {of} have a recorder that answers; {losing}.",
        words::utc(at.into()),
        tally.recorded
    )
}

/// Hosts by how complete their newest answer was.
pub fn coverage(reports: &[Report]) -> String {
    let mut seen = BTreeSet::new();
    let mut whole = 0;
    let mut lacking = Vec::new();
    for view in reports.iter().flat_map(|report| &report.judgement.hosts) {
        if !seen.insert(view.host.instance_id.clone().unwrap_or_else(|| view.name.clone())) {
            continue;
        }
        if view.complete {
            whole += 1;
        } else {
            let losses =
                if view.losses.is_empty() { String::new() } else { format!("; {}", view.losses.join(", ")) };
            let shown = |text: &str, limit| Untrusted::new(text).shown(limit);
            lacking.push(format!("{}: {}{losses}", shown(&view.name, 60), shown(&view.text, 160)));
        }
    }
    if seen.is_empty() {
        return "No host was asked yet.".to_owned();
    }
    let mut text =
        format!("{whole} of {} hosts that were asked answered for the whole time in question.", seen.len());
    for line in lacking.iter().take(5) {
        text.push_str(&format!("\n{line}"));
    }
    if lacking.len() > 5 {
        text.push_str(&format!("\nand {} more", lacking.len() - 5));
    }
    text
}

/// Cut to what a section takes, whole lines.
fn visible_lines(text: &str) -> String {
    const MAX: usize = 2_900;
    let mut out = String::new();
    for line in text.lines() {
        if out.chars().count() + line.chars().count() + 1 > MAX {
            out.push('…');
            break;
        }
        out.push_str(line);
        out.push('\n');
    }
    out.trim_end().to_owned()
}

/// How long answers took, in all and for each kind of abuse.
fn times(listed: &[Summary]) -> String {
    let mut kinds: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let mut all = Vec::new();
    for summary in listed {
        let Some(reported) = summary.reported else { continue };
        let took = reported.duration_since(summary.opened).as_secs_f64();
        all.push(took);
        kinds.entry(kind(summary.activity)).or_default().push(took);
    }
    if all.is_empty() {
        return "No case was answered yet.".to_owned();
    }
    let answered = all.len();
    let mut text =
        format!("{} cases, {answered} answered. From notice to report: {}.", listed.len(), spread(all));
    if kinds.len() > 1 {
        for (kind, times) in kinds {
            text.push_str(&format!("\n{:>6}  {kind}: {}", times.len(), spread(times)));
        }
    }
    text
}

fn spread(mut seconds: Vec<f64>) -> String {
    seconds.sort_by(f64::total_cmp);
    let at = |share: f64| seconds.get(((seconds.len().saturating_sub(1)) as f64 * share).round() as usize);
    match (at(0.5), at(0.95)) {
        (Some(median), Some(p95)) => format!("median {median:.1} s, 95 % within {p95:.1} s"),
        _ => "no time known".to_owned(),
    }
}

/// `port scan`.
fn kind(activity: Option<Activity>) -> String {
    let name = activity.and_then(|activity| serde_json::to_value(activity).ok());
    name.as_ref().and_then(Value::as_str).unwrap_or("kind not known").replace('_', " ")
}

/// Tells what notices were read as, per layout: a layout that turns unreadable or generic shows drift.
fn told(outcomes: &[OutcomeCount]) -> String {
    let line = |it: &OutcomeCount| {
        format!("\n{:>6}  {:<10}  {}  last {:.0}", it.count, it.outcome, it.layout, it.last)
    };
    let mut text: String = outcomes.iter().take(LISTED).map(line).collect();
    if !text.is_empty() {
        text.insert_str(0, "\nNotices read, by outcome and layout:");
    }
    if outcomes.len() > LISTED {
        text.push_str(&format!("\nand {} more kinds", outcomes.len() - LISTED));
    }
    text
}

/// What was found out for a question, and how the hosts were found that were asked.
pub fn found(report: &Report) -> Answer {
    let notes = report.notes.iter().take(NOTES_SHOWN).map(|note| note.shown(300));
    let notes: Vec<String> = notes.filter(|note| !note.trim().is_empty()).collect();
    let below = (!notes.is_empty()).then(|| {
        let text = visible(&notes.join(" · "), 1_500);
        json!({"type": "context", "elements": [{"type": "plain_text", "text": text, "emoji": false}]})
    });
    let blocks = report::blocks_with(report, below.into_iter().collect());
    Answer { text: report::fallback_text(report), blocks }
}

/// Plain text: what stands in it is never a mention or a link.
pub fn said(text: String) -> Answer {
    let block = json!({"type": "section", "text": {"type": "plain_text", "text": text, "emoji": false}});
    // A channel's name is the one thing that is meant as a link.
    let blocks = if text.contains("<#") { Vec::new() } else { vec![block] };
    Answer { text, blocks }
}

fn failed(what: &str, error: &dyn std::error::Error) -> Answer {
    tracing::error!(error = %error, "command failed");
    said(format!("That did not work: {what}. The log says why."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::store::State;

    #[test]
    fn the_fleet_is_told_as_it_was_surveyed() {
        let at = Timestamp::from_second(1_795_255_200).expect("time");
        let tally = |running, asked, recorded, losing| Tally { running, asked, recorded, losing };
        for (latest, expected) in [
            (None, "The fleet was not surveyed yet (operations.survey_s)."),
            (
                Some((at, tally(50, 50, 48, 0))),
                "Fleet at 2026-11-21 10:00:00 UTC: 48 of 50 running hosts have a recorder that answers; none lost events \
                 in the hour before.",
            ),
            (
                Some((at, tally(3_000, 500, 490, 2))),
                "Fleet at 2026-11-21 10:00:00 UTC: 490 of 500 hosts that were asked, of 3000 that run, have a recorder that \
                 answers; 2 lost events, or did not record all, in the hour before.",
            ),
        ] {
            assert_eq!(fleet(latest), expected);
        }
    }

    #[test]
    fn times_are_told_in_all_and_by_kind() {
        let summary = |activity: Option<Activity>, took: i64| Summary {
            case: CaseId("GS-20261121-7F3A".to_owned()),
            opened: Timestamp::UNIX_EPOCH,
            state: State::Done,
            reported: (took > 0).then(|| Timestamp::from_second(took).expect("time")),
            activity,
        };
        let scan = Some(Activity::PortScan);
        let listed = [summary(scan, 2), summary(scan, 4), summary(Some(Activity::Spam), 9), summary(None, 0)];
        assert_eq!(
            times(&listed),
            "4 cases, 3 answered. From notice to report: median 4.0 s, 95 % within 9.0 s.\n     2  port scan: \
             median 4.0 s, 95 % within 4.0 s\n     1  spam: median 9.0 s, 95 % within 9.0 s"
        );
        assert_eq!(times(&listed[3..]), "No case was answered yet.");
    }
}
