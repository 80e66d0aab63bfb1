//! What the nouns around a mention tell of it: who watches, who reports, what is forged, what is found on a host rather than
//! done to it.

use super::lexicon::BY;
use super::lexicon::DEED;
use super::lexicon::FROM;
use super::lexicon::TAKEN;
use super::lexicon::TO;
use super::lexicon::WEAK;
use super::phrase::Group;
use super::token::Token;
use super::token::TokenKind;

pub(super) fn is_sensor(tokens: &[Token], group: &Group) -> bool {
    const SENSORS: [&str; 30] = [
        "センサ",
        "센서",
        "传感器",
        "探针",
        "探針",
        "감시",
        "pare-feu",
        "cortafuegos",
        "brandvagg",
        "tuzfal",
        "межсетев",
        "файрвол",
        "scrub",
        "waf",
        "pasarela",
        "sensor",
        "senzor",
        "sensör",
        "сенсор",
        "sonde",
        "sonda",
        "capteur",
        "honeypot",
        "czujnik",
        "collector",
        "monitor",
        "router",
        "firewall",
        "gateway",
        "nids",
    ];
    let words = &tokens[group.left.begins..group.first];
    words.iter().any(|it| SENSORS.iter().any(|stem| it.word.starts_with(stem)))
}

/// A complaint that came from somebody accuses somebody else.
pub(super) fn is_report(word: &str) -> bool {
    const REPORTS: [&str; 14] = [
        "complaint",
        "report",
        "alert",
        "notification",
        "notice",
        "hinweis",
        "meldung",
        "beschwerde",
        "plainte",
        "signalement",
        "denuncia",
        "queja",
        "segnalazion",
        "klacht",
    ];
    REPORTS.iter().any(|stem| word.starts_with(stem))
}

/// What is forged to come from somebody does not.
pub(super) fn is_forged(word: &str) -> bool {
    ["spoof", "forged", "gefalsch", "usurp", "falsific", "falsif", "sfalszow"]
        .iter()
        .any(|it| word.starts_with(it))
}

/// "The sensor moves from 192.0.2.1 to 192.0.2.2": where it was before.
pub(super) fn is_moved(word: &str) -> bool {
    [
        "move",
        "moving",
        "migrat",
        "relocat",
        "renumber",
        "switched",
        "changed",
        "changes",
        "umgezogen",
        "umzieh",
    ]
    .iter()
    .any(|it| word.starts_with(it))
}

/// "An attack on your server": something that is done to a host, not that is found there.
pub(super) fn is_attack_on(tokens: &[Token], begins: usize) -> bool {
    let before = tokens[..begins].iter().rev().take(2).find(|it| it.class & DEED != 0);
    before
        .is_some_and(|it| it.class & TAKEN == 0 && !FOUND_THERE.iter().any(|stem| it.word.starts_with(stem)))
}

/// What is found on a host rather than done to it.
const FOUND_THERE: [&str; 8] = ["spam", "phish", "malware", "botnet", "min", "abus", "exploit", "web"];

/// Says whether what was found somewhere stands right before the word that tells where.
pub(super) fn is_of_found(tokens: &[Token], begins: usize) -> bool {
    let before = tokens[..begins].iter().rev().take(3);
    let mut before = before.take_while(|it| it.kind == TokenKind::Word && it.class & (TO | FROM | BY) == 0);
    let is_found = before.any(|it| FOUND.iter().any(|stem| it.word.starts_with(stem)));
    // "talks to a team server at": somebody else's, which it is in contact with.
    let far = tokens[..begins].iter().rev().take(8).take_while(|it| it.kind == TokenKind::Word);
    let is_contact = |it: &Token| {
        it.class & (TO | WEAK) != 0
            || ["contact", "talk", "communic", "connect", "beacon"]
                .iter()
                .any(|stem| it.word.starts_with(stem))
    };
    is_found && !far.into_iter().any(is_contact)
}

/// What stands on a host that does harm by standing there.
const FOUND: [&str; 12] = [
    "phish",
    "malware",
    "webshell",
    "controller",
    "c2",
    "c&c",
    "panel",
    "miner",
    "kit",
    "clone",
    "command",
    "team",
];

/// "The copy of it on 192.0.2.1 is a phishing site".
pub(super) fn is_found_there(tokens: &[Token], start: usize) -> bool {
    const STANDS: [&str; 40] = [
        "is",
        "was",
        "ist",
        "est",
        "es",
        "e",
        "liegt",
        "lauft",
        "steht",
        "se",
        "hay",
        "esta",
        "si",
        "staat",
        "jest",
        "znajduje",
        "bezi",
        "je",
        "nalazi",
        "tece",
        "yra",
        "veikia",
        "atrodas",
        "asub",
        "on",
        "van",
        "talalhato",
        "hi",
        "нахожда",
        "este",
        "ligger",
        "finns",
        "terdapat",
        "ada",
        "co",
        "находится",
        "размещена",
        "размещен",
        "се",
        "розміщено",
    ];
    const PAGES: [&str; 20] = [
        "phish",
        "malware",
        "podvod",
        "lazn",
        "falosn",
        "fisin",
        "falsz",
        "sukciav",
        "viltus",
        "piksker",
        "ongits",
        "petu",
        "adathalasz",
        "tietojenkalast",
        "natfisk",
        "pengelabuan",
        "фишинг",
        "лажн",
        "поддельн",
        "фішинг",
    ];
    let near = tokens[start..].iter().take(6).take_while(|it| it.kind == TokenKind::Word);
    let mut near = near.skip_while(|it| !STANDS.contains(&it.word.as_str()));
    near.next().is_some() && near.any(|it| PAGES.iter().any(|stem| it.word.starts_with(stem)))
}
