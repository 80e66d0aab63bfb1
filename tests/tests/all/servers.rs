//! Servers of logins other than sshd, each the real program; what such servers run for themselves while they let somebody
//! in, which is nobody's doing; and what people have a host do by pushing to it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::thread;

use anyhow::bail;
use anyhow::ensure;
use history::Evidence;
use serde_json::Value;
use tests::lab::INSTANCE_PUBLIC;
use tests::lab::Lab;
use tests::lab::output_within;

use super::names::write_send;
use super::paths::run;
use super::paths::ssh;
use super::recorder::COMMAND_MAX;
use super::recorder::Recording;
use super::recorder::shell;
use super::ways::judged;
use super::ways::laptop;
use super::who::set_password;
use super::who::wait_for_packet;

const PASSWORD: &str = "tr0ub4dor";

/// Whom a report names for the packets to one port, in a line: the person, the entry, and of a login the service, whom it
/// let in, how and from where.
fn named(report: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let facts = &report["facts"];
    let mut line = format!("{} by {}", text(&facts["person"]), text(&facts["entry"]));
    let login = &facts["login"];
    if login.is_object() {
        for part in ["service", "user", "method", "source_address"] {
            line += &format!(" {}", text(&login[part]));
        }
    }
    line
}

/// Holds what reports say about the packets to each port against what is so.
pub(super) fn check(
    recording: &Recording,
    evidence: &Evidence,
    expected: &[(u16, &str)],
) -> anyhow::Result<()> {
    let mut wrong = String::new();
    // Each is a run of the program: beside each other.
    let reports: Vec<anyhow::Result<Value>> = thread::scope(|scope| {
        let ports = expected.iter().map(|(port, _)| *port);
        let runs: Vec<_> = ports.map(|port| scope.spawn(move || judged(recording, evidence, port))).collect();
        let ended = runs.into_iter().map(|run| run.join().unwrap_or_else(|_| bail!("it panicked")));
        ended.collect()
    });
    for ((port, so), report) in expected.iter().zip(reports) {
        let report = report?;
        let told = named(&report);
        if told != *so {
            wrong += &format!("{port}: {told}, and it is {so}\n{}\n", report["headline"]);
        }
    }
    ensure!(wrong.is_empty(), "{wrong}{}", history::text(evidence));
    Ok(())
}

/// The servers that inetd starts, of which two let in whom a host is trusted for, and one that needs no inetd and tells
/// `login` nothing of whence somebody comes.
const SERVERS: &str = "set -e
cat >/etc/inetd.conf <<'END'
telnet stream tcp nowait root /usr/sbin/telnetd telnetd
shell stream tcp nowait root /usr/sbin/in.rshd in.rshd
login stream tcp nowait root /usr/sbin/in.rlogind in.rlogind
END
echo '203.0.113.7 laptop.example.com' >>/etc/hosts
for user in bob deploy; do
    home=$(eval echo ~$user); echo 'laptop.example.com root' >$home/.rhosts; chown $user $home/.rhosts; chmod 600 $home/.rhosts
done
seq -f 'pts/%g' 0 9 >>/etc/securetty
inetutils-inetd /etc/inetd.conf
busybox telnetd -p 2403 -l /bin/login
";

/// A client that answers the questions of a terminal: refuses every option, and types each line once it is asked for it.
const TELNET: &str = "import re,socket,sys
host,port,*typed=sys.argv[1:]
s=socket.create_connection((host,int(port)),20); s.settimeout(20); seen=b''
for asked,line in zip(typed[::2],typed[1::2]):
    while asked.encode() not in seen:
        data=s.recv(4096)
        if not data: sys.exit('closed: %r'%seen)
        for verb,option in re.findall(rb'\\xff([\\xfb\\xfd])(.)',data,re.S):
            s.sendall(b'\\xff'+(b'\\xfe' if verb==b'\\xfb' else b'\\xfc')+option)
        seen+=data
    seen=b''; s.sendall(line.encode()+b'\\r\\n')
while s.recv(4096): pass
";

/// Logs in with name and password, and types one line.
fn telnet(lab: &Lab, at: u16, user: &str, line: &str) -> anyhow::Result<()> {
    let mut client = lab.laptop().command("python3")?;
    client.args(["-c", TELNET, &INSTANCE_PUBLIC.to_string(), &at.to_string()]);
    client.args(["ogin:", user, "assword:", PASSWORD, "$ ", &format!("{line}; exit")]);
    run(&format!("telnet to {at}"), client)
}

/// A client of rsh or rlogin, which trust who comes from a port of root's: says who asks, for whom and for what, and types.
const TRUSTED: &str = "import socket,sys
host,port,own,what,typed=sys.argv[1:]
s=socket.socket(); s.bind(('',int(own))); s.settimeout(20)
s.connect((host,int(port))); s.sendall(b''.join(word.encode()+b'\\0' for word in what.split('|')))
if s.recv(1)!=b'\\0': sys.exit('refused: %r'%s.recv(4096))
s.sendall(typed.encode())
while s.recv(4096): pass
";

fn trusted(lab: &Lab, at: u16, own: u16, what: &str, typed: &str) -> anyhow::Result<()> {
    let mut client = lab.laptop().command("python3")?;
    client.args([
        "-c",
        TRUSTED,
        &INSTANCE_PUBLIC.to_string(),
        &at.to_string(),
        &own.to_string(),
        what,
        typed,
    ]);
    run(&format!("a trusted host at {at}"), client)
}

#[test]
fn whom_other_servers_let_in_came_by_the_network() -> anyhow::Result<()> {
    let lab = Lab::up()?;
    write_send(&lab)?;
    set_password(&lab, "bob", PASSWORD)?;
    shell(&lab, SERVERS)?;
    let mut recording = Recording::begin_in(lab)?;
    let lab = &recording.lab;
    telnet(lab, 23, "bob", "bash /tmp/send 8501")?;
    telnet(lab, 2403, "bob", "bash /tmp/send 8502")?;
    trusted(lab, 514, 1001, "0|root|bob|bash /tmp/send 8503", "")?;
    trusted(lab, 514, 1002, "0|root|deploy|bash /tmp/send 8504", "")?;
    trusted(lab, 513, 1003, "|root|bob|xterm/9600", "bash /tmp/send 8506; exit\n")?;
    // One that alice starts by hand lets in who it lets in.
    recording.alice("sudo busybox telnetd -p 2405 -l /bin/login")?;
    telnet(&recording.lab, 2405, "bob", "bash /tmp/send 8505")?;
    let evidence = recording.evidence()?;
    check(
        &recording,
        &evidence,
        &[
            (8501, "bob by login login bob remote 203.0.113.7"),
            (8502, "bob by login login bob remote 203.0.113.7"),
            (8503, "bob by login rshd bob remote 203.0.113.7"),
            (8504, "deploy by login rshd deploy remote 203.0.113.7"),
            (8505, "bob by login login bob remote 203.0.113.7"),
            (8506, "bob by login login bob remote 203.0.113.7"),
        ],
    )
}

/// What a host runs as somebody is let in: scripts of PAM, the message of the day, and a program that knows people's
/// keys. One of the scripts is slow: su's line is read before what su runs is seen.
const HELPERS: &str = "set -e
cd /etc/pam.d
printf '#!/bin/sh\\nbash /tmp/send 8522\\n' >/etc/update-motd.d/50-news; chmod 0755 /etc/update-motd.d/50-news
printf '#!/bin/sh\\ncase $PAM_SERVICE$PAM_TYPE in sshdopen_session) bash /tmp/send 8521;; esac\\n' >/usr/local/bin/opened
printf '#!/bin/sh\\ncase $PAM_SERVICE$PAM_USER in crondeploy) bash /tmp/send 8525;; subob) bash /tmp/send 8526; sleep 2;; \
sudodeploy) bash /tmp/send 8527;; esac\\n' >/usr/local/bin/common
printf '#!/bin/sh\\nbash /tmp/send 8523 >/dev/null\\ncat ~$1/.ssh/authorized_keys\\n' >/usr/local/bin/keys
sed -i 's|cat ~$1|cat /etc/keys-of-$1 #|' /usr/local/bin/keys
cp ~alice/.ssh/authorized_keys /etc/keys-of-alice; chmod 0644 /etc/keys-of-alice
chmod 0755 /usr/local/bin/*
echo 'session optional pam_exec.so quiet /usr/local/bin/opened' >>sshd
printf '#!/bin/sh\\nbash /tmp/send 8532\\n' >/usr/local/bin/tried; chmod 0755 /usr/local/bin/tried
sed -i '1i auth optional pam_exec.so quiet /usr/local/bin/tried' sshd
for service in cron su sudo; do echo 'session optional pam_exec.so quiet /usr/local/bin/common' >>$service; done
cd /etc/ssh; (echo PasswordAuthentication yes; cat sshd_config) >keyed
printf 'Port 2231\\nPidFile none\\nAuthorizedKeysCommand /usr/local/bin/keys %%u\\nAuthorizedKeysCommandUser nobody\\n\
AuthorizedKeysFile none\\n' >>keyed
/usr/sbin/sshd -f /etc/ssh/keyed
";

#[test]
fn what_a_server_runs_for_itself_is_nobodys() -> anyhow::Result<()> {
    let lab = Lab::up()?;
    write_send(&lab)?;
    set_password(&lab, "bob", PASSWORD)?;
    shell(&lab, HELPERS)?;
    shell(&lab, "printf '@reboot bash /tmp/send 8528\\n' | crontab -u deploy -")?;
    let mut recording = Recording::begin_in(lab)?;
    let lab = &recording.lab;
    lab.session("alice", "bash /tmp/send 8524")?.wait(COMMAND_MAX)?;
    let key = format!("{}/keys/alice", lab.dir().display());
    let mut keyed = ssh(lab, 2231, "alice", &["-i", &key])?;
    keyed.arg("bash /tmp/send 8529");
    run("ssh by a program that knows keys", keyed)?;
    refuse(lab)?;
    recording.alice(&format!("echo {PASSWORD} | su bob -c 'bash /tmp/send 8530'"))?;
    recording.alice("sudo -u deploy bash /tmp/send 8531")?;
    shell(
        &recording.lab,
        "kill $(cat /run/crond.pid) && while kill -0 $(cat /run/crond.pid); do sleep 0.1; done
        rm -f /run/crond.reboot && cron",
    )?;
    wait_for_packet(&recording, 8528)?;
    let evidence = recording.evidence()?;
    let alice = "alice by login sshd alice publickey 203.0.113.7";
    let nobody = "- by login sshd alice publickey 203.0.113.7";
    check(
        &recording,
        &evidence,
        &[
            (8521, nobody),
            (8522, nobody),
            (8523, nobody),
            (8524, alice),
            (8525, "- by cron"),
            // She called su and sudo, which PAM ran these for.
            (8526, alice),
            (8527, alice),
            (8528, "deploy by cron"),
            (8529, alice),
            (8530, alice),
            (8531, alice),
            // PAM ran it for two who were not let in.
            (8532, "- by unknown"),
        ],
    )?;
    // What PAM ran before is not what was asked for.
    let mut steps: Vec<(&str, &str, &str)> = Vec::new();
    for event in evidence.logins.iter().filter(|event| event.login.method == "elevation") {
        let login = &event.login;
        let command = login.command.as_deref().unwrap_or_default();
        steps.push((
            login.service.as_str(),
            login.user.as_str(),
            command.rsplit('/').next().unwrap_or_default(),
        ));
    }
    steps.sort_unstable();
    steps.dedup();
    assert_eq!(
        steps,
        [("su", "bob", "send 8530"), ("sudo", "deploy", "send 8531")],
        "{}",
        history::text(&evidence)
    );
    Ok(())
}

/// Somebody who does not know the password, and somebody who has no account.
fn refuse(lab: &Lab) -> anyhow::Result<()> {
    let askpass = lab.dir().join("askpass");
    fs::write(&askpass, "#!/bin/sh\necho wrong\n")?;
    fs::set_permissions(&askpass, fs::Permissions::from_mode(0o755))?;
    for user in ["bob", "mallory"] {
        let options = ["-o", "PreferredAuthentications=password", "-o", "NumberOfPasswordPrompts=1"];
        let output = output_within("a wrong password", &mut ssh(lab, 2231, user, &options)?, COMMAND_MAX)?;
        ensure!(!output.status.success());
    }
    Ok(())
}

/// A repository of an account that several push to, with a hook.
const REPOSITORY: &str = "set -e
cat ~alice/.ssh/authorized_keys >>~deploy/.ssh/authorized_keys
su deploy -c 'git init -q --bare ~/work.git
printf \"#!/bin/sh\\nbash /tmp/send 8541\\n\" >~/work.git/hooks/post-receive; chmod 0755 ~/work.git/hooks/post-receive'
";

const PUSH: &str = "set -e
git init -q work; cd work
git -c user.name=alice -c user.email=alice@example.com commit -q --allow-empty -m x
GIT_SSH_COMMAND='ssh -F /dev/null -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
-o IdentitiesOnly=yes -i KEYS/alice' git push -q ssh://deploy@HOST/home/deploy/work.git HEAD:main";

/// mosh as its script does it: the server by ssh, then the client with the key that it was told.
const MOSH: &str = "set -e
ssh -F /dev/null -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o IdentitiesOnly=yes -i KEYS/alice \
alice@HOST 'mosh-server new -l LANG=C.UTF-8 -- bash -c \"bash /tmp/send 8542\"' >told 2>&1
set -- $(grep '^MOSH CONNECT' told)
MOSH_KEY=$4 TERM=xterm LANG=C.UTF-8 script -qec \"stty rows 24 cols 80; exec mosh-client HOST $3\" said </dev/null >/dev/null";

#[test]
fn hooks_and_terminals_over_datagrams_are_whose_login_began_them() -> anyhow::Result<()> {
    let lab = Lab::up()?;
    write_send(&lab)?;
    shell(&lab, REPOSITORY)?;
    let mut recording = Recording::begin_in(lab)?;
    let lab = &recording.lab;
    let told = |text: &str| {
        let keys = lab.dir().join("keys").display().to_string();
        text.replace("KEYS", &keys).replace("HOST", &INSTANCE_PUBLIC.to_string())
    };
    laptop(lab, "git push", &told(PUSH))?;
    laptop(lab, "mosh", &told(MOSH))?;
    wait_for_packet(&recording, 8542)?;
    let evidence = recording.evidence()?;
    check(
        &recording,
        &evidence,
        &[
            (8541, "deploy by login sshd deploy publickey 203.0.113.7"),
            (8542, "alice by login sshd alice publickey 203.0.113.7"),
        ],
    )?;
    let by = judged(&recording, &evidence, 8541)?;
    let key = fs::read_to_string(recording.lab.dir().join("keys/alice.pub"))?;
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-lf", &format!("{}/keys/alice.pub", recording.lab.dir().display())]);
    let sum = String::from_utf8(keygen.output()?.stdout)?;
    let sum = sum.split(' ').nth(1).unwrap_or(&key).to_owned();
    assert!(by.to_string().contains(&sum), "an account's key tells who pushed: {by:#}");
    Ok(())
}
