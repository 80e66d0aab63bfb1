//! The words by which letters that accuse nobody are known, in all languages: data, one pattern a kind of letter.

use std::sync::LazyLock;

use regex::Regex;
use regex::RegexSet;

use super::super::pattern::compile;
use super::super::pattern::compile_set;

/// How ticket systems answer what opened a ticket.
pub(super) static OPENS_A_TICKET: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\bautomatically generated in response|\bin response to the creation of a\b|\b(?:ticket|case|request) has been (?:assigned|created|opened|registered|received)|\byour (?:ticket|case|request) (?:number|id) is\b|\btype your reply above\b|\bautomatisch erstellt\w*|\bticket wurde (?:erstellt|eroffnet|angelegt)",
    )
});

pub(super) static AUTO_SUBJECT: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)^\W*(?:auto(?:matic|mated)?[\s-]*(?:reply|response|answer)|out of (?:the )?office\b(?:[^?]|$)|abwesen|vacation|undeliver|delivery (?:status|failure)|mail delivery (?:failed|subsystem)|returned mail|autoreply|we (?:have )?received your (?:request|message|mail))",
    )
});
/// A mail program's own title, before the subject of what it answers.
pub(super) static AUTO_TITLE: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)^\W*(?:auto(?:matic|mated)?[\s-]*(?:reply|response|answer)|autoreply|out of (?:the )?office|automatische antwort|abwesenheits\w*|r[ée]ponse automatique|respuesta autom[áa]tica|risposta automatica|automatisch antwoord|undeliver(?:able|ed)|delivery (?:status|failure)|mail delivery (?:failed|subsystem)|returned mail)\b[^:]{0,3}(?:\([^)]*\)\s*)?[:\]]",
    )
});
/// What a machine says that confirms a report of ours, where nothing of its headers is left.
pub(super) static CONFIRMS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:(?:case|ticket|request)\s(?:#?[\w-]*\d[\w-]*\s)(?:has been|was) (?:created|opened|received|registered)\b|we (?:have )?(?:received|got) your (?:report|request|message|e-?mail|complaint|ticket)|your (?:report|request|message|e-?mail|complaint|ticket)\b[^.;]{0,60}\b(?:was|has been|is) (?:received|registered|logged)|wir haben ihre? (?:meldung|anfrage|nachricht|e-?mail)\b[^.;]{0,60}\berhalten|ihre? (?:meldung|beschwerde|anfrage|nachricht|e-?mail)\b(?:[^.;]|\.\S){0,60}\beingegangen|nous avons (?:bien )?reçu votre (?:signalement|message|demande|plainte)|(?:hemos recibido su|recebemos (?:a )?sua?|abbiamo ricevuto la (?:tua|sua|vostra)) )",
    )
});
/// Who is away answers by machine.
pub(super) static IS_AWAY: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:i am|i'm|ich bin|je suis|estoy|sono|ik ben|estou|jag är|jeg er)\b[^.;]{0,50}\b(?:out of (?:the )?office|on (?:\w+ )?leave|on vacation|away from|nicht im b(?:ü|u)ro|im urlaub|au(?:ß|ss)er haus|absente?|en cong[ée]s?|de vacaciones|fuera de la oficina|in ferie|fuori ufficio|afwezig|op vakantie|de férias|bortrest|på ferie)",
    )
});
/// Who asks to be let in again complains of nothing.
pub(super) static ASKS_TO_PASS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\bplease\s+(?:\w+\s+)?(?:un-?block|un-?list|de-?list|white-?list|allow-?list|unban)\b|\bcan you (?:un-?block|white-?list|de-?list)\b|\bbitte\b[^.;]{0,60}(?:entsperr|freischalt|freizuschalten)|\b(?:débloquer|desbloquear|sbloccare|deblokkeren|odblokow\w+)\b",
    )
});
pub(super) static ACCOUNT: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)suspicious activity in your aws account|account may (?:have been|still be|be) (?:inappropriately |at risk|accessed|compromised)|aws access key|unwanted activity in your aws account|accessed by a third[\s-]party|\b(?:credentials?|passwords?|log-?in data|accounts?) (?:for|of|belonging to|from) your\b|stealer log|leaked (?:credentials|passwords|accounts|log-?ins)|secret (?:access )?key (?:is|are|was|may)|root user|new sign-?in|password (?:was|has been) (?:changed|reset)",
    )
});
pub(super) static BUSINESS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\binvoice\b|\bbilling\b|payment (?:due|method|failed)|your (?:aws )?bill\b|scheduled (?:maintenance|event|retirement)|\bnewsletter\s*(?:[.,:;!?#\n]|no\b|issue|$)|unsubscribe|price (?:change|reduction)|end of (?:support|life)|webinar|free trial|\b(?:take|complete|fill (?:in|out)|customer|satisfaction|feedback|short|quick|annual)\s+(?:\w+\s+){0,2}survey\b|instance retirement|upcoming (?:change|maintenance)|deprecat|\bworkshop\b|\bsummit\b|meet our|\bconference\b|call for (?:papers|talks|participation)|\bcfp\b|\bjob offer|\bvacanc",
    )
});
/// What is sent to many who asked for it.
pub(super) static TO_MANY: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:this|our|weekly|monthly|daily|security|threat) newsletter\b(?:[^-\w\s]|\s+(?:is|was|of|to|for|from|and|you|we|contains)\b|\s*$)|^\W*newsletter\b|\bunsubscribe\b|because you (?:are )?subscribed|\bstatus page\b|abbestellen|désabonner|darse de baja|cancelar (?:a )?inscrição|disiscri|uitschrijven",
    )
});
/// What only letters to subscribers say of themselves.
pub(super) static IS_LETTER_TO_MANY: LazyLock<RegexSet> = LazyLock::new(|| {
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
pub(super) static SENT_TO: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?im)^\W{0,3}(?:to|an|à|para|a|aan|do|komu|till|til|кому|받는 ?사람|수신|收件人|收件者|宛先)\s?[:\x{ff1a}]\s*[^\n@]{0,60}@([\w.-]+)",
    )
});
pub(super) static SENT_FROM: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?im)^\W{0,3}(?:from|von|de|da|van|od|från|fra|от|보낸 ?사람|발신|发件人|寄件者|差出人)\s?[:\x{ff1a}]\s*[^\n@]{0,60}@([\w.-]+)",
    )
});
/// A test that the reader ordered.
pub(super) static ORDERED_TEST: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:penetration|pen|security|vulnerability|red[- ]team\w*|intrusion|load|stress)[- ]?(?:tests?|testing|assessments?|scans?|exercises?)\b|\bpentests?\b|\bpenetrationstests?\b|\btests? d.intrusion\b|\bpruebas? de (?:penetraci[óo]n|intrusi[óo]n)\b|\btestes? de (?:penetra[çc][ãa]o|intrus[ãa]o)\b",
    )
});
/// On what terms it is done.
pub(super) static TEST_TERMS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\brules of engagement\b|\b(?:has been|is|was) (?:reviewed and (?:is |was )?)?(?:hereby )?approved\b|\b(?:do not|don't|not to) (?:block|ban|blacklist) (?:us|our|the (?:sources?|addresses))\b|\bout of scope\b|\bas (?:agreed|ordered|contracted|discussed) (?:in|with|by)\b|\bwie (?:vereinbart|beauftragt|besprochen)\b|\bcomme convenu\b|\bsegún lo acordado\b|\bcome concordato\b|\bzoals afgesproken\b",
    )
});
/// What is announced, asked or offered by who looks for weak spots with good intent.
pub(super) static BY_RESEARCHERS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)(?:^|\n)\W{0,3}(?:weakness|vulnerability(?: type)?|cwe)\s*:\s*cwe-\d|\bsteps to reproduce\b|\bwe (?:will|are going to|plan to|shall) (?:be )?(?:scan|test|prob)(?:n?ing)? your\b|\bbug[- ]bounty\b|\b(?:responsible|coordinated|vulnerability) disclosure\b|\b(?:scheduled|planned|announced|upcoming|annual) (?:penetration|security|vulnerability) (?:tests?|scans?|testing|assessment)\b|\b(?:will|going to) (?:be )?(?:scan|test|prob)(?:n?ing)? (?:the|your|all|our)\b|\b(?:will|shall|going to|plan to|intend to) (?:\w+ ){0,2}?(?:carry out|conduct|perform|run|execute|start|begin) (?:[\w-]+ ){0,4}?(?:penetration|security|vulnerability|red[- ]team\w*|load|stress)[- ]+(?:tests?|scans?|testing|assessments?|exercises?)\b|\b(?:werden|wird|f[üu]hren|f[üu]hrt|planen|plant)\b(?:[^.;]|\d\.){0,120}\b(?:penetrationstests?|pen-?tests?|sicherheits(?:tests?|[üu]berpr[üu]fung)|lasttests?)\b|\b(?:r[ée]aliserons|effectuerons|m[èe]nerons|allons (?:r[ée]aliser|effectuer|mener))\b[^.;]{0,80}\b(?:tests? d.intrusion|audit de s[ée]curit[ée])|\b(?:realizaremos|llevaremos a cabo|efectuaremos|faremos)\b[^.;]{0,80}\b(?:pruebas? de (?:penetraci[óo]n|intrusi[óo]n|seguridad)|testes? de (?:penetra[çc][ãa]o|intrus[ãa]o|seguran[çc]a))|\b(?:effettueremo|eseguiremo|svolgeremo)\b[^.;]{0,80}\b(?:penetration test|test di (?:penetrazione|sicurezza))",
    )
});
/// A request about somebody's data.
pub(super) static ABOUT_DATA: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:subject access request|data subject request|right of access|auskunftsersuchen|auskunft nach art|art(?:ikel|icle|\.)? ?15 (?:dsgvo|gdpr|rgpd|avg)|droit d'acc[èe]s|derecho de acceso|diritto di accesso|(?:gdpr|dsgvo|rgpd) (?:request|anfrage|demande|solicitud)|(?:subscriber|account holder) (?:information|details|data)|subpoena|production order|bestandsdaten|welche[mnr]? (?:ihrer )?(?:kunde\w*|anschlussinhaber\w*|nutzer\w*|anschluss)\b[^;]{0,120}\bzugeordnet|r[ée]quisition judiciaire|identit[ée] du titulaire|(?:datos|identidad) del (?:titular|abonado)|requerimiento judicial|(?:dati|generalit[àa]) dell.(?:intestatario|utente|abbonato)|dados (?:cadastrais|do titular)|identificerende gegevens|dan(?:e|ych) abonenta)",
    )
});
/// Words to whom something is said to belong; what is written to many has none.
pub(super) static ADDRESSED: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:your|ihre?[mnrs]?|votre|vos|sus?|vuestr[oa]s?|suas?|seus?|vostr[oaie]|uw|jouw)\s+(?:[\w-]+\s+){0,3}?(?:ip|ips|address|addresses|hosts?|servers?|machines?|networks?|systems?|instances?|assets?|customers?|users?|ranges?|devices?|resources?|infrastructure|netz\w*|rechner|kunden?|adress\w+|réseaux?|serveurs?|clients?|red|redes|servidor\w*|direcci[oó]n\w*|rede|endere[cç]os?|rete|indirizz\w+|netwerk|klant\w*)\b|\bof yours\b",
    )
});
/// What a subject says of itself, whatever resource it names.
pub(super) static BUSINESS_SUBJECT: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\binvoice\b|your (?:aws )?bill\b|scheduled (?:maintenance|event|retirement)|instance retirement|maintenance (?:window|notification)|upcoming maintenance|\b(?:emergency|urgent|planned|network|service) (?:\w+ )?maintenance\b|^\W*maintenance\s*:|\bcertificate\b.{0,40}\bexpir|\bzertifikat\b.{0,40}\b(?:l[äa]uft\b.{0,20}\bab|abgelaufen)|\bwartungs(?:arbeit\w*|fenster)|\bnotfallwartung|\bmaintenance (?:planifi|programm|d.urgence)|\bmantenimiento (?:programado|planificado|de emergencia|urgente)|\bmanuten(?:zione|[çc][ãa]o) (?:\w+)|\bgepland onderhoud|\bprace (?:serwisowe|konserwacyjne)|\bpl[áa]novan[áa] (?:[úu]dr[žz]ba|odst[áa]vka)|\bplanerat underh[åa]ll",
    )
});
pub(super) static TO_AWS: LazyLock<Regex> =
    LazyLock::new(|| compile(r"(?im)^\W*(?:hello|dear|hi|to)\b[\s,:]*(?:the )?(?:aws|amazon|ec2)\b"));
/// What programs that guard a host of ours write to us.
pub(super) static GUARDS_OURS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\bhas just been banned by fail2ban\b|\bossec hids notification\b|\bwazuh alert\b|\blogwatch\b|\bdenyhosts report\b|\[psad-|\blfd on \S+:|\bsshguard\b",
    )
});
pub(super) static WE_DID: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\bwe (?:have )?(?:investigated|resolved|terminated|stopped|isolated|fixed|removed|taken|patched|rotated|blocked|cleaned)\b|\broot cause\b|\bactions? taken\b|corrective actions?\b|please (?:remove|unblock|lift|close)|\bwe (?:have )?(?:shut down|rebuilt|reinstalled)\b",
    )
});
/// What only who runs a host says was done to it, in the words of an answer.
pub(super) static OWNER_DID: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?x)\bwe\s(?:have\s)?(?:terminated|stopped|isolated|patched|rotated|cleaned|reinstalled|rebuilt|shut\sdown|revoked|re-?imaged)\b
        |\b(?:it|instance|server|host|machine|container|vm|key|account)\b[^.;]{0,60}\b(?:has|have|was|were)\s(?:now\s)?(?:been\s)?(?:isolated|terminated|shut\sdown|rebuilt|reinstalled|re-?imaged|revoked|cleaned|quarantined)\b
        |\bwir\shaben\b(?:[^.;]|\.\S){0,80}\b(?:abgeschaltet|isoliert|neu\saufgesetzt|bereinigt|vom\snetz\sgenommen|gestoppt|beendet)\b
        |\bnous\savons\b(?:[^.;]|\.\S){0,60}\b(?:isole|arrete|reinstalle|coupe|nettoye)
        |\bhemos\b(?:[^.;]|\.\S){0,60}\b(?:aislado|apagado|reinstalado|detenido|limpiado)
        |\babbiamo\b(?:[^.;]|\.\S){0,60}\b(?:isolato|spento|reinstallato|fermato|ripulito)
        |\bwe\shebben\b(?:[^.;]|\.\S){0,60}\b(?:geisoleerd|uitgeschakeld|opnieuw\sgeinstalleerd)",
    )
});
/// What the one who complained still sees.
pub(super) static STILL: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:still|again|continues?|immer noch|weiterhin|erneut|toujours|encore|sigue\w*|todavia|ancora|nog steeds|nadal)\b",
    )
});

/// Only who runs a host can do this to it.
pub(super) static WE_ENDED_IT: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\bwe (?:have )?(?:terminated|stopped|isolated|patched|rotated|cleaned|reinstalled|rebuilt|shut down)\b",
    )
});
/// Reports that mail receivers send to each domain's owner, and offers.
pub(super) static IS_STATISTICS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\baggregate (?:dmarc )?report\b|\bdmarc (?:aggregate|report)|<report_metadata>|\btls-?rpt\b|\bsmtp tls report|report domain: \S+ submitter:|\b(?:book|request|schedule) (?:a|your) (?:free )?demo\b|\bfree trial\b",
    )
});
/// What one says to somebody who complained.
pub(super) static ANSWERS_US: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\byou (?:have )?(?:recently )?(?:complained|reported to us|filed a (?:complaint|report))\b|\b(?:thank you|thanks) for (?:your|the) (?:report|complaint|notification)\b[^.]{0,40}\b(?:about|regarding|against)\b|\bsuite à votre (?:signalement|plainte)|\b(?:nach|auf|zu|für) ihre[rn]? (?:meldung|beschwerde|hinweis)|\b(?:naar aanleiding van|dank voor|bedankt voor) uw (?:melding|klacht)|\b(?:tras|gracias por|en respuesta a) su (?:reporte|denuncia|informe|aviso)|\b(?:dopo|grazie per) la (?:vostra|sua) segnalazione|\byour complaint (?:about|regarding|against|concerning)\b",
    )
});
/// What only who answers for the accused says: what was done with a customer of his own.
pub(super) static ACTED_FOR_US: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:our|the|this)\s+(?:customer|client|user|subscriber)\b(?:[^.;!?]|\.\S){0,80}\b(?:(?:has|have|was|been|is)\s+(?:now\s+)?(?:suspended|terminated|disconnected|shut down|warned|notified|informed|taken offline)|tells us|told us|confirmed|assured)\b|\bwe (?:have )?(?:suspended|terminated|disconnected|warned|notified|informed|contacted)\s+(?:our|the|this)\s+(?:customer|client|user|subscriber)|\b(?:forwarded|passed)\b(?:[^.;]|\.\S){0,40}\bto our (?:customer|client)|\b(?:passed|forwarded|handed|sent)\s+(?:on\s+)?your\s+(?:evidence|report|complaint|logs|notice)\b|\byou (?:have )?(?:recently )?(?:complained|reported) (?:about|to us)|\byou complained about|\bwe (?:have )?received your (?:\w+ )?(?:report|complaint)\b|\ban unseren kunden (?:weiter\w+)|\b(?:unser(?:en)?|den|der) kunden?\b(?:[^.;]|\.\S){0,80}\b(?:gesperrt|informiert|abgeschaltet|gek[üu]ndigt|verwarnt)|\bnous avons\s(?:[^.;]|\.\S){0,40}(?:suspendu|bloqu[ée]|coup[ée]|averti|inform[ée])(?:[^.;]|\.\S){0,20}(?:client|machine)|\bhemos\s(?:[^.;]|\.\S){0,30}(?:bloqueado|suspendido|notificado|avisado|informado)(?:[^.;]|\.\S){0,20}cliente|\babbiamo\s(?:[^.;]|\.\S){0,30}(?:bloccato|sospeso|avvisato|informato)(?:[^.;]|\.\S){0,20}cliente|\b(?:bloqueamos|suspendemos|notificamos)\s(?:[^.;]|\.\S){0,20}cliente|\b(?:onze|de|deze) klant\b(?:[^.;]|\.\S){0,60}(?:afgesloten|ge[ïi]nformeerd|geblokkeerd|opgeschort|viel\b)|\bklient\w*\b(?:[^.;]|\.\S){0,60}(?:zablokowan|zawieszon|poinformowan)|\b(?:our|unser\w*|notre|nos|nuestr\w|nostr\w|noss\w|onze|nasz\w*|v[åa]r|vores|vår)\s+(?:customer|client\w*|kunde\w*|cliente|klant|klient\w*|kund)\b(?:[^.;]|\.\S){0,90}\b(?:suspended|disconnected|cleaned|gesperrt|bereinigt|informiert|suspendu|coup[ée]|nettoy[ée]|averti|desconectad\w|bloquead\w|suspendid\w|avisad\w|sospes\w|bloccat\w|disconness\w|avvisat\w|afgesloten|geblokkeerd|gewaarschuwd|zablokowan\w+|od[łl][ąa]czon\w+|avst[äa]ngd|sp[äa]rrad)|該当(?:の)?(?:顧客|お客様)|当該(?:顧客|お客様)|お申し出|해당 고객",
    )
});
/// An answer, by its subject or by its thanks.
pub(super) static IS_ANSWER: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)^\s*(?:re|aw|antw|sv|vs|odp|rif|res|ynt|回复|答复|返信)\s*[:\[]|\b(?:thank you|thanks) for (?:reporting|letting us know|your (?:\w+ )?(?:report|complaint|notification)|bringing)|\bgracias por (?:avisar|su|informar)|\b(?:vielen )?dank f[üu]r (?:ihre|den) (?:meldung|hinweis|nachricht)|\bmerci (?:de|pour) (?:votre|nous)|\bbedankt voor|\bgrazie per la|\bobrigad[oa] pel|\bdzi[ęe]kujemy za|\bticket\b[^\n]{0,20}\breceived\b",
    )
});
/// A weakness of a host.
pub(super) static WEAKNESS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:vulnerab\w+|cve-20\d\d-\d+|outdated|unpatched|end[- ]of[- ]life|misconfigur\w+|without (?:any )?(?:authentication|password)|publicly (?:accessible|reachable|exposed)|expos(?:es|ed|ing|ure)|(?:is|are) (?:openly |freely |publicly )?(?:accessible|reachable)|weak (?:cipher|password|tls|ssl)\w*|expired certificate|verwundbar\w*|veraltet\w*|ungepatcht\w*|schwachstelle\w*|ungeschutzt\w*|obsolete\w*|expuest\w+|desactualizad\w+|espost[oaie]|kwetsba\w+|verouderd\w*|podatn\w+|zraniteln\w+|sarbar\w*)\b|уязвим|脆弱|漏洞|취약",
    )
});
/// What one does about a weakness.
pub(super) static MEND: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:updat\w+|patch\w*|upgrad\w+|restrict\w*|secur(?:e|ing)|harden\w*|firewall|close (?:the )?port|aktualisier\w*|abzusichern|absicher\w*|einspielen|mettre a jour|mise a jour|correctif\w*|actualiz\w+|aggiorn\w+|atualiz\w+|bijwerken|bijgewerkt|aktualizac\w+|zaktualizow\w+|let you know|inform you|zu informieren|vous informer|informarle\w*|informarvi)\b|обнов|更新|アップデート|업데이트|修复|修補|패치",
    )
});
/// What tells of something that was done, and not of what might be.
pub(super) static WAS_DONE: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:attempts?|attack(?:s|ed|ing)? (?:from|against|on|our)|scan(?:s|ned|ning)? (?:from|our)|failed password|versuch\w*|angriff\w* (?:von|auf|gegen)|tentativ\w*|intentos?|ataques? (?:desde|contra)|amplif\w+|reflect\w+|took part|participat\w+|is (?:being )?(?:used|abused) (?:to|for|in)|sends?|sent|sending|spam\w*|phish\w*|infected|botnet|compromised|open (?:resolver|relay|proxy))\b",
    )
});
/// What is to be stopped is a deed and no weakness.
pub(super) static TO_BE_STOPPED: LazyLock<Regex> =
    LazyLock::new(|| compile(r"(?i)\b(?:please|kindly)\s+(?:\w+\s+)?(?:stop|cease)\b"));
/// Words to log in with that somebody else has.
pub(super) static LEAKED: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:credentials?|passwords?|log-?in data|logins|accounts?|zugangsdaten|identifiants|credenciales|credenziali|inloggegevens)\b(?:[^.;]|\.\S){0,80}\b(?:leak\w*|stealer|breach\w*|dump\w*|dark ?web|published|posted|for sale|veroffentlicht\w*|geleakt\w*|divulgu\w+|filtrad\w+|pubblicat\w+|gelekt\w*)\b|\b(?:leak\w*|stealer log\w*|breach\w*|dump)\b[^.;]{0,80}\b(?:credentials?|passwords?|accounts?|zugangsdaten|identifiants|credenciales|credenziali)\b",
    )
});
/// Log-ins of the reader's people that were stolen: from whose computer, does not matter.
pub(super) static LEAKED_OF_YOURS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:credentials?|passwords?|log-?in data|log-?ins|accounts?|zugangsdaten|identifiants|credenciales|credenziali|inloggegevens)\s+(?:\w+\s+){0,2}?(?:for|of|belonging to|from|von|de|di|van|ihrer|vos|sus|vostr\w+|uw)\s+(?:your|ihre?\w*|vos|votre|sus?|vostr\w+|uw)\b|\b(?:zugangsdaten ihrer|identifiants de vos|credenciales de sus|credenziali dei vostri|inloggegevens van uw)\b",
    )
});
/// What an infected computer at home does not do.
pub(super) static ATTACKED: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:attempts?|attack\w*|scan\w*|failed password|versuch\w*|angriff\w*|tentativ\w*|intentos?|ataques?|attaques?|attacchi|amplif\w+|spam\w*|phish\w*|brute\w*|flood\w*|exfiltrat\w*|upload\w*|hosted|hosts)\b",
    )
});
/// Who writes of himself, or to whom something belongs, tells of an incident and not of the world.
pub(super) static OF_SOMEBODY: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:us|our|ours|my|your|yours|unser\w*|uns|ihre?\w*|nous|notre|nos|votre|nuestr\w+|noss\w+|nostr\w+|vostr\w+|onze|ons|uw|nasz\w*|nas)\b",
    )
});
