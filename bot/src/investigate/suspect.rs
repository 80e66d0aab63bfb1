//! Who may have done it: every program whose traffic matches, judged by the playbook and ranked.

use history::Activity;
use history::FlowEvent;

use super::Asked;
use super::behaviour;
use super::behaviour::Group;
use super::claimed_process;
use super::claimed_process::ClaimedProcess;
use super::doors;
use super::errand;
use super::facts;
use super::facts::Traits;
use super::host::Host;
use super::matching;
use super::matching::Match;
use super::named::Target;
use super::origin;
use super::origin::Origin;
use super::request;
use super::source_ports;
use super::source_ports::SourcePorts;
use crate::case::Claim;
use crate::case::Entry;
use crate::case::HostRef;
use crate::case::Suspect;
use crate::case::Verdict;
use crate::playbook::Facts;
use crate::playbook::Playbook;
use crate::playbook::Ready;
use crate::playbook::Rule;
use crate::playbook::Sign;
use crate::playbook::VerdictKind;
use crate::playbook::fill;
use crate::untrusted::Untrusted;

/// Groups of one host that are judged; more than that match only where the claim names no target.
const JUDGED_MAX: usize = 48;

/// Ancestors that a report keeps.
const ANCESTORS_KEPT: usize = 16;

/// A suspect, with what it was made from.
pub(super) struct Candidate<'a> {
    pub suspect: Suspect,
    pub host: &'a Host<'a>,
    /// The instance that it is, with its addresses.
    pub instance: &'a HostRef,
    pub claims: &'a [&'a Claim],
    pub group: Group<'a>,
    pub origin: Option<Origin<'a>>,
    pub matched: Match,
    /// The reported source ports against its own.
    pub source_ports: SourcePorts,
    /// The process that the claims name against its own.
    pub claimed_process: ClaimedProcess,
    /// What stands between it and the session that it belongs to, and does what strangers ask for.
    pub between: Option<String>,
    /// Accusations that its rule explains; none means any.
    pub fits: Vec<crate::case::Activity>,
    pub sign_weight: u32,
    /// Whether the claims name a target, so that a match means something.
    pub targeted: bool,
    /// Whether its host's history of the claimed time is complete.
    pub complete: bool,
    /// Answers of conditions that could not be evaluated.
    pub rule_errors: Vec<String>,
}

impl Candidate<'_> {
    /// Whether it may carry a verdict.
    pub fn counts(&self) -> bool {
        let matches = self.suspect.behaviour.matched > 0 && !self.is_another_deed();
        !self.only_answers() && (matches || (!self.targeted && self.suspect.verdict != Verdict::Unknown))
    }

    /// Whether it reached the reported address, but none of the reported ports, and either at another time or where
    /// history has holes: then who reached the reported ports may be somebody else, and this one is not to be named.
    pub fn is_another_deed(&self) -> bool {
        let no_port = matches!(self.matched.ports, (claimed, Some(0)) if claimed > 0);
        no_port && (self.matched.offset_s != 0 || !self.complete)
    }

    /// Whether it is only the kernel that answered what came in, as it does where somebody forges this address.
    pub fn only_answers(&self) -> bool {
        let behaviour = &self.suspect.behaviour;
        self.group.process.is_none()
            && self.group.unrecorded.is_none()
            && behaviour.via.first() == Some(&history::Via::Kernel)
    }

    /// What makes it one suspect, whichever question brought it up.
    pub fn key(&self) -> String {
        let id = self.suspect.process.as_ref().map(|process| process.id.as_str()).unwrap_or("-");
        let behaviour = &self.suspect.behaviour;
        format!("{}/{id}/{}/{:?}", self.suspect.host, behaviour.inbound, behaviour.via.first())
    }

    /// The suspect as a report shows it: with its ancestors, which only those who are reported need.
    pub fn into_suspect(self) -> Suspect {
        let chain = self.origin.iter().flat_map(|origin| origin.chain.iter().take(ANCESTORS_KEPT));
        let ancestors = chain.map(|process| self.host.view(process)).collect();
        Suspect { ancestors, ..self.suspect }
    }

    /// Whether it does something that the claim may mean.
    pub fn is_abusive(&self) -> bool {
        self.suspect.verdict != Verdict::Unknown
    }

    /// Flows of its that are named singly.
    pub fn samples(&self) -> impl Iterator<Item = &FlowEvent> {
        samples(self.host, &self.group)
    }
}

/// Flows of a group that are named singly.
fn samples<'a>(host: &'a Host, group: &Group) -> impl Iterator<Item = &'a FlowEvent> {
    let processes: Vec<_> = group.activities.iter().filter_map(|activity| activity.process).collect();
    let is_its = move |sample: &&FlowEvent| sample.flow.owner.is_some_and(|owner| processes.contains(&owner));
    host.evidence.samples.iter().filter(is_its)
}

/// The suspects of one answer.
pub(super) fn candidates<'a>(asked: &'a Asked<'a>, playbook: &Playbook) -> Vec<Candidate<'a>> {
    let Some(host) = &asked.host else {
        return Vec::new();
    };
    let target = Target::new(&asked.answer.request, host.evidence);
    behaviour::groups(host, &target)
        .into_iter()
        .filter(|group| !target.is_known() || group.behaviour.matched > 0)
        .take(JUDGED_MAX)
        .map(|group| {
            check_match(host, &group, &target.remotes);
            candidate(host, asked, group, target.is_known(), playbook)
        })
        .collect()
}

/// A host that says "matches" shows at least one address that does.
fn check_match(host: &Host, group: &Group, remotes: &[history::Prefix]) {
    let shown = |activity: &Activity| {
        activity
            .address_sample
            .iter()
            .any(|address| remotes.iter().any(|remote| request::holds(remote, *address)))
    };
    let matching = |activity: &&&Activity| activity.matched > 0 && !activity.address_sample.is_empty();
    if !remotes.is_empty() && group.activities.iter().filter(matching).any(|activity| !shown(activity)) {
        host.contradiction("traffic is said to match and shows no address that was asked for");
    }
}

fn candidate<'a>(
    host: &'a Host<'a>,
    asked: &'a Asked<'a>,
    group: Group<'a>,
    targeted: bool,
    playbook: &Playbook,
) -> Candidate<'a> {
    let claims: &[&Claim] = &asked.claims;
    let origin = group.process.map(|process| origin::origin(host, process));
    let traits = facts::traits(host, &group, origin.as_ref(), playbook);
    let ready = facts::facts(&group, origin.as_ref(), &traits, claims, playbook).ready();
    let mut errors = Vec::new();
    let rule = first_rule(playbook, &ready, &mut errors);
    let signs = signs(playbook, &ready, &mut errors);
    let sign_weight = signs.iter().map(|sign| sign.weight).fold(0, u32::saturating_add);
    let words = facts::rule_words(&group, origin.as_ref(), &traits);
    let (name, told_by) = tool_name(&traits, rule);
    let mut verdict = rule.map_or(Verdict::Unknown, |rule| rule.verdict.verdict(&name));
    let taken_over = i64::from(sign_weight) >= playbook.limit("compromise_weight");
    if taken_over && group.process.is_some() && !matches!(verdict, Verdict::Unknown | Verdict::Forwarded) {
        verdict = Verdict::Compromise;
    }
    let between = stands_between(&traits, origin.as_ref(), &verdict).or_else(|| {
        let (process, origin) = group.process.zip(origin.as_ref())?;
        errand::errand(host, process, origin)
    });
    let is_tool = rule.is_some_and(|rule| rule.verdict == VerdictKind::Tool);
    let mut techniques: Vec<String> = rule.iter().flat_map(|rule| rule.techniques.clone()).collect();
    techniques.extend(signs.iter().flat_map(|sign| sign.techniques.clone()));
    techniques.dedup();
    let says = rule.map_or_else(|| plain_words(&words), |rule| fill(&rule.says, &words));
    let suspect = Suspect {
        host: host.name.clone(),
        behaviour: group.behaviour.clone(),
        process: group.process.map(|process| host.view(process)),
        siblings: group.processes.saturating_sub(1),
        ancestors: Vec::new(),
        entry: origin.as_ref().map_or(Entry::Unknown, |origin| origin.entry.clone()),
        chain_complete: origin.as_ref().is_some_and(|origin| origin.complete),
        person: origin.as_ref().and_then(|origin| origin.person.clone()).filter(|_| between.is_none()),
        elevated_by: origin
            .as_ref()
            .and_then(|origin| origin.elevated_by.as_deref())
            .filter(|name| !name.is_empty())
            .map(Untrusted::new),
        verdict,
        rule: rule.map(|rule| rule.id.clone()),
        says,
        tool: is_tool.then_some(name),
        told_by: if is_tool { told_by } else { String::new() },
        signs: signs.iter().map(|sign| fill(&sign.says, &words)).collect(),
        techniques,
    };
    Candidate {
        matched: matching::matched(&group.behaviour, claims),
        claimed_process: claimed_process::compare(claims, group.process, origin.as_ref()),
        source_ports: source_ports::compare(
            claims,
            &asked.answer.host,
            &group.behaviour,
            &samples(host, &group).collect::<Vec<_>>(),
        ),
        between,
        fits: rule.map(|rule| rule.fits.clone()).unwrap_or_default(),
        suspect,
        host,
        instance: &asked.answer.host,
        claims,
        group,
        origin,
        sign_weight,
        targeted,
        complete: asked.view.complete,
        rule_errors: errors,
    }
}

/// What conditions may ask for about a suspect.
pub(super) fn facts_of(candidate: &Candidate, playbook: &Playbook) -> Facts {
    let Candidate { host, group, origin, claims, .. } = candidate;
    let traits = facts::traits(host, group, origin.as_ref(), playbook);
    facts::facts(group, origin.as_ref(), &traits, claims, playbook)
}

/// A service that somebody's session started does what strangers ask it for: the session's person did not do it then.
fn stands_between(traits: &Traits, origin: Option<&Origin>, verdict: &Verdict) -> Option<String> {
    let by_strangers = traits.service_serves_others || *verdict == Verdict::Compromise;
    let origin = origin.filter(|origin| origin.person.is_some())?;
    let only_started = format!("and the {} below only started it", doors::beginning(origin));
    let last = traits.asked.as_ref().map(|asked| format!("; {} was the last to connect", asked.by));
    let last = last.unwrap_or_default();
    if by_strangers && !traits.service.is_empty() {
        let service = &traits.service;
        return Some(format!(
            "{service} stands between, which serves the network: whoever reaches it may have had it done, \
             {only_started}{last}"
        ));
    }
    if let Some(asked) = &traits.asked {
        let stands = if asked.is_itself { "" } else { " stands between, which" };
        return Some(format!(
            "{}{stands} takes connections: whoever reaches it may have had it done, {only_started}{last}",
            asked.program
        ));
    }
    if let Some(asked) = &traits.asked_locally {
        return Some(asked.clone());
    }
    traits.works_for_service.then(|| {
        format!(
            "it works for a service under an account of that service: whoever reaches the service may have had it done, \
             {only_started}"
        )
    })
}

fn first_rule<'p>(playbook: &'p Playbook, facts: &Ready, errors: &mut Vec<String>) -> Option<&'p Rule> {
    playbook.rules.iter().find(|rule| holds(&rule.id, rule.when.holds(facts), errors))
}

fn signs<'p>(playbook: &'p Playbook, facts: &Ready, errors: &mut Vec<String>) -> Vec<&'p Sign> {
    playbook.signs.iter().filter(|sign| holds(&sign.id, sign.when.holds(facts), errors)).collect()
}

fn holds(id: &str, answer: Result<bool, String>, errors: &mut Vec<String>) -> bool {
    answer.unwrap_or_else(|error| {
        errors.push(format!("{id}: {error}"));
        false
    })
}

/// What a tool is called, and how that is known. Its own name is believed only beside its behaviour.
fn tool_name(traits: &Traits, rule: Option<&Rule>) -> (String, String) {
    let kind = rule.map(|rule| rule.kind.clone()).unwrap_or_default();
    if !traits.tool.is_empty() {
        (traits.tool.clone(), "name".to_owned())
    } else if !traits.tool_like.is_empty() {
        (format!("{kind} ({}-like)", traits.tool_like), "options".to_owned())
    } else {
        (kind, "behaviour".to_owned())
    }
}

/// What was done, where no rule has words for it.
fn plain_words(words: &std::collections::BTreeMap<&'static str, String>) -> String {
    fill("sent {flows} {protocol} flows to {addresses}, {port_list}", words)
}

/// The likeliest first: what does what is claimed, then what matches most of it.
pub(super) fn rank(candidates: &mut [Candidate]) {
    candidates.sort_by_key(|candidate| {
        let behaviour = &candidate.suspect.behaviour;
        let port_hits = match candidate.matched.ports {
            (_, Some(hits)) => hits,
            (claimed, None) => claimed,
        };
        std::cmp::Reverse((
            behaviour.matched > 0,
            candidate.is_abusive() && candidate.fits_claims(),
            candidate.is_abusive(),
            !behaviour.inbound,
            matches!(candidate.claimed_process, ClaimedProcess::Same(_) | ClaimedProcess::Ancestor(_)),
            matches!(candidate.source_ports, SourcePorts::Same { .. }),
            port_hits > 0,
            candidate.matched.offset_s == 0,
            behaviour.matched_ports,
            behaviour.matched,
            behaviour.targets,
            behaviour.flows,
        ))
    });
}

impl Candidate<'_> {
    /// Whether its rule explains what is claimed.
    pub fn fits_claims(&self) -> bool {
        self.fits.is_empty() || self.claims.iter().any(|claim| self.fits.contains(&claim.activity))
    }
}
