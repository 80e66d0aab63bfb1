//! A ring that lies in S3: asked by ranges, or restored.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use aws_sdk_s3::Client;
use history::ChainLine;
use history::Evidence;
use history::Host;
use history::Request;
use history::SegmentStore;
use history::UnixNs;
use history::Window;
use tokio::runtime::Handle;

use crate::ArchiveError;
use crate::ArchiveHost;
use crate::Place;
use crate::key;
use crate::s3;

/// How far beyond a window segments are looked for that tell of it: the recorder writes of what goes on much more
/// often, and one that was begun on the day before lies there.
const BEYOND_S: i64 = 24 * 3_600;

/// The archived history of one host.
#[derive(Debug, Clone)]
pub struct ArchiveRing {
    client: Client,
    bucket: String,
    root: String,
    days: Vec<String>,
}

impl ArchiveRing {
    /// Looks which days of a host are there.
    ///
    /// # Errors
    /// [`ArchiveError::Empty`] when there is none; others when S3 does not say.
    pub async fn open(client: Client, place: &Place, host: &ArchiveHost) -> Result<Self, ArchiveError> {
        let root = key::root(place, host);
        let days = s3::days(&client, &place.bucket, &root).await?;
        if days.is_empty() {
            return Err(ArchiveError::Empty { host: host.to_string() });
        }
        Ok(Self { client, bucket: place.bucket.clone(), root, days })
    }

    /// The days (UTC, such as `2026-01-31`) of which there is history, rising.
    pub fn days(&self) -> &[String] {
        &self.days
    }

    /// Up to when there is history: the last time that a segment of the last day tells of. None where no segment does.
    ///
    /// # Errors
    /// When an index cannot be read.
    pub async fn reaches(&self) -> Result<Option<UnixNs>, ArchiveError> {
        for day in self.days.iter().rev() {
            let key = key::index(&self.root, day);
            let lines = s3::get_if_there(&self.client, &self.bucket, &key).await?.unwrap_or_default();
            let segments =
                history::read_chain_lines(&lines).into_iter().filter(|line| line.segment.is_some());
            if let Some(to) = segments.map(|line| line.to).max() {
                return Ok(Some(to));
            }
        }
        Ok(None)
    }

    /// Answers a request as [`history::query`] does, reading of each segment only what that takes. `host` is who
    /// answers. A segment that is missing or damaged is a gap in the answer.
    ///
    /// # Errors
    /// When the request is none, or an index cannot be read.
    pub async fn query(&self, request: &Request, host: Host) -> Result<Evidence, ArchiveError> {
        let lines = self.index(request.window).await?;
        let store: Arc<dyn SegmentStore> = Arc::new(self.store(&history::read_chain_lines(&lines)));
        let request = request.clone();
        let answer =
            tokio::task::spawn_blocking(move || history::query_archive(&lines, &store, &request, host));
        let answer = answer.await.map_err(|error| ArchiveError::GivenUp(error.to_string()))?;
        Ok(answer?)
    }

    /// Restores what touches a window as a ring in a directory, for `host-recorder query` and `verify --copy`; returns
    /// how many segments there are now, and which could not be had.
    ///
    /// # Errors
    /// When an index cannot be read, or the directory cannot be written.
    pub async fn fetch(&self, window: Window, dir: &Path) -> Result<(usize, Vec<String>), ArchiveError> {
        let wrong = |what, path: &Path| {
            let path = path.to_owned();
            move |source| ArchiveError::Io { what, path, source }
        };
        std::fs::create_dir_all(dir).map_err(wrong("create", dir))?;
        let index = self.index(window).await?;
        let (mut there, mut missing) = (0, Vec::new());
        for line in history::read_chain_lines(&index) {
            let Some((file, key)) = key::segment(&self.root, &line) else { continue };
            let path = dir.join(&file);
            let whole = line.segment.as_ref().map(|segment| segment.bytes);
            if path.metadata().ok().map(|it| it.len()) != whole {
                match s3::get(&self.client, &self.bucket, &key).await? {
                    Some(bytes) => std::fs::write(&path, bytes).map_err(wrong("write", &path))?,
                    None => {
                        missing.push(file);
                        continue;
                    }
                }
            }
            there += 1;
        }
        let chain = dir.join("chain");
        std::fs::write(&chain, index).map_err(wrong("write", &chain))?;
        Ok((there, missing))
    }

    /// Lines of the chain that may matter to a window.
    async fn index(&self, window: Window) -> Result<Vec<u8>, ArchiveError> {
        let first = key::day(window.from.plus_s(-BEYOND_S));
        let last = key::day(window.to.plus_s(BEYOND_S));
        let mut lines = Vec::new();
        for day in self.days.iter().filter(|day| (&first..=&last).contains(day)) {
            let key = key::index(&self.root, day);
            lines.extend(s3::get_if_there(&self.client, &self.bucket, &key).await?.unwrap_or_default());
        }
        Ok(lines)
    }

    fn store(&self, lines: &[ChainLine]) -> S3Segments {
        let keys = lines.iter().filter_map(|line| key::segment(&self.root, line)).collect();
        S3Segments {
            client: self.client.clone(),
            bucket: self.bucket.clone(),
            keys,
            runtime: Handle::current(),
        }
    }
}

/// Segments by ranges. Reading parks a thread of its own: Parquet is read by code that waits.
struct S3Segments {
    client: Client,
    bucket: String,
    /// Key of each segment, by its name.
    keys: HashMap<String, String>,
    runtime: Handle,
}

impl SegmentStore for S3Segments {
    fn read(&self, file: &str, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        let key = self.keys.get(file).ok_or_else(|| io::Error::other("the index does not tell of it"))?;
        self.runtime.block_on(s3::get_range(&self.client, &self.bucket, key, at, bytes))
    }
}
