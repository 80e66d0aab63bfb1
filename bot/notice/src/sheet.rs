//! Spreadsheets (xlsx): the cells of each sheet as a tab-separated table.

use std::borrow::Cow;
use std::io::Cursor;

use jiff::civil::date;
use quick_xml::Reader;
use quick_xml::events::BytesStart;
use quick_xml::events::Event;
use zip::ZipArchive;

use super::archive::read_bounded;
use super::limits;
use super::unwrap::Unwrapper;

const SHEETS_MAX: usize = 8;
const SHARED_STRINGS_MAX: usize = 200_000;
/// Spreadsheet day numbers between the years 1995 and 2064.
const DAY_NUMBERS: std::ops::Range<f64> = 34_700.0..60_200.0;

/// Returns the cells of the first sheets.
pub(super) fn to_text(unwrapper: &mut Unwrapper, zip: &mut ZipArchive<Cursor<&[u8]>>) -> String {
    let strings =
        member(unwrapper, zip, "xl/sharedStrings.xml").map(|xml| shared_strings(&xml)).unwrap_or_default();
    let is_sheet = |name: &&str| name.starts_with("xl/worksheets/") && name.ends_with(".xml");
    let mut sheets: Vec<String> = zip.file_names().filter(is_sheet).map(str::to_owned).collect();
    // The second before the tenth.
    sheets.sort_by(|one, other| (one.len(), one).cmp(&(other.len(), other)));
    let mut is_whole = strings.len() < SHARED_STRINGS_MAX && sheets.len() <= SHEETS_MAX;
    let mut out = String::new();
    for name in sheets.iter().take(SHEETS_MAX) {
        let Some(xml) = member(unwrapper, zip, name) else {
            continue;
        };
        if !add_rows(&xml, &strings, &mut out) {
            is_whole = false;
            break;
        }
        out.push('\n');
    }
    if !is_whole {
        unwrapper.document.warn("only the beginning of a long spreadsheet was read");
    }
    out
}

fn member(unwrapper: &mut Unwrapper, zip: &mut ZipArchive<Cursor<&[u8]>>, name: &str) -> Option<String> {
    let file = zip.by_name(name).ok()?;
    let packed = file.compressed_size();
    let bytes = read_bounded(unwrapper, file, packed)?;
    Some(
        String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
    )
}

/// Reads the table of shared strings, each of them possibly in several runs.
fn shared_strings(xml: &str) -> Vec<String> {
    let mut reader = Reader::from_str(xml);
    let mut strings = Vec::new();
    let mut current = String::new();
    let mut in_text = false;
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) if tag.local_name().as_ref() == b"t" => in_text = true,
            Ok(Event::End(tag)) if tag.local_name().as_ref() == b"t" => in_text = false,
            Ok(Event::End(tag)) if tag.local_name().as_ref() == b"si" => {
                strings.push(std::mem::take(&mut current));
                if strings.len() == SHARED_STRINGS_MAX {
                    return strings;
                }
            }
            Ok(Event::Text(text)) if in_text => current.push_str(&text.decode().unwrap_or_default()),
            Ok(Event::Eof) | Err(_) => return strings,
            Ok(_) => {}
        }
    }
}

/// Adds the rows of one sheet; false where they are too many. Many cells may name one shared string: what the packed
/// sheet is bounded by bounds nothing here.
fn add_rows(xml: &str, strings: &[String], out: &mut String) -> bool {
    let mut reader = Reader::from_str(xml);
    let (mut kind, mut value, mut in_value) = (String::new(), String::new(), false);
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) => match tag.local_name().as_ref() {
                b"c" => {
                    kind = attribute(&tag, b"t");
                    value.clear();
                }
                b"v" | b"t" => in_value = true,
                _ => {}
            },
            Ok(Event::Text(text)) if in_value => value.push_str(&text.decode().unwrap_or_default()),
            Ok(Event::End(tag)) => match tag.local_name().as_ref() {
                b"v" | b"t" => in_value = false,
                b"c" => {
                    out.push_str(&cell(&kind, &value, strings));
                    out.push('\t');
                    value.clear();
                }
                b"row" => out.push('\n'),
                _ => {}
            },
            Ok(Event::Empty(tag)) if tag.local_name().as_ref() == b"c" => out.push('\t'),
            Ok(Event::Eof) | Err(_) => return true,
            Ok(_) => {}
        }
        if out.len() > limits::MADE_TEXT_BYTES_MAX {
            return false;
        }
    }
}

fn attribute(tag: &BytesStart<'_>, name: &[u8]) -> String {
    let found = tag.attributes().flatten().find(|attribute| attribute.key.as_ref() == name);
    found.map(|attribute| String::from_utf8_lossy(&attribute.value).into_owned()).unwrap_or_default()
}

/// Returns a cell as text: a shared string, a day number as a date, or itself.
fn cell<'a>(kind: &str, value: &'a str, strings: &'a [String]) -> Cow<'a, str> {
    if kind == "s" {
        let index: Option<usize> = value.trim().parse().ok();
        return index.and_then(|index| strings.get(index)).map(String::as_str).unwrap_or_default().into();
    }
    let number = value.trim().parse::<f64>().ok().filter(|number| kind.is_empty() && number.fract() != 0.0);
    match number {
        Some(days) if DAY_NUMBERS.contains(&days) => day_number(days).map_or(value.into(), Cow::from),
        _ => value.into(),
    }
}

/// Turns days since 1899-12-30 into a civil time.
fn day_number(days: f64) -> Option<String> {
    let seconds = (days * 86_400.0).round() as i64;
    let base = date(1899, 12, 30).at(0, 0, 0, 0);
    let civil = base.checked_add(jiff::SignedDuration::from_secs(seconds)).ok()?;
    Some(civil.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

#[cfg(test)]
mod tests {
    use super::add_rows;
    use super::cell;

    #[test]
    fn reads_cells() {
        let strings = vec!["Source IP".to_owned()];
        assert_eq!(cell("s", "0", &strings), "Source IP");
        assert_eq!(cell("", "45306.5", &strings), "2024-01-15 12:00:00");
        let xml = r#"<sheetData><row><c t="s"><v>0</v></c><c t="inlineStr"><is><t>x</t></is></c></row></sheetData>"#;
        let mut out = String::new();
        assert!(add_rows(xml, &strings, &mut out));
        assert_eq!(out, "Source IP\tx\t\n");
    }
}
