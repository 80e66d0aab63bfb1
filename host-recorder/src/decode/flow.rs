//! Connections, packets and chosen ports, alone or in batches.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use history::Direction;
use history::Endpoint;
use history::Flow;
use history::FlowState;
use history::Protocol;
use history::UnixNs;
use history::Via;
use host_recorder_bpf::record::*;

use super::AF_INET;
use super::DecodeError;
use super::Record;
use super::address;
use super::credentials;
use super::known;
use super::read;
use crate::clock::Clock;

pub(super) const TCP_ESTABLISHED: u8 = 1;
pub(super) const TCP_SYN_SENT: u8 = 2;
pub(super) const TCP_SYN_RECV: u8 = 3;
pub(super) const TCP_CLOSE: u8 = 7;
pub(super) const TCP_LISTEN: u8 = 10;

/// As a socket of TCP by several paths has it: no packet does.
const IPPROTO_MPTCP: u32 = 262;

/// A change of a TCP connection.
#[derive(Debug, Clone, PartialEq)]
pub struct Connection {
    /// When, ns since boot.
    pub boot_ns: u64,
    /// Address of the kernel's socket: the same for one connection's whole life.
    pub socket: u64,
    /// Whether it was accepted rather than made.
    pub accepted: bool,
    /// Whether it stood before the recorder began: who began it is then not known.
    pub open_before: bool,
    /// Whether nothing more comes of this socket.
    pub over: bool,
    /// Whether it left for another address than the program asked for: the flow's remote end is that one.
    pub translated: bool,
    /// The flow as far as this change tells.
    pub flow: Flow,
}

/// A TCP flow without what a change tells.
fn tcp_flow(at: UnixNs) -> Flow {
    let nowhere = Endpoint { address: Ipv4Addr::UNSPECIFIED.into(), port: 0 };
    Flow {
        owner: None,
        sender: None,
        protocol: Protocol::TCP,
        via: Via::Socket,
        direction: Direction::Out,
        state: FlowState::Attempt,
        local: nowhere,
        remote: nowhere,
        packets: 0,
        bytes: 0,
        bytes_received: 0,
        tcp_flags: 0,
        first: at,
        last: at,
    }
}

/// What became of a connection that failed.
fn failure(error: u32) -> FlowState {
    match i32::try_from(error).unwrap_or(0) {
        libc::ECONNREFUSED => FlowState::Refused,
        libc::ETIMEDOUT => FlowState::TimedOut,
        _ => FlowState::Failed,
    }
}

pub(super) fn decode_connection(record: &record_tcp, clock: &Clock) -> Result<Record, DecodeError> {
    let (old, new) = (record.old_state, record.new_state);
    let is_flagged = |flag| u32::from(record.header.flags) & flag != 0;
    let state = match (old, new) {
        (_, TCP_SYN_SENT) => FlowState::Attempt,
        (_, TCP_ESTABLISHED) => FlowState::Established,
        (_, TCP_LISTEN) | (TCP_LISTEN, TCP_CLOSE) => FlowState::Listening,
        (TCP_SYN_SENT, TCP_CLOSE) => failure(record.error),
        (_, TCP_CLOSE) => FlowState::Closed,
        _ => return Err(DecodeError::Kind(record.header.kind)),
    };
    let owner = known(&record.header.process, clock);
    let actor = known(&record.actor, clock);
    let inward = old == TCP_SYN_RECV
        || state == FlowState::Listening
        || is_flagged(record_flag::RECORD_FLAG_OWNER_LISTENS);
    let change = Connection {
        boot_ns: record.header.time_ns,
        socket: record.socket,
        accepted: old == TCP_SYN_RECV,
        open_before: is_flagged(record_flag::RECORD_FLAG_SNAPSHOT),
        over: new == TCP_CLOSE,
        translated: false,
        flow: Flow {
            owner,
            sender: actor.filter(|actor| Some(*actor) != owner),
            direction: if inward { Direction::In } else { Direction::Out },
            state,
            local: Endpoint {
                address: address(record.family, &record.local_address),
                port: record.local_port,
            },
            remote: Endpoint {
                address: address(record.family, &record.remote_address),
                port: record.remote_port,
            },
            bytes: record.bytes_sent,
            bytes_received: record.bytes_received,
            ..tcp_flow(clock.wall(record.header.time_ns))
        },
    };
    let credentials = actor.map(|_| credentials(&record.credentials));
    Ok(Record::Connections { credentials, changes: vec![change] })
}

fn via(number: u8) -> Via {
    match u32::from(number) {
        record_via::RECORD_VIA_SOCKET => Via::Socket,
        record_via::RECORD_VIA_RAW_IP => Via::RawIp,
        record_via::RECORD_VIA_PACKET => Via::Packet,
        record_via::RECORD_VIA_KERNEL => Via::Kernel,
        _ => Via::Forwarded,
    }
}

/// Packets with RECORD_FLAG_RECEIVED were taken in.
fn direction(flags: u16) -> (Direction, FlowState) {
    if u32::from(flags) & record_flag::RECORD_FLAG_RECEIVED != 0 {
        (Direction::In, FlowState::Received)
    } else {
        (Direction::Out, FlowState::Sent)
    }
}

/// A flow's bytes: sent, received.
fn bytes(direction: Direction, bytes: u64) -> (u64, u64) {
    if direction == Direction::In { (0, bytes) } else { (bytes, 0) }
}

pub(super) fn decode_packets(record: &record_packets, clock: &Clock) -> Record {
    let owner = known(&record.header.process, clock);
    let actor = known(&record.actor, clock);
    let (direction, state) = direction(record.header.flags);
    let (sent, received) = bytes(direction, record.bytes);
    let flow = Flow {
        owner,
        sender: actor.filter(|actor| Some(*actor) != owner),
        protocol: Protocol(record.protocol),
        via: via(record.via),
        direction,
        state,
        local: Endpoint { address: address(record.family, &record.local_address), port: record.local_port },
        remote: Endpoint {
            address: address(record.family, &record.remote_address),
            port: record.remote_port,
        },
        packets: record.packets,
        bytes: sent,
        bytes_received: received,
        tcp_flags: record.tcp_flags,
        first: clock.wall(record.first_ns),
        last: clock.wall(record.last_ns),
    };
    // Totals tell no ids: the batch with the flow's first packet did.
    let told = actor.filter(|_| record.credentials != record_credentials::default());
    Record::Packets {
        credentials: told.map(|_| credentials(&record.credentials)),
        flows: vec![(record.header.time_ns, flow)],
    }
}

pub(super) fn decode_batch(bytes: &[u8], clock: &Clock) -> Result<Record, DecodeError> {
    const HEAD: usize = std::mem::offset_of!(record_batch, targets);
    let kind = record_kind::RECORD_BATCH as u16;
    let short = DecodeError::Short { kind, bytes: bytes.len() };
    // The entries that were not written are read as zeros.
    let mut whole = [0; size_of::<record_batch>()];
    let given = whole.get_mut(..bytes.len()).filter(|given| given.len() >= HEAD).ok_or(short.clone())?;
    given.copy_from_slice(bytes);
    let batch: record_batch = read(&whole, kind)?;
    let targets = batch.targets.get(..batch.count as usize).ok_or(short.clone())?;
    if bytes.len() < HEAD + size_of_val(targets) {
        return Err(short);
    }
    let owner = known(&batch.header.process, clock);
    let actor = known(&batch.actor, clock);
    let credentials = actor.map(|_| credentials(&batch.credentials));
    let local = address(batch.family, &batch.local_address);
    let sender = actor.filter(|actor| Some(*actor) != owner);
    let base = Flow { owner, sender, ..tcp_flow(UnixNs::default()) };
    let ends = |target: &record_target| {
        let remote = address(batch.family, &target.remote_address);
        (
            Endpoint { address: local, port: target.local_port },
            Endpoint { address: remote, port: target.remote_port },
        )
    };
    if batch.protocol == Protocol::TCP.0 && via(batch.via) == Via::Socket {
        let changes = targets.iter().map(|target| {
            let boot_ns = batch.first_ns + u64::from(target.after_ns);
            let at = clock.wall(boot_ns);
            let over = target.state == TCP_CLOSE;
            let (local, remote) = ends(target);
            let state = if over { failure(u32::from(target.error)) } else { FlowState::Attempt };
            // A failure is told by whoever happens to run.
            let sender = sender.filter(|_| !over);
            Connection {
                boot_ns,
                socket: target.socket,
                accepted: false,
                open_before: false,
                over,
                translated: target.tcp_flags != 0,
                flow: Flow { sender, state, local, remote, first: at, last: at, ..base.clone() },
            }
        });
        return Ok(Record::Connections { credentials, changes: changes.collect() });
    }
    let (direction, state) = direction(batch.header.flags);
    let flows = targets.iter().map(|target| {
        let boot_ns = batch.first_ns + u64::from(target.after_ns);
        let at = clock.wall(boot_ns);
        let (local, remote) = ends(target);
        let (sent, received) = self::bytes(direction, u64::from(target.bytes));
        let flow = Flow {
            protocol: Protocol(batch.protocol),
            via: via(batch.via),
            direction,
            state,
            local,
            remote,
            packets: 1,
            bytes: sent,
            bytes_received: received,
            tcp_flags: target.tcp_flags,
            first: at,
            last: at,
            ..base.clone()
        };
        (boot_ns, flow)
    });
    Ok(Record::Packets { credentials, flows: flows.collect() })
}

pub(super) fn decode_bind(record: &record_bind, clock: &Clock) -> Record {
    let boot_ns = record.header.time_ns;
    let nowhere: IpAddr = match record.family {
        AF_INET => Ipv4Addr::UNSPECIFIED.into(),
        _ => Ipv6Addr::UNSPECIFIED.into(),
    };
    let flow = Flow {
        owner: known(&record.header.process, clock),
        protocol: match record.protocol {
            IPPROTO_MPTCP => Protocol::TCP,
            other => Protocol(u8::try_from(other).unwrap_or(0)),
        },
        direction: Direction::In,
        state: FlowState::Bound,
        local: Endpoint { address: address(record.family, &record.address), port: record.port },
        remote: Endpoint { address: nowhere, port: 0 },
        ..tcp_flow(clock.wall(boot_ns))
    };
    Record::Packets { credentials: None, flows: vec![(boot_ns, flow)] }
}
