//! What fails around the bot, and the bot itself, each run to its end and held against the undisturbed run.
//!
//! The program that is shipped, killed for real, beside stand-ins that answer from memory. What each fault must come to:
//!
//! | fault | where | must come to |
//! |---|---|---|
//! | kill -9 after receive | [`KILLS`] | the same report, one message |
//! | kill -9 after store, before and after send, while polling | [`KILLS`] | the same |
//! | kill -9 before and after the post, after the report, after the upload | [`KILLS`] | the same |
//! | kill -9 before and after delete | [`KILLS`] | the same |
//! | kill -9 at every call of store, Slack and host | `bot/tests/serve.rs` | the same |
//! | two replicas, duplicates among what they share | `two_replicas_share_...` | each case once |
//! | redelivery while it is worked on, and afterwards | `what_is_delivered_again_...` | the same |
//! | the store locked for 30 s, from before the notice or while a host is asked: SQLite | `a_store_that_is_away_...` | the same, later |
//! | the same with DynamoDB, which answers nobody | `a_table_that_is_away_...` | the same, later |
//! | Slack 429, 503, an answer that never comes | `slack_in_trouble_...` | the same, with its files |
//! | uploads that fail longer than one call is tried | `detail_that_slack_...` | the same, with its files, later |
//! | SSM throttled; no invocation for 5 s | `ssm_that_is_slow_...` | the same |
//! | a host's clock off by 10 min | `a_clock_that_is_off_...` | the same, less sure, and said |
//! | agent offline, truncated answer, garbage | `a_host_that_gives_no_answer_...` | unknown, and why |
//! | leases lost, SIGTERM, poison, a panicking reader, blocks that Slack refuses | `bot/tests/serve.rs` | as there |

use std::fs;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context;
use anyhow::ensure;
use nix::sys::signal::Signal;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use serde_json::Value;
use tests::lab::wait_until;
use tests::programs::Programs;
use tests::serving::ACCUSED;
use tests::serving::Serving;
use tests::serving::Settings;
use tests::serving::culprits;
use tests::serving::hosts;
use tests::serving::is_right;
use tests::serving::notice;
use tests::serving::terms;
use tests::standins::Moment;
use tests::standins::Moto;
use tests::standins::cloud::Reply;
use tests::standins::cloud::Script;
use tests::standins::cloud::Terms;
use tests::standins::slack::Trouble;

/// How long one run may take, faults and waits included.
const RUN_MAX: Duration = Duration::from_secs(90);

/// Where the bot is killed: in which call, at which of its moments.
const KILLS: [(&str, &str, Moment); 12] = [
    ("after receive", "ReceiveMessage", Moment::Done),
    ("after store", "DescribeNetworkInterfaces", Moment::Asked),
    ("before send", "SendCommand", Moment::Asked),
    ("after send", "SendCommand", Moment::Done),
    ("while polling", "GetCommandInvocation", Moment::Asked),
    ("after the answer", "GetCommandInvocation", Moment::Done),
    ("before the post", "chat.postMessage", Moment::Asked),
    ("after the post", "chat.postMessage", Moment::Done),
    ("after the report", "chat.update", Moment::Done),
    ("after the upload", "files.completeUploadExternal", Moment::Done),
    ("before delete", "DeleteMessage", Moment::Asked),
    ("after delete", "DeleteMessage", Moment::Done),
];

/// One host that did it, and the bot that is told.
struct Run {
    serving: Serving,
    mail: String,
    /// Where the cases are, if not in the bot's folder.
    moto: Option<Moto>,
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq)]
struct End {
    /// The report's facts and its sentence.
    facts: Value,
    sentence: Value,
    notes: Vec<String>,
}

impl Run {
    fn start(script: Script, change: impl FnOnce(&mut Terms), limits: &str) -> anyhow::Result<Self> {
        Self::start_on(None, script, change, limits)
    }

    /// With its cases in a table.
    fn with_table() -> anyhow::Result<Self> {
        let moto = Moto::start()?;
        moto.create_table("cases")?;
        Self::start_on(Some(moto), culprits(), |_| (), "")
    }

    fn start_on(
        moto: Option<Moto>,
        script: Script,
        change: impl FnOnce(&mut Terms),
        limits: &str,
    ) -> anyhow::Result<Self> {
        let hosts = hosts(1);
        let mail = notice(0, hosts[0].public.unwrap_or(ACCUSED))?;
        let mut terms = Terms { answers_after: Duration::from_millis(50), ..terms(hosts, script) };
        change(&mut terms);
        terms.dynamodb = moto.as_ref().map(|moto| moto.address().to_owned());
        let limits = format!("visibility_s = 3\n{limits}");
        let more = moto.as_ref().map_or("", |_| "[store]\ndynamodb_table = \"cases\"\n").to_owned();
        let settings = Settings { limits, more, ..Settings::default() };
        let serving = Serving::start(&Programs::gumshoe()?, terms, &settings)?;
        Ok(Self { serving, mail, moto })
    }

    /// Does something and sends the notice, or does it in the first call of a name that this notice leads to. Returns
    /// what that came to, once it was done.
    fn when<T: Send + 'static>(
        &self,
        call: Option<&'static str>,
        act: impl Fn() -> anyhow::Result<T> + Send + Sync + 'static,
    ) -> anyhow::Result<Arc<Mutex<Vec<T>>>> {
        let done = Arc::new(Mutex::new(Vec::new()));
        let Some(call) = call else {
            done.lock().unwrap_or_else(PoisonError::into_inner).push(act()?);
            self.send();
            return Ok(done);
        };
        let noted = Arc::clone(&done);
        self.serving.cloud.on_call(Some(Arc::new(move |operation: &str, moment| {
            let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
            if (operation, moment) == (call, Moment::Done) && noted.is_empty() {
                noted.extend(act().ok());
            }
            true
        })));
        self.send();
        wait_until("it to be done", RUN_MAX, || {
            !done.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
        })?;
        Ok(done)
    }

    /// The reports that it wrote, wherever it keeps them.
    fn reports(&self) -> anyhow::Result<Vec<Vec<u8>>> {
        if let Some(moto) = &self.moto {
            return moto.files("cases", "report.json");
        }
        let cases = fs::read_dir(self.serving.state_dir().join("cases"))?;
        cases.map(|case| Ok(fs::read(case?.path().join("report.json"))?)).collect()
    }

    fn usual() -> anyhow::Result<Self> {
        Self::start(culprits(), |_| (), "")
    }

    fn send(&self) {
        self.serving.cloud.send(&self.mail);
    }

    /// Waits until the queue is empty; then there is one message with one report of one case, and says what it is.
    fn end(&self) -> anyhow::Result<End> {
        let cloud = &self.serving.cloud;
        wait_until("the notice to leave the queue", RUN_MAX, || cloud.left() == 0)
            .with_context(|| format!("{:?}", cloud.calls()))?;
        let heads = self.serving.slack.messages().into_iter().filter(|message| message.thread_ts.is_none());
        ensure!(heads.count() == 1, "not one message: {:#?}", self.serving.slack.messages());
        ensure!(self.serving.reports().len() == 1, "the message has no report");
        ensure!(cloud.unknown().is_empty(), "{:?}", cloud.unknown());
        let mut reports = self.reports()?;
        let report: Value = serde_json::from_slice(&reports.pop().context("no case")?)?;
        ensure!(reports.is_empty(), "more than one case");
        let notes = report["notes"].as_array().into_iter().flatten();
        let notes = notes.filter_map(|note| note.as_str().map(str::to_owned)).collect();
        Ok(End { facts: report["facts"].clone(), sentence: report["sentence"].clone(), notes })
    }
}

impl Run {
    /// The picture, the page and the evidence stand in the thread, once each.
    fn has_detail(&self) -> anyhow::Result<()> {
        let names: Vec<String> = self.serving.slack.files().into_iter().map(|file| file.name).collect();
        let ending = |end: &str| names.iter().filter(|name| name.ends_with(end)).count();
        // What was done and never answered is done again.
        ensure!(ending(".png") >= 1 && ending(".html") >= 1 && names.len() <= 4, "{names:?}");
        let messages = self.serving.slack.messages();
        let evidence = messages.iter().filter(|message| message.read().contains("Evidence: event number"));
        ensure!(evidence.count() >= 1, "no evidence: {messages:#?}");
        Ok(())
    }
}

fn undisturbed() -> anyhow::Result<End> {
    let run = Run::usual()?;
    run.send();
    let end = run.end()?;
    ensure!(is_right(&run.serving.reports()[0]), "{end:?}");
    ensure!(end.facts["tool"] == "nmap" && end.facts["person"] == "alice", "{end:?}");
    Ok(end)
}

/// Runs several at a time: each waits more than it works.
fn all<T: Sync>(cases: &[T], run: impl Fn(&T) -> anyhow::Result<()> + Sync) -> anyhow::Result<()> {
    for some in cases.chunks(6) {
        std::thread::scope(|scope| {
            let running: Vec<_> = some.iter().map(|case| scope.spawn(|| run(case))).collect();
            running.into_iter().try_for_each(|one| match one.join() {
                Ok(outcome) => outcome,
                Err(panic) => std::panic::resume_unwind(panic),
            })
        })?;
    }
    Ok(())
}

#[test]
fn a_killed_bot_is_gone_on_from_where_it_was() -> anyhow::Result<()> {
    let expected = undisturbed()?;
    all(&KILLS, |(name, call, moment)| {
        let end = killed(call, *moment).with_context(|| format!("killed {name}"))?;
        ensure!(end == expected, "killed {name}: {end:#?}\nundisturbed: {expected:#?}");
        Ok(())
    })
}

/// Kills the bot in a call, and lets another go on.
fn killed(call: &'static str, at: Moment) -> anyhow::Result<End> {
    let run = Run::usual()?;
    let pid = Pid::from_raw(run.serving.bot.pid().cast_signed());
    let fired = Arc::new(AtomicBool::new(false));
    let done = Arc::clone(&fired);
    let hook = Arc::new(move |operation: &str, moment| {
        let is_it = operation == call && moment == at;
        if is_it && !done.swap(true, Ordering::SeqCst) {
            // Nobody is left to be answered; what is asked only is not done either.
            return kill(pid, Signal::SIGKILL).is_err();
        }
        true
    });
    run.serving.cloud.on_call(Some(hook.clone()));
    run.serving.slack.on_call(Some(hook));
    run.send();
    wait_until("the bot's end", RUN_MAX, || !run.serving.bot.runs())?;
    ensure!(fired.load(Ordering::SeqCst), "it ended by itself");
    // The queue gives it to the next one when its time is up; the case's lease ends by itself.
    run.serving.cloud.redeliver();
    let _next = run.serving.another()?;
    let end = run.end()?;
    let sent = run.serving.cloud.asked("SendCommand");
    ensure!((1..=2).contains(&sent), "{sent} commands");
    Ok(end)
}

#[test]
fn two_replicas_share_what_comes_and_each_case_is_worked_on_once() -> anyhow::Result<()> {
    const CASES: usize = 12;
    let all = hosts(CASES);
    let terms = Terms { answers_after: Duration::from_millis(50), ..terms(all.clone(), culprits()) };
    // A duplicate waits a quarter of it for who works on its case.
    let settings = Settings { limits: "visibility_s = 8\n".to_owned(), ..Settings::default() };
    let serving = Serving::start(&Programs::gumshoe()?, terms, &settings)?;
    let _other = serving.another()?;
    for (number, host) in all.iter().enumerate() {
        let mail = notice(number, host.public.unwrap_or(ACCUSED))?;
        serving.cloud.send(&mail);
        if number % 3 == 0 {
            serving.cloud.send(&mail);
        }
    }
    wait_until("the queue to be empty", RUN_MAX, || serving.cloud.left() == 0)?;
    let heads = serving.slack.messages().into_iter().filter(|message| message.thread_ts.is_none());
    assert_eq!(heads.count(), CASES);
    for host in &all {
        let of_host = serving.reports().into_iter().filter(|report| report.read().contains(&host.id));
        assert_eq!(of_host.filter(is_right).count(), 1, "{}", host.id);
    }
    // Hosts that are asked the same at the same time share a command.
    assert!((1..=CASES).contains(&serving.cloud.asked("SendCommand")), "{:?}", serving.cloud.calls());
    serving.end().map(drop)
}

#[test]
fn what_is_delivered_again_makes_nothing_twice() -> anyhow::Result<()> {
    let expected = undisturbed()?;
    let run = Run::usual()?;
    let cloud = Arc::downgrade(&run.serving.cloud);
    run.serving.cloud.on_call(Some(Arc::new(move |operation: &str, moment| {
        if (operation, moment) == ("SendCommand", Moment::Done)
            && let Some(cloud) = cloud.upgrade()
        {
            cloud.redeliver();
        }
        true
    })));
    run.send();
    assert_eq!(run.end()?, expected);
    // The same again, long after.
    run.send();
    run.send();
    assert_eq!(run.end()?, expected);
    assert_eq!(run.serving.cloud.asked("SendCommand"), 1);
    Ok(())
}

/// How long the store is away: longer than the bot waits for one write to it.
const AWAY: Duration = Duration::from_secs(30);

/// When it goes: before the notice comes, or in a call of a case that is worked on.
const AWAY_FROM: [Option<&str>; 2] = [None, Some("SendCommand")];

#[test]
fn a_store_that_is_away_only_delays() -> anyhow::Result<()> {
    let expected = undisturbed()?;
    all(&AWAY_FROM, |from| {
        let run = Run::usual()?;
        let store = run.serving.state_dir().join("cases.sqlite");
        let held = run.when(*from, move || lock(&store))?;
        let end = run.end().with_context(|| format!("away from {from:?}"))?;
        ensure!(end == expected, "away from {from:?}: {end:#?}");
        for mut holder in held.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            holder.wait()?;
        }
        Ok(())
    })
}

/// Holds SQLite's own lock, as a backup or another program would.
fn lock(store: &Path) -> anyhow::Result<Child> {
    let script = "import sqlite3, sys, time; c = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
                  c.execute('BEGIN IMMEDIATE'); print('held', flush=True); time.sleep(int(sys.argv[2]))";
    let mut holder = Command::new("python3");
    holder.args(["-c", script]).arg(store).arg(AWAY.as_secs().to_string());
    let mut holder = holder.stdout(Stdio::piped()).spawn()?;
    let mut held = String::new();
    let stdout = holder.stdout.take().context("no pipe")?;
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut held)?;
    ensure!(held.trim() == "held", "the store is not held: {held}");
    Ok(holder)
}

#[test]
fn a_table_that_is_away_only_delays() -> anyhow::Result<()> {
    let expected = undisturbed()?;
    let here: [Option<Option<&str>>; 3] = [None, Some(AWAY_FROM[0]), Some(AWAY_FROM[1])];
    all(&here, |away| {
        let run = Run::with_table()?;
        if let Some(from) = away {
            let cloud = Arc::downgrade(&run.serving.cloud);
            run.when(*from, move || {
                cloud.upgrade().context("it ended")?.take_dynamodb_away(AWAY);
                Ok(())
            })?;
        } else {
            run.send();
        }
        let end = run.end().with_context(|| format!("away {away:?}"))?;
        ensure!(end == expected, "away {away:?}: {end:#?}");
        Ok(())
    })
}

#[test]
fn slack_in_trouble_gets_one_message_all_the_same() -> anyhow::Result<()> {
    let expected = undisturbed()?;
    let methods =
        ["chat.postMessage", "chat.update", "files.getUploadURLExternal", "files.completeUploadExternal"];
    let troubles = [None, Some(Trouble::Status(503)), Some(Trouble::Silence)];
    let cases: Vec<_> =
        methods.iter().flat_map(|method| troubles.iter().map(move |trouble| (*method, *trouble))).collect();
    all(&cases, |(method, trouble)| {
        let run = Run::usual()?;
        match trouble {
            None => run.serving.slack.limit(method, 2, 1),
            Some(trouble) => run.serving.slack.break_down(method, 2, *trouble),
        }
        run.send();
        let end = run.end().with_context(|| format!("{method} {trouble:?}"))?;
        ensure!(end == expected, "{method} {trouble:?}: {end:#?}");
        run.has_detail().with_context(|| format!("{method} {trouble:?}"))
    })
}

#[test]
fn detail_that_slack_did_not_take_follows_when_it_does() -> anyhow::Result<()> {
    // More than one call is tried: the notice comes again, and only what is missing is attached.
    const FAILURES: u32 = 8;
    let run = Run::usual()?;
    run.serving.slack.break_down("files.getUploadURLExternal", FAILURES, Trouble::Status(503));
    run.send();
    run.end()?;
    run.has_detail()
}

#[test]
fn ssm_that_is_slow_to_show_or_throttles_only_takes_time() -> anyhow::Result<()> {
    let expected = undisturbed()?;
    let late = |terms: &mut Terms| terms.visible_after = Duration::from_secs(5);
    let cases = [None, Some("SendCommand"), Some("GetCommandInvocation")];
    all(&cases, |throttled| {
        let run = match throttled {
            None => Run::start(culprits(), late, "")?,
            Some(operation) => {
                let run = Run::usual()?;
                run.serving.cloud.fail(operation, 1, "ThrottlingException");
                run
            }
        };
        run.send();
        let end = run.end().with_context(|| format!("{throttled:?}"))?;
        ensure!(end == expected, "{throttled:?}: {end:#?}");
        Ok(())
    })
}

#[test]
fn a_clock_that_is_off_lowers_the_confidence_and_is_said() -> anyhow::Result<()> {
    let expected = undisturbed()?;
    let honest = culprits();
    let script: Script = Arc::new(move |id, query| {
        let Reply::Writes(line) = honest(id, query) else { return Reply::Silent };
        let Ok(mut evidence) = history::decode_evidence(&line) else { return Reply::Silent };
        evidence.answered = evidence.answered.plus_s(-600);
        history::encode_answer(&evidence).map_or(Reply::Silent, Reply::Writes)
    });
    let run = Run::start(script, |_| (), "")?;
    run.send();
    let end = run.end()?;
    for part in ["verdict", "tool", "person", "program", "argv", "pid", "instance_id", "entry"] {
        assert_eq!(end.facts[part], expected.facts[part], "{part}");
    }
    assert_eq!((&expected.facts["confidence"], &end.facts["confidence"]), (&"high".into(), &"medium".into()));
    assert!(
        end.notes.iter().any(|note| note.contains("the clock of") && note.contains("behind ours")),
        "{end:?}"
    );
    Ok(())
}

#[test]
fn a_host_that_gives_no_answer_ends_the_case_with_the_reason() -> anyhow::Result<()> {
    let truncated: Script = Arc::new(|id, query| match culprits()(id, query) {
        Reply::Writes(line) => Reply::Writes(format!("{}{line}", "x".repeat(23_000))),
        silent => silent,
    });
    let cases: [(&str, Script, &str); 3] = [
        ("offline", Arc::new(|_, _| Reply::Silent), "gave no answer within 3 s"),
        ("truncated", truncated, "cut off"),
        ("garbage", Arc::new(|_, _| Reply::Writes("\u{1b}[31m{}\u{202e}".to_owned())), "cannot be read"),
    ];
    all(&cases, |(name, script, why)| {
        let run = Run::start(Arc::clone(script), |_| (), "ssm_deadline_s = 3\n")?;
        run.send();
        let end = run.end().with_context(|| (*name).to_owned())?;
        ensure!(end.facts["verdict"] == "unknown", "{name}: {end:#?}");
        let told = format!("{} {:?}", end.sentence, end.notes);
        ensure!(told.contains(why), "{name}: {told}");
        ensure!(!told.contains('\u{1b}') && !told.contains('\u{202e}'), "{name}: {told}");
        Ok(())
    })
}
