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
use std::time::Duration;
use std::time::Instant;

use libbpf_rs::MapCore;
use libbpf_rs::libbpf_sys;

const HEADER: usize = 8;

/// How long one record may take to be written, once its place was taken, before its reader goes on: a program in the
/// kernel needs microseconds, and its CPU may be taken from the machine meanwhile.
const WRITING_MAX: Duration = Duration::from_millis(20);

/// What is left in a ring after records were taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// Nothing.
    Nothing,
    /// As many were taken as were wanted.
    More,
    /// A record that is still being written, and what lies behind it.
    Unwritten,
}

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
        Self::map(map.as_fd().try_clone_to_owned()?, page, bytes)
    }

    fn map(map: OwnedFd, page: usize, bytes: usize) -> std::io::Result<Self> {
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

    /// Hands on records, oldest first: at most so many. One that is being written is waited for, for a time.
    pub(super) fn take(&mut self, most: usize, mut visit: impl FnMut(Vec<u8>)) -> Rest {
        // SAFETY: both mappings live as long as `self`, and hold a position at their beginning.
        let (consumer, producer) = unsafe { (self.consumer.as_ref(), self.producer.as_ref()) };
        let mut at = consumer.load(Ordering::Relaxed);
        let mut taken = 0;
        while at != producer.load(Ordering::Acquire) {
            if taken == most {
                return Rest::More;
            }
            let Some(length) = self.written_at(at) else {
                return Rest::Unwritten;
            };
            let is_discarded = length & libbpf_sys::BPF_RINGBUF_DISCARD_BIT != 0;
            let length = (length & !libbpf_sys::BPF_RINGBUF_DISCARD_BIT) as usize;
            if !is_discarded {
                visit(self.copy(at + HEADER, length));
                taken += 1;
            }
            at += (length + HEADER).next_multiple_of(8);
            consumer.store(at, Ordering::Release);
        }
        Rest::Nothing
    }

    /// The length of a record, with the kernel's flag of a discarded one; none where it is not written in time.
    fn written_at(&self, position: usize) -> Option<u32> {
        let length = || {
            let length = self.length_at(position).load(Ordering::Acquire);
            (length & libbpf_sys::BPF_RINGBUF_BUSY_BIT == 0).then_some(length)
        };
        length().or_else(|| {
            let begun = Instant::now();
            while begun.elapsed() < WRITING_MAX {
                std::thread::yield_now();
                if let Some(length) = length() {
                    return Some(length);
                }
            }
            None
        })
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

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    use nix::sys::memfd::MFdFlags;
    use nix::sys::memfd::memfd_create;

    use super::*;

    const PAGE: usize = 4096;

    /// What the kernel's side of a ring is made of.
    struct Kernel {
        file: File,
        produced: usize,
    }

    impl Kernel {
        fn with_ring() -> (Self, Ring) {
            let file = File::from(memfd_create("ring", MFdFlags::empty()).unwrap());
            file.set_len(3 * PAGE as u64).unwrap();
            let ring = Ring::map(file.try_clone().unwrap().into(), PAGE, PAGE).unwrap();
            (Self { file, produced: 0 }, ring)
        }

        fn reserve(&mut self, payload: &[u8]) -> usize {
            let at = self.produced;
            self.file.write_all_at(payload, (2 * PAGE + (at + HEADER) % PAGE) as u64).unwrap();
            self.set_length(at, payload.len() as u32 | libbpf_sys::BPF_RINGBUF_BUSY_BIT);
            self.produced += (payload.len() + HEADER).next_multiple_of(8);
            self.file.write_all_at(&self.produced.to_ne_bytes(), PAGE as u64).unwrap();
            at
        }

        fn set_length(&self, at: usize, length: u32) {
            self.file.write_all_at(&length.to_ne_bytes(), (2 * PAGE + at % PAGE) as u64).unwrap();
        }
    }

    fn taken(ring: &mut Ring, most: usize) -> (Vec<Vec<u8>>, Rest) {
        let mut taken = Vec::new();
        let rest = ring.take(most, |bytes| taken.push(bytes));
        (taken, rest)
    }

    #[test]
    fn a_record_that_is_written_late_is_waited_for_and_one_that_is_not_is_said() {
        let (mut kernel, mut ring) = Kernel::with_ring();
        for payload in [&b"first"[..], b"second", b"third"] {
            let at = kernel.reserve(payload);
            kernel.set_length(at, payload.len() as u32);
        }
        let late = kernel.reserve(b"late");
        let discarded = kernel.reserve(b"discarded");
        kernel.set_length(discarded, 9 | libbpf_sys::BPF_RINGBUF_DISCARD_BIT);
        assert_eq!(taken(&mut ring, 2), (vec![b"first".to_vec(), b"second".to_vec()], Rest::More));
        assert_eq!(taken(&mut ring, 2), (vec![b"third".to_vec()], Rest::Unwritten));
        let writer = std::thread::spawn(move || {
            kernel.set_length(late, 4);
            kernel
        });
        assert_eq!(taken(&mut ring, 2), (vec![b"late".to_vec()], Rest::Nothing));
        let mut kernel = writer.join().unwrap();
        let at = kernel.reserve(&[7; PAGE - HEADER]);
        kernel.set_length(at, (PAGE - HEADER) as u32);
        assert_eq!(taken(&mut ring, 1).1, Rest::Nothing, "exactly as many as there are");
    }
}
