//! The work on one case by the holder of its lease, from wherever it stands to its end.

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::Outcome;
use super::Pipeline;
use super::PipelineError;
use super::gather;
use super::gather::Step;
use crate::case::Case;
use crate::case::CaseId;
use crate::case::Disposition;
use crate::case::store::Owner;
use crate::case::store::Posted;
use crate::case::store::Question;
use crate::case::store::Record;
use crate::case::store::State;
use crate::case::store::Work;
use crate::report;
use crate::report::Report;
use crate::slack::Attachment;
use crate::slack::Message;
use crate::slack::SlackError;
use crate::slack::notes;

/// Further notices that are told of in the thread.
const ANNOUNCED_MAX: usize = 20;

/// Parts of a report's detail, by the names under which it is remembered that they stand.
const EVIDENCE: &str = "evidence";
const PICTURE: &str = "picture";
const PAGE: &str = "page";

/// A report's page, as it is attached to its thread.
pub fn page(case: &CaseId, html: String) -> Attachment {
    Attachment {
        name: format!("{}.html", case.0),
        title: format!("{}: full report", case.0),
        content_type: "text/html".to_owned(),
        alt: None,
        content: html.into_bytes(),
    }
}

/// The work on one case.
pub struct Job<'a> {
    pipeline: &'a Pipeline,
    owner: &'a Owner,
    case: Case,
    disposition: Disposition,
    work: Mutex<Work>,
    questions: Vec<Question>,
}

impl<'a> Job<'a> {
    /// Takes up a case where it was left.
    pub fn new(pipeline: &'a Pipeline, record: Record, owner: &'a Owner) -> Self {
        Self {
            pipeline,
            owner,
            case: record.case,
            disposition: record.disposition,
            work: Mutex::new(record.work),
            questions: record.questions,
        }
    }

    /// Works to the end.
    pub async fn run(mut self) -> Result<Outcome, PipelineError> {
        let case = self.case.id.clone();
        if self.disposition != Disposition::Claims {
            self.close().await?;
            return Ok(match self.disposition {
                Disposition::Unreadable => Outcome::Unreadable { case },
                _ => Outcome::Done { case, known: false },
            });
        }
        self.reopen().await?;
        let mut questions = std::mem::take(&mut self.questions);
        // Slack and the hosts do not wait for each other; what failed at Slack is tried again below.
        let (posted, gathered) = tokio::join!(self.post_investigating(), self.gather(&mut questions));
        gathered?;
        self.questions = questions;
        if let Err(error) = posted {
            tracing::warn!(case_id = case.0, error = %error, "not announced in Slack yet");
        }
        self.report().await?;
        Ok(Outcome::Done { case, known: false })
    }

    /// Begins again where a further notice brought claims that were not worked on.
    async fn reopen(&mut self) -> Result<(), PipelineError> {
        let claims = self.case.claims.len();
        let work = self.work.get_mut();
        self.questions.truncate(work.questions);
        if claims > work.claims && work.state > State::Received {
            tracing::info!(case_id = self.case.id.0, claims, worked_on = work.claims, "case reopened");
            work.state = State::Received;
            work.uploaded = false;
            work.detail.clear();
            self.save().await?;
        }
        Ok(())
    }

    /// Locates, asks and waits, each step stored before the next.
    async fn gather(&self, questions: &mut Vec<Question>) -> Result<(), PipelineError> {
        if self.state().await < State::Located {
            self.locate(questions).await?;
        }
        let pipeline = self.pipeline;
        if self.state().await < State::Asked {
            let sent = gather::send(&pipeline.edges.hosts, &pipeline.permits, questions);
            self.store_steps(sent, questions).await?;
            self.change(|work| work.state = State::Asked).await?;
        }
        if self.state().await < State::Answered {
            let answers = gather::wait(&pipeline.edges.hosts, &pipeline.permits, questions);
            self.store_steps(answers, questions).await?;
            let mut notes = gather::clock_notes(questions);
            notes.extend(gather::silence_notes(questions));
            self.change(|work| {
                work.state = State::Answered;
                let located = work.located.get_or_insert_default();
                located.notes.extend(notes);
            })
            .await?;
        }
        Ok(())
    }

    async fn locate(&self, questions: &mut Vec<Question>) -> Result<(), PipelineError> {
        let worked_on = self.work.lock().await.claims;
        let claims = &self.case.claims[worked_on.min(self.case.claims.len())..];
        let pipeline = self.pipeline;
        let (located, planned) = gather::plan(
            pipeline.edges.locator.as_ref(),
            &pipeline.playbooks,
            claims,
            questions,
            pipeline.questions_per_case,
        )
        .await;
        tracing::info!(
            case_id = self.case.id.0,
            hosts = located.hosts.len(),
            questions = planned.len(),
            "located"
        );
        for question in planned {
            let place = questions.len();
            pipeline.edges.store.save_question(&self.case.id, self.owner, place, &question).await?;
            questions.push(question);
        }
        let (claims, count) = (self.case.claims.len(), questions.len());
        self.change(|work| {
            crate::locate::merge(work.located.get_or_insert_default(), located);
            work.state = State::Located;
            work.claims = claims;
            work.questions = count;
        })
        .await
    }

    /// Stores each step as it comes.
    async fn store_steps(
        &self,
        mut steps: JoinSet<Step>,
        questions: &mut [Question],
    ) -> Result<(), PipelineError> {
        while let Some(step) = steps.join_next().await {
            // A question whose task panicked stays as it was; the next step says that it was never sent.
            let Ok((place, question)) = step else { continue };
            self.pipeline.edges.store.save_question(&self.case.id, self.owner, place, &question).await?;
            tracing::info!(
                case_id = self.case.id.0,
                instance_id = question.host.instance_id,
                command_id = question.ticket.as_ref().map(|ticket| ticket.command.as_str()),
                answer = question.answer.as_ref().map(kind),
                "question"
            );
            questions[place] = question;
        }
        Ok(())
    }

    async fn post_investigating(&self) -> Result<(), PipelineError> {
        let message = Message {
            case: self.case.id.clone(),
            blocks: report::blocks_investigating(&self.case),
            text: format!("{}: an abuse notice is being investigated", self.case.id.0),
        };
        self.post_once(&message).await.map(drop)
    }

    /// Posts the case's message unless it stands already. The attempt is stored before it is made: after a
    /// kill in between, the message is looked for first.
    async fn post_once(&self, message: &Message) -> Result<Posted, PipelineError> {
        let (posted, posting) = {
            let work = self.work.lock().await;
            (work.posted.clone(), work.posting)
        };
        if let Some(posted) = posted {
            return Ok(posted);
        }
        let notifier = &self.pipeline.edges.notifier;
        let mut found = None;
        match posting {
            Some(since) => match notifier.find(&self.case.id, since).await {
                Ok(message) => found = message,
                Err(error) => tracing::warn!(case_id = self.case.id.0, error = %error,
                    "cannot tell whether the case was posted before; posting"),
            },
            None => self.change(|work| work.posting = Some(Timestamp::now())).await?,
        }
        let posted = match found {
            Some(posted) => posted,
            None => notifier.post(message).await?,
        };
        tracing::info!(case_id = self.case.id.0, channel = posted.channel, ts = posted.ts, "posted");
        let stored = posted.clone();
        self.change(|work| work.posted = Some(stored)).await?;
        Ok(posted)
    }

    /// Judges, writes the report's files, and puts it in Slack.
    async fn report(&self) -> Result<(), PipelineError> {
        let located = self.work.lock().await.located.clone().unwrap_or_default();
        let answers = gather::answers(&self.questions);
        let report =
            report::build(&self.case, &located, &answers, &self.pipeline.playbooks, Timestamp::now());
        let (report, blocks) = self.drawn(report).await?;
        let html = report::html(&report);
        let path = self.write_files(&report, &html).await?;
        let message = Message { case: self.case.id.clone(), blocks, text: report::fallback_text(&report) };
        let posted = self.post_once(&message).await?;
        if self.state().await < State::Posted {
            let activity = self.case.claims.first().map(|claim| claim.activity);
            self.show(&posted, &message).await?;
            self.change(|work| {
                work.state = State::Posted;
                work.reported = work.reported.or(Some(Timestamp::now()));
                work.activity = work.activity.or(activity);
            })
            .await?;
        }
        self.announce(&posted).await?;
        if !self.work.lock().await.uploaded {
            self.detail(&posted, &report, html).await?;
            self.change(|work| work.uploaded = true).await?;
        }
        self.finish().await?;
        let taken_ms = Timestamp::now().duration_since(self.case.opened).as_millis() as u64;
        tracing::info!(case_id = self.case.id.0, report = path, taken_ms, "case done");
        Ok(())
    }

    /// The report with what people did about it meanwhile, and its blocks.
    async fn drawn(&self, report: Report) -> Result<(Report, Vec<Value>), PipelineError> {
        let Some((drawing, deeds)) = &self.pipeline.face else {
            let blocks = report::blocks(&report);
            return Ok((report, blocks));
        };
        let deeds = deeds.deeds(&self.case.id).await?;
        Ok(drawing.draw(&report, &deeds, &self.pipeline.files, &self.case).await)
    }

    async fn write_files(&self, report: &Report, html: &str) -> Result<String, PipelineError> {
        let json = serde_json::to_vec_pretty(report)
            .map_err(|source| PipelineError::Report { case: self.case.id.clone(), source })?;
        let files = &self.pipeline.files;
        files.write(&self.case.id, "report.json", &json).await?;
        files.write(&self.case.id, "report.html", html.as_bytes()).await
    }

    /// Puts the report in place; where Slack refuses its blocks, at least its one line.
    async fn show(&self, posted: &Posted, message: &Message) -> Result<(), PipelineError> {
        let notifier = &self.pipeline.edges.notifier;
        match notifier.update(posted, message).await {
            Err(SlackError::Refused { code, .. }) if code.contains("block") || code.contains("too_long") => {
                tracing::error!(case_id = self.case.id.0, code, "Slack refused the report's blocks");
                let plain = Message {
                    blocks: Vec::new(),
                    text: format!("{} (the whole report is in the thread)", message.text),
                    ..message.clone()
                };
                Ok(notifier.update(posted, &plain).await?)
            }
            other => Ok(other?),
        }
    }

    /// Puts the detail into the thread: evidence, picture, page; what stands there already is left. Fails where a part
    /// may be put there later.
    async fn detail(&self, posted: &Posted, report: &Report, html: String) -> Result<(), PipelineError> {
        let case = &self.case.id;
        let notifier = &self.pipeline.edges.notifier;
        let stands = self.work.lock().await.detail.clone();
        let mut later = None;
        let blocks = report::evidence_blocks(report);
        if !blocks.is_empty() && !stands.iter().any(|known| known == EVIDENCE) {
            let message = Message { case: case.clone(), blocks, text: format!("{}: the evidence", case.0) };
            let replied = notifier.reply(posted, &message).await;
            self.detailed(EVIDENCE, replied, &mut later).await?;
        }
        let picture = self.pipeline.pictures.draw(report).await;
        let picture = picture.map(|content| Attachment {
            name: format!("{}.png", case.0),
            title: format!("{}: how it came about", case.0),
            content_type: "image/png".to_owned(),
            alt: Some(report::alt_text(report)),
            content,
        });
        for (part, attachment) in
            picture.map(|it| (PICTURE, it)).into_iter().chain([(PAGE, page(case, html))])
        {
            if !stands.iter().any(|known| known == part) {
                let attached = notifier.attach(posted, &attachment).await;
                self.detailed(part, attached, &mut later).await?;
            }
        }
        match later {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }

    /// Notes that a part of the detail stands. What Slack refuses it will refuse again, and the report is a report
    /// without it; what it was only too busy for is tried again when the notice is delivered again.
    async fn detailed(
        &self,
        part: &str,
        outcome: Result<(), SlackError>,
        later: &mut Option<SlackError>,
    ) -> Result<(), PipelineError> {
        match outcome {
            Ok(()) => return self.change(|work| work.detail.push(part.to_owned())).await,
            Err(error) => {
                tracing::error!(case_id = self.case.id.0, part, error = %error, "detail is not in the thread");
                if matches!(error, SlackError::Unavailable { .. }) {
                    *later = Some(error);
                }
            }
        }
        Ok(())
    }

    /// Tells of further notices in the thread.
    async fn announce(&self, posted: &Posted) -> Result<(), PipelineError> {
        for notice in self.case.notices.iter().skip(1) {
            let announced = self.work.lock().await.announced.clone();
            if announced.contains(&notice.digest) || announced.len() >= ANNOUNCED_MAX {
                continue;
            }
            let reply = notes::further_notice(&self.case, notice);
            self.pipeline.edges.notifier.reply(posted, &reply).await?;
            self.change(|work| work.announced.push(notice.digest.clone())).await?;
        }
        Ok(())
    }

    /// Says what a notice is that accuses nobody.
    async fn close(&self) -> Result<(), PipelineError> {
        let letter = report::aside(&self.case, &self.pipeline.playbooks);
        let note = notes::closed(&self.case, self.disposition, letter.as_deref());
        let posted = self.post_once(&note).await?;
        self.announce(&posted).await?;
        self.finish().await
    }

    async fn finish(&self) -> Result<(), PipelineError> {
        let considered = self.case.notices.iter().map(|notice| notice.digest.clone()).collect();
        self.change(|work| {
            work.state = State::Done;
            work.considered = considered;
        })
        .await
    }

    async fn state(&self) -> State {
        self.work.lock().await.state
    }

    /// Changes the work and stores it before anybody acts on it.
    async fn change(&self, change: impl FnOnce(&mut Work)) -> Result<(), PipelineError> {
        let mut work = self.work.lock().await;
        change(&mut work);
        Ok(self.pipeline.edges.store.save(&self.case.id, self.owner, &work).await?)
    }

    async fn save(&self) -> Result<(), PipelineError> {
        self.change(|_| ()).await
    }
}

fn kind(answer: &crate::case::Answer) -> &'static str {
    match answer {
        crate::case::Answer::Evidence { .. } => "evidence",
        crate::case::Answer::Unreachable { .. } => "unreachable",
        crate::case::Answer::NoRecorder { .. } => "no recorder",
        crate::case::Answer::RecorderFailed { .. } => "recorder failed",
        crate::case::Answer::Invalid { .. } => "invalid",
    }
}
