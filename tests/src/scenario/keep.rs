//! From a ring that was just recorded to one that is kept: small, and with nothing of this machine in it.
//!
//! Three things are changed, and nothing else: what ran outside the instance loses its texts; the whole of it is
//! moved to one day and a fitting hour; and the recorder is said to have started three hours before and stopped three
//! hours after, when nothing happened, since nobody waits that long for a fixture. The lab's own names go from paths
//! of cgroups.

use std::fs;
use std::path::Path;

use anyhow::Context;
use anyhow::ensure;
use history::Body;
use history::Event;
use history::Process;
use history::RecorderAct;
use history::Ring;
use history::RingLimits;
use history::UnixNs;
use jiff::SignedDuration;
use jiff::civil;
use jiff::tz::TimeZone;

use super::Accusation;
use crate::recording::Nobody;

/// The day on which everything kept happened.
const DAY: civil::Date = civil::date(2026, 11, 21);
/// How long the recorder is said to have run before and after.
const AROUND_S: i64 = 3 * 3_600;
/// What a kept ring may have, bytes.
const SIZE_MAX: u64 = 200_000;

/// Keeps a ring and the notice about it in a folder, replacing what is there.
pub(super) fn keep(
    ring: &Path,
    accusation: &Accusation,
    told_at: (i8, i8),
    folder: &Path,
) -> anyhow::Result<()> {
    let told = DAY.at(told_at.0, told_at.1, 7, 0).to_zoned(TimeZone::UTC)?.timestamp();
    let shift = told.duration_since(accusation.first()?);
    let into = folder.join("ring");
    let _ = fs::remove_dir_all(folder);
    let mut kept = Ring::open(&into, RingLimits { log_bytes: 1, free_bytes: 0, ..RingLimits::default() })?;
    let mut started = false;
    let events = history::events(ring)?;
    let last = events.last().map(|event| event.id);
    for event in events {
        let mut event = moved(event, shift);
        match &event.body {
            Body::Recorder { act: RecorderAct::Started, .. } if !started => {
                started = true;
                event.time = event.time.plus_s(-AROUND_S);
            }
            Body::Recorder { act: RecorderAct::Stopped, .. } if last == Some(event.id) => {
                event.time = event.time.plus_s(AROUND_S);
            }
            _ => {}
        }
        kept.append(event.time, event.boot_ns, bare(event.body), &Nobody)?;
    }
    ensure!(started, "the recorder does not say that it started");
    kept.commit()?;
    drop(kept);
    let mut size = 0;
    for entry in fs::read_dir(&into)? {
        let path = entry?.path();
        // Nobody writes here again, and an empty log says nothing.
        if path.extension().is_none_or(|extension| extension != "parquet") {
            let is_plain = path.is_file();
            if is_plain { fs::remove_file(&path)? } else { fs::remove_dir_all(&path)? }
        } else {
            size += fs::metadata(&path)?.len();
        }
    }
    ensure!(
        size > 0 && size <= SIZE_MAX,
        "{} has {size} bytes; at most {SIZE_MAX} are kept",
        folder.display()
    );
    fs::write(folder.join("notice.eml"), accusation.mail(shift)?).context("keep the notice")
}

fn moved(mut event: Event, shift: SignedDuration) -> Event {
    let ns = i64::try_from(shift.as_nanos()).unwrap_or_default();
    let by = |time: &mut UnixNs| time.0 += ns;
    by(&mut event.time);
    match &mut event.body {
        Body::Process(process) => by(&mut process.started),
        Body::Flow(flow) => {
            by(&mut flow.first);
            by(&mut flow.last);
        }
        Body::Targets(targets) => {
            by(&mut targets.first);
            by(&mut targets.last);
        }
        Body::Loss { from, .. } => by(from),
        _ => {}
    }
    event
}

/// A body without what only this machine has.
fn bare(body: Body) -> Body {
    match body {
        Body::Process(process) => Body::Process(Box::new(of_the_instance(*process))),
        body => body,
    }
}

fn of_the_instance(process: Process) -> Process {
    // The recorder's own host has no lab around it.
    let Some((_, inside)) =
        process.cgroup.split_once("/instance").filter(|(lab, _)| lab.contains("gumshoe-lab-"))
    else {
        return Process {
            comm: String::new(),
            exe: String::new(),
            argv: Vec::new(),
            env: Vec::new(),
            cwd: String::new(),
            user: None,
            login_user: None,
            tty: None,
            cgroup: String::new(),
            ..process
        };
    };
    // Only the recorder's own command line names the lab.
    let argv = if process.exe == "/usr/bin/host-recorder" {
        process.argv.iter().take(2).cloned().collect()
    } else {
        process.argv.clone()
    };
    let cgroup = if inside.is_empty() { "/".to_owned() } else { inside.to_owned() };
    Process { argv, cgroup, ..process }
}
