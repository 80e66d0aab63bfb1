//! Holds what Gumshoe says against the book. Pure.
//!
//! Two promises: every notice has exactly one case, with the right verdict; every event is in the ring or in a
//! counted loss. An answer may say that it does not know, where the book holds a reason for that. It may never
//! name somebody else, and never clear a host of what was done on it.

use std::collections::BTreeSet;

use history::UnixNs;

use super::book::Book;
use super::book::Done;
use super::book::Sent;
use super::book::Truth;
use super::plan::Fault;
use crate::facts::Facts;

/// Around a deed, within which a killed recorder may cost a part of it: what waited in the kernel, ns.
const AROUND_NS: i64 = 4_000_000_000;

/// A case as Gumshoe keeps it.
#[derive(Debug, Clone, Default)]
pub struct Case {
    /// Its name.
    pub id: String,
    /// The notices as they arrived, all their bytes.
    pub notices: Vec<u8>,
    /// What its report says.
    pub facts: Facts,
    /// When it was made.
    pub made: UnixNs,
    /// Messages in the channel, outside threads, that name it.
    pub messages: usize,
}

/// What the ring holds of one deed.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    /// Ports at the victim.
    pub ports: BTreeSet<u16>,
    /// Whether its program is there, with the command line that it had.
    pub program: bool,
    /// Whether the ring's own coverage says that its time is complete.
    pub complete: bool,
}

/// What there is at the end.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// Cases.
    pub cases: Vec<Case>,
    /// What the ring held of each deed when it was looked at first, in the book's order: before the next full disk.
    pub recorded: Vec<Recorded>,
    /// What it holds of each at the end.
    pub left: Vec<Recorded>,
}

/// What was found to be as the book says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Notices answered rightly and in full.
    pub right: usize,
    /// Notices that said that they do not know, with reason.
    pub excused: usize,
    /// Ports recorded.
    pub recorded: usize,
    /// Ports that were lost and said to be.
    pub said_lost: usize,
}

/// Every difference between the book and what is there, in words; and what was right.
pub fn check(book: &Book, observed: &Observed) -> (Vec<String>, Tally) {
    let (mut wrong, mut tally) = (Vec::new(), Tally::default());
    for sent in &book.sent {
        match judge(book, observed, sent) {
            Ok(true) => tally.right += 1,
            Ok(false) => tally.excused += 1,
            Err(what) => wrong.push(format!("notice {}: {what}", sent.marker)),
        }
    }
    for case in &observed.cases {
        if !book.sent.iter().any(|sent| holds(&case.notices, &sent.marker)) {
            wrong.push(format!("case {} has no notice that was sent", case.id));
        }
    }
    for (done, recorded) in book.done.iter().zip(&observed.recorded) {
        let (kept, lost) = weigh(done, recorded, &mut wrong);
        tally.recorded += kept;
        tally.said_lost += lost;
    }
    // What a full disk has cost since is told, too.
    for (done, left) in book.done.iter().zip(&observed.left) {
        weigh(done, left, &mut wrong);
    }
    for looked in [&observed.recorded, &observed.left] {
        if book.done.len() != looked.len() {
            wrong.push(format!("{} deeds, {} looked up", book.done.len(), looked.len()));
        }
    }
    (wrong, tally)
}

/// How many ports of a deed a ring holds, and how many it says that it may have lost; differences are added.
fn weigh(done: &Done, recorded: &Recorded, wrong: &mut Vec<String>) -> (usize, usize) {
    let missing: Vec<_> = done.ports.difference(&recorded.ports).collect();
    let invented: Vec<_> = recorded.ports.difference(&done.ports).collect();
    let ahead = match done.ahead_ns / 1_000_000_000 {
        0 => String::new(),
        seconds => format!(", the clock {seconds} s ahead"),
    };
    let who = format!("{} by {}{ahead}", done.program, done.person);
    if !missing.is_empty() && recorded.complete {
        wrong.push(format!("{who}: {missing:?} is missing, and no loss is told"));
    }
    if !recorded.program && recorded.complete {
        wrong.push(format!("{who}: the program is missing, and no loss is told"));
    }
    if !invented.is_empty() {
        wrong.push(format!("{who}: {invented:?} never reached the victim"));
    }
    let lost = if recorded.complete { 0 } else { missing.len() };
    (done.ports.len() - missing.len(), lost)
}

/// Whether a notice was answered in full, or excused.
fn judge(book: &Book, observed: &Observed, sent: &Sent) -> Result<bool, String> {
    let cases: Vec<_> = observed.cases.iter().filter(|case| holds(&case.notices, &sent.marker)).collect();
    let [case] = cases.as_slice() else {
        return Err(format!("it has {} cases, sent {} times", cases.len(), sent.copies));
    };
    if case.messages != 1 {
        return Err(format!("case {} stands in the channel {} times", case.id, case.messages));
    }
    let facts = &case.facts;
    let said = format!(
        "case {} says {} by {:?} of {:?} (its evidence is {}complete; it doubts: {})",
        case.id,
        facts.verdict,
        facts.person,
        facts.program,
        if facts.complete { "" } else { "in" },
        facts.doubts.join("; ")
    );
    let unknown = facts.verdict == "unknown";
    match &sent.truth {
        Truth::Nothing if facts.person.is_empty() => Ok(true),
        Truth::Nothing => Err(format!("{said}, and it was about nothing")),
        Truth::Nobody(of) => match facts.verdict.as_str() {
            "not_this_host" => Ok(true),
            "unknown" if may_not_know(book, &book.done[*of], sent, case) => Ok(false),
            _ => Err(format!("{said}, and nobody did it")),
        },
        Truth::Done(of) => {
            let done = &book.done[*of];
            let right = is_named(&facts.program, done.program) && facts.person == done.person;
            let excused = || may_not_know(book, done, sent, case);
            if right && !unknown {
                Ok(true)
            } else if facts.verdict != "not_this_host" && is_silent(facts, done) && excused() {
                Ok(false)
            } else {
                Err(format!("{said}; it was {} by {}", done.program, done.person))
            }
        }
    }
}

/// Whether a report names nothing that is not so.
fn is_silent(facts: &Facts, done: &Done) -> bool {
    (facts.program.is_empty() || is_named(&facts.program, done.program))
        && (facts.person.is_empty() || facts.person == done.person)
}

/// Whether a program is called by a name, or by that and its version (`python3.11`).
pub fn is_named(said: &str, name: &str) -> bool {
    said.strip_prefix(name).is_some_and(|version| version.chars().all(|c| c == '.' || c.is_ascii_digit()))
}

/// Whether the book holds a reason why a notice of a deed's time could not be answered, and the report says itself
/// that it had not everything, or that a host's answer, which was a lie, cannot be: one that answers another question may
/// know all of that time.
fn may_not_know(book: &Book, done: &Done, sent: &Sent, case: &Case) -> bool {
    let (before, after) = (UnixNs(done.from.0 - AROUND_NS), UnixNs(done.to.0 + AROUND_NS));
    let lied = book.held(Fault::HostLies, sent.at, case.made);
    let reason = book.held(Fault::RecorderKilled, before, after)
        // A full disk costs the oldest history, a changed segment what stood in it.
        || book.held(Fault::DiskFull, before, case.made)
        || book.held(Fault::SegmentCorrupted, before, case.made)
        || lied
        // What was done then stands under other times, and a host that is in the past knows of no later.
        || book.held(Fault::ClockStepped, before, case.made);
    let is_seen_through = || case.facts.doubts.iter().any(|doubt| doubt.contains("contradicts itself"));
    reason && (!case.facts.complete || lied && is_seen_through())
}

fn holds(bytes: &[u8], marker: &str) -> bool {
    bytes.windows(marker.len()).any(|window| window == marker.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::super::book::Broken;
    use super::*;

    fn at(second: i64) -> UnixNs {
        UnixNs(second * 1_000_000_000)
    }

    /// Two deeds, each with its notice, and one notice of what nobody did: all answered rightly.
    fn fine() -> (Book, Observed) {
        let done = |program, person, first: u16, from| Done {
            program,
            mark: format!("-p{first}"),
            person,
            udp: false,
            ports: (first..first + 40).collect(),
            from: at(from),
            to: at(from + 5),
            ahead_ns: 0,
        };
        let sent = |marker: &str, truth, second| Sent {
            marker: marker.to_owned(),
            truth,
            at: at(second),
            copies: 1,
        };
        let book = Book {
            done: vec![done("nmap", "alice", 1000, 100), done("masscan", "bob", 2000, 200)],
            sent: vec![
                sent("case-1", Truth::Done(0), 110),
                sent("case-2", Truth::Done(1), 210),
                sent("case-3", Truth::Nobody(1), 220),
            ],
            broken: Vec::new(),
        };
        let case = |number: u32, verdict: &str, program: &str, person: &str| Case {
            id: format!("GS-{number}"),
            notices: format!("a mail of case-{number}.").into_bytes(),
            facts: Facts {
                verdict: verdict.to_owned(),
                program: program.to_owned(),
                person: person.to_owned(),
                complete: true,
                ..Facts::default()
            },
            made: at(300),
            messages: 1,
        };
        let recorded: Vec<_> = book
            .done
            .iter()
            .map(|done| Recorded { ports: done.ports.clone(), program: true, complete: true })
            .collect();
        let observed = Observed {
            cases: vec![
                case(1, "tool", "nmap", "alice"),
                case(2, "tool", "masscan", "bob"),
                case(3, "not_this_host", "", ""),
            ],
            recorded: recorded.clone(),
            left: recorded,
        };
        (book, observed)
    }

    /// Changes what is fine and expects a difference whose words hold `expected`; none where that is empty.
    fn check_with(change: impl FnOnce(&mut Book, &mut Observed), expected: &str) {
        let (mut book, mut observed) = fine();
        change(&mut book, &mut observed);
        let (wrong, _) = check(&book, &observed);
        match expected {
            "" => assert!(wrong.is_empty(), "{wrong:#?}"),
            words => assert!(wrong.iter().any(|line| line.contains(words)), "{words}: {wrong:#?}"),
        }
    }

    fn broken(fault: Fault, from: i64, to: i64) -> Broken {
        Broken { fault, from: at(from), to: Some(at(to)) }
    }

    #[test]
    fn nothing_wrong_is_nothing_wrong() {
        check_with(|_, _| (), "");
        let (book, observed) = fine();
        assert_eq!(check(&book, &observed).1, Tally { right: 3, excused: 0, recorded: 80, said_lost: 0 });
    }

    #[test]
    fn a_case_too_few_or_too_many_is_found() {
        check_with(|_, observed| drop(observed.cases.remove(0)), "it has 0 cases");
        check_with(
            |_, observed| {
                let again = observed.cases[0].clone();
                observed.cases.push(again);
            },
            "it has 2 cases",
        );
        check_with(|_, observed| observed.cases[1].messages = 2, "stands in the channel 2 times");
        check_with(|_, observed| observed.cases[1].messages = 0, "stands in the channel 0 times");
        check_with(|book, _| drop(book.sent.remove(0)), "has no notice that was sent");
    }

    #[test]
    fn an_event_too_few_or_too_many_is_found_unless_its_loss_is_told() {
        let remove = |observed: &mut Observed| assert!(observed.recorded[0].ports.remove(&1003));
        check_with(|_, observed| remove(observed), "[1003] is missing");
        check_with(
            |_, observed| {
                remove(observed);
                observed.recorded[0].complete = false;
            },
            "",
        );
        check_with(|_, observed| observed.recorded[0].program = false, "the program is missing");
        check_with(|_, observed| assert!(observed.recorded[1].ports.insert(999)), "[999] never reached");
        check_with(|_, observed| drop(observed.recorded.pop()), "2 deeds, 1 looked up");
        check_with(|_, observed| drop(observed.left.pop()), "2 deeds, 1 looked up");
        check_with(|_, observed| assert!(observed.left[1].ports.remove(&2003)), "[2003] is missing");
    }

    #[test]
    fn a_wrong_name_is_never_excused() {
        let accuse = |observed: &mut Observed| observed.cases[0].facts.person = "bob".to_owned();
        check_with(|_, observed| accuse(observed), "it was nmap by alice");
        check_with(
            |book, observed| {
                accuse(observed);
                book.broken.push(broken(Fault::RecorderKilled, 101, 103));
            },
            "it was nmap by alice",
        );
        check_with(|_, observed| observed.cases[2].facts.verdict = "tool".to_owned(), "nobody did it");
    }

    #[test]
    fn not_to_know_needs_a_reason_and_a_host_is_never_cleared_of_what_it_did() {
        let forget = |observed: &mut Observed, verdict: &str| {
            observed.cases[0].facts = Facts { verdict: verdict.to_owned(), ..Facts::default() };
        };
        check_with(|_, observed| forget(observed, "unknown"), "it was nmap by alice");
        let with = |verdict: &'static str, fault, from, to, expected: &str| {
            check_with(
                |book, observed| {
                    forget(observed, verdict);
                    book.broken.push(broken(fault, from, to));
                },
                expected,
            );
        };
        with("unknown", Fault::RecorderKilled, 101, 103, "");
        with("unknown", Fault::RecorderKilled, 150, 160, "it was nmap by alice");
        with("unknown", Fault::DiskFull, 150, 160, "");
        with("unknown", Fault::HostLies, 150, 160, "");
        with("unknown", Fault::HostLies, 101, 103, "it was nmap by alice");
        with("unknown", Fault::ClockStepped, 102, 150, "");
        with("not_this_host", Fault::ClockStepped, 102, 150, "it was nmap by alice");
        for only_slow in [Fault::BotKilled, Fault::AgentOffline, Fault::AwsCut, Fault::SsmThrottled] {
            with("unknown", only_slow, 102, 150, "it was nmap by alice");
        }
        with("not_this_host", Fault::RecorderKilled, 101, 103, "it was nmap by alice");
        for (lies, sees_through, expected) in
            [(true, true, ""), (true, false, "nobody did it"), (false, true, "nobody did it")]
        {
            check_with(
                |book, observed| {
                    let facts = &mut observed.cases[2].facts;
                    facts.verdict = "unknown".to_owned();
                    if sees_through {
                        facts.doubts = vec!["the answer of web-1 contradicts itself: it is older".to_owned()];
                    }
                    if lies {
                        book.broken.push(broken(Fault::HostLies, 221, 230));
                    }
                },
                expected,
            );
        }
        check_with(
            |book, observed| {
                forget(observed, "unknown");
                observed.cases[0].facts.complete = true;
                book.broken.push(broken(Fault::RecorderKilled, 101, 103));
            },
            "it was nmap by alice",
        );
    }
}
