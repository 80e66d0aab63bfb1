//! What unwrapping leaves: the texts, structured values and mail headers of one notice.
//!
//! Holds data only. It knows nothing of what a text means.

use jiff::Timestamp;
use serde_json::Value;

use super::checkbox::ticked_only;
use super::limits;
use super::refang::refang;

/// Everything readable that was found inside one notice.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// Mail headers, outermost first.
    pub mails: Vec<MailHeaders>,
    /// Readable texts, in the order in which a person would meet them.
    pub sections: Vec<Section>,
    /// Structured values that are not merely envelopes.
    pub values: Vec<Value>,
    /// What SES said of the mail, when it came through SES.
    pub receipt: Option<Receipt>,
    /// The mailboxes for which SES took the mail.
    pub delivered_to: Vec<String>,
    /// Who passed the mail on as an attachment of a mail that says nothing itself.
    pub passed_on_by: Option<MailHeaders>,
    /// Where the mail lies when the notice only points at it.
    pub stored_at: Option<String>,
    /// A part of it was not read: packed too tightly, encrypted, or too deep.
    pub is_incomplete: bool,
    /// It carries pictures, which are not read.
    pub has_pictures: bool,
    /// It tells of a mail and does not hold it.
    pub lacks_mail: bool,
    /// Limits reached and oddities met.
    pub warnings: Vec<String>,
    /// How much text its sections hold, bytes.
    pub text_bytes: usize,
}

impl Document {
    /// Returns the outermost mail.
    pub fn outer_mail(&self) -> Option<&MailHeaders> {
        self.mails.first()
    }

    /// Keeps a text for reading, its long middle left out.
    pub fn add_section(&mut self, role: SectionRole, name: &str, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        let left = limits::TEXT_BYTES_MAX.saturating_sub(self.text_bytes);
        let (kept, cut) = head_and_tail(text, left);
        if cut {
            self.warn(format!("only the beginning and the end of a long text ({name}) were read"));
        }
        self.text_bytes += kept.len();
        self.sections.push(Section { role, name: name.to_owned(), text: refang(&ticked_only(&kept)) });
    }

    /// Says that a part was not read, and why.
    pub fn leave_out(&mut self, text: impl Into<String>) {
        self.is_incomplete = true;
        self.warn(text);
    }

    /// Says that parts were not read since they lie too deep or are too many.
    pub fn leave_out_parts(&mut self) {
        self.leave_out("part of the notice was not read: too deep or too many parts");
    }

    /// Says something once.
    pub fn warn(&mut self, text: impl Into<String>) {
        let text = text.into();
        if self.warnings.len() < 50 && !self.warnings.contains(&text) {
            self.warnings.push(text);
        }
    }
}

/// Returns what of a long text is read, and whether something was left out.
fn head_and_tail(text: &str, left: usize) -> (String, bool) {
    let budget = (limits::TEXT_HEAD_BYTES + limits::TEXT_TAIL_BYTES).min(left);
    let (mut head, mut tail) = (text, text);
    if text.len() > budget {
        head = &text[..text.floor_char_boundary(budget * 3 / 4)];
        tail = &text[text.ceil_char_boundary(text.len() - budget / 4)..];
    } else if text.match_indices('\n').nth(limits::LINES_MAX).is_none() {
        return (text.to_owned(), false);
    }
    if let Some((end, _)) = head.match_indices('\n').nth(limits::LINES_MAX / 4 * 3) {
        head = &head[..end];
    }
    if let Some((start, _)) = tail.rmatch_indices('\n').nth(limits::LINES_MAX / 4) {
        tail = &tail[start + 1..];
    }
    (format!("{head}\n{tail}"), true)
}

/// One readable text.
#[derive(Debug)]
pub(super) struct Section {
    /// What part of the notice it is.
    pub role: SectionRole,
    /// A name for a person: `subject`, `body`, an attachment's file name.
    pub name: String,
    /// The text, with defanged addresses restored.
    pub text: String,
}

/// What part of a notice a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SectionRole {
    /// The Subject header of the outermost mail.
    Subject,
    /// The text a person reads first.
    Body,
    /// An attached report, log or table.
    Attachment,
    /// The subject or text of a message inside the message.
    Nested,
    /// The offending message itself: what was sent, not who says so.
    Evidence,
}

/// The headers of one mail that anything here asks for.
#[derive(Debug, Default, Clone)]
pub(super) struct MailHeaders {
    /// Subject, decoded.
    pub subject: String,
    /// Address in From, lower case.
    pub from: String,
    /// Address to answer to: Reply-To, else From.
    pub reply_to: String,
    /// To, as written.
    pub to: String,
    /// Cc and Bcc, as written.
    pub copy_to: String,
    /// The mailboxes in which it was put, as the receiving side noted.
    pub delivered_to: Vec<String>,
    /// A mailing list sent it out, and no group that stands for a mailbox.
    pub is_of_list: bool,
    /// Somebody received it: it is no copy that lay where it was written.
    pub is_relayed: bool,
    /// Date, and its offset from UTC in seconds.
    pub date: Option<(Timestamp, i32)>,
    /// Message-ID without brackets.
    pub message_id: Option<String>,
    /// In-Reply-To and References, oldest first.
    pub references: Vec<String>,
    /// Authentication-Results, topmost first.
    pub auth_results: Vec<String>,
    /// Auto-Submitted and its older relatives say that a machine answers.
    pub auto_reply: bool,
    /// It is a delivery status report.
    pub bounce: bool,
    /// It is an ARF report (RFC 5965).
    pub feedback_report: bool,
    /// It says that it carries an X-ARF report.
    pub xarf: bool,
}

impl MailHeaders {
    /// Returns the domain of From.
    pub fn sender_domain(&self) -> &str {
        self.from.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// The verdicts that SES attached on receipt.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Receipt {
    /// SPF passed.
    pub spf: bool,
    /// DKIM passed.
    pub dkim: bool,
    /// DMARC passed.
    pub dmarc: bool,
    /// DMARC failed: whoever owns the sender's domain says that it is forged.
    pub is_forged: bool,
}
