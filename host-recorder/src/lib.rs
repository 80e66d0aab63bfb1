//! The host recorder: keeps a bounded history of what ran, who ran it, and what it sent.
//!
//! Data passes one way: [`capture`] (bytes from the kernel), [`decode`], [`recorder`] (with [`enrich`],
//! [`processes`] and [`flows`]), the ring of the crate `history`. It listens on no socket.

pub mod arrivals;
pub mod askers;
pub mod attached;
pub mod beginnings;
pub mod capture;
pub mod changes;
pub mod check;
pub mod clock;
pub mod commands;
pub mod config;
pub mod decode;
pub mod dns;
pub mod ends;
pub mod enrich;
pub mod flows;
pub mod heap;
pub mod hooks;
pub mod launched;
pub mod login_check;
pub mod metrics;
pub mod neighbours;
pub mod polls;
pub mod process_handle;
pub mod processes;
pub mod publish;
pub mod recorder;
mod room;
pub mod sandbox;
pub mod sessions;
pub mod socket;
pub mod status;
pub mod syscalls;
#[cfg(test)]
mod testing;
