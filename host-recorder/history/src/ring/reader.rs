//! Reading a segment: its footer, then only those groups of rows, columns and rows that are needed.

use std::collections::HashSet;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::path::PathBuf;

use parquet::basic::Type as PhysicalType;
use parquet::bloom_filter::Sbbf;
use parquet::column::reader::ColumnReader;
use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::ByteArray;
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::FileReader;
use parquet::file::reader::SerializedFileReader;
use parquet::file::statistics::Statistics;

use super::RingError;
use super::about::About;
use super::checked::Checked;
use super::columns::COLUMNS;
use super::columns::ColumnKind;
use super::columns::ReadValues;
use super::columns::Row;
use super::segment::ABOUT_KEY;
use super::segment::Filters;
use super::segment::READABLE;
use super::segment::SPANS_KEY;
use super::segment::TIME;
use super::segment::VERSION_KEY;
use super::select::Selection;
use super::select::Sought;
use crate::event::Event;
use crate::id::ProcessId;
use crate::targets::EndpointSet;

/// Rows that are turned into events at once.
const ROWS_AT_ONCE: usize = 4096;

/// Values of a column that are looked through at once: few enough to stay where they were put.
const VALUES_AT_ONCE: usize = 1024;

/// Rows of a group that are read: more than were ever written.
const GROUP_ROWS_MAX: usize = 1 << 17;

/// Largest filter that is read, bytes.
const FILTER_MAX: usize = 4 << 20;

/// Steps from a process to its ancestors.
const ANCESTORS_MAX: usize = 64;

/// A segment whose footer was read.
pub(super) struct Segment {
    path: PathBuf,
    bytes: Checked,
    reader: SerializedFileReader<Checked>,
}

impl Segment {
    /// Reads the footer of a segment that is known by a path.
    pub(super) fn new(path: PathBuf, bytes: Checked) -> Result<Self, RingError> {
        let again = bytes.clone();
        let reader = catch_unwind(AssertUnwindSafe(|| SerializedFileReader::new(again)))
            .unwrap_or_else(|_| {
                Err(ParquetError::General("damaged: its footer cannot be decoded".to_owned()))
            })
            .map_err(|source| RingError::Parquet { path: path.clone(), source })?;
        let segment = Self { path, bytes, reader };
        let version = segment.value(VERSION_KEY).unwrap_or_default();
        if !READABLE.contains(&version.as_str()) {
            return Err(RingError::SegmentVersion { path: segment.path, version });
        }
        Ok(segment)
    }

    /// What it says of itself; an older one says only when the recorder ran, the rest its events tell.
    pub(super) fn about(&self) -> Result<About, RingError> {
        if let Some(about) = self.value(ABOUT_KEY) {
            return serde_json::from_str(&about).map_err(|source| RingError::Spans { source });
        }
        let mut about = About::new();
        self.all(&mut |event| about.add(&event))?;
        if let Some(spans) = self.value(SPANS_KEY) {
            about.spans = serde_json::from_str(&spans).map_err(|source| RingError::Spans { source })?;
        }
        Ok(about)
    }

    /// All events, in order.
    pub(super) fn all(&self, visit: &mut dyn FnMut(Event)) -> Result<(), RingError> {
        self.guarded(|| {
            for group in 0..self.reader.num_row_groups() {
                let rows: Vec<usize> = (0..self.rows_of(group)).collect();
                self.events(group, &rows, visit)?;
            }
            Ok(())
        })
    }

    /// The events that a selection needs, in order. Others may be among them.
    pub(super) fn selected(
        &self,
        selection: &Selection<'_>,
        visit: &mut dyn FnMut(Event),
    ) -> Result<(), RingError> {
        self.guarded(|| {
            let rows = self.rows(selection)?;
            for (group, rows) in rows.iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
                self.events(group, rows, visit)?;
            }
            Ok(())
        })
    }

    /// The library that reads Parquet panics on some damage; for a ring that is an ordinary error.
    fn guarded(&self, read: impl FnOnce() -> Result<(), ParquetError>) -> Result<(), RingError> {
        let wrong = |source| RingError::Parquet { path: self.path.clone(), source };
        match catch_unwind(AssertUnwindSafe(read)) {
            Ok(outcome) => outcome.map_err(wrong),
            Err(_) => Err(wrong(ParquetError::General("damaged: it cannot be decoded".to_owned()))),
        }
    }

    /// Rows that a selection needs, by group.
    fn rows(&self, selection: &Selection<'_>) -> Result<Vec<Vec<usize>>, ParquetError> {
        let groups = 0..self.reader.num_row_groups();
        let Some(sought) = selection.sought else {
            return groups.map(|group| self.rows_touching(group, selection)).collect();
        };
        let mut found = Vec::new();
        for group in groups {
            let mut rows = self.rows_to(group, sought.remotes)?;
            if !sought.names.is_empty() {
                rows.extend(self.rows_with_text(group, "dns_name", sought.names)?);
                rows.sort_unstable();
                rows.dedup();
            }
            found.push(rows);
        }
        if found.iter().any(|rows| !rows.is_empty()) {
            self.add_explanations(&mut found)?;
        }
        Ok(found)
    }

    /// Rows of a group without those that tell of traffic, names or operations at another time.
    fn rows_touching(&self, group: usize, selection: &Selection<'_>) -> Result<Vec<usize>, ParquetError> {
        let (from, to) = (selection.window.from.0, selection.window.to.0);
        let all = 0..self.rows_of(group);
        let kinds = self.texts(group, "kind")?;
        let times = self.nanoseconds(group, TIME)?;
        // Of each the one that this version has.
        let present = |names: [&str; 2]| -> Result<Vec<Option<i64>>, ParquetError> {
            let one = self.nanoseconds(group, names[0])?;
            if one.is_empty() { self.nanoseconds(group, names[1]) } else { Ok(one) }
        };
        let (firsts, lasts) = (self.nanoseconds(group, "first")?, self.nanoseconds(group, "last")?);
        let before_firsts = present(["before_first_us", "before_first"])?;
        let before_lasts = present(["before_last_us", "before_last"])?;
        let value = |values: &[Option<i64>], row: usize| values.get(row).copied().flatten();
        let at = |absolute: &[Option<i64>], before: &[Option<i64>], row: usize| {
            let by_time = || Some(value(&times, row)?.saturating_sub(value(before, row)?));
            value(absolute, row).or_else(by_time)
        };
        let needed = |row: &usize| match kinds.get(*row).and_then(Option::as_ref).map(ByteArray::data) {
            Some(b"flow" | b"targets") => {
                at(&firsts, &before_firsts, *row).is_none_or(|first| first <= to)
                    && at(&lasts, &before_lasts, *row).is_none_or(|last| last >= from)
            }
            // Names are looked for, and sockets that hide packets stay, from before the window.
            Some(b"dns" | b"operation") => value(&times, *row).is_none_or(|time| time <= to),
            _ => true,
        };
        Ok(all.filter(needed).collect())
    }

    /// Rows of a group whose remote side, or one of whose targets, lies in one of the prefixes.
    fn rows_to(&self, group: usize, remotes: &[crate::evidence::Prefix]) -> Result<Vec<usize>, ParquetError> {
        let mut rows = Vec::new();
        let asked = |address: IpAddr| remotes.iter().any(|prefix| prefix.contains(address));
        let exact: Option<Vec<String>> = remotes
            .iter()
            .map(|prefix| prefix.is_one_address().then(|| prefix.address.to_string()))
            .collect();
        let worth_reading = match (&exact, self.chunk(group, "remote_address")) {
            (_, None) => false,
            (Some(exact), Some((_, chunk))) => self.may_hold(chunk, exact)?,
            (None, Some(_)) => !remotes.is_empty(),
        };
        if worth_reading {
            // The same few texts come again and again: each is read once.
            let mut known: std::collections::HashMap<Vec<u8>, bool> = std::collections::HashMap::new();
            self.scan(group, "remote_address", &mut |row, text| {
                let found = match &exact {
                    Some(exact) => exact.iter().any(|exact| exact.as_bytes() == text.data()),
                    None => match known.get(text.data()) {
                        Some(found) => *found,
                        None => {
                            let found = read_text(text).parse().is_ok_and(asked);
                            known.insert(text.data().to_vec(), found);
                            found
                        }
                    },
                };
                if found {
                    rows.push(row);
                }
            })?;
        }
        if !remotes.is_empty() {
            self.scan(group, "targets", &mut |row, bytes| {
                if EndpointSet::from_bytes(bytes.data().to_vec()).is_some_and(|set| set.any(asked)) {
                    rows.push(row);
                }
            })?;
            rows.sort_unstable();
        }
        Ok(rows)
    }

    fn rows_with_text(
        &self,
        group: usize,
        name: &str,
        sought: &[String],
    ) -> Result<Vec<usize>, ParquetError> {
        match self.chunk(group, name) {
            Some((_, chunk)) if self.may_hold(chunk, sought)? => {}
            _ => return Ok(Vec::new()),
        }
        let mut rows = Vec::new();
        self.scan(group, name, &mut |row, text| {
            if sought.iter().any(|it| it.as_bytes() == text.data()) {
                rows.push(row);
            }
        })?;
        Ok(rows)
    }

    /// Every login, and every image of the programs asked for, whatever the time.
    pub(super) fn habits(&self, programs: &[String], visit: &mut dyn FnMut(Event)) -> Result<(), RingError> {
        self.guarded(|| {
            for group in 0..self.reader.num_row_groups() {
                let (mut images, mut rows) = (Vec::new(), Vec::new());
                self.scan(group, "kind", &mut |row, kind| match kind.data() {
                    b"process" => images.push(row),
                    b"login" => rows.push(row),
                    _ => {}
                })?;
                let exes = self.texts_of(group, "exe", &images)?;
                let is_asked = |exe: &Option<ByteArray>| {
                    exe.as_ref().is_some_and(|exe| programs.iter().any(|it| it.as_bytes() == exe.data()))
                };
                rows.extend(images.iter().zip(&exes).filter(|(_, exe)| is_asked(exe)).map(|(row, _)| *row));
                rows.sort_unstable();
                if !rows.is_empty() {
                    self.events(group, &rows, visit)?;
                }
            }
            Ok(())
        })
    }

    /// Adds the rows that say who the processes of the rows found are: images, forks, ends, logins.
    fn add_explanations(&self, found: &mut [Vec<usize>]) -> Result<(), ParquetError> {
        let mut named: HashSet<Vec<u8>> = HashSet::new();
        for (group, rows) in found.iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            for name in ["process", "sender"] {
                let ids = self.texts_of(group, name, rows)?;
                named.extend(ids.iter().flatten().map(|id| id.data().to_vec()));
            }
        }
        let mut identities = Vec::new();
        for group in 0..found.len() {
            // Most rows are traffic: of the others alone it is read who they are.
            let (mut rows, mut tell_parents) = (Vec::new(), Vec::new());
            self.scan(group, "kind", &mut |row, kind| {
                if matches!(kind.data(), b"process" | b"fork" | b"exit" | b"login" | b"operation") {
                    rows.push(row);
                    tell_parents.push(matches!(kind.data(), b"process" | b"fork"));
                }
            })?;
            let ids = self.texts_of(group, "process", &rows)?;
            let parents = self.texts_of(group, "parent", &rows)?;
            for (index, (row, tells_parent)) in rows.into_iter().zip(tell_parents).enumerate() {
                let id = ids.get(index).cloned().flatten();
                let parent = parents.get(index).cloned().flatten();
                identities.push((group, row, id, parent.filter(|_| tells_parent)));
            }
        }
        for _ in 0..ANCESTORS_MAX {
            let before = named.len();
            for (_, _, id, parent) in &identities {
                if id.as_ref().is_some_and(|id| named.contains(id.data())) {
                    named.extend(parent.as_ref().map(|parent| parent.data().to_vec()));
                }
            }
            if named.len() == before {
                break;
            }
        }
        // A login is of the process that let the person in, in whichever image that was.
        let whole = |id: &[u8]| {
            let id: ProcessId = std::str::from_utf8(id).ok()?.parse().ok()?;
            Some((id.boot, id.tgid, id.start_ns))
        };
        let processes: HashSet<_> = named.iter().filter_map(|id| whole(id)).collect();
        for (group, row, id, _) in identities {
            let is_named = |id: &ByteArray| {
                named.contains(id.data()) || whole(id.data()).is_some_and(|id| processes.contains(&id))
            };
            if id.as_ref().is_some_and(is_named) {
                found[group].push(row);
            }
        }
        for rows in found {
            rows.sort_unstable();
            rows.dedup();
        }
        Ok(())
    }

    /// Turns rows of a group into events, by their numbers: in the file those of one kind stand together.
    fn events(&self, group: usize, rows: &[usize], visit: &mut dyn FnMut(Event)) -> Result<(), ParquetError> {
        let metadata = self.reader.metadata().row_group(group);
        let reader = self.reader.get_row_group(group)?;
        let mut columns = Vec::new();
        for (index, chunk) in metadata.columns().iter().enumerate() {
            let name = &chunk.column_path().parts()[0];
            let known = COLUMNS.iter().find(|(known, _)| known == name);
            if let Some((name, kind)) = known.filter(|_| !is_empty(chunk)) {
                columns.push((*name, *kind, reader.get_column_reader(index)?, 0));
            }
        }
        let mut events: Vec<Event> = Vec::with_capacity(rows.len());
        for rows in rows.chunks(ROWS_AT_ONCE) {
            let mut read = vec![Row::default(); rows.len()];
            for (name, kind, column, at) in &mut columns {
                if let Some(mut values) = read_column(column, *kind, rows, at)? {
                    if *name == TIME
                        && let ReadValues::Long(times) = &mut values
                    {
                        self.to_ns(times);
                    }
                    Row::set_column(&mut read, name, values);
                }
            }
            events.extend(read.into_iter().filter_map(Row::event));
        }
        events.sort_by_key(|event| event.id);
        events.into_iter().for_each(visit);
        Ok(())
    }

    /// A column of texts or bytes; empty where the group has nothing in it.
    fn texts(&self, group: usize, name: &str) -> Result<Vec<Option<ByteArray>>, ParquetError> {
        let rows = self.rows_of(group);
        match self.column(group, name)? {
            Some(ColumnReader::ByteArrayColumnReader(mut reader)) => read_run(&mut reader, rows),
            _ => Ok(Vec::new()),
        }
    }

    /// Hands on the texts or bytes that a column has, each with its row.
    fn scan(
        &self,
        group: usize,
        name: &str,
        each: &mut dyn FnMut(usize, &ByteArray),
    ) -> Result<(), ParquetError> {
        let Some(ColumnReader::ByteArrayColumnReader(mut reader)) = self.column(group, name)? else {
            return Ok(());
        };
        let (mut present, mut definition) = (Vec::new(), Vec::new());
        let (rows, mut row) = (self.rows_of(group), 0);
        while row < rows {
            present.clear();
            definition.clear();
            let wanted = VALUES_AT_ONCE.min(rows - row);
            let (records, _, _) = reader.read_records(wanted, Some(&mut definition), None, &mut present)?;
            if records == 0 {
                break;
            }
            let mut values = present.iter();
            for (nth, _) in definition.iter().enumerate().filter(|(_, level)| **level > 0) {
                values.next().into_iter().for_each(|value| each(row + nth, value));
            }
            row += records;
        }
        Ok(())
    }

    /// [`Self::texts`] of some rows, which rise.
    fn texts_of(
        &self,
        group: usize,
        name: &str,
        rows: &[usize],
    ) -> Result<Vec<Option<ByteArray>>, ParquetError> {
        match self.column(group, name)? {
            Some(ColumnReader::ByteArrayColumnReader(mut reader)) if !rows.is_empty() => {
                read_rows(&mut reader, rows, &mut 0, |text| text)
            }
            _ => Ok(Vec::new()),
        }
    }

    /// A column of numbers in ns; `time` is in ns or µs, by the version, and so are others by their names.
    fn nanoseconds(&self, group: usize, name: &str) -> Result<Vec<Option<i64>>, ParquetError> {
        let rows = self.rows_of(group);
        let mut values = match self.column(group, name)? {
            Some(ColumnReader::Int64ColumnReader(mut reader)) => read_run(&mut reader, rows)?,
            _ => Vec::new(),
        };
        if name == TIME {
            self.to_ns(&mut values);
        } else if name.ends_with("_us") {
            times_1000(&mut values);
        }
        Ok(values)
    }

    /// Times of the column `time`, which was in ns in version 1.
    fn to_ns(&self, times: &mut [Option<i64>]) {
        if self.value(VERSION_KEY).as_deref() != Some("1") {
            times_1000(times);
        }
    }

    fn column(&self, group: usize, name: &str) -> Result<Option<ColumnReader>, ParquetError> {
        match self.chunk(group, name) {
            Some((index, chunk)) if !is_empty(chunk) => {
                self.reader.get_row_group(group)?.get_column_reader(index).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn chunk(&self, group: usize, name: &str) -> Option<(usize, &ColumnChunkMetaData)> {
        let chunks = self.reader.metadata().row_group(group).columns();
        chunks.iter().enumerate().find(|(_, chunk)| chunk.column_path().string() == name)
    }

    /// Whether a chunk may hold one of some texts, as far as its bloom filter tells.
    fn may_hold(&self, chunk: &ColumnChunkMetaData, texts: &[String]) -> Result<bool, ParquetError> {
        if is_empty(chunk) || chunk.column_type() != PhysicalType::BYTE_ARRAY {
            return Ok(false);
        }
        let filter = Sbbf::read_from_column_chunk(chunk, &self.bytes)?;
        Ok(filter.is_none_or(|filter| texts.iter().any(|text| filter.check(text.as_str()))))
    }

    /// At most as many as are ever written: a damaged footer may say anything.
    fn rows_of(&self, group: usize) -> usize {
        let rows = self.reader.metadata().row_group(group).num_rows();
        usize::try_from(rows).unwrap_or(0).min(GROUP_ROWS_MAX)
    }

    fn value(&self, key: &str) -> Option<String> {
        let pairs = self.reader.metadata().file_metadata().key_value_metadata()?;
        pairs.iter().find(|pair| pair.key == key)?.value.clone()
    }
}

/// Whether a segment may hold what is sought, as far as its filters tell without its footer.
pub(super) fn may_hold(bytes: &Checked, filters: &Filters, sought: &Sought<'_>) -> std::io::Result<bool> {
    let exact: Option<Vec<String>> = sought
        .remotes
        .iter()
        .map(|prefix| prefix.is_one_address().then(|| prefix.address.to_string()))
        .collect();
    let Some(exact) = exact.filter(|_| filters.whole && sought.names.is_empty()) else {
        return Ok(true);
    };
    for (at, length) in &filters.remote {
        let filter = bytes.range(*at, usize::try_from(*length).unwrap_or(0).min(FILTER_MAX))?;
        match Sbbf::from_bytes(&filter) {
            Ok(filter) if !exact.iter().any(|text| filter.check(text.as_str())) => {}
            _ => return Ok(true),
        }
    }
    Ok(false)
}

/// Whether a chunk says that it has no value at all. Of lists that is not known: one that is empty is a null, too.
fn is_empty(chunk: &ColumnChunkMetaData) -> bool {
    if chunk.column_descr().max_rep_level() > 0 {
        return false;
    }
    let nulls = chunk.statistics().and_then(Statistics::null_count_opt);
    nulls.is_some_and(|nulls| i64::try_from(nulls).is_ok_and(|nulls| nulls == chunk.num_values()))
}

/// Reads rows of one column, from where its reader stands; none where the file has it in another type than this
/// version. `rows` rise and begin no earlier than `at`, which is moved behind them.
fn read_column(
    reader: &mut ColumnReader,
    kind: ColumnKind,
    rows: &[usize],
    at: &mut usize,
) -> Result<Option<ReadValues>, ParquetError> {
    let text = |text: ByteArray| read_text(&text);
    Ok(Some(match (reader, kind) {
        (ColumnReader::Int64ColumnReader(reader), ColumnKind::Long) => {
            ReadValues::Long(read_rows(reader, rows, at, |value| value)?)
        }
        (ColumnReader::Int32ColumnReader(reader), ColumnKind::Int) => {
            ReadValues::Int(read_rows(reader, rows, at, |value| value)?)
        }
        (ColumnReader::ByteArrayColumnReader(reader), ColumnKind::Text) => {
            ReadValues::Text(read_rows(reader, rows, at, text)?)
        }
        (ColumnReader::ByteArrayColumnReader(reader), ColumnKind::Bytes) => {
            ReadValues::Bytes(read_rows(reader, rows, at, |bytes| bytes.data().to_vec())?)
        }
        (ColumnReader::ByteArrayColumnReader(reader), ColumnKind::Texts) => {
            ReadValues::Texts(read_lists(reader, rows, at)?)
        }
        _ => return Ok(None),
    }))
}

fn times_1000(values: &mut [Option<i64>]) {
    values.iter_mut().flatten().for_each(|value| *value = value.saturating_mul(1_000));
}

fn read_text(bytes: &ByteArray) -> String {
    String::from_utf8_lossy(bytes.data()).into_owned()
}

/// Runs of neighbouring rows: first row and how many.
fn runs(rows: &[usize]) -> impl Iterator<Item = (usize, usize)> {
    rows.chunk_by(|one, next| one + 1 == *next).map(|run| (run[0], run.len()))
}

fn read_rows<T: DataType, V>(
    reader: &mut ColumnReaderImpl<T>,
    rows: &[usize],
    at: &mut usize,
    value: impl Fn(T::T) -> V,
) -> Result<Vec<Option<V>>, ParquetError> {
    let mut values = Vec::with_capacity(rows.len());
    for (first, count) in runs(rows) {
        reader.skip_records(first - *at)?;
        let mut run = read_run(reader, count)?;
        run.resize_with(count, || None);
        values.extend(run.into_iter().map(|read| read.map(&value)));
        *at = first + count;
    }
    Ok(values)
}

/// The next so many values of a column without lists.
fn read_run<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    rows: usize,
) -> Result<Vec<Option<T::T>>, ParquetError> {
    let (mut present, mut definition) = (Vec::new(), Vec::new());
    while definition.len() < rows {
        let (records, _, _) =
            reader.read_records(rows - definition.len(), Some(&mut definition), None, &mut present)?;
        if records == 0 {
            break;
        }
    }
    let mut present = present.into_iter();
    Ok(definition.iter().map(|level| if *level > 0 { present.next() } else { None }).collect())
}

fn read_lists(
    reader: &mut ColumnReaderImpl<parquet::data_type::ByteArrayType>,
    rows: &[usize],
    at: &mut usize,
) -> Result<Vec<Option<Vec<String>>>, ParquetError> {
    let mut lists: Vec<Option<Vec<String>>> = Vec::with_capacity(rows.len());
    for (first, count) in runs(rows) {
        reader.skip_records(first - *at)?;
        *at = first + count;
        let (mut present, mut definition, mut repetition) = (Vec::new(), Vec::new(), Vec::new());
        let mut read = 0;
        while read < count {
            let (records, _, _) = reader.read_records(
                count - read,
                Some(&mut definition),
                Some(&mut repetition),
                &mut present,
            )?;
            if records == 0 {
                break;
            }
            read += records;
        }
        let end = lists.len() + count;
        let mut present = present.iter().map(read_text);
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
        lists.resize(end, None);
    }
    Ok(lists)
}
