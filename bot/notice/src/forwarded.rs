//! A mail that another passes on inside its own text: the block of headers that mail programs put before it, and what
//! follows. The words before the block are the forwarder's and must name nobody; a reply that quotes is not one.

use std::sync::LazyLock;

use jiff::Timestamp;
use regex::Regex;

use super::pattern::compile;

/// Mails in mails; nobody passes on more often by hand.
const DEPTH_MAX: usize = 4;
/// Lines before the block; longer words are a letter of its own.
const BEFORE_MAX: usize = 40;
/// Lines of a block, folded ones included.
const BLOCK_MAX: usize = 16;

/// A line of the block. Names as mail programs write them in their languages.
static FIELD: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?i)^\s*\*?(?:(?P<from>from|von|de|da|van|från|fra|od|от|gönderen|kimden|feladó|lähettäjä|差出人|送信者|보낸 ?사람|发件人|寄件者)|(?P<date>date|sent|datum|gesendet|verzonden|envoyé|fecha|enviado(?: el)?|enviada(?: em)?|data|inviato|skickat|sendt|dato|wysłano|data wysłania|дата|отправлено|tarih|gönderme tarihi|dátum|elküldve|lähetetty|送信日時|日付|날짜|보낸 ?날짜|发送时间|日期|寄件日期)|(?P<subject>subject|betreff|objet|asunto|assunto|oggetto|onderwerp|ämne|emne|temat|тема|konu|tárgy|aihe|件名|제목|主题|主旨)|(?P<other>to|cc|bcc|reply-to|an|kopie|à|para|a|aan|till|til|do|dw|кому|копия|kime|kimlik|címzett|vastaanottaja|kopio|宛先|받는 ?사람|참조|收件人|抄送|收件者|副本|importance|priority|organization|message-id))\s*\*?\s*[:：]\s*\*?\s*(?P<value>.*)$",
    )
});
static MAILBOX: LazyLock<Regex> = LazyLock::new(|| compile(r"[\w.+=-]+@[\w-]+(?:\.[\w-]+)+"));

/// The mail that was passed on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Forwarded {
    /// Its subject.
    pub subject: String,
    /// The address in its From, lower case.
    pub from: String,
    /// Its date with the offset from UTC in seconds, where it is written as mails write it.
    pub date: Option<(Timestamp, i32)>,
    /// To, as written.
    pub to: String,
    /// What it says.
    pub body: String,
}

/// Returns the mail that a text only passes on. `is_about_nobody` judges the words around it.
pub(super) fn find(text: &str, is_about_nobody: impl Fn(&str) -> bool) -> Option<Forwarded> {
    let mut found = find_one(text, &is_about_nobody)?;
    for _ in 1..DEPTH_MAX {
        match find_one(&found.body, &is_about_nobody) {
            Some(inner) => found = inner,
            None => break,
        }
    }
    Some(found)
}

fn find_one(text: &str, is_about_nobody: &impl Fn(&str) -> bool) -> Option<Forwarded> {
    let lines: Vec<&str> = text.lines().collect();
    let (start, quote) = (0..lines.len().min(BEFORE_MAX)).find_map(|at| {
        let quote = &lines[at][..quote_of(lines[at])];
        block(&lines[at..], quote).map(|_| (at, quote))
    })?;
    let (mut mail, taken) = block(&lines[start..], quote)?;
    if !is_about_nobody(&lines[..start].join("\n")) {
        return None;
    }
    let rest = &lines[start + taken..];
    let body: Vec<&str> = rest.iter().map(|line| strip(line, quote).unwrap_or(line)).collect();
    mail.body = body.join("\n");
    (!mail.body.trim().is_empty()).then_some(mail)
}

/// Reads a block of headers at the beginning of lines, each after `quote`; returns how many lines it has.
fn block(lines: &[&str], quote: &str) -> Option<(Forwarded, usize)> {
    let mut fields: [Option<String>; 4] = Default::default();
    let mut last = None;
    let mut taken = 0;
    for line in lines.iter().take(BLOCK_MAX) {
        let Some(line) = strip(line, quote) else { break };
        if line.trim().is_empty() {
            break;
        }
        let Some(read) = FIELD.captures(line) else {
            // A value may go on in the next line.
            let folded = last.filter(|_| line.starts_with([' ', '\t']));
            let Some(value) = folded.and_then(|at: usize| fields[at].as_mut()) else { break };
            value.push(' ');
            value.push_str(line.trim());
            taken += 1;
            continue;
        };
        let names = ["from", "date", "subject", "other"];
        let at = names.iter().position(|name| read.name(name).is_some())?;
        // The first of several receivers is enough.
        fields[at].get_or_insert_with(|| read["value"].trim().to_owned());
        last = Some(at);
        taken += 1;
    }
    let [from, date, subject, other] = fields;
    let sender = MAILBOX.find(from.as_deref()?)?.as_str().to_ascii_lowercase();
    // From and subject alone may be the fields of a report.
    let date = date?;
    let sent = jiff::fmt::rfc2822::parse(&date).ok().map(|at| (at.timestamp(), at.offset().seconds()));
    let mail = Forwarded {
        subject: subject?,
        from: sender,
        date: sent,
        to: other.unwrap_or_default(),
        body: String::new(),
    };
    Some((mail, taken))
}

/// How much of a line quotes: `> > `.
fn quote_of(line: &str) -> usize {
    line.len() - line.trim_start_matches(['>', ' ']).len()
}

/// A line without its quotation; none where it is not quoted so deeply.
fn strip<'a>(line: &'a str, quote: &str) -> Option<&'a str> {
    line.strip_prefix(quote).or_else(|| (line.trim_end() == quote.trim_end()).then_some(""))
}

#[cfg(test)]
mod tests {
    use super::Forwarded;
    use super::find;

    fn is_about_nobody(text: &str) -> bool {
        !text.contains("192.0.2.")
    }

    fn found(text: &str) -> Option<Forwarded> {
        find(text, is_about_nobody)
    }

    #[test]
    fn programs_in_many_languages_pass_mails_on() {
        let forms = [
            "FYI\n\n---------- Forwarded message ---------\nFrom: NOC <noc@example.net>\nDate: Tue, 21 Jul 2026 10:00:00 +0200\nSubject: scan\nTo: <abuse@example.com>\n\n\nFrom 192.0.2.1",
            "Bitte ansehen\n________________________________\nVon: NOC <noc@example.net>\nGesendet: Dienstag, 21. Juli 2026 10:00\nAn: abuse@example.com\nBetreff: scan\n\nFrom 192.0.2.1",
            "Begin forwarded message:\n\n> From: NOC <NOC@example.net>\n> Subject: scan\n> Date: 21 July 2026 at 10:00:00 CEST\n> To: abuse@example.com\n>\n> From 192.0.2.1\n",
            "-----Mensaje original-----\nDe: noc@example.net\nEnviado el: martes, 21 de julio de 2026 10:00\nPara: abuse@example.com\nAsunto: scan\n\nFrom 192.0.2.1\n",
            "*From:* noc@example.net\n*Sent:* Tuesday\n*To:* abuse@example.com\n*Subject:* scan\n\nFrom 192.0.2.1",
        ];
        for form in forms {
            let mail = found(form).unwrap_or_else(|| panic!("not found in {form}"));
            assert_eq!((mail.subject.as_str(), mail.from.as_str()), ("scan", "noc@example.net"), "{form}");
            assert_eq!(mail.body.trim(), "From 192.0.2.1", "{form}");
        }
    }

    #[test]
    fn words_of_its_own_make_it_a_letter() {
        let block = "From: noc@example.net\nDate: today\nSubject: scan\n\nbody";
        assert!(found(&format!("Is 192.0.2.4 yours?\n\n{block}")).is_none());
        assert!(found("From: 192.0.2.4\nDate: today\nSubject: scan\n\nbody").is_none(), "a report's fields");
        assert!(found("From: noc@example.net\nSubject: scan\n\nbody").is_none(), "no date");
        assert!(found("From: noc@example.net\nDate: today\nSubject: scan\n\n").is_none(), "nothing follows");
    }

    #[test]
    fn what_was_passed_on_twice_is_the_innermost() {
        let inner = "From: a@example.net\nDate: today\nSubject: inner\n\nbody";
        let outer = format!("From: b@example.net\nDate: today\nSubject: Fwd: inner\n\nsee below\n\n{inner}");
        assert_eq!(found(&outer).map(|mail| mail.subject), Some("inner".to_owned()));
    }
}
