//! Ctrl-C and its like: for programs that hold a lab.

use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::fd::OwnedFd;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicI32;
use std::sync::atomic::Ordering;

use anyhow::Context;
use nix::sys::signal::SaFlags;
use nix::sys::signal::SigAction;
use nix::sys::signal::SigHandler;
use nix::sys::signal::SigSet;
use nix::sys::signal::Signal;

/// The end of a pipe that the handler writes to; -1 before [`remove_labs_on_signals`].
static BELL: AtomicI32 = AtomicI32::new(-1);

/// Whether a signal has come.
static STOPPING: AtomicBool = AtomicBool::new(false);
/// What else is to be undone, in the order in which it was done.
static UNDO: Mutex<Vec<Box<dyn FnOnce() + Send>>> = Mutex::new(Vec::new());

/// Has something that is no lab's undone too when a signal ends this process: runs after the labs
/// are gone, the latest first.
pub fn undo_on_signals(undo: impl FnOnce() + Send + 'static) {
    UNDO.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(undo));
}

/// From now on, SIGINT, SIGTERM and SIGHUP remove this process's labs, wait until they are gone,
/// and end the process with 128 plus the signal's number.
///
/// # Errors
/// When the handlers cannot be installed.
pub fn remove_labs_on_signals() -> anyhow::Result<()> {
    let (reader, writer) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).context("make a pipe")?;
    BELL.store(writer.as_raw_fd(), Ordering::Relaxed);
    std::thread::spawn(move || answer(reader, writer));
    let action = SigAction::new(SigHandler::Handler(ring), SaFlags::SA_RESTART, SigSet::empty());
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        // SAFETY: the handler only touches atomics and calls write(2), which is async-signal-safe.
        unsafe { nix::sys::signal::sigaction(signal, &action) }.context("install a signal handler")?;
    }
    Ok(())
}

/// Returns, unless a signal has come: then everything is being undone, and nothing is to be begun or concluded by
/// whoever calls this. The process ends when all is undone.
pub fn wait_if_stopping() {
    while STOPPING.load(Ordering::Relaxed) {
        std::thread::park();
    }
}

extern "C" fn ring(signal: libc::c_int) {
    STOPPING.store(true, Ordering::Relaxed);
    let byte = [u8::try_from(signal).unwrap_or(0)];
    // SAFETY: the descriptor stays open for the life of the process, and the buffer is one byte.
    unsafe {
        libc::write(BELL.load(Ordering::Relaxed), byte.as_ptr().cast(), 1);
    }
}

fn answer(reader: OwnedFd, _writer: OwnedFd) {
    let mut byte = [0];
    if std::fs::File::from(reader).read_exact(&mut byte).is_ok() {
        eprintln!("\nstopping: removing the lab");
        crate::lab::dismiss_all();
        let undo = std::mem::take(&mut *UNDO.lock().unwrap_or_else(PoisonError::into_inner));
        undo.into_iter().rev().for_each(|undo| undo());
        std::process::exit(128 + i32::from(byte[0]));
    }
}
