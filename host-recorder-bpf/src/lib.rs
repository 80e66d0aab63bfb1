//! The recorder's BPF programs and the records they write.
//!
//! `include/record.h` is the only contract between kernel and user space; [`record`] is generated from it.
//! Decoding, policy and storage live in the crate `host-recorder`.

/// The records, as bindgen reads them from `include/record.h`.
#[allow(
    missing_docs,
    non_camel_case_types,
    non_upper_case_globals,
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    unused_qualifications
)]
pub mod record {
    include!(concat!(env!("OUT_DIR"), "/record.rs"));
}

/// The skeleton that libbpf-cargo makes of `src/recorder.bpf.c`.
#[allow(
    missing_docs,
    clippy::all,
    clippy::unwrap_used,
    clippy::undocumented_unsafe_blocks,
    unused_qualifications
)]
pub mod skeleton {
    include!(concat!(env!("OUT_DIR"), "/recorder.skel.rs"));
}
