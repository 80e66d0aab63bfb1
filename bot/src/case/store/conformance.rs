//! What every case store must do, run on each implementation.

use std::sync::Arc;
use std::time::Duration;

use history::Request;
use history::UnixNs;
use history::Window;

use super::Admission;
use super::Beginning;
use super::CallStore;
use super::CaseStore;
use super::DEEDS_MAX;
use super::DeedStore;
use super::DynamoStore;
use super::LeftCall;
use super::NOTICES_MAX;
use super::Novelty;
use super::Owner;
use super::Posted;
use super::Question;
use super::SqliteStore;
use super::State;
use super::StoreError;
use super::Ticket;
use super::Work;
use crate::aws::json::DYNAMODB;
use crate::aws::json::JsonCalls;
use crate::case::Action;
use crate::case::Activity;
use crate::case::Answer;
use crate::case::CaseId;
use crate::case::Deed;
use crate::case::DeedState;
use crate::case::Disposition;
use crate::case::HostRef;
use crate::case::NoticeRef;
use crate::testing::Moto;

const LEASE: Duration = Duration::from_secs(60);

fn admission(digest: &str, keys: &[&str]) -> Admission {
    Admission {
        keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        notice: NoticeRef {
            digest: digest.to_owned(),
            received: "2026-11-21T10:02:00Z".parse().expect("time"),
            format: "aws_email".to_owned(),
            reporter_case: None,
            warnings: Vec::new(),
            aside: None,
        },
        claims: Vec::new(),
        deadline: None,
        disposition: Disposition::Claims,
    }
}

fn question(command: Option<&str>) -> Question {
    let now = "2026-11-21T10:03:00Z".parse().expect("time");
    Question {
        host: HostRef::default(),
        request: Request {
            version: history::VERSION,
            window: Window { from: UnixNs(1), to: UnixNs(2) },
            remotes: Vec::new(),
            ports: Vec::new(),
            protocol: None,
            names: Vec::new(),
            who: history::Who::default(),
        },
        asked: now,
        ticket: command.map(|command| Ticket { command: command.to_owned(), sent: now }),
        answer: None,
        answered: None,
    }
}

async fn notices_with_a_common_key_are_one_case(store: &dyn CaseStore) {
    let first = store.admit(&admission("a", &["digest:a", "reporter:1"])).await.expect("admitted");
    assert_eq!(first.novelty, Novelty::NewCase);
    assert!(first.case.0.starts_with("GS-20261121-"), "{first:?}");
    let again = store.admit(&admission("a", &["digest:a", "reporter:1"])).await.expect("admitted");
    assert_eq!((again.novelty, &again.case), (Novelty::Known, &first.case));
    let reminder = store.admit(&admission("b", &["digest:b", "reporter:1"])).await.expect("admitted");
    assert_eq!((reminder.novelty, &reminder.case), (Novelty::NewNotice, &first.case));
    let other = store.admit(&admission("c", &["digest:c", "reporter:2"])).await.expect("admitted");
    assert_ne!(other.case, first.case);
    let record = store.load(&first.case).await.expect("loaded").expect("there");
    assert_eq!(record.case.notices.len(), 2);
    assert_eq!(record.case.deadline, Some("2026-11-22T10:02:00Z".parse().expect("time")));
}

async fn only_the_holder_of_the_lease_writes(store: &dyn CaseStore) {
    let case = store.admit(&admission("l", &["digest:l"])).await.expect("admitted").case;
    let (mine, theirs) = (Owner::fresh(), Owner::fresh());
    assert!(store.lease(&case, &mine, LEASE).await.expect("leased").is_some());
    assert!(store.lease(&case, &theirs, LEASE).await.expect("asked").is_none());
    store.save(&case, &mine, &Work::default()).await.expect("saved");
    for result in [
        store.save(&case, &theirs, &Work::default()).await,
        store.save_question(&case, &theirs, 0, &question(None)).await,
        store.renew(&case, &theirs, LEASE).await,
    ] {
        assert!(matches!(result, Err(StoreError::LeaseLost(_))), "{result:?}");
    }
    store.renew(&case, &mine, Duration::ZERO).await.expect("renewed");
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert!(store.lease(&case, &theirs, LEASE).await.expect("leased").is_some());
    let late = store.save(&case, &mine, &Work::default()).await;
    assert!(matches!(late, Err(StoreError::LeaseLost(_))), "{late:?}");
    store.release(&case, &mine).await.expect("nothing to release");
    assert!(store.lease(&case, &mine, LEASE).await.expect("asked").is_none());
    store.release(&case, &theirs).await.expect("released");
    assert!(store.lease(&case, &mine, LEASE).await.expect("leased").is_some());
}

async fn work_and_questions_come_back(store: &dyn CaseStore) {
    let case = store.admit(&admission("w", &["digest:w"])).await.expect("admitted").case;
    let owner = Owner::fresh();
    store.lease(&case, &owner, LEASE).await.expect("leased").expect("free");
    let work = Work {
        state: State::Asked,
        posted: Some(Posted { channel: "C1".to_owned(), ts: "1.2".to_owned() }),
        activity: Some(Activity::LoginAttack),
        ..Work::default()
    };
    store.save(&case, &owner, &work).await.expect("saved");
    store.save_question(&case, &owner, 0, &question(None)).await.expect("saved");
    store.save_question(&case, &owner, 1, &question(None)).await.expect("saved");
    store.save_question(&case, &owner, 0, &question(Some("c-1"))).await.expect("saved");
    let record = store.load(&case).await.expect("loaded").expect("there");
    assert_eq!(record.work, work);
    assert_eq!(record.questions, [question(Some("c-1")), question(None)]);
    let listed = store.list(true, 100).await.expect("listed");
    let summary = listed.iter().find(|summary| summary.case == case).expect("listed");
    assert_eq!((summary.state, summary.activity), (State::Asked, Some(Activity::LoginAttack)));
    let done = Work { state: State::Done, ..work };
    store.save(&case, &owner, &done).await.expect("saved");
    let listed = store.list(true, 100).await.expect("listed");
    assert!(!listed.iter().any(|summary| summary.case == case));
}

async fn a_missing_case_is_said_so(store: &dyn CaseStore) {
    let nobody = CaseId("GS-20261121-0000".to_owned());
    assert!(store.load(&nobody).await.expect("asked").is_none());
    let lease = store.lease(&nobody, &Owner::fresh(), LEASE).await;
    assert!(matches!(lease, Err(StoreError::Missing(_))), "{lease:?}");
}

async fn outcomes_are_counted(store: &dyn CaseStore) {
    let at = |ms| jiff::Timestamp::from_millisecond(ms).expect("time");
    for (layout, outcome, ms) in [("a/first", "claims", 5), ("b", "ignored", 1), ("a/first", "claims", 3)] {
        store.count_outcome(layout, outcome, at(ms)).await.expect("counted");
    }
    let counts = store.outcomes().await.expect("counts");
    let told: Vec<_> =
        counts.iter().map(|it| (it.layout.as_str(), it.outcome.as_str(), it.count, it.last)).collect();
    assert_eq!(told, [("a/first", "claims", 2, at(5)), ("b", "ignored", 1, at(1))]);
}

async fn of_many_at_once_one_opens_the_case(stores: Vec<Arc<dyn CaseStore>>) {
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..40_usize {
        let store = Arc::clone(&stores[number % stores.len()]);
        let digest = format!("r{}", number % 8);
        tasks.spawn(async move {
            let key = format!("digest:{digest}");
            store.admit(&admission(&digest, &[&key, "reporter:race"])).await
        });
    }
    let admitted: Vec<_> =
        tasks.join_all().await.into_iter().map(|result| result.expect("admitted")).collect();
    let opened = admitted.iter().filter(|one| one.novelty == Novelty::NewCase).count();
    assert_eq!(opened, 1);
    assert!(admitted.iter().all(|one| one.case == admitted[0].case));
    let known = admitted.iter().filter(|one| one.novelty == Novelty::Known).count();
    assert_eq!(known, 32);
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_conforms() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("deep/cases.sqlite");
    let open = || Arc::new(SqliteStore::open(&path).expect("opened"));
    conforms(|| open() as Arc<dyn CaseStore>).await;
    deeds_conform(|| open() as Arc<dyn DeedStore>).await;
    calls_conform(|| open() as Arc<dyn CallStore>).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dynamodb_conforms() {
    let moto = Moto::start();
    let calls = JsonCalls::new(&moto.sdk(), DYNAMODB);
    calls.call("CreateTable", &super::table_schema("cases")).await.expect("made");
    let open = || Arc::new(DynamoStore::new(&moto.sdk(), "cases", Duration::from_secs(3_600)));
    conforms(|| open() as Arc<dyn CaseStore>).await;
    deeds_conform(|| open() as Arc<dyn DeedStore>).await;
    calls_conform(|| open() as Arc<dyn CallStore>).await;
    every_item_expires(&calls).await;
}

/// The whole suite. `open` gives the same store to another process, as it were.
async fn conforms(open: impl Fn() -> Arc<dyn CaseStore>) {
    let store = open();
    notices_with_a_common_key_are_one_case(store.as_ref()).await;
    only_the_holder_of_the_lease_writes(store.as_ref()).await;
    work_and_questions_come_back(store.as_ref()).await;
    much_of_it_comes_back_too(store.as_ref()).await;
    a_case_remembers_a_bounded_number_of_notices(store.as_ref()).await;
    outcomes_are_counted(store.as_ref()).await;
    a_missing_case_is_said_so(store.as_ref()).await;
    of_many_at_once_one_opens_the_case((0..4).map(|_| open()).collect()).await;
    of_many_at_once_one_gets_the_lease((0..4).map(|_| open()).collect()).await;
}

/// What every store of calls must do. `open` gives the same store to another process, as it were.
async fn calls_conform(open: impl Fn() -> Arc<dyn CallStore>) {
    let stores = [open(), open()];
    let (name, call) = ("press 1.2", "{\"a\": \"\u{1F50D}\"}");
    let (first, second) = tokio::join!(stores[0].keep_call(name, call), stores[1].keep_call(name, call));
    let mut new = [first.expect("kept"), second.expect("kept")];
    new.sort_unstable();
    assert_eq!(new, [false, true], "one delivery is new");

    let before = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(1);
    assert!(stores[1].take_over_calls(before).await.expect("asked").is_empty(), "it is worked on");
    let left = |tries| LeftCall { name: name.to_owned(), call: call.to_owned(), tries };
    for tries in [1, 2] {
        let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
        assert_eq!(stores[1].take_over_calls(later).await.expect("asked"), [left(tries)]);
    }
    tokio::time::sleep(Duration::from_millis(5)).await;
    let now = jiff::Timestamp::now();
    stores[0].renew_calls(&[name.to_owned(), "press gone".to_owned()]).await.expect("renewed");
    assert!(stores[1].take_over_calls(now).await.expect("asked").is_empty(), "it is renewed");
    stores[0].end_call(name).await.expect("ended");
    stores[0].renew_calls(&[name.to_owned()]).await.expect("nothing to renew");
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    assert!(stores[1].take_over_calls(later).await.expect("asked").is_empty(), "it is ended");
    assert!(!stores[1].keep_call(name, call).await.expect("kept"), "its name is remembered");
}

/// What every store of deeds must do. `open` gives the same store to another process, as it were.
async fn deeds_conform(open: impl Fn() -> Arc<dyn DeedStore>) {
    let stores = [open(), open()];
    let case = stores_case("7F3A");
    let deed = Deed::begun(Action::Isolate, 0, "U0000000001", jiff::Timestamp::now());
    let (first, second) = tokio::join!(stores[0].begin(&case, &deed), stores[1].begin(&case, &deed));
    let begun = [first.expect("begun"), second.expect("begun")];
    let ours = begun.iter().filter(|one| **one == Beginning::Ours).count();
    let known = begun.iter().filter(|one| **one == Beginning::Known(Box::new(deed.clone()))).count();
    assert_eq!((ours, known), (1, 1), "{begun:?}");

    let before = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(1);
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    assert!(stores[0].take_over(before).await.expect("taken").is_empty(), "it is being worked on");
    assert_eq!(stores[0].take_over(later).await.expect("taken"), [(case.clone(), deed.clone())]);
    // What undoing it needs is kept before it is done, and a long one, too.
    let mut kept = Deed { kept: serde_json::json!({"groups": ["sg-1"]}), ..deed.clone() };
    stores[0].keep(&case, &kept).await.expect("kept");
    assert_eq!(stores[1].take_over(later).await.expect("taken"), [(case.clone(), kept.clone())]);
    let mut random = fastrand::Rng::with_seed(7);
    kept.said = (0..700_000).map(|_| random.alphanumeric()).collect();
    kept.state = DeedState::Done;
    stores[0].keep(&case, &kept).await.expect("kept");
    assert!(stores[1].take_over(later).await.expect("taken").is_empty(), "it is done");

    // Others of the case and of other cases are apart, and come in the order in which they were begun.
    let next = Deed::begun(Action::Restore, 0, "U0000000002", later);
    assert_eq!(stores[1].begin(&case, &next).await.expect("begun"), Beginning::Ours);
    assert!(stores[0].deeds(&case).await.expect("read") == [kept, next]);
    assert!(stores[0].deeds(&stores_case("0000")).await.expect("read").is_empty());
    // What was never begun is not kept.
    stores[0].keep(&stores_case("0000"), &deed).await.expect("nothing to keep");
    assert!(stores[0].deeds(&stores_case("0000")).await.expect("read").is_empty());

    let full = stores_case("FFFF");
    for round in 0..u32::try_from(DEEDS_MAX).expect("a few") {
        let deed = Deed { state: DeedState::Done, ..Deed::begun(Action::Take, round, "U0000000001", later) };
        assert_eq!(stores[0].begin(&full, &deed).await.expect("begun"), Beginning::Ours, "{round}");
    }
    let more = Deed::begun(Action::Release, 0, "U0000000001", later);
    assert_eq!(stores[0].begin(&full, &more).await.expect("refused"), Beginning::Full);
}

fn stores_case(name: &str) -> CaseId {
    CaseId(format!("GS-20261122-{name}"))
}

async fn every_item_expires(calls: &JsonCalls) {
    let scanned = calls.call("Scan", &serde_json::json!({"TableName": "cases"})).await.expect("scanned");
    let items = scanned["Items"].as_array().expect("items");
    assert!(items.len() > 50, "{}", items.len());
    let now = jiff::Timestamp::now().as_second();
    for item in items.iter().filter(|item| item["pk"]["S"] != "OUTCOMES") {
        let expires: i64 = item["expires"]["N"].as_str().and_then(|text| text.parse().ok()).expect("a time");
        assert!((now..=now + 3_600).contains(&expires), "{item}");
    }
}

/// Longer than one item of a table may be.
async fn much_of_it_comes_back_too(store: &dyn CaseStore) {
    let case = store.admit(&admission("m", &["digest:m"])).await.expect("admitted").case;
    let owner = Owner::fresh();
    store.lease(&case, &owner, LEASE).await.expect("leased").expect("free");
    let mut random = fastrand::Rng::with_seed(7);
    let reason: String = (0..800_000).map(|_| random.alphanumeric()).collect();
    let answer = Answer::Invalid { reason };
    let long =
        Question { answer: Some(answer), answered: Some(question(None).asked), ..question(Some("c-1")) };
    store.save_question(&case, &owner, 0, &question(None)).await.expect("saved");
    store.save_question(&case, &owner, 0, &long).await.expect("saved");
    let record = store.load(&case).await.expect("loaded").expect("there");
    assert!(record.questions == [long], "the long answer came back otherwise");
}

async fn a_case_remembers_a_bounded_number_of_notices(store: &dyn CaseStore) {
    let mut case = None;
    for number in 0..NOTICES_MAX + 2 {
        let digest = format!("n{number}");
        let key = format!("digest:{digest}");
        let admitted = store.admit(&admission(&digest, &[&key, "reporter:many"])).await.expect("admitted");
        let expected = match number {
            0 => Novelty::NewCase,
            number if number < NOTICES_MAX => Novelty::NewNotice,
            _ => Novelty::Known,
        };
        assert_eq!(admitted.novelty, expected, "{number}");
        case = Some(admitted.case);
    }
    let record = store.load(&case.expect("a case")).await.expect("loaded").expect("there");
    let digests: Vec<String> = record.case.notices.iter().map(|notice| notice.digest.clone()).collect();
    let expected: Vec<String> = (0..NOTICES_MAX).map(|number| format!("n{number}")).collect();
    assert_eq!(digests, expected);
}

async fn of_many_at_once_one_gets_the_lease(stores: Vec<Arc<dyn CaseStore>>) {
    let case = stores[0].admit(&admission("o", &["digest:o"])).await.expect("admitted").case;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..16_usize {
        let (store, case) = (Arc::clone(&stores[number % stores.len()]), case.clone());
        tasks
            .spawn(async move { store.lease(&case, &Owner::fresh(), LEASE).await.expect("asked").is_some() });
    }
    assert_eq!(tasks.join_all().await.into_iter().filter(|taken| *taken).count(), 1);
}

/// Two processes: this test runs itself again and both let the same notices in.
#[tokio::test]
async fn two_processes_open_each_case_once() {
    const VARIABLE: &str = "GUMSHOE_TEST_STORE";
    const NAME: &str = "case::store::conformance::two_processes_open_each_case_once";
    let admit_all = async |path: &std::path::Path| {
        let store = SqliteStore::open(path).expect("opened");
        let mut opened = 0;
        for number in 0..50 {
            let digest = format!("p{number}");
            let key = format!("digest:{digest}");
            let admitted = store.admit(&admission(&digest, &[&key])).await.expect("admitted");
            opened += usize::from(admitted.novelty == Novelty::NewCase);
        }
        opened
    };
    if let Some(path) = std::env::var_os(VARIABLE) {
        let opened = admit_all(path.as_ref()).await;
        println!("opened={opened};");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("cases.sqlite");
    let child = std::process::Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", NAME, "--nocapture"])
        .env(VARIABLE, &path)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("started");
    let mine = admit_all(&path).await;
    let output = child.wait_with_output().expect("ended");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let theirs: usize = text
        .split_once("opened=")
        .and_then(|(_, rest)| rest.split_once(';'))
        .and_then(|(number, _)| number.parse().ok())
        .unwrap_or_else(|| panic!("{text}"));
    assert_eq!(mine + theirs, 50);
    let store = SqliteStore::open(&path).expect("opened");
    assert_eq!(store.list(true, 1_000).await.expect("listed").len(), 50);
}
