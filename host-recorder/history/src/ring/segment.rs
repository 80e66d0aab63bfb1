//! Sealed parts of the ring: Parquet files, one row an event, columns as in [`super::columns`].
//!
//! A file's key-value metadata has `gumshoe.version` (this format), `gumshoe.spans` (JSON: when the recorder ran, as
//! far as this file knows) and `gumshoe.about` (JSON: that, the times that its events tell of, and what was lost).
//! Files are written beside their place and renamed into it. [`super::reader`] reads them.

use std::fs::File;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::basic::Encoding;
use parquet::basic::LogicalType;
use parquet::basic::Repetition;
use parquet::basic::TimeUnit;
use parquet::basic::Type as PhysicalType;
use parquet::basic::ZstdLevel;
use parquet::column::writer::ColumnWriter;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::properties::BloomFilterPosition;
use parquet::file::properties::EnabledStatistics;
use parquet::file::properties::WriterProperties;
use parquet::file::statistics::Statistics;
use parquet::file::writer::SerializedFileWriter;
use parquet::file::writer::SerializedRowGroupWriter;
use parquet::schema::types::ColumnPath;
use parquet::schema::types::Type;
use serde::Deserialize;
use serde::Serialize;

use super::RingError;
use super::about::About;
use super::columns;
use super::columns::COLUMNS;
use super::columns::ColumnKind;
use super::columns::ColumnValues;
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

/// Columns that are asked for by value: they carry bloom filters.
const SOUGHT: [&str; 2] = ["remote_address", "dns_name"];

/// How many groups of rows are looked into in vain, of those that lack what is sought.
const FALSE_ALARMS: f64 = 0.01;

/// Columns that rise or stay near their neighbours: stored as differences.
const RISING: [&str; 2] = ["id", "time"];

/// Columns of numbers of which few are alike where many are there: stored as differences once a dictionary of them
/// grows large.
const SCATTERED: [&str; 8] = [
    "bytes",
    "bytes_received",
    "packets",
    "local_port",
    "remote_port",
    "before_first_us",
    "before_last_us",
    "before_started_us",
];

/// The one timestamp: in µs, as whole as a ring keeps times; in version 1 in ns.
pub(super) const TIME: &str = "time";

/// A segment is sealed once and read seldom.
const ZSTD_LEVEL: i32 = 9;

/// That of the identities of processes, whose dictionary is large in a storm of programs: at the other one the compressor
/// takes 11 MB for it, at this one 6, for the same size.
const IDENTITY_ZSTD_LEVEL: i32 = 8;

/// Largest dictionary of such a column, bytes.
const SCATTERED_DICTIONARY: usize = 16 << 10;

/// Largest dictionary of the processes of a group, bytes.
const IDENTITY_DICTIONARY: usize = 8 << 20;

/// Of texts the least and the greatest of a group are told up to this length, bytes: an IPv4 address whole.
const STATISTICS_LENGTH: usize = 16;

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
    SerializedFileWriter::new(file, Arc::new(schema()?), Arc::new(properties()))
}

/// Puts into a file what stands in it.
pub(super) fn describe(writer: &mut SerializedFileWriter<File>, about: &About) -> Result<(), RingError> {
    let json = |source| RingError::Spans { source };
    let spans = serde_json::to_string(&about.spans).map_err(json)?;
    let about = serde_json::to_string(about).map_err(json)?;
    for (key, value) in [(VERSION_KEY, VERSION.to_owned()), (SPANS_KEY, spans), (ABOUT_KEY, about)] {
        writer.append_key_value_metadata(KeyValue::new(key.to_owned(), value));
    }
    Ok(())
}

fn properties() -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_compression(zstd(ZSTD_LEVEL))
        // A group has a page or few of each column: an index of pages says what the groups' statistics say.
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_statistics_truncate_length(Some(STATISTICS_LENGTH))
        .set_bloom_filter_position(BloomFilterPosition::End)
        .set_created_by(concat!("gumshoe ", env!("CARGO_PKG_VERSION")).to_owned());
    // A process stands in up to three rows of a group, as forked, as an image and as ended: named in full but once.
    let identities = ColumnPath::from("process");
    properties = properties
        .set_column_dictionary_page_size_limit(identities.clone(), IDENTITY_DICTIONARY)
        .set_column_compression(identities, zstd(IDENTITY_ZSTD_LEVEL));
    for name in RISING {
        let column = ColumnPath::from(name);
        properties = properties
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
    }
    for name in SCATTERED {
        let column = ColumnPath::from(name);
        properties = properties
            .set_column_dictionary_page_size_limit(column.clone(), SCATTERED_DICTIONARY)
            .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
    }
    for name in SOUGHT {
        properties = properties
            .set_column_bloom_filter_enabled(ColumnPath::from(name), true)
            .set_column_bloom_filter_fpp(ColumnPath::from(name), FALSE_ALARMS)
            .set_column_bloom_filter_max_ndv(ColumnPath::from(name), GROUP_ROWS as u64);
    }
    properties.build()
}

fn zstd(level: i32) -> Compression {
    Compression::ZSTD(ZstdLevel::try_new(level).unwrap_or_default())
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
    let mut group = writer.next_row_group()?;
    let mut outcome = Ok(());
    rows.visit(|name, values| {
        if outcome.is_ok() {
            outcome = write_column(&mut group, name, &values);
        }
    });
    outcome?;
    group.close().map(|_| ())
}

fn write_column(
    group: &mut SerializedRowGroupWriter<'_, File>,
    name: &str,
    values: &ColumnValues<'_>,
) -> Result<(), ParquetError> {
    let missing = || ParquetError::General("fewer columns in the schema than in a row".to_owned());
    let mut column = group.next_column()?.ok_or_else(missing)?;
    match (column.untyped(), values) {
        (ColumnWriter::Int64ColumnWriter(writer), ColumnValues::Long(values)) => {
            let whole: Vec<i64>;
            let present = if name == TIME {
                whole = values.present.iter().map(|ns| ns.div_euclid(1_000)).collect();
                &whole
            } else {
                &values.present
            };
            writer.write_batch(present, Some(&values.definition()), None)?;
        }
        (ColumnWriter::Int32ColumnWriter(writer), ColumnValues::Int(values)) => {
            writer.write_batch(&values.present, Some(&values.definition()), None)?;
        }
        (
            ColumnWriter::ByteArrayColumnWriter(writer),
            ColumnValues::Text(values) | ColumnValues::Bytes(values),
        ) => {
            writer.write_batch(&values.present, Some(&values.definition()), None)?;
        }
        (ColumnWriter::ByteArrayColumnWriter(writer), ColumnValues::Texts(lists)) => {
            writer.write_batch(&lists.present, Some(&lists.definition), Some(&lists.repetition))?;
        }
        _ => {
            return Err(ParquetError::General("a column is of another type than its values".to_owned()));
        }
    }
    column.close()
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
