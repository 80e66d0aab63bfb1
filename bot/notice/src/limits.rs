//! Every bound of the notice parser, in one place, so that none is forgotten.

/// How deep envelopes, messages and archives may nest.
pub(super) const DEPTH_MAX: usize = 12;
/// How many parts of one notice are read.
pub(super) const PARTS_MAX: usize = 256;
/// How many parts of a mail its MIME parser is given; far fewer are read.
pub(super) const MIME_PARTS_MAX: usize = 1024;
/// How many boundaries a mail may declare.
pub(super) const MIME_BOUNDARIES_MAX: usize = 256;
/// How many messages inside messages the MIME parser is given.
pub(super) const MIME_MESSAGES_MAX: usize = 256;
/// How many lines the headers of a part may have.
pub(super) const HEADER_LINES_MAX: usize = 2000;
/// How many bytes the headers of a part may have.
pub(super) const HEADERS_BYTES_MAX: usize = 256 << 10;
/// How many bytes all archives of one notice may unpack to.
pub(super) const UNPACKED_BYTES_MAX: u64 = 24 << 20;
/// How many times larger than its packed form a member may be.
pub(super) const COMPRESSION_RATIO_MAX: u64 = 200;
/// A member this small is never a bomb, whatever its ratio.
pub(super) const RATIO_FREE_BYTES: u64 = 1 << 20;
/// How large a JSON text may be to be parsed as JSON.
pub(super) const JSON_BYTES_MAX: usize = 2 << 20;
/// How many values all JSON of one notice may have; each takes some 700 bytes at most.
pub(super) const JSON_VALUES_MAX: usize = 100_000;
/// How much of the beginning of a long text is read.
pub(super) const TEXT_HEAD_BYTES: usize = 256 << 10;
/// How much of the end of a long text is read.
pub(super) const TEXT_TAIL_BYTES: usize = 96 << 10;
/// How much of a long HTML text is made text at all: its beginning, three times as much as of its end.
pub(super) const HTML_BYTES_MAX: usize = 1 << 20;
/// How much text is made of a spreadsheet, or of structured values.
pub(super) const MADE_TEXT_BYTES_MAX: usize = 1 << 20;
/// How much of a name is written before each of its values.
pub(super) const NAME_BYTES_MAX: usize = 120;
/// How much text of one notice is read in all.
pub(super) const TEXT_BYTES_MAX: usize = 640 << 10;
/// How many lines of one text are read.
pub(super) const LINES_MAX: usize = 20_000;
/// Longer lines are cut.
pub(super) const LINE_BYTES_MAX: usize = 4096;
/// How many claims one notice may make.
pub(super) const CLAIMS_MAX: usize = 64;
/// How many remote endpoints one claim may name.
pub(super) const REMOTES_MAX: usize = 4096;
/// How many facts are kept for the explanation.
pub(super) const FACTS_MAX: usize = 2000;
/// How many addresses of one notice are looked up to learn whose they are.
pub(super) const CANDIDATES_MAX: usize = 64;
