//! Answers that are longer than SSM lets through, page by page.
//!
//! The first answer is evidence that was cut to fit, and says what it left out. Who wants the rest asks the same again with
//! the number of a page and the time of that first answer; the host keeps nothing between, it answers again as of that
//! time. A page is `GUMSHOE-PAGE-1 `, its number, how many there are, a digest of the whole, and a part of the whole's line.
//! Pages are put together only where their digests agree and the whole has it: a history that changed meanwhile, a lying
//! host and a line that was cut give no evidence, and the first answer stands.
//!
//! What may differ from one answer to the next about the same past is left out of pages (the oldest event that is left,
//! and habits, which are looked for in a limited time) and taken from the first answer.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use sha2::Digest;
use sha2::Sha256;

use crate::evidence::Evidence;
use crate::evidence::Request;
use crate::id::UnixNs;
use crate::wire::REQUEST_LIMIT;
use crate::wire::SSM_LIMIT;
use crate::wire::WireError;
use crate::wire::decode_evidence;
use crate::wire::decode_request;
use crate::wire::encode_evidence;

/// Pages of one answer; what does not fit into them either is left out, and counted.
pub const PAGES_MAX: u32 = 16;

/// What of the whole's line a page has, bytes; the rest is for what stands before it.
const PART: usize = SSM_LIMIT - 100;

const MAGIC: &str = "GUMSHOE-PAGE-1 ";

/// Which page is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageAsked {
    /// Its number, from 0 on.
    pub number: u32,
    /// When the first answer was given; nothing that came later is in any page.
    pub answered: UnixNs,
}

/// One page as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its number, from 0 on.
    pub number: u32,
    /// How many there are.
    pub of: u32,
    digest: String,
    part: String,
}

/// Writes a request for a page as one line. A host that knows no pages answers it as if it were asked for none.
pub fn encode_page_request(request: &Request, asked: PageAsked) -> Result<String, WireError> {
    let mut value = serde_json::to_value(request)?;
    value["page"] = serde_json::to_value(asked)?;
    let line = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&value)?);
    if line.len() > REQUEST_LIMIT {
        return Err(WireError::TooLarge { what: "request", limit: REQUEST_LIMIT as u64 });
    }
    Ok(line)
}

/// Reads a request, and the page where one is asked for.
pub fn decode_any_request(line: &str) -> Result<(Request, Option<PageAsked>), WireError> {
    let request = decode_request(line)?;
    let mut value: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(line.trim())?)?;
    let page = match value["page"].take() {
        Value::Null => None,
        page => Some(serde_json::from_value(page)?),
    };
    Ok((request, page))
}

/// What is to be asked of the ring for a page: the same request as of the first answer's time.
pub fn as_of(request: &Request, asked: PageAsked) -> Request {
    let mut request = request.clone();
    request.window.to = request.window.to.min(asked.answered).max(request.window.from);
    request
}

/// Writes a page of what a ring told to [`as_of`]; a number beyond the last is the last.
pub fn encode_page(evidence: &Evidence, request: &Request, asked: PageAsked) -> Result<String, WireError> {
    let whole = encode_evidence(&settled(evidence, request, asked), PART * PAGES_MAX as usize)?;
    let parts: Vec<&[u8]> = whole.as_bytes().chunks(PART).collect();
    let number = (asked.number as usize).min(parts.len().saturating_sub(1));
    let part = parts.get(number).copied().unwrap_or_default();
    let digest = digest(&whole);
    Ok(format!("{MAGIC}{number} {} {digest} {}", parts.len(), String::from_utf8_lossy(part)))
}

/// Reads a page from a command's output.
pub fn decode_page(output: &str) -> Result<Page, WireError> {
    let (_, rest) = output.rsplit_once(MAGIC).ok_or(WireError::NoEvidence)?;
    if rest.contains("--output truncated--") {
        return Err(WireError::Truncated);
    }
    // The whole's line has one space itself, after its first word.
    let line = rest.lines().next().unwrap_or_default();
    let mut words = line.splitn(4, ' ');
    let mut number = || words.next().and_then(|word| word.parse::<u32>().ok());
    let (Some(number), Some(of)) = (number(), number()) else { return Err(WireError::NoEvidence) };
    let (Some(digest), Some(part)) = (words.next(), words.next()) else { return Err(WireError::Truncated) };
    if number >= of || of > PAGES_MAX || part.len() > PART {
        return Err(WireError::TooLarge { what: "page", limit: PART as u64 });
    }
    Ok(Page { number, of, digest: digest.to_owned(), part: part.to_owned() })
}

/// Puts pages together, which came in any order, with what only the first answer has.
pub fn join_pages(mut pages: Vec<Page>, first: &Evidence) -> Result<Evidence, WireError> {
    pages.sort_by_key(|page| page.number);
    let (of, expected) = pages.first().map_or((0, String::new()), |page| (page.of, page.digest.clone()));
    let is_whole = pages.len() == of as usize
        && pages.iter().zip(0..).all(|(page, number)| page.number == number && page.of == of);
    let whole: String = pages.iter().map(|page| page.part.as_str()).collect();
    if !is_whole || digest(&whole) != expected {
        return Err(WireError::Pages);
    }
    let mut evidence = decode_evidence(&whole)?;
    evidence.answered = first.answered;
    evidence.habits.clone_from(&first.habits);
    evidence.coverage.oldest = first.coverage.oldest;
    Ok(evidence)
}

/// The same from one answer to the next about the same past.
fn settled(evidence: &Evidence, request: &Request, asked: PageAsked) -> Evidence {
    let mut settled = evidence.clone();
    settled.request = request.clone();
    settled.answered = asked.answered;
    settled.habits.clear();
    settled.coverage.oldest = None;
    settled
}

fn digest(whole: &str) -> String {
    Sha256::digest(whole.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::evidence::Habit;
    use crate::evidence::Host;
    use crate::evidence::Prefix;
    use crate::evidence::VERSION;
    use crate::evidence::Window;
    use crate::who::Who;
    use crate::wire::encode_answer;

    const RINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/rings");

    /// A long answer: what came first, and what the host has.
    fn long(names: u64) -> (Request, Evidence, Evidence) {
        let mut whole = crate::wire::tests::evidence(names);
        whole.habits = vec![Habit { user: "alice".to_owned(), ..Habit::default() }];
        whole.coverage.oldest = Some(UnixNs(7));
        let first = decode_evidence(&encode_answer(&whole).unwrap()).unwrap();
        (whole.request.clone(), first, whole)
    }

    fn pages(request: &Request, whole: &Evidence) -> Vec<String> {
        let page = |number| {
            // Each time something of it is different, as on a host that lives on.
            let mut again = whole.clone();
            again.answered = UnixNs(1_000 + i64::from(number));
            again.coverage.oldest = Some(UnixNs(8 + i64::from(number)));
            again.habits.clear();
            let asked = PageAsked { number, answered: whole.answered };
            encode_page(&again, request, asked).unwrap()
        };
        let of = decode_page(&page(0)).unwrap().of;
        (0..of).map(page).collect()
    }

    #[test]
    fn a_long_answer_comes_whole_in_pages() {
        for names in [0, 300, 3_000, 12_000] {
            let (request, first, whole) = long(names);
            let lines = pages(&request, &whole);
            assert!(lines.iter().all(|line| line.len() <= SSM_LIMIT), "{names}");
            let mut read: Vec<Page> = lines.iter().map(|line| decode_page(line).unwrap()).collect();
            read.reverse();
            assert_eq!(join_pages(read, &first).unwrap(), whole, "{names}");
            if names > 2_000 {
                let least = if names > 5_000 { 3 } else { 2 };
                assert!(lines.len() >= least && !first.omitted.is_empty(), "{names}: {} pages", lines.len());
            }
        }
    }

    #[test]
    fn what_does_not_fit_into_all_pages_is_counted() {
        let (request, first, whole) = long(30_000);
        let read: Vec<Page> = pages(&request, &whole).iter().map(|line| decode_page(line).unwrap()).collect();
        assert!(read.len() <= PAGES_MAX as usize);
        let joined = join_pages(read, &first).unwrap();
        let left_out: u64 = joined.omitted.iter().map(|omission| omission.count).sum();
        assert!(left_out > 0 && joined.dns.len() as u64 + left_out == 30_000);
        assert!(joined.dns.len() > first.dns.len());
    }

    #[test]
    fn cut_anywhere_pages_are_no_evidence() {
        let (request, first, whole) = long(3_000);
        let lines = pages(&request, &whole);
        assert!(lines.len() > 1);
        for (which, line) in lines.iter().enumerate() {
            let ends = (0..120).chain((120..line.len()).step_by(509)).chain(line.len() - 60..line.len());
            for end in ends {
                for tail in ["", "--output truncated--", "\n--output truncated--"] {
                    let mut cut: Vec<String> = lines.clone();
                    cut[which] = format!("{}{tail}", &line[..end]);
                    let read: Result<Vec<Page>, _> = cut.iter().map(|line| decode_page(line)).collect();
                    assert!(read.and_then(|read| join_pages(read, &first)).is_err(), "{which} at {end}");
                }
            }
        }
    }

    #[test]
    fn pages_of_different_answers_are_not_put_together() {
        let (request, first, whole) = long(3_000);
        let mut other = whole.clone();
        other.dns.pop();
        let (ours, theirs) = (pages(&request, &whole), pages(&request, &other));
        let mut read: Vec<Page> = ours.iter().map(|line| decode_page(line).unwrap()).collect();
        read[1] = decode_page(&theirs[1]).unwrap();
        assert!(matches!(join_pages(read.clone(), &first), Err(WireError::Pages)));
        read.pop();
        assert!(matches!(join_pages(read, &first), Err(WireError::Pages)));
        assert!(matches!(join_pages(Vec::new(), &first), Err(WireError::Pages)));
        for line in ["GUMSHOE-PAGE-1 3 2 aa x", "GUMSHOE-PAGE-1 0 99999 aa x", "GUMSHOE-PAGE-1 0", "x"] {
            assert!(decode_page(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_page_is_asked_for_in_a_request_that_hosts_without_pages_read() {
        let (request, ..) = long(1);
        let asked = PageAsked { number: 3, answered: UnixNs(9) };
        let line = encode_page_request(&request, asked).unwrap();
        assert_eq!(decode_request(&line).unwrap(), request);
        assert_eq!(decode_any_request(&line).unwrap(), (request.clone(), Some(asked)));
        let plain = crate::wire::encode_request(&request).unwrap();
        assert_eq!(decode_any_request(&plain).unwrap(), (request, None));
    }

    #[test]
    fn a_ring_tells_the_same_again_as_of_the_same_time() {
        let mut seen = 0;
        // Each third: they take long without optimisation.
        for entry in std::fs::read_dir(RINGS).unwrap().step_by(3) {
            let ring = entry.unwrap().path().join("ring");
            if !Path::new(&ring).is_dir() {
                continue;
            }
            let request = Request {
                version: VERSION,
                window: Window { from: UnixNs(0), to: UnixNs(i64::MAX) },
                remotes: vec![Prefix { address: "0.0.0.0".parse().unwrap(), length: 0 }],
                ports: Vec::new(),
                protocol: None,
                names: Vec::new(),
                who: Who::default(),
            };
            let asked = PageAsked { number: 0, answered: UnixNs::now() };
            let page = || {
                let evidence = crate::query(&ring, &as_of(&request, asked), Host::default()).unwrap();
                encode_page(&evidence, &request, asked).unwrap()
            };
            assert_eq!(page(), page(), "{}", ring.display());
            seen += 1;
        }
        assert!(seen > 8, "{seen} rings");
    }
}
