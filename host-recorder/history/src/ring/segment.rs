//! Sealed parts of the ring: Parquet files, one row an event, columns as in [`super::columns`].
//!
//! A file's key-value metadata has `gumshoe.version` (this format) and `gumshoe.about` (JSON: when the recorder ran, as
//! far as this file knows, the times that its events tell of, and what was lost). Earlier ones have `gumshoe.spans` (JSON:
//! when the recorder ran), some of them alone.
//! Files are written beside their place and renamed into it. [`super::reader`] reads them.

use std::fs::File;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use parquet::basic::LogicalType;
use parquet::basic::Repetition;
use parquet::basic::TimeUnit;
use parquet::basic::Type as PhysicalType;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::statistics::Statistics;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use serde::Deserialize;
use serde::Serialize;

use super::RingError;
use super::about::About;
use super::chunk;
use super::columns;
use super::columns::COLUMNS;
use super::columns::ColumnKind;
use super::columns::Columns;
use super::columns::Row;
use super::log;
use crate::event::Body;
use crate::event::Dns;
use crate::event::Event;
use crate::event::Flow;
use crate::event::Process;
use crate::id::EventId;
use crate::targets::Targets;

/// Version of the format of a segment.
pub(super) const VERSION: &str = "2";
/// Versions that are read.
pub(super) const READABLE: [&str; 2] = ["1", VERSION];
pub(super) const VERSION_KEY: &str = "gumshoe.version";
pub(super) const SPANS_KEY: &str = "gumshoe.spans";
pub(super) const ABOUT_KEY: &str = "gumshoe.about";

/// Rows in a row group: what is held in memory while a segment is written. Each group tells of each of some ninety
/// columns where it is, so small groups cost as much as what is in them.
pub(super) const GROUP_ROWS: usize = 1 << 16;

/// Bytes that the events of a row group may take in memory, about: a storm of programs, each with its arguments and
/// paths, makes smaller groups.
const GROUP_BYTES: usize = 12 << 20;

/// The one timestamp: in µs, as whole as a ring keeps times; in version 1 in ns.
pub(super) const TIME: &str = "time";

/// A segment that is being written: of its events only a group of rows is held in memory, as bytes, since an event
/// with its many texts takes several times as much.
pub(super) struct SegmentWriter {
    path: PathBuf,
    sync: File,
    writer: SerializedFileWriter<File>,
    /// The events, one behind the other.
    events: Vec<u8>,
    places: Vec<Place>,
    /// What they would take in memory.
    weight: usize,
    about: About,
}

/// Where an event lies among those that are held, in the order in which they become rows: events of one kind stand
/// together, since which columns they have is then told once and not row by row.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    kind: u8,
    id: EventId,
    from: usize,
    to: usize,
}

impl SegmentWriter {
    pub(super) fn create(path: &Path) -> Result<Self, RingError> {
        let file = File::create(path).map_err(|source| RingError::io("create", path, source))?;
        let sync = file.try_clone().map_err(|source| RingError::io("open", path, source))?;
        let writer = writer(file).map_err(|source| RingError::Parquet { path: path.to_owned(), source })?;
        Ok(Self {
            path: path.to_owned(),
            sync,
            writer,
            events: Vec::new(),
            places: Vec::new(),
            weight: 0,
            about: About::new(),
        })
    }

    pub(super) fn push(&mut self, event: &Event) -> Result<(), RingError> {
        self.about.add(event);
        self.weight += weight(event);
        let from = self.events.len();
        log::encode(event, &mut self.events)?;
        self.places.push(Place { kind: kind_order(&event.body), id: event.id, from, to: self.events.len() });
        let is_full = self.places.len() >= GROUP_ROWS || self.weight >= GROUP_BYTES;
        if is_full { self.write_rows() } else { Ok(()) }
    }

    fn write_rows(&mut self) -> Result<(), RingError> {
        let (events, mut places) = (std::mem::take(&mut self.events), std::mem::take(&mut self.places));
        self.weight = 0;
        places.sort_unstable();
        let mut rows = Columns::default();
        // What was encoded a moment ago can be decoded.
        let decoded = places.iter().filter_map(|place| log::decode(&events[place.from..place.to]).ok());
        decoded.for_each(|event| rows.push(Row::of(&event)));
        drop((events, places));
        let outcome = write_group(&mut self.writer, &rows);
        outcome.map_err(|source| RingError::Parquet { path: self.path.clone(), source })
    }

    /// It is complete and on disk when this returns: what stands in it, and where its filters are.
    pub(super) fn finish(mut self) -> Result<(About, Filters), RingError> {
        if !self.places.is_empty() {
            self.write_rows()?;
        }
        describe(&mut self.writer, &self.about)?;
        let metadata = self.writer.finish();
        let metadata = metadata.map_err(|source| RingError::Parquet { path: self.path.clone(), source })?;
        let filters = filters(&metadata);
        self.sync.sync_all().map_err(|source| RingError::io("write", &self.path, source))?;
        Ok((self.about, filters))
    }
}

/// Bytes that an event takes in memory, about: its own, and those of what it points at where that may be much.
fn weight(event: &Event) -> usize {
    let texts = |texts: &[String]| texts.iter().map(|text| text.len() + size_of::<String>()).sum::<usize>();
    let more = match &event.body {
        Body::Process(process) => {
            let paths = process.exe.len() + process.cwd.len() + process.cgroup.len();
            size_of::<Process>() + paths + texts(&process.argv) + texts(&process.env)
        }
        Body::Flow(_) => size_of::<Flow>(),
        Body::Targets(targets) => size_of::<Targets>() + targets.remotes.as_bytes().len(),
        Body::Dns(dns) => size_of::<Dns>() + dns.name.len() + texts(&dns.names),
        _ => 0,
    };
    size_of::<Event>() + more
}

/// Where in a group of rows events of a kind stand.
fn kind_order(body: &Body) -> u8 {
    match body {
        Body::Process(_) => 0,
        Body::Fork { .. } => 1,
        Body::Exit { .. } => 2,
        Body::Credentials { .. } => 3,
        Body::Login(_) => 4,
        Body::Flow(_) => 5,
        Body::Targets(_) => 6,
        Body::Dns(_) => 7,
        Body::Operation(_) => 8,
        Body::Loss { .. } => 9,
        Body::Recorder { .. } => 10,
    }
}

/// Where in a segment the filters on remote addresses are, so that one that was never asked for need not be opened
/// further.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Filters {
    /// Offset and length of each group's.
    pub(super) remote: Vec<(u64, u64)>,
    /// Whether each group that has remote addresses has a filter, and none has sets of targets.
    pub(super) whole: bool,
}

fn filters(metadata: &ParquetMetaData) -> Filters {
    let mut filters = Filters { remote: Vec::new(), whole: true };
    for group in metadata.row_groups() {
        for chunk in group.columns() {
            let nulls = chunk.statistics().and_then(Statistics::null_count_opt);
            let is_empty = nulls.is_some_and(|nulls| i64::try_from(nulls) == Ok(chunk.num_values()));
            match chunk.column_path().string().as_str() {
                "targets" => filters.whole &= is_empty,
                "remote_address" if !is_empty => {
                    let place = chunk.bloom_filter_offset().zip(chunk.bloom_filter_length());
                    let place = place.and_then(|(at, length)| {
                        Some((u64::try_from(at).ok()?, u64::try_from(length).ok()?))
                    });
                    filters.remote.extend(place);
                    filters.whole &= place.is_some();
                }
                _ => {}
            }
        }
    }
    filters
}

/// Begins a file in the form of a segment.
pub(super) fn writer(file: File) -> Result<SerializedFileWriter<File>, ParquetError> {
    SerializedFileWriter::new(file, Arc::new(schema()?), chunk::properties())
}

/// Puts into a file what stands in it.
pub(super) fn describe(writer: &mut SerializedFileWriter<File>, about: &About) -> Result<(), RingError> {
    let json = |source| RingError::Spans { source };
    let about = serde_json::to_string(about).map_err(json)?;
    for (key, value) in [(VERSION_KEY, VERSION.to_owned()), (ABOUT_KEY, about)] {
        writer.append_key_value_metadata(KeyValue::new(key.to_owned(), value));
    }
    Ok(())
}

fn schema() -> Result<Type, ParquetError> {
    let text = |name: &str, repetition| {
        Type::primitive_type_builder(name, PhysicalType::BYTE_ARRAY)
            .with_repetition(repetition)
            .with_logical_type(Some(LogicalType::String))
            .build()
            .map(Arc::new)
    };
    let field = |(name, kind): &(&str, ColumnKind)| match kind {
        ColumnKind::Int => Type::primitive_type_builder(name, PhysicalType::INT32).build().map(Arc::new),
        ColumnKind::Long if *name == TIME => {
            let unit = LogicalType::timestamp(true, TimeUnit::MICROS);
            Type::primitive_type_builder(name, PhysicalType::INT64)
                .with_logical_type(Some(unit))
                .build()
                .map(Arc::new)
        }
        ColumnKind::Long => Type::primitive_type_builder(name, PhysicalType::INT64).build().map(Arc::new),
        ColumnKind::Text => text(name, Repetition::OPTIONAL),
        ColumnKind::Bytes => {
            Type::primitive_type_builder(name, PhysicalType::BYTE_ARRAY).build().map(Arc::new)
        }
        ColumnKind::Texts => {
            let list = Type::group_type_builder("list")
                .with_repetition(Repetition::REPEATED)
                .with_fields(vec![text("element", Repetition::REQUIRED)?])
                .build()?;
            Type::group_type_builder(name)
                .with_repetition(Repetition::OPTIONAL)
                .with_logical_type(Some(LogicalType::List))
                .with_fields(vec![Arc::new(list)])
                .build()
                .map(Arc::new)
        }
    };
    let written = COLUMNS.iter().filter(|(name, _)| columns::is_written(name));
    let fields = written.map(field).collect::<Result<Vec<_>, _>>()?;
    Type::group_type_builder("event").with_fields(fields).build()
}

/// Writes rows as one group.
pub(super) fn write_group(
    writer: &mut SerializedFileWriter<File>,
    rows: &Columns,
) -> Result<(), ParquetError> {
    let described = writer.schema_descr().columns().to_vec();
    let mut described = described.iter();
    let mut group = writer.next_row_group()?;
    let mut outcome = Ok(());
    rows.visit(|name, values| {
        if outcome.is_ok() {
            outcome = (|| {
                let missing =
                    || ParquetError::General("fewer columns in the schema than in a row".to_owned());
                let chunk = chunk::chunk(described.next().ok_or_else(missing)?, name, &values)?;
                group.append_column(&chunk.bytes, chunk.close)
            })();
        }
    });
    outcome?;
    group.close().map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::files::open_segment;
    use crate::testing;

    fn write(path: &Path, events: &[Event]) {
        let mut segment = SegmentWriter::create(path).unwrap();
        events.iter().for_each(|event| segment.push(event).unwrap());
        segment.finish().unwrap();
    }

    #[test]
    fn a_segment_gives_back_its_events() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("segment.parquet");
        let events = testing::events(70_000);
        let about = About::of(&events);
        write(&path, &events);
        let segment = open_segment(&path).unwrap();
        let mut read = Vec::new();
        segment.all(&mut |event| read.push(event)).unwrap();
        assert_eq!(read, events);
        assert_eq!(segment.about().unwrap(), about);
    }

    /// Lists that are all empty, and columns without a value, are not the same.
    #[test]
    fn processes_without_an_environment_come_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("segment.parquet");
        let mut process = testing::process(1, None, &["kthreadd"]);
        (process.argv, process.env) = (Vec::new(), Vec::new());
        let body = Body::Process(Box::new(process));
        let events = vec![Event { id: 0, time: crate::id::UnixNs(1_000), boot_ns: 1, body }];
        write(&path, &events);
        let mut read = Vec::new();
        open_segment(&path).unwrap().all(&mut |event| read.push(event)).unwrap();
        assert_eq!(read, events);
    }

    #[test]
    fn a_damaged_segment_is_an_error_and_no_panic() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("segment.parquet");
        let events = testing::events(50);
        write(&path, &events);
        let bytes = std::fs::read(&path).unwrap();
        for end in (0..bytes.len()).step_by(97) {
            std::fs::write(&path, &bytes[..end]).unwrap();
            assert!(open_segment(&path).is_err(), "cut at {end}");
        }
        // A flipped bit may go unnoticed here (the chain notices it), but it breaks nothing.
        for bit in (0..bytes.len() * 8).step_by(997) {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, &bad).unwrap();
            if let Ok(segment) = open_segment(&path) {
                let _ = segment.about();
                let _ = segment.all(&mut |_| {});
            }
        }
    }
}
