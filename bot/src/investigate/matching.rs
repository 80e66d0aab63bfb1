//! Claims against answers: which claim an answer is about, how much of its time the host has recorded, and
//! how much of what is claimed a behaviour matches.

use std::collections::BTreeSet;
use std::net::IpAddr;

use history::Coverage;
use history::Evidence;
use history::LossClass;
use history::OperationEvent;
use history::OperationKind;
use history::Protocol;
use history::UnixNs;
use history::Window;

use super::request;
use super::words;
use crate::case::Answer;
use crate::case::Behaviour;
use crate::case::Claim;
use crate::case::ClaimProtocol;
use crate::case::HostAnswer;
use crate::case::HostView;
use crate::untrusted::Untrusted;

/// Shortest stretch without history that counts where the host does not name it itself, seconds. Where it is claimed, or
/// lies before the host's own present, each counts.
const SEAM_S: i64 = 5;

/// Gaps and losses that are shown.
const SHOWN_MAX: usize = 12;

/// The claims that an answer is about: same remotes asked, and a time that touches what was asked.
pub(super) fn claims_of<'a>(answer: &HostAnswer, claims: &'a [Claim]) -> Vec<&'a Claim> {
    let asked = &answer.request;
    let touches = |claim: &Claim| match &claim.window {
        Some(window) => asked.window.touches(window.from.into(), window.to.into()),
        None => true,
    };
    let same = |claim: &Claim| {
        let remotes = request::remotes(claim);
        remotes.is_empty() == asked.remotes.is_empty()
            && (remotes.is_empty() || remotes.iter().any(|remote| asked.remotes.contains(remote)))
            && claim.names.is_empty() == asked.names.is_empty()
            && (claim.names.is_empty() || claim.names.iter().any(|name| asked.names.contains(name)))
    };
    let about: Vec<&Claim> = claims.iter().filter(|claim| touches(claim) && same(claim)).collect();
    if about.is_empty() { claims.iter().collect() } else { about }
}

/// What a report says of a host's answer.
pub(super) fn host_view(answer: &HostAnswer, name: String, claims: &[&Claim]) -> HostView {
    let mut view = HostView {
        host: answer.host.clone(),
        name,
        answered: false,
        text: String::new(),
        complete: false,
        complete_asked: false,
        claimed: claimed(answer, claims),
        asked: Some(answer.request.window),
        gaps: Vec::new(),
        losses: Vec::new(),
        events_searched: 0,
    };
    let because = |what: &str, reason: &str| format!("{what}: {}", Untrusted::new(reason).shown(300));
    match &answer.answer {
        Answer::Evidence { evidence, archived } => {
            view.answered = true;
            view.events_searched = evidence.coverage.events_searched;
            fill_coverage(&mut view, evidence, answer);
            if let Some(archived) = archived {
                let up_to = archived.reaches.map_or_else(String::new, |at| format!(", to {at:.0}"));
                let why = because("the host itself was not heard", &archived.why);
                view.text = format!("from its archive{up_to}: {}; {why}", view.text);
            }
        }
        Answer::Unreachable { reason } => view.text = because("could not be reached", reason),
        Answer::NoRecorder { reason } => view.text = because("has no recorder", reason),
        Answer::RecorderFailed { reason } => view.text = because("its recorder failed", reason),
        Answer::Invalid { reason } => view.text = because("its answer cannot be believed", reason),
    }
    view
}

/// The claims' own time within what was asked; all that was asked where they name none.
fn claimed(answer: &HostAnswer, claims: &[&Claim]) -> Option<Window> {
    let asked = answer.request.window;
    let named: Vec<_> = claims.iter().filter_map(|claim| claim.window.as_ref()).collect();
    let from = named.iter().map(|window| UnixNs::from(window.from)).min();
    let to = named.iter().map(|window| UnixNs::from(window.to)).max();
    match (from, to) {
        (Some(from), Some(to)) => {
            let from = from.max(asked.from).min(asked.to);
            Some(Window { from, to: to.min(asked.to).max(from) })
        }
        _ => Some(asked),
    }
}

fn fill_coverage(view: &mut HostView, evidence: &Evidence, answer: &HostAnswer) {
    let coverage = &evidence.coverage;
    // Flows that the host did not look at may have been the claimed ones.
    let unsearched = evidence.omitted.iter().any(|omission| omission.what == "flows" && omission.count > 0);
    let asked = answer.request.window;
    // What lies after the answer cannot be recorded yet, and is not missing.
    let end = asked.to.min(UnixNs::from(answer.answered)).max(asked.from);
    let whole = Window { from: asked.from, to: end };
    let claimed = view.claimed.unwrap_or(whole);
    let claimed = Window { from: claimed.from.min(end), to: claimed.to.min(end) };
    let gaps = gaps(coverage, whole, claimed, evidence.answered);
    let in_claimed = |window: &Window| claimed.touches(window.from, window.to);
    let recorded = !coverage.recorded.is_empty();
    let lost = |window: &Window| {
        let mut losses = coverage.losses.iter().filter(|loss| tells_of_traffic(loss.class));
        losses.any(|loss| window.touches(loss.window.from, loss.window.to))
            || unseen_senders(evidence, *window).next().is_some()
    };
    view.complete =
        recorded && !gaps.iter().any(|(gap, _)| in_claimed(gap)) && !lost(&claimed) && !unsearched;
    view.complete_asked = recorded && !unsearched && gaps.is_empty() && !lost(&whole);
    view.losses = coverage
        .losses
        .iter()
        .take(SHOWN_MAX)
        .map(|loss| {
            let what = match loss.class {
                LossClass::Identity => "process events",
                LossClass::Flow => "traffic events",
                LossClass::Login => "login events",
                LossClass::Disk => "events on their way to disk",
                LossClass::Decode => "unreadable events",
                LossClass::Dns => "DNS messages",
                LossClass::Received => "datagrams that came in",
            };
            format!(
                "{} {what} lost, {}",
                words::count(loss.count),
                words::span(loss.window.from, loss.window.to)
            )
        })
        .collect();
    view.text = coverage_text(view, &gaps, claimed, recorded);
    view.gaps = gaps.into_iter().take(SHOWN_MAX).collect();
}

/// Whether a loss may hide traffic or who caused it: names that were looked up do not.
pub(super) fn tells_of_traffic(class: LossClass) -> bool {
    !matches!(class, LossClass::Dns | LossClass::Received)
}

/// Operations by processes that ran in a time, after which their packets leave unseen.
pub(super) fn unseen_senders(evidence: &Evidence, window: Window) -> impl Iterator<Item = &OperationEvent> {
    evidence.operations.iter().filter(move |event| {
        let ended = || {
            evidence.exits.iter().any(|exit| {
                event.operation.process.is_some_and(|id| id.same_process(&exit.process))
                    && exit.time < window.from
            })
        };
        let hides = matches!(event.operation.kind, OperationKind::PacketBypass | OperationKind::Xdp);
        hides && event.time <= window.to && !ended()
    })
}

fn coverage_text(view: &HostView, gaps: &[(Window, String)], claimed: Window, recorded: bool) -> String {
    if !recorded {
        return "history has nothing of the time that was asked".to_owned();
    }
    let span = words::span(claimed.from, claimed.to);
    let mut text = if view.complete {
        format!("history complete for {span}, no event lost")
    } else {
        format!("history incomplete for {span}")
    };
    if view.complete && !gaps.is_empty() {
        let stretches = words::counted(gaps.len() as u64, "stretch", "stretches");
        text.push_str(&format!("; of the wider time that was asked, {stretches} not recorded"));
        return text;
    }
    let missing: Vec<String> = gaps
        .iter()
        .take(3)
        .map(|(gap, reason)| format!("{} ({reason})", words::span(gap.from, gap.to)))
        .collect();
    if !missing.is_empty() {
        text.push_str("; not recorded: ");
        text.push_str(&words::list(&missing));
    }
    if let Some(loss) = view.losses.first() {
        text.push_str(&format!("; {loss}"));
    }
    text
}

/// Stretches of a window without history: those the host names, and those it only leaves out.
fn gaps(coverage: &Coverage, whole: Window, claimed: Window, present: UnixNs) -> Vec<(Window, String)> {
    let clip = |window: Window| Window { from: window.from.max(whole.from), to: window.to.min(whole.to) };
    let mut gaps: Vec<(Window, String)> = coverage
        .gaps
        .iter()
        .take(10_000)
        .filter(|gap| whole.touches(gap.window.from, gap.window.to))
        .map(|gap| (clip(gap.window), Untrusted::new(&gap.reason).shown(120)))
        .collect();
    // What is neither recorded nor named as a gap, such as what lies behind the present of a host whose clock is late.
    let named = coverage.gaps.iter().take(10_000).map(|gap| gap.window);
    let mut told: Vec<Window> = coverage.recorded.iter().take(10_000).copied().chain(named).collect();
    told.sort_by_key(|window| window.from);
    let mut told_to = whole.from;
    let end = Window { from: whole.to, to: whole.to };
    for window in told.into_iter().chain([end]) {
        let hole = Window { from: told_to, to: window.from.min(whole.to) };
        // A clock that is a little late has not come to the end yet; one that was set back is somewhere else.
        let is_to_come = hole.from.0.abs_diff(present.0) <= SEAM_S.unsigned_abs() * 1_000_000_000;
        let is_claimed = hole.from < hole.to && claimed.touches(hole.from, hole.to);
        if hole.from.plus_s(SEAM_S) < hole.to || (is_claimed && !is_to_come) {
            gaps.push((hole, "the host does not say why".to_owned()));
        }
        told_to = told_to.max(window.to);
    }
    gaps.sort_by_key(|(window, _)| window.from);
    gaps
}

/// How much of what is claimed a behaviour matches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Match {
    /// Claimed ports, and how many of them were touched; the latter none where the list was cut.
    pub ports: (usize, Option<usize>),
    /// Claimed addresses, and how many of them were touched, likewise.
    pub addresses: (usize, Option<usize>),
    /// Whether a claimed protocol was used; true where none is claimed.
    pub protocol: bool,
    /// Seconds from the claimed time to the traffic: negative before it, 0 where they touch.
    pub offset_s: i64,
}

/// Compares a behaviour with claims.
pub(super) fn matched(behaviour: &Behaviour, claims: &[&Claim]) -> Match {
    let ports: BTreeSet<u16> = remotes(claims).filter_map(|remote| remote.port).collect();
    // Of a long list only some addresses are asked for.
    let asked = claims.iter().flat_map(|claim| request::remotes(claim));
    let addresses: BTreeSet<IpAddr> = asked.map(|remote| remote.address).collect();
    let protocols: Vec<ClaimProtocol> = remotes(claims).filter_map(|remote| remote.protocol).collect();
    let touched = |port: &&u16| behaviour.port_ranges.iter().any(|(from, to)| (from..=to).contains(port));
    let ports_hit = ports.iter().filter(touched).count();
    let ports_listed = words::ports_in(&behaviour.port_ranges) >= behaviour.matched_ports.max(1);
    let addresses_hit = addresses.iter().filter(|address| behaviour.address_sample.contains(address)).count();
    let addresses_listed = behaviour.address_sample.len() as u64 >= behaviour.addresses;
    Match {
        ports: (ports.len(), (ports_listed || ports_hit == ports.len()).then_some(ports_hit)),
        addresses: (
            addresses.len(),
            (addresses_listed || addresses_hit == addresses.len()).then_some(addresses_hit),
        ),
        protocol: protocols.is_empty()
            || protocols.iter().any(|protocol| behaviour.protocols.iter().any(|used| same(*protocol, *used))),
        offset_s: offset_s(behaviour, claims),
    }
}

fn remotes<'a>(claims: &'a [&Claim]) -> impl Iterator<Item = &'a crate::case::Remote> {
    claims.iter().flat_map(|claim| &claim.remote)
}

fn same(claimed: ClaimProtocol, used: Protocol) -> bool {
    match claimed {
        ClaimProtocol::Tcp => used == Protocol::TCP,
        ClaimProtocol::Udp => used == Protocol::UDP,
        ClaimProtocol::Icmp => used == Protocol::ICMP || used == Protocol::ICMPV6,
        ClaimProtocol::Other => true,
    }
}

fn offset_s(behaviour: &Behaviour, claims: &[&Claim]) -> i64 {
    let offsets = claims.iter().filter_map(|claim| claim.window.as_ref()).map(|window| {
        let (from, to) = (UnixNs::from(window.from), UnixNs::from(window.to));
        // Whole seconds of tolerance: reporters write no fractions.
        if behaviour.first > to.plus_s(1) {
            behaviour.first.0.saturating_sub(to.0) / 1_000_000_000
        } else if behaviour.last < from.plus_s(-1) {
            behaviour.last.0.saturating_sub(from.0) / 1_000_000_000
        } else {
            0
        }
    });
    offsets.min_by_key(|offset| offset.unsigned_abs()).unwrap_or(0)
}
