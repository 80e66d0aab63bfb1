//! Honest lines and forged ones.

use super::*;
use crate::beginnings::tests::Tree;
use crate::enrich::login_log;

const ALICE: u32 = 1000;
const BOB: u32 = 1001;

/// An sshd (10), a session of it that alice came by (11), her shell (12), her sudo (13), bob's shell (20) and his
/// sudo (21).
fn host() -> Tree {
    let mut tree = Tree::default();
    let init = tree.init();
    let sshd = tree.runs(init, 10, 0, "/usr/sbin/sshd -D");
    let session = tree.runs(sshd, 11, 0, "/usr/sbin/sshd -R");
    let shell = tree.runs(session, 12, ALICE, "/bin/bash");
    tree.runs(shell, 13, ALICE, "/usr/bin/sudo -i");
    let shell = tree.runs(session, 20, BOB, "/bin/bash");
    tree.runs(shell, 21, BOB, "/usr/bin/sudo -i");
    tree.runs(shell, 30, BOB, "/home/bob/sshd");
    tree
}

fn checked(
    tree: &Tree,
    program: &str,
    pid: Option<u32>,
    text: &str,
    boot_ns: u64,
    complete: bool,
) -> Checked {
    let line = login_log::message(program, pid, None, text).unwrap();
    check(&line, boot_ns, &tree.known, &tree.beginnings, complete)
}

const ACCEPTED: &str = "Accepted publickey for alice from 203.0.113.7 port 50514 ssh2: ED25519 SHA256:x";
const SUDO: &str = "bob : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/nmap";

#[test]
fn a_line_is_joined_to_the_process_that_wrote_it() {
    let tree = host();
    let by = |checked| match checked {
        Checked::By(id) => id.tgid,
        other => panic!("{other:?}"),
    };
    assert_eq!(by(checked(&tree, "sshd", Some(11), ACCEPTED, 20_000, true)), 11);
    assert_eq!(by(checked(&tree, "sshd-session", Some(11), ACCEPTED, 20_000, true)), 11);
    assert_eq!(by(checked(&tree, "sudo", None, SUDO, 22_000, true)), 21);
    assert_eq!(by(checked(&tree, "sudo", Some(21), SUDO, 22_000, true)), 21);
}

#[test]
fn forged_lines_name_nobody() {
    let tree = host();
    for (program, pid, text) in [
        // A shell's pid, under sshd's name.
        ("sshd", Some(20), ACCEPTED),
        // A program of that name, without root's rights.
        ("sshd", Some(30), ACCEPTED),
        // Nobody's pid.
        ("sshd", Some(99), ACCEPTED),
        // Another service's process.
        ("sshd", Some(21), ACCEPTED),
        ("su", Some(11), "(to root) alice on pts/0"),
        ("vsftpd", Some(20), "pam_unix(vsftpd:session): session opened for user alice(uid=1000) by (uid=0)"),
        // Somebody else's name on one's own sudo, and on one that was not called.
        ("sudo", Some(21), "alice : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/nmap"),
        ("sudo", None, "carol : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/nmap"),
    ] {
        assert_eq!(
            checked(&tree, program, pid, text, 60_000, true),
            Checked::Refused,
            "{program} {pid:?} {text}"
        );
    }
}

#[test]
fn whom_a_connection_let_in_is_told_once() {
    let mut tree = host();
    let monitor = tree.known.by_pid(11).unwrap();
    let child = tree.forks(monitor, 40);
    assert_eq!(checked(&tree, "sshd", Some(40), ACCEPTED, 60_000, true), Checked::By(child));
    tree.known.set_login(&monitor, Default::default(), 0, Default::default());
    assert_eq!(checked(&tree, "sshd", Some(40), ACCEPTED, 60_000, true), Checked::Refused);
    let failed = "Failed password for bob from 203.0.113.7 port 50514 ssh2";
    assert_eq!(checked(&tree, "sshd", Some(40), failed, 60_000, true), Checked::By(child));
}

#[test]
fn what_the_recorder_cannot_know_is_unknown() {
    let tree = host();
    assert_eq!(checked(&tree, "sshd", Some(99), ACCEPTED, 60_000, false), Checked::Unknown);
    assert_eq!(checked(&tree, "sudo", None, &SUDO.replace("bob", "carol"), 60_000, false), Checked::Unknown);
    // A contradiction stays one.
    assert_eq!(checked(&tree, "sshd", Some(20), ACCEPTED, 60_000, false), Checked::Refused);
}

#[test]
fn pids_come_again() {
    let mut tree = host();
    let session = tree.known.by_pid(11).unwrap();
    tree.known.end(&session, 30_000);
    // After its end somebody else may have had the pid.
    assert_eq!(checked(&tree, "sshd", Some(11), ACCEPTED, 30_000 + SLACK_NS + 1, true), Checked::Refused);
    assert_eq!(checked(&tree, "sshd", Some(11), ACCEPTED, 30_000 + SLACK_NS, true), Checked::By(session));
    let late = tree.runs(session, 4_000_000, 0, "/usr/sbin/sshd -R");
    assert_eq!(
        checked(&tree, "sshd", Some(late.tgid), ACCEPTED, 1, false),
        Checked::Unknown,
        "older than it"
    );
}

#[test]
fn of_several_elevations_by_one_caller_each_line_belongs_to_its_own() {
    let mut tree = host();
    let shell = tree.known.by_pid(12).unwrap();
    let first = tree.runs(shell, 50, ALICE, "/usr/bin/sudo -u deploy bash -c id");
    let second = tree.runs(shell, 51, ALICE, "/usr/bin/sudo bash -c id");
    let third = tree.runs(shell, 52, ALICE, "/usr/bin/sudo -i");
    let line = |user: &str, command: &str| {
        let text = format!("alice : TTY=pts/0 ; PWD=/ ; USER={user} ; COMMAND={command}");
        checked(&tree, "sudo", None, &text, 60_000, true)
    };
    assert_eq!(line("deploy", "/usr/bin/bash -c id"), Checked::By(first));
    assert_eq!(line("root", "/usr/bin/bash -c 'id'"), Checked::By(second));
    assert_eq!(line("root", "/bin/bash"), Checked::By(third), "the latest, where none was asked for it");
    // What began after an exact time did not write the line; of a whole second it may have.
    let late = tree.runs(shell, 200_000, ALICE, "/usr/bin/sudo -i");
    let text = "alice : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/bash";
    let at = |time: i64| {
        let line = login_log::message("sudo", None, Some(history::UnixNs(time)), text).unwrap();
        check(&line, 60_000, &tree.known, &tree.beginnings, true)
    };
    assert_eq!(at(1_000), Checked::By(third));
    assert_eq!(at(2_000_000_000), Checked::By(late));
}

#[test]
fn the_user_that_is_asked_for_is_read_from_the_arguments() {
    for (typed, expected) in [
        ("sudo bash", None),
        ("sudo -i", None),
        ("sudo -u deploy bash", Some("deploy")),
        ("sudo -udeploy -i", Some("deploy")),
        ("sudo -nu deploy id -u root", Some("deploy")),
        ("sudo -p prompt --user=deploy id", Some("deploy")),
        ("sudo --user deploy", Some("deploy")),
        ("sudo -g adm A=b id -u deploy", None),
        ("sudo -- id -u deploy", None),
        ("sudo -E -H -u #1001 id", Some("#1001")),
        ("doas -u deploy sh", Some("deploy")),
        ("sudo -u", None),
    ] {
        let argv: Vec<String> = typed.split(' ').map(str::to_owned).collect();
        assert_eq!(asked_user(&argv), expected, "{typed}");
    }
}

/// The line of a sudo that is not known (it was lost, or is told later) is nobody else's.
#[test]
fn a_line_for_another_user_is_not_taken_by_who_asked_for_root() {
    let tree = host();
    let line = "bob : TTY=pts/0 ; PWD=/ ; USER=deploy ; COMMAND=/bin/bash -c true";
    assert_eq!(checked(&tree, "sudo", None, line, 22_000, true), Checked::Refused);
    assert_eq!(checked(&tree, "sudo", None, line, 22_000, false), Checked::Unknown);
}
