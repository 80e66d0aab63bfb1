//! The answer to the reporter as a mail: built, and sent by SES into the notice's own thread.
//!
//! Goes only to domains that the settings name: a forged notice could want its answer anywhere.

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use notice::Reply;

use super::NotDone;
use crate::case::Action;
use crate::case::Deed;
use crate::case::Deeds;
use crate::config::ReplyMail;
use crate::investigate::words;

/// Length of a header's text, bytes.
const HEADER_MAX: usize = 900;

/// Measures that are told, the latest.
const MEASURES_MAX: usize = 8;

/// References kept; a thread's first and last ones join it.
const REFERENCES_MAX: usize = 20;

/// Sends mails.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Sends a whole mail; returns the name that it was given.
    async fn send(&self, from: &str, to: &str, mail: &[u8]) -> Result<String, NotDone>;
}

/// For a bot that may send nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoMail;

#[async_trait]
impl Mailer for NoMail {
    async fn send(&self, _from: &str, _to: &str, _mail: &[u8]) -> Result<String, NotDone> {
        Err(NotDone::because("this bot sends no mail"))
    }
}

/// Sends by Amazon SES.
#[derive(Debug, Clone)]
pub struct SesMailer {
    client: aws_sdk_sesv2::Client,
}

impl SesMailer {
    /// From this account and region.
    pub fn new(sdk: &aws_config::SdkConfig) -> Self {
        // Once: a mail that may have gone out is not sent again.
        let config = aws_sdk_sesv2::config::Builder::from(sdk)
            .retry_config(aws_config::retry::RetryConfig::disabled())
            .build();
        Self { client: aws_sdk_sesv2::Client::from_conf(config) }
    }
}

#[async_trait]
impl Mailer for SesMailer {
    async fn send(&self, from: &str, to: &str, mail: &[u8]) -> Result<String, NotDone> {
        use aws_sdk_sesv2::primitives::Blob;
        use aws_sdk_sesv2::types::Destination;
        use aws_sdk_sesv2::types::EmailContent;
        use aws_sdk_sesv2::types::RawMessage;
        let failed = |why: String| NotDone(format!("SES did not send it: {why}"));
        let raw =
            RawMessage::builder().data(Blob::new(mail)).build().map_err(|error| failed(error.to_string()))?;
        let sent = self
            .client
            .send_email()
            .from_email_address(from)
            .destination(Destination::builder().to_addresses(to).build())
            .content(EmailContent::builder().raw(raw).build())
            .send()
            .await
            .map_err(|error| failed(crate::aws::reason(&error)))?;
        Ok(sent.message_id.unwrap_or_default())
    }
}

/// To whom an answer may be mailed; else why not, in words.
pub fn recipient<'a>(reply: Option<&'a Reply>, settings: Option<&ReplyMail>) -> Result<&'a str, String> {
    let Some(settings) = settings else {
        return Err("There is no [reply] in the settings: copy the text and send it yourself.".to_owned());
    };
    let Some(reply) = reply else {
        return Err(
            "The notice did not come by mail, or says no sender: answer it where it came from.".to_owned()
        );
    };
    let domain = reply.to.rsplit_once('@').map(|(_, domain)| domain.to_ascii_lowercase()).unwrap_or_default();
    let is_within = |allowed: &String| {
        let allowed = allowed.to_ascii_lowercase();
        domain == allowed || domain.strip_suffix(&allowed).is_some_and(|rest| rest.ends_with('.'))
    };
    let is_address =
        reply.to.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>,;:\"()[]\\".contains(&byte))
            && reply.to.matches('@').count() == 1
            && !reply.to.starts_with('@');
    if is_address && settings.domains.iter().any(is_within) {
        return Ok(&reply.to);
    }
    Err(format!(
        "{} is in none of the domains that are answered by mail (reply.domains): check it and send the text yourself.",
        crate::untrusted::Untrusted::new(&reply.to).shown(100)
    ))
}

/// The subject of an answer: the notice's own.
pub fn subject(reply: Option<&Reply>) -> String {
    let own = reply.map(|reply| one_line(&reply.subject)).unwrap_or_default();
    let is_answer = own.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("re:"));
    if is_answer { own } else { format!("Re: {own}") }
}

/// The draft with what was done to stop it, and when: after what still is to be completed, else before its end.
pub fn with_measures(letter: &str, deeds: Deeds<'_>) -> String {
    let measures: Vec<String> = deeds.0.iter().filter(|deed| deed.is_done()).filter_map(measure).collect();
    if measures.is_empty() {
        return letter.to_owned();
    }
    let measures = &measures[measures.len().saturating_sub(MEASURES_MAX)..];
    let told = format!("Measures taken so far, times in UTC:\n{}", measures.join("\n"));
    let mut paragraphs: Vec<&str> = letter.split("\n\n").collect();
    let gap = paragraphs.iter().position(|paragraph| paragraph.contains('['));
    let place = gap.map_or(paragraphs.len().saturating_sub(1), |gap| gap + 1);
    paragraphs.insert(place, &told);
    paragraphs.join("\n\n")
}

/// A deed as the reporter is told of it: no names of ours, and when.
fn measure(deed: &Deed) -> Option<String> {
    let what = match deed.action {
        Action::Isolate => "the instance was cut off from the network",
        Action::Restore => "the instance was connected to the network again",
        Action::Stop => "the process was stopped",
        Action::Continue => "the process was let go on",
        _ => return None,
    };
    Some(format!("- {}: {what}", words::utc(deed.at.into()).trim_end_matches(" UTC")))
}

/// The whole mail.
pub fn mail(from: &str, reply: &Reply, body: &str, date: &str) -> Vec<u8> {
    let mut head = format!("From: {}\r\nTo: {}\r\n", one_line(from), one_line(&reply.to));
    head.push_str(&format!("Subject: {}\r\nDate: {}\r\n", encoded(&subject(Some(reply))), one_line(date)));
    let mut references: Vec<String> = reply.references.iter().filter_map(|id| id_of(id)).collect();
    if let Some(id) = reply.in_reply_to.as_deref().and_then(id_of) {
        head.push_str(&format!("In-Reply-To: {id}\r\n"));
        references.retain(|known| *known != id);
        references.push(id);
    }
    if references.len() > REFERENCES_MAX {
        references.drain(1..references.len() - REFERENCES_MAX + 1);
    }
    if !references.is_empty() {
        // One to a line: no line grows too long.
        head.push_str(&format!("References: {}\r\n", references.join("\r\n ")));
    }
    head.push_str("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    let body = STANDARD.encode(body.replace("\r\n", "\n").replace('\n', "\r\n"));
    for line in body.as_bytes().chunks(76) {
        head.push_str(&String::from_utf8_lossy(line));
        head.push_str("\r\n");
    }
    head.into_bytes()
}

/// A message id in its brackets; none where the text is no id.
fn id_of(text: &str) -> Option<String> {
    let id = text.trim().trim_start_matches('<').trim_end_matches('>');
    let is_id = !id.is_empty()
        && id.len() < HEADER_MAX
        && id.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>".contains(&byte));
    is_id.then(|| format!("<{id}>"))
}

/// Nothing in it can begin another header.
fn one_line(text: &str) -> String {
    let line: String =
        text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    crate::untrusted::cut_bytes(line.trim(), HEADER_MAX).to_owned()
}

/// A header's text as RFC 2047 wants it where it is not plain.
fn encoded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let part = crate::untrusted::cut_bytes(rest, 42);
        words.push(format!("=?utf-8?B?{}?=", STANDARD.encode(part)));
        rest = &rest[part.len()..];
    }
    words.join("\r\n ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(address: &str) -> Reply {
        Reply {
            to: address.to_owned(),
            subject: "Your Amazon EC2 Abuse Report [12345]".to_owned(),
            in_reply_to: Some("<b@example.com>".to_owned()),
            references: vec!["<a@example.com>".to_owned()],
        }
    }

    fn settings() -> ReplyMail {
        ReplyMail { from: "abuse@example.com".to_owned(), domains: vec!["amazonaws.com".to_owned()] }
    }

    #[test]
    fn an_answer_goes_to_known_domains_only() {
        let check = |address: &str| recipient(Some(&to(address)), Some(&settings())).is_ok();
        assert!(check("ec2-abuse@amazonaws.com"));
        assert!(check("abuse@mail.AmazonAWS.com"));
        for bad in [
            "abuse@amazonaws.com.example.net",
            "abuse@notamazonaws.com",
            "x@evil.example,abuse@amazonaws.com",
            "x@evil.example@amazonaws.com",
            "@amazonaws.com",
            "abuse@amazonaws.com\r\nBcc: x@evil.example",
            "",
        ] {
            assert!(!check(bad), "{bad}");
        }
        assert!(recipient(None, Some(&settings())).is_err());
        assert!(recipient(Some(&to("a@amazonaws.com")), None).is_err());
    }

    #[test]
    fn an_answer_stays_in_the_notices_thread() {
        let raw = mail(
            "abuse@example.com",
            &to("a@amazonaws.com"),
            "Hello,\n\ngrüße",
            "Sat, 21 Nov 2026 10:00:00 +0000",
        );
        let text = String::from_utf8(raw).expect("text");
        assert!(text.contains("Subject: Re: Your Amazon EC2 Abuse Report [12345]\r\n"), "{text}");
        assert!(text.contains("In-Reply-To: <b@example.com>\r\n"), "{text}");
        assert!(text.contains("References: <a@example.com>\r\n <b@example.com>\r\n"), "{text}");
        let body = text.split_once("\r\n\r\n").expect("a body").1.replace("\r\n", "");
        assert_eq!(STANDARD.decode(body).expect("base64"), "Hello,\r\n\r\ngrüße".as_bytes());
        assert_eq!(subject(Some(&Reply { subject: "RE: x".to_owned(), ..to("a@b") })), "RE: x");
    }

    #[test]
    fn the_draft_says_what_was_stopped_and_when() {
        use crate::case::DeedState;
        let letter = "Hello,\n\nWhat we did: [what was stopped]\n\nOur reference is GS-1.\n";
        let deed = |action, state, second| Deed {
            state,
            ..Deed::begun(action, 0, "U1", jiff::Timestamp::from_second(second).expect("time"))
        };
        let mut deeds =
            vec![deed(Action::Take, DeedState::Done, 1), deed(Action::Stop, DeedState::Failed, 2)];
        assert_eq!(with_measures(letter, Deeds(&deeds)), letter, "nothing was stopped");
        deeds.push(deed(Action::Isolate, DeedState::Done, 1_795_255_200));
        deeds.push(deed(Action::Stop, DeedState::Done, 1_795_255_260));
        let told = with_measures(letter, Deeds(&deeds));
        assert_eq!(
            told,
            "Hello,\n\nWhat we did: [what was stopped]\n\nMeasures taken so far, times in UTC:\n\
             - 2026-11-21 10:00:00: the instance was cut off from the network\n\
             - 2026-11-21 10:01:00: the process was stopped\n\nOur reference is GS-1.\n"
        );
        let whole = with_measures("Hello,\n\nBye", Deeds(&deeds));
        assert!(whole.starts_with("Hello,\n\nMeasures") && whole.ends_with("\n\nBye"), "{whole}");
    }

    #[test]
    fn nothing_that_a_notice_says_begins_another_header() {
        let mut reply = to("a@amazonaws.com");
        reply.subject = "x\r\nBcc: evil@example.net\r\n\r\nbody é".to_owned();
        reply.in_reply_to = Some("a>\r\nBcc: evil@example.net".to_owned());
        reply.references = vec!["<b c>".to_owned(); 100];
        let raw = String::from_utf8(mail("abuse@example.com", &reply, "x", "now\r\nBcc: y")).expect("text");
        assert!(raw.lines().all(|line| !line.starts_with("Bcc")), "{raw}");
        assert!(raw.lines().all(|line| line.len() < 998));
    }
}
