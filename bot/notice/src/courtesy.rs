//! Letters that tell the reader of an attack on the reader: a network that filters it, a watcher that reports on the week.
//!
//! They count only where nothing in them blames the reader or asks for something to be stopped.

use std::sync::LazyLock;

use regex::Regex;

use super::document::SectionRole;
use super::lines::Line;
use super::lines::LineKind;
use super::pattern::compile;
use super::pattern::fold;

/// What the writer does for the reader, or need not be done.
static PROTECTS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:mitigat\w+|scrub\w+|rerout\w+|null[- ]?rout\w+|black-?hol\w+|absorb\w+|(?:ddos|dos)[- ](?:protection|schutz|schutzes)|protection anti-?d?dos|proteccion anti-?d?dos|(?:we|were|was|has been|have been|are being) (?:\w+ )?(?:filter\w*|blocked|stopped)|filter(?:n|ing)? (?:the|den|diesen)|(?:unsere?|nos|nuestros|nostri|onze) (?:filter\w*|filtres|filtros|filtri)|proteger votre|schutz\w* (?:ihrer|ihres|aktiviert|ausgelost)|bloqueado\w*|bloques|geblockt|blockiert|bloccat\w+|geblokkeerd|zablokowan\w+|odfiltrowan\w+|suodat\w+|no (?:further )?action (?:is )?(?:required|needed|necessary)|nothing (?:for you )?to do|(?:you )?(?:do not|don't|need not) (?:need|have) to (?:do|act)|nichts (?:weiter )?(?:zu )?(?:tun|unternehmen)|keine (?:\w+ )?(?:massnahmen|aktion|handlung)\w* (?:erforderlich|notig|notwendig)|aucune action|no (?:se )?requiere (?:ninguna )?accion|no es necesari\w+|nessuna azione|nenhuma acao|geen actie|nie (?:trzeba|wymaga|jest wymagan\w+)|hoeft niets|nemusite|behover (?:inte|ikke) gora|for your information only|zur (?:reinen )?(?:information|kenntnis)|a titre (?:d')?informati\w+|a titulo informativo|ter informatie)\b",
    )
});
/// An attack at what is the reader's.
static AT_READER: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?x)\b(?:attack|d?dos\b|flood|angriff|attacke|attaque|ataque|attacc|aanval|atak|angrep|angreb|utok|hyokkay|tamada|saldiri)\w*[^.;]{0,60}?\s(?:on|against|towards?|targeting|at|to|auf|gegen|contre|sur|vers|contra|hacia|sobre|contro|verso|op|tegen|naar|na|przeciw\w*|mot|mod)\s+(?:(?:one|some|several)\s+of\s+|an?\s+|the\s+|einen?\s+|einem\s+|l'une?\s+de\s+)?(?:your|ihre?[mnrs]?|votre|vos|sus?|vuestr\w+|seus?|suas?|vostr\w+|uw|jullie|wasz\w*|panstwa|ert?|era|jeres|deres)\b
        |\b(?:your|ihre?[mnrs]?|votre|vos|sus?|vuestr\w+|seus?|suas?|vostr\w+|uw)\s+(?:[\w-]+\s+){1,3}(?:[\d.:a-f/]+\s+)?[^.;]{0,30}?(?:is|was|are|were|ist|war|wurde|wird|est|a\s+ete|esta|fue|e\s+stat[oa]|is|werd)\s+(?:\w+\s+){0,2}?(?:under\s+(?:an?\s+|ddos\s+|heavy\s+)*attack|the\s+(?:target|victim|destination|object)|being\s+(?:attacked|flooded|targeted|scanned)|attacked|targeted|flooded|angegriffen|attackiert|ziel\b|attaque|cible|victime|atacad\w+|objetivo|victima|attaccat\w+|bersaglio|aangevallen|doelwit|getroffen)
        |\b(?:protect|proteger|schutzen|schutz|proteggere|beschermen)\w*\s+(?:of\s+|von\s+)?(?:your|ihre?[mnrs]?|votre|vos|sus?|vuestr\w+|seus?|suas?|vostr\w+|uw)\b
        |\b(?:scrubbing|diversion|mitigation|filtering|protection|rerouting)\s+(?:of|for|on)\s+your\b
        |\b(?:you|sie|vous)\s+(?:host|hosten|hebergez)\s+(?:it\s+)?(?:with|at|bei|chez)\s+(?:us|uns|nous)\b
        |\battack\w*\s+your\s+(?:[\w/-]+\s+){0,2}?(?:ip|address|server|host|instance|system|machine|service|network|site)\w*\b[^.;]{0,40}\bunder\b
        |\b(?:blocked|stopped|filtered|mitigated|bloqu\w+|geblockt|blockiert\w*|bloccat\w+|geblokkeerd)\s+(?:\w+\s+){0,3}?(?:for|on|at|fur|pour|para|per|voor)\s+(?:your|ihre?\w*|votre|vos|sus?|vostr\w+|uw)\b
        |\b(?:panstwa|wasz\w*|vas\w*|ert?|jeres|deres)\s+(?:\w+\s+)(?:[\d.:a-f]+\s+)?(?:byl[aoy]?|zostal[aoy]?|var|blev|ble)\s+(?:celem|atakowan\w+|zaatakowan\w+|cilem|tercem|napaden\w*|mal|utsat\w*|udsat\w*|angrep\w*)
        |\b(?:target|victim|destination|ziel|opfer|cible|objetivo|bersaglio|doelwit|cel|hedef)\s?:?\s*[\d.:a-f]+\s*\((?:[^)]{0,40}\s)?(?:your|yours|ihre?|votre|suy[oa]|su|vostr[oa]|uw)\b
        |\b(?:palvelim|verkko|osoitte|jarjestelma)\w*(?:eenne|oonne|iinne|aanne|onne)\b",
    )
});
/// What blames the reader, or asks for something to be done.
static BLAMES: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?x)\b(?:from|by|of|in|within|out\s+of|aus|von|vom|depuis|en\s+provenance\s+de|par|desde|de|dal|dalla|da|van|vanuit|uit|z|ze|fran|fra)\s+(?:an?\s+|one\s+of\s+|the\s+|einem?r?\s+)?(?:your|ihre?[mnrs]?|votre|vos|sus?|vuestr\w+|seus?|suas?|vostr\w+|uw|panstwa|wasz\w*|ert|jeres|deres)\s+(?:[\w-]+\s+){0,2}?(?:ips?|address\w*|hosts?|servers?|networks?|ranges?|customers?|instances?|machines?|systems?|netz\w*|adresse\w*|rechner|kunden?|reseaux?|serveurs?|clients?|machines?|red(?:es)?|servidor\w*|direccion\w*|rede|rete|indirizz\w+|netwerk|klant\w*|sieci|siec|adres\w*|natverk|nettverk|netvaerk)\b
        |\b(?:please|kindly|we\s+ask\s+you|we\s+request)\s+(?:[\w,]+\s+){0,4}?(?:stop|investigate|take|act|block|shut|suspend|terminate|look\s+into|check|resolve|disable|remove|clean|fix|null|cease|contact\s+your)
        |\b(?:bitte|wir\s+bitten)\b[^.;]{0,60}(?:abstell|untersuch|prufen|unterbind|sperr|massnahmen|stopp)
        |\b(?:merci\s+de|veuillez|nous\s+vous\s+prions)\b[^.;]{0,60}(?:mesures|cesser|arreter|bloquer|enquet|intervenir|stopper)
        |\b(?:por\s+favor|rogamos|les?\s+pedimos|solicitamos)\b[^.;]{0,60}(?:medidas|deten|bloque|investig|suspend|corrij)
        |\b(?:vi\s+(?:preghiamo|chiediamo)|si\s+prega)\b[^.;]{0,60}(?:provved|bloccare|indagare|interven|fermare|misure)
        |\b(?:gelieve|wij\s+verzoeken|graag)\b[^.;]{0,60}(?:stoppen|onderzoek|maatregel|blokker|actie\s+te)
        |\byour\s+(?:[\w-]+\s+){0,2}?(?:ip|host|server|instance|machine|customer|system|network)s?\b[^.;]{0,60}\b(?:is|are|was|were|has\s+been|have\s+been|keeps?)\s+(?:\w+ly\s+)?(?:attacking|scanning|sending|flooding|probing|brute|hammering|spamming|trying|used\s+(?:to|for|in)|involved|participat|compromised|infected)
        |\bwhat\s+(?:you|have\s+you)\s+(?:will|intend|plan|did|do)\b|\bcease\s+and\s+desist\b",
    )
});

/// Says whether a folded text blames the reader, or asks for something to be stopped.
pub(super) fn blames(text: &str) -> bool {
    BLAMES.find_iter(text).any(|found| !ASKS_NOT_TO.is_match(found.as_str()))
}

/// "Please do not block them" asks for nothing to be stopped.
static ASKS_NOT_TO: LazyLock<Regex> =
    LazyLock::new(|| compile(r"^(?:please|kindly|bitte)\b.*\b(?:not|never|nicht|keine?)\b"));

/// Lines of a letter that are read for this.
const LINES_MAX: usize = 60;
const BYTES_MAX: usize = 4_000;

/// Says whether a letter tells the reader of an attack on the reader that somebody else deals with.
pub(super) fn is_one(lines: &[Line<'_>]) -> bool {
    let own = lines.iter().filter(|line| {
        line.kind == LineKind::Statement
            && !line.is_quoted
            && matches!(line.role, SectionRole::Subject | SectionRole::Body)
    });
    let mut text = String::new();
    for line in own.take(LINES_MAX) {
        text.push_str(line.text.trim());
        text.push(if line.text.trim().is_empty() { '.' } else { ' ' });
        if text.len() > BYTES_MAX {
            break;
        }
    }
    let text = fold(&text);
    PROTECTS.is_match(&text) && AT_READER.is_match(&text) && !blames(&text)
}

#[cfg(test)]
mod tests {
    use super::super::document::Section;
    use super::super::lines;
    use super::SectionRole;
    use super::is_one;

    #[test]
    fn knows_who_tells_of_an_attack_on_the_reader() {
        for (text, expect) in [
            ("We mitigated a DDoS attack against your server 192.0.2.1. No action is required.", true),
            (
                "Wir haben auf Ihrer IP 192.0.2.1 einen Angriff auf Ihre Dienste festgestellt und leiten den Verkehr über unsere Filter.",
                true,
            ),
            (
                "Nous venons de détecter une attaque sur l'adresse 192.0.2.1. Afin de protéger votre infrastructure, votre trafic passe par nos filtres.",
                true,
            ),
            ("Ataques bloqueados contra sus sistemas. No requiere acción por su parte.", true),
            (
                "We mitigated a DDoS attack against our server. It came from your network. Please stop it.",
                false,
            ),
            ("The scrubbing of your prefix was lifted. All traffic was dropped; please do not act.", true),
            ("Our filters blocked an attack from 192.0.2.1 on our shop.", false),
            (
                "Your server 192.0.2.1 was attacked and is now attacking us; we blocked it. Please investigate.",
                false,
            ),
        ] {
            let sections =
                [Section { role: SectionRole::Body, name: "body".to_owned(), text: text.to_owned() }];
            assert_eq!(is_one(&lines::cut(&sections)), expect, "{text}");
        }
    }
}
