//! A mail of two parts, the second in any transfer encoding and of any type.
#![no_main]

use gumshoe::notice;
use gumshoe::notice::Context;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|parts: (&[u8], &[u8])| {
    let head: &[u8] = b"From: a@example.com\nSubject: scan\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n";
    let mail = [head, parts.0, b"\n--b\n", parts.1, b"\n--b--\n"].concat();
    notice::read(&mail, &Context::default());
});
