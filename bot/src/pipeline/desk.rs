//! The desk: answers what people ask with `/gumshoe`. Reads; changes nothing anywhere.
//!
//! Only who is in the case channel is answered: its members may read every report anyway.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::sync::mpsc;

use super::CaseFiles;
use super::Once;
use crate::case::CaseId;
use crate::case::Claim;
use crate::case::store::CaseStore;
use crate::case::store::OutcomeCount;
use crate::report;
use crate::report::Report;
use crate::slack::Asked;
use crate::slack::Command;
use crate::slack::HELP;
use crate::slack::Socket;
use crate::slack::read_command;

/// Cases in one list.
const LISTED: usize = 20;

/// Cases that the statistics look at.
const COUNTED: usize = 1_000;

/// Questions worked on at once.
const AT_ONCE: usize = 4;

/// Answers questions.
pub struct Desk {
    /// Where cases are kept.
    pub store: Arc<dyn CaseStore>,
    /// The cases' files.
    pub files: CaseFiles,
    /// How hosts are found and asked.
    pub once: Once,
    /// The channel whose members are answered.
    pub channel: String,
}

/// An answer: its text, and blocks where it has more to show.
struct Answer {
    text: String,
    blocks: Vec<Value>,
}

impl Desk {
    /// Answers until the connection is closed.
    pub async fn run(self: Arc<Self>, socket: Arc<Socket>, mut questions: mpsc::Receiver<Asked>) {
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        while let Some(asked) = questions.recv().await {
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
            let (desk, socket) = (Arc::clone(&self), Arc::clone(&socket));
            tokio::spawn(async move {
                let _permit = permit;
                tracing::info!(user = asked.user, channel = asked.channel, text = asked.text, "command");
                let answer = desk.answer(&asked).await;
                if let Err(error) = socket.answer(&asked, &answer.text, &answer.blocks).await {
                    tracing::warn!(user = asked.user, error = %error, "command not answered");
                }
            });
        }
    }

    async fn answer(&self, asked: &Asked) -> Answer {
        if asked.channel != self.channel {
            return said(format!("Please ask in <#{}>.", self.channel));
        }
        match read_command(&asked.text, Timestamp::now()) {
            Err(wrong) => said(wrong),
            Ok(Command::Help) => said(HELP.to_owned()),
            Ok(Command::Cases { open }) => self.cases(open).await,
            Ok(Command::Case(case)) => self.case(&case).await,
            Ok(Command::Stats) => self.stats().await,
            Ok(Command::Ask(claim)) => self.ask(*claim).await,
        }
    }

    async fn cases(&self, open: bool) -> Answer {
        let listed = match self.store.list(open, LISTED).await {
            Ok(listed) => listed,
            Err(error) => return failed("the cases cannot be read", &error),
        };
        if listed.is_empty() {
            return said(if open { "No case is open." } else { "There is no case yet." }.to_owned());
        }
        let line = |summary: &crate::case::store::Summary| {
            format!("{}  {:.0}  {}", summary.case.0, summary.opened, summary.state)
        };
        said(listed.iter().map(line).collect::<Vec<_>>().join("\n"))
    }

    async fn case(&self, case: &CaseId) -> Answer {
        let path = self.files.path(case, "report.json");
        match tokio::fs::read(&path).await {
            Ok(bytes) => match serde_json::from_slice::<Report>(&bytes) {
                Ok(report) => shown(&report),
                Err(error) => failed("its report cannot be read", &error),
            },
            Err(_) => match self.store.load(case).await {
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
        let mut seconds: Vec<f64> = listed
            .iter()
            .filter_map(|summary| Some(summary.reported?.duration_since(summary.opened).as_secs_f64()))
            .collect();
        seconds.sort_by(f64::total_cmp);
        let at =
            |share: f64| seconds.get(((seconds.len().saturating_sub(1)) as f64 * share).round() as usize);
        let times = match (at(0.5), at(0.95)) {
            (Some(median), Some(p95)) => format!(
                "{} cases, {} answered. From notice to report: median {median:.1} s, 95 % within {p95:.1} s.",
                listed.len(),
                seconds.len()
            ),
            _ => "No case was answered yet.".to_owned(),
        };
        let outcomes = match self.store.outcomes().await {
            Ok(outcomes) => outcomes,
            Err(error) => return failed("the counts cannot be read", &error),
        };
        said(format!("{times}{}", told(&outcomes)))
    }

    async fn ask(&self, claim: Claim) -> Answer {
        let investigated = self.once.ask(claim, Timestamp::now()).await;
        shown(&investigated)
    }
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

fn shown(report: &Report) -> Answer {
    Answer { text: report::fallback_text(report), blocks: report::blocks(report) }
}

/// Plain text: what stands in it is never a mention or a link.
fn said(text: String) -> Answer {
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
    use async_trait::async_trait;
    use history::Request;

    use super::*;
    use crate::case::HostRef;
    use crate::case::Located;
    use crate::case::store::SqliteStore;
    use crate::case::store::Ticket;
    use crate::hosts::HostHistory;
    use crate::locate::Locate;
    use crate::playbook::Playbooks;

    struct Nobody;

    #[async_trait]
    impl Locate for Nobody {
        async fn locate(&self, _claim: &Claim) -> Located {
            Located::default()
        }
    }

    #[async_trait]
    impl HostHistory for Nobody {
        async fn ask(&self, _host: &HostRef, _request: &Request) -> Result<Ticket, crate::case::Answer> {
            Err(crate::case::Answer::Unreachable { reason: "nobody".to_owned() })
        }

        async fn answer(&self, _host: &HostRef, _request: &Request, _ticket: &Ticket) -> crate::case::Answer {
            crate::case::Answer::Unreachable { reason: "nobody".to_owned() }
        }
    }

    async fn check(channel: &str, text: &str, expected: &str) {
        let folder = tempfile::tempdir().expect("a folder");
        let desk = Desk {
            store: Arc::new(SqliteStore::open(&folder.path().join("cases.sqlite")).expect("opened")),
            files: CaseFiles::new(folder.path()),
            once: Once {
                locator: Arc::new(Nobody),
                hosts: Arc::new(Nobody),
                playbooks: Arc::new(Playbooks::load(None).expect("playbooks")),
                own_addresses: Vec::new(),
                at_once: 1,
                most: 1,
            },
            channel: "C0123456789".to_owned(),
        };
        let asked = Asked {
            text: text.to_owned(),
            user: "U0123456789".to_owned(),
            channel: channel.to_owned(),
            response_url: String::new(),
        };
        let answer = desk.answer(&asked).await;
        assert!(answer.text.contains(expected), "{text}: {}", answer.text);
        let mut payload = json!({"channel": "C0123456789", "text": answer.text});
        if !answer.blocks.is_empty() {
            payload["blocks"] = json!(answer.blocks);
        }
        slackblocks::MessagePayload::try_from(payload).expect("valid");
    }

    #[tokio::test]
    async fn every_command_has_an_answer() {
        let here = "C0123456789";
        check(here, "help", "/gumshoe who").await;
        check(here, "cases", "no case yet").await;
        check(here, "cases open", "No case is open").await;
        check(here, "case GS-20261121-7F3A", "There is no case").await;
        check(here, "stats", "No case was answered").await;
        check(here, "who 198.51.100.20:22 on i-0123456789abcdef0", "unknown host").await;
        check(here, "<!channel>", "none of the commands").await;
        check("C9999999999", "cases", "Please ask in <#C0123456789>").await;
    }
}
