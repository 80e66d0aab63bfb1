//! From evidence to a judgement: what happened, who did it and why, how sure that is, and what is missing.
//!
//! Pure: no clock, no network, no file. Evidence is not trusted: it bounds every walk and list, and what
//! contradicts itself is named as a doubt.

mod asked;
mod attached;
mod behaviour;
mod beside;
mod change;
mod claimed_process;
mod doors;
mod doubt;
mod errand;
mod facts;
mod finding;
mod graph;
mod habit;
mod host;
mod logins;
mod matching;
mod named;
mod onward;
mod origin;
mod program;
mod request;
mod source_ports;
mod suspect;
pub(crate) mod words;

use std::collections::BTreeMap;

use history::Window;

pub(crate) use asked::is_client;
pub use facts::example_facts;
pub use request::request_for;

use crate::case::Answer;
use crate::case::Claim;
use crate::case::Confidence;
use crate::case::HostAnswer;
use crate::case::HostRef;
use crate::case::HostView;
use crate::case::Judgement;
use crate::case::Located;
use crate::case::Verdict;
use crate::playbook::Playbook;
use crate::untrusted::Untrusted;

use host::Host;
use suspect::Candidate;

/// Suspects that a judgement keeps.
const SUSPECTS_KEPT: usize = 8;

/// Judges what the hosts answered.
pub fn investigate(
    claims: &[Claim],
    located: &Located,
    answers: &[HostAnswer],
    playbook: &Playbook,
) -> Judgement {
    let names = host_names(located, answers);
    let asked: Vec<Asked> = answers
        .iter()
        .map(|answer| Asked::new(answer, claims, names.of(&answer.host, evidence_name(answer))))
        .collect();
    let mut candidates: Vec<Candidate> =
        asked.iter().flat_map(|asked| suspect::candidates(asked, playbook)).collect();
    suspect::rank(&mut candidates);
    let first = candidates.first().filter(|candidate| candidate.counts());
    let silent = silent_hosts(located, answers, &names);
    let verdict = match first {
        Some(first) => first.suspect.verdict.clone(),
        // Traffic with what is named, which is not what was reported, clears nobody.
        None if candidates.iter().any(Candidate::is_another_deed) => Verdict::Unknown,
        None => without_suspect(claims, &asked, &silent),
    };
    let doubts = doubt::doubts(&doubt::Scene {
        claims,
        located,
        asked: &asked,
        silent: &silent,
        candidates: &candidates,
        first,
        playbook,
    });
    let confidence = match verdict {
        Verdict::Unknown => Confidence::Low,
        _ => doubts.iter().map(|doubt| doubt.at_most).min().unwrap_or(Confidence::High),
    };
    let graph = first.map(graph::graph).unwrap_or_default();
    Judgement {
        what_would_change: change::what_would_change(&verdict, &doubts, first),
        findings: finding::findings(&asked, first, &candidates),
        not_found: beside::not_found(claims, &asked, first, &candidates, &verdict, playbook),
        hosts: asked.iter().map(|asked| asked.view.clone()).chain(silent).collect(),
        suspects: kept(candidates),
        graph,
        verdict,
        confidence,
        doubts,
    }
}

/// What conditions may ask for, with its value for the likeliest suspect: for who writes a playbook.
pub fn facts_of_first(
    claims: &[Claim],
    answers: &[HostAnswer],
    playbook: &Playbook,
) -> Option<BTreeMap<String, String>> {
    let names = host_names(&Located::default(), answers);
    let asked: Vec<Asked> = answers
        .iter()
        .map(|answer| Asked::new(answer, claims, names.of(&answer.host, evidence_name(answer))))
        .collect();
    let mut candidates: Vec<Candidate> =
        asked.iter().flat_map(|asked| suspect::candidates(asked, playbook)).collect();
    suspect::rank(&mut candidates);
    candidates.first().map(|first| suspect::facts_of(first, playbook).listed())
}

/// Each process once, even where several questions brought it up; none that did something else.
fn kept(candidates: Vec<Candidate>) -> Vec<crate::case::Suspect> {
    let mut seen = std::collections::HashSet::new();
    candidates
        .into_iter()
        .filter(|candidate| !candidate.is_another_deed() && seen.insert(candidate.key()))
        .take(SUSPECTS_KEPT)
        .map(Candidate::into_suspect)
        .collect()
}

/// The verdict where nothing in the evidence fits.
fn without_suspect(claims: &[Claim], asked: &[Asked], silent: &[HostView]) -> Verdict {
    let named_target = !claims.is_empty() && claims.iter().all(|claim| !claim.remote.is_empty());
    let all_complete =
        !asked.is_empty() && silent.is_empty() && asked.iter().all(|asked| asked.view.complete);
    let consistent =
        asked.iter().filter_map(|asked| asked.host.as_ref()).all(|host| host.contradictions().is_empty());
    if named_target && all_complete && consistent { Verdict::NotThisHost } else { Verdict::Unknown }
}

/// One answer, with the claims that it is about.
pub(crate) struct Asked<'a> {
    answer: &'a HostAnswer,
    claims: Vec<&'a Claim>,
    host: Option<Host<'a>>,
    view: HostView,
}

impl<'a> Asked<'a> {
    fn new(answer: &'a HostAnswer, claims: &'a [Claim], name: String) -> Self {
        let about = matching::claims_of(answer, claims);
        let host = match &answer.answer {
            Answer::Evidence { evidence, .. } => Some(Host::new(name.clone(), evidence)),
            _ => None,
        };
        let view = matching::host_view(answer, name, &about);
        Self { answer, claims: about, host, view }
    }

    /// The claimed times, one hull.
    fn claimed(&self) -> Option<Window> {
        self.view.claimed
    }
}

fn evidence_name(answer: &HostAnswer) -> Option<&str> {
    match &answer.answer {
        Answer::Evidence { evidence, .. } => Some(&evidence.host.hostname),
        _ => None,
    }
}

/// A host's name in a report: its Name tag, its own name, its instance id.
fn host_name(host: &HostRef, own: Option<&str>) -> String {
    let named = [host.name.as_deref(), own, host.instance_id.as_deref()];
    let name = named.into_iter().flatten().find(|name| !name.trim().is_empty());
    name.map_or_else(|| "unnamed host".to_owned(), |name| Untrusted::new(name).shown(64))
}

/// Names that several hosts share, as the instances of one group do.
struct Names(std::collections::BTreeSet<String>);

fn host_names(located: &Located, answers: &[HostAnswer]) -> Names {
    let mut bearers = BTreeMap::<String, std::collections::BTreeSet<&str>>::new();
    let asked = answers.iter().map(|answer| (&answer.host, evidence_name(answer)));
    for (host, own) in asked.chain(located.hosts.iter().map(|host| (host, None))) {
        let id = host.instance_id.as_deref().unwrap_or_default();
        bearers.entry(host_name(host, own)).or_default().insert(id);
    }
    Names(bearers.into_iter().filter(|(_, ids)| ids.len() > 1).map(|(name, _)| name).collect())
}

impl Names {
    /// A host's name, with its instance id where others bear it, too.
    fn of(&self, host: &HostRef, own: Option<&str>) -> String {
        let name = host_name(host, own);
        match &host.instance_id {
            Some(id) if self.0.contains(&name) => format!("{name} {}", Untrusted::new(id).shown(40)),
            _ => name,
        }
    }
}

/// Candidates that were found and never asked.
fn silent_hosts(located: &Located, answers: &[HostAnswer], names: &Names) -> Vec<HostView> {
    let asked = |host: &HostRef| {
        answers.iter().any(|answer| match (&answer.host.instance_id, &host.instance_id) {
            (Some(a), Some(b)) => a == b,
            _ => answer.host == *host,
        })
    };
    located.hosts.iter().filter(|host| !asked(host)).map(|host| silent_view(host, names)).collect()
}

fn silent_view(host: &HostRef, names: &Names) -> HostView {
    HostView {
        host: host.clone(),
        name: names.of(host, None),
        answered: false,
        text: "was not asked".to_owned(),
        complete: false,
        complete_asked: false,
        claimed: None,
        asked: None,
        gaps: Vec::new(),
        losses: Vec::new(),
        events_searched: 0,
    }
}
