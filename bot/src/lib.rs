//! Gumshoe's investigator: from a notice to who did what on which host, and why.
//!
//! Data passes one way: notice, claims, case, host, evidence, findings, verdict, report.

pub mod aws;
pub mod case;
pub mod commands;
pub mod config;
pub mod desk;
pub mod hosts;
pub mod intake;
pub mod investigate;
pub mod locate;
pub mod operations;
pub mod pipeline;
pub mod playbook;
pub mod report;
pub mod slack;
#[cfg(test)]
mod testing;
pub mod untrusted;

pub use notice;
