//! What joins notices of one case, and where in the case's life a notice stands.

use std::sync::LazyLock;

use regex::Regex;

use super::document::MailHeaders;
use super::document::SectionRole;
use super::label;
use super::label::Kind;
use super::lines::Line;
use super::lines::LineKind;
use super::pattern::compile;
use super::reading::Stage;

static SUBJECT_IDS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        r"(?i)abuse (?:report|case|notice)s?\s*[:#(\[]*\s*(?:id|number|no\.?)?\s*[:#(\[]*\s*([A-Z]{0,3}\d[\w-]{4,40})",
        r"(?i)\[\s*(?:case|ticket|issue|ref|incident|abuse)[\s#:-]*([\w-]*\d[\w-]{2,40})\s*\]",
        r"(?i)\b(?:case|ticket|issue|incident|rid|reference|ref|abuse\s?id|report\s?id|tracking)(?:\s*(?:id|number|no\.?|nr\.?))?\s*[:#]?\s*#?([A-Z]{0,8}-?\d[\w./-]{3,40})",
        r"(?i)[\[(]\s*#?([A-Z]{0,8}[-#:]?\d[\w-]{4,40})\s*[\])]",
    ]
    .into_iter()
    .map(compile)
    .collect()
});
static BODY_ID: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?i)\b(?:case|ticket|incident|issue|reference|tracking|report)\s*(?:id|number|no\.?|nr\.?|nummer|#)\s*(?:is|:|#|=)*\s*([A-Z]{0,8}[-#]?\d[\w.@/-]{3,60})";
    compile(pattern)
});

/// Finds the reporter's number: in the subject, in a field that names it, in a sentence.
pub(super) fn case_id(lines: &[Line<'_>]) -> Option<String> {
    // A forwarded mail's subject is as good as the outer one's.
    let is_subject = |line: &&Line<'_>| {
        let names = ["Subject:", "*Subject:*", "Betreff:", "Objet:"];
        let quoted = names.iter().any(|name| line.text.trim_start().starts_with(name));
        line.role == SectionRole::Subject || (quoted && line.role != SectionRole::Evidence)
    };
    let subjects = || lines.iter().filter(is_subject);
    let in_subject = |patterns: &[Regex]| {
        subjects().find_map(|line| patterns.iter().find_map(|pattern| first_group(pattern, line)))
    };
    in_subject(&SUBJECT_IDS[..3])
        .or_else(|| in_field(lines))
        .or_else(|| in_subject(&SUBJECT_IDS[3..]))
        .or_else(|| {
            lines
                .iter()
                .filter(|line| line.kind == LineKind::Statement)
                .find_map(|line| first_group(&BODY_ID, line))
        })
}

fn first_group(pattern: &Regex, line: &Line<'_>) -> Option<String> {
    let found = pattern.captures(line.text)?.get(1)?;
    let inside = |start: usize, end: usize| start < found.end() && found.start() < end;
    let is_other = line.spots.iter().any(|spot| inside(spot.start, spot.end))
        || line.stamps.iter().any(|stamp| inside(stamp.start, stamp.end));
    (!is_other).then(|| found.as_str().trim_end_matches(['.', '-', '/']).to_owned())
}

fn in_field(lines: &[Line<'_>]) -> Option<String> {
    for line in lines.iter().filter(|line| line.kind == LineKind::Statement && line.text.len() < 200) {
        let Some((name, value)) = line.text.split_once([':', '\t', '=']) else {
            continue;
        };
        if name.len() > 40 || label::meaning(name).kind != Kind::CaseId {
            continue;
        }
        let token = value
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .trim_matches(['[', ']', '#', '"', ',', '*', '<', '>']);
        let is_id =
            token.len() >= 4 && token.bytes().any(|byte| byte.is_ascii_digit()) && !token.contains("://");
        if is_id && token.parse::<std::net::IpAddr>().is_err() {
            return Some(token.to_owned());
        }
    }
    None
}

static RESOLVED: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?i)\b(?:has|have|is|was|are)\s+(?:now\s+|been\s+|also\s+)*(?:investigated and\s+)?(?:resolved|closed|fully mitigated)\b.{0,40}(?:by|\.|$)|\b(?:consider|mark|marked|closing|closed|resolved)\s+(?:this|the|your)\s+(?:case|matter|issue|report|ticket|incident)\b|\bwe (?:have )?(?:now )?clos(?:e|ed)\s+(?:this|the|your)\s+(?:case|report|ticket|incident)\b|\b(?:i|we)(?:'ve|\s+have)?\s+(?:now\s+)?closed\s+(?:it|this|that|the\s+(?:case|ticket|matter|issue|report|incident|complaint|request|thread|file|hole|port|relay|service|account))\b|\ball quiet since\b|\bwe (?:can|may|will) (?:now )?close (?:this|it|the)\b|\bnous ne (?:constatons|voyons|observons|recevons|d[ée]tectons) plus\b|\bcl[ôo]tur(?:ons|[ée]r?)\s+(?:le|ce|votre)\s+(?:dossier|cas|incident|ticket)|\b(?:wij|we) (?:zien|ontvangen) geen\b[^.;]{0,40}\bmeer\b|\b(?:melding|zaak|ticket) is (?:hiermee )?gesloten|\bya no (?:vemos|recibimos|observamos|detectamos|registramos)\b|\bdamos (?:el|este) (?:caso|incidente|asunto) por cerrado|\bnon (?:vediamo|riceviamo|rileviamo|osserviamo) pi[ùu]\b|\bchiudiamo (?:il caso|la segnalazione)|\bn[ãa]o (?:vemos|recebemos|observamos|detectamos) mais\b|\bencerramos o (?:caso|chamado)|\bnie (?:widzimy|obserwujemy|odnotowujemy) ju[żz]\b|\bzamykamy (?:zg[łl]oszenie|spraw[ęe])|\b(?:closing|closed|clos(?:e|ing) (?:our|your) (?:case|ticket)) \#?[A-Z]{0,6}-?\d[\w/-]{2,20}\b|\b(?:not|n.t) (?:seen|observed|received|registered|noticed|had) any (?:further|more|new|additional|other)\b[^.;]{0,60}(?:\.\d[^.;]{0,40}){0,4}\bsince\b|\bno (?:more|further) (?:[\w-]+ ){0,3}?(?:attempts?|attacks?|scans?|traffic|hits|log-?ins?|abuse|spam|requests?|connections?|packets)\s+(?:\w+\s+){0,2}?since\b|\b(?:solved|resolved|fixed),? (?:thanks|thank you)|\bwhatever you did (?:\w+ )?(?:worked|helped)|\bhat sich (?:damit |inzwischen |somit )?(?:erledigt|geklärt)|\b(?:fall|sache|thema|vorgang|ticket|meldung|angelegenheit)\b[^.;]{0,40}\b(?:erledigt|geschlossen|abgeschlossen|behoben|geklärt)|\b(?:case|ticket|matter|incident)\b[^.;]{0,30}\b(?:is|was|has been)\s+(?:(?:now|therefore|thus|hereby|accordingly|officially|considered)\s+)*(?:closed|settled|solved)\b|\b(?:le problème|l'incident|l'affaire|le cas) (?:est|a été) (?:résolu|clos|réglé)e?|\b(?:caso|incidente|problema) (?:ya )?(?:está |é |è |foi |fue )?(?:cerrado|resuelto|solucionado|resolvido|encerrado|risolto|chiuso)|\b(?:is|zijn) (?:hiermee |inmiddels )?(?:opgelost|afgehandeld)|\b(?:sprawa|problem)\b.{0,20}(?:rozwiązan|zamknięt)|\b(?:ärendet|saken|sagen) är? (?:löst|avslutat|lukket)|проблема (?:решена|устранена)|\b(?:has|have|was|is) (?:now )?(?:been )?(?:removed from|delisted from|no longer (?:listed|on)) (?:our|the) (?:\w+ )?(?:block|black|deny)?-?list|no further action (?:is )?(?:needed|required|necessary)|thank you for (?:resolving|your prompt (?:action|response))|\b(?:slučaj|slucaj|predmet|prijava|tiket|zadeva|primer|prípad|případ|byla|lieta|pieteikums|juhtum|kaebus|cas|caz(?:ul)?|sesizarea|ügy(?:et)?|bejelentés(?:t)?|tapaus|ilmoitus|kayıt|kasus|laporan|kes|vụ việc|yêu cầu|hlášení|hlásenie|ohlášení|zgłoszenie|sprawa)\b[^.;]{0,50}(?:zatvoren|zaključen|zakljucen|riješen|riesen|rešen|zaprt|uzav[rř]et|uzatvoren|vy[rř]e[sš]en|u[zž]daryt|i[sš]spr[eę]st|sl[eē]gt|pabeigt|atrisin[aā]t|suletud|lõpetatud|lahendatud|tancat|resolt|închis|inchis|rezolvat|lezár(?:tuk|va|ult)|megoldódott|suljettu|ratkaistu|kapatıl(?:dı|mış)|kapandı|çözül(?:dü|müş)|ditutup|(?:telah|sudah) (?:di)?selesai|đã (?:được )?(?:đóng|giải quyết)|zamknięt)|(?:случа[йј]|предмет|пријава|сигнал[ъа]?|обращение|заявк[аи]|инцидент|дело|жалоба|звернення|справ[ау]|випадок|тикет)[^.;]{0,50}(?:затвор|приключ|закрыт|закрит|решен|вирішен|закључен)|(?:υπόθεση|περιστατικό|αναφορά)[^.;]{0,50}(?:έκλεισε|κλείσ|επιλύ)|(?:القضية|البلاغ|التذكرة|الحالة)[^.؛]{0,50}(?:مغلق|أغلق|إغلاق|حل)|(?:הפנייה|המקרה|הקריאה|הדיווח)[^.;]{0,50}(?:נסגר|סגור|טופל)|(?:پرونده|گزارش|تیکت)[^.؛]{0,50}(?:بسته|مختومه|حل)|मामला[^।]{0,50}(?:बंद|सुलझ)|(?:ปิดเคส|ปิดเรื่อง|ปิดงาน)|本件[^。]{0,30}(?:クローズ(?:し|いた)|完了(?:し|いた)|解決(?:し(?:ま|て|た)|済|いた)|終了(?:し|いた))|(?:案件|工单|工單|此案|本案)[^。]{0,20}已经?(?:关闭|關閉|结案|結案|解决|解決)|(?:건|티켓|사건)[^.]{0,20}(?:종결|종료|해결)(?:되었|됐|됨|하였|했)";
    compile(pattern)
});
static FINAL: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?i)\bfinal (?:notification|notice|warning|reminder)\b|\blast (?:warning|reminder|notice)\b|we have taken the following steps|has been (?:suspended|isolated|terminated|stopped) (?:due|because|as)";
    compile(pattern)
});
static REMINDER: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?i)\breminder\b|\b(?:second|2nd|third|3rd) (?:notice|notification)\b|(?:have|has) not (?:yet )?(?:received|heard|responded|replied|gotten)|still (?:awaiting|waiting for) (?:your|a) (?:response|reply)|did not (?:receive|get) (?:a|your|any) (?:response|reply)|awaiting your (?:response|reply)";
    compile(pattern)
});
static FOLLOW_UP: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?i)\bfollow(?:ing)?[\s-]?up\b|still (?:seeing|receiving|observ\w+|ongoing|active|continu\w+)|continues? to (?:receive|see|be|occur|abuse|attack)|additional (?:reports?|evidence|urls?)|thank(?:s| you) for (?:your|the) (?:response|reply|update)|previously (?:contacted|reported|notified)|since our last";
    compile(pattern)
});

/// A condition, a question, somebody else's word.
static NOT_YET: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:when|once|if|until|unless|as soon as|whether|not|never|only|n't|you (?:said|say|wrote|told)|claims?|please (?:close|confirm|tell)|first|one of|(?:make|making|be|being) sure|ensur(?:e|ing)|(?:testing|test|tested|checking|check|verify(?:ing)?|confirm(?:ing)?) (?:that|if|whether))\b[^.;!?]{0,90}$",
    )
});
/// "Port 25 was closed" ends no case.
static NO_CASE: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:ports?(?:\s\S{1,12})?|anomaly(?:\s\S{1,12})?|alarm(?:\s\S{1,12})?|alert(?:\s\S{1,12})?|access|accounts?|sessions?|connections?)\s*$",
    )
});
/// What takes it back in the same breath.
static BUT: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)^[^.;!?]{0,80}[.;,!?]?\s*\b(?:but|however|yet|although|nevertheless|nonetheless|only when|only if)\b",
    )
});
/// The reporter takes the report back.
static WITHDRAWN: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)(?:^|[\[\]\s])(?:withdrawn|retracted|revoked|zur[üu]ckgezogen|widerrufen)\b\W|\b(?:take|took|taking)\s+(?:it|this|that|(?:our|my|the)\s+(?:report|complaint|notice|accusation))\s+back\b|\b(?:we|i)\s+(?:was|were|have\s+been)\s+(?:wrong|mistaken)\b|\bzieh\w*\s+(?:unsere|die|meine)\s+(?:meldung|beschwerde|anzeige)\s+zur[üu]ck|\bnous\s+(?:retirons|annulons)\s+(?:notre|ce|cette)\b|\bretiramos\s+(?:nuestr\w+|noss\w+|el|a|la)\s+(?:denuncia|reclama\w+|aviso|reporte)|\britiriamo\s+la\b|\b(?:disregard|ignore|withdraw\w*|retract\w*)\s+(?:our|my|the|this|that)\s+(?:\w+\s+){0,3}?(?:report|notice|e-?mail|message|complaint|notification)|\b(?:report|notice|complaint|e-?mail|message)\b[^.;]{0,40}\b(?:was|is|has been)\s+(?:sent\s+)?(?:an?\s+)?(?:in error|by mistake|false (?:positive|alarm)|mistake|withdrawn|retracted)|\bals (?:gegenstandslos|erledigt) (?:zu )?betracht|\bbitte\b[^.;]{0,60}\bgegenstandslos|\b(?:c'était une|il s'agissait d'une) (?:fausse alerte|erreur)|\bconsid[ée]rer\b[^.;]{0,40}\bsans objet|\b(?:has|have|was|is) (?:now )?(?:been )?(?:removed from|delisted from) (?:our|the) (?:\w+ )?(?:block|black|deny)[- ]?list|(?:était|etait) une erreur\b|\bne pas (?:en )?tenir compte|\b(?:was|is) (?:meant|intended) for\b[^.;]{0,40}\b(?:ignore|disregard)\b|\b(?:war|ist) (?:ein|unser) (?:fehler|irrtum|fehlalarm|versehen)\b|\b(?:fue|ha sido|è stato|foi) un[oa]? (?:error|errore|erro)\b[^.;]{0,30}\b(?:nuestr|nostr|noss)\w+|\bwas (?:onze fout|een vergissing)|\b(?:fue|era) una falsa alarma|\bè stato un falso allarme|\bwas een vals alarm|\b(?:povla[cč]imo|opozivamo|umikamo|preklicujemo|ber(?:ie)?me\s+sp[eä][tť]?|s[tť]ahujeme\s+(?:na[sš]e\s+|svo[ju]e?\s+)?(?:hl[aá]s|st[ií][zž]n|ozn)\w*|atsiimame|at[sš]aukiame|atsaucam|v[oō]tame\s+tagasi|t[uü]histame|retirem|retragem|anul[aă]m|visszavonjuk|perumme|vedämme\s+takaisin|geri\s+(?:[cç]ekiyoruz|[cç]ektik|al[ıi]yoruz|ald[ıi]k)|wycofujemy|cofamy|drar\s+tillbaka|trækker\s+\w+\s+tilbage|trekker\s+\w*\s*tilbake|menarik\s+(?:kembali\s+)?(?:laporan|aduan)|mencabut\s+laporan|rút\s+lại)(?:\W|$)|(?:отзываем|отозвать|відкликаємо|оттегляме|повлачимо|опозивамо)|(?:αποσύρουμε|ανακαλούμε)|(?:نسحب|سحب)\s+(?:ال)?(?:بلاغ|شكوى)|(?:אנו|אנחנו)\s+(?:מבטלים|מושכים)|(?:گزارش|شکایت)\s+خود\s+را\s+پس|(?:शिकायत|रिपोर्ट)\s+वापस|ขอถอน|(?:撤回|撤销|撤銷)(?:此|该|該|我们的|我方)?(?:投诉|投訴|报告|舉報|举报|通報)|通報を(?:取り下げ|撤回)|ご報告を取り下げ|신고를\s?(?:철회|취소)|(?:^|[^\w])(?:bila|bio|išlo|isl[ao]|šlo|slo|jednalo|tai buvo|tā bija|ta bija|see oli|era|va ser|fost|volt|oli|był|byl[ao]?|se trataba de|đây là|adalah|merupakan)\s+(?:je\s+|o\s+|za\s+|se\s+o\s+|to\s+|una?\s+|o\s+|to\s+|a\s+)?(?:la[zž]n\w*\s+(?:uzbun|alarm)|fale?[sš]n\w*\s+(?:poplach|alarm)|falošn\w*|klaiding\w+\s+pavoj|viltus\s+trauksm|valeh[aä]ire|falsa\s+alarma|alarm[aă]\s+fals|téves\s+riaszt|väärä\s+hälyt|fałszyw\w*\s+alarm|báo động (?:giả|nhầm)|alarm palsu)|(?:^|\s)(?:yanlış|hatalı)\s+alarm|(?:ложн|лажн|фалшив|хибн)\S+\s+(?:тревог|тривог|узбун|срабат|спрацюв)|(?:إنذار|انذار)\S*\s+(?:كاذب|خاطئ)|אזעקת\s+שווא|هشدار\s+(?:اشتباه|کاذب)|ψευδ\S*\s+συναγερμ",
    )
});

/// Returns a letter's own words in one line: what it quotes is somebody else's.
pub(super) fn own_words(lines: &[Line<'_>]) -> String {
    let own = lines.iter().filter(|line| line.kind != LineKind::Header && !line.is_quoted).take(400);
    let text: Vec<&str> = own.map(|line| line.text.trim()).collect();
    text.join(" ")
}

/// Says whether a text takes its report back: not where it only says what to do in case.
pub(super) fn says_withdrawn(text: &str) -> bool {
    let is_of_a_route = |found: regex::Match<'_>| OF_A_ROUTE.is_match(&text[..found.start()]);
    WITHDRAWN.find_iter(text).any(|found| !is_in_case(text, found) && !is_of_a_route(found))
}

/// "The blackhole was announced at 22:09 and withdrawn at 22:38": no report was.
static OF_A_ROUTE: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"(?i)\b(?:announced|blackhol\w+|routes?|prefix(?:es)?|bgp|flowspec)\b[^.;]{0,80}$")
});

/// "Our earlier report about … is closed": said of another case.
static OF_ANOTHER: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:(?:earlier|previous|other|another|former|old|last|first) (?:report|case|ticket|notice|complaint|incident|matter|one|host|address|instance)|this part|that part|that one|for that|needed there|required there|necessary there)\b",
    )
});

/// The sentence around a place, its full stops included where a blank follows them.
fn sentence_around<'a>(text: &'a str, found: regex::Match<'_>) -> &'a str {
    let start = text[..found.start()].rfind(". ").map_or(0, |at| at + 2);
    let end = text[found.end()..].find(". ").map_or(text.len(), |at| found.end() + at);
    &text[start..end]
}

/// Says whether the sentence around a place only says what to do in case, or denies it.
pub(super) fn is_in_case(text: &str, found: regex::Match<'_>) -> bool {
    let before = &text[..found.start()];
    let sentence = before.rfind(['.', '!', '?']).map_or(before, |at| &before[at + 1..]);
    let after = &text[found.end()..];
    let rest = after.find(['.', '!', '?']).map_or(after, |at| &after[..at]);
    IN_CASE.is_match(sentence) || IN_CASE.is_match(rest)
}

/// "If you have acted already, please ignore this message", "do not disregard this".
static IN_CASE: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:if|unless|in case|should you|when|falls|sofern|wenn|si|se|als|indien|not|never|n't|cannot|past|earlier ones?|about|this one|ako|ukoliko|pokud|jei|jeigu|kui|jos|hvis|daca|jika|sekiranya|nije|neni|nem|bukan)\b|\bsafely\b|če\s|dacă\s|eğer\s|nếu\s|jeśli\s|jeżeli\s|(?:^|\s)(?:если|якщо|ако|не|αν|εάν|δεν|إذا|اگر|यदि|אם)\s|исключ|виключ|หาก|如果|もし|만약",
    )
});

/// Says whether a text considers the matter settled, without a condition, a doubt or an objection.
fn says_resolved(text: &str) -> bool {
    let settled = |found: regex::Match<'_>| {
        !NOT_YET.is_match(&text[..found.start()])
            && !NO_CASE.is_match(&text[..found.start()])
            && !BUT.is_match(&text[found.end()..])
            && !OF_ANOTHER.is_match(sentence_around(text, found))
            && !ASKS_FOR_IT.is_match(sentence_around(text, found))
    };
    RESOLVED.find_iter(text).any(settled) || says_withdrawn(text)
}

/// "Please see that the case is closed", in languages that have no other word between.
static ASKS_FOR_IT: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:molim\w*|prosim\w*|prosz\w*|prosimy|neka|kerj\w*|k\x{e9}rj\w*|palu[nm]\w*|pra\x{161}\w*|mohon|harap|sila|xin|demanem|pyyd\w*)\b|pros\x{ed}m|žád|žiad|l\x{16b}dz|praš|rugăm|lütfen|rica ed|vui lòng|đề nghị|yêu cầu giải|моля|молим|просим|просьба|прошу|παρακαλ|نرجو|يرجى|لطفا|خواهش|נא\s|אנא|कृपया|กรุณา|โปรด|부탁|바랍|주십|ください|下さい|お願い|请|請",
    )
});

/// A subject that says what the letter is for.
static CLOSES: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:closure|closing|closed|resolved|solved|cloture|clos|geschlossen|abgeschlossen|erledigt|cierre|cerrado|resuelto|chiusura|chiuso|encerramento|encerrado|gesloten|afgesloten|zamkniete|uzavreno|lukket|stangt|suljettu|zatvoren\w*|zakljucen\w*|uzavret\w*|uzdaryta\w*|slegts?|suletud|tancat|inchis|lezarva|lezart|kapatildi|ditutup)\b|затворен|закрыт|закрит|приключен|مغلق|נסגר",
    )
});

/// Says whether a letter's subject says that its case is closed.
pub(super) fn is_titled_closed(mail: Option<&MailHeaders>) -> bool {
    let closes =
        |subject: &str| CLOSES.find_iter(subject).any(|found| !ENDED.is_match(&subject[..found.start()]));
    mail.is_some_and(|mail| closes(&super::pattern::fold(&mail.subject)))
}

/// "Anomaly 4711 closed": what is over is the attack, and not the case.
static ENDED: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:anomal(?:y|ies)|alarms?|alerts?|attacks?|mitigations?|events?|floods?)\s(?:\W?\d+\s)?(?:is\s|was\s)?$",
    )
});

static STILL: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\bstill (?:seeing|receiving|observ\w+|ongoing|active|continu\w+|attack\w*|scann\w+)|\b(?:attempts|attacks?|scans?|scanning|traffic|requests|connections|spam|messages|activity|abuse|log-?ins|flood\w*|they|it|this)\s+(?:(?:has|have)\s+(?:not\s+(?:stopped|ended|ceased)|gone\s+on|continued|resumed|started\s+again|returned)|did\s+not\s+(?:stop|end|cease)|(?:continues?|goes\s+on|go\s+on)\b|(?:is|are)\s+(?:going\s+on|ongoing))|\bremains?\s+(?:open|unresolved|unanswered)\b|\b(?:geht|gehen|l[äa]uft|laufen)\s+(?:\w+\s+)?weiter\b|\bdauern?\s+(?:\w+\s+)?an\b|\bnicht\s+aufgeh[öo]rt\b|\b(?:continue(?:nt)?|contin[úu]an?|continuano|contin[ua]am)\s+(?:toujours|encore|todav[íi]a|a[úu]n|ancora|ainda)\b",
    )
});

/// Says where in its case's life a notice stands.
pub(super) fn stage(lines: &[Line<'_>], own_words: &str, mail: Option<&MailHeaders>) -> Stage {
    let said = |pattern: &Regex| {
        lines
            .iter()
            .filter(|line| line.kind != LineKind::Header)
            .take(400)
            .any(|line| pattern.is_match(line.text))
    };
    // An answer quotes what it answers: "closed" and "resolved" there are somebody else's words.
    let own = || lines.iter().filter(|line| line.kind != LineKind::Header && !line.is_quoted).take(400);
    let said_now = |pattern: &Regex| own().any(|line| pattern.is_match(line.text));
    let subject = mail.map(|mail| mail.subject.trim().to_ascii_lowercase()).unwrap_or_default();
    let is_answer = ["re:", "aw:", "sv:", "re["].iter().any(|prefix| subject.starts_with(prefix));
    if said(&FINAL) {
        Stage::Final
    } else if said(&REMINDER) {
        Stage::Reminder
    } else if said_now(&STILL) {
        Stage::FollowUp
    } else if says_resolved(own_words) {
        Stage::Resolved
    } else if said(&FOLLOW_UP) || (is_answer && mail.is_some_and(|mail| !mail.references.is_empty())) {
        Stage::FollowUp
    } else {
        Stage::First
    }
}

static AWS_NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:abuse (?:report|case|notice)|case|report|ticket)s?(?: id)?\W{0,3}(\d{10,14})(?:-\d{1,3})?\b",
    )
});

/// Returns the numbers of AWS's cases that a text names.
pub(super) fn aws_numbers(text: &str) -> Vec<String> {
    let mut numbers: Vec<String> = AWS_NUMBER.captures_iter(text).map(|found| found[1].to_owned()).collect();
    // Twelve digits are an account.
    numbers.retain(|number| !super::resource::is_account(number));
    numbers.dedup();
    numbers.truncate(8);
    numbers
}

/// Collects everything that joins this notice to others. Numbers count within their giver only: two
/// reporters may well both have a ticket 4711. `giver` is AWS, or the domain of the mail.
pub(super) fn keys(mails: &[MailHeaders], giver: &str, numbers: &[&str], events: &[String]) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    let mut add = |key: String, value: &str| {
        if value.trim().len() >= 4 && keys.len() < 200 && !keys.contains(&key) {
            keys.push(key);
        }
    };
    let plain = |value: &str| value.trim().trim_matches(['<', '>']).to_lowercase();
    if !giver.is_empty() {
        for number in numbers {
            let number = plain(number);
            // AWS counts its letters of one case behind a dash: 14425262173-2.
            let base = match number.rsplit_once('-') {
                Some((base, count)) if giver == AWS && count.len() <= 3 && base.len() >= 8 => base,
                _ => number.as_str(),
            };
            add(format!("case:{giver}:{base}"), base);
        }
    }
    for id in mails.iter().take(1).flat_map(|mail| mail.message_id.iter().chain(&mail.references)) {
        add(format!("mail:{}", plain(id)), id);
    }
    for event in events {
        add(format!("event:{}", plain(event)), event);
    }
    keys
}

/// The giver of the numbers of AWS's abuse cases, whatever way a notice came.
pub(super) const AWS: &str = "aws";

static WITHIN: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?i)\b(?:repl\w+|respon\w+|answer\w*|action|resol\w+|confirm\w*|us|you)\b[^.]{0,60}\bwithin\s+(?:the next\s+)?(\d{1,3})\s*(?:\([^)]*\)\s*)?(?:business\s+|working\s+)?(hour|day)|\bwithin\s+(?:the next\s+)?(\d{1,3})\s*(?:\([^)]*\)\s*)?(?:business\s+|working\s+)?(hour|day)s?\b[^.]{0,40}\b(?:repl|respon|answer|of receipt|of receiving|of this)";
    compile(pattern)
});

/// Returns the deadline of "please respond within 24 hours", counted from the mail's date.
pub(super) fn answer_within(lines: &[Line<'_>], sent: Option<jiff::Timestamp>) -> Option<jiff::Timestamp> {
    let sent = sent?;
    let statements = lines.iter().filter(|line| line.kind == LineKind::Statement).take(400);
    let found =
        statements.filter(|line| line.text.contains("ithin")).find_map(|line| WITHIN.captures(line.text))?;
    let number: i64 = found.get(1).or_else(|| found.get(3))?.as_str().parse().ok()?;
    let unit = found.get(2).or_else(|| found.get(4))?.as_str().to_ascii_lowercase();
    let hours = if unit == "day" { number * 24 } else { number };
    sent.checked_add(jiff::SignedDuration::from_hours(hours)).ok()
}
