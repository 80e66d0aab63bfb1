//! What lies where in the bucket. Pure.

use std::fmt;
use std::str::FromStr;

use history::ChainLine;
use history::UnixNs;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::ArchiveError;

/// Hexadecimal digits of a segment's SHA-256 in its key: rings that were begun anew may number their events alike.
const HASH_DIGITS: usize = 12;

/// A bucket, and where in it archives begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The bucket.
    pub bucket: String,
    /// Without slashes at its ends; may be empty.
    pub prefix: String,
}

impl FromStr for Place {
    type Err = ArchiveError;

    fn from_str(text: &str) -> Result<Self, ArchiveError> {
        let rest = text.strip_prefix("s3://").ok_or_else(|| ArchiveError::Place(text.to_owned()))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(ArchiveError::Place(text.to_owned()));
        }
        Ok(Self { bucket: bucket.to_owned(), prefix: prefix.trim_matches('/').to_owned() })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix)
    }
}

/// Whose history it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveHost {
    account: String,
    region: String,
    instance: String,
}

impl ArchiveHost {
    /// A host by its account, region and instance.
    ///
    /// # Errors
    /// When one of them is empty or holds what would be another key.
    pub fn new(account: &str, region: &str, instance: &str) -> Result<Self, ArchiveError> {
        for part in [account, region, instance] {
            let fits = |it: char| it.is_ascii_alphanumeric() || "-_.".contains(it);
            if part.is_empty() || part.starts_with('.') || !part.chars().all(fits) {
                return Err(ArchiveError::Host(part.to_owned()));
            }
        }
        let [account, region, instance] = [account, region, instance].map(str::to_owned);
        Ok(Self { account, region, instance })
    }
}

impl fmt::Display for ArchiveHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.account, self.region, self.instance)
    }
}

/// Where a host's archive begins, with a slash at its end.
pub(crate) fn root(place: &Place, host: &ArchiveHost) -> String {
    match place.prefix.as_str() {
        "" => format!("{host}/"),
        prefix => format!("{prefix}/{host}/"),
    }
}

/// The day (UTC) of a time.
pub(crate) fn day(at: UnixNs) -> String {
    Timestamp::from(at).to_zoned(TimeZone::UTC).date().to_string()
}

/// The index of a day.
pub(crate) fn index(root: &str, day: &str) -> String {
    format!("{root}{day}/index")
}

/// The segment that a line of the chain tells of: its name in the ring, and its key.
pub(crate) fn segment(root: &str, line: &ChainLine) -> Option<(String, String)> {
    let segment = line.segment.as_ref()?;
    let stem = segment.file.strip_suffix(".parquet")?;
    let is_plain = |it: char| it.is_ascii_alphanumeric() || it == '-';
    let hash = segment.sha256.get(..HASH_DIGITS)?;
    if !stem.chars().all(is_plain) || !hash.chars().all(is_plain) {
        return None;
    }
    Some((segment.file.clone(), format!("{root}{}/{stem}-{hash}.parquet", day(line.at))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_account_region_instance_and_day() {
        let place: Place = "s3://example-bucket/history/".parse().unwrap();
        let host = ArchiveHost::new("111122223333", "eu-west-1", "i-0123456789abcdef0").unwrap();
        let root = root(&place, &host);
        assert_eq!(root, "history/111122223333/eu-west-1/i-0123456789abcdef0/");
        let at = UnixNs(1_767_225_600_000_000_000);
        assert_eq!(index(&root, &day(at)), format!("{root}2026-01-01/index"));
        let segment = history::SegmentName {
            file: "segment-00000000000000000000-00000000000000000009.parquet".to_owned(),
            bytes: 7,
            sha256: "0123456789abcdef".to_owned(),
        };
        let line = ChainLine { text: String::new(), at, to: at, segment: Some(segment) };
        let (_, key) = super::segment(&root, &line).unwrap();
        assert_eq!(
            key,
            format!(
                "{root}2026-01-01/segment-00000000000000000000-00000000000000000009-0123456789ab.parquet"
            )
        );
    }

    #[test]
    fn what_would_be_another_key_is_refused() {
        for part in ["", "..", "a/b", "a b", "ü"] {
            assert!(ArchiveHost::new("111122223333", "eu-west-1", part).is_err(), "{part}");
        }
        for place in ["", "bucket", "s3://", "s3:///prefix", "https://example.com"] {
            assert!(place.parse::<Place>().is_err(), "{place}");
        }
        assert_eq!("s3://b".parse::<Place>().unwrap().prefix, "");
    }
}
