//! The history of a host: its events, the ring that keeps them, and the evidence that answers a window.
//!
//! Knows neither BPF nor AWS. The recorder writes with it; the bot reads evidence with it.

mod event;
mod evidence;
mod id;
mod query;
pub mod redact;
mod ring;
mod targets;
mod text;
mod wire;

#[cfg(test)]
mod testing;

pub use event::Body;
pub use event::Container;
pub use event::Credentials;
pub use event::Direction;
pub use event::Dns;
pub use event::Endpoint;
pub use event::Event;
pub use event::Flow;
pub use event::FlowState;
pub use event::Login;
pub use event::LossClass;
pub use event::Namespaces;
pub use event::Operation;
pub use event::OperationKind;
pub use event::Process;
pub use event::ProcessFlags;
pub use event::Protocol;
pub use event::RecorderAct;
pub use event::Seen;
pub use event::Via;
pub use evidence::Activity;
pub use evidence::Coverage;
pub use evidence::DnsEvent;
pub use evidence::Evidence;
pub use evidence::Exit;
pub use evidence::FlowEvent;
pub use evidence::Gap;
pub use evidence::Host;
pub use evidence::LoginEvent;
pub use evidence::Loss;
pub use evidence::Omission;
pub use evidence::OperationEvent;
pub use evidence::Prefix;
pub use evidence::Request;
pub use evidence::VERSION;
pub use evidence::Window;
pub use id::BadProcessId;
pub use id::BootId;
pub use id::EventId;
pub use id::ProcessId;
pub use id::UnixNs;
pub use query::QueryError;
pub use query::query;
pub use query::recorded_to;
pub use ring::KnownProcesses;
pub use ring::Ring;
pub use ring::RingError;
pub use ring::RingLimits;
pub use ring::RingSize;
pub use ring::events;
pub use targets::EndpointSet;
pub use targets::Targets;
pub use targets::with_targets;
pub use text::text;
pub use wire::SSM_LIMIT;
pub use wire::WireError;
pub use wire::decode_evidence;
pub use wire::decode_request;
pub use wire::encode_evidence;
pub use wire::encode_request;
