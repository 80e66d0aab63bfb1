//! Real runs that a real recorder saw, kept as rings: the notice about each is read, asked and judged, and the
//! verdict is what `tests/fixtures/rings/scenarios.toml` says. The table in playbooks/README.md is made of that.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::path::PathBuf;

use gumshoe::case::Answer;
use gumshoe::case::DoubtKind;
use gumshoe::case::HostAnswer;
use gumshoe::investigate::request_for;
use gumshoe::notice;
use gumshoe::playbook::Playbooks;
use gumshoe::report::Report;
use jiff::Timestamp;
use serde::Deserialize;

use super::check::everything_holds;
use super::story::host_ref;
use super::story::located;
use super::story::report_with;
use super::told::cells;
use super::told::document;
use super::told::rewrite;
use super::told::updates;

const BEGIN: &str = "<!-- recorded -->\n";
const END: &str = "<!-- /recorded -->";

/// What must be judged of a ring.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    /// What happened, for the table.
    what: String,
    verdict: String,
    #[serde(default)]
    tool: Option<String>,
    /// The script or program that did it, as people call it.
    program: Option<String>,
    #[serde(default)]
    person: Option<String>,
    entry: String,
    confidence: String,
    #[serde(default)]
    doubts: Vec<DoubtKind>,
    /// Signs of a compromise, by the beginnings of their words.
    #[serde(default)]
    signs: Vec<String>,
    /// Texts that must stand among the findings.
    #[serde(default)]
    found: Vec<String>,
    /// Why, for the table.
    why: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/rings")
}

fn scenarios() -> BTreeMap<String, Expected> {
    toml::from_str(&std::fs::read_to_string(folder().join("scenarios.toml")).unwrap()).unwrap()
}

/// The whole way from a notice and a ring to a report.
fn judged(recording: &Path) -> Report {
    let bytes = std::fs::read(recording.join("notice.eml")).unwrap();
    let context = notice::Context { received: Some(Timestamp::now()), ..notice::Context::default() };
    let claims = notice::parse(&bytes, &context).claims;
    assert!(!claims.is_empty(), "{}: the notice makes no claim", recording.display());
    let playbooks = Playbooks::built_in().unwrap();
    let answers: Vec<HostAnswer> = claims
        .iter()
        .map(|claim| {
            let asked = Timestamp::now();
            let request = request_for(claim, playbooks.for_claim(claim), asked);
            let evidence =
                history::query(&recording.join("ring"), &request, history::Host::default()).unwrap();
            // As it comes from a host: within what SSM lets through.
            let line = history::encode_evidence(&evidence, history::SSM_LIMIT).unwrap();
            let evidence = history::decode_evidence(&line).unwrap();
            let answer = Answer::evidence(evidence);
            HostAnswer { host: host_ref(), request, asked, answered: Timestamp::now(), answer }
        })
        .collect();
    report_with(claims, located(), &answers)
}

/// What a report says that differs from what is expected.
fn differences(report: &Report, expected: &Expected) -> Vec<String> {
    let facts = &report.facts;
    let suspect = report.judgement.suspects.first().filter(|_| facts.pid.is_some());
    let title =
        suspect.and_then(|suspect| suspect.process.as_ref()).map(|process| process.title.raw().to_owned());
    let mut kinds: Vec<DoubtKind> = report.judgement.doubts.iter().map(|doubt| doubt.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let mut doubts = expected.doubts.clone();
    doubts.sort_unstable();
    let person = facts.person.as_ref().map(|person| person.raw().to_owned());
    let mut found = Vec::new();
    let mut differ = |what: &str, is: String, should: String| {
        if is != should {
            found.push(format!("{what} is {is}, should be {should}"));
        }
    };
    differ("verdict", facts.verdict.clone(), expected.verdict.clone());
    differ("tool", format!("{:?}", facts.tool), format!("{:?}", expected.tool));
    differ("person", format!("{person:?}"), format!("{:?}", expected.person));
    differ("entry", facts.entry.clone(), expected.entry.clone());
    differ("confidence", facts.confidence.to_string(), expected.confidence.clone());
    differ("doubts", format!("{kinds:?}"), format!("{doubts:?}"));
    if expected.program.is_some() {
        differ("program", format!("{title:?}"), format!("{:?}", expected.program));
    }
    let signs: Vec<&String> = suspect.iter().flat_map(|suspect| &suspect.signs).collect();
    for sign in &expected.signs {
        if !signs.iter().any(|known| known.starts_with(sign)) {
            found.push(format!("no sign {sign:?} among {signs:?}"));
        }
    }
    if expected.verdict != "compromise" && expected.signs.is_empty() != signs.is_empty() {
        found.push(format!("signs of a compromise: {signs:?}"));
    }
    for text in &expected.found {
        if !report.judgement.findings.iter().any(|finding| finding.text.contains(text)) {
            let texts: Vec<&str> = report.judgement.findings.iter().map(|it| it.text.as_str()).collect();
            found.push(format!("no finding {text:?} among {texts:#?}"));
        }
    }
    found
}

#[test]
fn every_recorded_run_is_judged_as_it_should_be() {
    let mut wrong = Vec::new();
    for (name, expected) in scenarios() {
        let report = judged(&folder().join(&name));
        let differences = differences(&report, &expected);
        if !differences.is_empty() {
            wrong.push(format!("{name}: {}\n  {}", report.sentence, differences.join("\n  ")));
        }
        everything_holds(&report);
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_ring_has_its_expectation_and_each_expectation_its_ring() {
    let kept: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    assert_eq!(kept, scenarios().into_keys().collect());
}

/// A fixture holds nothing of the machine that it was recorded on.
#[test]
fn rings_hold_nothing_of_the_machine_that_recorded_them() {
    for name in scenarios().into_keys() {
        for event in history::events(&folder().join(&name).join("ring")).unwrap() {
            let text = format!("{event:?}");
            for odd in ["gumshoe-lab", "/root/", "/target/", "PRIVATE KEY"] {
                assert!(!text.contains(odd), "{name}: {odd} in {text}");
            }
        }
    }
}

#[test]
fn the_table_in_the_docs_is_what_is_judged() {
    let mut table = String::from("| what ran | verdict | confidence | why |\n|---|---|---|---|\n");
    for expected in scenarios().values() {
        let Expected { what, verdict, tool, confidence, doubts, why, .. } = expected;
        let judged = cells(verdict, tool.as_deref(), confidence, doubts);
        let _ = writeln!(table, "| {what} | {judged} | {why} |");
    }
    if updates() {
        rewrite(BEGIN, END, |_| table.clone());
    }
    let document = std::fs::read_to_string(document()).unwrap();
    let (_, rest) = document.split_once(BEGIN).unwrap();
    assert_eq!(rest.split_once(END).unwrap().0, table, "UPDATE_DOCS=1 writes the table anew");
}

/// The recording that the demo replays where nothing can be recorded.
#[test]
fn the_demos_recording_is_judged_like_the_story_of_it() {
    let report = judged(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/recording"));
    let facts = &report.facts;
    assert_eq!(facts.tool.as_deref(), Some("nmap"), "{}", report.sentence);
    assert_eq!(facts.person.as_ref().unwrap().raw(), "alice");
    assert_eq!(facts.elevated_by.as_ref().unwrap().raw(), "sudo");
    assert_eq!(facts.login.as_ref().unwrap().method.raw(), "publickey");
    assert_eq!(facts.targets.as_ref().unwrap().ports, 1000);
    assert!(facts.coverage_complete, "{:?}", report.judgement.hosts);
    assert_eq!(report.judgement.doubts, []);
    everything_holds(&report);
}
