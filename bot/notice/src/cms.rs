//! S/MIME messages as CMS (RFC 5652): what is signed in one piece is read, what is encrypted is not.

use bcder::Integer;
use bcder::Mode;
use bcder::OctetString;
use bcder::Oid;
use bcder::Tag;
use bcder::decode::Constructed;
use bcder::decode::DecodeError;
use bcder::decode::IntoSource;
use bcder::decode::Source;

/// The beginning of 1.2.840.113549.1.7, under which every kind of message has a number.
const PKCS7: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07];
/// How far into a message its kind may stand: a tag and a length lie before it.
const KIND_AT_MAX: usize = 16;
const SIGNED: u8 = 2;

/// Says whether bytes are such a message, of whatever kind.
pub(super) fn is_message(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(KIND_AT_MAX + PKCS7.len())];
    bytes.first() == Some(&0x30) && head.windows(PKCS7.len()).any(|it| it == PKCS7)
}

/// Returns what a message carries that is signed and no more; who signed it is not looked at.
pub(super) fn signed(bytes: &[u8]) -> Option<Vec<u8>> {
    if !is_message(bytes) {
        return None;
    }
    let content = Mode::Ber.decode(bytes.into_source(), |message| message.take_sequence(read)).ok()??;
    Some(content.to_bytes().to_vec())
}

/// Reads a `ContentInfo` whose content is `SignedData`.
fn read<S: Source>(message: &mut Constructed<'_, S>) -> Result<Option<OctetString>, DecodeError<S::Error>> {
    let kind = Oid::take_from(message)?;
    if kind.0.as_ref() != [PKCS7, &[SIGNED]].concat() {
        message.skip_all()?;
        return Ok(None);
    }
    message.take_constructed_if(Tag::CTX_0, |inner| {
        inner.take_sequence(|signed| {
            Integer::take_from(signed)?;
            signed.take_set(|digests| digests.skip_all())?;
            let content = signed.take_sequence(|content| {
                Oid::take_from(content)?;
                content.take_opt_constructed_if(Tag::CTX_0, OctetString::take_from)
            })?;
            signed.skip_all()?;
            Ok(content)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::is_message;
    use super::signed;

    /// A message around a content: `SignedData` whose content is cut into pieces, as streams are signed.
    fn message(kind: u8, pieces: &[&[u8]]) -> Vec<u8> {
        let tagged = |tag: u8, inner: &[u8]| {
            let mut out = vec![tag, 0x82, (inner.len() >> 8) as u8, inner.len() as u8];
            out.extend(inner);
            out
        };
        let oid = |number: u8| tagged(0x06, &[super::PKCS7, &[number]].concat());
        let pieces: Vec<u8> = pieces.iter().flat_map(|piece| tagged(0x04, piece)).collect();
        // Without a length: it ends where two zeros stand.
        let content = [&[0xa0, 0x80, 0x24, 0x80][..], &pieces, &[0; 4]].concat();
        let content = tagged(0x30, &[oid(1), content].concat());
        let data = [&[0x02, 0x01, 0x01][..], &tagged(0x31, &[]), &content, &tagged(0x31, &[])].concat();
        tagged(0x30, &[oid(kind), tagged(0xa0, &tagged(0x30, &data))].concat())
    }

    #[test]
    fn what_is_signed_in_pieces_is_one() {
        let bytes = message(2, &[b"Subject: x\r\n\r\nfrom 192.0.2", b".31 at ten"]);
        assert_eq!(signed(&bytes).as_deref(), Some(&b"Subject: x\r\n\r\nfrom 192.0.2.31 at ten"[..]));
    }

    #[test]
    fn what_is_encrypted_or_broken_is_not_read() {
        let encrypted = message(3, &[b"secret"]);
        assert!(is_message(&encrypted) && signed(&encrypted).is_none());
        let bytes = message(2, &[b"words"]);
        for end in 0..bytes.len() {
            assert_eq!(signed(&bytes[..end]), None);
        }
    }
}
