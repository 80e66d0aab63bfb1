//! The words by which a complaint is known, in all languages: data.
//!
//! They are matched on [folded](super::super::pattern::fold) text.

use std::sync::LazyLock;

use regex::Regex;
use regex::RegexSet;

use super::super::pattern::compile;
use super::super::pattern::compile_set;

/// What a complaint calls itself.
pub(super) static TITLE: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\babuse(?:info|id)?\b|\b(?:sbl|xbl|css|cbl|pbl|dnsbl|rbl|block-?list|black-?list)\s?(?:notification|listing|listed|notice|removal|\d)|\b(?:listed|added|entered|put)\s(?:in|on|by|to|into)\s(?:the\s|our\s)?(?:sbl|xbl|css|cbl|pbl|dbl|spamhaus|\w*\s?(?:block|black)-?list)|zloupor|zloupotr|zlorab|piktnaudz|launprat|kuritarv|visszael|vaarinkayt|kaebus|sudzib|skund|prituzb|prijav[ae]\s|staznost|nahlaseni|ilmoitus\svaar|laporan|aduan|penyalahgunaan|lam\sdung|denunc|\babus\b|καταγγελ|καταχρησ|παραπον|злоуп|оплакван|сигнал\sза|жалб|зловжив|злоупотр|пријава|سوءاستفاده|سوء\sاستفاده|شکایت|दुरुपयोग|การใช้งานในทางที่ผิด|\bmisuse|complain|beschwerde|missbrauch|misbrauch|plainte|signalement|denuncia|reclama|queja|queixa|segnalazion|klacht|misbruik|skarg|naduzy|stiznost|zneuzi|anmal|klage|misbrug|valitus|panasz|sikayet|plangere|laporan|khieu nai|жалоб|скарг|بلاغ|شكوى|תלונה|ร้องเรียน|शिकायत|投诉|投訴|举报|舉報|檢舉|检举|通報|申告|신고",
    )
});
/// What a machine tells the holder of an address that it shuts out.
pub(super) static SHUT_OUT: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:ip|ips|address|addresses|host|client|attacker)\b[^.;]{0,40}\b(?:blacklisted|blocklisted|blocked|banned|locked out)\b|\b(?:blocked|banned|blacklisted)\s+(?:\w+\s+)?(?:ip|address|host)\b",
    )
});
/// Whose it is who was shut out, and asks to be let in.
pub(super) static OWN: LazyLock<Regex> = LazyLock::new(|| compile(r"\b(?:our|my|us|me|un-?block\w*|why)\b"));
/// How one asks who complains, what for, and within how many letters of the same sentence. Where nothing has to follow, the
/// words themselves ask for it.
const REQUESTS: &[(&str, &str, usize)] = &[
    (
        r"\b(?:please|kindly|pls|plz|(?:can|could|would|will)\s+you|(?:i|we)(?:'d|\s+would)?\s+(?:\w+\s+)?(?:ask(?:ing)?|request(?:ing)?|expect(?:ing)?|demand(?:ing)?|urg(?:e|ing)|want|like)\b|you\s+(?:must|should|need\s+to|have\s+to))\b",
        r"\b(?:stop|investigat|act\b|action|measures?|steps|look\s+(?:into|at)|have\s+a(?:nother)?\s+look|disabl|remov|clean|fix|null|isolat|shut|suspend|terminat|cease|disconnect|take\b|tak(?:e|ing)\s|cut\b|deal|handl|block\s+(?:it|him|them|this|the)|resolv|address\s+this|close|secur|restrict|harden|limit\b|lock\s+down|configur|prevent|put\s+an\s+end|do\s+something|make\s+(?:it|them|this))",
        80,
    ),
    (
        r"\bappreciat\w+\s+(?:your|any)\s+(?:\w+\s+){0,2}?(?:assistance|help|cooperation|attention|action)\b",
        r"(?:investigat|suspend|resolv|stop|tak|remov|disabl|shut|clean|verif|mitigat)",
        90,
    ),
    (
        r"(?:^|[.!?:]\s+(?:-\s+)?)(?:stop|make\s+it\s+stop|take\s+(?:it|them|this)\s+(?:down|offline)|investigate|cease)\b",
        r"",
        0,
    ),
    (
        r"\b(?:bitte|wir\s+bitten|bitten\s+wir|fordern|ersuchen|konnen\s+sie|konntet)\b",
        r"(?:abstell|untersuch|pruf|unterbind|sperr|massnahm|stopp|kummer|handel|aufhor|beend|abschalt|veranlass|nachgeh|beheb|sorg)",
        90,
    ),
    (
        r"\b(?:merci\s+de|veuillez|nous\s+vous\s+(?:prions|demandons|invitons)|pouvez-vous|pourriez-vous|priere\s+de)\b",
        r"(?:mesures|cess|arret|bloqu|enquet|interven|stopp|suspend|isol|corrig|necessaire|agir|faire)",
        90,
    ),
    (
        r"\b(?:por\s+favor|rogamos|les?\s+(?:pedimos|solicitamos|rogamos)|solicitamos|pedimos|agradec\w+|pueden|podrian)\b",
        r"(?:medidas|deten|bloque|investig|suspend|corrij|interven|providenc|actu|cesen|cesar|isol|parar|tomem|verifi)",
        90,
    ),
    (
        r"\b(?:vi\s+(?:preghiamo|chiediamo|prego|invitiamo)|si\s+prega|potete|restiamo\s+in\s+attesa|chiediamo)\b",
        r"(?:provved|blocc|indag|interven|ferm|misure|cess|riscontro|isol)",
        90,
    ),
    (
        r"\b(?:gelieve|wij\s+verzoeken|graag|kunnen\s+jullie|kunt\s+u|verzoek\w*)\b",
        r"(?:stopp|onderzo|maatregel|blokk|actie|aan\s+doen|ingrijp|afsluit)",
        90,
    ),
    (
        r"\b(?:prosim\w*|prosz\w*)\b",
        r"(?:reakc|podje|zablok|dzial|wyjas|zbad|interw|informacj|zastav|prosetr|zablok|opatren|napraw|resen|usun|odstran)",
        90,
    ),
    (
        r"\b(?:vanligen|vennligst|venligst|var\s+vanlig|ber\s+(?:vi|om|dere|er)|vi\s+ber|bedes|be\s+er)\b",
        r"(?:atgard|stopp|undersok|undersog|tiltak|stans|blokk|gor|stop|utred)",
        90,
    ),
    (r"\b(?:pyyd|toivo)\w*\b", r"(?:puutt|toimenp|selvit|tutki|lopet|esta)", 90),
    (r"\b(?:kerj\w*|legyen\w*)\b", r"(?:intez|vizsg|szunt|leall)", 90),
    (r"\b(?:rugam|va\s+rog)\w*\b", r"(?:masuri|opri|investig|bloc|remed)", 90),
    (
        r"\b(?:rica|lutfen|gereginin|geregini)\b|\b(?:mohon|harap|tolong)\b|\b(?:vui\s+long|de\s+nghi)\b",
        r"",
        0,
    ),
    (
        r"(?:прос(?:им|имо|ьба|ю)|прошу|пожалуйста|будь\sласка)",
        r"(?:мер|останов|прекрат|разобрат|провер|блок|заход|припин|вжит|устран|видал|перевір|удал)",
        120,
    ),
    (
        r"\b(?:mol(?:im|imo)|prosim|prosimo|prijeten)\w*\b",
        r"(?:mjere|mere|ukrep|istraz|zaustav|prestan|obustav|preduzm|poduzm|provjer|prover|prever|odstran|ustav|popravi|isklju)",
        90,
    ),
    (r"\bprosi\w*\b", r"(?:naprav|opatren|zastav|presetr|odstran|preveren|riesen)", 90),
    (
        r"\b(?:prasome|prasau|prasytume)\b",
        r"(?:priemon|sustabd|nutrauk|istir|patikrin|pasalin|imtis|isspres)",
        90,
    ),
    (
        r"\b(?:ludzu|ludzam|lugums)\b",
        r"(?:novers|partrauk|apturet|aptur|parbaud|izmekl|rikot|veik|pasakum)",
        90,
    ),
    (r"\b(?:palun|palume)\b", r"(?:meetme|peata|lopeta|uuri|kontroll|tegutse|rakenda|korvalda)", 90),
    (
        r"\b(?:us\s(?:demanem|preguem|agrairiem)|si\sus\splau|demanem)\b",
        r"(?:mesures|atur|bloque|investig|actu|soluc|resol)",
        90,
    ),
    (r"\b(?:mohon|harap|tolong|sila)\b", r"(?:tindak|henti|periksa|siasat|ambil|atasi|selesai|blokir)", 60),
    (
        r"(?:моля|молим|молимо|молиме|бихме\sжелали)",
        r"(?:мерк|мер[еа]|спр|прекрат|провер|разслед|вземете|предузм|зауставит|обустав|истраж|престан)",
        120,
    ),
    (r"(?:παρακαλ|ζηταμε|θα\sθελαμε)", r"(?:ενεργει|μετρα|σταματ|διακο|ελεγ|διερευν|αντιμετωπ)", 120),
    (r"(?:لطفا|خواهشمند|درخواست)", r"(?:اقدام|متوقف|بررسی|جلوگیری|رسیدگی|قطع|انجام)", 90),
    (
        r"(?:请|請|望|烦请|煩請)",
        r"(?:处理|處理|调查|調查|停止|协助|協助|查处|解决|解決|措施|采取|採取|核实|核查|制止)",
        40,
    ),
    (
        r"(?:調査|調べ|対処|対応|停止|止め|やめ|中止|確認|措置|遮断|対策|善処|削除|切断)",
        r"(?:お願い|いただ|頂|下さい|ください|願)",
        24,
    ),
    (r"(?:조치|확인|차단|조사|중단|중지|멈추|막아|대응|처리|삭제)", r"(?:부탁|바랍|요청|주시|주십|주세)", 24),
    (r"(?:نرجو|يرجى|الرجاء|نطلب)", r"(?:إيقاف|ايقاف|وقف|التحقيق|فحص|اتخاذ|معالجة|منع|حجب|إزالة)", 80),
    (r"(?:נא|אנא|נבקש|מבקשים)", r"(?:להפסיק|לבדוק|לטפל|לחסום|לעצור)", 60),
    (r"(?:กรุณา|โปรด)", r"(?:หยุด|ตรวจสอบ|ดำเนินการ|ระงับ|แก้ไข|บล็อก)", 80),
    (r"कृपया", r"(?:रोक|जांच|जाँच|कार्रवाई|बंद)", 80),
];

/// A way to ask for something to be done.
pub(super) struct Request {
    /// How it begins.
    pub how: Regex,
    /// What is asked for, where that has to follow.
    pub what: Option<Regex>,
    /// Within how many letters.
    pub within: usize,
}

pub(super) static ASKS: LazyLock<Vec<Request>> = LazyLock::new(|| {
    let request = |(how, what, within): &(&str, &str, usize)| Request {
        how: compile(how),
        what: (!what.is_empty()).then(|| compile(what)),
        within: *within,
    };
    REQUESTS.iter().map(request).collect()
});
/// Which of [`ASKS`] a text may hold, told in one pass.
pub(super) static WHICH_ASKS: LazyLock<RegexSet> =
    LazyLock::new(|| compile_set(REQUESTS.iter().map(|(how, ..)| *how)));
/// "Please do not block them" asks for nothing to be stopped.
pub(super) static NOT_TO: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:not|never|n't|nicht|keine?|pas|no\s+need|jangan|arge|alkaa|dung\s+chan)\b|\bn[ei]\s?(?:\w\w\s)?blo|не\s(?:\S+\s)?бло|(?:^|\s)μην?\s|مسدود\sنکنید|عدم\sحظر|لا\sتحظر",
    )
});

/// What is the reader's where the reader complained.
pub(super) static YOUR_REPORT: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?x)\b(?:your\s+(?:\w+\s+){0,2}?(?:report|complaint|request|application|message|e-?mail|enquiry|inquiry)|(?:ihre?[nrm]?|eure)\s+(?:\w+\s+)?(?:meldung|beschwerde|anzeige)|votre\s+(?:signalement|plainte)|su\s+(?:denuncia|reclamacion|queja)|sua\s+(?:denuncia|reclamacao|queixa)|(?:vostra|sua)\s+segnalazione|uw\s+(?:melding|klacht)|panstwa\s+(?:zgloszeni|skarg)\w*|vase\s+(?:hlaseni|stiznost)|(?:er|din)\s+anmalan|(?:jeres|deres|din)\s+(?:anmeldelse|klage)|ilmoituksenne|bildiriminiz|sikayetiniz)\b|ваш[аеуи]\S*\s(?:жалоб|обращени|сообщени)|您的(?:投诉|举报|投訴|檢舉)|貴社からの(?:ご報告|通報)|귀하의\s신고",
    )
});
/// "Below is your report", "to view your report": one for the reader.
pub(super) static HANDS_OVER: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:(?:below|here|attached|enclosed|this|following)\s+(?:is|are)|view|visit|see|find|download|read|access|open)\s+$",
    )
});
