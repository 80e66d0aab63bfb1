//! Mails that lie in S3: SES stores what is too large for its message, and some set it up so for all.
//!
//! Reads one object at a time, bounded; refuses to know what is in it.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use thiserror::Error;

use crate::aws::reason;

/// No mail is larger: SES takes 40 MB.
const MAIL_BYTES_MAX: usize = 48 << 20;

/// Why a mail was not fetched.
#[derive(Debug, Error)]
pub enum FetchError {
    /// The place is not one of ours to read.
    #[error("{0} is no place of a mail: s3://BUCKET/KEY")]
    Place(String),
    /// S3 did not give it.
    #[error("{place}: {reason}")]
    Failed {
        /// Where.
        place: String,
        /// In words.
        reason: String,
    },
    /// It is larger than any mail.
    #[error("{place} is larger than {MAIL_BYTES_MAX} bytes")]
    TooLarge {
        /// Where.
        place: String,
    },
}

/// Where mails lie.
#[async_trait]
pub trait StoredMails: Send + Sync {
    /// Fetches the mail at `s3://bucket/key`.
    async fn fetch(&self, place: &str) -> Result<Vec<u8>, FetchError>;
}

/// Mails in S3.
#[derive(Debug, Clone)]
pub struct S3Mails {
    client: Client,
}

impl S3Mails {
    /// Reads with these credentials.
    pub fn new(sdk: &SdkConfig) -> Self {
        Self { client: Client::new(sdk) }
    }
}

#[async_trait]
impl StoredMails for S3Mails {
    async fn fetch(&self, place: &str) -> Result<Vec<u8>, FetchError> {
        let (bucket, key) = parts(place).ok_or_else(|| FetchError::Place(place.to_owned()))?;
        let failed = |reason| FetchError::Failed { place: place.to_owned(), reason };
        let object = self
            .client
            .get_object()
            .bucket(bucket)
            .key(key)
            .send()
            .await
            .map_err(|error| failed(reason(&error)))?;
        let mut body = object.body;
        let mut mail = Vec::new();
        while let Some(chunk) = body.try_next().await.map_err(|error| failed(error.to_string()))? {
            if mail.len() + chunk.len() > MAIL_BYTES_MAX {
                return Err(FetchError::TooLarge { place: place.to_owned() });
            }
            mail.extend_from_slice(&chunk);
        }
        Ok(mail)
    }
}

/// Returns bucket and key of a place.
fn parts(place: &str) -> Option<(&str, &str)> {
    let (bucket, key) = place.strip_prefix("s3://")?.split_once('/')?;
    (!bucket.is_empty() && !key.is_empty()).then_some((bucket, key))
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn a_place_has_a_bucket_and_a_key() {
        assert_eq!(parts("s3://mail/in/a/b"), Some(("mail", "in/a/b")));
        for wrong in ["s3://mail", "s3:///a", "s3://mail/", "https://mail/a", ""] {
            assert_eq!(parts(wrong), None, "{wrong}");
        }
    }
}
