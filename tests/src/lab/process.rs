//! Waiting with a bound: for a condition, for a process.

use std::io::Read;
use std::process::Child;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Output;
use std::process::Stdio;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use anyhow::bail;

const POLL: Duration = Duration::from_millis(10);

/// Waits until `met` holds.
///
/// # Errors
/// When it does not within `max`; `what` says what did not come.
pub fn wait_until(what: &str, max: Duration, mut met: impl FnMut() -> bool) -> anyhow::Result<()> {
    let since = Instant::now();
    while !met() {
        if since.elapsed() > max {
            bail!("{what} did not come within {} s", max.as_secs());
        }
        thread::sleep(POLL);
    }
    Ok(())
}

/// Waits for a process to end, and kills it when it has not within `max`.
///
/// # Errors
/// When it had to be killed.
pub fn wait_within(what: &str, child: &mut Child, max: Duration) -> anyhow::Result<ExitStatus> {
    let since = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if since.elapsed() > max {
            child.kill()?;
            child.wait()?;
            bail!("{what} did not end within {} s", max.as_secs());
        }
        thread::sleep(POLL);
    }
}

/// Runs a command to its end and returns what it printed, bounded in time.
///
/// # Errors
/// When it cannot be started or had to be killed.
pub fn output_within(what: &str, command: &mut Command, max: Duration) -> anyhow::Result<Output> {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("start {what}"))?;
    let stdout = child.stdout.take().map(collect);
    let stderr = child.stderr.take().map(collect);
    let status = wait_within(what, &mut child, max)?;
    let join = |reader: Option<thread::JoinHandle<Vec<u8>>>| {
        reader.and_then(|reader| reader.join().ok()).unwrap_or_default()
    };
    Ok(Output { status, stdout: join(stdout), stderr: join(stderr) })
}

fn collect(mut stream: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        bytes
    })
}
