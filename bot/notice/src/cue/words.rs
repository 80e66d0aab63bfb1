//! The words around an address by which its part is known, in all languages: data, one pattern a kind of cue.
//!
//! They are matched on [folded](super::super::pattern::fold) text, after the words of a sentence's grammar
//! (`sentence`) have left it open.

use std::sync::LazyLock;

use regex::Regex;

use super::super::pattern::compile;

pub(super) static REPORTER: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\breported\b.{0,40}\b(?:by|from)\s*\W?$|\b(?:report|alert|notification|message|notice|log|summary|digest)s?\s+(?:from|by)\b|\b(?:reported|detected|submitted|observed|logged|noticed|spotted|caught|picked\s+up|handled|blocked|blacklisted|blocklisted|banned|denied|rejected|dropped|stopped|received|operated|forwarded|managed|seen|provided|sent to you|monitored|recorded|checked|tested)\s+by\b|\b(?:reported|submitted|forwarded|operated|managed|provided|sent to you|monitored|checked|tested)\s+from\b|\b(?:complaints?|reports?|notices?|notifications?|alerts?|information|evidence|logs?|data)\s+(?:\w+\s+){0,3}?(?:received|obtained|got)\s+from\b|\b(?:received|obtained)\s+from\s+(?:\w+\s+){0,2}?(?:partners?|members?|customers?|users?|operators?|researchers?|part(?:y|ies)|reporters?|complainants?|feeds?)\b|\b(?:this|our)\s+(?:e-?mail|message|notice|report|mail|service)\s+(?:was|is|has\s+been|connects)\s*(?:sent|generated|made)?\s*(?:by|from)\b|\b(?:reporter|sensor at|contact|(?:gemeldet|berichtet|festgestellt|erkannt)\s+(?:durch|von)|signale\w*\s+par|(?:filtr\w+|mitig\w+|analys\w+|rapport\w*|detect\w+|observ\w+|gefilter\w+|filtrad\w+)\b[^.]{0,24}\b(?:par|por|przez|door|durch|da)|reportado\s+por|segnalato\s+da|gemeld\s+door|zgloszon\w+\s+przez|you\s+(?:have\s+)?(?:complain|report|wr[io]t|notifi)\w*\s+(?:\w+\s+){0,2}?(?:about|against|regarding|concerning|on)|our (?:noc|soc|cert|csirt|desk|team|office|monitoring|reporting))\b|\b(?:i|we|our\s+\w+)\s+(?:have\s+)?(?:scan|prob|test|check)\w*[^.]{0,40}\s+from\s*\W?$",
    )
});
/// Whence a report came, and whence somebody asked a registry: neither did anything.
pub(super) static ASKS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?x)\b(?:zgloszeni\w+|hlaseni\w*|oznameni\w*|meldung\w*|hinweis\w*|beschwerde\w*|signalement\w*|plainte\w*|denuncia\w*|avisos?|reportes?|queixa\w*|segnalazion\w+|melding\w*|klacht\w*|anmalan\w*|ilmoitu\w*|bildirim\w*)\s[^.;]{0,30}
        \b(?:otrzyma\w+|nadesz\w+|prijal\w*|obdrzel\w*|erhalten|erhielt\w*|bekam\w*|bekommen|ging\w*|eingegangen|stamm\w+|recu\w*|parvenu\w*|recib\w+|llego|recebe\w+|ricevut\w+|giunt\w+|pervenut\w+|kregen|ontvangen|ontvingen|mottog\w*|saimme|aldik|geldi)\b[^.;]{0,60}$
        |\b(?:survey|stud(?:y|ies)|census|measurements?|(?:re-?)?tests?|verifications?|our\s(?:\w+\s)?(?:scans?|checks?|probes?))\s(?:is|are|was|were)\s(?:\w+\s)?(?:made|run|done|carried\sout|performed|conducted|sent)\sfrom(?:\s[\w'-]+){0,3}\s*\W?$
        |\b(?:(?:erhebung|messung|untersuchung|studie)\s(?:erfolgt\w*|wird|wurde|lauft)\s(?:\w+\s){0,2}(?:von|aus)|(?:etude|enquete|mesure|recensement)\s(?:est|a\sete)\s(?:menee?|effectuee?|realisee?)\s(?:\w+\s)?(?:depuis|a\spartir\sde)|(?:relevamiento|estudio|encuesta|medicion|escaneo|analisis)\sse\s(?:hace|hizo|realiza|realizo|ejecuta)\sdesde|(?:rilevamento|studio|misura\w*)\s(?:viene|e\sstat[oa])\s(?:effettuat|svolt|condott)[oa]\sda\w*|(?:levantamento|estudo|pesquisa)\se\s(?:feit[oa]|realizad[oa])\s(?:a\spartir\s)?d[eao])(?:\s[\w'-]+){0,3}\s*\W?$
        |\b(?:consult\w*|look-?ups?|quer(?:y|ies)|abfrage\w*|requete\w*|interrogazion\w+|zapytani\w+|dotaz\w*)\s+(?:[\w']+\s+){0,3}?(?:whois|rdap|registr\w+|register\w*|ripe|arin|apnic|lacnic)\b[^.;]{0,40}
        \b(?:from|von|aus|depuis|desde|da|dal|van|vanaf|vanuit|z|ze|fran|fra)(?:\s+[\w'-]+){0,2}\s*\W?$",
    )
});
/// What is reported by somebody is done by whom "by" names.
pub(super) static DEED: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"\b(?:attempt|attack|scan|brute|prob(?:e|ing)|flood|intrusion|spam|log-?[io]n)")
});
/// Who did it stands behind these.
pub(super) static ACCUSED: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?x)\b(?:from|failed\s+for|engag(?:ed|ing)\s+in\s+(?:[\w-]+\s+){1,3}(?:on|in|from|within)\s+your(?:\s+[\w-]+)?|sources?|src|originat\w+|origin\s+(?:of|ip|host|address|is|was)|attackers?|attacking\s+(?:ip|host|server|address|machine|system)\w*|involving|offend\w+|abus(?:er|ers|ive|ing)|culprits?|intruders?
        |(?:es\s+handelt\s+sich\s+um|il\s+s'agit\s+de|se\s+trata\s+de|si\s+tratta\s+di|trata-se\s+d[eo]|het\s+gaat\s+om|chodzi\s+o|it\s+is\s+about)(?:\s+(?:die|der|das|l'|la|el|il|o|het|de))?(?:\s?(?:ip-?)?(?:adress\w*|direccion|indirizzo|endereco|adres))?
        |suspect\w*|hostile|malicious|infected|compromised|drones?|hosted\s+(?:at|on|by)|located\s+at|running\s+(?:on|at)
        |(?:resolver|proxy|relay|server|attack|scan|controller|c2|c&c)\s+at|by|about|regarding|concerning|implicat\w+|in\s+question(?:\s+is)?|hosts\.deny|(?:deny|block|black)\s?list\w*|blocked|banned|bann?ing|ban
        |your\s+(?:[\w/-]+\s+){0,4}?(?:ips?|ip[-\ ]address(?:es)?|servers?|hosts?|machines?|networks?|customers?|clients?|systems?|instances?
            |address(?:es)?|users?|box|range|vps|control|side|resources?|device)
        |(?:relat\w+|pertaining|regards?|respect|belong\w*|assigned|allocated|resolv\w+|point\w*|attribut\w+|traced|traced\s+back|tracked
            |refer\w*|leased|registered|mapped)\s+to|von|durch|depuis|desde|vanaf|von\s+der\s+ip|ihre?\w*\s+server|client|rhost|peer
        |en\s+provenance\s+de|par|por|przez|oleh|(?:bersagliat|attaccat|scansionat|colpit|preso\s+di\s+mira)\w*\s+da|z\s+vas\w+(?:\s+\w+){0,2}|dall?(?:'indirizzo|a\s+vostra)|proveniente?s?|provenant|origem|procedentes?\s+de(?:\s+la)?(?:\s+ip)?|z\s+adresu|z\s+hosta|z\s+adresy|fran|fra|palvelimenne|osoitteesta\w*|afkomstig\s+van|kaynak\w*|saldirgan
        |(?:quelle|ursprung|urheber|verursacher|angreifer|auteur|agresseur|autor|atacante|sorgente|attaccante|bron|dader|aanvaller|zrodlem|sprawca|napastnikiem|zdrojem|utocnikem|kallan|kilden)(?:\s+(?:der|des|de|del|della|van|dieser|cette|ce|este|questo|dit|tego|toho)\s+\w+)?\s+(?:wurde|konnte|ist|war|gilt|est|etait|es|fue|e|foi|is|was|jest|byl|je|ar|er)(?:\s+(?:die|der|das|la|le|el|il|o|a|het|ip|ip-adresse|adresse|direccion|indirizzo|endereco|adres)){0,3}
        |votre\s+(?:\w+\s+)?(?:adresse|serveur|reseau|machine)|vuestr\w+|voss[ao]s?|su\s+(?:red|servidor|direccion)|sua\s+rede|vostr\w+|uw\s+(?:server|netwerk|ip\S*))\b|с\s(?:вашего|вашей|вашим)|вашего\s|вашем\s|с\sадреса|з\sвашо|з\sадреси|вашої\s|ваш\w*(?:сервер|адрес)|(?:^|[,.:;])\s*(?:ip\s+)?adresinizden|aginizdan|sunucunuzdan|osoitteestanne|verkostanne|palvelimeltanne|\b(?:er|eran|jeres|deres)\s(?:adress\w*|adresse\w*|server|dator|maskin)\b|מכתובת(?:\s?ה-?\s?ip)?|השרת\sשלכם|שלכם|来自|來自|贵方|贵司|贵公司|贵单位|貴社|貴公司|貴單位|貴方|您的|貴社|귀사|귀\s기관",
    )
});
/// To whom it was done stands behind these.
pub(super) static VICTIM: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?x)\b(?:(?:attack|scann|prob|flood|target|hitt|hammer)ing\s+your(?:\s+[\w-]+){0,3}
        |(?:break|get|log|hack)(?:ing)?\s+in(?:to)?\s+your(?:\s+[\w-]+){0,3}|(?:login|account|access)\s+data\s+for\s+your(?:\s+[\w-]+){0,3}|(?:passwords?|log-?ins?|exploits?|brute[- ]?forc\w+)\s+(?:on|at|against)|aimed\s+at|destined\s+(?:for|to)|talk(?:s|ing)?\s+to\s+(?:an?\s+|the\s+)?(?:[\w-]+\s+){0,5}?(?:server|host)\s+at
        |(?:download\w*|fetch\w*|harvest\w*|stole\w*|scrap\w*|cop(?:y|ied|ies)\w*|pull\w*|retriev\w*)\s+(?:[\w-]+\s+){0,4}?from
        |us(?:ed|ing|es)\s+(?:the\s+|an?\s+)?(?:proxy|vpn|relay|resolver|tor\s+exit)(?:\s+at)?
        |(?:the|its|a|with|to)\s+(?:c2|c&c|command[\s-]and[\s-]control)(?:\s+server)?(?:\s+at)?
        |(?:spoofed|forged)\s+(?:[\w,-]+\s+){0,12}?from
        |(?:compromised|hacked|infected|controlled|exploited|abused)\s+(?:[\w,-]+\s+){1,3}?by
        |(?:is|was|are|being)\s+(?:an?\s+|our\s+)?(?:answer|repl(?:y|ies)|response)s?\s+to
        |(?:attacks?|flood|ddos|traffic)\s+(?:on|against|towards?|targeting|directed\s+(?:at|to))\s+your(?:\s+[\w-]+){0,4}
        |(?:from|von|depuis)\s+(?:your|ihr\w*|votre)\b.*\b(?:on|against|auf|gegen|sur|contre)\s+(?:\S+\s+){1,4}?(?:of|von|de|du)
        |to|against|target\w*|victims?|attacked|attacking|(?:compromised|hacked|infected|controlled|exploited|abused)\s+by|attack(?:s|ing)?\s+(?:on|of|our)|destinations?|dst|dest
        |our(?:\s+[\w.-]+){0,4}|my(?:\s+[\w.-]+){0,2}|towards?|scann(?:ed|ing)|scans?\s+(?:on|of)|prob(?:ed|ing)|hitting|hit|honeypots?|sensors?
        |arriv\w+\s+at|spoof\w*(?:\s+the)?(?:\s+source)?|(?:its|the|their|whose|with|to|a)\s+(?:c2|c&c)\s+(?:server\s+)?(?:was|is|at)|(?:its|the|their|whose|with|to)\s+controller\s+(?:was|is|at)|sinkhole\s+(?:was|is|at)|into|communicat\w+\s+with(?:\s+[\w&-]+){0,6}|talk(?:s|ing)\s+to|contact(?:ed|ing)|flood(?:ed|ing)|attempts?\s+(?:to|on|at)|access(?:ed|ing)|on\s+host|gegen|auf|contre|hacia|contra|verso|vers|naar|tegen|notre|nos|unser\w*|onze|ons|nuestr\w+|nostr\w+|noss[ao]s?|naszego|\w*(?:szerver|halozat|rendszer|gep)unk\w*|nasz\w*|nasi\w+|vores|nas\w{0,3}(?:\s+\w+)?|bizim|vastaanottava\w*(?:\s+palvelin)?|palvelimellemme|palvelimeemme|kayttajillemme|przeciwko|na\s+nasz\w*|connect(?:ed|ing)\s+to)\b|\bbelong\w*\s+to\s+(?:us|me)\s+is|\b(?:we|us)\W{1,3}$|нашего\s|нашему\s|нашей\s|нашим\s|нашого\s|нашої\s|sunucumuz\w*|agimiza|\bvar\s(?:server|webbserver|mailserver|brandvagg)|(?:ה?שרת|ה?רשת|המערכת)\s?(?:ים\s)?שלנו|לשרת\w*|נגד|我单位|我們|我單位|我方|我司|我们|我校|本公司|弊社|当社|本学|当市|当院|当方|弊学|당사|자사|본사|우리",
    )
});
/// What stands at the reporter's edge and sees the attack.
pub(super) static PLACE: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"\b(?:gateway|firewall|router|sensor|appliance|portal|concentrator|load\s*balancer)[\s(:]*$")
});
/// A plain name for an address leans to the accused.
pub(super) static ANY_ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"\b(?:ip(?:v[46])?(?:\s|-)?(?:address(?:es)?|addr|adresse?)?s?|host|machine|computer)\b[\s:]*$")
});
/// To whom it was done stands before these.
pub(super) static AFTER_VICTIM: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^\W*(?:(?:has|have|had)\s+been|(?:was|were|is|are)\s+being|was|were|is|are|being|got)\s+(?:\w+ly\s+)?(?:under\s+(?:an?\s+)?(?:[\w-]+\s+){0,2}?(?:attack|ddos)|attacked|targeted|hit|probed|scanned|flooded|ddosed|victim\w*|(?:also\s+)?(?:among|one\s+of)\s+(?:the\s+)?(?:victims|targets)|the\s+(?:target|victim)|under\s+attack|our\b|my\b|a\s+honeypot|unreachable|offline|down\b|brute[- ]?forced|hammered|bombarded|overloaded|saturated|knocked)|^\W*(?:(?:went|became)\s+(?:unreachable|offline|down)|(?:is|was|are|were|keeps?|kept)?\s*(?:getting|being)\s+(?:\w+ly\s+)?(?:hammered|brute[- ]?forced|hit|attacked|flooded|scanned|probed|bombarded)|suffer\w+|experienc\w+|(?:has\s+had|have\s+had|had|saw|sees|received|receives|receiving|got|gets|reported|reports|logged)\s+(?:[\w,.'/-]+\s+){0,8}?(?:attempts?|log-?[io]ns?|attacks?|connections?|requests?|scans?|probes?|packets?|floods?|traffic|brute[- ]?force\w*|spam|passwords?|of\s+them)|(?:is|was|are|were)\s+(?:currently\s+|now\s+)?(?:the\s+)?(?:destination|target|object|victim)\s+of|was\s+under|reached\s+by)\b|^\W*(?:our|my)\b|^\W*(?:(?:which\s+)?(?:is\s+)?(?:belong\w*|owned|operated|hosted|located|allocated|assigned|registered)\s+)?(?:to|by|of|on|in|at)\s+(?:us|me|ours|our)\b|^\W*(?:is|are)\s+(?:us|ours|me|mine)\b",
    )
});
/// Who did it stands before these.
pub(super) static AFTER_ACCUSED: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^\W*(?:appears?|seems?|(?:has|have)\s+an?\s+(?:\w+\s+){0,3}?(?:score|reputation|history|reports?)|(?:(?:has|have|had)\s+been\s+|(?:is|was|were|are)\s+(?:being\s+)?)?(?:listed|blacklisted|flagged|identified|caught|seen|observed|detected|found|involved|responsible|infected|compromised|(?:added|put|placed|entered)\s+(?:to|on|in|into)\s+(?:our|the)\s+(?:[\w-]+\s+){0,2}?(?:(?:block|black|deny)[\s-]?list|[sxcpd]bl\b|css\b))|triggered|attempt\w*|tr(?:ied|ies|ying)|attack\w*|scann?\w*|prob(?:ed|ing|es)|sen[dt]\w*|launch\w*|perform\w*|connect\w*|start\w*|brute\w*|generat\w*|took\s+part|take\s+part|participat\w*|under\s+your|(?:belong\w*\s+to|owned\s+by|assigned\s+to|registered\s+to|of)\s+yours?|belong\w*\s+to\s+you|in\s+your|on\s+your|(?:an?\s+)?(?:address|host|server|ip|indirizzo|adresse|direccion|endereco|adres)\s+(?:\w+\s+){0,2}?(?:your|vostr[ao]|votre|ihre[smnr]?|su|sua|uw)|hosts?|hosting|hat|ont|participa|abus\w+|flood\w+|spamm\w+|from\s+your|yours|cimrol|cimerol|(?:(?:que|qui|che|die|das|der)\s+(?:esta|se\s+encuentra|se\s+trouve|si\s+trova|steht|staat)\s+)?(?:de\s+votre|dans\s+votre|en\s+su|de\s+su|(?:d|n)a\s+sua|(?:d|n)ella\s+vostra|in\s+ihrem|aus\s+ihrem|(?:in|binnen|uit|van)\s+uw))\b",
    )
});
/// "The machine at 192.0.2.1 belongs to you".
pub(super) static BELONGS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^\s(?:(?:seems|appears)\s+to\s+)?(?:belongs?\s+to\s+you\b|gehort\s+(?:zu\s+)?ihnen\b|vous\s+appartient\b|(?:les|os)\s+pertenece\b|vi\s+appartiene\b|pertence-vos\b|is\s+van\s+u\b)",
    )
});
/// "192.0.2.1; if you see it in your logs, that is us".
pub(super) static IS_US: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^[^.]{0,80}\b(?:(?:that|this|it)(?:\s+is|'s|\s+was)\s+us|das\s+(?:sind|waren)\s+wir|c'est\s+nous|somos\s+nosotros|siamo\s+noi|somos\s+nos|dat\s+zijn\s+wij)\b",
    )
});
/// "192.0.2.1 (your server)".
pub(super) static IS_YOURS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^\s?[(\[,]\s?(?:(?:on|in)\s)?(?:your|yours|ihre?|votre|vuestr[oa]|su|sua|vostro|uw)\b(?:\s+[\w-]+){0,3}\s?[)\],]",
    )
});
/// What is said to have no part: "192.0.2.1 and 192.0.2.2 were not touched".
pub(super) static CLEARED_AFTER: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^(?:[\s,;()/&+]|\b(?:and|or|und|et|y|e)\b|\b(?:i|eni)-[0-9a-f]{8,17}\b|\b[0-9a-f]*[:.][0-9a-f:.]+\b)*\b(?:(?:which|that)\s+)?(?:(?:was|were|is|are|has|have|had)\s+(?:not|never)\s+(?:been\s+)?(?:\w+ly\s+)?(?:touched|involved|affected|blocked|banned|part\b|seen|concerned|implicated|accused|at\s+fault|responsible)|(?:(?:is|are|was|were|look|looks|seem|seems)\s+(?:unaffected|uninvolved|fine\b|clean\b|ok\b|okay\b|innocent))|(?:works?|working|runs|running)\s+(?:fine|well|normally|as\s+(?:it\s+should|expected|intended))\b)",
    )
});
/// "Not blocked, because they are ours:".
pub(super) static CLEARED_BEFORE: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:(?:not|never|nicht|pas|no)\s+(?:been\s+)?(?:\w+ly\s+)?(?:blocked|banned|listed|involved|affected|touched|meant|gemeint|visee?s?|concernee?s?|betroffen|blockiert|bloque\w*)|unaffected|uninvolved|unblocked|whitelist\w*|allow-?list\w*|known\s+good|false\s+positives?|(?:not|never)\s+(?:from|by)\b|rather\s+than|other\s+than|except\s+(?:for)?|excluding|apart\s+from|instead\s+of|unlike|(?:is|was|are|were)n'?t)\b[^.;]{0,60}$|\b(?:nothing|no\s+(?:complaints?|reports?|notes?|records?))\s+(?:\w+\s+)?(?:about|against|on|regarding|concerning)\s[^.;]{0,60}$|(?:,\s*|\bbut\s+|\band\s+)(?:not|nicht|pas|no)\s*$",
    )
});
/// A direction that goes on after the address.
pub(super) static FROM_END: LazyLock<Regex> =
    LazyLock::new(|| compile(r"\b(?:from|by|source|src)\s+(?:[\w-]+\s+){0,3}$"));
/// What an address itself does.
pub(super) static ACTS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^\W*(?:port\s+\d{1,5}(?:/\w+)?\s+)?(?:that\s+|which\s+|who\s+)?(?:(?:has|have|had|is|was|were|are|keeps?)\s+)?(?:been\s+)?(?:\w+ly\s+)?(?:attempt(?:ed|ing|s)|tr(?:ied|ies|ying)|attack(?:ed|ing|s)|[\w-]+\s+scanning|scann(?:ed|ing)|scans|prob(?:ed|ing|es)|sends?|sent|sending|launch\w+|perform\w+|brute\w*|flood(?:ed|ing|s)|spamm\w+|connect(?:ed|s|ing)|participat\w+|took\s+part|take\s+part|cease[sd]?|stop(?:s|ped)?|beacon(?:s|ed|ing)\s+to|download(?:s|ed|ing)|in\s+contact\s+with|hammer\w+|exploit(?:ed|ing|s)|guess\w+|crawl\w+|abus(?:ed|es|ing)|used\s+(?:to|for|in)|answer(?:s|ed|ing)|respond(?:s|ed|ing)|expos(?:es|ed|ing)|accept(?:s|ed|ing)|listen(?:s|ed|ing))\b",
    )
});
/// The same in other languages, active and passive.
pub(super) static ACTS_ABROAD: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^\W*(?:(?:qui|que|che|ktory|die|das|der)\s+)?(?:(?:a|ont|est|sont|ha|han|hanno|war|waren|hat|haben|heeft|hebben|esta|estan|sta|stanno)\s+)?(?:inonde\w*|attaqu\w+|scann\w+|balay\w+|tent[ea]\w*|envoi\w+|envoy\w+|effectu\w+|lanc\w+|sond\w+|versuch\w*|angegriffen|gescannt|greift|scannt|sendet|flutet|uberflutet|intent\w+|atac\w+|escane\w+|envia\w*|realiz\w+|attacc\w+|scansion\w+|effettu\w+|invia\w*|probeer\w*|geprobeerd|valt|scant|stuurt|(?:auch\s+)?beteiligt|atakuj\w*|skanuj\w*|probuj\w*|probowal\w*|wysyla\w*)\b",
    )
});
/// The passive in other languages.
pub(super) static DONE_TO_ABROAD: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^\W*(?:a subi|ont subi|subit|recoit|a recu|esta recibiendo|ha recibido|recibio|recibe|esta sufriendo|ha sufrido|sufrio|sofreu|esta sofrendo|recebeu|ha subito|sta subendo|ha ricevuto|hat\s+(?:[^\s.]+\s+){0,6}?erhalten|erhielt|erhalt|wird\s+gerade|liegt unter|is slachtoffer|ontving|podvergsya|подверг\w*|атакован\w*|подвергается|受到|遭受|遭到|被攻|が攻撃を受け|は攻撃を受け|攻撃を受け|공격을 받|공격받)|^\W*(?:a ete|ont ete|est|etait|wurde|wird|werden|wurden|fue|ha sido|foi|e stat[oa]|viene|werd|wordt|zostal\w*|jest)\s+(?:(?:[^\s.]|\.\S)+\s+){0,16}?(?:attaque\w*|scanne\w*|cible\w*|victime|angegriffen|gescannt|attackiert|atacad\w|escanead\w|attaccat\w|scansionat\w|aangevallen|gescand|zaatakowan\w|skanowan\w|atakowan\w)",
    )
});
/// The subject of the passive is another's.
pub(super) static OTHERS_SUBJECT: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"\s(?:onze|ons|unsere?\w*|notre|nos|nuestr\w+|noss\w+|nostr\w+|naszego|nasz\w*)\s")
});
/// Words that follow what they speak of.
pub(super) static AFTER_FROM: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^[^\w]{0,3}(?:から|より|에서|(?:numaral\w\s+|no'?lu\s+)?(?:ip\s+)?(?:adresin(?:iz)?den|ip'?(?:niz)?den|(?:sunucu|makine|host)\w*[dt][ae]n)|adresli\s+(?:bilgisayar|sunucu|makine)\w*(?:dan|den))",
    )
});
/// The same, of whereto.
pub(super) static AFTER_TO: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^[^\w]{0,3}(?:に対|に向け|へ|宛|에\s?대|으로|(?:numaral\w\s+|no'?lu\s+)?(?:ip\s+)?(?:adresimi\w*|adresine|(?:sunucu|sistem|site|makine|ag)\w*muz\w*|(?:sunucu|sistem|site|makine|ag)\w*miz\w*)|adresli\s+(?:\w+\s+){0,3}?(?:sunucumuz|sistemimiz|sitemiz))",
    )
});
/// Somebody saw it.
pub(super) static SEEN: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:shows?|showed|saw|sees|seen|logged|logs|detected|observed|recorded|reports?|caught|noticed|flagged|identified|found|discovered)\s+(?:that\s+)?(?:(?:the|a|an|your)\s+)?(?:(?:ip|host|address|machine|server)\s+){0,2}$",
    )
});
/// "from 10:15 pm to 10:40 pm" is no direction.
pub(super) static CLOCKS: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"\d(?:\s?[ap]\.?m\.?)?(?:\s+[a-z]{3,4})?\s+(?:to|until|and)\s+(?:about\s+)?\d{1,2}[:.]\d\d")
});
/// "from 10:00 until", "since 3 November": of a time, not of an address.
pub(super) static FROM_A_TIME: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:from|by|to|von|vom|van|vanaf|de|des|desde|depuis|od|since|seit|sinds|until|till|bis|tot|do|til|hasta|jusqu'a)\s+(?:about\s+|around\s+|the\s+|las\s+|a\s+)*(?:\d{1,2}(?::\d{2}|h\d{0,2}\b|\s?(?:am|pm|uhr|o'clock)\b)|\d{4}-\d{2}|\d{1,2}[./]\d{1,2}[./]\d{4}|\d{1,2}\.?\s+(?:jan|feb|mar|mae|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cz])\w*|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\w*\s+\d)",
    )
});
/// What joins addresses that one word before them speaks of.
pub(super) static MERE_LIST: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^(?:[\s,;/&+()\[\]|<>\x22'-]|\b(?:and|or|und|oder|sowie|et|ou|y|e|o|en|of|i|oraz|och|og|ja|ve|plus|also|then|as\s+well\s+as|from|by|our|your|host|hosts|server|servers|ip|ips|address|addresses|port|tcp|udp|as\d+|\d{1,5})\b|\([^)]{0,60}\))*$",
    )
});
/// Directions that are none: forms of address and turns of speech.
pub(super) static PHRASES: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\bto whom(?: it may concern)?\b|,?\s*\bto a (?:lesser|greater|smaller|larger) (?:degree|extent)\b,?",
    )
});
/// "192.0.2.1, not 192.0.2.2, scanned us": the other one did not.
pub(super) static NOT_THAT: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^\s*(?:,\s*(?:and\s+|but\s+)?not|rather than|instead of)\s+(?:from\s+)?[0-9a-f]*[.:][0-9a-f.:]*[0-9a-f]\s*,?",
    )
});
/// "192.0.2.1, 192.0.2.2 and 192.0.2.3 attacked us": what is said of the last is said of all.
pub(super) static LISTED: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^(?:\s*(?:,\s*(?:and\s+|und\s+)?|and\s+|und\s+|et\s+|y\s+|e\s+|&\s*)(?:also\s+)?(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9a-f]{1,4}:[0-9a-f:]+))+",
    )
});
/// "192.0.2.1 took part too": no word in passing.
pub(super) static TOO: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"\b(?:also|too|auch|aussi|egalement|tambien|anche|ook|another|further|likewise)\W*$")
});
/// "Of these only 192.0.2.1 shows up".
pub(super) static ONLY: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:of (?:these|those|them|which)\b[^.;]{0,20}|(?:it (?:is|was)|but) )\bonly\s*$|\bonly (?:one|this one|the one)\b[^.;]{0,40}$",
    )
});
/// Who watches from there, in words before it.
pub(super) static WATCHES: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?:監視|観測|調査|モニタ|관제|모니터링)[^。、,]{0,12}$|(?:弊社|当社|当方|本学|자사|당사)[^。、,]{0,6}$",
    )
});
/// From where a log was taken nobody attacks.
pub(super) static LOG_TAKEN: LazyLock<Regex> =
    LazyLock::new(|| compile(r"^.{0,40}?(?:\balin(?:mis|di)|取得|採取|収集|가져|수집)"));
/// Another address.
pub(super) static HOLDS_ADDRESS: LazyLock<Regex> =
    LazyLock::new(|| compile(r"\d+\.\d+\.\d+\.\d+|[0-9a-f]+:[0-9a-f:]*:[0-9a-f]+"));
/// A message's code in brackets, such as "[MY-010926]", is no word.
pub(super) static CODE: LazyLock<Regex> = LazyLock::new(|| compile(r"\[[a-z]{1,8}-\d{1,8}\]"));
