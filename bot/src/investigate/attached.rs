//! Terminals that outlive the login that began them: who typed into one may have come by a later login. Pure.

use history::LoginEvent;
use history::Process;

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
    /// Other sessions that were seen to use it until then.
    users: Vec<&'a LoginEvent>,
    /// Whether any of them is another person's, or came from another address than the login that began it.
    pub elsewhere: bool,
}

/// The terminal that a suspect ran in, where one stands between it and its login.
pub(super) fn terminal<'a>(first: &Candidate<'a>) -> Option<Terminal<'a>> {
    let origin = first.origin.as_ref()?;
    let login = origin.login?;
    let until = first.suspect.behaviour.last;
    let used = |above: &Process| -> Vec<&'a LoginEvent> {
        let told = first.host.logins.by(above).iter().copied();
        told.filter(|event| event.login.is_attach() && event.time <= until).collect()
    };
    let keeper = origin.chain.iter().find(|above| is_multiplexer(above) || !used(above).is_empty())?;
    let users = used(keeper);
    let later: Vec<&LoginEvent> = (first.host.evidence.logins.iter())
        .filter(|other| other.login.accepted && !other.login.is_attach())
        .filter(|other| other.login.user == login.login.user)
        .filter(|other| other.login.source_address.is_some() && other.event != login.event)
        .filter(|other| login.time < other.time && other.time <= until)
        .collect();
    Some(Terminal {
        name: Untrusted::new(program_name(keeper)).shown(40),
        user: Untrusted::new(&login.login.user).shown(40),
        elsewhere: later.iter().any(|other| other.login.source_address != login.login.source_address)
            || users.iter().any(|other| {
                let by = other.login.by.as_deref().unwrap_or_default();
                by != login.login.user || other.login.source_address != login.login.source_address
            }),
        later,
        users,
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
        let Self { name, user, later, users, .. } = self;
        let known = match later.len() {
            0 => format!("no other login of {user} until then is known"),
            count => format!(
                "until then {user} logged in {} more, from {}",
                words::counted(count as u64, "time", "times"),
                words::list(&from[..from.len().min(LOGINS_MAX)])
            ),
        };
        let mut text = format!(
            "it ran in {name}, which outlives the login that began it: whoever attached to it may have typed this; {known}"
        );
        if !users.is_empty() {
            let shown: Vec<String> = users.iter().take(LOGINS_MAX).map(|event| used_by(event)).collect();
            text += &format!("; seen to use it: {}", words::list(&shown));
        }
        text
    }

    /// As a finding.
    pub fn finding(&self, first: &Candidate) -> Finding {
        let pointed = self.users.iter().chain(&self.later).take(LOGINS_MAX);
        let events = pointed.map(|other| other.event).collect();
        finding(first, About::Why, self.sentence(), events)
    }
}

/// Who used a terminal, from where, and how.
fn used_by(event: &LoginEvent) -> String {
    let login = &event.login;
    let by = login.by.as_deref().map_or_else(|| "somebody".to_owned(), |by| Untrusted::new(by).shown(40));
    let from = login.source_address.map(|address| format!(" from {address}")).unwrap_or_default();
    let command = login.command.as_deref().map(|line| format!(" ({})", Untrusted::new(line).shown(80)));
    format!("{by}{from} at {}{}", words::utc(event.time), command.unwrap_or_default())
}
