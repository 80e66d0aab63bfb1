//! Terminals that outlive the login that began them: who typed into one may have come by a later login. Pure.

use history::LoginEvent;

use super::finding::finding;
use super::program::is_multiplexer;
use super::program::program_name;
use super::suspect::Candidate;
use super::words;
use crate::case::About;
use crate::case::Finding;
use crate::untrusted::Untrusted;

/// Logins that are pointed at.
const LOGINS_MAX: usize = 4;

/// A terminal that a suspect ran in, and who else may have typed into it.
pub(super) struct Terminal<'a> {
    /// The program that kept it.
    name: String,
    /// Whose it is.
    user: String,
    /// Logins of the same user after it began and before the deed ended.
    later: Vec<&'a LoginEvent>,
    /// Whether any of them came from another address than the login that began it.
    pub elsewhere: bool,
}

/// The terminal that a suspect ran in, where one stands between it and its login.
pub(super) fn terminal<'a>(first: &Candidate<'a>) -> Option<Terminal<'a>> {
    let origin = first.origin.as_ref()?;
    let login = origin.login?;
    let keeper = origin.chain.iter().find(|above| is_multiplexer(above))?;
    let until = first.suspect.behaviour.last;
    let later: Vec<&LoginEvent> = (first.host.evidence.logins.iter())
        .filter(|other| other.login.accepted && other.login.user == login.login.user)
        .filter(|other| other.login.source_address.is_some() && other.event != login.event)
        .filter(|other| login.time < other.time && other.time <= until)
        .collect();
    Some(Terminal {
        name: Untrusted::new(program_name(keeper)).shown(40),
        user: Untrusted::new(&login.login.user).shown(40),
        elsewhere: later.iter().any(|other| other.login.source_address != login.login.source_address),
        later,
    })
}

impl Terminal<'_> {
    /// In a sentence.
    pub fn sentence(&self) -> String {
        let mut from: Vec<String> = self
            .later
            .iter()
            .filter_map(|other| other.login.source_address)
            .map(|address| address.to_string())
            .collect();
        from.sort_unstable();
        from.dedup();
        let Self { name, user, later, .. } = self;
        let known = match later.len() {
            0 => format!("no other login of {user} until then is known"),
            count => format!(
                "until then {user} logged in {} more, from {}",
                words::counted(count as u64, "time", "times"),
                words::list(&from[..from.len().min(LOGINS_MAX)])
            ),
        };
        format!(
            "it ran in {name}, which outlives the login that began it: whoever attached to it may have typed this; {known}"
        )
    }

    /// As a finding.
    pub fn finding(&self, first: &Candidate) -> Finding {
        let events = self.later.iter().take(LOGINS_MAX).map(|other| other.event).collect();
        finding(first, About::Why, self.sentence(), events)
    }
}
