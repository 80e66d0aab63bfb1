//! The words by which a complaint is known, in all languages: data.
//!
//! They are matched on [folded](super::super::pattern::fold) text.

use std::sync::LazyLock;

use regex::Regex;

use super::super::pattern::compile;

/// What a complaint calls itself.
pub(super) static TITLE: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\babuse\b|zloupor|zloupotr|zlorab|piktnaudz|launprat|kuritarv|visszael|vaarinkayt|kaebus|sudzib|skund|prituzb|prijav[ae]\s|staznost|nahlaseni|ilmoitus\svaar|laporan|aduan|penyalahgunaan|lam\sdung|denunc|\babus\b|καταγγελ|καταχρησ|παραπον|злоуп|оплакван|сигнал\sза|жалб|зловжив|злоупотр|пријава|سوءاستفاده|سوء\sاستفاده|شکایت|दुरुपयोग|การใช้งานในทางที่ผิด|\bmisuse|complain|beschwerde|missbrauch|misbrauch|plainte|signalement|denuncia|reclama|queja|queixa|segnalazion|klacht|misbruik|skarg|naduzy|stiznost|zneuzi|anmal|klage|misbrug|valitus|panasz|sikayet|plangere|laporan|khieu nai|жалоб|скарг|بلاغ|شكوى|תלונה|ร้องเรียน|शिकायत|投诉|投訴|举报|舉報|檢舉|检举|通報|申告|신고",
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
/// What one asks for who complains.
pub(super) static ASKS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?x)
 \b(?:please|kindly|pls|plz|(?:can|could|would|will)\s+you|(?:i|we)(?:'d|\s+would)?\s+(?:\w+\s+)?(?:ask|request|expect|demand|urge|want|like)\b|you\s+(?:must|should|need\s+to|have\s+to))\b[^.;?!]{0,80}?\b(?:stop|investigat|act\b|action|measures?|steps|look\s+(?:into|at)|have\s+a(?:nother)?\s+look|disabl|remov|clean|fix|null|isolat|shut|suspend|terminat|cease|disconnect|take\b|tak(?:e|ing)\s|cut\b|deal|handl|block\s+(?:it|him|them|this|the)|resolv|address\s+this|close|secur|restrict|harden|limit\b|lock\s+down|configur|prevent|put\s+an\s+end|do\s+something|make\s+(?:it|them|this))
 |(?:^|[.!?:]\s+(?:-\s+)?)(?:stop|make\s+it\s+stop|take\s+(?:it|them|this)\s+(?:down|offline)|investigate|cease)\b
 |\b(?:bitte|wir\s+bitten|bitten\s+wir|fordern|ersuchen|konnen\s+sie|konntet)\b[^.;?!]{0,90}(?:abstell|untersuch|pruf|unterbind|sperr|massnahm|stopp|kummer|handel|aufhor|beend|abschalt|veranlass|nachgeh|beheb|sorg)
 |\b(?:merci\s+de|veuillez|nous\s+vous\s+(?:prions|demandons|invitons)|pouvez-vous|pourriez-vous|priere\s+de)\b[^.;?!]{0,90}(?:mesures|cess|arret|bloqu|enquet|interven|stopp|suspend|isol|corrig|necessaire|agir|faire)
 |\b(?:por\s+favor|rogamos|les?\s+(?:pedimos|solicitamos|rogamos)|solicitamos|pedimos|agradec\w+|pueden|podrian)\b[^.;?!]{0,90}(?:medidas|deten|bloque|investig|suspend|corrij|interven|providenc|actu|cesen|cesar|isol|parar|tomem|verifi)
 |\b(?:vi\s+(?:preghiamo|chiediamo|prego|invitiamo)|si\s+prega|potete|restiamo\s+in\s+attesa|chiediamo)\b[^.;?!]{0,90}(?:provved|blocc|indag|interven|ferm|misure|cess|riscontro|isol)
 |\b(?:gelieve|wij\s+verzoeken|graag|kunnen\s+jullie|kunt\s+u|verzoek\w*)\b[^.;?!]{0,90}(?:stopp|onderzo|maatregel|blokk|actie|aan\s+doen|ingrijp|afsluit)
 |\b(?:prosim\w*|prosz\w*)\b[^.;?!]{0,90}(?:reakc|podje|zablok|dzial|wyjas|zbad|interw|informacj|zastav|prosetr|zablok|opatren|napraw|resen|usun|odstran)
 |\b(?:vanligen|vennligst|venligst|var\s+vanlig|ber\s+(?:vi|om|dere|er)|vi\s+ber|bedes|be\s+er)\b[^.;?!]{0,90}(?:atgard|stopp|undersok|undersog|tiltak|stans|blokk|gor|stop|utred)
 |\b(?:pyyd|toivo)\w*\b[^.;?!]{0,90}(?:puutt|toimenp|selvit|tutki|lopet|esta)
 |\b(?:kerj\w*|legyen\w*)\b[^.;?!]{0,90}(?:intez|vizsg|szunt|leall)
 |\b(?:rugam|va\s+rog)\w*\b[^.;?!]{0,90}(?:masuri|opri|investig|bloc|remed)
 |\b(?:rica|lutfen|gereginin|geregini)\b|\b(?:mohon|harap|tolong)\b|\b(?:vui\s+long|de\s+nghi)\b
 |(?:прос(?:им|имо|ьба|ю)|прошу|пожалуйста|будь\sласка)[^.;?!]{0,120}(?:мер|останов|прекрат|разобрат|провер|блок|заход|припин|вжит|устран|видал|перевір|удал)
 |\b(?:mol(?:im|imo)|prosim|prosimo|prijeten)\w*\b[^.;?!]{0,90}(?:mjere|mere|ukrep|istraz|zaustav|prestan|obustav|preduzm|poduzm|provjer|prover|prever|odstran|ustav|popravi|isklju)
 |\bprosi\w*\b[^.;?!]{0,90}(?:naprav|opatren|zastav|presetr|odstran|preveren|riesen)
 |\b(?:prasome|prasau|prasytume)\b[^.;?!]{0,90}(?:priemon|sustabd|nutrauk|istir|patikrin|pasalin|imtis|isspres)
 |\b(?:ludzu|ludzam|lugums)\b[^.;?!]{0,90}(?:novers|partrauk|apturet|aptur|parbaud|izmekl|rikot|veik|pasakum)
 |\b(?:palun|palume)\b[^.;?!]{0,90}(?:meetme|peata|lopeta|uuri|kontroll|tegutse|rakenda|korvalda)
 |\b(?:us\s(?:demanem|preguem|agrairiem)|si\sus\splau|demanem)\b[^.;?!]{0,90}(?:mesures|atur|bloque|investig|actu|soluc|resol)
 |\b(?:mohon|harap|tolong|sila)\b[^.;?!]{0,60}(?:tindak|henti|periksa|siasat|ambil|atasi|selesai|blokir)
 |(?:моля|молим|молимо|молиме|бихме\sжелали)[^.;?!]{0,120}(?:мерк|мер[еа]|спр|прекрат|провер|разслед|вземете|предузм|зауставит|обустав|истраж|престан)
 |(?:παρακαλ|ζηταμε|θα\sθελαμε)[^.;?!]{0,120}(?:ενεργει|μετρα|σταματ|διακο|ελεγ|διερευν|αντιμετωπ)
 |(?:لطفا|خواهشمند|درخواست)[^.؛]{0,90}(?:اقدام|متوقف|بررسی|جلوگیری|رسیدگی|قطع|انجام)
 |(?:请|請|望|烦请|煩請)[^。；;]{0,40}(?:处理|處理|调查|調查|停止|协助|協助|查处|解决|解決|措施|采取|採取|核实|核查|制止)
 |(?:調査|調べ|対処|対応|停止|止め|やめ|中止|確認|措置|遮断|対策|善処|削除|切断)[^。]{0,24}(?:お願い|いただ|頂|下さい|ください|願)
 |(?:조치|확인|차단|조사|중단|중지|멈추|막아|대응|처리|삭제)[^.]{0,24}(?:부탁|바랍|요청|주시|주십|주세)
 |(?:نرجو|يرجى|الرجاء|نطلب)[^.؛]{0,80}(?:إيقاف|ايقاف|وقف|التحقيق|فحص|اتخاذ|معالجة|منع|حجب|إزالة)
 |(?:נא|אנא|נבקש|מבקשים)[^.;]{0,60}(?:להפסיק|לבדוק|לטפל|לחסום|לעצור)
 |(?:กรุณา|โปรด)[^.;]{0,80}(?:หยุด|ตรวจสอบ|ดำเนินการ|ระงับ|แก้ไข|บล็อก)
 |कृपया[^।;]{0,80}(?:रोक|जांच|जाँच|कार्रवाई|बंद)
",
    )
});
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
