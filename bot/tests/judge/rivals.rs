//! Who may be taken for another: shared accounts, numbers used again, sessions that are over, services that somebody
//! started. A wrong name is the worst that a report can say.

use gumshoe::case::AccusedProcess;
use gumshoe::case::DoubtKind;
use gumshoe::case::Finding;
use gumshoe::report;
use gumshoe::report::Report;
use history::Direction;
use history::FlowState;
use history::OperationKind;
use history::ProcessId;
use history::Protocol;
use history::Via;

use super::check::doubts;
use super::check::everything_holds;
use super::story::*;
use super::told::told;

const NMAP: &str = "nmap -sS 198.51.100.7";
const DEPLOY: User = User(1005, "deploy");

fn person(report: &Report) -> Option<&str> {
    report.facts.person.as_ref().map(|person| person.raw())
}

fn from(report: &Report) -> Option<String> {
    Some(report.facts.login.as_ref()?.source_address?.to_string())
}

#[test]
fn of_two_people_who_share_an_account_the_right_login_is_named() {
    for (scans_from, key) in [("192.0.2.10", "ED25519 SHA256:first"), ("192.0.2.77", "ED25519 SHA256:second")]
    {
        let mut story = Story::new();
        let first = story.ssh_by(DEPLOY, "192.0.2.10", 50, "publickey", Some("ED25519 SHA256:first"));
        let second = story.ssh_by(DEPLOY, "192.0.2.77", 60, "publickey", Some("ED25519 SHA256:second"));
        let shell = if scans_from == "192.0.2.10" { first } else { second };
        let nmap = story.run(shell, 120, DEPLOY, "/usr/bin/nmap", NMAP);
        story.raw_scan(nmap, 121, 134, Via::Packet);
        let report = report_of(&story, accused(120, 180));
        assert_eq!(person(&report), Some("deploy"));
        assert_eq!(from(&report).as_deref(), Some(scans_from));
        assert!(report::text(&report).contains(key), "{}", report::text(&report));
        told(
            &report,
            "two people share an account, and one of them scans",
            "the login that it came from, with its key",
        );
        everything_holds(&report);
    }
}

#[test]
fn what_outlives_its_session_belongs_to_who_began_it() {
    let mut story = Story::new();
    let shell = story.ssh(ALICE, LAPTOP, 60);
    let script = story.run(shell, 70, ALICE, "/usr/bin/bash", "bash nightly.sh");
    story.exit(shell, 80);
    story.ssh(BOB, "192.0.2.77", 100);
    let nmap = story.run(script, 120, ALICE, "/usr/bin/nmap", NMAP);
    story.raw_scan(nmap, 121, 134, Via::Packet);
    let report = report_of(&story, accused(120, 180));
    assert_eq!((person(&report), from(&report).as_deref()), (Some("alice"), Some(LAPTOP)));
    told(
        &report,
        "a scan by a script that outlived its session",
        "the login that it began with, also when it is over",
    );
    everything_holds(&report);

    // Its parent has ended before anything was recorded: the session's number is what is left.
    story.of(script).parent = Some(story.init());
    let report = report_of(&story, accused(120, 180));
    assert_eq!(person(&report), Some("alice"), "{}", report.sentence);
}

#[test]
fn a_number_that_is_used_again_is_another_process() {
    let mut story = Story::new();
    let shell = story.ssh(ALICE, LAPTOP, 10);
    let editor = story.run(shell, 20, ALICE, "/usr/bin/vim", "vim notes");
    story.exit(editor, 30);
    let other = story.ssh(BOB, "192.0.2.77", 60);
    let nmap = story.run(other, 120, BOB, "/usr/bin/nmap", NMAP);
    let again = ProcessId { tgid: editor.tgid, ..nmap };
    story.of(nmap).id = again;
    story.raw_scan(again, 121, 134, Via::Packet);
    let report = report_of(&story, accused(120, 180));
    assert_eq!((person(&report), report.facts.pid), (Some("bob"), Some(editor.tgid)));
    assert_eq!(report.facts.argv.as_ref().unwrap().raw(), NMAP);
    told(
        &report,
        "a scan by a process with a number that another had before",
        "a process is its number and its start",
    );
    everything_holds(&report);
}

#[test]
fn a_service_that_a_person_restarts_stays_a_service() {
    let mut story = Story::new();
    let shell = story.ssh(BOB, "192.0.2.77", 60);
    story.sudo(shell, 70, "/usr/bin/systemctl", "systemctl restart shop");
    let shop =
        story.service("shop.service", User(998, "shop"), "/usr/bin/python3.11", "python3 /srv/shop.py");
    story.raw_scan(shop, 121, 134, Via::Socket);
    story.activities.last_mut().unwrap().states = vec![(FlowState::Refused, 1000)];
    let report = report_of(&story, accused(120, 180));
    assert_eq!((person(&report), report.facts.entry.as_str()), (None, "unit"), "{}", report.sentence);
    told(&report, "a service scans that a person had restarted", "systemd starts it: the unit, and nobody");
    everything_holds(&report);
}

/// Whoever reaches a service may have it do things: who started it is another question.
#[test]
fn who_started_a_service_by_hand_is_not_who_exploited_it() {
    let mut story = Story::new();
    let shell = story.ssh(BOB, "192.0.2.77", -600);
    let shop = story.run(shell, -590, BOB, "/usr/bin/python3.11", "python3 shop.py");
    story.traffic(Some(shop), -500, 1000, |activity| {
        activity.direction = Direction::In;
        activity.flows = 40;
        activity.address_sample = vec!["203.0.113.66".parse().unwrap()];
        activity.states = vec![(FlowState::Listening, 1), (FlowState::Closed, 39)];
    });
    let below = story.run(shop, 100, BOB, "/usr/bin/dash", "sh -c ping -c1 x; /tmp/.s");
    let scanner = story.run(below, 110, BOB, "/tmp/.s", "/tmp/.s");
    story.raw_scan(scanner, 121, 134, Via::Socket);
    story.activities.last_mut().unwrap().states = vec![(FlowState::Refused, 1000)];
    let report = report_of(&story, accused(120, 180));
    assert_eq!(report.facts.verdict, "compromise", "{}", report.sentence);
    assert_eq!(person(&report), None, "{}", report.sentence);
    let said = "python3.11 stands between, which serves the network: whoever reaches it may have had it done";
    assert!(
        report.judgement.findings.iter().any(|finding| finding.text.contains(said)),
        "{:#?}",
        report.judgement.findings
    );
    told(
        &report,
        "a web application that a person started by hand is exploited and scans",
        "whoever reaches it may have had it done: nobody is named, and who started it is said",
    );
    everything_holds(&report);
}

/// Behind a local socket no traffic shows that a service is asked for what it does.
#[test]
fn who_began_a_service_as_root_is_not_who_had_its_worker_do_it() {
    const SERVICE: User = User(33, "www-data");
    for below in [false, true] {
        let mut story = Story::new();
        let shell = story.ssh(BOB, "192.0.2.77", -600);
        let master = story.sudo(shell, -590, "/usr/sbin/php-fpm8.2", "php-fpm: master");
        let mut does = story.run(master, -580, SERVICE, "/usr/sbin/php-fpm8.2", "php-fpm: pool www");
        if below {
            let shell = story.run(does, 100, SERVICE, "/usr/bin/dash", "sh -c id; /tmp/.s");
            does = story.run(shell, 110, SERVICE, "/tmp/.s", "/tmp/.s");
        }
        story.raw_scan(does, 121, 134, Via::Socket);
        story.activities.last_mut().unwrap().states = vec![(FlowState::Refused, 1000)];
        let report = report_of(&story, accused(120, 180));
        assert_eq!(person(&report), None, "{}", report.sentence);
        let said = |finding: &&Finding| finding.text.contains("and the session below only started it");
        assert_eq!(
            report.judgement.findings.iter().filter(said).count(),
            1,
            "{:#?}",
            report.judgement.findings
        );
        told(
            &report,
            if below { "what a service's worker was had to run scans" } else { "a service's worker scans" },
            "a worker of a service that a person began as root: nobody is named, and who started it is said",
        );
        everything_holds(&report);
    }
    // Who gives up root with a program of his own choice is named.
    let mut story = Story::new();
    let shell = story.ssh(BOB, "192.0.2.77", 60);
    let sudo = story.sudo(shell, 70, "/usr/bin/setpriv", "setpriv --reuid www-data nmap");
    let nmap = story.run(sudo, 120, SERVICE, "/usr/bin/nmap", NMAP);
    story.raw_scan(nmap, 121, 134, Via::Packet);
    assert_eq!(person(&report_of(&story, accused(120, 180))), Some("bob"));
}

/// What takes requests on a local socket, a named pipe or a watched directory was seen to hold these when it acted.
#[test]
fn who_began_what_is_asked_by_no_traffic_is_not_who_asked() {
    const SERVICE: User = User(33, "www-data");
    let said = |report: &Report, known: &str| {
        report.judgement.findings.iter().map(|finding| &finding.text).any(|text| text.contains(known))
    };
    for itself in [false, true] {
        let mut story = Story::new();
        let shell = story.ssh(BOB, "192.0.2.77", -600);
        let sudo =
            story.sudo(shell, -590, "/usr/bin/setpriv", "setpriv --reuid www-data python3 /srv/app.py");
        let service = story.run(sudo, -580, SERVICE, "/usr/bin/python3.11", "python3 /srv/app.py");
        story.operation(service, 110, OperationKind::Serves, "/run/app.sock");
        let does = match itself {
            true => service,
            false => story.run(service, 110, SERVICE, "/tmp/.s", "/tmp/.s"),
        };
        story.raw_scan(does, 121, 134, Via::Socket);
        story.activities.last_mut().unwrap().states = vec![(FlowState::Refused, 1000)];
        let report = report_of(&story, accused(120, 180));
        assert_eq!(person(&report), None, "{}", report.sentence);
        let known = "python3.11 stands between, which takes requests on a local socket (/run/app.sock)";
        assert!(said(&report, known), "{:#?}", report.judgement.findings);
        everything_holds(&report);
    }
    // Who types into a terminal of his own below it is who does it.
    let mut story = Story::new();
    let shell = story.ssh(BOB, "192.0.2.77", -600);
    let editor = story.run(shell, -590, BOB, "/usr/bin/node", "node server.js");
    story.of(editor).tty = None;
    story.operation(editor, 110, OperationKind::Serves, "/run/user/1001/editor.sock");
    let typed = story.run(editor, 100, BOB, "/usr/bin/bash", "bash");
    let nmap = story.run(typed, 120, BOB, "/usr/bin/nmap", NMAP);
    (story.of(typed).tty, story.of(nmap).tty) = (Some("pts/7".to_owned()), Some("pts/7".to_owned()));
    story.raw_scan(nmap, 121, 134, Via::Packet);
    assert_eq!(person(&report_of(&story, accused(120, 180))), Some("bob"));
    // One that acts on files, and one that its session left running, are named and doubted.
    for watches in [false, true] {
        let mut story = Story::new();
        let shell = story.ssh(BOB, "192.0.2.77", -900);
        let job = story.run(shell, -890, BOB, "/usr/bin/python3.11", "python3 spool.py");
        match watches {
            true => story.operation(job, 110, OperationKind::Awaits, "files that are watched"),
            false => {
                let session = story.of(shell).parent.unwrap();
                let monitor = story.of(session).parent.unwrap();
                story.exit(session, -800);
                story.exit(monitor, -800);
            }
        }
        let nmap = story.run(job, 120, BOB, "/usr/bin/nmap", NMAP);
        story.raw_scan(nmap, 121, 134, Via::Packet);
        let report = report_of(&story, accused(120, 180));
        assert_eq!(person(&report), Some("bob"), "{}", report.sentence);
        assert_eq!(doubts(&report), [DoubtKind::AskedByOthers], "{:?}", report.judgement.doubts);
        everything_holds(&report);
    }
}

/// What an entry, whom its process belongs to, and what a report calls it.
fn service_of(story: &mut Story, entry: &str) -> ProcessId {
    const APP: &str = "python3 /srv/app.py";
    let python = "/usr/bin/python3.11";
    match entry {
        "login" => {
            let shell = story.ssh(BOB, "192.0.2.77", -600);
            story.run(shell, -590, BOB, python, APP)
        }
        "cron" => {
            let daemon = story.service("cron.service", ROOT, "/usr/sbin/cron", "/usr/sbin/cron -f");
            let child = story.run(daemon, -600, ROOT, "/usr/sbin/cron", "/usr/sbin/cron -f");
            let line = story.run(child, -600, BOB, "/usr/bin/dash", &format!("/bin/sh -c {APP}"));
            let login = history::Login {
                service: "cron".to_owned(),
                user: "bob".to_owned(),
                method: "crontab".to_owned(),
                ..history::Login::default()
            };
            story.begun(child, -600, login);
            story.run(line, -599, BOB, python, APP)
        }
        // One that bob started keeps the kernel's login user, and nothing else.
        _ => {
            let id = "4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e";
            let conmon = story.service("user.slice", BOB, "/usr/bin/conmon", "conmon");
            let app = story.run(conmon, -600, BOB, python, APP);
            let app_process = story.of(app);
            app_process.cgroup = format!("/machine.slice/libpod-{id}.scope");
            app_process.credentials.login_uid = Some(BOB.0);
            app_process.login_user = Some("bob".to_owned());
            app
        }
    }
}

/// Its traffic need not be in the answer: that it was asked, and by whom, is told when it acts.
#[test]
fn who_asked_a_service_over_a_connection_is_told_and_not_who_started_it() {
    for entry in ["login", "cron", "container"] {
        for asked in [None, Some(110), Some(120), Some(130)] {
            let mut story = Story::new();
            let service = service_of(&mut story, entry);
            let below = story.run(service, 120, BOB, "/tmp/.s", "/tmp/.s");
            story.raw_scan(below, 121, 134, Via::Socket);
            story.activities.last_mut().unwrap().states = vec![(FlowState::Refused, 1000)];
            if let Some(when) = asked {
                story.operation(service, when, OperationKind::Asked, "203.0.113.66");
            }
            let report = report_of(&story, accused(120, 180));
            assert_eq!(report.facts.entry, entry);
            let before = asked.is_some_and(|when| when <= 120);
            assert_eq!(
                person(&report),
                Some("bob").filter(|_| !before),
                "{entry} {asked:?}: {}",
                report.sentence
            );
            let said = report.judgement.findings.iter().any(|finding| {
                finding.text.contains("python3.11 stands between, which takes connections")
                    && finding.text.contains("203.0.113.66 was the last to connect")
            });
            assert_eq!(said, before, "{:#?}", report.judgement.findings);
            everything_holds(&report);
        }
        // The same holds for what it sends itself.
        let mut story = Story::new();
        let service = service_of(&mut story, entry);
        story.raw_scan(service, 121, 134, Via::Socket);
        story.activities.last_mut().unwrap().states = vec![(FlowState::Refused, 1000)];
        story.operation(service, 122, OperationKind::Asked, "nginx of this host");
        let report = report_of(&story, accused(120, 180));
        assert_eq!(person(&report), None, "{entry}: {}", report.sentence);
        let said = "python3.11 takes connections: whoever reaches it may have had it done";
        assert!(report.judgement.findings.iter().any(|finding| finding.text.contains(said)));
        everything_holds(&report);
    }
}

/// An ssh server of a user's own, by which others come as that user. The host's own, which has become the user whom it let
/// in, is how that one came.
#[test]
fn who_comes_by_a_users_own_ssh_server_is_not_who_started_that() {
    for is_own in [true, false] {
        let mut story = Story::new();
        let shell = story.ssh(BOB, "192.0.2.77", -600);
        let above = if is_own { shell } else { story.of(shell).parent.unwrap() };
        let server = match is_own {
            true => story.run(above, -590, BOB, "/usr/sbin/sshd", "/usr/sbin/sshd -f own"),
            false => above,
        };
        let typed = story.run(server, 119, BOB, "/usr/bin/bash", "-bash");
        let nmap = story.run(typed, 120, BOB, "/usr/bin/nmap", NMAP);
        story.raw_scan(nmap, 121, 134, Via::Packet);
        story.operation(server, 119, OperationKind::Asked, "203.0.113.66");
        let report = report_of(&story, accused(120, 180));
        assert_eq!(person(&report), Some("bob").filter(|_| !is_own), "{}", report.sentence);
        let said = report.judgement.findings.iter().any(|finding| {
            finding.text.contains("sshd stands between") && finding.text.contains("203.0.113.66 was the last")
        });
        assert_eq!(said, is_own, "{:#?}", report.judgement.findings);
        everything_holds(&report);
    }
}

/// What somebody started and takes datagrams may do what it does for whoever sends them, and what it was before its program
/// was executed took none.
#[test]
fn who_started_what_takes_datagrams_or_listens_is_doubted_only_where_others_ask() {
    for (received, chosen) in [(true, true), (true, false), (false, true)] {
        let mut story = Story::new();
        let shell = story.ssh(BOB, "192.0.2.77", 60);
        let nohup = story.run(shell, 100, BOB, "/usr/bin/nohup", "nohup ./relay");
        let mut image = story.of(nohup).clone();
        (image.exe, image.argv) = ("/home/bob/relay".to_owned(), vec!["./relay".to_owned()]);
        image.id.exec += 1;
        let relay = image.id;
        story.processes.push(image);
        story.traffic(Some(relay), 100, 110, |activity| {
            (activity.protocol, activity.direction) = (Protocol::UDP, Direction::In);
            activity.address_sample = vec!["203.0.113.66".parse().unwrap()];
            let states = [(FlowState::Bound, chosen), (FlowState::Received, received)];
            activity.states =
                states.iter().filter(|(_, is_so)| *is_so).map(|(state, _)| (*state, 1)).collect();
        });
        story.raw_scan(relay, 121, 134, Via::Packet);
        let report = report_of(&story, accused(120, 180));
        assert_eq!(person(&report), Some("bob"), "{}", report.sentence);
        let is_told = doubts(&report).contains(&DoubtKind::AskedByOthers);
        assert_eq!(is_told, received && chosen, "{:?}", report.judgement.doubts);
        everything_holds(&report);
    }
}

/// A runtime that somebody started and others ask for containers, which lies outside of what runs in those.
#[test]
fn who_started_a_runtime_is_not_named_for_what_others_ask_of_it() {
    for (kind, by) in [
        (OperationKind::Asked, "203.0.113.66 was the last to connect"),
        (OperationKind::Serves, "takes requests on a local socket (/run/podman.sock)"),
    ] {
        for is_asked in [false, true] {
            let mut story = Story::new();
            let shell = story.ssh(ALICE, LAPTOP, -3000);
            let podman =
                story.run(shell, -2990, ROOT, "/usr/bin/podman", "podman system service tcp:0.0.0.0:2375");
            let conmon = story.run(podman, 119, ROOT, "/usr/bin/conmon", "conmon");
            let nmap = story.run(conmon, 120, ROOT, "/usr/bin/nmap", NMAP);
            story.of(nmap).cgroup = format!("/machine.slice/libpod-{}.scope", "4f".repeat(32));
            for process in [podman, conmon, nmap] {
                story.of(process).credentials.login_uid = Some(1000);
                story.of(process).login_user = Some("alice".to_owned());
            }
            story.raw_scan(nmap, 121, 134, Via::Packet);
            if is_asked {
                story.operation(
                    podman,
                    110,
                    kind,
                    by.split([' ', '(']).rfind(|word| word.contains(['.', '/'])).unwrap(),
                );
            }
            let report = report_of(&story, accused(120, 180));
            assert_eq!(report.facts.entry, "container");
            assert_eq!(person(&report), Some("alice").filter(|_| !is_asked), "{}", report.sentence);
            let said = format!("{by}: whoever");
            let said = report.judgement.findings.iter().any(|finding| {
                finding.text.contains("podman stands between") && finding.text.contains(by)
                    || finding.text.contains(&said)
            });
            assert_eq!(said, is_asked, "{:#?}", report.judgement.findings);
            everything_holds(&report);
        }
    }
}

/// A program of one's own may be called like a service that lets somebody in or runs jobs, and say whom it likes.
#[test]
fn who_calls_a_program_like_a_service_gains_no_other_name() {
    let session = "ssm-session-worker carol-0a1b2c3d4e5f60718";
    for (exe, line) in [
        ("/tmp/ssm-session-worker", session),
        ("/tmp/ssm-document-worker", "ssm-document-worker 1c7a6b5e-0000-4000-8000-0a1b2c3d4e5f"),
        ("/tmp/cron", "cron"),
        ("/tmp/atd", "atd"),
        ("/tmp/agetty", "agetty tty1"),
        ("/tmp/lightdm", "lightdm"),
    ] {
        let mut story = Story::new();
        let shell = story.ssh(ALICE, LAPTOP, 60);
        let own = story.run(shell, 70, ALICE, exe, line);
        let nmap = story.run(own, 120, ALICE, "/usr/bin/nmap", NMAP);
        story.raw_scan(nmap, 121, 134, Via::Packet);
        let report = report_of(&story, accused(120, 180));
        assert_eq!((report.facts.entry.as_str(), person(&report)), ("login", Some("alice")), "{exe}");
        everything_holds(&report);
        // In what a web server runs it begins nothing.
        let mut story = Story::new();
        let server = story.service("app.service", WWW, "/usr/bin/python3.11", "python3 /srv/app/server.py");
        let own = story.run(server, 70, WWW, exe, line);
        let nmap = story.run(own, 120, WWW, "/usr/bin/nmap", NMAP);
        story.raw_scan(nmap, 121, 134, Via::Packet);
        let report = report_of(&story, accused(120, 180));
        assert_eq!((report.facts.entry.as_str(), person(&report)), ("unit", None), "{exe}");
        everything_holds(&report);
    }
    // Nor does root's, that no agent started, or that stands in a session.
    for (exe, line) in [("/tmp/ssm-session-worker", session), ("/tmp/agetty", "agetty tty1")] {
        let mut story = Story::new();
        let shell = story.ssh(ALICE, LAPTOP, 60);
        let own = story.run(shell, 70, ROOT, exe, line);
        let nmap = story.run(own, 120, ROOT, "/usr/bin/nmap", NMAP);
        story.raw_scan(nmap, 121, 134, Via::Packet);
        let report = report_of(&story, accused(120, 180));
        assert_eq!((report.facts.entry.as_str(), person(&report)), ("login", Some("alice")), "{exe}");
        everything_holds(&report);
    }
}

/// A terminal that stays is typed into by whoever attaches to it, perhaps with a stolen key.
#[test]
fn a_terminal_that_another_login_may_have_attached_to_is_doubted() {
    for (later, doubted) in [(None, false), (Some(LAPTOP), false), (Some("203.0.113.66"), true)] {
        let mut story = Story::new();
        let shell = story.ssh(ALICE, LAPTOP, -3000);
        let tmux = story.run(shell, -2990, ALICE, "/usr/bin/tmux", "tmux new -s work");
        let inside = story.run(tmux, -2990, ALICE, "/usr/bin/bash", "-bash");
        story.exit(shell, -2000);
        if let Some(later) = later {
            story.ssh(ALICE, later, 60);
        }
        let nmap = story.run(inside, 120, ALICE, "/usr/bin/nmap", NMAP);
        story.raw_scan(nmap, 121, 134, Via::Packet);
        let report = report_of(&story, accused(120, 180));
        assert_eq!(person(&report), Some("alice"), "{}", report.sentence);
        let text = |known: &str| report.judgement.findings.iter().any(|finding| finding.text.contains(known));
        assert!(
            text("it ran in tmux, which outlives the login that began it"),
            "{:#?}",
            report.judgement.findings
        );
        assert_eq!(!doubts(&report).is_empty(), doubted, "{:?}", report.judgement.doubts);
        if doubted {
            assert_eq!(doubts(&report), [DoubtKind::SeveralSuspects]);
            assert!(
                text("until then alice logged in 1 time more, from 203.0.113.66"),
                "{:#?}",
                report.judgement.findings
            );
            told(
                &report,
                "a scan in tmux that a later login from elsewhere may have attached to",
                "the account is sure; which of its logins typed it is not",
            );
        }
        everything_holds(&report);
    }
}

/// Newer servers run each session in a program of another name, which owns its connection.
#[test]
fn the_server_of_a_login_is_no_service_that_was_exploited() {
    for server in ["sshd-session", "dropbear", "mosh-server"] {
        let mut story = Story::new();
        let shell = story.ssh(ALICE, LAPTOP, 60);
        let session = story.of(shell).parent.unwrap();
        story.of(session).exe = format!("/usr/lib/openssh/{server}");
        story.traffic(Some(session), 60, 600, |activity| {
            activity.direction = Direction::In;
            activity.address_sample = vec![LAPTOP.parse().unwrap()];
            activity.states = vec![(FlowState::Established, 1)];
        });
        let nmap = story.run(shell, 120, ALICE, "/usr/bin/nmap", NMAP);
        story.raw_scan(nmap, 121, 134, Via::Packet);
        let report = report_of(&story, accused(120, 180));
        assert_eq!((report.facts.verdict.as_str(), person(&report)), ("tool", Some("alice")), "{server}");
        assert_eq!(report.judgement.suspects[0].signs, [""; 0], "{server}");
    }
}

#[test]
fn the_process_that_a_detector_names_is_found_among_rivals() {
    let mut story = Story::new();
    let alice = story.ssh(ALICE, LAPTOP, 50);
    let bob = story.ssh(BOB, "192.0.2.77", 60);
    let nmap = story.run(alice, 120, ALICE, "/usr/bin/nmap", NMAP);
    story.raw_scan(nmap, 121, 134, Via::Packet);
    let hidden = story.run(bob, 120, BOB, "/tmp/.x/scan", "/tmp/.x/scan 198.51.100.7");
    story.raw_scan(hidden, 121, 134, Via::Packet);
    let named = |executable: &str| {
        let mut claim = accused(120, 180);
        let executable = Some(executable.to_owned());
        claim.accused.process = Some(AccusedProcess { executable, ..AccusedProcess::default() });
        claim
    };
    for (executable, who) in [("/tmp/.x/scan", "bob"), ("/usr/bin/nmap", "alice")] {
        let report = report_of(&story, named(executable));
        assert_eq!(person(&report), Some(who), "{executable}");
        assert!(report::text(&report).contains("the notice names this process itself"), "{executable}");
        everything_holds(&report);
    }
    let report = report_of(&story, named("/tmp/miner"));
    assert!(doubts(&report).contains(&DoubtKind::PartialMatch), "{}", report::text(&report));
    assert!(report::text(&report).contains("the notice names another process: /tmp/miner"));
}
