use history::BootId;
use history::Credentials;
use history::UnixNs;

use super::*;

/// Alice's session, with a shell of root's below it, and systemd beside it.
struct Scene {
    known: Processes,
    launched: Launched,
}

fn id(tgid: u32) -> ProcessId {
    ProcessId { boot: BootId(1), tgid, start_ns: tgid.into(), exec: 1 }
}

impl Scene {
    fn new() -> Self {
        let mut scene = Self { known: Processes::default(), launched: Launched::default() };
        scene.run(1, 0, 0, "/usr/lib/systemd/systemd", "", "/init.scope");
        scene.run(100, 0, 0, "/usr/sbin/sshd", "", "/system.slice/ssh.service");
        let login = Login {
            service: "sshd".to_owned(),
            user: "alice".to_owned(),
            method: "publickey".to_owned(),
            accepted: true,
            source_address: "203.0.113.7".parse().ok(),
            ..Login::default()
        };
        scene.known.set_login(&id(100), UnixNs(0), 0, login);
        scene.run(101, 100, 1000, "/bin/bash", "", "/user.slice/session-1.scope");
        scene.run(102, 101, 0, "/bin/bash", "", "/user.slice/session-1.scope");
        scene
    }

    fn run(&mut self, tgid: u32, parent: u32, uid: u32, exe: &str, rest: &str, cgroup: &str) {
        let argv = std::iter::once(exe).chain(rest.split_whitespace()).map(str::to_owned);
        let user = match uid {
            0 => "root",
            1000 => "alice",
            _ => "bob",
        };
        let process = Process {
            parent: self.known.by_pid(parent),
            exe: exe.to_owned(),
            argv: argv.collect(),
            credentials: Credentials { uid, euid: uid, ..Credentials::default() },
            user: Some(user.to_owned()),
            cgroup: cgroup.to_owned(),
            ..crate::testing::process(id(tgid))
        };
        self.launched.executed(&process, &self.known, 0);
        self.known.insert(process, 0);
    }

    /// Who asked for a unit with a command, that begins now.
    fn unit(&mut self, unit: &str, exe: &str, rest: &str) -> Option<String> {
        let tgid = 200 + self.known.len() as u32;
        self.run(tgid, 1, 0, exe, rest, &format!("/system.slice/{unit}"));
        let told = self.launched.due(&self.known, 0);
        assert!(told.iter().all(|begun| begun.login.process == Some(id(tgid)) && begun.login.is_attach()));
        told.into_iter().next().and_then(|begun| begun.login.by)
    }
}

const SESSION: &str = "/user.slice/session-1.scope";

#[test]
fn a_unit_is_told_by_who_asked_for_it() {
    let mut scene = Scene::new();
    assert_eq!(scene.unit("run-u1.service", "/usr/bin/nmap", "-sS 198.51.100.7"), None, "nobody asked");
    scene.run(110, 102, 0, "/usr/bin/systemd-run", "--unit=web --uid=33 nmap -sS 198.51.100.7", SESSION);
    let alice = Some("alice".to_owned());
    assert_eq!(scene.unit("run-u2.service", "/usr/bin/nmap", "-sS 198.51.100.7"), alice);
    assert_eq!(scene.unit("web.service", "/usr/bin/nmap", "-sS 198.51.100.7"), alice);
    assert_eq!(scene.unit("run-r0123abcd.service", "/usr/bin/nmap", "-sS 198.51.100.7"), alice);
    // Another command, another's name, and a unit that is the host's own.
    assert_eq!(scene.unit("run-u3.service", "/usr/bin/nmap", "-sS 198.51.100.8"), None);
    assert_eq!(scene.unit("run-u3.service", "/usr/bin/zmap", "-sS 198.51.100.7"), None);
    assert_eq!(scene.unit("backup.service", "/usr/bin/nmap", "-sS 198.51.100.7"), None);
    assert_eq!(scene.unit("run-parts.service", "/usr/bin/nmap", "-sS 198.51.100.7"), None);
}

#[test]
fn a_shell_that_machinectl_asks_for_is_told_and_a_listing_asks_for_none() {
    let mut scene = Scene::new();
    scene.run(110, 102, 0, "/usr/bin/machinectl", "list", SESSION);
    assert_eq!(scene.unit("container-shell@1.service", "/bin/bash", ""), None);
    scene.run(111, 102, 0, "/usr/bin/machinectl", "shell bob@", SESSION);
    let alice = Some("alice".to_owned());
    assert_eq!(scene.unit("container-shell@1.service", "/bin/bash", ""), alice);
    assert_eq!(scene.unit("container-shell@1.service", "/usr/bin/python3", "x"), None);
    scene.run(112, 102, 0, "/usr/bin/machinectl", "shell bob@ /usr/bin/id -u", SESSION);
    assert_eq!(scene.unit("container-shell@2.service", "/usr/bin/id", "-u"), alice);
    // PAM makes a session of it.
    assert_eq!(scene.unit("session-7.scope", "/usr/bin/id", "-u"), alice);
    assert_eq!(scene.unit("session-8.scope", "/usr/bin/id", "-g"), None);
}

#[test]
fn whoever_called_at_or_crontab_for_a_user_may_have_queued_his_job() {
    let mut scene = Scene::new();
    let ask = |scene: &mut Scene, method: &str, user: &str| {
        let login = Login {
            method: method.to_owned(),
            user: user.to_owned(),
            process: Some(id(500)),
            ..Login::default()
        };
        scene.launched.job(&login, 0);
        let told = scene.launched.due(&scene.known, 0);
        told.into_iter().map(|begun| (begun.login.service, begun.login.by.unwrap())).collect::<Vec<_>>()
    };
    scene.run(110, 101, 1000, "/usr/bin/at", "now", SESSION);
    scene.run(111, 102, 0, "/usr/bin/crontab", "-l", SESSION);
    assert_eq!(ask(&mut scene, "at", "alice"), [], "her own");
    assert_eq!(ask(&mut scene, "at", "bob"), []);
    assert_eq!(ask(&mut scene, "crontab", "root"), []);
    scene.run(112, 102, 1001, "/usr/bin/at", "now", SESSION);
    scene.run(113, 102, 1001, "/usr/bin/batch", "", SESSION);
    scene.run(114, 102, 0, "/usr/bin/crontab", "-u bob -", SESSION);
    let by = |service: &str| [(service.to_owned(), "alice".to_owned())];
    assert_eq!(ask(&mut scene, "at", "bob"), by("at"), "once");
    assert_eq!(ask(&mut scene, "crontab", "bob"), by("crontab"));
    assert_eq!(ask(&mut scene, "crontab", "root"), []);
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut scene = Scene::new();
    for tgid in 1_000..3_000 {
        scene.run(tgid, 102, 1001, "/usr/bin/at", "now", SESSION);
    }
    assert_eq!(scene.launched.clients.len(), CLIENTS_MAX);
    let login =
        Login { method: "at".to_owned(), user: "bob".to_owned(), process: Some(id(5)), ..Login::default() };
    for _ in 0..10 {
        scene.launched.job(&login, 0);
    }
    assert_eq!(scene.launched.waiting.len(), WAITING_MAX);
    assert_eq!(scene.launched.due(&scene.known, 0).len(), 1);
}
