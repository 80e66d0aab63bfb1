//! From roles, rows and times to claims: one for each accused and each separate stretch of time.

use std::net::IpAddr;

use jiff::SignedDuration;

use super::limits;
use super::record::Record;
use super::time::Interval;
use super::time::Resolver;
use crate::claim::Accused;
use crate::claim::Activity;
use crate::claim::Claim;
use crate::claim::ClaimProtocol;
use crate::claim::ClaimWindow;
use crate::claim::Remote;

/// Rows of one target that lie further apart than this are two incidents.
const SAME_TARGET_GAP: SignedDuration = SignedDuration::from_hours(24);
/// Incidents of different targets that lie closer than this are one.
const INCIDENT_GAP: SignedDuration = SignedDuration::from_hours(1);
/// A notice that falls into more stretches than this is told as one.
const STRETCHES_MAX: usize = 24;

/// One row, resolved.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// Where it went.
    pub remote: Option<Remote>,
    /// When.
    pub interval: Option<Interval>,
    /// What, where the row says so.
    pub activity: Option<Activity>,
}

/// A stretch of time and what happened in it.
#[derive(Debug, Clone, Default)]
struct Stretch {
    interval: Option<Interval>,
    remotes: Vec<Remote>,
}

/// Returns the rows in which an accused has a part, seen from its side.
pub(super) fn rows_of(
    accused: &Accused,
    all: &[IpAddr],
    records: &[&Record],
    resolver: &Resolver,
    alone: bool,
) -> Vec<Row> {
    let is_ours = |ip: Option<IpAddr>| ip.is_some_and(|ip| accused.addresses.contains(&ip));
    let is_any = |ip: Option<IpAddr>| ip.is_some_and(|ip| all.contains(&ip));
    let mut rows = Vec::new();
    for record in records {
        let named = record.source_instance.as_ref();
        let forward = is_ours(record.source)
            || named.is_some_and(|id| accused.instance_ids.contains(id))
            || (alone
                && named.is_none()
                && !is_any(record.source)
                && !is_any(record.target)
                && record.source.is_none());
        let backward = !forward && is_ours(record.target);
        if !forward && !backward {
            continue;
        }
        let (address, port) =
            if forward { (record.target, record.target_port) } else { (record.source, record.source_port) };
        let remote = address.filter(|address| !accused.addresses.contains(address)).map(|address| Remote {
            address,
            port: port.filter(|port| *port > 0),
            protocol: record.protocol,
        });
        let intervals = record.stamps.iter().filter_map(|stamp| resolver.resolve(stamp));
        rows.push(Row { remote, interval: intervals.reduce(Interval::join), activity: record.activity });
    }
    rows
}

/// Makes the claims of one accused from its rows; `whole` is what the notice says of it in general.
pub(super) fn of_rows(accused: &Accused, rows: &[Row], whole: &Whole, claims: &mut Vec<Claim>) {
    let mut activities: Vec<Option<Activity>> = Vec::new();
    for row in rows {
        if !activities.contains(&row.activity) {
            activities.push(row.activity);
        }
    }
    for activity in activities {
        let chosen: Vec<&Row> = rows.iter().filter(|row| row.activity == activity).collect();
        let mut stretches = stretches(&chosen);
        if stretches.len() > STRETCHES_MAX {
            stretches = vec![merge(stretches)];
        }
        let single = stretches.len() == 1;
        for stretch in stretches {
            let interval = match (stretch.interval, whole.interval) {
                (Some(own), Some(said)) if single && super::when::gap(own, said) <= SAME_TARGET_GAP => {
                    Some(if own.zone == said.zone || said.zone != crate::claim::ZoneSource::Assumed {
                        own.join(said)
                    } else {
                        own
                    })
                }
                (own, said) => own.or(said),
            };
            let mut remotes = stretch.remotes;
            if single {
                remotes.extend(whole.remotes.iter().cloned());
            }
            claims.push(claim(accused.clone(), remotes, interval, activity.unwrap_or(whole.activity)));
        }
    }
}

/// What a notice says of all its accused in general.
#[derive(Debug, Clone)]
pub(super) struct Whole {
    /// When.
    pub interval: Option<Interval>,
    /// It is a day or a part of one, told from the day of writing: any other time is better.
    pub is_vague: bool,
    /// To whom.
    pub remotes: Vec<Remote>,
    /// What.
    pub activity: Activity,
}

/// Puts a claim together.
pub(super) fn claim(
    accused: Accused,
    remotes: Vec<Remote>,
    interval: Option<Interval>,
    activity: Activity,
) -> Claim {
    let window = interval.map(|it| ClaimWindow { from: it.from, to: it.to, zone: it.zone });
    Claim { accused, remote: tidy(remotes), names: Vec::new(), window, activity }
}

/// Cuts rows into stretches of time: by target first, then joining what overlaps.
fn stretches(rows: &[&Row]) -> Vec<Stretch> {
    let mut by_target: Vec<(Option<IpAddr>, Vec<&Row>)> = Vec::new();
    let mut timeless = Stretch::default();
    for row in rows {
        if row.interval.is_none() {
            timeless.remotes.extend(row.remote.clone());
            continue;
        }
        let target = row.remote.as_ref().map(|remote| remote.address);
        match by_target.iter_mut().rev().take(64).find(|(known, _)| *known == target) {
            Some((_, rows)) => rows.push(row),
            None => by_target.push((target, vec![row])),
        }
    }
    let mut all: Vec<Stretch> =
        by_target.into_iter().flat_map(|(_, rows)| cut(rows, SAME_TARGET_GAP)).collect();
    all.sort_by_key(|stretch| stretch.interval.map(|it| it.from));
    let mut joined: Vec<Stretch> = Vec::new();
    for stretch in all {
        match joined.last_mut() {
            Some(last) if close(last, &stretch, INCIDENT_GAP) => absorb(last, stretch),
            _ => joined.push(stretch),
        }
    }
    match (joined.len(), timeless.remotes.is_empty()) {
        (0, _) => vec![timeless],
        (1, false) => {
            joined[0].remotes.extend(timeless.remotes);
            joined
        }
        _ => joined,
    }
}

fn cut(mut rows: Vec<&Row>, gap_max: SignedDuration) -> Vec<Stretch> {
    rows.sort_by_key(|row| row.interval.map(|it| it.from));
    let mut stretches: Vec<Stretch> = Vec::new();
    for row in rows {
        let next = Stretch { interval: row.interval, remotes: row.remote.clone().into_iter().collect() };
        match stretches.last_mut() {
            Some(last) if close(last, &next, gap_max) => absorb(last, next),
            _ => stretches.push(next),
        }
    }
    stretches
}

fn close(one: &Stretch, other: &Stretch, gap_max: SignedDuration) -> bool {
    matches!((one.interval, other.interval), (Some(one), Some(other)) if super::when::gap(one, other) <= gap_max)
}

fn absorb(into: &mut Stretch, other: Stretch) {
    into.interval = match (into.interval, other.interval) {
        (Some(one), Some(other)) => Some(one.join(other)),
        (one, other) => one.or(other),
    };
    into.remotes.extend(other.remotes);
}

fn merge(stretches: Vec<Stretch>) -> Stretch {
    stretches
        .into_iter()
        .reduce(|mut one, other| {
            absorb(&mut one, other);
            one
        })
        .unwrap_or_default()
}

/// Takes repeats out, and entries that say less than another of the same address.
fn tidy(remotes: Vec<Remote>) -> Vec<Remote> {
    let mut seen = std::collections::HashSet::new();
    let key = |remote: &Remote| (remote.address, remote.port, remote.protocol.map(protocol_rank));
    let mut tidy: Vec<Remote> = remotes.into_iter().filter(|remote| seen.insert(key(remote))).collect();
    let with_port: std::collections::HashSet<IpAddr> =
        tidy.iter().filter(|it| it.port.is_some()).map(|it| it.address).collect();
    let with_protocol: std::collections::HashSet<(IpAddr, Option<u16>)> =
        tidy.iter().filter(|it| it.protocol.is_some()).map(|it| (it.address, it.port)).collect();
    tidy.retain(|remote| {
        let bare_port = remote.port.is_none() && with_port.contains(&remote.address);
        let bare_protocol =
            remote.protocol.is_none() && with_protocol.contains(&(remote.address, remote.port));
        !bare_port && !bare_protocol
    });
    tidy.truncate(limits::REMOTES_MAX);
    tidy
}

fn protocol_rank(protocol: ClaimProtocol) -> u8 {
    match protocol {
        ClaimProtocol::Tcp => 0,
        ClaimProtocol::Udp => 1,
        ClaimProtocol::Icmp => 2,
        ClaimProtocol::Other => 3,
    }
}
