//! When a flow in a log was, read without the rest of it: most of a log are flows, and a question about another time
//! needs of them nothing more. Pure. Knows the order of the fields of [`crate::Event`] and [`crate::Flow`] as postcard writes
//! them; whatever reads otherwise is left to postcard.

use crate::id::EventId;
use crate::id::UnixNs;

/// What [`crate::Body::Flow`] is numbered as.
const FLOW: u64 = 5;

/// A flow that was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Passed {
    /// The event's number.
    pub(crate) id: EventId,
    /// The event's time.
    pub(crate) time: UnixNs,
    /// The same since boot, ns.
    pub(crate) boot_ns: u64,
    /// The flow's first packet or attempt.
    pub(crate) first: UnixNs,
    /// Its last packet or change.
    pub(crate) last: UnixNs,
}

/// The times of an event that is a flow.
pub(crate) fn flow(payload: &[u8]) -> Option<Passed> {
    let mut rest = Rest(payload);
    let (id, time) = (rest.number()?, rest.signed()?);
    let boot_ns = rest.number()?;
    if rest.number()? != FLOW {
        return None;
    }
    // Owner and sender.
    rest.process()?;
    rest.process()?;
    rest.bytes(1)?;
    // Kind of socket, direction, state.
    rest.numbers(3)?;
    rest.endpoint()?;
    rest.endpoint()?;
    // Packets, bytes sent and received, flags.
    rest.numbers(3)?;
    rest.bytes(1)?;
    let (first, last) = (rest.signed()?, rest.signed()?);
    let whole = rest.0.is_empty();
    whole.then_some(Passed { id, time: UnixNs(time), boot_ns, first: UnixNs(first), last: UnixNs(last) })
}

/// What is not read yet.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn number(&mut self) -> Option<u64> {
        let mut value = 0;
        for (nth, byte) in self.0.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * nth);
            if byte & 0x80 == 0 {
                self.0 = &self.0[nth + 1..];
                return Some(value);
            }
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        let value = self.number()?;
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    fn numbers(&mut self, count: usize) -> Option<()> {
        for _ in 0..count {
            let end = self.0.iter().take(10).position(|byte| byte & 0x80 == 0)?;
            self.0 = &self.0[end + 1..];
        }
        Some(())
    }

    fn bytes(&mut self, count: usize) -> Option<()> {
        self.0 = self.0.get(count..)?;
        Some(())
    }

    /// One that may not be there.
    fn process(&mut self) -> Option<()> {
        match self.0.split_first()? {
            (0, rest) => self.0 = rest,
            (1, rest) => {
                self.0 = rest;
                self.numbers(4)?;
            }
            _ => return None,
        }
        Some(())
    }

    fn endpoint(&mut self) -> Option<()> {
        let length = match self.number()? {
            0 => 4,
            1 => 16,
            _ => return None,
        };
        self.bytes(length)?;
        self.numbers(1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::Body;
    use crate::event::Direction;
    use crate::event::Endpoint;
    use crate::event::Event;
    use crate::event::Flow;
    use crate::event::FlowState;
    use crate::event::Protocol;
    use crate::event::Via;
    use crate::id::BootId;
    use crate::id::ProcessId;

    fn process() -> impl Strategy<Value = Option<ProcessId>> {
        let some = any::<(u64, u32, u64, u32)>();
        proptest::option::of(some).prop_map(|id| {
            id.map(|(boot, tgid, start_ns, exec)| ProcessId { boot: BootId(boot), tgid, start_ns, exec })
        })
    }

    fn endpoint() -> impl Strategy<Value = Endpoint> {
        any::<(std::net::IpAddr, u16)>().prop_map(|(address, port)| Endpoint { address, port })
    }

    prop_compose! {
        fn event()(
            (id, time, boot_ns) in any::<(u64, i64, u64)>(),
            (owner, sender) in (process(), process()),
            (local, remote) in (endpoint(), endpoint()),
            (protocol, tcp_flags) in any::<(u8, u8)>(),
            (packets, bytes, bytes_received) in any::<(u64, u64, u64)>(),
            (first, last) in any::<(i64, i64)>(),
            via in prop_oneof![Just(Via::Socket), Just(Via::Packet)],
            direction in prop_oneof![Just(Direction::In), Just(Direction::Out)],
            state in prop_oneof![Just(FlowState::Sent), Just(FlowState::Closed), Just(FlowState::Listening)],
        ) -> Event {
            let flow = Flow {
                owner, sender, protocol: Protocol(protocol), via, direction, state, local, remote, packets,
                bytes, bytes_received, tcp_flags, first: UnixNs(first), last: UnixNs(last),
            };
            Event { id, time: UnixNs(time), boot_ns, body: Body::Flow(Box::new(flow)) }
        }
    }

    proptest! {
        #[test]
        fn the_times_of_any_flow_are_read_as_postcard_reads_them(event in event()) {
            let payload = postcard::to_stdvec(&event).unwrap();
            let Body::Flow(written) = &event.body else { unreachable!() };
            let Event { id, time, boot_ns, .. } = event;
            let expected = Passed { id, time, boot_ns, first: written.first, last: written.last };
            prop_assert_eq!(flow(&payload), Some(expected));
            for end in 0..payload.len() {
                prop_assert_eq!(flow(&payload[..end]), None, "cut at {}", end);
            }
        }

        #[test]
        fn any_bytes_are_read_to_an_end(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = flow(&bytes);
        }
    }

    #[test]
    fn what_is_no_flow_is_left_to_postcard() {
        for event in crate::testing::events(40) {
            let payload = postcard::to_stdvec(&event).unwrap();
            assert_eq!(flow(&payload).is_some(), matches!(event.body, Body::Flow(_)), "{event:?}");
        }
    }
}
