//! Text below a sentence that makes it an accusation: every recogniser of lines, tables and times.
#![no_main]

use gumshoe::notice;
use gumshoe::notice::Context;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let notice = format!("Your host scans us. All times are UTC.\n\n{text}");
    let received = "2024-01-15T12:00:00Z".parse().ok();
    let own_addresses = vec!["192.0.2.0/24".parse().expect("a prefix")];
    notice::read(
        notice.as_bytes(),
        &Context {
            received,
            own_addresses,
        },
    );
});
