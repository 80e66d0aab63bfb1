//! A BPF ring buffer, read. Its data are mapped once: libbpf maps them twice, which doubles what the recorder's memory is
//! counted at.
//!
//! The kernel's side is `kernel/bpf/ringbuf.c`: a page with our position, a page with the kernel's, then the data, a
//! power of two of bytes. A record is a header of 8 bytes (length with two flags, offset of its page) and its payload,
//! aligned to 8; one that reaches the end goes on at the beginning.

use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use libbpf_rs::MapCore;
use libbpf_rs::libbpf_sys;

const HEADER: usize = 8;

/// A ring, open for reading by this process alone.
pub(super) struct Ring {
    map: OwnedFd,
    /// Our position, in a page of its own.
    consumer: NonNull<AtomicUsize>,
    /// The kernel's, and behind its page the data.
    producer: NonNull<AtomicUsize>,
    page: usize,
    bytes: usize,
}

impl Ring {
    pub(super) fn open(map: &dyn MapCore) -> std::io::Result<Self> {
        // SAFETY: sysconf(3) takes no pointers.
        let page =
            usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).map_err(std::io::Error::other)?;
        let bytes = map.max_entries() as usize;
        let map = map.as_fd().try_clone_to_owned()?;
        let part = |length: usize, rights: i32, offset: usize| {
            let (fd, offset) = (map.as_raw_fd(), offset as libc::off_t);
            // SAFETY: a new mapping of a ring buffer's pages, at a place that the kernel chooses.
            let at =
                unsafe { libc::mmap(std::ptr::null_mut(), length, rights, libc::MAP_SHARED, fd, offset) };
            if at == libc::MAP_FAILED {
                return Err(std::io::Error::last_os_error());
            }
            NonNull::new(at.cast::<AtomicUsize>()).ok_or(std::io::ErrorKind::InvalidData.into())
        };
        let consumer = part(page, libc::PROT_READ | libc::PROT_WRITE, 0)?;
        let producer = part(page + bytes, libc::PROT_READ, page)?;
        Ok(Self { map, consumer, producer, page, bytes })
    }

    /// Hands on records, oldest first: at most so many. Returns how many.
    pub(super) fn take(&mut self, most: usize, mut visit: impl FnMut(Vec<u8>)) -> usize {
        // SAFETY: both mappings live as long as `self`, and hold a position at their beginning.
        let (consumer, producer) = unsafe { (self.consumer.as_ref(), self.producer.as_ref()) };
        let mut at = consumer.load(Ordering::Relaxed);
        let mut taken = 0;
        while taken < most && at != producer.load(Ordering::Acquire) {
            let length = self.length_at(at).load(Ordering::Acquire);
            if length & libbpf_sys::BPF_RINGBUF_BUSY_BIT != 0 {
                break;
            }
            let is_discarded = length & libbpf_sys::BPF_RINGBUF_DISCARD_BIT != 0;
            let length =
                (length & !(libbpf_sys::BPF_RINGBUF_BUSY_BIT | libbpf_sys::BPF_RINGBUF_DISCARD_BIT)) as usize;
            if !is_discarded {
                visit(self.copy(at + HEADER, length));
                taken += 1;
            }
            at += (length + HEADER).next_multiple_of(8);
            consumer.store(at, Ordering::Release);
        }
        taken
    }

    /// The data's first byte.
    fn data(&self) -> NonNull<u8> {
        // SAFETY: the mapping goes on behind the producer's page.
        unsafe { self.producer.cast::<u8>().add(self.page) }
    }

    fn length_at(&self, position: usize) -> &AtomicU32 {
        // SAFETY: headers are aligned to 8 and lie within the data, of which the position is taken modulo.
        unsafe { self.data().add(position & (self.bytes - 1)).cast::<AtomicU32>().as_ref() }
    }

    fn copy(&self, position: usize, length: usize) -> Vec<u8> {
        let begin = position & (self.bytes - 1);
        let length = length.min(self.bytes);
        let first = length.min(self.bytes - begin);
        // SAFETY: both parts lie within the data, and the kernel writes no record that was not read yet.
        let (head, tail) = unsafe {
            (
                std::slice::from_raw_parts(self.data().add(begin).as_ptr(), first),
                std::slice::from_raw_parts(self.data().as_ptr(), length - first),
            )
        };
        [head, tail].concat()
    }
}

/// For waiting until something is to be read.
impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.map.as_fd()
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: mapped by `open` with these lengths, and not used after this.
        let _ = unsafe { libc::munmap(self.consumer.as_ptr().cast(), self.page) };
        // SAFETY: likewise.
        let _ = unsafe { libc::munmap(self.producer.as_ptr().cast(), self.page + self.bytes) };
    }
}
