//! Playbooks: for each kind of abuse, what to ask, how to judge, what to say and what to propose - as data.
//!
//! Owns the files' form, their checks and the evaluation of their conditions (Common Expression Language).
//! Knows nothing of evidence: the investigation hands it facts, and gets yes or no.

mod condition;
mod file;
mod load;
mod resolve;
mod template;

use std::collections::BTreeMap;

pub use condition::Condition;
pub use condition::Facts;
pub use condition::Ready;
pub use file::Ask;
pub use file::Limit;
pub use file::Reply;
pub use file::Routing;
pub use file::Step;
pub use file::Tool;
pub use file::VerdictKind;
pub use load::PlaybookError;
pub use load::Playbooks;
pub use template::fill;

use crate::case::Activity;
use crate::case::Aside;

/// One playbook, complete: what its file leaves open stands in it as the default playbook has it.
#[derive(Debug, Clone)]
pub struct Playbook {
    /// Its name, the file's name without `.toml`.
    pub name: String,
    /// Its version; grows with every change of meaning.
    pub version: u32,
    /// What it is about, for people.
    pub title: String,
    /// The kinds of abuse it is for.
    pub activities: Vec<Activity>,
    /// The abuse in a sentence: "port scanning".
    pub abuse: String,
    /// Which time to ask for.
    pub ask: Ask,
    /// Numbers that the conditions use.
    pub limits: BTreeMap<String, Limit>,
    /// Tools that can be told by name or options.
    pub tools: Vec<Tool>,
    /// What a behaviour is, the first that holds wins.
    pub rules: Vec<Rule>,
    /// Signs that somebody else is in control.
    pub signs: Vec<Sign>,
    /// What to propose.
    pub steps: Vec<Step>,
    /// Headlines by verdict.
    pub headlines: BTreeMap<VerdictKind, String>,
    /// The answer to the reporter.
    pub reply: Reply,
    /// Letters to who writes about something that no host of ours did, by why.
    pub aside: BTreeMap<Aside, String>,
    /// Whom a verdict concerns.
    pub routing: Routing,
}

/// What a behaviour is.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its name.
    pub id: String,
    /// When it holds.
    pub when: Condition,
    /// What it means.
    pub verdict: VerdictKind,
    /// For a tool, its kind where the name is not known: "port scanner".
    pub kind: String,
    /// In words, with places for numbers: "{ports} ports on {addresses} addresses".
    pub says: String,
    /// The accusations that it explains; none means any.
    pub fits: Vec<Activity>,
    /// MITRE ATT&CK techniques.
    pub techniques: Vec<String>,
}

/// A sign that somebody else is in control.
#[derive(Debug, Clone)]
pub struct Sign {
    /// Its name.
    pub id: String,
    /// When it holds.
    pub when: Condition,
    /// In words.
    pub says: String,
    /// How much it tells; a compromise needs `limits.compromise_weight` in sum.
    pub weight: u32,
    /// MITRE ATT&CK techniques.
    pub techniques: Vec<String>,
}

impl Playbook {
    /// One of its limits as a whole number.
    pub fn limit(&self, name: &str) -> i64 {
        match self.limits.get(name) {
            Some(Limit::Whole(number)) => *number,
            Some(Limit::Real(number)) => *number as i64,
            None => 0,
        }
    }

    /// The steps for a verdict.
    pub fn steps_for(&self, verdict: VerdictKind) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(move |step| step.verdicts.is_empty() || step.verdicts.contains(&verdict))
    }
}
