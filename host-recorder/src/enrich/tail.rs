//! Follows a log file through rotation.

use std::fs::File;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::os::unix::fs::FileExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;

/// Bytes of an existing file that are read at start: logins of sessions that still last.
const BEGIN_BEFORE_END: u64 = 4 << 20;

/// Bytes read at one call; the rest waits for the next.
const READ_MAX: u64 = 4 << 20;

/// Longest line, bytes; what is longer is skipped.
const LINE_MAX: usize = 64 << 10;

/// Bytes by which a file is known again.
const MARK: usize = 256;

/// A file that grows, and is now and then renamed or cut.
pub struct Tail {
    path: PathBuf,
    file: Option<File>,
    partial: Vec<u8>,
    at: u64,
    /// The last bytes that were read, by which a file is known again that was cut and has grown.
    mark: Vec<u8>,
    /// Lines that were too long, since this was asked last.
    skipped: u64,
}

impl Tail {
    /// Begins to follow a file, which need not exist yet. Its last megabytes are read first.
    pub fn new(path: &Path) -> Self {
        let (partial, mark) = (Vec::new(), Vec::new());
        let mut tail = Self { path: path.to_owned(), file: None, partial, at: 0, mark, skipped: 0 };
        tail.reopen();
        if let Some(file) = &tail.file
            && let Ok(metadata) = file.metadata()
        {
            tail.at = metadata.len().saturating_sub(BEGIN_BEFORE_END);
        }
        tail
    }

    /// Which file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many lines were too long to be taken since this was asked last.
    pub fn skipped(&mut self) -> u64 {
        std::mem::take(&mut self.skipped)
    }

    /// Lines that are complete since the last call.
    pub fn lines(&mut self) -> std::io::Result<Vec<String>> {
        let mut lines = Vec::new();
        self.read(&mut lines)?;
        // Once the rest of a renamed file has been read, go on with the one that took its name.
        if self.is_replaced() && self.is_at_end() {
            self.begin();
            self.reopen();
            self.read(&mut lines)?;
        }
        Ok(lines)
    }

    fn read(&mut self, lines: &mut Vec<String>) -> std::io::Result<()> {
        if self.file.is_none() {
            self.reopen();
        }
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        // Cut in place (copytruncate), and perhaps grown beyond where it was read to since.
        if file.metadata()?.len() < self.at || !ends_with(file, self.at, &self.mark)? {
            self.begin();
        }
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(self.at))?;
        self.at += file.take(READ_MAX).read_to_end(&mut bytes)? as u64;
        self.mark.extend_from_slice(&bytes[bytes.len().saturating_sub(MARK)..]);
        self.mark.drain(..self.mark.len().saturating_sub(MARK));
        for byte in bytes {
            if byte == b'\n' {
                if self.partial.len() < LINE_MAX {
                    lines.push(String::from_utf8_lossy(&self.partial).into_owned());
                } else {
                    self.skipped += 1;
                }
                self.partial.clear();
            } else if self.partial.len() < LINE_MAX {
                self.partial.push(byte);
            }
        }
        Ok(())
    }

    /// From the file's beginning.
    fn begin(&mut self) {
        self.at = 0;
        self.partial.clear();
        self.mark.clear();
    }

    fn is_at_end(&self) -> bool {
        let length = self.file.as_ref().and_then(|file| file.metadata().ok()).map(|metadata| metadata.len());
        length.is_none_or(|length| length <= self.at)
    }

    fn reopen(&mut self) {
        self.file = File::open(&self.path).ok();
    }

    fn is_replaced(&self) -> bool {
        let Some(Ok(ours)) = self.file.as_ref().map(File::metadata) else {
            return false;
        };
        std::fs::metadata(&self.path).is_ok_and(|now| (now.dev(), now.ino()) != (ours.dev(), ours.ino()))
    }
}

/// Whether what was read last still stands before `at`.
fn ends_with(file: &File, at: u64, mark: &[u8]) -> std::io::Result<bool> {
    let mut bytes = vec![0; mark.len()];
    match file.read_exact_at(&mut bytes, at.saturating_sub(mark.len() as u64)) {
        Ok(()) => Ok(bytes == mark),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn append(path: &Path, text: &str) {
        File::options().create(true).append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn no_line_is_lost_or_doubled_through_rotation_and_cutting() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("auth.log");
        let mut tail = Tail::new(&path);
        assert!(tail.lines().unwrap().is_empty());
        append(&path, "one\ntw");
        tail.lines().unwrap();
        append(&path, "o\n");
        let mut lines = tail.lines().unwrap();
        append(&path, "three\n");
        std::fs::rename(&path, dir.path().join("auth.log.1")).unwrap();
        append(&path, "four\n");
        lines.extend(tail.lines().unwrap());
        std::fs::write(&path, "").unwrap();
        lines.extend(tail.lines().unwrap());
        append(&path, "5\n");
        lines.extend(tail.lines().unwrap());
        assert_eq!(
            lines,
            ["two", "three", "four", "5"].map(str::to_owned),
            "after the first call read \"one\""
        );
    }

    #[test]
    fn a_line_that_is_too_long_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("auth.log");
        let mut tail = Tail::new(&path);
        append(&path, &format!("one\n{}\ntwo\n", "x".repeat(LINE_MAX)));
        assert_eq!(tail.lines().unwrap(), ["one", "two"]);
        assert_eq!((tail.skipped(), tail.skipped()), (1, 0));
    }

    #[test]
    fn a_file_that_was_cut_and_has_outgrown_itself_is_read_from_its_beginning() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("auth.log");
        append(&path, "one\ntwo\n");
        let mut tail = Tail::new(&path);
        assert_eq!(tail.lines().unwrap(), ["one", "two"]);
        std::fs::write(&path, "three\nfour\nfive\n").unwrap();
        assert_eq!(tail.lines().unwrap(), ["three", "four", "five"]);
        append(&path, "six\n");
        assert_eq!(tail.lines().unwrap(), ["six"]);
    }

    #[test]
    fn a_rotated_file_is_read_to_its_end_though_it_is_compressed_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let (path, rotated) = (dir.path().join("auth.log"), dir.path().join("auth.log.1"));
        append(&path, "one\n");
        let mut tail = Tail::new(&path);
        tail.lines().unwrap();
        // More than is read at one call.
        let line = format!("{}\n", "x".repeat(999));
        append(&path, &line.repeat(5_000));
        append(&path, "two\n");
        std::fs::rename(&path, &rotated).unwrap();
        std::fs::remove_file(&rotated).unwrap();
        assert_eq!(tail.lines().unwrap().len(), READ_MAX as usize / 1_000, "no file has its name yet");
        append(&path, "three\n");
        let rest = tail.lines().unwrap();
        assert_eq!(rest.len(), 5_000 - READ_MAX as usize / 1_000 + 2);
        assert_eq!(rest[rest.len() - 2..], ["two", "three"]);
    }
}
