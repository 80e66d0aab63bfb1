//! Scans by tools, and what only looks like one.

use history::Via;

use super::story::*;
use gumshoe::case::Confidence;
use gumshoe::report;

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
    let facts = &report.facts;
    assert_eq!(facts.verdict, "tool");
    assert_eq!(facts.tool.as_deref(), Some("nmap"));
    assert_eq!(facts.argv.as_ref().unwrap().raw(), "nmap -sS 198.51.100.7");
    assert_eq!(facts.user.as_ref().unwrap().raw(), "root");
    assert_eq!(facts.person.as_ref().unwrap().raw(), "alice");
    assert_eq!(facts.elevated_by.as_ref().unwrap().raw(), "sudo");
    let login = facts.login.as_ref().unwrap();
    assert_eq!(login.source_address, Some(LAPTOP.parse().unwrap()));
    assert_eq!(facts.targets.as_ref().unwrap().ports, 1000);
    assert!(facts.coverage_complete);
    assert!(facts.chain_complete);
    assert_eq!(report.judgement.doubts, []);
    assert_eq!(facts.confidence, Confidence::High);
    insta::assert_snapshot!("nmap_text", report::text(&report));
    insta::assert_snapshot!("nmap_html", report::html(&report));
    insta::assert_json_snapshot!("nmap_blocks", report::blocks(&report));
}
