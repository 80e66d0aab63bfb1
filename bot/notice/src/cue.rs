//! What the words around an address say of it: "from 192.0.2.1", "192.0.2.1 was attacked".

use std::sync::LazyLock;

use regex::Regex;

use super::label::Role;
use super::pattern::compile;
use super::pattern::fold;

/// What words say of an address, and how firmly.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cue {
    /// Whose it is.
    pub role: Role,
    /// How firmly.
    pub weight: f32,
    /// The words.
    pub words: String,
}

static REPORTER: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\breported\b.{0,40}\b(?:by|from)\s*\W?$|\b(?:report|alert|notification|message|notice|log|summary|digest)s?\s+(?:from|by)\b|\b(?:reported|detected|submitted|observed|logged|noticed|spotted|caught|picked\s+up|handled|blocked|stopped|received|operated|forwarded|managed|seen|provided|sent to you|monitored|recorded|checked|tested)\s+by\b|\b(?:reported|submitted|forwarded|operated|managed|provided|sent to you|monitored|checked|tested)\s+from\b|\b(?:complaints?|reports?|notices?|notifications?|alerts?|information|evidence|logs?|data)\s+(?:\w+\s+){0,3}?(?:received|obtained|got)\s+from\b|\b(?:received|obtained)\s+from\s+(?:\w+\s+){0,2}?(?:partners?|members?|customers?|users?|operators?|researchers?|part(?:y|ies)|reporters?|complainants?|feeds?)\b|\b(?:this|our)\s+(?:e-?mail|message|notice|report|mail|service)\s+(?:was|is|has\s+been|connects)\s*(?:sent|generated|made)?\s*(?:by|from)\b|\b(?:reporter|sensor at|contact|(?:gemeldet|berichtet|festgestellt|erkannt)\s+(?:durch|von)|signale\w*\s+par|(?:filtr\w+|mitig\w+|analys\w+|rapport\w*|detect\w+|observ\w+|gefilter\w+|filtrad\w+)\b[^.]{0,24}\b(?:par|por|przez|door|durch|da)|reportado\s+por|segnalato\s+da|gemeld\s+door|zgloszon\w+\s+przez|you\s+(?:have\s+)?(?:complain|report|wr[io]t|notifi)\w*\s+(?:\w+\s+){0,2}?(?:about|against|regarding|concerning|on)|our (?:noc|soc|cert|csirt|desk|team|office|monitoring|reporting))\b|\b(?:i|we|our\s+\w+)\s+(?:have\s+)?(?:scan|prob|test|check)\w*[^.]{0,40}\s+from\s*\W?$",
    )
});
static DEED: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"\b(?:attempt|attack|scan|brute|prob(?:e|ing)|flood|intrusion|spam|log-?[io]n)")
});
static ACCUSED: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?x)\b(?:from|failed\s+for|sources?|src|origin\w*|attackers?|attacking\s+(?:ip|host|server|address|machine|system)\w*|involving|offend\w+|abus(?:er|ers|ive|ing)|culprits?|intruders?
        |suspect\w*|hostile|malicious|infected|compromised|drones?|hosted\s+(?:at|on|by)|located\s+at|running\s+(?:on|at)
        |(?:resolver|proxy|relay|server|attack|scan)\s+at|by|about|regarding|concerning|implicat\w+|in\s+question(?:\s+is)?|hosts\.deny|(?:deny|block|black)\s?list\w*|blocked|banned|bann?ing|ban
        |your\s+(?:[\w/-]+\s+){0,4}?(?:ips?|ip[-\ ]address(?:es)?|servers?|hosts?|machines?|networks?|customers?|clients?|systems?|instances?
            |address(?:es)?|users?|box|range|vps|control|side|resources?|device)
        |(?:relat\w+|pertaining|regards?|respect|belong\w*|assigned|allocated|resolv\w+|point\w*|attribut\w+|traced|traced\s+back|tracked
            |refer\w*|leased|registered|mapped)\s+to|von|durch|depuis|desde|vanaf|von\s+der\s+ip|ihre?\w*\s+server|client|rhost|peer
        |en\s+provenance\s+de|par|por|przez|oleh|(?:bersagliat|attaccat|scansionat|colpit|preso\s+di\s+mira)\w*\s+da|z\s+vas\w+(?:\s+\w+){0,2}|dall?(?:'indirizzo|a\s+vostra)|proveniente?s?|provenant|origem|procedentes?\s+de(?:\s+la)?(?:\s+ip)?|z\s+adresu|z\s+hosta|z\s+adresy|fran|fra|palvelimenne|osoitteesta\w*|afkomstig\s+van|kaynak\w*|saldirgan
        |votre\s+(?:\w+\s+)?(?:adresse|serveur|reseau|machine)|vuestr\w+|su\s+(?:red|servidor|direccion)|sua\s+rede|vostr\w+|uw\s+(?:server|netwerk|ip\S*))\b|с\s(?:вашего|вашей|вашим)|вашего\s|вашем\s|с\sадреса|з\sвашо|з\sадреси|вашої\s|ваш\w*(?:сервер|адрес)|(?:^|[,.:;])\s*(?:ip\s+)?adresinizden|aginizdan|sunucunuzdan|osoitteestanne|verkostanne|palvelimeltanne|\b(?:er|eran|jeres|deres)\s(?:adress\w*|adresse\w*|server|dator|maskin)\b|מכתובת(?:\s?ה-?\s?ip)?|השרת\sשלכם|שלכם|来自|來自|贵方|贵司|贵公司|贵单位|貴社|貴公司|貴單位|貴方|您的|貴社|귀사|귀\s기관",
    )
});
static VICTIM: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?x)\b(?:(?:attack|scann|prob|flood|target|hitt|hammer)ing\s+your(?:\s+[\w-]+){0,3}
        |(?:break|get|log|hack)(?:ing)?\s+in(?:to)?\s+your(?:\s+[\w-]+){0,3}|(?:login|account|access)\s+data\s+for\s+your(?:\s+[\w-]+){0,3}|(?:passwords?|log-?ins?|exploits?|brute[- ]?forc\w+)\s+(?:on|at|against)|aimed\s+at|destined\s+(?:for|to)|talk(?:s|ing)?\s+to\s+(?:an?\s+|the\s+)?(?:[\w-]+\s+){0,5}?(?:server|host)\s+at
        |(?:download\w*|fetch|harvest\w*|stole\w*|scrap\w*|cop(?:y|ied|ies)\w*|pull\w*|retriev\w*)\s+(?:[\w-]+\s+){0,4}?from
        |us(?:ed|ing|es)\s+(?:the\s+|an?\s+)?(?:proxy|vpn|relay|resolver|tor\s+exit)(?:\s+at)?
        |(?:the|its|a|with|to)\s+(?:c2|c&c|command[\s-]and[\s-]control)(?:\s+server)?(?:\s+at)?
        |(?:spoofed|forged)\s+(?:[\w,-]+\s+){0,12}?from
        |(?:compromised|hacked|infected|controlled|exploited|abused)\s+(?:[\w,-]+\s+){1,3}?by
        |(?:is|was|are|being)\s+(?:an?\s+|our\s+)?(?:answer|repl(?:y|ies)|response)s?\s+to
        |(?:attacks?|flood|ddos|traffic)\s+(?:on|against|towards?|targeting|directed\s+(?:at|to))\s+your(?:\s+[\w-]+){0,4}
        |(?:from|von|depuis)\s+(?:your|ihr\w*|votre)\b.*\b(?:on|against|auf|gegen|sur|contre)\s+(?:\S+\s+){1,4}?(?:of|von|de|du)
        |to|against|target\w*|victims?|attacked|attacking|(?:compromised|hacked|infected|controlled|exploited|abused)\s+by|attack(?:s|ing)?\s+(?:on|of|our)|destinations?|dst|dest
        |our(?:\s+[\w.-]+){0,4}|my(?:\s+[\w.-]+){0,2}|towards?|scann(?:ed|ing)|scans?\s+(?:on|of)|prob(?:ed|ing)|hitting|hit|honeypots?|sensors?
        |arriv\w+\s+at|spoof\w*(?:\s+the)?(?:\s+source)?|c2\s+(?:server\s+)?(?:was|is|at)|c&c\s+(?:server\s+)?(?:was|is|at)|controller\s+(?:was|is|at)|sinkhole\s+(?:was|is|at)|into|communicat\w+\s+with(?:\s+[\w&-]+){0,6}|talk(?:s|ing)\s+to|contact(?:ed|ing)|flood(?:ed|ing)|attempts?\s+(?:to|on|at)|access(?:ed|ing)|on\s+host|gegen|auf|contre|hacia|contra|verso|vers|naar|tegen|notre|nos|unser\w*|onze|ons|nuestr\w+|nostr\w+|noss[ao]s?|naszego|\w*(?:szerver|halozat|rendszer|gep)unk\w*|nasz\w*|nasi\w+|vores|nas\w{0,3}(?:\s+\w+)?|bizim|vastaanottava\w*(?:\s+palvelin)?|palvelimellemme|palvelimeemme|kayttajillemme|przeciwko|na\s+nasz\w*|connect(?:ed|ing)\s+to)\b|\bbelong\w*\s+to\s+(?:us|me)\s+is|\b(?:we|us)\W{1,3}$|нашего\s|нашему\s|нашей\s|нашим\s|нашого\s|нашої\s|sunucumuz\w*|agimiza|\bvar\s(?:server|webbserver|mailserver|brandvagg)|(?:ה?שרת|ה?רשת|המערכת)\s?(?:ים\s)?שלנו|לשרת\w*|נגד|我单位|我們|我單位|我方|我司|我们|我校|本公司|弊社|当社|本学|当市|当院|当方|弊学|당사|자사|본사|우리",
    )
});
/// What stands at the reporter's edge and sees the attack.
static PLACE: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"\b(?:gateway|firewall|router|sensor|appliance|portal|concentrator|load\s*balancer)[\s(:]*$")
});
static ANY_ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"\b(?:ip(?:v[46])?(?:\s|-)?(?:address(?:es)?|addr|adresse?)?s?|host|machine|computer)\b[\s:]*$")
});
static AFTER_VICTIM: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^\W*(?:(?:has|have|had)\s+been|(?:was|were|is|are)\s+being|was|were|is|are|being|got)\s+(?:\w+ly\s+)?(?:under\s+(?:an?\s+)?(?:[\w-]+\s+){0,2}?(?:attack|ddos)|attacked|targeted|hit|probed|scanned|flooded|ddosed|victim\w*|the\s+(?:target|victim)|under\s+attack|our\b|my\b|a\s+honeypot|unreachable|offline|down\b|brute[- ]?forced|hammered|bombarded|overloaded|saturated|knocked)|^\W*(?:(?:went|became)\s+(?:unreachable|offline|down)|(?:is|was|are|were|keeps?|kept)?\s*(?:getting|being)\s+(?:\w+ly\s+)?(?:hammered|brute[- ]?forced|hit|attacked|flooded|scanned|probed|bombarded)|suffer\w+|experienc\w+|(?:has\s+had|have\s+had|had|saw|sees|received|receives|receiving|got|gets|reported|reports|logged)\s+(?:[\w,.'/-]+\s+){0,8}?(?:attempts?|log-?[io]ns?|attacks?|connections?|requests?|scans?|probes?|packets?|floods?|traffic|brute[- ]?force\w*|spam|passwords?|of\s+them)|(?:is|was|are|were)\s+(?:currently\s+|now\s+)?(?:the\s+)?(?:destination|target|object|victim)\s+of|was\s+under|reached\s+by)\b|^\W*(?:our|my)\b|^\W*(?:(?:which\s+)?(?:is\s+)?(?:belong\w*|owned|operated|hosted|located|allocated|assigned|registered)\s+)?(?:to|by|of|on|in|at)\s+(?:us|me|ours|our)\b|^\W*(?:is|are)\s+(?:us|ours|me|mine)\b",
    )
});
static AFTER_ACCUSED: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^\W*(?:appears?|seems?|(?:has|have)\s+an?\s+(?:\w+\s+){0,3}?(?:score|reputation|history|reports?)|(?:(?:has|have|had)\s+been\s+|(?:is|was|were|are)\s+(?:being\s+)?)?(?:listed|blacklisted|flagged|identified|caught|seen|observed|detected|found|involved|responsible|infected|compromised)|triggered|attempt\w*|tr(?:ied|ies|ying)|attack\w*|scann?\w*|prob(?:ed|ing|es)|sen[dt]\w*|launch\w*|perform\w*|connect\w*|start\w*|brute\w*|generat\w*|took\s+part|take\s+part|participat\w*|under\s+your|(?:belong\w*\s+to|owned\s+by|assigned\s+to|registered\s+to|of)\s+yours?|belong\w*\s+to\s+you|in\s+your|on\s+your|hosts?|hosting|hat|ont|participa|abus\w+|flood\w+|spamm\w+|from\s+your|yours|cimrol|cimerol|(?:(?:que|qui|che|die|das|der)\s+(?:esta|se\s+encuentra|se\s+trouve|si\s+trova|steht|staat)\s+)?(?:de\s+votre|dans\s+votre|en\s+su|de\s+su|(?:d|n)a\s+sua|(?:d|n)ella\s+vostra|in\s+ihrem|aus\s+ihrem|(?:in|binnen|uit|van)\s+uw))\b",
    )
});

/// "192.0.2.1 (your server)".
static IS_YOURS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^\s?[(\[,]\s?(?:(?:on|in)\s)?(?:your|yours|ihre?|votre|vuestr[oa]|su|sua|vostro|uw)\b(?:\s+[\w-]+){0,3}\s?[)\],]",
    )
});

/// What is said to have no part: "192.0.2.1 and 192.0.2.2 were not touched".
static CLEARED_AFTER: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^(?:[\s,;()/&+]|\b(?:and|or|und|et|y|e)\b|\b(?:i|eni)-[0-9a-f]{8,17}\b|\b[0-9a-f]*[:.][0-9a-f:.]+\b)*\b(?:(?:which|that)\s+)?(?:(?:was|were|is|are|has|have|had)\s+(?:not|never)\s+(?:been\s+)?(?:\w+ly\s+)?(?:touched|involved|affected|blocked|banned|part\b|seen|concerned|implicated|accused|at\s+fault|responsible)|(?:(?:is|are|was|were|look|looks|seem|seems)\s+(?:unaffected|uninvolved|fine\b|clean\b|ok\b|okay\b|innocent)))",
    )
});
/// "Not blocked, because they are ours:".
static CLEARED_BEFORE: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:(?:not|never|nicht|pas|no)\s+(?:been\s+)?(?:\w+ly\s+)?(?:blocked|banned|listed|involved|affected|touched|betroffen|blockiert|bloque\w*)|unaffected|uninvolved|unblocked|whitelist\w*|allow-?list\w*|known\s+good|false\s+positives?|(?:not|never)\s+(?:from|by)\b|rather\s+than|other\s+than|except\s+(?:for)?|excluding|apart\s+from|instead\s+of|unlike|(?:is|was|are|were)n'?t)\b[^.;]{0,60}$|(?:,\s*|\bbut\s+|\band\s+)(?:not|nicht|pas|no)\s*$",
    )
});

static FROM_END: LazyLock<Regex> =
    LazyLock::new(|| compile(r"\b(?:from|by|source|src)\s+(?:[\w-]+\s+){0,3}$"));

/// What an address itself does.
static ACTS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^\W*(?:port\s+\d{1,5}(?:/\w+)?\s+)?(?:that\s+|which\s+|who\s+)?(?:(?:has|have|had|is|was|were|are|keeps?)\s+)?(?:been\s+)?(?:\w+ly\s+)?(?:attempt(?:ed|ing|s)|tr(?:ied|ies|ying)|attack(?:ed|ing|s)|[\w-]+\s+scanning|scann(?:ed|ing)|scans|prob(?:ed|ing|es)|sends?|sent|sending|launch\w+|perform\w+|brute\w*|flood(?:ed|ing|s)|spamm\w+|connect(?:ed|s|ing)|participat\w+|took\s+part|take\s+part|cease[sd]?|stop(?:s|ped)?|beacon(?:s|ed|ing)\s+to|download(?:s|ed|ing)|in\s+contact\s+with|hammer\w+|exploit(?:ed|ing|s)|guess\w+|crawl\w+|abus(?:ed|es|ing)|used\s+(?:to|for|in)|answer(?:s|ed|ing)|respond(?:s|ed|ing)|expos(?:es|ed|ing)|accept(?:s|ed|ing)|listen(?:s|ed|ing))\b",
    )
});
/// The same in other languages, active and passive.
static ACTS_ABROAD: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^\W*(?:(?:qui|que|che|ktory|die|das|der)\s+)?(?:(?:a|ont|est|sont|ha|han|hanno|war|waren|hat|haben|heeft|hebben|esta|estan|sta|stanno)\s+)?(?:inonde\w*|attaqu\w+|scann\w+|balay\w+|tent[ea]\w*|envoi\w+|envoy\w+|effectu\w+|lanc\w+|sond\w+|versuch\w*|angegriffen|gescannt|greift|scannt|sendet|flutet|uberflutet|intent\w+|atac\w+|escane\w+|envia\w*|realiz\w+|attacc\w+|scansion\w+|effettu\w+|invia\w*|probeer\w*|geprobeerd|valt|scant|stuurt|(?:auch\s+)?beteiligt|atakuj\w*|skanuj\w*|probuj\w*|probowal\w*|wysyla\w*)\b",
    )
});
static DONE_TO_ABROAD: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^\W*(?:a subi|ont subi|subit|recoit|a recu|esta recibiendo|ha recibido|recibio|recibe|esta sufriendo|ha sufrido|sufrio|sofreu|esta sofrendo|recebeu|ha subito|sta subendo|ha ricevuto|hat\s+(?:[^\s.]+\s+){0,6}?erhalten|erhielt|erhalt|wird\s+gerade|liegt unter|is slachtoffer|ontving|podvergsya|подверг\w*|атакован\w*|подвергается|受到|遭受|遭到|被攻|が攻撃を受け|は攻撃を受け|攻撃を受け|공격을 받|공격받)|^\W*(?:a ete|ont ete|est|etait|wurde|wird|werden|wurden|fue|ha sido|foi|e stat[oa]|viene|werd|wordt|zostal\w*|jest)\s+(?:(?:[^\s.]|\.\S)+\s+){0,16}?(?:attaque\w*|scanne\w*|cible\w*|victime|angegriffen|gescannt|attackiert|atacad\w|escanead\w|attaccat\w|scansionat\w|aangevallen|gescand|zaatakowan\w|skanowan\w|atakowan\w)",
    )
});
static OTHERS_SUBJECT: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"\s(?:onze|ons|unsere?\w*|notre|nos|nuestr\w+|noss\w+|nostr\w+|naszego|nasz\w*)\s")
});
/// Somebody saw it.
/// Words that follow what they speak of.
static AFTER_FROM: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^[^\w]{0,3}(?:から|より|에서|(?:numaral\w\s+|no'?lu\s+)?(?:ip\s+)?(?:adresin(?:iz)?den|ip'?(?:niz)?den|(?:sunucu|makine|host)\w*[dt][ae]n)|adresli\s+(?:bilgisayar|sunucu|makine)\w*(?:dan|den))",
    )
});
static AFTER_TO: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^[^\w]{0,3}(?:に対|に向け|へ|宛|에\s?대|으로|(?:numaral\w\s+|no'?lu\s+)?(?:ip\s+)?(?:adresimi\w*|adresine|(?:sunucu|sistem|site|makine|ag)\w*muz\w*|(?:sunucu|sistem|site|makine|ag)\w*miz\w*)|adresli\s+(?:\w+\s+){0,3}?(?:sunucumuz|sistemimiz|sitemiz))",
    )
});
static SEEN: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:shows?|showed|saw|sees|seen|logged|logs|detected|observed|recorded|reports?|caught|noticed|flagged|identified|found|discovered)\s+(?:that\s+)?(?:(?:the|a|an|your)\s+)?(?:(?:ip|host|address|machine|server)\s+){0,2}$",
    )
});
/// "from 10:15 pm to 10:40 pm" is no direction.
static CLOCKS: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"\d(?:\s?[ap]\.?m\.?)?(?:\s+[a-z]{3,4})?\s+(?:to|until|and)\s+(?:about\s+)?\d{1,2}[:.]\d\d")
});
/// "from 10:00 until", "since 3 November": of a time, not of an address.
static FROM_A_TIME: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:from|by|to|von|vom|van|vanaf|de|des|desde|depuis|od|since|seit|sinds|until|till|bis|tot|do|til|hasta|jusqu'a)\s+(?:about\s+|around\s+|the\s+|las\s+|a\s+)*(?:\d{1,2}(?::\d{2}|h\d{0,2}\b|\s?(?:am|pm|uhr|o'clock)\b)|\d{4}-\d{2}|\d{1,2}[./]\d{1,2}[./]\d{4}|\d{1,2}\.?\s+(?:jan|feb|mar|mae|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cz])\w*|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\w*\s+\d)",
    )
});
/// What joins addresses that one word before them speaks of.
static MERE_LIST: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^(?:[\s,;/&+()\[\]|<>\x22'-]|\b(?:and|or|und|oder|sowie|et|ou|y|e|o|en|of|i|oraz|och|og|ja|ve|plus|also|then|as\s+well\s+as|from|by|our|your|host|hosts|server|servers|ip|ips|address|addresses|port|tcp|udp|as\d+|\d{1,5})\b|\([^)]{0,60}\))*$",
    )
});
/// Directions that are none: forms of address and turns of speech.
static PHRASES: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\bto whom(?: it may concern)?\b|,?\s*\bto a (?:lesser|greater|smaller|larger) (?:degree|extent)\b,?",
    )
});
/// "192.0.2.1, not 192.0.2.2, scanned us": the other one did not.
static NOT_THAT: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^\s*(?:,\s*(?:and\s+|but\s+)?not|rather than|instead of)\s+(?:from\s+)?[0-9a-f]*[.:][0-9a-f.:]*[0-9a-f]\s*,?",
    )
});
/// "192.0.2.1, 192.0.2.2 and 192.0.2.3 attacked us": what is said of the last is said of all.
static LISTED: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^(?:\s*(?:,\s*(?:and\s+|und\s+)?|and\s+|und\s+|et\s+|y\s+|e\s+|&\s*)(?:also\s+)?(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9a-f]{1,4}:[0-9a-f:]+))+",
    )
});
/// "192.0.2.1 took part too": no word in passing.
static TOO: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"\b(?:also|too|auch|aussi|egalement|tambien|anche|ook|another|further|likewise)\W*$")
});
/// "Of these only 192.0.2.1 shows up".
static ONLY: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:of (?:these|those|them|which)\b[^.;]{0,20}|(?:it (?:is|was)|but) )\bonly\s*$|\bonly (?:one|this one|the one)\b[^.;]{0,40}$",
    )
});
/// Who watches from there, in words before it.
static WATCHES: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?:監視|観測|調査|モニタ|관제|모니터링)[^。、,]{0,12}$|(?:弊社|当社|当方|本学|자사|당사)[^。、,]{0,6}$",
    )
});
/// From where a log was taken nobody attacks.
static LOG_TAKEN: LazyLock<Regex> =
    LazyLock::new(|| compile(r"^.{0,40}?(?:\balin(?:mis|di)|取得|採取|収集|가져|수집)"));
static HOLDS_ADDRESS: LazyLock<Regex> =
    LazyLock::new(|| compile(r"\d+\.\d+\.\d+\.\d+|[0-9a-f]+:[0-9a-f:]*:[0-9a-f]+"));
/// A message's code in brackets, such as "[MY-010926]", is no word.
static CODE: LazyLock<Regex> = LazyLock::new(|| compile(r"\[[a-z]{1,8}-\d{1,8}\]"));
/// Words of this weight leave no doubt.
pub(super) const CERTAIN: f32 = 3.0;
/// A word this many bytes before an address is far from it.
const FAR: usize = 20;

/// Reads the words before and after an address.
pub(super) fn read(before: &str, after: &str) -> Option<Cue> {
    let before = fold(last_sentence(before));
    let after = NOT_THAT.replace(after, " ");
    let after = LISTED.replace(&after, " ");
    let after = after.as_ref();
    let whole_after = fold(first_sentence(after));
    let after = fold(past_brackets(&before, first_sentence(after)));
    // "from A to our host" is a direction; "A belongs to us" is not.
    let is_way = after.trim_start().starts_with("to ") && FROM_END.is_match(&before);
    let plain_before = HOLDS_ADDRESS.replace_all(&before, "it");
    let cleared = CLEARED_AFTER.find(&whole_after).or_else(|| CLEARED_BEFORE.find(&plain_before));
    if let Some(found) = cleared {
        return Some(cue(Role::Infrastructure, 2.5, found.as_str()));
    }
    if let Some(found) = AFTER_TO.find(&whole_after) {
        return Some(cue(Role::Victim, 2.5, found.as_str()));
    }
    if let Some(found) = AFTER_FROM.find(&whole_after) {
        if WATCHES.is_match(&before) || LOG_TAKEN.is_match(&whole_after) {
            return Some(cue(Role::Reporter, 2.5, found.as_str()));
        }
        return Some(cue(Role::Accused, 2.5, found.as_str()));
    }
    let passive = AFTER_VICTIM.find(&after).filter(|_| !is_way);
    // "From 192.0.2.1 our server was attacked": not the one before the verb was.
    let names_another = |found: &regex::Match<'_>| OTHERS_SUBJECT.is_match(found.as_str());
    let abroad = DONE_TO_ABROAD.find(&after).filter(|found| !names_another(found));
    if let Some(found) = passive.or(abroad) {
        return Some(cue(Role::Victim, 2.5, found.as_str()));
    }
    if let Some(found) = IS_YOURS.find(&whole_after) {
        return Some(cue(Role::Accused, 2.5, found.as_str()));
    }
    let acts = ACTS.find(&after).or_else(|| ACTS_ABROAD.find(&after));
    // "reported attempts on its port by" names who made them.
    let is_told = |found: &regex::Match<'_>| {
        let between = &before[found.end()..];
        let reaches = !HOLDS_ADDRESS.is_match(between)
            && between.find(':').is_none_or(|colon| between[..colon].trim().is_empty());
        let introduces = acts.is_some() && between.trim() == ":";
        between.len() < 40
            && !between.contains("owner")
            && reaches
            && !introduces
            && !(found.as_str().starts_with("reported") && DEED.is_match(found.as_str()))
    };
    if let Some(found) = last(&REPORTER, &before).filter(is_told) {
        return Some(cue(Role::Reporter, 2.0, found.as_str()));
    }
    if let Some(found) = &acts
        && SEEN.is_match(&before)
    {
        return Some(cue(Role::Accused, 2.5, found.as_str()));
    }
    let before = CLOCKS.replace_all(&before, " ");
    let before = PHRASES.replace_all(&before, " ");
    let before = FROM_A_TIME.replace_all(&before, " ");
    if let Some(found) = ONLY.find(&before) {
        return Some(cue(Role::Accused, CERTAIN, found.as_str()));
    }
    let before = CODE.replace_all(&before, " ");
    let reaches = |found: &regex::Match<'_>| reaches(&before[found.end()..]);
    let accused = last(&ACCUSED, &before).filter(reaches);
    let victim = last(&VICTIM, &before).filter(reaches);
    // What it did itself, said right after it, counts more than a word far before it.
    if let Some(found) = &acts
        && (before.trim_end().ends_with(':')
            || victim.as_ref().is_none_or(|victim| before.len() - victim.end() > FAR))
    {
        let weight = if TOO.is_match(&before) { 2.5 } else { 2.0 };
        return Some(cue(Role::Accused, weight, found.as_str()));
    }
    // "our shop at www.example.com (hosted at 192.0.2.1)": where what stands before the bracket is.
    let accused = accused.filter(|found| {
        let hosted = ["hosted", "located", "running"].iter().any(|it| found.as_str().starts_with(it));
        let opens = before[..found.start()].trim_end().ends_with('(');
        !(hosted && opens && victim.as_ref().is_some_and(|victim| victim.end() < found.start()))
    });
    let nearest = match (accused, victim) {
        (Some(accused), Some(victim)) if victim.end() > accused.end() => Some((Role::Victim, victim)),
        (Some(accused), Some(victim))
            if victim.end() == accused.end()
                && victim.start() < accused.start()
                && !ends_with_a_source(victim.as_str()) =>
        {
            Some((Role::Victim, victim))
        }
        (Some(accused), _) => Some((Role::Accused, accused)),
        (None, Some(victim)) => Some((Role::Victim, victim)),
        (None, None) => None,
    };
    if let Some((role, found)) = nearest {
        let near = before.len() - found.end() < 50;
        return Some(cue(role, if near { 2.0 } else { 1.0 }, found.as_str()));
    }
    if let Some(found) = AFTER_ACCUSED.find(&after) {
        return Some(cue(Role::Accused, 2.0, found.as_str()));
    }
    if let Some(found) = PLACE.find(&before) {
        return Some(cue(Role::Infrastructure, 1.5, found.as_str()));
    }
    ANY_ADDRESS.find(&before).map(|found| cue(Role::Accused, 1.0, found.as_str()))
}

/// Returns what follows a remark in brackets: "192.0.2.1 (its name) was used to", "my server (192.0.2.1, the shop) is".
fn past_brackets<'a>(before: &str, after: &'a str) -> &'a str {
    let is_inside = before.rfind('(').is_some_and(|open| before.rfind(')').is_none_or(|close| close < open));
    if is_inside && let Some(close) = after.find(')').filter(|_| !after.contains('(')) {
        return &after[close + 1..];
    }
    let inner = after.trim_start().strip_prefix('(');
    let end = inner.and_then(|inner| inner.find(')').map(|end| &inner[end + 1..]));
    end.filter(|rest| rest.starts_with(' ')).unwrap_or(after)
}

/// Says whether a word that stands before some text still speaks of what comes after it: another address between takes
/// it, unless both are members of one list.
fn reaches(between: &str) -> bool {
    HOLDS_ADDRESS
        .find_iter(between)
        .last()
        .is_none_or(|address| MERE_LIST.is_match(&between[address.end()..]))
}

/// "our office saw scans from", "our shop was attacked from": what it ends with is whence, and not where ours came from,
/// as in "our administrator logged in from".
fn ends_with_a_source(words: &str) -> bool {
    const SUFFERS: [&str; 14] = [
        "saw", "see", "detect", "observ", "receiv", "record", "notic", "attack", "scan", "hit", "flood",
        "prob", "target", "brute",
    ];
    if !SUFFERS.iter().any(|verb| words.contains(verb)) {
        return false;
    }
    let ours = ["our ", "my ", "unser", "notre ", "nuestr", "onze "].iter().any(|it| words.starts_with(it));
    ours && [" from", " by", " von", " durch", " depuis", " desde", " van"]
        .iter()
        .any(|it| words.ends_with(it))
}

fn cue(role: Role, weight: f32, words: &str) -> Cue {
    Cue { role, weight, words: words.trim().to_owned() }
}

fn last<'a>(pattern: &Regex, text: &'a str) -> Option<regex::Match<'a>> {
    pattern.find_iter(text).last()
}

/// Returns the end of a text, from its last sentence on, and not more than it takes to see a cue.
fn last_sentence(text: &str) -> &str {
    let start = text.ceil_char_boundary(text.len().saturating_sub(140));
    let tail = &text[start..];
    let ends_word =
        |at: &usize| tail[..*at].ends_with(|letter: char| letter.is_alphanumeric() || letter == ')');
    let cut = [". ", "? ", "! ", ".\n", "; "]
        .iter()
        .filter_map(|stop| tail.rfind(stop).filter(ends_word).map(|at| at + stop.len()))
        .max();
    cut.map_or(tail, |cut| &tail[cut..])
}

fn first_sentence(text: &str) -> &str {
    let head = &text[..text.floor_char_boundary(text.len().min(100))];
    let cut = [". ", "? ", "! ", "\n\n"].iter().filter_map(|stop| head.find(stop)).min();
    cut.map_or(head, |cut| &head[..cut])
}

#[cfg(test)]
mod tests {
    use super::Role;
    use super::read;

    #[test]
    fn reads_words_around_an_address() {
        let accused = Some(Role::Accused);
        let victim = Some(Role::Victim);
        for (before, after, expect) in [
            ("We saw a scan from ", " yesterday", accused),
            ("Your server ", " attacked us", accused),
            ("An IP address (", ") under your control appears to have attacked", accused),
            ("The address ", " from Your network tried to log in", accused),
            ("attacks against our mail server ", " were seen", victim),
            ("Failed password for root from ", " port 22 ssh2", accused),
            ("Connection from A to ", " refused", victim),
            ("Our host ", " was attacked", victim),
            ("", " has been port scanning", accused),
            ("", " was scanned by a host of yours", victim),
            ("This was detected by ", ".", Some(Role::Reporter)),
            ("abuse report about ", " - Fri", accused),
            ("Brute force attack at ", "", accused),
            ("the domain resolves to ", "", accused),
            ("Some words and then ", " and more", None),
            ("5 [Note] [MY-010926] denied for 'root'@'", "' (using password: YES)", None),
            ("we have detected an attack on your IP address ", "", victim),
            ("Von Ihrer IP A gingen Angriffe auf den SSH-Dienst von ", " aus.", victim),
            ("at 04:50 UTC, gateway ", "", Some(Role::Infrastructure)),
            ("Your server ", " is under a DDoS attack", victim),
            ("l'adresse ", " inonde notre serveur 198.51.100.1 de paquets", accused),
            ("messages were delivered from ", " to our relay at 198.51.100.1", accused),
            ("the host ", " belongs to us", victim),
            ("inside: ", " (your colocated server)", accused),
            ("the address in question is ", ". It tried", accused),
            ("a ", " címről támadás érkezett", accused),
            ("С вашего адреса ", " производилось сканирование", accused),
            ("сканирование портов нашего сервера ", ".", victim),
            ("le serveur ", " de votre réseau est ouvert", accused),
            ("el servidor ", ", que está en su red, ha empezado", accused),
            ("Gemeldet durch: Leitstelle, ", "", Some(Role::Reporter)),
            ("unser Server ", " wurde gestern von Ihrem Rechner gescannt", victim),
            ("nuestro servidor ", " ha sido atacado desde", victim),
            ("我方监测到贵方IP ", " 对", accused),
            ("我方监测到贵方IP A 对我方服务器 ", " 进行", victim),
            ("contra nuestro servidor A procedentes de la IP ", "", accused),
            ("Angriffe auf unseren Server von ", "", accused),
            ("the instances ", " and i-0123456789abcdef0 were not touched", Some(Role::Infrastructure)),
            ("Not blocked, because they are ours: ", ", 198.51.100.9", Some(Role::Infrastructure)),
            ("", ", not 198.51.100.9, scanned us", accused),
            ("It was 192.0.2.1, not ", ", that scanned us", Some(Role::Infrastructure)),
            ("(e.g. ", ", 2001:db8::2) are scanning", accused),
            ("Our SOC saw scans from:  ", " (first seen today)", accused),
            ("our customer was attacked from ", " yesterday", accused),
            ("Our admin logged in from ", " to mitigate", victim),
            ("Of these only ", " shows up in our logs", accused),
            ("", " downloads malware from 198.51.100.9 and scans us", accused),
            ("the host 192.0.2.1 downloads malware from ", " and scans us", victim),
            ("", " IP adresinizden 198.51.100.9 numaralı sunucumuza saldırı", accused),
            ("192.0.2.1 IP adresinizden ", " numaralı sunucumuza saldırı yapılmıştır", victim),
            ("なお、監視は", "から行っております", Some(Role::Reporter)),
            ("z Vaší IP ", " na náš server", accused),
            ("z Vaší IP 192.0.2.1 na náš server ", "", victim),
            ("Our sensor at 198.51.100.9 saw ", " scanning us", accused),
            ("Attack details reported by our SOC: ", " brute forced SSH", accused),
            ("you complained about ", " last week", Some(Role::Reporter)),
            ("our customer attacking your host ", "", victim),
            ("The spoofed requests came, as far as we can tell, from ", ".", victim),
            ("IP ", " port 11211/udp took part in an attack", accused),
            (
                "To whom it may concern, the machine with the IP address ending in .21 (",
                ") ceases its attack",
                accused,
            ),
            ("My server (", ", the shop) is being brute-forced by", victim),
        ] {
            assert_eq!(read(before, after).map(|cue| cue.role), expect, "{before}<>{after}");
        }
    }
}
