//! Makes a report from a case and what its hosts answered.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::PlaybookRef;
use super::Report;
use super::VERSION;
use super::chain::chain;
use super::evidence;
use super::facts::facts;
use super::reply;
use super::scene::Scene;
use super::sentence::sentence;
use super::timeline;
use crate::case::Case;
use crate::case::HostAnswer;
use crate::case::HostRef;
use crate::case::Judgement;
use crate::case::Located;
use crate::case::Suspect;
use crate::case::Verdict;
use crate::investigate::investigate;
use crate::playbook::Playbooks;
use crate::playbook::VerdictKind;
use crate::playbook::fill;
use crate::untrusted::Untrusted;

/// Notes that a report keeps.
const NOTES_MAX: usize = 20;

/// Makes a report.
pub fn build(
    case: &Case,
    located: &Located,
    answers: &[HostAnswer],
    playbooks: &Playbooks,
    now: Timestamp,
) -> Report {
    let playbook = playbooks.for_claims(&case.claims);
    let judgement = investigate(&case.claims, located, answers, playbook);
    let suspect = judgement.suspects.first().filter(|_| rests_on_suspect(&judgement));
    let kind = VerdictKind::from(&judgement.verdict);
    let host = host_of(&judgement, suspect);
    let facts = facts(&judgement, suspect, host.as_ref());
    let scene = Scene { case, playbook, judgement: &judgement, suspect, host: host.as_ref(), facts: &facts };
    let words = scene.words();
    let headline = headline(&scene, kind, &words);
    let chain = suspect.map(chain).unwrap_or_default();
    let reporter_case = case.notices.iter().find_map(|notice| notice.reporter_case.as_deref());
    let notes = located.notes.iter().chain(case.notices.iter().flat_map(|notice| &notice.warnings));
    Report {
        version: VERSION,
        case_id: case.id.clone(),
        reporter_case: reporter_case.map(Untrusted::new),
        activity: case.claims.first().map_or(crate::case::Activity::Other, |claim| claim.activity),
        made: now,
        opened: case.opened,
        deadline: case.deadline,
        playbook: PlaybookRef { name: playbook.name.clone(), version: playbook.version },
        routing: if playbook.routing.owner.contains(&kind) { "owner" } else { "security" }.to_owned(),
        headline: one_line(&headline),
        sentence: sentence(&scene),
        fields: scene.fields(),
        chain,
        steps: steps(&scene, kind, &words),
        timeline: timeline::timeline(case, answers, suspect),
        evidence: evidence::evidence(answers, suspect, &judgement),
        notes: notes.take(NOTES_MAX).map(|note| Untrusted::new(note)).collect(),
        techniques: suspect.map(|suspect| suspect.techniques.clone()).unwrap_or_default(),
        aws_reply: reply::reply(&playbook.reply, kind, &words),
        facts,
        judgement,
    }
}

/// The playbook's headline; a person's question, which accuses nobody of anything, has its own where there is no verdict.
fn headline(scene: &Scene, kind: VerdictKind, words: &BTreeMap<&str, String>) -> String {
    let is_question = scene.case.notices.is_empty();
    let names_targets = scene.case.claims.iter().any(crate::case::Claim::names_target);
    match (is_question && kind == VerdictKind::Unknown, scene.suspect.is_some(), names_targets) {
        (true, true, _) => fill("{program} on {host} {did}", words),
        (true, false, true) => fill("Not known: who talked to {targets}", words),
        (true, false, false) => fill("Nothing on {host} stands out", words),
        (false, ..) => scene.playbook.headlines.get(&kind).map(|text| fill(text, words)).unwrap_or_default(),
    }
}

/// Whether the verdict is about the first suspect.
fn rests_on_suspect(judgement: &Judgement) -> bool {
    let matched = judgement.suspects.first().is_some_and(|suspect| suspect.behaviour.matched > 0);
    match judgement.verdict {
        Verdict::NotThisHost => false,
        Verdict::Unknown => matched,
        _ => true,
    }
}

/// The host that the report is about: the suspect's, else the only candidate.
fn host_of(judgement: &Judgement, suspect: Option<&Suspect>) -> Option<(String, HostRef)> {
    let view = match suspect {
        Some(suspect) => judgement.hosts.iter().find(|view| view.name == suspect.host),
        // One host may have been asked several questions.
        None => match judgement.hosts.as_slice() {
            [first, rest @ ..] if rest.iter().all(|view| view.name == first.name) => Some(first),
            _ => None,
        },
    };
    view.map(|view| (view.name.clone(), view.host.clone()))
}

fn one_line(text: &str) -> String {
    crate::untrusted::visible(text.trim(), 300)
}

fn steps(scene: &Scene, kind: VerdictKind, words: &BTreeMap<&str, String>) -> Vec<String> {
    const STEPS_MAX: usize = 6;
    let needs_person = |text: &str| text.contains("{person}") && scene.facts.person.is_none();
    let needs_source = |text: &str| text.contains("{source}") && scene.facts.login.is_none();
    scene
        .playbook
        .steps_for(kind)
        .filter(|step| !needs_person(&step.text) && !needs_source(&step.text))
        .map(|step| fill(&step.text, words))
        .take(STEPS_MAX)
        .collect()
}
