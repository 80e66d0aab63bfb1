//! Half a minute of a host made into hours: what happened happens again, later, to other processes, with other clients
//! from other ports, at other moments and with other lengths, since no two minutes of a host are alike. What ran before
//! stands in it once.

use std::collections::HashSet;
use std::net::IpAddr;
use std::net::Ipv4Addr;

use history::Body;
use history::Direction;
use history::Endpoint;
use history::EndpointSet;
use history::Event;
use history::Flow;
use history::ProcessId;
use history::Seen;
use history::UnixNs;

use crate::soak::plan::Random;

/// Clients that come again and again.
const CLIENTS: u64 = 2_000;

/// Ports from which ephemeral ones are drawn.
const EPHEMERAL: std::ops::RangeInclusive<u16> = 32_768..=60_999;

/// The events so many times.
pub fn repeated(events: &[Event], times: usize) -> Vec<Event> {
    let ran_before = |event: &Event| match &event.body {
        Body::Process(process) if process.seen == Seen::Snapshot => Some(process.id),
        _ => None,
    };
    let standing: HashSet<_> = events.iter().filter_map(ran_before).collect();
    let least = events.iter().map(|event| event.boot_ns).min().unwrap_or(0);
    let most = events.iter().map(|event| event.boot_ns).max().unwrap_or(0);
    let span_ns = (most - least) + 1_000_000;
    let mut all = events.to_vec();
    let mut random = Random::new(1);
    for n in 1..times as u64 {
        let again = events.iter().filter(|event| ran_before(event).is_none());
        let begins = all.len();
        all.extend(again.map(|event| {
            let mut event = moved(event.clone(), n * span_ns, &standing);
            vary(&mut event, n, &mut random);
            event
        }));
        // What varies in time may have changed places.
        all[begins..].sort_by_key(|event| event.boot_ns);
    }
    all
}

/// An event later, and of processes that began later: the same pids come again, as they do.
fn moved(mut event: Event, by_ns: u64, standing: &HashSet<ProcessId>) -> Event {
    let later = |at: &mut UnixNs| *at = UnixNs(at.0.saturating_add_unsigned(by_ns));
    let another = |id: &mut ProcessId| {
        if !standing.contains(id) {
            id.start_ns += by_ns;
        }
    };
    later(&mut event.time);
    event.boot_ns += by_ns;
    match &mut event.body {
        Body::Process(process) => {
            another(&mut process.id);
            process.parent.iter_mut().for_each(another);
            later(&mut process.started);
        }
        Body::Fork { child, parent } => {
            another(child);
            another(parent);
        }
        Body::Exit { process, .. } | Body::Credentials { process, .. } => another(process),
        Body::Login(login) => login.process.iter_mut().for_each(another),
        Body::Dns(dns) => dns.process.iter_mut().for_each(another),
        Body::Operation(operation) => operation.process.iter_mut().for_each(another),
        Body::Flow(flow) => {
            flow.owner.iter_mut().chain(flow.sender.iter_mut()).for_each(another);
            later(&mut flow.first);
            later(&mut flow.last);
        }
        Body::Targets(targets) => {
            targets.owner.iter_mut().chain(targets.sender.iter_mut()).for_each(another);
            later(&mut targets.first);
            later(&mut targets.last);
        }
        Body::Loss { from, .. } => later(from),
        Body::Recorder { .. } => {}
    }
    event
}

/// Varies what is never twice the same. `turn` says which repetition it is: of one scan all targets move alike.
fn vary(event: &mut Event, turn: u64, random: &mut Random) {
    let jitter_ns = random.below(1_000_000);
    event.boot_ns += jitter_ns;
    event.time = UnixNs(event.time.0 + jitter_ns.cast_signed());
    match &mut event.body {
        Body::Flow(flow) => vary_flow(flow, event.time, random),
        Body::Targets(targets) => {
            let elsewhere = Random::new(turn).below(1 << 24);
            let moved = |mut remote: Endpoint| {
                remote.address = network(remote.address, elsewhere);
                remote
            };
            targets.remotes = EndpointSet::new(targets.remotes.endpoints().into_iter().map(moved).collect());
        }
        _ => {}
    }
}

fn vary_flow(flow: &mut Flow, time: UnixNs, random: &mut Random) {
    let port = |port: u16, random: &mut Random| {
        let count = u64::from(EPHEMERAL.end() - EPHEMERAL.start()) + 1;
        let drawn = EPHEMERAL.start() + u16::try_from(random.below(count)).unwrap_or(0);
        if EPHEMERAL.contains(&port) { drawn } else { port }
    };
    flow.local.port = port(flow.local.port, random);
    flow.remote.port = port(flow.remote.port, random);
    if flow.direction == Direction::In {
        // Some clients come often, most seldom.
        let client = random.below(CLIENTS) * random.below(CLIENTS) / CLIENTS;
        flow.remote.address = network(flow.remote.address, Random::new(client + 1).below(1 << 24));
    }
    for bytes in [&mut flow.bytes, &mut flow.bytes_received] {
        *bytes += random.below(*bytes / 4 + 1);
    }
    // An answer takes as long as it takes.
    let took_ns = u64::try_from(flow.last.0 - flow.first.0).unwrap_or(0);
    let took_ns = took_ns / 2 + random.below(took_ns + 1);
    flow.last = UnixNs(flow.last.0.min(time.0));
    flow.first = UnixNs(flow.last.0.saturating_sub_unsigned(took_ns));
}

/// An address with other low 24 bits of IPv4; one of IPv6 stays.
fn network(address: IpAddr, by: u64) -> IpAddr {
    match address {
        IpAddr::V4(four) => Ipv4Addr::from(u32::from(four) ^ u32::try_from(by).unwrap_or(0)).into(),
        six => six,
    }
}

#[cfg(test)]
mod tests {
    use history::BootId;

    use super::*;

    fn event(boot_ns: u64, body: Body) -> Event {
        Event { id: 0, time: UnixNs(boot_ns.cast_signed()), boot_ns, body }
    }

    #[test]
    fn what_happened_again_happened_later_and_to_others() {
        let id = |start_ns| ProcessId { boot: BootId(1), tgid: 7, start_ns, exec: 1 };
        let events = [
            event(100, Body::Fork { child: id(100), parent: id(5) }),
            event(300, Body::Exit { process: id(100), code: 0, signal: 0 }),
        ];
        let standing = HashSet::from([id(5)]);
        let later = moved(events[0].clone(), 1_000, &standing);
        assert_eq!((later.boot_ns, later.time), (1_100, UnixNs(1_100)));
        assert_eq!(later.body, Body::Fork { child: id(1_100), parent: id(5) });
        let all = repeated(&events, 3);
        assert_eq!(all.len(), 6);
        assert!(all.windows(2).all(|pair| pair[0].boot_ns < pair[1].boot_ns), "{all:?}");
    }
}
