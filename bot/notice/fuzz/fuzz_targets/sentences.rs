#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| notice::probe::sentences(bytes));
