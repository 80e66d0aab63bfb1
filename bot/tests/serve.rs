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
use gumshoe::desk::Belief;
use gumshoe::desk::Standing;
use gumshoe::intake::Intake;
use gumshoe::notice;
use gumshoe::notice::Reading;
use gumshoe::pipeline::CaseFiles;
use gumshoe::pipeline::Edges;
use gumshoe::pipeline::Outcome;
use gumshoe::pipeline::Pipeline;
use gumshoe::playbook::Playbooks;
use jiff::Timestamp;
use serde_json::json;
use serve::fakes::FakeHosts;
use serve::fakes::FakeLocator;
use serve::fakes::FakeMails;
use serve::fakes::FakeQueue;
use serve::fakes::FakeSlack;
use serve::fakes::Fuse;
use serve::fakes::FusedStore;
use serve::fakes::Manner;
use tokio::sync::watch;

/// The tests' notices are what a reader would have made of them, as JSON.
fn reader(bytes: &[u8], _context: &notice::Context) -> Reading {
    assert_ne!(bytes, b"panic", "made so");
    let parsed: Parsed = serde_json::from_slice(bytes).unwrap_or_else(|_| Parsed {
        format: "generic".to_owned(),
        disposition: Disposition::Unreadable,
        case_id: None,
        deadline: None,
        claims: Vec::new(),
        warnings: vec!["nothing was understood".to_owned()],
        aside: None,
    });
    let mut reading = Reading::plain(parsed);
    reading.thread.keys.extend(reading.parsed.case_id.as_ref().map(|id| format!("case:aws:{id}")));
    reading
}

fn notice(case_id: &str, addresses: &[&str], warning: &str) -> String {
    let claim = |address: &&str| Claim {
        accused: Accused { addresses: vec![address.parse().expect("address")], ..Accused::default() },
        remote: Vec::new(),
        names: Vec::new(),
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
        aside: None,
    };
    serde_json::to_string(&parsed).expect("written")
}

/// A bot with its own folder.
struct Bot {
    folder: tempfile::TempDir,
    slack: Arc<FakeSlack>,
    hosts: Arc<FakeHosts>,
    mails: Arc<FakeMails>,
    config: Config,
}

impl Bot {
    fn new(slack: FakeSlack, hosts: FakeHosts) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = Config { state_dir: folder.path().to_owned(), ..Config::default() };
        config.limits.visibility_s = 1;
        config.limits.drain_s = 5;
        Self { folder, slack: Arc::new(slack), hosts: Arc::new(hosts), mails: Arc::default(), config }
    }

    fn store(&self) -> SqliteStore {
        SqliteStore::open(&self.folder.path().join("cases.sqlite")).expect("opened")
    }

    fn pipeline(&self) -> Pipeline {
        self.pipeline_on(Arc::new(self.store()))
    }

    fn pipeline_on(&self, store: Arc<dyn CaseStore>) -> Pipeline {
        self.reading_pipeline(store).with_reader(reader)
    }

    /// A pipeline that reads notices as they come.
    fn reading_pipeline(&self, store: Arc<dyn CaseStore>) -> Pipeline {
        let edges = Edges {
            store,
            locator: Arc::new(FakeLocator),
            hosts: self.hosts.clone(),
            notifier: self.slack.clone(),
            mails: self.mails.clone(),
            follower: Arc::default(),
        };
        let playbooks = Playbooks::load(None).expect("playbooks");
        Pipeline::new(edges, Arc::new(playbooks), &self.config)
    }

    async fn read(&self, body: &serde_json::Value) -> Outcome {
        let pipeline = self.reading_pipeline(Arc::new(self.store()));
        pipeline.handle(body.to_string().as_bytes(), received()).await.expect("handled")
    }

    /// What was counted, as "layout outcome count".
    async fn counted(&self) -> Vec<String> {
        let counted = self.store().outcomes().await.expect("counts");
        counted.iter().map(|it| format!("{} {} {}", it.layout, it.outcome, it.count)).collect()
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

const STORED: &str = "s3://mail-bucket/in/m1";

fn ses_pointing_at_s3() -> serde_json::Value {
    let pass = json!({"status": "PASS"});
    let ses = json!({
        "notificationType": "Received",
        "mail": {"commonHeaders": {"subject": "Abuse report", "from": ["noc@example.org"], "messageId": "<m1@example.org>"}},
        "receipt": {
            "spfVerdict": pass, "dkimVerdict": pass, "dmarcVerdict": pass,
            "action": {"type": "S3", "bucketName": "mail-bucket", "objectKey": "in/m1"},
        },
    });
    json!({"Type": "Notification", "TopicArn": "arn:aws:sns:eu-west-1:111122223333:mail", "Message": ses.to_string()})
}

#[tokio::test]
async fn a_mail_in_s3_is_fetched_and_one_that_cannot_be_is_told_and_comes_again() {
    let bot = Bot::new(FakeSlack::default(), FakeHosts::default());
    let first = bot.read(&ses_pointing_at_s3()).await;
    let Outcome::Unfetched { case } = &first else { panic!("{first:?}") };
    assert!(bot.slack.said().contains("could not be fetched"), "{}", bot.slack.said());
    // Again, and still not there: the same case, nothing more is said.
    let said = bot.slack.texts().len();
    assert_eq!(bot.read(&ses_pointing_at_s3()).await, first);
    assert_eq!(bot.slack.texts().len(), said);

    let mail = "From: noc@example.org\nMessage-ID: <m1@example.org>\nSubject: Abuse report\nDate: Sat, 21 Nov 2026 10:20:00 +0000\n\nYour host 192.0.2.30 scanned ports of our host 198.51.100.7.\n2026-11-21 10:00:00 UTC 192.0.2.30:4242 -> 198.51.100.7:22\n";
    bot.mails.put(STORED, mail.as_bytes());
    let fetched = bot.read(&ses_pointing_at_s3()).await;
    let Outcome::Done { case: same, known: false } = &fetched else { panic!("{fetched:?}") };
    assert_eq!(same, case);
    assert!(bot.report(&fetched).contains("192.0.2.30"));
    let kept = bot.folder.path().join("cases").join(&case.0).join("notice-2.eml");
    assert_eq!(std::fs::read(kept).expect("the mail"), mail.as_bytes());
    assert!(is_known(&bot.read(&ses_pointing_at_s3()).await));
    assert_eq!(bot.counted().await, ["generic/first claims 1", "generic/first unreadable 1"]);
}

#[tokio::test]
async fn events_for_machines_are_counted_and_nobody_is_told() {
    let bot = Bot::new(FakeSlack::default(), FakeHosts::default());
    for (source, about) in [
        ("aws.ec2", "EC2 Instance State-change Notification"),
        ("aws.ssm", "EC2 Command Status-change Notification"),
        ("aws.ec2", "AWS API Call via CloudTrail"),
    ] {
        let event = json!({"version": "0", "id": "e", "source": source, "detail-type": about, "account": "111122223333",
            "detail": {"instance-id": "i-0123456789abcdef0", "state": "running", "eventName": "AssociateAddress"}});
        let outcome = bot.read(&event).await;
        assert!(matches!(outcome, Outcome::Ignored { .. }), "{about}: {outcome:?}");
    }
    assert!(bot.slack.texts().is_empty());
    assert_eq!(bot.counted().await, ["envelope/event ignored 3"]);
}

fn health(page: u32, instance: &str, envelope: &str) -> serde_json::Value {
    json!({"id": envelope, "source": "aws.health", "detail-type": "AWS Health Abuse Event", "account": "111122223333", "region": "global",
        "detail": {
            "eventArn": "arn:aws:health:global::event/ABUSE/AWS_ABUSE_EC2_PORT_SCANNING_REPORT/1", "service": "ABUSE",
            "eventTypeCode": "AWS_ABUSE_EC2_PORT_SCANNING_REPORT", "communicationId": "c-1", "statusCode": "open",
            "startTime": "Sat, 21 Nov 2026 10:00:00 GMT", "page": page.to_string(), "totalPages": "2",
            "eventDescription": [{"language": "en_US", "latestDescription": "Abuse Case: 14425262173-1. Your instances have been scanning."}],
            "affectedEntities": [{"entityValue": instance}]}})
}

/// Buttons go by what is kept. A mail that nobody proves, and holds an event, is not believed for the event's coming again.
#[tokio::test]
async fn a_copy_that_comes_again_does_not_make_the_kept_one_believed() {
    let event = health(1, "i-0123456789abcdef0", "e1");
    let mail = format!(
        "From: ec2-abuse@amazon.com\nMessage-ID: <f1@example.net>\nSubject: AWS Health Abuse Event\nDate: Sat, 21 Nov 2026 10:25:00 +0000\nContent-Type: application/json\n\n{event}\n"
    );
    let fail = json!({"status": "FAIL"});
    let forged = json!({"notificationType": "Received", "mail": {}, "content": mail,
        "receipt": {"spfVerdict": fail, "dkimVerdict": fail, "dmarcVerdict": fail}});
    for (first, again, expected) in [(&forged, &event, Belief::Refused), (&event, &forged, Belief::Proven)] {
        let bot = Bot::new(FakeSlack::default(), FakeHosts::default());
        let outcome = bot.read(first).await;
        let Outcome::Done { case, known: false } = &outcome else { panic!("{outcome:?}") };
        assert!(is_known(&bot.read(again).await), "the same event");
        let record = bot.store().load(case).await.expect("loaded").expect("there");
        let standing = Standing::read(&CaseFiles::new(bot.folder.path()), &record.case).await;
        assert_eq!(standing.belief, expected);
    }
}

#[tokio::test]
async fn pages_copies_and_mails_of_one_event_are_one_case() {
    let bot = Bot::new(FakeSlack::default(), FakeHosts::default());
    let first = bot.read(&health(1, "i-0123456789abcdef0", "e1")).await;
    let Outcome::Done { case, known: false } = &first else { panic!("{first:?}") };
    // A copy to another region differs in its envelope only.
    assert!(is_known(&bot.read(&health(1, "i-0123456789abcdef0", "e2")).await));
    let second = bot.read(&health(2, "i-0fedcba9876543210", "e3")).await;
    assert_eq!(second, Outcome::Done { case: case.clone(), known: false });
    let record = bot.store().load(case).await.expect("loaded").expect("there");
    let accused: Vec<_> = record.case.claims.iter().flat_map(|claim| &claim.accused.instance_ids).collect();
    assert_eq!(accused, ["i-0123456789abcdef0", "i-0fedcba9876543210"]);
    let mail = "From: ec2-abuse@amazon.com\nMessage-ID: <a1@amazon.com>\nSubject: Your AWS Abuse Report [14425262173-2] [AWS ID 111122223333]\nDate: Sat, 21 Nov 2026 10:25:00 +0000\n\nYour instance has been port scanning.\nInstance Id: i-0123456789abcdef0\n* Abuse Time: Sat Nov 21 10:00:00 UTC 2026\n";
    let pass = json!({"status": "PASS"});
    let by_mail = bot
        .read(&json!({"notificationType": "Received", "mail": {}, "content": mail,
            "receipt": {"spfVerdict": pass, "dkimVerdict": pass, "dmarcVerdict": pass}}))
        .await;
    assert_eq!(by_mail, Outcome::Done { case: case.clone(), known: false });
    assert!(bot.slack.said().contains("Duplicate by another channel"), "{}", bot.slack.said());
}

#[tokio::test]
async fn a_finding_of_guardduty_and_its_copy_in_security_hub_are_one_case() {
    let bot = Bot::new(FakeSlack::default(), FakeHosts::default());
    let finding = json!({"source": "aws.guardduty", "detail-type": "GuardDuty Finding", "detail": {
        "id": "f00dfeedf00dfeedf00dfeedf00dfeed", "type": "Recon:EC2/Portscan", "accountId": "111122223333", "region": "eu-west-1",
        "updatedAt": "2026-11-21T10:10:00Z",
        "resource": {"instanceDetails": {"instanceId": "i-0123456789abcdef0"}},
        "service": {"eventFirstSeen": "2026-11-21T10:00:00Z", "eventLastSeen": "2026-11-21T10:05:00Z",
            "action": {"actionType": "NETWORK_CONNECTION", "networkConnectionAction": {"connectionDirection": "OUTBOUND",
                "remoteIpDetails": {"ipAddressV4": "198.51.100.7"}, "remotePortDetails": {"port": 22}}}}}});
    let first = bot.read(&finding).await;
    let Outcome::Done { case, .. } = &first else { panic!("{first:?}") };
    let copy = json!({"source": "aws.securityhub", "detail-type": "Security Hub Findings - Imported", "detail": {"findings": [{
        "SchemaVersion": "2018-10-08", "ProductName": "GuardDuty", "AwsAccountId": "111122223333",
        "Id": "arn:aws:guardduty:eu-west-1:111122223333:detector/d/finding/f00dfeedf00dfeedf00dfeedf00dfeed",
        "ProductArn": "arn:aws:securityhub:eu-west-1::product/aws/guardduty",
        "Types": ["TTPs/Discovery/Recon:EC2-Portscan"], "UpdatedAt": "2026-11-21T10:11:00Z",
        "FirstObservedAt": "2026-11-21T10:00:00Z", "LastObservedAt": "2026-11-21T10:05:00Z",
        "Resources": [{"Type": "AwsEc2Instance", "Id": "arn:aws:ec2:eu-west-1:111122223333:instance/i-0123456789abcdef0"}]}]}});
    let second = bot.read(&copy).await;
    assert!(matches!(&second, Outcome::Done { case: same, .. } if same == case), "{second:?}");
    assert!(bot.slack.said().contains("Duplicate by another channel"), "{}", bot.slack.said());
}
