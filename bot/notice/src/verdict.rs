//! What a field, a cell of a table or a key of a log line says of whom its entry or row names: "verdict: FALSE_POSITIVE",
//! "class=NORMAL", "ioc: false", "INFO: register ok". Where others are judged otherwise, whom only ordinary rows name is
//! accused by none of them.

use std::sync::LazyLock;

use regex::Regex;

use super::label;
use super::pattern::compile;
use super::pattern::fold;

/// What is said of an entry or a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is nothing to complain of.
    Ordinary,
    /// It is judged, and not to be ordinary.
    Otherwise,
}

/// Names of what answers yes or no.
const YES_NO: [&str; 14] = [
    "ioc",
    "malicious",
    "suspicious",
    "abusive",
    "abuse",
    "attack",
    "hostile",
    "infected",
    "compromised",
    "vulnerable",
    "affected",
    "anomalous",
    "blacklisted",
    "offending",
];

/// Names of what somebody, or a machine, judged.
const JUDGES: [&str; 22] = [
    "verdict",
    "class",
    "classification",
    "disposition",
    "assessment",
    "judgement",
    "judgment",
    "conclusion",
    "cat",
    "category",
    "evaluation",
    "triage",
    "bewertung",
    "einstufung",
    "urteil",
    "befund",
    "classement",
    "clasificacion",
    "classificazione",
    "beoordeling",
    "ocena",
    "判定",
];

/// Names of what may say it, beside much else.
const STATES: [&str; 21] = [
    "status",
    "state",
    "result",
    "outcome",
    "finding",
    "findings",
    "note",
    "notes",
    "remark",
    "remarks",
    "comment",
    "comments",
    "ergebnis",
    "bemerkung",
    "hinweis",
    "kommentar",
    "resultat",
    "remarque",
    "resultado",
    "risultato",
    "opmerking",
];

/// What clears, whoever says it.
static CLEARS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^(?:normal|benign|clean|harmless|legit(?:imate)?|false positive|false alarm|white ?list(?:ed)?|allow ?list(?:ed)?|not (?:affected|involved|vulnerable|malicious|abuse|an attack)|unaffected|uninvolved|exempt|authori[sz]ed|fixed|remediated|mitigated|secured|no (?:abuse|issue|finding|complaint)s?|no (?:\w+ ){1,3}(?:observed|seen|detected|found|recorded)|(?:nothing|not) (?:observed|seen|detected|found)|no longer (?:open|listed|active|reachable|vulnerable|observed|seen|exposed)|unauffallig|sauber|harmlos|nicht betroffen|fehlalarm|legitim|faux positif|benin|non (?:concerne|affecte|vulnerable)|falso positivo|no afectad[oa]|legitimo|non (?:interessato|coinvolto)|niet betrokken|vals positief|(?:not your|another|other|different) (?:network|provider|operator|customer)|reported (?:there|elsewhere|separately)|anderes netz|autre reseau|otra red|正常|误报|誤検知|정상)(?:[^\w]|$)",
    )
});

/// What clears where it is a verdict.
static CLEARS_AS_VERDICT: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^(?:info(?:rmational|rmation)?|ok(?:ay)?|good|allowed|permitted|trusted|expected|subscriber|customer|partner|supplier|vendor|tenant|employee|staff|kunde|abonnent|abonne|cliente|fp|none|no|false|gut|erlaubt|bon|bueno|buono)(?:[^\w]|$)",
    )
});

static IS_NO: LazyLock<Regex> = LazyLock::new(|| compile(r"^(?:no|false|0|n|nein|non|nee|nie|nej)\W*$"));

static KEY_VALUE: LazyLock<Regex> = LazyLock::new(|| {
    compile(r#"\b([A-Za-z][A-Za-z_.]{1,30})["']?\s?[=:]\s?["'/\[(]{0,2}([A-Za-z][A-Za-z _/-]{1,30})"#)
});

/// A log's own word for a line that tells of nothing wrong, and what it tells of.
static IS_INFO: LazyLock<Regex> = LazyLock::new(|| compile(r"\b(?:INFO|DEBUG|info|debug)\b"));
static WENT_WELL: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"(?i)\b(?:ok|okay|success(?:ful(?:ly)?)?|permitted|normal|answered|healthy|keep-?alive)\b")
});

/// A heading of what nobody has to do anything about.
static ASKS_FOR_NOTHING: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^\W*(?:no (?:further )?actions?(?: is| are)? (?:required|needed|necessary)|nothing to do|no action|(?:for )?(?:your )?information only|keine? (?:weiteren? )?(?:mass?nahmen?|handlungsbedarf|aktion)\b.*|nur zur (?:information|kenntnis)|aucune action (?:requise|necessaire)|rien a faire|ninguna accion (?:requerida|necesaria)|no requiere[n]? accion|nessuna azione (?:richiesta|necessaria)|nenhuma acao necessaria|geen actie (?:nodig|vereist)|ingen atgard kravs)\W*$|^\W*(?:already\s+|now\s+|since\s+|inzwischen\s+|bereits\s+|deja\s+|ya\s+|gia\s+)?(?:closed|fixed|solved|resolved|patched|remediated|behoben|geschlossen|erledigt|corrige\w*|fermes?|cerrad\w+|solucionad\w+|chius[ie]|risolt\w+|opgelost|gesloten|naprawion\w+|zamkniet\w+)\b",
    )
});

/// What in a remark may speak up for whom its row names: a denial, something that is over, the writer's own.
static SPEAKS_UP: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:no|not|never|only|just|already|fixed|closed|resolved|refused|genuine|legit\w*|own|our|ours|ordered|contracted|correct|intended|meant|known|normal|benign|other|thank|kein\w*|nicht|nie|bereits|schon|nur|unser\w*|eigen\w*|bekannt|ne|pas|jamais|deja|notre|nos|seulement|ya|nunca|nuestr\w+|contratad\w+|solo|gia|non|mai|nostr\w+|contrattat\w+|ja|nao|noss\w+|somente|geen|niet|nooit|reeds|onze|juz|nasz\w*|tylko|inte|ikke|redan|allerede|endast|kun|var|vores)\b|(?:^|\s)(?:не|уже|наши?|только)(?:\s|$)|没有|不是|未|已|正常|ない|済|아니|없|이미",
    )
});

/// A denial that speaks against it: "no password", "not patched".
static LACKS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:without|no|not|never|ohne|kein\w*|nicht|sans|pas|sin|no|senza|non|sem|nao|zonder|geen|bez|utan)\s+(?:any\s+|de\s+)?(?:pass\w*|auth\w*|log-?in|credential\w*|encrypt\w*|tls|patch\w*|protect\w*|secur\w*|updat\w*|mot de passe|contrasena|kennwort|haslo|wachtwoord|losenord)",
    )
});

/// Names of columns in which somebody remarks something.
const REMARKS: [&str; 16] = [
    "observation",
    "observations",
    "observacion",
    "observaciones",
    "osservazioni",
    "observacao",
    "beobachtung",
    "anmerkung",
    "anmerkungen",
    "comentario",
    "commentaire",
    "commento",
    "uwagi",
    "anmarkning",
    "explanation",
    "备注",
];

/// A longer value is a text.
const VALUE_BYTES_MAX: usize = 80;
/// What of a remark is read.
const REMARK_BYTES_MAX: usize = 200;

/// Returns what a field says of its entry.
pub(super) fn of_field(name: &str, value: &str) -> Option<Verdict> {
    if name.len() > VALUE_BYTES_MAX {
        return None;
    }
    let names = label::words(&fold(name));
    let is_any = |of: &[&str]| names.iter().any(|word| of.contains(&word.as_str()));
    let answers = names.last().is_some_and(|word| YES_NO.contains(&word.as_str()));
    let judges = is_any(&JUDGES);
    if !(answers || judges || is_any(&STATES)) {
        return None;
    }
    let value = value.trim_start_matches(|it: char| !it.is_alphanumeric());
    let value = &value[..value.floor_char_boundary(VALUE_BYTES_MAX)];
    let value = fold(value).replace(['_', '/', '-'], " ");
    if value.is_empty() {
        return None;
    }
    let is_ordinary = CLEARS.is_match(&value)
        || (answers && IS_NO.is_match(&value))
        || (judges && CLEARS_AS_VERDICT.is_match(&value));
    Some(if is_ordinary { Verdict::Ordinary } else { Verdict::Otherwise })
}

/// Says whether a heading asks for nothing to be done.
pub(super) fn asks_for_nothing(heading: &str) -> bool {
    ASKS_FOR_NOTHING.is_match(&fold(heading))
}

/// Says whether a remark may speak up for whom its row names.
pub(super) fn may_speak_up(name: &str, value: &str) -> bool {
    let remarks = |word: &String| [&STATES[..], &REMARKS].iter().any(|of| of.contains(&word.as_str()));
    let value = value.trim();
    let speaks_up = || {
        let said = fold(&value[..value.floor_char_boundary(REMARK_BYTES_MAX)]).into_owned();
        SPEAKS_UP.is_match(&LACKS.replace_all(&said, ""))
    };
    name.len() <= VALUE_BYTES_MAX
        && value.contains(' ')
        && label::words(&fold(name)).iter().any(remarks)
        && speaks_up()
}

/// Says whether a line of a log tells of what is ordinary: by a key of its own, or as one that went well.
pub(super) fn is_ordinary_line(text: &str) -> bool {
    if !text.contains(['=', ':']) {
        return false;
    }
    let by_key =
        || KEY_VALUE.captures_iter(text).any(|it| of_field(&it[1], &it[2]) == Some(Verdict::Ordinary));
    (IS_INFO.is_match(text) && WENT_WELL.is_match(text)) || by_key()
}

#[cfg(test)]
mod tests {
    use super::Verdict;
    use super::is_ordinary_line;
    use super::of_field;

    #[test]
    fn fields_say_what_is_ordinary() {
        for (name, value, expect) in [
            ("verdict", "FALSE_POSITIVE", Some(Verdict::Ordinary)),
            ("verdict", "INFO", Some(Verdict::Ordinary)),
            ("verdict", "ABUSE", Some(Verdict::Otherwise)),
            ("observables ioc", "false", Some(Verdict::Ordinary)),
            ("is_malicious", "true", Some(Verdict::Otherwise)),
            ("Affected", "not vulnerable", Some(Verdict::Ordinary)),
            ("Bewertung", "unauffällig", Some(Verdict::Ordinary)),
            ("analyst_note", "legitimate traffic of a partner", Some(Verdict::Ordinary)),
            // A login that went well is what an attack wants.
            ("result", "success", Some(Verdict::Otherwise)),
            ("status", "normalised", Some(Verdict::Otherwise)),
            ("verdict", "", None),
            ("severity", "info", None),
        ] {
            assert_eq!(of_field(name, value), expect, "{name}: {value}");
        }
    }

    #[test]
    fn a_remark_may_speak_up_for_whom_its_row_names() {
        for (name, value, expect) in [
            ("result", "refused, now fixed - thank you", true),
            ("Observación de nuestro analista", "servidor contratado por nosotros", true),
            ("result", "OPEN, answers to anyone", false),
            ("note", "indices readable without password", false),
            ("Hinweis", "ohne Passwort erreichbar", false),
            ("Note", "это наш сервер", true),
            ("source name", "not a remark", false),
            ("status", "closed", false),
        ] {
            assert_eq!(super::may_speak_up(name, value), expect, "{name}: {value}");
        }
    }

    #[test]
    fn lines_of_a_log_say_it_by_a_key_or_as_what_went_well() {
        for ordinary in [
            "flow.2 src=192.0.2.1 dst=198.51.100.2 class=NORMAL",
            "CEF:0|Squid|proxy|5.7|TCP_TUNNEL|CONNECT|1|cat=/Normal outcome=/Success src=192.0.2.1",
            "2026-04-14T08:40:12 sbc2 kamailio[2210]: INFO: register ok src=192.0.2.1:5060",
        ] {
            assert!(is_ordinary_line(ordinary), "{ordinary}");
        }
        for other in [
            "flow.1 src=192.0.2.1 dst=198.51.100.2 class=ATTACK",
            "Jan 12 03:04:05 host sshd[1]: Accepted password for root from 192.0.2.1 port 22",
            "CEF:0|F5|ASM|16.1|2|SQL-INJ|8|cat=/Attack/WebApp outcome=/Failure src=192.0.2.1",
            "2026-04-14T08:40:11 sbc2 kamailio[2210]: NOTICE: auth fail src=192.0.2.1:5071",
        ] {
            assert!(!is_ordinary_line(other), "{other}");
        }
    }
}
