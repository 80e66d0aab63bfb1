//! From drafts to one reading: which recogniser's word counts, and what is to become of the notice.

use jiff::SignedDuration;
use jiff::Timestamp;
use serde_json::Value;

use super::Context;
use super::alarm;
use super::asff;
use super::document::Document;
use super::document::SectionRole;
use super::doubt;
use super::draft::Draft;
use super::draft::Verdict;
use super::envelope_only;
use super::flatten;
use super::flow_log;
use super::guardduty;
use super::health;
use super::limits;
use super::lines;
use super::lines::Line;
use super::not_ours;
use super::not_ours::NotOurs;
use super::own;
use super::parties;
use super::parties::Parties;
use super::reading::Reading;
use super::reading::Reply;
use super::reading::Stage;
use super::reading::ThreadKeys;
use super::reading::Trust;
use super::report_fields;
use super::sender_side;
use super::text;
use super::text::TextReading;
use super::thread;
use super::trust;
use super::xarf;
use crate::claim::Accused;
use crate::claim::Activity;
use crate::claim::Aside;
use crate::claim::Claim;
use crate::claim::ClaimWindow;
use crate::claim::Disposition;
use crate::claim::Parsed;
use crate::claim::ZoneSource;

/// A report's own time and the times of its log belong together within this.
const SAME_INCIDENT: SignedDuration = SignedDuration::from_hours(24);
/// AWS wants an answer within a day.
const AWS_ANSWER_WITHIN: SignedDuration = SignedDuration::from_hours(24);
/// The format of what is in none that is known.
const GENERIC: &str = "generic";
/// A letter with more claims than this may as well be a list of indicators.
const REPORTED_MAX: usize = 3;
/// Ports of the accused that a claim keeps.
const SOURCE_PORTS_MAX: usize = 64;

/// Everything that reads a structured value, the most telling first.
const RECOGNISERS: [fn(&Value) -> Option<Draft>; 7] =
    [guardduty::read, asff::read, xarf::read, health::read, alarm::read, flow_log::read, envelope_only::read];

/// Reads a document.
pub(super) fn read(mut document: Document, context: &Context) -> Reading {
    let sent = document.outer_mail().and_then(|mail| mail.date).map(|(at, _)| at).or(context.received);
    let parties = parties::of(&document);
    let structured = structured(&mut document, parties.is_from_outside);
    let fields = report_fields::read(&document).or_else(|| flow_log::read_text(&document));
    let structured = match (structured, fields) {
        (Some(one), Some(other)) => Some(merge(one, other)),
        (one, other) => one.or(other),
    };
    // What its sender says stands first, messages inside it last.
    document.sections.sort_by_key(|section| section.role == SectionRole::Nested);
    let warnings = std::mem::take(&mut document.warnings);
    let lines = lines::cut(&document.sections);
    let words = (!lines.is_empty()).then(|| text::read(&lines, &document, &parties, context, sent));
    // A letter that accuses counts more than an attached value that does not, unless it only carries an event.
    let is_letter = document.outer_mail().is_some();
    let mut draft = match (structured, words.as_ref()) {
        (Some(structured), Some(words)) if structured.accuses() => beside(structured, words),
        (Some(structured), Some(words))
            if !is_letter || words.draft.claims.is_empty() || structured.settles(words.plea.appeal) =>
        {
            beside(structured, words)
        }
        (Some(structured), None) => structured,
        (_, Some(words)) => of_words(&lines, &document, &parties, words),
        (None, None) => unreadable(),
    };
    draft.claims.iter_mut().filter_map(|claim| claim.window.as_mut()).for_each(widen_to_unit);
    draft.warnings.splice(0..0, warnings);
    own::settle(&mut draft, context);
    if draft.disposition == Verdict::Is(Disposition::Inbound)
        && draft.format == GENERIC
        && words.as_ref().is_some_and(|words| may_be_a_complaint(words, &parties))
    {
        doubt::open(&mut draft, "ours is named as what was attacked, in a letter that asks for an end");
    }
    let said = words.as_ref().filter(|_| draft.format == GENERIC);
    doubt::leave_open(&mut draft, &lines, &document, &parties, said, context);
    finish(draft, &lines, &document, words.as_ref(), sent)
}

/// Reads the structured values; those that nobody knows become words, and so does what somebody else's account was told of.
fn structured(document: &mut Document, is_from_outside: bool) -> Option<Draft> {
    let mut joined: Option<Draft> = None;
    for value in std::mem::take(&mut document.values) {
        match RECOGNISERS.iter().find_map(|read| read(&value)) {
            Some(Draft { told_by_owner: Some(text), .. }) if is_from_outside => {
                document.add_section(SectionRole::Attachment, "the finding's title", &text);
            }
            Some(mut draft) => {
                if let Some(text) = draft.telling.take() {
                    document.add_section(SectionRole::Attachment, "the event's description", &text);
                }
                joined = Some(joined.map_or_else(|| draft.clone(), |so_far| merge(so_far, draft.clone())))
            }
            None => {
                document.add_section(SectionRole::Attachment, "structured value", &flatten::json(&value));
            }
        }
    }
    joined
}

/// A moment is asked for as the whole second that it was written as.
fn widen_to_unit(window: &mut ClaimWindow) {
    let end = window.from.checked_add(SignedDuration::from_nanos(999_999_999));
    window.to = window.to.max(end.unwrap_or(window.to));
}

/// Joins two drafts of one notice: the one that accuses gives the name.
pub(super) fn merge(one: Draft, other: Draft) -> Draft {
    let (mut main, more) = if other.accuses() && !one.accuses() { (other, one) } else { (one, other) };
    for claim in more.claims {
        if !main.claims.contains(&claim) && main.claims.len() < limits::CLAIMS_MAX {
            main.claims.push(claim);
        }
    }
    main.facts.extend(more.facts);
    main.keys.extend(more.keys);
    main.interfaces.extend(more.interfaces);
    for warning in more.warnings {
        if !main.warnings.contains(&warning) {
            main.warnings.push(warning);
        }
    }
    main
}

/// Adds to a structured draft what the words around it know more.
fn beside(mut structured: Draft, words: &TextReading) -> Draft {
    structured.facts.extend(words.draft.facts.iter().cloned());
    let named: Vec<&Claim> =
        words.draft.claims.iter().filter(|claim| !claim.accused.instance_ids.is_empty()).collect();
    let is_only = structured.claims.len() == 1;
    for claim in &mut structured.claims {
        // The mail names the instance, the report inside it the flows.
        let same = named
            .iter()
            .find(|it| it.accused.addresses.iter().any(|ip| claim.accused.addresses.contains(ip)));
        if let Some(same) = same.filter(|_| claim.accused.instance_ids.is_empty()) {
            claim.accused.instance_ids.clone_from(&same.accused.instance_ids);
            claim.accused.account = claim.accused.account.take().or_else(|| same.accused.account.clone());
            claim.accused.region = claim.accused.region.take().or_else(|| same.accused.region.clone());
        }
        complete(claim, is_only, structured.activity_open, structured.window_open, words);
    }
    structured
}

/// Fills in what a report's fields leave out from the words and logs beside them.
fn complete(claim: &mut Claim, is_only: bool, activity_open: bool, window_open: bool, words: &TextReading) {
    let Accused { instance_ids: ids, addresses, hostnames: names, .. } = &claim.accused;
    let same = |it: &&Claim| {
        let by_name = it.accused.hostnames.iter().any(|name| names.contains(name));
        let by_id = it.accused.instance_ids.iter().any(|id| ids.contains(id));
        // An event about an account alone is about whom its words name; one about one instance, about its address.
        let is_bare =
            is_only && words.names_the_source && addresses.is_empty() && it.accused.instance_ids.is_empty();
        let by_default = text::is_nobody(&claim.accused) || is_bare;
        by_default || by_name || by_id || it.accused.addresses.iter().any(|ip| addresses.contains(ip))
    };
    let [told] = words.draft.claims.iter().filter(same).collect::<Vec<_>>()[..] else {
        return;
    };
    if claim.remote.is_empty() {
        claim.remote.clone_from(&told.remote);
    }
    if activity_open {
        claim.activity = told.activity;
    }
    if claim.accused.instance_ids.is_empty() {
        claim.accused.instance_ids.clone_from(&told.accused.instance_ids);
    }
    if claim.accused.addresses.is_empty() {
        claim.accused.addresses.clone_from(&told.accused.addresses);
    }
    for name in &told.accused.hostnames {
        if !claim.accused.hostnames.contains(name) {
            claim.accused.hostnames.push(name.clone());
        }
    }
    match (&mut claim.window, &told.window) {
        (None, told) => claim.window.clone_from(told),
        (Some(_), Some(told)) if window_open && told.zone != ZoneSource::Assumed => {
            claim.window = Some(told.clone());
        }
        (Some(own), Some(told)) if told.zone != ZoneSource::Assumed => {
            let near = told.to.duration_since(own.from).abs() < SAME_INCIDENT
                && own.to.duration_since(told.from).abs() < SAME_INCIDENT;
            if near {
                own.from = own.from.min(told.from);
                own.to = own.to.max(told.to);
            }
        }
        _ => {}
    }
}

/// Decides what a text without structure is.
fn of_words(lines: &[Line<'_>], document: &Document, parties: &Parties, words: &TextReading) -> Draft {
    let mut draft = words.draft.clone();
    let is_aws = sender_side::is_aws(lines);
    let own_words = thread::own_words(lines);
    let stage = thread::stage(lines, &own_words, document.outer_mail());
    draft.format = if is_aws { "aws_email" } else { GENERIC };
    draft.layout = format!("{}/{}", draft.format, stage_name(stage));
    draft.stage = Some(stage);
    let accuses = words.activity.is_some() || !draft.claims.is_empty() || words.names_addresses;
    let names_somebody = draft.claims.iter().any(|claim| !text::is_nobody(&claim.accused));
    // A letter that names who did it and when is a report, whatever stands at its foot.
    let recognised = not_ours::recognise(
        lines,
        document.outer_mail(),
        not_ours::Marks {
            accuses: names_somebody || (is_aws && words.activity.is_some()),
            says_abuse: words.activity.is_some_and(|it| it != Activity::Other) || words.tells_of_a_deed,
            tells_of_a_deed: words.tells_of_a_deed || is_aws,
            is_report: words.activity.is_some()
                && (words.subject_accuses || tells_of_a_deed(lines, words, &draft.claims)),
            may_be_ours: !parties.is_from_outside || parties.ours.is_empty(),
        },
    );
    // What a mail says that is passed on as an offence is no letter to us.
    let recognised = recognised.filter(|it| *it == NotOurs::AutoReply || !words.passes_mail_on);
    let disposition = match recognised {
        // A word at its foot closes no letter that names who did it.
        Some(NotOurs::Business) if words.names_the_source && names_somebody => Disposition::Claims,
        Some(reason) => {
            draft.warnings.push(reason.sentence().to_owned());
            draft.aside = Some(reason.aside());
            Disposition::NotAbuse
        }
        None if words.activity == Some(Activity::Copyright) => {
            draft.warnings.push("about copyright, not about what a host did".to_owned());
            draft.aside = Some(Aside::Rights);
            Disposition::NotAbuse
        }
        None if stage == Stage::Resolved
            && (is_aws
                || is_answer(document)
                || !names_somebody
                || thread::is_titled_closed(document.outer_mail())
                || thread::says_withdrawn(&own_words)) =>
        {
            draft.warnings.push("the reporter considers the case resolved".to_owned());
            draft.aside = Some(Aside::Resolved);
            Disposition::NotAbuse
        }
        // A subject alone is no letter: a person must look.
        None if document.lacks_mail && !names_somebody => Disposition::Unreadable,
        None if words.ours_is_victim
            && !may_be_a_complaint(words, parties)
            && (words.activity.is_some() || words.reader_is_attacked) =>
        {
            Disposition::Inbound
        }
        None if accuses || (is_aws && stage != Stage::First) => Disposition::Claims,
        None if nothing_readable(lines) || document.lacks_mail => Disposition::Unreadable,
        // What accuses may stand in what was not read.
        None if document.is_incomplete => Disposition::Unreadable,
        None => {
            draft.warnings.push("nothing in it accuses anybody".to_owned());
            Disposition::NotAbuse
        }
    };
    draft.disposition = Verdict::Is(disposition);
    if disposition != Disposition::Claims {
        draft.claims.clear();
    } else if draft.claims.is_empty() {
        let named: Vec<String> = words.named.iter().map(ToString::to_string).collect();
        if named.is_empty() && document.has_pictures {
            draft.warnings.push("what its pictures show was not read".to_owned());
        }
        draft.warnings.push(match named.is_empty() {
            true => "it names nobody: join it to the earlier notice of its case".to_owned(),
            false => {
                doubt::undecided(&named, "nothing in it settles which of them did it, or whether any did")
            }
        });
        let activity = words.activity.unwrap_or(Activity::Other);
        draft.claims.push(super::claims::claim(place(lines), Vec::new(), words.general, activity));
    }
    draft
}

/// Says whether a letter that calls one of ours attacked is no courtesy all the same: its writer was wronged, or one from
/// outside asks for an end and tells of no attack on its reader.
fn may_be_a_complaint(words: &TextReading, parties: &Parties) -> bool {
    let is_told = words.plea.said.reader_wronged || words.reader_is_attacked;
    words.plea.is_of_the_wronged() || (words.plea.asks && parties.is_from_outside && !is_told)
}

/// Says whether a letter tells who did what: of an instance, of one address at a time, or of few that it speaks of as its
/// writer's or reader's affair. A list of indicators does not.
fn tells_of_a_deed(lines: &[Line<'_>], words: &TextReading, claims: &[Claim]) -> bool {
    let named = || claims.iter().filter(|claim| !text::is_nobody(&claim.accused));
    let is_deed = words.activity.is_some_and(|it| !matches!(it, Activity::Other | Activity::Copyright));
    let names_instance = named().any(|claim| !claim.accused.instance_ids.is_empty());
    let is_dated = named().any(|claim| claim.window.is_some());
    let is_one = named().count() == 1;
    let is_told = || not_ours::is_told_by_somebody(lines);
    (is_deed && names_instance)
        || (is_dated && is_deed && is_one)
        || (is_dated && (1..=REPORTED_MAX).contains(&named().count()) && is_told())
        || (is_deed && is_one && is_told())
}

/// Says whether the mail answers another one.
fn is_answer(document: &Document) -> bool {
    document.outer_mail().is_some_and(|mail| {
        let subject = mail.subject.trim_start().to_ascii_lowercase();
        subject.starts_with("re:") || subject.starts_with("aw:")
    })
}

/// Returns the account and region of a notice that names no resource.
fn place(lines: &[Line<'_>]) -> Accused {
    Accused {
        account: lines.iter().find_map(|line| super::resource::account(line.text)),
        region: lines.iter().find_map(|line| super::resource::region(line.text)),
        ..Accused::default()
    }
}

fn nothing_readable(lines: &[Line<'_>]) -> bool {
    let (mut shown, mut strange) = (0usize, 0usize);
    for letter in lines.iter().flat_map(|line| line.text.chars()).take(20_000) {
        shown += 1;
        strange += usize::from(letter == '\u{fffd}' || (letter.is_control() && letter != '\t'));
    }
    shown < 3 || strange * 5 > shown
}

fn unreadable() -> Draft {
    let mut draft = Draft::new(GENERIC, "generic/unreadable", Disposition::Unreadable);
    draft.warnings.push("nothing in it could be read; a person must look at the original".to_owned());
    draft
}

fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::First => "first",
        Stage::Reminder => "reminder",
        Stage::Final => "final",
        Stage::FollowUp => "follow_up",
        Stage::Resolved => "resolved",
    }
}

/// Gives the accused its ports, where one alone is accused: of several it is not clear whose they are.
fn with_source_ports(mut claims: Vec<Claim>, ports: &[u16]) -> Vec<Claim> {
    let accused = claims.first().map(|claim| claim.accused.clone());
    let one =
        |accused: &Accused| !text::is_nobody(accused) && claims.iter().all(|claim| claim.accused == *accused);
    if accused.as_ref().is_some_and(one) {
        for claim in &mut claims {
            claim.accused.ports = ports.iter().copied().take(SOURCE_PORTS_MAX).collect();
        }
    }
    claims
}

fn finish(
    draft: Draft,
    lines: &[Line<'_>],
    document: &Document,
    words: Option<&TextReading>,
    sent: Option<Timestamp>,
) -> Reading {
    let disposition = match draft.disposition {
        Verdict::Is(disposition) => disposition,
        Verdict::Open => Disposition::Unreadable,
    };
    let aside = match disposition {
        Disposition::Inbound => Some(Aside::Inbound),
        Disposition::NotAbuse => Some(draft.aside.unwrap_or(Aside::Other)),
        Disposition::Claims | Disposition::Unreadable => None,
    };
    let candidates = own::candidates(&draft, words);
    let case_id = draft.case_id.clone().or_else(|| thread::case_id(lines));
    let stage = draft.stage.unwrap_or_default();
    let stated = words.and_then(|words| words.deadline);
    let by_rule = sent.filter(|_| {
        draft.format == "aws_email" && stage == Stage::First && disposition == Disposition::Claims
    });
    let deadline = stated
        .or_else(|| thread::answer_within(lines, sent))
        .or_else(|| by_rule.and_then(|at| at.checked_add(AWS_ANSWER_WITHIN).ok()));
    let reply = document.outer_mail().map(|mail| Reply {
        to: mail.reply_to.clone(),
        subject: mail.subject.clone(),
        in_reply_to: mail.message_id.clone(),
        references: mail.references.clone(),
    });
    let trust = trust::judge(document, draft.is_event, draft.format == "aws_email");
    let mut warnings = draft.warnings;
    let says_aws = draft.format == "aws_email"
        || document.outer_mail().is_some_and(|mail| trust::is_aws(mail.sender_domain()));
    if let Trust::Unauthenticated { why } = &trust
        && says_aws
    {
        warnings.insert(0, format!("not proven to be from AWS: {why}"));
    }
    let is_aws = draft.format.starts_with("aws_");
    let giver = match document.outer_mail() {
        _ if is_aws => thread::AWS,
        Some(mail) => mail.sender_domain(),
        None => "",
    };
    let numbers: Vec<&str> = case_id
        .iter()
        .chain(&draft.case_numbers)
        .map(String::as_str)
        .filter(|it| !it.starts_with("arn:"))
        .collect();
    let keys = thread::keys(&document.mails, giver, &numbers, &draft.keys);
    Reading {
        parsed: Parsed {
            format: draft.format.to_owned(),
            disposition,
            case_id,
            deadline: deadline.filter(|_| disposition == Disposition::Claims),
            claims: with_source_ports(draft.claims, &draft.source_ports),
            warnings,
            aside,
        },
        layout: draft.layout,
        thread: ThreadKeys { dedupe: draft.dedupe, keys },
        stage,
        trust,
        reply,
        interfaces: draft.interfaces,
        source_ports: draft.source_ports,
        candidates,
        stored_at: document.stored_at.clone(),
        quiet: draft.quiet && document.mails.is_empty(),
        facts: draft.facts,
    }
}
