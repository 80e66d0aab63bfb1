//! Whom processes act for: every kind of session and job that can run in the lab, by the real programs, from the
//! packet that was sent back to who began it.

use std::fs;
use std::time::Duration;

use anyhow::Context;
use anyhow::ensure;
use history::Body;
use history::Evidence;
use history::Login;
use history::OperationKind;
use history::Process;
use tests::lab::INSTANCE_PUBLIC;
use tests::lab::Lab;
use tests::lab::VICTIM;
use tests::lab::output_within;
use tests::lab::wait_until;

use super::recorder::COMMAND_MAX;
use super::recorder::Recording;
use super::recorder::chain;
use super::recorder::shell;

/// A line for bash that sends one UDP packet.
pub(super) fn packet_to(port: u16) -> String {
    format!("echo x > /dev/udp/{VICTIM}/{port}")
}

/// Waits until the ring holds a login.
pub(super) fn wait_for_login(
    recording: &Recording,
    what: &str,
    is_it: impl Fn(&Login) -> bool,
) -> anyhow::Result<()> {
    let ring = recording.ring();
    wait_until(what, Duration::from_secs(30), || {
        let found = |body: &Body| matches!(body, Body::Login(login) if is_it(login));
        history::events(&ring).is_ok_and(|events| events.iter().any(|event| found(&event.body)))
    })
}

/// Waits until the ring holds a flow to a port.
pub(super) fn wait_for_packet(recording: &Recording, port: u16) -> anyhow::Result<()> {
    let ring = recording.ring();
    wait_until(&format!("the packet to port {port}"), Duration::from_secs(60), || {
        let found = |body: &Body| matches!(body, Body::Flow(flow) if flow.remote.port == port);
        history::events(&ring).is_ok_and(|events| events.iter().any(|event| found(&event.body)))
    })
}

/// The process that sent to a port.
pub(super) fn sender(evidence: &Evidence, port: u16) -> &Process {
    let activity = evidence.activities.iter().find(|activity| activity.port_ranges == [(port, port)]);
    let process = activity.and_then(|activity| activity.process);
    let found = evidence.processes.iter().find(|process_| Some(process_.id) == process);
    found.unwrap_or_else(|| panic!("nobody sent to {port}:\n{}", history::text(evidence)))
}

/// The accepted logins above a process, nearest first.
pub(super) fn logins<'a>(evidence: &'a Evidence, of: &'a Process) -> Vec<&'a Login> {
    let mut found = Vec::new();
    for process in chain(evidence, of) {
        let here =
            evidence.logins.iter().map(|event| &event.login).filter(|login| {
                login.accepted && login.process.is_some_and(|id| id.same_process(&process.id))
            });
        for login in here {
            if !found.contains(&login) {
                found.push(login);
            }
        }
    }
    found
}

/// Sets a password, for this lab only.
pub(super) fn set_password(lab: &Lab, user: &str, password: &str) -> anyhow::Result<()> {
    shell(lab, &format!("echo {user}:{password} | chpasswd"))
}

#[test]
fn guessed_passwords_are_counted_and_the_one_that_fits_is_joined() -> anyhow::Result<()> {
    let lab = Lab::up()?;
    set_password(&lab, "bob", "tr0ub4dor")?;
    let mut recording = Recording::begin_in(lab)?;
    let words = recording.lab.dir().join("words");
    fs::write(&words, "123456\npassword\nletmein\nqwerty\ntr0ub4dor\nnever\n")?;
    let mut hydra = recording.lab.laptop().command("hydra")?;
    hydra.env("HOME", "/tmp").args(["-I", "-t", "1", "-f", "-l", "bob", "-P"]).arg(&words);
    hydra.arg(format!("ssh://{INSTANCE_PUBLIC}")).current_dir(recording.lab.dir());
    let output = output_within("hydra", &mut hydra, COMMAND_MAX)?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(said.contains("password: tr0ub4dor"), "{output:?}");
    wait_for_login(&recording, "bob's login", |login| login.user == "bob" && login.accepted)?;
    let evidence = recording.evidence()?;
    let of_bob: Vec<_> = evidence.logins.iter().filter(|event| event.login.user == "bob").collect();
    let (accepted, failed): (Vec<_>, Vec<_>) = of_bob.into_iter().partition(|event| event.login.accepted);
    assert_eq!(failed.len(), 4, "{failed:#?}");
    assert!(failed.iter().all(|event| event.login.method == "password" && event.login.process.is_some()));
    assert_eq!(accepted.len(), 1, "{accepted:#?}");
    assert!(accepted[0].login.process.is_some(), "{accepted:#?}");
    Ok(())
}

#[test]
fn su_and_sudo_are_steps_that_name_who_took_them() -> anyhow::Result<()> {
    let lab = Lab::up()?;
    set_password(&lab, "bob", "tr0ub4dor")?;
    let mut recording = Recording::begin_in(lab)?;
    let login_shell = format!("bash -c '{}; true'", packet_to(7101));
    recording.alice(&format!("echo tr0ub4dor | su - bob -c \"{login_shell}\""))?;
    recording.alice(&format!("sudo -u deploy bash -c '{}; true'", packet_to(7102)))?;
    recording.alice("echo wrong | su bob -c id || true")?;
    // Bob may run nothing.
    let output = recording.lab.ssh("bob", "echo tr0ub4dor | sudo -S id", COMMAND_MAX)?;
    ensure!(!output.status.success(), "{output:?}");
    wait_for_login(&recording, "the refusal of su", |login| login.service == "su" && !login.accepted)?;
    wait_for_login(&recording, "the refusal of sudo", |login| login.service == "sudo" && !login.accepted)?;
    let ring = recording.ring();
    let evidence = recording.evidence()?;

    let as_bob = sender(&evidence, 7101);
    assert_eq!(as_bob.user.as_deref(), Some("bob"));
    let found = logins(&evidence, as_bob);
    assert_eq!(found.len(), 2, "{found:#?}");
    let (su, ssh) = (found[0], found[1]);
    assert_eq!((su.service.as_str(), su.user.as_str(), su.by.as_deref()), ("su", "bob", Some("alice")));
    assert!(su.command.as_deref().is_some_and(|command| command.contains("/dev/udp/")), "{su:?}");
    assert_eq!((ssh.service.as_str(), ssh.user.as_str()), ("sshd", "alice"));

    let found = logins(&evidence, sender(&evidence, 7102));
    assert_eq!(found.len(), 2, "{found:#?}");
    let sudo = found[0];
    assert_eq!(
        (sudo.service.as_str(), sudo.user.as_str(), sudo.by.as_deref()),
        ("sudo", "deploy", Some("alice"))
    );

    let refused = |service: &str| {
        let found = evidence.logins.iter().map(|event| &event.login);
        let found: Vec<_> = found.filter(|login| !login.accepted && login.service == service).collect();
        assert_eq!(found.len(), 1, "{found:#?}");
        found[0]
    };
    let su = refused("su");
    assert_eq!((su.user.as_str(), su.by.as_deref()), ("bob", Some("alice")));
    assert!(su.process.is_some());
    let sudo = refused("sudo");
    assert_eq!(
        (sudo.user.as_str(), sudo.by.as_deref(), sudo.command.as_deref()),
        ("root", Some("bob"), Some("/usr/bin/id"))
    );

    // The setuid program gave its process other rights as it was executed.
    let given = history::events(&ring)?.into_iter().any(|event| match event.body {
        Body::Credentials { from, to, .. } => {
            from.uid != 0 && from.euid == from.uid && to.euid == 0 && to.uid == from.uid
        }
        _ => false,
    });
    assert!(given, "no change of credentials");
    Ok(())
}

#[test]
fn forged_lines_name_nobody() -> anyhow::Result<()> {
    let mut recording = Recording::begin()?;
    let accepted = "Accepted publickey for bob from 192.0.2.99 port 1 ssh2: ED25519 SHA256:x";
    recording.alice(&format!(
        // Her own shell's pid, the one of the sshd that let her in, a free one; and a sudo that bob never called.
        "logger -p auth.info -t \"sshd[$$]\" '{accepted}'; logger -p auth.info -t \"sshd[$PPID]\" '{accepted}'; \
         logger -p auth.info -t 'sshd[4194000]' '{accepted}'; \
         logger -p auth.info -t sudo 'bob : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/nmap'; \
         logger -p auth.info -t \"su[$$]\" '(to root) bob on pts/0'; {}; true",
        packet_to(7201)
    ))?;
    // A line of its own behind the forged ones: they have been read when it has.
    recording.alice("echo wrong | su bob -c id || true")?;
    wait_for_login(&recording, "the refusal of su", |login| login.service == "su" && !login.accepted)?;
    let evidence = recording.evidence()?;
    let found = logins(&evidence, sender(&evidence, 7201));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].user, "alice");
    let bobs = evidence.logins.iter().map(|event| &event.login);
    let bobs: Vec<_> = bobs
        .filter(|login| login.accepted && (login.user == "bob" || login.by.as_deref() == Some("bob")))
        .collect();
    assert!(bobs.is_empty(), "{bobs:#?}");
    Ok(())
}

/// What packages and people put beside users' own tables.
const SYSTEM_JOBS: &str = r#"set -e
mkdir -p /etc/cron.d /etc/cron.lab /tmp/spool
cat >/etc/cron.d/lab <<'END'
@reboot deploy JOB
@reboot root cd / && run-parts --report /etc/cron.lab
@reboot root /usr/sbin/anacron -n -s -t /tmp/anacrontab -S /tmp/spool
END
cat >/etc/cron.lab/job <<'END'
#!/bin/sh
JOB
END
chmod 0755 /etc/cron.lab/job
cat >/tmp/anacrontab <<'END'
SHELL=/bin/sh
PATH=/usr/sbin:/usr/bin:/sbin:/bin
1 0 lab JOB
END
"#;

#[test]
fn jobs_of_cron_and_at_are_told_by_their_users_and_commands() -> anyhow::Result<()> {
    let mut recording = Recording::begin()?;
    // cron runs such a line when it starts, once for each boot.
    let job = format!("/bin/bash -c '{}; true'", packet_to(7301));
    shell(&recording.lab, &format!("crontab -u bob - <<'END'\n@reboot {job}\nEND"))?;
    // Jobs of the host's own tables, one through run-parts and one that catches up on what was missed.
    let table = SYSTEM_JOBS.replace("JOB", &format!("bash -c '{}; true'", "PACKET"));
    let table = (7303..=7305).fold(table, |table, port| table.replacen("PACKET", &packet_to(port), 1));
    shell(&recording.lab, &table)?;
    shell(
        &recording.lab,
        "kill $(cat /run/crond.pid) && while kill -0 $(cat /run/crond.pid); do sleep 0.1; done; \
         rm -f /run/crond.reboot && cron",
    )?;
    for port in [7301, 7303, 7304, 7305] {
        wait_for_packet(&recording, port)?;
    }
    shell(&recording.lab, "rm -f /var/spool/cron/atjobs/[!.]*; atd")?;
    recording.alice(&format!("echo \"bash -c '{}; true'\" | at now", packet_to(7302)))?;
    wait_for_packet(&recording, 7302)?;
    let evidence = recording.evidence()?;

    let found = logins(&evidence, sender(&evidence, 7301));
    assert_eq!(found.len(), 1, "{found:#?}");
    let cron = found[0];
    assert_eq!((cron.service.as_str(), cron.method.as_str(), cron.user.as_str()), ("cron", "crontab", "bob"));
    assert_eq!((cron.command.as_deref(), cron.session.as_deref()), (Some(job.as_str()), Some("bob")));

    for (port, method, user) in
        [(7303, "crontab", "deploy"), (7304, "crontab", "root"), (7305, "anacrontab", "root")]
    {
        let found = logins(&evidence, sender(&evidence, port));
        let nearest = found.first().with_context(|| format!("{port}: no job"))?;
        assert_eq!((nearest.method.as_str(), nearest.user.as_str()), (method, user), "{port}: {found:#?}");
    }
    let found = logins(&evidence, sender(&evidence, 7302));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(
        (found[0].service.as_str(), found[0].method.as_str(), found[0].user.as_str()),
        ("at", "at", "alice")
    );
    Ok(())
}

#[test]
fn sessions_and_commands_of_ssm_are_told_by_their_ids() -> anyhow::Result<()> {
    const SESSION: &str = "alice@example.com-0a1b2c3d4e5f60718";
    const COMMAND: &str = "6ffe15a8-e0fc-4f4e-9b6c-0a4c9f0b1d2e";
    let mut recording = Recording::begin()?;
    // The agent cannot be had here. Interpreters under its programs' names start what these are told to, as it does.
    let instance = recording.lab.instance();
    for program in ["ssm-agent-worker", "ssm-document-worker"] {
        instance.install("/bin/bash".as_ref(), &format!("/usr/bin/{program}"))?;
    }
    let python = fs::canonicalize("/usr/bin/python3")?;
    instance.install(&python, "/usr/bin/ssm-session-worker")?;
    let write = |name: &str, text: String| fs::write(instance.path("/tmp").join(name), text);
    write("agent", format!("cd /tmp\nssm-session-worker {SESSION}\nssm-document-worker {COMMAND}\ntrue\n"))?;
    write(
        SESSION,
        format!(
            "import os,pwd\nos.system('id >/dev/null')\nif os.fork()==0:\n os.setuid(pwd.getpwnam('deploy').pw_uid)\n \
             os.execv('/bin/bash',['sh','-c','{}; true'])\nos.wait()\n",
            packet_to(7401)
        ),
    )?;
    write(COMMAND, format!("sh -c 'bash -c \"{}; true\"; true'\ntrue\n", packet_to(7402)))?;
    shell(&recording.lab, "ssm-agent-worker /tmp/agent")?;
    let evidence = recording.evidence()?;
    for (port, method, user, id) in
        [(7401, "session-manager", "deploy", SESSION), (7402, "run-command", "root", COMMAND)]
    {
        let found = logins(&evidence, sender(&evidence, port));
        assert_eq!(found.len(), 1, "{port}: {found:#?}\n{}", history::text(&evidence));
        let login = found[0];
        assert_eq!((login.service.as_str(), login.method.as_str()), ("ssm", method));
        assert_eq!((login.user.as_str(), login.session.as_deref()), (user, Some(id)));
    }
    Ok(())
}

#[test]
fn processes_of_containers_and_units_are_known_by_their_cgroups() -> anyhow::Result<()> {
    const ID: &str = "4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e";
    let mut recording = Recording::begin()?;
    let instance = recording.lab.instance();
    let told = format!("/var/lib/docker/containers/{ID}");
    fs::create_dir_all(instance.path(&told))?;
    let said = format!(r#"{{"ID":"{ID}","Name":"/web","Config":{{"Image":"example.com/web:1"}}}}"#);
    fs::write(instance.path(&told).join("config.v2.json"), said)?;
    let run = |cgroup: &str, program: &str, arguments: &[&str]| {
        let cgroup = instance.cgroup().child(cgroup);
        cgroup.create()?;
        let mut command = instance.command(program)?;
        cgroup.join(command.args(arguments))?;
        let output = output_within(program, &mut command, COMMAND_MAX)?;
        ensure!(output.status.success(), "{output:?}");
        anyhow::Ok(())
    };
    let line = format!("{}; true", packet_to(7501));
    run(
        &format!("system.slice/docker-{ID}.scope"),
        "unshare",
        &["--mount", "--uts", "--pid", "--fork", "bash", "-c", &line],
    )?;
    run("system.slice/web.service", "bash", &["-c", &format!("{}; true", packet_to(7502))])?;
    let ring = recording.ring();
    wait_until("the container's name", Duration::from_secs(30), || {
        let named = |process: &Process| process.container.as_ref().is_some_and(|known| known.name.is_some());
        let is_it = |body: &Body| matches!(body, Body::Process(process) if named(process));
        history::events(&ring).is_ok_and(|events| events.iter().any(|event| is_it(&event.body)))
    })?;
    let evidence = recording.evidence()?;
    let inside = sender(&evidence, 7501);
    let container = inside.container.as_deref().context("no container")?;
    assert_eq!((container.runtime.as_str(), container.id.as_str()), ("docker", ID));
    assert_eq!(
        (container.name.as_deref(), container.image.as_deref()),
        (Some("web"), Some("example.com/web:1"))
    );
    let beside = sender(&evidence, 7502);
    assert_ne!(inside.namespaces.mount, beside.namespaces.mount);
    assert_ne!(inside.namespaces.pid, beside.namespaces.pid);
    let entered = evidence.operations.iter().map(|event| &event.operation);
    let mut entered = entered.filter(|operation| operation.kind == OperationKind::Namespaces);
    assert!(entered.any(|operation| operation.detail.contains("mnt ")), "{:#?}", evidence.operations);
    assert_eq!(beside.container, None);
    assert_eq!(history::unit_of(&beside.cgroup), Some("web.service"));
    Ok(())
}
