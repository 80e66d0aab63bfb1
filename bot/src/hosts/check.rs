//! Whether an answer may be believed to answer our question. Pure.
//!
//! A host may be compromised and lie about what happened; that is for the verdict to weigh. What is refused
//! here is an answer to another question, of another host, or from a clock that makes its times meaningless.

use history::Evidence;
use history::Request;
use history::UnixNs;
use jiff::Timestamp;

use crate::case::Answer;
use crate::case::HostRef;

/// A host's clock may differ from ours by this before its times mean nothing, s.
const CLOCK_REFUSED: i64 = 24 * 3_600;

/// A host's clock may differ from ours by this before it is noted, s.
pub const CLOCK_NOTED: i64 = 60;

/// Items of one list in an answer; what a recorder sends within SSM's limit is far below.
const ITEMS_MAX: usize = 100_000;

/// Reads an answer's text and checks that it answers our question.
pub fn check(output: &str, host: &HostRef, request: &Request, now: Timestamp) -> Answer {
    match history::decode_evidence(output) {
        Ok(evidence) => believe(evidence, host, request, now),
        Err(error) => Answer::Invalid { reason: format!("the answer cannot be read: {error}") },
    }
}

/// Checks that evidence answers our question.
pub fn believe(evidence: Evidence, host: &HostRef, request: &Request, now: Timestamp) -> Answer {
    match refuse(&evidence, host, request, now) {
        Some(reason) => Answer::Invalid { reason },
        None => Answer::evidence(evidence),
    }
}

/// The beginning of an answer, where that is enough: the brief line says that the host sent nothing to any of the addresses
/// that were asked about. Who did, or was asked about no address or about names, is to be read whole.
pub fn tells_nothing(beginning: &str) -> Option<&str> {
    let line = history::brief_line(beginning)?;
    let evidence = history::decode_evidence(line).ok()?;
    let is_about_addresses = !evidence.request.remotes.is_empty() && evidence.request.names.is_empty();
    // What hides traffic is to be read whole.
    let is_plain = evidence.operations.iter().all(|event| !event.operation.kind.is_critical());
    let nothing = evidence.activities.iter().all(|activity| activity.matched == 0);
    (is_about_addresses && is_plain && nothing).then_some(line)
}

/// How far a host's clock is ahead of ours, s; 0 for what is no evidence.
pub fn skew_s(answer: &Answer, now: Timestamp) -> i64 {
    match answer {
        Answer::Evidence { evidence, .. } => skew(evidence.answered, now),
        _ => 0,
    }
}

fn skew(answered: UnixNs, now: Timestamp) -> i64 {
    answered.0.saturating_sub(UnixNs::from(now).0) / 1_000_000_000
}

fn refuse(evidence: &Evidence, host: &HostRef, request: &Request, now: Timestamp) -> Option<String> {
    if evidence.request != *request {
        return Some("the answer is to another question than ours".to_owned());
    }
    if let (Some(asked), Some(answered)) = (&host.instance_id, &evidence.host.instance_id)
        && asked != answered
    {
        return Some(format!("the answer says it is from {answered}, and {asked} was asked"));
    }
    let covered = &evidence.coverage.window;
    if covered.from < request.window.from || covered.to > request.window.to {
        return Some("the answer claims a window larger than the one that was asked for".to_owned());
    }
    let skew = skew(evidence.answered, now);
    if skew.abs() > CLOCK_REFUSED {
        return Some(format!("the host's clock is {skew} s ahead of ours: its times mean nothing"));
    }
    let lists = [
        evidence.activities.len(),
        evidence.processes.len(),
        evidence.exits.len(),
        evidence.logins.len(),
        evidence.samples.len(),
    ];
    if lists.iter().any(|length| *length > ITEMS_MAX) {
        return Some(format!("a list in the answer is longer than {ITEMS_MAX}"));
    }
    None
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use history::Coverage;
    use history::Host;
    use history::Window;

    pub(crate) fn request() -> Request {
        Request {
            version: history::VERSION,
            window: Window { from: UnixNs(0).plus_s(1_000), to: UnixNs(0).plus_s(2_000) },
            remotes: Vec::new(),
            ports: Vec::new(),
            protocol: None,
            names: Vec::new(),
            who: history::Who::default(),
        }
    }

    pub(crate) fn evidence(request: &Request, answered: UnixNs) -> Evidence {
        Evidence {
            version: history::VERSION,
            host: Host { instance_id: Some("i-0123456789abcdef0".to_owned()), ..Host::default() },
            request: request.clone(),
            answered,
            coverage: Coverage {
                window: request.window,
                recorded: vec![request.window],
                gaps: Vec::new(),
                losses: Vec::new(),
                oldest: None,
                events_searched: 0,
            },
            activities: Vec::new(),
            processes: Vec::new(),
            exits: Vec::new(),
            logins: Vec::new(),
            samples: Vec::new(),
            dns: Vec::new(),
            operations: Vec::new(),
            habits: Vec::new(),
            omitted: Vec::new(),
        }
    }

    fn verdict(change: impl FnOnce(&mut Evidence)) -> Result<(), String> {
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().expect("time");
        let host = HostRef { instance_id: Some("i-0123456789abcdef0".to_owned()), ..HostRef::default() };
        let mut evidence = evidence(&request(), now.into());
        change(&mut evidence);
        let line = history::encode_evidence(&evidence, history::SSM_LIMIT).expect("encoded");
        match check(&line, &host, &request(), now) {
            Answer::Evidence { .. } => Ok(()),
            Answer::Invalid { reason } => Err(reason),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_answer_to_our_question_is_taken() {
        verdict(|_| ()).expect("taken");
        verdict(|evidence| evidence.host.instance_id = None).expect("taken");
        verdict(|evidence| evidence.coverage.window.to = UnixNs(0).plus_s(1_500)).expect("taken");
        verdict(|evidence| evidence.answered = evidence.answered.plus_s(600)).expect("taken");
    }

    #[test]
    fn what_answers_something_else_is_refused() {
        type Change = fn(&mut Evidence);
        let table: [(Change, &str); 4] = [
            (|evidence| evidence.request.ports = vec![1], "another question"),
            (|evidence| evidence.host.instance_id = Some("i-1".to_owned()), "i-1"),
            (|evidence| evidence.coverage.window.from = UnixNs(0), "larger"),
            (|evidence| evidence.answered = UnixNs(0), "clock"),
        ];
        for (change, expected) in table {
            let reason = verdict(change).expect_err(expected);
            assert!(reason.contains(expected), "{reason}");
        }
    }

    #[test]
    fn garbage_is_an_invalid_answer() {
        let now = Timestamp::UNIX_EPOCH;
        for output in
            ["", "hello", "GUMSHOE-EVIDENCE-1 !!!!", "GUMSHOE-EVIDENCE-1 AAAA", "GUMSHOE-EVIDENCE-1"]
        {
            let answer = check(output, &HostRef::default(), &request(), now);
            assert!(matches!(answer, Answer::Invalid { .. }), "{output}: {answer:?}");
        }
    }
}
