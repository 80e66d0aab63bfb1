//! What a notice leaves open: whom it accuses, where its words alone would have to tell. A person, or whoever holds the
//! addresses, must say; the notice is kept, and nobody is named.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::Context;
use super::claims;
use super::document::Document;
use super::document::SectionRole;
use super::draft::Draft;
use super::draft::Verdict;
use super::lines::Line;
use super::lines::LineKind;
use super::own;
use super::parties::Parties;
use super::parties::Way;
use super::pattern::compile;
use super::pattern::fold;
use super::standing::Standing;
use super::text;
use super::text::TextReading;
use super::thread;
use super::trust;
use crate::claim::Accused;
use crate::claim::Activity;
use crate::claim::Claim;
use crate::claim::Disposition;
use crate::claim::UNDECIDED;

/// What was taken for an attack and was none. "If it is a false alarm", "this is no false alarm" say nothing.
static FALSE_ALARM: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?x)\b(?:was|were|is|are|be(?:en)?)\s+(?:\w+ly\s+|all\s+|an?\s+|just\s+|only\s+|our\s+){0,3}false\s+(?:alarm|positive)s?\b
        |\b(?:war|waren|ist|sind)\s+(?:nur\s+|wohl\s+|offenbar\s+|ein\s+|alles\s+){0,2}fehlalarme?\b
        |\b(?:etait|etaient|est|sont)\s+(?:\w+\s+){0,2}(?:fausses?\s+alertes?|faux\s+positifs?)\b
        |\b(?:fue|era|es|eran)\s+(?:\w+\s+){0,2}(?:falsas?\s+alarmas?|falsos?\s+positivos?)\b
        |\b(?:era|erano|e)\s+(?:\w+\s+){0,2}fals[oi]\s+(?:allarm[ei]|positiv[oi])\b
        |\b(?:was|is)\s+(?:\w+\s+){0,2}(?:vals|loos)\s+alarm\b
        |誤検知でした|오탐(?:으로|이었|입니)|(?:系|为|是)误报",
    )
});

/// A colleague warns of a letter that nobody wrote in earnest.
static FAKE: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:it|this|that|mail|message|letter|complaint|notice|below|which)\s+(?:is|was)\s+(?:clearly\s+|obviously\s+|just\s+|only\s+)?(?:an?\s+)?(?:fake|faked|forgery|forged|hoax|scam|phish\w*|bogus)\b|\bthere is no (?:abuse )?(?:case|incident)\b|\bexercise exercise\b|\b(?:tabletop|table-top) (?:exercise|on|this|next)\b|\bnot a real (?:report|notice|incident)\b|\bfor (?:the|our|an?) (?:exercise|drill|training)\b|\bmade (?:it|the \w+) up\b|\bist (?:eine?\s+)?(?:falschung|gefalscht|fake|betrug)\b|\best (?:un )?faux\b|\bes (?:una )?falsific",
    )
});

/// A fellow sufferer, or who only asks.
static BLAMES_NOBODY: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:(?:do|does) not|don't|not) blam\w+ (?:you|your)\b|\byou (?:are|were) (?:a |the )?(?:\w+ )?victims?\b|\b(?:is|are) (?:not|no) (?:an? )?(?:complaints?|accusations?|allegations?)\b|\bnothing (?:is |at all )?wrong with your\b|\bingenting (?:galt|feil|galet) (?:med|ved)\b|\binget (?:ar )?fel (?:med|pa)\b|\bnichts (?:\w+ )?auszusetzen\b|\bnothing is alleged\b|\bno accusation\b|\bgeben ihnen keine schuld\b|\bkeine? (?:vorwurf|beschwerde)\w*\b|\bne vous (?:accusons|reprochons)\b|\bvous etes (?:aussi )?(?:une )?victimes?\b|\bno (?:les|le) culpamos\b|\bno es una (?:queja|denuncia|acusacion)\b",
    )
});

/// Somebody who was shut out asks to be let in again.
static UNBLOCK: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\bun-?(?:block|ban)\w*\s+(?:my|our|us|me)\b|\bwhite-?list\s+(?:my|our|us)\b|\b(?:my|our)\s+(?:ip|address|network|office|server)\b[^.;?!]{0,60}\b(?:is|was|were|got|has been)\s+(?:\w+\s+)?(?:blocked|banned|blacklisted)\b|\b(?:meine|unsere)\s+(?:ip|adresse)\b[^.;?!]{0,60}(?:gesperrt|blockiert|freischalt|entsperr)|\bdebloqu\w+\s+(?:mon|notre)\b|\bdesbloque\w*\s+(?:mi|nuestr\w+|meu|noss\w+)\b|\bsblocca\w*\s+(?:il mio|il nostro|la mia|la nostra)\b|\bodblok\w+\s+(?:moj|nasz)\w*",
    )
});

/// An answer to what the reader asked for: "your takedown request for … was approved".
static ANSWERS_REQUEST: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\byour\s(?:[\w-]+\s){0,3}?(?:request|application|appeal|complaint|report|ticket)\b[^;]{0,60}\b(?:(?:was|has\sbeen|is)\s(?:\w+ly\s)?(?:approved|granted|accepted|received|processed|denied|rejected|declined|completed))\b",
    )
});

/// A letter that ends a case of its own, answers one of ours, or tells us of an attack on us.
static SETTLES: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?x)\b(?:nothing|no)\s(?:more|further|else)\s(?:to\sdo|(?:action\s)?(?:is\s)?(?:needed|required|necessary)|for\syou\sto\sdo)\b|\byou\s(?:need|have)\s(?:to\s)?(?:do\s)?nothing\s(?:more|else|further)\b
        |\b(?:case|ticket|report|complaint|incident)\s(?:\#?\S+\s)?(?:is\s|has\sbeen\s|was\s)?(?:now\s|hereby\s)?(?:closed|withdrawn)\b
        |\b(?:attack|target|scann|prob)(?:ed|ing)\s(?:you\b|your\s(?:networks?|systems?|hosts?|servers?|addresses)\b)
        |\byou\s(?:complained|reported\sto\sus|wrote\sto\sus|notified\sus|informed\sus|told\sus|asked\sus)\b|\byour\s(?:complaint|opt-?out|abuse\sreport|report\sof|request\sto)\b|\bthank\syou\sfor\s(?:your|the)\s(?:abuse\s)?(?:report|complaint)\b
        |\b(?:nichts\s(?:weiter|mehr)\s(?:zu\stun|tun|unternehmen)|(?:vorgang|fall|ticket)\s(?:\S+\s)?(?:ist\s|wurde\s)?(?:abgeschlossen|geschlossen|erledigt)|ihre\s(?:beschwerde|meldung)|sie\s(?:haben|hatten)\s(?:uns|sich)\b[^.]{0,40}(?:gemeldet|beschwert))\b
        |\b(?:plus\srien\sa\sfaire|dossier\s(?:\S+\s)?(?:est\s)?(?:clos|cloture)|votre\s(?:plainte|signalement))\b
        |\b(?:nada\smas\sque\shacer|caso\s(?:\S+\s)?(?:cerrado|encerrado|chiuso)|su\s(?:queja|denuncia)|sua\s(?:reclamacao|denuncia)|vostr[ao]\s(?:segnalazione|reclamo))\b
        |\b(?:arende|sak|sag)\s(?:\S+\s)?(?:ar\s|er\s)?(?:avslutat|avsluttet|afsluttet|stangt)\b|\bbehover\sinte\sgora\snagot\smer\b|\b(?:zaak|ticket)\s(?:\S+\s)?(?:is\s)?gesloten\b|\buw\s(?:klacht|melding)\b|\b(?:sprawa|zgloszenie)\s(?:\S+\s)?(?:zostal[ao]\s)?zamknieta?\b",
    )
});

/// Takes accusations back that nothing but the words of a letter carries which is not written to us, or is forged.
pub(super) fn leave_open(
    draft: &mut Draft,
    lines: &[Line<'_>],
    document: &Document,
    parties: &Parties,
    words: Option<&TextReading>,
    context: &Context,
) {
    if draft.is_event || !draft.accuses() {
        return;
    }
    let is_ours = |claim: &Claim| claim.accused.addresses.iter().any(|ip| own::is_ours(*ip, context));
    let is_nobodys = |claim: &Claim| claim.accused.instance_ids.is_empty() && !is_ours(claim);
    let is_own = |it: &&Line<'_>| {
        matches!(it.role, SectionRole::Subject | SectionRole::Body)
            && it.kind == LineKind::Statement
            && !it.is_quoted
    };
    let own: Vec<_> = lines.iter().filter(is_own).take(LINES_MAX).map(|line| fold(line.text)).collect();
    let is_taken_back = || {
        let says_so = |text: &str| FALSE_ALARM.find_iter(text).any(|found| !thread::is_in_case(text, found));
        own.iter().any(|text| says_so(text))
    };
    let says = |pattern: &Regex| own.iter().any(|text| pattern.is_match(text));
    let settles = || own.iter().any(|text| settles(text));
    let is_titled = words.is_some_and(|words| words.plea.is_titled);
    let why = match parties.way {
        Way::Among if says(&FAKE) => "a colleague says that it is a fake",
        _ if words.is_some_and(|words| words.only_cleared) => "its own words clear whom it names",
        _ if words.is_some_and(|words| words.only_faint) => {
            "it names several, and says of none firmly enough that it did it"
        }
        _ if !is_titled && says(&UNBLOCK) => "it asks for an address to be let in again",
        _ if !is_titled && says(&ANSWERS_REQUEST) => "it answers a request of ours",
        _ if says(&BLAMES_NOBODY) => "it says that it blames nobody of ours",
        _ if words.is_some_and(|words| words.only_said) && settles() => {
            "it ends a case, answers a complaint of ours or tells of an attack on us, and only its prose accuses anybody"
        }
        Way::FromUs if !(parties.is_guess && draft.claims.iter().any(is_ours)) => {
            "one of ours wrote it to somebody else"
        }
        Way::ToMany => "it was written to a mailing list",
        Way::Answer if draft.claims.iter().all(is_nobodys) => {
            "it answers a letter of ours, and may only repeat whom that accused"
        }
        Way::Copy if !draft.claims.iter().any(is_ours) => {
            "it was written to somebody else, and came as a copy"
        }
        _ if says_aws(draft, document) && trust::is_disproven(document) => {
            "it says that it is from AWS, and whoever received it for us found that it is not"
        }
        _ if !says_aws(draft, document) && is_taken_back() => "it speaks of a false alarm",
        _ => {
            let is_ours = draft.claims.iter().any(is_ours);
            let names_instance = draft.claims.iter().any(|claim| !claim.accused.instance_ids.is_empty());
            let names_somebody = draft.claims.iter().any(|claim| !text::is_nobody(&claim.accused));
            let Some(words) = words.filter(|_| names_somebody && document.outer_mail().is_some()) else {
                return;
            };
            let tells_whom = draft.claims.iter().any(|claim| !claim.remote.is_empty());
            let standing = Standing::of(words, parties, is_ours, names_instance, tells_whom);
            if standing.is_enough() {
                return;
            }
            return open(draft, &standing.sentence());
        }
    };
    open(draft, why);
}

/// Says whether a line ends this case, not another one: "that ticket stays closed".
fn settles(text: &str) -> bool {
    const ANOTHER: [&str; 8] = ["that", "other", "another", "earlier", "previous", "old", "former", "last"];
    let is_this = |found: regex::Match<'_>| {
        let before = text[..found.start()].split_whitespace().next_back().unwrap_or_default();
        !ANOTHER.contains(&before)
    };
    SETTLES.find_iter(text).any(is_this)
}

/// Says whether a mail calls itself one of AWS's, by its layout, its sender or its subject.
fn says_aws(draft: &Draft, document: &Document) -> bool {
    let names = |text: &str| ["aws", "amazon"].iter().any(|it| text.to_ascii_lowercase().contains(it));
    draft.format == "aws_email"
        || document.outer_mail().is_some_and(|mail| names(&mail.from) || names(&mail.subject))
}

/// Lines of a letter in which is looked for this.
const LINES_MAX: usize = 400;

/// How many of those that could have been meant are told.
const TOLD_MAX: usize = 5;

/// Says that nobody is named, who could have been meant, and why none of them was taken.
pub(super) fn undecided(named: &[String], why: &str) -> String {
    let shown = named[..named.len().min(TOLD_MAX)].join(", ");
    let meant = match named.len() {
        0 => String::new(),
        1..=TOLD_MAX => format!(" ({shown} could be meant)"),
        all => format!(" ({shown} and {} more could be meant)", all - TOLD_MAX),
    };
    format!("{UNDECIDED}{meant}: {why}; a person must tell")
}

/// Names nobody, and says why, and who could have been meant.
pub(super) fn open(draft: &mut Draft, why: &str) {
    let accused = draft.claims.iter().map(|claim| &claim.accused);
    let named: BTreeSet<String> = accused
        .flat_map(|it| it.instance_ids.iter().cloned().chain(it.addresses.iter().map(ToString::to_string)))
        .collect();
    let first = draft.claims.first();
    let activity = first.map_or(Activity::Other, |claim| claim.activity);
    let window = first.and_then(|claim| claim.window.clone());
    draft.claims = vec![Claim { window, ..claims::claim(Accused::default(), Vec::new(), None, activity) }];
    draft.disposition = Verdict::Is(Disposition::Claims);
    let named: Vec<String> = named.into_iter().collect();
    draft.warnings.push(undecided(&named, why));
}
