//! Following a ring: the events that are committed from now on, as they come.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::path::PathBuf;

use super::RingError;
use super::files;
use super::log;
use crate::event::Event;
use crate::id::EventId;

/// Bytes of the log that are looked at at once; a frame may be as large as 1 MiB.
const READ_MAX: usize = 4 << 20;

/// Follows the open log of a ring, and the one after it.
pub struct Follow {
    dir: PathBuf,
    file: Option<(EventId, File)>,
    at: u64,
    /// The number of the next event.
    next: EventId,
}

impl Follow {
    /// Begins at the beginning of the open log.
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), file: None, at: 0, next: 0 }
    }

    /// Hands on what was committed since, oldest first. A log that goes on being read after it was sealed loses
    /// nothing; what was sealed before it was opened is passed over.
    pub fn poll(&mut self, visit: &mut dyn FnMut(Event)) -> Result<(), RingError> {
        self.read(visit)?;
        let logs = files::list(&self.dir)?.into_iter().filter(|file| !file.is_segment());
        let newer: Vec<_> =
            logs.filter(|log| self.file.as_ref().is_none_or(|(first, _)| log.first > *first)).collect();
        for log in newer {
            // The recorder writes to a log until it makes the next one.
            self.read(visit)?;
            match File::open(&log.path) {
                Ok(file) => {
                    self.file = Some((log.first, file));
                    self.at = log::HEADER as u64;
                    self.read(visit)?;
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(source) => return Err(RingError::io("open", &log.path, source)),
            }
        }
        Ok(())
    }

    fn read(&mut self, visit: &mut dyn FnMut(Event)) -> Result<(), RingError> {
        let Some((first, file)) = &self.file else { return Ok(()) };
        let path = self.dir.join(files::log_name(*first));
        let mut next = self.next;
        loop {
            let mut bytes = vec![0; READ_MAX];
            let count =
                file.read_at(&mut bytes, self.at).map_err(|source| RingError::io("read", &path, source))?;
            let (read, outcome) = log::parse_from(&bytes[..count], 0, &mut |event: Event| {
                if event.id >= next {
                    next = event.id + 1;
                    visit(event);
                }
            });
            self.at += read as u64;
            self.next = next;
            outcome.map_err(|what| RingError::LogVersion { path: path.clone(), what })?;
            if read == 0 || count < READ_MAX {
                return Ok(());
            }
        }
    }
}
