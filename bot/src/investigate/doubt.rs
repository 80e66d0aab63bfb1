//! Everything that makes a verdict less sure, by name, and what would change it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use history::LoginEvent;
use history::LossClass;
use history::UnixNs;
use history::Window;

use super::Asked;
use super::asked;
use super::attached;
use super::claimed_process::ClaimedProcess;
use super::doors;
use super::matching;
use super::named::Target;
use super::origin;
use super::source_ports::SourcePorts;
use super::suspect::Candidate;
use super::words;
use crate::case::Answer;
use crate::case::Claim;
use crate::case::Confidence;
use crate::case::Doubt;
use crate::case::DoubtKind;
use crate::case::Entry;
use crate::case::HostView;
use crate::case::Located;
use crate::case::Verdict;
use crate::playbook::Playbook;

/// Seconds by which a host's clock may differ from ours without a word.
const CLOCK_TOLERANCE_S: i64 = 10;

/// Everything that doubts are looked for in.
pub(super) struct Scene<'a> {
    pub claims: &'a [Claim],
    pub located: &'a Located,
    pub asked: &'a [Asked<'a>],
    pub silent: &'a [HostView],
    pub candidates: &'a [Candidate<'a>],
    pub first: Option<&'a Candidate<'a>>,
    pub playbook: &'a Playbook,
}

/// Looks for doubts, the gravest first.
pub(super) fn doubts(scene: &Scene) -> Vec<Doubt> {
    let mut found = Vec::new();
    hosts(scene, &mut found);
    claims(scene, &mut found);
    for asked in scene.asked {
        coverage(asked, scene.first, &mut found);
        answer(asked, scene.first, &mut found);
    }
    if let Some(first) = scene.first {
        matching(first, &mut found);
        chain(first, &mut found);
        rivals(first, scene.candidates, &mut found);
        unexplained(scene, first, &mut found);
        behaviour(first, scene.playbook, &mut found);
    } else if let Some(other) = scene.candidates.iter().find(|candidate| candidate.is_another_deed()) {
        found.push(other_deed(other));
    }
    let mut seen = BTreeSet::new();
    found.retain(|doubt| seen.insert((doubt.kind, doubt.text.clone())));
    found.sort_by_key(|doubt| doubt.at_most);
    found
}

fn doubt(kind: DoubtKind, at_most: Confidence, text: impl Into<String>) -> Doubt {
    Doubt { kind, at_most, text: text.into() }
}

fn hosts(scene: &Scene, found: &mut Vec<Doubt>) {
    if scene.located.hosts.is_empty() && scene.asked.is_empty() {
        found.push(doubt(
            DoubtKind::NoHost,
            Confidence::Low,
            "no host of ours could be named for the accused address",
        ));
    }
    // A match elsewhere stands; what the silent host would have said may add to it.
    let at_most = if scene.first.is_some() { Confidence::Medium } else { Confidence::Low };
    let unheard = scene.asked.iter().map(|asked| &asked.view).filter(|view| !view.answered);
    for view in unheard.chain(scene.silent).take(8) {
        found.push(doubt(DoubtKind::HostNotHeard, at_most, format!("{} {}", view.name, view.text)));
    }
}

fn claims(scene: &Scene, found: &mut Vec<Doubt>) {
    if scene.claims.iter().any(|claim| !claim.names_target()) {
        let text = "the notice names no remote address, so traffic is judged by its kind alone";
        found.push(doubt(DoubtKind::NoTarget, Confidence::Medium, text));
    }
    if scene.claims.iter().any(|claim| claim.window.is_none()) {
        let text = format!(
            "the notice names no time; the last {} hours were searched",
            scene.playbook.ask.hours_without_time
        );
        found.push(doubt(DoubtKind::NoTime, Confidence::Medium, text));
    }
    if scene.claims.is_empty() {
        found.push(doubt(
            DoubtKind::NoTarget,
            Confidence::Low,
            "the notice makes no claim that could be checked",
        ));
    }
}

fn coverage(asked: &Asked, first: Option<&Candidate>, found: &mut Vec<Doubt>) {
    let Some(host) = &asked.host else {
        return;
    };
    let view = &asked.view;
    let of_first = first.is_none_or(|first| first.host.name == host.name);
    let at_most = if first.is_some() { Confidence::Medium } else { Confidence::Low };
    if host.evidence.coverage.recorded.is_empty() {
        let text = format!("{}: the history has nothing of the time that was asked", view.name);
        found.push(doubt(DoubtKind::CoverageGap, Confidence::Low, text));
        return;
    }
    let claimed = asked.claimed();
    let concerns = |window: &Window| claimed.is_none_or(|claimed| claimed.touches(window.from, window.to));
    for (gap, reason) in view.gaps.iter().filter(|(gap, _)| concerns(gap)).take(4) {
        let text = format!("{}: not recorded {} ({reason})", view.name, words::span(gap.from, gap.to));
        found.push(doubt(DoubtKind::CoverageGap, at_most, text));
    }
    // Links of the chain may lie before the claimed time: what was lost there may have cut it.
    let lifetime = first.filter(|_| of_first).map(lifetime);
    let losses = host.evidence.coverage.losses.iter().filter(|loss| matching::tells_of_traffic(loss.class));
    for loss in losses.take(8) {
        let cuts_chain = matches!(loss.class, LossClass::Identity | LossClass::Login | LossClass::Disk)
            && lifetime.is_some_and(|lifetime| lifetime.touches(loss.window.from, loss.window.to));
        if concerns(&loss.window) || cuts_chain {
            let text = format!(
                "{}: {} events lost ({}) {}",
                view.name,
                words::count(loss.count),
                words::snake(&loss.class),
                words::span(loss.window.from, loss.window.to)
            );
            found.push(doubt(DoubtKind::EventsLost, at_most, text));
        }
    }
    if let Some(window) = claimed.or(view.asked) {
        for event in matching::unseen_senders(host.evidence, window).take(4) {
            let pid = event.operation.process.map_or_else(String::new, |id| format!(" of pid {}", id.tgid));
            let text = format!(
                "{}: a socket{pid} was set up so that its packets are not seen ({}), event {}",
                view.name,
                crate::untrusted::Untrusted::new(&event.operation.detail).shown(40),
                event.event
            );
            found.push(doubt(DoubtKind::PacketsUnseen, at_most, text));
        }
    }
    if first.is_none() && view.complete && !view.complete_asked {
        let text = format!(
            "{}: time around the claim is not all recorded; a reporter whose clock is off may mean it",
            view.name
        );
        found.push(doubt(DoubtKind::CoverageGap, Confidence::Medium, text));
    }
}

/// From the beginning of a suspect's session to the end of its traffic.
fn lifetime(first: &Candidate) -> Window {
    let behaviour = &first.suspect.behaviour;
    let chain = first.origin.iter().flat_map(|origin| &origin.chain);
    let started = chain.map(|process| process.started);
    let from = started.chain([behaviour.first]).min().unwrap_or(behaviour.first);
    Window { from, to: behaviour.last }
}

fn answer(asked: &Asked, first: Option<&Candidate>, found: &mut Vec<Doubt>) {
    let (Some(host), Answer::Evidence { evidence, .. }) = (&asked.host, &asked.answer.answer) else {
        return;
    };
    for what in host.contradictions().into_iter().take(4) {
        let text = format!("the answer of {} contradicts itself: {what}", asked.view.name);
        found.push(doubt(DoubtKind::Inconsistent, Confidence::Low, text));
    }
    if let (Some(own), Some(meant)) = (&evidence.host.instance_id, &asked.answer.host.instance_id)
        && own != meant
    {
        let text = format!("{} was asked and another instance answered", asked.view.name);
        found.push(doubt(DoubtKind::Inconsistent, Confidence::Low, text));
    }
    let (asked_at, answered_at) = (UnixNs::from(asked.answer.asked), UnixNs::from(asked.answer.answered));
    if evidence.answered < asked_at.plus_s(-CLOCK_TOLERANCE_S)
        || answered_at.plus_s(CLOCK_TOLERANCE_S) < evidence.answered
    {
        let off = (evidence.answered.0.saturating_sub(answered_at.0) / 1_000_000_000).unsigned_abs();
        let text = format!("the clock of {} is off by about {}", asked.view.name, words::duration_s(off));
        found.push(doubt(DoubtKind::HostClock, Confidence::Medium, text));
    }
    let targeted = Target::new(&asked.answer.request, evidence).is_known();
    let all_match = evidence.activities.last().is_some_and(|activity| activity.matched > 0);
    for omission in evidence.omitted.iter().filter(|omission| omission.count > 0) {
        let tells = match omission.what.as_str() {
            "flows" => true,
            "activities" => !targeted || all_match,
            "processes" => first.is_some_and(|first| !first.suspect.chain_complete),
            _ => false,
        };
        if tells {
            let what = crate::untrusted::Untrusted::new(&omission.what).shown(40);
            let text = format!(
                "{}: {} {what} did not fit into the answer",
                asked.view.name,
                words::count(omission.count)
            );
            found.push(doubt(DoubtKind::EvidenceOmitted, Confidence::Medium, text));
        }
    }
}

/// Traffic with what is named that is not named as the suspect, since it is not what was reported.
fn other_deed(other: &Candidate) -> Doubt {
    let who = other.suspect.process.as_ref().map_or_else(
        || "traffic without a known process".to_owned(),
        |process| format!("{} (process {})", process.name.shown(40), process.pid),
    );
    let text = format!(
        "{who} reached the reported address and none of the reported ports, {}; that may be another matter",
        match other.matched.offset_s {
            0 => "and history has holes".to_owned(),
            offset => format!(
                "{} s {} the reported time",
                offset.unsigned_abs(),
                if offset > 0 { "after" } else { "before" }
            ),
        }
    );
    doubt(DoubtKind::PartialMatch, Confidence::Low, text)
}

fn matching(first: &Candidate, found: &mut Vec<Doubt>) {
    if let (ClaimedProcess::Differ(_), Some(text)) =
        (&first.claimed_process, first.claimed_process.sentence())
    {
        found.push(doubt(DoubtKind::PartialMatch, Confidence::Medium, text));
    }
    if first.suspect.behaviour.matched == 0 {
        return;
    }
    let matched = &first.matched;
    if let (claimed, Some(hits)) = matched.ports
        && hits < claimed
    {
        let text = match hits {
            0 => "the reported ports are not among those that it reached on the reported address".to_owned(),
            _ => format!("{hits} of {claimed} reported ports are among those that it reached"),
        };
        found.push(doubt(DoubtKind::PartialMatch, Confidence::Medium, text));
    }
    if let (claimed, Some(hits)) = matched.addresses
        && hits < claimed
    {
        let text = format!("{hits} of {claimed} reported addresses are among those that it reached");
        found.push(doubt(DoubtKind::PartialMatch, Confidence::Medium, text));
    }
    if !matched.protocol {
        found.push(doubt(
            DoubtKind::PartialMatch,
            Confidence::Medium,
            "it used another protocol than was reported",
        ));
    }
    if let (SourcePorts::Differ { .. }, Some(text)) = (&first.source_ports, first.source_ports.sentence()) {
        found.push(doubt(DoubtKind::PartialMatch, Confidence::Medium, text));
    }
    if matched.offset_s != 0 {
        let when = if matched.offset_s > 0 { "after" } else { "before" };
        let off = words::duration_s(matched.offset_s.unsigned_abs());
        let text = format!(
            "the traffic was {off} {when} the reported time; the reporter's clock or zone may be off"
        );
        found.push(doubt(DoubtKind::ReporterClock, Confidence::Medium, text));
    }
}

fn chain(first: &Candidate, found: &mut Vec<Doubt>) {
    let suspect = &first.suspect;
    let Some(process) = &suspect.process else {
        if suspect.verdict != Verdict::Forwarded {
            let text = match first.group.unrecorded {
                Some(id) => {
                    format!("process {} sent it, and nothing else is recorded of that process", id.tgid)
                }
                None => "which process sent it is not recorded".to_owned(),
            };
            found.push(doubt(DoubtKind::OwnerUnknown, Confidence::Low, text));
        }
        return;
    };
    if let Some(broken) = first.origin.as_ref().and_then(|origin| origin.broken.clone()) {
        found.push(doubt(DoubtKind::ChainBroken, Confidence::Medium, broken));
    }
    if suspect.entry == Entry::Unknown {
        let text = "how its session or service began is not known";
        found.push(doubt(DoubtKind::EntryUnknown, Confidence::Medium, text));
    }
    if first.group.process.is_some_and(|process| process.flags.argv_truncated) {
        let text = format!("the command line of {} was longer than is kept", process.name.shown(60));
        found.push(doubt(DoubtKind::ArgvTruncated, Confidence::Medium, text));
    }
    if !first.group.senders.is_empty() {
        let senders = first.group.senders.iter().take(3).map(|id| match first.host.find(*id) {
            Some(process) => first.host.view(process).name.shown(60),
            None => format!("process {}", id.tgid),
        });
        let text = format!("{} sent through its sockets, too", words::list(&senders.collect::<Vec<_>>()));
        found.push(doubt(DoubtKind::SharedSocket, Confidence::Medium, text));
    }
    if let Some(terminal) = attached::terminal(first).filter(|terminal| terminal.elsewhere) {
        found.push(doubt(DoubtKind::SeveralSuspects, Confidence::Medium, terminal.sentence()));
    }
    if let Some(text) = doors::doubt(first).filter(|_| suspect.person.is_some()) {
        found.push(doubt(DoubtKind::AskedByOthers, Confidence::Medium, text));
    }
    let origin = first.origin.as_ref();
    if let Some(origin) = origin.filter(|origin| matches!(origin.entry, Entry::Cron { .. }))
        && !origin.asked.is_empty()
    {
        let text = format!("{}, and may have queued this job", asked::sentence(&origin.asked));
        found.push(doubt(DoubtKind::AskedByOthers, Confidence::Medium, text));
    }
    if let Some(origin) = origin
        && origin
            .attached
            .iter()
            .any(|used| !origin.asked.iter().any(|asked| asked.login.by == used.login.by))
    {
        let text = format!("{}, and may have typed this", asked::sentence(&origin.attached));
        found.push(doubt(DoubtKind::SeveralSuspects, Confidence::Medium, text));
    }
    if let Some(who) = origin.and_then(|origin| origin.daemon_of.as_ref()) {
        let text = format!(
            "the daemon that ran this job was started by hand in a session of {who}, who may have chosen what it runs"
        );
        found.push(doubt(DoubtKind::AskedByOthers, Confidence::Medium, text));
    }
    if let Some(from) = origin.and_then(|origin| origin.login).and_then(|login| from_itself(first, login)) {
        let text = format!(
            "the login came from {from}, which is this host itself: who was on it before, or came through a program of it (a \
             tunnel, a proxy), and from where, is not known"
        );
        found.push(doubt(DoubtKind::EntryUnknown, Confidence::Medium, text));
    }
    if let (Some(other), Some(person)) =
        (origin.and_then(|origin| origin.other_person.clone()), &suspect.person)
    {
        let text =
            format!("the kernel says that {} logged in, the login's log says {other}", person.name.shown(40));
        found.push(doubt(DoubtKind::PersonConflict, Confidence::Low, text));
    }
    if let Some(other) = origin.and_then(|origin| origin.became.as_ref()) {
        let text = format!(
            "the kernel's login user was changed to {other} on the way, which root alone can do; the session began with \
             another"
        );
        found.push(doubt(DoubtKind::PersonConflict, Confidence::Medium, text));
    }
    if let Some(login) = origin.and_then(|origin| origin.login)
        && let Some(session) = origin.and_then(|origin| origin.chain.iter().rev().nth(1))
        && !origin::near(login.time, session.started, 120)
    {
        let text = "the login and the session's first process lie more than two minutes apart";
        found.push(doubt(DoubtKind::ChainBroken, Confidence::Medium, text));
    }
}

/// Whence a login came where that is its own host's address, and whose session opened the connection is not known.
fn from_itself(first: &Candidate, login: &LoginEvent) -> Option<IpAddr> {
    let from = login.login.source_address.filter(|_| login.login.by.is_none())?;
    let mut own = first.instance.private_addresses.iter().chain(&first.instance.public_addresses);
    (from.is_loopback() || own.any(|address| *address == from)).then_some(from)
}

fn rivals(first: &Candidate, candidates: &[Candidate], found: &mut Vec<Doubt>) {
    let rivals: Vec<String> = candidates
        .iter()
        .filter(|other| other.key() != first.key() && other.counts() && other.is_abusive())
        .filter(|other| !is_another_turn(first, other))
        .filter(|other| other.suspect.behaviour.matched > 0 || !first.targeted)
        .map(|other| {
            let name = other.suspect.process.as_ref().map(|process| process.name.shown(60));
            format!("{} on {}", name.unwrap_or_else(|| "an unknown process".to_owned()), other.suspect.host)
        })
        .take(3)
        .collect();
    if !rivals.is_empty() {
        let text = format!("{} fits, too", words::list(&rivals));
        found.push(doubt(DoubtKind::SeveralSuspects, Confidence::Medium, text));
    }
}

/// Whether somebody else is only another turn of the same job or service: it changes nothing of who did it.
fn is_another_turn(first: &Candidate, other: &Candidate) -> bool {
    let (one, two) = (&first.suspect, &other.suspect);
    let is_job = match &one.entry {
        Entry::Cron { .. } => one.person.is_some(),
        Entry::Unit { .. } => true,
        _ => false,
    };
    let program = |candidate: &Candidate| {
        candidate.group.process.map(|process| (process.exe.clone(), process.argv.clone()))
    };
    is_job
        && (&one.host, &one.entry, &one.person) == (&two.host, &two.entry, &two.person)
        && program(first) == program(other)
}

/// Accusations beside the one that the first suspect explains.
fn unexplained(scene: &Scene, first: &Candidate, found: &mut Vec<Doubt>) {
    let explained = |claim: &Claim| {
        !claim.names_target()
            || scene
                .candidates
                .iter()
                .any(|candidate| candidate.suspect.behaviour.matched > 0 && candidate.claims.contains(&claim))
    };
    let open: BTreeSet<_> = (scene.claims.iter())
        .filter(|claim| first.targeted && !explained(claim))
        .flat_map(|claim| &claim.remote)
        .map(|remote| remote.address)
        .collect();
    if !open.is_empty() {
        let shown: Vec<String> = open.iter().take(4).map(ToString::to_string).collect();
        let more = if open.len() > 4 { format!(" and {} more", open.len() - 4) } else { String::new() };
        let text = format!("nothing matches the accusation about {}{more}", shown.join(", "));
        found.push(doubt(DoubtKind::PartialMatch, Confidence::Medium, text));
    }
}

fn behaviour(first: &Candidate, playbook: &Playbook, found: &mut Vec<Doubt>) {
    if !first.is_abusive() {
        let text =
            format!("traffic to the reported address exists, and does not look like {}", playbook.abuse);
        found.push(doubt(DoubtKind::BehaviourDiffers, Confidence::Low, text));
    } else if !first.fits_claims() {
        let text = format!("what it did is not what {} looks like", playbook.abuse);
        found.push(doubt(DoubtKind::BehaviourDiffers, Confidence::Medium, text));
    }
    let certain = playbook.limit("compromise_weight").saturating_add(2);
    if first.suspect.verdict == Verdict::Compromise && i64::from(first.sign_weight) < certain {
        let text = match first.suspect.signs.len() {
            0 => "the compromise is concluded from the traffic alone; the program shows no sign of one",
            _ => "the compromise is concluded from few signs",
        };
        found.push(doubt(DoubtKind::BehaviourDiffers, Confidence::Medium, text));
    }
    for error in first.rule_errors.iter().take(2) {
        let text = format!("a rule of playbook {} could not be evaluated ({error})", playbook.name);
        found.push(doubt(DoubtKind::EvidenceOmitted, Confidence::Medium, text));
    }
}
