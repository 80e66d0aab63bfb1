//! Beside the traffic in question: what else the session did, who else matches, and what was looked for in vain.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;

use history::Direction;
use history::EventId;

use super::Asked;
use super::finding::finding;
use super::finding::program;
use super::host::identity;
use super::onward;
use super::program::is_downloader;
use super::program::is_odd;
use super::program::program_name;
use super::suspect::Candidate;
use super::words;
use crate::case::About;
use crate::case::Claim;
use crate::case::Finding;
use crate::case::Verdict;
use crate::playbook::Playbook;
use crate::untrusted::Untrusted;

/// Most processes of a session that are named.
const SESSION_MAX: usize = 8;

/// What else the suspect and its session did.
pub(super) fn also(first: &Candidate, found: &mut Vec<Finding>) {
    let (Some(process), Some(origin)) = (first.group.process, &first.origin) else {
        return;
    };
    let Some(root) = onward::session_root(first) else {
        return;
    };
    let below = first.host.below(root);
    let activities = first.host.evidence.activities.iter().take(10_000);
    let traffic: HashMap<_, EventId> =
        activities.filter_map(|activity| Some((identity(activity.process?), activity.first_event))).collect();
    let mut named = BTreeMap::<String, (u64, Vec<EventId>)>::new();
    let chain: Vec<_> = origin.chain.iter().map(|process| identity(process.id)).collect();
    let group: Vec<_> =
        first.group.activities.iter().filter_map(|activity| activity.process).map(identity).collect();
    for other in first.host.evidence.processes.iter().take(5_000) {
        let id = identity(other.id);
        let told = is_downloader(other) || is_odd(other);
        if told || id == identity(process.id) || chain.contains(&id) || group.contains(&id) {
            continue;
        }
        if below.contains(&id) {
            let line = Untrusted::command_line(&other.argv).shown(100);
            let line = if line.is_empty() { Untrusted::new(program_name(other)).shown(60) } else { line };
            let entry = named.entry(line).or_default();
            entry.0 += 1;
            entry.1.extend(traffic.get(&id));
        }
    }
    let total = named.len();
    for (line, (count, events)) in named.into_iter().take(SESSION_MAX) {
        let times = if count > 1 { format!(" ({} times)", words::count(count)) } else { String::new() };
        let text = format!("the same session or service also ran {line}{times}");
        found.push(finding(first, About::Also, text, events.into_iter().take(4).collect()));
    }
    if total > SESSION_MAX {
        let text = format!(
            "and {} more programs of the same session or service",
            words::count((total - SESSION_MAX) as u64)
        );
        found.push(finding(first, About::Also, text, Vec::new()));
    }
}

pub(super) fn other_suspect(other: &Candidate) -> Finding {
    if other.only_answers() {
        let text = "the kernel only answered packets that came in from the reported address (resets, unreachable), as \
                    it does where somebody sends in this address's name"
            .to_owned();
        return finding(
            other,
            About::What,
            text,
            other.suspect.behaviour.events.iter().take(2).copied().collect(),
        );
    }
    let person = other.suspect.person.as_ref().map(|person| format!(" of {}", person.name.shown(40)));
    let kind = match (other.is_abusive(), other.targeted) {
        (true, _) => "also fits",
        (false, true) => "also matches, as an ordinary client",
        (false, false) => "ordinary traffic of that time",
    };
    let text = format!("{kind}: {}{} {}", program(other), person.unwrap_or_default(), other.suspect.says);
    finding(other, About::Also, text, other.suspect.behaviour.events.iter().take(2).copied().collect())
}

/// Where nothing matches: who was busiest then, so that a person sees what the host did do.
pub(super) fn busiest(asked: &Asked, found: &mut Vec<Finding>) {
    let Some(host) = &asked.host else {
        return;
    };
    for activity in
        host.evidence.activities.iter().filter(|activity| activity.direction == Direction::Out).take(3)
    {
        let name = match activity.process.and_then(|id| host.find(id)) {
            Some(process) => Untrusted::new(program_name(process)).shown(60),
            None => "an unknown process".to_owned(),
        };
        let text = format!(
            "in that time {name} sent {} to {}, none of them reported",
            words::counted(activity.flows, "flow", "flows"),
            words::counted(activity.addresses, "address", "addresses"),
        );
        let events = vec![activity.first_event, activity.last_event];
        found.push(Finding { about: About::Also, text, events, host: host.name.clone() });
    }
}

/// What was looked for and not found.
pub(super) fn not_found(
    claims: &[Claim],
    asked: &[Asked],
    first: Option<&Candidate>,
    candidates: &[Candidate],
    verdict: &Verdict,
    playbook: &Playbook,
) -> Vec<String> {
    let mut missing = Vec::new();
    let searched: u64 = asked.iter().map(|asked| asked.view.events_searched).fold(0, u64::saturating_add);
    let remotes: BTreeSet<_> =
        claims.iter().flat_map(|claim| &claim.remote).map(|remote| remote.address).collect();
    if first.is_none() && !remotes.is_empty() {
        let shown: Vec<String> = remotes.iter().take(4).map(ToString::to_string).collect();
        let more = if remotes.len() > 4 { format!(" and {} more", remotes.len() - 4) } else { String::new() };
        missing.push(format!(
            "traffic with {}{more}, in {}",
            shown.join(", "),
            words::counted(searched, "event", "events")
        ));
    }
    let Some(first) = first else {
        return missing;
    };
    if first.suspect.signs.is_empty() && *verdict != Verdict::Compromise && first.suspect.process.is_some() {
        missing.push(format!(
            "signs of a compromise: none of the {} that playbook {} knows",
            playbook.signs.len(),
            playbook.name
        ));
    }
    let alone = !candidates.iter().any(|other| other.key() != first.key() && other.counts());
    if first.targeted && alone && first.suspect.process.is_some() {
        missing.push("another process that does the same to the reported addresses".to_owned());
    }
    if let Some(login) = first.origin.as_ref().and_then(|origin| origin.login)
        && first.host.logins.other_sources(login).is_empty()
    {
        missing.push(
            "another login of the same user from another address in the time that was asked".to_owned(),
        );
    }
    missing
}
