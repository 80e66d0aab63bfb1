//! Accusations that name the other side by a DNS name, as a watched resolver's do.

use gumshoe::case::Accused;
use gumshoe::case::Activity;
use gumshoe::case::Claim;
use gumshoe::case::ClaimWindow;
use gumshoe::case::ZoneSource;
use history::FlowState;

use crate::check::everything_holds;
use crate::story::ALICE;
use crate::story::INSTANCE;
use crate::story::LAPTOP;
use crate::story::ROOT;
use crate::story::Story;
use crate::story::noise;
use crate::story::report_of;
use crate::story::time;
use crate::told::told;

const NAME: &str = "x7k2pq.example.net";
const RESOLVER: &str = "10.0.0.2";

fn asked_for(name: &str) -> Claim {
    Claim {
        accused: Accused { instance_ids: vec![INSTANCE.to_owned()], ..Accused::default() },
        remote: Vec::new(),
        names: vec![name.to_owned()],
        window: Some(ClaimWindow { from: time(120), to: time(180), zone: ZoneSource::Explicit }),
        activity: Activity::CommandAndControl,
    }
}

/// A program of alice's that asks for a name which nobody has, below her login.
fn asking() -> Story {
    let mut story = Story::new();
    noise(&mut story);
    let shell = story.ssh(ALICE, LAPTOP, 60);
    let bot = story.run(shell, 100, ALICE, "/home/alice/.cache/upd", "./upd -d");
    story.asks(bot, 130, "127.0.0.53", NAME, &[]);
    story
}

#[test]
fn who_asked_for_the_name_is_found_though_nothing_was_sent_to_it() {
    let report = report_of(&asking(), asked_for(NAME));
    told(
        &report,
        "a program asks DNS for the reported name",
        "who asked for it matches, though nothing was sent to it",
    );
    assert_eq!(report.facts.argv.as_ref().map(|argv| argv.raw()), Some("./upd -d"), "{}", report.sentence);
    assert_eq!(report.facts.person.as_ref().map(|person| person.raw()), Some("alice"));
    let told = report.judgement.findings.iter().map(|finding| finding.text.as_str()).collect::<Vec<_>>();
    assert!(told.iter().any(|text| text.contains("asked DNS for x7k2pq.example.net, 1 time")), "{told:#?}");
    everything_holds(&report);
}

#[test]
fn a_resolver_that_asks_for_others_is_not_who_asked() {
    let mut story = asking();
    let resolver =
        story.service("systemd-resolved.service", ROOT, "/usr/lib/systemd/systemd-resolved", "resolved");
    story.asks(resolver, 130, RESOLVER, NAME, &[]);
    // It answers whom it asks for.
    let mut answer = story.dns.last().unwrap().clone();
    answer.dns.sent = true;
    story.dns.push(answer);
    let report = report_of(&story, asked_for(NAME));
    assert_eq!(report.facts.argv.as_ref().map(|argv| argv.raw()), Some("./upd -d"), "{}", report.sentence);
}

#[test]
fn a_name_that_was_told_counts_with_its_addresses() {
    let mut story = Story::new();
    noise(&mut story);
    let shell = story.ssh(ALICE, LAPTOP, 60);
    let bot = story.run(shell, 100, ALICE, "/home/alice/.cache/upd", "./upd -d");
    story.asks(bot, 130, RESOLVER, NAME, &["203.0.113.66"]);
    story.traffic(Some(bot), 131, 170, |activity| {
        (activity.flows, activity.matched, activity.matched_ports) = (12, 12, 1);
        activity.states = vec![(FlowState::Closed, 12)];
        activity.address_sample = vec!["203.0.113.66".parse().unwrap()];
        activity.port_ranges = vec![(443, 443)];
    });
    let report = report_of(&story, asked_for(NAME));
    assert_eq!(report.facts.argv.as_ref().map(|argv| argv.raw()), Some("./upd -d"), "{}", report.sentence);
    assert!(report.judgement.doubts.iter().all(|doubt| !doubt.text.contains("shows no address")));
    everything_holds(&report);
}

#[test]
fn nobody_is_named_where_nobody_asked() {
    let report = report_of(&asking(), asked_for("other.example.net"));
    assert_eq!(report.facts.argv.as_ref().map(|argv| argv.raw()), None, "{}", report.sentence);
}
