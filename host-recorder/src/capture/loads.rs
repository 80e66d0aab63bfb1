//! BPF programs that are loaded into the kernel, by whom. No tracepoint tells of them; the kernel's list of events for
//! profilers does (`PERF_RECORD_BPF_EVENT`, since 5.1), at no cost to anything else. Opened with root's rights and
//! read without.

use std::io;
use std::os::fd::AsRawFd;
use std::os::fd::FromRawFd;
use std::os::fd::OwnedFd;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

/// Name of the hook.
pub(super) const NAME: &str = "perf/bpf_event";
/// What it gives.
pub(super) const GIVES: &str = "BPF programs that are loaded";

/// Bytes of events that wait for one CPU: some 500 programs.
const DATA: usize = 32 << 10;

/// Numbers of `linux/perf_event.h`.
const TYPE_SOFTWARE: u32 = 1;
const COUNT_DUMMY: u64 = 9;
const SAMPLE_TID_AND_TIME: u64 = 1 << 1 | 1 << 2;
const WITH_IDS: u64 = 1 << 18;
const WITH_CLOCK: u64 = 1 << 25;
const WITH_PROGRAMS: u64 = 1 << 30;
const RECORD_LOST: u32 = 2;
const RECORD_PROGRAM: u32 = 18;
const PROGRAM_LOADED: u16 = 1;

/// The attribute up to the clock (`PERF_ATTR_SIZE_VER3`).
#[repr(C)]
#[derive(Default)]
struct Attribute {
    kind: u32,
    size: u32,
    config: u64,
    period: u64,
    sample: u64,
    read_format: u64,
    flags: u64,
    wakeup: u32,
    breakpoint: u32,
    breakpoint_at: u64,
    breakpoint_length: u64,
    branches: u64,
    registers: u64,
    stack: u32,
    clock: i32,
}

const _: () = assert!(size_of::<Attribute>() == 96);

/// A program that was loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Load {
    /// When, ns since boot.
    pub boot_ns: u64,
    /// The process that loaded it.
    pub pid: u32,
    /// The kernel's number for it.
    pub program: u32,
    /// The kernel's digest of its instructions.
    pub tag: [u8; 8],
}

/// The lists of all CPUs.
pub(super) struct Loads {
    lists: Vec<List>,
    bytes: Vec<u8>,
}

struct List {
    _event: OwnedFd,
    memory: NonNull<u8>,
    page: usize,
}

impl Loads {
    /// Has the kernel tell of programs from now on.
    pub(super) fn open() -> io::Result<Self> {
        // SAFETY: sysconf(3) reads no memory of ours.
        let (cpus, page) =
            unsafe { (libc::sysconf(libc::_SC_NPROCESSORS_CONF), libc::sysconf(libc::_SC_PAGESIZE)) };
        let mut lists = Vec::new();
        for cpu in 0..cpus.max(1) as i32 {
            match List::open(cpu, page as usize) {
                Ok(list) => lists.push(list),
                // A CPU that is off.
                Err(error) if error.raw_os_error() == Some(libc::ENODEV) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self { lists, bytes: Vec::new() })
    }

    /// What was loaded since this was asked last, and how many records were lost.
    pub(super) fn take(&mut self) -> (Vec<Load>, u64) {
        let (mut loads, mut lost) = (Vec::new(), 0);
        for list in &self.lists {
            self.bytes.clear();
            list.take(&mut self.bytes);
            lost += read(&self.bytes, &mut loads);
        }
        loads.sort_by_key(|load| load.boot_ns);
        (loads, lost)
    }
}

impl List {
    fn open(cpu: i32, page: usize) -> io::Result<Self> {
        let attribute = Attribute {
            kind: TYPE_SOFTWARE,
            size: size_of::<Attribute>() as u32,
            config: COUNT_DUMMY,
            sample: SAMPLE_TID_AND_TIME,
            flags: WITH_IDS | WITH_CLOCK | WITH_PROGRAMS,
            clock: libc::CLOCK_BOOTTIME,
            ..Attribute::default()
        };
        let (everybody, alone, close_on_exec) = (-1i32, -1i32, 8u64);
        // SAFETY: the kernel reads the attribute's bytes, as many as it says it has.
        let event = unsafe {
            libc::syscall(
                libc::SYS_perf_event_open,
                &raw const attribute,
                everybody,
                cpu,
                alone,
                close_on_exec,
            )
        };
        if event < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call returned a new file descriptor.
        let event = unsafe { OwnedFd::from_raw_fd(event as i32) };
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping, which nothing else refers to.
        let memory = unsafe {
            let length = page + DATA;
            libc::mmap(std::ptr::null_mut(), length, protection, libc::MAP_SHARED, event.as_raw_fd(), 0)
        };
        if memory == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let memory = NonNull::new(memory.cast()).ok_or_else(io::Error::last_os_error)?;
        Ok(Self { _event: event, memory, page })
    }

    /// Where the kernel has written to, and where we have read to (`struct perf_event_mmap_page`).
    fn ends(&self) -> (&AtomicU64, &AtomicU64) {
        // SAFETY: the first page has these two numbers at these offsets, for as long as the mapping lives; the kernel
        // changes them by single writes.
        unsafe {
            let head = self.memory.as_ptr().add(1024).cast();
            let tail = self.memory.as_ptr().add(1032).cast();
            (AtomicU64::from_ptr(head), AtomicU64::from_ptr(tail))
        }
    }

    /// Copies what is there, and gives its place back.
    fn take(&self, to: &mut Vec<u8>) {
        let (head, tail) = self.ends();
        let written = head.load(Ordering::Acquire);
        let from = tail.load(Ordering::Relaxed);
        for at in from..written.min(from + DATA as u64) {
            let offset = self.page + (at as usize & (DATA - 1));
            // SAFETY: the offset lies in the mapping, and the kernel writes nothing here until the tail is moved.
            to.push(unsafe { self.memory.as_ptr().add(offset).read() });
        }
        tail.store(written, Ordering::Release);
    }
}

impl Drop for List {
    fn drop(&mut self) {
        // SAFETY: the mapping is this list's own, and nothing refers to it any more.
        unsafe { libc::munmap(self.memory.as_ptr().cast(), self.page + DATA) };
    }
}

/// Reads records: each begins with its kind, two bytes of flags, and its length; returns how many were lost.
fn read(mut bytes: &[u8], loads: &mut Vec<Load>) -> u64 {
    let mut lost = 0;
    while let Some(length) = number::<2>(bytes, 6).filter(|length| *length >= 8) {
        let Some((record, rest)) = bytes.split_at_checked(length as usize) else {
            break;
        };
        bytes = rest;
        match number::<4>(record, 0).map(|kind| kind as u32) {
            Some(RECORD_LOST) => lost += number::<8>(record, 16).unwrap_or(0),
            Some(RECORD_PROGRAM) => loads.extend(read_load(record)),
            _ => {}
        }
    }
    lost
}

/// `u16 type, u16 flags, u32 id, u8 tag[8]` behind the head, and then `u32 pid, u32 tid, u64 time`.
fn read_load(record: &[u8]) -> Option<Load> {
    if number::<2>(record, 8)? as u16 != PROGRAM_LOADED {
        return None;
    }
    Some(Load {
        program: number::<4>(record, 12)? as u32,
        tag: record.get(16..24)?.try_into().ok()?,
        pid: number::<4>(record, 24)? as u32,
        boot_ns: number::<8>(record, 32)?,
    })
}

/// A number of so many bytes in the machine's order.
fn number<const BYTES: usize>(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes: [u8; BYTES] = bytes.get(at..at + BYTES)?.try_into().ok()?;
    Some(match BYTES {
        2 => u16::from_ne_bytes([bytes[0], bytes[1]]).into(),
        4 => u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]).into(),
        _ => u64::from_ne_bytes(bytes.as_slice().try_into().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u32, body: &[u8]) -> Vec<u8> {
        let mut bytes = kind.to_ne_bytes().to_vec();
        bytes.extend([0, 0]);
        bytes.extend((body.len() as u16 + 8).to_ne_bytes());
        bytes.extend(body);
        bytes
    }

    fn program(what: u16) -> Vec<u8> {
        let mut body = [what.to_ne_bytes(), [0, 0]].concat();
        body.extend(77u32.to_ne_bytes());
        body.extend([1, 2, 3, 4, 5, 6, 7, 8]);
        body.extend(4_000u32.to_ne_bytes());
        body.extend(4_001u32.to_ne_bytes());
        body.extend(5_000_000u64.to_ne_bytes());
        record(RECORD_PROGRAM, &body)
    }

    #[test]
    fn loads_and_losses_are_read_and_other_records_passed_over() {
        let mut bytes = record(1, &[0; 24]);
        bytes.extend(program(PROGRAM_LOADED));
        bytes.extend(program(2));
        bytes.extend(record(RECORD_LOST, &[0u64.to_ne_bytes(), 3u64.to_ne_bytes()].concat()));
        let mut loads = Vec::new();
        assert_eq!(read(&bytes, &mut loads), 3);
        let tag = [1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!(loads, [Load { boot_ns: 5_000_000, pid: 4_000, program: 77, tag }]);
        for cut in 0..bytes.len() {
            read(&bytes[..cut], &mut Vec::new());
        }
    }
}
