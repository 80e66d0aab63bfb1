//! The few calls to S3 that an archive takes, each with what it was about in its error.

use std::io;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::DisplayErrorContext;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;

use crate::ArchiveError;

/// Days of one host that are listed: some twenty-seven years.
const DAYS_MAX: usize = 10_000;

/// An index is never larger, bytes.
const OBJECT_MAX: usize = 256 << 20;

fn failed(
    what: &'static str,
    bucket: &str,
    key: &str,
    error: impl std::error::Error + Send + Sync + 'static,
) -> ArchiveError {
    let reason = DisplayErrorContext(error).to_string();
    ArchiveError::S3 { what, bucket: bucket.to_owned(), key: key.to_owned(), reason }
}

/// An object's bytes; none where it is not there.
pub(crate) async fn get(client: &Client, bucket: &str, key: &str) -> Result<Option<Vec<u8>>, ArchiveError> {
    let object = match client.get_object().bucket(bucket).key(key).send().await {
        Ok(object) => object,
        Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => {
            return Ok(None);
        }
        Err(error) => return Err(failed("read", bucket, key, error)),
    };
    let mut body = object.body;
    let mut bytes = Vec::new();
    while let Some(chunk) = body.try_next().await.map_err(|error| failed("read", bucket, key, error))? {
        if bytes.len() + chunk.len() > OBJECT_MAX {
            return Err(failed("read", bucket, key, io::Error::other("it is larger than any of ours")));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes))
}

/// [`get`], asking first whether it is there: who may list only below a prefix is told "forbidden", not "missing", of an
/// object that is not there.
pub(crate) async fn get_if_there(
    client: &Client,
    bucket: &str,
    key: &str,
) -> Result<Option<Vec<u8>>, ArchiveError> {
    let listed = client.list_objects_v2().bucket(bucket).prefix(key).max_keys(1).send().await;
    let listed = listed.map_err(|error| failed("list", bucket, key, error))?;
    // Keys come sorted, and no other key that begins so is before the key itself.
    if listed.contents().iter().any(|object| object.key() == Some(key)) {
        return get(client, bucket, key).await;
    }
    Ok(None)
}

/// A run of an object's bytes, all of them.
pub(crate) async fn get_range(
    client: &Client,
    bucket: &str,
    key: &str,
    at: u64,
    into: &mut [u8],
) -> io::Result<()> {
    let wrong = |error: ArchiveError| io::Error::other(error.to_string());
    let range = format!("bytes={at}-{}", at + into.len() as u64 - 1);
    let object = client.get_object().bucket(bucket).key(key).range(range).send().await;
    let object = object.map_err(|error| wrong(failed("read", bucket, key, error)))?;
    let mut body = object.body;
    let mut filled = 0;
    while let Some(chunk) =
        body.try_next().await.map_err(|error| wrong(failed("read", bucket, key, error)))?
    {
        let Some(part) = into.get_mut(filled..filled + chunk.len()) else {
            return Err(io::Error::other("more bytes came than were asked for"));
        };
        part.copy_from_slice(&chunk);
        filled += chunk.len();
    }
    if filled < into.len() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ends before"));
    }
    Ok(())
}

/// Puts an object where none is; one that is there already stays, and that is well: its key tells its content.
pub(crate) async fn put_new(
    client: &Client,
    bucket: &str,
    key: &str,
    bytes: Vec<u8>,
) -> Result<(), ArchiveError> {
    let put = client.put_object().bucket(bucket).key(key).if_none_match("*");
    match put.body(ByteStream::from(bytes)).send().await {
        Err(error) if error.code() == Some("PreconditionFailed") => Ok(()),
        Err(error) => Err(failed("write", bucket, key, error)),
        Ok(_) => Ok(()),
    }
}

/// Puts an object, over what is there.
pub(crate) async fn put(
    client: &Client,
    bucket: &str,
    key: &str,
    bytes: Vec<u8>,
) -> Result<(), ArchiveError> {
    let put = client.put_object().bucket(bucket).key(key).body(ByteStream::from(bytes)).send().await;
    put.map(drop).map_err(|error| failed("write", bucket, key, error))
}

/// The days below a root, rising.
pub(crate) async fn days(client: &Client, bucket: &str, root: &str) -> Result<Vec<String>, ArchiveError> {
    let mut pages =
        client.list_objects_v2().bucket(bucket).prefix(root).delimiter("/").into_paginator().send();
    let mut days = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failed("list", bucket, root, error))?;
        for prefix in page.common_prefixes().iter().filter_map(|it| it.prefix()) {
            if let Some(day) = prefix.strip_prefix(root) {
                days.push(day.trim_end_matches('/').to_owned());
            }
        }
        if days.len() > DAYS_MAX {
            break;
        }
    }
    days.sort();
    Ok(days)
}
