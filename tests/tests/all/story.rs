//! Whole Gumshoe, from the scan to the message: each fact of the answer.

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use history::Body;
use tests::busy;
use tests::busy::Size;
use tests::facts::Expected;
use tests::facts::Facts;
use tests::lab::LAPTOP;
use tests::lab::UNTOUCHED;
use tests::lab::VICTIM;
use tests::lab::wait_until;
use tests::story::Programs;
use tests::story::Story;
use tests::story::Told;

/// The story as it was recorded earlier; `demo --keep-recording` makes it anew.
const RECORDING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/recording");

/// Longest wait for the first word about a notice.
const TOLD_MAX: Duration = Duration::from_secs(60);

/// Tells the story of `line`, typed by alice, and of a notice that names `victim`.
fn tell(line: &str, victim: Ipv4Addr) -> anyhow::Result<(Story, Told)> {
    let state = tempfile::tempdir()?;
    let mut story = Story::set(Programs::find()?, state.path())?;
    story.record()?;
    story.start_noise()?;
    let scanned = story.log_in_and_type("alice", line)?;
    story.serve()?;
    let told = story.notify(&story.notice(&scanned, victim))?;
    let refused = story.slack.refused();
    assert!(refused.is_empty(), "Slack refused: {refused:?}");
    Ok((story, told))
}

/// Checks that the report of a scan says all that happened.
fn check(line: &str, expected: &Expected) -> anyhow::Result<()> {
    let (_story, told) = tell(line, VICTIM)?;
    let facts = Facts::read(&told.report);
    let missing = expected.missing(&facts);
    assert!(missing.is_empty(), "{missing:#?}\n{facts:#?}\n{}", told.message.read());
    // The message itself says who and what.
    let read = told.message.read();
    for word in [expected.program, expected.person] {
        assert!(
            read.contains(word) && told.message.text.contains(word),
            "{word} is not in the message:\n{read}"
        );
    }
    Ok(())
}

/// What is expected of a scan by alice as root.
fn by_sudo(program: &'static str, command_line: String, ports: (u64, u64)) -> Expected {
    Expected {
        program,
        command_line,
        ran_as: "root",
        elevated_by: "sudo",
        person: "alice",
        login_from: LAPTOP.into(),
        ports,
    }
}

#[test]
fn a_syn_scan_by_sudo() -> anyhow::Result<()> {
    let command = format!("nmap -sS {VICTIM}");
    check(&format!("sudo {command}"), &by_sudo("nmap", command, (1_000, 1_000)))
}

#[test]
fn a_connect_scan_without_rights() -> anyhow::Result<()> {
    let command = format!("nmap -sT {VICTIM}");
    let expected = by_sudo("nmap", command.clone(), (1_000, 1_000));
    check(&command, &Expected { ran_as: "alice", elevated_by: "", ..expected })
}

/// Anybody on a host may write to its log; what stands there after the login must not name somebody else.
#[test]
fn a_forged_log_line_names_nobody() -> anyhow::Result<()> {
    let forged = "logger -p authpriv.info -t \"sshd[$(ps -o ppid= -p $PPID | tr -d ' ')]\" \
                  'Accepted publickey for bob from 198.51.100.66 port 7 ssh2: ED25519 SHA256:forged'";
    let command = format!("nmap -sS {VICTIM}");
    check(&format!("{forged}; sudo {command}"), &by_sudo("nmap", command, (1_000, 1_000)))
}

#[test]
fn a_udp_scan() -> anyhow::Result<()> {
    let command = format!("nmap -sU --top-ports 50 {VICTIM}");
    // nmap also looks whether the host is up, by two TCP ports.
    check(&format!("sudo {command}"), &by_sudo("nmap", command, (50, 52)))
}

#[test]
fn a_scan_by_masscan_which_sends_frames() -> anyhow::Result<()> {
    let command = format!("masscan -p 1-1000 --rate 1000 --wait 1 {VICTIM}");
    check(&format!("sudo {command}"), &by_sudo("masscan", command, (1_000, 1_000)))
}

#[test]
fn a_victim_that_nobody_touched() -> anyhow::Result<()> {
    // Somebody else was scanned: the tempting wrong answer.
    let (_story, told) = tell(&format!("sudo nmap -sS {VICTIM}"), UNTOUCHED)?;
    let facts = Facts::read(&told.report);
    assert_eq!(facts.verdict, "not_this_host", "{facts:#?}\n{}", told.message.read());
    assert!(facts.complete, "a denial needs complete coverage");
    Ok(())
}

#[test]
fn a_ring_recorded_earlier_answers_too() -> anyhow::Result<()> {
    let state = tempfile::tempdir()?;
    let mut story = Story::set(Programs::find()?, state.path())?;
    let notice = story.replay(Path::new(RECORDING))?;
    story.serve()?;
    let told = story.notify(&notice)?;
    let command = format!("nmap -sS {VICTIM}");
    let missing = by_sudo("nmap", command, (1_000, 1_000)).missing(&Facts::read(&told.report));
    assert!(missing.is_empty(), "{missing:#?}");
    Ok(())
}

#[test]
fn a_mail_that_lies_in_s3_is_fetched_also_when_it_is_late() -> anyhow::Result<()> {
    const BUCKET: &str = "gumshoe-mail";
    const KEY: &str = "in/m 1";
    let state = tempfile::tempdir()?;
    let mut story = Story::set(Programs::find()?, state.path())?;
    let notice = story.replay(Path::new(RECORDING))?;
    story.serve()?;
    let arrived = Instant::now();
    story.aws.deliver_stored_mail(notice.as_bytes(), BUCKET, KEY)?;
    let is_told = || story.slack.messages().iter().any(|it| it.read().contains("could not be fetched"));
    wait_until("what is said of a mail that is not there", TOLD_MAX, is_told)
        .with_context(|| story.gumshoe_log())?;
    story.aws.store_mail(&notice, BUCKET, KEY)?;
    // Between two deliveries the queue may look empty: the report tells that the mail was read.
    let is_reported = || story.slack.messages().iter().any(|it| it.read().contains("nmap"));
    wait_until("the report of the mail", TOLD_MAX, is_reported).with_context(|| story.gumshoe_log())?;
    let told = story.wait_for_answer(arrived)?;
    let command = format!("nmap -sS {VICTIM}");
    let missing = by_sudo("nmap", command, (1_000, 1_000)).missing(&Facts::read(&told.report));
    assert!(missing.is_empty(), "{missing:#?}");
    Ok(())
}

#[test]
fn the_recording_tells_nothing_of_the_machine_it_was_made_on() -> anyhow::Result<()> {
    for event in history::events(&Path::new(RECORDING).join("ring"))? {
        let Body::Process(process) = event.body else { continue };
        if process.cgroup.is_empty() {
            let texts = (process.argv.len(), process.env.len(), process.exe.as_str(), process.cwd.as_str());
            assert_eq!(texts, (0, 0, "", ""));
        }
        let inside = ["/home/", "/usr/", "/var/"].iter().any(|place| process.cwd.starts_with(place));
        let places = ["", "/", "/home", "/root", "/tmp", "/run"];
        assert!(inside || places.contains(&process.cwd.as_str()), "{process:#?}");
    }
    Ok(())
}

#[test]
fn a_scan_on_a_host_at_full_load_is_answered_and_all_of_its_work_is_in_the_ring() -> anyhow::Result<()> {
    let size = Size { clients: 2, requests: 1_000, sources: 6, ports: 500 };
    let state = tempfile::tempdir()?;
    let mut story = Story::set(Programs::find()?, state.path())?;
    story.record()?;
    let worked = busy::work(&story, Path::new(env!("CARGO_BIN_EXE_load")), size)?;
    let held = worked.held(&history::events(&story.ring())?)?;
    assert_eq!((held.done, held.unaccounted), (2_000 + 19 + 500, 0), "{held:?}");
    story.serve()?;
    let told = story.notify(&story.notice(&worked.scanned, VICTIM))?;
    let missing = worked.missing(&told, held);
    assert!(missing.is_empty(), "{missing:#?}\n{}", told.message.read());
    Ok(())
}

#[test]
fn a_notice_that_comes_twice_is_one_case() -> anyhow::Result<()> {
    let state = tempfile::tempdir()?;
    let mut story = Story::set(Programs::find()?, state.path())?;
    story.record()?;
    let scanned = story.log_in_and_type("alice", &format!("sudo nmap -sS {VICTIM}"))?;
    story.serve()?;
    let notice = story.notice(&scanned, VICTIM);
    let first = story.notify(&notice)?;
    let second = story.notify(&notice)?;
    assert_eq!(first.message.ts, second.message.ts);
    let threads = story.slack.messages().iter().filter(|message| message.thread_ts.is_none()).count();
    assert_eq!(threads, 1);
    Ok(())
}
