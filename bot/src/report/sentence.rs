//! Who did what, when and from where, in a sentence. Only what the judgement holds.

use super::scene::Scene;
use crate::case::Accused;
use crate::case::Case;
use crate::case::Entry;
use crate::case::ProcessView;
use crate::case::Suspect;
use crate::case::UNDECIDED;
use crate::case::Verdict;
use crate::investigate::words;
use crate::untrusted::visible;

/// Longest sentence, characters.
const LENGTH_MAX: usize = 1_200;

/// Who did what, when, from where, and how sure that is.
pub(super) fn sentence(scene: &Scene) -> String {
    let confidence = format!(" ({} confidence)", scene.judgement.confidence);
    let hosts = scene.host_name();
    let body = match (scene.suspect, &scene.judgement.verdict) {
        (Some(suspect), verdict) => suspect_sentence(scene, suspect, verdict),
        (None, Verdict::NotThisHost) => {
            let when =
                scene.claimed().map_or(String::new(), |(from, to)| format!(" for {}", words::span(from, to)));
            format!(
                "No traffic of {hosts} with {} is recorded{when}, and the history of that time is complete",
                scene.claimed_targets()
            )
        }
        (None, _) if undecided(scene.case).is_some() => {
            let why = undecided(scene.case).unwrap_or_default();
            format!("It cannot be said yet who did it: for this notice Gumshoe {why}")
        }
        (None, _) => match scene.judgement.doubts.first() {
            Some(doubt) => format!("It cannot be said yet who did it: {}", doubt.text),
            None => "It cannot be said yet who did it: nothing in the history stands out".to_owned(),
        },
    };
    visible(&format!("{body}{confidence}."), LENGTH_MAX)
}

/// What a notice says that accuses nobody by name: whom it could mean, and why none of them was taken.
fn undecided(case: &Case) -> Option<&str> {
    let names_nobody = |accused: &Accused| {
        accused.instance_ids.is_empty() && accused.addresses.is_empty() && accused.hostnames.is_empty()
    };
    let mut warnings = case.notices.iter().flat_map(|notice| &notice.warnings);
    let warning = warnings.find(|warning| warning.starts_with(UNDECIDED)).map(String::as_str);
    warning.filter(|_| case.claims.iter().all(|claim| names_nobody(&claim.accused)))
}

fn suspect_sentence(scene: &Scene, suspect: &Suspect, verdict: &Verdict) -> String {
    let behaviour = &suspect.behaviour;
    let mut text = subject(scene, suspect, verdict);
    if *verdict == Verdict::Unknown {
        text.push_str(&format!("; that alone does not look like {}", scene.playbook.abuse));
    }
    text.push_str(&format!(", {}", words::span(behaviour.first, behaviour.last)));
    text.push_str(&match &suspect.entry {
        Entry::Login { login } => {
            let from = login.source_address.map(|address| format!(" from {address}")).unwrap_or_default();
            format!(
                ". The session began with {}'s login over {}{from} by {} at {}",
                login.user.shown(40),
                login.service_name(),
                login.method.shown(30),
                words::utc(login.time)
            )
        }
        Entry::SsmSession { session } => format!(". The session began as SSM session {}", session.shown(80)),
        Entry::SsmCommand { id } => {
            let id = id.as_ref().map(|id| format!(", {}", id.shown(80))).unwrap_or_default();
            format!(". It began with a command sent through SSM{id}")
        }
        Entry::Cron { command, service } => format!(". {service} started it: {}", command.shown(120)),
        Entry::Unit { name } => format!(". It belongs to the systemd unit {}", name.shown(60)),
        entry @ Entry::Container { .. } => format!(". It ran in the container {}", words::container(entry)),
        Entry::Console { tty } => format!(". It was started on the console {}", tty.shown(20)),
        Entry::Unknown if suspect.process.is_some() => ". How it was started is not recorded".to_owned(),
        Entry::Unknown => String::new(),
    });
    text
}

/// Who did it, with what, and what it did.
fn subject(scene: &Scene, suspect: &Suspect, verdict: &Verdict) -> String {
    let (host, says) = (&suspect.host, &suspect.says);
    let Some(process) = &suspect.process else {
        return match verdict {
            Verdict::Forwarded => format!("{} {says}", scene.host_name()),
            _ => format!("A process that is not recorded on {host} {says}"),
        };
    };
    let (program, rights) = (process.title.shown(60), rights(suspect, process));
    match &suspect.person {
        // Whose account it was is known; who used it is not.
        Some(person) if *verdict == Verdict::Compromise => {
            format!(
                "Somebody with the account {} ran {program}{rights} on {host}; it {says}",
                person.name.shown(40)
            )
        }
        Some(person) => format!("{} ran {program}{rights} on {host}; it {says}", person.name.shown(40)),
        None => format!("{program}{rights} on {host} {says}"),
    }
}

fn rights(suspect: &Suspect, process: &ProcessView) -> String {
    let same = suspect.person.as_ref().is_some_and(|person| person.name == process.effective_user);
    match &suspect.elevated_by {
        Some(elevator) => format!(" as {} through {}", process.effective_user.shown(40), elevator.shown(40)),
        None if same => String::new(),
        None => format!(" as {}", process.effective_user.shown(40)),
    }
}

/// How it began, for a step or a letter.
pub(super) fn entry_words(entry: Option<&Entry>) -> String {
    match entry {
        Some(Entry::Login { login }) => format!("the login of {}", login.user.shown(40)),
        Some(Entry::SsmSession { .. }) => "the SSM session".to_owned(),
        Some(Entry::SsmCommand { .. }) => "the SSM command".to_owned(),
        Some(Entry::Cron { service, .. }) => format!("the {service} job"),
        Some(Entry::Unit { name }) => format!("the unit {}", name.shown(40)),
        Some(entry @ Entry::Container { .. }) => format!("the container {}", words::container(entry)),
        Some(Entry::Console { .. }) => "the console".to_owned(),
        Some(Entry::Unknown) | None => "the way in, which is not known yet".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::undecided;
    use crate::case::Accused;
    use crate::case::Activity;
    use crate::case::Case;
    use crate::case::CaseId;
    use crate::case::Claim;
    use crate::case::NoticeRef;
    use crate::case::UNDECIDED;

    fn case(accused: Accused, warnings: Vec<String>) -> Case {
        let claim = Claim {
            accused,
            remote: Vec::new(),
            names: Vec::new(),
            window: None,
            activity: Activity::PortScan,
        };
        let notice = NoticeRef {
            digest: String::new(),
            received: Timestamp::UNIX_EPOCH,
            format: "generic".to_owned(),
            reporter_case: None,
            warnings,
            aside: None,
        };
        Case {
            id: CaseId("GS-1".to_owned()),
            opened: Timestamp::UNIX_EPOCH,
            notices: vec![notice],
            claims: vec![claim],
            deadline: None,
        }
    }

    #[test]
    fn why_nobody_is_named_is_told_only_where_nobody_is() {
        let why = format!("{UNDECIDED} (192.0.2.1 could be meant): it does not complain");
        let warnings = vec!["it names no time".to_owned(), why.clone()];
        let named =
            Accused { addresses: vec!["192.0.2.1".parse().expect("an address")], ..Accused::default() };
        assert_eq!(undecided(&case(Accused::default(), warnings.clone())), Some(why.as_str()));
        assert_eq!(undecided(&case(named, warnings)), None);
        assert_eq!(undecided(&case(Accused::default(), vec!["it names no time".to_owned()])), None);
    }
}
