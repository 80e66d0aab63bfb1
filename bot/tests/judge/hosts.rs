//! Hosts that did nothing, saw nothing, or do not answer.

use gumshoe::case::Answer;
use gumshoe::case::Confidence;
use gumshoe::case::DoubtKind;
use gumshoe::case::Located;
use gumshoe::report;
use history::LossClass;
use history::Via;

use super::check::doubts;
use super::check::everything_holds;
use super::check::slack_takes;
use super::story::*;
use super::told::told;

fn quiet() -> Story {
    let mut story = Story::new();
    noise(&mut story);
    story
}

#[test]
fn nobody_touched_the_victim() {
    let report = report_of(&quiet(), accused(120, 180));
    told(&report, "nobody touched the reported address, and all is recorded", "complete");
    assert_eq!(report.facts.verdict, "not_this_host");
    assert_eq!(report.facts.confidence, Confidence::High);
    assert!(report.facts.coverage_complete);
    assert_eq!(report.facts.person, None);
    assert_eq!(report.facts.tool, None);
    everything_holds(&report);
    insta::assert_snapshot!("nobody_text", report::text(&report));
}

#[test]
fn a_short_history_excludes_the_host_for_the_claimed_time_only() {
    let mut story = quiet();
    story.recorded_from = 60;
    let report = report_of(&story, accused(120, 180));
    told(
        &report,
        "nobody touched it, and only the claimed time is recorded",
        "a clock that is off would not be seen",
    );
    assert_eq!(report.facts.verdict, "not_this_host");
    assert_eq!(report.facts.confidence, Confidence::Medium);
    assert_eq!(doubts(&report), [DoubtKind::CoverageGap]);
}

#[test]
fn a_gap_in_the_claimed_time_leaves_it_unknown() {
    let mut story = quiet();
    story.gap(150, 160);
    let report = report_of(&story, accused(120, 180));
    told(&report, "nobody is seen to touch it, and the claimed time has a gap", "it may hide there");
    assert_eq!(report.facts.verdict, "unknown");
    assert_eq!(report.facts.confidence, Confidence::Low);
    assert!(!report.facts.coverage_complete);
    assert_eq!(doubts(&report), [DoubtKind::CoverageGap]);
    assert!(report.sentence.contains("not recorded"), "{}", report.sentence);
    everything_holds(&report);
    insta::assert_snapshot!("gap_text", report::text(&report));
}

#[test]
fn a_gap_beside_a_found_scan_lowers_the_confidence() {
    let mut story = quiet();
    let shell = story.ssh(ALICE, LAPTOP, 60);
    let nmap = story.sudo(shell, 120, "/usr/bin/nmap", "nmap -sS 198.51.100.7");
    story.raw_scan(nmap, 121, 134, Via::Packet);
    story.gap(150, 160);
    let report = report_of(&story, accused(120, 180));
    told(&report, "a scan is found, and part of the claimed time is not recorded", "more may hide there");
    assert_eq!(report.facts.verdict, "tool");
    assert_eq!(report.facts.confidence, Confidence::Medium);
    assert_eq!(doubts(&report), [DoubtKind::CoverageGap]);
}

#[test]
fn a_host_that_only_claims_to_be_complete_is_not_believed() {
    let claim = accused(120, 180);
    let mut answer = answer(&quiet(), &claim);
    let Answer::Evidence { evidence, .. } = &mut answer.answer else { unreachable!() };
    // It names no gap, and its recorded time ends before the claimed one.
    evidence.coverage.recorded[0].to = at(100);
    let report = report_with(vec![claim], located(), &[answer]);
    assert_eq!(report.facts.verdict, "unknown");
    assert!(!report.facts.coverage_complete);
}

#[test]
fn lost_events_are_named() {
    let mut story = quiet();
    story.loss(LossClass::Flow, 1_234, 130, 131);
    let report = report_of(&story, accused(120, 180));
    told(&report, "nobody is seen to touch it, and traffic events were lost", "it may be among them");
    assert_eq!(report.facts.verdict, "unknown");
    assert_eq!(doubts(&report), [DoubtKind::EventsLost]);
    assert!(report.judgement.doubts[0].text.contains("1,234"));
}

#[test]
fn a_host_that_cannot_be_asked_leaves_it_unknown() {
    let claim = accused(120, 180);
    for (answer_as, reason) in [
        (
            Answer::Unreachable { reason: "SSM did not deliver the command in 60 s".to_owned() },
            "could not be reached",
        ),
        (Answer::NoRecorder { reason: "host-recorder: not found".to_owned() }, "has no recorder"),
        (Answer::RecorderFailed { reason: "exit 3".to_owned() }, "its recorder failed"),
        (Answer::Invalid { reason: "another window".to_owned() }, "cannot be believed"),
    ] {
        let mut answer = answer(&quiet(), &claim);
        answer.answer = answer_as;
        let report = report_with(vec![claim.clone()], located(), &[answer]);
        told(&report, "the host is unreachable, has no recorder, fails, or answers nonsense", "not heard");
        assert_eq!(report.facts.verdict, "unknown");
        assert_eq!(doubts(&report), [DoubtKind::HostNotHeard]);
        assert!(report.sentence.contains(reason), "{}", report.sentence);
        everything_holds(&report);
    }
}

#[test]
fn no_host_no_verdict() {
    let report = report_with(vec![accused(120, 180)], Located::default(), &[]);
    told(&report, "no host of ours can be named", "nobody could be asked");
    assert_eq!(report.facts.verdict, "unknown");
    assert_eq!(doubts(&report), [DoubtKind::NoHost]);
    everything_holds(&report);
}

#[test]
fn of_several_candidates_one_that_was_not_heard_is_named() {
    let mut story = quiet();
    let shell = story.ssh(ALICE, LAPTOP, 60);
    let nmap = story.sudo(shell, 120, "/usr/bin/nmap", "nmap -sS 198.51.100.7");
    story.raw_scan(nmap, 121, 134, Via::Packet);
    let mut both = located();
    let mut other = host_ref();
    other.instance_id = Some("i-0fedcba9876543210".to_owned());
    other.name = Some("web-2".to_owned());
    both.hosts.push(other.clone());
    let claim = accused(120, 180);
    let report = report_with(vec![claim.clone()], both.clone(), &[answer(&story, &claim)]);
    told(
        &report,
        "one of two candidate hosts did it, the other was not heard",
        "what it would have said may add to it",
    );
    assert_eq!(report.facts.verdict, "tool");
    assert_eq!(report.facts.host.as_deref(), Some("web-1"));
    assert_eq!(doubts(&report), [DoubtKind::HostNotHeard]);
    assert_eq!(report.facts.confidence, Confidence::Medium);

    // Both answer, one did it: sure again.
    let mut silent = answer(&quiet(), &claim);
    silent.host = other;
    let report = report_with(vec![claim.clone()], both.clone(), &[silent.clone(), answer(&story, &claim)]);
    assert_eq!(report.facts.host.as_deref(), Some("web-1"));
    assert_eq!(report.facts.confidence, Confidence::High);
    everything_holds(&report);

    // Neither did it.
    let report = report_with(vec![claim.clone()], both, &[silent, answer(&quiet(), &claim)]);
    assert_eq!(report.facts.verdict, "not_this_host");
    everything_holds(&report);
}

#[test]
fn a_notice_without_addresses_is_judged_by_the_kind_of_traffic() {
    let mut story = quiet();
    // Where nothing is asked for by address, a host counts everything as matching.
    for activity in &mut story.activities {
        activity.matched = activity.flows;
    }
    let mut claim = accused(120, 180);
    claim.remote.clear();
    let report = report_of(&story, claim.clone());
    assert_eq!(report.facts.verdict, "unknown");
    assert!(doubts(&report).contains(&DoubtKind::NoTarget));

    let shell = story.ssh(ALICE, LAPTOP, 60);
    let nmap = story.sudo(shell, 120, "/usr/bin/nmap", "nmap -sS 198.51.100.7");
    story.raw_scan(nmap, 121, 134, Via::Packet);
    let report = report_of(&story, claim);
    told(
        &report,
        "the notice names no address, and one program scans",
        "judged by the kind of traffic alone",
    );
    assert_eq!(report.facts.tool.as_deref(), Some("nmap"));
    assert_eq!(report.facts.confidence, Confidence::Medium);
    assert!(!report::text(&report).contains("reported addresses"), "{}", report::text(&report));
    everything_holds(&report);
}

#[test]
fn a_host_whose_clock_is_behind_the_claim_clears_nobody() {
    let claim = accused(120, 180);
    let mut answer = answer(&quiet(), &claim);
    let Answer::Evidence { evidence, .. } = &mut answer.answer else { unreachable!() };
    // Its present ends before the claimed time, and what it names as missing ends there, too.
    evidence.coverage.recorded[0].to = at(100);
    evidence.coverage.gaps.push(history::Gap {
        window: history::Window { from: at(100), to: at(101) },
        reason: "nothing was recorded since".to_owned(),
    });
    let report = report_with(vec![claim], located(), &[answer]);
    assert_eq!(report.facts.verdict, "unknown");
    assert!(!report.facts.coverage_complete);
}

#[test]
fn a_claim_beyond_what_a_host_that_was_set_back_told_clears_nobody() {
    // The last seconds before it was asked, of which it says nothing: its clock is long before them.
    for (from, to) in [(178, 180), (180, 180)] {
        let claim = accused(from, to);
        let mut answer = answer(&quiet(), &claim);
        answer.request.window.to = at(181);
        let Answer::Evidence { evidence, .. } = &mut answer.answer else { unreachable!() };
        evidence.request.window.to = at(181);
        evidence.answered = at(135);
        evidence.coverage.window.to = at(177);
        evidence.coverage.recorded =
            vec![history::Window { from: evidence.coverage.window.from, to: at(177) }];
        let report = report_with(vec![claim], located(), &[answer]);
        assert_eq!(report.facts.verdict, "unknown");
        assert!(!report.facts.coverage_complete, "{}", report.facts.verdict);
    }
}

#[test]
fn a_wrong_host_clock_is_named() {
    let claim = accused(120, 180);
    let mut answer = answer(&quiet(), &claim);
    let Answer::Evidence { evidence, .. } = &mut answer.answer else { unreachable!() };
    evidence.answered = evidence.answered.plus_s(3600);
    let report = report_with(vec![claim], located(), &[answer]);
    assert!(doubts(&report).contains(&DoubtKind::HostClock));
}

#[test]
fn slack_takes_the_first_message() {
    slack_takes(&report::blocks_investigating(&case(vec![accused(120, 180)])), "investigating");
    slack_takes(&report::blocks_investigating(&case(Vec::new())), "investigating");
    insta::assert_json_snapshot!(
        "investigating_blocks",
        report::blocks_investigating(&case(vec![accused(120, 180)]))
    );
}

#[test]
fn two_victims_of_one_scan_are_one_suspect_on_one_host() {
    let mut story = quiet();
    let shell = story.ssh(ALICE, LAPTOP, 60);
    let nmap = story.sudo(shell, 120, "/usr/bin/nmap", "nmap -sS 198.51.100.7");
    story.raw_scan(nmap, 121, 134, Via::Packet);
    let first = accused(120, 180);
    let mut second = first.clone();
    second.remote[0].address = "198.51.100.8".parse().unwrap();
    let answers = [answer(&story, &first), answer(&quiet(), &second)];
    let report = report_with(vec![first.clone(), second.clone()], located(), &answers);
    told(&report, "one of two reported victims was scanned", "nothing matches the other accusation");
    assert_eq!(report.facts.tool.as_deref(), Some("nmap"));
    assert_eq!(report.judgement.suspects.len(), 1);
    assert_eq!(report.facts.host.as_deref(), Some("web-1"));
    assert!(!report.fields[5].value.raw().contains("candidate"), "{:?}", report.fields[5]);
    assert_eq!(doubts(&report), [DoubtKind::PartialMatch], "the second victim was not touched");
    assert!(report.judgement.doubts[0].text.contains("198.51.100.8"));
    everything_holds(&report);

    let neither = [answer(&quiet(), &first), answer(&quiet(), &second)];
    let report = report_with(vec![first, second], located(), &neither);
    assert_eq!(report.facts.verdict, "not_this_host");
    assert!(report.headline.contains("198.51.100.7 and 198.51.100.8"), "{}", report.headline);
    assert!(report.headline.contains("web-1"), "{}", report.headline);
}
