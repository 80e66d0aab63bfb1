//! Whose name a process has where somebody had a hand in it: namespaces, containers and roots with names of their own, a
//! login user that root made up, servers and jobs that another started, and accounts that several share.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use anyhow::ensure;
use history::Body;
use history::Evidence;
use history::Process;
use serde_json::Value;
use tests::lab::INSTANCE_PUBLIC;
use tests::lab::LAPTOP;
use tests::lab::Lab;
use tests::lab::VICTIM;
use tests::lab::output_within;
use tests::lab::wait_until;

use super::paths::ssh;
use super::recorder::COMMAND_MAX;
use super::recorder::Recording;
use super::recorder::chain;
use super::recorder::shell;
use super::servers::check;
use super::ways::beside;
use super::ways::judged;
use super::ways::laptop;
use super::who::logins;
use super::who::sender;
use super::who::set_password;
use super::who::wait_for_packet;

/// Sends one packet to the port that it is given, of an address of that port's own, and stays for so many seconds.
const SEND: &str = "echo x > /dev/udp/NEAR.$((100 + $1 % 100))/$1\nsleep ${2:-0}\n";

pub(super) fn write_send(lab: &Lab) -> anyhow::Result<()> {
    let near = VICTIM.to_string();
    let near = near.trim_end_matches(|c| c != '.').trim_end_matches('.');
    fs::write(lab.instance().path("/tmp/send"), SEND.replace("NEAR", near))?;
    Ok(())
}

const ID: &str = "5b5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e";

/// Where alice and bob have changed their names, and a root directory in which they have.
const RENAMED: &str = "set -e
sed 's/^alice:/x:/; s/^bob:/alice:/; s/^x:/bob:/' /etc/passwd >/tmp/passwd
unshare -Urm bash -c 'mount --bind /tmp/passwd /etc/passwd; bash /tmp/send 7901'
mkdir /tmp/root
sudo mount --rbind / /tmp/root
sudo mount --bind /tmp/passwd /tmp/root/etc/passwd
sudo chroot --userspec=$(id -u) /tmp/root bash /tmp/send 7902
bash /tmp/send 7903
sudo sh -c 'mkdir -p GROUP; echo $$ >GROUP/cgroup.procs
    exec unshare -m sh -c \"mount --bind /tmp/passwd /etc/passwd; exec setpriv --reuid $SUDO_UID bash /tmp/send 7904 1\"'
sudo sh -c 'mkdir -p GROUP; echo $$ >GROUP/cgroup.procs; mkfifo /tmp/pipe
    exec unshare -m sh -c \"mount --bind /tmp/pipe /etc/passwd; exec bash /tmp/send 7905\"'
sudo sh -c \"echo $(id -u bob) >/proc/self/loginuid; exec bash /tmp/send 7906\"
";

/// Holds the names of who sent in [`RENAMED`] against who they are.
fn check_renamed(recording: &Recording, evidence: &Evidence) -> anyhow::Result<()> {
    let users = |port: u16| {
        let process = sender(evidence, port);
        (process.user.as_deref(), process.login_user.as_deref())
    };
    for port in [7901, 7902, 7903] {
        assert_eq!(users(port), (Some("alice"), Some("alice")), "{port}: {}", history::text(evidence));
    }
    // Within a container its own names count, but not for who logged in to the host.
    assert_eq!(users(7904), (Some("bob"), Some("alice")));
    assert_eq!(sender(evidence, 7904).container.as_ref().map(|it| it.id.as_str()), Some(ID));
    assert_eq!(users(7905), (Some("root"), Some("alice")));
    assert_eq!(users(7906), (Some("root"), Some("bob")), "what root told the kernel");
    for (port, doubt) in [(7901, None), (7902, None), (7906, Some("changed to bob on the way"))] {
        let report = judged(recording, evidence, port)?;
        let shown = || format!("{port}: {report:#}\n{}", history::text(evidence));
        assert_eq!(report["facts"]["person"], "alice", "{}", shown());
        assert!(doubt.is_none_or(|doubt| report.to_string().contains(doubt)), "{}", shown());
    }
    Ok(())
}

/// What alice starts by hand: a server of logins that sets no login user, and a job for another user.
const STARTED: &str = "set -e
cd /etc/ssh
sed 's/^UsePAM yes/UsePAM no/' sshd_config >/tmp/own_config
printf 'Port 2225\\nPidFile none\\n' >>/tmp/own_config
sudo /usr/sbin/sshd -f /tmp/own_config
cd /tmp; echo 'bash /tmp/send 7912' | sudo -u bob at now
";

#[test]
fn nobody_has_another_s_name_by_what_somebody_had_a_hand_in() -> anyhow::Result<()> {
    let lab = Lab::up()?;
    write_send(&lab)?;
    // An account without a password is locked where PAM does not say otherwise.
    set_password(&lab, "bob", "tr0ub4dor")?;
    // Two people share an account, each with a key of his own. Whoever telnetd lets in comes by login, too.
    shell(
        &lab,
        &format!(
            "cat ~alice/.ssh/authorized_keys >>~deploy/.ssh/authorized_keys; rm -f /var/spool/cron/atjobs/[!.]*; atd
            setsid socat TCP-LISTEN:2326,fork,reuseaddr EXEC:'login -h {LAPTOP} -f bob',pty,setsid,ctty,stderr \
            </dev/null >/dev/null 2>&1 &"
        ),
    )?;
    let mut recording = Recording::begin_in(lab)?;
    let group = recording.lab.instance().cgroup().path().join(format!("docker/{ID}")).display().to_string();
    fs::write(recording.lab.instance().path("/tmp/script"), RENAMED.replace("GROUP", &group))?;
    recording.alice("bash -x /tmp/script 2>&1")?;
    let lab = &recording.lab;
    fs::write(lab.instance().path("/tmp/script"), STARTED)?;
    recording.alice("bash -x /tmp/script 2>&1")?;
    let keys = lab.dir().join("keys");
    let key = |user: &str| format!("{}/{user}", keys.display());
    let by_key = |port: u16, user: &str, of: &str, line: &str| {
        let mut command = ssh(lab, port, user, &["-i", &key(of)])?;
        command.arg(line);
        anyhow::Ok(command)
    };
    let mut bob = by_key(2225, "bob", "bob", "bash /tmp/send 7911")?;
    let output = output_within("ssh to a server by hand", &mut bob, COMMAND_MAX)?;
    ensure!(output.status.success(), "{output:?}");
    wait_for_packet(&recording, 7912)?;
    let waits = "until [ -e /tmp/go ]; do sleep 0.1; done; bash /tmp/send 7913";
    let mut first = by_key(22, "deploy", "deploy", waits)?.stdout(Stdio::null()).spawn()?;
    let mut second = by_key(22, "deploy", "alice", "bash /tmp/send 7914; touch /tmp/go")?;
    let output = output_within("the second key", &mut second, COMMAND_MAX)?;
    ensure!(output.status.success() && first.wait()?.success(), "{output:?}");
    let line = format!("echo 'bash /tmp/send 7915; exit' | socat -,ignoreeof TCP:{INSTANCE_PUBLIC}:2326");
    laptop(lab, "a login over the network", &line)?;
    wait_for_packet(&recording, 7915)?;
    let evidence = recording.evidence()?;
    check_renamed(&recording, &evidence)?;
    let facts = |port: u16| -> anyhow::Result<(Value, String)> {
        let report = judged(&recording, &evidence, port)?;
        let shown = format!("{port}: {report:#}\n{}", history::text(&evidence));
        Ok((report["facts"].clone(), shown))
    };

    let (own, shown) = facts(7911)?;
    assert_eq!((&own["person"], &own["entry"]), (&"bob".into(), &"login".into()), "{shown}");
    let (job, shown) = facts(7912)?;
    assert_eq!(job["entry"], "cron", "{shown}");
    assert!(shown.contains("alice, logged in from 203.0.113.7, called at"), "{shown}");
    assert_ne!(job["confidence"], "high", "{shown}");
    let keys: Vec<String> = [7913, 7914]
        .map(|port| logins(&evidence, sender(&evidence, port))[0].key.clone().unwrap_or_default())
        .to_vec();
    for (told, of) in keys.iter().zip(["deploy", "alice"]) {
        let fingerprint = output_within(
            "ssh-keygen",
            std::process::Command::new("ssh-keygen").args(["-lf", &format!("{}.pub", key(of))]),
            COMMAND_MAX,
        )?;
        let fingerprint = String::from_utf8(fingerprint.stdout)?;
        let sum = fingerprint.split(' ').nth(1).context("no fingerprint")?;
        assert!(told.ends_with(sum), "{told} is not {of}'s: {fingerprint}");
    }
    let remote = logins(&evidence, sender(&evidence, 7915));
    assert_eq!(remote.len(), 1, "{remote:#?}");
    assert_eq!((remote[0].user.as_str(), remote[0].source_address), ("bob", Some(IpAddr::V4(LAPTOP))));
    let (remote, shown) = facts(7915)?;
    assert_eq!((&remote["person"], &remote["entry"]), (&"bob".into(), &"login".into()), "{shown}");
    Ok(())
}

/// containerd in a cgroup tree of its own, an image that holds busybox, and two containers of it, one after the other,
/// under one name.
const CONTAINERD: &str = r#"set -e
umount -R /sys/fs/cgroup; mount -t tmpfs lab /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup
mkdir -p /tmp/c/layer/bin /tmp/c/image; cd /tmp/c
printf 'version = 2\nroot = "/tmp/c/root"\nstate = "/run/containerd"\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n' >config.toml
containerd --config config.toml >containerd.log 2>&1 &
cp /bin/busybox layer/bin/; ln -s busybox layer/bin/sh; tar -C layer -cf image/layer.tar .
printf '{"architecture":"%s","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
    "$(dpkg --print-architecture)" "$(sha256sum <image/layer.tar | cut -c1-64)" >image/config.json
for tag in one two; do
    printf '[{"Config":"config.json","RepoTags":["example.com/%s:1"],"Layers":["layer.tar"]}]' $tag >image/manifest.json
    tar -C image -cf $tag.tar config.json manifest.json layer.tar
done
until ctr version >/dev/null 2>&1; do sleep 0.1; done
ctr image import one.tar; ctr image import two.tar
run() { # image, port
    ctr run --detach --cpu-shares 0 --net-host example.com/$1:1 web.1 /bin/sh -c "busybox nc -w 1 VICTIM $2 </dev/null; busybox sleep 600"
    until [ -e /tmp/named.$2 ]; do sleep 0.1; done
    ctr task kill --signal 9 web.1
    until ctr task delete web.1; do sleep 0.1; done
    ctr container delete web.1
}
run one 7921
run two 7922
"#;

#[test]
fn a_container_of_any_client_of_containerd_has_its_name_and_image() -> anyhow::Result<()> {
    let mut recording = Recording::begin()?;
    let instance = recording.lab.instance();
    let cgroup = instance.cgroup().child("machine");
    cgroup.create()?;
    let mut command = instance.command("unshare")?;
    command.args(["--mount", "--cgroup", "bash", "-c", &CONTAINERD.replace("VICTIM", &VICTIM.to_string())]);
    cgroup.join(&mut command)?;
    let child = recording.lab.spawn_daemon("containerd", command)?;
    recording.lab.keep(child);
    let instance = recording.lab.instance();
    let log = || {
        let said = |path: std::path::PathBuf| fs::read_to_string(path).unwrap_or_default();
        said(recording.lab.dir().join("containerd.log")) + &said(instance.path("/tmp/c/containerd.log"))
    };
    let ring = recording.ring();
    for (port, image) in [(7921, "example.com/one:1"), (7922, "example.com/two:1")] {
        let is_named = |process: &Process| {
            process.container.as_ref().is_some_and(|known| known.image.as_deref() == Some(image))
        };
        wait_until(&format!("the name of {image}"), Duration::from_secs(40), || {
            let found = |body: &Body| matches!(body, Body::Process(process) if is_named(process));
            history::events(&ring).is_ok_and(|events| events.iter().any(|event| found(&event.body)))
        })
        .with_context(log)?;
        wait_for_packet(&recording, port)?;
        if port == 7922 {
            let inside = format!("busybox nc -w 1 {} 7923 </dev/null; busybox true", beside(7923));
            recording.alice(&format!("sudo ctr task exec --exec-id 1 web.1 /bin/sh -c '{inside}'"))?;
            // The runtime below, by hand.
            let inside = format!("busybox nc -w 1 {} 7924 </dev/null; busybox true", beside(7924));
            recording.alice(&format!(
                "sudo nsenter -t $(pgrep -of '^containerd --config') -m -C \
                runc --root /run/containerd/runc/default exec web.1 /bin/sh -c '{inside}'"
            ))?;
        }
        fs::write(instance.path(format!("/tmp/named.{port}")), "")?;
    }
    let evidence = recording.evidence()?;
    let mut ids = Vec::new();
    for (port, image) in [(7921, "example.com/one:1"), (7922, "example.com/two:1")] {
        let process = sender(&evidence, port);
        let known =
            process.container.as_deref().with_context(|| format!("{port}: no container: {process:#?}"))?;
        assert_eq!((known.runtime.as_str(), known.name.as_deref()), ("containerd", Some("web.1")));
        assert_eq!(known.image.as_deref(), Some(image), "{port}");
        ids.push(known.id.clone());
    }
    assert!(ids[0] != ids[1] && ids.iter().all(|id| id.starts_with("default/web.1@")), "{ids:?}");
    // Who entered it from outside did what that program does, and the container's own work is nobody's.
    let report = judged(&recording, &evidence, 7923)?;
    let shown = || format!("{report:#}\n{}", history::text(&evidence));
    let facts = &report["facts"];
    assert_eq!((&facts["person"], &facts["entry"]), (&"alice".into(), &"container".into()), "{}", shown());
    assert!(report.to_string().contains("alice, logged in from 203.0.113.7, called ctr"), "{}", shown());
    check(&recording, &evidence, &[(7924, "alice by container")])?;
    assert_eq!(sender(&evidence, 7923).container.as_ref().map(|known| &known.id), Some(&ids[1]));
    Ok(())
}

/// systemd as the first process of a pid namespace, with D-Bus, logins and machines as Debian ships them, and nothing of
/// what this machine would start beside.
const SYSTEMD: &str = r#"
mount --bind / / && mount -o remount,bind,ro /
mount -t proc proc /proc && mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys
mount -t tmpfs -o mode=0755 lab /run && mount -t tmpfs -o mode=1777 lab /tmp && mount -t tmpfs lab /var/log
umount -R /sys/fs/cgroup && mount -t tmpfs lab /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup
mkdir -p /run/units /run/none /run/user
for generators in system-generators system-environment-generators user-generators user-environment-generators; do
    [ ! -d /usr/lib/systemd/$generators ] || mount --bind /run/none /usr/lib/systemd/$generators
done
cd /usr/lib/systemd/system
cp dbus.service dbus.socket systemd-logind.service systemd-machined.service user@.service user-runtime-dir@.service \
    rc-local.service /run/units
cd /run/units
# What these units may not do is no matter here, and some of it this place does not allow.
sed -i -E '/^(Private|Protect|Restrict|SystemCall|Device|Capability|ReadWrite|IPAddress|Lock|MemoryDeny|NoNew)/d' *.service
for unit in *; do
    mkdir $unit.d; printf '[Unit]\nDefaultDependencies=no\n' >$unit.d/lab.conf
done
for target in sysinit basic shutdown paths sockets timers; do
    printf '[Unit]\nDefaultDependencies=no\n' >$target.target
done
services='dbus.service systemd-logind.service systemd-machined.service'
printf '[Unit]\nDefaultDependencies=no\nWants=web.service rc-local.service %s\nAfter=%s\n' "$services" "$services" >lab.target
printf '[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/bin/bash /usr/local/bin/web\n' >web.service
exec env -i container=lab PATH="$PATH" SYSTEMD_UNIT_PATH=/run/units:/run/systemd/transient \
    /usr/lib/systemd/systemd --system --unit=lab.target --log-target=console
"#;

/// What people have systemd start, inside: each line ends with who sends to which port.
const ASKED: &str = "set -e
inside() { sudo nsenter -t $(pgrep -of '^/usr/lib/systemd/systemd --system --unit=lab.target') -m -p -i -C -r -w \"$@\"; }
until inside systemctl is-active --quiet lab.target; do sleep 0.1; done
inside systemd-run --quiet --wait bash /usr/local/bin/send 7931
inside machinectl --quiet shell deploy@.host /bin/bash /usr/local/bin/send 7932 </dev/null
inside loginctl enable-linger deploy || { inside systemctl status systemd-logind; exit 1; }
inside systemd-run --quiet --wait --user --machine=deploy@.host bash /usr/local/bin/send 7933
soon='--on-active=1 --timer-property=AccuracySec=100ms'
inside systemd-run --quiet --user --machine=deploy@.host $soon bash /usr/local/bin/send 7936
inside systemd-run --quiet $soon bash /usr/local/bin/send 7939
sudo -u deploy sh -c 'mkdir -p ~deploy/.config/systemd/user; cd ~deploy/.config/systemd/user
printf \"[Path]\\nPathChanged=/home/deploy/go\\n\" >job.path
printf \"[Service]\\nExecStart=/bin/bash /usr/local/bin/send 7937 1\\n\" >job.service'
inside systemctl --user --machine=deploy@.host daemon-reload
inside systemctl --user --machine=deploy@.host start job.path
sudo touch /home/deploy/go
inside sh -c 'printf \"[Service]\\nExecStart=/bin/bash /usr/local/bin/send 7938 1\\n\" >/run/units/late.service'
inside systemctl daemon-reload
inside systemctl start late.service
";

#[test]
fn who_had_a_service_manager_start_something_is_told() -> anyhow::Result<()> {
    let mut recording = Recording::begin()?;
    write_send(&recording.lab)?;
    let instance = recording.lab.instance();
    fs::copy(instance.path("/tmp/send"), instance.path("/usr/local/bin/send"))?;
    // A service that starts a unit of its own through systemd, as a scheduler does.
    let web = "bash /usr/local/bin/send 7934; systemd-run --quiet --unit=job bash /usr/local/bin/send 7935";
    fs::write(instance.path("/usr/local/bin/web"), format!("{web}; sleep 60\n"))?;
    // What a boot runs last, and leaves running.
    fs::write(instance.path("/etc/rc.local"), "#!/bin/sh\nbash /usr/local/bin/send 7940 1 &\n")?;
    fs::set_permissions(instance.path("/etc/rc.local"), fs::Permissions::from_mode(0o755))?;
    let cgroup = instance.cgroup().child("machine");
    cgroup.create()?;
    let mut systemd = instance.command("unshare")?;
    systemd.args(["--pid", "--mount", "--ipc", "--cgroup", "--fork", "--kill-child", "sh", "-euc", SYSTEMD]);
    cgroup.join(&mut systemd)?;
    let child = recording.lab.spawn_daemon("systemd", systemd)?;
    recording.lab.keep(child);
    let log = recording.lab.dir().join("systemd.log");
    let said = || fs::read_to_string(&log).unwrap_or_default();
    fs::write(recording.lab.instance().path("/tmp/script"), ASKED)?;
    recording.alice("bash -x /tmp/script 2>&1").with_context(said)?;
    for port in 7931..=7940 {
        wait_for_packet(&recording, port).with_context(said)?;
    }
    let evidence = recording.evidence()?;
    for (port, user, client) in [
        (7931, "root", "systemd-run"),
        (7932, "deploy", "machinectl"),
        (7933, "deploy", "systemd-run"),
        (7936, "deploy", "systemd-run"),
        (7939, "root", "systemd-run"),
    ] {
        assert_eq!(sender(&evidence, port).user.as_deref(), Some(user), "{port}");
        let report = judged(&recording, &evidence, port)?;
        let shown = || format!("{port}: {report:#}\n{}", history::text(&evidence));
        assert_eq!(report["facts"]["person"], "alice", "{}", shown());
        assert_eq!(report["facts"]["entry"], "unit", "{}", shown());
        let said = format!("alice, logged in from 203.0.113.7, called {client}");
        assert!(report.to_string().contains(&said), "{}", shown());
    }
    // A path of a user's own manager is that user's; who started a unit of a file is not told.
    check(&recording, &evidence, &[(7937, "deploy by unit"), (7938, "- by unit"), (7940, "- by unit")])?;
    for (port, unit) in [(7934, "web.service"), (7935, "job.service"), (7940, "rc-local.service")] {
        let process = sender(&evidence, port);
        assert_eq!(history::unit_of(&process.cgroup), Some(unit), "{}", process.cgroup);
        assert_eq!(process.container, None);
        assert_eq!(logins(&evidence, process), [] as [&history::Login; 0], "no session asked for it");
        let systemd = |process: &&Process| process.exe.ends_with("/systemd");
        assert!(chain(&evidence, process).iter().any(systemd), "{}", history::text(&evidence));
    }
    Ok(())
}
