//! From a ring and a request to evidence.
//!
//! Reads only: a recorder may write, seal and evict meanwhile. One pass over the files that touch the window, of each
//! only the columns and rows that are needed; what cannot be read becomes a gap.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use thiserror::Error;

use crate::event::Body;
use crate::event::Event;
use crate::evidence::Coverage;
use crate::evidence::Evidence;
use crate::evidence::Gap;
use crate::evidence::Host;
use crate::evidence::Loss;
use crate::evidence::Prefix;
use crate::evidence::Request;
use crate::evidence::VERSION;
use crate::evidence::Window;
use crate::id::UnixNs;
use crate::redact;
use crate::ring;
use crate::ring::About;
use crate::ring::Logged;
use crate::ring::RingError;
use crate::ring::RingFile;
use crate::ring::SegmentStore;
use crate::ring::Selection;
use crate::ring::Sought;
use crate::ring::Span;

mod activity;
mod gather;
mod habits;
mod joined;
mod sets;

use gather::Gathered;

/// How often the files are listed again because one was sealed while being read.
const TRIES: usize = 5;

/// Events of a window beyond which only what is asked for is read, and not what else happened.
const BESIDE_EVENTS_MAX: u64 = 300_000;

/// By how much the newest history may be ahead of the clock that answers, before that was set back, s.
const LATE_S: i64 = 2;

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
    Prefix(Prefix),
}

/// Answers a request from the ring in a directory. `host` is who answers.
pub fn query(dir: &Path, request: &Request, host: Host) -> Result<Evidence, QueryError> {
    query_at(dir, request, host, UnixNs::now())
}

/// Answers a request from segments that lie elsewhere: `lines` are those lines of the ring's chain that tell of them.
pub fn query_archive(
    lines: &[u8],
    store: &Arc<dyn SegmentStore>,
    request: &Request,
    host: Host,
) -> Result<Evidence, QueryError> {
    archive_with(lines, store, request, host, BESIDE_EVENTS_MAX)
}

/// [`query_archive`], reading only what is asked for where the window has more than so many events.
fn archive_with(
    lines: &[u8],
    store: &Arc<dyn SegmentStore>,
    request: &Request,
    host: Host,
    beside_max: u64,
) -> Result<Evidence, QueryError> {
    check(request)?;
    let files = ring::catalogue_of(lines, store);
    answer(files, request, &host, UnixNs::now(), beside_max, ring::NOT_ARCHIVED)
}

/// Up to when a ring is recorded: the time of the last commit that is on disk.
pub fn recorded_to(dir: &Path) -> Result<Option<UnixNs>, QueryError> {
    let files = ring::catalogue(dir)?;
    // What cannot be read says nothing of when.
    Ok(files.iter().rev().find_map(|file| spans_of(file)?.last().map(|span| span.to)))
}

/// Since when a ring holds history; none where it is empty. Reads its oldest file only, where that can be read.
pub fn recorded_from(dir: &Path) -> Result<Option<UnixNs>, QueryError> {
    let files = ring::catalogue(dir)?;
    Ok(files.iter().find_map(|file| spans_of(file)?.first().map(|span| span.from)))
}

/// When the recorder ran, as far as a file says; none where it cannot be read.
fn spans_of(file: &RingFile) -> Option<Vec<Span>> {
    if file.is_segment() {
        return ring::about(file).map(|about| about.spans).ok();
    }
    let mut about = About::new();
    ring::visit_log(file, &mut |event| about.add(&event)).map(|()| about.spans).ok()
}

/// [`query`] as of a given time.
pub(crate) fn query_at(
    dir: &Path,
    request: &Request,
    host: Host,
    now: UnixNs,
) -> Result<Evidence, QueryError> {
    query_with(dir, request, host, now, BESIDE_EVENTS_MAX)
}

/// [`query_at`], reading only what is asked for where the window has more than so many events.
fn query_with(
    dir: &Path,
    request: &Request,
    host: Host,
    now: UnixNs,
    beside_max: u64,
) -> Result<Evidence, QueryError> {
    check(request)?;
    redact::prepare();
    let mut tries = 1;
    loop {
        match answer(ring::catalogue(dir)?, request, &host, now, beside_max, ring::NOT_RECORDED) {
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

fn answer(
    files: Vec<RingFile>,
    request: &Request,
    host: &Host,
    now: UnixNs,
    beside_max: u64,
    since: &str,
) -> Result<Evidence, QueryError> {
    let window = request.window;
    let all = files.clone();
    let mut reading = Reading::new(files, window)?;
    let remotes = reading.remotes(request)?;
    let events = reading.events();
    let anything = request.remotes.is_empty() && request.names.is_empty();
    let sought =
        (events > beside_max && !anything).then_some(Sought { remotes: &remotes, names: &request.names });
    let mut gathered = Gathered::new(request, window);
    reading.read(Selection { window, sought }, &mut gathered)?;
    if sought.is_some() {
        gathered.note_unsearched(events);
    }
    let spans = ring::join(std::mem::take(&mut reading.spans).into_iter());
    // What is still to come is not asked for. But whose clock was set back has history of what is to come, and may lack
    // some of that.
    let was_set_back = spans.iter().any(|span| span.to > now.plus_s(LATE_S));
    let is_to_come = now < window.from || was_set_back;
    let window = if is_to_come { window } else { Window { to: window.to.min(now), ..window } };
    let (recorded, mut gaps) = ring::cover(window, &spans, since);
    gaps.append(&mut reading.gaps);
    let coverage = Coverage {
        window,
        recorded,
        gaps,
        losses: std::mem::take(&mut reading.losses),
        oldest: spans.iter().map(|span| span.from).min(),
        events_searched: reading.searched,
    };
    let mut evidence = gathered.into_evidence(host.clone(), request.clone(), now, coverage);
    evidence.habits = habits::habits(&all, &evidence);
    Ok(evidence)
}

/// The files of a ring while they are read for one window.
struct Reading {
    window: Window,
    /// Each with what it says of itself, or why it cannot be read; of logs nothing is known yet.
    files: Vec<(RingFile, Option<About>)>,
    /// Spans of each file that was read, and whether it goes on where the one before ended.
    spans: Vec<(Vec<Span>, bool)>,
    gaps: Vec<Gap>,
    losses: Vec<Loss>,
    searched: u64,
}

impl Reading {
    fn new(files: Vec<RingFile>, window: Window) -> Result<Self, QueryError> {
        let mut reading = Self {
            window,
            files: Vec::new(),
            spans: Vec::new(),
            gaps: Vec::new(),
            losses: Vec::new(),
            searched: 0,
        };
        for file in files {
            let about = match file.is_segment().then(|| ring::about(&file)) {
                None => None,
                Some(Ok(about)) => Some(about),
                Some(Err(error)) if error.is_gone() => return Err(error.into()),
                Some(Err(error)) => {
                    reading.damaged(None, &error);
                    continue;
                }
            };
            reading.files.push((file, about));
        }
        Ok(reading)
    }

    /// Events in the segments that touch the window.
    fn events(&self) -> u64 {
        let touching = self
            .files
            .iter()
            .filter(|(_, about)| about.as_ref().is_some_and(|about| about.touches(self.window)));
        touching.map(|(file, _)| file.last.map_or(0, |last| last - file.first + 1)).sum()
    }

    /// The addresses that are asked for, with those that this host was told the asked names have.
    fn remotes(&self, request: &Request) -> Result<Vec<Prefix>, QueryError> {
        let mut remotes = request.remotes.clone();
        if request.names.is_empty() {
            return Ok(remotes);
        }
        let sought = Some(Sought { remotes: &[], names: &request.names });
        let mut take = |event: Event| {
            if let Body::Dns(dns) = event.body
                && request.names.contains(&dns.name)
            {
                let prefix =
                    |address: IpAddr| Prefix { address, length: if address.is_ipv4() { 32 } else { 128 } };
                remotes.extend(dns.addresses.into_iter().map(prefix));
            }
        };
        for (file, about) in &self.files {
            let outcome = match about {
                Some(about) if about.touches(self.window) => {
                    ring::visit_segment(file, &Selection { window: self.window, sought }, &mut take)
                }
                Some(_) => Ok(()),
                None => ring::visit_log(file, &mut take),
            };
            // What is damaged becomes a gap when it is read for its events.
            if let Err(error) = outcome
                && error.is_gone()
            {
                return Err(error.into());
            }
        }
        remotes.sort_by_key(|prefix| (prefix.address, prefix.length));
        remotes.dedup();
        Ok(remotes)
    }

    /// Reads every file as far as it is needed, oldest first.
    fn read(&mut self, selection: Selection<'_>, gathered: &mut Gathered<'_>) -> Result<(), QueryError> {
        let mut next = None;
        for (file, about) in std::mem::take(&mut self.files) {
            let follows = next == Some(file.first);
            let (about, outcome) = match about {
                Some(about) => {
                    next = file.last.map(|last| last + 1);
                    let outcome = self.read_segment(&file, &about, selection, gathered);
                    (about, outcome)
                }
                None => {
                    let mut about = About::new();
                    next = Some(file.first);
                    let outcome = ring::visit_log_in(&file, self.window, &mut |logged| {
                        self.searched += 1;
                        match logged {
                            Logged::Elsewhere(flow) => {
                                next = Some(flow.id + 1);
                                about.add_passed(flow);
                            }
                            Logged::Event(event) => {
                                next = Some(event.id + 1);
                                about.add(&event);
                                gathered.add(event);
                            }
                        }
                    });
                    (about, outcome)
                }
            };
            let losses = about.losses.into_iter();
            self.losses.extend(losses.filter(|loss| self.window.touches(loss.window.from, loss.window.to)));
            match outcome {
                Ok(()) => self.spans.push((about.spans, follows)),
                Err(error) if error.is_gone() => return Err(error.into()),
                Err(error) => {
                    let known = file.is_segment().then_some(Window { from: about.from, to: about.to });
                    self.damaged(known, &error);
                    next = None;
                }
            }
        }
        Ok(())
    }

    fn read_segment(
        &mut self,
        file: &RingFile,
        about: &About,
        selection: Selection<'_>,
        gathered: &mut Gathered<'_>,
    ) -> Result<(), RingError> {
        if !about.touches(self.window) {
            return Ok(());
        }
        self.searched += file.last.map_or(0, |last| last - file.first + 1);
        // Where packets may have left unseen, that must be told.
        let sought = selection.sought.filter(|_| !about.critical);
        ring::visit_segment(file, &Selection { sought, ..selection }, &mut |event| gathered.add(event))
    }

    /// A file that cannot be read is a gap where its time is known to touch the window, or is not known at all.
    fn damaged(&mut self, of: Option<Window>, error: &RingError) {
        let window = match of {
            Some(of) if !self.window.touches(of.from, of.to) => return,
            Some(of) => Window { from: of.from.max(self.window.from), to: of.to.min(self.window.to) },
            None => self.window,
        };
        self.gaps.push(Gap { window, reason: format!("cannot be read: {error}") });
    }
}

#[cfg(test)]
mod tests;
