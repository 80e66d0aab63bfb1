//! Sealed parts of the ring: Parquet files, one row an event, columns as in [`super::columns`].
//!
//! A file's key-value metadata has `gumshoe.version` (this format), `gumshoe.spans` (JSON: when the recorder
//! ran, as far as this file knows) and `gumshoe.ids`. Files are written beside their place and renamed into it.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::basic::Encoding;
use parquet::basic::LogicalType;
use parquet::basic::Repetition;
use parquet::basic::TimeUnit;
use parquet::basic::Type as PhysicalType;
use parquet::basic::ZstdLevel;
use parquet::column::reader::ColumnReader;
use parquet::column::reader::ColumnReaderImpl;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::FileReader;
use parquet::file::reader::SerializedFileReader;
use parquet::file::writer::SerializedFileWriter;
use parquet::file::writer::SerializedRowGroupWriter;
use parquet::schema::types::ColumnPath;
use parquet::schema::types::Type;

use super::RingError;
use super::columns::COLUMNS;
use super::columns::ColumnKind;
use super::columns::ColumnValues;
use super::columns::ReadValues;
use super::columns::Row;
use super::spans::Span;
use crate::event::Event;

/// Version of the format of a segment.
const VERSION: &str = "1";
const VERSION_KEY: &str = "gumshoe.version";
const SPANS_KEY: &str = "gumshoe.spans";

/// Rows in a row group.
const GROUP_ROWS: usize = 1 << 16;

/// Columns that are asked for by value: they carry bloom filters.
const SOUGHT: [&str; 2] = ["remote_address", "process"];

/// Columns that rise or stay near their neighbours: stored as differences.
const RISING: [&str; 6] = ["id", "time", "boot_ns", "started", "first", "last"];

/// Writes a segment; it is complete and on disk when this returns.
pub(super) fn write_segment(path: &Path, events: &[Event], spans: &[Span]) -> Result<(), RingError> {
    let wrong = |source| RingError::Parquet { path: path.to_owned(), source };
    let spans = serde_json::to_string(spans).map_err(|source| RingError::Spans { source })?;
    let file = File::create(path).map_err(|source| RingError::io("create", path, source))?;
    let sync = file.try_clone().map_err(|source| RingError::io("open", path, source))?;
    let mut writer =
        SerializedFileWriter::new(file, Arc::new(schema().map_err(wrong)?), Arc::new(properties(spans)))
            .map_err(wrong)?;
    for group in events.chunks(GROUP_ROWS) {
        let rows: Vec<Row> = group.iter().map(Row::of).collect();
        write_group(&mut writer, &rows).map_err(wrong)?;
    }
    writer.close().map_err(wrong)?;
    sync.sync_all().map_err(|source| RingError::io("write", path, source))
}

/// Reads the events of a segment.
pub(super) fn read_segment(path: &Path) -> Result<Vec<Event>, RingError> {
    let wrong = |source| RingError::Parquet { path: path.to_owned(), source };
    let reader = open(path)?;
    let mut events = Vec::new();
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).map_err(wrong)?;
        let count = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
        let mut rows = vec![Row::default(); count];
        for index in 0..group.num_columns() {
            let name = group.metadata().column(index).column_path().parts()[0].clone();
            let reader = group.get_column_reader(index).map_err(wrong)?;
            let Some((_, kind)) = COLUMNS.iter().find(|(known, _)| *known == name) else {
                continue;
            };
            if let Some(values) = read_column(reader, *kind, count).map_err(wrong)? {
                Row::set_column(&mut rows, &name, values);
            }
        }
        events.extend(rows.into_iter().filter_map(Row::event));
    }
    Ok(events)
}

/// Reads when the recorder ran, as far as a segment knows, without reading its events.
pub(super) fn read_spans(path: &Path) -> Result<Vec<Span>, RingError> {
    let reader = open(path)?;
    let metadata = reader.metadata().file_metadata().key_value_metadata();
    let value = |key: &str| {
        let pair = metadata?.iter().find(|pair| pair.key == key)?;
        pair.value.clone()
    };
    let version = value(VERSION_KEY).unwrap_or_default();
    if version != VERSION {
        return Err(RingError::SegmentVersion { path: path.to_owned(), version });
    }
    serde_json::from_str(&value(SPANS_KEY).unwrap_or_default()).map_err(|source| RingError::Spans { source })
}

fn open(path: &Path) -> Result<SerializedFileReader<File>, RingError> {
    let file = File::open(path).map_err(|source| RingError::io("open", path, source))?;
    SerializedFileReader::new(file).map_err(|source| RingError::Parquet { path: path.to_owned(), source })
}

fn properties(spans: String) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).unwrap_or_default()))
        .set_created_by(concat!("gumshoe ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(vec![
            KeyValue::new(VERSION_KEY.to_owned(), VERSION.to_owned()),
            KeyValue::new(SPANS_KEY.to_owned(), spans),
        ]));
    for name in RISING {
        let column = ColumnPath::from(name);
        properties = properties
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
    }
    for name in SOUGHT {
        properties = properties.set_column_bloom_filter_enabled(ColumnPath::from(name), true);
    }
    properties.build()
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
        ColumnKind::Long if ["time", "started", "first", "last"].contains(name) => {
            let unit = LogicalType::timestamp(true, TimeUnit::NANOS);
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
    let fields = COLUMNS.iter().map(field).collect::<Result<Vec<_>, _>>()?;
    Type::group_type_builder("event").with_fields(fields).build()
}

fn write_group(writer: &mut SerializedFileWriter<File>, rows: &[Row]) -> Result<(), ParquetError> {
    let mut group = writer.next_row_group()?;
    let mut outcome = Ok(());
    Row::columns(rows, |values| {
        if outcome.is_ok() {
            outcome = write_column(&mut group, &values);
        }
    });
    outcome?;
    group.close().map(|_| ())
}

fn write_column(
    group: &mut SerializedRowGroupWriter<'_, File>,
    values: &ColumnValues<'_>,
) -> Result<(), ParquetError> {
    let missing = || ParquetError::General("fewer columns in the schema than in a row".to_owned());
    let mut column = group.next_column()?.ok_or_else(missing)?;
    match (column.untyped(), values) {
        (ColumnWriter::Int64ColumnWriter(writer), ColumnValues::Long(values)) => {
            let present: Vec<i64> = values.iter().flatten().copied().collect();
            writer.write_batch(&present, Some(&levels(values)), None)?;
        }
        (ColumnWriter::Int32ColumnWriter(writer), ColumnValues::Int(values)) => {
            let present: Vec<i32> = values.iter().flatten().copied().collect();
            writer.write_batch(&present, Some(&levels(values)), None)?;
        }
        (ColumnWriter::ByteArrayColumnWriter(writer), ColumnValues::Text(values)) => {
            let present: Vec<ByteArray> = values.iter().flatten().map(|text| (*text).into()).collect();
            writer.write_batch(&present, Some(&levels(values)), None)?;
        }
        (ColumnWriter::ByteArrayColumnWriter(writer), ColumnValues::Bytes(values)) => {
            let present: Vec<ByteArray> =
                values.iter().flatten().map(|bytes| bytes.to_vec().into()).collect();
            writer.write_batch(&present, Some(&levels(values)), None)?;
        }
        (ColumnWriter::ByteArrayColumnWriter(writer), ColumnValues::Texts(values)) => {
            let (present, definition, repetition) = list_levels(values);
            writer.write_batch(&present, Some(&definition), Some(&repetition))?;
        }
        _ => {
            return Err(ParquetError::General("a column is of another type than its values".to_owned()));
        }
    }
    column.close()
}

/// Definition levels of a plain optional column.
fn levels<T>(values: &[Option<T>]) -> Vec<i16> {
    values.iter().map(|value| i16::from(value.is_some())).collect()
}

/// Values and levels of an optional list of required texts: 0 no list, 1 an empty one, 2 an element.
fn list_levels(values: &[Option<&[String]>]) -> (Vec<ByteArray>, Vec<i16>, Vec<i16>) {
    let (mut present, mut definition, mut repetition) = (Vec::new(), Vec::new(), Vec::new());
    for value in values {
        match value {
            None | Some([]) => {
                definition.push(i16::from(value.is_some()));
                repetition.push(0);
            }
            Some(texts) => {
                for (index, text) in texts.iter().enumerate() {
                    present.push(text.as_str().into());
                    definition.push(2);
                    repetition.push(i16::from(index > 0));
                }
            }
        }
    }
    (present, definition, repetition)
}

/// Reads one column; none where the file has it in another type than this version.
fn read_column(
    reader: ColumnReader,
    kind: ColumnKind,
    rows: usize,
) -> Result<Option<ReadValues>, ParquetError> {
    Ok(Some(match (reader, kind) {
        (ColumnReader::Int64ColumnReader(reader), ColumnKind::Long) => {
            ReadValues::Long(read_plain(reader, rows, |value| value)?)
        }
        (ColumnReader::Int32ColumnReader(reader), ColumnKind::Int) => {
            ReadValues::Int(read_plain(reader, rows, |value| value)?)
        }
        (ColumnReader::ByteArrayColumnReader(reader), ColumnKind::Text) => {
            ReadValues::Text(read_plain(reader, rows, read_text)?)
        }
        (ColumnReader::ByteArrayColumnReader(reader), ColumnKind::Bytes) => {
            ReadValues::Bytes(read_plain(reader, rows, |bytes| bytes.data().to_vec())?)
        }
        (ColumnReader::ByteArrayColumnReader(reader), ColumnKind::Texts) => {
            ReadValues::Texts(read_lists(reader, rows)?)
        }
        _ => return Ok(None),
    }))
}

fn read_text(bytes: ByteArray) -> String {
    String::from_utf8_lossy(bytes.data()).into_owned()
}

fn read_plain<T: DataType, V>(
    mut reader: ColumnReaderImpl<T>,
    rows: usize,
    value: impl Fn(T::T) -> V,
) -> Result<Vec<Option<V>>, ParquetError> {
    let (mut present, mut definition) = (Vec::new(), Vec::new());
    while definition.len() < rows {
        let (records, _, _) =
            reader.read_records(rows - definition.len(), Some(&mut definition), None, &mut present)?;
        if records == 0 {
            break;
        }
    }
    let mut present = present.into_iter();
    Ok(definition.iter().map(|level| if *level > 0 { present.next().map(&value) } else { None }).collect())
}

fn read_lists(
    mut reader: ColumnReaderImpl<parquet::data_type::ByteArrayType>,
    rows: usize,
) -> Result<Vec<Option<Vec<String>>>, ParquetError> {
    let (mut present, mut definition, mut repetition) = (Vec::new(), Vec::new(), Vec::new());
    let mut read = 0;
    while read < rows {
        let (records, _, _) =
            reader.read_records(rows - read, Some(&mut definition), Some(&mut repetition), &mut present)?;
        if records == 0 {
            break;
        }
        read += records;
    }
    let mut present = present.into_iter().map(read_text);
    let mut lists: Vec<Option<Vec<String>>> = Vec::with_capacity(rows);
    for (level, repeated) in definition.iter().zip(&repetition) {
        if *repeated == 0 {
            lists.push((*level > 0).then(Vec::new));
        }
        if *level == 2
            && let (Some(Some(list)), Some(text)) = (lists.last_mut(), present.next())
        {
            list.push(text);
        }
    }
    Ok(lists)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_segment_gives_back_its_events() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("segment.parquet");
        let events = testing::events(70_000);
        let spans = vec![Span { from: events[0].time, started: true, to: events[9].time, end: None }];
        write_segment(&path, &events, &spans).unwrap();
        assert_eq!(read_segment(&path).unwrap(), events);
        assert_eq!(read_spans(&path).unwrap(), spans);
    }

    #[test]
    fn a_damaged_segment_is_an_error_and_no_panic() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("segment.parquet");
        write_segment(&path, &testing::events(50), &[]).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for end in (0..bytes.len()).step_by(97) {
            std::fs::write(&path, &bytes[..end]).unwrap();
            assert!(read_segment(&path).is_err(), "cut at {end}");
        }
    }
}
