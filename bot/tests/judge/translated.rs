//! Source ports: what a reporter saw behind a NAT excludes nobody, and what he saw without one tells suspects apart.

use gumshoe::case::Confidence;
use gumshoe::case::DoubtKind;
use gumshoe::report::Report;
use history::FlowState;

use super::check::doubts;
use super::check::everything_holds;
use super::story::*;
use super::told::told;

/// Alice asks the victim for one thing, and Bob for the same; each flow is kept singly.
fn two_clients() -> Story {
    let mut story = Story::new();
    for (user, from, start, port) in [(ALICE, LAPTOP, 60, 51_000), (BOB, "192.0.2.77", 70, 52_000)] {
        let shell = story.ssh(user, from, start);
        let tool = story.run(shell, 120, user, "/usr/bin/sqlmap", "sqlmap -u http://198.51.100.7/");
        story.traffic(Some(tool), 121, 150, |activity| {
            (activity.matched, activity.matched_ports) = (1, 1);
            activity.states = vec![(FlowState::Closed, 1)];
            activity.address_sample = vec![VICTIM.parse().unwrap()];
            activity.port_ranges = vec![(80, 80)];
        });
        story.sample(tool, 121, port, 80, FlowState::Closed);
    }
    story
}

fn one_client(name: &str) -> Story {
    let mut story = two_clients();
    let other: Vec<_> = (story.processes.iter())
        .filter(|process| process.exe.ends_with("sqlmap") && process.user.as_deref() != Some(name))
        .map(|process| process.id)
        .collect();
    story.activities.retain(|activity| activity.process.is_some_and(|id| !other.contains(&id)));
    story.samples.retain(|sample| sample.flow.owner.is_some_and(|id| !other.contains(&id)));
    story
}

fn from_port(port: u16, address: Option<&str>) -> gumshoe::case::Claim {
    let mut claim = accused(120, 180);
    claim.activity = gumshoe::case::Activity::IntrusionAttempt;
    claim.accused.ports = vec![port];
    claim.accused.addresses = address.map(|address| address.parse().unwrap()).into_iter().collect();
    claim
}

fn finds(report: &Report, text: &str) -> bool {
    report.judgement.findings.iter().any(|finding| finding.text.contains(text))
}

#[test]
fn a_port_that_is_the_same_tells_suspects_apart() {
    for (port, name) in [(51_000, "alice"), (52_000, "bob")] {
        let report = report_of(&two_clients(), from_port(port, Some("203.0.113.10")));
        assert_eq!(report.facts.person.as_ref().unwrap().raw(), name, "{}", report.sentence);
        assert!(
            finds(&report, "the reported source port is that of its flow"),
            "{:#?}",
            report.judgement.findings
        );
        everything_holds(&report);
    }
    let report = report_of(&two_clients(), from_port(52_000, Some("203.0.113.10")));
    told(
        &report,
        "two persons do the same, and one source port is reported",
        "who sent from that port stands first",
    );
}

#[test]
fn the_port_of_a_nat_gateway_excludes_nobody() {
    // The accused address is the gateway's, and no address of the host.
    let report = report_of(&one_client("alice"), from_port(1_044, Some("203.0.113.200")));
    assert_eq!(report.facts.person.as_ref().unwrap().raw(), "alice");
    assert_eq!(report.facts.confidence, Confidence::High, "{:?}", report.judgement.doubts);
    let said =
        "the reported source port 1044 differs from its own (51000), as behind NAT; that excludes nobody";
    assert!(finds(&report, said), "{:#?}", report.judgement.findings);
    told(
        &report,
        "the reported source port is the NAT gateway's",
        "it differs as behind NAT, which excludes nobody",
    );
    everything_holds(&report);
}

#[test]
fn the_port_of_a_containers_bridge_excludes_nobody() {
    let mut story = one_client("alice");
    for activity in &mut story.activities {
        activity.local_addresses = vec!["172.17.0.2".parse().unwrap()];
    }
    let report = report_of(&story, from_port(1_044, Some("203.0.113.10")));
    assert_eq!(report.facts.confidence, Confidence::High, "{:?}", report.judgement.doubts);
    assert!(finds(&report, "as behind NAT"), "{:#?}", report.judgement.findings);
}

#[test]
fn a_port_that_differs_without_a_nat_is_a_partial_match() {
    let report = report_of(&one_client("alice"), from_port(1_044, Some("203.0.113.10")));
    assert_eq!(report.facts.person.as_ref().unwrap().raw(), "alice");
    assert_eq!(doubts(&report), [DoubtKind::PartialMatch]);
    assert!(
        report.judgement.doubts[0].text.contains("no NAT before it is known"),
        "{:?}",
        report.judgement.doubts
    );
    told(&report, "the reported source port is another, and no NAT is known", "said as a partial match");
    everything_holds(&report);
}

/// Of a set's flows only the lowest local port is known: nothing can be said against it.
#[test]
fn ports_that_are_not_kept_singly_are_not_held_against_anybody() {
    let mut story = one_client("alice");
    story.samples[0].flow.state = FlowState::Refused;
    story.activities.last_mut().unwrap().matched = 1;
    let report = report_of(&story, from_port(51_400, Some("203.0.113.10")));
    assert_eq!(doubts(&report), [], "{:?}", report.judgement.doubts);
    assert!(!finds(&report, "source port"), "{:#?}", report.judgement.findings);
}
