//! Any bytes, as they might arrive. Seeds: `tests/fixtures/notices/layouts`.
#![no_main]

use gumshoe::notice;
use gumshoe::notice::Context;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    notice::read(bytes, &Context::default());
});
