//! What would change a verdict: what its doubts hide, and what a person may say.

use super::suspect::Candidate;
use crate::case::Doubt;
use crate::case::DoubtKind;
use crate::case::Verdict;

/// Changes that are named.
const CHANGES_MAX: usize = 6;

/// What would change the verdict: what the doubts hide, and what a person may say.
pub(super) fn what_would_change(
    verdict: &Verdict,
    doubts: &[Doubt],
    first: Option<&Candidate>,
) -> Vec<String> {
    let mut changes: Vec<String> = Vec::new();
    let mut add = |text: String| {
        if !changes.contains(&text) {
            changes.push(text);
        }
    };
    for doubt in doubts {
        if let Some(text) = change(doubt.kind) {
            add(text.to_owned());
        }
    }
    let person = first.and_then(|first| first.suspect.person.as_ref()).map(|person| person.name.shown(40));
    match (verdict, person) {
        (Verdict::Tool { .. } | Verdict::MisbehavingApplication, Some(person)) => {
            add(format!("proof that somebody else used the login of {person}"));
        }
        (Verdict::Tool { .. } | Verdict::MisbehavingApplication, None) => {
            add("proof that somebody else controls this program".to_owned());
        }
        (Verdict::Compromise, _) => {
            add("the owner's proof that this program was installed on purpose".to_owned())
        }
        (Verdict::NotThisHost, _) => add("a report of another time, address or port".to_owned()),
        (Verdict::ExposedService | Verdict::Forwarded, _) => {
            add("proof that the requests behind it came from this host itself".to_owned());
        }
        (Verdict::Unknown, _) => add("a report with exact times, addresses and ports".to_owned()),
    }
    changes.truncate(CHANGES_MAX);
    changes
}

fn change(kind: DoubtKind) -> Option<&'static str> {
    Some(match kind {
        DoubtKind::CoverageGap | DoubtKind::EventsLost => {
            "other records of the missing time: VPC flow logs, the host's own logs"
        }
        DoubtKind::PacketsUnseen => "VPC flow logs of the time, which see what the host's recorder cannot",
        DoubtKind::HostNotHeard => "an answer of the hosts that were not heard",
        DoubtKind::NoHost => {
            "the host that had the address then: AWS Config, CloudTrail, the account's owner"
        }
        DoubtKind::Inconsistent => {
            "a look at the host's disk from outside: its answer is not to be believed alone"
        }
        DoubtKind::HostClock | DoubtKind::ReporterClock => {
            "the exact offset between the reporter's clock and the host's"
        }
        DoubtKind::PartialMatch => "the reporter's own log lines with addresses and ports of both sides",
        DoubtKind::NoTarget | DoubtKind::NoTime => "a report that names addresses and times",
        DoubtKind::ChainBroken | DoubtKind::EntryUnknown => {
            "the host's login and service logs for the missing link"
        }
        DoubtKind::OwnerUnknown => "the host's own logs of what ran at that time",
        DoubtKind::SeveralSuspects => "the reporter's source ports, which tell the suspects apart",
        DoubtKind::PersonConflict => "the host's authentication log, read from outside",
        DoubtKind::AskedByOthers => "the program's own log of who asked it for what",
        DoubtKind::EvidenceOmitted => "the parts of the history that did not fit into the answer",
        DoubtKind::SharedSocket | DoubtKind::ArgvTruncated | DoubtKind::BehaviourDiffers => return None,
    })
}
