//! What people do about a case while something fails: Slack, the store, the connection, the bot itself.
//!
//! The bot that is shipped, beside stand-ins that answer from memory: no lab is needed.

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context;
use nix::sys::signal::Signal;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use serde_json::json;
use tests::lab::wait_until;
use tests::programs::Programs;
use tests::serving::ACCUSED;
use tests::serving::Serving;
use tests::serving::Settings;
use tests::serving::culprits;
use tests::serving::hosts;
use tests::serving::notice;
use tests::serving::terms;
use tests::standins::cloud::Reply;
use tests::standins::cloud::Script;
use tests::standins::slack;
use tests::standins::slack::ALICE;
use tests::standins::slack::PERSON;
use tests::standins::slack::Trouble;
use tests::standins::slack::Unconnected;

/// Longest wait for what a press brings about, when nothing fails.
const DONE_MAX: Duration = Duration::from_secs(40);
/// How long Slack waits for an acknowledgement, s.
const ACK_MAX_S: f64 = 3.0;

/// One case that is answered, and who works on it.
struct Desk {
    serving: Serving,
    told: slack::Message,
}

impl Desk {
    fn open(ask_timeout_s: u64, socket_mode: bool) -> anyhow::Result<Self> {
        Self::told(serve(culprits(), ask_timeout_s, socket_mode)?)
    }

    fn told(serving: Serving) -> anyhow::Result<Self> {
        let public = hosts(1)[0].public.unwrap_or(ACCUSED);
        serving.cloud.send(&proven(&notice(0, public)?));
        let told = serving.report(0, DONE_MAX)?;
        let desk = Self { serving, told };
        // The mails are old, and so is the deadline.
        desk.line("This concerns the security team")?;
        desk.line("Nobody took this case")?;
        Ok(desk)
    }

    fn slack(&self) -> &slack::Slack {
        &self.serving.slack
    }

    fn thread(&self) -> String {
        let messages = self.slack().messages();
        let ts = Some(self.told.ts.as_str());
        let lines = messages.iter().filter(|message| message.thread_ts.as_deref() == ts);
        lines.map(slack::Message::read).collect::<Vec<_>>().join("\n")
    }

    fn line(&self, text: &str) -> anyhow::Result<()> {
        wait_until(text, DONE_MAX, || self.thread().contains(text)).with_context(|| self.thread())
    }

    fn whisper(&self, text: &str) -> anyhow::Result<()> {
        let said = || {
            let whispers = self.slack().whispers();
            whispers.iter().any(|whisper| whisper.text.contains(text) || whisper.read.contains(text))
        };
        wait_until(text, DONE_MAX, said).with_context(|| format!("{:?}", self.slack().whispers()))
    }

    /// Has the user asked, and returns the question.
    fn question(&self) -> anyhow::Result<slack::Message> {
        self.slack().press(&self.told.ts, "gumshoe.ask")?;
        self.slack().wait_for("the question", DONE_MAX, |message| message.read().contains("Was this you?"))
    }

    /// Waits until a question has no buttons any more.
    fn closed(&self, question: &slack::Message) -> anyhow::Result<()> {
        let is_it =
            |message: &slack::Message| message.ts == question.ts && message.read().contains("You answered");
        self.slack().wait_for("the question without buttons", 3 * DONE_MAX, is_it).map(drop)
    }
}

fn serve(script: Script, ask_timeout_s: u64, socket_mode: bool) -> anyhow::Result<Serving> {
    let terms = terms(hosts(1), script);
    let actions = format!(
        "[slack.actions]\noffer = [\"take\", \"ask\", \"not_abuse\"]\nallowed_users = [\"{PERSON}\"]\n\
         ask_timeout_s = {ask_timeout_s}\nremind_before_s = 60\n[[slack.people]]\nslack = \"{ALICE}\"\n\
         linux = [\"alice\"]\n"
    );
    let settings = Settings { limits: actions, socket_mode, ..Settings::default() };
    Serving::start(&Programs::gumshoe()?, terms, &settings)
}

/// A mail as SES hands it on whose sender it found proven.
fn proven(mail: &str) -> String {
    let verdict = json!({"status": "PASS"});
    json!({
        "notificationType": "Received",
        "mail": {
            "timestamp": "2026-11-21T10:32:07Z", "source": "bounces@amazon.com", "messageId": "people",
            "destination": ["aws-abuse@example.com"],
        },
        "receipt": {
            "timestamp": "2026-11-21T10:32:07Z", "recipients": ["aws-abuse@example.com"], "spamVerdict": verdict,
            "virusVerdict": verdict, "spfVerdict": verdict, "dkimVerdict": verdict, "dmarcVerdict": verdict,
            "action": {"type": "SNS", "encoding": "UTF8"},
        },
        "content": mail,
    })
    .to_string()
}

#[test]
fn a_no_reaches_the_responders_though_slack_is_in_trouble() -> anyhow::Result<()> {
    // As many failures as the line about the answer and the first call of the responders are tried, and one more.
    const FAILURES: u32 = 13;
    let desk = Desk::open(8, true)?;
    let asked = desk.question()?;
    desk.line("asked whether it was they")?;
    desk.slack().break_down("chat.postMessage", FAILURES, Trouble::Status(503));
    desk.slack().press_as(ALICE, &asked.ts, "gumshoe.no")?;
    desk.closed(&asked)?;
    let is_told = || desk.thread().contains("Treat their credentials as stolen");
    wait_until("the responders told", 3 * DONE_MAX, is_told).with_context(|| desk.thread())?;
    assert_eq!(desk.thread().matches("Treat their credentials").count(), 1);
    // It was answered: that nobody answered is told to nobody.
    assert!(!desk.thread().contains("did not answer"), "{}", desk.thread());
    Ok(())
}

#[test]
fn silence_is_passed_on_though_slack_is_in_trouble() -> anyhow::Result<()> {
    const FAILURES: u32 = 8;
    let desk = Desk::open(4, true)?;
    desk.question()?;
    desk.line("asked whether it was they")?;
    desk.slack().break_down("chat.postMessage", FAILURES, Trouble::Status(503));
    let is_told = || desk.thread().contains("did not answer");
    wait_until("the responders told", 3 * DONE_MAX, is_told).with_context(|| desk.thread())?;
    assert_eq!(desk.thread().matches("did not answer").count(), 1);
    Ok(())
}

#[test]
fn who_was_perhaps_asked_is_not_asked_twice_and_can_answer() -> anyhow::Result<()> {
    let desk = Desk::open(8, true)?;
    desk.slack().break_down("chat.postMessage", 1, Trouble::Silence);
    let asked = desk.question()?;
    kill(Pid::from_raw(desk.serving.bot.pid().cast_signed()), Signal::SIGKILL)?;
    wait_until("the bot's end", DONE_MAX, || desk.slack().connections() == 0)?;
    let _next = desk.serving.another()?;
    wait_until("the next bot", DONE_MAX, || desk.slack().connections() == 1)?;
    // The press is taken over and says that it is under way; nobody is asked again.
    desk.whisper("That is being done")?;
    desk.slack().press_as(ALICE, &asked.ts, "gumshoe.yes")?;
    desk.line("that was me, and it was meant")?;
    desk.closed(&asked)?;
    let to_alice = |message: &&slack::Message| message.channel == asked.channel;
    assert_eq!(desk.slack().messages().iter().filter(to_alice).count(), 1, "asked twice");
    Ok(())
}

#[test]
fn without_ears_no_button_is_drawn_and_time_goes_on() -> anyhow::Result<()> {
    // A case's reminder and routing come all the same.
    let desk = Desk::open(4, false)?;
    assert!(desk.told.blocks.iter().all(|block| block["type"] != "actions"), "{}", desk.told.read());
    assert!(desk.slack().refused().is_empty(), "{:?}", desk.slack().refused());
    Ok(())
}

#[test]
fn a_slow_store_holds_up_no_acknowledgement() -> anyhow::Result<()> {
    const HELD_S: u64 = 2;
    let desk = Desk::open(8, true)?;
    let script = "import sqlite3, sys, time; c = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
                  c.execute('BEGIN IMMEDIATE'); print('held', flush=True); time.sleep(int(sys.argv[2]))";
    let mut holder = Command::new("python3");
    holder.args(["-c", script]).arg(desk.serving.state_dir().join("cases.sqlite")).arg(HELD_S.to_string());
    let mut holder = holder.stdout(Stdio::piped()).spawn()?;
    let mut held = String::new();
    BufReader::new(holder.stdout.take().context("no pipe")?).read_line(&mut held)?;
    assert_eq!(held.trim(), "held");
    let pressed = desk.slack().press(&desk.told.ts, "gumshoe.take")?;
    desk.line("took this case")?;
    holder.wait()?;
    let ack = desk.slack().acks().into_iter().find(|ack| ack.envelope_id == pressed).context("no ack")?;
    let after_s = ack.after_s.context("not acknowledged")?;
    assert!((1.0..ACK_MAX_S).contains(&after_s), "the store was not slow, or Slack waited: {after_s} s");
    assert_eq!(desk.thread().matches("took this case").count(), 1);
    Ok(())
}

#[test]
fn slow_questions_hold_up_no_button() -> anyhow::Result<()> {
    /// As many as are worked on at once, and some that wait.
    const QUESTIONS: usize = 12;
    let (silent, honest) = (Arc::new(AtomicBool::new(false)), culprits());
    let is_silent = Arc::clone(&silent);
    let script: Script = Arc::new(move |id, query| match is_silent.load(Ordering::SeqCst) {
        true => Reply::Silent,
        false => honest(id, query),
    });
    let desk = Desk::told(serve(script, 8, true)?)?;
    // From now on hosts do not answer.
    silent.store(true, Ordering::SeqCst);
    for _ in 0..QUESTIONS {
        desk.slack().command("/gumshoe", &format!("host {} since 1h", hosts(1)[0].id))?;
    }
    desk.slack().press(&desk.told.ts, "gumshoe.take")?;
    wait_until("the button", Duration::from_secs(10), || desk.thread().contains("took this case"))
        .with_context(|| desk.thread())?;
    Ok(())
}

#[test]
fn a_connection_that_hangs_or_is_refused_is_opened_again() -> anyhow::Result<()> {
    let desk = Desk::open(8, true)?;
    for how in [Unconnected::Silence, Unconnected::Refused] {
        desk.slack().refuse_connections(1, how);
        let before = desk.slack().opened();
        desk.slack().hang_up();
        let is_another = || desk.slack().opened() > before && desk.slack().connections() == 1;
        wait_until("another connection", DONE_MAX, is_another).with_context(|| format!("{how:?}"))?;
    }
    desk.slack().command("/gumshoe", "help")?;
    desk.whisper("/gumshoe who")
}

#[test]
fn no_log_holds_a_ticket_though_connecting_fails() -> anyhow::Result<()> {
    let serving = serve(culprits(), 8, true)?;
    let (folder, slack) = (tempfile::tempdir()?, &serving.slack);
    slack.refuse_connections(2, Unconnected::Refused);
    let before = slack.opened();
    let settings = fs::read_to_string(serving.state_dir().with_file_name("gumshoe.toml"))?;
    let config = folder.path().join("gumshoe.toml");
    let state = serving.state_dir().display().to_string();
    fs::write(&config, settings.replace(&state, &folder.path().join("state").display().to_string()))?;
    let log = folder.path().join("log");
    let mut bot = Command::new(Programs::gumshoe()?)
        .args(["serve", "--config"])
        .arg(&config)
        .envs(serving.cloud.environment())
        .env("RUST_LOG", "trace")
        .env("GUMSHOE_SLACK_TOKEN", slack.bot_token())
        .env("GUMSHOE_SLACK_APP_TOKEN", slack.app_token())
        .stdout(Stdio::null())
        .stderr(fs::File::create(&log)?)
        .spawn()?;
    let connected = wait_until("a connection at last", DONE_MAX, || slack.opened() > before);
    bot.kill()?;
    bot.wait()?;
    let log = fs::read_to_string(&log)?;
    connected.with_context(|| log.lines().take(40).collect::<Vec<_>>().join("\n"))?;
    assert!(log.lines().count() > 50, "that is not everything:\n{log}");
    assert!(log.contains("no connection to Slack") && log.contains("HTTP 403"), "it is not said");
    let tickets = slack.tickets();
    assert!(tickets.len() >= 4, "{tickets:?}");
    for secret in tickets.into_iter().chain([slack.bot_token(), slack.app_token()]) {
        let shown: Vec<_> = log.lines().filter(|line| line.contains(&secret)).collect();
        assert!(shown.is_empty(), "{shown:#?}");
    }
    Ok(())
}
