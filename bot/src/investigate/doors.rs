//! By what a program may be asked for its work (connections of others than whom it belongs to, and what no traffic shows:
//! local sockets, named pipes, files that it has watched), and programs that a session left running: whoever started
//! them need not be who has them work. Pure.

use history::OperationEvent;
use history::OperationKind;
use history::Process;
use history::Seen;
use history::UnixNs;

use super::host::Host;
use super::origin::Origin;
use super::program::is_multiplexer;
use super::program::lets_others_in;
use super::program::program_name;
use super::suspect::Candidate;
use super::words;
use crate::case::Entry;
use crate::untrusted::Untrusted;

/// Seconds after a session's end from which on what begins is doubted to be its person's: scripts that were left running
/// go on for a while.
const LEFT_S: i64 = 600;

/// Seconds that what a program was asked by may be told after it began to send something itself.
const ITSELF_LATE_S: i64 = 2;

/// A program that may be asked, and by what.
struct Door<'a> {
    program: &'a Process,
    event: &'a OperationEvent,
}

/// A process and what is above it, up to what let somebody in or runs jobs, which does so for everybody.
fn up_to_entry<'a>(process: &'a Process, origin: &Origin<'a>) -> impl Iterator<Item = &'a Process> {
    let all = matches!(origin.entry, Entry::Unit { .. } | Entry::Container { .. } | Entry::Unknown);
    let entry = origin.chain.last().filter(|_| !all).map(|entry| entry.id);
    let above = origin.chain.iter().chain(&origin.between).copied();
    let programs: Vec<&Process> = std::iter::once(process).chain(above).collect();
    let may_be_asked = |at: &usize| {
        let program = programs[*at];
        program.id.tgid != 1 && Some(program.id) != entry && !lets_others_in(program, &programs[at + 1..])
    };
    let found: Vec<&Process> = (0..programs.len()).filter(may_be_asked).map(|at| programs[at]).collect();
    found.into_iter()
}

/// The same, and of each whether it is the process itself, or what that is a copy of.
fn up_to_entry_with_copies<'a>(
    process: &'a Process,
    origin: &Origin<'a>,
) -> impl Iterator<Item = (&'a Process, bool)> {
    let (mut is_itself, mut above) = (true, process);
    up_to_entry(process, origin).map(move |program| {
        is_itself &= program.id == process.id || above.seen == Seen::Fork;
        above = program;
        (program, is_itself)
    })
}

/// The nearest program above a process, or itself, that takes requests of a kind by when the process acted. A terminal that
/// it has not itself is somebody's who types.
fn door<'a>(
    host: &Host<'a>,
    process: &'a Process,
    origin: &Origin<'a>,
    kind: OperationKind,
    acted: UnixNs,
) -> Option<Door<'a>> {
    up_to_entry_with_copies(process, origin).find_map(|(program, is_itself)| {
        let typed = process.tty.is_some() && process.tty != program.tty;
        if typed || is_multiplexer(program) {
            return None;
        }
        // What sent itself is told of once it has.
        let by = if is_itself { acted.plus_s(ITSELF_LATE_S) } else { process.started };
        host.door(program, kind, by).map(|event| Door { program, event })
    })
}

/// Who had a program work, over a connection.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// The program's name.
    pub program: String,
    /// Who asked it last: an address, or a program of this host.
    pub by: String,
    /// Whether the process is that program, or a copy that it forked off: nothing stands between.
    pub is_itself: bool,
}

/// The nearest program above a process, or itself, of which another than whom it belongs to had asked something over a
/// connection.
pub(super) fn asked(host: &Host, process: &Process, origin: &Origin, acted: UnixNs) -> Option<Asked> {
    let process = host.find(process.id)?;
    // The times of packets are told to a tick of the clock, those of programs exactly.
    let acted = acted.max(process.started);
    up_to_entry_with_copies(process, origin).find_map(|(program, is_itself)| {
        // What sent itself is told of once it has.
        let by = if is_itself { acted.plus_s(ITSELF_LATE_S) } else { acted };
        let event = host.door(program, OperationKind::Asked, by)?;
        Some(Asked {
            program: Untrusted::new(program_name(program)).shown(60),
            by: Untrusted::new(&event.operation.detail).shown(80),
            is_itself,
        })
    })
}

/// What began what a process belongs to, as far as a person is named for it.
pub(super) fn beginning(origin: &Origin) -> &'static str {
    match origin.entry {
        Entry::Cron { .. } | Entry::SsmCommand { .. } => "job",
        Entry::Container { .. } if origin.between.is_empty() => "container",
        _ => "session",
    }
}

/// What stands between a process and the session that it belongs to and takes requests on a local socket, in words.
pub(super) fn serves(host: &Host, process: &Process, origin: &Origin) -> Option<String> {
    let process = host.find(process.id)?;
    let found = door(host, process, origin, OperationKind::Serves, process.started)?;
    let name = Untrusted::new(program_name(found.program)).shown(60);
    let socket = Untrusted::new(&found.event.operation.detail).shown(120);
    Some(format!(
        "{name} stands between, which takes requests on a local socket ({socket}): whoever may connect to that may \
         have had it done, and the {} below only started it",
        beginning(origin)
    ))
}

/// Why the person of a session need not be who had a suspect do it, though nobody else is known.
pub(super) fn doubt(first: &Candidate) -> Option<String> {
    let origin = first.origin.as_ref().filter(|origin| origin.person.is_some())?;
    let process = first.group.process?;
    let acted = first.group.behaviour.first.max(process.started);
    if let Some(found) = door(first.host, process, origin, OperationKind::Awaits, acted) {
        let name = Untrusted::new(program_name(found.program)).shown(60);
        let what = Untrusted::new(&found.event.operation.detail).shown(120);
        return Some(format!(
            "{name} acts on what it finds in {what}: whoever may write there may have had it done"
        ));
    }
    takes_datagrams(first.host, process, origin, acted).or_else(|| left_running(first.host, process, origin))
}

/// Whether a process, or what it is a copy of, does what it does for datagrams that others send it. A client that chose its
/// port may have an answer from an address that it did not ask, too.
fn takes_datagrams(host: &Host, process: &Process, origin: &Origin, acted: UnixNs) -> Option<String> {
    let copies = up_to_entry_with_copies(process, origin).take_while(|(_, is_itself)| *is_itself);
    let (program, from) =
        copies.filter_map(|(program, _)| Some((program, host.datagrams_from(program, acted)?))).next()?;
    Some(format!(
        "{} takes datagrams that others send it, as {from} did: whoever sends there may have had it done",
        Untrusted::new(program_name(program)).shown(60)
    ))
}

/// Whether a program began long after the session that it belongs to had ended, by what that had left running, or after
/// somebody had its unit or container started.
fn left_running(host: &Host, process: &Process, origin: &Origin) -> Option<String> {
    if matches!(origin.entry, Entry::Cron { .. } | Entry::SsmCommand { .. }) {
        return None;
    }
    // Who had a unit or container started may be gone for long; at a terminal of it somebody types.
    let asked = origin.asked.first().filter(|_| process.tty.is_none());
    let (since, left) = match (asked, origin.asked.is_empty()) {
        (Some(asked), _) => (asked.time, origin.chain.last()?),
        (None, true) => {
            let ended = host.exit(origin.chain.last()?.id)?.time;
            (ended, origin.chain.first().filter(|above| above.started < ended)?)
        }
        (None, false) => return None,
    };
    if process.started < since.plus_s(LEFT_S) {
        return None;
    }
    let late = words::duration_s((process.started.0.saturating_sub(since.0) / 1_000_000_000).unsigned_abs());
    let name = Untrusted::new(program_name(left)).shown(60);
    let how = match asked {
        Some(_) => format!("that was started, by {name}, which has run since then"),
        None => format!("its session had ended, by {name}, which that left running"),
    };
    Some(format!("it began {late} after {how}: whoever gives that its work may have had it done"))
}
