//! Writing events to a Parquet file elsewhere, in the columns of a segment, with one row for each target of a set.

use std::fs::File;
use std::path::Path;

use parquet::errors::ParquetError;
use parquet::file::writer::SerializedFileWriter;

use super::RingError;
use super::about::About;
use super::columns::Columns;
use super::columns::Row;
use super::segment;
use crate::event::Body;
use crate::event::Event;

/// A Parquet file that is being written.
pub struct ParquetExport<'a> {
    path: &'a Path,
    writer: SerializedFileWriter<File>,
    rows: Columns,
    about: About,
}

impl<'a> ParquetExport<'a> {
    /// Begins a file; an existing one is written over.
    pub fn create(path: &'a Path) -> Result<Self, RingError> {
        let file = File::create(path).map_err(|source| RingError::io("create", path, source))?;
        let writer = segment::writer(file).map_err(|source| Self::wrong(path, source))?;
        Ok(Self { path, writer, rows: Columns::default(), about: About::new() })
    }

    /// Adds an event.
    pub fn push(&mut self, event: &Event) -> Result<(), RingError> {
        self.about.add(event);
        match &event.body {
            Body::Targets(targets) => {
                for remote in targets.remotes.endpoints() {
                    let body = Body::Flow(Box::new(targets.flow(remote)));
                    self.row(Row::of(&Event { body, ..event.clone() }))?;
                }
                Ok(())
            }
            _ => self.row(Row::of(event)),
        }
    }

    /// Ends the file; it is complete and on disk when this returns.
    pub fn finish(mut self) -> Result<(), RingError> {
        self.group()?;
        segment::describe(&mut self.writer, &self.about)?;
        let file = self.writer.into_inner().map_err(|source| Self::wrong(self.path, source))?;
        file.sync_all().map_err(|source| RingError::io("write", self.path, source))
    }

    fn row(&mut self, row: Row) -> Result<(), RingError> {
        self.rows.push(row);
        if self.rows.rows() >= segment::GROUP_ROWS { self.group() } else { Ok(()) }
    }

    fn group(&mut self) -> Result<(), RingError> {
        let rows = std::mem::take(&mut self.rows);
        if rows.rows() == 0 {
            return Ok(());
        }
        segment::write_group(&mut self.writer, &rows).map_err(|source| Self::wrong(self.path, source))
    }

    fn wrong(path: &Path, source: ParquetError) -> RingError {
        RingError::Parquet { path: path.to_owned(), source }
    }
}
