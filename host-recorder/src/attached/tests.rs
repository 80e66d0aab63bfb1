use super::*;
use history::BootId;
use history::Credentials;
use history::UnixNs;

/// A keeper of alice's, forked off by a program of her session, with a shell on a terminal; bob's session beside it.
struct Scene {
    known: Processes,
    attached: Attached,
}

fn login(user: &str, source: &str) -> Login {
    Login {
        service: "sshd".to_owned(),
        user: user.to_owned(),
        method: "publickey".to_owned(),
        accepted: true,
        source_address: source.parse().ok(),
        ..Login::default()
    }
}

impl Scene {
    fn new(keeper: &str, has_terminal: bool) -> Self {
        let mut scene = Self { known: Processes::default(), attached: Attached::default() };
        for (server, user, source) in [(100, "alice", "203.0.113.7"), (200, "bob", "203.0.113.8")] {
            scene.run(server, 1, 0, &["/usr/sbin/sshd"], None);
            let id = scene.known.by_pid(server).unwrap();
            scene.known.set_login(&id, UnixNs(0), 0, login(user, source));
        }
        scene.run(101, 100, 1000, &["/bin/bash"], None);
        scene.run(201, 200, 1001, &["/bin/bash"], None);
        scene.run(110, 101, 1000, &[keeper, "-S", "/tmp/shared"], None);
        let front = scene.known.by_pid(110).unwrap();
        scene.known.fork(&front, ProcessId { tgid: 111, ..front }, UnixNs(0), 0);
        scene.known.end(&front, 0);
        let shell = scene.image(112, 111, 1000, &["/bin/bash"], Some("pts/3"));
        scene.attached.executed(&shell, &scene.known, 0, |_| Some(has_terminal));
        scene.known.insert(shell, 0);
        scene
    }

    fn image(&self, tgid: u32, parent: u32, uid: u32, argv: &[&str], tty: Option<&str>) -> Process {
        let argv: Vec<String> = argv.iter().map(|text| (*text).to_owned()).collect();
        Process {
            parent: self.known.by_pid(parent),
            exe: argv[0].clone(),
            argv,
            credentials: Credentials { uid, euid: uid, ..Credentials::default() },
            user: Some(if uid == 1000 { "alice" } else { "other" }.to_owned()),
            tty: tty.map(str::to_owned),
            ..crate::testing::process(ProcessId { boot: BootId(1), tgid, start_ns: tgid.into(), exec: 1 })
        }
    }

    fn run(&mut self, tgid: u32, parent: u32, uid: u32, argv: &[&str], tty: Option<&str>) -> Vec<Login> {
        let process = self.image(tgid, parent, uid, argv, tty);
        self.attached.executed(&process, &self.known, 0, |_| Some(true));
        self.known.insert(process, 0);
        self.attached.due(&self.known, 0).into_iter().map(|begun| begun.login).collect()
    }
}

#[test]
fn a_later_session_that_uses_a_kept_terminal_is_told_once() {
    let mut scene = Scene::new("/usr/bin/keep", false);
    // Her own session, and what runs in the terminal.
    assert_eq!(scene.run(120, 101, 1000, &["/usr/bin/keep", "list"], None), []);
    assert_eq!(scene.run(121, 112, 1000, &["/usr/bin/keep", "list"], None), []);
    // Bob's own, and one for the socket that she started hers with.
    assert_eq!(scene.run(220, 201, 1001, &["/usr/bin/keep", "new"], None), []);
    let told = scene.run(221, 201, 1001, &["/usr/bin/keep", "-S", "/tmp/shared"], Some("pts/9"));
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].by.as_deref(), told[0].user.as_str()), (Some("bob"), "alice"));
    assert_eq!(told[0].source_address, "203.0.113.8".parse().ok());
    assert_eq!(told[0].process.unwrap().tgid, 111);
    assert_eq!(told[0].command.as_deref(), Some("/usr/bin/keep -S /tmp/shared"));
    assert_eq!(scene.run(222, 201, 1001, &["/usr/bin/keep", "-S", "/tmp/shared"], None), []);
}

#[test]
fn whoever_became_that_user_or_names_him_is_told() {
    let mut scene = Scene::new("/usr/bin/keep", false);
    assert_eq!(scene.run(220, 201, 1000, &["/usr/bin/keep", "send", "x"], None).len(), 1);
    let mut scene = Scene::new("/usr/bin/keep", false);
    assert_eq!(scene.run(220, 201, 0, &["/usr/bin/keep", "new"], None), [], "root's own");
    assert_eq!(scene.run(221, 201, 0, &["/usr/bin/keep", "-x", "alice/work"], None).len(), 1);
}

#[test]
fn a_login_may_be_told_after_its_programs() {
    let mut scene = Scene::new("/usr/bin/keep", false);
    scene.run(300, 1, 0, &["/usr/sbin/sshd"], None);
    scene.run(301, 300, 1000, &["/bin/bash"], None);
    assert_eq!(scene.run(302, 301, 1000, &["/usr/bin/keep", "list"], None), []);
    let server = scene.known.by_pid(300).unwrap();
    scene.known.set_login(&server, UnixNs(0), 0, login("alice", "203.0.113.9"));
    assert_eq!(scene.attached.due(&scene.known, 1).len(), 1);
    // A server of logins keeps terminals of its sessions, and is told of by their logins.
    let mut scene = Scene::new("/usr/bin/keep", false);
    let keeper = scene.known.by_pid(111).unwrap();
    scene.known.set_login(&keeper, UnixNs(0), 0, login("alice", "203.0.113.9"));
    assert_eq!(scene.run(220, 201, 1000, &["/usr/bin/keep"], None), []);
    // What no session began is nobody's use.
    let mut scene = Scene::new("/usr/bin/keep", false);
    assert_eq!(scene.run(400, 1, 1000, &["/usr/bin/keep", "list"], None), []);
    assert_eq!(scene.attached.due(&scene.known, LOGIN_LATE_NS).len(), 0);
    assert!(scene.attached.waiting.is_empty());
}

#[test]
fn what_keeps_no_terminal_is_no_keeper() {
    let mut scene = Scene::new("/usr/bin/keep", true);
    assert_eq!(scene.run(220, 201, 1000, &["/usr/bin/keep"], None), [], "it has a terminal itself");
    let mut scene = Scene::new("/usr/bin/python3", false);
    assert_eq!(scene.run(220, 201, 1000, &["/usr/bin/python3"], None), [], "another script");
    let mut scene = Scene::new("/usr/bin/keep", false);
    let keeper = scene.known.by_pid(111).unwrap();
    scene.known.end(&keeper, 1);
    assert_eq!(scene.run(220, 201, 1000, &["/usr/bin/keep"], None), [], "it has ended");
    scene.attached.forget(&scene.known);
    assert!(scene.attached.keepers.is_empty());
}

#[test]
fn what_is_let_go_is_counted() {
    let mut scene = Scene::new("/usr/bin/keep", false);
    // No login is known of these yet.
    scene.run(300, 1, 0, &["/usr/sbin/sshd"], None);
    scene.run(301, 300, 1000, &["/bin/bash"], None);
    let uses = |scene: &mut Scene, count: u32| {
        for tgid in (1_000..).take(count as usize) {
            let process = scene.image(tgid, 301, 1000, &["/usr/bin/keep", "list"], None);
            scene.attached.executed(&process, &scene.known, 0, |_| Some(true));
        }
    };
    uses(&mut scene, WAITING_MAX as u32 + 7);
    assert_eq!((scene.attached.waiting.len(), scene.attached.lost()), (WAITING_MAX, 7));
    assert_eq!(scene.attached.due(&scene.known, LOGIN_LATE_NS).len(), 0);
    assert_eq!(scene.attached.lost(), 0, "no session of anybody's");
    // Sessions that were told of are remembered; one more is not told.
    let id = |tgid: u32| ProcessId { boot: BootId(1), tgid, start_ns: 1, exec: 1 };
    let keeper = scene.known.by_pid(111).unwrap();
    scene.attached.told = (0..TOLD_MAX as u32).map(|tgid| (keeper, id(10_000 + tgid))).collect();
    assert_eq!(scene.run(220, 201, 1000, &["/usr/bin/keep", "send", "x"], None), []);
    assert_eq!(scene.attached.lost(), 1);
    // Keepers that have ended make room, and others do not.
    let fill = |scene: &mut Scene, of: ProcessId| {
        scene.attached.keepers = HashMap::from([("/usr/bin/other".to_owned(), vec![of; KEEPERS_MAX])]);
        scene.attached.count = KEEPERS_MAX;
        let shell = scene.image(113, 111, 1000, &["/bin/bash"], Some("pts/4"));
        scene.attached.executed(&shell, &scene.known, 0, |_| Some(false));
        (scene.attached.lost(), scene.attached.keepers.contains_key("/usr/bin/keep"))
    };
    assert_eq!(fill(&mut scene, keeper), (1, false));
    assert_eq!(fill(&mut scene, id(9)), (0, true));
}
