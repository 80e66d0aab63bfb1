//! One notice without queue, store or Slack: for the command line.

use std::sync::Arc;

use ipnet::IpNet;
use jiff::Timestamp;
use jiff::ToSpan;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::gather;
use super::gather::Step;
use super::whose;
use crate::case::Accused;
use crate::case::Case;
use crate::case::CaseId;
use crate::case::Claim;
use crate::case::HostAnswer;
use crate::case::NoticeRef;
use crate::case::Parsed;
use crate::case::Verdict;
use crate::case::store::Question;
use crate::case::store::digest;
use crate::hosts::HostHistory;
use crate::locate::Everywhere;
use crate::locate::Locate;
use crate::locate::Named;
use crate::notice;
use crate::playbook::Playbooks;
use crate::report;
use crate::report::Report;

/// What to investigate one notice with.
pub struct Once {
    /// How hosts are found.
    pub locator: Arc<dyn Locate>,
    /// How hosts are asked.
    pub hosts: Arc<dyn HostHistory>,
    /// How to ask and judge.
    pub playbooks: Arc<Playbooks>,
    /// Addresses that are ours.
    pub own_addresses: Vec<IpNet>,
    /// Questions at once.
    pub at_once: usize,
    /// Questions in all.
    pub most: usize,
}

/// A notice investigated.
pub struct Investigated {
    /// How it was read.
    pub parsed: Parsed,
    /// The report.
    pub report: Report,
    /// What the hosts answered.
    pub answers: Vec<HostAnswer>,
}

impl Investigated {
    /// Whether it could be said who did it, or that nobody here did.
    pub fn is_answered(&self) -> bool {
        self.report.judgement.verdict != Verdict::Unknown
    }
}

impl Once {
    /// Investigates a notice.
    pub async fn investigate(&self, bytes: &[u8], received: Timestamp) -> Investigated {
        let own_addresses = self.own_addresses.clone();
        let context =
            notice::Context { received: Some(received), own_addresses, ..notice::Context::default() };
        let reading = super::read(notice::read, bytes.to_vec(), context.clone()).await;
        let reading = whose::settle(self.locator.as_ref(), notice::read, bytes, context, reading).await;
        let parsed = reading.parsed;
        let case = case(&parsed, bytes, received);
        let (report, answers) = self.answer(&case, self.locator.as_ref()).await;
        Investigated { parsed, report, answers }
    }

    /// Asks what a person wants to know, without any notice; where they name no host, of every host. A host may be named
    /// by its Name tag; several that bear it are all asked.
    pub async fn ask(&self, claim: Claim, named: Option<&str>, now: Timestamp) -> Report {
        let names_nobody = claim.accused == Accused::default();
        let case = Case {
            id: CaseId(format!("ASK-{}", now.strftime("%Y%m%d-%H%M%S"))),
            opened: now,
            notices: Vec::new(),
            claims: vec![claim],
            deadline: None,
        };
        let locator = self.locator.as_ref();
        let report = match named {
            Some(name) => self.answer(&case, &Named { locator, name }).await,
            None if names_nobody => self.answer(&case, &Everywhere(locator)).await,
            None => self.answer(&case, locator).await,
        };
        report.0
    }

    async fn answer(&self, case: &Case, locator: &dyn Locate) -> (Report, Vec<HostAnswer>) {
        let (mut located, mut questions) =
            gather::plan(locator, &self.playbooks, &case.claims, &[], self.most).await;
        let permits = Arc::new(Semaphore::new(self.at_once));
        apply(gather::send(&self.hosts, &permits, &questions), &mut questions).await;
        apply(gather::wait(&self.hosts, &permits, &questions), &mut questions).await;
        located.notes.extend(gather::clock_notes(&questions));
        located.notes.extend(gather::silence_notes(&questions));
        let answers = gather::answers(&questions);
        let report = report::build(case, &located, &answers, &self.playbooks, Timestamp::now());
        (report, answers)
    }
}

async fn apply(mut steps: JoinSet<Step>, questions: &mut [Question]) {
    while let Some(step) = steps.join_next().await {
        if let Ok((place, question)) = step {
            questions[place] = question;
        }
    }
}

/// A case of one notice, named after its bytes so that the same file has the same name again.
fn case(parsed: &Parsed, bytes: &[u8], received: Timestamp) -> Case {
    let digest = digest(bytes);
    let id = format!("GS-{}-{}", received.strftime("%Y%m%d"), digest[..4].to_ascii_uppercase());
    Case {
        id: CaseId(id),
        opened: received,
        notices: vec![NoticeRef::of(parsed, digest, received)],
        claims: parsed.claims.clone(),
        deadline: parsed.deadline.or_else(|| received.checked_add(24.hours()).ok()),
    }
}
