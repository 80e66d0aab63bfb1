//! Who asks the same targets again and again, and who goes through many: monitors and retries against patient scanners.

use gumshoe::case::Confidence;
use gumshoe::report::Report;
use history::FlowState;
use history::ProcessId;

use super::check::everything_holds;
use super::story::*;
use super::told::told;

/// What is asked of whom: addresses, ports of each, and how often each of these is tried.
struct Asked<'a> {
    addresses: &'a [String],
    ports: u16,
    tries: u64,
    state: FlowState,
}

impl Asked<'_> {
    fn by(&self, story: &mut Story, process: ProcessId, from: i64, to: i64) {
        let targets = self.addresses.len() as u64 * u64::from(self.ports);
        story.traffic(Some(process), from, to, |activity| {
            (activity.addresses, activity.targets) = (self.addresses.len() as u64, targets);
            (activity.flows, activity.ports) = (targets * self.tries, self.ports.into());
            (activity.matched, activity.matched_ports) =
                (u64::from(self.ports) * self.tries, self.ports.into());
            activity.states = vec![(self.state, activity.flows)];
            (activity.packets, activity.bytes) = (activity.flows, activity.flows * 300);
            activity.address_sample = self.addresses.iter().map(|it| it.parse().unwrap()).collect();
            activity.port_ranges = vec![(9000, 9000 + self.ports - 1)];
        });
    }
}

/// The victim, and others far from it and from each other.
fn scattered(count: u8) -> Vec<String> {
    let others = (1..count).map(|nth| format!("203.0.{}.{}", 113 - nth, nth));
    std::iter::once(VICTIM.to_owned()).chain(others).collect()
}

/// The victim's whole network.
fn network() -> Vec<String> {
    (1..=64).map(|last| format!("198.51.100.{last}")).collect()
}

fn is_scanner(report: &Report) -> bool {
    report.facts.tool.as_deref() == Some("port scanner")
}

fn monitor(story: &mut Story) -> ProcessId {
    story.service(
        "blackbox.service",
        User(990, "prometheus"),
        "/usr/bin/blackbox_exporter",
        "blackbox_exporter",
    )
}

#[test]
fn a_monitor_that_asks_its_targets_all_day_is_no_scanner() {
    for (addresses, ports) in [(24, 1), (24, 3), (60, 2)] {
        for (state, what) in [
            (FlowState::Refused, "a monitor asks scattered dead targets every quarter of a minute"),
            (
                FlowState::Closed,
                "a monitor asks scattered targets every quarter of a minute, and is answered",
            ),
        ] {
            let mut story = Story::new();
            let process = monitor(&mut story);
            // Some answer on one port only; more than the limit of ports is asked for in any case.
            let addresses = scattered(addresses);
            Asked { addresses: &addresses, ports, tries: 480, state }.by(&mut story, process, -3000, 1700);
            let report = report_of(&story, accused(120, 180));
            assert_eq!(report.facts.verdict, "misbehaving_application", "{}", report.sentence);
            assert_eq!(report.facts.confidence, Confidence::High);
            assert_eq!((report.routing.as_str(), report.facts.person.as_ref()), ("owner", None));
            told(&report, what, "the same targets again and again, and few ports of each; for its owner");
            everything_holds(&report);
        }
    }
}

#[test]
fn an_application_that_retries_all_nodes_of_a_dead_cluster_is_no_scanner() {
    let mut story = Story::new();
    let app = story.service(
        "shop.service",
        User(998, "shop"),
        "/usr/bin/python3.11",
        "python3 /srv/shop/worker.py",
    );
    let victim = [VICTIM.to_owned()];
    Asked { addresses: &victim, ports: 30, tries: 900, state: FlowState::Refused }
        .by(&mut story, app, 0, 1700);
    let report = report_of(&story, accused(120, 180));
    assert_eq!(report.judgement.suspects[0].rule.as_deref(), Some("dead-targets"), "{}", report.sentence);
    told(
        &report,
        "an application tries thirty ports of a dead cluster's address 900 times each",
        "tried far more often than it is broad: it wants them",
    );
    everything_holds(&report);
}

#[test]
fn a_patient_scanner_is_one_still() {
    let mut story = Story::new();
    let shell = story.ssh(ALICE, LAPTOP, -3500);
    let slow = story.run(shell, -3400, ALICE, "/home/alice/bin/check", "check 198.51.100.7");
    let victim = [VICTIM.to_owned()];
    Asked { addresses: &victim, ports: 80, tries: 1, state: FlowState::TimedOut }
        .by(&mut story, slow, -3400, 1700);
    let report = report_of(&story, accused(120, 180));
    assert!(is_scanner(&report), "{}", report.sentence);
    told(&report, "a renamed scanner tries a port a minute", "told by ports and failures, whatever its pace");
    everything_holds(&report);

    // Ports that do not answer are tried again, ten times each.
    let mut story = Story::new();
    let shell = story.ssh(ALICE, LAPTOP, 60);
    let again = story.run(shell, 120, ALICE, "/home/alice/bin/check", "check --retries 10 198.51.100.7");
    Asked { addresses: &victim, ports: 100, tries: 11, state: FlowState::TimedOut }
        .by(&mut story, again, 121, 900);
    let report = report_of(&story, accused(120, 180));
    assert!(is_scanner(&report), "{}", report.sentence);
    told(
        &report,
        "a renamed scanner tries each of a hundred silent ports eleven times",
        "broader than it is stubborn: nobody wants a hundred ports of one address",
    );
}

#[test]
fn a_scan_that_cron_repeats_is_no_application_that_misbehaves() {
    let run_by_cron = |addresses: &[String], ports: u16| {
        let mut story = Story::new();
        let cron = story.service("cron.service", ROOT, "/usr/sbin/cron", "/usr/sbin/cron -f");
        for turn in 0..12 {
            let from = -2880 + turn * 300;
            let child = story.run(cron, from, ROOT, "/usr/sbin/cron", "/usr/sbin/CRON -f");
            let shell = story.run(child, from, BOB, "/usr/bin/dash", "/bin/sh -c python3 sweep.py");
            let scan = story.run(shell, from, BOB, "/usr/bin/python3.11", "python3 sweep.py");
            Asked { addresses, ports, tries: 1, state: FlowState::Refused }.by(
                &mut story,
                scan,
                from,
                from + 30,
            );
        }
        report_of(&story, accused(120, 180))
    };
    let report = run_by_cron(&[VICTIM.to_owned()], 60);
    assert!(is_scanner(&report), "{}", report.sentence);
    assert_eq!(report.facts.entry, "cron");
    assert_eq!(report.facts.person.as_ref().unwrap().raw(), "bob");
    told(&report, "cron runs a scan of sixty ports every five minutes", "each run is a scan; whose crontab");
    everything_holds(&report);
    let report = run_by_cron(&network(), 1);
    assert!(is_scanner(&report), "{}", report.sentence);
    told(
        &report,
        "cron runs a sweep of a network every five minutes",
        "addresses side by side are no list of targets",
    );
}

#[test]
fn the_name_of_a_scanner_counts_where_its_pace_hides_it() {
    let mut story = Story::new();
    let shell = story.ssh(ALICE, LAPTOP, 60);
    let line = "update -sS -Pn -T0 198.51.100.7";
    let slow = story.sudo(shell, 70, "/home/alice/update", line);
    let victim = [VICTIM.to_owned()];
    Asked { addresses: &victim, ports: 4, tries: 1, state: FlowState::Sent }.by(&mut story, slow, 71, 1500);
    let report = report_of(&story, accused(120, 180));
    assert_eq!(report.facts.tool.as_deref(), Some("port scanner (nmap-like)"), "{}", report.sentence);
    told(
        &report,
        "a renamed nmap -T0 has tried four ports so far",
        "too few to tell by behaviour; its options tell",
    );
}
