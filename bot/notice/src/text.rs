//! Words to claims: every notice that is not a structured event, whoever sent it.
//!
//! There are no rules for one sender here. What an address is follows from labels, columns, log
//! lines and words (`roles`), what a time is from the same (`when`), and what cannot be settled is
//! said and left open.

use std::net::IpAddr;
use std::sync::LazyLock;

use jiff::SignedDuration;
use jiff::Timestamp;
use regex::Regex;

use super::Context;
use super::activity;
use super::address;
use super::blocks;
use super::caution;
use super::claims;
use super::claims::Whole;
use super::document::Document;
use super::document::SectionRole;
use super::draft::Draft;
use super::groups;
use super::label::Role;
use super::lines::Line;
use super::lines::LineKind;
use super::links;
use super::pattern::compile;
use super::ports;
use super::received;
use super::record;
use super::record::Record;
use super::relative;
use super::resource;
use super::roles;
use super::roles::Roles;
use super::table::Header;
use super::time::Resolver;
use super::time::Stamp;
use super::time::Zone;
use super::trace;
use super::when;
use super::when::Times;
use crate::claim::Accused;
use crate::claim::Activity;
use crate::claim::Claim;
use crate::claim::Remote;

/// Times in sentences that lie further from the first one are not the same incident's.
const TOLD_APART_MAX: SignedDuration = SignedDuration::from_hours(48);
/// Times in fields may span a long campaign.
const LABELLED_APART_MAX: SignedDuration = SignedDuration::from_hours(24 * 60);

/// What a text says, before it is known what is to become of it.
pub(super) struct TextReading {
    /// Claims, facts, warnings.
    pub draft: Draft,
    /// The activity, where words name one.
    pub activity: Option<Activity>,
    /// By when an answer is wanted.
    pub deadline: Option<Timestamp>,
    /// Something in it was attacked that is ours.
    pub ours_is_victim: bool,
    /// It names a public address that is nobody's in particular.
    pub names_addresses: bool,
    /// When the notice says, outside of its rows, that it happened.
    pub general: Option<super::time::Interval>,
}

/// Reads all texts of a notice: first what its sender says, then, when that accuses nobody, the
/// messages inside it.
pub(super) fn read(
    lines: &[Line<'_>],
    document: &Document,
    context: &Context,
    sent: Option<Timestamp>,
) -> TextReading {
    let outer = lines.partition_point(|line| line.role != SectionRole::Nested);
    let reading = read_lines(&lines[..outer], document, context, sent);
    let accuses = reading.draft.claims.iter().any(|claim| !is_nobody(&claim.accused));
    if accuses || outer == lines.len() {
        return reading;
    }
    read_lines(lines, document, context, sent)
}

/// Says whether a claim names nobody.
pub(super) fn is_nobody(accused: &Accused) -> bool {
    accused.instance_ids.is_empty() && accused.addresses.is_empty() && accused.hostnames.is_empty()
}

fn read_lines(
    lines: &[Line<'_>],
    document: &Document,
    context: &Context,
    sent: Option<Timestamp>,
) -> TextReading {
    let (mut records, column_zone) = records(lines);
    let blocks = blocks::read(lines);
    for (index, record) in blocks.records {
        records[index].get_or_insert(record);
    }
    let instances = groups::instances(lines);
    let ours = instances.iter().any(|it| !it.is_victim) || is_aws(lines);
    let instance_attacked = instances.iter().any(|it| it.is_victim);
    let mut roles = roles::weigh(lines, &records, &context.own_addresses, ours);
    let activity = activity::of_lines(lines);
    let mut draft = Draft::default();
    settle_the_sender(lines, &mut roles, &instances, activity, &mut draft);
    settle_the_only_one(&mut roles, &instances, activity, &mut draft);

    let times = when::sort(lines, &records, &blocks.lines);
    let resolver = resolver(lines, &records, &times, sent, column_zone);
    let accused_instances: Vec<groups::Instance> = instances.into_iter().filter(|it| !it.is_victim).collect();
    let mut accused = groups::join(lines, &roles, &accused_instances);
    links::add_hosts(lines, activity, document, &mut accused);

    let mut whole = Whole {
        interval: general_interval(&resolver, &times),
        remotes: victims(lines, &roles, &accused),
        activity: Activity::Other,
    };
    if whole.interval.is_none() {
        whole.interval =
            header_interval(lines, &resolver, &roles).or_else(|| relative::interval(lines, &resolver));
    }
    whole.activity = activity
        .filter(|activity| *activity != Activity::Other)
        .or_else(|| ports::guess(&records, &whole.remotes))
        .unwrap_or(Activity::Other);
    let records = with_mentions(lines, records, &roles);
    draft.claims = claims_of(&accused, &records, &resolver, &whole, !times.labelled.is_empty());
    draft.interfaces = interfaces(lines);
    draft.source_ports = ports::of_source(&records, &roles);
    caution::add(&mut draft, lines, &roles, &resolver);
    trace::record(&mut draft, lines, document, &roles, &times, activity);
    let deadline =
        times.deadlines.iter().find_map(|stamp| resolver.resolve(stamp)).map(|interval| interval.to);
    let no_instance = accused.iter().all(|it| it.instance_ids.is_empty());
    let ours_is_victim = no_instance
        && (instance_attacked
            || roles.ours_attacked()
            || (!roles.text_accuses() && says_ours_attacked(lines)));
    TextReading {
        draft,
        activity,
        deadline,
        ours_is_victim,
        names_addresses: roles.tallies.iter().any(|tally| {
            !address::is_private(tally.ip) && roles.role_of(tally) != Some(Role::Infrastructure)
        }),
        general: whole.interval,
    }
}

/// "We have detected an attack on your address": the one who is written to is the victim.
static OURS_ATTACKED: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:attacks?|flood|ddos|dos)\s+(?:(?:was|is|has been)\s+)?(?:(?:detected|directed|seen)\s+)?(?:on|against|towards?|targeting|at|to)\s+your\s+(?:ip|address|server|host|instance|system|machine|service|network|infrastructure)|\byour\s+(?:ip|address|server|host|instance|system|machine|service|network|infrastructure)\b(?:[^.;]|\.\S){0,60}\s(?:is|was|were|has been|came)\s+(?:\w+ly\s+)?under\s+(?:an?\s+)?(?:[\w-]+\s+){0,2}?(?:attack|ddos)",
    )
});

/// Says whether the sender's own words tell the reader of an attack on what is the reader's.
fn says_ours_attacked(lines: &[Line<'_>]) -> bool {
    let own = |line: &&Line<'_>| {
        line.kind == LineKind::Statement
            && !line.is_quoted
            && matches!(line.role, SectionRole::Subject | SectionRole::Body)
    };
    lines.iter().filter(own).take(200).any(|line| OURS_ATTACKED.is_match(line.text))
}

/// Returns the network interfaces that a text names.
fn interfaces(lines: &[Line<'_>]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for id in lines.iter().flat_map(|line| resource::interfaces(line.text)) {
        if !all.contains(&id) {
            all.push(id);
        }
    }
    all
}

/// Reads every line that is a row of a table or an entry of a log.
fn records(lines: &[Line<'_>]) -> (Vec<Option<Record>>, Option<Zone>) {
    let mut records = Vec::with_capacity(lines.len());
    let mut header: Option<Header> = None;
    let mut zone = None;
    let (mut misses, mut rows) = (0, 0);
    let mut section = usize::MAX;
    for line in lines {
        if line.section != section {
            header = None;
            section = line.section;
        }
        if line.role == SectionRole::Subject || line.kind != LineKind::Statement {
            records.push(None);
            continue;
        }
        if line.spots.is_empty() {
            if let Some(found) = Header::read(line) {
                zone = zone.or(found.zone());
                header = Some(found);
                (misses, rows) = (0, 0);
            } else if !line.is_blank() && !line.text.trim_start().starts_with(['#', '-', '=', '+']) {
                misses += 1;
            }
            records.push(None);
            continue;
        }
        let is_row = !line.stamps.is_empty()
            || line.is_item()
            || line.text.matches([',', '|', '\t', ';']).count() >= 3;
        let row = header
            .as_ref()
            .filter(|header| is_row && (misses < 3 || (rows == 0 && !header.is_loose())))
            .and_then(|header| header.row(line));
        let row =
            row.map(
                |row| {
                    if row.stamps.is_empty() { Record { stamps: line.stamps.clone(), ..row } } else { row }
                },
            );
        rows += usize::from(row.is_some());
        misses = if row.is_some() { 0 } else { misses };
        let is_statement = line.stamps.is_empty() && line.text.len() > 100 && line.text.ends_with('.');
        records.push(row.or_else(|| record::read(line).filter(|_| !is_statement)));
    }
    (records, zone)
}

/// Where a complaint about mail accuses nobody, the one who handed the mail over is meant.
fn settle_the_sender(
    lines: &[Line<'_>],
    roles: &mut Roles,
    instances: &[groups::Instance],
    activity: Option<Activity>,
    draft: &mut Draft,
) {
    let about_mail = matches!(activity, Some(Activity::Spam | Activity::Phishing));
    if !about_mail || !instances.is_empty() || !roles.with(Role::Accused).is_empty() {
        return;
    }
    if let Some((ip, at)) = received::handed_over_by(lines)
        && roles.settle_sender(ip, &lines[at])
    {
        draft.warnings.push(format!(
            "{ip} is taken for the accused because it handed the offending mail over, as the receiver's headers say"
        ));
    }
}

/// Where a notice of an attack names one address and no instance, that address is meant.
fn settle_the_only_one(
    roles: &mut Roles,
    instances: &[groups::Instance],
    activity: Option<Activity>,
    draft: &mut Draft,
) {
    let nobody = instances.is_empty() && roles.with(Role::Accused).is_empty();
    if nobody && activity.is_some() && roles.tallies.len() > 1 && roles.settle_list() {
        draft
            .warnings
            .push("the addresses that stand alone in its log lines are taken for the accused".to_owned());
    }
    if nobody
        && activity.is_some()
        && roles.tallies.len() > 1
        && let Some(ip) = roles.settle_last()
    {
        draft
            .warnings
            .push(format!("{ip} is taken for the accused because all other addresses are somebody else's"));
    }
    let only_one = roles.tallies.len() == 1 && instances.is_empty() && activity.is_some();
    if !only_one || roles.tallies[0].role().is_some() || address::is_private(roles.tallies[0].ip) {
        return;
    }
    let tally = &mut roles.tallies[0];
    tally.settle_as_only();
    draft
        .warnings
        .push(format!("{} is taken for the accused because it is the only address named", tally.ip));
}

/// Learns the zone: stated, or found by one time that is written with it.
fn resolver(
    lines: &[Line<'_>],
    records: &[Option<Record>],
    times: &Times,
    sent: Option<Timestamp>,
    zone: Option<Zone>,
) -> Resolver {
    let mut resolver = when::resolver(lines, sent, zone);
    if resolver.stated.is_some() {
        return resolver;
    }
    let rows: Vec<&Stamp> = records.iter().flatten().flat_map(|record| &record.stamps).collect();
    let every = || times.labelled.iter().chain(&times.told);
    let ends = rows.first().into_iter().chain(rows.last()).copied();
    let unzoned: Vec<&Stamp> = every().chain(ends).filter(|stamp| stamp.zone.is_none()).take(64).collect();
    let zoned: Vec<&Stamp> =
        every().chain(rows.iter().copied().take(4)).filter(|stamp| stamp.zone.is_some()).take(16).collect();
    if let Some(zone) = when::calibrate(&resolver, &unzoned, &zoned) {
        resolver.stated = Some((zone, crate::claim::ZoneSource::Prose));
    }
    resolver
}

/// Returns when the notice says, outside of its rows, that it happened.
fn general_interval(resolver: &Resolver, times: &Times) -> Option<super::time::Interval> {
    let labelled: Vec<&Stamp> = times.labelled.iter().collect();
    let told: Vec<&Stamp> = times.told.iter().collect();
    when::join(resolver, &labelled, LABELLED_APART_MAX)
        .or_else(|| when::join(resolver, &told, TOLD_APART_MAX))
}

/// Returns when a relay took the offending mail from the accused, where nothing else tells a time.
fn header_interval(lines: &[Line<'_>], resolver: &Resolver, roles: &Roles) -> Option<super::time::Interval> {
    let accused = roles.with(Role::Accused);
    let names =
        |line: &Line<'_>| line.spots.iter().filter_map(|spot| spot.ip).any(|ip| accused.contains(&ip));
    let headers = lines.iter().enumerate().filter(|(_, line)| line.kind == LineKind::Header);
    // The time of a Received header may stand on its next line.
    let found = headers.filter(|(_, line)| names(line)).find_map(|(at, _)| {
        let near = lines[at..].iter().take(3).take_while(|line| line.kind == LineKind::Header);
        near.flat_map(|line| &line.stamps).next()
    });
    resolver.resolve(found?)
}

/// Returns the victims that the text names, with the ports that it names for them.
fn victims(lines: &[Line<'_>], roles: &Roles, accused: &[Accused]) -> Vec<Remote> {
    let is_accused = |ip: &IpAddr| accused.iter().any(|it| it.addresses.contains(ip));
    let named = ports::labelled(lines);
    let mut remotes = Vec::new();
    let victims: Vec<IpAddr> = roles.with(Role::Victim).into_iter().filter(|ip| !is_accused(ip)).collect();
    let mut beside = ports::beside(lines, &victims.iter().copied().collect());
    for ip in victims {
        if let Some(own) = beside.remove(&ip).filter(|_| named.is_empty()) {
            remotes.extend(own);
            continue;
        }
        if named.is_empty() {
            remotes.push(Remote { address: ip, port: None, protocol: None });
        }
        remotes.extend(named.iter().map(|(port, protocol)| Remote {
            address: ip,
            port: Some(*port),
            protocol: *protocol,
        }));
    }
    remotes
}

/// Takes log lines that name the accused without any direction as rows too: they tell when.
fn with_mentions(lines: &[Line<'_>], records: Vec<Option<Record>>, roles: &Roles) -> Vec<Option<Record>> {
    let accused: std::collections::HashSet<IpAddr> = roles.with(Role::Accused).into_iter().collect();
    let mention = |line: &Line<'_>| {
        let is_log = line.kind == LineKind::Statement
            && !matches!(line.role, SectionRole::Subject | SectionRole::Evidence)
            && line
                .stamps
                .first()
                .is_some_and(|stamp| stamp.start < 24 && stamp.precision != super::time::Precision::Day);
        let source = line.spots.iter().filter_map(|spot| spot.ip).find(|ip| accused.contains(ip))?;
        is_log.then(|| Record { source: Some(source), stamps: line.stamps.clone(), ..Record::default() })
    };
    lines.iter().zip(records).map(|(line, record)| record.or_else(|| mention(line))).collect()
}

/// Says whether a stated range holds a row's time.
fn encloses(range: super::time::Interval, row: &claims::Row) -> bool {
    let is_range = range.to.duration_since(range.from) > SignedDuration::from_mins(1);
    let known = range.zone != crate::claim::ZoneSource::Assumed;
    is_range && known && row.interval.is_none_or(|it| it.from >= range.from && it.to <= range.to)
}

/// Says whether a row's time, if any, has no zone.
fn has_no_zone(row: &claims::Row) -> bool {
    row.interval.is_none_or(|it| it.zone == crate::claim::ZoneSource::Assumed)
}

fn claims_of(
    accused: &[Accused],
    records: &[Option<Record>],
    resolver: &Resolver,
    whole: &Whole,
    labelled: bool,
) -> Vec<Claim> {
    let all: Vec<IpAddr> = accused.iter().flat_map(|it| it.addresses.iter().copied()).collect();
    let records: Vec<&Record> = records.iter().flatten().collect();
    let mut claims = Vec::new();
    for one in accused {
        let alone = accused.len() == 1;
        let rows = claims::rows_of(one, &all, &records, resolver, alone);
        if rows.is_empty() {
            claims.push(claims::claim(one.clone(), whole.remotes.clone(), whole.interval, whole.activity));
            continue;
        }
        let timed = rows.iter().any(|row| row.interval.is_some());
        let mut whole =
            Whole { interval: whole.interval, remotes: whole.remotes.clone(), activity: whole.activity };
        if timed && !labelled {
            // A time in a sentence adds nothing to the times of rows, unless it is the range of
            // which the rows are a part.
            whole.interval = whole.interval.filter(|range| rows.iter().all(|row| encloses(*range, row)));
        }
        if !alone {
            // What is said in general may be of the others.
            if rows.iter().any(|row| row.remote.is_some()) {
                whole.remotes.clear();
            }
            whole.interval = whole.interval.filter(|_| !timed || labelled);
        }
        let unzoned = rows.iter().all(has_no_zone);
        let known = whole.interval.is_some_and(|it| it.zone != crate::claim::ZoneSource::Assumed);
        let rows: Vec<claims::Row> = rows
            .into_iter()
            .map(|row| claims::Row { interval: row.interval.filter(|_| !(unzoned && known)), ..row })
            .collect();
        claims::of_rows(one, &rows, &whole, &mut claims);
    }
    claims.truncate(super::limits::CLAIMS_MAX);
    claims
}

static AWS: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?i)\bthat your (?:aws resource|instance)|aws acceptable use policy|(?:by the |^\s*)aws abuse team|(?:your|an) aws abuse report|aws trust (?:&|and) safety|implicating resources on your account|(?:amazon )?ec2 abuse report|\baws id:|\bec2 instance(?: id)?:|source ips \(comma separated\)|abuse type\*|aws abuse case|aws\.amazon\.com/(?:aup|agreement)";
    compile(pattern)
});

/// Says whether a text is in one of AWS's layouts.
pub(super) fn is_aws(lines: &[Line<'_>]) -> bool {
    lines
        .iter()
        .filter(|line| line.role != SectionRole::Evidence)
        .take(400)
        .any(|line| AWS.is_match(line.text))
}
