//! The allocator of glibc, kept from keeping what is freed.
//!
//! It has an arena for each thread, and once a large block was freed keeps blocks of that size, too; what is free
//! between blocks that are in use it never gives back by itself. A storm of programs, each remembered for a while and
//! written to segments, would leave tens of megabytes behind. Other allocators are left alone.

/// Blocks from this size on are the system's own, and as much that is free at the end is given back, bytes.
#[cfg(target_env = "gnu")]
const BLOCK_MAX: i32 = 128 << 10;

/// Sets its bounds. To be called before there are other threads.
pub fn bound() {
    #[cfg(target_env = "gnu")]
    for (what, value) in
        [(libc::M_ARENA_MAX, 2), (libc::M_MMAP_THRESHOLD, BLOCK_MAX), (libc::M_TRIM_THRESHOLD, BLOCK_MAX)]
    {
        // SAFETY: sets a number of the allocator's; there is no other thread yet.
        unsafe { libc::mallopt(what, value) };
    }
}

/// Gives back whatever is free. It goes through all that is allocated, which takes milliseconds where that is much.
pub fn trim() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes no pointers, and locks what it looks at.
    unsafe {
        libc::malloc_trim(0);
    }
}
