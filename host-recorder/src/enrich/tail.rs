//! Follows a log file through rotation.

use std::fs::File;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;

/// Bytes of an existing file that are read at start: logins of sessions that still last.
const BEGIN_BEFORE_END: u64 = 4 << 20;

/// Bytes read at one call; the rest waits for the next.
const READ_MAX: u64 = 4 << 20;

/// Longest line, bytes; what is longer is skipped.
const LINE_MAX: usize = 64 << 10;

/// A file that grows, and is now and then renamed or cut.
pub struct Tail {
    path: PathBuf,
    file: Option<File>,
    partial: Vec<u8>,
    at: u64,
}

impl Tail {
    /// Begins to follow a file, which need not exist yet. Its last megabytes are read first.
    pub fn new(path: &Path) -> Self {
        let mut tail = Self { path: path.to_owned(), file: None, partial: Vec::new(), at: 0 };
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

    /// Lines that are complete since the last call.
    pub fn lines(&mut self) -> std::io::Result<Vec<String>> {
        let mut lines = Vec::new();
        self.read(&mut lines)?;
        // The rest of a renamed file has been read; go on with the one that took its name.
        if self.is_replaced() {
            self.partial.clear();
            self.at = 0;
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
        if file.metadata()?.len() < self.at {
            // Cut in place (copytruncate).
            self.at = 0;
            self.partial.clear();
        }
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(self.at))?;
        self.at += file.take(READ_MAX).read_to_end(&mut bytes)? as u64;
        for byte in bytes {
            if byte == b'\n' {
                if self.partial.len() < LINE_MAX {
                    lines.push(String::from_utf8_lossy(&self.partial).into_owned());
                }
                self.partial.clear();
            } else if self.partial.len() < LINE_MAX {
                self.partial.push(byte);
            }
        }
        Ok(())
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
}
