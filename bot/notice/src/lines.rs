//! Cuts sections into lines and says what each line is: words, a log entry, a quoted header, a
//! signature.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::LazyLock;

use regex::Regex;

use super::address;
use super::address::Spot;
use super::closed;
use super::document::Section;
use super::document::SectionRole;
use super::groups;
use super::limits;
use super::pattern::compile;
use super::pattern::fold;
use super::time::Finder;
use super::time::Precision;
use super::time::Stamp;

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineKind {
    /// Words, a field, a log entry: something that may state a fact.
    Statement,
    /// A mail header quoted in the text, or anything in the offending message itself.
    Header,
    /// A signature, what a registry says of a network, an entry that is done with.
    Aside,
}

/// One line and what stands in it.
#[derive(Debug)]
pub(super) struct Line<'a> {
    /// The text, quote marks taken off.
    pub text: &'a str,
    /// Index of its section.
    pub section: usize,
    /// The section's role.
    pub role: SectionRole,
    /// Its number in the section, from one.
    pub number: usize,
    /// It is quoted from an earlier mail.
    pub is_quoted: bool,
    /// What it is.
    pub kind: LineKind,
    /// It is an entry of a log about what was not let in.
    pub is_refused: bool,
    /// The addresses in it.
    pub spots: Vec<Spot>,
    /// The times in it.
    pub stamps: Vec<Stamp>,
}

impl Line<'_> {
    /// Returns the one time, of a second, that a part of it is from its first to its last letter.
    pub fn stamp_of(&self, part: &str) -> Option<Stamp> {
        let fills = |stamp: &&Stamp| self.text.get(stamp.start..stamp.end) == Some(part);
        let [stamp] = self.stamps.as_slice() else { return None };
        Some(stamp).filter(fills).filter(|stamp| stamp.precision == Precision::Second).cloned()
    }

    /// Says whether it has so many words of letters alone as a row of a table or an entry of a log seldom has.
    pub fn has_words(&self) -> bool {
        // Marks of scripts such as Devanagari are no letters.
        let is_word = |word: &&str| {
            word.starts_with(char::is_alphabetic)
                && word.chars().all(|it| !it.is_ascii() || it.is_alphabetic())
        };
        let words = self.text.split_whitespace().filter(is_word);
        words.take(SENTENCE_WORDS_MIN).count() == SENTENCE_WORDS_MIN
    }

    /// Says whether nothing stands in it.
    pub fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// Returns the address with which it begins as an item of a list: "(2) 192.0.2.1 - …", "- 192.0.2.1: …".
    pub fn heads_item(&self) -> Option<IpAddr> {
        let spot = self.spots.first().filter(|spot| !spot.is_network())?;
        let mark = self.text[..spot.start].trim();
        let number = mark.trim_start_matches('(').trim_end_matches([')', '.', ':']);
        let is_number = mark.len() > number.len() && !number.is_empty() && number.len() <= 3;
        let is_mark = matches!(mark, "-" | "*" | "\u{2022}" | "+")
            || is_number && number.chars().all(|letter| letter.is_ascii_alphanumeric());
        spot.ip.filter(|_| is_mark)
    }

    /// Says whether it is an item of a list of addresses: hardly any words of its own.
    pub fn is_item(&self) -> bool {
        if self.spots.is_empty() {
            return false;
        }
        let mut letters = 0;
        let mut at = 0;
        // A remark in brackets after it is no words: "192.0.2.1 (host.example.com)", "192.0.2.1 (Example, Berlin)".
        let named = self.spots.last().and_then(|spot| {
            let inner = self.text.get(spot.end..)?.trim_start().strip_prefix('(')?;
            let name = &inner[..inner.find(')')?];
            (name.len() <= 80).then(|| count_letters(name))
        });
        for spot in &self.spots {
            letters += count_letters(&self.text[at.min(spot.start)..spot.start]);
            at = spot.end;
        }
        letters += count_letters(&self.text[at.min(self.text.len())..]);
        letters - named.unwrap_or(0).min(letters) <= 12
    }
}

const SENTENCE_WORDS_MIN: usize = 8;

/// Returns how many letters a text has.
pub(super) fn count_letters(text: &str) -> usize {
    text.chars().filter(|letter| letter.is_alphabetic()).count()
}

/// Headers that whoever writes a mail sets.
static WRITERS_HEADER: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"(?i)^(?:date|subject|to|cc|sender|reply-to):\s|^from:\s[^0-9]*@|^from:\s\x22")
});

static MAIL_HEADER: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)^(?:received|return-path|message-id|dkim-signature|authentication-results|x-[a-z-]+|mime-version|content-[a-z-]+|delivered-to|domainkey-signature|received-spf|arc-[a-z-]+|list-[a-z-]+|envelope-to|references|in-reply-to|user-agent|thread-[a-z-]+):\s",
    )
});
/// Headers as mail programs quote them, in their users' languages.
static FORWARD_HEADER: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)^\*?(?:from|to|cc|sent|date|subject|reply-to|von|an|gesendet|datum|betreff|antwort an|de|para|envoyé|date d'envoi|objet|à|enviado(?: el| em)?|fecha|asunto|data|assunto|da|inviato|oggetto|a|van|verzonden|aan|onderwerp|od|do|wysłano|data|temat|från|till|skickat|ämne|fra|til|sendt|emne|dato|lähettäjä|vastaanottaja|lähetetty|aihe|kimden|kime|gönderildi|konu|tarih|от|кому|отправлено|дата|тема|від|надіслано|komu|předmět|odesláno|发件人|收件人|发送时间|日期|主题|寄件者|收件者|主旨|差出人|宛先|送信日時|日付|件名|보낸 ?사람|받는 ?사람|보낸 ?날짜|날짜|제목)\s?[:\u{ff1a}]\*?(?:\s|$)",
    )
});
/// An answer's subject is what it answers.
static ANSWERS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^\s*(?:re|aw|antw|sv|vs|odp|rif|res|ynt|\x{56de}\x{590d}|\x{7b54}\x{590d}|\x{8fd4}\x{4fe1})\s*[:\[]",
    )
});
/// The line by which mail programs part an answer from what it answers.
static ORIGINAL: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)^-{2,}\s*(?:original message|original-nachricht|urspr[üu]ngliche nachricht|message d['\u{2019}]origine|message original|mensaje original|mensagem original|messaggio originale|oorspronkelijk bericht|wiadomo[śs][ćc] oryginalna|oryginalna wiadomo[śs][ćc]|p[ůu]vodn[íi] zpr[áa]va|originalmeddelande|oprindelig meddelelse|opprinnelig melding|alkuper[äa]inen viesti|исходное сообщение|orijinal ileti|eredeti [üu]zenet|原始邮件|原始郵件|元のメッセージ|원본 메시지|(?:your|ihre?|votre|su|uw)\s+(?:\w+\s+)?(?:text|message|report|complaint|e-?mail|nachricht|meldung|mensaje|bericht))\s*-{2,}\s*$|^(?:your|ihre?|votre|su|uw)\s+(?:\w+\s+)?(?:message|report|complaint|e-?mail|nachricht|meldung|anfrage|mensaje|bericht)\s*(?:was|reads?|war|lautete?|follows)?\s*:\s*$",
    )
});
/// A mail with fewer letters of its own above such a line only passes it on.
const OWN_WORDS_MIN: usize = 80;
/// What a log says of what it did not let in.
static REFUSED: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:drop(?:ped)?|den(?:y|ied)|block(?:ed)?|reject(?:ed)?|fail(?:ed|ure)?|fail\s+login|invalid|refused|unauthorized|bann?(?:ed)?)\b",
    )
});
/// What it says of what it let in.
static ALLOWED: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)\b(?:accept(?:ed)?|allow(?:ed)?|permit(?:ted)?|pass(?:ed)?|succe(?:ss|eded)|built\s+(?:in|out)bound|teardown|login:\s+user|ok\s+login|(?:logged|signed)\s+(?:in|on)|log-?in\s+ok|connect(?:ed)?\s+from|disconnect(?:ed)?(?:\s+from)?|session\s+opened)\b",
    )
});
/// A hop of a traceroute: its number, who answered, and how soon.
static HOP: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^\d{1,2}(?:\.|\|--)?\s+(?:[\w.-]+\s+)?[\[(]?(?:\d{1,3}\.){3}\d{1,3}[\])]?(?:\s+[\d.<*%]+\s*(?:ms|%)?)*\s+[\d.<]+\s*ms\b",
    )
});
static REGISTRY: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)^(?:%(?:\s|$)|(?:inetnum|inet6num|netrange|cidr|netname|route6?|orgname|orgid|org-name|descr|mnt-by|abuse-c|admin-c|tech-c|nic-hdl|nserver|parent|nethandle)\b\s*:?|origin\s*:\s*as\s?\d)",
    )
});

/// The type of a finding that is always about somebody else's doing.
static INBOUND_FINDING: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b[A-Z]\w+:(?:EC2|Runtime|ECS|EKS|Kubernetes)/PortProbe\w*|\b[A-Z]\w+:(?:EC2|Runtime)/(?:SSH|RDP|WinRM)BruteForce\b.*\b(?i:inbound|target(?:ed)?)\b",
    )
});

fn is_inbound_finding(text: &str) -> bool {
    (text.contains("PortProbe") || text.contains("BruteForce")) && INBOUND_FINDING.is_match(text)
}

/// Such a mark with more lines below it parts a letter from its translation, or from its log.
const SIGNATURE_LINES_MAX: usize = 8;

/// No name of a mail header that is matched ends later.
const NAME_BYTES_MAX: usize = 36;

/// Cuts all sections into lines.
pub(super) fn cut(sections: &[Section]) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    for (index, section) in sections.iter().enumerate() {
        let first = lines.len();
        cut_section(index, section, &mut lines);
        leave_out_allowed(&mut lines[first..]);
        closed::leave_out(&mut lines[first..]);
    }
    lines
}

/// In a log of what was refused, an entry of what was let in accuses nobody, unless it is of who was refused as well.
fn leave_out_allowed(lines: &mut [Line<'_>]) {
    let is_entry = |line: &Line<'_>| {
        line.kind == LineKind::Statement && line.stamps.first().is_some_and(|stamp| stamp.start < 24)
    };
    let source = |line: &Line<'_>| line.spots.first().and_then(|spot| spot.ip);
    let (mut refused, mut let_in) = (HashSet::new(), HashSet::new());
    for line in lines.iter_mut().filter(|line| is_entry(line)) {
        let Some(source) = source(line) else { continue };
        line.is_refused = REFUSED.is_match(line.text);
        if line.is_refused {
            refused.insert(source);
        } else if ALLOWED.is_match(line.text) {
            let_in.insert(source);
        }
    }
    if refused.is_empty() || let_in.is_empty() {
        return;
    }
    for line in lines {
        if is_entry(line) && source(line).is_some_and(|it| let_in.contains(&it) && !refused.contains(&it)) {
            line.kind = LineKind::Aside;
            line.spots.clear();
        }
    }
}

fn cut_section<'a>(index: usize, section: &'a Section, lines: &mut Vec<Line<'a>>) {
    let raw: Vec<(usize, &str)> = section
        .text
        .lines()
        .enumerate()
        .flat_map(|(number, line)| pieces(line).map(move |it| (number, it)))
        .collect();
    let mut in_signature = false;
    let mut in_header = false;
    // What an answer quotes below a line of its mail program has no marks of its own.
    let mut in_original = false;
    let mut letters = 0;
    // Where all is quoted somebody passed it on whole.
    let is_marked = |line: &str| line.trim_start().starts_with('>');
    let quotes = !raw.iter().all(|(_, line)| is_marked(line) || line.trim().is_empty());
    for (at, (number, raw_line)) in raw.iter().enumerate() {
        let text = unquote(raw_line);
        let trimmed = text.trim();
        if trimmed.is_empty() {
            in_header = false;
        }
        in_original |= letters >= OWN_WORDS_MIN && ORIGINAL.is_match(trimmed);
        letters += count_letters(trimmed);
        if raw_line.trim_end() == "--" {
            let below = raw[at + 1..].iter().filter(|(_, line)| !line.trim().is_empty());
            let below: Vec<&str> = below.take(SIGNATURE_LINES_MAX + 1).map(|(_, line)| *line).collect();
            // Rows of a log are nobody's signature.
            let is_row = |line: &&str| {
                !address::find(line).is_empty()
                    && Finder.find(line).first().is_some_and(|stamp| stamp.start < ROW_HEAD)
            };
            let is_foot = below.len() <= SIGNATURE_LINES_MAX && !below.iter().any(is_row);
            in_signature = is_foot && section.role != SectionRole::Attachment;
        }
        let continues = in_header && text.starts_with([' ', '\t']) && !trimmed.is_empty();
        // Among those that relays wrote stand those of whoever wrote the mail.
        let goes_on = in_header && WRITERS_HEADER.is_match(trimmed);
        in_header = MAIL_HEADER.is_match(trimmed) || continues || goes_on || is_forward_header(&raw, at);
        let kind = if section.role == SectionRole::Evidence || in_header {
            LineKind::Header
        } else if in_signature
            || REGISTRY.is_match(trimmed)
            || HOP.is_match(trimmed)
            || is_inbound_finding(trimmed)
            || groups::is_clean_row(trimmed)
        {
            LineKind::Aside
        } else {
            LineKind::Statement
        };
        // Who merely passes packets on is named by no word of the notice.
        let spots = if HOP.is_match(trimmed) { Vec::new() } else { address::find(text) };
        let stamps = Finder.find(text);
        lines.push(Line {
            text,
            section: index,
            role: section.role,
            number: number + 1,
            is_quoted: in_original || (quotes && is_marked(raw_line)),
            kind,
            is_refused: false,
            spots,
            stamps,
        });
    }
}

/// Nearer to its beginning than this stands the time of a row, bytes.
const ROW_HEAD: usize = 24;

/// Says whether a subject is that of an answer: it is what it answers that it names.
pub(super) fn is_of_an_answer(subject: &str) -> bool {
    ANSWERS.is_match(&fold(subject))
}

/// Says whether a line is one of at least three headers in a row, as mail programs quote them.
fn is_forward_header(raw: &[(usize, &str)], at: usize) -> bool {
    // "From: 192.0.2.1" is a field of a report: mails come from mailboxes.
    let matches = |at: usize| {
        raw.get(at).map(|(_, line)| unquote(line).trim()).is_some_and(|line| {
            // Most lines have no name at their head: they need not be matched.
            let head = &line.as_bytes()[..line.len().min(NAME_BYTES_MAX)];
            let named = head.contains(&b':') || (!head.is_ascii() && line.contains('\u{ff1a}'));
            named
                && FORWARD_HEADER.find(line).is_some_and(|name| {
                    let value = line[name.end()..].trim_start_matches(['[', '*', ' ']);
                    address::find(value).first().is_none_or(|spot| spot.start > 0)
                })
        })
    };
    if !matches(at) {
        return false;
    }
    let from = (0..3).take_while(|back| at >= *back && matches(at - back)).count();
    let on = (1..3).take_while(|ahead| matches(at + ahead)).count();
    from + on >= 3
}

/// Cuts a line that is longer than is weighed at once into pieces, at blanks where it has any.
fn pieces(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let whole = rest.take()?;
        if whole.len() <= limits::LINE_BYTES_MAX {
            return Some(whole);
        }
        let head = &whole[..whole.floor_char_boundary(limits::LINE_BYTES_MAX)];
        let stop = head.rfind(". ").map(|at| at + 2).filter(|at| at * 2 > head.len());
        let end = stop.or_else(|| head.rfind(' ').filter(|at| *at > 0)).unwrap_or(head.len());
        rest = Some(&whole[end..]);
        Some(&whole[..end])
    })
}

fn unquote(line: &str) -> &str {
    let mut rest = line;
    while let Some(inner) =
        rest.strip_prefix('>').or_else(|| rest.strip_prefix("| ")).or_else(|| rest.strip_prefix('#'))
    {
        rest = inner.strip_prefix(' ').unwrap_or(inner);
    }
    rest
}
