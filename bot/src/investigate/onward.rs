//! Forward from a suspect: what else its session or service did that a responder must know - what it fetched, what it
//! ran from odd places, how it stays, where else it sent to, whether it listens.

use history::Activity;
use history::Direction;
use history::EventId;
use history::FlowState;
use history::OperationKind;
use history::Process;

use super::facts;
use super::finding::finding;
use super::host::Identity;
use super::host::identity;
use super::program::is_downloader;
use super::program::is_odd;
use super::program::lets_people_in;
use super::program::program_name;
use super::suspect::Candidate;
use super::words;
use crate::case::About;
use crate::case::Entry;
use crate::case::Finding;
use crate::untrusted::Untrusted;

/// Processes and activities that are looked at.
const LOOKED_AT_MAX: usize = 10_000;
/// Things of a kind that are named.
const NAMED_MAX: usize = 5;
/// Programs with which something is made to stay.
const STAYING: [&str; 10] = [
    "crontab",
    "at",
    "batch",
    "useradd",
    "adduser",
    "usermod",
    "chpasswd",
    "ssh-copy-id",
    "update-rc.d",
    "chkconfig",
];
/// Files that make something stay.
const STAYING_FILES: [&str; 12] = [
    "authorized_keys",
    "/etc/cron",
    "/var/spool/cron",
    "/etc/systemd/system",
    "/lib/systemd/system",
    "ld.so.preload",
    "/etc/rc.local",
    "/etc/init.d",
    "/etc/passwd",
    "/etc/sudoers",
    ".bashrc",
    ".profile",
];

/// What else a suspect's session or service did.
#[derive(Default)]
pub(super) struct Onward<'a> {
    pub downloads: Vec<&'a Process>,
    pub odd: Vec<&'a Process>,
    pub staying: Vec<(String, Option<EventId>)>,
    pub destinations: Vec<&'a Activity>,
    pub listening: Vec<&'a Activity>,
}

fn is_daemon(process: &Process) -> bool {
    lets_people_in(process) || matches!(program_name(process), "login" | "agetty")
}

/// The process whose descendants are the suspect's session or service.
pub(super) fn session_root<'a>(first: &Candidate<'a>) -> Option<&'a Process> {
    let origin = first.origin.as_ref().filter(|origin| origin.entry != Entry::Unknown)?;
    // The daemon that let somebody in does much for every login: the session is what runs below it.
    match origin.entry {
        Entry::Login { .. } | Entry::Console { .. } => {
            origin.chain.iter().rev().find(|above| !is_daemon(above)).copied()
        }
        _ => origin.chain.last().copied(),
    }
}

/// Looks for it.
pub(super) fn onward<'a>(first: &Candidate<'a>) -> Onward<'a> {
    let mut found = Onward::default();
    let (Some(root), Some(suspect)) = (session_root(first), first.group.process) else {
        return found;
    };
    let host = first.host;
    let below = host.below(root);
    let belongs = |process: &Process| below.contains(&identity(process.id));
    let group: Vec<Identity> =
        first.group.activities.iter().filter_map(|activity| activity.process).map(identity).collect();
    for process in host.evidence.processes.iter().take(LOOKED_AT_MAX).filter(|process| belongs(process)) {
        if is_downloader(process) {
            found.downloads.push(process);
        } else if stays(process) {
            found.staying.push((Untrusted::command_line(&process.argv).shown(120), None));
        } else if is_odd(process) && identity(process.id) != identity(suspect.id) {
            found.odd.push(process);
        }
    }
    for activity in host.evidence.activities.iter().take(LOOKED_AT_MAX) {
        let Some(process) = activity.process.and_then(|id| host.find(id)) else { continue };
        if !belongs(process) {
            continue;
        }
        if activity.states.iter().any(|(state, _)| *state == FlowState::Listening) {
            found.listening.push(activity);
        }
        let other = activity.direction == Direction::Out && activity.matched == 0 && activity.targets > 0;
        if other && !group.contains(&identity(process.id)) {
            found.destinations.push(activity);
        }
    }
    for event in host.evidence.operations.iter().take(LOOKED_AT_MAX) {
        let Some(process) = event.operation.process.and_then(|id| host.find(id)) else { continue };
        let detail = &event.operation.detail;
        let tells = match event.operation.kind {
            OperationKind::ModuleLoad => true,
            OperationKind::Syscall => STAYING_FILES.iter().any(|file| detail.contains(file)),
            _ => false,
        };
        if tells && belongs(process) {
            let what =
                if event.operation.kind == OperationKind::ModuleLoad { "loaded the module " } else { "" };
            let text = format!("{what}{}", Untrusted::new(detail).shown(120));
            found.staying.push((text, Some(event.event)));
        }
    }
    found
}

fn stays(process: &Process) -> bool {
    let name = program_name(process);
    let enables =
        name == "systemctl" && process.argv.iter().any(|word| matches!(word.as_str(), "enable" | "link"));
    STAYING.contains(&name) || enables || writes_staying_file(process)
}

/// Whether an editor or a copying program is told a file by which something stays.
fn writes_staying_file(process: &Process) -> bool {
    matches!(
        program_name(process),
        "tee" | "cp" | "mv" | "install" | "dd" | "vi" | "vim" | "nano" | "sed" | "chattr"
    ) && process.argv.iter().skip(1).take(64).any(|word| STAYING_FILES.iter().any(|file| word.contains(file)))
}

/// As findings.
pub(super) fn findings(first: &Candidate, found: &mut Vec<Finding>) {
    let onward = onward(first);
    let named = |processes: &[&Process], what: &str, found: &mut Vec<Finding>| {
        for process in processes.iter().take(NAMED_MAX) {
            let line = Untrusted::command_line(&process.argv).shown(120);
            let text = format!("the same session or service {what}: {line}, {}", words::utc(process.started));
            found.push(finding(first, About::Also, text, Vec::new()));
        }
        if processes.len() > NAMED_MAX {
            let more = words::count((processes.len() - NAMED_MAX) as u64);
            found.push(finding(first, About::Also, format!("and {more} more that {what}"), Vec::new()));
        }
    };
    named(&onward.downloads, "fetched something", found);
    named(&onward.odd, "ran a program from an odd place", found);
    for (what, event) in onward.staying.iter().take(NAMED_MAX) {
        let text = format!("the same session or service did what may last: {what}");
        found.push(finding(first, About::Also, text, event.iter().copied().collect()));
    }
    for activity in onward.destinations.iter().take(NAMED_MAX) {
        let events = vec![activity.first_event, activity.last_event];
        found.push(finding(first, About::Also, destination(first, activity), events));
    }
    for activity in onward.listening.iter().take(NAMED_MAX) {
        let name = activity.process.and_then(|id| first.host.find(id)).map(program_name).unwrap_or_default();
        let text = format!("{} waits for connections itself", Untrusted::new(name).shown(60));
        found.push(finding(first, About::Also, text, vec![activity.first_event]));
    }
}

/// One other destination in words.
pub(super) fn destination(first: &Candidate, activity: &Activity) -> String {
    let name = activity.process.and_then(|id| first.host.find(id)).map(program_name).unwrap_or_default();
    let shown: Vec<String> = activity.address_sample.iter().take(3).map(ToString::to_string).collect();
    let to = match shown.len() {
        0 => words::counted(activity.addresses, "address", "addresses"),
        _ if activity.addresses > 3 => {
            format!("{} and {} more", shown.join(", "), words::count(activity.addresses - 3))
        }
        _ => words::list(&shown),
    };
    format!(
        "{} of the same session or service also sent {} by {} to {to}, {}",
        Untrusted::new(name).shown(60),
        words::counted(activity.flows, "flow", "flows"),
        activity.protocol.to_string().to_uppercase(),
        facts::port_list(&activity.port_ranges),
    )
}
