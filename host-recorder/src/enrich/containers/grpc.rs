//! One gRPC call over a local socket: an HTTP/2 connection that carries one request, and as much of the protocol as that
//! takes (RFC 9113). A library of it would be larger than the recorder.
//!
//! A call that succeeds answers with one message, and one that fails with headers alone. So headers, whose packing needs
//! tables, are never read. All that comes is foreign: lengths are checked, and what is read is bounded.

use std::io::Error;
use std::io::Read;
use std::io::Result;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Instant;

use super::ANSWER_MAX;
use super::SILENCE_MAX;
use super::SIZE_MAX;

/// What a client begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Length of a frame's header: length (3), kind (1), flags (1), stream (4).
const HEAD: usize = 9;

/// Longest frame that may be sent to who has not asked for longer ones.
const FRAME_MAX: usize = 16_384;

/// Longest text in a header: its length fits one byte.
const TEXT_MAX: usize = 126;

/// Length of a message's header: whether it is compressed (1), its length (4).
const MESSAGE_HEAD: usize = 5;

/// The stream of the one request.
const STREAM: u32 = 1;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH: u8 = 5;
const PING: u8 = 6;
const GO_AWAY: u8 = 7;
const WINDOW: u8 = 8;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;

/// Calls a method, with a header of the caller's, and returns the message that it answers with.
pub(super) fn call(
    socket: &Path,
    method: &str,
    header: Option<(&str, &str)>,
    message: &[u8],
) -> Result<Vec<u8>> {
    let request = request(method, header, message)?;
    let since = Instant::now();
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(SILENCE_MAX))?;
    stream.set_write_timeout(Some(SILENCE_MAX))?;
    stream.write_all(&request)?;
    let mut answer = Answer::default();
    let mut waiting = Vec::new();
    let mut buffer = [0; FRAME_MAX];
    let mut read = 0;
    loop {
        let (taken, reply) = answer.take_all(&waiting)?;
        if answer.complete {
            return answer.message();
        }
        // Who has answered may have hung up.
        let _ = stream.write_all(&reply);
        waiting.drain(..taken);
        let more = stream.read(&mut buffer)?;
        read += more;
        if more == 0 {
            return Err(Error::other("the connection ended before the answer"));
        }
        if read > 2 * SIZE_MAX || since.elapsed() > ANSWER_MAX {
            return Err(Error::other("too long an answer"));
        }
        waiting.extend_from_slice(&buffer[..more]);
    }
}

/// All that a client sends for one call.
fn request(method: &str, header: Option<(&str, &str)>, message: &[u8]) -> Result<Vec<u8>> {
    // Of the table that both sides know: POST is 3, http 6, the path's name 4, authority's 1, the content type's 31.
    let mut headers = vec![0x83, 0x86, 0x04];
    text(&mut headers, method)?;
    headers.push(0x01);
    text(&mut headers, "localhost")?;
    headers.extend([0x0f, 31 - 0x0f]);
    text(&mut headers, "application/grpc")?;
    for (name, value) in [("te", "trailers")].into_iter().chain(header) {
        headers.push(0);
        text(&mut headers, name)?;
        text(&mut headers, value)?;
    }
    let mut body = vec![0];
    body.extend(u32::try_from(message.len()).map_err(Error::other)?.to_be_bytes());
    body.extend(message);
    if body.len() > FRAME_MAX {
        return Err(Error::other("too long a request"));
    }
    let window = SIZE_MAX as u32;
    // No pushes (2), and as much of an answer (4) as is read without asking for more.
    let settings = [&[0, 2, 0, 0, 0, 0, 0, 4][..], &window.to_be_bytes()].concat();
    let mut out = PREFACE.to_vec();
    frame(&mut out, SETTINGS, 0, 0, &settings);
    frame(&mut out, WINDOW, 0, 0, &window.to_be_bytes());
    frame(&mut out, HEADERS, END_HEADERS, STREAM, &headers);
    frame(&mut out, DATA, END_STREAM, STREAM, &body);
    Ok(out)
}

/// A text of a header, as it is.
fn text(out: &mut Vec<u8>, text: &str) -> Result<()> {
    let length = u8::try_from(text.len()).ok().filter(|length| usize::from(*length) <= TEXT_MAX);
    out.push(length.ok_or_else(|| Error::other("too long a header"))?);
    out.extend(text.as_bytes());
    Ok(())
}

fn frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    out.extend(&(payload.len() as u32).to_be_bytes()[1..]);
    out.extend([kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend(payload);
}

/// A frame that came.
struct Frame<'a> {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: &'a [u8],
}

/// The first frame of what came, and its whole length; none where that is not all there yet.
fn split(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>> {
    let Some((head, rest)) = bytes.split_first_chunk::<HEAD>() else { return Ok(None) };
    let [a, b, c, kind, flags, s0, s1, s2, s3] = *head;
    let length = u32::from_be_bytes([0, a, b, c]) as usize;
    if length > FRAME_MAX {
        return Err(Error::other("a frame is longer than was agreed"));
    }
    let stream = u32::from_be_bytes([s0 & 0x7f, s1, s2, s3]);
    let Some(payload) = rest.get(..length) else { return Ok(None) };
    Ok(Some((Frame { kind, flags, stream, payload }, HEAD + length)))
}

/// The answer, as far as it has come.
#[derive(Default)]
struct Answer {
    body: Vec<u8>,
    complete: bool,
}

impl Answer {
    /// Takes the frames of what came that are all there, up to the answer's end. Returns how many bytes those are, and
    /// what is to be sent for them.
    fn take_all(&mut self, bytes: &[u8]) -> Result<(usize, Vec<u8>)> {
        let (mut taken, mut reply) = (0, Vec::new());
        while !self.complete
            && let Some((frame, length)) = split(&bytes[taken..])?
        {
            taken += length;
            reply.extend(self.take(&frame)?);
        }
        Ok((taken, reply))
    }

    /// Takes a frame and returns what is to be sent for it.
    fn take(&mut self, frame: &Frame) -> Result<Vec<u8>> {
        let mut reply = Vec::new();
        let ours = frame.stream == STREAM;
        match frame.kind {
            DATA if ours => {
                self.body.extend(unpadded(frame)?);
                if self.body.len() > SIZE_MAX {
                    return Err(Error::other("too long an answer"));
                }
                self.complete = frame.flags & END_STREAM != 0;
            }
            HEADERS if ours => self.complete = frame.flags & END_STREAM != 0,
            SETTINGS if frame.flags & ACK == 0 => self::frame(&mut reply, SETTINGS, ACK, 0, &[]),
            PING if frame.flags & ACK == 0 && frame.payload.len() == 8 => {
                self::frame(&mut reply, PING, ACK, 0, frame.payload);
            }
            RESET | PUSH | GO_AWAY => return Err(Error::other("the call was ended by the other side")),
            _ => {}
        }
        Ok(reply)
    }

    /// The one message of a complete answer.
    fn message(mut self) -> Result<Vec<u8>> {
        let Some(([compressed, length @ ..], rest)) = self.body.split_first_chunk::<MESSAGE_HEAD>() else {
            return Err(Error::other("the call failed"));
        };
        if *compressed != 0 || u32::from_be_bytes(*length) as usize != rest.len() {
            return Err(Error::other("an answer of another form"));
        }
        Ok(self.body.split_off(MESSAGE_HEAD))
    }
}

/// What a frame of data holds without its padding.
fn unpadded<'a>(frame: &Frame<'a>) -> Result<&'a [u8]> {
    if frame.flags & PADDED == 0 {
        return Ok(frame.payload);
    }
    let padded = frame.payload.split_first();
    let bare = padded.and_then(|(padding, rest)| rest.get(..rest.len().checked_sub(usize::from(*padding))?));
    bare.ok_or_else(|| Error::other("a frame of padding alone"))
}

/// Reads all that a server sent, in pieces of a size: the message, and what was replied.
#[cfg(any(test, feature = "fuzz"))]
pub(super) fn read(bytes: &[u8], piece: usize) -> Result<(Vec<u8>, Vec<u8>)> {
    let (mut answer, mut replies, mut waiting) = (Answer::default(), Vec::new(), Vec::new());
    for piece in bytes.chunks(piece.max(1)) {
        waiting.extend_from_slice(piece);
        let (taken, reply) = answer.take_all(&waiting)?;
        replies.extend(reply);
        if answer.complete {
            return Ok((answer.message()?, replies));
        }
        waiting.drain(..taken);
    }
    Err(Error::other("not complete"))
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Takes a whole request as a server of gRPC does, which refuses what has another form; the method and the message.
    pub(in super::super) fn asked(stream: &mut UnixStream) -> (String, Vec<u8>) {
        let mut preface = [0; PREFACE.len()];
        stream.read_exact(&mut preface).unwrap();
        assert_eq!(preface, PREFACE);
        let (mut method, mut body) = (String::new(), Vec::new());
        loop {
            let mut head = [0; HEAD];
            stream.read_exact(&mut head).unwrap();
            let mut bytes = head.to_vec();
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            bytes.resize(HEAD + length, 0);
            stream.read_exact(&mut bytes[HEAD..]).unwrap();
            let (frame, _) = split(&bytes).unwrap().unwrap();
            match frame.kind {
                SETTINGS | WINDOW => assert_eq!(frame.stream, 0),
                HEADERS => {
                    assert_eq!((frame.stream, frame.flags), (STREAM, END_HEADERS));
                    // POST, http, and the path as a text of one byte's length.
                    let path = frame.payload.strip_prefix(&[0x83, 0x86, 0x04]).unwrap();
                    let (length, rest) = path.split_first().unwrap();
                    let (path, rest) = rest.split_at(usize::from(*length));
                    assert!(rest.windows(16).any(|text| text == b"application/grpc"));
                    assert!(rest.ends_with(b"\x02te\x08trailers"), "no other header: {rest:?}");
                    method = String::from_utf8(path.to_vec()).unwrap();
                }
                DATA => {
                    assert_eq!(frame.stream, STREAM);
                    body.extend(frame.payload);
                    if frame.flags & END_STREAM != 0 {
                        let message = Answer { body, complete: true }.message().unwrap();
                        return (method, message);
                    }
                }
                other => panic!("a client sends no frame of kind {other}"),
            }
        }
    }

    /// Frames of an answer with one message, in pieces of a size, as a server of gRPC sends them.
    pub(in super::super) fn answered(message: &[u8], piece: usize) -> Vec<u8> {
        let mut out = Vec::new();
        frame(&mut out, SETTINGS, 0, 0, &[0, 5, 0, 0, 0x40, 0]);
        frame(&mut out, SETTINGS, ACK, 0, &[]);
        frame(&mut out, PING, 0, 0, b"01234567");
        frame(&mut out, HEADERS, END_HEADERS, STREAM, &[0x88, 0x5f]);
        let mut body = vec![0];
        body.extend((message.len() as u32).to_be_bytes());
        body.extend(message);
        for piece in body.chunks(piece) {
            frame(&mut out, DATA, 0, STREAM, piece);
        }
        frame(&mut out, HEADERS, END_HEADERS | END_STREAM, STREAM, &[0x40]);
        out
    }

    /// An answer that is a failure.
    pub(in super::super) fn failed() -> Vec<u8> {
        let mut out = Vec::new();
        frame(&mut out, HEADERS, END_HEADERS | END_STREAM, STREAM, &[0x88, 0x40]);
        out
    }

    fn read(bytes: &[u8]) -> Result<(Vec<u8>, Vec<u8>)> {
        super::read(bytes, bytes.len())
    }

    #[test]
    fn an_answer_in_pieces_is_one_message_and_what_must_be_replied_is() {
        for piece in [1, 3, 16_384] {
            let (message, replies) = read(&answered(b"hello", piece)).unwrap();
            assert_eq!(message, b"hello");
            let mut expected = Vec::new();
            frame(&mut expected, SETTINGS, ACK, 0, &[]);
            frame(&mut expected, PING, ACK, 0, b"01234567");
            assert_eq!(replies, expected);
        }
        let mut padded = Vec::new();
        frame(&mut padded, DATA, PADDED | END_STREAM, STREAM, &[2, 0, 0, 0, 0, 1, b'x', 0, 0]);
        assert_eq!(read(&padded).unwrap().0, b"x");
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        let one = |kind, flags, stream, payload: &[u8]| {
            let mut out = Vec::new();
            frame(&mut out, kind, flags, stream, payload);
            out
        };
        for (what, bytes) in [
            ("a failure", failed()),
            ("a reset", one(RESET, 0, STREAM, &[0; 4])),
            ("a farewell", one(GO_AWAY, 0, 0, &[0; 8])),
            ("another stream's", one(DATA, END_STREAM, 3, &[0; 5])),
            ("a compressed message", one(DATA, END_STREAM, STREAM, &[1, 0, 0, 0, 0])),
            ("a short message", one(DATA, END_STREAM, STREAM, &[0, 0, 0, 0, 9, 1])),
            ("two messages", one(DATA, END_STREAM, STREAM, &[0; 10])),
            ("padding beyond the frame", one(DATA, PADDED | END_STREAM, STREAM, &[9, 0])),
            ("a frame without end", [&[0xff; 3][..], &[0; 6]].concat()),
        ] {
            assert!(read(&bytes).is_err(), "{what}");
        }
    }

    #[test]
    fn a_request_is_what_the_standard_says() {
        let bytes = request("/a.B/C", Some(("x", "y")), b"m").unwrap();
        let mut rest = bytes.strip_prefix(PREFACE).unwrap();
        let mut kinds = Vec::new();
        while let Some((frame, length)) = split(rest).unwrap() {
            kinds.push((frame.kind, frame.stream));
            if frame.kind == HEADERS {
                let expected = b"\x83\x86\x04\x06/a.B/C\x01\x09localhost\x0f\x10\x10application/grpc\
                    \x00\x02te\x08trailers\x00\x01x\x01y";
                assert_eq!(frame.payload, expected);
            }
            rest = &rest[length..];
        }
        assert_eq!(kinds, [(SETTINGS, 0), (WINDOW, 0), (HEADERS, STREAM), (DATA, STREAM)]);
        assert!(request(&"x".repeat(200), None, &[]).is_err());
        assert!(request("/", None, &vec![0; FRAME_MAX]).is_err());
    }

    proptest! {
        #[test]
        fn nothing_that_comes_breaks_it(bytes in proptest::collection::vec(any::<u8>(), 0..400), seed in any::<u64>()) {
            let _ = read(&bytes);
            // The same from what is nearly an answer.
            let mut answer = answered(&bytes, 7);
            let at = seed as usize % answer.len();
            answer[at] ^= (seed >> 32) as u8;
            if let Ok((message, _)) = read(&answer) {
                prop_assert!(message.len() <= answer.len());
            }
            answer.truncate(at);
            prop_assert!(read(&answer).is_err());
            prop_assert_eq!(read(&answered(&bytes, 1 + at)).unwrap().0, bytes);
        }
    }
}
