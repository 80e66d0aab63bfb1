//! Evidence at random: whatever a host says, a report comes out of it, bounded and harmless.

use gumshoe::case::Answer;
use history::Activity;
use history::FlowState;
use history::Protocol;
use history::UnixNs;
use history::Via;
use history::Window;
use proptest::prelude::*;

use super::check::everything_holds;
use super::story::*;

/// What is changed: which process or activity, and the numbers that it gets.
type Change = (usize, usize, u64, u32, i64);

fn changed(changes: &[Change]) -> Story {
    let mut story = Story::new();
    noise(&mut story);
    let shell = story.ssh(ALICE, LAPTOP, 60);
    let nmap = story.sudo(shell, 120, "/usr/bin/nmap", "nmap -sS 198.51.100.7");
    story.raw_scan(nmap, 121, 134, Via::Packet);
    for &(kind, which, big, small, when) in changes {
        let count = story.processes.len();
        let ids: Vec<_> = story.processes.iter().map(|process| process.id).collect();
        let process = &mut story.processes[which % count];
        match kind {
            0 => process.parent = Some(ids[small as usize % count]),
            1 => process.parent = None,
            2 => process.credentials.uid = small,
            3 => process.credentials.login_uid = Some(small),
            4 => process.credentials.session = Some(small % 3),
            5 => process.started = UnixNs(when),
            6 => process.id.start_ns = big,
            7 => process.argv = vec!["x".repeat(small as usize % 3_000); small as usize % 50],
            8 => process.exe.clear(),
            9 => process.flags.exe_memfd = true,
            10 => drop(story.processes.remove(which % count)),
            _ => {
                let count = story.activities.len();
                change(&mut story.activities[which % count], kind, big, small, when);
            }
        }
    }
    story
}

fn change(activity: &mut Activity, kind: usize, big: u64, small: u32, when: i64) {
    match kind {
        11 => activity.process = None,
        12 => activity.matched = big,
        13 => activity.flows = big,
        14 => (activity.addresses, activity.ports, activity.targets) = (big, big, big),
        15 => activity.states = vec![(FlowState::Refused, big), (FlowState::Closed, big)],
        16 => activity.via = Via::Forwarded,
        17 => activity.protocol = Protocol(small as u8),
        18 => (activity.first, activity.last) = (UnixNs(when), UnixNs(i64::from(small))),
        19 => activity.port_ranges = vec![(small as u16, big as u16), (0, 65_535)],
        20 => (activity.packets, activity.bytes, activity.bytes_received) = (big, big, u64::from(small)),
        _ => activity.address_sample.clear(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_evidence_makes_a_report(
        changes in prop::collection::vec((0_usize..22, any::<usize>(), any::<u64>(), any::<u32>(), any::<i64>()), 1..12),
        gap in (any::<i64>(), any::<i64>()),
        answered in any::<i64>(),
    ) {
        let story = changed(&changes);
        let claim = accused(120, 180);
        let mut answer = answer(&story, &claim);
        let Answer::Evidence { evidence, .. } = &mut answer.answer else { unreachable!() };
        let window = Window { from: UnixNs(gap.0), to: UnixNs(gap.1) };
        evidence.coverage.recorded.push(window);
        evidence.coverage.gaps.push(history::Gap { window, reason: String::new() });
        evidence.answered = UnixNs(answered);
        everything_holds(&report_with(vec![claim], located(), &[answer]));
    }
}
