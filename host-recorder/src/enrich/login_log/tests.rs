//! Lines as the programs write them, and as somebody else may.

use super::*;

fn read(line: &str) -> Option<LoginLine> {
    parse(line, "2026-01-02T00:00:00Z".parse().unwrap(), &TimeZone::UTC)
}

/// What `PROGRAM[5]` wrote: service, who asked, for whom, whether it was granted, the command.
fn told(program: &str, message: &str) -> Option<(String, String, String, bool, String)> {
    for head in ["Jan  1 09:05:03 h", "2026-01-01T09:05:03.000001+00:00 h"] {
        let line = read(&format!("{head} {program}[5]: {message}"))?;
        assert_eq!(
            (line.pid, line.time.unwrap().to_string().get(..19).unwrap()),
            (Some(5), "2026-01-01T09:05:03")
        );
    }
    let line = self::message(program, Some(5), None, message)?;
    Some((
        line.service,
        line.by.unwrap_or_default(),
        line.user,
        line.accepted,
        line.command.or(line.session).unwrap_or_default(),
    ))
}

#[test]
fn accepted_keys_and_passwords() {
    let line = read(
        "2026-01-01T10:02:03.5+01:00 web-3 sshd[811]: Accepted publickey for alice from 203.0.113.7 \
         port 50514 ssh2: ED25519 SHA256:x/y+z",
    )
    .unwrap();
    assert_eq!((line.user.as_str(), line.method.as_str(), line.accepted), ("alice", "publickey", true));
    assert_eq!(line.source, Some(("203.0.113.7".parse().unwrap(), 50514)));
    assert_eq!(line.key.as_deref(), Some("ED25519 SHA256:x/y+z"));
    assert_eq!(line.pid, Some(811));
    assert_eq!(UnixNs::from("2026-01-01T09:02:03.5Z".parse::<Timestamp>().unwrap()), line.time.unwrap());
    let password = read("Jan  1 09:05:03 h sshd[5]: Accepted password for bob from 2001:db8::7 port 1 ssh2");
    assert_eq!(password.unwrap().key, None);
}

#[test]
fn refused_ones_with_hostile_names() {
    let line = read(
        "Jan  1 09:05:03 h sshd[5]: Failed password for invalid user a from 1.1.1.1 port 9 ssh2 from 203.0.113.9 port 7 ssh2",
    );
    let line = line.unwrap();
    assert_eq!(line.source, Some(("203.0.113.9".parse().unwrap(), 7)));
    assert!(!line.accepted);
    assert_eq!(line.user, "a from 1.1.1.1 port 9 ssh2");
}

#[test]
fn newer_servers_and_other_lines() {
    let line = read("Jan  1 09:05:03 h sshd-session[5]: Accepted password for b from 192.0.2.1 port 1 ssh2");
    let line = line.unwrap();
    assert_eq!((line.service.as_str(), line.program.as_str()), ("sshd", "sshd-session"));
    for other in [
        "",
        "x",
        "Jan  1 09:05:03 h sshd[5]: Server listening on 0.0.0.0 port 22.",
        "Jan  1 09:05:03 h evil[5]: Accepted password for b from 192.0.2.1 port 1 ssh2",
        "Jan  1 09:05:03 h sshd[x]: Accepted password for b from 192.0.2.1 port 1 ssh2",
        "Jan  1 09:05:03 h sshd: Accepted password for b from 192.0.2.1 port 1 ssh2",
        "Jan  1 09:05:03 h systemd-logind[5]: New session 3 of user alice.",
        "éééééééééééééééééééé",
    ] {
        assert_eq!(read(other), None, "{other}");
    }
}

#[test]
fn sudo_tells_who_for_whom_and_what() {
    let line = read(
        "Jan  1 09:05:03 h sudo:    alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/usr/bin/nmap -sS 198.51.100.20",
    );
    let line = line.unwrap();
    assert_eq!(
        (line.by.as_deref(), line.user.as_str(), line.accepted, line.pid),
        (Some("alice"), "root", true, None)
    );
    assert_eq!(line.command.as_deref(), Some("/usr/bin/nmap -sS 198.51.100.20"));
    for (message, by, user, accepted, command) in [
        (
            "  bob : user NOT in sudoers ; TTY=pts/1 ; PWD=/ ; USER=root ; COMMAND=/bin/id",
            "bob",
            "root",
            false,
            "/bin/id",
        ),
        (
            "bob : 3 incorrect password attempts ; TTY=pts/1 ; PWD=/ ; USER=root ; COMMAND=/bin/id",
            "bob",
            "root",
            false,
            "/bin/id",
        ),
        (
            "bob : 1 incorrect password attempt ; PWD=/ ; USER=root ; COMMAND=/bin/id",
            "bob",
            "root",
            false,
            "/bin/id",
        ),
        ("bob : command not allowed ; PWD=/ ; USER=root ; COMMAND=/bin/id", "bob", "root", false, "/bin/id"),
        (
            "bob : a password is required ; PWD=/ ; USER=root ; COMMAND=/bin/id -u",
            "bob",
            "root",
            false,
            "/bin/id -u",
        ),
        ("ci : PWD=/ ; USER=www ; ENV=A=1 ; COMMAND=/bin/id", "ci", "www", true, "/bin/id"),
    ] {
        let expected = ("sudo".to_owned(), by.to_owned(), user.to_owned(), accepted, command.to_owned());
        assert_eq!(told("sudo", message), Some(expected), "{message}");
    }
    assert_eq!(told("sudo", "a b : TTY=pts/0 ; USER=root ; COMMAND=/bin/id"), None);
    assert_eq!(told("sudo", "alice : problem with defaults entries"), None);
}

#[test]
fn su_doas_pkexec_and_login() {
    for (program, message, by, user, accepted, command) in [
        ("su", "(to root) alice on pts/0", "alice", "root", true, ""),
        ("su", "FAILED SU (to root) alice on pts/0", "alice", "root", false, ""),
        ("su", "Successful su for root by alice", "alice", "root", true, ""),
        ("su", "FAILED su for root by alice", "alice", "root", false, ""),
        ("su", "+ /dev/pts/0 alice:root", "alice", "root", true, ""),
        ("su", "- /dev/pts/0 alice:root", "alice", "root", false, ""),
        (
            "su",
            "pam_unix(su-l:session): session opened for user bob(uid=1001) by alice(uid=1000)",
            "alice",
            "bob",
            true,
            "",
        ),
        (
            "runuser",
            "pam_unix(runuser-l:session): session opened for user bob by (uid=0)",
            "",
            "bob",
            true,
            "",
        ),
        ("doas", "alice ran command id -u as root from /home/alice", "alice", "root", true, "id -u"),
        ("doas", "failed auth for alice", "alice", "", false, ""),
        ("doas", "command not permitted for alice: id", "alice", "", false, "id"),
        (
            "pkexec",
            "alice: Executing command [USER=root] [TTY=/dev/pts/0] [CWD=/home/alice] [COMMAND=/usr/bin/id [x]]",
            "alice",
            "root",
            true,
            "/usr/bin/id [x]",
        ),
        (
            "pkexec",
            "alice: Error executing command as another user: Not authorized [USER=root] [TTY=unknown] [CWD=/] [COMMAND=/usr/bin/id]",
            "alice",
            "root",
            false,
            "/usr/bin/id",
        ),
        ("login", "LOGIN ON tty1 BY alice", "", "alice", true, "tty1"),
        ("login", "ROOT LOGIN ON tty1", "", "root", true, "tty1"),
        ("login", "ROOT LOGIN  on '/dev/ttyS0'", "", "root", true, "ttyS0"),
        ("login", "FAILED LOGIN 1 FROM tty1 FOR alice, Authentication failure", "", "alice", false, "tty1"),
        (
            "login",
            "FAILED LOGIN (1) on '/dev/tty1' FOR 'UNKNOWN', Authentication failure",
            "",
            "UNKNOWN",
            false,
            "tty1",
        ),
        (
            "login",
            "pam_unix(login:session): session opened for user alice(uid=1000) by LOGIN(uid=0)",
            "",
            "alice",
            true,
            "",
        ),
    ] {
        let expected = (program.to_owned(), by.to_owned(), user.to_owned(), accepted, command.to_owned());
        assert_eq!(told(program, message), Some(expected), "{message}");
    }
}

#[test]
fn pam_tells_of_services_that_write_nothing_themselves() {
    let failure = "pam_unix(vsftpd:auth): authentication failure; logname= uid=0 euid=0 tty=ftp ruser=alice rhost=203.0.113.9  user=alice";
    let line = message("vsftpd", Some(5), None, failure).unwrap();
    assert_eq!((line.user.as_str(), line.accepted, line.method.as_str()), ("alice", false, "pam"));
    assert_eq!(line.source, Some(("203.0.113.9".parse().unwrap(), 0)));
    let opened = "pam_unix(vsftpd:session): session opened for user alice(uid=1000) by (uid=0)";
    assert!(message("vsftpd", Some(5), None, opened).unwrap().accepted);
    // Told by the programs' own lines, or by the kernel's process tree.
    for (program, text) in [
        (
            "sshd",
            "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.1  user=bob",
        ),
        ("sshd", "pam_unix(sshd:session): session opened for user bob(uid=1001) by (uid=0)"),
        (
            "su",
            "pam_unix(su:auth): authentication failure; logname= uid=1000 euid=0 tty=/dev/pts/0 ruser=alice rhost=  user=root",
        ),
        ("CRON", "pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)"),
        ("systemd", "pam_unix(systemd-user:session): session opened for user bob(uid=1001) by (uid=0)"),
        ("sudo", "pam_unix(sudo:session): session closed for user root"),
    ] {
        assert_eq!(message(program, Some(5), None, text), None, "{text}");
    }
    // Without a terminal sudo does not tell whose line it is.
    let nobodys = "pam_unix(sudo:session): session opened for user root(uid=0) by (uid=1000)";
    assert_eq!(message("sudo", None, None, nobodys), None);
    let alices = nobodys.replace("by (", "by alice(");
    assert_eq!(message("sudo", None, None, &alices).unwrap().by.as_deref(), Some("alice"));
}

#[test]
fn texts_are_bounded() {
    let long = "é".repeat(5_000);
    let line = message("su", Some(5), None, &format!("(to {long}) {long} on pts/0")).unwrap();
    assert!(line.user.len() <= TEXT_MAX && line.by.unwrap().len() <= TEXT_MAX);
}

#[test]
fn dropbear_tells_who_came_how_and_by_which_key() {
    let read = |message: &str| self::message("dropbear", Some(5), None, message);
    let line =
        read("Pubkey auth succeeded for 'alice' with ssh-ed25519 key SHA256:x/y+z from 203.0.113.7:40270");
    let line = line.unwrap();
    assert_eq!((line.service.as_str(), line.user.as_str(), line.accepted), ("dropbear", "alice", true));
    assert_eq!((line.method.as_str(), line.key.as_deref()), ("publickey", Some("ED25519 SHA256:x/y+z")));
    assert_eq!(line.source, Some(("203.0.113.7".parse().unwrap(), 40_270)));
    let line = read("Pubkey auth succeeded for 'b' with key md5 aa:bb from 2001:db8::7:22").unwrap();
    assert_eq!(line.user, "b");
    assert_eq!(line.source, Some(("2001:db8::7".parse().unwrap(), 22)));
    let line = read("Password auth succeeded for 'bob' from 203.0.113.7:40266").unwrap();
    assert_eq!((line.user.as_str(), line.method.as_str(), line.accepted), ("bob", "password", true));
    let hostile = "Bad password attempt for 'a' from 1.1.1.1:9' from 203.0.113.9:7";
    let line = read(hostile).unwrap();
    assert_eq!((line.user.as_str(), line.accepted), ("a' from 1.1.1.1:9", false));
    assert_eq!(line.source, Some(("203.0.113.9".parse().unwrap(), 7)));
    assert!(!read("Login attempt for nonexistent user").unwrap().accepted);
    assert_eq!(read("Exit (alice) from <203.0.113.7:40270>: Exited normally"), None);
    assert_eq!(read("Password auth succeeded for 'bob' from nowhere"), None);
}
