//! Steps from one user to another that are not su or sudo alone: through polkit, through a login of the host to itself,
//! through `login`, and several after each other. The person is who came in, not whom they became.

use history::Evidence;

use tests::lab::Lab;

use super::names::write_send;
use super::recorder::Recording;
use super::recorder::shell;
use super::servers::check;
use super::who::logins;
use super::who::sender;
use super::who::set_password;
use super::who::wait_for_packet;

const PASSWORD: &str = "tr0ub4dor";

/// The system's bus and polkit, which lets alice do what she asks for; and a service that the bus starts.
const POLKIT: &str = "set -e
mkdir -p /run/dbus /etc/polkit-1/rules.d
cat >/etc/polkit-1/rules.d/10-lab.rules <<'END'
polkit.addRule(function(action, subject) { if (subject.user == \"alice\") { return polkit.Result.YES; } });
END
chown -R polkitd /etc/polkit-1/rules.d
cat >/usr/share/dbus-1/system-services/com.example.Job.service <<'END'
[D-BUS Service]
Name=com.example.Job
Exec=/bin/bash /tmp/send 8605
User=deploy
END
cat >/etc/dbus-1/system.d/com.example.Job.conf <<'END'
<busconfig><policy context=\"default\"><allow own=\"com.example.Job\"/><allow send_destination=\"com.example.Job\"/>
</policy></busconfig>
END
dbus-daemon --system --fork
setsid /usr/lib/polkit-1/polkitd --no-debug </dev/null >/dev/null 2>&1 &
until dbus-send --system --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.GetNameOwner \
    string:org.freedesktop.PolicyKit1 >/dev/null 2>&1; do sleep 0.1; done
";

/// What alice types.
const TYPED: &str = "
pkexec bash /tmp/send 8601
pkexec --user deploy bash /tmp/send 8602
echo PASSWORD | su - bob -c 'echo PASSWORD | su - deploy -c \"bash /tmp/send 8603\"'
sudo -i bash -c 'su - deploy -c \"bash /tmp/send 8604\"'
dbus-send --system --dest=com.example.Job / com.example.Job.Do
echo 'bash /tmp/send 8606' | newgrp games
(echo 'bash /tmp/send 8607; touch /tmp/typed; exit'; until [ -e /tmp/typed ]; do sleep 0.1; done) |
    script -qec 'sudo login -f bob' /dev/null
ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/own
sudo tee -a ~bob/.ssh/authorized_keys <~/.ssh/own.pub >/dev/null
O='-F /dev/null -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o IdentitiesOnly=yes'
ssh $O -i ~/.ssh/own bob@127.0.0.1 'bash /tmp/send 8608'
ssh $O -i ~/.ssh/own bob@10.0.1.10 'bash /tmp/send 8609'
(exec pkexec bash -c 'bash /tmp/send 8610; true')
";

/// The steps from whoever sent to a port up to the login: service, for whom, by whom.
fn steps(evidence: &Evidence, port: u16) -> String {
    let found = logins(evidence, sender(evidence, port));
    let step = |login: &&history::Login| match &login.by {
        Some(by) => format!("{} {} by {by}", login.service, login.user),
        None => format!("{} {}", login.service, login.user),
    };
    found.iter().map(step).collect::<Vec<_>>().join(", ")
}

#[test]
fn steps_to_another_user_are_who_came_in() -> anyhow::Result<()> {
    let lab = Lab::up()?;
    write_send(&lab)?;
    for user in ["bob", "deploy"] {
        set_password(&lab, user, PASSWORD)?;
    }
    shell(&lab, "usermod -aG games alice")?;
    shell(&lab, POLKIT)?;
    let mut recording = Recording::begin_in(lab)?;
    let script = TYPED.replace("PASSWORD", PASSWORD);
    std::fs::write(recording.lab.instance().path("/tmp/script"), script)?;
    recording.alice("bash -x /tmp/script 2>&1")?;
    wait_for_packet(&recording, 8605)?;
    let evidence = recording.evidence()?;
    let alice = "alice by login sshd alice publickey 203.0.113.7";
    check(
        &recording,
        &evidence,
        &[
            (8601, alice),
            (8602, alice),
            (8603, alice),
            (8604, alice),
            // Who asked for what a bus starts is not known.
            (8605, "- by unknown"),
            (8606, alice),
            (8607, alice),
            (8608, "alice by login sshd bob publickey 127.0.0.1"),
            (8609, "alice by login sshd bob publickey 10.0.1.10"),
            (8610, alice),
        ],
    )?;
    for (port, so) in [
        (8601, "pkexec root by alice, sshd alice"),
        (8602, "pkexec deploy by alice, sshd alice"),
        (8603, "su deploy by bob, su bob by alice, sshd alice"),
        (8604, "su deploy by root, sudo root by alice, sshd alice"),
        (8606, "sshd alice"),
        (8607, "login bob by root, sudo root by alice, sshd alice"),
        (8610, "pkexec root by alice, sshd alice"),
    ] {
        assert_eq!(steps(&evidence, port), so, "{port}: {}", history::text(&evidence));
    }
    Ok(())
}
