//! The form of a playbook file. Unknown keys are errors, so that a slip of the pen is not a silent default.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;

use crate::case::Activity;
use crate::case::Aside;
use crate::case::Verdict;

/// Version of the form.
pub(super) const SCHEMA: u32 = 1;

/// A playbook as it stands in its file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub schema: u32,
    pub name: String,
    pub version: u32,
    pub title: String,
    #[serde(default)]
    pub activities: Vec<Activity>,
    pub abuse: Option<String>,
    pub ask: Option<Ask>,
    #[serde(default)]
    pub limits: BTreeMap<String, Limit>,
    #[serde(default, rename = "tool")]
    pub tools: Vec<Tool>,
    #[serde(default, rename = "rule")]
    pub rules: Vec<RuleText>,
    #[serde(default, rename = "sign")]
    pub signs: Vec<SignText>,
    #[serde(default, rename = "step")]
    pub steps: Vec<Step>,
    #[serde(default)]
    pub headlines: BTreeMap<VerdictKind, String>,
    pub reply: Option<Reply>,
    /// Letters to who writes about something that no host of ours did, by why; what has none is not answered.
    #[serde(default)]
    pub aside: BTreeMap<Aside, String>,
    pub routing: Option<Routing>,
}

/// Which time to ask a host for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// Minutes before the claimed time, against reporters whose clocks or zones are off.
    pub minutes_before: u32,
    /// Minutes after it.
    pub minutes_after: u32,
    /// Hours before the notice, where it names no time.
    pub hours_without_time: u32,
}

/// A number that conditions use.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Limit {
    /// A whole number.
    Whole(i64),
    /// A share, a rate.
    Real(f64),
}

/// A tool that can be told by name or options.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// File names of its program.
    pub programs: Vec<String>,
    /// Options that few other programs have; two of them tell a renamed one.
    #[serde(default)]
    pub options: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleText {
    pub id: String,
    pub when: String,
    pub verdict: VerdictKind,
    #[serde(default)]
    pub kind: String,
    pub says: String,
    #[serde(default)]
    pub fits: Vec<Activity>,
    #[serde(default)]
    pub techniques: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignText {
    pub id: String,
    pub when: String,
    pub says: String,
    pub weight: u32,
    #[serde(default)]
    pub techniques: Vec<String>,
}

/// Something to propose.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// For which verdicts; none means all.
    #[serde(default)]
    pub verdicts: Vec<VerdictKind>,
    /// In words, with places for facts.
    pub text: String,
}

/// The answer to the reporter.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// The letter, with places for facts and for the parts below.
    pub letter: String,
    /// The cause, by verdict.
    pub cause: BTreeMap<VerdictKind, String>,
    /// What was or will be done about it, by verdict; what only a person knows stands in square brackets.
    pub remedy: BTreeMap<VerdictKind, String>,
}

/// Whom a verdict concerns.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Routing {
    /// Verdicts for the security team.
    pub security: Vec<VerdictKind>,
    /// Verdicts for the owner of the application or host.
    pub owner: Vec<VerdictKind>,
}

/// A verdict without its details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictKind {
    /// See [`Verdict::Tool`].
    Tool,
    /// See [`Verdict::MisbehavingApplication`].
    MisbehavingApplication,
    /// See [`Verdict::Compromise`].
    Compromise,
    /// See [`Verdict::ExposedService`].
    ExposedService,
    /// See [`Verdict::Forwarded`].
    Forwarded,
    /// See [`Verdict::NotThisHost`].
    NotThisHost,
    /// See [`Verdict::Unknown`].
    Unknown,
}

impl VerdictKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Tool,
        Self::MisbehavingApplication,
        Self::Compromise,
        Self::ExposedService,
        Self::Forwarded,
        Self::NotThisHost,
        Self::Unknown,
    ];

    /// The verdict of this kind; a tool gets its name.
    pub fn verdict(self, name: &str) -> Verdict {
        match self {
            Self::Tool => Verdict::Tool { name: name.to_owned() },
            Self::MisbehavingApplication => Verdict::MisbehavingApplication,
            Self::Compromise => Verdict::Compromise,
            Self::ExposedService => Verdict::ExposedService,
            Self::Forwarded => Verdict::Forwarded,
            Self::NotThisHost => Verdict::NotThisHost,
            Self::Unknown => Verdict::Unknown,
        }
    }
}

impl From<&Verdict> for VerdictKind {
    fn from(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Tool { .. } => Self::Tool,
            Verdict::MisbehavingApplication => Self::MisbehavingApplication,
            Verdict::Compromise => Self::Compromise,
            Verdict::ExposedService => Self::ExposedService,
            Verdict::Forwarded => Self::Forwarded,
            Verdict::NotThisHost => Self::NotThisHost,
            Verdict::Unknown => Self::Unknown,
        }
    }
}
