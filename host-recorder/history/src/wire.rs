//! The compact form of requests and evidence: one line of printable ASCII each.
//!
//! A request is `base64url(JSON)` without padding, so that it passes the SSM document's allowedPattern.
//! Evidence is `GUMSHOE-EVIDENCE-1 ` and `base64url(zstd(JSON))`. It is cut to a limit by leaving out whole
//! items, least telling first, and every item left out is counted in [`Evidence::omitted`].
//!
//! An answer that is longer than what a list of SSM's invocations shows has a brief line before the whole one, the same
//! evidence cut to that: of many hosts that are asked alike, those with nothing to tell need no call of their own.

use std::collections::BTreeSet;
use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use thiserror::Error;

use crate::evidence::Evidence;
use crate::evidence::Omission;
use crate::evidence::Request;
use crate::evidence::VERSION;
use crate::id::ProcessId;

/// What SSM returns of a command's output, bytes; one more line end is left room for.
pub const SSM_LIMIT: usize = 23_900;

/// What a list of SSM's invocations shows of each output, less than its 2,500 characters, bytes.
pub const LISTED_LIMIT: usize = 2_400;

/// Largest JSON that is unpacked, bytes.
const JSON_LIMIT: u64 = 16 << 20;

/// Largest request, bytes of base64.
pub(crate) const REQUEST_LIMIT: usize = 4_096;

const MAGIC: &str = "GUMSHOE-EVIDENCE-1 ";

const ZSTD_LEVEL: i32 = 12;

/// Why a line is no request or no evidence.
#[derive(Debug, Error)]
pub enum WireError {
    /// Larger than anything we send.
    #[error("{what} is larger than {limit} bytes")]
    TooLarge {
        /// Request or evidence.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// The first word is not ours: another program's output, or a newer version.
    #[error("the answer does not begin with {MAGIC:?}")]
    NoEvidence,
    /// Cut off on its way.
    #[error("the answer was cut off by SSM")]
    Truncated,
    /// Pages that are not of one answer, or not all of its.
    #[error("the pages do not make one answer")]
    Pages,
    /// No base64url.
    #[error("not base64url: {0}")]
    Base64(#[from] base64::DecodeError),
    /// Not decompressible.
    #[error("cannot decompress: {0}")]
    Zstd(#[from] std::io::Error),
    /// No JSON of the expected shape.
    #[error("cannot read JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Another version.
    #[error("version {0}; this program speaks {VERSION}")]
    Version(u32),
    /// It cannot be made small enough.
    #[error("evidence does not fit {0} bytes even without its lists")]
    Limit(usize),
}

/// Writes a request as one line.
pub fn encode_request(request: &Request) -> Result<String, WireError> {
    let line = URL_SAFE_NO_PAD.encode(serde_json::to_vec(request)?);
    if line.len() > REQUEST_LIMIT {
        return Err(WireError::TooLarge { what: "request", limit: REQUEST_LIMIT as u64 });
    }
    Ok(line)
}

/// Reads a request.
pub fn decode_request(line: &str) -> Result<Request, WireError> {
    if line.len() > REQUEST_LIMIT {
        return Err(WireError::TooLarge { what: "request", limit: REQUEST_LIMIT as u64 });
    }
    let request: Request = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(line.trim())?)?;
    if request.version != VERSION {
        return Err(WireError::Version(request.version));
    }
    Ok(request)
}

/// Writes evidence as one line of at most `limit` bytes.
pub fn encode_evidence(evidence: &Evidence, limit: usize) -> Result<String, WireError> {
    let mut line = pack(evidence)?;
    let mut cut = evidence.clone();
    while line.len() > limit {
        if !cut_once(&mut cut) {
            return Err(WireError::Limit(limit));
        }
        line = pack(&cut)?;
    }
    Ok(line)
}

/// Writes evidence as a host answers it over SSM: the whole within SSM's limit, with a brief line before it where the
/// whole is longer than a list shows.
pub fn encode_answer(evidence: &Evidence) -> Result<String, WireError> {
    let whole = pack(evidence)?;
    if whole.len() <= LISTED_LIMIT {
        return Ok(whole);
    }
    match encode_evidence(&brief(evidence), LISTED_LIMIT) {
        Ok(brief) => {
            let whole = encode_evidence(evidence, SSM_LIMIT - brief.len() - 1)?;
            Ok(format!("{brief}\n{whole}"))
        }
        // Gaps and losses alone are more than a list shows.
        Err(WireError::Limit(_)) => encode_evidence(evidence, SSM_LIMIT),
        Err(error) => Err(error),
    }
}

/// What of evidence says whether there is anything to tell: coverage, the activities that match most, and operations that
/// hide traffic. Everything else is left out, and counted.
fn brief(evidence: &Evidence) -> Evidence {
    const ACTIVITIES: usize = 4;
    const OPERATIONS: usize = 4;
    let mut brief = evidence.clone();
    let omitted = &mut brief.omitted;
    // Those that match most stand first, as do critical operations.
    drop_after(&mut brief.activities, ACTIVITIES, "activities", omitted);
    drop_after(&mut brief.operations, OPERATIONS, "operations", omitted);
    drop_after(&mut brief.processes, 0, "processes", omitted);
    drop_after(&mut brief.exits, 0, "exits", omitted);
    drop_after(&mut brief.logins, 0, "logins", omitted);
    drop_after(&mut brief.samples, 0, "samples", omitted);
    drop_after(&mut brief.dns, 0, "DNS messages", omitted);
    drop_after(&mut brief.habits, 0, "habits", omitted);
    brief
}

/// The brief line of an answer of which only the beginning is there; none where that holds no whole line.
pub fn brief_line(beginning: &str) -> Option<&str> {
    let (line, _) = beginning.split_once('\n')?;
    line.starts_with(MAGIC).then_some(line)
}

/// Reads evidence from a command's output: its last line, before which a brief one may stand. Text before or after is
/// ignored.
pub fn decode_evidence(output: &str) -> Result<Evidence, WireError> {
    let (_, rest) = output.rsplit_once(MAGIC).ok_or(WireError::NoEvidence)?;
    let body = rest.split_ascii_whitespace().next().unwrap_or_default();
    if body.contains("--output") {
        return Err(WireError::Truncated);
    }
    let packed = URL_SAFE_NO_PAD.decode(body)?;
    let mut json = Vec::new();
    zstd::Decoder::new(packed.as_slice())?.take(JSON_LIMIT + 1).read_to_end(&mut json)?;
    if json.len() as u64 > JSON_LIMIT {
        return Err(WireError::TooLarge { what: "evidence", limit: JSON_LIMIT });
    }
    let evidence: Evidence = serde_json::from_slice(&json)?;
    if evidence.version != VERSION {
        return Err(WireError::Version(evidence.version));
    }
    Ok(evidence)
}

fn pack(evidence: &Evidence) -> Result<String, WireError> {
    let packed = zstd::encode_all(serde_json::to_vec(evidence)?.as_slice(), ZSTD_LEVEL)?;
    Ok(format!("{MAGIC}{}", URL_SAFE_NO_PAD.encode(packed)))
}

/// Leaves out the least telling part that is left; false when there is none.
fn cut_once(evidence: &mut Evidence) -> bool {
    let matched = evidence.activities.iter().filter(|activity| activity.matched > 0).count();
    if evidence.samples.len() > 4 {
        let keep = evidence.samples.len() / 2;
        drop_after(&mut evidence.samples, keep, "samples", &mut evidence.omitted);
    } else if evidence.dns.len() > 8 {
        let keep = evidence.dns.len() / 2;
        drop_after(&mut evidence.dns, keep, "DNS messages", &mut evidence.omitted);
    } else if evidence.operations.len() > 16 {
        // Critical ones stand first.
        let keep = evidence.operations.len() / 2;
        drop_after(&mut evidence.operations, keep, "operations", &mut evidence.omitted);
    } else if evidence.activities.len() > matched.max(8) {
        let keep = (evidence.activities.len() / 2).max(matched).max(8);
        drop_after(&mut evidence.activities, keep, "activities", &mut evidence.omitted);
        drop_unnamed(evidence);
    } else if evidence.logins.len() > 16 {
        let keep = evidence.logins.len() / 2;
        let (kept, rest) = split_logins(evidence, keep);
        evidence.logins = kept;
        note(&mut evidence.omitted, "logins", rest);
    } else if shorten_lists(evidence) || drop_unnamed(evidence) {
        return true;
    } else if evidence.activities.len() > 1 {
        let keep = evidence.activities.len() / 2;
        drop_after(&mut evidence.activities, keep, "activities", &mut evidence.omitted);
        drop_unnamed(evidence);
    } else {
        return shorten_texts(evidence);
    }
    true
}

/// Keeps logins that began a session of a named process before any other.
fn split_logins(evidence: &Evidence, keep: usize) -> (Vec<crate::evidence::LoginEvent>, u64) {
    let named: BTreeSet<_> = evidence.processes.iter().map(|process| process.id).collect();
    let mut logins = evidence.logins.clone();
    logins.sort_by_key(|event| {
        let of_session = event.login.process.is_some_and(|id| named.contains(&id));
        (!of_session, !event.login.accepted, event.time)
    });
    let rest = logins.len().saturating_sub(keep) as u64;
    logins.truncate(keep);
    logins.sort_by_key(|event| event.event);
    (logins, rest)
}

fn shorten_lists(evidence: &mut Evidence) -> bool {
    let mut dropped = 0;
    for activity in &mut evidence.activities {
        for (length, limit) in [(activity.address_sample.len(), 8), (activity.port_ranges.len(), 16)] {
            dropped += length.saturating_sub(limit) as u64;
        }
        activity.address_sample.truncate(8);
        activity.port_ranges.truncate(16);
    }
    note(&mut evidence.omitted, "addresses and ports of activities", dropped);
    dropped > 0
}

/// Drops processes that neither an activity nor an ancestor chain of one names.
fn drop_unnamed(evidence: &mut Evidence) -> bool {
    let mut named: BTreeSet<ProcessId> = evidence
        .activities
        .iter()
        .flat_map(|activity| activity.process.iter().chain(&activity.senders))
        .chain(evidence.logins.iter().filter_map(|event| event.login.process.as_ref()))
        .chain(evidence.operations.iter().filter_map(|event| event.operation.process.as_ref()))
        .copied()
        .collect();
    // A chain is at most as long as there are processes.
    for _ in 0..evidence.processes.len() {
        let before = named.len();
        for process in &evidence.processes {
            if named.contains(&process.id) {
                named.extend(process.parent);
            }
        }
        if named.len() == before {
            break;
        }
    }
    let before = evidence.processes.len();
    evidence.processes.retain(|process| named.contains(&process.id));
    let dropped = before - evidence.processes.len();
    evidence.exits.retain(|exit| named.contains(&exit.process));
    note(&mut evidence.omitted, "processes", dropped as u64);
    dropped > 0
}

/// The last resort against a host full of huge command lines.
fn shorten_texts(evidence: &mut Evidence) -> bool {
    const KEPT: usize = 256;
    let mut dropped = 0;
    for process in &mut evidence.processes {
        for text in process.argv.iter_mut().chain(&mut process.env) {
            if text.len() > KEPT {
                let end = (0..=KEPT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
                text.truncate(end);
                process.flags.argv_truncated = true;
                dropped += 1;
            }
        }
        if process.argv.len() > 64 {
            dropped += process.argv.len() as u64 - 64;
            process.argv.truncate(64);
            process.flags.argv_truncated = true;
        }
    }
    note(&mut evidence.omitted, "arguments", dropped);
    dropped > 0
}

fn drop_after<T>(list: &mut Vec<T>, keep: usize, what: &str, omitted: &mut Vec<Omission>) {
    note(omitted, what, list.len().saturating_sub(keep) as u64);
    list.truncate(keep);
}

fn note(omitted: &mut Vec<Omission>, what: &str, count: u64) {
    if count == 0 {
        return;
    }
    match omitted.iter_mut().find(|omission| omission.what == what) {
        Some(omission) => omission.count += count,
        None => omitted.push(Omission { what: what.to_owned(), count }),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::event::Dns;
    use crate::evidence::Coverage;
    use crate::evidence::DnsEvent;
    use crate::evidence::Host;
    use crate::evidence::Window;
    use crate::id::UnixNs;

    /// Evidence with so many names that were looked up, which compress badly.
    pub(crate) fn evidence(names: u64) -> Evidence {
        let window = Window { from: UnixNs(0), to: UnixNs(1) };
        let dns = |number: u64| DnsEvent {
            event: number,
            time: UnixNs(0),
            dns: Dns {
                process: None,
                remote: None,
                sent: true,
                answer: false,
                name: format!("{:016x}.example.com", number.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
                kind: 1,
                code: 0,
                addresses: Vec::new(),
                names: Vec::new(),
            },
        };
        Evidence {
            version: VERSION,
            host: Host::default(),
            request: Request {
                version: VERSION,
                window,
                remotes: Vec::new(),
                ports: Vec::new(),
                protocol: None,
                names: Vec::new(),
                who: crate::who::Who::default(),
            },
            answered: UnixNs(1),
            coverage: Coverage {
                window,
                recorded: vec![window],
                gaps: Vec::new(),
                losses: Vec::new(),
                oldest: None,
                events_searched: names,
            },
            activities: Vec::new(),
            processes: Vec::new(),
            exits: Vec::new(),
            logins: Vec::new(),
            samples: Vec::new(),
            dns: (0..names).map(dns).collect(),
            operations: Vec::new(),
            habits: Vec::new(),
            omitted: Vec::new(),
        }
    }

    #[test]
    fn a_long_answer_begins_with_a_brief_one_that_a_list_shows() {
        for names in [0, 40, 300, 3_000] {
            let whole = evidence(names);
            let answer = encode_answer(&whole).unwrap();
            assert!(answer.len() <= SSM_LIMIT, "{names}: {}", answer.len());
            let read = decode_evidence(&answer).unwrap();
            let left_out: u64 = read.omitted.iter().map(|omission| omission.count).sum();
            assert_eq!(read.dns.len() as u64 + left_out, names);
            let listed: String = answer.chars().take(2_500).collect();
            match brief_line(&listed) {
                None => assert!(answer.len() <= LISTED_LIMIT, "{names}: all of it is listed"),
                Some(line) => {
                    let brief = decode_evidence(line).unwrap();
                    let left_out: u64 = brief.omitted.iter().map(|omission| omission.count).sum();
                    assert!(brief.dns.len() < read.dns.len() && names == brief.dns.len() as u64 + left_out);
                }
            }
        }
        // Cut by SSM it is none, and its brief line does not stand in for it.
        let answer = encode_answer(&evidence(300)).unwrap();
        let cut = format!("{}--output truncated--", &answer[..answer.len() - 100]);
        assert!(matches!(decode_evidence(&cut), Err(WireError::Truncated)));
        assert!(decode_evidence(&answer[..answer.len() - 100]).is_err());
    }

    #[test]
    fn an_answer_is_unpacked_up_to_its_bound_and_no_further() {
        let answer = |json: &[u8]| {
            format!("{MAGIC}{}", URL_SAFE_NO_PAD.encode(zstd::encode_all(json, ZSTD_LEVEL).unwrap()))
        };
        let spaces = |length: u64| vec![b' '; usize::try_from(length).unwrap()];
        assert!(matches!(decode_evidence(&answer(&spaces(JSON_LIMIT))), Err(WireError::Json(_))));
        let bomb = answer(&spaces(JSON_LIMIT + 1));
        assert!(bomb.len() < SSM_LIMIT, "a host can send it: {} bytes", bomb.len());
        assert!(matches!(decode_evidence(&bomb), Err(WireError::TooLarge { .. })));
    }
}
