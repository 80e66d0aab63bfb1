//! Writes a ring until it is killed: `ring_writer DIR FIRST [LAST]`. The child of the tests of `ring.rs`.
//!
//! Event by event it writes what [`tests::ledger::event`] says for FIRST, FIRST + 1 …, commits now and then, and after each
//! commit prints the number of the last event: that one may never be lost again. Between two lines `hold` and `free` on
//! its standard input the system takes no writes from it.

use std::io::BufRead;
use std::io::Write;
use std::path::Path;
use std::sync::mpsc;

use anyhow::Context;
use history::Ring;
use nix::sys::resource::Resource;
use nix::sys::resource::getrlimit;
use nix::sys::resource::setrlimit;
use nix::sys::signal::SigHandler;
use nix::sys::signal::Signal;
use nix::sys::signal::signal;
use tests::ledger;

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (dir, first, last) = match args.as_slice() {
        [dir, first] => (dir, first, u64::MAX),
        [dir, first, last] => (dir, first, last.parse().context("LAST")?),
        _ => anyhow::bail!("usage: ring_writer DIR FIRST [LAST]"),
    };
    // SAFETY: no handler of ours runs; a write beyond the limit fails instead of killing.
    unsafe { signal(Signal::SIGXFSZ, SigHandler::SigIgn) }?;
    let (told, tell) = mpsc::channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if told.send(line).is_err() {
                return;
            }
        }
    });
    let mut ring = Ring::open(Path::new(dir), ledger::LIMITS)?;
    let (_, most) = getrlimit(Resource::RLIMIT_FSIZE)?;
    let mut out = std::io::stdout().lock();
    for number in first.parse::<u64>().context("FIRST")?..=last {
        let event = ledger::event(number);
        // What the disk does not take is kept and tried again; this writer never waits long enough to lose any.
        ring.append(event.time, event.boot_ns, event.body, &ledger::Known)?;
        if number % ledger::COMMIT_EVERY != 0 {
            continue;
        }
        match ring.commit() {
            Ok(()) => writeln!(out, "{number}")?,
            Err(error) => writeln!(out, "not {number}: {error}")?,
        }
        out.flush()?;
        match tell.try_recv().as_deref() {
            Ok("hold") => setrlimit(Resource::RLIMIT_FSIZE, 0, most)?,
            Ok("free") => setrlimit(Resource::RLIMIT_FSIZE, most, most)?,
            _ => {}
        }
    }
    Ok(())
}
