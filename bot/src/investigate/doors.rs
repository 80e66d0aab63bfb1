//! By what a program may be asked for its work though no traffic shows it (local sockets, named pipes, files that it has
//! watched), and programs that a session left running: whoever started them need not be who has them work. Pure.

use history::OperationEvent;
use history::OperationKind;
use history::Process;

use super::host::Host;
use super::origin::Origin;
use super::program::is_multiplexer;
use super::program::lets_people_in;
use super::program::program_name;
use super::suspect::Candidate;
use super::words;
use crate::case::Entry;
use crate::untrusted::Untrusted;

/// Seconds after a session's end from which on what begins is doubted to be its person's: scripts that were left running
/// go on for a while.
const LEFT_S: i64 = 600;

/// A program that may be asked, and by what.
struct Door<'a> {
    program: &'a Process,
    event: &'a OperationEvent,
}

/// The nearest program above a process, or itself, that takes requests of a kind. A terminal that it has not itself is
/// somebody's who types.
fn door<'a>(
    host: &Host<'a>,
    process: &'a Process,
    origin: &Origin<'a>,
    kind: OperationKind,
) -> Option<Door<'a>> {
    let below_entry = &origin.chain[..origin.chain.len().saturating_sub(1)];
    std::iter::once(process).chain(below_entry.iter().copied()).find_map(|program| {
        let typed = process.tty.is_some() && process.tty != program.tty;
        if typed || program.id.tgid == 1 || lets_people_in(program) || is_multiplexer(program) {
            return None;
        }
        host.door(program, kind).map(|event| Door { program, event })
    })
}

/// Whether a session stands at the beginning, or a user's own manager, or a session had the unit started: other jobs and
/// services name nobody by it.
pub(super) fn is_of_a_person(origin: &Origin) -> bool {
    origin.users_manager.is_some()
        || (!origin.asked.is_empty() && matches!(origin.entry, Entry::Unit { .. }))
        || matches!(origin.entry, Entry::Login { .. } | Entry::Console { .. } | Entry::SsmSession { .. })
}

/// What stands between a process and the session that it belongs to and takes requests on a local socket, in words.
pub(super) fn serves(host: &Host, process: &Process, origin: &Origin) -> Option<String> {
    let found =
        host.find(process.id).and_then(|process| door(host, process, origin, OperationKind::Serves))?;
    let name = Untrusted::new(program_name(found.program)).shown(60);
    let socket = Untrusted::new(&found.event.operation.detail).shown(120);
    Some(format!(
        "{name} stands between, which takes requests on a local socket ({socket}): whoever may connect to that may \
         have had it done, and the session below only started it"
    ))
}

/// Why the person of a session need not be who had a suspect do it, though nobody else is known.
pub(super) fn doubt(first: &Candidate) -> Option<String> {
    let origin = first.origin.as_ref().filter(|origin| is_of_a_person(origin))?;
    let process = first.group.process?;
    if let Some(found) = door(first.host, process, origin, OperationKind::Awaits) {
        let name = Untrusted::new(program_name(found.program)).shown(60);
        let what = Untrusted::new(&found.event.operation.detail).shown(120);
        return Some(format!(
            "{name} acts on what it finds in {what}: whoever may write there may have had it done"
        ));
    }
    left_running(first.host, process, origin)
}

/// Whether a program began long after the session that it belongs to had ended, by what that had left running.
fn left_running(host: &Host, process: &Process, origin: &Origin) -> Option<String> {
    let ended = host.exit(origin.chain.last()?.id)?.time;
    if process.started < ended.plus_s(LEFT_S) {
        return None;
    }
    let late = words::duration_s((process.started.0.saturating_sub(ended.0) / 1_000_000_000).unsigned_abs());
    let left = origin.chain.first().filter(|above| above.started < ended)?;
    Some(format!(
        "it began {late} after its session had ended, by {}, which that left running: whoever gives that its work may \
         have had it done",
        Untrusted::new(program_name(left)).shown(60)
    ))
}
