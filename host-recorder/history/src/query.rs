//! From a ring and a request to evidence.
//!
//! Reads only: a recorder may write, seal and evict meanwhile. One pass over the files that touch the window;
//! what cannot be read becomes a gap.

use std::collections::HashMap;
use std::path::Path;

use thiserror::Error;

use crate::event::Event;
use crate::evidence::Coverage;
use crate::evidence::Evidence;
use crate::evidence::Gap;
use crate::evidence::Host;
use crate::evidence::Request;
use crate::evidence::VERSION;
use crate::evidence::Window;
use crate::id::EventId;
use crate::id::UnixNs;
use crate::ring;
use crate::ring::RingError;
use crate::ring::RingFile;

mod activity;
mod gather;
mod sets;

use gather::Gathered;

/// How often the files are listed again because one was sealed while being read.
const TRIES: usize = 5;

/// Why a request cannot be answered.
#[derive(Debug, Error)]
pub enum QueryError {
    /// The ring cannot be read.
    #[error(transparent)]
    Ring(#[from] RingError),
    /// Another version.
    #[error("request of version {0}; this recorder speaks {VERSION}")]
    Version(u32),
    /// The window ends before it begins.
    #[error("the window ends ({to}) before it begins ({from})", from = .0.from, to = .0.to)]
    Window(Window),
    /// A prefix is longer than its address.
    #[error("{address}/{length} is no address range", address = .0.address, length = .0.length)]
    Prefix(crate::evidence::Prefix),
}

/// Answers a request from the ring in a directory. `host` is who answers.
pub fn query(dir: &Path, request: &Request, host: Host) -> Result<Evidence, QueryError> {
    query_at(dir, request, host, UnixNs::now())
}

/// Up to when a ring is recorded: the time of the last commit that is on disk.
pub fn recorded_to(dir: &Path) -> Result<Option<UnixNs>, QueryError> {
    let spans = ring::spans_of(&ring::list(dir)?, |_, _| {}, |_, _| {})?;
    Ok(spans.last().map(|span| span.to))
}

/// [`query`] as of a given time.
pub(crate) fn query_at(
    dir: &Path,
    request: &Request,
    host: Host,
    now: UnixNs,
) -> Result<Evidence, QueryError> {
    check(request)?;
    let mut tries = 1;
    loop {
        match answer(dir, request, &host, now) {
            Err(QueryError::Ring(error)) if error.is_gone() && tries < TRIES => tries += 1,
            outcome => return outcome,
        }
    }
}

fn check(request: &Request) -> Result<(), QueryError> {
    if request.version != VERSION {
        return Err(QueryError::Version(request.version));
    }
    if request.window.from > request.window.to {
        return Err(QueryError::Window(request.window));
    }
    for prefix in &request.remotes {
        let bits = if prefix.address.is_ipv4() { 32 } else { 128 };
        if prefix.length > bits {
            return Err(QueryError::Prefix(*prefix));
        }
    }
    Ok(())
}

fn answer(dir: &Path, request: &Request, host: &Host, now: UnixNs) -> Result<Evidence, QueryError> {
    let files = ring::list(dir)?;
    let mut logs: HashMap<EventId, Vec<Event>> = HashMap::new();
    let mut damaged = Vec::new();
    let spans = ring::spans_of(
        &files,
        |file, events| {
            logs.insert(file.first, events);
        },
        |file, error| damaged.push((file.path.clone(), error.to_string())),
    )?;
    let window =
        Window { from: request.window.from, to: request.window.to.min(now).max(request.window.from) };
    let (recorded, mut gaps) = ring::cover(window, &spans);
    let mut gathered = Gathered::new(request);
    for file in &files {
        let events = match logs.remove(&file.first) {
            Some(events) => events,
            None if damaged.iter().any(|(path, _)| *path == file.path) => continue,
            None => match read_if_touching(file, window) {
                Ok(events) => events,
                Err(error) if error.is_gone() => return Err(error.into()),
                Err(error) => {
                    damaged.push((file.path.clone(), error.to_string()));
                    continue;
                }
            },
        };
        gathered.add(&events, window);
    }
    for (_, reason) in damaged {
        gaps.push(Gap { window, reason: format!("cannot be read: {reason}") });
    }
    let coverage = Coverage {
        window,
        recorded,
        gaps,
        losses: gathered.take_losses(),
        oldest: ring::oldest(&spans),
        events_searched: gathered.events_searched(),
    };
    Ok(gathered.into_evidence(host.clone(), request.clone(), now, coverage))
}

/// Events of a file, or none where its spans say that it lies outside the window.
fn read_if_touching(file: &RingFile, window: Window) -> Result<Vec<Event>, RingError> {
    let spans = ring::spans_of(std::slice::from_ref(file), |_, _| {}, |_, _| {})?;
    let touches = |span: &ring::Span| window.touches(span.from.plus_s(-5), span.to.plus_s(5));
    if spans.iter().any(touches) { ring::read(file) } else { Ok(Vec::new()) }
}

#[cfg(test)]
mod tests;
