//! Mail: headers, bodies, attachments, messages inside messages.
//!
//! The MIME rules themselves are `mail-parser`'s; here is only what to read and in which role.

use jiff::Timestamp;
use mail_parser::HeaderValue;
use mail_parser::Message;
use mail_parser::MessageParser;
use mail_parser::MessagePart;
use mail_parser::MimeHeaders;
use mail_parser::PartType;
use serde_json::Value;

use super::address;
use super::document::MailHeaders;
use super::document::SectionRole;
use super::flowed;
use super::forwarded;
use super::forwarded::Forwarded;
use super::limits;
use super::mail_bounds;
use super::refang::refang;
use super::resource;
use super::unwrap::Place;
use super::unwrap::Unwrapper;

/// Header names of which a mail has at least one.
const KNOWN_HEADERS: [&str; 13] = [
    "from",
    "to",
    "subject",
    "date",
    "received",
    "message-id",
    "return-path",
    "delivered-to",
    "mime-version",
    "content-type",
    "x-original-to",
    "reply-to",
    "content-transfer-encoding",
];

/// Says whether bytes begin with a header block.
pub(super) fn looks_like_mail(bytes: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(8192)]);
    let mut headers = 0;
    let mut known = 0;
    let mut broken = 0;
    for (index, line) in head.trim_start_matches(['\u{feff}', '\r', '\n']).lines().enumerate() {
        if line.trim().is_empty() || index > 200 {
            break;
        }
        let is_mbox = index == 0 && line.starts_with("From ");
        if is_mbox || line.starts_with([' ', '\t']) {
            continue;
        }
        match line.split_once(':') {
            Some((name, _)) if is_header_name(name) => {
                headers += 1;
                known += usize::from(KNOWN_HEADERS.contains(&name.to_ascii_lowercase().as_str()));
            }
            _ if headers == 0 => return false,
            _ => broken += 1,
        }
    }
    known > 0 && broken * 3 <= headers
}

fn is_header_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 76 && name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Opens a mail; false when it turns out to be none.
pub(super) fn open(unwrapper: &mut Unwrapper, bytes: &[u8], place: &Place) -> bool {
    let start =
        bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n' | 0xef | 0xbb | 0xbf)).unwrap_or(0);
    let mut bytes = &bytes[start..];
    if bytes.starts_with(b"From ") {
        bytes = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes, |end| &bytes[end + 1..]);
    }
    let (bytes, is_cut) = mail_bounds::within(bytes);
    let Some(message) = MessageParser::default().parse(&bytes[..]) else {
        return false;
    };
    let is_bare_fields = message.subject().is_none() && message.from().is_none();
    if is_bare_fields && message.parts.iter().all(|part| part.contents().iter().all(u8::is_ascii_whitespace))
    {
        return false;
    }
    if is_cut {
        unwrapper.document.leave_out("part of the notice was not read: too many parts or headers of a mail");
    }
    open_message(unwrapper, &message, place);
    true
}

fn open_message(unwrapper: &mut Unwrapper, message: &Message<'_>, place: &Place) {
    let nested = !unwrapper.document.mails.is_empty();
    let headers = headers(message);
    if !nested
        && place.depth < limits::DEPTH_MAX
        && let Some(inner) = passed_on(message)
    {
        unwrapper.document.passed_on_by.get_or_insert(headers);
        return match inner {
            PassedOn::Parsed(inner) => open_message(unwrapper, inner, &place.inside("passed on")),
            PassedOn::Bytes(inner) => unwrapper.open(inner, &place.inside("passed on")),
        };
    }
    let forwarded =
        (!nested && !is_reply(&headers.subject)).then(|| forwarded_text(unwrapper, message, place));
    let (headers, forwarded) = match forwarded.flatten() {
        Some(inner) => {
            let outer = unwrapper.document.passed_on_by.get_or_insert(headers);
            (headers_of(&inner, outer), Some(inner.body))
        }
        None => (headers, None),
    };
    let is_report = unwrapper.document.mails.iter().any(|mail| mail.feedback_report || mail.xarf);
    let role = match (nested, is_report || place.role == SectionRole::Evidence) {
        (false, _) => SectionRole::Body,
        (true, false) => SectionRole::Nested,
        (true, true) => SectionRole::Evidence,
    };
    let subject_role = if nested { role } else { SectionRole::Subject };
    let subject_name = if nested { "subject of an inner message" } else { "subject" };
    unwrapper.add_section(&place.inside_as(subject_role, subject_name), &headers.subject);
    if nested {
        unwrapper.add_section(&place.inside_as(role, "way of an inner message"), &way_of(message));
    }
    if !nested && !headers.to.is_empty() && headers.to.contains(" IP") {
        unwrapper.add_section(&place.inside_as(SectionRole::Subject, "to"), &headers.to);
    }
    unwrapper.document.mails.push(headers);
    if let (false, Some(outer)) = (nested, &unwrapper.document.passed_on_by) {
        // Answers to who passed it on belong to the same case.
        let ids: Vec<String> = outer.message_id.iter().chain(&outer.references).cloned().collect();
        unwrapper.document.mails[0].references.extend(ids);
    }
    if unwrapper.document.mails.len() > limits::DEPTH_MAX * 2 {
        unwrapper.document.leave_out_parts();
        return;
    }
    let body_name = if nested { "inner message" } else { "body" };
    let bodies = place.inside_as(role, body_name);
    match forwarded {
        Some(text) => unwrapper.open_text(&text, &bodies),
        None => open_bodies(unwrapper, message, &bodies),
    }
    for id in &message.attachments {
        if unwrapper.is_full() {
            return;
        }
        if let Some(part) = message.parts.get(*id as usize) {
            open_attachment(unwrapper, part, place, role);
        }
    }
}

/// Relays of a mail inside a mail that are kept.
const RELAYS_MAX: usize = 12;

/// Returns by which way a mail came, as its relays wrote it.
fn way_of(message: &Message<'_>) -> String {
    let headers = message.headers_raw().filter(|(name, _)| name.eq_ignore_ascii_case("received"));
    let lines = headers.take(RELAYS_MAX).map(|(_, value)| format!("Received: {}\n", unfolded(value)));
    lines.collect()
}

/// Returns the value of a header in one line.
fn unfolded(value: &str) -> String {
    value.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A mail inside a mail.
enum PassedOn<'a> {
    Parsed(&'a Message<'a>),
    Bytes(&'a [u8]),
}

/// Returns the mail that another only passes on: its one attachment, where the other's own words name nobody. What a
/// report attaches (ARF, X-ARF) is evidence, not the notice.
fn passed_on<'a>(message: &'a Message<'a>) -> Option<PassedOn<'a>> {
    if message.content_type().is_some_and(|kind| kind.c_subtype.as_deref() == Some("report")) {
        return None;
    }
    let bodies = message.text_bodies().chain(message.html_bodies()).take(limits::PARTS_MAX);
    let says = |part: &MessagePart<'_>| match &part.body {
        PartType::Text(text) | PartType::Html(text) => !is_about_nobody(text),
        _ => false,
    };
    if bodies.into_iter().any(says) {
        return None;
    }
    let mut inner = None;
    for id in &message.attachments {
        let part = message.parts.get(*id as usize)?;
        let found = match &part.body {
            PartType::Message(inner) => PassedOn::Parsed(inner),
            PartType::Binary(bytes) | PartType::InlineBinary(bytes) if is_mail_file(part) => {
                PassedOn::Bytes(bytes)
            }
            _ if is_ornament(part) => continue,
            _ => return None,
        };
        if inner.replace(found).is_some() {
            return None;
        }
    }
    inner
}

/// Returns the mail that the text of another only passes on.
fn forwarded_text(unwrapper: &mut Unwrapper, message: &Message<'_>, place: &Place) -> Option<Forwarded> {
    let text = match &message.text_bodies().next()?.body {
        PartType::Text(text) => text.to_string(),
        PartType::Html(text) => unwrapper.words_of(place, text),
        _ => return None,
    };
    forwarded::find(&text, is_about_nobody)
}

/// The headers of a mail that stands in another's text.
fn headers_of(inner: &Forwarded, outer: &MailHeaders) -> MailHeaders {
    MailHeaders {
        subject: inner.subject.clone(),
        from: inner.from.clone(),
        reply_to: inner.from.clone(),
        to: inner.to.clone(),
        date: inner.date.or(outer.date),
        ..MailHeaders::default()
    }
}

fn is_reply(subject: &str) -> bool {
    let start = subject.trim_start().to_ascii_lowercase();
    ["re:", "aw:", "sv:", "antw:", "odp:"].iter().any(|mark| start.starts_with(mark))
}

/// Whether a text names no address and no instance.
fn is_about_nobody(text: &str) -> bool {
    let names = |line: &str| !address::find(line).is_empty() || !resource::instances(line).is_empty();
    // Most texts that name any name one as it is, and early.
    !text.lines().any(names) && !refang(text).lines().any(names)
}

fn is_mail_file(part: &MessagePart<'_>) -> bool {
    let is_named = part.attachment_name().is_some_and(|name| name.to_ascii_lowercase().ends_with(".eml"));
    is_named && looks_like_mail(part.contents())
}

/// Opens the plain texts of a message, or the HTML ones when the plain ones say nothing.
fn open_bodies(unwrapper: &mut Unwrapper, message: &Message<'_>, place: &Place) {
    let (mut plain_len, mut plain_names) = (0, false);
    for part in message.text_bodies() {
        let is_text = matches!(part.body, PartType::Text(_) | PartType::Html(_));
        if is_text && !unwrapper.may_open(place) {
            return;
        }
        match &part.body {
            PartType::Text(text) if is_attached(part) => {
                let name = part.attachment_name().unwrap_or("attachment").to_owned();
                let role = attachment_role(place.role, part, &name);
                unwrapper.open_text(text, &place.inside_as(role, &name));
            }
            PartType::Text(text) => {
                plain_len += text.trim().len();
                plain_names |= !is_about_nobody(text);
                let is_flowed =
                    part.content_type().is_some_and(|kind| kind.attribute("format") == Some("flowed"));
                let text = if is_flowed { flowed::joined(text) } else { text.as_ref().into() };
                unwrapper.open_text(&text, place);
            }
            PartType::Html(text) => {
                plain_len += text.len();
                unwrapper.add_html(place, text);
            }
            PartType::Binary(bytes) | PartType::InlineBinary(bytes) => unwrapper.open(bytes, place),
            PartType::Message(_) | PartType::Multipart(_) => {}
        }
    }
    for part in message.html_bodies() {
        if let PartType::Html(text) = &part.body
            && (plain_len < 200 || !plain_names)
        {
            if !unwrapper.may_open(place) {
                return;
            }
            let plain = unwrapper.words_of(place, text);
            if plain.len() > plain_len * 2 || !plain_names && !is_about_nobody(&plain) {
                unwrapper.add_section(&place.inside("html body"), &plain);
            }
        }
    }
}

fn is_attached(part: &MessagePart<'_>) -> bool {
    part.attachment_name().is_some() || is_type(part, "text", "csv")
}

fn is_type(part: &MessagePart<'_>, main: &str, sub: &str) -> bool {
    let is_sub = |kind: &str| kind.eq_ignore_ascii_case(sub);
    is_of_type(part, main)
        && part.content_type().and_then(|kind| kind.c_subtype.as_deref()).is_some_and(is_sub)
}

fn attachment_role(role: SectionRole, part: &MessagePart<'_>, name: &str) -> SectionRole {
    let is_headers = is_type(part, "text", "rfc822-headers") || name.to_ascii_lowercase().contains("header");
    match role {
        _ if is_headers => SectionRole::Evidence,
        SectionRole::Evidence => SectionRole::Evidence,
        _ => SectionRole::Attachment,
    }
}

fn open_attachment(unwrapper: &mut Unwrapper, part: &MessagePart<'_>, place: &Place, outer: SectionRole) {
    let name = part.attachment_name().unwrap_or("attachment").to_owned();
    let inner = place.inside_as(attachment_role(outer, part, &name), &name);
    match &part.body {
        PartType::Message(message) => open_message(unwrapper, message, &inner),
        PartType::Text(text) if unwrapper.may_open(&inner) => unwrapper.open_text(text, &inner),
        PartType::Html(text) if unwrapper.may_open(&inner) => unwrapper.add_html(&inner, text),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => {
            unwrapper.document.has_pictures |= is_picture(part);
            if !is_ornament(part) {
                unwrapper.open(bytes, &inner);
            }
        }
        PartType::Text(_) | PartType::Html(_) | PartType::Multipart(_) => {}
    }
}

/// Whether a part is a picture, a sound or a signature.
fn is_ornament(part: &MessagePart<'_>) -> bool {
    let is_sound = ["audio", "video", "font"].iter().any(|it| is_of_type(part, it));
    let is_signature = part.attachment_name().is_some_and(|name| name.ends_with(".p7s"));
    is_picture(part) || is_sound || is_signature || is_type(part, "application", "pgp-signature")
}

fn is_picture(part: &MessagePart<'_>) -> bool {
    is_of_type(part, "image")
}

fn is_of_type(part: &MessagePart<'_>, main: &str) -> bool {
    part.content_type().is_some_and(|kind| kind.c_type.eq_ignore_ascii_case(main))
}

fn headers(message: &Message<'_>) -> MailHeaders {
    let address = |found: Option<&mail_parser::Address<'_>>| {
        let first =
            found.and_then(|list| list.first()).and_then(|it| it.address().map(str::to_ascii_lowercase));
        first.unwrap_or_default()
    };
    let raw = |name: &str| -> Vec<String> {
        let found = message.headers_raw().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| unfolded(value)).take(20).collect()
    };
    // A group that stands for a mailbox sends mails on in its own name, and notes who wrote them.
    let written_by = ["x-original-from", "x-original-sender"].into_iter().flat_map(&raw).find_map(mailbox);
    let from = written_by.clone().unwrap_or_else(|| address(message.from()));
    let reply_to = address(message.reply_to());
    let is_of_list = !raw("list-id").is_empty() || !raw("list-post").is_empty();
    let content_type = raw("content-type").join(" ").to_ascii_lowercase();
    let auto_submitted = raw("auto-submitted").join(" ").to_ascii_lowercase();
    let yes = |name: &str| raw(name).first().is_some_and(|it| !it.eq_ignore_ascii_case("no"));
    MailHeaders {
        subject: message.subject().unwrap_or_default().to_owned(),
        reply_to: if reply_to.is_empty() { from.clone() } else { reply_to },
        from,
        to: raw("to").join(", "),
        copy_to: ["cc", "bcc"].map(|name| raw(name).join(", ")).join(", "),
        delivered_to: delivered_to(raw),
        is_of_list: is_of_list && written_by.is_none(),
        is_relayed: RECEIVERS.iter().any(|name| !raw(name).is_empty()),
        date: message.date().filter(|date| date.is_valid()).and_then(date_header),
        message_id: message.message_id().map(str::to_owned),
        references: [message.references(), message.in_reply_to()].into_iter().flat_map(ids).collect(),
        auth_results: raw("authentication-results"),
        auto_reply: auto_submitted.starts_with("auto-replied") || yes("x-autoreply") || yes("x-autorespond"),
        bounce: content_type.contains("delivery-status"),
        feedback_report: content_type.contains("feedback-report"),
        xarf: yes("x-xarf") || yes("x-arf"),
    }
}

/// Headers that only who receives a mail writes.
const RECEIVERS: [&str; 7] = [
    "received",
    "return-path",
    "delivered-to",
    "x-original-to",
    "received-spf",
    "authentication-results",
    "x-original-sender",
];

/// Returns the address in a header, in lower case.
fn mailbox(header: String) -> Option<String> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "@.-_+=".contains(letter);
    let mut words = header.split(|letter| !is_part(letter)).filter(|word| word.len() > 2);
    words
        .rfind(|word| word.find('@').is_some_and(|at| at > 0 && at + 1 < word.len()))
        .map(str::to_ascii_lowercase)
}

/// Returns where a mail was delivered: what the receiving side noted, and whom the topmost relay took it for.
fn delivered_to(raw: impl Fn(&str) -> Vec<String>) -> Vec<String> {
    let taken = raw("received").into_iter().next().unwrap_or_default();
    let taken_for = taken.split(" for ").nth(1).and_then(|rest| rest.split([';', ' ']).next());
    let noted = raw("delivered-to").into_iter().chain(raw("x-original-to"));
    noted.chain(taken_for.map(str::to_owned)).take(MAILBOXES_MAX).collect()
}

/// Mailboxes of one mail that are kept.
pub(super) const MAILBOXES_MAX: usize = 20;

fn ids(value: &HeaderValue<'_>) -> Vec<String> {
    match value {
        HeaderValue::Text(text) => vec![text.to_string()],
        HeaderValue::TextList(list) => list.iter().take(100).map(ToString::to_string).collect(),
        _ => Vec::new(),
    }
}

fn date_header(date: &mail_parser::DateTime) -> Option<(Timestamp, i32)> {
    let offset = (i32::from(date.tz_hour) * 3600 + i32::from(date.tz_minute) * 60)
        * if date.tz_before_gmt { -1 } else { 1 };
    Timestamp::from_second(date.to_timestamp()).ok().map(|at| (at, offset))
}

/// Makes headers of what SES tells of a mail that lies elsewhere.
pub(super) fn headers_from_ses(mail: &Value) -> MailHeaders {
    let common = &mail["commonHeaders"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let from = text(&common["from"][0]);
    let bare = from.rsplit_once('<').map_or(from.as_str(), |(_, rest)| rest.trim_end_matches('>'));
    let date = jiff::fmt::rfc2822::parse(&text(&common["date"])).ok();
    MailHeaders {
        subject: text(&common["subject"]),
        from: bare.to_ascii_lowercase(),
        reply_to: bare.to_ascii_lowercase(),
        to: text(&common["to"][0]),
        date: date.map(|at| (at.timestamp(), at.offset().seconds())),
        message_id: common["messageId"].as_str().map(|id| id.trim_matches(['<', '>']).to_owned()),
        ..MailHeaders::default()
    }
}
