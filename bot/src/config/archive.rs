//! Settings of the archive of hosts' history.

use serde::Deserialize;

/// Where hosts leave their sealed history.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Archive {
    /// A bucket, and where in it archives begin, as `host-recorder-archive` is given it.
    pub place: S3Place,
    /// The bucket's region; none means the bot's own.
    #[serde(default)]
    pub region: Option<String>,
}

/// A place in S3, such as `s3://example-history/archive`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct S3Place(pub archive::Place);

impl TryFrom<String> for S3Place {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self).map_err(|error: archive::ArchiveError| error.to_string())
    }
}
