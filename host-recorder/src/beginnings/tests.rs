//! Trees as the kernel shows them, one process after the other.

use super::*;
use history::BootId;
use history::Credentials;
use history::UnixNs;

const ROOT: u32 = 0;
const ALICE: u32 = 1000;
const BOB: u32 = 1001;

/// A table that is filled as the recorder fills it.
#[derive(Default)]
pub(crate) struct Tree {
    pub known: Processes,
    pub beginnings: Beginnings,
    pub begun: Vec<Begun>,
    seen: Option<Seen>,
}

impl Tree {
    /// Everything runs already.
    fn before_the_recorder() -> Self {
        Self { seen: Some(Seen::Snapshot), ..Self::default() }
    }

    fn id(tgid: u32, exec: u32) -> ProcessId {
        ProcessId { boot: BootId(1), tgid, start_ns: u64::from(tgid) * 1_000, exec }
    }

    pub(crate) fn forks(&mut self, parent: ProcessId, tgid: u32) -> ProcessId {
        let child = Self::id(tgid, parent.exec);
        self.known.fork(&parent, child, UnixNs(0), child.start_ns);
        child
    }

    fn executes(&mut self, before: ProcessId, parent: Option<ProcessId>, uid: u32, line: &str) -> ProcessId {
        self.executes_on(before, parent, uid, line, None)
    }

    fn executes_on(
        &mut self,
        before: ProcessId,
        parent: Option<ProcessId>,
        uid: u32,
        line: &str,
        tty: Option<&str>,
    ) -> ProcessId {
        let argv: Vec<String> = line.split(' ').map(str::to_owned).collect();
        // Programs that are setuid root, as they are installed.
        let setuid = matches!(argv[0].as_str(), "/usr/bin/sudo" | "/usr/bin/su" | "/usr/bin/pkexec");
        let id = ProcessId { exec: before.exec + 1, ..before };
        let process = Process {
            parent,
            seen: self.seen.unwrap_or(Seen::Exec),
            exe: argv[0].trim_start_matches('-').to_owned(),
            argv,
            credentials: Credentials {
                uid,
                euid: if setuid { 0 } else { uid },
                suid: if setuid { 0 } else { uid },
                ..Credentials::default()
            },
            user: Some(["root", "alice", "bob"][if uid == 0 { 0 } else { uid as usize - 999 }].to_owned()),
            tty: tty.map(str::to_owned),
            ..crate::testing::process(id)
        };
        let begun = self.beginnings.executed(&process, &self.known, id.start_ns);
        self.known.insert(process, id.start_ns);
        if let Some(begun) = begun {
            self.keep(begun);
        }
        id
    }

    fn keep(&mut self, begun: Begun) {
        let process = begun.login.process.unwrap();
        self.known.set_login(&process, UnixNs(0), begun.boot_ns, begun.login.clone());
        self.begun.push(begun);
    }

    /// A child that executes something.
    pub(crate) fn runs(&mut self, parent: ProcessId, tgid: u32, uid: u32, line: &str) -> ProcessId {
        let child = self.forks(parent, tgid);
        self.executes(child, Some(parent), uid, line)
    }

    pub(crate) fn init(&mut self) -> ProcessId {
        self.executes(Self::id(1, 0), None, ROOT, "/usr/lib/systemd/systemd")
    }

    fn only(&self) -> &Login {
        assert_eq!(self.begun.len(), 1, "{:?}", self.begun);
        &self.begun[0].login
    }
}

fn told(login: &Login) -> (&str, &str, &str, Option<&str>, Option<&str>, Option<u32>) {
    let Login { service, user, method, by, command, process, .. } = login;
    (service, user, method, by.as_deref(), command.as_deref(), process.map(|id| id.tgid))
}

#[test]
fn sudo_with_a_terminal_of_its_own_is_one_step() {
    let mut tree = Tree::default();
    let init = tree.init();
    let shell = tree.runs(init, 10, ALICE, "/bin/bash");
    let sudo = tree.runs(shell, 11, ALICE, "/usr/bin/sudo nmap -sS 198.51.100.20");
    // It changes its ids, runs helpers, and forks a monitor that forks the command.
    tree.known.get_mut(&sudo).unwrap().user = Some("root".to_owned());
    tree.runs(sudo, 12, ROOT, "/usr/sbin/unix_chkpwd alice chkexpiry");
    let monitor = tree.forks(sudo, 13);
    assert!(tree.begun.is_empty());
    tree.runs(monitor, 14, ROOT, "/usr/bin/nmap -sS 198.51.100.20");
    let expected =
        ("sudo", "root", "elevation", Some("alice"), Some("/usr/bin/nmap -sS 198.51.100.20"), Some(11));
    assert_eq!(told(tree.only()), expected);
    // What runs below it is no other step.
    tree.runs(monitor, 15, ROOT, "/usr/bin/id");
    tree.only();
}

#[test]
fn what_pam_runs_before_is_not_what_was_asked_for() {
    let sudo = "/usr/bin/sudo -u bob /usr/bin/id -u";
    for (line, helper, as_user) in [
        (sudo, "/usr/sbin/mkhomedir_helper bob", ROOT),
        (sudo, "/bin/sh -c notify", ROOT),
        ("/usr/bin/sudo /usr/bin/id -u", "/usr/bin/python3 /usr/local/bin/notify", ROOT),
    ] {
        let mut tree = Tree::default();
        let init = tree.init();
        let shell = tree.runs(init, 10, ALICE, "/bin/bash");
        let sudo = tree.runs(shell, 11, ALICE, line);
        tree.runs(sudo, 12, as_user, helper);
        assert!(tree.begun.is_empty(), "{helper}");
        let target = if line.contains("bob") { BOB } else { ROOT };
        tree.runs(sudo, 13, target, "/usr/bin/id -u");
        let user = if target == BOB { "bob" } else { "root" };
        let expected = ("sudo", user, "elevation", Some("alice"), Some("/usr/bin/id -u"), Some(11));
        assert_eq!(told(tree.only()), expected, "{helper}");
        assert!(tree.beginnings.due(u64::MAX).is_empty(), "{helper}");
    }
    // What alone was seen is told, a while later.
    let mut tree = Tree::default();
    let init = tree.init();
    let shell = tree.runs(init, 10, ALICE, "/bin/bash");
    let su = tree.runs(shell, 11, ALICE, "/usr/bin/su bob");
    tree.runs(su, 12, BOB, "/usr/bin/menu");
    assert!(tree.begun.is_empty());
    let due = tree.beginnings.due(u64::MAX);
    assert_eq!(
        told(&due[0].login),
        ("su", "bob", "elevation", Some("alice"), Some("/usr/bin/menu"), Some(11))
    );
}

#[test]
fn su_of_bob_by_alice_and_programs_that_become_what_they_run() {
    for (elevator, own_process) in [("su", false), ("pkexec", true)] {
        let mut tree = Tree::default();
        let init = tree.init();
        let shell = tree.runs(init, 10, ALICE, "/bin/bash");
        let su = tree.runs(shell, 11, ALICE, &format!("/usr/bin/{elevator} bob"));
        if own_process {
            tree.executes(su, Some(shell), BOB, "/bin/bash -c id");
        } else {
            tree.runs(su, 12, BOB, "/bin/bash -c id");
        }
        let expected = (elevator, "bob", "elevation", Some("alice"), Some("/bin/bash -c id"), Some(11));
        assert_eq!(told(tree.only()), expected);
    }
}

#[test]
fn an_own_program_of_that_name_and_sudoedit_give_nothing() {
    let mut tree = Tree::default();
    let init = tree.init();
    let shell = tree.runs(init, 10, ALICE, "/bin/bash");
    let fake = tree.runs(shell, 11, ALICE, "/home/alice/sudo x");
    tree.runs(fake, 12, ALICE, "/usr/bin/id");
    let cron = tree.runs(shell, 13, ALICE, "/home/alice/cron -f");
    tree.runs(cron, 14, ALICE, "/bin/sh -c id");
    let worker = tree.runs(shell, 15, ALICE, "/home/alice/ssm-agent-worker x");
    tree.runs(worker, 16, ALICE, "/home/alice/ssm-session-worker bob-0123456789abcdef0");
    let edit = tree.runs(shell, 17, ALICE, "/usr/bin/sudo -e /etc/hosts");
    tree.runs(edit, 18, ALICE, "/usr/bin/vi /tmp/hosts");
    assert_eq!((&tree.begun, tree.beginnings.due(u64::MAX)), (&Vec::new(), Vec::new()));
}

#[test]
fn a_cron_job_is_its_daemons_child_however_the_daemon_was_started() {
    for detached in [false, true] {
        let mut tree = Tree::default();
        let init = tree.init();
        let mut daemon = tree.runs(init, 10, ROOT, "/usr/sbin/cron");
        if detached {
            let first = daemon;
            daemon = tree.forks(first, 11);
            tree.known.end(&first, 20_000);
        }
        let child = tree.forks(daemon, 20);
        let job = tree.forks(child, 21);
        tree.executes(job, Some(child), BOB, "/bin/sh -c /home/bob/job");
        let expected = ("cron", "bob", "crontab", None, Some("/home/bob/job"), Some(20));
        assert_eq!(told(tree.only()), expected, "detached: {detached}");
        assert_eq!(tree.only().session.as_deref(), Some("bob"));
        // The job's mail.
        tree.runs(child, 22, BOB, "/usr/sbin/sendmail -t");
        tree.only();
    }
}

#[test]
fn what_pam_runs_before_a_job_is_not_the_job() {
    let mut tree = Tree::default();
    let init = tree.init();
    let daemon = tree.runs(init, 10, ROOT, "/usr/sbin/cron");
    let child = tree.forks(daemon, 20);
    tree.runs(child, 21, ROOT, "/usr/local/bin/notify");
    assert!(tree.begun.is_empty());
    let job = tree.forks(child, 22);
    tree.executes(job, Some(child), BOB, "/bin/sh -c ./job");
    assert_eq!(told(tree.only()), ("cron", "bob", "crontab", None, Some("./job"), Some(20)));
    assert!(tree.beginnings.due(u64::MAX).is_empty());
}

#[test]
fn a_daemon_that_starts_jobs_itself_and_at() {
    let mut tree = Tree::default();
    let init = tree.init();
    let daemon = tree.runs(init, 10, ROOT, "/bin/busybox crond -f");
    tree.known.get_mut(&daemon).unwrap().argv = vec!["crond".to_owned(), "-f".to_owned()];
    let job = tree.forks(daemon, 20);
    tree.executes(job, Some(daemon), BOB, "/bin/sh -c ./job");
    assert_eq!(told(tree.only()), ("cron", "bob", "crontab", None, Some("./job"), Some(20)));
    let atd = tree.runs(init, 30, ROOT, "/usr/sbin/atd");
    let child = tree.forks(atd, 31);
    let job = tree.forks(child, 32);
    tree.executes(job, Some(child), ALICE, "/bin/sh");
    assert_eq!(told(&tree.begun[1].login), ("at", "alice", "at", None, None, Some(31)));
}

#[test]
fn a_console_login_is_its_shell() {
    let mut tree = Tree::default();
    let init = tree.init();
    let login = tree.runs(init, 10, ROOT, "/bin/login --");
    tree.runs(login, 11, ROOT, "/bin/sh -c run-parts /etc/update-motd.d");
    let child = tree.forks(login, 12);
    tree.executes_on(child, Some(login), ALICE, "-/bin/bash", Some("tty1"));
    assert_eq!(told(tree.only()), ("login", "alice", "console", None, None, Some(10)));
    assert_eq!(tree.only().session.as_deref(), Some("tty1"));
}

#[test]
fn a_login_that_telnetd_and_its_like_let_in_is_no_console() {
    for (host, source) in [("203.0.113.7", Some("203.0.113.7")), ("laptop.example.com", None)] {
        let mut tree = Tree::default();
        let init = tree.init();
        let server = tree.runs(init, 10, ROOT, "/usr/sbin/telnetd");
        let login = tree.runs(server, 11, ROOT, &format!("/bin/login -p -h {host}"));
        let child = tree.forks(login, 12);
        tree.executes_on(child, Some(login), ALICE, "-bash", Some("pts/1"));
        assert_eq!(told(tree.only()), ("login", "alice", "remote", None, None, Some(11)));
        assert_eq!(tree.only().source_address, source.map(|address| address.parse().unwrap()));
    }
}

#[test]
fn ssm_sessions_and_commands_are_known_by_their_workers_arguments() {
    let mut tree = Tree::default();
    let init = tree.init();
    let agent = tree.runs(init, 10, ROOT, "/usr/bin/amazon-ssm-agent");
    let agent = tree.runs(agent, 11, ROOT, "/usr/bin/ssm-agent-worker");
    let worker =
        tree.runs(agent, 12, ROOT, "/usr/bin/ssm-session-worker alice@example.com-0a1b2c3d4e5f60718");
    tree.runs(worker, 13, ROOT, "/bin/sh -c id ssm-user");
    let child = tree.forks(worker, 14);
    tree.executes_on(child, Some(worker), ALICE, "/bin/sh", Some("pts/0"));
    let expected = ("ssm", "alice", "session-manager", None, None, Some(12));
    assert_eq!(told(tree.only()), expected);
    assert_eq!(tree.only().session.as_deref(), Some("alice@example.com-0a1b2c3d4e5f60718"));
    assert!(tree.beginnings.due(u64::MAX).is_empty(), "already told");
    tree.begun.clear();

    // A forwarded port has no shell.
    let forward = tree.runs(agent, 20, ROOT, "/usr/bin/ssm-session-worker bob-0a1b2c3d4e5f60719");
    assert!(tree.beginnings.due(forward.start_ns).is_empty());
    let due = tree.beginnings.due(forward.start_ns + SHELL_AFTER_NS);
    assert_eq!(told(&due[0].login), ("ssm", "root", "session-manager", None, None, Some(20)));

    let id = "6ffe15a8-e0fc-4f4e-9b6c-0a4c9f0b1d2e";
    tree.runs(agent, 30, ROOT, &format!("/usr/bin/ssm-document-worker {id}"));
    assert_eq!(told(tree.only()), ("ssm", "root", "run-command", None, None, Some(30)));
    assert_eq!(tree.only().session.as_deref(), Some(id));
    // What is no id is not passed on as one.
    tree.runs(agent, 31, ROOT, "/usr/bin/ssm-document-worker <!channel>");
    assert_eq!(tree.begun[1].login.session, None);
}

#[test]
fn what_ran_before_the_recorder_is_told_too() {
    let mut tree = Tree::before_the_recorder();
    let init = tree.init();
    let shell = tree.executes(Tree::id(10, 0), Some(init), ALICE, "/bin/bash");
    // sudo and its monitor have root's ids by now.
    let sudo = tree.executes(Tree::id(11, 0), Some(shell), ROOT, "/usr/bin/sudo -i");
    let monitor = tree.executes(Tree::id(12, 0), Some(sudo), ROOT, "/usr/bin/sudo -i");
    tree.executes(Tree::id(13, 0), Some(monitor), ROOT, "/bin/bash");
    assert_eq!(told(tree.only()), ("sudo", "root", "elevation", Some("alice"), Some("/bin/bash"), Some(11)));
    let cron = tree.executes(Tree::id(20, 0), Some(init), ROOT, "/usr/sbin/cron -f");
    let child = tree.executes(Tree::id(21, 0), Some(cron), ROOT, "/usr/sbin/cron -f");
    tree.executes(Tree::id(22, 0), Some(child), BOB, "/bin/sh -c ./job");
    assert_eq!(told(&tree.begun[1].login), ("cron", "bob", "crontab", None, Some("./job"), Some(21)));
}

#[test]
fn what_waits_is_bounded_and_what_is_beyond_counted() {
    let mut tree = Tree::default();
    let init = tree.init();
    let agent = tree.runs(init, 10, ROOT, "/usr/bin/amazon-ssm-agent");
    let sudo_of = |tree: &mut Tree, tgid: u32| {
        let shell = tree.runs(init, tgid, ALICE, "/bin/bash");
        let sudo = tree.runs(shell, tgid + 1, ALICE, "/usr/bin/sudo nmap");
        tree.runs(sudo, tgid + 2, ROOT, "/usr/local/bin/of-pam");
    };
    for number in 0..WAITING_MAX as u32 + 3 {
        tree.runs(agent, 100 + number, ROOT, "/usr/bin/ssm-session-worker alice-0a1b2c3d4e5f60718");
        sudo_of(&mut tree, 10_000 + number * 3);
    }
    assert_eq!((tree.beginnings.waiting.len(), tree.beginnings.other.len()), (WAITING_MAX, WAITING_MAX));
    assert_eq!((tree.beginnings.lost(), tree.beginnings.lost()), (6, 0));
    assert_eq!(tree.beginnings.due(u64::MAX).len(), 2 * WAITING_MAX);
}

#[test]
fn a_line_that_comes_by_rsh_is_whom_it_runs_as() {
    for server in ["/usr/sbin/in.rshd", "/usr/sbin/rshd", "/usr/sbin/in.rexecd"] {
        let mut tree = Tree::default();
        let init = tree.init();
        let inetd = tree.runs(init, 10, ROOT, "/usr/sbin/inetd");
        let rshd = tree.runs(inetd, 11, ROOT, server);
        // What PAM runs for it, then what it becomes.
        tree.runs(rshd, 12, ROOT, "/usr/local/bin/opened");
        tree.executes(rshd, Some(inetd), BOB, "/bin/bash -c id");
        let service = server.rsplit(['/', '.']).next().unwrap();
        let expected = (service, "bob", Login::REMOTE, None, Some("id"), Some(11));
        assert_eq!(told(tree.only()), expected);
    }
    let mut tree = Tree::default();
    let init = tree.init();
    let shell = tree.runs(init, 10, ALICE, "/bin/bash");
    let own = tree.runs(shell, 11, ALICE, "/home/alice/in.rshd");
    tree.runs(own, 12, ALICE, "/bin/bash -c id");
    assert!(tree.begun.is_empty(), "it has no rights of root's");
}
