//! A real scan that a real recorder saw, kept as a ring: the notice about it is read, asked and judged.

use std::path::Path;

use gumshoe::case::Answer;
use gumshoe::case::Confidence;
use gumshoe::case::HostAnswer;
use gumshoe::investigate::request_for;
use gumshoe::notice;
use gumshoe::playbook::Playbooks;
use jiff::Timestamp;

use super::check::everything_holds;
use super::story::host_ref;
use super::story::located;
use super::story::report_with;

#[test]
fn a_recorded_scan_is_judged_like_the_story_of_it() {
    let recording = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/recording");
    let bytes = std::fs::read(recording.join("notice.eml")).unwrap();
    let context = notice::Context { received: Some(Timestamp::now()), ..notice::Context::default() };
    let claims = notice::parse(&bytes, &context).claims;
    let playbooks = Playbooks::built_in().unwrap();
    let answers: Vec<HostAnswer> = claims
        .iter()
        .map(|claim| {
            let asked = Timestamp::now();
            let request = request_for(claim, playbooks.for_claim(claim), asked);
            let evidence =
                history::query(&recording.join("ring"), &request, history::Host::default()).unwrap();
            let answer = Answer::Evidence { evidence: Box::new(evidence) };
            HostAnswer { host: host_ref(), request, asked, answered: Timestamp::now(), answer }
        })
        .collect();
    let report = report_with(claims, located(), &answers);
    let facts = &report.facts;
    assert_eq!(facts.tool.as_deref(), Some("nmap"), "{}", report.sentence);
    assert_eq!(facts.person.as_ref().unwrap().raw(), "alice");
    assert_eq!(facts.elevated_by.as_ref().unwrap().raw(), "sudo");
    assert_eq!(facts.login.as_ref().unwrap().method.raw(), "publickey");
    assert_eq!(facts.targets.as_ref().unwrap().ports, 1000);
    assert!(facts.coverage_complete, "{:?}", report.judgement.hosts);
    assert_eq!(report.judgement.doubts, []);
    assert_eq!(facts.confidence, Confidence::High);
    everything_holds(&report);
}
