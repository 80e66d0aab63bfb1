//! Compiles the BPF programs to a skeleton, and `record.h` to Rust.

use std::env;
use std::path::Path;
use std::path::PathBuf;

use libbpf_cargo::SkeletonBuilder;

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let arch = env::var("CARGO_CFG_TARGET_ARCH").expect("cargo sets CARGO_CFG_TARGET_ARCH");
    let include = root.join("include");
    let vmlinux = root.join("vmlinux").join(&arch);
    assert!(
        vmlinux.join("vmlinux.h").exists(),
        "no vmlinux.h for {arch}: see host-recorder-bpf/vmlinux/README.md on how to make one"
    );

    let include_flag = |path: &Path| format!("-I{}", path.display());
    SkeletonBuilder::new()
        .source(root.join("src/recorder.bpf.c"))
        .clang_args(["-Wall", "-Wno-unused-function", "-O2"])
        .clang_args([include_flag(&include), include_flag(&vmlinux), include_flag(&root.join("src"))])
        .build_and_generate(out.join("recorder.skel.rs"))
        .expect("clang compiles the BPF programs (needs clang, libelf and zlib headers)");

    bindgen::Builder::default()
        .header(include.join("record.h").display().to_string())
        .allowlist_type("record_.*")
        .allowlist_var("(NR_)?RECORD_.*")
        .default_enum_style(bindgen::EnumVariation::ModuleConsts)
        .derive_default(true)
        .derive_eq(true)
        .derive_hash(true)
        .layout_tests(true)
        .generate()
        .expect("bindgen reads record.h")
        .write_to_file(out.join("record.rs"))
        .expect("OUT_DIR can be written to");

    println!("cargo:rerun-if-changed=src");
    println!("cargo:rerun-if-changed=include");
    println!("cargo:rerun-if-changed=vmlinux");
}
