//! Notices: bytes to claims. Pure; no I/O.

use crate::case::Parsed;

/// What is known beside the bytes of a notice.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// When the notice arrived, for years and zones that it leaves out.
    pub received: Option<jiff::Timestamp>,
    /// Addresses and prefixes known to be ours; they settle who is accused.
    pub own_addresses: Vec<ipnet::IpNet>,
}

/// Reads one notice: a raw mail, an SQS/SNS/EventBridge body, a finding, a log extract.
pub fn parse(_bytes: &[u8], _context: &Context) -> Parsed {
    Parsed {
        format: "generic".to_owned(),
        disposition: crate::case::Disposition::Unreadable,
        case_id: None,
        deadline: None,
        claims: Vec::new(),
        warnings: Vec::new(),
    }
}
