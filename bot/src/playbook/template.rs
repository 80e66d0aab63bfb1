//! Places in playbook texts: `{name}` stands for a fact. Filled once; a fact's own braces are text.

use std::collections::BTreeMap;

/// Fills a text's places; an unknown one stays as it is.
pub fn fill(text: &str, facts: &BTreeMap<&str, String>) -> String {
    let mut out = String::with_capacity(text.len());
    for part in parts(text) {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Place(name) => match facts.get(name) {
                Some(value) => out.push_str(value),
                None => out.push_str(&format!("{{{name}}}")),
            },
        }
    }
    out
}

/// The names of a text's places.
pub(super) fn places(text: &str) -> Vec<&str> {
    parts(text)
        .into_iter()
        .filter_map(|part| match part {
            Part::Place(name) => Some(name),
            Part::Text(_) => None,
        })
        .collect()
}

enum Part<'a> {
    Text(&'a str),
    Place(&'a str),
}

fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        parts.push(Part::Text(before));
        match after.split_once('}') {
            Some((name, after)) => {
                parts.push(Part::Place(name));
                rest = after;
            }
            None => {
                parts.push(Part::Text(&rest[before.len()..]));
                rest = "";
            }
        }
    }
    parts.push(Part::Text(rest));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_once() {
        let facts = BTreeMap::from([("a", "{b}".to_owned()), ("b", "x".to_owned())]);
        assert_eq!(fill("1 {a} 2 {b} {c} {", &facts), "1 {b} 2 x {c} {");
        assert_eq!(places("{a} {b"), ["a"]);
    }
}
