//! Whether this machine lets a recorder load its programs, said plainly where it does not.

use std::fs;
use std::io;
use std::path::Path;

/// Why eBPF programs with type information cannot be loaded here; nothing when they can.
pub fn refuses_bpf() -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("this is not root".to_owned());
    }
    if !Path::new("/sys/kernel/btf/vmlinux").exists() {
        return Some("this kernel has no type information (/sys/kernel/btf/vmlinux)".to_owned());
    }
    let lockdown = fs::read_to_string("/sys/kernel/security/lockdown").unwrap_or_default();
    if lockdown.contains("[confidentiality]") {
        return Some("this kernel is locked down for confidentiality".to_owned());
    }
    make_map().err().map(|error| format!("bpf(2) is refused: {error}"))
}

/// Makes the smallest map and closes it: a container's filter or a lost capability refuses that.
fn make_map() -> io::Result<()> {
    const BPF_MAP_CREATE: libc::c_long = 0;
    const BPF_MAP_TYPE_ARRAY: u32 = 2;
    // map_type, key_size, value_size, max_entries: the first fields of `union bpf_attr`.
    let attributes = [BPF_MAP_TYPE_ARRAY, 4, 4, 1];
    // SAFETY: the kernel reads `attributes` for its size only, and returns a new descriptor.
    let descriptor = unsafe {
        libc::syscall(libc::SYS_bpf, BPF_MAP_CREATE, attributes.as_ptr(), size_of_val(&attributes))
    };
    let descriptor = i32::try_from(descriptor).map_err(io::Error::other)?;
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just returned and belongs to nobody else.
    unsafe { libc::close(descriptor) };
    Ok(())
}
