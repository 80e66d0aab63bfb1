//! Gumshoe's investigator: from a notice to who did what on which host, and why.
//!
//! Data passes one way: notice, claims, case, host, evidence, findings, verdict, report.

pub mod case;
pub mod commands;
pub mod investigate;
pub mod notice;
pub mod playbook;
pub mod report;
pub mod untrusted;
