//! From claims to answers: plan the questions, send them, wait for them. Stores nothing; says what changed.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::case::Answer;
use crate::case::Claim;
use crate::case::HostAnswer;
use crate::case::Located;
use crate::case::store::Question;
use crate::hosts::CLOCK_NOTED;
use crate::hosts::HostHistory;
use crate::hosts::skew_s;
use crate::investigate;
use crate::locate;
use crate::locate::Locate;
use crate::playbook::Playbooks;

/// Locates the hosts of these claims and plans what to ask them, at most `most` questions.
pub async fn plan(
    locator: &dyn Locate,
    playbooks: &Playbooks,
    claims: &[Claim],
    known: &[Question],
    most: usize,
) -> (Located, Vec<Question>) {
    let mut located = Located::default();
    let mut planned: Vec<Question> = Vec::new();
    let mut left_out = 0;
    for claim in claims {
        let found = locator.locate(claim).await;
        let now = Timestamp::now();
        let request = investigate::request_for(claim, playbooks.for_claim(claim), now);
        for host in &found.hosts {
            let asked_already =
                |question: &Question| locate::is_same(&question.host, host) && question.request == request;
            if known.iter().chain(&planned).any(asked_already) {
                continue;
            }
            if known.len() + planned.len() >= most {
                left_out += 1;
                continue;
            }
            planned.push(Question {
                host: host.clone(),
                request: request.clone(),
                asked: now,
                ticket: None,
                answer: None,
                answered: None,
            });
        }
        locate::merge(&mut located, found);
    }
    if left_out > 0 {
        located.notes.push(format!("{left_out} questions to hosts are left out: a case asks {most}"));
    }
    (located, planned)
}

/// One step of one question: its place and what it became.
pub type Step = (usize, Question);

/// Sends every question that was not sent yet; each step comes out of the set as it is done.
pub fn send(hosts: &Arc<dyn HostHistory>, permits: &Arc<Semaphore>, questions: &[Question]) -> JoinSet<Step> {
    let unsent = |question: &Question| question.ticket.is_none() && question.answer.is_none();
    each(permits, questions, unsent, hosts, async |hosts, mut question| {
        match hosts.ask(&question.host, &question.request).await {
            Ok(ticket) => question.ticket = Some(ticket),
            Err(answer) => settle(&mut question, answer),
        }
        question
    })
}

/// Waits for the answer to every question that was sent.
pub fn wait(hosts: &Arc<dyn HostHistory>, permits: &Arc<Semaphore>, questions: &[Question]) -> JoinSet<Step> {
    let unanswered = |question: &Question| question.answer.is_none();
    each(permits, questions, unanswered, hosts, async |hosts, mut question| {
        let answer = match &question.ticket {
            Some(ticket) => hosts.answer(&question.host, &question.request, ticket).await,
            None => Answer::Unreachable { reason: "the question was never sent".to_owned() },
        };
        settle(&mut question, answer);
        question
    })
}

/// The answers, in the questions' order.
pub fn answers(questions: &[Question]) -> Vec<HostAnswer> {
    let read = |question: &Question| {
        Some(HostAnswer {
            host: question.host.clone(),
            request: question.request.clone(),
            asked: question.asked,
            answered: question.answered?,
            answer: question.answer.clone()?,
        })
    };
    questions.iter().filter_map(read).collect()
}

/// Notes on hosts whose clock differs from ours.
pub fn clock_notes(questions: &[Question]) -> Vec<String> {
    let note = |question: &Question| {
        let skew = skew_s(question.answer.as_ref()?, question.answered?);
        let id = question.host.instance_id.as_deref().unwrap_or("the host");
        let way = if skew > 0 { "ahead of" } else { "behind" };
        (skew.abs() > CLOCK_NOTED).then(|| format!("the clock of {id} is {} s {way} ours", skew.abs()))
    };
    questions.iter().filter_map(note).collect()
}

fn settle(question: &mut Question, answer: Answer) {
    question.answer = Some(answer);
    question.answered = Some(Timestamp::now());
}

fn each<F>(
    permits: &Arc<Semaphore>,
    questions: &[Question],
    wanted: impl Fn(&Question) -> bool,
    hosts: &Arc<dyn HostHistory>,
    act: impl Fn(Arc<dyn HostHistory>, Question) -> F + Copy + Send + 'static,
) -> JoinSet<Step>
where
    F: Future<Output = Question> + Send,
{
    let mut tasks = JoinSet::new();
    for (place, question) in questions.iter().enumerate().filter(|(_, question)| wanted(question)) {
        let (permits, hosts, question) = (Arc::clone(permits), Arc::clone(hosts), question.clone());
        tasks.spawn(async move {
            let _permit = permits.acquire().await;
            (place, act(hosts, question).await)
        });
    }
    tasks
}
