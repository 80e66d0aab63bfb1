//! From claims to answers: plan the questions, send them, wait for them. Stores nothing; says what changed.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::case::Answer;
use crate::case::Archived;
use crate::case::Claim;
use crate::case::HostAnswer;
use crate::case::HostRef;
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

/// Silent hosts that are named; further ones are only counted.
const SILENT_NAMED: usize = 20;

/// Notes on how many hosts were asked and answered, and who the silent ones are, as far as that is known: their
/// owners must be asked instead.
pub fn silence_notes(questions: &[Question]) -> Vec<String> {
    let mut silent: Vec<(&HostRef, String)> = Vec::new();
    let mut archived: Vec<(&HostRef, &Archived)> = Vec::new();
    let mut asked: Vec<&HostRef> = Vec::new();
    for question in questions {
        if asked.iter().any(|host| locate::is_same(host, &question.host)) {
            continue;
        }
        asked.push(&question.host);
        match &question.answer {
            Some(Answer::Evidence { archived: Some(of), .. }) => archived.push((&question.host, of)),
            Some(answer) => silent.extend(answer.why().map(|why| (&question.host, why))),
            None => {}
        }
    }
    let mut notes = Vec::new();
    if asked.len() > 1 {
        let (all, quiet) = (asked.len(), silent.len());
        let of_archive = match archived.len() {
            0 => String::new(),
            some => format!(" ({some} from the archive)"),
        };
        notes.push(format!("{all} hosts were asked, {} answered{of_archive}, {quiet} did not", all - quiet));
    }
    notes.extend(archived.iter().take(SILENT_NAMED).map(|(host, of)| describe_archived(host, of)));
    notes.extend(silent.iter().take(SILENT_NAMED).map(|(host, why)| describe_silent(host, why)));
    if silent.len() > SILENT_NAMED {
        notes.push(format!("{} further silent hosts are not named here", silent.len() - SILENT_NAMED));
    }
    notes
}

/// That an answer is the archive's, and up to when that reaches.
fn describe_archived(host: &HostRef, archived: &Archived) -> String {
    let id = host.instance_id.as_deref().unwrap_or("a host without id");
    let up_to = archived.reaches.map_or_else(String::new, |at| format!(", which reaches to {at:.0}"));
    format!("{id} is answered from its archive{up_to}; the host itself was not heard: {}", archived.why)
}

/// What is known of a host that tells nothing of itself.
fn describe_silent(host: &HostRef, why: &str) -> String {
    let mut known = Vec::new();
    known.extend(host.account.as_ref().map(|account| format!("account {account}")));
    known.extend(host.region.clone());
    known.extend(host.state.clone());
    known.extend(host.launched.map(|at| format!("launched {at:.0}")));
    known.extend(host.image.as_ref().map(|image| format!("image {image}")));
    let is_owner = |key: &str| {
        let key = key.to_ascii_lowercase();
        ["owner", "team", "contact", "costcenter", "cost-center", "project", "service", "application"]
            .iter()
            .any(|word| key.contains(word))
    };
    let owners = host.tags.iter().filter(|(key, _)| is_owner(key)).take(5);
    known.extend(owners.map(|(key, value)| format!("tag {key}={value}")));
    let id = host.instance_id.as_deref().unwrap_or("a host without id");
    let name = host.name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
    format!("{id}{name} tells nothing: {why}; known of it: {}", known.join(", "))
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

#[cfg(test)]
mod tests {
    use super::*;
    use history::UnixNs;
    use history::Window;

    fn question(id: &str, answer: Option<Answer>) -> Question {
        let now = "2026-11-21T10:00:00Z".parse().expect("time");
        Question {
            host: HostRef {
                instance_id: Some(id.to_owned()),
                name: Some("web-3".to_owned()),
                image: Some("ami-1".to_owned()),
                tags: [("Owner", "platform"), ("Backup", "daily")]
                    .map(|(key, value)| (key.to_owned(), value.to_owned()))
                    .into(),
                ..HostRef::default()
            },
            request: history::Request {
                version: history::VERSION,
                window: Window { from: UnixNs(1), to: UnixNs(2) },
                remotes: Vec::new(),
                ports: Vec::new(),
                protocol: None,
                names: Vec::new(),
                who: history::Who::default(),
            },
            asked: now,
            ticket: None,
            answer,
            answered: Some(now),
        }
    }

    #[test]
    fn who_answered_from_the_archive_is_said() {
        let request = question("i-1", None).request;
        let evidence = Box::new(crate::hosts::tests_evidence(&request));
        let why = "i-1 is terminated".to_owned();
        let archived = Some(Archived { why, reaches: Some(question("i-1", None).asked) });
        let answered = question("i-1", Some(Answer::Evidence { evidence, archived }));
        assert_eq!(
            silence_notes(&[answered, question("i-2", None)]),
            [
                "2 hosts were asked, 2 answered (1 from the archive), 0 did not",
                "i-1 is answered from its archive, which reaches to 2026-11-21T10:00:00Z; the host itself was not heard: \
                 i-1 is terminated",
            ]
        );
    }

    #[test]
    fn silent_hosts_are_counted_and_named_with_their_owners() {
        let silent = |id: &str| {
            question(id, Some(Answer::NoRecorder { reason: "the host has no recorder".to_owned() }))
        };
        let notes = silence_notes(&[silent("i-1"), silent("i-1"), question("i-2", None)]);
        assert_eq!(
            notes,
            [
                "2 hosts were asked, 1 answered, 1 did not",
                "i-1 (web-3) tells nothing: the host has no recorder; known of it: image ami-1, tag Owner=platform",
            ]
        );
        let many: Vec<Question> = (0..30).map(|number| silent(&format!("i-{number}"))).collect();
        let notes = silence_notes(&many);
        assert_eq!(notes.len(), 22);
        assert_eq!(notes[21], "10 further silent hosts are not named here");
    }
}
