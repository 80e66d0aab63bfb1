//! As much of protobuf as questions to a runtime take: texts, and messages within messages. Pure.

/// Fields of a message.
const FIELDS_MAX: usize = 10_000;

/// Appends a text, or a message, as a field.
pub(super) fn put(out: &mut Vec<u8>, number: u8, content: impl AsRef<[u8]>) {
    let content = content.as_ref();
    // Numbers up to 15 take one byte.
    out.push(number << 3 | LENGTH);
    let mut length = content.len();
    while length > 0x7f {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend(content);
}

/// The fields of a message that are texts, bytes or messages, in order, up to where it is none.
pub(super) fn fields(message: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let mut rest = message;
    let next = move || {
        loop {
            let key = varint(&mut rest)?;
            let size = match (key & 7) as u8 {
                VARINT => varint(&mut rest).map(|_| 0)?,
                FIXED_64 => 8,
                FIXED_32 => 4,
                LENGTH => usize::try_from(varint(&mut rest)?).ok()?,
                _ => return None,
            };
            let (content, behind) = rest.split_at_checked(size)?;
            rest = behind;
            if (key & 7) as u8 == LENGTH {
                return Some((key >> 3, content));
            }
        }
    };
    std::iter::from_fn(next).take(FIELDS_MAX)
}

/// The first field of a number as a text; empty where it is none.
pub(super) fn text(message: &[u8], number: u64) -> &str {
    let found = fields(message).find(|(at, _)| *at == number).map(|(_, content)| content);
    found.and_then(|content| std::str::from_utf8(content).ok()).unwrap_or_default()
}

/// The value of a name in the map that a field of a number is; empty where it has none.
pub(super) fn entry<'a>(message: &'a [u8], number: u64, name: &str) -> &'a str {
    let mut entries = fields(message).filter(|(at, _)| *at == number).map(|(_, entry)| entry);
    entries.find(|entry| text(entry, 1) == name).map(|entry| text(entry, 2)).unwrap_or_default()
}

const VARINT: u8 = 0;
const FIXED_64: u8 = 1;
const LENGTH: u8 = 2;
const FIXED_32: u8 = 5;

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, behind) = rest.split_first()?;
        *rest = behind;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_are_found_among_other_fields() {
        let mut message = vec![0x08, 0x96, 0x01, 0x35, 1, 2, 3, 4, 0x39, 1, 2, 3, 4, 5, 6, 7, 8];
        put(&mut message, 2, "two");
        let mut pair = Vec::new();
        put(&mut pair, 1, "key");
        put(&mut pair, 2, "value".repeat(100));
        message.extend([4 << 3 | LENGTH, 0xfc, 0x03]);
        assert_eq!(pair.len(), 0x1fc);
        message.extend(&pair);
        assert_eq!(text(&message, 2), "two");
        assert_eq!(text(&message, 3), "");
        assert_eq!(entry(&message, 4, "key"), "value".repeat(100));
        assert_eq!(entry(&message, 4, "other"), "");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_to_where_they_are_no_message(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(fields(&bytes).map(|(_, content)| content.len()).sum::<usize>() <= bytes.len());
            let _ = entry(&bytes, 1, "x");
        }

        #[test]
        fn what_was_put_is_read(number in 1u8..16, words in ".{0,300}") {
            let mut message = Vec::new();
            put(&mut message, number, &words);
            prop_assert_eq!(text(&message, u64::from(number)), words);
        }
    }
}
