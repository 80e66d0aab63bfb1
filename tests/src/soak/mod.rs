//! The hard days: deeds, notices and faults in an order that a seed decides, and at the end a checker that holds
//! what Gumshoe says against what was really done.
//!
//! The same seed gives the same steps; when exactly each of them meets which line of the programs does not repeat.

pub mod book;
pub mod check;
pub mod plan;
mod world;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use anyhow::ensure;
use history::Body;
use history::Request;
use history::UnixNs;
use history::Window;
use serde_json::Value;
use serde_json::json;

use self::book::Book;
use self::book::Broken;
use self::book::Sent;
use self::book::Truth;
use self::check::Case;
use self::check::Observed;
use self::check::Recorded;
use self::check::Tally;
use self::plan::Fault;
use self::plan::Plan;
use self::plan::Planned;
use self::plan::Random;
use self::plan::Step;
use self::world::World;
use crate::facts;
use crate::facts::Facts;
use crate::lab::UNTOUCHED;
use crate::lab::VICTIM;
use crate::lab::wait_until;
use crate::notice::Packet;
use crate::programs::Programs;

/// Longest wait for everything that was sent to be answered.
const SETTLE_MAX: Duration = Duration::from_secs(300);
/// The first port of the first deed; those below are other people's.
const FIRST_PORT: u16 = 10_000;

/// What to do.
#[derive(Debug, Clone)]
pub struct Options {
    /// Decides the steps.
    pub seed: u64,
    /// How long steps are begun.
    pub time: Duration,
    /// How many steps are begun at most; a round of [`plan::ROUND`] holds every kind.
    pub steps: u64,
    /// Longest pause between two steps.
    pub pause: Duration,
    /// Where the bot's cases stay, to be looked at afterwards.
    pub keep: Option<PathBuf>,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// Differences, in words; none is what is hoped for.
    pub wrong: Vec<String>,
    /// What was right.
    pub tally: Tally,
    /// Steps begun.
    pub steps: usize,
    /// What was really done.
    pub book: Book,
    /// What there was at the end.
    pub observed: Observed,
}

/// Something that a step leaves to be done when it is over.
#[derive(Debug)]
enum Rest {
    Send(Sent, Vec<u8>),
    Heal(Fault, usize),
}

/// A run under way.
struct Run<'a> {
    world: World,
    book: Book,
    packets: Vec<Vec<Packet>>,
    mails: Vec<Vec<u8>>,
    waiting: BTreeMap<u64, Vec<Rest>>,
    looked: Vec<Recorded>,
    step: u64,
    say: &'a dyn Fn(&str),
}

/// Runs steps until the time is over, heals everything, waits until all is answered, and checks.
///
/// # Errors
/// When the lab fails, or a program of ours ends by itself; not when something is wrong with the answers.
pub fn run(options: &Options, say: &dyn Fn(&str)) -> anyhow::Result<Outcome> {
    let world = World::build(Programs::find()?, options)?;
    let (mails, packets, waiting) = (Vec::new(), Vec::new(), BTreeMap::new());
    let (book, looked) = (Book::default(), Vec::new());
    let mut run = Run { world, book, packets, mails, waiting, looked, step: 0, say };
    let (begun, mut pace) = (Instant::now(), Random::new(!options.seed));
    for planned in Plan::new(options.seed) {
        if begun.elapsed() > options.time || run.step >= options.steps || run.next_port().is_none() {
            break;
        }
        run.begin(planned).with_context(|| format!("step {}: {:?}", run.step, planned.step))?;
        run.end_what_is_over()?;
        run.world.check_running()?;
        run.step += 1;
        // Steps come close together and far apart, as things do.
        std::thread::sleep(Duration::from_millis(pace.below(options.pause.as_millis() as u64)));
    }
    let steps = run.step as usize;
    run.end_all()?;
    say(&format!("{steps} steps; waiting until all is answered"));
    run.settle()?;
    run.look()?;
    let observed = run.observe()?;
    let (wrong, tally) = check::check(&run.book, &observed);
    run.world.lab.down()?;
    Ok(Outcome { wrong, tally, steps, book: run.book, observed })
}

impl Run<'_> {
    /// The first port of the next deed; none when all are used.
    fn next_port(&self) -> Option<u16> {
        let used = u16::try_from(self.book.done.len()).ok()?.checked_mul(world::PORTS)?;
        FIRST_PORT.checked_add(used).filter(|port| *port < 60_000)
    }

    fn is_held(&self, fault: Fault) -> bool {
        self.book.broken.iter().any(|broken| broken.fault == fault && broken.to.is_none())
    }

    fn begin(&mut self, planned: Planned) -> anyhow::Result<()> {
        (self.say)(&format!("{:?}", planned.step));
        let over = self.step + u64::from(planned.lasts);
        let case = format!("{}-1", 20_000_000_000 + self.step);
        let rest = match planned.step {
            Step::Deed(deed) | Step::Cut(deed) => {
                let first = self.next_port().context("no port is left")?;
                let is_cut = matches!(planned.step, Step::Cut(_)) && !self.is_held(Fault::RecorderKilled);
                let (done, packets, cut) = self.world.perform(deed, first, is_cut)?;
                self.book.broken.extend(cut);
                let mail = self.world.notice(&case, VICTIM, &packets);
                let truth = Truth::Done(self.book.done.len());
                self.book.done.push(done);
                self.packets.push(packets);
                Some(self.sending(case, truth, mail.into_bytes()))
            }
            Step::Spoofed => self.packets.last().map(|packets| {
                let mail = self.world.notice(&case, UNTOUCHED, packets);
                self.sending(case, Truth::Nobody(self.packets.len() - 1), mail.into_bytes())
            }),
            Step::Hostile(kind) => {
                let mail = hostile(kind, &case);
                Some(self.sending(case, Truth::Nothing, mail))
            }
            Step::Repeated => {
                if let Some(at) = self.book.sent.len().checked_sub(1).filter(|_| !self.is_held(Fault::AwsCut))
                {
                    let at = at.min(self.step as usize % (at + 1));
                    self.book.sent[at].copies += 1;
                    self.world.aws.deliver_mail(&self.mails[at])?;
                }
                None
            }
            Step::Fault(fault) if self.is_held(fault) && fault != Fault::SegmentCorrupted => None,
            Step::Fault(fault) => {
                if fault == Fault::DiskFull {
                    // A full disk costs the oldest history: what there is now is looked at before.
                    self.look()?;
                }
                let from = UnixNs::now();
                let broken = self.world.break_it(fault)?;
                broken.then(|| {
                    self.book.broken.push(Broken { fault, from, to: None });
                    Rest::Heal(fault, self.book.broken.len() - 1)
                })
            }
        };
        if let Some(rest) = rest {
            self.waiting.entry(over).or_default().push(rest);
        }
        Ok(())
    }

    fn sending(&self, marker: String, truth: Truth, mail: Vec<u8>) -> Rest {
        Rest::Send(Sent { marker, truth, at: UnixNs::now(), copies: 1 }, mail)
    }

    fn end_what_is_over(&mut self) -> anyhow::Result<()> {
        let later = self.waiting.split_off(&(self.step + 1));
        let over = std::mem::replace(&mut self.waiting, later);
        for rest in over.into_values().flatten() {
            match rest {
                // The stand-in would take it only once it goes on.
                Rest::Send(..) if self.is_held(Fault::AwsCut) => {
                    self.waiting.entry(self.step + 1).or_default().push(rest);
                }
                Rest::Send(mut sent, mail) => {
                    sent.at = UnixNs::now();
                    self.world.aws.deliver_mail(&mail)?;
                    self.book.sent.push(sent);
                    self.mails.push(mail);
                }
                Rest::Heal(fault, at) => {
                    self.world.heal(fault)?;
                    if fault != Fault::SegmentCorrupted {
                        self.book.broken[at].to = Some(UnixNs::now());
                    }
                }
            }
        }
        Ok(())
    }

    /// Everything that waits: first what is broken is healed, then what is to be sent is sent.
    fn end_all(&mut self) -> anyhow::Result<()> {
        while let Some(last) = self.waiting.keys().next_back().copied() {
            self.step = self.step.max(last);
            let all = std::mem::take(&mut self.waiting);
            let (heal, send): (Vec<_>, Vec<_>) =
                all.into_values().flatten().partition(|rest| matches!(rest, Rest::Heal(..)));
            self.waiting.insert(self.step, heal.into_iter().chain(send).collect());
            self.end_what_is_over()?;
            self.step += 1;
        }
        Ok(())
    }

    /// Waits until the queue is empty and every notice has a report.
    fn settle(&mut self) -> anyhow::Result<()> {
        let names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
        let request = json!({"QueueUrl": self.world.aws.queue_url, "AttributeNames": names});
        let aws = &self.world.aws;
        let is_empty = || {
            let answer = aws.call("sqs", "get_queue_attributes", request.clone()).unwrap_or_default();
            names.iter().all(|name| answer["Attributes"][*name] == "0")
        };
        wait_until("the end of all notices", SETTLE_MAX, is_empty)
            .with_context(|| self.world.log("gumshoe"))?;
        self.world.check_running()
    }

    fn observe(&self) -> anyhow::Result<Observed> {
        let messages = self.world.slack.messages();
        let mut cases = Vec::new();
        for entry in fs::read_dir(self.world.cases())? {
            let dir = entry?;
            let id = dir.file_name().to_string_lossy().into_owned();
            let mut notices = Vec::new();
            for file in fs::read_dir(dir.path())? {
                let file = file?;
                if file.file_name().to_string_lossy().starts_with("notice-") {
                    notices.extend(fs::read(file.path())?);
                }
            }
            let report: Value = match fs::read(dir.path().join("report.json")) {
                Ok(bytes) => serde_json::from_slice(&bytes)?,
                Err(_) => Value::Null,
            };
            let is_its = |message: &&crate::standins::slack::Message| {
                message.thread_ts.is_none() && message.read().contains(&id)
            };
            let messages = messages.iter().filter(is_its).count();
            let made = report["made"].as_str().and_then(|made| made.parse::<jiff::Timestamp>().ok());
            let made = made.map_or_else(UnixNs::now, |made| UnixNs(made.as_nanosecond() as i64));
            cases.push(Case { id, notices, facts: Facts::read(&report), made, messages });
        }
        Ok(Observed { cases, recorded: self.looked.clone(), left: self.recorded()? })
    }

    /// Looks at what the ring holds of the deeds that were not looked at yet.
    fn look(&mut self) -> anyhow::Result<()> {
        self.world.wait_for_recorder();
        let all = self.recorded()?;
        self.looked.extend(all.into_iter().skip(self.looked.len()));
        Ok(())
    }

    /// What the ring holds of each deed, and whether it says that it is all.
    fn recorded(&self) -> anyhow::Result<Vec<Recorded>> {
        let ring = self.world.ring();
        let mut ports = vec![BTreeSet::new(); self.book.done.len()];
        let mut programs = vec![false; self.book.done.len()];
        // Each deed has ports of its own, so that one whose time the clock of the host told otherwise is known.
        let mut note = |protocol: history::Protocol, to: history::Endpoint, at: UnixNs| {
            let nth = to.port.checked_sub(FIRST_PORT).map(|above| usize::from(above / world::PORTS));
            let Some((done, ports)) = nth.and_then(|nth| self.book.done.get(nth).zip(ports.get_mut(nth)))
            else {
                return;
            };
            let (from, to_time) = done.on_host();
            let is_udp = protocol == history::Protocol::UDP;
            if to.address == VICTIM && done.udp == is_udp && (from..=to_time).contains(&at) {
                ports.insert(to.port);
            }
        };
        // What cannot be read is the coverage's to tell.
        let always = Window { from: UnixNs(0), to: UnixNs(i64::MAX) };
        let read = history::visit_window(&ring, always, &mut |event| match event.body {
            Body::Flow(flow) if flow.direction == history::Direction::Out => {
                note(flow.protocol, flow.remote, flow.first);
            }
            Body::Targets(targets) => {
                for to in targets.remotes.endpoints() {
                    note(targets.protocol, to, targets.first);
                }
            }
            Body::Process(process) => {
                let is_its = |done: &book::Done| {
                    check::is_named(&process.comm, done.program)
                        && process.argv.iter().any(|word| word.contains(&done.mark))
                };
                let nth = self.book.done.iter().position(is_its);
                nth.and_then(|nth| programs.get_mut(nth)).into_iter().for_each(|program| *program = true);
            }
            _ => (),
        });
        for damaged in read? {
            (self.say)(&format!("of the ring: {damaged}"));
        }
        let coverage = |(from, to)| {
            let request = Request {
                version: history::VERSION,
                window: Window { from, to },
                remotes: vec![],
                ports: vec![],
                protocol: None,
                names: vec![],
                who: history::Who::default(),
            };
            // A ring that does not answer claims nothing.
            history::query(&ring, &request, history::Host::default()).ok().map(|answer| answer.coverage)
        };
        let complete = |done: &book::Done| {
            let shown = coverage(done.on_host()).is_some_and(|it| facts::traffic_is_complete(&it));
            // What a wrong clock showed is another time that may well be recorded: whether this deed's own history is
            // there, its own time tells, beside that it stands elsewhere.
            let stands_elsewhere = |it: history::Coverage| {
                it.gaps.iter().all(|gap| gap.reason.ends_with("under the times that the clock showed"))
            };
            shown && (done.ahead_ns == 0 || coverage((done.from, done.to)).is_some_and(stands_elsewhere))
        };
        let rows = self.book.done.iter().zip(ports).zip(programs);
        let rows: Vec<_> = rows
            .map(|((done, ports), program)| Recorded { ports, program, complete: complete(done) })
            .collect();
        ensure!(rows.len() == self.book.done.len(), "a deed was not looked up");
        Ok(rows)
    }
}

/// A mail that is no notice, of a kind; it holds the marker.
fn hostile(kind: u8, marker: &str) -> Vec<u8> {
    let head = format!(
        "From: abuse@example.net\r\nTo: aws-abuse@example.com\r\nSubject: {marker}\r\nMessage-ID: <{marker}@example.net>\r\n"
    );
    match kind {
        0 => format!(
            "{head}Content-Type: text/plain\r\n\r\n{}\r\n",
            "<!channel> `rm -rf /` \u{202e} ".repeat(2_000)
        )
        .into_bytes(),
        1 => {
            let deep: String = (0..200)
                .map(|depth| {
                    format!("Content-Type: multipart/mixed; boundary=b{depth}\r\n\r\n--b{depth}\r\n")
                })
                .collect();
            format!("{head}{deep}").into_bytes()
        }
        2 => {
            let mut bytes = format!("{head}Content-Type: application/octet-stream\r\n\r\n").into_bytes();
            bytes.extend((0..60_000u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8));
            bytes
        }
        3 => format!("{head}Content-Type: application/json\r\n\r\n{}", "[".repeat(60_000)).into_bytes(),
        _ => format!("{head}\r\n").into_bytes(),
    }
}
