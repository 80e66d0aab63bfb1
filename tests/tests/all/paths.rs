//! Ways in, and ways to become somebody else, that leave different traces: other ssh servers and methods, tunnels,
//! elevations within elevations, and programs that outlive the session that began them.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use anyhow::ensure;
use history::Evidence;
use history::Login;
use tests::lab::INSTANCE_PUBLIC;
use tests::lab::LAPTOP;
use tests::lab::Lab;
use tests::lab::VICTIM;
use tests::lab::output_within;

use super::recorder::COMMAND_MAX;
use super::recorder::Recording;
use super::recorder::shell;
use super::who::logins;
use super::who::packet_to;
use super::who::sender;
use super::who::set_password;
use super::who::wait_for_login;
use super::who::wait_for_packet;

const PASSWORD: &str = "tr0ub4dor";

/// Runs ssh on the laptop to a port of the instance, with these options, for a user.
pub(super) fn ssh(lab: &Lab, port: u16, user: &str, options: &[&str]) -> anyhow::Result<Command> {
    let mut ssh = lab.laptop().command("ssh")?;
    ssh.args(["-F", "/dev/null", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]);
    ssh.args(["-o", "LogLevel=ERROR", "-o", "IdentitiesOnly=yes", "-p", &port.to_string(), "-l", user]);
    ssh.args(options).arg(INSTANCE_PUBLIC.to_string());
    // Where a password is asked for, this program gives it.
    ssh.env("SSH_ASKPASS", lab.dir().join("askpass")).env("SSH_ASKPASS_REQUIRE", "force");
    Ok(ssh)
}

pub(super) fn run(what: &str, mut command: Command) -> anyhow::Result<()> {
    let output = output_within(what, &mut command, COMMAND_MAX)?;
    ensure!(output.status.success(), "{what}: {output:?}");
    Ok(())
}

/// The logins above whoever sent to a port, nearest first: service, whom it let in, by whom.
fn steps(evidence: &Evidence, port: u16) -> Vec<(String, String, String)> {
    let found = logins(evidence, sender(evidence, port));
    let step =
        |login: &&Login| (login.service.clone(), login.user.clone(), login.by.clone().unwrap_or_default());
    found.iter().map(step).collect()
}

/// A second sshd that takes passwords, asks by keyboard and trusts a certificate authority; and dropbear.
fn start_servers(lab: &Lab) -> anyhow::Result<()> {
    let askpass = lab.dir().join("askpass");
    fs::write(&askpass, format!("#!/bin/sh\necho {PASSWORD}\n"))?;
    fs::set_permissions(&askpass, fs::Permissions::from_mode(0o755))?;
    let mut sign = Command::new("sh");
    sign.args(["-euc", SIGN]).current_dir(lab.dir().join("keys"));
    run("ssh-keygen", sign)?;
    fs::copy(lab.dir().join("keys/ca.pub"), lab.instance().path("/etc/ssh/ca.pub"))?;
    shell(lab, SERVERS)
}

/// A certificate authority that says who alice is.
const SIGN: &str = "ssh-keygen -q -t ed25519 -N '' -f ca
ssh-keygen -q -s ca -I alice@corp.example -n alice -V +1h alice.pub";

const SERVERS: &str = "set -e
cd /etc/ssh
sed 's/^KbdInteractiveAuthentication no/KbdInteractiveAuthentication yes/' sshd_config >other_config
printf 'Port 2222\\nPidFile none\\nTrustedUserCAKeys /etc/ssh/ca.pub\\n' >>other_config
/usr/sbin/sshd -f /etc/ssh/other_config
mkdir -p /etc/dropbear
dropbear -R -p 2223";

const PARAMIKO: &str = "import paramiko,sys
host,key,first,second=sys.argv[1:]
c=paramiko.SSHClient(); c.set_missing_host_key_policy(paramiko.AutoAddPolicy())
c.connect(host,username='bob',key_filename=key); c.exec_command(first)[1].read()
s=c.invoke_shell(); s.send(second+'; exit\\n')
while s.recv(4096): pass
";

#[test]
fn each_server_and_method_names_who_came_and_how() -> anyhow::Result<()> {
    let lab = Lab::up()?;
    set_password(&lab, "bob", PASSWORD)?;
    start_servers(&lab)?;
    let mut recording = Recording::begin_in(lab)?;
    let lab = &recording.lab;
    let key = format!("{}/keys/alice", lab.dir().display());
    let certificate = format!("CertificateFile={key}-cert.pub");
    let line = |port: u16| format!("bash -c '{}; true'", packet_to(port));
    let ways: [(u16, u16, &str, Vec<&str>); 5] = [
        (7801, 2222, "bob", vec!["-o", "PreferredAuthentications=password"]),
        (7802, 2222, "bob", vec!["-o", "PreferredAuthentications=keyboard-interactive"]),
        (7803, 2222, "alice", vec!["-i", &key, "-o", &certificate]),
        (7804, 2223, "bob", vec!["-o", "PreferredAuthentications=password"]),
        (7805, 2223, "alice", vec!["-i", &key]),
    ];
    for (port, at, user, options) in &ways {
        let mut command = ssh(lab, *at, user, options)?;
        command.arg(line(*port));
        run(&format!("ssh to {at} as {user}"), command)?;
    }
    // A library's client, to a command and to a shell.
    let mut library = lab.laptop().command("/usr/bin/python3")?;
    library.args([
        "-c",
        PARAMIKO,
        &INSTANCE_PUBLIC.to_string(),
        &format!("{}/keys/bob", lab.dir().display()),
    ]);
    library.args([line(7810), line(7811)]);
    run("paramiko", library)?;
    // A tunnel: the packets are those of the server's process for that user, who runs no program at all.
    let mut tunnel = ssh(lab, 2222, "alice", &["-i", &key, "-W", &format!("{VICTIM}:7806")])?;
    output_within("the tunnel", &mut tunnel, COMMAND_MAX)?;
    let mut tunnel = ssh(lab, 2223, "alice", &["-i", &key, "-W", &format!("{VICTIM}:7807")])?;
    output_within("dropbear's tunnel", &mut tunnel, COMMAND_MAX)?;
    // A second session on a connection that stands.
    let control = lab.dir().join("control").display().to_string();
    run("the master", ssh(lab, 2222, "alice", &["-i", &key, "-M", "-S", &control, "-f", "-N"])?)?;
    for port in [7808, 7809] {
        let mut command = ssh(lab, 2222, "alice", &["-S", &control])?;
        command.arg(line(port));
        run("a session of the master", command)?;
    }
    run("the master's end", ssh(lab, 2222, "alice", &["-S", &control, "-O", "exit"])?)?;
    // A wrong password, and a user that is none.
    fs::write(lab.dir().join("askpass"), "#!/bin/sh\necho wrong\n")?;
    for (at, user) in [(2222, "bob"), (2223, "bob"), (2223, "mallory")] {
        let options = ["-o", "PreferredAuthentications=password", "-o", "NumberOfPasswordPrompts=1"];
        let output = output_within("a wrong password", &mut ssh(lab, at, user, &options)?, COMMAND_MAX)?;
        ensure!(!output.status.success());
    }
    for (service, user) in [("sshd", "bob"), ("dropbear", "bob"), ("dropbear", "")] {
        wait_for_login(&recording, "a refusal", |login| {
            !login.accepted && login.service == service && login.user == user
        })?;
    }
    let evidence = recording.evidence()?;

    for (port, service, user, method) in [
        (7801, "sshd", "bob", "password"),
        (7802, "sshd", "bob", "keyboard-interactive/pam"),
        (7803, "sshd", "alice", "publickey"),
        (7804, "dropbear", "bob", "password"),
        (7805, "dropbear", "alice", "publickey"),
        (7806, "sshd", "alice", "publickey"),
        (7807, "dropbear", "alice", "publickey"),
        (7808, "sshd", "alice", "publickey"),
        (7809, "sshd", "alice", "publickey"),
        (7810, "sshd", "bob", "publickey"),
        (7811, "sshd", "bob", "publickey"),
    ] {
        let process = sender(&evidence, port);
        let found = logins(&evidence, process);
        assert_eq!(found.len(), 1, "{port}: {found:#?}");
        let login = found[0];
        assert_eq!((login.service.as_str(), login.user.as_str()), (service, user), "{port}");
        assert_eq!(
            (login.method.as_str(), login.source_address),
            (method, Some(IpAddr::V4(LAPTOP))),
            "{port}"
        );
        assert_eq!(login.key.is_some(), method == "publickey", "{port}: {login:?}");
        // dropbear carries its tunnels as root, and sets no login user where it has no PAM.
        if service == "sshd" {
            assert_eq!((process.user.as_deref(), process.login_user.as_deref()), (Some(user), Some(user)));
        }
    }
    let key = |port: u16| logins(&evidence, sender(&evidence, port))[0].key.clone().unwrap_or_default();
    assert!(key(7803).contains("ID alice@corp.example") && key(7803).contains(" CA ED25519 SHA256:"));
    assert_eq!(key(7805), key(7808), "a key has one name, whichever server tells of it");
    // One connection is one login, however many sessions it carries.
    let by_ssh = |event: &&history::LoginEvent| event.login.service != "cron";
    let accepted = evidence.logins.iter().filter(by_ssh).filter(|event| event.login.accepted).count();
    assert_eq!(accepted, 9, "{:#?}", evidence.logins);
    let refused = evidence.logins.iter().filter(|event| !event.login.accepted).count();
    assert_eq!(refused, 3, "{:#?}", evidence.logins);
    Ok(())
}

/// What alice types before a command, as whom that then runs, and the steps between: service, for whom, by whom.
type Elevation = (&'static str, &'static str, &'static [(&'static str, &'static str, &'static str)]);

const ELEVATIONS: [Elevation; 12] = [
    ("sudo -i bash", "root", &[("sudo", "root", "alice")]),
    ("sudo -u deploy -i bash", "deploy", &[("sudo", "deploy", "alice")]),
    ("doas -u deploy bash", "deploy", &[("doas", "deploy", "alice")]),
    ("sudo runuser -u deploy -- bash", "deploy", &[("runuser", "deploy", "root"), ("sudo", "root", "alice")]),
    (
        "sudo setpriv --reuid deploy --regid deploy --clear-groups bash",
        "deploy",
        &[("sudo", "root", "alice")],
    ),
    ("sudo chroot --userspec=deploy / bash", "deploy", &[("sudo", "root", "alice")]),
    (
        "sudo setsid -w sudo -u deploy bash",
        "deploy",
        &[("sudo", "deploy", "root"), ("sudo", "root", "alice")],
    ),
    ("sudo sudo bash", "root", &[("sudo", "root", "root"), ("sudo", "root", "alice")]),
    ("doas sudo -u bob bash", "bob", &[("sudo", "bob", "root"), ("doas", "root", "alice")]),
    ("sudo unshare -m bash", "root", &[("sudo", "root", "alice")]),
    ("sudo nice -n 5 env A=b timeout 9 bash", "root", &[("sudo", "root", "alice")]),
    ("sudo su -s /bin/bash deploy", "deploy", &[("su", "deploy", "root"), ("sudo", "root", "alice")]),
];

#[test]
fn elevations_within_elevations_name_each_step() -> anyhow::Result<()> {
    let lab = Lab::up()?;
    set_password(&lab, "bob", PASSWORD)?;
    shell(&lab, "echo 'permit nopass alice' >/etc/doas.conf && chmod 0600 /etc/doas.conf")?;
    let mut recording = Recording::begin_in(lab)?;
    // In one session, one right after the other: each line of the log belongs to one of them only.
    let mut script = String::new();
    for (port, (start, _, _)) in (7821..).zip(&ELEVATIONS) {
        script += &format!("{start} -c '{}; true'\n", packet_to(port));
    }
    script +=
        &format!("sudo -u deploy sh -c 'echo {PASSWORD} | su bob -s /bin/bash -c \"{}\"'\n", packet_to(7851));
    // A service that gives up root's rights acts as the user that it becomes.
    script += &format!(
        "sudo python3 -c \"import os,socket;os.setgid(65534);os.setuid(65534);\
         socket.socket(socket.AF_INET,socket.SOCK_DGRAM).sendto(b'x',('{VICTIM}',7852))\"\n"
    );
    fs::write(recording.lab.instance().path("/tmp/script"), script)?;
    recording.alice("bash -e /tmp/script")?;
    let evidence = recording.evidence()?;

    let check = |port: u16, what: &str, user: &str, expected: &[(&str, &str, &str)]| {
        let process = sender(&evidence, port);
        let users = (process.user.as_deref(), process.login_user.as_deref());
        // Nobody could read which names a namespace had that is gone.
        let login_user = if what.contains("unshare") { users.1 } else { Some("alice") };
        assert_eq!(users, (Some(user), login_user), "{what}");
        let mut found = steps(&evidence, port);
        assert_eq!(found.pop(), Some(("sshd".to_owned(), "alice".to_owned(), String::new())), "{what}");
        let owned = |(service, user, by): &(&str, &str, &str)| {
            ((*service).to_owned(), (*user).to_owned(), (*by).to_owned())
        };
        assert_eq!(found, expected.iter().map(owned).collect::<Vec<_>>(), "{what}");
    };
    for (port, (what, user, expected)) in (7821..).zip(&ELEVATIONS) {
        check(port, what, user, expected);
    }
    check(7851, "su within sudo", "bob", &[("su", "bob", "deploy"), ("sudo", "deploy", "alice")]);
    check(7852, "setuid", "nobody", &[("sudo", "root", "alice")]);
    Ok(())
}

#[test]
fn programs_that_outlive_their_session_still_name_it() -> anyhow::Result<()> {
    let mut recording = Recording::begin()?;
    let wait = |go: &str, port: u16| {
        format!("while [ ! -e /tmp/{go} ]; do sleep 0.05; done; {}; sleep 30", packet_to(port))
    };
    let quiet = ">/dev/null 2>&1 </dev/null";
    recording.alice(&format!("setsid -f bash -c '{}' {quiet}", wait("go", 7861)))?;
    recording.alice(&format!("nohup bash -c '{}' {quiet} & true", wait("go", 7862)))?;
    recording.alice(&format!("tmux new-session -d \"bash -c '{}'\"", wait("go", 7863)))?;
    recording.alice(&format!("sudo setsid -f bash -c '{}' {quiet}", wait("later", 7864)))?;
    recording.alice(&format!("tmux new-session -d \"bash -c '{}'\"", wait("later", 7865)))?;
    fs::write(recording.lab.instance().path("/tmp/go"), "")?;
    for port in 7861..=7863 {
        wait_for_packet(&recording, port)?;
    }
    recording.signal(nix::sys::signal::Signal::SIGTERM)?;
    recording.restart()?;
    fs::write(recording.lab.instance().path("/tmp/later"), "")?;
    for port in 7864..=7865 {
        wait_for_packet(&recording, port)?;
    }
    let evidence = recording.evidence()?;
    let ssh = || ("sshd".to_owned(), "alice".to_owned(), String::new());
    // Her second login had the terminals' server of her first do it, and that is told.
    let used = ("tmux".to_owned(), "alice".to_owned(), "alice".to_owned());
    for (port, used) in [(7861, None), (7862, None), (7863, Some(&used)), (7865, Some(&used))] {
        let expected: Vec<_> = used.cloned().into_iter().chain([ssh()]).collect();
        assert_eq!(steps(&evidence, port), expected, "{port}:\n{}", history::text(&evidence));
        assert_eq!(sender(&evidence, port).login_user.as_deref(), Some("alice"));
    }
    let sudo = ("sudo".to_owned(), "root".to_owned(), "alice".to_owned());
    assert_eq!(steps(&evidence, 7864), [sudo, ssh()], "{}", history::text(&evidence));
    Ok(())
}
