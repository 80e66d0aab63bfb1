//! What changed about who a process is and what it sees: credentials and namespaces. Pure.

use history::Body;
use history::Credentials;
use history::Namespaces;
use history::Operation;
use history::OperationKind;
use history::ProcessId;

/// The event of a process that is somebody else than before: by a call (sshd after authentication, su), or by
/// executing a program that changes it (setuid, file capabilities).
pub fn credentials(process: ProcessId, from: &Credentials, to: &Credentials) -> Option<Body> {
    (from != to).then(|| Body::Credentials { process, from: from.clone(), to: to.clone() })
}

/// The event of a process that is in other namespaces than before (unshare, setns). What is not known, 0, is no
/// change.
pub fn namespaces(process: ProcessId, from: Namespaces, to: Namespaces) -> Option<Body> {
    let changed: Vec<String> = [
        ("mnt", from.mount, to.mount),
        ("net", from.net, to.net),
        ("pid", from.pid, to.pid),
        ("user", from.user, to.user),
    ]
    .iter()
    .filter(|(_, from, to)| *from != 0 && *to != 0 && from != to)
    .map(|(kind, from, to)| format!("{kind} {from} -> {to}"))
    .collect();
    (!changed.is_empty()).then(|| {
        let detail = changed.join(", ");
        Body::Operation(Box::new(Operation {
            process: Some(process),
            kind: OperationKind::Namespaces,
            detail,
        }))
    })
}

/// Namespaces with what is not known now as it was before.
pub fn merged(before: Namespaces, now: Namespaces) -> Namespaces {
    let known = |before: u32, now: u32| if now == 0 { before } else { now };
    Namespaces {
        mount: known(before.mount, now.mount),
        net: known(before.net, now.net),
        pid: known(before.pid, now.pid),
        user: known(before.user, now.user),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_is_told() {
        let (id, alice) =
            (ProcessId::default(), Credentials { uid: 1000, euid: 1000, ..Credentials::default() });
        assert_eq!(credentials(id, &alice, &alice), None);
        let root = Credentials { euid: 0, ..alice.clone() };
        assert_eq!(
            credentials(id, &alice, &root),
            Some(Body::Credentials { process: id, from: alice, to: root })
        );
    }

    #[test]
    fn namespaces_that_are_not_known_did_not_change() {
        let id = ProcessId::default();
        let host = Namespaces { mount: 1, net: 2, pid: 3, user: 4 };
        assert_eq!(namespaces(id, host, host), None);
        assert_eq!(namespaces(id, host, Namespaces::default()), None);
        assert_eq!(namespaces(id, Namespaces::default(), host), None);
        let other = Namespaces { mount: 9, net: 8, ..Namespaces::default() };
        let Some(Body::Operation(operation)) = namespaces(id, host, other) else { panic!() };
        assert_eq!(operation.detail, "mnt 1 -> 9, net 2 -> 8");
        assert_eq!(operation.kind, OperationKind::Namespaces);
        assert_eq!(merged(host, other), Namespaces { mount: 9, net: 8, pid: 3, user: 4 });
    }
}
