//! Hosts that lie, and text that attacks its reader.

use gumshoe::case::Action;
use gumshoe::case::Answer;
use gumshoe::case::Case;
use gumshoe::case::Deed;
use gumshoe::case::DeedState;
use gumshoe::case::Disposition;
use gumshoe::case::DoubtKind;
use gumshoe::case::NoticeRef;
use gumshoe::desk;
use gumshoe::report;
use gumshoe::report::Report;
use gumshoe::slack::forms;
use gumshoe::slack::notes;
use gumshoe::untrusted;
use gumshoe::untrusted::Untrusted;
use history::Via;
use notice::Reply;

use super::check::doubts;
use super::check::everything_holds;
use super::check::slack_takes;
use super::story::*;
use super::told::told;

fn scan() -> Story {
    let mut story = Story::new();
    let shell = story.ssh(ALICE, LAPTOP, 60);
    let nmap = story.sudo(shell, 120, "/usr/bin/nmap", "nmap -sS 198.51.100.7");
    story.raw_scan(nmap, 121, 134, Via::Packet);
    story
}

#[test]
fn a_process_that_is_its_own_ancestor_ends_the_walk() {
    let mut story = scan();
    let sudo = story.processes.iter().position(|process| process.exe.ends_with("sudo")).unwrap();
    let nmap = story.processes.iter().find(|process| process.exe.ends_with("nmap")).unwrap().id;
    story.processes[sudo].parent = Some(nmap);
    let report = report_of(&story, accused(120, 180));
    told(&report, "the answer's process tree has a circle", "the answer contradicts itself");
    assert!(doubts(&report).contains(&DoubtKind::Inconsistent), "{:?}", report.judgement.doubts);
    assert_eq!(report.facts.confidence, gumshoe::case::Confidence::Low);
    everything_holds(&report);

    // Its own parent.
    story.processes[sudo].parent = Some(story.processes[sudo].id);
    everything_holds(&report_of(&story, accused(120, 180)));
}

#[test]
fn absurd_numbers_neither_hang_nor_crash() {
    let mut story = scan();
    let activity = story.activities.last_mut().unwrap();
    activity.flows = u64::MAX;
    activity.matched = u64::MAX;
    activity.packets = u64::MAX;
    activity.bytes = u64::MAX;
    activity.targets = u64::MAX;
    activity.port_ranges = (0..=u16::MAX).flat_map(|port| [(0, u16::MAX), (port, 0)]).collect();
    activity.first = history::UnixNs(i64::MIN);
    activity.last = history::UnixNs(i64::MAX);
    let copy = activity.clone();
    story.activities.extend(std::iter::repeat_n(copy, 50));
    everything_holds(&report_of(&story, accused(120, 180)));
    let activity = story.activities.last_mut().unwrap();
    (activity.first, activity.last) = (activity.last, activity.first);
    let report = report_of(&story, accused(120, 180));
    assert!(doubts(&report).contains(&DoubtKind::Inconsistent));
    everything_holds(&report);
}

#[test]
fn a_chain_of_ten_thousand_processes_ends() {
    let mut story = scan();
    let nmap = story.processes.iter().position(|process| process.exe.ends_with("nmap")).unwrap();
    let mut above = story.processes[nmap].parent.unwrap();
    for _ in 0..10_000 {
        above = story.run(above, 100, ROOT, "/bin/sh", "sh");
    }
    story.processes[nmap].parent = Some(above);
    let since = std::time::Instant::now();
    let report = report_of(&story, accused(120, 180));
    assert!(since.elapsed().as_secs() < 10, "{:?}", since.elapsed());
    assert!(!report.facts.chain_complete);
    everything_holds(&report);
}

#[test]
fn another_instance_does_not_answer_for_the_one_that_was_asked() {
    let claim = accused(120, 180);
    let mut answer = answer(&scan(), &claim);
    let Answer::Evidence { evidence, .. } = &mut answer.answer else { unreachable!() };
    evidence.host.instance_id = Some("i-0fedcba9876543210".to_owned());
    let report = report_with(vec![claim], located(), &[answer]);
    told(&report, "another instance answers than was asked", "the answer contradicts itself");
    assert_eq!(doubts(&report), [DoubtKind::Inconsistent]);
}

#[test]
fn traffic_that_is_said_to_match_and_shows_nothing_is_doubted() {
    let mut story = scan();
    story.activities.last_mut().unwrap().address_sample = vec!["203.0.113.1".parse().unwrap()];
    assert!(doubts(&report_of(&story, accused(120, 180))).contains(&DoubtKind::Inconsistent));
}

/// Text that attackers have put into command lines, or may.
fn corpus() -> Vec<String> {
    let mut corpus: Vec<String> = [
        "<!channel> <!here> <@U012AB3CD> <#C024BE7LR> <https://evil.example|click>",
        "`code` *bold* _it_ ~gone~ ```block``` :rotating_light: @here",
        "</code></script><script>alert(1)</script><img src=x onerror=alert(1)>",
        "]]></style><svg onload=alert(1)>\" onmouseover=\"x",
        "\u{1b}[2J\u{1b}]8;;http://evil.example\u{7}link\u{1b}]8;;\u{7}\u{9b}31m",
        "safe\u{202e}gpj.exe\u{202c} \u{2066}x\u{2069} \u{200b}zero\u{200d}width\u{feff}",
        "line\nbreak\r\nand\ttab \u{0} null \u{2028} \u{2029}",
        "http://evil.example/x https://u:hunter2@evil.example ftp://evil.example javascript:alert(1)",
        "{tool} {person} {{command}} {",
        "password=hunter2 --token abcdef0123456789 AWS_SECRET_ACCESS_KEY=abcd",
        "a\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
        "\u{fffd}\u{fffd} not utf-8",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
        "日本語のコマンド 🙂🙂🙂",
        "",
    ]
    .map(str::to_owned)
    .to_vec();
    corpus.push("A".repeat(10 << 20));
    corpus.push("<&\"'>".repeat(20_000));
    corpus.push("\u{202e}\u{1b}".repeat(20_000));
    corpus
}

#[test]
fn hostile_text_is_harmless_in_every_output() {
    for hostile in corpus() {
        let mut story = scan();
        for process in &mut story.processes {
            process.argv.push(hostile.clone());
            process.exe.push_str(&hostile);
            process.comm.clone_from(&hostile);
            process.cwd.clone_from(&hostile);
            process.user = Some(hostile.clone());
            process.login_user = Some(hostile.clone());
            process.cgroup.push_str(&hostile);
            process.tty = Some(hostile.clone());
        }
        for event in &mut story.logins {
            event.login.user.clone_from(&hostile);
            event.login.method.clone_from(&hostile);
            event.login.service.clone_from(&hostile);
            event.login.key = Some(hostile.clone());
            event.login.origin.clone_from(&hostile);
        }
        let claim = accused(120, 180);
        let mut answer = answer(&story, &claim);
        let Answer::Evidence { evidence, .. } = &mut answer.answer else { unreachable!() };
        evidence.host.hostname.clone_from(&hostile);
        evidence.coverage.gaps.push(history::Gap {
            window: history::Window { from: at(150), to: at(151) },
            reason: hostile.clone(),
        });
        evidence.omitted.push(history::Omission { what: hostile.clone(), count: 1 });
        // Tags come from EC2, which bounds them.
        let tag: String = hostile.chars().take(256).collect();
        answer.host.name = Some(tag.clone());
        answer.host.why.clone_from(&tag);
        answer.host.tags.insert("Owner".to_owned(), tag);
        let mut located = located();
        located.hosts[0] = answer.host.clone();
        located.notes.push(hostile.clone());
        let report = report_with(vec![claim], located, &[answer]);
        everything_holds(&report);
        let html = report::html(&report);
        for bad in ["<script", "<img", "onload=alert(1)>", "hunter2", "http://evil"] {
            assert!(!html.contains(bad), "{bad} in {html}");
        }
        assert!(html.len() < 400_000, "{}", html.len());
        let picture = report::png(&report).unwrap();
        assert!(picture.starts_with(b"\x89PNG") && picture.len() < 1_000_000, "{}", picture.len());
        let alt = report::alt_text(&report);
        assert!(!alt.contains("hunter2") && !alt.contains("http://evil"), "{alt}");
        let messages =
            [report::blocks(&report), report::evidence_blocks(&report), desk::question(&report, 0).blocks];
        let slack = serde_json::to_string(&messages).unwrap();
        assert!(!slack.contains("hunter2") && !slack.contains("http://evil"), "{slack}");
        people_see_nothing_hostile(&report, &hostile);
        let fallback = report::fallback_text(&report);
        for bad in ["<!", "<@", "<#", "`", "<http"] {
            assert!(!fallback.contains(bad), "{bad} in {fallback}");
        }
    }
}

/// Lines of the thread, forms, the home tab, notes and the mail, with a hostile text wherever one may come from outside.
fn people_see_nothing_hostile(report: &Report, hostile: &str) {
    let case = &report.case_id;
    let mut deed = Deed::begun(Action::Answer, 0, "U0PERSON001", time(900));
    deed.said = hostile.to_owned();
    deed.state = DeedState::Failed;
    deed.kept = serde_json::json!({"known_as": hostile, "answer": "no"});
    let notice = NoticeRef {
        digest: "d".to_owned(),
        received: time(0),
        format: hostile.to_owned(),
        reporter_case: Some(hostile.to_owned()),
        warnings: vec![hostile.to_owned(); 3],
        aside: None,
    };
    let of_notice = Case {
        id: case.clone(),
        opened: time(0),
        notices: vec![NoticeRef { format: "generic".to_owned(), ..notice.clone() }, notice],
        claims: Vec::new(),
        deadline: None,
    };
    let messages = [
        desk::told(case, &deed),
        desk::told(case, &Deed { state: DeedState::Done, ..deed.clone() }),
        desk::told_press(case, "U0PERSON001", hostile, hostile),
        desk::calling(case, Some("S0RESPOND01"), hostile),
        notes::closed(&of_notice, Disposition::Unreadable, None),
        notes::further_notice(&of_notice, &of_notice.notices[1]),
    ];
    for message in &messages {
        slack_takes(&message.blocks, &message.text);
        assert!(!message.text.contains("<!") && !message.text.contains("<@"), "{}", message.text);
    }
    let dressed = desk::dressed(report, &[Deed { state: DeedState::Done, ..deed }]);
    slack_takes(&report::blocks(&dressed), &report::fallback_text(&dressed));
    let found = desk::found(report);
    slack_takes(&found.blocks, &found.text);

    let reply = Reply {
        to: "abuse@example.com".to_owned(),
        subject: hostile.to_owned(),
        in_reply_to: Some(hostile.to_owned()),
        references: vec![hostile.to_owned(); 3],
    };
    let subject = desk::subject(Some(&reply));
    let draft = forms::Draft {
        about: "GS-20261121-7F3A/0",
        to: None,
        why_not: &Untrusted::new(hostile).shown(100),
        subject: &Untrusted::new(&subject).shown(200),
        body: &report.aws_reply,
        left: "1 h",
    };
    let lines = [forms::Line { text: untrusted::visible(&report.headline, 300) }];
    let coverage = desk::coverage(std::slice::from_ref(report));
    for view in [forms::reply(&draft), forms::home(&lines, 1, &coverage)] {
        let drawn = view.to_string();
        assert!(drawn.len() < 30_000, "{}", drawn.len());
        for bad in ["mrkdwn", "hunter2", "http://evil"] {
            assert!(!drawn.contains(bad), "{bad} in {drawn}");
        }
        let odd = drawn.chars().find(|&character| super::check::is_hostile(character));
        assert_eq!(odd, None, "{drawn}");
    }
    let mail = desk::mail("abuse@example.com", &reply, hostile, "Sat, 21 Nov 2026 10:00:00 +0000");
    let mail = String::from_utf8(mail).expect("ASCII");
    let (head, body) = mail.split_once("\r\n\r\n").expect("a body");
    assert!(mail.is_ascii() && mail.lines().all(|line| line.len() < 998), "{head}");
    assert!(head.bytes().all(|byte| byte.is_ascii_graphic() || b" \r\n".contains(&byte)), "{head}");
    assert_eq!(head.matches("Subject:").count(), 1, "{head}");
    assert!(body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=\r\n".contains(&byte)));
}

#[test]
fn bytes_that_are_no_text_are_shown_as_such_everywhere() {
    let mut mail = b"From: AWS <abuse@example.com>\r\nSubject: \xff\xfe\xc0\xaf report\r\n\r\n".to_vec();
    mail.extend_from_slice(
        b"203.0.113.10 scanned 198.51.100.7 on 2026-11-21 \xf0\x28\x8c\x28 \x80\x80 \xed\xa0\x80\r\n",
    );
    let context = notice::Context { received: Some(time(0)), ..Default::default() };
    let reading = notice::read(&mail, &context);
    let parsed = &reading.parsed;
    let notice = NoticeRef {
        digest: "d".to_owned(),
        received: time(0),
        format: parsed.format.clone(),
        reporter_case: parsed.case_id.clone(),
        warnings: parsed.warnings.clone(),
        aside: None,
    };
    let case = Case {
        id: gumshoe::case::CaseId("GS-20261121-7F3A".to_owned()),
        opened: time(0),
        notices: vec![notice.clone(), notice],
        claims: parsed.claims.clone(),
        deadline: None,
    };
    let blocks = report::blocks_investigating(&case);
    slack_takes(&blocks, "investigating");
    for disposition in [Disposition::Unreadable, Disposition::Claims] {
        let message = notes::closed(&case, disposition, None);
        slack_takes(&message.blocks, &message.text);
    }
    // A host's command line as bytes: what is no text is replaced, and nothing of it is swallowed.
    let argv = String::from_utf8_lossy(b"nmap \xff\xfe \xed\xa0\x80 \xc0\x80 -sS").into_owned();
    let mut story = scan();
    for process in &mut story.processes {
        process.argv.push(argv.clone());
    }
    let report = report_of(&story, accused(120, 180));
    everything_holds(&report);
    people_see_nothing_hostile(&report, &argv);
    assert!(
        report.facts.argv.as_ref().is_some_and(|shown| shown.shown(400).contains("-sS")),
        "{:?}",
        report.facts
    );
}
