//! Words to claims: every notice that is not a structured event, whoever sent it.
//!
//! There are no rules for one sender here. What an address is follows from labels, columns, log
//! lines and words (`roles`), what a time is from the same (`when`), and what cannot be settled is
//! said and left open.

use std::net::IpAddr;

use jiff::SignedDuration;
use jiff::Timestamp;

use super::Context;
use super::activity;
use super::address;
use super::appeal;
use super::appeal::Appeal;
use super::appeal::Plea;
use super::blocks;
use super::caution;
use super::claims::Whole;
use super::clock_rows;
use super::complaint;
use super::courtesy;
use super::document::Document;
use super::document::SectionRole;
use super::domain;
use super::draft::Draft;
use super::exculpation;
use super::groups;
use super::heading;
use super::label::Role;
use super::lines::Line;
use super::links;
use super::not_ours;
use super::parties::Parties;
use super::parties::Way;
use super::ports;
use super::received;
use super::relative;
use super::resource;
use super::roles;
use super::roles::Roles;
use super::roles::Shown;
use super::roles::Side;
use super::row_claims;
use super::rows;
use super::sender_side;
use super::sentence;
use super::settle;
use super::spans;
use super::time::Precision;
use super::trace;
use super::when;
use crate::claim::Accused;
use crate::claim::Activity;

/// "Today" and "yesterday evening" are no more than hints where rows tell when.
const VAGUE: SignedDuration = SignedDuration::from_hours(6);

/// A mail is taken in this soon after it was sent.
const TAKEN_IN_SOON: SignedDuration = SignedDuration::from_hours(6);

/// What a text says, before it is known what is to become of it.
pub(super) struct TextReading {
    /// Claims, facts, warnings.
    pub draft: Draft,
    /// The activity, where words name one.
    pub activity: Option<Activity>,
    /// By when an answer is wanted.
    pub deadline: Option<Timestamp>,
    /// Its subject or a field names who did it.
    pub subject_accuses: bool,
    /// Its subject or a field calls an address the source.
    pub names_the_source: bool,
    /// Something in it was attacked that is ours.
    pub ours_is_victim: bool,
    /// Its sentences say so, of what is the reader's.
    pub reader_is_attacked: bool,
    /// Its sentences, or rows of a log, say who did something.
    pub tells_of_a_deed: bool,
    /// All that it accuses are cleared by its own sentences.
    pub only_cleared: bool,
    /// It names several, and nothing firm tells those that it accuses from the others.
    pub only_faint: bool,
    /// Nothing but its prose accuses anybody.
    pub only_said: bool,
    /// What it says for being a complaint, where it is a letter.
    pub plea: Plea,
    /// Whom rows of a log or fields name as the source of something.
    pub shown: Shown,
    /// It passes an offending mail on, and says hardly anything itself.
    pub passes_mail_on: bool,
    /// It names a public address that is nobody's in particular.
    pub names_addresses: bool,
    /// The addresses that it names as anybody's but a relay's, those whose role is open before the victims.
    pub named: Vec<IpAddr>,
    /// When the notice says, outside of its rows, that it happened.
    pub general: Option<super::time::Interval>,
}

/// Reads all texts of a notice: first what its sender says, then, when that accuses nobody, the
/// messages inside it.
pub(super) fn read(
    lines: &[Line<'_>],
    document: &Document,
    parties: &Parties,
    context: &Context,
    sent: Option<Timestamp>,
) -> TextReading {
    let outer = lines.partition_point(|line| line.role != SectionRole::Nested);
    let reading = read_lines(&lines[..outer], document, parties, context, sent);
    let accuses = reading.draft.claims.iter().any(|claim| !is_nobody(&claim.accused));
    if accuses || outer == lines.len() {
        return reading;
    }
    read_lines(lines, document, parties, context, sent)
}

/// Says whether a claim names nobody.
pub(super) fn is_nobody(accused: &Accused) -> bool {
    accused.instance_ids.is_empty() && accused.addresses.is_empty() && accused.hostnames.is_empty()
}

fn read_lines(
    lines: &[Line<'_>],
    document: &Document,
    parties: &Parties,
    context: &Context,
    sent: Option<Timestamp>,
) -> TextReading {
    let (mut records, column_zone) = rows::records(lines);
    let blocks = blocks::read(lines);
    for (index, record) in blocks.records {
        records[index].get_or_insert(record);
    }
    rows::turn_answers(&mut records);
    let sentences = sentence::read(lines, &records);
    let under = heading::over(lines);
    let mut instances = groups::instances(lines, &under, &sentences);
    let ours = instances.iter().any(groups::Instance::is_accused) || sender_side::is_aws(lines);
    // Whose own program tells of an attack on an instance tells of an instance of theirs.
    let instance_attacked = !parties.is_from_outside
        && instances.iter().any(|it| it.is_victim && !it.is_writers && it.is_said_now);
    let reporter = document.outer_mail().and_then(|mail| domain::of_reporter(mail.sender_domain()));
    let own_domains: Vec<String> =
        parties.ours.iter().filter_map(|domain| domain::of_reporter(domain)).collect();
    let side = Side {
        own_domains: &own_domains,
        own: &context.own_addresses,
        own_is_complete: context.own_is_complete,
        ours,
        reporter: reporter.as_deref().unwrap_or_default(),
    };
    let tells_of_a_deed =
        sentences.tell_of_a_deed() || records.iter().flatten().any(|record| record.source.is_some());
    let mut roles = roles::weigh(lines, &records, &under, &sentences, side);
    let passes_mail_on = parties.is_to_abuse && parties.is_from_outside && received::is_passed_on(lines);
    let activity = activity::of_lines(lines).or_else(|| passes_mail_on.then_some(Activity::Spam));
    if rows::turn_visits(lines, &mut records, activity, &roles) {
        roles = roles::weigh(lines, &records, &under, &sentences, side);
    }
    if matches!(activity, Some(Activity::Reflection | Activity::OpenProxy)) {
        roles.turn_carriers();
    }
    let only_cleared = take_back(lines, &mut roles, &mut instances);
    roles.is_served = rows::is_served(activity);
    let is_letter = document.outer_mail().is_some() && !sender_side::is_aws(lines);
    let plea = if is_letter { appeal::of(lines, &sentences) } else { Plea::default() };
    let appeal = plea.appeal;
    roles.appeal = match appeal {
        // A colleague who says hardly anything complains of nobody, and one who was wronged tells of an attack on us.
        Appeal::Terse if parties.way == Way::Among => Appeal::Tells,
        Appeal::Complains if parties.way == Way::Among && plea.said.wronged && !plea.said.blamed => {
            Appeal::Elsewhere
        }
        appeal => appeal,
    };
    // A report need not speak to its reader: "the host at 192.0.2.1 is infected".
    let may_report = parties.way == Way::ToUs
        && !(plea.said.reader_wronged || plea.said.reader_cleared)
        && (parties.is_to_abuse || roles.tallies.iter().any(|tally| tally.ours));
    if roles.appeal == Appeal::Elsewhere && may_report && roles.only_one_is_accused() {
        roles.appeal = Appeal::Tells;
    }
    // Without any deed, a word such as "from" is no accusation.
    roles.is_harmless = activity.is_none() && !sentences.tell_of_a_deed();
    let tells_nothing = document.outer_mail().is_some()
        && records.iter().flatten().all(|record| record.source.is_none())
        && !sender_side::is_aws(lines);
    let is_elsewhere = || roles.appeal == Appeal::Elsewhere || !complaint::is_hinted(lines);
    if roles.is_harmless && tells_nothing && is_elsewhere() {
        // Whom a message of machines or of business names did nothing.
        instances.clear();
        roles.is_about_nobody = true;
    }
    let mut draft = Draft::default();
    settle::settle_the_sender(lines, &mut roles, &instances, activity, &mut draft);
    settle::settle_the_only_one(lines, &mut roles, &plea, &instances, activity, &mut draft);

    let only_faint = roles.set_faint_aside() && !instances.iter().any(groups::Instance::is_accused);

    let mut times = when::sort(lines, &records, &blocks.lines);
    clock_rows::complete(lines, &mut records, &mut times);
    let resolver = spans::resolver(lines, &records, &times, sent, column_zone);
    let mut accused = groups::join(lines, &roles, &instances);
    links::add_hosts(lines, activity, document, &mut accused);

    let mut whole = Whole {
        interval: spans::general_interval(&resolver, &times),
        // A bare date says no more than the times of rows do.
        is_vague: times.labelled.is_empty() && times.told.iter().all(|it| it.precision == Precision::Day),
        remotes: ports::victims(lines, &roles, &accused),
        activity: Activity::Other,
    };
    // What a mail says of its own time, and when it was taken in.
    let is_asked = whole.interval.is_none() || activity == Some(Activity::Spam);
    let taken_in = is_asked.then(|| spans::header_interval(lines, &resolver, &roles)).flatten();
    whole.interval = match (whole.interval, taken_in) {
        (Some(told), Some(taken_in)) if when::gap(told, taken_in) <= TAKEN_IN_SOON => {
            Some(told.join(taken_in))
        }
        (told, taken_in) => told.or(taken_in),
    };
    if whole.interval.is_none() {
        whole.interval = relative::interval(lines, &resolver);
        whole.is_vague = whole.interval.is_some_and(|it| it.to.duration_since(it.from) > VAGUE);
    } else if times.labelled.is_empty() {
        whole.interval = whole.interval.map(|told| relative::extended(told, lines, &resolver));
    }
    if let Some(open) = whole.interval.and_then(|begin| spans::open_end(lines, begin, resolver.sent)) {
        draft.warnings.push("it names when it began, and no end: the window ends when the notice was written, or as long after as it says".to_owned());
        whole.interval = Some(open);
    }
    whole.activity = activity
        .filter(|activity| *activity != Activity::Other)
        .or_else(|| ports::guess(lines, &records, &whole.remotes))
        .unwrap_or(Activity::Other);
    let records = rows::with_mentions(lines, records, &roles);
    draft.claims = row_claims::claims_of(&accused, &records, &resolver, &whole, !times.labelled.is_empty());
    draft.interfaces = interfaces(lines);
    draft.source_ports = ports::of_source(&records, &roles);
    caution::add(&mut draft, lines, &roles, &resolver);
    trace::record(&mut draft, lines, document, &roles, (&times, &records), activity);
    let deadline =
        times.deadlines.iter().filter_map(|stamp| resolver.resolve(stamp)).map(|interval| interval.to);
    // By then it had passed when the notice was written.
    let deadline = deadline.into_iter().find(|at| sent.is_none_or(|sent| *at > sent));
    let no_instance = accused.iter().all(|it| it.instance_ids.is_empty());
    let ours_is_victim = no_instance
        && (instance_attacked
            || roles.ours_attacked()
            || sender_side::says_ours_attacked(lines, &sentences)
            || courtesy::is_one(lines)
            || !parties.is_from_outside && not_ours::is_from_our_guard(lines, document.outer_mail()));
    TextReading {
        draft,
        activity,
        deadline,
        subject_accuses: roles.is_report(),
        names_the_source: roles.names_the_source(),
        ours_is_victim,
        reader_is_attacked: sentences.reader_is_attacked(),
        tells_of_a_deed,
        only_cleared,
        only_faint,
        only_said: roles.is_only_said() && no_instance,
        plea,
        passes_mail_on,
        shown: roles.shows_the_source(),
        names_addresses: roles.tallies.iter().any(|tally| {
            !address::is_private(tally.ip) && roles.role_of(tally) != Some(Role::Infrastructure)
        }),
        named: roles.named(),
        general: whole.interval,
    }
}

/// Takes back what accuses those that the letter's own sentences clear, where others stay accused; true where it accuses
/// nobody else.
fn take_back(lines: &[Line<'_>], roles: &mut Roles, instances: &mut [groups::Instance]) -> bool {
    let accused = roles.with(Role::Accused);
    let meant = instances.iter().filter(|it| it.is_accused() && it.is_said_now);
    let meant: Vec<String> = meant.map(|it| it.id.clone()).collect();
    if accused.is_empty() && meant.is_empty() {
        return false;
    }
    let cleared =
        exculpation::read(lines, |ip| accused.contains(&ip), |id| meant.iter().any(|meant| meant == id));
    let is_cleared = |ip: &IpAddr| cleared.addresses.iter().any(|(cleared, _)| cleared == ip);
    if accused.iter().all(is_cleared) && meant.iter().all(|id| cleared.instances.contains(id)) {
        return true;
    }
    for (ip, line) in &cleared.addresses {
        roles.exculpate(*ip, &lines[*line]);
    }
    instances.iter_mut().for_each(|it| it.is_cleared |= cleared.instances.contains(&it.id));
    false
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
