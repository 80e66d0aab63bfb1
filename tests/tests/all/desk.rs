//! The desk over the websocket: every button, who may press it, what it does, and that it is done once.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tests::lab;
use tests::lab::VICTIM;
use tests::lab::wait_until;
use tests::notice;
use tests::standins::ISOLATION_GROUP;
use tests::standins::slack;
use tests::standins::slack::ALICE;
use tests::standins::slack::PERSON;
use tests::standins::slack::STRANGER;
use tests::story::Patience;
use tests::story::Programs;
use tests::story::Scanned;
use tests::story::Story;
use tests::story::Told;

/// The story as it was recorded earlier.
const RECORDING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/recording");
/// Longest wait for what a press brings about.
const DONE_MAX: Duration = Duration::from_secs(30);
/// How long Slack waits for an acknowledgement, s.
const ACK_MAX_S: f64 = 3.0;

/// A case that is answered, from the recording.
fn answered(state: &Path, patience: Option<Patience>) -> anyhow::Result<(Story, Told)> {
    let mut story = Story::set(Programs::find()?, state)?;
    if let Some(patience) = patience {
        story.patience = patience;
    }
    let notice = story.replay(Path::new(RECORDING))?;
    story.serve()?;
    let told = story.notify(&notice)?;
    Ok((story, told))
}

/// Waits for a line of the case's thread.
fn line(story: &Story, told: &Told, text: &str) -> anyhow::Result<slack::Message> {
    let is_it = |message: &slack::Message| {
        message.thread_ts.as_deref() == Some(told.message.ts.as_str()) && message.read().contains(text)
    };
    let found = story.slack.wait_for(text, DONE_MAX, is_it);
    found.with_context(|| format!("{}\n{}", thread(story, told), story.gumshoe_log()))
}

fn thread(story: &Story, told: &Told) -> String {
    let messages = story.slack.messages();
    let lines =
        messages.iter().filter(|message| message.thread_ts.as_deref() == Some(told.message.ts.as_str()));
    lines.map(slack::Message::read).collect::<Vec<_>>().join("\n")
}

/// Waits until the case's message has a button.
fn button(story: &Story, told: &Told, name: &str) -> anyhow::Result<()> {
    wait_until(name, DONE_MAX, || story.slack.pressing(PERSON, &told.message.ts, name).is_ok())
        .with_context(|| format!("{}\n{}", message(story, told), story.gumshoe_log()))
}

fn message(story: &Story, told: &Told) -> String {
    let messages = story.slack.messages();
    messages
        .iter()
        .find(|message| message.ts == told.message.ts)
        .map(slack::Message::read)
        .unwrap_or_default()
}

/// Waits for something that one person alone is told.
fn whisper(story: &Story, text: &str) -> anyhow::Result<()> {
    let said = || {
        story
            .slack
            .whispers()
            .iter()
            .any(|whisper| whisper.text.contains(text) || whisper.read.contains(text))
    };
    wait_until(text, DONE_MAX, said)
        .with_context(|| format!("{:?}\n{}", story.slack.whispers(), story.gumshoe_log()))
}

/// Slack refused nothing, and got every acknowledgement in time.
fn nothing_went_wrong(story: &Story) {
    assert!(story.slack.refused().is_empty(), "Slack refused: {:?}", story.slack.refused());
    let all = || story.slack.acks().iter().all(|ack| ack.after_s.is_some());
    wait_until("every acknowledgement", DONE_MAX, all).expect("an acknowledgement each");
    for ack in story.slack.acks() {
        assert!(ack.after_s.is_some_and(|after_s| after_s < ACK_MAX_S), "{ack:?}");
    }
}

#[test]
fn a_button_does_what_it_says_once_and_can_be_undone() -> anyhow::Result<()> {
    let state = tempfile::tempdir()?;
    let (story, told) = answered(state.path(), None)?;
    let ts = told.message.ts.as_str();
    let groups = story.aws.groups()?;
    assert!(!groups.is_empty() && !groups.iter().any(|group| group == ISOLATION_GROUP), "{groups:?}");

    // A double click: two presses of the same drawn button.
    let (first, second) = (
        story.slack.pressing(PERSON, ts, "gumshoe.take")?,
        story.slack.pressing(PERSON, ts, "gumshoe.take")?,
    );
    story.slack.deliver(first)?;
    story.slack.deliver(second.clone())?;
    line(&story, &told, "took this case")?;
    button(&story, &told, "gumshoe.release")?;
    whisper(&story, "That ")?;
    line(&story, &told, "nothing was done")?;
    // A stale one, long after.
    story.slack.press(ts, "gumshoe.release")?;
    line(&story, &told, "gave this case back")?;
    story.slack.deliver(second)?;

    // Somebody who may not.
    story.slack.press_as(STRANGER, ts, "gumshoe.isolate")?;
    line(&story, &told, "refused")?;
    whisper(&story, "not among the people")?;
    assert_eq!(story.aws.groups()?, groups, "a stranger changed something");

    story.slack.press(ts, "gumshoe.isolate")?;
    line(&story, &told, "isolated the instance")?;
    assert!(story.aws.groups()?.iter().all(|group| group == ISOLATION_GROUP), "{:?}", story.aws.groups()?);
    button(&story, &told, "gumshoe.restore")?;
    // Whatever the group lets through by now, the isolation can be ended.
    story.aws.open_isolation_group()?;
    story.slack.press(ts, "gumshoe.restore")?;
    line(&story, &told, "ended the isolation")?;
    assert_eq!(story.aws.groups()?, groups);

    // A group that lets half the Internet through cuts nothing off.
    button(&story, &told, "gumshoe.isolate")?;
    story.slack.press(ts, "gumshoe.isolate")?;
    line(&story, &told, "remove that rule")?;
    assert_eq!(story.aws.groups()?, groups);
    story.aws.close_isolation_group()?;
    // What is cut off already has groups of its own that nobody knows here.
    story.aws.isolate_by_hand()?;
    button(&story, &told, "gumshoe.isolate")?;
    story.slack.press(ts, "gumshoe.isolate")?;
    line(&story, &told, "is isolated already")?;

    story.slack.press(ts, "gumshoe.snapshot")?;
    line(&story, &told, "copied the volumes: snap-")?;
    story.slack.press(ts, "gumshoe.not_abuse")?;
    line(&story, &told, "closed this case")?;

    let took = thread(&story, &told).matches("took this case").count();
    assert_eq!(took, 1, "{}", thread(&story, &told));
    nothing_went_wrong(&story);
    Ok(())
}

#[test]
fn a_press_is_done_once_though_the_bot_is_killed_before_it_acknowledges() -> anyhow::Result<()> {
    let state = tempfile::tempdir()?;
    let (mut story, told) = answered(state.path(), None)?;
    story.freeze_bot()?;
    story.slack.press(&told.message.ts, "gumshoe.isolate")?;
    story.kill_bot()?;
    assert!(!story.aws.groups()?.iter().any(|group| group == ISOLATION_GROUP));
    // Slack delivers again to whoever connects next.
    story.serve()?;
    line(&story, &told, "isolated the instance")?;
    button(&story, &told, "gumshoe.restore")?;

    // Connections are refreshed: the next command goes over the next one.
    let before = story.slack.opened();
    story.slack.hang_up();
    let is_another = || story.slack.opened() > before && story.slack.connections() == 1;
    wait_until("another connection", DONE_MAX, is_another)?;
    story.slack.command("/gumshoe", "cases open")?;
    whisper(&story, "GS-")?;
    assert_eq!(thread(&story, &told).matches("isolated the instance").count(), 1);
    assert!(story.slack.refused().is_empty(), "{:?}", story.slack.refused());
    Ok(())
}

#[test]
fn a_press_is_done_once_though_the_bot_is_killed_after_it_acknowledges() -> anyhow::Result<()> {
    let state = tempfile::tempdir()?;
    let (mut story, told) = answered(state.path(), None)?;
    // Who may press is asked of Slack first. That is never answered: the press gets no further than that.
    let asked = Arc::new(AtomicBool::new(false));
    let noted = Arc::clone(&asked);
    story.slack.on_call(Some(Arc::new(move |method: &str, _| {
        let is_it = method == "usergroups.users.list";
        noted.fetch_or(is_it, Ordering::Relaxed);
        !is_it
    })));
    let pressed = story.slack.press(&told.message.ts, "gumshoe.isolate")?;
    let acknowledged =
        || story.slack.acks().iter().any(|ack| ack.envelope_id == pressed && ack.after_s.is_some());
    wait_until("the press to be acknowledged", DONE_MAX, || acknowledged() && asked.load(Ordering::Relaxed))?;
    story.kill_bot()?;
    assert!(!story.aws.groups()?.iter().any(|group| group == ISOLATION_GROUP));
    story.slack.on_call(None);

    // Slack delivers nothing again, and nobody presses again.
    story.serve()?;
    line(&story, &told, "isolated the instance")?;
    button(&story, &told, "gumshoe.restore")?;
    assert_eq!(thread(&story, &told).matches("isolated the instance").count(), 1);
    nothing_went_wrong(&story);
    Ok(())
}

#[test]
fn who_is_asked_answers_and_it_stands_in_the_report() -> anyhow::Result<()> {
    let state = tempfile::tempdir()?;
    let (story, told) = answered(state.path(), None)?;
    story.slack.press(&told.message.ts, "gumshoe.ask")?;
    let asked =
        story.slack.wait_for("the question", DONE_MAX, |message| message.read().contains("Was this you?"))?;
    assert_eq!(asked.channel, ALICE.replacen("U0", "D0", 1));
    // Nobody else answers for alice.
    story.slack.press_as(PERSON, &asked.ts, "gumshoe.yes")?;
    whisper(&story, "Only who was asked")?;
    line(&story, &told, "only who was asked can answer")?;
    story.slack.press_as(ALICE, &asked.ts, "gumshoe.no")?;
    line(&story, &told, "Treat their credentials as stolen")?;
    let report = || -> anyhow::Result<Value> {
        let json = told.html.with_file_name("report.json");
        Ok(serde_json::from_slice(&std::fs::read(json)?)?)
    };
    let stands = |report: &Value| {
        let findings = report["judgement"]["findings"].as_array().into_iter().flatten();
        findings.clone().any(|finding| {
            finding["about"] == "why"
                && finding["text"].as_str().is_some_and(|text| text.contains("that was not me at 20"))
        })
    };
    wait_until("the answer in the report", DONE_MAX, || report().is_ok_and(|report| stands(&report)))?;
    let html = std::fs::read_to_string(&told.html)?;
    assert!(html.contains("that was not me"), "the page lacks the answer");
    let is_closed =
        |message: &slack::Message| message.ts == asked.ts && message.read().contains("You answered: No");
    story.slack.wait_for("the question without buttons", DONE_MAX, is_closed)?;
    // The thread gets the page with the answer, and the message and the command say it.
    let pages = || {
        let files = story.slack.files();
        let title = |file: &slack::UploadedFile| file.title.clone().unwrap_or_default();
        files.iter().filter(|file| title(file).contains("with what was answered")).count()
    };
    wait_until("the page with the answer", DONE_MAX, || pages() == 1)?;
    wait_until("the answer in the message", DONE_MAX, || message(&story, &told).contains("that was not me"))?;
    let case = told.report["case_id"].as_str().context("no case")?.to_owned();
    story.slack.command("/gumshoe", &format!("case {case}"))?;
    let shown = || story.slack.whispers().iter().any(|whisper| whisper.read.contains("that was not me"));
    wait_until("the answer in /gumshoe case", DONE_MAX, shown)?;
    // What is drawn anew without another answer attaches nothing again.
    story.slack.press(&told.message.ts, "gumshoe.take")?;
    line(&story, &told, "took this case")?;
    button(&story, &told, "gumshoe.release")?;
    assert_eq!(pages(), 1);
    nothing_went_wrong(&story);
    Ok(())
}

#[test]
fn silence_is_passed_on_and_a_case_that_nobody_took_is_told_of() -> anyhow::Result<()> {
    let state = tempfile::tempdir()?;
    let patience = Patience { ask_timeout_s: 1, remind_before_s: 14 * 86_400 };
    let (story, told) = answered(state.path(), Some(patience))?;
    line(&story, &told, "This concerns the security team")?;
    line(&story, &told, "Nobody took this case")?;
    story.slack.press(&told.message.ts, "gumshoe.ask")?;
    line(&story, &told, "did not answer")?;
    for once in ["This concerns", "Nobody took this case", "did not answer"] {
        assert_eq!(thread(&story, &told).matches(once).count(), 1, "{}", thread(&story, &told));
    }
    nothing_went_wrong(&story);
    Ok(())
}

#[test]
fn the_reporter_is_answered_in_the_notices_own_thread() -> anyhow::Result<()> {
    let state = tempfile::tempdir()?;
    let (story, told) = answered(state.path(), None)?;
    story.slack.press(&told.message.ts, "gumshoe.reply")?;
    wait_until("the form", DONE_MAX, || !story.slack.views().is_empty())
        .with_context(|| story.gumshoe_log())?;
    line(&story, &told, "the draft was opened")?;

    // A gap in the letter is said at once, and nothing is sent.
    let gap = story
        .slack
        .submit(PERSON, &[("body", "We stopped it at [when it was stopped]."), ("how", "mail")])?;
    let ack =
        || story.slack.acks().into_iter().find(|ack| ack.envelope_id == gap).and_then(|ack| ack.payload);
    wait_until("what is wrong with the form", DONE_MAX, || ack().is_some())?;
    assert_eq!(ack().context("gone")?["response_action"], "errors");
    assert!(story.aws.sent_mails()?.is_empty());

    story.slack.submit(PERSON, &[("body", "Hello,\n\nwe stopped it at 10:20 UTC."), ("how", "mail")])?;
    let told_line = line(&story, &told, "by mail")?.read();
    // The recording is older than its deadline.
    assert!(told_line.contains("after the deadline (2026-11-22T20:01:36Z)"), "{told_line}");
    let mails = story.aws.sent_mails()?;
    assert_eq!(mails.len(), 1);
    let (head, body) = mails[0].split_once("\r\n\r\n").context("no mail")?;
    assert!(
        head.contains("Subject: Re: ") && head.contains("In-Reply-To: <") && head.contains("References: <"),
        "{head}"
    );
    let body = STANDARD.decode(body.replace("\r\n", ""))?;
    assert!(String::from_utf8(body)?.contains("we stopped it at 10:20 UTC"));

    // Sent twice, it goes out once.
    story.slack.submit(PERSON, &[("body", "Again."), ("how", "mail")])?;
    let _ = line(&story, &told, "by mail")?;
    assert_eq!(story.aws.sent_mails()?.len(), 1);
    nothing_went_wrong(&story);
    Ok(())
}

#[test]
fn a_notice_whose_sender_is_not_proven_offers_nothing() -> anyhow::Result<()> {
    let state = tempfile::tempdir()?;
    let mut story = Story::set(Programs::find()?, state.path())?;
    let notice = story.replay(Path::new(RECORDING))?;
    let forged: Vec<String> = notice
        .lines()
        .map(|line| {
            if line.starts_with("From:") {
                "From: AWS <abuse@example.net>".to_owned()
            } else {
                line.to_owned()
            }
        })
        .collect();
    story.serve()?;
    let told = story.notify(&(forged.join("\r\n") + "\r\n"))?;
    assert!(told.message.read().contains("nmap"), "it is investigated all the same: {}", told.message.read());
    let actions = told.message.blocks.iter().filter(|block| block["type"] == "actions").count();
    assert_eq!(actions, 0, "{}", told.message.read());
    Ok(())
}

#[test]
fn commands_forms_and_the_home_tab() -> anyhow::Result<()> {
    let state = tempfile::tempdir()?;
    let mut story = Story::set(Programs::find()?, state.path())?;
    let notice = story.replay(Path::new(RECORDING))?;
    story.serve()?;
    story.slack.open_home(PERSON)?;
    wait_until("the home tab", DONE_MAX, || story.slack.home(PERSON).is_some())
        .with_context(|| story.gumshoe_log())?;
    for (typed, expected) in [
        ("help", "/gumshoe who"),
        ("frobnicate", "none of the commands"),
        ("who", "say whom"),
        ("who 192.0.2.77 at 12:00", "Not known: who talked to 192.0.2.77"),
        ("case GS-20200101-0000", "There is no case"),
        ("stats", "No case was answered"),
        ("host nobody-bears-this since 1h", "no instance of ours is named nobody-bears-this"),
    ] {
        story.slack.command("/gumshoe", typed)?;
        whisper(&story, expected)?;
    }
    // The name that every report shows is a host's name here, too.
    let named = || story.slack.whispers().iter().filter(|whisper| whisper.read.contains("web-3")).count();
    let before = named();
    story.slack.command("/gumshoe", "host web-3 at 12:00")?;
    wait_until("the host by its name", DONE_MAX, || named() > before).with_context(|| story.gumshoe_log())?;
    // Of cases, who is neither in the channel nor may press sees nothing.
    story.slack.open_home(STRANGER)?;
    let hint =
        || story.slack.home(STRANGER).is_some_and(|home| home.to_string().contains("members of the channel"));
    wait_until("the hint", DONE_MAX, hint).with_context(|| story.gumshoe_log())?;
    story.slack.open_home(ALICE)?;
    let shows = || story.slack.home(ALICE).is_some_and(|home| home.to_string().contains("Open cases"));
    wait_until("a member's home tab", DONE_MAX, shows).with_context(|| story.gumshoe_log())?;
    // A pasted notice becomes a case as any other does; of its sender nothing is known.
    story.slack.command("/gumshoe", "notice")?;
    wait_until("the form", DONE_MAX, || !story.slack.views().is_empty())
        .with_context(|| story.gumshoe_log())?;
    // Longer than one field, it is pasted in parts.
    let lines: Vec<&str> = notice.lines().collect();
    let (first, second) = lines.split_at(lines.len() / 2);
    let (first, second) = (first.join("\n"), second.join("\n"));
    story.slack.submit(PERSON, &[("body", first.as_str()), ("continued", second.as_str())])?;
    whisper(&story, "That is case GS-")?;
    let posted = story.slack.wait_for("its report", DONE_MAX, |message| message.read().contains("nmap"))?;
    assert!(story.slack.pressing(PERSON, &posted.ts, "gumshoe.isolate").is_err(), "{}", posted.read());
    story.slack.open_home(PERSON)?;
    let shows = || story.slack.home(PERSON).is_some_and(|home| home.to_string().contains("nmap"));
    wait_until("the case in the home tab", DONE_MAX, shows).with_context(|| story.gumshoe_log())?;
    nothing_went_wrong(&story);
    Ok(())
}

#[test]
fn all_of_it_works_over_http_too_and_only_with_slacks_signature() -> anyhow::Result<()> {
    let state = tempfile::tempdir()?;
    let mut story = Story::set(Programs::find()?, state.path())?;
    story.signing_secret = Some(format!("signed-{}", std::process::id()));
    let notice = story.replay(Path::new(RECORDING))?;
    story.serve()?;
    let told = story.notify(&notice)?;
    assert_eq!(story.slack.connections(), 0, "Socket Mode is used beside");
    story.slack.command("/gumshoe", "stats")?;
    whisper(&story, "1 cases, 1 answered")?;
    let pressing = story.slack.pressing(PERSON, &told.message.ts, "gumshoe.take")?;
    assert_eq!(story.slack.call_with("not the secret", "interactive", &pressing)?, 401);
    story.slack.deliver(pressing.clone())?;
    line(&story, &told, "took this case")?;
    // Sent again, it is the same press.
    story.slack.deliver(pressing)?;
    story.slack.open_home(PERSON)?;
    wait_until("the home tab", DONE_MAX, || story.slack.home(PERSON).is_some())
        .with_context(|| story.gumshoe_log())?;
    assert_eq!(thread(&story, &told).matches("took this case").count(), 1);
    nothing_went_wrong(&story);
    Ok(())
}

/// Reports a scan that is under way once the victim has seen so many packets of it; what is told, and the suspect's pid.
fn reported(story: &mut Story, least: usize) -> anyhow::Result<(Told, u64)> {
    let public = format!("{}:", lab::INSTANCE_PUBLIC);
    let packets = || -> Vec<notice::Packet> {
        let log = story.lab.packet_log().unwrap_or_default();
        let packets = log.iter().filter_map(|line| notice::packet(line));
        packets.filter(|packet| packet.from.starts_with(&public)).collect()
    };
    wait_until("the scan", DONE_MAX, || packets().len() >= least)?;
    story.wait_for_commit()?;
    let scanned = Scanned { packets: packets(), seen: story.lab.seen()? };
    story.serve()?;
    let told = story.notify(&story.notice(&scanned, VICTIM))?;
    let pid = told.report["facts"]["pid"].as_u64().with_context(|| told.message.read())?;
    Ok((told, pid))
}

#[test]
fn the_very_process_is_stopped_and_goes_on() -> anyhow::Result<()> {
    let state = tempfile::tempdir()?;
    let mut story = Story::set(Programs::find()?, state.path())?;
    story.record()?;
    std::thread::sleep(Duration::from_secs(2));
    // A scan that is still under way when its notice comes.
    let session =
        story.lab.session("alice", &format!("nmap -Pn -sT --scan-delay 200ms -p 1-1000 {VICTIM}"))?;
    let (told, pid) = reported(&mut story, 10)?;
    let state_of = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next())
    };
    story.slack.press(&told.message.ts, "gumshoe.stop")?;
    line(&story, &told, "stopped process")?;
    assert_eq!(state_of(), Some('T'), "{}", thread(&story, &told));
    button(&story, &told, "gumshoe.continue")?;
    story.slack.press(&told.message.ts, "gumshoe.continue")?;
    line(&story, &told, "go on")?;
    assert_ne!(state_of(), Some('T'));

    // Once it is gone, nobody else is stopped in its stead.
    drop(session);
    let since = Instant::now();
    let pid_t = nix::unistd::Pid::from_raw(i32::try_from(pid)?);
    let _ = nix::sys::signal::kill(pid_t, nix::sys::signal::Signal::SIGKILL);
    wait_until("its end", DONE_MAX, || {
        !Path::new(&format!("/proc/{pid}")).exists() || since.elapsed() > DONE_MAX
    })?;
    button(&story, &told, "gumshoe.stop")?;
    story.slack.press(&told.message.ts, "gumshoe.stop")?;
    line(&story, &told, "is gone")?;
    nothing_went_wrong(&story);
    Ok(())
}

/// Connects slowly, and becomes another program once it is told to.
const TURNS: &str = "import os, socket, time
for port in range(1, 1001):
    with socket.socket() as s:
        s.settimeout(0.05)
        s.connect_ex((\"VICTIM\", port))
    time.sleep(0.05)
    if os.path.exists(\"/tmp/turn\"):
        os.execv(\"/bin/sleep\", [\"sleep\", \"300\"])
";

#[test]
fn a_process_that_became_another_program_is_not_stopped() -> anyhow::Result<()> {
    let state = tempfile::tempdir()?;
    let mut story = Story::set(Programs::find()?, state.path())?;
    story.record()?;
    std::thread::sleep(Duration::from_secs(2));
    let script = TURNS.replace("VICTIM", &VICTIM.to_string());
    let _session = story.lab.session("alice", &format!("python3 -c '{script}'"))?;
    let (told, pid) = reported(&mut story, 40)?;
    std::fs::write(story.lab.instance().path("/tmp/turn"), "")?;
    let name = || std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    wait_until("another program", DONE_MAX, || name().trim() == "sleep")?;
    story.slack.press(&told.message.ts, "gumshoe.stop")?;
    line(&story, &told, "executed")?;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    assert!(!stat.contains(") T "), "{stat}");
    nothing_went_wrong(&story);
    Ok(())
}

/// Findings of a command that prints them as JSON, by their subject: whether each is fine, and what it says.
fn findings(output: &std::process::Output) -> anyhow::Result<BTreeMap<String, (bool, String)>> {
    let read: Vec<Value> = serde_json::from_slice(&output.stdout).with_context(|| format!("{output:?}"))?;
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let entry = |finding: &Value| {
        (text(finding, "subject"), (finding["ok"] == true, text(finding, "says") + &text(finding, "next")))
    };
    Ok(read.iter().map(entry).collect())
}

#[test]
fn what_is_missing_for_a_deployment_is_said_in_words() -> anyhow::Result<()> {
    let state = tempfile::tempdir()?;
    let mut story = Story::set(Programs::find()?, state.path())?;
    story.replay(Path::new(RECORDING))?;
    let probed = || story.gumshoe(&["config", "check", "--probe", "--json"]);
    let found = findings(&probed()?)?;
    let wrong: Vec<_> = found.iter().filter(|(_, (ok, _))| !ok).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    for subject in
        ["queue", "Slack token", "Slack channel", "Slack history", "Slack files", "Slack app token"]
    {
        assert!(found.contains_key(subject), "{subject} was not tried: {found:#?}");
    }
    assert!(found.keys().any(|subject| subject.contains("Slack group")), "{found:#?}");
    for service in ["EC2", "SSM", "CloudTrail"] {
        assert!(found.keys().any(|subject| subject.ends_with(service)), "{service}: {found:#?}");
    }

    // What Slack refuses comes with what to do.
    for (method, subject) in [
        ("conversations.history", "Slack history"),
        ("files.getUploadURLExternal", "Slack files"),
        ("apps.connections.open", "Slack app token"),
        ("usergroups.users.list", "Slack group"),
    ] {
        story.slack.withhold(Some(method));
        let output = probed()?;
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let found = findings(&output)?;
        let wrong: Vec<_> = found.iter().filter(|(_, (ok, _))| !ok).collect();
        assert!(
            matches!(&wrong[..], [(name, (_, says))] if name.starts_with(subject) && says.contains("scope")),
            "{method}: {wrong:#?}"
        );
    }
    story.slack.withhold(None);

    // Who of the fleet has a recorder.
    let doctor = story.gumshoe(&["doctor", "--account"])?;
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(doctor.status.success(), "{doctor:?}");
    assert!(said.contains(&story.aws.instance_id), "{said}");
    Ok(())
}
