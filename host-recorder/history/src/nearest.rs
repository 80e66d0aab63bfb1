//! Which word was probably meant. Both programs refuse unknown keys of their settings, and say so with this.

/// The candidate that differs least from a word; the first of several, none where there are no candidates.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates.into_iter().min_by_key(|candidate| strsim::levenshtein(word, candidate))
}

/// Adds the key that was probably meant to a message of `toml` that names an unknown one and those expected.
/// Other messages come back as they are, without white space at their end.
pub fn with_nearest_key(message: &str) -> String {
    let message = message.trim_end();
    let Some(at) = message.find("unknown field") else {
        return message.to_owned();
    };
    let mut named = message[at..].split('`').skip(1).step_by(2);
    let Some(unknown) = named.next() else {
        return message.to_owned();
    };
    match nearest(unknown, named) {
        Some(nearest) => format!("{message}\nthere is no key `{unknown}`; did you mean `{nearest}`?"),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_that_was_meant_is_named() {
        let message = "unknown field `sise_mib`, expected one of `directory`, `size_mib`, `age_days`\n";
        let told = with_nearest_key(message);
        assert!(told.ends_with("there is no key `sise_mib`; did you mean `size_mib`?"), "{told}");
        for other in ["", "unknown field", "unknown field `x`, there are no fields", "expected a number"] {
            assert_eq!(with_nearest_key(other), other);
        }
        assert_eq!(nearest("x", []), None);
    }
}
