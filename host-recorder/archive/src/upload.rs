//! From a ring on disk to S3. Reads sealed files only, so it neither waits for the recorder nor delays it.

use std::collections::BTreeMap;
use std::collections::HashSet;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use aws_sdk_s3::Client;
use history::ChainLine;

use crate::ArchiveError;
use crate::ArchiveHost;
use crate::Place;
use crate::key;
use crate::s3;

/// Days whose index is kept in memory; an older one is read again when it is written to.
const DAYS_KEPT: usize = 64;

/// What one pass did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pass {
    /// Segments that were copied.
    pub copied: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Segments that the recorder evicted before they were copied: gaps of the archive.
    pub gone: usize,
}

/// Copies sealed segments, oldest first, each once. What was copied stands in the archive's index, so that a run that
/// was ended goes on where it was.
#[derive(Debug)]
pub struct Uploader {
    client: Client,
    bucket: String,
    root: String,
    bytes_per_second: u64,
    /// Lines of each day's index, in order.
    days: BTreeMap<String, Index>,
}

#[derive(Debug, Default)]
struct Index {
    text: String,
    lines: HashSet<String>,
}

impl Index {
    fn add(&mut self, line: &str) {
        if self.lines.insert(line.to_owned()) {
            self.text.push_str(line);
            self.text.push('\n');
        }
    }
}

impl Uploader {
    /// Copies to a place, on average no faster than so many bytes a second.
    pub fn new(client: Client, place: &Place, host: &ArchiveHost, bytes_per_second: u64) -> Self {
        let root = key::root(place, host);
        let bytes_per_second = bytes_per_second.max(1);
        Self { client, bucket: place.bucket.clone(), root, bytes_per_second, days: BTreeMap::new() }
    }

    /// Copies what a ring has sealed and the archive lacks.
    ///
    /// # Errors
    /// When the ring cannot be read, or S3 refuses for longer than its client tries; what was copied before is kept.
    pub async fn pass(&mut self, ring: &Path) -> Result<Pass, ArchiveError> {
        let mut days: BTreeMap<String, Vec<ChainLine>> = BTreeMap::new();
        for line in history::chain_lines(ring)? {
            days.entry(key::day(line.at)).or_default().push(line);
        }
        let mut pass = Pass::default();
        for (day, lines) in days {
            self.pass_day(ring, &day, lines, &mut pass).await?;
        }
        while self.days.len() > DAYS_KEPT {
            self.days.pop_first();
        }
        Ok(pass)
    }

    async fn pass_day(
        &mut self,
        ring: &Path,
        day: &str,
        lines: Vec<ChainLine>,
        pass: &mut Pass,
    ) -> Result<(), ArchiveError> {
        let key = key::index(&self.root, day);
        let mut index = match self.days.remove(day) {
            Some(index) => index,
            None => self.read_index(&key).await?,
        };
        let known = index.lines.len();
        let mut outcome = Ok(());
        for line in lines.iter().filter(|line| !index.lines.contains(&line.text)).collect::<Vec<_>>() {
            outcome = self.copy(ring, line, pass).await;
            if outcome.is_err() {
                break;
            }
            index.add(&line.text);
        }
        if index.lines.len() > known {
            s3::put(&self.client, &self.bucket, &key, index.text.clone().into_bytes()).await?;
        }
        self.days.insert(day.to_owned(), index);
        outcome
    }

    async fn read_index(&self, key: &str) -> Result<Index, ArchiveError> {
        let bytes = s3::get_if_there(&self.client, &self.bucket, key).await?.unwrap_or_default();
        let mut index = Index::default();
        String::from_utf8_lossy(&bytes).lines().for_each(|line| index.add(line));
        Ok(index)
    }

    /// Copies the segment that a line tells of, where it tells of one that is still there.
    async fn copy(&self, ring: &Path, line: &ChainLine, pass: &mut Pass) -> Result<(), ArchiveError> {
        let Some((file, key)) = key::segment(&self.root, line) else { return Ok(()) };
        let path = ring.join(file);
        let Some(bytes) = read(&path).await? else {
            pass.gone += 1;
            return Ok(());
        };
        let length = bytes.len() as u64;
        let begun = Instant::now();
        s3::put_new(&self.client, &self.bucket, &key, bytes).await?;
        pass.copied += 1;
        pass.bytes += length;
        let due = Duration::from_secs_f64(length as f64 / self.bytes_per_second as f64);
        tokio::time::sleep(due.saturating_sub(begun.elapsed())).await;
        Ok(())
    }
}

/// A file's bytes; none where the recorder evicted it.
async fn read(path: &PathBuf) -> Result<Option<Vec<u8>>, ArchiveError> {
    match tokio::fs::read(path).await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ArchiveError::Io { what: "read", path: path.clone(), source }),
    }
}
