//! Every message that people see while they work on a case: valid for Slack, within its bounds, as it was meant.

use gumshoe::case::Action;
use gumshoe::case::Case;
use gumshoe::case::CaseId;
use gumshoe::case::Deed;
use gumshoe::case::DeedState;
use gumshoe::case::Disposition;
use gumshoe::case::Entry;
use gumshoe::case::NoticeRef;
use gumshoe::case::Verdict;
use gumshoe::config::Actions;
use gumshoe::config::OFFERS;
use gumshoe::config::Person;
use gumshoe::config::Slack;
use gumshoe::desk::Belief;
use gumshoe::desk::Drawing;
use gumshoe::desk::Standing;
use gumshoe::desk::calling;
use gumshoe::desk::dressed;
use gumshoe::desk::found;
use gumshoe::desk::question;
use gumshoe::desk::question_over;
use gumshoe::desk::said;
use gumshoe::desk::told;
use gumshoe::desk::told_press;
use gumshoe::desk::whom;
use gumshoe::report::Report;
use gumshoe::slack::HELP;
use gumshoe::slack::Message;
use gumshoe::slack::forms;
use gumshoe::slack::notes;
use gumshoe::untrusted::Untrusted;
use history::Via;
use serde_json::Value;
use serde_json::json;

use super::check::slack_takes;
use super::story::*;

const PAT: &str = "U0PERSON001";

fn scan() -> Report {
    let mut story = Story::new();
    let shell = story.ssh(ALICE, LAPTOP, 60);
    let nmap = story.sudo(shell, 120, "/usr/bin/nmap", "nmap -sS 198.51.100.7");
    story.raw_scan(nmap, 121, 134, Via::Packet);
    report_of(&story, accused(120, 180))
}

/// Every button that there is.
pub fn drawing() -> Drawing {
    let actions =
        Actions { offer: OFFERS.map(|action| action.name().to_owned()).to_vec(), ..Actions::default() };
    Drawing::new(Some(&Slack { actions: Some(actions), ..Slack::default() }))
}

pub fn proven() -> Standing {
    Standing { belief: Belief::Proven, reply: None }
}

fn deed(action: Action, said: &str, kept: Value) -> Deed {
    let begun = Deed::begun(action, 0, PAT, time(900));
    Deed { state: DeedState::Done, said: said.to_owned(), kept, ..begun }
}

/// A case to which everything was done.
pub fn everything_done(_case: &CaseId) -> Vec<Deed> {
    vec![
        deed(Action::Take, "took this case", Value::Null),
        deed(
            Action::Ask,
            "had Linux user alice asked whether it was they",
            json!({"asked": "U0PERSON003", "known_as": "Linux user alice"}),
        ),
        deed(
            Action::Answer,
            "says: no, that was not me",
            json!({"answer": "no", "known_as": "Linux user alice"}),
        ),
        deed(
            Action::Isolate,
            "isolated the instance: eni-0a (was in sg-0a)",
            json!({"interfaces": [{"id": "eni-0a", "vpc": "vpc-0a", "groups": ["sg-0a"]}]}),
        ),
        deed(Action::Snapshot, "copied the volumes: snap-0a", json!({"snapshots": ["snap-0a"]})),
        deed(Action::Stop, &format!("stopped process {}", "x".repeat(5_000)), json!({"process": "1-1-1@1"})),
        deed(
            Action::Reply,
            "answered abuse@example.com by mail, 21 h 4 min before the deadline",
            Value::Null,
        ),
    ]
}

/// Labels of the buttons.
fn buttons(blocks: &[Value]) -> Vec<&str> {
    let actions = blocks.iter().filter(|block| block["type"] == "actions");
    let elements = actions.flat_map(|block| block["elements"].as_array().into_iter().flatten());
    elements.filter_map(|button| button["text"]["text"].as_str()).collect()
}

#[test]
fn buttons_follow_what_was_done_and_what_can_be_undone() {
    let report = scan();
    let fresh = drawing().blocks(&report, &[], &proven());
    assert_eq!(
        buttons(&fresh),
        [
            "Take case",
            "Ask the user",
            "Not abuse",
            "Draft AWS reply",
            "Isolate",
            "Snapshot volumes",
            "Stop process"
        ]
    );
    let done = drawing().blocks(&report, &everything_done(&report.case_id), &proven());
    assert_eq!(
        buttons(&done),
        ["Give back", "Ask the user", "Not abuse", "End isolation", "Snapshot volumes", "Continue process"]
    );
    slack_takes(&fresh, "fresh");
    slack_takes(&done, "done");
}

#[test]
fn nothing_is_offered_by_default_or_for_an_unproven_sender() {
    let report = scan();
    assert_eq!(buttons(&Drawing::new(None).blocks(&report, &[], &proven())), [""; 0]);
    let standing = |belief| Standing { belief, reply: None };
    assert_eq!(buttons(&drawing().blocks(&report, &[], &standing(Belief::Refused))), [""; 0]);
    // Of a pasted notice nothing is known: nothing that changes or sends anything.
    assert_eq!(
        buttons(&drawing().blocks(&report, &[], &standing(Belief::Unknown))),
        ["Take case", "Ask the user", "Not abuse"]
    );
}

#[test]
fn every_message_is_as_it_was_meant() {
    let report = scan();
    let case = &report.case_id;
    let deeds = everything_done(case);
    insta::assert_json_snapshot!("desk_fresh", drawing().blocks(&report, &[], &proven()));
    insta::assert_json_snapshot!("desk_question", question(&report, 0).blocks);
    let lines = [
        told(case, &deeds[0]),
        told(
            case,
            &Deed { state: DeedState::Failed, said: "the host is gone".to_owned(), ..deeds[0].clone() },
        ),
        told_press(case, PAT, "Isolate", "refused, you may not"),
        calling(case, Some("S0RESPOND01"), "Nobody took this case."),
        calling(case, Some(PAT), "This concerns the owner."),
        calling(case, None, "Nobody is there."),
    ];
    for line in &lines {
        slack_takes(&line.blocks, &line.text);
    }
    insta::assert_json_snapshot!("desk_lines", lines.map(|line| (line.text, line.blocks)));
    insta::assert_json_snapshot!("desk_evidence", gumshoe::report::evidence_blocks(&report));
    let draft = forms::Draft {
        about: "GS-20261121-7F3A/0",
        to: Some("ec2-abuse@amazonaws.com"),
        why_not: "",
        subject: "Re: Your Amazon EC2 Abuse Report",
        body: &report.aws_reply,
        left: "21 h 4 min before the deadline",
    };
    let by_hand = forms::Draft { to: None, why_not: "The notice did not come by mail.", ..draft };
    insta::assert_json_snapshot!(
        "desk_forms",
        [forms::reply(&draft), forms::reply(&by_hand), forms::notice("C0123456789")]
    );
    let lines = [forms::Line { text: "GS-20261121-7F3A  nobody has it\nnmap on web-1".to_owned() }];
    insta::assert_json_snapshot!(
        "desk_home",
        [forms::home(&lines, 3, "1 of 1 hosts"), forms::home(&[], 0, "none")]
    );
}

#[test]
fn every_note_and_answer_is_as_it_was_meant() {
    let notice = |format: &str| NoticeRef {
        digest: "d".to_owned(),
        received: time(0),
        format: format.to_owned(),
        reporter_case: Some("12345".to_owned()),
        warnings: vec!["no time was found".to_owned()],
        aside: None,
    };
    let case = Case {
        id: CaseId("GS-20261121-7F3A".to_owned()),
        opened: time(0),
        notices: vec![notice("aws_email/final"), notice("guardduty")],
        claims: Vec::new(),
        deadline: None,
    };
    let dispositions =
        [Disposition::Unreadable, Disposition::NotAbuse, Disposition::Inbound, Disposition::Claims];
    let mut notes: Vec<Message> =
        dispositions.map(|disposition| notes::closed(&case, disposition, None)).into_iter().collect();
    notes.push(notes::further_notice(&case, &case.notices[0]));
    notes.push(notes::further_notice(&case, &case.notices[1]));
    notes.push(question_over("You answered: No. Thank you."));
    notes.push(question_over(
        "This was passed on, since there was no answer. Please talk to the security team.",
    ));
    let mut report = scan();
    let answers = [said(HELP.to_owned()), found(&report), {
        report.notes =
            vec![Untrusted::new("2 instances are named web-1: all of them are asked"), Untrusted::new("x")];
        found(&report)
    }];
    for (text, blocks) in notes
        .iter()
        .map(|note| (&note.text, &note.blocks))
        .chain(answers.iter().map(|answer| (&answer.text, &answer.blocks)))
    {
        slack_takes(blocks, text);
    }
    insta::assert_json_snapshot!(
        "desk_notes",
        notes.iter().map(|note| (&note.text, &note.blocks)).collect::<Vec<_>>()
    );
    insta::assert_json_snapshot!("desk_answers", answers.map(|answer| (answer.text, answer.blocks)));
    insta::assert_json_snapshot!("desk_home_hint", forms::home_hint("C0123456789"));
    // The case's message and page once everything was done and answered.
    let report = scan();
    let deeds = everything_done(&report.case_id);
    let dressed = dressed(&report, &deeds);
    assert!(dressed.judgement.findings.iter().any(|finding| finding.text.contains("that was not me")));
    insta::assert_json_snapshot!("desk_done", drawing().blocks(&dressed, &deeds, &proven()));
}

#[test]
fn who_is_asked_is_never_only_who_is_suspect() {
    let person = |slack: &str, linux: &[&str], iam: &[&str], owner: &[&str]| Person {
        slack: slack.to_owned(),
        linux: linux.iter().map(ToString::to_string).collect(),
        iam: iam.iter().map(ToString::to_string).collect(),
        owner: owner.iter().map(ToString::to_string).collect(),
    };
    let people = [
        person("UALICE", &["alice"], &["alice.a", "al"], &["alice-team"]),
        person("UOWNER", &[], &[], &["Platform-Team"]),
    ];
    let plain = scan();
    let change = |change: &dyn Fn(&mut Report)| {
        let mut report = plain.clone();
        change(&mut report);
        report
    };
    let owned = |report: &mut Report, value: &str| {
        for view in &mut report.judgement.hosts {
            view.host.tags.clear();
            view.host.tags.insert("OWNER".to_owned(), value.to_owned());
        }
    };
    let session = |report: &mut Report, session: &str| {
        let entry = Entry::SsmSession { session: Untrusted::new(session) };
        report.judgement.suspects[0].entry = entry;
        report.facts.person = Some(Untrusted::new("ssm-user"));
    };
    let stolen =
        |report: &mut Report| report.judgement.suspects[0].signs = vec!["from a new country".to_owned()];
    let nobody = |report: &mut Report| report.facts.person = Some(Untrusted::new("mallory"));
    type Expected = Result<(&'static str, &'static str), &'static str>;
    let cases: [(&str, Report, Expected); 12] = [
        ("a Linux user", change(&|it| owned(it, "x")), Ok(("UALICE", "Linux user alice"))),
        (
            "the user before the owner",
            change(&|it| owned(it, "platform-team")),
            Ok(("UALICE", "Linux user alice")),
        ),
        (
            "stolen: the owner",
            change(&|it| (owned(it, "platform-team"), stolen(it)).1),
            Ok(("UOWNER", "owner platform-team")),
        ),
        ("stolen, and no owner", change(&|it| (owned(it, "x"), stolen(it)).1), Err("call them")),
        (
            "stolen, and the owner is the same",
            change(&|it| (owned(it, "alice-team"), stolen(it)).1),
            Err("call them"),
        ),
        (
            "a compromise",
            change(&|it| {
                owned(it, "x");
                it.judgement.verdict = Verdict::Compromise;
            }),
            Err("call them"),
        ),
        (
            "an IAM principal",
            change(&|it| (owned(it, "x"), session(it, "alice.a-0f00ba")).1),
            Ok(("UALICE", "IAM principal of alice.a-0f00ba")),
        ),
        (
            "a name that only begins alike is not theirs",
            change(&|it| (owned(it, "x"), session(it, "alice.abel-0f00ba")).1),
            Err("neither the person"),
        ),
        (
            "an IAM principal whose session is suspect",
            change(&|it| (owned(it, "platform-team"), session(it, "alice.a-0f00ba"), stolen(it)).2),
            Ok(("UOWNER", "owner platform-team")),
        ),
        (
            "the shared user of SSM is nobody's, whoever it is",
            change(&|it| (owned(it, "platform-team"), session(it, "bob-0f00ba")).1),
            Ok(("UOWNER", "owner platform-team")),
        ),
        (
            "unknown person, known owner",
            change(&|it| (owned(it, "PLATFORM-TEAM"), nobody(it)).1),
            Ok(("UOWNER", "owner PLATFORM-TEAM")),
        ),
        ("nobody", change(&|it| (owned(it, "x"), nobody(it)).1), Err("neither the person (mallory)")),
    ];
    for (name, report, expected) in cases {
        let found = whom(&report, &people);
        match (&found, expected) {
            (Ok(found), Ok((slack, known_as))) => {
                assert_eq!((found.slack.as_str(), found.known_as.as_str()), (slack, known_as), "{name}");
            }
            (Err(why), Err(part)) => assert!(why.contains(part), "{name}: {why}"),
            _ => panic!("{name}: {found:?}"),
        }
    }
}

#[test]
fn the_picture_shows_chain_and_timeline() {
    let report = scan();
    let picture = gumshoe::report::png(&report).expect("a picture");
    assert!(picture.starts_with(b"\x89PNG") && picture.len() > 20_000, "{}", picture.len());
    if let Ok(folder) = std::env::var("GUMSHOE_SHOW_PICTURES") {
        std::fs::write(std::path::Path::new(&folder).join("scan.png"), &picture).expect("written");
    }
    assert!(gumshoe::report::alt_text(&report).contains("nmap"));
}
