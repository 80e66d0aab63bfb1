//! Messages that reach the mailbox and accuse nobody: answers of machines, bills, policies, our
//! own letters. They are named for what they are and never become a claim.

use std::sync::LazyLock;

use regex::Regex;
use regex::RegexSet;

use super::document::MailHeaders;
use super::document::SectionRole;
use super::lines::Line;
use super::lines::LineKind;
use super::pattern::compile;
use super::pattern::compile_set;
use crate::claim::Aside;

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
    /// A letter from us to the reporter.
    OurAnswer,
    /// Somebody answers a complaint of ours.
    AnswerToUs,
}

impl NotOurs {
    /// Returns what it is to a playbook.
    pub fn aside(self) -> Aside {
        match self {
            Self::AutoReply => Aside::Automatic,
            Self::AccountNotice => Aside::Account,
            Self::Business => Aside::Business,
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
            Self::Exposure => "about a weakness or a leak, not about what a host did",
            Self::AnswerToUs => "an answer to a complaint of ours, not a notice",
            Self::OurAnswer => "a letter of our own, not a notice",
        }
    }
}

static AUTO_SUBJECT: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)^\W*(?:auto(?:matic|mated)?[\s-]*(?:reply|response|answer)|out of (?:the )?office\b(?:[^?]|$)|abwesen|vacation|undeliver|delivery (?:status|failure)|mail delivery (?:failed|subsystem)|returned mail|autoreply|we (?:have )?received your (?:request|message|mail))",
    )
});
/// A mail program's own title, before the subject of what it answers.
static AUTO_TITLE: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)^\W*(?:auto(?:matic|mated)?[\s-]*(?:reply|response|answer)|autoreply|out of (?:the )?office|automatische antwort|abwesenheits\w*|r[ée]ponse automatique|respuesta autom[áa]tica|risposta automatica|automatisch antwoord|undeliver(?:able|ed)|delivery (?:status|failure)|mail delivery (?:failed|subsystem)|returned mail)\b[^:]{0,3}(?:\([^)]*\)\s*)?[:\]]",
    )
});
/// What a machine says that confirms a report of ours, where nothing of its headers is left.
static CONFIRMS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:we (?:have )?(?:received|got) your (?:report|request|message|e-?mail|complaint|ticket)|your (?:report|request|message|e-?mail|complaint|ticket)\b[^.;]{0,60}\b(?:was|has been|is) (?:received|registered|logged)|wir haben ihre? (?:meldung|anfrage|nachricht|e-?mail)\b[^.;]{0,60}\berhalten|ihre? (?:meldung|anfrage|nachricht|e-?mail)\b[^.;]{0,60}\beingegangen|nous avons (?:bien )?reçu votre (?:signalement|message|demande|plainte)|(?:hemos recibido su|recebemos (?:a )?sua?|abbiamo ricevuto la (?:tua|sua|vostra)) )",
    )
});
/// Who is away answers by machine.
static IS_AWAY: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:i am|i'm|ich bin|je suis|estoy|sono|ik ben|estou|jag är|jeg er)\b[^.;]{0,50}\b(?:out of (?:the )?office|on (?:\w+ )?leave|on vacation|away from|nicht im b(?:ü|u)ro|im urlaub|au(?:ß|ss)er haus|absente?|en cong[ée]s?|de vacaciones|fuera de la oficina|in ferie|fuori ufficio|afwezig|op vakantie|de férias|bortrest|på ferie)",
    )
});
/// Says whether a letter's few own words tell that its writer is away, and name nobody.
fn is_away(lines: &[Line<'_>]) -> bool {
    let own = || lines.iter().filter(|line| !line.is_quoted && line.role == SectionRole::Body).take(40);
    let length: usize = own().map(|line| line.text.len()).sum();
    length <= CONFIRMATION_MAX / 2
        && own().all(|line| line.spots.is_empty())
        && own().any(|line| IS_AWAY.is_match(line.text))
}

/// Who asks to be let in again complains of nothing.
static ASKS_TO_PASS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\bplease\s+(?:\w+\s+)?(?:un-?block|un-?list|de-?list|white-?list|allow-?list|unban)\b|\bcan you (?:un-?block|white-?list|de-?list)\b|\bbitte\b[^.;]{0,60}(?:entsperr|freischalt|freizuschalten)|\b(?:débloquer|desbloquear|sbloccare|deblokkeren|odblokow\w+)\b",
    )
});
/// Longest text of such a confirmation, bytes: a report that is quoted below may be new.
const CONFIRMATION_MAX: usize = 1_200;
static ACCOUNT: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)suspicious activity in your aws account|account may (?:have been|still be|be) (?:inappropriately |at risk|accessed|compromised)|aws access key|unwanted activity in your aws account|accessed by a third[\s-]party|\b(?:credentials?|passwords?|log-?in data|accounts?) (?:for|of|belonging to|from) your\b|stealer log|leaked (?:credentials|passwords|accounts|log-?ins)|secret (?:access )?key (?:is|are|was|may)|root user|new sign-?in|password (?:was|has been) (?:changed|reset)",
    )
});
static BUSINESS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\binvoice\b|\bbilling\b|payment (?:due|method|failed)|your (?:aws )?bill\b|scheduled (?:maintenance|event|retirement)|newsletter|unsubscribe|price (?:change|reduction)|end of (?:support|life)|webinar|free trial|survey|instance retirement|upcoming (?:change|maintenance)|deprecat|\bworkshop\b|\bsummit\b|meet our|\bconference\b|call for (?:papers|talks|participation)|\bcfp\b|\bjob offer|\bvacanc",
    )
});
/// What is sent to many who asked for it.
static TO_MANY: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:this|our|weekly|monthly|daily|security|threat) newsletter\b[^-\w]|^\W*newsletter\b|\bunsubscribe\b|because you (?:are )?subscribed|\bstatus page\b|abbestellen|désabonner|darse de baja|cancelar (?:a )?inscrição|disiscri|uitschrijven",
    )
});
/// What only letters to subscribers say of themselves.
static IS_LETTER_TO_MANY: LazyLock<RegexSet> = LazyLock::new(|| {
    compile_set(
        [
            r"\bview (?:this (?:\w+ )?)?in (?:your )?browser\b|im browser (?:ansehen|anzeigen)|voir (?:ce message )?dans (?:le|votre) navigateur|ver en (?:el|su) navegador",
            r"\b(?:this|our|weekly|daily|monthly|the) (?:\w+ ){0,2}(?:newsletter|digest|roundup)\b",
            r"\bunsubscribe\b|abbestellen|d[ée]sabonner|darse de baja|disiscri|uitschrijven|cancelar (?:a )?inscri|\b(?:subscribed|subscription|abonniert|abonn[ée]|suscrito|iscritt)",
            r"(?i)\bsecurity (?:advisory|bulletin|update)\b|\bexploited in the wild\b",
            r"(?i)\bcve-20\d\d-\d+|\b(?:update|upgrade|patch) (?:to|now|immediately)\b",
            r"(?i)\bindicators? of compromise\b|\biocs?\b|\bthreat (?:intel\w*|bulletin|advisory|digest|feed|weekly)\b",
            r"(?i)\b(?:appear|see|find|seen|found)\b.{0,30}\b(?:in|on) your (?:logs|firewall|siem|environment)\b|\bblock (?:them|these)\b",
        ]
        .into_iter(),
    )
});
/// To whom, and from whom, a letter that stands in a text was sent.
static SENT_TO: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?im)^\W{0,3}(?:to|an|à|para|a|aan|do|komu|till|til|кому|받는 ?사람|수신|收件人|收件者|宛先)\s?[:\x{ff1a}]\s*[^\n@]{0,60}@([\w.-]+)",
    )
});
static SENT_FROM: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?im)^\W{0,3}(?:from|von|de|da|van|od|från|fra|от|보낸 ?사람|발신|发件人|寄件者|差出人)\s?[:\x{ff1a}]\s*[^\n@]{0,60}@([\w.-]+)",
    )
});

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

/// What is announced, asked or offered by who looks for weak spots with good intent.
static BY_RESEARCHERS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\bwe (?:will|are going to|plan to|shall) (?:be )?(?:scan|test|prob)(?:n?ing)? your\b|\bbug[- ]bounty\b|\b(?:responsible|coordinated|vulnerability) disclosure\b|\b(?:scheduled|planned|announced|upcoming|annual) (?:penetration|security|vulnerability) (?:tests?|scans?|testing|assessment)\b|\b(?:will|going to) (?:be )?(?:scan|test|prob)(?:n?ing)? (?:the|your|all|our)\b",
    )
});
/// A request about somebody's data.
static ABOUT_DATA: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:subject access request|data subject request|right of access|auskunftsersuchen|auskunft nach art|art(?:ikel|icle|\.)? ?15 (?:dsgvo|gdpr|rgpd|avg)|droit d'acc[èe]s|derecho de acceso|diritto di accesso|(?:gdpr|dsgvo|rgpd) (?:request|anfrage|demande|solicitud))",
    )
});
/// Words to whom something is said to belong; what is written to many has none.
static ADDRESSED: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:your|ihre?[mnrs]?|votre|vos|sus?|vuestr[oa]s?|suas?|seus?|vostr[oaie]|uw|jouw)\s+(?:[\w-]+\s+){0,3}?(?:ip|ips|address|addresses|hosts?|servers?|machines?|networks?|systems?|instances?|assets?|customers?|users?|ranges?|devices?|resources?|infrastructure|netz\w*|rechner|kunden?|adress\w+|réseaux?|serveurs?|clients?|red|redes|servidor\w*|direcci[oó]n\w*|rede|endere[cç]os?|rete|indirizz\w+|netwerk|klant\w*)\b|\bof yours\b",
    )
});
/// What a subject says of itself, whatever resource it names.
static BUSINESS_SUBJECT: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\binvoice\b|your (?:aws )?bill\b|scheduled (?:maintenance|event|retirement)|instance retirement|maintenance (?:window|notification)|upcoming maintenance",
    )
});
static TO_AWS: LazyLock<Regex> =
    LazyLock::new(|| compile(r"(?im)^\W*(?:hello|dear|hi|to)\b[\s,:]*(?:the )?(?:aws|amazon|ec2)\b"));
/// What programs that guard a host of ours write to us.
static GUARDS_OURS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\bhas just been banned by fail2ban\b|\bossec hids notification\b|\bwazuh alert\b|\blogwatch\b|\bdenyhosts report\b|\[psad-|\blfd on \S+:|\bsshguard\b",
    )
});
static WE_DID: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\bwe (?:have )?(?:investigated|resolved|terminated|stopped|isolated|fixed|removed|taken|patched|rotated|blocked|cleaned)\b|\broot cause\b|\bactions? taken\b|corrective actions?\b|please (?:remove|unblock|lift|close)|\bwe (?:have )?(?:shut down|rebuilt|reinstalled)\b",
    )
});

/// Only who runs a host can do this to it.
static WE_ENDED_IT: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\bwe (?:have )?(?:terminated|stopped|isolated|patched|rotated|cleaned|reinstalled|rebuilt|shut down)\b",
    )
});

/// Reports that mail receivers send to each domain's owner, and offers.
static IS_STATISTICS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\baggregate (?:dmarc )?report\b|\bdmarc (?:aggregate|report)|<report_metadata>|\btls-?rpt\b|\bsmtp tls report|report domain: \S+ submitter:|\b(?:book|request|schedule) (?:a|your) (?:free )?demo\b|\bfree trial\b",
    )
});
/// What one says to somebody who complained.
static ANSWERS_US: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\byou (?:have )?(?:recently )?(?:complained|reported to us|filed a (?:complaint|report))\b|\b(?:thank you|thanks) for (?:your|the) (?:report|complaint|notification)\b[^.]{0,40}\b(?:about|regarding|against)\b|\bsuite à votre (?:signalement|plainte)|\b(?:nach|auf|zu|für) ihre[rn]? (?:meldung|beschwerde|hinweis)|\b(?:naar aanleiding van|dank voor|bedankt voor) uw (?:melding|klacht)|\b(?:tras|gracias por|en respuesta a) su (?:reporte|denuncia|informe|aviso)|\b(?:dopo|grazie per) la (?:vostra|sua) segnalazione|\byour complaint (?:about|regarding|against|concerning)\b",
    )
});

/// What only who answers for the accused says: what was done with a customer of his own.
static ACTED_FOR_US: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:our|the|this)\s+(?:customer|client|user|subscriber)\b(?:[^.;!?]|\.\S){0,80}\b(?:(?:has|have|was|been|is)\s+(?:now\s+)?(?:suspended|terminated|disconnected|shut down|warned|notified|informed|taken offline)|tells us|told us|confirmed|assured)\b|\bwe (?:have )?(?:suspended|terminated|disconnected|warned|notified|informed|contacted)\s+(?:our|the|this)\s+(?:customer|client|user|subscriber)|\b(?:forwarded|passed)\b(?:[^.;]|\.\S){0,40}\bto our (?:customer|client)|\byou (?:have )?(?:recently )?(?:complained|reported) (?:about|to us)|\byou complained about|\bwe (?:have )?received your (?:\w+ )?(?:report|complaint)\b|\ban unseren kunden (?:weiter\w+)|\b(?:unser(?:en)?|den|der) kunden?\b(?:[^.;]|\.\S){0,80}\b(?:gesperrt|informiert|abgeschaltet|gek[üu]ndigt|verwarnt)|\bnous avons\s(?:[^.;]|\.\S){0,40}(?:suspendu|bloqu[ée]|coup[ée]|averti|inform[ée])(?:[^.;]|\.\S){0,20}(?:client|machine)|\bhemos\s(?:[^.;]|\.\S){0,30}(?:bloqueado|suspendido|notificado|avisado|informado)(?:[^.;]|\.\S){0,20}cliente|\babbiamo\s(?:[^.;]|\.\S){0,30}(?:bloccato|sospeso|avvisato|informato)(?:[^.;]|\.\S){0,20}cliente|\b(?:bloqueamos|suspendemos|notificamos)\s(?:[^.;]|\.\S){0,20}cliente|\b(?:onze|de|deze) klant\b(?:[^.;]|\.\S){0,60}(?:afgesloten|ge[ïi]nformeerd|geblokkeerd|opgeschort|viel\b)|\bklient\w*\b(?:[^.;]|\.\S){0,60}(?:zablokowan|zawieszon|poinformowan)|\b(?:our|unser\w*|notre|nos|nuestr\w|nostr\w|noss\w|onze|nasz\w*|v[åa]r|vores|vår)\s+(?:customer|client\w*|kunde\w*|cliente|klant|klient\w*|kund)\b(?:[^.;]|\.\S){0,90}\b(?:suspended|disconnected|cleaned|gesperrt|bereinigt|informiert|suspendu|coup[ée]|nettoy[ée]|averti|desconectad\w|bloquead\w|suspendid\w|avisad\w|sospes\w|bloccat\w|disconness\w|avvisat\w|afgesloten|geblokkeerd|gewaarschuwd|zablokowan\w+|od[łl][ąa]czon\w+|avst[äa]ngd|sp[äa]rrad)|該当(?:の)?(?:顧客|お客様)|当該(?:顧客|お客様)|お申し出|해당 고객",
    )
});
/// An answer, by its subject or by its thanks.
static IS_ANSWER: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)^\s*(?:re|aw|antw|sv|vs|odp|rif|res|ynt|回复|答复|返信)\s*[:\[]|\b(?:thank you|thanks) for (?:reporting|letting us know|your (?:\w+ )?(?:report|complaint|notification)|bringing)|\bgracias por (?:avisar|su|informar)|\b(?:vielen )?dank f[üu]r (?:ihre|den) (?:meldung|hinweis|nachricht)|\bmerci (?:de|pour) (?:votre|nous)|\bbedankt voor|\bgrazie per la|\bobrigad[oa] pel|\bdzi[ęe]kujemy za|\bticket\b[^\n]{0,20}\breceived\b",
    )
});

/// A weakness of a host.
static WEAKNESS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:vulnerab\w+|cve-20\d\d-\d+|outdated|unpatched|end[- ]of[- ]life|misconfigur\w+|without (?:any )?(?:authentication|password)|publicly (?:accessible|reachable|exposed)|expos(?:es|ed|ing|ure)|(?:is|are) (?:openly |freely |publicly )?(?:accessible|reachable)|weak (?:cipher|password|tls|ssl)\w*|expired certificate|verwundbar\w*|veraltet\w*|ungepatcht\w*|schwachstelle\w*|ungeschutzt\w*|obsolete\w*|expuest\w+|desactualizad\w+|espost[oaie]|kwetsba\w+|verouderd\w*|podatn\w+|zraniteln\w+|sarbar\w*)\b|уязвим|脆弱|漏洞|취약",
    )
});
/// What one does about a weakness.
static MEND: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:updat\w+|patch\w*|upgrad\w+|restrict\w*|secur(?:e|ing)|harden\w*|firewall|close (?:the )?port|aktualisier\w*|abzusichern|absicher\w*|einspielen|mettre a jour|mise a jour|correctif\w*|actualiz\w+|aggiorn\w+|atualiz\w+|bijwerken|bijgewerkt|aktualizac\w+|zaktualizow\w+|let you know|inform you|zu informieren|vous informer|informarle\w*|informarvi)\b|обнов|更新|アップデート|업데이트|修复|修補|패치",
    )
});
/// What tells of something that was done, and not of what might be.
static WAS_DONE: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:attempts?|attack(?:s|ed|ing)? (?:from|against|on|our)|scan(?:s|ned|ning)? (?:from|our)|failed password|versuch\w*|angriff\w* (?:von|auf|gegen)|tentativ\w*|intentos?|ataques? (?:desde|contra)|amplif\w+|reflect\w+|took part|participat\w+|is (?:being )?(?:used|abused) (?:to|for|in)|sends?|sent|sending|spam\w*|phish\w*|infected|botnet|compromised|open (?:resolver|relay|proxy))\b",
    )
});
/// Words to log in with that somebody else has.
static LEAKED: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:credentials?|passwords?|log-?in data|logins|accounts?|zugangsdaten|identifiants|credenciales|credenziali|inloggegevens)\b(?:[^.;]|\.\S){0,80}\b(?:leak\w*|stealer|breach\w*|dump\w*|dark ?web|published|posted|for sale|veroffentlicht\w*|geleakt\w*|divulgu\w+|filtrad\w+|pubblicat\w+|gelekt\w*)\b|\b(?:leak\w*|stealer log\w*|breach\w*|dump)\b[^.;]{0,80}\b(?:credentials?|passwords?|accounts?|zugangsdaten|identifiants|credenciales|credenziali)\b",
    )
});

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
}

/// Who writes of himself, or to whom something belongs, tells of an incident and not of the world.
static OF_SOMEBODY: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:us|our|ours|my|your|yours|unser\w*|uns|ihre?\w*|nous|notre|nos|votre|nuestr\w+|noss\w+|nostr\w+|vostr\w+|onze|ons|uw|nasz\w*|nas)\b",
    )
});

/// Says whether a letter speaks of what is its writer's or its reader's, beside what stands at its foot.
pub(super) fn is_told_by_somebody(lines: &[Line<'_>]) -> bool {
    let own = lines.iter().filter(|line| line.role == SectionRole::Body).take(200);
    own.filter(|line| !TO_MANY.is_match(line.text)).any(|line| OF_SOMEBODY.is_match(line.text))
}

/// Recognises a message that accuses nobody.
pub(super) fn recognise(
    lines: &[Line<'_>],
    mail: Option<&MailHeaders>,
    Marks { accuses, says_abuse, tells_of_a_deed, is_report }: Marks,
) -> Option<NotOurs> {
    if let Some(mail) = mail
        && (mail.auto_reply
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
    if mail.is_some_and(|mail| is_copy_of_ours(mail, &text)) {
        return Some(NotOurs::OurAnswer);
    }
    if TO_AWS.is_match(&text) && WE_DID.find_iter(&text).take(2).count() == 2 {
        return Some(NotOurs::OurAnswer);
    }
    let answers = mail.is_some_and(|mail| mail.subject.trim_start().to_ascii_lowercase().starts_with("re:"));
    if answers && WE_ENDED_IT.is_match(&text) && WE_DID.find_iter(&text).take(3).count() == 3 {
        return Some(NotOurs::OurAnswer);
    }
    if let Some(mail) =
        mail.filter(|mail| !says_abuse && !is_report && BUSINESS_SUBJECT.is_match(&mail.subject))
    {
        let answered = mail.subject.trim_start().to_ascii_lowercase().starts_with("re:");
        return (!answered).then_some(NotOurs::Business);
    }
    if IS_STATISTICS.is_match(&text) {
        return Some(NotOurs::Business);
    }
    let subject = mail.map_or("", |mail| mail.subject.as_str());
    // What it quotes may be our own answer.
    let own = lines.iter().filter(|line| !line.is_quoted && line.role == SectionRole::Body).take(100);
    let own: Vec<&str> = own.map(|line| line.text).collect();
    if ACTED_FOR_US.is_match(&own.join("\n")) && (IS_ANSWER.is_match(subject) || IS_ANSWER.is_match(&text)) {
        return Some(NotOurs::AnswerToUs);
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
    if !tells_of_a_deed && is_exposure(&above()) {
        return Some(NotOurs::Exposure);
    }
    if !tells_of_a_deed && ASKS_TO_PASS.is_match(&text) && !blames_reader(&text) {
        return Some(NotOurs::Business);
    }
    if BY_RESEARCHERS.is_match(&text) && !blames_reader(&text) {
        return Some(NotOurs::Business);
    }
    if ABOUT_DATA.is_match(&text) && !says_abuse && !accuses {
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
