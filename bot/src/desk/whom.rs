//! Whom to ask "was this you?". Pure.
//!
//! Never somebody whose own credentials are the suspect as the only check: whoever stole them would answer.

use crate::case::Entry;
use crate::case::Verdict;
use crate::config::Person;
use crate::report::Report;

/// Tags that name an owner.
const OWNER_TAGS: &[&str] = &["owner", "team", "contact"];

/// Whom to ask, and as what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whom {
    /// Slack's id.
    pub slack: String,
    /// As what: `Linux user alice`.
    pub known_as: String,
}

/// Whom to ask, or why nobody.
pub fn whom(report: &Report, people: &[Person]) -> Result<Whom, String> {
    let actor = actor(report, people);
    let owner = owner(report, people);
    let stolen = credentials_are_suspect(report);
    match (actor, owner) {
        (Some(actor), _) if !stolen => Ok(actor),
        (Some(actor), Some(owner)) if owner.slack != actor.slack => Ok(owner),
        (None, Some(owner)) => Ok(owner),
        (Some(actor), _) => Err(format!(
            "the credentials of {} are what is suspect, so their own word proves nothing, and no other owner of the host \
             is in slack.people: call them",
            actor.known_as
        )),
        (None, None) => {
            let person =
                report.facts.person.as_ref().map_or("nobody known".to_owned(), |person| person.shown(40));
            Err(format!(
                "neither the person ({person}) nor the host's owner is in slack.people of the settings"
            ))
        }
    }
}

/// Whether what speaks against the person speaks against whoever holds their key or password.
fn credentials_are_suspect(report: &Report) -> bool {
    let signs = report.suspect().is_some_and(|suspect| !suspect.signs.is_empty());
    signs || report.judgement.verdict == Verdict::Compromise
}

/// The person who did it, by the name they logged in with.
fn actor(report: &Report, people: &[Person]) -> Option<Whom> {
    let session = match report.suspect().map(|suspect| &suspect.entry) {
        Some(Entry::SsmSession { session }) => Some(session.raw()),
        _ => None,
    };
    let iam = session.and_then(|session| {
        // The session's id is the name and a random end.
        let is_theirs =
            |name: &String| session.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('-'));
        let person = people.iter().find(|person| person.iam.iter().any(is_theirs))?;
        Some(Whom {
            slack: person.slack.clone(),
            known_as: format!("IAM principal of {}", crate::untrusted::visible(session, 60)),
        })
    });
    if session.is_some() {
        return iam;
    }
    let name = report.facts.person.as_ref()?;
    let person = people.iter().find(|person| person.linux.iter().any(|linux| linux == name.raw()))?;
    Some(Whom { slack: person.slack.clone(), known_as: format!("Linux user {}", name.shown(40)) })
}

/// Who owns the host, by its tags.
pub(super) fn owner(report: &Report, people: &[Person]) -> Option<Whom> {
    let name = report.facts.host.as_ref()?;
    let view = report.judgement.hosts.iter().find(|view| &view.name == name)?;
    OWNER_TAGS.iter().find_map(|wanted| {
        let (_, value) = view.host.tags.iter().find(|(tag, _)| tag.eq_ignore_ascii_case(wanted))?;
        let person = people
            .iter()
            .find(|person| person.owner.iter().any(|owner| owner.eq_ignore_ascii_case(value)))?;
        let known_as = format!("owner {}", crate::untrusted::Untrusted::new(value).shown(40));
        Some(Whom { slack: person.slack.clone(), known_as })
    })
}
