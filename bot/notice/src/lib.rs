//! Notices: bytes to claims. Pure; no I/O. Knows neither AWS's clients nor cases.
//!
//! [`read`] goes one way: `unwrap` takes envelopes off and leaves a `Document` of texts and
//! structured values; recognisers, one file a format, make drafts of them; `join` makes one
//! [`Reading`] of the drafts. Nothing is ever dropped: what cannot be read is said to be unreadable.

mod activity;
mod address;
mod alarm;
mod appeal;
mod archive;
mod asff;
mod blocks;
mod caution;
mod checkbox;
pub mod claim;
mod claims;
mod clock_rows;
mod closed;
mod cms;
mod complaint;
mod courtesy;
mod cue;
mod document;
mod domain;
mod doubt;
mod draft;
mod envelope_only;
mod exculpation;
mod field_name;
mod flatten;
mod flow_log;
mod flowed;
mod forwarded;
mod groups;
mod guardduty;
mod heading;
mod health;
mod html;
mod join;
mod json;
mod label;
mod limits;
mod lines;
mod links;
mod list_intro;
mod mail_bounds;
mod mime;
mod moment;
mod not_ours;
mod own;
mod parties;
mod pattern;
mod ports;
#[doc(hidden)]
pub mod probe;
mod provider;
mod reading;
mod received;
mod record;
mod refang;
mod relative;
mod report_fields;
mod resource;
mod roles;
mod row_claims;
mod rows;
mod said;
mod sender_side;
mod sentence;
mod settle;
mod sheet;
mod spans;
mod standing;
mod table;
mod tally;
mod text;
mod thread;
mod time;
mod trace;
mod trust;
mod unwrap;
mod uuencode;
mod verdict;
mod vocabulary;
mod when;
mod xarf;

pub use label::Role;
pub use reading::Fact;
pub use reading::Reading;
pub use reading::Reply;
pub use reading::Stage;
pub use reading::ThreadKeys;
pub use reading::Trust;

use claim::Parsed;

/// What is known beside the bytes of a notice.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// When the notice arrived, for years and zones that it leaves out.
    pub received: Option<jiff::Timestamp>,
    /// Addresses and prefixes known to be ours; they settle who is accused.
    pub own_addresses: Vec<ipnet::IpNet>,
    /// No other address that the notice names is ours: every account was looked at.
    pub own_is_complete: bool,
    /// The mail that the message only points at ([`Reading::stored_at`]), once it was fetched.
    pub mail: Option<Vec<u8>>,
}

/// Reads one notice: a raw mail, an SQS/SNS/EventBridge body, a finding, a log extract.
pub fn parse(bytes: &[u8], context: &Context) -> Parsed {
    read(bytes, context).parsed
}

/// Reads one notice, with where each fact was read and what joins it to others.
pub fn read(bytes: &[u8], context: &Context) -> Reading {
    reading_of(context, || match &context.mail {
        Some(mail) => unwrap::unwrap_stored(bytes, mail),
        None => unwrap::unwrap(bytes),
    })
}

/// Reads what was opened. Libraries open most of it (mail, archives, markup), and a notice is foreign bytes: where one
/// of them panics, the notice is one that nobody could read, and a person hears of it.
fn reading_of(context: &Context, open: impl FnOnce() -> document::Document) -> Reading {
    let read = std::panic::AssertUnwindSafe(|| join::read(open(), context));
    std::panic::catch_unwind(read).unwrap_or_else(|_| {
        let mut document = document::Document::default();
        document.leave_out("reading the notice failed inside a library; see the log");
        join::read(document, context)
    })
}

#[cfg(test)]
mod tests {
    use super::Context;
    use super::claim::Disposition;
    use super::reading_of;

    #[test]
    fn what_makes_a_library_fail_is_unreadable_and_said() {
        let reading = reading_of(&Context::default(), || panic!("as a library might"));
        assert_eq!(reading.parsed.disposition, Disposition::Unreadable);
        assert!(reading.parsed.warnings.iter().any(|it| it.contains("failed")), "{:?}", reading.parsed);
    }
}
