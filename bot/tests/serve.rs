//! The whole bot but its transports: notices through the pipeline and the intake, with everything that can fail
//! made to fail.

mod serve {
    pub mod fakes;
}

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use gumshoe::case::Accused;
use gumshoe::case::Activity;
use gumshoe::case::Claim;
use gumshoe::case::ClaimWindow;
use gumshoe::case::Disposition;
use gumshoe::case::Parsed;
use gumshoe::case::ZoneSource;
use gumshoe::case::store::CaseStore;
use gumshoe::case::store::SqliteStore;
use gumshoe::config::Config;
use gumshoe::intake::Intake;
use gumshoe::notice;
use gumshoe::pipeline::Edges;
use gumshoe::pipeline::Outcome;
use gumshoe::pipeline::Pipeline;
use gumshoe::playbook::Playbooks;
use jiff::Timestamp;
use serve::fakes::FakeHosts;
use serve::fakes::FakeLocator;
use serve::fakes::FakeQueue;
use serve::fakes::FakeSlack;
use serve::fakes::Fuse;
use serve::fakes::FusedStore;
use serve::fakes::Manner;
use tokio::sync::watch;

/// The tests' notices are what a reader would have made of them, as JSON.
fn reader(bytes: &[u8], _context: &notice::Context) -> Parsed {
    assert_ne!(bytes, b"panic", "made so");
    serde_json::from_slice(bytes).unwrap_or_else(|_| Parsed {
        format: "generic".to_owned(),
        disposition: Disposition::Unreadable,
        case_id: None,
        deadline: None,
        claims: Vec::new(),
        warnings: vec!["nothing was understood".to_owned()],
    })
}

fn notice(case_id: &str, addresses: &[&str], warning: &str) -> String {
    let claim = |address: &&str| Claim {
        accused: Accused { addresses: vec![address.parse().expect("address")], ..Accused::default() },
        remote: Vec::new(),
        window: Some(ClaimWindow {
            from: "2026-11-21T10:00:00Z".parse().expect("time"),
            to: "2026-11-21T10:05:00Z".parse().expect("time"),
            zone: ZoneSource::Explicit,
        }),
        activity: Activity::PortScan,
    };
    let parsed = Parsed {
        format: "aws_email".to_owned(),
        disposition: Disposition::Claims,
        case_id: Some(case_id.to_owned()),
        deadline: None,
        claims: addresses.iter().map(claim).collect(),
        warnings: vec![warning.to_owned()],
    };
    serde_json::to_string(&parsed).expect("written")
}

/// A bot with its own folder.
struct Bot {
    folder: tempfile::TempDir,
    slack: Arc<FakeSlack>,
    hosts: Arc<FakeHosts>,
    config: Config,
}

impl Bot {
    fn new(slack: FakeSlack, hosts: FakeHosts) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = Config { state_dir: folder.path().to_owned(), ..Config::default() };
        config.limits.visibility_s = 1;
        config.limits.drain_s = 5;
        Self { folder, slack: Arc::new(slack), hosts: Arc::new(hosts), config }
    }

    fn store(&self) -> SqliteStore {
        SqliteStore::open(&self.folder.path().join("cases.sqlite")).expect("opened")
    }

    fn pipeline(&self) -> Pipeline {
        self.pipeline_on(Arc::new(self.store()))
    }

    fn pipeline_on(&self, store: Arc<dyn CaseStore>) -> Pipeline {
        let edges = Edges {
            store,
            locator: Arc::new(FakeLocator),
            hosts: self.hosts.clone(),
            notifier: self.slack.clone(),
        };
        let playbooks = Playbooks::load(None).expect("playbooks");
        Pipeline::new(edges, Arc::new(playbooks), &self.config).with_reader(reader)
    }

    async fn handle(&self, body: &str) -> Outcome {
        self.pipeline().handle(body.as_bytes(), received()).await.expect("handled")
    }

    fn report(&self, outcome: &Outcome) -> String {
        let Outcome::Done { case, .. } = outcome else { panic!("{outcome:?}") };
        let path = self.folder.path().join("cases").join(&case.0).join("report.json");
        std::fs::read_to_string(path).expect("a report")
    }
}

fn received() -> Timestamp {
    "2026-11-21T10:30:00Z".parse().expect("time")
}

fn is_known(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Done { known: true, .. })
}

#[tokio::test]
async fn a_notice_becomes_one_message_with_its_report() {
    let bot = Bot::new(FakeSlack::default(), FakeHosts::default());
    let body = notice("P1", &["203.0.113.10"], "");
    let outcome = bot.handle(&body).await;
    assert!(!is_known(&outcome));
    assert_eq!(bot.slack.texts().len(), 1);
    assert_eq!(bot.slack.updates.load(Ordering::SeqCst), 1);
    assert_eq!(bot.slack.files.lock().expect("files").len(), 1);
    assert!(bot.report(&outcome).contains("i-203.0.113.10"));
    let Outcome::Done { case, .. } = &outcome else { panic!("{outcome:?}") };
    let kept = bot.folder.path().join("cases").join(&case.0).join("notice-1.eml");
    assert_eq!(std::fs::read_to_string(kept).expect("kept"), body);
}

#[tokio::test]
async fn a_redelivery_posts_and_asks_nothing_again() {
    let bot = Bot::new(FakeSlack::default(), FakeHosts::default());
    let body = notice("P1", &["203.0.113.10"], "");
    bot.handle(&body).await;
    for _ in 0..3 {
        assert!(is_known(&bot.handle(&body).await));
    }
    assert_eq!(bot.slack.texts().len(), 1);
    assert_eq!(bot.slack.updates.load(Ordering::SeqCst), 1);
    assert_eq!(bot.hosts.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_reminder_joins_its_case_and_a_new_accusation_reopens_it() {
    let bot = Bot::new(FakeSlack::default(), FakeHosts::default());
    bot.handle(&notice("P1", &["203.0.113.10"], "")).await;
    bot.handle(&notice("P1", &["203.0.113.10"], "a reminder")).await;
    assert_eq!(bot.slack.replies.lock().expect("replies").len(), 1);
    assert_eq!(bot.hosts.asked.load(Ordering::SeqCst), 1);
    let outcome = bot.handle(&notice("P1", &["203.0.113.10", "203.0.113.11"], "more")).await;
    assert_eq!(bot.slack.texts().len(), 1);
    assert_eq!(bot.slack.replies.lock().expect("replies").len(), 2);
    assert_eq!(bot.hosts.asked.load(Ordering::SeqCst), 2);
    let report = bot.report(&outcome);
    assert!(report.contains("i-203.0.113.10") && report.contains("i-203.0.113.11"));
}

#[tokio::test]
async fn hosts_that_do_not_answer_are_reported_and_end_the_case() {
    for (manner, expected) in
        [(Manner::Garbage, "invalid"), (Manner::Offline, "unreachable"), (Manner::Answers, "evidence")]
    {
        let hosts = FakeHosts { manner, ..FakeHosts::default() };
        let bot = Bot::new(FakeSlack::default(), hosts);
        let body = notice("P1", &["203.0.113.10"], "");
        let outcome = bot.handle(&body).await;
        assert_eq!(bot.slack.texts().len(), 1);
        assert!(is_known(&bot.handle(&body).await), "{manner:?} {expected} {outcome:?}");
        let store = bot.store();
        let Outcome::Done { case, .. } = outcome else { panic!("{outcome:?}") };
        let record = store.load(&case).await.expect("loaded").expect("there");
        let answer = serde_json::to_value(&record.questions[0].answer).expect("written");
        assert_eq!(answer["kind"], expected);
    }
}

#[tokio::test]
async fn slack_down_leaves_the_notice_and_the_answers_until_it_is_back() {
    let slack = FakeSlack { failing: AtomicUsize::new(3), ..FakeSlack::default() };
    let bot = Bot::new(slack, FakeHosts::default());
    let body = notice("P1", &["203.0.113.10"], "");
    bot.pipeline().handle(body.as_bytes(), received()).await.expect_err("Slack is down");
    assert!(bot.slack.texts().is_empty());
    // The report is on disk all the same.
    assert!(std::fs::read_dir(bot.folder.path().join("cases")).expect("cases").count() == 1);
    let outcome = bot.handle(&body).await;
    assert!(!is_known(&outcome));
    assert_eq!(bot.slack.texts().len(), 1);
    assert_eq!(bot.hosts.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn blocks_that_slack_refuses_still_give_one_line() {
    let slack = FakeSlack { refuses_blocks: true, ..FakeSlack::default() };
    let bot = Bot::new(slack, FakeHosts::default());
    bot.handle(&notice("P1", &["203.0.113.10"], "")).await;
    assert!(bot.slack.texts()[0].contains("in the thread"), "{:?}", bot.slack.texts());
    assert_eq!(bot.slack.files.lock().expect("files").len(), 1);
}

#[tokio::test]
async fn what_cannot_be_read_is_said_once_also_when_the_reader_panics() {
    let bot = Bot::new(FakeSlack::default(), FakeHosts::default());
    for body in ["\u{0}\u{1}", "panic"] {
        for _ in 0..3 {
            let outcome = bot.handle(body).await;
            assert!(matches!(outcome, Outcome::Unreadable { .. }), "{outcome:?}");
        }
    }
    assert_eq!(bot.slack.texts().len(), 2);
}

/// Cuts the work off at every call of the store, of Slack and of the host in turn, as a kill would, and resumes it.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_step_is_resumed_without_a_second_message() {
    let undisturbed = Bot::new(FakeSlack::default(), FakeHosts::default());
    let body = notice("P1", &["203.0.113.10", "203.0.113.11"], "");
    let fuse = Arc::new(Fuse::default());
    let whole = cut_off(&undisturbed, &fuse, &body).await;
    assert!(whole.is_none(), "nothing was cut off");
    let steps = fuse.calls();
    assert!(steps > 10, "{steps}");
    let mut runs = tokio::task::JoinSet::new();
    for step in 0..steps {
        let body = body.clone();
        runs.spawn(async move { (step, kill_and_resume(step, &body).await) });
    }
    let expected = undisturbed.slack.texts();
    for (step, (texts, asked)) in runs.join_all().await {
        assert_eq!(texts, expected, "cut off at step {step}");
        // A command that was sent and not stored is sent again; both only read.
        assert!((2..=4).contains(&asked), "cut off at step {step}: asked {asked} times");
    }
}

async fn kill_and_resume(step: usize, body: &str) -> (Vec<String>, usize) {
    let fuse = Fuse::after(step);
    let slack = FakeSlack { fuse: Some(Arc::clone(&fuse)), ..FakeSlack::default() };
    let hosts = FakeHosts { fuse: Some(Arc::clone(&fuse)), ..FakeHosts::default() };
    let mut bot = Bot::new(slack, hosts);
    cut_off(&bot, &fuse, body).await.expect("cut off");
    // The next process: same store, same Slack, no fuse.
    let channel = std::mem::take(&mut *bot.slack.channel.lock().expect("channel"));
    let asked = bot.hosts.asked.load(Ordering::SeqCst);
    bot.slack = Arc::new(FakeSlack { channel: channel.into(), ..FakeSlack::default() });
    bot.hosts = Arc::new(FakeHosts::default());
    for _ in 0..40 {
        match bot.handle(body).await {
            Outcome::Busy { .. } => tokio::time::sleep(Duration::from_millis(100)).await,
            Outcome::Done { .. } => {
                return (bot.slack.texts(), asked + bot.hosts.asked.load(Ordering::SeqCst));
            }
            other => panic!("{other:?}"),
        }
    }
    panic!("the lease of step {step} never ended");
}

/// Works until the fuse blows; none where the work ended before.
async fn cut_off(bot: &Bot, fuse: &Arc<Fuse>, body: &str) -> Option<()> {
    let store = FusedStore { store: bot.store(), fuse: Arc::clone(fuse) };
    let pipeline = bot.pipeline_on(Arc::new(store));
    tokio::select! {
        outcome = pipeline.handle(body.as_bytes(), received()) => {
            outcome.expect("handled");
            None
        }
        () = fuse.blown() => Some(()),
    }
}

/// Runs an intake until the queue is as empty as wanted, then stops it.
async fn run_until(intakes: Vec<Intake>, queue: &FakeQueue, left: usize) {
    let (stop, stopped) = watch::channel(false);
    let mut tasks = tokio::task::JoinSet::new();
    for intake in intakes {
        let stopped = stopped.clone();
        tasks.spawn(async move { intake.run(stopped).await });
    }
    for _ in 0..600 {
        if queue.len() <= left {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(queue.len() <= left, "{} messages are left", queue.len());
    stop.send_replace(true);
    tasks.join_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_work_each_case_once() {
    let bot = Bot::new(FakeSlack::default(), FakeHosts::default());
    let queue = Arc::new(FakeQueue::new(Duration::from_secs(20)));
    for number in 0..60 {
        let address = format!("203.0.113.{number}");
        let body = notice(&format!("P{number}"), &[&address], "");
        queue.send(body.clone());
        if number % 5 == 0 {
            queue.send(body);
        }
    }
    let intake = || Intake::new(queue.clone(), Arc::new(bot.pipeline()), bot.config.limits);
    run_until(vec![intake(), intake()], &queue, 0).await;
    assert_eq!(bot.slack.texts().len(), 60);
    assert_eq!(bot.hosts.asked.load(Ordering::SeqCst), 60);
    assert_eq!(bot.store().list(true, 1_000).await.expect("listed").len(), 0);
    assert_eq!(bot.store().list(false, 1_000).await.expect("listed").len(), 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_notice_is_given_up_after_its_receives() {
    let bot = Bot::new(FakeSlack::default(), FakeHosts::default());
    let queue = Arc::new(FakeQueue::new(Duration::from_secs(20)));
    queue.send("hello");
    let intake = Intake::new(queue.clone(), Arc::new(bot.pipeline()), bot.config.limits);
    run_until(vec![intake], &queue, 0).await;
    assert_eq!(bot.slack.texts().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn work_whose_lease_is_lost_is_dropped_and_not_deleted() {
    let hosts = FakeHosts { manner: Manner::Slow, ..FakeHosts::default() };
    let bot = Bot::new(FakeSlack::default(), hosts);
    let mut queue = FakeQueue::new(Duration::from_secs(600));
    queue.loses_leases = true;
    let queue = Arc::new(queue);
    queue.send(notice("P1", &["203.0.113.10"], ""));
    let (stop, stopped) = watch::channel(false);
    let intake = Intake::new(queue.clone(), Arc::new(bot.pipeline()), bot.config.limits);
    let running = tokio::spawn(async move { intake.run(stopped).await });
    tokio::time::sleep(Duration::from_millis(900)).await;
    stop.send_replace(true);
    // The work would take a minute; it was dropped, so that draining has nothing to wait for.
    tokio::time::timeout(Duration::from_secs(2), running).await.expect("ended").expect("joined");
    assert_eq!(queue.len(), 1);
    assert_eq!(bot.slack.updates.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_gives_back_what_does_not_end_in_time() {
    let hosts = FakeHosts { manner: Manner::Slow, ..FakeHosts::default() };
    let mut bot = Bot::new(FakeSlack::default(), hosts);
    bot.config.limits.drain_s = 1;
    bot.config.limits.visibility_s = 600;
    let queue = Arc::new(FakeQueue::new(Duration::from_secs(600)));
    let body = notice("P1", &["203.0.113.10"], "");
    queue.send(body.clone());
    let (stop, stopped) = watch::channel(false);
    let intake = Intake::new(queue.clone(), Arc::new(bot.pipeline()), bot.config.limits);
    let running = tokio::spawn(async move { intake.run(stopped).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(queue.visible(), 0);
    stop.send_replace(true);
    running.await.expect("joined");
    assert_eq!((queue.len(), queue.visible()), (1, 1));
    // Nobody has to wait for the lease on the case either; the command that was sent is not sent again.
    bot.hosts = Arc::new(FakeHosts::default());
    assert!(matches!(bot.handle(&body).await, Outcome::Done { known: false, .. }));
    assert_eq!(bot.hosts.asked.load(Ordering::SeqCst), 0);
    assert_eq!(bot.slack.texts().len(), 1);
}

#[tokio::test]
async fn a_store_that_cannot_be_opened_is_an_error_with_its_path() {
    let error = SqliteStore::open(Path::new("/proc/no/such/cases.sqlite")).err().expect("refused");
    assert!(error.to_string().contains("/proc/no/such"), "{error}");
}
