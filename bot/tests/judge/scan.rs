//! Scans by tools, and what only looks like one.

use gumshoe::case::Confidence;
use gumshoe::case::DoubtKind;
use gumshoe::case::Remote;
use gumshoe::report;
use history::FlowState;
use history::Protocol;
use history::Via;

use super::check::doubts;
use super::check::everything_holds;
use super::story::*;
use super::told::told;

fn alice_scans() -> Story {
    let mut story = Story::new();
    noise(&mut story);
    let shell = story.ssh(ALICE, LAPTOP, 60);
    let nmap = story.sudo(shell, 120, "/usr/bin/nmap", "nmap -sS 198.51.100.7");
    story.raw_scan(nmap, 121, 134, Via::Packet);
    story.exit(nmap, 134);
    story
}

#[test]
fn alice_runs_nmap_through_sudo() {
    let report = report_of(&alice_scans(), accused(120, 180));
    told(
        &report,
        "a person runs nmap -sS through sudo over ssh",
        "unbroken from the login to the packets, nothing lost",
    );
    let facts = &report.facts;
    assert_eq!(facts.verdict, "tool");
    assert_eq!(facts.tool.as_deref(), Some("nmap"));
    assert_eq!(facts.told_by.as_deref(), Some("name"));
    assert_eq!(facts.program.as_ref().unwrap().raw(), "/usr/bin/nmap");
    assert_eq!(facts.argv.as_ref().unwrap().raw(), "nmap -sS 198.51.100.7");
    assert_eq!(facts.user.as_ref().unwrap().raw(), "root");
    assert_eq!(facts.person.as_ref().unwrap().raw(), "alice");
    assert_eq!(facts.elevated_by.as_ref().unwrap().raw(), "sudo");
    let login = facts.login.as_ref().unwrap();
    assert_eq!(login.source_address, Some(LAPTOP.parse().unwrap()));
    let targets = facts.targets.as_ref().unwrap();
    assert_eq!((targets.ports, targets.protocol.as_str()), (1000, "tcp"));
    assert_eq!(targets.addresses, [VICTIM.parse::<std::net::IpAddr>().unwrap()]);
    assert!(facts.coverage_complete);
    assert!(facts.chain_complete);
    assert_eq!(report.judgement.doubts, []);
    assert_eq!(facts.confidence, Confidence::High);
    everything_holds(&report);
    insta::assert_snapshot!("nmap_text", report::text(&report));
    insta::assert_snapshot!("nmap_html", report::html(&report));
    insta::assert_snapshot!("nmap_svg", report::svg(&report));
    insta::assert_snapshot!("nmap_reply", report.aws_reply);
    insta::assert_snapshot!("nmap_fallback", report::fallback_text(&report));
    insta::assert_json_snapshot!("nmap_blocks", report::blocks(&report));
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<report::Report>(&json).unwrap(), report);
}

#[test]
fn nmap_by_connections_needs_no_root() {
    let mut story = Story::new();
    noise(&mut story);
    let shell = story.ssh(ALICE, LAPTOP, 60);
    let nmap = story.run(shell, 120, ALICE, "/usr/bin/nmap", "nmap -sT 198.51.100.7");
    story.traffic(Some(nmap), 121, 125, |activity| {
        (activity.flows, activity.matched) = (1002, 1002);
        (activity.ports, activity.targets, activity.matched_ports) = (1000, 1000, 1000);
        activity.states = vec![(FlowState::Refused, 998), (FlowState::Closed, 4)];
        activity.address_sample = vec![VICTIM.parse().unwrap()];
        activity.port_ranges = vec![(1, 1000)];
    });
    let report = report_of(&story, accused(120, 180));
    told(&report, "a person runs nmap -sT without other rights", "told by ports and failures, then by name");
    assert_eq!(report.facts.tool.as_deref(), Some("nmap"));
    assert_eq!(report.facts.user.as_ref().unwrap().raw(), "alice");
    assert_eq!(report.facts.elevated_by, None);
    assert_eq!(report.facts.confidence, Confidence::High);
    assert_eq!(report.judgement.suspects[0].rule.as_deref(), Some("connect-scan"));
    everything_holds(&report);
}

#[test]
fn a_udp_scan_is_found_by_its_ports() {
    let mut story = Story::new();
    let shell = story.ssh(ALICE, LAPTOP, 60);
    let nmap = story.sudo(shell, 120, "/usr/bin/nmap", "nmap -sU --top-ports 50 198.51.100.7");
    story.traffic(Some(nmap), 121, 171, |activity| {
        activity.protocol = Protocol::UDP;
        activity.via = Via::RawIp;
        (activity.flows, activity.matched) = (95, 95);
        (activity.ports, activity.targets, activity.matched_ports) = (50, 50, 50);
        activity.states = vec![(FlowState::Sent, 95)];
        activity.address_sample = vec![VICTIM.parse().unwrap()];
        activity.port_ranges = vec![(7, 7), (53, 53), (67, 69), (1000, 1044)];
    });
    let mut claim = accused(120, 180);
    claim.remote[0].protocol = Some(gumshoe::case::ClaimProtocol::Udp);
    let report = report_of(&story, claim);
    told(&report, "a person runs nmap -sU", "told by ports and raw sockets, then by name");
    assert_eq!(report.facts.tool.as_deref(), Some("nmap"));
    assert_eq!(report.facts.targets.as_ref().unwrap().protocol, "udp");
    assert_eq!(report.facts.confidence, Confidence::High);
    everything_holds(&report);
}

#[test]
fn masscan_writes_its_own_frames() {
    let mut story = Story::new();
    let shell = story.ssh(ALICE, LAPTOP, 60);
    let masscan =
        story.sudo(shell, 120, "/usr/bin/masscan", "masscan -p1-65535 --rate 10000 198.51.100.0/24");
    story.traffic(Some(masscan), 121, 400, |activity| {
        activity.via = Via::Packet;
        (activity.flows, activity.matched) = (1_000_000, 3_900);
        (activity.addresses, activity.ports, activity.targets) = (256, 65_535, 1_000_000);
        activity.matched_ports = 3_900;
        activity.states = vec![(FlowState::Sent, 1_000_000)];
        activity.tcp_flags = 2;
        activity.packets = 1_000_000;
        activity.bytes = 40_000_000;
        activity.address_sample =
            (0..32).map(|n| format!("198.51.100.{}", (7 + n) % 256).parse().unwrap()).collect();
        activity.port_ranges = (0..256).map(|n| (n * 16, n * 16 + 14)).collect();
    });
    let report = report_of(&story, accused(120, 180));
    told(
        &report,
        "masscan sends a million frames of its own",
        "one packet for each of many targets is no flood",
    );
    assert_eq!(report.facts.tool.as_deref(), Some("masscan"));
    assert_eq!(report.facts.targets.as_ref().unwrap().address_count, 256);
    assert_eq!(
        report.judgement.suspects[0].rule.as_deref(),
        Some("raw-scan"),
        "no flood: one packet a target"
    );
    assert_eq!(report.facts.confidence, Confidence::High);
    everything_holds(&report);
}

#[test]
fn a_renamed_nmap_is_found_and_not_called_by_a_name_it_does_not_show() {
    let mut story = Story::new();
    let shell = story.ssh(ALICE, LAPTOP, 60);
    let scanner =
        story.sudo(shell, 120, "/home/alice/bin/updater", "updater -sS -Pn --top-ports 1000 198.51.100.7");
    story.raw_scan(scanner, 121, 134, Via::RawIp);
    let report = report_of(&story, accused(120, 180));
    told(
        &report,
        "nmap under another name",
        "told by behaviour and options; the name that it does not show is not claimed",
    );
    assert_eq!(report.facts.verdict, "tool");
    assert_eq!(report.facts.tool.as_deref(), Some("port scanner (nmap-like)"));
    assert_eq!(report.facts.told_by.as_deref(), Some("options"));
    everything_holds(&report);

    // Without options that tell, only its behaviour names it.
    story.of(scanner).argv = vec!["updater".to_owned(), "198.51.100.7".to_owned()];
    let report = report_of(&story, accused(120, 180));
    told(&report, "nmap under another name and without options that tell", "told by behaviour alone");
    assert_eq!(report.facts.tool.as_deref(), Some("port scanner"));
    assert_eq!(report.facts.told_by.as_deref(), Some("behaviour"));
}

#[test]
fn an_ordinary_client_is_no_scanner() {
    let mut story = Story::new();
    let shell = story.ssh(BOB, LAPTOP, 60);
    let curl = story.run(shell, 130, BOB, "/usr/bin/curl", "curl https://198.51.100.7/");
    story.traffic(Some(curl), 130, 131, |activity| {
        (activity.matched, activity.matched_ports) = (1, 1);
        activity.states = vec![(FlowState::Closed, 1)];
        activity.address_sample = vec![VICTIM.parse().unwrap()];
        activity.port_ranges = vec![(443, 443)];
    });
    let report = report_of(&story, accused(120, 180));
    told(&report, "curl, once, to the reported address", "it matches, and does not look like a scan");
    assert_eq!(report.facts.verdict, "unknown");
    assert_eq!(report.facts.tool, None);
    assert_eq!(report.facts.confidence, Confidence::Low);
    assert_eq!(doubts(&report), [DoubtKind::BehaviourDiffers]);
    assert!(report.sentence.contains("does not look like port scanning"), "{}", report.sentence);
    everything_holds(&report);
}

#[test]
fn a_retry_storm_belongs_to_the_applications_owner() {
    let mut story = Story::new();
    let app = story.service(
        "shop.service",
        User(998, "shop"),
        "/usr/bin/python3.11",
        "python3 /srv/shop/worker.py",
    );
    let other = story.service(
        "mail.service",
        User(997, "mailer"),
        "/usr/bin/python3.11",
        "python3 /srv/mail/send.py",
    );
    story.traffic(Some(app), 0, 1700, |activity| {
        (activity.flows, activity.matched) = (812, 812);
        (activity.targets, activity.matched_ports) = (1, 1);
        activity.states = vec![(FlowState::TimedOut, 810), (FlowState::Closed, 2)];
        activity.address_sample = vec![VICTIM.parse().unwrap()];
        activity.port_ranges = vec![(5432, 5432)];
    });
    story.traffic(Some(other), 0, 1700, |activity| {
        activity.flows = 9_000;
        activity.address_sample = vec!["203.0.113.99".parse().unwrap()];
    });
    let report = report_of(&story, accused(120, 180));
    told(&report, "a worker tries a dead database 812 times", "one target, nearly all failed; for its owner");
    assert_eq!(report.facts.verdict, "misbehaving_application");
    assert_eq!(report.routing, "owner");
    assert_eq!(report.facts.entry, "unit");
    assert_eq!(report.facts.person, None, "a service has no person");
    assert_eq!(report.facts.argv.as_ref().unwrap().raw(), "python3 /srv/shop/worker.py");
    assert_eq!(report.facts.targets.as_ref().unwrap().flows, 812, "another service's traffic is not added");
    assert_eq!(report.facts.confidence, Confidence::High);
    everything_holds(&report);
    insta::assert_snapshot!("retry_text", report::text(&report));
}

#[test]
fn tracing_a_path_is_no_scan() {
    let mut story = Story::new();
    let shell = story.ssh(BOB, LAPTOP, 60);
    let trace = story.run(shell, 130, BOB, "/usr/bin/traceroute", "traceroute 198.51.100.7");
    story.traffic(Some(trace), 130, 140, |activity| {
        activity.protocol = Protocol::UDP;
        (activity.flows, activity.matched) = (90, 90);
        (activity.ports, activity.targets, activity.matched_ports) = (90, 90, 90);
        activity.address_sample = vec![VICTIM.parse().unwrap()];
        activity.port_ranges = vec![(33_434, 33_523)];
    });
    let report = report_of(&story, accused(120, 180));
    told(&report, "traceroute to the reported address", "UDP to its own port range on one address");
    assert_eq!(report.facts.tool.as_deref(), Some("traceroute"));
    assert!(report.headline.contains("traced the path"), "{}", report.headline);
}

#[test]
fn a_loop_of_short_commands_is_one_suspect() {
    let mut story = Story::new();
    let shell = story.ssh(ALICE, LAPTOP, 60);
    for port in 1..=40 {
        let nc = story.run(
            shell,
            120 + i64::from(port),
            ALICE,
            "/usr/bin/nc",
            &format!("nc -z 198.51.100.7 {port}"),
        );
        story.traffic(Some(nc), 120 + i64::from(port), 120 + i64::from(port), |activity| {
            (activity.matched, activity.matched_ports) = (1, 1);
            activity.states = vec![(FlowState::Refused, 1)];
            activity.address_sample = vec![VICTIM.parse().unwrap()];
            activity.port_ranges = vec![(port, port)];
        });
    }
    let report = report_of(&story, accused(120, 180));
    told(&report, "a shell loop of nc, one port each", "turns of a loop are one suspect");
    assert_eq!(report.facts.verdict, "tool");
    assert_eq!(report.facts.tool.as_deref(), Some("netcat"));
    assert_eq!(report.judgement.suspects.len(), 1);
    assert_eq!(report.judgement.suspects[0].siblings, 39);
    assert_eq!(report.facts.targets.as_ref().unwrap().ports, 40);
    everything_holds(&report);
}

#[test]
fn two_suspects_are_ranked_and_lower_the_confidence() {
    let mut story = alice_scans();
    let shell = story.ssh(BOB, "192.0.2.99", 30);
    let nmap = story.sudo(shell, 100, "/usr/bin/nmap", "nmap -sS -p 1-100 198.51.100.7");
    story.raw_scan(nmap, 101, 104, Via::Packet);
    let last = story.activities.last_mut().unwrap();
    (last.matched, last.flows, last.ports, last.targets, last.matched_ports) = (100, 100, 100, 100, 100);
    last.port_ranges = vec![(1, 100)];
    let report = report_of(&story, accused(90, 180));
    told(&report, "two persons scan the same address in the same minute", "both are shown, ranked");
    assert_eq!(report.facts.person.as_ref().unwrap().raw(), "alice");
    assert_eq!(report.judgement.suspects.len(), 2);
    assert_eq!(doubts(&report), [DoubtKind::SeveralSuspects]);
    assert_eq!(report.facts.confidence, Confidence::Medium);
    everything_holds(&report);
}

#[test]
fn a_scan_beside_an_ordinary_client_is_not_doubted_for_it() {
    let mut story = alice_scans();
    let shell = story.ssh(BOB, "192.0.2.99", 30);
    let curl = story.run(shell, 125, BOB, "/usr/bin/curl", "curl https://198.51.100.7/");
    story.traffic(Some(curl), 125, 126, |activity| {
        (activity.matched, activity.matched_ports) = (1, 1);
        activity.states = vec![(FlowState::Closed, 1)];
        activity.address_sample = vec![VICTIM.parse().unwrap()];
        activity.port_ranges = vec![(443, 443)];
    });
    let report = report_of(&story, accused(120, 180));
    told(
        &report,
        "a scan beside another person's curl to the same address",
        "an ordinary client is no second suspect",
    );
    assert_eq!(report.facts.person.as_ref().unwrap().raw(), "alice");
    assert_eq!(report.facts.confidence, Confidence::High);
    assert_eq!(report.judgement.suspects.len(), 2);
}

#[test]
fn a_partial_match_is_said_to_be_partial() {
    let mut claim = accused(120, 180);
    let remote = |port| Remote { address: VICTIM.parse().unwrap(), port: Some(port), protocol: None };
    claim.remote = vec![remote(22), remote(80), remote(60_000)];
    let report = report_of(&alice_scans(), claim);
    told(&report, "two of three reported ports match", "what does not match is said");
    assert_eq!(doubts(&report), [DoubtKind::PartialMatch]);
    assert!(report.judgement.doubts[0].text.contains("2 of 3"), "{:?}", report.judgement.doubts);
    assert_eq!(report.facts.confidence, Confidence::Medium);
}

#[test]
fn other_ports_at_another_time_name_nobody() {
    let remote = |port| Remote { address: VICTIM.parse().unwrap(), port: Some(port), protocol: None };
    let claim = |from, to| {
        let mut claim = accused(from, to);
        claim.remote = vec![remote(50_001), remote(50_002)];
        claim
    };
    let report = report_of(&alice_scans(), claim(60, 70));
    told(
        &report,
        "a scan of other ports at another time",
        "who reached the reported ports may be somebody else: nobody is named",
    );
    assert_eq!((report.facts.verdict.as_str(), report.facts.person.as_ref()), ("unknown", None));
    everything_holds(&report);
    // At the very time it may be the reporter who confuses ports; it is said to be partial.
    let report = report_of(&alice_scans(), claim(120, 180));
    assert_eq!(report.facts.tool.as_deref(), Some("nmap"));
    assert_eq!(doubts(&report), [DoubtKind::PartialMatch]);
}

#[test]
fn a_reporters_clock_forty_minutes_off_is_found_and_said() {
    let report = report_of(&alice_scans(), accused(120 - 2400, 180 - 2400));
    told(&report, "a scan reported by a clock that is 40 minutes off", "the offset is found and said");
    assert_eq!(report.facts.tool.as_deref(), Some("nmap"));
    assert_eq!(doubts(&report), [DoubtKind::ReporterClock]);
    assert!(report.judgement.doubts[0].text.contains("39 min 1 s after"), "{:?}", report.judgement.doubts);
    assert_eq!(report.facts.confidence, Confidence::Medium);
}

#[test]
fn udp_to_thousands_of_addresses_is_a_sweep_unless_it_is_a_resolver() {
    let sweep = |exe: &str, line: &str| {
        let mut story = Story::new();
        let shell = story.ssh(ALICE, LAPTOP, 60);
        let process = story.run(shell, 120, ALICE, exe, line);
        story.traffic(Some(process), 121, 171, |activity| {
            activity.protocol = Protocol::UDP;
            (activity.flows, activity.matched, activity.matched_ports) = (9_000, 1, 1);
            (activity.addresses, activity.targets) = (9_000, 9_000);
            activity.states = vec![(FlowState::Sent, 9_000)];
            activity.address_sample = vec![VICTIM.parse().unwrap()];
            activity.port_ranges = vec![(53, 53)];
        });
        let mut claim = accused(120, 180);
        claim.remote[0].protocol = None;
        report_of(&story, claim)
    };
    let report = sweep("/home/alice/find-resolvers", "find-resolvers");
    assert_eq!(report.facts.verdict, "tool");
    told(&report, "UDP to port 53 of 9,000 addresses by an unknown program", "a sweep");
    let report = sweep("/usr/sbin/unbound", "unbound -d");
    assert_eq!(report.facts.verdict, "unknown");
    told(&report, "UDP to port 53 of 9,000 addresses by a resolver", "resolvers do that");
}

#[test]
fn a_monitor_of_dead_targets_is_no_scanner() {
    let mut story = Story::new();
    let monitor =
        story.service("prometheus.service", User(990, "prometheus"), "/usr/bin/prometheus", "prometheus");
    story.traffic(Some(monitor), 0, 1700, |activity| {
        (activity.flows, activity.matched, activity.matched_ports) = (6_000, 120, 1);
        (activity.addresses, activity.targets) = (50, 50);
        activity.states = vec![(FlowState::TimedOut, 5_000), (FlowState::Closed, 1_000)];
        activity.address_sample = vec![VICTIM.parse().unwrap()];
        activity.port_ranges = vec![(9100, 9100)];
    });
    let report = report_of(&story, accused(120, 180));
    told(&report, "a monitor tries fifty dead targets again and again", "a scanner tries each once or twice");
    assert_eq!(report.facts.verdict, "misbehaving_application");
    assert_eq!(report.judgement.suspects[0].rule.as_deref(), Some("dead-targets"));
    everything_holds(&report);
}

#[test]
fn a_scans_pings_and_names_are_not_its_ports() {
    let mut story = alice_scans();
    let nmap = story.activities.last().unwrap().process;
    story.traffic(nmap, 120, 121, |activity| {
        activity.protocol = Protocol::ICMP;
        activity.via = Via::RawIp;
        (activity.flows, activity.matched, activity.ports, activity.targets) = (2, 2, 2, 2);
        activity.matched_ports = 2;
        activity.address_sample = vec![VICTIM.parse().unwrap()];
        activity.port_ranges = vec![(2048, 2048), (3328, 3328)];
    });
    story.traffic(nmap, 120, 121, |activity| {
        activity.protocol = Protocol::UDP;
        activity.address_sample = vec!["10.0.0.2".parse().unwrap()];
        activity.port_ranges = vec![(53, 53)];
    });
    let targets = report_of(&story, accused(120, 180)).facts.targets.unwrap();
    assert_eq!((targets.ports, targets.address_count, targets.flows), (1000, 1, 1002));
    assert_eq!(targets.port_ranges, [(1, 1000)]);
    assert_eq!(targets.protocol, "tcp");
}
