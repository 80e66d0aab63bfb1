//! Packed parts: gzip, tar, zip, and the zip that is a spreadsheet. Bounded in size, count and ratio.

use std::io::Cursor;
use std::io::Read;

use flate2::read::MultiGzDecoder;

use super::document::SectionRole;
use super::limits;
use super::sheet;
use super::unwrap::Place;
use super::unwrap::Unwrapper;

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const ZIP_MAGIC: &[u8] = b"PK\x03\x04";
/// What stands in the first header of a tar archive, and where.
const TAR_MAGIC: (usize, &[u8]) = (257, b"ustar");
const MEMBERS_MAX: usize = 64;

/// Says whether bytes are packed.
pub(super) fn is_packed(bytes: &[u8]) -> bool {
    bytes.starts_with(GZIP_MAGIC) || bytes.starts_with(ZIP_MAGIC) || is_tar(bytes)
}

fn is_tar(bytes: &[u8]) -> bool {
    bytes.get(TAR_MAGIC.0..).is_some_and(|it| it.starts_with(TAR_MAGIC.1))
}

/// Unpacks and opens what is inside.
pub(super) fn open(unwrapper: &mut Unwrapper, bytes: &[u8], place: &Place) {
    // What is packed inside a mail is attached to it; a notice that is packed as a whole is the notice.
    let is_attached = place.role == SectionRole::Body && !unwrapper.document.mails.is_empty();
    let role = if is_attached { SectionRole::Attachment } else { place.role };
    if bytes.starts_with(GZIP_MAGIC) {
        let name = match place.name.strip_suffix(".tgz") {
            Some(name) => format!("{name}.tar"),
            None => place.name.trim_end_matches(".gz").to_owned(),
        };
        let decoder = MultiGzDecoder::new(bytes);
        if let Some(inner) = read_bounded(unwrapper, decoder, bytes.len() as u64) {
            unwrapper.open(&inner, &place.inside_as(role, &name));
        }
        return;
    }
    if is_tar(bytes) {
        return open_tar(unwrapper, bytes, &place.inside_as(role, &place.name));
    }
    let Ok(mut zip) = zip::ZipArchive::new(Cursor::new(bytes)) else {
        unwrapper.document.leave_out(format!("the archive {} could not be read", place.name));
        return;
    };
    if zip.index_for_name("xl/workbook.xml").is_some() {
        let text = sheet::to_text(unwrapper, &mut zip);
        unwrapper.add_section(&place.inside_as(role, &place.name), &text);
        return;
    }
    if zip.len() > MEMBERS_MAX {
        unwrapper.document.leave_out_parts();
    }
    for index in 0..zip.len().min(MEMBERS_MAX) {
        let Ok(member) = zip.by_index(index) else {
            unwrapper
                .document
                .leave_out(format!("a member of {} could not be read (encrypted?)", place.name));
            continue;
        };
        if !member.is_file() {
            continue;
        }
        let (name, packed) = (member.name().to_owned(), member.compressed_size());
        if let Some(inner) = read_bounded(unwrapper, member, packed) {
            unwrapper.open(&inner, &place.inside_as(role, &name));
        }
    }
}

/// Opens the files of a tar archive.
fn open_tar(unwrapper: &mut Unwrapper, bytes: &[u8], place: &Place) {
    let broken = |unwrapper: &mut Unwrapper| {
        unwrapper.document.leave_out(format!("the archive {} could not be read to its end", place.name));
    };
    let mut archive = tar::Archive::new(bytes);
    let Ok(entries) = archive.entries() else { return broken(unwrapper) };
    let mut files = 0;
    for entry in entries {
        let Ok(entry) = entry else { return broken(unwrapper) };
        if !entry.header().entry_type().is_file() {
            continue;
        }
        files += 1;
        if files > MEMBERS_MAX {
            return unwrapper.document.leave_out_parts();
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if let Some(inner) = read_bounded(unwrapper, entry, bytes.len() as u64) {
            unwrapper.open(&inner, &Place { name, ..place.clone() });
        }
    }
}

/// Reads a member to its end, unless it unpacks to more than is allowed.
pub(super) fn read_bounded(unwrapper: &mut Unwrapper, from: impl Read, packed: u64) -> Option<Vec<u8>> {
    let allowed = limits::RATIO_FREE_BYTES
        .max(packed.saturating_mul(limits::COMPRESSION_RATIO_MAX))
        .min(limits::UNPACKED_BYTES_MAX);
    let mut out = Vec::new();
    let read = from.take(allowed + 1).read_to_end(&mut out);
    if !unwrapper.may_unpack(packed, out.len() as u64) {
        return None;
    }
    if read.is_err() {
        unwrapper.document.warn("an archive was broken; what could be read of it was");
    }
    Some(out)
}
