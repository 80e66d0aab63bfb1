//! Entries of a summary that are said to be done with, or to be ordinary: "3) Report 1234 - CLOSED", "Status: resolved",
//! "ioc: false". Whom they name is accused of nothing any more, where others of the same summary still are.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::activity::field;
use super::lines::Line;
use super::lines::LineKind;
use super::pattern::compile;
use super::pattern::fold;
use super::resource;
use super::verdict;
use super::verdict::Verdict;

/// What begins an entry: its number, or what it calls itself.
static HEAD: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^\W{0,4}(?:\(?\d{1,3}[.):]|#\d+|(?:report|case|ticket|incident|item|entry|reference|abuse id|complaint|meldung|fall|vorgang|vorfall|cas|dossier|caso|incidente|segnalazione|zgloszenie|sprawa|melding|sak|sag|arende|tapaus)\b)",
    )
});

/// A paragraph of a letter that is about one of several: "About 192.0.2.1: …", "192.0.2.1 (i-…): …".
static ABOUT: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^\W*(?:(?:about|regarding|concerning|as (?:for|to)|re|on|for|with regard to|zu|bezuglich|was|concernant|quant a|sobre|respecto a|en cuanto a|riguardo a|quanto a|betreffende|wat betreft)\s+)?(?:(?:the\s+)?(?:host|address|ip|instance|server|resource)\s+)?(?:\d{1,3}(?:\.\d{1,3}){3}|i-[0-9a-f]{8,17})\b[^.:]{0,60}:\s+\w",
    )
});

/// What settles an entry, or such a paragraph.
static SETTLED: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:closed|resolved|settled)\s+(?:this|that|it|the)\s+(?:part|one|report|case|item|matter|half)\b|\b(?:this|that)\s+(?:part|one|report|case|item|matter)\s+(?:is|has been|was)\s+(?:now\s+)?(?:closed|resolved|settled|done)\b|\b(?:nothing|no)\s+(?:more|further|else)(?:\s+action)?\s+is\s+(?:needed|required|necessary)\b|\b(?:nothing|no\s+action)\s+(?:(?:left|more|further)\s+)?(?:to\s+do|to\s+be\s+done|needed|required)\s+(?:for|about|with|on|here)\b|\b(?:no\s+longer|not\s+(?:\w+\s+)?any\s?more)\s+(?:open|answer\w*|respond\w*|reachable|exposed|vulnerable|listed|affected|listening)\b|\b(?:no\s+(?:answer|reply|response)|(?:does|did)\s+not\s+(?:answer|respond|reply))\s+any\s?more\b|\bnicht\s+mehr\s+(?:offen|erreichbar|verwundbar|betroffen|gelistet|exponiert)\b|\b(?:n'est|ne\s+sont)\s+plus\s+(?:ouvert|joignable|expose|vulnerable|accessible|concerne|liste)\w*|\bya\s+no\s+(?:esta|responde|aparece|es\s+accesible)\b|\bja\s+nao\s+(?:esta|responde|e\s+acessivel)\b|\bnon\s+(?:e|risponde|risulta)\s+piu\b|\bniet\s+(?:meer|langer)\s+(?:open|bereikbaar|kwetsbaar)\b|\bdamit\s+erledigt\b|\bist\s+(?:fur\s+uns\s+)?(?:erledigt|geklart|abgeschlossen)\b|\best\s+(?:clos|close|regle|reglee)\b|\bqueda\s+(?:cerrad|resuelt)[oa]\b",
    )
});

/// Its state, behind a mark: "- CLOSED on 12 Jan", "(resolved)", "[erledigt]".
static STATE: LazyLock<Regex> =
    LazyLock::new(|| compile(&format!(r"(?:\s-+|[\u{{2013}}\u{{2014}}:(\[|])\s*{DONE}")));

/// What is not for the reader to do.
static NOT_FOR_READER: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:nothing (?:to do )?(?:is )?(?:needed |required )?(?:for|from|by|of) you|for (?:your )?information only|no action (?:needed |required |expected )?(?:from|by|of|for) you|not (?:for|about|concerning) you|nichts (?:weiter )?(?:fur sie )?zu (?:tun|veranlassen)|nur zur (?:information|kenntnis)|rien a faire de votre cote|pour (?:votre )?information uniquement|solo (?:a titulo|para su) informa\w+|solo per conoscenza|ter informatie)\b",
    )
});

/// A state that is all of a field's value, or begins it.
static IS_DONE: LazyLock<Regex> = LazyLock::new(|| compile(&format!(r"^\W*{DONE}")));

static NAMES_STATE: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^\W*(?:\w+\s)?(?:status|state|zustand|statut|etat|estado|stato|stan|stav|durum|tila|tilstand|статус|состояние|状態|状态|상태)$",
    )
});

const DONE: &str = r"(?:(?:closed|resolved|solved|done|completed|settled|no (?:further )?action (?:is )?(?:needed|required)|geschlossen|erledigt|abgeschlossen|gelost|behoben|ferme|clos|cloture|resolu|traite|cerrado|resuelto|solucionado|fechado|encerrado|resolvido|chiuso|risolto|gesloten|opgelost|afgehandeld|zamkniete|rozwiazane|uzavreno|vyreseno|lukket|stangd|atgardat|suljettu|kapatildi|cozuldu)\b|закрыт|решен|対応済|解決済|完了|已解决|已关闭|已處理|已结案|완료|종료)";

/// Lines of a section that are looked at.
const LINES_MAX: usize = 1_000;

/// Takes closed entries out of what may state a fact, where the same section has entries that are not closed.
pub(super) fn leave_out(lines: &mut [Line<'_>]) {
    let lines_max = lines.len().min(LINES_MAX);
    let lines = &mut lines[..lines_max];
    let (closed, open): (Vec<Entry>, Vec<Entry>) =
        entries(lines).into_iter().partition(|entry| is_closed(entry, lines));
    let is_meant = |entry: &Entry| {
        let lines = &lines[entry.lines.clone()];
        let is_judged = || lines.iter().any(|line| judged(line) == Some(Verdict::Otherwise));
        names_somebody(lines) && (entry.has_head || is_judged())
    };
    if closed.is_empty() || !open.iter().any(is_meant) {
        return;
    }
    for entry in closed {
        lines[entry.lines].iter_mut().for_each(|line| line.kind = LineKind::Aside);
    }
}

/// What stands between two blank lines, or from one head to the next.
struct Entry {
    lines: Range<usize>,
    /// Its first line is one that begins an entry.
    has_head: bool,
}

fn entries(lines: &[Line<'_>]) -> Vec<Entry> {
    let mut entries = Vec::new();
    let (mut first, mut has_head) = (0, false);
    for (at, line) in lines.iter().enumerate() {
        let ends = line.is_blank() || line.kind != LineKind::Statement;
        let begins = !ends && begins(line);
        if !(ends || begins) {
            continue;
        }
        if first < at {
            entries.push(Entry { lines: first..at, has_head });
        }
        (first, has_head) = (at + usize::from(ends), begins);
    }
    if first < lines.len() {
        entries.push(Entry { lines: first..lines.len(), has_head });
    }
    entries
}

/// Behind so many bytes an address is no longer what a paragraph is about.
const ABOUT_BYTES_MAX: usize = 40;

/// Says whether a line begins an entry.
fn begins(line: &Line<'_>) -> bool {
    line.kind == LineKind::Statement
        && (line.text.len() <= HEAD_BYTES_MAX && HEAD.is_match(&fold(line.text)) || is_about(line))
}

fn is_about(line: &Line<'_>) -> bool {
    let begins_early = || {
        let spot = line.spots.first().is_some_and(|spot| spot.start <= ABOUT_BYTES_MAX);
        spot || resource::instances(line.text).first().is_some_and(|(at, _)| *at <= ABOUT_BYTES_MAX)
    };
    begins_early() && line.has_words() && ABOUT.is_match(&fold(line.text))
}

/// A longer line is a sentence.
const HEAD_BYTES_MAX: usize = 160;

/// Says whether a field of an entry says that it is done with.
fn says_done(line: &Line<'_>) -> bool {
    let state = short_field(line).filter(|(name, _)| NAMES_STATE.is_match(&fold(name)));
    state.is_some_and(|(_, value)| IS_DONE.is_match(&fold(value)))
}

/// Returns how a field of an entry judges it.
fn judged(line: &Line<'_>) -> Option<Verdict> {
    short_field(line).and_then(|(name, value)| verdict::of_field(name, value))
}

fn short_field<'a>(line: &Line<'a>) -> Option<(&'a str, &'a str)> {
    let is_short = line.kind == LineKind::Statement && line.text.len() <= HEAD_BYTES_MAX;
    field(line.text.trim_start()).filter(|_| is_short)
}

/// Says whether the head of an entry does.
fn says_done_behind(head: &Line<'_>) -> bool {
    let head = fold(head.text);
    STATE.is_match(&head) || NOT_FOR_READER.is_match(&head)
}

fn is_closed(entry: &Entry, lines: &[Line<'_>]) -> bool {
    let lines = &lines[entry.lines.clone()];
    let head = lines.first().filter(|_| entry.has_head);
    let is_settled = || {
        let text: Vec<&str> = lines.iter().map(|line| line.text.trim()).collect();
        SETTLED.is_match(&fold(&text.join(" ")))
    };
    head.is_some_and(says_done_behind)
        || lines.iter().any(|line| says_done(line) || judged(line) == Some(Verdict::Ordinary))
        || (head.is_some() && is_settled())
}

fn names_somebody(entry: &[Line<'_>]) -> bool {
    entry.iter().any(|line| !line.spots.is_empty() || !resource::instances(line.text).is_empty())
}

#[cfg(test)]
mod tests {
    use crate::Context;

    fn accused(body: &str) -> Vec<String> {
        let mail =
            format!("From: a@example.net\nTo: abuse@example.com\nSubject: Open abuse reports\n\n{body}");
        let notice = crate::parse(mail.as_bytes(), &Context::default());
        let all = notice.claims.into_iter().flat_map(|claim| claim.accused.addresses);
        all.map(|ip| ip.to_string()).collect()
    }

    const OPEN: &str = "1) Report 101 - OPEN since 17 Jan 2026\nSource: 34.229.150.71\nActivity: SSH brute force\nTime: 2026-01-16 08:14:20 UTC\n";

    #[test]
    fn an_entry_that_is_done_with_accuses_nobody() {
        for closed in [
            "2) Report 102 - CLOSED on 12 Jan 2026, thank you\nSource: 34.229.150.90\nActivity: port scan\n",
            "2) Report 102 (resolved)\nSource: 34.229.150.90\nActivity: port scan\n",
            "2) Report 102\nSource: 34.229.150.90\nActivity: port scan\nStatus: Closed\n",
            "2) Elastic IP 34.229.150.90 (us-east-1)\n   Tested: 2026-01-16 08:12:00 UTC - no answer any more, thank you.\n",
            "2) 34.229.150.90, port scan on 10 Jan: nothing to do for this address.\n",
            "  IP       34.229.150.90\n  Result   no scanning observed in the last 90 days\n",
            "2) Meldung 102\nQuelle: 34.229.150.90\nStatus: erledigt am 12.01.2026\n",
            "2) 案件102\n送信元: 34.229.150.90\n状態: 対応済み\n",
        ] {
            for body in [format!("{OPEN}\n{closed}"), format!("{closed}\n{OPEN}")] {
                assert_eq!(accused(&body), ["34.229.150.71"], "{body}");
            }
        }
    }

    /// A port may be closed, and so may all that a letter tells of: then it is for a person.
    #[test]
    fn what_is_no_state_of_an_entry_closes_none() {
        for other in [
            "2) Report 102\nSource: 34.229.150.90\nActivity: port scan\nPort 22: closed\n",
            "2) Report 102 - open\nSource: 34.229.150.90\nActivity: port scan, connections closed by us\n",
        ] {
            assert_eq!(accused(&format!("{OPEN}\n{other}")), ["34.229.150.71", "34.229.150.90"], "{other}");
        }
    }
}
