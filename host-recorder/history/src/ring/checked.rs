//! Bytes of a segment, wherever it lies, each block checked against what the chain says was sealed.
//!
//! A bit that the disk or the network turned over is an error here, so that a query tells of a gap instead of reading
//! what was never recorded. Blocks that were read are kept for a while: Parquet is read in many small pieces.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::ChunkReader;
use parquet::file::reader::Length;

/// Bytes of a block: a checksum each stands in the chain.
pub(super) const BLOCK: usize = 32 << 10;

/// Blocks of one segment that are kept: 8 MiB.
const KEPT_MAX: usize = 256;

/// Blocks that are asked for at once of a segment that lies elsewhere, where each question takes its time.
const AHEAD: u64 = 4;

/// Sealed segments that do not lie in a directory of this host.
pub trait SegmentStore: Send + Sync {
    /// Reads a run of bytes of a segment, from an offset on, all of them. `file` is the segment's name in the chain.
    ///
    /// # Errors
    /// Where they cannot be had; the segment is then a gap in the answer, with this reason.
    fn read(&self, file: &str, at: u64, bytes: &mut [u8]) -> io::Result<()>;
}

/// Where bytes come from.
pub(super) enum Source {
    File(File),
    Store(Arc<dyn SegmentStore>, String),
}

/// A segment's bytes.
#[derive(Clone)]
pub(super) struct Checked(Arc<Inner>);

struct Inner {
    source: Source,
    length: u64,
    /// CRC32C of each block; none where nothing is known of this segment.
    blocks: Vec<u32>,
    kept: Mutex<HashMap<u64, Bytes>>,
}

impl Checked {
    pub(super) fn new(source: Source, length: u64, blocks: Vec<u32>) -> Self {
        Self(Arc::new(Inner { source, length, blocks, kept: Mutex::default() }))
    }

    /// Bytes from an offset on.
    pub(super) fn range(&self, at: u64, length: usize) -> io::Result<Bytes> {
        let end = at.checked_add(length as u64).filter(|end| *end <= self.0.length);
        let end = end.ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "it ends before"))?;
        if length == 0 {
            return Ok(Bytes::new());
        }
        let block = BLOCK as u64;
        let (first, last) = (at / block, (end - 1) / block);
        let skip = usize::try_from(at - first * block).unwrap_or(usize::MAX);
        let mut parts = Vec::new();
        let mut next = first;
        while next <= last {
            if let Some(kept) = self.kept(next) {
                parts.push(kept);
                next += 1;
                continue;
            }
            let kept_again = (next..=last).find(|block| self.kept(*block).is_some());
            let to = kept_again.map_or(last, |block| block - 1);
            let run = self.read(next, to)?;
            let wanted = usize::try_from(to + 1 - next).unwrap_or(usize::MAX).saturating_mul(BLOCK);
            parts.push(run.slice(..run.len().min(wanted)));
            next = to + 1;
        }
        let whole = match parts.as_slice() {
            [one] => one.clone(),
            _ => Bytes::from(parts.concat()),
        };
        Ok(whole.slice(skip..skip + length))
    }

    fn kept(&self, block: u64) -> Option<Bytes> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner).get(&block).cloned()
    }

    /// Reads blocks, and checks each.
    fn read(&self, first: u64, last: u64) -> io::Result<Bytes> {
        let Inner { source, length, blocks, kept } = &*self.0;
        let block = BLOCK as u64;
        let last = match source {
            Source::File(_) => last,
            Source::Store(..) => last.max(first + AHEAD - 1),
        };
        let (at, end) = (first * block, (last + 1).saturating_mul(block).min(*length));
        let mut bytes = vec![0; usize::try_from(end - at).map_err(io::Error::other)?];
        match source {
            Source::File(file) => file.read_exact_at(&mut bytes, at)?,
            Source::Store(store, name) => store.read(name, at, &mut bytes)?,
        }
        let bytes = Bytes::from(bytes);
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        for (number, from) in (first..).zip((0..bytes.len()).step_by(BLOCK)) {
            let content = bytes.slice(from..bytes.len().min(from + BLOCK));
            let sealed = usize::try_from(number).ok().and_then(|number| blocks.get(number));
            if sealed.is_some_and(|sealed| *sealed != crc32c::crc32c(&content)) {
                let what = format!("bytes {} on are not what was sealed", number * block);
                return Err(io::Error::new(io::ErrorKind::InvalidData, what));
            }
            if kept.len() >= KEPT_MAX {
                kept.clear();
            }
            kept.insert(number, content);
        }
        Ok(bytes)
    }
}

/// The checksums of a file's blocks.
pub(super) fn checksums(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.chunks(BLOCK).map(crc32c::crc32c)
}

impl Length for Checked {
    fn len(&self) -> u64 {
        self.0.length
    }
}

impl ChunkReader for Checked {
    type T = Run;

    fn get_read(&self, start: u64) -> Result<Run, ParquetError> {
        Ok(Run { of: self.clone(), at: start, block: Bytes::new() })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        self.range(start, length).map_err(|error| ParquetError::External(Box::new(error)))
    }
}

/// Bytes from an offset on, to the end.
pub(super) struct Run {
    of: Checked,
    at: u64,
    /// What is left of the block that was read last.
    block: Bytes,
}

impl Read for Run {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.block.is_empty() {
            let rest = self.of.0.length.saturating_sub(self.at);
            let to_end_of_block = BLOCK - (self.at % BLOCK as u64) as usize;
            let length = usize::try_from(rest).unwrap_or(usize::MAX).min(to_end_of_block);
            self.block = self.of.range(self.at, length)?;
            self.at += length as u64;
        }
        let count = into.len().min(self.block.len());
        into[..count].copy_from_slice(&self.block.split_to(count));
        Ok(count)
    }
}
