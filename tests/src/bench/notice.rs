//! What reading a notice costs: time and memory for mails of 4 KB and of 10 MB, in many shapes.

use super::example::Example;

/// The parser's own example prints the rows, each shape from a process of its own, whose peak of memory is its own.
pub const NOTICE: Example =
    Example { name: "notice", example: "parse_bench", about: "mails of 4 KB to 10 MB to their claims" };
