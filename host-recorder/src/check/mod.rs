//! What this kernel and this host let the recorder see, and what to do about the rest, in plain words.
//!
//! [`kernel`] and [`host`] look; their judgements are functions of what was found, and are tested as such.

pub mod host;
pub mod kernel;

use serde::Serialize;

use crate::hooks::Hook;
use crate::hooks::HookState;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Nothing is missing; something could be better.
    Note,
    /// Something that the recorder tells elsewhere is missing here.
    Missing,
    /// Nothing can be recorded.
    Fatal,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at, in a word or two.
    pub subject: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What was found.
    pub says: String,
    /// What to do next, where something should be done.
    pub next: Option<String>,
}

impl Finding {
    /// As it should be.
    pub fn ok(subject: &'static str, says: impl Into<String>) -> Self {
        Self { subject, level: Level::Ok, says: says.into(), next: None }
    }

    /// Nothing missing, and something to do.
    pub fn note(subject: &'static str, says: impl Into<String>, next: impl Into<String>) -> Self {
        Self { subject, level: Level::Note, says: says.into(), next: Some(next.into()) }
    }

    /// Something is missing.
    pub fn missing(subject: &'static str, says: impl Into<String>, next: impl Into<String>) -> Self {
        Self { subject, level: Level::Missing, says: says.into(), next: Some(next.into()) }
    }

    /// Nothing can be recorded.
    pub fn fatal(subject: &'static str, says: impl Into<String>, next: impl Into<String>) -> Self {
        Self { subject, level: Level::Fatal, says: says.into(), next: Some(next.into()) }
    }
}

/// All that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The worst of the findings.
    pub verdict: Level,
    /// In the order in which they were looked at.
    pub findings: Vec<Finding>,
    /// Where the recorder looks in the kernel, and whether it may.
    pub hooks: Vec<Hook>,
}

impl Report {
    /// Puts findings together. A hook that is refused while others are in use is a finding of its own.
    pub fn new(mut findings: Vec<Finding>, hooks: Vec<Hook>) -> Self {
        if hooks.iter().any(|hook| hook.state == HookState::InUse) {
            findings.extend(hooks.iter().filter_map(|hook| {
                let why = hook.refusal()?;
                let says = format!("{} is refused ({why}): not recorded: {}", hook.name, hook.gives);
                Some(Finding::missing("hook", says, "use a newer kernel, or do without it"))
            }));
        }
        let verdict = findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok);
        Self { verdict, findings, hooks }
    }

    /// 0 when everything can be recorded, 1 when something is missing, 3 when nothing can be.
    pub fn exit_code(&self) -> u8 {
        match self.verdict {
            Level::Ok | Level::Note => 0,
            Level::Missing => 1,
            Level::Fatal => 3,
        }
    }

    /// For a person.
    pub fn text(&self) -> String {
        let mut lines = Vec::new();
        for Finding { subject, level, says, next } in &self.findings {
            let level = match level {
                Level::Ok => "ok",
                Level::Note => "note",
                Level::Missing => "MISSING",
                Level::Fatal => "FATAL",
            };
            let next = next.as_ref().map(|next| format!("; next: {next}")).unwrap_or_default();
            lines.push(format!("{level:<8} {subject:<13} {says}{next}"));
        }
        for hook in &self.hooks {
            let (state, why) = match &hook.state {
                HookState::InUse => ("hook", String::new()),
                HookState::Off(why) => ("off", format!(" ({why})")),
                HookState::Refused(_) => ("REFUSED", String::new()),
            };
            lines.push(format!("{state:<8} {}: {}{why}", hook.name, hook.gives));
        }
        let missing = self.findings.iter().filter(|finding| finding.level == Level::Missing).count();
        lines.push(match self.verdict {
            Level::Ok | Level::Note => "this host can be recorded completely".to_owned(),
            Level::Missing => format!("this host can be recorded; things missing: {missing}"),
            Level::Fatal => "this host cannot be recorded".to_owned(),
        });
        lines.join("\n") + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_decides_and_every_problem_says_what_is_next() {
        let check = |findings: Vec<Finding>, hooks: Vec<Hook>, code: u8, last: &str| {
            let report = Report::new(findings, hooks);
            assert_eq!(report.exit_code(), code);
            let text = report.text();
            assert!(text.trim_end().ends_with(last), "{text}");
            for line in text.lines().filter(|line| line.starts_with("MISSING") || line.starts_with("FATAL")) {
                assert!(line.contains("; next: "), "{line}");
            }
        };
        let ok = Finding::ok("a", "b");
        let missing = Finding::missing("c", "d", "e");
        check(vec![ok.clone()], vec![], 0, "completely");
        check(vec![ok.clone(), Finding::note("x", "y", "z")], vec![], 0, "completely");
        check(vec![missing.clone(), ok.clone()], vec![], 1, "missing: 1");
        check(vec![missing, Finding::fatal("f", "g", "h")], vec![], 3, "cannot be recorded");
        let refused = || Hook::new("r", "", HookState::Refused("no".to_owned()));
        let hooks = vec![Hook::new("u", "", HookState::InUse), refused()];
        check(vec![ok], hooks, 1, "missing: 1");
    }
}
