//! Every line that is a row of a table or an entry of a log.

use std::collections::HashMap;
use std::collections::HashSet;
use std::net::IpAddr;

use super::activity;
use super::document::SectionRole;
use super::groups;
use super::heading;
use super::label;
use super::label::Role;
use super::lines::Line;
use super::lines::LineKind;
use super::list_intro;
use super::record;
use super::record::Record;
use super::resource;
use super::roles::Roles;
use super::sentence;
use super::table::Header;
use super::time::Precision;
use super::time::Zone;
use super::verdict;
use super::when;
use crate::claim::Activity;

/// Reads every line that is a row of a table or an entry of a log.
pub(super) fn records(lines: &[Line<'_>]) -> (Vec<Option<Record>>, Option<Zone>) {
    let mut records = Vec::with_capacity(lines.len());
    let mut header: Option<Header> = None;
    let mut zone = None;
    let (mut misses, mut rows) = (0, 0);
    // The day that the words above a table name, for columns that hold clocks alone.
    let mut day = String::new();
    let mut section = usize::MAX;
    let mut heading = None;
    let (mut ordinary, mut spoken_up_for, mut judged) = (Vec::new(), Vec::new(), 0);
    for (index, line) in lines.iter().enumerate() {
        if line.section != section {
            (header, heading) = (None, None);
            section = line.section;
        }
        if line.role == SectionRole::Subject || line.kind != LineKind::Statement {
            records.push(None);
            continue;
        }
        if let [stamp] = &line.stamps[..]
            && (line.spots.is_empty() || header.is_none())
        {
            day = stamp.civil.date().to_string();
        }
        if line.spots.is_empty() {
            if let Some(found) = Header::read(line).filter(|it| !is_over_another(it, lines, index)) {
                zone = zone.or(found.zone());
                header = Some(found.under(heading.take()));
                (misses, rows) = (0, 0);
            } else if let Some(found) = heading::of(lines, index) {
                // What it heads is no row of the table before.
                (header, heading) = (None, Some(found));
            } else if !line.is_blank() && !line.text.trim_start().starts_with(['#', '-', '=', '+']) {
                misses += 1;
            }
            records.push(None);
            continue;
        }
        let is_row = !line.stamps.is_empty()
            || line.is_item()
            || line.text.matches([',', '|', '\t', ';']).count() >= 3
            || line.text.trim().matches("  ").count() >= 2;
        // "Target: 192.0.2.1" below a table is a field of its own.
        let is_row =
            is_row && !(header.as_ref().is_some_and(Header::is_loose) && is_field_of_a_part(line.text));
        let is_row = is_row && !is_sentence(line);
        let row = header
            .as_ref()
            .filter(|header| is_row && (misses < 3 || (rows == 0 && !header.is_loose())))
            .and_then(|header| header.row(line, &day));
        let row =
            row.map(
                |row| {
                    if row.stamps.is_empty() { Record { stamps: line.stamps.clone(), ..row } } else { row }
                },
            );
        // What an arrow joins, no guess at columns turns around.
        let row = row.map(|row| match record::drawn_arrow(line) {
            Some(drawn) if row.source != drawn.source && drawn.source.is_some() && drawn.target.is_some() => {
                Record {
                    stamps: row.stamps,
                    protocol: row.protocol.or(drawn.protocol),
                    activity: row.activity,
                    ..drawn
                }
            }
            _ => row,
        });
        let row = row.map(|mut row| {
            // Its own column says that it was done to it.
            if row.target.is_none() && groups::is_attacked_row(line.text) {
                row.turn();
            }
            row
        });
        let row = row.map(|row| match row.source {
            None => Record {
                source_instance: resource::instances(line.text).into_iter().next().map(|(_, id)| id),
                ..row
            },
            Some(_) => row,
        });
        let head = header.as_ref().filter(|_| row.is_some() && rows < VERDICT_ROWS_MAX);
        let by_cell = head.is_some_and(|it| it.clears(line));
        if !by_cell && head.is_some_and(|it| it.speaks_up(line)) {
            spoken_up_for.push(index);
        }
        rows += usize::from(row.is_some());
        misses = if row.is_some() { 0 } else { misses };
        let is_statement = line.stamps.is_empty() && line.text.len() > 100 && line.text.ends_with('.');
        let record = row.or_else(|| record::read(line).filter(|_| !is_statement));
        if record.is_some() && judged < JUDGED_ROWS_MAX {
            judged += 1;
            if by_cell || verdict::is_ordinary_line(line.text) {
                ordinary.push(index);
            }
        }
        records.push(record);
    }
    // Whom a remark may speak up for is neither accused nor cleared.
    leave_out(&mut records, &ordinary, true);
    leave_out(&mut records, &spoken_up_for, false);
    (records, zone)
}

/// Has whom only these rows name be accused by none of them; `is_cleared` says whether they tell of what is ordinary. Where
/// all rows are such ones, that says nothing.
fn leave_out(records: &mut [Option<Record>], these: &[usize], is_cleared: bool) {
    if these.is_empty() {
        return;
    }
    let source = |record: &Record| (record.source, record.source_instance.clone());
    let is_other = |at: &usize| these.binary_search(at).is_err();
    let others: HashSet<_> = records
        .iter()
        .enumerate()
        .filter(|(at, _)| is_other(at))
        .filter_map(|(_, record)| record.as_ref().map(source))
        .filter(|(ip, instance)| ip.is_some() || instance.is_some())
        .collect();
    if others.is_empty() {
        return;
    }
    for at in these {
        let Some(record) = records[*at].as_mut().filter(|record| !others.contains(&source(record))) else {
            continue;
        };
        let spares = record.target.filter(|ip| others.iter().any(|(other, _)| *other == Some(*ip)));
        *record = Record { is_cleared, spares, ..Record::default() };
    }
}

/// Longer tables are logs, whose cells are no verdicts.
const VERDICT_ROWS_MAX: usize = 40;
/// Rows that are asked whether they tell of what is ordinary.
const JUDGED_ROWS_MAX: usize = 400;

/// "Targets (our network)" above the head of a table is no head itself.
fn is_over_another(header: &Header, lines: &[Line<'_>], index: usize) -> bool {
    header.is_loose() && heading::below(lines, index).is_some_and(|it| Header::read(it).is_some())
}

/// A line of words that ends as a sentence does, and tells no date, is no row.
fn is_sentence(line: &Line<'_>) -> bool {
    line.stamps.is_empty() && line.text.trim_end().ends_with(['.', '!', '?']) && line.has_words()
}

fn is_field_of_a_part(text: &str) -> bool {
    activity::field(text).is_some_and(|(name, _)| {
        text.trim_start()[name.len()..].starts_with(':')
            && name.len() <= 24
            && label::meaning(name).role.is_some()
    })
}

/// Ports from which a datagram is an answer that somebody else may have asked for: who sent the question is not known.
const AMPLIFIERS: [u16; 12] = [17, 19, 53, 111, 123, 137, 161, 389, 1900, 3283, 5353, 11211];

/// The two ends of a row, source first.
type Ends = (IpAddr, Option<u16>, IpAddr, Option<u16>);

/// Turns rows around that are the answers to other rows of the same list: an answer accuses nobody.
pub(super) fn turn_answers(records: &mut [Option<Record>]) {
    let mut asked: HashMap<Ends, Vec<usize>> = HashMap::new();
    for index in 0..records.len() {
        let Some(ends) = records[index].as_ref().and_then(ends) else { continue };
        let mirrored = (ends.2, ends.3, ends.0, ends.1);
        let is_amplified = [ends.1, ends.3].iter().flatten().any(|port| AMPLIFIERS.contains(port));
        if is_amplified || !asked.contains_key(&mirrored) {
            asked.entry(ends).or_default().push(index);
        } else if is_service(mirrored.1) && is_service(ends.3) && !is_service(ends.1) {
            // The answers stand before their question.
            let answers = asked.remove(&mirrored).unwrap_or_default();
            answers.into_iter().for_each(|at| records[at].iter_mut().for_each(Record::turn));
            asked.entry(ends).or_default().push(index);
        } else {
            records[index].iter_mut().for_each(Record::turn);
        }
    }
}

/// Says whether a host does it by what it serves to those who come to it.
pub(super) fn is_served(activity: Option<Activity>) -> bool {
    matches!(activity, Some(Activity::CommandAndControl | Activity::MalwareHosting | Activity::Phishing))
}

/// Turns rows around in which others come to a host that serves them what it should not, and that the notice names for it:
/// whose infected machines fetch their orders there is no accused, unless they are the reader's. Says whether it turned any.
pub(super) fn turn_visits(
    lines: &[Line<'_>],
    records: &mut [Option<Record>],
    activity: Option<Activity>,
    roles: &Roles,
) -> bool {
    if !is_served(activity) || roles.tallies.iter().any(|it| it.ours && it.visits()) {
        return false;
    }
    let hosts: HashSet<IpAddr> =
        roles.tallies.iter().filter(|it| it.is_only_visited()).map(|it| it.ip).collect();
    let comes_there = |record: &Record| {
        record.source.is_some() && record.target.is_some_and(|target| hosts.contains(&target))
    };
    let is_visit = |record: &Option<Record>| record.as_ref().is_some_and(comes_there);
    let first = records.iter().position(is_visit);
    if first.is_none_or(|first| are_readers(lines, first)) {
        return false;
    }
    // Where the words say of those that come there that they did it, and more than of the host, they are meant.
    let said = |ip: Option<IpAddr>| ip.map_or(0.0, |ip| roles.said_accused(ip));
    let is_of_visitors = |record: &Record| said(record.source) > said(record.target);
    if records.iter().flatten().filter(|record| comes_there(record)).any(is_of_visitors) {
        return false;
    }
    records.iter_mut().flatten().filter(|record| comes_there(record)).for_each(Record::turn);
    true
}

/// Lines above the first row, its head among them, of which one may introduce the list.
const INTRO_LINES: usize = 3;

/// Says whether what introduces a list calls those in it the reader's: "The following systems of yours visited it:".
fn are_readers(lines: &[Line<'_>], first: usize) -> bool {
    let above = lines[..first].iter().rev().filter(|line| !line.is_blank()).take(INTRO_LINES);
    above.filter(|line| line.text.trim_end().ends_with(':')).any(|line| {
        list_intro::read(line.text)
            .is_some_and(|(role, words)| role == Role::Accused && sentence::speak_of_readers(&words))
    })
}

fn ends(record: &Record) -> Option<Ends> {
    Some((record.source?, record.source_port, record.target?, record.target_port))
}

fn is_service(port: Option<u16>) -> bool {
    port.is_some_and(|port| port < record::ASKING_PORTS)
}

/// Takes log lines that name the accused without any direction as rows too: they tell when.
pub(super) fn with_mentions(
    lines: &[Line<'_>],
    records: Vec<Option<Record>>,
    roles: &Roles,
) -> Vec<Option<Record>> {
    let accused: HashSet<IpAddr> = roles.with(Role::Accused).into_iter().collect();
    let mention = |line: &Line<'_>| {
        let is_log = line.kind == LineKind::Statement
            && !matches!(line.role, SectionRole::Subject | SectionRole::Evidence)
            && line.stamps.first().is_some_and(|stamp| stamp.start < 24 && stamp.precision != Precision::Day);
        let source = line.spots.iter().filter_map(|spot| spot.ip).find(|ip| accused.contains(ip))?;
        is_log.then(|| Record { source: Some(source), stamps: line.stamps.clone(), ..Record::default() })
    };
    let records: Vec<Option<Record>> =
        lines.iter().zip(records).map(|(line, record)| record.or_else(|| mention(line))).collect();
    with_paragraphs(lines, records, &accused)
}

/// Where each of several paragraphs or items tells of another accused one with times of its own, each is a row.
fn with_paragraphs(
    lines: &[Line<'_>],
    mut records: Vec<Option<Record>>,
    accused: &HashSet<IpAddr>,
) -> Vec<Option<Record>> {
    if accused.len() < 2 || records.iter().flatten().any(|record| record.source.is_some()) {
        return records;
    }
    let mut told: Vec<(usize, Record)> = Vec::new();
    for (at, paragraph) in paragraphs(lines) {
        let named = paragraph.iter().flat_map(|line| &line.spots).filter_map(|spot| spot.ip);
        let sources: HashSet<IpAddr> = named.filter(|ip| accused.contains(ip)).collect();
        let stamps =
            paragraph.iter().flat_map(|line| line.stamps.iter().filter(|stamp| when::tells(line, stamp)));
        let stamps: Vec<_> = stamps.cloned().collect();
        let mut sources = sources.into_iter();
        if let (Some(source), None, false) = (sources.next(), sources.next(), stamps.is_empty()) {
            let words: Vec<&str> = paragraph.iter().map(|line| line.text).collect();
            let activity = activity::of_words(&words.join(" ")).filter(|it| *it != Activity::Other);
            told.push((at, Record { source: Some(source), stamps, activity, ..Record::default() }));
        }
    }
    let sources: HashSet<Option<IpAddr>> = told.iter().map(|(_, record)| record.source).collect();
    if sources.len() >= 2 {
        for (at, record) in told {
            records[at] = Some(record);
        }
    }
    records
}

/// Cuts a letter's own words into paragraphs and items of lists; each with where it begins.
fn paragraphs<'a, 'b>(lines: &'b [Line<'a>]) -> Vec<(usize, &'b [Line<'a>])> {
    let is_own = |line: &Line<'_>| line.kind == LineKind::Statement && line.role == SectionRole::Body;
    let begins_item = |line: &Line<'_>| {
        let text = line.text.trim_start();
        let rest = text.trim_start_matches(|letter: char| letter.is_ascii_digit());
        (rest.len() < text.len() && text.len() - rest.len() <= 2 && rest.starts_with(['.', ')']))
            || ["- ", "* ", "\u{2022}"].iter().any(|bullet| text.starts_with(bullet))
    };
    let mut all = Vec::new();
    let mut start = 0;
    for (at, line) in lines.iter().enumerate() {
        if line.is_blank() || !is_own(line) || begins_item(line) {
            all.push((start, &lines[start..at]));
            start = if line.is_blank() || !is_own(line) { at + 1 } else { at };
        }
    }
    all.push((start, &lines[start.min(lines.len())..]));
    all.retain(|(_, paragraph)| !paragraph.is_empty());
    all
}
