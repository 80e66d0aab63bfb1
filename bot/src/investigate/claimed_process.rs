//! The process that a detector on the host names, against a suspect's. Pure.
//!
//! A runtime finding is told by an agent that saw the process itself: a suspect that is that process is found twice, and
//! one that is another is doubted, not cleared.

use history::Process;

use super::origin::Origin;
use crate::case::AccusedProcess;
use crate::case::Claim;
use crate::untrusted::Untrusted;

/// Letters of a path that a sentence shows.
const SHOWN: usize = 80;

/// What a comparison came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum ClaimedProcess {
    /// The claim names none, or the suspect's own is not recorded.
    #[default]
    Unsaid,
    /// It is that process, by its id or its executable.
    Same(String),
    /// That process began it, some steps up.
    Ancestor(String),
    /// It is another.
    Differ(String),
}

/// Compares what is claimed with a suspect's process and where it came from.
pub(super) fn compare(
    claims: &[&Claim],
    process: Option<&Process>,
    origin: Option<&Origin>,
) -> ClaimedProcess {
    let named: Vec<&AccusedProcess> =
        claims.iter().filter_map(|claim| claim.accused.process.as_ref()).collect();
    let (Some(first), Some(process)) = (named.first(), process) else {
        return ClaimedProcess::Unsaid;
    };
    let is_named = |process: &Process| {
        named.iter().copied().find(|it| is_it(it, &process.exe, &process.comm, process.id.tgid))
    };
    let hit = |process: &Process| is_named(process).map(words_for);
    let above = || origin.into_iter().flat_map(|origin| &origin.chain);
    if let Some(named) = hit(process) {
        return ClaimedProcess::Same(named);
    }
    match above().find_map(|process| hit(process)) {
        Some(named) => ClaimedProcess::Ancestor(named),
        None => ClaimedProcess::Differ(words_for(first)),
    }
}

/// Whether a process is the one that is named.
fn is_it(named: &AccusedProcess, exe: &str, comm: &str, tgid: u32) -> bool {
    let same_path = named.executable.as_deref().map(plain) == Some(plain(exe));
    let same_name = named.executable.is_none() && named.pid.is_none() && named.name == comm;
    same_path || same_name || named.pid == Some(tgid)
}

/// A path without what the kernel adds to it: "/memfd:x (deleted)" is "memfd:x".
fn plain(path: &str) -> &str {
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    path.strip_prefix('/').filter(|rest| rest.starts_with("memfd:")).unwrap_or(path)
}

fn words_for(named: &AccusedProcess) -> String {
    let path = Untrusted::new(named.executable.as_deref().unwrap_or(&named.name)).shown(SHOWN);
    named.pid.map_or(path.clone(), |pid| format!("{path} (process {pid})"))
}

impl ClaimedProcess {
    /// In a sentence; none where there is nothing to say.
    pub fn sentence(&self) -> Option<String> {
        match self {
            Self::Unsaid => None,
            Self::Same(named) => Some(format!("the notice names this process itself: {named}")),
            Self::Ancestor(named) => Some(format!("the notice names the process that began it: {named}")),
            Self::Differ(named) => Some(format!("the notice names another process: {named}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(executable: Option<&str>, pid: Option<u32>) -> AccusedProcess {
        let executable = executable.map(str::to_owned);
        AccusedProcess { name: "x".to_owned(), executable, pid, ..AccusedProcess::default() }
    }

    #[test]
    fn a_named_process_is_told_from_others() {
        let is = |named: AccusedProcess| is_it(&named, "memfd:x", "x", 7);
        assert!(is(named(Some("/memfd:x (deleted)"), Some(9))));
        assert!(is(named(Some("/usr/bin/other"), Some(7))));
        assert!(is(named(None, None)));
        assert!(!is(named(None, Some(9))));
        assert!(!is(named(Some("/tmp/miner"), Some(9))));
        assert_eq!(words_for(&named(Some("/tmp/miner"), Some(9))), "/tmp/miner (process 9)");
        assert_eq!(compare(&[], None, None), ClaimedProcess::Unsaid);
    }
}
