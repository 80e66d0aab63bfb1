//! A column of a group of rows as bytes: in whichever of the ways that Parquet knows takes least there.
//!
//! Which one that is depends on what the host does: a server's processes are few and named again and again, those of a
//! shell script are all others; ports of clients are drawn, ports of services are not. So a column that is worth it is
//! written in each way that may suit it, and the smallest is kept. Any reader of Parquet reads all of them.

use std::sync::Arc;
use std::sync::LazyLock;

use bytes::Bytes;
use parquet::basic::Compression;
use parquet::basic::Encoding;
use parquet::basic::ZstdLevel;
use parquet::column::writer::ColumnCloseResult;
use parquet::column::writer::ColumnWriter;
use parquet::column::writer::get_column_writer;
use parquet::errors::ParquetError;
use parquet::file::properties::BloomFilterPosition;
use parquet::file::properties::EnabledStatistics;
use parquet::file::properties::WriterProperties;
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::writer::SerializedPageWriter;
use parquet::file::writer::TrackedWrite;
use parquet::schema::types::ColumnDescPtr;
use parquet::schema::types::ColumnPath;

use super::columns::ColumnValues;
use super::segment::GROUP_ROWS;
use super::segment::TIME;

/// Columns that are asked for by value: they carry bloom filters.
const SOUGHT: [&str; 2] = ["remote_address", "dns_name"];

/// How many groups of rows are looked into in vain, of those that lack what is sought.
const FALSE_ALARMS: f64 = 0.01;

/// Columns that rise or stay near their neighbours.
const RISING: [&str; 2] = ["id", "time"];

/// Columns whose values may be few or all others, as the host has it. Of the rest a dictionary is small.
const SCATTERED: [&str; 9] = [
    "process",
    "bytes",
    "bytes_received",
    "packets",
    "local_port",
    "remote_port",
    "before_first_us",
    "before_last_us",
    "before_started_us",
];

/// What takes no more than this is not written in other ways, bytes.
const SMALL: usize = 4 << 10;

/// A segment is sealed once and read seldom.
const ZSTD_LEVEL: i32 = 9;

/// That of the identities of processes, whose dictionary is large in a storm of programs: at the other one the compressor
/// takes 11 MB for it, at this one 6, for the same size.
const IDENTITY_ZSTD_LEVEL: i32 = 8;

/// Largest dictionary of the processes of a group, bytes: each of them stands there but once, as forked, as an image and
/// as ended.
const IDENTITY_DICTIONARY: usize = 8 << 20;

/// Of texts the least and the greatest of a group are told up to this length, bytes: an IPv4 address whole.
const STATISTICS_LENGTH: usize = 16;

/// A column of a group that was written.
pub(super) struct Chunk {
    /// Its pages.
    pub(super) bytes: Bytes,
    /// What the file's end says of it.
    pub(super) close: ColumnCloseResult,
}

/// Ways to write a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Each value once, and its number wherever it stands.
    Dictionary,
    /// By how much each differs from the one before it.
    Differences,
    /// One behind the other.
    Plain,
}

impl Way {
    /// Those that may suit a column; the first is tried first, and the others where that takes much.
    fn suiting(name: &str, values: &ColumnValues<'_>) -> &'static [Self] {
        match values {
            _ if RISING.contains(&name) => &[Self::Differences],
            _ if !SCATTERED.contains(&name) => &[Self::Dictionary],
            ColumnValues::Long(_) | ColumnValues::Int(_) => {
                &[Self::Dictionary, Self::Differences, Self::Plain]
            }
            ColumnValues::Text(_) | ColumnValues::Bytes(_) | ColumnValues::Texts(_) => {
                &[Self::Dictionary, Self::Plain]
            }
        }
    }

    fn properties(self) -> &'static WriterPropertiesPtr {
        static PROPERTIES: LazyLock<[WriterPropertiesPtr; 3]> = LazyLock::new(|| {
            [Way::Dictionary, Way::Differences, Way::Plain].map(|way| Arc::new(written(way)))
        });
        &PROPERTIES[self as usize]
    }
}

/// How a file as a whole is written.
pub(super) fn properties() -> WriterPropertiesPtr {
    Arc::clone(Way::Dictionary.properties())
}

/// Writes a column of a group.
pub(super) fn chunk(
    descr: &ColumnDescPtr,
    name: &str,
    values: &ColumnValues<'_>,
) -> Result<Chunk, ParquetError> {
    let mut smallest: Option<Chunk> = None;
    for way in Way::suiting(name, values) {
        let least = smallest.as_ref().map_or(usize::MAX, |chunk| chunk.bytes.len());
        if least <= SMALL {
            break;
        }
        let other = write(descr, *way, name, values)?;
        if other.bytes.len() < least {
            smallest = Some(other);
        }
    }
    smallest.ok_or_else(|| ParquetError::General("a column that is written in no way".to_owned()))
}

fn write(
    descr: &ColumnDescPtr,
    way: Way,
    name: &str,
    values: &ColumnValues<'_>,
) -> Result<Chunk, ParquetError> {
    let mut sink = TrackedWrite::new(Vec::new());
    let pages = Box::new(SerializedPageWriter::new(&mut sink));
    let mut column = get_column_writer(Arc::clone(descr), Arc::clone(way.properties()), pages);
    write_values(&mut column, name, values)?;
    let mut close = column.close()?;
    // Counts that no reader here needs, of each of ninety columns.
    close.metadata = close
        .metadata
        .into_builder()
        .clear_page_encoding_stats()
        .set_unencoded_byte_array_data_bytes(None)
        .set_repetition_level_histogram(None)
        .set_definition_level_histogram(None)
        .build()?;
    Ok(Chunk { bytes: sink.into_inner()?.into(), close })
}

fn write_values(
    column: &mut ColumnWriter<'_>,
    name: &str,
    values: &ColumnValues<'_>,
) -> Result<(), ParquetError> {
    match (column, values) {
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
    Ok(())
}

fn written(way: Way) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_compression(zstd(ZSTD_LEVEL))
        // A group has a page or few of each column: an index of pages says what the groups' statistics say.
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_statistics_truncate_length(Some(STATISTICS_LENGTH))
        .set_bloom_filter_position(BloomFilterPosition::End)
        .set_created_by(concat!("gumshoe ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_column_dictionary_page_size_limit(ColumnPath::from("process"), IDENTITY_DICTIONARY)
        .set_column_compression(ColumnPath::from("process"), zstd(IDENTITY_ZSTD_LEVEL))
        .set_dictionary_enabled(way == Way::Dictionary);
    match way {
        Way::Dictionary => {}
        Way::Differences => properties = properties.set_encoding(Encoding::DELTA_BINARY_PACKED),
        Way::Plain => properties = properties.set_encoding(Encoding::PLAIN),
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use parquet::file::reader::FileReader;
    use parquet::file::reader::SerializedFileReader;

    use super::*;
    use crate::event::Body;
    use crate::event::Event;
    use crate::id::UnixNs;
    use crate::ring::files::open_segment;
    use crate::ring::segment::SegmentWriter;
    use crate::testing;

    const EVENTS: u32 = 6_000;

    /// Writes flows of these owners from these ports, which must come back, and says how a column is written.
    fn written(owner: fn(u32) -> u32, port: fn(u32) -> u16, column: &str) -> Vec<Encoding> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("segment.parquet");
        let event = |number: u32| {
            let at = UnixNs(i64::from(number) * 1_000);
            let mut flow = testing::flow(owner(number), 443, at);
            flow.local.port = port(number);
            Event { id: u64::from(number), time: at, boot_ns: 0, body: Body::Flow(Box::new(flow)) }
        };
        let events: Vec<_> = (0..EVENTS).map(event).collect();
        let mut segment = SegmentWriter::create(&path).unwrap();
        events.iter().for_each(|event| segment.push(event).unwrap());
        segment.finish().unwrap();
        let mut read = Vec::new();
        open_segment(&path).unwrap().all(&mut |event| read.push(event)).unwrap();
        assert_eq!(read, events);
        encodings(&path, column)
    }

    fn encodings(path: &Path, column: &str) -> Vec<Encoding> {
        let reader = SerializedFileReader::new(std::fs::File::open(path).unwrap()).unwrap();
        let chunks = reader.metadata().row_group(0).columns().iter();
        let chunk = chunks.clone().find(|chunk| chunk.column_path().string() == column).unwrap();
        chunk.encodings().collect()
    }

    fn drawn(number: u32) -> u32 {
        number.wrapping_mul(0x9e37_79b9).rotate_left(13).wrapping_mul(0x85eb_ca6b) >> 8
    }

    #[test]
    fn a_column_is_written_in_the_way_that_suits_the_host() {
        let dictionary = Encoding::RLE_DICTIONARY;
        // A server's workers, and programs of a script.
        assert!(written(|number| drawn(number) % 8, |_| 80, "process").contains(&dictionary));
        assert!(!written(|number| number, |_| 80, "process").contains(&dictionary));
        // Ports of services, and of clients.
        let service = |number| [22, 80, 443, 5432][drawn(number) as usize % 4];
        let client = |number| 32_768 + (drawn(number) % 28_000) as u16;
        assert!(written(|_| 1, service, "local_port").contains(&dictionary));
        assert!(!written(|_| 1, client, "local_port").contains(&dictionary));
    }
}
