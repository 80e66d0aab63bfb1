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
        let process = self.image(tgid, parent, uid, exe, rest, cgroup);
        self.launched.executed(&process, &self.known, 0);
        self.known.insert(process, 0);
    }

    fn image(&self, tgid: u32, parent: u32, uid: u32, exe: &str, rest: &str, cgroup: &str) -> Process {
        let argv = std::iter::once(exe).chain(rest.split_whitespace()).map(str::to_owned);
        let user = match uid {
            0 => "root",
            1000 => "alice",
            _ => "bob",
        };
        Process {
            parent: self.known.by_pid(parent),
            exe: exe.to_owned(),
            argv: argv.collect(),
            credentials: Credentials { uid, euid: uid, ..Credentials::default() },
            user: Some(user.to_owned()),
            cgroup: cgroup.to_owned(),
            ..crate::testing::process(id(tgid))
        }
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
    // In a manager of his own somebody runs what he saw her ask for.
    let bobs = "user.slice/user-1001.slice/user@1001.service/app.slice/run-u1.service";
    assert_eq!(scene.unit(bobs, "/usr/bin/nmap", "-sS 198.51.100.7"), None);
    scene.run(120, 101, 1000, "/usr/bin/systemd-run", "--user nmap -sS 198.51.100.9", SESSION);
    assert_eq!(scene.unit(bobs, "/usr/bin/nmap", "-sS 198.51.100.9"), None);
    assert_eq!(scene.unit("run-u9.service", "/usr/bin/nmap", "-sS 198.51.100.9"), None);
    let alices = bobs.replace("1001", "1000");
    assert_eq!(scene.unit(&alices, "/usr/bin/nmap", "-sS 198.51.100.9"), alice);
    scene.run(
        121,
        102,
        0,
        "/usr/bin/systemd-run",
        "--user --machine=1001@.host nmap -sS 198.51.100.9",
        SESSION,
    );
    assert_eq!(scene.unit(bobs, "/usr/bin/nmap", "-sS 198.51.100.9"), alice);
}

#[test]
fn a_client_asks_once_and_of_two_alike_neither_is_preferred() {
    let mut scene = Scene::new();
    let login = Login {
        service: "sshd".to_owned(),
        user: "bob".to_owned(),
        method: "publickey".to_owned(),
        ..Login::default()
    };
    scene.run(130, 0, 0, "/usr/sbin/sshd", "", "/system.slice/ssh.service");
    scene.known.set_login(&id(130), UnixNs(0), 0, login);
    let askers = |scene: &mut Scene| {
        let tgid = 600 + scene.known.len() as u32;
        scene.run(tgid, 1, 0, "/usr/bin/nmap", "x", "/system.slice/run-u1.service");
        let told = scene.launched.due(&scene.known, 0);
        told.into_iter().map(|begun| begun.login.by.unwrap()).collect::<Vec<_>>()
    };
    scene.run(131, 102, 0, "/usr/bin/systemd-run", "nmap x", SESSION);
    assert_eq!(askers(&mut scene), ["alice"]);
    // Hers is running: this one is his.
    scene.run(132, 130, 0, "/usr/bin/systemd-run", "nmap x", SESSION);
    assert_eq!(askers(&mut scene), ["bob"]);
    scene.run(133, 102, 0, "/usr/bin/systemd-run", "nmap x", SESSION);
    scene.run(134, 130, 0, "/usr/bin/systemd-run", "nmap x", SESSION);
    assert_eq!(askers(&mut scene), ["alice", "bob"]);
    // A service asks for the same: it may be the one.
    scene.run(140, 1, 0, "/usr/bin/python3", "scheduler", "/system.slice/scheduler.service");
    scene.run(141, 140, 0, "/usr/bin/systemd-run", "nmap x", "/system.slice/scheduler.service");
    scene.run(142, 102, 0, "/usr/bin/systemd-run", "nmap x", SESSION);
    scene.run(900, 1, 0, "/usr/bin/nmap", "x", "/system.slice/run-u1.service");
    assert_eq!(scene.launched.due(&scene.known, LOGIN_LATE_NS), []);
}

#[test]
fn of_an_account_that_several_share_each_key_that_asked_is_told() {
    for (other, keys) in [("B", vec!["A", "B"]), ("A", vec!["A"])] {
        let mut scene = Scene::new();
        for (server, key) in [(130, "A"), (140, other)] {
            scene.run(server, 0, 0, "/usr/sbin/sshd", "", "/system.slice/ssh.service");
            let (user, key) = ("ubuntu".to_owned(), Some(key.to_owned()));
            scene.known.set_login(&id(server), UnixNs(0), 0, Login { user, key, ..Login::default() });
            scene.run(server + 1, server, 0, "/usr/bin/systemd-run", "nmap x", SESSION);
        }
        scene.run(600, 1, 0, "/usr/bin/nmap", "x", "/system.slice/run-u1.service");
        let told = scene.launched.due(&scene.known, 0);
        assert_eq!(told.into_iter().map(|begun| begun.login.key.unwrap()).collect::<Vec<_>>(), keys);
    }
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
fn who_had_a_program_put_into_a_container_is_told() {
    const ID: &str = "4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e";
    let mut scene = Scene::new();
    scene.run(150, 1, 0, "/usr/bin/containerd-shim-runc-v2", "", "/system.slice/containerd.service");
    let enter = |scene: &mut Scene, parent: u32, name: &str, exe: &str, rest: &str| {
        let tgid = 300 + scene.known.len() as u32;
        let mut process = scene.image(tgid, parent, 0, exe, rest, &format!("/docker/{ID}"));
        let name = Some(name.to_owned());
        process.container = Some(Box::new(Container { id: ID.to_owned(), name, ..Container::default() }));
        scene.launched.executed(&process, &scene.known, 0);
        scene.known.insert(process, 0);
        let told = scene.launched.due(&scene.known, 0);
        (tgid, told.into_iter().next().and_then(|begun| begun.login.by))
    };
    let alice = Some("alice".to_owned());
    scene.run(110, 102, 0, "/usr/bin/docker", "exec -it web bash", SESSION);
    let (shell, by) = enter(&mut scene, 150, "web", "/bin/bash", "");
    assert_eq!(by, alice);
    assert_eq!(enter(&mut scene, shell, "web", "/bin/bash", "").1, None, "what runs inside already");
    assert_eq!(enter(&mut scene, 150, "db", "/bin/bash", "").1, None, "another container");
    assert_eq!(enter(&mut scene, 150, "web", "/bin/sh", "").1, None, "another program");
    scene.run(111, 102, 0, "/usr/bin/ctr", "task exec --exec-id 1 4f5e9d1c0b2a id -u", SESSION);
    assert_eq!(enter(&mut scene, 150, "", "/usr/bin/id", "-u").1, alice);
    scene.run(112, 102, 0, "/usr/bin/podman", "run --rm example.com/tools:1 nmap 198.51.100.7", SESSION);
    assert_eq!(enter(&mut scene, 150, "", "/usr/bin/nmap", "198.51.100.7").1, alice);
    scene.run(113, 102, 0, "/usr/bin/docker", "ps -a id -g", SESSION);
    assert_eq!(enter(&mut scene, 150, "", "/usr/bin/id", "-g").1, None);
}

#[test]
fn the_first_program_of_a_container_is_whose_client_named_it_or_its_image() {
    let mut scene = Scene::new();
    scene.run(150, 1, 0, "/usr/bin/containerd-shim-runc-v2", "", "/system.slice/containerd.service");
    // Who asked for a container that begins now, and is named a moment later.
    let begins = |scene: &mut Scene, number: u64, name: &str, exe: &str, at: u64| {
        let tgid = 300 + scene.known.len() as u32;
        let container = Container { id: format!("{number:064x}"), ..Container::default() };
        // What becomes the program is in the container before.
        for exe in ["memfd:runc_cloned:/proc/self/exe", "/", "/bin/sh", exe] {
            let mut process = scene.image(tgid, 150, 0, exe, "", &format!("/docker/{}", container.id));
            if exe == "/" {
                process.argv = ["runc", "init"].map(str::to_owned).to_vec();
            }
            process.id.exec += scene.known.len() as u32;
            process.container = Some(Box::new(container.clone()));
            scene.launched.executed(&process, &scene.known, at);
            scene.known.insert(process, at);
        }
        assert_eq!(scene.launched.due(&scene.known, at), [], "it has no name yet");
        let (name, image) = (Some(name.to_owned()), Some("web:1".to_owned()));
        scene.known.name_container(&Container { name, image, ..container });
        let told = scene.launched.due(&scene.known, at);
        told.into_iter().map(|begun| begun.login.by.unwrap()).collect::<Vec<_>>()
    };
    scene.run(110, 102, 0, "/usr/bin/docker", "run -d web:1", SESSION);
    assert_eq!(begins(&mut scene, 1, "a", "/usr/bin/nginx", 0), ["alice"]);
    assert_eq!(begins(&mut scene, 2, "b", "/usr/bin/nginx", 0), [""; 0], "she asked for one");
    scene.run(111, 102, 0, "/usr/bin/docker", "start c", SESSION);
    assert_eq!(
        begins(&mut scene, 2, "c", "/usr/bin/curl", 0),
        [""; 0],
        "it runs already: a check of its health"
    );
    assert_eq!(begins(&mut scene, 3, "d", "/usr/bin/nginx", 0), [""; 0], "another");
    assert_eq!(begins(&mut scene, 4, "c", "/usr/bin/nginx", 0), ["alice"]);
    scene.run(112, 102, 0, "/usr/bin/docker", "exec f sh", SESSION);
    assert_eq!(begins(&mut scene, 4, "f", "/usr/bin/nginx", 0), ["alice"], "named when it runs already");
    scene.run(112, 102, 0, "/usr/bin/docker", "run web:1", SESSION);
    assert_eq!(begins(&mut scene, 5, "e", "/usr/bin/nginx", FETCHES_NS), [""; 0], "long after");
    scene.run(113, 102, 0, "/usr/bin/docker", "ps", SESSION);
    assert_eq!(scene.launched.unnamed.len(), 0);
    // Who uses the terminal of one that runs is told, and who names another is not.
    for (line, tells) in [("attach c", true), ("attach x", false), ("logs c", false)] {
        scene.run(114, 102, 0, "/usr/bin/docker", line, SESSION);
        let told = scene.launched.due(&scene.known, 0);
        let command = |begun: Begun| begun.login.command.unwrap();
        let expected = tells.then(|| format!("/usr/bin/docker {line}"));
        assert_eq!(told.into_iter().map(command).next(), expected);
    }
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
    assert_eq!(scene.launched.lost(), 2_000 - CLIENTS_MAX as u64);
    let login =
        Login { method: "at".to_owned(), user: "bob".to_owned(), process: Some(id(5)), ..Login::default() };
    for _ in 0..WAITING_MAX + 10 {
        scene.launched.job(&login, 0);
    }
    assert_eq!(scene.launched.waiting.len(), WAITING_MAX);
    assert!(scene.launched.waiting.iter().all(|start| start.clients.len() == 1), "they repeat each other");
    assert_eq!((scene.launched.lost(), scene.launched.lost()), (10, 0));
    assert_eq!(scene.launched.due(&scene.known, 0).len(), WAITING_MAX, "each once");
}

#[test]
fn who_may_have_asked_beyond_those_that_are_looked_at_is_counted() {
    let mut scene = Scene::new();
    for number in 0..ALIKE_MAX as u32 + 4 {
        scene.run(1_000 + number, 102, 1001, "/usr/bin/at", &format!("now + {number} minutes"), SESSION);
    }
    let login =
        Login { method: "at".to_owned(), user: "bob".to_owned(), process: Some(id(5)), ..Login::default() };
    scene.launched.job(&login, 0);
    assert_eq!(scene.launched.waiting[0].clients.len(), ALIKE_MAX);
    assert_eq!((scene.launched.lost(), scene.launched.lost()), (4, 0));
}

#[test]
fn a_client_that_is_called_again_and_again_costs_no_others_memory() {
    let mut scene = Scene::new();
    scene.run(110, 102, 0, "/usr/bin/systemd-run", "nmap -sS 198.51.100.7", SESSION);
    for tgid in 1_000..3_000 {
        let process = scene.image(tgid, 102, 0, "/usr/bin/systemd-run", "true", SESSION);
        let at = u64::from(tgid) * AT_IT_NS;
        scene.launched.executed(&process, &scene.known, at.min(REMEMBERED_NS - 1));
        scene.known.insert(process, 0);
        scene.known.end(&id(tgid), 0);
    }
    assert_eq!((scene.launched.clients.len(), scene.launched.lost()), (CLIENTS_MAX, 0));
    let alice = Some("alice".to_owned());
    assert_eq!(scene.unit("run-u2.service", "/usr/bin/nmap", "-sS 198.51.100.7"), alice);
}
