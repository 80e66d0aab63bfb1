//! Facts of a text for a person: what was read, on which line, and why it was taken for that.

use super::document::Document;
use super::draft::Draft;
use super::limits;
use super::lines::Line;
use super::reading::Fact;
use super::record::Record;
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
    (times, records): (&Times, &[Option<Record>]),
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
    let rows = lines.iter().zip(records).filter_map(|(line, record)| Some((line, record.as_ref()?)));
    let written = rows.flat_map(|(line, record)| record.stamps.iter().map(move |stamp| (line, stamp)));
    for (line, stamp) in written.take(TIMES_MAX) {
        let why = "the time of a row".to_owned();
        push(draft, fact("time", raw_of_row(line, stamp), why, line.section, line.number));
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

/// A cell's time knows its place in the cell only: what the row's line has of the same moment is the same text.
fn raw_of_row(line: &Line<'_>, stamp: &Stamp) -> String {
    let same = |it: &&Stamp| *it == stamp || it.civil == stamp.civil;
    match line.stamps.iter().find(same) {
        Some(own) => raw(line, own),
        None => stamp.civil.to_string(),
    }
}

fn push(draft: &mut Draft, fact: Fact) {
    if draft.facts.len() < limits::FACTS_MAX {
        draft.facts.push(fact);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Context;
    use super::super::read;

    /// Returns the raw texts of a notice's times, each with why.
    fn times(text: &str) -> Vec<(String, String)> {
        let reading = read(text.as_bytes(), &Context::default());
        let times = reading.facts.into_iter().filter(|fact| fact.what == "time");
        times.map(|fact| (fact.why, fact.value)).collect()
    }

    #[test]
    fn times_are_shown_as_they_stand_in_the_notice() {
        for (text, why, raw) in [
            (
                "Your host scans us.\n\ntime,src_ip,dst_ip\n\"15/Jan/2024 10:00:00\",192.0.2.1,198.51.100.7\n",
                "the time of a row",
                "15/Jan/2024 10:00:00",
            ),
            (
                "Port scan from your network (UTC):\nJan 15 10:00:00 fw kernel: SRC=192.0.2.1 DST=198.51.100.7 PROTO=TCP SPT=4 DPT=22\n",
                "the time of a row",
                "Jan 15 10:00:00",
            ),
            (
                "Attack time: 15.01.2024 10:00:00 +0100\nSource IP: 192.0.2.1\nActivity: port scan\n",
                "a field that names the time",
                "15.01.2024 10:00:00 +0100",
            ),
            (
                "The host 192.0.2.1 scanned our ports on 15 January 2024 at 10:00 UTC.\n",
                "a time in the text",
                "15 January 2024 at 10:00 UTC",
            ),
        ] {
            let found = times(text);
            assert!(found.contains(&(why.to_owned(), raw.to_owned())), "{text}: {found:?}");
        }
    }
}
