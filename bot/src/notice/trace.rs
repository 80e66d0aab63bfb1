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
use crate::case::Activity;

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
    for line in lines {
        for (_, id) in resource::instances(line.text) {
            let why = "an instance id".to_owned();
            push(
                draft,
                Fact {
                    what: "instance",
                    value: id,
                    role: None,
                    why,
                    part: part(line.section),
                    line: Some(line.number),
                },
            );
        }
    }
    for tally in &roles.tallies {
        let role = tally.role();
        for vote in &tally.votes {
            let agrees = if role == Some(vote.role) { "" } else { "outvoted: " };
            let why = format!("{agrees}{}", vote.why);
            let value = tally.ip.to_string();
            push(
                draft,
                Fact { what: "address", value, role, why, part: part(vote.section), line: Some(vote.line) },
            );
        }
    }
    for (stamps, why) in [
        (&times.labelled, "a field that names the time"),
        (&times.told, "a time in the text"),
        (&times.deadlines, "by when an answer is wanted"),
    ] {
        for stamp in stamps {
            let Some(line) = lines.iter().find(|line| line.stamps.contains(stamp)) else {
                continue;
            };
            let value = raw(line, stamp);
            push(
                draft,
                Fact {
                    what: "time",
                    value,
                    role: None,
                    why: why.to_owned(),
                    part: part(line.section),
                    line: Some(line.number),
                },
            );
        }
    }
    if let Some(activity) = activity {
        let why = "the words that weigh most".to_owned();
        push(
            draft,
            Fact {
                what: "activity",
                value: format!("{activity:?}"),
                role: None,
                why,
                part: String::new(),
                line: None,
            },
        );
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
