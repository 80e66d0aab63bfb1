//! Asking hosts over SSM, against a stand-in that has SSM's limits: calls a second, hosts of a command, output in a
//! list, and states that come late.

mod serve {
    #[allow(dead_code, reason = "the fakes of the whole bot, of which only the evidence is used here")]
    pub mod fakes;
}
mod fleet;

use std::time::Duration;
use std::time::Instant;

use fleet::Fleet;
use fleet::Manner;
use gumshoe::case::Answer;
use gumshoe::case::HostRef;
use gumshoe::hosts::HostHistory;
use gumshoe::hosts::Signals;
use gumshoe::hosts::SsmHistory;
use history::Prefix;
use history::Request;
use history::UnixNs;
use history::Window;

fn request() -> Request {
    let now = UnixNs::from(jiff::Timestamp::now());
    Request {
        version: history::VERSION,
        window: Window { from: now.plus_s(-600), to: now },
        remotes: vec![Prefix { address: [198, 51, 100, 20].into(), length: 32 }],
        ports: Vec::new(),
        protocol: None,
        names: Vec::new(),
        who: history::Who::default(),
    }
}

fn host(number: usize) -> HostRef {
    HostRef { instance_id: Some(Fleet::id(number)), ..HostRef::default() }
}

fn history_of(fleet: &Fleet, deadline_s: u64) -> SsmHistory {
    SsmHistory::new(fleet.places(), "Gumshoe-Query", Duration::from_secs(deadline_s), 60)
}

async fn ask(history: &SsmHistory, number: usize) -> Answer {
    let request = request();
    match history.ask(&host(number), &request).await {
        Ok(ticket) => history.answer(&host(number), &request, &ticket).await,
        Err(answer) => answer,
    }
}

/// Asks all of them the same at once.
async fn ask_all(history: &SsmHistory, count: usize) -> Vec<Answer> {
    let request = request();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..count {
        let (history, request) = (history.clone(), request.clone());
        tasks.spawn(async move {
            let answer = match history.ask(&host(number), &request).await {
                Ok(ticket) => history.answer(&host(number), &request, &ticket).await,
                Err(answer) => answer,
            };
            (number, answer)
        });
    }
    let mut answers = tasks.join_all().await;
    answers.sort_by_key(|(number, _)| *number);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

fn is_evidence(answer: &Answer) -> bool {
    matches!(answer, Answer::Evidence { .. })
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_busy_hosts_only_those_that_tell_anything_are_fetched_whole() {
    let fleet = Fleet::start(120, |fleet| {
        fleet.manners = vec![Manner::Long; 120];
        fleet.manners[77] = Manner::Matches;
    })
    .await;
    let answers = ask_all(&history_of(&fleet, 60), 120).await;
    let failed: Vec<&Answer> = answers.iter().filter(|answer| !is_evidence(answer)).collect();
    assert!(failed.is_empty(), "{} of them: {:?}", failed.len(), failed.first());
    let calls = fleet.calls();
    // On a busy machine hosts come later than a batch waits, and a host of a small batch is fetched whole.
    assert!((3..=12).contains(&calls["SendCommand"]), "{calls:?}");
    assert!(calls["GetCommandInvocation"] <= 1 + 10 * (calls["SendCommand"] - 2), "{calls:?}");
    let mut whole = 0;
    for (number, answer) in answers.iter().enumerate() {
        let Answer::Evidence { evidence, .. } = answer else { panic!("{number}: {answer:?}") };
        let matched: u64 = evidence.activities.iter().map(|activity| activity.matched).sum();
        assert_eq!(matched, u64::from(number == 77), "{number}");
        // Of the one that matters all is there; of others what was left out is counted.
        let left_out: u64 = evidence.omitted.iter().map(|omission| omission.count).sum();
        assert_eq!(evidence.dns.len() as u64 + left_out, 300, "{number}");
        assert!(left_out == 0 || number != 77);
        whole += usize::from(left_out == 0);
    }
    assert_eq!(whole, calls["GetCommandInvocation"], "{calls:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_over_the_limit_comes_by_page_or_says_what_it_left_out() {
    let manners = [Manner::Pages, Manner::CutPages, Manner::NoPages, Manner::MovingPages];
    for (number, manner) in manners.into_iter().enumerate() {
        let fleet = Fleet::start(4, |fleet| fleet.manners = manners.to_vec()).await;
        let answer = ask(&history_of(&fleet, 60), number).await;
        let Answer::Evidence { evidence, .. } = answer else { panic!("{manner:?}: {answer:?}") };
        let left_out: u64 = evidence.omitted.iter().map(|omission| omission.count).sum();
        assert_eq!(evidence.dns.len() as u64 + left_out, fleet::PAGED, "{manner:?}");
        assert_eq!(left_out == 0, manner == Manner::Pages, "{manner:?}: {left_out}");
        assert_eq!(evidence.activities.len(), 1, "{manner:?}");
        let calls = fleet.calls();
        let sent = calls["SendCommand"];
        let expected = if manner == Manner::NoPages { 2..=2 } else { 4..=17 };
        assert!(expected.contains(&sent), "{manner:?}: {calls:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_to_fail_is_told_apart_and_costs_nobody_else() {
    let manners = [
        (Manner::Answers, "evidence"),
        (Manner::Long, "evidence"),
        (Manner::Unknown, "is not known to SSM"),
        (Manner::Lost, "has not been heard"),
        (Manner::Undeliverable, "could not hand the command over"),
        (Manner::NoRecorder, "no recorder"),
        (Manner::Fails, "the recorder ended with 3"),
        (Manner::TimesOut, "in the document's time"),
        (Manner::Truncated, "cut off"),
        (Manner::Garbage, "cannot be read"),
        (Manner::OtherHost, "says it is from"),
        (Manner::OldClock, "clock"),
    ];
    let fleet = Fleet::start(manners.len(), |fleet| {
        fleet.manners = manners.iter().map(|(manner, _)| *manner).collect();
    })
    .await;
    let history = history_of(&fleet, 20);
    let together = ask_all(&history, manners.len()).await;
    for (number, (manner, expected)) in manners.iter().enumerate() {
        let alone = ask(&history, number).await;
        for answer in [&alone, &together[number]] {
            let told = match answer {
                Answer::Evidence { .. } => "evidence".to_owned(),
                other => format!("{other:?}"),
            };
            assert!(told.contains(expected), "{manner:?}: {told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_ssm_refuses_does_not_take_others_with_it() {
    // SSM knows it a moment before, and refuses the command for it.
    let fleet =
        Fleet::start(3, |fleet| fleet.manners = vec![Manner::Answers, Manner::Refused, Manner::Answers])
            .await;
    let answers = ask_all(&history_of(&fleet, 20), 3).await;
    assert!(is_evidence(&answers[0]) && is_evidence(&answers[2]), "{answers:?}");
    assert!(format!("{:?}", answers[1]).contains("does not reach"), "{:?}", answers[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn states_that_come_late_and_throttled_calls_only_take_time() {
    let fleet = Fleet::start(1, |fleet| {
        fleet.visible_after = Duration::from_secs(5);
        fleet.throttled_at_first = 1;
    })
    .await;
    let answer = ask(&history_of(&fleet, 60), 0).await;
    assert!(is_evidence(&answer), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_never_ends_is_given_up_at_the_deadline() {
    let fleet = Fleet::start(1, |fleet| fleet.manners = vec![Manner::Hangs]).await;
    let answer = ask(&history_of(&fleet, 2), 0).await;
    assert!(format!("{answer:?}").contains("gave no answer within 2 s"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn word_of_the_end_is_not_waited_past() {
    let fleet = Fleet::start(1, |fleet| fleet.answers_after = Duration::from_secs(4)).await;
    let signals = Signals::default();
    let history = history_of(&fleet, 60).hearing(signals.clone());
    let request = request();
    let ticket = history.ask(&host(0), &request).await.expect("sent");
    let command = ticket.command.clone();
    let begun = Instant::now();
    let word = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(4_100)).await;
        signals.ended(&command, &Fleet::id(0));
    });
    let answer = history.answer(&host(0), &request, &ticket).await;
    word.await.expect("told");
    assert!(is_evidence(&answer), "{answer:?}");
    // Without word the next look would be at 2.55 or at 4.55 s and some, or, with jitter, later.
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_fetched_after_a_restart() {
    let fleet = Fleet::start(1, |_| ()).await;
    let request = request();
    let ticket = history_of(&fleet, 20).ask(&host(0), &request).await.expect("sent");
    let answer = history_of(&fleet, 20).answer(&host(0), &request, &ticket).await;
    assert!(is_evidence(&answer), "{answer:?}");
    assert_eq!(fleet.calls()["SendCommand"], 1);
}
