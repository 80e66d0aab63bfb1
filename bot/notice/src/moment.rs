//! Times in structured values: ISO, RFC 1123, seconds or milliseconds since 1970.

use serde_json::Value;

use super::json;
use super::time::Finder;
use super::time::Interval;
use super::time::Resolver;
use super::time::epoch;

/// Returns the interval of the time at a path.
pub(super) fn at(value: &Value, path: &str) -> Option<Interval> {
    parse(&json::text(value, path)?)
}

/// Returns the interval of a written time.
pub(super) fn parse(text: &str) -> Option<Interval> {
    // "2023-08-04T12: 36: 15.490+0000": a blank after a colon is a fault of some printers.
    let text = text.replace(": ", ":");
    let stamp = epoch(&text).or_else(|| Finder.find(&text).into_iter().next())?;
    Resolver::default().resolve(&stamp)
}

/// Returns the least interval that holds the times at several paths.
pub(super) fn span(value: &Value, paths: &[&str]) -> Option<Interval> {
    paths.iter().filter_map(|path| at(value, path)).reduce(Interval::join)
}
