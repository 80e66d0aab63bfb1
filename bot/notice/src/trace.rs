//! Facts of a text for a person: what was read, on which line, and why it was taken for that.

use super::document::Document;
use super::draft::Draft;
use super::limits;
use super::lines::Line;
use super::reading::Fact;
use super::resource;
use super::roles::Roles;
use super::time::Stamp;
use super::when::Times;
use crate::claim::Activity;

/// How many times of each kind are shown.
const TIMES_MAX: usize = 100;

/// Writes down where each fact of a text was read.
pub(super) fn record(
    draft: &mut Draft,
    lines: &[Line<'_>],
    document: &Document,
    roles: &Roles,
    times: &Times,
    activity: Option<Activity>,
) {
    let part = |section: usize| document.sections.get(section).map(|it| it.name.clone()).unwrap_or_default();
    let fact = |what, value, why: String, section, line| Fact {
        what,
        value,
        role: None,
        why,
        part: part(section),
        line: Some(line),
    };
    for line in lines {
        for (_, id) in resource::instances(line.text) {
            push(draft, fact("instance", id, "an instance id".to_owned(), line.section, line.number));
        }
    }
    for tally in &roles.tallies {
        let role = roles.role_of(tally);
        for vote in &tally.votes {
            let agrees = if role == Some(vote.role) { "" } else { "outvoted: " };
            let why = format!("{agrees}{}", vote.why);
            let fact = fact("address", tally.ip.to_string(), why, vote.section, vote.line);
            push(draft, Fact { role, ..fact });
        }
    }
    for (stamps, why) in [
        (&times.labelled, "a field that names the time"),
        (&times.told, "a time in the text"),
        (&times.deadlines, "by when an answer is wanted"),
    ] {
        for stamp in stamps.iter().take(TIMES_MAX) {
            if let Some(line) = lines.iter().find(|line| line.stamps.contains(stamp)) {
                push(draft, fact("time", raw(line, stamp), why.to_owned(), line.section, line.number));
            }
        }
    }
    if let Some(activity) = activity {
        let why = "the words that weigh most".to_owned();
        let value = format!("{activity:?}");
        push(draft, Fact { what: "activity", value, role: None, why, part: String::new(), line: None });
    }
}

fn raw(line: &Line<'_>, stamp: &Stamp) -> String {
    line.text.get(stamp.start..stamp.end).unwrap_or_default().trim().to_owned()
}

fn push(draft: &mut Draft, fact: Fact) {
    if draft.facts.len() < limits::FACTS_MAX {
        draft.facts.push(fact);
    }
}
