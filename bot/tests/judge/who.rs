//! Sessions and jobs as the recorder tells of them: they join what was sent to who began it.

use gumshoe::case::Confidence;
use gumshoe::case::Entry;
use gumshoe::report;
use history::Container;
use history::Login;
use history::LoginEvent;
use history::Via;

use super::check::everything_holds;
use super::story::*;
use super::told::told;

const NMAP: &str = "nmap -sS 198.51.100.7";

/// A login of the recorder's with what is asked for, and nothing else.
fn login(service: &str, user: &str, method: &str, session: Option<&str>, command: Option<&str>) -> Login {
    Login {
        service: service.to_owned(),
        user: user.to_owned(),
        method: method.to_owned(),
        session: session.map(str::to_owned),
        command: command.map(str::to_owned),
        ..Login::default()
    }
}

#[test]
fn sudo_is_a_step_of_the_person_who_logged_in() {
    let mut story = Story::new();
    let shell = story.ssh(ALICE, LAPTOP, 60);
    let nmap = story.sudo(shell, 120, "/usr/bin/nmap", NMAP);
    let sudo = story.of(nmap).parent.unwrap();
    story.step(sudo, 120, "sudo", "alice", "root", "/usr/bin/nmap -sS 198.51.100.7");
    story.raw_scan(nmap, 121, 134, Via::Packet);
    let report = report_of(&story, accused(120, 180));
    assert_eq!(report.facts.entry, "login");
    let login = report.facts.login.as_ref().unwrap();
    assert_eq!((login.service.raw(), login.source_address), ("sshd", Some(LAPTOP.parse().unwrap())));
    assert_eq!(report.facts.person.as_ref().unwrap().raw(), "alice");
    assert_eq!(report.facts.elevated_by.as_ref().unwrap().raw(), "sudo");
    assert!(
        report.sentence.starts_with("alice ran nmap as root through sudo on web-1"),
        "{}",
        report.sentence
    );
    let text = report::text(&report);
    assert!(text.contains("alice becomes root through sudo"), "{text}");
    assert_eq!(report.facts.confidence, Confidence::High);
    everything_holds(&report);
}

#[test]
fn su_to_another_person_does_not_make_it_that_person() {
    let mut story = Story::new();
    let shell = story.ssh(ALICE, LAPTOP, 60);
    let su = story.run(shell, 70, ROOT, "/usr/bin/su", "su - bob");
    story.step(su, 70, "su", "alice", "bob", "-bash");
    // A refusal beside it is no failed login of the session's.
    let event = LoginEvent {
        event: 7,
        time: at(50),
        login: Login { by: Some("carol".to_owned()), ..login("su", "root", "elevation", None, None) },
    };
    story.logins.push(event);
    let bobs = story.run(su, 72, BOB, "/usr/bin/bash", "-bash");
    let nmap = story.run(bobs, 120, BOB, "/usr/bin/nmap", "nmap -sT 198.51.100.7");
    story.raw_scan(nmap, 121, 134, Via::Socket);
    let report = report_of(&story, accused(120, 180));
    told(&report, "a scan as another user through su", "the person is who logged in");
    assert_eq!(report.facts.person.as_ref().unwrap().raw(), "alice");
    assert_eq!(report.facts.elevated_by.as_ref().unwrap().raw(), "su");
    let login = report.facts.login.as_ref().unwrap();
    assert_eq!((login.service.raw(), login.user.raw()), ("sshd", "alice"));
    assert!(report.sentence.contains("alice ran nmap as bob through su"), "{}", report.sentence);
    let text = report::text(&report);
    assert!(text.contains("carol fails to become root through su"), "{text}");
    assert!(text.contains("no failed login for alice"), "{text}");
    everything_holds(&report);
}

#[test]
fn a_job_of_cron_or_at_is_told_by_its_command_and_user() {
    for (daemon, service, method, command) in [
        ("/usr/sbin/cron", "cron", "crontab", Some("/home/bob/check.sh --fast")),
        ("/usr/sbin/atd", "at", "at", None),
    ] {
        let mut story = Story::new();
        let daemon = story.service("scheduler.service", ROOT, daemon, daemon);
        let exe = story.of(daemon).exe.clone();
        let child = story.run(daemon, 119, ROOT, &exe, &exe);
        story.begun(child, 119, login(service, "bob", method, Some("bob"), command));
        let shell = story.run(child, 119, BOB, "/usr/bin/dash", "/bin/sh");
        let nmap = story.run(shell, 120, BOB, "/usr/bin/nmap", "nmap -sT 198.51.100.7");
        story.raw_scan(nmap, 121, 134, Via::Socket);
        let report = report_of(&story, accused(120, 180));
        assert_eq!(report.facts.entry, "cron");
        assert_eq!(report.facts.person.as_ref().unwrap().raw(), "bob");
        let said = format!("{service} started it: {}", command.unwrap_or("/bin/sh"));
        assert!(report.sentence.contains(&said), "{}", report.sentence);
        assert!(report.facts.login.is_none(), "nobody logged in");
        assert_eq!(report.facts.confidence, Confidence::High);
        everything_holds(&report);
    }
}

#[test]
fn an_ssm_session_names_its_iam_principal_also_where_its_worker_sends() {
    const SESSION: &str = "carol@example.com-0a1b2c3d4e5f60718";
    for forwards in [false, true] {
        let mut story = Story::new();
        let agent =
            story.service("amazon-ssm-agent.service", ROOT, "/usr/bin/ssm-agent-worker", "ssm-agent-worker");
        let line = format!("ssm-session-worker {SESSION}");
        let worker = story.run(agent, 60, ROOT, "/usr/bin/ssm-session-worker", &line);
        story.begun(worker, 60, login("ssm", "ssm-user", "session-manager", Some(SESSION), None));
        let sender = if forwards {
            worker
        } else {
            let shell = story.run(worker, 61, User(1001, "ssm-user"), "/usr/bin/bash", "sh");
            story.sudo(shell, 120, "/usr/bin/nmap", NMAP)
        };
        story.raw_scan(sender, 121, 134, Via::Socket);
        let report = report_of(&story, accused(120, 180));
        assert_eq!(report.facts.entry, "ssm_session", "forwards: {forwards}");
        assert_eq!(report.facts.person.as_ref().unwrap().raw(), "carol@example.com");
        assert_eq!(report.judgement.suspects[0].person.as_ref().unwrap().known_by, "ssm_session");
        assert!(report.sentence.contains(SESSION), "{}", report.sentence);
        let text = report::text(&report).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("the IAM name in the SSM session's id"), "{text}");
        everything_holds(&report);
    }
}

#[test]
fn an_ssm_command_is_told_by_its_id() {
    const ID: &str = "6ffe15a8-e0fc-4f4e-9b6c-0a4c9f0b1d2e";
    let mut story = Story::new();
    let agent =
        story.service("amazon-ssm-agent.service", ROOT, "/usr/bin/ssm-agent-worker", "ssm-agent-worker");
    let line = format!("ssm-document-worker {ID}");
    let worker = story.run(agent, 60, ROOT, "/usr/bin/ssm-document-worker", &line);
    story.begun(worker, 60, login("ssm", "root", "run-command", Some(ID), None));
    let script = story.run(worker, 61, ROOT, "/usr/bin/dash", "sh -c /var/lib/amazon/ssm/x/_script.sh");
    let nmap = story.run(script, 120, ROOT, "/usr/bin/nmap", NMAP);
    story.raw_scan(nmap, 121, 134, Via::RawIp);
    let report = report_of(&story, accused(120, 180));
    told(&report, "a scan by a command sent through SSM", "CloudTrail's SendCommand names who sent it");
    assert_eq!(report.facts.entry, "ssm_command");
    assert!(report.sentence.contains(ID), "{}", report.sentence);
    everything_holds(&report);
}

/// Whoever sends a command, and root's own job, may act as any account of the host: that is nobody's doing who has it.
#[test]
fn what_root_does_as_another_account_is_not_that_accounts() {
    for (service, method, entry, person) in [
        ("ssm-document-worker", "run-command", "ssm_command", None),
        ("cron", "crontab", "cron", Some("root")),
    ] {
        for elevator in ["su", "sudo", "runuser"] {
            let mut story = Story::new();
            let server = story.service("x.service", ROOT, &format!("/usr/bin/{service}"), service);
            story.begun(server, 60, login(service, "root", method, None, None));
            let script = story.run(server, 61, ROOT, "/usr/bin/dash", "sh -c x");
            let step = story.run(script, 62, ROOT, &format!("/usr/bin/{elevator}"), elevator);
            story.step(step, 62, elevator, "root", "bob", "nmap");
            let nmap = story.run(step, 120, BOB, "/usr/bin/nmap", NMAP);
            story.raw_scan(nmap, 121, 134, Via::RawIp);
            let report = report_of(&story, accused(120, 180));
            assert_eq!(report.facts.entry, entry);
            let told = report.facts.person.as_ref().map(|person| person.raw());
            assert_eq!(told, person, "{entry} {elevator}: {}", report.sentence);
            everything_holds(&report);
        }
    }
}

#[test]
fn a_console_login_is_a_console_and_has_its_person() {
    let mut story = Story::new();
    let getty = story.service("serial-getty@ttyS0.service", ROOT, "/usr/bin/login", "/bin/login -p --");
    story.begun(getty, 60, login("login", "alice", "console", Some("ttyS0"), None));
    let shell = story.run(getty, 60, ALICE, "/usr/bin/bash", "-bash");
    let nmap = story.sudo(shell, 120, "/usr/bin/nmap", NMAP);
    story.raw_scan(nmap, 121, 134, Via::Packet);
    let report = report_of(&story, accused(120, 180));
    told(&report, "a scan from a login on the console", "the console and its person");
    assert_eq!(report.facts.entry, "console");
    assert_eq!(report.facts.person.as_ref().unwrap().raw(), "alice");
    assert!(report.sentence.contains("on the console ttyS0"), "{}", report.sentence);
    everything_holds(&report);
}

#[test]
fn a_container_is_told_by_name_image_and_pod() {
    let id = "4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e";
    let mut story = Story::new();
    let shim =
        story.service("containerd.service", ROOT, "/usr/bin/containerd-shim-runc-v2", "containerd-shim");
    let main = story.run(shim, 0, ROOT, "/bin/sh", "sh /run.sh");
    let scanner = story.run(main, 120, ROOT, "/usr/bin/nmap", NMAP);
    for process in [main, scanner] {
        story.of(process).cgroup = format!("/kubepods.slice/cri-containerd-{id}.scope");
        story.of(process).container = Some(Box::new(Container {
            runtime: "containerd".to_owned(),
            id: id.to_owned(),
            name: Some("web".to_owned()),
            image: Some("example.com/shop/web:1.2".to_owned()),
            pod: Some("shop/web-0".to_owned()),
        }));
    }
    story.raw_scan(scanner, 121, 134, Via::Packet);
    let report = report_of(&story, accused(120, 180));
    told(&report, "a scan in a pod", "container, image and pod; no person");
    let Entry::Container { name, .. } = &report.judgement.suspects[0].entry else {
        panic!("{:?}", report.judgement.suspects[0].entry)
    };
    assert_eq!(name.as_ref().unwrap().raw(), "web");
    let said =
        "in the container containerd 4f5e9d1c0b2a (web, image example.com/shop/web:1.2, pod shop/web-0)";
    assert!(report.sentence.contains(said), "{}", report.sentence);
    assert_eq!(report.facts.person, None);
    assert_eq!(report.facts.confidence, Confidence::High);
    everything_holds(&report);
}
