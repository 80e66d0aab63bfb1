//! What the bot itself takes of the time to know: one notice, two thousand, a thousand hosts, hundreds of places.
//!
//! The program that is shipped runs beside stand-ins that answer from memory ([`crate::standins::cloud`], Slack), so that
//! it and not they are what is measured. Hosts answer with what a real recorder kept of a real scan.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context as _;

use super::Bench;
use super::context::Context;
use super::row::Row;
use crate::lab::wait_until;
use crate::serving::ACCUSED;
use crate::serving::Serving;
use crate::serving::Settings;
use crate::serving::busy;
use crate::serving::culprits;
use crate::serving::hosts;
use crate::serving::is_right;
use crate::serving::notice;
use crate::serving::terms;
use crate::standins::Moment;
use crate::standins::cloud::Host;
use crate::standins::cloud::Nat;
use crate::standins::cloud::OWN_ACCOUNT;
use crate::standins::cloud::Script;
use crate::standins::cloud::Terms;

/// Where the recorded notice says what is left out for a search everywhere.
const WHERE: &str = "AWS ID: 111122223333    Region: us-east-1    ";

/// The bot's own time from a notice received to the report posted, ms.
const OWN_MAX_MS: f64 = 150.0;
/// In all, where SSM has the answer after a second, s.
const WHOLE_MAX_S: f64 = 1.6;
const CPU_MAX_MS: f64 = 15.0;
const MANY_RSS_MAX_MB: f64 = 200.0;
const FAN_OUT_MAX_S: f64 = 60.0;
const FAN_OUT_RSS_MAX_MB: f64 = 300.0;
const LOCATE_MAX_S: f64 = 30.0;
const AT_ONCE_MAX: f64 = 16.0;

const NOTICES: u32 = 2_000;
const HOSTS: usize = 1_000;
const ACCOUNTS: usize = 50;
const REGIONS: [&str; 17] = [
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "ca-central-1",
    "eu-central-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eu-north-1",
    "ap-south-1",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-southeast-1",
    "ap-southeast-2",
    "sa-east-1",
];

const REPORT_MAX: Duration = Duration::from_secs(120);
const ALL_MAX: Duration = Duration::from_secs(900);

/// What is measured of the bot.
#[derive(Debug, Clone, Copy)]
pub enum Bot {
    /// One notice after the other.
    Answer,
    /// Two thousand at once.
    Many,
    /// A thousand busy hosts behind one gateway.
    FanOut,
    /// An address that may be anywhere.
    Locate,
}

impl Bench for Bot {
    fn name(&self) -> String {
        match self {
            Self::Answer => "bot.answer",
            Self::Many => "bot.many",
            Self::FanOut => "bot.fan_out",
            Self::Locate => "bot.locate",
        }
        .to_owned()
    }

    fn about(&self) -> String {
        match self {
            Self::Answer => {
                "notices one by one: the bot's own time, and all of it with SSM's answer after 1 s".to_owned()
            }
            Self::Many => format!("{NOTICES} notices at once, a tenth of them duplicates"),
            Self::FanOut => {
                format!("the one of {HOSTS} busy hosts behind a NAT gateway, at 10 SSM calls a second")
            }
            Self::Locate => {
                format!("an address in one of {ACCOUNTS} accounts and {} regions, cold", REGIONS.len())
            }
        }
    }

    fn rows(&self, context: &Context) -> anyhow::Result<Vec<Row>> {
        match self {
            Self::Answer => answer(context),
            Self::Many => many(context),
            Self::FanOut => fan_out(context),
            Self::Locate => locate(context),
        }
    }
}

fn answer(context: &Context) -> anyhow::Result<Vec<Row>> {
    let count = if context.effort.quick { 3 } else { 20 };
    let own = answers(count, Duration::ZERO)?;
    let own = own.into_iter().map(|seconds| seconds * 1_000.0).collect();
    let whole = answers(count, Duration::from_secs(1))?;
    Ok(vec![
        Row::median("bot.answer.own", "ms", own).at_most(OWN_MAX_MS),
        Row::median("bot.answer.whole", "s", whole).at_most(WHOLE_MAX_S),
    ])
}

/// From received to reported, s, of so many notices one after the other. Where SSM has its answer at once, the time from
/// the command to the answer is left out: the host and SSM are at work then, or the bot waits to ask again.
fn answers(count: usize, wait: Duration) -> anyhow::Result<Vec<f64>> {
    let hosts = hosts(count);
    let latency = if wait.is_zero() { Duration::ZERO } else { Duration::from_millis(20) };
    let visible_after = wait.mul_f64(0.3);
    let terms = Terms { latency, visible_after, answers_after: wait, ..terms(hosts.clone(), culprits()) };
    let serving = Serving::start(&gumshoe()?, terms, &Settings::default())?;
    let waited = Arc::new(Mutex::new((None, None)));
    let noted = Arc::clone(&waited);
    serving.cloud.on_call(Some(Arc::new(move |operation: &str, moment| {
        let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
        match (operation, moment) {
            ("SendCommand", Moment::Done) => *noted = (Some(Instant::now()), None),
            ("GetCommandInvocation", Moment::Done) => noted.1 = Some(Instant::now()),
            _ => {}
        }
        true
    })));
    let mut samples = Vec::new();
    for (number, host) in hosts.iter().enumerate() {
        serving.cloud.send(&notice(number, host.public.unwrap_or(ACCUSED))?);
        let report = serving.report(number, REPORT_MAX)?;
        let received = serving.cloud.received()[number].context("it was not received")?;
        let mut taken = report.changed.duration_since(received);
        if wait.is_zero() {
            let (sent, got) = *waited.lock().unwrap_or_else(PoisonError::into_inner);
            let at_work = got.zip(sent).map(|(got, sent): (Instant, Instant)| got.duration_since(sent));
            taken = taken.saturating_sub(at_work.unwrap_or_default());
        }
        samples.push(taken.as_secs_f64());
    }
    serving.end()?;
    Ok(samples)
}

fn many(context: &Context) -> anyhow::Result<Vec<Row>> {
    let notices = context.effort.size(NOTICES) as usize;
    // Every ninth comes twice.
    let Flood { wrong, cpu_ms, rss_mb, taken_s, cases } = flood(notices - notices / 10, Some(9))?;
    eprintln!("bot.many: {cases} cases in {taken_s:.1} s");
    Ok(vec![
        Row::of("bot.many.wrong", Some(wrong as f64), "", Vec::new()).at_most(0.0),
        Row::of("bot.many.cpu", Some(cpu_ms), "ms a case", Vec::new()).at_most(CPU_MAX_MS),
        Row::of("bot.many.rss", Some(rss_mb), "MB", Vec::new()).at_most(MANY_RSS_MAX_MB),
        Row::of("bot.many.rate", Some(cases as f64 / taken_s), "cases a second", Vec::new()),
    ])
}

/// What became of many notices at once.
pub(super) struct Flood {
    /// Cases that are not there once, or do not name who did it.
    pub wrong: usize,
    /// CPU time a case, ms.
    pub cpu_ms: f64,
    /// The most memory, MB.
    pub rss_mb: f64,
    /// Until all were reported, s.
    pub taken_s: f64,
    /// How many cases there were to be.
    pub cases: usize,
}

/// Sends the notices of so many cases at once, each of a host of its own; every so many come twice, where that is said.
pub(super) fn flood(cases: usize, twice: Option<usize>) -> anyhow::Result<Flood> {
    let hosts = hosts(cases);
    let settings = Settings { limits: "concurrency = 16\n".to_owned(), ..Settings::default() };
    let serving = Serving::start(&gumshoe()?, terms(hosts.clone(), culprits()), &settings)?;
    let before = serving.bot.cpu_s()?;
    let begun = Instant::now();
    for (number, host) in hosts.iter().enumerate() {
        let notice = notice(number, host.public.unwrap_or(ACCUSED))?;
        serving.cloud.send(&notice);
        if twice.is_some_and(|every| number.is_multiple_of(every)) {
            serving.cloud.send(&notice);
        }
    }
    wait_until("all notices to be worked on", ALL_MAX, || serving.cloud.left() == 0)?;
    let taken_s = begun.elapsed().as_secs_f64();
    let cpu_ms = (serving.bot.cpu_s()? - before) * 1_000.0 / cases as f64;
    let reports = serving.reports();
    let read: Vec<(bool, String)> = reports.iter().map(|one| (is_right(one), one.read())).collect();
    let named = |host: &Host| {
        let mine: Vec<bool> =
            read.iter().filter(|(_, text)| text.contains(&host.id)).map(|(right, _)| *right).collect();
        mine == [true]
    };
    let wrong = hosts.iter().filter(|host| !named(host)).count() + reports.len().abs_diff(cases);
    let rss_mb = serving.end()?;
    Ok(Flood { wrong, cpu_ms, rss_mb, taken_s, cases })
}

fn fan_out(context: &Context) -> anyhow::Result<Vec<Row>> {
    let found = one_behind(if context.effort.quick { 120 } else { HOSTS })?;
    let wrong = f64::from(u8::from(found.wrong));
    Ok(vec![
        Row::of("bot.fan_out.wrong", Some(wrong), "", Vec::new()).at_most(0.0),
        Row::of("bot.fan_out.s", Some(found.taken_s), "s", Vec::new()).at_most(FAN_OUT_MAX_S),
        Row::of("bot.fan_out.rss", Some(found.rss_mb), "MB", Vec::new()).at_most(FAN_OUT_RSS_MAX_MB),
    ])
}

/// What became of the search for one host among many.
pub(super) struct Found {
    /// Whether another was named, or none.
    pub wrong: bool,
    /// From received to reported, s.
    pub taken_s: f64,
    /// The most memory, MB.
    pub rss_mb: f64,
}

/// Has the bot find the one of so many busy hosts behind one gateway that did it.
pub(super) fn one_behind(count: usize) -> anyhow::Result<Found> {
    let mut behind = hosts(count);
    for host in &mut behind {
        host.public = None;
        host.subnet = "subnet-behind".to_owned();
    }
    let culprit = behind[behind.len() * 2 / 3].id.clone();
    let nat = Nat {
        id: "nat-0123456789abcdef0".to_owned(),
        account: OWN_ACCOUNT.to_owned(),
        region: REGIONS[0].to_owned(),
        public: ACCUSED,
        behind: "subnet-behind".to_owned(),
    };
    let did_it = culprit.clone();
    let (scan, busy) = (culprits(), busy());
    let script: Script =
        Arc::new(move |id, query| if id == did_it { scan(id, query) } else { busy(id, query) });
    let terms = Terms {
        latency: Duration::from_millis(20),
        ssm_calls_a_second: Some(10.0),
        visible_after: Duration::from_millis(300),
        answers_after: Duration::from_secs(1),
        nats: vec![nat],
        ..terms(behind, script)
    };
    let serving = Serving::start(&gumshoe()?, terms, &Settings::default())?;
    serving.cloud.send(&notice(0, ACCUSED)?);
    let report = serving.report(0, REPORT_MAX)?;
    let received = serving.cloud.received()[0].context("it was not received")?;
    let taken_s = report.changed.duration_since(received).as_secs_f64();
    let wrong = !is_right(&report) || !report.read().contains(&culprit);
    eprintln!("  {count} hosts: {:?}", serving.cloud.calls());
    let rss_mb = serving.end()?;
    Ok(Found { wrong, taken_s, rss_mb })
}

fn locate(context: &Context) -> anyhow::Result<Vec<Row>> {
    let accounts = if context.effort.quick { 5 } else { ACCOUNTS };
    let id = |number: usize| format!("{:012}", 222_200_000_000_u64 + number as u64);
    let mut hosts = hosts(1);
    hosts[0].account = id(accounts * 3 / 4);
    hosts[0].region = REGIONS[11].to_owned();
    let accused = hosts[0].public.unwrap_or(ACCUSED);
    let culprit = hosts[0].id.clone();
    let terms = Terms { latency: Duration::from_millis(50), ..terms(hosts, culprits()) };
    let entry = |number: usize| {
        let id = id(number);
        format!(
            "[[accounts]]\nid = \"{id}\"\nrole_arn = \"arn:aws:iam::{id}:role/gumshoe\"\n\
             external_id = \"gumshoe\"\n"
        )
    };
    let settings = Settings {
        regions: REGIONS.map(str::to_owned).to_vec(),
        limits: "sweep_s = 300\n".to_owned(),
        more: (0..accounts).map(entry).collect(),
        socket_mode: false,
    };
    let serving = Serving::start(&gumshoe()?, terms, &settings)?;
    // Nobody says in which account or region it is.
    let mail = notice(0, accused)?.replace(WHERE, "").replace(&format!(" [AWS ID {OWN_ACCOUNT}]"), "");
    serving.cloud.send(&mail);
    let report = serving.report(0, REPORT_MAX)?;
    let received = serving.cloud.received()[0].context("it was not received")?;
    let asked = serving.cloud.first("DescribeInstanceInformation").context("no host was asked")?;
    let wrong = !is_right(&report) || !report.read().contains(&culprit);
    let at_once = serving.cloud.most_at_once() as f64;
    eprintln!("bot.locate: {:?}", serving.cloud.calls());
    serving.end()?;
    let taken = asked.duration_since(received).as_secs_f64();
    Ok(vec![
        Row::of("bot.locate.wrong", Some(f64::from(u8::from(wrong))), "", Vec::new()).at_most(0.0),
        Row::of("bot.locate.s", Some(taken), "s", Vec::new()).at_most(LOCATE_MAX_S),
        Row::of("bot.locate.at_once", Some(at_once), "calls an account", Vec::new()).at_most(AT_ONCE_MAX),
    ])
}

/// The bot that lies beside this program.
pub(super) fn gumshoe() -> anyhow::Result<std::path::PathBuf> {
    let path = std::env::current_exe()?.with_file_name("gumshoe");
    anyhow::ensure!(path.exists(), "{} is not built: use `make bench`", path.display());
    Ok(path)
}
