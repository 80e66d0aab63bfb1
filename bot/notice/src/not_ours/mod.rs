//! Messages that reach the mailbox and accuse nobody: answers of machines, bills, policies, our
//! own letters. They are named for what they are and never become a claim.

mod words;

use super::document::MailHeaders;
use super::document::SectionRole;
use super::lines::Line;
use super::lines::LineKind;
use crate::claim::Aside;
use words::ABOUT_DATA;
use words::ACCOUNT;
use words::ACTED_FOR_US;
use words::ADDRESSED;
use words::ANSWERS_US;
use words::ASKS_TO_PASS;
use words::ATTACKED;
use words::AUTO_SUBJECT;
use words::AUTO_TITLE;
use words::BUSINESS;
use words::BUSINESS_SUBJECT;
use words::BY_RESEARCHERS;
use words::CONFIRMS;
use words::GUARDS_OURS;
use words::IS_ANSWER;
use words::IS_AWAY;
use words::IS_LETTER_TO_MANY;
use words::IS_STATISTICS;
use words::LEAKED;
use words::LEAKED_OF_YOURS;
use words::MEND;
use words::OF_SOMEBODY;
use words::OPENS_A_TICKET;
use words::ORDERED_TEST;
use words::OWNER_DID;
use words::SENT_FROM;
use words::SENT_TO;
use words::STILL;
use words::TEST_TERMS;
use words::TO_AWS;
use words::TO_BE_STOPPED;
use words::TO_MANY;
use words::WAS_DONE;
use words::WE_DID;
use words::WE_ENDED_IT;
use words::WEAKNESS;

/// Why a message accuses nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotOurs {
    /// A machine answered, or a mail could not be delivered.
    AutoReply,
    /// It tells of our account's own safety: keys, sign-ins.
    AccountNotice,
    /// Bills, offers, maintenance, newsletters.
    Business,
    /// It tells of what a host lets others do, or of what leaked, and of nothing that a host did.
    Exposure,
    /// Who tests what is ours by our order says what is to come.
    Test,
    /// What mail receivers send to each domain's owner, or an offer.
    Statistics,
    /// A letter from us to the reporter.
    OurAnswer,
    /// Somebody answers a complaint of ours.
    AnswerToUs,
}

impl NotOurs {
    /// Returns what it is to a playbook.
    pub fn aside(self) -> Aside {
        match self {
            Self::AutoReply | Self::Statistics => Aside::Automatic,
            Self::AccountNotice => Aside::Account,
            Self::Business | Self::Test => Aside::Business,
            Self::Exposure => Aside::Other,
            Self::OurAnswer | Self::AnswerToUs => Aside::Answer,
        }
    }

    /// Returns a sentence for a person.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::AutoReply => "an automatic reply or delivery report, not a notice",
            Self::AccountNotice => "about the safety of the account itself, not about abuse from a host",
            Self::Business => "about billing, service or policy, not about abuse from a host",
            Self::Statistics => "statistics or an offer that go to each domain's owner, not a notice",
            Self::Exposure => "about a weakness or a leak, not about what a host did",
            Self::Test => "about a test that its reader ordered, not about abuse from a host",
            Self::AnswerToUs => "an answer to a complaint of ours, not a notice",
            Self::OurAnswer => "a letter of our own, not a notice",
        }
    }
}

/// Says whether a letter's few own words tell that its writer is away, and name nobody.
fn is_away(lines: &[Line<'_>]) -> bool {
    let own = || lines.iter().filter(|line| !line.is_quoted && line.role == SectionRole::Body).take(40);
    let length: usize = own().map(|line| line.text.len()).sum();
    length <= CONFIRMATION_MAX / 2
        && own().all(|line| line.spots.is_empty())
        && own().any(|line| IS_AWAY.is_match(line.text))
}

/// Longest text of such a confirmation, bytes: a report that is quoted below may be new.
const CONFIRMATION_MAX: usize = 1_200;

/// Returns the registered domain of a mail address.
fn domain(address: &str) -> String {
    let host = address.rsplit('@').next().unwrap_or_default().trim_end_matches(['>', '.', ' ']);
    psl::domain_str(host).unwrap_or(host).to_ascii_lowercase()
}

/// Says whether a mail stays within one organisation.
fn is_internal(mail: &MailHeaders) -> bool {
    let own = domain(&mail.from);
    !own.is_empty() && mail.to.split(',').any(|to| domain(to) == own)
}

/// Says whether a program that guards a host of ours tells of an attack on it.
pub(super) fn is_from_our_guard(lines: &[Line<'_>], mail: Option<&MailHeaders>) -> bool {
    let own = || lines.iter().filter(|line| line.role != SectionRole::Nested).take(60);
    mail.is_some_and(is_internal) && own().any(|line| GUARDS_OURS.is_match(line.text))
}

/// A copy that somebody of ours keeps of a complaint that we sent to somebody else.
fn is_copy_of_ours(mail: &MailHeaders, text: &str) -> bool {
    let own = domain(&mail.from);
    let is_other = |found: regex::Captures<'_>| {
        let named = domain(&format!("@{}", &found[1]));
        named != own && !named.contains("amazon") && !named.contains("aws")
    };
    is_internal(mail)
        && SENT_TO.captures_iter(text).take(8).any(is_other)
        && !SENT_FROM.captures_iter(text).take(8).any(|found| domain(&format!("@{}", &found[1])) != own)
}

/// Says whether a mail is an answer to somebody outside of which its writer's own organisation got a copy, and tells what
/// was done to the host that was complained of.
fn is_our_answer(mail: &MailHeaders, own: &str) -> bool {
    let ours = domain(&mail.from);
    let goes_outside = mail.to.split(',').any(|to| to.contains('@') && domain(to) != ours);
    let is_copied = mail.copy_to.split(',').any(|to| to.contains('@') && domain(to) == ours);
    let own = super::pattern::fold(own);
    !ours.is_empty()
        && goes_outside
        && is_copied
        && IS_ANSWER.is_match(&mail.subject)
        && OWNER_DID.is_match(&own)
        && !STILL.is_match(&own)
        && !super::courtesy::blames(&own)
}

/// Says whether a text tells the reader of stolen log-ins of the reader's people, and of nothing that a host did.
fn is_leak(text: &str) -> bool {
    let text = super::pattern::fold(text);
    LEAKED.is_match(&text) && LEAKED_OF_YOURS.is_match(&text) && !ATTACKED.is_match(&text)
}

/// Says whether a text tells of a weakness or a leak, and of nothing that was done from there.
fn is_exposure(text: &str) -> bool {
    let text = super::pattern::fold(text);
    let is_weak = || WEAKNESS.is_match(&text) && MEND.is_match(&text);
    (is_weak() || LEAKED.is_match(&text)) && !WAS_DONE.is_match(&text)
}

/// Says whether a text tells of a deed of what is its reader's.
fn blames_reader(text: &str) -> bool {
    super::courtesy::blames(&super::pattern::fold(text))
}

/// Says whether a text speaks of what is its reader's.
pub(super) fn is_addressed(text: &str) -> bool {
    ADDRESSED.is_match(text)
}

/// The marks of an accusation that a message holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Marks {
    /// Somebody is accused.
    pub accuses: bool,
    /// Its words name something that a host did.
    pub says_abuse: bool,
    /// Its rows or sentences name who did something.
    pub tells_of_a_deed: bool,
    /// Its subject or a field of its own names who did it: it is a report, whatever stands at its foot.
    pub is_report: bool,
    /// Somebody of ours may have written it.
    pub may_be_ours: bool,
}

/// Says whether a letter speaks of what is its writer's or its reader's, beside what stands at its foot.
pub(super) fn is_told_by_somebody(lines: &[Line<'_>]) -> bool {
    let own = lines.iter().filter(|line| line.role == SectionRole::Body).take(200);
    own.filter(|line| !TO_MANY.is_match(line.text)).any(|line| OF_SOMEBODY.is_match(line.text))
}

/// Says whether a mail that a ticket system calls an answer answers nothing: it quotes nothing, and refers to its own
/// ticket alone.
fn is_first(mail: &MailHeaders, lines: &[Line<'_>]) -> bool {
    let domain = mail.sender_domain();
    let is_own = |id: &String| id.starts_with("RT-Ticket-") || (!domain.is_empty() && id.ends_with(domain));
    let is_answer = mail.subject.trim_start().to_ascii_lowercase().starts_with("re:");
    let opens_a_ticket = || lines.iter().take(40).any(|line| OPENS_A_TICKET.is_match(line.text));
    !is_answer
        && !AUTO_SUBJECT.is_match(&mail.subject)
        && mail.references.iter().all(is_own)
        && !lines.iter().any(|line| line.is_quoted)
        && !opens_a_ticket()
}

/// Recognises a message that accuses nobody.
pub(super) fn recognise(
    lines: &[Line<'_>],
    mail: Option<&MailHeaders>,
    Marks { accuses, says_abuse, tells_of_a_deed, is_report, may_be_ours }: Marks,
) -> Option<NotOurs> {
    if let Some(mail) = mail
        && ((mail.auto_reply && !(says_abuse && accuses && is_first(mail, lines)))
            || mail.bounce
            || AUTO_TITLE.is_match(&mail.subject)
            || (AUTO_SUBJECT.is_match(&mail.subject) && !is_report))
    {
        return Some(NotOurs::AutoReply);
    }
    let mut text = String::new();
    for line in lines
        .iter()
        .filter(|line| !matches!(line.role, SectionRole::Evidence | SectionRole::Nested))
        .take(200)
        // The foot that SNS puts below every mail of its own says nothing of it.
        .take_while(|line| !line.text.contains("stop receiving notifications from this topic"))
    {
        text.push_str(line.text);
        text.push('\n');
    }
    if is_away(lines) {
        return Some(NotOurs::AutoReply);
    }
    if text.len() <= CONFIRMATION_MAX && CONFIRMS.is_match(&text) {
        return Some(NotOurs::AutoReply);
    }
    if may_be_ours && mail.is_some_and(|mail| is_copy_of_ours(mail, &text)) {
        return Some(NotOurs::OurAnswer);
    }
    if may_be_ours && TO_AWS.is_match(&text) && WE_DID.find_iter(&text).take(2).count() == 2 {
        return Some(NotOurs::OurAnswer);
    }
    let answers = mail.is_some_and(|mail| mail.subject.trim_start().to_ascii_lowercase().starts_with("re:"));
    if may_be_ours && answers && WE_ENDED_IT.is_match(&text) && WE_DID.find_iter(&text).take(3).count() == 3 {
        return Some(NotOurs::OurAnswer);
    }
    // Where no deed is named, whom it names stands in it by the way, unless it blames the reader.
    let is_business = || !is_report || !blames_reader(&text);
    if let Some(mail) =
        mail.filter(|mail| !says_abuse && is_business() && BUSINESS_SUBJECT.is_match(&mail.subject))
    {
        let answered = mail.subject.trim_start().to_ascii_lowercase().starts_with("re:");
        return (!answered).then_some(NotOurs::Business);
    }
    if IS_STATISTICS.is_match(&text) {
        return Some(NotOurs::Statistics);
    }
    let subject = mail.map_or("", |mail| mail.subject.as_str());
    // What it quotes may be our own answer.
    let own = lines.iter().filter(|line| !line.is_quoted && line.role == SectionRole::Body).take(100);
    let own: Vec<&str> = own.map(|line| line.text).collect();
    if ACTED_FOR_US.is_match(&own.join("\n")) && (IS_ANSWER.is_match(subject) || IS_ANSWER.is_match(&text)) {
        return Some(NotOurs::AnswerToUs);
    }
    if may_be_ours && mail.is_some_and(|mail| is_our_answer(mail, &own.join("\n"))) {
        return Some(NotOurs::OurAnswer);
    }
    if !is_report && ANSWERS_US.is_match(&text) {
        return Some(NotOurs::AnswerToUs);
    }
    // What stands at the foot of any mail says nothing of this one.
    let above = || {
        let above =
            lines.iter().filter(|line| line.kind != LineKind::Aside && line.role != SectionRole::Nested);
        above.take(200).map(|line| line.text).collect::<Vec<_>>().join("\n")
    };
    if !is_addressed(&text)
        && !blames_reader(&text)
        && IS_LETTER_TO_MANY.matches(&above()).iter().take(2).count() == 2
    {
        return Some(NotOurs::Business);
    }
    if is_leak(&above()) && !blames_reader(&text) {
        return Some(NotOurs::Exposure);
    }
    if !tells_of_a_deed && is_exposure(&above()) && !TO_BE_STOPPED.is_match(&text) {
        return Some(NotOurs::Exposure);
    }
    if !tells_of_a_deed && ASKS_TO_PASS.is_match(&text) && !blames_reader(&text) {
        return Some(NotOurs::Business);
    }
    if ORDERED_TEST.is_match(&text) && TEST_TERMS.is_match(&text) && !blames_reader(&text) {
        return Some(NotOurs::Test);
    }
    if BY_RESEARCHERS.is_match(&text) && !blames_reader(&text) {
        let is_weak = WEAKNESS.is_match(&super::pattern::fold(&text));
        return Some(if is_weak { NotOurs::Exposure } else { NotOurs::Business });
    }
    if ABOUT_DATA.is_match(&text) && !tells_of_a_deed && !blames_reader(&text) {
        return Some(NotOurs::Business);
    }
    if TO_MANY.is_match(&text) && !is_addressed(&text) && !is_report {
        return Some(NotOurs::Business);
    }
    if accuses || is_report {
        return None;
    }
    if ACCOUNT.is_match(&text) {
        return Some(NotOurs::AccountNotice);
    }
    BUSINESS.is_match(&text).then_some(NotOurs::Business)
}
