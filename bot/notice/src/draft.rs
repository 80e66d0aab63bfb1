//! What one recogniser makes of its part of a notice, before the parts are joined.

use super::appeal::Appeal;
use super::reading::Fact;
use super::reading::Stage;
use crate::claim::Aside;
use crate::claim::Claim;
use crate::claim::Disposition;

/// What one recogniser found.
#[derive(Debug, Default, Clone)]
pub(super) struct Draft {
    /// The format's name in the contract.
    pub format: &'static str,
    /// The layout within it.
    pub layout: String,
    /// What is to become of the notice.
    pub disposition: Verdict,
    /// Why it accuses none of ours, where it does not.
    pub aside: Option<Aside>,
    /// The reporter's number.
    pub case_id: Option<String>,
    /// The accusations.
    pub claims: Vec<Claim>,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// Where each fact was read.
    pub facts: Vec<Fact>,
    /// Network interfaces.
    pub interfaces: Vec<String>,
    /// Ports of the accused.
    pub source_ports: Vec<u16>,
    /// The stage, where the format states it.
    pub stage: Option<Stage>,
    /// The key under which the same event comes again.
    pub dedupe: Option<String>,
    /// Numbers of AWS's cases that it names.
    pub case_numbers: Vec<String>,
    /// Further keys of its thread.
    pub keys: Vec<String>,
    /// The format names no activity that is known; the words around it may.
    pub activity_open: bool,
    /// What it tells in words, which are read as a letter's are.
    pub telling: Option<String>,
    /// What it tells in words where it came from the owner of another account: it is then read in its stead.
    pub told_by_owner: Option<String>,
    /// Its window is that of the telling; times that its words name are better.
    pub window_open: bool,
    /// It came as an AWS event, not as somebody's report.
    pub is_event: bool,
    /// It is an event for machines, not for people.
    pub quiet: bool,
}

/// A disposition that a draft can leave open.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing was recognised.
    #[default]
    Open,
    /// This.
    Is(Disposition),
}

impl Draft {
    /// Begins a draft.
    pub fn new(format: &'static str, layout: impl Into<String>, disposition: Disposition) -> Self {
        Self { format, layout: layout.into(), disposition: Verdict::Is(disposition), ..Self::default() }
    }

    /// Says whether it accuses somebody.
    pub fn accuses(&self) -> bool {
        self.disposition == Verdict::Is(Disposition::Claims)
    }

    /// Says whether it tells what the letter is about that carries it: an event of AWS's in one that does not complain.
    pub fn settles(&self, appeal: Appeal) -> bool {
        self.is_event && appeal != Appeal::Complains
    }

    /// Notes a fact of a structured value.
    pub fn note(&mut self, what: &'static str, value: impl Into<String>, path: &str) {
        let why = format!("the key {path}");
        self.facts.push(Fact {
            what,
            value: value.into(),
            role: None,
            why,
            part: self.format.to_owned(),
            line: None,
        });
    }
}
